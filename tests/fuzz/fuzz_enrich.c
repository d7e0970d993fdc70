/* SPDX-License-Identifier: Apache-2.0
 * Enrichment with any messages in any order: every line of the input is a record whose first
 * characters choose its log, thread and time. Promised: one primary an incident, evidence only of
 * what was opened, and an incident's id is that of its first record. A line that begins with '#'
 * damages an image of the table, which must be refused or be safe to go on with. */
#include "core/engine.h"
#include "enrich/correlate.h"
#include "enrich/enrich.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RECORDS = 512, STREAMS = 2 };

struct seen {
    bool opened;
    int primaries;
};

struct run {
    const struct cmg_enricher *e;
    struct cmg_corr *c;
    struct seen seen[RECORDS + 1];
    int64_t clock[STREAMS];
    bool damaged;
};

static void must(bool good)
{
    if (!good)
        abort();
}

static struct seen *seen_by(struct run *run, const char *id)
{
    long n = strtol(id + 12, NULL, 16);
    must(n > 0 && n <= RECORDS);
    return &run->seen[n];
}

static void note(struct run *run, const struct cmg_record *r)
{
    const struct cmg_finding *f = &r->finding;
    if (f->role == CMG_ROLE_NONE || run->damaged)
        return;
    struct seen *s = seen_by(run, f->incident);
    must(s->opened || (!strcmp(f->incident, r->id) && f->role != CMG_ROLE_EVIDENCE));
    s->opened = true;
    s->primaries += f->role == CMG_ROLE_PRIMARY;
    must(s->primaries <= 1);
}

static void promotions(struct run *run, uint64_t stream, int64_t now, bool all)
{
    struct cmg_record r;
    while (cmg_enrich_due(run->e, run->c, stream, now, all, &r)) {
        must(r.finding.role == CMG_ROLE_PRIMARY && r.finding.entry);
        note(run, &r);
    }
}

/* "xy": bits of x choose log, thread and kind of time, y seconds. */
static void one_record(struct run *run, int number, cmg_str line)
{
    struct cmg_record r;
    unsigned how = line.len ? (unsigned char)line.ptr[0] : 0, stream = how & 1;
    memset(&r, 0, sizeof r);
    run->clock[stream] +=
        (int64_t)(line.len > 1 ? (unsigned char)line.ptr[1] & 63 : 0) * 1000000000;
    r.time_ns = run->clock[stream];
    r.time_source = how & 2 ? CMG_TIME_READ : CMG_TIME_RECORD;
    r.event.has_thread = how & 4;
    r.event.thread = how >> 3 & 3;
    r.event.has_http = how & 64;
    r.event.http.status = (int32_t)(how >> 3 & 1) * 403;
    r.event.http.substatus = 7;
    r.event.message = cmg_str_from(line, 2);
    r.host = r.path = CMG_LIT("log");
    snprintf(r.id, sizeof r.id, "%012x%032x", 1u, (unsigned)number);
    promotions(run, stream, r.time_source == CMG_TIME_READ ? 0 : r.time_ns, false);
    cmg_enrich(run->e, run->c, stream, &r);
    note(run, &r);
}

static void damage(struct run *run, cmg_str line)
{
    cmg_str image = cmg_corr_image(run->c);
    char *copy = malloc(image.len);
    must(copy != NULL);
    memcpy(copy, image.ptr, image.len);
    for (size_t i = 1; i + 2 < line.len; i += 3) {
        size_t at = (unsigned char)line.ptr[i] | (size_t)(unsigned char)line.ptr[i + 1] << 8;
        copy[at % image.len] ^= line.ptr[i + 2];
    }
    if (cmg_corr_restore(run->c, cmg_str_of(copy, image.len)))
        run->damaged = true;
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct cmg_engine *engine;
    struct cmg_error err;
    struct cmg_options opt = {.host = CMG_LIT("fuzz")};
    if (!engine)
        engine = cmg_engine_new(&opt, &err);
    must(engine != NULL);
    struct run *run = calloc(1, sizeof *run);
    must(run != NULL);
    run->e = engine->enricher;
    run->c = cmg_corr_new(CMG_CORR_BYTES_MIN);
    must(run->c != NULL);
    cmg_str rest = cmg_str_of((const char *)data, size);
    for (int n = 1; n <= RECORDS && rest.len; n++) {
        size_t end = cmg_str_chr(rest, '\n');
        cmg_str line = cmg_str_head(rest, end);
        rest = cmg_str_from(rest, line.len + 1);
        if (cmg_str_starts(line, CMG_LIT("#")))
            damage(run, line);
        else
            one_record(run, n, line);
    }
    for (uint64_t s = 0; s < STREAMS; s++)
        promotions(run, s, 0, true);
    for (int n = 1; n <= RECORDS && !run->damaged; n++)
        must(!run->seen[n].opened || run->seen[n].primaries == 1);
    cmg_corr_free(run->c);
    free(run);
    return 0;
}
