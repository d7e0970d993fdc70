/* SPDX-License-Identifier: Apache-2.0
 * What a log format is: a const descriptor at the end of its own file, and a row in decoders.def.
 *
 * A decoder sees complete lines as valid UTF-8 without byte order mark and without line end (a
 * record of several lines has its inner line ends). It holds no memory of its own: what it must
 * remember between records is `state`, zeroed plain data that the stream keeps, copies and saves.
 */
#ifndef CMG_DECODERS_DECODER_H
#define CMG_DECODERS_DECODER_H

#include "decoders/room.h"

enum cmg_verdict {
    CMG_MORE, /* the record goes on: hold, and ask again with the next line */
    CMG_DONE, /* the record is text[0, end); the rest, if any, is looked at as a line of its own */
    CMG_NEW,  /* the newest line begins something else: the record is what was held before it */
};

struct cmg_cut {
    enum cmg_verdict verdict;
    size_t end;
};

enum cmg_take {
    CMG_TAKEN,
    CMG_SKIP,     /* a directive: state was updated, there is no record */
    CMG_NOT_MINE, /* raw takes it */
};

enum { CMG_STATE_MAX = 2048 };
#define CMG_FRESH_REST ((size_t)-1)

struct cmg_decoder {
    char name[CMG_WORD_ROOM];
    const char *summary;
    size_t state_size; /* at most CMG_STATE_MAX; no pointers inside */
    /* Could this complete line be, or begin, or be a fragment of, a record of this format? At most
     * one decoder besides raw may say yes to a line, so that the order of asking never shows. */
    bool (*probe)(const void *state, cmg_str line);
    /* Where does the record end? `text` is what is held and the newest line, whose first byte is at
     * `fresh` (0: nothing was held; CMG_FRESH_REST: nothing is held, and the text goes on with a
     * record whose beginning was cut off at the cap). NULL: every line is a record. Depends on text
     * and fresh alone. */
    struct cmg_cut (*split)(cmg_str text, size_t fresh);
    /* Fills *ret, which comes zeroed but for http's -1s, with slices into `record`. */
    enum cmg_take (*decode)(void *state, cmg_str record, struct cmg_event *ret);
    /* Instead of decode, for formats whose texts are not in the record as they are meant: slices
     * also into `room`, which has been made ready for the record. */
    enum cmg_take (*decode_in)(struct cmg_room *room, cmg_str record, struct cmg_event *ret);
    /* For formats that begin alike and tell themselves apart later: which of them the whole record
     * is. NULL: this one. */
    const struct cmg_decoder *(*kind)(cmg_str record);
    /* The line is one record, whole and in the form that nearly all have: *ret is what probe, split
     * and decode would make of it. False: ask them, nothing is said. NULL: there is no such form.
     */
    bool (*whole)(cmg_str line, struct cmg_event *ret);
};

/* All but `http`, which means something only where has_http is set. */
static inline void cmg_event_clear_head(struct cmg_event *ev)
{
    memset(ev, 0, offsetof(struct cmg_event, http));
}

static inline void cmg_event_clear(struct cmg_event *ev)
{
    memset(ev, 0, offsetof(struct cmg_event, attr));
    ev->http = (struct cmg_http){
        .status = -1, .substatus = -1, .port = -1, .win32 = -1, .time_taken_ms = -1};
}

/* By whichever of the two it has. A room without memory: raw takes the record. */
static inline enum cmg_take cmg_decode(const struct cmg_decoder *d, void *state,
                                       struct cmg_room *room, cmg_str record, struct cmg_event *ret)
{
    if (!d->decode_in)
        return d->decode(state, record, ret);
    return cmg_room_ready(room, record.len) == CMG_OK ? d->decode_in(room, record, ret)
                                                      : CMG_NOT_MINE;
}

#define CMG_DECODER(name) extern const struct cmg_decoder cmg_decoder_##name;
#include "decoders/decoders.def"
#undef CMG_DECODER

/* All decoders in order of asking; raw is the last. NULL-terminated. */
extern const struct cmg_decoder *const cmg_decoders[];
const struct cmg_decoder *cmg_decoder_find(cmg_str name);

#endif
