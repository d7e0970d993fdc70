/* SPDX-License-Identifier: Apache-2.0
 * Rows pasted out of CMTrace: dates of other locales, tabs that became blanks. */
#include "tests/decoding.h"

#include <criterion/criterion.h>

static const struct cmg_decoder *const copy = &cmg_decoder_cmtrace_copy;

#define NS    INT64_C(1000000000)
#define FEB19 (INT64_C(1550584175) * NS) /* 2019-02-19 13:49:35 */
#define MAY9  (INT64_C(1557407767) * NS) /* 2019-05-09 13:16:07 */
#define SEP5  (INT64_C(1567689367) * NS) /* 2019-09-05 13:16:07 */
#define AUG23 (INT64_C(1692786065) * NS) /* 2023-08-23 10:21:05 */

static struct cmg_event decoded(const char *text, enum cmg_take expected)
{
    struct cmg_event ev = empty_event();
    cmg_str record = cmg_str_c(text);
    enum cmg_take take = copy->decode(NULL, record, &ev);
    cr_assert_eq(take, expected, "%s", text);
    cr_assert_eq(copy->probe(NULL, record), take == CMG_TAKEN, "%s", text);
    return ev;
}

static const struct {
    const char *text, *message, *component;
    uint64_t thread;
    int64_t ns;
    const char *time_text;
    enum cmg_level level;
    uint32_t problems;
} rows[] = {
    /* day or month first */
    {"text\tComp\t19/02/2019 13:49:35\t8548 (0x2164)", "text", "Comp", 8548, FEB19, 0,
     CMG_LEVEL_INFO, 0},
    {"text\tComp\t2/19/2019 1:49:35 PM\t8548 (0x2164)", "text", "Comp", 8548, FEB19, 0,
     CMG_LEVEL_INFO, 0},
    {"text\tComp\t19.02.2019 13:49:35\t8548 (0x2164)", "text", "Comp", 8548, FEB19, 0,
     CMG_LEVEL_INFO, 0},
    {"text\tComp\t2019-02-19 13:49:35\t8548 (0x2164)", "text", "Comp", 8548, FEB19, 0,
     CMG_LEVEL_INFO, 0},
    {"text\tComp\t02-19-2019 13:49:35.250\t8548 (0x2164)", "text", "Comp", 8548, FEB19 + NS / 4, 0,
     CMG_LEVEL_INFO, 0},
    {"text\tComp\t5/9/2019 1:16:07 PM\t1 (0x1)", "text", "Comp", 1, MAY9, "5/9/2019 1:16:07 PM",
     CMG_LEVEL_INFO, 0},
    {"text\tComp\t9/5/2019 1:16:07 pm\t1 (0x1)", "text", "Comp", 1, SEP5, "9/5/2019 1:16:07 pm",
     CMG_LEVEL_INFO, 0},
    {"text\tComp\t05.09.2019 13:16:07\t1 (0x1)", "text", "Comp", 1, SEP5, 0, CMG_LEVEL_INFO, 0},
    {"text\tComp\t5/5/2019 1:16:07 PM\t1 (0x1)", "text", "Comp", 1, MAY9 - 4 * 86400 * NS, 0,
     CMG_LEVEL_INFO, 0},
    {"text\tComp\t2/19/2019 12:49:35 AM\t1 (0x1)", "text", "Comp", 1, FEB19 - 13 * 3600 * NS, 0,
     CMG_LEVEL_INFO, 0},
    {"text\tComp\t2/19/2019 12:49:35 PM\t1 (0x1)", "text", "Comp", 1, FEB19 - 3600 * NS, 0,
     CMG_LEVEL_INFO, 0},
    {"text\tComp\t31/02/2019 13:49:35\t1 (0x1)", "text", "Comp", 1, 0, "31/02/2019 13:49:35",
     CMG_LEVEL_INFO, CMG_P_BAD_TIME},
    /* columns */
    {"Failed to x (8004100E)\tTSMBootstrap\t23.08.2023 10:21:05\t1380 (0x0564)",
     "Failed to x (8004100E)", "TSMBootstrap", 1380, AUG23, 0, CMG_LEVEL_ERROR, 0},
    {"a\tb\tCM Setup\t23.08.2023 10:21:05\t1 (0x1)", "a\tb", "CM Setup", 1, AUG23, 0,
     CMG_LEVEL_INFO, 0},
    {"text\t\t23.08.2023 10:21:05\t1 (0x1)", "text", "", 1, AUG23, 0, CMG_LEVEL_INFO, 0},
    {"\tComp\t23.08.2023 10:21:05\t1 (0x1)", "", "Comp", 1, AUG23, 0, CMG_LEVEL_INFO, 0},
    {"Comp\t23.08.2023 10:21:05\t1 (0x1)", "", "Comp", 1, AUG23, 0, CMG_LEVEL_INFO, 0},
    {"warn \t Comp \t 23.08.2023 10:21:05 \t 1 (0x1) ", "warn", "Comp", 1, AUG23, 0,
     CMG_LEVEL_WARNING, 0},
    {"text\tComp\t23.08.2023 10:21:05\t1 (0x2)", "text", "Comp", 1, AUG23, 0, CMG_LEVEL_INFO,
     CMG_P_BAD_ATTRIBUTE},
    {"text Comp 23.08.2023 10:21:05 1 (0x1)", "text", "Comp", 1, AUG23, 0, CMG_LEVEL_INFO, 0},
    {"two words   Comp   2/19/2019 1:49:35 PM   1 (0x1)", "two words", "Comp", 1, FEB19, 0,
     CMG_LEVEL_INFO, 0},
    {"Comp 23.08.2023 10:21:05 1 (0x1)", "", "Comp", 1, AUG23, 0, CMG_LEVEL_INFO, 0},
};

