/* SPDX-License-Identifier: Apache-2.0
 * Following with a checkpoint: stopping, dying and going on, with every way of rotating in between.
 */
#include "tests/follow_world.h"

#include "sources/checkpoint.h"
#include "sources/follow_int.h"

#define BOTH(w)                                                                                    \
    for (int poll_ = 0; poll_ < 2; poll_++)                                                        \
        for (struct world *w = world_new(poll_); w; world_free(w), w = NULL)

/* The same text always had the same id, and another text another one. */
static void expect_ids_agree(const struct world *w)
{
    for (size_t i = 0; i < w->n; i++)
        for (size_t j = 0; j < i; j++)
            cr_assert_eq(strcmp(w->seen[i].raw, w->seen[j].raw) == 0,
                         strcmp(w->seen[i].id, w->seen[j].id) == 0, "%s | %s", w->seen[i].raw,
                         w->seen[j].raw);
}

Test(restart, after_a_stop_nothing_is_repeated)
{
    BOTH(w)
    {
        put_lines(w, "a.log", 0, 20);
        world_start(w);
        world_run(w);
        expect_lines(w, 0, 20);
        world_stop(w);
        put_lines(w, "a.log", 20, 30);
        put_lines(w, "b.log", 30, 35);
        world_start(w);
        world_run(w);
        expect_lines(w, 20, 35);
        world_stop(w);
        world_start(w);
        world_pass(w, 20000);
        expect_lines(w, 0, 0);
        expect_ids_agree(w);
    }
}

Test(restart, after_a_kill_what_was_not_saved_is_repeated_with_the_same_ids)
{
    BOTH(w)
    {
        put_lines(w, "a.log", 0, 20);
        world_start(w);
        world_pass(w, 2000); /* saved */
        put_lines(w, "a.log", 20, 30);
        w->ack = false;
        world_pass(w, 5000);
        expect_lines(w, 0, 30);
        world_kill(w);
        put_lines(w, "a.log", 30, 31);
        world_start(w);
        world_run(w);
        expect_lines(w, 20, 31);
        expect_ids_agree(w);
    }
}

Test(restart, it_never_moves_over_a_gap)
{
    BOTH(w)
    {
        world_start(w);
        put_lines(w, "a.log", 0, 5);
        world_pass(w, 2000);
        w->ack = false;
        put_lines(w, "a.log", 5, 10);
        world_pass(w, 2000);
        for (size_t i = 5; i < 10; i++)
            if (i != 7)
                cr_assert(cmg_follow_ack(w->f, w->seen[i].cookie));
        put_lines(w, "b.log", 10, 12); /* not even in another log: the picture is of one moment */
        world_pass(w, 10000);
        struct cmg_error err;
        cr_assert_eq(cmg_follow_save(w->f, &err), CMG_AGAIN);
        cr_assert_eq(cmg_follow_stats(w->f)->unacked, 5);
        cr_assert_not(cmg_follow_ack(w->f, w->seen[6].cookie), "twice");
        world_kill(w);
        world_start(w);
        world_run(w);
        expect_lines(w, 5, 12);
    }
}

Test(restart, a_gap_that_closes_lets_it_move)
{
    BOTH(w)
    {
        world_start(w);
        w->ack = false;
        put_lines(w, "a.log", 0, 10);
        world_pass(w, 2000);
        for (size_t i = 10; i-- > 0;)
            cr_assert(cmg_follow_ack(w->f, w->seen[i].cookie));
        world_pass(w, 1000);
        world_kill(w);
        world_start(w);
        world_run(w);
        expect_lines(w, 0, 0);
    }
}

Test(restart, a_record_that_found_no_room_is_not_counted_as_arrived)
{
    BOTH(w)
    {
        put_lines(w, "a.log", 0, 20);
        w->room = 7;
        world_start(w);
        world_pass(w, 5000);
        struct cmg_error err;
        cr_assert_eq(cmg_follow_save(w->f, &err), CMG_AGAIN);
        world_kill(w);
        w->room = SIZE_MAX;
        world_start(w);
        world_run(w);
        cr_assert_leq(w->n - w->first, 20);
        cr_assert(strncmp(w->seen[w->n - 13].raw, line(7), 6) == 0);
        cr_assert(strncmp(w->seen[w->n - 1].raw, line(19), 7) == 0);
        expect_ids_agree(w);
    }
}

