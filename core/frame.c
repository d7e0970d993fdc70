/* SPDX-License-Identifier: Apache-2.0
 * From the text of one record to the record: decoder, time, identity. */
#include "core/stream.h"
#include "core/hash.h"
#include "core/time.h"
#include "core/v16.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { PREFIX = 12 };

static size_t aligned(size_t n)
{
    return (n + 7) & ~(size_t)7;
}

size_t cmg_memory_size(void)
{
    size_t n = sizeof(struct cmg_memory);
    for (size_t i = 0; cmg_decoders[i]; i++)
        n += aligned(cmg_decoders[i]->state_size);
    return n;
}

uint64_t cmg_memory_build(void)
{
    uint64_t h = 1; /* format of struct cmg_memory */
    for (size_t i = 0; cmg_decoders[i]; i++) {
        h = XXH64(cmg_decoders[i]->name, strlen(cmg_decoders[i]->name), h);
        h = XXH64(&(uint64_t){cmg_decoders[i]->state_size}, sizeof(uint64_t), h);
    }
    return h;
}

void *cmg_memory_state(struct cmg_memory *m, uint32_t decoder)
{
    size_t at = sizeof *m;
    for (uint32_t i = 0; i < decoder; i++)
        at += aligned(cmg_decoders[i]->state_size);
    return (char *)m + at;
}

/* The last one's guess is only quicker: at most one decoder besides raw says yes to a line. */
uint32_t cmg_frame_choose(struct cmg_stream *s, cmg_str line)
{
    struct cmg_memory *m = s->memory;
    uint32_t i = m->decoder;
    if (s->engine->decoder) {
        for (i = 0; cmg_decoders[i] != s->engine->decoder;)
            i++;
        return i;
    }
    if (cmg_decoders[i] != &cmg_decoder_raw && cmg_decoders[i]->probe(cmg_memory_state(m, i), line))
        return i;
    for (i = 0; cmg_decoders[i] != &cmg_decoder_raw; i++)
        if (cmg_decoders[i]->probe(cmg_memory_state(m, i), line))
            break;
    return i;
}

static void clear_finding(struct cmg_finding *f)
{
    f->entry = NULL;
    f->role = CMG_ROLE_NONE;
    f->scope = CMG_SCOPE_UNKNOWN;
    f->incident[0] = f->promoted[0] = '\0';
    f->code = 0;
    f->status = -1;
    f->status_text = (cmg_str){NULL, 0};
    f->url = (cmg_str){NULL, 0};
    f->request_id = (cmg_str){NULL, 0};
    f->causes = f->remedies = f->facts = 0;
}

static enum cmg_take decode(struct cmg_stream *s, const struct cmg_frame *f, struct cmg_record *r)
{
    const struct cmg_decoder *d = cmg_decoders[f->decoder];
    if (f->decoded) {
        r->decoder = d;
        return CMG_TAKEN;
    }
    if (d->kind && !s->engine->decoder)
        d = d->kind(f->text);
    cmg_event_clear(&r->event);
    void *state = cmg_memory_state(s->memory, f->decoder);
    enum cmg_take take = cmg_decode(d, state, &s->room, f->text, &r->event);
    r->decoder = d;
    if (take == CMG_NOT_MINE) {
        cmg_event_clear(&r->event);
        r->decoder = &cmg_decoder_raw;
        cmg_decoder_raw.decode(NULL, f->text, &r->event);
        return CMG_TAKEN;
    }
    s->memory->decoder = f->decoder;
    return take;
}

/* @timestamp, and where it comes from. A time without an offset is read as if UTC, or as the
 * options say. */
static void date(struct cmg_stream *s, struct cmg_record *r)
{
    const struct cmg_time *t = &r->event.time;
    const struct cmg_options *o = &s->engine->opt;
    if (t->known) {
        int minutes = t->offset_min;
        if (!t->zoned) {
            r->problems |= CMG_P_NO_TIMEZONE;
            minutes = o->utc_offset ? o->utc_offset(o->utc_offset_user, t->ns / CMG_NS_PER_S) : 0;
        }
        r->time_ns = t->ns - minutes * 60 * CMG_NS_PER_S;
        r->time_source = CMG_TIME_RECORD;
        s->memory->last_ns = r->time_ns;
        s->memory->has_last = 1;
    } else if (s->memory->envelope_ns) {
        r->time_ns = s->memory->envelope_ns;
        r->time_source = CMG_TIME_ENVELOPE;
    } else if (s->memory->has_last) {
        r->time_ns = s->memory->last_ns;
        r->time_source = CMG_TIME_INHERITED;
    } else {
        r->time_ns = cmg_engine_now(s->engine);
        r->time_source = CMG_TIME_READ;
    }
}

