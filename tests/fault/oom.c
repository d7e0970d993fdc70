/* SPDX-License-Identifier: Apache-2.0
 * Every allocation fails once, in turn. The call that needed it says CMG_ENOMEM and leaves its
 * object as it was; repeated, it succeeds, and the records that come out are those of a run without
 * a failure. The loop ends when a failure was not reached, not when a run succeeded: a swallowed
 * failure looks like success. */
#include "tests/fault/inputs.h"
#include "tests/fault/wrap.h"

#include "core/buf.h"

enum { PIECE = 300, RUNS_MAX = 20000 };

/* Calls that reported the failure of this run. */
static unsigned reported;

static void check(bool good, const char *what)
{
    if (good)
        return;
    printf("allocation %llu: %s\n", (unsigned long long)wrap_fail_at, what);
    exit(1);
}

/* Is this the one failure of the run? Then the call is repeated. */
static bool again(enum cmg_rc rc)
{
    check(rc == CMG_OK || rc == CMG_AGAIN || rc == CMG_ENOMEM, "a result that is not ENOMEM");
    if (rc != CMG_ENOMEM)
        return false;
    check(++reported == 1, "ENOMEM without a failed allocation");
    return true;
}

static struct cmg_engine *open_engine(void)
{
    const cmg_str hosts[] = {CMG_LIT("cmg.contoso.example"), CMG_LIT("cmg-eu.contoso.example")};
    const cmg_str points[] = {CMG_LIT("198.51.100.31")};
    struct cmg_options opt = {.host = CMG_LIT("Test"),
                              .now_ns = input_clock,
                              .cmg_hosts = hosts,
                              .n_cmg_hosts = 2,
                              .connection_points = points,
                              .n_connection_points = 1,
                              .decoder = CMG_LIT("")};
    struct cmg_error err = {.rc = CMG_OK};
    struct cmg_engine *e;
    while (!(e = cmg_engine_new(&opt, &err)))
        check(again(err.rc), "an engine that fails without ENOMEM");
    return e;
}

static struct cmg_corr *open_corr(void)
{
    struct cmg_corr *c;
    while (!(c = cmg_corr_new(0)))
        again(CMG_ENOMEM);
    return c;
}

static struct cmg_stream *open_stream(const struct cmg_engine *e, struct cmg_corr *c, size_t input)
{
    struct cmg_origin origin = {.path = cmg_str_c(input_names[input])};
    struct cmg_stream *s;
    while (!(s = cmg_stream_new(e, c, &origin)))
        again(CMG_ENOMEM);
    return s;
}

typedef enum cmg_rc encoder(const struct cmg_record *r, struct cmg_buf *out);

static void encode(encoder *to, const struct cmg_record *r, struct cmg_buf *out)
{
    size_t len = out->len;
    enum cmg_rc rc;
    while (again(rc = to(r, out)))
        check(out->len == len, "an encoder that failed and wrote");
    check(rc == CMG_OK, "an encoder that wants to be called again");
}

static void drain(struct cmg_stream *s, struct cmg_buf *out)
{
    struct cmg_record r;
    enum cmg_rc rc;
    do {
        while (again(rc = cmg_stream_next(s, &r)))
            ;
        if (rc != CMG_OK)
            break;
        encode(cmg_record_to_json, &r, out);
        encode(cmg_record_to_msgpack, &r, out);
        encode(cmg_record_to_text, &r, out);
    } while (rc == CMG_OK);
}

static void feed(struct cmg_stream *s, cmg_str piece)
{
    uint64_t before = cmg_stream_stats(s)->bytes_in;
    while (again(cmg_stream_feed(s, piece)))
        check(cmg_stream_stats(s)->bytes_in == before, "a feed that failed and took bytes");
}

static void run_input(const struct cmg_engine *e, size_t input, struct cmg_buf *out)
{
    cmg_str log = input_load(input);
    struct cmg_corr *c = open_corr();
    struct cmg_stream *s = open_stream(e, c, input);
    for (size_t at = 0; at < log.len; at += PIECE) {
        feed(s, cmg_str_cut(log, at, at + PIECE));
        drain(s, out);
    }
    cmg_stream_end(s);
    drain(s, out);
    const struct cmg_stream_stats *st = cmg_stream_stats(s);
    check(st->bytes_in == log.len && st->bytes_records + st->bytes_skipped == log.len,
          "bytes were lost");
    cmg_stream_free(s);
    cmg_corr_free(c);
}

static struct cmg_buf run(uint64_t fail_at)
{
    struct cmg_buf out = cmg_buf_init(16 << 20);
    wrap_calls = 0;
    wrap_fail_at = fail_at;
    reported = 0;
    struct cmg_engine *e = open_engine();
    for (size_t i = 0; i < INPUTS; i++)
        run_input(e, i, &out);
    cmg_engine_free(e);
    return out;
}

int main(void)
{
    struct cmg_buf want = run(UINT64_MAX);
    uint64_t at = 0, benign = 0;
    check(want.len > 0 && wrap_calls > 0, "nothing came out, or no allocation was seen");
    for (;; at++) {
        struct cmg_buf got = run(at);
        bool reached = wrap_calls > at;
        check(cmg_str_eq(cmg_buf_str(&want), cmg_buf_str(&got)),
              "other records than without a failure");
        benign += reached && !reported;
        cmg_buf_done(&got);
        if (!reached)
            break;
        check(at < RUNS_MAX, "too many allocations");
    }
    printf("%llu allocations, each failed once; %llu had a way around\n", (unsigned long long)at,
           (unsigned long long)benign);
    cmg_buf_done(&want);
    return 0;
}
