/* SPDX-License-Identifier: Apache-2.0
 * MessagePack against the table of its specification (msgpack.org): every first byte, every
 * boundary of the writer's forms, every way to be cut short. */
#include "core/msgpack.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define S(s)                                                                                       \
    {                                                                                              \
        "" s, sizeof(s) - 1                                                                        \
    }

/* ---- reading what the specification shows ------------------------------------------------- */

static const struct {
    cmg_str bytes;
    enum cmg_mp_type type;
    int64_t number; /* value, count, or length */
} tokens[] = {
    {S("\xc0"), CMG_MP_NIL, 0},
    {S("\xc2"), CMG_MP_BOOL, 0},
    {S("\xc3"), CMG_MP_BOOL, 1},
    {S("\x00"), CMG_MP_UINT, 0},
    {S("\x7f"), CMG_MP_UINT, 127},
    {S("\xe0"), CMG_MP_INT, -32},
    {S("\xff"), CMG_MP_INT, -1},
    {S("\xcc\xff"), CMG_MP_UINT, 255},
    {S("\xcd\x01\x00"), CMG_MP_UINT, 256},
    {S("\xce\xff\xff\xff\xff"), CMG_MP_UINT, 4294967295},
    {S("\xcf\x7f\xff\xff\xff\xff\xff\xff\xff"), CMG_MP_UINT, INT64_MAX},
    {S("\xd0\x80"), CMG_MP_INT, -128},
    {S("\xd0\x05"), CMG_MP_UINT, 5},
    {S("\xd1\x80\x00"), CMG_MP_INT, -32768},
    {S("\xd2\x80\x00\x00\x00"), CMG_MP_INT, INT32_MIN},
    {S("\xd3\x80\x00\x00\x00\x00\x00\x00\x00"), CMG_MP_INT, INT64_MIN},
    {S("\xd3\x00\x00\x00\x00\x00\x00\x00\x07"), CMG_MP_UINT, 7},
    {S("\xca\x3f\xc0\x00\x00"), CMG_MP_FLOAT, 1},
    {S("\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"), CMG_MP_FLOAT, 1},
    {S("\xa0"), CMG_MP_STR, 0},
    {S("\xa3xyz"), CMG_MP_STR, 3},
    {S("\xd9\x02xy"), CMG_MP_STR, 2},
    {S("\xda\x00\x01x"), CMG_MP_STR, 1},
    {S("\xdb\x00\x00\x00\x01x"), CMG_MP_STR, 1},
    {S("\xc4\x01x"), CMG_MP_BIN, 1},
    {S("\xc5\x00\x01x"), CMG_MP_BIN, 1},
    {S("\xc6\x00\x00\x00\x01x"), CMG_MP_BIN, 1},
    {S("\xd4\x2a"
       "1"),
     CMG_MP_EXT, 1},
    {S("\xd5\x2a"
       "12"),
     CMG_MP_EXT, 2},
    {S("\xd6\x2a"
       "1234"),
     CMG_MP_EXT, 4},
    {S("\xd7\x2a"
       "12345678"),
     CMG_MP_EXT, 8},
    {S("\xd8\x2a"
       "0123456789abcdef"),
     CMG_MP_EXT, 16},
    {S("\xc7\x03\x2a"
       "123"),
     CMG_MP_EXT, 3},
    {S("\xc8\x00\x03\x2a"
       "123"),
     CMG_MP_EXT, 3},
    {S("\xc9\x00\x00\x00\x03\x2a"
       "123"),
     CMG_MP_EXT, 3},
    {S("\x90"), CMG_MP_ARRAY, 0},
    {S("\x92\xc0\xc0"), CMG_MP_ARRAY, 2},
    {S("\xdc\x00\x01\xc0"), CMG_MP_ARRAY, 1},
    {S("\xdd\x00\x00\x00\x01\xc0"), CMG_MP_ARRAY, 1},
    {S("\x80"), CMG_MP_MAP, 0},
    {S("\x81\xa1"
       "a\xc0"),
     CMG_MP_MAP, 1},
    {S("\xde\x00\x01\xa1"
       "a\xc0"),
     CMG_MP_MAP, 1},
    {S("\xdf\x00\x00\x00\x01\xa1"
       "a\xc0"),
     CMG_MP_MAP, 1},
};

