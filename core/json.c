/* SPDX-License-Identifier: Apache-2.0
 * JSON strings at copying speed (RFC 8259, section 7).
 *
 * Text is copied sixteen bytes at a time before it is known whether that was right. A mask of the
 * bytes that need an escape then says where to write one and to copy the rest of the sixteen again
 * behind it; so a byte is never looked at by itself. Nothing behind a text is read: its end is
 * worked on in a padded copy. */
#include "core/json.h"

#include "core/v16.h"

enum {
    WIDE = CMG_V16, /* one copy: may write that much too far, and read that much behind its chunk */
    PAD = 2 * WIDE, /* what has to follow so that a chunk can be worked on where it stands */
    LONGEST = 6,    /* \u00XX */
    STEP = 1 << 10, /* bytes of a text that room is made for at once when it is scarce */
};

_Static_assert((int)PAD == (int)CMG_JSON_EXCESS, "what short texts read and write too far");

/* Two letters where JSON has them, else \u00XX; the last byte is the length. */
static const char escapes[][8] = {
    "\\u0000\0\6",
    "\\u0001\0\6",
    "\\u0002\0\6",
    "\\u0003\0\6",
    "\\u0004\0\6",
    "\\u0005\0\6",
    "\\u0006\0\6",
    "\\u0007\0\6",
    "\\b\0\0\0\0\0\2",
    "\\t\0\0\0\0\0\2",
    "\\n\0\0\0\0\0\2",
    "\\u000b\0\6",
    "\\f\0\0\0\0\0\2",
    "\\r\0\0\0\0\0\2",
    "\\u000e\0\6",
    "\\u000f\0\6",
    "\\u0010\0\6",
    "\\u0011\0\6",
    "\\u0012\0\6",
    "\\u0013\0\6",
    "\\u0014\0\6",
    "\\u0015\0\6",
    "\\u0016\0\6",
    "\\u0017\0\6",
    "\\u0018\0\6",
    "\\u0019\0\6",
    "\\u001a\0\6",
    "\\u001b\0\6",
    "\\u001c\0\6",
    "\\u001d\0\6",
    "\\u001e\0\6",
    "\\u001f\0\6",
    ['"'] = "\\\"\0\0\0\0\0\2",
    ['\\'] = "\\\\\0\0\0\0\0\2",
};

/* ---- escaping ----------------------------------------------------------------------------- */

static inline void copy16(char *to, const char *from)
{
    cmg_v16_store(to, cmg_v16_load(from));
}

/* The escape of src[at] and the rest of the chunk behind it, for each bit of `mask`. Position `p`
 * belongs to src[0] and moves on by what the escapes are longer than a byte. */
static inline char *put_escapes(char *p, const char *src, uint32_t mask)
{
    for (; mask; mask &= mask - 1) {
        unsigned at = (unsigned)__builtin_ctz(mask);
        const char *escape = escapes[(unsigned char)src[at]];
        memcpy(p + at, escape, sizeof escapes[0]);
        p += escape[7] - 1;
        copy16(p + at + 1, src + at + 1);
    }
    return p;
}

static inline char *put_chunk(char *p, const char *src)
{
    struct cmg_v16 x = cmg_v16_load(src);
    cmg_v16_store(p, x);
    return put_escapes(p, src, cmg_v16_specials(x)) + WIDE;
}

/* The end of a text, of which `n` bytes, at most PAD, are left: the last ones before pad + PAD. */
static char *put_end(char *p, const char *pad, size_t n)
{
    const char *src = pad + PAD - n;
    if (n > WIDE) {
        p = put_chunk(p, src);
        src += WIDE;
        n -= WIDE;
    }
    struct cmg_v16 x = cmg_v16_load(src);
    cmg_v16_store(p, x);
    return put_escapes(p, src, cmg_v16_specials(x) & ((1U << n) - 1)) + n;
}

/* At least PAD bytes. Not inlined, like put_special, so that a short text has no stack to set up.
 */
static __attribute__((noinline)) char *put_in_chunks(char *p, const char *src, size_t n)
{
    /* First of all, since a load that spans two fresh stores would have to wait for both. */
    char pad[PAD + WIDE];
    copy16(pad, src + n - PAD);
    copy16(pad + WIDE, src + n - WIDE);
    memset(pad + PAD, ' ', WIDE);
    for (; n >= PAD; n -= WIDE, src += WIDE)
        p = put_chunk(p, src);
    return put_end(p, pad, n);
}

/* At most PAD bytes, with a special among them. */
static __attribute__((noinline)) char *put_special(char *p, const char *src, size_t n)
{
    char pad[PAD + WIDE];
    memset(pad, ' ', sizeof pad);
    memcpy(pad + PAD - n, src, n);
    return put_end(p, pad, n);
}

/* ---- escaping without a question for each special ------------------------------------------- */

