/* SPDX-License-Identifier: Apache-2.0
 * How far apart two words are: the optimal string alignment distance, for "did you mean". */
#include "cli/options.h"

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static bool is_same(char a, char b)
{
    return cmg_lower(a) == cmg_lower(b);
}

size_t cmg_distance(cmg_str a, cmg_str b)
{
    size_t rows[3][CMG_SUGGEST_MAX + 1];
    size_t *before = rows[0], *above = rows[1], *now = rows[2];
    a = cmg_str_head(a, CMG_SUGGEST_MAX);
    b = cmg_str_head(b, CMG_SUGGEST_MAX);
    for (size_t j = 0; j <= b.len; j++)
        above[j] = before[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        now[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t change = above[j - 1] + !is_same(a.ptr[i - 1], b.ptr[j - 1]);
            now[j] = least(change, 1 + least(above[j], now[j - 1]));
            if (i > 1 && j > 1 && is_same(a.ptr[i - 1], b.ptr[j - 2]) &&
                is_same(a.ptr[i - 2], b.ptr[j - 1]))
                now[j] = least(now[j], before[j - 2] + 1);
        }
        size_t *spare = before;
        before = above;
        above = now;
        now = spare;
    }
    return above[b.len];
}
