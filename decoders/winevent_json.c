/* SPDX-License-Identifier: Apache-2.0
 * Windows events as forwarders write them in JSON, one object a line. Told by the names of their
 * members:
 *
 *     Winlogbeat, Elastic Agent   winlog.*, event.code, event.provider, @timestamp
 *     NXLog                       EventID, SourceName, EventTime; the event's data beside them
 *     Fluent Bit winlog           EventID, SourceName, TimeGenerated, StringInserts
 *     Fluent Bit winevtlog        EventID, ProviderName, TimeCreated, StringInserts or EventData;
 *                                 {"System": "<Event>...", "Message": ...}; {"log":
 *                                 "ProviderName=...\nProviderGuid=..."}
 *     Fluent Bit in_etw           event_id, provider_guid, payload
 *     Vector, Winlogbeat 6        event_id, provider_name or source_name, channel or log_name
 *     others                      {"xml": "<Event>..."}, {"raw_event": "<Event>..."}
 *
 * The names are those of the programs' sources and documentation. Members may be nested or have the
 * whole path as their name ("winlog.event_id"). */
#include "core/jsonread.h"
#include "decoders/winevent.h"

enum { PATH_MAX_LEN = 128, NESTED_MAX = 6 };

/* ---- names ----------------------------------------------------------------------------------- */

/* A value and where it goes to. Of two for the same place the smaller rank wins. */
struct row {
    cmg_str path;
    uint8_t rank;
    uint16_t at;
};
#define ROW(path, rank, field)                                                                     \
    {                                                                                              \
        CMG_LIT(path), rank, offsetof(struct cmg_winevent, field)                                  \
    }
static const struct row winlog_rows[] = {
    ROW("winlog.provider_name", 1, provider),
    ROW("winlog.provider_guid", 1, guid),
    ROW("winlog.event_id", 1, id),
    ROW("winlog.time_created", 1, time),
    ROW("winlog.record_id", 1, record_id),
    ROW("winlog.channel", 1, channel),
    ROW("winlog.computer_name", 1, computer),
    ROW("winlog.process.pid", 1, pid),
    ROW("winlog.process.thread.id", 1, tid),
    ROW("winlog.activity_id", 1, activity),
    ROW("winlog.user.identifier", 1, user),
};
static const struct row nested_rows[] = {
    ROW("event.provider", 3, provider),
    ROW("event.code", 2, id),
    ROW("log.level", 1, level),
    ROW("host.name", 2, computer),
};
static const struct row top_rows[] = {
    ROW("ProviderName", 1, provider),
    ROW("provider_name", 1, provider),
    ROW("SourceName", 2, provider),
    ROW("source_name", 2, provider),
    ROW("ProviderGuid", 1, guid),
    ROW("provider_guid", 1, guid),
    ROW("EventID", 1, id),
    ROW("event_id", 1, id),
    ROW("Level", 1, level),
    ROW("level", 1, level),
    ROW("Severity", 2, level),
    ROW("level_value", 3, level),
    ROW("EventType", 4, level),
    ROW("Keywords", 1, keywords),
    ROW("keywords", 1, keywords),
    ROW("TimeCreated", 1, time),
    ROW("TimeGenerated", 1, time),
    ROW("EventTime", 1, time),
    ROW("@timestamp", 2, time),
    ROW("timestamp", 2, time),
    ROW("date", 3, time),
    ROW("EventRecordID", 1, record_id),
    ROW("RecordNumber", 1, record_id),
    ROW("record_id", 1, record_id),
    ROW("record_number", 1, record_id),
    ROW("Channel", 1, channel),
    ROW("channel", 1, channel),
    ROW("log_name", 1, channel),
    ROW("Computer", 1, computer),
    ROW("ComputerName", 1, computer),
    ROW("computer", 1, computer),
    ROW("computer_name", 1, computer),
    ROW("Hostname", 2, computer),
    ROW("host", 3, computer),
    ROW("hostname", 3, computer),
    ROW("ExecutionProcessID", 1, pid),
    ROW("ProcessID", 2, pid),
    ROW("process_id", 2, pid),
    ROW("ExecutionThreadID", 1, tid),
    ROW("ThreadID", 2, tid),
    ROW("thread_id", 2, tid),
    ROW("ActivityID", 1, activity),
    ROW("activity_id", 1, activity),
    ROW("UserID", 1, user),
    ROW("user_id", 1, user),
    ROW("Sid", 2, user),
    ROW("message", 1, rendered),
    ROW("Message", 1, rendered),
};
#undef ROW
enum { FIELDS_SIZE = sizeof(struct cmg_winevent) };
#define COUNT(rows) (sizeof(rows) / sizeof *(rows))

