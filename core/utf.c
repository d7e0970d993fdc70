/* SPDX-License-Identifier: Apache-2.0
 * UTF-8 checking, and Windows-1252 and UTF-16 made into UTF-8.
 *
 * Well-formed UTF-8 is table 3-7 of the Unicode Standard; what is not becomes one U+FFFD for each
 * maximal part (section 3.9, the practice that web browsers and Python follow). Windows-1252 is
 * Microsoft's best-fit table without its five undefined bytes. */
#include "core/utf.h"

#include "core/v16.h"

#define REPLACEMENT 0xFFFDu

/* ---- UTF-8 -------------------------------------------------------------------------------- */

/* How many ASCII bytes at the front; may stop up to 15 bytes early, but not before the end of a
 * text that is nothing else. */
static size_t ascii_blocks(const char *p, size_t len)
{
    size_t i = 0;
    for (; len - i >= 4 * CMG_V16; i += 4 * CMG_V16) {
        struct cmg_v16 a = cmg_v16_or(cmg_v16_load(p + i), cmg_v16_load(p + i + CMG_V16));
        struct cmg_v16 b =
            cmg_v16_or(cmg_v16_load(p + i + 2 * CMG_V16), cmg_v16_load(p + i + 3 * CMG_V16));
        if (cmg_v16_high(cmg_v16_or(a, b)))
            break;
    }
    for (; len - i >= CMG_V16; i += CMG_V16)
        if (cmg_v16_high(cmg_v16_load(p + i)))
            return i;
    /* the last ones, together with some that are known */
    return len < CMG_V16 || cmg_v16_high(cmg_v16_load(p + len - CMG_V16)) ? i : len;
}

/* What may follow a lead byte: how long the character is (0: no lead byte) and the range of its
 * second byte. */
struct lead {
    uint8_t len, low, high;
};

static struct lead lead_of(uint8_t b)
{
    if (b >= 0xC2 && b <= 0xDF)
        return (struct lead){2, 0x80, 0xBF};
    if (b >= 0xE0 && b <= 0xEF)
        return (struct lead){3, b == 0xE0 ? 0xA0 : 0x80, b == 0xED ? 0x9F : 0xBF};
    if (b >= 0xF0 && b <= 0xF4)
        return (struct lead){4, b == 0xF0 ? 0x90 : 0x80, b == 0xF4 ? 0x8F : 0xBF};
    return (struct lead){0, 0, 0};
}

/* The longest beginning of a character at `p` that is well-formed so far: *ret_whole says whether
 * it is the whole of one. At least 1, so that a byte that means nothing can be stepped over. */
static size_t char_part(const uint8_t *p, size_t len, bool *ret_whole)
{
    struct lead lead = lead_of(p[0]);
    size_t n = 1;
    if (lead.len && len > 1 && p[1] >= lead.low && p[1] <= lead.high)
        for (n = 2; n < lead.len && n < len && (p[n] & 0xC0) == 0x80;)
            n++;
    *ret_whole = p[0] < 0x80 || (lead.len && n == lead.len);
    return n;
}

size_t cmg_utf8_valid(cmg_str s)
{
    const uint8_t *p = (const uint8_t *)s.ptr;
    size_t i = 0;
    while (i < s.len) {
        bool whole = true;
        i += ascii_blocks(s.ptr + i, s.len - i);
        size_t end = s.len - i > 32 ? i + 32 : s.len;
        while (i < end) {
            size_t n = p[i] < 0x80 ? 1 : char_part(p + i, s.len - i, &whole);
            if (!whole)
                return i;
            i += n;
        }
    }
    return i;
}

size_t cmg_utf8_cut(cmg_str s)
{
    for (size_t back = 1; back <= 3 && back <= s.len; back++) {
        const uint8_t *p = (const uint8_t *)s.ptr + s.len - back;
        bool whole;
        if ((*p & 0xC0) == 0x80)
            continue;
        return lead_of(*p).len && char_part(p, back, &whole) == back && !whole ? back : 0;
    }
    return 0;
}

/* ---- from another encoding to code points ------------------------------------------------- */

/* 0x80 to 0x9F of Windows-1252; 0: undefined. */
static const uint16_t cp1252_high[32] = {
    0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0,      0x017D, 0,      0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178,
};

/* One character at the front of what is left of the input. cp REPLACEMENT with `bad`: it has no
 * meaning. */
struct step {
    uint32_t cp;
    size_t used;
    bool bad;
};

static const struct step bad_unit = {REPLACEMENT, 2, true};

static struct step step_cp1252(const uint8_t *p)
{
    uint32_t cp = *p;
    if (cp >= 0x80 && cp < 0xA0)
        cp = cp1252_high[cp - 0x80];
    if (cp == 0 && *p)
        return (struct step){REPLACEMENT, 1, true};
    return (struct step){cp, 1, false};
}

