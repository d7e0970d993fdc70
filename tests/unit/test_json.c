/* SPDX-License-Identifier: Apache-2.0
 * Escaped text read back by Jansson, at every length and with a special character at every place;
 * the masks against the rule of RFC 8259; growth, caps and the copies' reach into what is free. */
#include "core/json.h"
#include "core/v16.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/mman.h>

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

static void check_masks(const char *block)
{
    uint32_t special = 0, high = 0;
    for (unsigned i = 0; i < CMG_V16; i++) {
        special |= (uint32_t)must_escape((unsigned char)block[i]) << i;
        high |= (uint32_t)((unsigned char)block[i] >> 7) << i;
    }
    struct cmg_v16 x = cmg_v16_load(block);
    char back[CMG_V16];
    cmg_v16_store(back, x);
    cr_assert(memcmp(back, block, sizeof back) == 0);
    cr_assert_eq(cmg_v16_specials(x), special, "%04x for %04x", cmg_v16_specials(x), special);
    cr_assert_eq(cmg_v16_high(x), high, "%04x for %04x", cmg_v16_high(x), high);
}

Test(json, masks_are_the_rule_for_every_byte_at_every_place)
{
    for (unsigned around = 0; around < 4; around++)
        for (unsigned c = 0; c < 256; c++)
            for (int at = 0; at < CMG_V16; at++) {
                char block[CMG_V16];
                memset(block, "\x20\xff\x7f\x23"[around], sizeof block);
                block[at] = (char)c;
                check_masks(block);
            }
}

Test(json, masks_of_anything)
{
    uint64_t x = 88172645463325252u;
    for (int round = 0; round < 200000; round++) {
        static const unsigned char edges[] = {'"', '\\', 0x1f, 0x20, 0x21, 0x5b, 0x5d, 0};
        char block[CMG_V16];
        for (unsigned i = 0; i < CMG_V16; i++)
            block[i] = (char)(rnd(&x) % 4 ? rnd(&x) : edges[rnd(&x) % sizeof edges]);
        check_masks(block);
    }
}

/* ---- texts -------------------------------------------------------------------------------- */

static void check_read(cmg_str text, const char *what)
{
    struct cmg_buf out = cmg_buf_init(1 << 20);
    cr_assert_eq(cmg_json_add(&out, text), CMG_OK);
    json_error_t err;
    json_t *v = json_loadb(out.ptr, out.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &err);
    cr_assert(v && json_is_string(v), "%s: %s in %.*s", what, err.text, (int)out.len, out.ptr);
    cr_assert(cmg_str_eq(cmg_str_of(json_string_value(v), json_string_length(v)), text), "%s: %.*s",
              what, (int)out.len, out.ptr);
    json_decref(v);
    cmg_buf_done(&out);
}

