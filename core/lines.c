/* SPDX-License-Identifier: Apache-2.0
 * Finding lines in bytes of unknown encoding, as they come. */
#include "core/lines.h"

#include <stdlib.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { ROOM_MIN = 4 << 10, PEEK = 4 };

void cmg_lines_done(struct cmg_lines *l)
{
    free(l->kept);
    free(l->ptr);
    *l = (struct cmg_lines){0};
}

void cmg_lines_unpin(struct cmg_lines *l)
{
    free(l->kept);
    l->kept = NULL;
    l->pin = false;
}

/* Positions count from what was `start`. */
static void rebase(struct cmg_lines *l)
{
    l->base += l->start;
    l->line -= l->start;
    l->scan = l->scan > l->start ? l->scan - l->start : 0;
    l->end -= l->start;
    l->start = 0;
}

static size_t size_for(const struct cmg_lines *l, size_t need)
{
    size_t size = need < ROOM_MIN ? ROOM_MIN : need;
    return size < l->size + l->size / 2 && need > l->size ? l->size + l->size / 2 : size;
}

/* Into a block of its own: the old one is pinned. */
static bool move_away(struct cmg_lines *l, size_t want)
{
    size_t held = l->end - l->start, size = size_for(l, held + want);
    char *p = malloc(size);
    if (!p)
        return false;
    if (held && l->ptr)
        memcpy(p, l->ptr + l->start, held);
    rebase(l);
    l->kept = l->ptr;
    l->ptr = p;
    l->size = size;
    l->pin = false;
    return true;
}

static bool grow(struct cmg_lines *l, size_t want)
{
    size_t size = size_for(l, l->end + want);
    char *p = realloc(l->ptr, size);
    if (!p)
        return false;
    l->ptr = p;
    l->size = size;
    return true;
}

char *cmg_lines_room(struct cmg_lines *l, size_t want)
{
    if (l->ptr && l->size - l->end >= want)
        return l->ptr + l->end;
    if (want > SIZE_MAX / 4 - l->end)
        return NULL;
    if (l->pin)
        return move_away(l, want) ? l->ptr + l->end : NULL;
    if (l->ptr && l->start) {
        memmove(l->ptr, l->ptr + l->start, l->end - l->start);
        rebase(l);
    }
    if ((!l->ptr || l->size - l->end < want) && !grow(l, want))
        return NULL;
    return l->ptr + l->end;
}

/* A byte that an ANSI or UTF-8 log line begins with, and that makes no letter of the logs' scripts
 * when it stands in the high half of a UTF-16 unit. */
static bool is_text_byte(unsigned char c)
{
    return (c >= 0x20 && c < 0x7f) || c == '\t' || c == '\r' || c == '\n';
}

/* How many bytes at the front of a line tell its width. */
static size_t needed(const struct cmg_lines *l, const unsigned char *p, size_t n)
{
    if (l->width == CMG_BYTES)
        return n && p[0] != 0xff && p[0] != 0xfe ? 1 : 2;
    return n >= 2 && (!p[0] || !p[1]) ? 2 : PEEK;
}

/* Does the line begin in another width than the one before it? A UTF-16 byte order mark opens
 * UTF-16; four ASCII bytes without a NUL among them close it (PowerShell's Out-File and Add-Content
 * write one file in two encodings). False: too few bytes to say. */
static bool settle_width(struct cmg_lines *l)
{
    size_t n = l->end - l->line;
    const unsigned char *p = (const unsigned char *)l->ptr + l->line;
    if (n < needed(l, p, n) && !l->final)
        return false;
    if (n >= 2 && p[0] == 0xff && p[1] == 0xfe)
        l->width = CMG_UTF16LE;
    else if (n >= 2 && p[0] == 0xfe && p[1] == 0xff)
        l->width = CMG_UTF16BE;
    else if (l->width != CMG_BYTES && n >= PEEK && is_text_byte(p[0]) && is_text_byte(p[1]) &&
             is_text_byte(p[2]) && is_text_byte(p[3]))
        l->width = CMG_BYTES;
    return true;
}

/* UTF-16 without a mark: in [p, p + n), n >= 4, three of four units at least have a NUL in the half
 * `zero`, none in the other. */
