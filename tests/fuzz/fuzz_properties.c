/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a client.properties file: every fault names a line of it, what was accepted is a
 * property that librdkafka takes, and written out again, one a line, it means the same. */
#include "cli/log.h"
#include "cli/options.h"
#include "core/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

struct told {
    int lines;
    unsigned faults;
};

static void count(void *user, const struct cmg_error *fault)
{
    struct told *t = user;
    must(fault->line >= 0 && fault->line <= t->lines && fault->text[0]);
    t->faults++;
}

static int lines_of(cmg_str text)
{
    int n = 1;
    for (size_t i = 0; i < text.len; i++)
        n += text.ptr[i] == '\n';
    return n;
}

/* The parser opens a path: it is that of this file without a name. */
static int put(cmg_str text)
{
    static int fd = -1;
    if (fd < 0)
        fd = memfd_create("properties", MFD_CLOEXEC);
    must(fd >= 0 && ftruncate(fd, 0) == 0);
    must(pwrite(fd, text.ptr ? text.ptr : "", text.len, 0) == (ssize_t)text.len);
    return fd;
}

static void read_into(struct cmg_settings *s, cmg_str text, bool clean)
{
    char conf[64];
    struct told t = {lines_of(text), 0};
    snprintf(conf, sizeof conf, "kafka-config = /proc/self/fd/%d\n", put(text));
    must(cmg_settings_init(s) == CMG_OK);
    must(cmg_settings_config(s, "fuzz.conf", cmg_str_c(conf), count, &t) == CMG_OK);
    enum cmg_rc rc = cmg_settings_kafka_file(s, count, &t);
    must((rc == CMG_OK) == (t.faults == 0));
    must(!clean || !t.faults);
}

static void add(struct cmg_buf *out, cmg_str s)
{
    must(cmg_buf_add(out, s) == CMG_OK);
}

/* False: a value ends with what would join it to the next line, or, from within quotes, begins or
 * ends with a blank. */
static bool write_all(struct cmg_buf *out, const struct cmg_settings *s)
{
    for (size_t i = 0; i < s->n_kafka; i++) {
        cmg_str value = cmg_str_c(s->kafka[i].value);
        must(strncmp(s->kafka[i].name, "kafka.", 6) == 0);
        if ((value.len && value.ptr[value.len - 1] == '\\') || cmg_str_trim(value).len != value.len)
            return false;
        add(out, cmg_str_c(s->kafka[i].name + 6));
        add(out, CMG_LIT("="));
        add(out, value);
        add(out, CMG_LIT("\n"));
    }
    return out->len < CMG_CONFIG_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cmg_settings first, again;
    struct cmg_buf out = cmg_buf_init((size_t)16 << 20);
    cmg_log_set_level(CMG_LOG_ERROR);
    read_into(&first, cmg_str_of((const char *)data, size), false);
    if (write_all(&out, &first)) {
        read_into(&again, cmg_buf_str(&out), true);
        must(again.n_kafka == first.n_kafka);
        for (size_t i = 0; i < first.n_kafka; i++)
            must(strcmp(again.kafka[i].name, first.kafka[i].name) == 0 &&
                 strcmp(again.kafka[i].value, first.kafka[i].value) == 0);
        cmg_settings_done(&again);
    }
    cmg_settings_done(&first);
    cmg_buf_done(&out);
    return 0;
}
