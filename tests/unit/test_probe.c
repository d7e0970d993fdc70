/* SPDX-License-Identifier: Apache-2.0
 * At most one decoder besides raw says yes to a line, whatever the line: over all fixtures, whole
 * and cut, and over random mixtures of what the formats are made of. */
#include "tests/decoding.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <stdio.h>

/* W3C decoders with different columns in mind: none, the usual ones, three free ones. */
enum { STATES = 3 };

struct states {
    char iis[STATES][CMG_STATE_MAX];
};

static void load(struct states *s)
{
    static const char *const fields[STATES] = {
        "#Fields:",
        "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip "
        "cs(User-Agent) cs(Referer) "
        "sc-status sc-substatus sc-win32-status time-taken",
        "#Fields: x-a x-b x-c",
    };
    memset(s, 0, sizeof *s);
    for (size_t i = 0; i < STATES; i++) {
        struct cmg_event ev = empty_event();
        cr_assert_eq(cmg_decoder_iis.decode(s->iis[i], cmg_str_c(fields[i]), &ev), CMG_SKIP);
    }
}

/* The one that says yes, raw when none does, NULL when two do. */
static const struct cmg_decoder *claimed_by(const void *iis_state, cmg_str line)
{
    const struct cmg_decoder *one = &cmg_decoder_raw;
    for (size_t i = 0; cmg_decoders[i] != &cmg_decoder_raw; i++) {
        if (!cmg_decoders[i]->probe(iis_state, line))
            continue;
        if (one != &cmg_decoder_raw)
            return NULL;
        one = cmg_decoders[i];
    }
    return one;
}

static void expect_one(const struct states *s, cmg_str line)
{
    for (size_t i = 0; i < STATES; i++)
        cr_assert(claimed_by(s->iis[i], line), "two decoders: %.*s", (int)line.len, line.ptr);
}

/* ---- who takes what -------------------------------------------------------------------------- */

#define CCM      "<![LOG[m]LOG]!><time=\"10:00:00.123-060\" date=\"03-04-2026\" type=\"1\">"
#define SMS      "m  $$<SMS_X><02-26-2023 19:54:46.475+480><thread=250 (0xFA)>"
#define COPY     "text\tComp\t19/02/2019 13:49:35\t8548 (0x2164)"
#define WINEVENT "{\"EventID\":1,\"Channel\":\"c\"}"
#define TRACE                                                                                      \
    "E, T, 1, 0, 0, 4, 0, 0, 0x0, 1, 2, 0, , , {00000000-0000-0000-0000-000000000000}, , "         \
    "134180935601234567, 0, 0, "
#define IIS "2026-08-19 14:41:27 192.0.2.5 GET / - 80 - 192.0.2.9 x - 200 0 0 5"

