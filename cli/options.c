/* SPDX-License-Identifier: Apache-2.0
 * Settings by the table: values, the command line, the environment. Files are config.c's. */
#include "cli/options.h"
#include "cli/tz.h"
#include "core/buf.h"
#include "decoders/decoder.h"

#include <stdio.h>
#include <stdlib.h>

const struct cmg_opt_row cmg_opt_rows[CMG_OPTS] = {
#define OPT(id, letter_, name_, kind_, arg_, value_, least_, most_, category_, where_, help_)      \
    [CMG_OPT_##id] = {.name = name_,                                                               \
                      .letter = letter_,                                                           \
                      .kind = CMG_KIND_##kind_,                                                    \
                      .arg = arg_,                                                                 \
                      .value = value_,                                                             \
                      .least = least_,                                                             \
                      .most = most_,                                                               \
                      .category = CMG_CATEGORY_##category_,                                        \
                      .where = CMG_WHERE_##where_,                                                 \
                      .help = help_},
#include "cli/options.def"
#undef OPT
};

const char *const cmg_category_titles[CMG_CATEGORIES] = {
    [CMG_CATEGORY_OUTPUT] = "Output",       [CMG_CATEGORY_KAFKA] = "Kafka",
    [CMG_CATEGORY_INPUT] = "Input",         [CMG_CATEGORY_FOLLOWING] = "Following",
    [CMG_CATEGORY_KNOWLEDGE] = "Knowledge", [CMG_CATEGORY_PROGRAM] = "Program",
};

const char *const cmg_command_names[CMG_COMMANDS] = {
    [CMG_RUN] = "",
    [CMG_REPORT] = "report",
    [CMG_EXPLAIN] = "explain",
    [CMG_LIST] = "list",
    [CMG_CHECK_CONFIG] = "check-config",
    [CMG_CHECK_OUTPUT] = "check-output",
    [CMG_COMPILE] = "compile",
};

bool cmg_opt_wants_value(const struct cmg_opt_row *row)
{
    return row->kind != CMG_KIND_FLAG && row->kind != CMG_KIND_INTERVAL;
}

/* ---- one value ----------------------------------------------------------------------------- */

/* snprintf wants an int. */
static int width(cmg_str s)
{
    return s.len > 60 ? 60 : (int)s.len;
}

/* "value" is ... */
static enum cmg_rc refuse(struct cmg_error *e, cmg_str value, const char *is, const char *rest)
{
    e->rc = CMG_ECONFIG;
    snprintf(e->text, sizeof e->text, "\"%.*s\" %s%s", width(value), value.len ? value.ptr : "", is,
             rest);
    return CMG_ECONFIG;
}

static enum cmg_rc no_memory(struct cmg_error *e)
{
    e->rc = CMG_ENOMEM;
    snprintf(e->text, sizeof e->text, "out of memory");
    return CMG_ENOMEM;
}

/* The next word of "a|b|c"; false behind the last. */
static bool next_word(cmg_str *rest, cmg_str *ret)
{
    if (!rest->ptr)
        return false;
    size_t bar = cmg_str_chr(*rest, '|');
    *ret = cmg_str_head(*rest, bar == CMG_STR_NPOS ? rest->len : bar);
    *rest = bar == CMG_STR_NPOS ? (cmg_str){NULL, 0} : cmg_str_from(*rest, bar + 1);
    return true;
}

static enum cmg_rc read_choice(const struct cmg_opt_row *row, cmg_str value,
                               struct cmg_setting *ret, struct cmg_error *e)
{
    cmg_str words = cmg_str_c(row->arg), word;
    for (uint64_t i = 0; next_word(&words, &word); i++)
        if (cmg_str_eq(word, value)) {
            ret->number = i;
            return CMG_OK;
        }
    return refuse(e, value, "is none of ", row->arg);
}

static unsigned unit_shift(cmg_str *s)
{
    static const struct {
        char letter;
        unsigned shift;
    } units[] = {{'k', 10}, {'m', 20}, {'g', 30}};
    for (size_t i = 0; s->len && i < sizeof units / sizeof *units; i++)
        if (cmg_lower(s->ptr[s->len - 1]) == units[i].letter) {
            s->len--;
            return units[i].shift;
        }
    return 0;
}

