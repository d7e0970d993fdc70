/* SPDX-License-Identifier: Apache-2.0
 * Findings, incidents and roles, over a small catalogue of its own: what each record of a sequence
 * must say. */
#include "decoders/decoder.h"
#include "enrich/internal.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

/* Rows say what matters to them; the rest is zero. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

/* ---- a catalogue ----------------------------------------------------------------------------- */

enum token {
    T_BAD_STATUS,
    T_SECURE,
    T_LENGTH,
    T_MASK,
    T_FLAG,
    T_WEB,
    T_403,
    T_COUNT,
    T_OFFLINE,
    T_SIGNATURE,
    T_PREAUTH,
    T_LIFETIME,
    T_VALID,
    T_NOW,
    T_FOREIGN,
    T_LATER,
    T_QUIET,
    TOKENS
};

static const cmg_str token[TOKENS] = {
    CMG_LIT("Text=CCM_E_BAD_HTTP_STATUS_CODE"),
    CMG_LIT("WINHTTP_CALLBACK_STATUS_SECURE_FAILURE Encountered"),
    CMG_LIT("dwStatusInformationLength is"),
    CMG_LIT("lpvStatusInformation is 0x"),
    CMG_LIT("WINHTTP_CALLBACK_STATUS_FLAG_"),
    CMG_LIT("Web exception for message "),
    CMG_LIT("(403) Forbidden"),
    CMG_LIT("Filtered cert count with client auth: 0"),
    CMG_LIT("OfflineRevocation"),
    CMG_LIT("Filtered cert count with digital signature"),
    CMG_LIT("PreAuth token validation failed"),
    CMG_LIT("IDX10223"),
    CMG_LIT("ValidTo: '"),
    CMG_LIT("Current time: '"),
    CMG_LIT("FOREIGN SERVER FAILED"),
    CMG_LIT("FOLLOW-UP FAILED"),
    CMG_LIT("but this is harmless"),
};

enum class {
    GENERIC,
    TRANSIENT,
    SECURE,
    CERT_REQUIRED,
    FORBIDDEN,
    OTHER,
    INVALID_TOKEN,
    WEB_403,
    NO_CERT,
    NO_CRL,
    ROW_403_7,
    ROW_403_16,
    PREAUTH,
    CONNECT,
    NO_TOKEN,
    FOREIGN,
    FOLLOW_UP,
    CLASSES,
    NONE = -1
};

static const struct cmg_remedy remedy[] = {
    {.id = {"REM-A", 5}}, {.id = {"REM-B", 5}}, {.id = {"REM-CA", 6}}, {.id = {"REM-CRL", 7}}};

static const struct cmg_cause cause[] = {
    {.id = CMG_LIT("cert-rev-failed"),
     .flag = 1,
     .symbol = CMG_LIT("WINHTTP_CALLBACK_STATUS_FLAG_CERT_REV_FAILED"),
     .remedy = {&remedy[3], &remedy[0]},
     .remedies = 2},
    {.id = CMG_LIT("invalid-ca"),
     .flag = 8,
     .symbol = CMG_LIT("WINHTTP_CALLBACK_STATUS_FLAG_INVALID_CA"),
     .remedy = {&remedy[2]},
     .remedies = 1},
    {.id = CMG_LIT("cert-cn-invalid"),
     .flag = 16,
     .symbol = CMG_LIT("WINHTTP_CALLBACK_STATUS_FLAG_CERT_CN_INVALID")},
};

static const cmg_str of_web[] = {CMG_LIT("cmgconnector-*")};
static const cmg_str of_connector[] = {CMG_LIT("cmgconnector-403-forbidden"),
                                       CMG_LIT("foreign-server")};

static const struct cmg_entry entry[CLASSES] = {
    [GENERIC] = {.slug = CMG_LIT("http-bad-status-generic"),
                 .rank = 10,
                 .code = 0x87d0027e,
                 .consequence_of_any = true},
    [TRANSIENT] = {.slug = CMG_LIT("ccm-transient-error"),
                   .rank = 5,
                   .code = 0x87d00231,
                   .consequence_of_any = true},
    [SECURE] = {.slug = CMG_LIT("winhttp-secure-failure"),
                .rank = 50,
                .code = 0x80072f8f,
                .remedy = {&remedy[0], &remedy[1]},
                .remedies = 2},
    [CERT_REQUIRED] = {.slug = CMG_LIT("cmgconnector-403-client-cert-required"),
                       .rank = 90,
                       .scope = CMG_SCOPE_CMG,
                       .code = 0x87d0027e},
    [FORBIDDEN] = {.slug = CMG_LIT("cmgconnector-403-forbidden"),
                   .rank = 90,
                   .scope = CMG_SCOPE_CMG},
    [OTHER] = {.slug = CMG_LIT("cmgconnector-other"), .rank = 90, .scope = CMG_SCOPE_CMG},
    [INVALID_TOKEN] = {.slug = CMG_LIT("cmgservice-401-invalid-token"), .rank = 90},
    [WEB_403] = {.slug = CMG_LIT("proxyconnector-web-exception-403"),
                 .rank = 20,
                 .scope = CMG_SCOPE_CMG,
                 .consequence_of = {of_web, 1}},
    [NO_CERT] = {.slug = CMG_LIT("cp-no-client-auth-cert"), .rank = 60, .scope = CMG_SCOPE_CMG},
    [NO_CRL] = {.slug = CMG_LIT("cp-client-cert-crl-unreachable"),
                .rank = 70,
                .scope = CMG_SCOPE_CMG},
    [ROW_403_7] = {.slug = CMG_LIT("iis-403-7-client-cert-required"), .rank = 60},
    [ROW_403_16] = {.slug = CMG_LIT("iis-403-16-client-cert-untrusted"), .rank = 60},
    [PREAUTH] = {.slug = CMG_LIT("ccm-sts-preauth-token-expired"),
                 .rank = 60,
                 .scope = CMG_SCOPE_CMG},
    [CONNECT] = {.slug = CMG_LIT("winhttp-cannot-connect"), .rank = 50, .code = 0x80072efd},
    [NO_TOKEN] = {.slug = CMG_LIT("client-no-token-auth"),
                  .rank = 30,
                  .code = 0x87d00455,
                  .consequence_of = {of_connector, 2}},
    [FOREIGN] = {.slug = CMG_LIT("foreign-server"), .rank = 40, .scope = CMG_SCOPE_NOT_CMG},
    [FOLLOW_UP] = {.slug = CMG_LIT("follow-up"),
                   .rank = 30,
                   .consequence_of = {of_connector + 1, 1}},
};

enum { MARK_OFFLINE = 1 };

#define ANY .status = -1, .substatus = -1
#define WORDS(...)                                                                                 \
    .token = (const uint32_t[]){__VA_ARGS__},                                                      \
    .tokens = sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t)
#define BUT(...) .absent = (const uint32_t[]){__VA_ARGS__}, .absents = 1
#define C(c)     .entry = &entry[c]

