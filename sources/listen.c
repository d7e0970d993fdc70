/* SPDX-License-Identifier: Apache-2.0
 * Messages to their logs, records to whoever asked, and chunks back to their senders. */
#include "sources/listen.h"

#include "sources/acks.h"
#include "sources/demux.h"
#include "sources/forward.h"
#include "sources/unwrap.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    FLUSH_MS = 5000,
    IDLE_MS = 120000,
    TICK_MS = 500,
    STEP = 256, /* records or messages of one step */
    READ_SIZE = 64 << 10,
    CHUNKS_MAX = 4096, /* that nobody has acknowledged yet */
    FILES_MAX = 1024,
    EXTRAS_MAX = 8,
};

/* A chunk whose sender waits. */
struct chunk {
    uint64_t peer, first, last; /* its messages, by number */
    uint64_t from, to;          /* cookies of its records; `to` counts once it is complete */
    bool complete;              /* no part of it is held any more */
    size_t len;
    char name[CMG_FORWARD_CHUNK_MAX];
};

/* The messages of one connection since its last chunk ended. */
struct begun {
    uint64_t peer, first, from;
};

struct file {
    char *path; /* NULL: standard input */
    int fd;     /* -1: not opened yet */
    bool done, regular, ready;
    int64_t last_ms;
    struct cmg_unwrap *text;
};

enum feeding { NOBODY, NET, FILES };

struct cmg_listen {
    struct cmg_listen_options opt;
    struct cmg_net *net;
    struct cmg_demux *demux;
    struct cmg_acks acks;
    struct chunk *chunk;
    size_t chunks, chunks_size;
    struct begun *begun;
    size_t begins, begins_size;
    struct file *file;
    size_t files, files_size, turn;
    size_t listeners;
    struct cmg_record record; /* waits for room */
    enum feeding draining;    /* whose records come next */
    bool blocked, stopped, ended;
    int64_t flush_ms, idle_ms; /* when to look again */
    struct cmg_listen_stats stats;
};

static int64_t clock_of(clockid_t id, int64_t unit)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * (INT64_C(1000000000) / unit) + t.tv_nsec / unit;
}

static int64_t now_ms(void)
{
    return clock_of(CLOCK_MONOTONIC, 1000000);
}

static int64_t wall_ns(void)
{
    return clock_of(CLOCK_REALTIME, 1);
}

/* ---- life ------------------------------------------------------------------------------------ */

struct cmg_listen *cmg_listen_new(const struct cmg_listen_options *opt)
{
    struct cmg_listen *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->opt = *opt;
    if (!l->opt.flush_ms)
        l->opt.flush_ms = FLUSH_MS;
    if (!l->opt.idle_ms)
        l->opt.idle_ms = IDLE_MS;
    const struct cmg_net_options net = {.note = opt->note, .user = opt->user};
    const struct cmg_demux_options demux = {
        .engine = opt->engine, .options = opt->options, .corr = opt->corr};
    l->net = cmg_net_new(&net);
    l->demux = cmg_demux_new(&demux);
    if (l->net && l->demux)
        return l;
    cmg_listen_free(l);
    return NULL;
}

static void close_file(struct cmg_listen *l, struct file *f)
{
    struct cmg_stream_stats n;
    if (f->text) {
        cmg_unwrap_stats(f->text, &n);
        l->stats.in.bytes_in += n.bytes_in;
        l->stats.in.records += n.records;
        l->stats.in.skips += n.skips;
        l->stats.in.undecoded += n.undecoded;
        l->stats.in.truncated += n.truncated;
        l->stats.in.promoted += n.promoted;
        l->stats.in.findings += n.findings;
        l->stats.in.primaries += n.primaries;
    }
    cmg_unwrap_free(f->text);
    f->text = NULL;
    if (f->fd > STDIN_FILENO)
        close(f->fd);
    f->fd = -1;
    f->done = true;
}

void cmg_listen_free(struct cmg_listen *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->files; i++) {
        close_file(l, &l->file[i]);
        free(l->file[i].path);
    }
    cmg_net_free(l->net);
    cmg_demux_free(l->demux);
    cmg_acks_free(&l->acks);
    free(l->chunk);
    free(l->begun);
    free(l->file);
    free(l);
}

