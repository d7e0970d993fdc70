/* SPDX-License-Identifier: Apache-2.0
 * The Kafka sink against librdkafka's mock cluster, which is told what to do wrong. What arrived is
 * read back by a consumer of its own. The mock forgets all but the last megabytes: what is lost is
 * asked of a real broker (tests/integration). */
#include "enrich/catalog.h"
#include "sinks/kafka.h"

#include <criterion/criterion.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { COOKIES = 20000, PROPERTIES = 40, SAID = 64, PRODUCE = 0, PATIENCE_MS = 20000 };

struct said {
    enum cmg_level level;
    char text[120], detail[330];
};

struct world {
    rd_kafka_t *rk;
    rd_kafka_mock_cluster_t *mock;
    struct cmg_property property[PROPERTIES];
    size_t properties;
    struct cmg_sink *s;
    signed char told[COOKIES]; /* 0: nothing yet, 1: arrived, -1: not confirmed */
    uint64_t order[COOKIES];   /* cookies as they were told */
    size_t acks;
    struct said said[SAID];
    size_t saids;
    uint64_t next; /* cookie */
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void on_ack(void *user, uint64_t cookie, enum cmg_rc rc)
{
    struct world *w = user;
    cr_assert_lt(cookie, COOKIES);
    cr_assert_eq(w->told[cookie], 0, "cookie %llu told twice", (unsigned long long)cookie);
    w->told[cookie] = rc == CMG_OK ? 1 : -1;
    w->order[w->acks++] = cookie;
}

static void on_say(void *user, enum cmg_level level, const char *text, const char *detail)
{
    struct world *w = user;
    cr_assert(!strchr(text, '\n') && !strchr(detail, '\n'));
    if (w->saids == SAID)
        return;
    struct said *one = &w->said[w->saids++];
    one->level = level;
    snprintf(one->text, sizeof one->text, "%s", text);
    snprintf(one->detail, sizeof one->detail, "%s", detail);
}

static size_t times_said(const struct world *w, const char *text)
{
    size_t n = 0;
    for (size_t i = 0; i < w->saids; i++)
        n += strstr(w->said[i].text, text) != NULL;
    return n;
}

/* ---- a world ------------------------------------------------------------------------------- */

static void set(struct world *w, const char *name, const char *value)
{
    cr_assert_lt(w->properties, PROPERTIES);
    w->property[w->properties++] = (struct cmg_property){name, value};
}

/* Topics "t" with so many partitions and "t.dlq", which brokers lead in turn. Quick retries. */
static struct world *begin(int brokers, int partitions)
{
    struct world *w = calloc(1, sizeof *w);
    cr_assert(w);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "log_level", "0", NULL, 0); /* it has no brokers, and need not say so */
    w->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, NULL, 0);
    w->mock = rd_kafka_mock_cluster_new(w->rk, brokers);
    cr_assert(w->mock);
    cr_assert_eq(rd_kafka_mock_topic_create(w->mock, "t", partitions, 1), 0);
    cr_assert_eq(rd_kafka_mock_topic_create(w->mock, "t.dlq", 1, 1), 0);
    for (int i = 0; i < partitions; i++)
        rd_kafka_mock_partition_set_leader(w->mock, "t", i, 1 + i % brokers);
    set(w, "kafka.bootstrap.servers", rd_kafka_mock_cluster_bootstraps(w->mock));
    set(w, "topic", "t");
    set(w, "kafka.linger.ms", "10");
    set(w, "kafka.retry.backoff.ms", "20");
    set(w, "kafka.reconnect.backoff.ms", "20");
    set(w, "kafka.reconnect.backoff.max.ms", "100");
    return w;
}

static struct cmg_sink_options options_of(struct world *w)
{
    return (struct cmg_sink_options){.ack = on_ack,
                                     .ack_user = w,
                                     .say = on_say,
                                     .say_user = w,
                                     .property = w->property,
                                     .properties = w->properties};
}

static void open_sink(struct world *w)
{
    struct cmg_error e = {.rc = CMG_OK};
    struct cmg_sink_options opt = options_of(w);
    cr_assert_eq(cmg_sink_kafka.open(&opt, &w->s, &e), CMG_OK, "%s", e.text);
}

static struct cmg_sink_stats close_sink(struct world *w, int ms, enum cmg_rc want)
{
    struct cmg_sink_stats stats;
    cr_assert_eq(cmg_sink_close(w->s, ms, &stats), want);
    w->s = NULL;
    return stats;
}

static void end(struct world *w)
{
    if (w->s)
        (void)cmg_sink_close(w->s, 0, NULL);
    rd_kafka_mock_cluster_destroy(w->mock);
    rd_kafka_destroy(w->rk);
    free(w);
}

static void push(struct world *w, rd_kafka_resp_err_t err, size_t times)
{
    for (size_t i = 0; i < times; i++)
        rd_kafka_mock_push_request_errors(w->mock, PRODUCE, 1, err);
}

/* ---- sending ------------------------------------------------------------------------------- */

static enum cmg_rc try_record(struct world *w, const struct cmg_record *r, const char *value,
                              int64_t read_ns)
{
    struct cmg_message m = {
        .value = cmg_str_c(value), .record = r, .read_ns = read_ns, .cookie = w->next};
    enum cmg_rc rc = cmg_sink_send(w->s, &m);
    if (rc == CMG_OK)
        w->next++;
    return rc;
}

/* The value is the cookie, with a line feed that must not arrive. */
static enum cmg_rc try_number(struct world *w)
{
    char value[32];
    snprintf(value, sizeof value, "{\"n\":%llu}\n", (unsigned long long)w->next);
    return try_record(w, NULL, value, 0);
}

static void send_numbers(struct world *w, size_t n)
{
    int64_t until = now_ms() + PATIENCE_MS;
    while (n) {
        enum cmg_rc rc = try_number(w);
        cr_assert(rc == CMG_OK || rc == CMG_AGAIN);
        n -= rc == CMG_OK;
        if (rc == CMG_AGAIN)
            (void)cmg_sink_poll(w->s, 50);
        cr_assert_lt(now_ms(), until, "no room");
    }
}

