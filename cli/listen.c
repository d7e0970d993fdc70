/* SPDX-License-Identifier: Apache-2.0
 * --input: records of what others send, until a signal, or until all inputs have ended.
 *
 * One thread and one place to wait: for a peer, the sink, a signal, or a time. While the sink is
 * full nothing is read: senders on TCP have to wait, and what comes as datagrams is lost, and
 * counted. */
#include "cli/commands.h"
#include "cli/log.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/stats.h"
#include "core/engine.h"
#include "sources/listen.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_MS = 500, FULL_MS = 100, SLICE_MS = 200, REOPEN_MS = 1000, SPARE_FILES = 64 };

struct listen {
    const struct cmg_settings *s;
    struct cmg_output out;
    struct cmg_listen *l;
    struct cmg_stats stats;
    int64_t read_ns, reopen_ms;
    uint64_t lost; /* records that nothing can bring back */
    bool reader_left;
};

/* ---- the listener's questions ---------------------------------------------------------------- */

static enum cmg_rc emit(void *user, const struct cmg_record *r, uint64_t cookie)
{
    struct listen *w = user;
    if (!cmg_output_wants(&w->out, r)) {
        cmg_listen_ack(w->l, cookie);
        return CMG_OK;
    }
    if (w->out.broken)
        return CMG_AGAIN;
    enum cmg_rc rc = cmg_output_send(&w->out, r, w->read_ns, cookie);
    if (rc == CMG_EIO)
        return CMG_AGAIN; /* the loop sees what is broken, and mends it */
    if (rc != CMG_ELIMIT)
        return rc;
    w->lost++;
    cmg_log(CMG_LOG_ERROR, "cannot hold a record", "error", "it is larger than the output buffer",
            NULL);
    cmg_listen_ack(w->l, cookie);
    return CMG_OK;
}

static void confirm(void *user, uint64_t cookie, enum cmg_rc rc)
{
    struct listen *w = user;
    if (rc == CMG_OK)
        cmg_listen_ack(w->l, cookie);
    else if (!cmg_listen_refused(w->l, cookie))
        w->lost++;
}

static void note(void *user, enum cmg_level level, const char *text, const char *input,
                 const char *detail)
{
    (void)user;
    enum cmg_log_level ours = level >= CMG_LEVEL_ERROR     ? CMG_LOG_ERROR
                              : level == CMG_LEVEL_WARNING ? CMG_LOG_WARNING
                              : level == CMG_LEVEL_INFO    ? CMG_LOG_INFO
                                                           : CMG_LOG_DEBUG;
    cmg_log(ours, text, "input", input, "detail", detail[0] ? detail : NULL, NULL);
}

/* ---- beginning ------------------------------------------------------------------------------- */

/* The usual limit of 1024 is for programs that do not know what they do. */
static void raise_file_limit(uint64_t connections)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) != 0)
        return;
    rlim_t want = connections + SPARE_FILES;
    if (r.rlim_cur >= want)
        return;
    r.rlim_cur = r.rlim_max == RLIM_INFINITY || want < r.rlim_max ? want : r.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur < want)
        cmg_log(CMG_LOG_WARNING, "fewer connections than asked for: ulimit -n", NULL);
}

static enum cmg_rc add_inputs(struct listen *w, struct cmg_error *reterr)
{
    const struct cmg_setting *at = &w->s->at[CMG_OPT_INPUT];
    uint64_t connections = 0;
    size_t listeners = 0;
    enum cmg_rc rc = CMG_OK;
    for (size_t i = 0; i < at->values && rc == CMG_OK; i++) {
        struct cmg_url u;
        rc = cmg_url_parse(cmg_str_c(at->value[i]), &u, reterr);
        if (rc == CMG_OK)
            rc = cmg_listen_add(w->l, &u, reterr);
        if (rc != CMG_OK || !cmg_url_is_net(&u))
            continue;
        connections += u.connections;
        cmg_log(CMG_LOG_INFO, "listening", "input", u.name, "address",
                cmg_net_address(cmg_listen_net(w->l), listeners++), NULL);
    }
    raise_file_limit(connections);
    return rc;
}

