/* SPDX-License-Identifier: Apache-2.0
 * The source text of a JSON file, token by token: where a value stands, and whether a parser read
 * what is there.
 *
 * Jansson gives a position for syntax errors only, and 2.14 can return success with a byte missing
 * when an allocation fails inside its lexer. Both are answered from the text itself, without
 * allocating. */
#ifndef CMG_ENRICH_CATALOG_JSON_H
#define CMG_ENRICH_CATALOG_JSON_H

#include "core/str.h"

/* One step from a container into it: the member `key`, or element `index` where key is NULL. */
struct cmg_json_step {
    const char *key;
    size_t index;
};

/* 1-based; the column counts characters. */
struct cmg_json_place {
    int line, column;
};

/* The place of the value that `path` leads to (with `at_key`: of the key of its last step). As far
 * as the path can be followed when it cannot be followed to its end. Any bytes are safe. */
struct cmg_json_place cmg_json_locate(cmg_str text, const struct cmg_json_step *path, size_t steps,
                                      bool at_key);

/* A running digest of a JSON text's tokens in document order. Whoever walks a parsed tree and feeds
 * the same calls gets the same digest exactly when nothing was lost. */
enum cmg_json_kind {
    CMG_JSON_OPEN = '{',
    CMG_JSON_LIST = '[',
    CMG_JSON_STRING = '"',
    CMG_JSON_NUMBER = '0',
    CMG_JSON_WORD = 't'
};
struct cmg_json_digest {
    uint64_t hash;
};
struct cmg_json_digest cmg_json_digest_init(void);
void cmg_json_digest_add(struct cmg_json_digest *d, enum cmg_json_kind kind, cmg_str bytes);

/* The digest of a text, and how deep it nests. */
struct cmg_json_digest cmg_json_digest_of(cmg_str text, size_t *ret_depth);

#endif
