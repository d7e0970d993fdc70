/* SPDX-License-Identifier: Apache-2.0
 * Copies of what decoding depends on, by the hash of the chunk that came next. */
#include "plugin/retry.h"

enum { STATES_MAX = 64 << 20, KEY = sizeof(uint64_t) };

void cmg_retry_init(struct cmg_retry *r, size_t corr_bytes)
{
    *r = (struct cmg_retry){0};
    for (unsigned i = 0; i < CMG_RETRY_CHUNKS; i++) {
        r->past[i].corr = cmg_buf_init(corr_bytes);
        r->past[i].states = cmg_buf_init(STATES_MAX);
    }
    r->present.corr = cmg_buf_init(corr_bytes);
    r->present.states = cmg_buf_init(STATES_MAX);
}

void cmg_retry_done(struct cmg_retry *r)
{
    for (unsigned i = 0; i < CMG_RETRY_CHUNKS; i++) {
        cmg_buf_done(&r->past[i].corr);
        cmg_buf_done(&r->past[i].states);
    }
    cmg_buf_done(&r->present.corr);
    cmg_buf_done(&r->present.states);
}

static enum cmg_rc keep(struct cmg_past *p, const struct cmg_flb *f)
{
    p->corr.len = p->states.len = 0;
    return cmg_buf_add(&p->corr, cmg_corr_image(f->corr));
}

static struct cmg_past *known(struct cmg_retry *r, uint64_t chunk)
{
    for (unsigned i = 0; i < CMG_RETRY_CHUNKS; i++)
        if (r->past[i].chunk == chunk)
            return &r->past[i];
    return NULL;
}

static struct cmg_past *make_room(struct cmg_retry *r)
{
    struct cmg_past *oldest = &r->past[0];
    for (unsigned i = 0; i < CMG_RETRY_CHUNKS; i++) {
        if (!r->past[i].chunk)
            return &r->past[i];
        if (r->past[i].used < oldest->used)
            oldest = &r->past[i];
    }
    r->dropped++;
    return oldest;
}

enum cmg_rc cmg_retry_begin(struct cmg_retry *r, struct cmg_flb *f, uint64_t chunk)
{
    chunk = chunk ? chunk : 1;
    r->current = known(r, chunk);
    r->repeat = r->current != NULL;
    if (!r->current)
        r->current = make_room(r);
    enum cmg_rc rc = keep(r->repeat ? &r->present : r->current, f);
    if (rc != CMG_OK) {
        if (!r->repeat)
            r->current->chunk = 0;
        return rc;
    }
    if (r->repeat)
        cmg_corr_restore(f->corr, cmg_buf_str(&r->current->corr));
    r->current->chunk = chunk;
    r->current->used = ++r->clock;
    r->evictions = cmg_streams_evictions(f->streams);
    return CMG_OK;
}

/* The state kept under `key`, or nothing. */
static cmg_str state_of(const struct cmg_past *p, uint64_t key, size_t size)
{
    for (size_t at = 0; at + KEY + size <= p->states.len; at += KEY + size) {
        uint64_t k;
        memcpy(&k, p->states.ptr + at, KEY);
        if (k == key)
            return cmg_str_of(p->states.ptr + at + KEY, size);
    }
    return (cmg_str){NULL, 0};
}

static enum cmg_rc add_state(struct cmg_past *p, uint64_t key, cmg_str state)
{
    enum cmg_rc rc = cmg_buf_reserve(&p->states, KEY + state.len);
    if (rc == CMG_OK)
        rc = cmg_buf_add(&p->states, cmg_str_of((const char *)&key, KEY));
    return rc == CMG_OK ? cmg_buf_add(&p->states, state) : rc;
}

enum cmg_rc cmg_retry_touch(void *retry, struct cmg_stream *s, uint64_t key)
{
    struct cmg_retry *r = retry;
    cmg_str now = cmg_stream_state(s);
    if (!r->repeat)
        return state_of(r->current, key, now.len).ptr ? CMG_OK : add_state(r->current, key, now);
    /* The present is kept by the stream's address, to find it again when the chunk is over. */
    uint64_t address = (uint64_t)(uintptr_t)s;
    if (state_of(&r->present, address, now.len).ptr)
        return CMG_OK;
    enum cmg_rc rc = add_state(&r->present, address, now);
    cmg_str then = state_of(r->current, key, now.len);
    if (rc == CMG_OK && then.ptr && !cmg_stream_restore(s, then))
        rc = CMG_ENOMEM;
    return rc;
}

/* Streams that were touched go on from where they were, unless one of them has made room meanwhile:
 * an address may then be another log's. */
static void back_to_present(struct cmg_retry *r, struct cmg_flb *f)
{
    int64_t used;
    struct cmg_stream *s;
    cmg_corr_restore(f->corr, cmg_buf_str(&r->present.corr));
    if (cmg_streams_evictions(f->streams) != r->evictions)
        return;
    for (size_t i = 0; (s = cmg_streams_at(f->streams, i, &used)); i++) {
        cmg_str state = state_of(&r->present, (uint64_t)(uintptr_t)s, cmg_stream_state(s).len);
        if (state.ptr && !cmg_stream_restore(s, state))
            return;
    }
}

void cmg_retry_end(struct cmg_retry *r, struct cmg_flb *f, bool settled)
{
    if (r->repeat)
        back_to_present(r, f);
    if (settled)
        r->current->chunk = 0;
    r->current = NULL;
}
