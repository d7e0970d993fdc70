/* SPDX-License-Identifier: Apache-2.0
 * The bar. See progress.h. */
#include "cli/progress.h"
#include "cli/term.h"

#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { EVERY_MS = 100, PATIENCE_MS = 500, BAR = 30 };

int64_t cmg_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool add_sizes(struct cmg_progress *p, const char *const *paths, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct stat st;
        if (stat(paths[i], &st) != 0 || !S_ISREG(st.st_mode))
            return false;
        p->total += (uint64_t)st.st_size;
    }
    return p->total >= CMG_PROGRESS_FROM;
}

void cmg_progress_init(struct cmg_progress *p, const char *const *paths, size_t n)
{
    *p = (struct cmg_progress){.start_ms = cmg_now_ms()};
    p->last_ms = p->start_ms + PATIENCE_MS;
    p->on = isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO) && add_sizes(p, paths, n);
}

static void show(const char *text, size_t len)
{
    ssize_t ignored = write(STDERR_FILENO, text, len);
    (void)ignored;
}

static void draw(struct cmg_progress *p, int64_t now)
{
    static const char full[] = "##############################",
                      empty[] = "..............................";
    char line[160];
    double part = p->done < p->total ? (double)p->done / (double)p->total : 1;
    double seconds = (double)(now - p->start_ms) / 1000,
           left = part > 0 ? seconds / part - seconds : 0;
    int filled = (int)(part * BAR);
    int n = snprintf(line, sizeof line,
                     "\r[%.*s%.*s] %3d %%  %.0f of %.0f MB, %.0f MB/s, %d:%02d left\033[K", filled,
                     full, BAR - filled, empty, (int)(part * 100), (double)p->done / 1e6,
                     (double)p->total / 1e6, seconds > 0 ? (double)p->done / 1e6 / seconds : 0,
                     (int)left / 60, (int)left % 60);
    show(line, n < (int)sizeof line ? (size_t)n : sizeof line - 1);
    p->drawn = true;
    p->last_ms = now;
}

void cmg_progress_step(struct cmg_progress *p, uint64_t more)
{
    if (!p->on)
        return;
    p->done += more;
    int64_t now = cmg_now_ms();
    if (now - p->last_ms >= EVERY_MS)
        draw(p, now);
}

void cmg_progress_clear(struct cmg_progress *p)
{
    if (p->drawn)
        show("\r\033[K", 4);
    p->drawn = false;
}
