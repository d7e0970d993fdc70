/* SPDX-License-Identifier: Apache-2.0
 * Any bytes, cut in any way, give the records that they give whole, and no byte is lost.
 * Layout of an input: one byte chooses the largest record, one how many cut sizes follow, then the
 * log. */
#include "tests/streams.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct cmg_engine *engines[3];
    static const size_t caps[3] = {0, CMG_MAX_RECORD_MIN, 1000};
    if (size < 2)
        return 0;
    unsigned which = data[0] % 3;
    size_t cuts = data[1] % 8;
    if (size < 2 + cuts)
        return 0;
    if (!engines[which]) {
        struct cmg_error err;
        struct cmg_options o = {
            .host = cmg_str_c("fuzz"), .now_ns = fixed_clock, .max_record = caps[which]};
        engines[which] = cmg_engine_new(&o, &err);
    }
    cmg_str in = cmg_str_of((const char *)data + 2 + cuts, size - 2 - cuts);
    struct run whole = run_cut(engines[which], in, NULL, 0);
    struct run pieces =
        run_cut(engines[which], in, cuts ? data + 2 : (const uint8_t *)"\1", cuts ? cuts : 1);
    if (!cmg_str_eq(cmg_buf_str(&whole.json), cmg_buf_str(&pieces.json)))
        abort();
    if (whole.gap || whole.stats.bytes_in != in.len ||
        whole.stats.bytes_records + whole.stats.bytes_skipped != in.len ||
        whole.sum_lengths != whole.stats.bytes_records)
        abort();
    cmg_buf_done(&whole.json);
    cmg_buf_done(&pieces.json);
    return 0;
}