#if defined CMG_V16_SSE2 && !defined CMG_NO_AVX2
#include <immintrin.h>

/* How often a chunk has to be interrupted cannot be foreseen by the processor, and a wrong guess
 * costs it more than the chunk. With AVX2, twice eight bytes are therefore spread over twice
 * sixteen in one step, whatever specials they have. Rows are masks of eight; byte 8 is the
 * backslash that goes before a special. What a row does not name is behind its end. */
#define PLACE_0(i)    i,
#define PLACE_1(i)    8, i,
#define PLACE(i, bit) PLACE_##bit(i)
#define SPREAD_ROW(h, g, f, e, d, c, b, a)                                                         \
    {PLACE(0, a) PLACE(1, b) PLACE(2, c) PLACE(3, d) PLACE(4, e) PLACE(5, f) PLACE(6, g)           \
         PLACE(7, h)},
#define LENGTH_ROW(h, g, f, e, d, c, b, a) 8 + a + b + c + d + e + f + g + h,
#define BITS_1(row, ...)                   row(__VA_ARGS__, 0) row(__VA_ARGS__, 1)
#define BITS_2(row, ...)                   BITS_1(row, __VA_ARGS__, 0) BITS_1(row, __VA_ARGS__, 1)
#define BITS_3(row, ...)                   BITS_2(row, __VA_ARGS__, 0) BITS_2(row, __VA_ARGS__, 1)
#define BITS_4(row, ...)                   BITS_3(row, __VA_ARGS__, 0) BITS_3(row, __VA_ARGS__, 1)
#define BITS_5(row, ...)                   BITS_4(row, __VA_ARGS__, 0) BITS_4(row, __VA_ARGS__, 1)
#define BITS_6(row, ...)                   BITS_5(row, __VA_ARGS__, 0) BITS_5(row, __VA_ARGS__, 1)
#define BITS_7(row, ...)                   BITS_6(row, __VA_ARGS__, 0) BITS_6(row, __VA_ARGS__, 1)
static const _Alignas(16) uint8_t spread[256][16] = {BITS_7(SPREAD_ROW, 0) BITS_7(SPREAD_ROW, 1)};
static const uint8_t spread_length[256] = {BITS_7(LENGTH_ROW, 0) BITS_7(LENGTH_ROW, 1)};

#define AVX2 __attribute__((target("avx2")))