static enum cmg_rc begin(struct listen *w, struct cmg_setup *u, struct cmg_error *reterr)
{
    const struct cmg_listen_options opt = {.engine = u->engine,
                                           .options = &u->engine->opt,
                                           .corr = u->corr,
                                           .host = cmg_str_c(u->host),
                                           .emit = emit,
                                           .note = note,
                                           .user = w};
    *reterr = (struct cmg_error){.rc = CMG_ENOMEM, .text = "out of memory"};
    w->l = cmg_listen_new(&opt);
    enum cmg_rc rc = w->l ? CMG_OK : CMG_ENOMEM;
    if (rc == CMG_OK)
        rc = cmg_output_open(&w->out, w->s, false, confirm, w, reterr);
    cmg_signals_follow();
    if (rc == CMG_OK)
        rc = add_inputs(w, reterr);
    cmg_stats_init(&w->stats, cmg_is_on(w->s, CMG_OPT_STATS), cmg_number_of(w->s, CMG_OPT_STATS));
    return rc;
}

/* ---- counters -------------------------------------------------------------------------------- */

static void write_stats(struct listen *w)
{
    struct cmg_listen_stats l;
    const struct cmg_net_stats *n = cmg_net_stats(cmg_listen_net(w->l));
    struct cmg_sink_stats out = cmg_output_stats(&w->out);
    cmg_listen_sum(w->l, &l);
    const struct cmg_counter rows[] = {
        {"read", l.records},
        {"acked", out.acked},
        {"dead_lettered", out.dead},
        {"dropped", w->lost},
        {"queue", out.sent - out.acked - out.failed},
        {"undecoded", l.in.undecoded},
        {"primaries", l.in.primaries},
        {"messages", n->messages},
        {"bytes_read", n->bytes},
        {"cut", n->cut},
        {"repaired", l.repaired},
        {"datagrams_lost", n->lost},
        {"connections", n->open},
        {"accepted", n->accepted},
        {"refused", n->refused},
        {"timeouts", n->timeouts},
        {"faults", n->faults},
        {"shed", n->shed},
        {"chunks", l.chunks},
        {"chunks_acked", l.acked},
        {"retries", out.retries},
        {"not_confirmed", out.failed},
        {"bytes_confirmed", out.bytes},
        {"inputs_failed", l.inputs_failed},
    };
    cmg_stats_line(&w->stats, rows, sizeof rows / sizeof *rows);
}

/* ---- the loop -------------------------------------------------------------------------------- */

static void poll_sink(struct listen *w)
{
    enum cmg_rc rc = CMG_OK;
    do
        rc = cmg_sink_poll(w->out.sink, 0);
    while (rc == CMG_OK && w->out.kafka);
    if (rc == CMG_EIO)
        w->out.broken = true;
}

/* Standard output that is broken stays so; Kafka gets another chance. */
static enum cmg_rc look_after(struct listen *w)
{
    struct cmg_error e = {.rc = CMG_OK};
    if (!w->out.broken)
        return CMG_OK;
    if (!w->out.kafka) {
        w->reader_left = w->out.sink->error == EPIPE;
        return CMG_EIO;
    }
    if (cmg_now_ms() < w->reopen_ms)
        return CMG_OK;
    cmg_log(CMG_LOG_WARNING, "the connection to Kafka is opened anew", "error", w->out.sink->text,
            NULL);
    w->reopen_ms = cmg_now_ms() + REOPEN_MS;
    enum cmg_rc rc = cmg_output_reopen(&w->out, &e);
    if (rc != CMG_OK)
        cmg_complain(&e);
    return rc;
}

static enum cmg_rc wait_for_something(struct listen *w, bool busy)
{
    enum { SIGNAL, SINK, READER, WAYS };
    struct pollfd p[WAYS] = {
        [SIGNAL] = {.fd = cmg_signals_fd(), .events = POLLIN},
        [SINK] = {.fd = cmg_sink_fd(w->out.sink), .events = POLLIN},
        [READER] = {.fd = w->out.kafka ? -1 : STDOUT_FILENO, .events = 0},
    };
    int ms = cmg_listen_blocked(w->l) ? FULL_MS : WAIT_MS;
    int left = cmg_stats_left_ms(&w->stats);
    if (left >= 0 && left < ms)
        ms = left;
    enum cmg_rc rc = cmg_listen_wait(w->l, p, WAYS, busy ? 0 : ms);
    if (rc == CMG_OK && (p[READER].revents & POLLERR))
        w->reader_left = true;
    return rc;
}

