/* SPDX-License-Identifier: Apache-2.0
 * Sixteen bytes of text at once: one SSE2 register, which every x86-64 has, or two words elsewhere.
 *
 * Only what the text scanners ask. CMG_PORTABLE chooses the words on any processor: that is how
 * they are tested. */
#ifndef CMG_CORE_V16_H
#define CMG_CORE_V16_H

#include <stdint.h>
#include <string.h>

#if defined __SSE2__ && !defined CMG_PORTABLE
#define CMG_V16_SSE2 1
#include <emmintrin.h>
#endif

enum { CMG_V16 = 16 };

/* The first byte is the low one, whatever the processor. */
static inline uint64_t cmg_word_load(const char *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = __builtin_bswap64(x);
#endif
    return x;
}

static inline void cmg_word_store(char *p, uint64_t x)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = __builtin_bswap64(x);
#endif
    memcpy(p, &x, sizeof x);
}

#ifdef CMG_V16_SSE2

struct cmg_v16 {
    __m128i v;
};

static inline struct cmg_v16 cmg_v16_load(const char *p)
{
    return (struct cmg_v16){_mm_loadu_si128((const __m128i *)(const void *)p)};
}

static inline void cmg_v16_store(char *p, struct cmg_v16 x)
{
    _mm_storeu_si128((__m128i *)(void *)p, x.v);
}

static inline struct cmg_v16 cmg_v16_words(uint64_t low, uint64_t high)
{
    return (struct cmg_v16){_mm_set_epi64x((int64_t)high, (int64_t)low)};
}

static inline struct cmg_v16 cmg_v16_or(struct cmg_v16 a, struct cmg_v16 b)
{
    return (struct cmg_v16){_mm_or_si128(a.v, b.v)};
}

/* Bit i: byte i is not ASCII. */
static inline uint32_t cmg_v16_high(struct cmg_v16 x)
{
    return (uint32_t)_mm_movemask_epi8(x.v);
}

/* Bit i: byte i needs an escape in JSON. With bit 1 turned over, '"' is 0x20 and the controls stay
 * below it, so that one saturating subtraction makes zeros of both. */
static inline uint32_t cmg_v16_specials(struct cmg_v16 x)
{
    __m128i low = _mm_subs_epu8(_mm_xor_si128(x.v, _mm_set1_epi8(2)), _mm_set1_epi8(0x20));
    __m128i slash = _mm_xor_si128(x.v, _mm_set1_epi8('\\'));
    __m128i zero = _mm_cmpeq_epi8(_mm_min_epu8(low, slash), _mm_setzero_si128());
    return (uint32_t)_mm_movemask_epi8(zero);
}

#else

struct cmg_v16 {
    uint64_t low, high;
};

static inline struct cmg_v16 cmg_v16_load(const char *p)
{
    return (struct cmg_v16){cmg_word_load(p), cmg_word_load(p + 8)};
}

static inline void cmg_v16_store(char *p, struct cmg_v16 x)
{
    cmg_word_store(p, x.low);
    cmg_word_store(p + 8, x.high);
}

static inline struct cmg_v16 cmg_v16_words(uint64_t low, uint64_t high)
{
    return (struct cmg_v16){low, high};
}

static inline struct cmg_v16 cmg_v16_or(struct cmg_v16 a, struct cmg_v16 b)
{
    return (struct cmg_v16){a.low | b.low, a.high | b.high};
}

/* The high bit of each byte as one of eight: the product adds each of them, shifted to its place,
 * in the top byte, and nowhere do two meet. */
static inline uint32_t cmg_word_mask(uint64_t marks)
{
    return (uint32_t)((marks >> 7 & UINT64_C(0x0101010101010101)) * UINT64_C(0x0102040810204080) >>
                      56);
}

static inline uint32_t cmg_v16_high(struct cmg_v16 x)
{
    return cmg_word_mask(x.low) | cmg_word_mask(x.high) << 8;
}

/* High bit of each byte that needs an escape. No carry crosses a byte: 7-bit sums only. */
static inline uint64_t cmg_word_specials(uint64_t x)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), low = 0x7F * ones;
    uint64_t control = (x & low) + 0x60 * ones;
    uint64_t quote = x ^ '"' * ones, slash = x ^ '\\' * ones;
    quote = ((quote & low) + low) | quote;
    slash = ((slash & low) + low) | slash;
    return ~((control | x) & quote & slash);
}

static inline uint32_t cmg_v16_specials(struct cmg_v16 x)
{
    return cmg_word_mask(cmg_word_specials(x.low)) | cmg_word_mask(cmg_word_specials(x.high)) << 8;
}

#endif
#endif
