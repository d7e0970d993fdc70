/* SPDX-License-Identifier: Apache-2.0
 * Records through the three encoders. JSON is read back by Jansson and held against
 * record.schema.json, msgpack must be the same tree, the line for people must be harmless to a
 * terminal. */
#include "core/encode.h"
#include "core/msgpack.h"
#include "core/utf.h"
#include "decoders/decoder.h"
#include "json_schema.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>

#ifndef CMG_SOURCE_DIR
#error "CMG_SOURCE_DIR: where schemas/ is"
#endif

#define NAME(s)                                                                                    \
    {                                                                                              \
        "" s, sizeof(s) - 1                                                                        \
    }
#define ID_A "0198c1e24d19aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "0198c1e24d20bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* ---- records ------------------------------------------------------------------------------ */

static const struct cmg_decoder decoder = {.name = "ccm"};
static const cmg_str references[] = {NAME("https://learn.example/one"),
                                     NAME("https://learn.example/two")};
static const struct cmg_entry entry = {
    .id = NAME("CMG-A01"),
    .slug = NAME("cmgconnector-403-client-cert-required"),
    .family = NAME("http"),
    .severity = CMG_LEVEL_ERROR,
    .confidence = CMG_CONFIDENCE_HIGH,
    .code = 0x87d0027e,
    .title = {{NAME("No client certificate"), NAME("Aucun certificat client")}},
    .references = {references, 2},
};

static uint32_t rnd(uint64_t *x)
{
    *x ^= *x << 13, *x ^= *x >> 7, *x ^= *x << 17;
    return (uint32_t)(*x >> 16);
}

/* What a stream gives for a line without time, wrapper or anything else. */
static struct cmg_record plain(void)
{
    struct cmg_record r = {.decoder = &decoder, .length = 5, .lines = 1, .id = ID_A};
    r.raw = r.event.message = CMG_LIT("text");
    r.event.http = (struct cmg_http){
        .status = -1, .substatus = -1, .port = -1, .win32 = -1, .time_taken_ms = -1};
    r.finding.status = -1;
    return r;
}

/* A record in which every row of fields.def has something to say. */
static struct cmg_record full(void)
{
    struct cmg_record r = plain();
    r.host = CMG_LIT("cp01.contoso.example");
    r.path = CMG_LIT("C:\\Logs\\LocationServices.log");
    r.raw = CMG_LIT("raw \"text\"");
    r.offset = 4096;
    r.time_ns = INT64_C(1787150487113000000);
    r.time_source = CMG_TIME_RECORD;
    r.problems = CMG_P_TRANSCODED | CMG_P_MASK_MISMATCH;
    struct cmg_event *e = &r.event;
    e->component = CMG_LIT("LocationServices");
    e->source_file = CMG_LIT("ccmhttp.cpp");
    e->source_line = 1024;
    e->has_thread = true;
    e->has_pid = true;
    e->pid = 812;
    e->channel = cmg_str_c("System");
    e->record_id = cmg_str_c("18446744073709551615");
    e->thread = 6124;
    e->level = CMG_LEVEL_INFO;
    e->time = (struct cmg_time){.known = true, .zoned = true, .offset_min = -330};
    e->has_http = true;
    e->http = (struct cmg_http){.method = CMG_LIT("GET"),
                                .stem = CMG_LIT("/SMS_MP/.sms_aut"),
                                .client_ip = CMG_LIT("192.0.2.7"),
                                .server_ip = CMG_LIT("198.51.100.4"),
                                .user_agent = CMG_LIT("SMS+CCM+5.0"),
                                .username = CMG_LIT("FABRIKAM\\pc7$"),
                                .status = 403,
                                .substatus = 7,
                                .win32 = 0,
                                .port = 443,
                                .time_taken_ms = 11};
    e->attrs = 1;
    e->attr[0] = (struct cmg_attr){CMG_LIT("x-test"), CMG_LIT("1")};
    struct cmg_finding *f = &r.finding;
    f->entry = &entry;
    f->role = CMG_ROLE_PRIMARY;
    f->scope = CMG_SCOPE_CMG;
    memcpy(f->incident, ID_A, sizeof f->incident);
    memcpy(f->promoted, ID_B, sizeof f->promoted);
    f->status = 403;
    f->status_text = CMG_LIT("CMGConnector_Clientcertificaterequired");
    f->url = CMG_LIT("https://cmg.contoso.example:443/CCM_Proxy_MutualAuth/1?SITESIGNCERT");
    f->request_id = CMG_LIT("3087bd34-0000-4000-8000-e82bb0fb8385");
    f->causes = f->remedies = f->facts = 1;
    f->cause[0] = CMG_LIT("invalid-ca");
    f->remedy[0] = CMG_LIT("REM-CERT-CLIENTAUTH-EKU");
    f->fact[0] = (struct cmg_attr){CMG_LIT("client_auth"), CMG_LIT("0")};
    return r;
}

/* The same with every list as long as it can be and texts that all need escapes: the most that an
 * encoder writes beside the texts themselves. */
static struct cmg_record crowded(void)
{
    static char names[CMG_ATTRS_MAX][2];
    struct cmg_record r = full();
    for (uint32_t bit = 0; bit < 32; bit++)
        r.problems |= cmg_problem_name(bit).len ? 1u << bit : 0;
    r.event.attrs = CMG_ATTRS_MAX;
    for (size_t i = 0; i < CMG_ATTRS_MAX; i++) {
        names[i][0] = (char)(1 + i);
        r.event.attr[i] = (struct cmg_attr){cmg_str_c(names[i]), CMG_LIT("\x01\x02\x03")};
    }
    r.finding.facts = sizeof r.finding.fact / sizeof r.finding.fact[0];
    memcpy(r.finding.fact, r.event.attr, sizeof r.finding.fact);
    r.finding.causes = CMG_CAUSES_MAX;
    r.finding.remedies = CMG_REMEDIES_MAX;
    for (size_t i = 0; i < CMG_CAUSES_MAX; i++)
        r.finding.cause[i] = r.finding.remedy[i] = cmg_str_c(names[i]);
    r.event.thread = r.offset = r.length = UINT64_MAX - 1;
    r.event.source_line = r.lines = UINT32_MAX;
    r.time_ns = INT64_MIN;
    r.raw = r.event.message = CMG_LIT("\x01\x02\x03\x04\x05\x06\x07\x08");
    return r;
}

