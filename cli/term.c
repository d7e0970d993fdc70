/* SPDX-License-Identifier: Apache-2.0
 * Pages of text for people: see term.h for what is escaped, and why. */
#include "cli/term.h"
#include "core/utf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { PAGE_MAX = 256 << 20, WRAP_MIN = 20 };

/* ---- characters ---------------------------------------------------------------------------- */

/* The character at the front of valid or invalid UTF-8: its length, and its value or -1. */
static size_t decode(cmg_str s, int32_t *ret)
{
    unsigned char c = (unsigned char)s.ptr[0];
    size_t want = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    *ret = -1;
    if (s.len < want || cmg_utf8_valid(cmg_str_head(s, want)) != want)
        return 1;
    int32_t v = want == 1 ? c : c & (0x7f >> want);
    for (size_t i = 1; i < want; i++)
        v = v << 6 | (s.ptr[i] & 0x3f);
    *ret = v;
    return want;
}

/* C1 controls, the marks, embeddings, overrides and isolates of the bidirectional algorithm (UAX
 * #9), the line and paragraph separators, and the byte order mark. */
static bool is_treacherous(int32_t c)
{
    return (c >= 0x80 && c < 0xa0) || c == 0x061c || (c >= 0x200e && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

/* Several line breaks and tabs in a row are one blank. */
static size_t break_length(cmg_str s)
{
    size_t n = 0;
    while (n < s.len && (s.ptr[n] == '\n' || s.ptr[n] == '\r' || s.ptr[n] == '\t'))
        n++;
    return n;
}

size_t cmg_escape_one(cmg_str s, char out[CMG_ESCAPE_MAX], size_t *ret_used)
{
    *ret_used = break_length(s);
    if (*ret_used) {
        out[0] = ' ';
        return 1;
    }
    int32_t c;
    *ret_used = decode(s, &c);
    if (c < 0 || c < 0x20 || c == 0x7f)
        return (size_t)snprintf(out, CMG_ESCAPE_MAX, "\\x%02x", (unsigned char)s.ptr[0]);
    if (is_treacherous(c))
        return (size_t)snprintf(out, CMG_ESCAPE_MAX, "\\u%04x", (unsigned)c);
    memcpy(out, s.ptr, *ret_used);
    return *ret_used;
}

/* Combining marks of the Latin ranges take no column; anything wider is rare in these logs and only
 * makes a line break early or late. */
static size_t char_columns(int32_t c)
{
    return c >= 0x300 && c < 0x370 ? 0 : 1;
}

size_t cmg_columns(cmg_str s)
{
    size_t n = 0;
    while (s.len) {
        int32_t c;
        s = cmg_str_from(s, decode(s, &c));
        n += char_columns(c);
    }
    return n;
}

/* ---- page ---------------------------------------------------------------------------------- */

static size_t clamp_width(unsigned long n)
{
    if (n < CMG_TERM_WIDTH_MIN)
        return CMG_TERM_WIDTH_MIN;
    return n > CMG_TERM_WIDTH_MAX ? CMG_TERM_WIDTH_MAX : n;
}

static size_t find_width(int fd)
{
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col)
        return clamp_width(size.ws_col);
    const char *columns = getenv("COLUMNS");
    unsigned long n = columns ? strtoul(columns, NULL, 10) : 0;
    return n ? clamp_width(n) : CMG_TERM_WIDTH_DEFAULT;
}

static bool wants_colour(int fd)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    if ((no && no[0]) || !isatty(fd))
        return false;
    return term && strcmp(term, "dumb") != 0;
}

void cmg_page_init(struct cmg_page *p, int fd)
{
    *p = (struct cmg_page){cmg_buf_init(PAGE_MAX), find_width(fd), wants_colour(fd), false};
}

void cmg_page_done(struct cmg_page *p)
{
    cmg_buf_done(&p->out);
}

enum cmg_rc cmg_page_write(struct cmg_page *p, int fd)
{
    cmg_str left = cmg_buf_str(&p->out);
    while (left.len) {
        ssize_t n = write(fd, left.ptr, left.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return CMG_EIO;
        left = cmg_str_from(left, (size_t)n);
    }
    p->out.len = 0;
    return p->failed ? CMG_ENOMEM : CMG_OK;
}

static void add(struct cmg_page *p, cmg_str s)
{
    if (!p->failed && cmg_buf_add(&p->out, s) != CMG_OK)
        p->failed = true;
}

void cmg_page_add(struct cmg_page *p, const char *text)
{
    add(p, cmg_str_c(text));
}

void cmg_page_text(struct cmg_page *p, cmg_str text)
{
    char piece[CMG_ESCAPE_MAX];
    while (text.len) {
        size_t used;
        add(p, cmg_str_of(piece, cmg_escape_one(text, piece, &used)));
        text = cmg_str_from(text, used);
    }
}

void cmg_page_colour(struct cmg_page *p, enum cmg_colour colour, cmg_str text)
{
    static const char *const codes[] = {"",         "\033[1m",  "\033[2m", "\033[31m",
                                        "\033[33m", "\033[32m", "\033[36m"};
    bool on = p->colour && colour != CMG_PLAIN;
    if (on)
        cmg_page_add(p, codes[colour]);
    cmg_page_text(p, text);
    if (on)
        cmg_page_add(p, "\033[0m");
}

void cmg_page_number(struct cmg_page *p, uint64_t n)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)n);
    cmg_page_add(p, text);
}

/* ---- wrapping ------------------------------------------------------------------------------ */

/* The longest head of `s` within `width` columns that ends before a blank. A word that is longer is
 * left whole: a terminal folds it, and an address can still be copied. */
static size_t fit(cmg_str s, size_t width)
{
    size_t at = 0, columns = 0, blank = 0;
    while (at < s.len && (columns <= width || !blank)) {
        int32_t c;
        size_t n = decode(cmg_str_from(s, at), &c);
        if (c == ' ')
            blank = at;
        columns += char_columns(c);
        at += n;
    }
    return columns > width && blank ? blank : at;
}

static void indent(struct cmg_page *p, size_t n)
{
    while (n--)
        cmg_page_add(p, " ");
}

static size_t room(const struct cmg_page *p, size_t left)
{
    return p->width > left + WRAP_MIN ? p->width - left : WRAP_MIN;
}

static void wrap_clean(struct cmg_page *p, const char *first, size_t hang, cmg_str text)
{
    size_t left = cmg_columns(cmg_str_c(first)), next = hang ? hang : left;
    cmg_page_text(p, cmg_str_c(first));
    for (bool more = true; more; left = next) {
        size_t n = fit(text, room(p, left));
        add(p, cmg_str_head(text, n));
        cmg_page_add(p, "\n");
        text = cmg_str_trim(cmg_str_from(text, n));
        more = text.len > 0;
        if (more)
            indent(p, next);
    }
}

void cmg_page_wrap(struct cmg_page *p, const char *first, size_t hang, cmg_str text)
{
    struct cmg_page clean = {.out = cmg_buf_init(PAGE_MAX)};
    cmg_page_text(&clean, cmg_str_trim(text));
    p->failed = p->failed || clean.failed;
    wrap_clean(p, first, hang, cmg_buf_str(&clean.out));
    cmg_page_done(&clean);
}
