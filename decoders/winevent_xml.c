/* SPDX-License-Identifier: Apache-2.0
 * Windows events in XML: what wevtutil and the Event Viewer export, Windows Event Forwarding and
 * agents send.
 *
 *     <Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System>...</Event>
 *
 * One record an event, on one line or on many, with or without <Events> around them; that tag and
 * an XML declaration before it are wrapping, not records. Tags may have a namespace's prefix. An
 * event ends at its closing tag. Inside a text "<" is escaped, so nothing else looks like one,
 * except in comments and sections of literal text (CDATA), which other programs write. */
#include "decoders/winevent.h"

enum { PREFIX_MAX = 16, LITERAL_MAX = 64 << 10 };

/* ---- framing --------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static size_t blanks(cmg_str s, size_t at)
{
    while (at < s.len && is_blank(s.ptr[at]))
        at++;
    return at;
}

static bool is_name_char(char c)
{
    return (cmg_lower(c) >= 'a' && cmg_lower(c) <= 'z') || cmg_is_digit(c) || c == '_' ||
           c == '-' || c == '.';
}

/* "e:" of "e:Event"; empty where there is none. */
static cmg_str prefix_of(cmg_str s)
{
    size_t n = 0;
    while (n < s.len && n < PREFIX_MAX && is_name_char(s.ptr[n]))
        n++;
    return cmg_str_head(s, n && n < s.len && s.ptr[n] == ':' ? n + 1 : 0);
}

/* The tag of that name, as a whole word at `at`; `open` is "<" or "</". */
static bool has_tag(cmg_str s, size_t at, cmg_str open, cmg_str name)
{
    s = cmg_str_from(s, at);
    if (!cmg_str_starts(s, open))
        return false;
    s = cmg_str_from(s, open.len);
    s = cmg_str_from(s, prefix_of(s).len);
    if (!cmg_str_starts(s, name))
        return false;
    return s.len == name.len || is_blank(s.ptr[name.len]) || s.ptr[name.len] == '>' ||
           s.ptr[name.len] == '/';
}

static bool is_event(cmg_str s, size_t at)
{
    return has_tag(s, at, CMG_LIT("<"), CMG_LIT("Event"));
}

static bool is_wrapper(cmg_str s, size_t at)
{
    return has_tag(s, at, CMG_LIT("<"), CMG_LIT("Events")) ||
           has_tag(s, at, CMG_LIT("</"), CMG_LIT("Events"));
}

static bool is_declaration(cmg_str s, size_t at)
{
    return has_tag(s, at, CMG_LIT("<"), CMG_LIT("?xml"));
}

bool cmg_winevent_xml_head(cmg_str line)
{
    size_t at = blanks(line, 0);
    return at < line.len && line.ptr[at] == '<' &&
           (is_event(line, at) || is_wrapper(line, at) || is_declaration(line, at));
}

/* `at` is inside a comment or a section of literal text that has begun behind `from`. Looks back
 * only so far: each line of a long one may hold what looks like a closing tag. */
static bool in_literal(cmg_str s, size_t from, size_t at)
{
    if (at - from > LITERAL_MAX)
        return false;
    for (size_t n; (n = cmg_str_chr(cmg_str_cut(s, from, at), '!')) != CMG_STR_NPOS;) {
        from += n;
        cmg_str mark = cmg_str_cut(s, from, at), end;
        bool tag = from && s.ptr[from - 1] == '<';
        if (tag && cmg_str_starts(mark, CMG_LIT("![CDATA[")))
            end = CMG_LIT("]]>");
        else if (tag && cmg_str_starts(mark, CMG_LIT("!--")))
            end = CMG_LIT("-->");
        else
            end = CMG_LIT("!");
        n = cmg_str_find(mark, end);
        if (n == CMG_STR_NPOS)
            return true;
        from += n + end.len;
    }
    return false;
}

