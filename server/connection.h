/* connection.h - one client or broker at the other end: greeting, then requests and answers.
 *
 * Belongs to its gate's loop. Requests in work hold a reference, so that an answer to a
 * connection that is gone is dropped, not lost track of. */
#ifndef SERVER_CONNECTION_H
#define SERVER_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>

#include "common/list.h"
#include "server/admission.h"

struct conn;
struct fetch_session;
struct gate;
struct slab;
struct work;

struct connection {
    struct list node;               /* in gate.connections while open */
    struct list paused;             /* in gate.paused */
    struct gate *gate;
    struct conn *conn;              /* NULL once closed */
    const char *listener;           /* borrowed */
    struct address_key from;        /* as it was admitted */
    struct list works;              /* requests in work, while open; see connection.c */
    struct fetch_session *sessions; /* owned, while open; NULL: none */
    size_t charged;                 /* to the budget, for a frame that is being received */
    struct work *refused;           /* the request of a frame that is skipped; owned; or NULL */
    unsigned references;            /* the open connection itself, and each request in work */
};

/* Serve `fd`, which was admitted. With `greeted` the greeting was read elsewhere: ours is sent,
 * then `rest` bytes that came along (NULL: none) are read. The socket is closed when out of memory.
 */
void connection_open(struct gate *gate, int fd, const char *listener,
                     const struct address_key *from, bool greeted, const struct slab *rest,
                     size_t rest_size);

void connection_close(struct connection *connection);

/* True: it may read, as the budget has room or as it goes first now, if nobody did. */
bool connection_take_turn(struct connection *connection);
void connection_resume(struct connection *connection);

/* Requests kept for their memory. */
void connection_free_spares(struct gate *gate);

#endif
