/* SPDX-License-Identifier: Apache-2.0
 * The pipeline up to a stage, through the library's own interface and without the program around
 * it, so that the difference of two stages is what the second one costs.
 *
 *     bench_stages read|decode|enrich|json FILE [OVERLAY.json] > /dev/null
 *
 * Prints records, findings and bytes of JSON on stderr. "decode" is the stream without enrichment:
 * the linker puts the functions below in the place of the two that the stream calls (--wrap). */
#include "tests/bench/bench.h"

#include "enrich/enrich.h"

#include <fcntl.h>

enum stage { READ, DECODE, ENRICH, JSON, STAGES };

static enum stage stage;

void __real_cmg_enrich(const struct cmg_enricher *e, struct cmg_corr *c, uint64_t stream,
                       struct cmg_record *r);
void __wrap_cmg_enrich(const struct cmg_enricher *e, struct cmg_corr *c, uint64_t stream,
                       struct cmg_record *r);
bool __real_cmg_enrich_due(const struct cmg_enricher *e, struct cmg_corr *c, uint64_t stream,
                           int64_t now_ns, bool all, struct cmg_record *ret);
bool __wrap_cmg_enrich_due(const struct cmg_enricher *e, struct cmg_corr *c, uint64_t stream,
                           int64_t now_ns, bool all, struct cmg_record *ret);

void __wrap_cmg_enrich(const struct cmg_enricher *e, struct cmg_corr *c, uint64_t stream,
                       struct cmg_record *r)
{
    if (stage >= ENRICH)
        __real_cmg_enrich(e, c, stream, r);
}

bool __wrap_cmg_enrich_due(const struct cmg_enricher *e, struct cmg_corr *c, uint64_t stream,
                           int64_t now_ns, bool all, struct cmg_record *ret)
{
    return stage >= ENRICH && __real_cmg_enrich_due(e, c, stream, now_ns, all, ret);
}

struct counts {
    uint64_t records, findings, bytes;
};

static void drain(struct cmg_stream *s, struct cmg_buf *out, struct counts *n)
{
    struct cmg_record r;
    while (cmg_stream_next(s, &r) == CMG_OK) {
        n->records++;
        n->findings += r.finding.role != CMG_ROLE_NONE;
        if (stage < JSON)
            continue;
        if (cmg_record_to_json(&r, out) != CMG_OK)
            exit(1);
        if (out->len >= BENCH_BLOCK) {
            n->bytes += out->len;
            bench_write(cmg_buf_str(out));
            out->len = 0;
        }
    }
}

static bool feed(struct cmg_stream *s, int fd, struct cmg_buf *out, struct counts *n)
{
    for (;;) {
        char *room = cmg_stream_room(s, BENCH_BLOCK);
        ssize_t got = room ? read(fd, room, BENCH_BLOCK) : -1;
        if (got <= 0)
            return got == 0;
        if (stage == READ)
            continue;
        cmg_stream_fed(s, (size_t)got);
        drain(s, out, n);
    }
}

static bool run(const struct cmg_engine *e, const char *path)
{
    struct cmg_buf out = cmg_buf_init((size_t)64 << 20);
    struct cmg_origin origin = {.path = cmg_str_c(path)};
    struct counts n = {0, 0, 0};
    struct cmg_corr *c = cmg_corr_new(0);
    struct cmg_stream *s = c ? cmg_stream_new(e, c, &origin) : NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool good = s && fd >= 0 && feed(s, fd, &out, &n);
    if (good) {
        cmg_stream_end(s);
        drain(s, &out, &n);
        n.bytes += out.len;
        bench_write(cmg_buf_str(&out));
    }
    fprintf(stderr, "%llu records, %llu findings, %llu bytes\n", (unsigned long long)n.records,
            (unsigned long long)n.findings, (unsigned long long)n.bytes);
    close(fd);
    cmg_stream_free(s);
    cmg_corr_free(c);
    cmg_buf_done(&out);
    return good;
}

static enum stage stage_of(const char *name)
{
    static const char *const names[STAGES] = {"read", "decode", "enrich", "json"};
    for (int i = 0; i < STAGES; i++)
        if (strcmp(name, names[i]) == 0)
            return (enum stage)i;
    return STAGES;
}

int main(int argc, char **argv)
{
    stage = argc > 2 ? stage_of(argv[1]) : STAGES;
    if (stage == STAGES) {
        fputs("usage: bench_stages read|decode|enrich|json FILE [OVERLAY.json]\n", stderr);
        return 2;
    }
    struct cmg_error err;
    cmg_str image = bench_catalog(argc > 3 ? argv[3] : NULL);
    struct cmg_options opt = {
        .host = CMG_LIT("bench"), .catalog = image.ptr, .catalog_len = image.len};
    struct cmg_engine *e = cmg_engine_new(&opt, &err);
    if (!e) {
        fprintf(stderr, "bench_stages: %s\n", err.text);
        return 1;
    }
    bool good = run(e, argv[2]);
    cmg_engine_free(e);
    return good ? 0 : 1;
}
