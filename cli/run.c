/* SPDX-License-Identifier: Apache-2.0
 * The filter: inputs in, records out. */
#include "cli/commands.h"
#include "cli/log.h"
#include "cli/reader.h"
#include "cli/signals.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* How long a program that was asked to stop waits for its output to be taken. */
enum { STOP_MS = 5000, FULL_MS = 100 };
enum only { ONLY_FINDINGS, ONLY_PRIMARY, ONLY_ALL }; /* in the order of options.def */

struct run {
    struct cmg_reader reader;
    struct cmg_sink *sink;
    enum cmg_rc (*encode)(const struct cmg_record *r, struct cmg_buf *out);
    enum cmg_role least_role;
    enum cmg_level least_level;
    int64_t stop_ms; /* when sending began to wait although the program should stop; 0: not yet */
    uint64_t unsent;
    int error; /* errno of a broken sink */
    char text[160];
};

/* ---- which records
 * ------------------------------------------------------------------------------- */

/* A failure's records are as severe as their class; a record without a level of its own is
 * ordinary. */
static enum cmg_level level_of(const struct cmg_record *r)
{
    enum cmg_level own = r->event.level == CMG_LEVEL_NONE ? CMG_LEVEL_INFO : r->event.level;
    const struct cmg_entry *entry = r->finding.role == CMG_ROLE_NONE ? NULL : r->finding.entry;
    return entry && entry->severity > own ? entry->severity : own;
}

static bool is_wanted(const struct run *run, const struct cmg_record *r)
{
    return r->finding.role >= run->least_role &&
           (run->least_level <= CMG_LEVEL_VERBOSE || level_of(r) >= run->least_level);
}

static void choose(struct run *run, const struct cmg_settings *s)
{
    static const enum cmg_role roles[] = {[ONLY_FINDINGS] = CMG_ROLE_EVIDENCE,
                                          [ONLY_PRIMARY] = CMG_ROLE_PRIMARY,
                                          [ONLY_ALL] = CMG_ROLE_NONE};
    run->least_role = roles[cmg_number_of(s, CMG_OPT_ONLY)];
    run->least_level = (enum cmg_level)(CMG_LEVEL_VERBOSE + cmg_number_of(s, CMG_OPT_MIN_LEVEL));
    run->encode = cmg_number_of(s, CMG_OPT_FORMAT) ? cmg_record_to_text : cmg_record_to_json;
}

/* ---- sending
 * ------------------------------------------------------------------------------------- */

static bool lose(struct run *run, enum cmg_rc rc)
{
    run->unsent++;
    run->error = rc == CMG_EIO ? run->sink->error : 0;
    memcpy(run->text, run->sink->text, sizeof run->text);
    if (rc != CMG_EIO)
        cmg_log(CMG_LOG_ERROR, "cannot hold a record", "error",
                rc == CMG_ELIMIT ? "it is larger than the output buffer" : "out of memory", NULL);
    return false;
}

/* The sink is full. False: there is no use in waiting on. */
static bool wait_for_room(struct run *run, enum cmg_rc *rc)
{
    *rc = cmg_sink_poll(run->sink, FULL_MS);
    if (*rc < 0)
        return false;
    if (!cmg_stopping())
        return true;
    if (!run->stop_ms)
        run->stop_ms = cmg_now_ms();
    return cmg_now_ms() - run->stop_ms < STOP_MS;
}

static bool take(void *user, const struct cmg_record *r)
{
    struct run *run = user;
    if (!is_wanted(run, r))
        return true;
    struct cmg_buf *out = &run->sink->out;
    size_t from = out->len;
    enum cmg_rc rc = run->encode(r, out);
    if (rc != CMG_OK)
        return lose(run, rc);
    struct cmg_message m = {
        .value = cmg_str_from(cmg_buf_str(out), from), .record = r, .read_ns = run->reader.read_ns};
    while ((rc = cmg_sink_send(run->sink, &m)) == CMG_AGAIN)
        if (!wait_for_room(run, &rc))
            break;
    return rc == CMG_OK || lose(run, rc);
}

static bool flush_before_waiting(void *user)
{
    struct run *run = user;
    if (cmg_sink_poll(run->sink, 0) != CMG_EIO)
        return true;
    run->error = run->sink->error;
    memcpy(run->text, run->sink->text, sizeof run->text);
    return false;
}

static bool is_output(void *user, int fd)
{
    struct stat in, out;
    (void)user;
    return fstat(fd, &in) == 0 && fstat(STDOUT_FILENO, &out) == 0 && S_ISREG(out.st_mode) &&
           in.st_size > 0 && in.st_dev == out.st_dev && in.st_ino == out.st_ino;
}

/* ---- the end
 * ------------------------------------------------------------------------------------- */

/* Waits as long as it takes, or as long as somebody who asked to stop should have to wait. */
static void flush(struct run *run)
{
    enum cmg_rc rc = CMG_AGAIN;
    while (rc == CMG_AGAIN) {
        bool stopping = cmg_stopping();
        rc = cmg_sink_flush(run->sink, stopping ? STOP_MS : -1);
        if (stopping)
            break;
    }
    if (rc == CMG_OK)
        return;
    run->error = rc == CMG_EIO ? run->sink->error : ETIMEDOUT;
    memcpy(run->text, rc == CMG_EIO ? run->sink->text : "nobody took the output",
           rc == CMG_EIO ? sizeof run->text : 23);
}

static bool report_output(struct run *run, const struct cmg_sink_stats *out)
{
    char number[CMG_NUMBER_SIZE];
    uint64_t lost = run->unsent + out->sent - out->acked;
    if (run->error == EPIPE)
        return true;
    if (lost || run->error)
        cmg_log(CMG_LOG_ERROR, "cannot write all records", "error", run->text[0] ? run->text : NULL,
                "not_written", cmg_number(number, lost), NULL);
    return !lost && !run->error;
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
    (void)cmg_sink_close(run->sink, 0, &last.out);
    bool written = report_output(run, &last.out), read = report_inputs(run);
    if (run->reader.stats.on)
        cmg_stats_write(&run->reader.stats, &last);
    if (!written || !read)
        return CMG_EXIT_IO;
    return strict && last.in.undecoded ? CMG_EXIT_UNDECODED : CMG_EXIT_OK;
}

int cmg_command_run(const struct cmg_settings *s, const struct cmg_setup *u)
{
    static const char *const standard_input[] = {"-"};
    const char *const *paths = s->n_args ? s->args : standard_input;
    size_t n = s->n_args ? s->n_args : 1;
    struct run run = {.error = 0};
    struct cmg_error e = {.rc = CMG_OK};
    struct cmg_sink_options opt = {.fd = STDOUT_FILENO, .flush_each = isatty(STDOUT_FILENO)};
    if (cmg_sink_stdout.open(&opt, &run.sink, &e) != CMG_OK) {
        cmg_complain(&e);
        return CMG_EXIT_IO;
    }
    cmg_reader_init(&run.reader, u, s);
    choose(&run, s);
    run.reader.record = take;
    run.reader.wait = flush_before_waiting;
    run.reader.is_output = is_output;
    run.reader.user = &run;
    run.reader.sink = run.sink;
    cmg_progress_init(&run.reader.progress, paths, n);
    for (size_t i = 0; i < n && cmg_reader_file(&run.reader, paths[i]); i++)
        ;
    return finish(&run, cmg_is_on(s, CMG_OPT_STRICT));
}
