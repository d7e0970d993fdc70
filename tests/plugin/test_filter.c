/* SPDX-License-Identifier: Apache-2.0
 * The filter in a host that is none: what it does to chunks, sound and broken, on a small stack. */
#include "tests/plugin/host.h"

#include "plugin/event.h"

typedef int init_fn(void *ins, void *config, void *data);
typedef int filter_fn(const void *data, size_t bytes, const char *tag, int tag_len, void **out,
                      size_t *out_size, void *ins, void *i_ins, void *context, void *config);
typedef int exit_fn(void *context, void *config);

enum { MODIFIED = 1, NOTOUCH = 2 };

/* As far as a host of 2.2 copies it. */
struct plugin {
    int event_type, flags;
    char *name, *description;
    void *config_map, *pre_run;
    init_fn *init;
    filter_fn *filter;
    exit_fn *exit;
};

/* ---- what the host exports: found by dlsym() ----------------------------------------------- */

static void *context;

void flb_log_print(int level, const char *file, int line, const char *format, ...);
const char *flb_filter_get_property(const char *name, void *ins);
void flb_filter_set_context(void *ins, void *new_context);

void flb_log_print(int level, const char *file, int line, const char *format, ...)
{
    va_list args;
    (void)level, (void)file, (void)line;
    va_start(args, format);
    host_say(format, args);
    va_end(args);
}

const char *flb_filter_get_property(const char *name, void *ins)
{
    cr_assert_eq(ins, &properties);
    return host_property(name);
}

void flb_filter_set_context(void *ins, void *new_context)
{
    cr_assert_eq(ins, &properties);
    context = new_context;
}

/* ---- one instance -------------------------------------------------------------------------- */

static void *handle;
static struct plugin plugin;
static struct cmg_buf chunk, result;
static int answer;
static const char *tag;

static void call_init(void)
{
    context = NULL;
    answer = plugin.init(&properties, NULL, NULL);
}

static void call_filter(void)
{
    void *out = NULL;
    size_t size = 0;
    char *exact = malloc(chunk.len ? chunk.len : 1); /* one byte too far is seen */
    cr_assert(exact);
    if (chunk.len)
        memcpy(exact, chunk.ptr, chunk.len);
    answer = plugin.filter(exact, chunk.len, tag, (int)strlen(tag), &out, &size, &properties, NULL,
                           context, NULL);
    result.len = 0;
    if (answer == MODIFIED)
        put_bytes(&result, out, size);
    else
        put_bytes(&result, exact, chunk.len);
    free(exact);
    free(out);
}

static void call_exit(void)
{
    cr_assert_eq(plugin.exit(context, NULL), 0);
}

static void begin(const char *const *p)
{
    properties = p;
    said[0] = '\0';
    on_small_stack(call_init);
}

static void open_plugin(void)
{
    handle = dlopen(CMG_PLUGIN_FOLDER "/flb-filter_cmgpipe.so", RTLD_NOW | RTLD_LOCAL);
    cr_assert(handle, "%s", dlerror());
    const void *symbol = dlsym(handle, "filter_cmgpipe_plugin");
    cr_assert(symbol);
    memcpy(&plugin, symbol, sizeof plugin);
    chunk = cmg_buf_init((size_t)64 << 20);
    result = cmg_buf_init((size_t)512 << 20);
    tag = "logs";
}

static void close_plugin(void)
{
    cmg_buf_done(&chunk);
    cmg_buf_done(&result);
    dlclose(handle);
}

TestSuite(filter, .init = open_plugin, .fini = close_plugin);

/* Body of event `n` of the result, as Jansson reads it. */
static json_t *body(size_t n)
{
    cmg_str rest = cmg_buf_str(&result);
    struct cmg_flb_event e;
    struct cmg_buf text = cmg_buf_init(1 << 20);
    bool is_event;
    for (size_t i = 0; i <= n; i++)
        cr_assert(cmg_flb_next(&rest, &e, &is_event) && is_event, "no event %zu", i);
    cr_assert(cmg_flb_json(&text, e.body) == CMG_OK);
    json_error_t err;
    json_t *j = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &err);
    cr_assert(j, "%s: %.*s", err.text, (int)text.len, text.ptr);
    cmg_buf_done(&text);
    return j;
}

static size_t count_events(void)
{
    cmg_str rest = cmg_buf_str(&result);
    struct cmg_flb_event e;
    bool is_event;
    size_t n = 0;
    while (cmg_flb_next(&rest, &e, &is_event))
        n += is_event;
    return n;
}

