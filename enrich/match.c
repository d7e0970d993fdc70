/* SPDX-License-Identifier: Apache-2.0
 *
 * The matcher of match.h: Wu and Manber's skip search ("A fast algorithm for multi-pattern
 * searching", 1994), with the parts that an attacker could lean on bounded.
 *
 * Every token of 10 bytes or more is entered by one window of 10 bytes: the one whose letters are
 * rarest in logs, for a window that seldom shows half of itself lets the search jump farthest. A
 * table tells for each block of 4 bytes how far the next window can end. Where one may end here, a
 * fingerprint of all 10 bytes leads to its tokens, and only those are compared.
 *
 * That is quick while windows are rare and few tokens stand behind each. A text can consist of one
 * window, though, and tokens can consist of the same few. So each search has a credit for what
 * happens at windows, far more than it needs; a text that uses it up is read by an automaton
 * instead, whose cost for a byte nothing can change.
 *
 * Case is folded by setting bit 5, which also makes '@' and '`' one; the compare uses a mask for
 * each byte and is exact.
 *
 * The jumps of one search wait for each other (load, multiply, load). Three parts of the text are
 * therefore searched at once, and "first occurrence" is the one in the foremost part. */
#include "enrich/match.h"

#include <stdio.h>
#include <stdlib.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* The tests count steps instead of time. */
#ifdef CMG_MATCH_COUNT
static uint64_t cmg_match_work;
#define WORK(n) (cmg_match_work += (uint64_t)(n))
#else
#define WORK(n) ((void)0)
#endif

#include "enrich/automaton.h"

enum {
    BLOCK = 4,
    LANES = 3,
    SHORT_LANES_BELOW = 96, /* bytes: below it one lane is faster than dividing the text */
    FEW_MAX = 8,            /* that many short tokens are found by a pair of bytes each */
    SHIFT_BITS_MIN = 14,    /* 16 KiB: stays in the first-level cache beside the rest */
    SHIFT_BITS_MAX = 15,
    MANY_WORDS = 600,    /* from here the small table is so full that its jumps get short */
    SHARE_COST = 100000, /* a window that others have: the last choice */
    PERIOD_COST = 10000, /* a window that overlaps itself ("aaaa") could end at every byte */
    CREDIT = 32,         /* windows and words looked at in a text of any length, ... */
    CREDIT_PER = 8,      /* ... and one more for so many bytes; log messages use a tenth of it */
};

#define NONE UINT32_MAX

/* A token without its duplicates. */
struct word {
    uint32_t at; /* in the pool: `len` folded bytes, then `len` masks */
    uint32_t len;
    uint32_t behind; /* bytes of the token behind its window, or pair */
    uint32_t next;   /* word of the same window */
    uint32_t first;  /* token index; further ones by same[] */
    bool digit;      /* ends in a digit */
};

struct slot {
    uint64_t print;
    uint32_t word; /* NONE: free */
};

struct set {
    unsigned window; /* 0: empty set */
    unsigned shift_bits, slot_bits;
    uint8_t *shift;
    struct slot *slot;
};

struct few {
    uint8_t pair[2];
    uint32_t word;
};

struct cmg_matcher {
    size_t tokens, words;
    struct word *word;
    uint32_t *word_of, *same; /* by token */
    char *pool;
    struct set longs, shorts;
    struct cmg_automaton *automaton; /* of all words */
    size_t fews;
    struct few few[FEW_MAX];
};

struct scan {
    const struct cmg_matcher *m;
    cmg_str text;
    struct cmg_hit *hit;
    size_t hits, cap;
    bool more;
    int64_t credit;
    /* Two bits for each word: 0 not found, else LANES - lane. */
    uint64_t found[CMG_MATCH_WORDS_MAX / 32];
};

_Static_assert((int)CMG_MATCH_WINDOW <= 8 + BLOCK, "print_of covers a window by two loads");
_Static_assert((int)CMG_MATCH_SHORTEST >= (int)BLOCK, "a window holds a block");
_Static_assert(LANES <= 3, "found[] has two bits");

