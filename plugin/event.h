/* SPDX-License-Identifier: Apache-2.0
 * Fluent Bit's log events, as they stand in a chunk: msgpack of [[time, metadata], body], or [time,
 * body] from hosts and inputs before 2.1. No Fluent Bit header is needed to read them. */
#ifndef CMG_PLUGIN_EVENT_H
#define CMG_PLUGIN_EVENT_H

#include "core/msgpack.h"

struct cmg_flb_event {
    cmg_str whole;    /* the event as it stands */
    cmg_str metadata; /* a map; empty in the old form */
    cmg_str body;     /* a map */
    int64_t time_ns;
};

/* The next object of a chunk; *rest moves behind it. False: the end, or what follows is no msgpack.
 * *ret_is_event: false for group markers and anything else that must be passed on as it stands. */
CMG_MUST_USE bool cmg_flb_next(cmg_str *rest, struct cmg_flb_event *ret, bool *ret_is_event);
/* Appends the head of an event: what stands before its body. `metadata` empty: an empty map. */
CMG_MUST_USE enum cmg_rc cmg_flb_head(struct cmg_buf *out, int64_t time_ns, cmg_str metadata);
/* The text or binary value of a key of the body; empty: none. */
cmg_str cmg_flb_text(cmg_str body, cmg_str key);

/* Appends the body of a decoded record: our fields, and what the event had beside them. `ours` is
 * the map of cmg_record_to_msgpack(). "@timestamp" is left out, since the event's time says it and
 * outputs add it themselves. A field of the event that would collide with one of ours moves into a
 * map "fluentbit". `source`: the key whose text was decoded, left out unless `keep`. `prefix` is
 * put before each of our names. */
CMG_MUST_USE enum cmg_rc cmg_flb_merge(struct cmg_buf *out, cmg_str ours, cmg_str body,
                                       cmg_str source, bool keep, cmg_str prefix);
/* Appends a msgpack object as JSON text. Keys that are no texts become their JSON; binary data is
 * read as text. CMG_ELIMIT: nested deeper than 32. */
CMG_MUST_USE enum cmg_rc cmg_flb_json(struct cmg_buf *out, cmg_str object);

#endif
