/* SPDX-License-Identifier: Apache-2.0
 * CMTrace records: where they end, what they say, and what is kept of torn ones. */
#include "tests/decoding.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const struct cmg_decoder *const ccm = &cmg_decoder_ccm;

#define TAIL                                                                                       \
    "<time=\"10:00:00.123-060\" date=\"03-04-2026\" component=\"C\" context=\"\" type=\"1\" "      \
    "thread=\"7\" file=\"a.cpp:1\">"
#define REC(m)          "<![LOG[" m "]LOG]!>" TAIL
#define MS              INT64_C(1000000)
#define AT(seconds, ms) (INT64_C(seconds) * 1000 * MS + (ms)*MS)

static struct cmg_event decoded(cmg_str record, enum cmg_take expected)
{
    struct cmg_event ev = empty_event();
    enum cmg_take take = ccm->decode(NULL, record, &ev);
    cr_assert_eq(take, expected, "%.*s", (int)record.len, record.ptr);
    return ev;
}

/* ---- framing --------------------------------------------------------------------------------- */

static const struct {
    const char *text;
    size_t fresh;
    enum cmg_verdict verdict;
    const char *record; /* of DONE */
} cuts[] = {
    {REC("one"), 0, CMG_DONE, REC("one")},
    {REC(""), 0, CMG_DONE, REC("")},
    {REC("one") REC("two"), 0, CMG_DONE, REC("one")},
    {REC("one") " rest", 0, CMG_DONE, REC("one")},
    {"  " REC("indented"), 0, CMG_DONE, "  " REC("indented")},
    {"text " REC("one"), 0, CMG_DONE, "text "},
    {"lost head]LOG]!>" TAIL, 0, CMG_DONE, "lost head]LOG]!>" TAIL},
    {"lost head]LOG]!>" TAIL REC("next"), 0, CMG_DONE, "lost head]LOG]!>" TAIL},
    {"no mark at all", 0, CMG_DONE, "no mark at all"},
    {"", 0, CMG_DONE, ""},
    {"<![LOG[open", 0, CMG_MORE, NULL},
    {"<![LOG[open]LOG]!>", 0, CMG_MORE, NULL},
    {"<![LOG[open]LOG]!><tim", 0, CMG_MORE, NULL},
    {"<![LOG[a ]LOG]!> b <time=\"1\">", 0, CMG_MORE, NULL},
    {REC("a literal ]LOG]!> inside"), 0, CMG_DONE, REC("a literal ]LOG]!> inside")},
    {REC("ends in ]LOG"), 0, CMG_DONE, REC("ends in ]LOG")},
    {REC("[CCMHTTP] ERROR"), 0, CMG_DONE, REC("[CCMHTTP] ERROR")},
    {REC("a > b \"c"), 0, CMG_DONE, REC("a > b \"c")},
    {REC("<![LOG[quoted"), 0, CMG_DONE, REC("<![LOG[quoted")},
    {"<![LOG[a\nb]LOG]!>" TAIL "x", 9, CMG_DONE, "<![LOG[a\nb]LOG]!>" TAIL},
    {"<![LOG[a\n]LOG]!>" TAIL, 9, CMG_DONE, "<![LOG[a\n]LOG]!>" TAIL},
    {"<![LOG[a\r\nb", 10, CMG_MORE, NULL},
    {"<![LOG[a\n<![LOG[b", 9, CMG_NEW, NULL},
    {"<![LOG[a\n" REC("b"), 9, CMG_NEW, NULL},
    {"<![LOG[a\n " REC("b"), 9, CMG_DONE, "<![LOG[a\n " REC("b")},
    /* other attributes first, '>' in quotes, a lost quote, a lost end */
    {"<![LOG[a]LOG]!><date=\"3-4-2026\" time=\"1\">x", 0, CMG_DONE,
     "<![LOG[a]LOG]!><date=\"3-4-2026\" time=\"1\">"},
    {"<![LOG[a]LOG]!><other=\"1\">", 0, CMG_MORE, NULL},
    {"<![LOG[a]LOG]!><time=\"1\" component=\"b>c\">x", 0, CMG_DONE,
     "<![LOG[a]LOG]!><time=\"1\" component=\"b>c\">"},
    {"<![LOG[a]LOG]!><time=\"1\" file=b.log\"\">x", 0, CMG_DONE,
     "<![LOG[a]LOG]!><time=\"1\" file=b.log\"\">"},
    {"<![LOG[a]LOG]!><time=\"1\" file=\"b.log>x", 0, CMG_DONE,
     "<![LOG[a]LOG]!><time=\"1\" file=\"b.log>"},
    {"<![LOG[a]LOG]!><time=\"1\" file=\"b", 0, CMG_DONE, "<![LOG[a]LOG]!><time=\"1\" file=\"b"},
    /* the rest of a record that was cut at the largest size */
    {"rest of a message", CMG_FRESH_REST, CMG_MORE, NULL},
    {"rest]LOG]!>" TAIL "x", CMG_FRESH_REST, CMG_DONE, "rest]LOG]!>" TAIL},
    {REC("new"), CMG_FRESH_REST, CMG_DONE, REC("new")},
    {"rest\nmore]LOG]!>" TAIL, 5, CMG_DONE, "rest\nmore]LOG]!>" TAIL},
    {"rest\n" REC("new"), 5, CMG_NEW, NULL},
};

