/* SPDX-License-Identifier: Apache-2.0
 * Any frame: peeling it and decoding what is left never reads outside, and the text is part of the
 * frame or of what was unescaped from it. */
#include "sources/demux.h"
#include "core/utf.h"
#include "tests/streams.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct cmg_engine *e;
    static struct cmg_options o;
    struct cmg_error err;
    struct cmg_record r;
    if (!e) {
        o = (struct cmg_options){.host = cmg_str_c("fuzz"), .now_ns = fixed_clock};
        e = cmg_engine_new(&o, &err);
    }
    struct cmg_corr *c = cmg_corr_new(CMG_CORR_BYTES_MIN);
    struct cmg_demux_options opt = {.engine = e, .options = &o, .corr = c, .streams = 4};
    struct cmg_demux *d = cmg_demux_new(&opt);
    char *copy = malloc(size ? size : 1); /* of its exact size, so that a read past it is seen */
    if (!c || !d || !copy)
        abort();
    memcpy(copy, data, size);
    for (int i = 0; i < 2; i++) {
        if (cmg_demux_frame(d, cmg_str_of(copy, size), CMG_LIT("peer"), fixed_clock(NULL)) !=
            CMG_OK)
            break;
        while (cmg_demux_next(d, &r) == CMG_OK)
            if (r.raw.len && cmg_utf8_valid(r.raw) != r.raw.len)
                abort();
    }
    free(copy);
    cmg_demux_free(d);
    cmg_corr_free(c);
    return 0;
}
