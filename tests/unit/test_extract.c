/* SPDX-License-Identifier: Apache-2.0
 * What is read out of a message, in every spacing that documents and logs show. */
#include "enrich/catalog.h"
#include "enrich/extract.h"

#include <criterion/criterion.h>
#include <inttypes.h>

enum { BASE = 3, TOKENS_MAX = 100 };

static const struct cmg_cause causes[] = {
    {.flag = 0x1, .symbol = CMG_LIT("WINHTTP_CALLBACK_STATUS_FLAG_CERT_REV_FAILED")},
    {.flag = 0x2, .symbol = CMG_LIT("WINHTTP_CALLBACK_STATUS_FLAG_INVALID_CERT")},
    {.flag = 0x4, .symbol = CMG_LIT("WINHTTP_CALLBACK_STATUS_FLAG_CERT_REVOKED")},
    {.flag = 0x8, .symbol = CMG_LIT("WINHTTP_CALLBACK_STATUS_FLAG_INVALID_CA")},
    {.flag = 0x10, .symbol = CMG_LIT("WINHTTP_CALLBACK_STATUS_FLAG_CERT_CN_INVALID")},
    {.flag = 0x20, .symbol = CMG_LIT("WINHTTP_CALLBACK_STATUS_FLAG_CERT_DATE_INVALID")},
    {.flag = 0x40, .symbol = CMG_LIT("WINHTTP_CALLBACK_STATUS_FLAG_CERT_WRONG_USAGE")},
    {.flag = 0x80000000, .symbol = CMG_LIT("WINHTTP_CALLBACK_STATUS_FLAG_SECURITY_CHANNEL_ERROR")},
};
static const struct cmg_catalog catalog = {.cause = causes,
                                           .causes = sizeof causes / sizeof *causes};

static struct cmg_matcher *matcher;

/* As in the engine: the catalogue's own tokens come first. */
static void set_up(void)
{
    static cmg_str token[TOKENS_MAX] = {CMG_LIT("a catalogue's token"), CMG_LIT("CMGConnector_"),
                                        CMG_LIT("IDX10223")};
    struct cmg_error error;
    cr_assert_leq(cmg_extract_tokens_len + BASE, TOKENS_MAX);
    for (size_t i = 0; i < cmg_extract_tokens_len; i++)
        token[BASE + i] = cmg_extract_tokens[i];
    matcher = cmg_matcher_new(token, BASE + cmg_extract_tokens_len, &error);
    cr_assert_not_null(matcher);
}

static void tear_down(void)
{
    cmg_matcher_free(matcher);
}

static void extract(const char *message, struct cmg_facts *ret)
{
    struct cmg_hit hits[CMG_HITS_MAX];
    bool more;
    cmg_str text = cmg_str_c(message);
    size_t n = cmg_matcher_scan(matcher, text, hits, CMG_HITS_MAX, &more);
    cr_assert_not(more);
    cmg_extract(&catalog, text, hits, n, BASE, ret);
}

static void expect_str(const char *what, cmg_str got, const char *want, const char *message)
{
    cr_expect(cmg_str_eq(got, cmg_str_c(want)), "%s of '%s': '%.*s', not '%s'", what, message,
              (int)got.len, got.ptr, want ? want : "");
}

TestSuite(extract, .init = set_up, .fini = tear_down);

Test(extract, no_token_needs_a_second_search)
{
    for (size_t i = 0; i < cmg_extract_tokens_len; i++)
        cr_expect_geq(cmg_extract_tokens[i].len, CMG_MATCH_WINDOW, "%s", cmg_extract_tokens[i].ptr);
}

/* ---- URLs in messages ------------------------------------------------------------------------ */

struct url_row {
    const char *message, *url, *host, *path;
    int32_t port;
    bool request;
};

#define CMG  "https://cmg.fabrikam.example/CCM_Proxy_MutualAuth/72057594037928290/CCM_STS"
#define HOST "cmg.fabrikam.example"
#define PATH "/CCM_Proxy_MutualAuth/72057594037928290/CCM_STS"

