/* SPDX-License-Identifier: Apache-2.0
 * A file or pipe that may hold a log as it is, or the lines of logs in a forwarder's wrappers. The
 * first line that is not blank decides for all of it. */
#ifndef CMG_SOURCES_UNWRAP_H
#define CMG_SOURCES_UNWRAP_H

#include "cmgpipe.h"

enum { CMG_UNWRAP_LOOK = 64 << 10, CMG_UNWRAP_LINE = 4 << 20 };

struct cmg_unwrap_options {
    const struct cmg_engine *engine;
    const struct cmg_options *options; /* for times without year or offset; may be NULL */
    struct cmg_corr *corr;
    cmg_str host, path;
};

/* Strings are copied. NULL: no memory. */
CMG_MUST_USE struct cmg_unwrap *cmg_unwrap_new(const struct cmg_unwrap_options *opt);
void cmg_unwrap_free(struct cmg_unwrap *w);
/* As cmg_stream_room and cmg_stream_fed. Drain cmg_unwrap_next first. */
CMG_MUST_USE char *cmg_unwrap_room(struct cmg_unwrap *w, size_t want);
void cmg_unwrap_fed(struct cmg_unwrap *w, size_t n, int64_t now_ns);
/* As those of a stream. */
CMG_MUST_USE enum cmg_rc cmg_unwrap_next(struct cmg_unwrap *w, struct cmg_record *ret);
void cmg_unwrap_idle(struct cmg_unwrap *w);
void cmg_unwrap_end(struct cmg_unwrap *w);
void cmg_unwrap_stats(const struct cmg_unwrap *w, struct cmg_stream_stats *ret);

#endif
