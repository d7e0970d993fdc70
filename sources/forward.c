/* SPDX-License-Identifier: Apache-2.0
 * Messages are found token by token, so that one that comes in single bytes is looked at once only;
 * what is packed is unpacked event by event, so that it never stands in memory as a whole.
 *
 * The modes, options and the handshake are those of "Fluentd Forward Protocol Specification (v1)".
 */
#include "sources/forward.h"

#include "core/msgpack.h"
#include "core/time.h"
#include "sources/forward_json.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <zlib.h>

enum {
    FEED_MAX = 256 << 10,
    KEEP = 64 << 10,
    INFLATE_STEP = 32 << 10,
    HEX = 128,     /* of SHA-512 */
    DEPTH_16 = 16, /* gzip: windowBits 15 + 16 */
};

/* Where one object of msgpack ends, looked for as it comes. */
struct scan {
    size_t at;     /* behind the last token */
    uint64_t left; /* objects to come */
};

struct cmg_forward {
    struct cmg_forward_options opt;
    char key[CMG_FORWARD_KEY_MAX], hostname[256];
    const char *fault;
    struct cmg_buf in, out, json;
    size_t at; /* the message begins there */
    struct scan scan;
    bool known;  /* the peer has proven the key, or need not */
    bool opened; /* a message is being given out */
    /* The message that is being given out. */
    cmg_str message, tag, chunk;
    cmg_str events; /* Forward and PackedForward: what is left */
    uint32_t left;  /* Forward: how many; Message: 1 */
    bool single, packed, zipped;
    z_stream zip;
    struct cmg_buf plain; /* unpacked, not given out from `plain_at` on */
    size_t plain_at;
    struct scan plain_scan;
    uint64_t inflated;
    bool zip_done;
};

static enum cmg_rc broken(struct cmg_forward *f, const char *why)
{
    f->fault = why;
    return CMG_EIO;
}

/* ---- life ------------------------------------------------------------------------------------ */

static enum cmg_rc put_hello(struct cmg_forward *f)
{
    cmg_str nonce = cmg_str_of(f->opt.nonce, sizeof f->opt.nonce);
    enum cmg_rc rc = cmg_mp_array(&f->out, 2);
    if (rc == CMG_OK)
        rc = cmg_mp_str(&f->out, CMG_LIT("HELO"));
    if (rc == CMG_OK)
        rc = cmg_mp_map(&f->out, 3);
    if (rc == CMG_OK)
        rc = cmg_mp_str(&f->out, CMG_LIT("nonce"));
    if (rc == CMG_OK)
        rc = cmg_mp_bin(&f->out, nonce);
    if (rc == CMG_OK)
        rc = cmg_mp_str(&f->out, CMG_LIT("auth"));
    if (rc == CMG_OK)
        rc = cmg_mp_str(&f->out, CMG_LIT(""));
    if (rc == CMG_OK)
        rc = cmg_mp_str(&f->out, CMG_LIT("keepalive"));
    return rc == CMG_OK ? cmg_mp_bool(&f->out, true) : rc;
}

static cmg_str keep(char *to, size_t size, cmg_str s)
{
    s = cmg_str_head(s, size);
    if (s.len)
        memcpy(to, s.ptr, s.len);
    return cmg_str_of(to, s.len);
}

struct cmg_forward *cmg_forward_new(const struct cmg_forward_options *opt)
{
    struct cmg_forward *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->opt = *opt;
    f->opt.shared_key = keep(f->key, sizeof f->key, opt->shared_key);
    f->opt.hostname = keep(f->hostname, sizeof f->hostname, opt->hostname);
    f->in = cmg_buf_init(opt->message_max + FEED_MAX);
    f->out = cmg_buf_init(CMG_FORWARD_REPLY_MAX);
    f->json = cmg_buf_init(CMG_FORWARD_EVENT_MAX);
    f->plain = cmg_buf_init(CMG_FORWARD_EVENT_MAX + INFLATE_STEP);
    f->scan.left = 1;
    f->known = !f->opt.shared_key.len;
    if (!f->known && put_hello(f) != CMG_OK) {
        cmg_forward_free(f);
        return NULL;
    }
    return f;
}

static void zip_close(struct cmg_forward *f)
{
    if (f->zipped)
        (void)inflateEnd(&f->zip);
    f->zipped = false;
}

