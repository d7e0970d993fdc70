/* SPDX-License-Identifier: Apache-2.0
 * msgpack to JSON, for events that were decoded before they came here. */
#include "plugin/event.h"

#include "core/json.h"
#include "core/utf.h"

#include <math.h>
#include <stdio.h>

enum { DEPTH_MAX = 32, NUMBER_MAX = 40 };

struct level {
    uint32_t left; /* elements to come; of a map keys and values */
    bool map, first;
};

static enum cmg_rc put_text(struct cmg_buf *out, cmg_str s)
{
    struct cmg_buf sound;
    size_t replaced;
    if (cmg_utf8_valid(s) == s.len)
        return cmg_json_add(out, s);
    sound = cmg_buf_init(4 * s.len + 16);
    enum cmg_rc rc = cmg_utf8_from(CMG_ENC_UTF8, s, &sound, &replaced);
    if (rc == CMG_OK)
        rc = cmg_json_add(out, cmg_buf_str(&sound));
    cmg_buf_done(&sound);
    return rc;
}

/* JSON has no NaN and no infinity. */
static enum cmg_rc put_number(struct cmg_buf *out, const struct cmg_mp_token *t)
{
    char text[NUMBER_MAX];
    int n = 0;
    if (t->type == CMG_MP_UINT)
        n = snprintf(text, sizeof text, "%llu", (unsigned long long)t->u);
    else if (t->type == CMG_MP_INT)
        n = snprintf(text, sizeof text, "%lld", (long long)t->i);
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

/* What stands before an element, and the element's share of its container. */
static enum cmg_rc put_separator(struct cmg_buf *out, struct level *l)
{
    enum cmg_rc rc = CMG_OK;
    if (!l->first)
        rc = cmg_buf_add(out, is_key(l) || !l->map ? CMG_LIT(",") : CMG_LIT(":"));
    l->first = false;
    l->left--;
    return rc;
}

/* A key of any type is a text in JSON. */
static enum cmg_rc put_key(struct cmg_buf *out, const struct cmg_mp_token *t)
{
    if (t->type == CMG_MP_STR || t->type == CMG_MP_BIN || t->type == CMG_MP_EXT)
        return put_text(out, t->s);
    if (t->type == CMG_MP_ARRAY || t->type == CMG_MP_MAP)
        return CMG_ELIMIT;
    enum cmg_rc rc = cmg_buf_add(out, CMG_LIT("\""));
    if (rc == CMG_OK)
        rc = put_scalar(out, t);
    return rc == CMG_OK ? cmg_buf_add(out, CMG_LIT("\"")) : rc;
}

static enum cmg_rc open_level(struct cmg_buf *out, const struct cmg_mp_token *t, struct level *ret)
{
    bool map = t->type == CMG_MP_MAP;
    if (t->n > UINT32_MAX / 2)
        return CMG_ELIMIT;
    *ret = (struct level){.left = map ? 2 * t->n : t->n, .map = map, .first = true};
    return cmg_buf_add(out, map ? CMG_LIT("{") : CMG_LIT("["));
}

struct walk {
    struct cmg_buf *out;
    cmg_str rest;
    struct level level[DEPTH_MAX + 1];
    unsigned depth;
};

/* The next element of the innermost container. */
static enum cmg_rc put_element(struct walk *w)
{
    struct cmg_mp_token t;
    struct level *l = &w->level[w->depth];
    bool key = is_key(l);
    enum cmg_rc rc = put_separator(w->out, l);
    if (rc != CMG_OK || !cmg_mp_next(&w->rest, &t))
        return rc == CMG_OK ? CMG_ELIMIT : rc;
    if (key)
        return put_key(w->out, &t);
    if (t.type != CMG_MP_ARRAY && t.type != CMG_MP_MAP)
        return put_scalar(w->out, &t);
    return w->depth == DEPTH_MAX ? CMG_ELIMIT : open_level(w->out, &t, &w->level[++w->depth]);
}

enum cmg_rc cmg_flb_json(struct cmg_buf *out, cmg_str object)
{
    size_t start = out->len;
    struct walk w = {.out = out, .rest = object, .level = {{.left = 1, .first = true}}};
    enum cmg_rc rc = CMG_OK;
    while (rc == CMG_OK && (w.depth || w.level[0].left)) {
        if (w.level[w.depth].left)
            rc = put_element(&w);
        else
            rc = cmg_buf_add(out, w.level[w.depth--].map ? CMG_LIT("}") : CMG_LIT("]"));
    }
    if (rc != CMG_OK)
        out->len = start;
    return rc;
}