/* Steps until one says that the sink is broken. */
static void run_into_failure(struct world *w)
{
    enum cmg_rc rc = CMG_OK;
    for (int i = 0; rc >= CMG_OK; i++) {
        cr_assert_lt(i, 1000, "it did not fail");
        rc = cmg_follow_step(w->f);
    }
    cr_assert_eq(rc, CMG_EIO);
}

Test(restart, a_record_that_met_a_broken_sink_is_not_counted_as_arrived)
{
    BOTH(w)
    {
        struct cmg_error err;
        put_lines(w, "a.log", 0, 20);
        w->fail_at = 7;
        world_start(w);
        run_into_failure(w);
        cr_assert_eq(cmg_follow_save(w->f, &err), CMG_AGAIN);
        world_kill(w);
        world_start(w);
        world_run(w);
        cr_assert(strncmp(w->seen[w->n - 13].raw, line(7), 6) == 0);
        expect_ids_agree(w);
    }
}

Test(restart, a_record_that_met_a_broken_sink_comes_again_when_it_is_mended)
{
    BOTH(w)
    {
        put_lines(w, "a.log", 0, 20);
        w->fail_at = 7;
        world_start(w);
        run_into_failure(w);
        world_run(w);
        expect_lines(w, 0, 20);
    }
}

Test(restart, a_line_in_pieces)
{
    BOTH(w)
    {
        world_start(w);
        put_lines(w, "a.log", 0, 2);
        put(w, "a.log", "Line 2 of ");
        world_pass(w, 2000);
        world_stop(w);
        put(w, "a.log", line(2) + 10);
        world_start(w);
        world_run(w);
        expect_lines(w, 2, 3);
    }
}

/* ---- rotations while nobody looks ---------------------------------------------------------- */

static void rename_once(const struct world *w)
{
    put_lines(w, "a.log", 10, 15);
    move(w, "a.log", "a.lo_");
    put_lines(w, "a.log", 15, 20);
}

static void rename_twice(const struct world *w)
{
    put_lines(w, "a.log", 10, 12);
    move(w, "a.log", "a-20260401-160729.log");
    put_lines(w, "a.log", 12, 14);
    usleep(12000);
    put_lines(w, "a.log", 14, 15);
    move(w, "a.log", "a.lo_");
    put_lines(w, "a.log", 15, 20);
}

static void stamp_many(const struct world *w)
{
    for (int i = 0; i < 5; i++) {
        char name[64];
        snprintf(name, sizeof name, "a-20260401-16072%d.log", i);
        put(w, "a.log", line(10 + i));
        move(w, "a.log", name);
        usleep(12000);
    }
    put_lines(w, "a.log", 15, 20);
}

static void copy_and_empty(const struct world *w)
{
    put_lines(w, "a.log", 10, 15);
    copy(w, "a.log", "a.lo_");
    cut(w, "a.log", 0);
    put_lines(w, "a.log", 15, 20);
}

static void copy_and_empty_over_the_old(const struct world *w)
{
    copy_and_empty(w);
}

static void empty_only(const struct world *w)
{
    cut(w, "a.log", 0);
    put_lines(w, "a.log", 10, 20);
}

static void delete_and_make(const struct world *w)
{
    unlink(at(w, "a.log"));
    put_lines(w, "a.log", 10, 20);
}

static void rename_only(const struct world *w)
{
    put_lines(w, "a.log", 10, 20);
    move(w, "a.log", "a.lo_");
}

static void replace_by_a_longer_copy(const struct world *w)
{
    put_lines(w, "a.log", 10, 20);
    copy(w, "a.log", "a.tmp");
    move(w, "a.tmp", "a.log");
}

