/* SPDX-License-Identifier: Apache-2.0
 * From JSON that a person wrote to the image of a catalogue. The only file of the product that
 * knows Jansson.
 *
 * 1. Every file is read and parsed; the texts and trees stay until the end, since strings are
 * slices of them.
 * 2. Remediations, causes, classes and codes are listed by id; a later path replaces what an
 * earlier one gave.
 * 3. What is listed is read by tables of fields, references are resolved, the image is written and
 * opened again.
 *
 * A fault names file, line and column of the very key or value, and the id of the entry it is in.
 * The walk keeps the path to where it is, and catalog_json.c finds that path in the text. */
#include "enrich/catalog_image.h"
#include "enrich/catalog_json.h"
#include "enrich/match.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum {
    FILES_MAX = 256,
    FILE_MAX = 8 << 20,
    DEPTH_MAX = 12,
    ID_MAX = 64,
    STRING_MAX = 1024,
    LINES_MAX = 32,
    CHUNK = 1 << 16,
};

/* ---- memory that goes all at once ---------------------------------------------------------- */

struct chunk {
    struct chunk *next;
    size_t used, size;
};

static const size_t chunk_head = (sizeof(struct chunk) + 15) & ~(size_t)15;

static void *arena_take(struct chunk **arena, size_t n)
{
    n = (n + 15) & ~(size_t)15;
    struct chunk *c = *arena;
    if (!c || n > c->size - c->used) {
        size_t size = n > CHUNK ? n : CHUNK;
        c = calloc(1, chunk_head + size);
        if (!c)
            return NULL;
        *c = (struct chunk){.next = *arena, .size = size};
        *arena = c;
    }
    void *p = (char *)c + chunk_head + c->used;
    c->used += n;
    return p;
}

static void arena_done(struct chunk *c)
{
    while (c) {
        struct chunk *next = c->next;
        free(c);
        c = next;
    }
}

/* ---- names: a set of strings in the order they came, found by hash, ignoring case ---------- */

enum { NO_NAME = UINT32_MAX };

struct names {
    cmg_str *at;
    uint32_t *slot; /* index + 1, 0: free */
    size_t n, cap, mask;
};

static bool names_init(struct names *s, struct chunk **arena, size_t cap)
{
    size_t slots = 16;
    while (slots < 2 * cap)
        slots *= 2;
    s->at = arena_take(arena, cap * sizeof(*s->at));
    s->slot = arena_take(arena, slots * sizeof(*s->slot));
    s->cap = cap;
    s->mask = slots - 1;
    return s->at && s->slot;
}

static uint32_t *names_slot(const struct names *s, cmg_str name)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (unsigned char)cmg_lower(name.ptr[i])) * 16777619u;
    size_t i = hash & s->mask;
    while (s->slot[i] && !cmg_str_ieq(s->at[s->slot[i] - 1], name))
        i = (i + 1) & s->mask;
    return &s->slot[i];
}

static uint32_t names_find(const struct names *s, cmg_str name)
{
    return *names_slot(s, name) - 1; /* 0 - 1 is NO_NAME */
}

/* Its index, also when it was there before; NO_NAME when the set is full. */
static uint32_t names_add(struct names *s, cmg_str name)
{
    uint32_t *slot = names_slot(s, name);
    if (*slot == 0) {
        if (s->n == s->cap)
            return NO_NAME;
        s->at[s->n++] = name;
        *slot = (uint32_t)s->n;
    }
    return *slot - 1;
}

/* ---- the state of a run -------------------------------------------------------------------- */

struct source {
    const char *path;
    cmg_str text;
    json_t *root;
    unsigned turn; /* which path argument brought it, from 1; 0 is the base */
};

enum kind { REMEDY, CAUSE, CODE, CLASS, KINDS };

static const char *const list_key[KINDS] = {"remediations", "causes", "codes", "classes"};
static const size_t list_cap[KINDS] = {CMG_CATALOG_REMEDIES_MAX, CMG_CAUSES_MAX,
                                       CMG_CATALOG_CODES_MAX, CMG_CATALOG_ENTRIES_MAX};

/* One thing with an id: an element of a list in a file, or one of the base. */
struct item {
    const struct source *src; /* NULL: of the base */
    json_t *json;
    size_t index; /* in its list */
};

struct list {
    struct item *item;
    struct names ids;
};

struct load {
    struct cmg_error *err;
    struct chunk *arena;
    struct source *source;
    size_t sources;
    struct cmg_catalog *base; /* NULL: none */
    struct list list[KINDS];
    struct names slugs, tokens, marks;
    cmg_str version;
    /* where the walk is */
    const struct source *src;
    struct cmg_json_step path[DEPTH_MAX];
    size_t depth;
    cmg_str who; /* id of the thing being read */
    /* what has been built */
    struct cmg_remedy *remedy;
    struct cmg_cause *cause;
    struct cmg_code *code;
    struct cmg_entry *entry;
    struct cmg_rule *rule;
    size_t rules;
};

static bool out_of_memory(struct load *l)
{
    *l->err = (struct cmg_error){.rc = CMG_ENOMEM, .text = "out of memory"};
    return false;
}

static void *take(struct load *l, size_t n)
{
    void *p = arena_take(&l->arena, n);
    if (!p)
        (void)out_of_memory(l);
    return p;
}

__attribute__((format(printf, 4, 0))) static void
say(struct load *l, enum cmg_rc rc, struct cmg_json_place at, const char *format, va_list args)
{
    struct cmg_error *e = l->err;
    *e = (struct cmg_error){.rc = rc, .line = at.line, .column = at.column};
    snprintf(e->source, sizeof(e->source), "%s", l->src ? l->src->path : "");
    int n =
        l->who.len ? snprintf(e->text, sizeof(e->text), "%.*s: ", (int)l->who.len, l->who.ptr) : 0;
    vsnprintf(e->text + n, sizeof(e->text) - (size_t)n, format, args);
}

/* A fault where the walk is: at the value, or at its key. Always false, so that callers can return
 * it. */
__attribute__((format(printf, 3, 4))) static bool fault_at(struct load *l, bool at_key,
                                                           const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(l, CMG_ECONFIG, cmg_json_locate(l->src->text, l->path, l->depth, at_key), format, args);
    va_end(args);
    return false;
}
#define fault(l, ...) fault_at(l, false, __VA_ARGS__)

/* A fault of a file as a whole, or one whose place Jansson knows. */
__attribute__((format(printf, 4, 5))) static bool
file_fault(struct load *l, enum cmg_rc rc, struct cmg_json_place at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(l, rc, at, format, args);
    va_end(args);
    return false;
}

static void enter(struct load *l, const char *key, size_t index)
{
    if (l->depth < DEPTH_MAX)
        l->path[l->depth++] = (struct cmg_json_step){key, index};
}

static void leave(struct load *l)
{
    l->depth--;
}

