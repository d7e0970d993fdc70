/* SPDX-License-Identifier: Apache-2.0
 * Kafka, by librdkafka: what counts as delivered is what a delivery report said, and nothing else.
 *
 * librdkafka's threads never call us: logs, errors and reports are queued, and come out of
 * rd_kafka_poll on the caller's thread. A message's opaque pointer is its cookie. */
#include "sinks/kafka.h"

#include "core/time.h"
#include "enrich/catalog.h"
#include "sinks/kafka_conf.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

_Static_assert(sizeof(void *) >= sizeof(uint64_t),
               "a cookie travels as a message's opaque pointer");

enum {
    KINDS = 16,
    QUIET_S = 60,
    OUT_CAP = 256 << 20,
    SLICE_MS = 100,
    HEADERS_MAX = 8,
    POLL_EVERY = 64,
    NS_IN_MS = 1000000,
    TEXT_MAX = 256 /* bytes of a key, and of a header that comes from a log */
};

/* When an error of this kind was last spoken of. */
struct kind {
    const char *text; /* NULL: free */
    int code;
    int64_t said_s;
    uint64_t since;
};

struct producer {
    rd_kafka_t *rk;
    rd_kafka_topic_t *topic, *dead;
};

/* A record that Kafka did not take. */
struct letter {
    const void *key;
    size_t key_len;
    cmg_str value;
    uint64_t cookie;
    int64_t time_ms;                   /* 0: the present */
    const rd_kafka_headers_t *headers; /* NULL: none */
    rd_kafka_resp_err_t why;
};

struct kafka {
    struct cmg_sink base;
    struct cmg_kafka_conf conf;
    cmg_ack_fn *ack;
    void *ack_user;
    cmg_say_fn *say;
    void *say_user;
    struct producer many;  /* batches */
    struct producer alone; /* one record a request; rk NULL until there is a need for it */
    int news;              /* eventfd that librdkafka rings when there is something to poll */
    struct kind kind[KINDS];
    bool broken;
};

/* ---- telling ------------------------------------------------------------------------------- */

static int64_t now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1; /* never 0, which is "not yet" */
}

static bool is_kind(const struct kind *kind, const char *text, int code)
{
    return kind->text && kind->code == code && strcmp(kind->text, text) == 0;
}

/* Its slot, or that of the kind which was last spoken of longest ago. */
static struct kind *kind_of(struct kafka *k, const char *text, int code)
{
    struct kind *oldest = &k->kind[0];
    for (size_t i = 0; i < KINDS; i++) {
        if (is_kind(&k->kind[i], text, code))
            return &k->kind[i];
        if (k->kind[i].said_s < oldest->said_s)
            oldest = &k->kind[i];
    }
    *oldest = (struct kind){.text = text, .code = code};
    return oldest;
}

/* Once for each kind of error, then at most once a minute with a count of what was left unsaid. */
static void say(struct kafka *k, enum cmg_level level, int code, const char *text,
                const char *detail)
{
    struct kind *slot = kind_of(k, text, code);
    slot->since++;
    if (!k->say || (slot->said_s && now_s() - slot->said_s < QUIET_S))
        return;
    char full[320];
    if (slot->since > 1)
        snprintf(full, sizeof full, "%.200s (%llu times since last said)", detail,
                 (unsigned long long)slot->since);
    else
        snprintf(full, sizeof full, "%.300s", detail);
    k->say(k->say_user, level, text, full);
    slot->said_s = now_s();
    slot->since = 0;
}

static void report(struct kafka *k, uint64_t cookie, enum cmg_rc rc, size_t bytes)
{
    if (rc == CMG_OK) {
        k->base.stats.acked++;
        k->base.stats.bytes += bytes;
    } else {
        k->base.stats.failed++;
    }
    if (k->ack)
        k->ack(k->ack_user, cookie, rc);
}

static enum cmg_rc break_off(struct kafka *k, const char *text)
{
    k->broken = true;
    k->base.error = 0;
    snprintf(k->base.text, sizeof k->base.text, "%s", text);
    return CMG_EIO;
}

/* ---- producers ----------------------------------------------------------------------------- */

