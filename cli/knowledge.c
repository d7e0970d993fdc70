/* SPDX-License-Identifier: Apache-2.0
 * The catalogue in words. See knowledge.h. */
#include "cli/knowledge.h"

#include <stdio.h>

const char *cmg_phrase(enum cmg_phrase id, enum cmg_lang lang)
{
    static const char *const phrases[CMG_PHRASES][CMG_LANGS] = {
#define PHRASE(id, en, fr) [CMG_SAY_##id] = {[CMG_LANG_EN] = en, [CMG_LANG_FR] = fr},
#include "cli/phrases.def"
#undef PHRASE
    };
    return phrases[id][lang];
}

const char *cmg_phrase_of_scope(enum cmg_scope scope, enum cmg_lang lang)
{
    switch (scope) {
    case CMG_SCOPE_CMG:
        return cmg_phrase(CMG_SAY_SCOPE_CMG, lang);
    case CMG_SCOPE_NOT_CMG:
        return cmg_phrase(CMG_SAY_SCOPE_NOT_CMG, lang);
    case CMG_SCOPE_UNKNOWN:
        break;
    }
    return cmg_phrase(CMG_SAY_SCOPE_UNKNOWN, lang);
}

enum cmg_colour cmg_colour_of_level(enum cmg_level level)
{
    return level == CMG_LEVEL_ERROR ? CMG_RED : level == CMG_LEVEL_WARNING ? CMG_YELLOW : CMG_CYAN;
}

const char *cmg_phrase_of_level(enum cmg_level level, enum cmg_lang lang)
{
    return cmg_phrase(level == CMG_LEVEL_ERROR     ? CMG_SAY_ERROR
                      : level == CMG_LEVEL_WARNING ? CMG_SAY_WARNING
                                                   : CMG_SAY_INFO,
                      lang);
}

enum { FIRST_MAX = 128 };

void cmg_heading(struct cmg_page *p, size_t indent, const char *text)
{
    char first[FIRST_MAX];
    snprintf(first, sizeof first, "%*s", (int)indent, "");
    cmg_page_add(p, first);
    cmg_page_colour(p, CMG_BOLD, cmg_str_c(text));
    cmg_page_add(p, "\n");
}

void cmg_labelled(struct cmg_page *p, size_t indent, const char *label, cmg_str text)
{
    char first[FIRST_MAX];
    if (!text.len)
        return;
    snprintf(first, sizeof first, "%*s%s: ", (int)indent, "", label);
    cmg_page_wrap(p, first, 0, text);
}

void cmg_paragraph(struct cmg_page *p, size_t indent, cmg_str text)
{
    char first[FIRST_MAX];
    if (!text.len)
        return;
    snprintf(first, sizeof first, "%*s", (int)indent, "");
    cmg_page_wrap(p, first, 0, text);
}

static void show_steps(struct cmg_page *p, size_t indent, cmg_str steps)
{
    char first[FIRST_MAX];
    for (int i = 1; steps.len; i++) {
        size_t end = cmg_str_chr(steps, '\n');
        snprintf(first, sizeof first, "%*s%2d. ", (int)indent, "", i);
        cmg_page_wrap(p, first, 0, end == CMG_STR_NPOS ? steps : cmg_str_head(steps, end));
        steps = end == CMG_STR_NPOS ? (cmg_str){NULL, 0} : cmg_str_from(steps, end + 1);
    }
}

void cmg_show_remedy(struct cmg_page *p, size_t indent, const struct cmg_remedy *r,
                     enum cmg_lang lang)
{
    char first[FIRST_MAX];
    snprintf(first, sizeof first, "%*s", (int)indent, "");
    cmg_page_add(p, first);
    cmg_page_colour(p, CMG_GREEN, r->id);
    if (r->owner.len) {
        cmg_page_add(p, " (");
        cmg_page_add(p, cmg_phrase(CMG_SAY_OWNER, lang));
        cmg_page_add(p, " ");
        cmg_page_text(p, r->owner);
        cmg_page_add(p, ")");
    }
    cmg_page_add(p, "\n");
    cmg_paragraph(p, indent, r->title.in[lang]);
    show_steps(p, indent, r->steps.in[lang]);
}

/* Not wrapped: an address that is broken in two cannot be followed. */
void cmg_show_references(struct cmg_page *p, size_t indent, const struct cmg_strs *refs)
{
    char first[FIRST_MAX];
    snprintf(first, sizeof first, "%*s", (int)indent, "");
    for (size_t i = 0; i < refs->n; i++) {
        cmg_page_add(p, first);
        cmg_page_colour(p, CMG_CYAN, refs->at[i]);
        cmg_page_add(p, "\n");
    }
}

void cmg_show_cause(struct cmg_page *p, size_t indent, const struct cmg_cause *c,
                    enum cmg_lang lang)
{
    char first[FIRST_MAX];
    snprintf(first, sizeof first, "%*s%.*s: ", (int)indent, "",
             (int)(c->id.len < 60 ? c->id.len : 60), c->id.ptr);
    cmg_page_wrap(p, first, 0, c->title.in[lang]);
    cmg_paragraph(p, indent + 2, c->text.in[lang]);
}
