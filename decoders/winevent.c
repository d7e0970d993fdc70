/* SPDX-License-Identifier: Apache-2.0
 * From the values of a Windows event to the event.
 *
 * Levels and keywords are those of winmeta.xml of the Windows SDK. Columns that IIS writes to its
 * trace log (event 6200 of Microsoft-Windows-IIS-Logging) are the W3C names, those with
 * parentheses without them. */
#include "decoders/winevent.h"

#define PARAM(n) CMG_LIT("param" #n)

void cmg_winevent_begin(struct cmg_winevent *w, struct cmg_room *room, struct cmg_event *ev)
{
    memset(w, 0, sizeof *w);
    w->room = room;
    w->ev = ev;
    room->text.len = room->message.len = 0;
    cmg_event_clear(ev);
}

/* ---- data ------------------------------------------------------------------------------------ */

static void put_number(cmg_str v, int64_t most, int64_t *ret)
{
    uint64_t n;
    if (cmg_scan_u64(v, &n) && n <= (uint64_t)most)
        *ret = (int64_t)n;
}

static void put_int(cmg_str v, int32_t *ret)
{
    int64_t n = *ret;
    put_number(v, INT32_MAX, &n);
    *ret = (int32_t)n;
}

/* False: no column that the record has a field for. */
static bool put_column(struct cmg_http *h, cmg_str name, cmg_str value)
{
    const bool empty = cmg_str_eq(value, CMG_LIT("-"));
    const struct {
        cmg_str name, *text;
        int32_t *number;
        int64_t *wide;
    } columns[] = {
        {CMG_LIT("cs-method"), &h->method, NULL, NULL},
        {CMG_LIT("cs-uri-stem"), &h->stem, NULL, NULL},
        {CMG_LIT("cs-uri-query"), &h->query, NULL, NULL},
        {CMG_LIT("c-ip"), &h->client_ip, NULL, NULL},
        {CMG_LIT("s-ip"), &h->server_ip, NULL, NULL},
        {CMG_LIT("csUser-Agent"), &h->user_agent, NULL, NULL},
        {CMG_LIT("cs(User-Agent)"), &h->user_agent, NULL, NULL},
        {CMG_LIT("cs-username"), &h->username, NULL, NULL},
        {CMG_LIT("cs-host"), &h->host, NULL, NULL},
        {CMG_LIT("sc-status"), NULL, &h->status, NULL},
        {CMG_LIT("sc-substatus"), NULL, &h->substatus, NULL},
        {CMG_LIT("s-port"), NULL, &h->port, NULL},
        {CMG_LIT("sc-win32-status"), NULL, NULL, &h->win32},
        {CMG_LIT("time-taken"), NULL, NULL, &h->time_taken_ms},
    };
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        if (!cmg_str_eq(columns[i].name, name))
            continue;
        if (columns[i].text)
            *columns[i].text = empty ? (cmg_str){NULL, 0} : value;
        else if (columns[i].number)
            put_int(value, columns[i].number);
        else
            put_number(value, INT64_MAX, columns[i].wide);
        return true;
    }
    return false;
}

/* "c-ip", "cs-...", "csUser-Agent", "s-port", "sc-...", "time-taken" */
static bool looks_like_column(cmg_str name)
{
    return name.len > 3 && name.len < 16 &&
           (cmg_str_starts(name, CMG_LIT("c-")) || cmg_str_starts(name, CMG_LIT("cs")) ||
            cmg_str_starts(name, CMG_LIT("s-")) || cmg_str_starts(name, CMG_LIT("sc-")) ||
            cmg_str_eq(name, CMG_LIT("time-taken")));
}

static void add(struct cmg_buf *b, cmg_str s)
{
    if (s.len && s.len <= b->size - b->len) {
        memcpy(b->ptr + b->len, s.ptr, s.len);
        b->len += s.len;
    }
}

void cmg_winevent_say(struct cmg_winevent *w, cmg_str name, cmg_str value)
{
    struct cmg_buf *m = &w->room->message;
    add(m, m->len ? CMG_LIT(", ") : (cmg_str){NULL, 0});
    add(m, name);
    add(m, name.len ? CMG_LIT(": ") : (cmg_str){NULL, 0});
    add(m, value);
}