static const struct cmg_rule rule[] = {
    {C(GENERIC), .role = CMG_ROLE_CANDIDATE, WORDS(T_BAD_STATUS), ANY},
    {C(GENERIC), .role = CMG_ROLE_CANDIDATE, .code = 0x87d0027e, ANY},
    {C(TRANSIENT), .role = CMG_ROLE_CANDIDATE, .code = 0x87d00231, ANY},
    {C(SECURE), .role = CMG_ROLE_CANDIDATE, WORDS(T_SECURE), ANY},
    {C(SECURE), .role = CMG_ROLE_EVIDENCE, WORDS(T_LENGTH), ANY},
    {C(SECURE), .role = CMG_ROLE_EVIDENCE, WORDS(T_MASK), ANY},
    {C(SECURE), .role = CMG_ROLE_EVIDENCE, WORDS(T_FLAG), ANY},
    {C(SECURE), .role = CMG_ROLE_PRIMARY, .code = 0x80072f8f, ANY},
    {C(CERT_REQUIRED), .role = CMG_ROLE_PRIMARY,
     .status_text = CMG_LIT("CMGConnector_Clientcertificaterequired"), ANY},
    {C(OTHER), .role = CMG_ROLE_PRIMARY, .status_text = CMG_LIT("CMGConnector_*"), ANY},
    {C(FORBIDDEN), .role = CMG_ROLE_PRIMARY, .status_text = CMG_LIT("CMGConnector_Forbidden"),
     .status = 403, .substatus = -1},
    {C(INVALID_TOKEN), .role = CMG_ROLE_PRIMARY, .status_text = CMG_LIT("CMGService_Invalid_Token"),
     ANY},
    {C(WEB_403), .role = CMG_ROLE_CANDIDATE, WORDS(T_WEB, T_403), ANY},
    {C(NO_CERT), .role = CMG_ROLE_PRIMARY, WORDS(T_COUNT), ANY},
    {C(NO_CRL), .role = CMG_ROLE_PRIMARY, WORDS(T_COUNT), .seen = MARK_OFFLINE, ANY},
    {C(NO_CRL), .role = CMG_ROLE_NONE, WORDS(T_OFFLINE), .sets = MARK_OFFLINE, ANY},
    {C(NO_CRL), .role = CMG_ROLE_NONE, WORDS(T_SIGNATURE), .clears = MARK_OFFLINE, ANY},
    {C(ROW_403_7), .role = CMG_ROLE_PRIMARY, .decoder = CMG_LIT("iis"), .status = 403,
     .substatus = 7},
    {C(ROW_403_16), .role = CMG_ROLE_PRIMARY, .status = 403, .substatus = 16},
    {C(PREAUTH), .role = CMG_ROLE_CANDIDATE, WORDS(T_PREAUTH), ANY},
    {C(PREAUTH), .role = CMG_ROLE_EVIDENCE, WORDS(T_LIFETIME), ANY},
    {C(PREAUTH), .role = CMG_ROLE_EVIDENCE, WORDS(T_VALID), ANY},
    {C(PREAUTH), .role = CMG_ROLE_PRIMARY, WORDS(T_NOW), .open = true, ANY},
    {C(PREAUTH), .role = CMG_ROLE_PRIMARY, WORDS(T_NOW, T_PREAUTH), ANY},
    {C(CONNECT), .role = CMG_ROLE_PRIMARY, .code = 0x80072efd, ANY},
    {C(NO_TOKEN), .role = CMG_ROLE_PRIMARY, .code = 0x87d00455, ANY},
    {C(FOREIGN), .role = CMG_ROLE_PRIMARY, WORDS(T_FOREIGN), BUT(T_QUIET), ANY},
    {C(FOLLOW_UP), .role = CMG_ROLE_PRIMARY, WORDS(T_LATER), ANY},
};

static const struct cmg_catalog catalog = {
    .entry = entry,
    .entries = CLASSES,
    .rule = rule,
    .rules = sizeof rule / sizeof rule[0],
    .token = token,
    .tokens = TOKENS,
    .remedy = remedy,
    .remedies = sizeof remedy / sizeof remedy[0],
    .cause = cause,
    .causes = sizeof cause / sizeof cause[0],
};

/* ---- a sequence of records and what each must say -------------------------------------------- */

enum { NO_TIME = -1, READ = -2 };

struct row {
    int at; /* seconds; NO_TIME: inherited from the row before; READ: only the time of reading */
    int thread;          /* 0: none */
    const char *message; /* NULL: here a promotion is expected, in front of the next record */
    enum cmg_role role;
    enum class class;
    enum cmg_scope scope;
    int incident;       /* which row (from 1) opened it; 0: no finding */
    const char *causes; /* NULL: not looked at */
    const char *url;
    const char *facts;
    int candidate; /* promotion: the row that is promoted */
    int times;     /* the record comes so often (0: once) */
    uint64_t stream;
};

#define E     CMG_ROLE_EVIDENCE
#define K     CMG_ROLE_CANDIDATE
#define P     CMG_ROLE_PRIMARY
#define CMG   CMG_SCOPE_CMG
#define NOT   CMG_SCOPE_NOT_CMG
#define UNK   CMG_SCOPE_UNKNOWN
#define QUIET CMG_ROLE_NONE, NONE, UNK, 0

#define CMG_URL "https://cmg.contoso.example/CCM_Proxy_MutualAuth/72/SMS_MP/.sms_aut?SITESIGNCERT"
#define MP_URL  "https://mp01.contoso.example/SMS_MP/.sms_aut?MPLIST"
#define BAD(url)                                                                                   \
    "[CCMHTTP] ERROR: URL=" url ", Port=443, Options=31, Code=0, Text=CCM_E_BAD_HTTP_STATUS_CODE"
#define WINHTTP(url, code, text)                                                                   \
    "[CCMHTTP] ERROR: URL=" url ", Port=443, Options=31, Code=" code ", Text=" text
#define INFO(status, text) "[CCMHTTP] ERROR INFO: StatusCode= " status " StatusText= " text
#define DUMP               "[CCMHTTP] AsyncCallback(): WINHTTP_CALLBACK_STATUS_SECURE_FAILURE Encountered"
#define MASK(hex)          "[CCMHTTP]   : *lpvStatusInformation is " hex
#define FLAG(f)            "[CCMHTTP]   : WINHTTP_CALLBACK_STATUS_FLAG_" f " is set"

struct world {
    struct cmg_enricher *e;
    struct cmg_corr *c;
    struct cmg_options opt;
};

static void open_world(struct world *w, size_t bytes)
{
    struct cmg_error err;
    w->e = cmg_enricher_new_with(&catalog, &w->opt, &err);
    cr_assert_not_null(w->e, "%s", err.text);
    w->c = cmg_corr_new(bytes);
    cr_assert_not_null(w->c);
}

static void close_world(struct world *w)
{
    cmg_enricher_free(w->e);
    cmg_corr_free(w->c);
}

static void id_of(int row, char ret[CMG_ID_SIZE])
{
    snprintf(ret, CMG_ID_SIZE, "%012x%032x", row + 4096, row);
}

static int64_t ns_of(int seconds)
{
    return (INT64_C(1700000000) + seconds) * INT64_C(1000000000);
}

static void make(const struct row *row, int number, int last, struct cmg_record *r)
{
    static const char *const host[] = {"pc01.contoso.example", "pc02.contoso.example",
                                       "cp01.contoso.example"};
    static const char *const path[] = {"C:\\Windows\\CCM\\Logs\\one.log", "two.log", "three.log"};
    memset(r, 0, sizeof *r);
    r->decoder = &cmg_decoder_ccm;
    r->event.message = cmg_str_c(row->message);
    r->event.component = cmg_str_c("Part");
    r->event.has_thread = row->thread != 0;
    r->event.thread = (uint64_t)row->thread;
    r->event.http.status = r->event.http.substatus = -1;
    r->time_ns = ns_of(last);
    r->time_source = row->at == READ      ? CMG_TIME_READ
                     : row->at == NO_TIME ? CMG_TIME_INHERITED
                                          : CMG_TIME_RECORD;
    r->host = cmg_str_c(host[row->stream % 3]);
    r->path = cmg_str_c(path[row->stream % 3]);
    id_of(number, r->id);
}

static void check_strs(const cmg_str *got, size_t n, const char *want, const char *what,
                       const char *name, int number)
{
    char all[512] = "";
    size_t len = 0;
    for (size_t i = 0; i < n; i++)
        len += (size_t)snprintf(all + len, sizeof all - len, "%s%.*s", i ? " " : "",
                                (int)got[i].len, got[i].ptr);
    if (want)
        cr_assert_str_eq(all, want, "%s, row %d: %s", name, number, what);
}

static void check_facts(const struct cmg_finding *f, const char *want, const char *name, int number)
{
    cmg_str part[16];
    size_t n = 0;
    for (size_t i = 0; i < f->facts; i++) {
        part[n++] = f->fact[i].name;
        part[n++] = f->fact[i].value;
    }
    check_strs(part, n, want, "facts", name, number);
}

static void check(const char *name, int number, const struct row *row, const struct cmg_record *r)
{
    const struct cmg_finding *f = &r->finding;
    char id[CMG_ID_SIZE];
    cr_assert_eq(f->role, row->role, "%s, row %d: role is %d", name, number, (int)f->role);
    if (!row->incident) {
        cr_assert_null(f->entry, "%s, row %d: nothing is known", name, number);
        cr_assert_eq(f->incident[0], 0);
        return;
    }
    cr_assert(f->entry == &entry[row->class], "%s, row %d: class is %.*s", name, number,
              (int)f->entry->slug.len, f->entry->slug.ptr);
    cr_assert_eq(f->scope, row->scope, "%s, row %d: scope is %d", name, number, (int)f->scope);
    id_of(row->incident, id);
    cr_assert_str_eq(f->incident, id, "%s, row %d: incident", name, number);
    check_strs(f->cause, f->causes, row->causes, "causes", name, number);
    check_strs(&f->url, f->url.len != 0, row->url, "url", name, number);
    check_facts(f, row->facts, name, number);
}

