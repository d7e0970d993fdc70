/* SPDX-License-Identifier: Apache-2.0
 * cmgpipe report: the failures of some logs, for people. */
#include "cli/collect.h"
#include "cli/commands.h"
#include "cli/inputs.h"
#include "cli/knowledge.h"
#include "cli/log.h"
#include "cli/reader.h"
#include "core/time.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LABEL_MAX = 160, AGAIN_MAX = 8, URLS_MAX = 3 };

struct report {
    struct cmg_reader reader;
    struct cmg_collection found;
    struct cmg_line_index lines;
    size_t *told; /* of each remediation: the number of the story that spelled it out; 0: none */
    bool no_memory;
};

/* ---- reading ------------------------------------------------------------------------------- */

static bool take(void *user, const struct cmg_record *r)
{
    struct report *rep = user;
    bool wanted = r->finding.role != CMG_ROLE_NONE && r->length;
    uint64_t line =
        wanted && r->offset != UINT64_MAX ? cmg_line_index_find(&rep->lines, r->offset) : 0;
    rep->no_memory = !cmg_collection_add(&rep->found, r, line);
    return !rep->no_memory;
}

static bool index_lines(void *user, cmg_str bytes)
{
    struct report *rep = user;
    rep->no_memory = !cmg_line_index_add(&rep->lines, bytes.ptr, bytes.len);
    return !rep->no_memory;
}

static void read_inputs(struct report *rep, const struct cmg_inputs *in)
{
    cmg_progress_init(&rep->reader.progress, (const char *const *)in->path, in->n);
    for (size_t i = 0; i < in->n; i++) {
        cmg_line_index_reset(&rep->lines);
        if (!cmg_reader_file(&rep->reader, in->path[i]))
            break;
    }
    cmg_progress_clear(&rep->reader.progress);
    rep->reader.count.inputs_failed += in->failed;
}

/* ---- words --------------------------------------------------------------------------------- */

static const char *say(const struct report *rep, enum cmg_phrase id)
{
    return cmg_phrase(id, rep->reader.setup->lang);
}

static void label(const struct report *rep, struct cmg_page *p, enum cmg_phrase id, cmg_str text)
{
    cmg_labelled(p, 3, say(rep, id), text);
}

/* "2026-03-12 07:31:07" */
static size_t put_time(char *out, size_t size, int64_t ns)
{
    struct cmg_civil c;
    cmg_civil_from_ns(ns, &c);
    int n = snprintf(out, size, "%04d-%02d-%02d %02d:%02d:%02d", c.year, c.month, c.day, c.hour,
                     c.minute, c.second);
    return n > 0 ? (size_t)n : 0;
}

static size_t put_times(const struct report *rep, char *out, size_t size, size_t n)
{
    int len = n == 1 ? snprintf(out, size, "%s", say(rep, CMG_SAY_ONCE))
                     : snprintf(out, size, "%zu %s", n, say(rep, CMG_SAY_TIMES));
    return len > 0 ? (size_t)len : 0;
}

/* ", first 2026-... , last ... UTC" */
static void put_span(const struct report *rep, char *out, size_t size, bool dated, int64_t first,
                     int64_t last)
{
    char a[32], b[32];
    put_time(a, sizeof a, first);
    put_time(b, sizeof b, last);
    if (!dated)
        snprintf(out, size, ", %s", say(rep, CMG_SAY_UNDATED));
    else if (strcmp(a, b) == 0)
        snprintf(out, size, ", %s UTC", a);
    else
        snprintf(out, size, ", %s %s, %s %s UTC", say(rep, CMG_SAY_FIRST), a,
                 say(rep, CMG_SAY_LAST), b);
}

/* ---- one story: its head ------------------------------------------------------------------- */

static void show_title(const struct report *rep, struct cmg_page *p, const struct cmg_story *s,
                       size_t number)
{
    enum cmg_lang lang = rep->reader.setup->lang;
    cmg_page_number(p, number);
    cmg_page_add(p, ". ");
    cmg_page_colour(p, cmg_colour_of_level(s->entry->severity),
                    cmg_str_c(cmg_phrase_of_level(s->entry->severity, lang)));
    cmg_page_add(p, "  ");
    cmg_page_colour(p, CMG_BOLD, s->entry->slug);
    cmg_page_add(p, "  ");
    cmg_page_colour(p, CMG_DIM, s->entry->id);
    cmg_page_add(p, "\n");
    cmg_paragraph(p, 3, s->entry->title.in[lang]);
    label(rep, p, CMG_SAY_SCOPE, cmg_str_c(cmg_phrase_of_scope(s->scope, lang)));
}

