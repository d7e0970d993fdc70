/* SPDX-License-Identifier: Apache-2.0
 * W3C extended logs of IIS, and of HTTP.SYS (HTTPERR).
 *
 * Columns are what the last "#Fields:" says; each restart of the service writes the block again,
 * and the list may change in the middle of a file. Values are separated by single blanks, so a
 * doubled blank is an empty value. Times are UTC. A row whose columns are not known (forwarders
 * lose the header, articles do not quote it) is read by the order that IIS itself keeps: method,
 * stem, query, port, user, client, agent ... status, sub-status, win32 status, bytes, time taken.
 */
#include "decoders/scan.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { COLUMNS_MAX = 64, NAMES_MAX = 1600, ROW_MAX = 80, METHOD_AT_MAX = 6 };

enum kind {
    K_ATTR, /* has no field of its own: goes to the attributes by its name */
    K_LOST, /* the same, but there was no room for its name */
    K_DATE,
    K_TIME,
    K_METHOD,
    K_STEM,
    K_QUERY,
    K_URI,
    K_USER,
    K_CLIENT,
    K_SERVER,
    K_AGENT,
    K_HOST,
    K_PORT,
    K_STATUS,
    K_SUBSTATUS,
    K_WIN32,
    K_TAKEN,
};

static const struct {
    cmg_str name;
    enum kind kind;
} known[] = {
    {CMG_LIT("date"), K_DATE},
    {CMG_LIT("time"), K_TIME},
    {CMG_LIT("cs-method"), K_METHOD},
    {CMG_LIT("cs-uri-stem"), K_STEM},
    {CMG_LIT("cs-uri-query"), K_QUERY},
    {CMG_LIT("cs-uri"), K_URI},
    {CMG_LIT("cs-username"), K_USER},
    {CMG_LIT("c-ip"), K_CLIENT},
    {CMG_LIT("s-ip"), K_SERVER},
    {CMG_LIT("cs(User-Agent)"), K_AGENT},
    {CMG_LIT("cs-host"), K_HOST},
    {CMG_LIT("s-port"), K_PORT},
    {CMG_LIT("sc-status"), K_STATUS},
    {CMG_LIT("sc-substatus"), K_SUBSTATUS},
    {CMG_LIT("sc-win32-status"), K_WIN32},
    {CMG_LIT("time-taken"), K_TAKEN},
};

struct state {
    uint8_t columns;  /* 0: no "#Fields:" was seen */
    uint8_t too_many; /* the list was longer */
    uint8_t has_date;
    uint8_t kind[COLUMNS_MAX];
    uint16_t name_end[COLUMNS_MAX]; /* in names; begins where the one before it ends */
    char names[NAMES_MAX];          /* of the K_ATTR columns */
    int32_t year, month, day;       /* of "#Date:", for rows without a date */
};
_Static_assert(sizeof(struct state) <= CMG_STATE_MAX, "a decoder's memory has a cap");

/* ---- values ---------------------------------------------------------------------------------- */

static cmg_str value_of(cmg_str v)
{
    return cmg_str_eq(v, CMG_LIT("-")) ? cmg_str_head(v, 0) : v;
}

static bool is_number_or_empty(cmg_str v)
{
    v = value_of(v);
    return cmg_count_digits(v) == v.len;
}

/* "2026-08-19" */
static bool scan_date(cmg_str v, struct cmg_civil *c)
{
    return cmg_scan_int(&v, 4, 4, &c->year) && cmg_scan_char(&v, '-') &&
           cmg_scan_int(&v, 2, 2, &c->month) && cmg_scan_char(&v, '-') &&
           cmg_scan_int(&v, 2, 2, &c->day) && !v.len;
}

/* "14:41:27" */
static bool scan_time(cmg_str v, struct cmg_civil *c)
{
    return cmg_scan_int(&v, 2, 2, &c->hour) && cmg_scan_char(&v, ':') &&
           cmg_scan_int(&v, 2, 2, &c->minute) && cmg_scan_char(&v, ':') &&
           cmg_scan_int(&v, 2, 2, &c->second) && !v.len;
}

struct row {
    size_t n; /* ROW_MAX: there may be more */
    cmg_str col[ROW_MAX];
};

