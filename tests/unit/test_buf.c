/* SPDX-License-Identifier: Apache-2.0
 * Capped buffers: the cap is exact, and a call that fails changes nothing. */
#include "core/buf.h"

#include <criterion/criterion.h>

Test(buf, the_cap_is_exact)
{
    static const size_t caps[] = {1, 2, 255, 256, 257, 1000, 4096, 65536};
    for (size_t i = 0; i < sizeof caps / sizeof caps[0]; i++)
        for (int d = -1; d <= 1; d++) {
            struct cmg_buf b = cmg_buf_init(caps[i]);
            size_t want = caps[i] + (size_t)d;
            cr_assert_eq(cmg_buf_reserve(&b, want), d > 0 ? CMG_ELIMIT : CMG_OK, "cap %zu, %d",
                         caps[i], d);
            cr_assert_eq(b.len, 0);
            cr_assert(b.size <= caps[i], "cap %zu", caps[i]);
            cr_assert(d > 0 ? b.ptr == NULL : b.size >= want);
            cmg_buf_done(&b);
        }
}

Test(buf, one_byte_at_a_time_up_to_the_cap)
{
    struct cmg_buf b = cmg_buf_init(1000);
    for (int i = 0; i < 1000; i++) {
        char c = (char)(i * 7);
        cr_assert_eq(cmg_buf_add(&b, cmg_str_of(&c, 1)), CMG_OK);
        cr_assert_eq(b.len, (size_t)i + 1);
    }
    struct cmg_buf before = b;
    cr_assert_eq(cmg_buf_add(&b, CMG_LIT("x")), CMG_ELIMIT);
    cr_assert_eq(memcmp(&before, &b, sizeof b), 0);
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(b.ptr[i], (char)(i * 7));
    cmg_buf_done(&b);
}

Test(buf, growing_is_geometric)
{
    struct cmg_buf b = cmg_buf_init(1 << 20);
    size_t grown = 0, size = 0;
    while (cmg_buf_add(&b, CMG_LIT("0123456789")) == CMG_OK) {
        grown += b.size != size;
        size = b.size;
    }
    cr_assert(grown <= 14, "%zu times", grown);
    cmg_buf_done(&b);
}

Test(buf, sizes_that_overflow_are_refused)
{
    struct cmg_buf b = cmg_buf_init(SIZE_MAX);
    cr_assert_eq(cmg_buf_add(&b, CMG_LIT("0123456789")), CMG_OK);
    cr_assert_eq(cmg_buf_reserve(&b, SIZE_MAX), CMG_ELIMIT);
    cr_assert_eq(cmg_buf_reserve(&b, SIZE_MAX - 9), CMG_ELIMIT);
    cr_assert(cmg_str_eq(cmg_buf_str(&b), CMG_LIT("0123456789")));
    cmg_buf_done(&b);
}

Test(buf, nothing_is_fine)
{
    struct cmg_buf b = cmg_buf_init(0);
    cr_assert_eq(cmg_buf_add(&b, cmg_str_of(NULL, 0)), CMG_OK);
    cr_assert_eq(cmg_buf_reserve(&b, 0), CMG_OK);
    cr_assert_eq(cmg_buf_reserve(&b, 1), CMG_ELIMIT);
    cmg_buf_done(&b);
    cmg_buf_done(&b);
    cmg_buf_done(NULL);
}

Test(buf, done_leaves_a_buffer_that_can_be_used_again)
{
    struct cmg_buf b = cmg_buf_init(10);
    cr_assert_eq(cmg_buf_add(&b, CMG_LIT("abc")), CMG_OK);
    cmg_buf_done(&b);
    cr_assert_eq(b.len, 0);
    cr_assert_eq(cmg_buf_add(&b, CMG_LIT("0123456789")), CMG_OK);
    cr_assert_eq(cmg_buf_add(&b, CMG_LIT("x")), CMG_ELIMIT);
    cmg_buf_done(&b);
}
