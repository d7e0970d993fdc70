/* SPDX-License-Identifier: Apache-2.0
 * Counters. bytes_in = bytes_records + bytes_skipped once an input is at its end: nothing is lost.
 */
#include "cli/stats.h"
#include "cli/progress.h"

#include <stdio.h>
#include <unistd.h>

void cmg_stats_init(struct cmg_stats *s, bool on, uint64_t seconds)
{
    s->on = on;
    s->every_ms = (int64_t)seconds * 1000;
    s->start_ms = cmg_now_ms();
    s->next_ms = s->start_ms + s->every_ms;
}

bool cmg_stats_due(struct cmg_stats *s)
{
    if (!s->on || !s->every_ms)
        return false;
    int64_t now = cmg_now_ms();
    if (now < s->next_ms)
        return false;
    s->next_ms = now + s->every_ms;
    return true;
}

int cmg_stats_left_ms(const struct cmg_stats *s)
{
    if (!s->on || !s->every_ms)
        return -1;
    int64_t left = s->next_ms - cmg_now_ms();
    return left > 0 ? (int)left : 0;
}

void cmg_counters_add(struct cmg_stream_stats *sum, const struct cmg_stream_stats *one)
{
    sum->bytes_in += one->bytes_in;
    sum->bytes_records += one->bytes_records;
    sum->bytes_skipped += one->bytes_skipped;
    sum->records += one->records;
    sum->skips += one->skips;
    sum->undecoded += one->undecoded;
    sum->truncated += one->truncated;
    sum->promoted += one->promoted;
    sum->findings += one->findings;
    sum->primaries += one->primaries;
}

void cmg_stats_line(const struct cmg_stats *s, const struct cmg_counter *row, size_t n)
{
    char line[1024];
    int64_t ms = cmg_now_ms() - s->start_ms;
    size_t at = (size_t)snprintf(line, sizeof line, "level=info msg=statistics seconds=%lld.%03d",
                                 (long long)(ms / 1000), (int)(ms % 1000));
    for (size_t i = 0; i < n && at < sizeof line - 64; i++)
        at += (size_t)snprintf(line + at, sizeof line - at, " %s=%llu", row[i].key,
                               (unsigned long long)row[i].value);
    line[at++] = '\n';
    ssize_t ignored = write(STDERR_FILENO, line, at);
    (void)ignored;
}

void cmg_stats_write(const struct cmg_stats *s, const struct cmg_counters *c)
{
    const struct cmg_counter rows[] = {
        {"inputs", c->inputs},
        {"inputs_failed", c->inputs_failed},
        {"bytes_in", c->in.bytes_in},
        {"bytes_records", c->in.bytes_records},
        {"bytes_skipped", c->in.bytes_skipped},
        {"records", c->in.records},
        {"skips", c->in.skips},
        {"undecoded", c->in.undecoded},
        {"truncated", c->in.truncated},
        {"findings", c->in.findings},
        {"primaries", c->in.primaries},
        {"promoted", c->in.promoted},
        {"evictions", c->evictions},
        {"sent", c->out.sent},
        {"confirmed", c->out.acked},
        {"failed", c->out.failed},
        {"dead_lettered", c->out.dead},
        {"retries", c->out.retries},
        {"bytes_out", c->out.bytes},
    };
    cmg_stats_line(s, rows, sizeof rows / sizeof *rows);
}
