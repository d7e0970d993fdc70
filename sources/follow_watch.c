/* SPDX-License-Identifier: Apache-2.0
 * From patterns to folders, and what the kernel says of them.
 *
 * Folders are watched, not files: a watch costs kernel memory, its number is limited for each user
 * (often 8192 for everything he runs), and a renamed log keeps its folder. Where inotify tells
 * nothing, because another machine writes the files, or where the limit is reached, the folder is
 * looked into every poll_ms. */
#include "sources/follow_int.h"

#include <errno.h>
#include <fnmatch.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static const uint32_t changes = IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE;
static const uint32_t self = IN_DELETE_SELF | IN_MOVE_SELF;

/* ---- patterns ------------------------------------------------------------------------------ */

static enum cmg_rc add_wildcard(struct folder *d, const char *text, bool folded)
{
    for (size_t i = 0; i < d->wildcards; i++)
        if (strcmp(d->wildcard[i].text, text) == 0)
            return CMG_OK;
    struct wildcard *grown = realloc(d->wildcard, (d->wildcards + 1) * sizeof *grown);
    if (!grown)
        return CMG_ENOMEM;
    d->wildcard = grown;
    char *copy = strdup(text);
    if (!copy)
        return CMG_ENOMEM;
    d->wildcard[d->wildcards++] = (struct wildcard){copy, folded};
    d->rescan = true;
    return CMG_OK;
}

static enum cmg_rc add_names(struct cmg_follow *f, const char *folder, const char *names)
{
    struct folder *d = cmg_folder_get(f, folder);
    return d ? add_wildcard(d, names, false) : CMG_ENOMEM;
}

