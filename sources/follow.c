/* SPDX-License-Identifier: Apache-2.0
 * The follower: its options, its steps, its clock. The map of the rest is in follow_int.h. */
#include "core/buf.h"
#include "sources/follow_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const int64_t never = INT64_MAX;

static int64_t clock_ms(const struct cmg_follow *f)
{
    struct timespec t;
    if (f->o.now_ms)
        return f->o.now_ms(f->o.now_user);
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void cmg_follow_note(struct cmg_follow *f, enum cmg_level level, const char *text, const char *path,
                     const char *detail)
{
    if (f->o.note)
        f->o.note(f->o.user, level, text, path, detail);
}

void cmg_follow_ready(struct cmg_follow *f, struct log *log)
{
    if (log->ready || !log->wanted)
        return;
    log->ready = true;
    log->next_ready = NULL;
    if (f->ready_last)
        f->ready_last->next_ready = log;
    else
        f->ready = log;
    f->ready_last = log;
}

static struct log *take_ready(struct cmg_follow *f)
{
    struct log *log = f->ready;
    f->ready = log->next_ready;
    if (!f->ready)
        f->ready_last = NULL;
    log->ready = false;
    return log;
}

void cmg_follow_at(struct cmg_follow *f, int64_t when_ms)
{
    if (when_ms < f->deadline)
        f->deadline = when_ms;
}

/* ---- birth and death ----------------------------------------------------------------------- */

static char *absolute(const char *path)
{
    char cwd[4096], *s = NULL;
    if (path[0] == '/')
        return strdup(path);
    if (!getcwd(cwd, sizeof cwd) ||
        asprintf(&s, "%s/%s", strcmp(cwd, "/") == 0 ? "" : cwd, path) < 0)
        return NULL;
    return s;
}

/* A folder's name may end with a slash, and does not mean "everything without a name in it". */
static void trim_slashes(char *path)
{
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        path[--n] = '\0';
}

static bool copy_patterns(struct cmg_follow *f, const struct cmg_follow_options *opt)
{
    f->pattern = calloc(opt->patterns ? opt->patterns : 1, sizeof *f->pattern);
    if (!f->pattern)
        return false;
    for (size_t i = 0; i < opt->patterns; i++) {
        f->pattern[i] = absolute(opt->pattern[i]);
        if (!f->pattern[i])
            return false;
        trim_slashes(f->pattern[i]);
    }
    return true;
}

static bool copy_options(struct cmg_follow *f, const struct cmg_follow_options *opt)
{
    f->o = *opt;
    f->o.checkpoint = NULL;
    f->host = cmg_str_dup(opt->host);
    if (!f->host || !copy_patterns(f, opt))
        return false;
    f->o.host = cmg_str_c(f->host);
    f->o.pattern = NULL;
    f->o.idle_ms = opt->idle_ms ? opt->idle_ms : 5000;
    f->o.promote_ms = opt->promote_ms ? opt->promote_ms : 120000;
    f->o.poll_ms = opt->poll_ms ? opt->poll_ms : 1000;
    f->o.sweep_ms = opt->sweep_ms ? opt->sweep_ms : 10000;
    f->o.save_ms = opt->save_ms ? opt->save_ms : 1000;
    if (opt->checkpoint)
        f->o.checkpoint = absolute(opt->checkpoint);
    return !opt->checkpoint || f->o.checkpoint;
}

static enum cmg_rc open_checkpoint(struct cmg_follow *f, struct cmg_error *reterr)
{
    if (!f->o.checkpoint)
        return CMG_AGAIN;
    f->checkpoint = cmg_checkpoint_open(f->o.checkpoint, reterr);
    if (!f->checkpoint)
        return reterr->rc;
    return f->o.reset_checkpoint ? CMG_AGAIN : cmg_follow_load(f, reterr);
}

struct cmg_follow *cmg_follow_new(const struct cmg_follow_options *opt, struct cmg_error *reterr)
{
    struct cmg_follow *f = calloc(1, sizeof *f);
    *reterr = (struct cmg_error){.rc = CMG_ENOMEM, .text = "not enough memory"};
    if (!f)
        return NULL;
    f->inotify = -1;
    f->picture = cmg_buf_init(CMG_CHECKPOINT_MAX);
    f->starting = f->dirty = true;
    f->deadline = never;
    if (!copy_options(f, opt)) {
        cmg_follow_free(f);
        return NULL;
    }
    f->now = f->sweep_at = f->save_at = clock_ms(f);
    f->poll_at = f->now + f->o.poll_ms;
    enum cmg_rc rc = open_checkpoint(f, reterr);
    if (rc < CMG_OK) {
        cmg_follow_free(f);
        return NULL;
    }
    f->from_end = rc == CMG_AGAIN && opt->from_end;
    cmg_follow_watch_start(f);
    return f;
}

void cmg_follow_free(struct cmg_follow *f)
{
    if (!f)
        return;
    cmg_folders_free(f);
    if (f->inotify >= 0)
        close(f->inotify);
    for (size_t i = 0; f->pattern && i < f->o.patterns; i++)
        free(f->pattern[i]);
    free(f->pattern);
    free(f->host);
    cmg_checkpoint_close(f->checkpoint);
    free((char *)(uintptr_t)f->o.checkpoint);
    cmg_corr_free(f->skim_corr);
    cmg_acks_free(&f->acks);
    cmg_buf_done(&f->picture);
    free(f);
}

/* ---- steps --------------------------------------------------------------------------------- */

void cmg_follow_sweep(struct cmg_follow *f)
{
    f->sweep_at = f->now;
}

static enum cmg_rc look_around(struct cmg_follow *f)
{
    bool sweep = f->now >= f->sweep_at, poll = f->now >= f->poll_at;
    enum cmg_rc rc = sweep ? cmg_follow_expand(f) : CMG_OK;
    if (sweep)
        f->sweep_at = f->now + f->o.sweep_ms;
    if (poll)
        f->poll_at = f->now + f->o.poll_ms;
    for (size_t i = 0; i < f->n_folders && rc == CMG_OK; i++) {
        struct folder *d = f->folders[i];
        bool due =
            d->rescan || sweep || (poll && d->wd < 0) || (d->look_at && f->now >= d->look_at);
        if (due && d->wildcards)
            rc = cmg_follow_scan(f, d);
    }
    if (rc == CMG_OK && f->starting) {
        cmg_follow_forget_gone(f);
        f->starting = f->from_end = false;
    }
    return rc;
}

static enum cmg_rc pass_time(struct cmg_follow *f)
{
    enum cmg_rc rc = CMG_OK;
    if (f->now < f->deadline)
        return CMG_OK;
    f->deadline = never;
    for (size_t i = 0; i < f->n_folders; i++)
        for (size_t j = 0; j < f->folders[i]->n_logs && rc == CMG_OK; j++)
            if (f->folders[i]->logs[j]->wanted)
                rc = cmg_follow_timers(f, f->folders[i]->logs[j]);
    if (rc != CMG_OK)
        f->deadline = f->now; /* the others have not been asked yet */
    return rc;
}

static enum cmg_rc take_turns(struct cmg_follow *f)
{
    for (int i = 0; i < CMG_FOLLOW_TURNS && f->ready; i++) {
        struct log *log = take_ready(f);
        bool more = false;
        enum cmg_rc rc = cmg_follow_turn(f, log, &more);
        if (more)
            cmg_follow_ready(f, log);
        if (rc != CMG_OK)
            return rc;
    }
    return CMG_OK;
}

/* The record that found no room, and what its stream has behind it. */
static enum cmg_rc unblock(struct cmg_follow *f)
{
    struct file *file = f->blocked;
    if (!file)
        return CMG_OK;
    enum cmg_rc rc = cmg_follow_drain(f, file);
    if (rc == CMG_OK)
        cmg_follow_ready(f, file->log);
    return rc;
}

static enum cmg_rc work(struct cmg_follow *f)
{
    enum cmg_rc rc = unblock(f);
    if (rc == CMG_OK)
        rc = pass_time(f);
    return rc == CMG_OK ? take_turns(f) : rc;
}

enum cmg_rc cmg_follow_step(struct cmg_follow *f)
{
    f->now = clock_ms(f);
    cmg_follow_events(f);
    bool starting = f->starting;
    enum cmg_rc rc = look_around(f);
    /* Before anything is read: from now on there is a point to go back to, and a file that vanishes
     * is missed. */
    if (rc == CMG_OK && starting)
        cmg_follow_checkpoint(f);
    if (rc == CMG_OK)
        rc = work(f);
    if (rc < CMG_OK)
        return rc;
    cmg_follow_checkpoint(f);
    return f->ready && !f->blocked ? CMG_OK : CMG_AGAIN;
}

/* ---- waiting ------------------------------------------------------------------------------- */

int cmg_follow_fd(const struct cmg_follow *f)
{
    return f->inotify;
}

static bool any_polled(const struct cmg_follow *f)
{
    for (size_t i = 0; i < f->n_folders; i++)
        if (f->folders[i]->wildcards && f->folders[i]->wd < 0)
            return true;
    return false;
}

static bool any_rescan(const struct cmg_follow *f)
{
    for (size_t i = 0; i < f->n_folders; i++)
        if (f->folders[i]->wildcards && f->folders[i]->rescan)
            return true;
    return f->starting;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int cmg_follow_wait(const struct cmg_follow *f)
{
    if ((f->ready && !f->blocked) || any_rescan(f))
        return 0;
    int64_t at = f->blocked ? f->now + CMG_FOLLOW_RETRY_MS : earlier(f->deadline, f->sweep_at);
    at = earlier(at, f->sweep_at);
    if (any_polled(f))
        at = earlier(at, f->poll_at);
    bool save =
        f->checkpoint && (f->pictured ? f->acks.first >= f->picture_at : f->dirty && !f->blocked);
    if (save && !f->reliving)
        at = earlier(at, f->save_at);
    int64_t wait = at - clock_ms(f);
    return wait < 0 ? 0 : wait > INT32_MAX ? INT32_MAX : (int)wait;
}

bool cmg_follow_blocked(const struct cmg_follow *f)
{
    return f->blocked != NULL;
}

static bool all_read(const struct folder *d)
{
    for (size_t i = 0; i < d->n_logs; i++) {
        const struct file *head = d->logs[i]->wanted ? cmg_log_head(d->logs[i]) : NULL;
        if (head && !head->current)
            return false;
    }
    return true;
}

bool cmg_follow_at_end(const struct cmg_follow *f)
{
    if (f->ready || f->blocked || any_rescan(f))
        return false;
    for (size_t i = 0; i < f->n_folders; i++)
        if (f->folders[i]->look_at || !all_read(f->folders[i]))
            return false;
    return true;
}

/* ---- acknowledgements, reloading, counters ------------------------------------------------- */

bool cmg_follow_ack(struct cmg_follow *f, uint64_t cookie)
{
    if (f->checkpoint && !cmg_acks_done(&f->acks, cookie))
        return false;
    f->stats.acked++;
    return true;
}

enum cmg_rc cmg_follow_engine(struct cmg_follow *f, const struct cmg_engine *e)
{
    if (f->blocked)
        return CMG_AGAIN;
    for (size_t i = 0; i < f->n_folders; i++)
        for (size_t j = 0; j < f->folders[i]->n_logs; j++)
            for (struct file *file = f->folders[i]->logs[j]->files; file; file = file->next)
                if (cmg_file_sleep(f, file) != CMG_OK)
                    return CMG_ENOMEM;
    f->o.engine = e;
    return CMG_OK;
}

static uint64_t lag_of(const struct log *log)
{
    uint64_t lag = 0;
    for (const struct file *file = log->wanted ? log->files : NULL; file; file = file->next)
        if (!file->alias && !file->done && file->size > file->fed)
            lag += file->size - file->fed;
    return lag;
}

const struct cmg_follow_stats *cmg_follow_stats(struct cmg_follow *f)
{
    struct cmg_follow_stats *s = &f->stats;
    s->files = f->n_files;
    s->logs = f->n_logs;
    s->open = f->n_open;
    s->unacked = f->acks.next - f->acks.first;
    s->watched = s->polled = s->lag = 0;
    for (size_t i = 0; i < f->n_folders; i++) {
        for (size_t j = 0; j < f->folders[i]->n_logs; j++)
            s->lag += lag_of(f->folders[i]->logs[j]);
        s->watched += f->folders[i]->wildcards && f->folders[i]->wd >= 0;
        s->polled += f->folders[i]->wildcards && f->folders[i]->wd < 0;
    }
    return s;
}
