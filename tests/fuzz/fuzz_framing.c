/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as messages on a stream: the same ones, however the bytes come, none longer than may
 * be, and nothing invented. The first byte says how the bytes are cut. */
#include "sources/framing.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 64 };

struct list {
    struct cmg_buf text; /* each message behind its length and mark */
    size_t bytes;
};

static void take(struct cmg_framer *f, bool over, struct list *l)
{
    cmg_str s;
    bool cut = false;
    while (cmg_framer_next(f, over, &s, &cut) == CMG_OK) {
        char head[2] = {(char)s.len, (char)cut};
        assert(s.len <= MOST);
        l->bytes += s.len;
        enum cmg_rc rc = cmg_buf_add(&l->text, cmg_str_of(head, 2));
        if (rc == CMG_OK)
            rc = cmg_buf_add(&l->text, s);
        assert(rc == CMG_OK);
    }
}

static struct list split(cmg_str all, size_t step)
{
    struct list l = {.text = cmg_buf_init(64 << 20)};
    struct cmg_framer f = cmg_framer_init(MOST);
    while (all.len) {
        cmg_str piece = cmg_str_head(all, step);
        enum cmg_rc rc = cmg_framer_feed(&f, piece);
        assert(rc == CMG_OK);
        take(&f, false, &l);
        all = cmg_str_from(all, piece.len);
    }
    take(&f, true, &l);
    cmg_framer_done(&f);
    return l;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 64 << 10)
        return 0;
    cmg_str all = cmg_str_of((const char *)data + 1, size - 1);
    struct list whole = split(all, all.len ? all.len : 1), pieces = split(all, 1 + data[0] % 17);
    assert(whole.bytes <= all.len);
    assert(cmg_str_eq(cmg_buf_str(&whole.text), cmg_buf_str(&pieces.text)));
    cmg_buf_done(&whole.text);
    cmg_buf_done(&pieces.text);
    return 0;
}