static const struct {
    const char *line, *decoder;
} owners[] = {
    {"", "raw"},
    {"text", "raw"},
    {CCM, "ccm"},
    {" \t" CCM, "ccm"},
    {"<![LOG[begins", "ccm"},
    {"text before <![LOG[begins", "ccm"},
    {"ends]LOG]!><time=\"1\">", "ccm"},
    {"]LOG]!> alone", "raw"},
    {SMS, "sms"},
    {COPY, "cmtrace-copy"},
    {IIS, "iis"},
    {"#Fields: date time", "iis"},
    {"#Fields and more", "raw"},
    /* one inside the other */
    {"<![LOG[" SMS, "ccm"},
    {"<![LOG[" COPY, "ccm"},
    {"<![LOG[" IIS, "ccm"},
    {CCM SMS, "ccm"},
    {"m " CCM " " SMS, "sms"},
    {SMS CCM, "ccm"},
    {SMS "torn", "sms"},
    {"<![LOG[x " COPY, "ccm"},
    {"m <![LOG[x " COPY, "cmtrace-copy"},
    {SMS COPY, "sms"},
    {COPY SMS, "sms"},
    {IIS " " SMS, "sms"},
    {"2026-08-19 14:41:27 192.0.2.5 GET /<![LOG[ - 80 - 192.0.2.9 x - 200 0 0 5", "iis"},
    {"2026-08-19 14:41:27 192.0.2.5 GET /]LOG]!><time= - 80 - 192.0.2.9 x - 200 0 0 5", "iis"},
    {"2026-08-19 14:41:27 text <![LOG[m", "raw"},
    {"<Date> <Time> <IP> GET /<![LOG[ - 80 - 192.0.2.9 x - 200 0 0 5", "ccm"},
    {"<Date> <Time> <IP> GET / $<X> 80 - 192.0.2.9 x - 200 0 0 5", "iis"},
    {"<02-26-2023 19:54:46> m", "setup"},
    {"<02-26-2023 19:54:46> " CCM, "ccm"},
    {"<02-26-2023 19:54:46> " SMS, "sms"},
    {"<02-26-2023 19:54:46> m $<SMS_X>", "setup"},
    {"<Sun Feb 26 19:54:46 2023> m", "setup"},
    {"<02-26-2023 19:54:46> " COPY, "setup"},
    {"<02-26-2023 19:54:46> 192.0.2.5 GET / - 80 - 192.0.2.9 x - 200 0 0 5", "setup"},
    {"2/26/2023 7:54:46 PM: Wizard Error: 1 : m", "setup"},
    {"2/26/2023 7:54:46 PM: Wizard Error: 1 : " COPY, "setup"},
    {"text  $<SMS_X>", "sms"},
    {CCM "  $<SMS_X>", "ccm"},
    {"2026-08-19 14:41:27 text  $<SMS_X>", "raw"},
    /* Windows events */
    {"<Event>", "winevent-xml"},
    {" <Event xmlns='x'>", "winevent-xml"},
    {"<Event", "winevent-xml"},
    {"<Events>", "winevent-xml"},
    {"</Events>", "winevent-xml"},
    {"<?xml version=\"1.0\"?>", "winevent-xml"},
    {"<EventData>", "raw"},
    {"<Data>x</Data></Event>", "raw"},
    {"text <Event>", "raw"},
    {"<event>", "raw"},
    {"<Event>" SMS, "winevent-xml"},
    {"<Event>" CCM, "winevent-xml"},
    {"<Event>" COPY, "winevent-xml"},
    {"<Event> 192.0.2.5 GET / - 80 - 192.0.2.9 x - 200 0 0 5", "winevent-xml"},
    {"<![LOG[<Event>", "ccm"},
    {WINEVENT, "winevent-json"},
    {" " WINEVENT " ", "winevent-json"},
    {WINEVENT "x", "raw"},
    {"{\"EventID\":1}", "raw"},
    {"{\"EventID\":1,\"Channel\":\"c\",\"Message\":\"<![LOG[x\"}", "winevent-json"},
    {"{\"EventID\":1,\"Channel\":\"c $$<A><x><thread=DB>\"}", "winevent-json"},
    {"[" WINEVENT "]", "raw"},
    {TRACE "a", "etw-csv"},
    {"7, " TRACE "a", "etw-csv"},
    {TRACE "<![LOG[", "ccm"},
    {TRACE SMS, "sms"},
    {TRACE COPY, "cmtrace-copy"},
    {TRACE "192.0.2.5 GET / - 80 - 192.0.2.9 x - 200 0 0 5", "etw-csv"},
    {"Index, Event Name, Type", "etw-csv"},
    {"Event Name, Type, Event ID", "etw-csv"},
    {"Event Name, x", "raw"},
    {SMS "<Event>", "sms"},
};

Test(probe, gives_each_line_to_its_format)
{
    struct states s;
    load(&s);
    for (size_t i = 0; i < sizeof owners / sizeof *owners; i++) {
        cmg_str line = exact_copy(cmg_str_c(owners[i].line));
        const struct cmg_decoder *d = claimed_by(s.iis[0], line);
        cr_expect(d && is_text(cmg_str_c(d->name), owners[i].decoder), "%s: %s", owners[i].line,
                  d ? d->name : "two");
        expect_one(&s, line);
        free((char *)line.ptr);
    }
}

/* ---- fixtures -------------------------------------------------------------------------------- */

static cmg_str read_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    cr_assert(f, "%s", path);
    char *block = malloc(1 << 20);
    cr_assert(block);
    size_t n = fread(block, 1, 1 << 20, f);
    fclose(f);
    return cmg_str_of(block, n);
}

/* A line as it is, and as a torn write or a rotation could leave it. */
static void expect_pieces(const struct states *s, cmg_str line, uint64_t *seed)
{
    expect_one(s, line);
    for (int i = 0; i < 40 && line.len; i++) {
        size_t from = next_random(seed) % line.len, to = next_random(seed) % (line.len + 1);
        expect_one(s, cmg_str_head(line, to));
        expect_one(s, cmg_str_cut(line, from, to));
    }
}

