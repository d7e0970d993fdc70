/* SPDX-License-Identifier: Apache-2.0
 * The sink for a file descriptor: standard output, mostly. A message is confirmed when write(2) has
 * taken its last byte.
 *
 * Messages gather in `out`, where the caller wrote them, and leave in large writes. A write that a
 * signal interrupts is not tried again before the caller has had a chance to look at why: until its
 * next poll, send only gathers. */
#include "sinks/sink.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { FLUSH_AT = 128 << 10 };
/* A record of the largest size whose every byte needs a six-byte escape, twice (message and
 * original). */
enum { OUT_MAX = 1 << 30 };

struct out {
    struct cmg_sink base;
    struct cmg_sink_options opt;
    size_t taken;     /* bytes of base.out that were sent; what lies behind is the caller's draft */
    size_t pending;   /* messages in them */
    uint64_t *cookie; /* of each, when somebody wants to know */
    size_t cookies_size;
    bool interrupted;
};

static struct out *of(struct cmg_sink *s)
{
    return (struct out *)s;
}

static enum cmg_rc out_open(const struct cmg_sink_options *opt, struct cmg_sink **ret,
                            struct cmg_error *reterr)
{
    if (opt->properties) {
        *reterr = (struct cmg_error){.rc = CMG_ECONFIG, .text = "standard output has no settings"};
        return CMG_ECONFIG;
    }
    struct out *o = calloc(1, sizeof *o);
    if (!o) {
        *reterr = (struct cmg_error){.rc = CMG_ENOMEM, .text = "out of memory"};
        return CMG_ENOMEM;
    }
    o->base.ops = &cmg_sink_stdout;
    o->base.out = cmg_buf_init(OUT_MAX);
    o->opt = *opt;
    *ret = &o->base;
    return CMG_OK;
}

/* ---- what was written ---------------------------------------------------------------------- */

static size_t count_lines(const char *p, size_t len)
{
    size_t n = 0;
    for (const char *end = p + len; (p = memchr(p, '\n', (size_t)(end - p))); p++)
        n++;
    return n;
}

static void report(struct out *o, size_t n, enum cmg_rc rc)
{
    for (size_t i = 0; o->opt.ack && i < n; i++)
        o->opt.ack(o->opt.ack_user, o->cookie[i], rc);
    if (o->opt.ack && n < o->pending)
        memmove(o->cookie, o->cookie + n, (o->pending - n) * sizeof *o->cookie);
    o->pending -= n;
    if (rc == CMG_OK)
        o->base.stats.acked += n;
    else
        o->base.stats.failed += n;
}

/* Takes `n` written bytes off the front. Each message is one line, so a part that went out ends
 * that many messages. */
static void retire(struct out *o, size_t n)
{
    struct cmg_buf *b = &o->base.out;
    size_t messages = n == o->taken ? o->pending : count_lines(b->ptr, n);
    o->base.stats.bytes += n;
    if (n < b->len)
        memmove(b->ptr, b->ptr + n, b->len - n);
    b->len -= n;
    o->taken -= n;
    report(o, messages, CMG_OK);
}

/* ---- writing ------------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Until there is room for PIPE_BUF bytes, or `deadline` (-1: none). */
static enum cmg_rc wait_room(struct out *o, int64_t deadline)
{
    int64_t left = deadline < 0 ? -1 : deadline - now_ms();
    if (deadline >= 0 && left < 0)
        left = 0;
    struct pollfd p = {.fd = o->opt.fd, .events = POLLOUT};
    int n = poll(&p, 1, left > INT_MAX ? INT_MAX : (int)left);
    if (n < 0 && errno == EINTR)
        o->interrupted = true;
    return n > 0 ? CMG_OK : CMG_AGAIN;
}

static enum cmg_rc broken(struct out *o, int error)
{
    o->base.error = error;
    snprintf(o->base.text, sizeof o->base.text, "%s", strerror(error));
    return CMG_EIO;
}

