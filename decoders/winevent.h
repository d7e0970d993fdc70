/* SPDX-License-Identifier: Apache-2.0
 * What the Windows events have in common, whoever renders them: XML, a forwarder's JSON, traces. */
#ifndef CMG_DECODERS_WINEVENT_H
#define CMG_DECODERS_WINEVENT_H

#include "decoders/scan.h"

/* An event that is being read: values as its text has them, empty where it has none. */
struct cmg_winevent {
    struct cmg_room *room;
    struct cmg_event *ev;
    cmg_str provider, guid, id, level, keywords, time, channel, computer, record_id;
    cmg_str event_source; /* of a classic provider, where it has no other name */
    cmg_str pid, tid, activity, user, event_name;
    cmg_str rendered;         /* the message as Windows words it */
    enum cmg_outcome outcome; /* that words of the forwarder name */
    unsigned unnamed;         /* data without a name so far */
};

void cmg_winevent_begin(struct cmg_winevent *w, struct cmg_room *room, struct cmg_event *ev);
/* One of its data: an attribute, or a column of an access log, and a part of the message. An empty
 * `name`: its place counts. */
void cmg_winevent_data(struct cmg_winevent *w, cmg_str name, cmg_str value);
/* A part of the message, and nothing more. */
void cmg_winevent_say(struct cmg_winevent *w, cmg_str name, cmg_str value);
/* An attribute or a column, and no part of the message. */
void cmg_winevent_keep(struct cmg_winevent *w, cmg_str name, cmg_str value);
/* Fills the event. A time that is set already stays. */
void cmg_winevent_finish(struct cmg_winevent *w);

/* One <Event> in XML; slices into `xml`, which is valid UTF-8, and into the room. */
void cmg_winevent_read_xml(struct cmg_room *room, cmg_str xml, struct cmg_winevent *ret);

/* In winevent_xml.c. */
struct cmg_cut cmg_winevent_xml_split(cmg_str text, size_t fresh);
/* Of a text with a declaration or <Events> before it: the event alone, with both its tags. */
cmg_str cmg_winevent_xml_element(cmg_str text);
enum cmg_take cmg_winevent_xml_decode(struct cmg_room *room, cmg_str record, struct cmg_event *ev);

#endif
