/* SPDX-License-Identifier: Apache-2.0
 * Who listens, who is connected, and whose turn it is. */
#include "sources/net_int.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    LISTENERS_MAX = 64,
    ACCEPT_TURN = 64,
    BACKLOG = 512,
    NO_DESCRIPTOR_MS = 100,
    TICK_MS = 500, /* how exact time limits are */
    RECEIVE_BUFFER = 8 << 20,
};

struct cmg_net {
    struct cmg_net_options opt;
    struct cmg_net_stats stats;
    struct cmg_listener *listener;
    size_t listeners;
    struct cmg_conn **conn;
    size_t conns, conns_size;
    struct pollfd *poll;
    size_t poll_size;
    size_t turn;   /* listeners first, then connections */
    unsigned left; /* of its turn */
    uint64_t last_id;
    size_t memory;                   /* of all connections */
    int64_t lag_ms, now_ms, tick_ms; /* a clock that stands still while peers have to wait */
    bool stopped;
    char host[CMG_NET_HOST_MAX]; /* of the last datagram */
    char scratch[CMG_NET_DATAGRAM + 1];
};

static int64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void tell(const struct cmg_net *n, enum cmg_level level, const char *text, const char *input,
                 const char *detail)
{
    if (n->opt.note)
        n->opt.note(n->opt.user, level, text, input, detail);
}

const struct cmg_net_stats *cmg_net_stats(const struct cmg_net *n)
{
    return &n->stats;
}

/* ---- life ------------------------------------------------------------------------------------ */

struct cmg_net *cmg_net_new(const struct cmg_net_options *opt)
{
    struct cmg_net *n = calloc(1, sizeof *n);
    if (!n)
        return NULL;
    n->opt = *opt;
    if (!n->opt.memory)
        n->opt.memory = CMG_NET_MEMORY;
    n->left = CMG_NET_TURN;
    n->now_ms = clock_ms();
    n->listener = calloc(LISTENERS_MAX, sizeof *n->listener);
    if (n->listener)
        return n;
    free(n);
    return NULL;
}

static void free_conn(struct cmg_net *n, size_t i)
{
    n->memory -= n->conn[i]->memory;
    cmg_conn_free(n->conn[i]);
    n->conn[i] = n->conn[--n->conns];
    n->stats.closed++;
    n->stats.open = n->conns;
}

void cmg_net_free(struct cmg_net *n)
{
    if (!n)
        return;
    while (n->conns)
        free_conn(n, n->conns - 1);
    for (size_t i = 0; i < n->listeners; i++) {
        if (n->listener[i].fd >= 0)
            close(n->listener[i].fd);
        cmg_tls_free(n->listener[i].tls);
        explicit_bzero(n->listener[i].shared_key, sizeof n->listener[i].shared_key);
    }
    free(n->listener);
    free(n->conn);
    free(n->poll);
    free(n);
}

/* ---- listening ------------------------------------------------------------------------------- */

static enum cmg_rc fault(struct cmg_error *e, enum cmg_rc rc, const char *what, const char *where,
                         const char *why)
{
    *e = (struct cmg_error){.rc = rc};
    snprintf(e->source, sizeof e->source, "%.150s", where);
    snprintf(e->text, sizeof e->text, "%s%s%.150s", what, why[0] ? ": " : "", why);
    return rc;
}

/* "ADDRESS:PORT", and the address alone. */
static void spell(const struct sockaddr_storage *a, socklen_t len, char *host, size_t size,
                  char *port, size_t port_size)
{
    if (getnameinfo((const struct sockaddr *)a, len, host, (socklen_t)size, port,
                    (socklen_t)port_size, NI_NUMERICHOST | NI_NUMERICSERV) == 0)
        return;
    snprintf(host, size, "unknown");
    if (port_size)
        snprintf(port, port_size, "0");
}

static void set_options(int fd, bool udp)
{
    int on = 1, size = RECEIVE_BUFFER;
    if (udp) {
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
        (void)setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
    } else {
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    }
}