AVX2 static inline __m256i load32(const char *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

AVX2 static inline void store32(char *p, __m256i x)
{
    _mm256_storeu_si256((__m256i *)(void *)p, x);
}

/* Those that need a backslash and nothing more. */
AVX2 static inline uint32_t quotes32(__m256i x)
{
    __m256i quote = _mm256_cmpeq_epi8(x, _mm256_set1_epi8('"'));
    __m256i slash = _mm256_cmpeq_epi8(x, _mm256_set1_epi8('\\'));
    return (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(quote, slash));
}

/* The low eight bytes of each half of `x`, whose specials are the low 16 bits of `mask`. */
AVX2 static inline char *put_spread16(char *p, __m256i x, uint32_t mask)
{
    const __m128i *row = (const __m128i *)(const void *)spread;
    uint32_t a = mask & 0xFF, b = mask >> 8 & 0xFF;
    __m256i rows = _mm256_castsi128_si256(_mm_load_si128(row + a));
    rows = _mm256_inserti128_si256(rows, _mm_load_si128(row + b), 1);
    x = _mm256_shuffle_epi8(_mm256_blend_epi32(x, _mm256_set1_epi64x('\\'), 0xCC), rows);
    _mm_storeu_si128((__m128i *)(void *)p, _mm256_castsi256_si128(x));
    p += spread_length[a];
    _mm_storeu_si128((__m128i *)(void *)p, _mm256_extracti128_si256(x, 1));
    return p + spread_length[b];
}

AVX2 static inline char *put_spread(char *p, __m256i x, uint32_t mask)
{
    p = put_spread16(p, _mm256_permute4x64_epi64(x, 0x10), mask);
    return put_spread16(p, _mm256_permute4x64_epi64(x, 0x32), mask >> 16);
}

AVX2 static inline bool has_controls(__m256i least)
{
    __m256i controls = _mm256_cmpeq_epi8(_mm256_min_epu8(least, _mm256_set1_epi8(0x1F)), least);
    return _mm256_movemask_epi8(controls);
}

/* At least PAD bytes. First the odd ones, together with some that follow, so that whole registers
 * are left; then copies as far as there is no quote. Controls need more than a backslash: with one
 * of them, which the least bytes tell in the end, all begins anew. */
AVX2 static __attribute__((noinline)) char *put_spreading(char *p, const char *src, size_t n)
{
    const char *from = src + n % PAD, *end = src + n;
    char *start = p;
    __m256i x = load32(src), least = x;
    uint32_t mask = quotes32(x) & ((1U << n % PAD) - 1);
    store32(p, x);
    p += n % PAD;
    if (mask)
        p = put_spread(start, x, mask) - (PAD - n % PAD);
    for (; from < end; from += PAD, p += PAD) {
        x = load32(from);
        store32(p, x);
        if (quotes32(x))
            break;
        least = _mm256_min_epu8(least, x);
    }
    for (; from < end; from += PAD) {
        x = load32(from);
        least = _mm256_min_epu8(least, x);
        p = put_spread(p, x, quotes32(x));
    }
    return has_controls(least) ? put_in_chunks(start, src, n) : p;
}

static inline char *put_long(char *p, const char *src, size_t n)
{
    return __builtin_cpu_supports("avx2") ? put_spreading(p, src, n) : put_in_chunks(p, src, n);
}
#else
static inline char *put_long(char *p, const char *src, size_t n)
{
    return put_in_chunks(p, src, n);
}
#endif

/* ---- short texts -------------------------------------------------------------------------- */

/* At most PAD bytes of which PAD can be read: no question of how many they are. */
static inline char *put_wide(char *p, const char *src, size_t n)
{
    struct cmg_v16 a = cmg_v16_load(src), b = cmg_v16_load(src + WIDE);
    cmg_v16_store(p, a);
    cmg_v16_store(p + WIDE, b);
    uint64_t mask = cmg_v16_specials(a) | (uint64_t)cmg_v16_specials(b) << WIDE;
    return mask & ((UINT64_C(1) << n) - 1) ? put_special(p, src, n) : p + n;
}

/* Elsewhere, fewer than PAD bytes without a special: by two reads and copies that overlap. False
 * where there is one. */

static inline bool put_clean_chunks(char *p, const char *src, size_t n)
{
    struct cmg_v16 head = cmg_v16_load(src), tail = cmg_v16_load(src + n - WIDE);
    cmg_v16_store(p, head);
    cmg_v16_store(p + n - WIDE, tail);
    return !(cmg_v16_specials(head) | cmg_v16_specials(tail));
}

static inline bool put_clean_words(char *p, const char *src, size_t n)
{
    uint64_t head = cmg_word_load(src), tail = cmg_word_load(src + n - 8);
    cmg_word_store(p, head);
    cmg_word_store(p + n - 8, tail);
    return !cmg_v16_specials(cmg_v16_words(head, tail));
}

static inline bool put_clean_halves(char *p, const char *src, size_t n)
{
    uint32_t head, tail;
    memcpy(&head, src, 4);
    memcpy(&tail, src + n - 4, 4);
    memcpy(p, &head, 4);
    memcpy(p + n - 4, &tail, 4);
    uint64_t both = (uint64_t)head << 32 | tail;
    return !cmg_v16_specials(cmg_v16_words(both, both));
}

static inline bool put_clean_bytes(char *p, const char *src, size_t n)
{
    uint64_t a = (unsigned char)src[0], b = (unsigned char)src[n / 2],
             c = (unsigned char)src[n - 1];
    p[0] = (char)a;
    p[n / 2] = (char)b;
    p[n - 1] = (char)c;
    uint64_t all = UINT64_C(0x2020202020000000) | a << 16 | b << 8 | c;
    return !cmg_v16_specials(cmg_v16_words(all, all));
}

/* At least one byte. LONGEST bytes for each of them, and WIDE, are free at `p`. */
static inline __attribute__((always_inline)) char *put_text(char *p, const char *src, size_t n)
{
    if (n >= PAD)
        return put_long(p, src, n);
    bool clean = n >= WIDE ? put_clean_chunks(p, src, n)
                 : n >= 8  ? put_clean_words(p, src, n)
                 : n >= 4  ? put_clean_halves(p, src, n)
                           : put_clean_bytes(p, src, n);
    return clean ? p + n : put_special(p, src, n);
}

/* ---- room --------------------------------------------------------------------------------- */

/* What was written so far goes on in a buffer that may hold all that out still may, and more of
 * what is only asked for and not used. */
static enum cmg_rc leave_out(struct cmg_json *j, size_t used, size_t need)
{
    size_t left = j->out->cap - j->out->len, excess = j->margin + (size_t)LONGEST * STEP;
    j->draft = cmg_buf_init(left < SIZE_MAX - excess ? left + excess : SIZE_MAX);
    enum cmg_rc rc = cmg_buf_reserve(&j->draft, need);
    if (rc != CMG_OK)
        return rc;
    if (used)
        memcpy(j->draft.ptr, j->out->ptr + j->out->len, used);
    j->to = &j->draft;
    return CMG_OK;
}

/* Room for `more` bytes and the margin behind `p`. */
char *cmg_json_grow(struct cmg_json *j, char *p, size_t more)
{
    size_t used = p ? (size_t)(p - (j->to->ptr + j->to->len)) : 0, need = used + more + j->margin;
    if (j->rc != CMG_OK)
        return p;
    j->rc = cmg_buf_reserve(j->to, need);
    if (j->rc == CMG_ELIMIT && j->to == j->out)
        j->rc = leave_out(j, used, need);
    if (j->rc != CMG_OK)
        return p;
    j->end = j->to->ptr + j->to->size - j->margin;
    return j->to->ptr + j->to->len + used;
}

enum cmg_rc cmg_json_settle(struct cmg_json *j, const char *p)
{
    if (j->to == j->out)
        return j->rc;
    if (j->rc == CMG_OK)
        j->rc = cmg_buf_add(j->out, cmg_str_of(j->draft.ptr, (size_t)(p - j->draft.ptr)));
    cmg_buf_done(&j->draft);
    return j->rc;
}

/* Where there is no room for the longest that a text may become: as much as each step of it needs,
 * so that the buffer grows with the result and not with the worst case. */
static __attribute__((noinline)) char *put_in_steps(struct cmg_json *j, char *p, cmg_str s)
{
    while (s.len) {
        cmg_str step = cmg_str_head(s, STEP);
        if (j->end - p < (ptrdiff_t)(LONGEST * step.len))
            p = cmg_json_grow(j, p, LONGEST * step.len);
        if (j->rc != CMG_OK)
            break;
        p = put_text(p, step.ptr, step.len);
        s = cmg_str_from(s, step.len);
    }
    return p;
}

char *cmg_json_text(struct cmg_json *j, char *p, cmg_str s)
{
    if (j->end - p < (ptrdiff_t)(LONGEST * s.len))
        return put_in_steps(j, p, s);
    if (s.len <= PAD && (uintptr_t)s.ptr - j->window < j->wide)
        return put_wide(p, s.ptr, s.len);
    return s.len ? put_text(p, s.ptr, s.len) : p;
}

/* ---- numbers ------------------------------------------------------------------------------ */

enum { TEN4 = 10000, TEN8 = TEN4 * TEN4 };
#define ZEROS UINT64_C(0x3030303030303030)

/* Eight digits of v < TEN8, the first in the low byte: split into halves, all at once, until each
 * byte has one. The products are reciprocals, exact for what they are given. */
static inline uint64_t digits8(uint32_t v)
{
    uint64_t x = v / TEN4 | (uint64_t)(v % TEN4) << 32;
    uint64_t hundreds = x * 10486 >> 20 & UINT64_C(0x0000007F0000007F);
    x = (x << 16) - hundreds * ((100 << 16) - 1); /* hundreds + (x - 100 * hundreds << 16) */
    uint64_t tens = x * 103 >> 10 & UINT64_C(0x000F000F000F000F);
    return (x << 8) - tens * ((10 << 8) - 1);
}

/* The same for four digits of v < TEN4. */
static inline uint32_t digits4(uint32_t v)
{
    uint32_t x = (v << 16) - (v * 5243 >> 19) * ((100 << 16) - 1);
    uint32_t tens = x * 103 >> 10 & 0x000F000F;
    return (x << 8) - tens * ((10 << 8) - 1);
}

/* `n` digits without leading zeros; at least one is not zero. */
static inline char *put_significant(char *p, uint64_t digits, unsigned n)
{
    unsigned leading = (unsigned)__builtin_ctzll(digits) & ~7U;
    cmg_word_store(p, (digits | ZEROS) >> leading);
    return p + n - leading / 8;
}

static inline char *put_digits8(char *p, uint32_t v)
{
    cmg_word_store(p, digits8(v) | ZEROS);
    return p + 8;
}

static __attribute__((noinline)) char *put_large(char *p, uint64_t v)
{
    uint64_t high = v / TEN8;
    if (high < TEN8)
        p = put_significant(p, digits8((uint32_t)high), 8);
    else
        p = put_digits8(put_significant(p, digits4((uint32_t)(high / TEN8)), 4),
                        (uint32_t)(high % TEN8));
    return put_digits8(p, (uint32_t)(v % TEN8));
}

char *cmg_json_u64(char *p, uint64_t v)
{
    if (v - 1 < TEN4 - 1)
        return put_significant(p, digits4((uint32_t)v), 4);
    if (v >= TEN8)
        return put_large(p, v);
    if (v)
        return put_significant(p, digits8((uint32_t)v), 8);
    *p = '0';
    return p + 1;
}

enum cmg_rc cmg_json_add(struct cmg_buf *out, cmg_str s)
{
    struct cmg_json j;
    char *p = cmg_json_begin(&j, out, 2);
    if (p) {
        *p++ = '"';
        p = cmg_json_text(&j, p, s);
        // Growing keeps the room. NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
        *p++ = '"';
    }
    return cmg_json_end(&j, p);
}
