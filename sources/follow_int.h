/* SPDX-License-Identifier: Apache-2.0
 * Inside of the follower, for follow*.c only.
 *
 *     follow.c       the object: options, step, time limits
 *     follow_list.c  folders, logs, files
 *     follow_watch.c patterns, folders, and what inotify says of them
 *     follow_scan.c  which file is which: rotation
 *     follow_read.c  one log's turn: read, check, decode, hand out
 *     follow_save.c  pictures for the checkpoint, and going on from one */
#ifndef CMG_SOURCES_FOLLOW_INT_H
#define CMG_SOURCES_FOLLOW_INT_H

#include "sources/acks.h"
#include "sources/checkpoint.h"
#include "sources/follow.h"
#include "sources/identity.h"

enum {
    CMG_FOLLOW_CHUNK = 64 << 10, /* bytes of one log before it is another's turn */
    CMG_FOLLOW_TURNS = 16,       /* turns of one step */
    CMG_FOLLOW_OPEN_MAX = 256,   /* handles kept open for speed; needed ones come on top */
    CMG_FOLLOW_STREAMS_MAX = 64, /* streams kept for speed */
    CMG_FOLLOW_FILES_MAX = CMG_CHECKPOINT_FILES_MAX,
    CMG_FOLLOW_CLOSE_MS = 10000, /* a file without news is closed */
    CMG_FOLLOW_ROTATE_MS = 1000, /* so long may the rest of a record still come to a rotated file */
    CMG_FOLLOW_LINGER_MS = 5000, /* so long is a deleted file looked at for late writes */
    CMG_FOLLOW_RETRY_MS = 100,   /* of a record that found no room */
    CMG_FOLLOW_SAVE_RATE = 128,  /* bytes a millisecond: a large checkpoint is saved less often */
};

/* One file: a generation of its log. */
struct file {
    struct file *next; /* the next younger one */
    struct log *log;
    struct cmg_identity id;
    unsigned char *head;      /* the bytes that id.hash is of; NULL: not at hand */
    char name[CMG_NAME_SIZE]; /* in the log's folder; empty: not there any more */
    int fd;
    uint64_t size; /* last seen */
    int64_t mtime_ns;
    uint64_t sound_size; /* the same when its first bytes were looked at, too */
    int64_t sound_mtime_ns;
    uint64_t fed;    /* bytes given to the stream; without a stream: == offset */
    uint64_t offset; /* first byte in no record handed out; without a stream */
    struct cmg_stream *stream;
    char *state; /* without a stream: what decoding remembers at `offset`; NULL: nothing yet */
    size_t state_len;
    uint64_t skim; /* up to here it is only read for the decoder's memory; 0: no such thing is going
                      on */
    int64_t grown_ms;     /* when the last byte came */
    int64_t left_ms;      /* when it left the log's path */
    uint64_t last_cookie; /* all its records are before this one */
    bool current;         /* it is under the log's own name */
    bool done;            /* read to its end */
    bool unchecked;       /* from a checkpoint: is it still the same? */
    bool alias;           /* a copy of another generation that is still there: not to be read */
    bool from_end;        /* a record that lies across `skim` is handed out */
    bool relive;  /* skimming brings the real table of open incidents up to date, else one that is
                     thrown away */
    bool listed;  /* for the scan: an entry of the folder was this file */
    bool flushed; /* the stream's held text was released; nothing was fed since */
};

struct log {
    char *path, *name; /* absolute; name: the last part of it */
    struct folder *folder;
    struct file *files; /* the oldest first */
    struct log *next_ready;
    int64_t byte_ms; /* when the last byte came */
    bool ready;      /* in the list of logs that may have something to read */
    bool idle;       /* its candidates were promoted, nothing came since */
    int open_errno;  /* why it could not be opened last time */
    bool wanted;     /* matches a pattern; else it is only known from the checkpoint */
};

struct wildcard {
    char *text;
    bool folded; /* ignoring case */
};

struct folder {
    char *path;
    uint64_t dev, ino;      /* so that one folder by two names is one */
    int wd;                 /* inotify's; -1: polled */
    bool rescan;            /* look into it in this step */
    bool first;             /* was never read */
    int64_t look_at;        /* look again then; 0: no need */
    bool remote;            /* on a network file system */
    int watch_errno;        /* why the last watch failed */
    int read_errno;         /* why it could not be read last time */
    const char *checkpoint; /* of the follower: not a log */
    struct wildcard *wildcard;
    size_t wildcards;
    struct log **logs; /* by name */
    size_t n_logs;
};

/* The handle of a deleted file. */
struct rescued {
    uint64_t dev, ino;
    int fd;
};

