/* SPDX-License-Identifier: Apache-2.0
 * What the encoders share: the values of schemas/fields.def that are not simply members of the
 * record. */
#ifndef CMG_CORE_ENCODE_H
#define CMG_CORE_ENCODE_H

#include "core/time.h"
#include "enrich/catalog.h"
#include "enrich/extract.h"

#define CMG_ECS_VERSION   "9.4.0"
#define CMG_RECORD_SCHEMA "1"

enum { CMG_SORTS_MAX = 2 };

/* How ECS sorts an event (event.category, event.type). */
struct cmg_sort {
    cmg_str category[CMG_SORTS_MAX], type[CMG_SORTS_MAX];
    size_t categories, types;
};

/* Slices point into the record, the catalogue, constant text, or the view itself: it is not copied.
 * Only what its section's condition in fields.def lets through is set. */
struct cmg_view {
    char time[CMG_RFC3339_MAX], code[CMG_WORD_ROOM], zone[CMG_WORD_ROOM];
    size_t time_len, code_len, zone_len;
    enum cmg_level judged; /* the record's own, or its class's where it is a primary */
    cmg_str level, scope, confidence, role, incident, promoted, id, time_source;
    cmg_str decoder, message, kind, outcome, reference, client_ip;
    const struct cmg_sort *sort;
    uint64_t severity, duration;
    int32_t status;
    bool has_http, has_url, has_duration;
    cmg_str method; /* of an access-log row; without one the event's http says nothing */
    cmg_str url_head, url_tail; /* the URL around its user name and password */
    struct cmg_url url;
};

void cmg_view_init(struct cmg_view *v, const struct cmg_record *r);

/* Name of problem bit `bit`; empty for a bit that has no row. */
cmg_str cmg_problem_name(unsigned bit);

/* Is pair `i` a member of its object? Names are the log's: an empty one, one with a NUL, or one
 * that an earlier pair has, would not be JSON that every reader takes. event.original has them. */
static inline bool cmg_pair_counts(const struct cmg_attr *at, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (cmg_str_eq(at[k].name, at[i].name))
            return false;
    return at[i].name.len != 0 && cmg_str_chr(at[i].name, '\0') == CMG_STR_NPOS;
}

/* A row of fields.def, for people. */
struct cmg_field {
    const char *path;
    const char *type;  /* text, number, texts, object */
    const char *owner; /* ecs, own */
    const char *text;
};
extern const struct cmg_field cmg_fields[];
extern const size_t cmg_fields_len;

#endif
