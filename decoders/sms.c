/* SPDX-License-Identifier: Apache-2.0
 * The "simple" format of ConfigMgr site servers, one row one line:
 *
 *     message  $$<COMPONENT><MM-DD-YYYY HH:MM:SS.mmm+bias><thread=N (0xHEX)>
 *
 * There is no published description of it; what is said below was measured on 45,342 real rows, or
 * is shown in Microsoft KB articles on SMS 1.x and 2.0. The bias has the Windows sign (UTC = local
 * + bias), which 1,855 of 1,884 status messages prove by their own GMTDATE. */
#include "decoders/scan.h"

enum { COMPONENT_MAX = 255, STAMP_MAX = 95 };

/* ---- tail ------------------------------------------------------------------------------------ */

struct tail {
    size_t at;  /* of its "$$<" */
    size_t end; /* behind its last '>' */
    cmg_str component, stamp;
    uint64_t thread;
    bool agree; /* decimal and hexadecimal thread are the same */
};

/* "<...>" without further brackets inside, 1 to `most` characters. */
static bool scan_angles(cmg_str *s, size_t most, cmg_str *ret)
{
    if (!s->len || s->ptr[0] != '<')
        return false;
    cmg_str inner = cmg_str_cut(*s, 1, most + 2);
    size_t n = cmg_str_chr(inner, '>');
    if (!n || n == CMG_STR_NPOS || cmg_str_chr(cmg_str_head(inner, n), '<') != CMG_STR_NPOS)
        return false;
    *ret = cmg_str_head(inner, n);
    *s = cmg_str_from(*s, n + 2);
    return true;
}

/* "250 (0xFA)" */
static bool scan_both(cmg_str v, struct tail *t)
{
    cmg_str decimal = cmg_str_head(v, cmg_count_digits(v));
    uint64_t again;
    v = cmg_str_from(v, decimal.len);
    if (!cmg_scan_u64(decimal, &t->thread) || !cmg_scan_blanks(&v) ||
        !cmg_scan_lit(&v, CMG_LIT("(0x")) || !v.len || v.ptr[v.len - 1] != ')' ||
        !cmg_scan_hex(cmg_str_head(v, v.len - 1), &again))
        return false;
    t->agree = t->thread == again;
    return true;
}

/* "<thread=250 (0xFA)>", or "<thread=DB>" as SMS 1.x wrote it. */
static bool scan_thread(cmg_str *s, struct tail *t)
{
    cmg_str v;
    if (!scan_angles(s, 48, &v) || !cmg_scan_lit(&v, CMG_LIT("thread=")))
        return false;
    t->agree = true;
    return scan_both(v, t) || cmg_scan_hex(v, &t->thread);
}

/* A tail that begins at `at`. */
static bool scan_tail(cmg_str line, size_t at, struct tail *ret)
{
    struct tail t = {.at = at};
    cmg_str s = cmg_str_from(line, at);
    if (!cmg_scan_lit(&s, CMG_LIT("$$")) || !scan_angles(&s, COMPONENT_MAX, &t.component) ||
        !scan_angles(&s, STAMP_MAX, &t.stamp) || !scan_thread(&s, &t))
        return false;
    t.end = line.len - s.len;
    *ret = t;
    return true;
}

/* The last one counts: text may quote another row, and a torn write leaves a fragment behind it. */
static bool find_tail(cmg_str line, struct tail *ret)
{
    const char *p;
    for (size_t end = line.len; end && (p = memrchr(line.ptr, '$', end)) != NULL;
         end = (size_t)(p - line.ptr)) {
        size_t at = (size_t)(p - line.ptr);
        if (at && p[-1] == '$' && scan_tail(line, at - 1, ret))
            return true;
    }
    return false;
}

/* ---- times ----------------------------------------------------------------------------------- */

/* "MM-DD-YYYY HH:MM:SS.mmm+bias" */
static bool read_stamp(cmg_str s, struct cmg_event *ev)
{
    struct cmg_civil c = {0};
    struct cmg_clock clock;
    uint64_t n = 0;
    if (!cmg_scan_mdy(&s, &c) || !cmg_scan_blanks(&s) || !cmg_scan_clock(s, &clock) ||
        clock.rest.len)
        return false;
    c.hour = clock.hour;
    c.minute = clock.minute;
    c.second = clock.second;
    c.ns = cmg_fraction_ns(clock.fraction);
    if (!cmg_event_set_time(ev, &c))
        return false;
    if (clock.sign.len != 1 || clock.sign.ptr[0] == ' ' || !cmg_scan_u64(clock.offset, &n) ||
        n > CMG_OFFSET_MAX)
        return !clock.sign.len;
    ev->time.zoned = true;
    ev->time.offset_min = (int16_t)(clock.sign.ptr[0] == '-' ? (int)n : -(int)n);
    return true;
}

/* SMS 2.0 named the zone. Of the names only the four of the contiguous United States are certain:
 * 15 U.S.C. 261 sets them 5 to 8 hours behind UTC, 15 U.S.C. 260a advances them by one hour in
 * summer. */
