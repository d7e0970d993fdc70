/* SPDX-License-Identifier: Apache-2.0
 * cmgpipe list: what this build knows, as a table or as JSON. */
#include "cli/commands.h"
#include "cli/log.h"
#include "cli/term.h"
#include "cli/words.h"
#include "core/json.h"
#include "decoders/decoder.h"

#include <stdio.h>
#include <unistd.h>

struct list {
    const struct cmg_catalog *catalog;
    enum cmg_lang lang;
    struct cmg_page page;
    bool json, any;
};

/* One value of a row; `many` makes it an array. Widths are those of the table for people: a column
 * of width 0 is in the JSON only, but the last one takes the rest of the line. */
struct cell {
    const char *name;
    cmg_str value;
    int width;
    const struct cmg_strs *many;
};

/* ---- rows ---------------------------------------------------------------------------------- */

static void put_json(struct list *l, cmg_str s)
{
    l->page.failed |= cmg_json_add(&l->page.out, s) != CMG_OK;
}

static void put_array(struct list *l, const struct cmg_strs *many)
{
    cmg_page_add(&l->page, "[");
    for (size_t i = 0; i < many->n; i++) {
        cmg_page_add(&l->page, i ? "," : "");
        put_json(l, many->at[i]);
    }
    cmg_page_add(&l->page, "]");
}

static void put_object(struct list *l, const struct cell *cells, size_t n)
{
    cmg_page_add(&l->page, l->any ? ",\n{" : "[\n{");
    for (size_t i = 0; i < n; i++) {
        cmg_page_add(&l->page, i ? "," : "");
        put_json(l, cmg_str_c(cells[i].name));
        cmg_page_add(&l->page, ":");
        if (cells[i].many)
            put_array(l, cells[i].many);
        else
            put_json(l, cells[i].value);
    }
    cmg_page_add(&l->page, "}");
}

static void put_line(struct list *l, const struct cell *cells, size_t n)
{
    char first[200];
    size_t at = 0;
    for (size_t i = 0; i + 1 < n && at < sizeof first; i++)
        if (cells[i].width)
            at += (size_t)snprintf(first + at, sizeof first - at, "%-*.*s  ", cells[i].width,
                                   (int)(cells[i].value.len < 100 ? cells[i].value.len : 100),
                                   cells[i].value.len ? cells[i].value.ptr : "");
    cmg_page_wrap(&l->page, first, 0, cells[n - 1].value);
}

static void row(struct list *l, const struct cell *cells, size_t n)
{
    if (l->json)
        put_object(l, cells, n);
    else
        put_line(l, cells, n);
    l->any = true;
}

#define ROW(l, ...)                                                                                \
    row((l), (const struct cell[]){__VA_ARGS__},                                                   \
        sizeof((const struct cell[]){__VA_ARGS__}) / sizeof(struct cell))

/* ---- lists --------------------------------------------------------------------------------- */

static void list_decoders(struct list *l)
{
    for (size_t i = 0; cmg_decoders[i]; i++)
        ROW(l, {"name", cmg_str_c(cmg_decoders[i]->name), 14, NULL},
            {"summary", cmg_str_c(cmg_decoders[i]->summary), 0, NULL});
}

static void list_classes(struct list *l)
{
    for (size_t i = 0; i < l->catalog->entries; i++) {
        const struct cmg_entry *e = &l->catalog->entry[i];
        cmg_str ids[CMG_REMEDIES_MAX];
        struct cmg_strs many = {ids, e->remedies};
        for (size_t k = 0; k < e->remedies; k++)
            ids[k] = e->remedy[k]->id;
        ROW(l, {"id", e->id, 8, NULL}, {"slug", e->slug, 40, NULL}, {"family", e->family, 0, NULL},
            {"severity", cmg_str_c(cmg_word_of_level(e->severity)), 0, NULL},
            {"scope", cmg_str_c(cmg_word_of_scope(e->scope)), 11, NULL},
            {"remediations", {NULL, 0}, 0, &many}, {"title", e->title.in[l->lang], 0, NULL});
    }
}

static void list_remediations(struct list *l)
{
    for (size_t i = 0; i < l->catalog->remedies; i++) {
        const struct cmg_remedy *r = &l->catalog->remedy[i];
        ROW(l, {"id", r->id, 32, NULL}, {"owner", r->owner, 10, NULL},
            {"title", r->title.in[l->lang], 0, NULL});
    }
}

static void list_codes(struct list *l)
{
    for (size_t i = 0; i < l->catalog->codes; i++) {
        const struct cmg_code *c = &l->catalog->code[i];
        char spelling[CMG_SPELLING_MAX];
        cmg_code_spell(c->table, c->value, spelling);
        ROW(l, {"table", cmg_str_c(cmg_word_of_table(c->table)), 7, NULL},
            {"code", cmg_str_c(spelling), 13, NULL}, {"symbol", c->symbol, 44, NULL},
            {"meaning", c->meaning.in[l->lang], 0, NULL});
    }
}

static void field(struct list *l, const char *path, const char *type, const char *owner,
                  const char *text)
{
    ROW(l, {"field", cmg_str_c(path), 32, NULL}, {"type", cmg_str_c(type), 7, NULL},
        {"owner", cmg_str_c(strcmp(owner, "ECS") == 0 ? "ecs" : "cmgpipe"), 7, NULL},
        {"description", cmg_str_c(text), 0, NULL});
}

static void list_fields(struct list *l)
{
#define CONST(path, key, value, owner, text)        field(l, path, "string", #owner, text);
#define WORD(path, key, slice, owner, text)         field(l, path, "string", #owner, text);
#define TEXT(path, key, slice, owner, text)         field(l, path, "string", #owner, text);
#define JOINED(path, key, head, tail, owner, text)  field(l, path, "string", #owner, text);
#define NUMBER(path, key, when, value, owner, text) field(l, path, "integer", #owner, text);
#define WORDS(path, key, at, n, owner, text)        field(l, path, "array", #owner, text);
#define TEXTS(path, key, at, n, owner, text)        field(l, path, "array", #owner, text);
#define PROBLEMS(path, key, bits, owner, text)      field(l, path, "array", #owner, text);
#define PAIRS(path, key, at, n, owner, text)        field(l, path, "object", #owner, text);
#include "schemas/fields.def"
}

int cmg_command_list(const struct cmg_settings *s, const struct cmg_setup *u)
{
    static const struct {
        const char *word;
        void (*list)(struct list *l);
    } lists[] = {{"decoders", list_decoders},
                 {"classes", list_classes},
                 {"remediations", list_remediations},
                 {"fields", list_fields},
                 {"codes", list_codes}};
    struct list l = {
        .catalog = cmg_setup_catalog(u), .lang = u->lang, .json = cmg_is_on(s, CMG_OPT_JSON)};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        if (strcmp(lists[i].word, s->args[0]) != 0)
            continue;
        cmg_page_init(&l.page, STDOUT_FILENO);
        lists[i].list(&l);
        if (l.json)
            cmg_page_add(&l.page, l.any ? "\n]\n" : "[]\n");
        return cmg_show(&l.page);
    }
    struct cmg_error e = {.rc = CMG_ECONFIG};
    snprintf(e.text, sizeof e.text,
             "list %.60s: there are decoders, classes, remediations, fields and codes", s->args[0]);
    cmg_complain(&e);
    return CMG_EXIT_USAGE;
}