static int64_t number_of(const struct cmg_mp_token *t)
{
    switch (t->type) {
    case CMG_MP_NIL:
        return 0;
    case CMG_MP_BOOL:
        return t->b;
    case CMG_MP_UINT:
        return (int64_t)t->u;
    case CMG_MP_INT:
        return t->i;
    case CMG_MP_FLOAT:
        return (int64_t)t->d;
    case CMG_MP_ARRAY:
    case CMG_MP_MAP:
        return t->n;
    default:
        return (int64_t)t->s.len;
    }
}

Test(msgpack, tokens_of_the_specification)
{
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        cmg_str rest = tokens[i].bytes;
        struct cmg_mp_token t;
        cr_assert(cmg_mp_next(&rest, &t), "row %zu", i);
        cr_assert_eq(t.type, tokens[i].type, "row %zu", i);
        cr_assert_eq(number_of(&t), tokens[i].number, "row %zu", i);
        cr_assert(t.type != CMG_MP_EXT || t.ext == 0x2a, "row %zu", i);
        cr_assert(t.type != CMG_MP_FLOAT || (t.d > 1.49 && t.d < 1.51), "row %zu", i);
        rest = tokens[i].bytes;
        cr_assert(cmg_mp_skip(&rest), "row %zu", i);
        cr_assert_eq(rest.len, 0, "row %zu", i);
    }
}

/* Cut anywhere, each in a block of its own size: refused, and the reader has not moved. */
Test(msgpack, nothing_cut_short_is_taken)
{
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++)
        for (size_t n = 0; n < tokens[i].bytes.len; n++) {
            char *copy = malloc(n ? n : 1);
            memcpy(copy, tokens[i].bytes.ptr, n);
            cmg_str rest = cmg_str_of(copy, n), bytes;
            struct cmg_mp_token t;
            if (tokens[i].type < CMG_MP_ARRAY)
                cr_assert_not(cmg_mp_next(&rest, &t), "row %zu, %zu bytes", i, n);
            cr_assert_not(cmg_mp_skip(&rest), "row %zu, %zu bytes", i, n);
            cr_assert_not(cmg_mp_object(&rest, &bytes), "row %zu, %zu bytes", i, n);
            cr_assert(rest.ptr == copy && rest.len == n, "row %zu, %zu bytes", i, n);
            free(copy);
        }
    cmg_str never = CMG_LIT("\xc1");
    cr_assert_not(cmg_mp_skip(&never));
}

Test(msgpack, counts_that_cannot_be_true_are_refused_at_once)
{
    static const cmg_str lies[] = {
        S("\xdd\xff\xff\xff\xff\xc0"),
        S("\xdf\xff\xff\xff\xff\xc0"),
        S("\xdf\x80\x00\x00\x00\xc0"),
        S("\x91\xdd\xff\xff\xff\xff"),
        S("\xdb\xff\xff\xff\xffx"),
        S("\xc9\xff\xff\xff\xff\x01x"),
        S("\x92\x90"),
        S("\x81\xc0"),
    };
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        cmg_str rest = lies[i];
        cr_assert_not(cmg_mp_skip(&rest), "row %zu", i);
        cr_assert_eq(rest.len, lies[i].len, "row %zu", i);
    }
}

/* A million arrays, each in the one before: skipping needs neither stack nor memory. */
Test(msgpack, depth_costs_nothing)
{
    enum { DEPTH = 1000000 };
    char *deep = malloc(DEPTH + 2);
    memset(deep, '\x91', DEPTH);
    deep[DEPTH] = '\xc0';
    deep[DEPTH + 1] = '\x01';
    cmg_str rest = cmg_str_of(deep, DEPTH + 2);
    cr_assert(cmg_mp_skip(&rest));
    cr_assert_eq(rest.len, 1);
    rest = cmg_str_of(deep, DEPTH);
    cr_assert_not(cmg_mp_skip(&rest));
    free(deep);
}

Test(msgpack, a_key_is_found_in_a_map)
{
    cmg_str map = CMG_LIT("\x84\xa1"
                          "a\x93\x01\x02\x03\x05\xc0\xa3log\xa4text\xa1"
                          "z\x80"),
            v;
    cr_assert(cmg_mp_find(map, CMG_LIT("log"), &v));
    cr_assert(cmg_str_starts(v, CMG_LIT("\xa4text")));
    cr_assert_eq(v.len, 5);
    cr_assert(cmg_mp_find(map, CMG_LIT("a"), &v));
    cr_assert_eq(v.len, 4);
    cr_assert(cmg_mp_find(map, CMG_LIT("z"), &v));
    cr_assert_not(cmg_mp_find(map, CMG_LIT("lo"), &v));
    cr_assert_not(cmg_mp_find(map, CMG_LIT(""), &v));
    cr_assert_not(cmg_mp_find(CMG_LIT("\x91\xa1"
                                      "a"),
                              CMG_LIT("a"), &v));
    cr_assert_not(cmg_mp_find(CMG_LIT("\x82\xa1"
                                      "b\xc0\xa1"
                                      "a"),
                              CMG_LIT("a"), &v));
    cr_assert_not(cmg_mp_find(CMG_LIT(""), CMG_LIT("a"), &v));
}

