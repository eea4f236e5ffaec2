/* proxy - one link between processes, where they have no networks of their own.
 *
 *   proxy LISTEN-PORT TARGET-PORT
 *
 * Whoever connects to 127.0.0.1:LISTEN-PORT is connected to 127.0.0.1:TARGET-PORT. Bytes pass both
 * ways until either side ends; then both do. Stopped by SIGSTOP it is a link that loses everything
 * without a word; killed, one that refuses. */
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { HELD_MAX = 1 << 20 };            /* bytes on their way in one direction */

struct proxy {
    struct event_base *base;
    struct sockaddr_in target;
};

/* Each side's context is the other side. */
static void end_both(struct bufferevent *side, struct bufferevent *other)
{
    bufferevent_free(side);
    bufferevent_free(other);
}

static void drained(struct bufferevent *side, void *other)
{
    end_both(side, other);
}

static void readable(struct bufferevent *side, void *context)
{
    struct bufferevent *other = context;
    evbuffer_add_buffer(bufferevent_get_output(other), bufferevent_get_input(side));
    if (evbuffer_get_length(bufferevent_get_output(other)) > HELD_MAX)
        bufferevent_disable(side, EV_READ);
}

static void writable(struct bufferevent *side, void *other)
{
    (void)side;
    bufferevent_enable(other, EV_READ);
}

static void happened(struct bufferevent *side, short what, void *context)
{
    struct bufferevent *other = context;
    if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) == 0)
        return;
    /* What it still said is delivered first. */
    evbuffer_add_buffer(bufferevent_get_output(other), bufferevent_get_input(side));
    if ((what & BEV_EVENT_EOF) == 0 || evbuffer_get_length(bufferevent_get_output(other)) == 0) {
        end_both(side, other);
        return;
    }
    bufferevent_disable(side, EV_READ | EV_WRITE);
    bufferevent_setcb(other, NULL, drained, happened, side);
}

static void accepted(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                     int size, void *context)
{
    struct proxy *proxy = context;
    struct bufferevent *from = bufferevent_socket_new(proxy->base, fd, BEV_OPT_CLOSE_ON_FREE),
                       *to = bufferevent_socket_new(proxy->base, -1, BEV_OPT_CLOSE_ON_FREE);

    (void)listener, (void)address, (void)size;
    if (from == NULL || to == NULL)
        abort();
    bufferevent_setcb(from, readable, writable, happened, to);
    bufferevent_setcb(to, readable, writable, happened, from);
    if (bufferevent_socket_connect(to, (struct sockaddr *)&proxy->target, sizeof proxy->target) !=
        0) {
        end_both(from, to);
        return;
    }
    bufferevent_enable(from, EV_READ | EV_WRITE);
    bufferevent_enable(to, EV_READ | EV_WRITE);
}

static struct sockaddr_in loopback(const char *port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: proxy LISTEN-PORT TARGET-PORT\n", stderr);
        return 2;
    }
    struct proxy proxy = { .base = event_base_new(), .target = loopback(argv[2]) };
    struct sockaddr_in here = loopback(argv[1]);
    signal(SIGPIPE, SIG_IGN);
    struct evconnlistener *listener =
        evconnlistener_new_bind(proxy.base, accepted, &proxy,
                                LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, -1,
                                (struct sockaddr *)&here, sizeof here);
    if (listener == NULL) {
        perror(argv[1]);
        return 1;
    }
    event_base_dispatch(proxy.base);
    evconnlistener_free(listener);
    event_base_free(proxy.base);
    return 0;
}
