/* SPDX-License-Identifier: Apache-2.0
 * The program's own words: one line an event on stderr, `level=error msg="cannot open" file="a
 * b.log"`. Each line is one write(2), so that lines of several processes on one terminal stay
 * whole. */
#ifndef CMG_CLI_LOG_H
#define CMG_CLI_LOG_H

#include "cmgpipe.h"

/* In the order of --log-level. */
enum cmg_log_level { CMG_LOG_ERROR, CMG_LOG_WARNING, CMG_LOG_INFO, CMG_LOG_DEBUG };

enum { CMG_LOG_LINE_MAX = 2048 };

void cmg_log_set_level(enum cmg_log_level most);

/* `msg` and then key, value, key, value, ..., NULL: all const char *. A NULL value leaves its key
 * out. What does not fit CMG_LOG_LINE_MAX is cut. */
void cmg_log(enum cmg_log_level level, const char *msg, ...) __attribute__((sentinel));

/* A line for stderr that is not an event: usage and configuration errors, `file:line:column: text`,
 * or `cmgpipe: text` where there is no file. Control characters are escaped. */
void cmg_complain(const struct cmg_error *e);

/* A number as text, for cmg_log. */
enum { CMG_NUMBER_SIZE = 24 };
const char *cmg_number(char buf[CMG_NUMBER_SIZE], uint64_t n);

#endif