/* An event that has begun: where, and what its closing tag ends with. */
struct begun {
    size_t at;
    cmg_str prefix, tag;
};

static struct begun event_at(cmg_str s, size_t at)
{
    cmg_str prefix = is_event(s, at) ? prefix_of(cmg_str_from(s, at + 1)) : (cmg_str){NULL, 0};
    return (struct begun){at, prefix, prefix.len ? CMG_LIT(":Event") : CMG_LIT("</Event")};
}

/* The name in front of the colon is the event's, and a closing tag's. */
static bool has_prefix(const struct begun *b, cmg_str head)
{
    return !b->prefix.len ||
           (cmg_str_ends(head, b->prefix) &&
            cmg_str_ends(cmg_str_head(head, head.len - b->prefix.len), CMG_LIT("</")));
}

/* Behind the closing tag, CMG_STR_NPOS: there is none yet. It may be broken before its '>'. */
static size_t event_end(cmg_str s, const struct begun *b, size_t from)
{
    for (size_t at; (at = cmg_str_find(cmg_str_from(s, from), b->tag)) != CMG_STR_NPOS;) {
        at += from;
        from = at + b->tag.len;
        size_t end = blanks(s, from);
        if (end < s.len && s.ptr[end] == '>' && has_prefix(b, cmg_str_head(s, at + 1)) &&
            !in_literal(s, b->at, at))
            return end + 1;
    }
    return CMG_STR_NPOS;
}

/* What stands before an event. */
struct prolog {
    size_t end;   /* of it */
    bool wrapper; /* <Events> or </Events> was there */
};

/* A tag that is not whole on its line ends nothing. */
static struct prolog prolog_of(cmg_str s)
{
    struct prolog p = {0, false};
    for (;;) {
        size_t at = blanks(s, p.end);
        bool wrapper = is_wrapper(s, at);
        if (at == s.len)
            p.end = at;
        if (!wrapper && !is_declaration(s, at))
            return p;
        size_t n = cmg_str_chr(cmg_str_from(s, at), '>');
        if (n == CMG_STR_NPOS)
            return p;
        p.wrapper = p.wrapper || wrapper;
        p.end = at + n + 1;
    }
}

static struct cmg_cut cut(enum cmg_verdict verdict, size_t end)
{
    return (struct cmg_cut){verdict, end};
}

/* No event has begun: nothing is held, or a declaration. Whose that is, the next line says; it
 * stays with an event, and goes with <Events>. */
static struct cmg_cut split_first(cmg_str text, size_t fresh)
{
    struct prolog p = prolog_of(text);
    size_t at = blanks(text, p.end);
    if (p.end == text.len)
        return p.wrapper ? cut(CMG_DONE, text.len) : cut(CMG_MORE, 0);
    if (p.wrapper)
        return cut(CMG_DONE, at);
    if (!is_event(text, at))
        return fresh ? cut(CMG_NEW, fresh) : cut(CMG_DONE, text.len);
    struct begun b = event_at(text, at);
    size_t end = event_end(text, &b, at);
    return end != CMG_STR_NPOS ? cut(CMG_DONE, end) : cut(CMG_MORE, 0);
}

/* Where to look on for the closing tag: it may be broken by the line end. */
static size_t look_from(cmg_str text, const struct begun *b, size_t fresh)
{
    while (fresh && is_blank(text.ptr[fresh - 1]))
        fresh--;
    return cmg_str_ends(cmg_str_head(text, fresh), b->tag) ? fresh - b->tag.len : fresh;
}

/* And no event behind it. Else what is held is one, or the rest of one that was cut at the cap. */
static bool holds_declaration(cmg_str held)
{
    return is_declaration(held, blanks(held, 0)) &&
           !is_event(held, blanks(held, prolog_of(held).end));
}

