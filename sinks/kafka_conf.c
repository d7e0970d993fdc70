/* SPDX-License-Identifier: Apache-2.0
 * From properties to a librdkafka configuration, with defaults that lose nothing and contradictions
 * explained. */
#include "sinks/kafka_conf.h"
#include "sinks/kafka.h"

#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>

/* Why these: idempotence and acks=all, so that a retry neither loses nor repeats; lz4, since it
 * costs half the CPU of zstd for three fifths of its ratio on this data; murmur2_random, so that
 * keys land where a Java producer would put them; 50 ms of linger for full batches; a small queue,
 * because a deep one doubles the CPU and gains no speed. */
static const struct cmg_property defaults[] = {
    {"client.id", "cmgpipe"},
    {"enable.idempotence", "true"},
    {"compression.codec", "lz4"},
    {"partitioner", "murmur2_random"},
    {"linger.ms", "50"},
    {"queue.buffering.max.kbytes", "8192"},
    {"socket.keepalive.enable", "true"},
    {"log.queue", "true"},
};

/* These would take the floor from under what the sink promises. */
static const struct {
    const char *name, *why;
} refused[] = {
    {"transactional.id", "records are sent at least once, not in transactions; a repeated one has "
                         "the same event.id"},
    {"delivery.report.only.error", "delivery is counted by delivery reports, so all are needed"},
    {"log.queue", "librdkafka's messages are logged from one thread only"},
    {"plugin.library.paths", "foreign code is not loaded into this process"},
};

static bool same(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static enum cmg_rc fail(struct cmg_error *reterr, const char *name, const char *value,
                        const char *why)
{
    *reterr = (struct cmg_error){.rc = CMG_ECONFIG};
    snprintf(reterr->text, sizeof reterr->text, "%.60s%s%.60s: %.110s", name, value ? "=" : "",
             value ? value : "", why);
    return CMG_ECONFIG;
}

/* The last one of that name, or `otherwise`. */
static const char *own(const struct cmg_sink_options *opt, const char *name, const char *otherwise)
{
    for (size_t i = opt->properties; i--;)
        if (same(opt->property[i].name, name))
            return opt->property[i].value;
    return otherwise;
}

bool cmg_kafka_is_secret(const char *name)
{
    return strstr(name, "password") || strstr(name, "secret") || strstr(name, ".key.pem") ||
           strstr(name, "oauthbearer.config");
}

static enum cmg_rc set(struct cmg_kafka_conf *c, const char *name, const char *value,
                       struct cmg_error *reterr)
{
    char why[160], full[80];
    rd_kafka_conf_res_t res = rd_kafka_conf_set(c->rd, name, value, why, sizeof why);
    if (res == RD_KAFKA_CONF_OK)
        return CMG_OK;
    snprintf(full, sizeof full, "kafka.%s", name);
    if (res == RD_KAFKA_CONF_UNKNOWN) /* what stands behind a misspelt name may be a secret */
        return fail(reterr, full, NULL, "librdkafka has no such property");
    return fail(reterr, full, cmg_kafka_is_secret(name) ? "[masked]" : value, why);
}

static enum cmg_rc set_given(struct cmg_kafka_conf *c, const char *name, const char *value,
                             struct cmg_error *reterr)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (same(name, refused[i].name))
            return fail(reterr, name, NULL, refused[i].why);
    return set(c, name, value, reterr);
}

enum cmg_rc cmg_kafka_property(const char *name, const char *value, struct cmg_error *reterr)
{
    size_t size = 0; /* asks for the size only */
    struct cmg_kafka_conf c = {.rd = rd_kafka_conf_new()};
    rd_kafka_topic_conf_t *t = rd_kafka_topic_conf_new();
    bool known = rd_kafka_conf_get(c.rd, name, NULL, &size) == RD_KAFKA_CONF_OK ||
                 rd_kafka_topic_conf_get(t, name, NULL, &size) == RD_KAFKA_CONF_OK;
    enum cmg_rc rc = set_given(&c, name, value, reterr);
    rd_kafka_topic_conf_destroy(t);
    rd_kafka_conf_destroy(c.rd);
    return rc == CMG_OK || known ? rc : CMG_AGAIN;
}

static enum cmg_rc set_all(const struct cmg_sink_options *opt, struct cmg_kafka_conf *c,
                           struct cmg_error *reterr)
{
    enum cmg_rc rc = CMG_OK;
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults && rc == CMG_OK; i++)
        rc = set(c, defaults[i].name, defaults[i].value, reterr);
    if (rc == CMG_OK && same(own(opt, "endless", "false"), "true"))
        rc = set(c, "message.timeout.ms", "0", reterr);
    const char *mock = own(opt, "mock-brokers", NULL);
    if (rc == CMG_OK && mock && !same(mock, "0"))
        rc = set(c, "test.mock.num.brokers", mock, reterr);
    for (size_t i = 0; i < opt->properties && rc == CMG_OK; i++)
        if (strncmp(opt->property[i].name, "kafka.", 6) == 0)
            rc = set_given(c, opt->property[i].name + 6, opt->property[i].value, reterr);
    return rc;
}

