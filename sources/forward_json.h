/* SPDX-License-Identifier: Apache-2.0
 * An event of the forward protocol as JSON, which is what the envelopes are read from. */
#ifndef CMG_SOURCES_FORWARD_JSON_H
#define CMG_SOURCES_FORWARD_JSON_H

#include "core/buf.h"

/* `map` is one msgpack map; "date" with `time_ns` (0: none) is put behind its members. Bytes that
 * are no UTF-8 stay as they are: who decodes the log's text knows what to make of them. CMG_EIO: it
 * is no sound map, or too deep. Nothing is appended unless CMG_OK. */
CMG_MUST_USE enum cmg_rc cmg_forward_json(struct cmg_buf *out, cmg_str map, int64_t time_ns);

#endif
