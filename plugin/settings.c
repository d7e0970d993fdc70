/* SPDX-License-Identifier: Apache-2.0
 * Properties of the plugins, and decoding one event with them. */
#include "plugin/settings.h"

#include "decoders/decoder.h"
#include "enrich/catalog.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { CATALOG_MAX = 64 << 20, NAME_MAX_LEN = 8192, SEPARATOR = 0x1f };

struct reader {
    cmg_flb_get_fn *get;
    void *instance;
    struct cmg_error *err;
};

static enum cmg_rc fail(const struct reader *r, const char *name, const char *value,
                        const char *why)
{
    *r->err = (struct cmg_error){.rc = CMG_ECONFIG};
    snprintf(r->err->text, sizeof r->err->text, "%.40s %.80s: %.100s", name, value, why);
    return CMG_ECONFIG;
}

static const char *get(const struct reader *r, const char *name, const char *otherwise)
{
    const char *v = r->get(r->instance, name);
    return v && *v ? v : otherwise;
}

static enum cmg_rc read_bool(const struct reader *r, const char *name, bool *ret)
{
    static const char *const words[] = {"off", "on", "false", "true", "no", "yes", "0", "1"};
    const char *v = get(r, name, NULL);
    if (!v)
        return CMG_OK;
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        if (cmg_str_ieq(cmg_str_c(v), cmg_str_c(words[i]))) {
            *ret = i % 2;
            return CMG_OK;
        }
    return fail(r, name, v, "is neither on nor off");
}

static enum cmg_rc read_size(const struct reader *r, const char *name, size_t low, size_t high,
                             size_t *ret)
{
    const char *v = get(r, name, NULL);
    if (!v)
        return CMG_OK;
    char *end;
    errno = 0;
    unsigned long long n = strtoull(v, &end, 10);
    if (errno || *end || !cmg_is_digit(*v) || n < low || n > high) {
        char why[80];
        snprintf(why, sizeof why, "is no number from %zu to %zu", low, high);
        return fail(r, name, v, why);
    }
    *ret = (size_t)n;
    return CMG_OK;
}

static enum cmg_rc read_word(const struct reader *r, const char *name, const char *const *words,
                             unsigned *ret)
{
    const char *v = get(r, name, words[0]);
    char why[100] = "is none of";
    for (unsigned i = 0; words[i]; i++) {
        if (!strcmp(v, words[i])) {
            *ret = i;
            return CMG_OK;
        }
        size_t n = strlen(why);
        snprintf(why + n, sizeof why - n, " %s", words[i]);
    }
    return fail(r, name, v, why);
}

/* Names parted by commas; slices of the host's text, which lives as long as the instance. */
static enum cmg_rc read_names(const struct reader *r, const char *name,
                              cmg_str names[CMG_FLB_NAMES_MAX], size_t *ret)
{
    const char *v = get(r, name, "");
    cmg_str rest = cmg_str_c(v);
    while (rest.len) {
        size_t comma = cmg_str_chr(rest, ',');
        cmg_str one = cmg_str_trim(cmg_str_head(rest, comma));
        rest = cmg_str_from(rest, comma == CMG_STR_NPOS ? rest.len : comma + 1);
        if (!one.len)
            continue;
        if (*ret == CMG_FLB_NAMES_MAX)
            return fail(r, name, v, "names more than 16");
        names[(*ret)++] = one;
    }
    return CMG_OK;
}

static int fixed_offset(void *user, int64_t local_seconds)
{
    (void)local_seconds;
    return *(const int *)user;
}

static int local_offset(void *user, int64_t local_seconds)
{
    struct tm tm;
    time_t t = (time_t)local_seconds;
    (void)user;
    if (!gmtime_r(&t, &tm))
        return 0;
    tm.tm_isdst = -1;
    time_t utc = mktime(&tm);
    return (int)((local_seconds - (int64_t)utc) / 60);
}

/* "+hh:mm" in minutes. */
static bool read_hhmm(const char *v, int *ret)
{
    if ((v[0] != '+' && v[0] != '-') || strlen(v) != 6 || v[3] != ':')
        return false;
    for (int i = 1; i < 6; i++)
        if (i != 3 && !cmg_is_digit(v[i]))
            return false;
    int n = ((v[1] - '0') * 10 + (v[2] - '0')) * 60 + (v[4] - '0') * 10 + (v[5] - '0');
    *ret = v[0] == '-' ? -n : n;
    return n <= 840 && v[4] < '6';
}

/* Zone names would change the host's TZ, which is not ours. */
static enum cmg_rc read_timezone(const struct reader *r, struct cmg_flb_settings *s)
{
    const char *v = get(r, "timezone", NULL);
    if (!v || cmg_str_ieq(cmg_str_c(v), CMG_LIT("UTC")))
        return CMG_OK;
    s->engine.utc_offset_user = &s->utc_offset_min;
    s->engine.utc_offset = fixed_offset;
    if (read_hhmm(v, &s->utc_offset_min))
        return CMG_OK;
    s->engine.utc_offset = local_offset;
    return !strcmp(v, "local") ? CMG_OK
                               : fail(r, "timezone", v, "is none of UTC, local, +hh:mm, -hh:mm");
}

