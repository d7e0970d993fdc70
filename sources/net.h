/* SPDX-License-Identifier: Apache-2.0
 * Listening sockets and their connections: whole messages out of bytes that strangers send.
 *
 * One thread, nothing blocks. Every connection has a buffer with a cap, all of them together have
 * one, and each is served in its turn with a limited amount of work; so a peer that is slow, silent
 * or hostile costs a place among the connections, and no more. A message has to be complete within
 * its time. Where there is no place left, the connection that has been silent longest gives up
 * its own. */
#ifndef CMG_SOURCES_NET_H
#define CMG_SOURCES_NET_H

#include "sources/url.h"

#include <poll.h>

enum {
    CMG_NET_MEMORY = 256 << 20, /* bytes of all connections' buffers */
    CMG_NET_TURN = 64,          /* messages of one connection before the next has its turn */
    CMG_NET_READ = 64 << 10,    /* bytes of one connection before the next has its turn */
    CMG_NET_SILENT_MS = 10000,  /* who has been silent so long may have to give up its place */
    CMG_NET_QUIET_MS = 1000,    /* after which a NUL at the end of what came is an end */
};

/* Something for the operator. `text` is constant for one kind of event. */
typedef void cmg_net_note_fn(void *user, enum cmg_level level, const char *text, const char *input,
                             const char *detail);

struct cmg_net_options {
    cmg_net_note_fn *note; /* NULL: silence */
    void *user;
    size_t memory; /* 0: CMG_NET_MEMORY */
};

struct cmg_net_stats {
    uint64_t accepted, refused, closed, open; /* connections */
    uint64_t timeouts, faults, shed;          /* of closed: why */
    uint64_t messages, bytes, cut;            /* received; of messages: longer than may be */
    uint64_t lost;                            /* datagrams that the system had no room for */
};

/* A message, or the end of a chunk of the forward protocol. Slices until the next call. */
struct cmg_net_item {
    cmg_str text;  /* a syslog message, or an event as JSON */
    cmg_str host;  /* the peer's address */
    cmg_str input; /* the input's name */
    cmg_str tag;   /* forward's; may be empty */
    uint64_t peer; /* number of the connection; 0: a datagram */
    bool cut;      /* only its beginning */
    bool chunked;  /* of the forward protocol: it belongs to the chunk that ends next */
    bool end;      /* no message: the end of a chunk */
    cmg_str chunk; /* whose sender waits for cmg_net_ack; may be empty */
};

CMG_MUST_USE struct cmg_net *cmg_net_new(const struct cmg_net_options *opt);
void cmg_net_free(struct cmg_net *n);
CMG_MUST_USE enum cmg_rc cmg_net_listen(struct cmg_net *n, const struct cmg_url *u,
                                        struct cmg_error *reterr);
/* The address that the listener has been given, "127.0.0.1:5514"; "" past the last. */
const char *cmg_net_address(const struct cmg_net *n, size_t listener);

/* The next one. CMG_AGAIN: none for now. */
CMG_MUST_USE enum cmg_rc cmg_net_next(struct cmg_net *n, struct cmg_net_item *ret);
/* Waits up to `ms` for `extra` or anything of ours, and reads and writes what may be. Without
 * `reading` peers have to wait, and no time passes for them. */
CMG_MUST_USE enum cmg_rc cmg_net_wait(struct cmg_net *n, struct pollfd *extra, size_t extras,
                                      int ms, bool reading);
/* All records of the chunk have arrived. A connection that is gone is no fault. */
void cmg_net_ack(struct cmg_net *n, uint64_t peer, cmg_str chunk);
/* Something of it did not arrive: the connection is closed, so that its peer sends it again. */
void cmg_net_refuse(struct cmg_net *n, uint64_t peer);
/* Is it still connected? */
bool cmg_net_has(const struct cmg_net *n, uint64_t peer);
/* No new connections and datagrams from now on. */
void cmg_net_stop(struct cmg_net *n);
/* The connection is kept open, though its peer has sent all it has to send. */
void cmg_net_hold(struct cmg_net *n, uint64_t peer, bool hold);
const struct cmg_net_stats *cmg_net_stats(const struct cmg_net *n);

#endif
