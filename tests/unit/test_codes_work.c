/* SPDX-License-Identifier: Apache-2.0
 *
 * The search for error numbers against the plainest one, which tries every byte, and the work that
 * a text can make it do. The file under test is included, so that its single step can be called and
 * counted. */
#include <stdint.h>

static uint64_t work;
#define WORK(n)        (work += (uint64_t)(n))
#define cmg_codes_scan codes_under_test
#define cmg_code_parse parse_under_test
#include "enrich/codes.c" /* NOLINT(bugprone-suspicious-include): see above */

#include "tests/decoding.h"

#include <criterion/criterion.h>

static size_t every_byte(cmg_str text, struct cmg_code_hit *hits)
{
    struct codes c = {text, hits, 0, CMG_CODES_MAX};
    for (size_t at = 0; at < text.len; at++)
        try_at(&c, at);
    return c.hits;
}

/* Not only the way that this processor would choose. */
#ifdef CODES_X86
static void (*const ways[])(struct codes *) = {scan_text, scan_by_16};
#else
static void (*const ways[])(struct codes *) = {scan_text};
#endif

static void compare(cmg_str text)
{
    struct cmg_code_hit want[CMG_CODES_MAX], got[CMG_CODES_MAX];
    cmg_str exact = exact_copy(text);
    size_t n = every_byte(exact, want);
    for (size_t i = 0; exact.len && i < sizeof ways / sizeof *ways; i++) {
        struct codes c = {exact, got, 0, CMG_CODES_MAX};
        ways[i](&c);
        cr_assert(n == c.hits && memcmp(want, got, n * sizeof *want) == 0,
                  "way %zu: %zu and %zu in %.*s", i, n, c.hits, (int)text.len, text.ptr);
    }
    free((char *)exact.ptr);
}

static const char *const parts[] = {
    "0x80072f8f", "80072f8f", "-2147012721", "2147954575", "0x2f8f",     "2f8f",
    "12175",      "12029",    "Code=",       "error ",     "hr=",        "0X87D00231",
    "87d0027e",   "x",        " ",           "0",          "8",          "_",
    "@",          "[",        "`",           "{",          "/",          ":",
    "\xc3\xa9",   "g",        "Z",           "9",          "12",         "the policy client ",
    "-",          "(",        "flags ",      "\x7f",       "2147954688", "c0000005",
};

Test(codes_work, finds_what_trying_every_byte_finds)
{
    uint64_t seed = 31;
    for (int round = 0; round < 200000; round++) {
        char text[160];
        size_t n = 0;
        for (uint32_t k = next_random(&seed) % 10; k && n < 100; k--) {
            const char *p = parts[next_random(&seed) % (sizeof parts / sizeof *parts)];
            memcpy(text + n, p, strlen(p));
            n += strlen(p);
        }
        if (n && next_random(&seed) % 4 == 0)
            text[next_random(&seed) % n] = (char)next_random(&seed);
        compare(cmg_str_of(text, n));
    }
}

/* Every byte before and behind a code, at every distance from the edge of a block. */
Test(codes_work, any_byte_beside_a_code)
{
    for (size_t at = 0; at < 130; at += at < 10 || (at > 50 && at < 70) ? 1 : 5) {
        for (int byte = 0; byte < 256; byte++) {
            char text[160];
            memset(text, '.', sizeof text);
            memcpy(text + at + 1, byte & 1 ? "0x80072ee7" : "2147954407", 10);
            text[at] = (char)byte;
            compare(cmg_str_of(text, at + 26));
            text[at] = ' ';
            text[at + 11] = (char)byte;
            compare(cmg_str_of(text, at + 12));
        }
    }
}

/* ---- texts made to be slow ----------------------------------------------------------------- */

/* Bytes looked at for each byte of 64 KiB of `piece`, behind `head` of a letter. */
static uint64_t work_of(const char *piece, size_t head)
{
    enum { LEN = 1 << 16 };
    static char text[LEN];
    struct cmg_code_hit hits[CMG_CODES_MAX];
    size_t n = strlen(piece);
    memset(text, 'w', head);
    for (size_t i = head; i < LEN; i++)
        text[i] = piece[(i - head) % n];
    work = 0;
    (void)cmg_codes_scan(cmg_str_of(text, LEN), hits, CMG_CODES_MAX);
    return work / LEN;
}

/* However long the words are, each is looked at a few times. */
Test(codes_work, no_text_makes_it_slow)
{
    static const char *const pieces[] = {
        "0",
        "8",
        "12",
        "0x",
        "0x0x0x0x",
        " 0x",
        " 0x1",
        "=0x1",
        "error=0x1 ",
        "0x2f8f ",
        "error 2f8f ",
        "12175=12175=",
        " 2e2f",
        "\"(=:)0x1",
        "8007 ",
        "80072f8f ",
        "-80072f8f",
        "2147954575 ",
        "2147954575 x ",
        "20_",
        "x0x80072f8f",
        "is 0x1",
        "thread 0x80",
        "12 12 12 ",
        "flags=0x8 ",
        "code code code ",
        "22.22",
        "\xff",
    };
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        for (size_t head = 0; head <= 40000; head += 20000)
            cr_assert_leq(work_of(pieces[i], head), 12, "%s: %lu", pieces[i],
                          (unsigned long)work_of(pieces[i], head));
}
