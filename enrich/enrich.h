/* SPDX-License-Identifier: Apache-2.0
 * From a decoded record to a finding: match, extract, judge by the rules, correlate. */
#ifndef CMG_ENRICH_ENRICH_H
#define CMG_ENRICH_ENRICH_H

#include "enrich/catalog.h"
#include "enrich/extract.h"

/* The immutable side, part of the engine. */
struct cmg_enricher;
CMG_MUST_USE struct cmg_enricher *cmg_enricher_new(const struct cmg_options *opt,
                                                   struct cmg_error *reterr);
void cmg_enricher_free(struct cmg_enricher *e);
const struct cmg_catalog *cmg_enricher_catalog(const struct cmg_enricher *e);

/* Fills r->finding (and problem bits that only enrichment can know) from r->event, r->raw,
 * r->time_ns, r->time_source, r->id, r->host and r->path. `stream` identifies the log among those
 * that share the table. Slices in the finding live in r's text, the catalogue, or the table (valid
 * until the next call on it). */
void cmg_enrich(const struct cmg_enricher *e, struct cmg_corr *c, uint64_t stream,
                struct cmg_record *r);

/* Promotion of candidates that nobody answered. Each call gives the next one that is due, as a
 * record of role primary (see architecture.md); false: none. Call before cmg_enrich of a record
 * with that record's time (0: it has none), so that a promotion leaves before the record that
 * closed the window; with `all` at the end of the stream. O(1) when nothing is due. Evicted
 * candidates come first, whatever their stream. */
bool cmg_enrich_due(const struct cmg_enricher *e, struct cmg_corr *c, uint64_t stream,
                    int64_t now_ns, bool all, struct cmg_record *ret);

#endif