static void show_seen(const struct report *rep, struct cmg_page *p, const struct cmg_story *s)
{
    char text[LABEL_MAX];
    size_t at = put_times(rep, text, sizeof text, s->incidents);
    if (s->logs > 1)
        at += (size_t)snprintf(text + at, sizeof text - at, " %s %zu %s", say(rep, CMG_SAY_IN),
                               s->logs, say(rep, CMG_SAY_LOGS));
    put_span(rep, text + at, sizeof text - at, s->dated, s->first_ns, s->last_ns);
    label(rep, p, CMG_SAY_SEEN, cmg_str_c(text));
}

static bool is_listed(const char *const *list, size_t n, const char *what)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i], what) == 0)
            return true;
    return false;
}

/* The first different ones; what comes behind them is not counted, only said. */
static void show_urls(const struct report *rep, struct cmg_page *p, const struct cmg_story *s)
{
    const char *shown[URLS_MAX];
    size_t n = 0;
    for (size_t i = s->first; i != SIZE_MAX; i = rep->found.incident[i].next) {
        const char *url = rep->found.incident[i].url;
        if (!url || is_listed(shown, n, url))
            continue;
        if (n == URLS_MAX) {
            label(rep, p, CMG_SAY_URL, CMG_LIT("..."));
            return;
        }
        shown[n++] = url;
        label(rep, p, CMG_SAY_URL, cmg_str_c(url));
    }
}

static cmg_str symbol_of(const struct report *rep, uint32_t code)
{
    const struct cmg_catalog *c = rep->found.catalog;
    static const enum cmg_code_table order[] = {CMG_TABLE_WINHTTP, CMG_TABLE_HRESULT,
                                                CMG_TABLE_BITS};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        const struct cmg_code *row = cmg_catalog_code(c, order[i], code);
        if (row)
            return row->symbol;
    }
    return (cmg_str){NULL, 0};
}

static void show_codes(const struct report *rep, struct cmg_page *p, const struct cmg_incident *i)
{
    char text[LABEL_MAX];
    cmg_str symbol = symbol_of(rep, i->code);
    if (i->code) {
        snprintf(text, sizeof text, "0x%08x %.*s", i->code,
                 (int)(symbol.len < 100 ? symbol.len : 100), symbol.ptr);
        label(rep, p, CMG_SAY_CODE, cmg_str_c(text));
    }
    if (i->status >= 0) {
        snprintf(text, sizeof text, "%d %.100s", i->status, i->status_text ? i->status_text : "");
        label(rep, p, CMG_SAY_STATUS, cmg_str_c(text));
    }
    label(rep, p, CMG_SAY_FACTS, cmg_str_c(i->facts));
}

/* ---- one story: its logs ------------------------------------------------------------------- */

static const char *path_of(const struct report *rep, const struct cmg_incident *i)
{
    const char *path = rep->found.log[i->log].path;
    return path[0] ? path : say(rep, CMG_SAY_STDIN);
}

