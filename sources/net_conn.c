/* SPDX-License-Identifier: Apache-2.0
 * One connection: bytes in, whole messages out, replies back. */
#include "sources/net_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static bool open_forward(struct cmg_conn *c)
{
    const struct cmg_listener *l = c->listener;
    char name[320];
    struct cmg_forward_options o = {.message_max = l->url.frame,
                                    .inflated_max = l->url.inflated,
                                    .shared_key = cmg_str_of(l->shared_key, l->key_len)};
    /* Fluentd refuses a server that has its own host name, as on one machine. */
    snprintf(name, sizeof name, "%s", l->url.hostname[0] ? l->url.hostname : "cmgpipe");
    o.hostname = cmg_str_c(name);
    if (!cmg_random(o.nonce, sizeof o.nonce))
        return false;
    c->forward = cmg_forward_new(&o);
    return c->forward;
}

struct cmg_conn *cmg_conn_new(struct cmg_listener *l, int fd, const char *host, uint64_t id,
                              int64_t now_ms)
{
    struct cmg_conn *c = calloc(1, sizeof *c);
    if (!c) {
        close(fd);
        return NULL;
    }
    c->fd = fd;
    c->id = id;
    c->listener = l;
    c->last_ms = c->sent_ms = now_ms;
    c->drained = true;
    snprintf(c->host, sizeof c->host, "%s", host);
    c->framer = cmg_framer_init(l->url.frame);
    bool ok = l->url.kind != CMG_URL_FORWARD || open_forward(c);
    if (ok && l->tls) {
        c->tls = cmg_tls_accept(l->tls, fd);
        ok = c->tls;
    }
    if (l->tls || l->key_len)
        c->due_ms = now_ms + (int64_t)l->url.timeout_s * 1000;
    l->open++;
    if (ok)
        return c;
    cmg_conn_free(c);
    return NULL;
}

void cmg_conn_free(struct cmg_conn *c)
{
    c->listener->open--;
    cmg_tls_session_free(c->tls);
    cmg_framer_done(&c->framer);
    cmg_forward_free(c->forward);
    close(c->fd);
    free(c);
}

size_t cmg_conn_memory(const struct cmg_conn *c)
{
    return c->forward ? cmg_forward_memory(c->forward) : c->framer.in.size;
}

/* ---- reading --------------------------------------------------------------------------------- */

static enum cmg_rc receive_tls(struct cmg_conn *c, char *to, size_t *ret_n, const char **ret_why)
{
    switch (cmg_tls_read(c->tls, to, CMG_NET_READ, ret_n)) {
    case CMG_TLS_DONE:
        c->readable = true; /* TLS may hold more that poll(2) does not see */
        return CMG_OK;
    case CMG_TLS_WRITE:
        c->wants_write = true;
        c->readable = false;
        return CMG_AGAIN;
    case CMG_TLS_READ:
        c->readable = false;
        return CMG_AGAIN;
    case CMG_TLS_CLOSED:
        c->eof = true;
        return CMG_AGAIN;
    default:
        *ret_why = cmg_tls_why(c->tls);
        return CMG_EIO;
    }
}

