/* SPDX-License-Identifier: Apache-2.0
 * One log's turn: read a piece of the file it is at, make sure that it was that file's, decode it,
 * hand it out. */
#include "sources/follow_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_MIN = 4096 };

/* ---- files --------------------------------------------------------------------------------- */

static int open_in(const struct folder *d, const char *name)
{
    int at = open(d->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (at < 0)
        return -1;
    int fd = openat(at, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int number = errno;
    close(at);
    errno = number;
    return fd;
}

bool cmg_file_open(struct cmg_follow *f, struct file *file)
{
    struct stat st;
    if (!file->name[0]) {
        errno = ENOENT;
        return false;
    }
    int fd = open_in(file->log->folder, file->name);
    if (fd < 0)
        return false;
    bool same = fstat(fd, &st) == 0 && st.st_ino == file->id.ino && st.st_dev == file->id.dev;
    if (!same) {
        close(fd);
        errno = ESTALE;
        return false;
    }
    file->fd = fd;
    f->n_open++;
    return true;
}

/* One of the copies may be all that is left of it. */
static void forget_aliases(struct cmg_follow *f, struct log *log)
{
    for (struct file *file = log->files, *next; file; file = next) {
        next = file->next;
        if (file->alias)
            cmg_file_drop(f, file);
    }
}

void cmg_file_lose(struct cmg_follow *f, struct file *file)
{
    if (!file->alias)
        forget_aliases(f, file->log);
    cmg_file_close(f, file);
    if (file->current)
        f->stats.emptied++;
    file->current = file->listed = false;
    file->name[0] = '\0';
    file->id.ino = file->id.dev = 0;
    file->size = file->sound_size; /* what was seen since may be its successor's */
    file->mtime_ns = file->sound_mtime_ns;
    file->left_ms = f->now;
    file->log->folder->rescan = true;
    f->dirty = true;
    cmg_follow_ready(f, file->log);
}

/* Bytes that were read and are in no record yet. */
static uint64_t held(const struct file *file)
{
    return file->stream ? file->fed - cmg_stream_offset(file->stream) : 0;
}

/* ---- streams ------------------------------------------------------------------------------- */

static struct cmg_corr *table_for(struct cmg_follow *f, const struct file *file)
{
    if (!file->skim || file->relive)
        return f->o.corr;
    if (!f->skim_corr)
        f->skim_corr = cmg_corr_new(CMG_CORR_BYTES_MIN);
    return f->skim_corr;
}

/* A position without a memory: what was there at the start was not to be read. Now that there is
 * more, the file is decoded up to there for the memory alone; otherwise the ids would not be those
 * of a reader that came from the beginning, and a row would have no columns. */
static void start_skim(struct file *file)
{
    file->skim = file->offset;
    file->from_end = true;
    file->offset = file->fed = 0;
}

static enum cmg_rc wake(struct cmg_follow *f, struct file *file)
{
    if (file->stream)
        return CMG_OK;
    if (!file->state && file->offset && !file->skim)
        start_skim(file);
    struct cmg_corr *corr = table_for(f, file);
    struct cmg_origin o = {
        .host = f->o.host, .path = cmg_str_c(file->log->path), .offset = file->offset};
    file->stream = corr ? cmg_stream_new(f->o.engine, corr, &o) : NULL;
    if (!file->stream)
        return CMG_ENOMEM;
    f->n_streams++;
    file->fed = file->offset;
    if (!file->state || cmg_stream_restore(file->stream, cmg_str_of(file->state, file->state_len)))
        return CMG_OK;
    errno = EINVAL; /* not to be met: cmg_follow_load tried every state of the checkpoint */
    return CMG_EIO;
}

/* The memory is up to date; from here on records are handed out. */
static enum cmg_rc end_skim(struct cmg_follow *f, struct file *file)
{
    if (!file->from_end)
        cmg_stream_flush(file->stream, false);
    enum cmg_rc rc = cmg_follow_drain(f, file);
    if (rc == CMG_OK)
        rc = cmg_file_sleep(f, file);
    if (rc != CMG_OK)
        return rc;
    if (file->relive)
        f->reliving--;
    file->skim = 0;
    file->relive = file->from_end = false;
    f->dirty = true;
    return CMG_OK;
}

static enum cmg_rc offer(struct cmg_follow *f, struct file *file)
{
    uint64_t cookie = f->cookies;
    if (f->checkpoint) {
        enum cmg_rc rc = cmg_acks_add(&f->acks);
        if (rc != CMG_OK)
            return rc == CMG_ELIMIT ? CMG_AGAIN : rc;
        cookie = f->acks.next - 1;
    }
    enum cmg_rc rc = f->o.emit(f->o.user, &f->held, cookie);
    if (rc == CMG_OK) {
        f->cookies = file->last_cookie = cookie + 1;
        f->stats.records++;
    } else if (f->checkpoint) {
        cmg_acks_undo(&f->acks);
    }
    return rc;
}

/* The next record that has not been handed out before, into f->held. */
static enum cmg_rc next_record(struct cmg_follow *f, struct file *file)
{
    enum cmg_rc rc = CMG_OK;
    do
        rc = cmg_stream_next(file->stream, &f->held);
    while (rc == CMG_OK && file->skim);
    return rc;
}

enum cmg_rc cmg_follow_drain(struct cmg_follow *f, struct file *file)
{
    for (;;) {
        enum cmg_rc rc = f->blocked ? CMG_OK : next_record(f, file);
        if (rc != CMG_OK)
            return rc == CMG_AGAIN ? CMG_OK : rc;
        rc = offer(f, file);
        f->blocked = rc == CMG_OK ? NULL : file; /* it is not forgotten, whatever happened */
        if (rc != CMG_OK)
            return rc;
    }
}

/* ---- reading ------------------------------------------------------------------------------- */

static size_t piece(const struct file *file)
{
    uint64_t left = file->size > file->fed ? file->size - file->fed : 0;
    size_t n = left < READ_MIN           ? READ_MIN
               : left < CMG_FOLLOW_CHUNK ? (size_t)left
                                         : CMG_FOLLOW_CHUNK;
    return file->skim && n > file->skim - file->fed ? (size_t)(file->skim - file->fed) : n;
}

/* Is the file, from which n bytes were read a moment ago, still the one that it was taken for?
 * Asked AFTER reading: then the bytes were its, too, because what was emptied and written anew
 * begins with something else. */
static enum cmg_likeness judge(const struct file *file, const struct cmg_look *look)
{
    enum cmg_likeness like = cmg_identity_like(&file->id, file->head, look);
    if (like == CMG_OTHER || (!look->size && file->fed))
        return CMG_OTHER;
    return look->size < file->fed ? CMG_SHRUNK : like;
}

static void grown(struct cmg_follow *f, struct file *file, size_t n)
{
    cmg_stream_fed(file->stream, n);
    file->fed += n;
    file->flushed = false;
    file->grown_ms = file->log->byte_ms = f->now;
    file->log->idle = false;
    f->dirty = true;
    if (!file->skim)
        f->stats.bytes += n;
}

/* The end was cut off, the beginning is the same: go on where it ends now. */
static enum cmg_rc shrink(struct cmg_follow *f, struct file *file, const struct cmg_look *look)
{
    enum cmg_rc rc = cmg_file_sleep(f, file);
    if (rc != CMG_OK)
        return rc;
    if (file->offset > look->size)
        file->offset = file->fed = look->size;
    if (file->skim > look->size)
        file->skim = look->size;
    cmg_file_remember(file, look);
    f->stats.shrunk++;
    f->dirty = true;
    cmg_follow_note(f, CMG_LEVEL_WARNING, "the log has become shorter", file->log->path, "");
    return CMG_OK;
}

static enum cmg_rc read_piece(struct cmg_follow *f, struct file *file, enum cmg_likeness *ret_like)
{
    struct cmg_look look;
    size_t want = piece(file);
    char *room = cmg_stream_room(file->stream, want);
    if (!room)
        return CMG_ENOMEM;
    ssize_t n;
    do
        n = pread(file->fd, room, want, (off_t)file->fed);
    while (n < 0 && errno == EINTR);
    if (n < 0 || !cmg_look_at(file->fd, &look))
        return CMG_EIO;
    *ret_like = judge(file, &look);
    if (*ret_like == CMG_SHRUNK)
        return shrink(f, file, &look);
    if (*ret_like == CMG_OTHER)
        return CMG_OK;
    cmg_file_remember(file, &look);
    /* Some network file systems know the bytes before they know the size. */
    uint64_t most = look.size - file->fed, got = (uint64_t)n < most ? (uint64_t)n : most;
    if (got)
        grown(f, file, (size_t)got);
    return CMG_OK;
}

/* ---- ends ---------------------------------------------------------------------------------- */

static enum cmg_rc release(struct cmg_follow *f, struct file *file, bool over)
{
    uint64_t before = f->stats.records;
    file->flushed = true;
    cmg_stream_flush(file->stream, over);
    enum cmg_rc rc = cmg_follow_drain(f, file);
    f->stats.partial += f->stats.records - before;
    f->dirty = true;
    return rc;
}

/* Nothing more is expected of the file; the next younger one is read. */
static enum cmg_rc finish(struct cmg_follow *f, struct file *file)
{
    enum cmg_rc rc = held(file) ? release(f, file, true) : CMG_OK;
    if (rc != CMG_OK)
        return rc;
    if (file->skim && file->relive)
        f->reliving--;
    file->skim = 0;
    file->relive = false;
    rc = cmg_file_sleep(f, file);
    if (rc != CMG_OK)
        return rc;
    if (file->fd < 0 && file->size > file->fed) {
        f->stats.lost++;
        f->stats.lost_bytes += file->size - file->fed;
        cmg_follow_note(f, CMG_LEVEL_ERROR, "a rotated file is gone before it was read to its end",
                        file->log->path, "");
    }
    file->done = true;
    f->dirty = true;
    cmg_follow_ready(f, file->log);
    return CMG_OK;
}

/* A rotated file was read to its end. Its writer may still hold it and finish a record. */
static enum cmg_rc end_of_rotated(struct cmg_follow *f, struct file *file)
{
    int64_t since = file->left_ms > file->grown_ms ? file->left_ms : file->grown_ms;
    if (held(file) && f->now < since + CMG_FOLLOW_ROTATE_MS) {
        cmg_follow_at(f, since + CMG_FOLLOW_ROTATE_MS);
        return CMG_OK;
    }
    cmg_follow_at(f, since + CMG_FOLLOW_LINGER_MS);
    return finish(f, file);
}

/* It is not where it was. A look into the folder tells where it is; what is not found then, and
 * found again a little later, was deleted (reading a folder while a name in it changes may miss
 * both names). */
static enum cmg_rc not_there(struct cmg_follow *f, struct file *file)
{
    struct folder *d = file->log->folder;
    if (file->name[0])
        d->rescan = true;
    if (d->rescan)
        return CMG_OK; /* the look makes the log ready again */
    bool unread = file->size > file->fed || held(file);
    int64_t until = file->left_ms + CMG_FOLLOW_ROTATE_MS;
    if (!file->id.ino || !unread || f->now >= until)
        return finish(f, file);
    d->look_at = until;
    cmg_follow_at(f, until);
    return CMG_OK;
}

static enum cmg_rc trouble(struct cmg_follow *f, struct file *file, int number)
{
    if (number == ENOENT || number == ESTALE) {
        cmg_file_close(f, file);
        return not_there(f, file);
    }
    if (number != file->log->open_errno)
        cmg_follow_note(f, CMG_LEVEL_WARNING, "the log cannot be read", file->log->path,
                        strerror(number));
    file->log->open_errno = number;
    return CMG_OK; /* the next sweep tries again */
}

/* Memory for streams and handles is bounded, however many logs there are. */
static enum cmg_rc tidy(struct cmg_follow *f, struct file *file)
{
    if (f->n_open > CMG_FOLLOW_OPEN_MAX && file->name[0])
        cmg_file_close(f, file);
    if (f->n_streams > CMG_FOLLOW_STREAMS_MAX && file->stream && held(file) < CMG_FOLLOW_CHUNK / 2)
        return cmg_file_sleep(f, file);
    return CMG_OK;
}

static void wait_for_more(struct cmg_follow *f, const struct file *file)
{
    if (held(file) && !file->flushed)
        cmg_follow_at(f, file->grown_ms + f->o.idle_ms);
    cmg_follow_at(f, file->grown_ms + CMG_FOLLOW_CLOSE_MS);
    if (!file->log->idle)
        cmg_follow_at(f, file->log->byte_ms + f->o.promote_ms);
}

static enum cmg_rc after_piece(struct cmg_follow *f, struct file *file, bool *ret_more)
{
    enum cmg_rc rc = cmg_follow_drain(f, file);
    if (rc == CMG_OK && file->skim && file->fed >= file->skim)
        rc = end_skim(f, file);
    if (rc != CMG_OK)
        return rc;
    *ret_more = file->fed < file->size;
    if (*ret_more)
        return tidy(f, file);
    if (!file->current)
        return end_of_rotated(f, file);
    wait_for_more(f, file);
    return tidy(f, file);
}

enum cmg_rc cmg_follow_turn(struct cmg_follow *f, struct log *log, bool *ret_more)
{
    struct file *file = cmg_log_head(log);
    enum cmg_likeness like = CMG_SAME;
    *ret_more = false;
    if (!file)
        return CMG_OK;
    if (file->fd < 0 && !cmg_file_open(f, file))
        return trouble(f, file, errno);
    enum cmg_rc rc = wake(f, file);
    if (rc == CMG_OK)
        rc = read_piece(f, file, &like);
    if (rc == CMG_EIO)
        return trouble(f, file, errno);
    if (rc != CMG_OK)
        return rc;
    log->open_errno = 0;
    if (like == CMG_OTHER)
        cmg_file_lose(f, file);
    if (like != CMG_SAME) {
        *ret_more = like == CMG_SHRUNK;
        return CMG_OK;
    }
    return after_piece(f, file, ret_more);
}

/* ---- time ---------------------------------------------------------------------------------- */

static bool is_saved(const struct cmg_follow *f, const struct file *file)
{
    return !f->checkpoint || file->last_cookie <= f->saved_at;
}

/* A file that is done. A deleted one stays open until all its records have arrived, in case they
 * have to be read again, and for late writes. */
static void retire(struct cmg_follow *f, struct file *file)
{
    struct stat st;
    int64_t until = file->left_ms + CMG_FOLLOW_LINGER_MS;
    if (file->name[0]) {
        if (f->now >= until)
            cmg_file_close(f, file);
        else if (file->fd >= 0)
            cmg_follow_at(f, until);
        return;
    }
    if (f->now < until || !is_saved(f, file)) {
        cmg_follow_at(f, f->now < until ? until : f->now + CMG_FOLLOW_LINGER_MS);
        return;
    }
    if (file->fd >= 0 && fstat(file->fd, &st) == 0 && (uint64_t)st.st_size > file->fed) {
        file->done = false;
        file->left_ms = f->now;
        cmg_follow_ready(f, file->log);
        return;
    }
    cmg_file_drop(f, file);
}

/* Are there bytes that nobody has read, because the sink was full or the next poll is still to
 * come? Then the log is not idle, however long ago the last read was. */
static bool has_more(const struct file *file)
{
    struct stat st;
    int r = file->fd >= 0 ? fstat(file->fd, &st) : stat(file->log->path, &st);
    return r == 0 && (uint64_t)st.st_size != file->fed;
}

/* The log's own file. */
static enum cmg_rc rest(struct cmg_follow *f, struct file *file)
{
    struct log *log = file->log;
    bool release_now =
        held(file) && !file->flushed && !file->skim && f->now >= file->grown_ms + f->o.idle_ms;
    if (release_now && (log->ready || has_more(file))) {
        cmg_follow_ready(f, log);
        return CMG_OK;
    }
    if (release_now) {
        enum cmg_rc rc = release(f, file, false);
        if (rc != CMG_OK)
            return rc;
    }
    if (f->now >= file->grown_ms + CMG_FOLLOW_CLOSE_MS && !log->ready && !file->skim &&
        (!held(file) || file->flushed)) {
        cmg_file_close(f, file);
        return cmg_file_sleep(f, file);
    }
    if (file->stream || file->fd >= 0)
        wait_for_more(f, file);
    return CMG_OK;
}

/* Nothing came for a while: what waits for an explanation waits no longer. */
static enum cmg_rc promote(struct cmg_follow *f, struct log *log)
{
    struct file *file = cmg_log_current(log);
    for (struct file *i = log->files; i && !file; i = i->next)
        if (!i->alias && !i->next)
            file = i;
    if (file && file->current && has_more(file)) {
        cmg_follow_ready(f, log);
        return CMG_OK;
    }
    log->idle = true;
    if (!file || file->skim || (!file->state && !file->stream))
        return CMG_OK;
    enum cmg_rc rc = wake(f, file);
    if (rc != CMG_OK)
        return rc;
    cmg_stream_idle(file->stream);
    f->dirty = true;
    rc = cmg_follow_drain(f, file);
    return rc == CMG_OK && file->fd < 0 ? cmg_file_sleep(f, file) : rc;
}

enum cmg_rc cmg_follow_timers(struct cmg_follow *f, struct log *log)
{
    enum cmg_rc rc = CMG_OK;
    for (struct file *file = log->files, *next; file && rc == CMG_OK; file = next) {
        next = file->next;
        if (file->current)
            rc = rest(f, file);
        else if (file->done && !file->alias)
            retire(f, file);
        else if (!file->alias)
            cmg_follow_ready(f, log);
    }
    if (rc == CMG_OK && !log->idle && !log->ready && f->now >= log->byte_ms + f->o.promote_ms)
        rc = promote(f, log);
    else if (!log->idle)
        cmg_follow_at(f, log->byte_ms + f->o.promote_ms);
    return rc;
}
