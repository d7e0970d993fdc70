/* SPDX-License-Identifier: Apache-2.0
 * Which file is which: what a look into a folder means for its logs.
 *
 * ConfigMgr's components rotate in every way there is: the client renames Name.log to Name.lo_,
 * over the one before; some keep Name-YYYYMMDD-HHMMSS.log; servers copy the log to Name.lo_, empty
 * it and write on; and people delete logs. Between two looks any number of these may have happened.
 * What a look finds is therefore compared with what is known, by identity and not by name:
 *
 *   known, under its name            it may have grown
 *   known, under an older name       it was renamed: it is read to its end before what replaced it
 *   unknown, under an older name     a copy of a known one: the same file, if that one was emptied,
 * else of no interest; a generation that came and went between two looks, if it was written to
 * after the last known one; else only read if a pattern names it unknown, under the log's name the
 * next generation known, but not found             deleted, or overwritten */
#include "sources/follow_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A name in the folder that is of interest. */
struct entry {
    char *name;
    struct log *log;
    bool known;
    bool rotated; /* the name is one of an older generation */
    bool matched; /* a pattern names it */
    uint64_t dev, ino, size;
    int64_t mtime_ns;
};

struct look_around {
    struct cmg_follow *f;
    struct folder *d;
    int fd; /* of the folder */
    struct entry *entry;
    size_t n, size;
    struct cmg_look look; /* of the entry at hand */
};

/* ---- reading the folder -------------------------------------------------------------------- */

static enum cmg_rc add_entry(struct look_around *a, const char *name, const struct entry *model)
{
    if (a->n == a->size) {
        size_t size = a->size ? 2 * a->size : 64;
        struct entry *grown = realloc(a->entry, size * sizeof *grown);
        if (!grown)
            return CMG_ENOMEM;
        a->entry = grown;
        a->size = size;
    }
    struct entry *e = &a->entry[a->n];
    *e = *model;
    e->name = strdup(name);
    if (!e->name)
        return CMG_ENOMEM;
    a->n++;
    return CMG_OK;
}

static bool is_wanted_log(const struct folder *d, const char *name)
{
    const struct log *log = cmg_log_find(d, name);
    return log && log->wanted;
}

static enum cmg_rc consider(struct look_around *a, const char *name)
{
    struct stat st;
    char base[CMG_NAME_SIZE];
    struct entry e = {.matched = cmg_folder_matches(a->d, name)};
    e.rotated = cmg_rotated_from(cmg_str_c(name), base);
    /* Older generations are kept even if they are of no known log: it may only be found later in
     * this look. */
    if ((!e.matched && !e.rotated && !is_wanted_log(a->d, name)) ||
        fstatat(a->fd, name, &st, 0) != 0 || !S_ISREG(st.st_mode))
        return CMG_OK;
    e.dev = st.st_dev;
    e.ino = st.st_ino;
    e.size = (uint64_t)st.st_size;
    e.mtime_ns = cmg_mtime_ns(&st);
    return add_entry(a, name, &e);
}

static enum cmg_rc read_folder(struct look_around *a, DIR *dir)
{
    const struct dirent *e;
    enum cmg_rc rc = CMG_OK;
    while (rc == CMG_OK && (e = readdir(dir)))
        if (strlen(e->d_name) < CMG_NAME_SIZE)
            rc = consider(a, e->d_name);
    return rc;
}

static enum cmg_rc name_log(struct look_around *a, struct entry *e)
{
    char base[CMG_NAME_SIZE];
    if (!e->rotated)
        e->log = cmg_log_get(a->f, a->d, e->name);
    else if (!(e->log = cmg_folder_rotated(a->d, e->name)) && e->matched &&
             cmg_rotated_from(cmg_str_c(e->name), base))
        e->log = cmg_log_get(a->f, a->d, base);
    if (!e->log)
        return e->rotated && !e->matched ? CMG_OK : CMG_ENOMEM;
    if (e->matched)
        e->log->wanted = true;
    return CMG_OK;
}

/* Logs by their own names first, so that older generations find them whatever the order of the
 * folder. One that is known from a checkpoint is wanted even when nothing stands under its name. */
static enum cmg_rc name_logs(struct look_around *a)
{
    enum cmg_rc rc = CMG_OK;
    for (size_t i = 0; i < a->d->n_logs; i++)
        if (!a->d->logs[i]->wanted)
            a->d->logs[i]->wanted = cmg_folder_matches(a->d, a->d->logs[i]->name);
    for (size_t i = 0; i < a->n && rc == CMG_OK; i++)
        if (!a->entry[i].rotated)
            rc = name_log(a, &a->entry[i]);
    for (size_t i = 0; i < a->n && rc == CMG_OK; i++)
        if (a->entry[i].rotated)
            rc = name_log(a, &a->entry[i]);
    return rc;
}

