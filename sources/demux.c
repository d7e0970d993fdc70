/* SPDX-License-Identifier: Apache-2.0
 * Frames in, records out: each line to the stream of its own log. */
#include "sources/demux.h"

#include "core/jsonread.h"
#include "core/streams.h"
#include "sources/torn.h"

#include <stdlib.h>

enum { SENDER_MAX = 1024, PATH_MAX_BYTES = 4096, TAG_MAX = 512 };

/* What is known of a stream beside itself. Places are counts of the bytes fed to it. */
struct mark {
    uint64_t cut_from, cut_to; /* a frame of which only the beginning came; equal: none */
    uint64_t first, last;      /* frames whose bytes it holds; 0: none */
    uint64_t peer;             /* who sent them, UINT64_MAX: several */
};

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
    struct cmg_buf sender, path, bytes, whole;
    bool cut;      /* the frame at hand */
    bool flushing; /* idle streams release records only */
    uint64_t peer;
    struct mark *mark; /* one a stream, in the order of the table */
    size_t marks;
    struct mark *at_mark; /* of `current` */
    uint64_t fed_from;    /* bytes that `current` had been fed before the frame at hand */
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
    d->path = cmg_buf_init(PATH_MAX_BYTES + TAG_MAX + 1);
    d->bytes = cmg_buf_init(CMG_DEMUX_FRAME_MAX + 1);
    d->whole = cmg_buf_init(CMG_DEMUX_FRAME_MAX + CMG_DEMUX_FRAME_MAX / 2);
    d->idle_at = SIZE_MAX;
    d->marks = opt->streams ? opt->streams : CMG_STREAMS_DEFAULT;
    d->mark = calloc(d->marks, sizeof *d->mark);
    d->streams = cmg_streams_new(opt->engine, opt->corr, opt->streams);
    if (!d->streams || !d->mark) {
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
    cmg_buf_done(&d->path);
    cmg_buf_done(&d->bytes);
    cmg_buf_done(&d->whole);
    free(d->mark);
    free(d);
}

const struct cmg_demux_stats *cmg_demux_stats(const struct cmg_demux *d)
{
    return &d->stats;
}

/* ---- frames in ----------------------------------------------------------------------------- */

static enum cmg_rc feed(const struct cmg_envelope *e, struct cmg_stream *s, cmg_str text)
{
    cmg_stream_at(s, e->has_offset ? e->offset : UINT64_MAX, e->has_time ? e->time_ns : 0);
    enum cmg_rc rc = cmg_stream_feed(s, text);
    if (rc == CMG_OK && !e->more && !cmg_str_ends(text, CMG_LIT("\n")))
        rc = cmg_stream_feed(s, CMG_LIT("\n"));
    return rc;
}

/* The log of a line whose wrapper names no path: the input, and the program or tag, so that two
 * logs that one host sends on one way stay apart. */
static enum cmg_rc choose_path(struct cmg_demux *d, const struct cmg_envelope *e,
                               const struct cmg_sender *from, cmg_str *ret)
{
    cmg_str tag = cmg_str_head(from->tag.len ? from->tag : e->program, TAG_MAX);
    cmg_str base = cmg_str_head(from->path.len ? from->path : d->opt.path, PATH_MAX_BYTES);
    *ret = e->path.len ? e->path : base;
    if (e->path.len || !tag.len || !from->path.len || base.ptr == d->path.ptr)
        return CMG_OK;
    d->path.len = 0;
    enum cmg_rc rc = cmg_buf_add(&d->path, base);
    if (rc == CMG_OK)
        rc = cmg_buf_add(&d->path, CMG_LIT("#"));
    if (rc == CMG_OK)
        rc = cmg_buf_add(&d->path, tag);
    *ret = cmg_buf_str(&d->path);
    return rc;
}

static uint64_t fed(const struct cmg_stream *s)
{
    return cmg_stream_stats(s)->bytes_in;
}

static uint64_t released(const struct cmg_stream *s)
{
    const struct cmg_stream_stats *n = cmg_stream_stats(s);
    return n->bytes_records + n->bytes_skipped;
}

