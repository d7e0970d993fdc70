/* SPDX-License-Identifier: Apache-2.0
 * MessagePack (the specification of msgpack.org, with the timestamp and other extensions as plain
 * EXT).
 *
 * Reading: one token at a time. An array or map token says how many elements follow; the caller
 * reads or skips them. Every length is checked against what is left, nothing recurses, nothing is
 * allocated. Writing: appended to a cmg_buf; the shortest form is taken. */
#ifndef CMG_CORE_MSGPACK_H
#define CMG_CORE_MSGPACK_H

#include "core/buf.h"

enum cmg_mp_type {
    CMG_MP_NIL,
    CMG_MP_BOOL,
    CMG_MP_UINT,  /* u */
    CMG_MP_INT,   /* i, always negative */
    CMG_MP_FLOAT, /* d */
    CMG_MP_STR,   /* s */
    CMG_MP_BIN,   /* s */
    CMG_MP_EXT,   /* s, ext */
    CMG_MP_ARRAY, /* n elements follow */
    CMG_MP_MAP,   /* n pairs follow */
};

struct cmg_mp_token {
    enum cmg_mp_type type;
    int8_t ext;
    union {
        bool b;
        uint64_t u;
        int64_t i;
        double d;
        uint32_t n;
        cmg_str s; /* slice into what is read */
    };
};

/* The next token; *rest moves behind it. False, with *rest as it was: cut short, or 0xC1, which is
 * never used. Of an array or map at least one byte for each element is there. */
CMG_MUST_USE bool cmg_mp_next(cmg_str *rest, struct cmg_mp_token *ret);
/* Behind one whole object with all that is in it. False leaves *rest. */
CMG_MUST_USE bool cmg_mp_skip(cmg_str *rest);
/* The same, and says which bytes it took. */
CMG_MUST_USE bool cmg_mp_object(cmg_str *rest, cmg_str *ret_bytes);
/* The next pair of a map behind its token: the bytes of key and value, and the key's text when it
 * is a STR (else its ptr is NULL). */
CMG_MUST_USE bool cmg_mp_pair(cmg_str *rest, cmg_str *ret_key, cmg_str *ret_text,
                              cmg_str *ret_value);
/* The value of a text key in the map at the front of `map`, as a slice that begins with its token.
 * False: no such key, or no sound map. */
CMG_MUST_USE bool cmg_mp_find(cmg_str map, cmg_str key, cmg_str *ret_value);

/* Each appends one token, all or nothing; STR, BIN and EXT with their bytes, ARRAY and MAP without
 * their elements. */
CMG_MUST_USE enum cmg_rc cmg_mp_nil(struct cmg_buf *out);
CMG_MUST_USE enum cmg_rc cmg_mp_bool(struct cmg_buf *out, bool v);
CMG_MUST_USE enum cmg_rc cmg_mp_uint(struct cmg_buf *out, uint64_t v);
CMG_MUST_USE enum cmg_rc cmg_mp_int(struct cmg_buf *out, int64_t v);
CMG_MUST_USE enum cmg_rc cmg_mp_float(struct cmg_buf *out, double v);
CMG_MUST_USE enum cmg_rc cmg_mp_str(struct cmg_buf *out, cmg_str s);
/* One STR of two parts. */
CMG_MUST_USE enum cmg_rc cmg_mp_joined(struct cmg_buf *out, cmg_str head, cmg_str tail);
CMG_MUST_USE enum cmg_rc cmg_mp_bin(struct cmg_buf *out, cmg_str s);
CMG_MUST_USE enum cmg_rc cmg_mp_ext(struct cmg_buf *out, int8_t type, cmg_str s);
CMG_MUST_USE enum cmg_rc cmg_mp_array(struct cmg_buf *out, uint32_t n);
CMG_MUST_USE enum cmg_rc cmg_mp_map(struct cmg_buf *out, uint32_t n);

/* Only the header of a STR of `n` bytes, into room that the caller made: at most CMG_MP_HEAD_MAX
 * bytes. */
enum { CMG_MP_HEAD_MAX = 5 };
char *cmg_mp_str_head(char *p, uint32_t n);

/* A map whose size shows only at its end. open: the place to give to close, which fills in the
 * number of pairs. */
enum { CMG_MP_OPEN_SIZE = 3, CMG_MP_OPEN_MAX = 65535 };
CMG_MUST_USE enum cmg_rc cmg_mp_map_open(struct cmg_buf *out, size_t *ret_at);
void cmg_mp_map_close(struct cmg_buf *out, size_t at, uint16_t pairs);

#endif
