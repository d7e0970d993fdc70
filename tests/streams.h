/* SPDX-License-Identifier: Apache-2.0
 * Running bytes through a stream in a given way of cutting, for tests and fuzz targets. */
#ifndef CMG_TESTS_STREAMS_H
#define CMG_TESTS_STREAMS_H

#include "core/buf.h"

#include <stdlib.h>

static inline int64_t fixed_clock(void *user)
{
    (void)user;
    return INT64_C(1790000000) * 1000000000;
}

/* Everything that came out, as JSON lines, and the stream's counters. */
struct run {
    struct cmg_buf json;
    struct cmg_stream_stats stats;
    uint64_t sum_lengths, next_offset;
    bool gap; /* a record did not begin at or behind the end of the one before it */
};

static inline void run_drain(struct cmg_stream *s, struct run *r)
{
    struct cmg_record rec;
    while (cmg_stream_next(s, &rec) == CMG_OK) {
        if (rec.length && rec.offset < r->next_offset)
            r->gap = true;
        if (rec.length)
            r->next_offset = rec.offset + rec.length;
        r->sum_lengths += rec.length;
        if (cmg_record_to_json(&rec, &r->json) != CMG_OK)
            abort();
    }
}

/* Feeds `in` in pieces whose sizes come from `cut` in turn (0 pieces: whole). */
static inline struct run run_cut(const struct cmg_engine *e, cmg_str in, const uint8_t *cut,
                                 size_t cuts)
{
    struct run r = {.json = cmg_buf_init((size_t)1 << 30)};
    struct cmg_corr *c = cmg_corr_new(0);
    struct cmg_origin o = {.path = cmg_str_c("a.log")};
    struct cmg_stream *s = cmg_stream_new(e, c, &o);
    if (!c || !s)
        abort();
    for (size_t at = 0, i = 0; at < in.len; i++) {
        size_t n = cuts ? cut[i % cuts] : in.len;
        n = n ? n : 1;
        n = n < in.len - at ? n : in.len - at;
        if (cmg_stream_feed(s, cmg_str_cut(in, at, at + n)) != CMG_OK)
            abort();
        at += n;
        run_drain(s, &r);
    }
    cmg_stream_end(s);
    run_drain(s, &r);
    r.stats = *cmg_stream_stats(s);
    cmg_stream_free(s);
    cmg_corr_free(c);
    return r;
}

#endif