static void check_promotion(const char *name, int number, const struct row *row,
                            const struct row *rows, const struct cmg_record *r)
{
    char id[CMG_ID_SIZE];
    struct cmg_record was;
    id_of(row->candidate, id);
    check(name, number, row, r);
    cr_assert_str_eq(r->finding.promoted, id, "%s, row %d: promoted", name, number);
    cr_assert_eq(strncmp(r->id, id, 12), 0);
    cr_assert_str_neq(r->id, id);
    cr_assert_eq(strlen(r->id), CMG_ID_SIZE - 1);
    cr_assert(!r->decoder && !r->raw.len && !r->length && !r->event.message.len);
    make(&rows[row->candidate - 1], 1, 0, &was);
    cr_assert(cmg_str_eq(r->host, was.host) && cmg_str_eq(r->path, was.path), "%s, row %d: origin",
              name, number);
    cr_assert_eq(r->time_source, was.time_source);
    if (rows[row->candidate - 1].at >= 0)
        cr_assert_eq(r->time_ns, ns_of(rows[row->candidate - 1].at), "%s, row %d: time", name,
                     number);
}

/* Promotions that are due come before the record, as the stream asks for them. */
static size_t promotions(struct world *w, const char *name, const struct row *rows, size_t i,
                         size_t n, uint64_t stream, int64_t now, bool all)
{
    struct cmg_record r;
    while (cmg_enrich_due(w->e, w->c, stream, now, all, &r)) {
        cr_assert(i < n && !rows[i].message, "%s, row %zu: a promotion (%.*s) that nobody expects",
                  name, i + 1, (int)r.finding.entry->slug.len, r.finding.entry->slug.ptr);
        check_promotion(name, (int)i + 1, &rows[i], rows, &r);
        i++;
    }
    cr_assert(i == n || rows[i].message, "%s, row %zu: the promotion is missing", name, i + 1);
    return i;
}

static void play(struct world *w, const char *name, const struct row *rows, size_t n)
{
    int last = 0;
    struct cmg_record r;
    for (size_t i = 0; i < n; i++) {
        const struct row *row = &rows[i];
        if (!row->message) /* at the end of every stream */
            break;
        last = row->at >= 0 ? row->at : last;
        for (int k = 0; k < (row->times ? row->times : 1); k++) {
            make(row, (int)i + 1, last, &r);
            cmg_enrich(w->e, w->c, row->stream, &r);
            check(name, (int)i + 1, row, &r);
        }
        bool end = true;
        for (size_t k = i + 1; k < n; k++)
            end &= !rows[k].message;
        if (!end) {
            size_t next = i + 1;
            while (!rows[next].message)
                next++;
            int64_t now =
                rows[next].at == READ ? 0 : ns_of(rows[next].at >= 0 ? rows[next].at : last);
            i = promotions(w, name, rows, i + 1, next, rows[next].stream, now, false) - 1;
        } else {
            size_t at = i + 1;
            for (uint64_t s = 0; s < 3; s++)
                while (cmg_enrich_due(w->e, w->c, s, 0, true, &r)) {
                    cr_assert_lt(at, n, "%s: a promotion at the end that nobody expects: row %zu",
                                 name, at + 1);
                    check_promotion(name, (int)at + 1, &rows[at], rows, &r);
                    at++;
                }
            cr_assert_eq(at, n, "%s, row %zu: the promotion is missing", name, at + 1);
            break;
        }
    }
}

static void story(const char *name, const struct cmg_options *opt, const struct row *rows, size_t n)
{
    struct world w = {NULL, NULL, opt ? *opt : (struct cmg_options){.lang = CMG_LANG_EN}};
    open_world(&w, 0);
    play(&w, name, rows, n);
    close_world(&w);
}

#define STORY(name, ...)                                                                           \
    do {                                                                                           \
        static const struct row rows[] = {__VA_ARGS__};                                            \
        story(name, NULL, rows, sizeof rows / sizeof rows[0]);                                     \
    } while (0)

/* ---- cause and consequence ------------------------------------------------------------------- */

Test(enrich, a_candidate_and_its_answer)
{
    STORY("wrapper, then status", {0, 4, BAD(CMG_URL), K, GENERIC, CMG, 1, "", CMG_URL},
          {0, 4, INFO("403", "CMGConnector_Clientcertificaterequired"), P, CERT_REQUIRED, CMG, 1,
           "", CMG_URL});
    STORY("status, then wrapper",
          {0, 4, INFO("403", "CMGConnector_Forbidden"), P, FORBIDDEN, CMG, 1, "", ""},
          {0, 4, BAD(CMG_URL), E, GENERIC, CMG, 1, "", CMG_URL});
    STORY("twice is one incident", {0, 4, BAD(CMG_URL), K, GENERIC, CMG, 1, .url = CMG_URL},
          {1, 4, INFO("403", "CMGConnector_Forbidden"), P, FORBIDDEN, CMG, 1, .url = CMG_URL},
          {60, 4, BAD(CMG_URL), E, GENERIC, CMG, 1, .url = CMG_URL},
          {61, 4, INFO("403", "CMGConnector_Forbidden"), E, FORBIDDEN, CMG, 1, .url = ""});
    STORY("a wrapper by number",
          {0, 4, "RetrieveTokenFromStsServerImpl failed with error 0x87d0027e", K, GENERIC, UNK, 1},
          {0, 4, "Failed to get CCM access token. Error 0x80070002", QUIET},
          {0, 4, INFO("401", "CMGConnector_Unauthorized"), P, OTHER, CMG, 1});
    STORY("by message id", {0, 0, "Forwarding proxy message \\<message ID> to URL: " MP_URL, QUIET},
          {0, 0,
           "Web exception for message \\<message ID>: System.Net.WebException: The remote server "
           "returned an error: (403) Forbidden.",
           K, WEB_403, CMG, 2, .url = MP_URL},
          {0, 0,
           "Received response " MP_URL
           " for message \\<message ID>: HTTP/1.1 403 CMGConnector_Clientcertificaterequired",
           P, CERT_REQUIRED, CMG, 2, .url = MP_URL});
    STORY("two messages are two",
          {0, 9,
           "Web exception for message 1: System.Net.WebException: The remote server returned an "
           "error: (403) Forbidden.",
           K, WEB_403, CMG, 1},
          {0, 9, "Received response " MP_URL " for message 2: HTTP/1.1 403 CMGConnector_Forbidden",
           P, FORBIDDEN, CMG, 2},
          {0, 0, NULL, P, WEB_403, CMG, 1, .candidate = 1});
}

Test(enrich, the_answer_must_explain_the_candidate)
{
    STORY("a candidate that this primary does not explain stays open",
          {0, 4, DUMP, K, SECURE, UNK, 1},
          {1, 4, "send failed, ErrorCode = 0x2efd", P, CONNECT, UNK, 2, .causes = ""},
          {0, 0, NULL, P, SECURE, UNK, 1, .candidate = 1});
    STORY("a wildcard explains",
          {0, 4, "Web exception for message x: ... (403) Forbidden", K, WEB_403, CMG, 1},
          {1, 4, "Received response " MP_URL " for message x: HTTP/1.1 500 CMGConnector_Whatever",
           P, OTHER, CMG, 1});
    STORY("the same class answers before a consequence does", {0, 4, DUMP, K, SECURE, UNK, 1},
          {1, 4, "Error. Received 0x80072f8f from WinHttpSendRequest.", P, SECURE, UNK, 1},
          {1, 4, "error 0x87d0027e", E, GENERIC, UNK, 1});
}

Test(enrich, a_consequence_is_evidence)
{
    STORY("after its cause", {0, 4, INFO("403", "CMGConnector_Forbidden"), P, FORBIDDEN, CMG, 1},
          {1, 4, "DownloadFileByWinHTTP failed with a non-recoverable failure, 0x87d00455", E,
           NO_TOKEN, CMG, 1},
          {2, 4, "DownloadFileByWinHTTP failed with a non-recoverable failure, 0x87d00455", E,
           NO_TOKEN, CMG, 1});
    STORY("before its cause it is an incident of its own",
          {0, 4, "DownloadFileByWinHTTP failed with a non-recoverable failure, 0x87d00455", P,
           NO_TOKEN, UNK, 1},
          {1, 4, INFO("403", "CMGConnector_Forbidden"), P, FORBIDDEN, CMG, 2});
    STORY("of another class it is not a consequence of",
          {0, 4, INFO("500", "CMGConnector_Odd"), P, OTHER, CMG, 1},
          {1, 4, "non-recoverable failure, 0x87d00455", P, NO_TOKEN, UNK, 2});
    STORY("under another key", {0, 4, INFO("403", "CMGConnector_Forbidden"), P, FORBIDDEN, CMG, 1},
          {1, 5, "non-recoverable failure, 0x87d00455", P, NO_TOKEN, UNK, 2});
}

