/* SPDX-License-Identifier: Apache-2.0
 * Many words at once in one text: a Wu-Manber skip scanner with 4-byte blocks, ASCII case folded.
 *
 * Each token is entered by its rarest window of at most CMG_MATCH_WINDOW bytes; tokens shorter than
 * that go to a second, smaller set with their own window. No input costs more than 20 times the
 * ordinary work per byte. Immutable after new; shared by threads. */
#ifndef CMG_ENRICH_MATCH_H
#define CMG_ENRICH_MATCH_H

#include "core/str.h"

enum {
    CMG_MATCH_WINDOW = 10,
    CMG_MATCH_SHORTEST = 4,
    CMG_MATCH_LONGEST = 512,
    CMG_MATCH_WORDS_MAX = 8192,
    CMG_HITS_MAX = 48,
};

struct cmg_hit {
    uint32_t token; /* index in the array given to new */
    uint32_t end;   /* byte behind the match, in the text */
};

/* `tokens` are copied. NULL: ECONFIG when one is shorter than CMG_MATCH_SHORTEST or longer than
 * CMG_MATCH_LONGEST, ELIMIT when there are more than CMG_MATCH_WORDS_MAX, ENOMEM. Duplicates
 * (ignoring case) are allowed and each reported. */
CMG_MUST_USE struct cmg_matcher *cmg_matcher_new(const cmg_str *tokens, size_t n,
                                                 struct cmg_error *reterr);
void cmg_matcher_free(struct cmg_matcher *m);
/* The FIRST occurrence of every token that occurs in `text`, in no particular order, at most `cap`;
 * each token at most once. Returns how many; *ret_more is set when there were more than `cap`. A
 * token that ends in a digit does not match where a digit follows. Texts over 4 GiB are cut. */
size_t cmg_matcher_scan(const struct cmg_matcher *m, cmg_str text, struct cmg_hit *hits, size_t cap,
                        bool *ret_more);

#endif
