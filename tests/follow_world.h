/* SPDX-License-Identifier: Apache-2.0
 * A folder of real files, a clock that is set by hand, and everything that a follower hands out:
 * for the tests of sources/follow*.c. What is right is decided without the follower: by the texts
 * that were written, and by decoding each generation of a log as one whole piece. */
#ifndef CMG_TESTS_FOLLOW_WORLD_H
#define CMG_TESTS_FOLLOW_WORLD_H

#include "core/str.h"
#include "sources/follow.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEEN_MAX = 20000, RAW_MAX = 96 };

struct seen {
    char id[CMG_ID_SIZE], incident[CMG_ID_SIZE];
    char raw[RAW_MAX], path[64];
    enum cmg_role role;
    uint32_t problems;
    uint64_t offset, cookie;
    bool acked;
};

struct world {
    char dir[48], checkpoint[64];
    struct cmg_engine *engine;
    struct cmg_corr *corr;
    struct cmg_follow *f;
    struct cmg_follow_options o;
    const char *pattern[4];
    int64_t now_ms;
    bool ack;       /* acknowledge at once */
    size_t room;    /* records that are still taken */
    size_t fail_at; /* the record of this number finds the sink broken, once; SIZE_MAX: none */
    uint64_t again; /* cookie of a record that was refused; UINT64_MAX: none */
    char note[256]; /* the last one */
    size_t notes;
    struct seen *seen;
    size_t n, first; /* first: of the present follower */
};

static inline int64_t world_clock(void *user)
{
    return ((const struct world *)user)->now_ms;
}

static inline enum cmg_rc world_emit(void *user, const struct cmg_record *r, uint64_t cookie)
{
    struct world *w = user;
    if (w->again != UINT64_MAX)
        cr_assert_eq(cookie, w->again, "the refused record comes first");
    bool fails = w->n == w->fail_at;
    w->again = w->room && !fails ? UINT64_MAX : cookie;
    if (fails) {
        w->fail_at = SIZE_MAX;
        return CMG_EIO;
    }
    if (!w->room)
        return CMG_AGAIN;
    w->room--;
    cr_assert_lt(w->n, SEEN_MAX);
    struct seen *s = &w->seen[w->n++];
    memset(s, 0, sizeof *s);
    memcpy(s->id, r->id, sizeof s->id);
    memcpy(s->incident, r->finding.incident, sizeof s->incident);
    snprintf(s->raw, sizeof s->raw, "%.*s", (int)cmg_str_head(r->raw, RAW_MAX - 1).len,
             r->raw.len ? r->raw.ptr : "");
    snprintf(s->path, sizeof s->path, "%.*s", (int)cmg_str_head(r->path, 63).len, r->path.ptr);
    s->role = r->finding.role;
    s->problems = r->problems;
    s->offset = r->offset;
    s->cookie = cookie;
    s->acked = w->ack;
    if (w->ack)
        cr_assert(cmg_follow_ack(w->f, cookie));
    return CMG_OK;
}

static inline void world_note(void *user, enum cmg_level level, const char *text, const char *path,
                              const char *detail)
{
    struct world *w = user;
    (void)level;
    snprintf(w->note, sizeof w->note, "%s|%s|%s", text, path, detail);
    w->notes++;
}

static inline int64_t world_wall(void *user)
{
    (void)user;
    return INT64_C(1790000000) * 1000000000;
}

static inline struct world *world_new(bool poll)
{
    struct world *w = calloc(1, sizeof *w);
    struct cmg_error err;
    struct cmg_options eo = {.host = CMG_LIT("HOST1"), .now_ns = world_wall};
    cr_assert(w);
    w->seen = calloc(SEEN_MAX, sizeof *w->seen);
    snprintf(w->dir, sizeof w->dir, "/tmp/cmgpipe-test-XXXXXX");
    cr_assert(w->seen && mkdtemp(w->dir));
    snprintf(w->checkpoint, sizeof w->checkpoint, "%s/checkpoint", w->dir);
    w->engine = cmg_engine_new(&eo, &err);
    cr_assert(w->engine);
    w->now_ms = 1000;
    w->ack = true;
    w->room = w->fail_at = SIZE_MAX;
    w->again = UINT64_MAX;
    w->pattern[0] = w->dir;
    w->o = (struct cmg_follow_options){.engine = w->engine,
                                       .host = CMG_LIT("HOST1"),
                                       .pattern = w->pattern,
                                       .patterns = 1,
                                       .emit = world_emit,
                                       .note = world_note,
                                       .user = w,
                                       .poll = poll,
                                       .checkpoint = w->checkpoint,
                                       .now_ms = world_clock,
                                       .now_user = w};
    return w;
}

static inline void world_start(struct world *w)
{
    struct cmg_error err;
    w->corr = w->o.corr = cmg_corr_new(1 << 16);
    w->first = w->n;
    w->again = UINT64_MAX;
    w->f = cmg_follow_new(&w->o, &err);
    cr_assert(w->corr && w->f, "%s:%d: %s", err.source, err.line, err.text);
}

/* As kill -9 would: nothing is saved that was not. */
static inline void world_kill(struct world *w)
{
    cmg_follow_free(w->f);
    cmg_corr_free(w->corr);
    w->f = NULL;
    w->corr = NULL;
}

static inline void world_stop(struct world *w)
{
    struct cmg_error err;
    cr_assert_eq(cmg_follow_save(w->f, &err), CMG_OK);
    world_kill(w);
}

