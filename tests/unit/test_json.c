/* SPDX-License-Identifier: Apache-2.0
 * Escaped text read back by Jansson, at every length and with a special character at every place;
 * the masks against the rule of RFC 8259; growth, caps and the copies' reach into what is free. */
#include "core/json.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>

static bool must_escape(unsigned c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

static uint32_t rnd(uint64_t *x)
{
    *x ^= *x << 13, *x ^= *x >> 7, *x ^= *x << 17;
    return (uint32_t)(*x >> 16);
}

/* ---- masks -------------------------------------------------------------------------------- */

Test(json, masks_are_the_rule_for_every_byte_at_every_place)
{
    for (unsigned around = 0; around < 4; around++)
        for (unsigned c = 0; c < 256; c++)
            for (int at = 0; at < 16; at++) {
                char block[16];
                memset(block, "\x20\xff\x7f\x23"[around], sizeof block);
                block[at] = (char)c;
                uint32_t want = must_escape(c) ? 1u << at : 0;
                cr_assert_eq(cmg_json_mask16(block), want, "%02x at %d", c, at);
                cr_assert_eq(cmg_json_mask16_portable(block), want, "%02x at %d", c, at);
            }
}

Test(json, both_masks_agree_on_anything)
{
    uint64_t x = 88172645463325252u;
    for (int round = 0; round < 200000; round++) {
        unsigned char block[16];
        uint32_t want = 0;
        for (unsigned i = 0; i < 16; i++) {
            static const unsigned char edges[] = {'"', '\\', 0x1f, 0x20, 0x21, 0x5b, 0x5d, 0};
            block[i] = rnd(&x) % 4 ? (unsigned char)rnd(&x) : edges[rnd(&x) % sizeof edges];
            want |= (uint32_t)must_escape(block[i]) << i;
        }
        cr_assert_eq(cmg_json_mask16((const char *)block), want);
        cr_assert_eq(cmg_json_mask16_portable((const char *)block), want);
    }
}

/* ---- texts -------------------------------------------------------------------------------- */

/* `text` from a block of its own size, so that ASan sees a byte read too many. */
static void check_text(const char *text, size_t len, const char *what)
{
    char *copy = malloc(len ? len : 1);
    memcpy(copy, text, len);
    struct cmg_buf out = cmg_buf_init(1 << 20);
    cr_assert_eq(cmg_json_add(&out, cmg_str_of(copy, len)), CMG_OK);
    json_error_t err;
    json_t *v = json_loadb(out.ptr, out.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &err);
    cr_assert(v && json_is_string(v), "%s: %s in %.*s", what, err.text, (int)out.len, out.ptr);
    cr_assert(json_string_length(v) == len && memcmp(json_string_value(v), text, len) == 0,
              "%s: %.*s", what, (int)out.len, out.ptr);
    json_decref(v);
    cmg_buf_done(&out);
    free(copy);
}

Test(json, every_length_and_a_special_at_every_place)
{
    static const char specials[] = "\"\\\n\r\t\b\f\0\x1f\x01";
    for (size_t len = 0; len <= 200; len++) {
        char text[200], what[40];
        for (size_t at = 0; at <= len; at++) {
            memset(text, 'a', sizeof text);
            if (at < len)
                text[at] = specials[(at + len) % (sizeof specials - 1)];
            snprintf(what, sizeof what, "length %zu, special at %zu", len, at);
            check_text(text, len, what);
        }
    }
}

Test(json, many_specials_in_any_mixture)
{
    uint64_t x = 2463534242u;
    for (int round = 0; round < 20000; round++) {
        char text[600];
        size_t len = rnd(&x) % sizeof text;
        unsigned rare = 1 + rnd(&x) % 40;
        for (size_t i = 0; i < len; i++)
            text[i] = rnd(&x) % rare ? (char)('a' + rnd(&x) % 26) : "\"\\\n\x02/\x7f"[rnd(&x) % 6];
        check_text(text, len, "mixture");
    }
}

Test(json, every_character_comes_through)
{
    static const struct {
        const char *text, *json;
    } rows[] = {
        {"", "\"\""},
        {"plain", "\"plain\""},
        {"C:\\Windows\\CCM", "\"C:\\\\Windows\\\\CCM\""},
        {"say \"hi\"", "\"say \\\"hi\\\"\""},
        {"a\b\f\n\r\tz", "\"a\\b\\f\\n\\r\\tz\""},
        {"\x01\x0b\x1b\x1f", "\"\\u0001\\u000b\\u001b\\u001f\""},
        {"\x7f/", "\"\x7f/\""},
        {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
         "\"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cmg_buf out = cmg_buf_init(10000);
        cr_assert_eq(cmg_json_add(&out, cmg_str_c(rows[i].text)), CMG_OK);
        cr_assert(cmg_str_eq(cmg_buf_str(&out), cmg_str_c(rows[i].json)), "%.*s", (int)out.len,
                  out.ptr);
        cmg_buf_done(&out);
    }
}

/* Every byte becomes six: far more than the first estimate, so the buffer must grow in the middle.
 */
Test(json, the_worst_text_grows_the_buffer)
{
    enum { LEN = 100000 };
    char *text = malloc(LEN);
    memset(text, 1, LEN);
    struct cmg_buf out = cmg_buf_init(6 * LEN + 4096);
    cr_assert_eq(cmg_buf_add(&out, CMG_LIT("before")), CMG_OK);
    cr_assert_eq(cmg_json_add(&out, cmg_str_of(text, LEN)), CMG_OK);
    cr_assert_eq(out.len, 6 + 6 * LEN + 2);
    cr_assert(memcmp(out.ptr, "before\"\\u0001\\u0001", 19) == 0);
    cr_assert(memcmp(out.ptr + out.len - 7, "\\u0001\"", 7) == 0);
    cmg_buf_done(&out);
    free(text);
}

/* Whatever the cap, a text is there whole or not at all, and nothing is written past the cap (ASan
 * looks). */
Test(json, all_or_nothing_at_every_cap)
{
    char text[300];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 3 ? 'x' : '\x02';
    size_t whole = 2 + 100 * 6 + 200, least = 0;
    for (size_t cap = 6; cap < 2000; cap++) {
        struct cmg_buf out = cmg_buf_init(cap);
        cr_assert_eq(cmg_buf_add(&out, CMG_LIT("before")), CMG_OK);
        enum cmg_rc rc = cmg_json_add(&out, cmg_str_of(text, sizeof text));
        cr_assert(rc == CMG_OK || rc == CMG_ELIMIT);
        cr_assert_eq(out.len, rc == CMG_OK ? 6 + whole : 6, "cap %zu", cap);
        cr_assert(out.size <= cap);
        if (rc == CMG_OK && !least)
            least = cap;
        cr_assert(!least || rc == CMG_OK, "cap %zu", cap);
        cmg_buf_done(&out);
    }
    cr_assert(least >= 6 + whole && least < 6 + whole + 512, "%zu for %zu", least, 6 + whole);
}

/* ---- numbers ------------------------------------------------------------------------------ */

Test(json, numbers_as_printf_writes_them)
{
    static const uint64_t edges[] = {
        0, 9, 10, 99, 100, 4294967295u, 4294967296u, UINT64_MAX - 1, UINT64_MAX};
    uint64_t x = 88172645463325252u;
    for (size_t i = 0; i < 20000; i++) {
        uint64_t v = i < 9 ? edges[i] : ((uint64_t)rnd(&x) << 32 | rnd(&x)) >> rnd(&x) % 64;
        char got[CMG_JSON_U64_MAX], want[32];
        size_t n = (size_t)(cmg_json_u64(got, v) - got);
        snprintf(want, sizeof want, "%llu", (unsigned long long)v);
        cr_assert(cmg_str_eq(cmg_str_of(got, n), cmg_str_c(want)), "%s", want);
    }
}