/* ---- reading back ---------------------------------------------------------------------------- */

static json_t *to_json(const struct cmg_record *r)
{
    struct cmg_buf out = cmg_buf_init(64 << 20);
    json_error_t err;
    cr_assert_eq(cmg_record_to_json(r, &out), CMG_OK);
    cr_assert(cmg_str_starts(cmg_buf_str(&out), CMG_LIT("{\"@timestamp\":\"")));
    cr_assert_eq(cmg_str_chr(cmg_buf_str(&out), '\n'), out.len - 1, "one line");
    json_t *v = json_loadb(out.ptr, out.len - 1, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &err);
    cr_assert(v, "%s at %d in %.*s", err.text, err.position, (int)out.len, out.ptr);
    cmg_buf_done(&out);
    return v;
}

static json_t *tree_of(cmg_str *rest);

static json_t *tree_of_map(cmg_str *rest, uint32_t n)
{
    json_t *v = json_object();
    for (; n > 0; n--) {
        struct cmg_mp_token key;
        cr_assert(cmg_mp_next(rest, &key));
        cr_assert_eq(key.type, CMG_MP_STR);
        cr_assert_eq(json_object_setn_new(v, key.s.ptr, key.s.len, tree_of(rest)), 0);
    }
    return v;
}

static json_t *tree_of(cmg_str *rest)
{
    struct cmg_mp_token t;
    cr_assert(cmg_mp_next(rest, &t));
    if (t.type == CMG_MP_MAP)
        return tree_of_map(rest, t.n);
    if (t.type == CMG_MP_UINT)
        return json_integer((json_int_t)t.u);
    if (t.type == CMG_MP_STR)
        return json_stringn(t.s.ptr, t.s.len);
    cr_assert_eq(t.type, CMG_MP_ARRAY);
    json_t *v = json_array();
    for (uint32_t i = 0; i < t.n; i++)
        json_array_append_new(v, tree_of(rest));
    return v;
}

static json_t *to_msgpack(const struct cmg_record *r)
{
    struct cmg_buf out = cmg_buf_init(64 << 20);
    cr_assert_eq(cmg_record_to_msgpack(r, &out), CMG_OK);
    cmg_str rest = cmg_buf_str(&out), whole = rest;
    cr_assert(cmg_mp_skip(&whole));
    cr_assert_eq(whole.len, 0);
    json_t *v = tree_of(&rest);
    cmg_buf_done(&out);
    return v;
}

/* The member at a dotted path; `name` of fields.def has no dots of its own. */
static const json_t *at(const json_t *v, const char *path)
{
    char key[64];
    for (const char *dot; (dot = strchr(path, '.')); path = dot + 1) {
        snprintf(key, sizeof key, "%.*s", (int)(dot - path), path);
        v = json_object_get(v, key);
    }
    return json_object_get(v, path);
}

static const char *text_at(const json_t *v, const char *path)
{
    const char *s = json_string_value(at(v, path));
    return s ? s : "(none)";
}

static json_t *schema(void)
{
    json_error_t err;
    json_t *v =
        json_load_file(CMG_SOURCE_DIR "/schemas/record.schema.json", JSON_REJECT_DUPLICATES, &err);
    cr_assert(v, "%s, line %d", err.text, err.line);
    return v;
}

/* ---- fields.def, record.schema.json and what is written ------------------------------------ */

struct paths {
    size_t n;
    char path[128][80];
    const json_t *leaf[128];
};

/* Leaves of a record, or with `properties` set of the schema, in order. */
static void walk(const json_t *v, const char *properties, const char *before, struct paths *ret)
{
    const char *key;
    json_t *member;
    const json_t *members = properties ? json_object_get(v, properties) : v;
    json_object_foreach((json_t *)(uintptr_t)members, key, member)
    {
        char path[80];
        snprintf(path, sizeof path, "%.60s%s%.17s", before, *before ? "." : "", key);
        bool pairs = strcmp(path, "cmgpipe.attributes") == 0 || strcmp(path, "cmgpipe.facts") == 0;
        bool inner = properties ? json_object_get(member, properties) != NULL
                                : json_is_object(member) && !pairs;
        if (inner) {
            walk(member, properties, path, ret);
        } else {
            ret->leaf[ret->n] = member;
            memcpy(ret->path[ret->n++], path, sizeof path);
        }
    }
}

Test(encode, the_schema_has_exactly_the_fields)
{
    static const char *const types[][2] = {
        {"text", "string"}, {"number", "integer"}, {"texts", "array"}, {"object", "object"}};
    static struct paths in_schema;
    json_t *s = schema();
    walk(s, "properties", "", &in_schema);
    cr_assert_eq(in_schema.n, cmg_fields_len);
    for (size_t i = 0; i < cmg_fields_len; i++) {
        const struct cmg_field *f = &cmg_fields[i];
        const json_t *p = in_schema.leaf[i];
        cr_assert_str_eq(in_schema.path[i], f->path);
        cr_assert_str_eq(text_at(p, "description"), f->text, "%s", f->path);
        for (size_t k = 0; k < 4; k++)
            if (strcmp(types[k][0], f->type) == 0)
                cr_assert_str_eq(text_at(p, "type"), types[k][1], "%s", f->path);
        bool ours = !strncmp(f->path, "cmgpipe.", 8) || !strncmp(f->path, "winlog.", 7);
        cr_assert((strcmp(f->owner, "own") == 0) == ours, "%s", f->path);
    }
    json_decref(s);
}