/* Whatever is queued for rd_kafka_poll adds one to `news`. */
static void ring(const struct kafka *k, rd_kafka_t *rk)
{
    static const uint64_t one = 1;
    rd_kafka_queue_t *q = rd_kafka_queue_get_main(rk);
    if (k->news >= 0)
        rd_kafka_queue_io_event_enable(q, k->news, &one, sizeof one);
    rd_kafka_queue_destroy(q);
}

/* Takes over `conf`, also when it fails. */
static bool start_producer(struct kafka *k, struct producer *p, rd_kafka_conf_t *conf, char *why,
                           size_t size)
{
    p->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, size);
    if (!p->rk) {
        rd_kafka_conf_destroy(conf);
        return false;
    }
    rd_kafka_set_log_queue(p->rk, NULL); /* to the queue that rd_kafka_poll serves */
    ring(k, p->rk);
    return true;
}

/* The producer for records that come alone: those of refused requests, and dead letters. */
static bool start_alone(struct kafka *k)
{
    char why[200];
    if (k->alone.rk)
        return true;
    rd_kafka_conf_t *conf = cmg_kafka_conf_alone(&k->conf, k->many.rk);
    if (!conf || !start_producer(k, &k->alone, conf, why, sizeof why))
        return false;
    k->alone.topic = rd_kafka_topic_new(k->alone.rk, k->conf.topic, NULL);
    if (k->conf.dead_topic[0])
        k->alone.dead = rd_kafka_topic_new(k->alone.rk, k->conf.dead_topic, NULL);
    return k->alone.topic && (k->alone.dead || !k->conf.dead_topic[0]);
}

/* Calls back. With two producers, waits for the bell of either. */
static int serve(struct kafka *k, int timeout_ms)
{
    if (!k->alone.rk)
        return rd_kafka_poll(k->many.rk, timeout_ms);
    int events = rd_kafka_poll(k->many.rk, 0) + rd_kafka_poll(k->alone.rk, 0);
    struct pollfd bell = {.fd = k->news, .events = POLLIN};
    if (events || timeout_ms == 0 || poll(&bell, 1, timeout_ms) <= 0)
        return events;
    return rd_kafka_poll(k->many.rk, 0) + rd_kafka_poll(k->alone.rk, 0);
}

/* While some are on their way alone, nothing else is taken: they are bounded by the queue that
 * they were in, and not much overtakes them. */
static bool some_alone(const struct kafka *k)
{
    return k->alone.rk && rd_kafka_outq_len(k->alone.rk) > 0;
}

/* ---- what Kafka refuses for good ----------------------------------------------------------- */

static bool is_for_good(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || err == RD_KAFKA_RESP_ERR_INVALID_MSG ||
           err == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE || err == RD_KAFKA_RESP_ERR_INVALID_RECORD ||
           err == RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP || err == RD_KAFKA_RESP_ERR__BAD_MSG;
}

static bool write_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t done = write(fd, p, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        p += done;
        n -= (size_t)done;
    }
    return true;
}

/* The line is on the disk, or it is not there at all. */
static bool append(struct kafka *k, int fd, cmg_str value)
{
    off_t before = lseek(fd, 0, SEEK_END);
    if (write_all(fd, value.ptr, value.len) && write_all(fd, "\n", 1) && fsync(fd) == 0)
        return true;
    if (before >= 0 && ftruncate(fd, before) != 0)
        say(k, CMG_LEVEL_ERROR, errno, "dead-letter file holds half a record", k->conf.dead_file);
    return false;
}

/* The local file is the last place there is. Opened for each of these rare records, so that it may
 * be rotated away at any time. */