/* Until there is nothing to do at this time of the clock. */
static inline void world_run(struct world *w)
{
    for (int i = 0, quiet = 0; quiet < 2; i++) {
        enum cmg_rc rc = cmg_follow_step(w->f);
        cr_assert_geq(rc, CMG_OK);
        cr_assert_lt(i, 200000, "it never comes to an end");
        quiet = rc == CMG_OK || cmg_follow_wait(w->f) == 0 ? 0 : quiet + 1;
    }
}

static inline void world_pass(struct world *w, int64_t ms)
{
    for (; ms > 0; ms -= 250) { /* in small steps: one time limit may set the next */
        w->now_ms += ms < 250 ? ms : 250;
        world_run(w);
    }
}

static inline void remove_tree(const char *path)
{
    char sub[1024];
    DIR *d = opendir(path);
    const struct dirent *e;
    while (d && (e = readdir(d))) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (snprintf(sub, sizeof sub, "%s/%s", path, e->d_name) >= (int)sizeof sub)
            continue;
        if (unlink(sub) != 0)
            remove_tree(sub);
    }
    if (d)
        closedir(d);
    rmdir(path);
}

static inline void world_free(struct world *w)
{
    world_kill(w);
    cmg_engine_free(w->engine);
    remove_tree(w->dir);
    free(w->seen);
    free(w);
}

/* ---- files --------------------------------------------------------------------------------- */

static inline const char *at(const struct world *w, const char *name)
{
    static char path[8][160];
    static unsigned i;
    i = (i + 1) % 8;
    snprintf(path[i], sizeof path[i], "%s/%s", w->dir, name);
    return path[i];
}

static inline void put_flags(const struct world *w, const char *name, const char *text, int flags)
{
    int fd = open(at(w, name), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);
    cr_assert_geq(fd, 0, "%s", name);
    size_t n = strlen(text);
    cr_assert_eq(write(fd, text, n), (ssize_t)n);
    close(fd);
}

/* Appends. */
static inline void put(const struct world *w, const char *name, const char *text)
{
    put_flags(w, name, text, O_APPEND);
}

static inline void move(const struct world *w, const char *from, const char *to)
{
    cr_assert_eq(rename(at(w, from), at(w, to)), 0);
}

static inline void copy(const struct world *w, const char *from, const char *to)
{
    static char bytes[1 << 20];
    int in = open(at(w, from), O_RDONLY | O_CLOEXEC), out;
    ssize_t n = read(in, bytes, sizeof bytes);
    out = open(at(w, to), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    cr_assert(n >= 0 && write(out, bytes, (size_t)n) == n);
    close(in);
    close(out);
}

static inline void cut(const struct world *w, const char *name, off_t size)
{
    cr_assert_eq(truncate(at(w, name), size), 0);
}

/* "Line 17 ..." of a log, long enough that two generations never begin alike. */
static inline const char *line(int n)
{
    static char text[8][RAW_MAX];
    static unsigned i;
    i = (i + 1) % 8;
    snprintf(text[i], sizeof text[i],
             "Line %d of the log, written by the test, with %x and %x in it\n", n,
             (unsigned)n * 2654435761u, (unsigned)n * 40503u);
    return text[i];
}

static inline void put_lines(const struct world *w, const char *name, int from, int to)
{
    for (int i = from; i < to; i++)
        put(w, name, line(i));
}

/* ---- judging ------------------------------------------------------------------------------- */

/* The records of the present follower are lines from..to-1, in order, each once. */
static inline void expect_lines_at(const struct world *w, int from, int to, int source_line)
{
    for (int i = from; i < to; i++) {
        size_t k = w->first + (size_t)(i - from);
        cr_assert_lt(k, w->n, "at line %d: %d lines expected, got %zu, no line %d", source_line,
                     to - from, w->n - w->first, i);
        const char *text = line(i);
        cr_assert(strncmp(w->seen[k].raw, text, strlen(text) - 1) == 0,
                  "at line %d: expected %sgot %s", source_line, text, w->seen[k].raw);
    }
    cr_assert_eq(w->n - w->first, (size_t)(to - from),
                 "at line %d: %d expected, got %zu, the next is %s", source_line, to - from,
                 w->n - w->first, w->seen[w->first + (size_t)(to - from)].raw);
}
#define expect_lines(w, from, to) expect_lines_at(w, from, to, __LINE__)

/* The ids of everything seen are those of `text` (one generation) decoded in one piece, from `*io`
 * on. */
static inline void expect_ids(const struct world *w, size_t *io, const char *text)
{
    struct cmg_corr *c = cmg_corr_new(1 << 16);
    struct cmg_origin o = {.host = CMG_LIT("HOST1"), .path = CMG_LIT("/any/other/path.log")};
    struct cmg_stream *s = cmg_stream_new(w->engine, c, &o);
    struct cmg_record r;
    cr_assert(c && s && cmg_stream_feed(s, cmg_str_c(text)) == CMG_OK);
    cmg_stream_flush(s, true);
    while (cmg_stream_next(s, &r) == CMG_OK) {
        cr_assert_lt(*io, w->n);
        cr_assert_str_eq(w->seen[*io].id, r.id, "record %zu: %s", *io, w->seen[*io].raw);
        (*io)++;
    }
    cmg_stream_free(s);
    cmg_corr_free(c);
}

/* Each id once. */
static inline void expect_unique(const struct world *w)
{
    for (size_t i = w->first; i < w->n; i++)
        for (size_t j = w->first; j < i; j++)
            cr_assert(strcmp(w->seen[i].id, w->seen[j].id) != 0, "twice: %s", w->seen[i].raw);
}

#endif
