/* SPDX-License-Identifier: Apache-2.0
 * Scheme, address and parameters, by two tables. */
#include "sources/url.h"

#include <stdio.h>

static enum cmg_rc fault(struct cmg_error *e, const char *text, cmg_str what)
{
    *e = (struct cmg_error){.rc = CMG_ECONFIG};
    snprintf(e->text, sizeof e->text, "%s: %.*s", text, (int)(what.len < 100 ? what.len : 100),
             what.ptr ? what.ptr : "");
    return CMG_ECONFIG;
}

static const struct scheme {
    const char *name, *port;
    enum cmg_url_kind kind;
    bool tls;
} schemes[] = {
    {"syslog+udp", "514", CMG_URL_UDP, false},       {"syslog+tcp", "514", CMG_URL_SYSLOG, false},
    {"syslog+tls", "6514", CMG_URL_SYSLOG, true},    {"forward", "24224", CMG_URL_FORWARD, false},
    {"forward+tls", "24224", CMG_URL_FORWARD, true},
};

/* ---- parameters ------------------------------------------------------------------------------ */

enum { ANY = 1, STREAM = 2, TLS = 4, FORWARD = 8 };

struct parameter {
    const char *name;
    unsigned where;
    size_t at, size;      /* of a text */
    uint64_t least, most; /* of a number */
};
#define TEXT_OF(field)   offsetof(struct cmg_url, field), sizeof(((struct cmg_url *)0)->field), 0, 0
#define NUMBER_OF(field) offsetof(struct cmg_url, field), 0
static const struct parameter parameters[] = {
    {"cert", TLS, TEXT_OF(cert)},
    {"key", TLS, TEXT_OF(key)},
    {"ca", TLS, TEXT_OF(ca)},
    {"shared-key-file", FORWARD, TEXT_OF(shared_key_file)},
    {"hostname", FORWARD, TEXT_OF(hostname)},
    {"connections", STREAM, NUMBER_OF(connections), 1, 65536},
    {"frame", ANY, NUMBER_OF(frame), 256, 64 << 20},
    {"inflated", FORWARD, NUMBER_OF(inflated), 256, 1 << 30},
    {"idle", STREAM, NUMBER_OF(idle_s), 1, 31 * 86400},
    {"timeout", STREAM, NUMBER_OF(timeout_s), 1, 86400},
};

static unsigned where_of(const struct cmg_url *u)
{
    return ANY | (u->kind != CMG_URL_UDP ? STREAM : 0u) | (u->tls ? TLS : 0u) |
           (u->kind == CMG_URL_FORWARD ? FORWARD : 0u);
}

/* %41 is A. False: too long, or a NUL. */
static bool unescape(cmg_str s, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '%' && i + 2 < s.len && cmg_hex_digit(s.ptr[i + 1]) >= 0 &&
            cmg_hex_digit(s.ptr[i + 2]) >= 0) {
            c = (char)(cmg_hex_digit(s.ptr[i + 1]) << 4 | cmg_hex_digit(s.ptr[i + 2]));
            i += 2;
        }
        if (!c || n + 1 >= size)
            return false;
        out[n++] = c;
    }
    out[n] = '\0';
    return n > 0;
}

/* Digits, and k or M behind them. */
static bool read_number(cmg_str s, uint64_t *ret)
{
    size_t i = 0;
    uint64_t n = 0;
    for (; i < s.len && i < 12 && cmg_is_digit(s.ptr[i]); i++)
        n = n * 10 + (uint64_t)(s.ptr[i] - '0');
    if (!i || i + 1 < s.len)
        return false;
    *ret = n;
    if (i == s.len)
        return true;
    *ret = n << (cmg_lower(s.ptr[i]) == 'k' ? 10 : 20);
    return cmg_lower(s.ptr[i]) == 'k' || s.ptr[i] == 'M';
}

static const struct parameter *find_parameter(cmg_str name)
{
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++)
        if (cmg_str_eq(name, cmg_str_c(parameters[i].name)))
            return &parameters[i];
    return NULL;
}

static enum cmg_rc set_verify(cmg_str value, struct cmg_url *u, struct cmg_error *e)
{
    u->verify = cmg_str_eq(value, CMG_LIT("required"));
    if (u->verify || cmg_str_eq(value, CMG_LIT("none")))
        return CMG_OK;
    return fault(e, "verify is required or none, not", value);
}

static enum cmg_rc set_parameter(cmg_str pair, struct cmg_url *u, struct cmg_error *e)
{
    size_t eq = cmg_str_chr(pair, '=');
    cmg_str name = cmg_str_head(pair, eq), value = cmg_str_from(pair, name.len + 1);
    if (u->tls && cmg_str_eq(name, CMG_LIT("verify")))
        return set_verify(value, u, e);
    const struct parameter *p = find_parameter(name);
    if (!p || !(p->where & where_of(u)))
        return fault(e, "this input has no such parameter", name);
    char *slot = (char *)u + p->at;
    uint64_t n;
    if (p->size)
        return unescape(value, slot, p->size) ? CMG_OK : fault(e, "bad value", pair);
    if (!read_number(value, &n) || n < p->least || n > p->most)
        return fault(e, "not a number that this parameter may have", pair);
    memcpy(slot, &n, sizeof n);
    return CMG_OK;
}

