/* SPDX-License-Identifier: Apache-2.0
 * Logs for measuring, the same in every run and on every machine: ordinary lines of a ConfigMgr
 * client or site server, and among them one line in ten that belongs to a failure of the cloud
 * management gateway.
 *
 *     bench_gen FORMAT [RECORDS [FAILURES-PER-MILLE [SEED]]] > FILE
 *
 * FORMAT is ccm, sms, iis, winevent-xml, winevent-json, etw-xml or etw-csv. Without numbers:
 * 1,000,000 records, 100 per mille, seed 1. A CCM record has 266 bytes on average, an SMS one 204,
 * an IIS row 120, an event 500 to 900. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 40, OUT_SIZE = 1 << 16, PER_MILLE = 1000 };

/* In a template: $g a GUID, $n a number, $x eight hex digits, $p a package id, $w a host. */
static const char *const ordinary[] = {
    "Raising client state message for deployment {$g}, topic type 300, state 2, user context "
    "system",
    "Policy arrived for parent package $p program Install Agent $n, evaluating it for this "
    "computer",
    "Evaluated assignment {$g}: required, already compliant, next evaluation in $n minutes",
    "Found content in the cache for $p.$n, reference count 2, last used by SoftwareDistribution",
    "Successfully sent location services request $n for package $p with $n known boundary groups",
    "Task (SoftwareUpdates) with schedule id {$g} fires after a random delay of $n seconds",
    "Compressed report body from $n to $n bytes, queued as reply message {$g} to endpoint ls_reply",
    "Update (Site_$x/SUM_{$g}) is applicable, installed state known since scan $n",
    "Client's current management point is https://$w.contoso.example and is accessible over the "
    "intranet",
    "Inventory action {$g} started with delta report number $n of type Discovery",
    "No content sources changed for job {$g}, keeping the download order with $n local locations",
    "Execution request for advert $p in state WaitingContent, time since creation is $n seconds",
    "CheckContentRequest for content Content_{$g}.1 completed with $n files in $n ms",
    "Begin to validate certificate with thumbprint $x$x$x$x$x issued to $w.contoso.example",
    "Queue mp_statusreceiver holds $n messages for https://$w.contoso.example, oldest is $n "
    "seconds old",
    "Maintenance window {$g} of type General does not allow installation for another $n minutes, "
    "requeued",
    "State message with topic id {$g} and state id $n has been recorded, priority 5, flags 0x$x",
    "Download of \\\\$w.contoso.example\\SMSPKG\\$p\\setup$n.cab finished in $n ms, hash matches",
};

/* Groups of lines that one thread writes one after the other; NULL ends a group. */
static const char *const failure[] = {
    "[CCMHTTP] ERROR: "
    "URL=https://cmg.contoso.example/CCM_Proxy_MutualAuth/$n/SMS_MP/.sms_aut?SITESIGNCERT, "
    "Port=443, Options=31, Code=0, Text=CCM_E_BAD_HTTP_STATUS_CODE",
    "[CCMHTTP] ERROR INFO: StatusCode=403 StatusText=CMGConnector_Clientcertificaterequired",
    NULL,
    "[CCMHTTP] AsyncCallback(): WINHTTP_CALLBACK_STATUS_SECURE_FAILURE Encountered",
    "[CCMHTTP]                : dwStatusInformationLength is 4",
    "[CCMHTTP]                : *lpvStatusInformation is 0x9",
    "[CCMHTTP]                : WINHTTP_CALLBACK_STATUS_FLAG_CERT_REV_FAILED is set",
    "[CCMHTTP]                : WINHTTP_CALLBACK_STATUS_FLAG_INVALID_CA is set",
    "[CCMHTTP] ERROR: URL=https://cmg.contoso.example/CCM_Proxy_ServerAuth/$n/CCM_STS, Port=443, "
    "Options=63, "
    "Code=12175, Text=ERROR_WINHTTP_SECURE_FAILURE",
    NULL,
    "[CCMHTTP] ERROR: URL=https://cmg.contoso.example/CCM_Proxy_ServerAuth/ServiceMetadata, "
    "Port=443, "
    "Options=224, Code=0, Text=CCM_E_BAD_HTTP_STATUS_CODE",
    "[CCMHTTP] ERROR INFO: StatusCode=401 StatusText=CMGService_Invalid_Token",
    NULL,
    "[CCMHTTP] ERROR: URL=https://cmg.contoso.example/CCM_Proxy_MutualAuth/$n/CCM_SITE, Port=443, "
    "Options=31, "
    "Code=0, Text=CCM_E_BAD_HTTP_STATUS_CODE",
    "[CCMHTTP] ERROR INFO: StatusCode=403 StatusText=CMGConnector_Forbidden",
    NULL,
};