static bool looks_wide(const char *p, size_t n, size_t zero)
{
    size_t units = n / 2, zeros = 0;
    for (size_t i = 0; i + 1 < n; i += 2) {
        zeros += p[i + zero] == 0;
        if (p[i + !zero] == 0)
            return false;
    }
    return units >= 2 && zeros * 4 >= units * 3;
}

/* The line feed at `nl` may be half of a UTF-16 one. +1: it is, and the width was changed; 0: it is
 * a plain line feed; -1: the byte behind it decides and is not there. */
static int widen(struct cmg_lines *l, size_t nl)
{
    const char *p = l->ptr + l->line;
    size_t n = nl - l->line;
    if (n < 4 || (p[0] && p[1]))
        return 0;
    if (n % 2 == 0 && looks_wide(p, n, 1)) {
        if (nl + 1 == l->end && !l->final)
            return -1;
        if (nl + 1 < l->end && l->ptr[nl + 1] == 0)
            l->width = CMG_UTF16LE;
    } else if (n % 2 == 1 && p[n - 1] == 0 && looks_wide(p, n - 1, 0)) {
        l->width = CMG_UTF16BE;
    }
    return l->width != CMG_BYTES;
}

/* The content of the line is [line, line + len) when it may have `max` bytes: never cuts a UTF-8
 * character or a UTF-16 unit or pair in two. */
static size_t cut_at(const struct cmg_lines *l, size_t max)
{
    const char *p = l->ptr + l->line;
    if (l->width == CMG_BYTES) {
        size_t n = max - cmg_utf8_cut(cmg_str_of(p, max));
        return n ? n : max;
    }
    size_t n = max & ~(size_t)1;
    if (n >= 4) {
        unsigned char high = (unsigned char)p[n - 2 + (l->width == CMG_UTF16LE)];
        if (high >= 0xd8 && high <= 0xdb)
            n -= 2;
    }
    return n ? n : 2;
}

static size_t unit(const struct cmg_lines *l)
{
    return l->width == CMG_BYTES ? 1 : 2;
}

static bool is_unit(const struct cmg_lines *l, size_t at, char c)
{
    const char *p = l->ptr + at;
    switch (l->width) {
    case CMG_BYTES:
        return p[0] == c;
    case CMG_UTF16LE:
        return p[0] == c && p[1] == 0;
    case CMG_UTF16BE:
        return p[0] == 0 && p[1] == c;
    }
    return false;
}

/* Index of the first line feed of [p, p + n), or CMG_STR_NPOS. *ret_plain: everything before it is
 * ASCII without NUL. The two are asked of every byte of a log, so they share one pass. */
#ifdef __SSE2__
static inline __m128i block_at(const char *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* Bit i: p[i] is a line feed, or of those that are ASCII and not NUL; 16 bytes. */
static inline uint64_t feeds_at(const char *p)
{
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(block_at(p), _mm_set1_epi8('\n')));
}

static inline uint64_t plain_at(const char *p)
{
    return (unsigned)_mm_movemask_epi8(_mm_cmpgt_epi8(block_at(p), _mm_setzero_si128()));
}

/* The first feed of 64 bytes that hold one; *plain stays true where all before it is. */
static inline size_t settle_block(const char *p, bool *plain)
{
    uint64_t feeds =
        feeds_at(p) | feeds_at(p + 16) << 16 | feeds_at(p + 32) << 32 | feeds_at(p + 48) << 48;
    uint64_t good =
        plain_at(p) | plain_at(p + 16) << 16 | plain_at(p + 32) << 32 | plain_at(p + 48) << 48;
    uint64_t before = (feeds & -feeds) - 1;
    *plain &= (good & before) == before;
    return (size_t)__builtin_ctzll(feeds);
}