Test(restart, rotated_while_nobody_looked)
{
    static void (*const ways[])(const struct world *) = {
        rename_once,
        rename_twice,
        stamp_many,
        copy_and_empty,
        copy_and_empty_over_the_old,
        empty_only,
        delete_and_make,
        rename_only,
        replace_by_a_longer_copy,
    };
    static const char *const patterns[] = {"%s", "%s/*.log", "%s/a.log", "%s/*"};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        for (size_t p = 0; p < sizeof patterns / sizeof *patterns; p++)
            BOTH(w)
            {
                char pattern[64];
                char format[16];
                snprintf(format, sizeof format, "%s", patterns[p] + 2);
                snprintf(pattern, sizeof pattern, "%s%s", w->dir, format);
                w->pattern[0] = pattern;
                world_start(w);
                if (ways[i] == copy_and_empty_over_the_old) {
                    put_lines(w, "a.log", -9, 0);
                    world_run(w);
                    move(w, "a.log", "a.lo_");
                    w->first = 9;
                }
                put_lines(w, "a.log", 0, 10);
                world_pass(w, 2000);
                expect_lines(w, 0, 10);
                if (i % 2)
                    world_stop(w);
                else
                    world_kill(w);
                ways[i](w);
                w->now_ms += 100000;
                world_start(w);
                world_pass(w, 5000);
                cr_assert_eq(w->n - w->first, 10,
                             "way %zu, pattern %s, poll %d: %zu records, the first is %s", i,
                             patterns[p], poll_, w->n - w->first, w->seen[w->first].raw);
                expect_lines(w, 10, 20);
                cr_assert_eq(cmg_follow_stats(w->f)->lost, 0);
                world_stop(w);
                world_start(w);
                world_pass(w, 20000);
                expect_lines(w, 0, 0);
            }
}

Test(restart, an_inode_used_again_is_not_mistaken)
{
    BOTH(w)
    {
        struct stat before, after = {0};
        put_lines(w, "a.log", 0, 10);
        world_start(w);
        world_run(w);
        world_stop(w);
        cr_assert_eq(stat(at(w, "a.log"), &before), 0);
        int tries = 0;
        for (; tries < 100 && after.st_ino != before.st_ino; tries++) {
            unlink(at(w, "a.log"));
            put_lines(w, "a.log", 100, 130); /* longer than the one before */
            cr_assert_eq(stat(at(w, "a.log"), &after), 0);
        }
        if (after.st_ino != before.st_ino)
            fputs("this file system did not use the inode again\n", stderr);
        world_start(w);
        world_pass(w, 1000);
        expect_lines(w, 100, 130);
    }
}

Test(restart, a_deleted_log_is_forgotten)
{
    BOTH(w)
    {
        put_lines(w, "a.log", 0, 10);
        world_start(w);
        world_run(w);
        world_stop(w);
        unlink(at(w, "a.log"));
        world_start(w);
        world_pass(w, 20000);
        cr_assert_eq(cmg_follow_stats(w->f)->files, 0);
        cr_assert_eq(cmg_follow_stats(w->f)->lost, 0);
    }
}

Test(restart, a_loss_is_counted_and_said)
{
    BOTH(w)
    {
        w->ack = false;
        put_lines(w, "a.log", 0, 10);
        world_start(w);
        w->room = 4;
        world_run(w);
        world_kill(w);
        w->room = SIZE_MAX;
        w->ack = true;
        put_lines(w, "a.log", 10, 12); /* more than the checkpoint knows of */
        unlink(at(w, "a.log"));
        world_start(w);
        world_pass(w, 10000);
        cr_assert_eq(w->n, w->first);
        cr_assert_eq(cmg_follow_stats(w->f)->lost, 1);
        cr_assert(strstr(w->note, "before it was read"));
    }
}

Test(restart, logs_of_other_patterns_stay_in_the_checkpoint)
{
    struct world *w = world_new(false);
    char a[64], b[64];
    snprintf(a, sizeof a, "%s/a.log", w->dir);
    snprintf(b, sizeof b, "%s/b.log", w->dir);
    put_lines(w, "a.log", 0, 10);
    put_lines(w, "b.log", 10, 20);
    w->pattern[0] = a;
    world_start(w);
    world_run(w);
    expect_lines(w, 0, 10);
    world_stop(w);
    w->pattern[0] = b;
    world_start(w);
    world_run(w);
    expect_lines(w, 10, 20);
    world_stop(w);
    w->pattern[0] = a;
    put(w, "a.log", line(20));
    world_start(w);
    world_run(w);
    expect_lines(w, 20, 21);
    world_free(w);
}

