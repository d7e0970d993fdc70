/* SPDX-License-Identifier: Apache-2.0
 * Growable bytes with a cap. A call either does all it says or leaves the buffer as it was. */
#ifndef CMG_CORE_BUF_H
#define CMG_CORE_BUF_H

#include "core/str.h"

/* Empty; will never hold more than `cap` bytes. */
static inline struct cmg_buf cmg_buf_init(size_t cap)
{
    return (struct cmg_buf){NULL, 0, 0, cap};
}

void cmg_buf_done(struct cmg_buf *b);
/* Room for `more` bytes behind len: CMG_ELIMIT past the cap, CMG_ENOMEM without memory. */
CMG_MUST_USE enum cmg_rc cmg_buf_reserve(struct cmg_buf *b, size_t more);
CMG_MUST_USE enum cmg_rc cmg_buf_add(struct cmg_buf *b, cmg_str s);
/* A copy with a NUL behind it, for free(). strndup() would look for a NUL that a slice need not
 * have. NULL: no memory.
 */
char *cmg_str_dup(cmg_str s);
static inline cmg_str cmg_buf_str(const struct cmg_buf *b)
{
    return (cmg_str){b->ptr, b->len};
}

#endif
