/* SPDX-License-Identifier: Apache-2.0
 *
 * The grammars of ConfigMgr's messages. Each is found by a token of its own in the matcher's one
 * pass and read only when that token occurs; a message without any costs a look at the error
 * numbers.
 *
 * Where the forms come from: "Clients can't communicate with CMG", KB4551033, "Troubleshoot
 * co-management bootstrap", the walk-through of an Azure AD client install and KB10036164 (all
 * Microsoft), and real client logs. Documents put mark-up into log text (back-ticks, asterisks,
 * backslashes, '>'), and people paste it into tickets, so what cannot be part of a value is taken
 * off at both ends. */
#include "enrich/extract.h"
#include "enrich/catalog.h"

#include <stddef.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
    STATUS_MIN = 100,
    STATUS_MAX = 999, /* the gateway itself answers 990 "BGB Session Ended" */
    SYMBOL_MAX = 64,  /* the longest flag has 51 letters */
    TIME_MAX = 64,
    SCHEME_MAX = 8,
};

struct reader {
    const struct cmg_catalog *catalog;
    cmg_str message;
    struct cmg_facts *facts;
};

/* ---- small parts ----------------------------------------------------------------------------- */

/* The first byte from `at` on that may end a line: a control character or '~'. */
#ifdef __SSE2__
static inline size_t line_stop(cmg_str s, size_t at)
{
    for (; at + 16 <= s.len; at += 16) {
        __m128i x = _mm_loadu_si128((const void *)(s.ptr + at));
        __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(0x1f)), x);
        __m128i stop = _mm_or_si128(control, _mm_cmpeq_epi8(x, _mm_set1_epi8('~')));
        unsigned hit = (unsigned)_mm_movemask_epi8(stop);
        if (hit)
            return at + (unsigned)__builtin_ctz(hit);
    }
    while (at < s.len && (unsigned char)s.ptr[at] > 0x1f && s.ptr[at] != '~')
        at++;
    return at;
}
#else
static size_t line_stop(cmg_str s, size_t at)
{
    while (at < s.len && (unsigned char)s.ptr[at] > 0x1f && s.ptr[at] != '~')
        at++;
    return at;
}
#endif

/* From `at` to the end of the line. "~~" is how server components write a line break, and a tab
 * ends the text of a row copied from CMTrace. */
static cmg_str line_from(cmg_str message, size_t at)
{
    cmg_str rest = cmg_str_from(message, at);
    size_t end = line_stop(rest, 0);
    while (end < rest.len) {
        char c = rest.ptr[end];
        if (c == '\n' || c == '\r' || c == '\t' ||
            (c == '~' && end + 1 < rest.len && rest.ptr[end + 1] == '~'))
            break;
        end = line_stop(rest, end + 1);
    }
    return cmg_str_head(rest, end);
}

/* The line that holds `at`, from its begin. */
static cmg_str line_around(cmg_str message, size_t at)
{
    while (at && message.ptr[at - 1] != '\n' && message.ptr[at - 1] != '\r')
        at--;
    return line_from(message, at);
}

/* Where `stop` begins, or NPOS. memmem makes a table of it first, which takes longer than all of
 * the search does in a line. */
static size_t find(cmg_str s, cmg_str stop)
{
    if (s.len < stop.len)
        return CMG_STR_NPOS;
    const char *p = s.ptr, *last = s.ptr + s.len - stop.len;
    for (; p <= last && (p = memchr(p, stop.ptr[0], (size_t)(last - p) + 1)); p++)
        if (memcmp(p, stop.ptr, stop.len) == 0)
            return (size_t)(p - s.ptr);
    return CMG_STR_NPOS;
}

/* What stands before `stop` in *rest, which then begins behind it. False: no `stop`, nothing
 * changed. */
static bool take_until(cmg_str *rest, cmg_str stop, cmg_str *ret)
{
    size_t at = find(*rest, stop);
    if (at == CMG_STR_NPOS)
        return false;
    *ret = cmg_str_head(*rest, at);
    *rest = cmg_str_from(*rest, at + stop.len);
    return true;
}

/* Moves *rest behind `head` where it begins so. */
static bool skip(cmg_str *rest, cmg_str head)
{
    if (!cmg_str_istarts(*rest, head))
        return false;
    *rest = cmg_str_from(*rest, head.len);
    return true;
}

static void skip_blanks(cmg_str *rest)
{
    while (rest->len && rest->ptr[0] == ' ')
        *rest = cmg_str_from(*rest, 1);
}