/* Room for one more element of a growing array. */
static bool grow(void **array, size_t used, size_t *size, size_t element)
{
    if (used < *size)
        return true;
    size_t more = *size ? 2 * *size : 16;
    void *to = realloc(*array, more * element);
    if (!to)
        return false;
    *array = to;
    *size = more;
    return true;
}

/* ---- inputs ---------------------------------------------------------------------------------- */

static enum cmg_rc add_file(struct cmg_listen *l, const char *path)
{
    void *array = l->file;
    bool ok = grow(&array, l->files, &l->files_size, sizeof *l->file);
    l->file = array;
    if (!ok || l->files == FILES_MAX)
        return ok ? CMG_ELIMIT : CMG_ENOMEM;
    char *copy = path ? strdup(path) : NULL;
    if (path && !copy)
        return CMG_ENOMEM;
    l->file[l->files++] = (struct file){.path = copy, .fd = -1};
    return CMG_OK;
}

static enum cmg_rc add_files(struct cmg_listen *l, const char *pattern, struct cmg_error *e)
{
    glob_t g;
    enum cmg_rc rc = CMG_OK;
    int found = glob(pattern, GLOB_BRACE | GLOB_TILDE, NULL, &g);
    if (found == GLOB_NOMATCH) {
        *e = (struct cmg_error){.rc = CMG_EIO};
        snprintf(e->source, sizeof e->source, "%.150s", pattern);
        snprintf(e->text, sizeof e->text, "there is no such file");
        return CMG_EIO;
    }
    for (size_t i = 0; found == 0 && rc == CMG_OK && i < g.gl_pathc; i++)
        rc = add_file(l, g.gl_pathv[i]);
    if (found == 0)
        globfree(&g);
    if (rc == CMG_ELIMIT)
        snprintf(e->text, sizeof e->text, "these are too many files");
    return found ? CMG_ENOMEM : rc;
}

enum cmg_rc cmg_listen_add(struct cmg_listen *l, const struct cmg_url *u, struct cmg_error *reterr)
{
    *reterr = (struct cmg_error){.rc = CMG_ENOMEM, .text = "out of memory"};
    if (u->kind == CMG_URL_STDIN)
        return add_file(l, NULL);
    if (u->kind == CMG_URL_FILE)
        return add_files(l, u->path, reterr);
    l->listeners++;
    return cmg_net_listen(l->net, u, reterr);
}

const struct cmg_net *cmg_listen_net(const struct cmg_listen *l)
{
    return l->net;
}

static void tell_file(struct cmg_listen *l, const struct file *f, const char *why)
{
    l->stats.inputs_failed++;
    if (l->opt.note)
        l->opt.note(l->opt.user, CMG_LEVEL_ERROR, "cannot read", f->path ? f->path : "stdin:", why);
}

/* False: it cannot be read. */
static bool open_file(struct cmg_listen *l, struct file *f)
{
    struct stat st = {.st_mode = 0};
    f->fd = f->path ? open(f->path, O_RDONLY | O_CLOEXEC | O_NOCTTY) : STDIN_FILENO;
    const char *why = f->fd < 0 || fstat(f->fd, &st) != 0 ? strerror(errno) : NULL;
    if (!why && S_ISDIR(st.st_mode))
        why = "is a directory";
    if (!why) {
        const struct cmg_unwrap_options o = {.engine = l->opt.engine,
                                             .options = l->opt.options,
                                             .corr = l->opt.corr,
                                             .host = l->opt.host,
                                             .path = cmg_str_c(f->path)};
        f->text = cmg_unwrap_new(&o);
        f->regular = S_ISREG(st.st_mode);
        f->last_ms = now_ms();
        why = f->text ? NULL : "out of memory";
    }
    if (!why)
        return true;
    tell_file(l, f, why);
    close_file(l, f);
    return false;
}