static cmg_str str_of(const json_t *v)
{
    return cmg_str_of(json_string_value(v), json_string_length(v));
}

/* ---- files --------------------------------------------------------------------------------- */

static const struct cmg_json_place nowhere = {0, 0};

/* All of a file in the arena. */
static bool read_file(struct load *l, const char *path, cmg_str *ret)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return file_fault(l, CMG_EIO, nowhere, "cannot be opened: %s", strerror(errno));
    struct stat st;
    bool ok = fstat(fileno(f), &st) == 0 && st.st_size <= FILE_MAX;
    size_t size = ok ? (size_t)st.st_size : 0;
    char *text = ok ? take(l, size + 1) : NULL;
    size_t n = text ? fread(text, 1, size, f) : 0;
    bool whole = text && n == size && !ferror(f);
    fclose(f);
    if (!ok)
        return file_fault(l, CMG_ECONFIG, nowhere, "larger than %d bytes", FILE_MAX);
    if (!whole)
        return text ? file_fault(l, CMG_EIO, nowhere, "cannot be read") : false;
    *ret = cmg_str_of(text, n);
    if (cmg_str_starts(*ret, CMG_LIT("\xef\xbb\xbf")))
        *ret = cmg_str_from(*ret, 3);
    return true;
}

static bool digest_tree(struct cmg_json_digest *d, json_t *v);

static bool digest_object(struct cmg_json_digest *d, json_t *v)
{
    const char *key;
    json_t *child;
    cmg_json_digest_add(d, CMG_JSON_OPEN, CMG_LIT(""));
    json_object_foreach(v, key, child)
    {
        cmg_json_digest_add(d, CMG_JSON_STRING, cmg_str_c(key));
        if (!digest_tree(d, child))
            return false;
    }
    return true;
}

static bool digest_list(struct cmg_json_digest *d, json_t *v)
{
    cmg_json_digest_add(d, CMG_JSON_LIST, CMG_LIT(""));
    for (size_t i = 0; i < json_array_size(v); i++)
        if (!digest_tree(d, json_array_get(v, i)))
            return false;
    return true;
}

static void digest_integer(struct cmg_json_digest *d, json_t *v)
{
    char digits[24];
    int n = snprintf(digits, sizeof(digits), "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    cmg_json_digest_add(d, CMG_JSON_NUMBER, cmg_str_of(digits, (size_t)n));
}

/* Feeds the tree to the digest in document order; it is no deeper than DEPTH_MAX. False: it holds a
 * number with a fraction, whose spelling the tree does not keep (and which no field takes). */
static bool digest_tree(struct cmg_json_digest *d, json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return digest_object(d, v);
    case JSON_ARRAY:
        return digest_list(d, v);
    case JSON_STRING:
        cmg_json_digest_add(d, CMG_JSON_STRING, str_of(v));
        return true;
    case JSON_INTEGER:
        digest_integer(d, v);
        return true;
    case JSON_REAL:
        return false;
    default:
        cmg_json_digest_add(d, CMG_JSON_WORD,
                            cmg_str_c(json_is_true(v)    ? "true"
                                      : json_is_false(v) ? "false"
                                                         : "null"));
        return true;
    }
}

/* Jansson reports a failed allocation as a syntax error now and then, so an error counts when it
 * comes twice. */
static json_t *parse(cmg_str text, json_error_t *ret_error)
{
    json_t *root = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, ret_error);
    return root ? root : json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, ret_error);
}

/* Jansson 2.14 passes over a NUL behind a number, as if it were not there. */
static bool is_text(struct load *l, cmg_str text)
{
    size_t nul = cmg_str_chr(text, '\0');
    struct cmg_json_place at = {1, 1};
    if (nul == CMG_STR_NPOS)
        return true;
    for (size_t i = 0; i < nul; i++) {
        at.column = text.ptr[i] == '\n' ? 1 : at.column + 1;
        at.line += text.ptr[i] == '\n';
    }
    return file_fault(l, CMG_ECONFIG, at, "a NUL byte; is this a text file in UTF-8?");
}

static bool parse_source(struct load *l, struct source *s)
{
    size_t depth;
    if (!is_text(l, s->text))
        return false;
    struct cmg_json_digest want = cmg_json_digest_of(s->text, &depth), got = cmg_json_digest_init();
    if (depth > DEPTH_MAX)
        return file_fault(l, CMG_ECONFIG, (struct cmg_json_place){1, 1}, "nested deeper than %d",
                          DEPTH_MAX);
    json_error_t e;
    s->root = parse(s->text, &e);
    if (!s->root && json_error_code(&e) == json_error_out_of_memory)
        return out_of_memory(l);
    if (!s->root)
        return file_fault(l, CMG_ECONFIG, (struct cmg_json_place){e.line, e.column}, "%s", e.text);
    if (digest_tree(&got, s->root) && got.hash != want.hash)
        return out_of_memory(l); /* a byte was lost on the way: see catalog_json.h */
    return json_is_object(s->root) || fault(l, "a catalogue file is an object");
}

static bool add_file(struct load *l, const char *path, unsigned turn)
{
    struct source *s = &l->source[l->sources];
    *s = (struct source){.path = path, .turn = turn};
    l->src = s;
    if (l->sources == FILES_MAX)
        return file_fault(l, CMG_ECONFIG, nowhere, "more than %d files", FILES_MAX);
    l->sources++;
    return read_file(l, path, &s->text) && parse_source(l, s);
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "folder/name" of every *.json, sorted by bytes. */
static bool list_folder(struct load *l, const char *folder, DIR *d, const char **ret, size_t *ret_n)
{
    struct dirent *e;
    while ((e = readdir(d)) != NULL) {
        cmg_str name = cmg_str_c(e->d_name);
        if (name.ptr[0] == '.' || !cmg_str_ends(name, CMG_LIT(".json")))
            continue;
        size_t size = strlen(folder) + name.len + 2;
        char *path = *ret_n < FILES_MAX ? take(l, size) : NULL;
        if (!path)
            return *ret_n < FILES_MAX
                       ? false
                       : file_fault(l, CMG_ECONFIG, nowhere, "more than %d files", FILES_MAX);
        snprintf(path, size, "%s/%s", folder, name.ptr);
        ret[(*ret_n)++] = path;
    }
    qsort(ret, *ret_n, sizeof(*ret), compare_paths);
    return *ret_n > 0 || file_fault(l, CMG_ECONFIG, nowhere, "holds no *.json");
}

static bool add_path(struct load *l, const char *path, unsigned turn)
{
    struct source folder = {.path = path};
    DIR *d = opendir(path);
    if (!d)
        return add_file(l, path, turn);
    l->src = &folder;
    const char **name = take(l, FILES_MAX * sizeof(*name));
    size_t n = 0;
    bool ok = name && list_folder(l, path, d, name, &n);
    closedir(d);
    for (size_t i = 0; ok && i < n; i++)
        ok = add_file(l, name[i], turn);
    l->src = NULL;
    return ok;
}

/* ---- values -------------------------------------------------------------------------------- */

static bool get_string(struct load *l, json_t *v, size_t max, cmg_str *ret)
{
    if (!json_is_string(v))
        return fault(l, "must be a string");
    *ret = str_of(v);
    if (ret->len == 0 || ret->len > max)
        return fault(l, "must have 1 to %zu bytes", max);
    for (size_t i = 0; i < ret->len; i++)
        if ((unsigned char)ret->ptr[i] < 0x20 || ret->ptr[i] == 0x7f)
            return fault(l, "holds a control character");
    return true;
}

static bool get_name(struct load *l, json_t *v, cmg_str *ret)
{
    if (!get_string(l, v, ID_MAX, ret))
        return false;
    for (size_t i = 0; i < ret->len; i++)
        if (!cmg_is_alnum(ret->ptr[i]) && (i == 0 || !memchr("-_.", ret->ptr[i], 3)))
            return fault(l, "must be made of letters, digits, '-', '_' and '.'");
    return true;
}

/* Digits of `base` and nothing else, at most `max`. */
static bool get_digits(cmg_str s, uint32_t base, uint32_t max, uint32_t *ret)
{
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++) {
        int digit = cmg_hex_digit(s.ptr[i]);
        if (digit < 0 || (uint32_t)digit >= base)
            return false;
        v = v * base + (uint32_t)digit;
        if (v > max)
            return false;
    }
    *ret = (uint32_t)v;
    return s.len > 0;
}

