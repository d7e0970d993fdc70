/* SPDX-License-Identifier: Apache-2.0
 * The CMTrace format of ConfigMgr clients, task sequences and managed code:
 *
 *     <![LOG[message]LOG]!><time="HH:MM:SS.mmm+bias" date="MM-DD-YYYY" component="" context=""
 * type="1" thread="1" file="a.cpp:1">
 *
 * There is no published description of it; what is said below was measured on real logs, or read in
 * the programs that write and read it. A message may span lines and may contain anything, so a
 * record ends at the first closer
 * `]LOG]!>` that attributes follow. Records torn by several writers are common: the part that is
 * there is kept. */
#include "decoders/scan.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define OPENER CMG_LIT("<![LOG[")
#define CLOSER CMG_LIT("]LOG]!>")
enum { MARK_LEN = 7 };

enum field { F_TIME, F_DATE, F_COMPONENT, F_CONTEXT, F_TYPE, F_THREAD, F_FILE, FIELDS };
static const cmg_str field_names[FIELDS] = {
    CMG_LIT("time"), CMG_LIT("date"),   CMG_LIT("component"), CMG_LIT("context"),
    CMG_LIT("type"), CMG_LIT("thread"), CMG_LIT("file")};

static enum field field_of(cmg_str name)
{
    enum field f = 0;
    while (f < FIELDS && !cmg_str_eq(name, field_names[f]))
        f++;
    return f;
}

/* ---- framing --------------------------------------------------------------------------------- */

/* "<time=" or another attribute of ours. */
static bool begins_attributes(cmg_str s)
{
    if (cmg_str_starts(s, CMG_LIT("<time=")))
        return true;
    if (!s.len || s.ptr[0] != '<')
        return false;
    for (enum field f = F_DATE; f < FIELDS; f++) {
        cmg_str name = field_names[f];
        if (cmg_str_starts(cmg_str_from(s, 1), name) && s.len > name.len + 1 &&
            s.ptr[name.len + 1] == '=')
            return true;
    }
    return false;
}

struct mark {
    size_t at; /* CMG_STR_NPOS: none */
    bool opener;
};

/* The first closer with its attributes, or opener where one is asked for, at or behind `from`. Both
 * hold a '!', which messages seldom do. */
static inline struct mark find_mark(cmg_str s, size_t from, bool openers)
{
    const char *begin = s.ptr + from, *end = s.ptr + s.len;
    for (const char *p = begin; p < end && (p = memchr(p, '!', (size_t)(end - p))); p++) {
        if (p - begin >= 5 && end - p > 1 && memcmp(p - 5, "]LOG]!>", MARK_LEN) == 0 &&
            begins_attributes(cmg_str_of(p + 2, (size_t)(end - p - 2))))
            return (struct mark){(size_t)(p - 5 - s.ptr), false};
        if (openers && p > begin && end - p >= 6 && memcmp(p - 1, "<![LOG[", MARK_LEN) == 0)
            return (struct mark){(size_t)(p - 1 - s.ptr), true};
    }
    return (struct mark){CMG_STR_NPOS, false};
}

static size_t find_closer(cmg_str s, size_t from)
{
    return from < s.len ? find_mark(s, from, false).at : CMG_STR_NPOS;
}

/* State of the search for the '>' that ends the attributes. */
struct ending {
    bool quoted;
    size_t first; /* first '>' of all, for attributes that have lost a quote */
};

/* One character forward: true at the end. */
static inline bool ends_here(struct ending *e, char c, size_t at)
{
    if (c == '"')
        e->quoted = !e->quoted;
    if (c != '>')
        return c == '\n' || c == '\r';
    if (e->first == CMG_STR_NPOS)
        e->first = at;
    return !e->quoted;
}

