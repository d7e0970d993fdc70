/* SPDX-License-Identifier: Apache-2.0
 * A tokenizer for JSON text that a parser has already accepted. It checks nothing that the parser
 * checks, but stays inside the text whatever the bytes are. Grammar: RFC 8259. */
#include "enrich/catalog_json.h"

/* A token: `kind` is its first byte ('"', '0' for numbers, 't' for words, else the byte), 0 at the
 * end. */
struct token {
    char kind;
    size_t at, end;
};

static bool is_word_byte(char c)
{
    return cmg_is_alnum(c) || c == '+' || c == '-' || c == '.';
}

static size_t string_end(cmg_str text, size_t at)
{
    size_t i = at + 1;
    while (i < text.len && text.ptr[i] != '"')
        i += text.ptr[i] == '\\' ? 2 : 1;
    return i < text.len ? i + 1 : text.len;
}

static struct token next_token(cmg_str text, size_t from)
{
    size_t at = from;
    while (at < text.len && cmg_is_space(text.ptr[at]))
        at++;
    if (at == text.len)
        return (struct token){0, at, at};
    char c = text.ptr[at];
    if (c == '"')
        return (struct token){'"', at, string_end(text, at)};
    size_t end = at;
    while (end < text.len && is_word_byte(text.ptr[end]))
        end++;
    if (end == at)
        return (struct token){c, at, at + 1};
    return (struct token){c == '-' || cmg_is_digit(c) ? '0' : 't', at, end};
}

/* ---- the characters of a string ------------------------------------------------------------ */

static uint32_t hex4(cmg_str s, size_t at)
{
    uint32_t v = 0;
    for (size_t i = at; i < at + 4 && i < s.len; i++)
        v = v * 16 + (uint32_t)(cmg_hex_digit(s.ptr[i]) & 15);
    return v;
}

static size_t put_utf8(uint32_t c, char out[4])
{
    static const unsigned char head[] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(head[n] | c);
    return n;
}

/* \u and four digits, or a pair of them that stands for one character. */
static size_t read_unicode(cmg_str s, size_t at, char out[4], size_t *ret_n)
{
    uint32_t c = hex4(s, at + 2);
    size_t used = 6;
    if (c >= 0xd800 && c < 0xdc00 && at + 12 <= s.len) {
        c = 0x10000 + ((c - 0xd800) << 10) + ((hex4(s, at + 8) - 0xdc00) & 0x3ff);
        used = 12;
    }
    *ret_n = put_utf8(c, out);
    return used;
}

/* The character at `at` of a string's inside: its bytes, and how many bytes of source it takes. */
static size_t read_char(cmg_str s, size_t at, char out[4], size_t *ret_n)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    *ret_n = 1;
    out[0] = s.ptr[at];
    if (s.ptr[at] != '\\' || at + 1 >= s.len)
        return 1;
    out[0] = s.ptr[at + 1];
    if (out[0] == 'u')
        return read_unicode(s, at, out, ret_n);
    const char *p = memchr(from, out[0], sizeof(from) - 1);
    if (p)
        out[0] = to[p - from];
    return 2;
}

static cmg_str inside(cmg_str text, struct token t)
{
    size_t end = t.end > t.at + 1 && text.ptr[t.end - 1] == '"' ? t.end - 1 : t.end;
    return cmg_str_cut(text, t.at + 1, end);
}

static bool spells(cmg_str text, struct token t, cmg_str want)
{
    cmg_str s = inside(text, t);
    size_t seen = 0, n;
    char c[4];
    for (size_t at = 0; at < s.len; seen += n) {
        at += read_char(s, at, c, &n);
        if (!cmg_str_starts(cmg_str_from(want, seen), cmg_str_of(c, n)) || seen + n > want.len)
            return false;
    }
    return seen == want.len;
}

/* ---- places -------------------------------------------------------------------------------- */

/* Behind the value that begins with token `t`. */
static size_t skip_value(cmg_str text, struct token t)
{
    size_t depth = 0;
    for (;;) {
        if (t.kind == '{' || t.kind == '[')
            depth++;
        else if ((t.kind == '}' || t.kind == ']') && depth)
            depth--;
        if (depth == 0 || t.kind == 0)
            return t.end;
        t = next_token(text, t.end);
    }
}