Test(enrich, a_better_candidate_takes_over)
{
    STORY("a wrapper gives way to a dump", {0, 4, BAD(MP_URL), K, GENERIC, NOT, 1, .url = MP_URL},
          {1, 4, DUMP, K, SECURE, NOT, 1, .url = MP_URL},
          {2, 4, FLAG("INVALID_CA"), E, SECURE, NOT, 1, "invalid-ca"},
          {0, 0, NULL, P, SECURE, NOT, 1, "invalid-ca", MP_URL, .candidate = 2});
    STORY("a dump does not give way to a wrapper", {0, 4, DUMP, K, SECURE, UNK, 1},
          {1, 4, BAD(MP_URL), E, GENERIC, NOT, 1},
          {0, 0, NULL, P, SECURE, NOT, 1, "", MP_URL, .candidate = 1});
    STORY("two wrappers: the first stays", {0, 4, "error 0x87d0027e", K, GENERIC, UNK, 1},
          {1, 4, "failed with 0x87d00231", E, TRANSIENT, UNK, 1},
          {0, 0, NULL, P, GENERIC, UNK, 1, .candidate = 1});
    STORY("and after it took over the answer comes",
          {0, 4, "failed with 0x87d00231", K, TRANSIENT, UNK, 1}, {1, 4, DUMP, K, SECURE, UNK, 1},
          {2, 4, "failed; 80072f8f", P, SECURE, UNK, 1});
}

Test(enrich, classes_change_under_a_key)
{
    STORY("another class opens another incident",
          {0, 4, INFO("403", "CMGConnector_Forbidden"), P, FORBIDDEN, CMG, 1},
          {1, 4, INFO("403", "CMGConnector_Clientcertificaterequired"), P, CERT_REQUIRED, CMG, 2},
          {2, 4, INFO("403", "CMGConnector_Forbidden"), E, FORBIDDEN, CMG, 1},
          {3, 4, INFO("403", "CMGConnector_Clientcertificaterequired"), E, CERT_REQUIRED, CMG, 2},
          {4, 4, "error 0x87d0027e", E, GENERIC, CMG, 2});
    STORY("a candidate's URL is for the next primary",
          {0, 4, INFO("403", "CMGConnector_Forbidden"), P, FORBIDDEN, CMG, 1, .url = ""},
          {1, 4, BAD(CMG_URL), E, GENERIC, CMG, 1, .url = CMG_URL},
          {2, 4, INFO("500", "CMGConnector_Odd"), P, OTHER, CMG, 3, .url = CMG_URL});
    STORY("five classes: the one joined longest ago goes",
          {0, 4, INFO("403", "CMGConnector_Forbidden"), P, FORBIDDEN, CMG, 1},
          {0, 4, INFO("403", "CMGConnector_Clientcertificaterequired"), P, CERT_REQUIRED, CMG, 2},
          {0, 4, INFO("403", "CMGConnector_Odd"), P, OTHER, CMG, 3},
          {0, 4, "FOREIGN SERVER FAILED", P, FOREIGN, CMG_SCOPE_NOT_CMG, 4},
          {0, 4, "ErrorCode = 0x2efd", P, CONNECT, UNK, 5},
          {0, 4, INFO("403", "CMGConnector_Clientcertificaterequired"), E, CERT_REQUIRED, CMG, 2},
          {0, 4, INFO("403", "CMGConnector_Forbidden"), P, FORBIDDEN, CMG, 7});
}

Test(enrich, spellings_and_keys)
{
    STORY("one failure, many spellings",
          {0, 4, "Failed to send request to /SMS_DP/x at host dp01.contoso.example, error 0x2efd",
           P, CONNECT, NOT, 1},
          {0, 4,
           WINHTTP("http://dp01.contoso.example/SMS_DP/x", "12029", "ERROR_WINHTTP_CANNOT_CONNECT"),
           E, CONNECT, NOT, 1},
          {0, 4, "GetDirectoryList_HTTP mapping original error 0x80072efd to 0x800704cf.", E,
           CONNECT, NOT, 1},
          {0, 4, "hr, HRESULT=80072efd", E, CONNECT, NOT, 1},
          {0, 4, "failed -2147012867", E, CONNECT, NOT, 1});
    STORY("the same failure under two keys", {0, 4, "hr, HRESULT=80072efd", P, CONNECT, UNK, 1},
          {0, 5, "hr, HRESULT=80072efd", P, CONNECT, UNK, 2},
          {0, 0, "hr, HRESULT=80072efd", P, CONNECT, UNK, 3},
          {0, 5, "hr, HRESULT=80072efd", E, CONNECT, UNK, 2});
    STORY("and in two logs", {0, 4, "hr, HRESULT=80072efd", P, CONNECT, UNK, 1},
          {0, 4, "hr, HRESULT=80072efd", P, CONNECT, UNK, 2, .stream = 1},
          {0, 4, "hr, HRESULT=80072efd", E, CONNECT, UNK, 1});
}

/* ---- dumps ----------------------------------------------------------------------------------- */

Test(enrich, dumps)
{
    STORY("mask against flags", {0, 4, DUMP, K, SECURE, UNK, 1},
          {0, 4, "[CCMHTTP] : dwStatusInformationLength is 4", E, SECURE, UNK, 1, ""},
          {0, 4, MASK("0x9"), E, SECURE, UNK, 1, "cert-rev-failed invalid-ca"},
          {0, 4, FLAG("CERT_REV_FAILED"), E, SECURE, UNK, 1, "cert-rev-failed"},
          {0, 4, FLAG("CERT_CN_INVALID"), E, SECURE, UNK, 1, "cert-cn-invalid"},
          {0, 4, WINHTTP(CMG_URL, "12175", "ERROR_WINHTTP_SECURE_FAILURE"), P, SECURE, CMG, 1,
           "cert-rev-failed invalid-ca cert-cn-invalid", CMG_URL});
    STORY("two threads stay two",
          {0, 4,
           "GET: Host=cmg.contoso.example, Path=/CCM_Proxy_ServerAuth/1, Port=443, Protocol=https, "
           "Flags=1",
           QUIET},
          {0, 5,
           "GET: Host=mp01.contoso.example, Path=/SMS_MP/x, Port=443, Protocol=https, Flags=1",
           QUIET},
          {0, 4, DUMP, K, SECURE, CMG, 3, .url = "cmg.contoso.example/CCM_Proxy_ServerAuth/1"},
          {0, 5, DUMP, K, SECURE, NOT, 4, .url = "mp01.contoso.example/SMS_MP/x"},
          {0, 4, FLAG("INVALID_CA"), E, SECURE, CMG, 3, "invalid-ca"},
          {0, 5, FLAG("CERT_REV_FAILED"), E, SECURE, NOT, 4, "cert-rev-failed"},
          {0, 5, "Received 0x80072f8f", P, SECURE, NOT, 4, "cert-rev-failed",
           "mp01.contoso.example/SMS_MP/x"},
          {0, 4, "Received 0x80072f8f", P, SECURE, CMG, 3, "invalid-ca",
           "cmg.contoso.example/CCM_Proxy_ServerAuth/1"});
    STORY("a retry is the same incident",
          {0, 0, "Send: WinHttpOpenRequest - URL: \\<MP>:443  CCM_POST /ccm_system_AltAuth/request",
           QUIET},
          {0, 0, DUMP, K, SECURE, NOT, 2}, {0, 0, MASK("0x8"), E, SECURE, NOT, 2},
          {0, 0, FLAG("INVALID_CA"), E, SECURE, NOT, 2},
          {0, 0, "Error. Received 0x80072f8f from WinHttpSendRequest.", P, SECURE, NOT, 2,
           "invalid-ca", "/ccm_system_AltAuth/request"},
          {0, 0, "Sending with winhttp failed; 80072f8f. retrying.", E, SECURE, NOT, 2},
          {0, 0, DUMP, E, SECURE, NOT, 2},
          {0, 0, FLAG("INVALID_CA"), E, SECURE, NOT, 2, "invalid-ca"},
          {0, 0, "hr, HRESULT=80072f8f", E, SECURE, NOT, 2, ""});
    STORY("a dump that lost its head", {0, 4, FLAG("INVALID_CA"), QUIET},
          {0, 4, "Received 0x80072f8f", P, SECURE, UNK, 2, "invalid-ca"});
    STORY("flags are used up", {0, 4, FLAG("INVALID_CA"), QUIET},
          {0, 4, "Received 0x80072f8f", P, SECURE, UNK, 2, "invalid-ca"},
          {200, 4, "Received 0x80072f8f", P, SECURE, UNK, 3, ""});
    STORY("another class leaves them", {0, 4, FLAG("INVALID_CA"), QUIET},
          {0, 4, "Error 0x2efd", P, CONNECT, UNK, 2, ""},
          {0, 4, "Received 0x80072f8f", P, SECURE, UNK, 3, "invalid-ca"});
    STORY("a dump within another incident",
          {0, 4, INFO("403", "CMGConnector_Forbidden"), P, FORBIDDEN, CMG, 1},
          {1, 4, DUMP, E, SECURE, CMG, 1}, {1, 4, FLAG("INVALID_CA"), QUIET},
          {1, 4, "Received 0x80072f8f", P, SECURE, UNK, 4, "invalid-ca"});
    STORY("old flags are not new", {0, 4, FLAG("INVALID_CA"), QUIET},
          {121, 4, "Received 0x80072f8f", P, SECURE, UNK, 2, ""});
    STORY("a whole dump in one record",
          {0, 4, DUMP "\n" MASK("0x8") "\n" FLAG("INVALID_CA") "\n" WINHTTP(CMG_URL, "12175", "X"),
           P, SECURE, CMG, 1, "invalid-ca", CMG_URL});
}

