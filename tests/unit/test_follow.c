/* SPDX-License-Identifier: Apache-2.0
 * Following: growth, every way of rotating, idle time-outs, a full sink. Each with inotify and with
 * polling. */
#include "tests/follow_world.h"

#include "sources/follow_int.h"

#define BOTH(w)                                                                                    \
    for (int poll_ = 0; poll_ < 2; poll_++)                                                        \
        for (struct world *w = world_new(poll_); w; world_free(w), w = NULL)

/* ---- growth -------------------------------------------------------------------------------- */

static void append(char *to, size_t size, const char *text)
{
    size_t n = strlen(to);
    cr_assert_lt(n + strlen(text), size);
    memcpy(to + n, text, strlen(text) + 1);
}

Test(follow, from_the_beginning_and_on)
{
    BOTH(w)
    {
        put_lines(w, "a.log", 0, 50);
        world_start(w);
        world_run(w);
        expect_lines(w, 0, 50);
        put_lines(w, "a.log", 50, 60);
        world_pass(w, 1000);
        expect_lines(w, 0, 60);
        for (int i = 60; i < 70; i++) {
            put(w, "a.log", line(i));
            world_pass(w, 1000);
        }
        expect_lines(w, 0, 70);
        cr_assert_str_eq(w->seen[0].path, at(w, "a.log"));
        cr_assert(cmg_follow_at_end(w->f));
    }
}

Test(follow, inotify_needs_no_clock)
{
    struct world *w = world_new(false);
    world_start(w);
    world_run(w);
    for (int i = 0; i < 20; i++) { /* the clock stands still */
        put(w, "a.log", line(i));
        world_run(w);
        cr_assert_eq(w->n, (size_t)i + 1);
    }
    cr_assert_geq(cmg_follow_fd(w->f), 0);
    cr_assert_eq(cmg_follow_stats(w->f)->watched, 1);
    cr_assert_gt(cmg_follow_wait(w->f), 0);
    world_free(w);
}

Test(follow, large_file_in_pieces)
{
    struct world *w = world_new(false);
    FILE *f = fopen(at(w, "a.log"), "w");
    for (int i = 0; i < 10000; i++)
        fputs(line(i), f);
    fclose(f);
    world_start(w);
    world_run(w);
    expect_lines(w, 0, 10000);
    world_free(w);
}

Test(follow, a_line_in_pieces_waits_for_its_end)
{
    BOTH(w)
    {
        world_start(w);
        put(w, "a.log", "first half, ");
        world_pass(w, 3000);
        cr_assert_eq(w->n, 0);
        put(w, "a.log", "second half\nnext");
        world_pass(w, 1000);
        cr_assert_eq(w->n, 1);
        cr_assert_str_eq(w->seen[0].raw, "first half, second half");
        cr_assert_not(w->seen[0].problems & CMG_P_PARTIAL_TAIL);
    }
}

Test(follow, after_the_time_out_it_is_released_and_marked)
{
    BOTH(w)
    {
        w->o.idle_ms = 3000;
        world_start(w);
        put(w, "a.log", "whole\nhalf a li");
        world_pass(w, 1000);
        cr_assert_eq(w->n, 1);
        world_pass(w, 2000);
        cr_assert_eq(w->n, 1);
        world_pass(w, 500);
        cr_assert_eq(w->n, 2);
        cr_assert_str_eq(w->seen[1].raw, "half a li");
        cr_assert(w->seen[1].problems & CMG_P_PARTIAL_TAIL);
        cr_assert_eq(cmg_follow_stats(w->f)->partial, 1);
        world_pass(w, 60000);
        cr_assert_eq(w->n, 2);
        put(w, "a.log", "ne\nafter\n");
        world_pass(w, 1500);
        cr_assert_eq(w->n, 4);
        cr_assert_str_eq(w->seen[2].raw, "ne");
        cr_assert_str_eq(w->seen[3].raw, "after");
    }
}

