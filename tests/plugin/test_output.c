/* SPDX-License-Identifier: Apache-2.0
 * The output in a host that is none, which speaks the proxy interface, with a mock cluster of the
 * host's own librdkafka: what OK and RETRY mean, and that a repeated chunk gives the same records.
 */
#include "tests/plugin/host.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <time.h>

#define EXPORTED __attribute__((visibility("default")))

/* The host's librdkafka, seen by every library that looks for one: the plugin must not. */
EXPORTED const char *rd_kafka_version_str(void)
{
    return "the host's";
}

enum { FLB_OK = 1, FLB_RETRY = 2, PROXY_OUTPUT = 2, PROXY_GOLANG = 11 };

/* Hosts before 4.2.3 allocate this and no more. */
struct definition {
    int type, proxy, flags;
    char *name, *description;
};
_Static_assert(sizeof(struct definition) == 32, "as the hosts have it");

struct api {
    const char *(*output_get_property)(const char *key, void *ins);
    const char *(*input_get_property)(const char *key, void *ins);
    void *(*get_cmt[2])(void *ins);
    void (*log_print)(int level, const char *file, int line, const char *format, ...);
};

struct context {
    void *remote_context, *proxy;
};

struct instance {
    char *name;
    struct api *api;
    void *ins;
    struct context *context;
};

static const char *get_output_property(const char *key, void *ins)
{
    cr_assert_eq(ins, &properties);
    return host_property(key);
}

static void print(int level, const char *file, int line, const char *format, ...)
{
    va_list args;
    (void)level, (void)file, (void)line;
    va_start(args, format);
    host_say(format, args);
    va_end(args);
}

static struct api api = {.output_get_property = get_output_property, .log_print = print};

static void *handle;
static int (*do_register)(struct definition *);
static int (*do_unregister)(struct definition *);
static int (*do_init)(struct instance *);
static int (*do_flush)(void *, const void *, size_t, const char *);
static int (*do_exit)(void *);

static struct context *context;
static struct cmg_buf chunk;
static int answer;

static void find(void *ret, const char *name)
{
    void *p = dlsym(handle, name);
    cr_assert(p, "%s", name);
    memcpy(ret, &p, sizeof p);
}

static void open_plugin(void)
{
    handle = dlopen(CMG_PLUGIN_FOLDER "/out_cmgpipe.so", RTLD_NOW | RTLD_LOCAL);
    cr_assert(handle, "%s", dlerror());
    find(&do_register, "FLBPluginRegister");
    find(&do_unregister, "FLBPluginUnregister");
    find(&do_init, "FLBPluginInit");
    find(&do_flush, "FLBPluginFlushCtx");
    find(&do_exit, "FLBPluginExitCtx");
    chunk = cmg_buf_init((size_t)64 << 20);
}

static void close_plugin(void)
{
    cmg_buf_done(&chunk);
}

TestSuite(output, .init = open_plugin, .fini = close_plugin, .timeout = 120);

/* Blocks of exactly their size, which the host takes back at once: nothing of them may be kept. */
static void call_init(void)
{
    struct instance *i = malloc(sizeof *i);
    context = calloc(1, sizeof *context);
    cr_assert(i && context);
    *i = (struct instance){.name = NULL, .api = &api, .ins = &properties, .context = context};
    answer = do_init(i);
    memset(i, 0xA5, sizeof *i);
    free(i);
}

static void begin(const char *const *p)
{
    properties = p;
    said[0] = '\0';
    call_init(); /* only flushes run on a small stack */
}

static void call_flush(void)
{
    char *exact = malloc(chunk.len ? chunk.len : 1);
    cr_assert(exact);
    if (chunk.len)
        memcpy(exact, chunk.ptr, chunk.len);
    answer = do_flush(context->remote_context, exact, chunk.len, "logs");
    free(exact);
}

static int flush(void)
{
    on_small_stack(call_flush);
    return answer;
}

static void call_exit(void)
{
    cr_assert_eq(do_exit(context->remote_context), FLB_OK);
}

static void end(void)
{
    call_exit();
    free(context);
}

/* ---- the interface ------------------------------------------------------------------------- */

Test(output, registers_in_32_bytes)
{
    struct definition *def = malloc(sizeof *def);
    cr_assert(def);
    memset(def, 0xA5, sizeof *def);
    cr_assert_eq(do_register(def), 0);
    cr_expect_eq(def->type, PROXY_OUTPUT);
    cr_expect_eq(def->proxy, PROXY_GOLANG);
    cr_expect_str_eq(def->name, "cmgpipe");
    cr_expect(strlen(def->description) > 10);
    cr_expect_eq(do_unregister(def), 0);
    free(def);
}