static int64_t wall_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static enum cmg_rc turn(struct listen *w)
{
    if (cmg_signals_take())
        cmg_log(CMG_LOG_WARNING, "SIGHUP: nothing is reloaded while listening; start anew", NULL);
    w->read_ns = wall_ns();
    enum cmg_rc step = cmg_listen_step(w->l);
    if (step >= CMG_OK) {
        poll_sink(w);
        cmg_listen_settle(w->l);
    }
    if (step == CMG_EIO)
        step = CMG_AGAIN;
    enum cmg_rc rc = step < CMG_OK ? step : look_after(w);
    if (cmg_stats_due(&w->stats))
        write_stats(w);
    if (rc == CMG_OK)
        rc = wait_for_something(w, step == CMG_OK);
    if (rc == CMG_ENOMEM)
        cmg_log(CMG_LOG_ERROR, "cannot go on reading", "error", "out of memory", NULL);
    return rc;
}

/* ---- the end --------------------------------------------------------------------------------- */

/* What has been read leaves, as long as somebody takes it. */
static void drain(struct listen *w, int64_t until)
{
    enum cmg_rc rc = CMG_OK;
    cmg_listen_stop(w->l);
    while (rc == CMG_OK && cmg_now_ms() < until && !w->out.broken) {
        w->read_ns = wall_ns();
        rc = cmg_listen_step(w->l);
        if (rc == CMG_AGAIN && cmg_listen_blocked(w->l)) {
            rc = cmg_sink_poll(w->out.sink, FULL_MS);
            rc = rc == CMG_AGAIN ? CMG_OK : rc;
        }
    }
    rc = CMG_AGAIN;
    while (rc == CMG_AGAIN && cmg_now_ms() < until && !w->out.broken)
        rc = cmg_sink_flush(w->out.sink, SLICE_MS);
    cmg_listen_settle(w->l);
}

static bool report(struct listen *w)
{
    char number[CMG_NUMBER_SIZE];
    struct cmg_sink_stats out = cmg_output_stats(&w->out);
    struct cmg_listen_stats l;
    uint64_t open = out.sent - out.acked;
    cmg_listen_sum(w->l, &l);
    if (out.dead)
        cmg_output_tell_dead(&w->out, out.dead);
    if (w->lost)
        cmg_log(CMG_LOG_ERROR, "records are lost", "records", cmg_number(number, w->lost), NULL);
    if (w->reader_left)
        return !w->lost;
    if (open)
        cmg_log(CMG_LOG_ERROR, "records are not confirmed", "not_confirmed",
                cmg_number(number, open), NULL);
    else if (w->out.broken)
        cmg_log(CMG_LOG_ERROR, "cannot write", "error", w->out.sink->text, NULL);
    return !open && !w->lost && !w->out.broken && !l.inputs_failed;
}

static int finish(struct listen *w, enum cmg_rc rc)
{
    struct cmg_listen_stats l;
    if (!w->reader_left && rc != CMG_ENOMEM)
        drain(w, cmg_now_ms() + (int64_t)cmg_output_timeout(w->s, CMG_FINISH_S) * 1000);
    bool arrived = report(w);
    cmg_listen_sum(w->l, &l);
    if (w->stats.on)
        write_stats(w);
    if ((rc != CMG_OK && !w->reader_left) || !arrived)
        return CMG_EXIT_IO;
    return cmg_is_on(w->s, CMG_OPT_STRICT) && l.in.undecoded ? CMG_EXIT_UNDECODED : CMG_EXIT_OK;
}

static int run(struct listen *w, struct cmg_setup *u)
{
    struct cmg_error e = {.rc = CMG_OK};
    enum cmg_rc rc = begin(w, u, &e);
    if (rc != CMG_OK) {
        cmg_complain(&e);
        return rc == CMG_ECONFIG ? CMG_EXIT_USAGE : CMG_EXIT_IO;
    }
    while (rc == CMG_OK && !cmg_stopping() && !w->reader_left && !cmg_listen_over(w->l))
        rc = turn(w);
    return finish(w, rc);
}

int cmg_command_listen(const struct cmg_settings *s, struct cmg_setup *u)
{
    struct listen *w = calloc(1, sizeof *w);
    if (!w)
        return CMG_EXIT_IO;
    w->s = s;
    int status = run(w, u);
    cmg_output_done(&w->out); /* its last reports go to the listener */
    cmg_listen_free(w->l);
    free(w);
    return status;
}
