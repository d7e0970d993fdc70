/* SPDX-License-Identifier: Apache-2.0
 * W3C logs: columns by #Fields or by shape, dates from elsewhere, values out of range. */
#include "tests/decoding.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const struct cmg_decoder *const iis = &cmg_decoder_iis;

#define NS    INT64_C(1000000000)
#define AUG19 (INT64_C(1787150487) * NS) /* 2026-08-19 14:41:27 */
#define DEFAULT                                                                                    \
    "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip "          \
    "cs(User-Agent) cs(Referer) "                                                                  \
    "sc-status sc-substatus sc-win32-status time-taken"
#define AT "2026-08-19 14:41:27 "

struct log {
    char state[CMG_STATE_MAX];
};

static enum cmg_take feed(struct log *log, const char *line, struct cmg_event *ev)
{
    cmg_str text = cmg_str_c(line);
    *ev = empty_event();
    bool probed = iis->probe(log->state, text);
    enum cmg_take take = iis->decode(log->state, text, ev);
    cr_assert_eq(probed, take != CMG_NOT_MINE, "%s", line);
    return take;
}

static void header(struct log *log, const char *line)
{
    struct cmg_event ev;
    cr_assert_eq(feed(log, line, &ev), CMG_SKIP, "%s", line);
}

static struct cmg_event row(struct log *log, const char *line)
{
    struct cmg_event ev;
    cr_assert_eq(feed(log, line, &ev), CMG_TAKEN, "%s", line);
    cr_assert(ev.has_http && is_text(ev.message, line));
    return ev;
}

static void expect_not(struct log *log, const char *line)
{
    struct cmg_event ev;
    cr_expect_eq(feed(log, line, &ev), CMG_NOT_MINE, "%s", line);
}

static void expect_texts(const struct cmg_http *h, const char *const expected[8], const char *line)
{
    const cmg_str got[8] = {h->server_ip, h->method,    h->stem,       h->query,
                            h->username,  h->client_ip, h->user_agent, h->host};
    for (size_t i = 0; i < 8; i++)
        cr_expect(is_text(got[i], expected[i]), "%s: %zu is %.*s", line, i, (int)got[i].len,
                  got[i].ptr);
}

static void expect_numbers(const struct cmg_http *h, const int64_t expected[5], const char *line)
{
    const int64_t got[5] = {h->port, h->status, h->substatus, h->win32, h->time_taken_ms};
    for (size_t i = 0; i < 5; i++)
        cr_expect_eq(got[i], expected[i], "%s: %zu is %ld", line, i, (long)got[i]);
}

/* ---- rows with known columns ----------------------------------------------------------------- */