Test(ccm, ends_where_its_closer_ends)
{
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        cmg_str text = exact_copy(cmg_str_c(cuts[i].text));
        struct cmg_cut cut = ccm->split(text, cuts[i].fresh);
        cr_expect_eq(cut.verdict, cuts[i].verdict, "%s", cuts[i].text);
        if (cuts[i].verdict == CMG_DONE)
            cr_expect(is_text(cmg_str_head(text, cut.end), cuts[i].record), "%s: %zu", cuts[i].text,
                      cut.end);
        free((char *)text.ptr);
    }
}

/* The rules for one line in the plainest words: first closer with attributes, first '>' outside
 * quotes. */
static size_t naive_closer(const char *s, size_t n, size_t from)
{
    for (size_t i = from; i + 13 <= n; i++)
        if (memcmp(s + i, "]LOG]!><time=", 13) == 0)
            return i;
    return CMG_STR_NPOS;
}

static size_t naive_end(const char *s, size_t n, size_t at)
{
    bool quoted = false;
    size_t first = 0;
    for (size_t i = at; i < n; i++) {
        if (s[i] == '\n' || s[i] == '\r')
            return first ? first : i;
        if (s[i] == '"')
            quoted = !quoted;
        if (s[i] == '>' && !quoted)
            return i + 1;
        if (s[i] == '>' && !first)
            first = i + 1;
    }
    return first ? first : n;
}

static struct cmg_cut naive_split(const char *s, size_t n)
{
    if (n >= 7 && memcmp(s, "<![LOG[", 7) == 0) {
        size_t c = naive_closer(s, n, 7);
        return c == CMG_STR_NPOS ? (struct cmg_cut){CMG_MORE, 0}
                                 : (struct cmg_cut){CMG_DONE, naive_end(s, n, c + 7)};
    }
    const char *opener = n ? memmem(s, n, "<![LOG[", 7) : NULL;
    size_t c = naive_closer(s, n, 0), o = opener ? (size_t)(opener - s) : CMG_STR_NPOS;
    if (c != CMG_STR_NPOS && c < o)
        return (struct cmg_cut){CMG_DONE, naive_end(s, n, c + 7)};
    return (struct cmg_cut){CMG_DONE, opener ? o : n};
}

Test(ccm, splits_as_the_plain_rules_say)
{
    static const char *const parts[] = {"<![LOG[",
                                        "]LOG]!>",
                                        "<time=",
                                        "]LOG]!><time=",
                                        "\"",
                                        ">",
                                        "!",
                                        "\r",
                                        "x",
                                        "][",
                                        "component=\"a\"",
                                        "a message of some length, longer than a block"};
    uint64_t seed = 42;
    for (int round = 0; round < 200000; round++) {
        char text[640];
        size_t n = 0;
        for (uint32_t k = next_random(&seed) % 12; k; k--) {
            const char *p = parts[next_random(&seed) % (sizeof parts / sizeof *parts)];
            memcpy(text + n, p, strlen(p));
            n += strlen(p);
        }
        struct cmg_cut want = naive_split(text, n), got = ccm->split(cmg_str_of(text, n), 0);
        cr_assert(want.verdict == got.verdict && (want.verdict != CMG_DONE || want.end == got.end),
                  "%.*s: %zu, %zu", (int)n, text, want.end, got.end);
    }
}

