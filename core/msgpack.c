/* SPDX-License-Identifier: Apache-2.0
 * MessagePack by its table of formats: the first byte says what follows. */
#include "core/msgpack.h"

#include <limits.h>

/* ---- reading ------------------------------------------------------------------------------ */

static uint64_t big_endian(const char *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | (unsigned char)p[i];
    return v;
}

/* `n` bytes as a number. */
static bool take_number(cmg_str *s, size_t n, uint64_t *ret)
{
    if (s->len < n)
        return false;
    *ret = big_endian(s->ptr, n);
    *s = cmg_str_from(*s, n);
    return true;
}

static bool take_bytes(cmg_str *s, uint64_t n, struct cmg_mp_token *t, enum cmg_mp_type type)
{
    if (s->len < n)
        return false;
    t->type = type;
    t->s = cmg_str_head(*s, (size_t)n);
    *s = cmg_str_from(*s, (size_t)n);
    return true;
}

/* An ext has its type between its length and its bytes. */
static bool take_ext(cmg_str *s, uint64_t n, struct cmg_mp_token *t)
{
    if (!s->len)
        return false;
    t->ext = (int8_t)s->ptr[0];
    *s = cmg_str_from(*s, 1);
    return take_bytes(s, n, t, CMG_MP_EXT);
}

/* Every element takes a byte at least: a count that cannot be true is refused here. */
static bool take_container(const cmg_str *s, uint64_t n, struct cmg_mp_token *t,
                           enum cmg_mp_type type)
{
    uint64_t least = type == CMG_MP_MAP ? 2 * n : n;
    t->type = type;
    t->n = (uint32_t)n;
    return least <= s->len;
}

static bool take_signed(cmg_str *s, size_t n, struct cmg_mp_token *t)
{
    uint64_t v = 0;
    if (!take_number(s, n, &v))
        return false;
    int64_t i = (int64_t)(v << (64 - 8 * n)) >> (64 - 8 * n);
    t->type = i < 0 ? CMG_MP_INT : CMG_MP_UINT;
    if (i < 0)
        t->i = i;
    else
        t->u = (uint64_t)i;
    return true;
}

static bool take_float(cmg_str *s, size_t n, struct cmg_mp_token *t)
{
    uint64_t v = 0;
    if (!take_number(s, n, &v))
        return false;
    t->type = CMG_MP_FLOAT;
    if (n == 4) {
        uint32_t bits = (uint32_t)v;
        float f;
        memcpy(&f, &bits, sizeof f);
        t->d = (double)f;
    } else {
        memcpy(&t->d, &v, sizeof t->d);
    }
    return true;
}

/* What the bytes 0xC4 to 0xDF stand for, and how wide the number behind them is. */
enum form { F_BAD, F_BIN, F_EXT, F_FLOAT, F_UINT, F_INT, F_FIXEXT, F_STR, F_ARRAY, F_MAP };
static const struct {
    uint8_t form, width;
} forms[] = {
    {F_BIN, 1},    {F_BIN, 2},    {F_BIN, 4},     {F_EXT, 1},  {F_EXT, 2},    {F_EXT, 4},
    {F_FLOAT, 4},  {F_FLOAT, 8},  {F_UINT, 1},    {F_UINT, 2}, {F_UINT, 4},   {F_UINT, 8},
    {F_INT, 1},    {F_INT, 2},    {F_INT, 4},     {F_INT, 8},  {F_FIXEXT, 1}, {F_FIXEXT, 2},
    {F_FIXEXT, 4}, {F_FIXEXT, 8}, {F_FIXEXT, 16}, {F_STR, 1},  {F_STR, 2},    {F_STR, 4},
    {F_ARRAY, 2},  {F_ARRAY, 4},  {F_MAP, 2},     {F_MAP, 4},
};

