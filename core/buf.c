/* SPDX-License-Identifier: Apache-2.0
 * Growable bytes with a cap: doubling, clipped to the cap, nothing changed on failure. */
#include "core/buf.h"

#include <stdlib.h>

enum { FIRST_SIZE = 256 };

void cmg_buf_done(struct cmg_buf *b)
{
    if (!b)
        return;
    free(b->ptr);
    b->ptr = NULL;
    b->len = b->size = 0;
}

/* At least `need`, twice the present size where the cap allows it: appending stays linear. */
static size_t next_size(const struct cmg_buf *b, size_t need)
{
    size_t size = b->size < FIRST_SIZE ? FIRST_SIZE : b->size;
    while (size < need)
        size = size > b->cap / 2 ? b->cap : size * 2;
    return size < b->cap ? size : b->cap;
}

enum cmg_rc cmg_buf_reserve(struct cmg_buf *b, size_t more)
{
    if (more <= b->size - b->len)
        return CMG_OK;
    if (more > b->cap - b->len)
        return CMG_ELIMIT;
    size_t size = next_size(b, b->len + more);
    char *ptr = realloc(b->ptr, size);
    if (!ptr)
        return CMG_ENOMEM;
    b->ptr = ptr;
    b->size = size;
    return CMG_OK;
}

enum cmg_rc cmg_buf_add(struct cmg_buf *b, cmg_str s)
{
    enum cmg_rc rc = cmg_buf_reserve(b, s.len);
    if (rc != CMG_OK || s.len == 0)
        return rc;
    memcpy(b->ptr + b->len, s.ptr, s.len);
    b->len += s.len;
    return CMG_OK;
}

char *cmg_str_dup(cmg_str s)
{
    char *copy = malloc(s.len + 1);
    if (!copy)
        return NULL;
    if (s.len)
        memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return copy;
}
