/* SPDX-License-Identifier: Apache-2.0
 * Any text as a catalogue file: refused with a place inside the text, or built. The loader reads
 * files, so the bytes go through one in memory. */
#include "enrich/catalog.h"
#include "enrich/catalog_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static int lines_of(const uint8_t *data, size_t size)
{
    int n = 1;
    for (size_t i = 0; i < size; i++)
        n += data[i] == '\n';
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("catalogue", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    char path[32];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    const char *paths[] = {path};
    struct cmg_buf image = cmg_buf_init(CMG_CATALOG_IMAGE_MAX);
    struct cmg_error e;
    enum cmg_rc rc = cmg_catalog_build(cmg_str_of(NULL, 0), paths, 1, &image, &e);
    if (rc != CMG_OK && rc != CMG_ECONFIG)
        abort(); /* a text is never short of memory or unreadable */
    if (rc != e.rc || (rc == CMG_OK) != (e.text[0] == '\0') || e.line > lines_of(data, size))
        abort();
    cmg_buf_done(&image);
    close(fd);

    static const struct cmg_json_step path_to[] = {
        {"classes", 0}, {NULL, 1}, {"rules", 0}, {NULL, 0}, {"tokens", 0}};
    struct cmg_json_place at =
        cmg_json_locate(cmg_str_of((const char *)data, size), path_to, 5, size & 1);
    if (at.line < 1 || at.column < 1 || at.line > lines_of(data, size))
        abort();
    return 0;
}
