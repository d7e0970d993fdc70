/* SPDX-License-Identifier: Apache-2.0
 * Traces in CSV: rows by their shape, texts over several lines, times as a spreadsheet leaves them.
 */
#include "decoders/winevent.h"
#include "tests/decoding.h"
#include "tests/streams.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define HEAD                                                                                       \
    "E, T, 1, 0, 0, 2, 0, 0, 0x80, 0x10, 2, 0, , , {00000000-0000-0000-0000-000000000000}, , "
#define ROW HEAD "134180935601234567, 0, 0, "

static struct cmg_room room;

static struct cmg_event event(const char *record)
{
    struct cmg_event ev = empty_event();
    if (!room.text.cap)
        room = cmg_room_init(CMG_MAX_RECORD_DEFAULT);
    cr_assert_eq(cmg_decode(&cmg_decoder_etw_csv, NULL, &room, cmg_str_c(record), &ev), CMG_TAKEN,
                 "%s", record);
    return ev;
}

Test(etw_csv, fills_the_event)
{
    struct cmg_event ev = event("12, " ROW "a, 0x5");
    cr_expect(is_text(ev.provider, "E") && is_text(ev.code, "1") && ev.level == CMG_LEVEL_ERROR);
    cr_expect(ev.has_pid && ev.pid == 16 && ev.has_thread && ev.thread == 2);
    cr_expect(ev.time.known && ev.time.zoned);
    cr_expect_eq(ev.time.ns, INT64_C(1773619960123456700));
    cr_expect(is_text(attr_of(&ev, "param1"), "a") && is_text(attr_of(&ev, "param2"), "0x5"));
    cr_expect(is_text(attr_of(&ev, "winlog.event_name"), "T"));
    cr_expect(is_text(ev.message, "a, 0x5"));
}

