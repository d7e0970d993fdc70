/* SPDX-License-Identifier: Apache-2.0
 * Questions about Kafka: do the brokers answer, and what is in force? */
#include "cli/commands.h"
#include "cli/log.h"
#include "cli/output.h"
#include "cli/term.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef CMG_KAFKA
#include "sinks/kafka.h"

/* ---- check-output -------------------------------------------------------------------------- */

struct heard {
    char text[200]; /* the last thing that went wrong below: it says why nobody answers */
};

static void hear(void *user, enum cmg_level level, const char *text, const char *detail)
{
    struct heard *h = user;
    if (level >= CMG_LEVEL_WARNING)
        snprintf(h->text, sizeof h->text, "%.190s", detail[0] ? detail : text);
}

static int show_line(const char *text, const char *why)
{
    struct cmg_page p;
    cmg_page_init(&p, STDOUT_FILENO);
    cmg_page_text(&p, cmg_str_c(text));
    if (why[0]) {
        cmg_page_add(&p, ": ");
        cmg_page_text(&p, cmg_str_c(why));
    }
    cmg_page_add(&p, "\n");
    return cmg_show(&p);
}

int cmg_command_check_output(const struct cmg_settings *s)
{
    struct heard heard = {""};
    struct cmg_error e = {.rc = CMG_OK};
    struct cmg_sink_options opt = {.say = hear, .say_user = &heard};
    struct cmg_property *p = cmg_kafka_properties(s, false, "", &opt.properties);
    if (!p)
        return CMG_EXIT_IO;
    opt.property = p;
    uint64_t seconds = cmg_output_timeout(s, CMG_ANSWER_S);
    enum cmg_rc rc = cmg_kafka_check(&opt, (int)seconds * 1000, &e);
    free(p);
    if (rc == CMG_ECONFIG) {
        cmg_complain(&e);
        return CMG_EXIT_USAGE;
    }
    int shown = show_line(e.text, rc == CMG_OK ? "" : heard.text);
    return rc == CMG_OK ? shown : CMG_EXIT_IO;
}

/* ---- -X list, -X dump ---------------------------------------------------------------------- */

static void put_pair(void *user, const char *name, const char *value)
{
    struct cmg_page *p = user;
    cmg_page_text(p, cmg_str_c(name));
    cmg_page_add(p, " = ");
    cmg_page_text(p, cmg_str_c(value));
    cmg_page_add(p, "\n");
}

/* Ours first: they are few. Those of librdkafka as a client.properties could have them. */
static int dump(const struct cmg_settings *s)
{
    struct cmg_page p;
    struct cmg_error e;
    struct cmg_sink_options opt = {.fd = -1};
    struct cmg_property *property = cmg_kafka_properties(s, false, "", &opt.properties);
    if (!property)
        return CMG_EXIT_IO;
    opt.property = property;
    cmg_page_init(&p, STDOUT_FILENO);
    cmg_page_add(&p, "# cmgpipe\n");
    for (size_t i = 0; i < CMG_OPTS; i++)
        if (cmg_opt_rows[i].category == CMG_CATEGORY_KAFKA && s->at[i].values)
            put_pair(&p, cmg_opt_rows[i].name, s->at[i].value[s->at[i].values - 1]);
    cmg_page_add(&p, "# librdkafka\n");
    enum cmg_rc rc = cmg_kafka_dump(&opt, put_pair, &p, &e);
    free(property);
    if (rc == CMG_OK)
        return cmg_show(&p);
    cmg_page_done(&p);
    cmg_complain(&e);
    return CMG_EXIT_USAGE;
}

static int list(void)
{
    struct cmg_page p;
    cmg_page_init(&p, STDOUT_FILENO);
    cmg_page_add(&p, "Options of cmgpipe (command line, or name = value in its configuration "
                     "file):\n\n");
    for (size_t i = 0; i < CMG_OPTS; i++) {
        char left[32];
        if (cmg_opt_rows[i].category != CMG_CATEGORY_KAFKA)
            continue;
        snprintf(left, sizeof left, "%-24s", cmg_opt_rows[i].name);
        cmg_page_wrap(&p, left, 0, cmg_str_c(cmg_opt_rows[i].help));
    }
    cmg_page_add(&p, "\nProperties of librdkafka (-X name=value, or kafka.name = value in the "
                     "configuration file):\n\n");
    int status = cmg_show(&p);
    if (status == CMG_EXIT_OK)
        cmg_kafka_list(stdout);
    return fflush(stdout) == 0 ? status : CMG_EXIT_IO;
}

int cmg_show_properties(const struct cmg_settings *s)
{
    return s->kafka_list ? list() : dump(s);
}

/* Would a sink take the settings? */
enum cmg_rc cmg_kafka_try(const struct cmg_settings *s, struct cmg_error *reterr)
{
    struct cmg_page ignored;
    struct cmg_sink_options opt = {.fd = -1};
    struct cmg_property *property =
        cmg_kafka_properties(s, cmg_is_on(s, CMG_OPT_FOLLOW), "", &opt.properties);
    if (!property)
        return CMG_ENOMEM;
    opt.property = property;
    cmg_page_init(&ignored, STDOUT_FILENO);
    enum cmg_rc rc = cmg_kafka_dump(&opt, put_pair, &ignored, reterr);
    cmg_page_done(&ignored);
    free(property);
    return rc;
}

#else

static int missing(void)
{
    static const struct cmg_error e = {.rc = CMG_ECONFIG,
                                       .text = "this cmgpipe was built without Kafka"};
    cmg_complain(&e);
    return CMG_EXIT_USAGE;
}

int cmg_command_check_output(const struct cmg_settings *s)
{
    (void)s;
    return missing();
}

int cmg_show_properties(const struct cmg_settings *s)
{
    (void)s;
    return missing();
}

enum cmg_rc cmg_kafka_try(const struct cmg_settings *s, struct cmg_error *reterr)
{
    (void)s;
    (void)reterr;
    return CMG_OK;
}

#endif
