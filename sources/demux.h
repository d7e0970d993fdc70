/* SPDX-License-Identifier: Apache-2.0
 * One connection, many logs: frames of an aggregator are peeled and each line goes to the stream of
 * its own host and path, so that two hosts on one socket never share a record, a format or an
 * incident. */
#ifndef CMG_SOURCES_DEMUX_H
#define CMG_SOURCES_DEMUX_H

#include "sources/envelope.h"

enum { CMG_DEMUX_FRAME_MAX = 4 << 20 };

struct cmg_demux_options {
    const struct cmg_engine *engine;
    const struct cmg_options *options; /* for times without year or offset */
    struct cmg_corr *corr;
    cmg_str path;   /* of frames that name none: "syslog+udp://127.0.0.1:5514" */
    size_t streams; /* most logs at once, 0: CMG_STREAMS_DEFAULT; the one idle longest makes room */
};

struct cmg_demux_stats {
    uint64_t frames, bytes, wrapped, evicted, truncated;
    uint64_t repaired;            /* UTF-16 that somebody had taken for bytes */
    struct cmg_stream_stats gone; /* of streams that made room */
};

CMG_MUST_USE struct cmg_demux *cmg_demux_new(const struct cmg_demux_options *opt);
void cmg_demux_free(struct cmg_demux *d);

/* One frame: a line, a datagram, a message; a JSON array of objects counts as that many. Copied.
 * `host`: who sent it, for a frame that names nobody (may be empty). Drain cmg_demux_next first:
 * CMG_AGAIN when that was not done. */
CMG_MUST_USE enum cmg_rc cmg_demux_frame(struct cmg_demux *d, cmg_str frame, cmg_str host,
                                         int64_t now_ns);
/* The same from somebody who knows more of it. */
struct cmg_sender {
    cmg_str host, path; /* for a frame that names none; path empty: that of the options */
    cmg_str tag;        /* put behind such a path, as a frame's own program is: "PATH#TAG" */
    bool cut;           /* only the frame's beginning came: its records are marked truncated */
    uint64_t peer;      /* the connection, 0: none; keeps lines without any origin apart */
};
CMG_MUST_USE enum cmg_rc cmg_demux_from(struct cmg_demux *d, cmg_str frame,
                                        const struct cmg_sender *from, int64_t now_ns);
/* Are bytes of the frames numbered `first` to `last` (stats.frames counts them from 1) that `peer`
 * sent still in a record that is not complete? Where several peers wrote to one log: possibly. */
bool cmg_demux_holds(const struct cmg_demux *d, uint64_t peer, uint64_t first, uint64_t last);
/* Logs without a line since `before_ns` release the record they hold; their incidents stay open. */
void cmg_demux_flush(struct cmg_demux *d, int64_t before_ns);
/* The counters of all streams. */
void cmg_demux_sum(const struct cmg_demux *d, struct cmg_stream_stats *ret);
/* The next record, as cmg_stream_next. */
CMG_MUST_USE enum cmg_rc cmg_demux_next(struct cmg_demux *d, struct cmg_record *ret);
/* Logs without a line since `before_ns` let go of what they hold; INT64_MAX: all, the input has
 * ended. Their records come from cmg_demux_next. */
void cmg_demux_idle(struct cmg_demux *d, int64_t before_ns);
const struct cmg_demux_stats *cmg_demux_stats(const struct cmg_demux *d);

#endif