static enum cmg_rc flush(struct world *w)
{
    return cmg_sink_flush(w->s, PATIENCE_MS);
}

static void poll_for(struct world *w, int ms)
{
    int64_t until = now_ms() + ms;
    while (now_ms() < until)
        (void)cmg_sink_poll(w->s, 50);
}

/* ---- reading back -------------------------------------------------------------------------- */

typedef void see_fn(void *user, const rd_kafka_message_t *m);

static size_t consume_one(rd_kafka_queue_t *q, int ms, see_fn *see, void *user)
{
    rd_kafka_message_t *m = rd_kafka_consume_queue(q, ms);
    bool is_record = m && !m->err;
    if (is_record && see)
        see(user, m);
    if (m)
        rd_kafka_message_destroy(m);
    return is_record;
}

static size_t read_topic(struct world *w, const char *topic, int partitions, size_t want,
                         see_fn *see, void *user)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(w->mock), NULL,
                      0);
    rd_kafka_conf_set(conf, "fetch.wait.max.ms", "50", NULL, 0);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, NULL, 0);
    cr_assert(rk);
    rd_kafka_topic_t *t = rd_kafka_topic_new(rk, topic, NULL);
    rd_kafka_queue_t *q = rd_kafka_queue_new(rk);
    for (int i = 0; i < partitions; i++)
        rd_kafka_consume_start_queue(t, i, RD_KAFKA_OFFSET_BEGINNING, q);
    size_t seen = 0;
    for (int64_t until = now_ms() + PATIENCE_MS; seen < want && now_ms() < until;)
        seen += consume_one(q, 100, see, user);
    seen += consume_one(q, 200, NULL, NULL); /* there must be no more */
    for (int i = 0; i < partitions; i++)
        rd_kafka_consume_stop(t, i);
    rd_kafka_queue_destroy(q);
    rd_kafka_topic_destroy(t);
    rd_kafka_destroy(rk);
    return seen;
}

struct numbers {
    uint64_t value[COOKIES];
    size_t n;
};

static void see_number(void *user, const rd_kafka_message_t *m)
{
    struct numbers *s = user;
    char text[32];
    cr_assert(m->len > 6 && m->len < sizeof text);
    memcpy(text, m->payload, m->len);
    text[m->len] = '\0';
    cr_assert(strncmp(text, "{\"n\":", 5) == 0 && text[m->len - 1] == '}', "%s", text);
    s->value[s->n++] = strtoull(text + 5, NULL, 10);
}

/* All of 0 .. n-1, each once, and of one partition in order. */
static void expect_numbers(struct world *w, const char *topic, int partitions, size_t n)
{
    struct numbers *s = calloc(1, sizeof *s);
    bool *there = calloc(n, sizeof *there);
    cr_assert(s && there);
    cr_assert_eq(read_topic(w, topic, partitions, n, see_number, s), n);
    for (size_t i = 0; i < n; i++) {
        cr_assert_lt(s->value[i], n);
        cr_assert(!there[s->value[i]], "%llu is there twice", (unsigned long long)s->value[i]);
        there[s->value[i]] = true;
        if (partitions == 1)
            cr_assert_eq(s->value[i], i, "order");
    }
    free(there);
    free(s);
}

struct letter {
    char key[300], value[200], header[600];
    int64_t time_ms;
    bool has_key;
};

static void see_letter(void *user, const rd_kafka_message_t *m)
{
    struct letter *l = user;
    rd_kafka_headers_t *h;
    const char *name;
    const void *value;
    size_t n, at = 0;
    l->has_key = m->key != NULL;
    snprintf(l->key, sizeof l->key, "%.*s", (int)m->key_len, m->key ? (const char *)m->key : "");
    snprintf(l->value, sizeof l->value, "%.*s", (int)m->len, (const char *)m->payload);
    l->time_ms = rd_kafka_message_timestamp(m, NULL);
    l->header[0] = '\0';
    if (rd_kafka_message_headers(m, &h))
        return;
    for (size_t i = 0; !rd_kafka_header_get_all(h, i, &name, &value, &n); i++)
        at += (size_t)snprintf(l->header + at, sizeof l->header - at, "%s=%.*s;", name, (int)n,
                               (const char *)value);
}

static struct letter read_one(struct world *w, const char *topic)
{
    struct letter l;
    memset(&l, 0, sizeof l);
    cr_assert_eq(read_topic(w, topic, 1, 1, see_letter, &l), 1);
    return l;
}

/* ---- what arrives -------------------------------------------------------------------------- */

Test(kafka, all_records_arrive_once_and_in_order)
{
    struct world *w = begin(1, 1);
    open_sink(w);
    send_numbers(w, 5000);
    cr_assert_eq(flush(w), CMG_OK);
    cr_assert_eq(w->acks, 5000);
    for (size_t i = 0; i < w->acks; i++)
        cr_assert(w->told[i] == 1 && w->order[i] == i);
    expect_numbers(w, "t", 1, 5000);
    struct cmg_sink_stats stats = close_sink(w, 1000, CMG_OK);
    cr_assert(stats.sent == 5000 && stats.acked == 5000 && stats.failed == 0 && stats.dead == 0);
    cr_assert_eq(w->saids, 0, "%s: %s", w->said[0].text, w->said[0].detail);
    end(w);
}

/* One broker answers late: what it got is told after much that was sent later. */
Test(kafka, reports_come_as_they_come_and_each_once)
{
    struct world *w = begin(2, 4);
    set(w, "kafka.sticky.partitioning.linger.ms", "0");
    rd_kafka_mock_broker_set_rtt(w->mock, 2, 300);
    open_sink(w);
    send_numbers(w, 2000);
    cr_assert_eq(flush(w), CMG_OK);
    cr_assert_eq(w->acks, 2000);
    bool gap = false;
    for (size_t i = 1; i < w->acks; i++)
        gap = gap || w->order[i] < w->order[i - 1];
    cr_assert(gap, "the test has not tested what it is for");
    expect_numbers(w, "t", 4, 2000);
    end(w);
}

