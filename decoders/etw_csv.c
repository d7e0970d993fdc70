/* SPDX-License-Identifier: Apache-2.0
 * Traces as rows of commas, as `tracerpt -of CSV` writes them:
 *
 *     [Index,] Event Name, Type, Event ID, Version, Channel, Level, Opcode, Task, Keyword, PID,
 * TID, Processor Number, Instance ID, Parent Instance ID, Activity ID, Related Activity ID,
 *     Clock-Time, Kernel(ms), User(ms), User Data...
 *
 * Measured on a real trace: columns are padded with blanks; numbers are decimal or 0x...; the time
 * counts 100 ns from 1601 in UTC, and a spreadsheet makes "1.3312743607246872e+17" of it; user data
 * has no names, texts are quoted with quotes doubled, and a text may span lines. Rows are known by
 * their shape, since forwarders lose the header. */
#include "decoders/winevent.h"

enum { NAME, TYPE, ID, VERSION, CHANNEL, LEVEL, OPCODE, TASK, KEYWORD, PID, TID, PROCESSOR };
enum { ACTIVITY = 14, CLOCK = 16, DATA = 19, HEAD_MAX = DATA + 1 };

/* ---- columns --------------------------------------------------------------------------------- */

static size_t skip_blanks(cmg_str s, size_t at)
{
    while (at < s.len && cmg_is_blank(s.ptr[at]))
        at++;
    return at;
}

/* Behind the quote that ends a text which begins at `at`; the end where there is none. */
static size_t skip_text(cmg_str s, size_t at)
{
    for (;;) {
        size_t n = cmg_str_chr(cmg_str_from(s, at), '"');
        if (n == CMG_STR_NPOS)
            return s.len;
        at += n + 1;
        if (at == s.len || s.ptr[at] != '"')
            return at;
        at++;
    }
}

/* The next column without the blanks around it, quotes and all. False: there is none. */
static bool next_column(cmg_str s, size_t *at, cmg_str *ret)
{
    if (*at > s.len)
        return false;
    size_t from = skip_blanks(s, *at);
    size_t end = from < s.len && s.ptr[from] == '"' ? skip_text(s, from + 1) : from;
    size_t n = cmg_str_chr(cmg_str_from(s, end), ',');
    end = n == CMG_STR_NPOS ? s.len : end + n;
    *ret = cmg_trim_right(cmg_str_cut(s, from, end));
    *at = end + 1;
    return true;
}

static bool is_number(cmg_str v)
{
    uint64_t n;
    return cmg_str_starts(v, CMG_LIT("0x")) ? cmg_scan_hex(cmg_str_from(v, 2), &n)
                                            : cmg_scan_u64(v, &n);
}

static bool is_guid(cmg_str v)
{
    enum { GUID_LEN = 38 };
    return v.len == GUID_LEN && v.ptr[0] == '{' && v.ptr[GUID_LEN - 1] == '}';
}

/* Digits of a number with or without an exponent, "1.3312743607246872e+17", as 18 of them. False:
 * fewer than are exact to the millisecond. */
static bool read_ticks(cmg_str v, uint64_t *ret)
{
    enum { DIGITS = 18, DIGITS_MIN = 14 };
    size_t e = cmg_str_chr(v, 'e'), digits = 0;
    cmg_str mantissa = cmg_str_head(v, e);
    bool scientific = e != CMG_STR_NPOS;
    if (scientific ? !cmg_str_eq(cmg_str_from(v, e), CMG_LIT("e+17")) : v.len != DIGITS)
        return false;
    *ret = 0;
    for (size_t i = 0; i < mantissa.len && digits < DIGITS; i++) {
        if (scientific && i == 1 && mantissa.ptr[i] == '.')
            continue;
        if (!cmg_is_digit(mantissa.ptr[i]))
            return false;
        *ret = *ret * 10 + (uint64_t)(mantissa.ptr[i] - '0');
        digits++;
    }
    bool exact = digits >= DIGITS_MIN;
    for (; digits < DIGITS; digits++)
        *ret *= 10;
    return exact;
}

