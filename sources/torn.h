/* SPDX-License-Identifier: Apache-2.0
 * UTF-16 that a forwarder took for bytes: a NUL beside every letter, and, behind the first line,
 * the other half of the line feed in front. */
#ifndef CMG_SOURCES_TORN_H
#define CMG_SOURCES_TORN_H

#include "core/buf.h"

/* Is the line such text? Three of four letters must have their NUL. */
bool cmg_torn(cmg_str line);
/* Appends it as UTF-8, without the half of a line end on either side. `bytes` is room to work in.
 */
CMG_MUST_USE enum cmg_rc cmg_mend(cmg_str line, struct cmg_buf *bytes, struct cmg_buf *out);

#endif