static struct cmg_record record_of(const struct cmg_entry *entry)
{
    struct cmg_record r;
    memset(&r, 0, sizeof r);
    r.host = CMG_LIT("pc17.contoso.example");
    r.path = CMG_LIT("C:\\Windows\\CCM\\Logs\\LocationServices.log");
    r.event.component = CMG_LIT("LocationServices");
    r.time_ns = INT64_C(1773299561123) * 1000000;
    snprintf(r.id, sizeof r.id, "%s", "019ce1a1b2c3aaaabbbbccccddddeeeeffff00001111");
    if (entry) {
        r.finding.entry = entry;
        r.finding.role = CMG_ROLE_PRIMARY;
        snprintf(r.finding.incident, sizeof r.finding.incident, "%s", "incident-1");
    }
    return r;
}

Test(kafka, the_key_is_what_was_chosen)
{
    static const struct {
        const char *choice, *key;
    } rows[] = {
        {NULL, "pc17.contoso.example"},
        {"host", "pc17.contoso.example"},
        {"component", "LocationServices"},
        {"incident", "incident-1"},
        {"event.id", "019ce1a1b2c3aaaabbbbccccddddeeeeffff00001111"},
        {"none", NULL},
    };
    static const struct cmg_entry entry = {.slug = {"some-class", 10}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *w = begin(1, 1);
        struct cmg_record r = record_of(&entry);
        if (rows[i].choice)
            set(w, "key", rows[i].choice);
        open_sink(w);
        cr_assert_eq(try_record(w, &r, "{}\n", 0), CMG_OK);
        cr_assert_eq(flush(w), CMG_OK);
        struct letter l = read_one(w, "t");
        cr_assert_eq(l.has_key, rows[i].key != NULL);
        cr_assert_str_eq(l.key, rows[i].key ? rows[i].key : "");
        cr_assert_str_eq(l.value, "{}");
        end(w);
    }
}

/* What a log says does not choose the bytes of a key or header freely. */
Test(kafka, keys_and_headers_have_no_control_characters_and_an_end)
{
    static const size_t sizes[] = {255, 256, 257};
    char long_name[300];
    memset(long_name, 'c', sizeof long_name);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct world *w = begin(1, 1);
        struct cmg_record r = record_of(NULL);
        r.event.component = cmg_str_of(long_name, sizes[i]);
        memcpy(long_name, "a\r\n\x1b\x7f\tb", 7);
        r.host = CMG_LIT("h\r\nx: y");
        set(w, "key", "component");
        set(w, "splunk-headers", "true");
        open_sink(w);
        cr_assert_eq(try_record(w, &r, "{}\n", 0), CMG_OK);
        cr_assert_eq(flush(w), CMG_OK);
        struct letter l = read_one(w, "t");
        cr_assert_eq(strlen(l.key), sizes[i] < 256 ? sizes[i] : 256);
        cr_assert(strncmp(l.key, "a_____bccc", 10) == 0, "%s", l.key);
        cr_assert(strstr(l.header, "splunk.header.host=h__x:_y;"), "%s", l.header);
        end(w);
    }
}

Test(kafka, headers_name_class_and_id)
{
    static const struct cmg_entry entry = {.slug = {"some-class", 10}};
    struct world *w = begin(1, 1);
    struct cmg_record r = record_of(&entry);
    open_sink(w);
    cr_assert_eq(try_record(w, &r, "{}\n", 0), CMG_OK);
    cr_assert_eq(flush(w), CMG_OK);
    cr_assert_str_eq(
        read_one(w, "t").header,
        "content-type=application/json;schema=cmgpipe/1;"
        "event.id=019ce1a1b2c3aaaabbbbccccddddeeeeffff00001111;error.type=some-class;");
    end(w);

    w = begin(1, 1);
    r = record_of(NULL);
    set(w, "splunk-headers", "true");
    open_sink(w);
    cr_assert_eq(try_record(w, &r, "{}\n", 0), CMG_OK);
    cr_assert_eq(flush(w), CMG_OK);
    cr_assert_str_eq(read_one(w, "t").header,
                     "content-type=application/json;schema=cmgpipe/1;"
                     "event.id=019ce1a1b2c3aaaabbbbccccddddeeeeffff00001111;"
                     "splunk.header.sourcetype=microsoft:configmgr:cmg:json;"
                     "splunk.header.host=pc17.contoso.example;"
                     "splunk.header.source=C:\\Windows\\CCM\\Logs\\LocationServices.log;");
    end(w);
}

