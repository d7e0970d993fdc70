/* SPDX-License-Identifier: Apache-2.0
 * Half of the bytes are NULs, and all of them on one side of the letters. */
#include "sources/torn.h"

#include "core/utf.h"

enum { LEAST = 8 };

/* How many bytes stand for one byte of the log: a forwarder that wants UTF-8 makes two of a byte
 * above 0x7F, and three, U+FFFD, of one it cannot read. */
static size_t width(cmg_str s, size_t i, bool utf8)
{
    unsigned char c = (unsigned char)s.ptr[i];
    if (!utf8 || c < 0x80)
        return 1;
    return c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

static char byte_of(cmg_str s, size_t i, size_t n)
{
    if (n == 1)
        return s.ptr[i];
    unsigned v = ((unsigned char)s.ptr[i] & 0x1Fu) << 6 | ((unsigned char)s.ptr[i + 1] & 0x3Fu);
    return n == 2 && v < 0x100 ? (char)v : '?';
}

/* NULs on even and on odd places, and how many places there are. */
static void count(cmg_str s, bool utf8, size_t ret[2], size_t *ret_places)
{
    size_t at = 0;
    ret[0] = ret[1] = 0;
    for (size_t i = 0; i < s.len; i += width(s, i, utf8), at++)
        ret[at % 2] += !s.ptr[i];
    *ret_places = at;
}

/* What is left of a byte order mark, as it is or as somebody replaced it by U+FFFD. */
static cmg_str without_mark(cmg_str s)
{
    if (cmg_str_starts(s, CMG_LIT("\xff\xfe")) || cmg_str_starts(s, CMG_LIT("\xfe\xff")))
        return cmg_str_from(s, 2);
    if (cmg_str_starts(s, CMG_LIT("\xef\xbf\xbd\xef\xbf\xbd")))
        return cmg_str_from(s, 6);
    return s;
}

static bool is_utf8(cmg_str s)
{
    return cmg_utf8_valid(s) == s.len;
}

bool cmg_torn(cmg_str line)
{
    size_t n[2], places;
    if (line.len < LEAST || !memchr(line.ptr, 0, LEAST))
        return false;
    line = without_mark(line);
    count(line, is_utf8(line), n, &places);
    size_t most = n[0] > n[1] ? n[0] : n[1], least = n[0] + n[1] - most, half = places / 2;
    return half && most * 4 >= half * 3 && least * 8 <= half;
}

static enum cmg_rc narrow(cmg_str line, struct cmg_buf *bytes)
{
    bool utf8 = is_utf8(line);
    bytes->len = 0;
    enum cmg_rc rc = cmg_buf_reserve(bytes, line.len);
    for (size_t i = 0, n; rc == CMG_OK && i < line.len; i += n) {
        n = width(line, i, utf8);
        bytes->ptr[bytes->len++] = byte_of(line, i, n);
    }
    return rc;
}

/* Windows writes the low byte first. Where the NULs stand first, it is the second half of the line
 * feed before that came along; for text of the high byte first the result is the same, as long as
 * it is ASCII. */
enum cmg_rc cmg_mend(cmg_str line, struct cmg_buf *bytes, struct cmg_buf *out)
{
    size_t n[2], places, replaced;
    enum cmg_rc rc = narrow(without_mark(line), bytes);
    if (rc != CMG_OK)
        return rc;
    line = cmg_buf_str(bytes);
    count(line, false, n, &places);
    if (n[0] > n[1])
        line = cmg_str_from(line, 1);
    if (line.len % 2 && line.ptr[line.len - 1]) {
        rc = cmg_buf_add(bytes, CMG_LIT("\0")); /* the last letter's NUL stayed behind */
        line = cmg_str_cut(cmg_buf_str(bytes), bytes->len - 1 - line.len, bytes->len);
    } else if (line.len % 2) {
        line.len--;
    }
    if (rc != CMG_OK)
        return rc;
    return cmg_utf8_from(CMG_ENC_UTF16LE, line, out, &replaced);
}