static bool get_hex(cmg_str s, uint32_t *ret)
{
    return cmg_str_istarts(s, CMG_LIT("0x")) &&
           get_digits(cmg_str_from(s, 2), 16, UINT32_MAX, ret) && *ret;
}

/* Enters every element of a list in turn. Body sees `item_` and may return. */
#define FOR_EACH(l, list, i, item_)                                                                \
    for (size_t i = 0; i < json_array_size(list) && (enter(l, NULL, i), true); i++, leave(l))      \
        for (json_t *item_ = json_array_get(list, i); item_; item_ = NULL)

static bool is_list(struct load *l, json_t *v, size_t min, size_t max)
{
    if (!json_is_array(v))
        return fault(l, "must be a list");
    if (json_array_size(v) < min)
        return fault(l, "must not be empty");
    return json_array_size(v) <= max || fault(l, "has more than %zu elements", max);
}

/* ---- objects, by tables of fields ---------------------------------------------------------- */

struct field;
typedef bool reader(struct load *l, json_t *v, const struct field *f, char *object);

struct field {
    const char *key;
    reader *read;
    bool required;
    size_t at, count;         /* offsets in the struct: the value, the length beside it */
    const char *const *names; /* of an enum's values */
};

static const struct field *find_field(const struct field *fields, const char *key)
{
    while (fields->key && strcmp(fields->key, key) != 0)
        fields++;
    return fields->key ? fields : NULL;
}

/* What is missing is said at the object's own place. */
static bool check_required(struct load *l, json_t *v, const struct field *fields)
{
    for (; fields->key; fields++)
        if (fields->required && !json_object_get(v, fields->key))
            return fault(l, "has no \"%s\"", fields->key);
    return true;
}

static bool read_object(struct load *l, json_t *v, const struct field *fields, void *object)
{
    const char *key;
    json_t *value;
    if (!json_is_object(v))
        return fault(l, "must be an object");
    json_object_foreach(v, key, value)
    {
        const struct field *f = find_field(fields, key);
        enter(l, key, 0);
        if (!f)
            return fault_at(l, true, "unknown key \"%s\"", key);
        if (f->read && !f->read(l, value, f, object))
            return false;
        leave(l);
    }
    return check_required(l, v, fields);
}

static bool read_string(struct load *l, json_t *v, const struct field *f, char *object)
{
    return get_string(l, v, STRING_MAX, (cmg_str *)(void *)(object + f->at));
}

static bool read_name(struct load *l, json_t *v, const struct field *f, char *object)
{
    return get_name(l, v, (cmg_str *)(void *)(object + f->at));
}

static bool read_bool(struct load *l, json_t *v, const struct field *f, char *object)
{
    if (!json_is_boolean(v))
        return fault(l, "must be true or false");
    *(bool *)(object + f->at) = json_is_true(v);
    return true;
}

static bool read_hex(struct load *l, json_t *v, const struct field *f, char *object)
{
    cmg_str s;
    if (!get_string(l, v, ID_MAX, &s))
        return false;
    return get_hex(s, (uint32_t *)(void *)(object + f->at)) ||
           fault(l, "bad code \"%.*s\": 0x and one to eight hexadecimal digits", (int)s.len, s.ptr);
}

static bool read_int(struct load *l, json_t *v, const struct field *f, char *object)
{
    enum { INT_MAX_HERE = 1000 };
    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > INT_MAX_HERE)
        return fault(l, "must be a number from 0 to %d", INT_MAX_HERE);
    *(int32_t *)(void *)(object + f->at) = (int32_t)json_integer_value(v);
    return true;
}

static bool get_enum(struct load *l, json_t *v, const char *const *names, unsigned *ret)
{
    cmg_str s = {NULL, 0};
    if (!get_string(l, v, ID_MAX, &s))
        return false;
    for (unsigned i = 0; names[i]; i++)
        if (names[i][0] && cmg_str_eq(s, cmg_str_c(names[i]))) {
            *ret = i;
            return true;
        }
    return fault(l, "\"%.*s\" is not one of the words allowed here", (int)s.len, s.ptr);
}

/* Enums without negative values are unsigned int to gcc and clang. */
static bool read_enum(struct load *l, json_t *v, const struct field *f, char *object)
{
    return get_enum(l, v, f->names, (unsigned *)(void *)(object + f->at));
}

static const struct field text_fields[] = {
    {.key = "en",
     .read = read_string,
     .required = true,
     .at = offsetof(struct cmg_text, in[CMG_LANG_EN])},
    {.key = "fr", .read = read_string, .at = offsetof(struct cmg_text, in[CMG_LANG_FR])},
    {.key = NULL},
};

static void fall_back(struct cmg_text *t)
{
    if (t->in[CMG_LANG_FR].len == 0)
        t->in[CMG_LANG_FR] = t->in[CMG_LANG_EN];
}

static bool read_text(struct load *l, json_t *v, const struct field *f, char *object)
{
    struct cmg_text *t = (struct cmg_text *)(void *)(object + f->at);
    if (!read_object(l, v, text_fields, t))
        return false;
    fall_back(t);
    return true;
}

