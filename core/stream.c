/* SPDX-License-Identifier: Apache-2.0
 * One log of one host: bytes in, records out.
 *
 * The bytes stay where they were read to. A record's text is a slice of them, unless one of its
 * lines had to be converted to UTF-8: then it is put together in a second buffer. Its bytes in the
 * input stay contiguous in any case, so that its offset, length and hash are those of the log. */
#include "core/stream.h"
#include "enrich/enrich.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* ---- birth and death ------------------------------------------------------------------------- */

/* Names are outside bytes, too: records hold them as UTF-8. Two paths that differ only in bytes
 * without a meaning stay two logs. */
static bool copy_names(struct cmg_stream *s, const struct cmg_origin *o)
{
    enum { WIDEST = 3 }; /* bytes of U+FFFD for one that means nothing */
    cmg_str host = o->host.len ? o->host : s->engine->opt.host;
    size_t replaced;
    s->names = cmg_buf_init(WIDEST * (host.len + o->path.len) + 1);
    if (cmg_buf_reserve(&s->names, 1) != CMG_OK ||
        cmg_utf8_from(CMG_ENC_UTF8, host, &s->names, &replaced) != CMG_OK)
        return false;
    size_t middle = s->names.len;
    for (size_t i = 0; i < middle; i++)
        s->names.ptr[i] = cmg_lower(s->names.ptr[i]);
    if (cmg_utf8_from(CMG_ENC_UTF8, o->path, &s->names, &replaced) != CMG_OK)
        return false;
    s->host = cmg_str_head(cmg_buf_str(&s->names), middle);
    s->path = cmg_str_from(cmg_buf_str(&s->names), middle);
    s->host_hash = XXH3_64bits(s->host.ptr, s->host.len) + o->apart * UINT64_C(0x9e3779b97f4a7c15);
    s->id = XXH3_64bits_withSeed(o->path.ptr, o->path.len, s->host_hash);
    return true;
}

struct cmg_stream *cmg_stream_new(const struct cmg_engine *e, struct cmg_corr *c,
                                  const struct cmg_origin *origin)
{
    struct cmg_stream *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->engine = e;
    s->corr = c;
    s->memory_size = cmg_memory_size();
    s->memory = calloc(1, s->memory_size);
    if (!s->memory || !copy_names(s, origin)) {
        cmg_stream_free(s);
        return NULL;
    }
    s->memory->build = cmg_memory_build();
    s->in.base = origin->offset;
    s->memory->envelope_ns = origin->envelope_ns;
    s->text =
        cmg_buf_init(4 * (e->opt.max_record + 16)); /* the widest a character grows: 1 byte to 3 */
    s->room = cmg_room_init(s->text.cap);
    return s;
}

void cmg_stream_free(struct cmg_stream *s)
{
    if (!s)
        return;
    cmg_lines_done(&s->in);
    cmg_buf_done(&s->text);
    cmg_room_done(&s->room);
    free(s->memory);
    cmg_buf_done(&s->names);
    free(s);
}

/* ---- feeding --------------------------------------------------------------------------------- */

char *cmg_stream_room(struct cmg_stream *s, size_t want)
{
    return cmg_lines_room(&s->in, want);
}

void cmg_stream_fed(struct cmg_stream *s, size_t n)
{
    s->in.end += n;
    s->stats.bytes_in += n;
    s->in.final = false;
    s->ended = s->flush = s->promote = false;
}

enum cmg_rc cmg_stream_feed(struct cmg_stream *s, cmg_str bytes)
{
    if (!bytes.len)
        return CMG_OK;
    char *room = cmg_lines_room(&s->in, bytes.len);
    if (!room)
        return CMG_ENOMEM;
    memcpy(room, bytes.ptr, bytes.len);
    cmg_stream_fed(s, bytes.len);
    return CMG_OK;
}

void cmg_stream_end(struct cmg_stream *s)
{
    s->in.final = s->ended = s->promote = true;
}

void cmg_stream_idle(struct cmg_stream *s)
{
    s->in.final = s->flush = s->promote = true;
}

void cmg_stream_flush(struct cmg_stream *s, bool over)
{
    s->in.final = s->flush = true;
    s->ended = over;
}

/* The stand-in for an offset grows with every line of one time, so that two equal lines stay two,
 * and is the same when the same lines come again. */
