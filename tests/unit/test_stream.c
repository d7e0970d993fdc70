/* SPDX-License-Identifier: Apache-2.0
 * Streams: how bytes are cut never shows, none is lost, every encoding comes out as UTF-8. */
#include "core/stream.h"
#include "tests/streams.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>

static struct cmg_engine *engine_with(size_t max_record)
{
    struct cmg_error err;
    struct cmg_options o = {
        .host = cmg_str_c("Golden"), .now_ns = fixed_clock, .max_record = max_record};
    struct cmg_engine *e = cmg_engine_new(&o, &err);
    cr_assert(e, "%s", err.text);
    return e;
}

/* Bytes with NULs in them: a literal and its length. */
#define BYTES(s)                                                                                   \
    {                                                                                              \
        "" s "", sizeof(s) - 1                                                                     \
    }

#define ATTRS                                                                                      \
    "<time=\"10:00:00.123+000\" date=\"03-04-2026\" component=\"C\" context=\"\" type=\"1\" "      \
    "thread=\"7\" file=\"a.cpp:1\">"

static const cmg_str inputs[] = {
    BYTES(""),
    BYTES("\n\n"),
    BYTES("plain line\n"),
    BYTES("no line end"),
    BYTES("cr and lf\r\nlf\n\r\nx"),
    BYTES("<![LOG[one]LOG]!>" ATTRS "\r\n<![LOG[two]LOG]!>" ATTRS "\r\n"),
    BYTES("<![LOG[one]LOG]!>" ATTRS "<![LOG[two]LOG]!>" ATTRS "\n"),
    BYTES("<![LOG[over\r\n\r\nthree\nlines]LOG]!>" ATTRS "\r\nafter\r\n"),
    BYTES("<![LOG[lost tail\r\n<![LOG[next]LOG]!>" ATTRS "\r\n"),
    BYTES("lost head]LOG]!>" ATTRS "\r\n<![LOG[next]LOG]!>" ATTRS),
    BYTES("<![LOG[never closed\nmore\n\n"),
    BYTES("noise <![LOG[a]LOG]!>" ATTRS " tail\n"),
    BYTES("\xef\xbb\xbf<![LOG[bom]LOG]!>" ATTRS "\r\n\xef\xbb\xbf<![LOG[bom again]LOG]!>" ATTRS
          "\r\n"),
    BYTES("<![LOG[bom\n\xef\xbb\xbfinside]LOG]!>" ATTRS "\n"),
    BYTES("caf\xe9 in 1252\nna\xc3\xafve in utf-8\n\x81 is a hole\n"),
    BYTES("<![LOG[caf\xe9\nna\xc3\xafve\n\xe9]LOG]!>" ATTRS "rest \xe9 of line\nlast\n"),
    BYTES("\xff\xfe"
          "a\0b\0\r\0\n\0c\0\n\0"),
    BYTES("\xfe\xff"
          "\0a\0b\0\r\0\n\0c\0\n"),
    BYTES("a\0b\0c\0\n\0d\0e\0f\0\n\0"),
    BYTES("\0a\0b\0c\0\n\0d\0e\0f\0\n"),
    BYTES("\xff\xfe"
          "a\0b\0\n\0plain again\nand on\n"),
    BYTES("plain\n\xff\xfe"
          "w\0i\0d\0e\0\n\0"),
    BYTES("\xff\xfe"
          "\x3d\xd8\x00\xde\x3d\xd8\n\0\x00\xde\n\0o\0d\0d"),
    BYTES("msg  $$<COMP><03-04-2026 10:00:00.123+060><thread=12 (0xC)>\nmsg2~  $$<COMP><03-04-2026 "
          "10:00:01.000-060><thread=12 (0xC)>\n"),
    BYTES("#Software: x\n#Fields: date time c-ip cs-method cs-uri-stem sc-status sc-substatus "
          "sc-win32-status\n"
          "2026-03-04 10:00:00 10.0.0.9 GET /SMS_MP/.sms_aut 403 7 0\n\n#Fields: time "
          "sc-status\n10:00:00 200\n"),
    BYTES(
        "[CCMHTTP] ERROR: URL=https://cmg.contoso.example/CCM_Proxy_MutualAuth/1/SMS_MP/.sms_aut, "
        "Port=443, Options=31, "
        "Code=0, Text=CCM_E_BAD_HTTP_STATUS_CODE\n[CCMHTTP] ERROR INFO: StatusCode= 403 "
        "StatusText= CMGConnector_Forbidden\n"),
    BYTES("nul\0in line\n"),
};

