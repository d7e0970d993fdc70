/* SPDX-License-Identifier: Apache-2.0
 * The text of a checkpoint, written and read. The grammar is in checkpoint.h. Reading is strict:
 * what this program did not write itself is refused, with its line, rather than guessed at. */
#include "sources/checkpoint.h"
#include "sources/packed.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifndef XXH_INLINE_ALL
#define XXH_INLINE_ALL
#endif
#include <xxhash.h>

static const char magic[] = "cmgpipe-checkpoint ";
enum { HASH_DIGITS = 16 };

/* ---- writing ------------------------------------------------------------------------------- */

/* Writes on while nothing failed. */
struct pen {
    struct cmg_buf *out;
    enum cmg_rc rc;
};

static void put(struct pen *p, cmg_str s)
{
    if (p->rc == CMG_OK)
        p->rc = cmg_buf_add(p->out, s);
}

static void put_number(struct pen *p, uint64_t n)
{
    if (p->rc == CMG_OK)
        p->rc = cmg_add_number(p->out, n);
}

static void put_hex64(struct pen *p, uint64_t n)
{
    char digits[HASH_DIGITS + 1];
    snprintf(digits, sizeof digits, "%016llx", (unsigned long long)n);
    put(p, cmg_str_of(digits, HASH_DIGITS));
}

static bool is_plain(char c)
{
    return (unsigned char)c >= ' ' && c != 0x7f && c != '%';
}

static void put_escaped(struct pen *p, cmg_str s)
{
    static const char hex[] = "0123456789abcdef";
    while (s.len) {
        size_t n = 0;
        while (n < s.len && is_plain(s.ptr[n]))
            n++;
        put(p, cmg_str_head(s, n));
        s = cmg_str_from(s, n);
        if (s.len) {
            unsigned char c = (unsigned char)s.ptr[0];
            put(p, cmg_str_of((char[]){'%', hex[c >> 4], hex[c & 15]}, 3));
            s = cmg_str_from(s, 1);
        }
    }
}

enum cmg_rc cmg_saved_begin(struct cmg_buf *out)
{
    char head[160];
    int n = snprintf(head, sizeof head,
                     "%s%d\n# cmgpipe %s, process %ld. Not to be edited: the last line is a hash "
                     "of all before it.\n",
                     magic, CMG_CHECKPOINT_VERSION, cmg_version(), (long)getpid());
    return cmg_buf_add(out, cmg_str_of(head, (size_t)n));
}

enum cmg_rc cmg_saved_log(struct cmg_buf *out, cmg_str path)
{
    struct pen p = {out, CMG_OK};
    put(&p, CMG_LIT("log\tpath="));
    put_escaped(&p, path);
    put(&p, CMG_LIT("\n"));
    return p.rc;
}

enum cmg_rc cmg_saved_file(struct cmg_buf *out, const struct cmg_saved_file *f)
{
    struct pen p = {out, CMG_OK};
    put(&p, CMG_LIT("file\tname="));
    put_escaped(&p, f->name);
    put(&p, f->current ? CMG_LIT("\tcurrent=yes\tdev=") : CMG_LIT("\tcurrent=no\tdev="));
    put_number(&p, f->id.dev);
    put(&p, CMG_LIT("\tino="));
    put_number(&p, f->id.ino);
    put(&p, CMG_LIT("\thead="));
    put_hex64(&p, f->id.hash);
    put(&p, CMG_LIT("\thead_len="));
    put_number(&p, f->id.len);
    put(&p, CMG_LIT("\toffset="));
    put_number(&p, f->offset);
    put(&p, CMG_LIT("\tsize="));
    put_number(&p, f->size);
    put(&p, f->mtime_ns < 0 ? CMG_LIT("\tmtime=-") : CMG_LIT("\tmtime="));
    put_number(&p, f->mtime_ns < 0 ? 0 - (uint64_t)f->mtime_ns : (uint64_t)f->mtime_ns);
    put(&p, CMG_LIT("\tstate="));
    if (f->state.len && p.rc == CMG_OK)
        p.rc = cmg_pack(out, f->state);
    put(&p, CMG_LIT("\n"));
    return p.rc;
}