Test(follow, files_that_come_later_and_folders_too)
{
    BOTH(w)
    {
        char deep[128];
        snprintf(deep, sizeof deep, "%s/site*/logs/*.log", w->dir);
        w->pattern[1] = deep;
        w->o.patterns = 2;
        world_start(w);
        world_run(w);
        put_lines(w, "b.log", 0, 5);
        put_lines(w, "b.txt", 0, 5);
        world_pass(w, 1000);
        put_lines(w, "b.LOG", 5, 6);
        world_pass(w, 1000);
        cr_assert_eq(mkdir(at(w, "site1"), 0755), 0);
        cr_assert_eq(mkdir(at(w, "site1/logs"), 0755), 0);
        put_lines(w, "site1/logs/c.log", 6, 9);
        world_pass(w, 11000); /* folders by pattern are looked for by the sweep */
        expect_lines(w, 0, 9);
        put_lines(w, "site1/logs/c.log", 9, 10);
        world_pass(w, 1000);
        expect_lines(w, 0, 10);
        remove_tree(at(w, "site1"));
        world_pass(w, 15000);
        cr_assert_eq(mkdir(at(w, "site1"), 0755), 0);
        cr_assert_eq(mkdir(at(w, "site1/logs"), 0755), 0);
        put_lines(w, "site1/logs/c.log", 10, 12);
        world_pass(w, 11000);
        expect_lines(w, 0, 12);
    }
}

Test(follow, a_name_with_wildcards_in_it_and_names_that_are_no_files)
{
    BOTH(w)
    {
        char literal[128], folder[128];
        snprintf(literal, sizeof literal, "%s/[x] a*.txt", w->dir);
        snprintf(folder, sizeof folder, "%s/f.log", w->dir);
        w->pattern[1] = literal;
        w->pattern[2] = literal;
        w->o.patterns = 3;
        cr_assert_eq(mkdir(folder, 0755), 0);
        cr_assert_eq(mkfifo(at(w, "fifo.log"), 0644), 0);
        cr_assert_eq(symlink("[x] a*.txt", at(w, "dangling.log.x")), 0);
        put_lines(w, "[x] a*.txt", 0, 5);
        world_start(w);
        world_run(w);
        expect_lines(w, 0, 5);
    }
}

Test(follow, one_folder_by_two_names_is_one)
{
    BOTH(w)
    {
        char link[64];
        snprintf(link, sizeof link, "%s.link", w->dir);
        cr_assert_eq(symlink(w->dir, link), 0);
        w->pattern[1] = link;
        w->o.patterns = 2;
        put_lines(w, "a.log", 0, 5);
        world_start(w);
        world_pass(w, 12000);
        expect_lines(w, 0, 5);
        unlink(link);
    }
}

Test(follow, the_checkpoint_is_no_log)
{
    BOTH(w)
    {
        char all[64];
        snprintf(all, sizeof all, "%s/*", w->dir);
        w->pattern[0] = all;
        put_lines(w, "checkpoint.a", 0, 5);
        world_start(w);
        world_pass(w, 5000);
        expect_lines(w, 0, 5);
        cr_assert_gt(cmg_follow_stats(w->f)->saves, 0);
    }
}

Test(follow, from_end_skips_what_is_there)
{
    BOTH(w)
    {
        char all[2000] = "";
        w->o.from_end = true;
        put_lines(w, "a.lo_", 100, 110);
        put_lines(w, "a.log", 0, 10);
        put(w, "a.log", "Line 10 of "); /* its end comes later */
        world_start(w);
        world_pass(w, 10000);
        cr_assert_eq(w->n, 0);
        cr_assert_eq(cmg_follow_stats(w->f)->open, 0);
        put(w, "a.log", line(10) + 11);
        put_lines(w, "a.log", 11, 13);
        world_pass(w, 1000);
        put_lines(w, "b.log", 13, 15);
        world_pass(w, 1000);
        expect_lines(w, 10, 15);
        for (int i = 0; i < 13; i++)
            append(all, sizeof all, line(i));
        struct cmg_corr *c = cmg_corr_new(1 << 16);
        struct cmg_origin o = {.host = CMG_LIT("HOST1")};
        struct cmg_stream *s = cmg_stream_new(w->engine, c, &o);
        struct cmg_record r;
        cr_assert_eq(cmg_stream_feed(s, cmg_str_c(all)), CMG_OK);
        for (int i = 0; cmg_stream_next(s, &r) == CMG_OK; i++)
            if (i >= 10)
                cr_assert_str_eq(w->seen[i - 10].id, r.id, "%d", i);
        cmg_stream_free(s);
        cmg_corr_free(c);
    }
}

