/* SPDX-License-Identifier: Apache-2.0
 * A Windows event in XML, as "Event Schema" of the Windows SDK describes it:
 *
 *     <Event> <System> ... </System> <EventData> | <UserData> | <DebugData> | <ProcessingErrorData>
 *     | <BinaryEventData>, <RenderingInfo>, and <ExtendedTracingInfo> of traces </Event>
 *
 * Names are taken without regard to their namespace: Windows declares the default one anew where it
 * changes; of other programs' tags the prefix is left out. A value is a slice of the record where
 * it stands there as it is meant, else a copy in the room. */
#include "decoders/winevent.h"
#include "decoders/xml.h"

enum section { S_NONE, S_SYSTEM, S_DATA, S_TREE, S_RENDERING, S_TRACE, S_BINARY };
enum { ROOT = 1, SECTION, CHILD };

struct reading {
    struct cmg_winevent w;
    struct cmg_room *room;
    struct cmg_event *ev;
    size_t base; /* of the room's text: what stands before it stays */
    cmg_str xml;
    enum section section;
    cmg_str text;       /* of the innermost element so far */
    cmg_str name;       /* under which that text is kept */
    cmg_str *slot;      /* or where it goes to */
    unsigned innermost; /* its depth; 0: it has had children */
    bool valued;        /* it had an attribute `value`: its text is but the wording of that */
};

static void start(void *user)
{
    struct reading *r = user;
    cmg_winevent_begin(&r->w, r->room, r->ev);
    r->room->text.len = r->base;
    r->section = S_NONE;
    r->innermost = 0;
}

/* ---- texts ----------------------------------------------------------------------------------- */

static bool in_record(const struct reading *r, cmg_str s)
{
    uintptr_t at = (uintptr_t)s.ptr, from = (uintptr_t)r->xml.ptr;
    return at >= from && at + s.len <= from + r->xml.len;
}

/* Expat reports a text in pieces: a line end, an entity and what lies between are one each. */
static void on_text(void *user, cmg_str s)
{
    struct reading *r = user;
    cmg_str *t = &r->text;
    const struct cmg_buf *b = &r->room->text;
    if (!r->innermost)
        return;
    if (!t->len) {
        *t = in_record(r, s) ? s : cmg_room_add(r->room, s);
    } else if (in_record(r, *t) && t->ptr + t->len == s.ptr) {
        t->len += s.len;
    } else {
        if (in_record(r, *t) || t->ptr + t->len != b->ptr + b->len)
            *t = cmg_room_add(r->room, *t);
        t->len += cmg_room_add(r->room, s).len;
    }
}

/* What of an element, or of its attributes, is to be kept. */
static cmg_str lasting(struct reading *r, cmg_str s)
{
    return in_record(r, s) ? s : cmg_room_add(r->room, s);
}

struct attributes {
    const struct cmg_attr *at;
    size_t n;
};

static cmg_str attribute(struct reading *r, const struct attributes *a, cmg_str name)
{
    for (size_t i = 0; i < a->n; i++)
        if (cmg_str_eq(a->at[i].name, name))
            return lasting(r, a->at[i].value);
    return (cmg_str){NULL, 0};
}

/* ---- <System> -------------------------------------------------------------------------------- */

struct system_row {
    cmg_str element, attribute; /* no attribute: the element's text */
    size_t at;
};
#define ROW(element, attribute, field)                                                             \
    {                                                                                              \
        CMG_LIT(element), CMG_LIT(attribute), offsetof(struct cmg_winevent, field)                 \
    }
static const struct system_row system_rows[] = {
    ROW("Provider", "Name", provider),
    ROW("Provider", "Guid", guid),
    ROW("Provider", "EventSourceName", event_source),
    ROW("EventID", "", id),
    ROW("Level", "", level),
    ROW("Keywords", "", keywords),
    ROW("TimeCreated", "SystemTime", time),
    ROW("EventRecordID", "", record_id),
    ROW("Correlation", "ActivityID", activity),
    ROW("Execution", "ProcessID", pid),
    ROW("Execution", "ThreadID", tid),
    ROW("Channel", "", channel),
    ROW("Computer", "", computer),
    ROW("Security", "UserID", user),
};
#undef ROW