static bool zone_offset(cmg_str name, int16_t *ret)
{
    static const cmg_str zones[] = {CMG_LIT("Eastern"), CMG_LIT("Central"), CMG_LIT("Mountain"),
                                    CMG_LIT("Pacific")};
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
        cmg_str s = name;
        if (!cmg_scan_lit(&s, zones[i]))
            continue;
        bool summer = cmg_str_eq(s, CMG_LIT(" Daylight Time"));
        *ret = (int16_t)(-60 * (5 + (int)i) + (summer ? 60 : 0));
        return summer || cmg_str_eq(s, CMG_LIT(" Standard Time"));
    }
    return false;
}

/* "Wed May 21 17:09:02 1997~", "Fri Sep 03 12:23:46.229 1999 Central Daylight Time" */
static bool read_ctime(cmg_str s, struct cmg_event *ev)
{
    struct cmg_civil c;
    if (!cmg_scan_ctime(&s, &c) || !cmg_event_set_time(ev, &c))
        return false;
    cmg_scan_char(&s, '~');
    s = cmg_str_trim(s);
    ev->time.zoned = s.len && zone_offset(s, &ev->time.offset_min);
    return !s.len || ev->time.zoned;
}

/* Whatever is not understood in full keeps its text. */
void cmg_sms_read_time(cmg_str stamp, struct cmg_event *ev)
{
    bool named = stamp.len && !cmg_is_digit(stamp.ptr[0]);
    bool ok = named ? read_ctime(stamp, ev) : read_stamp(stamp, ev);
    if (!ev->time.zoned)
        ev->time.offset_min = 0;
    if (!ev->time.known)
        ev->problems |= CMG_P_BAD_TIME;
    if (!ok)
        cmg_event_keep_time(ev, stamp);
}

/* ---- status messages ------------------------------------------------------------------------- */

/* Value behind ` KEY=`: quoted, or up to the next blank. *at moves behind it. The quotes inside
 * ISTR values are not escaped, so only what stands before them, in this order, is read by key. */
static bool status_value(cmg_str m, cmg_str key, size_t *at, cmg_str *ret)
{
    cmg_str v = cmg_str_from(m, *at);
    size_t found = cmg_str_starts(v, key) ? 0 : cmg_str_find(v, key);
    if (found == CMG_STR_NPOS)
        return false;
    size_t from = *at + found + key.len;
    v = cmg_str_from(m, from);
    bool quoted = v.len && v.ptr[0] == '"';
    v = cmg_str_from(v, quoted);
    v = cmg_str_head(v, cmg_str_chr(v, quoted ? '"' : ' '));
    *at = from + v.len + 2 * quoted;
    *ret = v;
    return true;
}

static enum cmg_level level_of_severity(cmg_str v)
{
    if (v.len != 1)
        return CMG_LEVEL_NONE;
    switch (v.ptr[0]) {
    case 'E':
        return CMG_LEVEL_ERROR;
    case 'W':
        return CMG_LEVEL_WARNING;
    case 'I':
        return CMG_LEVEL_INFO;
    default:
        return CMG_LEVEL_NONE;
    }
}

/* " GMTDATE=Mon Feb 27 03:55:46.700 2023 ISTR0=..." holds blanks. It is the time of the event,
 * which may have waited in a queue: the row's own time is not corrected by it. LE, the last error,
 * is the last key of newer texts. */
static void read_gmtdate_and_error(cmg_str m, size_t at, struct cmg_event *ev)
{
    const cmg_str key = CMG_LIT(" GMTDATE="), error = CMG_LIT(" LE=0");
    size_t found = cmg_str_find(cmg_str_from(m, at), key);
    if (found != CMG_STR_NPOS) {
        cmg_str v = cmg_str_from(m, at + found + key.len);
        cmg_event_keep(ev, CMG_LIT("statmsg.gmtdate"),
                       cmg_str_head(v, cmg_str_find(v, CMG_LIT(" ISTR0="))));
    }
    size_t last = m.len;
    while (last && m.ptr[last - 1] != ' ')
        last--;
    if (last && cmg_str_starts(cmg_str_from(m, last - 1), error))
        cmg_event_keep(ev, CMG_LIT("statmsg.le"), cmg_str_from(m, last + error.len - 2));
}

static void read_statmsg(cmg_str m, struct cmg_event *ev)
{
    static const struct {
        cmg_str key, name;
    } keys[] = {
        {CMG_LIT(" ID="), CMG_LIT("statmsg.id")},
        {CMG_LIT(" SEV="), CMG_LIT("statmsg.sev")},
        {CMG_LIT(" LEV="), CMG_LIT("statmsg.lev")},
        {CMG_LIT(" SOURCE="), CMG_LIT("statmsg.source")},
        {CMG_LIT(" COMP="), CMG_LIT("statmsg.comp")},
        {CMG_LIT(" SYS="), CMG_LIT("statmsg.sys")},
        {CMG_LIT(" SITE="), CMG_LIT("statmsg.site")},
        {CMG_LIT(" PID="), CMG_LIT("statmsg.pid")},
        {CMG_LIT(" TID="), CMG_LIT("statmsg.tid")},
    };
    size_t at = sizeof "STATMSG:" - 1;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        cmg_str v;
        if (!status_value(m, keys[i].key, &at, &v))
            continue;
        cmg_event_keep(ev, keys[i].name, v);
        if (i == 1)
            ev->level = level_of_severity(v);
    }
    read_gmtdate_and_error(m, at, ev);
}

