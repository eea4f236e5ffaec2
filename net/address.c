#include "net/address.h"

#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "net/resolve.h"

int address_look_up(const char *host, uint16_t port, int flags, struct resolved *out)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV,
    };
    struct addrinfo *first;
    char name[NI_MAXHOST], service[8];
    size_t size = strlen(host);
    bool bracketed = size >= 2 && host[0] == '[' && host[size - 1] == ']';

    out->code = K_RESOLVE_FAILED;
    out->count = 0;
    if (size >= sizeof name)
        return EAI_NONAME;
    /* "[::1]" is how an address of IPv6 is written next to a port. */
    snprintf(name, sizeof name, "%.*s", (int)(bracketed ? size - 2 : size), host + bracketed);
    snprintf(service, sizeof service, "%u", port);
    int failed = getaddrinfo(name, service, &hints, &first);
    if (failed != 0)
        return failed;
    for (const struct addrinfo *at = first; at != NULL && out->count < RESOLVE_ADDRESSES_MAX;
         at = at->ai_next) {
        memcpy(&out->addresses[out->count], at->ai_addr, at->ai_addrlen);
        out->sizes[out->count++] = at->ai_addrlen;
    }
    freeaddrinfo(first);
    out->code = 0;
    return 0;
}
