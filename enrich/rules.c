/* SPDX-License-Identifier: Apache-2.0
 * Which rules hold for a record, and which of them names its class.
 *
 * Only rules that a word of the record leads to are looked at, so the cost does not grow with the
 * catalogue. */
#include "enrich/internal.h"

#include "decoders/decoder.h"

enum { HTTP_ERROR = 400 };

/* Context rules come first: they leave the marks that the others ask for. */
enum pass { PASS_CONTEXT, PASS_FINDINGS };

struct judging {
    struct cmg_case *x;
    enum pass pass;
    uint32_t sets, clears;
    const struct cmg_rule *best;
    uint64_t seen[CMG_WORDS_MAX / 64]; /* words of the record */
};

static bool has_word(const struct judging *j, uint32_t word)
{
    return j->seen[word / 64] >> (word % 64) & 1;
}

static bool words_hold(const struct judging *j, const struct cmg_rule *r)
{
    for (size_t i = 0; i < r->tokens; i++)
        if (!has_word(j, r->token[i]))
            return false;
    for (size_t i = 0; i < r->absents; i++)
        if (has_word(j, r->absent[i]))
            return false;
    return true;
}

static bool is_prefix(cmg_str pattern)
{
    return pattern.len && pattern.ptr[pattern.len - 1] == '*';
}

/* A status text counts only beside a status that says failure: the word alone may be in any
 * sentence. */
static bool status_text_holds(const struct cmg_case *x, cmg_str pattern)
{
    if (!pattern.len)
        return true;
    if (x->status < HTTP_ERROR || !x->facts.status_text.len)
        return false;
    if (is_prefix(pattern))
        return cmg_str_istarts(x->facts.status_text, cmg_str_head(pattern, pattern.len - 1));
    return cmg_str_ieq(x->facts.status_text, pattern);
}

/* sc-win32-status as an HRESULT. */
static uint32_t row_code(const struct cmg_http *h)
{
    enum { WIN32_MAX = 0xffff };
    if (h->win32 <= 0 || h->win32 > UINT32_MAX)
        return 0;
    return h->win32 <= WIN32_MAX ? UINT32_C(0x80070000) | (uint32_t)h->win32 : (uint32_t)h->win32;
}

static bool code_holds(const struct cmg_case *x, uint32_t code)
{
    if (code && x->r->event.has_http)
        return row_code(&x->r->event.http) == code;
    for (size_t i = 0; code && i < x->facts.codes; i++)
        if (x->facts.code[i].hresult == code)
            return true;
    return !code;
}

/* An access-log row is columns, not ConfigMgr's sentences: it is seen by rules that ask for its
 * decoder, or for nothing but columns. IIS writes the same rows to its trace log. */
static bool decoder_holds(const struct cmg_case *x, const struct cmg_rule *r)
{
    if (r->decoder.len && x->r->event.has_http && cmg_str_eq(r->decoder, CMG_LIT("iis")))
        return true;
    if (r->decoder.len)
        return x->r->decoder && cmg_str_eq(r->decoder, cmg_str_c(x->r->decoder->name));
    return !x->r->event.has_http || (!r->tokens && !r->status_text.len && !r->code);
}

/* "NAME=VALUE" is an attribute of that name; the name may stand behind a dot there, as in
 * event_data.AlertDesc. */
static bool data_holds(const struct cmg_event *ev, cmg_str data)
{
    if (!data.len)
        return true;
    cmg_str name = cmg_str_head(data, cmg_str_chr(data, '=')), value;
    value = cmg_str_from(data, name.len + 1);
    for (size_t i = 0; i < ev->attrs; i++) {
        cmg_str s = ev->attr[i].name;
        bool named =
            cmg_str_ends(s, name) && (s.len == name.len || s.ptr[s.len - name.len - 1] == '.');
        if (named && cmg_str_ieq(ev->attr[i].value, value))
            return true;
    }
    return false;
}

/* What the record says of itself beside its text. */
static bool event_holds(const struct cmg_case *x, const struct cmg_rule *r)
{
    const struct cmg_event *ev = &x->r->event;
    return (!r->event || r->event == x->event) &&
           (!r->provider.len || cmg_str_ieq(ev->provider, r->provider)) && ev->level >= r->level &&
           data_holds(ev, r->data);
}

