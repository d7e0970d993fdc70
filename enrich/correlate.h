/* SPDX-License-Identifier: Apache-2.0
 * The memory of open incidents: one block of plain data, so that it is saved and restored by a
 * copy.
 *
 *   slot      what is remembered of one key: its last request, marks, counters, and which incidents
 * are open. Set-associative by the key's hash; the least recently used of a set makes room.
 *   incident  one failure. Lives in a pool shared by all slots, is always in the list of its state,
 * and holds all that its promotion needs, so that an evicted candidate needs no slot.
 *
 * Slots and incidents are known by numbers from 1; 0 is none. Hot parts and texts are apart:
 * counting a record of a key touches two cache lines. For files of enrich/ only. */
#ifndef CMG_ENRICH_CORRELATE_H
#define CMG_ENRICH_CORRELATE_H

#include "core/str.h"

enum {
    CMG_CORR_WAYS = 8, /* slots of a set */
    CMG_CORR_POOL = 4, /* incidents in the pool for each set */
    CMG_CORR_OPEN = 4, /* incidents open under one key */
    CMG_CORR_SPARE =
        8, /* further incidents of the pool: closed ones that wait for their promotion */
    CMG_CORR_BUCKETS = 64, /* streams are told apart by these where nothing is due */
    CMG_CORR_URL = 512,    /* longest texts kept; longer ones are cut between characters */
    CMG_CORR_HOST = 256,
    CMG_CORR_PATH = 260,
    CMG_CORR_WORD = 64, /* status text, message id, token time */
    CMG_CORR_COUNTERS = 4,
    CMG_CORR_DIGITS = 12,
};

/* How long an incident stays open after the last record that joined it. Both limits hold. */
struct cmg_window {
    int64_t ns;
    uint32_t records;
};

/* A record's place in time. `known` is false where the only time is that of reading. */
struct cmg_moment {
    int64_t ns;
    bool known;
};

struct cmg_link {
    uint32_t prev, next;
};

/* Oldest first. */
struct cmg_list {
    uint32_t head, tail;
};

enum cmg_incident_state {
    CMG_INC_FREE,
    CMG_INC_CANDIDATE,
    CMG_INC_SETTLED,
    CMG_INC_PENDING,
    CMG_INC_STATES
};

struct cmg_flags {
    uint32_t lines, mask; /* callback flags: said by their own lines, and by the mask */
    uint32_t has_mask;
};

struct cmg_incident {
    struct cmg_link by_state, by_stream; /* by_stream: candidates only */
    uint64_t stream;
    uint64_t class_hash;
    int64_t last_ns;      /* of the last record that joined */
    int64_t candidate_ns; /* @timestamp of the best candidate */
    uint32_t last_count;  /* the slot's count then */
    uint32_t slot;        /* 0 once pending */
    struct cmg_flags flags;
    uint32_t code;
    int32_t status;
    uint8_t state, scope, candidate_source, last_known;
    uint16_t url, host, path, status_text, request_id; /* lengths */
    char id[CMG_ID_SIZE];
    char candidate[CMG_ID_SIZE];
};

struct cmg_incident_text {
    char url[CMG_CORR_URL], host[CMG_CORR_HOST], path[CMG_CORR_PATH + 4];
    char status_text[CMG_CORR_WORD], request_id[CMG_CORR_WORD];
};

struct cmg_slot {
    /* What every record of the key looks at: the next `quiet` records change nothing but `count`,
     * unless their time is behind quiet_ns. */
    int64_t quiet_ns;
    uint32_t quiet;
    uint32_t count; /* records of this key */
    uint64_t stream;
    uint64_t used;       /* the table's clock when the slot was last named */
    uint64_t flag_class; /* of the lines that said `flags`, 0: no rule knew them */
    int64_t memory_ns;   /* when marks, flags, counters or times were last added to */
    uint32_t memory_count;
    uint32_t marks;
    struct cmg_flags flags;             /* of a dump that belongs to no incident yet */
    int32_t counter[CMG_CORR_COUNTERS]; /* 1 more than the log says; 0: not seen */
    uint32_t incident[CMG_CORR_OPEN];
    uint16_t url, valid_to, current_time; /* lengths */
    uint8_t request_scope;                /* what the last request shows */
    uint8_t has_memory, memory_known, busy;
};

struct cmg_slot_text {
    char url[CMG_CORR_URL], valid_to[CMG_CORR_WORD], current_time[CMG_CORR_WORD];
    char counter[CMG_CORR_COUNTERS][CMG_CORR_DIGITS];
};

struct cmg_slot *cmg_corr_slot(struct cmg_corr *c, uint32_t slot);
struct cmg_slot_text *cmg_corr_slot_text(struct cmg_corr *c, uint32_t slot);
struct cmg_incident *cmg_corr_incident(struct cmg_corr *c, uint32_t incident);
struct cmg_incident_text *cmg_corr_incident_text(struct cmg_corr *c, uint32_t incident);

/* False: no key of the stream has anything that counts records, so that an ordinary record need not
 * even know its key. */
bool cmg_corr_counts(const struct cmg_corr *c, uint64_t stream);
/* The slot of a key, or 0. */
uint32_t cmg_corr_find(const struct cmg_corr *c, uint64_t key);
/* The slot of a key; made when there is none, at the cost of the least useful of its set. */
uint32_t cmg_corr_take(struct cmg_corr *c, uint64_t key, uint64_t stream);

/* One more record of the key: counts it and closes what has run out. False: nothing has, and
 * nothing is full either. */
bool cmg_corr_count(struct cmg_corr *c, uint32_t slot, struct cmg_moment now,
                    const struct cmg_window *w);
/* After the record: a candidate that no further record can join is closed now, not with the next
 * one. */
void cmg_corr_close_full(struct cmg_corr *c, uint32_t slot, const struct cmg_window *w);

/* A new incident under the slot, in state CANDIDATE or SETTLED and otherwise zeroed. */
uint32_t cmg_corr_open(struct cmg_corr *c, uint32_t slot, enum cmg_incident_state state,
                       uint64_t class_hash);
/* A record joined: its window starts anew. */
void cmg_corr_touch(struct cmg_corr *c, uint32_t incident, struct cmg_moment now,
                    const struct cmg_window *w);
/* A candidate has its answer. */
void cmg_corr_answer(struct cmg_corr *c, uint32_t incident);
/* The next candidate to promote, or 0: evicted ones first, then those of the stream whose window
 * closed (or all of them). The caller ends with cmg_corr_release; texts stay until the next call.
 */
uint32_t cmg_corr_due(struct cmg_corr *c, uint64_t stream, struct cmg_moment now, bool all,
                      const struct cmg_window *w);
void cmg_corr_release(struct cmg_corr *c, uint32_t incident);

/* Copies at most `cap` bytes, never half a character; returns how many. */
uint16_t cmg_corr_keep(char *to, size_t cap, cmg_str text);

#endif
