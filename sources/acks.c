/* SPDX-License-Identifier: Apache-2.0
 * A window of bits over the cookies that are out. */
#include "sources/acks.h"

#include <stdlib.h>

enum { BITS = 64, SIZE_MIN = 4096 };

static uint64_t *word(const struct cmg_acks *a, uint64_t cookie)
{
    return &a->bits[(cookie & (a->size - 1)) / BITS];
}

static uint64_t mask(uint64_t cookie)
{
    return UINT64_C(1) << (cookie % BITS);
}

/* Twice the ring. Bits of the window keep their cookie, so each is copied to its new place. */
static enum cmg_rc grow(struct cmg_acks *a)
{
    if (a->size >= CMG_ACKS_MAX)
        return CMG_ELIMIT;
    struct cmg_acks b = *a;
    b.size = a->size ? 2 * a->size : SIZE_MIN;
    b.bits = calloc(b.size / BITS, sizeof *b.bits);
    if (!b.bits)
        return CMG_ENOMEM;
    for (uint64_t c = a->first; c != a->next; c++)
        if (*word(a, c) & mask(c))
            *word(&b, c) |= mask(c);
    free(a->bits);
    *a = b;
    return CMG_OK;
}

enum cmg_rc cmg_acks_add(struct cmg_acks *a)
{
    if (a->next - a->first == a->size) {
        enum cmg_rc rc = grow(a);
        if (rc != CMG_OK)
            return rc;
    }
    a->next++;
    return CMG_OK;
}

void cmg_acks_undo(struct cmg_acks *a)
{
    a->next--;
}

bool cmg_acks_done(struct cmg_acks *a, uint64_t cookie)
{
    if (cookie < a->first || cookie >= a->next || *word(a, cookie) & mask(cookie))
        return false;
    *word(a, cookie) |= mask(cookie);
    while (a->first != a->next && *word(a, a->first) & mask(a->first)) {
        *word(a, a->first) &= ~mask(a->first);
        a->first++;
    }
    return true;
}

void cmg_acks_forget(struct cmg_acks *a)
{
    for (uint64_t c = a->first; c != a->next; c++)
        *word(a, c) &= ~mask(c);
    a->first = a->next;
}

void cmg_acks_free(struct cmg_acks *a)
{
    free(a->bits);
    *a = (struct cmg_acks){0};
}