void cmg_forward_free(struct cmg_forward *f)
{
    if (!f)
        return;
    zip_close(f);
    cmg_buf_done(&f->in);
    cmg_buf_done(&f->out);
    cmg_buf_done(&f->json);
    cmg_buf_done(&f->plain);
    explicit_bzero(f->key, sizeof f->key);
    free(f);
}

const char *cmg_forward_fault(const struct cmg_forward *f)
{
    return f->fault ? f->fault : "";
}

struct cmg_buf *cmg_forward_out(struct cmg_forward *f)
{
    return &f->out;
}

bool cmg_forward_waits(const struct cmg_forward *f)
{
    return f->at < f->in.len || !f->known;
}

size_t cmg_forward_memory(const struct cmg_forward *f)
{
    return f->in.size + f->out.size + f->json.size + f->plain.size;
}

static void shrink(struct cmg_buf *b)
{
    if (!b->len && b->size > KEEP)
        cmg_buf_done(b);
}

enum cmg_rc cmg_forward_feed(struct cmg_forward *f, cmg_str bytes)
{
    size_t cap = f->in.cap;
    if (f->at) {
        memmove(f->in.ptr, f->in.ptr + f->at, f->in.len - f->at);
        f->in.len -= f->at;
        f->scan.at -= f->at;
        f->at = 0;
        shrink(&f->in);
        f->in.cap = cap;
    }
    return cmg_buf_add(&f->in, bytes);
}

/* ---- objects --------------------------------------------------------------------------------- */

/* False: the object is not complete. A byte that msgpack never uses never completes one. */
static bool scan_on(struct scan *s, cmg_str bytes)
{
    while (s->left) {
        struct cmg_mp_token t;
        cmg_str rest = cmg_str_from(bytes, s->at);
        if (!cmg_mp_next(&rest, &t))
            return false;
        s->at = bytes.len - rest.len;
        s->left--;
        if (t.type == CMG_MP_ARRAY)
            s->left += t.n;
        else if (t.type == CMG_MP_MAP)
            s->left += 2 * (uint64_t)t.n;
    }
    return true;
}

static bool take_text(cmg_str *rest, cmg_str *ret)
{
    struct cmg_mp_token t;
    if (!cmg_mp_next(rest, &t) || (t.type != CMG_MP_STR && t.type != CMG_MP_BIN))
        return false;
    *ret = t.s;
    return true;
}

static bool find_text(cmg_str map, cmg_str key, cmg_str *ret)
{
    cmg_str value;
    return cmg_mp_find(map, key, &value) && take_text(&value, ret);
}

static uint64_t big_endian(const char *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | (unsigned char)p[i];
    return v;
}

/* Seconds, or EventTime (ext 0: seconds and nanoseconds, 32 bits each); Fluent Bit puts the time
 * into an array with the metadata. */
static bool take_time(cmg_str *rest, int64_t *ret_ns)
{
    struct cmg_mp_token t;
    cmg_str whole;
    *ret_ns = 0;
    if (!cmg_mp_object(rest, &whole) || !cmg_mp_next(&whole, &t))
        return false;
    if (t.type == CMG_MP_ARRAY && (!t.n || !cmg_mp_next(&whole, &t)))
        return false;
    if (t.type == CMG_MP_UINT && t.u < INT64_MAX / CMG_NS_PER_S)
        *ret_ns = (int64_t)t.u * CMG_NS_PER_S;
    else if (t.type == CMG_MP_FLOAT && t.d > 0 && t.d < 9e9)
        *ret_ns = (int64_t)(t.d * 1e9);
    else if (t.type == CMG_MP_EXT && t.s.len == 8)
        *ret_ns = (int64_t)big_endian(t.s.ptr, 4) * CMG_NS_PER_S +
                  (int64_t)big_endian(t.s.ptr + 4, 4) % CMG_NS_PER_S;
    return true;
}

/* ---- the shared key -------------------------------------------------------------------------- */