static bool take_sized(cmg_str *s, enum form form, size_t width, struct cmg_mp_token *t)
{
    uint64_t n = 0;
    if (!take_number(s, width, &n))
        return false;
    switch (form) {
    case F_BIN:
        return take_bytes(s, n, t, CMG_MP_BIN);
    case F_STR:
        return take_bytes(s, n, t, CMG_MP_STR);
    case F_EXT:
        return take_ext(s, n, t);
    case F_ARRAY:
        return take_container(s, n, t, CMG_MP_ARRAY);
    case F_MAP:
        return take_container(s, n, t, CMG_MP_MAP);
    default:
        t->type = CMG_MP_UINT;
        t->u = n;
        return true;
    }
}

static bool take_form(cmg_str *s, unsigned first, struct cmg_mp_token *t)
{
    enum form form = forms[first - 0xC4].form;
    size_t width = forms[first - 0xC4].width;
    if (form == F_FIXEXT)
        return take_ext(s, width, t);
    if (form == F_FLOAT)
        return take_float(s, width, t);
    if (form == F_INT)
        return take_signed(s, width, t);
    return take_sized(s, form, width, t);
}

/* 0xC0 to 0xC3: nil, never used, false, true. */
static bool take_simple(unsigned first, struct cmg_mp_token *t)
{
    t->type = first == 0xC0 ? CMG_MP_NIL : CMG_MP_BOOL;
    t->b = first == 0xC3;
    return first != 0xC1;
}

/* Lengths and values that sit in the first byte itself. */
static bool take_fixed(cmg_str *s, unsigned first, struct cmg_mp_token *t)
{
    if (first < 0x80) {
        t->type = CMG_MP_UINT;
        t->u = first;
        return true;
    }
    if (first < 0x90)
        return take_container(s, first & 15, t, CMG_MP_MAP);
    if (first < 0xA0)
        return take_container(s, first & 15, t, CMG_MP_ARRAY);
    if (first < 0xC0)
        return take_bytes(s, first & 31, t, CMG_MP_STR);
    t->type = CMG_MP_INT;
    t->i = (int64_t)first - 0x100;
    return true;
}

bool cmg_mp_next(cmg_str *rest, struct cmg_mp_token *ret)
{
    if (!rest->len)
        return false;
    unsigned first = (unsigned char)rest->ptr[0];
    cmg_str s = cmg_str_from(*rest, 1);
    bool ok;
    if (first < 0xC0 || first >= 0xE0)
        ok = take_fixed(&s, first, ret);
    else
        ok = first < 0xC4 ? take_simple(first, ret) : take_form(&s, first, ret);
    if (ok)
        *rest = s;
    return ok;
}

/* How long a token is that nearly all are: a text, or a number of one byte. 0: look closer. */
static inline size_t usual_length(cmg_str s)
{
    unsigned first = (unsigned char)s.ptr[0];
    if (first < 0x80)
        return 1;
    if (first >= 0xA0 && first < 0xC0)
        return 1 + (first & 31);
    if (first >= 0xD9 && first <= 0xDB) {
        size_t width = (size_t)1 << (first - 0xD9);
        return s.len > width ? 1 + width + (size_t)big_endian(s.ptr + 1, width) : 0;
    }
    return 0;
}

/* Depth is only a number of objects still to come: it cannot pass the bytes that are left, since
 * each takes one. */
bool cmg_mp_skip(cmg_str *rest)
{
    cmg_str s = *rest;
    for (uint64_t pending = 1; pending; pending--) {
        struct cmg_mp_token t;
        if (pending > s.len)
            return false;
        size_t n = usual_length(s);
        if (n && n <= s.len) {
            s = cmg_str_from(s, n);
            continue;
        }
        if (!cmg_mp_next(&s, &t))
            return false;
        if (t.type == CMG_MP_ARRAY)
            pending += t.n;
        else if (t.type == CMG_MP_MAP)
            pending += 2 * (uint64_t)t.n;
    }
    *rest = s;
    return true;
}

bool cmg_mp_object(cmg_str *rest, cmg_str *ret_bytes)
{
    cmg_str before = *rest;
    if (!cmg_mp_skip(rest))
        return false;
    *ret_bytes = cmg_str_head(before, before.len - rest->len);
    return true;
}