static void check_sums(const struct run *r, size_t len, size_t i)
{
    cr_assert(!r->gap, "input %zu: records overlap", i);
    cr_assert_eq(r->stats.bytes_in, len, "input %zu", i);
    cr_assert_eq(r->stats.bytes_records + r->stats.bytes_skipped, len,
                 "input %zu: %llu + %llu of %zu", i, (unsigned long long)r->stats.bytes_records,
                 (unsigned long long)r->stats.bytes_skipped, len);
    cr_assert_eq(r->sum_lengths, r->stats.bytes_records, "input %zu", i);
}

Test(stream, how_bytes_are_cut_never_shows)
{
    static const uint8_t cuts[][3] = {{1, 1, 1}, {2, 2, 2}, {3, 1, 2}, {7, 3, 5}, {64, 1, 13}};
    static const size_t caps[] = {0, 256};
    for (size_t k = 0; k < 2; k++) {
        struct cmg_engine *e = engine_with(caps[k]);
        for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
            struct run whole = run_cut(e, inputs[i], NULL, 0);
            check_sums(&whole, inputs[i].len, i);
            for (size_t c = 0; c < sizeof cuts / sizeof *cuts; c++) {
                struct run pieces = run_cut(e, inputs[i], cuts[c], 3);
                cr_assert(cmg_str_eq(cmg_buf_str(&whole.json), cmg_buf_str(&pieces.json)),
                          "input %zu cap %zu cut %zu:\n%.*s---\n%.*s", i, caps[k], c,
                          (int)whole.json.len, whole.json.ptr, (int)pieces.json.len,
                          pieces.json.ptr);
                cmg_buf_done(&pieces.json);
            }
            cmg_buf_done(&whole.json);
        }
        cmg_engine_free(e);
    }
}

/* Every pair of places to cut a short log in three. */
Test(stream, every_two_cuts)
{
    static const cmg_str in = BYTES("\xef\xbb\xbf<![LOG[a\r\n\xe9"
                                    "b]LOG]!>" ATTRS "\r\nx\r\n");
    struct cmg_engine *e = engine_with(0);
    struct run whole = run_cut(e, in, NULL, 0);
    for (size_t a = 1; a < in.len && a < 120; a++)
        for (size_t b = a + 1; b < in.len; b += 3) {
            uint8_t cut[3] = {(uint8_t)a, (uint8_t)(b - a), 255};
            struct run r = run_cut(e, in, cut, 3);
            cr_assert(cmg_str_eq(cmg_buf_str(&whole.json), cmg_buf_str(&r.json)),
                      "cut at %zu and %zu", a, b);
            cmg_buf_done(&r.json);
        }
    cmg_buf_done(&whole.json);
    cmg_engine_free(e);
}

static json_t *record_at(const struct run *r, size_t n)
{
    cmg_str rest = cmg_buf_str(&r->json);
    while (n--)
        rest = cmg_str_from(rest, cmg_str_chr(rest, '\n') + 1);
    json_t *j = json_loadb(rest.ptr, cmg_str_chr(rest, '\n'), 0, NULL);
    cr_assert(j, "%.*s", (int)rest.len, rest.ptr);
    return j;
}

static const char *text_at(const json_t *j, const char *a, const char *b)
{
    const json_t *v = json_object_get(json_object_get(j, a), b);
    return v ? json_string_value(v) : "";
}

static bool has_problem(const json_t *j, const char *name)
{
    const json_t *list = json_object_get(json_object_get(j, "cmgpipe"), "problems");
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!strcmp(json_string_value(json_array_get(list, i)), name))
            return true;
    return false;
}