Test(output, brings_its_own_librdkafka)
{
    static const char *const p[] = {"mock_brokers", "1", "topic", "t", NULL};
    begin(p);
    cr_assert_gt(answer, 0, "%s", said);
    cr_expect(strstr(said, "librdkafka 2."), "%s", said);
    cr_expect_null(strstr(said, "the host's"), "%s", said);
    end();
}

static const struct {
    const char *name, *value, *word;
} faults[] = {
    {"sink", "file", "sink file"},
    {"flush_deadline_ms", "5", "flush_deadline_ms 5"},
    {"flush_deadline_ms", "soon", "flush_deadline_ms soon"},
    {"kafka.linger.ms", "soon", "linger.ms"},
    {"kafka.acks", "1", "acks"},
    {"key", "colour", "key"},
    {"timestamp", "never", "timestamp"},
    {"only", "some", "only some"},
    {"topic", "no topic", "topic"},
};

Test(output, a_wrong_value_is_one_line)
{
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        const char *const p[] = {
            faults[i].name, faults[i].value, "mock_brokers", "1", "topic", "t", NULL};
        begin(p);
        cr_expect_leq(answer, 0, "%s %s", faults[i].name, faults[i].value);
        cr_expect(strstr(said, faults[i].word), "%s: %s", faults[i].word, said);
        cr_expect_eq(strchr(said, '\n'), said + strlen(said) - 1, "%s", said);
        free(context);
    }
}

Test(output, needs_a_topic)
{
    begin((const char *const[]){"mock_brokers", "1", NULL});
    cr_expect_leq(answer, 0);
    cr_expect(strstr(said, "topic"), "%s", said);
    free(context);
}

/* ---- delivery ------------------------------------------------------------------------------ */

struct world {
    rd_kafka_t *owner;
    rd_kafka_mock_cluster_t *cluster;
    const char *brokers;
};

static void open_world(struct world *w)
{
    char text[256];
    w->owner = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), text, sizeof text);
    cr_assert(w->owner, "%s", text);
    w->cluster = rd_kafka_mock_cluster_new(w->owner, 1);
    cr_assert(w->cluster);
    w->brokers = rd_kafka_mock_cluster_bootstraps(w->cluster);
    cr_assert_eq(rd_kafka_mock_topic_create(w->cluster, "t", 1, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
}

static void close_world(struct world *w)
{
    rd_kafka_mock_cluster_destroy(w->cluster);
    rd_kafka_destroy(w->owner);
}

enum { MOST = 64 };

struct topic {
    json_t *value[MOST];
    size_t n;
};

static rd_kafka_t *open_consumer(const struct world *w)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", w->brokers, NULL, 0);
    rd_kafka_conf_set(conf, "group.id", "reader", NULL, 0);
    rd_kafka_conf_set(conf, "auto.offset.reset", "earliest", NULL, 0);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    cr_assert(rk, "%s", text);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, "t", 0)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_assign(rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return rk;
}

/* Until at least `least` are there and nothing more comes for a second. */
static struct topic read_topic(const struct world *w, size_t least)
{
    struct topic t = {.n = 0};
    rd_kafka_t *rk = open_consumer(w);
    for (int quiet = 0, all = 0; all < 600 && (t.n < least || quiet < 10); all++) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 100);
        quiet = m ? 0 : quiet + 1;
        if (m && !m->err) {
            cr_assert_lt(t.n, MOST);
            t.value[t.n] = json_loadb(m->payload, m->len, JSON_REJECT_DUPLICATES, NULL);
            cr_assert(t.value[t.n], "%.*s", (int)m->len, (const char *)m->payload);
            t.n++;
        }
        if (m)
            rd_kafka_message_destroy(m);
    }
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    return t;
}

static void free_topic(struct topic *t)
{
    for (size_t i = 0; i < t->n; i++)
        json_decref(t->value[i]);
}

static const char *text_of(json_t *j, const char *object, const char *key)
{
    const char *s = json_string_value(json_object_get(json_object_get(j, object), key));
    return s ? s : "";
}

static const char *role_of(json_t *j)
{
    const char *s = json_string_value(
        json_object_get(json_object_get(json_object_get(j, "cmgpipe"), "incident"), "role"));
    return s ? s : "";
}

Test(output, ok_means_that_every_record_is_there)
{
    struct world w;
    open_world(&w);
    const char *const p[] = {"brokers", w.brokers, "topic", "t", NULL};
    begin(p);
    cr_assert_gt(answer, 0, "%s", said);
    EVENT(&chunk, "log", BAD_STATUS("01"));
    EVENT(&chunk, "log", FORBIDDEN("01"));
    EVENT(&chunk, "@timestamp", "mine", "level", "not ours");
    cr_assert_eq(flush(), FLB_OK, "%s", said);
    struct topic t = read_topic(&w, 3);
    cr_assert_eq(t.n, 3);
    cr_expect_str_eq(role_of(t.value[0]), "candidate");
    cr_expect_str_eq(role_of(t.value[1]), "primary");
    cr_expect_str_eq(json_string_value(json_object_get(t.value[2], "level")), "not ours");
    free_topic(&t);
    end();
    close_world(&w);
}

