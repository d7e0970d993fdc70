/* SPDX-License-Identifier: Apache-2.0
 * OpenSSL, and nothing of it outside of this file but hashing (forward.c). */
#include "sources/tls.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>

enum { WHY_MAX = 160 };

struct cmg_tls {
    SSL_CTX *ctx;
};

struct cmg_tls_session {
    SSL *ssl;
    char why[WHY_MAX];
};

static void explain(char *out, size_t size)
{
    unsigned long first = ERR_get_error();
    const char *text = first ? ERR_reason_error_string(first) : NULL;
    snprintf(out, size, "%s", text ? text : "no reason given");
    ERR_clear_error();
}

static enum cmg_rc fault(struct cmg_error *e, const char *what, const char *file)
{
    char why[WHY_MAX];
    explain(why, sizeof why);
    *e = (struct cmg_error){.rc = CMG_ECONFIG};
    snprintf(e->source, sizeof e->source, "%.150s", file);
    snprintf(e->text, sizeof e->text, "%s: %s", what, why);
    return CMG_ECONFIG;
}

/* A key that needs a password is of no use to a service; nobody is asked for one. */
static int no_password(char *to, int size, int writing, void *user)
{
    (void)to, (void)size, (void)writing, (void)user;
    return 0;
}

static enum cmg_rc load(SSL_CTX *c, const struct cmg_url *u, struct cmg_error *e)
{
    SSL_CTX_set_default_passwd_cb(c, no_password);
    if (SSL_CTX_use_certificate_chain_file(c, u->cert) != 1)
        return fault(e, "not a certificate in PEM form", u->cert);
    if (SSL_CTX_use_PrivateKey_file(c, u->key, SSL_FILETYPE_PEM) != 1)
        return fault(e, "not the certificate's private key in PEM form without a password", u->key);
    if (u->ca[0] && SSL_CTX_load_verify_locations(c, u->ca, NULL) != 1)
        return fault(e, "no certificates of authorities in PEM form", u->ca);
    if (u->ca[0])
        SSL_CTX_set_client_CA_list(c, SSL_load_client_CA_file(u->ca));
    SSL_CTX_set_verify(
        c, u->verify ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_NONE, NULL);
    return CMG_OK;
}

struct cmg_tls *cmg_tls_new(const struct cmg_url *u, struct cmg_error *reterr)
{
    struct cmg_tls *t = calloc(1, sizeof *t);
    enum cmg_rc rc = CMG_ENOMEM;
    *reterr = (struct cmg_error){.rc = CMG_ENOMEM, .text = "out of memory"};
    if (t)
        t->ctx = SSL_CTX_new(TLS_server_method());
    if (t && t->ctx) {
        SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION);
        SSL_CTX_set_options(t->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
        SSL_CTX_set_mode(t->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                     SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                     SSL_MODE_RELEASE_BUFFERS);
        SSL_CTX_set_session_id_context(t->ctx, (const unsigned char *)"cmgpipe", 7);
        rc = load(t->ctx, u, reterr);
    }
    if (rc == CMG_OK)
        return t;
    cmg_tls_free(t);
    return NULL;
}

void cmg_tls_free(struct cmg_tls *t)
{
    if (!t)
        return;
    SSL_CTX_free(t->ctx);
    free(t);
}

struct cmg_tls_session *cmg_tls_accept(struct cmg_tls *t, int fd)
{
    struct cmg_tls_session *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->ssl = SSL_new(t->ctx);
    if (!s->ssl || SSL_set_fd(s->ssl, fd) != 1) {
        cmg_tls_session_free(s);
        return NULL;
    }
    SSL_set_accept_state(s->ssl);
    return s;
}

void cmg_tls_session_free(struct cmg_tls_session *s)
{
    if (!s)
        return;
    if (s->ssl && SSL_is_init_finished(s->ssl) && !s->why[0])
        (void)SSL_shutdown(s->ssl);
    ERR_clear_error();
    SSL_free(s->ssl);
    free(s);
}

static enum cmg_tls_io judge(struct cmg_tls_session *s, int rc)
{
    switch (SSL_get_error(s->ssl, rc)) {
    case SSL_ERROR_WANT_READ:
        return CMG_TLS_READ;
    case SSL_ERROR_WANT_WRITE:
        return CMG_TLS_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return CMG_TLS_CLOSED;
    default:
        explain(s->why, sizeof s->why);
        return CMG_TLS_FAILED;
    }
}

enum cmg_tls_io cmg_tls_read(struct cmg_tls_session *s, char *to, size_t size, size_t *ret_n)
{
    ERR_clear_error();
    int rc = SSL_read_ex(s->ssl, to, size, ret_n);
    return rc == 1 ? CMG_TLS_DONE : judge(s, rc);
}

enum cmg_tls_io cmg_tls_write(struct cmg_tls_session *s, cmg_str bytes, size_t *ret_n)
{
    ERR_clear_error();
    int rc = SSL_write_ex(s->ssl, bytes.ptr, bytes.len, ret_n);
    return rc == 1 ? CMG_TLS_DONE : judge(s, rc);
}

bool cmg_tls_pending(const struct cmg_tls_session *s)
{
    return SSL_pending(s->ssl) > 0;
}

bool cmg_tls_ready(const struct cmg_tls_session *s)
{
    return SSL_is_init_finished(s->ssl);
}

const char *cmg_tls_why(const struct cmg_tls_session *s)
{
    return s->why;
}

bool cmg_random(char *to, size_t n)
{
    return RAND_bytes((unsigned char *)to, (int)n) == 1;
}