#ifdef __SSE2__
/* The same 16 at a time. Most attributes hold no '>' before the one that ends them. */
static inline size_t skip_blocks(cmg_str s, size_t at, struct ending *e)
{
    for (; at + 16 <= s.len; at += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(s.ptr + at));
        __m128i stop = _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('>')),
                                    _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('\n')),
                                                 _mm_cmpeq_epi8(x, _mm_set1_epi8('\r'))));
        if (_mm_movemask_epi8(stop))
            break;
        unsigned quotes = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8('"')));
        e->quoted ^= (bool)(__builtin_popcount(quotes) & 1);
    }
    return at;
}
#else
static inline size_t skip_blocks(cmg_str s, size_t at, struct ending *e)
{
    (void)s;
    (void)e;
    return at;
}
#endif

/* Where the attributes that begin at `at` end: behind the first '>' outside quotes. *ret_whole is
 * false when their line ends before. */
static size_t attributes_end(cmg_str s, size_t at, bool *ret_whole)
{
    struct ending e = {.first = CMG_STR_NPOS};
    /* Nearly always nothing follows on another line and the first '>' is the last character: it
     * ends them with quotes or without. */
    cmg_str rest = cmg_str_from(s, at);
    *ret_whole = true;
    if (rest.len && cmg_str_chr(rest, '>') == rest.len - 1 &&
        cmg_str_chr(rest, '\n') == CMG_STR_NPOS && cmg_str_chr(rest, '\r') == CMG_STR_NPOS)
        return s.len;
    at = skip_blocks(s, at, &e);
    while (at < s.len && !ends_here(&e, s.ptr[at], at))
        at++;
    *ret_whole = true;
    if (at < s.len && s.ptr[at] == '>')
        return at + 1;
    if (e.first != CMG_STR_NPOS)
        return e.first + 1;
    *ret_whole = false;
    return at;
}

static struct cmg_cut done(cmg_str text, size_t closer)
{
    bool whole;
    return (struct cmg_cut){CMG_DONE, attributes_end(text, closer + MARK_LEN, &whole)};
}

/* A line that is not inside a record: text before an opener is a record of its own, and so is a
 * torn head. */
static struct cmg_cut split_first(cmg_str text)
{
    size_t opener = cmg_ccm_opener(text);
    if (opener != CMG_STR_NPOS) {
        size_t closer = find_closer(text, opener + MARK_LEN);
        return closer != CMG_STR_NPOS ? done(text, closer) : (struct cmg_cut){CMG_MORE, 0};
    }
    struct mark m = find_mark(text, 0, true);
    if (m.at == CMG_STR_NPOS)
        return (struct cmg_cut){CMG_DONE, text.len};
    return m.opener ? (struct cmg_cut){CMG_DONE, m.at} : done(text, m.at);
}

static struct cmg_cut split(cmg_str text, size_t fresh)
{
    bool rest = fresh == CMG_FRESH_REST;
    if (!fresh || (rest && cmg_ccm_opener(text) != CMG_STR_NPOS))
        return text.len ? split_first(text) : (struct cmg_cut){CMG_DONE, 0};
    if (rest)
        fresh = 0;
    else if (cmg_str_starts(cmg_str_from(text, fresh), OPENER))
        return (struct cmg_cut){CMG_NEW, fresh};
    size_t closer = find_closer(text, fresh);
    return closer != CMG_STR_NPOS ? done(text, closer) : (struct cmg_cut){CMG_MORE, 0};
}

bool cmg_ccm_inside(cmg_str line)
{
    return line.len && find_mark(line, 0, true).at != CMG_STR_NPOS;
}

static bool probe(const void *state, cmg_str line)
{
    (void)state;
    if (cmg_ccm_opener(line) != CMG_STR_NPOS)
        return true;
    return cmg_ccm_inside(line) && !cmg_has_thread_column(line) && !cmg_is_w3c(line) &&
           !cmg_is_winevent(line);
}

/* ---- attributes ------------------------------------------------------------------------------ */

struct attributes {
    cmg_str value[FIELDS];
    unsigned seen; /* 1 << enum field */
};

/* Shorter than this the usual attributes cannot be, with no value in them. */
enum { USUAL_MIN = 66, NO_GUESS = 32 };

