/* SPDX-License-Identifier: Apache-2.0
 * Many logs on one way: the streams of (host, path), a capped table in which the one idle longest
 * makes room. */
#ifndef CMG_CORE_STREAMS_H
#define CMG_CORE_STREAMS_H

#include "cmgpipe.h"

enum { CMG_STREAMS_DEFAULT = 1024 };

/* `most` 0: CMG_STREAMS_DEFAULT. NULL: no memory. */
CMG_MUST_USE struct cmg_streams *cmg_streams_new(const struct cmg_engine *e, struct cmg_corr *c,
                                                 size_t most);
void cmg_streams_free(struct cmg_streams *t);

/* The stream of that log, made when there is none; `now_ns` is when it was last used. *ret_leaving:
 * a stream that made room, already told that its input has ended: the caller drains and frees it
 * (NULL: none). NULL: no memory. */
CMG_MUST_USE struct cmg_stream *cmg_streams_get(struct cmg_streams *t, const struct cmg_origin *o,
                                                int64_t now_ns, struct cmg_stream **ret_leaving);
/* Its number, which stays the same until another stream takes its place. */
size_t cmg_streams_last(const struct cmg_streams *t);
/* The `i`-th stream and when it was last used; NULL past the last. */
struct cmg_stream *cmg_streams_at(struct cmg_streams *t, size_t i, int64_t *ret_used_ns);
uint64_t cmg_streams_evictions(const struct cmg_streams *t);

#endif
