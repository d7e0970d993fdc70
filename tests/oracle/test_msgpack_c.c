/* SPDX-License-Identifier: Apache-2.0
 * Our msgpack beside msgpack-c: the same random structures written by both mean the same to both,
 * and both see where a cut one stops being whole. */
#include "core/msgpack.h"
#include "tests/decoding.h"

#include <criterion/criterion.h>
#include <msgpack.h>

enum { ROUNDS = 3000, DEEPEST = 6, WIDEST = 20, LONGEST = 70000 };

struct pair {
    struct cmg_buf ours;
    msgpack_sbuffer theirs;
    msgpack_packer packer;
    uint64_t seed;
};

static uint32_t random_below(struct pair *p, uint32_t n)
{
    return next_random(&p->seed) % n;
}

/* Mostly short, sometimes across a boundary of the forms: 31, 255, 65535. */
static size_t random_length(struct pair *p)
{
    static const size_t edges[] = {0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536};
    return random_below(p, 8) ? random_below(p, 40) : edges[random_below(p, 10)];
}

static const char bytes[LONGEST] = "any bytes, of which the rest are NULs";

static void put_number(struct pair *p)
{
    uint64_t v = (uint64_t)next_random(&p->seed) << 32 | next_random(&p->seed);
    v >>= random_below(p, 64);
    if (random_below(p, 2)) {
        cr_assert(cmg_mp_uint(&p->ours, v) == CMG_OK);
        msgpack_pack_uint64(&p->packer, v);
    } else {
        int64_t negative = -(int64_t)(v >> 1) - 1;
        cr_assert(cmg_mp_int(&p->ours, negative) == CMG_OK);
        msgpack_pack_int64(&p->packer, negative);
    }
}

static void put_bytes(struct pair *p, unsigned kind)
{
    size_t n = random_length(p);
    cmg_str s = cmg_str_of(bytes, n);
    if (kind == 0) {
        cr_assert(cmg_mp_str(&p->ours, s) == CMG_OK);
        msgpack_pack_str(&p->packer, n);
        msgpack_pack_str_body(&p->packer, bytes, n);
    } else if (kind == 1) {
        cr_assert(cmg_mp_bin(&p->ours, s) == CMG_OK);
        msgpack_pack_bin(&p->packer, n);
        msgpack_pack_bin_body(&p->packer, bytes, n);
    } else {
        int8_t type = (int8_t)(random_below(p, 256) - 128);
        cr_assert(cmg_mp_ext(&p->ours, type, s) == CMG_OK);
        msgpack_pack_ext(&p->packer, n, type);
        msgpack_pack_ext_body(&p->packer, bytes, n);
    }
}

static void put_small(struct pair *p)
{
    unsigned kind = random_below(p, 3);
    bool b = random_below(p, 2);
    double d = (double)next_random(&p->seed) / 3;
    if (kind == 0) {
        cr_assert(cmg_mp_nil(&p->ours) == CMG_OK);
        msgpack_pack_nil(&p->packer);
    } else if (kind == 1) {
        cr_assert(cmg_mp_bool(&p->ours, b) == CMG_OK);
        b ? msgpack_pack_true(&p->packer) : msgpack_pack_false(&p->packer);
    } else {
        cr_assert(cmg_mp_float(&p->ours, d) == CMG_OK);
        msgpack_pack_double(&p->packer, d);
    }
}

static void put_any(struct pair *p, int depth);

static void put_container(struct pair *p, int depth)
{
    uint32_t n = random_below(p, WIDEST);
    bool is_map = random_below(p, 2);
    cr_assert((is_map ? cmg_mp_map(&p->ours, n) : cmg_mp_array(&p->ours, n)) == CMG_OK);
    is_map ? msgpack_pack_map(&p->packer, n) : msgpack_pack_array(&p->packer, n);
    for (uint32_t i = 0; i < (is_map ? 2 * n : n); i++)
        put_any(p, depth + 1);
}

static void put_any(struct pair *p, int depth)
{
    unsigned kind = random_below(p, depth < DEEPEST ? 8 : 6);
    if (kind < 2)
        put_number(p);
    else if (kind < 5)
        put_bytes(p, kind - 2);
    else if (kind == 5)
        put_small(p);
    else if (depth > 2 && random_below(p, 2))
        put_number(p);
    else
        put_container(p, depth);
}

/* ---- what our reader says of a tree that msgpack-c has built ------------------------------- */

static void same(const msgpack_object *o, cmg_str *rest);

static void same_bytes(const struct cmg_mp_token *t, const char *ptr, uint32_t n)
{
    cr_assert_eq(t->s.len, n);
    cr_assert(!n || memcmp(t->s.ptr, ptr, n) == 0);
}

