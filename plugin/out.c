/* SPDX-License-Identifier: Apache-2.0
 * out_cmgpipe.so: an output for Fluent Bit by its proxy interface (the one that Go plugins use), in
 * plain C.
 *
 * A chunk is answered with OK only after the sink has confirmed every record of it; with RETRY at
 * the deadline or when something failed, and the host brings it again. Records that arrived at the
 * first attempt arrive twice then, with the same event.id.
 *
 * The structs below are what the host passes, as far as it is used: fields behind them exist in
 * later versions and are not touched. In particular FLBPluginRegister writes the first 32 bytes of
 * its definition and no more, since hosts before 4.2.3 allocate no more. */
#include "plugin/retry.h"
#include "core/time.h"
#include "sinks/sink.h"

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
    FLB_ERROR,
    FLB_OK,
    FLB_RETRY,
    PROXY_OUTPUT = 2,
    PROXY_GOLANG = 11,
    LOG_ERROR = 1,
    LOG_WARN = 2,
    LOG_INFO = 3
};
enum { PROPERTIES_MAX = 400, DEADLINE_MS = 10000, SLICE_MS = 50, CLOSE_MS = 5000 };

struct definition {
    int type, proxy, flags;
    char *name, *description;
};

struct api {
    const char *(*output_get_property)(const char *key, void *ins);
    const char *(*input_get_property)(const char *key, void *ins);
    void *(*get_cmt[2])(void *ins);
    void (*log_print)(int level, const char *file, int line, const char *format, ...);
};

struct context {
    void *remote_context;
    void *proxy;
};

struct instance {
    char *name;
    struct api *api;
    void *ins;
    struct context *context;
};

struct output {
    struct cmg_flb flb;
    struct cmg_retry retry;
    struct api *api;
    void *ins;
    pthread_mutex_t lock; /* with "workers" above 1 the host calls from several threads */
    struct cmg_sink *sink;
    struct cmg_property property[PROPERTIES_MAX];
    size_t properties;
    char **text; /* names made of parts */
    size_t texts;
    size_t deadline_ms;
    uint64_t attempt, confirmed, refused, sent; /* of the chunk at hand */
};

__attribute__((visibility("default"))) int FLBPluginRegister(struct definition *def);
__attribute__((visibility("default"))) int FLBPluginUnregister(struct definition *def);
__attribute__((visibility("default"))) int FLBPluginInit(struct instance *plugin);
__attribute__((visibility("default"))) /* `context` is the remote_context of Init. */
int FLBPluginFlushCtx(void *context, const void *data, size_t size, const char *tag);
__attribute__((visibility("default"))) int FLBPluginExitCtx(void *context);

int FLBPluginRegister(struct definition *def)
{
    def->type = PROXY_OUTPUT;
    def->proxy = PROXY_GOLANG;
    def->flags = 0;
    def->name = strdup("cmgpipe");
    def->description =
        strdup("Decode and classify ConfigMgr logs, publish them to Kafka or stdout");
    return def->name && def->description ? 0 : -1;
}

int FLBPluginUnregister(struct definition *def)
{
    free(def->name);
    free(def->description);
    def->name = def->description = NULL;
    return 0;
}

/* ---- start --------------------------------------------------------------------------------- */

static const char *get_property(void *instance, const char *name)
{
    const struct output *o = instance;
    return o->api->output_get_property(name, o->ins);
}

static void say(void *user, enum cmg_level level, const char *text, const char *detail)
{
    const struct output *o = user;
    int host = level == CMG_LEVEL_ERROR     ? LOG_ERROR
               : level == CMG_LEVEL_WARNING ? LOG_WARN
                                            : LOG_INFO;
    o->api->log_print(host, NULL, 0, "[output:cmgpipe] %s%s%s", text, *detail ? ": " : "", detail);
}

/* A report of an earlier attempt counts for nothing. */
static void on_ack(void *user, uint64_t cookie, enum cmg_rc rc)
{
    struct output *o = user;
    if (cookie != o->attempt)
        return;
    if (rc == CMG_OK)
        o->confirmed++;
    else
        o->refused++;
}