static size_t each_line(const struct states *s, cmg_str text, uint64_t *seed)
{
    size_t lines = 0;
    while (text.len) {
        cmg_str line = cmg_str_head(text, cmg_str_chr(text, '\n'));
        text = cmg_str_from(text, line.len + 1);
        expect_pieces(s, cmg_str_trim(line), seed);
        lines++;
    }
    return lines;
}

static size_t each_file(const struct states *s, const char *pattern)
{
    glob_t g;
    size_t lines = 0;
    uint64_t seed = 11;
    if (glob(pattern, 0, NULL, &g) != 0)
        return 0;
    for (size_t i = 0; i < g.gl_pathc; i++) {
        cmg_str text = read_file(g.gl_pathv[i]);
        lines += each_line(s, text, &seed);
        free((char *)text.ptr);
    }
    globfree(&g);
    return lines;
}

Test(probe, never_claims_a_line_of_a_fixture_twice)
{
    struct states s;
    load(&s);
    size_t lines = each_file(&s, CMG_SOURCE_DIR "/tests/golden/*/*.log");
    cr_expect_geq(lines, 100u, "only %zu lines of fixtures", lines);
    each_file(&s, CMG_SOURCE_DIR "/examples/logs/*");
}

/* ---- mixtures -------------------------------------------------------------------------------- */

static const char *const parts[] = {
    "<![LOG[",
    "]LOG]!>",
    "]LOG]!><time=\"",
    "\">",
    "<time=",
    "!",
    "]",
    "$$<",
    "$<",
    "<",
    ">",
    "SMS_X",
    "><",
    "02-26-2023 19:54:46.475+480",
    "<02-26-2023 19:54:46>",
    "<Sun Feb 26 19:54:46 2023>",
    "<thread=250 (0xFA)>",
    "$$<SMS_X><02-26-2023 19:54:46.475+480><thread=250 (0xFA)>",
    "$$<A><x><thread=DB>",
    "250 (0xFA)",
    "1 (0x1)",
    "(0x1)",
    "\t",
    " ",
    "  ",
    "\tComp\t",
    "19/02/2019 13:49:35",
    "2/26/2023 7:52:49 PM",
    ": Wizard Error: 1 : ",
    "#Fields:",
    "#Date: ",
    "2026-08-19 14:41:27 ",
    "14:41:27 ",
    "192.0.2.5 ",
    "GET / - 80 - ",
    "GET ",
    "/a ",
    "- ",
    "443 ",
    "403 7 0 11",
    "200 0 0",
    "HTTP/1.1 ",
    "<Date> <Time> ",
    "a message",
    "failed",
    "a b c",
    "<Event>",
    "<Event xmlns='x'>",
    "</Event>",
    "<Events>",
    "<?xml version='1.0'?>",
    WINEVENT,
    TRACE,
    "{\"EventID\":1,\"SourceName\":\"",
    "\"}",
    "{",
    "1, ",
    "\"",
    "Index, Event Name, Type",
    CCM,
    SMS,
    COPY,
    IIS,
};

Test(probe, never_claims_a_mixture_twice)
{
    struct states s;
    uint64_t seed = 2026;
    load(&s);
    for (int round = 0; round < 300000; round++) {
        char line[1200];
        size_t n = 0;
        for (uint32_t k = next_random(&seed) % 9; k; k--) {
            const char *p = parts[next_random(&seed) % (sizeof parts / sizeof *parts)];
            memcpy(line + n, p, strlen(p));
            n += strlen(p);
        }
        expect_one(&s, cmg_str_of(line, n));
    }
}

/* A decoder that claimed a whole line does not give it back. CCM may: text before an opener is cut
 * off and is nobody's. So may those that look further than the line. */
Test(probe, means_what_it_says)
{
    struct states s;
    uint64_t seed = 5;
    load(&s);
    for (int round = 0; round < 100000; round++) {
        char line[1200];
        size_t n = 0;
        for (uint32_t k = next_random(&seed) % 9; k; k--) {
            const char *p = parts[next_random(&seed) % (sizeof parts / sizeof *parts)];
            memcpy(line + n, p, strlen(p));
            n += strlen(p);
        }
        cmg_str text = cmg_str_of(line, n);
        struct states copy = s;
        const struct cmg_decoder *d = claimed_by(copy.iis[1], text);
        struct cmg_event ev = empty_event();
        cr_assert(d && (!d->decode || d == &cmg_decoder_ccm ||
                        d->decode(copy.iis[1], text, &ev) != CMG_NOT_MINE),
                  "%.*s", (int)n, line);
    }
}
