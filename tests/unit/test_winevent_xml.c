/* SPDX-License-Identifier: Apache-2.0
 * Windows events in XML: where an event ends, what its parts become, what is no XML, and that the
 * caps hold. tests/integration/winevent.sh compares values with another XML parser. */
#include "decoders/winevent.h"
#include "decoders/xml.h"
#include "tests/decoding.h"
#include "tests/streams.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct cmg_room room;

static struct cmg_event decode(const struct cmg_decoder *d, cmg_str record, enum cmg_take expected)
{
    struct cmg_event ev = empty_event();
    if (!room.text.cap)
        room = cmg_room_init(CMG_MAX_RECORD_DEFAULT);
    cr_assert_eq(cmg_decode(d, NULL, &room, record, &ev), expected, "%.*s", (int)record.len,
                 record.ptr);
    return ev;
}

static struct cmg_event event(const char *record)
{
    return decode(&cmg_decoder_winevent_xml, cmg_str_c(record), CMG_TAKEN);
}

/* ---- where an event ends --------------------------------------------------------------------- */

static const struct {
    const char *held, *line;
    enum cmg_verdict verdict;
    const char *rest; /* CMG_DONE: what stands behind the record */
} cuts[] = {
    {"", "<Event></Event>", CMG_DONE, ""},
    {"", "<Event></Event> ", CMG_DONE, " "},
    {"", "<Event></Event><Event></Event>", CMG_DONE, "<Event></Event>"},
    {"", "  <Event/><x></Event >t", CMG_DONE, "t"},
    {"", "<Event>", CMG_MORE, ""},
    {"", "<Event><EventData></EventData>", CMG_MORE, ""},
    {"", "<Event></Event", CMG_MORE, ""},
    {"", "<Events>", CMG_DONE, ""},
    {"", "<Events><Event></Event>", CMG_DONE, "<Event></Event>"},
    {"", "</Events>", CMG_DONE, ""},
    {"", "</Events>text", CMG_DONE, "text"},
    {"", "</Events><Events>text", CMG_DONE, "text"},
    {"", "<?xml version='1.0'?>", CMG_MORE, ""},
    {"", "<?xml version='1.0'?><Events>", CMG_DONE, ""},
    {"", "<?xml version='1.0'?><Event></Event>", CMG_DONE, ""},
    {"", "<?xml version='1.0'?><other>", CMG_DONE, ""},
    {"", "<?xml", CMG_DONE, ""},
    {"<?xml version='1.0'?>\n", "<Events>", CMG_DONE, ""},
    {"<?xml version='1.0'?>\n", "<Events><Event>", CMG_DONE, "<Event>"},
    {"<?xml version='1.0'?>\n", "<Event></Event>", CMG_DONE, ""},
    {"<?xml version='1.0'?>\n<Event>\n", "</Event>t", CMG_DONE, "t"},
    {"<?xml version='1.0'?>\n<Event>\n", "<Event>", CMG_NEW, ""},
    {"<?xml version='1.0'?>\n", "<Events> text", CMG_DONE, "text"},
    {"<?xml version='1.0'?>\n", "", CMG_MORE, ""},
    {"<?xml version='1.0'?>\n", "<other>", CMG_NEW, ""},
    {"<?xml version='1.0'?>\n\n", "<other>", CMG_NEW, ""},
    {"<Event>\n", "</Event>", CMG_DONE, ""},
    {"<Event>\n", "text", CMG_MORE, ""},
    {"<Event>\n", "text</Event>text", CMG_DONE, "text"},
    {"<Event>\r\n</Event\r\n", ">", CMG_DONE, ""},
    {"<Event></Event\n", "\t>x", CMG_DONE, "x"},
    {"<Event></Event\n", "x>", CMG_MORE, ""},
    {"<Event>\n", "<Event>", CMG_NEW, ""},
    {"<Event>\n", " <Event></Event>", CMG_NEW, ""},
    {"<Event>\n", "</Events>", CMG_NEW, ""},
    {"<Event>\n", "<EventData>", CMG_MORE, ""},
    {"<Event>\n", "<![LOG[x", CMG_NEW, ""},
    {"", "<Event><![CDATA[</Event>]]></Event>t", CMG_DONE, "t"},
    {"", "<Event><![CDATA[</Event>]]><![CDATA[<!--]]></Event>t", CMG_DONE, "t"},
    {"", "<Event><!-- </Event> --></Event>t", CMG_DONE, "t"},
    {"", "<Event>Stop! <a>!--</a></Event>t", CMG_DONE, "t"},
    {"", "<Event><![CDATA[</Event>", CMG_MORE, ""},
    {"<Event><![CDATA[\n", "</Event>", CMG_MORE, ""},
    {"<Event><![CDATA[\n]]>\n", "</Event>", CMG_DONE, ""},
    {"", "<e:Event></e:Event>t", CMG_DONE, "t"},
    {"", "<e:Event></Event></f:Event><e:Event></e:Event >t", CMG_DONE, "t"},
    {"", "<Event></e:Event>", CMG_MORE, ""},
    {"", "<e:Events><e:Event></e:Event>", CMG_DONE, "<e:Event></e:Event>"},
    {"", "</e:Events>", CMG_DONE, ""},
    {"<e:Event>\n", "</e:Event>", CMG_DONE, ""},
    {"<e:Event>\n</e:Event\n", " >t", CMG_DONE, "t"},
    {"<e:Event>\n", "<e:Event>", CMG_NEW, ""},
    {"<e:Event>\n", "<e:EventData>", CMG_MORE, ""},
};

