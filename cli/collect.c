/* SPDX-License-Identifier: Apache-2.0
 * From records to incidents to stories. See collect.h. */
#include "cli/collect.h"

#include "core/buf.h"

#include <stdio.h>
#include <stdlib.h>

#define SLICE_NS INT64_C(120000000000)

/* ---- hashes to indices --------------------------------------------------------------------- */

struct cmg_map {
    struct {
        uint64_t key;
        size_t value; /* plus one; 0: free */
    } * slot;
    size_t size, used; /* size is a power of two */
};

static uint64_t hash(uint64_t h, cmg_str s)
{
    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (unsigned char)cmg_lower(s.ptr[i])) * UINT64_C(0x100000001b3);
    return (h ^ 0xff) * UINT64_C(0x100000001b3); /* "ab","c" is not "a","bc" */
}

static uint64_t hash_of(char kind, cmg_str a, cmg_str b, cmg_str d)
{
    return hash(hash(hash(hash(UINT64_C(0xcbf29ce484222325), cmg_str_of(&kind, 1)), a), b), d);
}

static bool map_grow(struct cmg_map *m)
{
    struct cmg_map old = *m;
    m->size = old.size ? 2 * old.size : 256;
    m->slot = calloc(m->size, sizeof *m->slot);
    if (!m->slot) {
        *m = old;
        return false;
    }
    for (size_t i = 0; i < old.size; i++) {
        size_t at = old.slot[i].key & (m->size - 1);
        while (old.slot[i].value && m->slot[at].value)
            at = (at + 1) & (m->size - 1);
        if (old.slot[i].value)
            m->slot[at] = old.slot[i];
    }
    free(old.slot);
    return true;
}

/* The value under `key`; when there is none, `value` is put there. SIZE_MAX: no memory. */
static size_t map_get_or_put(struct cmg_map *m, uint64_t key, size_t value)
{
    if (4 * (m->used + 1) > 3 * m->size && !map_grow(m))
        return SIZE_MAX;
    key ^= key >> 32;
    size_t at = key & (m->size - 1);
    while (m->slot[at].value && m->slot[at].key != key)
        at = (at + 1) & (m->size - 1);
    if (!m->slot[at].value) {
        m->slot[at].key = key;
        m->slot[at].value = value + 1;
        m->used++;
    }
    return m->slot[at].value - 1;
}

/* SIZE_MAX: not there. */
static size_t map_get(const struct cmg_map *m, uint64_t key)
{
    key ^= key >> 32;
    size_t at = m->size ? key & (m->size - 1) : 0;
    while (m->size && m->slot[at].value) {
        if (m->slot[at].key == key)
            return m->slot[at].value - 1;
        at = (at + 1) & (m->size - 1);
    }
    return SIZE_MAX;
}

static void map_done(struct cmg_map *m)
{
    if (m)
        free(m->slot);
    free(m);
}

/* ---- incidents ----------------------------------------------------------------------------- */

bool cmg_collection_init(struct cmg_collection *c, const struct cmg_catalog *catalog)
{
    *c = (struct cmg_collection){.catalog = catalog};
    c->by_id = calloc(1, sizeof *c->by_id);
    return c->by_id != NULL;
}

static void incident_done(struct cmg_incident *i)
{
    free(i->component);
    free(i->message_id);
    free(i->url);
    free(i->status_text);
    free(i->facts);
    for (size_t k = 0; k < i->evidences; k++)
        free(i->evidence[k].text);
}

void cmg_collection_done(struct cmg_collection *c)
{
    for (size_t i = 0; i < c->incidents; i++)
        incident_done(&c->incident[i]);
    for (size_t i = 0; i < c->logs; i++) {
        free(c->log[i].host);
        free(c->log[i].path);
    }
    free(c->incident);
    free(c->log);
    free(c->story);
    map_done(c->by_id);
}

/* The array with room for one more of `each` bytes; NULL: no memory, and it is as it was. */
static void *grow(void *array, size_t n, size_t *size, size_t each)
{
    if (n < *size)
        return array;
    size_t more = *size ? 2 * *size : 16;
    void *moved = realloc(array, more * each);
    if (moved)
        *size = more;
    return moved;
}

static bool keep(char **at, cmg_str s)
{
    if (*at || !s.len)
        return true;
    *at = cmg_str_dup(cmg_str_head(s, 2048));
    return *at != NULL;
}

static bool is_log(const struct cmg_log_name *log, const struct cmg_record *r)
{
    return cmg_str_eq(cmg_str_c(log->path), r->path) && cmg_str_eq(cmg_str_c(log->host), r->host);
}