/* Digits, and a unit when `units`. Twelve digits are enough for every option and cannot overflow.
 */
static bool read_number(cmg_str s, bool units, uint64_t *ret)
{
    unsigned shift = units ? unit_shift(&s) : 0;
    uint64_t n = 0;
    if (s.len < 1 || s.len > 12)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (!cmg_is_digit(s.ptr[i]))
            return false;
        n = 10 * n + (uint64_t)(s.ptr[i] - '0');
    }
    *ret = n << shift;
    return true;
}

static enum cmg_rc read_range(const struct cmg_opt_row *row, cmg_str value, bool units,
                              uint64_t *ret, struct cmg_error *e)
{
    uint64_t n;
    char range[120];
    if (read_number(value, units, &n) && n >= row->least && n <= row->most) {
        *ret = n;
        return CMG_OK;
    }
    snprintf(range, sizeof range, "%llu to %llu%s", (unsigned long long)row->least,
             (unsigned long long)row->most, units ? "; k, M and G may follow" : "");
    return refuse(e, value, "is not a number from ", range);
}

/* 1 yes, 0 no, -1 neither. */
static int read_yes(cmg_str s)
{
    static const char *const yes[] = {"yes", "true", "on", "1"}, *const no[] = {"no", "false",
                                                                                "off", "0"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        if (cmg_str_ieq(s, cmg_str_c(yes[i])))
            return 1;
        if (cmg_str_ieq(s, cmg_str_c(no[i])))
            return 0;
    }
    return -1;
}

static enum cmg_rc read_flag(cmg_str value, struct cmg_setting *ret, struct cmg_error *e)
{
    int yes = read_yes(value);
    if (yes < 0)
        return refuse(e, value, "is neither yes nor no", "");
    ret->on = yes;
    return CMG_OK;
}

/* "1" is a second here, not a yes. */
static enum cmg_rc read_interval(const struct cmg_opt_row *row, cmg_str value,
                                 struct cmg_setting *ret, struct cmg_error *e)
{
    int yes = value.len == 1 && value.ptr[0] == '1' ? -1 : read_yes(value);
    ret->number = 0;
    ret->on = yes != 0;
    return yes >= 0 ? CMG_OK : read_range(row, value, false, &ret->number, e);
}

static enum cmg_rc read_decoder(cmg_str value, struct cmg_error *e)
{
    if (cmg_decoder_find(value))
        return CMG_OK;
    char names[160] = "";
    size_t at = 0;
    for (size_t i = 0; cmg_decoders[i] && at < sizeof names; i++)
        at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", i ? ", " : "",
                               cmg_decoders[i]->name);
    return refuse(e, value, "is no decoder; there are ", names);
}

/* What the kind makes of the text. */
static enum cmg_rc interpret(const struct cmg_opt_row *row, cmg_str value, struct cmg_setting *ret,
                             struct cmg_error *e)
{
    switch (row->kind) {
    case CMG_KIND_FLAG:
        return read_flag(value, ret, e);
    case CMG_KIND_INTERVAL:
        return read_interval(row, value, ret, e);
    case CMG_KIND_CHOICE:
        return read_choice(row, value, ret, e);
    case CMG_KIND_NUMBER:
        return read_range(row, value, true, &ret->number, e);
    case CMG_KIND_SECONDS:
        return read_range(row, value, false, &ret->number, e);
    case CMG_KIND_DECODER:
        return read_decoder(value, e);
    case CMG_KIND_TIMEZONE:
        if (!cmg_tz_check(value))
            return refuse(
                e, value, "is no time zone: ",
                "write UTC, local, +02:00, or a name such as Europe/Paris (which needs tzdata)");
        return CMG_OK;
    case CMG_KIND_TEXT:
    case CMG_KIND_LIST:
    case CMG_KIND_PROPERTY:
        break;
    }
    return value.len ? CMG_OK : refuse(e, value, "says nothing; leave the option out instead", "");
}

