/* SPDX-License-Identifier: Apache-2.0
 * Properties of librdkafka: from -X, the environment, the configuration file, and files in the form
 * that other Kafka tools read.
 *
 * The last kind is Java's client.properties as kcat takes it: name=value, # and ! comments, a
 * backslash at a line's end goes on. Names that only Java's client has are left out with a word
 * where they mean nothing here, and are translated where they do. */
#include "cli/log.h"
#include "cli/options.h"
#include "core/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef CMG_KAFKA
#include "sinks/kafka.h"
#else
static enum cmg_rc cmg_kafka_property(const char *name, const char *value, struct cmg_error *reterr)
{
    (void)value;
    snprintf(reterr->text, sizeof reterr->text, "%.60s: this cmgpipe was built without Kafka",
             name);
    return reterr->rc = CMG_ECONFIG;
}
#endif

enum { NAME_MAX_BYTES = 128 };

/* ---- the list ------------------------------------------------------------------------------ */

static struct cmg_kafka_setting *find(const struct cmg_settings *s, const char *name)
{
    for (size_t i = 0; i < s->n_kafka; i++)
        if (strcmp(s->kafka[i].name + 6, name) == 0)
            return &s->kafka[i];
    return NULL;
}

static enum cmg_rc no_memory(struct cmg_error *e)
{
    *e = (struct cmg_error){.rc = CMG_ENOMEM, .text = "out of memory"};
    return CMG_ENOMEM;
}

static enum cmg_rc add(struct cmg_settings *s, const char *name, cmg_str value, unsigned rank,
                       struct cmg_error *e)
{
    struct cmg_kafka_setting *more = realloc(s->kafka, (s->n_kafka + 1) * sizeof *more);
    if (!more)
        return no_memory(e);
    s->kafka = more;
    struct cmg_kafka_setting one = {.value = cmg_str_dup(value), .rank = rank};
    if (!one.value || asprintf(&one.name, "kafka.%s", name) < 0) {
        free(one.value);
        return no_memory(e);
    }
    s->kafka[s->n_kafka++] = one;
    return CMG_OK;
}

static enum cmg_rc replace(struct cmg_kafka_setting *old, cmg_str value, unsigned rank,
                           struct cmg_error *e)
{
    if (old->rank > rank)
        return CMG_OK;
    char *copy = cmg_str_dup(value);
    if (!copy)
        return no_memory(e);
    free(old->value);
    old->value = copy;
    old->rank = rank;
    return CMG_OK;
}

enum cmg_rc cmg_settings_kafka(struct cmg_settings *s, cmg_str name, cmg_str value, unsigned rank,
                               struct cmg_error *reterr)
{
    char own[NAME_MAX_BYTES], text[CMG_OPT_VALUE_MAX + 1];
    while (cmg_str_starts(name, CMG_LIT("topic.")))
        name = cmg_str_from(name, 6); /* as kcat marks those of a topic */
    bool has_nul =
        cmg_str_chr(name, '\0') != CMG_STR_NPOS || cmg_str_chr(value, '\0') != CMG_STR_NPOS;
    if (!name.len || name.len >= sizeof own || value.len >= sizeof text || has_nul ||
        s->n_kafka == CMG_KAFKA_PROPERTIES_MAX) {
        *reterr =
            (struct cmg_error){.rc = CMG_ECONFIG,
                               .text = "no name, a NUL, or more than fits: a name has 127 bytes at "
                                       "most, a value 4096, and there may be 512 of them"};
        return CMG_ECONFIG;
    }
    snprintf(own, sizeof own, "%.*s", (int)name.len, name.ptr);
    snprintf(text, sizeof text, "%.*s", (int)value.len, value.len ? value.ptr : "");
    enum cmg_rc rc = cmg_kafka_property(own, text, reterr);
    if (rc != CMG_OK)
        return rc;
    struct cmg_kafka_setting *old = find(s, own);
    return old ? replace(old, value, rank, reterr) : add(s, own, value, rank, reterr);
}

const char *cmg_kafka_value(const struct cmg_settings *s, const char *name, unsigned *ret_rank)
{
    const struct cmg_kafka_setting *found = find(s, name);
    if (ret_rank)
        *ret_rank = found ? found->rank : 0;
    return found ? found->value : NULL;
}

