/* SPDX-License-Identifier: Apache-2.0
 * The hash in any registers is the library's own, at every length that takes another way. */
#include "core/hash.h"

#include <criterion/criterion.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static void check(struct cmg_hash got, const char *text, size_t len)
{
    XXH128_hash_t want = XXH3_128bits(text, len);
    cr_assert(got.high == want.high64 && got.low == want.low64, "length %zu", len);
}

Test(hash, every_way_gives_the_same)
{
    static char text[5000];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(i * 2654435761u >> 24);
    for (size_t len = 0; len < sizeof text; len += len < 1100 ? 1 : 97) {
        check(cmg_hash128(cmg_str_of(text + len % 7, len - len % 7)), text + len % 7,
              len - len % 7);
#ifdef __x86_64__
        if (__builtin_cpu_supports("avx2"))
            check(cmg_hash128_avx2(cmg_str_of(text, len)), text, len);
#endif
    }
}