static const struct {
    const char *line;
    const char *texts[8]; /* server, method, stem, query, user, client, agent, host */
    int64_t numbers[5];   /* port, status, sub-status, win32, time taken */
    enum cmg_level level;
    const char *attr, *value;
    uint32_t problems;
} known[] = {
    {AT "192.0.2.5 GET /SMS_MP/.sms_aut SITESIGNCERT 443 - 192.0.2.9 SMS+CCM+5.0 - 403 7 5 11",
     {"192.0.2.5", "GET", "/SMS_MP/.sms_aut", "SITESIGNCERT", "", "192.0.2.9", "SMS+CCM+5.0", ""},
     {443, 403, 7, 5, 11},
     CMG_LEVEL_WARNING,
     0,
     0,
     0},
    {AT "fe80::1%5 GET / - 80 CONTOSO\\x fe80::2%5 ccmhttp https://a.contoso.example/ 200 0 0 0",
     {"fe80::1%5", "GET", "/", "", "CONTOSO\\x", "fe80::2%5", "ccmhttp", ""},
     {80, 200, 0, 0, 0},
     CMG_LEVEL_INFO,
     "cs(Referer)",
     "https://a.contoso.example/",
     0},
    {AT "::1 POST /a $filter={}<empty>;#[] 444  ::1 x - 500 0 2148074254 1",
     {"::1", "POST", "/a", "$filter={}<empty>;#[]", "", "::1", "x", ""},
     {444, 500, 0, INT64_C(2148074254), 1},
     CMG_LEVEL_ERROR,
     0,
     0,
     0},
    {AT "::1 POST /a - 444  CONTOSO\\x ::1 x - 401 1 0 1",
     {"::1", "POST", "/a", "", "CONTOSO\\x", "::1", "x", ""},
     {444, 401, 1, 0, 1},
     CMG_LEVEL_WARNING,
     0,
     0,
     0},
    {AT "::1 GET / - 80 - ::1 x - 0 0 64 1 ",
     {"::1", "GET", "/", "", "", "::1", "x", ""},
     {80, 0, 0, 64, 1},
     CMG_LEVEL_INFO,
     0,
     0,
     0},
    {AT "- - - - - - - - - - - - -",
     {"", "", "", "", "", "", "", ""},
     {-1, -1, -1, -1, -1},
     CMG_LEVEL_NONE,
     0,
     0,
     0},
    {AT "::1 GET / - 80 - ::1 x - 200 0 9223372036854775807 1",
     {"::1", "GET", "/", "", "", "::1", "x", ""},
     {80, 200, 0, INT64_MAX, 1},
     CMG_LEVEL_INFO,
     0,
     0,
     0},
    {AT "::1 GET / - 80 - ::1 x - 200 0 9223372036854775808 1",
     {"::1", "GET", "/", "", "", "::1", "x", ""},
     {80, 200, 0, -1, 1},
     CMG_LEVEL_INFO,
     "sc-win32-status",
     "9223372036854775808",
     CMG_P_BAD_ATTRIBUTE},
    {AT "::1 GET / - 80 - ::1 x - 2147483647 0 0 1",
     {"::1", "GET", "/", "", "", "::1", "x", ""},
     {80, INT32_MAX, 0, 0, 1},
     CMG_LEVEL_ERROR,
     0,
     0,
     0},
    {AT "::1 GET / - 80 - ::1 x - 2147483648 0 0 1",
     {"::1", "GET", "/", "", "", "::1", "x", ""},
     {80, -1, 0, 0, 1},
     CMG_LEVEL_NONE,
     "sc-status",
     "2147483648",
     CMG_P_BAD_ATTRIBUTE},
    {AT "::1 GET / - 80 - ::1 x - 399 0 0 1",
     {"::1", "GET", "/", "", "", "::1", "x", ""},
     {80, 399, 0, 0, 1},
     CMG_LEVEL_INFO,
     0,
     0,
     0},
    {AT "::1 GET / - 80 - ::1 x - 400 0 0 1",
     {"::1", "GET", "/", "", "", "::1", "x", ""},
     {80, 400, 0, 0, 1},
     CMG_LEVEL_WARNING,
     0,
     0,
     0},
    {AT "::1 GET / - 80 - ::1 x - 499 0 0 1",
     {"::1", "GET", "/", "", "", "::1", "x", ""},
     {80, 499, 0, 0, 1},
     CMG_LEVEL_WARNING,
     0,
     0,
     0},
    /* cut short */
    {AT "::1 GET /lo",
     {"::1", "GET", "/lo", "", "", "", "", ""},
     {-1, -1, -1, -1, -1},
     CMG_LEVEL_NONE,
     0,
     0,
     CMG_P_PARTIAL_TAIL},
};

Test(iis, reads_rows_by_their_columns)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct log log = {{0}};
        header(&log, DEFAULT " ");
        struct cmg_event ev = row(&log, known[i].line);
        expect_texts(&ev.http, known[i].texts, known[i].line);
        expect_numbers(&ev.http, known[i].numbers, known[i].line);
        cr_expect(ev.time.known && ev.time.zoned && ev.time.ns == AUG19 && !ev.time.offset_min,
                  "%s", known[i].line);
        cr_expect_eq(ev.level, known[i].level, "%s", known[i].line);
        cr_expect_eq(ev.problems, known[i].problems, "%s: %x", known[i].line, ev.problems);
        cr_expect(!known[i].attr || is_text(attr_of(&ev, known[i].attr), known[i].value), "%s",
                  known[i].line);
    }
}