static enum cmg_rc receive(struct cmg_conn *c, char *to, size_t *ret_n, const char **ret_why)
{
    if (c->tls)
        return receive_tls(c, to, ret_n, ret_why);
    ssize_t n = recv(c->fd, to, CMG_NET_READ, 0);
    c->readable = n == CMG_NET_READ;
    if (n > 0) {
        *ret_n = (size_t)n;
        return CMG_OK;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return CMG_AGAIN;
    if (n < 0 && errno != ECONNRESET) {
        *ret_why = strerror(errno);
        return CMG_EIO;
    }
    c->eof = true; /* also when it was reset: what came before counts */
    return CMG_AGAIN;
}

enum cmg_rc cmg_conn_read(struct cmg_conn *c, char *scratch, int64_t now_ms, size_t *ret_n,
                          const char **ret_why)
{
    enum cmg_rc rc = receive(c, scratch, ret_n, ret_why);
    if (c->eof)
        c->drained = false; /* what stands there is whole now */
    if (rc != CMG_OK)
        return rc;
    c->last_ms = now_ms;
    c->drained = false;
    cmg_str bytes = cmg_str_of(scratch, *ret_n);
    rc = c->forward ? cmg_forward_feed(c->forward, bytes) : cmg_framer_feed(&c->framer, bytes);
    if (rc == CMG_ELIMIT) {
        *ret_why = "a message that is too large";
        return CMG_EIO;
    }
    return rc;
}

static enum cmg_rc next_forward(struct cmg_conn *c, struct cmg_net_item *ret, const char **ret_why)
{
    struct cmg_forward_event e;
    enum cmg_rc rc = cmg_forward_next(c->forward, &e);
    if (rc == CMG_EIO)
        *ret_why = cmg_forward_fault(c->forward);
    if (rc != CMG_OK)
        return rc;
    ret->text = e.json;
    ret->tag = e.tag;
    ret->chunked = true;
    ret->end = e.end;
    ret->chunk = e.chunk;
    return CMG_OK;
}

enum cmg_rc cmg_conn_next(struct cmg_conn *c, struct cmg_net_item *ret, const char **ret_why)
{
    *ret = (struct cmg_net_item){
        .host = cmg_str_c(c->host), .input = cmg_str_c(c->listener->url.name), .peer = c->id};
    enum cmg_rc rc = c->forward ? next_forward(c, ret, ret_why)
                                : cmg_framer_next(&c->framer, c->eof, &ret->text, &ret->cut);
    c->drained = rc != CMG_OK;
    return rc;
}

/* ---- writing --------------------------------------------------------------------------------- */

bool cmg_conn_has_output(const struct cmg_conn *c)
{
    return c->forward && cmg_forward_out(c->forward)->len > 0;
}

bool cmg_conn_over(const struct cmg_conn *c)
{
    return c->eof && c->drained && !c->holds && !cmg_conn_has_output(c);
}

static enum cmg_rc transmit(struct cmg_conn *c, cmg_str bytes, size_t *ret_n)
{
    if (!c->tls) {
        ssize_t n = send(c->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        *ret_n = n > 0 ? (size_t)n : 0;
        if (n >= 0)
            return CMG_OK;
        return errno == EAGAIN || errno == EINTR ? CMG_AGAIN : CMG_EIO;
    }
    switch (cmg_tls_write(c->tls, bytes, ret_n)) {
    case CMG_TLS_DONE:
        return CMG_OK;
    case CMG_TLS_READ:
    case CMG_TLS_WRITE:
        return CMG_AGAIN;
    default:
        return CMG_EIO;
    }
}

enum cmg_rc cmg_conn_write(struct cmg_conn *c, int64_t now_ms)
{
    enum cmg_rc rc = CMG_OK;
    if (c->tls && !cmg_tls_ready(c->tls))
        return CMG_OK; /* reading brings the handshake about */
    c->wants_write = false;
    while (rc == CMG_OK && cmg_conn_has_output(c)) {
        struct cmg_buf *out = cmg_forward_out(c->forward);
        size_t n = 0;
        rc = transmit(c, cmg_buf_str(out), &n);
        memmove(out->ptr, out->ptr + n, out->len - n);
        out->len -= n;
        if (n)
            c->sent_ms = now_ms;
    }
    c->wants_write = rc == CMG_AGAIN;
    return rc == CMG_AGAIN ? CMG_OK : rc;
}

bool cmg_conn_waits(const struct cmg_conn *c)
{
    if (c->tls && !cmg_tls_ready(c->tls))
        return true;
    return c->forward ? cmg_forward_waits(c->forward) : cmg_framer_waits(&c->framer);
}
