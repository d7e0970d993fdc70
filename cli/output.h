/* SPDX-License-Identifier: Apache-2.0
 * Where records go: which ones, in which form, to which sink. */
#ifndef CMG_CLI_OUTPUT_H
#define CMG_CLI_OUTPUT_H

#include "cli/options.h"
#include "sinks/sink.h"

/* Files of our own in the state directory: $XDG_STATE_HOME/cmgpipe, /var/lib/cmgpipe for root,
 * ~/.local/state/cmgpipe for others. */
enum { CMG_STATE_PATH_MAX = 1024 };

struct cmg_output {
    struct cmg_sink *sink;
    bool kafka;
    bool broken; /* the sink said CMG_EIO: open another one */
    enum cmg_rc (*encode)(const struct cmg_record *r, struct cmg_buf *out);
    enum cmg_role least_role;
    enum cmg_level least_level;
    struct cmg_sink_options options;
    struct cmg_property *property;
    struct cmg_sink_stats before; /* of sinks that were closed */
    char dead_file[CMG_STATE_PATH_MAX], endless[8];
};

/* CMG_ECONFIG with *reterr: a setting is wrong. `endless`: a record is tried for ever, because its
 * file remembers it. done is needed in any case. */
CMG_MUST_USE enum cmg_rc cmg_output_open(struct cmg_output *o, const struct cmg_settings *s,
                                         bool endless, cmg_ack_fn *ack, void *ack_user,
                                         struct cmg_error *reterr);
/* Another sink with the same settings, in place of a broken one. */
CMG_MUST_USE enum cmg_rc cmg_output_reopen(struct cmg_output *o, struct cmg_error *reterr);
void cmg_output_done(struct cmg_output *o);

bool cmg_output_wants(const struct cmg_output *o, const struct cmg_record *r);
/* Encodes and sends. On CMG_AGAIN and errors nothing of it is left behind. */
CMG_MUST_USE enum cmg_rc cmg_output_send(struct cmg_output *o, const struct cmg_record *r,
                                         int64_t read_ns, uint64_t cookie);
/* Of all sinks so far. */
struct cmg_sink_stats cmg_output_stats(const struct cmg_output *o);
/* Closes the sink for good. */
struct cmg_sink_stats cmg_output_close(struct cmg_output *o);
/* Dead letters are safe, and somebody should look at them. */
void cmg_output_tell_dead(const struct cmg_output *o, uint64_t n);
/* --timeout in seconds. */
enum { CMG_FINISH_S = 30, CMG_ANSWER_S = 10 };
uint64_t cmg_output_timeout(const struct cmg_settings *s, uint64_t otherwise);

/* The properties of a Kafka sink, allocated; NULL: no memory. `dead_file` is where the default of
 * the dead-letter file has room, or empty for none. Without a topic one that is never used stands
 * in. */
struct cmg_property *cmg_kafka_properties(const struct cmg_settings *s, bool endless,
                                          const char *dead_file, size_t *ret_n);

/* "TOPIC.checkpoint" and the like, in the state directory, which is made when it is not there.
 * False: there is no such place; errno says why. */
CMG_MUST_USE bool cmg_state_path(const char *name, const char *ending,
                                 char ret[CMG_STATE_PATH_MAX]);

#endif
