/* SPDX-License-Identifier: Apache-2.0
 * JSON text, written straight into a buffer: no tree, no printf, nothing allocated but the buffer.
 *
 * The writer's position travels as a plain `char *` in and out of each call, so that it stays in a
 * register between the many small copies of a record. Two promises make unchecked copies safe:
 * begin and every text leave at least `margin` bytes free behind the position. So all that a caller
 * writes by itself between begin and end may come to `margin` bytes. A failure is remembered, not
 * returned: later texts write nothing, and end reports it with the buffer as it was. Texts must be
 * valid UTF-8. */
#ifndef CMG_CORE_JSON_H
#define CMG_CORE_JSON_H

#include "core/buf.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { CMG_JSON_BLOCK = 64, CMG_JSON_U64_MAX = 20 };

struct cmg_json {
    struct cmg_buf *out;
    char *end; /* of the room behind out->len */
    size_t margin;
    enum cmg_rc rc;
};

/* The position to write at. NULL when there is no room at all: ask cmg_json_end then, and nothing
 * else. */
char *cmg_json_begin(struct cmg_json *j, struct cmg_buf *out, size_t margin);
/* Takes over what was written up to `p`, or, after a failure, nothing. */
CMG_MUST_USE enum cmg_rc cmg_json_end(struct cmg_json *j, const char *p);
/* `s` with quotes, backslashes and C0 controls escaped, without quotes around it. */
char *cmg_json_text(struct cmg_json *j, char *p, cmg_str s);
/* At most CMG_JSON_U64_MAX bytes. */
char *cmg_json_u64(char *p, uint64_t v);
/* Appends `s` as a JSON string, quotes included. All or nothing. */
CMG_MUST_USE enum cmg_rc cmg_json_add(struct cmg_buf *out, cmg_str s);

/* ---- which of 16 bytes need an escape: bit i for byte i ----------------------------------- */

/* High bit of each byte that is 0x00..0x1F, '"' or '\\'. No carry crosses a byte: 7-bit sums only.
 */
static inline uint64_t cmg_json_marks8(uint64_t x)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), low = 0x7F * ones;
    uint64_t control = (x & low) + 0x60 * ones;
    uint64_t quote = x ^ '"' * ones, slash = x ^ '\\' * ones;
    quote = ((quote & low) + low) | quote;
    slash = ((slash & low) + low) | slash;
    return ~((control | x) & quote & slash) & 0x80 * ones;
}

static inline uint32_t cmg_json_mask8(const char *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = __builtin_bswap64(x);
#endif
    return (uint32_t)((cmg_json_marks8(x) >> 7) * UINT64_C(0x0102040810204080) >> 56);
}

static inline uint32_t cmg_json_mask16_portable(const char *p)
{
    return cmg_json_mask8(p) | cmg_json_mask8(p + 8) << 8;
}

static inline uint32_t cmg_json_mask16(const char *p)
{
#ifdef __SSE2__
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1F)), v);
    __m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
    __m128i slash = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));
    return (uint32_t)_mm_movemask_epi8(_mm_or_si128(control, _mm_or_si128(quote, slash)));
#else
    return cmg_json_mask16_portable(p);
#endif
}

#endif