static bool add_property(struct output *o, const char *name, const char *value)
{
    if (o->properties == PROPERTIES_MAX)
        return false;
    o->property[o->properties++] = (struct cmg_property){name, value};
    return true;
}

/* "kafka.<name>", when the host's configuration has it. */
static bool read_property(struct output *o, cmg_str name)
{
    char full[120];
    int n = snprintf(full, sizeof full, "kafka.%.*s", (int)name.len, name.ptr);
    const char *value = n > 0 && (size_t)n < sizeof full ? get_property(o, full) : NULL;
    if (!value)
        return true;
    if (o->texts == PROPERTIES_MAX || !(o->text[o->texts] = strdup(full)))
        return false;
    return add_property(o, o->text[o->texts++], value);
}

/* The interface cannot enumerate properties, so it is asked for every name that this librdkafka
 * has, those of topics and second names such as linger.ms included: only its own table, which is
 * meant for people, has them all. A name ends at a blank, and a bar follows. */
static bool read_table(struct output *o, cmg_str table)
{
    bool ok = true;
    while (table.len && ok) {
        cmg_str line = cmg_str_head(table, cmg_str_chr(table, '\n'));
        cmg_str name = cmg_str_head(line, cmg_str_chr(line, ' '));
        cmg_str rest = cmg_str_trim(cmg_str_from(line, name.len));
        table = cmg_str_from(table, line.len + 1);
        if (name.len && cmg_lower(name.ptr[0]) >= 'a' && cmg_str_starts(rest, CMG_LIT("|")))
            ok = read_property(o, name);
    }
    return ok;
}

static bool read_kafka(struct output *o)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    o->text = calloc(PROPERTIES_MAX, sizeof *o->text);
    if (!f || !o->text) {
        if (f)
            fclose(f);
        free(text);
        return false;
    }
    rd_kafka_conf_properties_show(f);
    bool ok = fclose(f) == 0 && read_table(o, cmg_str_of(text, len));
    free(text);
    return ok;
}

static bool read_sink(struct output *o)
{
    static const char *const own[] = {
        "topic",          "key",         "timestamp", "dead-letter-topic", "dead-letter-file",
        "splunk-headers", "mock-brokers"};
    static const char *const host[] = {
        "topic",          "key",         "timestamp", "dead_letter_topic", "dead_letter_file",
        "splunk_headers", "mock_brokers"};
    const char *brokers = get_property(o, "brokers");
    bool ok = !brokers || add_property(o, "kafka.bootstrap.servers", brokers);
    for (size_t i = 0; i < sizeof own / sizeof *own && ok; i++) {
        const char *value = get_property(o, host[i]);
        ok = !value || add_property(o, own[i], value);
    }
    return ok && read_kafka(o);
}

static enum cmg_rc read_deadline(struct output *o, struct cmg_error *reterr)
{
    const char *v = get_property(o, "flush_deadline_ms");
    char *end = NULL;
    unsigned long n = v ? strtoul(v, &end, 10) : DEADLINE_MS;
    o->deadline_ms = n;
    if (!v || (*v && !*end && n >= 100 && n <= 3600000))
        return CMG_OK;
    *reterr = (struct cmg_error){.rc = CMG_ECONFIG};
    snprintf(reterr->text, sizeof reterr->text,
             "flush_deadline_ms %.40s: is no number from 100 to 3600000", v);
    return CMG_ECONFIG;
}