static bool bind_to(struct cmg_listener *l, const struct addrinfo *a)
{
    bool udp = l->url.kind == CMG_URL_UDP;
    int on = 1;
    l->fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
    if (l->fd < 0)
        return false;
    set_options(l->fd, udp);
    if (a->ai_family == AF_INET6)
        (void)setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(l->fd, a->ai_addr, a->ai_addrlen) == 0 && (udp || listen(l->fd, BACKLOG) == 0))
        return true;
    int error = errno;
    close(l->fd);
    l->fd = -1;
    errno = error;
    return false;
}

static void note_address(struct cmg_listener *l)
{
    struct sockaddr_storage a = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof a;
    char host[CMG_NET_HOST_MAX], port[8];
    if (getsockname(l->fd, (struct sockaddr *)&a, &len) != 0)
        return;
    spell(&a, len, host, sizeof host, port, sizeof port);
    snprintf(l->address, sizeof l->address, a.ss_family == AF_INET6 ? "[%.60s]:%s" : "%.60s:%s",
             host, port);
}

static enum cmg_rc open_socket(struct cmg_listener *l, struct cmg_error *e)
{
    struct addrinfo *all = NULL;
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                                   .ai_socktype =
                                       l->url.kind == CMG_URL_UDP ? SOCK_DGRAM : SOCK_STREAM};
    int rc = getaddrinfo(l->url.host, l->url.port, &hints, &all);
    if (rc != 0)
        return fault(e, CMG_ECONFIG, "no such address", l->url.name, gai_strerror(rc));
    bool bound = bind_to(l, all);
    freeaddrinfo(all);
    if (!bound)
        return fault(e, CMG_EIO, "cannot listen", l->url.name, strerror(errno));
    note_address(l);
    return CMG_OK;
}

/* The file's first line. */
static enum cmg_rc read_shared_key(struct cmg_listener *l, struct cmg_error *e)
{
    int fd = open(l->url.shared_key_file, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, l->shared_key, sizeof l->shared_key);
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return fault(e, CMG_ECONFIG, "cannot read", l->url.shared_key_file, strerror(error));
    cmg_str line = cmg_str_of(l->shared_key, (size_t)n);
    line = cmg_str_trim(cmg_str_head(line, cmg_str_chr(line, '\n')));
    if (!line.len || (size_t)n == sizeof l->shared_key)
        return fault(e, CMG_ECONFIG, "a shared key is one line of 1 to 1023 bytes",
                     l->url.shared_key_file, "");
    memmove(l->shared_key, line.ptr, line.len);
    l->key_len = line.len;
    return CMG_OK;
}

enum cmg_rc cmg_net_listen(struct cmg_net *n, const struct cmg_url *u, struct cmg_error *reterr)
{
    if (n->listeners == LISTENERS_MAX)
        return fault(reterr, CMG_ECONFIG, "too many inputs", u->name, "");
    struct cmg_listener *l = &n->listener[n->listeners++];
    *l = (struct cmg_listener){.url = *u, .fd = -1};
    if (u->tls && !(l->tls = cmg_tls_new(u, reterr)))
        return reterr->rc;
    enum cmg_rc rc = u->shared_key_file[0] ? read_shared_key(l, reterr) : CMG_OK;
    return rc == CMG_OK ? open_socket(l, reterr) : rc;
}

const char *cmg_net_address(const struct cmg_net *n, size_t listener)
{
    return listener < n->listeners ? n->listener[listener].address : "";
}

void cmg_net_stop(struct cmg_net *n)
{
    n->stopped = true;
    for (size_t i = 0; i < n->listeners; i++) {
        if (n->listener[i].fd >= 0)
            close(n->listener[i].fd);
        n->listener[i].fd = -1;
        n->listener[i].ready = false;
    }
}

/* ---- closing --------------------------------------------------------------------------------- */

