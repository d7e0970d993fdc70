/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as the image of a catalogue: refused, or a catalogue whose every part can be read and
 * written again.
 *
 * An input that begins with '=' is an image. Any other is a list of changes to the built-in image,
 * five bytes each: where (modulo its length) and which byte; what is left over at the end says how
 * much of it to keep. */
#include "enrich/catalog_image.h"

#include <stdlib.h>

static size_t sum;

static void touch(cmg_str s)
{
    for (size_t i = 0; i < s.len; i++)
        sum += (unsigned char)s.ptr[i];
}

static void touch_remedies(const struct cmg_catalog *c, const struct cmg_remedy *const *at,
                           size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (at[i] < c->remedy || at[i] >= c->remedy + c->remedies)
            abort();
        touch(at[i]->id);
    }
}

static void touch_all(const struct cmg_catalog *c)
{
    for (size_t i = 0; i < c->entries; i++) {
        touch(c->entry[i].slug);
        touch_remedies(c, c->entry[i].remedy, c->entry[i].remedies);
        for (size_t k = 0; k < c->entry[i].consequence_of.n; k++)
            touch(c->entry[i].consequence_of.at[k]);
    }
    for (size_t i = 0; i < c->rules; i++)
        for (size_t k = 0; k < c->rule[i].tokens; k++)
            touch(c->token[c->rule[i].token[k]]);
    for (size_t i = 0; i < c->causes; i++)
        touch_remedies(c, c->cause[i].remedy, c->cause[i].remedies);
    for (size_t i = 0; i < c->codes; i++)
        if (cmg_catalog_code(c, c->code[i].table, c->code[i].value) != &c->code[i])
            abort();
}

static void try_image(const uint8_t *data, size_t size)
{
    struct cmg_error e;
    struct cmg_catalog *c = cmg_catalog_open(data, size, &e);
    if (!c)
        return;
    touch_all(c);
    struct cmg_buf out = cmg_buf_init(CMG_CATALOG_IMAGE_MAX);
    if (cmg_catalog_write(c, &out) != CMG_OK || out.len != size || memcmp(out.ptr, data, size) != 0)
        abort(); /* an image has one spelling */
    cmg_buf_done(&out);
    cmg_catalog_free(c);
}

static void try_changed(const uint8_t *data, size_t size)
{
    cmg_str good = cmg_catalog_builtin();
    size_t keep = good.len;
    uint8_t *image = malloc(good.len);
    if (!image)
        abort();
    memcpy(image, good.ptr, good.len);
    for (; size >= 5; data += 5, size -= 5) {
        size_t at =
            ((size_t)data[0] << 24 | (size_t)data[1] << 16 | (size_t)data[2] << 8 | data[3]) %
            good.len;
        image[at] = data[4];
    }
    for (; size; data++, size--)
        keep = keep * data[0] / 255;
    try_image(image, keep);
    free(image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size && data[0] == '=')
        try_image(data + 1, size - 1);
    else
        try_changed(data, size);
    return 0;
}