static bool all_zero(cmg_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i])
            return false;
    return true;
}

enum cmg_rc cmg_saved_corr(struct cmg_buf *out, cmg_str image)
{
    struct pen p = {out, CMG_OK};
    put(&p, CMG_LIT("corr\tsize="));
    put_number(&p, image.len);
    put(&p, CMG_LIT("\n"));
    for (size_t at = 0; at < image.len; at += CMG_CHECKPOINT_PAGE) {
        cmg_str page = cmg_str_cut(image, at, at + CMG_CHECKPOINT_PAGE);
        if (all_zero(page))
            continue;
        put(&p, CMG_LIT("page\tat="));
        put_number(&p, at);
        put(&p, CMG_LIT("\tbytes="));
        if (p.rc == CMG_OK)
            p.rc = cmg_pack(out, page);
        put(&p, CMG_LIT("\n"));
    }
    return p.rc;
}

enum cmg_rc cmg_saved_end(struct cmg_buf *out)
{
    struct pen p = {out, CMG_OK};
    uint64_t hash = XXH3_64bits(out->ptr, out->len);
    put(&p, CMG_LIT("end\t"));
    put_hex64(&p, hash);
    put(&p, CMG_LIT("\n"));
    return p.rc;
}

/* ---- reading ------------------------------------------------------------------------------- */

/* `rest` is the copy that the result's slices point into; names are unescaped in place. */
struct reader {
    char *at, *end;
    int line;
    struct cmg_saved *saved;
    cmg_str log;
    struct cmg_error *err;
};

static bool fault(struct reader *r, const char *text)
{
    *r->err = (struct cmg_error){.rc = CMG_ECONFIG, .line = r->line};
    snprintf(r->err->text, sizeof r->err->text, "%s", text);
    return false;
}

/* "name=" and its value up to the next tab or the end of the line. */
static bool field(cmg_str *line, const char *name, cmg_str *ret)
{
    cmg_str key = cmg_str_c(name);
    if (!cmg_str_starts(*line, CMG_LIT("\t")))
        return false;
    cmg_str s = cmg_str_from(*line, 1);
    if (!cmg_str_starts(s, key) || s.len <= key.len || s.ptr[key.len] != '=')
        return false;
    s = cmg_str_from(s, key.len + 1);
    *ret = cmg_str_head(s, cmg_str_chr(s, '\t'));
    *line = cmg_str_from(s, ret->len);
    return true;
}

static bool field_number(cmg_str *line, const char *name, uint64_t most, uint64_t *ret)
{
    cmg_str s;
    return field(line, name, &s) && cmg_take_number(&s, ret) && !s.len && *ret <= most;
}

static bool read_hex64(cmg_str s, uint64_t *ret)
{
    uint64_t n = 0;
    if (s.len != HASH_DIGITS)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        int d = cmg_hex_digit(s.ptr[i]);
        if (d < 0)
            return false;
        n = n << 4 | (uint64_t)d;
    }
    *ret = n;
    return true;
}

