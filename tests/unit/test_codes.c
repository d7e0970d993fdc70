/* SPDX-License-Identifier: Apache-2.0
 * Every spelling of every code, and the many numbers that are none. */
#include "enrich/codes.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* WinHTTP's numbers ("Error Messages (Winhttp.h)"). */
static const uint32_t winhttp[] = {
    12001, 12002, 12004, 12005, 12006, 12007, 12009, 12011, 12012, 12015, 12017, 12018, 12019,
    12029, 12030, 12032, 12037, 12038, 12044, 12045, 12057, 12100, 12101, 12102, 12103, 12150,
    12152, 12154, 12155, 12156, 12157, 12166, 12167, 12169, 12170, 12172, 12175, 12176, 12177,
    12178, 12179, 12180, 12181, 12182, 12183, 12184, 12185, 12186, 12187};

/* ConfigMgr, certificates and SChannel, BITS, COM, .NET, Win32. */
static const uint32_t hresults[] = {
    0x87d00211, 0x87d00213, 0x87d00215, 0x87d00217, 0x87d00222, 0x87d00231, 0x87d00232, 0x87d00238,
    0x87d00243, 0x87d00248, 0x87d0025f, 0x87d00267, 0x87d00269, 0x87d0027e, 0x87d00280, 0x87d00283,
    0x87d00287, 0x87d00292, 0x87d00299, 0x87d00454, 0x87d00455, 0x87d00602, 0x87d00607, 0x87d00669,
    0x80092010, 0x80092012, 0x80092013, 0x800b0101, 0x800b0109, 0x800b010a, 0x800b010c, 0x800b010e,
    0x800b010f, 0x800b0110, 0x80090325, 0x80090326, 0x80090327, 0x80090328, 0x80090331, 0x80190190,
    0x80190191, 0x80190193, 0x80190194, 0x80190195, 0x80190197, 0x801901f4, 0x801901f7, 0x801901f8,
    0x80004005, 0x8000ffff, 0x8000000a, 0x80040102, 0x80041010, 0x80070002, 0x800704cf, 0x80131040,
    0x80131500, 0x8020002c, 0x80131501};

enum { WINHTTP = sizeof winhttp / sizeof *winhttp, HRESULTS = sizeof hresults / sizeof *hresults };

/* Each in `text`, with and without something around it, gives exactly `value`. */
static void expect_code(const char *spelling, uint32_t value)
{
    static const char *const around[][2] = {
        {"", ""},
        {"failed with ", "."},
        {"(", ")"},
        {"hr=", ";"},
        {"HRESULT = \"", "\";"},
        {"error ", ", retrying"},
        {"Error: ", " in call"},
        {"received [", "] from x"},
        {"", "\r\nnext line"},
        {"some words of a message before it, then error code: ", ""}};
    for (size_t i = 0; i < sizeof around / sizeof *around; i++) {
        char text[160];
        struct cmg_code_hit hits[CMG_CODES_MAX];
        int n = snprintf(text, sizeof text, "%s%s%s", around[i][0], spelling, around[i][1]);
        cr_assert_eq(cmg_codes_scan(cmg_str_of(text, (size_t)n), hits, CMG_CODES_MAX), 1, "'%s'",
                     text);
        cr_assert_eq(hits[0].hresult, value, "'%s': %08" PRIx32, text, hits[0].hresult);
        cr_assert_eq(hits[0].at, strlen(around[i][0]), "'%s' at %" PRIu32, text, hits[0].at);
    }
}

static void expect_every_full_spelling(uint32_t v)
{
    char s[16];
    static const char *const forms[] = {"0x%08" PRIx32, "0x%08" PRIX32, "0X%08" PRIX32,
                                        "%08" PRIx32,   "%08" PRIX32,   "%" PRIu32};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        snprintf(s, sizeof s, forms[i], v);
        expect_code(s, v);
    }
    snprintf(s, sizeof s, "%" PRId64, (int64_t)v - (INT64_C(1) << 32));
    expect_code(s, v);
}

Test(codes, full_spellings)
{
    for (size_t i = 0; i < HRESULTS; i++)
        expect_every_full_spelling(hresults[i]);
    for (size_t i = 0; i < WINHTTP; i++)
        expect_every_full_spelling(0x80070000u + winhttp[i]);
}

Test(codes, wrapped_ntstatus_only_as_0x)
{
    struct cmg_code_hit hit;
    expect_code("0xd0090016", 0xd0090016);
    expect_code("0xC0000005", 0xc0000005);
    cr_assert_eq(cmg_codes_scan(CMG_LIT("D0090016 c0000005 3221225477"), &hit, 1), 0);
}

