/* SPDX-License-Identifier: Apache-2.0
 * No allocation per record: once a stream has seen a log, reading it again, enriching and encoding
 * it calls malloc, calloc and realloc not once. */
#include "tests/fault/inputs.h"
#include "tests/fault/wrap.h"

#include "core/buf.h"

enum { WARM_UP = 3, PASSES = 20, PIECE = 4096 };

static uint64_t records;

static void drain(struct cmg_stream *s, struct cmg_buf *out)
{
    struct cmg_record r;
    while (cmg_stream_next(s, &r) == CMG_OK) {
        records++;
        if (cmg_record_to_json(&r, out) || cmg_record_to_msgpack(&r, out) ||
            cmg_record_to_text(&r, out))
            abort();
        out->len = 0;
    }
}

static void pass(struct cmg_stream *s, cmg_str log, struct cmg_buf *out)
{
    for (size_t at = 0; at < log.len; at += PIECE) {
        if (cmg_stream_feed(s, cmg_str_cut(log, at, at + PIECE)) != CMG_OK)
            abort();
        drain(s, out);
    }
    cmg_stream_idle(s);
    drain(s, out);
}

/* How many calls the passes after the warm-up made. */
static uint64_t measure(const struct cmg_engine *e, size_t input)
{
    cmg_str log = input_load(input);
    struct cmg_origin origin = {.path = cmg_str_c(input_names[input])};
    struct cmg_buf out = cmg_buf_init(1 << 20);
    struct cmg_corr *c = cmg_corr_new(0);
    struct cmg_stream *s = cmg_stream_new(e, c, &origin);
    uint64_t before = 0;
    if (!c || !s)
        abort();
    for (int i = 0; i < PASSES; i++) {
        if (i == WARM_UP)
            before = wrap_calls;
        pass(s, log, &out);
    }
    uint64_t calls = wrap_calls - before;
    cmg_stream_free(s);
    cmg_corr_free(c);
    cmg_buf_done(&out);
    return calls;
}

int main(void)
{
    struct cmg_error err;
    struct cmg_options opt = {.host = CMG_LIT("test"), .now_ns = input_clock};
    struct cmg_engine *e = cmg_engine_new(&opt, &err);
    int bad = 0;
    if (!e || wrap_calls == 0) {
        printf(
            "no engine, or its allocations were not seen: the count below would prove nothing\n");
        return 1;
    }
    for (size_t i = 0; i < INPUTS; i++) {
        uint64_t start = records, calls = measure(e, i);
        printf("%-32s %5llu records, %llu allocations\n", input_names[i],
               (unsigned long long)(records - start), (unsigned long long)calls);
        bad |= calls != 0 || records == start;
    }
    cmg_engine_free(e);
    return bad;
}
