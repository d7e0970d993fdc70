/* SPDX-License-Identifier: Apache-2.0
 *
 * What the matcher costs: ns per message and MB/s with 20, 200 and 2,000 tokens, each beside a loop
 * of case-insensitive searches, one for each token. Messages and tokens are made here from a fixed
 * seed; the numbers of two machines do not compare, their ratios do.
 *
 *     bench_match [MESSAGES]      default 100000 */
#include "enrich/match.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { TOKENS = 2000, MEAN_LENGTH = 285, RUNS = 5, LOOP_SHARE = 50 };

static uint64_t seed = 0x243f6a8885a308d3u;

static uint32_t roll(uint32_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((seed >> 33) % n);
}

static const char *const failures[] = {
    "StatusText=CMGConnector_",
    "CMGService_Invalid_Token",
    "Filtered cert count with client auth: 0",
    "WINHTTP_CALLBACK_STATUS_SECURE_FAILURE Encountered",
    "lpvStatusInformation is 0x",
    "Web exception for message ",
    "Forwarding proxy message ",
    "Received response ",
    "ResponseHeader: HTTP/1.1 ",
    "CCM_E_BAD_HTTP_STATUS_CODE",
    "[CCMHTTP] ERROR: URL=",
    "[CCMHTTP] ERROR INFO: StatusCode=",
    "PreAuth token validation failed",
    "IDX10223: Lifetime validation failed",
    "RevocationStatusUnknown",
    "OfflineRevocation",
    "There is no appropriate token validator",
    "Failed to build Http connection",
    "Failed to build Tcp connection",
    "missing role certificate",
};

static const char *const words[] = {
    "the",
    "policy",
    "assignment",
    "client",
    "certificate",
    "failed",
    "request",
    "to",
    "management",
    "point",
    "server",
    "with",
    "error",
    "download",
    "content",
    "location",
    "message",
    "thread",
    "started",
    "successfully",
    "Evaluating",
    "registration",
    "is",
    "not",
    "component",
    "update",
    "scan",
    "cache",
    "job",
    "state",
    "for",
    "in",
    "site",
    "service",
    "connection",
    "token",
    "received",
    "from",
    "schedule",
    "task",
    "inventory",
    "report",
    "instance",
    "CCM_CcmHttp_Status",
    "ServiceMetadata",
    "Executing",
    "SoftwareDistribution",
    "maintenance",
    "window",
    "{6f0d1c2e-77aa-4f0e-9c11-3d5b8a90e1f2}",
    "https://cmg.fabrikam.example/CCM_Proxy_MutualAuth/72057594037928290",
    "hr=0x00000000",
    "10.20.30.40",
    "C:\\Windows\\ccmcache\\a1",
    "(0x1f4c)",
    "2024-05-17",
    "12:34:56.789",
    "=",
};

enum { FAILURES = sizeof failures / sizeof *failures, WORDS = sizeof words / sizeof *words };

static char token_text[TOKENS][64];
static cmg_str token[TOKENS];

/* Made-up tokens are words of syllables: a catalogue's words are seldom those of every second
 * message. */
static size_t make_word(char *out)
{
    static const char *const syllable[] = {"ka",  "tor", "min", "exe", "pol", "ura", "sen",
                                           "vik", "dat", "lor", "em",  "sta", "cli", "win",
                                           "fab", "con", "dro", "ple", "ver", "ish"};
    size_t len = 0;
    for (uint32_t i = 0, n = 1 + roll(3); i < n; i++)
        for (const char *p = syllable[roll(sizeof syllable / sizeof *syllable)]; *p; p++)
            out[len++] = *p;
    return len;
}

static void make_tokens(void)
{
    for (int i = 0; i < TOKENS; i++) {
        if (i < FAILURES) {
            token[i] = cmg_str_c(failures[i]);
            continue;
        }
        char *out = token_text[i];
        size_t len = 0;
        while (len < CMG_MATCH_WINDOW) {
            len += make_word(out + len);
            out[len++] = ' ';
        }
        out[len++] = (char)('0' + roll(10));
        token[i] = cmg_str_of(out, len);
    }
}

static cmg_str *make_messages(size_t n, char *out)
{
    cmg_str *message = calloc(n, sizeof *message);
    for (size_t i = 0; message && i < n; i++) {
        size_t want = MEAN_LENGTH / 2 + roll(MEAN_LENGTH), len = 0;
        bool failure = roll(10) == 0;
        while (len < want) {
            const char *word =
                failure && roll(12) == 0 ? failures[roll(FAILURES)] : words[roll(WORDS)];
            len += (size_t)snprintf(out + len, 128, "%s ", word);
        }
        message[i] = cmg_str_of(out, len);
        out += len;
    }
    return message;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* ns per message, the best of some runs; *ret_hits is the same in every one. */
static double time_matcher(const struct cmg_matcher *m, const cmg_str *message, size_t n,
                           size_t *ret_hits)
{
    double best = 0;
    for (int run = 0; run < RUNS; run++) {
        struct cmg_hit hits[CMG_HITS_MAX];
        bool more;
        double start = now();
        *ret_hits = 0;
        for (size_t i = 0; i < n; i++)
            *ret_hits += cmg_matcher_scan(m, message[i], hits, CMG_HITS_MAX, &more);
        double t = (now() - start) / (double)n;
        best = run == 0 || t < best ? t : best;
    }
    return best;
}

static bool contains(cmg_str text, cmg_str word)
{
    for (size_t i = 0; i + word.len <= text.len; i++)
        if (cmg_lower(text.ptr[i]) == cmg_lower(word.ptr[0]) &&
            cmg_str_istarts(cmg_str_from(text, i), word))
            return true;
    return false;
}

static double time_loop(size_t tokens, const cmg_str *message, size_t n)
{
    size_t found = 0;
    double start = now();
    for (size_t i = 0; i < n; i++)
        for (size_t t = 0; t < tokens; t++)
            found += contains(message[i], token[t]);
    double t = (now() - start) / (double)n;
    return found == SIZE_MAX ? 0 : t;
}

static int bench(size_t tokens, const cmg_str *message, size_t n, double bytes)
{
    struct cmg_error error;
    struct cmg_matcher *m = cmg_matcher_new(token, tokens, &error);
    if (!m) {
        fprintf(stderr, "bench_match: %s\n", error.text);
        return 1;
    }
    size_t hits;
    double skip = time_matcher(m, message, n, &hits);
    double loop = time_loop(tokens, message, n / LOOP_SHARE / (1 + tokens / 200) + 1);
    printf("%5zu tokens  %7.1f ns/message  %7.0f MB/s  %8zu hits   loop %9.0f ns/message, %5.0f "
           "times\n",
           tokens, skip, bytes / (double)n / skip * 1e3, hits, loop, loop / skip);
    cmg_matcher_free(m);
    return 0;
}

int main(int argc, char **argv)
{
    size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
    char *text = malloc(n * (MEAN_LENGTH * 2 + 128) + 128);
    cmg_str *message = text && n ? make_messages(n, text) : NULL;
    if (!message) {
        fprintf(stderr, "bench_match: cannot make %zu messages\n", n);
        free(text);
        return 1;
    }
    make_tokens();
    double bytes = (double)(message[n - 1].ptr + message[n - 1].len - text);
    printf("%zu messages of %.0f bytes\n", n, bytes / (double)n);
    int rc = bench(20, message, n, bytes) | bench(200, message, n, bytes) |
             bench(TOKENS, message, n, bytes);
    free(message);
    free(text);
    return rc;
}