static const char *const announcing[] = {
    "Code=",
    "ErrorCode = ",
    "ErrorCode=",
    "error ",
    "Error: ",
    "error code ",
    "Error code: ",
    "errorcode:",
    "HRESULT=",
    "HRESULT = \"",
    "hr=",
    "hr = ",
    "rc=",
    "rc: ",
    "err=",
    "LastError=",
    "GetLastError() = ",
    "dwError ",
    "Win32 ",
    "lResult, HRESULT=",
    "Failed in WinHttpReceiveResponse API, ErrorCode = ",
    "WinHttp error (",
};

Test(codes, short_spellings_are_announced)
{
    for (size_t w = 0; w < sizeof announcing / sizeof *announcing; w++) {
        for (size_t i = 0; i < WINHTTP; i++) {
            static const char *const forms[] = {"%s%" PRIu32, "%s0x%" PRIx32, "%s0X%" PRIX32,
                                                "%s%" PRIx32, "%s%" PRIX32 ", Text=X"};
            for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
                char s[100];
                struct cmg_code_hit hit = {0, 0};
                int n = snprintf(s, sizeof s, forms[f], announcing[w], winhttp[i]);
                cr_assert_eq(cmg_codes_scan(cmg_str_of(s, (size_t)n), &hit, 1), 1, "'%s'", s);
                cr_assert_eq(hit.hresult, 0x80070000u + winhttp[i], "'%s'", s);
                cr_assert_eq(hit.at, strlen(announcing[w]));
            }
        }
    }
}

Test(codes, short_hex_is_any_win32_number)
{
    struct cmg_code_hit hit;
    cr_assert_eq(cmg_codes_scan(CMG_LIT("Error 0x5"), &hit, 1), 1);
    cr_assert_eq(hit.hresult, 0x80070005);
    cr_assert_eq(cmg_codes_scan(CMG_LIT("rc=0x00000057;"), &hit, 1), 1);
    cr_assert_eq(hit.hresult, 0x80070057);
}

/* None of these names a code. */
static const char *const none[] = {
    "",
    "0",
    "0x",
    "8",
    "80",
    "2f",
    "12",
    "0x2f8f",
    "2f8f",
    "12175",
    "thread 12175 (0x2F8F)",
    "DataTransferService 3544 (0xdd8)",
    "error 123 (0x7B)",
    "thread ID = 0x2f8f",
    "thread=12175 (0x2F8F)",
    "Code=0, Text=CCM_E_BAD_HTTP_STATUS_CODE",
    "Code=121750",
    "Code=12300",
    "Code=12000",
    "StatusCode=12175",
    "ExitCode = 12175",
    "HTTP code 405, status 'Method Not Allowed'",
    "error 404",
    "HRESULT = \"0x00000000\"",
    "error 0x0",
    "error 0x10000",
    "failed FFFFFFFF, hr, HRESULT=ffffffff",
    "0x80072f8f0",
    "x80072f8f",
    "80072f8f0",
    "a80072f8f",
    "80072f8fg",
    "0x80072f8g",
    "00x80072f8f",
    "_80072f8f_",
    "at 12:17:5 21:22:80 22:80:72",
    "12/28/2018 16:06:39.334 and 12-28-2018, 2021-01-19T13:27:45.467",
    "error 12:17:35 on 12-17-2020",
    "{80072f8f-4d2c-4e1b-9a66-2147954575ab}",
    "80072f8f-4d2c-4e1b-9a66-80072f8f80072f8f",
    "Content_80070002.1",
    "S-1-5-21-2147012721-2147954575-2278556286-1604",
    "version 10.0.2147954575.1 and 80072889.1.2",
    "1.2147954575",
    "C:\\Logs\\80072f8f.log",
    "https://cmg.fabrikam.example/80072f8f/x?a=/2147954575&b=80072f8f&",
    "/CCM_Proxy_MutualAuth/72057594037928290/CCM_STS",
    "2147954688 bytes of 80070002 bytes",
    "GET /x - 443 - 10.0.0.1 - 200 0 0 80070002 15",
    "3FF 80072f8f80072f8f80072f8f80072f8f80072f8f",
    "85012345 87654321 80321234",
    "-1234567890 -21 -2147483648 -2",
    "2147483648 2147483647 4294967295 4294967296",
    "Flags=0x80000200, Options=0x80070040",
    "lpvStatusInformation is 0x80000000",
    "*lpvStatusInformation is 0x80000049",
    "HKEY 0x80000002 0x80000000",
    "opened root 0x80000002 of the registry, then 0x80000009",
    "address 0x80072f8f",
    "module at 0x80072f8f",
    "0x7fffffff 0x10000000 0x00000001 0x12345678",
    "0xffffffff80072f8f",
    "ab-2147012721",
    "12175 12029 2ee7 2efd 0x2ee7",
};