Test(kafka, the_time_is_that_of_reading_or_the_events_own)
{
    static const struct {
        const char *choice;
        int64_t read_ns, want_ms; /* 0: the present */
    } rows[] = {
        {NULL, INT64_C(1790000000500) * 1000000, INT64_C(1790000000500)},
        {"read", INT64_C(1790000000500) * 1000000, INT64_C(1790000000500)},
        {"read", 0, 0},
        {"event", INT64_C(1790000000500) * 1000000, INT64_C(1773299561123)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *w = begin(1, 1);
        struct cmg_record r = record_of(NULL);
        if (rows[i].choice)
            set(w, "timestamp", rows[i].choice);
        open_sink(w);
        cr_assert_eq(try_record(w, &r, "{}\n", rows[i].read_ns), CMG_OK);
        cr_assert_eq(flush(w), CMG_OK);
        int64_t got = read_one(w, "t").time_ms;
        if (rows[i].want_ms)
            cr_assert_eq(got, rows[i].want_ms);
        else
            cr_assert(llabs(got - (int64_t)time(NULL) * 1000) < 60000);
        end(w);
    }
}

Test(kafka, nothing_empty_is_sent)
{
    static const char *const values[] = {"", "\n"};
    for (size_t i = 0; i < 2; i++) {
        struct world *w = begin(1, 1);
        open_sink(w);
        cr_assert_eq(try_record(w, NULL, values[i], 0), CMG_EIO);
        cr_assert(strstr(w->s->text, "tombstone"));
        cr_assert_eq(try_record(w, NULL, "{}\n", 0), CMG_EIO, "broken stays broken");
        struct cmg_sink_stats stats = close_sink(w, 0, CMG_EIO);
        cr_assert_eq(stats.sent, 0);
        end(w);
    }
}

/* ---- brokers that fail --------------------------------------------------------------------- */

Test(kafka, brokers_go_and_come_back)
{
    struct world *w = begin(3, 3);
    open_sink(w);
    send_numbers(w, 300);
    cr_assert_eq(flush(w), CMG_OK);
    rd_kafka_mock_broker_set_down(w->mock, -1);
    send_numbers(w, 700);
    poll_for(w, 700);
    cr_assert_eq(w->acks, 300, "nobody can have confirmed more");
    cr_assert_eq(cmg_sink_flush(w->s, 100), CMG_AGAIN);
    cr_assert_geq(times_said(w, "Kafka error"), 1);
    rd_kafka_mock_broker_set_up(w->mock, -1);
    cr_assert_eq(flush(w), CMG_OK);
    expect_numbers(w, "t", 3, 1000);
    struct cmg_sink_stats stats = close_sink(w, 1000, CMG_OK);
    cr_assert(stats.acked == 1000 && stats.failed == 0);
    end(w);
}

Test(kafka, what_may_be_tried_again_is_tried_again)
{
    static const rd_kafka_resp_err_t errors[] = {
        RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
        RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
        RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        RD_KAFKA_RESP_ERR__TRANSPORT,
    };
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        struct world *w = begin(1, 1);
        push(w, errors[i], 3);
        open_sink(w);
        send_numbers(w, 100);
        cr_assert_eq(flush(w), CMG_OK, "%s", rd_kafka_err2name(errors[i]));
        cr_assert_eq(w->acks, 100);
        expect_numbers(w, "t", 1, 100);
        cr_assert_eq(times_said(w, "not confirmed"), 0);
        struct cmg_sink_stats stats = close_sink(w, 1000, CMG_OK);
        cr_assert(stats.acked == 100 && stats.dead == 0);
        end(w);
    }
}

/* They may have arrived or not: the checkpoint stays before them. */
Test(kafka, a_timeout_confirms_nothing)
{
    struct world *w = begin(1, 1);
    set(w, "kafka.message.timeout.ms", "800");
    set(w, "kafka.socket.timeout.ms", "500");
    set(w, "kafka.request.timeout.ms", "500");
    open_sink(w);
    send_numbers(w, 10);
    cr_assert_eq(flush(w), CMG_OK);
    rd_kafka_mock_broker_set_rtt(w->mock, 1, 5000); /* takes it, and does not answer in time */
    send_numbers(w, 10);
    cr_assert_eq(flush(w), CMG_OK, "everything has been told, though not well");
    for (size_t i = 0; i < 20; i++)
        cr_assert_eq(w->told[i], i < 10 ? 1 : -1);
    cr_assert_eq(times_said(w, "records are not confirmed"), 1, "once for ten records");
    struct cmg_sink_stats stats = close_sink(w, 0, CMG_EIO);
    cr_assert(stats.acked == 10 && stats.failed == 10 && stats.dead == 0);
    end(w);
}

/* Nothing is wrong with the record: it waits for somebody to correct the rights. */
Test(kafka, a_missing_right_confirms_nothing)
{
    struct world *w = begin(1, 1);
    push(w, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 1);
    open_sink(w);
    send_numbers(w, 10);
    cr_assert_eq(flush(w), CMG_OK);
    for (size_t i = 0; i < 10; i++)
        cr_assert_eq(w->told[i], -1);
    cr_assert_eq(times_said(w, "records are not confirmed"), 1);
    struct cmg_sink_stats stats = close_sink(w, 0, CMG_EIO);
    cr_assert(stats.failed == 10 && stats.dead == 0);
    end(w);
}

/* The idempotent producer gives up for good: the sink is broken, says why, and confirms nothing
 * that did not arrive. A new one goes on. */
Test(kafka, a_fatal_error_breaks_the_sink)
{
    struct world *w = begin(1, 1);
    open_sink(w);
    send_numbers(w, 10);
    cr_assert_eq(flush(w), CMG_OK);
    push(w, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, 1);
    send_numbers(w, 10);
    (void)flush(w); /* CMG_OK is possible: everything has been told, though not well */
    cr_assert_eq(try_number(w), CMG_EIO);
    cr_assert(w->s->text[0] && w->s->error == 0);
    struct cmg_sink_stats stats = close_sink(w, 1000, CMG_EIO);
    cr_assert(stats.sent == 20 && stats.acked == 10 && stats.failed == 10);
    for (size_t i = 0; i < 20; i++)
        cr_assert_eq(w->told[i], i < 10 ? 1 : -1);
    open_sink(w);
    w->next = 10; /* as the follower sends them again */
    memset(w->told + 10, 0, 10);
    send_numbers(w, 10);
    cr_assert_eq(flush(w), CMG_OK);
    expect_numbers(w, "t", 1, 20);
    end(w);
}

Test(kafka, a_slow_broker_is_waited_for)
{
    struct world *w = begin(1, 1);
    rd_kafka_mock_broker_set_rtt(w->mock, 1, 400);
    open_sink(w);
    send_numbers(w, 100);
    cr_assert_eq(cmg_sink_flush(w->s, 100), CMG_AGAIN);
    cr_assert_eq(flush(w), CMG_OK);
    cr_assert_eq(w->acks, 100);
    rd_kafka_mock_broker_set_rtt(w->mock, 1, 0);
    expect_numbers(w, "t", 1, 100);
    end(w);
}

