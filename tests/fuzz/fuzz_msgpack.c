/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as msgpack: what is read token by token is what skip takes, and writing it again means
 * the same. */
#include "core/msgpack.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum cmg_rc write_token(struct cmg_buf *out, const struct cmg_mp_token *t)
{
    switch (t->type) {
    case CMG_MP_NIL:
        return cmg_mp_nil(out);
    case CMG_MP_BOOL:
        return cmg_mp_bool(out, t->b);
    case CMG_MP_UINT:
        return cmg_mp_uint(out, t->u);
    case CMG_MP_INT:
        return cmg_mp_int(out, t->i);
    case CMG_MP_FLOAT:
        return cmg_mp_float(out, t->d);
    case CMG_MP_STR:
        return cmg_mp_str(out, t->s);
    case CMG_MP_BIN:
        return cmg_mp_bin(out, t->s);
    case CMG_MP_EXT:
        return cmg_mp_ext(out, t->ext, t->s);
    case CMG_MP_ARRAY:
        return cmg_mp_array(out, t->n);
    default:
        return cmg_mp_map(out, t->n);
    }
}

static void assert_same(const struct cmg_mp_token *a, const struct cmg_mp_token *b)
{
    assert(a->type == b->type);
    if (a->type >= CMG_MP_ARRAY)
        assert(a->n == b->n);
    else if (a->type >= CMG_MP_STR)
        assert(cmg_str_eq(a->s, b->s) && (a->type != CMG_MP_EXT || a->ext == b->ext));
    else if (a->type >= CMG_MP_UINT)
        assert(memcmp(&a->u, &b->u, sizeof a->u) == 0 || a->d != a->d);
}

/* Every token of the input again, in its shortest form, until one is not sound. */
static void copy_tokens(cmg_str in, struct cmg_buf *out)
{
    struct cmg_mp_token t;
    while (cmg_mp_next(&in, &t)) {
        enum cmg_rc rc = write_token(out, &t);
        assert(rc == CMG_OK);
    }
}

static void compare_tokens(cmg_str a, cmg_str b)
{
    struct cmg_mp_token ta, tb;
    while (cmg_mp_next(&b, &tb)) {
        bool more = cmg_mp_next(&a, &ta);
        assert(more);
        assert_same(&ta, &tb);
    }
}

/* One whole object by counting, as a reader would who keeps a stack. */
static bool walk(cmg_str *rest)
{
    uint64_t pending = 1;
    cmg_str s = *rest;
    while (pending--) {
        struct cmg_mp_token t;
        if (!cmg_mp_next(&s, &t))
            return false;
        pending += t.type == CMG_MP_ARRAY ? t.n : t.type == CMG_MP_MAP ? 2 * (uint64_t)t.n : 0;
    }
    *rest = s;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cmg_str in = cmg_str_of((const char *)data, size), skipped = in, walked = in, value, object;
    struct cmg_buf out = cmg_buf_init(4 * size + 64);
    while (skipped.len) {
        bool ok = cmg_mp_skip(&skipped);
        assert(ok == walk(&walked) && skipped.ptr == walked.ptr && skipped.len == walked.len);
        if (!ok)
            break;
    }
    if (cmg_mp_find(in, CMG_LIT("log"), &value))
        assert(cmg_mp_object(&value, &object) && value.len == 0);
    copy_tokens(in, &out);
    compare_tokens(in, cmg_buf_str(&out));
    cmg_buf_done(&out);
    return 0;
}