void cmg_stream_at(struct cmg_stream *s, uint64_t offset, int64_t envelope_ns)
{
    bool held = s->in.line != s->in.start;
    s->memory->placeless = offset == UINT64_MAX;
    s->memory->occurrence = s->memory->placeless && envelope_ns == s->memory->envelope_ns
                                ? s->memory->occurrence + 1
                                : 0;
    s->memory->envelope_ns = envelope_ns;
    if (s->memory->placeless) /* spread, so that a count never reaches the next time's stand-in */
        offset = (uint64_t)envelope_ns * UINT64_C(0x9e3779b97f4a7c15) + s->memory->occurrence;
    if (!held)
        s->in.base = offset - s->in.start;
}

/* ---- putting a record together --------------------------------------------------------------- */

static cmg_str bytes_of(const struct cmg_stream *s, const struct cmg_line *line)
{
    return cmg_str_of(s->in.ptr + s->in.line + line->mark, line->raw - line->eol - line->mark);
}

static enum cmg_encoding encoding_of(const struct cmg_stream *s, const struct cmg_line *line)
{
    if (line->plain)
        return CMG_ENC_UTF8;
    if (s->in.width != CMG_BYTES)
        return s->in.width == CMG_UTF16LE ? CMG_ENC_UTF16LE : CMG_ENC_UTF16BE;
    cmg_str bytes = bytes_of(s, line);
    return cmg_utf8_valid(bytes) == bytes.len ? CMG_ENC_UTF8 : CMG_ENC_CP1252;
}

/* What is held so far goes to the second buffer, so that a converted line can follow it. */
static enum cmg_rc start_copy(struct cmg_stream *s)
{
    s->text.len = 0;
    size_t from = s->in.start + s->front;
    cmg_str held = cmg_str_of(s->in.ptr + from, s->in.line > from ? s->in.line - from : 0);
    enum cmg_rc rc = cmg_buf_add(&s->text, held);
    if (rc == CMG_OK)
        s->copied = true;
    return rc;
}

/* The line's text behind what is held. *ret_text is all of it, *ret_fresh where the line begins. On
 * failure the stream is as before. */
static enum cmg_rc append(struct cmg_stream *s, const struct cmg_line *line, enum cmg_encoding enc,
                          cmg_str *ret_text, size_t *ret_fresh)
{
    cmg_str bytes = bytes_of(s, line);
    bool first = s->in.line == s->in.start;
    if (first)
        s->front = line->mark;
    if (enc == CMG_ENC_UTF8 && !s->copied && (first || !line->mark)) {
        size_t from = s->in.start + s->front;
        *ret_fresh = first ? 0 : s->in.line - from;
        *ret_text = cmg_str_of(s->in.ptr + from, s->in.line + line->raw - line->eol - from);
        return CMG_OK;
    }
    enum cmg_rc rc = s->copied ? CMG_OK : start_copy(s);
    size_t fresh = s->text.len, replaced = 0;
    if (rc == CMG_OK)
        rc = cmg_utf8_from(enc, bytes, &s->text, &replaced);
    if (rc != CMG_OK)
        return rc;
    if (enc != CMG_ENC_UTF8)
        s->held_problems |= CMG_P_TRANSCODED;
    if (replaced)
        s->held_problems |= CMG_P_REPLACED;
    *ret_fresh = fresh;
    *ret_text = cmg_buf_str(&s->text);
    return CMG_OK;
}

static void forget_held(struct cmg_stream *s)
{
    s->copied = false;
    s->front = 0;
    s->held_lines = s->held_problems = 0;
}

/* The record is [start, start + length) of the input, the last `eol` of it its line end. */
static void take(struct cmg_stream *s, cmg_str text, size_t length, size_t eol,
                 struct cmg_frame *ret)
{
    struct cmg_lines *in = &s->in;
    ret->text = text;
    ret->source = cmg_str_of(in->ptr + in->start, length - eol);
    ret->offset = in->base + in->start;
    ret->length = length;
    ret->lines = s->held_lines;
    ret->problems = s->held_problems;
    ret->decoder = s->held_decoder;
    ret->placeless = s->memory->placeless;
    ret->plain = ret->decoded = false;
    in->start += length;
    in->line = in->start;
    if (in->scan < in->line)
        in->scan = in->line;
    forget_held(s);
}