bool cmg_mp_pair(cmg_str *rest, cmg_str *ret_key, cmg_str *ret_text, cmg_str *ret_value)
{
    struct cmg_mp_token t;
    cmg_str s = *rest;
    if (!cmg_mp_next(&s, &t))
        return false;
    *ret_text = t.type == CMG_MP_STR ? t.s : (cmg_str){NULL, 0};
    if (t.type == CMG_MP_ARRAY || t.type == CMG_MP_MAP) {
        s = *rest;
        if (!cmg_mp_skip(&s))
            return false;
    }
    *ret_key = cmg_str_head(*rest, rest->len - s.len);
    if (!cmg_mp_object(&s, ret_value))
        return false;
    *rest = s;
    return true;
}

bool cmg_mp_find(cmg_str map, cmg_str key, cmg_str *ret_value)
{
    struct cmg_mp_token t;
    if (!cmg_mp_next(&map, &t) || t.type != CMG_MP_MAP)
        return false;
    for (uint32_t i = t.n; i > 0; i--) {
        cmg_str name, text, value;
        if (!cmg_mp_pair(&map, &name, &text, &value))
            return false;
        if (text.ptr && cmg_str_eq(text, key)) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

/* ---- writing ------------------------------------------------------------------------------ */

static void put_big_endian(char *p, uint64_t v, size_t n)
{
    for (size_t i = n; i > 0; i--, v >>= 8)
        p[i - 1] = (char)v;
}

/* A first byte, a number of `width` bytes, and `more` bytes for which room is made. */
static enum cmg_rc put_head(struct cmg_buf *out, unsigned first, uint64_t v, size_t width,
                            size_t more)
{
    if (more > SIZE_MAX - 1 - width)
        return CMG_ELIMIT;
    size_t need = 1 + width + more;
    enum cmg_rc rc = need <= out->size - out->len ? CMG_OK : cmg_buf_reserve(out, need);
    if (rc != CMG_OK)
        return rc;
    char *p = out->ptr + out->len;
    *p = (char)first;
    put_big_endian(p + 1, v, width);
    out->len += 1 + width;
    return CMG_OK;
}

static void put_bytes(struct cmg_buf *out, cmg_str s)
{
    if (s.len)
        memcpy(out->ptr + out->len, s.ptr, s.len);
    out->len += s.len;
}

enum cmg_rc cmg_mp_nil(struct cmg_buf *out)
{
    return put_head(out, 0xC0, 0, 0, 0);
}

enum cmg_rc cmg_mp_bool(struct cmg_buf *out, bool v)
{
    return put_head(out, v ? 0xC3 : 0xC2, 0, 0, 0);
}

enum cmg_rc cmg_mp_uint(struct cmg_buf *out, uint64_t v)
{
    if (v < 0x80)
        return put_head(out, (unsigned)v, 0, 0, 0);
    if (v <= UINT8_MAX)
        return put_head(out, 0xCC, v, 1, 0);
    if (v <= UINT16_MAX)
        return put_head(out, 0xCD, v, 2, 0);
    return v <= UINT32_MAX ? put_head(out, 0xCE, v, 4, 0) : put_head(out, 0xCF, v, 8, 0);
}

enum cmg_rc cmg_mp_int(struct cmg_buf *out, int64_t v)
{
    if (v >= 0)
        return cmg_mp_uint(out, (uint64_t)v);
    if (v >= -32)
        return put_head(out, (unsigned)(v & 0xFF), 0, 0, 0);
    if (v >= INT8_MIN)
        return put_head(out, 0xD0, (uint64_t)v, 1, 0);
    if (v >= INT16_MIN)
        return put_head(out, 0xD1, (uint64_t)v, 2, 0);
    return v >= INT32_MIN ? put_head(out, 0xD2, (uint64_t)v, 4, 0)
                          : put_head(out, 0xD3, (uint64_t)v, 8, 0);
}

enum cmg_rc cmg_mp_float(struct cmg_buf *out, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return put_head(out, 0xCB, bits, 8, 0);
}

/* Header of 8, 16 or 32 bits of length, whose first bytes follow each other. */
static enum cmg_rc put_sized(struct cmg_buf *out, unsigned first, size_t n, size_t more)
{
    if (n <= UINT8_MAX)
        return put_head(out, first, n, 1, more);
    if (n <= UINT16_MAX)
        return put_head(out, first + 1, n, 2, more);
    return n <= UINT32_MAX ? put_head(out, first + 2, n, 4, more) : CMG_ELIMIT;
}

char *cmg_mp_str_head(char *p, uint32_t n)
{
    if (n < 32) {
        *p = (char)(0xA0 | n);
        return p + 1;
    }
    size_t width = n <= UINT8_MAX ? 1 : n <= UINT16_MAX ? 2 : 4;
    *p = (char)(0xD9 + (width >> 1)); /* 0xD9, 0xDA, 0xDB */
    put_big_endian(p + 1, n, width);
    return p + 1 + width;
}

enum cmg_rc cmg_mp_joined(struct cmg_buf *out, cmg_str head, cmg_str tail)
{
    size_t n = head.len + tail.len;
    enum cmg_rc rc =
        n < 32 ? put_head(out, 0xA0 | (unsigned)n, 0, 0, n) : put_sized(out, 0xD9, n, n);
    if (rc == CMG_OK) {
        put_bytes(out, head);
        put_bytes(out, tail);
    }
    return rc;
}

enum cmg_rc cmg_mp_str(struct cmg_buf *out, cmg_str s)
{
    return cmg_mp_joined(out, s, CMG_LIT(""));
}

enum cmg_rc cmg_mp_bin(struct cmg_buf *out, cmg_str s)
{
    enum cmg_rc rc = put_sized(out, 0xC4, s.len, s.len);
    if (rc == CMG_OK)
        put_bytes(out, s);
    return rc;
}

/* 1, 2, 4, 8 and 16 bytes have a form without length. */
static unsigned fixext(size_t n)
{
    static const uint8_t first[] = {0, 0xD4, 0xD5, 0, 0xD6, 0, 0, 0,   0xD7,
                                    0, 0,    0,    0, 0,    0, 0, 0xD8};
    return n < sizeof first ? first[n] : 0;
}

enum cmg_rc cmg_mp_ext(struct cmg_buf *out, int8_t type, cmg_str s)
{
    unsigned fixed = fixext(s.len);
    if (s.len > UINT32_MAX)
        return CMG_ELIMIT;
    enum cmg_rc rc =
        fixed ? put_head(out, fixed, 0, 0, s.len + 1) : put_sized(out, 0xC7, s.len, s.len + 1);
    if (rc != CMG_OK)
        return rc;
    out->ptr[out->len++] = (char)type;
    put_bytes(out, s);
    return CMG_OK;
}

enum cmg_rc cmg_mp_array(struct cmg_buf *out, uint32_t n)
{
    if (n < 16)
        return put_head(out, 0x90 | n, 0, 0, 0);
    return n <= UINT16_MAX ? put_head(out, 0xDC, n, 2, 0) : put_head(out, 0xDD, n, 4, 0);
}

enum cmg_rc cmg_mp_map(struct cmg_buf *out, uint32_t n)
{
    if (n < 16)
        return put_head(out, 0x80 | n, 0, 0, 0);
    return n <= UINT16_MAX ? put_head(out, 0xDE, n, 2, 0) : put_head(out, 0xDF, n, 4, 0);
}

enum cmg_rc cmg_mp_map_open(struct cmg_buf *out, size_t *ret_at)
{
    size_t at = out->len;
    enum cmg_rc rc = put_head(out, 0xDE, 0, 2, 0);
    if (rc == CMG_OK)
        *ret_at = at;
    return rc;
}

void cmg_mp_map_close(struct cmg_buf *out, size_t at, uint16_t pairs)
{
    put_big_endian(out->ptr + at + 1, pairs, 2);
}