static enum cmg_rc open_sink(struct output *o, struct cmg_error *reterr)
{
    const char *name = get_property(o, "sink");
    const struct cmg_sink_ops *ops = cmg_sink_find(cmg_str_c(name ? name : "kafka"));
    struct cmg_sink_options opt = {
        .ack = on_ack, .ack_user = o, .say = say, .say_user = o, .fd = 1};
    if (!ops || !ops->open) {
        *reterr = (struct cmg_error){.rc = CMG_ECONFIG};
        snprintf(reterr->text, sizeof reterr->text, "sink %.40s: is none of kafka, stdout",
                 name ? name : "kafka");
        return CMG_ECONFIG;
    }
    if (ops == &cmg_sink_kafka) {
        if (!read_sink(o)) {
            *reterr = (struct cmg_error){.rc = CMG_ENOMEM,
                                         .text = "not enough memory for the properties"};
            return CMG_ENOMEM;
        }
        opt.property = o->property;
        opt.properties = o->properties;
    }
    return ops->open(&opt, &o->sink, reterr);
}

static void destroy(struct output *o)
{
    if (o->sink)
        (void)!cmg_sink_close(o->sink, CLOSE_MS, NULL);
    for (size_t i = 0; i < o->texts; i++)
        free(o->text[i]);
    free(o->text);
    cmg_retry_done(&o->retry);
    cmg_flb_done(&o->flb);
    pthread_mutex_destroy(&o->lock);
    free(o);
}

/* > 0: started. Everything that is needed later is copied: the host reuses the instance's struct.
 */
int FLBPluginInit(struct instance *plugin)
{
    struct cmg_error err;
    struct output *o = calloc(1, sizeof *o);
    if (!o)
        return -1;
    o->api = plugin->api;
    o->ins = plugin->ins;
    pthread_mutex_init(&o->lock, NULL);
    enum cmg_rc rc = cmg_flb_init(&o->flb, get_property, o, &err);
    cmg_retry_init(&o->retry, rc == CMG_OK ? cmg_corr_image(o->flb.corr).len : 0);
    o->flb.touch = cmg_retry_touch;
    o->flb.touch_user = &o->retry;
    if (rc == CMG_OK)
        rc = read_deadline(o, &err);
    if (rc == CMG_OK)
        rc = open_sink(o, &err);
    if (rc != CMG_OK) {
        o->api->log_print(LOG_ERROR, NULL, 0, "[output:cmgpipe] %s", err.text);
        destroy(o);
        return -1;
    }
    o->api->log_print(LOG_INFO, NULL, 0, "[output:cmgpipe] cmgpipe %s, librdkafka %s",
                      cmg_version(), rd_kafka_version_str());
    plugin->context->remote_context = o;
    return FLB_OK;
}

/* ---- a chunk ------------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The value stands at the end of the sink's buffer from `from` on. Waits for room until the
 * deadline. */
static bool send_value(struct output *o, size_t from, const struct cmg_record *r, cmg_str key,
                       int64_t until)
{
    enum cmg_rc rc;
    struct cmg_message m = {.key = key, .record = r, .cookie = o->attempt};
    for (;;) {
        m.value = cmg_str_from(cmg_buf_str(&o->sink->out), from);
        rc = cmg_sink_send(o->sink, &m);
        if (rc != CMG_AGAIN)
            break;
        if (now_ms() >= until || cmg_sink_poll(o->sink, SLICE_MS) == CMG_EIO) {
            o->sink->out.len = from;
            return false;
        }
    }
    o->sent += rc == CMG_OK;
    return rc == CMG_OK;
}

static bool send_record(struct output *o, int64_t until)
{
    size_t from = o->sink->out.len;
    if (!cmg_flb_wanted(&o->flb))
        return true;
    if (cmg_record_to_json(&o->flb.record, &o->sink->out) != CMG_OK)
        return false;
    return send_value(o, from, &o->flb.record, o->flb.record.host, until);
}

/* The event's time in front of the JSON object that begins at `at`. */
static enum cmg_rc put_time_first(struct cmg_buf *out, size_t at, int64_t time_ns)
{
    enum { MOST = CMG_RFC3339_MAX + 32 };
    char head[MOST];
    bool empty = out->len - at == 2;
    memcpy(head, "{\"@timestamp\":\"", 15);
    size_t n = 15 + cmg_rfc3339_write(time_ns, head + 15);
    head[n++] = '"';
    if (!empty)
        head[n++] = ',';
    enum cmg_rc rc = cmg_buf_reserve(out, n);
    if (rc != CMG_OK)
        return rc;
    memmove(out->ptr + at + n, out->ptr + at + 1, out->len - at - 1);
    memcpy(out->ptr + at, head, n);
    out->len += n - 1;
    return CMG_OK;
}

