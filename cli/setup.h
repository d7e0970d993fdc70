/* SPDX-License-Identifier: Apache-2.0
 * From settings to the objects that do the work: catalogue, engine, table of incidents. */
#ifndef CMG_CLI_SETUP_H
#define CMG_CLI_SETUP_H

#include "cli/options.h"
#include "enrich/catalog.h"

enum { CMG_HOST_MAX = 256 };

struct cmg_setup {
    struct cmg_buf image; /* of the catalogue with its overlays; empty: the built-in one */
    struct cmg_engine *engine;
    struct cmg_corr *corr;
    enum cmg_lang lang;
    char host[CMG_HOST_MAX];
};

/* CMG_ECONFIG and *reterr when a catalogue does not load. What was made is released by done in any
 * case. */
CMG_MUST_USE enum cmg_rc cmg_setup_init(struct cmg_setup *u, const struct cmg_settings *s,
                                        struct cmg_error *reterr);
/* Catalogue and engine anew, from the same settings; the rest is shared with `old`. On failure
 * nothing of `ret` is left. */
CMG_MUST_USE enum cmg_rc cmg_setup_again(const struct cmg_setup *old, const struct cmg_settings *s,
                                         struct cmg_setup *ret, struct cmg_error *reterr);
/* `with` takes the place of the engine and catalogue in `u`. */
void cmg_setup_replace(struct cmg_setup *u, struct cmg_setup *with);
void cmg_setup_done(struct cmg_setup *u);
const struct cmg_catalog *cmg_setup_catalog(const struct cmg_setup *u);

#endif
