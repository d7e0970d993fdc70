/* SPDX-License-Identifier: Apache-2.0
 * The matcher against one case-insensitive search for each token. */
#include "enrich/match.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

enum { TOKENS_MAX = 400, TEXT_MAX = 700 };

static uint64_t seed = 88172645463325252u;

static uint32_t roll(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 20) % n;
}

/* End of the first occurrence that counts, 0 for none. */
static size_t oracle(cmg_str text, cmg_str token)
{
    for (size_t i = 0; i + token.len <= text.len; i++) {
        size_t end = i + token.len, same = 0;
        while (same < token.len && cmg_lower(text.ptr[i + same]) == cmg_lower(token.ptr[same]))
            same++;
        if (same < token.len)
            continue;
        if (cmg_is_digit(token.ptr[token.len - 1]) && end < text.len && cmg_is_digit(text.ptr[end]))
            continue;
        return end;
    }
    return 0;
}

static size_t oracle_count(cmg_str text, const cmg_str *token, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += oracle(text, token[i]) != 0;
    return count;
}

/* Every hit is right and none comes twice; with the count right as well, the set is. */
static void check_hits(cmg_str text, const cmg_str *token, size_t n, const struct cmg_hit *hits,
                       size_t got)
{
    bool seen[TOKENS_MAX] = {false};
    for (size_t i = 0; i < got; i++) {
        cr_assert_lt(hits[i].token, n);
        cr_assert_not(seen[hits[i].token], "token %u twice", hits[i].token);
        seen[hits[i].token] = true;
        cr_assert_eq(hits[i].end, oracle(text, token[hits[i].token]),
                     "'%.*s' in '%.*s': %u, not %zu", (int)token[hits[i].token].len,
                     token[hits[i].token].ptr, (int)text.len, text.ptr, hits[i].end,
                     oracle(text, token[hits[i].token]));
    }
}

static void check_caps(const struct cmg_matcher *m, cmg_str text, const cmg_str *token, size_t n)
{
    size_t all = oracle_count(text, token, n);
    for (size_t cap = all ? all - 1 : 0; cap <= all + 1; cap++) {
        /* Exactly `cap` entries on the heap, so that one too many is caught. */
        struct cmg_hit *hits = malloc((cap + !cap) * sizeof *hits);
        bool more = !(all > cap);
        size_t got = cmg_matcher_scan(m, text, hits, cap, &more);
        cr_assert_eq(got, all < cap ? all : cap, "%zu hits, %zu are there, cap %zu", got, all, cap);
        cr_assert_eq(more, all > cap);
        check_hits(text, token, n, hits, got);
        free(hits);
    }
}

static cmg_str random_text(char *out, const char *alphabet, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = alphabet[roll((uint32_t)strlen(alphabet))];
    return cmg_str_of(out, len);
}

/* Tokens of random bytes, pieces of the text, and pieces of each other. */
static void random_tokens(cmg_str *token, char (*store)[32], size_t n, const char *alphabet,
                          cmg_str text)
{
    for (size_t i = 0; i < n; i++) {
        size_t len = CMG_MATCH_SHORTEST + roll(roll(2) ? 8 : 27);
        cmg_str from = roll(3) || !i ? text : token[roll((uint32_t)i)];
        if (roll(4) == 0 || from.len < len)
            token[i] = random_text(store[i], alphabet, len);
        else
            token[i] = cmg_str_of(from.ptr + roll((uint32_t)(from.len - len + 1)), len);
    }
}

static void run_random(const char *alphabet, size_t tokens, size_t text_len)
{
    static char store[TOKENS_MAX][32];
    static cmg_str token[TOKENS_MAX];
    char source[TEXT_MAX];
    struct cmg_error error;

    random_tokens(token, store, tokens, alphabet, random_text(source, alphabet, text_len));
    struct cmg_matcher *m = cmg_matcher_new(token, tokens, &error);
    cr_assert_not_null(m);
    for (int i = 0; i < 4; i++) {
        size_t len = i ? roll((uint32_t)text_len + 1) : text_len;
        char *text = malloc(len + 1); /* exact size: reading past it is seen by the sanitizer */
        char *exact = realloc(text, len ? len : 1);
        cr_assert_not_null(exact);
        if (i)
            random_text(exact, alphabet, len);
        else
            memcpy(exact, source, len);
        check_caps(m, cmg_str_of(exact, len), token, tokens);
        free(exact);
    }
    cmg_matcher_free(m);
}

