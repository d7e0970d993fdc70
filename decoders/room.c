/* SPDX-License-Identifier: Apache-2.0
 * What decoders borrow: one buffer of text and one XML parser a stream. */
#include "decoders/room.h"
#include "decoders/xml.h"

void cmg_room_done(struct cmg_room *r)
{
    cmg_buf_done(&r->text);
    cmg_buf_done(&r->message);
    cmg_xml_free(r->xml);
    r->xml = NULL;
}

/* A record may be copied once out of a wrapper, once to mend it, and once in texts without their
 * escapes; in the message, what is added to a value is seldom longer than the markup around it was.
 */
enum cmg_rc cmg_room_ready(struct cmg_room *r, size_t len)
{
    enum { COPIES = 3, VALUES = 2, EXTRA = 4096 };
    r->text.len = r->message.len = 0;
    enum cmg_rc rc = cmg_buf_reserve(&r->text, COPIES * len + EXTRA);
    if (rc == CMG_OK)
        rc = cmg_buf_reserve(&r->message, VALUES * len + EXTRA);
    if (rc != CMG_OK || r->xml)
        return rc;
    r->xml = cmg_xml_new();
    return r->xml ? CMG_OK : CMG_ENOMEM;
}

cmg_str cmg_room_add(struct cmg_room *r, cmg_str s)
{
    struct cmg_buf *b = &r->text;
    if (!s.len || s.len > b->size - b->len)
        return (cmg_str){NULL, 0};
    char *to = b->ptr + b->len;
    memcpy(to, s.ptr, s.len);
    b->len += s.len;
    return cmg_str_of(to, s.len);
}

cmg_str cmg_room_lower(struct cmg_room *r, cmg_str s)
{
    cmg_str copy = cmg_room_add(r, s);
    for (size_t i = 0; i < copy.len; i++)
        r->text.ptr[r->text.len - copy.len + i] = cmg_lower(s.ptr[i]);
    return copy;
}
