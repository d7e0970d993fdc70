/* SPDX-License-Identifier: Apache-2.0
 * What the decoders share: reading numbers and times, and telling their lines apart.
 *
 * Cursor functions take a slice by reference and move it past what they read, only when they
 * succeed. */
#ifndef CMG_DECODERS_SCAN_H
#define CMG_DECODERS_SCAN_H

#include "core/time.h"
#include "core/v16.h"
#include "decoders/decoder.h"

/* Widest offset in use, UTC+14 and UTC-12 rounded up; beyond it a number is not an offset. */
enum { CMG_OFFSET_MAX = 840 };

/* ---- cursors --------------------------------------------------------------------------------- */

static inline bool cmg_scan_lit(cmg_str *s, cmg_str lit)
{
    if (!cmg_str_starts(*s, lit))
        return false;
    s->ptr += lit.len;
    s->len -= lit.len;
    return true;
}

static inline bool cmg_scan_char(cmg_str *s, char c)
{
    if (!s->len || s->ptr[0] != c)
        return false;
    s->ptr++;
    s->len--;
    return true;
}

static inline bool cmg_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* One or more blanks. */
static inline bool cmg_scan_blanks(cmg_str *s)
{
    size_t n = 0;
    while (n < s->len && cmg_is_blank(s->ptr[n]))
        n++;
    *s = cmg_str_from(*s, n);
    return n > 0;
}

/* `least` to `most` (at most 9) digits; what follows must not be a digit. */
static inline bool cmg_scan_int(cmg_str *s, size_t least, size_t most, int *ret)
{
    size_t n = 0;
    int v = 0;
    for (; n < s->len && n < most && cmg_is_digit(s->ptr[n]); n++)
        v = v * 10 + (s->ptr[n] - '0');
    if (n < least || (n < s->len && cmg_is_digit(s->ptr[n])))
        return false;
    *s = cmg_str_from(*s, n);
    *ret = v;
    return true;
}

/* "12:34:56" or "12-34-56": three pairs of digits with `sep` between, all eight bytes in one word.
 * What is no digit, or no `sep`, is above the highest that its byte may hold. */
static inline bool cmg_scan_pairs(const char *p, char sep, int ret[3])
{
    const uint64_t separators = UINT64_C(0x0000010000010000) * (unsigned char)sep;
    uint64_t x = cmg_word_load(p) ^ (UINT64_C(0x3030003030003030) | separators);
    uint64_t above = (x + UINT64_C(0x76767f76767f7676)) | x;
    uint64_t pairs = x * 10 + (x >> 8);
    ret[0] = (int)(pairs & 0xff);
    ret[1] = (int)(pairs >> 24 & 0xff);
    ret[2] = (int)(pairs >> 48 & 0xff);
    return !(above & UINT64_C(0x8080808080808080));
}

static inline size_t cmg_count_digits(cmg_str s)
{
    size_t n = 0;
    while (n < s.len && cmg_is_digit(s.ptr[n]))
        n++;
    return n;
}

/* The whole slice is a decimal number of 64 bits. */
static inline bool cmg_scan_u64(cmg_str s, uint64_t *ret)
{
    uint64_t v = 0;
    size_t i = 0;
    for (; i < s.len && i < 19 && cmg_is_digit(s.ptr[i]); i++) /* 19 digits always fit */
        v = v * 10 + (uint64_t)(s.ptr[i] - '0');
    for (; i < s.len; i++) {
        if (!cmg_is_digit(s.ptr[i]) || __builtin_mul_overflow(v, UINT64_C(10), &v) ||
            __builtin_add_overflow(v, (uint64_t)(s.ptr[i] - '0'), &v))
            return false;
    }
    *ret = v;
    return s.len > 0;
}

/* The whole slice is a hexadecimal number of 64 bits, without prefix. */
static inline bool cmg_scan_hex(cmg_str s, uint64_t *ret)
{
    uint64_t v = 0;
    if (!s.len || s.len > 16)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        int d = cmg_hex_digit(s.ptr[i]);
        if (d < 0)
            return false;
        v = v << 4 | (uint64_t)d;
    }
    *ret = v;
    return true;
}