/* ---- message --------------------------------------------------------------------------------- */

/* '~' stands for a line break of the writer: at both ends it is only that. Inside it stays as it
 * is, "~~" and "~", since 8.3 names have it too and a message is a slice of the log. */
static cmg_str trim_message(cmg_str m)
{
    while (m.len && (m.ptr[0] == '~' || cmg_is_blank(m.ptr[0])))
        m = cmg_str_from(m, 1);
    while (m.len && (m.ptr[m.len - 1] == '~' || cmg_is_space(m.ptr[m.len - 1])))
        m.len--;
    return m;
}

/* A status message says its severity; else words have to do. */
static void read_message(cmg_str m, struct cmg_event *ev)
{
    ev->message = trim_message(m);
    if (cmg_str_starts(ev->message, CMG_LIT("STATMSG: ID=")))
        read_statmsg(ev->message, ev);
    if (ev->level == CMG_LEVEL_NONE)
        ev->level = cmg_level_of_words(ev->message);
}

/* ---- shapes ---------------------------------------------------------------------------------- */

/* KB texts break the row before its tail, or lose date and thread, or a dollar: "text
 * $<SMS_DISTRIBUTION_MANAGER>". */
static bool find_component(cmg_str line, cmg_str *ret_message, cmg_str *ret_component)
{
    line = cmg_trim_right(line);
    const char *p = line.len ? memrchr(line.ptr, '<', line.len) : NULL;
    size_t at = p ? (size_t)(p - line.ptr) : 0;
    cmg_str s = cmg_str_from(line, at), name;
    if (!at || p[-1] != '$' || !scan_angles(&s, COMPONENT_MAX, &name) || s.len)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (!cmg_is_alnum(name.ptr[i]) && !memchr("_- .", name.ptr[i], 4))
            return false;
    if (!cmg_is_alnum(name.ptr[0]) || cmg_is_digit(name.ptr[0]))
        return false;
    *ret_component = name;
    *ret_message = cmg_str_head(line, at - (at > 1 && p[-2] == '$' ? 2 : 1));
    return true;
}

bool cmg_sms_tail(cmg_str line)
{
    struct tail t;
    return find_tail(line, &t);
}

bool cmg_sms_shape(cmg_str line)
{
    struct tail t;
    cmg_str a, b;
    return find_tail(line, &t) || find_component(line, &a, &b);
}

/* A tail at the very end needs no further question; see scan.h for the rest. */
static bool probe(const void *state, cmg_str line)
{
    (void)state;
    struct tail t;
    cmg_str a, b;
    if (cmg_ccm_opener(line) != CMG_STR_NPOS || cmg_is_winevent(line))
        return false;
    if (find_tail(line, &t)) {
        bool last = t.end == cmg_trim_right(line).len;
        return (last && line.ptr[t.end - 2] == ')') || (!cmg_is_w3c(line) && !cmg_ccm_inside(line));
    }
    return find_component(line, &a, &b) && !cmg_setup_shape(line) && !cmg_is_w3c(line) &&
           !cmg_ccm_inside(line);
}

/* ---- decoding -------------------------------------------------------------------------------- */

static void decode_tail(cmg_str record, const struct tail *t, struct cmg_event *ev)
{
    cmg_str behind = cmg_str_trim(cmg_str_from(record, t->end));
    read_message(cmg_str_head(record, t->at), ev);
    ev->component = t->component;
    ev->has_thread = true;
    ev->thread = t->thread;
    if (!t->agree)
        ev->problems |= CMG_P_BAD_ATTRIBUTE;
    cmg_sms_read_time(t->stamp, ev);
    if (behind.len) {
        ev->problems |= CMG_P_TRAILING_TEXT;
        cmg_event_keep(ev, CMG_LIT("trailing_text"), behind);
    }
}

static enum cmg_take decode(void *state, cmg_str record, struct cmg_event *ev)
{
    (void)state;
    struct tail tail;
    cmg_str a, b;
    if (find_tail(record, &tail)) {
        decode_tail(record, &tail, ev);
    } else if (find_component(record, &a, &b)) {
        read_message(a, ev);
        ev->component = b;
    } else {
        return CMG_NOT_MINE;
    }
    return CMG_TAKEN;
}

const struct cmg_decoder cmg_decoder_sms = {
    .name = "sms",
    .summary =
        "rows with $$<COMPONENT><time><thread=N>: ConfigMgr site servers, SMS 1.x to current",
    .probe = probe,
    .decode = decode,
};