static enum cmg_rc read_catalog(const struct reader *r, struct cmg_flb_settings *s)
{
    const char *path = get(r, "catalog", NULL);
    if (!path)
        return CMG_OK;
    FILE *f = fopen(path, "rb");
    if (!f)
        return fail(r, "catalog", path, strerror(errno));
    enum cmg_rc rc = CMG_OK;
    size_t n = 1;
    while (rc == CMG_OK && n) {
        rc = cmg_buf_reserve(&s->catalog, 1 << 16);
        n = rc == CMG_OK ? fread(s->catalog.ptr + s->catalog.len, 1, 1 << 16, f) : 0;
        s->catalog.len += n;
    }
    bool broken = ferror(f);
    fclose(f);
    if (rc != CMG_OK || broken)
        return fail(r, "catalog", path, "cannot be read");
    s->engine.catalog = s->catalog.ptr;
    s->engine.catalog_len = s->catalog.len;
    return CMG_OK;
}

static void read_keys(const struct reader *r, struct cmg_flb_settings *s)
{
    const char *source = get(r, "source_key", NULL);
    s->source_key[0] = source ? source : "log";
    s->source_key[1] = source ? NULL : "message";
    s->host_key = cmg_str_c(get(r, "host_key", ""));
    s->path_key = cmg_str_c(get(r, "path_key", ""));
    s->offset_key = cmg_str_c(get(r, "offset_key", ""));
    s->prefix = cmg_str_c(get(r, "prefix", ""));
    s->json_key = cmg_str_c(get(r, "json_key", ""));
    s->engine.decoder = cmg_str_c(get(r, "decoder", ""));
    /* The host keeps an output's "host" to itself, hence the other name. */
    const char *host = get(r, "host", get(r, "host_name", NULL));
    if (host)
        snprintf(s->host, sizeof s->host, "%s", host);
    else if (gethostname(s->host, sizeof s->host - 1) != 0)
        s->host[0] = '\0';
    s->engine.host = cmg_str_c(s->host);
}

static enum cmg_rc read_choices(const struct reader *r, struct cmg_flb_settings *s)
{
    static const char *const only[] = {"all", "findings", "primary", NULL};
    static const char *const langs[] = {"en", "fr", NULL};
    static const char *const levels[] = {"all", "verbose", "info", "warning", "error", NULL};
    unsigned o = 0, l = 0, m = 0;
    enum cmg_rc rc = read_word(r, "only", only, &o);
    if (rc == CMG_OK)
        rc = read_word(r, "lang", langs, &l);
    if (rc == CMG_OK)
        rc = read_word(r, "min_level", levels, &m);
    s->only = (enum cmg_flb_only)o;
    s->engine.lang = (enum cmg_lang)l;
    s->min_level = (enum cmg_level)m;
    return rc;
}

static enum cmg_rc read_all(const struct reader *r, struct cmg_flb_settings *s)
{
    read_keys(r, s);
    s->corr_bytes = CMG_FLB_CORR_DEFAULT;
    s->original = true;
    enum cmg_rc rc = read_choices(r, s);
    if (rc == CMG_OK)
        rc = read_bool(r, "keep_source", &s->keep_source);
    if (rc == CMG_OK)
        rc = read_bool(r, "original", &s->original);
    if (rc == CMG_OK)
        rc = read_size(r, "max_record", CMG_MAX_RECORD_MIN, CMG_MAX_RECORD_MAX,
                       &s->engine.max_record);
    if (rc == CMG_OK)
        rc = read_size(r, "correlation_bytes", CMG_CORR_BYTES_MIN, (size_t)1 << 30, &s->corr_bytes);
    if (rc == CMG_OK)
        rc = read_size(r, "streams", 1, 1 << 20, &s->streams);
    if (rc == CMG_OK)
        rc = read_names(r, "cmg_host", s->cmg_host, &s->engine.n_cmg_hosts);
    if (rc == CMG_OK)
        rc = read_names(r, "connection_point", s->connection_point, &s->engine.n_connection_points);
    if (rc == CMG_OK)
        rc = read_timezone(r, s);
    s->engine.cmg_hosts = s->cmg_host;
    s->engine.connection_points = s->connection_point;
    return rc == CMG_OK ? read_catalog(r, s) : rc;
}

