#include "tests/zk/proxy.h"

#include <check.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/endian.h"

enum { MULTI = 14 }; /* ZooKeeper's number of the request */

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

/* Follows the frames of requests, which arrive in pieces of any size. */
struct framing {
    unsigned char head[12]; /* length, number, kind */
    size_t seen, end;       /* of the current frame */
};

/* Does a multi begin within these bytes? */
static bool multi_begins(struct framing *framing, const char *bytes, size_t size)
{
    bool found = false;

    for (size_t i = 0; i < size; i++) {
        if (framing->seen < sizeof framing->head)
            framing->head[framing->seen] = (unsigned char)bytes[i];
        framing->seen++;
        if (framing->seen == 4)
            framing->end = 4 + load_u32(framing->head);
        if (framing->seen == sizeof framing->head)
            found = found || load_u32(framing->head + 8) == MULTI;
        if (framing->seen >= 4 && framing->seen == framing->end)
            framing->seen = 0;
    }
    return found;
}

/* Forward between the two until one closes, or until the answer to the multi came and is lost. */
static bool serve(struct proxy *proxy, int client, int server)
{
    struct pollfd ends[] = { { .fd = client, .events = POLLIN },
                             { .fd = server, .events = POLLIN },
                             { .fd = proxy->stop, .events = POLLIN } };
    static char bytes[1 << 16];
    struct framing framing = { .seen = 0 };
    bool losing = false;

    while (poll(ends, 3, -1) > 0 && ends[2].revents == 0) {
        for (int i = 0; i < 2; i++) {
            if (ends[i].revents == 0)
                continue;
            ssize_t size = recv(ends[i].fd, bytes, sizeof bytes, 0);
            if (size <= 0)
                return true;
            if (i == 0 && multi_begins(&framing, bytes, (size_t)size))
                losing = atomic_load(&proxy->lose_next_multi);
            if (i == 1 && losing) {
                atomic_store(&proxy->lose_next_multi, false);
                return true;
            }
            if (send(ends[1 - i].fd, bytes, (size_t)size, MSG_NOSIGNAL) != size)
                return true;
        }
    }
    return false;
}

static void *proxy_main(void *argument)
{
    struct proxy *proxy = argument;
    bool go_on = true;

    while (go_on) {
        struct pollfd ends[] = { { .fd = proxy->listener, .events = POLLIN },
                                 { .fd = proxy->stop, .events = POLLIN } };
        struct sockaddr_in address = loopback(proxy->server_port);

        if (poll(ends, 2, -1) < 0 || ends[1].revents != 0)
            break;
        int client = accept(proxy->listener, NULL, NULL);
        int server = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(server, (struct sockaddr *)&address, sizeof address) == 0)
            go_on = serve(proxy, client, server);
        close(client);
        close(server);
    }
    return NULL;
}

void proxy_start(struct proxy *proxy, const char *server)
{
    struct sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;

    proxy->server_port = atoi(strchr(server, ':') + 1);
    proxy->listener = socket(AF_INET, SOCK_STREAM, 0);
    proxy->stop = eventfd(0, 0);
    atomic_init(&proxy->lose_next_multi, false);
    ck_assert_int_eq(bind(proxy->listener, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(proxy->listener, 8), 0);
    ck_assert_int_eq(getsockname(proxy->listener, (struct sockaddr *)&address, &size), 0);
    proxy->port = ntohs(address.sin_port);
    ck_assert_int_eq(pthread_create(&proxy->thread, NULL, proxy_main, proxy), 0);
}

void proxy_stop(struct proxy *proxy)
{
    ck_assert_int_eq(eventfd_write(proxy->stop, 1), 0);
    pthread_join(proxy->thread, NULL);
    close(proxy->stop);
    close(proxy->listener);
}
