/* SPDX-License-Identifier: Apache-2.0
 * Logs that others send: sockets, standard input and files side by side, as a row of records.
 *
 *     struct cmg_listen *l = cmg_listen_new(&options, &error);
 *     while (!stop) {
 *         rc = cmg_listen_step(l);            hands records to options.emit; never waits
 *         if (rc == CMG_AGAIN)
 *             cmg_listen_wait(l, extra, n, ms);
 *     }
 *     cmg_listen_stop(l), and cmg_listen_step() until CMG_AGAIN
 *     flush the sink, whose reports go to cmg_listen_ack() and cmg_listen_refused()
 *     cmg_listen_free(l);
 *
 * Every record handed out has a cookie. A sender of the forward protocol that asks for it is told
 * when all records of its chunk have arrived, and not before; when one does not, its connection is
 * closed, so that it sends the chunk again. */
#ifndef CMG_SOURCES_LISTEN_H
#define CMG_SOURCES_LISTEN_H

#include "sources/net.h"

struct cmg_listen;

/* Takes a record. CMG_AGAIN: no room; the same record comes again, and nothing is read until
 * then. */
typedef enum cmg_rc cmg_listen_emit_fn(void *user, const struct cmg_record *r, uint64_t cookie);

struct cmg_listen_options {
    const struct cmg_engine *engine;
    const struct cmg_options *options; /* for times without year or offset; may be NULL */
    struct cmg_corr *corr;
    cmg_str host; /* of what standard input and files hold */
    cmg_listen_emit_fn *emit;
    cmg_net_note_fn *note;
    void *user;
    unsigned flush_ms; /* a record that is not complete waits so long for its rest; 0: 5000 */
    unsigned idle_ms;  /* then an open incident is decided; 0: 120000 */
};

struct cmg_listen_stats {
    struct cmg_stream_stats in;
    uint64_t records;       /* handed out */
    uint64_t chunks, acked; /* that somebody asked for */
    uint64_t inputs_failed;
    uint64_t repaired; /* lines of UTF-16 that had been taken for bytes */
};

CMG_MUST_USE struct cmg_listen *cmg_listen_new(const struct cmg_listen_options *opt);
void cmg_listen_free(struct cmg_listen *l);
/* One input more. Of files a pattern; what is there now is read, once. */
CMG_MUST_USE enum cmg_rc cmg_listen_add(struct cmg_listen *l, const struct cmg_url *u,
                                        struct cmg_error *reterr);
/* CMG_OK: there may be more at once; CMG_AGAIN: wait. Less: memory is short. */
CMG_MUST_USE enum cmg_rc cmg_listen_step(struct cmg_listen *l);
CMG_MUST_USE enum cmg_rc cmg_listen_wait(struct cmg_listen *l, struct pollfd *extra, size_t extras,
                                         int ms);
/* A record waits for room. */
bool cmg_listen_blocked(const struct cmg_listen *l);
/* All inputs have come to their end; sockets never do. */
bool cmg_listen_over(const struct cmg_listen *l);
/* No more input; what is there is handed out by further steps. */
void cmg_listen_stop(struct cmg_listen *l);
void cmg_listen_ack(struct cmg_listen *l, uint64_t cookie);
/* True: its sender was asked to repeat it. */
bool cmg_listen_refused(struct cmg_listen *l, uint64_t cookie);
/* Chunks whose records have arrived are acknowledged: after the sink's last reports. */
void cmg_listen_settle(struct cmg_listen *l);
void cmg_listen_sum(const struct cmg_listen *l, struct cmg_listen_stats *ret);
const struct cmg_net *cmg_listen_net(const struct cmg_listen *l);

#endif
