/* conn_private.h - the halves of a connection: conn.c (life), conn_receive.c, conn_send.c. */
#ifndef NET_CONN_PRIVATE_H
#define NET_CONN_PRIVATE_H

#include <event2/event.h>
#include <netinet/in.h>

#include "common/chain.h"
#include "net/conn.h"
#include "net/loop.h"
#include "net/transport.h"

enum { PEER_SIZE = INET6_ADDRSTRLEN + 8 };

struct conn {
    struct loop *loop;                       /* borrowed, as handler and transport */
    const struct conn_handler *handler;
    const struct transport *transport;
    void *transport_state;
    void *owner;
    int fd;                                  /* -1 once closed or detached */
    char peer[PEER_SIZE];

    struct event *read_event, *write_event;
    struct timer *timer;                     /* idle time, or the limit of a lingering close */
    int64_t idle_ms, active_ms;              /* active_ms: when bytes last moved */

    struct slab *partial;                    /* a frame that has not arrived whole; owned */
    size_t partial_size, partial_target;     /* bytes there; of the whole frame, 0: not known yet */
    unsigned pauses;                         /* by the owner */
    bool choked;                             /* by a long send queue */

    struct chain queue;
    struct turn_hook flush_hook, free_hook;
    size_t queue_max;
    bool writable_awaited;

    bool told_over, closing, lingering;
};

/* conn.c */
void conn_fail(struct conn *conn, int code);         /* tell the owner, once */
void conn_update_reading(struct conn *conn);
void conn_moved(struct conn *conn);                  /* bytes came or went */

/* conn_receive.c */
void conn_readable(evutil_socket_t fd, short what, void *context);

/* conn_send.c */
void conn_writable(evutil_socket_t fd, short what, void *context);
void conn_flush_hook(struct turn_hook *hook);

#endif
