/* SPDX-License-Identifier: Apache-2.0
 * From a record to the values that every encoder writes: names for numbers, ECS categories, URL
 * parts. */
#include "core/encode.h"

#include "decoders/decoder.h"

#include <arpa/inet.h>

/* What only some records have, kept out of the way of all. */
#define NOINLINE __attribute__((noinline))

/* ---- names -------------------------------------------------------------------------------- */

#define NAME(s)                                                                                    \
    {                                                                                              \
        "" s, sizeof(s) - 1                                                                        \
    }
static const cmg_str levels[] = {CMG_WORD(""), CMG_WORD("verbose"), CMG_WORD("info"),
                                 CMG_WORD("warning"), CMG_WORD("error")};
static const cmg_str scopes[] = {CMG_WORD("unknown"), CMG_WORD("cmg"), CMG_WORD("not-cmg")};
static const cmg_str roles[] = {CMG_WORD(""), CMG_WORD("evidence"), CMG_WORD("candidate"),
                                CMG_WORD("primary")};
static const cmg_str confidences[] = {CMG_WORD("low"), CMG_WORD("medium"), CMG_WORD("high")};
static const cmg_str time_sources[] = {CMG_WORD("read"), CMG_WORD("inherited"),
                                       CMG_WORD("envelope"), CMG_WORD("record")};

static const cmg_str kind_event = CMG_WORD("event"), kind_error = CMG_WORD("pipeline_error");
static const cmg_str failure = CMG_WORD("failure"), success = CMG_WORD("success");

cmg_str cmg_problem_name(unsigned bit)
{
    static const cmg_str names[32] = {
#define PROBLEM(bit, id, name, text) [bit] = NAME(name),
#include "schemas/problems.def"
#undef PROBLEM
    };
    return bit < 32 ? names[bit] : CMG_LIT("");
}

/* Ids are whole or empty; only those that somebody made up are of another length. */
static inline cmg_str id_str(const char id[CMG_ID_SIZE])
{
    if (!id[0] || !id[CMG_ID_SIZE - 2] || id[CMG_ID_SIZE - 1])
        return cmg_str_of(id, strnlen(id, CMG_ID_SIZE));
    return cmg_str_of(id, CMG_ID_SIZE - 1);
}

/* ---- event.category, event.type, event.outcome, event.kind -------------------------------- */

#define SORT(c, ...)                                                                               \
    {                                                                                              \
        {CMG_WORD(c)}, {__VA_ARGS__}, 1, sizeof((const cmg_str[]){__VA_ARGS__}) / sizeof(cmg_str)  \
    }

/* The families of the catalogue in the values that ECS 9.4 allows; "error" is a type of web events
 * only. */
static const struct {
    cmg_str family;
    struct cmg_sort sort;
} families[] = {
    {NAME("http"), SORT("web", CMG_WORD("access"), CMG_WORD("error"))},
    {NAME("server"), SORT("web", CMG_WORD("access"), CMG_WORD("error"))},
    {NAME("token"), SORT("authentication", CMG_WORD("start"))},
    {NAME("tls"), SORT("network", CMG_WORD("connection"))},
    {NAME("network"), SORT("network", CMG_WORD("connection"))},
    {NAME("connection-point"), SORT("network", CMG_WORD("end"))},
    {NAME("client"), SORT("host", CMG_WORD("info"))},
};
static const struct cmg_sort no_sort;
static const struct cmg_sort information = {.type = {CMG_WORD("info")}, .types = 1};
static const struct cmg_sort web_access = SORT("web", CMG_WORD("access"));
static const struct cmg_sort web_error = SORT("web", CMG_WORD("access"), CMG_WORD("error"));

static const struct cmg_sort *sort_of_family(cmg_str family)
{
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        if (cmg_str_eq(families[i].family, family))
            return &families[i].sort;
    return &no_sort;
}

static void set_failure(struct cmg_view *v, const struct cmg_sort *sort)
{
    v->sort = sort;
    v->outcome = failure;
}

static void set_access(struct cmg_view *v, int32_t status)
{
    v->sort = &web_access;
    if (status >= 400)
        set_failure(v, &web_error);
    else if (status > 0)
        v->outcome = success;
}

/* A line that only `raw` took is pipeline_error as ECS means it (the pipeline did not understand
 * it), unless a finding did: a published excerpt without its wrapper that is classified is an event
 * like any other. */
