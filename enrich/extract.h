/* SPDX-License-Identifier: Apache-2.0
 * What ConfigMgr's messages say in their own grammar, read out once for each record. */
#ifndef CMG_ENRICH_EXTRACT_H
#define CMG_ENRICH_EXTRACT_H

#include "core/str.h"
#include "enrich/codes.h"
#include "enrich/match.h"

enum { CMG_COUNTERS = 4 };

/* The tokens that lead to these grammars; the engine puts them behind the catalogue's own. */
extern const cmg_str cmg_extract_tokens[];
extern const size_t cmg_extract_tokens_len;

/* Slices into the message. Empty, 0 or -1: not there. */
struct cmg_facts {
    cmg_str url; /* quotes, angle brackets of mark-up and the trailing comma or blank removed */
    cmg_str host,
        path; /* of the url, or of a request line that names them apart (Host=, Path=, "at host") */
    bool is_request; /* the line only tells which request is being made */
    int32_t port;
    cmg_str symbol; /* Text=ERROR_WINHTTP_SECURE_FAILURE */
    int32_t status; /* HTTP status */
    cmg_str
        status_text; /* CMGConnector_Forbidden, from one of the five syntaxes (catalogue.md 0.6) */
    cmg_str
        message_id; /* between "message " or "MessageID: " and " to URL", " RequestURI" or ": " */
    uint32_t flag_lines; /* WINHTTP_CALLBACK_STATUS_FLAG_... is set, by symbol */
    uint32_t flag_mask;  /* lpvStatusInformation is 0x... */
    bool has_mask, is_dump;
    int32_t counter[CMG_COUNTERS];  /* Filtered cert count with: digital signature, allowed root CA,
                                       private  key, client auth; -1: not in this line */
    cmg_str valid_to, current_time; /* token times as written, quotes removed */
    struct cmg_code_hit code[CMG_CODES_MAX];
    size_t codes;
};

struct cmg_catalog;

/* `hits` are the matcher's, `base` the index of the first extract token among them. */
void cmg_extract(const struct cmg_catalog *c, cmg_str message, const struct cmg_hit *hits, size_t n,
                 uint32_t base, struct cmg_facts *ret);

/* The parts of a URL, slices into it. Never fails: what is not there is empty. */
struct cmg_url {
    cmg_str scheme, host, path, query;
    int32_t port; /* -1: none */
};
void cmg_url_split(cmg_str url, struct cmg_url *ret);

#endif
