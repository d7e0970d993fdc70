/* SPDX-License-Identifier: Apache-2.0
 * A record as one line of ECS JSON: schemas/fields.def unrolled into straight code.
 *
 * Every member is written with its comma behind it; the end of an object takes the last comma back,
 * or, where nothing was written, the whole object. */
#include "core/encode.h"
#include "core/json.h"

/* ---- how many bytes the keys, numbers and words come to at most --------------------------- */

/* clang-format off */
enum {
    KEY = 5, /* quotes, colon, comma, and a brace or quote of the value */
    QUOTES = 3,
    PROBLEM_NAMES = 0
#define PROBLEM(bit, id, name, text) +(int)sizeof(name) + QUOTES
#include "schemas/problems.def"
#undef PROBLEM
    ,
};

#define GROUP(key) +(int)sizeof(key) + KEY
#define END_GROUP(key) +2
#define CONST(path, key, value, owner, text) +(int)(sizeof(key) + sizeof(value)) + KEY + QUOTES
#define WORD(path, key, slice, owner, text) +(int)sizeof(key) + KEY + CMG_WORD_MAX + QUOTES
#define TEXT(path, key, slice, owner, text) +(int)sizeof(key) + KEY + QUOTES
#define JOINED(path, key, head, tail, owner, text) +(int)sizeof(key) + KEY + QUOTES
#define NUMBER(path, key, when, value, owner, text) +(int)sizeof(key) + KEY + CMG_JSON_U64_MAX
#define WORDS(path, key, at, n, owner, text)                                                       \
    +(int)sizeof(key) + KEY + 2 + (QUOTES + CMG_WORD_MAX) * CMG_SORTS_MAX
#define TEXTS(path, key, at, n, owner, text) +(int)sizeof(key) + KEY + 2 + QUOTES * CMG_CAUSES_MAX
#define PROBLEMS(path, key, bits, owner, text) +(int)sizeof(key) + KEY + 2 + PROBLEM_NAMES
#define PAIRS(path, key, at, n, owner, text) +(int)sizeof(key) + KEY + 2 + 6 * CMG_ATTRS_MAX
enum {
    FIXED = 4 /* braces, line feed */
#include "schemas/fields.def"
};
/* clang-format on */
_Static_assert((int)CMG_REMEDIES_MAX <= (int)CMG_CAUSES_MAX,
               "TEXTS counts CMG_CAUSES_MAX elements");

/* ---- one kind of row each ----------------------------------------------------------------- */

#define INLINE static inline __attribute__((always_inline))

/* Constant length, so this is a few moves, and fewer where whole registers are copied: literals are
 * padded for that, and what is copied too far has the room that texts need anyway. */
#define L(literal) literal "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", sizeof(literal) - 1
INLINE char *put(char *p, const char *s, size_t n)
{
    memcpy(p, s, n <= 8 ? n : (n + 15) / 16 * 16);
    return p + n;
}
#define PUT(p, literal) put(p, L(literal))

INLINE char *end_group(char *p, size_t opening)
{
    if (p[-1] == '{')
        return p - opening;
    return PUT(p - 1, "},");
}

/* In steps that may overlap or go too far: a call of memcpy costs more than a word. */
INLINE char *copy_word(char *p, const char *s, size_t n)
{
    memcpy(p, s, CMG_WORD_ROOM);
    if (n > 16) {
        if (n > 32)
            memcpy(p + 16, s + 16, 16);
        memcpy(p + n - 16, s + n - 16, 16);
    }
    return p + n;
}

INLINE char *put_word(char *p, const char *key, size_t n, cmg_str s)
{
    if (!s.len)
        return p;
    return PUT(copy_word(put(p, key, n), s.ptr, s.len), "\",");
}

INLINE char *put_text(struct cmg_json *j, char *p, const char *key, size_t n, cmg_str s)
{
    if (!s.len)
        return p;
    p = cmg_json_text(j, put(p, key, n), s);
    return PUT(p, "\",");
}

INLINE char *put_joined(struct cmg_json *j, char *p, const char *key, size_t n, cmg_str head,
                        cmg_str tail)
{
    if (!head.len && !tail.len)
        return p;
    p = cmg_json_text(j, put(p, key, n), head);
    p = cmg_json_text(j, p, tail);
    return PUT(p, "\",");
}

INLINE char *put_number(char *p, const char *key, size_t n, bool when, uint64_t value)
{
    if (!when)
        return p;
    p = put(p, key, n);
    if (value < 10)
        *p++ = (char)('0' + value);
    else
        p = cmg_json_u64(p, value);
    *p++ = ',';
    return p;
}