/* ---- times ----------------------------------------------------------------------------------- */

static const struct {
    const char *time, *date, *component, *file;
    int64_t ns;
    int offset_min;
    bool zoned;
    const char *policy, *text;
} times[] = {
    /* native: minutes to add to get UTC */
    {"19:33:19.766-330", "11-28-2025", "AppEnforce", "appprovider.cpp:1702", AT(1764358399, 766),
     330, true, 0, 0},
    {"19:33:19.766+240", "11-28-2025", "", "a.cxx:9", AT(1764358399, 766), -240, true, 0, 0},
    {"19:33:19.766+00", "11-28-2025", "ccmsetup", "ccmsetup.cpp:1", AT(1764358399, 766), 0, true, 0,
     0},
    {"19:33:19.766-60", "11-28-2025", "TSManager", "engine.cxx:1022", AT(1764358399, 766), 60, true,
     0, 0},
    {"19:33:19.766+000", "11-28-2025", "C", "a.h:1", AT(1764358399, 766), 0, true, 0, 0},
    {"19:33:19.766+480", "11-28-2025", "Unknown", "", AT(1764358399, 766), -480, true, 0, 0},
    {"9:33:19.766+480", "11-28-2025", "Unknown", "", AT(1764322399, 766), -480, true, 0, 0},
    /* .NET: ticks of 100 ns, no offset */
    {"10:22:50.8422964", "1-2-2025", "SCClient", "", AT(1735813370, 842) + 296400, 0, false, 0, 0},
    {"10:22:50.842", "1-2-2025", "SCClient", "", AT(1735813370, 842), 0, false, 0, 0},
    /* PowerShell: '+' in front of a UTC offset */
    {"10:22:50.842+-360", "1-2-2025", "x", "", AT(1735813370, 842), -360, true, "wmi-offset",
     "10:22:50.842+-360"},
    {"10:22:50.842-+360", "1-2-2025", "x", "", AT(1735813370, 842), 0, false, 0,
     "10:22:50.842-+360"},
    /* an offset without its sign */
    {"08:27:11.935600", "06-10-2026", "ApplyBIOSPackage", "", AT(1781080031, 935) + 600000, 0,
     false, 0, "08:27:11.935600"},
    {"02:51:35.517 600", "06-10-2026", "DriverAutomationTool", "", AT(1781059895, 517), 0, false, 0,
     "02:51:35.517 600"},
    {"13.02.20.943120", "03-06-2025", "PSAppDeployToolkit", "AppDeployToolkitMain.ps1",
     AT(1741266140, 943) + 120000, 0, false, 0, "13.02.20.943120"},
    /* milliseconds that are not padded */
    {"10:11:12.7+000", "6-05-2025", "Install", "", AT(1749118272, 7), 0, false, 0,
     "10:11:12.7+000"},
    {"10:11:12.70+000", "6-05-2025", "Install", "", AT(1749118272, 70), 0, false, 0,
     "10:11:12.70+000"},
    {"10:11:12.7-60", "6-05-2025", "Install", "", AT(1749118272, 7), 60, true, 0, "10:11:12.7-60"},
    /* goCMTrace: zeros trimmed */
    {"14:13:13.84164", "11-24-2025", "main.main", "", AT(1763993593, 841) + 640000, 0, false, 0,
     "14:13:13.84164"},
    {"14:13:13.8", "11-24-2025", "main.main", "", AT(1763993593, 800), 0, false, 0, "14:13:13.8"},
    {"14:13:13", "11-24-2025", "main.main", "", AT(1763993593, 0), 0, false, 0, "14:13:13"},
    /* constants that look like an offset */
    {"14:13:13.000+000", "11-24-2025", "ZTIGather", "ZTIGather", AT(1763993593, 0), 0, false, 0,
     "14:13:13.000+000"},
    {"14:13:13.123+000", "11-24-2025", "Script", "", AT(1763993593, 123), 0, false, 0,
     "14:13:13.123+000"},
    /* PSAppDeployToolkit: the UTC offset itself */
    {"13:34:13.930+120", "03-13-2025", "PSAppDeployToolkit", "AppDeployToolkitMain.ps1",
     AT(1741872853, 930), 120, true, "utc-offset", "13:34:13.930+120"},
    {"13:34:13.930+600", "3-13-2025", "Open-ADTSession", "C:\\T\\x.psm1", AT(1741872853, 930), 600,
     true, "utc-offset", "13:34:13.930+600"},
    {"13:34:13.930-60", "3-13-2025", "Close-ADTSession", "", AT(1741872853, 930), -60, true,
     "utc-offset", "13:34:13.930-60"},
    {"13:34:13.930+60", "3-13-2025", "Script", "x.vbs:1", AT(1741872853, 930), -60, true, 0, 0},
    /* the widest offset, and past it */
    {"13:34:13.930-839", "3-13-2025", "C", "a.cpp:1", AT(1741872853, 930), 839, true, 0, 0},
    {"13:34:13.930-840", "3-13-2025", "C", "a.cpp:1", AT(1741872853, 930), 840, true, 0, 0},
    {"13:34:13.930-841", "3-13-2025", "C", "a.cpp:1", AT(1741872853, 930), 0, false, 0,
     "13:34:13.930-841"},
    {"13:34:13.930+840", "3-13-2025", "C", "a.cpp:1", AT(1741872853, 930), -840, true, 0, 0},
    {"13:34:13.930+841", "3-13-2025", "C", "a.cpp:1", AT(1741872853, 930), 0, false, 0,
     "13:34:13.930+841"},
    {"13:34:13.930+99999", "3-13-2025", "C", "a.cpp:1", AT(1741872853, 930), 0, false, 0,
     "13:34:13.930+99999"},
    {"13:34:13.930+100000", "3-13-2025", "C", "a.cpp:1", AT(1741872853, 930), 0, false, 0,
     "13:34:13.930+100000"},
    {"13:34:13.930Z", "3-13-2025", "C", "a.cpp:1", AT(1741872853, 930), 0, false, 0,
     "13:34:13.930Z"},
    {"23:59:59.999+00", "02-29-2024", "C", "a.cpp:1", AT(1709251199, 999), 0, true, 0, 0},
};

