/* SPDX-License-Identifier: Apache-2.0
 *
 * cmgpipe: ConfigMgr logs in, classified records out.
 *
 * The one public header. Three objects matter:
 *
 *   engine   options + catalogue + matcher. Built once, never changes, may be shared by threads.
 *   corr     the memory of the incidents that are open: one table for each thread that decodes.
 *   stream   one log of one host. Fed with bytes, asked for records. One thread at a time.
 *
 *     struct cmg_engine *e = cmg_engine_new(&options, &error);
 *     struct cmg_corr   *c = cmg_corr_new(0);
 *     struct cmg_stream *s = cmg_stream_new(e, c, &origin);
 *     struct cmg_record  r;
 *     while (read some bytes) {
 *         cmg_stream_feed(s, bytes);
 *         while (cmg_stream_next(s, &r) == CMG_OK)
 *             cmg_record_to_json(&r, &out);
 *     }
 *     cmg_stream_end(s), and cmg_stream_next() once more until it says CMG_AGAIN.
 *
 * Bad input is never an error here: it becomes a record with problem bits and its raw text. Only
 * the environment fails (memory, options, a catalogue that does not load).
 *
 * Ownership: a cmg_str never owns. Slices in a record are valid until the next call on the same
 * stream. feed and send copy. x_new pairs with x_free, a by-value object with x_done; both accept
 * NULL.
 */
#ifndef CMGPIPE_H
#define CMGPIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CMG_MUST_USE __attribute__((warn_unused_result))

/* ---- values ---------------------------------------------------------------------------------- */

/* Borrowed bytes, passed by value: two machine words, so it travels in registers. `ptr` may be NULL
 * when `len` is 0. Not NUL-terminated. */
typedef struct {
    const char *ptr;
    size_t len;
} cmg_str;

/* What went wrong with the environment. Never says anything about the input. */
enum cmg_rc {
    CMG_OK = 0,
    CMG_AGAIN = 1, /* not an error: nothing more for now (next), or no room for now (send) */
    CMG_ENOMEM = -1,
    CMG_ELIMIT = -2, /* a cap was reached; the object is as it was before the call */
    CMG_EIO = -3,
    CMG_ECONFIG = -4, /* something a human wrote is wrong: see struct cmg_error */
};

/* Where a human's text is wrong. Fixed size: reporting never allocates. line and column are
 * 1-based, 0 when they do not apply. */
struct cmg_error {
    enum cmg_rc rc;
    int line, column;
    char source[160];
    char text[240];
};

/* Growable bytes, born with a cap. Every cmg_buf_* call is all-or-nothing. */
struct cmg_buf {
    char *ptr;
    size_t len, size, cap;
};

enum cmg_level {
    CMG_LEVEL_NONE,
    CMG_LEVEL_VERBOSE,
    CMG_LEVEL_INFO,
    CMG_LEVEL_WARNING,
    CMG_LEVEL_ERROR
};
enum cmg_lang { CMG_LANG_EN, CMG_LANG_FR, CMG_LANGS };
enum cmg_scope { CMG_SCOPE_UNKNOWN, CMG_SCOPE_CMG, CMG_SCOPE_NOT_CMG };
enum cmg_role { CMG_ROLE_NONE, CMG_ROLE_EVIDENCE, CMG_ROLE_CANDIDATE, CMG_ROLE_PRIMARY };

/* Where @timestamp comes from. */
enum cmg_time_source {
    CMG_TIME_READ,      /* the record has none: when it was read */
    CMG_TIME_INHERITED, /* the last dated record of its stream */
    CMG_TIME_ENVELOPE,  /* the wrapper that brought it */
    CMG_TIME_RECORD,    /* its own */
};

/* Problem bits: what is odd about a record. The rows are in schemas/problems.def. */
enum {
#define PROBLEM(bit, id, name, text) CMG_P_##id = 1u << (bit),
#include "../schemas/problems.def"
#undef PROBLEM
};

/* ---- one record ------------------------------------------------------------------------------ */