/* Up to nine digits, blanks before them skipped. */
static bool take_number(cmg_str *rest, int32_t *ret)
{
    cmg_str s = *rest;
    int32_t v = 0;
    skip_blanks(&s);
    size_t i = 0;
    while (i < s.len && i < 10 && cmg_is_digit(s.ptr[i])) {
        if (i < 9)
            v = v * 10 + (s.ptr[i] - '0');
        i++;
    }
    if (!i || i > 9)
        return false;
    *ret = v;
    *rest = cmg_str_from(s, i);
    return true;
}

static cmg_str take_word(cmg_str s, size_t max)
{
    size_t n = 0;
    while (n < s.len && n < max && (cmg_is_alnum(s.ptr[n]) || s.ptr[n] == '_'))
        n++;
    return cmg_str_head(s, n);
}

static bool is_markup(char c)
{
    return cmg_is_space(c) || c == '`' || c == '*' || c == '"' || c == '\'' || c == ',' ||
           c == '\\';
}

/* A URL without what stands around it. '<' and '>' go only around a whole URL: elsewhere they are a
 * document's placeholder (https://<CMGFQDN>/..., <MP>). */
static cmg_str clean_url(cmg_str s)
{
    while (s.len && is_markup(s.ptr[0]) && s.ptr[0] != '\\')
        s = cmg_str_from(s, 1);
    while (s.len && is_markup(s.ptr[s.len - 1]))
        s.len--;
    if (s.len > 1 && s.ptr[0] == '<' && s.ptr[s.len - 1] == '>' &&
        !cmg_str_istarts(s, CMG_LIT("<MP")))
        s = cmg_str_cut(s, 1, s.len - 1);
    return s;
}

/* The URL at the begin of `s` where nothing but a blank ends it. */
static cmg_str url_word(cmg_str s)
{
    size_t end = cmg_str_chr(s, ' ');
    return clean_url(cmg_str_head(s, end));
}

/* The first URL of a message is the one it is about. */
static void set_url(struct cmg_facts *f, cmg_str url)
{
    struct cmg_url parts;
    url = clean_url(url);
    if (f->url.len || !url.len)
        return;
    f->url = url;
    cmg_url_split(url, &parts);
    if (!f->host.len) {
        f->host = parts.host;
        f->path = parts.path;
    }
    if (f->port < 0)
        f->port = parts.port;
}

static void set_request(struct cmg_facts *f, cmg_str url)
{
    bool first = !f->url.len;
    set_url(f, url);
    f->is_request |= first && f->url.len;
}

static void set_status(struct cmg_facts *f, int32_t status)
{
    if (f->status < 0 && status >= STATUS_MIN && status <= STATUS_MAX)
        f->status = status;
}

/* The reason phrase behind a status. `end` stops it where the line goes on. */
static void set_status_text(struct cmg_facts *f, cmg_str text, cmg_str end)
{
    cmg_str rest = text;
    if (end.len)
        take_until(&rest, end, &text);
    text = cmg_str_trim(text);
    while (text.len && is_markup(text.ptr[text.len - 1]))
        text.len--;
    if (!f->status_text.len)
        f->status_text = text;
}

static void set_code(struct cmg_facts *f, uint32_t hresult, size_t at)
{
    for (size_t i = 0; i < f->codes; i++)
        if (f->code[i].hresult == hresult)
            return;
    if (f->codes < CMG_CODES_MAX)
        f->code[f->codes++] = (struct cmg_code_hit){hresult, (uint32_t)at};
}

/* ---- CCMHTTP --------------------------------------------------------------------------------- */

/* Code= is decimal and may be any Win32 number; the search for codes knows only WinHTTP's. */
static void read_error_code(struct reader *r, cmg_str rest)
{
    cmg_str before;
    int32_t code;
    if (!take_until(&rest, CMG_LIT("Code="), &before))
        return;
    size_t at = (size_t)(rest.ptr - r->message.ptr);
    if (take_number(&rest, &code) && code > 0)
        set_code(r->facts, cmg_hresult_of((uint32_t)code), at);
}

/* [CCMHTTP] ERROR: URL=https://h/p, Port=443, Options=224, Code=12175,
 * Text=ERROR_WINHTTP_SECURE_FAILURE Options is decimal here (224) and hex in connect lines (0xe0);
 * no rule needs it. Also "p , Port=" and
 * ", >Code=0", as published. */
