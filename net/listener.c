#include "net/listener.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/address.h"
#include "net/loop.h"
#include "net/loop_private.h"
#include "net/resolve.h"

enum { BACKLOG = 1024, ACCEPTS_PER_TURN = 64, EXHAUSTED_PAUSE_MS = 100 };

struct listener {
    struct loop *loop;
    int fd;
    uint16_t port;
    struct event *event;
    struct timer *timer;            /* to go on after descriptors ran out */
    listener_accept accept;
    void *context;
};

static void go_on(void *context)
{
    struct listener *listener = context;
    event_add(listener->event, NULL);
}

static void acceptable(evutil_socket_t fd, short what, void *context)
{
    struct listener *listener = context;
    (void)what;

    loop_in_turn(listener->loop);
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        int accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted >= 0) {
            setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
            listener->accept(listener->context, accepted);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            /* The pending connection stays pending, so the event would fire without end. */
            event_del(listener->event);
            timer_after(listener->timer, EXHAUSTED_PAUSE_MS);
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

static int open_socket(const struct resolved *addresses, int *out)
{
    int error = 0;
    for (int i = 0; i < addresses->count; i++) {
        const struct sockaddr *address = (const struct sockaddr *)&addresses->addresses[i];
        int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0) {
            error = errno;
            continue;
        }
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
        if (bind(fd, address, addresses->sizes[i]) == 0 && listen(fd, BACKLOG) == 0) {
            *out = fd;
            return 0;
        }
        error = errno;
        close(fd);
    }
    return error;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        return 0;
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                                : ((struct sockaddr_in *)&address)->sin_port);
}

int listener_new(struct loop *loop, const char *host, uint16_t port, listener_accept accept,
                 void *context, struct listener **out, struct k_reason *reason)
{
    struct resolved addresses;
    int fd = -1;

    address_look_up(host, port, true, false, &addresses);
    if (addresses.code != 0)
        return k_reason_set(reason, K_RESOLVE_FAILED, "the name %s of a listener could not be resolved", host);
    int error = open_socket(&addresses, &fd);
    if (error == EADDRINUSE)
        return k_reason_set(reason, K_BUSY, "%s:%u is in use by another program", host, port);
    if (error != 0)
        return k_reason_set(reason, K_IO, "can not listen on %s:%u: %s", host, port, strerror(error));

    struct listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL)
        goto close_fd;
    *listener = (struct listener){ .loop = loop, .fd = fd, .port = port_of(fd), .accept = accept, .context = context };
    listener->event = event_new(loop_base(loop), fd, EV_READ | EV_PERSIST, acceptable, listener);
    if (listener->event == NULL)
        goto free_listener;
    if (timer_new(loop, go_on, listener, &listener->timer) != 0 || event_add(listener->event, NULL) != 0)
        goto free_event;
    *out = listener;
    return 0;

free_event:
    timer_free(listener->timer);
    event_free(listener->event);
free_listener:
    free(listener);
close_fd:
    close(fd);
    return k_reason_set(reason, K_NOMEM, "out of memory");
}

uint16_t listener_port(const struct listener *listener)
{
    return listener->port;
}

void listener_free(struct listener *listener)
{
    if (listener == NULL)
        return;
    event_free(listener->event);
    timer_free(listener->timer);
    close(listener->fd);
    free(listener);
}