/* ---- rotation ------------------------------------------------------------------------------ */

Test(follow, renamed_to_lo)
{
    BOTH(w)
    {
        world_start(w);
        for (int g = 0; g < 5; g++) { /* from the second time on, over the one before */
            put_lines(w, "a.log", 10 * g, 10 * g + 4);
            world_pass(w, 1000);
            put_lines(w, "a.log", 10 * g + 4, 10 * g + 8); /* not read yet when it is renamed */
            move(w, "a.log", "a.lo_");
            put_lines(w, "a.log", 10 * g + 8, 10 * g + 10);
            world_pass(w, 1000);
            expect_lines(w, 0, 10 * g + 10);
        }
        for (size_t i = 0; i < w->n; i++)
            cr_assert_str_eq(w->seen[i].path, at(w, "a.log"));
        cr_assert_eq(cmg_follow_stats(w->f)->lost, 0);
    }
}

Test(follow, renamed_with_a_stamp_many_times_between_two_looks)
{
    BOTH(w)
    {
        world_start(w);
        put_lines(w, "a.log", 0, 3);
        world_pass(w, 1000);
        for (int g = 0; g < 5; g++) {
            char name[64];
            snprintf(name, sizeof name, "a-20260401-16072%d.log", g);
            put_lines(w, "a.log", 10 * g + 3, 10 * g + 10);
            move(w, "a.log", name);
            put_lines(w, "a.log", 10 * g + 10, 10 * g + 13);
            usleep(12000); /* the generations differ by their time of writing */
        }
        world_pass(w, 1000);
        expect_lines(w, 0, 53);
        cr_assert_str_eq(w->seen[20].path, at(w, "a.log"));
    }
}

Test(follow, copied_and_emptied)
{
    BOTH(w)
    {
        world_start(w);
        for (int g = 0; g < 4; g++) {
            put_lines(w, "a.log", 20 * g, 20 * g + 7);
            world_pass(w, 1000);
            put_lines(w, "a.log", 20 * g + 7,
                      20 * g + 15); /* only in the copy when it is looked at */
            copy(w, "a.log", "a.lo_");
            cut(w, "a.log", 0);
            put_lines(w, "a.log", 20 * g + 15, 20 * g + 20);
            world_pass(w, 2000);
            expect_lines(w, 0, 20 * g + 20);
        }
        cr_assert_eq(cmg_follow_stats(w->f)->emptied, 4);
        cr_assert_eq(cmg_follow_stats(w->f)->lost, 0);
        expect_unique(w);
    }
}

Test(follow, copied_and_emptied_one_look_at_each_step)
{
    BOTH(w)
    {
        world_start(w);
        for (int g = 0; g < 3; g++) {
            put_lines(w, "a.log", 20 * g, 20 * g + 15);
            world_pass(w, 1000);
            copy(w, "a.log", "a.lo_");
            world_pass(w, 1000);
            put_lines(w, "a.log", 20 * g + 15,
                      20 * g + 16); /* lost by every program that copies: not by this one */
            world_pass(w, 1000);
            cut(w, "a.log", 0);
            world_pass(w, 1000);
            put_lines(w, "a.log", 20 * g + 16, 20 * g + 20);
            world_pass(w, 1000);
            expect_lines(w, 0, 20 * g + 20);
        }
        expect_unique(w);
    }
}

Test(follow, a_copy_that_is_being_made)
{
    BOTH(w)
    {
        char half[400] = "";
        world_start(w);
        put_lines(w, "a.log", 0, 20);
        world_pass(w, 1000);
        for (int i = 0; i < 4; i++)
            append(half, sizeof half, line(i));
        put(w, "a.lo_", half);
        world_pass(w, 1000);
        copy(w, "a.log", "a.lo_");
        world_pass(w, 1000);
        cut(w, "a.log", 0);
        put_lines(w, "a.log", 20, 25);
        world_pass(w, 1000);
        expect_lines(w, 0, 25);
    }
}

