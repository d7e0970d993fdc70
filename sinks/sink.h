/* SPDX-License-Identifier: Apache-2.0
 *
 * A sink: a destination that says what has arrived.
 *
 *     struct cmg_sink *k;
 *     cmg_sink_find("stdout")->open(&options, &k, &error);
 *     for (every record) {
 *         size_t from = k->out.len;
 *         cmg_record_to_json(&record, &k->out);
 *         message.value = cmg_str_from(cmg_buf_str(&k->out), from);
 *         while ((rc = cmg_sink_send(k, &message)) == CMG_AGAIN)
 *             rc = cmg_sink_poll(k, 100);
 *     }
 *     rc = cmg_sink_close(k, 30000);
 *
 * Values are written where they leave from: the caller appends one record to `out` and sends that
 * tail of it, which is then not copied; a value from anywhere else is. What happened to a message
 * is told once, by its cookie, from within send, poll, flush and close, on the caller's thread:
 * delivery is counted by these reports and by nothing else.
 *
 * One thread uses a sink; a sink may have threads of its own behind its back. A sink never logs,
 * exits or reads the environment; what it has to say goes to options.say. */
#ifndef CMG_SINKS_SINK_H
#define CMG_SINKS_SINK_H

#include "core/buf.h"

struct cmg_sink;

/* CMG_OK: it has arrived, or is kept where it was agreed to be kept (a dead-letter topic or file);
 * the checkpoint may move over it. Less: it may or may not have arrived; the checkpoint stays
 * before it. */
typedef void cmg_ack_fn(void *user, uint64_t cookie, enum cmg_rc rc);
/* Something for the operator. `text` is constant for one kind of event, `detail` is what differs
 * ("" for nothing); neither has a line feed. */
typedef void cmg_say_fn(void *user, enum cmg_level level, const char *text, const char *detail);

struct cmg_property {
    const char *name, *value;
};

/* Zero everywhere is a good default. Strings stay with the caller and must live as long as the
 * sink. */
struct cmg_sink_options {
    cmg_ack_fn *ack; /* NULL: nobody asks, the counters are enough */
    void *ack_user;
    cmg_say_fn *say; /* NULL: silence */
    void *say_user;
    int fd;          /* stdout: where to write */
    bool flush_each; /* stdout: a person is watching, write every record at once */
    /* Settings by name, in order, the last one wins: "topic", "dead-letter-topic", "key", ... are
     * the sink's own, "kafka.<name>" are librdkafka's. A sink refuses what it does not know. */
    const struct cmg_property *property;
    size_t properties;
};

struct cmg_message {
    cmg_str key;
    cmg_str value; /* one record with its line feed, which a sink that frames messages leaves off */
    /* What the value was made of, for headers, keys and times; valid during send only. NULL: not
     * known. */
    const struct cmg_record *record;
    int64_t read_ns; /* when it was read; 0: not known */
    uint64_t cookie; /* given back by ack; the sink does not look at it */
};

struct cmg_sink_stats {
    uint64_t sent;    /* taken by send */
    uint64_t acked;   /* reported CMG_OK; sent - acked - failed are on their way */
    uint64_t failed;  /* reported as not confirmed */
    uint64_t dead;    /* of acked: kept elsewhere, because the destination refused them for good */
    uint64_t bytes;   /* of values acked */
    uint64_t retries; /* times that send said CMG_AGAIN */
};

/* What every sink begins with. */
struct cmg_sink {
    const struct cmg_sink_ops *ops;
    struct cmg_buf out; /* append the next value here */
    struct cmg_sink_stats stats;
    int error; /* errno of the last CMG_EIO, 0 where it has none (EPIPE: the reader went away) */
    char text[160]; /* the last CMG_EIO in words, "" for none */
};

struct cmg_sink_ops {
    const char *name, *summary;
    /* NULL: the sink is known, but this build is without it; `summary` says why. */
    enum cmg_rc (*open)(const struct cmg_sink_options *opt, struct cmg_sink **ret,
                        struct cmg_error *reterr);
    /* CMG_OK: taken, `out` may have moved or been emptied. CMG_AGAIN: full, or a signal came;
     * nothing was taken, the value still stands in `out`: poll, then send it again. CMG_EIO: the
     * sink is broken for good, the message was not taken. */
    enum cmg_rc (*send)(struct cmg_sink *s, const struct cmg_message *m);
    /* Writes what waits, waits up to `timeout_ms` for there to be room or news, and calls ack.
     * CMG_OK: go on; CMG_AGAIN: the time is over, or a signal came; CMG_EIO: as above. */
    enum cmg_rc (*poll)(struct cmg_sink *s, int timeout_ms);
    /* Waits up to `timeout_ms` (-1: as long as it takes, or until a signal) for everything that was
     * sent to be confirmed. CMG_OK: it is; CMG_AGAIN: time over or signal, may be called again. */
    enum cmg_rc (*flush)(struct cmg_sink *s, int timeout_ms);
    /* Readable when poll has news, so that a caller can wait for this and other things at once;
     * poll empties it. NULL or -1: there is no such thing. */
    int (*fd)(const struct cmg_sink *s);
    /* Flushes, reports all that is still open as failed, and frees. CMG_OK only when every message
     * ever taken was confirmed. `ret_stats` (may be NULL) gets the last word of the counters. */
    enum cmg_rc (*close)(struct cmg_sink *s, int timeout_ms, struct cmg_sink_stats *ret_stats);
};

static inline enum cmg_rc cmg_sink_send(struct cmg_sink *s, const struct cmg_message *m)
{
    return s->ops->send(s, m);
}

static inline enum cmg_rc cmg_sink_poll(struct cmg_sink *s, int timeout_ms)
{
    return s->ops->poll(s, timeout_ms);
}

static inline enum cmg_rc cmg_sink_flush(struct cmg_sink *s, int timeout_ms)
{
    return s->ops->flush(s, timeout_ms);
}

static inline int cmg_sink_fd(const struct cmg_sink *s)
{
    return s->ops->fd ? s->ops->fd(s) : -1;
}

/* NULL is fine. */
static inline enum cmg_rc cmg_sink_close(struct cmg_sink *s, int timeout_ms,
                                         struct cmg_sink_stats *ret_stats)
{
    return s ? s->ops->close(s, timeout_ms, ret_stats) : CMG_OK;
}

#define CMG_SINK(name) extern const struct cmg_sink_ops cmg_sink_##name;
#include "sinks/sinks.def"
#undef CMG_SINK

/* All sinks, NULL-terminated. */
extern const struct cmg_sink_ops *const cmg_sinks[];
const struct cmg_sink_ops *cmg_sink_find(cmg_str name);

#endif
