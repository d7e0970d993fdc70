/* SPDX-License-Identifier: Apache-2.0
 * What the report remembers of the records: their incidents, and which of them tell one story. */
#ifndef CMG_CLI_COLLECT_H
#define CMG_CLI_COLLECT_H

#include "enrich/catalog.h"

enum {
    CMG_INCIDENTS_MAX = 100000,
    CMG_EVIDENCE_MAX = 8,        /* lines kept of an incident; the primary is always among them */
    CMG_EVIDENCE_TEXT_MAX = 600, /* bytes of each */
    CMG_EVIDENCE_BYTES_MAX = 64 << 20,
};

struct cmg_evidence {
    uint64_t line;
    char *text;
    enum cmg_role role;
};

struct cmg_incident {
    char id[CMG_ID_SIZE];
    const struct cmg_entry *entry; /* of the primary; of the strongest record until one comes */
    enum cmg_scope scope;
    bool settled, promoted;
    size_t log; /* index into logs */
    uint32_t records;
    bool dated;
    int64_t first_ns, last_ns;
    char *component, *message_id, *url, *status_text, *facts;
    bool has_thread;
    uint64_t thread;
    uint32_t code;
    int32_t status;
    size_t causes, remedies;
    const struct cmg_cause *cause[CMG_CAUSES_MAX];
    const struct cmg_remedy *remedy[CMG_REMEDIES_MAX];
    size_t evidences;
    struct cmg_evidence evidence[CMG_EVIDENCE_MAX];
    size_t next; /* the story's next incident; SIZE_MAX: none */
};

struct cmg_story {
    size_t first; /* its incidents, in the order in which they were found */
    size_t incidents, logs;
    const struct cmg_entry *entry;
    enum cmg_scope scope;
    bool dated;
    int64_t first_ns, last_ns;
};

struct cmg_log_name {
    char *host, *path;
};

struct cmg_map; /* 64-bit hashes to indices */

struct cmg_collection {
    const struct cmg_catalog *catalog;
    struct cmg_incident *incident;
    size_t incidents, incidents_size;
    struct cmg_log_name *log;
    size_t logs, logs_size;
    struct cmg_story *story; /* made by cmg_collection_group */
    size_t stories;
    struct cmg_map *by_id;
    uint64_t records, left_out;
    size_t text_bytes;
};

CMG_MUST_USE bool cmg_collection_init(struct cmg_collection *c, const struct cmg_catalog *catalog);
void cmg_collection_done(struct cmg_collection *c);
/* False: no memory. `line` is where the record begins, 0 when that is not known. */
CMG_MUST_USE bool cmg_collection_add(struct cmg_collection *c, const struct cmg_record *r,
                                     uint64_t line);
/* Incidents of one class that share a message id, a URL (its query aside), or log and component are
 * one story; so are those that saw one request on both sides of the gateway at about the same time.
 * Sorted: most severe first, then those of the gateway, then the most frequent, then the latest. */
CMG_MUST_USE bool cmg_collection_group(struct cmg_collection *c);

#endif