/* Of `s` from `at` on; a control character (a line end is one) ends the search. */
static size_t quote_behind(cmg_str s, size_t at)
{
    while (at < s.len && s.ptr[at] != '"' && (unsigned char)s.ptr[at] > 0x1f)
        at++;
    return at < s.len && s.ptr[at] == '"' ? at : CMG_STR_NPOS;
}

/* Where the value that `s` begins with ends: at its quote. NPOS where a control character or the
 * end comes first. At least 32 bytes are readable before the end of `s`.
 *
 * `guess` is how long nearly all such values are. With it the processor goes on to the next value
 * before it has seen the end of this one; else each would wait for the one before. */
#ifdef __SSE2__
static inline uint32_t stops(const char *p)
{
    __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(0x1f)), x);
    __m128i quote = _mm_cmpeq_epi8(x, _mm_set1_epi8('"'));
    return (uint32_t)_mm_movemask_epi8(_mm_or_si128(control, quote));
}

static inline size_t value_len(cmg_str s, size_t guess)
{
    /* Near the end the last 32 bytes are looked at, and those before the value dropped. */
    size_t before = s.len < 32 ? 32 - s.len : 0;
    const char *p = s.ptr - before;
    uint64_t m = (uint64_t)(stops(p) | stops(p + 16) << 16) >> before;
    if (guess < 32 && (m & -m) == UINT64_C(1) << guess && s.ptr[guess] == '"')
        return guess;
    if (!m)
        return quote_behind(s, 32 - before);
    size_t at = (size_t)__builtin_ctzll(m);
    return s.ptr[at] == '"' ? at : CMG_STR_NPOS;
}
#else
static size_t value_len(cmg_str s, size_t guess)
{
    (void)guess;
    return quote_behind(s, 0);
}
#endif

/* `before` and a value, whose quote stays. */
static inline __attribute__((always_inline)) bool take_value(cmg_str *s, cmg_str before,
                                                             size_t guess, cmg_str *ret)
{
    if (!cmg_scan_lit(s, before))
        return false;
    size_t n = value_len(*s, guess);
    if (n == CMG_STR_NPOS)
        return false;
    *ret = cmg_str_of(s->ptr, n);
    *s = cmg_str_of(s->ptr + n, s->len - n);
    return true;
}

/* Attributes in the order in which all native and .NET writers put them (20,729 of 20,729 records
 * measured), and nothing behind them. `s` stands behind a closer. */
static inline bool read_usual(cmg_str s, struct attributes *a)
{
    if (s.len < USUAL_MIN || !take_value(&s, CMG_LIT("<time=\""), 15, &a->value[F_TIME]) ||
        !take_value(&s, CMG_LIT("\" date=\""), 10, &a->value[F_DATE]) ||
        !take_value(&s, CMG_LIT("\" component=\""), NO_GUESS, &a->value[F_COMPONENT]) ||
        !take_value(&s, CMG_LIT("\" context=\""), 0, &a->value[F_CONTEXT]) ||
        !take_value(&s, CMG_LIT("\" type=\""), 1, &a->value[F_TYPE]) ||
        !take_value(&s, CMG_LIT("\" thread=\""), 4, &a->value[F_THREAD]) ||
        !take_value(&s, CMG_LIT("\" file=\""), NO_GUESS, &a->value[F_FILE]))
        return false;
    a->seen = (1u << FIELDS) - 1;
    return cmg_str_eq(s, CMG_LIT("\">"));
}

static size_t name_len(cmg_str s)
{
    size_t n = 0;
    while (n < s.len &&
           (cmg_is_alnum(s.ptr[n]) || s.ptr[n] == '_' || s.ptr[n] == '-' || s.ptr[n] == '.'))
        n++;
    return n;
}

static size_t word_len(cmg_str s)
{
    size_t n = 0;
    while (n < s.len && !cmg_is_blank(s.ptr[n]))
        n++;
    return n;
}

