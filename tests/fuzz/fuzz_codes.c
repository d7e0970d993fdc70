/* SPDX-License-Identifier: Apache-2.0
 * Error numbers in any bytes: positions inside the text, values that a person could type back, and
 * the same answer for any cap. */
#include "enrich/codes.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_hit(size_t size, const struct cmg_code_hit *hit)
{
    char typed[16];
    uint32_t back;
    int n = snprintf(typed, sizeof typed, "0x%08x", hit->hresult);
    if (hit->at >= size || !cmg_code_parse(cmg_str_of(typed, (size_t)n), &back) ||
        back != hit->hresult)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cmg_str text = cmg_str_of((const char *)data, size);
    struct cmg_code_hit hits[CMG_CODES_MAX], one;
    uint32_t value;

    size_t n = cmg_codes_scan(text, hits, CMG_CODES_MAX);
    if (cmg_codes_scan(text, &one, 1) != (n ? 1 : 0) || (n && one.hresult != hits[0].hresult))
        abort();
    for (size_t i = 0; i < n; i++)
        check_hit(size, &hits[i]);
    return cmg_code_parse(text, &value) && !value;
}
