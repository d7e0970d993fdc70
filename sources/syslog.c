/* SPDX-License-Identifier: Apache-2.0
 * Syslog: RFC 5424, RFC 3164, and the forms that rsyslog writes between the two. */
#include "core/time.h"
#include "sources/envelope.h"

enum { PRI_MAX = 191, HOST_MAX = 255, TAG_MAX = 128 };

/* "<n>" with n in 0..191 and no leading zero but "<0>" (RFC 5424 6.2.1). Returns its length, 0:
 * none. */
static size_t read_pri(cmg_str s, int *ret)
{
    int n = 0;
    size_t i = 1;
    if (s.len < 3 || s.ptr[0] != '<')
        return 0;
    for (; i < s.len && i < 4 && cmg_is_digit(s.ptr[i]); i++)
        n = n * 10 + (s.ptr[i] - '0');
    if (i == 1 || i >= s.len || s.ptr[i] != '>' || n > PRI_MAX || (s.ptr[1] == '0' && i > 2))
        return 0;
    *ret = n;
    return i + 1;
}

/* The next word and one blank behind it. Empty: there is none. */
static cmg_str word(cmg_str *s)
{
    size_t n = cmg_str_chr(*s, ' ');
    cmg_str w = cmg_str_head(*s, n == CMG_STR_NPOS ? s->len : n);
    *s = cmg_str_from(*s, w.len + 1);
    return w;
}

static bool is_nil(cmg_str w)
{
    return w.len == 1 && w.ptr[0] == '-';
}

/* Names come from the network: printable ASCII without blanks (RFC 5424 6), else they are not
 * names. */
static bool is_name(cmg_str w, size_t most)
{
    for (size_t i = 0; i < w.len; i++)
        if (w.ptr[i] < '!' || w.ptr[i] > '~')
            return false;
    return w.len && w.len <= most;
}

static bool set_zoned(cmg_str w, struct cmg_envelope *ret)
{
    struct cmg_time t;
    if (w.len < 19 || !cmg_rfc3339_read(w, &t) || !t.known || !t.zoned)
        return false;
    ret->time_ns = t.ns - t.offset_min * 60 * CMG_NS_PER_S;
    ret->has_time = true;
    ret->guessed_time = false;
    return true;
}

/* ---- RFC 5424 -------------------------------------------------------------------------------- */

/* Behind the element "[id name="value" ...]" that begins at `i`; past the end: it is not closed. */
static size_t skip_element(cmg_str s, size_t i)
{
    bool quoted = false;
    for (i++; i < s.len && (quoted || s.ptr[i] != ']'); i++) {
        if (quoted && s.ptr[i] == '\\')
            i++; /* RFC 5424 6.3.3: only \" \\ \] escape; any other pair stands for itself */
        else if (s.ptr[i] == '"')
            quoted = !quoted;
    }
    return i + 1;
}

/* Behind the structured data at the front of `s`; SIZE_MAX: it is malformed. */
static size_t skip_structured(cmg_str s)
{
    size_t i = 0;
    if (s.len && s.ptr[0] == '-')
        return 1;
    while (i < s.len && s.ptr[i] == '[') {
        i = skip_element(s, i);
        if (i > s.len)
            return SIZE_MAX;
    }
    return i ? i : SIZE_MAX;
}

/* Behind "<PRI>". */
static bool peel_5424(cmg_str s, struct cmg_envelope *ret)
{
    struct cmg_envelope e = *ret;
    if (!cmg_str_starts(s, CMG_LIT("1 ")))
        return false;
    s = cmg_str_from(s, 2);
    cmg_str time = word(&s), host = word(&s), app = word(&s), proc = word(&s), id = word(&s);
    if ((!is_nil(time) && !set_zoned(time, &e)) || !is_name(host, HOST_MAX) ||
        !is_name(app, TAG_MAX) || !proc.len || !id.len)
        return false;
    size_t n = skip_structured(s);
    if (n == SIZE_MAX || (n < s.len && s.ptr[n] != ' '))
        return false;
    if (!is_nil(host))
        e.host = host;
    if (!is_nil(app))
        e.program = app;
    e.text = cmg_str_from(s, n + 1);
    /* rsyslog's template writes a second blank when there is no structured data. */
    if (is_nil(cmg_str_head(s, n)) && e.text.len && e.text.ptr[0] == ' ')
        e.text = cmg_str_from(e.text, 1);
    if (cmg_str_starts(e.text, CMG_LIT("\xef\xbb\xbf")))
        e.text = cmg_str_from(e.text, 3);
    *ret = e;
    return true;
}

/* ---- RFC 3164 -------------------------------------------------------------------------------- */

static int month_of(cmg_str s)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int i = 0; i < 12; i++)
        if (s.len >= 3 && !memcmp(s.ptr, names + (size_t)3 * (size_t)i, 3))
            return i + 1;
    return 0;
}

static int two(const char *p)
{
    char tens = p[0] == ' ' ? '0' : p[0];
    return cmg_is_digit(tens) && cmg_is_digit(p[1]) ? (tens - '0') * 10 + (p[1] - '0') : -1;
}

/* "Mmm dd hh:mm:ss", 15 bytes. */
static bool read_bsd_date(cmg_str s, struct cmg_civil *ret)
{
    if (s.len < 16 || s.ptr[3] != ' ' || s.ptr[6] != ' ' || s.ptr[9] != ':' || s.ptr[12] != ':' ||
        s.ptr[15] != ' ')
        return false;
    *ret = (struct cmg_civil){
        .month = month_of(s),
        .day = two(s.ptr + 4),
        .hour = two(s.ptr + 7),
        .minute = two(s.ptr + 10),
        .second = two(s.ptr + 13),
        .year = 2000}; /* a leap year: 29 February is a day until the year is known */
    return ret->month && cmg_civil_valid(ret);
}