/* The held lines end where the fresh one begins; their own last line end goes. */
static void take_held(struct cmg_stream *s, cmg_str text, size_t fresh, struct cmg_frame *ret)
{
    struct cmg_lines *in = &s->in;
    size_t length = in->line - in->start, scan = in->scan, u = in->width == CMG_BYTES ? 1 : 2;
    size_t eol = fresh && text.ptr[fresh - 1] == '\n' ? u : 0;
    text.len = fresh - (eol ? 1 : 0);
    if (eol && text.len && text.ptr[text.len - 1] == '\r') {
        text.len--;
        eol += u;
    }
    take(s, text, length, eol, ret);
    in->scan = scan;
}

/* The decoder ended the record inside the line: where is that in the input? */
static size_t source_end(const struct cmg_stream *s, const struct cmg_line *line,
                         enum cmg_encoding enc, cmg_str text, size_t fresh, size_t end)
{
    size_t in_line = end - fresh;
    if (enc != CMG_ENC_UTF8)
        in_line = cmg_utf8_source_len(enc, cmg_str_cut(text, fresh, end));
    return s->in.line - s->in.start + line->mark + in_line;
}

/* Keep the line and wait for the next one. In the second buffer its line end is one '\n', or
 * "\r\n". */
static enum cmg_rc hold(struct cmg_stream *s, const struct cmg_line *line)
{
    size_t u = s->in.width == CMG_BYTES ? 1 : 2;
    if (s->copied && line->eol) {
        enum cmg_rc rc = cmg_buf_add(&s->text, line->eol > u ? CMG_LIT("\r\n") : CMG_LIT("\n"));
        if (rc != CMG_OK)
            return rc;
    }
    s->in.line += line->raw;
    if (s->in.scan < s->in.line)
        s->in.scan = s->in.line;
    return CMG_OK;
}

enum step { STEP_WAIT, STEP_AGAIN, STEP_FRAME, STEP_NOMEM };

static struct cmg_cut split(const struct cmg_stream *s, cmg_str text, size_t fresh)
{
    const struct cmg_decoder *d = cmg_decoders[s->held_decoder];
    if (!d->split)
        return (struct cmg_cut){CMG_DONE, text.len};
    return d->split(text, s->memory->continuing && !fresh ? CMG_FRESH_REST : fresh);
}

/* The largest record is full, or the input ends inside a record. */
static enum step take_forced(struct cmg_stream *s, cmg_str text, const struct cmg_line *line,
                             uint32_t problem, struct cmg_frame *ret)
{
    s->held_problems |= problem;
    take(s, text, s->in.line - s->in.start + line->raw, line->eol, ret);
    bool goes_on = problem == CMG_P_TRUNCATED && cmg_decoders[s->held_decoder]->split;
    s->memory->continuing = goes_on ? (uint8_t)(s->held_decoder + 1) : 0;
    return STEP_FRAME;
}

static enum step settle(struct cmg_stream *s, const struct cmg_line *line, enum cmg_encoding enc,
                        cmg_str text, size_t fresh, struct cmg_frame *ret)
{
    struct cmg_cut cut = split(s, text, fresh);
    if (cut.verdict == CMG_NEW && fresh) {
        s->held_lines--;
        take_held(s, text, fresh, ret);
        s->memory->continuing = 0;
        return STEP_FRAME;
    }
    if (cut.verdict == CMG_MORE && line->cut)
        return take_forced(s, text, line, CMG_P_TRUNCATED, ret);
    if (cut.verdict == CMG_MORE && s->in.final && s->in.line + line->raw == s->in.end)
        return take_forced(s, text, line, CMG_P_PARTIAL_TAIL, ret);
    if (cut.verdict == CMG_MORE)
        return hold(s, line) == CMG_OK ? STEP_AGAIN : STEP_NOMEM;
    s->memory->continuing = 0;
    if (cut.end < text.len && cmg_str_trim(cmg_str_from(text, cut.end)).len) {
        size_t length = source_end(s, line, enc, text, fresh, cut.end);
        take(s, cmg_str_head(text, cut.end), length, 0, ret);
        s->in.scan = s->in.line;
        return STEP_FRAME;
    }
    if (line->cut)
        return take_forced(s, text, line, CMG_P_TRUNCATED, ret);
    return take_forced(s, text, line, line->open && s->flush && !s->ended ? CMG_P_PARTIAL_TAIL : 0,
                       ret);
}

static enum step skip_blank(struct cmg_stream *s, const struct cmg_line *line)
{
    s->in.start += line->raw;
    s->in.line = s->in.start;
    if (s->in.scan < s->in.line)
        s->in.scan = s->in.line;
    s->stats.skips++;
    s->stats.bytes_skipped += line->raw;
    forget_held(s);
    return STEP_AGAIN;
}

