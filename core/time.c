/* SPDX-License-Identifier: Apache-2.0
 * Civil dates and nanoseconds since 1970, by integer arithmetic alone.
 *
 * A year is counted from 1 March, so that the leap day is its last one, and the calendar repeats
 * every 400 years of 146,097 days; both directions then need no table and no loop. */
#include "core/time.h"

#define NS_PER_DAY (INT64_C(86400) * CMG_NS_PER_S)
enum {
    DAYS_PER_ERA = 146097, /* 400 years */
    EPOCH_DAY = 719468,    /* 1970-01-01 counted from 0000-03-01 */
    YEAR_MIN = 1601,
    YEAR_MAX = 9999,
    NS_YEAR_MIN = 1678, /* whole years that an int64_t of nanoseconds can hold */
    NS_YEAR_MAX = 2261,
};

static bool is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int month_days(int year, int month)
{
    static const signed char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year));
}

static bool clock_valid(const struct cmg_civil *c)
{
    return c->hour >= 0 && c->hour <= 23 && c->minute >= 0 && c->minute <= 59 && c->second >= 0 &&
           c->second <= 59 && c->ns >= 0 && c->ns < CMG_NS_PER_S;
}

bool cmg_civil_valid(const struct cmg_civil *c)
{
    return c->year >= YEAR_MIN && c->year <= YEAR_MAX && c->month >= 1 && c->month <= 12 &&
           c->day >= 1 && c->day <= month_days(c->year, c->month) && clock_valid(c);
}

/* Days since 1970-01-01, and back below: Neri and Schneider, "Euclidean affine functions and their
 * application to calendar algorithms" (2023). */
static inline int64_t days_of(int year, int month, int day)
{
    unsigned y = (unsigned)(year - (month <= 2)), century = y / 100;
    unsigned m = (unsigned)(month > 2 ? month : month + 12);
    unsigned days = 1461 * y / 4 - century + century / 4 + (979 * m - 2919) / 32 + (unsigned)day;
    return (int64_t)days - (EPOCH_DAY + 1);
}

bool cmg_civil_to_ns(const struct cmg_civil *c, int64_t *ret_ns)
{
    if (c->year < NS_YEAR_MIN || c->year > NS_YEAR_MAX)
        return false;
    int64_t s =
        days_of(c->year, c->month, c->day) * 86400 + c->hour * 3600 + c->minute * 60 + c->second;
    *ret_ns = s * CMG_NS_PER_S + c->ns;
    return true;
}

/* By multiplication instead of three divisions. Never negative: the earliest int64_t is in 1677. */
static inline void date_of(int64_t days, struct cmg_civil *ret)
{
    enum { YEAR_STEP = 2939745, MONTH_STEP = 2141, TO_JANUARY = 306 };
    uint32_t quarters = 4 * (uint32_t)(days + EPOCH_DAY) + 3;
    uint32_t century = quarters / DAYS_PER_ERA;
    uint64_t in_century = (uint64_t)YEAR_STEP * (quarters % DAYS_PER_ERA | 3);
    uint32_t of_year = (uint32_t)in_century / YEAR_STEP / 4;
    uint32_t months = MONTH_STEP * of_year + 197913;
    int later = of_year >= TO_JANUARY; /* January and February belong to the year that follows */
    ret->year = (int)(100 * century + (uint32_t)(in_century >> 32)) + later;
    ret->month = (int)(months >> 16) - 12 * later;
    ret->day = (int)((months & 0xFFFF) / MONTH_STEP) + 1;
}

static inline void civil_of(int64_t ns, struct cmg_civil *ret)
{
    int64_t days = ns / NS_PER_DAY, rest = ns % NS_PER_DAY;
    if (rest < 0) {
        rest += NS_PER_DAY;
        days--;
    }
    date_of(days, ret);
    uint32_t s = (uint32_t)((uint64_t)rest / CMG_NS_PER_S);
    ret->ns = (int32_t)((uint64_t)rest % CMG_NS_PER_S);
    ret->hour = (int)(s / 3600);
    ret->minute = (int)(s / 60 % 60);
    ret->second = (int)(s % 60);
}

void cmg_civil_from_ns(int64_t ns, struct cmg_civil *ret)
{
    civil_of(ns, ret);
}

/* ---- text --------------------------------------------------------------------------------- */

const char cmg_pairs[200] = "00010203040506070809101112131415161718192021222324252627282930313233"
                            "34353637383940414243444546474849505152535455565758596061626364656667"
                            "6869707172737475767778798081828384858687888990919293949596979899";