enum { CMG_ATTRS_MAX = 24, CMG_REMEDIES_MAX = 16, CMG_CAUSES_MAX = 16, CMG_ID_SIZE = 45 };

/* A named value that has no field of its own. */
struct cmg_attr {
    cmg_str name, value;
};

/* A time as the record wrote it. `ns` counts from 1970-01-01T00:00:00 of the clock that wrote it;
 * it is UTC once `offset_min` (minutes EAST of UTC, the ISO 8601 sign) has been taken off. */
struct cmg_time {
    int64_t ns;
    int16_t offset_min;
    bool known; /* there is a time at all */
    bool zoned; /* offset_min is known */
};

/* The HTTP side of an access-log row (W3C extended). -1: not in the record. */
struct cmg_http {
    cmg_str method, stem, query, client_ip, server_ip, user_agent, username, host;
    int32_t status, substatus, port;
    int64_t win32, time_taken_ms;
};

/* What an audit says of the act that it records. */
enum cmg_outcome { CMG_OUTCOME_NONE, CMG_OUTCOME_SUCCESS, CMG_OUTCOME_FAILURE };

/* What the record itself says. Slices into the record's text, or into memory of its stream. */
struct cmg_event {
    cmg_str message;   /* the human sentence, wrapper removed; may contain line breaks */
    cmg_str component; /* writer: CCM component, SMS thread name */
    cmg_str provider;  /* of a Windows event; empty: the component stands for it */
    cmg_str code;      /* of a Windows event: its id, decimal */
    cmg_str host;      /* of a Windows event: its computer, lower case; else the stream's counts */
    cmg_str channel;   /* of a Windows event */
    cmg_str record_id; /* of a Windows event: its number in the channel */
    cmg_str context;   /* CCM context attribute (an account: personal data) */
    cmg_str source_file; /* the program source that logged it */
    uint32_t source_line;
    bool has_thread, has_pid;
    uint64_t thread, pid;
    enum cmg_level level;     /* CMG_LEVEL_NONE: the record does not say */
    enum cmg_outcome outcome; /* of a Windows audit */
    struct cmg_time time;
    uint32_t problems;
    bool has_http;
    size_t attrs;
    struct cmg_http http;                /* means something only where has_http is set */
    struct cmg_attr attr[CMG_ATTRS_MAX]; /* last: what lies behind `attrs` is not cleared */
};

/* Which log, of which host. Copied by cmg_stream_new. */
struct cmg_origin {
    cmg_str host;        /* lower-cased on copy */
    cmg_str path;        /* as given; empty for stdin */
    uint64_t offset;     /* of the first byte that will be fed */
    int64_t envelope_ns; /* the wrapper's time (UTC), 0 for none */
    uint64_t apart;      /* logs of one host and path that must not share ids or incidents; or 0 */
};

/* One remediation or cause as an encoder needs it. */
struct cmg_entry; /* enrich/catalog.h: one error class of the catalogue */

/* What the catalogue says about the record, and which part it plays. role NONE: nothing is known.
 */
struct cmg_finding {
    const struct cmg_entry *entry; /* class of this record's own line; NULL where it has none */
    enum cmg_role role;
    enum cmg_scope scope;
    char incident[CMG_ID_SIZE]; /* cmgpipe.incident.id: event.id of the incident's first record */
    char promoted[CMG_ID_SIZE]; /* of a promoted candidate: its event.id; else empty */
    uint32_t code;              /* HRESULT, 0 for none */
    int32_t status;             /* HTTP status, -1 for none */
    cmg_str status_text;        /* event.code: CMGConnector_... as the log spells it */
    cmg_str url;                /* as written, quotes and trailing commas removed */
    cmg_str request_id;         /* message id of the connection point */
    size_t causes;
    cmg_str cause[CMG_CAUSES_MAX]; /* slugs, in the catalogue's order */
    size_t remedies;
    cmg_str remedy[CMG_REMEDIES_MAX];
    size_t facts; /* counters and times that the rule needs: cmgpipe.facts.* */
    struct cmg_attr fact[8];
};