bool cmg_to_kafka(const struct cmg_settings *s)
{
    return cmg_text_of(s, CMG_OPT_BROKERS) || cmg_text_of(s, CMG_OPT_MOCK_BROKERS) ||
           cmg_kafka_value(s, "bootstrap.servers", NULL) ||
           cmg_kafka_value(s, "metadata.broker.list", NULL);
}

/* ---- client.properties --------------------------------------------------------------------- */

struct reader {
    struct cmg_settings *s;
    const char *path;
    int line;
    unsigned rank;
    cmg_fault_fn *fault;
    void *user;
    enum cmg_rc rc;
};

static void tell(struct reader *r, enum cmg_rc rc, const char *text, const char *detail)
{
    struct cmg_error e = {.rc = rc, .line = r->line};
    snprintf(e.source, sizeof e.source, "%s", r->path);
    snprintf(e.text, sizeof e.text, "%.120s%.110s", text, detail);
    r->fault(r->user, &e);
    if (rc != CMG_OK)
        r->rc = rc;
}

static void set(struct reader *r, const char *name, cmg_str value)
{
    struct cmg_error e = {.rc = CMG_OK};
    if (cmg_settings_kafka(r->s, cmg_str_c(name), value, r->rank, &e) != CMG_OK)
        tell(r, CMG_ECONFIG, e.text, "");
}

/* username="..." or password='...' of a login module. */
static bool jaas_value(cmg_str text, const char *key, cmg_str *ret)
{
    size_t at = cmg_str_find(text, cmg_str_c(key));
    if (at == CMG_STR_NPOS)
        return false;
    cmg_str rest = cmg_str_trim(cmg_str_from(text, at + strlen(key)));
    if (!rest.len || rest.ptr[0] != '=')
        return false;
    rest = cmg_str_trim(cmg_str_from(rest, 1));
    if (!rest.len || (rest.ptr[0] != '"' && rest.ptr[0] != '\''))
        return false;
    char quote = rest.ptr[0];
    rest = cmg_str_from(rest, 1);
    size_t end = cmg_str_chr(rest, quote);
    *ret = cmg_str_head(rest, end == CMG_STR_NPOS ? 0 : end);
    return end != CMG_STR_NPOS;
}

static void read_jaas(struct reader *r, cmg_str value)
{
    cmg_str name, password;
    if (!jaas_value(value, "username", &name) || !jaas_value(value, "password", &password)) {
        tell(r, CMG_ECONFIG, "sasl.jaas.config",
             ": no username=\"...\" and password=\"...\" in it; set sasl.username and "
             "sasl.password");
        return;
    }
    set(r, "sasl.username", name);
    set(r, "sasl.password", password);
}

/* What Java's client has and librdkafka has not: NULL means that it does nothing here. */
static const struct {
    const char *java, *ours;
} translations[] = {
    {"max.request.size", "message.max.bytes"},
    {"ssl.truststore.location", "ssl.ca.location"},
    {"ssl.truststore.certificates", "ssl.ca.pem"},
    {"ssl.keystore.certificate.chain", "ssl.certificate.pem"},
    {"ssl.keystore.key", "ssl.key.pem"},
    {"key.serializer", NULL},
    {"value.serializer", NULL},
    {"buffer.memory", NULL},
    {"max.block.ms", NULL},
    {"metadata.max.idle.ms", NULL},
    {"ssl.truststore.type", NULL},
    {"ssl.keystore.type", NULL},
    {"client.dns.lookup", NULL},
    {"default.api.timeout.ms", NULL},
};

static bool translate(struct reader *r, const char *name, cmg_str value)
{
    if (strcmp(name, "sasl.jaas.config") == 0) {
        read_jaas(r, value);
        return true;
    }
    for (size_t i = 0; i < sizeof translations / sizeof *translations; i++) {
        if (strcmp(name, translations[i].java) != 0)
            continue;
        if (translations[i].ours)
            set(r, translations[i].ours, value);
        else
            cmg_log(CMG_LOG_DEBUG, "a property of Java's client means nothing here", "file",
                    r->path, "property", name, NULL);
        return true;
    }
    return false;
}

