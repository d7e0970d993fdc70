/* SPDX-License-Identifier: Apache-2.0
 * Rows of site servers: tails of three decades, tildes, status messages. */
#include "tests/decoding.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const struct cmg_decoder *const sms = &cmg_decoder_sms;

#define T(text) text "  $$<SMS_X><02-26-2023 19:54:46.475+480><thread=250 (0xFA)>"
#define NS      INT64_C(1000000000)
#define FEB     (INT64_C(1677441286) * NS)

static struct cmg_event decoded(const char *text, enum cmg_take expected)
{
    struct cmg_event ev = empty_event();
    cmg_str record = cmg_str_c(text);
    enum cmg_take take = sms->decode(NULL, record, &ev);
    cr_assert_eq(take, expected, "%s", text);
    cr_assert_eq(sms->probe(NULL, record), take == CMG_TAKEN, "%s", text);
    return ev;
}

/* ---- tails ----------------------------------------------------------------------------------- */

static const struct {
    const char *text, *message, *component;
    bool has_thread;
    uint64_t thread;
    int64_t ns; /* 0: no time */
    bool zoned;
    int offset_min;
    const char *time_text, *trailing;
    uint32_t problems;
} rows[] = {
    {T("message"), "message", "SMS_X", true, 250, FEB + 475000000, true, -480, 0, 0, 0},
    {T("message   "), "message", "SMS_X", true, 250, FEB + 475000000, true, -480, 0, 0, 0},
    {T(""), "", "SMS_X", true, 250, FEB + 475000000, true, -480, 0, 0, 0},
    {T("message") " \t", "message", "SMS_X", true, 250, FEB + 475000000, true, -480, 0, 0, 0},
    {"m$$<CcmExec><02-26-2023 19:54:46.000+000><thread=100 (0x64)>", "m", "CcmExec", true, 100, FEB,
     true, 0, 0, 0, 0},
    {"m  $$<SMS Provider><02-26-2023 19:54:46.475-60><thread=1 (0x1)>", "m", "SMS Provider", true,
     1, FEB + 475000000, true, 60, 0, 0, 0},
    {"m  $$<A><02-26-2023 19:54:46.475+840><thread=1 (0x1)>", "m", "A", true, 1, FEB + 475000000,
     true, -840, 0, 0, 0},
    {"m  $$<A><02-26-2023 19:54:46.475+841><thread=1 (0x1)>", "m", "A", true, 1, FEB + 475000000,
     false, 0, "02-26-2023 19:54:46.475+841", 0, 0},
    {"m  $$<A><02-26-2023 19:54:46.475><thread=1 (0x1)>", "m", "A", true, 1, FEB + 475000000, false,
     0, 0, 0, 0},
    {"m  $$<A><02-30-2023 19:54:46.475+60><thread=1 (0x1)>", "m", "A", true, 1, 0, false, 0,
     "02-30-2023 19:54:46.475+60", 0, CMG_P_BAD_TIME},
    {"m  $$<A><yesterday><thread=1 (0x1)>", "m", "A", true, 1, 0, false, 0, "yesterday", 0,
     CMG_P_BAD_TIME},
    {"m  $$<A><02-26-2023 19:54:46.475+60><thread=1 (0x2)>", "m", "A", true, 1, FEB + 475000000,
     true, -60, 0, 0, CMG_P_BAD_ATTRIBUTE},
    /* the last tail counts */
    {"quotes $$<A><02-26-2023 19:54:46.475+60><thread=2 (0x2)> and " T("m"),
     "quotes $$<A><02-26-2023 19:54:46.475+60><thread=2 (0x2)> and m", "SMS_X", true, 250,
     FEB + 475000000, true, -480, 0, 0, 0},
    {T("m") "fragment of another", "m", "SMS_X", true, 250, FEB + 475000000, true, -480, 0,
     "fragment of another", CMG_P_TRAILING_TEXT},
    {T("m") " $$<B>", "m", "SMS_X", true, 250, FEB + 475000000, true, -480, 0, "$$<B>",
     CMG_P_TRAILING_TEXT},
    {T("costs $5 $$<no tail>"), "costs $5 $$<no tail>", "SMS_X", true, 250, FEB + 475000000, true,
     -480, 0, 0, 0},
    /* tildes */
    {T("~starts a line"), "starts a line", "SMS_X", true, 250, FEB + 475000000, true, -480, 0, 0,
     0},
    {T("ends a line~"), "ends a line", "SMS_X", true, 250, FEB + 475000000, true, -480, 0, 0, 0},
    {T("~~ both ~~"), "both", "SMS_X", true, 250, FEB + 475000000, true, -480, 0, 0, 0},
    {T("a~~b~c C:\\PROGRA~1"), "a~~b~c C:\\PROGRA~1", "SMS_X", true, 250, FEB + 475000000, true,
     -480, 0, 0, 0},
    {T("~~~"), "", "SMS_X", true, 250, FEB + 475000000, true, -480, 0, 0, 0},
    /* SMS 1.x and 2.0 */
    {"$$<SMS_DESPOOLER><Wed May 21 17:09:02 1997~><thread=DB>", "", "SMS_DESPOOLER", true, 0xDB,
     864234542 * NS, false, 0, 0, 0, 0},
    {"m  $$<A><Fri Sep 03 12:23:46.229 1999 Central Daylight Time><thread=250 (0xFA)>", "m", "A",
     true, 250, 936361426 * NS + 229000000, true, -300, 0, 0, 0},
    {"m  $$<A><Fri Sep 03 12:23:46.229 1999 Eastern Standard Time><thread=250 (0xFA)>", "m", "A",
     true, 250, 936361426 * NS + 229000000, true, -300, 0, 0, 0},
    {"m  $$<A><Fri Sep 03 12:23:46.229 1999 Eastern Daylight Time><thread=250 (0xFA)>", "m", "A",
     true, 250, 936361426 * NS + 229000000, true, -240, 0, 0, 0},
    {"m  $$<A><Fri Sep 03 12:23:46.229 1999 Mountain Standard Time><thread=250 (0xFA)>", "m", "A",
     true, 250, 936361426 * NS + 229000000, true, -420, 0, 0, 0},
    {"m  $$<A><Fri Sep 03 12:23:46.229 1999 Pacific Standard Time><thread=250 (0xFA)>", "m", "A",
     true, 250, 936361426 * NS + 229000000, true, -480, 0, 0, 0},
    {"m  $$<A><Fri Sep 03 12:23:46.229 1999 Pacific Summer Time><thread=250 (0xFA)>", "m", "A",
     true, 250, 936361426 * NS + 229000000, false, 0,
     "Fri Sep 03 12:23:46.229 1999 Pacific Summer Time", 0, 0},
    {"m  $$<A><Fri Sep 03 12:23:46.229 1999 W. Europe Daylight Time><thread=250 (0xFA)>", "m", "A",
     true, 250, 936361426 * NS + 229000000, false, 0,
     "Fri Sep 03 12:23:46.229 1999 W. Europe Daylight Time", 0, 0},
    /* what KB texts leave of it */
    {"m  $<SMS_DISTRIBUTION_MANAGER>", "m", "SMS_DISTRIBUTION_MANAGER", false, 0, 0, false, 0, 0, 0,
     0},
    {"m  $$<SMS Provider> ", "m", "SMS Provider", false, 0, 0, false, 0, 0, 0, 0},
};

