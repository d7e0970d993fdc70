/* SPDX-License-Identifier: Apache-2.0
 * Inputs, read to their end one after the other, each a stream of its own. */
#ifndef CMG_CLI_READER_H
#define CMG_CLI_READER_H

#include "cli/progress.h"
#include "cli/setup.h"
#include "cli/stats.h"

enum {
    CMG_READ_SIZE =
        128 << 10, /* of one read(2): within the second-level cache with what is made of it */
    CMG_IDLE_MS = 120 * 1000, /* of silence, after which an open pipe counts as idle */
};

struct cmg_reader {
    const struct cmg_setup *setup;
    /* Takes one record. False: no more are wanted. */
    bool (*record)(void *user, const struct cmg_record *r);
    /* Before waiting for input that is not there yet. False: no more is wanted. May be NULL. */
    bool (*wait)(void *user);
    /* What was just read, before any record of it. May be NULL. */
    bool (*bytes)(void *user, cmg_str bytes);
    void *user;
    int wake;                              /* readable: `wait` has something to do; -1: none */
    bool (*is_output)(void *user, int fd); /* is this input what we write to? May be NULL */

    /* The reader's own. */
    struct cmg_counters count;
    const struct cmg_unwrap *text; /* the one being read */
    struct cmg_progress progress;
    struct cmg_stats stats;
    const struct cmg_sink *sink; /* for the counters only; may be NULL */
    int64_t read_ns;             /* time of the last read, ns since the epoch */
    bool ended;                  /* `record`, `wait` or `bytes` said false */
};

void cmg_reader_init(struct cmg_reader *r, const struct cmg_setup *setup,
                     const struct cmg_settings *s);
/* One input; "-" is standard input. What is wrong with it is logged and counted. False: stop here.
 */
bool cmg_reader_file(struct cmg_reader *r, const char *path);
/* Writes them. */
void cmg_reader_stats(struct cmg_reader *r);
/* The counters of now, those of the stream being read included. */
void cmg_reader_counters(const struct cmg_reader *r, struct cmg_counters *ret);

#endif
