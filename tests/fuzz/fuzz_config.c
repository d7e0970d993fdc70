/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a configuration file: every fault names a line of it, and what was accepted, written
 * out again with every value in quotes, is accepted again and means the same. */
#include "cli/options.h"
#include "core/buf.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

struct told {
    int lines;
    unsigned faults;
};

static void count(void *user, const struct cmg_error *fault)
{
    struct told *t = user;
    must(fault->line >= 1 && fault->line <= t->lines);
    must(fault->text[0] && strcmp(fault->source, "fuzz.conf") == 0);
    t->faults++;
}

static int lines_of(cmg_str text)
{
    int n = 1;
    for (size_t i = 0; i < text.len; i++)
        n += text.ptr[i] == '\n';
    return n;
}

static void read_into(struct cmg_settings *s, cmg_str text, bool clean)
{
    struct told t = {lines_of(text), 0};
    must(cmg_settings_init(s) == CMG_OK);
    enum cmg_rc rc = cmg_settings_config(s, "fuzz.conf", text, count, &t);
    must((rc == CMG_OK) == (t.faults == 0));
    must(!clean || !t.faults);
}

static void add(struct cmg_buf *out, cmg_str s)
{
    must(cmg_buf_add(out, s) == CMG_OK);
}

/* A value is as long as its line lets it be, escapes included; longer ones are left out. */
static bool fits(const char *value)
{
    size_t n = 2;
    for (; *value; value++)
        n += *value == '"' || *value == '\\' ? 2 : 1;
    return n <= CMG_OPT_VALUE_MAX;
}

static void write_quoted(struct cmg_buf *out, const char *name, const char *value)
{
    add(out, cmg_str_c(name));
    add(out, CMG_LIT(" = \""));
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            add(out, CMG_LIT("\\"));
        add(out, cmg_str_of(value, 1));
    }
    add(out, CMG_LIT("\"\n"));
}

/* False: a value does not fit. */
static bool write_all(struct cmg_buf *out, const struct cmg_settings *s)
{
    for (size_t i = 0; i < CMG_OPTS; i++)
        for (size_t k = 0; s->at[i].source == CMG_FROM_FILE && k < s->at[i].values; k++) {
            if (!fits(s->at[i].value[k]))
                return false;
            write_quoted(out, cmg_opt_rows[i].name, s->at[i].value[k]);
        }
    return true;
}

static void must_be_same(const struct cmg_setting *a, const struct cmg_setting *b)
{
    must(a->on == b->on && a->number == b->number && a->values == b->values);
    for (size_t k = 0; k < a->values; k++)
        must(strcmp(a->value[k], b->value[k]) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cmg_settings first, again;
    struct cmg_buf out = cmg_buf_init((size_t)16 << 20);
    read_into(&first, cmg_str_of((const char *)data, size), false);
    if (write_all(&out, &first)) {
        read_into(&again, cmg_buf_str(&out), true);
        for (size_t i = 0; i < CMG_OPTS; i++)
            must_be_same(&first.at[i], &again.at[i]);
        cmg_settings_done(&again);
    }
    cmg_settings_done(&first);
    cmg_buf_done(&out);
    return 0;
}