Test(enrich, mask_mismatch)
{
    static const struct {
        const char *mask, *flag;
        bool mismatch;
    } row[] = {{"0x8", "INVALID_CA", false}, {"0x9", "INVALID_CA", true},
               {"0x10", "INVALID_CA", true}, {"0x400008", "INVALID_CA", false},
               {NULL, "INVALID_CA", false},  {"0x9", NULL, false},
               {"0x0", "INVALID_CA", true}};
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct world w = {0};
        struct cmg_record r;
        char text[3][200] = {DUMP};
        open_world(&w, 0);
        snprintf(text[1], sizeof text[1], "[CCMHTTP] : %s%s",
                 row[i].mask ? "lpvStatusInformation is " : "", row[i].mask ? row[i].mask : "");
        snprintf(text[2], sizeof text[2], "[CCMHTTP] : WINHTTP_CALLBACK_STATUS_FLAG_%s%s",
                 row[i].flag ? row[i].flag : "", row[i].flag ? " is set" : "");
        for (int k = 0; k < 4; k++) {
            struct row in = {0, 4, k < 3 ? text[k] : "Received 0x80072f8f", QUIET};
            make(&in, k, 0, &r);
            cmg_enrich(w.e, w.c, 0, &r);
        }
        cr_assert_eq(r.finding.role, CMG_ROLE_PRIMARY);
        cr_assert_eq((r.problems & CMG_P_MASK_MISMATCH) != 0, row[i].mismatch, "row %zu", i);
        close_world(&w);
    }
}

Test(enrich, remedies_are_united)
{
    struct world w = {0};
    struct cmg_record r;
    struct row in = {0, 4, DUMP "\n" MASK("0x9") "\nReceived 0x80072f8f", QUIET};
    open_world(&w, 0);
    make(&in, 1, 0, &r);
    cmg_enrich(w.e, w.c, 0, &r);
    check_strs(r.finding.remedy, r.finding.remedies, "REM-A REM-B REM-CRL REM-CA", "remedies", "",
               1);
    cr_assert_eq(r.finding.code, 0x80072f8f);
    close_world(&w);
}

/* ---- counters, marks, token times ------------------------------------------------------------ */

Test(enrich, counters_and_marks)
{
    STORY("four counters", {0, 4, "Filtered cert count with digital signature: 7", QUIET},
          {0, 4, "Filtered cert count with allowed root CA: 3", QUIET},
          {0, 4, "Filtered cert count with private key: 3", QUIET},
          {0, 4, "Filtered cert count with client auth: 0", P, NO_CERT, CMG, 4,
           .facts = "digital_signature 7 allowed_root_ca 3 private_key 3 client_auth 0"});
    STORY("not zero is quiet", {0, 4, "Filtered cert count with client auth: 10", QUIET},
          {0, 4, "Filtered cert count with client auth: 02", QUIET});
    STORY("a mark decides", {0, 4, "Chain 1 status: OfflineRevocation", QUIET},
          {0, 4, "Filtered cert count with allowed root CA and has private key: 0", QUIET},
          {0, 4, "Filtered cert count with client auth: 0", P, NO_CRL, CMG, 3,
           .facts = "allowed_root_ca 0 private_key 0 client_auth 0"});
    STORY("a mark of another thread does not", {0, 4, "Chain 1 status: OfflineRevocation", QUIET},
          {0, 5, "Filtered cert count with client auth: 0", P, NO_CERT, CMG, 2,
           .facts = "client_auth 0"});
    STORY("a mark is cleared", {0, 4, "Chain 1 status: OfflineRevocation", QUIET},
          {0, 4, "Filtered cert count with digital signature: 2", QUIET},
          {0, 4, "Filtered cert count with client auth: 0", P, NO_CERT, CMG, 3,
           .facts = "digital_signature 2 client_auth 0"});
    STORY("a mark ages", {0, 4, "Chain 1 status: OfflineRevocation", QUIET},
          {120, 4, "Filtered cert count with client auth: 0", P, NO_CRL, CMG, 2},
          {300, 4, "Chain 1 status: OfflineRevocation", QUIET},
          {421, 4, "Filtered cert count with client auth: 0", P, NO_CERT, CMG, 4});
    STORY("cause and effect in one record",
          {0, 4, "Chain 1 status: OfflineRevocation\nFiltered cert count with client auth: 0", P,
           NO_CRL, CMG, 1});
    STORY("a new count ends the old one", {0, 4, "Filtered cert count with private key: 3", QUIET},
          {0, 4, "Filtered cert count with digital signature: 1", QUIET},
          {0, 4, "Filtered cert count with client auth: 0", P, NO_CERT, CMG, 3,
           .facts = "digital_signature 1 client_auth 0"});
}

Test(enrich, token_times)
{
    STORY("line by line",
          {0, 0, "Return code: 401, Description: PreAuth token validation failed, X:", K, PREAUTH,
           CMG, 1},
          {0, 0, "IDX10223: Lifetime validation failed.", E, PREAUTH, CMG, 1},
          {0, 0, "ValidTo: '10/01/2020 22:03:24'", E, PREAUTH, CMG, 1},
          {0, 0, "Current time: '10/28/2020 13:05:05'.", P, PREAUTH, CMG, 1,
           .facts = "valid_to 10/01/2020 22:03:24 current_time 10/28/2020 13:05:05"},
          {0, 0, "   at System.IdentityModel.Tokens.Validators.ValidateLifetime....", QUIET});
    STORY("in one record", {0, 7,
                            "Return code: 401, PreAuth token validation failed, X:\r\nIDX10223: "
                            "failed.\r\nValidTo: '1'\r\nCurrent time: '2'.",
                            P, PREAUTH, CMG, 1, .facts = "valid_to 1 current_time 2"});
    STORY("alone it says nothing", {0, 0, "Current time: '10/28/2020 13:05:05'.", QUIET},
          {0, 0, "IDX10223: x", QUIET}, {0, 0, "ValidTo: '1'", QUIET});
    STORY("too late", {0, 0, "PreAuth token validation failed", K, PREAUTH, CMG, 1},
          {0, 0, NULL, P, PREAUTH, CMG, 1, .candidate = 1}, {121, 0, "Current time: '1'", QUIET});
}

/* ---- windows and promotion ------------------------------------------------------------------- */

Test(enrich, windows)
{
    STORY("119 s", {0, 4, "Error 0x2efd", P, CONNECT, UNK, 1},
          {119, 4, "Error 0x2efd", E, CONNECT, UNK, 1});
    STORY("120 s", {0, 4, "Error 0x2efd", P, CONNECT, UNK, 1},
          {120, 4, "Error 0x2efd", E, CONNECT, UNK, 1},
          {240, 4, "Error 0x2efd", E, CONNECT, UNK, 1});
    STORY("121 s", {0, 4, "Error 0x2efd", P, CONNECT, UNK, 1},
          {121, 4, "Error 0x2efd", P, CONNECT, UNK, 2});
    STORY("the 399th record", {0, 4, "Error 0x2efd", P, CONNECT, UNK, 1},
          {0, 4, "ordinary", QUIET, .times = 398}, {0, 4, "Error 0x2efd", E, CONNECT, UNK, 1});
    STORY("the 400th record", {0, 4, "Error 0x2efd", P, CONNECT, UNK, 1},
          {0, 4, "ordinary", QUIET, .times = 399}, {0, 4, "Error 0x2efd", E, CONNECT, UNK, 1});
    STORY("the 401st record", {0, 4, "Error 0x2efd", P, CONNECT, UNK, 1},
          {0, 4, "ordinary", QUIET, .times = 400}, {0, 4, "Error 0x2efd", P, CONNECT, UNK, 3});
    STORY("records of other keys do not count", {0, 4, "Error 0x2efd", P, CONNECT, UNK, 1},
          {0, 5, "ordinary", QUIET, .times = 900}, {0, 0, "ordinary", QUIET, .times = 900},
          {0, 4, "Error 0x2efd", E, CONNECT, UNK, 1});
    STORY("a time of reading is no time", {READ, 4, "Error 0x2efd", P, CONNECT, UNK, 1},
          {900, 4, "Error 0x2efd", E, CONNECT, UNK, 1},
          {READ, 4, "Error 0x2efd", E, CONNECT, UNK, 1});
    STORY("an inherited one is", {0, 4, "Error 0x2efd", P, CONNECT, UNK, 1},
          {500, 5, "ordinary", QUIET}, {NO_TIME, 4, "Error 0x2efd", P, CONNECT, UNK, 3});
    STORY("a clock set back closes nothing", {5000, 4, "Error 0x2efd", P, CONNECT, UNK, 1},
          {0, 4, "Error 0x2efd", E, CONNECT, UNK, 1});
}

