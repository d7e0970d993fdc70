/* SPDX-License-Identifier: Apache-2.0
 * The catalogue's JSON as a C file, or as an image file for the Fluent Bit plugins.
 *
 *     gencatalog OUT.c PATH...            a constant array and cmg_catalog_builtin()
 *     gencatalog --image OUT PATH...      the image itself
 *
 * Runs on the machine that builds. The output depends on the input alone: no times, no paths. */
#include "enrich/catalog.h"

#include <stdio.h>
#include <stdlib.h>

enum { PER_LINE = 24 };

static void print_fault(const struct cmg_error *e)
{
    if (e->line)
        fprintf(stderr, "%s:%d:%d: %s\n", e->source, e->line, e->column, e->text);
    else
        fprintf(stderr, "%s%s%s\n", e->source, e->source[0] ? ": " : "", e->text);
}

static void write_c(FILE *f, cmg_str image)
{
    fputs("/* Made by gencatalog from enrich/catalog; do not edit. */\n"
          "#include \"enrich/catalog.h\"\n\nstatic const unsigned char image[] = {",
          f);
    for (size_t i = 0; i < image.len; i++)
        fprintf(f, "%s%u,", i % PER_LINE ? "" : "\n    ", (unsigned)(unsigned char)image.ptr[i]);
    fputs("\n};\n\ncmg_str cmg_catalog_builtin(void)\n{\n"
          "    return cmg_str_of((const char *)image, sizeof(image));\n}\n",
          f);
}

static bool write_file(const char *path, cmg_str image, bool as_c)
{
    FILE *f = fopen(path, "wb");
    if (!f) {
        perror(path);
        return false;
    }
    if (as_c)
        write_c(f, image);
    else
        fwrite(image.ptr, 1, image.len, f);
    bool ok = !ferror(f);
    if (fclose(f) != 0 || !ok) {
        perror(path);
        remove(path);
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    bool as_c = argc < 2 || strcmp(argv[1], "--image") != 0;
    int at = as_c ? 1 : 2;
    if (argc < at + 2) {
        fputs("usage: gencatalog [--image] OUT PATH...\n", stderr);
        return 2;
    }
    struct cmg_error e;
    struct cmg_buf image = cmg_buf_init(CMG_CATALOG_IMAGE_MAX);
    enum cmg_rc rc = cmg_catalog_build(cmg_str_of(NULL, 0), (const char *const *)&argv[at + 1],
                                       (size_t)(argc - at - 1), &image, &e);
    if (rc != CMG_OK)
        print_fault(&e);
    bool ok = rc == CMG_OK && write_file(argv[at], cmg_buf_str(&image), as_c);
    cmg_buf_done(&image);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
