/* SPDX-License-Identifier: Apache-2.0
 * Following logs: files that grow, rotate, vanish and come back, as a row of records.
 *
 *     struct cmg_follow *f = cmg_follow_new(&options, &error);
 *     while (!stop) {
 *         rc = cmg_follow_step(f);                    hands records to options.emit; never waits
 *         if (rc < CMG_OK)
 *             break;                                  emit failed, or memory is short
 *         poll cmg_follow_fd(f) and the sink, for no longer than cmg_follow_wait(f) milliseconds
 *     }
 *     flush the sink, whose reports go to cmg_follow_ack()
 *     rc = cmg_follow_save(f, &error);                what has arrived is in the checkpoint
 *     cmg_follow_free(f);
 *
 * What is followed. A pattern names files; a folder stands for "*.log" and "*.lo_" in it. A log is
 * what stands under one path, one file after the other: "Name.lo_" and "Name-YYYYMMDD-HHMMSS.log"
 * are older generations of "Name.log" and are read as that log, each once and the oldest first,
 * whether they were renamed, or copied before the log was emptied in place. A generation is read to
 * its end before the next one begins. Which file is which is decided by device, inode and first
 * bytes (identity.h), never by the name alone.
 *
 * Acknowledgement. Every record handed out has a cookie; cmg_follow_ack() is told when it has
 * arrived. From time to time the follower takes a picture of everything it knows (offsets, decoding
 * states, open incidents) and writes it to the checkpoint as soon as every record handed out before
 * the picture has arrived. So the checkpoint never moves over a gap, and is always one consistent
 * moment: after a crash the records behind it come again, with the same event.id, incident and
 * role, because nothing that came later had a part in them.
 *
 * One thread. Nothing here waits but the writing of the checkpoint, for the disk. */
#ifndef CMG_SOURCES_FOLLOW_H
#define CMG_SOURCES_FOLLOW_H

#include "cmgpipe.h"

struct cmg_follow;

/* Takes a record; slices are valid during the call. CMG_AGAIN: no room; the same record comes
 * again, with the same cookie, in a later step, and nothing else is read until then. Below CMG_OK:
 * cmg_follow_step returns it. May call cmg_follow_ack, also for the cookie at hand. */
typedef enum cmg_rc cmg_emit_fn(void *user, const struct cmg_record *r, uint64_t cookie);

/* Something for the operator. `text` is constant for one kind of event; `path` and `detail` may be
 * empty. */
typedef void cmg_note_fn(void *user, enum cmg_level level, const char *text, const char *path,
                         const char *detail);

/* Zero (and NULL) is the default of everything but engine, corr, patterns and emit. Strings are
 * copied. */
struct cmg_follow_options {
    const struct cmg_engine *engine;
    struct cmg_corr *corr; /* the follower restores and saves it */
    cmg_str host;
    const char *const *pattern;
    size_t patterns;
    cmg_emit_fn *emit;
    cmg_note_fn *note;
    void *user;             /* of emit and note */
    bool from_end;          /* without a checkpoint: skip what is there at the start */
    bool poll;              /* never use inotify */
    const char *checkpoint; /* NULL: none, and acknowledgements are not asked for */
    bool reset_checkpoint;  /* forget what the checkpoint says */
    unsigned idle_ms;    /* 0: 5000. A record that is not complete waits so long for more bytes */
    unsigned promote_ms; /* 0: 120000. After so long without a byte open candidates are promoted */
    unsigned poll_ms;    /* 0: 1000. How often to look where inotify does not work */
    unsigned sweep_ms;   /* 0: 10000. How often to look everywhere: new folders, missed events */
    unsigned save_ms;    /* 0: 1000. How often to save the checkpoint at most */
    int64_t (*now_ms)(void *user); /* a monotonic clock; NULL: the system's */
    void *now_user;
};

struct cmg_follow_stats {
    uint64_t bytes;   /* read and decoded */
    uint64_t records; /* handed out */
    uint64_t acked;
    uint64_t rewinds;
    uint64_t rotated;    /* files that left their log's path */
    uint64_t emptied;    /* logs that were rewritten in place */
    uint64_t shrunk;     /* logs that lost their end */
    uint64_t lost;       /* files that went before they were read to their end */
    uint64_t lost_bytes; /* in them, as far as is known */
    uint64_t partial;    /* records released by the idle time-out */
    uint64_t saves, save_errors;
    uint64_t files, logs;           /* known now */
    uint64_t open;                  /* file handles now */
    uint64_t watched, polled;       /* folders now */
    uint64_t unacked;               /* records on their way now */
    uint64_t lag;                   /* bytes that are there and not read, as far as is known */
    struct cmg_stream_stats stream; /* of all streams together */
};

/* NULL: reterr says why (a lock held by another process, a damaged checkpoint, memory). No file is
 * read yet. */
CMG_MUST_USE struct cmg_follow *cmg_follow_new(const struct cmg_follow_options *opt,
                                               struct cmg_error *reterr);
void cmg_follow_free(struct cmg_follow *f);

/* A bounded piece of work. CMG_OK: there is more to do, call again soon; CMG_AGAIN: wait
 * (cmg_follow_wait). */
CMG_MUST_USE enum cmg_rc cmg_follow_step(struct cmg_follow *f);
/* Readable when something happened to a log. -1: everything is polled. */
int cmg_follow_fd(const struct cmg_follow *f);
/* Milliseconds until a step has something to do without an event; 0: now. */
int cmg_follow_wait(const struct cmg_follow *f);
/* A record waits for room. */
bool cmg_follow_blocked(const struct cmg_follow *f);
/* Nothing is left to read or to look at for now: for tests, and for "read what is there and stop".
 */
bool cmg_follow_at_end(const struct cmg_follow *f);

/* The record has arrived. A cookie that is not out is ignored: false. */
bool cmg_follow_ack(struct cmg_follow *f, uint64_t cookie);
/* Some record will not arrive: everything after the last checkpoint is handed out again. What
 * cannot be read a second time, because its file is gone, is counted as lost. CMG_ECONFIG: there is
 * no checkpoint. */
CMG_MUST_USE enum cmg_rc cmg_follow_rewind(struct cmg_follow *f, struct cmg_error *reterr);
/* Brings the checkpoint up to date with what has arrived. CMG_AGAIN: some records have not, it is
 * as good as it can be. CMG_OK also without a checkpoint. */
CMG_MUST_USE enum cmg_rc cmg_follow_save(struct cmg_follow *f, struct cmg_error *reterr);
/* The catalogue was reloaded: decode with this engine from here on. CMG_AGAIN: a record waits for
 * room, try again later. The old engine is not used any more after CMG_OK. */
CMG_MUST_USE enum cmg_rc cmg_follow_engine(struct cmg_follow *f, const struct cmg_engine *e);
/* Look everywhere now (SIGHUP). */
void cmg_follow_sweep(struct cmg_follow *f);
const struct cmg_follow_stats *cmg_follow_stats(struct cmg_follow *f);

#endif
