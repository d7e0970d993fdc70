/* SPDX-License-Identifier: Apache-2.0
 * Any bytes in any encoding become valid UTF-8; valid UTF-8 stays as it is, and survives the JSON
 * writer. */
#include "core/json.h"
#include "core/time.h"
#include "core/utf.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_conversion(enum cmg_encoding enc, cmg_str in)
{
    struct cmg_buf out = cmg_buf_init(3 * in.len + 3);
    size_t replaced = 0;
    enum cmg_rc rc = cmg_utf8_from(enc, in, &out, &replaced);
    assert(rc == CMG_OK);
    cmg_str text = cmg_buf_str(&out);
    assert(cmg_utf8_valid(text) == text.len && cmg_utf8_cut(text) == 0);
    bool odd = in.len % 2 && enc != CMG_ENC_CP1252;
    if (enc != CMG_ENC_UTF8)
        assert(cmg_utf8_source_len(enc, text) == in.len + odd);
    else
        assert((replaced == 0) == (cmg_utf8_valid(in) == in.len));
    cmg_buf_done(&out);
}

/* The front is valid, what follows is not: neither one more byte nor, unless the text ends in the
 * middle of a character, any four. */
static void check_valid(cmg_str in)
{
    size_t n = cmg_utf8_valid(in), cut = cmg_utf8_cut(in);
    assert(n <= in.len && cut <= 3 && cut <= in.len);
    assert(cmg_utf8_valid(cmg_str_head(in, n)) == n);
    for (size_t more = 1; more <= 4 && n + more <= in.len; more++)
        assert(cmg_utf8_valid(cmg_str_head(in, n + more)) == n);
    if (cut)
        assert(cmg_utf8_cut(cmg_str_head(in, in.len - cut)) == 0 ||
               cmg_utf8_valid(in) < in.len - cut);
}

static void check_json(cmg_str in)
{
    struct cmg_buf out = cmg_buf_init(6 * in.len + 4096);
    enum cmg_rc rc = cmg_json_add(&out, in);
    assert(rc == CMG_OK && out.len >= in.len + 2);
    for (size_t i = 0; i < out.len; i++)
        assert((unsigned char)out.ptr[i] >= 0x20);
    cmg_buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cmg_str in = cmg_str_of((const char *)data, size);
    struct cmg_time t;
    check_valid(in);
    for (int enc = CMG_ENC_UTF8; enc <= CMG_ENC_UTF16BE; enc++)
        check_conversion((enum cmg_encoding)enc, in);
    check_json(in);
    if (cmg_rfc3339_read(in, &t)) {
        char text[CMG_RFC3339_MAX];
        struct cmg_time again;
        bool ok = cmg_rfc3339_read(cmg_str_of(text, cmg_rfc3339_write(t.ns, text)), &again);
        assert(ok && again.ns == t.ns);
    }
    return 0;
}
