#include "net/address.h"

#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "net/resolve.h"

void address_look_up(const char *host, uint16_t port, bool passive, bool numeric, struct resolved *out)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
    struct addrinfo *list = NULL;
    char service[8], bare[NI_MAXHOST];
    size_t size = strlen(host);

    out->code = K_RESOLVE_FAILED;
    out->count = 0;
    if (size >= sizeof bare)
        return;
    if (size > 2 && host[0] == '[' && host[size - 1] == ']') {     /* IPv6 in brackets */
        memcpy(bare, host + 1, size - 2);
        bare[size - 2] = '\0';
    } else {
        memcpy(bare, host, size + 1);
    }
    hints.ai_flags |= (passive ? AI_PASSIVE : 0) | (numeric ? AI_NUMERICHOST : 0);
    snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(bare[0] != '\0' ? bare : passive ? "0.0.0.0" : "localhost", service, &hints, &list) != 0)
        return;
    for (struct addrinfo *at = list; at != NULL && out->count < RESOLVE_ADDRESSES_MAX; at = at->ai_next) {
        memcpy(&out->addresses[out->count], at->ai_addr, at->ai_addrlen);
        out->sizes[out->count++] = at->ai_addrlen;
    }
    freeaddrinfo(list);
    out->code = out->count > 0 ? 0 : K_RESOLVE_FAILED;
}
