/* SPDX-License-Identifier: Apache-2.0
 * What the decoders share: times as Windows programs write them, and the marks that tell the
 * formats apart. */
#include "decoders/scan.h"

/* ---- times ----------------------------------------------------------------------------------- */

bool cmg_event_set_time(struct cmg_event *ev, const struct cmg_civil *c)
{
    ev->time.known = cmg_civil_valid(c) && cmg_civil_to_ns(c, &ev->time.ns);
    if (!ev->time.known)
        ev->problems |= CMG_P_BAD_TIME;
    return ev->time.known;
}

/* "HH:MM:SS." as nearly every record has it. */
static inline bool scan_usual_clock(cmg_str *s, struct cmg_clock *c)
{
    int part[3];
    if (s->len < 12 || s->ptr[8] != '.' || !cmg_scan_pairs(s->ptr, ':', part))
        return false;
    c->hour = part[0];
    c->minute = part[1];
    c->second = part[2];
    *s = cmg_str_from(*s, 8);
    return true;
}

/* H:MM:SS, or with points as in Finnish locales. */
static bool scan_any_clock(cmg_str *s, struct cmg_clock *c)
{
    cmg_str r = *s;
    if (!cmg_scan_int(&r, 1, 2, &c->hour) || !r.len)
        return false;
    char sep = r.ptr[0];
    c->dots = sep == '.';
    if ((sep != ':' && sep != '.') || !cmg_scan_char(&r, sep) ||
        !cmg_scan_int(&r, 1, 2, &c->minute) || !cmg_scan_char(&r, sep) ||
        !cmg_scan_int(&r, 1, 2, &c->second))
        return false;
    *s = r;
    return true;
}

static void scan_offset(cmg_str s, struct cmg_clock *c)
{
    size_t sign = 0;
    if (s.len && s.ptr[0] == ' ')
        sign = 1;
    while (s.len > sign && sign < 2 && (s.ptr[sign] == '+' || s.ptr[sign] == '-'))
        sign++;
    cmg_str digits = cmg_str_from(s, sign);
    if (!sign || !digits.len || digits.len > 5 || cmg_count_digits(digits) != digits.len) {
        c->rest = s;
        return;
    }
    c->sign = cmg_str_head(s, sign);
    c->offset = digits;
}

bool cmg_scan_clock(cmg_str s, struct cmg_clock *ret)
{
    struct cmg_clock c = {0};
    if (!scan_usual_clock(&s, &c) && !scan_any_clock(&s, &c))
        return false;
    if (s.len && s.ptr[0] == '.') {
        s = cmg_str_from(s, 1);
        c.fraction = cmg_str_head(s, cmg_count_digits(s));
        s = cmg_str_from(s, c.fraction.len);
    }
    if (s.len)
        scan_offset(s, &c);
    *ret = c;
    return true;
}

int32_t cmg_fraction_ns(cmg_str digits)
{
    int32_t v = 0;
    size_t n = 0;
    for (; n < 9 && n < digits.len; n++)
        v = v * 10 + (digits.ptr[n] - '0');
    for (; n < 9; n++)
        v *= 10;
    return v;
}

bool cmg_scan_mdy(cmg_str *s, struct cmg_civil *ret)
{
    cmg_str r = *s;
    int month, day, year;
    if (!cmg_scan_int(&r, 1, 2, &month) || !cmg_scan_char(&r, '-') ||
        !cmg_scan_int(&r, 1, 2, &day) || !cmg_scan_char(&r, '-') || !cmg_scan_int(&r, 4, 4, &year))
        return false;
    ret->month = month;
    ret->day = day;
    ret->year = year;
    *s = r;
    return true;
}

/* Three letters of a table of such names: 1 for the first, 0 for none. */
static int scan_name(cmg_str *s, const char *names)
{
    for (int i = 0; names[3 * i]; i++) {
        if (s->len >= 3 && memcmp(s->ptr, names + 3 * i, 3) == 0) {
            *s = cmg_str_from(*s, 3);
            return i + 1;
        }
    }
    return 0;
}

/* "17:09:02" or "12:23:46.229". */
static bool scan_clock_part(cmg_str *s, struct cmg_civil *c)
{
    cmg_str r = *s;
    if (!cmg_scan_int(&r, 1, 2, &c->hour) || !cmg_scan_char(&r, ':') ||
        !cmg_scan_int(&r, 2, 2, &c->minute) || !cmg_scan_char(&r, ':') ||
        !cmg_scan_int(&r, 2, 2, &c->second))
        return false;
    c->ns = 0;
    cmg_str digits = r;
    if (cmg_scan_char(&digits, '.') && cmg_count_digits(digits)) {
        digits = cmg_str_head(digits, cmg_count_digits(digits));
        c->ns = cmg_fraction_ns(digits);
        r = cmg_str_from(r, 1 + digits.len);
    }
    *s = r;
    return true;
}

