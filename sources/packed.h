/* SPDX-License-Identifier: Apache-2.0
 * Bytes as text, with nothing said about zeros: "16/4:ff01". For the checkpoint. */
#ifndef CMG_SOURCES_PACKED_H
#define CMG_SOURCES_PACKED_H

#include "core/buf.h"

CMG_MUST_USE enum cmg_rc cmg_pack(struct cmg_buf *out, cmg_str bytes);
/* How many bytes `packed` stands for; false: it is no such text, or stands for more than `most`. */
CMG_MUST_USE bool cmg_packed_len(cmg_str packed, size_t most, size_t *ret);
/* Into `out`, which has room for them. False: malformed; what `out` holds is then undefined. */
CMG_MUST_USE bool cmg_unpack(cmg_str packed, char *out, size_t len);

/* A decimal number of at most 20 digits without a leading zero, off the front of *s. */
CMG_MUST_USE bool cmg_take_number(cmg_str *s, uint64_t *ret);
CMG_MUST_USE enum cmg_rc cmg_add_number(struct cmg_buf *out, uint64_t n);

#endif
