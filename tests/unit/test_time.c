/* SPDX-License-Identifier: Apache-2.0
 * Dates against a table made with Python's datetime, a calendar walked day by day, and libc's
 * gmtime_r. */
#include "core/time.h"

#include <criterion/criterion.h>
#include <time.h>

static const struct {
    struct cmg_civil c;
    int64_t seconds;
} dates[] = {
    {{1970, 1, 1, 0, 0, 0, 0}, INT64_C(0)},
    {{1969, 12, 31, 23, 59, 59, 0}, INT64_C(-1)},
    {{2000, 2, 29, 12, 0, 0, 0}, INT64_C(951825600)},
    {{1900, 2, 28, 23, 59, 59, 0}, INT64_C(-2203891201)},
    {{1900, 3, 1, 0, 0, 0, 0}, INT64_C(-2203891200)},
    {{2100, 2, 28, 1, 2, 3, 0}, INT64_C(4107459723)},
    {{2100, 3, 1, 0, 0, 0, 0}, INT64_C(4107542400)},
    {{2026, 8, 19, 14, 41, 27, 0}, INT64_C(1787150487)},
    {{2024, 2, 29, 23, 59, 59, 0}, INT64_C(1709251199)},
    {{2023, 12, 31, 23, 59, 59, 0}, INT64_C(1704067199)},
    {{1678, 1, 1, 0, 0, 0, 0}, INT64_C(-9214560000)},
    {{2261, 12, 31, 23, 59, 59, 0}, INT64_C(9214646399)},
    {{2038, 1, 19, 3, 14, 8, 0}, INT64_C(2147483648)},
    {{1999, 12, 31, 0, 0, 0, 0}, INT64_C(946598400)},
    {{2027, 3, 28, 1, 0, 0, 0}, INT64_C(1806195600)},
};

static bool same(const struct cmg_civil *a, const struct cmg_civil *b)
{
    return a->year == b->year && a->month == b->month && a->day == b->day && a->hour == b->hour &&
           a->minute == b->minute && a->second == b->second && a->ns == b->ns;
}

Test(time, dates_that_python_knows)
{
    static const int32_t fractions[] = {0, 1, 113000000, 999999999};
    for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++)
        for (size_t f = 0; f < 4; f++) {
            struct cmg_civil c = dates[i].c, back;
            int64_t ns;
            c.ns = fractions[f];
            cr_assert(cmg_civil_valid(&c));
            cr_assert(cmg_civil_to_ns(&c, &ns));
            cr_assert_eq(ns, dates[i].seconds * CMG_NS_PER_S + c.ns, "row %zu", i);
            cmg_civil_from_ns(ns, &back);
            cr_assert(same(&c, &back), "row %zu", i);
        }
}

/* A day after a day, by the rule that everybody knows. */
static void next_day(struct cmg_civil *c)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (c->year % 4 == 0 && c->year % 100 != 0) || c->year % 400 == 0;
    int last = c->month == 2 && leap ? 29 : days[c->month - 1];
    if (c->day++ < last)
        return;
    c->day = 1;
    if (c->month++ < 12)
        return;
    c->month = 1;
    c->year++;
}

Test(time, every_day_that_fits)
{
    struct cmg_civil c = {1678, 1, 1, 17, 5, 59, 123456789}, back;
    int64_t want = INT64_C(-9214560000) * CMG_NS_PER_S + INT64_C(61559123456789), ns;
    for (; c.year <= 2261; next_day(&c), want += INT64_C(86400) * CMG_NS_PER_S) {
        cr_assert(cmg_civil_valid(&c), "%d-%d-%d", c.year, c.month, c.day);
        cr_assert(cmg_civil_to_ns(&c, &ns));
        cr_assert_eq(ns, want, "%d-%d-%d", c.year, c.month, c.day);
        cmg_civil_from_ns(ns, &back);
        cr_assert(same(&c, &back), "%d-%d-%d", c.year, c.month, c.day);
    }
}