/* The texts come from `iconv -t UTF-8`. */
Test(stream, encodings_come_out_as_utf8)
{
    static const struct {
        cmg_str in;
        size_t record;
        const char *text, *problem;
    } rows[] = {
        {BYTES("\xef\xbb\xbf"
               "caf\xc3\xa9\n"),
         0, "caf\xc3\xa9", NULL},
        {BYTES("caf\xe9 \x80\n"), 0, "caf\xc3\xa9 \xe2\x82\xac", "transcoded"},
        {BYTES("a\x81"
               "b\n"),
         0,
         "a\xef\xbf\xbd"
         "b",
         "replaced"},
        {BYTES("\xff\xfe"
               "c\0a\0f\0\xe9\0\r\0\n\0x\0\n\0"),
         0, "caf\xc3\xa9", "transcoded"},
        {BYTES("\xff\xfe"
               "c\0a\0f\0\xe9\0\r\0\n\0x\0\n\0"),
         1, "x", "transcoded"},
        {BYTES("\xfe\xff"
               "\0c\0a\0f\0\xe9\0\n"),
         0, "caf\xc3\xa9", "transcoded"},
        {BYTES("\xff\xfe"
               "\x3d\xd8\x00\xde\n\0"),
         0, "\xf0\x9f\x98\x80", "transcoded"},
        {BYTES("\xff\xfe"
               "\x3d\xd8x\0\n\0"),
         0, "\xef\xbf\xbdx", "replaced"},
        {BYTES("\xff\xfe"
               "a\0b\0\n\0plain again\n"),
         1, "plain again", NULL},
        {BYTES("ok\ncaf\xe9\nok\n"), 2, "ok", NULL},
    };
    struct cmg_engine *e = engine_with(0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct run r = run_cut(e, rows[i].in, NULL, 0);
        json_t *j = record_at(&r, rows[i].record);
        cr_assert_str_eq(text_at(j, "event", "original"), rows[i].text, "row %zu", i);
        if (rows[i].problem)
            cr_assert(has_problem(j, rows[i].problem), "row %zu: %s", i, rows[i].problem);
        else
            cr_assert(!has_problem(j, "transcoded"), "row %zu", i);
        json_decref(j);
        cmg_buf_done(&r.json);
    }
    cmg_engine_free(e);
}

/* ASCII, NUL and the rest are told apart while line ends are looked for: a strange byte must show
 * at every distance from the beginning of the line, and from the place where a feed ended. */
static uint32_t problems_of(const struct cmg_engine *e, cmg_str log, size_t cut)
{
    struct cmg_corr *c = cmg_corr_new(0);
    struct cmg_origin origin = {.path = cmg_str_c("x.log")};
    struct cmg_stream *s = cmg_stream_new(e, c, &origin);
    struct cmg_record r;
    cr_assert_eq(cmg_stream_feed(s, cmg_str_head(log, cut)), CMG_OK);
    cr_assert_eq(cmg_stream_next(s, &r), CMG_OK);
    enum cmg_rc rc = cmg_stream_next(s, &r);
    cr_assert_eq(cmg_stream_feed(s, cmg_str_from(log, cut)), CMG_OK);
    if (rc == CMG_AGAIN)
        rc = cmg_stream_next(s, &r);
    cr_assert_eq(rc, CMG_OK);
    uint32_t problems = r.problems;
    cmg_stream_free(s);
    cmg_corr_free(c);
    return problems & (CMG_P_NUL | CMG_P_TRANSCODED);
}

Test(stream, strange_bytes_show_wherever_they_stand)
{
    static const struct {
        const char bytes[3];
        size_t len;
        uint32_t problems;
    } odd[] = {
        {"xx", 2, 0},       {{0}, 1, CMG_P_NUL}, {"\xe9", 1, CMG_P_TRANSCODED},
        {"\xc3\xa9", 2, 0}, {"\x01", 1, 0},      {"\xff", 1, CMG_P_TRANSCODED},
    };
    struct cmg_engine *e = engine_with(0);
    for (size_t k = 0; k < 6 * 40; k++) {
        static const char head[] = "<![LOG[first]LOG]!>" ATTRS "\n<![LOG[",
                          tail[] = "]LOG]!>" ATTRS "\r\n";
        char log[512];
        size_t before = k % 40, n = sizeof head - 1;
        memcpy(log, head, n);
        memset(log + n, 'm', 42);
        memcpy(log + n + before, odd[k / 40].bytes, odd[k / 40].len);
        memcpy(log + n + 42, tail, sizeof tail - 1);
        n += 42 + sizeof tail - 1;
        for (size_t cut = sizeof head - 8; cut <= n; cut += 3)
            cr_assert_eq(problems_of(e, cmg_str_of(log, n), cut), odd[k / 40].problems,
                         "kind %zu at %zu, cut at %zu", k / 40, before, cut);
    }
    cmg_engine_free(e);
}

/* A record of exactly the largest size is whole; one byte more is cut there, and the rest is kept.
 */
