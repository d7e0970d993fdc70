/* SPDX-License-Identifier: Apache-2.0
 * Offsets from UTC for logs that write local times: --timezone.
 *
 * A named zone is a matter of the C library, and so of the process: one zone at a time. Asking is
 * safe from any thread, opening is not. */
#ifndef CMG_CLI_TZ_H
#define CMG_CLI_TZ_H

#include "core/str.h"

/* Is it UTC, Z, local, an offset (+02:00, +0200, +02), or a zone that this machine knows? */
bool cmg_tz_check(cmg_str zone);
/* Makes `zone`, which cmg_tz_check has approved, the zone of cmg_tz_offset. */
CMG_MUST_USE enum cmg_rc cmg_tz_open(const char *zone);
/* For cmg_options.utc_offset: minutes east of UTC of a local time. An hour that the clock shows
 * twice is the first of the two; a time that it skips is read by the offset before the gap. The
 * same answer every time. */
int cmg_tz_offset(void *user, int64_t local_seconds);

#endif
