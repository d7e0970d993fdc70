/* SPDX-License-Identifier: Apache-2.0
 * The server's side of TLS, over sockets that do not block. */
#ifndef CMG_SOURCES_TLS_H
#define CMG_SOURCES_TLS_H

#include "sources/url.h"

struct cmg_tls;         /* certificate and key of a listener */
struct cmg_tls_session; /* one connection */

enum cmg_tls_io {
    CMG_TLS_DONE,   /* *ret_n bytes */
    CMG_TLS_READ,   /* again when the socket is readable */
    CMG_TLS_WRITE,  /* again when it is writable */
    CMG_TLS_CLOSED, /* the peer has said good-bye */
    CMG_TLS_FAILED, /* cmg_tls_why() */
};

CMG_MUST_USE struct cmg_tls *cmg_tls_new(const struct cmg_url *u, struct cmg_error *reterr);
void cmg_tls_free(struct cmg_tls *t);
CMG_MUST_USE struct cmg_tls_session *cmg_tls_accept(struct cmg_tls *t, int fd);
void cmg_tls_session_free(struct cmg_tls_session *s);
enum cmg_tls_io cmg_tls_read(struct cmg_tls_session *s, char *to, size_t size, size_t *ret_n);
enum cmg_tls_io cmg_tls_write(struct cmg_tls_session *s, cmg_str bytes, size_t *ret_n);
/* Bytes that poll(2) does not see, since they have been read from the socket already. */
bool cmg_tls_pending(const struct cmg_tls_session *s);
/* Is the handshake behind us? */
bool cmg_tls_ready(const struct cmg_tls_session *s);
const char *cmg_tls_why(const struct cmg_tls_session *s);
CMG_MUST_USE bool cmg_random(char *to, size_t n);

#endif