/* A closing tag so far behind the beginning is believed. */
Test(winevent_xml, looks_back_for_literal_text_as_far_as_it_says)
{
    enum { LITERAL_MAX = 64 << 10 };
    static char text[LITERAL_MAX + 64];
    const char begin[] = "<Event><![CDATA[", end[] = "</Event>";
    for (size_t n = LITERAL_MAX - 1; n <= LITERAL_MAX + 1; n++) {
        memset(text, 'x', n);
        memcpy(text, begin, sizeof begin - 1);
        memcpy(text + n, end, sizeof end - 1);
        struct cmg_cut c = cmg_winevent_xml_split(cmg_str_of(text, n + sizeof end - 1), 0);
        cr_expect_eq(c.verdict, n > LITERAL_MAX ? CMG_DONE : CMG_MORE, "%zu", n);
    }
}

/* XML's names: one character more is no prefix. */
Test(winevent_xml, takes_prefixes_as_long_as_it_says)
{
    cr_expect(cmg_winevent_xml_head(CMG_LIT("<abcdefghijklmno:Event>")));
    cr_expect(cmg_winevent_xml_head(CMG_LIT("<abcdefghijklmnop:Event>")));
    cr_expect_not(cmg_winevent_xml_head(CMG_LIT("<abcdefghijklmnopq:Event>")));
    cr_expect_not(cmg_winevent_xml_head(CMG_LIT("<:Event>")));
    cr_expect_not(cmg_winevent_xml_head(CMG_LIT("<a b:Event>")));
}

Test(winevent_xml, ends)
{
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        char text[256];
        size_t fresh = strlen(cuts[i].held);
        int n = snprintf(text, sizeof text, "%s%s", cuts[i].held, cuts[i].line);
        cmg_str s = exact_copy(cmg_str_of(text, (size_t)n));
        struct cmg_cut cut = cmg_decoder_winevent_xml.split(s, fresh);
        cr_expect_eq(cut.verdict, cuts[i].verdict, "%zu: %d", i, cut.verdict);
        if (cut.verdict == CMG_DONE)
            cr_expect(is_text(cmg_str_from(s, cut.end), cuts[i].rest), "%zu: %zu", i, cut.end);
        if (cut.verdict == CMG_NEW)
            cr_expect_eq(cut.end, fresh, "%zu", i);
        free((char *)s.ptr);
    }
}

