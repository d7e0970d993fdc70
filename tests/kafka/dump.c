/* SPDX-License-Identifier: Apache-2.0
 * Reads a topic from its beginning: one line a message, tab-separated: partition, offset, time in
 * ms, key, headers (name=value, joined by commas), value. Ends with `count` messages, or when
 * nothing came for `seconds`. usage: kafka_dump BROKERS TOPIC COUNT SECONDS */
#include <librdkafka/rdkafka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PARTITIONS_MAX = 64, METADATA_MS = 10000 };

static rd_kafka_t *consumer(const char *brokers)
{
    static const char *const properties[][2] = {
        {"group.id", "dump"},
        {"enable.auto.commit", "false"},
        {"allow.auto.create.topics", "true"},
    };
    char why[256];
    rd_kafka_conf_t *c = rd_kafka_conf_new();
    bool good =
        rd_kafka_conf_set(c, "bootstrap.servers", brokers, why, sizeof why) == RD_KAFKA_CONF_OK;
    for (size_t i = 0; i < sizeof properties / sizeof *properties; i++)
        good = rd_kafka_conf_set(c, properties[i][0], properties[i][1], why, sizeof why) ==
                   RD_KAFKA_CONF_OK &&
               good;
    rd_kafka_t *rk = good ? rd_kafka_new(RD_KAFKA_CONSUMER, c, why, sizeof why) : NULL;
    if (!rk)
        fprintf(stderr, "kafka_dump: %s\n", why);
    return rk;
}

/* All partitions of the topic, from their beginning. */
static bool assign(rd_kafka_t *rk, const char *topic)
{
    const struct rd_kafka_metadata *meta;
    rd_kafka_topic_t *t = rd_kafka_topic_new(rk, topic, NULL);
    rd_kafka_resp_err_t err = rd_kafka_metadata(rk, 0, t, &meta, METADATA_MS);
    rd_kafka_topic_destroy(t);
    if (err) {
        fprintf(stderr, "kafka_dump: %s\n", rd_kafka_err2str(err));
        return false;
    }
    int n = meta->topic_cnt ? meta->topics[0].partition_cnt : 0;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(n);
    for (int i = 0; i < n && i < PARTITIONS_MAX; i++)
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_metadata_destroy(meta);
    err = rd_kafka_assign(rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return !err && n;
}

static void put_headers(const rd_kafka_message_t *m)
{
    rd_kafka_headers_t *h;
    const char *name;
    const void *value;
    size_t len;
    if (rd_kafka_message_headers(m, &h) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    for (size_t i = 0; !rd_kafka_header_get_all(h, i, &name, &value, &len); i++)
        printf("%s%s=%.*s", i ? "," : "", name, (int)len, (const char *)value);
}

static void put_message(const rd_kafka_message_t *m)
{
    rd_kafka_timestamp_type_t type;
    printf("%d\t%lld\t%lld\t%.*s\t", (int)m->partition, (long long)m->offset,
           (long long)rd_kafka_message_timestamp(m, &type), (int)m->key_len,
           m->key ? (const char *)m->key : "");
    put_headers(m);
    printf("\t%.*s\n", (int)m->len, (const char *)m->payload);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fputs("usage: kafka_dump BROKERS TOPIC COUNT SECONDS\n", stderr);
        return 2;
    }
    rd_kafka_t *rk = consumer(argv[1]);
    if (!rk || !assign(rk, argv[2]))
        return 1;
    long count = strtol(argv[3], NULL, 10), seen = 0;
    int ms = 1000 * (int)strtol(argv[4], NULL, 10);
    while (seen < count) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, ms);
        if (!m)
            break;
        if (!m->err) {
            put_message(m);
            seen++;
        }
        rd_kafka_message_destroy(m);
    }
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    return seen == count ? 0 : 1;
}