static size_t write_record(char out[1024], const char *time, const char *date,
                           const char *component, const char *file)
{
    int n = snprintf(out, 1024,
                     "<![LOG[m]LOG]!><time=\"%s\" date=\"%s\" component=\"%s\" context=\"\" "
                     "type=\"1\" thread=\"7\" file=\"%s\">",
                     time, date, component, file);
    return (size_t)n;
}

Test(ccm, reads_every_form_of_time)
{
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        char text[1024];
        size_t n =
            write_record(text, times[i].time, times[i].date, times[i].component, times[i].file);
        struct cmg_event ev = decoded(cmg_str_of(text, n), CMG_TAKEN);
        cr_expect(ev.time.known, "%s", times[i].time);
        cr_expect_eq(ev.time.ns, times[i].ns, "%s: %ld", times[i].time,
                     (long)(ev.time.ns - times[i].ns));
        cr_expect_eq(ev.time.zoned, times[i].zoned, "%s", times[i].time);
        cr_expect_eq(ev.time.offset_min, times[i].offset_min, "%s: %d", times[i].time,
                     ev.time.offset_min);
        cr_expect(is_text(attr_of(&ev, "time.policy"), times[i].policy), "%s", times[i].time);
        cr_expect(is_text(attr_of(&ev, "time.text"), times[i].text), "%s", times[i].time);
        cr_expect_eq(ev.problems, 0, "%s", times[i].time);
    }
}

