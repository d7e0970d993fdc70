/* SPDX-License-Identifier: Apache-2.0
 *
 * Error numbers in running text. Two steps: words that begin as a spelling does and have its length
 * are found 64 places at a time, and what stands there is then judged exactly.
 *
 * A number is a code by itself only in a full spelling (0x80072f8f, 80072f8f, -2147012721,
 * 2147954575) whose facility errors really have; the short ones (0x2f8f, 2f8f, 12175) are as common
 * as thread numbers, sizes and times, so they need a word before them that announces a code. Facts:
 * MS-ERREF 2.1 (HRESULT), "Error Messages (Winhttp.h)" in the Win32 documentation, and what client
 * and server logs write. */
#include "enrich/codes.h"

#if defined __x86_64__ && !defined CMG_PORTABLE
#define CODES_X86 1
#include <immintrin.h>
#endif

enum {
    SEPARATORS_MAX = 5,    /* between an announcing word and its number: ` = "(` and one to spare */
    RUN_MAX = 10,          /* the longest spelling: 0x80072f8f, 2147954575 */
    WINHTTP_FIRST = 12001, /* winhttp.h counts its errors from 12000 */
    WINHTTP_LAST = 12199,
};

#ifndef WORK /* the tests count bytes looked at instead of time */
#define WORK(n) ((void)0)
#endif

/* ---- the text around a number ---------------------------------------------------------------- */

/* Most candidates end at this table, so it is one. */
static const uint8_t word[256] = {
    ['0' ... '9'] = 1, ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1, ['_'] = 1};

static inline bool is_word(char c)
{
    return word[(unsigned char)c];
}

static bool is_separator(char c)
{
    return c == ' ' || c == '\t' || c == '=' || c == ':' || c == '"' || c == '\'' || c == '(' ||
           c == ')';
}

/* The word that ends before `at`, a few separators skipped; *ret_begin is where it begins. */
static cmg_str word_before(cmg_str t, size_t at, size_t *ret_begin)
{
    size_t end = at, begin;
    while (end && at - end < SEPARATORS_MAX && is_separator(t.ptr[end - 1]))
        end--;
    for (begin = end; begin && is_word(t.ptr[begin - 1]);)
        begin--;
    WORK(at - begin + 1);
    *ret_begin = begin;
    return cmg_str_cut(t, begin, end);
}

static bool iends(cmg_str s, cmg_str tail)
{
    return s.len >= tail.len && cmg_str_ieq(cmg_str_from(s, s.len - tail.len), tail);
}

/* Words that announce a code. `whole`: not as the end of a longer word (StatusCode, ExitCode). */
static const struct {
    cmg_str tail;
    bool whole;
} announcing[] = {
    {CMG_LIT("code"), true}, /* [CCMHTTP] ERROR: ... Code=12175; "error code 12029" */
    {CMG_LIT("error"),
     false}, /* "Failed to send request to /x at host y, error 0x2efd"; LastError= */
    {CMG_LIT("errorcode"), false}, /* "Failed in WinHttpReceiveResponse API, ErrorCode = 0x2f78" */
    {CMG_LIT("err"), true},        /* "err=0x57" in server components */
    {CMG_LIT("hresult"), false},   /* "HRESULT=80040102" at the end of a failed check */
    {CMG_LIT("hr"), true},         /* "hr=0x2ee7" */
    {CMG_LIT("rc"), true},         /* "rc=0x2ee2" */
    {CMG_LIT("win32"), true},      /* "Win32 12029" */
};

static bool announced(cmg_str t, size_t at)
{
    size_t begin;
    cmg_str before = word_before(t, at, &begin);
    for (size_t i = 0; i < sizeof announcing / sizeof *announcing; i++)
        if (announcing[i].whole ? cmg_str_ieq(before, announcing[i].tail)
                                : iends(before, announcing[i].tail))
            return true;
    return false;
}

/* Words whose number is none although it looks like one: bit masks (0x80000040 is a callback flag
 * and an option), memory and kernel objects, and registry roots (HKEY_LOCAL_MACHINE is 0x80000002).
 */