#ifdef __SSE2__
/* Index of the first blank at or behind `at`, or s.len. */
static inline size_t next_blank(cmg_str s, size_t at)
{
    for (; at + 16 <= s.len; at += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(s.ptr + at));
        unsigned m = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8(' ')));
        if (m)
            return at + (unsigned)__builtin_ctz(m);
    }
    while (at < s.len && s.ptr[at] != ' ')
        at++;
    return at;
}
#else
static inline size_t next_blank(cmg_str s, size_t at)
{
    while (at < s.len && s.ptr[at] != ' ')
        at++;
    return at;
}
#endif

static void split_row(cmg_str line, struct row *r)
{
    size_t at = 0;
    for (r->n = 0; r->n < ROW_MAX && at <= line.len;) {
        size_t end = next_blank(line, at);
        r->col[r->n++] = cmg_str_of(line.ptr + at, end - at);
        at = end + 1;
    }
}

/* Exchange writes a blank too many in front of user names: "444  CONTOSO\user". Without its empty
 * columns, such a row has as many as "#Fields:" says. */
static void squeeze(struct row *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++)
        if (r->col[i].len)
            r->col[n++] = r->col[i];
    r->n = n;
}

/* ---- directives ------------------------------------------------------------------------------ */

static enum kind kind_of(cmg_str name)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (cmg_str_ieq(name, known[i].name))
            return known[i].kind;
    return K_ATTR;
}

static cmg_str name_of_kind(enum kind k)
{
    size_t i = 0;
    while (known[i].kind != k)
        i++;
    return known[i].name;
}

static void add_column(struct state *s, cmg_str name)
{
    uint16_t end = s->columns ? s->name_end[s->columns - 1] : 0;
    if (s->columns == COLUMNS_MAX) {
        s->too_many = 1;
        return;
    }
    enum kind k = kind_of(name);
    if (k == K_ATTR && end + name.len > NAMES_MAX)
        k = K_LOST;
    if (k == K_ATTR) {
        memcpy(s->names + end, name.ptr, name.len);
        end = (uint16_t)(end + name.len);
    }
    s->kind[s->columns] = (uint8_t)k;
    s->name_end[s->columns++] = end;
}

static void read_fields(struct state *s, cmg_str list)
{
    s->columns = s->too_many = 0;
    for (;;) {
        list = cmg_str_trim(list);
        if (!list.len)
            return;
        cmg_str name = cmg_str_head(list, cmg_str_chr(list, ' '));
        add_column(s, name);
        list = cmg_str_from(list, name.len);
    }
}

static enum cmg_take directive(struct state *s, cmg_str line)
{
    cmg_str v = line;
    struct cmg_civil c = {0};
    if (cmg_scan_lit(&v, CMG_LIT("#Fields:")))
        read_fields(s, v);
    v = line;
    if (cmg_scan_lit(&v, CMG_LIT("#Date:"))) {
        v = cmg_str_trim(v);
        s->has_date = scan_date(cmg_str_head(v, 10), &c);
        s->year = c.year;
        s->month = c.month;
        s->day = c.day;
    }
    return CMG_SKIP;
}

/* ---- rows with known columns ----------------------------------------------------------------- */

static bool fits_kind(enum kind k, cmg_str v)
{
    struct cmg_civil c;
    if (k == K_DATE)
        return !value_of(v).len || scan_date(v, &c);
    if (k == K_TIME)
        return !value_of(v).len || scan_time(v, &c);
    return k < K_PORT || is_number_or_empty(v);
}

static bool fit_kinds(const struct state *s, const struct row *r)
{
    for (size_t i = 0; i < r->n && i < s->columns; i++)
        if (!fits_kind(s->kind[i], r->col[i]))
            return false;
    return true;
}

/* Do the columns take the row? It may end in a blank too many. */
static bool fits(const struct state *s, struct row *r)
{
    if (!s->columns || s->too_many || r->n < s->columns || r->n == ROW_MAX)
        return false;
    if (r->n == s->columns + 1u && !r->col[r->n - 1].len)
        r->n--;
    if (r->n > s->columns)
        squeeze(r);
    return r->n == s->columns && fit_kinds(s, r);
}

/* A row may lack its end, where a log was cut, but it begins as a row does. */
static bool fits_in_part(const struct state *s, cmg_str line, const struct row *r)
{
    return s->columns && !s->too_many && r->n > 1 && r->n < s->columns && cmg_is_w3c(line) &&
           fit_kinds(s, r);
}