static void clear(struct cmg_setting *at)
{
    for (size_t i = 0; i < at->values; i++)
        free(at->value[i]);
    free(at->value);
    at->value = NULL;
    at->values = 0;
}

static enum cmg_rc keep(struct cmg_setting *at, cmg_str value, struct cmg_error *e)
{
    if (at->values == CMG_OPT_LIST_MAX)
        return refuse(e, value, "is one too many; 256 are the most", "");
    char *copy = cmg_str_dup(value);
    char **more = copy ? realloc(at->value, (at->values + 1) * sizeof *more) : NULL;
    if (!more) {
        free(copy);
        return no_memory(e);
    }
    at->value = more;
    at->value[at->values++] = copy;
    return CMG_OK;
}

/* NAME=VALUE goes to a list of its own. */
static enum cmg_rc set_property(struct cmg_settings *s, cmg_str value, enum cmg_source from,
                                struct cmg_error *e)
{
    size_t equals = cmg_str_chr(value, '=');
    s->at[CMG_OPT_PROPERTY].source = from;
    if (cmg_str_eq(value, CMG_LIT("list"))) {
        s->kafka_list = true;
        return CMG_OK;
    }
    if (cmg_str_eq(value, CMG_LIT("dump"))) {
        s->kafka_dump = true;
        return CMG_OK;
    }
    if (equals == CMG_STR_NPOS || !equals)
        return refuse(e, value, "is not NAME=VALUE, and neither list nor dump", "");
    enum cmg_rc rc =
        cmg_settings_kafka(s, cmg_str_head(value, equals), cmg_str_from(value, equals + 1),
                           cmg_kafka_rank(from, false), e);
    return rc == CMG_AGAIN ? CMG_ECONFIG : rc;
}

enum cmg_rc cmg_settings_set(struct cmg_settings *s, enum cmg_opt id, cmg_str value,
                             enum cmg_source from, struct cmg_error *reterr)
{
    const struct cmg_opt_row *row = &cmg_opt_rows[id];
    struct cmg_setting read = s->at[id];
    if (value.len > CMG_OPT_VALUE_MAX || cmg_str_chr(value, '\0') != CMG_STR_NPOS)
        return refuse(reterr, value, "and what follows is too long, or holds a NUL", "");
    if (row->kind == CMG_KIND_PROPERTY)
        return set_property(s, value, from, reterr);
    enum cmg_rc rc = interpret(row, value, &read, reterr);
    if (rc != CMG_OK || s->at[id].source > from)
        return rc;
    if (row->kind != CMG_KIND_LIST || from > s->at[id].source)
        clear(&s->at[id]);
    read.value = s->at[id].value;
    read.values = s->at[id].values;
    read.source = from;
    rc = keep(&read, value, reterr);
    s->at[id] = read;
    return rc;
}

enum cmg_rc cmg_settings_init(struct cmg_settings *s)
{
    struct cmg_error e;
    memset(s, 0, sizeof *s);
    for (size_t i = 0; i < CMG_OPTS; i++) {
        if (!cmg_opt_rows[i].value)
            continue;
        enum cmg_rc rc = cmg_settings_set(s, (enum cmg_opt)i, cmg_str_c(cmg_opt_rows[i].value),
                                          CMG_FROM_DEFAULT, &e);
        if (rc != CMG_OK)
            return rc;
    }
    return CMG_OK;
}

void cmg_settings_done(struct cmg_settings *s)
{
    for (size_t i = 0; i < CMG_OPTS; i++)
        clear(&s->at[i]);
    for (size_t i = 0; i < s->n_kafka; i++) {
        free(s->kafka[i].name);
        free(s->kafka[i].value);
    }
    free(s->kafka);
    s->kafka = NULL;
    s->n_kafka = 0;
    free(s->args_room);
    s->args_room = NULL;
}

const char *const *cmg_inputs_of(const struct cmg_settings *s, size_t *ret_n)
{
    const struct cmg_setting *at = &s->at[CMG_OPT_INPUT];
    *ret_n = s->n_args ? s->n_args : at->values;
    return s->n_args ? s->args : (const char *const *)at->value;
}