static void give_up(struct cmg_net *n, struct cmg_conn *c, enum cmg_level level, const char *why,
                    uint64_t *counter)
{
    char detail[CMG_NET_HOST_MAX + 200];
    if (c->dead)
        return;
    c->dead = true;
    ++*counter;
    snprintf(detail, sizeof detail, "%s: %.180s", c->host, why);
    tell(n, level, "connection closed", c->listener->url.name, detail);
}

static void sweep(struct cmg_net *n)
{
    for (size_t i = n->conns; i > 0; i--)
        if (n->conn[i - 1]->dead)
            free_conn(n, i - 1);
}

static void count_memory(struct cmg_net *n, struct cmg_conn *c)
{
    size_t now = cmg_conn_memory(c);
    n->memory += now;
    n->memory -= c->memory;
    c->memory = now;
}

/* All buffers together are too large: who has most gives his back. */
static void shed_memory(struct cmg_net *n)
{
    while (n->memory > n->opt.memory) {
        struct cmg_conn *most = NULL;
        for (size_t i = 0; i < n->conns; i++)
            if (!n->conn[i]->dead && (!most || n->conn[i]->memory > most->memory))
                most = n->conn[i];
        if (!most)
            return;
        give_up(n, most, CMG_LEVEL_WARNING, "all connections together hold too much",
                &n->stats.shed);
        sweep(n);
    }
}

static const char *overdue(const struct cmg_net *n, const struct cmg_conn *c)
{
    int64_t limit = (int64_t)c->listener->url.timeout_s * 1000;
    if (c->due_ms && n->now_ms > c->due_ms && c->drained)
        return "a message was not complete in time";
    if (cmg_conn_has_output(c) && n->now_ms - c->sent_ms > limit)
        return "it does not take replies";
    if (c->eof && n->now_ms - c->last_ms > limit)
        return "it has left before its chunk arrived";
    if (!c->holds && c->drained && n->now_ms - c->last_ms > (int64_t)c->listener->url.idle_s * 1000)
        return "idle";
    return NULL;
}

static void check_times(struct cmg_net *n)
{
    if (n->now_ms < n->tick_ms)
        return;
    n->tick_ms = n->now_ms + TICK_MS;
    for (size_t i = 0; i < n->conns; i++) {
        struct cmg_conn *c = n->conn[i];
        const char *why = overdue(n, c);
        if (why)
            give_up(n, c, CMG_LEVEL_INFO, why, &n->stats.timeouts);
        else if (!c->forward && c->drained && n->now_ms - c->last_ms >= CMG_NET_QUIET_MS &&
                 cmg_framer_quiet(&c->framer))
            c->drained = false;
    }
}

/* ---- accepting ------------------------------------------------------------------------------- */

/* A place for one more: the connection that has been silent longest gives up its own. */
static bool make_place(struct cmg_net *n, const struct cmg_listener *l)
{
    struct cmg_conn *quiet = NULL;
    for (size_t i = 0; i < n->conns; i++) {
        struct cmg_conn *c = n->conn[i];
        if (!c->dead && c->listener == l && !c->holds && c->drained &&
            (!quiet || c->last_ms < quiet->last_ms))
            quiet = c;
    }
    if (!quiet || n->now_ms - quiet->last_ms < CMG_NET_SILENT_MS)
        return false;
    give_up(n, quiet, CMG_LEVEL_INFO, "it was silent, and another one needed its place",
            &n->stats.shed);
    sweep(n);
    return true;
}

static bool grow(struct cmg_net *n)
{
    if (n->conns < n->conns_size)
        return true;
    size_t size = n->conns_size ? 2 * n->conns_size : 64;
    struct cmg_conn **more = realloc(n->conn, size * sizeof(struct cmg_conn *));
    if (!more)
        return false;
    n->conn = more;
    n->conns_size = size;
    return true;
}

