/* SPDX-License-Identifier: Apache-2.0
 * Anything that no other decoder knows: one line is one record, all of it the message. This is how
 * published excerpts and logs of other programs arrive. */
#include "decoders/decoder.h"

static bool probe(const void *state, cmg_str line)
{
    (void)state;
    (void)line;
    return true;
}

static enum cmg_take decode(void *state, cmg_str record, struct cmg_event *ev)
{
    (void)state;
    ev->message = record;
    return CMG_TAKEN;
}

const struct cmg_decoder cmg_decoder_raw = {
    .name = "raw",
    .summary = "any text, one line one record",
    .probe = probe,
    .decode = decode,
};
