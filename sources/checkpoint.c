/* SPDX-License-Identifier: Apache-2.0
 * The checkpoint as a file: who may write it, and how it is replaced.
 *
 * The lock is on a file of its own, because the checkpoint itself is another file after every save.
 * It is never deleted: between its deletion and its creation two processes could hold one each. */
#include "sources/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct cmg_checkpoint {
    char *path, *temp, *lock, *folder;
    int lock_fd;
};

static enum cmg_rc fail(struct cmg_error *err, enum cmg_rc rc, const char *path, const char *what,
                        int number)
{
    *err = (struct cmg_error){.rc = rc};
    snprintf(err->source, sizeof err->source, "%s", path);
    if (number)
        snprintf(err->text, sizeof err->text, "%s: %s", what, strerror(number));
    else
        snprintf(err->text, sizeof err->text, "%s", what);
    return rc;
}

static char *join(const char *a, size_t n, const char *b)
{
    size_t m = strlen(b);
    char *s = malloc(n + m + 1);
    if (s) {
        memcpy(s, a, n);
        memcpy(s + n, b, m + 1);
    }
    return s;
}

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return join("", 0, ".");
    return slash == path ? join("", 0, "/") : join(path, (size_t)(slash - path), "");
}

static bool set_names(struct cmg_checkpoint *c, const char *path)
{
    size_t n = strlen(path);
    c->path = join(path, n, "");
    c->temp = join(path, n, ".new");
    c->lock = join(path, n, ".lock");
    c->folder = folder_of(path);
    return c->path && c->temp && c->lock && c->folder;
}

static bool write_all(int fd, cmg_str s)
{
    while (s.len) {
        ssize_t n = write(fd, s.ptr, s.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        s = cmg_str_from(s, (size_t)n);
    }
    return true;
}

/* Who holds the lock wrote its number into the file. Only for the message. */
static long read_pid(int fd)
{
    char text[24];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    return strtol(text, NULL, 10);
}

static enum cmg_rc refuse(const struct cmg_checkpoint *c, struct cmg_error *err)
{
    char text[96];
    long pid = read_pid(c->lock_fd);
    if (pid > 0)
        snprintf(text, sizeof text, "in use by process %ld; one checkpoint serves one process",
                 pid);
    else
        snprintf(text, sizeof text, "in use by another process; one checkpoint serves one process");
    return fail(err, CMG_ECONFIG, c->path, text, 0);
}

static enum cmg_rc take_lock(struct cmg_checkpoint *c, struct cmg_error *err)
{
    char pid[24];
    c->lock_fd = open(c->lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (c->lock_fd < 0)
        return fail(err, CMG_EIO, c->lock, "cannot open the lock", errno);
    if (flock(c->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? refuse(c, err)
                                    : fail(err, CMG_EIO, c->lock, "cannot lock", errno);
    int n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(c->lock_fd, 0) != 0 || !write_all(c->lock_fd, cmg_str_of(pid, (size_t)n)))
        return fail(err, CMG_EIO, c->lock, "cannot write", errno);
    return CMG_OK;
}

struct cmg_checkpoint *cmg_checkpoint_open(const char *path, struct cmg_error *reterr)
{
    struct cmg_checkpoint *c = calloc(1, sizeof *c);
    if (c)
        c->lock_fd = -1;
    if (!c || !set_names(c, path))
        fail(reterr, CMG_ENOMEM, path, "not enough memory", 0);
    else if (take_lock(c, reterr) == CMG_OK)
        return c;
    cmg_checkpoint_close(c);
    return NULL;
}

void cmg_checkpoint_close(struct cmg_checkpoint *c)
{
    if (!c)
        return;
    if (c->lock_fd >= 0)
        close(c->lock_fd);
    free(c->path);
    free(c->temp);
    free(c->lock);
    free(c->folder);
    free(c);
}

const char *cmg_checkpoint_path(const struct cmg_checkpoint *c)
{
    return c->path;
}

/* ---- load ---------------------------------------------------------------------------------- */

static ssize_t read_some(int fd, char *to, size_t n)
{
    ssize_t got;
    do
        got = read(fd, to, n);
    while (got < 0 && errno == EINTR);
    return got;
}

static enum cmg_rc read_all(int fd, struct cmg_buf *out)
{
    enum { PIECE = 1 << 16 };
    for (;;) {
        char more;
        size_t left = out->cap - out->len, want = left < PIECE ? left : PIECE;
        enum cmg_rc rc = cmg_buf_reserve(out, want);
        if (rc != CMG_OK)
            return rc;
        ssize_t n = want ? read_some(fd, out->ptr + out->len, want) : read_some(fd, &more, 1);
        if (n <= 0)
            return n ? CMG_EIO : CMG_OK;
        if (!want)
            return CMG_ELIMIT;
        out->len += (size_t)n;
    }
}

enum cmg_rc cmg_checkpoint_load(struct cmg_checkpoint *c, struct cmg_buf *out,
                                struct cmg_error *reterr)
{
    int fd = open(c->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return CMG_AGAIN;
    if (fd < 0)
        return fail(reterr, CMG_EIO, c->path, "cannot open", errno);
    enum cmg_rc rc = read_all(fd, out);
    int number = errno;
    close(fd);
    if (rc == CMG_EIO)
        return fail(reterr, rc, c->path, "cannot read", number);
    if (rc == CMG_ELIMIT)
        return fail(reterr, CMG_ECONFIG, c->path, "too large to be a checkpoint", 0);
    return rc == CMG_OK ? rc : fail(reterr, rc, c->path, "not enough memory", 0);
}

/* ---- save ---------------------------------------------------------------------------------- */

static enum cmg_rc write_temp(const struct cmg_checkpoint *c, cmg_str text, struct cmg_error *err)
{
    /* Mode 0600: the table of open incidents holds pieces of the logs. */
    int fd = open(c->temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fail(err, CMG_EIO, c->temp, "cannot create", errno);
    enum cmg_rc rc = CMG_OK;
    if (!write_all(fd, text))
        rc = fail(err, CMG_EIO, c->temp, "cannot write", errno);
    else if (fsync(fd) != 0)
        rc = fail(err, CMG_EIO, c->temp, "cannot write to disk", errno);
    if (close(fd) != 0 && rc == CMG_OK)
        rc = fail(err, CMG_EIO, c->temp, "cannot write", errno);
    return rc;
}

/* Until the folder is on disk, a power failure may bring the old file back: older, but whole. Some
 * file systems cannot do that for a folder (EINVAL) and need not. */
static enum cmg_rc sync_folder(const struct cmg_checkpoint *c, struct cmg_error *err)
{
    int fd = open(c->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail(err, CMG_EIO, c->folder, "cannot open", errno);
    int number = fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
    close(fd);
    return number ? fail(err, CMG_EIO, c->folder, "cannot write to disk", number) : CMG_OK;
}

enum cmg_rc cmg_checkpoint_save(struct cmg_checkpoint *c, cmg_str text, struct cmg_error *reterr)
{
    enum cmg_rc rc = write_temp(c, text, reterr);
    if (rc == CMG_OK && rename(c->temp, c->path) != 0)
        rc = fail(reterr, CMG_EIO, c->path, "cannot replace", errno);
    if (rc != CMG_OK) {
        unlink(c->temp);
        return rc;
    }
    return sync_folder(c, reterr);
}