static bool keep_in_file(struct kafka *k, cmg_str value)
{
    if (!k->conf.dead_file)
        return false;
    int fd = open(k->conf.dead_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (fd < 0)
        return false;
    bool kept = append(k, fd, value);
    close(fd);
    return kept;
}

static void bury(struct kafka *k, const struct letter *l)
{
    if (keep_in_file(k, l->value)) {
        k->base.stats.dead++;
        report(k, l->cookie, CMG_OK, l->value.len);
        return;
    }
    say(k, CMG_LEVEL_ERROR, l->why, "a refused record could be kept nowhere; it is not confirmed",
        rd_kafka_err2str(l->why));
    report(k, l->cookie, CMG_EIO, 0);
}

static void add_header(rd_kafka_headers_t *h, const char *name, cmg_str value)
{
    rd_kafka_header_add(h, name, -1, value.len ? value.ptr : "", (ssize_t)value.len);
}

/* Takes over `h`, but not when it fails. */
static rd_kafka_resp_err_t produce(struct producer *p, rd_kafka_topic_t *topic,
                                   const struct letter *l, rd_kafka_headers_t *h)
{
    return rd_kafka_producev(p->rk, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                             RD_KAFKA_V_KEY((void *)(uintptr_t)l->key, l->key_len),
                             RD_KAFKA_V_VALUE((void *)(uintptr_t)l->value.ptr, l->value.len),
                             RD_KAFKA_V_HEADERS(h), RD_KAFKA_V_TIMESTAMP(l->time_ms),
                             RD_KAFKA_V_OPAQUE((void *)(uintptr_t)l->cookie), RD_KAFKA_V_END);
}

static rd_kafka_headers_t *copy_headers(const struct letter *l)
{
    return l->headers ? rd_kafka_headers_copy(l->headers) : rd_kafka_headers_new(HEADERS_MAX);
}

static bool send_copy(struct producer *p, rd_kafka_topic_t *topic, const struct letter *l,
                      rd_kafka_headers_t *h)
{
    rd_kafka_resp_err_t err = produce(p, topic, l, h);
    if (err)
        rd_kafka_headers_destroy(h);
    return !err;
}

static bool send_dead(struct kafka *k, const struct letter *l)
{
    if (!k->conf.dead_topic[0] || !start_alone(k))
        return false;
    rd_kafka_headers_t *h = copy_headers(l);
    add_header(h, "cmgpipe.errors.stage", CMG_LIT("produce"));
    add_header(h, "cmgpipe.errors.topic", cmg_str_c(k->conf.topic));
    add_header(h, "cmgpipe.errors.reason", cmg_str_c(rd_kafka_err2name(l->why)));
    add_header(h, "cmgpipe.errors.version", cmg_str_c(cmg_version()));
    return send_copy(&k->alone, k->alone.dead, l, h);
}

/* The present is its time: it may have been refused for its own. */
static void refused(struct kafka *k, struct letter *l)
{
    l->time_ms = 0;
    say(k, CMG_LEVEL_ERROR, l->why, "Kafka refused a record for good; it goes to the dead letters",
        rd_kafka_err2str(l->why));
    if (!send_dead(k, l))
        bury(k, l);
}

/* The event's own time: a report of failure does not bring back a message's. */
static int64_t time_in(cmg_str value)
{
    static const cmg_str name = {"{\"@timestamp\":\"", 15};
    struct cmg_time t;
    cmg_str text = cmg_str_starts(value, name) ? cmg_str_from(value, name.len) : CMG_LIT("");
    size_t end = cmg_str_chr(text, '"');
    return end != CMG_STR_NPOS && cmg_rfc3339_read(cmg_str_head(text, end), &t) ? t.ns / NS_IN_MS
                                                                                : 0;
}

/* A broker refuses a request as a whole: most records of it have done nothing wrong, and go once
 * more, each in a request of its own. */
static bool send_alone(struct kafka *k, struct letter *l)
{
    l->time_ms = k->conf.event_time ? time_in(l->value) : 0;
    return start_alone(k) && send_copy(&k->alone, k->alone.topic, l, copy_headers(l));
}

static bool is_purge(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
}

/* ---- callbacks, all from within rd_kafka_poll ---------------------------------------------- */

static void undelivered(struct kafka *k, const rd_kafka_message_t *m, struct letter *l)
{
    if (k->alone.dead && m->rkt == k->alone.dead) {
        bury(k, l);
    } else if (is_for_good(m->err)) {
        if (m->rkt != k->many.topic || !send_alone(k, l))
            refused(k, l);
    } else {
        if (!is_purge(m->err)) /* that is us, at the end */
            say(k, CMG_LEVEL_ERROR, m->err, "records are not confirmed", rd_kafka_err2str(m->err));
        report(k, l->cookie, CMG_EIO, 0);
    }
}

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct kafka *k = opaque;
    uint64_t cookie = (uint64_t)(uintptr_t)m->_private;
    rd_kafka_headers_t *headers = NULL;
    (void)rk;
    if (!m->err) {
        k->base.stats.dead += k->alone.dead && m->rkt == k->alone.dead;
        report(k, cookie, CMG_OK, m->len);
        return;
    }
    (void)rd_kafka_message_headers(m, &headers);
    struct letter l = {.key = m->key,
                       .key_len = m->key_len,
                       .value = cmg_str_of(m->payload, m->len),
                       .cookie = cookie,
                       .headers = headers,
                       .why = m->err};
    undelivered(k, m, &l);
}

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    struct kafka *k = opaque;
    char text[160];
    const char *hint =
        err == RD_KAFKA_RESP_ERR__AUTHENTICATION ? cmg_kafka_scram_hint(&k->conf) : NULL;
    if (err == RD_KAFKA_RESP_ERR__FATAL) {
        rd_kafka_fatal_error(rk, text, sizeof text);
        break_off(k, text);
    }
    say(k, CMG_LEVEL_ERROR, err, "Kafka error", hint ? hint : reason);
}

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    struct kafka *k = rd_kafka_opaque(rk);
    char full[300];
    enum { SYSLOG_ERR = 3, SYSLOG_WARNING = 4, OWN_KINDS = 100000 };
    if (level > SYSLOG_WARNING || !k->say)
        return;
    int kind = OWN_KINDS; /* one for each facility: their texts differ by broker and time */
    for (const char *p = facility; *p; p++)
        kind = kind * 31 % 1000003 + *p;
    snprintf(full, sizeof full, "%s: %.280s", facility, text);
    say(k, level <= SYSLOG_ERR ? CMG_LEVEL_ERROR : CMG_LEVEL_WARNING, kind, "librdkafka", full);
}

