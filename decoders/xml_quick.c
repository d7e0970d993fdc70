/* SPDX-License-Identifier: Apache-2.0
 * XML as Windows writes it nearly always, read without Expat: elements, attributes and text, names
 * in ASCII, the five entities, no comment, no section of literal text, no character by its number.
 * Anything else, and anything that is wrong, is left to Expat, which begins anew: what is accepted
 * here, Expat accepts too, and reports the same (tests/fuzz/fuzz_xml.c compares the two). */
#include "decoders/xml.h"

struct quick {
    const char *p, *end;
    const struct cmg_xml_calls *calls;
    void *user;
    unsigned depth;
    cmg_str open[CMG_XML_DEPTH_MAX]; /* names */
    struct cmg_attr attr[CMG_XML_ATTRS_MAX];
};

static inline bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static inline bool is_name_start(char c)
{
    return (cmg_lower(c) >= 'a' && cmg_lower(c) <= 'z') || c == '_';
}

static bool skip_blanks(struct quick *q)
{
    const char *from = q->p;
    while (q->p < q->end && is_blank(*q->p))
        q->p++;
    return q->p > from;
}

static bool eat(struct quick *q, char c)
{
    if (q->p == q->end || *q->p != c)
        return false;
    q->p++;
    return true;
}

static bool read_name(struct quick *q, cmg_str *ret)
{
    const char *from = q->p;
    if (q->p == q->end || !is_name_start(*q->p))
        return false;
    while (q->p < q->end &&
           (is_name_start(*q->p) || cmg_is_digit(*q->p) || *q->p == '-' || *q->p == '.'))
        q->p++;
    *ret = cmg_str_of(from, (size_t)(q->p - from));
    return true;
}

/* Bytes that are not simply themselves: markup, controls, line ends, what "]]>" begins with, and
 * the byte that U+FFFE and U+FFFF begin with. */
static const char special[256] = {
    [0x00] = 1, [0x01] = 1, [0x02] = 1, [0x03] = 1, [0x04] = 1, [0x05] = 1, [0x06] = 1,
    [0x07] = 1, [0x08] = 1, [0x0b] = 1, [0x0c] = 1, [0x0d] = 1, [0x0e] = 1, [0x0f] = 1,
    [0x10] = 1, [0x11] = 1, [0x12] = 1, [0x13] = 1, [0x14] = 1, [0x15] = 1, [0x16] = 1,
    [0x17] = 1, [0x18] = 1, [0x19] = 1, [0x1a] = 1, [0x1b] = 1, [0x1c] = 1, [0x1d] = 1,
    [0x1e] = 1, [0x1f] = 1, ['<'] = 1,  ['&'] = 1,  [']'] = 1,  [0xef] = 1};

static inline const char *ordinary(const char *p, const char *end)
{
    while (p < end && !special[(unsigned char)*p])
        p++;
    return p;
}

/* ---- attributes ------------------------------------------------------------------------------ */

/* Up to its quote; nothing in it that XML would change. */
static bool read_value(struct quick *q, cmg_str *ret)
{
    char quote = q->p < q->end ? *q->p : '\0';
    if (quote != '"' && quote != '\'')
        return false;
    const char *from = ++q->p;
    const char *to = memchr(from, quote, (size_t)(q->end - from));
    if (!to)
        return false;
    for (const char *p = from; p < to; p++)
        if ((special[(unsigned char)*p] && *p != ']') || *p == '\n' || *p == '\t')
            return false;
    *ret = cmg_str_of(from, (size_t)(to - from));
    q->p = to + 1;
    return true;
}

static bool is_new(const struct quick *q, size_t n, cmg_str name)
{
    for (size_t i = 0; i < n; i++)
        if (cmg_str_eq(q->attr[i].name, name))
            return false;
    return true;
}

/* All of them; stands at the '>' or '/' then. */
static bool read_attributes(struct quick *q, size_t *ret_n)
{
    size_t n = 0;
    while (skip_blanks(q) && q->p < q->end && is_name_start(*q->p)) {
        struct cmg_attr *a = &q->attr[n];
        if (n == CMG_XML_ATTRS_MAX || !read_name(q, &a->name) || !is_new(q, n, a->name))
            return false;
        skip_blanks(q);
        if (!eat(q, '='))
            return false;
        skip_blanks(q);
        if (!read_value(q, &a->value))
            return false;
        n++;
    }
    *ret_n = n;
    return true;
}

