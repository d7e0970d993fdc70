/* SPDX-License-Identifier: Apache-2.0
 * The configuration file: `key = value` lines, `#` comments, the names of options.def.
 *
 * A value goes to the end of its line without the blanks around it. A # behind a blank begins a
 * comment there, too; a value that needs one, or blanks at its ends, stands in double quotes, where
 * \" and \\ are a quote and a backslash. A key of a list may be written several times. */
#include "cli/options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct file {
    struct cmg_settings *s;
    const char *name;
    int line;
    cmg_fault_fn *fault;
    void *user;
    enum cmg_rc rc;
};

static void fault_here(struct file *f, cmg_str key, const char *text)
{
    struct cmg_error e = {.rc = CMG_ECONFIG, .line = f->line};
    int wide = key.len > 60 ? 60 : (int)key.len;
    snprintf(e.source, sizeof e.source, "%s", f->name);
    snprintf(e.text, sizeof e.text, "%.*s%s%.170s", wide, wide ? key.ptr : "", wide ? ": " : "",
             text);
    f->fault(f->user, &e);
    f->rc = CMG_ECONFIG;
}

/* ---- one line ------------------------------------------------------------------------------ */

/* Up to a # that begins a comment. */
static cmg_str plain_value(cmg_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] == '#' && (i == 0 || cmg_is_space(s.ptr[i - 1])))
            return cmg_str_trim(cmg_str_head(s, i));
    return s;
}

/* `s` begins with a quote. NULL, or what is wrong with it. */
static const char *quoted_value(cmg_str s, char *out, cmg_str *ret)
{
    size_t n = 0, i = 1;
    for (; i < s.len && s.ptr[i] != '"'; i++) {
        if (s.ptr[i] == '\\' && i + 1 < s.len && (s.ptr[i + 1] == '"' || s.ptr[i + 1] == '\\'))
            i++;
        out[n++] = s.ptr[i];
    }
    if (i >= s.len)
        return "the closing \" is missing";
    cmg_str rest = cmg_str_trim(cmg_str_from(s, i + 1));
    if (rest.len && rest.ptr[0] != '#')
        return "text behind the closing \"; write \\\" for a quote inside a value";
    *ret = cmg_str_of(out, n);
    return NULL;
}

static const char *read_value(cmg_str s, char *out, cmg_str *ret)
{
    if (s.len > CMG_OPT_VALUE_MAX)
        return "the value is too long; 4096 bytes are the most";
    if (s.len && s.ptr[0] == '"')
        return quoted_value(s, out, ret);
    *ret = plain_value(s);
    return ret->len ? NULL
                    : "the value is missing; to leave an option at its default, remove the line";
}

static void store(struct file *f, const struct cmg_opt_row *row, cmg_str key, cmg_str value)
{
    struct cmg_error e = {.rc = CMG_OK};
    if (cmg_settings_set(f->s, (enum cmg_opt)(row - cmg_opt_rows), value, CMG_FROM_FILE, &e) !=
        CMG_OK)
        fault_here(f, key, e.text);
}

static void unknown(struct file *f, cmg_str key, const char *near)
{
    char text[120];
    snprintf(text, sizeof text, "unknown key; %s%s%s",
             near ? "did you mean " : "\"cmgpipe --help\" lists them", near ? near : "",
             near ? "?" : "");
    fault_here(f, key, text);
}

/* kafka.linger.ms = 50 */
static void read_property(struct file *f, cmg_str key, cmg_str rest)
{
    char room[CMG_OPT_VALUE_MAX];
    cmg_str value;
    struct cmg_error e = {.rc = CMG_OK};
    const char *wrong = read_value(rest, room, &value);
    if (wrong)
        fault_here(f, key, wrong);
    else if (cmg_settings_kafka(f->s, cmg_str_from(key, 6), value,
                                cmg_kafka_rank(CMG_FROM_FILE, false), &e) != CMG_OK)
        fault_here(f, key, e.text);
}

static void read_pair(struct file *f, cmg_str key, cmg_str rest)
{
    char room[CMG_OPT_VALUE_MAX];
    const char *near;
    cmg_str value;
    const struct cmg_opt_row *row = cmg_opt_find(key, &near);
    if (!row) {
        unknown(f, key, near);
        return;
    }
    const char *wrong = read_value(rest, room, &value);
    if (row->where != CMG_WHERE_ALL)
        fault_here(f, key, "belongs to the command line, not into a file");
    else if (wrong)
        fault_here(f, key, wrong);
    else
        store(f, row, key, value);
}

static bool has_control(cmg_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < 0x20 && s.ptr[i] != '\t')
            return true;
    return false;
}

