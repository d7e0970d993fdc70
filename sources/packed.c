/* SPDX-License-Identifier: Apache-2.0
 * Runs of bytes that are not zero, in hexadecimal. */
#include "sources/packed.h"

enum { GAP = 8 }; /* so many zeros end a run: naming the next one costs about as much */

bool cmg_take_number(cmg_str *s, uint64_t *ret)
{
    uint64_t n = 0;
    size_t i = 0;
    for (; i < s->len && cmg_is_digit(s->ptr[i]); i++)
        if (__builtin_mul_overflow(n, 10, &n) ||
            __builtin_add_overflow(n, (uint64_t)(s->ptr[i] - '0'), &n))
            return false;
    if (!i || (i > 1 && s->ptr[0] == '0'))
        return false;
    *ret = n;
    *s = cmg_str_from(*s, i);
    return true;
}

enum cmg_rc cmg_add_number(struct cmg_buf *out, uint64_t n)
{
    char digits[20];
    size_t i = sizeof digits;
    do
        digits[--i] = (char)('0' + n % 10);
    while (n /= 10);
    return cmg_buf_add(out, cmg_str_of(digits + i, sizeof digits - i));
}

/* Of the run that begins at `from` (not zero): where it ends. */
static size_t run_end(cmg_str b, size_t from)
{
    size_t end = from + 1;
    for (size_t i = end; i < b.len && i - end < GAP; i++)
        if (b.ptr[i])
            end = i + 1;
    return end;
}

static enum cmg_rc add_hex(struct cmg_buf *out, cmg_str b)
{
    static const char hex[] = "0123456789abcdef";
    enum cmg_rc rc = cmg_buf_reserve(out, 2 * b.len);
    for (size_t i = 0; rc == CMG_OK && i < b.len; i++) {
        out->ptr[out->len++] = hex[(unsigned char)b.ptr[i] >> 4];
        out->ptr[out->len++] = hex[(unsigned char)b.ptr[i] & 15];
    }
    return rc;
}

static enum cmg_rc pack(struct cmg_buf *out, cmg_str b)
{
    enum cmg_rc rc = cmg_add_number(out, b.len);
    for (size_t i = 0; rc == CMG_OK && i < b.len; i++) {
        if (!b.ptr[i])
            continue;
        size_t end = run_end(b, i);
        rc = cmg_buf_add(out, CMG_LIT("/"));
        if (rc == CMG_OK)
            rc = cmg_add_number(out, i);
        if (rc == CMG_OK)
            rc = cmg_buf_add(out, CMG_LIT(":"));
        if (rc == CMG_OK)
            rc = add_hex(out, cmg_str_cut(b, i, end));
        i = end;
    }
    return rc;
}

enum cmg_rc cmg_pack(struct cmg_buf *out, cmg_str bytes)
{
    size_t before = out->len;
    enum cmg_rc rc = pack(out, bytes);
    if (rc != CMG_OK)
        out->len = before;
    return rc;
}

bool cmg_packed_len(cmg_str packed, size_t most, size_t *ret)
{
    uint64_t n;
    if (!cmg_take_number(&packed, &n) || n > most)
        return false;
    *ret = (size_t)n;
    return true;
}

/* One "at:hex" off the front of *s, to out[at]. */
static bool unpack_run(cmg_str *s, char *out, size_t len, size_t *io_end)
{
    uint64_t at;
    if (!cmg_take_number(s, &at) || !cmg_str_starts(*s, CMG_LIT(":")) || at < *io_end)
        return false;
    size_t i = 1;
    for (; i + 1 < s->len && s->ptr[i] != '/'; i += 2, at++) {
        int high = cmg_hex_digit(s->ptr[i]), low = cmg_hex_digit(s->ptr[i + 1]);
        if (at >= len || high < 0 || low < 0)
            return false;
        out[at] = (char)(high << 4 | low);
    }
    *io_end = (size_t)at;
    *s = cmg_str_from(*s, i);
    return i > 1;
}

bool cmg_unpack(cmg_str packed, char *out, size_t len)
{
    uint64_t n;
    size_t end = 0;
    if (!cmg_take_number(&packed, &n) || n != len)
        return false;
    if (len)
        memset(out, 0, len);
    while (packed.len) {
        if (packed.ptr[0] != '/')
            return false;
        packed = cmg_str_from(packed, 1);
        if (!unpack_run(&packed, out, len, &end))
            return false;
    }
    return true;
}
