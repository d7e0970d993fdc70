/* SPDX-License-Identifier: Apache-2.0
 * Working memory that a stream lends to decoders whose texts do not stand in the record as they are
 * meant: entities of XML, escapes of JSON, a message put together of an event's data. Valid until
 * the stream's next record. It holds nothing that the next record depends on. */
#ifndef CMG_DECODERS_ROOM_H
#define CMG_DECODERS_ROOM_H

#include "core/buf.h"

struct cmg_xml;

struct cmg_room {
    struct cmg_buf text, message;
    struct cmg_xml *xml; /* xml.h; made when it is first needed */
};

static inline struct cmg_room cmg_room_init(size_t max_record)
{
    enum { TIMES = 4, EXTRA = 8192 };
    return (struct cmg_room){.text = cmg_buf_init(TIMES * max_record + EXTRA),
                             .message = cmg_buf_init(TIMES * max_record + EXTRA)};
}

void cmg_room_done(struct cmg_room *r);
/* Makes ready for a record of `len` bytes, so that decoding it allocates nothing. CMG_ENOMEM: as it
 * was. */
CMG_MUST_USE enum cmg_rc cmg_room_ready(struct cmg_room *r, size_t len);

/* Copies behind what is in `text`. An empty slice when it does not fit: never moves what is there.
 */
cmg_str cmg_room_add(struct cmg_room *r, cmg_str s);
cmg_str cmg_room_lower(struct cmg_room *r, cmg_str s);

#endif