/* No further line. At the end of the input what is held is a record without its tail. */
static enum step release(struct cmg_stream *s, struct cmg_frame *ret)
{
    struct cmg_lines *in = &s->in;
    size_t from = in->start + s->front;
    if (!in->final || in->line != in->end || in->line == in->start)
        return STEP_WAIT;
    cmg_str text = s->copied ? cmg_buf_str(&s->text) : cmg_str_of(in->ptr + from, in->line - from);
    s->held_problems |= CMG_P_PARTIAL_TAIL;
    take_held(s, text, text.len, ret);
    s->memory->continuing = 0;
    return STEP_FRAME;
}

/* The line alone is a record in its decoder's usual form. Only the decoder of the record before is
 * asked: what it takes so, its probe would take too. */
static bool take_whole(struct cmg_stream *s, const struct cmg_line *line, enum cmg_encoding enc,
                       struct cmg_frame *ret, struct cmg_event *ret_event)
{
    const struct cmg_memory *m = s->memory;
    const struct cmg_decoder *d = cmg_decoders[m->decoder];
    if (!d->whole || enc != CMG_ENC_UTF8 || !line->eol || m->continuing || line->cut ||
        (s->engine->decoder && s->engine->decoder != d) || !d->whole(bytes_of(s, line), ret_event))
        return false;
    s->held_decoder = m->decoder;
    s->held_lines = 1;
    take(s, bytes_of(s, line), line->raw, line->eol, ret);
    ret->plain = line->plain;
    ret->decoded = true;
    return true;
}

/* One line forward. */
static enum step step(struct cmg_stream *s, struct cmg_frame *ret, struct cmg_event *ret_event)
{
    struct cmg_lines *in = &s->in;
    size_t held = in->line - in->start, max = s->engine->opt.max_record;
    struct cmg_line line;
    in->width = (enum cmg_width)s->memory->width;
    bool found = cmg_lines_find(in, held < max ? max - held : 0, &line);
    s->memory->width =
        (uint8_t)in->width; /* may have been settled before the line's end is there */
    if (!found)
        return release(s, ret);
    enum cmg_encoding enc = encoding_of(s, &line);
    if (!held && take_whole(s, &line, enc, ret, ret_event))
        return STEP_FRAME;
    cmg_str text;
    size_t fresh;
    uint32_t problems = s->held_problems;
    if (append(s, &line, enc, &text, &fresh) != CMG_OK)
        return STEP_NOMEM;
    if (!held && s->memory->continuing) {
        s->held_decoder = s->memory->continuing - 1u;
    } else if (!held) {
        if (!cmg_str_trim(text).len)
            return skip_blank(s, &line);
        s->held_decoder = cmg_frame_choose(s, text);
    }
    s->held_lines++;
    enum step r = STEP_NOMEM;
    if (!cmg_decoders[s->held_decoder]->decode_in || cmg_room_ready(&s->room, text.len) == CMG_OK)
        r = settle(s, &line, enc, text, fresh, ret);
    if (r == STEP_NOMEM) {
        s->held_lines--;
        s->held_problems = problems;
        s->text.len = fresh;
    }
    return r;
}

/* ---- records --------------------------------------------------------------------------------- */

static void count(struct cmg_stream *s, const struct cmg_record *r)
{
    struct cmg_stream_stats *n = &s->stats;
    n->records++;
    n->bytes_records += r->length;
    n->undecoded += (r->problems & CMG_P_UNDECODED) != 0;
    n->truncated += (r->problems & CMG_P_TRUNCATED) != 0;
    n->findings += r->finding.role != CMG_ROLE_NONE;
    n->primaries += r->finding.role == CMG_ROLE_PRIMARY;
    n->promoted += r->decoder == NULL;
}

static int64_t window_time(const struct cmg_record *r)
{
    return r->time_source == CMG_TIME_READ ? 0 : r->time_ns;
}

static bool promotion(struct cmg_stream *s, int64_t now, bool all, struct cmg_record *ret)
{
    if (!cmg_enrich_due(s->engine->enricher, s->corr, s->id, now, all, ret))
        return false;
    ret->stream = s;
    ret->lang = s->engine->opt.lang;
    count(s, ret);
    return true;
}

/* Promotions that the record's time brings about leave before it; it waits for them in s->record.
 */