/* By log; in it the older generations in the order of their last bytes, and then the log itself. */
static int compare(const void *x, const void *y)
{
    const struct entry *a = x, *b = y;
    if (!a->log || !b->log)
        return (a->log == NULL) - (b->log == NULL);
    int c = strcmp(a->log->name, b->log->name);
    if (c)
        return c;
    if (a->rotated != b->rotated)
        return a->rotated ? -1 : 1;
    if (a->mtime_ns != b->mtime_ns)
        return a->mtime_ns < b->mtime_ns ? -1 : 1;
    return strcmp(a->name, b->name);
}

/* ---- one entry ----------------------------------------------------------------------------- */

/* The beginning of the entry's file into a->look. *ret_fd (may be NULL) stays open. */
static bool peek(struct look_around *a, const struct entry *e, int *ret_fd)
{
    int fd = openat(a->fd, e->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    bool ok = fd >= 0 && cmg_look_at(fd, &a->look);
    int number = errno;
    if (ok && ret_fd)
        *ret_fd = fd;
    else if (fd >= 0)
        close(fd);
    if (!ok && number != ENOENT && number != EINVAL && number != e->log->open_errno)
        cmg_follow_note(a->f, CMG_LEVEL_WARNING, "the log cannot be read", e->log->path,
                        strerror(number));
    if (!ok && number != ENOENT)
        e->log->open_errno = number;
    return ok;
}

/* Must the first bytes be compared before the entry is believed to be this file? Under its old name
 * and not shorter it need not: what is read from it is checked when it is read. */
static bool is_doubtful(const struct file *file, const struct entry *e)
{
    if (file->unchecked || strcmp(file->name, e->name) != 0)
        return true;
    if (e->rotated)
        return file->size != e->size || file->mtime_ns != e->mtime_ns;
    return e->size < file->fed;
}

static bool same_inode(const struct file *file, const struct entry *e)
{
    if (!file->id.ino || file->id.ino != e->ino)
        return false;
    /* Device numbers may change with a restart; a checkpoint's file under its old name is looked at
     * closer. */
    return file->id.dev == e->dev || (file->unchecked && strcmp(file->name, e->name) == 0);
}

/* The inode of a deleted file may be another known one's by now: all that have it are asked. */
static struct file *find_known(struct look_around *a, const struct entry *e)
{
    for (struct file *file = e->log->files; file; file = file->next) {
        if (!same_inode(file, e))
            continue;
        if (!is_doubtful(file, e))
            return file;
        if (!peek(a, e, NULL))
            return NULL;
        if (cmg_identity_like(&file->id, file->head, &a->look) != CMG_OTHER) {
            file->unchecked = false;
            return file;
        }
        cmg_file_lose(a->f, file);
        return find_known(a, e); /* the list has changed */
    }
    return NULL;
}

static void leave(struct cmg_follow *f, struct file *file)
{
    if (!file->current)
        return;
    file->current = false;
    file->left_ms = f->now;
    f->stats.rotated++;
    cmg_follow_ready(f, file->log);
}

/* The entry is this file: name, and whether there is something to read. */
static void place_known(struct look_around *a, const struct entry *e, struct file *file)
{
    struct cmg_follow *f = a->f;
    bool changed = e->size != file->size || e->mtime_ns != file->mtime_ns;
    file->listed = true;
    file->id.dev = e->dev;
    if (strcmp(file->name, e->name) != 0) {
        snprintf(file->name, sizeof file->name, "%s", e->name);
        f->dirty = true;
    }
    if (e->rotated)
        leave(f, file);
    else
        file->current = true;
    file->size = e->size;
    file->mtime_ns = e->mtime_ns;
    if (file->alias || (!changed && e->size == file->fed))
        return;
    file->done = false;
    /* It may be deleted or overwritten before its turn comes. */
    if ((e->rotated || f->blocked) && e->size > file->fed && file->fd < 0)
        (void)cmg_file_open(f, file);
    cmg_follow_ready(f, e->log);
}

/* Nothing of it is to be found: neither under a name nor by an open handle. */
static bool is_bodyless(const struct file *file)
{
    return !file->alias && !file->listed && file->fd < 0;
}

/* A file so short that its first bytes are all that is known of it. If it is gone, and the entry
 * begins with all of it and is no older, then going on in the entry misses nothing. */
static bool continues(const struct file *file, const struct entry *e, const struct cmg_look *look)
{
    return is_bodyless(file) && file->id.len >= CMG_HEAD_LEAST &&
           file->id.len == file->sound_size && e->mtime_ns >= file->mtime_ns &&
           look->head_len >= file->id.len &&
           cmg_identity_like(&file->id, file->head, look) == CMG_SAME;
}

static struct file *find_copy(const struct look_around *a, const struct entry *e)
{
    for (struct file *file = e->log->files; file; file = file->next)
        if (!file->alias && (cmg_identity_copy(&file->id, file->sound_size, &a->look) ||
                             continues(file, e, &a->look)))
            return file;
    return NULL;
}

/* It begins like a known file but is shorter: a copy that is just being made? */
static bool may_become_copy(const struct look_around *a, const struct log *log)
{
    for (const struct file *file = log->files; file; file = file->next)
        if (cmg_identity_like(&file->id, file->head, &a->look) == CMG_SHRUNK)
            return true;
    return false;
}

/* The known file goes on in this entry: a copy that outlived it, or the same log brought back. */
static void move_to(struct look_around *a, const struct entry *e, struct file *file, int fd)
{
    cmg_file_close(a->f, file);
    file->id.dev = e->dev;
    file->id.ino = e->ino;
    file->unchecked = false;
    file->fd = fd;
    a->f->n_open++;
    cmg_file_remember(file, &a->look);
    file->size = file->fed; /* place_known sees what is new */
    a->f->dirty = true;
    place_known(a, e, file);
}

static enum cmg_rc add_file(struct look_around *a, const struct entry *e, struct file *before,
                            int fd, struct file **ret)
{
    struct cmg_follow *f = a->f;
    struct file *file = cmg_file_add(f, e->log, before);
    *ret = file;
    if (!file) {
        close(fd);
        if (f->n_files < CMG_FOLLOW_FILES_MAX)
            return CMG_ENOMEM;
        cmg_follow_note(f, CMG_LEVEL_ERROR, "too many files, this one is not followed",
                        e->log->path, e->name);
        return CMG_OK;
    }
    file->fd = fd;
    f->n_open++;
    cmg_file_remember(file, &a->look);
    file->current = !e->rotated;
    file->listed = true;
    snprintf(file->name, sizeof file->name, "%s", e->name);
    f->dirty = true;
    return CMG_OK;
}

static enum cmg_rc add_unread(struct look_around *a, const struct entry *e, struct file *before,
                              int fd)
{
    struct cmg_follow *f = a->f;
    struct file *file;
    enum cmg_rc rc = add_file(a, e, before, fd, &file);
    if (!file)
        return rc;
    if (f->from_end) {
        file->offset = file->fed = a->look.size;
        file->done = e->rotated;
    }
    if (f->from_end || f->n_open > CMG_FOLLOW_OPEN_MAX || f->starting)
        cmg_file_close(f, file);
    if (!f->from_end)
        cmg_follow_ready(f, e->log);
    return CMG_OK;
}

static enum cmg_rc add_alias(struct look_around *a, const struct entry *e, int fd)
{
    struct file *file;
    enum cmg_rc rc = add_file(a, e, e->log->files, fd, &file);
    if (file) {
        file->alias = file->done = true;
        cmg_file_close(a->f, file);
    }
    return rc;
}

/* ---- what a look means for one log --------------------------------------------------------- */

/* An older generation that came and went unseen was written to after the one that was the log when
 * it was last seen, and only while that one is not the log any more. */
static bool is_newer(const struct log *log, const struct entry *e)
{
    const struct file *last = NULL;
    for (const struct file *file = log->files; file; file = file->next)
        if (!file->alias)
            last = file;
    return last && !(last->current && last->listed) && e->mtime_ns >= last->mtime_ns;
}

static bool wants_body(const struct log *log)
{
    for (const struct file *file = log->files; file; file = file->next)
        if (is_bodyless(file))
            return true;
    return false;
}

static enum cmg_rc unknown_rotated(struct look_around *a, const struct entry *e)
{
    struct log *log = e->log;
    bool unread = e->matched || is_newer(log, e);
    int fd;
    if (!e->size || (!unread && !wants_body(log)) || !peek(a, e, &fd))
        return CMG_OK;
    struct file *original = find_copy(a, e);
    if (original && is_bodyless(original)) {
        move_to(a, e, original, fd);
        return CMG_OK;
    }
    if (original)
        return add_alias(a, e, fd);
    bool wait = unread && may_become_copy(a, log);
    if (unread && !wait)
        return add_unread(a, e, cmg_log_current(log), fd);
    close(fd);
    if (wait) {
        a->d->look_at = a->f->now + CMG_FOLLOW_RETRY_MS;
        cmg_follow_at(a->f, a->d->look_at);
    }
    return CMG_OK;
}

static enum cmg_rc unknown_current(struct look_around *a, const struct entry *e)
{
    int fd;
    if (!peek(a, e, &fd))
        return CMG_OK;
    e->log->open_errno = 0;
    struct file *original = find_copy(a, e);
    if (original && is_bodyless(original) && a->look.size >= original->fed) {
        move_to(a, e, original, fd);
        return CMG_OK;
    }
    return add_unread(a, e, NULL, fd);
}

/* What was not found is deleted or overwritten, unless a copy turns up. */
static void mark_missing(struct look_around *a, struct log *log)
{
    for (struct file *file = log->files; file; file = file->next) {
        if (file->listed)
            continue;
        if (file->name[0])
            a->f->dirty = true;
        file->name[0] = '\0';
        leave(a->f, file);
        if (!file->done)
            cmg_follow_ready(a->f, log);
        else
            cmg_follow_at(a->f, a->f->now + CMG_FOLLOW_LINGER_MS);
    }
}

static void drop_aliases(struct cmg_follow *f, struct log *log)
{
    for (struct file *file = log->files, *next; file; file = next) {
        next = file->next;
        if (file->alias && !file->listed)
            cmg_file_drop(f, file);
    }
}

static void find_all_known(struct look_around *a, struct entry *e, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct file *file = find_known(a, &e[i]);
        e[i].known = file != NULL;
        if (file)
            place_known(a, &e[i], file);
    }
}