static const struct row *row_of(cmg_str path)
{
    const struct row *row = top_rows;
    size_t n = COUNT(top_rows);
    if (cmg_str_starts(path, CMG_LIT("winlog."))) {
        row = winlog_rows;
        n = COUNT(winlog_rows);
    } else if (cmg_str_chr(path, '.') != CMG_STR_NPOS) {
        row = nested_rows;
        n = COUNT(nested_rows);
    }
    for (; n; n--, row++)
        if (cmg_str_eq(row->path, path))
            return row;
    return NULL;
}

/* Members of NXLog's object that are not data of the event. */
static bool is_about_event(cmg_str name)
{
    static const cmg_str names[] = {
        CMG_LIT("EventReceivedTime"), CMG_LIT("SourceModuleName"), CMG_LIT("SourceModuleType"),
        CMG_LIT("SeverityValue"),     CMG_LIT("Version"),          CMG_LIT("Task"),
        CMG_LIT("TaskValue"),         CMG_LIT("Opcode"),           CMG_LIT("OpcodeValue"),
        CMG_LIT("Category"),          CMG_LIT("Qualifiers"),       CMG_LIT("EventType"),
        CMG_LIT("Severity"),          CMG_LIT("LevelValue"),       CMG_LIT("ERROR_EVT_UNRESOLVED")};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (cmg_str_eq(names[i], name))
            return true;
    return false;
}

/* ---- is it one? ------------------------------------------------------------------------------ */

/* What the members of the object say that it is. */
struct shape {
    bool winlog, id, source, nxlog;
    struct cmg_json_value xml, text; /* of type null: none */
};

static bool is_source(cmg_str key)
{
    static const cmg_str names[] = {CMG_LIT("SourceName"),    CMG_LIT("ProviderName"),
                                    CMG_LIT("provider_name"), CMG_LIT("provider_guid"),
                                    CMG_LIT("Channel"),       CMG_LIT("channel"),
                                    CMG_LIT("log_name"),      CMG_LIT("source_name")};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (cmg_str_eq(names[i], key))
            return true;
    return false;
}

static bool is_scalar(const struct cmg_json_value *v)
{
    return v->type == CMG_JSON_STRING || v->type == CMG_JSON_NUMBER;
}

static bool is_xml_member(cmg_str key)
{
    return cmg_str_eq(key, CMG_LIT("System")) || cmg_str_eq(key, CMG_LIT("xml")) ||
           cmg_str_eq(key, CMG_LIT("raw_event"));
}

/* The string is still escaped. */
static bool is_event_xml(cmg_str raw)
{
    return cmg_winevent_xml_head(raw) && cmg_str_find(raw, CMG_LIT("Event")) != CMG_STR_NPOS;
}

static void look_at(struct shape *s, cmg_str key, const struct cmg_json_value *v)
{
    if (cmg_str_eq(key, CMG_LIT("winlog")))
        s->winlog = v->type == CMG_JSON_OBJECT;
    else if (cmg_str_starts(key, CMG_LIT("winlog.")))
        s->winlog = true;
    else if (cmg_str_eq(key, CMG_LIT("EventID")))
        s->id = is_scalar(v);
    else if (cmg_str_eq(key, CMG_LIT("event_id")))
        s->id = is_scalar(v) && v->raw.len && cmg_count_digits(v->raw) == v->raw.len;
    else if (cmg_str_eq(key, CMG_LIT("SourceModuleType")))
        s->nxlog = true;
    else if (is_xml_member(key) && v->type == CMG_JSON_STRING && is_event_xml(v->raw))
        s->xml = *v;
    else if (cmg_str_eq(key, CMG_LIT("log")) && v->type == CMG_JSON_STRING &&
             cmg_str_starts(v->raw, CMG_LIT("ProviderName=")))
        s->text = *v;
    else if (is_source(key))
        s->source = is_scalar(v);
}

/* An object and nothing else. */
static bool read_shape(cmg_str line, struct shape *ret)
{
    struct cmg_json_value k, v;
    *ret = (struct shape){.winlog = false};
    if (!line.len || line.ptr[0] != '{')
        return false;
    struct cmg_json_walk w = cmg_json_walk(line);
    while (cmg_json_next(&w, &k, &v))
        if (!k.escaped)
            look_at(ret, k.raw, &v);
    bool members = ret->winlog || (ret->id && ret->source);
    if (members) /* the XML beside them says the same */
        ret->xml.type = CMG_JSON_NULL;
    return w.end == line.len && (members || ret->xml.type || ret->text.type);
}

