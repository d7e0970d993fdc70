/* SPDX-License-Identifier: Apache-2.0
 * Settings: what the operator wants, from the command line, the environment and a file, by one
 * table.
 *
 * options.def is that table. A value is looked at where it is read, so that whoever wrote it is
 * told where: every fault has a source, a line where there is one, and says what would have been
 * right.
 *
 * A value from a stronger source replaces one from a weaker source, a whole list included, in
 * whatever order they are read; of the same source the last one wins, and lists grow. */
#ifndef CMG_CLI_OPTIONS_H
#define CMG_CLI_OPTIONS_H

#include "core/str.h"

enum cmg_opt {
#define OPT(id, letter, name, kind, arg, value, least, most, category, where, help) CMG_OPT_##id,
#include "cli/options.def"
#undef OPT
    CMG_OPTS
};

enum cmg_opt_kind {
    CMG_KIND_FLAG,
    CMG_KIND_TEXT,
    CMG_KIND_LIST,
    CMG_KIND_CHOICE,
    CMG_KIND_NUMBER,
    CMG_KIND_SECONDS,
    CMG_KIND_INTERVAL,
    CMG_KIND_PROPERTY,
    CMG_KIND_DECODER,
    CMG_KIND_TIMEZONE,
};

enum cmg_opt_category {
    CMG_CATEGORY_OUTPUT,
    CMG_CATEGORY_KAFKA,
    CMG_CATEGORY_INPUT,
    CMG_CATEGORY_FOLLOWING,
    CMG_CATEGORY_KNOWLEDGE,
    CMG_CATEGORY_PROGRAM,
    CMG_CATEGORIES
};
enum cmg_opt_where { CMG_WHERE_ALL, CMG_WHERE_OUTSIDE, CMG_WHERE_LINE };

/* A row of options.def. */
struct cmg_opt_row {
    const char *name, *arg, *value, *help;
    uint64_t least, most;
    enum cmg_opt_kind kind;
    enum cmg_opt_category category;
    enum cmg_opt_where where;
    char letter;
};
extern const struct cmg_opt_row cmg_opt_rows[CMG_OPTS];
extern const char *const cmg_category_titles[CMG_CATEGORIES];
/* The row of that name, or NULL; *ret_near is the name most like it, NULL when none is. */
const struct cmg_opt_row *cmg_opt_find(cmg_str name, const char **ret_near);
/* Does the option take a value behind it ("--name value")? */
bool cmg_opt_wants_value(const struct cmg_opt_row *row);

/* From the weakest to the strongest. */
enum cmg_source { CMG_FROM_DEFAULT, CMG_FROM_FILE, CMG_FROM_ENVIRONMENT, CMG_FROM_COMMAND_LINE };

enum cmg_command {
    CMG_RUN,
    CMG_REPORT,
    CMG_EXPLAIN,
    CMG_LIST,
    CMG_CHECK_CONFIG,
    CMG_CHECK_OUTPUT,
    CMG_COMPILE,
    CMG_COMMANDS
};
extern const char *const cmg_command_names[CMG_COMMANDS]; /* of CMG_RUN: "" */

enum { CMG_OPT_VALUE_MAX = 4096, CMG_OPT_LIST_MAX = 256, CMG_CONFIG_MAX = 1 << 20 };

struct cmg_setting {
    enum cmg_source source;
    bool on;         /* FLAG, INTERVAL: asked for */
    uint64_t number; /* NUMBER, SECONDS; INTERVAL: 0 for none; CHOICE: which word, from 0 */
    char **value;    /* as written; owned */
    size_t values;
};

/* One property of librdkafka. Unlike a list, they are replaced one by one. */
struct cmg_kafka_setting {
    char *name, *value; /* name: with "kafka." before it, as a sink wants it */
    unsigned rank;      /* cmg_kafka_rank */
};

struct cmg_settings {
    struct cmg_setting at[CMG_OPTS];
    struct cmg_kafka_setting *kafka;
    size_t n_kafka;
    bool kafka_list, kafka_dump; /* -X list, -X dump */
    enum cmg_command command;
    const char *const
        *args; /* operands behind options and command; the array is owned, its strings are argv's */
    size_t n_args;
    const char **args_room;
};

/* Told of each fault, so that a file with three of them names three. rc CMG_OK: a warning only. */
typedef void cmg_fault_fn(void *user, const struct cmg_error *fault);

/* Defaults. */
CMG_MUST_USE enum cmg_rc cmg_settings_init(struct cmg_settings *s);
void cmg_settings_done(struct cmg_settings *s);