/* CMG_AGAIN: nothing is there now. */
static enum cmg_rc read_file(struct cmg_listen *l, struct file *f)
{
    if (f->done || (f->fd < 0 && !open_file(l, f)) || (!f->regular && !f->ready))
        return CMG_AGAIN;
    char *room = cmg_unwrap_room(f->text, READ_SIZE);
    if (!room)
        return CMG_ENOMEM;
    ssize_t n = read(f->fd, room, READ_SIZE);
    f->ready = false;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return CMG_AGAIN;
    if (n < 0)
        tell_file(l, f, strerror(errno));
    f->last_ms = now_ms();
    cmg_unwrap_fed(f->text, n > 0 ? (size_t)n : 0, wall_ns());
    if (n <= 0) {
        cmg_unwrap_end(f->text);
        f->done = true;
    }
    return CMG_OK;
}

/* ---- chunks ---------------------------------------------------------------------------------- */

static struct begun *find_begun(struct cmg_listen *l, uint64_t peer)
{
    for (size_t i = 0; i < l->begins; i++)
        if (l->begun[i].peer == peer)
            return &l->begun[i];
    return NULL;
}

static enum cmg_rc begin_chunk(struct cmg_listen *l, uint64_t peer)
{
    void *array = l->begun;
    if (find_begun(l, peer))
        return CMG_OK;
    if (!grow(&array, l->begins, &l->begins_size, sizeof *l->begun))
        return CMG_ENOMEM;
    l->begun = array;
    l->begun[l->begins++] = (struct begun){
        .peer = peer, .first = cmg_demux_stats(l->demux)->frames + 1, .from = l->acks.next};
    return CMG_OK;
}

static enum cmg_rc end_chunk(struct cmg_listen *l, const struct cmg_net_item *item)
{
    struct begun *b = find_begun(l, item->peer);
    void *array = l->chunk;
    struct begun none = {
        .peer = item->peer, .first = cmg_demux_stats(l->demux)->frames + 1, .from = l->acks.next};
    struct begun was = b ? *b : none;
    if (b)
        *b = l->begun[--l->begins];
    if (!item->chunk.len)
        return CMG_OK;
    if (!grow(&array, l->chunks, &l->chunks_size, sizeof *l->chunk))
        return CMG_ENOMEM;
    l->chunk = array;
    struct chunk *c = &l->chunk[l->chunks++];
    *c = (struct chunk){.peer = was.peer,
                        .first = was.first,
                        .last = cmg_demux_stats(l->demux)->frames,
                        .from = was.from,
                        .len = item->chunk.len};
    memcpy(c->name, item->chunk.ptr, item->chunk.len);
    l->stats.chunks++;
    cmg_net_hold(l->net, c->peer, true);
    return CMG_OK;
}

void cmg_listen_settle(struct cmg_listen *l)
{
    for (size_t i = 0; i < l->chunks;) {
        struct chunk *c = &l->chunk[i];
        if (!c->complete && !cmg_demux_holds(l->demux, c->peer, c->first, c->last)) {
            c->complete = true;
            c->to = l->acks.next;
        }
        if (!c->complete || l->acks.first < c->to) {
            i++;
            continue;
        }
        cmg_net_ack(l->net, c->peer, cmg_str_of(c->name, c->len));
        cmg_net_hold(l->net, c->peer, false);
        l->stats.acked++;
        memmove(c, c + 1, (l->chunks - i - 1) * sizeof *c);
        l->chunks--;
    }
}

void cmg_listen_ack(struct cmg_listen *l, uint64_t cookie)
{
    (void)cmg_acks_done(&l->acks, cookie);
}

/* The chunks that may hold the record are not acknowledged; their senders repeat them. */
bool cmg_listen_refused(struct cmg_listen *l, uint64_t cookie)
{
    size_t asked = 0;
    for (size_t i = 0; i < l->chunks;) {
        struct chunk *c = &l->chunk[i];
        if (cookie < c->from || (c->complete && cookie >= c->to)) {
            i++;
            continue;
        }
        cmg_net_refuse(l->net, c->peer);
        memmove(c, c + 1, (l->chunks - i - 1) * sizeof *c);
        l->chunks--;
        asked++;
    }
    (void)cmg_acks_done(&l->acks, cookie);
    return asked;
}

/* Of connections that are gone. */
static void forget_begun(struct cmg_listen *l)
{
    for (size_t i = l->begins; i > 0; i--)
        if (!cmg_net_has(l->net, l->begun[i - 1].peer))
            l->begun[i - 1] = l->begun[--l->begins];
}

