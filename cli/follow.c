/* SPDX-License-Identifier: Apache-2.0
 * --follow: records as they are written, until a signal.
 *
 * One thread and one place to wait: for a log, the sink, a signal, or a time. What Kafka gave up on
 * is not given up on here: its file still has it, so everything behind the checkpoint is read again
 * after a pause. */
#include "cli/commands.h"
#include "cli/log.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/stats.h"
#include "sources/follow.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    PAUSE_MS = 1000,
    PAUSE_MAX_MS = 60000,
    SLICE_MS = 200,
    FULL_MS = 100,
    SILENCE_MS = 30000 /* without a confirmation, after which that is said */
};

struct follow {
    const struct cmg_settings *s;
    struct cmg_setup *u;
    struct cmg_output out;
    struct cmg_follow *f;
    struct cmg_stats stats;
    struct cmg_setup next; /* engine of a reload that waits for its moment; engine NULL: none */
    char checkpoint[CMG_STATE_PATH_MAX]; /* empty: none */
    int64_t read_ns;
    uint64_t refused; /* records that the sink gave up on since the last rewind */
    uint64_t lost;    /* records that nothing can bring back */
    int64_t pause_ms, resume_ms;
    int64_t news_ms; /* since when nothing was confirmed that is on its way; 0: not */
    bool paused, reader_left;
};

/* ---- the follower's questions -------------------------------------------------------------- */

static enum cmg_rc drop(struct follow *w, uint64_t cookie, enum cmg_rc why)
{
    w->lost++;
    cmg_log(CMG_LOG_ERROR, "cannot hold a record", "error",
            why == CMG_ELIMIT ? "it is larger than the output buffer" : "out of memory", NULL);
    (void)cmg_follow_ack(w->f, cookie);
    return CMG_OK;
}

static enum cmg_rc emit(void *user, const struct cmg_record *r, uint64_t cookie)
{
    struct follow *w = user;
    if (w->paused)
        return CMG_AGAIN;
    if (!cmg_output_wants(&w->out, r)) {
        (void)cmg_follow_ack(w->f, cookie);
        return CMG_OK;
    }
    enum cmg_rc rc = cmg_output_send(&w->out, r, w->read_ns, cookie);
    if (rc == CMG_EIO)
        return CMG_AGAIN; /* the loop sees what is broken, and mends it */
    return rc == CMG_ELIMIT ? drop(w, cookie, rc) : rc;
}

static void confirm(void *user, uint64_t cookie, enum cmg_rc rc)
{
    struct follow *w = user;
    if (rc != CMG_OK) {
        w->refused++;
        return;
    }
    w->news_ms = 0;
    if (cmg_follow_ack(w->f, cookie))
        w->pause_ms = PAUSE_MS;
}

static void note(void *user, enum cmg_level level, const char *text, const char *path,
                 const char *detail)
{
    (void)user;
    enum cmg_log_level ours = level >= CMG_LEVEL_ERROR     ? CMG_LOG_ERROR
                              : level == CMG_LEVEL_WARNING ? CMG_LOG_WARNING
                              : level == CMG_LEVEL_INFO    ? CMG_LOG_INFO
                                                           : CMG_LOG_DEBUG;
    cmg_log(ours, text, "file", path[0] ? path : NULL, "detail", detail[0] ? detail : NULL, NULL);
}

/* ---- beginning ----------------------------------------------------------------------------- */

/* Where the checkpoint is; *ret stays empty for none. */
static enum cmg_rc find_checkpoint(const struct cmg_settings *s, char ret[CMG_STATE_PATH_MAX],
                                   struct cmg_error *reterr)
{
    const char *named = cmg_text_of(s, CMG_OPT_CHECKPOINT), *topic = cmg_text_of(s, CMG_OPT_TOPIC);
    ret[0] = '\0';
    *reterr = (struct cmg_error){.rc = CMG_ECONFIG};
    if (named && strlen(named) >= CMG_STATE_PATH_MAX) {
        snprintf(reterr->text, sizeof reterr->text, "--checkpoint: the path is too long");
        return CMG_ECONFIG;
    }
    if (named && strcmp(named, "none") != 0)
        memcpy(ret, named, strlen(named) + 1);
    if (named || !cmg_to_kafka(s) || cmg_text_of(s, CMG_OPT_MOCK_BROKERS))
        return CMG_OK;
    if (cmg_state_path(topic, ".checkpoint", ret))
        return CMG_OK;
    snprintf(reterr->source, sizeof reterr->source, "%.150s", ret);
    snprintf(reterr->text, sizeof reterr->text,
             "there is no place for a checkpoint (%s); name one by --checkpoint FILE",
             strerror(errno));
    return CMG_ECONFIG;
}

