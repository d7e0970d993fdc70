/* SPDX-License-Identifier: Apache-2.0
 * A record as one msgpack map: the same walk over schemas/fields.def as the JSON, the same tree.
 *
 * A map must say its size first: each is opened with room for it, counted, and closed or, when it
 * stayed empty, taken back with its key. */
#include "core/encode.h"
#include "core/msgpack.h"

enum { DEPTH_MAX = 6 };

/* Where writing is. After a failure nothing more is written, and the buffer goes back to what it
 * was. */
struct walk {
    struct cmg_buf *out;
    enum cmg_rc rc;
    unsigned depth;
    struct {
        size_t start; /* of the key */
        size_t map;
        uint16_t pairs;
    } level[DEPTH_MAX];
};

#define INLINE static inline __attribute__((always_inline))

/* Room for `n` bytes; NULL after a failure, this one or an earlier. */
INLINE char *room(struct walk *w, size_t n)
{
    if (w->rc == CMG_OK && n > w->out->size - w->out->len)
        w->rc = cmg_buf_reserve(w->out, n);
    return w->rc == CMG_OK ? w->out->ptr + w->out->len : NULL;
}

static void put_str(struct walk *w, cmg_str s)
{
    if (w->rc == CMG_OK)
        w->rc = cmg_mp_str(w->out, s);
}

static void put_key(struct walk *w, cmg_str key)
{
    w->level[w->depth].pairs++;
    put_str(w, key);
}

static void open_map(struct walk *w, size_t start)
{
    w->depth++;
    w->level[w->depth].start = start;
    w->level[w->depth].pairs = 0;
    if (w->rc == CMG_OK)
        w->rc = cmg_mp_map_open(w->out, &w->level[w->depth].map);
}

static void open_group(struct walk *w, cmg_str key)
{
    size_t start = w->out->len;
    put_key(w, key);
    open_map(w, start);
}

static void close_group(struct walk *w)
{
    unsigned at = w->depth--;
    if (w->rc != CMG_OK)
        return;
    if (w->level[at].pairs) {
        cmg_mp_map_close(w->out, w->level[at].map, w->level[at].pairs);
    } else {
        w->out->len = w->level[at].start;
        w->level[w->depth].pairs--;
    }
}

/* The most frequent row: the key is constant, so its copy is a few moves, and one look at the room
 * does for both. */
INLINE void put_text(struct walk *w, cmg_str key, cmg_str s)
{
    if (!s.len)
        return;
    if (s.len > UINT32_MAX && w->rc == CMG_OK)
        w->rc = CMG_ELIMIT;
    char *p = room(w, 1 + key.len + CMG_MP_HEAD_MAX + s.len);
    if (!p)
        return;
    w->level[w->depth].pairs++;
    *p++ = (char)(0xA0 | key.len);
    memcpy(p, key.ptr, key.len);
    p = cmg_mp_str_head(p + key.len, (uint32_t)s.len);
    memcpy(p, s.ptr, s.len);
    w->out->len = (size_t)(p + s.len - w->out->ptr);
}

static void put_joined(struct walk *w, cmg_str key, cmg_str head, cmg_str tail)
{
    if (!head.len && !tail.len)
        return;
    put_key(w, key);
    if (w->rc == CMG_OK)
        w->rc = cmg_mp_joined(w->out, head, tail);
}

static void put_number(struct walk *w, cmg_str key, bool when, uint64_t value)
{
    if (!when)
        return;
    put_key(w, key);
    if (w->rc == CMG_OK)
        w->rc = cmg_mp_uint(w->out, value);
}

static void put_array(struct walk *w, cmg_str key, size_t n)
{
    put_key(w, key);
    if (w->rc == CMG_OK)
        w->rc = cmg_mp_array(w->out, (uint32_t)n);
}

static void put_texts(struct walk *w, cmg_str key, const cmg_str *at, size_t n)
{
    if (n)
        put_array(w, key, n);
    for (size_t i = 0; i < n; i++)
        put_str(w, at[i]);
}

static void put_problems(struct walk *w, cmg_str key, uint32_t bits)
{
    if (bits)
        put_array(w, key, (size_t)__builtin_popcount(bits));
    for (; bits; bits &= bits - 1)
        put_str(w, cmg_problem_name((unsigned)__builtin_ctz(bits)));
}

static void put_pairs(struct walk *w, cmg_str key, const struct cmg_attr *at, size_t n)
{
    if (!n)
        return;
    open_group(w, key);
    for (size_t i = 0; i < n; i++) {
        if (!cmg_pair_counts(at, i))
            continue;
        put_key(w, at[i].name);
        put_str(w, at[i].value);
    }
    close_group(w);
}

/* ---- the rows as functions, one a section ------------------------------------------------- */

/* clang-format off */
#define SECTION(name, when)                                                                        \
    static void section_##name(struct walk *w, const struct cmg_view *v,                           \
                               const struct cmg_record *r)                                         \
    {                                                                                              \
        const struct cmg_event *e = &r->event;                                                     \
        const struct cmg_finding *f = &r->finding;                                                 \
        (void)v, (void)e, (void)f;                                                                 \
        if (!(when))                                                                               \
            return;
#define END_SECTION }
#define GROUP(key) open_group(w, CMG_LIT(key));
#define END_GROUP(key) close_group(w);
#define CONST(path, key, value, owner, text) put_text(w, CMG_LIT(key), CMG_LIT(value));
#define WORD(path, key, slice, owner, text) put_text(w, CMG_LIT(key), slice);
#define TEXT(path, key, slice, owner, text) put_text(w, CMG_LIT(key), slice);
#define JOINED(path, key, head, tail, owner, text) put_joined(w, CMG_LIT(key), head, tail);
#define NUMBER(path, key, when, value, owner, text) put_number(w, CMG_LIT(key), when, value);
#define WORDS(path, key, at, n, owner, text) put_texts(w, CMG_LIT(key), at, n);
#define TEXTS(path, key, at, n, owner, text) put_texts(w, CMG_LIT(key), at, n);
#define PROBLEMS(path, key, bits, owner, text) put_problems(w, CMG_LIT(key), bits);
#define PAIRS(path, key, at, n, owner, text) put_pairs(w, CMG_LIT(key), at, n);
#include "schemas/fields.def"

static void put_record(struct walk *w, const struct cmg_record *r)
{
    struct cmg_view v;
    cmg_view_init(&v, r);
    w->rc = cmg_mp_map_open(w->out, &w->level[0].map);
#define SECTION(name, when) section_##name(w, &v, r);
#include "schemas/fields.def"
    if (w->rc == CMG_OK)
        cmg_mp_map_close(w->out, w->level[0].map, w->level[0].pairs);
}
/* clang-format on */

enum cmg_rc cmg_record_to_msgpack(const struct cmg_record *r, struct cmg_buf *out)
{
    size_t before = out->len;
    struct walk w = {.out = out};
    put_record(&w, r);
    if (w.rc != CMG_OK)
        out->len = before;
    return w.rc;
}
