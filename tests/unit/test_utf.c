/* SPDX-License-Identifier: Apache-2.0
 * Text encodings against iconv(3), counting, and a table made with Python's decoder
 * (errors="replace"). */
#include "core/utf.h"

#include <criterion/criterion.h>
#include <iconv.h>
#include <stdio.h>

#define S(s)                                                                                       \
    {                                                                                              \
        "" s, sizeof(s) - 1                                                                        \
    }
#define R "\xef\xbf\xbd"

/* ---- oracles ------------------------------------------------------------------------------ */

/* Whole of `in` by iconv(3), which must accept it. */
static size_t by_iconv(const char *from, const char *to, cmg_str in, char *out, size_t size)
{
    iconv_t cd = iconv_open(to, from);
    cr_assert(cd != (iconv_t)-1, "%s", from);
    char *src = (char *)(uintptr_t)in.ptr, *dst = out;
    size_t left = in.len, room = size;
    size_t rc = iconv(cd, &src, &left, &dst, &room);
    iconv_close(cd);
    return rc == (size_t)-1 ? 0 : size - room;
}

/* The textbook encoder. */
static size_t encode(uint32_t cp, char out[4])
{
    if (cp < 0x80)
        return out[0] = (char)cp, 1;
    if (cp < 0x800)
        return out[0] = (char)(0xC0 | cp >> 6), out[1] = (char)(0x80 | (cp & 63)), 2;
    if (cp < 0x10000)
        return out[0] = (char)(0xE0 | cp >> 12), out[1] = (char)(0x80 | (cp >> 6 & 63)),
               out[2] = (char)(0x80 | (cp & 63)), 3;
    out[0] = (char)(0xF0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 63));
    out[2] = (char)(0x80 | (cp >> 6 & 63));
    out[3] = (char)(0x80 | (cp & 63));
    return 4;
}

static bool is_scalar(uint32_t cp)
{
    return cp < 0xD800 || cp > 0xDFFF;
}

/* ---- UTF-8 -------------------------------------------------------------------------------- */

Test(utf, every_character_is_valid_and_every_part_of_it_is_cut)
{
    char text[4];
    for (uint32_t cp = 0; cp <= 0x10FFFF; cp++) {
        size_t n = encode(cp, text);
        if (!is_scalar(cp)) {
            cr_assert_eq(cmg_utf8_valid(cmg_str_of(text, n)), 0, "U+%04X", cp);
            continue;
        }
        cr_assert_eq(cmg_utf8_valid(cmg_str_of(text, n)), n, "U+%04X", cp);
        cr_assert_eq(cmg_utf8_cut(cmg_str_of(text, n)), 0, "U+%04X", cp);
        for (size_t part = 1; part < n; part++)
            cr_assert_eq(cmg_utf8_cut(cmg_str_of(text, part)), part, "U+%04X", cp);
    }
}

/* Nothing else is valid: the number of valid strings of 2, 3 and 4 bytes follows from the number of
 * characters of each length (128; 1,920; 61,440; 1,048,576). The fourth byte is walked only where
 * it matters. */
Test(utf, nothing_else_is_valid)
{
    uint64_t two = 0, three = 0, four = 0;
    char t[4];
    for (unsigned v = 0; v < 1u << 24; v++) {
        t[0] = (char)(v >> 16), t[1] = (char)(v >> 8), t[2] = (char)v;
        two += t[2] == 0 && cmg_utf8_valid(cmg_str_of(t, 2)) == 2;
        three += cmg_utf8_valid(cmg_str_of(t, 3)) == 3;
        if ((unsigned char)t[0] < 0xF0)
            continue;
        for (unsigned last = 0x7F; last <= 0xC0; last++) {
            t[3] = (char)last;
            four += cmg_utf8_valid(cmg_str_of(t, 4)) == 4;
        }
    }
    cr_assert_eq(two, 128 * 128 + 1920);
    cr_assert_eq(three, 128 * 128 * 128 + 2 * 128 * 1920 + 61440);
    cr_assert_eq(four, 1048576);
}