static void same_scalar(const msgpack_object *o, const struct cmg_mp_token *t)
{
    switch (o->type) {
    case MSGPACK_OBJECT_NIL:
        cr_assert_eq(t->type, CMG_MP_NIL);
        break;
    case MSGPACK_OBJECT_BOOLEAN:
        cr_assert(t->type == CMG_MP_BOOL && t->b == o->via.boolean);
        break;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        cr_assert(t->type == CMG_MP_UINT && t->u == o->via.u64);
        break;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        cr_assert(t->type == CMG_MP_INT && t->i == o->via.i64);
        break;
    default:
        cr_assert(t->type == CMG_MP_FLOAT && memcmp(&t->d, &o->via.f64, sizeof t->d) == 0);
    }
}

static void same_elements(const msgpack_object *o, const struct cmg_mp_token *t, cmg_str *rest)
{
    bool is_map = o->type == MSGPACK_OBJECT_MAP;
    cr_assert_eq(t->type, is_map ? CMG_MP_MAP : CMG_MP_ARRAY);
    cr_assert_eq(t->n, is_map ? o->via.map.size : o->via.array.size);
    for (uint32_t i = 0; i < t->n; i++) {
        same(is_map ? &o->via.map.ptr[i].key : &o->via.array.ptr[i], rest);
        if (is_map)
            same(&o->via.map.ptr[i].val, rest);
    }
}

static void same(const msgpack_object *o, cmg_str *rest)
{
    struct cmg_mp_token t;
    cr_assert(cmg_mp_next(rest, &t));
    switch (o->type) {
    case MSGPACK_OBJECT_STR:
        cr_assert_eq(t.type, CMG_MP_STR);
        same_bytes(&t, o->via.str.ptr, o->via.str.size);
        break;
    case MSGPACK_OBJECT_BIN:
        cr_assert_eq(t.type, CMG_MP_BIN);
        same_bytes(&t, o->via.bin.ptr, o->via.bin.size);
        break;
    case MSGPACK_OBJECT_EXT:
        cr_assert(t.type == CMG_MP_EXT && t.ext == o->via.ext.type);
        same_bytes(&t, o->via.ext.ptr, o->via.ext.size);
        break;
    case MSGPACK_OBJECT_ARRAY:
    case MSGPACK_OBJECT_MAP:
        same_elements(o, &t, rest);
        break;
    default:
        same_scalar(o, &t);
    }
}

static void compare(const char *data, size_t len, msgpack_unpacked *result)
{
    size_t at = 0;
    cr_assert_eq(msgpack_unpack_next(result, data, len, &at), MSGPACK_UNPACK_SUCCESS);
    cr_assert_eq(at, len);
    cmg_str rest = cmg_str_of(data, len), skipped = rest;
    same(&result->data, &rest);
    cr_assert_eq(rest.len, 0);
    cr_assert(cmg_mp_skip(&skipped) && skipped.len == 0);
}

/* A cut object is whole to neither. */
static void compare_cut(struct pair *p, msgpack_unpacked *scratch)
{
    size_t n = random_below(p, (uint32_t)p->ours.len), at = 0;
    cmg_str rest = cmg_str_of(p->ours.ptr, n);
    cr_assert_not(cmg_mp_skip(&rest));
    cr_assert_neq(msgpack_unpack_next(scratch, p->ours.ptr, n, &at), MSGPACK_UNPACK_SUCCESS);
}

Test(msgpack_c, reads_and_writes_the_same, .timeout = 120)
{
    struct pair p = {.ours = cmg_buf_init((size_t)1 << 30), .seed = 4711};
    msgpack_unpacked ours, theirs;
    msgpack_sbuffer_init(&p.theirs);
    msgpack_packer_init(&p.packer, &p.theirs, msgpack_sbuffer_write);
    msgpack_unpacked_init(&ours);
    msgpack_unpacked_init(&theirs);
    for (int i = 0; i < ROUNDS; i++) {
        p.ours.len = 0;
        msgpack_sbuffer_clear(&p.theirs);
        put_any(&p, 0);
        compare(p.ours.ptr, p.ours.len, &ours);
        compare(p.theirs.data, p.theirs.size, &theirs);
        cr_assert(msgpack_object_equal(ours.data, theirs.data), "round %d", i);
        cr_assert_leq(p.ours.len, p.theirs.size, "round %d: ours is never the longer form", i);
        compare_cut(&p, &ours);
    }
    msgpack_unpacked_destroy(&ours);
    msgpack_unpacked_destroy(&theirs);
    msgpack_sbuffer_destroy(&p.theirs);
    cmg_buf_done(&p.ours);
}