/* "a.b.c" of an event; empty when there is none. */
static const char *field(size_t n, const char *path)
{
    static char text[8][4096];
    static unsigned turn;
    char *out = text[turn++ % 8], name[128];
    json_t *j = body(n), *at = j;
    for (const char *p = path; at && *p;) {
        size_t len = strcspn(p, ".");
        snprintf(name, sizeof name, "%.*s", (int)len, p);
        at = json_object_get(at, name);
        p += len + (p[len] == '.');
    }
    snprintf(out, sizeof text[0], "%s", json_is_string(at) ? json_string_value(at) : "");
    json_decref(j);
    return out;
}

static void run(void)
{
    on_small_stack(call_filter);
}

/* ---- ordinary work ------------------------------------------------------------------------- */

static const char *const none[] = {NULL};

Test(filter, events_become_records)
{
    begin(none);
    cr_assert_eq(answer, 0, "%s", said);
    EVENT(&chunk, "log", BAD_STATUS("01"), "extra", "kept");
    EVENT(&chunk, "log", FORBIDDEN("01"));
    EVENT(&chunk, "other", "not ours");
    run();
    cr_assert_eq(answer, MODIFIED);
    cr_assert_eq(count_events(), 3);
    cr_expect_str_eq(field(0, "cmgpipe.incident.role"), "candidate");
    cr_expect_str_eq(field(0, "extra"), "kept");
    cr_expect_str_eq(field(0, "log.logger"), "LocationServices");
    cr_expect_str_eq(field(1, "cmgpipe.incident.role"), "primary");
    cr_expect_str_eq(field(1, "error.type"), "cmgconnector-403-forbidden");
    cr_expect_str_eq(field(1, "cmgpipe.incident.id"), field(0, "cmgpipe.incident.id"));
    cr_expect_str_eq(field(2, "other"), "not ours");
    cr_expect_str_eq(field(2, "cmgpipe.decoder"), "");
    on_small_stack(call_exit);
}

/* Memory looks back over chunks, for each tag on its own. */
Test(filter, incidents_go_on_in_a_later_chunk_of_the_tag)
{
    begin(none);
    EVENT(&chunk, "log", BAD_STATUS("01"));
    run();
    char *incident = strdup(field(0, "cmgpipe.incident.id"));
    chunk.len = 0;
    EVENT(&chunk, "log", FORBIDDEN("01"));
    tag = "others";
    run();
    cr_expect_str_neq(field(0, "cmgpipe.incident.id"), incident);
    tag = "logs";
    run();
    cr_expect_str_eq(field(0, "cmgpipe.incident.id"), incident);
    free(incident);
    on_small_stack(call_exit);
}

/* A candidate that nothing answers comes out with the event whose time closes its window. */
Test(filter, promotes_in_a_later_batch)
{
    begin(none);
    EVENT(&chunk, "log", BAD_STATUS("01"));
    run();
    cr_assert_eq(count_events(), 1);
    char *candidate = strdup(field(0, "event.id"));
    chunk.len = 0;
    EVENT(&chunk, "log",
          "<![LOG[later]LOG]!><time=\"10:09:00.000+000\" date=\"03-04-2026\" "
          "component=\"LocationServices\" context=\"\" type=\"1\" thread=\"7\" file=\"a.cpp:1\">");
    run();
    cr_assert_eq(count_events(), 2);
    cr_expect_str_eq(field(0, "message"), "later");
    cr_expect_str_eq(field(1, "cmgpipe.incident.promoted"), candidate);
    cr_expect_str_eq(field(1, "cmgpipe.incident.role"), "primary");
    free(candidate);
    on_small_stack(call_exit);
}

Test(filter, properties)
{
    static const char *const p[] = {"prefix",   "cmg.", "keep_source", "on",   "only", "primary",
                                    "path_key", "file", "host_key",    "host", NULL};
    begin(p);
    cr_assert_eq(answer, 0, "%s", said);
    EVENT(&chunk, "log", BAD_STATUS("01"), "file", "a.log", "host", "PC1");
    EVENT(&chunk, "log", FORBIDDEN("01"), "file", "a.log", "host", "PC1");
    run();
    cr_assert_eq(count_events(), 1);
    json_t *j = body(0);
    cr_expect(json_is_string(json_object_get(j, "log")), "the source is kept");
    json_t *host = json_object_get(j, "cmg.host");
    cr_expect_str_eq(json_string_value(json_object_get(host, "name")), "pc1");
    json_decref(j);
    on_small_stack(call_exit);
}

/* ---- what is no event ---------------------------------------------------------------------- */

/* Group markers (times -1 and -2), numbers, old events without metadata, and bodies without a text
 * of ours: byte for byte as they came. */
