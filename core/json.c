/* SPDX-License-Identifier: Apache-2.0
 * JSON strings at copying speed (RFC 8259, section 7).
 *
 * Log text is long runs that need no escape, then a cluster of quotes (the attributes of a CCM
 * record) or backslashes (a path). Runs are copied 64 bytes at a time; in a block with specials a
 * bit mask leads from one to the next, so that no byte is looked at by itself. */
#include "core/json.h"

enum {
    BLOCK = CMG_JSON_BLOCK,
    WIDE = 16,                      /* one copy; may write that much past the end of a run */
    ESCAPED = 6 * BLOCK + 2 * WIDE, /* the most that one block can become, and the copies' excess */
};

/* Two letters where JSON has them, else \u00XX; the last byte is the length. */
static const char escapes[][8] = {
    "\\u0000\0\6",
    "\\u0001\0\6",
    "\\u0002\0\6",
    "\\u0003\0\6",
    "\\u0004\0\6",
    "\\u0005\0\6",
    "\\u0006\0\6",
    "\\u0007\0\6",
    "\\b\0\0\0\0\0\2",
    "\\t\0\0\0\0\0\2",
    "\\n\0\0\0\0\0\2",
    "\\u000b\0\6",
    "\\f\0\0\0\0\0\2",
    "\\r\0\0\0\0\0\2",
    "\\u000e\0\6",
    "\\u000f\0\6",
    "\\u0010\0\6",
    "\\u0011\0\6",
    "\\u0012\0\6",
    "\\u0013\0\6",
    "\\u0014\0\6",
    "\\u0015\0\6",
    "\\u0016\0\6",
    "\\u0017\0\6",
    "\\u0018\0\6",
    "\\u0019\0\6",
    "\\u001a\0\6",
    "\\u001b\0\6",
    "\\u001c\0\6",
    "\\u001d\0\6",
    "\\u001e\0\6",
    "\\u001f\0\6",
    ['"'] = "\\\"\0\0\0\0\0\2",
    ['\\'] = "\\\\\0\0\0\0\0\2",
};

static inline char *put_escape(char *p, char c)
{
    const char *e = escapes[(unsigned char)c];
    memcpy(p, e, 8);
    return p + e[7];
}

static inline void copy16(char *to, const char *from)
{
    memcpy(to, from, WIDE);
}

static inline uint64_t mask64(const char *p)
{
    return cmg_json_mask16(p) | (uint64_t)cmg_json_mask16(p + 16) << 16 |
           (uint64_t)cmg_json_mask16(p + 32) << 32 | (uint64_t)cmg_json_mask16(p + 48) << 48;
}

/* A run of at most BLOCK bytes. May read and write WIDE bytes more. */
static inline char *put_run(char *p, const char *src, size_t n)
{
    copy16(p, src);
    for (size_t i = WIDE; i < n; i += WIDE)
        copy16(p + i, src + i);
    return p + n;
}

/* `n` bytes, at most BLOCK, with specials where `mask` has bits. WIDE bytes behind src can be read.
 */
static char *put_block(char *p, const char *src, size_t n, uint64_t mask)
{
    size_t done = 0;
    for (; mask; mask &= mask - 1) {
        size_t at = (size_t)__builtin_ctzll(mask);
        p = put_run(p, src + done, at - done);
        p = put_escape(p, src[at]);
        done = at + 1;
    }
    return put_run(p, src + done, n - done);
}

/* The same where nothing behind src may be read. */
static __attribute__((noinline)) char *put_last(char *p, const char *src, size_t n)
{
    char pad[BLOCK + WIDE];
    memset(pad, ' ', sizeof pad);
    memcpy(pad, src, n);
    return put_block(p, pad, n, mask64(pad));
}

/* Room for `more` bytes and the margin behind `p`. */
static __attribute__((noinline)) char *grow(struct cmg_json *j, char *p, size_t more)
{
    size_t used = p ? (size_t)(p - (j->out->ptr + j->out->len)) : 0;
    if (j->rc == CMG_OK)
        j->rc = more <= SIZE_MAX - used - j->margin
                    ? cmg_buf_reserve(j->out, used + more + j->margin)
                    : CMG_ELIMIT;
    if (j->rc != CMG_OK)
        return p;
    j->end = j->out->ptr + j->out->size;
    return j->out->ptr + j->out->len + used;
}

char *cmg_json_begin(struct cmg_json *j, struct cmg_buf *out, size_t margin)
{
    *j = (struct cmg_json){.out = out, .margin = margin + ESCAPED};
    return grow(j, NULL, 0);
}