static bool labelled_otherwise(cmg_str t, size_t at)
{
    static const cmg_str labels[] = {CMG_LIT("flags"),   CMG_LIT("flag"),    CMG_LIT("mask"),
                                     CMG_LIT("options"), CMG_LIT("address"), CMG_LIT("handle"),
                                     CMG_LIT("id"),      CMG_LIT("thread"),  CMG_LIT("hkey"),
                                     CMG_LIT("at"),      CMG_LIT("hive")};
    size_t begin;
    cmg_str before = word_before(t, at, &begin);
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
        if (cmg_str_ieq(before, labels[i]))
            return true;
    return cmg_str_ieq(before, CMG_LIT("is")) &&
           iends(word_before(t, begin, &begin), CMG_LIT("lpvStatusInformation"));
}

/* ---- values ---------------------------------------------------------------------------------- */

/* Could this be an HRESULT or a wrapped NTSTATUS at all? 0x80000000 to ..09 are not: they are masks
 * and registry roots; E_PENDING, 0x8000000a, is the first that logs show. */
static bool is_failure(uint32_t v)
{
    return (v > 0x80000009u && v < 0x88000000u) || (v >= 0xc0000000u && v < 0xe0000000u);
}

/* Facilities (MS-ERREF 2.1.1) that a bare or decimal number must belong to: 31 bits of any size
 * would otherwise be a code. */
static bool is_known_failure(uint32_t v)
{
    switch (v >> 16) {
    case 0x8000: /* E_FAIL and its kind */
        return v >= 0x80004000u || v == 0x8000000au;
    case 0x8001: /* RPC */
    case 0x8002: /* DISPATCH */
    case 0x8003: /* STORAGE */
    case 0x8004: /* ITF: COM, WMI, task scheduler */
    case 0x8007: /* WIN32 */
    case 0x8009: /* SECURITY: SSPI, CryptoAPI */
    case 0x800a: /* CONTROL */
    case 0x800b: /* CERT */
    case 0x800c: /* INTERNET */
    case 0x800f: /* SETUPAPI */
    case 0x8013: /* URT: .NET */
    case 0x8019: /* HTTP: 0x80190000 + status */
    case 0x8020: /* BACKGROUNDCOPY: BITS */
    case 0x8024: /* WINDOWSUPDATE */
    case 0x87d0: /* ConfigMgr (facility 2000) */
    case 0x87d1:
        return true;
    default:
        return false;
    }
}

static bool is_winhttp(uint32_t v)
{
    return v >= WINHTTP_FIRST && v <= WINHTTP_LAST;
}

static bool parse_hex(cmg_str s, uint32_t *ret)
{
    uint32_t v = 0;
    if (!s.len || s.len > 8)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        int d = cmg_hex_digit(s.ptr[i]);
        if (d < 0)
            return false;
        v = v << 4 | (uint32_t)d;
    }
    *ret = v;
    return true;
}

/* At most 10 digits. */
static bool parse_decimal(cmg_str s, uint64_t *ret)
{
    uint64_t v = 0;
    if (!s.len || s.len > RUN_MAX)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (!cmg_is_digit(s.ptr[i]))
            return false;
        v = v * 10 + (uint64_t)(s.ptr[i] - '0');
    }
    *ret = v;
    return true;
}

/* A number as it stands in the text: its letters and digits, and a sign before them. */
struct number {
    cmg_str text;
    size_t at;   /* of `run` */
    cmg_str run; /* without the sign */
    bool negative;
};

static bool announced_number(const struct number *n)
{
    return announced(n->text, n->at - n->negative);
}

/* Decimal digits alone, not announced, and followed by a word or number in the same breath
 * ("2147954688 bytes", a column of a table): a quantity. A code ends its clause. */
static bool is_quantity(const struct number *n)
{
    cmg_str rest = cmg_str_from(n->text, n->at + n->run.len);
    return rest.len > 1 && rest.ptr[0] == ' ' && is_word(rest.ptr[1]) && !announced_number(n);
}

static bool follows_part(cmg_str t, size_t at, bool negative)
{
    char prev = at ? t.ptr[at - 1] : ' ', before = at > 1 ? t.ptr[at - 2] : ' ';
    if (negative && is_word(prev))
        return true;
    if (prev == '.' || prev == ',' || prev == ':')
        return cmg_is_digit(before);
    return prev == '/' || prev == '\\' || prev == '%' || prev == '$' || prev == '-';
}

static bool leads_part(cmg_str rest)
{
    char next = rest.len ? rest.ptr[0] : ' ', after = rest.len > 1 ? rest.ptr[1] : ' ';
    if (next == '-' || next == '.')
        return is_word(after);
    if (next == ',' || next == ':')
        return cmg_is_digit(after);
    return next == '/' || next == '\\' || next == '&' || next == '%' || next == '@';
}

