/* SPDX-License-Identifier: Apache-2.0
 * The quick reader of XML against Expat: what it accepts, Expat accepts, and both report the same.
 * An input is one element, in UTF-8. */
#include "core/utf.h"
#include "decoders/xml.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REPORT_MAX = 1 << 20 };

/* What was reported, as one text: pieces of a text run together, as their reader has them. */
struct report {
    size_t len;
    char text[REPORT_MAX];
};

static void add(struct report *r, cmg_str s)
{
    if (s.len > REPORT_MAX - r->len)
        abort();
    if (s.len)
        memcpy(r->text + r->len, s.ptr, s.len);
    r->len += s.len;
}

static void start(void *user)
{
    struct report *r = user;
    r->len = 0;
}

static void on_begin(void *user, unsigned depth, cmg_str name, const struct cmg_attr *attr,
                     size_t n)
{
    char mark[2] = {'\1', (char)('0' + depth)};
    add(user, cmg_str_of(mark, 2));
    add(user, name);
    for (size_t i = 0; i < n; i++) {
        add(user, CMG_LIT("\2"));
        add(user, attr[i].name);
        add(user, CMG_LIT("\3"));
        add(user, attr[i].value);
    }
    add(user, CMG_LIT("\4"));
}

static void on_text(void *user, cmg_str s)
{
    add(user, s);
}

static void on_end(void *user, unsigned depth)
{
    char mark[2] = {'\5', (char)('0' + depth)};
    add(user, cmg_str_of(mark, 2));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct cmg_xml_calls calls = {start, on_begin, on_text, on_end};
    static struct report quick, expat;
    static struct cmg_xml *xml;
    if (size > REPORT_MAX / 64)
        return 0;
    if (!xml && !(xml = cmg_xml_new()))
        abort();
    char *copy = malloc(size ? size : 1); /* of exactly its size, for the sanitizer */
    if (!copy)
        abort();
    if (size)
        memcpy(copy, data, size);
    cmg_str element = cmg_str_of(copy, size);
    if (cmg_utf8_valid(element) == size && cmg_xml_quick(element, &calls, &quick)) {
        if (!cmg_xml_expat(xml, element, &calls, &expat) || quick.len != expat.len ||
            memcmp(quick.text, expat.text, quick.len) != 0)
            abort();
    } else {
        (void)cmg_xml_expat(xml, element, &calls, &expat);
    }
    free(copy);
    return 0;
}