enum cmg_rc cmg_json_end(struct cmg_json *j, const char *p)
{
    if (j->rc == CMG_OK)
        j->out->len = (size_t)(p - j->out->ptr);
    return j->rc;
}

/* At least WIDE bytes without a special, the last copy overlapping the one before. False: there is
 * one. */
static inline bool put_clean(char *p, const char *src, size_t n)
{
    uint32_t special = cmg_json_mask16(src + n - WIDE);
    copy16(p + n - WIDE, src + n - WIDE);
    for (size_t i = 0; i + WIDE < n; i += WIDE) {
        special |= cmg_json_mask16(src + i);
        copy16(p + i, src + i);
    }
    return !special;
}

/* The same for 4 to 15 bytes, and 1 to 3: reads and copies that overlap instead of a loop. */
static inline bool put_clean_word(char *p, const char *src, size_t n)
{
    uint64_t head, tail;
    if (n >= 8) {
        memcpy(&head, src, 8);
        memcpy(&tail, src + n - 8, 8);
        memcpy(p, &head, 8);
        memcpy(p + n - 8, &tail, 8);
        return !(cmg_json_marks8(head) | cmg_json_marks8(tail));
    }
    uint32_t a, b;
    memcpy(&a, src, 4);
    memcpy(&b, src + n - 4, 4);
    memcpy(p, &a, 4);
    memcpy(p + n - 4, &b, 4);
    return !cmg_json_marks8((uint64_t)a << 32 | b);
}

static inline bool put_clean_bytes(char *p, const char *src, size_t n)
{
    uint64_t a = (unsigned char)src[0], b = (unsigned char)src[n / 2],
             c = (unsigned char)src[n - 1];
    p[0] = (char)a;
    p[n / 2] = (char)b;
    p[n - 1] = (char)c;
    return !cmg_json_marks8(UINT64_C(0x2020202020000000) | a << 16 | b << 8 | c);
}

/* The rest of a text: fewer than BLOCK + WIDE bytes. */
static char *put_rest(char *p, const char *src, size_t n)
{
    bool clean = n >= WIDE ? put_clean(p, src, n)
                 : n >= 4  ? put_clean_word(p, src, n)
                           : put_clean_bytes(p, src, n);
    if (clean)
        return p + n;
    if (n > BLOCK) {
        p = put_last(p, src, BLOCK);
        src += BLOCK;
        n -= BLOCK;
    }
    return put_last(p, src, n);
}

char *cmg_json_text(struct cmg_json *j, char *p, cmg_str s)
{
    const char *src = s.ptr;
    size_t left = s.len;
    if (!left || j->rc != CMG_OK)
        return p;
    if ((size_t)(j->end - p) < left + j->margin)
        p = grow(j, p, left);
    while (left >= BLOCK + WIDE && j->rc == CMG_OK) {
        uint64_t mask = mask64(src);
        if (!mask) {
            memcpy(p, src, BLOCK);
            p += BLOCK;
        } else {
            p = put_block(p, src, BLOCK, mask);
        }
        src += BLOCK;
        left -= BLOCK;
        if (mask && (size_t)(j->end - p) < left + j->margin)
            p = grow(j, p, left);
    }
    if (j->rc != CMG_OK)
        return p;
    p = put_rest(p, src, left);
    return (size_t)(j->end - p) < j->margin ? grow(j, p, 0) : p;
}

/* ---- numbers ------------------------------------------------------------------------------ */

static unsigned digits_of(uint64_t v)
{
    unsigned n = 1;
    for (; v >= 10000; v /= 10000)
        n += 4;
    return n + (v >= 10) + (v >= 100) + (v >= 1000);
}

char *cmg_json_u64(char *p, uint64_t v)
{
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233"
        "34353637383940414243444546474849505152535455565758596061626364656667"
        "6869707172737475767778798081828384858687888990919293949596979899";
    char *end = p + digits_of(v), *to = end;
    for (; v >= 100; v /= 100)
        memcpy(to -= 2, pairs + v % 100 * 2, 2);
    if (v >= 10)
        memcpy(to - 2, pairs + v * 2, 2);
    else
        to[-1] = (char)('0' + v);
    return end;
}

enum cmg_rc cmg_json_add(struct cmg_buf *out, cmg_str s)
{
    struct cmg_json j;
    char *p = cmg_json_begin(&j, out, 2);
    if (p) {
        *p++ = '"';
        p = cmg_json_text(&j, p, s);
        // Growing keeps the room. NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
        *p++ = '"';
    }
    return cmg_json_end(&j, p);
}