/* ---- records --------------------------------------------------------------------------------- */

/* One more of what is being drained. CMG_AGAIN: that has no more. */
static enum cmg_rc next_record(struct cmg_listen *l)
{
    if (l->draining == NET)
        return cmg_demux_next(l->demux, &l->record);
    return l->draining == FILES ? cmg_unwrap_next(l->file[l->turn].text, &l->record) : CMG_AGAIN;
}

/* CMG_AGAIN: there is no room. */
static enum cmg_rc hand_out(struct cmg_listen *l)
{
    enum cmg_rc rc = cmg_acks_add(&l->acks);
    if (rc == CMG_ELIMIT)
        rc = CMG_AGAIN;
    else if (rc == CMG_OK && (rc = l->opt.emit(l->opt.user, &l->record, l->acks.next - 1)))
        cmg_acks_undo(&l->acks);
    l->blocked = rc == CMG_AGAIN;
    l->stats.records += rc == CMG_OK;
    return rc;
}

static void finish_draining(struct cmg_listen *l)
{
    if (l->draining == FILES && l->file[l->turn].done)
        close_file(l, &l->file[l->turn]);
    l->draining = NOBODY;
}

/* ---- input ----------------------------------------------------------------------------------- */

static enum cmg_rc take_item(struct cmg_listen *l, const struct cmg_net_item *item)
{
    enum cmg_rc rc = item->chunked ? begin_chunk(l, item->peer) : CMG_OK;
    if (rc != CMG_OK)
        return rc;
    if (item->end)
        return end_chunk(l, item);
    const struct cmg_sender from = {.host = item->host,
                                    .path = item->input,
                                    .tag = item->tag,
                                    .cut = item->cut,
                                    .peer = item->peer};
    rc = cmg_demux_from(l->demux, item->text, &from, wall_ns());
    l->draining = NET;
    return rc == CMG_ELIMIT ? CMG_OK : rc; /* the frame was larger than may be, and is counted */
}

static enum cmg_rc from_net(struct cmg_listen *l)
{
    struct cmg_net_item item;
    if (l->chunks >= CHUNKS_MAX)
        return CMG_AGAIN;
    enum cmg_rc rc = cmg_net_next(l->net, &item);
    return rc == CMG_OK ? take_item(l, &item) : rc;
}

static enum cmg_rc from_files(struct cmg_listen *l)
{
    for (size_t i = 0; i < l->files && !l->stopped; i++) {
        l->turn = (l->turn + 1) % l->files;
        struct file *f = &l->file[l->turn];
        enum cmg_rc rc = read_file(l, f);
        if (rc < CMG_OK)
            return rc;
        if (rc == CMG_OK) {
            l->draining = FILES;
            return CMG_OK;
        }
    }
    return CMG_AGAIN;
}

/* Silence: records that are not complete, incidents that nobody answers. */
static enum cmg_rc from_silence(struct cmg_listen *l)
{
    int64_t now = now_ms(), wall = wall_ns();
    l->draining = NET;
    if (now >= l->idle_ms) {
        l->idle_ms = now + (int64_t)l->opt.idle_ms / 2;
        cmg_demux_idle(l->demux, wall - (int64_t)l->opt.idle_ms * 1000000);
        return CMG_OK;
    }
    if (now >= l->flush_ms) {
        l->flush_ms = now + TICK_MS;
        forget_begun(l);
        cmg_demux_flush(l->demux, wall - (int64_t)l->opt.flush_ms * 1000000);
        return CMG_OK;
    }
    l->draining = NOBODY;
    return CMG_AGAIN;
}

/* After the last message: everything is complete as it is. */
static enum cmg_rc from_end(struct cmg_listen *l)
{
    for (size_t i = 0; i < l->files; i++) {
        struct file *f = &l->file[i];
        if (!f->text)
            continue;
        l->turn = i;
        f->done = true;
        cmg_unwrap_end(f->text);
        l->draining = FILES;
        return CMG_OK;
    }
    if (!l->stopped || l->ended)
        return CMG_AGAIN;
    l->ended = true;
    cmg_demux_idle(l->demux, INT64_MAX);
    l->draining = NET;
    return CMG_OK;
}

