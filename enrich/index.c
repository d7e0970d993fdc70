/* SPDX-License-Identifier: Apache-2.0
 * The way from a word to the rules it may fulfil, built once from a catalogue. */
#include "enrich/internal.h"

#include <stdio.h>
#include <stdlib.h>

struct anchor {
    cmg_str text;
    uint32_t word, rule;
};

struct building {
    struct cmg_enricher *e;
    struct anchor *anchor;
    size_t anchors;
    cmg_str *word;
    uint64_t *plain; /* status + 1 and rule */
    size_t plains;
};

static bool fail(struct cmg_error *reterr)
{
    *reterr = (struct cmg_error){.rc = CMG_ENOMEM};
    snprintf(reterr->text, sizeof reterr->text, "not enough memory for the catalogue's index");
    return false;
}

static void add_anchor(struct building *b, cmg_str text, uint32_t word, size_t rule)
{
    b->anchor[b->anchors++] = (struct anchor){text, word, (uint32_t)rule};
}

static void add_own(struct building *b, cmg_str text, size_t rule)
{
    if (text.len >= CMG_MATCH_SHORTEST)
        add_anchor(b, text, UINT32_MAX, rule);
}

static void add_code(struct building *b, uint32_t code, size_t rule)
{
    b->e->coded[b->e->codeds++] = (struct cmg_coded){code, (uint32_t)rule};
}

static cmg_str status_word(cmg_str pattern)
{
    return cmg_str_ends(pattern, CMG_LIT("*")) ? cmg_str_head(pattern, pattern.len - 1) : pattern;
}

static uint32_t longest_token(const struct cmg_catalog *c, const struct cmg_rule *r)
{
    uint32_t best = r->token[0];
    for (size_t i = 1; i < r->tokens; i++)
        if (c->token[r->token[i]].len > c->token[best].len)
            best = r->token[i];
    return best;
}

/* A row's code is a column beside its status, by which it is found. */
static bool is_for_rows(const struct cmg_rule *r)
{
    return r->decoder.len && r->status >= 0;
}

/* What leads to the rule; an event's number stands among the codes. Returns false for a plain one.
 */
static bool anchor_rule(struct building *b, size_t rule)
{
    const struct cmg_catalog *c = b->e->catalog;
    const struct cmg_rule *r = &c->rule[rule];
    size_t before = b->anchors, coded = b->e->codeds;
    if (r->tokens)
        add_anchor(b, (cmg_str){NULL, 0}, longest_token(c, r), rule);
    else if (r->status_text.len)
        add_own(b, status_word(r->status_text), rule);
    else if (r->event)
        add_code(b, r->event, rule);
    else if (r->code && !is_for_rows(r))
        add_code(b, r->code, rule);
    bool anchored = b->anchors > before || b->e->codeds > coded;
    b->e->row_words |= anchored && r->decoder.len;
    return anchored;
}

static void add_plain(struct building *b, size_t rule)
{
    struct cmg_enricher *e = b->e;
    int32_t status = e->catalog->rule[rule].status;
    if (status > CMG_STATUS_MAX)
        return;
    b->plain[b->plains++] = (uint64_t)(status < 0 ? 0 : status + 1) << 32 | rule;
    if (status < 0)
        e->any_status = true;
    else
        e->status_set[status / 64] |= UINT64_C(1) << (status % 64);
}

/* Catalogue tokens first (they have their number), the others by text. */
static int by_text(const void *a, const void *b)
{
    const struct anchor *x = a, *y = b;
    if (!x->text.len || !y->text.len)
        return (x->text.len > 0) - (y->text.len > 0);
    size_t n = x->text.len < y->text.len ? x->text.len : y->text.len;
    int d = memcmp(x->text.ptr, y->text.ptr, n);
    return d ? d : (x->text.len > y->text.len) - (x->text.len < y->text.len);
}