struct cmg_follow {
    struct cmg_follow_options o;
    char **pattern;
    char *host;
    struct folder **folders;
    size_t n_folders;
    int inotify;       /* -1: none */
    bool inotify_full; /* the limit of watches was reached */
    struct log *ready, *ready_last;
    /* A record that found no room; its slices live in `blocked`'s stream, or in the table. */
    struct file *blocked;
    struct cmg_record held;
    struct cmg_corr *skim_corr; /* for what is skimmed */
    struct cmg_acks acks;
    struct rescued *rescued; /* over a rewind */
    size_t n_rescued;
    uint64_t cookies; /* without a checkpoint: a plain count */
    size_t reliving;  /* files that bring the table of open incidents up to date: no picture
                         meanwhile */
    int64_t now, deadline, sweep_at, poll_at;
    bool from_end, starting;
    size_t n_files, n_streams, n_open, n_logs;
    struct cmg_checkpoint *checkpoint;
    struct cmg_buf picture; /* the text that waits for its records to arrive */
    bool pictured;          /* there is one */
    uint64_t picture_at;    /* the first cookie behind it */
    uint64_t saved_at;      /* the first cookie behind the one on disk */
    int64_t save_at;
    bool dirty, save_failing;
    struct cmg_follow_stats stats;
};

/* ---- follow.c ------------------------------------------------------------------------------ */
void cmg_follow_note(struct cmg_follow *f, enum cmg_level level, const char *text, const char *path,
                     const char *detail);
void cmg_follow_ready(struct cmg_follow *f, struct log *log);
/* Something is to be done at that time. */
void cmg_follow_at(struct cmg_follow *f, int64_t when_ms);

/* ---- follow_list.c ------------------------------------------------------------------------- */
struct folder *cmg_folder_get(struct cmg_follow *f, const char *path);
struct log *cmg_log_find(const struct folder *d, const char *name);
struct log *cmg_log_get(struct cmg_follow *f, struct folder *d, const char *name);
/* A file of the log, before `before` in its list (NULL: the youngest). */
struct file *cmg_file_add(struct cmg_follow *f, struct log *log, struct file *before);
void cmg_file_drop(struct cmg_follow *f, struct file *file);
void cmg_folders_free(struct cmg_follow *f);
struct file *cmg_log_current(const struct log *log);
/* What the log reads now: the oldest file that is not done. */
struct file *cmg_log_head(const struct log *log);
/* The stream goes, what it remembers stays. */
enum cmg_rc cmg_file_sleep(struct cmg_follow *f, struct file *file);
void cmg_file_close(struct cmg_follow *f, struct file *file);
void cmg_file_remember(struct file *file, const struct cmg_look *look);

/* ---- follow_watch.c ------------------------------------------------------------------------ */
void cmg_follow_watch_start(struct cmg_follow *f);
/* Reads what inotify has to say. */
void cmg_follow_events(struct cmg_follow *f);
/* Folders that the patterns name now. */
enum cmg_rc cmg_follow_expand(struct cmg_follow *f);
/* So that nothing that happens after this is missed. */
void cmg_folder_watch(struct cmg_follow *f, struct folder *d);
bool cmg_folder_matches(const struct folder *d, const char *name);
/* The log that a file of this name is an older generation of; NULL: none that is known. */
struct log *cmg_folder_rotated(const struct folder *d, const char *name);

/* ---- follow_scan.c ------------------------------------------------------------------------- */
enum cmg_rc cmg_follow_scan(struct cmg_follow *f, struct folder *d);

/* Opens the file where it was last seen. False, with errno; ESTALE: it is another file that stands
 * there. */
bool cmg_file_open(struct cmg_follow *f, struct file *file);

/* ---- follow_read.c ------------------------------------------------------------------------- */
/* One log's turn; *ret_more: it has more to read. */
enum cmg_rc cmg_follow_turn(struct cmg_follow *f, struct log *log, bool *ret_more);
/* Hands out what a stream has, from the record that found no room on. */
enum cmg_rc cmg_follow_drain(struct cmg_follow *f, struct file *file);
/* What is to be done for a log because time has passed, and when to look again. */
enum cmg_rc cmg_follow_timers(struct cmg_follow *f, struct log *log);
/* The file is not what it was: its body is gone from here. */
void cmg_file_lose(struct cmg_follow *f, struct file *file);

/* ---- follow_save.c ------------------------------------------------------------------------- */
/* CMG_AGAIN: there is no checkpoint yet. */
enum cmg_rc cmg_follow_load(struct cmg_follow *f, struct cmg_error *reterr);
/* Known from the checkpoint alone and not there any more. */
void cmg_follow_forget_gone(struct cmg_follow *f);
/* Takes a picture when it is time, writes it when its records have arrived. */
void cmg_follow_checkpoint(struct cmg_follow *f);

#endif