Test(match, random_against_one_search_for_each)
{
    static const char *const alphabets[] = {"ab",     "abAB",         "a0",
                                            "aA@`[{", "abcdefgh0123", "xy \xe9\xc9\x80"};
    for (int round = 0; round < 400; round++)
        for (size_t a = 0; a < sizeof alphabets / sizeof *alphabets; a++)
            run_random(alphabets[a], 1 + roll(round % 10 ? 30 : TOKENS_MAX), 1 + roll(TEXT_MAX));
}

struct sample {
    const char *token, *text;
    size_t end; /* 0: must not be found */
};

static const struct sample samples[] = {
    {"CMGConnector_", "StatusText= cmgCONNECTOR_Forbidden", 25},
    {"Fourteen bytes", "fourteen BYTES", 14},
    {"Fourteen bytes", "fourteen BYTE", 0},
    {"Filtered cert count with client auth: 0", "Filtered cert count with client auth: 0", 39},
    {"Filtered cert count with client auth: 0", "Filtered cert count with client auth: 05", 0},
    {"client auth: 0", "client auth: 01 client auth: 0.", 30},
    {"Code=12175", "code=121750 Code=12175, Text", 22},
    {"IDX10223", "idx10223: Lifetime", 8},
    {"IDX10223", "IDX102230", 0},
    {"@bracket[", "`bracket{", 0},
    {"@bracket[", "@BRACKET[", 9},
    {"under_score", "under\x7fscore", 0},
    {"under_score", "UNDER_SCORE", 11},
    {"~~tilde^", "^^tilde~", 0},
    {"NULL byte\0inside", "", 0},
    {"abcd", "abc", 0},
    {"abcd", "zabcd", 5},
    {"abcdabcdabcd", "abcdabcdabcabcdabcdabcd", 23},
    {"aaaaaaaaaaaaaaab", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", 43},
};

Test(match, samples)
{
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        cmg_str token = cmg_str_c(samples[i].token);
        struct cmg_error error;
        struct cmg_matcher *m = cmg_matcher_new(&token, 1, &error);
        cr_assert_not_null(m);
        struct cmg_hit hit = {99, 0};
        bool more;
        size_t got = cmg_matcher_scan(m, cmg_str_c(samples[i].text), &hit, 1, &more);
        cr_expect_eq(got, samples[i].end != 0, "%zu: %s", i, samples[i].token);
        cr_expect_eq(hit.end, samples[i].end, "%zu: %s at %u", i, samples[i].token, hit.end);
        cr_expect_not(more);
        cmg_matcher_free(m);
    }
}

/* Every place in texts of every length up to where the text is searched in parts, and beyond. */
Test(match, every_place_in_every_length)
{
    cmg_str token[2] = {CMG_LIT("Received response"), CMG_LIT("rc=0x")};
    struct cmg_error error;
    struct cmg_matcher *m = cmg_matcher_new(token, 2, &error);
    char text[160];
    for (size_t t = 0; t < 2; t++) {
        for (size_t len = token[t].len; len <= sizeof text; len++) {
            for (size_t at = 0; at + token[t].len <= len; at++) {
                memset(text, '.', len);
                memcpy(text + at, token[t].ptr, token[t].len);
                struct cmg_hit hit = {9, 0};
                bool more;
                cr_assert_eq(cmg_matcher_scan(m, cmg_str_of(text, len), &hit, 1, &more), 1);
                cr_assert(hit.token == t && hit.end == at + token[t].len, "%zu in %zu", at, len);
            }
        }
    }
    cmg_matcher_free(m);
}

Test(match, duplicates_are_each_reported)
{
    static const cmg_str token[] = {CMG_LIT("Web exception for message "),
                                    CMG_LIT("WEB EXCEPTION FOR MESSAGE "),
                                    CMG_LIT("web exception for message "), CMG_LIT("other token")};
    cmg_str text = CMG_LIT("xx Web exception for message 1: Web exception for message 2");
    struct cmg_error error;
    struct cmg_matcher *m = cmg_matcher_new(token, 4, &error);
    check_caps(m, text, token, 4);
    cr_assert_eq(oracle_count(text, token, 4), 3);
    cmg_matcher_free(m);
}

