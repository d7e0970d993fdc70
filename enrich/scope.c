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

static unsigned of_request(const struct cmg_enricher *e, const struct cmg_facts *f)
{
    cmg_str host = without_port(f->host);
    if (is_cmg_path(f->url) || is_cmg_path(f->path) || iends(host, CMG_LIT(".cloudapp.net")) ||
        iends(host, CMG_LIT(".cloudapp.azure.com")) || listed(e->cmg_host, e->cmg_hosts, host))
        return CMG_SHOWS_CMG;
    if (is_real_host(host) || cmg_str_istarts(f->path, CMG_LIT("/ccm_")) ||
        cmg_str_istarts(f->path, CMG_LIT("/sms_")))
        return CMG_SHOWS_OTHER;
    return 0;
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
