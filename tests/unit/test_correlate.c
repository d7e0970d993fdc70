/* SPDX-License-Identifier: Apache-2.0
 * The table of open incidents: windows at their edges, what makes room for what, and copies of the
 * block. */
#include "enrich/correlate.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define WINDOW_NS INT64_C(120000000000)
static const struct cmg_window window = {WINDOW_NS, 400};
static const uint64_t stream = 7;

static struct cmg_moment at(int64_t ns)
{
    return (struct cmg_moment){ns, true};
}

/* With one set every key shares it. */
static struct cmg_corr *smallest(void)
{
    struct cmg_corr *c = cmg_corr_new(CMG_CORR_BYTES_MIN);
    cr_assert_not_null(c);
    return c;
}

static uint32_t open_at(struct cmg_corr *c, uint64_t key, enum cmg_incident_state state, int64_t ns)
{
    uint32_t slot = cmg_corr_take(c, key, stream);
    cmg_corr_count(c, slot, at(ns), &window);
    uint32_t i = cmg_corr_open(c, slot, state, 99);
    cmg_corr_touch(c, i, at(ns), &window);
    cmg_corr_close_full(c, slot, &window);
    return i;
}

static unsigned drain(struct cmg_corr *c, uint64_t of, struct cmg_moment now, bool all)
{
    unsigned n = 0;
    uint32_t i;
    while ((i = cmg_corr_due(c, of, now, all, &window)) != 0) {
        cmg_corr_release(c, i);
        n++;
    }
    return n;
}

Test(correlate, sizes)
{
    static const size_t bytes[] = {0,
                                   1,
                                   CMG_CORR_BYTES_MIN - 1,
                                   CMG_CORR_BYTES_MIN,
                                   CMG_CORR_BYTES_MIN + 1,
                                   CMG_CORR_BYTES_DEFAULT,
                                   4u << 20};
    for (size_t i = 0; i < sizeof bytes / sizeof bytes[0]; i++) {
        struct cmg_corr *c = cmg_corr_new(bytes[i]);
        size_t most = bytes[i] ? bytes[i] : CMG_CORR_BYTES_DEFAULT;
        cr_assert_leq(cmg_corr_image(c).len, most < CMG_CORR_BYTES_MIN ? CMG_CORR_BYTES_MIN : most);
        cr_assert(cmg_corr_take(c, 5, stream));
        cmg_corr_free(c);
    }
    cmg_corr_free(NULL);
}

Test(correlate, finds_what_it_took)
{
    struct cmg_corr *c = cmg_corr_new(0);
    cr_assert_eq(cmg_corr_find(c, 1), 0);
    for (uint64_t k = 1; k < 40; k++) {
        uint32_t s = cmg_corr_take(c, k << 50, stream);
        cr_assert_eq(cmg_corr_find(c, k << 50), s);
        cr_assert_eq(cmg_corr_take(c, k << 50, stream), s);
    }
    cmg_corr_free(c);
}

Test(correlate, window_in_time)
{
    static const struct {
        int64_t after_ns;
        unsigned due;
    } row[] = {{0, 0}, {WINDOW_NS - 1, 0}, {WINDOW_NS, 0}, {WINDOW_NS + 1, 1}, {-WINDOW_NS - 1, 0}};
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct cmg_corr *c = smallest();
        int64_t start = 1000 * window.ns;
        open_at(c, 5, CMG_INC_CANDIDATE, start);
        cr_assert_eq(drain(c, stream + CMG_CORR_BUCKETS, at(start + 10 * window.ns), true), 0,
                     "another stream");
        cr_assert_eq(drain(c, stream, (struct cmg_moment){0, false}, false), 0, "no time, no end");
        cr_assert_eq(drain(c, stream, at(start + row[i].after_ns), false), row[i].due, "row %zu",
                     i);
        cmg_corr_free(c);
    }
}

Test(correlate, window_without_time)
{
    struct cmg_corr *c = smallest();
    uint32_t slot = cmg_corr_take(c, 5, stream), i;
    cmg_corr_count(c, slot, (struct cmg_moment){50, false}, &window);
    i = cmg_corr_open(c, slot, CMG_INC_CANDIDATE, 1);
    cmg_corr_touch(c, i, (struct cmg_moment){50, false}, &window);
    cr_assert_eq(drain(c, stream, at(INT64_MAX), false), 0);
    cr_assert_eq(drain(c, stream, at(60), true), 1);
    cmg_corr_free(c);
}