Test(kafka, the_end_has_a_limit_while_brokers_are_down)
{
    struct world *w = begin(1, 1);
    open_sink(w);
    send_numbers(w, 10);
    cr_assert_eq(flush(w), CMG_OK);
    rd_kafka_mock_broker_set_down(w->mock, -1);
    send_numbers(w, 40);
    int64_t from = now_ms();
    struct cmg_sink_stats stats = close_sink(w, 500, CMG_EIO);
    cr_assert(now_ms() - from < 3000, "%d ms", (int)(now_ms() - from));
    cr_assert(stats.sent == 50 && stats.acked == 10 && stats.failed == 40);
    cr_assert_eq(w->acks, 50, "each is told, also those that are given up");
    for (size_t i = 0; i < 50; i++)
        cr_assert_eq(w->told[i], i < 10 ? 1 : -1);
    end(w);
}

static double cpu_seconds(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* Waits as the program does: for the sink's descriptor, then asks it. */
static size_t wait_and_poll(struct world *w, int ms)
{
    size_t woken = 0;
    for (int64_t until = now_ms() + ms; now_ms() < until;) {
        struct pollfd p = {.fd = cmg_sink_fd(w->s), .events = POLLIN};
        woken += poll(&p, 1, 100) > 0;
        while (cmg_sink_poll(w->s, 0) == CMG_OK)
            ;
    }
    return woken;
}

Test(kafka, a_dead_broker_costs_no_cpu)
{
    struct world *w = begin(1, 1);
    open_sink(w);
    send_numbers(w, 10);
    cr_assert_eq(flush(w), CMG_OK);
    rd_kafka_mock_broker_set_down(w->mock, -1);
    send_numbers(w, 500);
    (void)wait_and_poll(w, 500);
    double before = cpu_seconds();
    size_t woken = wait_and_poll(w, 4000);
    double used = cpu_seconds() - before; /* of the mock, too */
    cr_assert_lt(used, 0.4, "%.3f s of 4", used);
    cr_assert_lt(woken, 400, "%zu times", woken);
    end(w);
}

Test(kafka, the_descriptor_rings)
{
    struct world *w = begin(1, 1);
    open_sink(w);
    for (int i = 0; i < 20; i++) {
        send_numbers(w, 1);
        int64_t until = now_ms() + PATIENCE_MS;
        while (w->acks < w->next && now_ms() < until) {
            struct pollfd p = {.fd = cmg_sink_fd(w->s), .events = POLLIN};
            cr_assert_eq(poll(&p, 1, 5000), 1, "record %d: nobody rang", i);
            (void)cmg_sink_poll(w->s, 0);
        }
        cr_assert_eq(w->acks, w->next);
    }
    end(w);
}

/* ---- a full queue -------------------------------------------------------------------------- */

Test(kafka, a_full_queue_takes_nothing_and_goes_on_later)
{
    struct world *w = begin(1, 1);
    set(w, "kafka.queue.buffering.max.messages", "50");
    open_sink(w);
    rd_kafka_mock_broker_set_down(w->mock, -1);
    send_numbers(w, 50);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(try_number(w), CMG_AGAIN);
        cr_assert_eq(w->s->stats.sent, 50);
        (void)cmg_sink_poll(w->s, 20);
    }
    cr_assert_eq(w->s->stats.retries, 3);
    rd_kafka_mock_broker_set_up(w->mock, -1);
    send_numbers(w, 950);
    cr_assert_eq(flush(w), CMG_OK);
    expect_numbers(w, "t", 1, 1000);
    end(w);
}

/* The value that was not taken stands in the sink's own buffer, and is sent from there. */
Test(kafka, a_value_in_the_sinks_buffer_waits_there)
{
    struct world *w = begin(1, 1);
    set(w, "kafka.queue.buffering.max.messages", "1");
    open_sink(w);
    rd_kafka_mock_broker_set_down(w->mock, -1);
    send_numbers(w, 1);
    cr_assert_eq(cmg_buf_add(&w->s->out, CMG_LIT("{\"n\":1}\n")), CMG_OK);
    struct cmg_message m = {.value = cmg_buf_str(&w->s->out), .cookie = w->next++};
    cr_assert_eq(cmg_sink_send(w->s, &m), CMG_AGAIN);
    cr_assert_eq(w->s->out.len, 8);
    rd_kafka_mock_broker_set_up(w->mock, -1);
    while (cmg_sink_send(w->s, &m) == CMG_AGAIN)
        (void)cmg_sink_poll(w->s, 50);
    cr_assert_eq(w->s->out.len, 0, "it was taken, so the buffer is free");
    cr_assert_eq(flush(w), CMG_OK);
    expect_numbers(w, "t", 1, 2);
    end(w);
}

/* ---- what is refused for good -------------------------------------------------------------- */

static const rd_kafka_resp_err_t for_good[] = {
    RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
    RD_KAFKA_RESP_ERR_INVALID_RECORD,
    RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP,
    RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE,
};

/* A broker refuses whole requests. Its innocent records arrive all the same. */
Test(kafka, of_a_refused_request_each_record_is_tried_alone)
{
    for (size_t i = 0; i < sizeof for_good / sizeof *for_good; i++) {
        struct world *w = begin(1, 1);
        push(w, for_good[i], 1);
        set(w, "kafka.linger.ms", "200");
        open_sink(w);
        send_numbers(w, 200);
        cr_assert_eq(flush(w), CMG_OK, "%s", rd_kafka_err2name(for_good[i]));
        for (size_t k = 0; k < 200; k++)
            cr_assert_eq(w->told[k], 1);
        expect_numbers(w, "t", 1, 200);
        send_numbers(w, 100); /* and it goes on */
        cr_assert_eq(flush(w), CMG_OK);
        struct cmg_sink_stats stats = close_sink(w, 1000, CMG_OK);
        cr_assert(stats.acked == 300 && stats.dead == 0 && stats.failed == 0);
        cr_assert_eq(times_said(w, "dead letters"), 0);
        end(w);
    }
}