static void ccmhttp_error(struct reader *r, size_t at)
{
    cmg_str rest = line_from(r->message, at), url, before;
    if (!take_until(&rest, CMG_LIT(", Port="), &url)) {
        set_url(r->facts, url_word(rest));
        return;
    }
    take_number(&rest, &r->facts->port);
    set_url(r->facts, url);
    read_error_code(r, rest);
    if (take_until(&rest, CMG_LIT("Text="), &before)) {
        skip_blanks(&rest);
        r->facts->symbol = take_word(rest, SYMBOL_MAX);
    }
}

/* [CCMHTTP] ERROR INFO: StatusCode= 403 StatusText= X; =401 =X; <unknown> and an empty text when no
 * answer came. */
static void ccmhttp_info(struct reader *r, size_t at)
{
    cmg_str rest = line_from(r->message, at), before;
    int32_t status;
    skip_blanks(&rest);
    if (!skip(&rest, CMG_LIT("=")) || !take_number(&rest, &status))
        return;
    set_status(r->facts, status);
    if (take_until(&rest, CMG_LIT("StatusText"), &before)) {
        skip_blanks(&rest);
        if (skip(&rest, CMG_LIT("=")))
            set_status_text(r->facts, rest, CMG_LIT(""));
    }
}

/* instance of CCM_CcmHttp_Status { ... HostName = "h"; HRESULT = "0x80072f78"; StatusCode = 500;
 * ... } */
static void status_event_host(struct reader *r, size_t at)
{
    cmg_str rest = line_from(r->message, at), host;
    if (!r->facts->host.len && take_until(&rest, CMG_LIT("\""), &host))
        r->facts->host = host;
}

static void status_event_code(struct reader *r, size_t at)
{
    cmg_str rest = line_from(r->message, at);
    int32_t status;
    if (take_number(&rest, &status))
        set_status(r->facts, status);
}

/* Successfully queued event on HTTP/HTTPS failure for server 'h'. */
static void queued_event(struct reader *r, size_t at)
{
    cmg_str rest = line_from(r->message, at), host;
    if (!r->facts->host.len && take_until(&rest, CMG_LIT("'"), &host))
        r->facts->host = host;
}

/* ---- status in prose ------------------------------------------------------------------------- */

/* Status code is '500' and status description is 'X'.   Status code 500 - (X) returned */
static void status_prose(struct reader *r, size_t at)
{
    cmg_str rest = line_from(r->message, at), before;
    int32_t status;
    bool quoted = skip(&rest, CMG_LIT("is '"));
    if (!take_number(&rest, &status))
        return;
    if (quoted && take_until(&rest, CMG_LIT("status description is '"), &before)) {
        set_status(r->facts, status);
        set_status_text(r->facts, rest, CMG_LIT("'"));
    } else if (!quoted && skip(&rest, CMG_LIT(" - ("))) {
        set_status(r->facts, status);
        set_status_text(r->facts, rest, CMG_LIT(")"));
    }
}

/* 1.1 403 CMGConnector_Forbidden, behind "HTTP/" */
static void http_status(struct reader *r, cmg_str rest)
{
    int32_t status;
    cmg_str version;
    if (!take_until(&rest, CMG_LIT(" "), &version) || !take_number(&rest, &status))
        return;
    set_status(r->facts, status);
    set_status_text(r->facts, rest, CMG_LIT("ResponseBodySize"));
}

/* ---- connection point ------------------------------------------------------------------------ */

static void set_message_id(struct cmg_facts *f, cmg_str id)
{
    if (!f->message_id.len)
        f->message_id = cmg_str_trim(id);
}

/* Forwarding proxy message ID to URL: U */
static void forwarding(struct reader *r, size_t at)
{
    cmg_str rest = line_from(r->message, at), id;
    if (!take_until(&rest, CMG_LIT(" to URL"), &id))
        return;
    set_message_id(r->facts, id);
    skip(&rest, CMG_LIT(":"));
    skip_blanks(&rest);
    set_request(r->facts, url_word(rest));
}

/* Web exception for message ID: System.Net.WebException: The remote server returned an error: (403)
 * Forbidden. */
static void web_exception(struct reader *r, size_t at)
{
    cmg_str rest = line_from(r->message, at), id, before;
    int32_t status;
    if (!take_until(&rest, CMG_LIT(": "), &id))
        return;
    set_message_id(r->facts, id);
    if (take_until(&rest, CMG_LIT("returned an error: ("), &before) && take_number(&rest, &status))
        set_status(r->facts, status);
}