Test(iis, follows_fields_that_change)
{
    struct log log = {{0}};
    header(&log, "#Software: Microsoft Internet Information Services 10.0");
    header(&log, "#Version: 1.0");
    header(&log, "#Remark: anything");
    header(&log, "#Fields: date time cs-uri-stem sc-status");
    cr_expect_eq(row(&log, AT "/a 200").http.status, 200);
    header(&log, "#Fields: date time sc-status X-Forwarded-For cs-uri-stem OriginalIP");
    struct cmg_event ev = row(&log, AT "404 192.0.2.1,+192.0.2.2 /b -");
    cr_expect_eq(ev.http.status, 404);
    cr_expect(is_text(ev.http.stem, "/b"));
    cr_expect(is_text(attr_of(&ev, "X-Forwarded-For"), "192.0.2.1,+192.0.2.2"));
    cr_expect_eq(ev.attrs, 1, "an empty value is no attribute");
    expect_not(&log, AT "/a 200 more columns than there are names");
    header(&log, "#Fields:");
    expect_not(&log, AT "404 192.0.2.1,+192.0.2.2 /b -");
}

Test(iis, takes_the_date_from_the_header)
{
    struct log log = {{0}};
    header(&log, "#Fields: time s-ip cs-method cs-uri-stem sc-status");
    struct cmg_event ev = row(&log, "14:41:27 ::1 GET / 200");
    cr_expect(!ev.time.known && is_text(attr_of(&ev, "time.text"), "14:41:27"));
    header(&log, "#Date: 2026-08-19 00:00:00");
    ev = row(&log, "14:41:27 ::1 GET / 200");
    cr_expect(ev.time.known && ev.time.zoned && ev.time.ns == AUG19);
    cr_expect_eq(ev.attrs, 0);
    header(&log, "#Date: unknown");
    cr_expect(!row(&log, "14:41:27 ::1 GET / 200").time.known);
}

Test(iis, marks_a_date_that_is_none)
{
    struct log log = {{0}};
    header(&log, "#Fields: date time cs-uri-stem sc-status");
    struct cmg_event ev = row(&log, "2026-02-30 14:41:27 / 200");
    cr_expect(!ev.time.known && !ev.time.zoned && ev.problems == CMG_P_BAD_TIME);
    cr_expect(is_text(attr_of(&ev, "time.text"), "14:41:27"));
    expect_not(&log, "30.02.2026 14:41:27 / 200");
    expect_not(&log, "2026-02-20 14:41 / 200");
    expect_not(&log, "2026-02-20 14:41:27 / ok");
}

Test(iis, reads_httperr)
{
    struct log log = {{0}};
    header(&log, "#Software: Microsoft HTTP API 2.0");
    header(&log, "#Fields: date time c-ip c-port s-ip s-port cs-version cs-method cs-uri sc-status "
                 "s-siteid s-reason "
                 "s-queuename");
    struct cmg_event ev = row(
        &log, AT "192.0.2.1 2094 192.0.2.2 443 HTTP/1.1 GET /qos/1.txt?a=b?c 503 - ConnLimit -");
    expect_texts(
        &ev.http,
        (const char *const[8]){"192.0.2.2", "GET", "/qos/1.txt", "a=b?c", "", "192.0.2.1", "", ""},
        "");
    expect_numbers(&ev.http, (const int64_t[5]){443, 503, -1, -1, -1}, "");
    cr_expect(is_text(attr_of(&ev, "s-reason"), "ConnLimit"));
    cr_expect(is_text(attr_of(&ev, "c-port"), "2094"));
    ev = row(&log, AT "192.0.2.1 2094 192.0.2.2 443 - - - - - Timer_MinBytesPerSecond -");
    cr_expect_eq(ev.level, CMG_LEVEL_NONE);
}

/* ---- caps ------------------------------------------------------------------------------------ */