static void enter(struct cmg_net *n, struct cmg_listener *l, int fd, const char *host)
{
    int on = 1;
    if (l->open >= l->url.connections && !make_place(n, l)) {
        close(fd);
        n->stats.refused++;
        tell(n, CMG_LEVEL_WARNING, "connection refused", l->url.name, "there is no place left");
        return;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct cmg_conn *c = grow(n) ? cmg_conn_new(l, fd, host, ++n->last_id, n->now_ms) : NULL;
    if (!c) {
        n->stats.refused++;
        return;
    }
    n->conn[n->conns++] = c;
    n->stats.accepted++;
    n->stats.open = n->conns;
    count_memory(n, c);
    if (cmg_conn_write(c, n->now_ms) != CMG_OK)
        give_up(n, c, CMG_LEVEL_INFO, "cannot send", &n->stats.faults);
}

static void accept_some(struct cmg_net *n, struct cmg_listener *l)
{
    struct sockaddr_storage a;
    char host[CMG_NET_HOST_MAX];
    for (unsigned i = 0; i < ACCEPT_TURN; i++) {
        socklen_t len = sizeof a;
        int fd = accept4(l->fd, (struct sockaddr *)&a, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if ((errno == EMFILE || errno == ENFILE) && !make_place(n, l))
                l->pause_ms = n->now_ms + NO_DESCRIPTOR_MS;
            return;
        }
        spell(&a, len, host, sizeof host, NULL, 0);
        enter(n, l, fd, host);
    }
}

/* ---- datagrams ------------------------------------------------------------------------------- */

/* What the system threw away since it last said so; its counter wraps. */
static void count_lost(struct cmg_net *n, struct cmg_listener *l, struct msghdr *m)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        uint32_t now;
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_RXQ_OVFL)
            continue;
        memcpy(&now, CMSG_DATA(c), sizeof now);
        uint32_t more = now - l->overflow;
        l->overflow = now;
        n->stats.lost += more;
        if (more)
            tell(n, CMG_LEVEL_WARNING, "datagrams were lost", l->url.name,
                 "they come quicker than records leave");
    }
}

static enum cmg_rc next_datagram(struct cmg_net *n, struct cmg_listener *l,
                                 struct cmg_net_item *ret)
{
    struct sockaddr_storage a;
    union {
        char bytes[CMSG_SPACE(sizeof(uint32_t))];
        struct cmsghdr align;
    } control;
    struct iovec v = {.iov_base = n->scratch, .iov_len = CMG_NET_DATAGRAM};
    struct msghdr m = {.msg_name = &a,
                       .msg_namelen = sizeof a,
                       .msg_iov = &v,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof control};
    ssize_t got = recvmsg(l->fd, &m, 0);
    if (got < 0) {
        l->ready = false;
        return CMG_AGAIN;
    }
    count_lost(n, l, &m);
    spell(&a, m.msg_namelen, n->host, sizeof n->host, NULL, 0);
    size_t len = (size_t)got;
    while (len && (n->scratch[len - 1] == '\n' || !n->scratch[len - 1]))
        len--; /* logger(1) and others end a datagram as if it were a line */
    *ret = (struct cmg_net_item){.text = cmg_str_of(n->scratch, len),
                                 .host = cmg_str_c(n->host),
                                 .input = cmg_str_c(l->url.name)};
    ret->cut = len > l->url.frame;
    ret->text = cmg_str_head(ret->text, l->url.frame);
    return CMG_OK;
}

/* ---- whose turn ------------------------------------------------------------------------------ */

static enum cmg_rc next_message(struct cmg_net *n, struct cmg_conn *c, struct cmg_net_item *ret)
{
    const char *why = "";
    if (c->dead || c->drained)
        return CMG_AGAIN;
    enum cmg_rc rc = cmg_conn_next(c, ret, &why);
    count_memory(n, c);
    if (rc == CMG_OK)
        c->due_ms = 0;
    else if (!cmg_conn_waits(c))
        c->due_ms = 0;
    else if (!c->due_ms)
        c->due_ms = n->now_ms + (int64_t)c->listener->url.timeout_s * 1000;
    if (rc != CMG_EIO)
        return rc;
    if (cmg_conn_write(c, n->now_ms) != CMG_OK) /* a reply that says why */
        why = "cannot send";
    give_up(n, c, CMG_LEVEL_WARNING, why, &n->stats.faults);
    return CMG_AGAIN;
}

