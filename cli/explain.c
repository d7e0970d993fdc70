/* SPDX-License-Identifier: Apache-2.0
 * cmgpipe explain: the catalogue at the prompt. A word may mean several things (403 is an HTTP
 * status and a Win32 number): all that is known of it is shown. */
#include "cli/commands.h"
#include "cli/knowledge.h"
#include "cli/log.h"
#include "cli/words.h"
#include "enrich/codes.h"

#include <stdio.h>
#include <unistd.h>

enum { TEXT_MAX = 400, IN_FULL_MAX = 2 };

struct explain {
    const struct cmg_catalog *catalog;
    enum cmg_lang lang;
    struct cmg_page page;
    size_t shown; /* things that the word turned out to mean */
};

static const char *say(const struct explain *x, enum cmg_phrase id)
{
    return cmg_phrase(id, x->lang);
}

static void begin(struct explain *x)
{
    if (x->shown++ || x->page.out.len)
        cmg_page_add(&x->page, "\n");
}

static void title(struct explain *x, cmg_str name, cmg_str what)
{
    begin(x);
    cmg_page_colour(&x->page, CMG_BOLD, name);
    if (what.len)
        cmg_page_add(&x->page, "  ");
    cmg_page_colour(&x->page, CMG_DIM, what);
    cmg_page_add(&x->page, "\n");
}

/* ---- classes ------------------------------------------------------------------------------- */

/* A piece of what a rule asks for. */
static size_t put_condition(char *out, size_t size, size_t at, const char *before, cmg_str what,
                            const char *after)
{
    if (at >= size)
        return at;
    int n = snprintf(out + at, size - at, "%s%s%.*s%s", at ? ", " : "", before,
                     (int)(what.len < 160 ? what.len : 160), what.len ? what.ptr : "", after);
    return n > 0 ? at + (size_t)n : at;
}

static size_t put_number(char *out, size_t size, size_t at, const char *before, const char *form,
                         uint32_t n)
{
    char text[16];
    snprintf(text, sizeof text, form[0] == 'x' ? "0x%08x" : "%u", n);
    return put_condition(out, size, at, before, cmg_str_c(text), "");
}

/* "Schannel 36884", the data of an event, its level. */
static size_t put_event(char *out, size_t size, const struct cmg_rule *r)
{
    size_t at = 0;
    char id[16] = "";
    if (r->event)
        snprintf(id, sizeof id, " %u", r->event);
    if (r->provider.len)
        at = put_condition(out, size, at, "", r->provider, id);
    if (r->data.len)
        at = put_condition(out, size, at, "", r->data, "");
    if (r->level)
        at = put_condition(out, size, at, "", cmg_str_c(cmg_word_of_level(r->level)), "");
    return at;
}

static void show_rule(struct explain *x, const struct cmg_rule *r)
{
    char text[TEXT_MAX] = "";
    size_t at = put_event(text, sizeof text, r);
    for (size_t i = 0; i < r->tokens; i++)
        at = put_condition(text, sizeof text, at, "\"", x->catalog->token[r->token[i]], "\"");
    for (size_t i = 0; i < r->absents; i++)
        at = put_condition(text, sizeof text, at, "not \"", x->catalog->token[r->absent[i]], "\"");
    if (r->status_text.len)
        at = put_condition(text, sizeof text, at, "", r->status_text, "");
    if (r->status >= 0)
        at = put_number(text, sizeof text, at, "status ", "u", (uint32_t)r->status);
    if (r->substatus >= 0)
        at = put_number(text, sizeof text, at, "substatus ", "u", (uint32_t)r->substatus);
    if (r->code)
        at = put_number(text, sizeof text, at, "", "x", r->code);
    if (at && r->role >= CMG_ROLE_CANDIDATE)
        cmg_page_wrap(&x->page, "     ", 7, cmg_str_c(text));
}

static void show_class(struct explain *x, const struct cmg_entry *e)
{
    char scope[TEXT_MAX];
    title(x, e->slug, e->id);
    cmg_paragraph(&x->page, 3, e->title.in[x->lang]);
    cmg_labelled(&x->page, 3, say(x, CMG_SAY_SEVERITY), cmg_str_c(cmg_word_of_level(e->severity)));
    snprintf(scope, sizeof scope, "%s",
             e->scope == CMG_SCOPE_UNKNOWN ? say(x, CMG_SAY_SCOPE_EVIDENCE)
                                           : cmg_phrase_of_scope(e->scope, x->lang));
    cmg_labelled(&x->page, 3, say(x, CMG_SAY_SCOPE), cmg_str_c(scope));
    cmg_labelled(&x->page, 3, say(x, CMG_SAY_FAMILY), e->family);
    cmg_labelled(&x->page, 3, say(x, CMG_SAY_CONFIDENCE),
                 cmg_str_c(cmg_word_of_confidence(e->confidence)));
    cmg_heading(&x->page, 3, say(x, CMG_SAY_RECOGNISED));
    for (size_t i = 0; i < x->catalog->rules; i++)
        if (x->catalog->rule[i].entry == e)
            show_rule(x, &x->catalog->rule[i]);
    cmg_heading(&x->page, 3, say(x, CMG_SAY_CAUSE));
    cmg_paragraph(&x->page, 5, e->cause.in[x->lang]);
    cmg_heading(&x->page, 3, say(x, CMG_SAY_REMEDY));
    for (size_t i = 0; i < e->remedies; i++)
        cmg_show_remedy(&x->page, 5, e->remedy[i], x->lang);
    if (e->references.n)
        cmg_heading(&x->page, 3, say(x, CMG_SAY_REFERENCES));
    cmg_show_references(&x->page, 5, &e->references);
}