/* The connector's side; $m is one message id for the group. */
static const char *const connector[] = {
    "Forwarding proxy message $m to URL: https://mp01.contoso.example/SMS_MP/.sms_aut?SITESIGNCERT",
    "Web exception for message $m: System.Net.WebException: The remote server returned an error: "
    "(403) "
    "Forbidden.~~   at System.Net.HttpWebRequest.EndGetResponse(IAsyncResult asyncResult)",
    "Received response https://mp01.contoso.example/SMS_MP/.sms_aut?SITESIGNCERT for message $m: "
    "HTTP/1.1 403 "
    "CMGConnector_Clientcertificaterequired",
    NULL,
    "MessageID: $m RequestURI: https://mp01.contoso.example/SMS_MP/.sms_aut?MPLIST2&CM1 "
    "EndpointName: SMS_MP "
    "ResponseHeader: HTTP/1.1 403 CMGConnector_Forbidden~~ ResponseBodySize: 5274 ElapsedTime: 44 "
    "ms",
    NULL,
};

static const char *const components[] = {
    "PolicyAgent_PolicyEvaluator", "LocationServices", "CcmMessaging",   "ContentAccess",
    "UpdatesDeploymentAgent",      "execmgr",          "InventoryAgent", "StateMessage"};

struct lines {
    const char *const *at;
    size_t n;
};

struct out {
    char text[OUT_SIZE];
    size_t len;
};

/* What a thread is saying; `next` is NULL between two failures. */
struct thread {
    const char *const *next;
    char id[37];
};

static uint64_t state;

static uint32_t roll(uint32_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((state >> 33) % n);
}

static void add(struct out *o, const char *s)
{
    size_t len = strlen(s);
    memcpy(o->text + o->len, s, len);
    o->len += len;
}

static void add_decimal(struct out *o, uint32_t value)
{
    char digits[16];
    snprintf(digits, sizeof digits, "%" PRIu32, value);
    add(o, digits);
}

static void add_hex(struct out *o, int width, uint32_t value)
{
    char digits[16];
    snprintf(digits, sizeof digits, "%0*" PRIX32, width, value);
    add(o, digits);
}

static void make_guid(char out[37])
{
    snprintf(out, 37, "%08x-%04x-4%03x-8%03x-%08x%04x", roll(1u << 30), roll(65536), roll(4096),
             roll(4096), roll(1u << 30), roll(65536));
}

static void expand_one(struct out *o, char what, const char *id)
{
    char guid[37];
    make_guid(guid);
    if (what == 'g')
        add(o, guid);
    else if (what == 'm')
        add(o, id);
    else if (what == 'n')
        add_decimal(o, roll(100000));
    else if (what == 'x')
        add_hex(o, 8, roll(1u << 31));
    else if (what == 'p')
        add(o, "CM1"), add_hex(o, 5, roll(1u << 20));
    else
        add(o, "srv"), add_decimal(o, 10 + roll(40));
}

static void expand(struct out *o, const char *template, const char *id)
{
    for (const char *p = template; *p; p++) {
        if (*p == '$')
            expand_one(o, *++p, id);
        else
            o->text[o->len++] = *p;
    }
}

/* Milliseconds since midnight of 1 March 2026 as the parts that the formats want. */
struct moment {
    uint32_t day, hour, minute, second, ms;
};

static struct moment moment_of(uint64_t ms)
{
    return (struct moment){(uint32_t)(1 + ms / 86400000 % 28), (uint32_t)(ms / 3600000 % 24),
                           (uint32_t)(ms / 60000 % 60), (uint32_t)(ms / 1000 % 60),
                           (uint32_t)(ms % 1000)};
}