Test(sms, reads_every_form_of_row)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cmg_event ev = decoded(rows[i].text, CMG_TAKEN);
        const char *text = rows[i].text;
        cr_expect(is_text(ev.message, rows[i].message), "%s: %.*s", text, (int)ev.message.len,
                  ev.message.ptr);
        cr_expect(is_text(ev.component, rows[i].component), "%s", text);
        cr_expect_eq(ev.has_thread, rows[i].has_thread, "%s", text);
        cr_expect_eq(ev.thread, rows[i].thread, "%s", text);
        cr_expect_eq(ev.time.known, rows[i].ns != 0, "%s", text);
        cr_expect_eq(ev.time.ns, rows[i].ns, "%s: %ld", text, (long)(ev.time.ns - rows[i].ns));
        cr_expect_eq(ev.time.zoned, rows[i].zoned, "%s", text);
        cr_expect_eq(ev.time.offset_min, rows[i].offset_min, "%s: %d", text, ev.time.offset_min);
        cr_expect(is_text(attr_of(&ev, "time.text"), rows[i].time_text), "%s", text);
        cr_expect(is_text(attr_of(&ev, "trailing_text"), rows[i].trailing), "%s", text);
        cr_expect_eq(ev.problems, rows[i].problems, "%s: %x", text, ev.problems);
    }
}

