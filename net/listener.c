#include "net/listener.h"

#include <errno.h>
#include <event2/event.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/error.h"
#include "common/log.h"
#include "net/address.h"
#include "net/loop_internal.h"
#include "net/resolve.h"

enum {
    BACKLOG = 1024,
    ACCEPTS_PER_TURN = 64,
    PAUSE_MS = 100                      /* when the system is out of descriptors or memory */
};

struct listener {
    struct loop *loop;
    int fd;
    listener_accept accept;
    listener_wait wait;                 /* NULL: never */
    void *context;
    struct event *readable;
    struct timer pause;
    bool busy, freed;                   /* freed from inside its own callback */
};

static void set_option(int fd, int level, int name, int value)
{
    /* Options that only make things better: without them it works too. */
    (void)setsockopt(fd, level, name, &value, sizeof value);
}

static void pause_accepting(struct listener *listener, int64_t ms)
{
    event_del(listener->readable);
    timer_after(&listener->pause, ms);
}

/* The system has no descriptors left: trying again at once would spin. */
static void pause_for_lack(struct listener *listener)
{
    LOG_WARN("accept-paused", "port=%u reason=\"%s\"", listener_port(listener), strerror(errno));
    pause_accepting(listener, PAUSE_MS);
}

static void accept_again(void *context)
{
    struct listener *listener = context;

    if (event_add(listener->readable, NULL) != 0)
        timer_after(&listener->pause, PAUSE_MS);
}

static void free_now(struct listener *listener)
{
    timer_fini(&listener->pause);
    event_free(listener->readable);
    loop_close(listener->loop, listener->fd);
    free(listener);
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    struct listener *listener = context;

    (void)what;
    loop_turn_begin(listener->loop);
    listener->busy = true;
    for (int i = 0; i < ACCEPTS_PER_TURN && !listener->freed; i++) {
        int64_t wait_ms = listener->wait == NULL ? 0 : listener->wait(listener->context);
        if (wait_ms > 0) {
            pause_accepting(listener, wait_ms);
            break;
        }
        int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (peer >= 0) {
            set_option(peer, IPPROTO_TCP, TCP_NODELAY, 1);
            set_option(peer, SOL_SOCKET, SO_KEEPALIVE, 1);
            listener->accept(listener->context, peer);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            pause_for_lack(listener);
        if (errno != EINTR && errno != ECONNABORTED)
            break;
    }
    listener->busy = false;
    if (listener->freed)
        free_now(listener);
}

/* --- sockets --------------------------------------------------------------------------------- */

static int explain(int system_error, const char *host, uint16_t port, struct k_reason *reason)
{
    switch (system_error) {
    case EADDRINUSE:
        return k_reason_set(reason, K_BUSY,
                            "can not listen on %s:%u: another program listens there; "
                            "stop it or choose another port", host, port);
    case EADDRNOTAVAIL:
        return k_reason_set(reason, K_IO,
                            "can not listen on %s:%u: this machine does not have that address",
                            host, port);
    default:
        return k_reason_set(reason, K_IO, "can not listen on %s:%u: %s", host, port,
                            strerror(system_error));
    }
}

/* A listening socket, or -1 with errno set. */
static int open_socket(const struct sockaddr_storage *address, socklen_t size)
{
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (address->ss_family == AF_INET6)
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    if (bind(fd, (const struct sockaddr *)address, size) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int cause = errno;
    close(fd);
    errno = cause;
    return -1;
}

/* --- listener --------------------------------------------------------------------------------- */

int listener_new(struct loop *loop, const char *host, uint16_t port, listener_accept accept,
                 void *context, struct listener **out, struct k_reason *reason)
{
    struct resolved found;
    int fd = -1;

    int failed = address_look_up(host[0] != '\0' ? host : "0.0.0.0", port, AI_PASSIVE, &found);
    if (failed != 0)
        return k_reason_set(reason, K_RESOLVE_FAILED, "can not listen on %s:%u: %s", host, port,
                            gai_strerror(failed));
    for (int i = 0; i < found.count && fd < 0; i++)
        fd = open_socket(&found.addresses[i], found.sizes[i]);
    if (fd < 0)
        return explain(errno, host, port, reason);

    int error = K_NOMEM;
    struct listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL)
        goto close_fd;
    listener->loop = loop;
    listener->fd = fd;
    listener->accept = accept;
    listener->context = context;
    if (timer_init(&listener->pause, loop, accept_again, listener) != 0)
        goto free_listener;
    listener->readable = event_new(loop->base, fd, EV_READ | EV_PERSIST, on_readable, listener);
    if (listener->readable == NULL)
        goto fini_timer;
    if (event_add(listener->readable, NULL) != 0)
        goto free_event;
    loop_own(loop, fd);
    *out = listener;
    return 0;

free_event:
    event_free(listener->readable);
fini_timer:
    timer_fini(&listener->pause);
free_listener:
    free(listener);
close_fd:
    close(fd);
    return k_reason_set(reason, error, "can not listen on %s:%u: out of memory", host, port);
}

int listener_set_congestion(struct listener *listener, const char *algorithm,
                            struct k_reason *reason)
{
    /* Accepted sockets inherit it. */
    if (algorithm == NULL || algorithm[0] == '\0' ||
        setsockopt(listener->fd, IPPROTO_TCP, TCP_CONGESTION, algorithm,
                   (socklen_t)strlen(algorithm)) == 0)
        return 0;
    return k_reason_set(reason, K_INVALID_CONFIG, "TCP congestion control \"%s\": %s", algorithm,
                        strerror(errno));
}

void listener_set_wait(struct listener *listener, listener_wait wait)
{
    listener->wait = wait;
}

uint16_t listener_port(const struct listener *listener)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;

    if (getsockname(listener->fd, (struct sockaddr *)&address, &size) != 0)
        return 0;
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

void listener_free(struct listener *listener)
{
    if (listener == NULL)
        return;
    listener->freed = true;
    if (!listener->busy)
        free_now(listener);
}