static inline size_t first_feed(const char *p, size_t n, bool *ret_plain)
{
    const __m128i feed = _mm_set1_epi8('\n'), zero = _mm_setzero_si128();
    __m128i plain = _mm_set1_epi8(-1);
    for (size_t at = 0; at + 64 <= n; at += 64) {
        __m128i a = block_at(p + at), b = block_at(p + at + 16);
        __m128i c = block_at(p + at + 32), d = block_at(p + at + 48);
        __m128i hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(a, feed), _mm_cmpeq_epi8(b, feed)),
                                   _mm_or_si128(_mm_cmpeq_epi8(c, feed), _mm_cmpeq_epi8(d, feed)));
        if (_mm_movemask_epi8(hit)) {
            *ret_plain = _mm_movemask_epi8(plain) == 0xffff;
            return at + settle_block(p + at, ret_plain);
        }
        plain = _mm_and_si128(
            plain, _mm_and_si128(_mm_and_si128(_mm_cmpgt_epi8(a, zero), _mm_cmpgt_epi8(b, zero)),
                                 _mm_and_si128(_mm_cmpgt_epi8(c, zero), _mm_cmpgt_epi8(d, zero))));
    }
    *ret_plain = false;
    size_t at = n & ~(size_t)63;
    const char *hit = n > at ? memchr(p + at, '\n', n - at) : NULL;
    return hit ? (size_t)(hit - p) : CMG_STR_NPOS;
}
#else
static size_t first_feed(const char *p, size_t n, bool *ret_plain)
{
    *ret_plain = false;
    return cmg_str_chr(cmg_str_of(p, n), '\n');
}
#endif

static size_t find_byte_feed(struct cmg_lines *l, size_t limit, bool *ret_plain)
{
    bool fresh = l->scan == l->line;
    size_t at = first_feed(l->ptr + l->scan, limit - l->scan, ret_plain);
    *ret_plain &= fresh;
    if (at == CMG_STR_NPOS) {
        l->scan = limit;
        return at;
    }
    return l->scan += at;
}

/* Offset of the next line feed from l->scan on and before `limit`, or CMG_STR_NPOS; l->scan moves.
 */
static size_t find_feed(struct cmg_lines *l, size_t limit, bool *ret_plain)
{
    *ret_plain = false;
    if (l->width == CMG_BYTES)
        return find_byte_feed(l, limit, ret_plain);
    while (l->scan < limit) {
        const char *p = memchr(l->ptr + l->scan, '\n', limit - l->scan);
        size_t at = p ? (size_t)(p - l->ptr) : limit;
        at -= (at - l->line) % 2; /* of the unit it lies in */
        if (at + 2 > limit) {
            l->scan = at;
            return CMG_STR_NPOS;
        }
        l->scan = at;
        if (is_unit(l, at, '\n'))
            return at;
        l->scan = at + 2;
    }
    return CMG_STR_NPOS;
}

static size_t mark_of(const struct cmg_lines *l, size_t len)
{
    const unsigned char *p = (const unsigned char *)l->ptr + l->line;
    if (l->width == CMG_BYTES)
        return len >= 3 && p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf ? 3 : 0;
    if (len < 2)
        return 0;
    return (p[0] == 0xff && p[1] == 0xfe) || (p[0] == 0xfe && p[1] == 0xff) ? 2 : 0;
}

/* `len`: content found, `eol`: line end behind it. */
static bool report(const struct cmg_lines *l, size_t len, size_t eol, size_t max, bool plain,
                   struct cmg_line *ret)
{
    size_t u = unit(l);
    if (len >= u && eol && is_unit(l, l->line + len - u, '\r')) {
        len -= u;
        eol += u;
    }
    *ret = (struct cmg_line){.raw = len + eol, .eol = eol, .open = !eol, .plain = plain};
    if (len > max) {
        len = cut_at(l, max);
        *ret = (struct cmg_line){.raw = len, .cut = true};
    }
    ret->mark = mark_of(l, len);
    return true;
}

bool cmg_lines_find(struct cmg_lines *l, size_t max, struct cmg_line *ret)
{
    if (l->line == l->end || (l->scan <= l->line && !settle_width(l)))
        return false;
    if (l->scan < l->line)
        l->scan = l->line;
    /* Two units more than fit: enough to see a line end right behind a record of the largest size.
     */
    size_t have = l->end - l->line, most = max + 2 * unit(l);
    size_t limit = l->line + (have < most ? have : most);
    bool plain;
    size_t nl = find_feed(l, limit, &plain);
    if (nl != CMG_STR_NPOS && l->width == CMG_BYTES) {
        int wide = widen(l, nl);
        if (wide < 0)
            return false;
        if (wide > 0) {
            l->scan = l->line;
            return cmg_lines_find(l, max, ret);
        }
    }
    if (nl != CMG_STR_NPOS)
        return report(l, nl - l->line, unit(l), max, plain, ret);
    if (have >= most)
        return report(l, most, 0, max, false, ret);
    return l->final ? report(l, have, 0, max, false, ret) : false;
}