/* Every object says that it takes nothing else, but those whose names the log chooses. */
static void check_closed(const json_t *s, const char *where)
{
    const char *key;
    json_t *member;
    const json_t *properties = json_object_get(s, "properties");
    if (properties)
        cr_assert(json_is_false(json_object_get(s, "additionalProperties")), "%s", where);
    json_object_foreach((json_t *)(uintptr_t)properties, key, member)
    {
        check_closed(member, key);
    }
}

Test(encode, the_schema_is_closed_and_knows_every_problem)
{
    json_t *s = schema();
    check_closed(s, "record");
    cr_assert_str_eq(text_at(s, "$schema"), "https://json-schema.org/draft/2020-12/schema");
    const json_t *names = at(s, "properties.cmgpipe.properties.problems.items.enum");
    size_t n = 0;
    for (unsigned bit = 0; bit < 32; bit++) {
        cmg_str name = cmg_problem_name(bit);
        if (name.len)
            cr_assert(cmg_str_eq(name, cmg_str_c(json_string_value(json_array_get(names, n++)))),
                      "%s", name.ptr);
    }
    cr_assert_eq(n, json_array_size(names));
    cr_assert_eq(cmg_problem_name(32).len, 0);
    json_decref(s);
}

Test(encode, a_full_record_has_every_field_in_order)
{
    static struct paths written;
    struct cmg_record r = full();
    json_t *v = to_json(&r);
    walk(v, NULL, "", &written);
    cr_assert_eq(written.n, cmg_fields_len);
    for (size_t i = 0; i < cmg_fields_len; i++)
        cr_assert_str_eq(written.path[i], cmg_fields[i].path);
    json_decref(v);
}

/* ---- one field at a time ------------------------------------------------------------------- */

static void expect(const json_t *v, const char *path, const char *want)
{
    cr_assert_str_eq(text_at(v, path), want, "%s", path);
}

static void expect_number(const json_t *v, const char *path, json_int_t want)
{
    cr_assert(json_is_integer(at(v, path)), "%s", path);
    cr_assert_eq(json_integer_value(at(v, path)), want, "%s", path);
}

/* A list as "a,b". */
static void expect_list(const json_t *v, const char *path, const char *want)
{
    char got[200] = "";
    for (size_t i = 0; i < json_array_size(at(v, path)); i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s", i ? "," : "",
                 json_string_value(json_array_get(at(v, path), i)));
    cr_assert_str_eq(got, want, "%s", path);
}

Test(encode, values_of_a_full_record)
{
    struct cmg_record r = full();
    json_t *v = to_json(&r);
    expect(v, "@timestamp", "2026-08-19T14:41:27.113Z");
    expect(v, "log.level", "error");
    expect(v, "log.file.path", "C:\\Logs\\LocationServices.log");
    expect_number(v, "process.thread.id", 6124);
    expect_number(v, "process.pid", 812);
    expect(v, "winlog.channel", "System");
    expect(v, "winlog.record_id", "18446744073709551615");
    expect(v, "error.code", "0x87D0027E");
    expect(v, "error.type", "cmgconnector-403-client-cert-required");
    expect(v, "error.message", "No client certificate");
    expect(v, "rule.reference", "https://learn.example/one");
    expect_number(v, "http.response.status_code", 403);
    expect(v, "url.full", "https://cmg.contoso.example:443/CCM_Proxy_MutualAuth/1?SITESIGNCERT");
    expect(v, "url.scheme", "https");
    expect(v, "url.domain", "cmg.contoso.example");
    expect_number(v, "url.port", 443);
    expect(v, "url.path", "/CCM_Proxy_MutualAuth/1");
    expect(v, "url.query", "SITESIGNCERT");
    expect(v, "source.ip", "192.0.2.7");
    expect(v, "cmgpipe.scope", "cmg");
    expect(v, "cmgpipe.confidence", "high");
    expect(v, "cmgpipe.incident.id", ID_A);
    expect(v, "cmgpipe.incident.role", "primary");
    expect(v, "cmgpipe.incident.promoted", ID_B);
    expect_list(v, "cmgpipe.remediation.id", "REM-CERT-CLIENTAUTH-EKU");
    expect_list(v, "cmgpipe.causes", "invalid-ca");
    expect(v, "cmgpipe.facts.client_auth", "0");
    expect_list(v, "cmgpipe.problems", "transcoded,mask_mismatch");
    expect_number(v, "cmgpipe.iis.substatus", 7);
    expect_number(v, "cmgpipe.iis.win32_status", 0);
    expect_number(v, "event.severity", 3);
    expect_number(v, "event.duration", 11000000);
    expect(v, "event.timezone", "-05:30");
    expect(v, "event.outcome", "failure");
    expect_list(v, "event.category", "web");
    expect_list(v, "event.type", "access,error");
    expect(v, "event.code", "CMGConnector_Clientcertificaterequired");
    expect(v, "event.original", "raw \"text\"");
    json_decref(v);
}