/* What has no name gets the one that Winlogbeat gives it. */
static cmg_str name_of_place(unsigned n)
{
    static const cmg_str names[] = {
        PARAM(1),  PARAM(2),  PARAM(3),  PARAM(4),  PARAM(5),  PARAM(6),  PARAM(7),  PARAM(8),
        PARAM(9),  PARAM(10), PARAM(11), PARAM(12), PARAM(13), PARAM(14), PARAM(15), PARAM(16),
        PARAM(17), PARAM(18), PARAM(19), PARAM(20), PARAM(21), PARAM(22), PARAM(23), PARAM(24)};
    _Static_assert(sizeof names / sizeof *names == CMG_ATTRS_MAX, "as many as are kept");
    return n < CMG_ATTRS_MAX ? names[n] : (cmg_str){NULL, 0};
}

/* CAPI2's long events say at their end whose call it was and what came of it. */
static bool is_weighty(cmg_str name)
{
    return cmg_str_eq(name, CMG_LIT("Result")) ||
           cmg_str_eq(name, CMG_LIT("EventAuxInfo.ProcessName"));
}

/* There is no room left: the last of the others goes. */
static bool displace(struct cmg_event *ev, cmg_str name, cmg_str value)
{
    if (ev->attrs < CMG_ATTRS_MAX || !is_weighty(name) || cmg_event_has(ev, name))
        return false;
    size_t at = CMG_ATTRS_MAX - 1;
    while (at && is_weighty(ev->attr[at].name))
        at--;
    ev->attr[at] = (struct cmg_attr){name, value};
    ev->problems |= CMG_P_ATTRS_LOST;
    return true;
}

void cmg_winevent_keep(struct cmg_winevent *w, cmg_str name, cmg_str value)
{
    if (!value.len)
        return;
    if (looks_like_column(name) && put_column(&w->ev->http, name, value)) {
        w->ev->has_http = true;
        return;
    }
    if (displace(w->ev, name, value))
        return;
    if (name.len)
        cmg_event_keep(w->ev, name, value);
    else
        w->ev->problems |= CMG_P_ATTRS_LOST;
}

void cmg_winevent_data(struct cmg_winevent *w, cmg_str name, cmg_str value)
{
    value = cmg_str_trim(value);
    cmg_str place = name.len ? name : name_of_place(w->unnamed++);
    if (!value.len)
        return;
    cmg_winevent_say(w, name, value);
    cmg_winevent_keep(w, place, value);
}

/* ---- the event ------------------------------------------------------------------------------- */

/* A number, or a word as forwarders write it. 0 is "always", which Windows shows as information. */
static enum cmg_level level_of(cmg_str v)
{
    static const struct {
        cmg_str name;
        enum cmg_level level;
    } levels[] = {
        {CMG_LIT("0"), CMG_LEVEL_INFO},
        {CMG_LIT("1"), CMG_LEVEL_ERROR},
        {CMG_LIT("2"), CMG_LEVEL_ERROR},
        {CMG_LIT("3"), CMG_LEVEL_WARNING},
        {CMG_LIT("4"), CMG_LEVEL_INFO},
        {CMG_LIT("5"), CMG_LEVEL_VERBOSE},
        {CMG_LIT("critical"), CMG_LEVEL_ERROR},
        {CMG_LIT("error"), CMG_LEVEL_ERROR},
        {CMG_LIT("warning"), CMG_LEVEL_WARNING},
        {CMG_LIT("information"), CMG_LEVEL_INFO},
        {CMG_LIT("info"), CMG_LEVEL_INFO},
        {CMG_LIT("success"), CMG_LEVEL_INFO},
        {CMG_LIT("verbose"), CMG_LEVEL_VERBOSE},
        {CMG_LIT("debug"), CMG_LEVEL_VERBOSE},
        {CMG_LIT("successaudit"), CMG_LEVEL_INFO},
        {CMG_LIT("failureaudit"), CMG_LEVEL_INFO},
        {CMG_LIT("audit_success"), CMG_LEVEL_INFO},
        {CMG_LIT("audit_failure"), CMG_LEVEL_INFO},
    };
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (cmg_str_ieq(levels[i].name, v))
            return levels[i].level;
    return CMG_LEVEL_NONE;
}

static bool read_u64(cmg_str v, uint64_t *ret)
{
    return cmg_str_istarts(v, CMG_LIT("0x")) ? cmg_scan_hex(cmg_str_from(v, 2), ret)
                                             : cmg_scan_u64(v, ret);
}

/* Seconds since 1970, as Fluent Bit writes the time of a record. */
static bool read_epoch(cmg_str s, struct cmg_time *ret)
{
    uint64_t seconds;
    size_t n = cmg_count_digits(s);
    cmg_str fraction = cmg_str_from(s, n + 1);
    if (n < 9 || n > 10 || !cmg_scan_u64(cmg_str_head(s, n), &seconds))
        return false;
    if (n < s.len && (s.ptr[n] != '.' || cmg_count_digits(fraction) != fraction.len))
        return false;
    *ret = (struct cmg_time){.known = true, .zoned = true};
    ret->ns = (int64_t)seconds * CMG_NS_PER_S + cmg_fraction_ns(fraction);
    return true;
}