/* A folder stands for the logs in it. */
static enum cmg_rc add_folder(struct cmg_follow *f, const char *path)
{
    struct folder *d = cmg_folder_get(f, path);
    if (!d || add_wildcard(d, "*.log", true) != CMG_OK)
        return CMG_ENOMEM;
    return add_wildcard(d, "*.lo_", true);
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The folder's name has wildcards of its own. */
static enum cmg_rc add_found(struct cmg_follow *f, const char *folders, const char *names)
{
    glob_t found;
    enum cmg_rc rc = CMG_OK;
    int r = glob(folders, GLOB_ONLYDIR | GLOB_NOSORT, NULL, &found);
    if (r == GLOB_NOSPACE)
        return CMG_ENOMEM;
    if (r != 0)
        return CMG_OK;
    for (size_t i = 0; i < found.gl_pathc && rc == CMG_OK; i++)
        if (is_folder(found.gl_pathv[i]))
            rc = add_names(f, found.gl_pathv[i], names);
    globfree(&found);
    return rc;
}

static enum cmg_rc expand(struct cmg_follow *f, char *pattern)
{
    if (is_folder(pattern))
        return add_folder(f, pattern);
    char *slash = strrchr(pattern, '/'); /* patterns are absolute */
    if (slash == pattern)
        return add_names(f, "/", pattern + 1);
    *slash = '\0';
    enum cmg_rc rc = !is_folder(pattern) && strpbrk(pattern, "*?[")
                         ? add_found(f, pattern, slash + 1)
                         : add_names(f, pattern, slash + 1);
    *slash = '/';
    return rc;
}

enum cmg_rc cmg_follow_expand(struct cmg_follow *f)
{
    enum cmg_rc rc = CMG_OK;
    for (size_t i = 0; i < f->o.patterns && rc == CMG_OK; i++)
        rc = expand(f, f->pattern[i]);
    return rc;
}

/* The checkpoint, its lock and its successor are no logs, whatever the pattern: reading what one
 * writes has no end. */
static bool is_ours(const struct folder *d, const char *name, const char *checkpoint)
{
    size_t n = strlen(d->path), slash = d->path[n - 1] != '/';
    if (!checkpoint || strncmp(checkpoint, d->path, n) != 0 || (slash && checkpoint[n] != '/'))
        return false;
    const char *own = checkpoint + n + slash;
    size_t m = strlen(own);
    const char *end = name + m;
    return strncmp(name, own, m) == 0 &&
           (!*end || strcmp(end, ".lock") == 0 || strcmp(end, ".new") == 0);
}

bool cmg_folder_matches(const struct folder *d, const char *name)
{
    if (is_ours(d, name, d->checkpoint))
        return false;
    for (size_t i = 0; i < d->wildcards; i++) {
        const struct wildcard *w = &d->wildcard[i];
        int flags = FNM_PERIOD | (w->folded ? FNM_CASEFOLD : 0);
        if (strcmp(w->text, name) == 0 || fnmatch(w->text, name, flags) == 0)
            return true;
    }
    return false;
}

struct log *cmg_folder_rotated(const struct folder *d, const char *name)
{
    char log[CMG_NAME_SIZE];
    if (!cmg_rotated_from(cmg_str_c(name), log))
        return NULL;
    struct log *exact = cmg_log_find(d, log);
    for (size_t i = 0; !exact && i < d->n_logs; i++)
        if (cmg_str_ieq(cmg_str_c(d->logs[i]->name), cmg_str_c(log)))
            return d->logs[i];
    return exact;
}

/* ---- inotify ------------------------------------------------------------------------------- */

void cmg_follow_watch_start(struct cmg_follow *f)
{
    f->inotify = f->o.poll ? -1 : inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (f->inotify < 0 && !f->o.poll)
        cmg_follow_note(f, CMG_LEVEL_WARNING, "inotify is not to be had, logs are polled", "",
                        strerror(errno));
}

/* File systems on which others write without this kernel's knowing (statfs(2), linux/magic.h). */
static bool is_remote(const char *path)
{
    static const uint32_t magic[] = {
        0x6969,     /* NFS */
        0x517b,     /* SMB */
        0xff534d42, /* CIFS */
        0xfe534d42, /* SMB2 */
        0x564c,     /* NCP */
        0x5346414f, /* AFS */
        0x73757245, /* CODA */
        0x01021997, /* 9P: WSL's view of Windows drives, virtual machines */
        0x65735546, /* FUSE: sshfs and the like */
        0x786f4256, /* VirtualBox shared folders */
        0xbacbacbc, /* VMware shared folders */
        0x00c36400, /* Ceph */
        0x0bd00bd0, /* Lustre */
        0x47504653, /* GPFS */
        0x01161970, /* GFS2 */
        0x7461636f, /* OCFS2 */
    };
    struct statfs s;
    if (statfs(path, &s) != 0)
        return false;
    for (size_t i = 0; i < sizeof magic / sizeof *magic; i++)
        if ((uint32_t)s.f_type == magic[i])
            return true;
    return false;
}

static void note_polled(struct cmg_follow *f, const struct folder *d, int number)
{
    if (number == ENOSPC || number == ENOMEM) {
        if (!f->inotify_full)
            cmg_follow_note(f, CMG_LEVEL_WARNING,
                            "the limit of inotify watches is reached, folders are polled", d->path,
                            "raise fs.inotify.max_user_watches");
        f->inotify_full = true;
    } else if (number) {
        cmg_follow_note(f, CMG_LEVEL_WARNING, "the folder cannot be watched, it is polled", d->path,
                        strerror(number));
    } else {
        cmg_follow_note(f, CMG_LEVEL_INFO, "the folder is on a network file system, it is polled",
                        d->path, "");
    }
}

/* Called before each look at the folder: the same folder gives the same descriptor again, one that
 * was put in its place another. */
void cmg_folder_watch(struct cmg_follow *f, struct folder *d)
{
    if (f->inotify < 0)
        return;
    if (d->first && is_remote(d->path)) {
        d->remote = true;
        note_polled(f, d, 0);
    }
    if (d->remote)
        return;
    int wd = inotify_add_watch(f->inotify, d->path, IN_MODIFY | changes | self | IN_ONLYDIR);
    int number = errno;
    if (d->wd >= 0 && wd != d->wd)
        inotify_rm_watch(f->inotify, d->wd);
    if (wd < 0 && number != ENOENT && number != ENOTDIR && number != d->watch_errno)
        note_polled(f, d, number);
    d->watch_errno = wd < 0 ? number : 0;
    d->wd = wd;
}

static void on_modify(struct cmg_follow *f, struct folder *d, const char *name)
{
    struct log *log = cmg_log_find(d, name);
    if (log && log->wanted) {
        struct file *file = cmg_log_current(log);
        /* Nothing is read while the sink is full, and the log may rotate away meanwhile: hold it.
         */
        if (file && f->blocked && file->fd < 0 && !cmg_file_open(f, file))
            d->rescan = true;
        cmg_follow_ready(f, log);
        return;
    }
    log = cmg_folder_rotated(d, name);
    if ((log && log->wanted) || cmg_folder_matches(d, name))
        d->rescan = true;
}

static void on_change(struct folder *d, const char *name)
{
    const struct log *log = cmg_log_find(d, name);
    if (!log)
        log = cmg_folder_rotated(d, name);
    if ((log && log->wanted) || cmg_folder_matches(d, name))
        d->rescan = true;
}

static struct folder *by_watch(const struct cmg_follow *f, int wd)
{
    for (size_t i = 0; i < f->n_folders; i++)
        if (f->folders[i]->wd == wd)
            return f->folders[i];
    return NULL;
}

static void on_event(struct cmg_follow *f, const struct inotify_event *e)
{
    if (e->mask & IN_Q_OVERFLOW) {
        cmg_follow_note(f, CMG_LEVEL_WARNING, "inotify's queue overflowed, looking everywhere", "",
                        "");
        cmg_follow_sweep(f);
        return;
    }
    struct folder *d = by_watch(f, e->wd);
    if (!d)
        return;
    if (e->mask & (self | IN_IGNORED | IN_UNMOUNT)) {
        if (!(e->mask & (IN_IGNORED | IN_UNMOUNT | IN_DELETE_SELF)))
            inotify_rm_watch(f->inotify, d->wd);
        d->wd = -1;
        d->rescan = true;
    } else if (e->mask & changes) {
        on_change(d, e->name);
    } else if (e->len) {
        on_modify(f, d, e->name);
    }
}

void cmg_follow_events(struct cmg_follow *f)
{
    enum { BATCHES = 8 };
    _Alignas(struct inotify_event) char room[16 << 10];
    for (int i = 0; i < BATCHES && f->inotify >= 0; i++) {
        ssize_t n = read(f->inotify, room, sizeof room);
        if (n <= 0)
            return;
        for (char *p = room; p < room + n;) {
            const struct inotify_event *e = (const struct inotify_event *)(void *)p;
            on_event(f, e);
            p += sizeof *e + e->len;
        }
    }
}