/* "slug: title" on a line of its own. */
static void show_class_line(struct explain *x, const struct cmg_entry *e)
{
    char first[TEXT_MAX];
    snprintf(first, sizeof first, "     %.*s: ", (int)(e->slug.len < 100 ? e->slug.len : 100),
             e->slug.ptr);
    cmg_page_wrap(&x->page, first, 7, e->title.in[x->lang]);
}

typedef bool names_fn(const struct cmg_entry *e, const struct cmg_rule *r, const void *what);

/* Does the class, or one of its rules, fit? */
static bool fits(const struct cmg_catalog *c, const struct cmg_entry *e, names_fn *names,
                 const void *what)
{
    if (names(e, NULL, what))
        return true;
    for (size_t i = 0; i < c->rules; i++)
        if (c->rule[i].entry == e && c->rule[i].role >= CMG_ROLE_CANDIDATE &&
            names(e, &c->rule[i], what))
            return true;
    return false;
}

/* All classes that fit: a few in full, more of them in a line each. Returns how many. */
static size_t show_classes(struct explain *x, names_fn *names, const void *what, bool in_full)
{
    size_t n = 0;
    for (size_t i = 0; i < x->catalog->entries; i++)
        n += fits(x->catalog, &x->catalog->entry[i], names, what);
    if (n && !(in_full && n <= IN_FULL_MAX))
        cmg_heading(&x->page, 3, say(x, CMG_SAY_CLASSES));
    for (size_t i = 0; i < x->catalog->entries && n; i++) {
        if (!fits(x->catalog, &x->catalog->entry[i], names, what))
            continue;
        if (in_full && n <= IN_FULL_MAX)
            show_class(x, &x->catalog->entry[i]);
        else
            show_class_line(x, &x->catalog->entry[i]);
    }
    return n;
}

/* ---- codes --------------------------------------------------------------------------------- */

static bool names_code(const struct cmg_entry *e, const struct cmg_rule *r, const void *what)
{
    const struct cmg_code *c = what;
    if (c->table == CMG_TABLE_IIS)
        return r && r->status == (int32_t)(c->value / 1000) &&
               r->substatus == (int32_t)(c->value % 1000);
    if (c->table == CMG_TABLE_HTTP)
        return r && r->status == (int32_t)c->value;
    if (c->table == CMG_TABLE_SCHANNEL)
        return r && r->event == c->value;
    if (c->table == CMG_TABLE_AADSTS || c->table == CMG_TABLE_ALERT)
        return false;
    return r ? r->code == c->value : e->code == c->value;
}

static void show_spellings(struct explain *x, uint32_t code)
{
    char text[TEXT_MAX], brief[48] = "";
    uint32_t win32 = cmg_win32_of(code);
    if (win32)
        snprintf(brief, sizeof brief, ", %u, 0x%x", win32, win32);
    snprintf(text, sizeof text, "0x%08x%s, %u, %d", code, brief, code, (int32_t)code);
    cmg_labelled(&x->page, 3, say(x, CMG_SAY_SPELLINGS), cmg_str_c(text));
}

static void show_code(struct explain *x, const struct cmg_code *c)
{
    char text[TEXT_MAX], spelling[CMG_SPELLING_MAX];
    cmg_code_spell(c->table, c->value, spelling);
    snprintf(text, sizeof text, "%s%s%.*s", spelling, c->symbol.len ? "  " : "",
             (int)(c->symbol.len < 200 ? c->symbol.len : 200), c->symbol.len ? c->symbol.ptr : "");
    title(x, cmg_str_c(text), cmg_str_c(cmg_word_of_table(c->table)));
    if (c->table <= CMG_TABLE_BITS)
        show_spellings(x, c->value);
    cmg_labelled(&x->page, 3, say(x, CMG_SAY_MEANING), c->meaning.in[x->lang]);
    show_classes(x, names_code, c, c->table != CMG_TABLE_HTTP);
}