static void system_element(struct reading *r, cmg_str name, const struct attributes *a)
{
    for (size_t i = 0; i < sizeof system_rows / sizeof *system_rows; i++) {
        const struct system_row *row = &system_rows[i];
        cmg_str *field = (cmg_str *)(void *)((char *)&r->w + row->at);
        if (!cmg_str_eq(row->element, name) || field->len)
            continue;
        if (row->attribute.len)
            *field = attribute(r, a, row->attribute);
        else
            r->slot = field;
    }
}

/* ---- data ------------------------------------------------------------------------------------ */

/* <Data Name="X">, <ComplexData Name="X">; <Data> without a name; <Binary> */
static void data_element(struct reading *r, cmg_str name, const struct attributes *a)
{
    r->name = attribute(r, a, CMG_LIT("Name"));
    if (!r->name.len && !cmg_str_eq(name, CMG_LIT("Data")))
        r->name = lasting(r, name);
}

static cmg_str joined_name(struct reading *r, cmg_str element, cmg_str attribute)
{
    struct cmg_buf *b = &r->room->text;
    size_t from = b->len;
    if (!cmg_room_add(r->room, element).len || !cmg_room_add(r->room, CMG_LIT(".")).len ||
        !cmg_room_add(r->room, attribute).len)
        return (cmg_str){NULL, 0};
    return cmg_str_from(cmg_buf_str(b), from);
}

/* CAPI2 lists what came of each certificate of a chain; what came of the call is <Result>. The
 * message must not name a failure that the call forgave or that another one outweighed. */
static bool is_detail(cmg_str name)
{
    return cmg_str_eq(name, CMG_LIT("RevocationResult"));
}

/* UserData and its like: elements of any name, nested. A `value` is the element's own, as in
 * CAPI2's <Result value="80092013">; the others have the element's name before theirs. */
static void tree_element(struct reading *r, cmg_str name, const struct attributes *a)
{
    r->name = lasting(r, name);
    r->valued = false;
    for (size_t i = 0; i < a->n; i++) {
        cmg_str key = a->at[i].name;
        if (cmg_str_starts(key, CMG_LIT("xmlns")))
            continue;
        bool own = cmg_str_eq(key, CMG_LIT("value"));
        r->valued = r->valued || own;
        cmg_str value = lasting(r, a->at[i].value);
        if (own && is_detail(r->name))
            cmg_winevent_keep(&r->w, r->name, cmg_str_trim(value));
        else
            cmg_winevent_data(&r->w, own ? r->name : joined_name(r, r->name, key), value);
    }
}

static enum section section_of(cmg_str name)
{
    static const struct {
        cmg_str name;
        enum section section;
    } sections[] = {
        {CMG_LIT("System"), S_SYSTEM},
        {CMG_LIT("EventData"), S_DATA},
        {CMG_LIT("UserData"), S_TREE},
        {CMG_LIT("DebugData"), S_TREE},
        {CMG_LIT("ProcessingErrorData"), S_TREE},
        {CMG_LIT("BinaryEventData"), S_BINARY},
        {CMG_LIT("RenderingInfo"), S_RENDERING},
        {CMG_LIT("ExtendedTracingInfo"), S_TRACE},
    };
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        if (cmg_str_eq(sections[i].name, name))
            return sections[i].section;
    return S_NONE;
}

/* ---- elements -------------------------------------------------------------------------------- */

static void other_element(struct reading *r, cmg_str name)
{
    if (cmg_str_eq(name, CMG_LIT("Message")))
        r->slot = &r->w.rendered;
    else if (cmg_str_eq(name, CMG_LIT("EventName")))
        r->slot = &r->w.event_name;
}

static void child(struct reading *r, unsigned depth, cmg_str name, const struct attributes *a)
{
    switch (r->section) {
    case S_SYSTEM:
        system_element(r, name, a);
        break;
    case S_DATA:
        data_element(r, name, a);
        break;
    case S_TREE:
        tree_element(r, name, a);
        break;
    case S_RENDERING:
        if (depth == CHILD)
            other_element(r, name);
        break;
    default:
        break;
    }
}

/* Without the prefix of its namespace. */
static cmg_str local_name(cmg_str name)
{
    size_t colon = cmg_str_chr(name, ':');
    return colon == CMG_STR_NPOS ? name : cmg_str_from(name, colon + 1);
}