/* A crash in the middle of a write may have left half a line. The next record must not become its
 * other half. */
static void mend_output(void)
{
    struct stat st;
    char last = '\n';
    if (fstat(STDOUT_FILENO, &st) != 0 || !S_ISREG(st.st_mode) || !st.st_size)
        return;
    int fd = open("/proc/self/fd/1", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (pread(fd, &last, 1, st.st_size - 1) == 1 && last != '\n') {
        cmg_log(CMG_LOG_WARNING, "the output ends within a line; the next one begins anew", NULL);
        (void)!write(STDOUT_FILENO, "\n", 1);
    }
    close(fd);
}

static enum cmg_rc open_follower(struct follow *w, struct cmg_error *reterr)
{
    size_t n;
    const char *const *input = cmg_inputs_of(w->s, &n);
    struct cmg_follow_options opt = {
        .engine = w->u->engine,
        .corr = w->u->corr,
        .host = cmg_str_c(w->u->host),
        .pattern = input,
        .patterns = n,
        .emit = emit,
        .note = note,
        .user = w,
        .from_end = cmg_number_of(w->s, CMG_OPT_FROM),
        .poll = cmg_is_on(w->s, CMG_OPT_POLL),
        .checkpoint = w->checkpoint[0] ? w->checkpoint : NULL,
        .reset_checkpoint = cmg_is_on(w->s, CMG_OPT_RESET_CHECKPOINT),
        .idle_ms = (unsigned)cmg_number_of(w->s, CMG_OPT_IDLE_TIMEOUT) * 1000,
    };
    w->f = cmg_follow_new(&opt, reterr);
    return w->f ? CMG_OK : reterr->rc;
}

static enum cmg_rc begin(struct follow *w, struct cmg_error *reterr)
{
    enum cmg_rc rc = find_checkpoint(w->s, w->checkpoint, reterr);
    if (rc == CMG_OK)
        rc = cmg_output_open(&w->out, w->s, w->checkpoint[0], confirm, w, reterr);
    if (rc == CMG_OK)
        rc = open_follower(w, reterr);
    if (rc != CMG_OK)
        return rc;
    cmg_log(CMG_LOG_INFO, "following", "output", w->out.kafka ? "kafka" : "stdout", "topic",
            w->out.kafka ? cmg_text_of(w->s, CMG_OPT_TOPIC) : NULL, "checkpoint",
            w->checkpoint[0] ? w->checkpoint : "none", NULL);
    if (!w->out.kafka)
        mend_output();
    cmg_signals_follow();
    cmg_stats_init(&w->stats, cmg_is_on(w->s, CMG_OPT_STATS), cmg_number_of(w->s, CMG_OPT_STATS));
    return CMG_OK;
}

/* ---- counters ------------------------------------------------------------------------------ */

static void write_stats(struct follow *w)
{
    const struct cmg_follow_stats *f = cmg_follow_stats(w->f);
    struct cmg_sink_stats out = cmg_output_stats(&w->out);
    const struct cmg_counter rows[] = {
        {"read", f->records},
        {"acked", f->acked},
        {"dead_lettered", out.dead},
        {"dropped", w->lost},
        {"queue", out.sent - out.acked - out.failed},
        {"lag_bytes", f->lag},
        {"retries", out.retries},
        {"not_confirmed", out.failed},
        {"rewinds", f->rewinds},
        {"files", f->files},
        {"logs", f->logs},
        {"open", f->open},
        {"bytes_read", f->bytes},
        {"bytes_confirmed", out.bytes},
        {"rotated", f->rotated},
        {"emptied", f->emptied},
        {"shrunk", f->shrunk},
        {"lost_files", f->lost},
        {"lost_bytes", f->lost_bytes},
        {"partial", f->partial},
        {"saves", f->saves},
        {"save_errors", f->save_errors},
    };
    cmg_stats_line(&w->stats, rows, sizeof rows / sizeof *rows);
}

/* ---- reloading ----------------------------------------------------------------------------- */

static void reload(struct follow *w)
{
    struct cmg_error e;
    struct cmg_setup again;
    cmg_follow_sweep(w->f);
    if (cmg_setup_again(w->u, w->s, &again, &e) != CMG_OK) {
        cmg_complain(&e);
        cmg_log(CMG_LOG_ERROR, "the catalogue was not reloaded; the one before goes on", NULL);
        return;
    }
    if (w->next.engine)
        cmg_setup_replace(&w->next, &again);
    else
        w->next = again;
}

/* Not while a record waits for room, which was decoded by the old one. */
static void change_engine(struct follow *w)
{
    if (!w->next.engine || cmg_follow_engine(w->f, w->next.engine) != CMG_OK)
        return;
    cmg_setup_replace(w->u, &w->next);
    cmg_log(CMG_LOG_INFO, "reloaded", NULL);
}

/* ---- when records do not arrive ------------------------------------------------------------ */

static void pause_reading(struct follow *w)
{
    char number[CMG_NUMBER_SIZE], seconds[CMG_NUMBER_SIZE];
    if (!w->pause_ms)
        w->pause_ms = PAUSE_MS;
    cmg_log(CMG_LOG_WARNING,
            w->checkpoint[0] ? "records are not confirmed; they are read again"
                             : "records are not confirmed; without a checkpoint they are lost",
            "records", w->refused ? cmg_number(number, w->refused) : NULL, "pause_seconds",
            cmg_number(seconds, (uint64_t)w->pause_ms / 1000), NULL);
    w->paused = true;
    w->resume_ms = cmg_now_ms() + w->pause_ms;
    w->pause_ms = 2 * w->pause_ms < PAUSE_MAX_MS ? 2 * w->pause_ms : PAUSE_MAX_MS;
}

/* Back to the checkpoint. Without one, what was refused is lost. */
static enum cmg_rc resume(struct follow *w)
{
    struct cmg_error e = {.rc = CMG_OK};
    enum cmg_rc rc = w->out.broken ? cmg_output_reopen(&w->out, &e) : CMG_OK;
    if (rc == CMG_OK && w->checkpoint[0])
        rc = cmg_follow_rewind(w->f, &e);
    else if (rc == CMG_OK)
        w->lost += w->refused;
    w->paused = false;
    w->refused = 0;
    if (rc != CMG_OK)
        cmg_complain(&e);
    return rc;
}

/* A topic that may not be written to keeps librdkafka waiting without a word. */
static void watch_silence(struct follow *w)
{
    char number[CMG_NUMBER_SIZE];
    struct cmg_sink_stats out = cmg_output_stats(&w->out);
    uint64_t queue = out.sent - out.acked - out.failed;
    int64_t now = cmg_now_ms();
    if (!queue || !w->news_ms)
        w->news_ms = now;
    if (now - w->news_ms < SILENCE_MS)
        return;
    cmg_log(CMG_LOG_WARNING, "nothing is confirmed; cmgpipe check-output may say why", "queue",
            cmg_number(number, queue), NULL);
    w->news_ms = now;
}

/* Standard output that is broken stays so. */
static enum cmg_rc look_after(struct follow *w)
{
    if (w->out.broken && !w->out.kafka) {
        w->reader_left = w->out.sink->error == EPIPE;
        return CMG_EIO;
    }
    watch_silence(w);
    if (!w->paused && (w->refused || w->out.broken))
        pause_reading(w);
    if (w->paused && cmg_now_ms() >= w->resume_ms)
        return resume(w);
    return CMG_OK;
}

/* ---- the loop ------------------------------------------------------------------------------ */

static int nearer(int a, int64_t b)
{
    if (b < 0)
        b = 0;
    return a < 0 || b < a ? (int)b : a;
}

/* While a record waits for room, news of logs would only be a reason to ask again and again. */
static void wait_for_something(struct follow *w)
{
    enum { SIGNAL, LOGS, SINK, READER };
    bool blocked = cmg_follow_blocked(w->f);
    struct pollfd p[] = {
        [SIGNAL] = {.fd = cmg_signals_fd(), .events = POLLIN},
        [LOGS] = {.fd = blocked ? -1 : cmg_follow_fd(w->f), .events = POLLIN},
        [SINK] = {.fd = cmg_sink_fd(w->out.sink), .events = POLLIN},
        [READER] = {.fd = w->out.kafka ? -1 : STDOUT_FILENO, .events = 0},
    };
    int ms = cmg_follow_wait(w->f);
    if (blocked && ms < FULL_MS)
        ms = FULL_MS;
    if (cmg_stats_left_ms(&w->stats) >= 0)
        ms = nearer(ms, cmg_stats_left_ms(&w->stats));
    if (w->paused)
        ms = nearer(ms, w->resume_ms - cmg_now_ms());
    if (poll(p, sizeof p / sizeof *p, ms) > 0 && (p[READER].revents & POLLERR))
        w->reader_left = true;
}

static int64_t wall_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void poll_sink(struct follow *w)
{
    enum cmg_rc rc = CMG_OK;
    do
        rc = cmg_sink_poll(w->out.sink, 0);
    while (rc == CMG_OK && w->out.kafka);
    if (rc == CMG_EIO)
        w->out.broken = true;
}

static enum cmg_rc turn(struct follow *w)
{
    if (cmg_signals_take())
        reload(w);
    change_engine(w);
    w->read_ns = wall_ns();
    enum cmg_rc step = cmg_follow_step(w->f);
    if (step < CMG_OK) {
        cmg_log(CMG_LOG_ERROR, "cannot go on reading", "error",
                step == CMG_ENOMEM ? "out of memory" : strerror(errno), NULL);
        return step;
    }
    poll_sink(w);
    enum cmg_rc rc = look_after(w);
    if (cmg_stats_due(&w->stats))
        write_stats(w);
    if (rc == CMG_OK && step == CMG_AGAIN)
        wait_for_something(w);
    return rc;
}

/* ---- the end ------------------------------------------------------------------------------- */

static void flush(struct follow *w)
{
    int64_t until = cmg_now_ms() + (int64_t)cmg_output_timeout(w->s, CMG_FINISH_S) * 1000;
    enum cmg_rc rc = CMG_AGAIN;
    while (rc == CMG_AGAIN && !w->refused && cmg_now_ms() < until)
        rc = cmg_sink_flush(w->out.sink, SLICE_MS);
    if (rc == CMG_EIO)
        w->out.broken = true;
}

static bool save(struct follow *w)
{
    struct cmg_error e = {.rc = CMG_OK};
    enum cmg_rc rc = cmg_follow_save(w->f, &e);
    if (rc < CMG_OK)
        cmg_complain(&e);
    return rc >= CMG_OK;
}

/* Everything that was taken and did not arrive: the next start reads it again, if it may. */
static bool report(struct follow *w)
{
    char number[CMG_NUMBER_SIZE];
    struct cmg_sink_stats out = cmg_output_stats(&w->out);
    uint64_t open = w->checkpoint[0] ? cmg_follow_stats(w->f)->unacked : out.sent - out.acked;
    if (out.dead)
        cmg_output_tell_dead(&w->out, out.dead);
    if (w->lost)
        cmg_log(CMG_LOG_ERROR, "records are lost", "records", cmg_number(number, w->lost), NULL);
    if (w->reader_left || (!w->out.kafka && w->out.broken && w->out.sink->error == EPIPE))
        return !w->lost;
    if (open)
        cmg_log(CMG_LOG_ERROR, "records are not confirmed", "not_confirmed",
                cmg_number(number, open), "next_start",
                w->checkpoint[0] ? "reads them again" : "does not know of them", NULL);
    else if (w->out.broken)
        cmg_log(CMG_LOG_ERROR, "cannot write", "error", w->out.sink->text, NULL);
    return !open && !w->lost && !w->out.broken;
}

static int finish(struct follow *w, enum cmg_rc rc)
{
    w->paused = false;
    if (!w->out.broken)
        flush(w);
    bool saved = save(w), arrived = report(w);
    if (w->stats.on)
        write_stats(w);
    return (rc != CMG_OK && !w->reader_left) || !saved || !arrived ? CMG_EXIT_IO : CMG_EXIT_OK;
}

static int run(struct follow *w)
{
    struct cmg_error e = {.rc = CMG_OK};
    enum cmg_rc rc = begin(w, &e);
    if (rc != CMG_OK) {
        cmg_complain(&e);
        return rc == CMG_ECONFIG ? CMG_EXIT_USAGE : CMG_EXIT_IO;
    }
    while (rc == CMG_OK && !cmg_stopping() && !w->reader_left)
        rc = turn(w);
    return finish(w, rc);
}

int cmg_command_follow(const struct cmg_settings *s, struct cmg_setup *u)
{
    struct follow *w = calloc(1, sizeof *w);
    if (!w)
        return CMG_EXIT_IO;
    w->s = s;
    w->u = u;
    int status = run(w);
    cmg_output_done(&w->out); /* its last reports go to the follower */
    cmg_follow_free(w->f);
    if (w->next.engine)
        cmg_setup_replace(u, &w->next);
    free(w);
    return status;
}