static inline void put3(char *p, unsigned v)
{
    p[0] = (char)('0' + v / 100);
    cmg_put2(p + 1, v % 100);
}

static inline char *put_fraction(char *p, uint32_t ns)
{
    uint32_t ms = ns / 1000000, rest = ns % 1000000;
    *p++ = '.';
    put3(p, ms);
    p += 3;
    if (rest == 0)
        return p;
    put3(p, rest / 1000);
    p += 3;
    if (rest % 1000 == 0)
        return p;
    put3(p, rest % 1000);
    return p + 3;
}

size_t cmg_rfc3339_write(int64_t ns, char out[CMG_RFC3339_MAX])
{
    struct cmg_civil c;
    civil_of(ns, &c);
    memcpy(out, "0000-00-00T00:00:00", 19);
    cmg_put2(out, (unsigned)c.year / 100);
    cmg_put2(out + 2, (unsigned)c.year % 100);
    cmg_put2(out + 5, (unsigned)c.month);
    cmg_put2(out + 8, (unsigned)c.day);
    cmg_put2(out + 11, (unsigned)c.hour);
    cmg_put2(out + 14, (unsigned)c.minute);
    cmg_put2(out + 17, (unsigned)c.second);
    char *p = put_fraction(out + 19, (uint32_t)c.ns);
    *p++ = 'Z';
    return (size_t)(p - out);
}

/* Exactly `n` digits at the front of *s, which moves on. -1: they are not there. */
static int take_digits(cmg_str *s, size_t n)
{
    int v = 0;
    if (s->len < n)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (!cmg_is_digit(s->ptr[i]))
            return -1;
        v = v * 10 + (s->ptr[i] - '0');
    }
    *s = cmg_str_from(*s, n);
    return v;
}

static bool take_char(cmg_str *s, const char *any_of)
{
    if (!s->len || !s->ptr[0] || !strchr(any_of, s->ptr[0]))
        return false;
    *s = cmg_str_from(*s, 1);
    return true;
}

static bool take_date(cmg_str *s, struct cmg_civil *c)
{
    c->year = take_digits(s, 4);
    if (c->year < 0 || !take_char(s, "-"))
        return false;
    c->month = take_digits(s, 2);
    if (c->month < 0 || !take_char(s, "-"))
        return false;
    c->day = take_digits(s, 2);
    return c->day >= 0;
}

static bool take_clock(cmg_str *s, struct cmg_civil *c)
{
    c->hour = take_digits(s, 2);
    if (c->hour < 0 || !take_char(s, ":"))
        return false;
    c->minute = take_digits(s, 2);
    if (c->minute < 0 || !take_char(s, ":"))
        return false;
    c->second = take_digits(s, 2);
    return c->second >= 0;
}

/* 0 to 9 digits behind the point; more are refused rather than rounded. */
static bool take_fraction(cmg_str *s, int32_t *ret_ns)
{
    int32_t ns = 0, scale = 100000000;
    if (!take_char(s, ".")) {
        *ret_ns = 0;
        return true;
    }
    while (s->len && cmg_is_digit(s->ptr[0])) {
        if (scale == 0)
            return false;
        ns += (s->ptr[0] - '0') * scale;
        scale /= 10;
        *s = cmg_str_from(*s, 1);
    }
    *ret_ns = ns;
    return true;
}

/* Z, +hh:mm or +hhmm, and nothing behind it. */
static bool take_offset(cmg_str s, int16_t *ret_minutes)
{
    if (take_char(&s, "Zz")) {
        *ret_minutes = 0;
        return s.len == 0;
    }
    bool west = s.len && s.ptr[0] == '-';
    if (!take_char(&s, "+-"))
        return false;
    int h = take_digits(&s, 2);
    (void)take_char(&s, ":");
    int m = take_digits(&s, 2);
    if (h < 0 || h > 23 || m < 0 || m > 59 || s.len)
        return false;
    *ret_minutes = (int16_t)(west ? -(h * 60 + m) : h * 60 + m);
    return true;
}

bool cmg_rfc3339_read(cmg_str s, struct cmg_time *ret)
{
    struct cmg_civil c;
    struct cmg_time t = {.known = true, .zoned = true};
    if (!take_date(&s, &c) || !take_char(&s, "Tt ") || !take_clock(&s, &c))
        return false;
    if (!take_fraction(&s, &c.ns) || !take_offset(s, &t.offset_min))
        return false;
    if (!cmg_civil_valid(&c) || !cmg_civil_to_ns(&c, &t.ns))
        return false;
    *ret = t;
    return true;
}
