/* SPDX-License-Identifier: Apache-2.0
 * Wrappers: what they wrap comes back byte for byte, with what they say of it. */
#include "sources/envelope.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* 2026-03-12T10:00:00Z, and the same with seconds added. Made with `date -ud @N`. */
#define NOW    INT64_C(1773309600)
#define SECOND INT64_C(1000000000)

struct row {
    const char *frame, *text, *host, *path, *program;
    int64_t offset;  /* -1: none */
    int64_t seconds; /* of the time; 0: none */
    unsigned depth;
    int severity;
};

static const struct row rows[] = {
    /* in no wrapper */
    {"<![LOG[a]LOG]!><time=\"1\">", "<![LOG[a]LOG]!><time=\"1\">", "", "", "", -1, 0, 0, -1},
    {"plain text", "plain text", "", "", "", -1, 0, 0, -1},
    {"{\"no\":\"text key\"}", "{\"no\":\"text key\"}", "", "", "", -1, 0, 0, -1},
    {"{broken", "{broken", "", "", "", -1, 0, 0, -1},
    {"<192>out of range", "<192>out of range", "", "", "", -1, 0, 0, -1},
    {"<014>leading zero", "<014>leading zero", "", "", "", -1, 0, 0, -1},
    {"<>empty", "<>empty", "", "", "", -1, 0, 0, -1},
    {"{\"EventID\":36884,\"Message\":\"an event\"}", "{\"EventID\":36884,\"Message\":\"an event\"}",
     "", "", "", -1, 0, 0, -1},
    /* RFC 5424 */
    {"<14>1 2026-03-12T09:00:00Z pc17.contoso.example ccm 99 - - hello", "hello",
     "pc17.contoso.example", "", "ccm", -1, NOW - 3600, 1, 6},
    {"<14>1 2026-03-12T09:00:00.5+01:00 pc17 ccm - ID [x@1 a=\"b\\]c\" d=\"e\"][y] "
     "\xef\xbb\xbfhello",
     "hello", "pc17", "", "ccm", -1, NOW - 7200, 1, 6},
    {"<0>1 - - - - - -", "", "", "", "", -1, 0, 1, 0},
    {"<15>1 2026-03-12T09:00:00Z h log_tag - 123 -  two blanks", "two blanks", "h", "", "log_tag",
     -1, NOW - 3600, 1, 7},
    /* RFC 3164: the year is the one that is not ahead of the time of reading */
    {"<13>Mar 12 09:00:00 pc17 ccm[42]: hello", "hello", "pc17", "", "ccm", -1, NOW - 3600, 1, 5},
    {"<13>Mar  2 10:00:00 pc17 ccm: hello", "hello", "pc17", "", "ccm", -1, NOW - 10 * 86400, 1, 5},
    {"<13>Dec 31 23:59:59 pc17 ccm: last year", "last year", "pc17", "", "ccm", -1,
     INT64_C(1767225599), 1, 5},
    {"<13>Mar 13 09:00:00 pc17 ccm: a day ahead", "a day ahead", "pc17", "", "ccm", -1, NOW + 82800,
     1, 5},
    {"<13>Feb 29 00:00:00 pc17 ccm: leap", "leap", "pc17", "", "ccm", -1, INT64_C(1709164800), 1,
     5},
    {"<13>2026-03-12T09:00:00+00:00 pc17 ccm[1]: hello", "hello", "pc17", "", "ccm", -1, NOW - 3600,
     1, 5},
    {"<13>no date at all", "no date at all", "", "", "", -1, 0, 1, 5},
    {"Mar 12 09:00:00 pc17 ccm[42]: from a file", "from a file", "pc17", "", "ccm", -1, NOW - 3600,
     1, -1},
    {"<13>Mar 12 09:00:00 pc17 ccm: one#012two#011tab#999", "one\ntwo\ttab#999", "pc17", "", "ccm",
     -1, NOW - 3600, 1, 5},
    /* JSON */
    {"{\"date\":1773309600.25,\"log\":\"a \\\"b\\\"\"}", "a \"b\"", "", "", "", -1, NOW, 1, -1},
    {"{\"@timestamp\":\"2026-03-12T10:00:00.000Z\",\"host\":{\"name\":\"pc17\"},\"log\":{"
     "\"offset\":77,\"file\":{\"path\":\"C:\\\\Windows\\\\CCM\\\\Logs\\\\a.log\"}},\"message\":"
     "\"x\"}",
     "x", "pc17", "C:\\Windows\\CCM\\Logs\\a.log", "", 77, NOW, 1, -1},
    {"{\"message\":\"v\",\"file\":\"/l/"
     "a.log\",\"host\":\"pc1\",\"timestamp\":\"2026-03-12T10:00:00Z\",\"offset\":\"5\"}",
     "v", "pc1", "/l/a.log", "", 5, NOW, 1, -1},
    {"{\"message\":\"v\",\"host\":17,\"offset\":-3,\"@timestamp\":{}}", "v", "", "", "", -1, 0, 1,
     -1},
    {"{\"log\":\"docker line\\n\",\"stream\":\"stdout\",\"time\":\"2026-03-12T10:00:00.0\"}",
     "docker line", "", "", "", -1, NOW, 1, -1},
    /* CRI */
    {"2026-03-12T10:00:00.123456789Z stdout F text here", "text here", "", "", "", -1, NOW, 1, -1},
    {"2026-03-12T10:00:00Z stderr P:tag part", "part", "", "", "", -1, NOW, 1, -1},
    {"2026-03-12T10:00:00Z stdout X text", "2026-03-12T10:00:00Z stdout X text", "", "", "", -1, 0,
     0, -1},
    /* one inside the other: the innermost that names a thing wins */
    {"<13>Mar 12 09:00:00 relay fb: {\"log\":\"inner\",\"host\":\"pc17\",\"path\":\"a.log\"}",
     "inner", "pc17", "a.log", "fb", -1, NOW - 3600, 2, 5},
    {"{\"message\":\"<13>Mar 12 09:00:00 pc17 ccm: "
     "{\\\"log\\\":\\\"deep\\\"}\",\"host\":\"relay\"}",
     "deep", "pc17", "", "ccm", -1, NOW - 3600, 3, 5},
};