bool cmg_winevent_json(cmg_str line)
{
    struct shape shape;
    return read_shape(cmg_str_trim(line), &shape);
}

/* ---- values ---------------------------------------------------------------------------------- */

/* A walk through the object and the objects in it. */
struct reading {
    struct cmg_winevent w;
    uint8_t rank[FIELDS_SIZE / sizeof(cmg_str) + 1]; /* of what each field holds */
    struct shape shape;
    struct cmg_json_value inserts; /* of type null: none */
    bool data;                     /* there was data with names */
    char path[PATH_MAX_LEN];
    size_t path_len;
};

static cmg_str text_of(struct reading *r, const struct cmg_json_value *v)
{
    struct cmg_buf *b = &r->w.room->text;
    size_t from = b->len, replaced = 0;
    if (v->type != CMG_JSON_STRING || !v->escaped)
        return v->raw;
    if (v->raw.len > b->size - b->len || cmg_json_unescape(v->raw, b, &replaced) != CMG_OK)
        return (cmg_str){NULL, 0};
    if (replaced)
        r->w.ev->problems |= CMG_P_REPLACED;
    return cmg_str_from(cmg_buf_str(b), from);
}

/* False: no such row. */
static bool put_row(struct reading *r, cmg_str path, const struct cmg_json_value *v)
{
    const struct row *row = row_of(path);
    if (!row)
        return false;
    uint8_t *rank = &r->rank[row->at / sizeof(cmg_str)];
    if (v->raw.len && (!*rank || row->rank < *rank)) {
        *(cmg_str *)(void *)((char *)&r->w + row->at) = text_of(r, v);
        *rank = row->rank;
    }
    return true;
}

/* The part of the path below one of the objects that hold the event's data. */
static bool below_data(cmg_str path, cmg_str *ret_name)
{
    static const cmg_str parents[] = {CMG_LIT("winlog.event_data."), CMG_LIT("winlog.user_data."),
                                      CMG_LIT("EventData."), CMG_LIT("event_data."),
                                      CMG_LIT("user_data.")};
    for (size_t i = 0; i < sizeof parents / sizeof *parents; i++)
        if (cmg_str_starts(path, parents[i])) {
            *ret_name = cmg_str_from(path, parents[i].len);
            return true;
        }
    return false;
}

static void put_data(struct reading *r, cmg_str name, const struct cmg_json_value *v)
{
    cmg_winevent_data(&r->w, cmg_room_add(r->w.room, name), text_of(r, v));
    r->data = true;
}

static void put_scalar(struct reading *r, const struct cmg_json_value *v)
{
    cmg_str path = cmg_str_of(r->path, r->path_len), name;
    if (v->type == CMG_JSON_NULL)
        return;
    if (below_data(path, &name))
        put_data(r, name, v);
    else if (put_row(r, path, v))
        return;
    else if (r->shape.nxlog && cmg_str_chr(path, '.') == CMG_STR_NPOS && !is_about_event(path))
        put_data(r, path, v);
    else if (cmg_str_eq(path, CMG_LIT("payload")) || cmg_str_eq(path, CMG_LIT("Data")))
        cmg_winevent_keep(&r->w, cmg_room_add(r->w.room, path), text_of(r, v));
}

/* "a" or "parent.a". False: longer than any name that is known. */
static bool set_path(struct reading *r, size_t parent, const struct cmg_json_value *key)
{
    size_t at = parent;
    cmg_str name = text_of(r, key);
    if (at + 1 + name.len > sizeof r->path)
        return false;
    if (parent)
        r->path[at++] = '.';
    if (name.len)
        memcpy(r->path + at, name.ptr, name.len);
    r->path_len = at + name.len;
    return true;
}

static bool is_inserts(const struct reading *r)
{
    cmg_str path = cmg_str_of(r->path, r->path_len);
    return cmg_str_eq(path, CMG_LIT("StringInserts")) ||
           cmg_str_eq(path, CMG_LIT("string_inserts"));
}

/* Keywords in words, and ECS's own name. */
static void put_outcome(struct reading *r, const struct cmg_json_value *v)
{
    cmg_str path = cmg_str_of(r->path, r->path_len);
    bool ecs = cmg_str_eq(path, CMG_LIT("event.outcome"));
    if (!ecs && !cmg_str_eq(path, CMG_LIT("winlog.keywords")) &&
        !cmg_str_eq(path, CMG_LIT("keywords")) && !cmg_str_eq(path, CMG_LIT("keyword_names")))
        return;
    if (cmg_str_find(v->raw, ecs ? CMG_LIT("failure") : CMG_LIT("Audit Failure")) != CMG_STR_NPOS)
        r->w.outcome = CMG_OUTCOME_FAILURE;
    else if (cmg_str_find(v->raw, ecs ? CMG_LIT("success") : CMG_LIT("Audit Success")) !=
             CMG_STR_NPOS)
        r->w.outcome = CMG_OUTCOME_SUCCESS;
}