/* Received response U for message ID: HTTP/1.1 403 X */
static void received_response(struct reader *r, size_t at)
{
    cmg_str rest = line_from(r->message, at), url, id;
    if (!take_until(&rest, CMG_LIT(" for message "), &url))
        return;
    set_url(r->facts, url);
    if (take_until(&rest, CMG_LIT(": HTTP/"), &id))
        http_status(r, rest);
    else if (!take_until(&rest, CMG_LIT(": "), &id))
        return;
    set_message_id(r->facts, id);
}

/* MessageID: ID RequestURI: U EndpointName: E ResponseHeader: HTTP/1.1 403 X~~ ResponseBodySize:
 * 5274 ... */
static void connector_summary(struct reader *r, size_t at)
{
    cmg_str rest = line_from(r->message, at), id, url, before;
    if (!take_until(&rest, CMG_LIT(" RequestURI"), &id))
        return;
    set_message_id(r->facts, id);
    skip(&rest, CMG_LIT(":"));
    skip_blanks(&rest);
    if (take_until(&rest, CMG_LIT(" EndpointName"), &url))
        set_url(r->facts, url);
    if (take_until(&rest, CMG_LIT("ResponseHeader: HTTP/"), &before))
        http_status(r, rest);
}

/* Filtered cert count with digital signature: 7 / allowed root CA: 3 / private key: 3 / client
 * auth: 0, and "allowed root CA and has private key: 0", where one filter does the work of two. */
static void read_counter(struct cmg_facts *f, cmg_str rest)
{
    static const struct {
        cmg_str name;
        unsigned first, last;
    } rows[] = {
        {CMG_LIT("digital signature:"), 0, 0},
        {CMG_LIT("allowed root CA:"), 1, 1},
        {CMG_LIT("allowed root CA and has private key:"), 1, 2},
        {CMG_LIT("private key:"), 2, 2},
        {CMG_LIT("has private key:"), 2, 2},
        {CMG_LIT("client auth:"), 3, 3},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int32_t count;
        cmg_str number = rest;
        if (!skip(&number, rows[i].name) || !take_number(&number, &count))
            continue;
        for (unsigned k = rows[i].first; k <= rows[i].last; k++)
            f->counter[k] = count;
    }
}

static const cmg_str counter_token = CMG_LIT("Filtered cert count with ");

static void counters(struct reader *r, size_t at)
{
    cmg_str rest = cmg_str_from(r->message, at), before;
    do
        read_counter(r->facts, rest);
    while (take_until(&rest, counter_token, &before));
}

/* ---- callback dump --------------------------------------------------------------------------- */

/* A dump line is "[CCMHTTP] : X" in one document, "[TSMESSAGING]                : *X" in a real
 * log: what stands before X says nothing. */
static void dump(struct reader *r, size_t at)
{
    (void)at;
    r->facts->is_dump = true;
}

static void dump_mask(struct reader *r, size_t at)
{
    cmg_str hex = take_word(cmg_str_from(r->message, at), SYMBOL_MAX);
    uint32_t mask = 0;
    if (!hex.len || hex.len > 8)
        return;
    for (size_t i = 0; i < hex.len; i++) {
        int d = cmg_hex_digit(hex.ptr[i]);
        if (d < 0)
            return;
        mask = mask << 4 | (uint32_t)d;
    }
    r->facts->flag_mask |= mask;
    r->facts->has_mask = true;
    r->facts->is_dump = true;
}

static uint32_t flag_of(const struct cmg_catalog *c, cmg_str symbol)
{
    for (size_t i = 0; c && i < c->causes; i++)
        if (cmg_str_ieq(symbol, c->cause[i].symbol))
            return c->cause[i].flag;
    return 0;
}

static const cmg_str flag_token = CMG_LIT("WINHTTP_CALLBACK_STATUS_FLAG_");

static void dump_flags(struct reader *r, size_t at)
{
    cmg_str rest = cmg_str_from(r->message, at - flag_token.len), before;
    for (;;) {
        cmg_str symbol = take_word(rest, SYMBOL_MAX);
        rest = cmg_str_from(rest, symbol.len);
        if (cmg_str_istarts(rest, CMG_LIT(" is set"))) {
            r->facts->flag_lines |= flag_of(r->catalog, symbol);
            r->facts->is_dump = true;
        }
        if (!take_until(&rest, flag_token, &before))
            return;
        rest = cmg_str_of(rest.ptr - flag_token.len, rest.len + flag_token.len);
    }
}

/* ---- tokens (the security kind) -------------------------------------------------------------- */