Test(restart, from_end_counts_only_without_a_checkpoint)
{
    BOTH(w)
    {
        w->o.from_end = true;
        put_lines(w, "a.log", 0, 10);
        put(w, "a.log", "Line 10 of ");
        world_start(w);
        world_run(w);
        expect_lines(w, 0, 0);
        world_stop(w);
        put(w, "a.log", line(10) + 11);
        put_lines(w, "b.log", 11, 15);
        world_start(w);
        world_run(w);
        cr_assert_eq(w->n, 5);
        cr_assert(strncmp(w->seen[w->n - 5].raw, "Line 1", 6) == 0);
        world_stop(w);
        w->o.reset_checkpoint = true;
        world_start(w);
        world_run(w);
        expect_lines(w, 0, 0);
    }
}

/* ---- the checkpoint itself ----------------------------------------------------------------- */

Test(restart, two_at_once_and_a_damaged_one)
{
    struct world *w = world_new(false);
    struct cmg_error err;
    put_lines(w, "a.log", 0, 10);
    world_start(w);
    world_run(w);
    cr_assert_null(cmg_follow_new(&w->o, &err));
    cr_assert(err.rc == CMG_ECONFIG && strstr(err.text, "in use by process"), "%s", err.text);
    world_stop(w);
    cut(w, "checkpoint", 100);
    w->o.corr = cmg_corr_new(0);
    cr_assert_null(cmg_follow_new(&w->o, &err));
    cr_assert(err.rc == CMG_ECONFIG && strstr(err.text, "cut off") &&
                  strcmp(err.source, w->checkpoint) == 0,
              "%s %s", err.source, err.text);
    put_flags(w, "checkpoint", "{\"not\": \"ours\"}\n", O_TRUNC);
    cr_assert_null(cmg_follow_new(&w->o, &err));
    cr_assert(strstr(err.text, "not a checkpoint"), "%s", err.text);
    cmg_corr_free(w->o.corr);
    w->o.reset_checkpoint = true;
    world_start(w);
    world_run(w);
    expect_lines(w, 0, 10);
    world_free(w);
}

static struct cmg_buf read_checkpoint(const struct world *w)
{
    struct cmg_buf b = cmg_buf_init(1 << 22);
    int fd = open(w->checkpoint, O_RDONLY | O_CLOEXEC);
    cr_assert_eq(cmg_buf_reserve(&b, 1 << 21), CMG_OK);
    ssize_t n = read(fd, b.ptr, 1 << 21);
    close(fd);
    cr_assert_gt(n, 0);
    b.len = (size_t)n;
    return b;
}

/* Every state is changed as another build would write it; the offsets stay. */
static void forge_states(const struct world *w)
{
    struct cmg_buf old = read_checkpoint(w), forged = cmg_buf_init(1 << 22);
    struct cmg_saved s;
    struct cmg_error err;
    cr_assert_eq(cmg_saved_parse(cmg_buf_str(&old), &s, &err), CMG_OK);
    cr_assert_eq(cmg_saved_begin(&forged), CMG_OK);
    for (size_t i = 0; i < s.n; i++) {
        s.files[i].state = CMG_LIT("another build");
        if (!i || s.files[i].log.ptr != s.files[i - 1].log.ptr)
            cr_assert_eq(cmg_saved_log(&forged, s.files[i].log), CMG_OK);
        cr_assert_eq(cmg_saved_file(&forged, &s.files[i]), CMG_OK);
    }
    cr_assert_eq(cmg_saved_corr(&forged, cmg_str_of(s.corr, s.corr_len)), CMG_OK);
    cr_assert_eq(cmg_saved_end(&forged), CMG_OK);
    cmg_saved_done(&s);
    int fd = open(w->checkpoint, O_WRONLY | O_TRUNC | O_CLOEXEC);
    cr_assert_eq(write(fd, forged.ptr, forged.len), (ssize_t)forged.len);
    close(fd);
    cmg_buf_done(&old);
    cmg_buf_done(&forged);
}

/* ---- incidents ----------------------------------------------------------------------------- */

#define CANDIDATE                                                                                  \
    "[CCMHTTP] ERROR: "                                                                            \
    "URL=https://cmg.contoso.example/CCM_Proxy_MutualAuth/3456/SMS_MP/.sms_aut?SITESIGNCERT, "     \
    "Port=443, Options=31, Code=0, Text=CCM_E_BAD_HTTP_STATUS_CODE\n"
