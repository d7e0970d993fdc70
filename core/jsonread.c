/* SPDX-License-Identifier: Apache-2.0
 * A JSON reader of slices: one pass, an explicit stack of one bit a level, no recursion. */
#include "core/jsonread.h"
#include "core/v16.h"

struct cursor {
    const char *p, *end;
};

static void blanks(struct cursor *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r'))
        c->p++;
}

static bool eat(struct cursor *c, char ch)
{
    blanks(c);
    if (c->p == c->end || *c->p != ch)
        return false;
    c->p++;
    return true;
}

static bool word(struct cursor *c, cmg_str w)
{
    if (!cmg_str_starts(cmg_str_of(c->p, (size_t)(c->end - c->p)), w))
        return false;
    c->p += w.len;
    return true;
}

static bool hex4(struct cursor *c)
{
    if (c->end - c->p < 4)
        return false;
    for (int i = 0; i < 4; i++)
        if (cmg_hex_digit(*c->p++) < 0)
            return false;
    return true;
}

static bool escape(struct cursor *c)
{
    if (c->p == c->end)
        return false;
    char ch = *c->p++;
    if (ch == 'u')
        return hex4(c);
    return ch && strchr("\"\\/bfnrt", ch) != NULL;
}

/* Past what is neither a quote, a backslash nor a control character. */
static inline const char *ordinary(const char *p, const char *end)
{
    for (; end - p >= CMG_V16; p += CMG_V16) {
        uint32_t stops = cmg_v16_specials(cmg_v16_load(p));
        if (stops)
            return p + __builtin_ctz(stops);
    }
    while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20)
        p++;
    return p;
}

/* At the opening quote. */
static bool string(struct cursor *c, struct cmg_json_value *ret)
{
    const char *from = ++c->p;
    ret->type = CMG_JSON_STRING;
    ret->escaped = false;
    while ((c->p = ordinary(c->p, c->end)) < c->end) {
        unsigned char ch = (unsigned char)*c->p++;
        if (ch == '"') {
            ret->raw = cmg_str_of(from, (size_t)(c->p - from) - 1);
            return true;
        }
        if (ch < 0x20)
            return false;
        if (ch == '\\') {
            ret->escaped = true;
            if (!escape(c))
                return false;
        }
    }
    return false;
}

static bool digits(struct cursor *c)
{
    const char *from = c->p;
    while (c->p < c->end && cmg_is_digit(*c->p))
        c->p++;
    return c->p > from;
}

static bool eat_now(struct cursor *c, const char *one_of)
{
    if (c->p == c->end || !*c->p || !strchr(one_of, *c->p))
        return false;
    c->p++;
    return true;
}

static bool number(struct cursor *c)
{
    eat_now(c, "-");
    if (!eat_now(c, "0") && !digits(c))
        return false;
    if (eat_now(c, ".") && !digits(c))
        return false;
    if (!eat_now(c, "eE"))
        return true;
    eat_now(c, "+-");
    return digits(c);
}

static bool scalar(struct cursor *c, struct cmg_json_value *ret)
{
    const char *from = c->p;
    bool ok;
    switch (*from) {
    case '"':
        return string(c, ret);
    case 't':
        ret->type = CMG_JSON_TRUE;
        ok = word(c, CMG_LIT("true"));
        break;
    case 'f':
        ret->type = CMG_JSON_FALSE;
        ok = word(c, CMG_LIT("false"));
        break;
    case 'n':
        ret->type = CMG_JSON_NULL;
        ok = word(c, CMG_LIT("null"));
        break;
    default:
        ret->type = CMG_JSON_NUMBER;
        ok = number(c);
        break;
    }
    ret->raw = cmg_str_of(from, (size_t)(c->p - from));
    return ok;
}

static bool key(struct cursor *c, struct cmg_json_value *ret)
{
    blanks(c);
    return c->p < c->end && *c->p == '"' && string(c, ret) && eat(c, ':');
}

/* Which brackets are open: a set bit is an object. */
struct levels {
    uint64_t bits;
    unsigned depth;
};

static bool push(struct levels *l, bool object)
{
    if (l->depth == CMG_JSON_DEPTH_MAX)
        return false;
    l->bits = l->bits << 1 | object;
    l->depth++;
    return true;
}

static void pop(struct levels *l)
{
    l->bits >>= 1;
    l->depth--;
}

/* Behind an opening bracket. True: an element follows; *ret_closed: it was empty. */
static bool enter(struct cursor *c, struct levels *l, bool object, bool *ret_closed)
{
    struct cmg_json_value ignored;
    if (!push(l, object))
        return false;
    *ret_closed = eat(c, object ? '}' : ']');
    if (*ret_closed)
        pop(l);
    return *ret_closed || !object || key(c, &ignored);
}

/* Behind a value: closes what closes here. True: *ret_more tells whether another value follows. */
static bool leave(struct cursor *c, struct levels *l, bool *ret_more)
{
    struct cmg_json_value ignored;
    *ret_more = false;
    while (l->depth) {
        bool object = l->bits & 1;
        if (eat(c, ',')) {
            *ret_more = true;
            return !object || key(c, &ignored);
        }
        if (!eat(c, object ? '}' : ']'))
            return false;
        pop(l);
    }
    return true;
}

