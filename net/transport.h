/* transport.h - how bytes get in and out of a connection: plain now, TLS later.
 *
 * All calls are non-blocking and return bytes moved, TRANSPORT_AGAIN, TRANSPORT_END (orderly
 * close by the peer) or TRANSPORT_FAILED (errno says why). `more` says that bytes follow at once,
 * so that a small head does not travel in a packet of its own. send_file() returns 0 when the file
 * ends at or before `position`. Belongs to the connection's loop. */
#ifndef NET_TRANSPORT_H
#define NET_TRANSPORT_H

#include <sys/types.h>
#include <sys/uio.h>

enum { TRANSPORT_AGAIN = -1, TRANSPORT_END = -2, TRANSPORT_FAILED = -3 };

struct transport {
    const char *name;
    ssize_t (*receive)(int fd, void *state, const struct iovec *to, int count);
    ssize_t (*send)(int fd, void *state, const struct iovec *from, int count, int more);
    ssize_t (*send_file)(int fd, void *state, int file, off_t position, size_t size);
};

extern const struct transport transport_plain;

#endif