static enum cmg_rc next_of(struct cmg_net *n, struct cmg_net_item *ret)
{
    if (n->turn >= n->listeners)
        return next_message(n, n->conn[n->turn - n->listeners], ret);
    struct cmg_listener *l = &n->listener[n->turn];
    return l->ready && l->url.kind == CMG_URL_UDP ? next_datagram(n, l, ret) : CMG_AGAIN;
}

enum cmg_rc cmg_net_next(struct cmg_net *n, struct cmg_net_item *ret)
{
    size_t all = n->listeners + n->conns;
    for (size_t tried = 0; tried <= all; tried++) {
        if (n->turn >= all)
            n->turn = 0;
        enum cmg_rc rc = n->left && all ? next_of(n, ret) : CMG_AGAIN;
        if (rc == CMG_OK) {
            n->left--;
            n->stats.messages += !ret->end;
            n->stats.bytes += ret->text.len;
            n->stats.cut += ret->cut;
            return CMG_OK;
        }
        if (rc < CMG_OK)
            return rc;
        n->turn++;
        n->left = CMG_NET_TURN;
    }
    return CMG_AGAIN;
}

/* ---- waiting --------------------------------------------------------------------------------- */

static bool poll_room(struct cmg_net *n, size_t need)
{
    if (need <= n->poll_size)
        return true;
    struct pollfd *more = realloc(n->poll, 2 * need * sizeof *more);
    if (!more)
        return false;
    n->poll = more;
    n->poll_size = 2 * need;
    return true;
}

static short events_of(const struct cmg_conn *c, bool reading)
{
    short e = c->wants_write ? POLLOUT : 0;
    if (reading && c->drained && !c->eof)
        e = (short)(e | POLLIN);
    return e;
}

/* Is there work that nothing has to be waited for? */
static bool has_work(const struct cmg_net *n)
{
    for (size_t i = 0; i < n->listeners; i++)
        if (n->listener[i].ready && n->listener[i].url.kind == CMG_URL_UDP)
            return true;
    for (size_t i = 0; i < n->conns; i++) {
        const struct cmg_conn *c = n->conn[i];
        if (!c->drained || cmg_conn_over(c) || (c->tls && cmg_tls_pending(c->tls)))
            return true;
    }
    return false;
}

static size_t fill(struct cmg_net *n, const struct pollfd *extra, size_t extras, bool reading)
{
    size_t at = 0;
    for (; at < extras; at++)
        n->poll[at] = extra[at];
    for (size_t i = 0; i < n->listeners; i++)
        n->poll[at++] = (struct pollfd){
            .fd = reading && n->listener[i].pause_ms <= n->now_ms ? n->listener[i].fd : -1,
            .events = POLLIN};
    for (size_t i = 0; i < n->conns; i++) {
        short e = events_of(n->conn[i], reading);
        n->poll[at++] = (struct pollfd){.fd = e ? n->conn[i]->fd : -1, .events = e};
    }
    return at;
}

static enum cmg_rc serve(struct cmg_net *n, struct cmg_conn *c, bool reading)
{
    const char *why = "cannot send";
    size_t got = 0;
    enum cmg_rc rc = CMG_OK;
    if (reading && c->drained && !c->eof && c->readable) {
        rc = cmg_conn_read(c, n->scratch, n->now_ms, &got, &why);
        count_memory(n, c);
    }
    if (rc >= CMG_OK && cmg_conn_has_output(c))
        rc = cmg_conn_write(c, n->now_ms);
    if (rc == CMG_EIO)
        give_up(n, c, CMG_LEVEL_INFO, why, &n->stats.faults);
    if (cmg_conn_over(c))
        c->dead = true;
    return rc == CMG_ENOMEM ? rc : CMG_OK;
}

