/* SPDX-License-Identifier: Apache-2.0
 * What a record leaves behind for those that follow it: under its key, and on the incident that it
 * joined. */
#include "enrich/internal.h"

_Static_assert((int)CMG_CORR_COUNTERS == (int)CMG_COUNTERS, "every counter has its place");

/* An access-log row is its own request. */
static bool names_request(const struct cmg_case *x)
{
    const struct cmg_facts *f = &x->facts;
    return !x->r->event.has_http && (f->url.len || f->host.len || f->path.len);
}

static bool has_counter(const struct cmg_facts *f)
{
    for (int i = 0; i < CMG_COUNTERS; i++)
        if (f->counter[i] >= 0)
            return true;
    return false;
}

static bool adds_memory(const struct cmg_case *x)
{
    const struct cmg_facts *f = &x->facts;
    return x->sets || f->flag_lines || f->has_mask || f->valid_to.len || f->current_time.len ||
           has_counter(f);
}

bool cmg_remembers(const struct cmg_case *x, const struct cmg_rule *rule)
{
    bool opens = rule && (rule->role == CMG_ROLE_PRIMARY || rule->role == CMG_ROLE_CANDIDATE);
    return opens || names_request(x) || adds_memory(x);
}

/* ---- under the key --------------------------------------------------------------------------- */

/* The host alone, where the URL of the last request has it: that line says nothing new. */
static bool is_known_host(const struct cmg_case *x)
{
    const struct cmg_facts *f = &x->facts;
    cmg_str url =
        cmg_str_of(cmg_corr_slot_text(x->c, x->slot)->url, cmg_corr_slot(x->c, x->slot)->url);
    for (size_t i = 0; !f->url.len && !f->path.len && i + f->host.len <= url.len; i++)
        if (cmg_str_istarts(cmg_str_from(url, i), f->host))
            return true;
    return false;
}

/* A line may name host and path apart ("Host=..., Path=..."): then they are put together. A
 * placeholder for a host is left out. */
static void keep_request(const struct cmg_case *x)
{
    const struct cmg_facts *f = &x->facts;
    struct cmg_slot *s = cmg_corr_slot(x->c, x->slot);
    char *url = cmg_corr_slot_text(x->c, x->slot)->url;
    if (is_known_host(x))
        return;
    s->request_scope = (uint8_t)x->shows;
    bool placeholder = cmg_str_chr(f->host, '<') != CMG_STR_NPOS;
    cmg_str front = f->url.len ? f->url : placeholder ? (cmg_str){NULL, 0} : f->host;
    cmg_str back = f->url.len ? (cmg_str){NULL, 0} : f->path;
    uint16_t n = cmg_corr_keep(url, CMG_CORR_URL, front);
    s->url = (uint16_t)(n + cmg_corr_keep(url + n, (size_t)(CMG_CORR_URL - n), back));
}

/* The counters come in order, so a counter ends what an earlier count left of the later ones. */
static void keep_counters(struct cmg_slot *s, const struct cmg_facts *f)
{
    for (int i = 0; i < CMG_COUNTERS; i++) {
        if (f->counter[i] < 0)
            continue;
        s->counter[i] = f->counter[i] < INT32_MAX ? f->counter[i] + 1 : INT32_MAX;
        for (int k = i + 1; k < CMG_COUNTERS; k++)
            s->counter[k] = 0;
    }
}

static void keep_flags(const struct cmg_case *x, const struct cmg_rule *rule)
{
    const struct cmg_facts *f = &x->facts;
    struct cmg_slot *s = cmg_corr_slot(x->c, x->slot);
    if (!f->flag_lines && !f->has_mask)
        return;
    uint64_t class_hash = rule ? cmg_enricher_class_hash(x->e, rule->entry) : 0;
    if (class_hash && s->flag_class && class_hash != s->flag_class)
        s->flags = (struct cmg_flags){0, 0, 0};
    if (class_hash)
        s->flag_class = class_hash;
    s->flags.lines |= f->flag_lines;
    s->flags.mask |= f->flag_mask;
    s->flags.has_mask |= f->has_mask;
}

static void keep_times(const struct cmg_case *x)
{
    const struct cmg_facts *f = &x->facts;
    struct cmg_slot *s = cmg_corr_slot(x->c, x->slot);
    struct cmg_slot_text *t = cmg_corr_slot_text(x->c, x->slot);
    if (f->valid_to.len)
        s->valid_to = cmg_corr_keep(t->valid_to, CMG_CORR_WORD, f->valid_to);
    if (f->current_time.len)
        s->current_time = cmg_corr_keep(t->current_time, CMG_CORR_WORD, f->current_time);
}

void cmg_remember(struct cmg_case *x, const struct cmg_rule *rule)
{
    struct cmg_slot *s = cmg_corr_slot(x->c, x->slot);
    s->marks = x->marks;
    if (names_request(x))
        keep_request(x);
    if (!adds_memory(x))
        return;
    keep_counters(s, &x->facts);
    keep_flags(x, rule);
    keep_times(x);
    s->has_memory = 1;
    s->memory_count = s->count;
    s->memory_ns = x->now.ns;
    s->memory_known = x->now.known;
}