static void check(struct cmg_peeler *p, const struct row *row)
{
    struct cmg_envelope e;
    cr_assert_eq(cmg_envelope_peel(p, cmg_str_c(row->frame), NOW * SECOND, NULL, &e), CMG_OK);
    cr_assert(cmg_str_eq(e.text, cmg_str_c(row->text)), "%s\ngives text %.*s", row->frame,
              (int)e.text.len, e.text.ptr);
    cr_assert(cmg_str_eq(e.host, cmg_str_c(row->host)), "%s\ngives host %.*s", row->frame,
              (int)e.host.len, e.host.ptr);
    cr_assert(cmg_str_eq(e.path, cmg_str_c(row->path)), "%s\ngives path %.*s", row->frame,
              (int)e.path.len, e.path.ptr);
    cr_assert(cmg_str_eq(e.program, cmg_str_c(row->program)), "%s", row->frame);
    cr_assert_eq(e.has_offset ? (int64_t)e.offset : -1, row->offset, "%s", row->frame);
    cr_assert_eq(e.has_time ? e.time_ns / SECOND : 0, row->seconds, "%s\ngives %lld", row->frame,
                 (long long)(e.time_ns / SECOND));
    cr_assert_eq(e.depth, row->depth, "%s", row->frame);
    cr_assert_eq(e.severity, row->severity, "%s", row->frame);
}

Test(envelope, every_form)
{
    struct cmg_peeler p = cmg_peeler_init(1 << 16);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check(&p, &rows[i]);
    cmg_peeler_done(&p);
}

/* A line cut by its container goes on in the next frame. */
Test(envelope, parts)
{
    static const struct {
        const char *frame;
        bool more, whole;
    } parts[] = {{"{\"log\":\"half\",\"stream\":\"stdout\"}", true, false},
                 {"{\"log\":\"end\\n\",\"stream\":\"stdout\"}", false, true},
                 {"{\"log\":\"no container\"}", false, false},
                 {"2026-03-12T10:00:00Z stdout P half", true, false},
                 {"2026-03-12T10:00:00Z stdout F end", false, true}};
    struct cmg_peeler p = cmg_peeler_init(1 << 16);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct cmg_envelope e;
        cr_assert_eq(cmg_envelope_peel(&p, cmg_str_c(parts[i].frame), NOW * SECOND, NULL, &e),
                     CMG_OK);
        cr_assert_eq(e.more, parts[i].more, "%s", parts[i].frame);
        cr_assert_eq(e.whole, parts[i].whole, "%s", parts[i].frame);
    }
    cmg_peeler_done(&p);
}

/* Deeper than the cap the rest is the text, whatever it is. */
Test(envelope, depth_is_capped)
{
    struct cmg_peeler p = cmg_peeler_init(1 << 16);
    for (unsigned n = CMG_ENVELOPES_MAX - 1; n <= CMG_ENVELOPES_MAX + 1; n++) {
        struct cmg_buf frame = cmg_buf_init(200);
        struct cmg_envelope e;
        for (unsigned i = 0; i < n; i++)
            cr_assert_eq(cmg_buf_add(&frame, CMG_LIT("<13>")), CMG_OK);
        cr_assert_eq(cmg_buf_add(&frame, CMG_LIT("x")), CMG_OK);
        cr_assert_eq(cmg_envelope_peel(&p, cmg_buf_str(&frame), NOW * SECOND, NULL, &e), CMG_OK);
        cr_assert_eq(e.depth, n < CMG_ENVELOPES_MAX ? n : CMG_ENVELOPES_MAX);
        cr_assert(cmg_str_eq(e.text, cmg_str_c(n > CMG_ENVELOPES_MAX ? "<13>x" : "x")));
        cmg_buf_done(&frame);
    }
    cmg_peeler_done(&p);
}
