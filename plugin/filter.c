/* SPDX-License-Identifier: Apache-2.0
 * flb-filter_cmgpipe.so: a native filter for Fluent Bit 2.2 and later, built without its headers.
 *
 * The host copies a struct of the size it knows from the symbol filter_cmgpipe_plugin; the layout
 * below is that of 2.2 (event_type, flags, name, description, config_map, cb_pre_run, cb_init,
 * cb_filter, cb_exit), and has not changed since but for pointers behind cb_exit, which the zeros
 * at the end stand for. Host functions are looked up when an instance starts, so that a host
 * without one is refused instead of crashed. Nothing is ever held back: an event leaves in the
 * batch it came in. */
#include "plugin/settings.h"

#include <dlfcn.h>
#include <stdlib.h>

enum {
    FILTER_MODIFIED = 1,
    FILTER_NOTOUCH = 2,
    LOG_ERROR = 1,
    LOG_WARN = 2,
    LOG_INFO = 3,
    HOST_POINTERS = 32,
    GROWTH_MAX = 16
};

typedef int init_fn(void *ins, void *config, void *data);
typedef int filter_fn(const void *data, size_t bytes, const char *tag, int tag_len, void **out,
                      size_t *out_size, void *ins, void *i_ins, void *context, void *config);
typedef int exit_fn(void *context, void *config);

struct filter_plugin {
    int event_type, flags;
    const char *name, *description;
    const void *config_map, *pre_run;
    init_fn *init;
    filter_fn *filter;
    exit_fn *exit;
    const void *host[HOST_POINTERS];
};

struct host {
    const char *(*get_property)(const char *key, void *ins);
    void (*set_context)(void *ins, void *context);
    void (*log)(int level, const char *file, int line, const char *format, ...);
};

struct filter {
    struct cmg_flb flb;
    struct host host;
    struct cmg_buf map; /* a record as msgpack */
    size_t last;        /* bytes that the last batch became */
    bool memory_told;
};

/* dlsym gives a data pointer; POSIX says that it converts. */
static bool find(void *ret, const char *name)
{
    void *p = dlsym(RTLD_DEFAULT, name);
    memcpy(ret, &p, sizeof p);
    return p != NULL;
}

static const char *get_property(void *ins, const char *name)
{
    struct host h;
    return find(&h.get_property, "flb_filter_get_property") ? h.get_property(name, ins) : NULL;
}

/* Without flb_log_print there is nobody to tell; the host says that the filter did not start. */
static bool find_host(struct host *h)
{
    static const char text[] =
        "[filter:cmgpipe] this host has no %s; Fluent Bit 2.2 or later is needed";
    if (!find(&h->log, "flb_log_print"))
        return false;
    const char *missing = NULL;
    if (!find(&h->get_property, "flb_filter_get_property"))
        missing = "flb_filter_get_property";
    else if (!find(&h->set_context, "flb_filter_set_context"))
        missing = "flb_filter_set_context";
    if (missing)
        h->log(LOG_ERROR, NULL, 0, text, missing);
    return !missing;
}

static int filter_exit(void *context, void *config)
{
    struct filter *f = context;
    (void)config;
    if (!f)
        return 0;
    cmg_flb_done(&f->flb);
    cmg_buf_done(&f->map);
    free(f);
    return 0;
}

static int filter_init(void *ins, void *config, void *data)
{
    struct cmg_error err;
    struct filter *f = calloc(1, sizeof *f);
    (void)data;
    if (!f || !find_host(&f->host)) {
        free(f);
        return -1;
    }
    f->map = cmg_buf_init(CMG_FLB_OUT_MAX);
    if (cmg_flb_init(&f->flb, get_property, ins, &err) != CMG_OK) {
        f->host.log(LOG_ERROR, NULL, 0, "[filter:cmgpipe] %s", err.text);
        filter_exit(f, config);
        return -1;
    }
    f->host.set_context(ins, f);
    f->host.log(LOG_INFO, NULL, 0, "[filter:cmgpipe] cmgpipe %s", cmg_version());
    return 0;
}

/* A map of one text: the record as the program prints it, without its line end. */
static enum cmg_rc put_json(struct filter *f)
{
    enum cmg_rc rc = cmg_mp_map(&f->map, 1);
    if (rc == CMG_OK)
        rc = cmg_mp_str(&f->map, f->flb.set.json_key);
    if (rc == CMG_OK)
        rc = cmg_buf_add(&f->map, CMG_LIT("\xDB....")); /* a STR whose length shows later */
    size_t from = f->map.len;
    if (rc == CMG_OK)
        rc = cmg_record_to_json(&f->flb.record, &f->map);
    if (rc != CMG_OK)
        return rc;
    f->map.len--;
    for (size_t i = 1, n = f->map.len - from; i <= 4; i++, n >>= 8)
        f->map.ptr[from - i] = (char)n;
    return CMG_OK;
}

