/* SPDX-License-Identifier: Apache-2.0
 * Extraction from any text: every slice lies inside the message, every number in its range. */
#include "enrich/catalog.h"
#include "enrich/extract.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct cmg_cause cause = {
    .flag = 0x8, .symbol = CMG_LIT("WINHTTP_CALLBACK_STATUS_FLAG_INVALID_CA")};
static const struct cmg_catalog catalog = {.cause = &cause, .causes = 1};

static void check_inside(cmg_str text, cmg_str slice)
{
    if (slice.len && (slice.ptr < text.ptr || slice.ptr + slice.len > text.ptr + text.len))
        abort();
}

static void check_facts(cmg_str text, const struct cmg_facts *f)
{
    const cmg_str slices[] = {f->url,         f->host,       f->path,     f->symbol,
                              f->status_text, f->message_id, f->valid_to, f->current_time};
    for (size_t i = 0; i < sizeof slices / sizeof *slices; i++)
        check_inside(text, slices[i]);
    for (size_t i = 0; i < CMG_COUNTERS; i++)
        if (f->counter[i] < -1)
            abort();
    if (f->codes > CMG_CODES_MAX || f->port < -1 || f->status < -1 || f->status > 999 ||
        (f->flag_lines & ~8u))
        abort();
    for (size_t i = 0; i < f->codes; i++)
        if (f->code[i].at >= text.len || !f->code[i].hresult)
            abort();
}

static void check_url(cmg_str text)
{
    struct cmg_url u;
    cmg_url_split(text, &u);
    check_inside(text, u.scheme);
    check_inside(text, u.host);
    check_inside(text, u.path);
    check_inside(text, u.query);
    if (u.port < -1 || u.port > UINT16_MAX)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct cmg_matcher *m;
    struct cmg_error error;
    if (!m)
        m = cmg_matcher_new(cmg_extract_tokens, cmg_extract_tokens_len, &error);
    if (!m)
        abort();
    cmg_str text = cmg_str_of((const char *)data, size);
    struct cmg_hit hits[CMG_HITS_MAX];
    struct cmg_facts facts;
    bool more;
    size_t n = cmg_matcher_scan(m, text, hits, CMG_HITS_MAX, &more);
    cmg_extract(&catalog, text, hits, n, 0, &facts);
    check_facts(text, &facts);
    check_url(text);
    return 0;
}
