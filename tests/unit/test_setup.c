/* SPDX-License-Identifier: Apache-2.0
 * Lines that begin with their time, as the set-up programs write them. */
#include "tests/decoding.h"

#include <criterion/criterion.h>

static const struct cmg_decoder *const setup = &cmg_decoder_setup;

#define NS  INT64_C(1000000000)
#define DAY (86400 * NS)
#define FEB (INT64_C(1677441286) * NS) /* 2023-02-26 19:54:46 */

static struct cmg_event decoded(const char *text, enum cmg_take expected)
{
    struct cmg_event ev = empty_event();
    cmg_str record = exact_copy(cmg_str_c(text));
    enum cmg_take take = setup->decode(NULL, record, &ev);
    cr_assert_eq(take, expected, "%s", text);
    cr_assert_eq(setup->probe(NULL, record), take == CMG_TAKEN, "%s", text);
    ev.message =
        cmg_str_of(text + (ev.message.ptr ? ev.message.ptr - record.ptr : 0), ev.message.len);
    ev.component =
        cmg_str_of(text + (ev.component.ptr ? ev.component.ptr - record.ptr : 0), ev.component.len);
    for (size_t i = 0; i < ev.attrs; i++)
        ev.attr[i].value =
            cmg_str_of(text + (ev.attr[i].value.ptr - record.ptr), ev.attr[i].value.len);
    free((char *)record.ptr);
    return ev;
}

static const struct {
    const char *text, *message, *component;
    int64_t ns; /* 0: no time */
    bool zoned;
    int offset_min;
    const char *time_text, *id;
    enum cmg_level level;
    uint32_t problems;
} rows[] = {
    {"<02-26-2023 19:54:46> SMSExec set-up", "SMSExec set-up", "", FEB, false, 0, 0, 0,
     CMG_LEVEL_INFO, 0},
    {"<02-26-2023 19:54:46> thread 12 (0xC)", "thread 12 (0xC)", "", FEB, false, 0, 0, 0,
     CMG_LEVEL_INFO, 0},
    {"<02-26-2023 19:54:46> ERROR: no", "ERROR: no", "", FEB, false, 0, 0, 0, CMG_LEVEL_ERROR, 0},
    {"<02-26-2023 19:54:46>", "", "", FEB, false, 0, 0, 0, CMG_LEVEL_INFO, 0},
    {"<2-6-2023 9:54:46> text", "text", "", FEB - 20 * DAY - 10 * 3600 * NS, false, 0, 0, 0,
     CMG_LEVEL_INFO, 0},
    {"<02-26-2023 19:54:46.250+60> text", "text", "", FEB + NS / 4, true, -60, 0, 0, CMG_LEVEL_INFO,
     0},
    {"<02-26-2023 19:54:46> text $<A>", "text $<A>", "", FEB, false, 0, 0, 0, CMG_LEVEL_INFO, 0},
    {"<Sun Feb 26 19:54:46 2023>         text", "text", "", FEB, false, 0, 0, 0, CMG_LEVEL_INFO, 0},
    {"<Sun Feb  6 19:54:46 2023> text", "text", "", FEB - 20 * DAY, false, 0, 0, 0, CMG_LEVEL_INFO,
     0},
    {"<02-30-2023 19:54:46> text", "text", "", 0, false, 0, "02-30-2023 19:54:46", 0,
     CMG_LEVEL_INFO, CMG_P_BAD_TIME},
    {"2/26/2023 7:54:46 PM: ConfigMgrSetupWizard Verbose: 1 : Exiting with an error.",
     "Exiting with an error.", "ConfigMgrSetupWizard", FEB, false, 0, 0, "1", CMG_LEVEL_VERBOSE, 0},
    {"26.02.2023 19:54:46: Wizard Error: 1 : Exiting.", "Exiting.", "Wizard", FEB, false, 0, 0, "1",
     CMG_LEVEL_ERROR, 0},
    {"2/3/2023 7:54:46 PM: Wizard Error: 12 :", "", "Wizard", FEB - 23 * DAY, false, 0,
     "2/3/2023 7:54:46 PM", "12", CMG_LEVEL_ERROR, 0},
    {"2/26/2023 7:54:46 PM: W Information: 1 : error", "error", "W", FEB, false, 0, 0, "1",
     CMG_LEVEL_INFO, 0},
    {"2/26/2023 7:54:46 PM: W Warning: 1 : t", "t", "W", FEB, false, 0, 0, "1", CMG_LEVEL_WARNING,
     0},
    {"2/26/2023 7:54:46 PM: W Critical: 1 : t", "t", "W", FEB, false, 0, 0, "1", CMG_LEVEL_ERROR,
     0},
    {"2/26/2023 7:54:46 PM: W Start: 1 : t", "t", "W", FEB, false, 0, 0, "1", CMG_LEVEL_NONE, 0},
};

Test(setup, reads_every_form)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cmg_event ev = decoded(rows[i].text, CMG_TAKEN);
        const char *text = rows[i].text;
        cr_expect(is_text(ev.message, rows[i].message), "%s: %.*s", text, (int)ev.message.len,
                  ev.message.ptr);
        cr_expect(is_text(ev.component, rows[i].component), "%s", text);
        cr_expect(!ev.has_thread, "%s", text);
        cr_expect_eq(ev.time.known, rows[i].ns != 0, "%s", text);
        cr_expect_eq(ev.time.ns, rows[i].ns, "%s: %ld", text, (long)(ev.time.ns - rows[i].ns));
        cr_expect_eq(ev.time.zoned, rows[i].zoned, "%s", text);
        cr_expect_eq(ev.time.offset_min, rows[i].offset_min, "%s: %d", text, ev.time.offset_min);
        cr_expect(is_text(attr_of(&ev, "time.text"), rows[i].time_text), "%s", text);
        cr_expect(is_text(attr_of(&ev, "trace.id"), rows[i].id), "%s", text);
        cr_expect_eq(ev.level, rows[i].level, "%s: %d", text, ev.level);
        cr_expect_eq(ev.problems, rows[i].problems, "%s: %x", text, ev.problems);
    }
}

Test(setup, leaves_other_text_alone)
{
    static const char *const others[] = {
        "",
        "plain text",
        "<>",
        "<02-26-2023>",
        "<02-26-2023 19:54> text",
        "<02-26-2023 19:54:46>text",
        "<02-26-2023 19:54:46 text",
        "<02-26-2023 19:54:46 and more than forty characters> text",
        "<Sun Feb 26 19:54:46>",
        "<MAXIMUM LOG FILE SIZE REACHED - FILE RENAMED>",
        "2/26/2023 7:54:46 PM: no level here",
        "2/26/2023 7:54:46 PM: Source Level: x : text",
        "2/26/2023 7:54:46 PM: Source LevelOf17Letters.: 1 : text",
        "2/26/2023 13:54:46 PM: Source Level: 1 : text",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        decoded(others[i], CMG_NOT_MINE);
}