/* A value, quoted or not. goCMTrace loses a quote: file=helloworld.log"" */
static cmg_str read_value(cmg_str *s, bool *ret_odd)
{
    cmg_str v;
    *ret_odd = true;
    if (cmg_scan_char(s, '"')) {
        size_t end = cmg_str_chr(*s, '"');
        *ret_odd = end == CMG_STR_NPOS;
        v = cmg_str_head(*s, end);
        *s = cmg_str_from(*s, *ret_odd ? s->len : end + 1);
        return v;
    }
    v = cmg_str_head(*s, word_len(*s));
    *s = cmg_str_from(*s, v.len);
    while (v.len && v.ptr[v.len - 1] == '"')
        v.len--;
    return v;
}

/* A number or time that may have been cut short is worse than none. */
static bool is_safe_when_torn(enum field f)
{
    return f == F_COMPONENT || f == F_CONTEXT || f == F_FILE;
}

static void assign(struct attributes *a, struct cmg_event *ev, cmg_str name, cmg_str value,
                   bool odd)
{
    enum field f = field_of(name);
    if (odd)
        ev->problems |= CMG_P_BAD_ATTRIBUTE;
    if (f == FIELDS || a->seen & 1u << f || (odd && !is_safe_when_torn(f))) {
        cmg_event_keep(ev, name, value);
        return;
    }
    a->value[f] = value;
    a->seen |= 1u << f;
}

/* Any order, unknown names, lost quotes. */
static void read_general(cmg_str s, struct attributes *a, struct cmg_event *ev)
{
    for (cmg_scan_blanks(&s); s.len; cmg_scan_blanks(&s)) {
        cmg_str name = cmg_str_head(s, name_len(s)), after = cmg_str_from(s, name.len);
        if (!name.len || !cmg_scan_char(&after, '=')) {
            ev->problems |= CMG_P_BAD_ATTRIBUTE;
            s = cmg_str_from(s, word_len(s));
            continue;
        }
        bool odd;
        cmg_str value = read_value(&after, &odd);
        assign(a, ev, name, value, odd);
        s = after;
    }
}

/* ---- time ------------------------------------------------------------------------------------ */

/* Who wrote the offset, and hence what its sign means.
 *
 * Native code writes the Windows bias, minutes to ADD to the local time to get UTC
 * (TIME_ZONE_INFORMATION.Bias): on 1,855 of 1,884 status messages of a real site server local +
 * bias is the GMTDATE of the same line. Scripts often write the UTC offset instead. */
enum rule {
    RULE_NONE,       /* no offset, or one that means nothing */
    RULE_WINDOWS,    /* utc = local + n */
    RULE_UTC_OFFSET, /* utc = local - n: PSAppDeployToolkit */
    RULE_WMI,        /* "+-360", a '+' in front of Win32_TimeZone.Bias, which is a UTC offset */
};

static bool is_native_name(cmg_str name)
{
    return cmg_str_ends(name, CMG_LIT(".cpp")) || cmg_str_ends(name, CMG_LIT(".cxx")) ||
           cmg_str_ends(name, CMG_LIT(".h"));
}

static bool is_native_file(cmg_str file)
{
    size_t tail = file.len;
    while (tail && cmg_is_digit(file.ptr[tail - 1]))
        tail--;
    if (!tail || tail == file.len || file.ptr[tail - 1] != ':')
        return false;
    return is_native_name(cmg_str_head(file, tail - 1));
}

static bool is_psadt(const struct attributes *a)
{
    cmg_str file = a->value[F_FILE], component = a->value[F_COMPONENT];
    return cmg_str_ends(file, CMG_LIT(".ps1")) || cmg_str_ends(file, CMG_LIT(".psm1")) ||
           cmg_str_starts(component, CMG_LIT("PSAppDeployToolkit")) ||
           cmg_str_find(component, CMG_LIT("-ADT")) != CMG_STR_NPOS;
}

static int offset_of(const struct cmg_clock *c)
{
    uint64_t n = 0;
    bool ok = cmg_scan_u64(c->offset, &n);
    bool minus = c->sign.len && c->sign.ptr[c->sign.len - 1] == '-';
    return ok ? (minus ? -(int)n : (int)n) : 0;
}