static bool read_clock(cmg_str v, int64_t *ret_ns)
{
    const uint64_t unix_epoch = UINT64_C(116444736000000000);
    uint64_t ticks;
    if (!read_ticks(v, &ticks) || ticks < unix_epoch || ticks - unix_epoch > INT64_MAX / 100)
        return false;
    *ret_ns = (int64_t)(ticks - unix_epoch) * 100;
    return true;
}

/* ---- rows ------------------------------------------------------------------------------------ */

struct row {
    cmg_str column[HEAD_MAX]; /* NAME first */
    size_t data;              /* where user data begins; behind the end: there is none */
};

static bool is_name(cmg_str v)
{
    return v.len && v.ptr[0] != '"' && !cmg_is_digit(v.ptr[0]);
}

/* Nearly every other line fails in its first columns. */
static bool read_row(cmg_str line, struct row *r)
{
    size_t at = 0;
    cmg_str v;
    if (cmg_str_chr(cmg_str_head(line, 256), ',') == CMG_STR_NPOS || !next_column(line, &at, &v))
        return false;
    if (is_number(v) && !next_column(line, &at, &v))
        return false;
    if (!is_name(v))
        return false;
    r->column[NAME] = v;
    for (size_t i = TYPE; i < DATA; i++) {
        if (!next_column(line, &at, &v))
            return false;
        if (i >= ID && i <= PROCESSOR && !is_number(v))
            return false;
        r->column[i] = v;
    }
    r->data = at;
    v = r->column[CLOCK];
    return is_guid(r->column[ACTIVITY]) && v.len && cmg_is_digit(v.ptr[0]);
}

/* "Index, Event Name, Type, ..." */
static bool is_header(cmg_str line)
{
    size_t at = 0;
    cmg_str v;
    if (!next_column(line, &at, &v))
        return false;
    if (cmg_str_eq(v, CMG_LIT("Index")) && !next_column(line, &at, &v))
        return false;
    return cmg_str_eq(v, CMG_LIT("Event Name")) && next_column(line, &at, &v) &&
           cmg_str_eq(v, CMG_LIT("Type"));
}

bool cmg_etw_csv_row(cmg_str line)
{
    struct row r;
    return read_row(line, &r) || is_header(line);
}

/* ---- framing --------------------------------------------------------------------------------- */

static bool odd_quotes(cmg_str s)
{
    bool odd = false;
    for (size_t at = 0, n; (n = cmg_str_chr(cmg_str_from(s, at), '"')) != CMG_STR_NPOS; at += n + 1)
        odd = !odd;
    return odd;
}

/* A text that is open at the end of a line goes on in the next; what is held has one that is open.
 */
static struct cmg_cut split(cmg_str text, size_t fresh)
{
    const struct cmg_cut done = {CMG_DONE, text.len}, more = {CMG_MORE, 0};
    bool rest = fresh == CMG_FRESH_REST;
    cmg_str line = rest ? text : cmg_str_from(text, fresh);
    if (!fresh || (rest && cmg_etw_csv_row(line)))
        return odd_quotes(text) ? more : done;
    if (!rest && (cmg_etw_csv_row(line) || cmg_ccm_opener(line) != CMG_STR_NPOS))
        return (struct cmg_cut){CMG_NEW, fresh};
    return odd_quotes(line) ? done : more;
}

/* ---- user data ------------------------------------------------------------------------------- */

/* Without its quotes and the blanks inside them. A spreadsheet puts another pair around. */
static cmg_str unquoted(struct cmg_room *room, cmg_str v)
{
    for (int i = 0; i < 2 && v.len > 1 && v.ptr[0] == '"' && v.ptr[v.len - 1] == '"'; i++) {
        cmg_str s = cmg_str_cut(v, 1, v.len - 1);
        size_t from = room->text.len, n;
        bool doubled = cmg_str_chr(s, '"') != CMG_STR_NPOS;
        while (doubled && (n = cmg_str_chr(s, '"')) != CMG_STR_NPOS) {
            cmg_room_add(room, cmg_str_head(s, n + 1));
            bool pair = n + 1 < s.len && s.ptr[n + 1] == '"';
            s = cmg_str_from(s, n + 1 + pair);
        }
        if (doubled)
            cmg_room_add(room, s);
        v = cmg_str_trim(doubled ? cmg_str_from(cmg_buf_str(&room->text), from) : s);
    }
    return v;
}