Test(iis, caps_the_columns)
{
    for (size_t columns = 63; columns <= 65; columns++) {
        struct log log = {{0}};
        char fields[1024] = "#Fields: date time", line[1024] = "2026-08-19 14:41:27";
        size_t f = strlen(fields), n = strlen(line);
        for (size_t i = 2; i < columns; i++) {
            f += (size_t)snprintf(fields + f, sizeof fields - f, " x%zu", i);
            n += (size_t)snprintf(line + n, sizeof line - n, " %s", i < 5 ? "v" : "-");
        }
        header(&log, fields);
        if (columns > 64) {
            expect_not(&log, line);
            continue;
        }
        struct cmg_event ev = row(&log, line);
        cr_expect_eq(ev.attrs, 3);
        cr_expect(is_text(attr_of(&ev, "x4"), "v"));
    }
}

Test(iis, caps_the_names)
{
    for (size_t total = 1599; total <= 1601; total++) {
        struct log log = {{0}};
        char fields[2048] = "#Fields: date time ", first[2048];
        size_t f = strlen(fields);
        memset(fields + f, 'a', 1500);
        f += 1500;
        snprintf(fields + f, sizeof fields - f, " %.*s sc-status", (int)(total - 1500),
                 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
                 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
        header(&log, fields);
        struct cmg_event ev = row(&log, AT "1 2 200");
        memset(first, 'a', 1500);
        first[1500] = '\0';
        cr_expect(is_text(attr_of(&ev, first), "1"));
        cr_expect_eq(ev.attrs, total <= 1600 ? 2 : 1);
        cr_expect_eq(ev.problems, total <= 1600 ? 0u : CMG_P_ATTRS_LOST);
        cr_expect_eq(ev.http.status, 200);
    }
}

/* ---- rows without a header ------------------------------------------------------------------- */

static const struct {
    const char *line;
    const char *texts[8];
    int64_t numbers[5];
    bool dated;
    const char *referer, *sent, *received;
} guessed[] = {
    {"<Date> <Time> <IP_address_of_MP> GET /SMS_MP/.sms_aut SITESIGNCERT 443 - "
     "<IP_address_of_CMG_connectionpoint> "
     "SMS+CCM+5.0 - 403 7 0 5573 11",
     {"<IP_address_of_MP>", "GET", "/SMS_MP/.sms_aut", "SITESIGNCERT", "",
      "<IP_address_of_CMG_connectionpoint>", "SMS+CCM+5.0", ""},
     {443, 403, 7, 0, 11},
     false,
     0,
     "5573",
     0},
    {AT "192.0.2.5 GET / q=100 80 - 192.0.2.9 Mozilla/5.0+(x) - 200 0 0 123",
     {"192.0.2.5", "GET", "/", "q=100", "", "192.0.2.9", "Mozilla/5.0+(x)", ""},
     {80, 200, 0, 0, 123},
     true,
     0,
     0,
     0},
    {AT "W3SVC1 WEB1 192.0.2.5 CCM_POST /ccm_system/request - 80 - 192.0.2.9 HTTP/1.1 ccmhttp - - "
        "mp.contoso.example "
        "200 0 0 123 456 789",
     {"192.0.2.5", "CCM_POST", "/ccm_system/request", "", "", "192.0.2.9", "ccmhttp",
      "mp.contoso.example"},
     {80, 200, 0, 0, 789},
     true,
     0,
     "123",
     "456"},
    {AT "W3SVC1 GET /a - 80 - 192.0.2.9 x - https://ref.contoso.example/ - 200 0 0 5",
     {"", "GET", "/a", "", "", "192.0.2.9", "x", ""},
     {80, 200, 0, 0, 5},
     true,
     "https://ref.contoso.example/",
     0,
     0},
    {"WEB1 192.0.2.5 GET /CCM_STS - 443 - HTTP/1.1 python/2 - - 192.0.2.9 404 0 2 1477 154 15",
     {"192.0.2.5", "GET", "/CCM_STS", "", "", "", "python/2", "192.0.2.9"},
     {443, 404, 0, 2, 15},
     false,
     0,
     "1477",
     "154"},
    {AT "192.0.2.5 GET / - 80 - 192.0.2.9 x - 200 0 0",
     {"192.0.2.5", "GET", "/", "", "", "192.0.2.9", "x", ""},
     {80, 200, 0, 0, -1},
     true,
     0,
     0,
     0},
    {AT "::1 POST /ews - 444  CONTOSO\\x ::1 agent - 200 0 0 15",
     {"::1", "POST", "/ews", "", "CONTOSO\\x", "::1", "agent", ""},
     {444, 200, 0, 0, 15},
     true,
     0,
     0,
     0},
    {AT "192.0.2.5 OPTIONS * - 80 - 192.0.2.9 x https://ref.contoso.example/ 200 0 0 1 192.0.2.77",
     {"192.0.2.5", "OPTIONS", "*", "", "", "192.0.2.9", "x", ""},
     {80, 200, 0, 0, 1},
     true,
     "https://ref.contoso.example/",
     0,
     0},
};

Test(iis, reads_rows_by_their_shape)
{
    for (size_t i = 0; i < sizeof guessed / sizeof *guessed; i++) {
        struct log log = {{0}};
        struct cmg_event ev = row(&log, guessed[i].line);
        expect_texts(&ev.http, guessed[i].texts, guessed[i].line);
        expect_numbers(&ev.http, guessed[i].numbers, guessed[i].line);
        cr_expect_eq(ev.time.known, guessed[i].dated, "%s", guessed[i].line);
        cr_expect(!guessed[i].dated || (ev.time.zoned && ev.time.ns == AUG19), "%s",
                  guessed[i].line);
        cr_expect(is_text(attr_of(&ev, "cs(Referer)"), guessed[i].referer), "%s", guessed[i].line);
        cr_expect(is_text(attr_of(&ev, "sc-bytes"), guessed[i].sent), "%s", guessed[i].line);
        cr_expect(is_text(attr_of(&ev, "cs-bytes"), guessed[i].received), "%s", guessed[i].line);
        cr_expect(is_text(attr_of(&ev, "columns"), "guessed"), "%s", guessed[i].line);
        cr_expect_eq(ev.problems, 0, "%s", guessed[i].line);
    }
}

/* A row that does not fit the header (from another server, say) is read by its shape, not cut to
 * the columns. */
Test(iis, prefers_a_shape_to_missing_columns)
{
    struct log log = {{0}};
    header(&log, "#Fields: date time a b c d e f g h i j k l m n o p q r");
    struct cmg_event ev = row(&log, AT "192.0.2.5 GET / - 80 - 192.0.2.9 x - 200 0 0 5");
    cr_expect(is_text(attr_of(&ev, "columns"), "guessed") && ev.problems == 0);
}

Test(iis, leaves_other_text_alone)
{
    static const char *const others[] = {
        "",
        "text",
        "#",
        "# comment",
        "#Fields",
        "#Other: x",
        "2026-08-19 14:41:27, Info CBS text",
        AT,
        AT "text",
        "GET /a - 80 - 192.0.2.9 x - 200 0 0 5",
        "Sending GET /a to the server at port 80 and got 200 0 0",
        AT "192.0.2.5 get / - 80 - 192.0.2.9 x - 200 0 0 5",
        AT "192.0.2.5 GET a - 80 - 192.0.2.9 x - 200 0 0 5",
        AT "192.0.2.5 GET / - http - 192.0.2.9 x - 200 0 0 5",
        AT "192.0.2.5 GET / - 80 - 192.0.2.9 x - 600 0 0 5",
        AT "192.0.2.5 GET / - 80 - 192.0.2.9 x - 200 0 - 5",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct log log = {{0}};
        expect_not(&log, others[i]);
    }
}

Test(iis, has_a_memory_of_limited_size)
{
    cr_expect_leq(iis->state_size, (size_t)CMG_STATE_MAX);
}
