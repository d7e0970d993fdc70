/* SPDX-License-Identifier: Apache-2.0
 * Streams by host and path: a chained hash table over a fixed array of slots. */
#include "core/streams.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

struct slot {
    uint64_t key;
    struct cmg_stream *stream;
    int64_t used_ns;
    struct slot *next; /* in its bucket */
};

struct cmg_streams {
    const struct cmg_engine *engine;
    struct cmg_corr *corr;
    size_t most, used, buckets, last;
    uint64_t evictions;
    struct slot *slot;
    struct slot **bucket;
};

struct cmg_streams *cmg_streams_new(const struct cmg_engine *e, struct cmg_corr *c, size_t most)
{
    struct cmg_streams *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->engine = e;
    t->corr = c;
    t->most = most ? most : CMG_STREAMS_DEFAULT;
    for (t->buckets = 16; t->buckets < t->most;)
        t->buckets *= 2;
    t->slot = calloc(t->most, sizeof *t->slot);
    t->bucket = calloc(t->buckets, sizeof(struct slot *));
    if (!t->slot || !t->bucket) {
        cmg_streams_free(t);
        return NULL;
    }
    return t;
}

void cmg_streams_free(struct cmg_streams *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->used; i++)
        cmg_stream_free(t->slot[i].stream);
    free(t->slot);
    free(t->bucket);
    free(t);
}

static uint64_t key_of(const struct cmg_origin *o)
{
    uint64_t host = XXH3_64bits_withSeed(o->host.ptr, o->host.len, o->apart);
    return XXH3_64bits_withSeed(o->path.ptr, o->path.len, host);
}

static struct slot **head_of(struct cmg_streams *t, uint64_t key)
{
    return &t->bucket[key & (t->buckets - 1)];
}

static struct slot *make_room(struct cmg_streams *t, struct cmg_stream **ret_leaving)
{
    struct slot *oldest = &t->slot[0];
    for (size_t i = 1; i < t->used; i++)
        if (t->slot[i].used_ns < oldest->used_ns)
            oldest = &t->slot[i];
    struct slot **at = head_of(t, oldest->key);
    while (*at != oldest)
        at = &(*at)->next;
    *at = oldest->next;
    *ret_leaving = oldest->stream;
    cmg_stream_end(oldest->stream);
    t->evictions++;
    return oldest;
}

static struct slot *add(struct cmg_streams *t, uint64_t key, const struct cmg_origin *o,
                        struct cmg_stream **ret_leaving)
{
    struct cmg_stream *stream = cmg_stream_new(t->engine, t->corr, o);
    if (!stream)
        return NULL;
    struct slot *s = t->used < t->most ? &t->slot[t->used++] : make_room(t, ret_leaving);
    *s = (struct slot){.key = key, .stream = stream, .next = *head_of(t, key)};
    *head_of(t, key) = s;
    return s;
}

struct cmg_stream *cmg_streams_get(struct cmg_streams *t, const struct cmg_origin *o,
                                   int64_t now_ns, struct cmg_stream **ret_leaving)
{
    uint64_t key = key_of(o);
    struct slot *s = *head_of(t, key);
    *ret_leaving = NULL;
    while (s && s->key != key)
        s = s->next;
    if (!s)
        s = add(t, key, o, ret_leaving);
    if (!s)
        return NULL;
    s->used_ns = now_ns;
    t->last = (size_t)(s - t->slot);
    return s->stream;
}

size_t cmg_streams_last(const struct cmg_streams *t)
{
    return t->last;
}

struct cmg_stream *cmg_streams_at(struct cmg_streams *t, size_t i, int64_t *ret_used_ns)
{
    if (i >= t->used)
        return NULL;
    *ret_used_ns = t->slot[i].used_ns;
    return t->slot[i].stream;
}

uint64_t cmg_streams_evictions(const struct cmg_streams *t)
{
    return t->evictions;
}