Test(sms, leaves_other_text_alone)
{
    static const char *const others[] = {
        "",
        "plain text",
        "costs $$",
        "costs $$<",
        "$$<A><02-26-2023 19:54:46.475+60>",
        "$$<A><02-26-2023 19:54:46.475+60><thread=>",
        "$$<A><02-26-2023 19:54:46.475+60><thread=12 (0xZZ)>",
        "$$<A><02-26-2023 19:54:46.475+60><thread=12 (0x)>",
        "$$<A><02-26-2023 19:54:46.475+60><thread=12 (0xC>",
        "$$<><02-26-2023 19:54:46.475+60><thread=12 (0xC)>",
        "text $<1>",
        "text $<a:b>",
        "text <A>",
        "$<A> text",
        "<MAXIMUM LOG FILE SIZE REACHED - FILE RENAMED>",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        decoded(others[i], CMG_NOT_MINE);
}

Test(sms, caps_the_component)
{
    for (size_t len = 254; len <= 256; len++) {
        char text[512];
        memset(text, 'C', sizeof text);
        memcpy(text, "m $$<", 5);
        size_t n = 5 + len;
        snprintf(text + n, sizeof text - n, "><02-26-2023 19:54:46.475+480><thread=250 (0xFA)>");
        struct cmg_event ev = decoded(text, len <= 255 ? CMG_TAKEN : CMG_NOT_MINE);
        cr_expect_eq(ev.component.len, len <= 255 ? len : 0);
    }
}

Test(sms, caps_the_time)
{
    for (size_t len = 94; len <= 96; len++) {
        char text[512] = "m $$<A><";
        memset(text + 8, 't', len);
        snprintf(text + 8 + len, sizeof text - 8 - len, "><thread=250 (0xFA)>");
        decoded(text, len <= 95 ? CMG_TAKEN : CMG_NOT_MINE);
    }
}

/* ---- level ----------------------------------------------------------------------------------- */

static const struct {
    const char *text;
    enum cmg_level level;
} levels[] = {
    {T("Starting"), CMG_LEVEL_INFO},
    {T("ERROR: no"), CMG_LEVEL_ERROR},
    {T("Errors"), CMG_LEVEL_ERROR},
    {T("a terror"), CMG_LEVEL_ERROR},
    {T("mirror"), CMG_LEVEL_INFO},
    {T("it Failed"), CMG_LEVEL_ERROR},
    {T("failover"), CMG_LEVEL_INFO},
    {T("Failover failed"), CMG_LEVEL_ERROR},
    {T("Warning"), CMG_LEVEL_WARNING},
    {T("warning: an error"), CMG_LEVEL_ERROR},
    {T("rror"), CMG_LEVEL_INFO},
    {T("far away, was fair"), CMG_LEVEL_INFO},
    {T("STATMSG: ID=1 SEV=I LEV=M this failed"), CMG_LEVEL_INFO},
    {T("STATMSG: ID=1 SEV=W LEV=M"), CMG_LEVEL_WARNING},
    {T("STATMSG: ID=1 SEV=E LEV=M"), CMG_LEVEL_ERROR},
    {T("STATMSG: ID=1 SEV=X LEV=M it failed"), CMG_LEVEL_ERROR},
    {T("STATMSG: ID=1 SEV=IW LEV=M it failed"), CMG_LEVEL_ERROR},
};

Test(sms, takes_the_level_from_where_it_is)
{
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        struct cmg_event ev = decoded(levels[i].text, CMG_TAKEN);
        cr_expect_eq(ev.level, levels[i].level, "%s: %d", levels[i].text, ev.level);
    }
}

