/* SPDX-License-Identifier: Apache-2.0
 * --stats: the counters, as one key=value line. */
#ifndef CMG_CLI_STATS_H
#define CMG_CLI_STATS_H

#include "sinks/sink.h"

struct cmg_counters {
    uint64_t inputs, inputs_failed;
    struct cmg_stream_stats in;
    struct cmg_sink_stats out;
    uint64_t evictions;
};

struct cmg_stats {
    bool on;
    int64_t every_ms; /* 0: at the end only */
    int64_t start_ms, next_ms;
};

void cmg_stats_init(struct cmg_stats *s, bool on, uint64_t seconds);
/* Is a line due? At most one look at the clock; none when there is no interval. */
bool cmg_stats_due(struct cmg_stats *s);
/* Milliseconds until the next line, -1 for none. */
int cmg_stats_left_ms(const struct cmg_stats *s);
/* Writes the line to stderr, whatever the log level: it was asked for. */
void cmg_stats_write(const struct cmg_stats *s, const struct cmg_counters *c);

struct cmg_counter {
    const char *key;
    uint64_t value;
};
/* The same with counters of the caller's choice. */
void cmg_stats_line(const struct cmg_stats *s, const struct cmg_counter *row, size_t n);

void cmg_counters_add(struct cmg_stream_stats *sum, const struct cmg_stream_stats *one);

#endif
