/* SPDX-License-Identifier: Apache-2.0
 * The image of a catalogue, from the writing side. Reading is cmg_catalog_open() in catalog.h. */
#ifndef CMG_ENRICH_CATALOG_IMAGE_H
#define CMG_ENRICH_CATALOG_IMAGE_H

#include "enrich/catalog.h"

/* Appends the image of `c` to `out`. CMG_ELIMIT when a cap is passed. The same catalogue gives the
 * same bytes on every machine. */
CMG_MUST_USE enum cmg_rc cmg_catalog_write(const struct cmg_catalog *c, struct cmg_buf *out);

#endif