static bool show_if_known(struct explain *x, enum cmg_code_table table, uint32_t value)
{
    const struct cmg_code *c = cmg_catalog_code(x->catalog, table, value);
    if (c)
        show_code(x, c);
    return c != NULL;
}

/* Decimal digits alone, at most seven. */
static bool read_plain(cmg_str s, uint32_t *ret)
{
    uint32_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (!cmg_is_digit(s.ptr[i]))
            return false;
        n = 10 * n + (uint32_t)(s.ptr[i] - '0');
    }
    *ret = n;
    return s.len > 0 && s.len <= 7;
}

/* 403.7, 403, AADSTS50034, 50034, 36884, 48. */
static void try_numbers(struct explain *x, cmg_str word)
{
    size_t dot = cmg_str_chr(word, '.');
    uint32_t n, sub;
    if (dot != CMG_STR_NPOS && read_plain(cmg_str_head(word, dot), &n) &&
        read_plain(cmg_str_from(word, dot + 1), &sub) && n < 1000 && sub < 1000) {
        (void)show_if_known(x, CMG_TABLE_IIS, n * 1000 + sub);
        return;
    }
    if (cmg_str_istarts(word, CMG_LIT("AADSTS")))
        word = cmg_str_from(word, 6);
    if (read_plain(word, &n)) {
        (void)show_if_known(x, CMG_TABLE_HTTP, n);
        (void)show_if_known(x, CMG_TABLE_AADSTS, n);
        (void)show_if_known(x, CMG_TABLE_SCHANNEL, n);
        (void)show_if_known(x, CMG_TABLE_ALERT, n);
    }
}

/* A code that is in no table but in a class is known by the class. */
static void show_bare_code(struct explain *x, uint32_t code)
{
    struct cmg_code c = {.table = CMG_TABLE_HRESULT, .value = code};
    char text[CMG_SPELLING_MAX];
    size_t before = x->shown;
    title(x, cmg_str_c(cmg_code_spell(c.table, code, text)), (cmg_str){NULL, 0});
    show_spellings(x, code);
    if (!show_classes(x, names_code, &c, true))
        x->shown = before;
}

static void try_code(struct explain *x, cmg_str word)
{
    uint32_t code;
    if (!cmg_code_parse(word, &code))
        return;
    bool winhttp = show_if_known(x, CMG_TABLE_WINHTTP, code);
    bool hresult = show_if_known(x, CMG_TABLE_HRESULT, code);
    bool bits = show_if_known(x, CMG_TABLE_BITS, code);
    if (!winhttp && !hresult && !bits && !x->shown)
        show_bare_code(x, code);
}

static void try_symbols(struct explain *x, cmg_str word)
{
    for (size_t i = 0; i < x->catalog->codes; i++)
        if (x->catalog->code[i].symbol.len && cmg_str_ieq(x->catalog->code[i].symbol, word))
            show_code(x, &x->catalog->code[i]);
}

/* ---- the rest ------------------------------------------------------------------------------ */

/* CMGConnector_Forbidden, and CMGConnector_Anything where a class takes all of a kind. */
static bool names_status_text(const struct cmg_entry *e, const struct cmg_rule *r, const void *what)
{
    const cmg_str *word = what;
    (void)e;
    if (!r || !r->status_text.len)
        return false;
    cmg_str text = r->status_text;
    if (text.ptr[text.len - 1] == '*')
        return cmg_str_istarts(*word, cmg_str_head(text, text.len - 1));
    return cmg_str_ieq(text, *word);
}

static bool names_status_text_exactly(const struct cmg_entry *e, const struct cmg_rule *r,
                                      const void *what)
{
    (void)e;
    return r && cmg_str_ieq(r->status_text, *(const cmg_str *)what);
}

static void try_status_text(struct explain *x, cmg_str word)
{
    if (!show_classes(x, names_status_text_exactly, &word, true))
        (void)show_classes(x, names_status_text, &word, true);
}

static bool names_remedy(const struct cmg_entry *e, const struct cmg_rule *r, const void *what)
{
    for (size_t i = 0; !r && i < e->remedies; i++)
        if (e->remedy[i] == what)
            return true;
    return false;
}

static void try_remedies(struct explain *x, cmg_str word)
{
    for (size_t i = 0; i < x->catalog->remedies; i++) {
        const struct cmg_remedy *r = &x->catalog->remedy[i];
        if (!cmg_str_ieq(r->id, word))
            continue;
        begin(x);
        cmg_show_remedy(&x->page, 0, r, x->lang);
        (void)show_classes(x, names_remedy, r, false);
        if (r->references.n)
            cmg_heading(&x->page, 3, say(x, CMG_SAY_REFERENCES));
        cmg_show_references(&x->page, 5, &r->references);
    }
}