static enum cmg_rc more_input(struct cmg_listen *l)
{
    enum cmg_rc rc = from_net(l);
    if (rc == CMG_AGAIN && l->draining == NOBODY)
        rc = from_files(l);
    if (rc == CMG_AGAIN && l->stopped)
        rc = from_end(l);
    return rc == CMG_AGAIN ? from_silence(l) : rc;
}

static enum cmg_rc one(struct cmg_listen *l)
{
    if (l->blocked)
        return hand_out(l);
    enum cmg_rc rc = next_record(l);
    if (rc == CMG_OK)
        return hand_out(l);
    if (rc < CMG_OK)
        return rc;
    finish_draining(l);
    return more_input(l);
}

enum cmg_rc cmg_listen_step(struct cmg_listen *l)
{
    enum cmg_rc rc = CMG_OK;
    for (unsigned i = 0; i < STEP && rc == CMG_OK; i++)
        rc = one(l);
    cmg_listen_settle(l);
    return rc;
}

/* ---- waiting --------------------------------------------------------------------------------- */

bool cmg_listen_blocked(const struct cmg_listen *l)
{
    return l->blocked;
}

bool cmg_listen_over(const struct cmg_listen *l)
{
    if (l->listeners || l->draining != NOBODY || l->blocked)
        return false;
    for (size_t i = 0; i < l->files; i++)
        if (!l->file[i].done)
            return false;
    return true;
}

void cmg_listen_stop(struct cmg_listen *l)
{
    l->stopped = true;
    cmg_net_stop(l->net);
}

/* A pipe is silent for so long that what waits for an answer need not wait longer. */
static void look_at_idle_files(struct cmg_listen *l)
{
    for (size_t i = 0; i < l->files; i++) {
        struct file *f = &l->file[i];
        if (!f->text || f->regular || now_ms() - f->last_ms < (int64_t)l->opt.idle_ms)
            continue;
        f->last_ms = now_ms();
        cmg_unwrap_idle(f->text);
        l->turn = i;
        l->draining = FILES;
        return;
    }
}

static enum cmg_rc wait_for_all(struct cmg_listen *l, struct pollfd *all, size_t extras, int ms)
{
    size_t n = extras;
    for (size_t i = 0; i < l->files; i++) {
        const struct file *f = &l->file[i];
        bool wanted = f->text && !f->regular && !f->done && !l->blocked && !l->stopped;
        all[n++] = (struct pollfd){.fd = wanted ? f->fd : -1, .events = POLLIN};
    }
    enum cmg_rc rc = cmg_net_wait(l->net, all, n, ms, !l->blocked && l->chunks < CHUNKS_MAX);
    for (size_t i = 0; i < l->files; i++)
        if (all[extras + i].revents)
            l->file[i].ready = true;
    return rc;
}

enum cmg_rc cmg_listen_wait(struct cmg_listen *l, struct pollfd *extra, size_t extras, int ms)
{
    struct pollfd all[EXTRAS_MAX + FILES_MAX];
    if (extras > EXTRAS_MAX)
        return CMG_ELIMIT;
    if (ms < 0 || ms > TICK_MS)
        ms = TICK_MS;
    for (size_t i = 0; i < extras; i++)
        all[i] = extra[i];
    enum cmg_rc rc = wait_for_all(l, all, extras, ms);
    for (size_t i = 0; i < extras; i++)
        extra[i].revents = all[i].revents;
    if (rc == CMG_OK && !l->blocked && l->draining == NOBODY)
        look_at_idle_files(l);
    return rc;
}

void cmg_listen_sum(const struct cmg_listen *l, struct cmg_listen_stats *ret)
{
    struct cmg_stream_stats net;
    *ret = l->stats;
    cmg_demux_sum(l->demux, &net);
    ret->in.bytes_in += net.bytes_in;
    ret->in.records += net.records;
    ret->in.skips += net.skips;
    ret->in.undecoded += net.undecoded;
    ret->in.truncated += net.truncated;
    ret->in.promoted += net.promoted;
    ret->in.findings += net.findings;
    ret->in.primaries += net.primaries;
    ret->repaired = cmg_demux_stats(l->demux)->repaired;
}
