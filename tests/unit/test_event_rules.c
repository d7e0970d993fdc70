/* SPDX-License-Identifier: Apache-2.0
 * Rules that ask for what stands beside the text: a Windows event's provider and id, its data, its
 * level, the Win32 status of an access-log row; and flags that a rule brings along. */
#include "decoders/decoder.h"
#include "enrich/internal.h"

#include <criterion/criterion.h>

#define SLUG(s) .slug = CMG_LIT(s), .rank = 50

enum { NAME, ALERT, CHAIN, LOGON, QUEUE, CLASSES, NONE = CLASSES };

static const struct cmg_entry entry[CLASSES] = {
    [NAME] = {SLUG("name")},   [ALERT] = {SLUG("alert")}, [CHAIN] = {SLUG("chain")},
    [LOGON] = {SLUG("logon")}, [QUEUE] = {SLUG("queue")},
};

static const struct cmg_cause cause[] = {
    {.id = CMG_LIT("cert-cn-invalid"), .flag = 0x10},
    {.id = CMG_LIT("cert-date-invalid"), .flag = 0x20},
};

#define P(c) .entry = &entry[c], .role = CMG_ROLE_PRIMARY

static const struct cmg_rule rule[] = {
    {P(NAME), .provider = CMG_LIT("Schannel"), .event = 36884, .flags = 0x10, .status = -1,
     .substatus = -1},
    {P(ALERT), .provider = CMG_LIT("Schannel"), .event = 36887, .data = CMG_LIT("AlertDesc=45"),
     .flags = 0x20, .status = -1, .substatus = -1},
    {P(CHAIN), .provider = CMG_LIT("Chains"), .code = 0x800b010f, .level = CMG_LEVEL_WARNING,
     .status = -1, .substatus = -1},
    {P(LOGON), .decoder = CMG_LIT("iis"), .status = 401, .substatus = 1, .code = 0x8007052e},
    {P(QUEUE), .decoder = CMG_LIT("iis"), .status = 503, .data = CMG_LIT("s-reason=QueueFull"),
     .substatus = -1},
};

static const struct cmg_catalog catalog = {
    .entry = entry,
    .entries = CLASSES,
    .rule = rule,
    .rules = sizeof rule / sizeof *rule,
    .cause = cause,
    .causes = sizeof cause / sizeof *cause,
};

static const struct {
    const char *provider, *code, *message, *name, *value;
    enum cmg_level level;
    int class;
    const char *cause;
} events[] = {
    {"Schannel", "36884", "any text", 0, 0, CMG_LEVEL_ERROR, NAME, "cert-cn-invalid"},
    {"SCHANNEL", "36884", "", 0, 0, CMG_LEVEL_NONE, NAME, "cert-cn-invalid"},
    {"Schannel", "36883", "any text", 0, 0, CMG_LEVEL_ERROR, NONE, 0},
    {"Schannel", "368840", "any text", 0, 0, CMG_LEVEL_ERROR, NONE, 0},
    {"Schannel", "3688x", "any text", 0, 0, CMG_LEVEL_ERROR, NONE, 0},
    {"Schannel", "", "36884", 0, 0, CMG_LEVEL_ERROR, NONE, 0},
    {"Other", "36884", "any text", 0, 0, CMG_LEVEL_ERROR, NONE, 0},
    {"", "36884", "any text", 0, 0, CMG_LEVEL_ERROR, NONE, 0},
    {"Schannel", "36887", "", "AlertDesc", "45", CMG_LEVEL_ERROR, ALERT, "cert-date-invalid"},
    {"Schannel", "36887", "", "event_data.AlertDesc", "45", CMG_LEVEL_ERROR, ALERT,
     "cert-date-invalid"},
    {"Schannel", "36887", "", "NotAlertDesc", "45", CMG_LEVEL_ERROR, NONE, 0},
    {"Schannel", "36887", "", "AlertDesc", "4", CMG_LEVEL_ERROR, NONE, 0},
    {"Schannel", "36887", "AlertDesc=45", 0, 0, CMG_LEVEL_ERROR, NONE, 0},
    {"Chains", "11", "Result: 800b010f", 0, 0, CMG_LEVEL_ERROR, CHAIN, 0},
    {"Chains", "11", "Result: 0x800B010F", 0, 0, CMG_LEVEL_WARNING, CHAIN, 0},
    {"Chains", "11", "Result: 800b010f", 0, 0, CMG_LEVEL_INFO, NONE, 0},
    {"Schannel", "11", "Result: 800b010f", 0, 0, CMG_LEVEL_ERROR, NONE, 0},
};

static const struct {
    int32_t status, substatus;
    int64_t win32;
    const char *reason;
    int class;
} access_rows[] = {
    {401, 1, 1326, 0, LOGON},
    {401, 1, 0x8007052e, 0, LOGON},
    {401, 1, 0x8009030e, 0, NONE},
    {401, 1, 0, 0, NONE},
    {401, 1, -1, 0, NONE},
    {401, 2, 1326, 0, NONE},
    {503, -1, -1, "QueueFull", QUEUE},
    {503, -1, -1, "AppOffline", NONE},
    {503, 0, 64, 0, NONE},
};