/* SHA-512 of the parts, in hexadecimal. */
static bool digest(const cmg_str *part, size_t n, char out[HEX])
{
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool ok = c && EVP_DigestInit_ex(c, EVP_sha512(), NULL);
    for (size_t i = 0; ok && i < n; i++)
        ok = EVP_DigestUpdate(c, part[i].ptr, part[i].len);
    ok = ok && EVP_DigestFinal_ex(c, md, &len) && 2 * len == HEX;
    EVP_MD_CTX_free(c);
    for (size_t i = 0; ok && i < HEX; i++)
        out[i] = "0123456789abcdef"[i % 2 ? md[i / 2] & 15 : md[i / 2] >> 4];
    return ok;
}

/* Takes as long for a wrong one as for the right one. */
static bool same(cmg_str a, const char *b, size_t n)
{
    unsigned char differ = a.len != n;
    for (size_t i = 0; i < n && i < a.len; i++)
        differ |= (unsigned char)(a.ptr[i] ^ b[i]);
    return !differ;
}

static enum cmg_rc put_pong(struct cmg_forward *f, bool ok, cmg_str salt)
{
    char hex[HEX];
    cmg_str nonce = cmg_str_of(f->opt.nonce, sizeof f->opt.nonce);
    cmg_str parts[] = {salt, f->opt.hostname, nonce, f->opt.shared_key};
    if (!digest(parts, 4, hex))
        return CMG_ENOMEM;
    enum cmg_rc rc = cmg_mp_array(&f->out, 5);
    if (rc == CMG_OK)
        rc = cmg_mp_str(&f->out, CMG_LIT("PONG"));
    if (rc == CMG_OK)
        rc = cmg_mp_bool(&f->out, ok);
    if (rc == CMG_OK)
        rc = cmg_mp_str(&f->out, ok ? CMG_LIT("") : CMG_LIT("shared key mismatch"));
    if (rc == CMG_OK)
        rc = cmg_mp_str(&f->out, ok ? f->opt.hostname : CMG_LIT(""));
    return rc == CMG_OK ? cmg_mp_str(&f->out, ok ? cmg_str_of(hex, HEX) : CMG_LIT("")) : rc;
}

/* ["PING", hostname, salt, digest, user, password]. */
static enum cmg_rc take_ping(struct cmg_forward *f, cmg_str message)
{
    struct cmg_mp_token t;
    char hex[HEX];
    cmg_str word, host, salt, proof;
    if (!cmg_mp_next(&message, &t) || t.type != CMG_MP_ARRAY || t.n < 4 ||
        !take_text(&message, &word) || !cmg_str_eq(word, CMG_LIT("PING")) ||
        !take_text(&message, &host) || !take_text(&message, &salt) || !take_text(&message, &proof))
        return broken(f, "it sends events, but has not proven the shared key");
    cmg_str nonce = cmg_str_of(f->opt.nonce, sizeof f->opt.nonce);
    cmg_str parts[] = {salt, host, nonce, f->opt.shared_key};
    if (!digest(parts, 4, hex))
        return CMG_ENOMEM;
    f->known = same(proof, hex, HEX);
    enum cmg_rc rc = put_pong(f, f->known, salt);
    if (rc != CMG_OK || f->known)
        return rc;
    return broken(f, "it has another shared key");
}

/* ---- opening a message ----------------------------------------------------------------------- */

static enum cmg_rc zip_open(struct cmg_forward *f, cmg_str how)
{
    if (!how.len || cmg_str_eq(how, CMG_LIT("text")))
        return CMG_OK;
    if (!cmg_str_eq(how, CMG_LIT("gzip")))
        return broken(f, "a compression that is not known");
    memset(&f->zip, 0, sizeof f->zip);
    if (inflateInit2(&f->zip, MAX_WBITS + DEPTH_16) != Z_OK)
        return CMG_ENOMEM;
    f->zipped = true;
    f->zip_done = false;
    f->inflated = 0;
    /* zlib counts in 32 bits; message_max is far less. */
    f->zip.next_in = (unsigned char *)(uintptr_t)f->events.ptr;
    f->zip.avail_in = (unsigned)f->events.len;
    f->plain.len = f->plain_at = 0;
    f->plain_scan = (struct scan){.left = 1};
    return CMG_OK;
}

