/* SPDX-License-Identifier: Apache-2.0
 * Time zones by localtime_r(3). mktime(3) is not used: for an hour that occurs twice glibc answers
 * by what it was asked before, and the same log must give the same records in every run. */
#include "cli/tz.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { ZONE_NAME_MAX = 64, DAY = 86400 };

/* A fixed offset, or the C library's zone. */
static struct {
    bool fixed;
    int minutes;
    /* The last answer: minutes since 1970 times 4096, plus offset + 2048. Zones of today change on
     * whole minutes. One word, so that threads need no lock. */
    _Atomic int64_t last;
} zone = {.fixed = true};

/* The two or four digits behind the sign; a colon may part them. Returns how many, 0: malformed. */
static size_t take_digits(cmg_str s, char digits[4])
{
    size_t n = 0;
    for (size_t i = 1; i < s.len; i++) {
        if (i == 3 && s.ptr[i] == ':' && s.len == 6)
            continue;
        if (!cmg_is_digit(s.ptr[i]) || n == 4)
            return 0;
        digits[n++] = s.ptr[i];
    }
    return n == 2 || n == 4 ? n : 0;
}

/* "+02:00", "-0530", "+02": false for anything else. */
static bool read_offset(cmg_str s, int *ret)
{
    char digits[4] = "";
    if (!s.len || (s.ptr[0] != '+' && s.ptr[0] != '-'))
        return false;
    size_t n = take_digits(s, digits);
    if (!n)
        return false;
    int hours = (digits[0] - '0') * 10 + digits[1] - '0';
    int minutes = n == 4 ? (digits[2] - '0') * 10 + digits[3] - '0' : 0;
    if (hours > 14 || minutes > 59)
        return false;
    *ret = (hours * 60 + minutes) * (s.ptr[0] == '-' ? -1 : 1);
    return true;
}

static bool is_utc(cmg_str s)
{
    return cmg_str_ieq(s, CMG_LIT("UTC")) || cmg_str_ieq(s, CMG_LIT("Z"));
}

/* Only names of the zone database, not paths out of it. */
static bool is_name(cmg_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!cmg_is_alnum(s.ptr[i]) && !strchr("/_-+", s.ptr[i]))
            return false;
    return s.len && s.len < ZONE_NAME_MAX && cmg_is_alnum(s.ptr[0]);
}

static bool is_known(cmg_str s)
{
    char path[512], head[4] = "";
    const char *folder = getenv("TZDIR");
    snprintf(path, sizeof path, "%s/%.*s", folder && folder[0] ? folder : "/usr/share/zoneinfo",
             (int)s.len, s.ptr);
    FILE *f = fopen(path, "rbe");
    if (!f)
        return false;
    size_t n = fread(head, 1, sizeof head, f);
    fclose(f);
    return n == sizeof head && memcmp(head, "TZif", sizeof head) == 0;
}

bool cmg_tz_check(cmg_str s)
{
    int ignored;
    return is_utc(s) || cmg_str_eq(s, CMG_LIT("local")) || read_offset(s, &ignored) ||
           (is_name(s) && is_known(s));
}

enum cmg_rc cmg_tz_open(const char *name)
{
    cmg_str s = cmg_str_c(name);
    int minutes = 0;
    zone.fixed = is_utc(s) || read_offset(s, &minutes);
    zone.minutes = minutes;
    atomic_store(&zone.last, INT64_MIN);
    if (!zone.fixed && !cmg_str_eq(s, CMG_LIT("local")) && setenv("TZ", name, 1) != 0)
        return CMG_ENOMEM;
    tzset();
    return CMG_OK;
}

/* Seconds east of UTC at a moment. */
static long offset_at(int64_t utc)
{
    struct tm tm;
    time_t t = (time_t)utc;
    return localtime_r(&t, &tm) ? tm.tm_gmtoff : 0;
}

/* The offsets of a day before and a day after are the two that can be meant. */
static long find_offset(int64_t local)
{
    long before = offset_at(local - DAY), after = offset_at(local + DAY);
    if (offset_at(local - before) == before || offset_at(local - after) != after)
        return before;
    return after;
}

int cmg_tz_offset(void *user, int64_t local_seconds)
{
    (void)user;
    if (zone.fixed)
        return zone.minutes;
    int64_t minute = local_seconds / 60 * 4096,
            last = atomic_load_explicit(&zone.last, memory_order_relaxed);
    if (last >= minute && last - minute < 4096)
        return (int)(last - minute) - 2048;
    int offset = (int)(find_offset(local_seconds) / 60);
    atomic_store_explicit(&zone.last, minute + offset + 2048, memory_order_relaxed);
    return offset;
}