Test(kafka, a_record_that_is_tried_alone_keeps_its_own_time)
{
    struct world *w = begin(1, 1);
    struct cmg_record r = record_of(NULL);
    set(w, "timestamp", "event");
    push(w, RD_KAFKA_RESP_ERR_INVALID_RECORD, 1);
    open_sink(w);
    cr_assert_eq(try_record(w, &r, "{\"@timestamp\":\"2026-03-12T07:12:41.123Z\"}\n", 0), CMG_OK);
    cr_assert_eq(flush(w), CMG_OK);
    struct letter l = read_one(w, "t");
    cr_assert_eq(l.time_ms, INT64_C(1773299561123));
    cr_assert(strstr(l.header, "event.id=019ce1a1") && !strstr(l.header, "errors"), "%s", l.header);
    end(w);
}

Test(kafka, a_refused_record_becomes_a_dead_letter)
{
    static const struct cmg_entry entry = {.slug = {"some-class", 10}};
    for (size_t i = 0; i < sizeof for_good / sizeof *for_good; i++) {
        struct world *w = begin(1, 1);
        struct cmg_record r = record_of(&entry);
        char want[100];
        push(w, for_good[i], 2); /* among others, and alone */
        open_sink(w);
        cr_assert_eq(try_record(w, &r, "{\"n\":0}\n", INT64_C(1790000000500) * 1000000), CMG_OK);
        cr_assert_eq(flush(w), CMG_OK);
        cr_assert_eq(w->told[0], 1, "kept where it was agreed");
        struct letter l = read_one(w, "t.dlq");
        cr_assert_str_eq(l.value, "{\"n\":0}");
        cr_assert_str_eq(l.key, "pc17.contoso.example");
        cr_assert(llabs(l.time_ms - (int64_t)time(NULL) * 1000) < 60000,
                  "its time may be at fault");
        snprintf(want, sizeof want, "cmgpipe.errors.reason=%s;", rd_kafka_err2name(for_good[i]));
        cr_assert(strstr(l.header, want), "%s", l.header);
        cr_assert(strstr(l.header, "cmgpipe.errors.stage=produce;"), "%s", l.header);
        cr_assert(strstr(l.header, "cmgpipe.errors.topic=t;"), "%s", l.header);
        cr_assert(strstr(l.header, "cmgpipe.errors.version="), "%s", l.header);
        cr_assert(strstr(l.header, "error.type=some-class;"), "%s", l.header);
        cr_assert(strstr(l.header, "event.id=019ce1a1"), "%s", l.header);
        cr_assert_eq(times_said(w, "dead letters"), 1);
        struct cmg_sink_stats stats = close_sink(w, 1000, CMG_OK);
        cr_assert(stats.sent == 1 && stats.acked == 1 && stats.dead == 1 && stats.failed == 0);
        end(w);
    }
}

static char *temporary(char path[64])
{
    snprintf(path, 64, "%s", "kafka_dead.XXXXXX");
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
    return path;
}

static size_t content(const char *path, char *ret, size_t size)
{
    FILE *f = fopen(path, "r");
    cr_assert(f);
    size_t n = fread(ret, 1, size - 1, f);
    fclose(f);
    ret[n] = '\0';
    return n;
}

/* The mock refuses dead letters, too, as long as it has errors left: those go to the file. */
Test(kafka, refusals_are_counted_and_said_once)
{
    struct world *w = begin(1, 1);
    char path[64];
    set(w, "kafka.linger.ms", "300"); /* one request */
    set(w, "dead-letter-file", temporary(path));
    push(w, RD_KAFKA_RESP_ERR_INVALID_RECORD, 1 + 300);
    open_sink(w);
    send_numbers(w, 300);
    cr_assert_eq(flush(w), CMG_OK);
    struct cmg_sink_stats stats = close_sink(w, 0, CMG_OK);
    cr_assert(stats.acked == 300 && stats.dead >= 100 && stats.failed == 0);
    cr_assert_eq(times_said(w, "dead letters"), 1);
    cr_assert_eq(w->saids, 1);
    cr_assert_eq(w->acks, 300);
    unlink(path);
    end(w);
}

Test(kafka, without_a_dead_letter_topic_there_is_the_file)
{
    struct world *w = begin(1, 1);
    char path[64], text[200];
    set(w, "dead-letter-topic", "none");
    set(w, "dead-letter-file", temporary(path));
    push(w, RD_KAFKA_RESP_ERR_INVALID_RECORD, 2);
    open_sink(w);
    cr_assert_eq(try_record(w, NULL, "{\"n\":0}\n", 0), CMG_OK);
    cr_assert_eq(flush(w), CMG_OK);
    content(path, text, sizeof text);
    cr_assert_str_eq(text, "{\"n\":0}\n");
    cr_assert_eq(w->told[0], 1);
    cr_assert_eq(close_sink(w, 0, CMG_OK).dead, 1);
    unlink(path);
    end(w);
}

Test(kafka, when_the_dead_letter_topic_refuses_there_is_the_file)
{
    struct world *w = begin(1, 1);
    char path[64], text[200];
    set(w, "dead-letter-file", temporary(path));
    push(w, RD_KAFKA_RESP_ERR_INVALID_RECORD, 3);
    open_sink(w);
    cr_assert_eq(try_record(w, NULL, "{\"n\":0}\n", 0), CMG_OK);
    cr_assert_eq(flush(w), CMG_OK);
    content(path, text, sizeof text);
    cr_assert_str_eq(text, "{\"n\":0}\n");
    cr_assert_eq(close_sink(w, 0, CMG_OK).dead, 1);
    unlink(path);
    end(w);
}