Test(filter, leaves_alone_what_it_does_not_know)
{
    static const char start[] = "\x92\x92\xd7\x00\xff\xff\xff\xff\x00\x00\x00\x00\x80\x81\xa1g\x01",
                      end[] = "\x92\x92\xd7\x00\xff\xff\xff\xfe\x00\x00\x00\x00\x80\x80",
                      odd[] = "\x93\x01\x02\xc0\xc3\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00",
                      old[] = "\x92\xce\x60\x00\x00\x00\x81\xa3xyz\x01";
    begin(none);
    put_bytes(&chunk, start, sizeof start - 1);
    put_bytes(&chunk, odd, sizeof odd - 1);
    put_bytes(&chunk, old, sizeof old - 1);
    EVENT(&chunk, "other", "text");
    put_bytes(&chunk, end, sizeof end - 1);
    run();
    cr_assert_eq(result.len, chunk.len);
    cr_assert(memcmp(result.ptr, chunk.ptr, chunk.len) == 0);
    on_small_stack(call_exit);
}

Test(filter, reads_events_of_old_hosts)
{
    begin(none);
    put_byte(&chunk, 0x92);
    put_byte(&chunk, 0xCE);
    put_bytes(&chunk, "\x6a\xb1\x3b\x80", 4);
    put_byte(&chunk, 0x81);
    put_text(&chunk, "log");
    put_text(&chunk, FORBIDDEN("01"));
    run();
    cr_expect_str_eq(field(0, "error.type"), "cmgconnector-403-forbidden");
    on_small_stack(call_exit);
}

/* Any part of a chunk, and any byte of it changed: never a crash, nothing read beyond the end. */
Test(filter, survives_broken_chunks, .timeout = 120)
{
    struct cmg_buf sound = cmg_buf_init(1 << 20);
    begin(none);
    EVENT(&sound, "log", BAD_STATUS("01"), "extra", "x");
    EVENT(&sound, "message", "text", "log", FORBIDDEN("02"));
    for (size_t n = 0; n <= sound.len; n++) {
        chunk.len = 0;
        put_bytes(&chunk, sound.ptr, n);
        run();
    }
    for (size_t n = 0; n < sound.len; n++) {
        chunk.len = 0;
        put_bytes(&chunk, sound.ptr, sound.len);
        chunk.ptr[n] = (char)(chunk.ptr[n] ^ (n % 2 ? 0x80 : 0x1f));
        run();
    }
    cmg_buf_done(&sound);
    on_small_stack(call_exit);
}

Test(filter, takes_a_chunk_of_2_mib, .timeout = 120)
{
    size_t n = 0;
    begin(none);
    for (; chunk.len < (size_t)2 << 20; n++)
        EVENT(&chunk, "log", FORBIDDEN("01"));
    run();
    cr_assert_eq(count_events(), n);
    on_small_stack(call_exit);
}

/* ---- start and end ------------------------------------------------------------------------- */

static const struct {
    const char *name, *value, *word;
} faults[] = {
    {"only", "some", "only some"},
    {"lang", "de", "lang de"},
    {"min_level", "loud", "min_level loud"},
    {"keep_source", "perhaps", "keep_source perhaps"},
    {"max_record", "10", "max_record 10"},
    {"max_record", "12x", "max_record 12x"},
    {"correlation_bytes", "1", "correlation_bytes 1"},
    {"timezone", "Mars", "timezone Mars"},
    {"catalog", "/nonexistent/own.cat", "catalog /nonexistent/own.cat"},
    {"catalog", CMG_SOURCE_DIR "/README.md", "README.md"},
};

Test(filter, a_wrong_value_is_one_line)
{
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        const char *const p[] = {faults[i].name, faults[i].value, NULL};
        begin(p);
        cr_expect_eq(answer, -1, "%s %s", faults[i].name, faults[i].value);
        cr_expect(strstr(said, faults[i].word), "%s: %s", faults[i].word, said);
        cr_expect_eq(strchr(said, '\n'), said + strlen(said) - 1, "%s", said);
        cr_expect_null(context);
    }
}

/* Hot reload: a new instance beside the old one, which then ends. Leaks are the sanitizer's. */
Test(filter, starts_and_ends_again)
{
    for (int i = 0; i < 3; i++) {
        begin(none);
        cr_assert_eq(answer, 0);
        void *old = context;
        chunk.len = 0;
        EVENT(&chunk, "log", BAD_STATUS("01"));
        run();
        begin(none);
        void *fresh = context;
        context = old;
        on_small_stack(call_exit);
        context = fresh;
        run();
        cr_expect_str_eq(field(0, "cmgpipe.incident.role"), "candidate");
        on_small_stack(call_exit);
    }
}