static size_t put_named(const struct report *rep, char *out, size_t size, const char *before,
                        enum cmg_phrase name, const char *value)
{
    int n =
        value && value[0] ? snprintf(out, size, "%s%s %.100s", before, say(rep, name), value) : 0;
    return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

/* "host cm01, component CcmMessaging, thread 3396: once, 2026-..." */
static void show_log(const struct report *rep, struct cmg_page *p, const struct cmg_incident *i,
                     size_t n, int64_t last)
{
    char text[4 * LABEL_MAX], thread[CMG_NUMBER_SIZE] = "";
    if (i->has_thread)
        cmg_number(thread, i->thread);
    size_t at = put_named(rep, text, sizeof text, "", CMG_SAY_HOST, rep->found.log[i->log].host);
    at += put_named(rep, text + at, sizeof text - at, at ? ", " : "", CMG_SAY_COMPONENT,
                    i->component);
    at += put_named(rep, text + at, sizeof text - at, at ? ", " : "", CMG_SAY_THREAD, thread);
    at += (size_t)snprintf(text + at, sizeof text - at, "%s", at ? ": " : "");
    at += put_times(rep, text + at, sizeof text - at, n);
    put_span(rep, text + at, sizeof text - at, i->dated, i->first_ns, last);
    cmg_page_add(p, "   ");
    cmg_page_colour(p, CMG_CYAN, cmg_str_c(path_of(rep, i)));
    cmg_page_add(p, "\n");
    cmg_paragraph(p, 5, cmg_str_c(text));
}

static void show_evidence(const struct report *rep, struct cmg_page *p,
                          const struct cmg_incident *i)
{
    char first[LABEL_MAX];
    cmg_str path = cmg_str_c(path_of(rep, i));
    size_t slash = path.len;
    while (slash && path.ptr[slash - 1] != '/')
        slash--;
    path = cmg_str_from(path, slash);
    for (size_t k = 0; k < i->evidences; k++) {
        const struct cmg_evidence *e = &i->evidence[k];
        snprintf(first, sizeof first, "     %.100s:%llu: ", path.ptr, (unsigned long long)e->line);
        cmg_page_wrap(p, first, 9, cmg_str_c(e->text));
    }
}

/* The lines at which the further incidents of the same log begin. */
static void show_again(const struct report *rep, struct cmg_page *p, const struct cmg_incident *i)
{
    char text[2 * LABEL_MAX];
    size_t log = i->log, n = 0,
           at = (size_t)snprintf(text, sizeof text, "%s", say(rep, CMG_SAY_AGAIN));
    for (size_t k = i->next; k != SIZE_MAX && rep->found.incident[k].log == log;
         k = rep->found.incident[k].next) {
        const struct cmg_incident *other = &rep->found.incident[k];
        if (other->evidences && n++ < AGAIN_MAX)
            at += (size_t)snprintf(text + at, sizeof text - at, "%s %llu", n > 1 ? "," : "",
                                   (unsigned long long)other->evidence[0].line);
    }
    if (n > AGAIN_MAX)
        snprintf(text + at, sizeof text - at, ", %zu %s", n - AGAIN_MAX, say(rep, CMG_SAY_MORE));
    if (n)
        cmg_paragraph(p, 5, cmg_str_c(text));
}

/* Of each log: where, how often, and the lines of its first incident. */
static void show_logs(const struct report *rep, struct cmg_page *p, const struct cmg_story *s)
{
    const struct cmg_incident *all = rep->found.incident;
    cmg_heading(p, 3, say(rep, CMG_SAY_EVIDENCE));
    for (size_t i = s->first; i != SIZE_MAX;) {
        size_t n = 0, k = i;
        int64_t last = all[i].last_ns;
        for (; k != SIZE_MAX && all[k].log == all[i].log; k = all[k].next, n++)
            last = all[k].last_ns > last ? all[k].last_ns : last;
        show_log(rep, p, &all[i], n, last);
        show_evidence(rep, p, &all[i]);
        show_again(rep, p, &all[i]);
        i = k;
    }
}

/* ---- one story: what is known -------------------------------------------------------------- */

static bool has_cause(const struct cmg_incident *i, const struct cmg_cause *cause)
{
    for (size_t k = 0; k < i->causes; k++)
        if (i->cause[k] == cause)
            return true;
    return false;
}

static bool has_remedy(const struct cmg_incident *i, const struct cmg_remedy *remedy)
{
    for (size_t k = 0; k < i->remedies; k++)
        if (i->remedy[k] == remedy)
            return true;
    return false;
}

/* Does any incident of the story name it? In the order of the catalogue, so that it shows once. */
static bool story_has(const struct report *rep, const struct cmg_story *s,
                      const struct cmg_cause *cause, const struct cmg_remedy *remedy)
{
    for (size_t i = s->first; i != SIZE_MAX; i = rep->found.incident[i].next) {
        const struct cmg_incident *one = &rep->found.incident[i];
        if (cause ? has_cause(one, cause) : has_remedy(one, remedy))
            return true;
    }
    return false;
}

/* Steps that stand further up are not told again. */
static void show_remedy_once(const struct report *rep, struct cmg_page *p, size_t remedy,
                             size_t number)
{
    const struct cmg_remedy *r = &rep->found.catalog->remedy[remedy];
    if (!rep->told[remedy]) {
        rep->told[remedy] = number;
        cmg_show_remedy(p, 5, r, rep->reader.setup->lang);
        return;
    }
    cmg_page_add(p, "     ");
    cmg_page_colour(p, CMG_GREEN, r->id);
    cmg_page_add(p, ": ");
    cmg_page_add(p, say(rep, CMG_SAY_SEE));
    cmg_page_add(p, " ");
    cmg_page_number(p, rep->told[remedy]);
    cmg_page_add(p, "\n");
}

static void show_knowledge(const struct report *rep, struct cmg_page *p, const struct cmg_story *s,
                           size_t number)
{
    const struct cmg_catalog *c = rep->found.catalog;
    enum cmg_lang lang = rep->reader.setup->lang;
    cmg_heading(p, 3, say(rep, CMG_SAY_CAUSE));
    cmg_paragraph(p, 5, s->entry->cause.in[lang]);
    for (size_t i = 0; i < c->causes; i++)
        if (story_has(rep, s, &c->cause[i], NULL))
            cmg_show_cause(p, 5, &c->cause[i], lang);
    cmg_heading(p, 3, say(rep, CMG_SAY_REMEDY));
    for (size_t i = 0; i < c->remedies; i++)
        if (story_has(rep, s, NULL, &c->remedy[i]))
            show_remedy_once(rep, p, i, number);
    if (!s->entry->references.n)
        return;
    cmg_heading(p, 3, say(rep, CMG_SAY_REFERENCES));
    cmg_show_references(p, 5, &s->entry->references);
}

static void show_story(const struct report *rep, struct cmg_page *p, const struct cmg_story *s,
                       size_t number)
{
    cmg_page_add(p, "\n");
    if (!s->entry)
        return;
    show_title(rep, p, s, number);
    show_seen(rep, p, s);
    show_urls(rep, p, s);
    show_codes(rep, p, &rep->found.incident[s->first]);
    show_logs(rep, p, s);
    show_knowledge(rep, p, s, number);
}

/* ---- the page ------------------------------------------------------------------------------ */

static void put_count(const struct report *rep, struct cmg_page *p, const char *before, uint64_t n,
                      enum cmg_phrase what)
{
    cmg_page_add(p, before);
    cmg_page_number(p, n);
    cmg_page_add(p, " ");
    cmg_page_add(p, say(rep, what));
}

static void show_summary(const struct report *rep, struct cmg_page *p)
{
    const struct cmg_counters *c = &rep->reader.count;
    uint64_t logs = c->inputs - (c->inputs_failed < c->inputs ? c->inputs_failed : c->inputs);
    size_t stories = rep->found.stories;
    put_count(rep, p, "", logs, logs == 1 ? CMG_SAY_LOG : CMG_SAY_LOGS);
    put_count(rep, p, ", ", c->in.records, CMG_SAY_RECORDS);
    if (c->in.undecoded)
        put_count(rep, p, " (", c->in.undecoded, CMG_SAY_UNDECODED);
    cmg_page_add(p, c->in.undecoded ? ")" : "");
    if (c->inputs_failed)
        put_count(rep, p, ", ", c->inputs_failed, CMG_SAY_UNREAD);
    if (stories)
        put_count(rep, p, ", ", stories, stories == 1 ? CMG_SAY_FAILURE : CMG_SAY_FAILURES);
    cmg_page_add(p, "\n");
    if (!stories)
        cmg_page_wrap(p, "", 0,
                      cmg_str_c(say(rep, c->in.records ? CMG_SAY_NOTHING : CMG_SAY_NO_RECORDS)));
}

static int show_report(struct report *rep)
{
    struct cmg_page p;
    cmg_page_init(&p, STDOUT_FILENO);
    show_summary(rep, &p);
    for (size_t i = 0; i < rep->found.stories; i++)
        show_story(rep, &p, &rep->found.story[i], i + 1);
    if (rep->found.left_out) {
        put_count(rep, &p, "\n", rep->found.left_out, CMG_SAY_LEFT_OUT);
        cmg_page_add(&p, "\n");
    }
    return cmg_show(&p);
}

static int conclude(struct report *rep, bool strict)
{
    const struct cmg_counters *c = &rep->reader.count;
    if (rep->no_memory || !cmg_collection_group(&rep->found)) {
        cmg_log(CMG_LOG_ERROR, "cannot make the report", "error", "out of memory", NULL);
        return CMG_EXIT_IO;
    }
    int status = show_report(rep);
    if (rep->reader.stats.on)
        cmg_stats_write(&rep->reader.stats, c);
    if (status != CMG_EXIT_OK || c->inputs_failed)
        return CMG_EXIT_IO;
    return strict && c->in.undecoded ? CMG_EXIT_UNDECODED : CMG_EXIT_OK;
}

int cmg_command_report(const struct cmg_settings *s, const struct cmg_setup *u)
{
    struct report rep = {.no_memory = false};
    struct cmg_inputs in = {.n = 0};
    cmg_reader_init(&rep.reader, u, s);
    rep.reader.record = take;
    rep.reader.bytes = index_lines;
    rep.reader.user = &rep;
    rep.told = calloc(cmg_setup_catalog(u)->remedies + 1, sizeof *rep.told);
    rep.no_memory = !cmg_collection_init(&rep.found, cmg_setup_catalog(u)) || !rep.told;
    for (size_t i = 0; i < s->n_args && !rep.no_memory; i++)
        rep.no_memory = !cmg_inputs_add(&in, s->args[i]);
    if (!rep.no_memory)
        read_inputs(&rep, &in);
    int status = conclude(&rep, cmg_is_on(s, CMG_OPT_STRICT));
    cmg_collection_done(&rep.found);
    cmg_line_index_done(&rep.lines);
    cmg_inputs_done(&in);
    free(rep.told);
    return status;
}