static char *put_strings(struct cmg_json *j, char *p, const cmg_str *at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        *p++ = '"';
        p = cmg_json_text(j, p, at[i]);
        p = PUT(p, "\",");
    }
    p[-1] = ']';
    *p++ = ',';
    return p;
}

INLINE char *put_texts(struct cmg_json *j, char *p, const char *key, size_t klen, const cmg_str *at,
                       size_t n)
{
    return n ? put_strings(j, put(p, key, klen), at, n) : p;
}

INLINE char *put_words(char *p, const char *key, size_t klen, const cmg_str *at, size_t n)
{
    if (!n)
        return p;
    p = put(p, key, klen);
    for (size_t i = 0; i < n; i++) {
        *p++ = '"';
        p = PUT(copy_word(p, at[i].ptr, at[i].len), "\",");
    }
    p[-1] = ']';
    *p++ = ',';
    return p;
}

static char *put_problems(char *p, uint32_t bits)
{
    for (; bits; bits &= bits - 1) {
        cmg_str name = cmg_problem_name((unsigned)__builtin_ctz(bits));
        *p++ = '"';
        memcpy(p, name.ptr, name.len);
        p = PUT(p + name.len, "\",");
    }
    p[-1] = ']';
    *p++ = ',';
    return p;
}

INLINE char *put_bits(char *p, const char *key, size_t n, uint32_t bits)
{
    return bits ? put_problems(put(p, key, n), bits) : p;
}

/* The open brace is there, end_group closes. */
static char *put_members(struct cmg_json *j, char *p, const struct cmg_attr *at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!cmg_pair_counts(at, i))
            continue;
        *p++ = '"';
        p = cmg_json_text(j, p, at[i].name);
        p = PUT(p, "\":\"");
        p = cmg_json_text(j, p, at[i].value);
        p = PUT(p, "\",");
    }
    return p;
}

INLINE char *put_pairs(struct cmg_json *j, char *p, const char *key, size_t klen,
                       const struct cmg_attr *at, size_t n)
{
    return n ? end_group(put_members(j, put(p, key, klen), at, n), klen) : p;
}

/* ---- the rows as functions, one a section ------------------------------------------------- */

/* clang-format off */
#define SECTION(name, when)                                                                        \
    INLINE char *section_##name(struct cmg_json *j, const struct cmg_view *v,                      \
                                const struct cmg_record *r, char *p)                               \
    {                                                                                              \
        const struct cmg_event *e = &r->event;                                                     \
        const struct cmg_finding *f = &r->finding;                                                 \
        (void)j, (void)v, (void)e, (void)f;                                                        \
        if (!(when))                                                                               \
            return p;
#define END_SECTION                                                                                \
    return p;                                                                                      \
    }
#define GROUP(key) p = PUT(p, "\"" key "\":{");
#define END_GROUP(key) p = end_group(p, sizeof("\"" key "\":{") - 1);
#define CONST(path, key, value, owner, text) p = PUT(p, "\"" key "\":\"" value "\",");
#define WORD(path, key, slice, owner, text) p = put_word(p, L("\"" key "\":\""), slice);
#define TEXT(path, key, slice, owner, text) p = put_text(j, p, L("\"" key "\":\""), slice);
#define JOINED(path, key, head, tail, owner, text)                                                 \
    p = put_joined(j, p, L("\"" key "\":\""), head, tail);
#define NUMBER(path, key, when, value, owner, text)                                                \
    p = put_number(p, L("\"" key "\":"), when, value);
#define WORDS(path, key, at, n, owner, text) p = put_words(p, L("\"" key "\":["), at, n);
#define TEXTS(path, key, at, n, owner, text) p = put_texts(j, p, L("\"" key "\":["), at, n);
#define PROBLEMS(path, key, bits, owner, text) p = put_bits(p, L("\"" key "\":["), bits);
#define PAIRS(path, key, at, n, owner, text) p = put_pairs(j, p, L("\"" key "\":{"), at, n);
#include "schemas/fields.def"

static char *put_record(struct cmg_json *j, const struct cmg_record *r, char *p)
{
    struct cmg_view v;
    cmg_view_init(&v, r);
    *p++ = '{';
#define SECTION(name, when) p = section_##name(j, &v, r, p);
#include "schemas/fields.def"
    p[-1] = '}';
    *p++ = '\n';
    return p;
}
/* clang-format on */

enum cmg_rc cmg_record_to_json(const struct cmg_record *r, struct cmg_buf *out)
{
    struct cmg_json j;
    char *p = cmg_json_begin(&j, out, FIXED);
    if (p) {
        cmg_json_window(&j, cmg_str_of(r->raw.ptr, r->raw.len ? r->raw.len + r->slack : 0));
        p = put_record(&j, r, p);
    }
    return cmg_json_end(&j, p);
}
