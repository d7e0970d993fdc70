/* SPDX-License-Identifier: Apache-2.0
 * The Kafka sink's other faces: asking librdkafka about its properties, and the brokers whether
 * they answer. The sink itself is cmg_sink_kafka in sinks/sink.h.
 *
 * The sink's own properties: topic (needed), key (host, component, incident, event.id, none),
 * timestamp (read, event), dead-letter-topic (<topic>.dlq; "none"), dead-letter-file,
 * splunk-headers (true, false), mock-brokers (a number: the mock cluster inside librdkafka),
 * endless (true: a record is tried for ever unless message.timeout.ms is given). kafka.<name> is
 * librdkafka's <name>. */
#ifndef CMG_SINKS_KAFKA_H
#define CMG_SINKS_KAFKA_H

#include "sinks/sink.h"

#include <stdio.h>

/* Would librdkafka take this (its own name, without "kafka.")? CMG_AGAIN: it has no such property;
 * CMG_ECONFIG: it has, but refuses the value, or it would undo what this sink promises. */
CMG_MUST_USE enum cmg_rc cmg_kafka_property(const char *name, const char *value,
                                            struct cmg_error *reterr);
/* Every property of the librdkafka in use, as a table. */
void cmg_kafka_list(FILE *to);
/* The properties in force, one call each; the values of secrets are "[masked]". */
CMG_MUST_USE enum cmg_rc cmg_kafka_dump(const struct cmg_sink_options *opt,
                                        void (*each)(void *user, const char *name,
                                                     const char *value),
                                        void *user, struct cmg_error *reterr);
/* Do the brokers answer, and do they have the topic? One line in reterr->text, also on success.
 * CMG_EIO: no, or not within `timeout_ms`. */
CMG_MUST_USE enum cmg_rc cmg_kafka_check(const struct cmg_sink_options *opt, int timeout_ms,
                                         struct cmg_error *reterr);

#endif