Test(follow, emptied_without_a_copy)
{
    BOTH(w)
    {
        world_start(w);
        put_lines(w, "a.log", 0, 10);
        put(w, "a.log", "Line 10 of the log"); /* its end will never come */
        world_pass(w, 1000);
        cut(w, "a.log", 0);
        put_lines(w, "a.log", 11, 15);
        world_pass(w, 3000);
        cr_assert_eq(w->n, 15);
        cr_assert_str_eq(w->seen[10].raw, "Line 10 of the log");
        cr_assert(strncmp(w->seen[11].raw, "Line 11", 7) == 0);
        cr_assert_eq(cmg_follow_stats(w->f)->lost, 0);
    }
}

Test(follow, deleted_and_made_anew)
{
    BOTH(w)
    {
        world_start(w);
        for (int g = 0; g < 4; g++) {
            put_lines(w, "a.log", 10 * g, 10 * g + 10);
            world_pass(w, 1000);
            unlink(at(w, "a.log"));
            if (g % 2)
                world_pass(w, 1000);
        }
        put_lines(w, "a.log", 40, 41); /* smaller than before, very likely in the same inode */
        world_pass(w, 1000);
        expect_lines(w, 0, 41);
        world_pass(w, 300000);
        cr_assert_leq(cmg_follow_stats(w->f)->files, 1, "deleted files are forgotten");
        cr_assert_eq(cmg_follow_stats(w->f)->open, 0, "and closed");
    }
}

Test(follow, a_file_that_loses_its_end)
{
    BOTH(w)
    {
        size_t n = strlen(line(0));
        world_start(w);
        for (int i = 0; i < 10; i++)
            put(w, "a.log", line(i));
        world_pass(w, 1000);
        struct stat st;
        cr_assert_eq(stat(at(w, "a.log"), &st), 0);
        cut(w, "a.log", st.st_size - 2 * (off_t)n);
        world_pass(w, 1000);
        expect_lines(w, 0, 10);
        put(w, "a.log", "\n");
        put_lines(w, "a.log", 10, 12);
        world_pass(w, 1000);
        cr_assert_geq(w->n, 12);
        cr_assert(strncmp(w->seen[w->n - 2].raw, "Line 10", 7) == 0);
        cr_assert(strncmp(w->seen[w->n - 1].raw, "Line 11", 7) == 0);
        cr_assert_eq(cmg_follow_stats(w->f)->shrunk, 1);
        expect_unique(w);
    }
}

Test(follow, a_record_across_the_rename_stays_whole)
{
    BOTH(w)
    {
        world_start(w);
        put_lines(w, "a.log", 0, 3);
        put(w, "a.log", "Line 3 of the log, ");
        world_pass(w, 1000);
        int fd = open(at(w, "a.log"), O_WRONLY | O_APPEND | O_CLOEXEC); /* the writer holds it */
        move(w, "a.log", "a.lo_");
        put_lines(w, "a.log", 4, 6);
        world_pass(w, 500);
        const char *rest = line(3) + 19;
        cr_assert_eq(write(fd, rest, strlen(rest)), (ssize_t)strlen(rest));
        world_pass(w, 1500);
        expect_lines(w, 0, 6);
        cr_assert_eq(write(fd, line(6), strlen(line(6))), (ssize_t)strlen(line(6)));
        close(fd);
        world_pass(w, 1500); /* a late one: out of order, but not lost */
        expect_lines(w, 0, 7);
    }
}