bool cmg_scan_ctime(cmg_str *s, struct cmg_civil *ret)
{
    cmg_str r = *s;
    struct cmg_civil c = {0};
    if (!scan_name(&r, "SunMonTueWedThuFriSat") || !cmg_scan_blanks(&r))
        return false;
    c.month = scan_name(&r, "JanFebMarAprMayJunJulAugSepOctNovDec");
    if (!c.month || !cmg_scan_blanks(&r) || !cmg_scan_int(&r, 1, 2, &c.day) ||
        !cmg_scan_blanks(&r) || !scan_clock_part(&r, &c) || !cmg_scan_blanks(&r) ||
        !cmg_scan_int(&r, 4, 4, &c.year))
        return false;
    *s = r;
    *ret = c;
    return true;
}

/* Three numbers with the same separator, in the order in which they stand. */
static bool scan_three(cmg_str *s, int part[3], char *ret_sep)
{
    cmg_str r = *s;
    if (!cmg_scan_int(&r, 1, 4, &part[0]) || !r.len)
        return false;
    char sep = r.ptr[0];
    if ((sep != '/' && sep != '.' && sep != '-') || !cmg_scan_char(&r, sep) ||
        !cmg_scan_int(&r, 1, 2, &part[1]) || !cmg_scan_char(&r, sep) ||
        !cmg_scan_int(&r, 1, 4, &part[2]))
        return false;
    *ret_sep = sep;
    *s = r;
    return true;
}

/* Which of the three is what. Points are written by locales that put the day first; with other
 * separators a number above 12 decides, else the month is taken to be first, as in the locale in
 * which most of these logs are written. */
static bool place_date(const int part[3], char sep, struct cmg_civil *c, bool *ret_guessed)
{
    *ret_guessed = false;
    if (part[0] > 999) {
        *c = (struct cmg_civil){.year = part[0], .month = part[1], .day = part[2]};
        return true;
    }
    bool day_first = sep == '.' || part[0] > 12;
    *c = (struct cmg_civil){.year = part[2], .month = part[day_first], .day = part[!day_first]};
    *ret_guessed = !day_first && c->day <= 12 && c->day != c->month;
    return part[2] > 999;
}

/* " AM" or " PM" turns the hour into one of 24. */
static bool scan_half_day(cmg_str *s, struct cmg_civil *c)
{
    cmg_str r = *s;
    if (!cmg_scan_blanks(&r) || r.len < 2 || cmg_lower(r.ptr[1]) != 'm')
        return true;
    char half = cmg_lower(r.ptr[0]);
    if ((half != 'a' && half != 'p') || (r.len > 2 && cmg_is_alnum(r.ptr[2])))
        return true;
    if (c->hour < 1 || c->hour > 12)
        return false;
    c->hour = c->hour % 12 + (half == 'p' ? 12 : 0);
    *s = cmg_str_from(r, 2);
    return true;
}

bool cmg_scan_locale_time(cmg_str *s, struct cmg_civil *ret, bool *ret_guessed)
{
    cmg_str r = *s;
    int part[3];
    char sep;
    struct cmg_civil c;
    bool guessed;
    if (!scan_three(&r, part, &sep) || !place_date(part, sep, &c, &guessed) ||
        !cmg_scan_blanks(&r) || !scan_clock_part(&r, &c) || !scan_half_day(&r, &c))
        return false;
    *s = r;
    *ret = c;
    *ret_guessed = guessed;
    return true;
}

/* ---- words ----------------------------------------------------------------------------------- */

#ifdef __SSE2__
#include <emmintrin.h>

/* Bit i: at p[i] could begin "rror", "fail" or "warn" of either case, by their first two letters.
 */
static inline unsigned word_starts(const char *p)
{
    const __m128i fold = _mm_set1_epi8(0x20);
    __m128i a = _mm_or_si128(_mm_loadu_si128((const __m128i *)(const void *)p), fold);
    __m128i b = _mm_or_si128(_mm_loadu_si128((const __m128i *)(const void *)(p + 1)), fold);
    __m128i rr =
        _mm_and_si128(_mm_cmpeq_epi8(a, _mm_set1_epi8('r')), _mm_cmpeq_epi8(b, _mm_set1_epi8('r')));
    __m128i fw =
        _mm_or_si128(_mm_cmpeq_epi8(a, _mm_set1_epi8('f')), _mm_cmpeq_epi8(a, _mm_set1_epi8('w')));
    __m128i any = _mm_or_si128(rr, _mm_and_si128(fw, _mm_cmpeq_epi8(b, _mm_set1_epi8('a'))));
    return (unsigned)_mm_movemask_epi8(any);
}
enum { WORD_BLOCK = 16 };
#else
static inline unsigned word_starts(const char *p)
{
    char a = cmg_lower(p[0]), b = cmg_lower(p[1]);
    return (a == 'r' && b == 'r') || ((a == 'f' || a == 'w') && b == 'a');
}
enum { WORD_BLOCK = 1 };
#endif

