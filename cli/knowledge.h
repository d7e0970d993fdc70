/* SPDX-License-Identifier: Apache-2.0
 * The catalogue in words: what report and explain print alike. */
#ifndef CMG_CLI_KNOWLEDGE_H
#define CMG_CLI_KNOWLEDGE_H

#include "cli/term.h"
#include "enrich/catalog.h"

enum cmg_phrase {
#define PHRASE(id, en, fr) CMG_SAY_##id,
#include "cli/phrases.def"
#undef PHRASE
    CMG_PHRASES
};

const char *cmg_phrase(enum cmg_phrase id, enum cmg_lang lang);
const char *cmg_phrase_of_scope(enum cmg_scope scope, enum cmg_lang lang);
enum cmg_colour cmg_colour_of_level(enum cmg_level level);
const char *cmg_phrase_of_level(enum cmg_level level, enum cmg_lang lang);

/* A heading on a line of its own, `indent` blanks in. */
void cmg_heading(struct cmg_page *p, size_t indent, const char *text);
/* "   Label: text", wrapped. */
void cmg_labelled(struct cmg_page *p, size_t indent, const char *label, cmg_str text);
/* Wrapped, `indent` blanks in. */
void cmg_paragraph(struct cmg_page *p, size_t indent, cmg_str text);
/* Id, title, whose work it is, numbered steps. */
void cmg_show_remedy(struct cmg_page *p, size_t indent, const struct cmg_remedy *r,
                     enum cmg_lang lang);
void cmg_show_references(struct cmg_page *p, size_t indent, const struct cmg_strs *refs);
/* "cert-rev-failed: the title. the text" */
void cmg_show_cause(struct cmg_page *p, size_t indent, const struct cmg_cause *c,
                    enum cmg_lang lang);

#endif
