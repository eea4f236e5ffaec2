/* conn_internal.h - what the files of a connection share: conn.c its life, conn_receive.c bytes in,
 * conn_send.c bytes out, conn_patience.c for how long they may take. */
#ifndef NET_CONN_INTERNAL_H
#define NET_CONN_INTERNAL_H

#include <netinet/in.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "common/chain.h"
#include "net/conn.h"
#include "net/loop_internal.h"

enum {
    CONN_TURN_BYTES_MAX = 1 << 20,      /* a connection moves per turn, each way */
    CONN_REST_MS = 1                    /* after each read of what is skipped */
};

/*   OPEN --conn_fail--> FAILED --conn_close--> CLOSED (freed once no callback runs)
 *     |                                          ^
 *     +--conn_close_after_sending--> FINISHING --+
 *     +--conn_close, conn_detach-----------------+                                  */
enum conn_state {
    CONN_OPEN,
    CONN_FAILED,        /* nothing moves any more; `over` was or will be called */
    CONN_FINISHING,     /* the owner is gone: the queue is written, arriving bytes are dropped */
    CONN_CLOSED
};

/* How much has moved, out of what is owed. */
struct watch {
    int64_t since_ms;                   /* 0: nothing is owed */
    size_t moved;
};

struct conn {
    struct loop *loop;
    const struct conn_handler *handler;
    void *owner;
    const struct transport *transport;
    void *transport_state;
    int fd;
    enum conn_state state;
    struct list finishing;              /* in loop.finishing while FINISHING */
    int code;                           /* why it FAILED */
    unsigned busy;                      /* callbacks and their like that use it right now */

    struct event readable, writable;
    struct turn_hook tend;              /* at the end of a turn: write, parse, tell */
    struct turn_hook receive_later, send_later;
    struct timer timer;                 /* patience, or the limit of FINISHING */
    int64_t idle_ms, active_ms;         /* active_ms: when bytes last came or went */
    struct watch incoming;              /* while a frame is half received */
    struct watch outgoing;              /* while the socket has not taken everything */

    /* Receiving. `kept` holds bytes that were received and not yet handed out: the start of one
     * frame of known size (frame_size > 0; the rest is received right behind it), of one of unknown
     * size, or bytes that nobody has looked at (unparsed), because reading was paused or because
     * they were fed. An idle connection keeps nothing, nor does one that skips a frame: kept_size
     * then only counts what was dropped of it. */
    struct slab *kept;
    size_t kept_start, kept_size, frame_size;
    int64_t rest_until_ms;              /* nothing is received before; 0: it does not rest */
    uint8_t *unread;                    /* while frames are cut: what lies behind the current one */
    size_t unread_size;

    /* Sending. */
    struct chain queue;
    size_t queue_max;

    /* Small ones together: there are many connections that do nothing. One is 640
     * bytes, where allocators have a class of sizes. */
    unsigned pauses;
    int32_t slow_ms;
    bool told : 1;                      /* `over` was called */
    bool unparsed : 1;                  /* of `kept` */
    bool skipping : 1;                  /* the frame of frame_size bytes */
    bool reading : 1;                   /* `readable` is armed */
    bool choked : 1;                    /* queue was above queue_max, and is not below half of it */
    bool blocked : 1;                   /* the socket is full: `writable` is armed */
    bool progressed : 1;                /* bytes went out that the handler was not told of */
    bool shut : 1;                      /* FINISHING: everything went out, our side is closed */
    bool ended : 1;                     /* FINISHING: the peer's side is closed */

    char peer[sizeof "[]:65535" + INET6_ADDRSTRLEN - 1];
};

/* The connection can not go on: stop everything; `over` follows at the end of the turn. */
void conn_fail(struct conn *conn, int code);

/* Keep a connection that may be closed meanwhile; the last to release it frees it. */
void conn_hold(struct conn *conn);
void conn_release(struct conn *conn);

/* --- conn_patience.c -------------------------------------------------------------------------- */
/* Something is owed from now on: a frame of which the beginning is there, what a full socket did
 * not take. */
void conn_watch(struct conn *conn, struct watch *watch);
static inline void conn_moved(struct watch *watch, size_t size) { watch->moved += size; }
static inline void conn_unwatch(struct watch *watch) { watch->since_ms = 0; }
/* Receive nothing for CONN_REST_MS. */
void conn_rest(struct conn *conn);
/* The timer of an open connection. */
void conn_on_timer(struct conn *conn);

/* --- conn_receive.c --------------------------------------------------------------------------- */
/* Start or stop listening to the socket, as pauses, queue and state want it. */
void conn_update_reading(struct conn *conn);
void conn_on_readable(evutil_socket_t fd, short what, void *context);
void conn_receive_later(struct turn_hook *hook);
/* Hand out frames that have been received already. */
void conn_parse_kept(struct conn *conn);

/* --- conn_send.c ------------------------------------------------------------------------------ */
/* Write what the socket takes, within the turn's share. */
void conn_write(struct conn *conn);
void conn_on_writable(evutil_socket_t fd, short what, void *context);
void conn_send_later(struct turn_hook *hook);

/* Write, parse, tell the handler what is due: from the loop, never from inside an owner's call. */
void conn_tend(struct conn *conn);

#endif
