/* SPDX-License-Identifier: Apache-2.0
 * Folders, logs in them, and the files of a log. */
#include "sources/follow_int.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_folder(const struct folder *d, const char *path, const struct stat *st)
{
    return strcmp(d->path, path) == 0 ||
           (st->st_ino && d->ino == st->st_ino && d->dev == st->st_dev);
}

struct folder *cmg_folder_get(struct cmg_follow *f, const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        st = (struct stat){0};
    for (size_t i = 0; i < f->n_folders; i++)
        if (is_folder(f->folders[i], path, &st))
            return f->folders[i];
    struct folder **grown = realloc(f->folders, (f->n_folders + 1) * sizeof(struct folder *));
    if (!grown)
        return NULL;
    f->folders = grown;
    struct folder *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->path = strdup(path);
    if (!d->path) {
        free(d);
        return NULL;
    }
    d->wd = -1;
    d->dev = st.st_dev;
    d->ino = st.st_ino;
    d->checkpoint = f->o.checkpoint;
    d->rescan = d->first = true;
    f->folders[f->n_folders++] = d;
    return d;
}

/* Where `name` is among the logs, or belongs. */
static size_t place(const struct folder *d, const char *name)
{
    size_t low = 0, high = d->n_logs;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (strcmp(d->logs[mid]->name, name) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct log *cmg_log_find(const struct folder *d, const char *name)
{
    size_t i = place(d, name);
    return i < d->n_logs && strcmp(d->logs[i]->name, name) == 0 ? d->logs[i] : NULL;
}

static char *join_path(const char *folder, const char *name)
{
    size_t n = strlen(folder), m = strlen(name), slash = n && folder[n - 1] != '/';
    char *s = malloc(n + slash + m + 1);
    if (!s)
        return NULL;
    memcpy(s, folder, n);
    if (slash)
        s[n] = '/';
    memcpy(s + n + slash, name, m + 1);
    return s;
}

struct log *cmg_log_get(struct cmg_follow *f, struct folder *d, const char *name)
{
    size_t i = place(d, name);
    if (i < d->n_logs && strcmp(d->logs[i]->name, name) == 0)
        return d->logs[i];
    struct log **grown = realloc(d->logs, (d->n_logs + 1) * sizeof(struct log *));
    if (!grown)
        return NULL;
    d->logs = grown;
    struct log *log = calloc(1, sizeof *log);
    if (!log)
        return NULL;
    log->path = join_path(d->path, name);
    if (!log->path) {
        free(log);
        return NULL;
    }
    log->name = log->path + strlen(log->path) - strlen(name);
    log->folder = d;
    log->byte_ms = f->now;
    cmg_follow_at(f, f->now + f->o.promote_ms); /* a checkpoint may have left candidates open */
    memmove(&d->logs[i + 1], &d->logs[i], (d->n_logs - i) * sizeof(struct log *));
    d->logs[i] = log;
    d->n_logs++;
    f->n_logs++;
    return log;
}

struct file *cmg_file_add(struct cmg_follow *f, struct log *log, struct file *before)
{
    struct file *file = f->n_files < CMG_FOLLOW_FILES_MAX ? calloc(1, sizeof *file) : NULL;
    if (!file)
        return NULL;
    struct file **at = &log->files;
    while (*at && *at != before)
        at = &(*at)->next;
    file->next = *at;
    *at = file;
    file->log = log;
    file->fd = -1;
    file->grown_ms = file->left_ms = f->now;
    f->n_files++;
    return file;
}

void cmg_file_close(struct cmg_follow *f, struct file *file)
{
    if (file->fd < 0)
        return;
    close(file->fd);
    file->fd = -1;
    f->n_open--;
}

static void add_stream_stats(struct cmg_stream_stats *to, const struct cmg_stream_stats *s)
{
    to->bytes_in += s->bytes_in;
    to->bytes_records += s->bytes_records;
    to->bytes_skipped += s->bytes_skipped;
    to->records += s->records;
    to->skips += s->skips;
    to->undecoded += s->undecoded;
    to->truncated += s->truncated;
    to->promoted += s->promoted;
    to->findings += s->findings;
    to->primaries += s->primaries;
}

static void free_stream(struct cmg_follow *f, struct file *file)
{
    if (!file->stream)
        return;
    if (!file->skim)
        add_stream_stats(&f->stats.stream, cmg_stream_stats(file->stream));
    cmg_stream_free(file->stream);
    file->stream = NULL;
    f->n_streams--;
}

enum cmg_rc cmg_file_sleep(struct cmg_follow *f, struct file *file)
{
    if (!file->stream)
        return CMG_OK;
    /* At the beginning there is nothing to remember. */
    cmg_str state =
        cmg_stream_offset(file->stream) ? cmg_stream_state(file->stream) : (cmg_str){NULL, 0};
    if (state.len && file->state_len != state.len) {
        char *copy = realloc(file->state, state.len);
        if (!copy)
            return CMG_ENOMEM;
        file->state = copy;
        file->state_len = state.len;
    }
    if (state.len)
        memcpy(file->state, state.ptr, state.len);
    file->offset = file->fed = cmg_stream_offset(file->stream);
    free_stream(f, file);
    return CMG_OK;
}

static void file_free(struct cmg_follow *f, struct file *file)
{
    free_stream(f, file);
    cmg_file_close(f, file);
    free(file->head);
    free(file->state);
    free(file);
}

void cmg_file_drop(struct cmg_follow *f, struct file *file)
{
    struct file **at = &file->log->files;
    while (*at != file)
        at = &(*at)->next;
    *at = file->next;
    file_free(f, file);
    f->n_files--;
    f->dirty = true;
}

static void log_free(struct cmg_follow *f, struct log *log)
{
    while (log->files) {
        struct file *next = log->files->next;
        file_free(f, log->files);
        log->files = next;
    }
    free(log->path);
    free(log);
}

static void folder_free(struct cmg_follow *f, struct folder *d)
{
    for (size_t i = 0; i < d->n_logs; i++)
        log_free(f, d->logs[i]);
    for (size_t i = 0; i < d->wildcards; i++)
        free(d->wildcard[i].text);
    free(d->wildcard);
    free(d->logs);
    free(d->path);
    free(d);
}

void cmg_folders_free(struct cmg_follow *f)
{
    for (size_t i = 0; i < f->n_folders; i++)
        folder_free(f, f->folders[i]);
    free(f->folders);
    f->folders = NULL;
    f->n_folders = f->n_files = f->n_logs = 0;
    f->ready = f->ready_last = NULL;
    f->blocked = NULL;
}

struct file *cmg_log_current(const struct log *log)
{
    for (struct file *file = log->files; file; file = file->next)
        if (file->current)
            return file;
    return NULL;
}

struct file *cmg_log_head(const struct log *log)
{
    for (struct file *file = log->files; file; file = file->next)
        if (!file->done && !file->alias)
            return file;
    return NULL;
}

void cmg_file_remember(struct file *file, const struct cmg_look *look)
{
    file->size = file->sound_size = look->size;
    file->mtime_ns = file->sound_mtime_ns = look->mtime_ns;
    file->id.dev = look->dev;
    if (file->head && file->id.len == look->head_len && file->id.ino == look->ino)
        return;
    struct cmg_identity id = cmg_identity_of(look);
    unsigned char *head = look->head_len ? realloc(file->head, look->head_len) : NULL;
    if (look->head_len && !head)
        return; /* the shorter one still is true */
    if (head)
        memcpy(head, look->head, look->head_len);
    file->head = head ? head : file->head;
    file->id = id;
}
