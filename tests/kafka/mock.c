/* SPDX-License-Identifier: Apache-2.0
 * librdkafka's mock cluster as a process of its own. Prints its brokers, then obeys lines of
 * standard input, saying "ok" to each, until that ends. It forgets old messages, so loss is counted
 * elsewhere.
 *
 *     topic NAME PARTITIONS      make it
 *     topic-error NAME CODE      every request about it fails with Kafka's error code; 0: no more
 *     down | up                  all brokers
 *     rtt MS                     every answer takes so long
 *     produce-error CODE COUNT   the next COUNT produce requests fail with Kafka's error code
 *     quit
 * usage: kafka_mock [BROKERS] */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = 3, PRODUCE = 0 };

struct mock {
    rd_kafka_mock_cluster_t *cluster;
    int brokers;
};

static int number(const char *word)
{
    return word ? (int)strtol(word, NULL, 10) : 0;
}

static bool each_broker(const struct mock *m, const char *what, int ms)
{
    bool good = true;
    for (int id = 1; id <= m->brokers; id++) {
        rd_kafka_resp_err_t err =
            strcmp(what, "down") == 0 ? rd_kafka_mock_broker_set_down(m->cluster, id)
            : strcmp(what, "up") == 0 ? rd_kafka_mock_broker_set_up(m->cluster, id)
                                      : rd_kafka_mock_broker_set_rtt(m->cluster, id, ms);
        good = good && !err;
    }
    return good;
}

static bool fail_produce(const struct mock *m, int code, int count)
{
    rd_kafka_resp_err_t err = (rd_kafka_resp_err_t)code;
    for (int i = 0; i < count; i++)
        rd_kafka_mock_push_request_errors(m->cluster, PRODUCE, 1, err);
    return count > 0;
}

static bool obey(const struct mock *m, char *word[WORDS])
{
    const char *what = word[0];
    if (strcmp(what, "down") == 0 || strcmp(what, "up") == 0 || strcmp(what, "rtt") == 0)
        return each_broker(m, what, number(word[1]));
    if (strcmp(what, "topic") == 0 && word[2])
        return !rd_kafka_mock_topic_create(m->cluster, word[1], number(word[2]), 1);
    if (strcmp(what, "topic-error") == 0 && word[2]) {
        rd_kafka_mock_topic_set_error(m->cluster, word[1], (rd_kafka_resp_err_t)number(word[2]));
        return true;
    }
    return strcmp(what, "produce-error") == 0 && fail_produce(m, number(word[1]), number(word[2]));
}

static void serve(const struct mock *m)
{
    char line[256];
    while (fgets(line, sizeof line, stdin)) {
        char *rest = line, *word[WORDS] = {NULL};
        for (int i = 0; i < WORDS; i++)
            word[i] = strtok_r(i ? NULL : line, " \n", &rest);
        if (!word[0])
            continue;
        if (strcmp(word[0], "quit") == 0)
            return;
        puts(obey(m, word) ? "ok" : "wrong");
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    char why[256];
    struct mock m = {.brokers = argc > 1 ? number(argv[1]) : 1};
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof why);
    m.cluster = rk ? rd_kafka_mock_cluster_new(rk, m.brokers) : NULL;
    if (!m.cluster) {
        fputs("kafka_mock: it does not start\n", stderr);
        return 1;
    }
    puts(rd_kafka_mock_cluster_bootstraps(m.cluster));
    fflush(stdout);
    serve(&m);
    rd_kafka_mock_cluster_destroy(m.cluster);
    rd_kafka_destroy(rk);
    return 0;
}