/* A list of lines becomes one string, a line feed between each two. */
static bool read_lines(struct load *l, json_t *v, const struct field *f, char *object)
{
    cmg_str s;
    size_t size = 0;
    if (!is_list(l, v, 1, LINES_MAX))
        return false;
    FOR_EACH(l, v, i, item)
    {
        if (!get_string(l, item, STRING_MAX, &s))
            return false;
        size += s.len + 1;
    }
    char *out = take(l, size), *at = out;
    for (size_t i = 0; out && i < json_array_size(v); i++) {
        s = str_of(json_array_get(v, i));
        memcpy(at, s.ptr, s.len);
        at += s.len;
        *at++ = '\n';
    }
    *(cmg_str *)(void *)(object + f->at) = cmg_str_of(out, size - 1);
    return out != NULL;
}

static const struct field lines_fields[] = {
    {.key = "en",
     .read = read_lines,
     .required = true,
     .at = offsetof(struct cmg_text, in[CMG_LANG_EN])},
    {.key = "fr", .read = read_lines, .at = offsetof(struct cmg_text, in[CMG_LANG_FR])},
    {.key = NULL},
};

static bool read_steps(struct load *l, json_t *v, const struct field *f, char *object)
{
    struct cmg_text *t = (struct cmg_text *)(void *)(object + f->at);
    if (!read_object(l, v, lines_fields, t))
        return false;
    fall_back(t);
    return true;
}

static bool read_urls(struct load *l, json_t *v, const struct field *f, char *object)
{
    struct cmg_strs *ret = (struct cmg_strs *)(void *)(object + f->at);
    if (!is_list(l, v, 0, CMG_ENTRY_LIST_MAX))
        return false;
    cmg_str *at = take(l, json_array_size(v) * sizeof(*at));
    if (!at)
        return false;
    FOR_EACH(l, v, i, item)
    {
        if (!get_string(l, item, STRING_MAX, &at[i]))
            return false;
        if (!cmg_str_starts(at[i], CMG_LIT("https://")))
            return fault(l, "must begin with https://");
    }
    *ret = (struct cmg_strs){at, json_array_size(v)};
    return true;
}

static bool read_remedies(struct load *l, json_t *v, const struct field *f, char *object)
{
    const struct cmg_remedy **ret = (const struct cmg_remedy **)(void *)(object + f->at);
    cmg_str id;
    if (!is_list(l, v, 0, CMG_REMEDIES_MAX))
        return false;
    FOR_EACH(l, v, i, item)
    {
        if (!get_name(l, item, &id))
            return false;
        uint32_t at = names_find(&l->list[REMEDY].ids, id);
        if (at == NO_NAME)
            return fault(l, "unknown remediation \"%.*s\"", (int)id.len, id.ptr);
        ret[i] = &l->remedy[at];
    }
    *(size_t *)(void *)(object + f->count) = json_array_size(v);
    return true;
}

/* ---- remediations, causes, codes ----------------------------------------------------------- */

static const struct field remedy_fields[] = {
    {.key = "id", .read = read_name, .required = true, .at = offsetof(struct cmg_remedy, id)},
    {.key = "owner", .read = read_name, .required = true, .at = offsetof(struct cmg_remedy, owner)},
    {.key = "title", .read = read_text, .required = true, .at = offsetof(struct cmg_remedy, title)},
    {.key = "steps",
     .read = read_steps,
     .required = true,
     .at = offsetof(struct cmg_remedy, steps)},
    {.key = "references", .read = read_urls, .at = offsetof(struct cmg_remedy, references)},
    {.key = NULL},
};

static const struct field cause_fields[] = {
    {.key = "id", .read = read_name, .required = true, .at = offsetof(struct cmg_cause, id)},
    {.key = "flag", .read = read_hex, .required = true, .at = offsetof(struct cmg_cause, flag)},
    {.key = "symbol",
     .read = read_name,
     .required = true,
     .at = offsetof(struct cmg_cause, symbol)},
    {.key = "title", .read = read_text, .required = true, .at = offsetof(struct cmg_cause, title)},
    {.key = "text", .read = read_text, .required = true, .at = offsetof(struct cmg_cause, text)},
    {.key = "remediations",
     .read = read_remedies,
     .required = true,
     .at = offsetof(struct cmg_cause, remedy),
     .count = offsetof(struct cmg_cause, remedies)},
    {.key = NULL},
};

static const struct field code_fields[] = {
    {.key = "code", .required = true}, /* read when the item was listed: it is the id */
    {.key = "symbol", .read = read_name, .at = offsetof(struct cmg_code, symbol)},
    {.key = "meaning",
     .read = read_text,
     .required = true,
     .at = offsetof(struct cmg_code, meaning)},
    {.key = NULL},
};

static const char *const table_names[] = {"winhttp", "hresult",  "bits",      "iis", "http",
                                          "aadsts",  "schannel", "tls-alert", NULL};

/* 403.7 as 403007. */
static bool get_iis(cmg_str s, uint32_t *ret)
{
    size_t dot = cmg_str_chr(s, '.');
    uint32_t status, sub;
    if (dot == CMG_STR_NPOS || !get_digits(cmg_str_head(s, dot), 10, 999, &status) ||
        !get_digits(cmg_str_from(s, dot + 1), 10, 999, &sub) || status < 100)
        return false;
    *ret = status * 1000 + sub;
    return true;
}

static bool get_code(enum cmg_code_table table, cmg_str s, uint32_t *ret)
{
    switch (table) {
    case CMG_TABLE_WINHTTP:
        if (!get_digits(s, 10, 0xffff, ret) || *ret == 0)
            return false;
        *ret = 0x80070000u | *ret;
        return true;
    case CMG_TABLE_HRESULT:
        return get_hex(s, ret);
    case CMG_TABLE_BITS:
        return get_hex(s, ret) && *ret >> 16 == 0x8019;
    case CMG_TABLE_IIS:
        return get_iis(s, ret);
    case CMG_TABLE_HTTP:
        return get_digits(s, 10, 999, ret) && *ret >= 100;
    case CMG_TABLE_SCHANNEL:
        return get_digits(s, 10, 0xffff, ret) && *ret;
    case CMG_TABLE_ALERT:
        return get_digits(s, 10, 0xff, ret);
    default:
        return get_digits(cmg_str_starts(s, CMG_LIT("AADSTS")) ? cmg_str_from(s, 6) : s, 10,
                          99999999, ret) &&
               *ret;
    }
}

/* The name that stands for a code: two spellings of one code are one item. */
static bool code_name(struct load *l, enum cmg_code_table table, uint32_t value, cmg_str *ret)
{
    enum { SIZE = 24 };
    char *name = take(l, SIZE);
    if (!name)
        return false;
    int n = snprintf(name, SIZE, "%s-%08" PRIx32, table_names[table], value);
    *ret = cmg_str_of(name, (size_t)n);
    return true;
}

/* ---- classes and their rules --------------------------------------------------------------- */

