/* SPDX-License-Identifier: Apache-2.0
 * Stands in for libFuzzer where there is none: runs a fuzz target over files, so that everything
 * that was ever found is a test of every build. Folders are walked. Each input is copied to a block
 * of exactly its size, where a sanitizer sees the first byte read too far.
 *
 *     fuzz_NAME FILE|FOLDER... */
#include <errno.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 4 << 20, OPEN_FOLDERS = 16 };

static size_t inputs;

static uint8_t *read_all(FILE *f, size_t *ret_size)
{
    uint8_t *block = malloc(INPUT_MAX);
    if (!block)
        return NULL;
    *ret_size = fread(block, 1, INPUT_MAX, f);
    uint8_t *exact = malloc(*ret_size ? *ret_size : 1);
    if (exact)
        memcpy(exact, block, *ret_size);
    free(block);
    return exact;
}

static int replay(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)ftw;
    if (type != FTW_F)
        return 0;
    FILE *f = fopen(path, "rb");
    if (!f)
        return 0;
    size_t size;
    uint8_t *data = read_all(f, &size);
    fclose(f);
    if (!data)
        return 1;
    /* Named before it runs: the last line of a crash is its input. */
    fprintf(stderr, "%s (%zu bytes)\n", path, size);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    inputs++;
    return 0;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (nftw(argv[i], replay, OPEN_FOLDERS, FTW_PHYS) != 0)
            fprintf(stderr, "%s: %s\n", argv[i], strerror(errno));
    printf("%zu inputs\n", inputs);
    return inputs ? 0 : 1;
}