Test(stream, largest_record)
{
    enum { CAP = 256 };
    struct cmg_engine *e = engine_with(CAP);
    for (size_t n = CAP - 1; n <= CAP + 1; n++)
        for (int crlf = 0; crlf < 2; crlf++) {
            char line[CAP + 8];
            memset(line, 'a', n);
            memcpy(line + n, &"\r\n"[!crlf], 1 + (size_t)crlf);
            struct run r = run_cut(e, cmg_str_of(line, n + 1 + (size_t)crlf), NULL, 0);
            cr_assert_eq(r.stats.records, n > CAP ? 2 : 1, "%zu", n);
            cr_assert_eq(r.stats.truncated, n > CAP ? 1 : 0, "%zu", n);
            check_sums(&r, n + 1 + (size_t)crlf, n);
            cmg_buf_done(&r.json);
        }
    cmg_engine_free(e);
}

/* The rest of a message that was cut stays with its format until its end, and is not scattered over
 * lines. */
Test(stream, rest_of_a_cut_message)
{
    struct cmg_engine *e = engine_with(256);
    struct cmg_buf in = cmg_buf_init(1 << 16);
    cr_assert_eq(cmg_buf_add(&in, cmg_str_c("<![LOG[")), CMG_OK);
    for (int i = 0; i < 40; i++)
        cr_assert_eq(cmg_buf_add(&in, cmg_str_c("0123456789abcde\n")), CMG_OK);
    cr_assert_eq(cmg_buf_add(&in, cmg_str_c("end]LOG]!>" ATTRS "\nnext\n")), CMG_OK);
    struct run r = run_cut(e, cmg_buf_str(&in), NULL, 0);
    check_sums(&r, in.len, 0);
    cr_assert_leq(r.stats.records, 6, "%llu", (unsigned long long)r.stats.records);
    json_t *last = record_at(&r, r.stats.records - 1);
    cr_assert_str_eq(text_at(last, "event", "original"), "next");
    json_decref(last);
    cmg_buf_done(&r.json);
    cmg_buf_done(&in);
    cmg_engine_free(e);
}

static cmg_str id_of(const struct run *r, size_t n)
{
    cmg_str rest = cmg_buf_str(&r->json);
    while (n--)
        rest = cmg_str_from(rest, cmg_str_chr(rest, '\n') + 1);
    size_t at = cmg_str_find(rest, CMG_LIT("\"event\":{\"id\":\""));
    cr_assert_neq(at, CMG_STR_NPOS);
    return cmg_str_cut(rest, at + 15, at + 15 + CMG_ID_SIZE - 1);
}

/* Ids depend on host, log and place, not on the run; two equal lines are two. */
Test(stream, ids)
{
    struct cmg_engine *e = engine_with(0);
    static const cmg_str in = BYTES("first\nsame\nsame\n"), other = BYTES("First\nsame\nsame\n");
    struct run a = run_cut(e, in, NULL, 0), b = run_cut(e, in, (const uint8_t *)"\1", 1),
               c = run_cut(e, other, NULL, 0);
    cr_assert(cmg_str_eq(id_of(&a, 1), id_of(&b, 1)));
    cr_assert(!cmg_str_eq(id_of(&a, 1), id_of(&a, 2)));
    cr_assert(!cmg_str_eq(id_of(&a, 1), id_of(&c, 1)), "another generation of the log");
    cr_assert(cmg_str_starts(id_of(&a, 0), cmg_str_c("000000000000")), "no time of its own");
    cmg_buf_done(&a.json);
    cmg_buf_done(&b.json);
    cmg_buf_done(&c.json);
    cmg_engine_free(e);
}

/* A stream that stops and one that goes on from its saved state give what one stream gives. */
Test(stream, state_carries_over)
{
    static const cmg_str head =
        BYTES("#Fields: time sc-status sc-substatus sc-win32-status\n#Date: 2026-03-04 "
              "00:00:00\n10:00:00 200 0 0\n");
    static const cmg_str tail = BYTES("10:00:01 403 7 0\n");
    struct cmg_engine *e = engine_with(0);
    struct cmg_corr *c = cmg_corr_new(0);
    struct cmg_origin o = {.path = cmg_str_c("u_ex.log")};
    struct cmg_stream *one = cmg_stream_new(e, c, &o);
    struct cmg_record r, want;
    cr_assert_eq(cmg_stream_feed(one, head), CMG_OK);
    while (cmg_stream_next(one, &r) == CMG_OK)
        ;
    o.offset = cmg_stream_offset(one);
    cr_assert_eq(o.offset, head.len);
    struct cmg_stream *two = cmg_stream_new(e, c, &o);
    cr_assert(cmg_stream_restore(two, cmg_stream_state(one)));
    cr_assert_eq(cmg_stream_feed(one, tail), CMG_OK);
    cr_assert_eq(cmg_stream_next(one, &want), CMG_OK);
    cr_assert_eq(cmg_stream_feed(two, tail), CMG_OK);
    cr_assert_eq(cmg_stream_next(two, &r), CMG_OK);
    cr_assert_str_eq(r.id, want.id);
    cr_assert_eq(r.event.http.status, 403);
    cr_assert_eq(r.time_ns, want.time_ns);
    char bad[64] = {1};
    cr_assert(!cmg_stream_restore(two, cmg_str_of(bad, sizeof bad)));
    cmg_stream_free(one);
    cmg_stream_free(two);
    cmg_corr_free(c);
    cmg_engine_free(e);
}

