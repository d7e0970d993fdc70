/* SPDX-License-Identifier: Apache-2.0
 * What the report reads: the files that were named, and the logs of the folders that were. */
#ifndef CMG_CLI_INPUTS_H
#define CMG_CLI_INPUTS_H

#include "cmgpipe.h"

struct cmg_inputs {
    char **path;
    size_t n, size;
    size_t failed; /* folders that could not be read; logged */
};

/* A folder gives its *.log and *.lo_ (ignoring case), sorted by name, so that a log that was
 * rotated away stands before its successor. Not those of the folders in it. False: no memory. */
CMG_MUST_USE bool cmg_inputs_add(struct cmg_inputs *in, const char *path);
void cmg_inputs_done(struct cmg_inputs *in);

/* On which line of a log does a byte lie? Told of all bytes in their order, asked in ascending
 * order. What has been asked for is forgotten, so this costs memory for the lines between question
 * and input only. */
struct cmg_line_index {
    uint64_t *start; /* offsets at which lines begin */
    size_t head, n, size;
    uint64_t line; /* number of start[head] */
    uint64_t seen; /* bytes so far */
    unsigned char last;
    enum { CMG_LINES_BYTES, CMG_LINES_UTF16LE, CMG_LINES_UTF16BE } width;
};

/* Ready for the next log; memory is kept. */
void cmg_line_index_reset(struct cmg_line_index *x);
CMG_MUST_USE bool cmg_line_index_add(struct cmg_line_index *x, const char *bytes, size_t n);
uint64_t cmg_line_index_find(struct cmg_line_index *x, uint64_t offset);
void cmg_line_index_done(struct cmg_line_index *x);

#endif
