/* SPDX-License-Identifier: Apache-2.0
 * Octet counting where a count is followed by what a message begins with, else an end. */
#include "sources/framing.h"

enum { LOOKAHEAD = 2, HEADER_MAX = CMG_COUNT_DIGITS + 2, FEED_MAX = 256 << 10, KEEP = 64 << 10 };

struct cmg_framer cmg_framer_init(size_t most)
{
    return (struct cmg_framer){.in = cmg_buf_init(most + HEADER_MAX + LOOKAHEAD + FEED_MAX),
                               .most = most};
}

void cmg_framer_done(struct cmg_framer *f)
{
    cmg_buf_done(&f->in);
}

/* What was given out makes room; a large buffer is not kept for the next small message. */
static void compact(struct cmg_framer *f)
{
    if (f->at) {
        memmove(f->in.ptr, f->in.ptr + f->at, f->in.len - f->at);
        f->in.len -= f->at;
        f->scan -= f->at;
        f->at = 0;
    }
    if (!f->in.len && f->in.size > KEEP)
        cmg_buf_done(&f->in);
}

static size_t smaller(uint64_t a, size_t b)
{
    return a < b ? (size_t)a : b;
}

enum cmg_rc cmg_framer_feed(struct cmg_framer *f, cmg_str bytes)
{
    size_t cap = f->in.cap;
    compact(f);
    f->in.cap = cap;
    f->quiet = false;
    return cmg_buf_add(&f->in, bytes);
}

static cmg_str rest(const struct cmg_framer *f)
{
    return cmg_str_from(cmg_buf_str(&f->in), f->at);
}

/* ---- octet counting -------------------------------------------------------------------------- */

/* RFC 6587 lets a message begin with its priority only; JSON and a byte order mark are sent so,
 * too. Any other text behind a number is a line that begins with a number. */
static bool may_begin(char c)
{
    return c == '<' || c == '{' || c == '[' || c == '\xef';
}

/* "123 <": 1 and the count, 0: it is none, -1: not known yet. */
static int read_count(cmg_str s, bool over, uint64_t *ret, size_t *ret_head)
{
    size_t i = 0;
    uint64_t n = 0;
    for (; i < s.len && i < CMG_COUNT_DIGITS && cmg_is_digit(s.ptr[i]); i++)
        n = n * 10 + (uint64_t)(s.ptr[i] - '0');
    if (!i || s.ptr[0] == '0' || (i < s.len && s.ptr[i] != ' '))
        return 0;
    if (i + 1 >= s.len)
        return over ? 0 : -1;
    *ret = n;
    *ret_head = i + 1;
    return may_begin(s.ptr[i + 1]);
}

static enum cmg_rc counted(struct cmg_framer *f, uint64_t n, size_t head, bool over, cmg_str *ret,
                           bool *ret_cut)
{
    cmg_str s = cmg_str_from(rest(f), head);
    size_t want = smaller(n, f->most);
    if (s.len < want && !over)
        return CMG_AGAIN;
    *ret = cmg_str_head(s, want);
    *ret_cut = n > ret->len;
    f->at += head + ret->len;
    f->scan = f->at;
    f->drop = n - ret->len;
    return CMG_OK;
}

/* ---- ends ------------------------------------------------------------------------------------ */

/* A NUL ends a message only when another begins behind it: in UTF-16 that somebody took for bytes,
 * a NUL stands behind every letter. -1: that is not known yet. */
static int nul_ends(cmg_str behind, bool over)
{
    if (behind.len >= 1 && behind.ptr[0] == '\n')
        return 1;
    if (behind.len < LOOKAHEAD)
        return over ? 1 : -1;
    char c = behind.ptr[0];
    return (may_begin(c) || (c >= '1' && c <= '9')) && behind.ptr[1];
}

/* The end of the message that begins at f->at, or npos; f->scan moves on. */
static size_t find_end(struct cmg_framer *f, bool over)
{
    cmg_str all = cmg_buf_str(&f->in);
    for (; f->scan < all.len; f->scan++) {
        char c = all.ptr[f->scan];
        if (c == '\n')
            return f->scan;
        if (c)
            continue;
        int ends = nul_ends(cmg_str_from(all, f->scan + 1), over || f->quiet);
        if (ends > 0)
            return f->scan;
        if (ends < 0)
            break;
    }
    return CMG_STR_NPOS;
}

/* Behind the message's end, and behind the line feed that follows a NUL. */
static void pass_end(struct cmg_framer *f, size_t end)
{
    bool nul = !f->in.ptr[end];
    f->at = end + 1;
    if (nul && f->at < f->in.len && f->in.ptr[f->at] == '\n')
        f->at++;
    f->scan = f->at;
}

static enum cmg_rc ended(struct cmg_framer *f, bool over, cmg_str *ret, bool *ret_cut)
{
    size_t begin = f->at, end = find_end(f, over);
    /* What is behind a NUL of which nothing is known yet does not count yet. */
    size_t len = (end == CMG_STR_NPOS ? f->scan : end) - begin;
    bool cut = len > f->most;
    if (end == CMG_STR_NPOS && !cut && (!over || !len))
        return CMG_AGAIN;
    *ret = cmg_str_of(f->in.ptr + begin, cut ? f->most : len);
    *ret_cut = cut;
    if (cut)
        f->dropped += len - f->most;
    if (end != CMG_STR_NPOS) {
        pass_end(f, end);
    } else {
        f->at = f->scan;
        f->drop_line = !over;
    }
    return CMG_OK;
}

/* ---- together -------------------------------------------------------------------------------- */

/* The rest of what was too long. True: it is behind us. */
static bool passed_rest(struct cmg_framer *f, bool over)
{
    size_t n = smaller(f->drop, rest(f).len), end;
    f->at += n;
    f->drop -= n;
    f->dropped += n;
    if (f->scan < f->at)
        f->scan = f->at;
    if (f->drop || !f->drop_line)
        return !f->drop;
    end = find_end(f, over);
    f->dropped += (end == CMG_STR_NPOS ? f->scan : end) - f->at;
    if (end == CMG_STR_NPOS) {
        f->at = over ? f->in.len : f->scan;
        f->scan = f->at;
        return false;
    }
    pass_end(f, end);
    f->drop_line = false;
    return true;
}

enum cmg_rc cmg_framer_next(struct cmg_framer *f, bool over, cmg_str *ret, bool *ret_cut)
{
    uint64_t n = 0;
    size_t head = 0;
    if (!passed_rest(f, over))
        return CMG_AGAIN;
    while (rest(f).len && f->scan == f->at && (rest(f).ptr[0] == '\n' || rest(f).ptr[0] == '\r'))
        f->scan = ++f->at;
    if (!rest(f).len)
        return CMG_AGAIN;
    int is = read_count(rest(f), over, &n, &head);
    if (is < 0)
        return CMG_AGAIN;
    return is ? counted(f, n, head, over, ret, ret_cut) : ended(f, over, ret, ret_cut);
}
