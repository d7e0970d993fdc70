/* SPDX-License-Identifier: Apache-2.0
 * What both plugins are told by their host's configuration, and what they decode with. Names are
 * the program's. */
#ifndef CMG_PLUGIN_SETTINGS_H
#define CMG_PLUGIN_SETTINGS_H

#include "core/streams.h"
#include "plugin/event.h"

enum { CMG_FLB_NAMES_MAX = 16, CMG_FLB_CORR_DEFAULT = 256 << 10, CMG_FLB_OUT_MAX = 256 << 20 };

/* The value of a property as the host has it, or NULL. Stays the host's. */
typedef const char *cmg_flb_get_fn(void *instance, const char *name);

enum cmg_flb_only { CMG_ONLY_ALL, CMG_ONLY_FINDINGS, CMG_ONLY_PRIMARY };

struct cmg_flb_settings {
    const char *source_key[3]; /* tried in order */
    cmg_str host_key, path_key, offset_key, prefix;
    cmg_str json_key; /* not empty: the record is one JSON text under this key */
    bool keep_source, original;
    enum cmg_flb_only only;
    enum cmg_level min_level;
    struct cmg_options engine;
    int utc_offset_min;
    cmg_str cmg_host[CMG_FLB_NAMES_MAX], connection_point[CMG_FLB_NAMES_MAX];
    size_t corr_bytes, streams;
    struct cmg_buf catalog; /* a compiled overlay */
    char host[256];
};

/* One plugin instance's decoding. */
struct cmg_flb {
    struct cmg_flb_settings set;
    struct cmg_engine *engine;
    struct cmg_corr *corr;
    struct cmg_streams *streams;
    struct cmg_buf name;        /* of the log at hand: tag and path */
    struct cmg_stream *stream;  /* of the last event */
    struct cmg_stream *leaving; /* made room: to be drained and freed */
    struct cmg_record record;
    /* Called before a stream decodes an event; CMG_ENOMEM: it must not. NULL: nobody wants to know.
     */
    enum cmg_rc (*touch)(void *user, struct cmg_stream *s, uint64_t log);
    void *touch_user;
};

/* Reads the properties and builds the engine. `ret` stays where it is until done. CMG_ECONFIG:
 * reterr->text is one line that names the property. */
CMG_MUST_USE enum cmg_rc cmg_flb_init(struct cmg_flb *ret, cmg_flb_get_fn *get, void *instance,
                                      struct cmg_error *reterr);
void cmg_flb_done(struct cmg_flb *f);

enum cmg_flb_take {
    CMG_FLB_RECORD,    /* f->record */
    CMG_FLB_DIRECTIVE, /* understood, but no record: a header line */
    CMG_FLB_FOREIGN,   /* no text of ours in it */
    CMG_FLB_NOMEM,
};

/* Decodes one event. Its slices point into the event. Then drain cmg_flb_more. */
enum cmg_flb_take cmg_flb_decode(struct cmg_flb *f, cmg_str tag, const struct cmg_flb_event *e,
                                 cmg_str *ret_source);
/* Promotions that the last event brought about, into f->record. False: none (left). */
bool cmg_flb_more(struct cmg_flb *f);
/* Does `only` and `min_level` let the record through? */
bool cmg_flb_wanted(const struct cmg_flb *f);

#endif