/* ---- the sink ------------------------------------------------------------------------------ */

static void end_producer(struct producer *p)
{
    if (p->topic)
        rd_kafka_topic_destroy(p->topic);
    if (p->dead)
        rd_kafka_topic_destroy(p->dead);
    if (p->rk)
        rd_kafka_destroy(p->rk);
    *p = (struct producer){NULL, NULL, NULL};
}

static void destroy(struct kafka *k)
{
    end_producer(&k->many);
    end_producer(&k->alone);
    if (k->conf.rd)
        rd_kafka_conf_destroy(k->conf.rd);
    if (k->news >= 0)
        close(k->news);
    cmg_buf_done(&k->base.out);
    free(k);
}

static enum cmg_rc start(struct kafka *k, struct cmg_error *reterr)
{
    char why[200] = "not enough memory";
    rd_kafka_conf_set_dr_msg_cb(k->conf.rd, on_report);
    rd_kafka_conf_set_error_cb(k->conf.rd, on_error);
    rd_kafka_conf_set_log_cb(k->conf.rd, on_log);
    rd_kafka_conf_set_opaque(k->conf.rd, k);
    if (start_producer(k, &k->many, rd_kafka_conf_dup(k->conf.rd), why, sizeof why)) {
        k->many.topic = rd_kafka_topic_new(k->many.rk, k->conf.topic, NULL);
        if (k->many.topic)
            return CMG_OK;
    }
    *reterr = (struct cmg_error){.rc = CMG_ECONFIG};
    snprintf(reterr->text, sizeof reterr->text, "kafka: %s", why);
    return CMG_ECONFIG;
}