/* An older generation turned up: is it of the file that is still taken for the log's own, which was
 * emptied and written anew since? It is the last of the entries. */
static void suspect_current(struct look_around *a, struct log *log, struct entry *e, size_t n)
{
    struct file *file = cmg_log_current(log);
    bool turned_up = false;
    for (size_t i = 0; i < n; i++)
        turned_up = turned_up || (e[i].rotated && !e[i].known && e[i].size);
    if (!turned_up || !file || e[n - 1].rotated || !e[n - 1].known || !peek(a, &e[n - 1], NULL))
        return;
    if (cmg_identity_like(&file->id, file->head, &a->look) == CMG_OTHER) {
        cmg_file_lose(a->f, file);
        e[n - 1].known = false;
    }
}

/* Three passes, each over all names: what is known, what is missing, what is new. */
static enum cmg_rc reconcile(struct look_around *a, struct log *log, struct entry *e, size_t n)
{
    enum cmg_rc rc = CMG_OK;
    for (struct file *file = log->files; file; file = file->next)
        file->listed = false;
    find_all_known(a, e, n);
    suspect_current(a, log, e, n);
    mark_missing(a, log);
    for (size_t i = 0; i < n && rc == CMG_OK; i++)
        if (!e[i].known)
            rc = e[i].rotated ? unknown_rotated(a, &e[i]) : unknown_current(a, &e[i]);
    drop_aliases(a->f, log);
    return rc;
}