Test(output, a_broker_that_is_away_means_retry)
{
    static const char *const p[] = {"brokers",           "127.0.0.1:1", "topic", "t",
                                    "flush_deadline_ms", "300",         NULL};
    begin(p);
    cr_assert_gt(answer, 0, "%s", said);
    EVENT(&chunk, "log", FORBIDDEN("01"));
    cr_expect_eq(flush(), FLB_RETRY);
    cr_expect_eq(flush(), FLB_RETRY);
    end();
}

/* All copies of a record that reached the topic, by whatever attempt, are one record. */
static void expect_one_record(const struct topic *t, const char *word, const char *role)
{
    const char *id = NULL;
    for (size_t i = 0; i < t->n; i++) {
        if (!strstr(text_of(t->value[i], "event", "original"), word))
            continue;
        cr_expect_str_eq(role_of(t->value[i]), role, "%s", word);
        cr_expect(!id || strcmp(id, text_of(t->value[i], "event", "id")) == 0, "%s", word);
        id = text_of(t->value[i], "event", "id");
    }
    cr_expect(id, "%s is not there", word);
}

/* A candidate, then its answer, in two chunks of which the first must be repeated after the
 * second: the second stays the primary of the first one's incident, the first a candidate. */
Test(output, a_repeated_chunk_gives_the_same_records)
{
    struct world w;
    open_world(&w);
    const char *const p[] = {"brokers", w.brokers, "topic", "t", "flush_deadline_ms", "400", NULL};
    struct cmg_buf first = cmg_buf_init(1 << 20), second = cmg_buf_init(1 << 20);
    begin(p);
    cr_assert_gt(answer, 0, "%s", said);
    EVENT(&first, "log", BAD_STATUS("01"));
    EVENT(&second, "log", FORBIDDEN("01"));
    put_bytes(&chunk, first.ptr, first.len);
    rd_kafka_mock_broker_set_down(w.cluster, 1);
    cr_expect_eq(flush(), FLB_RETRY, "%s", said);
    chunk.len = 0;
    put_bytes(&chunk, second.ptr, second.len);
    cr_expect_eq(flush(), FLB_RETRY);
    rd_kafka_mock_broker_set_up(w.cluster, 1);
    int left = 2;
    for (int i = 0; i < 60 && left; i++) {
        const struct cmg_buf *b = left == 2 ? &first : &second;
        chunk.len = 0;
        put_bytes(&chunk, b->ptr, b->len);
        left -= flush() == FLB_OK;
    }
    cr_assert_eq(left, 0, "%s", said);
    struct topic t = read_topic(&w, 2);
    expect_one_record(&t, "CCM_E_BAD_HTTP_STATUS_CODE", "candidate");
    expect_one_record(&t, "CMGConnector_Forbidden", "primary");
    free_topic(&t);
    cmg_buf_done(&first);
    cmg_buf_done(&second);
    end();
    close_world(&w);
}

Test(output, survives_broken_chunks)
{
    static const char *const p[] = {"sink", "stdout", NULL};
    struct cmg_buf sound = cmg_buf_init(1 << 20);
    cr_assert(freopen("/dev/null", "w", stdout));
    begin(p);
    cr_assert_gt(answer, 0, "%s", said);
    EVENT(&sound, "log", BAD_STATUS("01"), "extra", "x");
    EVENT(&sound, "x", "y");
    for (size_t n = 0; n < sound.len; n++) {
        chunk.len = 0;
        put_bytes(&chunk, sound.ptr, n);
        cr_assert_eq(flush(), FLB_OK);
        chunk.len = 0;
        put_bytes(&chunk, sound.ptr, sound.len);
        chunk.ptr[n] = (char)(chunk.ptr[n] ^ (n % 2 ? 0x80 : 0x1f));
        flush();
    }
    cmg_buf_done(&sound);
    end();
}

Test(output, starts_and_ends_again)
{
    static const char *const p[] = {"mock_brokers", "1", "topic", "t", NULL};
    EVENT(&chunk, "log", FORBIDDEN("01"));
    for (int i = 0; i < 2; i++) {
        begin(p);
        cr_assert_gt(answer, 0, "%s", said);
        cr_assert_eq(flush(), FLB_OK, "%s", said);
        end();
    }
}
