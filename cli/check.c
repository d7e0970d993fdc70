/* SPDX-License-Identifier: Apache-2.0
 * cmgpipe check-config: would this file do? */
#include "cli/commands.h"
#include "cli/log.h"
#include "cli/term.h"

#include <unistd.h>

struct check {
    size_t faults;
};

static void count(void *user, const struct cmg_error *fault)
{
    struct check *c = user;
    c->faults++;
    cmg_complain(fault);
}

/* What only shows when it is used: the catalogues and the Kafka properties that the file names. */
static void try_setup(struct check *c, const struct cmg_settings *s)
{
    struct cmg_setup u;
    struct cmg_error e = {.rc = CMG_OK};
    if (cmg_kafka_try(s, &e) != CMG_OK)
        count(c, &e);
    if (cmg_setup_init(&u, s, &e) != CMG_OK)
        count(c, &e);
    cmg_setup_done(&u);
}

int cmg_command_check_config(const struct cmg_settings *line)
{
    struct cmg_settings s;
    struct check c = {0};
    struct cmg_page p;
    if (cmg_settings_init(&s) != CMG_OK)
        return CMG_EXIT_IO;
    s.command = CMG_CHECK_CONFIG;
    enum cmg_rc rc = cmg_settings_file(&s, line->args[0], count, &c);
    if (rc == CMG_OK)
        rc = cmg_settings_kafka_file(&s, count, &c);
    if (rc == CMG_OK)
        rc = cmg_settings_judge(&s, count, &c);
    if (rc == CMG_OK)
        try_setup(&c, &s);
    cmg_settings_done(&s);
    if (c.faults)
        return CMG_EXIT_USAGE;
    cmg_page_init(&p, STDOUT_FILENO);
    cmg_page_text(&p, cmg_str_c(line->args[0]));
    cmg_page_add(&p, ": no faults\n");
    return cmg_show(&p);
}