/* ---- elements -------------------------------------------------------------------------------- */

static void close_element(struct quick *q)
{
    q->calls->end(q->user, q->depth--);
}

/* Behind '<'. */
static bool begin_tag(struct quick *q)
{
    cmg_str name;
    size_t n;
    if (q->depth == CMG_XML_DEPTH_MAX || !read_name(q, &name) || !read_attributes(q, &n))
        return false;
    bool empty = eat(q, '/');
    if (!eat(q, '>'))
        return false;
    q->open[q->depth++] = name;
    q->calls->begin(q->user, q->depth, name, q->attr, n);
    if (empty)
        close_element(q);
    return true;
}

/* Behind "</". */
static bool end_tag(struct quick *q)
{
    cmg_str name;
    if (!q->depth || !read_name(q, &name) || !cmg_str_eq(name, q->open[q->depth - 1]))
        return false;
    skip_blanks(q);
    if (!eat(q, '>'))
        return false;
    close_element(q);
    return true;
}

/* ---- text ------------------------------------------------------------------------------------ */

static void report(struct quick *q, const char *from)
{
    if (q->p > from)
        q->calls->text(q->user, cmg_str_of(from, (size_t)(q->p - from)));
}

static bool entity(struct quick *q)
{
    static const struct {
        cmg_str name, text;
    } entities[] = {{CMG_LIT("&lt;"), CMG_LIT("<")},
                    {CMG_LIT("&gt;"), CMG_LIT(">")},
                    {CMG_LIT("&amp;"), CMG_LIT("&")},
                    {CMG_LIT("&quot;"), CMG_LIT("\"")},
                    {CMG_LIT("&apos;"), CMG_LIT("'")}};
    cmg_str s = cmg_str_of(q->p, (size_t)(q->end - q->p));
    for (size_t i = 0; i < sizeof entities / sizeof *entities; i++) {
        if (!cmg_str_starts(s, entities[i].name))
            continue;
        q->calls->text(q->user, entities[i].text);
        q->p += entities[i].name.len;
        return true;
    }
    return false;
}

/* A special byte that is part of a text. *from is where what has not been reported begins. */
static bool special_in_text(struct quick *q, const char **from)
{
    cmg_str s = cmg_str_of(q->p, (size_t)(q->end - q->p));
    if (*q->p == ']' && !cmg_str_starts(s, CMG_LIT("]]>"))) {
        q->p++;
        return true;
    }
    if (*q->p == '\xef' && !cmg_str_starts(s, CMG_LIT("\xef\xbf"))) {
        q->p++;
        return true;
    }
    report(q, *from);
    bool ok = false;
    if (*q->p == '&') {
        ok = entity(q);
    } else if (*q->p == '\r') { /* a line end is one line feed */
        q->calls->text(q->user, CMG_LIT("\n"));
        q->p += 1 + cmg_str_starts(s, CMG_LIT("\r\n"));
        ok = true;
    }
    *from = q->p;
    return ok;
}

/* Up to the next '<'. */
static bool text(struct quick *q)
{
    const char *from = q->p;
    while ((q->p = ordinary(q->p, q->end)) < q->end && *q->p != '<')
        if (!special_in_text(q, &from))
            return false;
    report(q, from);
    return q->p < q->end;
}

bool cmg_xml_quick(cmg_str element, const struct cmg_xml_calls *calls, void *user)
{
    struct quick q = {
        .p = element.ptr, .end = element.ptr + element.len, .calls = calls, .user = user};
    calls->start(user);
    if (!element.len || !eat(&q, '<') || !begin_tag(&q))
        return false;
    while (q.depth) {
        if (!text(&q))
            return false;
        q.p++;
        if (eat(&q, '/') ? !end_tag(&q) : !begin_tag(&q))
            return false;
    }
    return q.p == q.end;
}