/* One write. With a deadline, only as much as cannot block once there is room (POSIX promises
 * PIPE_BUF). */
static enum cmg_rc write_some(struct out *o, int64_t deadline)
{
    size_t most = o->taken;
    if (deadline >= 0) {
        enum cmg_rc rc = wait_room(o, deadline);
        if (rc != CMG_OK)
            return rc;
        most = most < PIPE_BUF ? most : PIPE_BUF;
    }
    ssize_t n = write(o->opt.fd, o->base.out.ptr, most);
    if (n >= 0) {
        retire(o, (size_t)n);
        return CMG_OK;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return wait_room(o, deadline);
    if (errno != EINTR)
        return broken(o, errno);
    o->interrupted = true;
    return CMG_AGAIN;
}

static enum cmg_rc write_all(struct out *o, int64_t deadline)
{
    enum cmg_rc rc = o->base.error ? CMG_EIO : CMG_OK;
    while (o->taken && rc == CMG_OK)
        rc = write_some(o, deadline);
    return rc;
}

/* ---- the sink ------------------------------------------------------------------------------ */

static bool remember_cookie(struct out *o, uint64_t cookie)
{
    if (o->pending == o->cookies_size) {
        size_t size = o->cookies_size ? 2 * o->cookies_size : 1024;
        uint64_t *more = realloc(o->cookie, size * sizeof *more);
        if (!more)
            return false;
        o->cookie = more;
        o->cookies_size = size;
    }
    o->cookie[o->pending] = cookie;
    return true;
}

/* The value usually is the tail of `out` already. */
static enum cmg_rc take_value(struct out *o, cmg_str value)
{
    struct cmg_buf *b = &o->base.out;
    if (b->len == o->taken + value.len && value.ptr == b->ptr + o->taken)
        return CMG_OK;
    b->len = o->taken;
    return cmg_buf_add(b, value);
}

static enum cmg_rc out_send(struct cmg_sink *s, const struct cmg_message *m)
{
    struct out *o = of(s);
    if (s->error)
        return CMG_EIO;
    if (o->opt.ack && !remember_cookie(o, m->cookie))
        return CMG_ENOMEM;
    enum cmg_rc rc = take_value(o, m->value);
    if (rc != CMG_OK)
        return rc;
    o->taken = s->out.len;
    o->pending++;
    s->stats.sent++;
    /* The message is ours from here on, so a failure is the next call's to tell. */
    if ((o->taken >= FLUSH_AT || o->opt.flush_each) && !o->interrupted)
        (void)write_all(o, -1);
    return CMG_OK;
}

static enum cmg_rc out_flush(struct cmg_sink *s, int timeout_ms)
{
    struct out *o = of(s);
    o->interrupted = false;
    return write_all(o, timeout_ms < 0 ? -1 : now_ms() + timeout_ms);
}

/* There always is room: polling means that the caller has nothing to add for now, so what waits
 * leaves. */
static enum cmg_rc out_poll(struct cmg_sink *s, int timeout_ms)
{
    (void)timeout_ms;
    return out_flush(s, -1);
}

static enum cmg_rc out_close(struct cmg_sink *s, int timeout_ms, struct cmg_sink_stats *ret_stats)
{
    struct out *o = of(s);
    enum cmg_rc rc = out_flush(s, timeout_ms);
    if (rc == CMG_AGAIN)
        rc = broken(o, ETIMEDOUT);
    report(o, o->pending, CMG_EIO);
    if (ret_stats)
        *ret_stats = s->stats;
    cmg_buf_done(&s->out);
    free(o->cookie);
    free(o);
    return rc;
}

const struct cmg_sink_ops cmg_sink_stdout = {
    .name = "stdout",
    .summary = "standard output, one record a line",
    .open = out_open,
    .send = out_send,
    .poll = out_poll,
    .flush = out_flush,
    .close = out_close,
};