static const char *const *group_at(struct lines all, uint32_t which)
{
    for (size_t i = 0; i < all.n; i++)
        if (!all.at[i] && which-- == 0)
            return all.at + i + 1;
    return all.at;
}

/* The thread's next line: it goes on with its failure, begins one, or says something ordinary. */
static const char *next_line(struct thread *t, struct lines failures, uint32_t groups,
                             uint32_t lines_a_group, uint32_t per_mille)
{
    if (!t->next && roll(PER_MILLE * lines_a_group) < per_mille * 10 / 9) {
        t->next = group_at(failures, roll(groups));
        t->next = t->next < failures.at + failures.n ? t->next : failures.at;
        make_guid(t->id);
    }
    if (!t->next)
        return ordinary[roll(sizeof ordinary / sizeof *ordinary)];
    const char *line = *t->next++;
    if (!*t->next)
        t->next = NULL;
    return line;
}

static void ccm_record(struct out *o, const char *line, const struct thread *t, uint32_t thread,
                       uint64_t ms)
{
    struct moment m = moment_of(ms);
    char tail[200];
    add(o, "<![LOG[");
    expand(o, line, t->id);
    snprintf(tail, sizeof tail,
             "]LOG]!><time=\"%02u:%02u:%02u.%03u-60\" date=\"03-%02u-2026\" component=\"%s\" "
             "context=\"\" "
             "type=\"%u\" thread=\"%u\" file=\"%s.cpp:%u\">\r\n",
             m.hour, m.minute, m.second, m.ms, m.day, components[thread % 8],
             line[0] == '[' ? 3u : 1u, 1000 + 4 * thread, components[thread % 8], 100 + roll(900));
    add(o, tail);
}

static void sms_record(struct out *o, const char *line, const struct thread *t, uint32_t thread,
                       uint64_t ms)
{
    struct moment m = moment_of(ms);
    char tail[120];
    expand(o, line, t->id);
    snprintf(
        tail, sizeof tail,
        "  $$<SMS_CLOUD_PROXYCONNECTOR><03-%02u-2026 %02u:%02u:%02u.%03u-60><thread=%u (0x%X)>\r\n",
        m.day, m.hour, m.minute, m.second, m.ms, 1000 + 4 * thread, 1000 + 4 * thread);
    add(o, tail);
}

static void iis_record(struct out *o, uint32_t per_mille, uint64_t ms)
{
    static const char *const plain[] = {
        "GET /SMS_MP/.sms_aut MPLIST 443 - 198.51.100.%u SMS+CCM+5.0 - 200 0 0 1648 15",
        "CCM_POST /ccm_system/request - 443 - 198.51.100.%u ccmhttp - 200 0 0 402 31",
        "GET /SMS_DP_SMSPKG$/Content_1 sccm?/a.cab 443 - 198.51.100.%u SMS+CCM+5.0 - 200 0 0 88 7",
        "BITS_POST /ccm_incoming/1 - 443 - 198.51.100.%u Microsoft+BITS/7.8 - 200 0 0 620 46",
    };
    static const char *const failed[] = {
        "GET /SMS_MP/.sms_aut SITESIGNCERT 443 - 198.51.100.%u SMS+CCM+5.0 - 403 7 0 5573 11",
        "GET /SMS_MP/.sms_aut MPLIST2&CM1 443 - 198.51.100.%u SMS+CCM+5.0 - 403 16 0 5573 9",
    };
    struct moment m = moment_of(ms);
    const char *row = roll(PER_MILLE) < per_mille ? failed[roll(2)] : plain[roll(4)];
    const char *mark = strstr(row, "%u");
    snprintf(o->text, sizeof o->text, "2026-03-%02u %02u:%02u:%02u 198.51.100.20 %.*s%u%s\r\n",
             m.day, m.hour, m.minute, m.second, (int)(mark - row), row, 1 + roll(200), mark + 2);
    o->len = strlen(o->text);
}

/* ---- Windows events -------------------------------------------------------------------------- */

/* What an event says: Schannel's and CAPI2's failures among the daily noise of others. */
struct event {
    const char *provider, *guid, *name[2];
    unsigned id, level;
    const char *value[2]; /* as templates */
};

