/* SPDX-License-Identifier: Apache-2.0
 * The filter: inputs in, records out. */
#include "cli/commands.h"
#include "cli/log.h"
#include "cli/output.h"
#include "cli/reader.h"
#include "cli/signals.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* How long a program that was asked to stop waits for its output to be taken. */
enum { STOP_MS = 5000, FULL_MS = 100, SLICE_MS = 500 };
struct run {
    struct cmg_reader reader;
    struct cmg_output out;
    int64_t stop_ms;  /* when sending began to wait although the program should stop; 0: not yet */
    int64_t limit_ms; /* how long it may take to confirm what was sent; stdout: when stopping */
    uint64_t unsent;
    bool unconfirmed; /* Kafka gave up on a record: there is no use in reading on */
    int error;        /* errno of a broken sink */
    char text[160];
};

/* ---- sending ------------------------------------------------------------------------------- */

static void note_error(struct run *run, enum cmg_rc rc)
{
    run->error = rc == CMG_EIO ? run->out.sink->error : 0;
    memcpy(run->text, run->out.sink->text, sizeof run->text);
}

static bool lose(struct run *run, enum cmg_rc rc)
{
    run->unsent++;
    note_error(run, rc);
    if (rc != CMG_EIO && rc != CMG_AGAIN)
        cmg_log(CMG_LOG_ERROR, "cannot hold a record", "error",
                rc == CMG_ELIMIT ? "it is larger than the output buffer" : "out of memory", NULL);
    return false;
}

static void confirm(void *user, uint64_t cookie, enum cmg_rc rc)
{
    (void)cookie;
    if (rc != CMG_OK)
        ((struct run *)user)->unconfirmed = true;
}

/* The sink is full. False: there is no use in waiting on. */
static bool wait_for_room(struct run *run, enum cmg_rc *rc)
{
    enum cmg_rc polled = cmg_sink_poll(run->out.sink, FULL_MS);
    if (polled < 0)
        *rc = polled;
    if (polled < 0 || run->unconfirmed)
        return false;
    if (cmg_stats_due(&run->reader.stats))
        cmg_reader_stats(&run->reader);
    if (!cmg_stopping())
        return true;
    if (!run->stop_ms)
        run->stop_ms = cmg_now_ms();
    return cmg_now_ms() - run->stop_ms < run->limit_ms;
}

static bool take(void *user, const struct cmg_record *r)
{
    struct run *run = user;
    enum cmg_rc rc;
    if (!cmg_output_wants(&run->out, r))
        return true;
    while ((rc = cmg_output_send(&run->out, r, run->reader.read_ns, 0)) == CMG_AGAIN)
        if (!wait_for_room(run, &rc))
            break;
    return rc == CMG_OK ? !run->unconfirmed : lose(run, rc);
}

static bool flush_before_waiting(void *user)
{
    struct run *run = user;
    enum cmg_rc rc = CMG_OK;
    while (rc == CMG_OK) {
        rc = cmg_sink_poll(run->out.sink, 0);
        if (!run->out.kafka)
            break;
    }
    if (rc != CMG_EIO)
        return !run->unconfirmed;
    note_error(run, rc);
    return false;
}

static bool is_output(void *user, int fd)
{
    const struct run *run = user;
    struct stat in, out;
    return !run->out.kafka && fstat(fd, &in) == 0 && fstat(STDOUT_FILENO, &out) == 0 &&
           S_ISREG(out.st_mode) && in.st_size > 0 && in.st_dev == out.st_dev &&
           in.st_ino == out.st_ino;
}

/* ---- the end ------------------------------------------------------------------------------- */

/* A slice of waiting, short enough for a signal to be noticed. A person waits for standard output
 * as long as it takes, until somebody asks to stop; for Kafka there is a limit. */
static bool has_time(struct run *run, int64_t begin_ms, int *ret_ms)
{
    if (!run->out.kafka && !cmg_stopping()) {
        *ret_ms = -1;
        return true;
    }
    int64_t left = begin_ms + run->limit_ms - cmg_now_ms();
    *ret_ms = (int)(left > SLICE_MS ? SLICE_MS : left);
    return left > 0;
}