/* RFC 3339, with a blank before the offset (Fluent Bit), or without an offset (NXLog): then of the
 * machine's clock. */
static bool read_time(cmg_str s, struct cmg_time *ret)
{
    char text[CMG_RFC3339_MAX + 2];
    size_t n = 0;
    if (cmg_rfc3339_read(s, ret))
        return true;
    if (s.len > CMG_RFC3339_MAX)
        return false;
    if (read_epoch(s, ret))
        return true;
    for (size_t i = 0; i < s.len; i++)
        if (i < 19 || s.ptr[i] != ' ')
            text[n++] = s.ptr[i];
    if (cmg_rfc3339_read(cmg_str_of(text, n), ret))
        return true;
    text[n++] = 'Z';
    if (!cmg_rfc3339_read(cmg_str_of(text, n), ret))
        return false;
    ret->zoned = false;
    return true;
}

static void set_time(struct cmg_winevent *w)
{
    if (w->ev->time.known || !w->time.len)
        return;
    if (read_time(w->time, &w->ev->time))
        return;
    w->ev->problems |= CMG_P_BAD_TIME;
    cmg_event_keep_time(w->ev, w->time);
}

static void set_number(struct cmg_winevent *w, cmg_str name, cmg_str v, bool *ret_has,
                       uint64_t *ret)
{
    if (!v.len || read_u64(v, ret)) {
        *ret_has = v.len != 0;
        return;
    }
    w->ev->problems |= CMG_P_BAD_ATTRIBUTE;
    cmg_event_keep(w->ev, name, v);
}

/* Audits are of level 0; what came of the act is in the keywords (winmeta.xml: WINEVENT_KEYWORD_
 * AUDIT_FAILURE, AUDIT_SUCCESS), which NXLog writes as a signed number, others as words. */
static enum cmg_outcome outcome_of(const struct cmg_winevent *w)
{
    const uint64_t failed = UINT64_C(1) << 52, succeeded = UINT64_C(1) << 53;
    bool negative = cmg_str_starts(w->keywords, CMG_LIT("-"));
    uint64_t bits = 0;
    if (cmg_str_ieq(w->level, CMG_LIT("failureaudit")) ||
        cmg_str_ieq(w->level, CMG_LIT("audit_failure")))
        return CMG_OUTCOME_FAILURE;
    if (cmg_str_ieq(w->level, CMG_LIT("successaudit")) ||
        cmg_str_ieq(w->level, CMG_LIT("audit_success")))
        return CMG_OUTCOME_SUCCESS;
    if (!read_u64(cmg_str_from(w->keywords, negative), &bits))
        return w->outcome;
    bits = negative ? 0 - bits : bits;
    return bits & failed      ? CMG_OUTCOME_FAILURE
           : bits & succeeded ? CMG_OUTCOME_SUCCESS
                              : w->outcome;
}

/* CAPI2's wording sends the reader to the details, where the result is. */
static cmg_str message_of(struct cmg_winevent *w)
{
    struct cmg_buf *m = &w->room->message;
    cmg_str data = cmg_buf_str(m), rendered = cmg_str_trim(w->rendered);
    if (!rendered.len && data.len)
        return data;
    if (data.len && cmg_str_ieq(w->provider, CMG_LIT("Microsoft-Windows-CAPI2"))) {
        add(m, CMG_LIT("\n"));
        add(m, rendered);
        return cmg_buf_str(m);
    }
    if (rendered.len)
        return rendered;
    if (w->provider.len && w->id.len) {
        add(m, w->provider);
        add(m, CMG_LIT(" event "));
        add(m, w->id);
    }
    return cmg_buf_str(m);
}

/* Of less interest than the event's own data: only where there is room left. */
static void keep_spare(struct cmg_event *ev, cmg_str name, cmg_str value)
{
    if (value.len && ev->attrs < CMG_ATTRS_MAX)
        cmg_event_keep(ev, name, value);
}

