/* SPDX-License-Identifier: Apache-2.0
 * Frames in, records out: each line to the stream of its own log. */
#include "sources/demux.h"

#include "core/jsonread.h"
#include "core/streams.h"

#include <stdlib.h>

enum { SENDER_MAX = 1024 };

struct cmg_demux {
    struct cmg_demux_options opt;
    struct cmg_peeler peeler;
    struct cmg_demux_stats stats;
    struct cmg_streams *streams;
    int64_t now_ns;
    struct cmg_stream *leaving; /* made room; drained before anything else, then freed */
    struct cmg_stream *current; /* was fed */
    size_t idle_at; /* streams before it have been asked to let go; SIZE_MAX: nothing to do */
    int64_t idle_before_ns;
    struct cmg_buf array; /* a JSON array, of which `at` is the next element; empty: none */
    size_t at;
    struct cmg_buf sender;
};

struct cmg_demux *cmg_demux_new(const struct cmg_demux_options *opt)
{
    struct cmg_demux *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->opt = *opt;
    d->peeler = cmg_peeler_init(CMG_DEMUX_FRAME_MAX);
    d->array = cmg_buf_init(CMG_DEMUX_FRAME_MAX);
    d->sender = cmg_buf_init(SENDER_MAX);
    d->idle_at = SIZE_MAX;
    d->streams = cmg_streams_new(opt->engine, opt->corr, opt->streams);
    if (!d->streams) {
        cmg_demux_free(d);
        return NULL;
    }
    return d;
}

void cmg_demux_free(struct cmg_demux *d)
{
    if (!d)
        return;
    cmg_stream_free(d->leaving);
    cmg_streams_free(d->streams);
    cmg_peeler_done(&d->peeler);
    cmg_buf_done(&d->array);
    cmg_buf_done(&d->sender);
    free(d);
}

const struct cmg_demux_stats *cmg_demux_stats(const struct cmg_demux *d)
{
    return &d->stats;
}

/* ---- frames in ---------------------------------------------------------------------------------
 */

static enum cmg_rc feed(const struct cmg_envelope *e, struct cmg_stream *s)
{
    cmg_stream_at(s, e->has_offset ? e->offset : UINT64_MAX, e->has_time ? e->time_ns : 0);
    enum cmg_rc rc = cmg_stream_feed(s, e->text);
    if (rc == CMG_OK && !e->more && !cmg_str_ends(e->text, CMG_LIT("\n")))
        rc = cmg_stream_feed(s, CMG_LIT("\n"));
    return rc;
}

static enum cmg_rc one(struct cmg_demux *d, cmg_str frame)
{
    struct cmg_envelope e;
    enum cmg_rc rc = cmg_envelope_peel(&d->peeler, frame, d->now_ns, d->opt.options, &e);
    if (rc != CMG_OK)
        return rc;
    d->stats.wrapped += e.depth > 0;
    d->current = cmg_streams_get(d->streams, e.host.len ? e.host : cmg_buf_str(&d->sender),
                                 e.path.len ? e.path : d->opt.path, d->now_ns, &d->leaving);
    return d->current ? feed(&e, d->current) : CMG_ENOMEM;
}

static bool is_array_of_objects(cmg_str frame)
{
    struct cmg_json_value v, k, first;
    size_t end;
    if (!frame.len || frame.ptr[0] != '[' || !cmg_json_read(frame, &v, &end) || end != frame.len)
        return false;
    struct cmg_json_walk w = cmg_json_walk(v.raw);
    return cmg_json_next(&w, &k, &first) && first.type == CMG_JSON_OBJECT;
}

enum cmg_rc cmg_demux_frame(struct cmg_demux *d, cmg_str frame, cmg_str host, int64_t now_ns)
{
    if (d->leaving || d->current || d->array.len)
        return CMG_AGAIN;
    d->now_ns = now_ns;
    d->sender.len = 0;
    enum cmg_rc rc = cmg_buf_add(&d->sender, cmg_str_head(host, d->sender.cap));
    if (rc != CMG_OK)
        return rc;
    d->stats.frames++;
    d->stats.bytes += frame.len;
    if (frame.len > CMG_DEMUX_FRAME_MAX) {
        d->stats.truncated++;
        frame.len = CMG_DEMUX_FRAME_MAX;
    }
    cmg_str trimmed = cmg_str_trim(frame);
    if (!is_array_of_objects(trimmed))
        return one(d, frame);
    d->at = 1;
    return cmg_buf_add(&d->array, trimmed);
}

/* ---- records out -------------------------------------------------------------------------------
 */

static void add_stats(struct cmg_stream_stats *to, const struct cmg_stream_stats *n)
{
    to->bytes_in += n->bytes_in;
    to->bytes_records += n->bytes_records;
    to->bytes_skipped += n->bytes_skipped;
    to->records += n->records;
    to->skips += n->skips;
    to->undecoded += n->undecoded;
    to->truncated += n->truncated;
    to->promoted += n->promoted;
    to->findings += n->findings;
    to->primaries += n->primaries;
}

/* The next element of the array, if there is one. */
static enum cmg_rc next_element(struct cmg_demux *d)
{
    struct cmg_json_value k, v;
    struct cmg_json_walk w = cmg_json_walk(cmg_buf_str(&d->array));
    w.at = d->at;
    w.first = d->at == 1;
    if (!cmg_json_next(&w, &k, &v)) {
        d->array.len = 0;
        return CMG_AGAIN;
    }
    d->at = w.at;
    return one(d, v.raw);
}

static enum cmg_rc next_idle(struct cmg_demux *d)
{
    int64_t used_ns;
    struct cmg_stream *s;
    while (d->idle_at != SIZE_MAX && (s = cmg_streams_at(d->streams, d->idle_at, &used_ns))) {
        d->idle_at++;
        if (used_ns < d->idle_before_ns) {
            cmg_stream_idle(s);
            d->current = s;
            return CMG_OK;
        }
    }
    d->idle_at = SIZE_MAX;
    return CMG_AGAIN;
}

enum cmg_rc cmg_demux_next(struct cmg_demux *d, struct cmg_record *ret)
{
    for (enum cmg_rc rc = CMG_OK; rc == CMG_OK;) {
        struct cmg_stream *s = d->leaving ? d->leaving : d->current;
        rc = s ? cmg_stream_next(s, ret) : CMG_AGAIN;
        if (rc != CMG_AGAIN)
            return rc;
        if (d->leaving) {
            add_stats(&d->stats.gone, cmg_stream_stats(d->leaving));
            d->stats.evicted++;
            cmg_stream_free(d->leaving);
            d->leaving = NULL;
            rc = CMG_OK;
            continue;
        }
        d->current = NULL;
        rc = d->array.len ? next_element(d) : next_idle(d);
        if (rc < 0)
            return rc;
    }
    return CMG_AGAIN;
}

void cmg_demux_idle(struct cmg_demux *d, int64_t before_ns)
{
    d->idle_before_ns = before_ns;
    d->idle_at = 0;
}