/* Member `key` of the object that starts at `open`: its value's token, *ret_key its key's. */
static bool member(cmg_str text, struct token open, const char *key, struct token *ret_key,
                   struct token *ret_value)
{
    struct token t = next_token(text, open.end);
    while (t.kind == '"') {
        struct token value = next_token(text, next_token(text, t.end).end);
        if (spells(text, t, cmg_str_c(key))) {
            *ret_key = t;
            *ret_value = value;
            return true;
        }
        t = next_token(text, skip_value(text, value));
        if (t.kind == ',')
            t = next_token(text, t.end);
    }
    return false;
}

static bool element(cmg_str text, struct token open, size_t index, struct token *ret_value)
{
    struct token t = next_token(text, open.end);
    for (size_t i = 0; t.kind && t.kind != ']'; i++) {
        *ret_value = t;
        if (i == index)
            return true;
        t = next_token(text, skip_value(text, t));
        if (t.kind == ',')
            t = next_token(text, t.end);
    }
    return false;
}

static struct cmg_json_place place_of(cmg_str text, size_t at)
{
    struct cmg_json_place p = {1, 1};
    for (size_t i = 0; i < at && i < text.len; i++) {
        bool follows = ((unsigned char)text.ptr[i] & 0xc0) == 0x80;
        p.column = text.ptr[i] == '\n' ? 1 : p.column + !follows;
        p.line += text.ptr[i] == '\n';
    }
    return p;
}

struct cmg_json_place cmg_json_locate(cmg_str text, const struct cmg_json_step *path, size_t steps,
                                      bool at_key)
{
    struct token at = next_token(text, 0), key = at, next;
    for (size_t i = 0; i < steps; i++) {
        bool found = path[i].key ? at.kind == '{' && member(text, at, path[i].key, &key, &next)
                                 : at.kind == '[' && element(text, at, path[i].index, &next);
        if (!found)
            return place_of(text, at.at);
        at = next;
    }
    return place_of(text, at_key && steps && path[steps - 1].key ? key.at : at.at);
}

/* ---- digest -------------------------------------------------------------------------------- */

/* FNV-1a, 64 bits: an accident must show, not an enemy. */
struct cmg_json_digest cmg_json_digest_init(void)
{
    return (struct cmg_json_digest){UINT64_C(0xcbf29ce484222325)};
}

static void mix(struct cmg_json_digest *d, cmg_str bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        d->hash = (d->hash ^ (unsigned char)bytes.ptr[i]) * UINT64_C(0x100000001b3);
}

void cmg_json_digest_add(struct cmg_json_digest *d, enum cmg_json_kind kind, cmg_str bytes)
{
    char head = (char)kind;
    mix(d, cmg_str_of(&head, 1));
    mix(d, bytes);
    mix(d, CMG_LIT("\xff")); /* never a byte of UTF-8: ends the token */
}

static void digest_string(struct cmg_json_digest *d, cmg_str s)
{
    char c[4];
    size_t n;
    mix(d, CMG_LIT("\""));
    for (size_t at = 0; at < s.len;) {
        at += read_char(s, at, c, &n);
        mix(d, cmg_str_of(c, n));
    }
    mix(d, CMG_LIT("\xff"));
}

/* A parser that keeps integers gives minus nought back as nought. */
static cmg_str plain(cmg_str word)
{
    return cmg_str_eq(word, CMG_LIT("-0")) ? cmg_str_from(word, 1) : word;
}

struct cmg_json_digest cmg_json_digest_of(cmg_str text, size_t *ret_depth)
{
    struct cmg_json_digest d = cmg_json_digest_init();
    size_t depth = 0, deepest = 0;
    for (struct token t = next_token(text, 0); t.kind; t = next_token(text, t.end)) {
        bool opens = t.kind == '{' || t.kind == '[';
        if (opens && ++depth > deepest)
            deepest = depth;
        if ((t.kind == '}' || t.kind == ']') && depth)
            depth--;
        if (t.kind == '"')
            digest_string(&d, inside(text, t));
        else if (opens)
            cmg_json_digest_add(&d, (enum cmg_json_kind)t.kind, CMG_LIT(""));
        else if (t.kind == '0' || t.kind == 't')
            cmg_json_digest_add(&d, (enum cmg_json_kind)t.kind,
                                plain(cmg_str_cut(text, t.at, t.end)));
    }
    *ret_depth = deepest;
    return d;
}