Test(encode, a_plain_record_has_only_what_it_says)
{
    static const char *const want[] = {"@timestamp",
                                       "ecs.version",
                                       "cmgpipe.schema",
                                       "cmgpipe.decoder",
                                       "cmgpipe.time.source",
                                       "cmgpipe.record.offset",
                                       "cmgpipe.record.length",
                                       "cmgpipe.record.lines",
                                       "message",
                                       "event.id",
                                       "event.kind",
                                       "event.module",
                                       "event.dataset",
                                       "event.original"};
    static struct paths written;
    struct cmg_record r = plain();
    json_t *v = to_json(&r);
    walk(v, NULL, "", &written);
    cr_assert_eq(written.n, sizeof want / sizeof want[0]);
    for (size_t i = 0; i < written.n; i++)
        cr_assert_str_eq(written.path[i], want[i]);
    expect(v, "@timestamp", "1970-01-01T00:00:00.000Z");
    expect(v, "cmgpipe.time.source", "read");
    expect_number(v, "cmgpipe.record.offset", 0);
    json_decref(v);
    r.offset = UINT64_MAX;
    v = to_json(&r);
    cr_assert_null(at(v, "cmgpipe.record.offset"), "a place that is not known");
    cr_assert(at(v, "cmgpipe.record.length"));
    json_decref(v);
}

Test(encode, a_promoted_candidate_is_a_summary)
{
    struct cmg_record r = full();
    r.decoder = NULL;
    r.raw = r.event.message = CMG_LIT("");
    r.offset = r.length = r.lines = 0;
    r.event.has_http = false;
    r.event.attrs = 0;
    r.lang = CMG_LANG_FR;
    json_t *v = to_json(&r);
    expect(v, "message", "Aucun certificat client");
    expect(v, "error.message", "Aucun certificat client");
    cr_assert_null(at(v, "event.original"));
    cr_assert_null(at(v, "cmgpipe.decoder"));
    cr_assert_null(at(v, "cmgpipe.record"));
    cr_assert_null(at(v, "cmgpipe.iis"));
    expect(v, "cmgpipe.incident.promoted", ID_B);
    json_decref(v);
}

Test(encode, levels_follow_the_record_but_a_primary_its_class)
{
    static const struct {
        enum cmg_role role;
        enum cmg_level level;
        bool entry;
        const char *want;
        int severity;
    } rows[] = {
        {CMG_ROLE_NONE, CMG_LEVEL_NONE, false, "(none)", -1},
        {CMG_ROLE_NONE, CMG_LEVEL_VERBOSE, false, "verbose", 0},
        {CMG_ROLE_NONE, CMG_LEVEL_INFO, false, "info", 1},
        {CMG_ROLE_NONE, CMG_LEVEL_WARNING, false, "warning", 2},
        {CMG_ROLE_NONE, CMG_LEVEL_ERROR, false, "error", 3},
        {CMG_ROLE_EVIDENCE, CMG_LEVEL_INFO, true, "info", 1},
        {CMG_ROLE_CANDIDATE, CMG_LEVEL_INFO, true, "info", 1},
        {CMG_ROLE_CANDIDATE, CMG_LEVEL_NONE, true, "(none)", -1},
        {CMG_ROLE_PRIMARY, CMG_LEVEL_INFO, true, "error", 3},
        {CMG_ROLE_PRIMARY, CMG_LEVEL_NONE, true, "error", 3},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cmg_record r = plain();
        r.finding.role = rows[i].role;
        r.finding.entry = rows[i].entry ? &entry : NULL;
        r.event.level = rows[i].level;
        json_t *v = to_json(&r);
        expect(v, "log.level", rows[i].want);
        cr_assert(rows[i].severity < 0
                      ? !at(v, "event.severity")
                      : json_integer_value(at(v, "event.severity")) == rows[i].severity);
        json_decref(v);
    }
}