/* Each reads one source and tells `fault` of all that is wrong. CMG_OK: nothing was. */
CMG_MUST_USE enum cmg_rc cmg_settings_argv(struct cmg_settings *s, int argc, char *const *argv,
                                           cmg_fault_fn *fault, void *user);
CMG_MUST_USE enum cmg_rc cmg_settings_environment(struct cmg_settings *s, char *const *environment,
                                                  cmg_fault_fn *fault, void *user);
/* `text` is what the file called `name` holds. */
CMG_MUST_USE enum cmg_rc cmg_settings_config(struct cmg_settings *s, const char *name, cmg_str text,
                                             cmg_fault_fn *fault, void *user);
CMG_MUST_USE enum cmg_rc cmg_settings_file(struct cmg_settings *s, const char *path,
                                           cmg_fault_fn *fault, void *user);
/* The file that --config or CMGPIPE_CONFIG names, else the first that exists of the usual places,
 * else none. */
CMG_MUST_USE enum cmg_rc cmg_settings_find_file(struct cmg_settings *s, cmg_fault_fn *fault,
                                                void *user);

/* One value for one option. On a fault *reterr has the text; source and line are the caller's. */
CMG_MUST_USE enum cmg_rc cmg_settings_set(struct cmg_settings *s, enum cmg_opt id, cmg_str value,
                                          enum cmg_source from, struct cmg_error *reterr);

static inline bool cmg_is_on(const struct cmg_settings *s, enum cmg_opt id)
{
    return s->at[id].on;
}

static inline uint64_t cmg_number_of(const struct cmg_settings *s, enum cmg_opt id)
{
    return s->at[id].number;
}

/* NULL when there is none. Of a list: the last. */
static inline const char *cmg_text_of(const struct cmg_settings *s, enum cmg_opt id)
{
    return s->at[id].values ? s->at[id].value[s->at[id].values - 1] : NULL;
}

/* The operands, or else what --input says; *ret_n may be 0. */
const char *const *cmg_inputs_of(const struct cmg_settings *s, size_t *ret_n);
/* Is one of these a URL? */
bool cmg_listens(const struct cmg_settings *s);

/* ---- properties.c -------------------------------------------------------------------------- */

enum { CMG_KAFKA_PROPERTIES_MAX = 512 };

/* A file that -F, the environment or a configuration file named is a little weaker than what stands
 * in the same place itself. */
static inline unsigned cmg_kafka_rank(enum cmg_source from, bool named_file)
{
    return 2 * (unsigned)from + !named_file;
}

/* `name` is librdkafka's, "topic." may stand before it. CMG_AGAIN: librdkafka has no such property;
 * CMG_ECONFIG: it refuses the value; *reterr has the text, without the value where it may be a
 * secret. */
CMG_MUST_USE enum cmg_rc cmg_settings_kafka(struct cmg_settings *s, cmg_str name, cmg_str value,
                                            unsigned rank, struct cmg_error *reterr);
/* The file of --kafka-config, when there is one. */
CMG_MUST_USE enum cmg_rc cmg_settings_kafka_file(struct cmg_settings *s, cmg_fault_fn *fault,
                                                 void *user);
/* The value of the property, or NULL. */
const char *cmg_kafka_value(const struct cmg_settings *s, const char *name, unsigned *ret_rank);
/* Kafka is where records go: somebody named brokers. */
bool cmg_to_kafka(const struct cmg_settings *s);

/* ---- judge.c ------------------------------------------------------------------------------- */

/* Does the whole make sense? Tells `fault` of each contradiction. */
CMG_MUST_USE enum cmg_rc cmg_settings_judge(const struct cmg_settings *s, cmg_fault_fn *fault,
                                            void *user);

/* ---- help.c -------------------------------------------------------------------------------- */

/* The name of the environment variable: CMGPIPE_MAX_RECORD. */
enum { CMG_ENV_NAME_MAX = 64 };
void cmg_env_name(const struct cmg_opt_row *row, char ret[CMG_ENV_NAME_MAX]);
struct cmg_page;
void cmg_help(struct cmg_page *p);

/* ---- suggest.c ----------------------------------------------------------------------------- */

/* Edit distance, ignoring case, of words of at most CMG_SUGGEST_MAX bytes (longer ones are cut); a
 * swap of neighbours counts as one edit. */
enum { CMG_SUGGEST_MAX = 80 };
size_t cmg_distance(cmg_str a, cmg_str b);
/* How alike is enough to be worth a suggestion: about a quarter of the word. */
static inline bool cmg_is_near(size_t distance, size_t len)
{
    return distance <= 1 + len / 4;
}

#endif
