/* SPDX-License-Identifier: Apache-2.0
 * The stream's bytes, and where its lines lie in them.
 *
 * A line is found in the encoding that the log is in: UTF-16 has its line feed on even offsets and
 * two bytes wide. Nothing here depends on how the bytes were fed: a line is reported once its end
 * is there, or once it is longer than a record may be, and what decides is always the bytes of the
 * line itself (and of the three that follow its beginning). */
#ifndef CMG_CORE_LINES_H
#define CMG_CORE_LINES_H

#include "core/utf.h"

enum cmg_width { CMG_BYTES, CMG_UTF16LE, CMG_UTF16BE };

struct cmg_lines {
    char *ptr;
    size_t size;   /* allocated */
    size_t start;  /* first byte that is in no record yet */
    size_t line;   /* first byte of the line looked at; [start, line) is held */
    size_t scan;   /* no line end before this */
    size_t end;    /* behind the last byte fed */
    uint64_t base; /* offset in the log of ptr[0] */
    enum cmg_width width;
    bool final; /* nothing follows: the last line is complete as it is */
    bool pin;   /* slices of this block are in use: it is not moved, and outlives its successor in
                   `kept` */
    char *kept;
};

struct cmg_line {
    size_t raw;  /* bytes of the line from `line` on, line end included */
    size_t eol;  /* of these, the line end */
    size_t mark; /* of these, a byte order mark at the front */
    bool cut;    /* the largest record is full before the line ends; eol is 0 */
    bool open;   /* `final`, and no line end was there */
    bool plain;  /* every byte is ASCII and none is NUL; false: not known */
};

/* Room behind `end` for `want` bytes. May move what is there. NULL: no memory, nothing changed. */
CMG_MUST_USE char *cmg_lines_room(struct cmg_lines *l, size_t want);
/* The line at l->line. False: its end is not there yet. `max`: most bytes of the line, line end not
 * counted, that still fit into the record. May change l->width. */
bool cmg_lines_find(struct cmg_lines *l, size_t max, struct cmg_line *ret);
/* The slices are no longer in use. */
void cmg_lines_unpin(struct cmg_lines *l);
void cmg_lines_done(struct cmg_lines *l);

#endif