/* A trust store that is no PEM file would only fail when brokers are spoken to, in other words. */
static bool is_java_store(struct reader *r, const char *name, cmg_str value)
{
    bool type = strcmp(name, "ssl.truststore.type") == 0 || strcmp(name, "ssl.keystore.type") == 0;
    bool path = strcmp(name, "ssl.truststore.location") == 0;
    if ((!type || cmg_str_ieq(value, CMG_LIT("PEM"))) &&
        (!path || !cmg_str_ends(value, CMG_LIT(".jks"))))
        return false;
    tell(r, CMG_ECONFIG, name, ": Java's key stores cannot be read; export it as PEM");
    return true;
}

static void read_pair(struct reader *r, cmg_str line)
{
    char name[NAME_MAX_BYTES];
    size_t equals = cmg_str_chr(line, '=');
    cmg_str key = cmg_str_trim(cmg_str_head(line, equals == CMG_STR_NPOS ? 0 : equals));
    if (!key.len || key.len >= sizeof name) {
        tell(r, CMG_ECONFIG, "not of the form NAME=VALUE", "");
        return;
    }
    cmg_str value = cmg_str_trim(cmg_str_from(line, equals + 1));
    snprintf(name, sizeof name, "%.*s", (int)key.len, key.ptr);
    if (!is_java_store(r, name, value) && !translate(r, name, value))
        set(r, name, value);
}

/* Lines that end with a backslash go on in the next one. */
static void read_lines(struct reader *r, cmg_str text)
{
    struct cmg_buf whole = cmg_buf_init(CMG_CONFIG_MAX);
    enum cmg_rc rc = CMG_OK;
    while (text.len && rc == CMG_OK) {
        size_t end = cmg_str_chr(text, '\n');
        cmg_str line = cmg_str_trim(end == CMG_STR_NPOS ? text : cmg_str_head(text, end));
        text = end == CMG_STR_NPOS ? (cmg_str){NULL, 0} : cmg_str_from(text, end + 1);
        r->line++;
        bool comment = line.len && (line.ptr[0] == '#' || line.ptr[0] == '!');
        bool more = !comment && line.len && line.ptr[line.len - 1] == '\\';
        if (!comment || whole.len)
            rc = cmg_buf_add(&whole, cmg_str_head(line, line.len - more));
        if (more && text.len)
            continue;
        if (whole.len)
            read_pair(r, cmg_buf_str(&whole));
        whole.len = 0;
    }
    cmg_buf_done(&whole);
    if (rc != CMG_OK)
        tell(r, rc, "out of memory", "");
}

/* Anybody's to read, although it may hold a password: worth a word. */
static void look_at_mode(const struct reader *r, int fd)
{
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & S_IROTH) &&
        cmg_kafka_value(r->s, "sasl.password", NULL))
        cmg_log(CMG_LOG_WARNING, "a file with a password can be read by everybody", "file", r->path,
                NULL);
}

static void read_file(struct reader *r)
{
    struct cmg_buf text = cmg_buf_init(CMG_CONFIG_MAX + 1);
    int fd = open(r->path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : 1;
    while (n > 0) {
        n = cmg_buf_reserve(&text, 4096) == CMG_OK ? read(fd, text.ptr + text.len, 4096) : -1;
        if (n > 0)
            text.len += (size_t)n;
    }
    if (n < 0)
        tell(r, CMG_ECONFIG, strerror(errno), "");
    else
        read_lines(r, cmg_buf_str(&text));
    if (fd >= 0) {
        look_at_mode(r, fd);
        close(fd);
    }
    cmg_buf_done(&text);
}

enum cmg_rc cmg_settings_kafka_file(struct cmg_settings *s, cmg_fault_fn *fault, void *user)
{
    const char *path = cmg_text_of(s, CMG_OPT_KAFKA_CONFIG);
    struct reader r = {.s = s,
                       .path = path,
                       .rank = cmg_kafka_rank(s->at[CMG_OPT_KAFKA_CONFIG].source, true),
                       .fault = fault,
                       .user = user,
                       .rc = CMG_OK};
    if (path)
        read_file(&r);
    return r.rc;
}