static void on_begin(void *user, unsigned depth, cmg_str name, const struct cmg_attr *attr,
                     size_t n)
{
    struct reading *r = user;
    name = local_name(name);
    r->text = r->name = (cmg_str){NULL, 0};
    r->slot = NULL;
    r->innermost = depth;
    if (depth == SECTION)
        r->section = section_of(name);
    else if (depth > SECTION)
        child(r, depth, name, &(struct attributes){attr, n});
}

/* The text of an element without children. */
static void take_text(struct reading *r, unsigned depth)
{
    if (r->slot)
        *r->slot = cmg_str_trim(r->text);
    else if (r->section == S_BINARY)
        cmg_winevent_data(&r->w, CMG_LIT("BinaryEventData"), r->text);
    else if (depth > SECTION && r->section == S_DATA && cmg_str_eq(r->name, CMG_LIT("Binary")))
        cmg_winevent_keep(&r->w, r->name, cmg_str_trim(r->text));
    else if (r->section == S_TREE && depth > SECTION && r->valued && r->text.len) {
        if (!is_detail(r->name))
            cmg_winevent_say(&r->w, (cmg_str){NULL, 0}, cmg_str_trim(r->text));
    } else if (depth > SECTION && (r->section == S_DATA || r->section == S_TREE))
        cmg_winevent_data(&r->w, r->name, r->text);
}

static void on_end(void *user, unsigned depth)
{
    struct reading *r = user;
    if (r->innermost == depth)
        take_text(r, depth);
    r->innermost = 0;
    if (depth <= SECTION)
        r->section = S_NONE;
}

static const struct cmg_xml_calls calls = {start, on_begin, on_text, on_end};

/* ---- mending --------------------------------------------------------------------------------- */

/* The number of a character that XML does not know: Windows writes "&#x0;" and other controls where
 * its data have them. *ret_len: of the whole reference. */
static bool bad_reference(cmg_str s, size_t *ret_len)
{
    uint64_t n;
    size_t end = cmg_str_chr(cmg_str_head(s, 12), ';');
    if (end == CMG_STR_NPOS || end < 3 || s.ptr[1] != '#')
        return false;
    cmg_str v = cmg_str_cut(s, 2, end);
    bool hex = v.ptr[0] == 'x';
    if (!(hex ? cmg_scan_hex(cmg_str_from(v, 1), &n) : cmg_scan_u64(v, &n)))
        return false;
    *ret_len = end + 1;
    return (n < ' ' && n != '\t' && n != '\n' && n != '\r') || (n >= 0xd800 && n < 0xe000) ||
           n == 0xfffe || n == 0xffff || n > 0x10ffff;
}

/* A control character that XML does not allow. */
static bool bad_byte(char c)
{
    return (unsigned char)c < ' ' && c != '\t' && c != '\n' && c != '\r';
}

/* The same with U+FFFD for what XML has no room for. False: there is no such thing. */
static bool mend(struct cmg_room *room, cmg_str xml, cmg_str *ret)
{
    const cmg_str mark = CMG_LIT("\xef\xbf\xbd");
    size_t from = room->text.len, n, done = 0;
    for (size_t i = 0; i < xml.len; i++) {
        bool reference = xml.ptr[i] == '&' && bad_reference(cmg_str_from(xml, i), &n);
        if (!reference && !bad_byte(xml.ptr[i]))
            continue;
        cmg_room_add(room, cmg_str_cut(xml, done, i));
        cmg_room_add(room, reference ? mark : CMG_LIT(" "));
        done = i + (reference ? n : 1);
        i = done - 1;
    }
    if (!done)
        return false;
    cmg_room_add(room, cmg_str_from(xml, done));
    *ret = cmg_str_from(cmg_buf_str(&room->text), from);
    return true;
}

void cmg_winevent_read_xml(struct cmg_room *room, cmg_str xml, struct cmg_winevent *ret)
{
    struct reading r = {.room = room, .ev = ret->ev, .xml = xml, .base = room->text.len};
    bool ok = cmg_xml_read(room->xml, xml, &calls, &r), mended = false;
    if (!ok && mend(room, xml, &r.xml)) {
        r.base = room->text.len;
        mended = true;
        ok = cmg_xml_read(room->xml, r.xml, &calls, &r);
    }
    if (mended)
        ret->ev->problems |= CMG_P_REPLACED;
    if (!ok)
        ret->ev->problems |= CMG_P_MALFORMED;
    *ret = r.w;
}
