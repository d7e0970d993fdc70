/* SPDX-License-Identifier: Apache-2.0
 * The hash for any processor, and the choice between the two. */
#include "core/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { SHORT = 240 /* up to here XXH3 works on words alone */ };

struct cmg_hash cmg_hash128(cmg_str s)
{
#ifdef __x86_64__
    if (s.len > SHORT && __builtin_cpu_supports("avx2"))
        return cmg_hash128_avx2(s);
#endif
    XXH128_hash_t h = XXH3_128bits(s.ptr, s.len);
    return (struct cmg_hash){h.high64, h.low64};
}
