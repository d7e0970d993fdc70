/* SPDX-License-Identifier: Apache-2.0
 *
 * Matcher: the input's first lines are tokens, the rest, behind an empty line, is the text. Every
 * hit must be an occurrence, and every token that occurs must be hit. */
#include "enrich/match.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TOKENS = 64 };

static bool occurs(cmg_str text, cmg_str token, size_t *ret_end)
{
    for (size_t i = 0; i + token.len <= text.len; i++) {
        cmg_str rest = cmg_str_from(text, i + token.len);
        bool cut = cmg_is_digit(token.ptr[token.len - 1]) && rest.len && cmg_is_digit(rest.ptr[0]);
        if (!cut && cmg_str_istarts(cmg_str_from(text, i), token)) {
            *ret_end = i + token.len;
            return true;
        }
    }
    return false;
}

static size_t take_tokens(cmg_str *in, cmg_str *token)
{
    size_t n = 0;
    while (in->len && in->ptr[0] != '\n') {
        size_t end = cmg_str_chr(*in, '\n');
        cmg_str line = cmg_str_head(*in, end);
        if (n < TOKENS && line.len >= CMG_MATCH_SHORTEST && line.len <= CMG_MATCH_LONGEST)
            token[n++] = line;
        *in = cmg_str_from(*in, line.len + 1);
    }
    *in = cmg_str_from(*in, 1);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cmg_str text = cmg_str_of((const char *)data, size), token[TOKENS];
    struct cmg_hit hits[TOKENS];
    struct cmg_error error;
    size_t n = take_tokens(&text, token), expected = 0;
    bool more;

    struct cmg_matcher *m = cmg_matcher_new(token, n, &error);
    if (!m)
        abort();
    size_t got = cmg_matcher_scan(m, text, hits, TOKENS, &more);
    for (size_t i = 0; i < n; i++) {
        size_t end;
        if (!occurs(text, token[i], &end))
            continue;
        size_t k = 0;
        while (k < got && hits[k].token != i)
            k++;
        if (k == got || hits[k].end != end)
            abort();
        expected++;
    }
    if (expected != got || more)
        abort();
    cmg_matcher_free(m);
    return 0;
}
