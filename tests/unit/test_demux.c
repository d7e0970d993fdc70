/* SPDX-License-Identifier: Apache-2.0
 * The same records, whether a log comes from a file or in a forwarder's wrappers; and logs on one
 * way stay apart. */
#include "sources/demux.h"
#include "tests/streams.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define NOW (INT64_C(1773309600) * 1000000000)

static const char *const lines[] = {
    "<![LOG[starting up]LOG]!><time=\"10:00:00.123-60\" date=\"03-12-2026\" component=\"CcmExec\" "
    "context=\"\" type=\"1\" thread=\"7\" file=\"a.cpp:1\">",
    "<![LOG[[CCMHTTP] ERROR: "
    "URL=https://cmg.contoso.example/CCM_Proxy_MutualAuth/1/SMS_MP/.sms_aut, Port=443, Options=31, "
    "Code=0, Text=CCM_E_BAD_HTTP_STATUS_CODE]LOG]!><time=\"10:00:01.000-60\" date=\"03-12-2026\" "
    "component=\"LocationServices\" context=\"\" type=\"1\" thread=\"8\" file=\"b.cpp:2\">",
    "<![LOG[[CCMHTTP] ERROR INFO: StatusCode=403 "
    "StatusText=CMGConnector_Forbidden]LOG]!><time=\"10:00:01.100-60\" date=\"03-12-2026\" "
    "component=\"LocationServices\" context=\"\" type=\"1\" thread=\"8\" file=\"b.cpp:3\">",
    "<![LOG[two\nlines with a \"quote\" and a \\ in them]LOG]!><time=\"10:00:02.000-60\" "
    "date=\"03-12-2026\" component=\"X\" context=\"\" type=\"2\" thread=\"9\" file=\"c.cpp:4\">",
    "row of a server  $$<SMS_HMAN><03-12-2026 10:00:03.000-60><thread=12 (0xC)>",
    "plain text",
};
enum { LINES = sizeof lines / sizeof *lines };

struct seen {
    char text[400];
    char component[40];
    char class[60];
    int64_t time_ns;
    enum cmg_role role;
    enum cmg_level level;
};

static struct cmg_engine *engine;
static struct cmg_corr *corr;
static struct cmg_options options;

static void setup(void)
{
    struct cmg_error err;
    options = (struct cmg_options){.host = cmg_str_c("here"), .now_ns = fixed_clock};
    engine = cmg_engine_new(&options, &err);
    corr = cmg_corr_new(0);
    cr_assert(engine && corr);
}

static void teardown(void)
{
    cmg_corr_free(corr);
    cmg_engine_free(engine);
}

static void note(struct seen *s, const struct cmg_record *r)
{
    *s = (struct seen){.time_ns = r->time_source == CMG_TIME_RECORD ? r->time_ns : 0,
                       .role = r->finding.role,
                       .level = r->event.level};
    snprintf(s->text, sizeof s->text, "%.*s", (int)r->event.message.len, r->event.message.ptr);
    snprintf(s->component, sizeof s->component, "%.*s", (int)r->event.component.len,
             r->event.component.ptr);
    snprintf(s->class, sizeof s->class, "%.*s", (int)r->finding.status_text.len,
             r->finding.status_text.ptr);
}

static size_t from_file(struct seen *out)
{
    struct cmg_origin o = {.path = cmg_str_c("file.log")};
    struct cmg_stream *s = cmg_stream_new(engine, corr, &o);
    struct cmg_record r;
    size_t n = 0;
    for (size_t i = 0; i < LINES; i++) {
        cr_assert_eq(cmg_stream_feed(s, cmg_str_c(lines[i])), CMG_OK);
        cr_assert_eq(cmg_stream_feed(s, cmg_str_c("\n")), CMG_OK);
    }
    cmg_stream_end(s);
    while (cmg_stream_next(s, &r) == CMG_OK)
        note(&out[n++], &r);
    cmg_stream_free(s);
    return n;
}

static struct cmg_demux *demux_with(size_t streams)
{
    struct cmg_demux_options o = {.engine = engine,
                                  .options = &options,
                                  .corr = corr,
                                  .path = cmg_str_c("test"),
                                  .streams = streams};
    struct cmg_demux *d = cmg_demux_new(&o);
    cr_assert(d);
    return d;
}