static const char *const role_names[] = {"context", "evidence", "candidate", "primary", NULL};
static const char *const level_names[] = {"", "verbose", "info", "warning", "error", NULL};
static const char *const scope_names[] = {"by-evidence", "cmg", "not-cmg", NULL};
static const char *const confidence_names[] = {"low", "medium", "high", NULL};
static const char *const seen_scope_names[] = {"unknown", "cmg", "not-cmg", NULL};

static bool read_tokens(struct load *l, json_t *v, const struct field *f, char *object)
{
    cmg_str s;
    if (!is_list(l, v, 1, CMG_RULE_TOKENS_MAX))
        return false;
    uint32_t *at = take(l, json_array_size(v) * sizeof(*at));
    if (!at)
        return false;
    FOR_EACH(l, v, i, item)
    {
        if (!get_string(l, item, CMG_MATCH_LONGEST, &s))
            return false;
        if (s.len < CMG_MATCH_SHORTEST)
            return fault(l, "token \"%.*s\" is shorter than %d bytes", (int)s.len, s.ptr,
                         CMG_MATCH_SHORTEST);
        at[i] = names_add(&l->tokens, s);
        if (at[i] == NO_NAME)
            return fault(l, "more than %d different tokens", CMG_CATALOG_TOKENS_MAX);
    }
    *(const uint32_t **)(void *)(object + f->at) = at;
    *(size_t *)(void *)(object + f->count) = json_array_size(v);
    return true;
}

static bool read_marks(struct load *l, json_t *v, const struct field *f, char *object)
{
    uint32_t bits = 0;
    cmg_str s;
    if (!is_list(l, v, 1, CMG_CATALOG_MARKS_MAX))
        return false;
    FOR_EACH(l, v, i, item)
    {
        if (!get_name(l, item, &s))
            return false;
        uint32_t mark = names_add(&l->marks, s);
        if (mark == NO_NAME)
            return fault(l, "more than %d different marks", CMG_CATALOG_MARKS_MAX);
        bits |= 1u << mark;
    }
    *(uint32_t *)(void *)(object + f->at) = bits;
    return true;
}

static bool read_event(struct load *l, json_t *v, const struct field *f, char *object)
{
    enum { EVENT_MAX = 65535 };
    if (!json_is_integer(v) || json_integer_value(v) < 1 || json_integer_value(v) > EVENT_MAX)
        return fault(l, "must be a number from 1 to %d", EVENT_MAX);
    *(uint32_t *)(void *)(object + f->at) = (uint32_t)json_integer_value(v);
    return true;
}

static bool read_data(struct load *l, json_t *v, const struct field *f, char *object)
{
    cmg_str s;
    if (!read_string(l, v, f, object) || !get_string(l, v, STRING_MAX, &s))
        return false;
    size_t equals = cmg_str_chr(s, '=');
    return (equals != CMG_STR_NPOS && equals > 0) ||
           fault(l, "\"%.*s\" is not NAME=VALUE", (int)s.len, s.ptr);
}

static const struct field rule_fields[] = {
    {.key = "role",
     .read = read_enum,
     .required = true,
     .at = offsetof(struct cmg_rule, role),
     .names = role_names},
    {.key = "tokens",
     .read = read_tokens,
     .at = offsetof(struct cmg_rule, token),
     .count = offsetof(struct cmg_rule, tokens)},
    {.key = "absent",
     .read = read_tokens,
     .at = offsetof(struct cmg_rule, absent),
     .count = offsetof(struct cmg_rule, absents)},
    {.key = "status_text", .read = read_string, .at = offsetof(struct cmg_rule, status_text)},
    {.key = "status", .read = read_int, .at = offsetof(struct cmg_rule, status)},
    {.key = "substatus", .read = read_int, .at = offsetof(struct cmg_rule, substatus)},
    {.key = "code", .read = read_hex, .at = offsetof(struct cmg_rule, code)},
    {.key = "decoder", .read = read_name, .at = offsetof(struct cmg_rule, decoder)},
    {.key = "provider", .read = read_string, .at = offsetof(struct cmg_rule, provider)},
    {.key = "event", .read = read_event, .at = offsetof(struct cmg_rule, event)},
    {.key = "data", .read = read_data, .at = offsetof(struct cmg_rule, data)},
    {.key = "level",
     .read = read_enum,
     .at = offsetof(struct cmg_rule, level),
     .names = level_names},
    {.key = "flags", .read = read_hex, .at = offsetof(struct cmg_rule, flags)},
    {.key = "open", .read = read_bool, .at = offsetof(struct cmg_rule, open)},
    {.key = "seen", .read = read_marks, .at = offsetof(struct cmg_rule, seen)},
    {.key = "sets", .read = read_marks, .at = offsetof(struct cmg_rule, sets)},
    {.key = "clears", .read = read_marks, .at = offsetof(struct cmg_rule, clears)},
    {.key = NULL},
};

static bool read_rule(struct load *l, json_t *v, const struct cmg_entry *e)
{
    if (l->rules == CMG_CATALOG_RULES_MAX)
        return fault(l, "more than %d rules", CMG_CATALOG_RULES_MAX);
    struct cmg_rule *r = &l->rule[l->rules++];
    *r = (struct cmg_rule){.entry = e, .status = -1, .substatus = -1};
    if (!read_object(l, v, rule_fields, r))
        return false;
    if (!r->tokens && !r->status_text.len && !r->code && r->status < 0 && r->substatus < 0 &&
        !r->event)
        return fault(
            l, "a rule without any condition: give tokens, status_text, status, code or event");
    if (r->event && !r->provider.len)
        return fault(l, "an event without its provider: numbers mean nothing without it");
    if (r->role == CMG_ROLE_NONE && !r->sets && !r->clears)
        return fault(l, "a context rule that neither sets nor clears a mark");
    return true;
}

static bool read_rules(struct load *l, json_t *v, const struct field *f, char *object)
{
    (void)f;
    const struct cmg_entry *e = (const struct cmg_entry *)(void *)object;
    if (!is_list(l, v, 1, CMG_CATALOG_RULES_MAX))
        return false;
    FOR_EACH(l, v, i, item)
    {
        if (!read_rule(l, item, e))
            return false;
    }
    return true;
}

/* Does a slug of the catalogue answer to this one, which may end in '*'? */
static bool slug_known(const struct load *l, cmg_str want)
{
    if (!cmg_str_ends(want, CMG_LIT("*")))
        return names_find(&l->slugs, want) != NO_NAME;
    for (size_t i = 0; i < l->slugs.n; i++)
        if (cmg_str_istarts(l->slugs.at[i], cmg_str_head(want, want.len - 1)))
            return true;
    return false;
}

