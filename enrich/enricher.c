/* SPDX-License-Identifier: Apache-2.0
 * The immutable side of enrichment: catalogue, index, and the names that prove a gateway. */
#include "enrich/internal.h"

#include <stdio.h>
#include <stdlib.h>

#include <xxhash.h>

static struct cmg_enricher *fail(struct cmg_enricher *e, struct cmg_error *reterr)
{
    *reterr = (struct cmg_error){.rc = CMG_ENOMEM};
    snprintf(reterr->text, sizeof reterr->text, "not enough memory for the catalogue");
    cmg_enricher_free(e);
    return NULL;
}

/* ---- classes --------------------------------------------------------------------------------- */

/* The table of open incidents outlives a catalogue (it is saved and restored), so it keeps hashes
 * of slugs. */
static bool build_classes(struct cmg_enricher *e)
{
    size_t n = e->catalog->entries, size = 4;
    while (size < 2 * n)
        size *= 2;
    e->class_hash = calloc(n + 1, sizeof *e->class_hash);
    e->class_table = calloc(size, sizeof *e->class_table);
    if (!e->class_hash || !e->class_table)
        return false;
    e->class_mask = (uint32_t)(size - 1);
    for (size_t i = 0; i < n; i++) {
        cmg_str slug = e->catalog->entry[i].slug;
        e->class_hash[i] = XXH3_64bits(slug.ptr, slug.len);
        uint32_t at = (uint32_t)e->class_hash[i] & e->class_mask;
        while (e->class_table[at])
            at = (at + 1) & e->class_mask;
        e->class_table[at] = (uint32_t)i + 1;
    }
    return true;
}

const struct cmg_entry *cmg_enricher_class(const struct cmg_enricher *e, uint64_t class_hash)
{
    uint32_t at = (uint32_t)class_hash & e->class_mask;
    for (; e->class_table[at]; at = (at + 1) & e->class_mask)
        if (e->class_hash[e->class_table[at] - 1] == class_hash)
            return &e->catalog->entry[e->class_table[at] - 1];
    return NULL;
}

uint64_t cmg_enricher_class_hash(const struct cmg_enricher *e, const struct cmg_entry *entry)
{
    return e->class_hash[entry - e->catalog->entry];
}

/* ---- names ----------------------------------------------------------------------------------- */

static size_t total(const cmg_str *s, size_t n)
{
    size_t len = 0;
    for (size_t i = 0; i < n; i++)
        len += s[i].len;
    return len;
}

static char *copy(cmg_str *to, const cmg_str *from, size_t n, char *text)
{
    for (size_t i = 0; i < n; i++) {
        if (from[i].len)
            memcpy(text, from[i].ptr, from[i].len);
        to[i] = cmg_str_of(text, from[i].len);
        text += from[i].len;
    }
    return text;
}

static bool copy_names(struct cmg_enricher *e, const struct cmg_options *opt)
{
    e->cmg_host = calloc(opt->n_cmg_hosts + 1, sizeof *e->cmg_host);
    e->connection_point = calloc(opt->n_connection_points + 1, sizeof *e->connection_point);
    e->names = malloc(total(opt->cmg_hosts, opt->n_cmg_hosts) +
                      total(opt->connection_points, opt->n_connection_points) + 1);
    if (!e->cmg_host || !e->connection_point || !e->names)
        return false;
    char *rest = copy(e->cmg_host, opt->cmg_hosts, opt->n_cmg_hosts, e->names);
    copy(e->connection_point, opt->connection_points, opt->n_connection_points, rest);
    e->cmg_hosts = opt->n_cmg_hosts;
    e->connection_points = opt->n_connection_points;
    return true;
}

/* ---- birth and death ------------------------------------------------------------------------- */

struct cmg_enricher *cmg_enricher_new_with(const struct cmg_catalog *catalog,
                                           const struct cmg_options *opt, struct cmg_error *reterr)
{
    struct cmg_enricher *e = calloc(1, sizeof *e);
    if (!e)
        return fail(NULL, reterr);
    e->catalog = catalog;
    e->window.ns =
        (opt->corr_seconds ? opt->corr_seconds : CMG_SECONDS_DEFAULT) * INT64_C(1000000000);
    e->window.records = opt->corr_records ? opt->corr_records : CMG_RECORDS_DEFAULT;
    for (size_t i = 0; i < catalog->causes; i++)
        e->known_flags |= catalog->cause[i].flag;
    if (!build_classes(e) || !copy_names(e, opt))
        return fail(e, reterr);
    if (!cmg_index_build(e, reterr)) {
        cmg_enricher_free(e);
        return NULL;
    }
    return e;
}

struct cmg_enricher *cmg_enricher_new(const struct cmg_options *opt, struct cmg_error *reterr)
{
    cmg_str image =
        opt->catalog ? cmg_str_of(opt->catalog, opt->catalog_len) : cmg_catalog_builtin();
    struct cmg_catalog *catalog = cmg_catalog_open(image.ptr, image.len, reterr);
    if (!catalog)
        return NULL;
    struct cmg_enricher *e = cmg_enricher_new_with(catalog, opt, reterr);
    if (e)
        e->owned = catalog;
    else
        cmg_catalog_free(catalog);
    return e;
}

void cmg_enricher_free(struct cmg_enricher *e)
{
    if (!e)
        return;
    cmg_matcher_free(e->matcher);
    cmg_catalog_free(e->owned);
    free(e->first);
    free(e->rule);
    free(e->coded);
    free(e->plain);
    free(e->class_hash);
    free(e->class_table);
    free(e->cmg_host);
    free(e->connection_point);
    free(e->names);
    free(e);
}

const struct cmg_catalog *cmg_enricher_catalog(const struct cmg_enricher *e)
{
    return e->catalog;
}