static struct cmg_cut split(cmg_str text, size_t fresh)
{
    bool rest = fresh == CMG_FRESH_REST;
    if (!fresh || (rest && cmg_winevent_xml_head(text)))
        return text.len ? split_first(text, 0) : cut(CMG_DONE, 0);
    if (rest)
        fresh = 0;
    else if (holds_declaration(cmg_str_head(text, fresh)))
        return split_first(text, fresh);
    cmg_str line = cmg_str_from(text, fresh);
    if (fresh && (cmg_winevent_xml_head(line) || cmg_ccm_opener(line) != CMG_STR_NPOS))
        return cut(CMG_NEW, fresh);
    struct begun b = event_at(text, rest ? 0 : blanks(text, prolog_of(text).end));
    size_t end = event_end(text, &b, look_from(text, &b, fresh));
    return end != CMG_STR_NPOS ? cut(CMG_DONE, end) : cut(CMG_MORE, 0);
}

/* What is held is no whole record, or it would have ended before. */
struct cmg_cut cmg_winevent_xml_split(cmg_str text, size_t fresh)
{
    struct cmg_cut c = split(text, fresh);
    bool before = fresh && fresh != CMG_FRESH_REST && c.verdict == CMG_DONE && c.end < fresh;
    return before ? cut(CMG_NEW, fresh) : c;
}

/* ---- descriptor ------------------------------------------------------------------------------ */

static bool probe(const void *state, cmg_str line)
{
    (void)state;
    return cmg_winevent_xml_head(line);
}

cmg_str cmg_winevent_xml_element(cmg_str text)
{
    size_t at = blanks(text, prolog_of(text).end);
    struct begun b = event_at(text, at);
    return cmg_str_cut(text, at, event_end(text, &b, at));
}

enum cmg_take cmg_winevent_xml_decode(struct cmg_room *room, cmg_str record, struct cmg_event *ev)
{
    struct cmg_winevent w = {.ev = ev};
    struct prolog p = prolog_of(record);
    size_t at = blanks(record, p.end);
    if (!is_event(record, at))
        return p.wrapper && at == record.len ? CMG_SKIP : CMG_NOT_MINE;
    struct begun b = event_at(record, at);
    size_t end = event_end(record, &b, at);
    cmg_str behind =
        end == CMG_STR_NPOS ? (cmg_str){NULL, 0} : cmg_str_trim(cmg_str_from(record, end));
    cmg_winevent_read_xml(room, cmg_str_cut(record, at, end), &w);
    if (behind.len)
        ev->problems |= CMG_P_TRAILING_TEXT;
    cmg_winevent_finish(&w);
    if (!ev->message.len)
        ev->message = record;
    return CMG_TAKEN;
}

/* Traces have the same beginning. Only of a trace file Windows knows the processor ("Event
 * Schema": ProcessorID, KernelTime, UserTime). */
static const struct cmg_decoder *kind(cmg_str record)
{
    enum { TAIL = 512 }; /* where the last element is */
    size_t at = cmg_str_find(record, CMG_LIT("<Execution "));
    cmg_str tag = cmg_str_from(record, at == CMG_STR_NPOS ? record.len : at);
    tag = cmg_str_head(tag, cmg_str_chr(tag, '>'));
    cmg_str tail = cmg_str_from(record, record.len > TAIL ? record.len - TAIL : 0);
    bool trace = cmg_str_find(tag, CMG_LIT("ProcessorID=")) != CMG_STR_NPOS ||
                 cmg_str_find(tail, CMG_LIT("<ExtendedTracingInfo")) != CMG_STR_NPOS;
    return trace ? &cmg_decoder_etw_xml : &cmg_decoder_winevent_xml;
}

const struct cmg_decoder cmg_decoder_winevent_xml = {
    .name = "winevent-xml",
    .summary = "Windows events in XML: exports of wevtutil and the Event Viewer, forwarded events",
    .probe = probe,
    .split = cmg_winevent_xml_split,
    .decode_in = cmg_winevent_xml_decode,
    .kind = kind,
};
