/* SPDX-License-Identifier: Apache-2.0
 * One record: which words it has, what they say, which class that is, and which incident it belongs
 * to.
 *
 * Most records have none of the words. For them the work ends after the scan, unless something is
 * open under their key, which then counts them. */
#include "enrich/internal.h"

static struct cmg_moment moment_of(const struct cmg_record *r)
{
    return (struct cmg_moment){r->time_ns, r->time_source != CMG_TIME_READ};
}

static void ordinary(const struct cmg_enricher *e, struct cmg_corr *c, uint64_t stream,
                     const struct cmg_record *r)
{
    if (!cmg_corr_counts(c, stream))
        return;
    uint32_t slot = cmg_corr_find(c, cmg_key(stream, &r->event, (cmg_str){NULL, 0}));
    if (!slot)
        return;
    if (cmg_corr_count(c, slot, moment_of(r), &e->window))
        cmg_corr_close_full(c, slot, &e->window);
}

static void find_slot(struct cmg_case *x, uint64_t key)
{
    x->slot = cmg_corr_find(x->c, key);
    if (!x->slot)
        return;
    cmg_corr_count(x->c, x->slot, x->now, &x->e->window);
    x->marks = cmg_corr_slot(x->c, x->slot)->marks;
}

static void take_slot(struct cmg_case *x, uint64_t key)
{
    bool is_new = !x->slot;
    x->slot = cmg_corr_take(x->c, key, x->stream);
    if (is_new)
        cmg_corr_count(x->c, x->slot, x->now, &x->e->window);
}

static void correlate(struct cmg_case *x, const struct cmg_rule *rule)
{
    struct cmg_joined j = cmg_join(x, rule);
    if (j.incident) {
        cmg_contribute(x, rule, &j);
        cmg_finding_fill(x, rule, &j);
    }
    if (rule->role == CMG_ROLE_PRIMARY)
        cmg_use_up(x, rule);
}

/* An access-log row has its facts in columns; a query that quotes a message is not one. */
static void read_facts(struct cmg_case *x)
{
    const struct cmg_event *ev = &x->r->event;
    if (ev->has_http)
        cmg_extract(x->e->catalog, (cmg_str){NULL, 0}, NULL, 0, x->e->extract_base, &x->facts);
    else
        cmg_extract(x->e->catalog, ev->message, x->hit, x->hits, x->e->extract_base, &x->facts);
    x->status = ev->has_http ? ev->http.status : x->facts.status;
    x->substatus = ev->has_http ? ev->http.substatus : -1;
}

/* A record that has words, or a status that rules ask for. */
static void look(struct cmg_case *x)
{
    read_facts(x);
    x->shows = cmg_shows(x->e, x->r, &x->facts);
    uint64_t key = cmg_key(x->stream, &x->r->event, x->facts.message_id);
    find_slot(x, key);
    const struct cmg_rule *rule = cmg_judge(x);
    if (rule)
        x->facts.flag_lines |= rule->flags;
    if (cmg_remembers(x, rule))
        take_slot(x, key);
    if (!x->slot)
        return;
    cmg_remember(x, rule);
    if (rule)
        correlate(x, rule);
    cmg_corr_close_full(x->c, x->slot, &x->e->window);
}

static bool status_matters(const struct cmg_enricher *e, const struct cmg_event *ev)
{
    int32_t s = ev->http.status;
    if (!ev->has_http || s < 0 || s > CMG_STATUS_MAX)
        return false;
    return e->any_status || (e->status_set[s / 64] >> (s % 64) & 1);
}

static bool has_coded(const struct cmg_enricher *e, uint32_t code)
{
    uint32_t k = cmg_first_coded(e, code);
    return k < e->codeds && e->coded[k].code == code;
}

/* A code that some rule asks for. */
static bool codes_matter(const struct cmg_enricher *e, cmg_str message)
{
    struct cmg_code_hit code[CMG_CODES_MAX];
    size_t n = cmg_codes_scan(message, code, CMG_CODES_MAX);
    for (size_t i = 0; i < n; i++)
        if (has_coded(e, code[i].hresult))
            return true;
    return false;
}

/* The id of a Windows event, 0: the record is none. */
static uint32_t event_of(const struct cmg_event *ev)
{
    enum { DIGITS_MAX = 5 };
    uint32_t n = 0;
    if (!ev->code.len || ev->code.len > DIGITS_MAX)
        return 0;
    for (size_t i = 0; i < ev->code.len; i++) {
        if (!cmg_is_digit(ev->code.ptr[i]))
            return 0;
        n = 10 * n + (uint32_t)(ev->code.ptr[i] - '0');
    }
    return n;
}

/* What is not in words: the status of a row, the number of an event, a code. */
static bool numbers_matter(const struct cmg_enricher *e, const struct cmg_event *ev, uint32_t event)
{
    if (ev->has_http)
        return status_matters(e, ev);
    return (event && has_coded(e, event)) || codes_matter(e, ev->message);
}

void cmg_enrich(const struct cmg_enricher *e, struct cmg_corr *c, uint64_t stream,
                struct cmg_record *r)
{
    struct cmg_hit hit[CMG_CASE_HITS];
    size_t hits = 0;
    bool more;
    cmg_finding_clear(&r->finding);
    if (!r->event.has_http || e->row_words)
        hits = cmg_matcher_scan(e->matcher, r->event.message, hit, CMG_CASE_HITS, &more);
    uint32_t event = event_of(&r->event);
    if (!hits && !numbers_matter(e, &r->event, event)) {
        ordinary(e, c, stream, r);
        return;
    }
    struct cmg_case x = {.e = e,
                         .c = c,
                         .r = r,
                         .stream = stream,
                         .now = moment_of(r),
                         .event = event,
                         .hit = hit,
                         .hits = hits};
    look(&x);
}
