/* SPDX-License-Identifier: Apache-2.0
 * Looking into JSON that somebody else wrote, without a copy and without allocation (RFC 8259).
 *
 * For the wrappers that forwarders put around a log line: a few known keys are wanted, the rest is
 * passed over. Values are slices of the text. The grammar is checked as far as it is walked;
 * nesting is capped. */
#ifndef CMG_CORE_JSONREAD_H
#define CMG_CORE_JSONREAD_H

#include "core/buf.h"

enum { CMG_JSON_DEPTH_MAX = 64 };

enum cmg_json_type {
    CMG_JSON_NULL,
    CMG_JSON_FALSE,
    CMG_JSON_TRUE,
    CMG_JSON_NUMBER,
    CMG_JSON_STRING,
    CMG_JSON_ARRAY,
    CMG_JSON_OBJECT
};

struct cmg_json_value {
    enum cmg_json_type type;
    cmg_str raw;  /* a string without its quotes, escapes as they stand; all else whole */
    bool escaped; /* a string with at least one backslash */
};

/* Walks the members of an object, or the elements of an array (keys empty). */
struct cmg_json_walk {
    cmg_str text;
    size_t at, end; /* end: behind the closing bracket, once it was met */
    bool object, first, broken;
};

/* One value at the front of `text` (white space around it is passed over); *ret_end is behind it.
 * False: none is there, or it is no JSON. */
CMG_MUST_USE bool cmg_json_read(cmg_str text, struct cmg_json_value *ret, size_t *ret_end);
/* `container` is the raw of an ARRAY or OBJECT. */
struct cmg_json_walk cmg_json_walk(cmg_str container);
/* False: no further member. A text that was read by cmg_json_read is sound and never breaks off;
 * another one is sound when the walk met its end. */
bool cmg_json_next(struct cmg_json_walk *w, struct cmg_json_value *ret_key,
                   struct cmg_json_value *ret_value);

/* Appends the string's text. Lone surrogates become U+FFFD and are counted. Bytes that are no UTF-8
 * are passed on as they are: who decodes the text behind knows what to make of them. */
CMG_MUST_USE enum cmg_rc cmg_json_unescape(cmg_str raw, struct cmg_buf *out, size_t *ret_replaced);
/* An integer, also one in a string, also with an exponent-free ".0" behind it. False: not one, or
 * past 64 bits. */
CMG_MUST_USE bool cmg_json_int(const struct cmg_json_value *v, int64_t *ret);
/* Does the key or value read `s`? Only for strings without escapes. */
static inline bool cmg_json_is(const struct cmg_json_value *v, cmg_str s)
{
    return v->type == CMG_JSON_STRING && !v->escaped && cmg_str_eq(v->raw, s);
}

#endif