static enum rule rule_of(const struct attributes *a, const struct cmg_clock *c)
{
    int n = offset_of(c);
    if (!c->sign.len || c->sign.ptr[0] == ' ' || n > CMG_OFFSET_MAX || n < -CMG_OFFSET_MAX)
        return RULE_NONE;
    if (cmg_str_eq(c->sign, CMG_LIT("+-")))
        return RULE_WMI;
    if (c->sign.len > 1)
        return RULE_NONE;
    if (is_native_file(a->value[F_FILE]))
        return RULE_WINDOWS;
    /* The native "%+03d" gives "+00". "+000" is a constant in MDT's scripts, OneTrace and the
     * widespread PowerShell idiom "$ms+000": local time, offset unknown. */
    if (!n && c->offset.len >= 3)
        return RULE_NONE;
    return is_psadt(a) ? RULE_UTC_OFFSET : RULE_WINDOWS;
}

/* Digits behind the point. Three are milliseconds (native code), seven ticks of 100 ns (.NET). One
 * or two before an offset come from "$((Get-Date).Millisecond)+000", which does not pad: ".7+000"
 * is 7 ms. Other lengths are a fraction with its trailing zeros trimmed (goCMTrace), or three
 * digits and a UTC offset that has lost its sign (".935600", Brisbane): both read the same to the
 * millisecond, and neither tells the zone for sure. */
static int32_t nanoseconds(const struct cmg_clock *c)
{
    if (c->sign.len && c->fraction.len && c->fraction.len < 3) {
        uint64_t ms = 0;
        return cmg_scan_u64(c->fraction, &ms) ? (int32_t)ms * 1000000 : 0;
    }
    return cmg_fraction_ns(c->fraction);
}

/* Odd forms keep their text:
 *     12:13:14.567+-360   see RULE_WMI
 *     08:27:11.935600     see nanoseconds()
 *     02:51:35.517 600    the sign was lost: zone not known (DriverAutomationTool)
 *     13.02.20.943120     points for colons, the offset without sign (PSAppDeployToolkit 3 in
 * Finnish) 10:11:12.7+000      see nanoseconds() and rule_of() 14:13:13.84164, 14:13:13   trailing
 * zeros trimmed, down to no fraction */
static bool is_odd(const struct cmg_clock *c, enum rule rule)
{
    bool usual = c->fraction.len == 3 || (c->fraction.len == 7 && !c->sign.len);
    return !usual || c->dots || c->rest.len || (rule != RULE_WINDOWS && c->sign.len);
}

static void apply_offset(const struct cmg_clock *c, enum rule rule, struct cmg_event *ev)
{
    int n = offset_of(c);
    ev->time.zoned = rule != RULE_NONE;
    if (rule == RULE_WINDOWS)
        n = -n;
    ev->time.offset_min = (int16_t)(rule == RULE_NONE ? 0 : n);
    if (rule == RULE_UTC_OFFSET)
        cmg_event_keep(ev, CMG_LIT("time.policy"), CMG_LIT("utc-offset"));
    if (rule == RULE_WMI)
        cmg_event_keep(ev, CMG_LIT("time.policy"), CMG_LIT("wmi-offset"));
}

/* "HH:MM:SS.mmm" and a sign with one to three digits. */
static inline bool native_clock(cmg_str s, struct cmg_civil *c, int *ret_bias)
{
    const char *p = s.ptr;
    cmg_str ms = cmg_str_cut(s, 9, 12), bias = cmg_str_from(s, 13);
    int part[3], n;
    if (s.len < 14 || p[8] != '.' || (p[12] != '-' && p[12] != '+') ||
        !cmg_scan_pairs(p, ':', part) || !cmg_scan_int(&ms, 3, 3, &n))
        return false;
    c->hour = part[0];
    c->minute = part[1];
    c->second = part[2];
    c->ns = n * 1000000;
    if (!cmg_scan_int(&bias, 1, 3, &n) || bias.len)
        return false;
    *ret_bias = p[12] == '-' ? -n : n;
    return n <= CMG_OFFSET_MAX;
}

