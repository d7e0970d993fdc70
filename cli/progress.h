/* SPDX-License-Identifier: Apache-2.0
 * A bar on stderr while large files are read, for somebody who sits there and waits. */
#ifndef CMG_CLI_PROGRESS_H
#define CMG_CLI_PROGRESS_H

#include "cmgpipe.h"

enum { CMG_PROGRESS_FROM = 32 << 20 }; /* bytes: less is over before anybody wonders */

struct cmg_progress {
    bool on, drawn;
    uint64_t total, done;
    int64_t start_ms, last_ms;
};

/* On when stderr is a terminal, stdout is none, and all of `paths` are regular files of
 * CMG_PROGRESS_FROM bytes together. */
void cmg_progress_init(struct cmg_progress *p, const char *const *paths, size_t n);
/* `more` bytes were read. Cheap; draws ten times a second at most. */
void cmg_progress_step(struct cmg_progress *p, uint64_t more);
/* Takes the bar away: before a line is written to stderr, and at the end. */
void cmg_progress_clear(struct cmg_progress *p);

int64_t cmg_now_ms(void); /* of a clock that only goes forward */

#endif