/* "any", or a list of slugs. */
static bool read_consequence(struct load *l, json_t *v, const struct field *f, char *object)
{
    (void)f;
    struct cmg_entry *e = (struct cmg_entry *)(void *)object;
    e->consequence_of_any = json_is_string(v) && cmg_str_eq(str_of(v), CMG_LIT("any"));
    if (e->consequence_of_any)
        return true;
    if (!is_list(l, v, 1, CMG_ENTRY_LIST_MAX))
        return false;
    cmg_str *at = take(l, json_array_size(v) * sizeof(*at));
    if (!at)
        return false;
    FOR_EACH(l, v, i, item)
    {
        if (!get_string(l, item, ID_MAX, &at[i]))
            return false;
        if (!slug_known(l, at[i]))
            return fault(l, "unknown class \"%.*s\"", (int)at[i].len, at[i].ptr);
    }
    e->consequence_of = (struct cmg_strs){at, json_array_size(v)};
    return true;
}

/* Examples are for the tests; here they only have to be there and to have their form. */
static bool read_log(struct load *l, json_t *v, const struct field *f, char *object)
{
    (void)f, (void)object;
    if (!is_list(l, v, 1, LINES_MAX))
        return false;
    FOR_EACH(l, v, i, item)
    {
        if (!json_is_string(item) || json_string_length(item) == 0)
            return fault(l, "must be a line of a log");
    }
    return true;
}

static bool read_word(struct load *l, json_t *v, const struct field *f, char *object)
{
    unsigned ignored;
    (void)object;
    return get_enum(l, v, f->names, &ignored);
}

static bool read_note(struct load *l, json_t *v, const struct field *f, char *object)
{
    cmg_str ignored;
    (void)f, (void)object;
    return get_string(l, v, STRING_MAX, &ignored);
}

static const struct field example_fields[] = {
    {.key = "lines", .read = read_log, .required = true},
    {.key = "role", .read = read_word, .required = true, .names = role_names + 1},
    {.key = "scope", .read = read_word, .required = true, .names = seen_scope_names},
    {.key = "note", .read = read_note},
    {.key = NULL},
};

static const struct field counter_fields[] = {
    {.key = "lines", .read = read_log, .required = true},
    {.key = "note", .read = read_note},
    {.key = NULL},
};

static bool read_examples_as(struct load *l, json_t *v, const struct field *fields)
{
    if (!is_list(l, v, 1, SIZE_MAX))
        return false;
    FOR_EACH(l, v, i, item)
    {
        if (!read_object(l, item, fields, NULL))
            return false;
    }
    return true;
}

static bool read_examples(struct load *l, json_t *v, const struct field *f, char *object)
{
    (void)f, (void)object;
    return read_examples_as(l, v, example_fields);
}

static bool read_counters(struct load *l, json_t *v, const struct field *f, char *object)
{
    (void)f, (void)object;
    return read_examples_as(l, v, counter_fields);
}

static const struct field class_fields[] = {
    {.key = "id", .read = read_name, .required = true, .at = offsetof(struct cmg_entry, id)},
    {.key = "slug", .read = read_name, .required = true, .at = offsetof(struct cmg_entry, slug)},
    {.key = "family",
     .read = read_name,
     .required = true,
     .at = offsetof(struct cmg_entry, family)},
    {.key = "severity",
     .read = read_enum,
     .required = true,
     .at = offsetof(struct cmg_entry, severity),
     .names = level_names},
    {.key = "scope",
     .read = read_enum,
     .required = true,
     .at = offsetof(struct cmg_entry, scope),
     .names = scope_names},
    {.key = "confidence",
     .read = read_enum,
     .required = true,
     .at = offsetof(struct cmg_entry, confidence),
     .names = confidence_names},
    {.key = "code", .read = read_hex, .at = offsetof(struct cmg_entry, code)},
    {.key = "rank", .read = read_int, .required = true, .at = offsetof(struct cmg_entry, rank)},
    {.key = "title", .read = read_text, .required = true, .at = offsetof(struct cmg_entry, title)},
    {.key = "cause", .read = read_text, .required = true, .at = offsetof(struct cmg_entry, cause)},
    {.key = "references", .read = read_urls, .at = offsetof(struct cmg_entry, references)},
    {.key = "remediations",
     .read = read_remedies,
     .required = true,
     .at = offsetof(struct cmg_entry, remedy),
     .count = offsetof(struct cmg_entry, remedies)},
    {.key = "consequence_of", .read = read_consequence},
    {.key = "rules", .read = read_rules, .required = true},
    {.key = "examples", .read = read_examples, .required = true},
    {.key = "counter_examples", .read = read_counters, .required = true},
    {.key = NULL},
};

/* ---- listing what there is ----------------------------------------------------------------- */

/* Lists an item under its id. Within one path argument an id is given once; a later one replaces.
 */
static bool list_item(struct load *l, enum kind kind, cmg_str id, struct item item)
{
    struct list *list = &l->list[kind];
    size_t before = list->ids.n;
    uint32_t at = names_add(&list->ids, id);
    if (at == NO_NAME)
        return fault(l, "more than %zu %s", list_cap[kind], list_key[kind]);
    const struct source *old = list->item[at].src;
    // An item without a source is the base's. NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
    if (at < before && old && item.src->turn == old->turn)
        return fault(l, "given twice; the other one is in %s", old->path);
    list->item[at] = item;
    return true;
}

static bool item_id(struct load *l, enum kind kind, json_t *v, unsigned table, cmg_str *ret)
{
    const char *key = kind == CODE ? "code" : "id";
    json_t *id = json_object_get(v, key);
    l->who = CMG_LIT("");
    if (!json_is_object(v) || !id)
        return fault(l, "has no \"%s\"", key);
    enter(l, key, 0);
    if (!(kind == CODE ? get_string(l, id, ID_MAX, ret) : get_name(l, id, ret)))
        return false;
    l->who = *ret;
    uint32_t value;
    if (kind == CODE && !get_code((enum cmg_code_table)table, *ret, &value))
        return fault(l, "bad code \"%.*s\" for the table %s", (int)ret->len, ret->ptr,
                     table_names[table]);
    if (kind == REMEDY && !cmg_str_starts(*ret, CMG_LIT("REM-")))
        return fault(l, "the id of a remediation begins with REM-");
    leave(l);
    return kind != CODE || code_name(l, (enum cmg_code_table)table, value, ret);
}

static bool list_array(struct load *l, enum kind kind, json_t *list, unsigned table)
{
    if (!is_list(l, list, 0, SIZE_MAX))
        return false;
    FOR_EACH(l, list, i, v)
    {
        cmg_str id;
        if (!item_id(l, kind, v, table, &id) ||
            !list_item(l, kind, id, (struct item){.src = l->src, .json = v, .index = i}))
            return false;
    }
    return true;
}

static bool read_format(struct load *l, json_t *v, const struct field *f, char *object)
{
    (void)f, (void)object;
    return (json_is_integer(v) && json_integer_value(v) == 1) || fault(l, "only format 1 is known");
}

/* The members of a file that are not lists. */
struct file_head {
    cmg_str schema, version;
    unsigned table;
};

