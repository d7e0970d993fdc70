/* SPDX-License-Identifier: Apache-2.0
 * Inputs of the report. See inputs.h. */
#include "cli/inputs.h"
#include "cli/log.h"
#include "core/str.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static bool append(struct cmg_inputs *in, char *path)
{
    if (path && in->n == in->size) {
        size_t size = in->size ? 2 * in->size : 16;
        char **more = realloc(in->path, size * sizeof *more);
        if (!more) {
            free(path);
            return false;
        }
        in->path = more;
        in->size = size;
    }
    if (path)
        in->path[in->n++] = path;
    return path != NULL;
}

static bool is_log(const char *name)
{
    cmg_str s = cmg_str_c(name), end = cmg_str_from(s, s.len > 4 ? s.len - 4 : s.len);
    return cmg_str_ieq(end, CMG_LIT(".log")) || cmg_str_ieq(end, CMG_LIT(".lo_"));
}

static char *join(const char *folder, const char *name)
{
    size_t n = strlen(folder);
    bool slash = n && folder[n - 1] == '/';
    char *path = NULL;
    return asprintf(&path, "%s%s%s", folder, slash ? "" : "/", name) < 0 ? NULL : path;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool add_folder(struct cmg_inputs *in, const char *folder)
{
    DIR *d = opendir(folder);
    size_t from = in->n;
    bool ok = true;
    if (!d) {
        cmg_log(CMG_LOG_ERROR, "cannot read", "folder", folder, "error", strerror(errno), NULL);
        in->failed++;
        return true;
    }
    for (struct dirent *e; ok && (e = readdir(d));)
        if (is_log(e->d_name))
            ok = append(in, join(folder, e->d_name));
    closedir(d);
    if (in->n > from)
        qsort(in->path + from, in->n - from, sizeof *in->path, by_name);
    else if (ok)
        cmg_log(CMG_LOG_WARNING, "no *.log and no *.lo_ here", "folder", folder, NULL);
    return ok;
}

bool cmg_inputs_add(struct cmg_inputs *in, const char *path)
{
    struct stat st;
    if (strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return add_folder(in, path);
    return append(in, strdup(path));
}

void cmg_inputs_done(struct cmg_inputs *in)
{
    for (size_t i = 0; i < in->n; i++)
        free(in->path[i]);
    free(in->path);
}

/* ---- lines --------------------------------------------------------------------------------- */

void cmg_line_index_reset(struct cmg_line_index *x)
{
    x->head = x->n = 0;
    x->line = 1;
    x->seen = 0;
    x->last = 0;
    x->width = CMG_LINES_BYTES;
}

void cmg_line_index_done(struct cmg_line_index *x)
{
    free(x->start);
}

static bool push(struct cmg_line_index *x, uint64_t offset)
{
    if (x->n == x->size && x->head > x->n / 2) {
        x->n -= x->head;
        memmove(x->start, x->start + x->head, x->n * sizeof *x->start);
        x->head = 0;
    }
    if (x->n == x->size) {
        size_t size = x->size ? 2 * x->size : 4096;
        uint64_t *more = realloc(x->start, size * sizeof *more);
        if (!more)
            return false;
        x->start = more;
        x->size = size;
    }
    x->start[x->n++] = offset;
    return true;
}

/* A line feed of UTF-16 is two bytes wide, on an even offset. */
static bool add_wide(struct cmg_line_index *x, const char *bytes, size_t n)
{
    unsigned char first = x->width == CMG_LINES_UTF16LE ? '\n' : 0,
                  second = x->width == CMG_LINES_UTF16LE ? 0 : '\n';
    for (size_t i = 0; i < n; i++, x->seen++) {
        unsigned char c = (unsigned char)bytes[i];
        if (x->seen % 2 && x->last == first && c == second && !push(x, x->seen + 1))
            return false;
        x->last = c;
    }
    return true;
}

static bool add_bytes(struct cmg_line_index *x, const char *bytes, size_t n)
{
    const char *end = bytes + n;
    for (const char *p = bytes; (p = memchr(p, '\n', (size_t)(end - p))); p++)
        if (!push(x, x->seen + (uint64_t)(p - bytes) + 1))
            return false;
    x->seen += n;
    return true;
}

bool cmg_line_index_add(struct cmg_line_index *x, const char *bytes, size_t n)
{
    if (x->seen == 0 && n >= 2) {
        if (!push(x, 0))
            return false;
        if (memcmp(bytes, "\xff\xfe", 2) == 0)
            x->width = CMG_LINES_UTF16LE;
        else if (memcmp(bytes, "\xfe\xff", 2) == 0)
            x->width = CMG_LINES_UTF16BE;
    }
    return x->width == CMG_LINES_BYTES ? add_bytes(x, bytes, n) : add_wide(x, bytes, n);
}

uint64_t cmg_line_index_find(struct cmg_line_index *x, uint64_t offset)
{
    while (x->head + 1 < x->n && x->start[x->head + 1] <= offset) {
        x->head++;
        x->line++;
    }
    return x->line;
}
