/* SPDX-License-Identifier: Apache-2.0
 * Recognising files: by their first bytes, and by the names that ConfigMgr gives them. */
#include "sources/identity.h"

#include <errno.h>
#include <unistd.h>

#ifndef XXH_INLINE_ALL
#define XXH_INLINE_ALL
#endif
#include <xxhash.h>

#define CMG_NS INT64_C(1000000000)

uint64_t cmg_head_hash(const unsigned char *head, size_t n)
{
    return XXH3_64bits(head, n);
}

/* Clipped to what fits: a file may claim any date. */
int64_t cmg_mtime_ns(const struct stat *st)
{
    const int64_t most = INT64_MAX / CMG_NS - 1;
    int64_t s = st->st_mtim.tv_sec;
    s = s > most ? most : s < -most ? -most : s;
    return s * CMG_NS + st->st_mtim.tv_nsec;
}

static ssize_t read_head(int fd, unsigned char *head)
{
    size_t have = 0;
    while (have < CMG_HEAD_MAX) {
        ssize_t n = pread(fd, head + have, CMG_HEAD_MAX - have, (off_t)have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        have += (size_t)n;
    }
    return (ssize_t)have;
}

bool cmg_look_at(int fd, struct cmg_look *ret)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return false;
    if (!S_ISREG(st.st_mode)) {
        errno = EINVAL;
        return false;
    }
    ssize_t n = read_head(fd, ret->head);
    if (n < 0)
        return false;
    ret->dev = st.st_dev;
    ret->ino = st.st_ino;
    ret->size = (uint64_t)st.st_size;
    ret->mtime_ns = cmg_mtime_ns(&st);
    ret->head_len = (uint32_t)n;
    return true;
}

struct cmg_identity cmg_identity_of(const struct cmg_look *look)
{
    return (struct cmg_identity){.dev = look->dev,
                                 .ino = look->ino,
                                 .hash = cmg_head_hash(look->head, look->head_len),
                                 .len = look->head_len};
}

enum cmg_likeness cmg_identity_like(const struct cmg_identity *id, const unsigned char *head,
                                    const struct cmg_look *look)
{
    if (look->head_len >= id->len)
        return cmg_head_hash(look->head, id->len) == id->hash || !id->len ? CMG_SAME : CMG_OTHER;
    if (head && look->head_len && memcmp(head, look->head, look->head_len) == 0)
        return CMG_SHRUNK;
    return CMG_OTHER;
}

bool cmg_identity_copy(const struct cmg_identity *id, uint64_t size, const struct cmg_look *look)
{
    bool enough =
        id->len >= CMG_HEAD_ALONE_MIN || (id->len && id->len == size && look->size == size);
    return enough && look->head_len >= id->len && cmg_head_hash(look->head, id->len) == id->hash;
}

/* ---- names ----------------------------------------------------------------------------------- */

static int two_digits(const char *p)
{
    return (p[0] - '0') * 10 + (p[1] - '0');
}

/* "-YYYYMMDD-HHMMSS" */
static bool is_stamp(cmg_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (i == 0 || i == 9 ? s.ptr[i] != '-' : !cmg_is_digit(s.ptr[i]))
            return false;
    int month = two_digits(s.ptr + 5), day = two_digits(s.ptr + 7);
    return month >= 1 && month <= 12 && day >= 1 && day <= 31 && two_digits(s.ptr + 10) < 24 &&
           two_digits(s.ptr + 12) < 60 && two_digits(s.ptr + 14) < 60;
}

static bool write_name(cmg_str stem, cmg_str end, char ret_log[CMG_NAME_SIZE])
{
    if (!stem.len || stem.len + end.len >= CMG_NAME_SIZE)
        return false;
    memcpy(ret_log, stem.ptr, stem.len);
    memcpy(ret_log + stem.len, end.ptr, end.len);
    ret_log[stem.len + end.len] = '\0';
    return true;
}

bool cmg_rotated_from(cmg_str name, char ret_log[CMG_NAME_SIZE])
{
    enum { STAMP = 16, EXT = 4 };
    if (name.len <= EXT)
        return false;
    cmg_str stem = cmg_str_head(name, name.len - EXT), ext = cmg_str_from(name, name.len - EXT);
    if (cmg_str_ieq(ext, CMG_LIT(".lo_")))
        return write_name(stem, ext.ptr[1] == 'L' ? CMG_LIT(".LOG") : CMG_LIT(".log"), ret_log);
    if (name.len > EXT + 1 && cmg_str_ieq(cmg_str_from(name, name.len - EXT - 1), CMG_LIT(".log_")))
        return write_name(cmg_str_head(name, name.len - 1), CMG_LIT(""), ret_log);
    if (!cmg_str_ieq(ext, CMG_LIT(".log")) || stem.len <= STAMP)
        return false;
    if (!is_stamp(cmg_str_from(stem, stem.len - STAMP)))
        return false;
    return write_name(cmg_str_head(stem, stem.len - STAMP), ext, ret_log);
}