/* A line that names no origin belongs to its connection: two of them that share one address are two
 * logs, and the halves of their records must not meet. */
static void find_stream(struct cmg_demux *d, const struct cmg_envelope *e,
                        const struct cmg_sender *from, cmg_str path)
{
    struct cmg_stream *leaving = NULL;
    bool named = e->host.len || e->path.len || e->program.len || from->tag.len;
    const struct cmg_origin o = {.host = e->host.len ? e->host : cmg_buf_str(&d->sender),
                                 .path = path,
                                 .apart = named ? 0 : d->peer};
    d->current = cmg_streams_get(d->streams, &o, d->now_ns, &leaving);
    d->leaving = leaving;
    if (!d->current)
        return;
    d->at_mark = &d->mark[cmg_streams_last(d->streams)];
    d->fed_from = fed(d->current);
    if (!d->fed_from)
        *d->at_mark = (struct mark){0};
}

/* Until the stream says otherwise, it holds what it has just been fed. */
static void note_feed(struct cmg_demux *d)
{
    struct mark *m = d->at_mark;
    if (d->cut && m->cut_to <= d->fed_from)
        m->cut_from = d->fed_from;
    if (d->cut)
        m->cut_to = fed(d->current);
    m->peer = m->first && m->peer != d->peer ? UINT64_MAX : d->peer;
    if (!m->first)
        m->first = d->stats.frames;
    m->last = d->stats.frames;
}

static enum cmg_rc one(struct cmg_demux *d, cmg_str frame, const struct cmg_sender *from)
{
    struct cmg_envelope e;
    cmg_str path, text;
    enum cmg_rc rc = cmg_envelope_peel(&d->peeler, frame, d->now_ns, d->opt.options, &e);
    if (rc == CMG_OK)
        rc = choose_path(d, &e, from, &path);
    if (rc != CMG_OK)
        return rc;
    text = e.text;
    d->stats.wrapped += e.depth > 0;
    if (cmg_torn(text)) {
        d->whole.len = 0;
        rc = cmg_mend(text, &d->bytes, &d->whole);
        text = cmg_buf_str(&d->whole);
        d->stats.repaired++;
    }
    if (rc != CMG_OK)
        return rc;
    find_stream(d, &e, from, path);
    if (!d->current)
        return CMG_ENOMEM;
    rc = feed(&e, d->current, text);
    note_feed(d);
    return rc;
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

/* Elements of an array come later, when the sender's words are gone. */
static enum cmg_rc keep_sender(struct cmg_demux *d, const struct cmg_sender *from)
{
    d->sender.len = 0;
    d->cut = from->cut;
    d->peer = from->peer;
    return cmg_buf_add(&d->sender, cmg_str_head(from->host, d->sender.cap));
}

enum cmg_rc cmg_demux_from(struct cmg_demux *d, cmg_str frame, const struct cmg_sender *from,
                           int64_t now_ns)
{
    if (d->leaving || d->current || d->array.len)
        return CMG_AGAIN;
    d->now_ns = now_ns;
    enum cmg_rc rc = keep_sender(d, from);
    if (rc != CMG_OK)
        return rc;
    d->stats.frames++;
    d->stats.bytes += frame.len;
    if (frame.len > CMG_DEMUX_FRAME_MAX) {
        frame.len = CMG_DEMUX_FRAME_MAX;
        d->cut = true;
    }
    d->stats.truncated += d->cut;
    cmg_str trimmed = cmg_str_trim(frame);
    if (!is_array_of_objects(trimmed))
        return one(d, frame, from);
    cmg_str path;
    static const struct cmg_envelope none;
    rc = choose_path(d, &none, from, &path);
    if (rc == CMG_OK && path.ptr != d->path.ptr) {
        d->path.len = 0;
        rc = cmg_buf_add(&d->path, path);
    }
    d->at = 1;
    return rc == CMG_OK ? cmg_buf_add(&d->array, trimmed) : rc;
}

enum cmg_rc cmg_demux_frame(struct cmg_demux *d, cmg_str frame, cmg_str host, int64_t now_ns)
{
    const struct cmg_sender from = {.host = host};
    return cmg_demux_from(d, frame, &from, now_ns);
}

bool cmg_demux_holds(const struct cmg_demux *d, uint64_t peer, uint64_t first, uint64_t last)
{
    for (size_t i = 0; i < d->marks; i++) {
        const struct mark *m = &d->mark[i];
        if (m->first && m->first <= last && m->last >= first &&
            (m->peer == peer || m->peer == UINT64_MAX))
            return true;
    }
    return false;
}

/* ---- records out --------------------------------------------------------------------------- */

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
    const struct cmg_sender from = {.path = cmg_buf_str(&d->path)};
    return one(d, v.raw, &from);
}