static const struct url_row urls[] = {
    {"[CCMHTTP] ERROR: URL=" CMG
     ", Port=443, Options=63, Code=12175, Text=ERROR_WINHTTP_SECURE_FAILURE",
     CMG, HOST, PATH, 443, false},
    {"[CCMHTTP] ERROR: URL=" CMG
     " , Port=443, Options=224, >Code=0, Text=CCM_E_BAD_HTTP_STATUS_CODE",
     CMG, HOST, PATH, 443, false},
    {"[CCMHTTP] ERROR: URL=`" CMG
     "`, Port=443, Options=31, Code=0, Text=CCM_E_BAD_HTTP_STATUS_CODE  \\",
     CMG, HOST, PATH, 443, false},
    {"[CCMHTTP] ERROR: URL=http://dp1.fabrikam.example:80/SMS_DP_SMSPKG$/4f00, Port=80, "
     "Options=480, Code=12029",
     "http://dp1.fabrikam.example:80/SMS_DP_SMSPKG$/4f00", "dp1.fabrikam.example",
     "/SMS_DP_SMSPKG$/4f00", 80, false},
    {"[ccmhttp] error: url=" CMG ", Port=443", CMG, HOST, PATH, 443, false},
    {"[CCMHTTP] ERROR: URL=" CMG " and no port", CMG, HOST, PATH, -1, false},
    {"[CCMHTTP] ERROR: URL=https://<CMGFQDN>/CCM_Proxy_ServerAuth/ServiceMetadata, Port=443",
     "https://<CMGFQDN>/CCM_Proxy_ServerAuth/ServiceMetadata", "<CMGFQDN>",
     "/CCM_Proxy_ServerAuth/ServiceMetadata", 443, false},
    {"Forwarding proxy message 5b1c to URL: " CMG, CMG, HOST, PATH, -1, true},
    {"Forwarding proxy message \\<message ID> to URL: `" CMG "`  ", CMG, HOST, PATH, -1, true},
    {"Received response " CMG " for message 5b1c: HTTP/1.1 403 CMGConnector_Forbidden", CMG, HOST,
     PATH, -1, false},
    {"Received response `" CMG "` for message \\<message ID>: HTTP/1.1 200 OK", CMG, HOST, PATH, -1,
     false},
    {"MessageID: 5b1c RequestURI: " CMG
     " EndpointName: SMS_MP ResponseHeader: HTTP/1.1 200 OK ~~ ResponseBodySize: 0",
     CMG, HOST, PATH, -1, false},
    {"GET: Host=dp1.fabrikam.example, Path=/SMS_DP_SMSPKG$/4f00-22, Port=80, Protocol=http, "
     "Flags=645, Options=480",
     "", "dp1.fabrikam.example", "/SMS_DP_SMSPKG$/4f00-22", 80, true},
    {"SMS CCM 5.0: Host=CMG.FABRIKAM.EXAMPLE, Path=/CCM_Proxy_ServerAuth/AADAuthInfo?TenantID=9a, "
     "Port=443, Protocol=https, CcmTokenAuth=0, Flags=0x1304, Options=0xe0",
     "", "CMG.FABRIKAM.EXAMPLE", "/CCM_Proxy_ServerAuth/AADAuthInfo?TenantID=9a", 443, true},
    {"CLibSMSMessageWinHttpTransport::Send: WinHttpOpenRequest - URL: \\<MP>:443  CCM_POST "
     "/ccm_system_AltAuth/request",
     "", "\\<MP>", "/ccm_system_AltAuth/request", 443, true},
    {"WinHttpOpenRequest - URL: CMG.FABRIKAM.EXAMPLE:443  CCM_POST "
     "CCM_Proxy_ServerAuth/72/ccm_system_TokenAuth/request\t",
     "", "CMG.FABRIKAM.EXAMPLE", "CCM_Proxy_ServerAuth/72/ccm_system_TokenAuth/request", 443, true},
    {"Failed to send request to /SMS_DP_SMSPKG$/47a3 at host dp1.fabrikam.example, error 0x2efd",
     "", "dp1.fabrikam.example", "/SMS_DP_SMSPKG$/47a3", -1, false},
    {"ERROR: Security token validation exception with requesting URL " CMG
     "?$filter=contains(Name,\"Drivers\"). System.X: y",
     CMG "?$filter=contains(Name,\"Drivers\")", HOST, PATH, -1, false},
    {"Target URL scheme is HTTPS: "
     "https://\\<name>.cloudapp.net:443/downloadrestservice.svc/"
     "getcontentxmlsecure?pid=X&iss=\\<MP>.x",
     "https://\\<name>.cloudapp.net:443/downloadrestservice.svc/"
     "getcontentxmlsecure?pid=X&iss=\\<MP>.x",
     "\\<name>.cloudapp.net", "/downloadrestservice.svc/getcontentxmlsecure", 443, true},
    {"Getting CCM Token from " CMG, CMG, HOST, PATH, -1, true},
    {"Getting CCM Token from STS server 'cmg.fabrikam.example/CCM_PROXY_MutualAuth/72'",
     "cmg.fabrikam.example/CCM_PROXY_MutualAuth/72", HOST, "/CCM_PROXY_MutualAuth/72", -1, true},
    {"Incoming request URL: https://mp.fabrikam.example/CCM_STS",
     "https://mp.fabrikam.example/CCM_STS", "mp.fabrikam.example", "/CCM_STS", -1, true},
    {"Converting MutualAuth URL to ServerAuth: " CMG "\t", CMG, HOST, PATH, -1, true},
    {"Post to http://mp.fabrikam.example/ccm_system/request failed with 0x87d00231.",
     "http://mp.fabrikam.example/ccm_system/request", "mp.fabrikam.example", "/ccm_system/request",
     -1, false},
    {"Request to " CMG " failed with 400", CMG, HOST, PATH, -1, false},
    {"GetDirectoryList_HTTP('" CMG "') failed with code 0x87d0027e.", CMG, HOST, PATH, -1, false},
    {"Successfully queued event on HTTP/HTTPS failure for server 'mp.fabrikam.example'.", "",
     "mp.fabrikam.example", "", -1, false},
    {"instance of CCM_CcmHttp_Status\n{\nHostName = \"mp.fabrikam.example\";\nStatusCode = 0;\n};",
     "", "mp.fabrikam.example", "", -1, false},
    {"[CCMHTTP] ERROR: URL=, Port=443", "", "", "", 443, false},
    {"[CCMHTTP] ERROR: URL=", "", "", "", -1, false},
    {"Forwarding proxy message 5b1c to URL:", "", "", "", -1, false},
    {"Received response for message 5b1c", "", "", "", -1, false},
    {"GET: Host=x, Port=80, Protocol=http", "", "", "", -1, false},
    {"WinHttpOpenRequest - URL: ", "", "", "", -1, false},
    {"a URL of " CMG " in a sentence", "", "", "", -1, false},
};

