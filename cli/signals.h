/* SPDX-License-Identifier: Apache-2.0
 * SIGINT and SIGTERM ask the program to finish; the second one ends it. */
#ifndef CMG_CLI_SIGNALS_H
#define CMG_CLI_SIGNALS_H

#include <stdbool.h>

/* Also makes writing to a pipe without a reader an error instead of the end. */
void cmg_signals_install(void);
/* Was the program asked to finish? */
bool cmg_stopping(void);

/* From now on SIGHUP asks for a reload instead of ending the program, and cmg_signals_fd() is
 * readable when a signal came: what waits for that with others is never late. */
void cmg_signals_follow(void);
int cmg_signals_fd(void);
/* Empties it. True: a reload was asked for since the last call. */
bool cmg_signals_take(void);

#endif
