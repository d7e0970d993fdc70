/* SPDX-License-Identifier: Apache-2.0
 * Builds what every command needs. See setup.h. */
#include "cli/setup.h"
#include "cli/tz.h"
#include "core/engine.h"
#include "enrich/enrich.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static enum cmg_rc build_catalog(struct cmg_setup *u, const struct cmg_settings *s,
                                 struct cmg_error *reterr)
{
    const struct cmg_setting *at = &s->at[CMG_OPT_CATALOG];
    u->image = cmg_buf_init(CMG_CATALOG_IMAGE_MAX);
    if (!at->values)
        return CMG_OK;
    return cmg_catalog_build(cmg_catalog_builtin(), (const char *const *)at->value, at->values,
                             &u->image, reterr);
}

static void find_host(struct cmg_setup *u, const struct cmg_settings *s)
{
    const char *named = cmg_text_of(s, CMG_OPT_HOST);
    if (named)
        snprintf(u->host, sizeof u->host, "%s", named);
    else if (gethostname(u->host, sizeof u->host) != 0)
        u->host[0] = '\0';
    u->host[sizeof u->host - 1] = '\0';
    for (char *p = u->host; *p; p++)
        *p = cmg_lower(*p);
}

/* Slices of the values, for the time that the engine needs to copy them. */
static cmg_str *slices(const struct cmg_setting *at)
{
    cmg_str *out = calloc(at->values + 1, sizeof *out);
    for (size_t i = 0; out && i < at->values; i++)
        out[i] = cmg_str_c(at->value[i]);
    return out;
}

static enum cmg_rc build_engine(struct cmg_setup *u, const struct cmg_settings *s,
                                struct cmg_error *reterr)
{
    const struct cmg_setting *names = &s->at[CMG_OPT_CMG_HOST],
                             *points = &s->at[CMG_OPT_CONNECTION_POINT];
    cmg_str *name = slices(names), *point = slices(points);
    struct cmg_options opt = {
        .host = cmg_str_c(u->host),
        .decoder = cmg_str_c(cmg_text_of(s, CMG_OPT_DECODER)),
        .max_record = cmg_number_of(s, CMG_OPT_MAX_RECORD),
        .lang = u->lang,
        .utc_offset = cmg_tz_offset,
        .cmg_hosts = name,
        .n_cmg_hosts = names->values,
        .connection_points = point,
        .n_connection_points = points->values,
        .catalog = u->image.ptr,
        .catalog_len = u->image.len,
    };
    if (name && point)
        u->engine = cmg_engine_new(&opt, reterr);
    free(name);
    free(point);
    return u->engine ? CMG_OK : reterr->rc;
}

enum cmg_rc cmg_setup_init(struct cmg_setup *u, const struct cmg_settings *s,
                           struct cmg_error *reterr)
{
    memset(u, 0, sizeof *u);
    *reterr = (struct cmg_error){.rc = CMG_ENOMEM, .text = "out of memory"};
    u->lang = (enum cmg_lang)cmg_number_of(s, CMG_OPT_LANG);
    find_host(u, s);
    enum cmg_rc rc = cmg_tz_open(cmg_text_of(s, CMG_OPT_TIMEZONE));
    if (rc == CMG_OK)
        rc = build_catalog(u, s, reterr);
    if (rc == CMG_OK)
        rc = build_engine(u, s, reterr);
    u->corr = cmg_corr_new(0);
    return rc == CMG_OK && !u->corr ? CMG_ENOMEM : rc;
}

static void drop_engine(struct cmg_setup *u)
{
    cmg_engine_free(u->engine);
    cmg_buf_done(&u->image);
    u->engine = NULL;
}

enum cmg_rc cmg_setup_again(const struct cmg_setup *old, const struct cmg_settings *s,
                            struct cmg_setup *ret, struct cmg_error *reterr)
{
    *ret = *old;
    ret->engine = NULL;
    *reterr = (struct cmg_error){.rc = CMG_ENOMEM, .text = "out of memory"};
    enum cmg_rc rc = build_catalog(ret, s, reterr);
    if (rc == CMG_OK)
        rc = build_engine(ret, s, reterr);
    if (rc != CMG_OK)
        drop_engine(ret);
    return rc;
}

void cmg_setup_replace(struct cmg_setup *u, struct cmg_setup *with)
{
    drop_engine(u);
    u->engine = with->engine;
    u->image = with->image;
    with->engine = NULL;
    with->image = cmg_buf_init(0);
}

void cmg_setup_done(struct cmg_setup *u)
{
    cmg_corr_free(u->corr);
    cmg_engine_free(u->engine);
    cmg_buf_done(&u->image);
}

const struct cmg_catalog *cmg_setup_catalog(const struct cmg_setup *u)
{
    return cmg_enricher_catalog(u->engine->enricher);
}
