/* SPDX-License-Identifier: Apache-2.0
 * The image of a catalogue: written once, opened everywhere.
 *
 * An image is one run of little-endian numbers and length-prefixed strings, without offsets, so
 * that there is nothing to point outside. Each struct has one visit_ function that both the writer
 * and the reader run, and so they cannot drift apart. Reading is one pass; strings stay where they
 * are. */
#include "enrich/catalog_image.h"

#include "core/utf.h"
#include "enrich/match.h"

#include <stdlib.h>

enum { FORMAT = 2, NUMBER_SIZE = 4 };

/* How many there are of each, in the order of the header. */
enum {
    N_TOKENS,
    N_MARKS,
    N_REMEDIES,
    N_CAUSES,
    N_CODES,
    N_ENTRIES,
    N_RULES,
    N_STRS,
    N_INDICES,
    COUNTS
};

static const uint32_t most[COUNTS] = {
    [N_TOKENS] = CMG_CATALOG_TOKENS_MAX,
    [N_MARKS] = CMG_CATALOG_MARKS_MAX,
    [N_REMEDIES] = CMG_CATALOG_REMEDIES_MAX,
    [N_CAUSES] = CMG_CAUSES_MAX,
    [N_CODES] = CMG_CATALOG_CODES_MAX,
    [N_ENTRIES] = CMG_CATALOG_ENTRIES_MAX,
    [N_RULES] = CMG_CATALOG_RULES_MAX,
    [N_STRS] = (CMG_CATALOG_REMEDIES_MAX + 2 * CMG_CATALOG_ENTRIES_MAX) * CMG_ENTRY_LIST_MAX,
    [N_INDICES] = CMG_CATALOG_RULES_MAX * 2 * CMG_RULE_TOKENS_MAX,
};

/* What an opened catalogue is made of: one block, the arrays behind it. */
struct opened {
    struct cmg_catalog c; /* first, so that one is the other */
    struct cmg_entry *entry;
    struct cmg_rule *rule;
    struct cmg_remedy *remedy;
    struct cmg_cause *cause;
    struct cmg_code *code;
    cmg_str *token, *mark, *strs;
    uint32_t *indices;
};

/* A pass over an image in either direction. After the first fault everything is quietly skipped. */
struct pass {
    struct cmg_buf *out;         /* NULL: reading */
    cmg_str in;                  /* what is still to be read */
    const struct cmg_catalog *c; /* what indices count in */
    const char *fault;           /* reading: the first thing that is wrong */
    enum cmg_rc rc;              /* writing */
    cmg_str *strs;               /* reading: free slots */
    uint32_t *indices;
    size_t strs_left, indices_left;
};

static void wrong(struct pass *p, const char *why)
{
    if (!p->fault)
        p->fault = why;
    p->in.len = 0;
}

static void write_bytes(struct pass *p, cmg_str s)
{
    if (p->rc == CMG_OK)
        p->rc = cmg_buf_add(p->out, s);
}

/* ---- primitives: give the value to write, get the value that was written or read ----------- */