Test(correlate, window_in_records)
{
    for (uint32_t records = window.records - 1; records <= window.records + 1; records++) {
        struct cmg_corr *c = smallest();
        uint32_t candidate = open_at(c, 5, CMG_INC_CANDIDATE, 1);
        uint32_t slot = cmg_corr_find(c, 5);
        for (uint32_t k = 0; k < records; k++) {
            cmg_corr_count(c, slot, at(1), &window);
            cmg_corr_close_full(c, slot, &window);
        }
        bool due = cmg_corr_due(c, stream, at(1), false, &window) == candidate;
        cr_assert_eq(due, records >= window.records, "%u", records);
        cr_assert_eq(cmg_corr_counts(c, stream), records < window.records);
        cmg_corr_free(c);
    }
}

Test(correlate, settled_ones_close_silently)
{
    for (uint32_t records = window.records - 1; records <= window.records + 1; records++) {
        struct cmg_corr *c = smallest();
        open_at(c, 5, CMG_INC_SETTLED, 1);
        uint32_t slot = cmg_corr_find(c, 5);
        for (uint32_t k = 0; k < records; k++)
            cmg_corr_count(c, slot, at(1), &window);
        cr_assert_eq(cmg_corr_slot(c, slot)->incident[0] != 0, records <= window.records, "%u",
                     records);
        cr_assert_eq(drain(c, stream, at(1), true), 0);
        cr_assert_eq(cmg_corr_evictions(c), 0);
        cmg_corr_free(c);
    }
}

Test(correlate, four_incidents_under_a_key)
{
    struct cmg_corr *c = smallest();
    uint32_t first = open_at(c, 5, CMG_INC_CANDIDATE, 1);
    for (int n = 2; n <= CMG_CORR_OPEN; n++)
        open_at(c, 5, CMG_INC_CANDIDATE, n);
    cr_assert_eq(cmg_corr_due(c, stream, at(1), false, &window), 0);
    open_at(c, 5, CMG_INC_CANDIDATE, 9);
    cr_assert_eq(cmg_corr_due(c, stream, at(9), false, &window), first);
    cr_assert_geq(cmg_corr_evictions(c), 1);
    cr_assert_eq(cmg_corr_incident(c, first)->slot, 0);
    cmg_corr_free(c);
}

Test(correlate, a_settled_one_goes_before_an_older_candidate)
{
    struct cmg_corr *c = smallest();
    open_at(c, 5, CMG_INC_CANDIDATE, 1);
    uint32_t settled = open_at(c, 5, CMG_INC_SETTLED, 2);
    open_at(c, 5, CMG_INC_CANDIDATE, 3);
    open_at(c, 5, CMG_INC_CANDIDATE, 4);
    open_at(c, 5, CMG_INC_CANDIDATE, 5);
    cr_assert_eq(cmg_corr_due(c, stream, at(9), false, &window), 0, "nothing is lost");
    cr_assert_eq(drain(c, stream, at(9), true), 4);
    cr_assert_neq(settled, 0);
    cmg_corr_free(c);
}

/* Slots of a set: first those with nothing open, then settled ones, then candidates; of equals the
 * oldest. */
Test(correlate, what_makes_room_in_a_set)
{
    struct cmg_corr *c = smallest();
    open_at(c, 1, CMG_INC_CANDIDATE, 1);
    open_at(c, 2, CMG_INC_SETTLED, 1);
    for (uint64_t k = 3; k <= CMG_CORR_WAYS; k++)
        cmg_corr_take(c, k, stream);
    for (uint64_t k = CMG_CORR_WAYS + 1; k <= 2 * CMG_CORR_WAYS - 2; k++) {
        cmg_corr_take(c, k, stream);
        cr_assert_eq(cmg_corr_find(c, k - CMG_CORR_WAYS + 2), 0, "the oldest without an incident");
        cr_assert(cmg_corr_find(c, 1) && cmg_corr_find(c, 2));
    }
    cr_assert_eq(cmg_corr_evictions(c), 0, "a key without an open window is no loss");
    for (uint64_t k = CMG_CORR_WAYS + 1; k <= 2 * CMG_CORR_WAYS - 2; k++) {
        uint32_t i = cmg_corr_open(c, cmg_corr_find(c, k), CMG_INC_CANDIDATE, 3);
        cmg_corr_touch(c, i, at(2), &window);
    }
    unsigned promoted = drain(c, stream, at(2), false);
    cr_assert_eq(promoted, 3, "the pool holds %d: the settled one went first", CMG_CORR_POOL);
    cmg_corr_free(c);
}

Test(correlate, an_evicted_candidate_is_due_for_any_stream)
{
    struct cmg_corr *c = smallest();
    uint32_t i = open_at(c, 1, CMG_INC_CANDIDATE, 1);
    for (uint64_t k = 2; k <= CMG_CORR_POOL; k++)
        open_at(c, k, CMG_INC_CANDIDATE, 1);
    cr_assert_eq(cmg_corr_due(c, stream + 1, at(1), false, &window), 0);
    open_at(c, 50, CMG_INC_CANDIDATE, 1);
    cr_assert_eq(cmg_corr_due(c, stream + 1, (struct cmg_moment){0, false}, false, &window), i);
    cr_assert_eq(cmg_corr_evictions(c), 1);
    cmg_corr_free(c);
}

