/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a peer of the forward protocol, whole and in pieces: the same events, JSON that
 * reads back, and limits that hold. The first byte: whether a key is asked for, and how the bytes
 * are cut. */
#include "core/jsonread.h"
#include "sources/forward.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MESSAGE = 64 << 10, INFLATED = 256 << 10 };

struct sum {
    uint64_t events, ends, hash;
    bool broken;
};

static void mix(struct sum *s, cmg_str text)
{
    for (size_t i = 0; i < text.len; i++)
        s->hash = (s->hash ^ (unsigned char)text.ptr[i]) * UINT64_C(1099511628211);
}

/* A text that is no UTF-8 stays as it is, and so is the JSON around it: only what is read as JSON
 * elsewhere is asked to be sound. */
static void note(struct sum *s, struct cmg_forward *f, const struct cmg_forward_event *e)
{
    struct cmg_json_value v;
    size_t end;
    s->events += !e->end;
    s->ends += e->end;
    mix(s, e->tag);
    mix(s, e->chunk);
    mix(s, e->json);
    assert(e->tag.len <= CMG_FORWARD_TAG_MAX && e->chunk.len <= CMG_FORWARD_CHUNK_MAX);
    if (!e->end)
        assert(cmg_json_read(e->json, &v, &end) && v.type == CMG_JSON_OBJECT && end == e->json.len);
    if (e->end && e->chunk.len) {
        enum cmg_rc rc = cmg_forward_ack(f, e->chunk);
        assert(rc == CMG_OK || rc == CMG_ELIMIT);
    }
}

static struct sum run(cmg_str all, size_t step, bool key)
{
    const struct cmg_forward_options o = {.shared_key = key ? CMG_LIT("key") : CMG_LIT(""),
                                          .hostname = CMG_LIT("server"),
                                          .message_max = MESSAGE,
                                          .inflated_max = INFLATED};
    struct sum s = {0};
    struct cmg_forward *f = cmg_forward_new(&o);
    struct cmg_forward_event e;
    assert(f);
    while (all.len && !s.broken) {
        cmg_str piece = cmg_str_head(all, step);
        enum cmg_rc rc = cmg_forward_feed(f, piece);
        while (rc == CMG_OK && (rc = cmg_forward_next(f, &e)) == CMG_OK)
            note(&s, f, &e);
        s.broken = rc != CMG_AGAIN;
        all = cmg_str_from(all, piece.len);
    }
    assert(!s.broken || cmg_forward_fault(f)[0]);
    cmg_forward_free(f);
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 32 << 10)
        return 0;
    cmg_str all = cmg_str_of((const char *)data + 1, size - 1);
    bool key = data[0] & 1;
    struct sum whole = run(all, all.len ? all.len : 1, key),
               pieces = run(all, 1 + data[0] % 13, key);
    assert(whole.events == pieces.events && whole.ends == pieces.ends);
    assert(whole.hash == pieces.hash && whole.broken == pieces.broken);
    return 0;
}
