/* SPDX-License-Identifier: Apache-2.0
 * The Kafka sink's settings, read and checked. */
#ifndef CMG_SINKS_KAFKA_CONF_H
#define CMG_SINKS_KAFKA_CONF_H

#include "sinks/sink.h"

#include <librdkafka/rdkafka.h>

enum cmg_kafka_key {
    CMG_KEY_HOST,
    CMG_KEY_COMPONENT,
    CMG_KEY_INCIDENT,
    CMG_KEY_EVENT_ID,
    CMG_KEY_NONE
};

enum { CMG_TOPIC_MAX = 249, CMG_DEAD_SUFFIX = 4 };

struct cmg_kafka_conf {
    rd_kafka_conf_t *rd;
    char topic[CMG_TOPIC_MAX + 1], dead_topic[CMG_TOPIC_MAX + 1]; /* dead: empty for none */
    const char *dead_file;                                        /* NULL for none */
    enum cmg_kafka_key key;
    bool event_time, splunk, scram;
};

/* Reads opt->property. The caller destroys ret->rd. */
CMG_MUST_USE enum cmg_rc cmg_kafka_conf_read(const struct cmg_sink_options *opt,
                                             struct cmg_kafka_conf *ret, struct cmg_error *reterr);
/* Its value is not shown. */
bool cmg_kafka_is_secret(const char *name);
/* For a producer beside `rk`, which was made with this configuration: to the same brokers, one
 * record a request. NULL: no memory. */
rd_kafka_conf_t *cmg_kafka_conf_alone(const struct cmg_kafka_conf *c, const rd_kafka_t *rk);
/* What to say instead of "invalid credentials" when SCRAM was tried with a librdkafka whose nonce
 * brokers since 3.8.1 refuse (fixed in 2.6.1, librdkafka #4895); NULL when that cannot be it. */
const char *cmg_kafka_scram_hint(const struct cmg_kafka_conf *c);

#endif