static void judge(struct cmg_record *r, int class, const char *cause_id, const char *what, size_t i)
{
    struct cmg_options opt = {0};
    struct cmg_error err;
    struct cmg_enricher *e = cmg_enricher_new_with(&catalog, &opt, &err);
    struct cmg_corr *c = cmg_corr_new(0);
    cr_assert(e && c);
    cmg_enrich(e, c, 1, r);
    const struct cmg_finding *f = &r->finding;
    cr_expect(f->entry == (class == NONE ? NULL : &entry[class]), "%s %zu: %s", what, i,
              f->entry ? f->entry->slug.ptr : "nothing");
    cr_expect_eq(f->causes, cause_id != NULL, "%s %zu", what, i);
    if (f->causes && cause_id)
        cr_expect(cmg_str_eq(f->cause[0], cmg_str_c(cause_id)), "%s %zu", what, i);
    cmg_corr_free(c);
    cmg_enricher_free(e);
}

Test(event_rules, windows_events)
{
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        struct cmg_record r;
        memset(&r, 0, sizeof r);
        r.event.provider = cmg_str_c(events[i].provider);
        r.event.code = cmg_str_c(events[i].code);
        r.event.message = cmg_str_c(events[i].message);
        r.event.level = events[i].level;
        if (events[i].name)
            r.event.attr[r.event.attrs++] =
                (struct cmg_attr){cmg_str_c(events[i].name), cmg_str_c(events[i].value)};
        judge(&r, events[i].class, events[i].cause, "event", i);
    }
}

Test(event_rules, access_log_rows)
{
    for (size_t i = 0; i < sizeof access_rows / sizeof *access_rows; i++) {
        struct cmg_record r;
        memset(&r, 0, sizeof r);
        r.decoder = &cmg_decoder_iis;
        r.event.has_http = true;
        r.event.http.status = access_rows[i].status;
        r.event.http.substatus = access_rows[i].substatus;
        r.event.http.win32 = access_rows[i].win32;
        if (access_rows[i].reason)
            r.event.attr[r.event.attrs++] =
                (struct cmg_attr){CMG_LIT("s-reason"), cmg_str_c(access_rows[i].reason)};
        struct cmg_record traced = r;
        judge(&r, access_rows[i].class, NULL, "row", i);
        traced.decoder = &cmg_decoder_winevent_xml;
        traced.event.provider = CMG_LIT("Microsoft-Windows-IIS-Logging");
        traced.event.code = CMG_LIT("6200");
        judge(&traced, access_rows[i].class, NULL, "traced row", i);
    }
}

/* The server that an event names. */
Test(event_rules, scope_of_an_event)
{
    static const struct {
        const char *provider, *name, *value;
        bool known; /* the gateway has a name of its own */
        enum cmg_scope scope;
    } rows[] = {
        {"Schannel", "Name", "gw12.westeurope.cloudapp.azure.com", false, CMG_SCOPE_CMG},
        {"Schannel", "Name", "GW12.CloudApp.net", false, CMG_SCOPE_CMG},
        {"Schannel", "event_data.Name", "gw.contoso.example", true, CMG_SCOPE_CMG},
        {"schannel", "TargetName", "GW.contoso.example", true, CMG_SCOPE_CMG},
        {"Schannel", "Name", "gw.contoso.example", false, CMG_SCOPE_UNKNOWN},
        {"Schannel", "Name", "other.contoso.example", true, CMG_SCOPE_NOT_CMG},
        {"Schannel", "Name", "<none>", true, CMG_SCOPE_UNKNOWN},
        {"Schannel", "Surname", "gw.contoso.example", true, CMG_SCOPE_UNKNOWN},
        {"Schannel", "Certificate.subjectName", "gw.contoso.example", true, CMG_SCOPE_CMG},
        {"Schannel", "Certificate.subjectName", "Contoso CA", true, CMG_SCOPE_UNKNOWN},
    };
    static const cmg_str gateway = {"gw.contoso.example", 18};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cmg_options opt = {.cmg_hosts = &gateway, .n_cmg_hosts = rows[i].known};
        struct cmg_error err;
        struct cmg_enricher *e = cmg_enricher_new_with(&catalog, &opt, &err);
        struct cmg_corr *c = cmg_corr_new(0);
        struct cmg_record r;
        cr_assert(e && c);
        memset(&r, 0, sizeof r);
        r.event.provider = cmg_str_c(rows[i].provider);
        r.event.code = CMG_LIT("36884");
        r.event.attr[r.event.attrs++] =
            (struct cmg_attr){cmg_str_c(rows[i].name), cmg_str_c(rows[i].value)};
        cmg_enrich(e, c, 1, &r);
        cr_expect_eq(r.finding.scope, rows[i].scope, "row %zu: %d", i, (int)r.finding.scope);
        cmg_corr_free(c);
        cmg_enricher_free(e);
    }
}