Test(kafka, what_can_be_kept_nowhere_is_not_confirmed)
{
    static const char *const files[] = {NULL, "no-such-folder/dead.jsonl", "/dev/full"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct world *w = begin(1, 1);
        set(w, "dead-letter-topic", "none");
        if (files[i])
            set(w, "dead-letter-file", files[i]);
        push(w, RD_KAFKA_RESP_ERR_INVALID_RECORD, 2);
        open_sink(w);
        cr_assert_eq(try_record(w, NULL, "{\"n\":0}\n", 0), CMG_OK);
        cr_assert_eq(flush(w), CMG_OK);
        cr_assert_eq(w->told[0], -1);
        cr_assert_eq(times_said(w, "kept nowhere"), 1);
        struct cmg_sink_stats stats = close_sink(w, 0, CMG_EIO);
        cr_assert(stats.dead == 0 && stats.failed == 1);
        end(w);
    }
}

/* Too large for the client: the dead-letter topic has the same limit, so it is the file at once. */
Test(kafka, a_record_over_the_limit_goes_to_the_file)
{
    enum { LIMIT = 10000 };
    struct world *w = begin(1, 1);
    char path[64];
    static char value[LIMIT + 100], text[2 * LIMIT];
    set(w, "kafka.message.max.bytes", "10000");
    set(w, "dead-letter-file", temporary(path));
    open_sink(w);
    size_t small = 0, large = LIMIT + 1; /* taken, refused */
    while (large - small > 1) {
        size_t middle = (small + large) / 2;
        memset(value, 'x', sizeof value);
        value[middle] = '\n';
        value[middle + 1] = '\0';
        uint64_t dead = w->s->stats.dead;
        cr_assert_eq(try_record(w, NULL, value, 0), CMG_OK);
        cr_assert_eq(flush(w), CMG_OK);
        *(w->s->stats.dead > dead ? &large : &small) = middle;
    }
    cr_assert(small > LIMIT - 200 && small < LIMIT, "%zu: headers count, too", small);
    cr_assert_eq(w->acks, w->next);
    uint64_t dead = w->s->stats.dead;
    cr_assert_gt(dead, 0);
    size_t n = content(path, text, sizeof text);
    cr_assert(n > large && strspn(text, "x") >= large);
    struct cmg_sink_stats stats = close_sink(w, 0, CMG_OK);
    cr_assert_eq(stats.failed, 0);
    unlink(path);
    end(w);
}

/* ---- settings ------------------------------------------------------------------------------ */

static enum cmg_rc read_settings(const char *const *pairs, struct cmg_error *e)
{
    struct cmg_property p[8] = {{"topic", "t"}, {"kafka.bootstrap.servers", "127.0.0.1:1"}};
    struct cmg_sink_options opt = {.property = p, .properties = 2};
    for (; pairs[0]; pairs += 2)
        p[opt.properties++] = (struct cmg_property){pairs[0], pairs[1]};
    struct cmg_sink *s;
    *e = (struct cmg_error){.rc = CMG_OK};
    enum cmg_rc rc = cmg_sink_kafka.open(&opt, &s, e);
    if (rc == CMG_OK)
        (void)cmg_sink_close(s, 0, NULL);
    return rc;
}

