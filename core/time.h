/* SPDX-License-Identifier: Apache-2.0
 * Dates without libc: no locale, no TZ, no allocation. Proleptic Gregorian, years 1601 to 9999. */
#ifndef CMG_CORE_TIME_H
#define CMG_CORE_TIME_H

#include "core/str.h"

#define CMG_NS_PER_S INT64_C(1000000000)
enum { CMG_RFC3339_MAX = 36 };

struct cmg_civil {
    int year, month, day, hour, minute, second;
    int32_t ns;
};

/* The decimal digits of v < 100. */
extern const char cmg_pairs[200];
static inline void cmg_put2(char *p, unsigned v)
{
    memcpy(p, cmg_pairs + 2 * (size_t)v, 2);
}

/* True when every part is in range for a real day (29 February only in leap years; second <= 59).
 */
bool cmg_civil_valid(const struct cmg_civil *c);
/* Nanoseconds since 1970-01-01T00:00:00 of the same clock. Valid input only. Years before 1678 or
 * past 2261 do not fit and give false. */
CMG_MUST_USE bool cmg_civil_to_ns(const struct cmg_civil *c, int64_t *ret_ns);
void cmg_civil_from_ns(int64_t ns, struct cmg_civil *ret);

/* "2026-08-19T14:41:27.113Z": 3 fraction digits, or 6 or 9 where the time needs them. Writes at
 * most CMG_RFC3339_MAX bytes, no NUL; returns how many. */
size_t cmg_rfc3339_write(int64_t ns, char out[CMG_RFC3339_MAX]);
/* Z, +hh:mm, -hhmm; 0 to 9 fraction digits; 'T' or space. False leaves *ret. */
CMG_MUST_USE bool cmg_rfc3339_read(cmg_str s, struct cmg_time *ret);

#endif