Test(ccm, keeps_the_text_of_a_time_it_cannot_read)
{
    static const struct {
        const char *time, *date;
    } bad[] = {
        {"25:00:00.000+00", "03-04-2026"},
        {"10:60:00.000+00", "03-04-2026"},
        {"10:00:60.000+00", "03-04-2026"},
        {"10:00:00.000+00", "02-29-2026"},
        {"10:00:00.000+00", "13-04-2026"},
        {"10:00:00.000+00", "2026-03-04"},
        {"10:00:00.000+00", "03-04-26"},
        {"noon", "03-04-2026"},
        {"", "03-04-2026"},
        {"10:00:00.000+00", ""},
        {"10:00:00.000+00", "03-04-1600"},
        {"10:00.00.000", "03-04-2026"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[1024];
        size_t n = write_record(text, bad[i].time, bad[i].date, "C", "");
        struct cmg_event ev = decoded(cmg_str_of(text, n), CMG_TAKEN);
        cr_expect(!ev.time.known && !ev.time.zoned, "%s %s", bad[i].time, bad[i].date);
        cr_expect_eq(ev.problems, CMG_P_BAD_TIME, "%s %s", bad[i].time, bad[i].date);
        cr_expect(is_text(attr_of(&ev, "time.text"), bad[i].time));
        cr_expect(is_text(attr_of(&ev, "date.text"), bad[i].date));
    }
}

/* ---- the other attributes -------------------------------------------------------------------- */

static const struct {
    const char *attributes;
    const char *component, *context, *file;
    uint32_t line;
    bool has_thread;
    uint64_t thread;
    enum cmg_level level;
    const char *attr, *value; /* kept */
    uint32_t problems;
} attributes[] = {
    {"type=\"0\" thread=\"2000\" file=\"engine.cxx:1022\"", "", "", "engine.cxx", 1022, true, 2000,
     CMG_LEVEL_VERBOSE, 0, 0, 0},
    {"type=\"1\" thread=\"0\" file=\"\"", "", "", "", 0, true, 0, CMG_LEVEL_INFO, 0, 0, 0},
    {"type=\"2\" thread=\"\" file=\"ZTIGather\"", "", "", "ZTIGather", 0, false, 0,
     CMG_LEVEL_WARNING, 0, 0, 0},
    {"type=\"3\" thread=\"Empty\"", "", "", "", 0, false, 0, CMG_LEVEL_ERROR, "thread", "Empty",
     CMG_P_BAD_ATTRIBUTE},
    {"type=\"\"", "", "", "", 0, false, 0, CMG_LEVEL_NONE, 0, 0, 0},
    {"type=\"4\"", "", "", "", 0, false, 0, CMG_LEVEL_NONE, "type", "4", 0},
    {"type=\"{}4\"", "", "", "", 0, false, 0, CMG_LEVEL_NONE, "type", "{}4", CMG_P_BAD_ATTRIBUTE},
    {"thread=\"18446744073709551615\"", "", "", "", 0, true, UINT64_MAX, CMG_LEVEL_NONE, 0, 0, 0},
    {"thread=\"18446744073709551616\"", "", "", "", 0, false, 0, CMG_LEVEL_NONE, "thread",
     "18446744073709551616", CMG_P_BAD_ATTRIBUTE},
    {"component=\"CM Setup\" context=\"CONTOSO\\svc\"", "CM Setup", "CONTOSO\\svc", "", 0, false, 0,
     CMG_LEVEL_NONE, 0, 0, 0},
    {"component=\"script.ps1:103\"", "script.ps1:103", "", "", 0, false, 0, CMG_LEVEL_NONE, 0, 0,
     0},
    {"file=\"C:\\Users\\x\\Deploy.ps1\"", "", "", "C:\\Users\\x\\Deploy.ps1", 0, false, 0,
     CMG_LEVEL_NONE, 0, 0, 0},
    {"file=\"C:\\x\\Deploy.ps1:42\"", "", "", "C:\\x\\Deploy.ps1", 42, false, 0, CMG_LEVEL_NONE, 0,
     0, 0},
    {"file=\"a.cpp:999999999\"", "", "", "a.cpp", 999999999, false, 0, CMG_LEVEL_NONE, 0, 0, 0},
    {"file=\"a.cpp:1000000000\"", "", "", "a.cpp:1000000000", 0, false, 0, CMG_LEVEL_NONE, 0, 0, 0},
    {"file=\"a.cpp:\"", "", "", "a.cpp:", 0, false, 0, CMG_LEVEL_NONE, 0, 0, 0},
    {"file=\"123\"", "", "", "123", 0, false, 0, CMG_LEVEL_NONE, 0, 0, 0},
    {"section=\"Setup\"  whatif=\"\"", "", "", "", 0, false, 0, CMG_LEVEL_NONE, "section", "Setup",
     0},
    {"type=\"1\" type=\"3\"", "", "", "", 0, false, 0, CMG_LEVEL_INFO, "type", "3", 0},
    {"type=\"1\"thread=\"5\"", "", "", "", 0, true, 5, CMG_LEVEL_INFO, 0, 0, 0},
    {"file=helloworld.log\"\"", "", "", "helloworld.log", 0, false, 0, CMG_LEVEL_NONE, 0, 0,
     CMG_P_BAD_ATTRIBUTE},
    {"file=a b.log\"\"", "", "", "a", 0, false, 0, CMG_LEVEL_NONE, 0, 0, CMG_P_BAD_ATTRIBUTE},
    {"type=1", "", "", "", 0, false, 0, CMG_LEVEL_NONE, "type", "1", CMG_P_BAD_ATTRIBUTE},
    {"=\"1\" type=\"1\"", "", "", "", 0, false, 0, CMG_LEVEL_INFO, 0, 0, CMG_P_BAD_ATTRIBUTE},
    {"a>b=\"1\"", "", "", "", 0, false, 0, CMG_LEVEL_NONE, 0, 0,
     CMG_P_BAD_ATTRIBUTE | CMG_P_TRAILING_TEXT | CMG_P_BAD_TIME},
};

Test(ccm, reads_attributes_in_any_shape)
{
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++) {
        char text[512];
        int n = snprintf(text, sizeof text,
                         "<![LOG[m]LOG]!><date=\"03-04-2026\" %s time=\"10:00:00.123\">",
                         attributes[i].attributes);
        struct cmg_event ev = decoded(cmg_str_of(text, (size_t)n), CMG_TAKEN);
        const char *what = attributes[i].attributes;
        cr_expect(is_text(ev.message, "m"), "%s", what);
        cr_expect(is_text(ev.component, attributes[i].component), "%s", what);
        cr_expect(is_text(ev.context, attributes[i].context), "%s", what);
        cr_expect(is_text(ev.source_file, attributes[i].file), "%s", what);
        cr_expect_eq(ev.source_line, attributes[i].line, "%s", what);
        cr_expect_eq(ev.has_thread, attributes[i].has_thread, "%s", what);
        cr_expect_eq(ev.thread, attributes[i].thread, "%s", what);
        cr_expect_eq(ev.level, attributes[i].level, "%s", what);
        cr_expect_eq(ev.problems, attributes[i].problems, "%s: %x", what, ev.problems);
        cr_expect(!attributes[i].attr ||
                      is_text(attr_of(&ev, attributes[i].attr), attributes[i].value),
                  "%s", what);
    }
}