/* A caller that never asks what is due loses the oldest, and is told how many. */
Test(correlate, nobody_asks)
{
    struct cmg_corr *c = smallest();
    for (uint64_t k = 1; k <= 1000; k++)
        open_at(c, k, CMG_INC_CANDIDATE, (int64_t)k);
    unsigned promoted = drain(c, stream, at(1000), true);
    cr_assert_eq(promoted, CMG_CORR_POOL + CMG_CORR_SPARE);
    cr_assert_geq(cmg_corr_evictions(c), 1000 - CMG_CORR_POOL);
    cmg_corr_free(c);
}

Test(correlate, an_ordinary_stream_costs_nothing)
{
    struct cmg_corr *c = cmg_corr_new(0);
    cr_assert_not(cmg_corr_counts(c, stream));
    uint32_t slot = cmg_corr_take(c, 5, stream);
    cmg_corr_close_full(c, slot, &window);
    cr_assert_not(cmg_corr_counts(c, stream), "a remembered request counts no records");
    open_at(c, 5, CMG_INC_SETTLED, 1);
    cr_assert(cmg_corr_counts(c, stream));
    cmg_corr_count(c, slot, at(2 + window.ns), &window);
    cr_assert_not(cmg_corr_counts(c, stream));
    cmg_corr_free(c);
}

Test(correlate, texts_are_cut_between_characters)
{
    static const struct {
        const char *text;
        size_t cap, want;
    } row[] = {
        {"abc", 2, 2},
        {"abc", 3, 3},
        {"abc", 4, 3},
        {"", 3, 0},
        {"a\xc3\xa9", 2, 1},
        {"a\xc3\xa9", 3, 3},
        {"\xe2\x82\xac", 2, 0},
        {"\xf0\x9f\x98\x80z", 4, 4},
        {"\xf0\x9f\x98\x80z", 3, 0},
        {"ab\xc3\xa9", 2, 2},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        char to[8] = "";
        cr_assert_eq(cmg_corr_keep(to, row[i].cap, cmg_str_c(row[i].text)), row[i].want, "row %zu",
                     i);
        cr_assert_eq(memcmp(to, row[i].text, row[i].want), 0);
    }
}

/* ---- copies of the block --------------------------------------------------------------------- */

static struct cmg_corr *filled(void)
{
    struct cmg_corr *c = smallest();
    for (uint64_t k = 1; k <= 12; k++)
        open_at(c, k, k % 3 ? CMG_INC_CANDIDATE : CMG_INC_SETTLED, (int64_t)k);
    return c;
}

Test(correlate, a_copy_goes_on_alike)
{
    struct cmg_corr *a = filled(), *b = smallest();
    cr_assert(cmg_corr_restore(b, cmg_corr_image(a)));
    cr_assert_eq(cmg_corr_evictions(a), cmg_corr_evictions(b));
    for (uint64_t k = 5; k <= 30; k++) {
        cr_assert_eq(open_at(a, k, CMG_INC_CANDIDATE, 40), open_at(b, k, CMG_INC_CANDIDATE, 40));
        uint32_t due = cmg_corr_due(a, stream, at(50), false, &window);
        cr_assert_eq(cmg_corr_due(b, stream, at(50), false, &window), due);
        if (due) {
            cmg_corr_release(a, due);
            cmg_corr_release(b, due);
        }
    }
    cmg_str x = cmg_corr_image(a), y = cmg_corr_image(b);
    cr_assert(cmg_str_eq(x, y));
    cmg_corr_free(a);
    cmg_corr_free(b);
}

