/* SPDX-License-Identifier: Apache-2.0
 * SIGINT and SIGTERM ask the program to finish; the second one ends it. */
#ifndef CMG_CLI_SIGNALS_H
#define CMG_CLI_SIGNALS_H

#include <stdbool.h>

/* Also makes writing to a pipe without a reader an error instead of the end. */
void cmg_signals_install(void);
/* Was the program asked to finish? */
bool cmg_stopping(void);

#endif