static const struct field file_fields[] = {
    {.key = "$schema", .read = read_string, .at = offsetof(struct file_head, schema)},
    {.key = "format", .read = read_format, .required = true},
    {.key = "version", .read = read_string, .at = offsetof(struct file_head, version)},
    {.key = "table",
     .read = read_enum,
     .at = offsetof(struct file_head, table),
     .names = table_names},
    {.key = "remediations"},
    {.key = "causes"},
    {.key = "codes"},
    {.key = "classes"},
    {.key = NULL},
};

static bool list_source(struct load *l, const struct source *s)
{
    struct file_head head = {.table = CMG_TABLES};
    l->src = s;
    l->who = CMG_LIT("");
    if (!read_object(l, s->root, file_fields, &head))
        return false;
    if (head.version.len)
        l->version = head.version;
    for (enum kind k = 0; k < KINDS; k++) {
        json_t *list = json_object_get(s->root, list_key[k]);
        if (!list)
            continue;
        enter(l, list_key[k], 0);
        if (k == CODE && head.table == CMG_TABLES)
            return fault_at(l, true, "codes need a \"table\" beside them");
        if (!list_array(l, k, list, head.table))
            return false;
        leave(l);
    }
    return true;
}

/* What the base image brings, before the files. */
static bool list_base(struct load *l)
{
    const struct cmg_catalog *b = l->base;
    bool ok = true;
    for (size_t i = 0; i < b->remedies && ok; i++)
        ok = list_item(l, REMEDY, b->remedy[i].id, (struct item){.index = i});
    for (size_t i = 0; i < b->causes && ok; i++)
        ok = list_item(l, CAUSE, b->cause[i].id, (struct item){.index = i});
    for (size_t i = 0; i < b->entries && ok; i++)
        ok = list_item(l, CLASS, b->entry[i].id, (struct item){.index = i});
    for (size_t i = 0; i < b->codes && ok; i++) {
        cmg_str name;
        ok = code_name(l, b->code[i].table, b->code[i].value, &name) &&
             list_item(l, CODE, name, (struct item){.index = i});
    }
    l->version = b->version;
    for (size_t i = 0; i < b->marks && ok; i++)
        ok = names_add(&l->marks, b->mark[i]) == i;
    return ok;
}

/* Puts the walk where an item stands. */
static void go_to(struct load *l, enum kind kind, size_t i)
{
    const struct item *it = &l->list[kind].item[i];
    l->src = it->src;
    l->who = l->list[kind].ids.at[i];
    l->depth = 0;
    enter(l, list_key[kind], 0);
    enter(l, NULL, it->index);
}

/* The slugs that the catalogue will have: each once. */
static bool list_slugs(struct load *l)
{
    for (size_t i = 0; i < l->list[CLASS].ids.n; i++) {
        const struct item *it = &l->list[CLASS].item[i];
        json_t *v = it->src ? json_object_get(it->json, "slug") : NULL;
        // An item without a source is the base's.
        // NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
        cmg_str slug = it->src ? str_of(v) : l->base->entry[it->index].slug;
        go_to(l, CLASS, i);
        if (!slug.len)
            return fault(l, "has no \"slug\"");
        if (names_find(&l->slugs, slug) != NO_NAME) {
            if (!it->src)
                return file_fault(l, CMG_ECONFIG, nowhere, "its slug is used by another class");
            enter(l, "slug", 0);
            return fault(l, "the slug is used by another class");
        }
        (void)names_add(&l->slugs, slug);
    }
    return true;
}

/* ---- building ------------------------------------------------------------------------------ */

/* Remediations of a base item, in the new catalogue's array. */
static void move_remedies(const struct load *l, const struct cmg_remedy **at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        at[i] = &l->remedy[names_find(&l->list[REMEDY].ids, at[i]->id)];
}

static bool build_remedies(struct load *l)
{
    for (size_t i = 0; i < l->list[REMEDY].ids.n; i++) {
        const struct item *it = &l->list[REMEDY].item[i];
        go_to(l, REMEDY, i);
        if (!it->src)
            // An item without a source is the base's.
            // NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
            l->remedy[i] = l->base->remedy[it->index];
        else if (!read_object(l, it->json, remedy_fields, &l->remedy[i]))
            return false;
    }
    return true;
}

static bool flag_is_new(struct load *l, size_t i)
{
    uint32_t flag = l->cause[i].flag;
    if (flag & (flag - 1))
        return fault(l, "the flag must be one bit");
    for (size_t k = 0; k < i; k++)
        if (l->cause[k].flag == flag)
            return fault(l, "the flag is used by %.*s", (int)l->cause[k].id.len,
                         l->cause[k].id.ptr);
    return true;
}

static bool build_causes(struct load *l)
{
    for (size_t i = 0; i < l->list[CAUSE].ids.n; i++) {
        const struct item *it = &l->list[CAUSE].item[i];
        go_to(l, CAUSE, i);
        if (!it->src) {
            // An item without a source is the base's.
            // NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
            l->cause[i] = l->base->cause[it->index];
            move_remedies(l, l->cause[i].remedy, l->cause[i].remedies);
        } else if (!read_object(l, it->json, cause_fields, &l->cause[i]) || !flag_is_new(l, i)) {
            return false;
        }
    }
    return true;
}

static bool build_codes(struct load *l)
{
    for (size_t i = 0; i < l->list[CODE].ids.n; i++) {
        const struct item *it = &l->list[CODE].item[i];
        struct cmg_code *c = &l->code[i];
        go_to(l, CODE, i);
        if (!it->src) {
            // An item without a source is the base's.
            // NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
            *c = l->base->code[it->index];
            continue;
        }
        struct file_head head = {0};
        (void)get_enum(l, json_object_get(it->src->root, "table"), table_names, &head.table);
        c->table = (enum cmg_code_table)head.table;
        (void)get_code(c->table, str_of(json_object_get(it->json, "code")), &c->value);
        if (!read_object(l, it->json, code_fields, c))
            return false;
    }
    return true;
}

static uint32_t *move_tokens(struct load *l, const uint32_t *at, size_t n)
{
    uint32_t *ret = take(l, n * sizeof(*ret));
    for (size_t i = 0; ret && i < n; i++)
        ret[i] = names_add(&l->tokens, l->base->token[at[i]]);
    return ret;
}

static bool tokens_fit(struct load *l, const uint32_t *at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (at[i] == NO_NAME)
            return file_fault(l, CMG_ELIMIT, nowhere, "more than %d different tokens",
                              CMG_CATALOG_TOKENS_MAX);
    return true;
}

/* A class of the base with its rules; marks keep their bits, since the base's marks were listed
 * first. */
