/* SPDX-License-Identifier: Apache-2.0
 * Half of the bytes are NULs, and all of them on one side of the letters. */
#include "sources/torn.h"

#include "core/utf.h"

enum { LEAST = 8 };

/* NULs on even and on odd places. */
static void count(cmg_str s, size_t ret[2])
{
    ret[0] = ret[1] = 0;
    for (size_t i = 0; i < s.len; i++)
        ret[i % 2] += !s.ptr[i];
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

bool cmg_torn(cmg_str line)
{
    size_t n[2];
    if (line.len < LEAST || !memchr(line.ptr, 0, LEAST < line.len ? LEAST : line.len))
        return false;
    line = without_mark(line);
    count(line, n);
    size_t most = n[0] > n[1] ? n[0] : n[1], least = n[0] + n[1] - most, half = line.len / 2;
    return most * 4 >= half * 3 && least * 8 <= half;
}

/* Windows writes the low byte first. Where the NULs stand first, it is the second half of the line
 * feed before that came along; for text of the high byte first the result is the same, as long as
 * it is ASCII. */
enum cmg_rc cmg_mend(cmg_str line, struct cmg_buf *out)
{
    size_t n[2], replaced;
    line = without_mark(line);
    count(line, n);
    if (n[0] > n[1])
        line = cmg_str_from(line, 1);
    if (line.len % 2)
        line.len--;
    return cmg_utf8_from(CMG_ENC_UTF16LE, line, out, &replaced);
}