#define PRIMARY                                                                                    \
    "[CCMHTTP] ERROR INFO: StatusCode=403 StatusText=CMGConnector_Clientcertificaterequired\n"

static const char *const story[] = {
    "first\n", CANDIDATE, "between\n", PRIMARY, "after\n",
    PRIMARY,   CANDIDATE, "more\n",    PRIMARY, "last\n",
};
enum { STORY = sizeof story / sizeof *story };

/* Killed after `kill_at` records, of which the last `late` never arrived: records, roles and
 * incidents are those of a run that was not interrupted. */
static void tell(struct world *w, size_t kill_at, size_t late, bool forge,
                 const struct seen *expect)
{
    world_start(w);
    for (size_t i = 0; i < STORY; i++) {
        if (i == kill_at - late)
            w->ack = false;
        put(w, "a.log", story[i]);
        world_pass(w, 1500);
        if (i + 1 == kill_at) {
            world_kill(w);
            if (forge)
                forge_states(w);
            w->ack = true;
            world_start(w);
            world_pass(w, 1500);
            cr_assert_eq(w->n, kill_at + late, "killed at %zu, %zu late: %zu", kill_at, late, w->n);
        }
    }
    for (size_t i = 0; i < w->n; i++) {
        const struct seen *e = &expect[i < kill_at ? i : i - late], *s = &w->seen[i];
        cr_assert_str_eq(s->raw, e->raw);
        cr_assert_str_eq(s->id, e->id, "killed at %zu, %zu late: %s", kill_at, late, s->raw);
        cr_assert_str_eq(s->incident, e->incident, "killed at %zu, %zu late: %s", kill_at, late,
                         s->raw);
        cr_assert_eq(s->role, e->role, "killed at %zu, %zu late: %s", kill_at, late, s->raw);
    }
    cr_assert_eq(w->n, STORY + late);
}

Test(restart, incidents_are_those_of_an_uninterrupted_run, .timeout = 120)
{
    struct world *whole = world_new(false);
    world_start(whole);
    for (size_t i = 0; i < STORY; i++) {
        put(whole, "a.log", story[i]);
        world_run(whole);
    }
    cr_assert_eq(whole->n, STORY);
    cr_assert_eq(whole->seen[1].role, CMG_ROLE_CANDIDATE);
    cr_assert_eq(whole->seen[3].role, CMG_ROLE_PRIMARY);
    cr_assert_str_eq(whole->seen[3].incident, whole->seen[1].id);
    for (int forge = 0; forge < 2; forge++)
        for (size_t kill_at = 1; kill_at <= STORY; kill_at++)
            for (size_t late = 0; late <= kill_at && late < 4; late++) {
                struct world *w = world_new(false);
                tell(w, kill_at, late, forge, whole->seen);
                world_free(w);
            }
    world_free(whole);
}

Test(restart, an_open_candidate_survives_and_is_promoted_once)
{
    BOTH(w)
    {
        world_start(w);
        put(w, "a.log", "first\n" CANDIDATE);
        world_pass(w, 2000);
        cr_assert_eq(w->n, 2);
        world_stop(w); /* stopping is not the end of the log */
        cr_assert_eq(w->n, 2);
        world_start(w);
        world_pass(w, 119000);
        cr_assert_eq(w->n, 2);
        world_pass(w, 3000);
        cr_assert_eq(w->n, 3, "idle for 120 s: promoted");
        cr_assert_eq(w->seen[2].role, CMG_ROLE_PRIMARY);
        cr_assert_str_eq(w->seen[2].incident, w->seen[1].id);
        w->ack = false;
        world_kill(w); /* saved in time or not: the same id */
        world_start(w);
        world_pass(w, 125000);
        for (size_t i = 3; i < w->n; i++)
            cr_assert_str_eq(w->seen[i].id, w->seen[2].id);
    }
}

