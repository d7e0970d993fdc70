/* SPDX-License-Identifier: Apache-2.0
 * Between the files of enrichment: the index made of a catalogue, and one record while it is
 * judged. */
#ifndef CMG_ENRICH_INTERNAL_H
#define CMG_ENRICH_INTERNAL_H

#include "enrich/correlate.h"
#include "enrich/enrich.h"

enum {
    CMG_SECONDS_DEFAULT = 120,
    CMG_RECORDS_DEFAULT = 400,
    CMG_WORDS_MAX = CMG_MATCH_WORDS_MAX, /* catalogue tokens, anchors and the words of extract.c */
    CMG_CASE_HITS = 192,                 /* different words looked at in one record */
    CMG_STATUS_MAX = 1023,               /* highest status that a rule without words can ask for */
};

/* What the lines of an incident show of the server that was talked to. */
enum { CMG_SHOWS_CMG = 1, CMG_SHOWS_OTHER = 2 };

/* A rule that only its code leads to. */
struct cmg_coded {
    uint32_t code, rule;
};

/* Rules are found by a word (their longest token, else their status text), else by their code: its
 * short spellings would make every scan for words slow. Those that have none of these are "plain"
 * and are looked at by status. */
struct cmg_enricher {
    const struct cmg_catalog *catalog;
    struct cmg_catalog *owned; /* the same when it is to be freed */
    struct cmg_matcher *matcher;
    uint32_t words; /* all that the matcher knows */
    uint32_t
        extract_base; /* catalogue tokens and anchors stand before, the words of extract.c behind */
    uint32_t *first;  /* rules of word w: rule[first[w]] up to rule[first[w + 1]] */
    uint32_t *rule;
    struct cmg_coded *coded; /* by code, then as in the catalogue */
    uint32_t codeds;
    uint32_t *plain; /* by status, then as in the catalogue */
    uint32_t plains;
    uint64_t status_set[(CMG_STATUS_MAX + 1) / 64]; /* statuses that plain rules ask for */
    bool any_status;                                /* a plain rule takes every status */
    bool row_words;                                 /* a rule with words names a decoder */
    uint64_t *class_hash;                           /* of each entry's slug: what the table keeps */
    uint32_t *class_table;                          /* open addressing: 1 + entry */
    uint32_t class_mask;
    uint32_t known_flags; /* callback flags that the catalogue knows */
    cmg_str *cmg_host, *connection_point;
    size_t cmg_hosts, connection_points;
    char *names;
    struct cmg_window window;
};

/* An enricher over a catalogue that somebody else owns. */
CMG_MUST_USE struct cmg_enricher *cmg_enricher_new_with(const struct cmg_catalog *catalog,
                                                        const struct cmg_options *opt,
                                                        struct cmg_error *reterr);
/* The entry of a class in the table, or NULL: the catalogue has changed since. */
const struct cmg_entry *cmg_enricher_class(const struct cmg_enricher *e, uint64_t class_hash);
uint64_t cmg_enricher_class_hash(const struct cmg_enricher *e, const struct cmg_entry *entry);

/* index.c: fills words, matcher, first, rule, plain and status_set. */
CMG_MUST_USE bool cmg_index_build(struct cmg_enricher *e, struct cmg_error *reterr);

/* One record while it is judged. */
struct cmg_case {
    const struct cmg_enricher *e;
    struct cmg_corr *c;
    struct cmg_record *r;
    uint64_t stream;
    struct cmg_moment now;
    uint32_t slot;  /* of its key, 0: none */
    uint32_t marks; /* of its key, as this record leaves them */
    uint32_t sets;  /* those that this record itself sets */
    int32_t status, substatus;
    uint32_t event; /* id of a Windows event, 0: it is none */
    unsigned shows; /* CMG_SHOWS_ of this record alone */
    const struct cmg_hit *hit;
    size_t hits;
    struct cmg_facts facts;
};

/* key.c. `message_id` may be empty. Never 0. */
uint64_t cmg_key(uint64_t stream, const struct cmg_event *ev, cmg_str message_id);

/* rules.c: the first rule of `coded` whose code is not below; e->codeds: none. */
uint32_t cmg_first_coded(const struct cmg_enricher *e, uint32_t code);
/* rules.c: the best rule that holds, or NULL. Leaves the marks as the rules that hold set and clear
 * them. */
const struct cmg_rule *cmg_judge(struct cmg_case *x);

/* scope.c */
unsigned cmg_shows(const struct cmg_enricher *e, const struct cmg_record *r,
                   const struct cmg_facts *f);
enum cmg_scope cmg_scope_of(const struct cmg_entry *entry, unsigned shows);

/* join.c: which incident the finding belongs to, and which part it plays. Incident 0: none, no
 * finding. */
struct cmg_joined {
    uint32_t incident;
    enum cmg_role role;
    bool opened;
};
struct cmg_joined cmg_join(struct cmg_case *x, const struct cmg_rule *rule);

/* memory.c: what a record leaves under its key, and on its incident. */
bool cmg_remembers(const struct cmg_case *x, const struct cmg_rule *rule);
void cmg_remember(struct cmg_case *x, const struct cmg_rule *rule);
void cmg_contribute(struct cmg_case *x, const struct cmg_rule *rule, const struct cmg_joined *j);
/* A primary finding uses up what was collected for it. */
void cmg_use_up(struct cmg_case *x, const struct cmg_rule *rule);
/* The URL that the record itself names: as written, or host and path put together. */
cmg_str cmg_own_url(const struct cmg_case *x);

/* finding.c */
void cmg_finding_clear(struct cmg_finding *f);
void cmg_finding_fill(struct cmg_case *x, const struct cmg_rule *rule, const struct cmg_joined *j);
/* Causes of the flags, then the remedies of the class and of the causes. Returns problem bits. */
uint32_t cmg_finding_explain(const struct cmg_enricher *e, const struct cmg_flags *flags,
                             struct cmg_finding *f);

#endif
