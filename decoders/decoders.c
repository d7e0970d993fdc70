/* SPDX-License-Identifier: Apache-2.0
 * The table of decoders, made from decoders.def. */
#include "decoders/decoder.h"

const struct cmg_decoder *const cmg_decoders[] = {
#define CMG_DECODER(name) &cmg_decoder_##name,
#include "decoders/decoders.def"
#undef CMG_DECODER
    NULL,
};

const struct cmg_decoder *cmg_decoder_find(cmg_str name)
{
    for (size_t i = 0; cmg_decoders[i]; i++)
        if (cmg_str_eq(cmg_str_c(cmg_decoders[i]->name), name))
            return cmg_decoders[i];
    return NULL;
}