/* The words at every position, so also across the blocks in which they are searched. */
Test(sms, finds_the_words_anywhere)
{
    static const char *const words[] = {"eRRor", "FAIL", "Warn"};
    for (size_t w = 0; w < 3; w++) {
        for (size_t at = 0; at < 70; at++) {
            for (size_t len = at + strlen(words[w]); len < at + 30; len++) {
                char text[256];
                memset(text, 'r', len);
                for (size_t i = 0; i < len; i++)
                    text[i] = "farwer"[i % 6];
                memcpy(text + at, words[w], strlen(words[w]));
                snprintf(text + len, sizeof text - len,
                         " $$<A><02-26-2023 19:54:46.475+480><thread=250 (0xFA)>");
                struct cmg_event ev = decoded(text, CMG_TAKEN);
                cr_assert_eq(ev.level, w < 2 ? CMG_LEVEL_ERROR : CMG_LEVEL_WARNING, "%s", text);
            }
        }
    }
}

/* ---- status messages ------------------------------------------------------------------------- */

Test(sms, reads_a_status_message)
{
    static const char *const expected[][2] = {
        {"statmsg.id", "9310"},
        {"statmsg.sev", "W"},
        {"statmsg.lev", "M"},
        {"statmsg.source", "SMS Server"},
        {"statmsg.comp", "SMS_CLOUD_CONTENT_MANAGER"},
        {"statmsg.sys", "CM1.contoso.example"},
        {"statmsg.site", "CHQ"},
        {"statmsg.pid", "2312"},
        {"statmsg.tid", "7536"},
        {"statmsg.gmtdate", "Mon Feb 27 03:54:46.700 2023"},
        {"statmsg.le", "0X80131500"},
    };
    struct cmg_event ev = decoded(T("STATMSG: ID=9310 SEV=W LEV=M SOURCE=\"SMS Server\" "
                                    "COMP=\"SMS_CLOUD_CONTENT_MANAGER\" SYS=CM1.contoso.example "
                                    "SITE=CHQ PID=2312 TID=7536 GMTDATE=Mon Feb 27 03:54:46.700 "
                                    "2023 ISTR0=\"a \"b\" LE=1\" ISTR1=\"\" ISTR2=\"\" "
                                    "NUMATTRS=0 LE=0X80131500"),
                                  CMG_TAKEN);
    cr_expect_eq(ev.attrs, sizeof expected / sizeof *expected);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        cr_expect(is_text(attr_of(&ev, expected[i][0]), expected[i][1]), "%s", expected[i][0]);
    cr_expect_eq(ev.time.ns, FEB + 475000000);
    cr_expect_eq(ev.problems, 0);
}

Test(sms, reads_an_older_status_message)
{
    struct cmg_event ev = decoded(
        T("STATMSG: ID=500 SEV=I LEV=M SOURCE=\"SMS Server\" COMP=\"X\" SYS=A SITE=B PID=1 TID=2 "
          "GMTDATE=Mon Feb 27 03:54:46.700 2023 ISTR0=\"\" NUMATTRS=0"),
        CMG_TAKEN);
    cr_expect(is_text(attr_of(&ev, "statmsg.gmtdate"), "Mon Feb 27 03:54:46.700 2023"));
    cr_expect_eq(attr_of(&ev, "statmsg.le").ptr, NULL);
    ev = decoded(T("STATMSG: ID=1"), CMG_TAKEN);
    cr_expect_eq(ev.attrs, 1);
    ev = decoded(T("STATMSG: ID=1 COMP=\"lost quote"), CMG_TAKEN);
    cr_expect(is_text(attr_of(&ev, "statmsg.comp"), "lost quote"));
}
