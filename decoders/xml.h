/* SPDX-License-Identifier: Apache-2.0
 * XML elements one after the other, by Expat. There is no document type declaration here, so no
 * entity but XML's own five is ever expanded; depth and memory are capped. */
#ifndef CMG_DECODERS_XML_H
#define CMG_DECODERS_XML_H

#include "decoders/room.h"

enum { CMG_XML_DEPTH_MAX = 32, CMG_XML_MEMORY = 256 << 10 };

/* What is met on the way. Texts and attributes are valid during the call alone, except for the
 * slices that lie in the text that is read. `depth` counts from 1, the outermost element. */
struct cmg_xml_calls {
    void (*start)(void *user); /* from the beginning, once or twice: forget what was reported */
    void (*begin)(void *user, unsigned depth, cmg_str name, const char *const *attributes);
    void (*text)(void *user, cmg_str text);
    void (*end)(void *user, unsigned depth);
};

/* One block; NULL: no memory. */
CMG_MUST_USE struct cmg_xml *cmg_xml_new(void);
void cmg_xml_free(struct cmg_xml *x);
/* Reads `element`: one whole element and nothing else. False: it is not well-formed, nested too
 * deep or needs too much memory; what came before the fault has been reported. */
bool cmg_xml_read(struct cmg_xml *x, cmg_str element, const struct cmg_xml_calls *calls,
                  void *user);

#endif