Test(codes, none_of_these)
{
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        struct cmg_code_hit hit = {0, 0};
        /* On the heap and of the exact size, so that reading past it is seen; then with text
         * around. */
        size_t len = strlen(none[i]);
        char *exact = malloc(len + !len);
        memcpy(exact, none[i], len);
        cr_expect_eq(cmg_codes_scan(cmg_str_of(exact, len), &hit, 1), 0, "'%s': %08" PRIx32,
                     none[i], hit.hresult);
        free(exact);

        char text[300];
        int n = snprintf(text, sizeof text, "<< a text before it << %s >> and some behind it >>",
                         none[i]);
        cr_expect_eq(cmg_codes_scan(cmg_str_of(text, (size_t)n), &hit, 1), 0, "'%s'", text);
    }
}

/* Where in the text a code stands must not show: it is looked for sixteen bytes at a time. */
Test(codes, at_every_place)
{
    static const char *const spellings[] = {"0x80072f8f", "80072f8f", "-2147012721", "2147954575",
                                            "error 12175"};
    for (size_t s = 0; s < sizeof spellings / sizeof *spellings; s++) {
        size_t n = strlen(spellings[s]);
        for (size_t len = n; len < 70; len++) {
            for (size_t at = 0; at + n <= len; at++) {
                char *text = malloc(len);
                struct cmg_code_hit hit = {0, 0};
                memset(text, '.', len);
                if (at)
                    text[at - 1] = ' ';
                memcpy(text + at, spellings[s], n);
                cr_assert_eq(cmg_codes_scan(cmg_str_of(text, len), &hit, 1), 1, "%s at %zu of %zu",
                             spellings[s], at, len);
                cr_assert_eq(hit.hresult, 0x80072f8f);
                cr_assert_eq(hit.at, at + (s == 4 ? 6 : 0));
                free(text);
            }
        }
    }
}

Test(codes, in_order_each_once_and_no_more_than_cap)
{
    char text[400];
    size_t len = 0;
    for (uint32_t i = 0; i < CMG_CODES_MAX + 1; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "0x%08" PRIx32 " and ",
                                0x80072ee0u + i);
        len += (size_t)snprintf(text + len, sizeof text - len, "%" PRIu32 ", ", 0x80072ee0u + i);
    }
    for (size_t cap = CMG_CODES_MAX - 1; cap <= CMG_CODES_MAX + 2; cap++) {
        struct cmg_code_hit hits[CMG_CODES_MAX + 2];
        size_t got = cmg_codes_scan(cmg_str_of(text, len), hits, cap);
        cr_assert_eq(got, cap < CMG_CODES_MAX + 1 ? cap : CMG_CODES_MAX + 1);
        for (uint32_t i = 0; i < got; i++)
            cr_assert_eq(hits[i].hresult, 0x80072ee0u + i);
    }
}

Test(codes, typed_by_a_person)
{
    static const struct {
        const char *text;
        uint32_t value; /* 0: no code */
    } rows[] = {
        {"0x80072f8f", 0x80072f8f},
        {"0X80072F8F", 0x80072f8f},
        {"80072f8f", 0x80072f8f},
        {"-2147012721", 0x80072f8f},
        {"2147954575", 0x80072f8f},
        {"0x2f8f", 0x80072f8f},
        {"2F8F", 0x80072f8f},
        {"12175", 0x80072f8f},
        {" 12175\t", 0x80072f8f},
        {"80092013", 0x80092013},
        {"0x5", 0x80070005},
        {"0x87D0027E", 0x87d0027e},
        {"-2016411010", 0x87d0027e},
        {"2278556286", 0x87d0027e},
        {"0x00002ee7", 0x80072ee7},
        {"0xd0090016", 0xd0090016},
        {"", 0},
        {"-", 0},
        {"0x", 0},
        {"403", 0},
        {"403.7", 0},
        {"0x0", 0},
        {"0x80072f8f0", 0},
        {"CMGConnector_Forbidden", 0},
        {"winhttp-secure-failure", 0},
        {"12175x", 0},
        {"12175 1", 0},
        {"--2147012721", 0},
        {"face", 0},
        {"99999999999999", 0},
        {"-12175", 0},
        {"0x80000000", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t value = 0;
        bool ok = cmg_code_parse(cmg_str_c(rows[i].text), &value);
        cr_expect_eq(ok, rows[i].value != 0, "'%s'", rows[i].text);
        if (ok)
            cr_expect_eq(value, rows[i].value, "'%s': %08" PRIx32, rows[i].text, value);
    }
}

Test(codes, win32_and_back)
{
    cr_assert_eq(cmg_hresult_of(12175), 0x80072f8f);
    cr_assert_eq(cmg_hresult_of(0), 0);
    cr_assert_eq(cmg_hresult_of(0x87d0027e), 0x87d0027e);
    cr_assert_eq(cmg_win32_of(0x80072f8f), 12175);
    cr_assert_eq(cmg_win32_of(0x87d0027e), 0);
}