static enum cmg_rc read_options(struct cmg_forward *f, cmg_str map)
{
    cmg_str how = CMG_LIT("");
    f->chunk = CMG_LIT("");
    if (map.len) {
        (void)find_text(map, CMG_LIT("chunk"), &f->chunk);
        (void)find_text(map, CMG_LIT("compressed"), &how);
    }
    if (f->chunk.len > CMG_FORWARD_CHUNK_MAX)
        return broken(f, "the name of a chunk is too long");
    return f->packed ? zip_open(f, how) : CMG_OK;
}

/* What stands behind the tag: an array (Forward), bytes (PackedForward), or a time (Message). */
static enum cmg_rc open_events(struct cmg_forward *f, uint32_t elements, cmg_str rest)
{
    struct cmg_mp_token t;
    cmg_str whole = CMG_LIT(""), from = rest;
    if (!cmg_mp_object(&rest, &whole))
        return broken(f, "a message without events");
    cmg_str inner = whole;
    if (!cmg_mp_next(&inner, &t))
        return broken(f, "a message without events");
    f->packed = t.type == CMG_MP_STR || t.type == CMG_MP_BIN;
    if (f->packed) {
        f->events = t.s;
    } else if (t.type == CMG_MP_ARRAY) {
        f->events = inner;
        f->left = t.n;
    } else {
        f->single = true;
        if (elements < 3 || !cmg_mp_object(&rest, &whole))
            return broken(f, "a message without an event");
        f->events = from;
        f->left = 1;
    }
    bool has_options = elements > (f->single ? 3u : 2u);
    if (has_options && !cmg_mp_object(&rest, &whole))
        return broken(f, "a message without its options");
    return read_options(f, has_options ? whole : CMG_LIT(""));
}

static enum cmg_rc open_message(struct cmg_forward *f)
{
    struct cmg_mp_token t;
    cmg_str rest = f->message;
    if (!f->known)
        return take_ping(f, rest);
    if (!cmg_mp_next(&rest, &t))
        return broken(f, "no msgpack");
    if (t.type == CMG_MP_NIL)
        return CMG_OK; /* a heartbeat */
    if (t.type != CMG_MP_ARRAY || t.n < 2 || !take_text(&rest, &f->tag))
        return broken(f, "no message of the forward protocol");
    f->tag = cmg_str_head(f->tag, CMG_FORWARD_TAG_MAX);
    f->opened = true;
    return open_events(f, t.n, rest);
}

/* ---- giving events out ----------------------------------------------------------------------- */

/* [time, map], or, as in Message mode, the two without the array around them. */
static enum cmg_rc give(struct cmg_forward *f, cmg_str time_and_map, struct cmg_forward_event *ret)
{
    int64_t ns;
    cmg_str map;
    f->json.len = 0;
    shrink(&f->json);
    f->json.cap = CMG_FORWARD_EVENT_MAX;
    if (!take_time(&time_and_map, &ns) || !cmg_mp_object(&time_and_map, &map))
        return broken(f, "an event without time or map");
    enum cmg_rc rc = cmg_forward_json(&f->json, map, ns);
    if (rc == CMG_EIO)
        return broken(f, "an event that is no map, or too deep");
    if (rc == CMG_ELIMIT)
        return broken(f, "an event that is too large");
    *ret = (struct cmg_forward_event){.tag = f->tag, .json = cmg_buf_str(&f->json)};
    return rc;
}

static enum cmg_rc give_entry(struct cmg_forward *f, cmg_str entry, struct cmg_forward_event *ret)
{
    struct cmg_mp_token t;
    if (!cmg_mp_next(&entry, &t) || t.type != CMG_MP_ARRAY || t.n != 2)
        return broken(f, "an event that is no pair");
    return give(f, entry, ret);
}