static void keep_spares(struct cmg_winevent *w)
{
    static const char nothing[] = "{00000000-0000-0000-0000-000000000000}";
    if (!cmg_str_eq(w->activity, cmg_str_c(nothing)))
        keep_spare(w->ev, CMG_LIT("winlog.activity_id"), w->activity);
    keep_spare(w->ev, CMG_LIT("winlog.provider_guid"), w->guid);
    keep_spare(w->ev, CMG_LIT("winlog.keywords"), w->keywords);
    keep_spare(w->ev, CMG_LIT("winlog.user.identifier"), w->user);
    keep_spare(w->ev, CMG_LIT("winlog.event_name"), w->event_name);
}

static void set_http(struct cmg_event *ev)
{
    if (ev->has_http && ev->level <= CMG_LEVEL_INFO && ev->http.status >= 400)
        ev->level = ev->http.status >= 500 ? CMG_LEVEL_ERROR : CMG_LEVEL_WARNING;
}

static bool is_guid(cmg_str v, cmg_str guid)
{
    bool braces = cmg_str_starts(v, CMG_LIT("{")) && cmg_str_ends(v, CMG_LIT("}"));
    return cmg_str_ieq(braces ? cmg_str_cut(v, 1, v.len - 1) : v, guid);
}

/* A trace may name its provider by the number alone. The numbers are those of the manifests of
 * Windows, as "wevtutil gp" shows them. */
static cmg_str name_of_guid(cmg_str guid)
{
    static const struct {
        cmg_str guid, name;
    } providers[] = {
        {CMG_LIT("1f678132-5938-4686-9fdc-c8ff68f15c85"), CMG_LIT("Schannel")},
        {CMG_LIT("91cc1150-71aa-47e2-ae18-c96e61736b6f"),
         CMG_LIT("Microsoft-Windows-Schannel-Events")},
        {CMG_LIT("5bbca4a8-b209-48dc-a8c7-b23d3e5216fb"), CMG_LIT("Microsoft-Windows-CAPI2")},
        {CMG_LIT("7d44233d-3055-4b9c-ba64-0d47ca40a232"), CMG_LIT("Microsoft-Windows-WinHttp")},
        {CMG_LIT("dd5ef90a-6398-47a4-ad34-4dcecdef795f"), CMG_LIT("Microsoft-Windows-HttpService")},
        {CMG_LIT("c42a2738-2333-40a5-a32f-6acc36449dcc"), CMG_LIT("Microsoft-Windows-HttpLog")},
        {CMG_LIT("7b6bc78c-898b-4170-bbf8-1a469ea43fc5"), CMG_LIT("Microsoft-Windows-HttpEvent")},
        {CMG_LIT("7e8ad27f-b271-4ea2-a783-a47bde29143b"), CMG_LIT("Microsoft-Windows-IIS-Logging")},
    };
    for (size_t i = 0; i < sizeof providers / sizeof *providers; i++)
        if (is_guid(guid, providers[i].guid))
            return providers[i].name;
    return guid;
}

/* The events of TLS alerts, from forwarders that lose the names of the data. */
static void name_alert(struct cmg_winevent *w)
{
    struct cmg_event *ev = w->ev;
    if (!cmg_str_ieq(w->provider, CMG_LIT("Schannel")) ||
        (!cmg_str_eq(w->id, CMG_LIT("36887")) && !cmg_str_eq(w->id, CMG_LIT("36888"))))
        return;
    for (size_t i = 0; i < ev->attrs; i++)
        if (cmg_str_eq(ev->attr[i].name, PARAM(1)))
            ev->attr[i].name = CMG_LIT("AlertDesc");
        else if (cmg_str_eq(ev->attr[i].name, PARAM(2)))
            ev->attr[i].name = CMG_LIT("ErrorState");
}

void cmg_winevent_finish(struct cmg_winevent *w)
{
    struct cmg_event *ev = w->ev;
    uint64_t id;
    if (!w->provider.len)
        w->provider = w->event_source.len ? w->event_source : name_of_guid(w->guid);
    ev->provider = ev->component = w->provider;
    if (cmg_scan_u64(w->id, &id))
        ev->code = w->id;
    else if (w->id.len)
        ev->problems |= CMG_P_BAD_ATTRIBUTE;
    ev->level = level_of(w->level);
    ev->outcome = outcome_of(w);
    ev->host = cmg_room_lower(w->room, w->computer);
    ev->channel = w->channel;
    ev->record_id = w->record_id;
    set_number(w, CMG_LIT("winlog.process.pid"), w->pid, &ev->has_pid, &ev->pid);
    set_number(w, CMG_LIT("winlog.process.thread.id"), w->tid, &ev->has_thread, &ev->thread);
    set_time(w);
    set_http(ev);
    name_alert(w);
    keep_spares(w);
    ev->message = message_of(w);
}
