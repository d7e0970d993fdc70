/* SPDX-License-Identifier: Apache-2.0
 * Every decoder over any bytes: who claims a line, where records end, and that slices lie inside
 * the record. Layout of an input: one byte chooses what the decoders remember, the rest are the
 * lines of a log. */
#include "tests/decoding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADERS = 4 };

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* ---- one record ------------------------------------------------------------------------------ */

static struct cmg_room room;

static bool lies_in(cmg_str block, cmg_str s)
{
    return s.ptr >= block.ptr && s.ptr + s.len <= block.ptr + block.len;
}

static void must_lie_in(cmg_str block, cmg_str s)
{
    if (s.len)
        must(lies_in(block, s) || lies_in(cmg_buf_str(&room.text), s) ||
             lies_in(cmg_buf_str(&room.message), s));
}

/* Names and a few values are the decoder's own words; all else is the log's. */
static bool is_own_word(cmg_str name)
{
    return cmg_str_eq(name, CMG_LIT("columns")) || cmg_str_eq(name, CMG_LIT("time.policy"));
}

static void check_event(cmg_str record, const struct cmg_event *ev)
{
    const cmg_str slices[] = {ev->message,        ev->component,      ev->context,
                              ev->source_file,    ev->provider,       ev->code,
                              ev->host,           ev->channel,        ev->record_id,
                              ev->http.method,    ev->http.stem,      ev->http.query,
                              ev->http.client_ip, ev->http.server_ip, ev->http.user_agent,
                              ev->http.username,  ev->http.host};
    for (size_t i = 0; i < sizeof slices / sizeof *slices; i++)
        must_lie_in(record, slices[i]);
    must(ev->attrs <= CMG_ATTRS_MAX);
    for (size_t i = 0; i < ev->attrs; i++) {
        must(ev->attr[i].name.len > 0);
        if (!is_own_word(ev->attr[i].name))
            must_lie_in(record, ev->attr[i].value);
        for (size_t j = 0; j < i; j++)
            must(!cmg_str_eq(ev->attr[i].name, ev->attr[j].name));
    }
    must(ev->level >= CMG_LEVEL_NONE && ev->level <= CMG_LEVEL_ERROR);
    must(ev->time.known || (!ev->time.zoned && !ev->time.offset_min));
    must(ev->time.zoned || !ev->time.offset_min);
    must(ev->time.offset_min >= -840 && ev->time.offset_min <= 840);
    must(ev->has_thread || !ev->thread);
    must(ev->http.status >= -1 && ev->http.win32 >= -1 && ev->http.port >= -1);
}

/* A copy of exactly its size; only a directive changes what is remembered. */
static void decode_one(const struct cmg_decoder *d, char *state, cmg_str text)
{
    char before[CMG_STATE_MAX];
    cmg_str record = exact_copy(text);
    struct cmg_event ev = empty_event();
    memcpy(before, state, sizeof before);
    enum cmg_take take = cmg_decode(d, state, &room, record, &ev);
    must(take == CMG_TAKEN || take == CMG_SKIP || take == CMG_NOT_MINE);
    must(take == CMG_SKIP || memcmp(before, state, sizeof before) == 0);
    if (take == CMG_TAKEN)
        check_event(record, &ev);
    free((char *)record.ptr);
}

/* ---- a log ----------------------------------------------------------------------------------- */

static const struct cmg_decoder *choose(const char *iis_state, cmg_str line)
{
    const struct cmg_decoder *one = &cmg_decoder_raw;
    for (size_t i = 0; cmg_decoders[i] != &cmg_decoder_raw; i++) {
        if (!cmg_decoders[i]->probe(iis_state, line))
            continue;
        must(one == &cmg_decoder_raw);
        one = cmg_decoders[i];
    }
    return one;
}

static struct cmg_cut cut_of(const struct cmg_decoder *d, cmg_str text, size_t fresh)
{
    if (!d->split)
        return (struct cmg_cut){CMG_DONE, text.len};
    struct cmg_cut cut = d->split(text, fresh);
    must(cut.verdict != CMG_NEW || (fresh && fresh != CMG_FRESH_REST));
    if (cut.verdict == CMG_DONE) {
        must(cut.end <= text.len && (cut.end > 0 || !text.len));
        must(!fresh || fresh == CMG_FRESH_REST || cut.end >= fresh);
    }
    return cut;
}

struct walk {
    cmg_str log;
    size_t start, line, end; /* [start, line) is held, [line, end) is the newest line */
    const struct cmg_decoder *held;
    char state[CMG_STATE_MAX];
};

/* One line: the records that end in it. */
static void take_line(struct walk *w)
{
    for (;;) {
        bool first = w->start == w->line;
        cmg_str text = cmg_str_cut(w->log, w->start, w->end);
        if (first)
            w->held = choose(w->state, text);
        struct cmg_cut cut = cut_of(w->held, text, w->line - w->start);
        if (cut.verdict == CMG_MORE)
            return;
        size_t end = cut.verdict == CMG_NEW ? w->line : w->start + cut.end;
        decode_one(w->held, w->state, cmg_str_cut(w->log, w->start, end));
        w->start = w->line = end;
        if (end >= w->end)
            return;
    }
}

static void walk_log(struct walk *w)
{
    while (w->line < w->log.len) {
        size_t n = cmg_str_chr(cmg_str_from(w->log, w->line), '\n');
        w->end = n == CMG_STR_NPOS ? w->log.len : w->line + n;
        take_line(w);
        w->line = w->end + 1;
        if (w->start == w->end)
            w->start = w->line;
    }
    if (w->start < w->log.len)
        decode_one(w->held, w->state, cmg_str_from(w->log, w->start));
}

/* The same bytes in the hands of each decoder, as --decoder and whole frames from elsewhere would
 * do. */
static void force(const char *state, cmg_str text)
{
    for (size_t i = 0; cmg_decoders[i]; i++) {
        char copy[CMG_STATE_MAX];
        memcpy(copy, state, sizeof copy);
        decode_one(cmg_decoders[i], copy, text);
        cut_of(cmg_decoders[i], text, 0);
        cut_of(cmg_decoders[i], text, CMG_FRESH_REST);
        cut_of(cmg_decoders[i], text, text.len / 2);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const headers[HEADERS] = {
        "#Fields:",
        "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip "
        "cs(User-Agent) cs(Referer) "
        "sc-status sc-substatus sc-win32-status time-taken",
        "#Fields: time x-a cs-uri x-b",
        "#Fields: a b c",
    };
    struct walk w = {.held = NULL};
    struct cmg_event ev = empty_event();
    if (!size)
        return 0;
    if (!room.text.cap)
        room = cmg_room_init(CMG_MAX_RECORD_DEFAULT);
    must(cmg_decoder_iis.decode(w.state, cmg_str_c(headers[data[0] % HEADERS]), &ev) == CMG_SKIP);
    w.log = exact_copy(cmg_str_of((const char *)data + 1, size - 1));
    choose(w.state, w.log);
    force(w.state, w.log);
    walk_log(&w);
    free((char *)w.log.ptr);
    return 0;
}