/* `text` from a block of its own size, so that ASan sees a byte read too many. */
static void check_text(const char *text, size_t len, const char *what)
{
    char *copy = malloc(len ? len : 1);
    memcpy(copy, text, len);
    check_read(cmg_str_of(copy, len), what);
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

/* Whatever the cap, a text is there whole, or, where the cap is too small for it, not at all; and
 * nothing is written past the cap (ASan looks). */
static void check_caps(cmg_str text)
{
    struct cmg_buf out = cmg_buf_init(1 << 20);
    cr_assert_eq(cmg_json_add(&out, text), CMG_OK);
    size_t whole = out.len;
    cmg_buf_done(&out);
    for (size_t cap = 6; cap < 6 + whole + 100; cap++) {
        out = cmg_buf_init(cap);
        cr_assert_eq(cmg_buf_add(&out, CMG_LIT("before")), CMG_OK);
        bool fits = cap >= 6 + whole;
        cr_assert_eq(cmg_json_add(&out, text), fits ? CMG_OK : CMG_ELIMIT, "%zu of %zu", cap,
                     whole);
        cr_assert_eq(out.len, fits ? 6 + whole : 6, "cap %zu", cap);
        cr_assert(out.size <= cap);
        cmg_buf_done(&out);
    }
}

Test(json, all_or_nothing_at_every_cap)
{
    char text[3000];
    memset(text, 'x', sizeof text);
    check_caps(cmg_str_of(text, 0));
    check_caps(cmg_str_of(text, 1));
    check_caps(cmg_str_of(text, 300));
    check_caps(cmg_str_of(text, sizeof text));
    for (size_t i = 0; i < sizeof text; i += 3)
        text[i] = '\x02';
    check_caps(cmg_str_of(text, 1));
    check_caps(cmg_str_of(text, 300));
    check_caps(cmg_str_of(text, sizeof text));
}

enum { PAGE = 4096 };

/* A page behind which nothing can be read. */
static char *guarded_page(void)
{
    char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert(pages != MAP_FAILED && mprotect(pages + PAGE, PAGE, PROT_NONE) == 0);
    return pages;
}

/* Text that ends where the readable memory ends, at every length and alignment: one byte read
 * behind it would be the last thing this program does. */
Test(json, nothing_behind_a_text_is_read)
{
    char *pages = guarded_page();
    for (size_t len = 0; len <= 300; len++)
        for (unsigned every = 0; every < 20; every++) {
            char *text = pages + PAGE - len;
            for (size_t i = 0; i < len; i++)
                text[i] = every && (len - i) % every == 0 ? "\"\\\n\x01"[len % 4] : 'a';
            check_read(cmg_str_of(text, len), "before a guarded page");
        }
    munmap(pages, 2 * PAGE);
}

/* What a text becomes does not depend on the window, and nothing behind the window is read. */
static void check_window(cmg_str window, cmg_str text)
{
    struct cmg_buf with = cmg_buf_init(1 << 16), without = cmg_buf_init(1 << 16);
    struct cmg_json j;
    char *p = cmg_json_begin(&j, &with, 1);
    cmg_json_window(&j, window);
    p = cmg_json_text(&j, p, text);
    cr_assert_eq(cmg_json_end(&j, p), CMG_OK);
    cr_assert_eq(cmg_json_add(&without, text), CMG_OK);
    cr_assert(
        cmg_str_eq(cmg_buf_str(&with), cmg_str_cut(cmg_buf_str(&without), 1, without.len - 1)),
        "%.*s", (int)with.len, with.ptr);
    cmg_buf_done(&with);
    cmg_buf_done(&without);
}

/* A text may write CMG_JSON_EXCESS bytes more than the longest that it may become, and not one more
 * (ASan looks). */
Test(json, nothing_behind_the_room_is_written)
{
    for (size_t len = 1; len <= 200; len++)
        for (unsigned every = 0; every < 4; every++) {
            char text[200 + CMG_JSON_EXCESS];
            for (size_t i = 0; i < sizeof text; i++)
                text[i] = every && i % every == 0 ? "\"\\\n\x01"[len % 4] : 'a';
            struct cmg_buf out = cmg_buf_init(6 * len + CMG_JSON_EXCESS);
            struct cmg_json j;
            cr_assert_eq(cmg_buf_reserve(&out, out.cap), CMG_OK);
            char *p = cmg_json_begin(&j, &out, 0);
            cmg_json_window(&j, cmg_str_of(text, len % 2 ? sizeof text : 0));
            p = cmg_json_text(&j, p, cmg_str_of(text, len));
            cr_assert_eq(j.to, &out);
            cr_assert_eq(cmg_json_end(&j, p), CMG_OK);
            cmg_buf_done(&out);
        }
}

Test(json, texts_in_a_window)
{
    enum { SPAN = 150 };
    char *pages = guarded_page(), *from = pages + PAGE - SPAN;
    uint64_t x = 2463534242u;
    for (size_t at = 0; at <= SPAN; at++)
        for (size_t len = 0; at + len <= SPAN && len <= 100; len++) {
            unsigned rare = 1 + rnd(&x) % 50;
            for (size_t i = 0; i < SPAN; i++)
                from[i] = rnd(&x) % rare ? 'a' : "\"\\\n\x01"[rnd(&x) % 4];
            check_window(cmg_str_of(from, SPAN), cmg_str_of(from + at, len));
            check_window(cmg_str_of(from, at), cmg_str_of(from + at, len));
            check_window(cmg_str_of(from + at, len), cmg_str_of(from + at, len));
        }
    munmap(pages, 2 * PAGE);
}

/* ---- numbers ------------------------------------------------------------------------------ */

Test(json, numbers_as_printf_writes_them)
{
    static const uint64_t edges[] = {
        0, 9, 10, 99, 100, 4294967295u, 4294967296u, UINT64_MAX - 1, UINT64_MAX};
    uint64_t x = 88172645463325252u;
    for (size_t i = 0; i < 60000; i++) {
        uint64_t v = i < 9       ? edges[i]
                     : i < 20000 ? i
                                 : ((uint64_t)rnd(&x) << 32 | rnd(&x)) >> rnd(&x) % 64;
        char got[CMG_JSON_U64_MAX], want[32];
        size_t n = (size_t)(cmg_json_u64(got, v) - got);
        snprintf(want, sizeof want, "%llu", (unsigned long long)v);
        cr_assert(cmg_str_eq(cmg_str_of(got, n), cmg_str_c(want)), "%s", want);
    }
}
