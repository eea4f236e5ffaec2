#include "tools/kairn/zookeeper.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEFAULT_PORT "2181"

enum { ADDRESS_MAX = 260 };             /* a name of 253 characters and a port */

bool zookeeper_next(const char **list, struct facts_zookeeper *out)
{
    const char *at = *list + strspn(*list, ", ");
    size_t size = strcspn(at, ",/ ");
    const char *colon = memrchr(at, ':', size), *bracket = memrchr(at, ']', size);
    bool has_port = colon != NULL && (bracket == NULL || bracket < colon);

    if (size == 0 || size > ADDRESS_MAX)
        return false;
    *out = (struct facts_zookeeper){ .answer = FACTS_SILENT };
    snprintf(out->address, sizeof out->address, "%.*s%s", (int)size, at,
             has_port ? "" : ":" DEFAULT_PORT);
    *list = at + size;
    return true;
}

void zookeeper_read(const char *text, struct facts_zookeeper *out)
{
    const char *latency = strstr(text, "Latency min/avg/max: ");

    out->answer = strstr(text, "not in the whitelist") != NULL      ? FACTS_CLOSED
                  : strstr(text, "Mode: ") != NULL                  ? FACTS_SERVES
                  : strstr(text, "not currently serving") != NULL   ? FACTS_IDLE
                                                                    : FACTS_SILENT;
    if (latency != NULL && (latency = strchr(latency, '/')) != NULL &&
        (latency = strstr(latency, ": ")) != NULL && (latency = strchr(latency, '/')) != NULL)
        out->latency_ms = strtod(latency + 1, NULL);
    if ((text = strstr(text, "Received: ")) != NULL)
        out->requests = strtoll(text + strlen("Received: "), NULL, 10);
}

/* --- asking ----------------------------------------------------------------------------------- */

static bool wait_for(int fd, short events, int timeout_ms)
{
    struct pollfd watched = { .fd = fd, .events = events };
    int ready;

    do
        ready = poll(&watched, 1, timeout_ms);
    while (ready < 0 && errno == EINTR);
    return ready > 0;
}

/* A connection, or -1. */
static int connect_to(const struct addrinfo *address, int timeout_ms)
{
    int error = 0, fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    socklen_t size = sizeof error;

    if (fd < 0)
        return -1;
    if ((connect(fd, address->ai_addr, address->ai_addrlen) == 0 || errno == EINPROGRESS) &&
        wait_for(fd, POLLOUT, timeout_ms) &&
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0)
        return fd;
    close(fd);
    return -1;
}

/* All that the server says before it hangs up. */
static void converse(int fd, int timeout_ms, char *text, size_t size)
{
    size_t used = 0;
    ssize_t got = send(fd, "srvr", 4, MSG_NOSIGNAL);

    while (got > 0 && used + 1 < size && wait_for(fd, POLLIN, timeout_ms)) {
        got = read(fd, text + used, size - 1 - used);
        used += got > 0 ? (size_t)got : 0;
    }
    text[used] = '\0';
}

static struct addrinfo *resolve(const char *address)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    char host[ADDRESS_MAX + 1];
    const char *colon = strrchr(address, ':');
    bool bracketed = address[0] == '[' && colon > address + 1 && colon[-1] == ']';

    snprintf(host, sizeof host, "%.*s", (int)(colon - address) - 2 * bracketed,
             address + bracketed);
    return getaddrinfo(host, colon + 1, &hints, &found) == 0 ? found : NULL;
}

void zookeeper_ask(struct facts_zookeeper *server, int timeout_ms)
{
    struct addrinfo *found = resolve(server->address);
    char text[4096] = "";

    for (const struct addrinfo *at = found; at != NULL && text[0] == '\0'; at = at->ai_next) {
        int fd = connect_to(at, timeout_ms);
        if (fd < 0)
            continue;
        converse(fd, timeout_ms, text, sizeof text);
        close(fd);
    }
    if (found != NULL)
        freeaddrinfo(found);
    zookeeper_read(text, server);
}