Test(extract, urls_hosts_and_paths)
{
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct cmg_facts f;
        extract(urls[i].message, &f);
        expect_str("url", f.url, urls[i].url, urls[i].message);
        expect_str("host", f.host, urls[i].host, urls[i].message);
        expect_str("path", f.path, urls[i].path, urls[i].message);
        cr_expect_eq(f.port, urls[i].port, "port of '%s': %" PRId32, urls[i].message, f.port);
        cr_expect_eq(f.is_request, urls[i].request, "%s", urls[i].message);
    }
}

Test(extract, first_url_of_a_message_wins)
{
    struct cmg_facts f;
    extract("Getting CCM Token from https://a.example/x\nPost to https://b.example/y failed\n"
            "[CCMHTTP] ERROR: URL=" CMG ", Port=443, Options=1, Code=0, Text=X",
            &f);
    expect_str("url", f.url, CMG, "three lines");
    cr_assert_not(f.is_request);
}

/* ---- status ---------------------------------------------------------------------------------- */

static const struct {
    const char *message;
    int32_t status;
    const char *text;
} statuses[] = {
    {"[CCMHTTP] ERROR INFO: StatusCode= 403 StatusText= CMGConnector_Clientcertificaterequired",
     403, "CMGConnector_Clientcertificaterequired"},
    {"[CCMHTTP] ERROR INFO: StatusCode=401 StatusText=CMGService_Invalid_Token", 401,
     "CMGService_Invalid_Token"},
    {"[CCMHTTP] ERROR INFO: StatusCode = 500 StatusText = Internal Server Error  ", 500,
     "Internal Server Error"},
    {"[CCMHTTP] ERROR INFO: StatusCode=403 StatusText=CMGConnector_Forbidden  \\", 403,
     "CMGConnector_Forbidden"},
    {"[CCMHTTP] ERROR INFO: StatusCode=403 "
     "StatusText=CMGConnector_Forbidden\tCcmMessaging\t5/9/2019",
     403, "CMGConnector_Forbidden"},
    {"[CCMHTTP] ERROR INFO: StatusCode=<unknown> StatusText=", -1, ""},
    {"[CCMHTTP] ERROR INFO: StatusCode=0 StatusText=", -1, ""},
    {"[CCMHTTP] ERROR INFO: StatusCode=", -1, ""},
    {"[CCMHTTP] ERROR INFO: StatusCode=403", 403, ""},
    {"Received response https://mp/x for message 7: HTTP/1.1 403 "
     "CMGConnector_Clientcertificaterequired",
     403, "CMGConnector_Clientcertificaterequired"},
    {"MessageID: 7 RequestURI: https://mp/x EndpointName: SMS_MP ResponseHeader: HTTP/1.1 403 "
     "CMGConnector_Forbidden~~ ResponseBodySize: 5274 ElapsedTime: 44 ms",
     403, "CMGConnector_Forbidden"},
    {"MessageID: 7 RequestURI: https://mp/x EndpointName: SMS_MP ResponseHeader: HTTP/1.1 200 OK "
     "ResponseBodySize: 0",
     200, "OK"},
    {"Error. Status code 500 - (CMGConnector_InternalServerError) returned", 500,
     "CMGConnector_InternalServerError"},
    {"Failed to get token. Status code is '500' and status description is "
     "'CMGConnector_InternalServerError'.",
     500, "CMGConnector_InternalServerError"},
    {"Web exception for message 7: System.Net.WebException: **The remote server returned an error: "
     "(403) Forbidden**.~~  at X",
     403, ""},
    {"{HostName = \"mp\";HRESULT = \"0x87d0027e\";StatusCode = 500;ThreadID = 1340; };", 500, ""},
    {"Status code 99 - (X) returned", -1, "X"},
    {"Status code 100 - (X) returned", 100, "X"},
    {"Status code 990 - (BGB Session Ended) returned", 990, "BGB Session Ended"},
    {"Status code 999 - (X) returned", 999, "X"},
    {"Status code 1000 - (X) returned", -1, "X"},
    {"Status code 500500500500 - (X) returned", -1, ""},
    {"Status code 403 CMGConnector_Forbidden", -1, ""},
    {"The words StatusText=CMGConnector_Forbidden or HTTP/1.1 403 CMGConnector_Forbidden alone", -1,
     ""},
};