static size_t drain(struct cmg_demux *d, struct seen *out)
{
    struct cmg_record r;
    size_t n = 0;
    while (cmg_demux_next(d, &r) == CMG_OK)
        note(&out[n++], &r);
    return n;
}

static void send(struct cmg_demux *d, cmg_str frame, struct seen *out, size_t *n)
{
    cr_assert_eq(cmg_demux_frame(d, frame, cmg_str_c("peer"), NOW), CMG_OK);
    *n += drain(d, out + *n);
}

/* ---- wrapping ------------------------------------------------------------------------------ */

static void json_line(struct cmg_buf *b, const char *before, const char *line, const char *after)
{
    cr_assert_eq(cmg_buf_add(b, cmg_str_c(before)), CMG_OK);
    for (const char *p = line; *p; p++) {
        char esc[3] = {'\\', *p == '\n' ? 'n' : *p, 0};
        cmg_str s = *p == '\n' || *p == '"' || *p == '\\' ? cmg_str_of(esc, 2) : cmg_str_of(p, 1);
        cr_assert_eq(cmg_buf_add(b, s), CMG_OK);
    }
    cr_assert_eq(cmg_buf_add(b, cmg_str_c(after)), CMG_OK);
}

static void syslog_line(struct cmg_buf *b, const char *before, const char *line, bool escape)
{
    cr_assert_eq(cmg_buf_add(b, cmg_str_c(before)), CMG_OK);
    for (const char *p = line; *p; p++)
        cr_assert_eq(cmg_buf_add(b, escape && *p == '\n' ? CMG_LIT("#012") : cmg_str_of(p, 1)),
                     CMG_OK);
}

static void wrap(struct cmg_buf *b, unsigned form, const char *line)
{
    static const char *const before[] = {"",
                                         "<13>1 2026-03-12T10:00:00Z pc17 ccm - - - ",
                                         "<13>Mar 12 10:00:00 pc17 ccm: ",
                                         "{\"date\":1773309600.5,\"log\":\"",
                                         "{\"@timestamp\":\"2026-03-12T10:00:00Z\",\"log\":{"
                                         "\"file\":{\"path\":\"a.log\"}},\"message\":\"",
                                         "{\"log\":\""};
    static const char *const after[] = {
        "", "", "", "\"}", "\",\"host\":{\"name\":\"pc17\"}}", "\\n\",\"stream\":\"stdout\"}"};
    b->len = 0;
    if (form < 3)
        syslog_line(b, before[form], line, form == 2);
    else
        json_line(b, before[form], line, after[form]);
}

Test(demux, every_wrapper_gives_the_file_s_records, .init = setup, .fini = teardown)
{
    struct seen want[2 * LINES], got[2 * LINES];
    size_t n = from_file(want);
    cr_assert_eq(n, LINES);
    cr_assert_str_eq(want[2].class, "CMGConnector_Forbidden");
    cr_assert_eq(want[2].role, CMG_ROLE_PRIMARY);
    for (unsigned form = 0; form < 6; form++) {
        struct cmg_buf b = cmg_buf_init(1 << 16);
        cmg_corr_free(corr); /* the incidents of the form before are still open */
        corr = cmg_corr_new(0);
        struct cmg_demux *d = demux_with(0);
        size_t have = 0;
        for (size_t i = 0; i < LINES; i++) {
            wrap(&b, form, lines[i]);
            send(d, cmg_buf_str(&b), got, &have);
        }
        cmg_demux_idle(d, INT64_MAX);
        have += drain(d, got + have);
        cr_assert_eq(have, n, "form %u: %zu records", form, have);
        for (size_t i = 0; i < n; i++)
            cr_assert(memcmp(&want[i], &got[i], sizeof want[i]) == 0, "form %u record %zu: %s",
                      form, i, got[i].text);
        cmg_demux_free(d);
        cmg_buf_done(&b);
    }
}