static int by_word(const void *a, const void *b)
{
    const struct anchor *x = a, *y = b;
    if (x->word != y->word)
        return x->word < y->word ? -1 : 1;
    return (x->rule > y->rule) - (x->rule < y->rule);
}

/* Numbers the anchors' own words behind the catalogue's tokens, each once. */
static void number_words(struct building *b)
{
    const struct cmg_catalog *c = b->e->catalog;
    uint32_t words = (uint32_t)c->tokens;
    qsort(b->anchor, b->anchors, sizeof *b->anchor, by_text);
    for (size_t i = 0; i < b->anchors; i++) {
        struct anchor *a = &b->anchor[i];
        if (!a->text.len)
            continue;
        if (!i || !cmg_str_eq(a->text, b->anchor[i - 1].text))
            b->word[words++] = a->text;
        a->word = words - 1;
    }
    b->e->extract_base = words;
    for (size_t i = 0; i < cmg_extract_tokens_len; i++)
        b->word[words++] = cmg_extract_tokens[i];
    b->e->words = words;
}

static void lay_rules(struct building *b)
{
    struct cmg_enricher *e = b->e;
    qsort(b->anchor, b->anchors, sizeof *b->anchor, by_word);
    size_t k = 0;
    for (uint32_t w = 0; w <= e->extract_base; w++) {
        while (k < b->anchors && b->anchor[k].word < w) {
            e->rule[k] = b->anchor[k].rule;
            k++;
        }
        e->first[w] = (uint32_t)k;
    }
}

/* By status, then in the catalogue's order: both in one number. */
static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void sort_plain(struct building *b)
{
    qsort(b->plain, b->plains, sizeof *b->plain, by_number);
    for (size_t i = 0; i < b->plains; i++)
        b->e->plain[i] = (uint32_t)b->plain[i];
    b->e->plains = (uint32_t)b->plains;
}

/* By code, then in the catalogue's order. */
static int by_code(const void *a, const void *b)
{
    const struct cmg_coded *x = a, *y = b;
    if (x->code != y->code)
        return x->code < y->code ? -1 : 1;
    return (x->rule > y->rule) - (x->rule < y->rule);
}

static bool make_room(struct building *b)
{
    const struct cmg_catalog *c = b->e->catalog;
    size_t most = c->rules + 1;
    b->anchor = calloc(most, sizeof *b->anchor);
    b->e->coded = calloc(most, sizeof *b->e->coded);
    b->word = calloc(c->tokens + most + cmg_extract_tokens_len, sizeof *b->word);
    b->plain = calloc(c->rules + 1, sizeof *b->plain);
    b->e->plain = calloc(c->rules + 1, sizeof *b->e->plain);
    return b->anchor && b->e->coded && b->word && b->plain && b->e->plain;
}

static bool build(struct building *b, struct cmg_error *reterr)
{
    struct cmg_enricher *e = b->e;
    if (!make_room(b))
        return fail(reterr);
    for (size_t i = 0; i < e->catalog->tokens; i++)
        b->word[i] = e->catalog->token[i];
    for (size_t i = 0; i < e->catalog->rules; i++)
        if (!anchor_rule(b, i))
            add_plain(b, i);
    number_words(b);
    sort_plain(b);
    qsort(e->coded, e->codeds, sizeof *e->coded, by_code);
    e->first = calloc(e->extract_base + 2u, sizeof *e->first);
    e->rule = calloc(b->anchors + 1, sizeof *e->rule);
    if (!e->first || !e->rule)
        return fail(reterr);
    lay_rules(b);
    e->matcher = cmg_matcher_new(b->word, e->words, reterr);
    return e->matcher != NULL;
}

bool cmg_index_build(struct cmg_enricher *e, struct cmg_error *reterr)
{
    struct building b = {.e = e};
    bool good = build(&b, reterr);
    free(b.anchor);
    free(b.word);
    free(b.plain);
    return good;
}