/* What waits for its end is let go when the log falls idle, and marked. */
Test(stream, idle_releases)
{
    struct cmg_engine *e = engine_with(0);
    struct cmg_corr *c = cmg_corr_new(0);
    struct cmg_origin o = {.path = cmg_str_c("a.log")};
    struct cmg_stream *s = cmg_stream_new(e, c, &o);
    struct cmg_record r;
    cr_assert_eq(cmg_stream_feed(s, cmg_str_c("<![LOG[held\nmore")), CMG_OK);
    cr_assert_eq(cmg_stream_next(s, &r), CMG_AGAIN);
    cmg_stream_idle(s);
    cr_assert_eq(cmg_stream_next(s, &r), CMG_OK);
    cr_assert(r.problems & CMG_P_PARTIAL_TAIL);
    cr_assert_eq(r.lines, 2);
    cr_assert_eq(cmg_stream_next(s, &r), CMG_AGAIN);
    cr_assert_eq(cmg_stream_feed(s, cmg_str_c("\nlater\n")), CMG_OK);
    cr_assert_eq(cmg_stream_next(s, &r), CMG_OK);
    cr_assert(cmg_str_eq(r.raw, cmg_str_c("later")));
    cmg_stream_free(s);
    cmg_corr_free(c);
    cmg_engine_free(e);
}

/* Whatever a forwarder calls a host or a file: records are UTF-8. */
Test(stream, names_are_repaired)
{
    static const struct {
        const char *host, *path, *want_host, *want_path;
    } rows[] = {
        {"PC1.Contoso.example", "C:\\Logs\\\xc3\xa9.log", "pc1.contoso.example",
         "C:\\Logs\\\xc3\xa9.log"},
        {"pc\xe9", "\xe9.log", "pc\xef\xbf\xbd", "\xef\xbf\xbd.log"},
        {"\xff\xff", "", "\xef\xbf\xbd\xef\xbf\xbd", NULL},
        {"", "\xf0\x9f\x98", "golden", "\xef\xbf\xbd"},
    };
    struct cmg_engine *e = engine_with(0);
    uint64_t id[2] = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cmg_corr *c = cmg_corr_new(0);
        struct cmg_origin o = {.host = cmg_str_c(rows[i].host), .path = cmg_str_c(rows[i].path)};
        struct cmg_stream *s = cmg_stream_new(e, c, &o);
        struct cmg_record r;
        cr_assert(s && cmg_stream_feed(s, CMG_LIT("text\n")) == CMG_OK &&
                  cmg_stream_next(s, &r) == CMG_OK);
        cr_expect(cmg_str_eq(r.host, cmg_str_c(rows[i].want_host)), "%zu: %.*s", i, (int)r.host.len,
                  r.host.ptr);
        cr_expect(cmg_str_eq(r.path, cmg_str_c(rows[i].want_path)), "%zu: %.*s", i, (int)r.path.len,
                  r.path.ptr);
        cmg_stream_free(s);
        cmg_corr_free(c);
    }
    for (int i = 0; i < 2; i++) {
        struct cmg_origin o = {.path = cmg_str_c(i ? "\xe9.log" : "\xe8.log")};
        struct cmg_corr *c = cmg_corr_new(0);
        struct cmg_stream *s = cmg_stream_new(e, c, &o);
        struct cmg_record r;
        cr_assert(s && cmg_stream_feed(s, CMG_LIT("text\n")) == CMG_OK &&
                  cmg_stream_next(s, &r) == CMG_OK);
        id[i] = s->id;
        cmg_stream_free(s);
        cmg_corr_free(c);
    }
    cr_expect_neq(id[0], id[1]);
    cmg_engine_free(e);
}