void cmg_use_up(struct cmg_case *x, const struct cmg_rule *rule)
{
    struct cmg_slot *s = cmg_corr_slot(x->c, x->slot);
    memset(s->counter, 0, sizeof s->counter);
    s->valid_to = s->current_time = 0;
    if (!s->flag_class || s->flag_class == cmg_enricher_class_hash(x->e, rule->entry)) {
        s->flags = (struct cmg_flags){0, 0, 0};
        s->flag_class = 0;
    }
}

/* ---- on the incident ------------------------------------------------------------------------- */

cmg_str cmg_own_url(const struct cmg_case *x)
{
    if (x->facts.url.len || !x->slot || !names_request(x))
        return x->facts.url;
    return cmg_str_of(cmg_corr_slot_text(x->c, x->slot)->url, cmg_corr_slot(x->c, x->slot)->url);
}

static void introduce(struct cmg_case *x, uint32_t i)
{
    struct cmg_incident *inc = cmg_corr_incident(x->c, i);
    struct cmg_incident_text *t = cmg_corr_incident_text(x->c, i);
    memcpy(inc->id, x->r->id, CMG_ID_SIZE);
    inc->host = cmg_corr_keep(t->host, CMG_CORR_HOST, x->r->host);
    inc->path = cmg_corr_keep(t->path, CMG_CORR_PATH, x->r->path);
}

/* The newest candidate's URL is that of the failure to come; other lines only fill the gap. */
static void give_url(struct cmg_case *x, const struct cmg_rule *rule, const struct cmg_joined *j)
{
    struct cmg_incident *inc = cmg_corr_incident(x->c, j->incident);
    struct cmg_incident_text *t = cmg_corr_incident_text(x->c, j->incident);
    const struct cmg_slot *s = cmg_corr_slot(x->c, x->slot);
    cmg_str url = cmg_own_url(x);
    if (!url.len && !inc->url && j->role != CMG_ROLE_EVIDENCE)
        url = cmg_str_of(cmg_corr_slot_text(x->c, x->slot)->url, s->url);
    if (url.len && (!inc->url || rule->role == CMG_ROLE_CANDIDATE || j->role == CMG_ROLE_PRIMARY))
        inc->url = cmg_corr_keep(t->url, CMG_CORR_URL, url);
}

static void give_words(struct cmg_case *x, const struct cmg_rule *rule, const struct cmg_joined *j)
{
    struct cmg_incident *inc = cmg_corr_incident(x->c, j->incident);
    struct cmg_incident_text *t = cmg_corr_incident_text(x->c, j->incident);
    bool newer = j->role == CMG_ROLE_CANDIDATE;
    if (x->status >= 0 && (newer || inc->status < 0))
        inc->status = x->status;
    if (x->facts.status_text.len && (newer || !inc->status_text))
        inc->status_text = cmg_corr_keep(t->status_text, CMG_CORR_WORD, x->facts.status_text);
    if (x->facts.message_id.len && !inc->request_id)
        inc->request_id = cmg_corr_keep(t->request_id, CMG_CORR_WORD, x->facts.message_id);
    uint32_t code = rule->code ? rule->code : x->facts.codes ? x->facts.code[0].hresult : 0;
    if (code && (newer || !inc->code))
        inc->code = code;
}

/* A dump that belongs to this class moves from the key to the incident. */
static void give_flags(struct cmg_case *x, const struct cmg_rule *rule, uint32_t i)
{
    struct cmg_incident *inc = cmg_corr_incident(x->c, i);
    struct cmg_slot *s = cmg_corr_slot(x->c, x->slot);
    uint64_t mine = cmg_enricher_class_hash(x->e, rule->entry);
    bool unclaimed = !s->flag_class && rule->role != CMG_ROLE_EVIDENCE;
    if (inc->class_hash != mine || !(s->flag_class == mine || unclaimed))
        return;
    inc->flags.lines |= s->flags.lines;
    inc->flags.mask |= s->flags.mask;
    inc->flags.has_mask |= s->flags.has_mask;
    s->flags = (struct cmg_flags){0, 0, 0};
    s->flag_class = 0;
}

void cmg_contribute(struct cmg_case *x, const struct cmg_rule *rule, const struct cmg_joined *j)
{
    struct cmg_incident *inc = cmg_corr_incident(x->c, j->incident);
    if (j->opened)
        introduce(x, j->incident);
    if (j->role == CMG_ROLE_CANDIDATE) {
        memcpy(inc->candidate, x->r->id, CMG_ID_SIZE);
        inc->candidate_ns = x->r->time_ns;
        inc->candidate_source = (uint8_t)x->r->time_source;
    }
    unsigned shows = x->shows | (rule->entry->scope == CMG_SCOPE_CMG ? CMG_SHOWS_CMG : 0);
    if (j->role != CMG_ROLE_EVIDENCE)
        shows |= cmg_corr_slot(x->c, x->slot)->request_scope;
    inc->scope = (uint8_t)(inc->scope | shows);
    give_url(x, rule, j);
    give_words(x, rule, j);
    give_flags(x, rule, j->incident);
    cmg_corr_touch(x->c, j->incident, x->now, &x->e->window);
}