Test(enrich, windows_are_settable)
{
    static const struct row rows[] = {
        {0, 4, "Error 0x2efd", P, CONNECT, UNK, 1}, {0, 4, "ordinary", QUIET, .times = 4},
        {5, 4, "Error 0x2efd", E, CONNECT, UNK, 1}, {5, 4, "ordinary", QUIET, .times = 5},
        {5, 4, "Error 0x2efd", P, CONNECT, UNK, 5}, {11, 4, "Error 0x2efd", P, CONNECT, UNK, 6},
    };
    const struct cmg_options opt = {.corr_seconds = 5, .corr_records = 5};
    story("5 s and 5 records", &opt, rows, sizeof rows / sizeof rows[0]);
}

Test(enrich, promotions)
{
    STORY("at the end", {0, 4, BAD(CMG_URL), K, GENERIC, CMG, 1},
          {0, 0, NULL, P, GENERIC, CMG, 1, "", CMG_URL, .candidate = 1});
    STORY("120 s are not over", {0, 4, "error 0x87d0027e", K, GENERIC, UNK, 1},
          {120, 5, "ordinary", QUIET}, {0, 0, NULL, P, GENERIC, UNK, 1, .candidate = 1});
    STORY("by time, before the record that shows it",
          {0, 4, "error 0x87d0027e", K, GENERIC, UNK, 1},
          {0, 0, NULL, P, GENERIC, UNK, 1, .candidate = 1}, {121, 5, "ordinary", QUIET});
    STORY("after that it is new", {0, 4, "error 0x87d0027e", K, GENERIC, UNK, 1},
          {0, 0, NULL, P, GENERIC, UNK, 1, .candidate = 1},
          {121, 4, INFO("403", "CMGConnector_Forbidden"), P, FORBIDDEN, CMG, 3});
    STORY("evidence keeps it open", {0, 4, "error 0x87d0027e", K, GENERIC, UNK, 1},
          {100, 4, "error 0x87d0027e", E, GENERIC, UNK, 1},
          {200, 4, INFO("403", "CMGConnector_Forbidden"), P, FORBIDDEN, CMG, 1});
    STORY("by the 400th record", {0, 4, "error 0x87d0027e", K, GENERIC, UNK, 1},
          {0, 4, "ordinary", QUIET, .times = 400}, {0, 0, NULL, P, GENERIC, UNK, 1, .candidate = 1},
          {0, 4, INFO("403", "CMGConnector_Forbidden"), P, FORBIDDEN, CMG, 4});
    STORY("399 are not enough", {0, 4, "error 0x87d0027e", K, GENERIC, UNK, 1},
          {0, 4, "ordinary", QUIET, .times = 399},
          {0, 4, INFO("403", "CMGConnector_Forbidden"), P, FORBIDDEN, CMG, 1});
    STORY("another log's clock is not ours", {0, 4, "error 0x87d0027e", K, GENERIC, UNK, 1},
          {5000, 4, "ordinary", QUIET, .stream = 1},
          {5000, 4, "Error 0x2efd", P, CONNECT, UNK, 3, .stream = 1},
          {1, 4, "error 0x87d0027e", E, GENERIC, UNK, 1},
          {0, 0, NULL, P, GENERIC, UNK, 1, .candidate = 1});
    STORY("in the order of opening", {0, 4, "error 0x87d0027e", K, GENERIC, UNK, 1},
          {1, 5, "failed with 0x87d00231", K, TRANSIENT, UNK, 2},
          {0, 0, NULL, P, GENERIC, UNK, 1, .candidate = 1},
          {0, 0, NULL, P, TRANSIENT, UNK, 2, .candidate = 2}, {900, 0, "ordinary", QUIET});
    STORY("undated ones wait for the end", {READ, 4, "error 0x87d0027e", K, GENERIC, UNK, 1},
          {900, 5, "ordinary", QUIET}, {0, 0, NULL, P, GENERIC, UNK, 1, .candidate = 1});
    STORY("with what the wrapper knew",
          {0, 4,
           "Web exception for message m-1: The remote server returned an error: (403) Forbidden", K,
           WEB_403, CMG, 1},
          {0, 0, NULL, P, WEB_403, CMG, 1, "", "", .candidate = 1});
}

/* Falling idle is the end of what came so far: the stream may go on. */
Test(enrich, idle_and_on)
{
    struct world w = {0};
    struct cmg_record r;
    struct row in = {0, 4, "error 0x87d0027e", QUIET};
    open_world(&w, 0);
    for (int k = 0; k < 3; k++) {
        char id[CMG_ID_SIZE];
        make(&in, k, 0, &r);
        cmg_enrich(w.e, w.c, 0, &r);
        id_of(k, id);
        cr_assert_eq(r.finding.role, CMG_ROLE_CANDIDATE);
        cr_assert_str_eq(r.finding.incident, id);
        cr_assert(cmg_enrich_due(w.e, w.c, 0, 0, true, &r));
        cr_assert_str_eq(r.finding.incident, id);
        cr_assert_not(cmg_enrich_due(w.e, w.c, 0, 0, true, &r));
    }
    close_world(&w);
}

/* A full table promotes the candidate it gives up, under the origin of that candidate. */
Test(enrich, eviction_promotes_first)
{
    struct world w = {0};
    struct cmg_record r;
    unsigned promoted = 0, n = 40;
    open_world(&w, CMG_CORR_BYTES_MIN);
    for (unsigned k = 0; k < n; k++) {
        struct row in = {0, (int)k + 1, "error 0x87d0027e", QUIET, .stream = 1};
        make(&in, (int)k + 1, 0, &r);
        cmg_enrich(w.e, w.c, 1, &r);
        cr_assert_eq(r.finding.role, CMG_ROLE_CANDIDATE);
        while (cmg_enrich_due(w.e, w.c, 2, 0, false, &r)) {
            char id[CMG_ID_SIZE];
            id_of((int)++promoted, id);
            cr_assert_str_eq(r.finding.incident, id, "the oldest first");
            cr_assert(cmg_str_eq(r.host, CMG_LIT("pc02.contoso.example")) &&
                      cmg_str_eq(r.path, CMG_LIT("two.log")));
        }
    }
    cr_assert_eq(promoted, n - CMG_CORR_POOL);
    cr_assert_eq(cmg_corr_evictions(w.c), promoted);
    while (cmg_enrich_due(w.e, w.c, 1, 0, true, &r))
        promoted++;
    cr_assert_eq(promoted, n);
    close_world(&w);
}

/* ---- scope ----------------------------------------------------------------------------------- */

Test(enrich, scope_of_a_request)
{
    static const struct {
        const char *url;
        enum cmg_scope scope;
    } row[] = {
        {"https://gw.contoso.example/CCM_Proxy_MutualAuth/72/SMS_MP", CMG},
        {"https://gw.contoso.example/CCM_PROXY_MUTUALAUTH/72", CMG},
        {"https://gw.contoso.example/ccm_proxy_serverauth/72", CMG},
        {"https://svc.cloudapp.net/x", CMG},
        {"https://SVC.CLOUDAPP.NET:443/x", CMG},
        {"https://svc.westeurope.cloudapp.azure.com/", CMG},
        {"https://cloudapp.net.contoso.example/x", NOT},
        {"https://notcloudapp.net/x", NOT},
        {"https://content.contoso.example/downloadrestservice.svc/getcontentxmlsecure?pid=1", CMG},
        {"https://Gateway.Fabrikam.example/plain", CMG},
        {"https://gateway.fabrikam.example.org/plain", NOT},
        {"https://mp01.contoso.example/SMS_MP/.sms_aut", NOT},
        {"https://10.1.2.3/x", NOT},
        {"https://\\<MP>/ccm_system/request", NOT},
        {"https://<MP>/SMS_MP/.sms_aut", NOT},
        {"https://<server>/", UNK},
        {"https://\\<MP>/other", UNK},
        {"https://<CMG>/CCM_Proxy_ServerAuth/1", CMG},
    };
    static const cmg_str gateway = CMG_LIT("gateway.fabrikam.EXAMPLE");
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct world w = {.opt = {.cmg_hosts = &gateway, .n_cmg_hosts = 1}};
        struct cmg_record r;
        char text[300];
        snprintf(text, sizeof text,
                 "[CCMHTTP] ERROR: URL=%s, Port=443, Options=31, Code=12029, Text=X", row[i].url);
        struct row in = {0, 4, text, QUIET};
        open_world(&w, 0);
        make(&in, 1, 0, &r);
        cmg_enrich(w.e, w.c, 0, &r);
        cr_assert_eq(r.finding.role, CMG_ROLE_PRIMARY, "%s", row[i].url);
        cr_assert_eq(r.finding.scope, row[i].scope, "%s: %d", row[i].url, (int)r.finding.scope);
        close_world(&w);
    }
}