Test(extract, status_and_its_text)
{
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        struct cmg_facts f;
        extract(statuses[i].message, &f);
        cr_expect_eq(f.status, statuses[i].status, "'%s': %" PRId32, statuses[i].message, f.status);
        expect_str("status text", f.status_text, statuses[i].text, statuses[i].message);
    }
}

/* ---- message ids ----------------------------------------------------------------------------- */

static const struct {
    const char *message, *id;
} ids[] = {
    {"Forwarding proxy message 7b0f6c0e-2f43-4f27-9f0a-6a1d0c9d5c11 to URL: https://mp/x",
     "7b0f6c0e-2f43-4f27-9f0a-6a1d0c9d5c11"},
    {"Web exception for message 7b0f6c0e-2f43-4f27-9f0a-6a1d0c9d5c11: System.Net.WebException: x",
     "7b0f6c0e-2f43-4f27-9f0a-6a1d0c9d5c11"},
    {"Received response https://mp/x for message 7b0f6c0e-2f43-4f27-9f0a-6a1d0c9d5c11: HTTP/1.1 "
     "403 X",
     "7b0f6c0e-2f43-4f27-9f0a-6a1d0c9d5c11"},
    {"MessageID: 7b0f6c0e-2f43-4f27-9f0a-6a1d0c9d5c11 RequestURI: https://mp/x EndpointName: "
     "SMS_MP",
     "7b0f6c0e-2f43-4f27-9f0a-6a1d0c9d5c11"},
    {"Forwarding proxy message \\<message ID> to URL: `https://mp/x`", "\\<message ID>"},
    {"Web exception for message \\<message ID>: System.Net.WebException", "\\<message ID>"},
    {"Received response `https://mp/x` for message \\<message ID>: HTTP/1.1 403 X",
     "\\<message ID>"},
    {"Forwarding proxy message  17  to URL: https://mp/x", "17"},
    {"Web exception for message ", ""},
    {"Forwarding proxy message 17", ""},
    {"MessageID: 17 EndpointName: SMS_MP", ""},
    {"a message 17 to URL: x", ""},
};

