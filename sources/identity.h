/* SPDX-License-Identifier: Apache-2.0
 * Which file is this? A path says little once logs rotate, and an inode is used again as soon as
 * its file is deleted. So a file is known by device, inode and a hash of its first bytes: up to 1
 * KiB, fewer while the file is shorter. Records carry their time, so the first of them tell one
 * generation of a log from the next. */
#ifndef CMG_SOURCES_IDENTITY_H
#define CMG_SOURCES_IDENTITY_H

#include "core/str.h"

#include <sys/stat.h>

enum {
    CMG_HEAD_MAX = 1024,
    /* From so many bytes on the head is trusted alone, without the inode: that is how the copy is
     * recognised that a server makes of its log before it empties it. */
    CMG_HEAD_ALONE_MIN = 256,
    CMG_HEAD_LEAST =
        32, /* fewer say nothing at all: a byte order mark, the beginning of a header */
    CMG_NAME_SIZE = 256, /* NAME_MAX and the NUL */
};

struct cmg_identity {
    uint64_t dev, ino;
    uint64_t hash; /* of the first `len` bytes */
    uint32_t len;
};

/* A file as it is at one moment. */
struct cmg_look {
    uint64_t dev, ino, size;
    int64_t mtime_ns;
    uint32_t head_len;
    unsigned char head[CMG_HEAD_MAX];
};

/* False, with errno: it cannot be read, or is no regular file (EINVAL). */
CMG_MUST_USE bool cmg_look_at(int fd, struct cmg_look *ret);
int64_t cmg_mtime_ns(const struct stat *st);
/* The identity of what was looked at. */
struct cmg_identity cmg_identity_of(const struct cmg_look *look);
uint64_t cmg_head_hash(const unsigned char *head, size_t n);

enum cmg_likeness {
    CMG_OTHER,  /* begins with something else */
    CMG_SHRUNK, /* begins the same as far as it goes, which is not far enough */
    CMG_SAME,
};

/* Does the file begin as `id` says? Inodes are not compared. `head`: the bytes that id->hash was
 * made of, or NULL when they are not at hand (a shorter file is OTHER then). An empty head is like
 * everything. */
enum cmg_likeness cmg_identity_like(const struct cmg_identity *id, const unsigned char *head,
                                    const struct cmg_look *look);
/* Is it a copy of that file, whatever its inode? `size`: how long the original was known to be. */
bool cmg_identity_copy(const struct cmg_identity *id, uint64_t size, const struct cmg_look *look);

/* ConfigMgr's names for the older generations of "Name.log": "Name.lo_" (client and server, in any
 * case; ".log_" is met as well) and "Name-YYYYMMDD-HHMMSS.log" (components that keep a history).
 * Writes the name of the log it belongs to; false: it is no such name. */
CMG_MUST_USE bool cmg_rotated_from(cmg_str name, char ret_log[CMG_NAME_SIZE]);

#endif
