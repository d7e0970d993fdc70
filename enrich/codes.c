/* SPDX-License-Identifier: Apache-2.0
 *
 * Error numbers in running text. Two steps: pairs of bytes that begin a spelling are found sixteen
 * places at a time, and what stands there is then judged exactly.
 *
 * A number is a code by itself only in a full spelling (0x80072f8f, 80072f8f, -2147012721,
 * 2147954575) whose facility errors really have; the short ones (0x2f8f, 2f8f, 12175) are as common
 * as thread numbers, sizes and times, so they need a word before them that announces a code. Facts:
 * MS-ERREF 2.1 (HRESULT), "Error Messages (Winhttp.h)" in the Win32 documentation, and what client
 * and server logs write. */
#include "enrich/codes.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
    SEPARATORS_MAX = 5,    /* between an announcing word and its number: ` = "(` and one to spare */
    RUN_MAX = 10,          /* the longest spelling: 0x80072f8f, 2147954575 */
    WINHTTP_FIRST = 12001, /* winhttp.h counts its errors from 12000 */
    WINHTTP_LAST = 12199,
};

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

enum { STEP = 16 };

/* Which of the 16 pairs at `p` (17 bytes) begin a spelling: 0x 0X, 80 87, 12, 20 21 22 2e 2f. May
 * have too many bits, never too few. */
#ifdef __SSE2__
static inline __m128i is(__m128i v, char c)
{
    return _mm_cmpeq_epi8(v, _mm_set1_epi8(c));
}

static inline __m128i masked_is(__m128i v, int mask, char c)
{
    return is(_mm_and_si128(v, _mm_set1_epi8((char)mask)), c);
}

static inline unsigned pairs(const char *p)
{
    __m128i a = _mm_loadu_si128((const void *)p), b = _mm_loadu_si128((const void *)(p + 1));
    __m128i x = _mm_and_si128(is(a, '0'), masked_is(b, 0xdf, 'X'));
    __m128i eight = _mm_and_si128(is(a, '8'), _mm_or_si128(is(b, '0'), is(b, '7')));
    __m128i twelve = _mm_and_si128(is(a, '1'), is(b, '2'));
    /* 0xfc: '0' to '3'; 0xdc: D to G in either case */
    __m128i two =
        _mm_and_si128(is(a, '2'), _mm_or_si128(masked_is(b, 0xfc, '0'), masked_is(b, 0xdc, 'D')));
    return (unsigned)_mm_movemask_epi8(
        _mm_or_si128(_mm_or_si128(x, eight), _mm_or_si128(twelve, two)));
}
#else
static unsigned pairs(const char *p)
{
    unsigned mask = 0;
    for (unsigned i = 0; i < STEP; i++)
        mask |= (unsigned)(p[i] == '0' || p[i] == '1' || p[i] == '2' || p[i] == '8') << i;
    return mask;
}
#endif

/* Most pairs are the middle of an identifier or the head of a longer or shorter number. This says
 * so without a branch that the processor would guess wrongly. Reads p[-1] to p[10]. */
static inline bool plausible(const char *p)
{
    const unsigned char *u = (const unsigned char *)p;
    unsigned ends4or5 = (word[u[4]] & word[u[5]]) ^ 1u;
    unsigned ends8or10 = word[u[7]] & ((word[u[8]] & word[u[10]]) ^ 1u);
    return (word[u[-1]] ^ 1u) & word[u[3]] & (ends4or5 | ends8or10);
}

static inline void try_pairs(struct codes *c, size_t from, unsigned mask)
{
    for (; mask; mask &= mask - 1) {
        size_t at = from + (size_t)__builtin_ctz(mask);
        const char *p = c->text.ptr + at;
        bool inside = at && at + RUN_MAX < c->text.len;
        if (!inside || cmg_lower(p[1]) == 'x' || plausible(p))
            try_at(c, at);
    }
}

/* A text of less than 17 bytes is judged from a copy with room behind it. */
static void scan_short(struct codes *c)
{
    char copy[STEP + 1] = {0};
    memcpy(copy, c->text.ptr, c->text.len);
    try_pairs(c, 0, pairs(copy));
}

size_t cmg_codes_scan(cmg_str text, struct cmg_code_hit *hits, size_t cap)
{
    struct codes c = {cmg_str_head(text, UINT32_MAX), hits, 0, cap};
    size_t at = 0;
    if (!text.len)
        return 0;
    if (c.text.len <= STEP) {
        scan_short(&c);
        return c.hits;
    }
    for (; at + STEP < c.text.len; at += STEP)
        try_pairs(&c, at, pairs(c.text.ptr + at));
    /* The last block again, from its end: the pairs that were seen already are shifted out. */
    size_t last = c.text.len - STEP - 1;
    unsigned seen = (unsigned)(at - last);
    try_pairs(&c, at, (pairs(c.text.ptr + last) & 0xffff) >> seen);
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
