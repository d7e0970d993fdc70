/* SPDX-License-Identifier: Apache-2.0
 * Peeling: one wrapper after the other until a log line is left. */
#include "sources/envelope.h"

#include "core/time.h"

struct cmg_peeler cmg_peeler_init(size_t max_frame)
{
    struct cmg_peeler p;
    for (unsigned i = 0; i < CMG_ENVELOPES_MAX; i++)
        p.scratch[i] = cmg_buf_init(max_frame);
    p.names = cmg_buf_init(max_frame);
    return p;
}

void cmg_peeler_done(struct cmg_peeler *p)
{
    for (unsigned i = 0; i < CMG_ENVELOPES_MAX; i++)
        cmg_buf_done(&p->scratch[i]);
    cmg_buf_done(&p->names);
}

static bool fail(enum cmg_rc rc)
{
    return rc == CMG_ENOMEM || rc == CMG_ELIMIT;
}

/* One level; CMG_AGAIN: `s` is in no wrapper. */
static enum cmg_rc peel_one(struct cmg_peeler *p, cmg_str s, int64_t now_ns,
                            const struct cmg_options *opt, struct cmg_envelope *ret)
{
    struct cmg_buf *scratch = &p->scratch[ret->depth];
    enum cmg_wrapper kind = CMG_WRAP_CRI;
    scratch->len = 0;
    enum cmg_rc rc = cmg_peel_cri(s, ret); /* first: "stdout" would pass for a host of syslog */
    if (rc == CMG_AGAIN) {
        kind = CMG_WRAP_SYSLOG;
        rc = cmg_peel_syslog(p, scratch, s, now_ns, opt, ret);
    }
    if (rc == CMG_AGAIN) {
        kind = CMG_WRAP_JSON;
        rc = cmg_peel_json(p, scratch, s, ret);
    }
    if (rc != CMG_OK)
        return rc;
    if (!ret->depth++)
        ret->outer = kind;
    return CMG_OK;
}

enum cmg_rc cmg_envelope_peel(struct cmg_peeler *p, cmg_str frame, int64_t now_ns,
                              const struct cmg_options *opt, struct cmg_envelope *ret)
{
    *ret = (struct cmg_envelope){.text = frame, .severity = -1};
    p->names.len = 0;
    /* Slices into `names` must not move while they are being collected. */
    enum cmg_rc rc = cmg_buf_reserve(&p->names, frame.len);
    while (rc == CMG_OK && ret->depth < CMG_ENVELOPES_MAX)
        rc = peel_one(p, ret->text, now_ns, opt, ret);
    return fail(rc) ? rc : CMG_OK;
}

/* ---- CRI ------------------------------------------------------------------------------------- */

/* Kubernetes' container runtime interface: "<RFC 3339 nano> stdout|stderr P|F[:tags] text". */
enum cmg_rc cmg_peel_cri(cmg_str s, struct cmg_envelope *ret)
{
    struct cmg_time t;
    size_t a = cmg_str_chr(cmg_str_head(s, 40), ' ');
    if (a == CMG_STR_NPOS || a < 20 || s.ptr[10] != 'T')
        return CMG_AGAIN;
    cmg_str rest = cmg_str_from(s, a + 1);
    if (!cmg_str_starts(rest, CMG_LIT("stdout ")) && !cmg_str_starts(rest, CMG_LIT("stderr ")))
        return CMG_AGAIN;
    rest = cmg_str_from(rest, 7);
    size_t b = cmg_str_chr(cmg_str_head(rest, 64), ' ');
    cmg_str tag = cmg_str_head(rest, b == CMG_STR_NPOS ? rest.len : b);
    bool part = cmg_str_eq(tag, CMG_LIT("P")) || cmg_str_starts(tag, CMG_LIT("P:"));
    bool full = cmg_str_eq(tag, CMG_LIT("F")) || cmg_str_starts(tag, CMG_LIT("F:"));
    if ((!part && !full) || !cmg_rfc3339_read(cmg_str_head(s, a), &t) || !t.zoned)
        return CMG_AGAIN;
    ret->text = b == CMG_STR_NPOS ? CMG_LIT("") : cmg_str_from(rest, b + 1);
    ret->time_ns = t.ns - t.offset_min * 60 * CMG_NS_PER_S;
    ret->has_time = true;
    ret->more = part;
    ret->whole = full;
    return CMG_OK;
}