static cmg_str quoted_time(struct reader *r, size_t at)
{
    cmg_str rest = cmg_str_head(cmg_str_from(r->message, at), TIME_MAX), time = {NULL, 0};
    take_until(&rest, CMG_LIT("'"), &time);
    return time;
}

static void valid_to(struct reader *r, size_t at)
{
    r->facts->valid_to = quoted_time(r, at);
}

static void current_time(struct reader *r, size_t at)
{
    r->facts->current_time = quoted_time(r, at);
}

/* ---- requests -------------------------------------------------------------------------------- */

static void set_host_path(struct cmg_facts *f, cmg_str host, cmg_str path)
{
    if (f->host.len || f->path.len)
        return;
    f->host = clean_url(host);
    f->path = clean_url(path);
}

/* GET: Host=h, Path=/p, Port=80, Protocol=http, ...    The token is its last part that is long
 * enough. */
static void host_and_path(struct reader *r, size_t at)
{
    cmg_str rest = line_around(r->message, at), before, host, path;
    if (!take_until(&rest, CMG_LIT("Host="), &before) ||
        !take_until(&rest, CMG_LIT(", Path="), &host) ||
        !take_until(&rest, CMG_LIT(", Port="), &path))
        return;
    set_host_path(r->facts, host, path);
    take_number(&rest, &r->facts->port);
    r->facts->is_request = true;
}

/* WinHttpOpenRequest - URL: h:443  CCM_POST /p */
static void open_request(struct reader *r, size_t at)
{
    cmg_str rest = line_from(r->message, at), server, verb;
    struct cmg_url parts;
    if (!take_until(&rest, CMG_LIT(" "), &server))
        return;
    skip_blanks(&rest);
    if (!take_until(&rest, CMG_LIT(" "), &verb))
        return;
    skip_blanks(&rest);
    cmg_url_split(server, &parts);
    set_host_path(r->facts, parts.host, url_word(rest));
    r->facts->port = parts.port;
    r->facts->is_request = true;
}

/* Failed to send request to /p at host h, error 0x2efd */
static void failed_to_send(struct reader *r, size_t at)
{
    cmg_str rest = line_from(r->message, at), path;
    if (!take_until(&rest, CMG_LIT(" at host "), &path))
        return;
    size_t end = cmg_str_chr(rest, ',');
    set_host_path(r->facts, cmg_str_head(rest, end), path);
}

/* ... with requesting URL U. The sentence goes on; a URL ends at the full stop before a blank. */
static void requesting(struct reader *r, size_t at)
{
    cmg_str url = url_word(line_from(r->message, at));
    while (url.len && url.ptr[url.len - 1] == '.')
        url.len--;
    set_url(r->facts, url);
}

/* Target URL scheme is HTTPS: U */
static void target(struct reader *r, size_t at)
{
    cmg_str rest = line_from(r->message, at), before;
    if (take_until(&rest, CMG_LIT(": "), &before))
        set_request(r->facts, url_word(rest));
}

/* Getting CCM Token from U    Getting CCM Token from STS server 'h/p' */
static void token_from(struct reader *r, size_t at)
{
    cmg_str rest = line_from(r->message, at);
    skip(&rest, CMG_LIT("STS server "));
    set_request(r->facts, url_word(rest));
}

/* Incoming request URL: U    Converting MutualAuth URL to ServerAuth: U */
static void request_url(struct reader *r, size_t at)
{
    set_request(r->facts, url_word(line_from(r->message, at)));
}

/* Post to U failed with 0x87d00231    Request to U failed with 400    ("http" belongs to the token)
 */
static void failed_request(struct reader *r, size_t at)
{
    enum { HTTP = 4 };
    set_url(r->facts, url_word(line_from(r->message, at - HTTP)));
}

/* GetDirectoryList_HTTP('U') failed with code 0x87d0027e. */
static void directory_list(struct reader *r, size_t at)
{
    cmg_str rest = line_from(r->message, at), url;
    if (take_until(&rest, CMG_LIT("'"), &url))
        set_url(r->facts, url);
}

/* ---- the table ------------------------------------------------------------------------------- */

/* In the order of reading: where two name a URL, the first wins. Tokens of less than 10 bytes would
 * cost every message a second search. */
