/* SPDX-License-Identifier: Apache-2.0
 * Which records have arrived? Cookies are numbered in the order of handing out; reports come in any
 * order. What counts is the first one still missing: a checkpoint moves over what lies before it,
 * and never over a gap. */
#ifndef CMG_SOURCES_ACKS_H
#define CMG_SOURCES_ACKS_H

#include "cmgpipe.h"

enum { CMG_ACKS_MAX = 1 << 24 }; /* records on their way at most; 2 MiB of bits */

struct cmg_acks {
    uint64_t first; /* the oldest cookie without a report; == next: none is out */
    uint64_t next;  /* the cookie of the next record */
    uint64_t *bits; /* ring; a set bit has been reported */
    size_t size;    /* in cookies: a power of two, or 0 */
};

/* One more record is handed out, as a->next - 1. CMG_ELIMIT: CMG_ACKS_MAX are out already. */
CMG_MUST_USE enum cmg_rc cmg_acks_add(struct cmg_acks *a);
/* The newest was not taken after all. Only when it has not been reported. */
void cmg_acks_undo(struct cmg_acks *a);
/* It has arrived. False, and nothing changes: it is not out, or was reported before. */
bool cmg_acks_done(struct cmg_acks *a, uint64_t cookie);
/* All that is out is forgotten; later reports of it count for nothing. */
void cmg_acks_forget(struct cmg_acks *a);
void cmg_acks_free(struct cmg_acks *a);

#endif