Test(ccm, says_when_there_are_more_attributes_than_it_keeps)
{
    for (size_t more = CMG_ATTRS_MAX - 1; more <= CMG_ATTRS_MAX + 1; more++) {
        char text[1024] = "<![LOG[m]LOG]!><time=\"10:00:00.123\" date=\"3-4-2026\"";
        size_t n = strlen(text);
        for (size_t i = 0; i < more; i++)
            n += (size_t)snprintf(text + n, sizeof text - n, " x%zu=\"%zu\"", i, i);
        text[n++] = '>';
        struct cmg_event ev = decoded(cmg_str_of(text, n), CMG_TAKEN);
        cr_expect_eq(ev.attrs, more < CMG_ATTRS_MAX ? more : CMG_ATTRS_MAX);
        cr_expect_eq(ev.problems, more > CMG_ATTRS_MAX ? CMG_P_ATTRS_LOST : 0u);
    }
}

/* Attributes become the members of an object, so no name may come twice. */
Test(ccm, keeps_each_name_once)
{
    struct cmg_event ev = decoded(cmg_str_c("<![LOG[m]LOG]!><time=\"10:00:00.12\" "
                                            "date=\"3-4-2026\" x=\"1\" x=\"2\" time.text=\"3\">"),
                                  CMG_TAKEN);
    cr_expect_eq(ev.attrs, 2);
    cr_expect(is_text(attr_of(&ev, "x"), "1"));
    cr_expect(is_text(attr_of(&ev, "time.text"), "3"));
    cr_expect_eq(ev.problems, CMG_P_ATTRS_LOST);
}