Test(etw_csv, texts)
{
    static const char *const rows[][2] = {
        {"\"text \"", "text"},
        {"\"a, b\"", "a, b"},
        {"\"say \"\"no\"\"\"", "say \"no\""},
        {"\" \"\"twice \"\"\"", "twice"},
        {"\"two\r\nlines\"", "two\r\nlines"},
        {"  bare  ", "bare"},
        {"\"\"", NULL},
        {"", NULL},
        {"\"", "\""},
        {"a\"b", "a\"b"},
        {"\"open", "\"open"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[400];
        snprintf(text, sizeof text, ROW "%s", rows[i][0]);
        struct cmg_event ev = event(text);
        cmg_str v = attr_of(&ev, "param1");
        cr_expect(rows[i][1] ? is_text(v, rows[i][1]) : !v.ptr, "%zu: %.*s", i, (int)v.len, v.ptr);
    }
}

Test(etw_csv, times)
{
    static const struct {
        const char *text;
        int64_t ns; /* 0: not a time */
    } rows[] = {
        {"134180935601234567", INT64_C(1773619960123456700)},
        {"1.34180935601234567e+17", INT64_C(1773619960123456700)},
        {"1.3418093560123e+17", INT64_C(1773619960123000000)},
        {"1.341809356012e+17", 0},
        {"1.3418093560123e+16", 0},
        {"13418093560123456", 0},
        {"1341809356012345678", 0},
        {"116444735999999999", 0},
        {"116444736000000000", 0},
        {"116444736000000001", 100},
        {"999999999999999999", 0},
        {"1.34180935601x34567e+17", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[400];
        snprintf(text, sizeof text, HEAD "%s, 0, 0", rows[i].text);
        struct cmg_event ev = event(text);
        cr_expect_eq(ev.time.ns, rows[i].ns, "%zu: %lld", i, (long long)ev.time.ns);
        cr_expect_eq(ev.time.known, rows[i].ns || i == 8, "%zu", i);
        cr_expect_eq(!(ev.problems & CMG_P_BAD_TIME), ev.time.known, "%zu", i);
    }
}

Test(etw_csv, iis_rows)
{
    struct cmg_event ev = event(
        "Microsoft-Windows-IIS-Logging, Info, 6200, 0, 0, 4, 0, 0, 0x0, 1, 2, 0, , , "
        "{00000000-0000-0000-0000-000000000000}, , 134180935601234567, 0, 0, 2478079, "
        "\"2026-03-12\", \"07:12:40\", \"192.0.2.9\", \"-\", \"W3SVC1\", \"MP01\", \"192.0.2.5\", "
        "\"GET\", \"/SMS_MP/.sms_aut\", \"MPLIST\", 403, 64, 1278, 210, 15, 443, \"SMS+CCM+5.0\", "
        "\"-\", \"-\", \"HTTP/1.1\", \"mp01.contoso.example\", 7, \"\"");
    const struct cmg_http *h = &ev.http;
    cr_expect(ev.has_http && h->status == 403 && h->substatus == 7 && h->win32 == 64);
    cr_expect(h->port == 443 && h->time_taken_ms == 15);
    cr_expect(is_text(h->method, "GET") && is_text(h->stem, "/SMS_MP/.sms_aut"));
    cr_expect(is_text(h->query, "MPLIST") && is_text(h->client_ip, "192.0.2.9"));
    cr_expect(is_text(h->server_ip, "192.0.2.5") && is_text(h->user_agent, "SMS+CCM+5.0"));
    cr_expect(is_text(h->host, "mp01.contoso.example") && !h->username.len);
    cr_expect_eq(ev.level, CMG_LEVEL_WARNING);
}

/* Each of the first columns, when it is not what it should be, makes it another format's line. */
Test(etw_csv, knows_a_row_by_all_of_its_head)
{
    static const char *const bad[] = {
        "\"E\", T, 1, 0, 0, 2, 0, 0, 0x80, 1, 2, 0, , , {00000000-0000-0000-0000-000000000000}, , "
        "1, 0, 0, x",
        "E, T, x, 0, 0, 2, 0, 0, 0x80, 1, 2, 0, , , {00000000-0000-0000-0000-000000000000}, , 1, "
        "0, 0, x",
        "E, T, 1, 0, 0, 2, 0, 0, 0xZZ, 1, 2, 0, , , {00000000-0000-0000-0000-000000000000}, , 1, "
        "0, 0, x",
        "E, T, 1, 0, 0, 2, 0, 0, 0x80, 1, 2, , , , {00000000-0000-0000-0000-000000000000}, , 1, 0, "
        "0, x",
        "E, T, 1, 0, 0, 2, 0, 0, 0x80, 1, 2, 0, , , {0000}, , 1, 0, 0, x",
        "E, T, 1, 0, 0, 2, 0, 0, 0x80, 1, 2, 0, , , {00000000-0000-0000-0000-000000000000}, , x, "
        "0, 0, x",
        "E, T, 1, 0, 0, 2, 0, 0, 0x80, 1, 2, 0, , , {00000000-0000-0000-0000-000000000000}, , 1, 0",
        "1, 2, T, 1, 0, 0, 2, 0, 0, 0x80, 1, 2, 0, , , {00000000-0000-0000-0000-000000000000}, , "
        "1, 0, 0, x",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cmg_str s = exact_copy(cmg_str_c(bad[i]));
        cr_expect_not(cmg_decoder_etw_csv.probe(NULL, s), "%zu", i);
        free((char *)s.ptr);
    }
    cr_expect(cmg_decoder_etw_csv.probe(NULL, cmg_str_c(ROW)));
}

static const char log_text[] = "Index, Event Name, Type\r\n1, " ROW "\"a\"\r\n2, " ROW
                               "\"b\r\n\r\nc \"\"d\"\"\r\n\", x\r\n" ROW "\"torn\r\n" ROW
                               "\"torn\n<![LOG[m\n" ROW "\"never closed\r\nmore\r\n";

Test(etw_csv, does_not_show_how_it_was_cut)
{
    struct cmg_options opt = {.host = CMG_LIT("h"), .now_ns = fixed_clock};
    struct cmg_error err;
    struct cmg_engine *e = cmg_engine_new(&opt, &err);
    cmg_str in = cmg_str_of(log_text, sizeof log_text - 1);
    struct run whole = run_cut(e, in, NULL, 0);
    cr_expect_eq(whole.stats.bytes_records + whole.stats.bytes_skipped, in.len);
    cr_expect_eq(whole.stats.records, 5u, "%llu", (unsigned long long)whole.stats.records);
    for (size_t at = 1; at < in.len; at++) {
        uint8_t cut[2] = {(uint8_t)(at % 255 + 1), (uint8_t)(at / 3 + 1)};
        struct run r = run_cut(e, in, cut, 2);
        cr_assert(cmg_str_eq(cmg_buf_str(&r.json), cmg_buf_str(&whole.json)), "%zu", at);
        cmg_buf_done(&r.json);
    }
    cmg_buf_done(&whole.json);
    cmg_engine_free(e);
}
