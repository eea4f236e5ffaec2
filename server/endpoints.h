/* endpoints.h - listeners and what is advertised of them. */
#ifndef SERVER_ENDPOINTS_H
#define SERVER_ENDPOINTS_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

struct config;

enum { ENDPOINTS_MAX = 16, ENDPOINT_NAME_SIZE = 64, ENDPOINT_HOST_SIZE = 256 };

struct endpoint {
    char name[ENDPOINT_NAME_SIZE];              /* upper case */
    char host[ENDPOINT_HOST_SIZE];              /* to listen on; "": every address */
    uint16_t port;                              /* 0: a free one */
    char advertised_host[ENDPOINT_HOST_SIZE];   /* never empty */
    uint16_t advertised_port;                   /* 0: the port that was really opened */
};

struct endpoints {
    size_t count;
    struct endpoint items[ENDPOINTS_MAX];
    const char *inter_broker;                   /* name of one of them */
};

/* Read listeners, advertised.listeners, listener.security.protocol.map and
 * inter.broker.listener.name. Returns 0 or INVALID_CONFIG; the reason says what to change. May look
 * up this machine's own name. */
int endpoints_read(const struct config *config, struct endpoints *out, struct k_reason *reason);

/* One "NAME://host:port" up to a comma or the end; `rest` receives what follows. Returns 0 or
 * INVALID_CONFIG. Pure. */
int endpoint_parse(const char *text, const char **rest, struct endpoint *out,
                   struct k_reason *reason);

#endif