static enum cmg_rc kafka_open(const struct cmg_sink_options *opt, struct cmg_sink **ret,
                              struct cmg_error *reterr)
{
    struct kafka *k = calloc(1, sizeof *k);
    if (!k) {
        *reterr = (struct cmg_error){.rc = CMG_ENOMEM, .text = "not enough memory"};
        return CMG_ENOMEM;
    }
    k->base.ops = &cmg_sink_kafka;
    k->base.out = cmg_buf_init(OUT_CAP);
    k->ack = opt->ack;
    k->ack_user = opt->ack_user;
    k->say = opt->say;
    k->say_user = opt->say_user;
    k->news = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    enum cmg_rc rc = cmg_kafka_conf_read(opt, &k->conf, reterr);
    if (rc == CMG_OK)
        rc = start(k, reterr);
    if (rc != CMG_OK)
        destroy(k);
    else
        *ret = &k->base;
    return rc;
}

static cmg_str key_of(const struct kafka *k, const struct cmg_message *m)
{
    const struct cmg_record *r = m->record;
    if (!r)
        return k->conf.key == CMG_KEY_NONE ? CMG_LIT("") : m->key;
    switch (k->conf.key) {
    case CMG_KEY_HOST:
        return r->host;
    case CMG_KEY_COMPONENT:
        return r->event.component;
    case CMG_KEY_INCIDENT:
        return cmg_str_c(r->finding.incident);
    case CMG_KEY_EVENT_ID:
        return cmg_str_c(r->id);
    case CMG_KEY_NONE:
        break;
    }
    return CMG_LIT("");
}

static bool is_printable(char c)
{
    return (unsigned char)c >= ' ' && c != 0x7f;
}

static bool is_of_name(char c)
{
    return cmg_is_alnum(c) || c == '.' || c == '-' || c == '_' || c == ':';
}

/* A log may say anything; beside the value it has these characters, and no more than so many. */
static cmg_str only(bool (*is_allowed)(char), cmg_str s, char ret[TEXT_MAX])
{
    s = cmg_str_head(s, s.len < TEXT_MAX ? s.len : TEXT_MAX);
    for (size_t i = 0; i < s.len; i++)
        ret[i] = is_allowed(s.ptr[i]) ? s.ptr[i] : '_';
    return cmg_str_of(s.len ? ret : NULL, s.len);
}

static rd_kafka_headers_t *headers_of(const struct kafka *k, const struct cmg_record *r)
{
    rd_kafka_headers_t *h = rd_kafka_headers_new(HEADERS_MAX);
    add_header(h, "content-type", CMG_LIT("application/json"));
    add_header(h, "schema", CMG_LIT("cmgpipe/1"));
    if (r) {
        add_header(h, "event.id", cmg_str_c(r->id));
        if (r->finding.role != CMG_ROLE_NONE && r->finding.entry)
            add_header(h, "error.type", r->finding.entry->slug);
    }
    if (r && k->conf.splunk) {
        char text[TEXT_MAX];
        add_header(h, "splunk.header.sourcetype", CMG_LIT("microsoft:configmgr:cmg:json"));
        add_header(h, "splunk.header.host", only(is_of_name, r->host, text));
        add_header(h, "splunk.header.source", only(is_printable, r->path, text));
    }
    return h;
}

static int64_t timestamp_of(const struct kafka *k, const struct cmg_message *m)
{
    int64_t ns = k->conf.event_time && m->record ? m->record->time_ns : m->read_ns;
    return ns > 0 ? ns / NS_IN_MS : 0; /* 0: librdkafka takes the present time */
}

static void drop_sent(struct kafka *k, const struct cmg_message *m)
{
    struct cmg_buf *out = &k->base.out;
    if (out->ptr && m->value.ptr >= out->ptr && m->value.ptr < out->ptr + out->len)
        out->len = 0;
}

static enum cmg_rc not_taken(struct kafka *k, struct letter *l, rd_kafka_headers_t *h,
                             rd_kafka_resp_err_t err)
{
    enum cmg_rc rc = CMG_OK;
    l->headers = h;
    l->why = err;
    if (is_for_good(err)) {
        k->base.stats.sent++;
        refused(k, l);
    } else {
        rc = break_off(k, rd_kafka_err2str(err));
    }
    rd_kafka_headers_destroy(h);
    return rc;
}