/* The index of the record's log. Logs are read one after the other: it is the last one, or new. */
static bool find_log(struct cmg_collection *c, const struct cmg_record *r, size_t *ret)
{
    if (c->logs && is_log(&c->log[c->logs - 1], r)) {
        *ret = c->logs - 1;
        return true;
    }
    struct cmg_log_name *more = grow(c->log, c->logs, &c->logs_size, sizeof *more);
    if (!more)
        return false;
    c->log = more;
    struct cmg_log_name log = {cmg_str_dup(r->host), cmg_str_dup(r->path)};
    c->log[c->logs] = log;
    *ret = c->logs++;
    return log.host && log.path;
}

static bool open_incident(struct cmg_collection *c, const struct cmg_record *r)
{
    size_t log;
    struct cmg_incident *more = grow(c->incident, c->incidents, &c->incidents_size, sizeof *more);
    if (!more)
        return false;
    c->incident = more;
    if (!find_log(c, r, &log))
        return false;
    struct cmg_incident *i = &c->incident[c->incidents++];
    memset(i, 0, sizeof *i);
    memcpy(i->id, r->finding.incident, sizeof i->id);
    i->log = log;
    i->status = -1;
    i->next = SIZE_MAX;
    return true;
}

/* The incident of the record, made when it is new. `*ret` is NULL when there are too many. */
static bool find_incident(struct cmg_collection *c, const struct cmg_record *r,
                          struct cmg_incident **ret)
{
    uint64_t key = hash_of('i', cmg_str_c(r->finding.incident), r->host, r->path);
    *ret = NULL;
    size_t at = map_get_or_put(c->by_id, key, c->incidents);
    if (at == SIZE_MAX)
        return false;
    if (at == CMG_INCIDENTS_MAX)
        return true;
    if (at == c->incidents && !open_incident(c, r))
        return false;
    *ret = &c->incident[at];
    return true;
}

/* ---- what a record adds to its incident ---------------------------------------------------- */

static void add_time(struct cmg_incident *i, const struct cmg_record *r)
{
    if (r->time_source == CMG_TIME_READ)
        return;
    if (!i->dated || r->time_ns < i->first_ns)
        i->first_ns = r->time_ns;
    if (!i->dated || r->time_ns > i->last_ns)
        i->last_ns = r->time_ns;
    i->dated = true;
}

/* Which line gives way to a primary when there is no room: the last one. */
static struct cmg_evidence *evidence_slot(struct cmg_incident *i, enum cmg_role role)
{
    if (i->evidences < CMG_EVIDENCE_MAX)
        return &i->evidence[i->evidences++];
    if (role != CMG_ROLE_PRIMARY)
        return NULL;
    struct cmg_evidence *last = &i->evidence[CMG_EVIDENCE_MAX - 1];
    free(last->text);
    return last;
}

static bool add_evidence(struct cmg_collection *c, struct cmg_incident *i,
                         const struct cmg_record *r, uint64_t line)
{
    if (!r->raw.len || c->text_bytes > CMG_EVIDENCE_BYTES_MAX)
        return true;
    struct cmg_evidence *e = evidence_slot(i, r->finding.role);
    if (!e)
        return true;
    cmg_str text = r->event.message.len ? r->event.message : r->raw;
    text = cmg_str_head(text, CMG_EVIDENCE_TEXT_MAX);
    *e = (struct cmg_evidence){line, cmg_str_dup(text), r->finding.role};
    c->text_bytes += text.len;
    return e->text != NULL;
}

static bool add_facts(struct cmg_incident *i, const struct cmg_finding *f)
{
    char text[512] = "";
    size_t at = 0;
    for (size_t k = 0; k < f->facts && at < sizeof text; k++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%.*s = %.*s", k ? ", " : "",
                               (int)f->fact[k].name.len, f->fact[k].name.ptr,
                               (int)f->fact[k].value.len, f->fact[k].value.ptr);
    return keep(&i->facts, cmg_str_c(text));
}

static const struct cmg_cause *find_cause(const struct cmg_catalog *c, cmg_str id)
{
    for (size_t i = 0; i < c->causes; i++)
        if (cmg_str_eq(c->cause[i].id, id))
            return &c->cause[i];
    return NULL;
}

static void add_knowledge(const struct cmg_catalog *c, struct cmg_incident *i,
                          const struct cmg_finding *f)
{
    i->causes = i->remedies = 0;
    for (size_t k = 0; k < f->causes; k++) {
        const struct cmg_cause *cause = find_cause(c, f->cause[k]);
        if (cause)
            i->cause[i->causes++] = cause;
    }
    for (size_t k = 0; k < f->remedies; k++) {
        const struct cmg_remedy *remedy = cmg_catalog_remedy(c, f->remedy[k]);
        if (remedy)
            i->remedy[i->remedies++] = remedy;
    }
}

