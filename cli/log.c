/* SPDX-License-Identifier: Apache-2.0
 * Lines on stderr, in the key=value form that log shippers read without a rule of their own. */
#include "cli/log.h"
#include "cli/term.h"
#include "core/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static enum cmg_log_level loudest = CMG_LOG_INFO;

void cmg_log_set_level(enum cmg_log_level most)
{
    loudest = most;
}

const char *cmg_number(char buf[CMG_NUMBER_SIZE], uint64_t n)
{
    snprintf(buf, CMG_NUMBER_SIZE, "%llu", (unsigned long long)n);
    return buf;
}

/* One line under construction. A byte is always left for the line feed. */
struct line {
    char text[CMG_LOG_LINE_MAX];
    size_t len;
};

static void put(struct line *l, cmg_str s)
{
    s = cmg_str_head(s, sizeof l->text - 1 - l->len);
    if (s.len)
        memcpy(l->text + l->len, s.ptr, s.len);
    l->len += s.len;
}

static void put_escaped(struct line *l, cmg_str s, bool quoted)
{
    char piece[CMG_ESCAPE_MAX];
    while (s.len) {
        size_t n = quoted && (s.ptr[0] == '"' || s.ptr[0] == '\\') ? 1 : 0;
        if (n)
            put(l, CMG_LIT("\\"));
        size_t used;
        put(l, cmg_str_of(piece, cmg_escape_one(s, piece, &used)));
        s = cmg_str_from(s, used);
    }
}

/* Does the value stand for itself behind "key="? */
static bool is_bare(cmg_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (cmg_is_space(s.ptr[i]) || s.ptr[i] == '"' || s.ptr[i] == '=' || s.ptr[i] == '\\')
            return false;
    return s.len > 0;
}

static void put_pair(struct line *l, const char *key, const char *value)
{
    cmg_str v = cmg_str_c(value);
    put(l, CMG_LIT(" "));
    put(l, cmg_str_c(key));
    put(l, CMG_LIT("="));
    if (is_bare(v)) {
        put_escaped(l, v, false);
        return;
    }
    put(l, CMG_LIT("\""));
    put_escaped(l, v, true);
    put(l, CMG_LIT("\""));
}

static void write_line(struct line *l)
{
    l->text[l->len++] = '\n';
    /* Nobody is left to be told when stderr itself fails. */
    ssize_t ignored = write(STDERR_FILENO, l->text, l->len);
    (void)ignored;
}

void cmg_log(enum cmg_log_level level, const char *msg, ...)
{
    static const char *const names[] = {"level=error", "level=warning", "level=info",
                                        "level=debug"};
    if (level > loudest)
        return;
    struct line l = {.len = 0};
    put(&l, cmg_str_c(names[level]));
    put_pair(&l, "msg", msg);
    va_list pairs;
    va_start(pairs, msg);
    for (const char *key = va_arg(pairs, const char *); key; key = va_arg(pairs, const char *)) {
        const char *value = va_arg(pairs, const char *);
        if (value)
            put_pair(&l, key, value);
    }
    va_end(pairs);
    write_line(&l);
}

void cmg_complain(const struct cmg_error *e)
{
    struct line l = {.len = 0};
    char at[2 * CMG_NUMBER_SIZE] = "";
    put_escaped(&l, e->source[0] ? cmg_str_c(e->source) : CMG_LIT("cmgpipe"), false);
    if (e->line && e->column)
        snprintf(at, sizeof at, ":%d:%d", e->line, e->column);
    else if (e->line)
        snprintf(at, sizeof at, ":%d", e->line);
    put(&l, cmg_str_c(at));
    put(&l, CMG_LIT(": "));
    put_escaped(&l, cmg_str_c(e->text), false);
    write_line(&l);
}
