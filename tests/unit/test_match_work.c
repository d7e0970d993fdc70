/* SPDX-License-Identifier: Apache-2.0
 *
 * No text costs more than 20 times the ordinary work for each byte. Work is counted, not timed: the
 * file under test is included here in its counting build (blocks looked at, slots probed, words
 * compared by eights), under names of its own so that the library's stays untouched. */
#define CMG_MATCH_COUNT
#define cmg_matcher_new    counted_new
#define cmg_matcher_free   counted_free
#define cmg_matcher_scan   counted_scan
#define cmg_automaton_new  counted_automaton_new
#define cmg_automaton_free counted_automaton_free
#include "enrich/match.c" /* NOLINT(bugprone-suspicious-include): see above */
/* after it, for its steps are counted there */
#include "enrich/automaton.c" /* NOLINT(bugprone-suspicious-include): see above */

#include <criterion/criterion.h>

enum { TOKENS = 220, LIMIT = 20 };

static uint64_t seed = 0x9e3779b97f4a7c15u;

static uint32_t roll(uint32_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

static const char *const words[] = {
    "Web exception for message ",
    "CMGConnector_Forbidden",
    "Filtered cert count with client auth: 0",
    "WINHTTP_CALLBACK_STATUS_FLAG_CERT_REV_FAILED is set",
    "WINHTTP_CALLBACK_STATUS_FLAG_INVALID_CA is set",
    "WINHTTP_CALLBACK_STATUS_FLAG_INVALID_CERT is set",
    "lpvStatusInformation is 0x",
    "RevocationStatusUnknown",
    "-----------------------------------------------------------------",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
    "abababababababababababababababc",
    "Maintaining connections...",
    "There is no appropriate token validator to",
    "IDX10223",
    "ValidTo",
    "2f8f2f8f",
    "Failed to build Tcp connection",
    "[CCMHTTP] ERROR INFO: StatusCode=",
};

static const char *const plain[] = {
    "the policy client ",
    "has started ",
    "request ",
    "for assignment {1b7c9a0e-0000-4d6c-8f00-5e6a7b8c9d0e} ",
    "at 12:30:45 ",
    "C:\\Windows\\CCM ",
    "completed successfully. ",
    "Evaluating ",
    "state message ",
    "id=17 ",
};

enum { WORDS = sizeof words / sizeof *words, PLAIN = sizeof plain / sizeof *plain };

static char store[TOKENS][24];
static cmg_str token[TOKENS];
static struct cmg_matcher *matcher;

static void set_up(void)
{
    struct cmg_error error;
    for (int i = 0; i < TOKENS; i++) {
        if (i < WORDS) {
            token[i] = cmg_str_c(words[i]);
            continue;
        }
        for (size_t k = 0; k < sizeof store[i]; k++)
            store[i][k] = (char)('a' + roll(26));
        token[i] = cmg_str_of(store[i], 10 + roll(sizeof store[i] - 10));
    }
    matcher = counted_new(token, TOKENS, &error);
    cr_assert_not_null(matcher);
}

static void tear_down(void)
{
    counted_free(matcher);
}

/* Steps for 1,000 bytes. */
static uint64_t work(const char *text, size_t len)
{
    struct cmg_hit hits[CMG_HITS_MAX];
    bool more;
    uint64_t before = cmg_match_work;
    counted_scan(matcher, cmg_str_of(text, len), hits, CMG_HITS_MAX, &more);
    return (cmg_match_work - before) * 1000 / len;
}

enum { TEXT = 20000 };
static char text[TEXT];

static uint64_t ordinary(void)
{
    size_t len = 0;
    while (len + 64 < TEXT)
        len += (size_t)snprintf(text + len, 64, "%s", plain[roll(PLAIN)]);
    return work(text, len);
}

static uint64_t repeated(const char *piece, size_t len)
{
    for (size_t i = 0; i < TEXT; i++)
        text[i] = piece[i % len];
    return work(text, TEXT);
}

TestSuite(match_work, .init = set_up, .fini = tear_down);

Test(match_work, ordinary_text_is_skipped)
{
    uint64_t usual = ordinary();
    cr_assert_gt(usual, 100);
    cr_assert_lt(usual, 1000, "%lu steps for 1,000 bytes", (unsigned long)usual);
}

/* Whole tokens, tokens without their last or first byte, and their 10-byte pieces, each over and
 * over. */
Test(match_work, pieces_of_the_tokens)
{
    uint64_t limit = ordinary() * LIMIT;
    for (int t = 0; t < TOKENS; t++) {
        cmg_str s = token[t];
        cr_assert_leq(repeated(s.ptr, s.len), limit, "%.*s", (int)s.len, s.ptr);
        cr_assert_leq(repeated(s.ptr, s.len - 1), limit);
        cr_assert_leq(repeated(s.ptr + 1, s.len - 1), limit);
        for (size_t at = 0; at + CMG_MATCH_WINDOW <= s.len; at++)
            cr_assert_leq(repeated(s.ptr + at, CMG_MATCH_WINDOW), limit, "%.10s", s.ptr + at);
        for (size_t at = 0; at + BLOCK <= s.len; at++)
            cr_assert_leq(repeated(s.ptr + at, BLOCK), limit, "%.4s", s.ptr + at);
    }
}

Test(match_work, runs_of_one_byte)
{
    uint64_t limit = ordinary() * LIMIT;
    for (int c = 0; c < 256; c++) {
        char byte = (char)c;
        cr_assert_leq(repeated(&byte, 1), limit, "byte %d", c);
    }
}

/* A climber looks for the worst text: it changes a piece of a text and keeps what costs more. */
Test(match_work, a_search_for_the_worst_text)
{
    uint64_t limit = ordinary() * LIMIT, worst = 0;
    char best[64], piece[64];
    memset(best, 'a', sizeof best);
    for (int i = 0; i < 3000; i++) {
        memcpy(piece, best, sizeof piece);
        cmg_str from = token[roll(roll(2) ? WORDS : TOKENS)];
        size_t len = 1 + roll((uint32_t)from.len), at = roll(sizeof piece);
        for (size_t k = 0; k < len && at + k < sizeof piece; k++)
            piece[at + k] = from.ptr[from.len - len + k];
        uint64_t steps = repeated(piece, 1 + roll(sizeof piece));
        if (steps >= worst) {
            worst = steps;
            memcpy(best, piece, sizeof best);
        }
    }
    cr_assert_leq(worst, limit, "%lu steps for 1,000 bytes", (unsigned long)worst);
}

/* ---- words that a text could make the search look at over and over ------------------------- */

enum { FAMILY = 2000, FAMILY_LEN = 512 };

static char family_text[FAMILY][FAMILY_LEN];
static cmg_str family[FAMILY];

/* The work of a text, with what it must find checked against memmem. */
static uint64_t family_work(const struct cmg_matcher *m, size_t size, const char *what)
{
    static struct cmg_hit hits[FAMILY];
    bool more;
    uint64_t before = cmg_match_work;
    size_t n = counted_scan(m, cmg_str_of(text, TEXT), hits, FAMILY, &more), expected = 0;
    uint64_t steps = (cmg_match_work - before) * 1000 / TEXT;
    for (size_t i = 0; i < size; i++)
        expected += memmem(text, TEXT, family[i].ptr, family[i].len) != NULL;
    cr_assert_eq(n, expected, "%s: %zu, %zu", what, n, expected);
    for (size_t i = 0; i < n; i++) {
        cmg_str w = family[hits[i].token];
        const char *at = memmem(text, TEXT, w.ptr, w.len);
        cr_assert(at && (size_t)(at - text) + w.len == hits[i].end, "%s", what);
    }
    return steps;
}

/* Texts of whole words, of words without an end, and of one word's near misses, end to end. */
static void try_family(size_t size, uint64_t limit, const char *name)
{
    struct cmg_error error;
    struct cmg_matcher *m = counted_new(family, size, &error);
    cr_assert_not_null(m);
    for (size_t t = 0; t < size; t += 1 + size / 40) {
        cmg_str w = family[t];
        for (size_t cut = 0; cut < 3; cut++) {
            size_t piece = w.len - (cut > 0);
            for (size_t i = 0; i < TEXT; i++)
                text[i] = w.ptr[i % piece + (cut == 2)];
            cr_assert_leq(family_work(m, size, name), limit, "%s, %zu of %zu", name, t, cut);
            for (size_t i = piece - 1; i < TEXT; i += piece)
                text[i] = '~';
            cr_assert_leq(family_work(m, size, name), limit, "%s, %zu, a miss", name, t);
        }
    }
    counted_free(m);
}

static void name_member(size_t i, size_t len)
{
    family[i] = cmg_str_of(family_text[i], len);
}

Test(match_work, runs_of_every_length)
{
    uint64_t limit = ordinary() * LIMIT;
    for (size_t i = 0; i < 500; i++) {
        memset(family_text[i], 'A', i + 10);
        name_member(i, i + 10);
    }
    try_family(500, limit, "A to the n");
    for (size_t i = 0; i < 250; i++) {
        for (size_t k = 0; k < 2 * i + 12; k++)
            family_text[i][k] = "ab"[k % 2];
        name_member(i, 2 * i + 12);
    }
    try_family(250, limit, "ab to the n");
}

Test(match_work, one_long_token_of_dashes)
{
    uint64_t limit = ordinary() * LIMIT;
    memset(family_text[0], '-', 65);
    name_member(0, 65);
    memcpy(family_text[1], "SECURE_FAILURE Encountered", 26);
    name_member(1, 26);
    try_family(2, limit, "dashes");
}

/* Two blocks in every order: 2,000 words of 132 bytes that have the same few windows. */
Test(match_work, words_that_share_all_their_windows)
{
    uint64_t limit = ordinary() * LIMIT;
    for (size_t i = 0; i < FAMILY; i++) {
        for (size_t k = 0; k < 11; k++)
            memcpy(family_text[i] + 12 * k, i >> k & 1 ? "certificate " : "connection: ", 12);
        name_member(i, 132);
    }
    try_family(FAMILY, limit, "two blocks");
    for (size_t i = 0; i < FAMILY; i++) {
        snprintf(family_text[i], FAMILY_LEN, "AAAAAAAAAAAA%04zuAAAAAAAAAAAA", i * 5);
        name_member(i, 28);
    }
    try_family(FAMILY, limit, "numbered");
}

/* Eight short words that all are found by the same pair. */
Test(match_work, short_words_of_one_pair)
{
    static const char *const shorts[] = {"zqaa",   "zqab",  "zqac",   "zqad",
                                         "zqaaaa", "zqzqz", "zqzqzq", "zqzqzqz"};
    uint64_t limit = ordinary() * LIMIT;
    for (size_t i = 0; i < 8; i++) {
        memcpy(family_text[i], shorts[i], strlen(shorts[i]));
        name_member(i, strlen(shorts[i]));
    }
    try_family(8, limit, "one pair");
}