/* One bad byte at every place of a text, whatever its length: found exactly there. */
Test(utf, the_bad_byte_is_found_at_every_place)
{
    char text[200];
    for (size_t len = 1; len <= sizeof text; len++)
        for (size_t at = 0; at < len; at++) {
            memset(text, 'x', sizeof text);
            text[at] = (char)0xFF;
            cr_assert_eq(cmg_utf8_valid(cmg_str_of(text, len)), at, "%zu of %zu", at, len);
            text[at] = (char)0xE9;
            cr_assert_eq(cmg_utf8_valid(cmg_str_of(text, len)), at, "%zu of %zu", at, len);
        }
}

Test(utf, what_is_not_the_beginning_of_a_character_is_not_cut)
{
    static const struct {
        cmg_str s;
        size_t cut;
    } rows[] = {
        {S(""), 0},
        {S("a"), 0},
        {S("\x80"), 0},
        {S("\xbf\xbf\xbf\xbf"), 0},
        {S("\xc0"), 0},
        {S("\xf5"), 0},
        {S("\xe0\x80"), 0},
        {S("\xed\xa0"), 0},
        {S("\xf4\x90"), 0},
        {S("\xf0\x8f"), 0},
        {S("a\xc3"), 1},
        {S("\xc3\xa9\xe2\x82"), 2},
        {S("\xff\xc2"), 1},
        {S("\xf0\x9f\x98"), 3},
        {S("\xf4\x8f\xbf"), 3},
        {S("\xe2\x82\xac\x82"), 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_assert_eq(cmg_utf8_cut(rows[i].s), rows[i].cut, "row %zu", i);
}

static const struct {
    cmg_str in, out;
    size_t replaced;
} repairs[] = {
    {S(""), S(""), 0},
    {S("plain"), S("plain"), 0},
    {S("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), S("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), 0},
    {S("\x80"), S(R), 1},
    {S("\xbf\xbf"), S(R R), 2},
    {S("\xc0\xaf"), S(R R), 2},
    {S("\xc1\xbf"), S(R R), 2},
    {S("\xe0\x80\xaf"), S(R R R), 3},
    {S("\xe0\x9f\xbf"), S(R R R), 3},
    {S("\xed\xa0\x80"), S(R R R), 3},
    {S("\xed\xbf\xbf"), S(R R R), 3},
    {S("\xf0\x80\x80\xaf"), S(R R R R), 4},
    {S("\xf0\x8f\xbf\xbf"), S(R R R R), 4},
    {S("\xf4\x90\x80\x80"), S(R R R R), 4},
    {S("\xf5\x80\x80\x80"), S(R R R R), 4},
    {S("\xf8\x88\x80\x80\x80"), S(R R R R R), 5},
    {S("\xff\xfe"), S(R R), 2},
    {S("a\xe2\x82"
       "b"),
     S("a" R "b"), 1},
    {S("a\xe2\x82"), S("a" R), 1},
    {S("\xf0\x9f\x98"), S(R), 1},
    {S("\xf0\x9f\x98"
       "A"),
     S(R "A"), 1},
    {S("\xf0\x9f"
       "A"),
     S(R "A"), 1},
    {S("\xc3"), S(R), 1},
    {S("\xc3"
       "A"),
     S(R "A"), 1},
    {S("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf"
       "A"),
     S(R R R R "A"), 4},
    {S("\xf1\x80\x80\xe1\x80\xc2"
       "b\x80"
       "c\x80\xbf"
       "d"),
     S(R R R "b" R "c" R R "d"), 6},
    {S("0123456789abcdef0123456789abcde\xe9"), S("0123456789abcdef0123456789abcde" R), 1},
    {S("0123456789abcdef0123456789abcdef\xc3\xa9\xe9tail"),
     S("0123456789abcdef0123456789abcdef\xc3\xa9" R "tail"), 1},
    {S("\x90\xed\x7f\x80\xf5\x8f"), S(R R "\x7f" R R R), 5},
    {S("\x7f\xf4\xa0\x7f\x80\xef"), S("\x7f" R R "\x7f" R R), 4},
    {S("\x80\xbf\x80\xf5\xef\x7f\x8f"), S(R R R R R "\x7f" R), 6},
    {S("\x7f\xed\x7f\xbf\x7f"), S("\x7f" R "\x7f" R "\x7f"), 2},
    {S("\xdf\xef\x90\xf5\x8f"), S(R R R R), 4},
    {S("\xf5\x9f\x8f\xa0\xe1\x8f"), S(R R R R R), 5},
    {S("\x7f\xa0\xf1\xf5"), S("\x7f" R R R), 3},
    {S("\xe0\xf0\xf0\xe1\xdf\xbf\x9f"), S(R R R R "\xdf\xbf" R), 5},
    {S("\x80\xdf\xf4\xf1\xe0"), S(R R R R R), 5},
    {S("\xdf\x80\x8f\xf4\xef\x9f\xe0"), S("\xdf\x80" R R R R), 4},
    {S("\xf1\xef\x7f\x80\xf5"), S(R R "\x7f" R R), 4},
    {S("\xe0\xe1\xf1\xf0\x80\x80"), S(R R R R R R), 6},
    {S("\xf1\x80\x7f\xdf\xf0\xdf"), S(R "\x7f" R R R), 4},
    {S("\xe1"
       "A\xf0\xe1\x9f\x8f\xf1"),
     S(R "A" R "\xe1\x9f\x8f" R), 3},
    {S("\xa0\xdf\x90\xbf"), S(R "\xdf\x90" R), 2},
    {S("\xed\xf1\x80\x9f\xf0\xed\xf5"), S(R R R R R), 5},
};

Test(utf, invalid_parts_become_one_replacement_each)
{
    for (size_t i = 0; i < sizeof repairs / sizeof repairs[0]; i++) {
        struct cmg_buf out = cmg_buf_init(1000);
        size_t replaced = 99;
        cr_assert_eq(cmg_utf8_from(CMG_ENC_UTF8, repairs[i].in, &out, &replaced), CMG_OK);
        cr_assert(cmg_str_eq(cmg_buf_str(&out), repairs[i].out), "row %zu: %.*s", i, (int)out.len,
                  out.ptr);
        cr_assert_eq(replaced, repairs[i].replaced, "row %zu", i);
        cmg_buf_done(&out);
    }
}

/* ---- Windows-1252 ------------------------------------------------------------------------- */

Test(utf, windows_1252_is_what_iconv_says)
{
    size_t holes = 0;
    for (unsigned b = 0; b < 256; b++) {
        char in = (char)b, want[8];
        size_t n = by_iconv("CP1252", "UTF-8", cmg_str_of(&in, 1), want, sizeof want), replaced;
        struct cmg_buf out = cmg_buf_init(16);
        cr_assert_eq(cmg_utf8_from(CMG_ENC_CP1252, cmg_str_of(&in, 1), &out, &replaced), CMG_OK);
        cr_assert_eq(replaced, n == 0, "byte %02x", b);
        holes += n == 0;
        cmg_str expected = n ? cmg_str_of(want, n) : CMG_LIT(R);
        cr_assert(cmg_str_eq(cmg_buf_str(&out), expected), "byte %02x", b);
        cr_assert_eq(cmg_utf8_source_len(CMG_ENC_CP1252, expected), 1);
        cmg_buf_done(&out);
    }
    cr_assert_eq(holes, 5);
}

/* ---- UTF-16 ------------------------------------------------------------------------------- */

static const struct {
    enum cmg_encoding enc;
    const char *name;
} wide[] = {{CMG_ENC_UTF16LE, "UTF-16LE"}, {CMG_ENC_UTF16BE, "UTF-16BE"}};

Test(utf, utf16_is_what_iconv_says)
{
    enum { CHARS = 0x110000 - 0x800 };
    char *utf8 = malloc(CHARS * 4), *utf16 = malloc(CHARS * 4);
    size_t n = 0;
    for (uint32_t cp = 0; cp <= 0x10FFFF; cp++)
        if (is_scalar(cp))
            n += encode(cp, utf8 + n);
    for (size_t i = 0; i < 2; i++) {
        size_t m = by_iconv("UTF-8", wide[i].name, cmg_str_of(utf8, n), utf16, CHARS * 4),
               replaced = 1;
        struct cmg_buf out = cmg_buf_init(CHARS * 4);
        cr_assert_eq(cmg_utf8_from(wide[i].enc, cmg_str_of(utf16, m), &out, &replaced), CMG_OK);
        cr_assert_eq(replaced, 0);
        cr_assert(cmg_str_eq(cmg_buf_str(&out), cmg_str_of(utf8, n)));
        cr_assert_eq(cmg_utf8_source_len(wide[i].enc, cmg_buf_str(&out)), m);
        cmg_buf_done(&out);
    }
    free(utf8);
    free(utf16);
}

Test(utf, halves_of_utf16_are_replaced)
{
    static const struct {
        cmg_str be, out;
        size_t replaced;
    } rows[] = {
        {S("\xd8\x3d\xde\x00"), S("\xf0\x9f\x98\x80"), 0},
        {S("\xd8\x3d"), S(R), 1},
        {S("\xd8\x3d\x00\x41"), S(R "A"), 1},
        {S("\xde\x00\x00\x41"), S(R "A"), 1},
        {S("\xd8\x3d\xd8\x3d\xde\x00"), S(R "\xf0\x9f\x98\x80"), 1},
        {S("\xd8\x3d\xde"), S(R R), 2},
        {S("\x00\x41\x00"), S("A" R), 1},
        {S("\x00"), S(R), 1},
    };
    for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
        char le[8];
        cmg_str in = rows[i / 2].be;
        memcpy(le, in.ptr, in.len);
        for (size_t k = 0; i % 2 && k + 1 < in.len; k += 2)
            le[k] = in.ptr[k + 1], le[k + 1] = in.ptr[k];
        struct cmg_buf out = cmg_buf_init(100);
        size_t replaced = 99;
        enum cmg_encoding enc = i % 2 ? CMG_ENC_UTF16LE : CMG_ENC_UTF16BE;
        cr_assert_eq(cmg_utf8_from(enc, cmg_str_of(le, in.len), &out, &replaced), CMG_OK);
        cr_assert(cmg_str_eq(cmg_buf_str(&out), rows[i / 2].out), "row %zu", i / 2);
        cr_assert_eq(replaced, rows[i / 2].replaced, "row %zu", i / 2);
        cmg_buf_done(&out);
    }
}

/* ---- all or nothing ----------------------------------------------------------------------- */

Test(utf, the_cap_is_exact_and_a_failure_changes_nothing)
{
    static const struct {
        enum cmg_encoding enc;
        cmg_str in;
        size_t need;
    } rows[] = {
        {CMG_ENC_UTF8, S("caf\xc3\xa9\xff"), 8},
        {CMG_ENC_CP1252, S("caf\xe9 \x80"), 9},
        {CMG_ENC_UTF16LE, S("c\0\xac\x20"), 4},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (int d = -1; d <= 1; d++) {
            size_t replaced = 77;
            struct cmg_buf out = cmg_buf_init(3 + rows[i].need + (size_t)d);
            cr_assert_eq(cmg_buf_add(&out, CMG_LIT("abc")), CMG_OK);
            enum cmg_rc rc = cmg_utf8_from(rows[i].enc, rows[i].in, &out, &replaced);
            cr_assert_eq(rc, d < 0 ? CMG_ELIMIT : CMG_OK, "row %zu, %d", i, d);
            cr_assert_eq(out.len, d < 0 ? 3 : 3 + rows[i].need, "row %zu, %d", i, d);
            cr_assert(d >= 0 || replaced == 77);
            cmg_buf_done(&out);
        }
}
