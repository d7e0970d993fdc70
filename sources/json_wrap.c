/* SPDX-License-Identifier: Apache-2.0
 * JSON around a log line, as Fluent Bit, Filebeat and Elastic Agent, Vector, NXLog and Docker write
 * it.
 *
 * An object is a wrapper when one of the text keys is a string and nothing says that it is a
 * Windows event: that is a record in itself. Keys of a wrong type count as absent. */
#include "core/jsonread.h"
#include "core/time.h"
#include "sources/envelope.h"

/* What a key is for. Where two keys of one purpose occur, the smaller rank wins. */
enum purpose {
    P_NONE,
    P_TEXT,
    P_HOST,
    P_PATH,
    P_OFFSET,
    P_TIME,
    P_STREAM,
    P_EVENT,
    P_LOG,
    P_MODULE,
    P_GROUP,
    P_XML
};

struct key_row {
    const char *name;
    enum purpose purpose;
    unsigned rank;
};

/* Top level. "log" is a text in Fluent Bit and Docker, an object in ECS. */
static const struct key_row top_keys[] = {
    {"log", P_LOG, 1},           {"message", P_TEXT, 2},       {"Message", P_MODULE, 3},
    {"host", P_HOST, 1},         {"hostname", P_HOST, 2},      {"Hostname", P_HOST, 3},
    {"agent", P_GROUP, 4},       {"file", P_PATH, 2},          {"path", P_PATH, 3},
    {"filename", P_PATH, 4},     {"file_path", P_PATH, 5},     {"offset", P_OFFSET, 2},
    {"log.offset", P_OFFSET, 1}, {"log.file.path", P_PATH, 1}, {"host.name", P_HOST, 1},
    {"@timestamp", P_TIME, 1},   {"time", P_TIME, 2},          {"timestamp", P_TIME, 3},
    {"date", P_TIME, 4},         {"stream", P_STREAM, 1},      {"winlog", P_EVENT, 1},
    {"EventID", P_EVENT, 1},     {"event_id", P_EVENT, 1},     {"System", P_XML, 1},
    {"xml", P_XML, 1},           {"raw_event", P_XML, 1},
};

struct found {
    struct cmg_json_value text, host, path, time;
    unsigned text_rank, host_rank, path_rank, offset_rank, time_rank;
    int64_t offset;
    bool stream, event;
};

static const struct key_row *row_of(const struct cmg_json_value *key)
{
    for (size_t i = 0; i < sizeof top_keys / sizeof *top_keys; i++)
        if (cmg_json_is(key, cmg_str_c(top_keys[i].name)))
            return &top_keys[i];
    return NULL;
}

static void take(struct cmg_json_value *slot, unsigned *rank, const struct cmg_json_value *v,
                 unsigned new_rank)
{
    if (*rank && *rank <= new_rank)
        return;
    *slot = *v;
    *rank = new_rank;
}

static void take_string(struct cmg_json_value *slot, unsigned *rank, const struct cmg_json_value *v,
                        unsigned new_rank)
{
    if (v->type == CMG_JSON_STRING && v->raw.len)
        take(slot, rank, v, new_rank);
}

/* A member of an object, or false. */
static bool member(cmg_str object, const char *name, struct cmg_json_value *ret)
{
    struct cmg_json_walk w = cmg_json_walk(object);
    struct cmg_json_value k;
    while (cmg_json_next(&w, &k, ret))
        if (cmg_json_is(&k, cmg_str_c(name)))
            return true;
    return false;
}

static void take_offset(struct found *f, const struct cmg_json_value *v, unsigned rank)
{
    int64_t n;
    if ((f->offset_rank && f->offset_rank <= rank) || !cmg_json_int(v, &n) || n < 0)
        return;
    f->offset = n;
    f->offset_rank = rank;
}

/* ECS: "log": {"offset": 12, "file": {"path": "..."}}. */
static void take_ecs_log(struct found *f, cmg_str object)
{
    struct cmg_json_value v, path;
    if (member(object, "offset", &v))
        take_offset(f, &v, 1);
    if (member(object, "file", &v) && v.type == CMG_JSON_OBJECT && member(v.raw, "path", &path))
        take_string(&f->path, &f->path_rank, &path, 1);
}

static void take_host(struct found *f, const struct cmg_json_value *v, unsigned rank)
{
    struct cmg_json_value name;
    if (v->type == CMG_JSON_OBJECT &&
        (member(v->raw, "name", &name) || member(v->raw, "hostname", &name)))
        take_string(&f->host, &f->host_rank, &name, rank);
    else
        take_string(&f->host, &f->host_rank, v, rank);
}

/* With or without a declaration; the string is still escaped. */
static bool is_event_xml(cmg_str raw)
{
    return cmg_str_starts(raw, CMG_LIT("<Event")) ||
           (cmg_str_starts(raw, CMG_LIT("<?xml ")) &&
            cmg_str_find(raw, CMG_LIT("<Event")) != CMG_STR_NPOS);
}