/* "MM-DD-YYYY" */
static inline bool native_date(cmg_str s, struct cmg_civil *c)
{
    int part[3], years;
    cmg_str rest = cmg_str_from(s, 8);
    if (s.len != 10 || !cmg_scan_pairs(s.ptr, '-', part) || !cmg_scan_int(&rest, 2, 2, &years))
        return false;
    c->month = part[0];
    c->day = part[1];
    c->year = part[2] * 100 + years;
    return true;
}

/* What native code writes, which is most of it: read_time() would find the same. */
static bool read_native_time(const struct attributes *a, struct cmg_event *ev)
{
    struct cmg_civil civil;
    int bias;
    if (!native_clock(a->value[F_TIME], &civil, &bias) || !native_date(a->value[F_DATE], &civil) ||
        ev->source_file.len == a->value[F_FILE].len || !is_native_name(ev->source_file) ||
        !cmg_event_set_time(ev, &civil))
        return false;
    ev->time.zoned = true;
    ev->time.offset_min = (int16_t)-bias;
    return true;
}

/* The date is month first in everything that was measured: MM-DD-YYYY, .NET writes M-D-YYYY. */
static void read_time(const struct attributes *a, struct cmg_event *ev)
{
    struct cmg_civil civil = {0};
    struct cmg_clock clock;
    cmg_str date = a->value[F_DATE], time = a->value[F_TIME];
    if (!time.len && !date.len)
        return;
    if (!cmg_scan_mdy(&date, &civil) || date.len || !cmg_scan_clock(time, &clock))
        goto bad;
    civil.hour = clock.hour;
    civil.minute = clock.minute;
    civil.second = clock.second;
    civil.ns = nanoseconds(&clock);
    if (!cmg_event_set_time(ev, &civil))
        goto bad;
    enum rule rule = rule_of(a, &clock);
    apply_offset(&clock, rule, ev);
    if (is_odd(&clock, rule))
        cmg_event_keep_time(ev, time);
    return;
bad:
    ev->problems |= CMG_P_BAD_TIME;
    if (time.len)
        cmg_event_keep_time(ev, time);
    if (a->value[F_DATE].len)
        cmg_event_keep(ev, CMG_LIT("date.text"), a->value[F_DATE]);
}

/* ---- the other attributes -------------------------------------------------------------------- */

/* LogLevel 0 is verbose (Microsoft, "About log files"); native code writes type 0 for ordinary
 * lines. */
static void read_type(cmg_str v, struct cmg_event *ev)
{
    static const enum cmg_level levels[] = {CMG_LEVEL_VERBOSE, CMG_LEVEL_INFO, CMG_LEVEL_WARNING,
                                            CMG_LEVEL_ERROR};
    if (v.len == 1 && v.ptr[0] >= '0' && v.ptr[0] <= '3') {
        ev->level = levels[v.ptr[0] - '0'];
        return;
    }
    if (!v.len)
        return;
    cmg_event_keep(ev, field_names[F_TYPE], v);
    if (cmg_count_digits(v) != v.len)
        ev->problems |= CMG_P_BAD_ATTRIBUTE;
}

static void read_thread(cmg_str v, struct cmg_event *ev)
{
    ev->has_thread = cmg_scan_u64(v, &ev->thread);
    if (ev->has_thread || !v.len)
        return;
    ev->thread = 0;
    cmg_event_keep(ev, field_names[F_THREAD], v);
    ev->problems |= CMG_P_BAD_ATTRIBUTE;
}

/* "source.cpp:1702"; a path with a drive letter has a colon too, so only digits behind the last one
 * are a line. */
static void read_file(cmg_str v, struct cmg_event *ev)
{
    size_t at = v.len;
    uint32_t line = 0, unit = 1;
    for (; at && v.len - at < 9 && cmg_is_digit(v.ptr[at - 1]); at--, unit *= 10)
        line += unit * (uint32_t)(v.ptr[at - 1] - '0');
    ev->source_file = v;
    if (at && at < v.len && v.ptr[at - 1] == ':') {
        ev->source_file = cmg_str_head(v, at - 1);
        ev->source_line = line;
    }
}