/* The halves of two records, sent alternately by two hosts, are not mixed. */
Test(demux, hosts_do_not_mix, .init = setup, .fini = teardown)
{
    static const char *const frames[] = {
        "<13>Mar 12 10:00:00 pc1 ccm: <![LOG[one", "<13>Mar 12 10:00:00 pc2 ccm: <![LOG[two",
        "<13>Mar 12 10:00:00 pc1 ccm: end one]LOG]!><time=\"10:00:00.000+000\" date=\"03-12-2026\" "
        "component=\"A\" context=\"\" type=\"1\" thread=\"1\" file=\"\">",
        "<13>Mar 12 10:00:00 pc2 ccm: end two]LOG]!><time=\"10:00:00.000+000\" date=\"03-12-2026\" "
        "component=\"B\" context=\"\" type=\"1\" thread=\"1\" file=\"\">"};
    struct seen got[8];
    struct cmg_demux *d = demux_with(0);
    size_t n = 0;
    for (size_t i = 0; i < 4; i++)
        send(d, cmg_str_c(frames[i]), got, &n);
    cr_assert_eq(n, 2);
    cr_assert_str_eq(got[0].text, "one\nend one");
    cr_assert_str_eq(got[1].text, "two\nend two");
    cmg_demux_free(d);
}

Test(demux, arrays_count_as_their_elements, .init = setup, .fini = teardown)
{
    struct seen got[8];
    struct cmg_demux *d = demux_with(0);
    size_t n = 0;
    send(d, cmg_str_c("[{\"log\":\"a\"},{\"log\":\"b\"} , {\"log\":\"c\"}]"), got, &n);
    cr_assert_eq(n, 3);
    cr_assert_str_eq(got[2].text, "c");
    send(d, cmg_str_c("[1,2,3]"), got, &n);
    cr_assert_eq(n, 4, "an array of anything else is a line");
    cmg_demux_free(d);
}

/* A log that makes room lets go of what it holds; nothing is lost. */
Test(demux, the_idlest_log_makes_room, .init = setup, .fini = teardown)
{
    struct seen got[16];
    struct cmg_demux *d = demux_with(2);
    size_t n = 0;
    for (int i = 0; i < 5; i++) {
        char frame[80];
        snprintf(frame, sizeof frame, "<13>Mar 12 10:00:00 pc%d ccm: <![LOG[held %d", i, i);
        cr_assert_eq(cmg_demux_frame(d, cmg_str_c(frame), cmg_str_c(""), NOW + i), CMG_OK);
        n += drain(d, got + n);
    }
    cr_assert_eq(n, 3);
    cr_assert_eq(cmg_demux_stats(d)->evicted, 3);
    cmg_demux_idle(d, INT64_MAX);
    n += drain(d, got + n);
    cr_assert_eq(n, 5);
    cmg_demux_free(d);
}

Test(demux, a_frame_before_the_last_is_drained_is_refused, .init = setup, .fini = teardown)
{
    struct cmg_demux *d = demux_with(0);
    cr_assert_eq(cmg_demux_frame(d, cmg_str_c("a"), cmg_str_c(""), NOW), CMG_OK);
    cr_assert_eq(cmg_demux_frame(d, cmg_str_c("b"), cmg_str_c(""), NOW), CMG_AGAIN);
    cmg_demux_free(d);
}

/* Two equal lines of one time are two, and the same two when they come again. */
Test(demux, ids_without_an_offset, .init = setup, .fini = teardown)
{
    char id[2][2][CMG_ID_SIZE];
    for (int run = 0; run < 2; run++) {
        struct cmg_demux *d = demux_with(0);
        for (int i = 0; i < 2; i++) {
            struct cmg_record r;
            cr_assert_eq(cmg_demux_frame(d, cmg_str_c("<13>Mar 12 10:00:00 pc1 ccm: same"),
                                         cmg_str_c(""), NOW),
                         CMG_OK);
            cr_assert_eq(cmg_demux_next(d, &r), CMG_OK);
            cr_assert_eq(r.offset, UINT64_MAX);
            cr_assert_eq(r.time_source, CMG_TIME_ENVELOPE);
            memcpy(id[run][i], r.id, CMG_ID_SIZE);
            cr_assert_eq(cmg_demux_next(d, &r), CMG_AGAIN);
        }
        cmg_demux_free(d);
    }
    cr_assert_str_neq(id[0][0], id[0][1]);
    cr_assert_str_eq(id[0][0], id[1][0]);
    cr_assert_str_eq(id[0][1], id[1][1]);
}