/* A bare number in a larger thing: a GUID, a SID, a version, a date, a time, a path, a query. */
static bool is_part(const struct number *n)
{
    return follows_part(n->text, n->at - n->negative, n->negative) ||
           leads_part(cmg_str_from(n->text, n->at + n->run.len));
}

static bool hex_number(const struct number *n, uint32_t *ret)
{
    uint32_t v;
    if (n->negative || !parse_hex(cmg_str_from(n->run, 2), &v))
        return false;
    if (is_failure(v) && !labelled_otherwise(n->text, n->at)) {
        *ret = v;
        return true;
    }
    *ret = cmg_hresult_of(v);
    return v && v <= 0xffff && announced(n->text, n->at);
}

/* -2147012721 and 2147954575. */
static bool wide_decimal(const struct number *n, uint32_t *ret)
{
    uint64_t v;
    if (!parse_decimal(n->run, &v))
        return false;
    if (v >= (n->negative ? UINT64_C(1) << 31 : UINT64_C(1) << 32))
        return false;
    *ret = n->negative ? 0u - (uint32_t)v : (uint32_t)v;
    return is_known_failure(*ret) && !is_part(n) && (n->negative || !is_quantity(n));
}

/* 80072f8f; and 80092013, which has no letter and could be a quantity. */
static bool bare_hex(const struct number *n, uint32_t *ret)
{
    uint64_t decimal;
    if (n->negative || !parse_hex(n->run, ret) || !is_known_failure(*ret) || is_part(n))
        return false;
    return !parse_decimal(n->run, &decimal) || !is_quantity(n);
}

/* 12175 and 2f8f: WinHTTP's only, announced only. */
static bool short_bare(const struct number *n, uint32_t *ret)
{
    uint64_t decimal;
    uint32_t v = 0;

    if (n->run.len == 5 && parse_decimal(n->run, &decimal))
        v = (uint32_t)decimal;
    else if (n->run.len == 4)
        parse_hex(n->run, &v);
    *ret = cmg_hresult_of(v);
    return is_winhttp(v) && !n->negative && !is_part(n) && announced_number(n);
}

static bool has_0x(cmg_str run)
{
    return run.len > 2 && run.ptr[0] == '0' && cmg_lower(run.ptr[1]) == 'x';
}

static bool judge(const struct number *n, uint32_t *ret)
{
    if (has_0x(n->run))
        return hex_number(n, ret);
    switch (n->run.len) {
    case 4: /* 2f8f */
    case 5: /* 12175 */
        return short_bare(n, ret);
    case 8: /* 80072f8f */
        return bare_hex(n, ret);
    case 10: /* 2147954575 */
        return wide_decimal(n, ret);
    default:
        return false;
    }
}

/* The number that begins at `at`, if one does and it is no longer than a code. */
static bool take(cmg_str t, size_t at, struct number *ret)
{
    size_t end = at;
    if (at && is_word(t.ptr[at - 1]))
        return false;
    while (end < t.len && end - at <= RUN_MAX && is_word(t.ptr[end]))
        end++;
    WORK(end - at + 1);
    if (end - at > RUN_MAX)
        return false;
    *ret = (struct number){t, at, cmg_str_cut(t, at, end), at && t.ptr[at - 1] == '-'};
    return true;
}

/* ---- the search ------------------------------------------------------------------------------ */

struct codes {
    cmg_str text;
    struct cmg_code_hit *hit;
    size_t hits, cap;
};

static void add(struct codes *c, uint32_t value, size_t at)
{
    for (size_t i = 0; i < c->hits; i++)
        if (c->hit[i].hresult == value)
            return;
    if (c->hits < c->cap)
        c->hit[c->hits++] = (struct cmg_code_hit){value, (uint32_t)at};
}

static void __attribute__((noinline)) try_at(struct codes *c, size_t at)
{
    struct number n;
    uint32_t value;
    if (take(c->text, at, &n) && judge(&n, &value))
        add(c, value, at - n.negative);
}

/* 64 places of a text, one bit each. Numbers are frequent and codes are not, and there is nothing
 * that the processor could guess by: so nothing branches before it is known that a word of the
 * right length begins as a spelling does. */
enum { WINDOW = 64 };