static void try_causes(struct explain *x, cmg_str word)
{
    for (size_t i = 0; i < x->catalog->causes; i++) {
        const struct cmg_cause *c = &x->catalog->cause[i];
        char flag[16];
        if (!cmg_str_ieq(c->id, word) && !cmg_str_ieq(c->symbol, word))
            continue;
        begin(x);
        cmg_show_cause(&x->page, 0, c, x->lang);
        snprintf(flag, sizeof flag, "0x%08x", c->flag);
        cmg_labelled(&x->page, 3, say(x, CMG_SAY_FLAG),
                     c->symbol.len ? c->symbol : cmg_str_c(flag));
        for (size_t k = 0; k < c->remedies; k++)
            cmg_show_remedy(&x->page, 3, c->remedy[k], x->lang);
    }
}

static void explain(struct explain *x, cmg_str word)
{
    const struct cmg_entry *e = cmg_catalog_entry(x->catalog, word);
    if (e)
        show_class(x, e);
    try_remedies(x, word);
    try_causes(x, word);
    try_status_text(x, word);
    try_symbols(x, word);
    try_numbers(x, word);
    try_code(x, word);
}

/* ---- nothing found ------------------------------------------------------------------------- */

struct nearest {
    cmg_str word, best[3];
    size_t distance[3];
};

/* How far is `name`? A name that contains the word is nearer than one that is spelled like it. */
static size_t measure(cmg_str word, cmg_str name)
{
    size_t d = cmg_distance(word, name);
    for (size_t i = 0; word.len >= 4 && i + word.len <= name.len; i++)
        if (cmg_str_ieq(cmg_str_cut(name, i, i + word.len), word))
            return d < 1 ? d : 1;
    return cmg_is_near(d, word.len) ? d + 1 : SIZE_MAX;
}

static void consider(struct nearest *n, cmg_str name)
{
    size_t d = name.len ? measure(n->word, name) : SIZE_MAX;
    for (size_t i = 0; i < 3; i++)
        if (n->best[i].len && cmg_str_ieq(n->best[i], name))
            return;
    for (size_t i = 0; i < 3; i++)
        if (d < n->distance[i]) {
            memmove(n->best + i + 1, n->best + i, (2 - i) * sizeof *n->best);
            memmove(n->distance + i + 1, n->distance + i, (2 - i) * sizeof *n->distance);
            n->best[i] = name;
            n->distance[i] = d;
            return;
        }
}

static void search(const struct cmg_catalog *c, struct nearest *n)
{
    for (size_t i = 0; i < c->entries; i++) {
        consider(n, c->entry[i].slug);
        consider(n, c->entry[i].id);
    }
    for (size_t i = 0; i < c->remedies; i++)
        consider(n, c->remedy[i].id);
    for (size_t i = 0; i < c->causes; i++)
        consider(n, c->cause[i].id);
    for (size_t i = 0; i < c->codes; i++)
        consider(n, c->code[i].symbol);
    for (size_t i = 0; i < c->rules; i++)
        consider(n, c->rule[i].status_text);
}

static void say_unknown(const struct cmg_catalog *c, cmg_str word)
{
    struct nearest n = {.word = word, .distance = {SIZE_MAX, SIZE_MAX, SIZE_MAX}};
    struct cmg_error e = {.rc = CMG_ECONFIG};
    search(c, &n);
    size_t at = (size_t)snprintf(e.text, sizeof e.text, "nothing is known of \"%.*s\"%s",
                                 (int)(word.len < 60 ? word.len : 60), word.ptr,
                                 n.best[0].len ? "; near to it: "
                                               : "; \"cmgpipe list classes\" and "
                                                 "\"cmgpipe list codes\" show what is");
    for (size_t i = 0; i < 3 && n.best[i].len && at < sizeof e.text; i++)
        at += (size_t)snprintf(e.text + at, sizeof e.text - at, "%s%.*s", i ? ", " : "",
                               (int)(n.best[i].len < 60 ? n.best[i].len : 60), n.best[i].ptr);
    cmg_complain(&e);
}

/* Exit status 1 when a word means nothing, as grep does: it is no mistake in the command. */
int cmg_command_explain(const struct cmg_settings *s, const struct cmg_setup *u)
{
    struct explain x = {.catalog = cmg_setup_catalog(u), .lang = u->lang};
    size_t unknown = 0;
    cmg_page_init(&x.page, STDOUT_FILENO);
    for (size_t i = 0; i < s->n_args; i++) {
        cmg_str word = cmg_str_trim(cmg_str_c(s->args[i]));
        x.shown = 0;
        explain(&x, word);
        if (x.shown)
            continue;
        unknown++;
        say_unknown(x.catalog, word);
    }
    int status = cmg_show(&x.page);
    return status == CMG_EXIT_OK && unknown ? CMG_EXIT_IO : status;
}