/* What encoders read. */
struct cmg_record {
    const struct cmg_stream *stream;
    const struct cmg_decoder *decoder; /* NULL for a promoted candidate */
    cmg_str host, path;
    cmg_str raw;     /* the exact record as UTF-8, without its line end; empty when promoted */
    size_t slack;    /* bytes behind raw that may be read, and mean nothing: for copies in steps */
    uint64_t offset; /* of its first byte in the log; UINT64_MAX: not known */
    uint64_t length; /* input bytes it takes, line end included; 0 when promoted */
    uint32_t lines;
    char id[CMG_ID_SIZE]; /* event.id */
    int64_t time_ns;      /* @timestamp: ns since the epoch, UTC */
    enum cmg_time_source time_source;
    uint32_t problems;
    enum cmg_lang lang; /* of the texts that the encoder adds */
    struct cmg_event event;
    struct cmg_finding finding;
};

/* ---- engine ---------------------------------------------------------------------------------- */

/* Options of an engine; zero everywhere is a good default. Strings are copied. */
struct cmg_options {
    cmg_str host;      /* used where no wrapper names one */
    cmg_str decoder;   /* name: instead of detection */
    size_t max_record; /* bytes; 0: CMG_MAX_RECORD_DEFAULT */
    enum cmg_lang lang;
    /* Minutes east of UTC for a local time (seconds since 1970 of that clock) whose log names no
     * offset. NULL: times without an offset are written as if UTC. Called from any thread. */
    int (*utc_offset)(void *user, int64_t local_seconds);
    void *utc_offset_user;
    int64_t (*now_ns)(void *user); /* clock for "time of reading"; NULL: the system's */
    void *now_user;
    const cmg_str *cmg_hosts; /* names that prove a CMG */
    size_t n_cmg_hosts;
    const cmg_str *connection_points; /* addresses that prove a connection point */
    size_t n_connection_points;
    const void
        *catalog; /* catalogue image (cmg_catalog_build); NULL: the built-in one. Not copied. */
    size_t catalog_len;
    unsigned corr_seconds; /* 0: 120. How long an incident stays open, in record time */
    unsigned corr_records; /* 0: 400. The same in records of its key */
};

enum { CMG_MAX_RECORD_DEFAULT = 1 << 20, CMG_MAX_RECORD_MIN = 256, CMG_MAX_RECORD_MAX = 64 << 20 };

/* The version this library was built as: "0.1.0". */
const char *cmg_version(void);

/* Builds an engine. NULL on failure, and *reterr says why. */
CMG_MUST_USE struct cmg_engine *cmg_engine_new(const struct cmg_options *opt,
                                               struct cmg_error *reterr);
void cmg_engine_free(struct cmg_engine *e);

/* ---- correlation table ----------------------------------------------------------------------- */

/* A table of at most `bytes` bytes (0: CMG_CORR_BYTES_DEFAULT); at least CMG_CORR_BYTES_MIN. NULL
 * when memory is short. It is one block of plain data without pointers. */
CMG_MUST_USE struct cmg_corr *cmg_corr_new(size_t bytes);
void cmg_corr_free(struct cmg_corr *c);
enum { CMG_CORR_BYTES_DEFAULT = 1 << 20, CMG_CORR_BYTES_MIN = 1 << 15 };

/* How many keys were pushed out before their window closed. */
uint64_t cmg_corr_evictions(const struct cmg_corr *c);
/* The block itself, for a copy (save) and back (restore). A restored block must come from the same
 * size of table and the same build; restore says false and changes nothing otherwise. */
cmg_str cmg_corr_image(const struct cmg_corr *c);
bool cmg_corr_restore(struct cmg_corr *c, cmg_str image);

/* ---- streams --------------------------------------------------------------------------------- */

struct cmg_stream_stats {
    uint64_t bytes_in;      /* fed */
    uint64_t bytes_records; /* in records that were handed out */
    uint64_t bytes_skipped; /* blank lines, directives, byte order marks on their own */
    uint64_t records, skips, undecoded, truncated, promoted, findings, primaries;
};

