/* SPDX-License-Identifier: Apache-2.0
 * The slice reader against Jansson: they accept the same texts and see the same members. */
#include "core/jsonread.h"

#include <criterion/criterion.h>
#include <jansson.h>

static const char *const texts[] = {
    "{}",
    "[]",
    " { } ",
    "[[]]",
    "[{}]",
    "{\"a\":1}",
    "{\"a\":[1,2,{\"b\":null}],\"c\":true}",
    "[1,2",
    "{\"a\":}",
    "{\"a\" 1}",
    "{a:1}",
    "[,]",
    "[1,]",
    "{\"a\":1,}",
    "[01]",
    "[-]",
    "[-0]",
    "[1.]",
    "[1.5e3]",
    "[1e]",
    "[1e+2]",
    "[.5]",
    "[+1]",
    "[true]",
    "[tru]",
    "[nul]",
    "[\"a\\nb\"]",
    "[\"a\\qb\"]",
    "[\"\\u12\"]",
    "[\"\\u0041\"]",
    "[\"\\ud83d\\ude00\"]",
    "[\"unterminated]",
    "[\"tab\there\"]",
    "[\"\x01\"]",
    "{\"a\":1}}",
    "{\"a\":1} x",
    "{\"a\":{\"b\":{\"c\":[[[]]]}}}",
    "[\"\"]",
    "{\"\":\"\"}",
    "[\"caf\xc3\xa9\"]",
    "[1,2]]",
    "}",
    "]",
    ":",
    ",",
    "\"",
    "[\"\\\\\"]",
    "[\"\\\"\"]",
    "{\"k\":\"v\"\n,\r\"l\" :\t2}",
};

Test(jsonread, accepts_what_jansson_accepts)
{
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct cmg_json_value v;
        size_t end = 0, len = strlen(texts[i]);
        json_t *want = json_loadb(texts[i], len, JSON_ALLOW_NUL, NULL);
        bool got = cmg_json_read(cmg_str_c(texts[i]), &v, &end) && end == len &&
                   (v.type == CMG_JSON_OBJECT || v.type == CMG_JSON_ARRAY);
        cr_assert_eq(got, want != NULL, "%s", texts[i]);
        json_decref(want);
    }
}

/* Every prefix of a sound text is no sound text. */
Test(jsonread, no_prefix_is_whole)
{
    static const char whole[] =
        "{\"a\":[1,-2.5e3,{\"b\":\"x\\u00e9\"}],\"c\":[true,false,null],\"d\":{}}";
    for (size_t n = 0; n < sizeof whole - 1; n++) {
        struct cmg_json_value v;
        size_t end;
        char *copy = malloc(n + 1);
        memcpy(copy, whole, n);
        cr_assert(!cmg_json_read(cmg_str_of(copy, n), &v, &end), "%zu bytes", n);
        free(copy);
    }
}

Test(jsonread, walks_members_in_order)
{
    static const char text[] = "{\"a\":1,\"b\":\"two\",\"c\":[3],\"d\":{\"e\":null}}";
    static const struct {
        const char *key;
        enum cmg_json_type type;
        const char *raw;
    } rows[] = {{"a", CMG_JSON_NUMBER, "1"},
                {"b", CMG_JSON_STRING, "two"},
                {"c", CMG_JSON_ARRAY, "[3]"},
                {"d", CMG_JSON_OBJECT, "{\"e\":null}"}};
    struct cmg_json_walk w = cmg_json_walk(cmg_str_c(text));
    struct cmg_json_value k, v;
    for (size_t i = 0; i < 4; i++) {
        cr_assert(cmg_json_next(&w, &k, &v));
        cr_assert(cmg_json_is(&k, cmg_str_c(rows[i].key)));
        cr_assert_eq(v.type, rows[i].type);
        cr_assert(cmg_str_eq(v.raw, cmg_str_c(rows[i].raw)));
    }
    cr_assert(!cmg_json_next(&w, &k, &v));
    cr_assert(!cmg_json_next(&w, &k, &v), "the end stays the end");
}

static size_t nested(char *out, size_t depth)
{
    memset(out, '[', depth);
    memset(out + depth, ']', depth);
    return 2 * depth;
}

Test(jsonread, depth_is_capped)
{
    char text[4 * CMG_JSON_DEPTH_MAX];
    struct cmg_json_value v;
    size_t end;
    for (size_t d = CMG_JSON_DEPTH_MAX - 1; d <= CMG_JSON_DEPTH_MAX + 1; d++) {
        size_t n = nested(text, d);
        cr_assert_eq(cmg_json_read(cmg_str_of(text, n), &v, &end), d <= CMG_JSON_DEPTH_MAX, "%zu",
                     d);
    }
}

Test(jsonread, unescapes_as_jansson_does)
{
    static const char *const strings[] = {"plain",
                                          "a\\nb\\t\\r\\b\\f\\\\\\/\\\"",
                                          "\\u0041\\u00e9\\u20ac",
                                          "\\ud83d\\ude00!",
                                          "\\u0001\\u001f",
                                          "caf\xc3\xa9 \\u00e9"};
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        char quoted[200];
        struct cmg_buf out = cmg_buf_init(1000);
        size_t replaced;
        snprintf(quoted, sizeof quoted, "[\"%s\"]", strings[i]);
        json_t *want = json_loads(quoted, 0, NULL);
        cr_assert(want);
        cr_assert_eq(cmg_json_unescape(cmg_str_c(strings[i]), &out, &replaced), CMG_OK);
        cr_assert_eq(replaced, 0);
        cr_assert(
            cmg_str_eq(cmg_buf_str(&out), cmg_str_c(json_string_value(json_array_get(want, 0)))),
            "%s", strings[i]);
        json_decref(want);
        cmg_buf_done(&out);
    }
}

/* Jansson refuses a lone surrogate; a forwarder's line is kept and the place marked. */
Test(jsonread, lone_surrogates_are_replaced)
{
    static const char *const strings[] = {"\\ud83d", "\\ude00", "\\ud83dx", "\\ud83d\\u0041"};
    for (size_t i = 0; i < 4; i++) {
        struct cmg_buf out = cmg_buf_init(100);
        size_t replaced;
        cr_assert_eq(cmg_json_unescape(cmg_str_c(strings[i]), &out, &replaced), CMG_OK);
        cr_assert_eq(replaced, 1, "%s", strings[i]);
        cr_assert(cmg_str_starts(cmg_buf_str(&out), cmg_str_c("\xef\xbf\xbd")));
        cmg_buf_done(&out);
    }
}

Test(jsonread, integers)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t n;
    } rows[] = {{"0", true, 0},
                {"-1", true, -1},
                {"\"17\"", true, 17},
                {"12.0", true, 12},
                {"9223372036854775807", true, INT64_MAX},
                {"-9223372036854775808", true, INT64_MIN},
                {"9223372036854775808", false, 0},
                {"-9223372036854775809", false, 0},
                {"1.5", false, 0},
                {"\"\"", false, 0},
                {"\"x\"", false, 0},
                {"true", false, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cmg_json_value v;
        size_t end;
        int64_t n = 0;
        cr_assert(cmg_json_read(cmg_str_c(rows[i].text), &v, &end));
        cr_assert_eq(cmg_json_int(&v, &n), rows[i].ok, "%s", rows[i].text);
        cr_assert_eq(n, rows[i].n, "%s", rows[i].text);
    }
}
