/* SPDX-License-Identifier: Apache-2.0
 * Reading and writing Fluent Bit's log events. */
#include "plugin/event.h"

#include "core/time.h"

enum {
    GROUP_END = 0xfffffffe
}; /* EventTime seconds of group markers: 0xffffffff start, 0xfffffffe end */

static uint32_t be32(const char *p)
{
    const unsigned char *u = (const unsigned char *)p;
    return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

/* EventTime (extension 0, seconds and nanoseconds), whole seconds, or a float. */
static bool read_time(const struct cmg_mp_token *t, int64_t *ret_ns)
{
    uint32_t seconds, ns;
    switch (t->type) {
    case CMG_MP_EXT:
        if (t->ext != 0 || t->s.len != 8)
            return false;
        seconds = be32(t->s.ptr);
        ns = be32(t->s.ptr + 4);
        *ret_ns = (int64_t)seconds * CMG_NS_PER_S + ns;
        return seconds < GROUP_END && ns < CMG_NS_PER_S;
    case CMG_MP_UINT:
        *ret_ns = (int64_t)(t->u & UINT32_MAX) * CMG_NS_PER_S;
        return t->u < GROUP_END;
    case CMG_MP_FLOAT:
        if (!(t->d >= 0 && t->d < (double)GROUP_END))
            return false;
        *ret_ns = (int64_t)(t->d * 1e9);
        return true;
    default:
        return false;
    }
}

static bool is_map(cmg_str object)
{
    struct cmg_mp_token t;
    return cmg_mp_next(&object, &t) && t.type == CMG_MP_MAP;
}

/* An event at the front of *rest, which moves behind it. */
static bool read_event(cmg_str *rest, struct cmg_flb_event *e)
{
    cmg_str s = *rest;
    struct cmg_mp_token t;
    if (!cmg_mp_next(&s, &t) || t.type != CMG_MP_ARRAY || t.n != 2 || !cmg_mp_next(&s, &t))
        return false;
    e->metadata = (cmg_str){NULL, 0};
    if (t.type == CMG_MP_ARRAY) {
        if (t.n != 2 || !cmg_mp_next(&s, &t) || !read_time(&t, &e->time_ns) || !is_map(s) ||
            !cmg_mp_object(&s, &e->metadata))
            return false;
    } else if (!read_time(&t, &e->time_ns)) {
        return false;
    }
    if (!is_map(s) || !cmg_mp_object(&s, &e->body))
        return false;
    e->whole = cmg_str_head(*rest, rest->len - s.len);
    *rest = s;
    return true;
}

bool cmg_flb_next(cmg_str *rest, struct cmg_flb_event *ret, bool *ret_is_event)
{
    *ret_is_event = read_event(rest, ret);
    return *ret_is_event || cmg_mp_object(rest, &ret->whole);
}

enum cmg_rc cmg_flb_head(struct cmg_buf *out, int64_t time_ns, cmg_str metadata)
{
    char t[8];
    uint64_t v = (uint64_t)(time_ns / CMG_NS_PER_S) << 32 | (uint64_t)(time_ns % CMG_NS_PER_S);
    for (unsigned i = 0; i < sizeof t; i++)
        t[i] = (char)(v >> (56 - 8 * i));
    enum cmg_rc rc = cmg_mp_array(out, 2);
    if (rc == CMG_OK)
        rc = cmg_mp_array(out, 2);
    if (rc == CMG_OK)
        rc = cmg_mp_ext(out, 0, cmg_str_of(t, sizeof t));
    if (rc == CMG_OK)
        rc = metadata.len ? cmg_buf_add(out, metadata) : cmg_mp_map(out, 0);
    return rc;
}

cmg_str cmg_flb_text(cmg_str body, cmg_str key)
{
    cmg_str value;
    struct cmg_mp_token t;
    if (!key.len || !cmg_mp_find(body, key, &value) || !cmg_mp_next(&value, &t))
        return (cmg_str){NULL, 0};
    return t.type == CMG_MP_STR || t.type == CMG_MP_BIN ? t.s : (cmg_str){NULL, 0};
}

/* ---- merging ------------------------------------------------------------------------------- */

struct merge {
    struct cmg_buf *out;
    cmg_str ours, source, prefix;
    bool keep;
    uint16_t pairs, aside;
    bool collided; /* there is something to move aside */
};

/* The next pair of a map of which `*n` are left. */
static bool next_pair(cmg_str *s, uint32_t *n, cmg_str *ret_key, cmg_str *ret_key_text,
                      cmg_str *ret_value)
{
    if (!*n || !cmg_mp_pair(s, ret_key, ret_key_text, ret_value))
        return false;
    --*n;
    return true;
}

static enum cmg_rc put_pair(struct cmg_buf *out, cmg_str key, cmg_str value, uint16_t *pairs)
{
    enum cmg_rc rc = *pairs < CMG_MP_OPEN_MAX ? cmg_buf_add(out, key) : CMG_ELIMIT;
    if (rc == CMG_OK)
        rc = cmg_buf_add(out, value);
    *pairs = (uint16_t)(*pairs + (rc == CMG_OK));
    return rc;
}

/* Of our own map every text is known to be sound, and "@timestamp" stands first. */
static enum cmg_rc put_ours(struct merge *m)
{
    struct cmg_mp_token t;
    cmg_str s = m->ours, key, text, value;
    enum cmg_rc rc = cmg_mp_next(&s, &t) && t.type == CMG_MP_MAP ? CMG_OK : CMG_ELIMIT;
    if (rc == CMG_OK && m->pairs + t.n >= CMG_MP_OPEN_MAX)
        rc = CMG_ELIMIT;
    while (rc == CMG_OK && next_pair(&s, &t.n, &key, &text, &value)) {
        if (cmg_str_eq(text, CMG_LIT("@timestamp")))
            continue;
        if (!m->prefix.len) {
            m->pairs = (uint16_t)(m->pairs + 1 + t.n);
            return cmg_buf_add(m->out, cmg_str_of(key.ptr, key.len + value.len + s.len));
        }
        rc = cmg_mp_joined(m->out, m->prefix, text);
        if (rc == CMG_OK)
            rc = cmg_buf_add(m->out, value);
        m->pairs++;
    }
    return rc;
}

static bool collides(const struct merge *m, cmg_str name)
{
    cmg_str unused;
    if (!cmg_str_starts(name, m->prefix))
        return false;
    name = cmg_str_from(name, m->prefix.len);
    return cmg_str_eq(name, CMG_LIT("fluentbit")) || cmg_mp_find(m->ours, name, &unused);
}

/* The event's own pairs: those that collide (`aside`), or the others. */
static enum cmg_rc put_theirs(struct merge *m, cmg_str body, bool aside, uint16_t *pairs)
{
    struct cmg_mp_token t;
    cmg_str key, text, value;
    enum cmg_rc rc = cmg_mp_next(&body, &t) ? CMG_OK : CMG_ELIMIT;
    while (rc == CMG_OK && next_pair(&body, &t.n, &key, &text, &value)) {
        if (text.len && !m->keep && cmg_str_eq(text, m->source))
            continue;
        bool collision = text.len && collides(m, text);
        m->collided |= collision;
        if (collision == aside)
            rc = put_pair(m->out, key, value, pairs);
    }
    return rc;
}

static enum cmg_rc put_aside(struct merge *m, cmg_str body)
{
    size_t at;
    if (!m->collided)
        return CMG_OK;
    enum cmg_rc rc = cmg_mp_str(m->out, CMG_LIT("fluentbit"));
    if (rc == CMG_OK)
        rc = cmg_mp_map_open(m->out, &at);
    if (rc == CMG_OK)
        rc = put_theirs(m, body, true, &m->aside);
    if (rc != CMG_OK)
        return rc;
    cmg_mp_map_close(m->out, at, m->aside);
    m->pairs++;
    return CMG_OK;
}

enum cmg_rc cmg_flb_merge(struct cmg_buf *out, cmg_str ours, cmg_str body, cmg_str source,
                          bool keep, cmg_str prefix)
{
    struct merge m = {.out = out, .ours = ours, .source = source, .prefix = prefix, .keep = keep};
    size_t start = out->len, at;
    enum cmg_rc rc = cmg_mp_map_open(out, &at);
    if (rc == CMG_OK)
        rc = put_theirs(&m, body, false, &m.pairs);
    if (rc == CMG_OK)
        rc = put_ours(&m);
    if (rc == CMG_OK)
        rc = put_aside(&m, body);
    if (rc == CMG_OK)
        cmg_mp_map_close(out, at, m.pairs);
    else
        out->len = start;
    return rc;
}
