/* SPDX-License-Identifier: Apache-2.0
 * The same as test_json.c, on words instead of registers: what other processors get. The object of
 * the library is not linked, since everything it would give is here. */
#define CMG_PORTABLE 1
#include "core/json.c"            // NOLINT(bugprone-suspicious-include)
#include "tests/unit/test_json.c" // NOLINT(bugprone-suspicious-include)