static enum cmg_rc offer(struct kafka *k, struct letter *l, const struct cmg_record *r)
{
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__QUEUE_FULL;
    rd_kafka_headers_t *h = some_alone(k) ? NULL : headers_of(k, r);
    if (h)
        err = produce(&k->many, k->many.topic, l, h);
    if (!err) {
        k->base.stats.sent++;
        return CMG_OK;
    }
    if (err != RD_KAFKA_RESP_ERR__QUEUE_FULL)
        return not_taken(k, l, h, err);
    if (h)
        rd_kafka_headers_destroy(h);
    k->base.stats.retries++;
    return CMG_AGAIN;
}

static enum cmg_rc kafka_send(struct cmg_sink *s, const struct cmg_message *m)
{
    struct kafka *k = (struct kafka *)s;
    char text[TEXT_MAX];
    cmg_str key = only(is_printable, key_of(k, m), text);
    struct letter l = {.key = key.ptr,
                       .key_len = key.len,
                       .value = m->value,
                       .cookie = m->cookie,
                       .time_ms = timestamp_of(k, m)};
    if (k->broken)
        return CMG_EIO;
    if (l.value.len && l.value.ptr[l.value.len - 1] == '\n')
        l.value.len--;
    if (!l.value.len)
        return break_off(k, "an empty value would be a tombstone; not sent");
    enum cmg_rc rc = offer(k, &l, m->record);
    if (rc != CMG_OK)
        return rc;
    drop_sent(k, m);
    if (s->stats.sent % POLL_EVERY == 0)
        serve(k, 0);
    return CMG_OK;
}

static enum cmg_rc kafka_poll(struct cmg_sink *s, int timeout_ms)
{
    struct kafka *k = (struct kafka *)s;
    uint64_t rung;
    (void)!read(k->news, &rung, sizeof rung); /* before the poll: what comes later rings again */
    int events = serve(k, timeout_ms);
    if (k->broken)
        return CMG_EIO;
    return events > 0 ? CMG_OK : CMG_AGAIN;
}

static int kafka_fd(const struct cmg_sink *s)
{
    return ((const struct kafka *)s)->news;
}