struct window {
    uint64_t zero_x; /* 0x, 0X; perhaps more */
    uint64_t pairs;  /* 80 87 12 20 21 22 2e 2f, what the others begin with; perhaps more */
    uint64_t words;  /* letters and digits */
};

/* Reads WINDOW + 1 bytes. */
typedef struct window look_fn(const char *p);

/* The low halves of a digit and of the byte behind it make one byte that tells the pairs apart.
 * Ranges are moved to where a signed comparison sees them as one. */
#ifdef CODES_X86
static inline __m128i in_range(__m128i v, int low, int n)
{
    __m128i moved = _mm_add_epi8(v, _mm_set1_epi8((char)(-128 - low)));
    return _mm_cmplt_epi8(moved, _mm_set1_epi8((char)(-128 + n)));
}

static inline __m128i is(__m128i v, int c)
{
    return _mm_cmpeq_epi8(v, _mm_set1_epi8((char)c));
}

static inline uint64_t bits(__m128i v, unsigned place)
{
    return (uint64_t)(unsigned)_mm_movemask_epi8(v) << place;
}

static inline void look_at_16(const char *p, unsigned place, struct window *w)
{
    __m128i a = _mm_loadu_si128((const void *)p), b = _mm_loadu_si128((const void *)(p + 1));
    __m128i high = _mm_and_si128(_mm_slli_epi16(a, 4), _mm_set1_epi8((char)0xf0));
    __m128i both = _mm_or_si128(high, _mm_and_si128(b, _mm_set1_epi8(0x0f)));
    __m128i hex = _mm_and_si128(in_range(both, 0x25, 2), _mm_cmpgt_epi8(b, _mm_set1_epi8('9')));
    __m128i pair = _mm_or_si128(_mm_or_si128(is(both, 0x12), in_range(both, 0x20, 3)),
                                _mm_or_si128(is(both, 0x80), is(both, 0x87)));
    pair = _mm_or_si128(pair, hex);
    __m128i digit = in_range(a, '0', 10);
    __m128i letter = in_range(_mm_or_si128(a, _mm_set1_epi8(0x20)), 'a', 26);
    w->zero_x |= bits(_mm_and_si128(is(both, 0x08), digit), place);
    w->pairs |= bits(_mm_and_si128(pair, digit), place);
    w->words |= bits(_mm_or_si128(letter, digit), place);
}

static inline struct window look_by_16(const char *p)
{
    struct window w = {0, 0, 0};
    for (unsigned place = 0; place < WINDOW; place += 16)
        look_at_16(p + place, place, &w);
    return w;
}

#define AVX2 __attribute__((target("avx2")))

AVX2 static inline __m256i in_range32(__m256i v, int low, int n)
{
    __m256i moved = _mm256_add_epi8(v, _mm256_set1_epi8((char)(-128 - low)));
    return _mm256_cmpgt_epi8(_mm256_set1_epi8((char)(-128 + n)), moved);
}

AVX2 static inline __m256i is32(__m256i v, int c)
{
    return _mm256_cmpeq_epi8(v, _mm256_set1_epi8((char)c));
}

AVX2 static inline uint64_t bits32(__m256i v, unsigned place)
{
    return (uint64_t)(unsigned)_mm256_movemask_epi8(v) << place;
}

AVX2 static inline void look_at_32(const char *p, unsigned place, struct window *w)
{
    __m256i a = _mm256_loadu_si256((const void *)p), b = _mm256_loadu_si256((const void *)(p + 1));
    __m256i high = _mm256_and_si256(_mm256_slli_epi16(a, 4), _mm256_set1_epi8((char)0xf0));
    __m256i both = _mm256_or_si256(high, _mm256_and_si256(b, _mm256_set1_epi8(0x0f)));
    __m256i hex = in_range32(both, 0x25, 2);
    hex = _mm256_and_si256(hex, _mm256_cmpgt_epi8(b, _mm256_set1_epi8('9')));
    __m256i pair = _mm256_or_si256(_mm256_or_si256(is32(both, 0x12), in_range32(both, 0x20, 3)),
                                   _mm256_or_si256(is32(both, 0x80), is32(both, 0x87)));
    pair = _mm256_or_si256(pair, hex);
    __m256i digit = in_range32(a, '0', 10);
    __m256i letter = in_range32(_mm256_or_si256(a, _mm256_set1_epi8(0x20)), 'a', 26);
    w->zero_x |= bits32(_mm256_and_si256(is32(both, 0x08), digit), place);
    w->pairs |= bits32(_mm256_and_si256(pair, digit), place);
    w->words |= bits32(_mm256_or_si256(letter, digit), place);
}