static int offset_minutes(const struct cmg_options *opt, int64_t local_ns)
{
    return opt && opt->utc_offset ? opt->utc_offset(opt->utc_offset_user, local_ns / CMG_NS_PER_S)
                                  : 0;
}

/* The year that puts the date at most a day ahead of the time of reading, else the latest before
 * it. */
static bool guess_year(struct cmg_civil *c, int64_t now_ns, const struct cmg_options *opt,
                       int64_t *ret_ns)
{
    struct cmg_civil now;
    const int64_t day = INT64_C(86400) * CMG_NS_PER_S;
    cmg_civil_from_ns(now_ns, &now);
    for (int year = now.year + 1; year >= now.year - 8; year--) {
        int64_t ns;
        c->year = year;
        if (!cmg_civil_valid(c) || !cmg_civil_to_ns(c, &ns))
            continue;
        ns -= offset_minutes(opt, ns) * 60 * CMG_NS_PER_S;
        if (ns <= now_ns + day) {
            *ret_ns = ns;
            return true;
        }
    }
    return false;
}

/* Behind the tag "program[pid]:"; what has no such tag is all text. A file without a priority is
 * taken for syslog only when the tag ends in a colon, since any log may begin with a date. */
static bool read_tag(cmg_str *s, bool needs_colon, struct cmg_envelope *ret)
{
    size_t n = 0;
    while (n < s->len && n <= TAG_MAX &&
           (cmg_is_alnum(s->ptr[n]) || (s->ptr[n] && strchr("_-./()", s->ptr[n]))))
        n++;
    size_t name = n;
    if (n && n < s->len && s->ptr[n] == '[') {
        size_t close = cmg_str_chr(cmg_str_head(*s, n + TAG_MAX), ']');
        n = close == CMG_STR_NPOS ? n : close + 1;
    }
    bool colon = n && n < s->len && s->ptr[n] == ':';
    if (!colon && needs_colon)
        return false;
    if (colon) {
        ret->program = cmg_str_head(*s, name);
        *s = cmg_str_from(*s, n + 1);
        if (s->len && s->ptr[0] == ' ')
            *s = cmg_str_from(*s, 1);
    }
    return true;
}

/* "DATE host tag[pid]: text", the date as RFC 3164 has it, or as RFC 3339 (rsyslog's ForwardFormat
 * and FileFormat). */
static bool peel_3164(cmg_str s, bool pri, int64_t now_ns, const struct cmg_options *opt,
                      struct cmg_envelope *ret)
{
    struct cmg_envelope e = *ret;
    struct cmg_civil c;
    if (read_bsd_date(s, &c)) {
        if (!guess_year(&c, now_ns, opt, &e.time_ns))
            return false;
        e.has_time = e.guessed_time = true;
        s = cmg_str_from(s, 16);
    } else {
        cmg_str date = word(&s);
        if (date.len < 19 || date.ptr[10] != 'T' || !set_zoned(date, &e))
            return false;
    }
    cmg_str host = word(&s);
    if (!is_name(host, HOST_MAX) || host.ptr[host.len - 1] == ':' || !read_tag(&s, !pri, &e))
        return false;
    e.host = host;
    e.text = s;
    *ret = e;
    return true;
}

/* ---- escapes --------------------------------------------------------------------------------- */

static int octal3(cmg_str s)
{
    int v = 0;
    if (s.len < 4)
        return -1;
    for (int i = 1; i < 4; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '7')
            return -1;
        v = v * 8 + (s.ptr[i] - '0');
    }
    return v < 0x20 || v == 0x7f ? v : -1;
}

/* rsyslog writes control characters as '#' and three octal digits ("#012"). */
static enum cmg_rc undo_escapes(struct cmg_buf *out, cmg_str *text)
{
    cmg_str s = *text;
    if (cmg_str_chr(s, '#') == CMG_STR_NPOS)
        return CMG_OK;
    enum cmg_rc rc = cmg_buf_reserve(out, s.len);
    if (rc != CMG_OK)
        return rc;
    size_t from = out->len;
    while (s.len) {
        int v = s.ptr[0] == '#' ? octal3(s) : -1;
        out->ptr[out->len++] = v >= 0 ? (char)v : s.ptr[0];
        s = cmg_str_from(s, v >= 0 ? 4 : 1);
    }
    *text = cmg_str_from(cmg_buf_str(out), from);
    return CMG_OK;
}

enum cmg_rc cmg_peel_syslog(struct cmg_peeler *p, struct cmg_buf *scratch, cmg_str s,
                            int64_t now_ns, const struct cmg_options *opt, struct cmg_envelope *ret)
{
    int pri = -1;
    size_t n = read_pri(s, &pri);
    cmg_str rest = cmg_str_from(s, n);
    (void)p;
    if (!(n && peel_5424(rest, ret)) && !peel_3164(rest, n > 0, now_ns, opt, ret)) {
        if (!n)
            return CMG_AGAIN;
        ret->text = rest; /* RFC 3164 4.3.3: a priority alone makes it syslog */
    }
    if (n)
        ret->severity = pri % 8;
    return undo_escapes(scratch, &ret->text);
}