/* Lists but for the strings without names (keywords, tags) are not looked into. */
static void put_value(struct reading *r, const struct cmg_json_value *v)
{
    if (v->type != CMG_JSON_OBJECT)
        put_outcome(r, v);
    if (v->type == CMG_JSON_ARRAY) {
        if (is_inserts(r))
            r->inserts = *v;
    } else if (v->type != CMG_JSON_OBJECT) {
        put_scalar(r, v);
    }
}

static void walk_object(struct reading *r, cmg_str object)
{
    struct {
        struct cmg_json_walk walk;
        size_t path_len;
    } level[NESTED_MAX] = {{.walk = cmg_json_walk(object)}};
    size_t depth = 1;
    struct cmg_json_value k, v;
    while (depth) {
        if (!cmg_json_next(&level[depth - 1].walk, &k, &v)) {
            depth--;
            continue;
        }
        if (!set_path(r, level[depth - 1].path_len, &k))
            continue;
        put_value(r, &v);
        if (v.type == CMG_JSON_OBJECT && depth < NESTED_MAX) {
            level[depth].walk = cmg_json_walk(v.raw);
            level[depth++].path_len = r->path_len;
        }
    }
}

/* Values without names, where none had one. */
static void put_inserts(struct reading *r)
{
    struct cmg_json_value k, v;
    if (r->inserts.type == CMG_JSON_NULL || r->data)
        return;
    struct cmg_json_walk w = cmg_json_walk(r->inserts.raw);
    while (cmg_json_next(&w, &k, &v))
        cmg_winevent_data(&r->w, (cmg_str){NULL, 0}, is_scalar(&v) ? text_of(r, &v) : k.raw);
}

/* ---- the event as XML or text inside ------------------------------------------------------- */

/* winevtlog with render_event_as_xml, and others: the wording is beside the event. */
static void read_xml(struct reading *r)
{
    struct cmg_winevent w = r->w;
    struct cmg_room *room = w.room;
    cmg_str xml = text_of(r, &r->shape.xml), rendered = w.rendered;
    cmg_winevent_read_xml(room, cmg_winevent_xml_element(xml), &w);
    if (!w.rendered.len)
        w.rendered = rendered;
    r->w = w;
    r->data = true;
}

/* winevtlog with render_event_as_text: "Name=value" a line, the message last. */
static void read_text(struct reading *r)
{
    cmg_str text = text_of(r, &r->shape.text);
    while (text.len) {
        cmg_str line = cmg_str_head(text, cmg_str_chr(text, '\n'));
        size_t is = cmg_str_chr(line, '=');
        cmg_str name = cmg_str_head(line, is);
        struct cmg_json_value v = {.type = CMG_JSON_STRING};
        bool last = cmg_str_eq(name, CMG_LIT("Message"));
        v.raw = cmg_str_from(last ? text : line, name.len + 1);
        put_row(r, name, &v);
        text = last ? (cmg_str){NULL, 0} : cmg_str_from(text, line.len + 1);
    }
}

/* ---- descriptor ------------------------------------------------------------------------------ */

static bool probe(const void *state, cmg_str line)
{
    (void)state;
    return cmg_winevent_json(line);
}

static enum cmg_take decode(struct cmg_room *room, cmg_str record, struct cmg_event *ev)
{
    struct reading r;
    cmg_str object = cmg_str_trim(record);
    memset(&r, 0, offsetof(struct reading, path));
    r.path_len = 0;
    if (!read_shape(object, &r.shape))
        return CMG_NOT_MINE;
    cmg_winevent_begin(&r.w, room, ev);
    walk_object(&r, object);
    if (r.shape.xml.type)
        read_xml(&r);
    else if (r.shape.text.type)
        read_text(&r);
    put_inserts(&r);
    cmg_winevent_finish(&r.w);
    if (!ev->message.len)
        ev->message = object;
    return CMG_TAKEN;
}

const struct cmg_decoder cmg_decoder_winevent_json = {
    .name = "winevent-json",
    .summary = "Windows events in JSON: Winlogbeat, Elastic Agent, NXLog, Fluent Bit, Vector",
    .probe = probe,
    .decode_in = decode,
};
