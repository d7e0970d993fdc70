/* SPDX-License-Identifier: Apache-2.0
 * The bound that cmgpipe is measured against: the work that nobody can leave out. Reads the file in
 * blocks, walks its lines, scans each message with the same matcher for the same words (the
 * built-in catalogue's and those of the field reader), and copies the line to the output. It
 * decodes nothing, judges nothing and writes no JSON.
 *
 *     bench_bound FILE [OVERLAY.json] > /dev/null        prints records and words found on stderr
 */
#include "tests/bench/bench.h"

#include "enrich/extract.h"
#include "enrich/match.h"

#include <fcntl.h>

enum { LINE_MAX_BYTES = 4 << 20 };

struct bound {
    struct cmg_matcher *matcher;
    char *out;
    size_t out_len;
    uint64_t records, hits;
};

static struct cmg_matcher *make_matcher(const char *overlay)
{
    struct cmg_error err;
    cmg_str image = bench_catalog(overlay);
    struct cmg_catalog *c = cmg_catalog_open(image.ptr, image.len, &err);
    cmg_str *words = c ? malloc((c->tokens + cmg_extract_tokens_len) * sizeof *words) : NULL;
    if (!words)
        return NULL;
    memcpy(words, c->token, c->tokens * sizeof *words);
    memcpy(words + c->tokens, cmg_extract_tokens, cmg_extract_tokens_len * sizeof *words);
    struct cmg_matcher *m = cmg_matcher_new(words, c->tokens + cmg_extract_tokens_len, &err);
    free(words);
    cmg_catalog_free(c);
    return m;
}

/* The message, cut out as cheaply as the three formats allow. */
static cmg_str message_of(cmg_str line)
{
    if (line.len > 7 && line.ptr[0] == '<' && line.ptr[1] == '!') {
        const char *at = line.ptr + 7, *end = line.ptr + line.len;
        while ((at = memchr(at, ']', (size_t)(end - at))) &&
               (end - at < 7 || memcmp(at, "]LOG]!>", 7) != 0))
            at++;
        return at ? cmg_str_of(line.ptr + 7, (size_t)(at - line.ptr - 7)) : line;
    }
    const char *dollar = memrchr(line.ptr, '$', line.len);
    return dollar ? cmg_str_head(line, (size_t)(dollar - line.ptr)) : line;
}

static void take_line(struct bound *b, cmg_str line)
{
    struct cmg_hit hits[CMG_HITS_MAX];
    bool more;
    if (b->out_len + line.len > BENCH_BLOCK + LINE_MAX_BYTES)
        line.len = BENCH_BLOCK;
    b->hits += cmg_matcher_scan(b->matcher, message_of(line), hits, CMG_HITS_MAX, &more);
    memcpy(b->out + b->out_len, line.ptr, line.len);
    b->out_len += line.len;
    b->records++;
    if (b->out_len >= BENCH_BLOCK) {
        bench_write(cmg_str_of(b->out, b->out_len));
        b->out_len = 0;
    }
}

/* Takes the whole lines of text[0, len); returns how many bytes they were. */
static size_t take_lines(struct bound *b, const char *text, size_t len)
{
    const char *at = text, *end = text + len, *lf;
    while (at < end && (lf = memchr(at, '\n', (size_t)(end - at)))) {
        take_line(b, cmg_str_of(at, (size_t)(lf + 1 - at)));
        at = lf + 1;
    }
    return (size_t)(at - text);
}

static int take_file(struct bound *b, int fd, char *in)
{
    size_t held = 0;
    ssize_t n;
    while ((n = read(fd, in + held, BENCH_BLOCK)) > 0) {
        held += (size_t)n;
        size_t taken = take_lines(b, in, held);
        held -= taken;
        memmove(in, in + taken, held);
        if (held > LINE_MAX_BYTES)
            return 1;
    }
    if (held)
        take_line(b, cmg_str_of(in, held));
    bench_write(cmg_str_of(b->out, b->out_len));
    return n < 0;
}

static int run(int fd, const char *overlay)
{
    char *in = malloc(BENCH_BLOCK + LINE_MAX_BYTES);
    struct bound b = {make_matcher(overlay), malloc(BENCH_BLOCK + LINE_MAX_BYTES), 0, 0, 0};
    int failed = !in || !b.out || !b.matcher || take_file(&b, fd, in);
    fprintf(stderr, "%llu records, %llu words\n", (unsigned long long)b.records,
            (unsigned long long)b.hits);
    cmg_matcher_free(b.matcher);
    free(b.out);
    free(in);
    return failed;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs("usage: bench_bound FILE [OVERLAY.json]\n", stderr);
        return 2;
    }
    int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        perror(argv[1]);
        return 1;
    }
    int failed = run(fd, argc > 2 ? argv[2] : NULL);
    close(fd);
    return failed;
}
