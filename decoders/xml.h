/* SPDX-License-Identifier: Apache-2.0
 * XML elements one after the other, by Expat, or without it where they are as simple as nearly all.
 * There is no document type declaration here, so no entity but XML's own five is ever expanded;
 * depth and memory are capped. */
#ifndef CMG_DECODERS_XML_H
#define CMG_DECODERS_XML_H

#include "decoders/room.h"

enum { CMG_XML_DEPTH_MAX = 32, CMG_XML_ATTRS_MAX = 64, CMG_XML_MEMORY = 256 << 10 };

/* What is met on the way. Texts and attributes are valid during the call alone, except for the
 * slices that lie in the text that is read. `depth` counts from 1, the outermost element. */
struct cmg_xml_calls {
    void (*start)(void *user); /* from the beginning, once or twice: forget what was reported */
    void (*begin)(void *user, unsigned depth, cmg_str name, const struct cmg_attr *attr, size_t n);
    void (*text)(void *user, cmg_str text);
    void (*end)(void *user, unsigned depth);
};

/* One block; NULL: no memory. */
CMG_MUST_USE struct cmg_xml *cmg_xml_new(void);
void cmg_xml_free(struct cmg_xml *x);
/* Reads `element`: one whole element and nothing else, valid UTF-8. False: it is not well-formed,
 * nested too deep, has too many attributes or needs too much memory; what came before the fault has
 * been reported. */
bool cmg_xml_read(struct cmg_xml *x, cmg_str element, const struct cmg_xml_calls *calls,
                  void *user);
/* The two ways, for tests. Quick: false also where it leaves the element to Expat. */
bool cmg_xml_quick(cmg_str element, const struct cmg_xml_calls *calls, void *user);
bool cmg_xml_expat(struct cmg_xml *x, cmg_str element, const struct cmg_xml_calls *calls,
                   void *user);

#endif