static enum cmg_level level_at(cmg_str text, size_t at)
{
    cmg_str s = cmg_str_from(text, at);
    if (cmg_str_istarts(s, CMG_LIT("rror")))
        return at && cmg_lower(text.ptr[at - 1]) == 'e' ? CMG_LEVEL_ERROR : CMG_LEVEL_INFO;
    if (cmg_str_istarts(s, CMG_LIT("warn")))
        return CMG_LEVEL_WARNING;
    bool fails = cmg_str_istarts(s, CMG_LIT("fail")) && !cmg_str_istarts(s, CMG_LIT("failover"));
    return fails ? CMG_LEVEL_ERROR : CMG_LEVEL_INFO;
}

static enum cmg_level worst_in_block(cmg_str text, size_t at, enum cmg_level worst)
{
    for (unsigned m = word_starts(text.ptr + at); m && worst < CMG_LEVEL_ERROR; m &= m - 1) {
        enum cmg_level l = level_at(text, at + (unsigned)__builtin_ctz(m));
        worst = l > worst ? l : worst;
    }
    return worst;
}

enum cmg_level cmg_level_of_words(cmg_str text)
{
    enum cmg_level worst = CMG_LEVEL_INFO;
    size_t at = 0;
    for (; at + WORD_BLOCK < text.len && worst < CMG_LEVEL_ERROR; at += WORD_BLOCK)
        worst = worst_in_block(text, at, worst);
    if (text.len > WORD_BLOCK)
        return worst_in_block(text, text.len - WORD_BLOCK - 1, worst);
    for (; at < text.len && worst < CMG_LEVEL_ERROR; at++) {
        enum cmg_level l = level_at(text, at);
        worst = l > worst ? l : worst;
    }
    return worst;
}

/* ---- telling the formats apart --------------------------------------------------------------- */

/* Digits (of the given kind) in front of `end`: where they begin. */
static size_t digits_before(cmg_str s, size_t end, bool hex)
{
    while (end && (hex ? cmg_hex_digit(s.ptr[end - 1]) >= 0 : cmg_is_digit(s.ptr[end - 1])))
        end--;
    return end;
}

bool cmg_scan_thread_column(cmg_str s, struct cmg_thread_column *ret)
{
    s = cmg_trim_right(s);
    bool angle = s.len && s.ptr[s.len - 1] == '>';
    s.len -= angle;
    if (s.len < 7 || s.ptr[s.len - 1] != ')')
        return false;
    size_t hex = digits_before(s, s.len - 1, true), at;
    uint64_t id, again;
    if (hex < 4 || memcmp(s.ptr + hex - 3, "(0x", 3) != 0 ||
        !cmg_scan_hex(cmg_str_cut(s, hex, s.len - 1), &again))
        return false;
    for (at = hex - 3; at && cmg_is_blank(s.ptr[at - 1]);)
        at--;
    size_t dec = digits_before(s, at, false);
    if (at == hex - 3 || !cmg_scan_u64(cmg_str_cut(s, dec, at), &id))
        return false;
    *ret = (struct cmg_thread_column){.id = id, .at = dec, .angle = angle, .agree = id == again};
    return true;
}

bool cmg_has_thread_column(cmg_str line)
{
    struct cmg_thread_column t;
    return cmg_scan_thread_column(line, &t);
}

/* `shape` with 0 for any digit. */
static bool has_shape(cmg_str s, cmg_str shape)
{
    if (s.len < shape.len)
        return false;
    for (size_t i = 0; i < shape.len; i++)
        if (shape.ptr[i] == '0' ? !cmg_is_digit(s.ptr[i]) : s.ptr[i] != shape.ptr[i])
            return false;
    return true;
}

static bool is_directive(cmg_str line)
{
    static const cmg_str names[] = {CMG_LIT("#Software:"), CMG_LIT("#Version:"), CMG_LIT("#Date:"),
                                    CMG_LIT("#Fields:"), CMG_LIT("#Remark:")};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (cmg_str_starts(line, names[i]))
            return true;
    return false;
}

bool cmg_is_w3c(cmg_str line)
{
    if (!line.len || (line.ptr[0] != '#' && !cmg_is_digit(line.ptr[0])))
        return false;
    return is_directive(line) || has_shape(line, CMG_LIT("0000-00-00 00:00:00 ")) ||
           has_shape(line, CMG_LIT("00:00:00 "));
}