Test(winevent_xml, goes_on_behind_the_cap)
{
    cmg_str rest = cmg_str_c("x</Data></EventData></Event>"), next = cmg_str_c("<Event></Event>");
    struct cmg_cut cut = cmg_decoder_winevent_xml.split(rest, CMG_FRESH_REST);
    cr_expect(cut.verdict == CMG_DONE && cut.end == rest.len);
    cut = cmg_decoder_winevent_xml.split(next, CMG_FRESH_REST);
    cr_expect(cut.verdict == CMG_DONE && cut.end == next.len);
    cut = cmg_decoder_winevent_xml.split(cmg_str_c("x"), CMG_FRESH_REST);
    cr_expect_eq(cut.verdict, CMG_MORE);
}

/* An event larger than a record may be: its parts are whole, and the next event is one again. */
Test(winevent_xml, keeps_the_rest_of_a_large_event_together)
{
    struct cmg_options opt = {
        .host = CMG_LIT("h"), .now_ns = fixed_clock, .max_record = CMG_MAX_RECORD_MIN};
    struct cmg_error err;
    struct cmg_engine *e = cmg_engine_new(&opt, &err);
    char text[700] = "<Event><EventData><Data>";
    for (int i = 0; i < 200; i++)
        snprintf(text + strlen(text), 4, "x\n");
    snprintf(text + strlen(text), 100, "</Data></EventData></Event>\n<Event></Event>\n");
    cr_assert(e);
    struct run r = run_cut(e, cmg_str_c(text), NULL, 0);
    cr_expect_eq(r.stats.records, 3u, "%llu", (unsigned long long)r.stats.records);
    cr_expect_eq(r.stats.truncated, 1u);
    cr_expect_eq(r.stats.bytes_records, strlen(text));
    cmg_buf_done(&r.json);
    cmg_engine_free(e);
}

/* ---- what it says ---------------------------------------------------------------------------- */

Test(winevent_xml, fills_the_event)
{
    struct cmg_event ev = event(
        "<Event xmlns='n'><System><Provider Name='P' Guid='{G}'/><EventID "
        "Qualifiers='1'>7</EventID>"
        "<Level>3</Level><Keywords>0x1</Keywords><TimeCreated SystemTime='1970-01-02T00:00:00Z'/>"
        "<EventRecordID>9</EventRecordID><Correlation ActivityID='{A}'/><Execution ProcessID='11' "
        "ThreadID='12'/><Channel>C</Channel><Computer>Host.Example</Computer><Security "
        "UserID='S-1'/></System><EventData><Data Name='a'>1 &lt; 2</Data><Data>x</Data>"
        "</EventData></Event>");
    cr_expect(is_text(ev.provider, "P") && is_text(ev.component, "P") && is_text(ev.code, "7"));
    cr_expect(is_text(ev.channel, "C") && is_text(ev.record_id, "9"));
    cr_expect(is_text(ev.host, "host.example"));
    cr_expect(ev.has_pid && ev.pid == 11 && ev.has_thread && ev.thread == 12);
    cr_expect_eq(ev.level, CMG_LEVEL_WARNING);
    cr_expect(ev.time.known && ev.time.zoned && ev.time.ns == 86400 * INT64_C(1000000000));
    cr_expect(is_text(ev.message, "a: 1 < 2, x"));
    cr_expect(is_text(attr_of(&ev, "a"), "1 < 2") && is_text(attr_of(&ev, "param1"), "x"));
    cr_expect(is_text(attr_of(&ev, "winlog.activity_id"), "{A}"));
    cr_expect(is_text(attr_of(&ev, "winlog.user.identifier"), "S-1"));
    cr_expect_eq(ev.problems, 0u);
}