/* ---- one path is quick, the other takes everything: they agree ----------------------------- */

static bool same_text(cmg_str a, cmg_str b)
{
    return cmg_str_eq(a, b);
}

static void expect_same(const struct cmg_event *a, const struct cmg_event *b, const char *text)
{
    cr_assert(same_text(a->message, b->message) && same_text(a->component, b->component) &&
                  same_text(a->context, b->context) && same_text(a->source_file, b->source_file) &&
                  a->source_line == b->source_line && a->has_thread == b->has_thread &&
                  a->thread == b->thread && a->level == b->level && a->time.ns == b->time.ns &&
                  a->time.offset_min == b->time.offset_min && a->time.known == b->time.known &&
                  a->time.zoned == b->time.zoned && a->problems == b->problems &&
                  a->attrs == b->attrs,
              "%s", text);
    for (size_t i = 0; i < a->attrs; i++)
        cr_assert(same_text(a->attr[i].name, b->attr[i].name) &&
                      same_text(a->attr[i].value, b->attr[i].value),
                  "%s", text);
}

static const char *const names[] = {"time", "date",   "component", "context",
                                    "type", "thread", "file"};

/* The attributes in the usual order, or in another with two blanks between them. */
static size_t write_values(char *out, size_t size, char values[7][24], const unsigned order[7],
                           const char *blank)
{
    size_t n = (size_t)snprintf(out, size, "<![LOG[m]LOG]!><");
    for (unsigned i = 0; i < 7; i++)
        n += (size_t)snprintf(out + n, size - n, "%s%s=\"%s\"", i ? blank : "", names[order[i]],
                              values[order[i]]);
    out[n++] = '>';
    return n;
}

Test(ccm, canonical_and_general_order_say_the_same)
{
    static const char *const choice[] = {"10:22:50.842-060",
                                         "10:22:50.8422964",
                                         "1-2-2025",
                                         "11-28-2025",
                                         "a.cpp:12",
                                         "",
                                         "1",
                                         "3",
                                         "4321",
                                         "x>y",
                                         "a b",
                                         "C:\\x.ps1",
                                         "PSAppDeployToolkit",
                                         "=",
                                         "<",
                                         "'"};
    static const unsigned usual[7] = {0, 1, 2, 3, 4, 5, 6};
    uint64_t seed = 7;
    for (int round = 0; round < 50000; round++) {
        char values[7][24], a[400], b[400];
        unsigned order[7] = {0, 1, 2, 3, 4, 5, 6};
        for (unsigned i = 0; i < 7; i++) {
            const char *v = next_random(&seed) % 2 ? choice[i < 2 ? 2 * i : i]
                                                   : choice[next_random(&seed) % 16];
            memcpy(values[i], v, strlen(v) + 1);
        }
        for (unsigned i = 6; i; i--) {
            unsigned j = next_random(&seed) % (i + 1), t = order[i];
            order[i] = order[j];
            order[j] = t;
        }
        size_t n = write_values(a, sizeof a, values, usual, " ");
        struct cmg_event fast = decoded(cmg_str_of(a, n), CMG_TAKEN);
        size_t m = write_values(b, sizeof b, values, usual, "  ");
        struct cmg_event slow = decoded(cmg_str_of(b, m), CMG_TAKEN);
        expect_same(&fast, &slow, a);
        m = write_values(b, sizeof b, values, order, " ");
        slow = decoded(cmg_str_of(b, m), CMG_TAKEN);
        expect_same(&fast, &slow, b);
        cr_assert_eq(ccm->split(cmg_str_of(a, n), 0).end, n, "%s", a);
    }
}

/* ---- torn ------------------------------------------------------------------------------------ */

