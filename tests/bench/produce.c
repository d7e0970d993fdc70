/* SPDX-License-Identifier: Apache-2.0
 * The bare producer: lines of a file to a Kafka topic by librdkafka and nothing else, with the
 * settings, the key and as many headers of the same length as cmgpipe sends.
 *
 *     bench_produce BROKERS TOPIC FILE [NAME=VALUE]...
 *
 * Fails unless every line was confirmed by a delivery report. */
#include <librdkafka/rdkafka.h>

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { POLL_EVERY = 64, ID = 44, FINISH_MS = 60000 };

static size_t acked, failed;

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    (void)rk;
    (void)opaque;
    *(m->err ? &failed : &acked) += 1;
}

static bool set(rd_kafka_conf_t *c, const char *name, const char *value)
{
    char why[200];
    if (rd_kafka_conf_set(c, name, value, why, sizeof why) == RD_KAFKA_CONF_OK)
        return true;
    fprintf(stderr, "bench_produce: %s\n", why);
    return false;
}

/* What sinks/kafka_conf.c has. */
static bool configure(rd_kafka_conf_t *c, const char *brokers, char **more)
{
    bool good = set(c, "bootstrap.servers", brokers) && set(c, "enable.idempotence", "true") &&
                set(c, "compression.codec", "lz4") && set(c, "partitioner", "murmur2_random") &&
                set(c, "linger.ms", "50") && set(c, "queue.buffering.max.kbytes", "8192");
    for (; good && *more; more++) {
        char *equals = strchr(*more, '=');
        if (!equals)
            return false;
        *equals = '\0';
        good = set(c, *more, equals + 1);
    }
    rd_kafka_conf_set_dr_msg_cb(c, on_report);
    return good;
}

static bool send_line(rd_kafka_t *rk, rd_kafka_topic_t *topic, const char *line, size_t n)
{
    rd_kafka_headers_t *h = rd_kafka_headers_new(3);
    rd_kafka_header_add(h, "content-type", -1, "application/json", -1);
    rd_kafka_header_add(h, "schema", -1, "cmgpipe/1", -1);
    rd_kafka_header_add(h, "event.id", -1, line, n < ID ? (ssize_t)n : ID);
    rd_kafka_resp_err_t err;
    while ((err = rd_kafka_producev(
                rk, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                RD_KAFKA_V_KEY("bench", 5), RD_KAFKA_V_VALUE((char *)(uintptr_t)line, n),
                RD_KAFKA_V_HEADERS(h), RD_KAFKA_V_END)) == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        rd_kafka_poll(rk, 100);
    return !err;
}

static int send_all(rd_kafka_t *rk, const char *name, const char *text, size_t size)
{
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, name, NULL);
    size_t sent = 0;
    for (const char *p = text, *end = text + size; p < end;) {
        const char *feed = memchr(p, '\n', (size_t)(end - p));
        size_t n = feed ? (size_t)(feed - p) : (size_t)(end - p);
        if (!send_line(rk, topic, p, n))
            return 1;
        if (++sent % POLL_EVERY == 0)
            rd_kafka_poll(rk, 0);
        p += n + 1;
    }
    rd_kafka_flush(rk, FINISH_MS);
    rd_kafka_topic_destroy(topic);
    return acked == sent && !failed ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct stat st;
    rd_kafka_conf_t *c = rd_kafka_conf_new();
    if (argc < 4 || !configure(c, argv[1], argv + 4)) {
        fputs("usage: bench_produce BROKERS TOPIC FILE [NAME=VALUE]...\n", stderr);
        return 2;
    }
    int fd = open(argv[3], O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        return 1;
    char *text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, c, NULL, 0);
    if (text == MAP_FAILED || !rk)
        return 1;
    int status = send_all(rk, argv[2], text, (size_t)st.st_size);
    rd_kafka_destroy(rk);
    return status;
}