/* More of what is packed. CMG_AGAIN: there is no more. */
static enum cmg_rc inflate_more(struct cmg_forward *f)
{
    if (f->plain_at) {
        memmove(f->plain.ptr, f->plain.ptr + f->plain_at, f->plain.len - f->plain_at);
        f->plain.len -= f->plain_at;
        f->plain_scan.at -= f->plain_at;
        f->plain_at = 0;
    }
    if (f->zip_done)
        return CMG_AGAIN;
    enum cmg_rc rc = cmg_buf_reserve(&f->plain, INFLATE_STEP);
    if (rc != CMG_OK)
        return rc == CMG_ELIMIT ? broken(f, "an event that is too large") : rc;
    f->zip.next_out = (unsigned char *)f->plain.ptr + f->plain.len;
    f->zip.avail_out = INFLATE_STEP;
    int z = inflate(&f->zip, Z_NO_FLUSH);
    size_t came = INFLATE_STEP - f->zip.avail_out;
    f->plain.len += came;
    f->inflated += came;
    if (z != Z_OK && z != Z_STREAM_END)
        return broken(f, "gzip data that is damaged");
    if (f->inflated > f->opt.inflated_max)
        return broken(f, "a message that is too large when it is unpacked");
    /* Fluentd puts one gzip member behind the other. */
    f->zip_done = z == Z_STREAM_END && !f->zip.avail_in;
    if (z == Z_STREAM_END && !f->zip_done && inflateReset(&f->zip) != Z_OK)
        return broken(f, "gzip data that is damaged");
    return CMG_OK;
}

static enum cmg_rc next_zipped(struct cmg_forward *f, struct cmg_forward_event *ret)
{
    while (!scan_on(&f->plain_scan, cmg_buf_str(&f->plain))) {
        enum cmg_rc rc = inflate_more(f);
        if (rc == CMG_AGAIN && f->plain_at < f->plain.len)
            return broken(f, "packed events that break off");
        if (rc != CMG_OK)
            return rc;
    }
    cmg_str entry = cmg_str_cut(cmg_buf_str(&f->plain), f->plain_at, f->plain_scan.at);
    f->plain_at = f->plain_scan.at;
    f->plain_scan.left = 1;
    return give_entry(f, entry, ret);
}

/* CMG_AGAIN: the message has no more. */
static enum cmg_rc next_event(struct cmg_forward *f, struct cmg_forward_event *ret)
{
    cmg_str entry;
    if (f->zipped)
        return next_zipped(f, ret);
    if (f->packed ? !f->events.len : !f->left)
        return CMG_AGAIN;
    if (!f->packed)
        f->left--;
    if (f->single)
        return give(f, f->events, ret);
    if (!cmg_mp_object(&f->events, &entry))
        return broken(f, "packed events that break off");
    return give_entry(f, entry, ret);
}

static void close_message(struct cmg_forward *f)
{
    zip_close(f);
    f->plain.len = f->plain_at = 0;
    shrink(&f->plain);
    f->plain.cap = CMG_FORWARD_EVENT_MAX + INFLATE_STEP;
    f->opened = f->packed = f->single = false;
    f->left = 0;
}

/* A whole message at the front of `in`, or CMG_AGAIN. */
static enum cmg_rc find_message(struct cmg_forward *f)
{
    cmg_str all = cmg_buf_str(&f->in);
    if (!scan_on(&f->scan, all)) {
        if (f->scan.at < all.len && (unsigned char)all.ptr[f->scan.at] == 0xC1)
            return broken(f, "no msgpack");
        return all.len - f->at > f->opt.message_max ? broken(f, "a message that is too large")
                                                    : CMG_AGAIN;
    }
    f->message = cmg_str_cut(all, f->at, f->scan.at);
    f->at = f->scan.at;
    f->scan.left = 1;
    return f->message.len > f->opt.message_max ? broken(f, "a message that is too large") : CMG_OK;
}

enum cmg_rc cmg_forward_next(struct cmg_forward *f, struct cmg_forward_event *ret)
{
    if (f->fault)
        return CMG_EIO;
    while (!f->opened) {
        enum cmg_rc rc = find_message(f);
        if (rc == CMG_OK)
            rc = open_message(f);
        if (rc != CMG_OK)
            return rc;
    }
    enum cmg_rc rc = next_event(f, ret);
    if (rc != CMG_AGAIN)
        return rc;
    close_message(f);
    *ret = (struct cmg_forward_event){.end = true, .chunk = f->chunk, .tag = f->tag};
    return CMG_OK;
}

enum cmg_rc cmg_forward_ack(struct cmg_forward *f, cmg_str chunk)
{
    size_t from = f->out.len;
    enum cmg_rc rc = cmg_mp_map(&f->out, 1);
    if (rc == CMG_OK)
        rc = cmg_mp_str(&f->out, CMG_LIT("ack"));
    if (rc == CMG_OK)
        rc = cmg_mp_str(&f->out, chunk);
    if (rc != CMG_OK)
        f->out.len = from;
    return rc;
}