static const struct {
    const char *record, *message;
    uint32_t problems;
    bool known; /* has a time */
} torn[] = {
    {REC("whole"), "whole", 0, true},
    {REC("whole") "  \t", "whole", 0, true},
    {"lost head]LOG]!>" TAIL, "lost head", CMG_P_PARTIAL_HEAD, true},
    {"]LOG]!>" TAIL, "", CMG_P_PARTIAL_HEAD, true},
    {"<![LOG[lost tail", "lost tail", CMG_P_PARTIAL_TAIL, false},
    {"<![LOG[", "", CMG_P_PARTIAL_TAIL, false},
    {"<![LOG[lost tail\nand more", "lost tail\nand more", CMG_P_PARTIAL_TAIL, false},
    {"<![LOG[lost attributes]LOG]!>", "lost attributes", CMG_P_PARTIAL_TAIL, false},
    {"<![LOG[lost attributes]LOG]!><ti", "lost attributes", CMG_P_PARTIAL_TAIL, false},
    {"<![LOG[lost attributes]LOG]!><time", "lost attributes", CMG_P_PARTIAL_TAIL, false},
    {"<![LOG[lost attributes]LOG]!><time=", "lost attributes",
     CMG_P_PARTIAL_TAIL | CMG_P_BAD_ATTRIBUTE, false},
    {"<![LOG[a]LOG]!><time=\"10:00:00.123-060\" date=\"03-04-2026\" comp", "a",
     CMG_P_PARTIAL_TAIL | CMG_P_BAD_ATTRIBUTE, true},
    {"<![LOG[a]LOG]!><time=\"10:00:00.12", "a", CMG_P_PARTIAL_TAIL | CMG_P_BAD_ATTRIBUTE, false},
    {"<![LOG[a]LOG]!><time=\"10:00:00.123\" date=\"03-04-2026\" thread=\"12", "a",
     CMG_P_PARTIAL_TAIL | CMG_P_BAD_ATTRIBUTE, true},
    {REC("a") "more", "a", CMG_P_TRAILING_TEXT, true},
};

Test(ccm, keeps_what_is_there_of_a_torn_record)
{
    for (size_t i = 0; i < sizeof torn / sizeof *torn; i++) {
        cmg_str record = exact_copy(cmg_str_c(torn[i].record));
        struct cmg_event ev = decoded(record, CMG_TAKEN);
        cr_expect(is_text(ev.message, torn[i].message), "%s: %.*s", torn[i].record,
                  (int)ev.message.len, ev.message.ptr);
        cr_expect_eq(ev.problems, torn[i].problems, "%s: %x", torn[i].record, ev.problems);
        cr_expect_eq(ev.time.known, torn[i].known, "%s", torn[i].record);
        cr_expect(!ev.has_thread || ev.thread == 7, "%s", torn[i].record);
        free((char *)record.ptr);
    }
}

Test(ccm, leaves_a_piece_without_marks_to_raw)
{
    static const char *const pieces[] = {"", "middle of a message", "]LOG]!>",
                                         "]LOG]!> <time=\"1\">", "text <![LOG[ text"};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        decoded(cmg_str_c(pieces[i]), CMG_NOT_MINE);
}

/* A message may be a megabyte of many lines. Each is looked at once: split does not need what lies
 * before `fresh`. */
Test(ccm, looks_at_the_newest_line_only)
{
    char *text = malloc(1 << 20);
    cr_assert(text);
    memset(text, '!', 1 << 20);
    memcpy(text, "<![LOG[", 7);
    size_t fresh = (1 << 20) - 200;
    text[fresh - 1] = '\n';
    memcpy(text + fresh, "end]LOG]!>" TAIL, sizeof("end]LOG]!>" TAIL) - 1);
    struct cmg_cut late =
        ccm->split(cmg_str_of(text, fresh + sizeof("end]LOG]!>" TAIL) - 1), fresh);
    cr_expect_eq(late.verdict, CMG_DONE);
    memcpy(text + 100, "x]LOG]!><time=\"1\">", 18);
    struct cmg_cut same =
        ccm->split(cmg_str_of(text, fresh + sizeof("end]LOG]!>" TAIL) - 1), fresh);
    cr_expect_eq(same.end, late.end);
    free(text);
}