/* ---- writing ------------------------------------------------------------------------------ */

Test(msgpack, numbers_take_their_shortest_form)
{
    static const struct {
        int64_t v;
        cmg_str bytes;
    } rows[] = {
        {0, S("\x00")},
        {127, S("\x7f")},
        {128, S("\xcc\x80")},
        {255, S("\xcc\xff")},
        {256, S("\xcd\x01\x00")},
        {65535, S("\xcd\xff\xff")},
        {65536, S("\xce\x00\x01\x00\x00")},
        {4294967295, S("\xce\xff\xff\xff\xff")},
        {4294967296, S("\xcf\x00\x00\x00\x01\x00\x00\x00\x00")},
        {INT64_MAX, S("\xcf\x7f\xff\xff\xff\xff\xff\xff\xff")},
        {-1, S("\xff")},
        {-32, S("\xe0")},
        {-33, S("\xd0\xdf")},
        {-128, S("\xd0\x80")},
        {-129, S("\xd1\xff\x7f")},
        {-32768, S("\xd1\x80\x00")},
        {-32769, S("\xd2\xff\xff\x7f\xff")},
        {INT32_MIN, S("\xd2\x80\x00\x00\x00")},
        {(int64_t)INT32_MIN - 1, S("\xd3\xff\xff\xff\xff\x7f\xff\xff\xff")},
        {INT64_MIN, S("\xd3\x80\x00\x00\x00\x00\x00\x00\x00")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cmg_buf out = cmg_buf_init(100);
        cr_assert_eq(cmg_mp_int(&out, rows[i].v), CMG_OK);
        cr_assert(cmg_str_eq(cmg_buf_str(&out), rows[i].bytes), "%lld", (long long)rows[i].v);
        cmg_buf_done(&out);
    }
}

Test(msgpack, other_tokens_as_the_specification_shows)
{
    struct cmg_buf out = cmg_buf_init(1000);
    cr_assert_eq(cmg_mp_nil(&out), CMG_OK);
    cr_assert_eq(cmg_mp_bool(&out, false), CMG_OK);
    cr_assert_eq(cmg_mp_bool(&out, true), CMG_OK);
    cr_assert_eq(cmg_mp_uint(&out, UINT64_MAX), CMG_OK);
    cr_assert_eq(cmg_mp_float(&out, 1.5), CMG_OK);
    cr_assert_eq(cmg_mp_joined(&out, CMG_LIT("ab"), CMG_LIT("c")), CMG_OK);
    cr_assert_eq(cmg_mp_ext(&out, 0, CMG_LIT("12345678")), CMG_OK);
    cr_assert_eq(cmg_mp_ext(&out, -1, CMG_LIT("123")), CMG_OK);
    cr_assert_eq(cmg_mp_ext(&out, 5, CMG_LIT("")), CMG_OK);
    cmg_str want =
        CMG_LIT("\xc0\xc2\xc3\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xcb\x3f\xf8\0\0\0\0\0\0\xa3"
                "abc"
                "\xd7\x00"
                "12345678\xc7\x03\xff"
                "123\xc7\x00\x05");
    cr_assert(cmg_str_eq(cmg_buf_str(&out), want));
    cmg_buf_done(&out);
}

/* Lengths around every boundary, written, read back, and the form counted from the size. */
Test(msgpack, lengths_around_every_boundary)
{
    static const struct {
        uint32_t n;
        size_t str, bin, ext, array, map; /* bytes of the header */
    } rows[] = {
        {0, 1, 2, 3, 1, 1},   {1, 1, 2, 2, 1, 1},     {2, 1, 2, 2, 1, 1},     {3, 1, 2, 3, 1, 1},
        {4, 1, 2, 2, 1, 1},   {8, 1, 2, 2, 1, 1},     {15, 1, 2, 3, 1, 1},    {16, 1, 2, 2, 3, 3},
        {17, 1, 2, 3, 3, 3},  {31, 1, 2, 3, 3, 3},    {32, 2, 2, 3, 3, 3},    {255, 2, 2, 3, 3, 3},
        {256, 3, 3, 4, 3, 3}, {65535, 3, 3, 4, 3, 3}, {65536, 5, 5, 6, 5, 5},
    };
    char *text = malloc(65536);
    memset(text, 'x', 65536);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (int kind = 0; kind < 5; kind++) {
            static const enum cmg_mp_type types[] = {CMG_MP_STR, CMG_MP_BIN, CMG_MP_EXT,
                                                     CMG_MP_ARRAY, CMG_MP_MAP};
            const size_t heads[] = {rows[i].str, rows[i].bin, rows[i].ext, rows[i].array,
                                    rows[i].map};
            cmg_str s = cmg_str_of(text, rows[i].n);
            struct cmg_buf out = cmg_buf_init(1 << 20);
            enum cmg_rc rc = kind == 0   ? cmg_mp_str(&out, s)
                             : kind == 1 ? cmg_mp_bin(&out, s)
                             : kind == 2 ? cmg_mp_ext(&out, 1, s)
                             : kind == 3 ? cmg_mp_array(&out, rows[i].n)
                                         : cmg_mp_map(&out, rows[i].n);
            cr_assert_eq(rc, CMG_OK);
            cr_assert_eq(out.len - (kind < 3 ? rows[i].n : 0), heads[kind], "%u of kind %d",
                         rows[i].n, kind);
            for (uint32_t k = 0; kind > 2 && k < 2 * rows[i].n; k++)
                cr_assert_eq(cmg_mp_nil(&out), CMG_OK);
            cmg_str rest = cmg_buf_str(&out);
            struct cmg_mp_token t;
            cr_assert(cmg_mp_next(&rest, &t));
            cr_assert_eq(t.type, types[kind]);
            cr_assert_eq(number_of(&t), rows[i].n);
            cmg_buf_done(&out);
        }
    free(text);
}

Test(msgpack, a_map_counted_at_its_end)
{
    struct cmg_buf out = cmg_buf_init(1000);
    size_t at = 99;
    cr_assert_eq(cmg_mp_nil(&out), CMG_OK);
    cr_assert_eq(cmg_mp_map_open(&out, &at), CMG_OK);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(cmg_mp_uint(&out, i), CMG_OK);
        cr_assert_eq(cmg_mp_bool(&out, true), CMG_OK);
    }
    cmg_mp_map_close(&out, at, 3);
    cr_assert(cmg_str_eq(cmg_buf_str(&out), CMG_LIT("\xc0\xde\x00\x03\x00\xc3\x01\xc3\x02\xc3")));
    cmg_buf_done(&out);
}