Test(extract, message_ids)
{
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        struct cmg_facts f;
        extract(ids[i].message, &f);
        expect_str("id", f.message_id, ids[i].id, ids[i].message);
    }
}

/* ---- callback dumps -------------------------------------------------------------------------- */

static const struct {
    const char *message;
    bool dump, has_mask;
    uint32_t mask, lines;
} dumps[] = {
    {"[CCMHTTP] AsyncCallback(): WINHTTP_CALLBACK_STATUS_SECURE_FAILURE Encountered", true, false,
     0, 0},
    {"[CCMHTTP] : dwStatusInformationLength is 4", true, false, 0, 0},
    {"[CCMHTTP] : lpvStatusInformation is 0x9", true, true, 0x9, 0},
    {"[TSMESSAGING]                : *lpvStatusInformation is 0x8", true, true, 0x8, 0},
    {"[TSMESSAGING]            : *lpvStatusInformation is 0x80000000", true, true, 0x80000000, 0},
    {"[CCMHTTP] : lpvStatusInformation is 0x", false, false, 0, 0},
    {"[CCMHTTP] : lpvStatusInformation is 0x123456789", false, false, 0, 0},
    {"[CCMHTTP] : lpvStatusInformation is 0x1G", false, false, 0, 0},
    {"[CCMHTTP] : WINHTTP_CALLBACK_STATUS_FLAG_CERT_REV_FAILED is set", true, false, 0, 0x1},
    {"[TSMESSAGING]            : WINHTTP_CALLBACK_STATUS_FLAG_INVALID_CA is set", true, false, 0,
     0x8},
    {"[CCMHTTP] : WINHTTP_CALLBACK_STATUS_FLAG_INVALID_CERT is set", true, false, 0, 0x2},
    {"[CCMHTTP] : WINHTTP_CALLBACK_STATUS_FLAG_CERT_REVOKED is set", true, false, 0, 0x4},
    {"[CCMHTTP] : WINHTTP_CALLBACK_STATUS_FLAG_CERT_CN_INVALID is set", true, false, 0, 0x10},
    {"[CCMHTTP] : WINHTTP_CALLBACK_STATUS_FLAG_CERT_DATE_INVALID is set", true, false, 0, 0x20},
    {"[CCMHTTP] : WINHTTP_CALLBACK_STATUS_FLAG_CERT_WRONG_USAGE is set", true, false, 0, 0x40},
    {"[CCMHTTP] : WINHTTP_CALLBACK_STATUS_FLAG_SECURITY_CHANNEL_ERROR is set", true, false, 0,
     0x80000000},
    {"[CCMHTTP] : WINHTTP_CALLBACK_STATUS_FLAG_OF_TOMORROW is set", true, false, 0, 0},
    {"the WINHTTP_CALLBACK_STATUS_FLAG_INVALID_CA flag means an unknown root", false, false, 0, 0},
    {"[CCMHTTP] AsyncCallback(): WINHTTP_CALLBACK_STATUS_SECURE_FAILURE Encountered\r\n[CCMHTTP] : "
     "dwStatusInformationLength is 4\r\n"
     "[CCMHTTP] : lpvStatusInformation is 0x9\r\n[CCMHTTP] : "
     "WINHTTP_CALLBACK_STATUS_FLAG_CERT_REV_FAILED is set\r\n"
     "[CCMHTTP] : WINHTTP_CALLBACK_STATUS_FLAG_INVALID_CA is set\r\n[CCMHTTP] : "
     "WINHTTP_CALLBACK_STATUS_FLAG_CERT_CN_INVALID is set\r\n",
     true, true, 0x9, 0x19},
    {"[CCMHTTP] AsyncCallback():", false, false, 0, 0},
};

