/* SPDX-License-Identifier: Apache-2.0
 * The search for error numbers as a processor without vectors runs it. */
#define CMG_PORTABLE
#include "tests/unit/test_codes_work.c" /* NOLINT(bugprone-suspicious-include): see above */
