/* SPDX-License-Identifier: Apache-2.0
 * Which incident a finding belongs to, and which part it plays in it.
 *
 * An incident is opened by its first record, is a candidate until a primary finding settles it, and
 * has exactly one primary, whichever of cause and consequence comes first. Nothing is held back:
 * every record gets its answer when it comes. */
#include "enrich/internal.h"

static bool names(cmg_str pattern, cmg_str slug)
{
    if (cmg_str_ends(pattern, CMG_LIT("*")))
        return cmg_str_starts(slug, cmg_str_head(pattern, pattern.len - 1));
    return cmg_str_eq(pattern, slug);
}

static bool is_consequence(const struct cmg_entry *c, const struct cmg_entry *of)
{
    for (size_t i = 0; i < c->consequence_of.n; i++)
        if (names(c->consequence_of.at[i], of->slug))
            return true;
    return false;
}

/* ---- which of the open ones ------------------------------------------------------------------ */

struct open {
    const struct cmg_incident *inc;
    const struct cmg_entry *entry; /* NULL: a class that the catalogue no longer has */
};

typedef bool wanted(const struct cmg_entry *mine, const struct open *o);

static bool any(const struct cmg_entry *mine, const struct open *o)
{
    (void)mine;
    return o->entry != NULL;
}

static bool same(const struct cmg_entry *mine, const struct open *o)
{
    return o->entry == mine;
}

/* A candidate that this primary finding answers. */
static bool answered(const struct cmg_entry *mine, const struct open *o)
{
    return o->entry && o->inc->state == CMG_INC_CANDIDATE &&
           (o->entry->consequence_of_any || is_consequence(o->entry, mine));
}

/* An incident that explains this finding. "Any" needs one that has its primary. */
static bool explains(const struct cmg_entry *mine, const struct open *o)
{
    return o->entry && (is_consequence(mine, o->entry) ||
                        (mine->consequence_of_any && o->inc->state == CMG_INC_SETTLED));
}

/* The one that was joined last of those wanted, or 0. */
static uint32_t pick(const struct cmg_case *x, const struct cmg_entry *mine, wanted *want)
{
    const struct cmg_slot *s = cmg_corr_slot(x->c, x->slot);
    uint32_t best = 0, age = UINT32_MAX;
    for (int k = 0; k < CMG_CORR_OPEN; k++) {
        if (!s->incident[k])
            continue;
        const struct cmg_incident *inc = cmg_corr_incident(x->c, s->incident[k]);
        struct open o = {inc, cmg_enricher_class(x->e, inc->class_hash)};
        if (want(mine, &o) && s->count - inc->last_count < age) {
            best = s->incident[k];
            age = s->count - inc->last_count;
        }
    }
    return best;
}

/* ---- the three kinds of finding -------------------------------------------------------------- */

static struct cmg_joined open_new(struct cmg_case *x, const struct cmg_entry *mine,
                                  enum cmg_role role)
{
    enum cmg_incident_state state = role == CMG_ROLE_PRIMARY ? CMG_INC_SETTLED : CMG_INC_CANDIDATE;
    uint32_t i = cmg_corr_open(x->c, x->slot, state, cmg_enricher_class_hash(x->e, mine));
    return (struct cmg_joined){.incident = i, .role = role, .opened = true};
}

static struct cmg_joined evidence_of(uint32_t i)
{
    return (struct cmg_joined){.incident = i, .role = i ? CMG_ROLE_EVIDENCE : CMG_ROLE_NONE};
}

static struct cmg_joined answer(struct cmg_case *x, uint32_t i, const struct cmg_entry *mine)
{
    cmg_corr_incident(x->c, i)->class_hash = cmg_enricher_class_hash(x->e, mine);
    cmg_corr_answer(x->c, i);
    return (struct cmg_joined){.incident = i, .role = CMG_ROLE_PRIMARY};
}

static struct cmg_joined join_primary(struct cmg_case *x, const struct cmg_entry *mine)
{
    uint32_t i = pick(x, mine, same);
    if (i && cmg_corr_incident(x->c, i)->state == CMG_INC_SETTLED)
        return evidence_of(i);
    if (!i)
        i = pick(x, mine, answered);
    if (i)
        return answer(x, i, mine);
    i = pick(x, mine, explains);
    return i ? evidence_of(i) : open_new(x, mine, CMG_ROLE_PRIMARY);
}

/* A candidate that says more than the one that opened the incident takes its place: the wrapper
 * "bad status" gives way to the dump that follows it, but not the other way round. */
static bool says_more(const struct cmg_case *x, uint32_t i, const struct cmg_entry *mine)
{
    const struct cmg_incident *inc = cmg_corr_incident(x->c, i);
    const struct cmg_entry *old = cmg_enricher_class(x->e, inc->class_hash);
    if (inc->state != CMG_INC_CANDIDATE || !old || old == mine)
        return false;
    return (old->consequence_of_any || is_consequence(old, mine)) && !mine->consequence_of_any &&
           !is_consequence(mine, old);
}

static struct cmg_joined join_candidate(struct cmg_case *x, const struct cmg_entry *mine)
{
    uint32_t i = pick(x, mine, same);
    if (!i)
        i = pick(x, mine, any);
    if (!i)
        return open_new(x, mine, CMG_ROLE_CANDIDATE);
    if (!says_more(x, i, mine))
        return evidence_of(i);
    cmg_corr_incident(x->c, i)->class_hash = cmg_enricher_class_hash(x->e, mine);
    return (struct cmg_joined){.incident = i, .role = CMG_ROLE_CANDIDATE};
}

static struct cmg_joined join_evidence(struct cmg_case *x, const struct cmg_entry *mine)
{
    uint32_t i = pick(x, mine, same);
    return evidence_of(i ? i : pick(x, mine, explains));
}

struct cmg_joined cmg_join(struct cmg_case *x, const struct cmg_rule *rule)
{
    if (rule->role == CMG_ROLE_PRIMARY)
        return join_primary(x, rule->entry);
    if (rule->role == CMG_ROLE_CANDIDATE)
        return join_candidate(x, rule->entry);
    return join_evidence(x, rule->entry);
}
