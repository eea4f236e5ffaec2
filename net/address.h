/* address.h - host names and ports to socket addresses, by getaddrinfo(3). Thread-safe; may block
 * for seconds unless only numbers are allowed. */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <stdint.h>

struct resolved;

/* Look up `host` ("127.0.0.1", "[::1]", "broker-1") and fill `out`. `flags` are getaddrinfo's:
 * AI_NUMERICHOST asks no name service, AI_PASSIVE is for listening. Returns 0, or a code for
 * gai_strerror(); out->code is then RESOLVE_FAILED. */
int address_look_up(const char *host, uint16_t port, int flags, struct resolved *out);

#endif