/* An event that was decoded upstream (by our filter), or is none of ours, goes out as it is, with
 * its time unless it names one itself. */
static bool send_foreign(struct output *o, const struct cmg_flb_event *e, int64_t until)
{
    struct cmg_buf *out = &o->sink->out;
    size_t from = out->len;
    cmg_str host = cmg_flb_text(e->body, CMG_LIT("host")), value;
    if (!host.len && cmg_mp_find(e->body, CMG_LIT("host"), &value))
        host = cmg_flb_text(value, CMG_LIT("name"));
    enum cmg_rc rc = cmg_flb_json(out, e->body);
    if (rc == CMG_OK && !cmg_mp_find(e->body, CMG_LIT("@timestamp"), &value))
        rc = put_time_first(out, from, e->time_ns);
    if (rc == CMG_OK)
        rc = cmg_buf_add(out, CMG_LIT("\n"));
    if (rc != CMG_OK) {
        out->len = from;
        return false;
    }
    return send_value(o, from, NULL, host, until);
}

static bool send_event(struct output *o, cmg_str tag, const struct cmg_flb_event *e, int64_t until)
{
    cmg_str source;
    bool ok = true;
    switch (cmg_flb_decode(&o->flb, tag, e, &source)) {
    case CMG_FLB_RECORD:
        ok = send_record(o, until);
        break;
    case CMG_FLB_FOREIGN:
        ok = send_foreign(o, e, until);
        break;
    case CMG_FLB_NOMEM:
        ok = false;
        break;
    case CMG_FLB_DIRECTIVE:
        break;
    }
    while (cmg_flb_more(&o->flb))
        ok = ok && send_record(o, until);
    return ok;
}

static bool send_chunk(struct output *o, cmg_str rest, cmg_str tag, int64_t until)
{
    struct cmg_flb_event e;
    bool is_event, ok = true;
    while (ok && cmg_flb_next(&rest, &e, &is_event))
        if (is_event)
            ok = send_event(o, tag, &e, until);
    if (ok && rest.len)
        say(o, CMG_LEVEL_ERROR, "a chunk does not end in msgpack; what stands before it was sent",
            "");
    return ok;
}

static bool wait_for_reports(struct output *o, int64_t until)
{
    while (o->confirmed + o->refused < o->sent) {
        int64_t left = until - now_ms();
        if (left <= 0 || cmg_sink_flush(o->sink, left < SLICE_MS ? (int)left : SLICE_MS) == CMG_EIO)
            return false;
    }
    return o->refused == 0;
}

/* `context` is the remote_context of Init. */
int FLBPluginFlushCtx(void *context, const void *data, size_t size, const char *tag)
{
    struct output *o = context;
    pthread_mutex_lock(&o->lock);
    int64_t until = now_ms() + (int64_t)o->deadline_ms;
    uint64_t hash = XXH3_64bits_withSeed(data, size, XXH3_64bits(tag, strlen(tag)));
    bool ok = cmg_retry_begin(&o->retry, &o->flb, hash) == CMG_OK;
    if (ok) {
        o->attempt++;
        o->confirmed = o->refused = o->sent = 0;
        ok = send_chunk(o, cmg_str_of(data, size), cmg_str_c(tag), until) &&
             wait_for_reports(o, until);
        cmg_retry_end(&o->retry, &o->flb, ok);
    }
    pthread_mutex_unlock(&o->lock);
    return ok ? FLB_OK : FLB_RETRY;
}

int FLBPluginExitCtx(void *context)
{
    destroy(context);
    return FLB_OK;
}
