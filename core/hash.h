/* SPDX-License-Identifier: Apache-2.0
 * The 128-bit hash of event.id: XXH3, whose value is the same on every machine and in every version
 * since 0.8.0. */
#ifndef CMG_CORE_HASH_H
#define CMG_CORE_HASH_H

#include "core/str.h"

struct cmg_hash {
    uint64_t high, low;
};

struct cmg_hash cmg_hash128(cmg_str s);

/* The same for a processor with AVX2, in an object of its own since it is compiled for one. */
struct cmg_hash cmg_hash128_avx2(cmg_str s);

#endif