/* Until the primary comes, the record that stands for the incident is the one of the highest role.
 */
static void add_verdict(const struct cmg_catalog *c, struct cmg_incident *i,
                        const struct cmg_finding *f)
{
    bool primary = f->role == CMG_ROLE_PRIMARY;
    if (i->settled || (!f->entry && !primary))
        return;
    if (f->entry)
        i->entry = f->entry;
    i->settled = primary;
    i->promoted = f->promoted[0] != '\0';
    i->scope = f->scope;
    add_knowledge(c, i, f);
}

static bool add_details(struct cmg_incident *i, const struct cmg_record *r)
{
    const struct cmg_finding *f = &r->finding;
    if (!i->code)
        i->code = f->code;
    if (i->status < 0)
        i->status = f->status;
    if (!i->has_thread && r->event.has_thread) {
        i->has_thread = true;
        i->thread = r->event.thread;
    }
    return keep(&i->component, r->event.component) && keep(&i->message_id, f->request_id) &&
           keep(&i->url, f->url) && keep(&i->status_text, f->status_text) && add_facts(i, f);
}

bool cmg_collection_add(struct cmg_collection *c, const struct cmg_record *r, uint64_t line)
{
    struct cmg_incident *i;
    c->records++;
    if (r->finding.role == CMG_ROLE_NONE)
        return true;
    if (!find_incident(c, r, &i))
        return false;
    if (!i) {
        c->left_out += r->finding.role == CMG_ROLE_PRIMARY;
        return true;
    }
    i->records += r->raw.len != 0;
    add_time(i, r);
    add_verdict(c->catalog, i, &r->finding);
    return add_details(i, r) && add_evidence(c, i, r, line);
}

/* ---- stories ------------------------------------------------------------------------------- */

