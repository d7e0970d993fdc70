/* SPDX-License-Identifier: Apache-2.0
 * Settings that contradict each other, explained before anything begins.
 *
 * A configuration file may hold more than one call needs: what is in it and finds no use is left
 * alone. What somebody typed, or what cannot work in any case, is a fault. */
#include "cli/options.h"
#include "sources/url.h"

#include <stdio.h>

struct judge {
    const struct cmg_settings *s;
    cmg_fault_fn *fault;
    void *user;
    enum cmg_rc rc;
};

static void tell(struct judge *j, const char *text)
{
    struct cmg_error e = {.rc = CMG_ECONFIG};
    snprintf(e.text, sizeof e.text, "%s", text);
    j->fault(j->user, &e);
    j->rc = CMG_ECONFIG;
}

static bool typed(const struct judge *j, size_t id)
{
    return j->s->at[id].source == CMG_FROM_COMMAND_LINE;
}

/* The first option of the category that was typed, or CMG_OPTS. */
static size_t typed_one(const struct judge *j, enum cmg_opt_category category)
{
    size_t i = 0;
    while (i < CMG_OPTS && (cmg_opt_rows[i].category != category || !typed(j, i)))
        i++;
    return i;
}

static void tell_option(struct judge *j, size_t id, const char *text)
{
    char full[240];
    snprintf(full, sizeof full, "--%s %.200s", cmg_opt_rows[id].name, text);
    tell(j, full);
}

/* Two sources of one thing, of the same strength. */
static void judge_brokers(struct judge *j)
{
    unsigned rank = 0;
    const char *name = cmg_kafka_value(j->s, "bootstrap.servers", &rank);
    const struct cmg_setting *brokers = &j->s->at[CMG_OPT_BROKERS];
    if (!name)
        name = cmg_kafka_value(j->s, "metadata.broker.list", &rank);
    if (name && brokers->values && rank == cmg_kafka_rank(brokers->source, false))
        tell(j, "brokers are named twice, by --brokers and as a property; leave one out");
    if ((name || brokers->values) && cmg_text_of(j->s, CMG_OPT_MOCK_BROKERS))
        tell(j, "--mock-brokers pretends to be the brokers; leave out --brokers");
}

static void judge_kafka(struct judge *j)
{
    const char *topic = cmg_text_of(j->s, CMG_OPT_TOPIC),
               *dead = cmg_text_of(j->s, CMG_OPT_DEAD_LETTER_TOPIC);
    judge_brokers(j);
    if (!topic)
        tell(j, "Kafka needs a topic, for example: -t logs-cmgpipe.cmg-default");
    if (cmg_number_of(j->s, CMG_OPT_FORMAT))
        tell(j, "--format text is for people; what is sent to Kafka is JSON");
    if (topic && dead && strcmp(topic, dead) == 0)
        tell(j, "--dead-letter-topic is the topic itself, which refused the record");
}

static void judge_stdout(struct judge *j)
{
    size_t id = typed_one(j, CMG_CATEGORY_KAFKA);
    if (id < CMG_OPTS)
        tell_option(j, id, "is for Kafka, and no brokers are named: add -b HOST:PORT");
    if (j->s->command == CMG_CHECK_OUTPUT)
        tell(j, "check-output asks brokers, and none are named: add -b HOST:PORT");
}

static void judge_follow(struct judge *j)
{
    bool has_checkpoint = cmg_text_of(j->s, CMG_OPT_CHECKPOINT) || cmg_to_kafka(j->s);
    size_t n;
    const char *const *input = cmg_inputs_of(j->s, &n);
    if (!n)
        tell(j, "--follow needs files, folders or patterns; standard input is read without it");
    for (size_t i = 0; i < n; i++)
        if (strcmp(input[i], "-") == 0)
            tell(j, "standard input cannot be followed; leave out - or --follow");
    if (cmg_is_on(j->s, CMG_OPT_STRICT) && typed(j, CMG_OPT_STRICT))
        tell(j, "--strict judges the whole input at its end, and --follow has none");
    if (cmg_is_on(j->s, CMG_OPT_RESET_CHECKPOINT) && !has_checkpoint)
        tell(j, "--reset-checkpoint: there is no checkpoint; add --checkpoint FILE");
}

/* URLs, perhaps with names of files between them. */
static void judge_listen(struct judge *j)
{
    const struct cmg_setting *at = &j->s->at[CMG_OPT_INPUT];
    struct cmg_url u;
    struct cmg_error e;
    if (cmg_is_on(j->s, CMG_OPT_FOLLOW))
        tell(j, "--follow reads files that grow, and a URL is none; start one program for each");
    for (size_t i = 0; i < at->values; i++)
        if (cmg_url_parse(cmg_str_c(at->value[i]), &u, &e) != CMG_OK)
            tell_option(j, CMG_OPT_INPUT, e.text);
}

static void judge_once(struct judge *j)
{
    size_t id = typed_one(j, CMG_CATEGORY_FOLLOWING);
    if (id == CMG_OPT_FOLLOW)
        return; /* --no-follow */
    if (id < CMG_OPTS)
        tell_option(j, id, "is for following: add -f");
}

static void judge_others(struct judge *j)
{
    size_t id = typed_one(j, CMG_CATEGORY_KAFKA);
    if (id == CMG_OPTS)
        id = typed_one(j, CMG_CATEGORY_FOLLOWING);
    char text[120];
    snprintf(text, sizeof text, "does not go with %s", cmg_command_names[j->s->command]);
    if (id < CMG_OPTS)
        tell_option(j, id, text);
}

enum cmg_rc cmg_settings_judge(const struct cmg_settings *s, cmg_fault_fn *fault, void *user)
{
    struct judge j = {s, fault, user, CMG_OK};
    bool kafka = cmg_to_kafka(s), file_alone = s->command == CMG_CHECK_CONFIG;
    if (s->command != CMG_RUN && s->command != CMG_CHECK_OUTPUT && !file_alone) {
        judge_others(&j);
        return j.rc;
    }
    if (kafka)
        judge_kafka(&j);
    else
        judge_stdout(&j);
    if (s->command == CMG_RUN && cmg_listens(s))
        judge_listen(&j);
    else if (s->command == CMG_RUN)
        (cmg_is_on(s, CMG_OPT_FOLLOW) ? judge_follow : judge_once)(&j);
    return j.rc;
}