static uint32_t load32(const char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static uint64_t load64(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* ---- building -------------------------------------------------------------------------------- */

/* 4 * (14 + log2 of the frequency) of the bytes 0x20-0x3f and 0x60-0x7f, case folded, in the
 * messages of 2.3 MB of ConfigMgr client and server logs. */
static const uint8_t common[64] = {
    43, 5,  33, 0,  0,  4,  0,  18, 22, 22, 30, 6,  27, 24, 31, 15, 32, 28, 28, 26, 26, 25,
    24, 24, 24, 22, 29, 5,  9,  33, 13, 0,  0,  38, 29, 37, 36, 41, 33, 34, 29, 40, 11, 22,
    35, 35, 38, 39, 34, 20, 39, 40, 40, 32, 29, 23, 24, 29, 13, 22, 25, 22, 23, 30,
};

static uint32_t commonness(char c)
{
    unsigned b = (unsigned char)c | 0x20u;
    return b >= 0x80 ? 0 : common[(b & 0x1f) | (b & 0x40) >> 1];
}

static uint32_t block_hash(const char *p, unsigned bits)
{
    return ((load32(p) | 0x20202020u) * 0x9e3779b1u) >> (32 - bits);
}

static uint64_t print_of(const char *p, size_t window)
{
    const uint64_t fold = 0x2020202020202020u;
    uint64_t head = window >= 8 ? load64(p) : load32(p);
    uint64_t tail = load32(p + window - BLOCK);
    uint64_t h = ((head | fold) ^ ((tail | fold) * 0xc2b2ae3d27d4eb4fu)) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

static size_t slot_home(const struct set *s, uint64_t print)
{
    return (size_t)((print * 0xd6e8feb86659fd93u) >> (64 - s->slot_bits));
}

/* The slot of `print`, or the free one where it would go. There always is a free one: the table is
 * at most a quarter full. */
static struct slot *slot_find(const struct set *s, uint64_t print)
{
    size_t mask = ((size_t)1 << s->slot_bits) - 1;
    size_t i = slot_home(s, print);
    WORK(1);
    while (s->slot[i].word != NONE && s->slot[i].print != print) {
        i = (i + 1) & mask;
        WORK(1);
    }
    return &s->slot[i];
}

static bool overlaps_itself(const char *p, size_t window)
{
    for (size_t period = 1; period <= window / 2; period++)
        if (memcmp(p, p + period, window - period) == 0)
            return true;
    return false;
}

/* The cost of entering a word by the window at `p` (folded bytes). Its last block counts six times:
 * there every occurrence stops the search. */
static uint32_t window_cost(const struct set *s, const char *p)
{
    uint32_t cost = 0;
    for (unsigned i = 0; i < s->window; i++)
        cost += commonness(p[i]) * (i + BLOCK >= s->window ? 6 : 1);
    if (overlaps_itself(p, s->window))
        cost += PERIOD_COST;
    if (slot_find(s, print_of(p, s->window))->word != NONE)
        cost += SHARE_COST;
    return cost;
}

static void set_shifts(struct set *s, const char *window)
{
    for (unsigned end = BLOCK; end <= s->window; end++) {
        uint8_t *shift = &s->shift[block_hash(window + end - BLOCK, s->shift_bits)];
        if (*shift > s->window - end)
            *shift = (uint8_t)(s->window - end);
    }
}

static void set_add(struct cmg_matcher *m, struct set *s, uint32_t index)
{
    struct word *w = &m->word[index];
    const char *p = m->pool + w->at;
    uint32_t best = 0, best_cost = UINT32_MAX;

    for (uint32_t i = 0; i + s->window <= w->len; i++) {
        uint32_t cost = window_cost(s, p + i);
        if (cost < best_cost)
            best_cost = cost, best = i;
    }
    uint64_t print = print_of(p + best, s->window);
    struct slot *slot = slot_find(s, print);
    w->behind = w->len - best - s->window;
    w->next = slot->word;
    *slot = (struct slot){print, index};
    set_shifts(s, p + best);
}

static bool set_alloc(struct set *s, unsigned window, size_t words)
{
    s->window = window;
    s->shift_bits = words < MANY_WORDS ? SHIFT_BITS_MIN : SHIFT_BITS_MAX;
    s->slot_bits = 4;
    while (((size_t)1 << s->slot_bits) < words * 4)
        s->slot_bits++;
    size_t slots = (size_t)1 << s->slot_bits;
    s->shift = malloc((size_t)1 << s->shift_bits);
    s->slot = malloc(slots * sizeof *s->slot);
    if (!s->shift || !s->slot)
        return false;
    memset(s->shift, (int)(window - BLOCK + 1), (size_t)1 << s->shift_bits);
    for (size_t i = 0; i < slots; i++)
        s->slot[i].word = NONE;
    return true;
}

/* The words [from, to), which are sorted by length: where a window must be shared, the longer word
 * is the one that can still avoid it. */
static bool set_build(struct cmg_matcher *m, struct set *s, size_t from, size_t to)
{
    if (from == to)
        return true;
    uint32_t shortest = m->word[from].len;
    unsigned window = shortest < CMG_MATCH_WINDOW ? shortest : CMG_MATCH_WINDOW;
    if (!set_alloc(s, window, to - from))
        return false;
    for (size_t i = from; i < to; i++)
        set_add(m, s, (uint32_t)i);
    return true;
}

static void few_add(struct cmg_matcher *m, uint32_t index)
{
    struct word *w = &m->word[index];
    const char *p = m->pool + w->at;
    uint32_t best = 0;
    for (uint32_t i = 1; i + 1 < w->len; i++)
        if (commonness(p[i]) + commonness(p[i + 1]) < commonness(p[best]) + commonness(p[best + 1]))
            best = i;
    w->behind = w->len - best;
    m->few[m->fews++] = (struct few){
        {(uint8_t)((uint8_t)p[best] | 0x20), (uint8_t)((uint8_t)p[best + 1] | 0x20)}, index};
}

static uint32_t pool_add(struct cmg_matcher *m, uint32_t at, cmg_str token)
{
    char *fold = m->pool + at, *mask = fold + token.len;
    for (size_t i = 0; i < token.len; i++) {
        fold[i] = cmg_lower(token.ptr[i]);
        mask[i] = fold[i] >= 'a' && fold[i] <= 'z' ? 0x20 : 0;
    }
    return at + 2 * (uint32_t)token.len;
}

struct order {
    cmg_str token;
    uint32_t index;
};

/* By length, then folded bytes, then index: duplicates become neighbours, the first of them first.
 */
static int by_length(const void *va, const void *vb)
{
    const struct order *a = va, *b = vb;
    if (a->token.len != b->token.len)
        return a->token.len < b->token.len ? -1 : 1;
    for (size_t i = 0; i < a->token.len; i++) {
        int d =
            (unsigned char)cmg_lower(a->token.ptr[i]) - (unsigned char)cmg_lower(b->token.ptr[i]);
        if (d)
            return d;
    }
    return a->index < b->index ? -1 : a->index > b->index;
}

static void words_build(struct cmg_matcher *m, const struct order *order)
{
    uint32_t at = 0;
    for (size_t i = 0; i < m->tokens; i++) {
        const struct order *o = &order[i];
        if (i && cmg_str_ieq(o->token, order[i - 1].token)) {
            m->same[order[i - 1].index] = o->index;
        } else {
            uint32_t len = (uint32_t)o->token.len;
            bool digit = cmg_is_digit(o->token.ptr[len - 1]);
            m->word[m->words++] = (struct word){at, len, 0, NONE, o->index, digit};
            at = pool_add(m, at, o->token);
        }
        m->same[o->index] = NONE;
        m->word_of[o->index] = (uint32_t)m->words - 1;
    }
}

static bool words_alloc(struct cmg_matcher *m, const cmg_str *tokens, size_t n)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += 2 * tokens[i].len;
    m->tokens = n;
    m->word = calloc(n + 1, sizeof *m->word);
    m->word_of = calloc(n + 1, sizeof *m->word_of);
    m->same = calloc(n + 1, sizeof *m->same);
    m->pool = calloc(1, bytes + 1);
    struct order *order = calloc(n + 1, sizeof *order);
    bool ok = m->word && m->word_of && m->same && m->pool && order;
    if (ok) {
        for (size_t i = 0; i < n; i++)
            order[i] = (struct order){tokens[i], (uint32_t)i};
        qsort(order, n, sizeof *order, by_length);
        words_build(m, order);
    }
    free(order);
    return ok;
}

static bool automaton_build(struct cmg_matcher *m)
{
    cmg_str *folded = calloc(m->words + 1, sizeof *folded);
    for (size_t i = 0; folded && i < m->words; i++)
        folded[i] = cmg_str_of(m->pool + m->word[i].at, m->word[i].len);
    if (folded)
        m->automaton = cmg_automaton_new(folded, m->words);
    free(folded);
    return m->automaton != NULL;
}

static bool build(struct cmg_matcher *m)
{
    size_t shorts = 0;
    while (shorts < m->words && m->word[shorts].len < CMG_MATCH_WINDOW)
        shorts++;
    if (shorts <= FEW_MAX) {
        for (size_t i = 0; i < shorts; i++)
            few_add(m, (uint32_t)i);
    } else if (!set_build(m, &m->shorts, 0, shorts)) {
        return false;
    }
    return set_build(m, &m->longs, shorts, m->words) && automaton_build(m);
}

static struct cmg_matcher *fail(struct cmg_error *reterr, enum cmg_rc rc, const char *text,
                                size_t index)
{
    if (reterr) {
        *reterr = (struct cmg_error){.rc = rc};
        snprintf(reterr->text, sizeof reterr->text, text, index);
    }
    return NULL;
}

struct cmg_matcher *cmg_matcher_new(const cmg_str *tokens, size_t n, struct cmg_error *reterr)
{
    for (size_t i = 0; i < n; i++) {
        if (tokens[i].len < CMG_MATCH_SHORTEST)
            return fail(reterr, CMG_ECONFIG, "token %zu is shorter than 4 bytes", i);
        if (tokens[i].len > CMG_MATCH_LONGEST)
            return fail(reterr, CMG_ECONFIG, "token %zu is longer than 512 bytes", i);
    }
    if (n > CMG_MATCH_WORDS_MAX)
        return fail(reterr, CMG_ELIMIT, "%zu tokens are more than 8192", n);
    struct cmg_matcher *m = calloc(1, sizeof *m);
    if (m && words_alloc(m, tokens, n) && build(m))
        return m;
    cmg_matcher_free(m);
    return fail(reterr, CMG_ENOMEM, "no memory for a matcher of %zu tokens", n);
}

void cmg_matcher_free(struct cmg_matcher *m)
{
    if (!m)
        return;
    free(m->word);
    free(m->word_of);
    free(m->same);
    free(m->pool);
    cmg_automaton_free(m->automaton);
    free(m->longs.shift);
    free(m->longs.slot);
    free(m->shorts.shift);
    free(m->shorts.slot);
    free(m);
}

/* ---- scanning -------------------------------------------------------------------------------- */

static unsigned found_get(const struct scan *sc, uint32_t word)
{
    return (unsigned)(sc->found[word / 32] >> (word % 32 * 2)) & 3;
}

static void report(struct scan *sc, uint32_t word, unsigned rank, size_t end)
{
    bool before = found_get(sc, word) != 0;
    sc->found[word / 32] &= ~((uint64_t)3 << (word % 32 * 2));
    sc->found[word / 32] |= (uint64_t)rank << (word % 32 * 2);
    if (before) {
        for (size_t i = 0; i < sc->hits; i++)
            if (sc->m->word_of[sc->hit[i].token] == word)
                sc->hit[i].end = (uint32_t)end;
        return;
    }
    for (uint32_t t = sc->m->word[word].first; t != NONE; t = sc->m->same[t]) {
        if (sc->hits < sc->cap)
            sc->hit[sc->hits++] = (struct cmg_hit){t, (uint32_t)end};
        else
            sc->more = true;
    }
}

/* Not zero where 8 bytes of text are not those of `fold`. */
static uint64_t differ(const char *text, const char *fold, const char *mask)
{
    return (load64(text) | load64(mask)) ^ load64(fold);
}

/* `fold` is followed by its masks; n is at least BLOCK. */
static bool equal(const char *text, const char *fold, size_t n)
{
    const char *mask = fold + n;
    size_t i = 0;
    WORK(1);
    if (n < 8) {
        i = n - BLOCK;
        return (load32(text) | load32(mask)) == load32(fold) &&
               (load32(text + i) | load32(mask + i)) == load32(fold + i);
    }
    for (; i + 16 <= n; i += 16) {
        WORK(1);
        if (differ(text + i, fold + i, mask + i) | differ(text + i + 8, fold + i + 8, mask + i + 8))
            return false;
    }
    if (i + 8 <= n && differ(text + i, fold + i, mask + i))
        return false;
    return !differ(text + n - 8, fold + n - 8, mask + n - 8);
}

/* Is the word here, `at` being where its window ends? */
static void verify(struct scan *sc, uint32_t word, size_t at, unsigned rank)
{
    const struct word *w = &sc->m->word[word];
    size_t end = at + w->behind;
    WORK(1);
    sc->credit -= 1 + w->len / 32;
    if (found_get(sc, word) >= rank || end > sc->text.len || end < w->len)
        return;
    if (!equal(sc->text.ptr + end - w->len, sc->m->pool + w->at, w->len))
        return;
    if (w->digit && end < sc->text.len && cmg_is_digit(sc->text.ptr[end]))
        return;
    report(sc, word, rank, end);
}

static void __attribute__((noinline))
check(const struct set *s, struct scan *sc, size_t at, unsigned rank)
{
    uint64_t print = print_of(sc->text.ptr + at - s->window, s->window);
    sc->credit--;
    for (uint32_t i = slot_find(s, print)->word; i != NONE && sc->credit > 0;
         i = sc->m->word[i].next)
        verify(sc, i, at, rank);
}

static inline size_t shift_at(const struct set *s, const char *text, size_t at)
{
    WORK(1);
    return s->shift[block_hash(text + at - BLOCK, s->shift_bits)];
}

/* Windows that end in [at, stop]. */
static void scan_lane(const struct set *s, struct scan *sc, size_t at, size_t stop, unsigned rank)
{
    while (at <= stop) {
        size_t shift = shift_at(s, sc->text.ptr, at);
        if (!shift) {
            check(s, sc, at, rank);
            if (sc->credit <= 0)
                return;
            shift = 1;
        }
        at += shift;
    }
}

/* The rare case of three steps, one of which may be the end of a window: done one by one. */
static void check_three(const struct set *s, struct scan *sc, size_t at[LANES],
                        const size_t shift[LANES])
{
    for (unsigned lane = 0; lane < LANES; lane++) {
        if (!shift[lane])
            check(s, sc, at[lane], LANES - lane);
        at[lane] += shift[lane] ? shift[lane] : 1;
    }
}

static void scan_set(const struct set *s, struct scan *sc)
{
    const char *text = sc->text.ptr;
    size_t len = sc->text.len;
    if (!s->window || len < s->window)
        return;
    if (len < SHORT_LANES_BELOW) {
        scan_lane(s, sc, s->window, len, LANES);
        return;
    }
    size_t part = (len - s->window + 1) / LANES;
    size_t stop[LANES] = {s->window + part - 1, s->window + 2 * part - 1, len};
    size_t a = s->window, b = stop[0] + 1, c = stop[1] + 1;
    while (a <= stop[0] && b <= stop[1] && c <= stop[2]) {
        size_t x = shift_at(s, text, a), y = shift_at(s, text, b), z = shift_at(s, text, c);
        if (__builtin_expect(x && y && z, 1)) {
            a += x, b += y, c += z;
            continue;
        }
        size_t at[LANES] = {a, b, c};
        check_three(s, sc, at, (const size_t[LANES]){x, y, z});
        if (sc->credit <= 0)
            return;
        a = at[0], b = at[1], c = at[2];
    }
    scan_lane(s, sc, a, stop[0], 3);
    scan_lane(s, sc, b, stop[1], 2);
    scan_lane(s, sc, c, stop[2], 1);
}

static void few_check(struct scan *sc, size_t at)
{
    const struct cmg_matcher *m = sc->m;
    const char *p = sc->text.ptr + at;
    sc->credit--;
    for (size_t k = 0; k < m->fews && sc->credit > 0; k++) {
        const struct few *f = &m->few[k];
        WORK(1);
        if (((uint8_t)p[0] | 0x20) == f->pair[0] && ((uint8_t)p[1] | 0x20) == f->pair[1])
            verify(sc, f->word, at, LANES);
    }
}

/* Pairs that begin in the 16 bytes at `p`; one bit each. */
#ifdef __SSE2__
static unsigned few_mask(const struct cmg_matcher *m, const char *p)
{
    const __m128i fold = _mm_set1_epi8(0x20);
    __m128i first = _mm_or_si128(_mm_loadu_si128((const void *)p), fold);
    __m128i second = _mm_or_si128(_mm_loadu_si128((const void *)(p + 1)), fold);
    __m128i any = _mm_setzero_si128();
    WORK(m->fews);
    for (size_t k = 0; k < m->fews; k++) {
        __m128i hit = _mm_cmpeq_epi8(first, _mm_set1_epi8((char)m->few[k].pair[0]));
        hit = _mm_and_si128(hit, _mm_cmpeq_epi8(second, _mm_set1_epi8((char)m->few[k].pair[1])));
        any = _mm_or_si128(any, hit);
    }
    return (unsigned)_mm_movemask_epi8(any);
}
#else
static unsigned few_mask(const struct cmg_matcher *m, const char *p)
{
    (void)m, (void)p;
    return 0xffff;
}
#endif

static void scan_few(struct scan *sc)
{
    size_t at = 0;
    if (!sc->m->fews)
        return;
    for (; at + 17 <= sc->text.len && sc->credit > 0; at += 16)
        for (unsigned mask = few_mask(sc->m, sc->text.ptr + at); mask; mask &= mask - 1)
            few_check(sc, at + (size_t)__builtin_ctz(mask));
    for (; at + 2 <= sc->text.len; at++)
        few_check(sc, at);
}

/* The words that end in this state, the longest first. The others are its ends: they were reported
 * when it was, and since all end in the same byte, a digit behind it denies all. */
static inline void report_state(struct scan *sc, uint32_t state, size_t end)
{
    const struct cmg_matcher *m = sc->m;
    uint32_t word;
    while ((word = cmg_automaton_word(m->automaton, &state)) != CMG_AUTOMATON_NONE) {
        WORK(1);
        if (found_get(sc, word) ||
            (m->word[word].digit && end < sc->text.len && cmg_is_digit(sc->text.ptr[end])))
            return;
        report(sc, word, LANES, end);
    }
}

static void scan_begin(struct scan *sc)
{
    sc->hits = 0;
    sc->more = false;
    memset(sc->found, 0, (sc->m->words + 31) / 32 * sizeof sc->found[0]);
}

/* From the beginning, for a text that has used up its credit. */
static void __attribute__((noinline)) scan_slowly(struct scan *sc)
{
    const struct cmg_automaton *a = sc->m->automaton;
    uint32_t state = 0;
    scan_begin(sc);
    for (size_t i = 0; i < sc->text.len; i++) {
        state = cmg_automaton_step(a, state, cmg_lower(sc->text.ptr[i]));
        report_state(sc, state, i + 1);
    }
}

size_t cmg_matcher_scan(const struct cmg_matcher *m, cmg_str text, struct cmg_hit *hits, size_t cap,
                        bool *ret_more)
{
    struct scan sc;
    sc.m = m;
    sc.text = cmg_str_head(text, UINT32_MAX);
    sc.hit = hits;
    sc.cap = cap;
    sc.credit = CREDIT + (int64_t)(sc.text.len / CREDIT_PER);
    scan_begin(&sc);
    scan_set(&m->longs, &sc);
    if (sc.credit > 0)
        scan_set(&m->shorts, &sc);
    if (sc.credit > 0)
        scan_few(&sc);
    if (sc.credit <= 0)
        scan_slowly(&sc);
    *ret_more = sc.more;
    return sc.hits;
}