static void view_sort(struct cmg_view *v, const struct cmg_record *r)
{
    v->kind = kind_event;
    v->outcome = CMG_LIT("");
    v->sort = &no_sort;
    if (r->finding.entry)
        set_failure(v, sort_of_family(r->finding.entry->family));
    else if (r->event.has_http)
        set_access(v, r->event.http.status);
    else if (r->problems & CMG_P_UNDECODED && r->finding.role == CMG_ROLE_NONE)
        v->kind = kind_error;
    else if (r->event.level == CMG_LEVEL_VERBOSE || r->event.level == CMG_LEVEL_INFO)
        v->sort = &information;
    if (!v->outcome.len && r->event.outcome)
        v->outcome = r->event.outcome == CMG_OUTCOME_FAILURE ? failure : success;
}

/* ---- finding ------------------------------------------------------------------------------ */

static void view_code(struct cmg_view *v, uint32_t code)
{
    static const char hex[] = "0123456789ABCDEF";
    v->code_len = 0;
    if (!code)
        return;
    v->code[0] = '0';
    v->code[1] = 'x';
    for (int i = 0; i < 8; i++)
        v->code[2 + i] = hex[code >> (28 - 4 * i) & 15];
    v->code_len = 10;
}

/* Without a code of its own the record gets the one that stands for its class. */
static NOINLINE void view_entry(struct cmg_view *v, const struct cmg_record *r)
{
    const struct cmg_entry *entry = r->finding.entry;
    v->confidence = confidences[entry->confidence];
    v->reference = entry->references.n ? entry->references.at[0] : CMG_LIT("");
    view_code(v, r->finding.code ? r->finding.code : entry->code);
    if (!v->message.len)
        v->message = entry->title.in[r->lang];
}

static NOINLINE void view_finding(struct cmg_view *v, const struct cmg_record *r)
{
    v->scope = scopes[r->finding.scope];
    v->role = roles[r->finding.role];
    v->incident = id_str(r->finding.incident);
    v->promoted = id_str(r->finding.promoted);
    v->confidence = CMG_LIT("");
}

static enum cmg_level level_of(const struct cmg_record *r)
{
    const struct cmg_finding *f = &r->finding;
    bool judged = f->role == CMG_ROLE_PRIMARY && f->entry && f->entry->severity != CMG_LEVEL_NONE;
    return judged ? f->entry->severity : r->event.level;
}

/* ---- URL and access-log rows -------------------------------------------------------------- */

/* Where the user name and password end and begin: both are cut out of url.full. */
static void cut_user(cmg_str url, cmg_str *ret_head, cmg_str *ret_tail)
{
    size_t scheme = cmg_str_find(url, CMG_LIT("://"));
    size_t from = scheme == CMG_STR_NPOS ? 0 : scheme + 3, user = from;
    for (size_t i = from;
         i < url.len && url.ptr[i] != '/' && url.ptr[i] != '?' && url.ptr[i] != '#'; i++)
        if (url.ptr[i] == '@')
            user = i + 1;
    *ret_head = cmg_str_head(url, from);
    *ret_tail = cmg_str_from(url, user);
}

/* Only a URL with a host is whole enough for url.full. */
static NOINLINE void view_url(struct cmg_view *v, cmg_str url)
{
    cut_user(url, &v->url_head, &v->url_tail);
    bool whole = v->url_head.len + v->url_tail.len == url.len;
    cmg_url_split(whole ? url : v->url_tail, &v->url);
    if (!whole && v->url_head.len)
        v->url.scheme = cmg_str_head(v->url_head, v->url_head.len - 3);
    if (!v->url.host.len)
        v->url_head = v->url_tail = CMG_LIT("");
}

/* cs-host may carry a port; an IPv6 address stands in brackets then. */
static cmg_str without_port(cmg_str host)
{
    size_t bracket = cmg_str_chr(host, ']');
    if (bracket != CMG_STR_NPOS && host.ptr[0] == '[')
        return cmg_str_head(host, bracket + 1);
    size_t colon = cmg_str_chr(host, ':');
    bool one =
        colon != CMG_STR_NPOS && cmg_str_chr(cmg_str_from(host, colon + 1), ':') == CMG_STR_NPOS;
    return one ? cmg_str_head(host, colon) : host;
}

/* Four numbers up to 255, none with a zero in front: what inet_pton takes, at a quarter of its
 * cost, since every row has one. */
static bool is_ipv4(cmg_str s)
{
    unsigned dots = 0, digits = 0, value = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '.' && digits) {
            dots++;
            digits = value = 0;
            continue;
        }
        if (!cmg_is_digit(s.ptr[i]) || (digits && !value))
            return false;
        value = 10 * value + (unsigned)(s.ptr[i] - '0');
        if (++digits > 3 || value > 255)
            return false;
    }
    return dots == 3 && digits;
}

static bool is_ip(cmg_str s)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (cmg_str_chr(s, ':') == CMG_STR_NPOS)
        return is_ipv4(s);
    if (s.len >= sizeof text)
        return false;
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    return inet_pton(AF_INET6, text, &address) == 1;
}