Test(encode, ecs_categories)
{
    static const struct {
        const char *family, *category, *type;
    } rows[] = {
        {"http", "web", "access,error"},      {"server", "web", "access,error"},
        {"token", "authentication", "start"}, {"tls", "network", "connection"},
        {"network", "network", "connection"}, {"connection-point", "network", "end"},
        {"client", "host", "info"},           {"made-up", "", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cmg_entry e = entry;
        struct cmg_record r = plain();
        e.family = cmg_str_c(rows[i].family);
        r.finding.entry = &e;
        r.finding.role = CMG_ROLE_EVIDENCE;
        json_t *v = to_json(&r);
        expect_list(v, "event.category", rows[i].category);
        expect_list(v, "event.type", rows[i].type);
        expect(v, "event.outcome", "failure");
        expect(v, "rule.category", rows[i].family);
        json_decref(v);
    }
}

Test(encode, rows_of_an_access_log)
{
    static const struct {
        int32_t status;
        const char *type, *outcome;
    } rows[] = {{200, "access", "success"},       {304, "access", "success"},
                {399, "access", "success"},       {400, "access,error", "failure"},
                {503, "access,error", "failure"}, {-1, "access", "(none)"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cmg_record r = full();
        r.finding = (struct cmg_finding){.status = -1};
        r.event.http.status = rows[i].status;
        r.event.http.host = CMG_LIT("mp.contoso.example:8443");
        r.event.http.query = CMG_LIT("SITESIGNCERT");
        json_t *v = to_json(&r);
        expect_list(v, "event.category", "web");
        expect_list(v, "event.type", rows[i].type);
        expect(v, "event.outcome", rows[i].outcome);
        expect(v, "url.full", "(none)");
        expect(v, "url.domain", "mp.contoso.example");
        expect(v, "url.path", "/SMS_MP/.sms_aut");
        expect(v, "url.query", "SITESIGNCERT");
        expect_number(v, "url.port", 443);
        expect(v, "http.request.method", "GET");
        expect(v, "server.address", "198.51.100.4");
        expect(v, "user.name", "FABRIKAM\\pc7$");
        json_decref(v);
    }
}

Test(encode, a_line_that_nobody_understood)
{
    static const struct {
        uint32_t problems;
        enum cmg_role role;
        const char *kind;
    } rows[] = {
        {0, CMG_ROLE_NONE, "event"},
        {CMG_P_UNDECODED, CMG_ROLE_NONE, "pipeline_error"},
        {CMG_P_UNDECODED, CMG_ROLE_EVIDENCE, "event"},
        {CMG_P_PARTIAL_HEAD, CMG_ROLE_NONE, "event"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cmg_record r = plain();
        r.problems = rows[i].problems;
        r.finding.role = rows[i].role;
        json_t *v = to_json(&r);
        expect(v, "event.kind", rows[i].kind);
        json_decref(v);
    }
}

Test(encode, information_is_typed_as_such)
{
    static const char *const want[] = {"", "info", "info", "", ""};
    for (int level = 0; level <= CMG_LEVEL_ERROR; level++) {
        struct cmg_record r = plain();
        r.event.level = (enum cmg_level)level;
        json_t *v = to_json(&r);
        expect_list(v, "event.type", want[level]);
        expect_list(v, "event.category", "");
        json_decref(v);
    }
}

Test(encode, codes)
{
    static const struct {
        uint32_t own, entry;
        const char *want;
    } rows[] = {{0x80072f8f, 0x87d0027e, "0x80072F8F"},
                {0, 0x87d0027e, "0x87D0027E"},
                {0, 0, "(none)"},
                {0x1, 0, "0x00000001"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cmg_entry e = entry;
        struct cmg_record r = plain();
        e.code = rows[i].entry;
        r.finding.entry = &e;
        r.finding.role = CMG_ROLE_PRIMARY;
        r.finding.code = rows[i].own;
        json_t *v = to_json(&r);
        expect(v, "error.code", rows[i].want);
        json_decref(v);
    }
}

Test(encode, urls_lose_their_passwords)
{
    static const struct {
        const char *url, *full, *scheme, *domain, *path;
        int port;
    } rows[] = {
        {"https://u:p@h.example:8443/a@b?c=@d", "https://h.example:8443/a@b?c=@d", "https",
         "h.example", "/a@b", 8443},
        {"https://u@h.example", "https://h.example", "https", "h.example", "(none)", -1},
        {"https://a@b:c@h.example/x", "https://h.example/x", "https", "h.example", "/x", -1},
        {"u:p@h.example:443/x", "h.example:443/x", "(none)", "h.example", "/x", 443},
        {"https://h.example/u:p@x", "https://h.example/u:p@x", "https", "h.example", "/u:p@x", -1},
        {"https://h.example?m=a@b", "https://h.example?m=a@b", "https", "h.example", "(none)", -1},
        {"/ccm_system/request", "(none)", "(none)", "(none)", "/ccm_system/request", -1},
        {"https://u:p@", "(none)", "https", "(none)", "(none)", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cmg_record r = plain();
        r.finding.url = cmg_str_c(rows[i].url);
        json_t *v = to_json(&r);
        expect(v, "url.full", rows[i].full);
        expect(v, "url.scheme", rows[i].scheme);
        expect(v, "url.domain", rows[i].domain);
        expect(v, "url.path", rows[i].path);
        cr_assert(rows[i].port < 0 ? !at(v, "url.port")
                                   : json_integer_value(at(v, "url.port")) == rows[i].port,
                  "%s", rows[i].url);
        json_decref(v);
    }
}

Test(encode, only_plain_addresses_are_source_ip)
{
    static const struct {
        const char *address;
        bool plain;
    } rows[] = {
        {"192.0.2.7", true},
        {"2001:db8::7", true},
        {"::1", true},
        {"::ffff:192.0.2.7", true},
        {"192.0.2.7:443", false},
        {"192.0.2", false},
        {"192.0.2.256", false},
        {"fe80::1%12", false},
        {"[2001:db8::7]", false},
        {"client.example", false},
        {"-", false},
        {"1", false},
        {"192.0.2.07.", false},
        {"2001:db8::7::1", false},
        {"0000:0000:0000:0000:0000:ffff:192.168.100.228", true},
        {"0000:0000:0000:0000:0000:ffff:192.168.100.2280", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cmg_record r = full();
        r.event.http.client_ip = cmg_str_c(rows[i].address);
        json_t *v = to_json(&r);
        expect(v, "source.address", rows[i].address);
        expect(v, "source.ip", rows[i].plain ? rows[i].address : "(none)");
        json_decref(v);
    }
}

/* The same as inet_pton, for whatever looks like an address. */
Test(encode, addresses_are_what_inet_pton_takes)
{
    uint64_t x = 88172645463325252u;
    size_t taken = 0;
    for (int round = 0; round < 30000; round++) {
        char text[24] = "";
        for (int part = 0; part < 4 + (rnd(&x) % 16 == 0); part++)
            snprintf(text + strlen(text), sizeof text - strlen(text),
                     rnd(&x) % 32 ? "%s%u" : "%s0%u", part && rnd(&x) % 64 ? "." : "",
                     rnd(&x) % (rnd(&x) % 8 ? 256 : 1200));
        if (rnd(&x) % 16 == 0)
            text[rnd(&x) % strlen(text)] = ". x1:"[rnd(&x) % 5];
        struct in6_addr address;
        bool ip = inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, text, &address) == 1;
        struct cmg_record r = full();
        r.event.http.client_ip = cmg_str_c(text);
        json_t *v = to_json(&r);
        expect(v, "source.ip", ip ? text : "(none)");
        json_decref(v);
        taken += ip;
    }
    cr_assert(taken > 1000 && taken < 29000, "%zu", taken);
}

Test(encode, offsets_and_durations)
{
    static const struct {
        struct cmg_time time;
        int64_t ms;
        const char *zone;
        int64_t ns;
    } rows[] = {
        {{.known = true, .zoned = true, .offset_min = 0}, 0, "+00:00", 0},
        {{.known = true, .zoned = true, .offset_min = 345}, 1, "+05:45", 1000000},
        {{.known = true, .zoned = true, .offset_min = -840},
         INT64_MAX / 1000000,
         "-14:00",
         INT64_C(9223372036854000000)},
        {{.known = true, .zoned = false, .offset_min = 60}, INT64_MAX / 1000000 + 1, "(none)", -1},
        {{.known = false, .zoned = true, .offset_min = 60}, INT64_MAX, "(none)", -1},
        {{.known = true, .zoned = true, .offset_min = INT16_MIN}, -1, "(none)", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cmg_record r = full();
        r.event.time = rows[i].time;
        r.event.http.time_taken_ms = rows[i].ms;
        json_t *v = to_json(&r);
        expect(v, "event.timezone", rows[i].zone);
        cr_assert(rows[i].ns < 0 ? !at(v, "event.duration")
                                 : json_integer_value(at(v, "event.duration")) == rows[i].ns);
        json_decref(v);
    }
}

/* The log chooses the names: none may make two members, or one without a name. */
Test(encode, names_that_the_log_chose)
{
    struct cmg_record r = plain();
    static const char *const names[] = {"a", "", "b\"", "a", "a.b", "B", "b\"", ""};
    r.event.attrs = sizeof names / sizeof names[0];
    for (size_t i = 0; i < r.event.attrs; i++)
        r.event.attr[i] = (struct cmg_attr){cmg_str_c(names[i]), cmg_str_c(i % 2 ? "odd" : "")};
    json_t *v = to_json(&r), *m = to_msgpack(&r);
    cr_assert_eq(json_object_size(at(v, "cmgpipe.attributes")), 4);
    expect(v, "cmgpipe.attributes.a", "");
    expect(v, "cmgpipe.attributes.B", "odd");
    cr_assert(json_equal(v, m));
    json_decref(v);
    json_decref(m);
    for (size_t i = 0; i < r.event.attrs; i++)
        r.event.attr[i].name = CMG_LIT("");
    v = to_json(&r), m = to_msgpack(&r);
    cr_assert_null(at(v, "cmgpipe.attributes"));
    cr_assert(json_equal(v, m));
    json_decref(v);
    json_decref(m);
}

/* ---- records of every kind ----------------------------------------------------------------- */

static cmg_str some_text(uint64_t *x)
{
    static const cmg_str texts[] = {
        NAME(""),
        NAME("plain text"),
        NAME("C:\\Program Files\\Logs\\\"quoted\".log"),
        NAME("two\r\nlines\tand a tab\x1b[31m"),
        NAME("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \xe2\x80\xae reversed \xc2\x9b"
             "1m \xe2\x81\xa6 \xef\xbb\xbf"),
        NAME("nul \0 inside"),
        NAME("https://user:pw@cmg.contoso.example:443/CCM_Proxy_ServerAuth/7?a=\"b\""),
        NAME("a text of more than sixty-four bytes, so that it takes the long way through every "
             "copy loop"),
    };
    return texts[rnd(x) % (sizeof texts / sizeof texts[0])];
}

/* Every slice of the record or finding, chosen anew. */
static void some_texts(uint64_t *x, struct cmg_record *r)
{
    cmg_str *const slices[] = {&r->host,
                               &r->path,
                               &r->raw,
                               &r->event.message,
                               &r->event.component,
                               &r->event.source_file,
                               &r->finding.url,
                               &r->finding.status_text,
                               &r->finding.request_id,
                               &r->event.http.method,
                               &r->event.http.stem,
                               &r->event.http.query,
                               &r->event.http.client_ip,
                               &r->event.http.host,
                               &r->event.http.username};
    for (size_t i = 0; i < sizeof slices / sizeof slices[0]; i++)
        *slices[i] = some_text(x);
}

static struct cmg_record some_record(uint64_t *x)
{
    struct cmg_record r = rnd(x) % 4 ? plain() : full();
    some_texts(x, &r);
    r.offset = rnd(x) % 3 ? rnd(x) : UINT64_MAX;
    r.time_ns = (int64_t)rnd(x) * 1000003 * (int64_t)(rnd(x) % 2000);
    r.time_source = (enum cmg_time_source)(rnd(x) % 4);
    r.problems = rnd(x) % 3 ? 0 : rnd(x) % (CMG_P_NUL << 1);
    r.lang = (enum cmg_lang)(rnd(x) % CMG_LANGS);
    r.event.has_thread = rnd(x) % 2;
    r.event.thread = (uint64_t)rnd(x) << rnd(x) % 31;
    r.event.source_line = rnd(x) % 2 ? rnd(x) : 0;
    r.event.level = (enum cmg_level)(rnd(x) % 5);
    r.event.has_http = rnd(x) % 3 == 0;
    r.event.http.status = (int32_t)(rnd(x) % 700) - 1;
    r.event.time = (struct cmg_time){
        .known = rnd(x) % 2, .zoned = rnd(x) % 2, .offset_min = (int16_t)(rnd(x) % 1680 - 840)};
    r.finding.role = (enum cmg_role)(rnd(x) % 4);
    r.finding.scope = (enum cmg_scope)(rnd(x) % 3);
    r.finding.entry = r.finding.role && rnd(x) % 4 ? &entry : NULL;
    memcpy(r.finding.incident, ID_A, sizeof r.finding.incident);
    r.event.attrs = rnd(x) % (CMG_ATTRS_MAX + 1);
    for (size_t i = 0; i < r.event.attrs; i++)
        r.event.attr[i] = (struct cmg_attr){some_text(x), some_text(x)};
    r.finding.facts = rnd(x) % 9;
    for (size_t i = 0; i < r.finding.facts; i++)
        r.finding.fact[i] = (struct cmg_attr){some_text(x), some_text(x)};
    return r;
}

static void check_schema(const json_t *s, const json_t *v)
{
    struct schema_fault fault;
    cr_assert(schema_check(s, v, "", &fault), "%s: %s", fault.where, fault.text);
}

static const char *last_key(const json_t *v)
{
    const char *key, *last = "";
    json_t *member;
    json_object_foreach((json_t *)(uintptr_t)v, key, member)
    {
        last = key;
    }
    return last;
}

/* Members last in order: "event", and in it "original". */
static void check_last(const json_t *v, bool has_raw)
{
    cr_assert((strcmp(last_key(json_object_get(v, "event")), "original") == 0) == has_raw);
    cr_assert_str_eq(last_key(v), "event");
}

Test(encode, any_record_is_sound_json_and_the_same_msgpack)
{
    uint64_t x = 88172645463325252u;
    json_t *s = schema();
    for (int round = 0; round < 20000; round++) {
        struct cmg_record r = some_record(&x);
        json_t *v = to_json(&r), *m = to_msgpack(&r);
        check_schema(s, v);
        check_last(v, r.raw.len);
        cr_assert(json_equal(v, m));
        cr_assert(!r.raw.len || (json_string_length(at(v, "event.original")) == r.raw.len &&
                                 memcmp(text_at(v, "event.original"), r.raw.ptr, r.raw.len) == 0));
        json_decref(v);
        json_decref(m);
    }
    json_decref(s);
}

/* Would the validator notice? */
Test(encode, the_validator_can_fail)
{
    static const char *const bad[] = {
        "{\"@timestamp\":\"x\"}",
        "{\"@timestamp\":\"x\",\"ecs\":{\"version\":\"9.4.0\"},\"cmgpipe\":{\"schema\":\"1\","
        "\"time\":{\"source\":\"now\"}},"
        "\"event\":{\"id\":\"1\",\"kind\":\"event\",\"module\":\"cmgpipe\",\"dataset\":\"cmgpipe."
        "cmg\"}}",
    };
    json_t *s = schema();
    struct schema_fault fault;
    for (size_t i = 0; i < 2; i++) {
        json_t *v = json_loads(bad[i], 0, NULL);
        cr_assert(v);
        cr_assert_not(schema_check(s, v, "", &fault), "row %zu", i);
        json_decref(v);
    }
    struct cmg_record r = plain();
    json_t *v = to_json(&r);
    check_schema(s, v);
    json_object_set_new(json_object_get(v, "event"), "surprise", json_integer(1));
    cr_assert_not(schema_check(s, v, "", &fault));
    json_decref(v);
    json_decref(s);
}

/* ---- sizes and caps ------------------------------------------------------------------------ */

Test(encode, a_record_of_a_mebibyte_of_controls)
{
    enum { LEN = 1 << 20 };
    char *text = malloc(LEN);
    memset(text, 2, LEN);
    struct cmg_record r = plain();
    r.raw = r.event.message = cmg_str_of(text, LEN);
    json_t *v = to_json(&r), *m = to_msgpack(&r);
    cr_assert_eq(json_string_length(at(v, "event.original")), LEN);
    cr_assert(json_equal(v, m));
    json_decref(v);
    json_decref(m);
    free(text);
}

typedef enum cmg_rc encoder(const struct cmg_record *, struct cmg_buf *);

/* Whole behind what was there, or nothing. Says whether it was whole. */
static bool fits(encoder *encode, const struct cmg_record *r, size_t cap, size_t whole)
{
    struct cmg_buf out = cmg_buf_init(cap);
    cr_assert_eq(cmg_buf_add(&out, CMG_LIT("abc")), CMG_OK);
    enum cmg_rc rc = encode(r, &out);
    cr_assert(rc == CMG_OK || rc == CMG_ELIMIT);
    cr_assert_eq(out.len, rc == CMG_OK ? 3 + whole : 3, "cap %zu", cap);
    cr_assert(cmg_str_starts(cmg_buf_str(&out), CMG_LIT("abc")));
    cmg_buf_done(&out);
    return rc == CMG_OK;
}

/* Every cap from nothing to more than enough, and once it fits it fits. `slack`: how much more room
 * than its result an encoder may ask for. */
static void check_caps_of(struct cmg_record r, encoder *encode, size_t slack)
{
    struct cmg_buf out = cmg_buf_init(1 << 20);
    cr_assert_eq(encode(&r, &out), CMG_OK);
    size_t whole = out.len, cap = 3;
    cmg_buf_done(&out);
    while (!fits(encode, &r, cap, whole))
        cr_assert(++cap <= 3 + whole + slack, "%zu for %zu", cap, whole);
    cr_assert(cap >= 3 + whole);
    for (size_t more = 1; more <= 1000; more++)
        cr_assert(fits(encode, &r, cap + more, whole), "%zu", cap + more);
}

static void check_caps(encoder *encode, size_t slack)
{
    check_caps_of(full(), encode, slack);
    check_caps_of(crowded(), encode, slack);
}

Test(encode, json_is_all_or_nothing)
{
    check_caps(cmg_record_to_json, 0);
}

Test(encode, msgpack_is_all_or_nothing)
{
    check_caps(cmg_record_to_msgpack, 4); /* the longest header of a text */
}

Test(encode, text_is_all_or_nothing)
{
    check_caps(cmg_record_to_text, 0);
}

/* One record after another in one buffer, as the sinks do it. */
Test(encode, records_follow_each_other)
{
    struct cmg_record r = full();
    struct cmg_buf one = cmg_buf_init(1 << 20), many = cmg_buf_init(1 << 20);
    cr_assert_eq(cmg_record_to_json(&r, &one), CMG_OK);
    for (int i = 0; i < 20; i++)
        cr_assert_eq(cmg_record_to_json(&r, &many), CMG_OK);
    cr_assert_eq(many.len, 20 * one.len);
    for (size_t i = 0; i < 20; i++)
        cr_assert(memcmp(many.ptr + i * one.len, one.ptr, one.len) == 0);
    cmg_buf_done(&one);
    cmg_buf_done(&many);
}

/* ---- the line for people ------------------------------------------------------------------- */

static void expect_line(const struct cmg_record *r, const char *want)
{
    struct cmg_buf out = cmg_buf_init(100000);
    cr_assert_eq(cmg_record_to_text(r, &out), CMG_OK);
    cr_assert(cmg_str_eq(cmg_buf_str(&out), cmg_str_c(want)), "got  %.*swant %s", (int)out.len,
              out.ptr, want);
    cmg_buf_done(&out);
}

Test(encode, lines_for_people)
{
    struct cmg_record r = full();
    r.event.message = CMG_LIT("it failed");
    expect_line(&r, "2026-08-19T14:41:27.113Z ERROR cp01.contoso.example LocationServices[6124] "
                    "cmgconnector-403-client-cert-required (primary, cmg): it failed\n");
    r.finding.role = CMG_ROLE_EVIDENCE;
    r.finding.scope = CMG_SCOPE_NOT_CMG;
    r.finding.entry = NULL;
    r.event.has_thread = false;
    expect_line(&r, "2026-08-19T14:41:27.113Z INFO cp01.contoso.example LocationServices "
                    "(evidence, not-cmg): it failed\n");
    r = plain();
    expect_line(&r, "1970-01-01T00:00:00.000Z - -: text\n");
    r.event.has_thread = true;
    r.event.thread = 7;
    r.event.message = CMG_LIT("");
    r.raw = CMG_LIT("a row");
    expect_line(&r, "1970-01-01T00:00:00.000Z - - [7]: a row\n");
}

Test(encode, what_a_terminal_would_obey_is_shown)
{
    struct cmg_record r = plain();
    static const struct {
        cmg_str text;
        const char *shown;
    } rows[] = {
        {NAME("a\r\n\tb"), "a\\r\\n\\tb"},
        {NAME("\x1b[31mred\x07\x7f"), "\\x1B[31mred\\x07\\x7F"},
        {NAME("nul\0"), "nul\\x00"},
        {NAME("\xc2\x9b"
              "1m \xc2\x85\xc2\xa0"),
         "\\u{009B}1m \\u{0085}\xc2\xa0"},
        {NAME("\xe2\x80\xae\xe2\x81\xa6\xd8\x9c\xe2\x80\x8f"),
         "\\u{202E}\\u{2066}\\u{061C}\\u{200F}"},
        {NAME("\xe2\x80\xa8\xe2\x80\xa9\xef\xbb\xbf"), "\\u{2028}\\u{2029}\\u{FEFF}"},
        {NAME("\xf3\xa0\x81\x81"), "\\u{E0041}"},
        {NAME("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 C:\\x"),
         "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 C:\\x"},
        {NAME("torn \xe2\x82"), "torn \\u{00E2}\\u{0082}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char want[200];
        snprintf(want, sizeof want, "1970-01-01T00:00:00.000Z - -: %s\n", rows[i].shown);
        r.event.message = rows[i].text;
        expect_line(&r, want);
    }
}

/* Code points that must never reach a terminal: general category Cc, and the bidirectional controls
 * of UAX 9. */
static bool is_harmful(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7F && cp < 0xA0) || cp == 0x61C || cp == 0x200E || cp == 0x200F ||
           (cp >= 0x2028 && cp <= 0x202E) || (cp >= 0x2066 && cp <= 0x2069);
}

static uint32_t code_point(const unsigned char *p)
{
    if (p[0] < 0x80)
        return p[0];
    if (p[0] < 0xE0)
        return (p[0] & 31u) << 6 | (p[1] & 63u);
    if (p[0] < 0xF0)
        return (p[0] & 15u) << 12 | (p[1] & 63u) << 6 | (p[2] & 63u);
    return (p[0] & 7u) << 18 | (p[1] & 63u) << 12 | (p[2] & 63u) << 6 | (p[3] & 63u);
}

Test(encode, no_line_holds_a_control)
{
    uint64_t x = 2463534242u;
    struct cmg_buf out = cmg_buf_init(1 << 20);
    for (int round = 0; round < 5000; round++) {
        struct cmg_record r = some_record(&x);
        out.len = 0;
        cr_assert_eq(cmg_record_to_text(&r, &out), CMG_OK);
        cr_assert_eq(cmg_utf8_valid(cmg_buf_str(&out)), out.len);
        cr_assert_eq(out.ptr[out.len - 1], '\n');
        for (size_t i = 0; i + 1 < out.len; i++)
            if ((out.ptr[i] & 0xC0) != 0x80)
                cr_assert_not(is_harmful(code_point((const unsigned char *)out.ptr + i)), "%.*s",
                              (int)out.len, out.ptr);
    }
    cmg_buf_done(&out);
}

/* A decoder that fills no row leaves whatever was in `http`. */
Test(encode, without_a_row_http_is_not_looked_at)
{
    struct cmg_record clean = plain(), dirty;
    clean.finding.status = 403;
    dirty = clean;
    memset(&dirty.event.http, 0x7e, sizeof dirty.event.http);
    enum cmg_rc (*const encode[])(const struct cmg_record *, struct cmg_buf *) = {
        cmg_record_to_json, cmg_record_to_msgpack, cmg_record_to_text};
    for (size_t i = 0; i < sizeof encode / sizeof *encode; i++) {
        struct cmg_buf a = cmg_buf_init(1 << 20), b = cmg_buf_init(1 << 20);
        cr_assert_eq(encode[i](&clean, &a), CMG_OK);
        cr_assert_eq(encode[i](&dirty, &b), CMG_OK);
        cr_assert(cmg_str_eq(cmg_buf_str(&a), cmg_buf_str(&b)), "encoder %zu", i);
        cmg_buf_done(&a);
        cmg_buf_done(&b);
    }
}
