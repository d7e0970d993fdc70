/* SPDX-License-Identifier: Apache-2.0
 * The hash in registers twice as wide. Only this file is compiled with -mavx2: whoever calls it has
 * asked the processor. */
#include "core/hash.h"

#ifdef __AVX2__
#define XXH_INLINE_ALL
#include <xxhash.h>

struct cmg_hash cmg_hash128_avx2(cmg_str s)
{
    XXH128_hash_t h = XXH3_128bits(s.ptr, s.len);
    return (struct cmg_hash){h.high64, h.low64};
}
#endif
