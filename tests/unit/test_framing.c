/* SPDX-License-Identifier: Apache-2.0
 * Messages on a stream: what begins and ends where, whatever arrives together. */
#include "sources/framing.h"

#include <criterion/criterion.h>

enum { MOST = 16, GOT_MAX = 12 };

static const struct {
    const char *what;
    cmg_str in;
    const char *out[GOT_MAX]; /* a message that was cut begins with '!' here */
} rows[] = {
    {"counted", CMG_LIT("5 <1>ab6 <2>a\nb"), {"<1>ab", "<2>a\nb"}},
    {"lines", CMG_LIT("<1>a\n<2>b\r\n\n<3>c"), {"<1>a", "<2>b\r", "<3>c"}},
    {"NUL", CMG_LIT("<1>a\0<2>b\0"), {"<1>a", "<2>b"}},
    {"NUL and line feed", CMG_LIT("<1>a\0\n<2>b\0\n"), {"<1>a", "<2>b"}},
    {"each anew",
     CMG_LIT("<1>a\n5 <2>bc<3>d\0{}\n4 [{}]x\n"),
     {"<1>a", "<2>bc", "<3>d", "{}", "[{}]", "x"}},
    {"a line that begins with a number",
     CMG_LIT("12 apples\n2026-03-12 x\n0 <1>\n"),
     {"12 apples", "2026-03-12 x", "0 <1>"}},
    {"a count that is too long to be one",
     CMG_LIT("1234567890 <1>\n<2>\n"),
     {"1234567890 <1>", "<2>"}},
    {"a NUL behind every letter is no end", CMG_LIT("<1>a\0b\0c\0\r\0\n<2>\n"), {"<1>a", "<2>"}},
    {"n-1 and n and n+1",
     CMG_LIT("<1>4567890abcde\n<1>4567890abcdef\n<1>4567890abcdefg\n<2>\n"),
     {"<1>4567890abcde", "<1>4567890abcdef", "!<1>4567890abcdef", "<2>"}},
    {"counted, n and n+1 and much more",
     CMG_LIT(
         "16 <1>4567890abcdef17 <1>4567890abcdefg40 <1>4567890abcdefgggggggggggggggggggggggg3 <2>"),
     {"<1>4567890abcdef", "!<1>4567890abcdef", "!<1>4567890abcdef", "<2>"}},
    {"counted, but the peer leaves", CMG_LIT("9 <1>abc"), {"!<1>abc"}},
};

static void take(struct cmg_framer *f, bool over, size_t row, size_t *n)
{
    cmg_str s;
    bool cut;
    while (cmg_framer_next(f, over, &s, &cut) == CMG_OK) {
        const char *want = rows[row].out[*n];
        cr_assert(want, "%s: one more: %.*s", rows[row].what, (int)s.len, s.ptr);
        bool want_cut = want[0] == '!';
        size_t shown = strlen(want + want_cut);
        cr_assert(cut == want_cut && s.len >= shown && !memcmp(s.ptr, want + want_cut, shown),
                  "%s: message %zu: %.*s", rows[row].what, *n, (int)s.len, s.ptr);
        ++*n;
    }
}

Test(framing, table)
{
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++)
        for (size_t step = 1; step <= rows[row].in.len; step++) {
            struct cmg_framer f = cmg_framer_init(MOST);
            size_t n = 0;
            for (cmg_str in = rows[row].in; in.len; in = cmg_str_from(in, step)) {
                cr_assert_eq(cmg_framer_feed(&f, cmg_str_head(in, step)), CMG_OK);
                take(&f, false, row, &n);
            }
            take(&f, true, row, &n);
            cr_assert_null(rows[row].out[n], "%s, steps of %zu: %zu messages only", rows[row].what,
                           step, n);
            cmg_framer_done(&f);
        }
}

/* A NUL at the end is an end when nothing follows for a while. */
Test(framing, quiet)
{
    struct cmg_framer f = cmg_framer_init(MOST);
    cmg_str s;
    bool cut;
    cr_assert_eq(cmg_framer_feed(&f, CMG_LIT("<1>a\0")), CMG_OK);
    cr_assert_eq(cmg_framer_next(&f, false, &s, &cut), CMG_AGAIN);
    cr_assert(cmg_framer_waits(&f) && cmg_framer_quiet(&f));
    cr_assert_eq(cmg_framer_next(&f, false, &s, &cut), CMG_OK);
    cr_assert(cmg_str_eq(s, CMG_LIT("<1>a")) && !cut);
    cr_assert(!cmg_framer_waits(&f));
    cmg_framer_done(&f);
}
