/* SPDX-License-Identifier: Apache-2.0
 * The examples and counter-examples of the catalogue, through the real engine: an example ends in
 * exactly one primary record, of its class and scope; a counter-example says nothing of its class.
 */
#include "cmgpipe.h"
#include "enrich/catalog.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>

#define FOLDER CMG_SOURCE_DIR "/enrich/catalog"

enum { TEXT_MAX = 1 << 16, PIECE_MAX = 7 };

/* What the records of a few lines say. */
struct said {
    unsigned primaries, of_class, promoted;
    char primary[64], others[256];
    enum cmg_scope scope;
    enum cmg_role last; /* of the last finding that is a line's own */
};

static struct cmg_engine *engine;

static void start(void)
{
    struct cmg_options opt = {.host = CMG_LIT("test")};
    struct cmg_error err;
    engine = cmg_engine_new(&opt, &err);
    cr_assert_not_null(engine, "%s", err.text);
}

static void stop(void)
{
    cmg_engine_free(engine);
}

TestSuite(examples, .init = start, .fini = stop);

static void note(const struct cmg_record *r, const char *slug, struct said *s)
{
    const struct cmg_finding *f = &r->finding;
    if (f->role == CMG_ROLE_NONE)
        return;
    cr_assert(f->incident[0], "%s: a finding without an incident", slug);
    cmg_str is = f->entry ? f->entry->slug : CMG_LIT("");
    s->of_class += cmg_str_eq(is, cmg_str_c(slug));
    if (!f->promoted[0])
        s->last = f->role;
    if (f->role != CMG_ROLE_PRIMARY)
        return;
    s->primaries++;
    s->promoted += f->promoted[0] != '\0';
    s->scope = f->scope;
    snprintf(s->primary, sizeof(s->primary), "%.*s", (int)is.len, is.ptr);
}

static void drain(struct cmg_stream *st, const char *slug, struct said *s)
{
    struct cmg_record r;
    while (cmg_stream_next(st, &r) == CMG_OK)
        note(&r, slug, s);
}

/* The lines as one log, in pieces of `piece` bytes. */
static struct said run(json_t *lines, const char *slug, size_t piece)
{
    struct said s = {0};
    struct cmg_origin origin = {.path = CMG_LIT("example.log")};
    struct cmg_corr *c = cmg_corr_new(0);
    struct cmg_stream *st = cmg_stream_new(engine, c, &origin);
    struct cmg_buf log = cmg_buf_init(TEXT_MAX);
    cr_assert(c && st);
    for (size_t i = 0; i < json_array_size(lines); i++)
        cr_assert(cmg_buf_add(&log, cmg_str_c(json_string_value(json_array_get(lines, i)))) ==
                      CMG_OK &&
                  cmg_buf_add(&log, CMG_LIT("\n")) == CMG_OK);
    for (size_t at = 0; at < log.len; at += piece) {
        cr_assert(cmg_stream_feed(st, cmg_str_cut(cmg_buf_str(&log), at, at + piece)) == CMG_OK);
        drain(st, slug, &s);
    }
    cmg_stream_end(st);
    drain(st, slug, &s);
    cmg_buf_done(&log);
    cmg_stream_free(st);
    cmg_corr_free(c);
    return s;
}

static enum cmg_role role_of(json_t *example)
{
    const char *role = json_string_value(json_object_get(example, "role"));
    return strcmp(role, "primary") == 0     ? CMG_ROLE_PRIMARY
           : strcmp(role, "candidate") == 0 ? CMG_ROLE_CANDIDATE
                                            : CMG_ROLE_EVIDENCE;
}

static enum cmg_scope scope_of(json_t *example)
{
    const char *scope = json_string_value(json_object_get(example, "scope"));
    return strcmp(scope, "cmg") == 0       ? CMG_SCOPE_CMG
           : strcmp(scope, "not-cmg") == 0 ? CMG_SCOPE_NOT_CMG
                                           : CMG_SCOPE_UNKNOWN;
}

static void check_example(const char *slug, size_t n, json_t *example, size_t piece)
{
    struct said s = run(json_object_get(example, "lines"), slug, piece);
    cr_expect_eq(s.primaries, 1, "%s, example %zu: %u primaries", slug, n, s.primaries);
    cr_expect_str_eq(s.primary, slug, "%s, example %zu: is %s", slug, n, s.primary);
    cr_expect_eq(s.last, role_of(example), "%s, example %zu: role %d", slug, n, (int)s.last);
    cr_expect_eq(s.scope, scope_of(example), "%s, example %zu: scope %d", slug, n, (int)s.scope);
    if (role_of(example) == CMG_ROLE_CANDIDATE)
        cr_expect_eq(s.promoted, 1, "%s, example %zu: answered", slug, n);
}

static void check_counter(const char *slug, size_t n, json_t *example, size_t piece)
{
    struct said s = run(json_object_get(example, "lines"), slug, piece);
    cr_expect_eq(s.of_class, 0, "%s, counter-example %zu: %u findings", slug, n, s.of_class);
}

typedef void checker(const char *slug, size_t n, json_t *example, size_t piece);

/* Whole, and in pieces that fall anywhere. */
static size_t check_list(json_t *class, const char *key, checker *check)
{
    const char *slug = json_string_value(json_object_get(class, "slug"));
    json_t *list = json_object_get(class, key);
    for (size_t i = 0; i < json_array_size(list); i++) {
        check(slug, i + 1, json_array_get(list, i), TEXT_MAX);
        check(slug, i + 1, json_array_get(list, i), 1 + i % PIECE_MAX);
    }
    return json_array_size(list);
}

/* Every class of every file; how many examples were checked. */
static size_t check_all(const char *key, checker *check)
{
    DIR *d = opendir(FOLDER);
    struct dirent *e;
    size_t n = 0;
    cr_assert_not_null(d, "%s", FOLDER);
    while ((e = readdir(d)) != NULL) {
        char path[512];
        if (!cmg_str_ends(cmg_str_c(e->d_name), CMG_LIT(".json")))
            continue;
        snprintf(path, sizeof(path), "%s/%s", FOLDER, e->d_name);
        json_t *file = json_load_file(path, 0, NULL);
        cr_assert_not_null(file, "%s", path);
        json_t *classes = json_object_get(file, "classes");
        for (size_t i = 0; i < json_array_size(classes); i++)
            n += check_list(json_array_get(classes, i), key, check);
        json_decref(file);
    }
    closedir(d);
    return n;
}

Test(examples, each_ends_in_one_primary_of_its_class_and_scope)
{
    size_t n = check_all("examples", check_example);
    cr_assert_geq(n, 30, "only %zu examples", n);
}

Test(examples, counter_examples_stay_quiet)
{
    size_t n = check_all("counter_examples", check_counter);
    cr_assert_geq(n, 30, "only %zu counter-examples", n);
}