Test(restart, an_incident_goes_on_across_a_rotation)
{
    BOTH(w)
    {
        world_start(w);
        put(w, "a.log", CANDIDATE);
        world_pass(w, 1500);
        move(w, "a.log", "a.lo_");
        put(w, "a.log", "first of the next\n" PRIMARY);
        world_pass(w, 1500);
        cr_assert_eq(w->n, 3);
        cr_assert_eq(w->seen[2].role, CMG_ROLE_PRIMARY);
        cr_assert_str_eq(w->seen[2].incident, w->seen[0].id);
    }
}

/* ---- going back ---------------------------------------------------------------------------- */

Test(restart, rewind_hands_out_again_what_did_not_arrive)
{
    BOTH(w)
    {
        struct cmg_error err;
        world_start(w);
        cr_assert_eq(cmg_follow_rewind(w->f, &err), CMG_ECONFIG, "nothing was saved yet");
        put_lines(w, "a.log", 0, 10);
        world_pass(w, 2000);
        w->ack = false;
        put_lines(w, "a.log", 10, 15);
        world_pass(w, 2000);
        move(w, "a.log", "a.lo_");
        put_lines(w, "a.log", 15, 20);
        world_pass(w, 2000);
        move(w, "a.log", "a.lo_"); /* lines 10 to 14 are in a deleted file now */
        put_lines(w, "a.log", 20, 25);
        world_pass(w, 2000);
        expect_lines(w, 0, 25);
        uint64_t old = w->seen[12].cookie;
        w->first = w->n;
        w->ack = true;
        cr_assert_eq(cmg_follow_rewind(w->f, &err), CMG_OK, "%s", err.text);
        cr_assert_not(cmg_follow_ack(w->f, old), "a report of the time before");
        world_pass(w, 10000);
        expect_lines(w, 10, 25);
        cr_assert_eq(cmg_follow_stats(w->f)->lost, 0);
        world_stop(w);
        world_start(w);
        world_pass(w, 2000);
        expect_lines(w, 0, 0);
        expect_ids_agree(w);
    }
}

Test(restart, another_engine_goes_on_where_the_first_was)
{
    struct world *w = world_new(false);
    struct cmg_error err;
    struct cmg_options eo = {.host = CMG_LIT("HOST1"), .now_ns = world_wall};
    struct cmg_engine *second = cmg_engine_new(&eo, &err);
    world_start(w);
    put_lines(w, "a.log", 0, 10);
    put(w, "a.log", "Line 10 of ");
    w->room = 5;
    world_run(w);
    cr_assert_eq(cmg_follow_engine(w->f, second), CMG_AGAIN, "a record waits");
    w->room = SIZE_MAX;
    world_run(w);
    cr_assert_eq(cmg_follow_engine(w->f, second), CMG_OK);
    cmg_engine_free(w->engine);
    w->engine = second;
    put(w, "a.log", line(10) + 11);
    put_lines(w, "a.log", 11, 15);
    world_run(w);
    expect_lines(w, 0, 15);
    world_free(w);
}

/* ---- everything at random ------------------------------------------------------------------ */

struct chaos {
    struct world *w;
    uint64_t seed;
    int lines; /* written */
    int stamps;
    bool half; /* of a line */
};

static unsigned dice(struct chaos *c, unsigned sides)
{
    c->seed = c->seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(c->seed >> 33) % sides;
}

static void ack_some(struct chaos *c, unsigned percent)
{
    for (size_t i = c->w->first; i < c->w->n; i++)
        if (!c->w->seen[i].acked && dice(c, 100) < percent) {
            c->w->seen[i].acked = true;
            cr_assert(cmg_follow_ack(c->w->f, c->w->seen[i].cookie));
        }
}

/* All that was written has arrived and is saved: only then may a log be destroyed. */
static void settle(struct chaos *c)
{
    c->w->room = SIZE_MAX;
    for (int i = 0; i < 8; i++) {
        world_pass(c->w, 500);
        ack_some(c, 100);
    }
}

static void write_lines(struct chaos *c)
{
    for (unsigned n = 1 + dice(c, 6); n; n--) {
        const char *text = line(c->lines);
        size_t split = 10 + dice(c, 20);
        if (c->half) {
            c->half = false;
            continue;
        }
        put_flags(c->w, "a.log", "", O_APPEND);
        int fd = open(at(c->w, "a.log"), O_WRONLY | O_APPEND | O_CLOEXEC);
        cr_assert_eq(write(fd, text, split), (ssize_t)split);
        if (!dice(c, 4))
            for (unsigned k = dice(c, 3); k; k--)
                cr_assert_geq(cmg_follow_step(c->w->f), CMG_OK);
        cr_assert_eq(write(fd, text + split, strlen(text) - split),
                     (ssize_t)(strlen(text) - split));
        close(fd);
        c->lines++;
    }
}

