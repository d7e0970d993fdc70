/* SPDX-License-Identifier: Apache-2.0
 * cmgpipe: reads its settings, and does what they say. */
#include "cli/commands.h"
#include "cli/log.h"
#include "cli/signals.h"
#include "cli/term.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

extern char **environ;

static void complain(void *user, const struct cmg_error *fault)
{
    (void)user;
    cmg_complain(fault);
}

/* A standard descriptor that the caller has closed would go to the first file that is opened. What
 * takes its place here fails when it is used, as the closed one would. */
static void keep_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

static int say_version(void)
{
    struct cmg_page p;
    cmg_page_init(&p, STDOUT_FILENO);
    cmg_page_add(&p, "cmgpipe ");
    cmg_page_add(&p, cmg_version());
    cmg_page_add(&p, "\n");
    return cmg_show(&p);
}

static int say_help(void)
{
    struct cmg_page p;
    cmg_page_init(&p, STDOUT_FILENO);
    cmg_help(&p);
    return cmg_show(&p);
}

/* Is what the command line says complete? */
static bool makes_sense(const struct cmg_settings *s)
{
    struct cmg_error e = {.rc = CMG_OK};
    static const char *const missing[CMG_COMMANDS] = {
        [CMG_REPORT] = "report needs a file or a folder: cmgpipe report FILE|DIR...",
        [CMG_EXPLAIN] =
            "explain needs a code, an error class or a remediation: cmgpipe explain 0x80072f8f",
        [CMG_LIST] = "list needs a word: cmgpipe list decoders|classes|remediations|fields|codes",
        [CMG_CHECK_CONFIG] = "check-config needs a file: cmgpipe check-config FILE",
        [CMG_COMPILE] = "compile needs a catalogue: cmgpipe compile FILE > NAME.cat",
    };
    if (missing[s->command] && !s->n_args)
        e = (struct cmg_error){.rc = CMG_ECONFIG};
    else if (s->command == CMG_CHECK_OUTPUT && s->n_args)
        e = (struct cmg_error){.rc = CMG_ECONFIG, .text = "check-output reads no files"};
    else if ((s->command == CMG_LIST || s->command == CMG_CHECK_CONFIG) && s->n_args > 1)
        e = (struct cmg_error){.rc = CMG_ECONFIG, .text = "one operand is enough here"};
    else if (cmg_is_on(s, CMG_OPT_JSON) && s->command != CMG_LIST)
        e = (struct cmg_error){.rc = CMG_ECONFIG,
                               .text = "--json belongs to list; records are JSON anyway"};
    if (e.rc == CMG_OK)
        return cmg_settings_judge(s, complain, NULL) == CMG_OK;
    if (!e.text[0])
        memcpy(e.text, missing[s->command], strlen(missing[s->command]) + 1);
    cmg_complain(&e);
    return false;
}

static int perform(const struct cmg_settings *s)
{
    struct cmg_setup u;
    struct cmg_error e;
    int status = CMG_EXIT_USAGE;
    enum cmg_rc rc = cmg_setup_init(&u, s, &e);
    if (rc != CMG_OK)
        cmg_complain(&e);
    else if (s->command == CMG_REPORT)
        status = cmg_command_report(s, &u);
    else if (s->command == CMG_EXPLAIN)
        status = cmg_command_explain(s, &u);
    else if (s->command == CMG_LIST)
        status = cmg_command_list(s, &u);
    else if (s->command == CMG_COMPILE)
        status = cmg_command_compile(s, &u);
    else if (cmg_listens(s))
        status = cmg_command_listen(s, &u);
    else
        status = cmg_is_on(s, CMG_OPT_FOLLOW) ? cmg_command_follow(s, &u) : cmg_command_run(s, &u);
    cmg_setup_done(&u);
    return rc == CMG_ENOMEM ? CMG_EXIT_IO : status;
}

/* Every source is read before anything is said to be wrong with the whole. */
static bool read_settings(struct cmg_settings *s, int argc, char **argv)
{
    if (cmg_settings_argv(s, argc, argv, complain, NULL) != CMG_OK)
        return false;
    if (cmg_is_on(s, CMG_OPT_HELP) || cmg_is_on(s, CMG_OPT_VERSION) ||
        s->command == CMG_CHECK_CONFIG)
        return true;
    enum cmg_rc environment = cmg_settings_environment(s, environ, complain, NULL);
    enum cmg_rc file = cmg_settings_find_file(s, complain, NULL);
    /* The other commands leave Kafka alone. */
    bool asks_kafka = s->command == CMG_RUN || s->command == CMG_CHECK_OUTPUT;
    if (environment != CMG_OK || file != CMG_OK || !asks_kafka)
        return environment == CMG_OK && file == CMG_OK;
    return cmg_settings_kafka_file(s, complain, NULL) == CMG_OK;
}

static int dispatch(const struct cmg_settings *s)
{
    cmg_signals_install();
    if (s->command == CMG_CHECK_CONFIG)
        return cmg_command_check_config(s);
    return s->command == CMG_CHECK_OUTPUT ? cmg_command_check_output(s) : perform(s);
}

static int start(struct cmg_settings *s, int argc, char **argv)
{
    struct cmg_error hint = {.text = "\"cmgpipe --help\" shows what there is"};
    if (!read_settings(s, argc, argv)) {
        cmg_complain(&hint);
        return CMG_EXIT_USAGE;
    }
    cmg_log_set_level((enum cmg_log_level)cmg_number_of(s, CMG_OPT_LOG_LEVEL));
    if (cmg_is_on(s, CMG_OPT_HELP))
        return say_help();
    if (cmg_is_on(s, CMG_OPT_VERSION))
        return say_version();
    if (s->kafka_list || s->kafka_dump)
        return cmg_show_properties(s);
    return makes_sense(s) ? dispatch(s) : CMG_EXIT_USAGE;
}

int main(int argc, char **argv)
{
    struct cmg_settings s;
    keep_standard_descriptors();
    int status = cmg_settings_init(&s) == CMG_OK ? start(&s, argc, argv) : CMG_EXIT_IO;
    cmg_settings_done(&s);
    return status;
}