Test(enrich, scope_of_an_incident)
{
    STORY("the last request decides",
          {0, 4,
           "GET: Host=cmg.contoso.example, Path=/CCM_Proxy_ServerAuth/1, Port=443, Protocol=https, "
           "Flags=1",
           QUIET},
          {0, 4,
           "GET: Host=mp01.contoso.example, Path=/SMS_MP/x, Port=443, Protocol=https, Flags=1",
           QUIET},
          {0, 4, "Error 0x2efd", P, CONNECT, NOT, 3, .url = "mp01.contoso.example/SMS_MP/x"});
    STORY("another key's request does not",
          {0, 5,
           "GET: Host=cmg.contoso.example, Path=/CCM_Proxy_ServerAuth/1, Port=443, Protocol=https, "
           "Flags=1",
           QUIET},
          {0, 4, "Error 0x2efd", P, CONNECT, UNK, 2});
    STORY("a line of the incident shows it", {0, 4, "Error 0x2efd", P, CONNECT, UNK, 1},
          {0, 4, WINHTTP(CMG_URL, "12029", "X"), E, CONNECT, CMG, 1},
          {0, 4, "Error 0x2efd", E, CONNECT, CMG, 1});
    STORY("proof outweighs another server", {0, 4, BAD(MP_URL), K, GENERIC, NOT, 1},
          {0, 4, INFO("401", "CMGService_Invalid_Token"), P, INVALID_TOKEN, CMG, 1, .url = MP_URL});
    STORY("the class says so", {0, 4, WINHTTP(MP_URL, "1", "X"), QUIET},
          {0, 4, "Filtered cert count with client auth: 0", P, NO_CERT, CMG, 2});
    STORY("or says no", {0, 4, "FOREIGN SERVER FAILED", P, FOREIGN, NOT, 1},
          {0, 4, BAD(CMG_URL), E, GENERIC, CMG, 1});
    STORY("a status text counts with a status of 400 or more",
          {0, 4, INFO("200", "CMGConnector_Forbidden"), QUIET},
          {0, 4, "The text StatusText= CMGConnector_Forbidden was seen", QUIET},
          {0, 4, "CMGConnector_Forbidden", QUIET});
    STORY("in any case", {0, 4, INFO("403", "cmgconnector_FORBIDDEN"), P, FORBIDDEN, CMG, 1});
    STORY("a word that excludes", {0, 4, "FOREIGN SERVER FAILED, but this is harmless", QUIET});
    STORY("a number in another context", {0, 4, "$$<X><thread=12175 (0x2F8F)>", QUIET},
          {0, 4, "counted 12029 files", QUIET});
}

Test(enrich, access_log_rows)
{
    static const cmg_str point[] = {CMG_LIT("<IP_address_of_CMG_connectionpoint>"),
                                    CMG_LIT("10.0.0.9")};
    static const cmg_str host[] = {CMG_LIT("gw.fabrikam.example")};
    static const struct {
        const char *client, *server, *host, *stem;
        int status, substatus;
        bool named, finding;
        enum cmg_scope scope;
    } row[] = {
        {"<IP_address_of_CMG_connectionpoint>", "<IP_address_of_MP>", "", "/SMS_MP/.sms_aut", 403,
         7, false, true, UNK},
        {"<IP_address_of_CMG_connectionpoint>", "<IP_address_of_MP>", "", "/SMS_MP/.sms_aut", 403,
         7, true, true, CMG},
        {"<ip_ADDRESS_of_cmg_connectionpoint>", "", "", "/SMS_MP/.sms_aut", 403, 7, true, true,
         CMG},
        {"10.0.0.8", "10.0.0.9", "", "/SMS_MP/.sms_aut", 403, 7, true, true, CMG},
        {"10.0.0.8", "10.0.0.7", "GW.fabrikam.example:443", "/SMS_MP/.sms_aut", 403, 7, true, true,
         CMG},
        {"10.0.0.8", "10.0.0.7", "mp01.contoso.example", "/SMS_MP/.sms_aut", 403, 7, true, true,
         UNK},
        {"10.0.0.8", "10.0.0.7", "", "/CCM_Proxy_MutualAuth/1", 403, 7, false, true, CMG},
        {"10.0.0.8", "10.0.0.7", "", "/SMS_MP/.sms_aut", 403, 16, true, true, UNK},
        {"10.0.0.8", "10.0.0.7", "", "/SMS_MP/.sms_aut", 403, 13, true, false, UNK},
        {"10.0.0.8", "10.0.0.7", "", "/SMS_MP/.sms_aut", 200, 7, true, false, UNK},
        {"10.0.0.8", "10.0.0.7", "", "/SMS_MP/.sms_aut", -1, -1, true, false, UNK},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct world w = {0};
        struct cmg_record r;
        struct row in = {0, 0, "10:00 GET /x?e=0x80072efd+Filtered cert count with client auth: 0",
                         QUIET};
        if (row[i].named)
            w.opt = (struct cmg_options){.connection_points = point,
                                         .n_connection_points = 2,
                                         .cmg_hosts = host,
                                         .n_cmg_hosts = 1};
        open_world(&w, 0);
        make(&in, 1, 0, &r);
        r.decoder = &cmg_decoder_iis;
        r.event.has_http = true;
        r.event.http = (struct cmg_http){.stem = cmg_str_c(row[i].stem),
                                         .client_ip = cmg_str_c(row[i].client),
                                         .server_ip = cmg_str_c(row[i].server),
                                         .host = cmg_str_c(row[i].host),
                                         .status = row[i].status,
                                         .substatus = row[i].substatus};
        cmg_enrich(w.e, w.c, 0, &r);
        cr_assert_eq(r.finding.role == CMG_ROLE_PRIMARY, row[i].finding, "row %zu", i);
        cr_assert_eq(r.finding.scope, row[i].scope, "row %zu: %d", i, (int)r.finding.scope);
        close_world(&w);
    }
}

Test(enrich, rows_are_keyed_by_client_and_page)
{
    static const struct {
        const char *client, *stem;
        enum cmg_role role;
    } row[] = {{"10.0.0.8", "/a", P},
               {"10.0.0.8", "/a", E},
               {"10.0.0.9", "/a", P},
               {"10.0.0.8", "/b", P},
               {"10.0.0.8", "/b", E}};
    struct world w = {0};
    open_world(&w, 0);
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct cmg_record r;
        struct row in = {0, 0, "row", QUIET};
        make(&in, (int)i, 0, &r);
        r.decoder = &cmg_decoder_iis;
        r.event.has_http = true;
        r.event.http = (struct cmg_http){.stem = cmg_str_c(row[i].stem),
                                         .client_ip = cmg_str_c(row[i].client),
                                         .status = 403,
                                         .substatus = 7};
        cmg_enrich(w.e, w.c, 0, &r);
        cr_assert_eq(r.finding.role, row[i].role, "row %zu", i);
        cr_assert_eq(r.finding.status, 403);
    }
    close_world(&w);
}

/* ---- caps ------------------------------------------------------------------------------------ */

Test(enrich, a_long_url_is_cut_in_the_table_only)
{
    for (size_t len = CMG_CORR_URL - 1; len <= CMG_CORR_URL + 1; len++) {
        struct world w = {0};
        struct cmg_record r;
        char url[CMG_CORR_URL + 8], text[CMG_CORR_URL + 200];
        memset(url, 'a', sizeof url);
        memcpy(url, "https://mp01.contoso.example/", 29);
        url[len] = '\0';
        snprintf(text, sizeof text, BAD("%s"), url);
        struct row in = {0, 4, text, QUIET},
                   next = {0, 4, INFO("403", "CMGConnector_Forbidden"), QUIET};
        open_world(&w, 0);
        make(&in, 1, 0, &r);
        cmg_enrich(w.e, w.c, 0, &r);
        cr_assert_eq(r.finding.url.len, len);
        make(&next, 2, 0, &r);
        cmg_enrich(w.e, w.c, 0, &r);
        cr_assert_eq(r.finding.url.len, len < CMG_CORR_URL ? len : CMG_CORR_URL);
        cr_assert_eq(memcmp(r.finding.url.ptr, url, r.finding.url.len), 0);
        close_world(&w);
    }
}