static bool container(struct cursor *c, struct cmg_json_value *ret)
{
    struct levels l = {0, 0};
    struct cmg_json_value ignored;
    const char *from = c->p;
    ret->type = *from == '{' ? CMG_JSON_OBJECT : CMG_JSON_ARRAY;
    for (bool more = true; more;) {
        bool closed = true;
        blanks(c);
        if (c->p == c->end)
            return false;
        if (*c->p == '{' || *c->p == '[') {
            bool object = *c->p++ == '{';
            if (!enter(c, &l, object, &closed))
                return false;
        } else if (!scalar(c, &ignored)) {
            return false;
        }
        if (closed && !leave(c, &l, &more))
            return false;
    }
    ret->raw = cmg_str_of(from, (size_t)(c->p - from));
    return true;
}

static bool value(struct cursor *c, struct cmg_json_value *ret)
{
    blanks(c);
    ret->escaped = false;
    if (c->p == c->end)
        return false;
    return *c->p == '{' || *c->p == '[' ? container(c, ret) : scalar(c, ret);
}

bool cmg_json_read(cmg_str text, struct cmg_json_value *ret, size_t *ret_end)
{
    if (!text.len)
        return false;
    struct cursor c = {text.ptr, text.ptr + text.len};
    if (!value(&c, ret))
        return false;
    blanks(&c);
    *ret_end = (size_t)(c.p - text.ptr);
    return true;
}

struct cmg_json_walk cmg_json_walk(cmg_str text)
{
    return (struct cmg_json_walk){
        .text = text, .at = 1, .object = text.len && text.ptr[0] == '{', .first = true};
}

bool cmg_json_next(struct cmg_json_walk *w, struct cmg_json_value *ret_key,
                   struct cmg_json_value *ret_value)
{
    if (w->broken || w->at >= w->text.len)
        return false;
    struct cursor c = {w->text.ptr + w->at, w->text.ptr + w->text.len};
    if (eat(&c, w->object ? '}' : ']')) {
        w->end = (size_t)(c.p - w->text.ptr);
        w->at = w->text.len;
        return false;
    }
    w->broken =
        (!w->first && !eat(&c, ',')) || (w->object && !key(&c, ret_key)) || !value(&c, ret_value);
    w->first = false;
    w->at = (size_t)(c.p - w->text.ptr);
    return !w->broken;
}

/* ---- strings --------------------------------------------------------------------------------- */

static uint32_t read_hex4(const char *p)
{
    uint32_t v = 0;
    for (int i = 0; i < 4; i++)
        v = v << 4 | (uint32_t)cmg_hex_digit(p[i]);
    return v;
}

static size_t utf8_of(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 63));
        out[2] = (char)(0x80 | (c & 63));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 63));
    out[2] = (char)(0x80 | (c >> 6 & 63));
    out[3] = (char)(0x80 | (c & 63));
    return 4;
}

/* `s` begins behind "\u". Returns how many bytes of it belong to the character. */
static size_t unescape_u(cmg_str s, char out[4], size_t *ret_len, size_t *replaced)
{
    uint32_t c = read_hex4(s.ptr);
    size_t used = 4;
    if (c >= 0xd800 && c <= 0xdbff && s.len >= 10 && s.ptr[4] == '\\' && s.ptr[5] == 'u') {
        uint32_t low = read_hex4(s.ptr + 6);
        if (low >= 0xdc00 && low <= 0xdfff) {
            c = 0x10000 + ((c & 0x3ff) << 10 | (low & 0x3ff));
            used = 10;
        }
    }
    if (c >= 0xd800 && c <= 0xdfff) {
        c = 0xfffd;
        ++*replaced;
    }
    *ret_len = utf8_of(c, out);
    return used;
}

static char unescape_char(char c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return c;
    }
}

enum cmg_rc cmg_json_unescape(cmg_str raw, struct cmg_buf *out, size_t *ret_replaced)
{
    enum cmg_rc rc = cmg_buf_reserve(out, raw.len);
    if (rc != CMG_OK)
        return rc;
    char *to = out->ptr + out->len;
    *ret_replaced = 0;
    while (raw.len) {
        size_t run = cmg_str_chr(raw, '\\');
        run = run == CMG_STR_NPOS ? raw.len : run;
        memcpy(to, raw.ptr, run);
        to += run;
        raw = cmg_str_from(raw, run);
        if (raw.len < 2)
            break;
        size_t used = 0, len = 1;
        if (raw.ptr[1] == 'u' && raw.len >= 6)
            used = unescape_u(cmg_str_from(raw, 2), to, &len, ret_replaced);
        else
            *to = unescape_char(raw.ptr[1]);
        to += len;
        raw = cmg_str_from(raw, 2 + used);
    }
    out->len = (size_t)(to - out->ptr);
    return CMG_OK;
}

bool cmg_json_int(const struct cmg_json_value *v, int64_t *ret)
{
    cmg_str s = v->raw;
    bool minus = s.len && s.ptr[0] == '-';
    uint64_t n = 0, most = (uint64_t)INT64_MAX + minus;
    if ((v->type != CMG_JSON_NUMBER && v->type != CMG_JSON_STRING) || v->escaped)
        return false;
    if (cmg_str_ends(s, CMG_LIT(".0")))
        s.len -= 2;
    s = cmg_str_from(s, minus);
    if (!s.len)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (!cmg_is_digit(s.ptr[i]))
            return false;
        uint64_t d = (uint64_t)(s.ptr[i] - '0');
        if (n > (most - d) / 10)
            return false;
        n = n * 10 + d;
    }
    *ret = minus ? (int64_t)(0 - n) : (int64_t)n;
    return true;
}