/* Our fields, or the one that holds all. */
static enum cmg_rc put_map(struct filter *f)
{
    f->map.len = 0;
    return f->flb.set.json_key.len ? put_json(f) : cmg_record_to_msgpack(&f->flb.record, &f->map);
}

/* The record in f->flb.record as an event. Its own time becomes the event's; `e` NULL: a promotion,
 * which had none. */
static enum cmg_rc put_record(struct filter *f, struct cmg_buf *out, const struct cmg_flb_event *e,
                              cmg_str source)
{
    static const char empty_map[] = "\x80";
    const struct cmg_record *r = &f->flb.record;
    bool own_time = r->time_source == CMG_TIME_RECORD || !e;
    size_t start = out->len;
    enum cmg_rc rc = put_map(f);
    if (rc == CMG_OK)
        rc = cmg_flb_head(out, own_time && r->time_ns > 0 ? r->time_ns : (e ? e->time_ns : 0),
                          e ? e->metadata : (cmg_str){NULL, 0});
    if (rc == CMG_OK)
        rc = cmg_flb_merge(out, cmg_buf_str(&f->map), e ? e->body : cmg_str_of(empty_map, 1),
                           source, f->flb.set.keep_source, f->flb.set.prefix);
    if (rc != CMG_OK)
        out->len = start;
    return rc;
}

/* An event that cannot be enriched for want of memory goes on as it came. */
static bool put_event(struct filter *f, struct cmg_buf *out, cmg_str tag,
                      const struct cmg_flb_event *e)
{
    cmg_str source;
    enum cmg_rc rc = CMG_OK;
    enum cmg_flb_take take = cmg_flb_decode(&f->flb, tag, e, &source);
    if (take != CMG_FLB_RECORD)
        rc = cmg_buf_add(out, e->whole);
    else if (cmg_flb_wanted(&f->flb) && put_record(f, out, e, source) != CMG_OK)
        rc = cmg_buf_add(out, e->whole);
    while (cmg_flb_more(&f->flb))
        if (rc == CMG_OK && cmg_flb_wanted(&f->flb))
            rc = put_record(f, out, NULL, source);
    return rc == CMG_OK;
}

static bool put_all(struct filter *f, struct cmg_buf *out, cmg_str rest, cmg_str tag)
{
    struct cmg_flb_event e;
    bool is_event;
    while (cmg_flb_next(&rest, &e, &is_event))
        if (!(is_event ? put_event(f, out, tag, &e) : cmg_buf_add(out, e.whole) == CMG_OK))
            return false;
    return cmg_buf_add(out, rest) == CMG_OK; /* what is no msgpack stays as it is */
}

static int filter_run(const void *data, size_t bytes, const char *tag, int tag_len, void **out,
                      size_t *out_size, void *ins, void *i_ins, void *context, void *config)
{
    struct filter *f = context;
    struct cmg_buf b = cmg_buf_init(CMG_FLB_OUT_MAX);
    (void)ins;
    (void)i_ins; /* of an output's processor it is not even an input */
    (void)config;
    /* Batches resemble each other; without room in advance, growing would copy all again and again.
     */
    (void)!cmg_buf_reserve(&b, f->last / GROWTH_MAX < bytes ? f->last + f->last / 8 : bytes);
    if (!put_all(f, &b, cmg_str_of(data, bytes),
                 cmg_str_of(tag, tag_len > 0 ? (size_t)tag_len : 0))) {
        cmg_buf_done(&b);
        if (!f->memory_told)
            f->host.log(LOG_ERROR, NULL, 0,
                        "[filter:cmgpipe] not enough memory: events pass as they are");
        f->memory_told = true;
        return FILTER_NOTOUCH;
    }
    f->last = b.len;
    *out = b.ptr; /* released by the host with free() */
    *out_size = b.len;
    return FILTER_MODIFIED;
}

__attribute__((visibility("default"))) extern struct filter_plugin filter_cmgpipe_plugin;
struct filter_plugin filter_cmgpipe_plugin = {
    .name = "cmgpipe",
    .description = "Decode and classify ConfigMgr logs",
    .init = filter_init,
    .filter = filter_run,
    .exit = filter_exit,
};