static enum cmg_rc read_parameters(cmg_str s, struct cmg_url *u, struct cmg_error *e)
{
    while (s.len) {
        cmg_str pair = cmg_str_head(s, cmg_str_chr(s, '&'));
        enum cmg_rc rc = set_parameter(pair, u, e);
        if (rc != CMG_OK)
            return rc;
        s = cmg_str_from(s, pair.len + 1);
    }
    return CMG_OK;
}

/* ---- address --------------------------------------------------------------------------------- */

static bool read_port(cmg_str s, char out[8])
{
    uint64_t n;
    if (s.len > 5 || !read_number(s, &n) || n > 65535)
        return false;
    snprintf(out, 8, "%u", (unsigned)n);
    return true;
}

/* HOST, HOST:PORT, :PORT, [V6], [V6]:PORT, or nothing. Without a host it is this machine alone. */
static bool read_address(cmg_str s, const struct scheme *scheme, struct cmg_url *u)
{
    cmg_str host, rest;
    if (s.len && s.ptr[0] == '[') {
        size_t close = cmg_str_chr(s, ']');
        if (close == CMG_STR_NPOS)
            return false;
        host = cmg_str_cut(s, 1, close);
        rest = cmg_str_from(s, close + 1);
    } else {
        host = cmg_str_head(s, cmg_str_chr(s, ':'));
        rest = cmg_str_from(s, host.len);
    }
    if (!host.len)
        host = CMG_LIT("127.0.0.1");
    if (host.len >= sizeof u->host)
        return false;
    memcpy(u->host, host.ptr, host.len);
    u->host[host.len] = '\0';
    if (!rest.len)
        return read_port(cmg_str_c(scheme->port), u->port);
    return rest.ptr[0] == ':' && read_port(cmg_str_from(rest, 1), u->port);
}

static void set_name(const struct scheme *scheme, struct cmg_url *u)
{
    bool v6 = strchr(u->host, ':');
    snprintf(u->name, sizeof u->name, "%s://%s%s%s:%s", scheme->name, v6 ? "[" : "", u->host,
             v6 ? "]" : "", u->port);
}

static enum cmg_rc judge(const struct cmg_url *u, struct cmg_error *e)
{
    if (u->tls && (!u->cert[0] || !u->key[0]))
        return fault(e, "TLS needs ?cert=FILE&key=FILE", cmg_str_c(u->name));
    if (u->verify && !u->ca[0])
        return fault(e, "verify=required needs ca=FILE", cmg_str_c(u->name));
    return CMG_OK;
}

static enum cmg_rc parse_net(cmg_str text, const struct scheme *scheme, struct cmg_url *u,
                             struct cmg_error *e)
{
    cmg_str rest = cmg_str_from(text, strlen(scheme->name) + 3);
    cmg_str address = cmg_str_head(rest, cmg_str_chr(rest, '?'));
    cmg_str query = cmg_str_from(rest, address.len + 1);
    bool forward = scheme->kind == CMG_URL_FORWARD;
    u->kind = scheme->kind;
    u->tls = scheme->tls;
    u->connections = CMG_URL_CONNECTIONS;
    u->frame = forward ? CMG_URL_MESSAGE : CMG_URL_FRAME;
    u->inflated = CMG_URL_INFLATED;
    u->idle_s = CMG_URL_IDLE_S;
    u->timeout_s = CMG_URL_TIMEOUT_S;
    if (address.len && address.ptr[address.len - 1] == '/')
        address.len--;
    if (!read_address(address, scheme, u))
        return fault(e, "not HOST:PORT", address);
    set_name(scheme, u);
    enum cmg_rc rc = read_parameters(query, u, e);
    return rc == CMG_OK ? judge(u, e) : rc;
}

static enum cmg_rc parse_file(cmg_str path, struct cmg_url *u, struct cmg_error *e)
{
    if (cmg_str_starts(path, CMG_LIT("//")))
        path = cmg_str_from(path, 2);
    u->kind = CMG_URL_FILE;
    if (!path.len || path.len >= sizeof u->path || memchr(path.ptr, 0, path.len))
        return fault(e, "file: needs a path or a pattern behind it", path);
    memcpy(u->path, path.ptr, path.len);
    u->path[path.len] = '\0';
    return CMG_OK;
}

enum cmg_rc cmg_url_parse(cmg_str text, struct cmg_url *ret, struct cmg_error *reterr)
{
    memset(ret, 0, sizeof *ret);
    if (cmg_str_eq(text, CMG_LIT("stdin:")))
        return CMG_OK;
    if (cmg_str_starts(text, CMG_LIT("file:")))
        return parse_file(cmg_str_from(text, 5), ret, reterr);
    size_t colon = cmg_str_find(text, CMG_LIT("://"));
    if (colon == CMG_STR_NPOS)
        return parse_file(text, ret, reterr);
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (cmg_str_eq(cmg_str_head(text, colon), cmg_str_c(schemes[i].name)))
            return parse_net(text, &schemes[i], ret, reterr);
    return fault(reterr,
                 "an input is syslog+udp://, syslog+tcp://, syslog+tls://, forward:// or "
                 "forward+tls:// HOST:PORT, stdin: or file:GLOB, not",
                 text);
}
