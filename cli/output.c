/* SPDX-License-Identifier: Apache-2.0
 * From settings to a sink. See output.h. */
#include "cli/output.h"
#include "cli/log.h"
#include "enrich/catalog.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum only { ONLY_FINDINGS, ONLY_PRIMARY, ONLY_ALL }; /* in the order of options.def */

/* ---- which records ------------------------------------------------------------------------- */

/* A failure's records are as severe as their class; a record without a level of its own is
 * ordinary. */
static enum cmg_level level_of(const struct cmg_record *r)
{
    enum cmg_level own = r->event.level == CMG_LEVEL_NONE ? CMG_LEVEL_INFO : r->event.level;
    const struct cmg_entry *entry = r->finding.role == CMG_ROLE_NONE ? NULL : r->finding.entry;
    return entry && entry->severity > own ? entry->severity : own;
}

bool cmg_output_wants(const struct cmg_output *o, const struct cmg_record *r)
{
    return r->finding.role >= o->least_role &&
           (o->least_level <= CMG_LEVEL_VERBOSE || level_of(r) >= o->least_level);
}

static void choose(struct cmg_output *o, const struct cmg_settings *s)
{
    static const enum cmg_role roles[] = {[ONLY_FINDINGS] = CMG_ROLE_EVIDENCE,
                                          [ONLY_PRIMARY] = CMG_ROLE_PRIMARY,
                                          [ONLY_ALL] = CMG_ROLE_NONE};
    o->least_role = roles[cmg_number_of(s, CMG_OPT_ONLY)];
    o->least_level = (enum cmg_level)(CMG_LEVEL_VERBOSE + cmg_number_of(s, CMG_OPT_MIN_LEVEL));
    o->encode = cmg_number_of(s, CMG_OPT_FORMAT) ? cmg_record_to_text : cmg_record_to_json;
}

/* ---- the state directory ------------------------------------------------------------------- */

static bool make_folders(char *path)
{
    for (char *p = path + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        bool made = mkdir(path, 0750) == 0 || errno == EEXIST;
        *p = '/';
        if (!made)
            return false;
    }
    return true;
}

bool cmg_state_path(const char *name, const char *ending, char ret[CMG_STATE_PATH_MAX])
{
    const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    const char *folder = home, *rest = "/.local/state";
    if (xdg && xdg[0] == '/') {
        folder = xdg;
        rest = "";
    } else if (geteuid() == 0) {
        folder = "/var/lib";
        rest = "";
    }
    errno = ENOENT;
    if (!folder || folder[0] != '/')
        return false;
    int n = snprintf(ret, CMG_STATE_PATH_MAX, "%s%s/cmgpipe/%s%s", folder, rest, name, ending);
    errno = ENAMETOOLONG;
    return n > 0 && n < CMG_STATE_PATH_MAX && make_folders(ret);
}

/* ---- properties of the Kafka sink ---------------------------------------------------------- */

/* The row's own name is the sink's, too. */
static const enum cmg_opt texts[] = {
    CMG_OPT_TOPIC,
    CMG_OPT_KEY,
    CMG_OPT_TIMESTAMP,
    CMG_OPT_DEAD_LETTER_TOPIC,
    CMG_OPT_DEAD_LETTER_FILE,
    CMG_OPT_MOCK_BROKERS,
};
enum { TEXTS = sizeof texts / sizeof *texts, OTHERS = 6 };

static bool is_none(const char *value)
{
    return value && strcmp(value, "none") == 0;
}

static void put(struct cmg_property *to, size_t *n, const char *name, const char *value)
{
    if (value)
        to[(*n)++] = (struct cmg_property){name, value};
}

/* --brokers, unless something stronger names them. */
static const char *brokers(const struct cmg_settings *s)
{
    unsigned rank = 0;
    const struct cmg_setting *at = &s->at[CMG_OPT_BROKERS];
    if (!cmg_kafka_value(s, "bootstrap.servers", &rank))
        (void)cmg_kafka_value(s, "metadata.broker.list", &rank);
    return at->values && rank <= cmg_kafka_rank(at->source, false) ? at->value[0] : NULL;
}

struct cmg_property *cmg_kafka_properties(const struct cmg_settings *s, bool endless,
                                          const char *dead_file, size_t *ret_n)
{
    struct cmg_property *p = calloc(s->n_kafka + TEXTS + OTHERS, sizeof *p);
    size_t n = 0;
    if (!p)
        return NULL;
    put(p, &n, "topic", "cmgpipe");
    for (size_t i = 0; i < TEXTS; i++) {
        const char *value = cmg_text_of(s, texts[i]);
        if (texts[i] != CMG_OPT_DEAD_LETTER_FILE || !is_none(value))
            put(p, &n, cmg_opt_rows[texts[i]].name, value);
    }
    if (!cmg_text_of(s, CMG_OPT_DEAD_LETTER_FILE) && dead_file[0])
        put(p, &n, "dead-letter-file", dead_file);
    put(p, &n, "splunk-headers", cmg_is_on(s, CMG_OPT_SPLUNK_HEADERS) ? "true" : "false");
    put(p, &n, "endless", endless ? "true" : "false");
    for (size_t i = 0; i < s->n_kafka; i++)
        put(p, &n, s->kafka[i].name, s->kafka[i].value);
    put(p, &n, "kafka.bootstrap.servers", brokers(s));
    *ret_n = n;
    return p;
}

/* ---- the sink ------------------------------------------------------------------------------ */

