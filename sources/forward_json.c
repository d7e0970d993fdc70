/* SPDX-License-Identifier: Apache-2.0
 * msgpack to JSON without recursion. */
#include "sources/forward_json.h"

#include "core/msgpack.h"
#include "core/time.h"
#include "sources/packed.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum { DEPTH_MAX = 32, NUMBER_MAX = 48 };

struct level {
    uint64_t left; /* elements to come; of a map keys and values */
    bool map, first;
};

static bool is_plain(char c)
{
    return (unsigned char)c >= 0x20 && c != '"' && c != '\\';
}

static enum cmg_rc put_escaped(struct cmg_buf *out, char c)
{
    static const char hex[] = "0123456789abcdef";
    const char control[] = {'\\', 'u', '0', '0', hex[(unsigned char)c >> 4 & 15], hex[c & 15]};
    const char other[] = {'\\', c};
    return (unsigned char)c < 0x20 ? cmg_buf_add(out, cmg_str_of(control, sizeof control))
                                   : cmg_buf_add(out, cmg_str_of(other, sizeof other));
}

static enum cmg_rc put_text(struct cmg_buf *out, cmg_str s)
{
    enum cmg_rc rc = cmg_buf_add(out, CMG_LIT("\""));
    while (rc == CMG_OK && s.len) {
        size_t n = 0;
        while (n < s.len && is_plain(s.ptr[n]))
            n++;
        rc = n ? cmg_buf_add(out, cmg_str_head(s, n)) : put_escaped(out, s.ptr[0]);
        s = cmg_str_from(s, n ? n : 1);
    }
    return rc == CMG_OK ? cmg_buf_add(out, CMG_LIT("\"")) : rc;
}

/* JSON has no NaN and no infinity. */
static enum cmg_rc put_number(struct cmg_buf *out, const struct cmg_mp_token *t)
{
    char text[NUMBER_MAX];
    int n = 0;
    if (t->type == CMG_MP_UINT)
        n = snprintf(text, sizeof text, "%" PRIu64, t->u);
    else if (t->type == CMG_MP_INT)
        n = snprintf(text, sizeof text, "%" PRId64, t->i);
    else if (isfinite(t->d))
        n = snprintf(text, sizeof text, "%.17g", t->d);
    return n > 0 ? cmg_buf_add(out, cmg_str_of(text, (size_t)n))
                 : cmg_buf_add(out, CMG_LIT("null"));
}

static enum cmg_rc put_scalar(struct cmg_buf *out, const struct cmg_mp_token *t)
{
    switch (t->type) {
    case CMG_MP_NIL:
        return cmg_buf_add(out, CMG_LIT("null"));
    case CMG_MP_BOOL:
        return cmg_buf_add(out, t->b ? CMG_LIT("true") : CMG_LIT("false"));
    case CMG_MP_STR:
    case CMG_MP_BIN:
    case CMG_MP_EXT:
        return put_text(out, t->s);
    default:
        return put_number(out, t);
    }
}

static bool is_key(const struct level *l)
{
    return l->map && l->left % 2 == 0;
}

static enum cmg_rc put_separator(struct cmg_buf *out, struct level *l)
{
    enum cmg_rc rc = CMG_OK;
    if (!l->first)
        rc = cmg_buf_add(out, is_key(l) || !l->map ? CMG_LIT(",") : CMG_LIT(":"));
    l->first = false;
    l->left--;
    return rc;
}

/* A key is a text in JSON, whatever it is here. */
static enum cmg_rc put_key(struct cmg_buf *out, const struct cmg_mp_token *t)
{
    if (t->type == CMG_MP_STR || t->type == CMG_MP_BIN || t->type == CMG_MP_EXT)
        return put_text(out, t->s);
    if (t->type == CMG_MP_ARRAY || t->type == CMG_MP_MAP)
        return CMG_EIO;
    enum cmg_rc rc = cmg_buf_add(out, CMG_LIT("\""));
    if (rc == CMG_OK)
        rc = put_scalar(out, t);
    return rc == CMG_OK ? cmg_buf_add(out, CMG_LIT("\"")) : rc;
}

struct walk {
    struct cmg_buf *out;
    cmg_str rest;
    struct level level[DEPTH_MAX + 1];
    unsigned depth;
};

static enum cmg_rc open_level(struct walk *w, const struct cmg_mp_token *t)
{
    bool map = t->type == CMG_MP_MAP;
    if (w->depth == DEPTH_MAX)
        return CMG_EIO;
    w->level[++w->depth] =
        (struct level){.left = (map ? 2 : 1) * (uint64_t)t->n, .map = map, .first = true};
    return cmg_buf_add(w->out, map ? CMG_LIT("{") : CMG_LIT("["));
}

/* The next element of the innermost container. */
static enum cmg_rc put_element(struct walk *w)
{
    struct cmg_mp_token t;
    struct level *l = &w->level[w->depth];
    bool key = is_key(l);
    enum cmg_rc rc = put_separator(w->out, l);
    if (rc == CMG_OK && !cmg_mp_next(&w->rest, &t))
        rc = CMG_EIO;
    if (rc != CMG_OK)
        return rc;
    if (key)
        return put_key(w->out, &t);
    return t.type == CMG_MP_ARRAY || t.type == CMG_MP_MAP ? open_level(w, &t)
                                                          : put_scalar(w->out, &t);
}

static enum cmg_rc put_date(struct walk *w, int64_t ns, bool first)
{
    char fraction[] = ".000000000";
    if (ns <= 0)
        return CMG_OK;
    int64_t rest = ns % CMG_NS_PER_S;
    for (size_t i = sizeof fraction - 2; rest; i--, rest /= 10)
        fraction[i] = (char)('0' + rest % 10);
    enum cmg_rc rc = cmg_buf_add(w->out, first ? CMG_LIT("\"date\":") : CMG_LIT(",\"date\":"));
    if (rc == CMG_OK)
        rc = cmg_add_number(w->out, (uint64_t)(ns / CMG_NS_PER_S));
    return rc == CMG_OK ? cmg_buf_add(w->out, cmg_str_c(fraction)) : rc;
}

static enum cmg_rc close_level(struct walk *w, int64_t time_ns)
{
    const struct level *l = &w->level[w->depth];
    enum cmg_rc rc = w->depth == 1 ? put_date(w, time_ns, l->first) : CMG_OK;
    w->depth--;
    return rc == CMG_OK ? cmg_buf_add(w->out, l->map ? CMG_LIT("}") : CMG_LIT("]")) : rc;
}

enum cmg_rc cmg_forward_json(struct cmg_buf *out, cmg_str map, int64_t time_ns)
{
    size_t start = out->len;
    struct walk w = {.out = out, .rest = map};
    struct cmg_mp_token t;
    enum cmg_rc rc = CMG_EIO;
    if (cmg_mp_next(&w.rest, &t) && t.type == CMG_MP_MAP)
        rc = open_level(&w, &t);
    while (rc == CMG_OK && w.depth)
        rc = w.level[w.depth].left ? put_element(&w) : close_level(&w, time_ns);
    if (rc != CMG_OK)
        out->len = start;
    return rc;
}