/* Few short tokens and many are found by different means: one less, as many and one more. */
Test(match, number_of_short_tokens)
{
    static const char *const words[] = {"alpha", "bravo9", "char",  "delta12", "echo-e", "foxtrot",
                                        "golf",  "hotel!", "india", "juliett", "kilo",   "lima"};
    static const char text[] =
        "kilo LIMA golf alpha foxtrot bravo9 echo-e char delta123 delta12 hotel! india juliet";
    for (size_t n = 1; n <= sizeof words / sizeof *words; n++) {
        cmg_str token[12];
        for (size_t i = 0; i < n; i++)
            token[i] = cmg_str_c(words[i]);
        struct cmg_error error;
        struct cmg_matcher *m = cmg_matcher_new(token, n, &error);
        check_caps(m, cmg_str_c(text), token, n);
        check_caps(m, CMG_LIT("lim"), token, n);
        check_caps(m, CMG_LIT(""), token, n);
        cmg_matcher_free(m);
    }
}

Test(match, shortest_and_longest_token)
{
    static char text[CMG_MATCH_LONGEST + 1];
    memset(text, 'q', sizeof text);
    static const struct {
        size_t len;
        bool ok;
    } rows[] = {{0, false},
                {CMG_MATCH_SHORTEST - 1, false},
                {CMG_MATCH_SHORTEST, true},
                {CMG_MATCH_SHORTEST + 1, true},
                {CMG_MATCH_WINDOW - 1, true},
                {CMG_MATCH_WINDOW, true},
                {CMG_MATCH_WINDOW + 1, true},
                {CMG_MATCH_LONGEST - 1, true},
                {CMG_MATCH_LONGEST, true},
                {CMG_MATCH_LONGEST + 1, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cmg_str token = cmg_str_of(text, rows[i].len);
        struct cmg_error error = {.rc = CMG_OK};
        struct cmg_matcher *m = cmg_matcher_new(&token, 1, &error);
        cr_assert_eq(m != NULL, rows[i].ok, "%zu bytes", rows[i].len);
        cr_assert_eq(error.rc, rows[i].ok ? CMG_OK : CMG_ECONFIG);
        if (m)
            check_caps(m, cmg_str_of(text, sizeof text), &token, 1);
        cmg_matcher_free(m);
    }
    cmg_str none = cmg_str_of(text, 1);
    cr_assert_null(cmg_matcher_new(&none, 1, NULL));
}

Test(match, most_tokens)
{
    static char store[CMG_MATCH_WORDS_MAX + 1][16];
    static cmg_str token[CMG_MATCH_WORDS_MAX + 1];
    for (uint32_t i = 0; i <= CMG_MATCH_WORDS_MAX; i++)
        token[i] = cmg_str_of(
            store[i], (size_t)snprintf(store[i], sizeof store[i], "token %06x", i * 40503u));
    for (size_t n = CMG_MATCH_WORDS_MAX - 1; n <= CMG_MATCH_WORDS_MAX + 1; n++) {
        struct cmg_error error = {.rc = CMG_OK};
        struct cmg_matcher *m = cmg_matcher_new(token, n, &error);
        cr_assert_eq(m != NULL, n <= CMG_MATCH_WORDS_MAX);
        cr_assert_eq(error.rc, m ? CMG_OK : CMG_ELIMIT);
        struct cmg_hit hit = {0, 0};
        bool more;
        if (m) {
            cr_assert_eq(cmg_matcher_scan(m, token[n - 1], &hit, 1, &more), 1);
            cr_assert_eq(hit.token, n - 1);
        }
        cmg_matcher_free(m);
    }
}

Test(match, no_tokens_and_no_text)
{
    struct cmg_error error;
    struct cmg_matcher *m = cmg_matcher_new(NULL, 0, &error);
    cr_assert_not_null(m);
    bool more = true;
    cr_assert_eq(cmg_matcher_scan(m, CMG_LIT("anything at all"), NULL, 0, &more), 0);
    cr_assert_not(more);
    cr_assert_eq(cmg_matcher_scan(m, (cmg_str){NULL, 0}, NULL, 0, &more), 0);
    cmg_matcher_free(m);
    cmg_matcher_free(NULL);
}