Test(time, any_number_is_a_date_that_libc_agrees_with)
{
    static const int64_t edges[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX};
    uint64_t x = 88172645463325252u;
    for (int i = 0; i < 100000; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        int64_t ns = i < 7 ? edges[i] : (int64_t)x;
        time_t s = ns / CMG_NS_PER_S - (ns % CMG_NS_PER_S < 0);
        struct tm tm;
        struct cmg_civil c;
        cr_assert(gmtime_r(&s, &tm));
        cmg_civil_from_ns(ns, &c);
        cr_assert(c.year == tm.tm_year + 1900 && c.month == tm.tm_mon + 1 && c.day == tm.tm_mday &&
                      c.hour == tm.tm_hour && c.minute == tm.tm_min && c.second == tm.tm_sec,
                  "%lld", (long long)ns);
        cr_assert_eq(c.ns, (ns % CMG_NS_PER_S + CMG_NS_PER_S) % CMG_NS_PER_S);
    }
}

Test(time, what_is_no_date_is_not_valid)
{
    static const struct cmg_civil bad[] = {
        {1600, 12, 31, 0, 0, 0, 0}, {10000, 1, 1, 0, 0, 0, 0}, {2026, 0, 1, 0, 0, 0, 0},
        {2026, 13, 1, 0, 0, 0, 0},  {2026, 1, 0, 0, 0, 0, 0},  {2026, 1, 32, 0, 0, 0, 0},
        {2026, 4, 31, 0, 0, 0, 0},  {2026, 2, 29, 0, 0, 0, 0}, {1900, 2, 29, 0, 0, 0, 0},
        {2000, 2, 30, 0, 0, 0, 0},  {2026, 1, 1, 24, 0, 0, 0}, {2026, 1, 1, -1, 0, 0, 0},
        {2026, 1, 1, 0, 60, 0, 0},  {2026, 1, 1, 0, -1, 0, 0}, {2026, 1, 1, 0, 0, 60, 0},
        {2026, 1, 1, 0, 0, -1, 0},  {2026, 1, 1, 0, 0, 0, -1}, {2026, 1, 1, 0, 0, 0, 1000000000},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_not(cmg_civil_valid(&bad[i]), "row %zu", i);
    struct cmg_civil first = {1601, 1, 1, 0, 0, 0, 0}, last = {9999, 12, 31, 23, 59, 59, 999999999};
    cr_assert(cmg_civil_valid(&first));
    cr_assert(cmg_civil_valid(&last));
}

Test(time, years_that_do_not_fit_are_refused)
{
    static const struct {
        int year;
        bool fits;
    } rows[] = {{1601, false}, {1677, false}, {1678, true}, {1679, true},
                {2260, true},  {2261, true},  {2262, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cmg_civil c = {rows[i].year, 6, 15, 12, 0, 0, 0};
        int64_t ns = 42;
        cr_assert_eq(cmg_civil_to_ns(&c, &ns), rows[i].fits, "%d", rows[i].year);
        cr_assert(rows[i].fits || ns == 42);
    }
}

Test(time, written_as_rfc3339)
{
    static const struct {
        int64_t ns;
        const char *text;
    } rows[] = {
        {INT64_C(1787150487113000000), "2026-08-19T14:41:27.113Z"},
        {0, "1970-01-01T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999999999Z"},
        {1000, "1970-01-01T00:00:00.000001Z"},
        {1000000, "1970-01-01T00:00:00.001Z"},
        {INT64_C(1709251199842296400), "2024-02-29T23:59:59.842296400Z"},
        {INT64_C(1709251199842296000), "2024-02-29T23:59:59.842296Z"},
        {INT64_MIN, "1677-09-21T00:12:43.145224192Z"},
        {INT64_MAX, "2262-04-11T23:47:16.854775807Z"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[CMG_RFC3339_MAX];
        size_t n = cmg_rfc3339_write(rows[i].ns, out);
        cr_assert(n <= sizeof out);
        cr_assert(cmg_str_eq(cmg_str_of(out, n), cmg_str_c(rows[i].text)), "%.*s", (int)n, out);
    }
}

Test(time, read_as_rfc3339)
{
    static const struct {
        const char *text;
        int64_t ns;
        int offset;
    } rows[] = {
        {"2026-08-19T14:41:27.113Z", INT64_C(1787150487113000000), 0},
        {"2026-08-19 14:41:27Z", INT64_C(1787150487000000000), 0},
        {"2026-08-19t14:41:27.1z", INT64_C(1787150487100000000), 0},
        {"2026-08-19T14:41:27.113-05:00", INT64_C(1787150487113000000), -300},
        {"2026-08-19T14:41:27.113456+0530", INT64_C(1787150487113456000), 330},
        {"2024-02-29T23:59:59.123456789+14:00", INT64_C(1709251199123456789), 840},
        {"1970-01-01T00:00:00-00:00", 0, 0},
        {"1969-12-31T23:59:59.999999999+23:59", -1, 1439},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cmg_time t = {0};
        cr_assert(cmg_rfc3339_read(cmg_str_c(rows[i].text), &t), "%s", rows[i].text);
        cr_assert(t.known && t.zoned, "%s", rows[i].text);
        cr_assert_eq(t.ns, rows[i].ns, "%s", rows[i].text);
        cr_assert_eq(t.offset_min, rows[i].offset, "%s", rows[i].text);
    }
}

Test(time, what_is_not_rfc3339_leaves_the_result)
{
    static const char *const bad[] = {
        "",
        "2026",
        "2026-08-19",
        "2026-08-19T14:41",
        "2026-08-19T14:41:27",
        "2026-08-19T14:41:27.113",
        "26-08-19T14:41:27Z",
        "2026-8-19T14:41:27Z",
        "2026-08-19_14:41:27Z",
        "2026-08-19T14:41:27.1234567890Z",
        "2026-08-19T14:41:27Zx",
        "2026-08-19T14:41:27+5:00",
        "2026-08-19T14:41:27+05",
        "2026-08-19T14:41:27+24:00",
        "2026-08-19T14:41:27+05:60",
        "2026-02-29T00:00:00Z",
        "2026-08-19T24:00:00Z",
        "2026-08-19T14:41:60Z",
        "1677-12-31T00:00:00Z",
        "2262-01-01T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "-026-01-01T00:00:00Z",
        " 2026-08-19T14:41:27Z",
        "2026-08-19T14:41:27 Z",
        "2026-08-19T14.41.27Z",
        "2026-08-19T14:41:27,5Z",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct cmg_time t = {.ns = 7, .offset_min = 3};
        cr_assert_not(cmg_rfc3339_read(cmg_str_c(bad[i]), &t), "%s", bad[i]);
        cr_assert(t.ns == 7 && t.offset_min == 3 && !t.known && !t.zoned, "%s", bad[i]);
    }
}

/* Every beginning of a good one, flush against the end of its block, so that ASan sees a byte too
 * many. */
Test(time, no_beginning_is_read_too_far)
{
    static const char good[] = "2026-08-19T14:41:27.113456789+05:30";
    for (size_t n = 0; n < sizeof good - 1; n++) {
        char *copy = malloc(n ? n : 1);
        struct cmg_time t;
        memcpy(copy, good, n);
        cr_assert_not(cmg_rfc3339_read(cmg_str_of(copy, n), &t), "%zu", n);
        free(copy);
    }
}

Test(time, what_is_written_can_be_read)
{
    uint64_t x = 2463534242u;
    for (int i = 0; i < 100000; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        static const int64_t units[] = {1, 1000, 1000000, 1000000000};
        int64_t ns = (int64_t)(x % UINT64_C(9200000000000000000)) * (i % 8 < 4 ? 1 : -1);
        ns -= ns % units[i % 4];
        char out[CMG_RFC3339_MAX];
        struct cmg_time t;
        cr_assert(cmg_rfc3339_read(cmg_str_of(out, cmg_rfc3339_write(ns, out)), &t));
        cr_assert_eq(t.ns, ns);
    }
}