static void apply(const struct attributes *a, struct cmg_event *ev)
{
    ev->component = a->value[F_COMPONENT];
    ev->context = a->value[F_CONTEXT];
    read_file(a->value[F_FILE], ev);
    if (!read_native_time(a, ev))
        read_time(a, ev);
    read_type(a->value[F_TYPE], ev);
    read_thread(a->value[F_THREAD], ev);
}

/* An opener without its closer. A closer whose attributes were not written any more does not belong
 * to the message. */
static void decode_pending(cmg_str message, struct cmg_event *ev)
{
    const cmg_str end = CMG_LIT("]LOG]!><time=");
    for (size_t n = end.len - 1; n >= MARK_LEN; n--) {
        if (cmg_str_ends(message, cmg_str_head(end, n))) {
            message.len -= n;
            break;
        }
    }
    ev->message = message;
    ev->problems |= CMG_P_PARTIAL_TAIL;
}

/* An opener at the very front, a closer, attributes as usual, nothing else: what split() and
 * decode_any() would find, in one pass. */
static inline bool read_whole(cmg_str record, struct attributes *a, cmg_str *ret_message)
{
    if (!cmg_str_starts(record, OPENER))
        return false;
    size_t closer = find_closer(record, MARK_LEN);
    if (closer == CMG_STR_NPOS || !read_usual(cmg_str_from(record, closer + MARK_LEN), a))
        return false;
    *ret_message = cmg_str_cut(record, MARK_LEN, closer);
    return true;
}

static bool whole(cmg_str line, struct cmg_event *ret)
{
    struct attributes a;
    cmg_str message;
    if (!read_whole(line, &a, &message))
        return false;
    cmg_event_clear_head(ret);
    ret->message = message;
    apply(&a, ret);
    return true;
}

/* Attributes in any shape, behind the '<' at `at`. */
static void decode_attributes(cmg_str record, size_t at, struct cmg_event *ev)
{
    struct attributes a = {.seen = 0};
    bool complete;
    size_t end = attributes_end(record, at, &complete);
    read_general(cmg_str_cut(record, at + 1, end - complete), &a, ev);
    if (!complete)
        ev->problems |= CMG_P_PARTIAL_TAIL;
    if (cmg_str_trim(cmg_str_from(record, end)).len)
        ev->problems |= CMG_P_TRAILING_TEXT;
    apply(&a, ev);
}

static enum cmg_take decode_any(cmg_str record, struct cmg_event *ev)
{
    size_t opener = cmg_ccm_opener(record);
    size_t from = opener == CMG_STR_NPOS ? 0 : opener + MARK_LEN;
    size_t closer = find_closer(record, from);
    if (closer == CMG_STR_NPOS && opener == CMG_STR_NPOS)
        return CMG_NOT_MINE;
    if (closer == CMG_STR_NPOS) {
        decode_pending(cmg_str_from(record, from), ev);
        return CMG_TAKEN;
    }
    ev->message = cmg_str_cut(record, from, closer);
    decode_attributes(record, closer + MARK_LEN, ev);
    if (opener == CMG_STR_NPOS)
        ev->problems |= CMG_P_PARTIAL_HEAD;
    return CMG_TAKEN;
}

static enum cmg_take decode(void *state, cmg_str record, struct cmg_event *ev)
{
    (void)state;
    struct attributes a;
    if (!read_whole(record, &a, &ev->message))
        return decode_any(record, ev);
    apply(&a, ev);
    return CMG_TAKEN;
}

const struct cmg_decoder cmg_decoder_ccm = {
    .name = "ccm",
    .summary = "CMTrace records <![LOG[...]LOG]!>: ConfigMgr clients, task sequences, managed "
               "code, Intune",
    .probe = probe,
    .split = split,
    .decode = decode,
    .whole = whole,
};
