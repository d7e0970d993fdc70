/* SPDX-License-Identifier: Apache-2.0
 * What a record says about its failure, once it is known which incident it belongs to. */
#include "enrich/internal.h"

#include <stdio.h>

void cmg_finding_clear(struct cmg_finding *f)
{
    f->entry = NULL;
    f->role = CMG_ROLE_NONE;
    f->scope = CMG_SCOPE_UNKNOWN;
    f->incident[0] = f->promoted[0] = '\0';
    f->code = 0;
    f->status = -1;
    f->status_text = (cmg_str){NULL, 0};
    f->url = (cmg_str){NULL, 0};
    f->request_id = (cmg_str){NULL, 0};
    f->causes = f->remedies = f->facts = 0;
}

/* ---- causes and remedies --------------------------------------------------------------------- */

static void add_remedies(struct cmg_finding *f, const struct cmg_remedy *const *remedy, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (k < f->remedies && !cmg_str_eq(f->remedy[k], remedy[i]->id))
            k++;
        if (k == f->remedies && f->remedies < CMG_REMEDIES_MAX)
            f->remedy[f->remedies++] = remedy[i]->id;
    }
}

uint32_t cmg_finding_explain(const struct cmg_enricher *e, const struct cmg_flags *flags,
                             struct cmg_finding *f)
{
    const struct cmg_catalog *c = e->catalog;
    uint32_t lines = flags->lines & e->known_flags, mask = flags->mask & e->known_flags;
    add_remedies(f, f->entry->remedy, f->entry->remedies);
    for (size_t i = 0; (lines | mask) && i < c->causes; i++) {
        if (!((lines | mask) & c->cause[i].flag) || f->causes == CMG_CAUSES_MAX)
            continue;
        f->cause[f->causes++] = c->cause[i].id;
        add_remedies(f, c->cause[i].remedy, c->cause[i].remedies);
    }
    return lines && flags->has_mask && lines != mask ? CMG_P_MASK_MISMATCH : 0;
}

/* ---- counters and times ---------------------------------------------------------------------- */

static void add_fact(struct cmg_finding *f, cmg_str name, cmg_str value)
{
    if (value.len)
        f->fact[f->facts++] = (struct cmg_attr){name, value};
}

/* Only a line that ends a count says what the count was. */
static void add_counters(struct cmg_case *x, struct cmg_finding *f)
{
    static const cmg_str name[CMG_COUNTERS] = {{"digital_signature", 17},
                                               {"allowed_root_ca", 15},
                                               {"private_key", 11},
                                               {"client_auth", 11}};
    const struct cmg_slot *s = cmg_corr_slot(x->c, x->slot);
    struct cmg_slot_text *t = cmg_corr_slot_text(x->c, x->slot);
    bool own = false;
    for (int i = 0; i < CMG_COUNTERS; i++)
        own |= x->facts.counter[i] >= 0;
    for (int i = 0; own && i < CMG_COUNTERS; i++) {
        if (!s->counter[i])
            continue;
        int n = snprintf(t->counter[i], CMG_CORR_DIGITS, "%d", s->counter[i] - 1);
        add_fact(f, name[i], cmg_str_of(t->counter[i], (size_t)n));
    }
}

static void add_times(struct cmg_case *x, struct cmg_finding *f)
{
    const struct cmg_slot *s = cmg_corr_slot(x->c, x->slot);
    const struct cmg_slot_text *t = cmg_corr_slot_text(x->c, x->slot);
    if (!x->facts.valid_to.len && !x->facts.current_time.len)
        return;
    add_fact(f, CMG_LIT("valid_to"), cmg_str_of(t->valid_to, s->valid_to));
    add_fact(f, CMG_LIT("current_time"), cmg_str_of(t->current_time, s->current_time));
}

/* A TLS alert by its name: events of Schannel have only its number. */
static void add_alert(struct cmg_case *x, struct cmg_finding *f)
{
    const struct cmg_event *ev = &x->r->event;
    for (size_t i = 0; x->event && i < ev->attrs; i++) {
        uint32_t n = 0;
        cmg_str digits = ev->attr[i].value;
        if (!cmg_str_ends(ev->attr[i].name, CMG_LIT("AlertDesc")) || !digits.len || digits.len > 3)
            continue;
        for (size_t k = 0; k < digits.len; k++)
            n = 10 * n + (uint32_t)(cmg_is_digit(digits.ptr[k]) ? digits.ptr[k] - '0' : 999);
        const struct cmg_code *alert = cmg_catalog_code(x->e->catalog, CMG_TABLE_ALERT, n);
        if (alert)
            add_fact(f, CMG_LIT("tls_alert"), alert->symbol);
        return;
    }
}

/* ---- the finding ----------------------------------------------------------------------------- */

static void fill_own(struct cmg_case *x, const struct cmg_rule *rule, struct cmg_finding *f)
{
    f->entry = rule->entry;
    f->code = rule->code ? rule->code : x->facts.codes ? x->facts.code[0].hresult : 0;
    f->status = x->status;
    f->status_text = x->facts.status_text;
    f->url = cmg_own_url(x);
    f->request_id = x->facts.message_id;
}

/* What the incident's earlier records knew. */
static void copy_down(struct cmg_case *x, uint32_t i, struct cmg_finding *f)
{
    const struct cmg_incident *inc = cmg_corr_incident(x->c, i);
    const struct cmg_incident_text *t = cmg_corr_incident_text(x->c, i);
    if (!f->url.len)
        f->url = cmg_str_of(t->url, inc->url);
    if (!f->code)
        f->code = f->entry->code ? f->entry->code : inc->code;
    if (f->status < 0)
        f->status = inc->status;
    if (!f->status_text.len)
        f->status_text = cmg_str_of(t->status_text, inc->status_text);
    if (!f->request_id.len)
        f->request_id = cmg_str_of(t->request_id, inc->request_id);
    add_counters(x, f);
    add_times(x, f);
}

void cmg_finding_fill(struct cmg_case *x, const struct cmg_rule *rule, const struct cmg_joined *j)
{
    struct cmg_finding *f = &x->r->finding;
    const struct cmg_incident *inc = cmg_corr_incident(x->c, j->incident);
    const struct cmg_flags own = {x->facts.flag_lines, x->facts.flag_mask, 0};
    f->role = j->role;
    fill_own(x, rule, f);
    if (j->role == CMG_ROLE_PRIMARY)
        copy_down(x, j->incident, f);
    else if (j->role == CMG_ROLE_CANDIDATE && !f->url.len)
        f->url = cmg_str_of(cmg_corr_incident_text(x->c, j->incident)->url, inc->url);
    if (!f->code)
        f->code = rule->entry->code;
    add_alert(x, f);
    const struct cmg_entry *entry = cmg_enricher_class(x->e, inc->class_hash);
    f->scope = cmg_scope_of(entry ? entry : rule->entry, inc->scope);
    memcpy(f->incident, inc->id, CMG_ID_SIZE);
    x->r->problems |=
        cmg_finding_explain(x->e, j->role == CMG_ROLE_PRIMARY ? &inc->flags : &own, f);
}
