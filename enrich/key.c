/* SPDX-License-Identifier: Apache-2.0
 * What ties records of one log together: the message they name, the client and page of an
 * access-log row, the thread that wrote them, else the log itself. */
#include "enrich/internal.h"

#include <xxhash.h>

enum kind { KIND_MESSAGE = 1, KIND_ROW, KIND_THREAD, KIND_STREAM };

static uint64_t hash(cmg_str s, uint64_t seed)
{
    return XXH3_64bits_withSeed(s.len ? s.ptr : "", s.len, seed);
}

/* Odd multiplier: different numbers stay different. */
static uint64_t seed(uint64_t stream, enum kind kind, uint64_t n)
{
    return (stream ^ n * UINT64_C(0x9e3779b97f4a7c15)) + kind * UINT64_C(0xc2b2ae3d27d4eb4f);
}

uint64_t cmg_key(uint64_t stream, const struct cmg_event *ev, cmg_str message_id)
{
    uint64_t key;
    if (ev->host.len) /* one log of many computers */
        stream = hash(ev->host, stream);
    if (message_id.len)
        key = hash(message_id, seed(stream, KIND_MESSAGE, 0));
    else if (ev->has_http)
        key = hash(ev->http.stem, hash(ev->http.client_ip, seed(stream, KIND_ROW, 0)));
    else if (ev->has_thread)
        key = hash(ev->component, seed(stream, KIND_THREAD, ev->thread));
    else
        key = hash((cmg_str){NULL, 0}, seed(stream, KIND_STREAM, 0));
    return key ? key : 1;
}
