/* SPDX-License-Identifier: Apache-2.0
 * The engine: options copied once, the catalogue opened, the decoder chosen. */
#include "core/engine.h"

#include "decoders/decoder.h"
#include "enrich/enrich.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#ifndef CMG_VERSION
#define CMG_VERSION "0.1.0"
#endif

const char *cmg_version(void)
{
    return CMG_VERSION;
}

static bool fail(struct cmg_error *reterr, enum cmg_rc rc, const char *text, cmg_str what)
{
    *reterr = (struct cmg_error){.rc = rc};
    snprintf(reterr->text, sizeof reterr->text, "%s%.*s", text, (int)cmg_str_head(what, 100).len,
             what.len ? what.ptr : "");
    return false;
}

static bool check(const struct cmg_options *opt, struct cmg_error *reterr)
{
    if (opt->max_record &&
        (opt->max_record < CMG_MAX_RECORD_MIN || opt->max_record > CMG_MAX_RECORD_MAX))
        return fail(reterr, CMG_ECONFIG, "max-record must lie between 256 and 67108864 bytes",
                    CMG_LIT(""));
    if (opt->decoder.len && !cmg_decoder_find(opt->decoder))
        return fail(reterr, CMG_ECONFIG, "no such decoder: ", opt->decoder);
    return true;
}

static bool copy_host(struct cmg_engine *e, cmg_str host, struct cmg_error *reterr)
{
    e->text = malloc(host.len + 1);
    if (!e->text)
        return fail(reterr, CMG_ENOMEM, "not enough memory", CMG_LIT(""));
    for (size_t i = 0; i < host.len; i++)
        e->text[i] = cmg_lower(host.ptr[i]);
    e->opt.host = cmg_str_of(e->text, host.len);
    return true;
}

/* The enricher keeps its own copies of the names it compares; what stays in e->opt must not dangle.
 */
static void forget_borrowed(struct cmg_options *opt)
{
    opt->cmg_hosts = NULL;
    opt->connection_points = NULL;
    opt->n_cmg_hosts = opt->n_connection_points = 0;
    opt->decoder = (cmg_str){NULL, 0};
}

struct cmg_engine *cmg_engine_new(const struct cmg_options *opt, struct cmg_error *reterr)
{
    if (!check(opt, reterr))
        return NULL;
    struct cmg_engine *e = calloc(1, sizeof *e);
    if (!e) {
        fail(reterr, CMG_ENOMEM, "not enough memory", CMG_LIT(""));
        return NULL;
    }
    e->opt = *opt;
    if (!e->opt.max_record)
        e->opt.max_record = CMG_MAX_RECORD_DEFAULT;
    e->decoder = opt->decoder.len ? cmg_decoder_find(opt->decoder) : NULL;
    if (copy_host(e, opt->host, reterr))
        e->enricher = cmg_enricher_new(opt, reterr);
    if (!e->enricher) {
        cmg_engine_free(e);
        return NULL;
    }
    forget_borrowed(&e->opt);
    return e;
}

void cmg_engine_free(struct cmg_engine *e)
{
    if (!e)
        return;
    cmg_enricher_free(e->enricher);
    free(e->text);
    free(e);
}

int64_t cmg_engine_now(const struct cmg_engine *e)
{
    if (e->opt.now_ns)
        return e->opt.now_ns(e->opt.now_user);
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}