static bool get(const struct cmg_kafka_conf *c, const char *name, char *value, size_t size)
{
    return rd_kafka_conf_get(c->rd, name, value, &size) == RD_KAFKA_CONF_OK;
}

static uint64_t get_number(const struct cmg_kafka_conf *c, const char *name)
{
    char value[32];
    return get(c, name, value, sizeof value) ? strtoull(value, NULL, 10) : 0;
}

/* A message that is larger than the whole queue would wait for room for ever. */
static enum cmg_rc check_sizes(const struct cmg_kafka_conf *c, struct cmg_error *reterr)
{
    char value[32] = "";
    if (get_number(c, "message.max.bytes") <= get_number(c, "queue.buffering.max.kbytes") * 1024)
        return CMG_OK;
    (void)get(c, "message.max.bytes", value, sizeof value);
    return fail(reterr, "kafka.message.max.bytes", value,
                "is more than the whole queue holds; raise kafka.queue.buffering.max.kbytes, too");
}

/* librdkafka would refuse these too, in words that do not say which default they meet. */
static enum cmg_rc contradictions(const struct cmg_kafka_conf *c, struct cmg_error *reterr)
{
    static const char remedy[] = "contradicts kafka.enable.idempotence=true (the default here); "
                                 "leave it, or set kafka.enable.idempotence=false";
    char value[512];
    if (!get(c, "enable.idempotence", value, sizeof value) || !same(value, "true"))
        return CMG_OK;
    if (get(c, "acks", value, sizeof value) && !same(value, "-1"))
        return fail(reterr, "kafka.acks", value, remedy);
    if (get(c, "retries", value, sizeof value) && same(value, "0"))
        return fail(reterr, "kafka.retries", value, remedy);
    if (get(c, "max.in.flight.requests.per.connection", value, sizeof value) &&
        get_number(c, "max.in.flight.requests.per.connection") > 5 && !same(value, "1000000"))
        return fail(reterr, "kafka.max.in.flight.requests.per.connection", value, remedy);
    if (get(c, "queuing.strategy", value, sizeof value) && !same(value, "fifo"))
        return fail(reterr, "kafka.queuing.strategy", value, remedy);
    return CMG_OK;
}

/* A checkpoint that moves over what nobody confirmed would not be one. */
static enum cmg_rc check_acks(const struct cmg_kafka_conf *c, struct cmg_error *reterr)
{
    char value[32];
    if (!get(c, "acks", value, sizeof value) || !same(value, "0"))
        return CMG_OK;
    return fail(reterr, "kafka.acks", value,
                "then nothing is ever confirmed, and a checkpoint needs that; use 1 or all");
}

static bool legal_topic(const char *t)
{
    size_t n = strlen(t);
    if (!n || n > CMG_TOPIC_MAX || same(t, ".") || same(t, ".."))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!cmg_is_alnum(t[i]) && t[i] != '.' && t[i] != '_' && t[i] != '-')
            return false;
    return true;
}

static enum cmg_rc read_topics(const struct cmg_sink_options *opt, struct cmg_kafka_conf *c,
                               struct cmg_error *reterr)
{
    static const char rule[] = "a topic has 1 to 249 of the characters a-z A-Z 0-9 . _ -";
    const char *topic = own(opt, "topic", ""), *dead = own(opt, "dead-letter-topic", NULL);
    if (!legal_topic(topic))
        return fail(reterr, "topic", topic, rule);
    if (!dead && strlen(topic) + CMG_DEAD_SUFFIX > CMG_TOPIC_MAX)
        return fail(reterr, "dead-letter-topic", NULL,
                    "the topic's name is too long for a .dlq behind it; name one");
    snprintf(c->topic, sizeof c->topic, "%s", topic);
    if (!dead)
        memcpy(stpncpy(c->dead_topic, topic, CMG_TOPIC_MAX - CMG_DEAD_SUFFIX), ".dlq",
               CMG_DEAD_SUFFIX + 1);
    else if (!same(dead, "none") && !legal_topic(dead))
        return fail(reterr, "dead-letter-topic", dead, rule);
    else if (!same(dead, "none"))
        snprintf(c->dead_topic, sizeof c->dead_topic, "%s", dead);
    return CMG_OK;
}

static enum cmg_rc choose(const struct cmg_sink_options *opt, const char *name,
                          const char *const *words, unsigned *ret, struct cmg_error *reterr)
{
    const char *value = own(opt, name, words[0]);
    char list[120] = "one of";
    for (unsigned i = 0; words[i]; i++) {
        if (same(value, words[i])) {
            *ret = i;
            return CMG_OK;
        }
        size_t n = strlen(list);
        snprintf(list + n, sizeof list - n, " %s", words[i]);
    }
    return fail(reterr, name, value, list);
}