static void note_events(struct cmg_net *n, struct pollfd *extra, size_t extras)
{
    const struct pollfd *p = n->poll;
    for (size_t i = 0; i < extras; i++)
        extra[i].revents = p++->revents;
    for (size_t i = 0; i < n->listeners; i++, p++)
        if (p->revents)
            n->listener[i].ready = true;
    for (size_t i = 0; i < n->conns; i++, p++) {
        struct cmg_conn *c = n->conn[i];
        c->readable = (p->revents & (POLLIN | POLLHUP | POLLERR)) ||
                      (c->tls && (cmg_tls_pending(c->tls) || p->revents));
    }
}

static enum cmg_rc serve_all(struct cmg_net *n, bool reading)
{
    enum cmg_rc rc = CMG_OK;
    for (size_t i = 0; i < n->conns && rc == CMG_OK; i++)
        rc = serve(n, n->conn[i], reading);
    for (size_t i = 0; i < n->listeners && reading && !n->stopped; i++)
        if (n->listener[i].ready && n->listener[i].url.kind != CMG_URL_UDP) {
            n->listener[i].ready = false;
            accept_some(n, &n->listener[i]);
        }
    return rc;
}

enum cmg_rc cmg_net_wait(struct cmg_net *n, struct pollfd *extra, size_t extras, int ms,
                         bool reading)
{
    size_t need = extras + n->listeners + n->conns;
    int64_t before = clock_ms();
    reading = reading && !n->stopped;
    sweep(n);
    if (!poll_room(n, need ? need : 1))
        return CMG_ENOMEM;
    size_t count = fill(n, extra, extras, reading);
    if (reading && has_work(n))
        ms = 0;
    else if (reading && n->conns && (ms < 0 || ms > TICK_MS))
        ms = TICK_MS;
    if (poll(n->poll, count, ms) < 0)
        for (size_t i = 0; i < count; i++)
            n->poll[i].revents = 0;
    if (!reading)
        n->lag_ms += clock_ms() - before;
    n->now_ms = clock_ms() - n->lag_ms;
    note_events(n, extra, extras);
    enum cmg_rc rc = serve_all(n, reading);
    if (reading)
        check_times(n);
    shed_memory(n);
    sweep(n);
    return rc;
}

/* ---- chunks ---------------------------------------------------------------------------------- */

static struct cmg_conn *find(const struct cmg_net *n, uint64_t peer)
{
    for (size_t i = 0; i < n->conns; i++)
        if (n->conn[i]->id == peer && !n->conn[i]->dead)
            return n->conn[i];
    return NULL;
}

bool cmg_net_has(const struct cmg_net *n, uint64_t peer)
{
    return find(n, peer);
}

void cmg_net_ack(struct cmg_net *n, uint64_t peer, cmg_str chunk)
{
    struct cmg_conn *c = find(n, peer);
    if (!c || !c->forward)
        return;
    if (cmg_forward_ack(c->forward, chunk) != CMG_OK || cmg_conn_write(c, n->now_ms) != CMG_OK)
        give_up(n, c, CMG_LEVEL_WARNING, "cannot acknowledge", &n->stats.faults);
}

void cmg_net_refuse(struct cmg_net *n, uint64_t peer)
{
    struct cmg_conn *c = find(n, peer);
    if (c)
        give_up(n, c, CMG_LEVEL_WARNING, "a chunk did not arrive; its sender will repeat it",
                &n->stats.faults);
}

void cmg_net_hold(struct cmg_net *n, uint64_t peer, bool hold)
{
    struct cmg_conn *c = find(n, peer);
    if (!c)
        return;
    c->holds = hold ? c->holds + 1 : c->holds - 1;
    if (!hold)
        c->last_ms = n->now_ms;
}
