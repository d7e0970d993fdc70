/* SPDX-License-Identifier: Apache-2.0
 * One look at the first line; then either a stream that reads straight into its own buffer, or
 * lines that are peeled one by one. */
#include "sources/unwrap.h"

#include "sources/demux.h"

#include <stdlib.h>

enum state { LOOKING, PLAIN, WRAPPED };

struct cmg_unwrap {
    struct cmg_unwrap_options opt;
    char *names;
    enum state state;
    bool over, idle;     /* asked for, and not yet passed on */
    bool skipping;       /* the rest of a line that was too long */
    struct cmg_buf held; /* LOOKING: all; WRAPPED: lines from `at` on */
    size_t at, scan;
    int64_t now_ns;
    struct cmg_stream *stream;
    struct cmg_demux *demux;
};

static bool keep_names(struct cmg_unwrap *w)
{
    cmg_str host = w->opt.host, path = w->opt.path;
    w->names = malloc(host.len + path.len + 1);
    if (!w->names)
        return false;
    if (host.len)
        memcpy(w->names, host.ptr, host.len);
    if (path.len)
        memcpy(w->names + host.len, path.ptr, path.len);
    w->opt.host = cmg_str_of(w->names, host.len);
    w->opt.path = cmg_str_of(w->names + host.len, path.len);
    return true;
}

struct cmg_unwrap *cmg_unwrap_new(const struct cmg_unwrap_options *opt)
{
    struct cmg_unwrap *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->opt = *opt;
    w->held = cmg_buf_init(SIZE_MAX / 4);
    const struct cmg_origin origin = {.host = opt->host, .path = opt->path};
    w->stream = cmg_stream_new(opt->engine, opt->corr, &origin);
    if (w->stream && keep_names(w))
        return w;
    cmg_unwrap_free(w);
    return NULL;
}

void cmg_unwrap_free(struct cmg_unwrap *w)
{
    if (!w)
        return;
    cmg_stream_free(w->stream);
    cmg_demux_free(w->demux);
    cmg_buf_done(&w->held);
    free(w->names);
    free(w);
}

char *cmg_unwrap_room(struct cmg_unwrap *w, size_t want)
{
    if (w->state == PLAIN)
        return cmg_stream_room(w->stream, want);
    if (w->at) {
        memmove(w->held.ptr, w->held.ptr + w->at, w->held.len - w->at);
        w->held.len -= w->at;
        w->scan -= w->at;
        w->at = 0;
    }
    return cmg_buf_reserve(&w->held, want) == CMG_OK ? w->held.ptr + w->held.len : NULL;
}

void cmg_unwrap_fed(struct cmg_unwrap *w, size_t n, int64_t now_ns)
{
    w->now_ns = now_ns;
    if (w->state == PLAIN)
        cmg_stream_fed(w->stream, n);
    else
        w->held.len += n;
}

/* ---- the first line -------------------------------------------------------------------------- */

/* Every look costs the whole of what there is: the line must be complete, or too long to wait. */
static bool first_line(const struct cmg_unwrap *w, cmg_str *ret)
{
    cmg_str all = cmg_buf_str(&w->held);
    size_t from = 0;
    while (from < all.len && cmg_is_space(all.ptr[from]))
        from++;
    all = cmg_str_from(all, from);
    size_t end = cmg_str_chr(all, '\n');
    *ret = cmg_str_head(all, end);
    return end != CMG_STR_NPOS || w->over || w->held.len >= CMG_UNWRAP_LOOK;
}

static bool is_array_of_objects(cmg_str line)
{
    return cmg_str_starts(line, CMG_LIT("[{")) && cmg_str_ends(cmg_str_trim(line), CMG_LIT("}]"));
}

static enum cmg_rc is_wrapped(struct cmg_unwrap *w, cmg_str line, bool *ret)
{
    struct cmg_envelope e;
    struct cmg_peeler p = cmg_peeler_init(CMG_UNWRAP_LINE);
    enum cmg_rc rc = cmg_envelope_peel(&p, line, w->now_ns, w->opt.options, &e);
    *ret = rc == CMG_OK && (e.depth || is_array_of_objects(line));
    cmg_peeler_done(&p);
    return rc == CMG_ELIMIT ? CMG_OK : rc;
}