static enum cmg_rc next_idle(struct cmg_demux *d)
{
    int64_t used_ns;
    struct cmg_stream *s;
    while (d->idle_at != SIZE_MAX && (s = cmg_streams_at(d->streams, d->idle_at, &used_ns))) {
        d->idle_at++;
        if (used_ns < d->idle_before_ns && (!d->flushing || fed(s) != released(s))) {
            if (d->flushing)
                cmg_stream_flush(s, false);
            else
                cmg_stream_idle(s);
            d->current = s;
            d->at_mark = &d->mark[d->idle_at - 1];
            return CMG_OK;
        }
    }
    d->idle_at = SIZE_MAX;
    return CMG_AGAIN;
}

/* Does the record hold bytes of a frame that was cut? */
static void mark_record(struct cmg_demux *d, struct cmg_record *r)
{
    struct mark *m = d->at_mark;
    uint64_t end = released(d->current);
    if (m->cut_from < m->cut_to && r->length && end > m->cut_from) {
        r->problems |= CMG_P_TRUNCATED;
        if (end >= m->cut_to)
            m->cut_from = m->cut_to;
    }
}

/* The stream has given out what it can. */
static void note_held(struct cmg_demux *d)
{
    struct mark *m = d->at_mark;
    uint64_t out = released(d->current);
    if (out >= fed(d->current))
        m->first = m->last = 0;
    else if (out >= d->fed_from && m->last == d->stats.frames)
        m->first = m->last;
}

static void forget_leaving(struct cmg_demux *d)
{
    add_stats(&d->stats.gone, cmg_stream_stats(d->leaving));
    d->stats.evicted++;
    cmg_stream_free(d->leaving);
    d->leaving = NULL;
}

/* Another stream with something to say. CMG_AGAIN: there is none. */
static enum cmg_rc next_stream(struct cmg_demux *d)
{
    if (d->leaving) {
        forget_leaving(d);
        return CMG_OK;
    }
    if (d->current)
        note_held(d);
    d->current = NULL;
    return d->array.len ? next_element(d) : next_idle(d);
}

enum cmg_rc cmg_demux_next(struct cmg_demux *d, struct cmg_record *ret)
{
    enum cmg_rc rc = CMG_OK;
    while (rc == CMG_OK) {
        struct cmg_stream *s = d->leaving ? d->leaving : d->current;
        rc = s ? cmg_stream_next(s, ret) : CMG_AGAIN;
        if (rc == CMG_OK && s == d->current)
            mark_record(d, ret);
        if (rc != CMG_AGAIN)
            return rc;
        rc = next_stream(d);
    }
    return rc;
}

void cmg_demux_idle(struct cmg_demux *d, int64_t before_ns)
{
    d->idle_before_ns = before_ns;
    d->idle_at = 0;
    d->flushing = false;
}

void cmg_demux_flush(struct cmg_demux *d, int64_t before_ns)
{
    d->idle_before_ns = before_ns;
    d->idle_at = 0;
    d->flushing = true;
}

void cmg_demux_sum(const struct cmg_demux *d, struct cmg_stream_stats *ret)
{
    int64_t used_ns;
    const struct cmg_stream *s;
    *ret = d->stats.gone;
    for (size_t i = 0; (s = cmg_streams_at(d->streams, i, &used_ns)); i++)
        add_stats(ret, cmg_stream_stats(s));
    if (d->leaving)
        add_stats(ret, cmg_stream_stats(d->leaving));
}