static bool open_holds(const struct cmg_case *x, const struct cmg_rule *r)
{
    if (!r->open)
        return true;
    if (!x->slot)
        return false;
    const struct cmg_slot *s = cmg_corr_slot(x->c, x->slot);
    uint64_t hash = cmg_enricher_class_hash(x->e, r->entry);
    for (int k = 0; k < CMG_CORR_OPEN; k++)
        if (s->incident[k] && cmg_corr_incident(x->c, s->incident[k])->class_hash == hash)
            return true;
    return false;
}

static bool holds(const struct judging *j, const struct cmg_rule *r)
{
    const struct cmg_case *x = j->x;
    return words_hold(j, r) && (r->status < 0 || r->status == x->status) &&
           (r->substatus < 0 || r->substatus == x->substatus) &&
           status_text_holds(x, r->status_text) && code_holds(x, r->code) &&
           (x->marks & r->seen) == r->seen && decoder_holds(x, r) && event_holds(x, r) &&
           open_holds(x, r);
}

static int exactness(const struct cmg_rule *r)
{
    return !r->status_text.len ? 0 : is_prefix(r->status_text) ? 1 : 2;
}

/* The part it plays, the rank of its class, a whole status text before its beginning, the
 * catalogue's order. */
static bool better(const struct cmg_rule *a, const struct cmg_rule *b)
{
    if (!b || a->role != b->role)
        return !b || a->role > b->role;
    if (a->entry->rank != b->entry->rank)
        return a->entry->rank > b->entry->rank;
    if (exactness(a) != exactness(b))
        return exactness(a) > exactness(b);
    return a < b;
}

static void try_rule(struct judging *j, uint32_t rule)
{
    const struct cmg_rule *r = &j->x->e->catalog->rule[rule];
    if ((r->role == CMG_ROLE_NONE) != (j->pass == PASS_CONTEXT) || !holds(j, r))
        return;
    j->sets |= r->sets;
    j->clears |= r->clears;
    if (r->role != CMG_ROLE_NONE && better(r, j->best))
        j->best = r;
}

static uint32_t first_plain(const struct cmg_enricher *e, int32_t status)
{
    uint32_t from = 0, to = e->plains;
    while (from < to) {
        uint32_t mid = (from + to) / 2;
        if (e->catalog->rule[e->plain[mid]].status < status)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

static void try_plain(struct judging *j, int32_t status)
{
    const struct cmg_enricher *e = j->x->e;
    for (uint32_t i = first_plain(e, status); i < e->plains; i++) {
        if (e->catalog->rule[e->plain[i]].status != status)
            break;
        try_rule(j, e->plain[i]);
    }
}

uint32_t cmg_first_coded(const struct cmg_enricher *e, uint32_t code)
{
    uint32_t from = 0, to = e->codeds;
    while (from < to) {
        uint32_t mid = (from + to) / 2;
        if (e->coded[mid].code < code)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

static void try_code(struct judging *j, uint32_t code)
{
    const struct cmg_enricher *e = j->x->e;
    for (uint32_t i = cmg_first_coded(e, code); i < e->codeds && e->coded[i].code == code; i++)
        try_rule(j, e->coded[i].rule);
}

static void try_word(struct judging *j, uint32_t word)
{
    const struct cmg_enricher *e = j->x->e;
    for (uint32_t k = e->first[word]; k < e->first[word + 1]; k++)
        try_rule(j, e->rule[k]);
}

static void try_all(struct judging *j, enum pass pass)
{
    const struct cmg_case *x = j->x;
    j->pass = pass;
    j->sets = j->clears = 0;
    for (size_t i = 0; i < x->hits; i++)
        if (x->hit[i].token < x->e->extract_base)
            try_word(j, x->hit[i].token);
    for (size_t i = 0; i < x->facts.codes; i++)
        try_code(j, x->facts.code[i].hresult);
    if (x->event)
        try_code(j, x->event);
    try_plain(j, -1);
    if (x->status >= 0)
        try_plain(j, x->status);
    j->x->marks = (x->marks & ~j->clears) | j->sets;
    j->x->sets |= j->sets;
}

const struct cmg_rule *cmg_judge(struct cmg_case *x)
{
    struct judging j;
    j.x = x;
    j.best = NULL;
    memset(j.seen, 0, (x->e->words + 63) / 64 * sizeof j.seen[0]);
    for (size_t i = 0; i < x->hits; i++)
        j.seen[x->hit[i].token / 64] |= UINT64_C(1) << (x->hit[i].token % 64);
    try_all(&j, PASS_CONTEXT);
    try_all(&j, PASS_FINDINGS);
    return j.best;
}