/* What the sink has to say is one of our own log lines; it limits itself. */
static void say(void *user, enum cmg_level level, const char *text, const char *detail)
{
    (void)user;
    enum cmg_log_level ours = level >= CMG_LEVEL_ERROR     ? CMG_LOG_ERROR
                              : level == CMG_LEVEL_WARNING ? CMG_LOG_WARNING
                                                           : CMG_LOG_INFO;
    cmg_log(ours, text, "detail", detail[0] ? detail : NULL, NULL);
}

static enum cmg_rc prepare_kafka(struct cmg_output *o, const struct cmg_settings *s, bool endless,
                                 struct cmg_error *reterr)
{
    const char *topic = cmg_text_of(s, CMG_OPT_TOPIC);
    bool named = cmg_text_of(s, CMG_OPT_DEAD_LETTER_FILE);
    if (!named && !cmg_state_path(topic ? topic : "", ".dead.jsonl", o->dead_file)) {
        cmg_log(CMG_LOG_WARNING, "there is no place for a dead-letter file", "file",
                o->dead_file[0] ? o->dead_file : NULL, "error", strerror(errno), NULL);
        o->dead_file[0] = '\0';
    }
    o->property = cmg_kafka_properties(s, endless, o->dead_file, &o->options.properties);
    o->options.property = o->property;
    if (o->property)
        return CMG_OK;
    *reterr = (struct cmg_error){.rc = CMG_ENOMEM, .text = "out of memory"};
    return CMG_ENOMEM;
}

static enum cmg_rc open_sink(struct cmg_output *o, struct cmg_error *reterr)
{
    const struct cmg_sink_ops *ops = o->kafka ? &cmg_sink_kafka : &cmg_sink_stdout;
    o->broken = false;
    if (ops->open)
        return ops->open(&o->options, &o->sink, reterr);
    *reterr = (struct cmg_error){.rc = CMG_ECONFIG};
    snprintf(reterr->text, sizeof reterr->text, "%s: %s", ops->name, ops->summary);
    return CMG_ECONFIG;
}

enum cmg_rc cmg_output_open(struct cmg_output *o, const struct cmg_settings *s, bool endless,
                            cmg_ack_fn *ack, void *ack_user, struct cmg_error *reterr)
{
    memset(o, 0, sizeof *o);
    choose(o, s);
    o->kafka = cmg_to_kafka(s);
    o->options = (struct cmg_sink_options){.ack = ack,
                                           .ack_user = ack_user,
                                           .say = say,
                                           .fd = STDOUT_FILENO,
                                           .flush_each = isatty(STDOUT_FILENO)};
    enum cmg_rc rc = o->kafka ? prepare_kafka(o, s, endless, reterr) : CMG_OK;
    return rc == CMG_OK ? open_sink(o, reterr) : rc;
}

static void add_stats(struct cmg_sink_stats *sum, const struct cmg_sink_stats *one)
{
    sum->sent += one->sent;
    sum->acked += one->acked;
    sum->failed += one->failed;
    sum->dead += one->dead;
    sum->bytes += one->bytes;
    sum->retries += one->retries;
}

struct cmg_sink_stats cmg_output_stats(const struct cmg_output *o)
{
    struct cmg_sink_stats sum = o->before;
    if (o->sink)
        add_stats(&sum, &o->sink->stats);
    return sum;
}

struct cmg_sink_stats cmg_output_close(struct cmg_output *o)
{
    struct cmg_sink_stats last = {0};
    (void)cmg_sink_close(o->sink, 0, &last);
    o->sink = NULL;
    add_stats(&o->before, &last);
    return o->before;
}

enum cmg_rc cmg_output_reopen(struct cmg_output *o, struct cmg_error *reterr)
{
    (void)cmg_output_close(o);
    return open_sink(o, reterr);
}

void cmg_output_done(struct cmg_output *o)
{
    if (o->sink)
        (void)cmg_output_close(o);
    free(o->property);
    o->property = NULL;
}

enum cmg_rc cmg_output_send(struct cmg_output *o, const struct cmg_record *r, int64_t read_ns,
                            uint64_t cookie)
{
    struct cmg_buf *out = &o->sink->out;
    size_t from = out->len;
    enum cmg_rc rc = o->encode(r, out);
    if (rc == CMG_OK) {
        struct cmg_message m = {.value = cmg_str_from(cmg_buf_str(out), from),
                                .record = r,
                                .read_ns = read_ns,
                                .cookie = cookie};
        rc = cmg_sink_send(o->sink, &m);
    }
    if (rc != CMG_OK)
        out->len = from;
    o->broken = o->broken || rc == CMG_EIO;
    return rc;
}

uint64_t cmg_output_timeout(const struct cmg_settings *s, uint64_t otherwise)
{
    return cmg_text_of(s, CMG_OPT_TIMEOUT) ? cmg_number_of(s, CMG_OPT_TIMEOUT) : otherwise;
}

void cmg_output_tell_dead(const struct cmg_output *o, uint64_t n)
{
    char number[CMG_NUMBER_SIZE];
    const char *topic = NULL, *file = NULL;
    for (size_t i = 0; i < o->options.properties; i++) {
        const struct cmg_property *p = &o->property[i];
        if (strcmp(p->name, "dead-letter-topic") == 0)
            topic = p->value;
        if (strcmp(p->name, "dead-letter-file") == 0)
            file = p->value;
    }
    cmg_log(CMG_LOG_WARNING, "Kafka refused records for good; they are kept as dead letters",
            "records", cmg_number(number, n), "topic", topic ? topic : "the topic's .dlq", "file",
            file, NULL);
}