bool cmg_listens(const struct cmg_settings *s)
{
    size_t n;
    const char *const *input = cmg_inputs_of(s, &n);
    if (s->n_args)
        return false; /* a file may have any name */
    for (size_t i = 0; i < n; i++) {
        cmg_str name = cmg_str_c(input[i]);
        if (cmg_str_eq(name, CMG_LIT("stdin:")) || cmg_str_starts(name, CMG_LIT("file:")) ||
            cmg_str_find(name, CMG_LIT("://")) != CMG_STR_NPOS)
            return true;
    }
    return false;
}

/* ---- command line -------------------------------------------------------------------------- */

struct line {
    struct cmg_settings *s;
    char *const *argv;
    int argc, at;
    cmg_fault_fn *fault;
    void *user;
    enum cmg_rc rc;
};

static void fault_at(struct line *l, const char *option, struct cmg_error *e)
{
    struct cmg_error full = {.rc = e->rc == CMG_OK ? CMG_ECONFIG : e->rc};
    /* "-Xsasl.password=..." is not repeated on a screen. */
    int shown = strncmp(option, "-X", 2) == 0             ? 2
                : strncmp(option, "--property=", 11) == 0 ? 10
                                                          : 60;
    snprintf(full.text, sizeof full.text, "%.*s: %.170s", shown, option, e->text);
    l->fault(l->user, &full);
    l->rc = full.rc;
}

static void store(struct line *l, const struct cmg_opt_row *row, const char *spelling,
                  cmg_str value)
{
    struct cmg_error e = {.rc = CMG_OK};
    if (cmg_settings_set(l->s, (enum cmg_opt)(row - cmg_opt_rows), value, CMG_FROM_COMMAND_LINE,
                         &e) != CMG_OK)
        fault_at(l, spelling, &e);
}

/* `attached` is what stands behind "=" or the letter; its ptr is NULL when there is nothing. */
static void take(struct line *l, const struct cmg_opt_row *row, const char *spelling,
                 cmg_str attached)
{
    if (attached.ptr) {
        store(l, row, spelling, attached);
    } else if (!cmg_opt_wants_value(row)) {
        store(l, row, spelling, CMG_LIT("yes"));
    } else if (l->at + 1 < l->argc) {
        store(l, row, spelling, cmg_str_c(l->argv[++l->at]));
    } else {
        struct cmg_error e = {.rc = CMG_ECONFIG};
        snprintf(e.text, sizeof e.text, "needs a value: %s", row->arg);
        fault_at(l, spelling, &e);
    }
}

static const struct cmg_opt_row *find_long(cmg_str name)
{
    for (size_t i = 0; i < CMG_OPTS; i++)
        if (cmg_str_eq(name, cmg_str_c(cmg_opt_rows[i].name)))
            return &cmg_opt_rows[i];
    return NULL;
}

const struct cmg_opt_row *cmg_opt_find(cmg_str name, const char **ret_near)
{
    size_t best = CMG_SUGGEST_MAX;
    *ret_near = NULL;
    for (size_t i = 0; i < CMG_OPTS; i++) {
        size_t d = cmg_distance(name, cmg_str_c(cmg_opt_rows[i].name));
        if (d < best && cmg_is_near(d, name.len)) {
            best = d;
            *ret_near = cmg_opt_rows[i].name;
        }
    }
    return find_long(name);
}

static void unknown(struct line *l, const char *spelling, const char *near)
{
    struct cmg_error e = {.rc = CMG_ECONFIG};
    snprintf(e.text, sizeof e.text, "unknown option%s%s%s", near ? "; did you mean --" : "",
             near ? near : "", near ? "?" : "");
    fault_at(l, spelling, &e);
}