static bool read_number(cmg_str v, uint64_t most, int64_t *ret)
{
    uint64_t n;
    if (!cmg_scan_u64(v, &n) || n > most)
        return false;
    *ret = (int64_t)n;
    return true;
}

/* sc-win32-status is a 32-bit code written without a sign (2148074254 is 0x8009030E), in places far
 * more. */
static bool put_number(struct cmg_http *h, enum kind k, cmg_str v)
{
    int64_t n;
    if (!read_number(v, k == K_WIN32 || k == K_TAKEN ? INT64_MAX : INT32_MAX, &n))
        return false;
    switch (k) {
    case K_PORT:
        h->port = (int32_t)n;
        break;
    case K_STATUS:
        h->status = (int32_t)n;
        break;
    case K_SUBSTATUS:
        h->substatus = (int32_t)n;
        break;
    case K_WIN32:
        h->win32 = n;
        break;
    default:
        h->time_taken_ms = n;
        break;
    }
    return true;
}

static void put_uri(struct cmg_http *h, cmg_str v)
{
    size_t mark = cmg_str_chr(v, '?');
    h->stem = cmg_str_head(v, mark);
    if (mark != CMG_STR_NPOS)
        h->query = cmg_str_from(v, mark + 1);
}

static void put_text(struct cmg_http *h, enum kind k, cmg_str v)
{
    cmg_str *const field[] = {
        [K_METHOD] = &h->method,    [K_STEM] = &h->stem,        [K_QUERY] = &h->query,
        [K_USER] = &h->username,    [K_CLIENT] = &h->client_ip, [K_SERVER] = &h->server_ip,
        [K_AGENT] = &h->user_agent, [K_HOST] = &h->host};
    if (k == K_URI)
        put_uri(h, v);
    else
        *field[k] = v;
}

struct when {
    struct cmg_civil civil;
    cmg_str date, time;
};

static void put(struct cmg_event *ev, struct when *w, enum kind k, cmg_str name, cmg_str v)
{
    v = value_of(v);
    if (k == K_DATE)
        w->date = v;
    else if (k == K_TIME)
        w->time = v;
    else if (!v.len)
        return;
    else if (k == K_ATTR)
        cmg_event_keep(ev, name, v);
    else if (k == K_LOST)
        ev->problems |= CMG_P_ATTRS_LOST;
    else if (k < K_PORT)
        put_text(&ev->http, k, v);
    else if (!put_number(&ev->http, k, v)) {
        ev->problems |= CMG_P_BAD_ATTRIBUTE;
        cmg_event_keep(ev, name_of_kind(k), v);
    }
}

static void finish(const struct state *s, const struct when *w, cmg_str line, struct cmg_event *ev)
{
    struct cmg_civil c = {.year = s->year, .month = s->month, .day = s->day};
    ev->message = line;
    ev->has_http = true;
    if (ev->http.status >= 0)
        ev->level = ev->http.status >= 500   ? CMG_LEVEL_ERROR
                    : ev->http.status >= 400 ? CMG_LEVEL_WARNING
                                             : CMG_LEVEL_INFO;
    bool dated = w->date.len ? scan_date(w->date, &c) : s->has_date;
    if (dated && w->time.len && scan_time(w->time, &c)) {
        ev->time.zoned = cmg_event_set_time(ev, &c);
    }
    if (!ev->time.known && w->time.len)
        cmg_event_keep_time(ev, w->time);
}

static cmg_str name_of(const struct state *s, size_t i)
{
    size_t from = i ? s->name_end[i - 1] : 0;
    return cmg_str_of(s->names + from, s->name_end[i] - from);
}

static void decode_columns(const struct state *s, cmg_str line, const struct row *r,
                           struct cmg_event *ev)
{
    struct when w = {.date = {NULL, 0}};
    for (size_t i = 0; i < r->n && i < s->columns; i++)
        put(ev, &w, s->kind[i], name_of(s, i), r->col[i]);
    if (r->n < s->columns)
        ev->problems |= CMG_P_PARTIAL_TAIL;
    finish(s, &w, line, ev);
}

/* ---- rows with unknown columns --------------------------------------------------------------- */

/* A place holder of a published row: "<IP_address_of_MP>". */
static bool is_placeholder(cmg_str v)
{
    return v.len > 2 && v.ptr[0] == '<' && v.ptr[v.len - 1] == '>';
}