static enum cmg_rc reconcile_all(struct look_around *a)
{
    enum cmg_rc rc = CMG_OK;
    size_t at = 0;
    for (size_t i = 0; i < a->d->n_logs && rc == CMG_OK; i++) {
        struct log *log = a->d->logs[i];
        size_t n = 0;
        while (at + n < a->n && a->entry[at + n].log == log)
            n++;
        if (log->wanted)
            rc = reconcile(a, log, &a->entry[at], n);
        at += n;
    }
    return rc;
}

static void complain(struct cmg_follow *f, struct folder *d, int number)
{
    if (number != d->read_errno)
        cmg_follow_note(f, CMG_LEVEL_WARNING, "the folder cannot be read", d->path,
                        strerror(number));
    d->read_errno = number;
}

/* A folder that is not there has no files: its logs are gone. */
static bool open_folder(struct look_around *a, DIR **ret)
{
    struct stat st;
    *ret = opendir(a->d->path);
    int number = errno;
    if (!*ret) {
        complain(a->f, a->d, number);
        return number == ENOENT || number == ENOTDIR;
    }
    a->fd = dirfd(*ret);
    a->d->read_errno = 0;
    if (fstat(a->fd, &st) == 0) {
        a->d->dev = st.st_dev;
        a->d->ino = st.st_ino;
    }
    return true;
}

enum cmg_rc cmg_follow_scan(struct cmg_follow *f, struct folder *d)
{
    struct look_around a = {.f = f, .d = d, .fd = -1};
    DIR *dir;
    d->rescan = false;
    d->look_at = 0;
    cmg_folder_watch(f, d);
    if (!open_folder(&a, &dir))
        return CMG_OK;
    enum cmg_rc rc = dir ? read_folder(&a, dir) : CMG_OK;
    if (rc == CMG_OK)
        rc = name_logs(&a);
    if (rc == CMG_OK && a.n)
        qsort(a.entry, a.n, sizeof *a.entry, compare);
    if (rc == CMG_OK)
        rc = reconcile_all(&a);
    if (dir)
        closedir(dir);
    for (size_t i = 0; i < a.n; i++)
        free(a.entry[i].name);
    free(a.entry);
    d->first = false;
    return rc;
}
