/* SPDX-License-Identifier: Apache-2.0
 * Recognising files: names of rotated logs, first bytes, and the window of acknowledgements. */
#include "sources/acks.h"
#include "sources/identity.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- names --------------------------------------------------------------------------------- */

Test(identity, names_of_rotated_logs)
{
    static const struct {
        const char *name, *log; /* NULL: not a rotated log */
    } rows[] = {
        {"PolicyAgent.lo_", "PolicyAgent.log"},
        {"PolicyAgent.LO_", "PolicyAgent.LOG"},
        {"PolicyAgent.Lo_", "PolicyAgent.LOG"},
        {"SMSProv.log_", "SMSProv.log"},
        {"SMSProv.LOG_", "SMSProv.LOG"},
        {"AppWorkload-20260401-160729.log", "AppWorkload.log"},
        {"AppWorkload-20260401-160729.LOG", "AppWorkload.LOG"},
        {"a-b-20260401-160729.log", "a-b.log"},
        {"x.lo_", "x.log"},
        {"AppWorkload.log", NULL},
        {"AppWorkload-20260401-160729.lo", NULL},
        {"AppWorkload-20260401-160729", NULL},
        {"AppWorkload-20261301-160729.log", NULL},
        {"AppWorkload-20260001-160729.log", NULL},
        {"AppWorkload-20260432-160729.log", NULL},
        {"AppWorkload-20260400-160729.log", NULL},
        {"AppWorkload-20260401-240729.log", NULL},
        {"AppWorkload-20260401-166029.log", NULL},
        {"AppWorkload-20260401-160760.log", NULL},
        {"AppWorkload-20260401x160729.log", NULL},
        {"AppWorkload_20260401-160729.log", NULL},
        {"AppWorkload-2026o401-160729.log", NULL},
        {"-20260401-160729.log", NULL},
        {".lo_", NULL},
        {".log_", NULL},
        {"", NULL},
        {"lo_", NULL},
        {"u_ex260401.log", NULL},
        {"ccmsetup.log.LastError", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char log[CMG_NAME_SIZE] = "";
        bool yes = cmg_rotated_from(cmg_str_c(rows[i].name), log);
        cr_assert_eq(yes, rows[i].log != NULL, "%s", rows[i].name);
        if (yes)
            cr_assert_str_eq(log, rows[i].log, "%s", rows[i].name);
    }
}

Test(identity, longest_name)
{
    for (int over = -1; over <= 1; over++) {
        char name[CMG_NAME_SIZE + 2], log[CMG_NAME_SIZE];
        int len = CMG_NAME_SIZE - 1 + over;
        size_t n = (size_t)len;
        memset(name, 'a', n);
        memcpy(name + n - 4, ".lo_", 4);
        cr_assert_eq(cmg_rotated_from(cmg_str_of(name, n), log), over <= 0, "%d", over);
    }
}

/* ---- first bytes --------------------------------------------------------------------------- */

static struct cmg_look look_of(uint64_t ino, const char *fill, size_t n)
{
    struct cmg_look l = {.dev = 1, .ino = ino, .size = n};
    l.head_len = (uint32_t)(n < CMG_HEAD_MAX ? n : CMG_HEAD_MAX);
    for (size_t i = 0; i < l.head_len; i++)
        l.head[i] = (unsigned char)fill[i % strlen(fill)];
    return l;
}

Test(identity, a_file_that_grew_shrank_or_changed)
{
    static const struct {
        size_t before, after;
        const char *fill;
        bool with_head;
        enum cmg_likeness expect;
    } rows[] = {
        {100, 100, "abc", true, CMG_SAME},    {100, 500, "abc", true, CMG_SAME},
        {1023, 4000, "abc", false, CMG_SAME}, {1024, 4000, "abc", false, CMG_SAME},
        {1025, 4000, "abc", false, CMG_SAME}, {0, 100, "abc", true, CMG_SAME},
        {0, 0, "abc", true, CMG_SAME},        {100, 99, "abc", true, CMG_SHRUNK},
        {100, 99, "abc", false, CMG_OTHER},   {100, 0, "abc", true, CMG_OTHER},
        {100, 100, "abd", true, CMG_OTHER},   {100, 500, "abd", true, CMG_OTHER},
        {100, 50, "abd", true, CMG_OTHER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cmg_look before = look_of(7, "abc", rows[i].before),
                        after = look_of(7, rows[i].fill, rows[i].after);
        struct cmg_identity id = cmg_identity_of(&before);
        const unsigned char *head = rows[i].with_head ? before.head : NULL;
        cr_assert_eq(cmg_identity_like(&id, head, &after), rows[i].expect, "row %zu", i);
    }
}

Test(identity, a_copy_needs_enough_bytes)
{
    static const struct {
        size_t head, copy;
        bool expect;
    } rows[] = {
        {CMG_HEAD_ALONE_MIN - 1, 1000, false},
        {CMG_HEAD_ALONE_MIN, 1000, true},
        {CMG_HEAD_ALONE_MIN + 1, 1000, true},
        {CMG_HEAD_ALONE_MIN - 1, CMG_HEAD_ALONE_MIN - 1, true},
        {100, 100, true},
        {100, 101, false},
        {100, 99, false},
        {0, 0, false},
        {0, 1000, false},
        {1024, 1023, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cmg_look a = look_of(7, "abc", rows[i].head), b = look_of(8, "abc", rows[i].copy);
        struct cmg_identity id = cmg_identity_of(&a);
        cr_assert_eq(cmg_identity_copy(&id, rows[i].head, &b), rows[i].expect, "row %zu", i);
    }
    struct cmg_look a = look_of(7, "abc", 1024), b = look_of(8, "abd", 1024);
    struct cmg_identity id = cmg_identity_of(&a);
    cr_assert_not(cmg_identity_copy(&id, 1024, &b));
}

Test(identity, only_regular_files)
{
    static const char *const not_files[] = {"/", "/dev/null"};
    struct cmg_look look;
    for (size_t i = 0; i < sizeof not_files / sizeof *not_files; i++) {
        int fd = open(not_files[i], O_RDONLY | O_CLOEXEC);
        cr_assert_geq(fd, 0);
        cr_assert_not(cmg_look_at(fd, &look), "%s", not_files[i]);
        close(fd);
    }
    cr_assert_not(cmg_look_at(-1, &look));
}

Test(identity, dates_that_do_not_fit_are_clipped)
{
    static const int64_t seconds[] = {0,
                                      1,
                                      -1,
                                      1790000000,
                                      INT64_C(9223372035),
                                      INT64_C(9223372036),
                                      INT64_C(9223372037),
                                      INT64_MAX,
                                      INT64_MIN};
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) {
        struct stat st = {.st_mtim = {.tv_sec = seconds[i], .tv_nsec = 999999999}};
        int64_t ns = cmg_mtime_ns(&st);
        if (seconds[i] > -9223372035 && seconds[i] < 9223372035)
            cr_assert_eq(ns, seconds[i] * 1000000000 + 999999999);
        else
            cr_assert_eq(ns > 0, seconds[i] > 0);
    }
}

/* ---- acknowledgements ---------------------------------------------------------------------- */

Test(acks, any_order_gives_the_first_gap)
{
    enum { N = 20000 };
    static bool done[N];
    struct cmg_acks a = {0};
    uint64_t seed = 1;
    for (uint64_t i = 0; i < N; i++)
        cr_assert_eq(cmg_acks_add(&a), CMG_OK);
    for (size_t left = N; left;) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        uint64_t c = (seed >> 33) % N;
        cr_assert_eq(cmg_acks_done(&a, c), !done[c]);
        left -= !done[c];
        done[c] = true;
        if (left % 512 == 0) {
            uint64_t first = 0;
            while (first < N && done[first])
                first++;
            cr_assert_eq(a.first, first);
        }
    }
    cr_assert_eq(a.first, N);
    cmg_acks_free(&a);
}

Test(acks, what_is_not_out_is_ignored)
{
    struct cmg_acks a = {0};
    cr_assert_not(cmg_acks_done(&a, 0));
    cr_assert_eq(cmg_acks_add(&a), CMG_OK);
    cr_assert_eq(cmg_acks_add(&a), CMG_OK);
    cr_assert_not(cmg_acks_done(&a, 2));
    cr_assert_not(cmg_acks_done(&a, UINT64_MAX));
    cr_assert(cmg_acks_done(&a, 1));
    cr_assert_not(cmg_acks_done(&a, 1));
    cr_assert_eq(a.first, 0);
    cr_assert(cmg_acks_done(&a, 0));
    cr_assert_not(cmg_acks_done(&a, 0));
    cr_assert_eq(a.first, 2);
    cr_assert_eq(cmg_acks_add(&a), CMG_OK);
    cmg_acks_undo(&a);
    cr_assert_eq(a.next, 2);
    cr_assert_not(cmg_acks_done(&a, 2));
    for (int i = 0; i < 10000; i++) /* once around the ring, and further than it was */
        cr_assert_eq(cmg_acks_add(&a), CMG_OK);
    cr_assert(cmg_acks_done(&a, 5000));
    cmg_acks_forget(&a);
    cr_assert_eq(a.first, a.next);
    cr_assert_not(cmg_acks_done(&a, 5001));
    cr_assert_eq(cmg_acks_add(&a), CMG_OK);
    cr_assert(cmg_acks_done(&a, a.next - 1));
    cmg_acks_free(&a);
}

Test(acks, the_cap)
{
    struct cmg_acks a = {0};
    for (int i = 0; i < CMG_ACKS_MAX - 1; i++)
        if (cmg_acks_add(&a) != CMG_OK)
            cr_assert_fail("refused at %d", i);
    cr_assert_eq(cmg_acks_add(&a), CMG_OK);
    cr_assert_eq(cmg_acks_add(&a), CMG_ELIMIT);
    cr_assert(cmg_acks_done(&a, 0));
    cr_assert_eq(cmg_acks_add(&a), CMG_OK);
    cr_assert_eq(cmg_acks_add(&a), CMG_ELIMIT);
    cmg_acks_free(&a);
}