Test(winevent_xml, messages)
{
    static const char *const rows[][2] = {
        {"<Event><RenderingInfo><Message> m &amp; n </Message></RenderingInfo></Event>", "m & n"},
        {"<Event><EventData><Data Name='a'>1</Data></EventData><RenderingInfo><Message>m</Message>"
         "</RenderingInfo></Event>",
         "m"},
        {"<Event><System><Provider Name='p'/><EventID>1</EventID></System></Event>", "p event 1"},
        {"<Event><UserData><A><B value='5' c='d'>t</B><E>f</E></A></UserData></Event>",
         "B: 5, B.c: d, t, E: f"},
        {"<Event><BinaryEventData>0AFF</BinaryEventData></Event>", "BinaryEventData: 0AFF"},
        {"<Event><EventData><Data Name='a'>l1\r\nl2</Data></EventData></Event>", "a: l1\nl2"},
        {"<Event></Event>", "<Event></Event>"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cmg_event ev = event(rows[i][0]);
        cr_expect(is_text(ev.message, rows[i][1]), "%zu: %.*s", i, (int)ev.message.len,
                  ev.message.ptr);
    }
}

Test(winevent_xml, capi2_shows_its_result_behind_any_wording)
{
    struct cmg_event ev =
        event("<Event><System><Provider Name='Microsoft-Windows-CAPI2'/></System><UserData><X>"
              "<Result value='800B0109'>r</Result></X></UserData><RenderingInfo><Message>see there"
              "</Message></RenderingInfo></Event>");
    cr_expect(is_text(ev.message, "Result: 800B0109, r\nsee there"));
}

/* ---- what is no XML -------------------------------------------------------------------------- */

/* However much stands before them. */
Test(winevent_xml, capi2_keeps_its_result)
{
    for (unsigned before = CMG_ATTRS_MAX - 3; before <= CMG_ATTRS_MAX + 1; before++) {
        char text[2048];
        size_t n =
            (size_t)snprintf(text, sizeof text, "<Event><UserData><CertGetCertificateChain>");
        for (unsigned i = 0; i < before; i++)
            n += (size_t)snprintf(text + n, sizeof text - n, "<a%u>x</a%u>", i, i);
        snprintf(text + n, sizeof text - n,
                 "<EventAuxInfo ProcessName='p.exe'/><Result value='80092013'>r</Result>"
                 "<Result value='0'/></CertGetCertificateChain></UserData></Event>");
        struct cmg_event ev = event(text);
        cr_expect(is_text(attr_of(&ev, "Result"), "80092013"), "%u", before);
        cr_expect(is_text(attr_of(&ev, "EventAuxInfo.ProcessName"), "p.exe"), "%u", before);
        cr_expect_eq(ev.attrs, before + 2 > CMG_ATTRS_MAX ? CMG_ATTRS_MAX : before + 2);
        cr_expect_neq(ev.problems & CMG_P_ATTRS_LOST, 0, "%u", before);
    }
}

/* What came of one certificate of the chain is not what came of the call. */
Test(winevent_xml, capi2_s_details_are_no_message)
{
    struct cmg_event ev = event("<Event><UserData><C><RevocationResult value='80092013'>offline"
                                "</RevocationResult><Result value='0'>fine</Result></C></UserData>"
                                "</Event>");
    cr_expect(is_text(ev.message, "Result: 0, fine"));
    cr_expect(is_text(attr_of(&ev, "RevocationResult"), "80092013"));
}

Test(winevent_xml, says_what_is_malformed)
{
    static const char *const rows[] = {
        "<Event><a></Event>",
        "<Event>&none;</Event>",
        "<Event a='1' a='2'></Event>",
        "<Event></x></Event>",
        "<Event><!DOCTYPE a [<!ENTITY b 'c'>]>&b;</Event>",
        "<Event><System>",
        "<Event",
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cmg_event ev = event(rows[i]);
        cr_expect_eq(ev.problems, (uint32_t)CMG_P_MALFORMED, "%zu: %x", i, ev.problems);
        ev = event("<Event><System><EventID>1</EventID></System></Event>");
        cr_expect(is_text(ev.code, "1") && !ev.problems, "%zu: the next one suffers", i);
    }
}

Test(winevent_xml, mends_what_xml_has_no_character_for)
{
    struct cmg_event ev = event(
        "<Event><EventData><Data Name='a'>x&#x0;&#31;&#xD800;\x02y</Data></EventData></Event>");
    cr_expect_eq(ev.problems, (uint32_t)CMG_P_REPLACED);
    cr_expect(is_text(attr_of(&ev, "a"), "x\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd y"));
}

/* Each entity is ten of the one before it: a thousand million of the first. Nothing of it is ever
 * expanded, since a declaration is a fault wherever it stands. */
Test(winevent_xml, expands_no_entity_of_its_own)
{
    static const char laughs[] = "<!DOCTYPE l [<!ENTITY a0 \"ha\">"
                                 "<!ENTITY a1 \"&a0;&a0;&a0;&a0;&a0;&a0;&a0;&a0;&a0;&a0;\">"
                                 "<!ENTITY a2 \"&a1;&a1;&a1;&a1;&a1;&a1;&a1;&a1;&a1;&a1;\">"
                                 "<!ENTITY a3 \"&a2;&a2;&a2;&a2;&a2;&a2;&a2;&a2;&a2;&a2;\">]>";
    static const char *const shapes[] = {"%s<Event>&a3;</Event>\n", "<Event>%s&a3;</Event>\n",
                                         "<?xml version='1.0'?>\n%s\n<Event>&a3;</Event>\n"};
    struct cmg_options opt = {.host = CMG_LIT("h"), .now_ns = fixed_clock};
    struct cmg_error err;
    struct cmg_engine *e = cmg_engine_new(&opt, &err);
    cr_assert(e);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        char text[1024];
        int n = snprintf(text, sizeof text, shapes[i], laughs);
        struct run r = run_cut(e, cmg_str_of(text, (size_t)n), NULL, 0);
        cr_expect_eq(cmg_str_find(cmg_buf_str(&r.json), CMG_LIT("haha")), CMG_STR_NPOS);
        cr_expect_lt(r.json.len, (size_t)n * 6 + 4000);
        cmg_buf_done(&r.json);
    }
    cmg_engine_free(e);
}