/* The columns of IIS's event, which is an access-log row. */
static cmg_str column_of_iis(size_t i)
{
    static const cmg_str names[] = {CMG_LIT("EnabledFieldsFlags"),
                                    CMG_LIT("date"),
                                    CMG_LIT("time"),
                                    CMG_LIT("c-ip"),
                                    CMG_LIT("cs-username"),
                                    CMG_LIT("s-sitename"),
                                    CMG_LIT("s-computername"),
                                    CMG_LIT("s-ip"),
                                    CMG_LIT("cs-method"),
                                    CMG_LIT("cs-uri-stem"),
                                    CMG_LIT("cs-uri-query"),
                                    CMG_LIT("sc-status"),
                                    CMG_LIT("sc-win32-status"),
                                    CMG_LIT("sc-bytes"),
                                    CMG_LIT("cs-bytes"),
                                    CMG_LIT("time-taken"),
                                    CMG_LIT("s-port"),
                                    CMG_LIT("csUser-Agent"),
                                    CMG_LIT("csCookie"),
                                    CMG_LIT("csReferer"),
                                    CMG_LIT("cs-version"),
                                    CMG_LIT("cs-host"),
                                    CMG_LIT("sc-substatus"),
                                    CMG_LIT("CustomFields")};
    return i < sizeof names / sizeof *names ? names[i] : (cmg_str){NULL, 0};
}

static bool is_iis_row(const struct row *r)
{
    return cmg_str_eq(r->column[NAME], CMG_LIT("Microsoft-Windows-IIS-Logging")) &&
           cmg_str_eq(r->column[ID], CMG_LIT("6200"));
}

static void read_data(struct cmg_winevent *w, cmg_str record, const struct row *r)
{
    bool iis = is_iis_row(r);
    size_t at = r->data;
    cmg_str v;
    for (size_t i = 0; next_column(record, &at, &v); i++)
        cmg_winevent_data(w, iis ? column_of_iis(i) : (cmg_str){NULL, 0}, unquoted(w->room, v));
}

/* ---- descriptor ------------------------------------------------------------------------------ */

/* The shape is seldom met by chance; where it is, the others' stronger marks count. */
static bool probe(const void *state, cmg_str line)
{
    (void)state;
    return cmg_etw_csv_row(line) && !cmg_is_winevent(line) && !cmg_has_thread_column(line) &&
           !cmg_is_w3c(line) && !cmg_ccm_inside(line) && !cmg_sms_shape(line) &&
           !cmg_setup_shape(line);
}

static enum cmg_take decode(struct cmg_room *room, cmg_str record, struct cmg_event *ev)
{
    struct cmg_winevent w;
    struct row r;
    if (is_header(record))
        return CMG_SKIP;
    if (!read_row(record, &r))
        return CMG_NOT_MINE;
    cmg_winevent_begin(&w, room, ev);
    w.provider = r.column[NAME];
    w.id = r.column[ID];
    w.level = r.column[LEVEL];
    w.keywords = r.column[KEYWORD];
    w.pid = r.column[PID];
    w.tid = r.column[TID];
    w.activity = r.column[ACTIVITY];
    if (!is_number(r.column[TYPE]))
        w.event_name = r.column[TYPE];
    ev->time.known = ev->time.zoned = read_clock(r.column[CLOCK], &ev->time.ns);
    if (!ev->time.known) {
        ev->problems |= CMG_P_BAD_TIME;
        cmg_event_keep_time(ev, r.column[CLOCK]);
    }
    read_data(&w, record, &r);
    if (odd_quotes(record))
        ev->problems |= CMG_P_MALFORMED;
    cmg_winevent_finish(&w);
    return CMG_TAKEN;
}

const struct cmg_decoder cmg_decoder_etw_csv = {
    .name = "etw-csv",
    .summary = "Windows traces (ETW) in CSV, as tracerpt writes them",
    .probe = probe,
    .split = split,
    .decode_in = decode,
};