Test(kafka, contradictions_are_explained)
{
    char too_long[260];
    memset(too_long, 'a', sizeof too_long);
    too_long[246] = '\0'; /* .dlq no longer fits behind it */
    const struct {
        const char *pairs[7], *text;
    } rows[] = {
        {{"kafka.acks", "1", NULL}, "kafka.enable.idempotence"},
        {{"kafka.acks", "0", NULL}, "kafka.enable.idempotence"},
        {{"kafka.request.required.acks", "1", NULL}, "kafka.enable.idempotence"},
        {{"kafka.retries", "0", NULL}, "kafka.enable.idempotence"},
        {{"kafka.max.in.flight", "6", NULL}, "kafka.enable.idempotence"},
        {{"kafka.queuing.strategy", "lifo", NULL}, "kafka.enable.idempotence"},
        {{"kafka.enable.idempotence", "false", "kafka.acks", "0", "endless", "true", NULL},
         "checkpoint"},
        {{"kafka.message.max.bytes", "9000000", NULL}, "queue.buffering.max.kbytes"},
        {{"kafka.queue.buffering.max.kbytes", "100", NULL}, "queue.buffering.max.kbytes"},
        {{"kafka.transactional.id", "x", NULL}, "at least once"},
        {{"kafka.delivery.report.only.error", "true", NULL}, "delivery reports"},
        {{"kafka.plugin.library.paths", "/x.so", NULL}, "foreign code"},
        {{"kafka.log.queue", "false", NULL}, "one thread"},
        {{"kafka.no.such.thing", "1", NULL}, "no.such.thing"},
        {{"kafka.linger.ms", "soon", NULL}, "linger.ms"},
        {{"kafka.security.protocol", "sasl", NULL}, "security.protocol"},
        {{"topic", "", NULL}, "1 to 249"},
        {{"topic", "..", NULL}, "1 to 249"},
        {{"topic", "a/b", NULL}, "1 to 249"},
        {{"topic", too_long, NULL}, ".dlq"},
        {{"dead-letter-topic", "a b", NULL}, "1 to 249"},
        {{"key", "user", NULL}, "host component incident event.id none"},
        {{"timestamp", "now", NULL}, "read event"},
        {{"splunk-headers", "yes", NULL}, "false true"},
        {{"colour", "red", NULL}, "no such setting"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cmg_error e;
        cr_assert_eq(read_settings(rows[i].pairs, &e), CMG_ECONFIG, "row %zu was taken", i);
        cr_assert(strstr(e.text, rows[i].text), "row %zu: %s", i, e.text);
        cr_assert(!strchr(e.text, '\n'));
    }
}

Test(kafka, what_is_no_contradiction_is_taken)
{
    static char fits[246];
    memset(fits, 'a', 245); /* and .dlq */
    const char *const rows[][7] = {
        {"kafka.acks", "all", NULL},
        {"kafka.acks", "-1", NULL},
        {"kafka.enable.idempotence", "false", "kafka.acks", "1", NULL},
        {"kafka.enable.idempotence", "false", "kafka.acks", "0", NULL},
        {"kafka.enable.idempotence", "false", "kafka.retries", "0", NULL},
        {"kafka.max.in.flight", "5", NULL},
        {"kafka.message.max.bytes", "9000000", "kafka.queue.buffering.max.kbytes", "65536", NULL},
        {"kafka.compression.codec", "zstd", NULL},
        {"topic", fits, NULL},
        {"dead-letter-topic", "none", NULL},
        {"endless", "true", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cmg_error e;
        cr_assert_eq(read_settings(rows[i], &e), CMG_OK, "row %zu: %s", i, e.text);
    }
}

struct dumped {
    char value[32][64];
    const char *name[32];
    size_t n;
    bool leaked;
};

static void see_pair(void *user, const char *name, const char *value)
{
    struct dumped *d = user;
    for (size_t i = 0; i < d->n; i++)
        if (strcmp(d->name[i], name) == 0)
            snprintf(d->value[i], sizeof d->value[i], "%s", value);
    d->leaked = d->leaked || (value && strstr(value, "hunter2"));
}

static void dump_of(const struct cmg_property *p, size_t n, struct dumped *d)
{
    struct cmg_sink_options opt = {.property = p, .properties = n};
    struct cmg_error e;
    cr_assert_eq(cmg_kafka_dump(&opt, see_pair, d, &e), CMG_OK, "%s", e.text);
}

Test(kafka, defaults_hold_until_overridden_and_the_last_wins)
{
    static const struct {
        const char *name, *ours, *given, *shown; /* shown: NULL for name */
    } rows[] = {
        {"enable.idempotence", "true", "false", NULL},
        {"compression.codec", "lz4", "zstd", NULL},
        {"partitioner", "murmur2_random", "consistent", NULL},
        {"linger.ms", "50", "7", "queue.buffering.max.ms"},
        {"queue.buffering.max.kbytes", "8192", "20000", NULL},
        {"client.id", "cmgpipe", "me", NULL},
    };
    enum { ROWS = sizeof rows / sizeof *rows };
    struct cmg_property p[1 + 2 * ROWS] = {{"topic", "t"}};
    char names[ROWS][64];
    struct dumped d = {.n = ROWS};
    for (size_t i = 0; i < ROWS; i++) {
        d.name[i] = rows[i].shown ? rows[i].shown : rows[i].name;
        snprintf(names[i], sizeof names[i], "kafka.%s", rows[i].name);
        p[1 + 2 * i] = (struct cmg_property){names[i], rows[i].ours};
        p[2 + 2 * i] = (struct cmg_property){names[i], rows[i].given};
    }
    dump_of(p, 1, &d);
    for (size_t i = 0; i < ROWS; i++)
        cr_assert_str_eq(d.value[i], rows[i].ours, "%s", rows[i].name);
    dump_of(p, 1 + 2 * ROWS, &d);
    for (size_t i = 0; i < ROWS; i++)
        cr_assert_str_eq(d.value[i], rows[i].given, "%s", rows[i].name);
}

Test(kafka, secrets_are_masked)
{
    static const struct cmg_property p[] = {
        {"topic", "t"},
        {"kafka.sasl.password", "hunter2"},
        {"kafka.ssl.key.password", "hunter2"},
        {"kafka.ssl.keystore.password", "hunter2"},
        {"kafka.sasl.oauthbearer.config", "secret=hunter2"},
        {"kafka.client.id", "seen"},
    };
    struct dumped d = {.n = 2, .name = {"sasl.password", "client.id"}};
    dump_of(p, sizeof p / sizeof *p, &d);
    cr_assert(!d.leaked);
    cr_assert_str_eq(d.value[0], "[masked]");
    cr_assert_str_eq(d.value[1], "seen");
}

/* ---- do the brokers answer ----------------------------------------------------------------- */

Test(kafka, check_says_what_is_there)
{
    struct world *w = begin(2, 3);
    struct cmg_error e;
    struct cmg_sink_options opt = options_of(w);
    cr_assert_eq(cmg_kafka_check(&opt, 5000, &e), CMG_OK, "%s", e.text);
    cr_assert_str_eq(e.text, "ok: 2 brokers, topic t has 3 partitions");
    rd_kafka_mock_topic_set_error(w->mock, "t", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    cr_assert_eq(cmg_kafka_check(&opt, 5000, &e), CMG_EIO);
    cr_assert(strstr(e.text, "brokers answer, but topic t: "), "%s", e.text);
    rd_kafka_mock_broker_set_down(w->mock, -1);
    int64_t from = now_ms();
    cr_assert_eq(cmg_kafka_check(&opt, 700, &e), CMG_EIO);
    cr_assert(strstr(e.text, "no broker answered within 700 ms"), "%s", e.text);
    cr_assert(now_ms() - from < 3000);
    end(w);
}

Test(kafka, an_old_library_is_named_where_scram_fails)
{
    static const struct cmg_property p[] = {
        {"topic", "t"},
        {"kafka.bootstrap.servers", "127.0.0.1:1"},
        {"kafka.security.protocol", "sasl_plaintext"},
        {"kafka.sasl.mechanism", "SCRAM-SHA-512"},
        {"kafka.sasl.username", "alice"},
        {"kafka.sasl.password", "hunter2"},
    };
    struct cmg_sink_options opt = {.property = p, .properties = 6};
    struct cmg_error e;
    cr_assert_eq(cmg_kafka_check(&opt, 300, &e), CMG_EIO);
    cr_assert_eq(strstr(e.text, "2.6.1") != NULL, rd_kafka_version() < 0x020601ff, "%s", e.text);
    cr_assert(!strstr(e.text, "hunter2"));
}