static void collect(struct found *f, const struct key_row *row, const struct cmg_json_value *v)
{
    switch (row->purpose) {
    case P_LOG:
        if (v->type == CMG_JSON_OBJECT)
            take_ecs_log(f, v->raw);
        else if (cmg_str_starts(v->raw, CMG_LIT("ProviderName="))) /* winevtlog's event as text */
            f->event = true;
        else
            take_string(&f->text, &f->text_rank, v, row->rank);
        break;
    case P_TEXT:
    case P_MODULE:
        take_string(&f->text, &f->text_rank, v, row->rank);
        break;
    case P_HOST:
    case P_GROUP:
        take_host(f, v, row->rank);
        break;
    case P_PATH:
        take_string(&f->path, &f->path_rank, v, row->rank);
        break;
    case P_OFFSET:
        take_offset(f, v, row->rank);
        break;
    case P_TIME:
        take(&f->time, &f->time_rank, v, row->rank);
        break;
    case P_STREAM:
        f->stream = true;
        break;
    case P_EVENT:
        f->event = true;
        break;
    case P_XML: /* Fluent Bit's winevtlog: the event in XML, its wording beside it */
        f->event = f->event || is_event_xml(v->raw);
        break;
    case P_NONE:
        break;
    }
}

/* Seconds since 1970, as Fluent Bit and others write a date: "1700000000.123456". */
static bool read_epoch(cmg_str s, int64_t *ret_ns)
{
    int64_t seconds = 0, ns = 0, unit = CMG_NS_PER_S / 10;
    size_t i = 0;
    for (; i < s.len && i < 11 && cmg_is_digit(s.ptr[i]); i++)
        seconds = seconds * 10 + (s.ptr[i] - '0');
    if (i < 9 || i > 10)
        return false;
    if (i < s.len && s.ptr[i] == '.')
        for (i++; i < s.len && cmg_is_digit(s.ptr[i]); i++, unit /= 10)
            ns += (s.ptr[i] - '0') * unit;
    if (i < s.len)
        return false;
    *ret_ns = seconds * CMG_NS_PER_S + ns;
    return true;
}

/* A text without an offset is UTC: what JSON wrappers mean by it (Docker writes
 * "2016-01-07T16:49:10.0"). */
static bool read_time(cmg_str s, struct cmg_time *ret)
{
    char zoned[CMG_RFC3339_MAX + 1];
    if (cmg_rfc3339_read(s, ret))
        return true;
    if (s.len >= CMG_RFC3339_MAX)
        return false;
    memcpy(zoned, s.ptr, s.len);
    zoned[s.len] = 'Z';
    return cmg_rfc3339_read(cmg_str_of(zoned, s.len + 1), ret);
}

static void set_time(const struct cmg_json_value *v, struct cmg_envelope *ret)
{
    struct cmg_time t;
    if (v->type == CMG_JSON_NUMBER) {
        ret->has_time = read_epoch(v->raw, &ret->time_ns) || ret->has_time;
    } else if (v->type == CMG_JSON_STRING && !v->escaped && read_time(v->raw, &t)) {
        ret->time_ns = t.ns - t.offset_min * 60 * CMG_NS_PER_S;
        ret->has_time = true;
        ret->guessed_time = false;
    }
}

/* The string's text: a slice where nothing is escaped, else behind what `out` holds. */
static enum cmg_rc text_of(struct cmg_buf *out, const struct cmg_json_value *v, cmg_str *ret)
{
    size_t from = out->len, replaced;
    if (!v->escaped) {
        *ret = v->raw;
        return CMG_OK;
    }
    enum cmg_rc rc = cmg_json_unescape(v->raw, out, &replaced);
    if (rc == CMG_OK)
        *ret = cmg_str_from(cmg_buf_str(out), from);
    return rc;
}

static cmg_str without_line_end(cmg_str s)
{
    if (s.len && s.ptr[s.len - 1] == '\n')
        s.len--;
    if (s.len && s.ptr[s.len - 1] == '\r')
        s.len--;
    return s;
}

static enum cmg_rc fill(struct cmg_peeler *p, struct cmg_buf *scratch, const struct found *f,
                        struct cmg_envelope *ret)
{
    struct cmg_envelope e = *ret;
    enum cmg_rc rc = text_of(scratch, &f->text, &e.text);
    if (rc == CMG_OK && f->host_rank)
        rc = text_of(&p->names, &f->host, &e.host);
    if (rc == CMG_OK && f->path_rank)
        rc = text_of(&p->names, &f->path, &e.path);
    if (rc != CMG_OK)
        return rc;
    if (f->time_rank)
        set_time(&f->time, &e);
    if (f->offset_rank) {
        e.offset = (uint64_t)f->offset;
        e.has_offset = true;
    }
    if (f->stream) { /* Docker cuts a line every 16 KiB and leaves the line feed off all but the
                        last piece */
        e.whole = cmg_str_ends(e.text, CMG_LIT("\n"));
        e.more = !e.whole;
    }
    e.text = without_line_end(e.text);
    *ret = e;
    return CMG_OK;
}

enum cmg_rc cmg_peel_json(struct cmg_peeler *p, struct cmg_buf *scratch, cmg_str s,
                          struct cmg_envelope *ret)
{
    struct cmg_json_value v, k;
    struct found f = {.offset = -1};
    size_t end;
    cmg_str t = cmg_str_trim(s);
    if (!t.len || t.ptr[0] != '{' || !cmg_json_read(t, &v, &end) || end != t.len)
        return CMG_AGAIN;
    struct cmg_json_walk w = cmg_json_walk(v.raw);
    while (cmg_json_next(&w, &k, &v)) {
        const struct key_row *row = row_of(&k);
        f.event = f.event || cmg_str_starts(k.raw, CMG_LIT("winlog.")); /* "winlog" with its path */
        if (row)
            collect(&f, row, &v);
    }
    if (!f.text_rank || f.event)
        return CMG_AGAIN;
    return fill(p, scratch, &f, ret);
}