static enum cmg_rc read_own(const struct cmg_sink_options *opt, struct cmg_kafka_conf *c,
                            struct cmg_error *reterr)
{
    static const char *const keys[] = {"host", "component", "incident", "event.id", "none", NULL};
    static const char *const times[] = {"read", "event", NULL};
    static const char *const flags[] = {"false", "true", NULL};
    unsigned key, event_time = 0, splunk = 0;
    enum cmg_rc rc = choose(opt, "key", keys, &key, reterr);
    if (rc == CMG_OK)
        rc = choose(opt, "timestamp", times, &event_time, reterr);
    if (rc == CMG_OK)
        rc = choose(opt, "splunk-headers", flags, &splunk, reterr);
    if (rc != CMG_OK)
        return rc;
    c->key = (enum cmg_kafka_key)key;
    c->event_time = event_time;
    c->splunk = splunk;
    c->dead_file = own(opt, "dead-letter-file", NULL);
    char value[64];
    c->scram = get(c, "sasl.mechanism", value, sizeof value) && strncmp(value, "SCRAM", 5) == 0;
    return read_topics(opt, c, reterr);
}

static enum cmg_rc known(const struct cmg_sink_options *opt, struct cmg_error *reterr)
{
    static const char *const names[] = {"topic",
                                        "key",
                                        "timestamp",
                                        "dead-letter-topic",
                                        "dead-letter-file",
                                        "splunk-headers",
                                        "mock-brokers",
                                        "endless",
                                        NULL};
    for (size_t i = 0; i < opt->properties; i++) {
        const char *name = opt->property[i].name;
        bool found = strncmp(name, "kafka.", 6) == 0;
        for (size_t k = 0; names[k] && !found; k++)
            found = same(names[k], name);
        if (!found)
            return fail(reterr, name, NULL, "the kafka sink has no such setting");
    }
    return CMG_OK;
}

enum cmg_rc cmg_kafka_conf_read(const struct cmg_sink_options *opt, struct cmg_kafka_conf *ret,
                                struct cmg_error *reterr)
{
    struct cmg_kafka_conf c = {.rd = rd_kafka_conf_new()};
    enum cmg_rc rc = known(opt, reterr);
    if (rc == CMG_OK)
        rc = set_all(opt, &c, reterr);
    if (rc == CMG_OK)
        rc = contradictions(&c, reterr);
    if (rc == CMG_OK)
        rc = check_sizes(&c, reterr);
    if (rc == CMG_OK && same(own(opt, "endless", "false"), "true"))
        rc = check_acks(&c, reterr);
    if (rc == CMG_OK)
        rc = read_own(opt, &c, reterr);
    if (rc != CMG_OK) {
        rd_kafka_conf_destroy(c.rd);
        return rc;
    }
    *ret = c;
    return CMG_OK;
}

/* Room for all that a refused queue held, and for as many dead letters: librdkafka counts a record
 * until its report was heard. */
static bool twice_the_room(const struct cmg_kafka_conf *c, rd_kafka_conf_t *to)
{
    static const struct {
        const char *name;
        uint64_t most;
    } queue[] = {{"queue.buffering.max.kbytes", INT32_MAX},
                 {"queue.buffering.max.messages", 10000000}};
    char value[32];
    bool good = true;
    for (size_t i = 0; i < sizeof queue / sizeof *queue; i++) {
        uint64_t n = 2 * get_number(c, queue[i].name);
        snprintf(value, sizeof value, "%llu",
                 (unsigned long long)(n < queue[i].most ? n : queue[i].most));
        good = good && rd_kafka_conf_set(to, queue[i].name, value, NULL, 0) == RD_KAFKA_CONF_OK;
    }
    return good;
}

/* A mock cluster belongs to the producer that made it. */
static bool same_brokers(rd_kafka_conf_t *to, const rd_kafka_t *rk)
{
    const rd_kafka_mock_cluster_t *mock = rd_kafka_handle_mock_cluster(rk);
    return !mock ||
           (rd_kafka_conf_set(to, "test.mock.num.brokers", "0", NULL, 0) == RD_KAFKA_CONF_OK &&
            rd_kafka_conf_set(to, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(mock), NULL,
                              0) == RD_KAFKA_CONF_OK);
}

rd_kafka_conf_t *cmg_kafka_conf_alone(const struct cmg_kafka_conf *c, const rd_kafka_t *rk)
{
    rd_kafka_conf_t *to = rd_kafka_conf_dup(c->rd);
    if (rd_kafka_conf_set(to, "batch.num.messages", "1", NULL, 0) == RD_KAFKA_CONF_OK &&
        rd_kafka_conf_set(to, "linger.ms", "0", NULL, 0) == RD_KAFKA_CONF_OK &&
        twice_the_room(c, to) && same_brokers(to, rk))
        return to;
    rd_kafka_conf_destroy(to);
    return NULL;
}

const char *cmg_kafka_scram_hint(const struct cmg_kafka_conf *c)
{
    enum { FIXED = 0x020601ff };
    if (!c->scram || rd_kafka_version() >= FIXED)
        return NULL;
    return "SCRAM fails with Apache Kafka 3.8.1 and later because of this librdkafka (before "
           "2.6.1), not because of the "
           "credentials: use librdkafka 2.6.1 or later, or SASL/PLAIN over TLS";
}