static void take_long(struct line *l, const char *arg)
{
    cmg_str text = cmg_str_c(arg + 2), name = text, attached = {NULL, 0};
    size_t equals = cmg_str_chr(text, '=');
    if (equals != CMG_STR_NPOS) {
        name = cmg_str_head(text, equals);
        attached = cmg_str_from(text, equals + 1);
    }
    const char *near;
    const struct cmg_opt_row *row = cmg_opt_find(name, &near);
    const struct cmg_opt_row *off =
        cmg_str_starts(name, CMG_LIT("no-")) ? find_long(cmg_str_from(name, 3)) : NULL;
    if (row)
        take(l, row, arg, attached);
    else if (off && !cmg_opt_wants_value(off) && off->where == CMG_WHERE_ALL && !attached.ptr)
        store(l, off, arg, CMG_LIT("no"));
    else
        unknown(l, arg, near);
}

static const struct cmg_opt_row *find_letter(char letter)
{
    for (size_t i = 0; i < CMG_OPTS; i++)
        if (cmg_opt_rows[i].letter && cmg_opt_rows[i].letter == letter)
            return &cmg_opt_rows[i];
    return NULL;
}

/* "-o text", "-otext", "-jV". */
static void take_letters(struct line *l, const char *arg)
{
    for (const char *p = arg + 1; *p; p++) {
        const struct cmg_opt_row *row = find_letter(*p);
        if (!row) {
            unknown(l, arg, NULL);
            return;
        }
        bool eats = cmg_opt_wants_value(row);
        take(l, row, arg, eats && p[1] ? cmg_str_c(p + 1) : (cmg_str){NULL, 0});
        if (eats)
            return;
    }
}

static bool is_command(struct cmg_settings *s, const char *word)
{
    for (int i = CMG_RUN + 1; i < CMG_COMMANDS; i++)
        if (strcmp(word, cmg_command_names[i]) == 0) {
            s->command = (enum cmg_command)i;
            return true;
        }
    return false;
}

/* explain -2147012721: codes are written with a sign, and no option is a digit. */
static bool is_code(const struct line *l, const char *arg)
{
    return l->s->command == CMG_EXPLAIN && cmg_is_digit(arg[1]);
}

/* Options may stand anywhere before "--"; the first operand there may be a command. */
static void take_all(struct line *l)
{
    bool options = true;
    for (bool first = true; l->at < l->argc; l->at++) {
        const char *arg = l->argv[l->at];
        if (options && strcmp(arg, "--") == 0) {
            options = false;
        } else if (options && arg[0] == '-' && arg[1] == '-') {
            take_long(l, arg);
        } else if (options && arg[0] == '-' && arg[1] && !is_code(l, arg)) {
            take_letters(l, arg);
        } else {
            if (!first || !options || !is_command(l->s, arg))
                l->s->args_room[l->s->n_args++] = arg;
            first = false;
        }
    }
}

enum cmg_rc cmg_settings_argv(struct cmg_settings *s, int argc, char *const *argv,
                              cmg_fault_fn *fault, void *user)
{
    struct line l = {s, argv, argc, 1, fault, user, CMG_OK};
    s->args_room = calloc((size_t)argc + 1, sizeof *s->args_room);
    if (!s->args_room) {
        struct cmg_error e = {.rc = CMG_OK};
        no_memory(&e);
        fault(user, &e);
        return CMG_ENOMEM;
    }
    take_all(&l);
    s->args = s->args_room;
    return l.rc;
}

/* ---- environment --------------------------------------------------------------------------- */

void cmg_env_name(const struct cmg_opt_row *row, char ret[CMG_ENV_NAME_MAX])
{
    snprintf(ret, CMG_ENV_NAME_MAX, "CMGPIPE_%s", row->name);
    for (char *p = ret + 8; *p; p++)
        *p = (char)(*p == '-' ? '_' : *p >= 'a' && *p <= 'z' ? *p - 32 : *p);
}