static uint32_t number(struct pass *p, uint32_t v)
{
    unsigned char b[NUMBER_SIZE] = {(unsigned char)v, (unsigned char)(v >> 8),
                                    (unsigned char)(v >> 16), (unsigned char)(v >> 24)};
    if (p->out) {
        write_bytes(p, cmg_str_of((const char *)b, sizeof(b)));
        return v;
    }
    if (p->in.len < sizeof(b)) {
        wrong(p, "the image ends early");
        return 0;
    }
    memcpy(b, p->in.ptr, sizeof(b));
    p->in = cmg_str_from(p->in, sizeof(b));
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/* A number below `limit`. */
static uint32_t bounded(struct pass *p, uint32_t v, size_t limit)
{
    v = number(p, v);
    if (v < limit)
        return v;
    if (p->out && p->rc == CMG_OK)
        p->rc = CMG_ELIMIT;
    wrong(p, "a number is out of range");
    return 0;
}

static cmg_str string(struct pass *p, cmg_str s)
{
    size_t len = bounded(p, (uint32_t)s.len, CMG_CATALOG_IMAGE_MAX);
    if (p->out) {
        write_bytes(p, s);
        return s;
    }
    if (len > p->in.len) {
        wrong(p, "the image ends inside a string");
        return CMG_LIT("");
    }
    s = cmg_str_head(p->in, len);
    p->in = cmg_str_from(p->in, len);
    if (cmg_utf8_valid(s) != s.len)
        wrong(p, "a string is not UTF-8");
    return s;
}

static void visit_text(struct pass *p, struct cmg_text *t)
{
    for (int i = 0; i < CMG_LANGS; i++)
        t->in[i] = string(p, t->in[i]);
}

static void visit_strs(struct pass *p, struct cmg_strs *l)
{
    l->n = bounded(p, (uint32_t)l->n, CMG_ENTRY_LIST_MAX + 1);
    if (p->out) {
        for (size_t i = 0; i < l->n; i++)
            (void)string(p, l->at[i]);
        return;
    }
    if (l->n > p->strs_left) {
        wrong(p, "more strings than announced");
        l->n = 0;
        return;
    }
    l->at = p->strs;
    for (size_t i = 0; i < l->n; i++)
        p->strs[i] = string(p, p->strs[i]);
    p->strs += l->n;
    p->strs_left -= l->n;
}

static void visit_indices(struct pass *p, const uint32_t **at, size_t *n)
{
    *n = bounded(p, (uint32_t)*n, CMG_RULE_TOKENS_MAX + 1);
    if (p->out) {
        for (size_t i = 0; i < *n; i++)
            (void)bounded(p, (*at)[i], p->c->tokens);
        return;
    }
    if (*n > p->indices_left) {
        wrong(p, "more indices than announced");
        *n = 0;
        return;
    }
    *at = p->indices;
    for (size_t i = 0; i < *n; i++)
        p->indices[i] = bounded(p, 0, p->c->tokens);
    p->indices += *n;
    p->indices_left -= *n;
}

static void visit_remedies(struct pass *p, const struct cmg_remedy **at, size_t *n)
{
    *n = bounded(p, (uint32_t)*n, CMG_REMEDIES_MAX + 1);
    for (size_t i = 0; i < *n; i++) {
        uint32_t index = p->out ? (uint32_t)(at[i] - p->c->remedy) : 0;
        index = bounded(p, index, p->c->remedies);
        at[i] = p->c->remedies ? &p->c->remedy[index] : NULL;
    }
}

/* ---- the structs: each described once ------------------------------------------------------ */

static void visit_remedy(struct pass *p, struct cmg_remedy *r)
{
    r->id = string(p, r->id);
    r->owner = string(p, r->owner);
    visit_text(p, &r->title);
    visit_text(p, &r->steps);
    visit_strs(p, &r->references);
}

static void visit_cause(struct pass *p, struct cmg_cause *c)
{
    c->id = string(p, c->id);
    c->flag = number(p, c->flag);
    c->symbol = string(p, c->symbol);
    visit_text(p, &c->title);
    visit_text(p, &c->text);
    visit_remedies(p, c->remedy, &c->remedies);
}

static void visit_code(struct pass *p, struct cmg_code *c)
{
    c->table = (enum cmg_code_table)bounded(p, c->table, CMG_TABLES);
    c->value = number(p, c->value);
    c->symbol = string(p, c->symbol);
    visit_text(p, &c->meaning);
}

static void visit_entry(struct pass *p, struct cmg_entry *e)
{
    e->id = string(p, e->id);
    e->slug = string(p, e->slug);
    e->family = string(p, e->family);
    e->severity = (enum cmg_level)bounded(p, e->severity, CMG_LEVEL_ERROR + 1);
    e->scope = (enum cmg_scope)bounded(p, e->scope, CMG_SCOPE_NOT_CMG + 1);
    e->confidence = (enum cmg_confidence)bounded(p, e->confidence, CMG_CONFIDENCE_HIGH + 1);
    e->code = number(p, e->code);
    e->rank = (int32_t)number(p, (uint32_t)e->rank);
    visit_text(p, &e->title);
    visit_text(p, &e->cause);
    visit_strs(p, &e->references);
    visit_remedies(p, e->remedy, &e->remedies);
    e->consequence_of_any = bounded(p, e->consequence_of_any, 2) != 0;
    visit_strs(p, &e->consequence_of);
}

static void visit_rule(struct pass *p, struct cmg_rule *r)
{
    uint32_t entry = p->out ? (uint32_t)(r->entry - p->c->entry) : 0;
    r->entry = p->c->entry + bounded(p, entry, p->c->entries);
    r->role = (enum cmg_role)bounded(p, r->role, CMG_ROLE_PRIMARY + 1);
    visit_indices(p, &r->token, &r->tokens);
    visit_indices(p, &r->absent, &r->absents);
    r->status_text = string(p, r->status_text);
    r->status = (int32_t)number(p, (uint32_t)r->status);
    r->substatus = (int32_t)number(p, (uint32_t)r->substatus);
    r->code = number(p, r->code);
    r->decoder = string(p, r->decoder);
    r->provider = string(p, r->provider);
    r->event = number(p, r->event);
    r->data = string(p, r->data);
    r->level = (enum cmg_level)bounded(p, r->level, CMG_LEVEL_ERROR + 1);
    r->flags = number(p, r->flags);
    r->open = bounded(p, r->open, 2) != 0;
    r->seen = number(p, r->seen);
    r->sets = number(p, r->sets);
    r->clears = number(p, r->clears);
}

/* Magic, format, counts, version. On reading, counts that cannot be true are refused before
 * anything is allocated: whatever is counted takes four bytes at least. */
static cmg_str visit_header(struct pass *p, uint32_t count[COUNTS], cmg_str version)
{
    uint64_t total = 0;
    if (!cmg_str_eq(string(p, CMG_LIT("cmgpipe catalogue")), CMG_LIT("cmgpipe catalogue")) ||
        number(p, FORMAT) != FORMAT)
        wrong(p, "not a catalogue image of this version");
    for (int i = 0; i < COUNTS; i++) {
        count[i] = bounded(p, count[i], (size_t)most[i] + 1);
        total += count[i];
    }
    if (!p->out && total > p->in.len / NUMBER_SIZE)
        wrong(p, "it counts more than it can hold");
    return string(p, version);
}

/* ---- writing ------------------------------------------------------------------------------- */

static void count_all(const struct cmg_catalog *c, uint32_t n[COUNTS])
{
    size_t strs = 0, indices = 0;
    for (size_t i = 0; i < c->remedies; i++)
        strs += c->remedy[i].references.n;
    for (size_t i = 0; i < c->entries; i++)
        strs += c->entry[i].references.n + c->entry[i].consequence_of.n;
    for (size_t i = 0; i < c->rules; i++)
        indices += c->rule[i].tokens + c->rule[i].absents;
    n[N_TOKENS] = (uint32_t)c->tokens;
    n[N_MARKS] = (uint32_t)c->marks;
    n[N_REMEDIES] = (uint32_t)c->remedies;
    n[N_CAUSES] = (uint32_t)c->causes;
    n[N_CODES] = (uint32_t)c->codes;
    n[N_ENTRIES] = (uint32_t)c->entries;
    n[N_RULES] = (uint32_t)c->rules;
    n[N_STRS] = (uint32_t)strs;
    n[N_INDICES] = (uint32_t)indices;
}

/* The visitors write through their argument when they read, so the writer gives them a copy. */
#define WRITE_EACH(array, n, type, visit)                                                          \
    for (size_t i = 0; i < (n); i++) {                                                             \
        type copy = (array)[i];                                                                    \
        visit(&p, &copy);                                                                          \
    }

enum cmg_rc cmg_catalog_write(const struct cmg_catalog *c, struct cmg_buf *out)
{
    struct pass p = {.out = out, .c = c};
    uint32_t count[COUNTS];
    count_all(c, count);
    (void)visit_header(&p, count, c->version);
    for (size_t i = 0; i < c->tokens; i++)
        (void)string(&p, c->token[i]);
    for (size_t i = 0; i < c->marks; i++)
        (void)string(&p, c->mark[i]);
    WRITE_EACH(c->remedy, c->remedies, struct cmg_remedy, visit_remedy)
    WRITE_EACH(c->cause, c->causes, struct cmg_cause, visit_cause)
    WRITE_EACH(c->code, c->codes, struct cmg_code, visit_code)
    WRITE_EACH(c->entry, c->entries, struct cmg_entry, visit_entry)
    WRITE_EACH(c->rule, c->rules, struct cmg_rule, visit_rule)
    return p.rc;
}

/* ---- opening ------------------------------------------------------------------------------- */

static void *carve(char **at, size_t n, size_t size)
{
    void *p = *at;
    *at += n * size;
    return p;
}

/* One block for everything. The structs all hold pointers and so keep each other aligned; the
 * numbers come last. */
static struct opened *make_room(const uint32_t n[COUNTS])
{
    size_t strs = (size_t)n[N_TOKENS] + n[N_MARKS] + n[N_STRS];
    size_t size = sizeof(struct opened) + n[N_ENTRIES] * sizeof(struct cmg_entry) +
                  n[N_RULES] * sizeof(struct cmg_rule) + n[N_REMEDIES] * sizeof(struct cmg_remedy) +
                  n[N_CAUSES] * sizeof(struct cmg_cause) + n[N_CODES] * sizeof(struct cmg_code) +
                  strs * sizeof(cmg_str) + n[N_INDICES] * sizeof(uint32_t);
    struct opened *o = calloc(1, size);
    if (!o)
        return NULL;
    char *at = (char *)(o + 1);
    o->entry = carve(&at, n[N_ENTRIES], sizeof(*o->entry));
    o->rule = carve(&at, n[N_RULES], sizeof(*o->rule));
    o->remedy = carve(&at, n[N_REMEDIES], sizeof(*o->remedy));
    o->cause = carve(&at, n[N_CAUSES], sizeof(*o->cause));
    o->code = carve(&at, n[N_CODES], sizeof(*o->code));
    o->token = carve(&at, n[N_TOKENS], sizeof(*o->token));
    o->mark = carve(&at, n[N_MARKS], sizeof(*o->mark));
    o->strs = carve(&at, n[N_STRS], sizeof(*o->strs));
    o->indices = carve(&at, n[N_INDICES], sizeof(*o->indices));
    o->c = (struct cmg_catalog){
        .entry = o->entry,
        .entries = n[N_ENTRIES],
        .rule = o->rule,
        .rules = n[N_RULES],
        .token = o->token,
        .tokens = n[N_TOKENS],
        .remedy = o->remedy,
        .remedies = n[N_REMEDIES],
        .cause = o->cause,
        .causes = n[N_CAUSES],
        .code = o->code,
        .codes = n[N_CODES],
        .mark = o->mark,
        .marks = n[N_MARKS],
    };
    return o;
}

static void read_tokens(struct pass *p, struct opened *o)
{
    for (size_t i = 0; i < o->c.tokens && !p->fault; i++) {
        o->token[i] = string(p, o->token[i]);
        if (o->token[i].len < CMG_MATCH_SHORTEST || o->token[i].len > CMG_MATCH_LONGEST)
            wrong(p, "a token is too short or too long");
    }
    for (size_t i = 0; i < o->c.marks && !p->fault; i++)
        o->mark[i] = string(p, o->mark[i]);
}

/* Each flag is one bit, and they go upwards: whoever walks a mask relies on it. */
static void read_causes(struct pass *p, struct opened *o)
{
    for (size_t i = 0; i < o->c.causes && !p->fault; i++) {
        struct cmg_cause *c = &o->cause[i];
        visit_cause(p, c);
        if (c->flag == 0 || (c->flag & (c->flag - 1)) || (i && c->flag <= c[-1].flag))
            wrong(p, "the causes are not in order");
    }
}

static int compare_codes(enum cmg_code_table ta, uint32_t va, const struct cmg_code *b)
{
    if (ta != b->table)
        return ta < b->table ? -1 : 1;
    return va < b->value ? -1 : va > b->value;
}

static void read_codes(struct pass *p, struct opened *o)
{
    for (size_t i = 0; i < o->c.codes && !p->fault; i++) {
        struct cmg_code *c = &o->code[i];
        visit_code(p, c);
        if (i && compare_codes(c->table, c->value, c - 1) <= 0)
            wrong(p, "the codes are not in order");
    }
}

static void read_rest(struct pass *p, struct opened *o)
{
    for (size_t i = 0; i < o->c.entries && !p->fault; i++)
        visit_entry(p, &o->entry[i]);
    for (size_t i = 0; i < o->c.rules && !p->fault; i++) {
        visit_rule(p, &o->rule[i]);
        if (i && o->rule[i].entry < o->rule[i - 1].entry)
            wrong(p, "the rules are not in the order of the entries");
    }
    if (!p->fault && (p->in.len || p->strs_left || p->indices_left))
        wrong(p, "something is left over");
}

static void read_all(struct pass *p, struct opened *o, const uint32_t n[COUNTS])
{
    p->c = &o->c;
    p->strs = o->strs;
    p->strs_left = n[N_STRS];
    p->indices = o->indices;
    p->indices_left = n[N_INDICES];
    read_tokens(p, o);
    for (size_t i = 0; i < o->c.remedies && !p->fault; i++)
        visit_remedy(p, &o->remedy[i]);
    read_causes(p, o);
    read_codes(p, o);
    read_rest(p, o);
}

static struct cmg_catalog *fail(struct opened *o, struct cmg_error *reterr, enum cmg_rc rc,
                                const char *text)
{
    free(o);
    *reterr = (struct cmg_error){.rc = rc};
    size_t n = strlen(text);
    memcpy(reterr->text, "catalogue image: ", 17);
    memcpy(reterr->text + 17, text, n < sizeof(reterr->text) - 18 ? n : sizeof(reterr->text) - 18);
    return NULL;
}

struct cmg_catalog *cmg_catalog_open(const void *image, size_t len, struct cmg_error *reterr)
{
    uint32_t count[COUNTS] = {0};
    if (len > CMG_CATALOG_IMAGE_MAX)
        return fail(NULL, reterr, CMG_ELIMIT, "too large");
    struct pass p = {.in = cmg_str_of(image, len)};
    cmg_str version = visit_header(&p, count, CMG_LIT(""));
    if (p.fault)
        return fail(NULL, reterr, CMG_ECONFIG, p.fault);
    struct opened *o = make_room(count);
    if (!o)
        return fail(NULL, reterr, CMG_ENOMEM, "out of memory");
    o->c.version = version;
    read_all(&p, o, count);
    return p.fault ? fail(o, reterr, CMG_ECONFIG, p.fault) : &o->c;
}

void cmg_catalog_free(struct cmg_catalog *c)
{
    free(c); /* the first member of the one block */
}

/* ---- looking up ---------------------------------------------------------------------------- */

const struct cmg_entry *cmg_catalog_entry(const struct cmg_catalog *c, cmg_str slug_or_id)
{
    for (size_t i = 0; i < c->entries; i++)
        if (cmg_str_ieq(c->entry[i].slug, slug_or_id) || cmg_str_ieq(c->entry[i].id, slug_or_id))
            return &c->entry[i];
    return NULL;
}

const struct cmg_remedy *cmg_catalog_remedy(const struct cmg_catalog *c, cmg_str id)
{
    for (size_t i = 0; i < c->remedies; i++)
        if (cmg_str_ieq(c->remedy[i].id, id))
            return &c->remedy[i];
    return NULL;
}

const struct cmg_code *cmg_catalog_code(const struct cmg_catalog *c, enum cmg_code_table t,
                                        uint32_t value)
{
    size_t from = 0, to = c->codes;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        int order = compare_codes(t, value, &c->code[mid]);
        if (order == 0)
            return &c->code[mid];
        if (order < 0)
            to = mid;
        else
            from = mid + 1;
    }
    return NULL;
}