Test(follow, what_is_written_to_a_deleted_file_is_read)
{
    BOTH(w)
    {
        world_start(w);
        put_lines(w, "a.log", 0, 3);
        world_pass(w, 1000);
        int fd = open(at(w, "a.log"), O_WRONLY | O_APPEND | O_CLOEXEC);
        put_lines(w, "a.log", 3, 5);
        unlink(at(w, "a.log"));
        world_pass(w, 1000);
        expect_lines(w, 0, 5);
        cr_assert_eq(write(fd, line(5), strlen(line(5))), (ssize_t)strlen(line(5)));
        close(fd);
        world_pass(w, 20000);
        expect_lines(w, 0, 6);
        cr_assert_eq(cmg_follow_stats(w->f)->open, 0);
        cr_assert_eq(cmg_follow_stats(w->f)->files, 0);
    }
}

Test(follow, older_generations_at_the_start_come_first)
{
    BOTH(w)
    {
        put_lines(w, "a-20260401-160729.log", 0, 5);
        usleep(12000);
        put_lines(w, "a-20260402-160729.log", 5, 10);
        usleep(12000);
        put_lines(w, "A.LO_", 10, 15);
        usleep(12000);
        put_lines(w, "a.log", 15, 20);
        world_start(w);
        world_pass(w, 1000);
        expect_lines(w, 0, 20);
        for (size_t i = 0; i < w->n; i++)
            cr_assert_str_eq(w->seen[i].path, at(w, "a.log"));
    }
}

Test(follow, an_older_generation_that_no_pattern_names_is_left_alone)
{
    BOTH(w)
    {
        char only[64];
        snprintf(only, sizeof only, "%s/a.log", w->dir);
        w->pattern[0] = only;
        put_lines(w, "a.lo_", 100, 105);
        put_lines(w, "a-20260402-160729.log", 105, 110);
        usleep(12000);
        put_lines(w, "a.log", 0, 5);
        world_start(w);
        world_pass(w, 12000);
        expect_lines(w, 0, 5);
        move(w, "a.log", "a.lo_"); /* this one is known */
        put_lines(w, "a.lo_", 5, 7);
        put_lines(w, "a.log", 7, 9);
        world_pass(w, 1000);
        expect_lines(w, 0, 9);
    }
}

Test(follow, a_hard_link_while_rotating)
{
    BOTH(w)
    {
        world_start(w);
        put_lines(w, "a.log", 0, 5);
        world_pass(w, 1000);
        cr_assert_eq(link(at(w, "a.log"), at(w, "a.lo_")), 0);
        world_pass(w, 1000);
        put_lines(w, "a.log", 5, 7);
        world_pass(w, 1000);
        unlink(at(w, "a.log"));
        put_lines(w, "a.log", 7, 9);
        world_pass(w, 1000);
        expect_lines(w, 0, 9);
    }
}

Test(follow, ids_are_those_of_the_whole_generation)
{
    BOTH(w)
    {
        char first[1000] = "", second[1000] = "";
        for (int i = 0; i < 8; i++) {
            append(first, sizeof first, line(i));
            append(second, sizeof second, line(i + 8));
        }
        world_start(w);
        for (int i = 0; i < 6; i++) {
            put(w, "a.log", line(i));
            world_pass(w, 1000);
        }
        put_lines(w, "a.log", 6, 8);
        move(w, "a.log", "a.lo_");
        put(w, "a.log", second);
        world_pass(w, 1000);
        size_t i = 0;
        expect_ids(w, &i, first);
        expect_ids(w, &i, second);
        cr_assert_eq(i, w->n);
    }
}

/* ---- a full sink --------------------------------------------------------------------------- */

Test(follow, a_full_sink_stops_reading_and_loses_nothing)
{
    BOTH(w)
    {
        put_lines(w, "a.log", 0, 100);
        w->room = 10;
        world_start(w);
        world_run(w);
        cr_assert_eq(w->n, 10);
        cr_assert(cmg_follow_blocked(w->f));
        cr_assert_gt(cmg_follow_wait(w->f), 0, "no busy loop");
        uint64_t bytes = cmg_follow_stats(w->f)->bytes;
        put_lines(w, "a.log", 100, 200);
        world_pass(w, 10000);
        cr_assert_eq(w->n, 10);
        cr_assert_eq(cmg_follow_stats(w->f)->bytes, bytes);
        for (int i = 0; i < 5; i++) {
            w->room = 7;
            world_pass(w, 500);
        }
        cr_assert_eq(w->n, 45);
        w->room = SIZE_MAX;
        world_pass(w, 1000);
        expect_lines(w, 0, 200);
    }
}