/* ---- caps ------------------------------------------------------------------------------------ */

Test(winevent_xml, nests_as_deep_as_it_may)
{
    for (unsigned depth = CMG_XML_DEPTH_MAX - 1; depth <= CMG_XML_DEPTH_MAX + 1; depth++) {
        char text[4096] = "<Event>";
        size_t n = strlen(text);
        for (unsigned i = 1; i < depth; i++, n += 3)
            memcpy(text + n, "<a>", 3);
        for (unsigned i = 1; i < depth; i++, n += 4)
            memcpy(text + n, "</a>", 4);
        memcpy(text + n, "</Event>", 9);
        struct cmg_event ev = event(text);
        cr_expect_eq(ev.problems, depth > CMG_XML_DEPTH_MAX ? (uint32_t)CMG_P_MALFORMED : 0u);
    }
}

Test(winevent_xml, takes_as_many_attributes_as_it_may)
{
    static const char *const shapes[] = {"<Event", "<Event x='\t'"}; /* the second is Expat's */
    for (size_t i = 0; i < 2; i++)
        for (unsigned n = CMG_XML_ATTRS_MAX - 1; n <= CMG_XML_ATTRS_MAX + 1; n++) {
            char text[2000];
            int at = snprintf(text, sizeof text, "%s", shapes[i]);
            for (unsigned k = (unsigned)i; k < n; k++)
                at += snprintf(text + at, sizeof text - (size_t)at, " a%u='1'", k);
            snprintf(text + at, sizeof text - (size_t)at, "></Event>");
            struct cmg_event ev = event(text);
            cr_expect_eq(ev.problems, n > CMG_XML_ATTRS_MAX ? (uint32_t)CMG_P_MALFORMED : 0u,
                         "%zu: %u", i, n);
        }
}

/* As many names as no log has: Expat keeps each, until its block is full and is wiped. What a
 * record says does not depend on those before it. */