CMG_MUST_USE struct cmg_stream *cmg_stream_new(const struct cmg_engine *e, struct cmg_corr *c,
                                               const struct cmg_origin *origin);
void cmg_stream_free(struct cmg_stream *s);

/* Copies `bytes` in. All of them or none (CMG_ENOMEM). Drain cmg_stream_next first: what is held is
 * bounded by max_record only then. */
CMG_MUST_USE enum cmg_rc cmg_stream_feed(struct cmg_stream *s, cmg_str bytes);
/* The same without the copy: room for at least `want` bytes to read into, then how many came.
 * NULL when memory is short. */
CMG_MUST_USE char *cmg_stream_room(struct cmg_stream *s, size_t want);
void cmg_stream_fed(struct cmg_stream *s, size_t n);

/* For a log that a forwarder brings line by line: place and time of the line that is fed next, as
 * its wrapper names them. `offset` UINT64_MAX: it names none; the wrapper's time and a counter of
 * the lines of that time then take its place in event.id, and records have no offset. `envelope_ns`
 * 0: no time. What is held keeps its own place. */
void cmg_stream_at(struct cmg_stream *s, uint64_t offset, int64_t envelope_ns);

/* The input is over: the last line is complete without its end, open candidates are promoted. */
void cmg_stream_end(struct cmg_stream *s);
/* Nothing came for a while: what is held is released (marked partial_tail where it is a record cut
 * in two), open candidates are promoted. More may be fed afterwards. */
void cmg_stream_idle(struct cmg_stream *s);
/* What is held is released, but open candidates stay open: the log goes on, perhaps in another
 * file. `over`: this file does not go on, so that a last line without a line end is complete; else
 * it is marked partial_tail. */
void cmg_stream_flush(struct cmg_stream *s, bool over);

/* The next record. CMG_AGAIN: feed more, or, after cmg_stream_end, done. CMG_ENOMEM is possible
 * only for text that has to be converted to UTF-8; nothing is lost then, and the call may be
 * repeated. */
CMG_MUST_USE enum cmg_rc cmg_stream_next(struct cmg_stream *s, struct cmg_record *ret);

/* One whole record that somebody else has already cut; no copy is made of it, slices point into
 * `frame`. Its place and time are those of the last cmg_stream_at(), else it follows the frame
 * before it. False: it was a directive or blank line (counted as skipped). Promotions come from
 * cmg_stream_next. Not to be mixed with feeding on one stream. */
bool cmg_stream_frame(struct cmg_stream *s, cmg_str frame, struct cmg_record *ret);

/* Where decoding would have to start again so that nothing is lost: the offset of the first byte
 * that is not yet in a record handed out. */
uint64_t cmg_stream_offset(const struct cmg_stream *s);
const struct cmg_stream_stats *cmg_stream_stats(const struct cmg_stream *s);

/* The stream's memory as plain data (detected format, #Fields, generation, last time), to be kept
 * in a checkpoint and given back to a new stream of the same log. restore: false when it is not
 * such data. */
cmg_str cmg_stream_state(const struct cmg_stream *s);
CMG_MUST_USE bool cmg_stream_restore(struct cmg_stream *s, cmg_str state);

/* ---- encoders -------------------------------------------------------------------------------- */

/* One JSON object (ECS 9.4) and a line feed, appended to `out`. */
CMG_MUST_USE enum cmg_rc cmg_record_to_json(const struct cmg_record *r, struct cmg_buf *out);
/* One line for people: time, level, host, component, class, message. No control characters. */
CMG_MUST_USE enum cmg_rc cmg_record_to_text(const struct cmg_record *r, struct cmg_buf *out);
/* The same fields as the JSON, as one msgpack map. */
CMG_MUST_USE enum cmg_rc cmg_record_to_msgpack(const struct cmg_record *r, struct cmg_buf *out);

#endif
