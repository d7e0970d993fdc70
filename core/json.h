/* SPDX-License-Identifier: Apache-2.0
 * JSON text, written straight into a buffer: no tree, no printf, nothing allocated but the buffer.
 *
 * The writer's position travels as a plain `char *` in and out of each call, so that it stays in a
 * register between the many small copies of a record. Two promises make unchecked copies safe:
 * begin and every text leave at least `margin` bytes free behind the position. So all that a caller
 * writes by itself between begin and end may come to `margin` bytes. A failure is remembered, not
 * returned: texts may be left out then, and end reports it with the buffer as it was.
 *
 * The margin is room, not part of the result: where the buffer's cap leaves no room for it, writing
 * goes on in a buffer of its own, and end copies what it came to if that fits. Texts must be valid
 * UTF-8. */
#ifndef CMG_CORE_JSON_H
#define CMG_CORE_JSON_H

#include "core/buf.h"

/* EXCESS: what a text may write too far, and a short one in a window read. */
enum { CMG_JSON_U64_MAX = 20, CMG_JSON_EXCESS = 32 };

struct cmg_json {
    struct cmg_buf *out;
    struct cmg_buf *to; /* where writing is: out, or draft once it came too close to out's cap */
    struct cmg_buf draft;
    char *end;        /* of the room behind to->len, without the margin */
    uintptr_t window; /* texts that begin in the `wide` bytes from here on can be read further */
    size_t wide;
    size_t margin;
    enum cmg_rc rc;
};

/* What the inline functions below leave to do. */
char *cmg_json_grow(struct cmg_json *j, char *p, size_t more);
enum cmg_rc cmg_json_settle(struct cmg_json *j, const char *p);

/* The position to write at. NULL when there is no memory at all: ask cmg_json_end then, and nothing
 * else. */
static inline char *cmg_json_begin(struct cmg_json *j, struct cmg_buf *out, size_t margin)
{
    j->out = j->to = out;
    j->margin = margin + CMG_JSON_EXCESS;
    j->window = j->wide = 0;
    j->rc = CMG_OK;
    j->end = NULL;
    if (out->size - out->len < j->margin)
        return cmg_json_grow(j, NULL, 0);
    j->end = out->ptr + out->size - j->margin;
    return out->ptr + out->len;
}

/* Takes over what was written up to `p`, or, after a failure, nothing. */
CMG_MUST_USE static inline enum cmg_rc cmg_json_end(struct cmg_json *j, const char *p)
{
    if (j->rc != CMG_OK || j->to != j->out)
        return cmg_json_settle(j, p);
    j->out->len = (size_t)(p - j->out->ptr);
    return CMG_OK;
}

/* All of `readable` may be read whenever a text in it is asked for: short ones are quicker so. */
static inline void cmg_json_window(struct cmg_json *j, cmg_str readable)
{
    j->window = (uintptr_t)readable.ptr;
    j->wide = readable.len >= CMG_JSON_EXCESS ? readable.len - CMG_JSON_EXCESS + 1 : 0;
}
/* `s` with quotes, backslashes and C0 controls escaped, without quotes around it. */
char *cmg_json_text(struct cmg_json *j, char *p, cmg_str s);
/* Writes into CMG_JSON_U64_MAX bytes, and says where the number ends in them. */
char *cmg_json_u64(char *p, uint64_t v);
/* Appends `s` as a JSON string, quotes included. All or nothing. */
CMG_MUST_USE enum cmg_rc cmg_json_add(struct cmg_buf *out, cmg_str s);

#endif
