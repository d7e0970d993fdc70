/* SPDX-License-Identifier: Apache-2.0
 * The same as test_json.c, as on a processor that has no more than the first x86-64. */
#define CMG_NO_AVX2 1
#include "core/json.c"            // NOLINT(bugprone-suspicious-include)
#include "tests/unit/test_json.c" // NOLINT(bugprone-suspicious-include)