/* Sixteen digits of `v`, the high one first. */
#ifdef CMG_V16_SSE2
static inline void write_hex16(char *out, uint64_t v)
{
    const __m128i low = _mm_set1_epi8(15);
    __m128i x = _mm_cvtsi64_si128((int64_t)__builtin_bswap64(v));
    __m128i d = _mm_unpacklo_epi8(_mm_and_si128(_mm_srli_epi64(x, 4), low), _mm_and_si128(x, low));
    __m128i letter =
        _mm_and_si128(_mm_cmpgt_epi8(d, _mm_set1_epi8(9)), _mm_set1_epi8('a' - '9' - 1));
    _mm_storeu_si128((__m128i *)(void *)out,
                     _mm_add_epi8(_mm_add_epi8(d, _mm_set1_epi8('0')), letter));
}
#else
/* Eight of them: the nibbles of `v` are spread over eight bytes, and those above nine get the
 * distance from '9' to 'a' on top. */
static inline uint64_t hex8(uint32_t v)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t x = v;
    x = (x & 0xffff) << 32 | x >> 16;
    x = (x & UINT64_C(0x000000ff000000ff)) << 16 | (x >> 8 & UINT64_C(0x000000ff000000ff));
    x = (x & UINT64_C(0x000f000f000f000f)) << 8 | (x >> 4 & UINT64_C(0x000f000f000f000f));
    return x + 0x30 * ones + 0x27 * ((x + 6 * ones) >> 4 & ones);
}

static inline void write_hex16(char *out, uint64_t v)
{
    cmg_word_store(out, hex8((uint32_t)(v >> 32)));
    cmg_word_store(out + 8, hex8((uint32_t)v));
}
#endif

static uint64_t big_endian64(uint64_t v)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return v;
#else
    return __builtin_bswap64(v);
#endif
}

/* Inlined in full, so that what depends on the length alone is decided here and now. */
static __attribute__((flatten)) XXH128_hash_t hash_key(const uint64_t key[5])
{
    return XXH3_128bits(key, 5 * sizeof *key);
}

/* event.id: milliseconds of the record's own clock (so that --timezone does not change it; zeros
 * without a time), then the hash of where it stands and what it says. Byte order is fixed, so ids
 * agree between machines. */
static void identify(struct cmg_stream *s, const struct cmg_frame *f, struct cmg_record *r)
{
    struct cmg_memory *m = s->memory;
    if (!m->has_generation && !f->placeless &&
        !(r->problems & (CMG_P_PARTIAL_TAIL | CMG_P_TRUNCATED))) {
        m->generation = XXH3_64bits(f->source.ptr, f->source.len);
        m->has_generation = 1;
    }
    struct cmg_hash raw = cmg_hash128(f->source);
    const uint64_t key[5] = {big_endian64(s->host_hash), big_endian64(m->generation),
                             big_endian64(f->offset), big_endian64(raw.high),
                             big_endian64(raw.low)};
    XXH128_hash_t all = hash_key(key);
    const struct cmg_time *t = &r->event.time;
    int64_t own = t->known ? t->ns - t->offset_min * 60 * CMG_NS_PER_S : 0;
    uint64_t ms = own > 0 ? (uint64_t)own / 1000000 : 0;
    write_hex16(r->id, ms << 16); /* the hash is written over its last four */
    write_hex16(r->id + PREFIX, all.high64);
    write_hex16(r->id + PREFIX + 16, all.low64);
    r->id[CMG_ID_SIZE - 1] = '\0';
}

/* What was fed and lies behind the text. */
static size_t slack_of(const struct cmg_lines *in, cmg_str text)
{
    uintptr_t end = (uintptr_t)text.ptr + text.len - (uintptr_t)in->ptr;
    return end <= in->end ? in->end - end : 0;
}

bool cmg_frame_decode(struct cmg_stream *s, const struct cmg_frame *f, struct cmg_record *r)
{
    enum cmg_take take = decode(s, f, r);
    if (take == CMG_SKIP) {
        s->stats.skips++;
        s->stats.bytes_skipped += f->length;
        return false;
    }
    r->stream = s;
    r->host = r->event.host.len ? r->event.host : s->host;
    r->path = s->path;
    r->raw = f->text;
    r->slack = slack_of(&s->in, f->text);
    r->offset = f->placeless ? UINT64_MAX : f->offset;
    r->length = f->length;
    r->lines = f->lines;
    r->lang = s->engine->opt.lang;
    r->problems = f->problems | r->event.problems;
    if (r->decoder == &cmg_decoder_raw && s->engine->decoder != &cmg_decoder_raw)
        r->problems |= CMG_P_UNDECODED;
    if (!f->plain && f->text.len && memchr(f->text.ptr, 0, f->text.len))
        r->problems |= CMG_P_NUL;
    clear_finding(&r->finding);
    date(s, r);
    identify(s, f, r);
    return true;
}