Test(cmtrace_copy, reads_every_locale)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cmg_event ev = decoded(rows[i].text, CMG_TAKEN);
        const char *text = rows[i].text;
        cr_expect(is_text(ev.message, rows[i].message), "%s: %.*s", text, (int)ev.message.len,
                  ev.message.ptr);
        cr_expect(is_text(ev.component, rows[i].component), "%s: %.*s", text, (int)ev.component.len,
                  ev.component.ptr);
        cr_expect(ev.has_thread && ev.thread == rows[i].thread, "%s", text);
        cr_expect_eq(ev.time.known, rows[i].ns != 0, "%s", text);
        cr_expect_eq(ev.time.ns, rows[i].ns, "%s: %ld", text,
                     (long)((ev.time.ns - rows[i].ns) / NS));
        cr_expect(!ev.time.zoned, "%s", text);
        cr_expect(is_text(attr_of(&ev, "time.text"), rows[i].time_text), "%s", text);
        cr_expect_eq(ev.level, rows[i].level, "%s", text);
        cr_expect_eq(ev.problems, rows[i].problems, "%s: %x", text, ev.problems);
    }
}

Test(cmtrace_copy, leaves_other_text_alone)
{
    static const char *const others[] = {
        "",
        "text",
        "1 (0x1)",
        "\t1 (0x1)",
        "23.08.2023 10:21:05\t1 (0x1)",
        "text\tComp\t23.08.2023 10:21:05",
        "text\tComp\t23.08.2023 10:21:05\t1",
        "text\tComp\t23.08.2023 10:21:05\t1 (0x1)>",
        "text\tComp\t23.08.2023 10:21:05\t(0x1)",
        "text\tComp\t23.08.2023\t1 (0x1)",
        "text\tComp\t23.08.23 10:21:05\t1 (0x1)",
        "text\tComp\t2/19/2019 13:49:35 PM\t1 (0x1)",
        "text Comp 23.08.2023 10:21:05 1 (0x2)",
        "text\tComp\t23.08.2023 10:21:05x\t1 (0x1)",
        "error 5 (0x5)",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        decoded(others[i], CMG_NOT_MINE);
}