AVX2 static inline struct window look_by_32(const char *p)
{
    struct window w = {0, 0, 0};
    look_at_32(p, 0, &w);
    look_at_32(p + 32, 32, &w);
    return w;
}
#else
static inline struct window look_plainly(const char *p)
{
    struct window w = {0, 0, 0};
    for (unsigned i = 0; i < WINDOW; i++) {
        w.zero_x |= (uint64_t)(p[i] == '0') << i;
        w.pairs |= (uint64_t)(p[i] == '1' || p[i] == '2' || p[i] == '8') << i;
        w.words |= (uint64_t)cmg_is_alnum(p[i]) << i;
    }
    return w;
}
#endif

/* Bit i: `n` places further on there is a letter or digit. */
static inline uint64_t ahead(uint64_t words, uint64_t next, unsigned n)
{
    return words >> n | next << (WINDOW - n);
}

/* Where words of 4, 5, 8 or 10 letters may begin. `next`: the words of the window behind. */
static inline uint64_t of_right_length(uint64_t words, uint64_t next)
{
    uint64_t ends4or5 = ~(ahead(words, next, 4) & ahead(words, next, 5));
    uint64_t ends8or10 = ahead(words, next, 7) & ~(ahead(words, next, 8) & ahead(words, next, 10));
    return ahead(words, next, 3) & (ends4or5 | ends8or10);
}

/* `before`: bit 0 where a word goes on from the window before. */
static inline uint64_t candidates(const struct window *w, uint64_t before, uint64_t next)
{
    uint64_t begin = ~(w->words << 1 | before);
    return (w->zero_x | (w->pairs & of_right_length(w->words, next))) & begin;
}

static inline void try_all(struct codes *c, size_t from, uint64_t mask)
{
    for (; mask; mask &= mask - 1)
        try_at(c, from + (size_t)__builtin_ctzll(mask));
}

/* The last window from a copy, as if zeros followed the text. */
static inline __attribute__((always_inline)) void scan(struct codes *c, look_fn *look)
{
    char copy[WINDOW + 1] = {0};
    size_t at = 0, len = c->text.len, rest = (len - 1) % WINDOW + 1;
    const char *text = c->text.ptr;
    uint64_t before = 0;
    memcpy(copy, text + len - rest, rest);
    struct window w = look(len > WINDOW ? text : copy);
    for (; at + WINDOW < len; at += WINDOW) {
        size_t behind = at + WINDOW;
        struct window next = look(behind + WINDOW < len ? text + behind : copy);
        try_all(c, at, candidates(&w, before, next.words));
        before = w.words >> (WINDOW - 1);
        w = next;
    }
    try_all(c, at, candidates(&w, before, 0));
}

#ifdef CODES_X86
static void scan_by_16(struct codes *c)
{
    scan(c, look_by_16);
}

AVX2 static void scan_by_32(struct codes *c)
{
    scan(c, look_by_32);
}

static void scan_text(struct codes *c)
{
    if (__builtin_cpu_supports("avx2"))
        scan_by_32(c);
    else
        scan_by_16(c);
}
#else
static void scan_text(struct codes *c)
{
    scan(c, look_plainly);
}
#endif

size_t cmg_codes_scan(cmg_str text, struct cmg_code_hit *hits, size_t cap)
{
    struct codes c = {cmg_str_head(text, UINT32_MAX), hits, 0, cap};
    if (text.len)
        scan_text(&c);
    return c.hits;
}

/* ---- typed by a person ----------------------------------------------------------------------- */

/* A person means a code: no announcing word is asked for, but a number must still be one that can
 * be. */
bool cmg_code_parse(cmg_str s, uint32_t *ret_hresult)
{
    static const char prefix[] = "error ";
    char text[sizeof prefix + RUN_MAX + 1];
    size_t at = sizeof prefix - 1;
    struct number n;

    s = cmg_str_trim(s);
    if (s.len > RUN_MAX + 1 || !s.len)
        return false;
    memcpy(text, prefix, at);
    memcpy(text + at, s.ptr, s.len);
    cmg_str whole = cmg_str_of(text, at + s.len);
    size_t digits = at + (s.ptr[0] == '-');
    return take(whole, digits, &n) && n.at + n.run.len == whole.len && judge(&n, ret_hresult);
}
