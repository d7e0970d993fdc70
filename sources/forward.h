/* SPDX-License-Identifier: Apache-2.0
 * The server's side of one connection of Fluentd's forward protocol (version 1): bytes in, events
 * and replies out. No socket is touched here.
 *
 * Message, Forward, PackedForward and CompressedPackedForward (gzip) modes; a chunk is acknowledged
 * when its owner says so, not before; a shared key is proven by both sides with SHA-512. */
#ifndef CMG_SOURCES_FORWARD_H
#define CMG_SOURCES_FORWARD_H

#include "core/buf.h"

enum {
    CMG_FORWARD_KEY_MAX = 1024,
    CMG_FORWARD_NONCE = 16,
    CMG_FORWARD_CHUNK_MAX = 256,      /* bytes of a chunk's name */
    CMG_FORWARD_TAG_MAX = 512,        /* bytes of a tag that are kept */
    CMG_FORWARD_REPLY_MAX = 64 << 10, /* bytes of replies that nobody reads */
    CMG_FORWARD_EVENT_MAX = 4 << 20,  /* bytes of one event */
};

struct cmg_forward_options {
    cmg_str shared_key;            /* empty: everybody may send */
    cmg_str hostname;              /* of ours */
    char nonce[CMG_FORWARD_NONCE]; /* random */
    size_t message_max;            /* bytes as they are sent */
    size_t inflated_max;           /* bytes of one message when it is unpacked */
};

struct cmg_forward_event {
    bool end;      /* of a message; `chunk` is its name, or empty: nobody asks */
    cmg_str chunk; /* slices until the next call */
    cmg_str tag;
    cmg_str json; /* the event as one JSON object; its time is "date" */
};

struct cmg_forward;
CMG_MUST_USE struct cmg_forward *cmg_forward_new(const struct cmg_forward_options *opt);
void cmg_forward_free(struct cmg_forward *f);

/* Copied. CMG_ELIMIT: the message is larger than may be. Take all events first. */
CMG_MUST_USE enum cmg_rc cmg_forward_feed(struct cmg_forward *f, cmg_str bytes);
/* CMG_AGAIN: more has to come. CMG_EIO: the peer breaks the protocol, and the connection is of no
 * use any more; cmg_forward_fault() says why. */
CMG_MUST_USE enum cmg_rc cmg_forward_next(struct cmg_forward *f, struct cmg_forward_event *ret);
const char *cmg_forward_fault(const struct cmg_forward *f);
/* What is to be sent to the peer: the caller takes it off. */
struct cmg_buf *cmg_forward_out(struct cmg_forward *f);
/* All of the chunk has arrived. */
CMG_MUST_USE enum cmg_rc cmg_forward_ack(struct cmg_forward *f, cmg_str chunk);
/* Does a part of a message wait for its rest? And how many bytes are held? */
bool cmg_forward_waits(const struct cmg_forward *f);
size_t cmg_forward_memory(const struct cmg_forward *f);

#endif