Test(extract, callback_dumps)
{
    for (size_t i = 0; i < sizeof dumps / sizeof *dumps; i++) {
        struct cmg_facts f;
        extract(dumps[i].message, &f);
        cr_expect_eq(f.is_dump, dumps[i].dump, "%s", dumps[i].message);
        cr_expect_eq(f.has_mask, dumps[i].has_mask, "%s", dumps[i].message);
        cr_expect_eq(f.flag_mask, dumps[i].mask, "'%s': %" PRIx32, dumps[i].message, f.flag_mask);
        cr_expect_eq(f.flag_lines, dumps[i].lines, "'%s': %" PRIx32, dumps[i].message,
                     f.flag_lines);
        cr_expect_eq(f.codes, 0, "a mask is no code: %s", dumps[i].message);
    }
}

/* ---- counters and times ---------------------------------------------------------------------- */

static const struct {
    const char *message;
    int32_t counter[CMG_COUNTERS];
} counts[] = {
    {"Filtered cert count with digital signature: 7", {7, -1, -1, -1}},
    {"Filtered cert count with allowed root CA: 3", {-1, 3, -1, -1}},
    {"Filtered cert count with private key: 3", {-1, -1, 3, -1}},
    {"Filtered cert count with client auth: 0", {-1, -1, -1, 0}},
    {"Filtered cert count with client auth: 10", {-1, -1, -1, 10}},
    {"Filtered cert count with allowed root CA and has private key: 0", {-1, 0, 0, -1}},
    {"Filtered cert count with digital signature: 7\nFiltered cert count with allowed root CA: "
     "3~~Filtered cert count with private key: 2 Filtered cert count with client auth: 1",
     {7, 3, 2, 1}},
    {"Filtered cert count with client auth:", {-1, -1, -1, -1}},
    {"Filtered cert count with something else: 1", {-1, -1, -1, -1}},
    {"Filtered cert count with client auth: 99999999999", {-1, -1, -1, -1}},
};

Test(extract, certificate_counters)
{
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct cmg_facts f;
        extract(counts[i].message, &f);
        for (size_t k = 0; k < CMG_COUNTERS; k++)
            cr_expect_eq(f.counter[k], counts[i].counter[k], "'%s' [%zu]: %" PRId32,
                         counts[i].message, k, f.counter[k]);
    }
}

Test(extract, token_times)
{
    struct cmg_facts f;
    extract("IDX10223: Lifetime validation failed. The token is expired.\nValidTo: '10/01/2020 "
            "22:03:24'\n"
            "Current time: '10/28/2020 13:05:05'.\n   at X",
            &f);
    expect_str("valid_to", f.valid_to, "10/01/2020 22:03:24", "record");
    expect_str("current_time", f.current_time, "10/28/2020 13:05:05", "record");
    extract("ValidTo: 'no end of it", &f);
    cr_assert_eq(f.valid_to.len, 0);
    extract("Current time: ''", &f);
    cr_assert_eq(f.current_time.len, 0);
}

/* ---- codes and symbols ----------------------------------------------------------------------- */

static const struct {
    const char *message, *symbol;
    uint32_t code;
} codes[] = {
    {"[CCMHTTP] ERROR: URL=https://c/, Port=443, Options=63, Code=12175, "
     "Text=ERROR_WINHTTP_SECURE_FAILURE",
     "ERROR_WINHTTP_SECURE_FAILURE", 0x80072f8f},
    {"[CCMHTTP] ERROR: URL=https://c/, Port=443, Options=63, >Code=12029, "
     "Text=ERROR_WINHTTP_CANNOT_CONNECT CcmMessaging",
     "ERROR_WINHTTP_CANNOT_CONNECT", 0x80072efd},
    {"[CCMHTTP] ERROR: URL=https://c/ , Port=443, Options=224, Code=5, Text=ERROR_ACCESS_DENIED",
     "ERROR_ACCESS_DENIED", 0x80070005},
    {"[CCMHTTP] ERROR: URL=https://c/, Port=443, Options=31, Code=0, "
     "Text=CCM_E_BAD_HTTP_STATUS_CODE  \\",
     "CCM_E_BAD_HTTP_STATUS_CODE", 0},
    {"Failed to send request to /x at host y, error 0x2efd", "", 0x80072efd},
    {"Post to https://c/x failed with 0x87d00231.", "", 0x87d00231},
    {"nothing but a number: 0x80070005", "", 0x80070005},
};