static void read_line(struct file *f, cmg_str line)
{
    line = cmg_str_trim(line);
    if (!line.len || line.ptr[0] == '#')
        return;
    size_t equals = cmg_str_chr(line, '=');
    if (has_control(line))
        fault_here(f, (cmg_str){NULL, 0}, "a control character; is this a text file?");
    else if (line.ptr[0] == '[')
        fault_here(f, (cmg_str){NULL, 0}, "there are no [sections]; remove the line");
    else if (equals == CMG_STR_NPOS || equals == 0)
        fault_here(f, cmg_str_head(line, 40), "not of the form: key = value");
    else
        (cmg_str_starts(line, CMG_LIT("kafka.")) ? read_property : read_pair)(
            f, cmg_str_trim(cmg_str_head(line, equals)),
            cmg_str_trim(cmg_str_from(line, equals + 1)));
}

enum cmg_rc cmg_settings_config(struct cmg_settings *s, const char *name, cmg_str text,
                                cmg_fault_fn *fault, void *user)
{
    struct file f = {s, name, 0, fault, user, CMG_OK};
    if (cmg_str_starts(text, CMG_LIT("\xef\xbb\xbf")))
        text = cmg_str_from(text, 3);
    while (text.len) {
        size_t end = cmg_str_chr(text, '\n');
        f.line++;
        read_line(&f, end == CMG_STR_NPOS ? text : cmg_str_head(text, end));
        text = end == CMG_STR_NPOS ? (cmg_str){NULL, 0} : cmg_str_from(text, end + 1);
    }
    return f.rc;
}

/* ---- files --------------------------------------------------------------------------------- */

static enum cmg_rc fail_file(const char *path, enum cmg_rc rc, const char *text,
                             cmg_fault_fn *fault, void *user)
{
    struct cmg_error e = {.rc = rc};
    snprintf(e.source, sizeof e.source, "%s", path);
    snprintf(e.text, sizeof e.text, "%s", text);
    fault(user, &e);
    return rc;
}

/* All of it, or -1 with errno; one byte more than CMG_CONFIG_MAX tells that there is more. */
static ssize_t read_whole(int fd, char *out)
{
    size_t len = 0;
    while (len <= CMG_CONFIG_MAX) {
        ssize_t n = read(fd, out + len, CMG_CONFIG_MAX + 1 - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    return (ssize_t)len;
}

static enum cmg_rc read_open(struct cmg_settings *s, const char *path, int fd, cmg_fault_fn *fault,
                             void *user)
{
    char *text = malloc(CMG_CONFIG_MAX + 1);
    ssize_t n = text ? read_whole(fd, text) : 0;
    enum cmg_rc rc;
    if (!text)
        rc = fail_file(path, CMG_ENOMEM, "out of memory", fault, user);
    else if (n < 0)
        rc = fail_file(path, CMG_ECONFIG, strerror(errno), fault, user);
    else if (n > CMG_CONFIG_MAX)
        rc = fail_file(path, CMG_ECONFIG, "too large for a configuration; 1 MiB is the most", fault,
                       user);
    else
        rc = cmg_settings_config(s, path, cmg_str_of(text, (size_t)n), fault, user);
    free(text);
    return rc;
}

enum cmg_rc cmg_settings_file(struct cmg_settings *s, const char *path, cmg_fault_fn *fault,
                              void *user)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_file(path, CMG_ECONFIG, strerror(errno), fault, user);
    enum cmg_rc rc = read_open(s, path, fd, fault, user);
    close(fd);
    return rc;
}

/* A file in a usual place. False: there is none, or none that can be seen: a service that was
 * started with another user's HOME is not at fault. */
static bool read_usual(struct cmg_settings *s, const char *folder, const char *rest,
                       cmg_fault_fn *fault, void *user, enum cmg_rc *ret)
{
    char path[1024];
    int n = snprintf(path, sizeof path, "%s%s", folder, rest);
    if (n < 0 || (size_t)n >= sizeof path)
        return false;
    if (access(path, F_OK) != 0)
        return false;
    *ret = cmg_settings_file(s, path, fault, user);
    return true;
}

enum cmg_rc cmg_settings_find_file(struct cmg_settings *s, cmg_fault_fn *fault, void *user)
{
    const char *named = cmg_text_of(s, CMG_OPT_CONFIG), *xdg = getenv("XDG_CONFIG_HOME"),
               *home = getenv("HOME");
    enum cmg_rc rc = CMG_OK;
    if (named)
        return cmg_settings_file(s, named, fault, user);
    if (xdg && xdg[0] == '/' && read_usual(s, xdg, "/cmgpipe/cmgpipe.conf", fault, user, &rc))
        return rc;
    if (!(xdg && xdg[0]) && home && home[0] &&
        read_usual(s, home, "/.config/cmgpipe/cmgpipe.conf", fault, user, &rc))
        return rc;
    (void)read_usual(s, "/etc", "/cmgpipe/cmgpipe.conf", fault, user, &rc);
    return rc;
}
