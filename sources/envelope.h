/* SPDX-License-Identifier: Apache-2.0
 * The wrappers in which forwarders bring a log line: syslog, JSON, container logs. Peeled off
 * before decoding, one inside the other as they come; what they know of the line (host, path,
 * offset, time) is kept. */
#ifndef CMG_SOURCES_ENVELOPE_H
#define CMG_SOURCES_ENVELOPE_H

#include "core/buf.h"

enum { CMG_ENVELOPES_MAX = 4 };

enum cmg_wrapper { CMG_WRAP_NONE, CMG_WRAP_SYSLOG, CMG_WRAP_JSON, CMG_WRAP_CRI };

/* What the wrappers say. The innermost that names a thing wins: it stood nearest to the log. Slices
 * into the frame or into the scratch buffers; empty, 0 or false: nobody said. */
struct cmg_envelope {
    cmg_str text; /* the log line */
    cmg_str host, path, program;
    uint64_t offset;
    bool has_offset;
    int64_t time_ns; /* UTC */
    bool has_time;
    bool guessed_time; /* a year or an offset from UTC had to be supplied (RFC 3164) */
    bool more;  /* the wrapper says that the line goes on in the next frame (CRI "P", Docker without
                   "\n") */
    bool whole; /* the wrapper says where the line ends (Docker, CRI "F") */
    int severity; /* syslog severity 0..7 of the wrapper, -1: none */
    enum cmg_wrapper outer;
    unsigned depth;
};

/* Texts that had to be unescaped live here, one buffer a level. */
struct cmg_peeler {
    struct cmg_buf scratch[CMG_ENVELOPES_MAX];
    struct cmg_buf names; /* unescaped host, path, ... */
};

struct cmg_peeler cmg_peeler_init(size_t max_frame);
void cmg_peeler_done(struct cmg_peeler *p);

/* Peels `frame`. What is in no wrapper comes back whole as ret->text. `now_ns` supplies a missing
 * year (never more than a day ahead of it), `utc_offset` (may be NULL) a missing offset. CMG_ENOMEM
 * or CMG_ELIMIT: the text did not fit. */
CMG_MUST_USE enum cmg_rc cmg_envelope_peel(struct cmg_peeler *p, cmg_str frame, int64_t now_ns,
                                           const struct cmg_options *opt, struct cmg_envelope *ret);

/* One level each: true when `s` is that wrapper; fills only what it names and sets ret->text. */
CMG_MUST_USE enum cmg_rc cmg_peel_syslog(struct cmg_peeler *p, struct cmg_buf *scratch, cmg_str s,
                                         int64_t now_ns, const struct cmg_options *opt,
                                         struct cmg_envelope *ret);
CMG_MUST_USE enum cmg_rc cmg_peel_json(struct cmg_peeler *p, struct cmg_buf *scratch, cmg_str s,
                                       struct cmg_envelope *ret);
CMG_MUST_USE enum cmg_rc cmg_peel_cri(cmg_str s, struct cmg_envelope *ret);

#endif
