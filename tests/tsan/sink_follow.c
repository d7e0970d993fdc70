/* SPDX-License-Identifier: Apache-2.0
 * Sink and follower under ThreadSanitizer: several pairs of them, each in a thread of its own,
 * share one engine, while others write and rotate their logs and make their brokers fail. Every
 * record must arrive, and nothing be touched by two threads: not by ours, and not by librdkafka's,
 * which must never call us. A plain program, since Criterion does not start under the sanitizer. */
#include "core/str.h"
#include "sinks/kafka.h"
#include "sources/follow.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <assert.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { PAIRS = 3, LINES = 6000, PIECE = 50, ROTATE = 1500, PATIENCE_S = 60 };

struct pair {
    const struct cmg_engine *engine;
    struct cmg_engine *other; /* changed to on the way */
    char dir[32], log[64], brokers[128], topic[16];
    struct cmg_corr *corr;
    struct cmg_follow *f;
    struct cmg_sink *s;
    uint64_t acked, failed;
    atomic_bool written;
    bool changed;
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- reading and sending: one thread a pair ------------------------------------------------ */

static enum cmg_rc emit(void *user, const struct cmg_record *r, uint64_t cookie)
{
    struct pair *p = user;
    size_t from = p->s->out.len;
    enum cmg_rc rc = cmg_record_to_json(r, &p->s->out);
    assert(rc == CMG_OK);
    struct cmg_message m = {
        .value = cmg_str_from(cmg_buf_str(&p->s->out), from), .record = r, .cookie = cookie};
    rc = cmg_sink_send(p->s, &m);
    if (rc != CMG_OK)
        p->s->out.len = from;
    return rc;
}

static void on_ack(void *user, uint64_t cookie, enum cmg_rc rc)
{
    struct pair *p = user;
    p->acked += rc == CMG_OK;
    p->failed += rc != CMG_OK;
    if (rc == CMG_OK)
        (void)cmg_follow_ack(p->f, cookie);
}

/* Only counts, but as the program's does: memory of its own thread. */
static void on_say(void *user, enum cmg_level level, const char *text, const char *detail)
{
    struct pair *p = user;
    (void)level;
    p->failed += text[0] == '\0' && detail[0] == '\0';
}

static void open_pair(struct pair *p)
{
    char checkpoint[64];
    struct cmg_error e;
    const char *pattern[] = {p->log};
    struct cmg_property property[] = {
        {"topic", p->topic},
        {"kafka.bootstrap.servers", p->brokers},
        {"kafka.linger.ms", "5"},
        {"kafka.queue.buffering.max.messages", "500"},
        {"kafka.reconnect.backoff.max.ms", "100"},
    };
    struct cmg_sink_options so = {.ack = on_ack,
                                  .ack_user = p,
                                  .say = on_say,
                                  .say_user = p,
                                  .property = property,
                                  .properties = sizeof property / sizeof *property};
    snprintf(checkpoint, sizeof checkpoint, "%s/checkpoint", p->dir);
    p->corr = cmg_corr_new(0);
    struct cmg_follow_options fo = {.engine = p->engine,
                                    .corr = p->corr,
                                    .host = CMG_LIT("pc17"),
                                    .pattern = pattern,
                                    .patterns = 1,
                                    .emit = emit,
                                    .user = p,
                                    .checkpoint = checkpoint,
                                    .save_ms = 100};
    p->f = cmg_follow_new(&fo, &e);
    assert(p->f);
    enum cmg_rc rc = cmg_sink_kafka.open(&so, &p->s, &e);
    assert(rc == CMG_OK);
}

static void wait_a_little(struct pair *p)
{
    struct pollfd w[] = {{.fd = cmg_follow_fd(p->f), .events = POLLIN},
                         {.fd = cmg_sink_fd(p->s), .events = POLLIN}};
    (void)poll(w, 2, 50);
}

static void turn(struct pair *p)
{
    enum cmg_rc step = cmg_follow_step(p->f);
    assert(step >= CMG_OK);
    while (cmg_sink_poll(p->s, 0) == CMG_OK)
        ;
    if (!p->changed && p->acked > LINES / 2)
        p->changed = cmg_follow_engine(p->f, p->other) == CMG_OK;
    if (step == CMG_AGAIN)
        wait_a_little(p);
}

static void *run_pair(void *user)
{
    struct pair *p = user;
    struct cmg_error e;
    struct cmg_sink_stats stats;
    open_pair(p);
    int64_t until = now_ms() + PATIENCE_S * 1000;
    while ((!atomic_load(&p->written) || p->acked < LINES) && now_ms() < until)
        turn(p);
    enum cmg_rc rc = cmg_sink_flush(p->s, 10000);
    assert(rc == CMG_OK && p->changed);
    rc = cmg_follow_save(p->f, &e);
    assert(rc == CMG_OK);
    rc = cmg_sink_close(p->s, 1000, &stats);
    assert(rc == CMG_OK && stats.acked == LINES && p->acked == LINES && !p->failed);
    cmg_follow_free(p->f);
    cmg_corr_free(p->corr);
    return NULL;
}

/* ---- what happens to them: other threads --------------------------------------------------- */

static void append(const char *path, int first, int n)
{
    FILE *f = fopen(path, "a");
    assert(f);
    for (int i = 0; i < n; i++)
        fprintf(f,
                "<![LOG[Successfully handled message %d]LOG]!><time=\"10:00:00.000+000\" "
                "date=\"03-12-2026\" component=\"C\" context=\"\" type=\"1\" thread=\"%d\" "
                "file=\"a.cpp:1\">\r\n",
                first + i, first % 7);
    int err = fclose(f);
    assert(err == 0);
}

static void *write_log(void *user)
{
    struct pair *p = user;
    char old[80];
    for (int i = 0; i < LINES; i += PIECE) {
        append(p->log, i, PIECE);
        if ((i + PIECE) % ROTATE == 0) {
            snprintf(old, sizeof old, "%s/a-20260312-10000%d.log", p->dir, i / ROTATE);
            int err = rename(p->log, old);
            assert(err == 0);
        }
        usleep(10000);
    }
    atomic_store(&p->written, true);
    return NULL;
}

static void trouble(rd_kafka_mock_cluster_t *m, struct pair *p)
{
    for (int i = 0; !atomic_load(&p->written); i++) {
        usleep(300000);
        if (i % 2)
            rd_kafka_mock_broker_set_up(m, -1);
        else
            rd_kafka_mock_broker_set_down(m, -1);
        rd_kafka_mock_push_request_errors(m, 0, 3, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                          RD_KAFKA_RESP_ERR_INVALID_RECORD,
                                          RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT);
    }
    rd_kafka_mock_broker_set_up(m, -1);
}

static void make_pair(struct pair *p, int i, rd_kafka_mock_cluster_t *m)
{
    char folder[] = "tsan_follow.XXXXXX";
    char *made = mkdtemp(folder);
    assert(made);
    memcpy(p->dir, folder, sizeof folder);
    snprintf(p->log, sizeof p->log, "%s/a.log", folder);
    snprintf(p->topic, sizeof p->topic, "t%d", i);
    snprintf(p->brokers, sizeof p->brokers, "%s", rd_kafka_mock_cluster_bootstraps(m));
    rd_kafka_mock_topic_create(m, p->topic, 2, 1);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

int main(void)
{
    static struct pair pair[PAIRS];
    pthread_t reader[PAIRS], writer[PAIRS];
    struct cmg_error e;
    struct cmg_options opt = {.host = CMG_LIT("pc17")};
    struct cmg_engine *engine = cmg_engine_new(&opt, &e), *other = cmg_engine_new(&opt, &e);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, NULL, NULL, 0);
    rd_kafka_mock_cluster_t *m = rd_kafka_mock_cluster_new(rk, 2);
    assert(engine && other && m);
    for (int i = 0; i < PAIRS; i++) {
        make_pair(&pair[i], i, m);
        pair[i].engine = engine;
        pair[i].other = other;
        pthread_create(&writer[i], NULL, write_log, &pair[i]);
        pthread_create(&reader[i], NULL, run_pair, &pair[i]);
    }
    trouble(m, &pair[0]);
    for (int i = 0; i < PAIRS; i++) {
        pthread_join(writer[i], NULL);
        pthread_join(reader[i], NULL);
        (void)nftw(pair[i].dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    }
    rd_kafka_mock_cluster_destroy(m);
    rd_kafka_destroy(rk);
    cmg_engine_free(engine);
    cmg_engine_free(other);
    printf("%d pairs, %d records each, all acknowledged\n", PAIRS, LINES);
    return 0;
}
