/* listener.h - accept connections on an address.
 *
 * Belongs to one loop. When descriptors run out it pauses for 100 ms instead of spinning: who
 * connects meanwhile waits in the system's queue. */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <stdint.h>

#include "common/error.h"

struct listener;
struct loop;

typedef void (*listener_accept)(void *context,
                                int fd); /* fd: non-blocking, close-on-exec, TCP_NODELAY */

/* Listen on host:port ("" or "0.0.0.0": every IPv4 address; "[::]" every address; port 0: any).
 * Returns 0, RESOLVE_FAILED, BUSY (port in use; the reason says by which address) or IO. Before
 * loop_start() or on the loop. */
int listener_new(struct loop *loop, const char *host, uint16_t port, listener_accept accept,
                 void *context, struct listener **out, struct k_reason *reason);
/* TCP_CONGESTION of every connection that is accepted from now on; NULL or "": the system's. 0, or
 * INVALID_CONFIG: the kernel does not have it, or does not let us (the reason says which). */
int listener_set_congestion(struct listener *listener, const char *algorithm,
                            struct k_reason *reason);
/* Asked before each connection is accepted: 0, or for how many ms none is. */
typedef int64_t (*listener_wait)(void *context);
void listener_set_wait(struct listener *listener, listener_wait wait);
uint16_t listener_port(const struct listener *listener);   /* the real one */
void listener_free(struct listener *listener);              /* NULL is allowed */

#endif