static void flush(struct run *run)
{
    int ms;
    enum cmg_rc rc = CMG_AGAIN;
    for (int64_t begin = run->stop_ms ? run->stop_ms : cmg_now_ms();
         rc == CMG_AGAIN && has_time(run, begin, &ms);)
        rc = cmg_sink_flush(run->out.sink, ms);
    if (rc == CMG_OK)
        return;
    run->error = rc == CMG_EIO ? run->out.sink->error : ETIMEDOUT;
    if (rc == CMG_EIO)
        memcpy(run->text, run->out.sink->text, sizeof run->text);
    else
        snprintf(run->text, sizeof run->text, "%s",
                 run->out.kafka ? "time is over" : "nobody took the output");
}

static bool report_output(struct run *run, const struct cmg_sink_stats *out)
{
    char number[CMG_NUMBER_SIZE];
    uint64_t lost = run->unsent + out->sent - out->acked;
    const char *text = run->text[0] ? run->text : NULL;
    if (run->error == EPIPE)
        return true;
    if (out->dead)
        cmg_output_tell_dead(&run->out, out->dead);
    if (run->out.kafka && (lost || run->error || run->unconfirmed))
        cmg_log(CMG_LOG_ERROR, "records are not confirmed", "error", text, "input",
                run->reader.ended ? "not read to its end" : NULL, "not_confirmed",
                cmg_number(number, lost), NULL);
    else if (lost || run->error)
        cmg_log(CMG_LOG_ERROR, "cannot write all records", "error", text, "not_written",
                cmg_number(number, lost), NULL);
    return !lost && !run->error && !run->unconfirmed;
}

static bool report_inputs(const struct run *run)
{
    char failed[CMG_NUMBER_SIZE], all[CMG_NUMBER_SIZE];
    const struct cmg_counters *c = &run->reader.count;
    if (c->inputs_failed)
        cmg_log(CMG_LOG_ERROR, "some inputs could not be read", "failed",
                cmg_number(failed, c->inputs_failed), "inputs", cmg_number(all, c->inputs), NULL);
    return !c->inputs_failed;
}

static int finish(struct run *run, bool strict)
{
    struct cmg_counters last;
    flush(run);
    cmg_progress_clear(&run->reader.progress);
    cmg_reader_counters(&run->reader, &last);
    last.out = cmg_output_close(&run->out);
    bool written = report_output(run, &last.out), read = report_inputs(run);
    if (run->reader.stats.on)
        cmg_stats_write(&run->reader.stats, &last);
    if (!written || !read)
        return CMG_EXIT_IO;
    return strict && last.in.undecoded ? CMG_EXIT_UNDECODED : CMG_EXIT_OK;
}

static int read_all(struct run *run, const struct cmg_settings *s)
{
    static const char *const standard_input[] = {"-"};
    size_t n;
    const char *const *paths = cmg_inputs_of(s, &n);
    if (!n) {
        paths = standard_input;
        n = 1;
    }
    cmg_progress_init(&run->reader.progress, paths, n);
    for (size_t i = 0; i < n && cmg_reader_file(&run->reader, paths[i]); i++)
        ;
    return finish(run, cmg_is_on(s, CMG_OPT_STRICT));
}

int cmg_command_run(const struct cmg_settings *s, const struct cmg_setup *u)
{
    struct run run = {.error = 0};
    struct cmg_error e = {.rc = CMG_OK};
    enum cmg_rc rc = cmg_output_open(&run.out, s, false, confirm, &run, &e);
    if (rc != CMG_OK) {
        cmg_complain(&e);
        cmg_output_done(&run.out);
        return rc == CMG_ECONFIG ? CMG_EXIT_USAGE : CMG_EXIT_IO;
    }
    run.limit_ms = run.out.kafka ? (int64_t)cmg_output_timeout(s, CMG_FINISH_S) * 1000 : STOP_MS;
    cmg_reader_init(&run.reader, u, s);
    run.reader.record = take;
    run.reader.wait = flush_before_waiting;
    run.reader.is_output = is_output;
    run.reader.user = &run;
    run.reader.sink = run.out.sink;
    run.reader.wake = cmg_sink_fd(run.out.sink);
    int status = read_all(&run, s);
    cmg_output_done(&run.out);
    return status;
}
