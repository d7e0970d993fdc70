/* SPDX-License-Identifier: Apache-2.0
 * Slices: looking at bytes that belong to somebody else. Everything is inline and allocates
 * nothing. */
#ifndef CMG_CORE_STR_H
#define CMG_CORE_STR_H

#include "cmgpipe.h"

#include <string.h>

#define CMG_LIT(s)   ((cmg_str){"" s "", sizeof(s) - 1})
#define CMG_STR_NPOS ((size_t)-1)

/* Words of our own: constant text that needs no escape and can be copied sixteen bytes at a time,
 * however short it is. */
enum { CMG_WORD_MAX = 48, CMG_WORD_ROOM = 16 };
#define CMG_WORD(s)                                                                                \
    {                                                                                              \
        (const char[CMG_WORD_ROOM]){"" s}, sizeof(s) - 1                                           \
    }

static inline cmg_str cmg_str_of(const char *ptr, size_t len)
{
    return (cmg_str){ptr, len};
}

/* A NUL-terminated string; NULL gives the empty slice. */
static inline cmg_str cmg_str_c(const char *s)
{
    return (cmg_str){s, s ? strlen(s) : 0};
}

/* From `at` to the end; empty when `at` is past it. */
static inline cmg_str cmg_str_from(cmg_str s, size_t at)
{
    if (at < s.len)
        return (cmg_str){s.ptr + at, s.len - at};
    return (cmg_str){s.len ? s.ptr + s.len : s.ptr, 0}; /* NULL + 0 is undefined in C11 */
}

/* The first `n` bytes, or all. */
static inline cmg_str cmg_str_head(cmg_str s, size_t n)
{
    return (cmg_str){s.ptr, n < s.len ? n : s.len};
}

/* [from, to); both are clipped. */
static inline cmg_str cmg_str_cut(cmg_str s, size_t from, size_t to)
{
    return cmg_str_from(cmg_str_head(s, to), from);
}

static inline bool cmg_str_eq(cmg_str a, cmg_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool cmg_str_starts(cmg_str s, cmg_str head)
{
    return s.len >= head.len && (head.len == 0 || memcmp(s.ptr, head.ptr, head.len) == 0);
}

static inline bool cmg_str_ends(cmg_str s, cmg_str tail)
{
    return s.len >= tail.len &&
           (tail.len == 0 || memcmp(s.ptr + s.len - tail.len, tail.ptr, tail.len) == 0);
}

/* Index of the first `c`, or CMG_STR_NPOS. */
static inline size_t cmg_str_chr(cmg_str s, char c)
{
    const char *p = s.len ? memchr(s.ptr, c, s.len) : NULL;
    return p ? (size_t)(p - s.ptr) : CMG_STR_NPOS;
}

/* Index of the first `needle` (not empty), or CMG_STR_NPOS. */
static inline size_t cmg_str_find(cmg_str s, cmg_str needle)
{
    const char *p =
        s.len >= needle.len && needle.len ? memmem(s.ptr, s.len, needle.ptr, needle.len) : NULL;
    return p ? (size_t)(p - s.ptr) : CMG_STR_NPOS;
}

/* ASCII only: the logs' own words are. Never asks the locale. */
static inline char cmg_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static inline bool cmg_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool cmg_is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline bool cmg_is_alnum(char c)
{
    return cmg_is_digit(c) || (cmg_lower(c) >= 'a' && cmg_lower(c) <= 'z');
}

/* 0..15, or -1. */
static inline int cmg_hex_digit(char c)
{
    if (cmg_is_digit(c))
        return c - '0';
    c = cmg_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static inline bool cmg_str_ieq(cmg_str a, cmg_str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (cmg_lower(a.ptr[i]) != cmg_lower(b.ptr[i]))
            return false;
    return true;
}

static inline bool cmg_str_istarts(cmg_str s, cmg_str head)
{
    return s.len >= head.len && cmg_str_ieq(cmg_str_head(s, head.len), head);
}

static inline cmg_str cmg_str_trim(cmg_str s)
{
    while (s.len && cmg_is_space(s.ptr[0]))
        s.ptr++, s.len--;
    while (s.len && cmg_is_space(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

#endif