static const struct cmg_opt_row *find_variable(cmg_str name, char ret_near[CMG_ENV_NAME_MAX])
{
    const struct cmg_opt_row *found = NULL;
    size_t best = CMG_SUGGEST_MAX;
    ret_near[0] = '\0';
    for (size_t i = 0; i < CMG_OPTS; i++) {
        char own[CMG_ENV_NAME_MAX];
        cmg_env_name(&cmg_opt_rows[i], own);
        size_t d =
            cmg_opt_rows[i].where == CMG_WHERE_LINE ? best : cmg_distance(name, cmg_str_c(own));
        if (d < best && d <= 2) {
            best = d;
            memcpy(ret_near, own, sizeof own);
            found = &cmg_opt_rows[i];
        }
    }
    return cmg_str_eq(name, cmg_str_c(ret_near)) ? found : NULL;
}

/* A list is separated by commas here: there is only one variable. */
static enum cmg_rc set_variable(struct cmg_settings *s, const struct cmg_opt_row *row,
                                cmg_str value, struct cmg_error *e)
{
    enum cmg_opt id = (enum cmg_opt)(row - cmg_opt_rows);
    enum cmg_rc rc = CMG_OK;
    while (rc == CMG_OK && value.len) {
        size_t comma = row->kind == CMG_KIND_LIST ? cmg_str_chr(value, ',') : CMG_STR_NPOS;
        cmg_str one = comma == CMG_STR_NPOS ? value : cmg_str_head(value, comma);
        value = comma == CMG_STR_NPOS ? (cmg_str){NULL, 0} : cmg_str_from(value, comma + 1);
        rc = cmg_settings_set(s, id, cmg_str_trim(one), CMG_FROM_ENVIRONMENT, e);
    }
    return rc;
}

/* CMGPIPE_KAFKA_SASL_USERNAME is the property sasl.username. */
static enum cmg_rc set_kafka_variable(struct cmg_settings *s, cmg_str name, cmg_str value,
                                      struct cmg_error *e)
{
    char property[CMG_ENV_NAME_MAX];
    if (name.len >= sizeof property)
        return CMG_AGAIN;
    for (size_t i = 0; i < name.len; i++)
        property[i] = (char)(name.ptr[i] == '_' ? '.' : cmg_lower(name.ptr[i]));
    return cmg_settings_kafka(s, cmg_str_of(property, name.len), value,
                              cmg_kafka_rank(CMG_FROM_ENVIRONMENT, false), e);
}

/* A variable that is nearly one of ours is a warning and no fault: orchestrators set CMGPIPE_PORT
 * and the like for a service that happens to be called cmgpipe. */
static enum cmg_rc take_variable(struct cmg_settings *s, cmg_str name, cmg_str value,
                                 cmg_fault_fn *fault, void *user)
{
    struct cmg_error e = {.rc = CMG_OK};
    char near[CMG_ENV_NAME_MAX];
    const struct cmg_opt_row *row = find_variable(name, near);
    bool kafka = !row && cmg_str_starts(name, CMG_LIT("CMGPIPE_KAFKA_"));
    enum cmg_rc rc = row     ? set_variable(s, row, value, &e)
                     : kafka ? set_kafka_variable(s, cmg_str_from(name, 14), value, &e)
                             : CMG_OK;
    if (rc == CMG_AGAIN) /* orchestrators invent variables for a service of that name, too */
        rc = CMG_OK;
    snprintf(e.source, sizeof e.source, "%.*s", width(name), name.ptr);
    if (!row && !kafka && near[0])
        snprintf(e.text, sizeof e.text, "not a variable of cmgpipe; did you mean %s?", near);
    if (e.text[0])
        fault(user, &e);
    return rc;
}

enum cmg_rc cmg_settings_environment(struct cmg_settings *s, char *const *environment,
                                     cmg_fault_fn *fault, void *user)
{
    enum cmg_rc rc = CMG_OK;
    for (; *environment; environment++) {
        cmg_str pair = cmg_str_c(*environment);
        size_t equals = cmg_str_chr(pair, '=');
        if (equals == CMG_STR_NPOS || !cmg_str_starts(pair, CMG_LIT("CMGPIPE_")))
            continue;
        enum cmg_rc one = take_variable(s, cmg_str_head(pair, equals),
                                        cmg_str_from(pair, equals + 1), fault, user);
        rc = one == CMG_OK ? rc : one;
    }
    return rc;
}