/* In place: the text is the reader's own copy. A NUL cannot be in a name. */
static bool unescape(cmg_str *s)
{
    char *to = (char *)(uintptr_t)s->ptr;
    size_t n = 0;
    for (size_t i = 0; i < s->len; i++) {
        char c = s->ptr[i];
        if (c == '%') {
            int high = i + 2 < s->len ? cmg_hex_digit(s->ptr[i + 1]) : -1;
            int low = high >= 0 ? cmg_hex_digit(s->ptr[i + 2]) : -1;
            if (low < 0 || high + low == 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (!is_plain(c)) {
            return false;
        }
        to[n++] = c;
    }
    s->len = n;
    return true;
}

static bool read_log(struct reader *r, cmg_str line)
{
    cmg_str path;
    if (!field(&line, "path", &path) || line.len || !unescape(&path) || !path.len ||
        path.ptr[0] != '/')
        return fault(r, "malformed log line");
    r->log = path;
    return true;
}

static bool field_bool(cmg_str *line, const char *name, bool *ret)
{
    cmg_str s;
    if (!field(line, name, &s))
        return false;
    *ret = cmg_str_eq(s, CMG_LIT("yes"));
    return *ret || cmg_str_eq(s, CMG_LIT("no"));
}

static bool field_time(cmg_str *line, const char *name, int64_t *ret)
{
    cmg_str s;
    uint64_t n;
    if (!field(line, name, &s))
        return false;
    bool negative = cmg_str_starts(s, CMG_LIT("-"));
    s = cmg_str_from(s, negative);
    if (!cmg_take_number(&s, &n) || s.len || n > INT64_MAX)
        return false;
    *ret = negative ? -(int64_t)n : (int64_t)n;
    return true;
}

static bool field_state(cmg_str *line, cmg_str *ret)
{
    size_t len;
    return field(line, "state", ret) &&
           (!ret->len || cmg_packed_len(*ret, CMG_CHECKPOINT_STATE_MAX, &len));
}

static bool read_file(struct reader *r, cmg_str line)
{
    struct cmg_saved *s = r->saved;
    struct cmg_saved_file f = {.log = r->log};
    uint64_t head_len;
    cmg_str hash;
    bool ok =
        field(&line, "name", &f.name) && unescape(&f.name) && f.name.len < CMG_NAME_SIZE &&
        cmg_str_chr(f.name, '/') == CMG_STR_NPOS && field_bool(&line, "current", &f.current) &&
        field_number(&line, "dev", UINT64_MAX, &f.id.dev) &&
        field_number(&line, "ino", UINT64_MAX, &f.id.ino) && field(&line, "head", &hash) &&
        read_hex64(hash, &f.id.hash) && field_number(&line, "head_len", CMG_HEAD_MAX, &head_len) &&
        field_number(&line, "offset", INT64_MAX, &f.offset) &&
        field_number(&line, "size", INT64_MAX, &f.size) &&
        field_time(&line, "mtime", &f.mtime_ns) && field_state(&line, &f.state) && !line.len;
    if (!ok)
        return fault(r, "malformed file line");
    if (!r->log.len)
        return fault(r, "a file line without a log line before it");
    f.id.len = (uint32_t)head_len;
    s->files[s->n++] = f;
    return true;
}

static bool read_corr(struct reader *r, cmg_str line)
{
    uint64_t size;
    if (r->saved->corr || !field_number(&line, "size", CMG_CHECKPOINT_MAX, &size) || line.len ||
        !size)
        return fault(r, "malformed corr line");
    r->saved->corr = calloc(1, (size_t)size);
    r->saved->corr_len = (size_t)size;
    if (!r->saved->corr) {
        r->err->rc = CMG_ENOMEM;
        return false;
    }
    return true;
}

static bool read_page(struct reader *r, cmg_str line)
{
    struct cmg_saved *s = r->saved;
    cmg_str bytes;
    uint64_t at;
    size_t len;
    if (!s->corr || !field_number(&line, "at", s->corr_len, &at) ||
        !field(&line, "bytes", &bytes) || line.len ||
        !cmg_packed_len(bytes, s->corr_len - (size_t)at, &len) ||
        !cmg_unpack(bytes, s->corr + at, len))
        return fault(r, "malformed page line");
    return true;
}

static bool read_line(struct reader *r, cmg_str line)
{
    static const struct {
        cmg_str word;
        bool (*read)(struct reader *r, cmg_str line);
    } kinds[] = {
        {CMG_LIT("log"), read_log},
        {CMG_LIT("file"), read_file},
        {CMG_LIT("corr"), read_corr},
        {CMG_LIT("page"), read_page},
    };
    if (!line.len || line.ptr[0] == '#')
        return true;
    cmg_str word = cmg_str_head(line, cmg_str_chr(line, '\t'));
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (cmg_str_eq(word, kinds[i].word))
            return kinds[i].read(r, cmg_str_from(line, word.len));
    return fault(r, "a line of unknown kind");
}

static bool read_version(struct reader *r, cmg_str text)
{
    cmg_str s = cmg_str_from(text, sizeof magic - 1);
    uint64_t version;
    r->line = 1;
    if (!cmg_str_starts(text, cmg_str_c(magic)) || !cmg_take_number(&s, &version) ||
        !cmg_str_starts(s, CMG_LIT("\n")))
        return fault(r, "this is not a checkpoint of cmgpipe");
    if (version == CMG_CHECKPOINT_VERSION)
        return true;
    fault(r, "");
    snprintf(r->err->text, sizeof r->err->text,
             "a checkpoint of version %llu; this program reads version %d",
             (unsigned long long)version, CMG_CHECKPOINT_VERSION);
    return false;
}

/* The last line is "end", a tab and the hash of all before it. *ret: where that line begins. */
static bool check_end(struct reader *r, cmg_str text, size_t *ret)
{
    enum { END = 4 + HASH_DIGITS + 1 };
    uint64_t hash;
    r->line = 0;
    size_t body = text.len < END ? 0 : text.len - END;
    cmg_str last = cmg_str_from(text, body);
    if (!body || !cmg_str_starts(last, CMG_LIT("end\t")) || last.ptr[END - 1] != '\n' ||
        text.ptr[body - 1] != '\n' || !read_hex64(cmg_str_cut(last, 4, 4 + HASH_DIGITS), &hash))
        return fault(r, "it is cut off: the line that ends it is missing");
    if (hash != XXH3_64bits(text.ptr, body))
        return fault(r, "it is damaged: the hash in its last line is not that of the lines before");
    *ret = body;
    return true;
}

static size_t count_files(cmg_str text)
{
    size_t n = 0;
    for (size_t at; (at = cmg_str_find(text, CMG_LIT("\nfile\t"))) != CMG_STR_NPOS; n++)
        text = cmg_str_from(text, at + 1);
    return n;
}

static bool copy_text(struct reader *r, cmg_str body)
{
    struct cmg_saved *s = r->saved;
    size_t n = count_files(body);
    if (n > CMG_CHECKPOINT_FILES_MAX)
        return fault(r, "it names too many files");
    s->text = malloc(body.len);
    s->files = calloc(n ? n : 1, sizeof *s->files);
    if (!s->text || !s->files) {
        r->err->rc = CMG_ENOMEM;
        return false;
    }
    memcpy(s->text, body.ptr, body.len);
    r->at = s->text;
    r->end = s->text + body.len;
    return true;
}

static bool read_lines(struct reader *r)
{
    for (r->line = 1; r->at < r->end; r->line++) {
        cmg_str rest = cmg_str_of(r->at, (size_t)(r->end - r->at));
        cmg_str line = cmg_str_head(rest, cmg_str_chr(rest, '\n'));
        r->at += line.len + 1;
        if (r->line > 1 && !read_line(r, line))
            return false;
    }
    return true;
}

enum cmg_rc cmg_saved_parse(cmg_str text, struct cmg_saved *ret, struct cmg_error *reterr)
{
    struct cmg_saved saved = {0};
    struct cmg_error err = {0};
    struct reader r = {.saved = &saved, .err = &err};
    size_t body = 0;
    if (read_version(&r, text) && check_end(&r, text, &body) &&
        copy_text(&r, cmg_str_head(text, body)) && read_lines(&r)) {
        *ret = saved;
        return CMG_OK;
    }
    cmg_saved_done(&saved);
    *reterr = err;
    return err.rc;
}

void cmg_saved_done(struct cmg_saved *s)
{
    free(s->files);
    free(s->corr);
    free(s->text);
    *s = (struct cmg_saved){0};
}
