/* SPDX-License-Identifier: Apache-2.0
 * What was known before a chunk was decoded, so that the host's repeat of it gives the same
 * records.
 *
 * Between an attempt and its repeat other chunks may pass. The repeat is decoded with the memory of
 * before its first attempt, and afterwards the present one is back. */
#ifndef CMG_PLUGIN_RETRY_H
#define CMG_PLUGIN_RETRY_H

#include "plugin/settings.h"

enum { CMG_RETRY_CHUNKS = 8 };

/* The correlation table of a moment, and the state of each stream that the chunk touches. */
struct cmg_past {
    uint64_t chunk; /* hash; 0: free */
    uint64_t used;  /* the one used longest ago makes room */
    struct cmg_buf corr, states;
};

struct cmg_retry {
    struct cmg_past past[CMG_RETRY_CHUNKS];
    struct cmg_past present; /* kept while the past is in use */
    struct cmg_past *current;
    bool repeat;
    uint64_t clock, dropped, evictions;
};

void cmg_retry_init(struct cmg_retry *r, size_t corr_bytes);
void cmg_retry_done(struct cmg_retry *r);

/* Before a chunk. CMG_ENOMEM: do not decode it now. */
CMG_MUST_USE enum cmg_rc cmg_retry_begin(struct cmg_retry *r, struct cmg_flb *f, uint64_t chunk);
/* A stream is about to decode an event of this chunk; `key` is the log's name. To be given to
 * cmg_flb as `touch`. */
CMG_MUST_USE enum cmg_rc cmg_retry_touch(void *retry, struct cmg_stream *s, uint64_t key);
/* After it. `settled`: the host will not bring it again. */
void cmg_retry_end(struct cmg_retry *r, struct cmg_flb *f, bool settled);

#endif
