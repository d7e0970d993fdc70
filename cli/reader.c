/* SPDX-License-Identifier: Apache-2.0
 * read(2) straight into the stream, and the stream's records to whoever asked. */
#include "cli/reader.h"
#include "cli/log.h"
#include "cli/signals.h"
#include "core/engine.h"
#include "sources/unwrap.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct input {
    const char *path;
    int fd;
    bool regular;
    struct cmg_unwrap *text;
    int64_t last_ms; /* when something came */
};

void cmg_reader_init(struct cmg_reader *r, const struct cmg_setup *setup,
                     const struct cmg_settings *s)
{
    memset(r, 0, sizeof *r);
    r->setup = setup;
    r->wake = -1;
    cmg_stats_init(&r->stats, cmg_is_on(s, CMG_OPT_STATS), cmg_number_of(s, CMG_OPT_STATS));
}

void cmg_reader_counters(const struct cmg_reader *r, struct cmg_counters *ret)
{
    *ret = r->count;
    if (r->text) {
        struct cmg_stream_stats now;
        cmg_unwrap_stats(r->text, &now);
        cmg_counters_add(&ret->in, &now);
    }
    if (r->sink)
        ret->out = r->sink->stats;
    ret->evictions = cmg_corr_evictions(r->setup->corr);
}

void cmg_reader_stats(struct cmg_reader *r)
{
    struct cmg_counters now;
    cmg_reader_counters(r, &now);
    cmg_progress_clear(&r->progress);
    cmg_stats_write(&r->stats, &now);
}

static void fail(struct cmg_reader *r, const char *path, const char *msg, const char *why)
{
    cmg_progress_clear(&r->progress);
    cmg_log(CMG_LOG_ERROR, msg, "file", path, "error", why, NULL);
    r->count.inputs_failed++;
}

static bool drain(struct cmg_reader *r, struct cmg_unwrap *text)
{
    struct cmg_record record;
    while (cmg_unwrap_next(text, &record) == CMG_OK)
        if (!r->record(r->user, &record)) {
            r->ended = true;
            return false;
        }
    return true;
}

/* ---- waiting ------------------------------------------------------------------------------- */

enum ready { NOT_READY, INPUT_READY, SINK_READY };

static enum ready is_ready(const struct input *in, int wake, int timeout_ms)
{
    struct pollfd p[] = {{.fd = in->fd, .events = POLLIN}, {.fd = wake, .events = POLLIN}};
    if (poll(p, 2, timeout_ms) <= 0)
        return NOT_READY;
    return p[0].revents ? INPUT_READY : SINK_READY;
}

static int nearer(int a, int b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* Silence has lasted: what waits for an answer need not wait longer. */
static bool fall_idle(struct cmg_reader *r, struct input *in)
{
    in->last_ms = cmg_now_ms();
    cmg_unwrap_idle(in->text);
    if (!drain(r, in->text))
        return false;
    r->ended = r->wait && !r->wait(r->user);
    return !r->ended;
}

/* Everything known leaves: nobody knows for how long a pipe is silent. */
static bool let_go(struct cmg_reader *r)
{
    if (!r->wait || r->wait(r->user))
        return true;
    r->ended = true;
    return false;
}

static enum ready wait_a_while(struct cmg_reader *r, const struct input *in)
{
    int64_t idle = in->last_ms + CMG_IDLE_MS - cmg_now_ms();
    if (cmg_stats_due(&r->stats))
        cmg_reader_stats(r);
    return is_ready(in, r->wake, nearer(cmg_stats_left_ms(&r->stats), idle > 0 ? (int)idle : 0));
}

/* Until there is something to read. */
static bool wait_input(struct cmg_reader *r, struct input *in)
{
    if (in->regular || is_ready(in, -1, 0) == INPUT_READY)
        return true;
    if (!let_go(r))
        return false;
    while (!cmg_stopping()) {
        enum ready ready = wait_a_while(r, in);
        if (ready == INPUT_READY)
            return true;
        if (ready == SINK_READY && !let_go(r))
            return false;
        if (cmg_now_ms() >= in->last_ms + CMG_IDLE_MS && !fall_idle(r, in))
            return false;
    }
    return true;
}

/* ---- reading ------------------------------------------------------------------------------- */

static int64_t wall_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* 1: bytes came, 0: the end, -1: not now, -2: failed. */
static int read_some(struct cmg_reader *r, struct input *in)
{
    char *room = cmg_unwrap_room(in->text, CMG_READ_SIZE);
    if (!room) {
        fail(r, in->path, "cannot go on reading", "out of memory");
        return -2;
    }
    ssize_t n = read(in->fd, room, CMG_READ_SIZE);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return -1;
    if (n < 0) {
        fail(r, in->path, "cannot read", strerror(errno));
        return -2;
    }
    r->read_ns = wall_ns();
    in->last_ms = in->regular ? 0 : cmg_now_ms();
    if (n > 0 && r->bytes && !r->bytes(r->user, cmg_str_of(room, (size_t)n))) {
        r->ended = true;
        return 0;
    }
    cmg_unwrap_fed(in->text, (size_t)n, r->read_ns);
    cmg_progress_step(&r->progress, (uint64_t)n);
    return n > 0;
}

static void read_all(struct cmg_reader *r, struct input *in)
{
    while (!cmg_stopping() && wait_input(r, in)) {
        int got = read_some(r, in);
        if (got == 0 || got == -2)
            break;
        if (got > 0 && !drain(r, in->text))
            return;
        if (cmg_stats_due(&r->stats))
            cmg_reader_stats(r);
    }
    if (r->ended)
        return;
    cmg_unwrap_end(in->text);
    (void)drain(r, in->text);
}

static void read_stream(struct cmg_reader *r, struct input *in)
{
    bool named = strcmp(in->path, "-") != 0;
    const struct cmg_unwrap_options origin = {.engine = r->setup->engine,
                                              .options = &r->setup->engine->opt,
                                              .corr = r->setup->corr,
                                              .host = cmg_str_c(r->setup->host),
                                              .path = cmg_str_c(named ? in->path : "")};
    in->text = cmg_unwrap_new(&origin);
    if (!in->text) {
        fail(r, in->path, "cannot begin to read", "out of memory");
        return;
    }
    struct cmg_stream_stats last;
    r->text = in->text;
    in->last_ms = cmg_now_ms();
    read_all(r, in);
    r->text = NULL;
    cmg_unwrap_stats(in->text, &last);
    cmg_counters_add(&r->count.in, &last);
    cmg_unwrap_free(in->text);
}

/* NULL, or why this input cannot be read. */
static const char *examine(struct cmg_reader *r, struct input *in)
{
    struct stat st;
    if (fstat(in->fd, &st) != 0)
        return strerror(errno);
    if (S_ISDIR(st.st_mode))
        return "is a directory; name its files, or see cmgpipe report";
    in->regular = S_ISREG(st.st_mode);
    if (in->regular && r->is_output && r->is_output(r->user, in->fd))
        return "is the output as well";
    if (in->regular)
        (void)posix_fadvise(in->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return NULL;
}

bool cmg_reader_file(struct cmg_reader *r, const char *path)
{
    bool standard = strcmp(path, "-") == 0;
    struct input in = {.path = path,
                       .fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)};
    r->count.inputs++;
    const char *wrong = in.fd < 0 ? strerror(errno) : examine(r, &in);
    if (wrong)
        fail(r, path, "cannot read", wrong);
    else
        read_stream(r, &in);
    if (in.fd >= 0 && !standard)
        close(in.fd);
    return !r->ended && !cmg_stopping();
}