static enum cmg_rc hand_out(struct cmg_stream *s, struct cmg_record *ret)
{
    if (promotion(s, window_time(ret), false, &s->promoted)) {
        if (!s->pending)
            s->record = *ret;
        s->pending = s->in.pin = true;
        *ret = s->promoted;
        return CMG_OK;
    }
    s->pending = false;
    cmg_enrich(s->engine->enricher, s->corr, s->id, ret);
    count(s, ret);
    return CMG_OK;
}

enum cmg_rc cmg_stream_next(struct cmg_stream *s, struct cmg_record *ret)
{
    struct cmg_frame f;
    if (s->pending) {
        *ret = s->record;
        return hand_out(s, ret);
    }
    if (s->in.pin || s->in.kept)
        cmg_lines_unpin(&s->in);
    for (;;) {
        enum step r = step(s, &f, &ret->event);
        if (r == STEP_NOMEM)
            return CMG_ENOMEM;
        if (r == STEP_WAIT)
            return promotion(s, s->window_ns, s->promote, ret) ? CMG_OK : CMG_AGAIN;
        if (r == STEP_FRAME && cmg_frame_decode(s, &f, ret))
            return hand_out(s, ret);
    }
}

/* ---- whole records from elsewhere ------------------------------------------------------------ */

static cmg_str without_line_end(cmg_str f)
{
    if (f.len && f.ptr[f.len - 1] == '\n')
        f.len--;
    if (f.len && f.ptr[f.len - 1] == '\r')
        f.len--;
    return f;
}

/* Windows-1252 where it is not UTF-8. Without memory the sound part of it stays: the caller's frame
 * is not lost to him. */
static void convert(struct cmg_stream *s, struct cmg_frame *f)
{
    size_t valid = cmg_utf8_valid(f->text), replaced = 0;
    if (valid == f->text.len)
        return;
    s->text.len = 0;
    if (cmg_utf8_from(CMG_ENC_CP1252, f->text, &s->text, &replaced) == CMG_OK)
        f->text = cmg_buf_str(&s->text);
    else
        f->text = cmg_str_head(f->text, valid);
    f->problems = CMG_P_TRANSCODED | (replaced ? CMG_P_REPLACED : 0);
}

bool cmg_stream_frame(struct cmg_stream *s, cmg_str frame, struct cmg_record *ret)
{
    struct cmg_frame f = {
        .offset = s->in.base, .length = frame.len, .lines = 1, .placeless = s->memory->placeless};
    f.source = f.text = without_line_end(frame);
    if (cmg_str_starts(f.text, CMG_LIT("\xef\xbb\xbf")))
        f.text = cmg_str_from(f.text, 3);
    s->stats.bytes_in += frame.len;
    if (!f.placeless)
        s->in.base += frame.len;
    convert(s, &f);
    if (!cmg_str_trim(f.text).len) {
        s->stats.skips++;
        s->stats.bytes_skipped += frame.len;
        return false;
    }
    for (cmg_str t = f.text; cmg_str_chr(t, '\n') != CMG_STR_NPOS;
         t = cmg_str_from(t, cmg_str_chr(t, '\n') + 1))
        f.lines++;
    f.decoder = cmg_frame_choose(s, f.text);
    if (!cmg_frame_decode(s, &f, ret))
        return false;
    s->window_ns = window_time(ret);
    cmg_enrich(s->engine->enricher, s->corr, s->id, ret);
    count(s, ret);
    return true;
}

/* ---- position and memory --------------------------------------------------------------------- */

uint64_t cmg_stream_offset(const struct cmg_stream *s)
{
    return s->pending ? s->record.offset : s->in.base + s->in.start;
}

const struct cmg_stream_stats *cmg_stream_stats(const struct cmg_stream *s)
{
    return &s->stats;
}

cmg_str cmg_stream_state(const struct cmg_stream *s)
{
    return cmg_str_of((const char *)s->memory, s->memory_size);
}

bool cmg_stream_restore(struct cmg_stream *s, cmg_str state)
{
    struct cmg_memory head;
    if (state.len != s->memory_size)
        return false;
    memcpy(&head, state.ptr, sizeof head);
    size_t n = 0;
    while (cmg_decoders[n])
        n++;
    if (head.build != s->memory->build || head.decoder >= n || head.width > CMG_UTF16BE)
        return false;
    memcpy(s->memory, state.ptr, state.len);
    return true;
}
