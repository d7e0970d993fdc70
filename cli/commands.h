/* SPDX-License-Identifier: Apache-2.0
 * One function for each thing that the program does. Each returns the exit status. */
#ifndef CMG_CLI_COMMANDS_H
#define CMG_CLI_COMMANDS_H

#include "cli/setup.h"

/* Released: scripts depend on them. */
enum { CMG_EXIT_OK = 0, CMG_EXIT_IO = 1, CMG_EXIT_USAGE = 2, CMG_EXIT_UNDECODED = 3 };

int cmg_command_run(const struct cmg_settings *s, const struct cmg_setup *u);
/* --follow. It may give `u` another engine. */
int cmg_command_follow(const struct cmg_settings *s, struct cmg_setup *u);
/* --input. */
int cmg_command_listen(const struct cmg_settings *s, struct cmg_setup *u);
int cmg_command_report(const struct cmg_settings *s, const struct cmg_setup *u);
int cmg_command_explain(const struct cmg_settings *s, const struct cmg_setup *u);
int cmg_command_list(const struct cmg_settings *s, const struct cmg_setup *u);
int cmg_command_compile(const struct cmg_settings *s, const struct cmg_setup *u);
int cmg_command_check_config(const struct cmg_settings *s);
int cmg_command_check_output(const struct cmg_settings *s);
/* Would a Kafka sink take the settings? Nothing is sent or asked. */
CMG_MUST_USE enum cmg_rc cmg_kafka_try(const struct cmg_settings *s, struct cmg_error *reterr);
/* -X list, -X dump. */
int cmg_show_properties(const struct cmg_settings *s);

struct cmg_page;
/* Puts the page on standard output, and says what went wrong. A reader that went away is no fault.
 */
int cmg_show(struct cmg_page *p);

#endif
