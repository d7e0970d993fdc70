/* SPDX-License-Identifier: Apache-2.0
 * Names of the catalogue's enumerations and codes as people type and read them. */
#ifndef CMG_CLI_WORDS_H
#define CMG_CLI_WORDS_H

#include "enrich/catalog.h"

const char *cmg_word_of_level(enum cmg_level level);
const char *cmg_word_of_scope(enum cmg_scope scope);
const char *cmg_word_of_confidence(enum cmg_confidence confidence);
const char *cmg_word_of_table(enum cmg_code_table table);

/* A row's code in its table's own spelling: 0x80072f8f, 403.7, 403, AADSTS50034. */
enum { CMG_SPELLING_MAX = 24 };
const char *cmg_code_spell(enum cmg_code_table table, uint32_t value, char out[CMG_SPELLING_MAX]);

#endif
