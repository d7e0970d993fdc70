/* SPDX-License-Identifier: Apache-2.0
 * Whether a failure concerns a cloud management gateway.
 *
 * A request path with CCM_Proxy_ in it, a host in Microsoft's cloud-service domains, the content
 * service's page, a status text that the gateway or its connection point makes, or a name that the
 * options give prove it. Another server's name or one of ConfigMgr's own virtual directories
 * without CCM_Proxy_ shows the contrary. A placeholder such as <MP>, as documentation prints it,
 * shows nothing. */
#include "enrich/internal.h"

static bool icontains(cmg_str s, cmg_str word)
{
    for (size_t i = 0; i + word.len <= s.len; i++)
        if (cmg_str_ieq(cmg_str_cut(s, i, i + word.len), word))
            return true;
    return false;
}

static bool iends(cmg_str s, cmg_str tail)
{
    return s.len > tail.len && cmg_str_ieq(cmg_str_from(s, s.len - tail.len), tail);
}

static bool listed(const cmg_str *names, size_t n, cmg_str s)
{
    for (size_t i = 0; s.len && i < n; i++)
        if (cmg_str_ieq(names[i], s))
            return true;
    return false;
}

static cmg_str without_port(cmg_str host)
{
    size_t n = host.len;
    while (n && cmg_is_digit(host.ptr[n - 1]))
        n--;
    return n && n < host.len && host.ptr[n - 1] == ':' ? cmg_str_head(host, n - 1) : host;
}

/* A name or an address, not a placeholder. */
static bool is_real_host(cmg_str host)
{
    bool any = false;
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        if (cmg_is_alnum(c) || (unsigned char)c >= 0x80)
            any = true;
        else if (!memchr(".-_:[]", c, 6))
            return false;
    }
    return any;
}

static bool is_cmg_path(cmg_str path)
{
    return icontains(path, CMG_LIT("ccm_proxy_")) ||
           icontains(path, CMG_LIT("downloadrestservice.svc/getcontentxmlsecure"));
}

static bool is_cmg_host(const struct cmg_enricher *e, cmg_str host)
{
    return iends(host, CMG_LIT(".cloudapp.net")) || iends(host, CMG_LIT(".cloudapp.azure.com")) ||
           listed(e->cmg_host, e->cmg_hosts, host);
}

static unsigned of_request(const struct cmg_enricher *e, const struct cmg_facts *f)
{
    cmg_str host = without_port(f->host);
    if (is_cmg_path(f->url) || is_cmg_path(f->path) || is_cmg_host(e, host))
        return CMG_SHOWS_CMG;
    if (is_real_host(host) || cmg_str_istarts(f->path, CMG_LIT("/ccm_")) ||
        cmg_str_istarts(f->path, CMG_LIT("/sms_")))
        return CMG_SHOWS_OTHER;
    return 0;
}

/* Behind the last dot. */
static cmg_str last_part(cmg_str name)
{
    size_t n = name.len;
    while (n && name.ptr[n - 1] != '.')
        n--;
    return cmg_str_from(name, n);
}

/* The server's name in events of Schannel (36880, 36884) and CAPI2 (30, and the certificate's
 * subject). They have no path: a name that nobody listed may still be a gateway's own, so it shows
 * another server only where the gateway's names are known. */
static unsigned of_event(const struct cmg_enricher *e, const struct cmg_event *ev)
{
    static const cmg_str names[] = {CMG_LIT("Name"), CMG_LIT("TargetName"), CMG_LIT("serverName"),
                                    CMG_LIT("subjectName")};
    enum { SURE = 3 }; /* a subject may be any certificate's of the chain */
    unsigned shows = 0;
    if (!cmg_str_ieq(ev->provider, CMG_LIT("Schannel")) &&
        !cmg_str_ieq(ev->provider, CMG_LIT("Microsoft-Windows-CAPI2")))
        return 0;
    for (size_t i = 0; i < ev->attrs; i++) {
        cmg_str name = last_part(ev->attr[i].name), host = ev->attr[i].value;
        for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
            if (!cmg_str_eq(names[k], name))
                continue;
            if (is_cmg_host(e, host))
                return CMG_SHOWS_CMG;
            if (k < SURE && e->cmg_hosts && is_real_host(host))
                shows = CMG_SHOWS_OTHER;
        }
    }
    return shows;
}

/* A row's own path and host are those of the server that wrote the log: they show no other one. */
static unsigned of_row(const struct cmg_enricher *e, const struct cmg_http *h)
{
    const cmg_str field[] = {h->client_ip, h->server_ip, h->host, without_port(h->host)};
    for (size_t i = 0; i < sizeof field / sizeof field[0]; i++)
        if (listed(e->cmg_host, e->cmg_hosts, field[i]) ||
            listed(e->connection_point, e->connection_points, field[i]))
            return CMG_SHOWS_CMG;
    return is_cmg_path(h->stem) ? CMG_SHOWS_CMG : 0;
}

unsigned cmg_shows(const struct cmg_enricher *e, const struct cmg_record *r,
                   const struct cmg_facts *f)
{
    unsigned shows = r->event.has_http ? of_row(e, &r->event.http) : of_request(e, f);
    if (r->event.code.len)
        shows |= of_event(e, &r->event);
    if (cmg_str_istarts(f->status_text, CMG_LIT("CMGConnector_")) ||
        cmg_str_istarts(f->status_text, CMG_LIT("CMGService_")))
        shows |= CMG_SHOWS_CMG;
    return shows;
}

enum cmg_scope cmg_scope_of(const struct cmg_entry *entry, unsigned shows)
{
    if (entry->scope == CMG_SCOPE_CMG || shows & CMG_SHOWS_CMG)
        return CMG_SCOPE_CMG;
    if (entry->scope == CMG_SCOPE_NOT_CMG || shows & CMG_SHOWS_OTHER)
        return CMG_SCOPE_NOT_CMG;
    return CMG_SCOPE_UNKNOWN;
}
