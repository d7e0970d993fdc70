/* SPDX-License-Identifier: Apache-2.0
 * Expat, kept on a short lead.
 *
 * One parser reads all elements of a stream as the children of one root that never ends: so nothing
 * has to be set up for a record, and a document type declaration, which may stand only before the
 * root, is a fault wherever it comes. Without a declaration there are no entities to expand.
 *
 * Expat takes its memory from one block, given out here: no record allocates, and names that differ
 * in every record cannot make it grow. When the block is used up it is wiped, and the parser with
 * it. Expat's allocator has no argument for whose block it is, hence the thread's variable, set
 * only while Expat runs. */
#include "decoders/xml.h"

#include <expat.h>
#include <stdlib.h>

enum { UNIT = 16, CLASSES = 20 };

/* A piece that was given out: its size class stands before it. Freed pieces of a class are a list.
 */
union piece {
    struct {
        union piece *next;
        unsigned class;
    } head;
    char unit[UNIT];
};

struct cmg_xml {
    XML_Parser parser; /* NULL: to be made */
    union piece *freed[CLASSES];
    size_t used;
    const struct cmg_xml_calls *calls;
    void *user;
    unsigned depth;
    bool closed; /* one whole element has been read */
    bool fault, checking, checked;
    struct cmg_attr attr[CMG_XML_ATTRS_MAX];
    _Alignas(union piece) char block[CMG_XML_MEMORY];
};

static _Thread_local struct cmg_xml *running;

/* ---- memory ---------------------------------------------------------------------------------- */

static unsigned class_of(size_t size)
{
    unsigned class = 0;
    while (class < CLASSES && (size_t)UNIT << class < size)
        class ++;
    return class;
}

static void *take(size_t size)
{
    struct cmg_xml *x = running;
    unsigned class = class_of(size);
    if (class == CLASSES)
        return NULL;
    union piece *p = x->freed[class];
    if (p) {
        x->freed[class] = p->head.next;
        return p + 1;
    }
    size_t whole = UNIT + ((size_t)UNIT << class);
    if (whole > sizeof x->block - x->used)
        return NULL;
    p = (union piece *)(void *)(x->block + x->used);
    x->used += whole;
    p->head.class = class;
    return p + 1;
}

static void give(void *at)
{
    if (!at)
        return;
    union piece *p = (union piece *)at - 1;
    p->head.next = running->freed[p->head.class];
    running->freed[p->head.class] = p;
}

static void *retake(void *at, size_t size)
{
    if (!at)
        return take(size);
    size_t had = (size_t)UNIT << ((union piece *)at - 1)->head.class;
    if (size <= had)
        return at;
    void *to = take(size);
    if (!to)
        return NULL;
    memcpy(to, at, had);
    give(at);
    return to;
}

/* ---- what Expat reports ---------------------------------------------------------------------- */

static void stop(struct cmg_xml *x)
{
    x->fault = true;
    XML_StopParser(x->parser, XML_FALSE);
}

static void XMLCALL on_begin(void *user, const char *name, const char **attributes)
{
    struct cmg_xml *x = user;
    if (x->checking) {
        x->checked = true;
        return;
    }
    if (x->closed || x->depth == CMG_XML_DEPTH_MAX) {
        stop(x);
        return;
    }
    size_t n = 0;
    for (; attributes[2 * n]; n++) {
        if (n == CMG_XML_ATTRS_MAX) {
            stop(x);
            return;
        }
        x->attr[n] =
            (struct cmg_attr){cmg_str_c(attributes[2 * n]), cmg_str_c(attributes[2 * n + 1])};
    }
    x->calls->begin(x->user, ++x->depth, cmg_str_c(name), x->attr, n);
}

static void XMLCALL on_end(void *user, const char *name)
{
    struct cmg_xml *x = user;
    (void)name;
    if (x->checking)
        return;
    if (!x->depth) { /* the root's own end */
        stop(x);
        return;
    }
    x->calls->end(x->user, x->depth--);
    x->closed = !x->depth;
}

static void XMLCALL on_text(void *user, const char *s, int len)
{
    struct cmg_xml *x = user;
    if (x->depth)
        x->calls->text(x->user, cmg_str_of(s, (size_t)len));
    else
        stop(x);
}

/* ---- one element ----------------------------------------------------------------------------- */

static void XMLCALL root_begin(void *user, const char *name, const char **attributes)
{
    (void)user;
    (void)name;
    (void)attributes;
}

/* Wipes the block: the parser that lived in it is gone without a farewell. */
static bool make_parser(struct cmg_xml *x)
{
    static const XML_Memory_Handling_Suite suite = {take, retake, give};
    memset(x->freed, 0, sizeof x->freed);
    x->used = 0;
    x->parser = XML_ParserCreate_MM("UTF-8", &suite, NULL);
    if (!x->parser)
        return false;
    XML_SetElementHandler(x->parser, root_begin, on_end);
    if (XML_Parse(x->parser, "<x>", 3, 0) != XML_STATUS_OK)
        return false;
    XML_SetUserData(x->parser, x);
    XML_SetElementHandler(x->parser, on_begin, on_end);
    XML_SetCharacterDataHandler(x->parser, on_text);
    return true;
}

/* Nothing is left of the element that would begin the next: an element of our own is met. */
static bool is_through(struct cmg_xml *x)
{
    x->checking = true;
    x->checked = false;
    bool ok = XML_Parse(x->parser, "<x/>", 4, 0) == XML_STATUS_OK && x->checked;
    x->checking = false;
    return ok;
}

static bool parse(struct cmg_xml *x, cmg_str element)
{
    enum { PIECE = 1 << 30 };
    x->depth = 0;
    x->closed = x->fault = false;
    x->calls->start(x->user);
    if (element.len > PIECE || (!x->parser && !make_parser(x)))
        return false;
    return XML_Parse(x->parser, element.ptr, (int)element.len, 0) == XML_STATUS_OK && !x->fault &&
           x->closed && is_through(x);
}

bool cmg_xml_expat(struct cmg_xml *x, cmg_str element, const struct cmg_xml_calls *calls,
                   void *user)
{
    running = x;
    x->calls = calls;
    x->user = user;
    bool fresh = !x->parser, ok = parse(x, element);
    if (!ok && !fresh && XML_GetErrorCode(x->parser) == XML_ERROR_NO_MEMORY) {
        x->parser = NULL; /* the names of earlier records took it */
        ok = parse(x, element);
    }
    if (!ok)
        x->parser = NULL;
    running = NULL;
    return ok;
}

bool cmg_xml_read(struct cmg_xml *x, cmg_str element, const struct cmg_xml_calls *calls, void *user)
{
    return cmg_xml_quick(element, calls, user) || cmg_xml_expat(x, element, calls, user);
}

struct cmg_xml *cmg_xml_new(void)
{
    return calloc(1, sizeof(struct cmg_xml));
}

void cmg_xml_free(struct cmg_xml *x)
{
    free(x);
}