static bool copy_class(struct load *l, const struct cmg_entry *from, struct cmg_entry *e)
{
    *e = *from;
    move_remedies(l, e->remedy, e->remedies);
    for (size_t i = 0; i < l->base->rules; i++) {
        const struct cmg_rule *old = &l->base->rule[i];
        if (old->entry != from)
            continue;
        if (l->rules == CMG_CATALOG_RULES_MAX)
            return file_fault(l, CMG_ELIMIT, nowhere, "more than %d rules", CMG_CATALOG_RULES_MAX);
        struct cmg_rule *r = &l->rule[l->rules++];
        *r = *old;
        r->entry = e;
        r->token = move_tokens(l, old->token, old->tokens);
        r->absent = move_tokens(l, old->absent, old->absents);
        if (!r->token || !r->absent)
            return false;
        if (!tokens_fit(l, r->token, r->tokens) || !tokens_fit(l, r->absent, r->absents))
            return false;
    }
    return true;
}

static bool build_classes(struct load *l)
{
    for (size_t i = 0; i < l->list[CLASS].ids.n; i++) {
        const struct item *it = &l->list[CLASS].item[i];
        go_to(l, CLASS, i);
        bool ok = it->src ? read_object(l, it->json, class_fields, &l->entry[i])
                          : copy_class(l, &l->base->entry[it->index], &l->entry[i]);
        if (!ok)
            return false;
    }
    return true;
}

/* A mark that a rule waits for and that nothing sets is a misspelling. */
static bool check_marks(struct load *l)
{
    uint32_t set = 0;
    for (size_t i = 0; i < l->rules; i++)
        set |= l->rule[i].sets;
    for (size_t i = 0; i < l->rules; i++) {
        uint32_t missing = l->rule[i].seen & ~set;
        if (!missing)
            continue;
        cmg_str mark = l->marks.at[__builtin_ctz(missing)];
        go_to(l, CLASS, (size_t)(l->rule[i].entry - l->entry));
        if (!l->src)
            return file_fault(l, CMG_ECONFIG, nowhere, "no rule sets \"%.*s\" any more",
                              (int)mark.len, mark.ptr);
        return fault(l, "no rule sets the mark \"%.*s\"", (int)mark.len, mark.ptr);
    }
    return true;
}

static int by_flag(const void *a, const void *b)
{
    uint32_t x = ((const struct cmg_cause *)a)->flag, y = ((const struct cmg_cause *)b)->flag;
    return x < y ? -1 : x > y;
}

static int by_code(const void *a, const void *b)
{
    const struct cmg_code *x = a, *y = b;
    if (x->table != y->table)
        return x->table < y->table ? -1 : 1;
    return x->value < y->value ? -1 : x->value > y->value;
}

static bool write_image(struct load *l, struct cmg_buf *out)
{
    struct cmg_catalog c = {
        .entry = l->entry,
        .entries = l->list[CLASS].ids.n,
        .rule = l->rule,
        .rules = l->rules,
        .token = l->tokens.at,
        .tokens = l->tokens.n,
        .remedy = l->remedy,
        .remedies = l->list[REMEDY].ids.n,
        .cause = l->cause,
        .causes = l->list[CAUSE].ids.n,
        .code = l->code,
        .codes = l->list[CODE].ids.n,
        .mark = l->marks.at,
        .marks = l->marks.n,
        .version = l->version,
    };
    size_t before = out->len;
    qsort(l->cause, c.causes, sizeof(*l->cause), by_flag);
    qsort(l->code, c.codes, sizeof(*l->code), by_code);
    enum cmg_rc rc = cmg_catalog_write(&c, out);
    if (rc == CMG_ENOMEM)
        return out_of_memory(l);
    l->src = NULL;
    l->who = CMG_LIT("");
    if (rc != CMG_OK)
        return file_fault(l, CMG_ELIMIT, nowhere, "the image would be too large");
    struct cmg_catalog *check = cmg_catalog_open(out->ptr + before, out->len - before, l->err);
    cmg_catalog_free(check);
    return check != NULL;
}

static bool prepare(struct load *l)
{
    bool ok = true;
    for (enum kind k = 0; k < KINDS && ok; k++) {
        l->list[k].item = take(l, list_cap[k] * sizeof(struct item));
        ok = l->list[k].item && names_init(&l->list[k].ids, &l->arena, list_cap[k]);
    }
    ok = ok && names_init(&l->slugs, &l->arena, CMG_CATALOG_ENTRIES_MAX) &&
         names_init(&l->tokens, &l->arena, CMG_CATALOG_TOKENS_MAX) &&
         names_init(&l->marks, &l->arena, CMG_CATALOG_MARKS_MAX);
    l->source = ok ? take(l, (FILES_MAX + 1) * sizeof(*l->source)) : NULL;
    l->rule = ok ? take(l, CMG_CATALOG_RULES_MAX * sizeof(*l->rule)) : NULL;
    return (ok && l->source && l->rule) || out_of_memory(l);
}

/* Room for what was listed; one more than needed, since nothing of nothing may be NULL. */
static bool make_room(struct load *l)
{
    l->remedy = take(l, (l->list[REMEDY].ids.n + 1) * sizeof(*l->remedy));
    l->cause = take(l, (l->list[CAUSE].ids.n + 1) * sizeof(*l->cause));
    l->code = take(l, (l->list[CODE].ids.n + 1) * sizeof(*l->code));
    l->entry = take(l, (l->list[CLASS].ids.n + 1) * sizeof(*l->entry));
    return l->remedy && l->cause && l->code && l->entry;
}

static bool build(struct load *l, const char *const *paths, size_t n, struct cmg_buf *out)
{
    if (!prepare(l) || (l->base && !list_base(l)))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!add_path(l, paths[i], (unsigned)i + 1))
            return false;
    for (size_t i = 0; i < l->sources; i++)
        if (!list_source(l, &l->source[i]))
            return false;
    return list_slugs(l) && make_room(l) && build_remedies(l) && build_causes(l) &&
           build_codes(l) && build_classes(l) && check_marks(l) && write_image(l, out);
}

enum cmg_rc cmg_catalog_build(cmg_str base, const char *const *paths, size_t n,
                              struct cmg_buf *ret_image, struct cmg_error *reterr)
{
    struct load l = {.err = reterr};
    size_t before = ret_image->len;
    *reterr = (struct cmg_error){.rc = CMG_OK};
    if (base.len) {
        l.base = cmg_catalog_open(base.ptr, base.len, reterr);
        if (!l.base)
            return reterr->rc;
    }
    if (!build(&l, paths, n, ret_image)) {
        ret_image->len = before;
        if (reterr->rc == CMG_OK) /* only a base image that nobody wrote can come here */
            *reterr =
                (struct cmg_error){.rc = CMG_ECONFIG, .text = "the base image is not consistent"};
    }
    for (size_t i = 0; i < l.sources; i++)
        // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): sources counts what is there
        json_decref(l.source[i].root);
    cmg_catalog_free(l.base);
    arena_done(l.arena);
    return reterr->rc;
}