Test(follow, rotations_while_the_sink_is_full)
{
    BOTH(w)
    {
        put_lines(w, "a.log", 0, 10);
        w->room = 5;
        world_start(w);
        world_run(w);
        for (int g = 1; g < 5; g++) { /* three of them are overwritten before they are read */
            put_lines(w, "a.log", 20 * g - 10, 20 * g);
            world_pass(w, 1000);
            move(w, "a.log", "a.lo_");
            put_lines(w, "a.log", 20 * g, 20 * g + 10);
            world_pass(w, 1000);
        }
        cr_assert_eq(w->n, 5);
        w->room = SIZE_MAX;
        world_pass(w, 3000);
        expect_lines(w, 0, 90);
        world_pass(w, 60000);
        cr_assert_eq(cmg_follow_stats(w->f)->open, 0);
        cr_assert_eq(cmg_follow_stats(w->f)->lost, 0);
    }
}

/* ---- many files ---------------------------------------------------------------------------- */

Test(follow, many_files_share_handles_streams_and_time)
{
    static const int counts[] = {CMG_FOLLOW_OPEN_MAX - 1, CMG_FOLLOW_OPEN_MAX,
                                 CMG_FOLLOW_OPEN_MAX + 1, 600};
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        struct world *w = world_new(false);
        char name[32];
        for (int i = 0; i < counts[k]; i++) {
            snprintf(name, sizeof name, "log%03d.log", i);
            put_lines(w, name, 10 * i, 10 * i + 10);
        }
        world_start(w);
        world_run(w);
        cr_assert_eq(w->n, (size_t)counts[k] * 10);
        const struct cmg_follow_stats *s = cmg_follow_stats(w->f);
        cr_assert_leq(s->open, CMG_FOLLOW_OPEN_MAX);
        cr_assert_leq(w->f->n_streams, CMG_FOLLOW_STREAMS_MAX);
        cr_assert_eq(s->files, (uint64_t)counts[k]);
        cr_assert_eq(s->watched, 1);
        world_pass(w, 130000);
        cr_assert_eq(cmg_follow_stats(w->f)->open, 0, "idle files are closed");
        cr_assert_eq(w->f->n_streams, 0);
        for (int i = 0; i < counts[k]; i++) {
            snprintf(name, sizeof name, "log%03d.log", i);
            put_lines(w, name, i, i + 1);
        }
        world_pass(w, 250);
        cr_assert_eq(w->n, (size_t)counts[k] * 11);
        world_free(w);
    }
}

Test(follow, a_large_log_does_not_starve_a_small_one)
{
    struct world *w = world_new(false);
    FILE *f = fopen(at(w, "large.log"), "w");
    for (int i = 0; i < 15000; i++)
        fputs(line(i), f);
    fclose(f);
    put(w, "small.log", "the small one\n");
    world_start(w);
    while (w->n < 15001) {
        cr_assert_geq(cmg_follow_step(w->f), CMG_OK);
    }
    size_t where = 0;
    while (strcmp(w->seen[where].raw, "the small one") != 0)
        where++;
    cr_assert_lt(where, 1500);
    world_free(w);
}

Test(follow, idle_logs_are_left_in_peace)
{
    BOTH(w)
    {
        char name[32];
        for (int i = 0; i < 50; i++) {
            snprintf(name, sizeof name, "log%03d.log", i);
            put_lines(w, name, 0, 2);
        }
        world_start(w);
        world_pass(w, 300000);
        int waits = 0;
        for (int64_t end = w->now_ms + 100000; w->now_ms < end; waits++) {
            int ms = cmg_follow_wait(w->f);
            cr_assert_gt(ms, 0);
            w->now_ms += ms;
            cr_assert_eq(cmg_follow_step(w->f), CMG_AGAIN);
        }
        cr_assert_leq(waits, poll_ ? 111 : 11, "%d wake-ups in 100 s", waits);
    }
}