/* A client that takes the server for a proxy sends a whole URL. A row of HTTPERR has the query
 * right behind it. */
static void view_whole(struct cmg_view *v, const struct cmg_http *h)
{
    cmg_str url = h->stem;
    if (h->query.len && h->query.ptr == url.ptr + url.len + 1 && url.ptr[url.len] == '?')
        url.len += 1 + h->query.len;
    view_url(v, url);
    v->url.query = h->query;
    if (v->url.port <= 0)
        v->url.port = h->port;
}

/* An access-log row names its own URL in parts; a URL of the finding, which is whole, goes first.
 */
static NOINLINE void view_row(struct cmg_view *v, const struct cmg_record *r)
{
    const struct cmg_http *h = &r->event.http;
    const int64_t longest_ms = INT64_MAX / 1000000;
    v->client_ip = is_ip(h->client_ip) ? h->client_ip : CMG_LIT("");
    v->has_duration = h->time_taken_ms >= 0 && h->time_taken_ms <= longest_ms;
    v->duration = v->has_duration ? (uint64_t)h->time_taken_ms * 1000000 : 0;
    if (v->has_url)
        return;
    v->has_url = true;
    if (cmg_str_istarts(h->stem, CMG_LIT("http://")) ||
        cmg_str_istarts(h->stem, CMG_LIT("https://"))) {
        view_whole(v, h);
        return;
    }
    v->url_head = v->url_tail = CMG_LIT("");
    v->url = (struct cmg_url){
        .host = without_port(h->host), .path = h->stem, .query = h->query, .port = h->port};
}

static void view_request(struct cmg_view *v, const struct cmg_record *r)
{
    const struct cmg_event *e = &r->event;
    v->status = r->finding.status > 0 ? r->finding.status : e->has_http ? e->http.status : -1;
    v->method = e->has_http ? e->http.method : CMG_LIT("");
    v->has_http = e->has_http || v->status > 0 || r->finding.request_id.len;
    v->has_url = r->finding.url.len;
    v->has_duration = false;
    if (v->has_url)
        view_url(v, r->finding.url);
    if (e->has_http)
        view_row(v, r);
}

/* ---- all ---------------------------------------------------------------------------------- */

/* "+05:30"; nothing when the offset is not known. */
static void view_zone(struct cmg_view *v, const struct cmg_time *t)
{
    unsigned m = (unsigned)(t->offset_min < 0 ? -t->offset_min : t->offset_min);
    v->zone_len = 0;
    if (!t->known || !t->zoned || m >= 100 * 60)
        return;
    v->zone[0] = t->offset_min < 0 ? '-' : '+';
    cmg_put2(v->zone + 1, m / 60);
    v->zone[3] = ':';
    cmg_put2(v->zone + 4, m % 60);
    v->zone_len = 6;
}

void cmg_view_init(struct cmg_view *v, const struct cmg_record *r)
{
    enum cmg_level level = level_of(r);
    v->judged = level;
    v->time_len = cmg_rfc3339_write(r->time_ns, v->time);
    v->level = levels[level];
    v->severity = level > CMG_LEVEL_VERBOSE ? (uint64_t)(level - CMG_LEVEL_VERBOSE) : 0;
    v->id = id_str(r->id);
    v->time_source = time_sources[r->time_source];
    v->decoder = cmg_str_c(r->decoder ? r->decoder->name : NULL);
    v->message = r->event.message;
    if (r->finding.role != CMG_ROLE_NONE)
        view_finding(v, r);
    if (r->finding.entry)
        view_entry(v, r);
    view_zone(v, &r->event.time);
    view_request(v, r);
    view_sort(v, r);
}

/* ---- the list ----------------------------------------------------------------------------- */

/* clang-format off */
#define ECS "ecs"
#define OWN "own"
#define CONST(path, key, value, owner, text) {path, "text", owner, text},
#define WORD(path, key, slice, owner, text) {path, "text", owner, text},
#define TEXT(path, key, slice, owner, text) {path, "text", owner, text},
#define JOINED(path, key, head, tail, owner, text) {path, "text", owner, text},
#define NUMBER(path, key, when, value, owner, text) {path, "number", owner, text},
#define WORDS(path, key, at, n, owner, text) {path, "texts", owner, text},
#define TEXTS(path, key, at, n, owner, text) {path, "texts", owner, text},
#define PROBLEMS(path, key, bits, owner, text) {path, "texts", owner, text},
#define PAIRS(path, key, at, n, owner, text) {path, "object", owner, text},
const struct cmg_field cmg_fields[] = {
#include "schemas/fields.def"
};
/* clang-format on */
const size_t cmg_fields_len = sizeof cmg_fields / sizeof cmg_fields[0];
