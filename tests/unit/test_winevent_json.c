/* SPDX-License-Identifier: Apache-2.0
 * Windows events in JSON: which objects are events, what wins where two members say the same, and
 * that the caps hold. tests/integration/winevent.sh writes the same events in every shape. */
#include "decoders/winevent.h"
#include "tests/decoding.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct cmg_room room;

static struct cmg_event event(const char *record)
{
    struct cmg_event ev = empty_event();
    if (!room.text.cap)
        room = cmg_room_init(CMG_MAX_RECORD_DEFAULT);
    static char *copy; /* slices of it are looked at */
    free(copy);
    cmg_str text = exact_copy(cmg_str_c(record));
    copy = (char *)text.ptr;
    cr_assert_eq(cmg_decode(&cmg_decoder_winevent_json, NULL, &room, text, &ev), CMG_TAKEN, "%s",
                 record);
    return ev;
}

Test(winevent_json, knows_its_objects)
{
    static const struct {
        const char *line;
        bool is;
    } rows[] = {
        {"{\"winlog\":{}}", true},
        {"{\"winlog\":1}", false},
        {"{\"winlog.channel\":\"System\"}", true},
        {"{\"winlogs\":{}}", false},
        {"{\"EventID\":1,\"SourceName\":\"s\"}", true},
        {"{\"EventID\":\"1\",\"ProviderName\":\"s\"}", true},
        {"{\"SourceName\":\"s\",\"EventID\":1}", true},
        {"{\"EventID\":1}", false},
        {"{\"EventID\":1,\"Message\":\"m\"}", false},
        {"{\"EventID\":null,\"SourceName\":\"s\"}", false},
        {"{\"event_id\":1,\"provider_guid\":\"g\"}", true},
        {"{\"event_id\":1,\"channel\":2}", true},
        {"{\"event_id\":1,\"log_name\":\"System\"}", true},
        {"{\"event_id\":1,\"name\":\"x\"}", false},
        {"{\"System\":\"<Event></Event>\"}", true},
        {"{\"System\":\"Linux\"}", false},
        {"{\"xml\":\"<Event></Event>\"}", true},
        {"{\"raw_event\":\"<Event></Event>\"}", true},
        {"{\"System\":\"<?xml version=\\\"1.0\\\"?>\\n<Event></Event>\"}", true},
        {"{\"xml\":\"<?xml version=\\\"1.0\\\"?><other/>\"}", false},
        {"{\"xml\":\"<other><Event/></other>\"}", false},
        {"{\"event_id\":\"a1\",\"channel\":\"web\"}", false},
        {"{\"event_id\":\"\",\"channel\":\"web\"}", false},
        {"{\"event_id\":\"12\",\"channel\":\"System\"}", true},
        {"{\"log\":\"ProviderName=x\"}", true},
        {"{\"log\":\"Provider\"}", false},
        {"{\"a\":{\"EventID\":1,\"SourceName\":\"s\"}}", false},
        {"{\"EventID\":1,\"SourceName\":\"s\"", false},
        {"{\"EventID\":1,\"SourceName\":\"s\"}}", false},
        {" {\"EventID\":1,\"SourceName\":\"s\"}\t", true},
        {"[{\"EventID\":1,\"SourceName\":\"s\"}]", false},
        {"", false},
        {"{", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_expect_eq(cmg_decoder_winevent_json.probe(NULL, cmg_str_c(rows[i].line)), rows[i].is,
                     "%s", rows[i].line);
}

Test(winevent_json, the_event_s_own_names_win)
{
    struct cmg_event ev =
        event("{\"host\":{\"name\":\"collector\"},\"event\":{\"code\":\"1\",\"provider\":\"p1\"},"
              "\"@timestamp\":\"2026-01-01T00:00:00Z\",\"winlog\":{\"computer_name\":\"PC\","
              "\"event_id\":\"2\",\"provider_name\":\"p2\","
              "\"time_created\":\"2026-01-02T00:00:00Z\"}}");
    cr_expect(is_text(ev.host, "pc") && is_text(ev.code, "2") && is_text(ev.provider, "p2"));
    cr_expect_eq(ev.time.ns, INT64_C(1767312000) * 1000000000);
    ev = event("{\"winlog\":{},\"host\":{\"name\":\"Collector\"},\"event\":{\"code\":1,"
               "\"provider\":\"p1\"}}");
    cr_expect(is_text(ev.host, "collector") && is_text(ev.code, "1"));
    cr_expect(is_text(ev.provider, "p1"));
    ev = event("{\"EventID\":1,\"EventID\":2,\"SourceName\":\"\",\"ProviderName\":\"p\"}");
    cr_expect(is_text(ev.code, "1") && is_text(ev.provider, "p"));
}

Test(winevent_json, times)
{
    static const struct {
        const char *text;
        int64_t ms;
        bool zoned;
        int16_t offset;
    } rows[] = {
        {"\"1970-01-02 00:00:00\"", 86400000, false, 0},
        {"\"1970-01-02T00:00:00.25\"", 86400250, false, 0},
        {"\"1970-01-02 00:00:00 +0130\"", 86400000, true, 90},
        {"\"1970-01-02 00:00:00 -0700\"", 86400000, true, -420},
        {"\"1970-01-02T00:00:00.123456+01:00\"", 86400123, true, 60},
        {"1000000000.5", INT64_C(1000000000500), true, 0},
        {"1000000000", INT64_C(1000000000000), true, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[160];
        snprintf(text, sizeof text, "{\"EventID\":1,\"SourceName\":\"s\",\"EventTime\":%s}",
                 rows[i].text);
        struct cmg_event ev = event(text);
        cr_expect(ev.time.known && ev.time.zoned == rows[i].zoned, "%zu", i);
        cr_expect_eq(ev.time.ns / 1000000, rows[i].ms, "%zu", i);
        cr_expect_eq(ev.time.offset_min, rows[i].offset, "%zu", i);
    }
    struct cmg_event ev =
        event("{\"EventID\":1,\"SourceName\":\"s\",\"EventTime\":\"12.3.2026 07:12\"}");
    cr_expect(!ev.time.known && ev.problems & CMG_P_BAD_TIME);
    cr_expect(is_text(attr_of(&ev, "time.text"), "12.3.2026 07:12"));
}

Test(winevent_json, nxlog_has_its_data_beside_the_rest)
{
    struct cmg_event ev = event(
        "{\"EventID\":1,\"SourceName\":\"s\",\"ProcessID\":5,\"ProcessId\":\"0x7\",\"Version\":"
        "2,\"AlertDesc\":\"48\",\"Nested\":{\"x\":1},\"SourceModuleType\":\"im_msvistalog\"}");
    cr_expect(ev.has_pid && ev.pid == 5);
    cr_expect(is_text(attr_of(&ev, "ProcessId"), "0x7") &&
              is_text(attr_of(&ev, "AlertDesc"), "48"));
    cr_expect(!attr_of(&ev, "Version").ptr && !attr_of(&ev, "Nested.x").ptr);
    cr_expect(is_text(ev.message, "ProcessId: 0x7, AlertDesc: 48"));
    ev = event("{\"EventID\":1,\"SourceName\":\"s\",\"AlertDesc\":\"48\"}");
    cr_expect(!attr_of(&ev, "AlertDesc").ptr);
}

Test(winevent_json, values_without_names_have_their_place)
{
    struct cmg_event ev = event("{\"EventID\":1,\"SourceName\":\"s\",\"StringInserts\":[\"a\",null,"
                                "3,{\"x\":1},\"\\u00e9\"]}");
    cr_expect(is_text(attr_of(&ev, "param1"), "a") && is_text(attr_of(&ev, "param3"), "3"));
    cr_expect(is_text(attr_of(&ev, "param5"), "é") && !attr_of(&ev, "param2").ptr);
    ev = event("{\"event_id\":1,\"channel\":\"c\",\"string_inserts\":[\"a\"],\"event_data\":{\"N\":"
               "\"a\"}}");
    cr_expect(is_text(attr_of(&ev, "N"), "a") && !attr_of(&ev, "param1").ptr);
}

/* Forwarders lose the names; a TLS alert is known by its event. */
Test(winevent_json, alerts_have_their_names)
{
    static const struct {
        const char *head, *first, *second;
    } rows[] = {
        {"{\"EventID\":36887,\"SourceName\":\"Schannel\"", "AlertDesc", "ErrorState"},
        {"{\"EventID\":36888,\"SourceName\":\"schannel\"", "AlertDesc", "ErrorState"},
        {"{\"EventID\":36886,\"SourceName\":\"Schannel\"", "param1", "param2"},
        {"{\"EventID\":36888,\"SourceName\":\"other\"", "param1", "param2"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[160];
        snprintf(text, sizeof text, "%s,\"StringInserts\":[\"48\",\"552\"]}", rows[i].head);
        struct cmg_event ev = event(text);
        cr_expect(is_text(attr_of(&ev, rows[i].first), "48"), "%s", text);
        cr_expect(is_text(attr_of(&ev, rows[i].second), "552"), "%s", text);
    }
}

Test(winevent_json, audits_have_an_outcome)
{
#define HEAD "{\"EventID\":4625,\"SourceName\":\"s\","
    static const struct {
        const char *line;
        enum cmg_outcome outcome;
    } rows[] = {
        {HEAD "\"Keywords\":\"0x8010000000000000\"}", CMG_OUTCOME_FAILURE},
        {HEAD "\"Keywords\":\"0x8020000000000000\"}", CMG_OUTCOME_SUCCESS},
        {HEAD "\"Keywords\":\"0x8000000000000000\"}", CMG_OUTCOME_NONE},
        {HEAD "\"Keywords\":-9218868437227405312}", CMG_OUTCOME_FAILURE},
        {HEAD "\"Keywords\":-9214364837600034816}", CMG_OUTCOME_SUCCESS},
        {HEAD "\"Keywords\":\"9232379236109516800\"}", CMG_OUTCOME_SUCCESS},
        {HEAD "\"Keywords\":-9223372036854775808}", CMG_OUTCOME_NONE},
        {HEAD "\"Keywords\":0}", CMG_OUTCOME_NONE},
        {HEAD "\"EventType\":\"FailureAudit\"}", CMG_OUTCOME_FAILURE},
        {HEAD "\"EventType\":\"SuccessAudit\"}", CMG_OUTCOME_SUCCESS},
        {HEAD "\"EventType\":\"Error\"}", CMG_OUTCOME_NONE},
        {"{\"winlog\":{\"keywords\":[\"Audit Failure\"]}}", CMG_OUTCOME_FAILURE},
        {"{\"winlog\":{\"keywords\":[\"Classic\"]},\"event\":{\"outcome\":\"success\"}}",
         CMG_OUTCOME_SUCCESS},
        {"{\"event_id\":1,\"channel\":\"c\",\"keyword_names\":[\"Audit Success\"]}",
         CMG_OUTCOME_SUCCESS},
        {"{\"System\":\"<Event><System><Keywords>0x8010000000000000</Keywords></System></Event>\"}",
         CMG_OUTCOME_FAILURE},
    };
#undef HEAD
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_expect_eq(event(rows[i].line).outcome, rows[i].outcome, "%s", rows[i].line);
}

Test(winevent_json, a_provider_has_a_name)
{
    static const struct {
        const char *guid, *name;
    } rows[] = {
        {"{1F678132-5938-4686-9FDC-C8FF68F15C85}", "Schannel"},
        {"5bbca4a8-b209-48dc-a8c7-b23d3e5216fb", "Microsoft-Windows-CAPI2"},
        {"{1F678132-5938-4686-9FDC-C8FF68F15C86}", "{1F678132-5938-4686-9FDC-C8FF68F15C86}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[160];
        snprintf(text, sizeof text,
                 "{\"event_id\":1,\"provider_name\":null,\"provider_guid\":\"%s\"}", rows[i].guid);
        struct cmg_event ev = event(text);
        cr_expect(is_text(ev.provider, rows[i].name), "%s", text);
    }
}

/* ---- caps ------------------------------------------------------------------------------------ */

enum { NESTED_MAX = 6, PATH_LEN_MAX = 128 };

Test(winevent_json, looks_as_deep_as_it_says)
{
    for (int depth = NESTED_MAX - 1; depth <= NESTED_MAX + 1; depth++) {
        char text[400] = "{\"winlog\":{\"event_data\":", name[40] = "";
        for (int i = 3; i < depth; i++)
            snprintf(text + strlen(text), 20, "{\"a\":"), snprintf(name + strlen(name), 4, "a.");
        snprintf(text + strlen(text), 20, "{\"v\":\"x\"}");
        snprintf(name + strlen(name), 4, "v");
        for (int i = 1; i < depth; i++)
            snprintf(text + strlen(text), 20, "}");
        struct cmg_event ev = event(text);
        cr_expect_eq(attr_of(&ev, name).ptr != NULL, depth <= NESTED_MAX, "%d: %s", depth, text);
    }
}

Test(winevent_json, takes_names_as_long_as_it_says)
{
    const size_t parent = strlen("EventData.");
    for (size_t n = PATH_LEN_MAX - 1; n <= PATH_LEN_MAX + 1; n++) {
        char text[400], name[200];
        memset(name, 'n', n - parent);
        name[n - parent] = '\0';
        snprintf(text, sizeof text,
                 "{\"EventID\":1,\"SourceName\":\"s\",\"EventData\":{\"%s\":\"x\"}}", name);
        struct cmg_event ev = event(text);
        cr_expect_eq(attr_of(&ev, name).ptr != NULL, n <= PATH_LEN_MAX, "%zu", n);
    }
}

Test(winevent_json, keeps_as_many_values_as_there_is_room_for)
{
    for (int n = CMG_ATTRS_MAX - 1; n <= CMG_ATTRS_MAX + 1; n++) {
        char text[2000] = "{\"EventID\":1,\"SourceName\":\"s\",\"EventData\":{\"n0\":\"x\"";
        for (int i = 1; i < n; i++)
            snprintf(text + strlen(text), 30, ",\"n%d\":\"x\"", i);
        snprintf(text + strlen(text), 30, "}}");
        struct cmg_event ev = event(text);
        cr_expect_eq(ev.attrs, (size_t)(n < CMG_ATTRS_MAX ? n : CMG_ATTRS_MAX));
        cr_expect_eq(!(ev.problems & CMG_P_ATTRS_LOST), n <= CMG_ATTRS_MAX, "%d", n);
    }
}