#define GRAMMARS(G)                                                                                \
    G("] ERROR: URL=", ccmhttp_error)                                                              \
    G("] ERROR INFO: StatusCode", ccmhttp_info)                                                    \
    G("Received response ", received_response)                                                     \
    G("MessageID: ", connector_summary)                                                            \
    G("Web exception for message ", web_exception)                                                 \
    G("Forwarding proxy message ", forwarding)                                                     \
    G("Status code ", status_prose)                                                                \
    G("lpvStatusInformation is 0x", dump_mask)                                                     \
    G("WINHTTP_CALLBACK_STATUS_FLAG_", dump_flags)                                                 \
    G("SECURE_FAILURE Encountered", dump)                                                          \
    G("dwStatusInformationLength is", dump)                                                        \
    G("Filtered cert count with ", counters)                                                       \
    G("ValidTo: '", valid_to)                                                                      \
    G("Current time: '", current_time)                                                             \
    G("requesting URL ", requesting)                                                               \
    G("Failed to send request to ", failed_to_send)                                                \
    G("Post to http", failed_request)                                                              \
    G("Request to http", failed_request)                                                           \
    G("GetDirectoryList_HTTP('", directory_list)                                                   \
    G("WinHttpOpenRequest - URL: ", open_request)                                                  \
    G(", Protocol=", host_and_path)                                                                \
    G("Target URL scheme is HTTP", target)                                                         \
    G("Getting CCM Token from ", token_from)                                                       \
    G("Incoming request URL: ", request_url)                                                       \
    G("MutualAuth URL to ServerAuth: ", request_url)                                               \
    G("HostName = \"", status_event_host)                                                          \
    G("StatusCode = ", status_event_code)                                                          \
    G("failure for server '", queued_event)

const cmg_str cmg_extract_tokens[] = {
#define G(token, read) CMG_LIT(token),
    GRAMMARS(G)
#undef G
};

static void (*const grammar[])(struct reader *, size_t) = {
#define G(token, read) read,
    GRAMMARS(G)
#undef G
};

enum { GRAMMAR_COUNT = sizeof grammar / sizeof *grammar };

const size_t cmg_extract_tokens_len = GRAMMAR_COUNT;

static void clear(struct cmg_facts *f)
{
    memset(f, 0, offsetof(struct cmg_facts, code));
    f->port = f->status = -1;
    for (size_t i = 0; i < CMG_COUNTERS; i++)
        f->counter[i] = -1;
}

void cmg_extract(const struct cmg_catalog *c, cmg_str message, const struct cmg_hit *hits, size_t n,
                 uint32_t base, struct cmg_facts *ret)
{
    struct reader r = {c, message, ret};
    uint32_t end[GRAMMAR_COUNT] = {0};
    bool any = false;

    clear(ret);
    ret->codes = cmg_codes_scan(message, ret->code, CMG_CODES_MAX);
    for (size_t i = 0; i < n; i++) {
        if (hits[i].token >= base && hits[i].token - base < GRAMMAR_COUNT) {
            end[hits[i].token - base] = hits[i].end;
            any = true;
        }
    }
    for (size_t i = 0; any && i < GRAMMAR_COUNT; i++)
        if (end[i])
            grammar[i](&r, end[i]);
}

/* ---- URLs ------------------------------------------------------------------------------------ */

/* ":443" at the end of an authority; what is no number stays part of the host. */
static void split_port(struct cmg_url *u)
{
    size_t colon = u->host.len;
    while (colon && cmg_is_digit(u->host.ptr[colon - 1]))
        colon--;
    if (!colon || u->host.ptr[colon - 1] != ':')
        return;
    cmg_str digits = cmg_str_from(u->host, colon);
    int32_t port;
    if (digits.len && (!take_number(&digits, &port) || port > UINT16_MAX))
        return;
    u->port = colon < u->host.len ? port : -1;
    u->host = cmg_str_head(u->host, colon - 1);
}

void cmg_url_split(cmg_str url, struct cmg_url *ret)
{
    size_t at = 0;
    *ret = (struct cmg_url){.port = -1};
    cmg_str scheme = take_word(url, SCHEME_MAX), rest = cmg_str_from(url, scheme.len);
    if (skip(&rest, CMG_LIT("://"))) {
        ret->scheme = scheme;
        url = rest;
    }
    while (at < url.len && url.ptr[at] != '/' && url.ptr[at] != '?' && url.ptr[at] != '#')
        at++;
    ret->host = cmg_str_head(url, at);
    url = cmg_str_from(url, at);
    size_t query = cmg_str_chr(url, '?');
    ret->path = cmg_str_head(url, query);
    if (query != CMG_STR_NPOS)
        ret->query = cmg_str_from(url, query + 1);
    split_port(ret);
}