static const struct event noise[] = {
    {"Microsoft-Windows-Kernel-General",
     "{a68ca8b7-004f-d7b6-a698-07e2de0f1f5d}",
     {"MajorVersion", "StartTime"},
     12,
     4,
     {"$n", "2026-03-01 07:16:$n"}},
    {"Service Control Manager",
     "{555908d1-a6d7-4695-8e1e-26931d2012f4}",
     {"param1", "param2"},
     7036,
     4,
     {"Service $p of $w.contoso.example", "running"}},
    {"Microsoft-Windows-WinHttp",
     "{7d44233d-3055-4b9c-ba64-0d47ca40a232}",
     {"Url", "Handle"},
     201,
     5,
     {"https://$w.contoso.example/SMS_MP/.sms_aut?MPLIST", "0x$x"}},
};

static const struct event failed_events[] = {
    {"Schannel",
     "{1f678132-5938-4686-9fdc-c8ff68f15c85}",
     {"AlertDesc", "ErrorState"},
     36887,
     2,
     {"48", "$n"}},
    {"Schannel",
     "{1f678132-5938-4686-9fdc-c8ff68f15c85}",
     {"Type", "ErrorCode"},
     36870,
     2,
     {"client", "0x8009030d"}},
    {"Microsoft-Windows-CAPI2",
     "{5bbca4a8-b209-48dc-a8c7-b23d3e5216fb}",
     {"Result", "subjectName"},
     11,
     2,
     {"80092013", "$w.contoso.example"}},
};

/* "$..." of a value in place. */
static void add_value(struct out *o, const struct event *e, int i)
{
    expand(o, e->value[i], "");
}

static void add_format(struct out *o, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int n = vsnprintf(o->text + o->len, sizeof o->text - o->len, format, list);
    va_end(list);
    o->len += n > 0 ? (size_t)n : 0;
}

static void event_in_xml(struct out *o, const struct event *e, bool trace, uint32_t thread,
                         uint64_t ms)
{
    struct moment m = moment_of(ms);
    add_format(o,
               "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
               "<Provider Name='%s' Guid='%s'/><EventID>%u</EventID><Version>0</Version>"
               "<Level>%u</Level><Task>0</Task><Opcode>0</Opcode><Keywords>0x8000000000000000"
               "</Keywords><TimeCreated SystemTime='2026-03-%02uT%02u:%02u:%02u.%03u4567Z'/>",
               e->provider, e->guid, e->id, e->level, m.day, m.hour, m.minute, m.second, m.ms);
    add_format(o,
               "<EventRecordID>%u</EventRecordID><Correlation/><Execution ProcessID='%u' "
               "ThreadID='%u'%s/><Channel>System</Channel><Computer>srv%u.contoso.example"
               "</Computer><Security UserID='S-1-5-18'/></System><EventData>",
               (unsigned)ms, 800 + 4 * thread, 1000 + 4 * thread,
               trace ? " ProcessorID='1' KernelTime='15' UserTime='30'" : "", 10 + thread);
    for (int i = 0; i < 2; i++) {
        add_format(o, "<Data Name='%s'>", e->name[i]);
        add_value(o, e, i);
        add(o, "</Data>");
    }
    add(o, "</EventData></Event>\r\n");
}

static void event_in_json(struct out *o, const struct event *e, uint32_t thread, uint64_t ms)
{
    struct moment m = moment_of(ms);
    add_format(
        o,
        "{\"@timestamp\":\"2026-03-%02uT%02u:%02u:%02u.%03uZ\",\"event\":{\"code\":\"%u\","
        "\"kind\":\"event\",\"provider\":\"%s\"},\"host\":{\"name\":\"srv%u.contoso.example\"},"
        "\"log\":{\"level\":\"%s\"},\"message\":\"%s: ",
        m.day, m.hour, m.minute, m.second, m.ms, e->id, e->provider, 10 + thread,
        e->level == 2 ? "error" : "information", e->name[1]);
    add_value(o, e, 1);
    add_format(o,
               "\\r\\n\",\"winlog\":{\"channel\":\"System\",\"computer_name\":"
               "\"srv%u.contoso.example\",\"event_data\":{\"%s\":\"",
               10 + thread, e->name[0]);
    add_value(o, e, 0);
    add_format(
        o,
        "\"},\"event_id\":\"%u\",\"keywords\":[\"Classic\"],\"opcode\":\"Info\",\"process\":"
        "{\"pid\":%u,\"thread\":{\"id\":%u}},\"provider_guid\":\"%s\",\"provider_name\":\"%s\","
        "\"record_id\":%u}}\r\n",
        e->id, 800 + 4 * thread, 1000 + 4 * thread, e->guid, e->provider, (unsigned)ms);
}

