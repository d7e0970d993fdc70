/* SPDX-License-Identifier: Apache-2.0
 * The checkpoint: how far every followed log has arrived, so that a restart goes on from there.
 *
 * One text file, replaced as a whole. Its first line names the format, its last one is a hash of
 * all bytes before it. In between, fields are separated by tabs, as name=value, in this order; '%',
 * control characters and DEL in a value are written %XX:
 *
 *     cmgpipe-checkpoint 1
 *     # cmgpipe 0.1.0, process 4711                       (comments may stand anywhere)
 *     log   path=/var/log/ccm/PolicyAgent.log             the log; its files follow, the oldest
 * first file  name=PolicyAgent.lo_  current=no  dev=2049  ino=1573  head=9f86d081884c7d65
 * head_len=1024 offset=250112  size=250112  mtime=1790000000000000000  state=... corr  size=1048576
 * open incidents: the correlation table page  at=0  bytes=...                               what is
 * not zero in it end   5e884898da280471
 *
 * name: in the folder of the log; empty when the file is gone. current: it is the one under the
 * log's own name. head: XXH3-64 of the first head_len bytes. offset: the first byte that is in no
 * acknowledged record. state: what decoding remembers at that offset. Packed bytes (state, page)
 * are their number, and then "/at:hex" for each run that is not zero: 16/4:ff01 is sixteen bytes,
 * of which the fifth and sixth are not zero.
 *
 * The whole file describes ONE moment: all records before it have arrived, none behind it counts.
 * That is what makes the table of open incidents agree with the offsets, and a repeated record
 * after a crash equal to the first one. */
#ifndef CMG_SOURCES_CHECKPOINT_H
#define CMG_SOURCES_CHECKPOINT_H

#include "core/buf.h"
#include "sources/identity.h"

enum {
    CMG_CHECKPOINT_VERSION = 1,
    CMG_CHECKPOINT_MAX = 64 << 20, /* bytes of the file */
    CMG_CHECKPOINT_FILES_MAX = 1 << 16,
    CMG_CHECKPOINT_STATE_MAX = 1 << 16, /* bytes of one state */
    CMG_CHECKPOINT_PAGE = 4096,
};

/* ---- the text ------------------------------------------------------------------------------ */

struct cmg_saved_file {
    cmg_str log;  /* path; the same slice for all files of one log */
    cmg_str name; /* empty: not on disk any more */
    bool current;
    struct cmg_identity id;
    uint64_t offset, size;
    int64_t mtime_ns;
    cmg_str state; /* empty: nothing was decoded yet */
};

struct cmg_saved {
    struct cmg_saved_file *files; /* of one log: next to each other, the oldest first */
    size_t n;
    char *corr; /* NULL: none was saved */
    size_t corr_len;
    char *text; /* what the slices point into */
};

/* CMG_ECONFIG: not a checkpoint, of another version, or damaged; reterr has the line. */
CMG_MUST_USE enum cmg_rc cmg_saved_parse(cmg_str text, struct cmg_saved *ret,
                                         struct cmg_error *reterr);
void cmg_saved_done(struct cmg_saved *s);

CMG_MUST_USE enum cmg_rc cmg_saved_begin(struct cmg_buf *out);
CMG_MUST_USE enum cmg_rc cmg_saved_log(struct cmg_buf *out, cmg_str path);
CMG_MUST_USE enum cmg_rc cmg_saved_file(struct cmg_buf *out, const struct cmg_saved_file *f);
CMG_MUST_USE enum cmg_rc cmg_saved_corr(struct cmg_buf *out, cmg_str image);
CMG_MUST_USE enum cmg_rc cmg_saved_end(struct cmg_buf *out);

/* ---- the file ------------------------------------------------------------------------------ */

/* `path` and the right to write it. A lock on "path.lock" keeps a second process away (CMG_ECONFIG,
 * naming the first); it ends with the process, however that ends. */
CMG_MUST_USE struct cmg_checkpoint *cmg_checkpoint_open(const char *path, struct cmg_error *reterr);
/* Its text into `out`. CMG_AGAIN: there is no file yet. */
CMG_MUST_USE enum cmg_rc cmg_checkpoint_load(struct cmg_checkpoint *c, struct cmg_buf *out,
                                             struct cmg_error *reterr);
/* Replaces it: a new file beside it, fsync, rename, fsync of the folder. On failure the old one is
 * as it was. */
CMG_MUST_USE enum cmg_rc cmg_checkpoint_save(struct cmg_checkpoint *c, cmg_str text,
                                             struct cmg_error *reterr);
const char *cmg_checkpoint_path(const struct cmg_checkpoint *c);
void cmg_checkpoint_close(struct cmg_checkpoint *c);

#endif
