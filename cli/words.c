/* SPDX-License-Identifier: Apache-2.0
 * Names of enumerations. See words.h. */
#include "cli/words.h"

#include <stdio.h>

const char *cmg_word_of_level(enum cmg_level level)
{
    static const char *const words[] = {[CMG_LEVEL_NONE] = "none",
                                        [CMG_LEVEL_VERBOSE] = "verbose",
                                        [CMG_LEVEL_INFO] = "info",
                                        [CMG_LEVEL_WARNING] = "warning",
                                        [CMG_LEVEL_ERROR] = "error"};
    return words[level];
}

const char *cmg_word_of_scope(enum cmg_scope scope)
{
    static const char *const words[] = {[CMG_SCOPE_UNKNOWN] = "by-evidence",
                                        [CMG_SCOPE_CMG] = "cmg",
                                        [CMG_SCOPE_NOT_CMG] = "not-cmg"};
    return words[scope];
}

const char *cmg_word_of_confidence(enum cmg_confidence confidence)
{
    static const char *const words[] = {[CMG_CONFIDENCE_LOW] = "low",
                                        [CMG_CONFIDENCE_MEDIUM] = "medium",
                                        [CMG_CONFIDENCE_HIGH] = "high"};
    return words[confidence];
}

const char *cmg_word_of_table(enum cmg_code_table table)
{
    static const char *const words[CMG_TABLES] = {
        [CMG_TABLE_WINHTTP] = "winhttp",   [CMG_TABLE_HRESULT] = "hresult",
        [CMG_TABLE_BITS] = "bits",         [CMG_TABLE_IIS] = "iis",
        [CMG_TABLE_HTTP] = "http",         [CMG_TABLE_AADSTS] = "aadsts",
        [CMG_TABLE_SCHANNEL] = "schannel", [CMG_TABLE_ALERT] = "tls-alert"};
    return words[table];
}

const char *cmg_code_spell(enum cmg_code_table table, uint32_t value, char out[CMG_SPELLING_MAX])
{
    if (table == CMG_TABLE_IIS)
        snprintf(out, CMG_SPELLING_MAX, "%u.%u", value / 1000, value % 1000);
    else if (table == CMG_TABLE_HTTP || table == CMG_TABLE_SCHANNEL || table == CMG_TABLE_ALERT)
        snprintf(out, CMG_SPELLING_MAX, "%u", value);
    else if (table == CMG_TABLE_AADSTS)
        snprintf(out, CMG_SPELLING_MAX, "AADSTS%u", value);
    else
        snprintf(out, CMG_SPELLING_MAX, "0x%08x", value);
    return out;
}
