/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a chunk of Fluent Bit: the plugins' way through it, from the event to the merged
 * body and to JSON. What is taken as an event is whole, in order, and inside the chunk. */
#include "plugin/settings.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static const char *no_property(void *instance, const char *name)
{
    (void)instance;
    (void)name;
    return NULL;
}

static void must_be_one_object(cmg_str s)
{
    must(cmg_mp_skip(&s) && s.len == 0);
}

/* A body with ours merged in is one map, whichever of its keys collide. */
static void merge(struct cmg_flb *f, const struct cmg_flb_event *e, cmg_str source)
{
    struct cmg_buf map = cmg_buf_init((size_t)64 << 20), out = cmg_buf_init((size_t)64 << 20);
    must(cmg_record_to_msgpack(&f->record, &map) == CMG_OK);
    must_be_one_object(cmg_buf_str(&map));
    for (int keep = 0; keep < 2; keep++) {
        out.len = 0;
        enum cmg_rc rc = cmg_flb_merge(&out, cmg_buf_str(&map), e->body, source, keep,
                                       keep ? CMG_LIT("cmg.") : CMG_LIT(""));
        must(rc == CMG_OK || rc == CMG_ELIMIT);
        if (rc == CMG_OK)
            must_be_one_object(cmg_buf_str(&out));
    }
    cmg_buf_done(&map);
    cmg_buf_done(&out);
}

static void take(struct cmg_flb *f, const struct cmg_flb_event *e)
{
    struct cmg_buf json = cmg_buf_init((size_t)64 << 20);
    cmg_str source = {NULL, 0};
    if (cmg_flb_decode(f, CMG_LIT("tag"), e, &source) == CMG_FLB_RECORD)
        merge(f, e, source);
    while (cmg_flb_more(f))
        must(f->record.id[0]);
    (void)!cmg_flb_json(&json, e->body);
    cmg_buf_done(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cmg_flb f;
    struct cmg_flb_event e;
    struct cmg_error err;
    cmg_str rest = cmg_str_of((const char *)data, size);
    const char *at = rest.ptr;
    bool is_event;
    must(cmg_flb_init(&f, no_property, NULL, &err) == CMG_OK);
    while (cmg_flb_next(&rest, &e, &is_event)) {
        must(e.whole.ptr == at && rest.ptr == at + e.whole.len);
        must_be_one_object(e.whole);
        at = rest.ptr;
        if (is_event)
            take(&f, &e);
    }
    cmg_flb_done(&f);
    return 0;
}