static void event_in_csv(struct out *o, const struct event *e, uint32_t thread, uint64_t ms)
{
    const uint64_t march = UINT64_C(134167968000000000); /* 1 March 2026 in 100 ns since 1601 */
    add_format(
        o,
        "%24s,       Info, %12u,          0,         16, %10u,          0,          0, "
        "0x8000000000000000, 0x%08X, 0x%08X,        1,             ,                     ,   "
        "{00000000-0000-0000-0000-000000000000},                    , %20" PRIu64
        ",         15,         30, \"",
        e->provider, e->id, e->level, 800 + 4 * thread, 1000 + 4 * thread, march + ms * 10000);
    add_value(o, e, 0);
    add(o, " \", \"");
    add_value(o, e, 1);
    add(o, "\"\r\n");
}

static void event_record(struct out *o, char kind, uint32_t thread, uint32_t per_mille, uint64_t ms)
{
    const struct event *e = roll(PER_MILLE) < per_mille
                                ? &failed_events[roll(sizeof failed_events / sizeof *failed_events)]
                                : &noise[roll(sizeof noise / sizeof *noise)];
    if (kind == 'j')
        event_in_json(o, e, thread, ms);
    else if (kind == 't')
        event_in_csv(o, e, thread, ms);
    else
        event_in_xml(o, e, kind == 'e', thread, ms);
}

static const char iis_head[] =
    "#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n"
    "#Date: 2026-03-01 00:00:00\r\n#Fields: date time s-ip cs-method cs-uri-stem "
    "cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status "
    "sc-substatus sc-win32-status sc-bytes time-taken\r\n";

static void one_record(struct out *o, char kind, struct thread threads[THREADS], uint32_t per_mille,
                       uint64_t ms)
{
    static const struct lines client = {failure, sizeof failure / sizeof *failure};
    static const struct lines server = {connector, sizeof connector / sizeof *connector};
    uint32_t i = roll(THREADS);
    o->len = 0;
    if (kind == 'c')
        ccm_record(o, next_line(&threads[i], client, 4, 3, per_mille), &threads[i], i, ms);
    else if (kind == 's')
        sms_record(o, next_line(&threads[i], server, 2, 2, per_mille), &threads[i], i, ms);
    else if (kind == 'i')
        iis_record(o, per_mille, ms);
    else
        event_record(o, kind, i, per_mille, ms);
}

static uint64_t argument(int argc, char **argv, int i, uint64_t otherwise)
{
    return argc > i ? strtoull(argv[i], NULL, 10) : otherwise;
}

static char kind_of(const char *format)
{
    static const struct {
        const char *name;
        char kind;
    } formats[] = {{"ccm", 'c'},           {"sms", 's'},     {"iis", 'i'},    {"winevent-xml", 'w'},
                   {"winevent-json", 'j'}, {"etw-xml", 'e'}, {"etw-csv", 't'}};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (!strcmp(formats[i].name, format))
            return formats[i].kind;
    return 0;
}

int main(int argc, char **argv)
{
    static struct thread threads[THREADS];
    static struct out o;
    char kind = argc > 1 ? kind_of(argv[1]) : 0;
    if (!kind) {
        fputs("usage: bench_gen FORMAT [RECORDS [FAILURES-PER-MILLE [SEED]]]\n", stderr);
        return 2;
    }
    uint64_t records = argument(argc, argv, 2, 1000000);
    uint32_t per_mille = (uint32_t)argument(argc, argv, 3, 100);
    state = argument(argc, argv, 4, 1);
    if (kind == 'i')
        fputs(iis_head, stdout);
    for (uint64_t i = 0, ms = 0; i < records; i++, ms += roll(120)) {
        one_record(&o, kind, threads, per_mille, ms);
        fwrite(o.text, 1, o.len, stdout);
    }
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
