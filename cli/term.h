/* SPDX-License-Identifier: Apache-2.0
 * Text for people: harmless on a terminal, wrapped to its width, coloured where that is wanted.
 *
 * Log text is written by machines that somebody else may control. An escape sequence, a line feed
 * or a direction override in it must not change what the reader sees around it. */
#ifndef CMG_CLI_TERM_H
#define CMG_CLI_TERM_H

#include "core/buf.h"

enum {
    CMG_ESCAPE_MAX = 12,
    CMG_TERM_WIDTH_DEFAULT = 100,
    CMG_TERM_WIDTH_MIN = 40,
    CMG_TERM_WIDTH_MAX = 160
};

/* The first character of `s` (not empty) as it may be shown; *ret_used bytes of `s` are done.
 * Control characters, bytes that are no UTF-8, and characters that turn the direction of text are
 * spelled out
 * (\x1b, \u202e); line breaks and tabs become one blank. Returns how many bytes were written. */
size_t cmg_escape_one(cmg_str s, char out[CMG_ESCAPE_MAX], size_t *ret_used);

enum cmg_colour { CMG_PLAIN, CMG_BOLD, CMG_DIM, CMG_RED, CMG_YELLOW, CMG_GREEN, CMG_CYAN };

/* Where text for people goes. Memory for it is the one thing that can fail: `failed` is then set,
 * and the rest is not written. */
struct cmg_page {
    struct cmg_buf out;
    size_t width; /* columns */
    bool colour;
    bool failed;
};

/* Width and colour of `fd`: the terminal's width, or COLUMNS, or the default; colour on a terminal
 * unless NO_COLOR is set or TERM is dumb (https://no-color.org). */
void cmg_page_init(struct cmg_page *p, int fd);
void cmg_page_done(struct cmg_page *p);
/* Writes what there is to `fd`, the whole of it. CMG_EIO: errno says why. */
CMG_MUST_USE enum cmg_rc cmg_page_write(struct cmg_page *p, int fd);

/* As it is: for the program's own words. */
void cmg_page_add(struct cmg_page *p, const char *text);
void cmg_page_colour(struct cmg_page *p, enum cmg_colour colour, cmg_str text);
/* Escaped, on the line that stands. */
void cmg_page_text(struct cmg_page *p, cmg_str text);
/* Escaped and wrapped: the first line begins with `first`, the others with `hang` blanks, or, when
 * that is 0, with as many as `first` is wide. Ends with a line feed. */
void cmg_page_wrap(struct cmg_page *p, const char *first, size_t hang, cmg_str text);
void cmg_page_number(struct cmg_page *p, uint64_t n);

/* Columns that UTF-8 text takes: characters, combining marks not counted. */
size_t cmg_columns(cmg_str s);

#endif
