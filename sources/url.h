/* SPDX-License-Identifier: Apache-2.0
 * Where input comes from, as the operator writes it: "syslog+tcp://127.0.0.1:5514?idle=600". */
#ifndef CMG_SOURCES_URL_H
#define CMG_SOURCES_URL_H

#include "core/str.h"

enum cmg_url_kind { CMG_URL_STDIN, CMG_URL_FILE, CMG_URL_UDP, CMG_URL_SYSLOG, CMG_URL_FORWARD };

enum {
    CMG_URL_TEXT_MAX = 1024, /* of one part */
    CMG_URL_CONNECTIONS = 1024,
    CMG_URL_FRAME = 1 << 20,     /* bytes of a syslog message */
    CMG_URL_MESSAGE = 16 << 20,  /* bytes of a forward message as it is sent */
    CMG_URL_INFLATED = 64 << 20, /* bytes of a forward message when it is unpacked */
    CMG_URL_IDLE_S = 3600,
    CMG_URL_TIMEOUT_S = 60,
};

struct cmg_url {
    enum cmg_url_kind kind;
    bool tls;
    bool verify;                 /* a client without a sound certificate is turned away */
    char name[CMG_URL_TEXT_MAX]; /* without the parameters: names the log of lines that name none */
    char host[256], port[8];
    char path[CMG_URL_TEXT_MAX]; /* of file: a pattern */
    char cert[CMG_URL_TEXT_MAX], key[CMG_URL_TEXT_MAX], ca[CMG_URL_TEXT_MAX];
    char shared_key_file[CMG_URL_TEXT_MAX], hostname[256];
    uint64_t connections, frame, inflated, idle_s, timeout_s;
};

/* What has no scheme is a file. CMG_ECONFIG: *reterr says what is wrong, and what would be right.
 */
CMG_MUST_USE enum cmg_rc cmg_url_parse(cmg_str text, struct cmg_url *ret, struct cmg_error *reterr);
static inline bool cmg_url_is_net(const struct cmg_url *u)
{
    return u->kind >= CMG_URL_UDP;
}

#endif