static bool is_method(cmg_str v)
{
    if (v.len < 3 || v.len > 16)
        return false;
    for (size_t i = 0; i < v.len; i++)
        if ((v.ptr[i] < 'A' || v.ptr[i] > 'Z') && v.ptr[i] != '_')
            return false;
    return true;
}

static bool is_address(cmg_str v)
{
    size_t seps = 0;
    if (is_placeholder(v))
        return true;
    for (size_t i = 0; i < v.len; i++) {
        if (v.ptr[i] == '%')
            break;
        seps += v.ptr[i] == '.' || v.ptr[i] == ':';
        if (cmg_hex_digit(v.ptr[i]) < 0 && v.ptr[i] != '.' && v.ptr[i] != ':')
            return false;
    }
    return seps >= 2;
}

/* Three digits, or the 0 of a connection that was given up. */
static bool is_status(cmg_str v)
{
    return cmg_str_eq(v, CMG_LIT("0")) ||
           (v.len == 3 && v.ptr[0] >= '1' && v.ptr[0] <= '5' && cmg_count_digits(v) == 3);
}

static bool is_number(cmg_str v)
{
    return v.len && cmg_count_digits(v) == v.len;
}

/* Where the known order lies in a row. */
struct layout {
    size_t method, client, status; /* client: 0 when it is not there */
    size_t agent, numbers;         /* numbers: behind the win32 status */
};

static bool find_method(const cmg_str *col, size_t n, size_t *ret)
{
    for (size_t i = 1; i <= METHOD_AT_MAX && i + 8 < n; i++) {
        if (is_method(col[i]) && col[i + 1].len &&
            (col[i + 1].ptr[0] == '/' || col[i + 1].ptr[0] == '*') &&
            is_number_or_empty(col[i + 3])) {
            *ret = i;
            return true;
        }
    }
    return false;
}

static bool lay_out(const cmg_str *col, size_t n, struct layout *l)
{
    if (!find_method(col, n, &l->method))
        return false;
    size_t at = l->method + 5;
    l->client = cmg_str_starts(col[at], CMG_LIT("HTTP/")) ? 0 : at++;
    if (cmg_str_starts(col[at], CMG_LIT("HTTP/")))
        at++;
    l->agent = at;
    for (l->status = at + 1; l->status < n && !is_number(col[l->status]);)
        l->status++;
    for (l->numbers = l->status; l->numbers < n && is_number(col[l->numbers]);)
        l->numbers++;
    return l->numbers >= l->status + 3 && is_status(col[l->status]);
}

static bool find_layout(struct row *r, struct layout *l)
{
    if (r->n == ROW_MAX || !lay_out(r->col, r->n, l))
        return false;
    if (r->col[l->method + 4].len || is_address(r->col[l->client]))
        return true;
    squeeze(r);
    return lay_out(r->col, r->n, l);
}

/* Between agent and status stand cookie, referer and host, each of which a server may leave out.
 * Alone it is the referer, three are all; the last of several is a host when it looks like one. */
static void put_middle(const cmg_str *col, const struct layout *l, struct cmg_event *ev,
                       struct when *w)
{
    size_t n = l->status - l->agent - 1;
    cmg_str last = n ? col[l->status - 1] : (cmg_str){NULL, 0};
    if (n == 1)
        put(ev, w, K_ATTR, CMG_LIT("cs(Referer)"), last);
    if (n == 3)
        put(ev, w, K_ATTR, CMG_LIT("cs(Referer)"), col[l->status - 2]);
    if (n > 1 && cmg_str_chr(last, '=') == CMG_STR_NPOS && cmg_str_chr(last, '/') == CMG_STR_NPOS)
        put(ev, w, K_HOST, (cmg_str){NULL, 0}, last);
}

/* Behind the win32 status: bytes sent, bytes received, time taken; one number alone is the time,
 * two are bytes sent and the time. */
