/* SPDX-License-Identifier: Apache-2.0
 * Between net.c (who listens and whose turn it is) and net_conn.c (one connection). */
#ifndef CMG_SOURCES_NET_INT_H
#define CMG_SOURCES_NET_INT_H

#include "sources/forward.h"
#include "sources/framing.h"
#include "sources/net.h"
#include "sources/tls.h"

enum { CMG_NET_HOST_MAX = 64, CMG_NET_DATAGRAM = 64 << 10 };

struct cmg_listener {
    struct cmg_url url;
    int fd;
    struct cmg_tls *tls;
    char address[CMG_NET_HOST_MAX + 8];
    char shared_key[CMG_FORWARD_KEY_MAX];
    size_t key_len;
    size_t open;       /* connections */
    bool ready;        /* there is something to accept or receive */
    uint32_t overflow; /* what SO_RXQ_OVFL said last */
    int64_t pause_ms;  /* no accept(2) before: there were no descriptors */
};

struct cmg_conn {
    int fd;
    uint64_t id;
    struct cmg_listener *listener;
    struct cmg_tls_session *tls;
    struct cmg_framer framer;
    struct cmg_forward *forward;
    char host[CMG_NET_HOST_MAX];
    size_t memory;   /* of its buffers, as counted in the sum */
    int64_t last_ms; /* something came */
    int64_t sent_ms; /* something left */
    int64_t due_ms;  /* the message that has begun must be complete by then; 0: none has */
    unsigned holds;
    bool readable, writable, wants_write;
    bool drained; /* there is no whole message in its buffer */
    bool eof;     /* nothing more will come */
    bool dead;    /* to be freed */
};

/* Takes over `fd`. NULL: no memory; `fd` is closed. */
CMG_MUST_USE struct cmg_conn *cmg_conn_new(struct cmg_listener *l, int fd, const char *host,
                                           uint64_t id, int64_t now_ms);
void cmg_conn_free(struct cmg_conn *c);
/* Reads once. CMG_AGAIN: nothing was there. CMG_EIO: it has broken; *ret_why says how. */
CMG_MUST_USE enum cmg_rc cmg_conn_read(struct cmg_conn *c, char *scratch, int64_t now_ms,
                                       size_t *ret_n, const char **ret_why);
CMG_MUST_USE enum cmg_rc cmg_conn_next(struct cmg_conn *c, struct cmg_net_item *ret,
                                       const char **ret_why);
/* Sends what waits. CMG_EIO: it cannot. */
CMG_MUST_USE enum cmg_rc cmg_conn_write(struct cmg_conn *c, int64_t now_ms);
bool cmg_conn_has_output(const struct cmg_conn *c);
size_t cmg_conn_memory(const struct cmg_conn *c);
/* Does a part of a message, or of a handshake, wait for its rest? */
bool cmg_conn_waits(const struct cmg_conn *c);
/* Nothing is in it and nothing will be. */
bool cmg_conn_over(const struct cmg_conn *c);

#endif
