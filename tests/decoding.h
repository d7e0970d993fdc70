/* SPDX-License-Identifier: Apache-2.0
 * Calling one decoder by hand, for tests and fuzz targets. */
#ifndef CMG_TESTS_DECODING_H
#define CMG_TESTS_DECODING_H

#include "decoders/decoder.h"

#include <stdlib.h>

/* An event as the stream hands it to a decoder. */
static inline struct cmg_event empty_event(void)
{
    struct cmg_event ev;
    memset(&ev, 0, sizeof ev);
    ev.http = (struct cmg_http){
        .status = -1, .substatus = -1, .port = -1, .win32 = -1, .time_taken_ms = -1};
    return ev;
}

/* The value of an attribute; a slice with a NULL pointer when there is none. */
static inline cmg_str attr_of(const struct cmg_event *ev, const char *name)
{
    for (size_t i = 0; i < ev->attrs; i++)
        if (cmg_str_eq(ev->attr[i].name, cmg_str_c(name)))
            return ev->attr[i].value;
    return (cmg_str){NULL, 0};
}

static inline bool is_text(cmg_str s, const char *expected)
{
    return cmg_str_eq(s, cmg_str_c(expected ? expected : ""));
}

/* A small deterministic generator (xorshift64*). */
static inline uint32_t next_random(uint64_t *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return (uint32_t)((*seed * UINT64_C(2685821657736338717)) >> 32);
}

/* A copy in a block of exactly its size, where a sanitizer sees the first byte read too far. */
static inline cmg_str exact_copy(cmg_str s)
{
    char *p = malloc(s.len ? s.len : 1);
    if (!p)
        abort();
    if (s.len)
        memcpy(p, s.ptr, s.len);
    return cmg_str_of(p, s.len);
}

#endif