/* Which incident stands for this one's story. Paths are halved on the way. */
static size_t root(size_t *parent, size_t i)
{
    while (parent[i] != i) {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    return i;
}

/* The earlier one stands for both. */
static void join(size_t *parent, size_t a, size_t b)
{
    a = root(parent, a);
    b = root(parent, b);
    if (a < b)
        parent[b] = a;
    else
        parent[a] = b;
}

static cmg_str without_query(cmg_str url)
{
    size_t mark = cmg_str_chr(url, '?');
    return mark == CMG_STR_NPOS ? url : cmg_str_head(url, mark);
}

/* The request itself, without the server it was sent to: behind the host, and for one that goes
 * through the gateway behind /CCM_Proxy_xxx/number as well. Empty: there is no path. */
static cmg_str request_of(cmg_str url, bool *ret_through_gateway)
{
    static const char mark[] = "/CCM_Proxy_";
    size_t scheme = cmg_str_find(url, CMG_LIT("://"));
    cmg_str path = scheme == CMG_STR_NPOS ? url : cmg_str_from(url, scheme + 3);
    size_t slash = cmg_str_chr(path, '/');
    path = slash == CMG_STR_NPOS ? (cmg_str){NULL, 0} : cmg_str_from(path, slash);
    *ret_through_gateway = cmg_str_istarts(path, cmg_str_c(mark));
    for (int i = 0; *ret_through_gateway && i < 2; i++) {
        size_t next = path.len ? cmg_str_chr(cmg_str_from(path, 1), '/') : CMG_STR_NPOS;
        path = next == CMG_STR_NPOS ? (cmg_str){NULL, 0} : cmg_str_from(path, next + 1);
    }
    return path;
}

/* One request seen from both ends: the client names the gateway, the connection point the server
 * behind it. The same class within two minutes, of the same request, once through the gateway and
 * once behind it. */
static bool join_other_end(const struct cmg_collection *c, struct cmg_map *keys, size_t *parent,
                           size_t at, cmg_str class)
{
    const struct cmg_incident *i = &c->incident[at];
    bool outer;
    cmg_str request = request_of(cmg_str_c(i->url), &outer);
    if (request.len < 2 || !i->dated)
        return true;
    int64_t minutes = i->first_ns / SLICE_NS;
    for (int64_t k = minutes - 1; k <= minutes + 1; k++) {
        cmg_str when = cmg_str_of((const char *)&k, sizeof k);
        size_t other = map_get(keys, hash_of(outer ? 'b' : 'o', class, request, when));
        if (other != SIZE_MAX && llabs(c->incident[other].first_ns - i->first_ns) <= SLICE_NS)
            join(parent, at, other);
    }
    cmg_str when = cmg_str_of((const char *)&minutes, sizeof minutes);
    return map_get_or_put(keys, hash_of(outer ? 'o' : 'b', class, request, when), at) != SIZE_MAX;
}

/* Joins the incident with those before it that share a key. */
static bool join_shared(const struct cmg_collection *c, struct cmg_map *keys, size_t *parent,
                        size_t at)
{
    const struct cmg_incident *i = &c->incident[at];
    cmg_str class = i->entry ? i->entry->slug : cmg_str_c(""), none = cmg_str_c("");
    const struct cmg_log_name *log = &c->log[i->log];
    uint64_t key[4];
    size_t n = 0;
    key[n++] = hash_of('l', class, cmg_str_c(log->path), cmg_str_c(i->component));
    if (i->message_id)
        key[n++] = hash_of('m', class, cmg_str_c(i->message_id), none);
    if (i->url)
        key[n++] = hash_of('u', class, without_query(cmg_str_c(i->url)), none);
    for (size_t k = 0; k < n; k++) {
        size_t other = map_get_or_put(keys, key[k], at);
        if (other == SIZE_MAX)
            return false;
        join(parent, at, other);
    }
    return join_other_end(c, keys, parent, at, class);
}

static void story_add(struct cmg_collection *c, struct cmg_story *s, size_t at, size_t *last)
{
    struct cmg_incident *i = &c->incident[at];
    if (s->incidents++ == 0) {
        *s = (struct cmg_story){.first = at, .incidents = 1, .entry = i->entry, .scope = i->scope};
        *last = at;
    } else {
        c->incident[*last].next = at;
        *last = at;
    }
    if (i->scope == CMG_SCOPE_CMG ||
        (i->scope == CMG_SCOPE_NOT_CMG && s->scope == CMG_SCOPE_UNKNOWN))
        s->scope = i->scope;
    if (!i->dated)
        return;
    if (!s->dated || i->first_ns < s->first_ns)
        s->first_ns = i->first_ns;
    if (!s->dated || i->last_ns > s->last_ns)
        s->last_ns = i->last_ns;
    s->dated = true;
}

static int rank_of_scope(enum cmg_scope s)
{
    return s == CMG_SCOPE_CMG ? 2 : s == CMG_SCOPE_UNKNOWN ? 1 : 0;
}

static int by_weight(const void *a, const void *b)
{
    const struct cmg_story *x = a, *y = b;
    int severity =
        (y->entry ? (int)y->entry->severity : 0) - (x->entry ? (int)x->entry->severity : 0);
    int scope = rank_of_scope(y->scope) - rank_of_scope(x->scope);
    if (severity || scope)
        return severity ? severity : scope;
    if (x->incidents != y->incidents)
        return x->incidents < y->incidents ? 1 : -1;
    if (x->last_ns != y->last_ns)
        return x->last_ns < y->last_ns ? 1 : -1;
    return x->first > y->first ? 1 : -1;
}

static void count_logs(const struct cmg_collection *c, struct cmg_story *s)
{
    size_t last = SIZE_MAX;
    s->logs = 0;
    for (size_t i = s->first; i != SIZE_MAX; i = c->incident[i].next) {
        s->logs += c->incident[i].log != last;
        last = c->incident[i].log;
    }
}

/* `parent` is complete. Incidents are in the order of their logs, so a story's are too. */
static bool gather(struct cmg_collection *c, size_t *parent)
{
    size_t *story = calloc(c->incidents + 1, sizeof *story),
           *last = calloc(c->incidents + 1, sizeof *last);
    c->story = calloc(c->incidents + 1, sizeof *c->story);
    bool ok = story && last && c->story;
    for (size_t i = 0; ok && i < c->incidents; i++) {
        size_t r = root(parent, i);
        if (r == i)
            story[i] = c->stories++;
        story_add(c, &c->story[story[r]], i, &last[r]);
    }
    for (size_t i = 0; ok && i < c->stories; i++)
        count_logs(c, &c->story[i]);
    if (ok)
        qsort(c->story, c->stories, sizeof *c->story, by_weight);
    free(story);
    free(last);
    return ok;
}

bool cmg_collection_group(struct cmg_collection *c)
{
    struct cmg_map *keys = calloc(1, sizeof *keys);
    size_t *parent = calloc(c->incidents + 1, sizeof *parent);
    bool ok = keys && parent;
    for (size_t i = 0; ok && i < c->incidents; i++)
        parent[i] = i;
    for (size_t i = 0; ok && i < c->incidents; i++)
        ok = join_shared(c, keys, parent, i);
    ok = ok && gather(c, parent);
    map_done(keys);
    free(parent);
    return ok;
}