static inline cmg_str cmg_trim_right(cmg_str s)
{
    while (s.len && cmg_is_space(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

/* ---- events ---------------------------------------------------------------------------------- */

static inline bool cmg_event_has(const struct cmg_event *ev, cmg_str name)
{
    for (size_t i = 0; i < ev->attrs; i++)
        if (cmg_str_eq(ev->attr[i].name, name))
            return true;
    return false;
}

/* Names are unique, since they become the names of an object: the first one counts. */
static inline void cmg_event_keep(struct cmg_event *ev, cmg_str name, cmg_str value)
{
    if (ev->attrs < CMG_ATTRS_MAX && !cmg_event_has(ev, name))
        ev->attr[ev->attrs++] = (struct cmg_attr){name, value};
    else
        ev->problems |= CMG_P_ATTRS_LOST;
}

/* A time that is there but cannot be read, or only in part: its text is not lost. */
static inline void cmg_event_keep_time(struct cmg_event *ev, cmg_str text)
{
    cmg_event_keep(ev, CMG_LIT("time.text"), text);
}

/* The event's time, of a clock whose offset is not known. False and CMG_P_BAD_TIME: no such time.
 */
bool cmg_event_set_time(struct cmg_event *ev, const struct cmg_civil *c);

/* Severity by CMTrace's own words, for formats that carry none: "error" and "fail" (not "failover")
 * mean an error, "warn" a warning, anything else is information. */
enum cmg_level cmg_level_of_words(cmg_str text);

/* ---- times ----------------------------------------------------------------------------------- */

/* "HH:MM:SS" with what may follow it. */
struct cmg_clock {
    int hour, minute, second;
    cmg_str fraction; /* digits behind the point */
    cmg_str sign;     /* "+", "-", "+-", " ", or empty: no offset */
    cmg_str offset;   /* digits */
    cmg_str rest;     /* whatever else stands behind */
    bool dots;        /* written 13.02.20 */
};

/* Ranges are not checked; what cannot be read behind the seconds is `rest`. */
bool cmg_scan_clock(cmg_str s, struct cmg_clock *ret);
/* "M-D-YYYY", month first, one or two digits. */
bool cmg_scan_mdy(cmg_str *s, struct cmg_civil *ret);
/* "Wed May 21 17:09:02 1997", with milliseconds behind the seconds or not. */
bool cmg_scan_ctime(cmg_str *s, struct cmg_civil *ret);
/* A date as the writer's locale has it, a blank, and the time, in 12 or 24 hours. *ret_guessed: day
 * and month could be the other way round. */
bool cmg_scan_locale_time(cmg_str *s, struct cmg_civil *ret, bool *ret_guessed);
/* Digits behind a decimal point as nanoseconds; digits past the ninth are dropped. */
int32_t cmg_fraction_ns(cmg_str digits);

/* ---- telling the formats apart ------------------------------------------------------------------
 * A line is claimed by at most one decoder. Strongest first: an opener `<![LOG[` at its beginning
 * (ccm); the beginning of a Windows event (winevent-xml, winevent-json); a thread column "250
 * (0xFA)" at its end (sms with '>' behind it, cmtrace-copy without); the beginning of a W3C row or
 * directive (iis); an opener or closer anywhere (ccm); what remains goes to setup by its beginning,
 * to sms, then to iis by its shape. */

/* Index of the opener when only blanks stand before it, else CMG_STR_NPOS. */
static inline size_t cmg_ccm_opener(cmg_str s)
{
    size_t n = 0;
    while (n < s.len && cmg_is_blank(s.ptr[n]))
        n++;
    return cmg_str_starts(cmg_str_from(s, n), CMG_LIT("<![LOG[")) ? n : CMG_STR_NPOS;
}

/* "250 (0xFA)" at the end of `s`. */
struct cmg_thread_column {
    uint64_t id;
    size_t at;  /* where it begins */
    bool angle; /* '>' follows it */
    bool agree; /* both numbers are the same */
};
bool cmg_scan_thread_column(cmg_str s, struct cmg_thread_column *ret);
bool cmg_has_thread_column(cmg_str line);

/* Begins as a W3C log does: "#Fields:" and its like, or "2026-08-19 14:41:27 ", or "14:41:27 ". */
bool cmg_is_w3c(cmg_str line);
/* In ccm.c: an opener or a closer with its attributes, anywhere. */
bool cmg_ccm_inside(cmg_str line);
/* In sms.c: any of the shapes of that format; its full tail "$$<COMPONENT><time><thread=N>". */
bool cmg_sms_shape(cmg_str line);
bool cmg_sms_tail(cmg_str line);
/* Also in sms.c: the event's time by what stands in the angles of such a row, with its bias or zone
 * name, "MM-DD-YYYY HH:MM:SS.mmm+bias" or ctime's form. What is not understood in full keeps its
 * text. */
void cmg_sms_read_time(cmg_str stamp, struct cmg_event *ev);
/* In winevent_xml.c and winevent_json.c; by its first character a line is nearly always neither. */
bool cmg_winevent_xml_head(cmg_str line);
bool cmg_winevent_json(cmg_str line);
/* In etw_csv.c: a row of a trace, or its header. */
bool cmg_etw_csv_row(cmg_str line);
/* The line begins as a Windows event does, which is stronger than anything found further on. */
static inline bool cmg_is_winevent(cmg_str line)
{
    size_t n = 0;
    while (n < line.len && memchr(" \t\r\n", line.ptr[n], 4)) /* blanks of XML and JSON */
        n++;
    if (n == line.len)
        return false;
    return line.ptr[n] == '<' ? cmg_winevent_xml_head(line)
                              : line.ptr[n] == '{' && cmg_winevent_json(line);
}
/* In setup.c: begins as the set-up programs write their lines. */
bool cmg_setup_shape(cmg_str line);

#endif