Test(correlate, a_foreign_image_changes_nothing)
{
    struct cmg_corr *c = filled(), *before = smallest(), *large = cmg_corr_new(1u << 18);
    cmg_str image = cmg_corr_image(c);
    char *copy = malloc(image.len);
    cr_assert_not_null(copy);
    cr_assert(cmg_corr_restore(before, image));
    cr_assert_not(cmg_corr_restore(c, cmg_corr_image(large)), "another size");
    cr_assert_not(cmg_corr_restore(c, cmg_str_head(image, image.len - 1)), "cut short");
    cr_assert_not(cmg_corr_restore(c, (cmg_str){NULL, 0}));
    for (size_t i = 0; i < 32; i++) {
        memcpy(copy, image.ptr, image.len);
        copy[i] = (char)~copy[i];
        cr_assert_not(cmg_corr_restore(c, cmg_str_of(copy, image.len)),
                      "magic, version, shape, size: byte %zu", i);
    }
    cr_assert(cmg_str_eq(cmg_corr_image(c), cmg_corr_image(before)));
    free(copy);
    cmg_corr_free(c);
    cmg_corr_free(before);
    cmg_corr_free(large);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

/* Damage may be taken or refused; what was taken must be safe to work with. */
Test(correlate, a_damaged_image_is_safe)
{
    struct cmg_corr *good = filled(), *c = smallest();
    cmg_str image = cmg_corr_image(good);
    char *copy = malloc(image.len);
    unsigned refused = 0, taken = 0;
    uint32_t seed = 12345;
    cr_assert_not_null(copy);
    for (int round = 0; round < 4000; round++) {
        memcpy(copy, image.ptr, image.len);
        for (int k = 0; k < 3; k++) {
            uint32_t r = next_random(&seed);
            copy[32 + next_random(&seed) % (round % 2 ? image.len - 32 : 1900)] ^=
                (char)(1u << r % 8);
        }
        bool ok = cmg_corr_restore(c, cmg_str_of(copy, image.len));
        refused += !ok;
        taken += ok;
        for (uint64_t k = 1; k < 20; k++) {
            open_at(c, k, CMG_INC_CANDIDATE, 100);
            drain(c, stream, at(500), false);
        }
        drain(c, stream, at(500), true);
    }
    cr_assert_gt(refused, 100);
    cr_assert_gt(taken, 100);
    free(copy);
    cmg_corr_free(good);
    cmg_corr_free(c);
}

/* ---- slots that need not be looked at -------------------------------------------------------- */

static uint64_t seed = 0x853c49e6748fea9b;

static uint32_t roll(uint32_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

/* What a record of `key` may do; the same choice is made in both tables. */
struct deed {
    uint64_t key;
    struct cmg_moment now;
    uint32_t kind;
};

static void remember(struct cmg_slot *s, struct cmg_moment now)
{
    s->has_memory = 1;
    s->marks = 1;
    s->memory_count = s->count;
    s->memory_ns = now.ns;
    s->memory_known = now.known;
}

static void act(struct cmg_corr *c, const struct deed *d, const struct cmg_window *w)
{
    uint32_t slot = cmg_corr_take(c, d->key, stream);
    struct cmg_slot *s = cmg_corr_slot(c, slot);
    bool look = cmg_corr_count(c, slot, d->now, w);
    uint32_t first = s->incident[0] ? s->incident[0] : s->incident[1];
    if (d->kind == 0)
        first = cmg_corr_open(c, slot, CMG_INC_CANDIDATE, 9);
    else if (d->kind == 1)
        first = cmg_corr_open(c, slot, CMG_INC_SETTLED, 9);
    else if (d->kind == 2 && first)
        cmg_corr_answer(c, first);
    else if (d->kind == 3)
        remember(s, d->now);
    if (d->kind < 3 && first)
        cmg_corr_touch(c, first, d->now, w);
    if (look || d->kind < 4)
        cmg_corr_close_full(c, slot, w);
}

/* In the second table every slot is looked at with every record. */
Test(correlate, quiet_slots_miss_nothing)
{
    static const struct cmg_window windows[2] = {{1000, 7}, {300, 12}};
    struct cmg_corr *a = smallest(), *b = smallest();
    int64_t ns = 0;
    unsigned due = 0;
    for (int i = 0; i < 200000; i++) {
        ns += roll(20) ? roll(60) : roll(3000) - (int64_t)1000;
        struct deed d = {1 + roll(6), {ns, roll(10) != 0}, roll(40)};
        const struct cmg_window *w = &windows[i / 50000 % 2];
        act(a, &d, w);
        for (uint64_t k = 1; k <= 6; k++)
            if (cmg_corr_find(b, k))
                cmg_corr_slot(b, cmg_corr_find(b, k))->quiet = 0;
        act(b, &d, w);
        uint32_t x = cmg_corr_due(a, stream, d.now, false, w);
        cr_assert_eq(x, cmg_corr_due(b, stream, d.now, false, w));
        if (x) {
            cmg_corr_release(a, x);
            cmg_corr_release(b, x);
            due++;
        }
        const struct cmg_slot *s = cmg_corr_slot(a, cmg_corr_find(a, d.key));
        const struct cmg_slot *t = cmg_corr_slot(b, cmg_corr_find(b, d.key));
        cr_assert(memcmp(s->incident, t->incident, sizeof s->incident) == 0, "step %d", i);
        cr_assert(s->count == t->count && s->marks == t->marks && s->has_memory == t->has_memory);
    }
    cr_assert_gt(due, 1000);
    cmg_corr_free(a);
    cmg_corr_free(b);
}
