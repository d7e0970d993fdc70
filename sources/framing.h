/* SPDX-License-Identifier: Apache-2.0
 * Syslog messages on a stream of bytes (RFC 6587): counted in octets, or ended by a line feed or a
 * NUL. Which one is decided anew for each message, since relays mix them. */
#ifndef CMG_SOURCES_FRAMING_H
#define CMG_SOURCES_FRAMING_H

#include "core/buf.h"

enum { CMG_COUNT_DIGITS = 9 };

struct cmg_framer {
    struct cmg_buf in;
    size_t most;     /* bytes of a message; what is longer is cut there */
    size_t at, scan; /* given out up to here; no end before there */
    uint64_t drop;   /* bytes of a counted message that was too long, still to be passed over */
    bool drop_line;  /* the same of one that has an end */
    bool quiet;      /* nothing came for a while: a NUL at the end is an end */
    uint64_t dropped;
};

struct cmg_framer cmg_framer_init(size_t most);
void cmg_framer_done(struct cmg_framer *f);
/* Copied. Take all messages first: what is held is bounded by `most` and one call's bytes then. */
CMG_MUST_USE enum cmg_rc cmg_framer_feed(struct cmg_framer *f, cmg_str bytes);
/* The next message, a slice until the next call. CMG_AGAIN: it is not complete. `over`: nothing
 * more comes (for now), so that the rest is one. */
CMG_MUST_USE enum cmg_rc cmg_framer_next(struct cmg_framer *f, bool over, cmg_str *ret,
                                         bool *ret_cut);
/* Does a part of a message wait for its rest? */
static inline bool cmg_framer_waits(const struct cmg_framer *f)
{
    return f->at < f->in.len;
}
/* It ends in a NUL, which may be an end: a while of silence decides. */
static inline bool cmg_framer_quiet(struct cmg_framer *f)
{
    f->quiet = f->at < f->in.len && !f->in.ptr[f->in.len - 1];
    return f->quiet;
}

#endif