Test(extract, codes_and_symbols)
{
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        struct cmg_facts f;
        extract(codes[i].message, &f);
        expect_str("symbol", f.symbol, codes[i].symbol, codes[i].message);
        cr_expect_eq(f.codes, codes[i].code != 0, "%s", codes[i].message);
        if (f.codes)
            cr_expect_eq(f.code[0].hresult, codes[i].code, "%s", codes[i].message);
    }
}

Test(extract, no_more_codes_than_there_is_room_for)
{
    struct cmg_facts f;
    extract(
        "0x80070001 0x80070002 0x80070003 0x80070004 0x80070006 0x80070007 0x80070008 0x80070009 "
        "[CCMHTTP] ERROR: URL=https://c/, Port=443, Options=63, Code=5, Text=X",
        &f);
    cr_assert_eq(f.codes, CMG_CODES_MAX);
    extract("0x80070001 0x80070002 0x80070003 0x80070004 0x80070006 0x80070007 0x80070008 "
            "[CCMHTTP] ERROR: URL=https://c/, Port=443, Options=63, Code=5, Text=X",
            &f);
    cr_assert_eq(f.codes, CMG_CODES_MAX);
    cr_assert_eq(f.code[CMG_CODES_MAX - 1].hresult, 0x80070005);
}

Test(extract, an_ordinary_message_has_nothing)
{
    struct cmg_facts f;
    extract("Policy arrived for child policy ADR {4f1a2b3c-0000-1111-2222-333344445555} on "
            "10/28/2020 13:05",
            &f);
    cr_assert(!f.url.len && !f.host.len && !f.path.len && !f.symbol.len && !f.status_text.len &&
              !f.message_id.len);
    cr_assert(f.status == -1 && f.port == -1 && !f.codes && !f.is_dump && !f.is_request &&
              !f.has_mask);
    extract("", &f);
    cr_assert_eq(f.codes, 0);
}

/* ---- cmg_url_split --------------------------------------------------------------------------- */

static const struct {
    const char *url, *scheme, *host, *path, *query;
    int32_t port;
} splits[] = {
    {"https://cmg.fabrikam.example:8443/a/b?c=d?e&f=https://x/y", "https", "cmg.fabrikam.example",
     "/a/b", "c=d?e&f=https://x/y", 8443},
    {"http://h", "http", "h", "", "", -1},
    {"h/p", "", "h", "/p", "", -1},
    {"h:443", "", "h", "", "", 443},
    {"h:/p", "", "h", "/p", "", -1},
    {"h:65535/p", "", "h", "/p", "", 65535},
    {"h:65536/p", "", "h:65536", "/p", "", -1},
    {"h:99999999999/p", "", "h:99999999999", "/p", "", -1},
    {"h?MPLIST2&CM1", "", "h", "", "MPLIST2&CM1", -1},
    {"https://h?q", "https", "h", "", "q", -1},
    {"/SMS_MP/.sms_aut?SITESIGNCERT", "", "", "/SMS_MP/.sms_aut", "SITESIGNCERT", -1},
    {"https://[2001:db8::1]:443/x", "https", "[2001:db8::1]", "/x", "", 443},
    {"h/p?u=https://x", "", "h", "/p", "u=https://x", -1},
    {"https:///mp/x", "https", "", "/mp/x", "", -1},
    {"://h/p", "", "h", "/p", "", -1},
    {"", "", "", "", "", -1},
    {"?", "", "", "", "", -1},
    {":", "", "", "", "", -1},
};

Test(url, split)
{
    for (size_t i = 0; i < sizeof splits / sizeof *splits; i++) {
        struct cmg_url u;
        cmg_url_split(cmg_str_c(splits[i].url), &u);
        expect_str("scheme", u.scheme, splits[i].scheme, splits[i].url);
        expect_str("host", u.host, splits[i].host, splits[i].url);
        expect_str("path", u.path, splits[i].path, splits[i].url);
        expect_str("query", u.query, splits[i].query, splits[i].url);
        cr_expect_eq(u.port, splits[i].port, "%s: %" PRId32, splits[i].url, u.port);
    }
}