/* More words than are looked at: the record is judged by those that were. */
Test(enrich, very_many_words)
{
    struct world w = {0};
    struct cmg_record r;
    char text[8192] = "";
    size_t n = 0;
    for (int i = 0; i < TOKENS; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%.*s\n", (int)token[i].len, token[i].ptr);
    struct row in = {0, 4, text, QUIET};
    open_world(&w, 0);
    make(&in, 1, 0, &r);
    cmg_enrich(w.e, w.c, 0, &r);
    cr_assert_eq(r.finding.role, CMG_ROLE_PRIMARY);
    cr_assert(r.finding.entry == &entry[NO_CRL], "the highest rank of the primaries");
    close_world(&w);
}

/* ---- any sequence ---------------------------------------------------------------------------- */

static const char *const pool[] = {
    "ordinary",
    "ordinary",
    BAD(CMG_URL),
    BAD(MP_URL),
    DUMP,
    MASK("0x9"),
    FLAG("INVALID_CA"),
    "Received 0x80072f8f",
    INFO("403", "CMGConnector_Forbidden"),
    INFO("403", "CMGConnector_Clientcertificaterequired"),
    INFO("500", "CMGConnector_Odd"),
    INFO("401", "CMGService_Invalid_Token"),
    "error 0x87d0027e",
    "failed with 0x87d00231",
    "Error 0x2efd",
    "failure, 0x87d00455",
    "FOREIGN SERVER FAILED",
    "FOLLOW-UP FAILED",
    "Filtered cert count with client auth: 0",
    "Chain 1 status: OfflineRevocation",
    "PreAuth token validation failed",
    "IDX10223: x",
    "ValidTo: '1'",
    "Current time: '2'",
    "Web exception for message m1: (403) Forbidden",
    "Received response " MP_URL " for message m1: HTTP/1.1 403 CMGConnector_Forbidden",
    "Web exception for message m2: (403) Forbidden",
    "Forwarding proxy message m2 to URL: " MP_URL,
};
enum { POOL = sizeof pool / sizeof pool[0], RECORDS = 3000, STREAMS = 3 };

struct seen {
    int opened_by, primaries;
    int last_role_before_primary;
};

struct chaos {
    struct world w, twin; /* the twin goes on from a copy of the table */
    struct seen seen[RECORDS + 1];
    bool was_candidate[RECORDS + 1];
    unsigned promotions, evicted;
    uint32_t random;
};

static uint32_t dice(struct chaos *s, uint32_t n)
{
    s->random ^= s->random << 13;
    s->random ^= s->random >> 17;
    s->random ^= s->random << 5;
    return s->random % n;
}

static int row_of(const char *id)
{
    return (int)strtol(id + 12, NULL, 16);
}

static void note(struct chaos *s, int number, const struct cmg_finding *f)
{
    if (f->role == CMG_ROLE_NONE)
        return;
    int inc = row_of(f->incident);
    struct seen *in = &s->seen[inc];
    if (!in->opened_by) {
        cr_assert_eq(inc, number, "an incident's id is that of its first record");
        cr_assert_neq(f->role, CMG_ROLE_EVIDENCE, "evidence opens nothing");
        in->opened_by = number;
    }
    if (f->role == CMG_ROLE_CANDIDATE) {
        cr_assert_eq(in->primaries, 0, "no candidate after the primary");
        s->was_candidate[number] = true;
    }
    in->primaries += f->role == CMG_ROLE_PRIMARY;
    cr_assert_leq(in->primaries, 1, "incident %d", inc);
}

static bool same_finding(const struct cmg_finding *a, const struct cmg_finding *b)
{
    bool same = a->entry == b->entry && a->role == b->role && a->scope == b->scope &&
                !strcmp(a->incident, b->incident) && !strcmp(a->promoted, b->promoted) &&
                a->code == b->code && a->status == b->status && cmg_str_eq(a->url, b->url) &&
                a->causes == b->causes && a->remedies == b->remedies && a->facts == b->facts;
    for (size_t i = 0; same && i < a->facts; i++)
        same = cmg_str_eq(a->fact[i].value, b->fact[i].value);
    return same;
}

static void promote_all(struct chaos *s, uint64_t stream, int64_t now, bool all)
{
    struct cmg_record r, t;
    while (cmg_enrich_due(s->w.e, s->w.c, stream, now, all, &r)) {
        int inc = row_of(r.finding.incident), candidate = row_of(r.finding.promoted);
        if (s->twin.c) {
            cr_assert(cmg_enrich_due(s->w.e, s->twin.c, stream, now, all, &t));
            cr_assert(same_finding(&r.finding, &t.finding) && !strcmp(r.id, t.id) &&
                      cmg_str_eq(r.host, t.host));
        }
        cr_assert(s->was_candidate[candidate]);
        cr_assert_eq(s->seen[inc].primaries++, 0, "incident %d was settled", inc);
        s->promotions++;
    }
    if (s->twin.c)
        cr_assert_not(cmg_enrich_due(s->w.e, s->twin.c, stream, now, all, &t));
}

static void one_record(struct chaos *s, int number, int *clock)
{
    uint64_t stream = dice(s, STREAMS);
    clock[stream] += (int)(dice(s, 60) ? dice(s, 3) : dice(s, 300));
    struct row in = {dice(s, 40) ? clock[stream] : READ, (int)dice(s, 6), pool[dice(s, POOL)],
                     QUIET, .stream = stream};
    struct cmg_record r, t;
    make(&in, number, clock[stream], &r);
    promote_all(s, stream, r.time_source == CMG_TIME_READ ? 0 : r.time_ns, false);
    t = r;
    cmg_enrich(s->w.e, s->w.c, stream, &r);
    note(s, number, &r.finding);
    if (s->twin.c) {
        cmg_enrich(s->w.e, s->twin.c, stream, &t);
        cr_assert(same_finding(&r.finding, &t.finding), "a restored table goes on alike");
    }
}

static void chaos(uint32_t seed, size_t bytes, unsigned *ret_promotions, unsigned *ret_evictions)
{
    struct chaos *s = calloc(1, sizeof *s);
    int clock[STREAMS] = {0};
    cr_assert_not_null(s);
    s->random = seed;
    open_world(&s->w, bytes);
    for (int n = 1; n <= RECORDS; n++) {
        one_record(s, n, clock);
        if (n == RECORDS / 2) {
            s->twin.c = cmg_corr_new(bytes);
            cr_assert(s->twin.c && cmg_corr_restore(s->twin.c, cmg_corr_image(s->w.c)));
        }
    }
    for (uint64_t k = 0; k < STREAMS; k++)
        promote_all(s, k, 0, true);
    for (int n = 1; n <= RECORDS; n++)
        cr_assert(!s->seen[n].opened_by || s->seen[n].primaries == 1, "seed %u: incident %d has %d",
                  seed, n, s->seen[n].primaries);
    *ret_promotions += s->promotions;
    *ret_evictions += (unsigned)cmg_corr_evictions(s->w.c);
    cmg_corr_free(s->twin.c);
    close_world(&s->w);
    free(s);
}

Test(enrich, exactly_one_primary_whatever_comes)
{
    unsigned promotions = 0, evictions = 0, none = 0;
    for (uint32_t seed = 1; seed <= 40; seed++) {
        chaos(seed * 2654435761u, CMG_CORR_BYTES_MIN, &promotions, &evictions);
        chaos(seed * 40503u, 0, &promotions, &none);
    }
    cr_assert_gt(promotions, 1000);
    cr_assert_gt(evictions, 1000, "the small table was full");
}

/* The catalogue has changed between save and restore: a class that it no longer has takes nobody
 * in, and is dropped without a word. */
Test(enrich, a_class_that_is_gone)
{
    struct world w = {0};
    struct cmg_error err;
    struct cmg_record r;
    struct cmg_catalog less = catalog;
    struct row in = {0, 4, "PreAuth token validation failed", QUIET},
               again = {1, 4, "error 0x87d0027e", QUIET};
    open_world(&w, 0);
    make(&in, 1, 0, &r);
    cmg_enrich(w.e, w.c, 0, &r);
    cr_assert_eq(r.finding.role, CMG_ROLE_CANDIDATE);
    cmg_enricher_free(w.e);
    less.entries = PREAUTH;
    less.rules = 3;
    w.e = cmg_enricher_new_with(&less, &w.opt, &err);
    cr_assert_not_null(w.e);
    make(&again, 2, 1, &r);
    cmg_enrich(w.e, w.c, 0, &r);
    cr_assert_eq(r.finding.role, CMG_ROLE_CANDIDATE);
    cr_assert(cmg_enrich_due(w.e, w.c, 0, 0, true, &r));
    cr_assert(r.finding.entry == &entry[GENERIC]);
    cr_assert_not(cmg_enrich_due(w.e, w.c, 0, 0, true, &r));
    close_world(&w);
}