static enum cmg_rc become_wrapped(struct cmg_unwrap *w)
{
    const struct cmg_demux_options o = {.engine = w->opt.engine,
                                        .options = w->opt.options,
                                        .corr = w->opt.corr,
                                        .path = w->opt.path};
    w->demux = cmg_demux_new(&o);
    if (!w->demux)
        return CMG_ENOMEM;
    w->state = WRAPPED;
    return CMG_OK;
}

static enum cmg_rc become_plain(struct cmg_unwrap *w)
{
    enum cmg_rc rc = cmg_stream_feed(w->stream, cmg_buf_str(&w->held));
    if (rc != CMG_OK)
        return rc;
    cmg_buf_done(&w->held);
    w->state = PLAIN;
    return CMG_OK;
}

/* CMG_AGAIN: not yet. */
static enum cmg_rc decide(struct cmg_unwrap *w)
{
    cmg_str line;
    bool wrapped;
    if (!first_line(w, &line))
        return CMG_AGAIN;
    enum cmg_rc rc = is_wrapped(w, line, &wrapped);
    if (rc != CMG_OK)
        return rc;
    return wrapped ? become_wrapped(w) : become_plain(w);
}

/* ---- lines in wrappers ----------------------------------------------------------------------- */

static enum cmg_rc next_line(struct cmg_unwrap *w, cmg_str *ret, bool *ret_cut)
{
    cmg_str rest = cmg_str_from(cmg_buf_str(&w->held), w->scan);
    size_t end = cmg_str_chr(rest, '\n');
    size_t stop = end == CMG_STR_NPOS ? w->held.len : w->scan + end;
    bool full = stop - w->at > CMG_UNWRAP_LINE;
    w->scan = stop;
    if (end == CMG_STR_NPOS && !full && (!w->over || w->at == stop))
        return CMG_AGAIN;
    *ret = cmg_str_cut(cmg_buf_str(&w->held), w->at, full ? w->at + CMG_UNWRAP_LINE : stop);
    *ret_cut = full;
    w->at = w->scan = end == CMG_STR_NPOS ? stop : stop + 1;
    return CMG_OK;
}

/* One line to its log. */
static enum cmg_rc feed_line(struct cmg_unwrap *w)
{
    cmg_str line;
    bool cut, skip = w->skipping;
    enum cmg_rc rc = next_line(w, &line, &cut);
    if (rc != CMG_OK)
        return rc;
    w->skipping = cut && w->scan == w->held.len && w->held.ptr[w->scan - 1] != '\n';
    if (skip || !cmg_str_trim(line).len)
        return CMG_OK;
    if (line.ptr[line.len - 1] == '\r')
        line.len--;
    const struct cmg_sender from = {.host = w->opt.host, .path = w->opt.path, .cut = cut};
    return cmg_demux_from(w->demux, line, &from, w->now_ns);
}

/* What was asked for when no line was left. */
static enum cmg_rc let_go(struct cmg_unwrap *w)
{
    if (!w->idle)
        return CMG_AGAIN;
    w->idle = false;
    cmg_demux_idle(w->demux, INT64_MAX);
    return CMG_OK;
}

static enum cmg_rc next_wrapped(struct cmg_unwrap *w, struct cmg_record *ret)
{
    enum cmg_rc rc = CMG_OK;
    while (rc == CMG_OK) {
        rc = cmg_demux_next(w->demux, ret);
        if (rc != CMG_AGAIN)
            return rc;
        rc = feed_line(w);
        if (rc == CMG_AGAIN)
            rc = let_go(w);
    }
    return rc;
}

enum cmg_rc cmg_unwrap_next(struct cmg_unwrap *w, struct cmg_record *ret)
{
    if (w->state == LOOKING) {
        enum cmg_rc rc = decide(w);
        if (rc != CMG_OK)
            return rc;
    }
    if (w->state == WRAPPED)
        return next_wrapped(w, ret);
    if (w->over)
        cmg_stream_end(w->stream);
    else if (w->idle)
        cmg_stream_idle(w->stream);
    w->over = w->idle = false;
    return cmg_stream_next(w->stream, ret);
}

void cmg_unwrap_idle(struct cmg_unwrap *w)
{
    w->idle = true;
}

void cmg_unwrap_end(struct cmg_unwrap *w)
{
    w->over = w->idle = true;
}

void cmg_unwrap_stats(const struct cmg_unwrap *w, struct cmg_stream_stats *ret)
{
    if (w->demux)
        cmg_demux_sum(w->demux, ret);
    else
        *ret = *cmg_stream_stats(w->stream);
}