static bool exists(const struct chaos *c, const char *name)
{
    return access(at(c->w, name), F_OK) == 0;
}

static void rotate(struct chaos *c)
{
    char name[64];
    snprintf(name, sizeof name, "a-2026%04d-1607%02d.log", 101 + c->stamps / 60 % 28,
             c->stamps % 60);
    if (!exists(c, "a.log"))
        return;
    switch (dice(c, 4)) {
    case 0:
        usleep(9000);
        move(c->w, "a.log", name);
        c->stamps++;
        break;
    case 1:
        if (exists(c, "a.lo_"))
            settle(c);
        move(c->w, "a.log", "a.lo_");
        break;
    case 2:
        if (exists(c, "a.lo_"))
            settle(c);
        copy(c->w, "a.log", "a.lo_");
        cut(c->w, "a.log", 0);
        break;
    default:
        settle(c);
        unlink(at(c->w, "a.log"));
    }
}

static void judge(const struct chaos *c, uint64_t seed)
{
    const struct world *w = c->w;
    char(*id)[CMG_ID_SIZE] = calloc((size_t)c->lines, sizeof *id);
    cr_assert(id);
    for (size_t i = 0; i < w->n; i++) {
        char *end;
        long n = strtol(w->seen[i].raw + 5, &end, 10);
        cr_assert(strncmp(w->seen[i].raw, "Line ", 5) == 0 && n >= 0 && n < c->lines,
                  "seed %lu: %s", seed, w->seen[i].raw);
        const char *text = line((int)n);
        cr_assert(strncmp(w->seen[i].raw, text, strlen(text) - 1) == 0, "seed %lu: %s", seed,
                  w->seen[i].raw);
        if (!id[n][0])
            memcpy(id[n], w->seen[i].id, CMG_ID_SIZE);
        cr_assert_str_eq(id[n], w->seen[i].id, "seed %lu: %s", seed, w->seen[i].raw);
    }
    for (int i = 0; i < c->lines; i++)
        cr_assert(id[i][0], "seed %lu: line %d never came", seed, i);
    free(id);
}

static void act(struct chaos *c)
{
    struct world *w = c->w;
    unsigned what = dice(c, 100);
    if (what < 40) {
        write_lines(c);
    } else if (what < 50) {
        rotate(c);
    } else if (what < 60) {
        ack_some(c, 30 + dice(c, 71));
    } else if (what < 65) {
        w->room = dice(c, 20);
    } else if (what < 75) {
        w->room = SIZE_MAX;
    } else if (what < 82) {
        world_kill(w);
        w->now_ms += dice(c, 5000);
        world_start(w);
    } else if (what < 90) {
        world_pass(w, dice(c, 2500));
    } else {
        cr_assert_geq(cmg_follow_step(w->f), CMG_OK);
    }
}

static void run_chaos(uint64_t seed, int acts)
{
    struct chaos c = {.w = world_new(seed % 2), .seed = seed};
    c.w->ack = false;
    c.w->o.save_ms = 1 + dice(&c, 1500);
    world_start(c.w);
    for (int i = 0; i < acts; i++)
        act(&c);
    settle(&c);
    judge(&c, seed);
    cr_assert_eq(cmg_follow_stats(c.w->f)->lost, 0, "seed %lu", seed);
    world_free(c.w);
}

/* CMG_CHAOS_SEED=N runs that one alone, CMG_CHAOS=N so many of them. */
Test(restart, everything_at_random, .timeout = 3600)
{
    const char *one = getenv("CMG_CHAOS_SEED"), *many = getenv("CMG_CHAOS");
    uint64_t from = one ? strtoull(one, NULL, 10) : 1, n = one    ? 1
                                                           : many ? strtoull(many, NULL, 10)
                                                                  : 40;
    for (uint64_t seed = from; seed < from + n; seed++)
        run_chaos(seed, 250);
}