enum cmg_rc cmg_flb_init(struct cmg_flb *f, cmg_flb_get_fn *get_fn, void *instance,
                         struct cmg_error *reterr)
{
    const struct reader r = {get_fn, instance, reterr};
    *f = (struct cmg_flb){.name = cmg_buf_init(NAME_MAX_LEN)};
    f->set.catalog = cmg_buf_init(CATALOG_MAX);
    enum cmg_rc rc = read_all(&r, &f->set);
    if (rc != CMG_OK)
        return rc;
    f->engine = cmg_engine_new(&f->set.engine, reterr);
    if (!f->engine && reterr->rc != CMG_ENOMEM && f->set.catalog.len)
        return fail(&r, "catalog", get(&r, "catalog", ""),
                    "is no catalogue of this version; cmgpipe compile FILE makes one");
    if (!f->engine)
        return reterr->rc;
    f->corr = cmg_corr_new(f->set.corr_bytes);
    f->streams = f->corr ? cmg_streams_new(f->engine, f->corr, f->set.streams) : NULL;
    if (f->streams)
        return CMG_OK;
    *reterr = (struct cmg_error){.rc = CMG_ENOMEM, .text = "not enough memory"};
    return CMG_ENOMEM;
}

void cmg_flb_done(struct cmg_flb *f)
{
    cmg_stream_free(f->leaving);
    cmg_streams_free(f->streams);
    cmg_corr_free(f->corr);
    cmg_engine_free(f->engine);
    cmg_buf_done(&f->name);
    cmg_buf_done(&f->set.catalog);
    *f = (struct cmg_flb){0};
}

/* ---- one event ----------------------------------------------------------------------------- */

/* A log is known by tag, host and path; only the path is shown. */
static cmg_str name_of(struct cmg_flb *f, cmg_str tag, cmg_str path)
{
    static const char separator = SEPARATOR;
    f->name.len = 0;
    if (cmg_buf_add(&f->name, cmg_str_head(tag, NAME_MAX_LEN / 4)) != CMG_OK ||
        cmg_buf_add(&f->name, cmg_str_of(&separator, 1)) != CMG_OK ||
        cmg_buf_add(&f->name, cmg_str_head(path, NAME_MAX_LEN / 2)) != CMG_OK)
        return path;
    return cmg_buf_str(&f->name);
}

static void trim_record(struct cmg_flb *f)
{
    struct cmg_record *r = &f->record;
    size_t at = cmg_str_chr(r->path, SEPARATOR);
    if (at != CMG_STR_NPOS)
        r->path = cmg_str_from(r->path, at + 1);
    if (!f->set.original)
        r->raw = (cmg_str){NULL, 0};
}

static uint64_t offset_of(const struct cmg_flb *f, cmg_str body)
{
    cmg_str value;
    struct cmg_mp_token t;
    if (f->set.offset_key.len && cmg_mp_find(body, f->set.offset_key, &value) &&
        cmg_mp_next(&value, &t) && t.type == CMG_MP_UINT)
        return t.u;
    return UINT64_MAX;
}

static uint64_t log_hash(cmg_str host, cmg_str name)
{
    return XXH3_64bits_withSeed(name.ptr, name.len, XXH3_64bits(host.ptr, host.len));
}

enum cmg_flb_take cmg_flb_decode(struct cmg_flb *f, cmg_str tag, const struct cmg_flb_event *e,
                                 cmg_str *ret_source)
{
    cmg_str text = {NULL, 0};
    for (unsigned i = 0; f->set.source_key[i] && !text.len; i++) {
        *ret_source = cmg_str_c(f->set.source_key[i]);
        text = cmg_flb_text(e->body, *ret_source);
    }
    f->stream = NULL;
    if (!text.len)
        return CMG_FLB_FOREIGN;
    cmg_str host = cmg_flb_text(e->body, f->set.host_key),
            path = cmg_flb_text(e->body, f->set.path_key);
    cmg_str name = name_of(f, tag, path);
    const struct cmg_origin o = {.host = host, .path = name};
    f->stream = cmg_streams_get(f->streams, &o, e->time_ns, &f->leaving);
    if (!f->stream ||
        (f->touch && f->touch(f->touch_user, f->stream, log_hash(host, name)) != CMG_OK))
        return CMG_FLB_NOMEM;
    cmg_stream_at(f->stream, offset_of(f, e->body), e->time_ns);
    if (!cmg_stream_frame(f->stream, text, &f->record))
        return CMG_FLB_DIRECTIVE;
    trim_record(f);
    return CMG_FLB_RECORD;
}

bool cmg_flb_more(struct cmg_flb *f)
{
    if (f->leaving) {
        if (cmg_stream_next(f->leaving, &f->record) == CMG_OK) {
            trim_record(f);
            return true;
        }
        cmg_stream_free(f->leaving);
        f->leaving = NULL;
    }
    if (!f->stream || cmg_stream_next(f->stream, &f->record) != CMG_OK)
        return false;
    trim_record(f);
    return true;
}

bool cmg_flb_wanted(const struct cmg_flb *f)
{
    enum cmg_role role = f->record.finding.role;
    if (f->set.only == CMG_ONLY_PRIMARY && role != CMG_ROLE_PRIMARY)
        return false;
    if (f->set.only == CMG_ONLY_FINDINGS && role == CMG_ROLE_NONE)
        return false;
    return role != CMG_ROLE_NONE || f->record.event.level == CMG_LEVEL_NONE ||
           f->record.event.level >= f->set.min_level;
}