static uint32_t unit_at(const uint8_t *p, bool big)
{
    return big ? (uint32_t)(p[0] << 8 | p[1]) : (uint32_t)(p[1] << 8 | p[0]);
}

static struct step step_utf16(const uint8_t *p, size_t len, bool big)
{
    if (len < 2)
        return (struct step){REPLACEMENT, 1, true};
    uint32_t high = unit_at(p, big);
    if (high < 0xD800 || high > 0xDFFF)
        return (struct step){high, 2, false};
    if (high >= 0xDC00 || len < 4)
        return bad_unit;
    uint32_t low = unit_at(p + 2, big);
    if (low < 0xDC00 || low > 0xDFFF)
        return bad_unit;
    return (struct step){0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00), 4, false};
}

static struct step step_any(enum cmg_encoding from, const uint8_t *p, size_t len)
{
    if (from == CMG_ENC_CP1252)
        return step_cp1252(p);
    return step_utf16(p, len, from == CMG_ENC_UTF16BE);
}

/* ---- and to UTF-8 ------------------------------------------------------------------------- */

static size_t utf8_size(uint32_t cp)
{
    return cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
}

static char *utf8_put(char *p, uint32_t cp)
{
    size_t n = utf8_size(cp);
    static const uint8_t mark[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = n - 1; i > 0; i--, cp >>= 6)
        p[i] = (char)(0x80 | (cp & 0x3F));
    p[0] = (char)(mark[n] | cp);
    return p + n;
}

/* How long the result will be, so that one reservation serves and the cap is exact. */
static size_t measure(enum cmg_encoding from, cmg_str s, size_t *ret_replaced)
{
    size_t n = 0, bad = 0;
    for (size_t i = 0; i < s.len;) {
        struct step st = step_any(from, (const uint8_t *)s.ptr + i, s.len - i);
        n += utf8_size(st.cp);
        bad += st.bad;
        i += st.used;
    }
    *ret_replaced = bad;
    return n;
}

static enum cmg_rc convert(enum cmg_encoding from, cmg_str s, struct cmg_buf *out,
                           size_t *ret_replaced)
{
    size_t bad, need = measure(from, s, &bad);
    enum cmg_rc rc = cmg_buf_reserve(out, need);
    if (rc != CMG_OK)
        return rc;
    char *p = out->ptr + out->len;
    for (size_t i = 0; i < s.len;) {
        struct step st = step_any(from, (const uint8_t *)s.ptr + i, s.len - i);
        if (st.cp < 0x80)
            *p++ = (char)st.cp;
        else
            p = utf8_put(p, st.cp);
        i += st.used;
    }
    out->len += need;
    *ret_replaced = bad;
    return CMG_OK;
}

/* Valid runs as they are, each invalid part as one U+FFFD. With `out` NULL only measures. */
static size_t repair(cmg_str s, char *out, size_t *ret_replaced)
{
    size_t n = 0, bad = 0;
    for (bool whole;;) {
        size_t valid = cmg_utf8_valid(s);
        if (out && valid)
            memcpy(out + n, s.ptr, valid);
        n += valid;
        s = cmg_str_from(s, valid);
        if (!s.len)
            break;
        if (out)
            utf8_put(out + n, REPLACEMENT);
        n += utf8_size(REPLACEMENT);
        bad++;
        s = cmg_str_from(s, char_part((const uint8_t *)s.ptr, s.len, &whole));
    }
    *ret_replaced = bad;
    return n;
}

enum cmg_rc cmg_utf8_from(enum cmg_encoding from, cmg_str s, struct cmg_buf *out,
                          size_t *ret_replaced)
{
    if (!s.len) {
        *ret_replaced = 0;
        return CMG_OK;
    }
    if (from != CMG_ENC_UTF8)
        return convert(from, s, out, ret_replaced);
    size_t bad, need = repair(s, NULL, &bad);
    enum cmg_rc rc = cmg_buf_reserve(out, need);
    if (rc == CMG_OK)
        out->len += repair(s, out->ptr + out->len, ret_replaced);
    return rc;
}

size_t cmg_utf8_source_len(enum cmg_encoding enc, cmg_str s)
{
    size_t chars = 0, long_ones = 0;
    if (enc == CMG_ENC_UTF8)
        return s.len;
    for (size_t i = 0; i < s.len; i++) {
        chars += (s.ptr[i] & 0xC0) != 0x80;
        long_ones += (uint8_t)s.ptr[i] >= 0xF0;
    }
    return enc == CMG_ENC_CP1252 ? chars : 2 * (chars + long_ones);
}