static bool all_told(const struct kafka *k)
{
    return k->base.stats.acked + k->base.stats.failed == k->base.stats.sent;
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void flush_slice(struct kafka *k, int ms)
{
    if (some_alone(k))
        rd_kafka_flush(k->alone.rk, ms);
    else
        rd_kafka_flush(k->many.rk, ms);
    serve(k, 0);
}

/* Delivery reports are what is waited for: rd_kafka_flush also returns when all there is failed. It
 * is called for its other work, ending the linger, in slices short enough for a signal to be
 * noticed between two calls. */
static enum cmg_rc kafka_flush(struct cmg_sink *s, int timeout_ms)
{
    struct kafka *k = (struct kafka *)s;
    int64_t until = now_ms() + (timeout_ms < 0 ? SLICE_MS : timeout_ms);
    for (;;) {
        if (all_told(k))
            return CMG_OK;
        int64_t left = until - now_ms();
        if (k->broken || left <= 0)
            return k->broken ? CMG_EIO : CMG_AGAIN;
        flush_slice(k, left < SLICE_MS ? (int)left : SLICE_MS);
    }
}

/* What is on its way is given up, and told so. */
static void purge(struct producer *p)
{
    if (!p->rk)
        return;
    rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    while (rd_kafka_poll(p->rk, SLICE_MS) > 0)
        ;
}

static enum cmg_rc kafka_close(struct cmg_sink *s, int timeout_ms, struct cmg_sink_stats *ret_stats)
{
    struct kafka *k = (struct kafka *)s;
    enum cmg_rc rc = kafka_flush(s, timeout_ms < 0 ? INT32_MAX : timeout_ms);
    if (rc != CMG_OK) {
        purge(&k->many);
        purge(&k->alone);
        s->stats.failed = s->stats.sent - s->stats.acked;
    }
    bool all = s->stats.failed == 0 && !k->broken;
    if (ret_stats)
        *ret_stats = s->stats;
    destroy(k);
    return all ? CMG_OK : CMG_EIO;
}

/* ---- questions ----------------------------------------------------------------------------- */

void cmg_kafka_list(FILE *to)
{
    rd_kafka_conf_properties_show(to);
}

/* librdkafka's own pointers say nothing, and a topic's property that is inherited stands there
 * once already. */
static bool is_of_interest(const char *name, const char *value)
{
    return strcmp(name, "default_topic_conf") != 0 && (!value || strcmp(value, "inherit") != 0);
}

/* Takes over `pairs`. Those without a value were never set. */
static void dump_pairs(const char **pairs, size_t n,
                       void (*each)(void *user, const char *name, const char *value), void *user)
{
    for (size_t i = 0; i + 1 < n; i += 2)
        if (is_of_interest(pairs[i], pairs[i + 1]))
            each(user, pairs[i], cmg_kafka_is_secret(pairs[i]) ? "[masked]" : pairs[i + 1]);
    rd_kafka_conf_dump_free(pairs, n);
}

enum cmg_rc cmg_kafka_dump(const struct cmg_sink_options *opt,
                           void (*each)(void *user, const char *name, const char *value),
                           void *user, struct cmg_error *reterr)
{
    struct cmg_kafka_conf c;
    enum cmg_rc rc = cmg_kafka_conf_read(opt, &c, reterr);
    if (rc != CMG_OK)
        return rc;
    size_t n = 0;
    const char **pairs = rd_kafka_conf_dump(c.rd, &n);
    dump_pairs(pairs, n, each, user);
    rd_kafka_topic_conf_t *topic = rd_kafka_conf_get_default_topic_conf(c.rd);
    if (topic) {
        pairs = rd_kafka_topic_conf_dump(topic, &n);
        dump_pairs(pairs, n, each, user);
    }
    rd_kafka_conf_destroy(c.rd);
    return CMG_OK;
}

/* What the brokers said about the topic, in one line. */
static enum cmg_rc judge(const struct kafka *k, const struct rd_kafka_metadata *meta, char *text,
                         size_t size)
{
    const rd_kafka_metadata_topic_t *t = meta->topic_cnt ? &meta->topics[0] : NULL;
    if (t && !t->err && t->partition_cnt) {
        snprintf(text, size, "ok: %d broker%s, topic %.150s has %d partition%s", meta->broker_cnt,
                 meta->broker_cnt == 1 ? "" : "s", k->conf.topic, t->partition_cnt,
                 t->partition_cnt == 1 ? "" : "s");
        return CMG_OK;
    }
    snprintf(text, size, "brokers answer, but topic %.120s: %.60s", k->conf.topic,
             t && t->err ? rd_kafka_err2str(t->err) : "unknown");
    return CMG_EIO;
}

enum cmg_rc cmg_kafka_check(const struct cmg_sink_options *opt, int timeout_ms,
                            struct cmg_error *reterr)
{
    struct cmg_sink *s;
    const struct rd_kafka_metadata *meta;
    enum cmg_rc rc = kafka_open(opt, &s, reterr);
    if (rc != CMG_OK)
        return rc;
    struct kafka *k = (struct kafka *)s;
    *reterr = (struct cmg_error){.rc = CMG_OK};
    rd_kafka_resp_err_t err = rd_kafka_metadata(k->many.rk, 0, k->many.topic, &meta, timeout_ms);
    rd_kafka_poll(k->many.rk, 0); /* what went wrong below is said before the verdict */
    if (err) {
        const char *hint = cmg_kafka_scram_hint(&k->conf);
        snprintf(reterr->text, sizeof reterr->text, "no broker answered within %d ms (%s)%s%.150s",
                 timeout_ms, rd_kafka_err2str(err), hint ? "; " : "", hint ? hint : "");
        rc = CMG_EIO;
    } else {
        rc = judge(k, meta, reterr->text, sizeof reterr->text);
        rd_kafka_metadata_destroy(meta);
    }
    reterr->rc = rc;
    destroy(k);
    return rc;
}

const struct cmg_sink_ops cmg_sink_kafka = {
    .name = "kafka",
    .summary = "Apache Kafka topic, at least once, by librdkafka",
    .open = kafka_open,
    .send = kafka_send,
    .poll = kafka_poll,
    .flush = kafka_flush,
    .fd = kafka_fd,
    .close = kafka_close,
};
