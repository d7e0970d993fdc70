/* SPDX-License-Identifier: Apache-2.0
 * Options made ready: immutable, shared by every stream and thread. */
#ifndef CMG_CORE_ENGINE_H
#define CMG_CORE_ENGINE_H

#include "core/str.h"

struct cmg_engine {
    struct cmg_options opt; /* strings point into `text` */
    char *text;
    const struct cmg_decoder *decoder; /* forced, or NULL */
    struct cmg_enricher *enricher;
};

int64_t cmg_engine_now(const struct cmg_engine *e);

#endif