static void put_numbers(const cmg_str *col, const struct layout *l, struct cmg_event *ev,
                        struct when *w)
{
    size_t at = l->status + 3, n = l->numbers - at;
    for (size_t i = 0; i < 3; i++)
        put(ev, w, (enum kind)(K_STATUS + i), (cmg_str){NULL, 0}, col[l->status + i]);
    if (n >= 2)
        put(ev, w, K_ATTR, CMG_LIT("sc-bytes"), col[at]);
    if (n >= 3)
        put(ev, w, K_ATTR, CMG_LIT("cs-bytes"), col[at + 1]);
    if (n)
        put(ev, w, K_TAKEN, (cmg_str){NULL, 0}, col[at + (n > 2 ? 2 : n - 1)]);
}

static void decode_unknown(const struct state *s, cmg_str line, const cmg_str *col,
                           const struct layout *l, struct cmg_event *ev)
{
    struct when w = {.date = {NULL, 0}};
    struct cmg_civil c;
    size_t m = l->method;
    if (scan_date(col[0], &c)) {
        w.date = col[0];
        w.time = col[1];
    } else if (scan_time(col[0], &c)) {
        w.time = col[0];
    }
    if (is_address(col[m - 1]))
        put(ev, &w, K_SERVER, (cmg_str){NULL, 0}, col[m - 1]);
    for (size_t i = 0; i < 5; i++) {
        static const enum kind order[] = {K_METHOD, K_STEM, K_QUERY, K_PORT, K_USER};
        put(ev, &w, order[i], (cmg_str){NULL, 0}, col[m + i]);
    }
    if (l->client)
        put(ev, &w, K_CLIENT, (cmg_str){NULL, 0}, col[l->client]);
    put(ev, &w, K_AGENT, (cmg_str){NULL, 0}, col[l->agent]);
    put_middle(col, l, ev, &w);
    put_numbers(col, l, ev, &w);
    cmg_event_keep(ev, CMG_LIT("columns"), CMG_LIT("guessed"));
    finish(s, &w, line, ev);
}

/* Cheap no to nearly every line that is not a row: no method among its first words. */
static bool has_early_method(cmg_str line)
{
    for (size_t i = 0; i <= METHOD_AT_MAX; i++) {
        size_t end = 0;
        while (end < line.len && line.ptr[end] != ' ')
            end++;
        if (i && is_method(cmg_str_head(line, end)))
            return true;
        line = cmg_str_from(line, end + 1);
    }
    return false;
}

/* ---- descriptor ------------------------------------------------------------------------------ */

enum shape { NO_ROW, ROW_KNOWN, ROW_GUESSED };

/* An order that is known comes first, except for a row that lacks columns: another order may be its
 * own. */
static enum shape shape_of(const struct state *s, cmg_str line, struct row *r, struct layout *l)
{
    split_row(line, r);
    if (fits(s, r))
        return ROW_KNOWN;
    split_row(line, r);
    if (find_layout(r, l))
        return ROW_GUESSED;
    split_row(line, r);
    return fits_in_part(s, line, r) ? ROW_KNOWN : NO_ROW;
}

static bool probe(const void *state, cmg_str line)
{
    const struct state *s = state;
    struct row r;
    struct layout l;
    bool w3c = cmg_is_w3c(line);
    if (!w3c && !s->columns && !has_early_method(line))
        return false;
    if (!(w3c && line.ptr[0] == '#') && shape_of(s, line, &r, &l) == NO_ROW)
        return false;
    if (cmg_has_thread_column(line) || cmg_ccm_opener(line) != CMG_STR_NPOS ||
        cmg_is_winevent(line))
        return false;
    return w3c || (!cmg_ccm_inside(line) && !cmg_sms_shape(line) && !cmg_setup_shape(line) &&
                   !cmg_etw_csv_row(line));
}

static enum cmg_take decode(void *state, cmg_str record, struct cmg_event *ev)
{
    struct state *s = state;
    struct row r;
    struct layout l;
    if (cmg_is_w3c(record) && record.ptr[0] == '#')
        return directive(s, record);
    switch (shape_of(s, record, &r, &l)) {
    case ROW_KNOWN:
        decode_columns(s, record, &r, ev);
        return CMG_TAKEN;
    case ROW_GUESSED:
        decode_unknown(s, record, r.col, &l, ev);
        return CMG_TAKEN;
    default:
        return CMG_NOT_MINE;
    }
}

const struct cmg_decoder cmg_decoder_iis = {
    .name = "iis",
    .summary = "W3C extended: IIS access logs and HTTPERR, by #Fields or by shape",
    .state_size = sizeof(struct state),
    .probe = probe,
    .decode = decode,
};
