/* address.h - host names and ports to socket addresses, by getaddrinfo; may block. */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>

struct resolved;

/* Look up `host` ("127.0.0.1", "[::1]", "broker-1"). `passive`: for listening, "" means every
 * address. `numeric`: no name service, does not block. The code in *out is 0 or RESOLVE_FAILED. */
void address_look_up(const char *host, uint16_t port, bool passive, bool numeric, struct resolved *out);

#endif