/* At every cap a token is whole or not there. */
Test(msgpack, writing_is_all_or_nothing)
{
    static const size_t sizes[] = {1, 1, 9, 9, 6, 6, 7, 3, 3};
    for (size_t kind = 0; kind < sizeof sizes / sizeof sizes[0]; kind++)
        for (size_t room = 0; room <= sizes[kind] + 1; room++) {
            struct cmg_buf out = cmg_buf_init(4 + room);
            size_t at = 99;
            cr_assert_eq(cmg_buf_add(&out, CMG_LIT("abcd")), CMG_OK);
            enum cmg_rc rc = kind == 0   ? cmg_mp_nil(&out)
                             : kind == 1 ? cmg_mp_bool(&out, true)
                             : kind == 2 ? cmg_mp_uint(&out, UINT64_MAX)
                             : kind == 3 ? cmg_mp_float(&out, 2.5)
                             : kind == 4 ? cmg_mp_str(&out, CMG_LIT("12345"))
                             : kind == 5 ? cmg_mp_ext(&out, 1, CMG_LIT("1234"))
                             : kind == 6 ? cmg_mp_bin(&out, CMG_LIT("12345"))
                             : kind == 7 ? cmg_mp_array(&out, 1000)
                                         : cmg_mp_map_open(&out, &at);
            cr_assert_eq(rc, room < sizes[kind] ? CMG_ELIMIT : CMG_OK, "kind %zu, room %zu", kind,
                         room);
            cr_assert_eq(out.len, room < sizes[kind] ? 4 : 4 + sizes[kind], "kind %zu, room %zu",
                         kind, room);
            cr_assert(kind != 8 || at == (rc == CMG_OK ? 4 : 99));
            cmg_buf_done(&out);
        }
}
