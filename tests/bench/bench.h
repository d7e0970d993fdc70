/* SPDX-License-Identifier: Apache-2.0
 * What the measuring programs share: a catalogue to measure with, and whole writes. */
#ifndef CMG_TESTS_BENCH_H
#define CMG_TESTS_BENCH_H

#include "enrich/catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BENCH_BLOCK = 128 << 10 };

/* The image of the built-in catalogue with the entries of `overlay` (NULL: none) on top. */
static inline cmg_str bench_catalog(const char *overlay)
{
    struct cmg_error err;
    struct cmg_buf image = cmg_buf_init(CMG_CATALOG_IMAGE_MAX);
    if (!overlay)
        return cmg_catalog_builtin();
    if (cmg_catalog_build(cmg_catalog_builtin(), &overlay, 1, &image, &err) != CMG_OK) {
        fprintf(stderr, "%s:%d:%d: %s\n", err.source, err.line, err.column, err.text);
        exit(2);
    }
    return cmg_buf_str(&image);
}

static inline void bench_write(cmg_str out)
{
    while (out.len) {
        ssize_t n = write(STDOUT_FILENO, out.ptr, out.len);
        if (n < 0) {
            perror("write");
            exit(1);
        }
        out = cmg_str_from(out, (size_t)n);
    }
}

#endif