Test(winevent_xml, forgets_names_when_its_memory_is_full)
{
    for (unsigned i = 0; i < 20000; i++) {
        char text[200], name[40];
        snprintf(name, sizeof name, "name%u", i);
        snprintf(text, sizeof text,
                 "<Event><UserData><!----><X><%s a%s='1'>%u</%s></X></UserData></Event>", name,
                 name, i, name);
        struct cmg_event ev = event(text);
        cr_assert_eq(ev.problems, 0u, "%u: %x", i, ev.problems);
        cr_assert(attr_of(&ev, name).ptr, "%u", i);
    }
}

Test(winevent_xml, takes_no_more_memory_than_it_has)
{
    size_t n = 2 * CMG_XML_MEMORY;
    char *text = malloc(n + 100);
    cr_assert(text);
    memcpy(text, "<Event a='", 10);
    memset(text + 10, 'x', n);
    memcpy(text + 10 + n, "'></Event>", 10);
    struct cmg_event ev = decode(&cmg_decoder_winevent_xml, cmg_str_of(text, n + 20), CMG_TAKEN);
    cr_expect_eq(ev.problems, 0u, "a slice needs none");
    text[10] = '\t'; /* in an attribute this becomes a blank: Expat's copy */
    ev = decode(&cmg_decoder_winevent_xml, cmg_str_of(text, n + 20), CMG_TAKEN);
    cr_expect_eq(ev.problems, (uint32_t)CMG_P_MALFORMED);
    free(text);
}

/* ---- traces, and cuts ------------------------------------------------------------------------ */

Test(winevent_xml, knows_a_trace_by_the_whole_event)
{
    const struct cmg_decoder *xml = &cmg_decoder_winevent_xml, *etw = &cmg_decoder_etw_xml;
    const struct {
        const char *record;
        const struct cmg_decoder *is;
    } rows[] = {
        {"<Event><System><Execution ProcessID='1' ThreadID='2'/></System></Event>", xml},
        {"<Event><System><Execution ProcessID='1' ProcessorID='2'/></System></Event>", etw},
        {"<Event><Data>ProcessorID=</Data></Event>", xml},
        {"<Event><ExtendedTracingInfo/></Event>", etw},
        {"<Events>", xml},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_expect(xml->kind(cmg_str_c(rows[i].record)) == rows[i].is, "%zu", i);
}

static const char log_text[] =
    "<?xml version='1.0'?>\r\n<Events>\r\n<Event><System><EventID>1</EventID></System></Event>"
    "<Event>\r\n<System>\r\n<EventID>2</EventID></System><ExtendedTracingInfo/></Event\r\n>\r\n"
    "</Events>\r\n<?xml version='1.0'?>\r\ntext\r\n<Event><EventData>\n<Event></Event> torn\r\n"
    "<![LOG[m]LOG]!><time=\"08:00:01.000-60\" date=\"03-12-2026\" component=\"a\" context=\"\" "
    "type=\"1\" thread=\"1\" file=\"a.cpp:1\">\r\n<Events><Event><Data>never closed\r\n";

Test(winevent_xml, does_not_show_how_it_was_cut)
{
    struct cmg_options opt = {.host = CMG_LIT("h"), .now_ns = fixed_clock};
    struct cmg_error err;
    struct cmg_engine *e = cmg_engine_new(&opt, &err);
    cmg_str in = cmg_str_of(log_text, sizeof log_text - 1);
    struct run whole = run_cut(e, in, NULL, 0);
    cr_expect_eq(whole.stats.bytes_records + whole.stats.bytes_skipped, in.len);
    for (size_t at = 1; at < in.len; at++) {
        uint8_t cut[2] = {(uint8_t)(at % 255 + 1), (uint8_t)(at / 3 + 1)};
        struct run r = run_cut(e, in, cut, 2);
        cr_assert(cmg_str_eq(cmg_buf_str(&r.json), cmg_buf_str(&whole.json)), "%zu", at);
        cmg_buf_done(&r.json);
    }
    cmg_buf_done(&whole.json);
    cmg_engine_free(e);
}
