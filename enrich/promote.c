/* SPDX-License-Identifier: Apache-2.0
 * Candidates that nobody answered become one small record each, made of what the table kept. */
#include "enrich/internal.h"

#include <xxhash.h>

enum { TIME_DIGITS = 12 };

/* The candidate's time, then the hash of its id: the same in every run, and never that of a record.
 */
static void derive_id(const char *candidate, char ret[CMG_ID_SIZE])
{
    static const char hex[] = "0123456789abcdef";
    XXH128_canonical_t h;
    XXH128_canonicalFromHash(&h, XXH3_128bits(candidate, CMG_ID_SIZE - 1));
    memcpy(ret, candidate, TIME_DIGITS);
    for (size_t i = 0; i < sizeof h.digest; i++) {
        ret[TIME_DIGITS + 2 * i] = hex[h.digest[i] >> 4];
        ret[TIME_DIGITS + 2 * i + 1] = hex[h.digest[i] & 15];
    }
    ret[CMG_ID_SIZE - 1] = '\0';
}

static void fill_finding(const struct cmg_enricher *e, const struct cmg_entry *entry,
                         const struct cmg_incident *inc, const struct cmg_incident_text *t,
                         struct cmg_record *ret)
{
    struct cmg_finding *f = &ret->finding;
    cmg_finding_clear(f);
    f->entry = entry;
    f->role = CMG_ROLE_PRIMARY;
    f->scope = cmg_scope_of(entry, inc->scope);
    memcpy(f->incident, inc->id, CMG_ID_SIZE);
    memcpy(f->promoted, inc->candidate, CMG_ID_SIZE);
    f->code = inc->code ? inc->code : entry->code;
    f->status = inc->status;
    f->status_text = cmg_str_of(t->status_text, inc->status_text);
    f->url = cmg_str_of(t->url, inc->url);
    f->request_id = cmg_str_of(t->request_id, inc->request_id);
    ret->problems = cmg_finding_explain(e, &inc->flags, f);
}

static void fill_record(const struct cmg_incident *inc, const struct cmg_incident_text *t,
                        struct cmg_record *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->event.http = (struct cmg_http){
        .status = -1, .substatus = -1, .port = -1, .win32 = -1, .time_taken_ms = -1};
    ret->offset = UINT64_MAX;
    ret->host = cmg_str_of(t->host, inc->host);
    ret->path = cmg_str_of(t->path, inc->path);
    ret->time_ns = inc->candidate_ns;
    ret->time_source = (enum cmg_time_source)inc->candidate_source;
    derive_id(inc->candidate, ret->id);
}

bool cmg_enrich_due(const struct cmg_enricher *e, struct cmg_corr *c, uint64_t stream,
                    int64_t now_ns, bool all, struct cmg_record *ret)
{
    struct cmg_moment now = {now_ns, now_ns != 0};
    uint32_t i;
    while ((i = cmg_corr_due(c, stream, now, all, &e->window)) != 0) {
        const struct cmg_incident *inc = cmg_corr_incident(c, i);
        const struct cmg_entry *entry = cmg_enricher_class(e, inc->class_hash);
        cmg_corr_release(c, i);
        if (!entry)
            continue; /* restored from a time when the catalogue had this class */
        const struct cmg_incident_text *t = cmg_corr_incident_text(c, i);
        fill_record(inc, t, ret);
        fill_finding(e, entry, inc, t, ret);
        return true;
    }
    return false;
}
