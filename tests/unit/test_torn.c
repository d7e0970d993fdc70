/* SPDX-License-Identifier: Apache-2.0
 * UTF-16 that was taken for bytes; iconv wrote the bytes. */
#include "sources/torn.h"

#include <criterion/criterion.h>
#include <iconv.h>

static size_t wide(const char *text, const char *code, char *out, size_t size)
{
    iconv_t c = iconv_open(code, "UTF-8");
    char *from = (char *)(uintptr_t)text, *to = out;
    size_t left = strlen(text), room = size;
    cr_assert(c != (iconv_t)-1 && iconv(c, &from, &left, &to, &room) == 0);
    iconv_close(c);
    return size - room;
}

static void mends(cmg_str torn, const char *want)
{
    struct cmg_buf bytes = {.cap = 4096}, out = {.cap = 4096};
    cr_assert(cmg_torn(torn), "not recognised: %s", want);
    cr_assert_eq(cmg_mend(torn, &bytes, &out), CMG_OK);
    cmg_str got = cmg_str_trim(cmg_buf_str(&out));
    cr_assert(cmg_str_eq(got, cmg_str_c(want)), "%.*s, not %s", (int)got.len, got.ptr, want);
    cmg_buf_done(&bytes);
    cmg_buf_done(&out);
}

Test(torn, mends)
{
    static const char *const texts[] = {
        "plain words", "a longer line, with caf\xc3\xa9 and \xc2\xa3", "<![LOG[text]LOG]!>",
        "ten thousand words and one \xe2\x82\xac here"};
    char line[512] = {0};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t n = wide(texts[i], "UTF-16LE", line + 1, sizeof line - 4);
        memcpy(line + 1 + n, "\r\0", 3);
        mends(cmg_str_of(line + 1, n), texts[i]);     /* a first line */
        mends(cmg_str_of(line + 1, n + 2), texts[i]); /* with its carriage return */
        mends(cmg_str_of(line, n + 3), texts[i]);     /* a later line: half a line feed in front */
    }
    char marked[64] = "\xff\xfe";
    size_t n = wide("plain words", "UTF-16LE", marked + 2, sizeof marked - 2);
    mends(cmg_str_of(marked, n + 2), "plain words");
    n = wide("plain words", "UTF-16BE", marked, sizeof marked);
    mends(cmg_str_of(marked, n), "plain words");
}

Test(torn, leaves_alone)
{
    static const cmg_str whole[] = {CMG_LIT(""),
                                    CMG_LIT("plain words"),
                                    CMG_LIT("a\0b\0c\0d"),
                                    CMG_LIT("one\0two\0three"),
                                    CMG_LIT("\0\0\0\0\0\0\0\0\0\0"),
                                    CMG_LIT("a\0plain line with one NUL")};
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        cr_assert(!cmg_torn(whole[i]), "row %zu", i);
}
