/* SPDX-License-Identifier: Apache-2.0
 * Memory under control, without a hook in the product: a program that includes this is linked with
 * -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc, so every such call of our own code comes by here.
 * Calls inside shared libraries do not. */
#ifndef CMG_TESTS_FAULT_WRAP_H
#define CMG_TESTS_FAULT_WRAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *block, size_t size);

/* Calls so far; the call with this number (0: the first) fails, once. */
static uint64_t wrap_calls;
static uint64_t wrap_fail_at = UINT64_MAX;

static bool wrap_fails(void)
{
    return wrap_calls++ == wrap_fail_at;
}

void *__wrap_malloc(size_t size)
{
    return wrap_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return wrap_fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return wrap_fails() ? NULL : __real_realloc(block, size);
}

#endif
