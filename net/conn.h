/* conn.h - one connected socket: frames in, chains out.
 *
 * A connection belongs to one loop. It receives into a slab that all connections of the loop
 * share, cuts frames and hands each to its owner in place; a partial frame moves to a slab of its
 * own. Outgoing chains queue up and are written at the end of the turn; above the queue's limit
 * reading stops until the peer has taken enough.
 *
 * conn calls back into its owner only from the loop, never from inside one of these functions. */
#ifndef NET_CONN_H
#define NET_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct chain;
struct conn;
struct loop;
struct slab;
struct transport;

struct conn_handler {
    /* Size of the frame at the start of `bytes`, 0 if more are needed to tell, below 0 (an error
     * code) if this is no frame: the connection is then closed with that code. May pause the
     * connection (the frame waits, and is cut once more) or close it. */
    ssize_t (*cut)(struct conn *conn, const uint8_t *bytes, size_t size);

    /* So many bytes more have come of a frame whose size is known and that is not whole yet. May
     * pause the connection: the rest waits. May be NULL. */
    void (*more)(struct conn *conn, size_t size);

    /* One whole frame, writable, inside `slab`. Valid during the call; whoever keeps it takes a
     * reference of the slab. The handler may close the connection. Of a frame that is skipped
     * there is neither slab nor bytes, only its size. */
    void (*frame)(struct conn *conn, struct slab *slab, uint8_t *bytes, size_t size);

    /* The connection is over: by the peer (K_CLOSED), an error (K_NETWORK_EXCEPTION; K_IO when a
     * file was shorter than its piece of a chain), a cut error, the idle timeout or a peer that
     * is too slow (K_REQUEST_TIMED_OUT). Called once, never after conn_close(). The handler calls
     * conn_close() now or later. */
    void (*over)(struct conn *conn, int code);

    /* Some of the queue was written: conn_queued() has become less. May be NULL. */
    void (*sent)(struct conn *conn);
};

struct conn_options {
    const struct conn_handler *handler;    /* borrowed */
    const struct transport *transport;     /* borrowed; NULL: plain */
    void *owner;                           /* returned by conn_owner() */
    size_t send_queue_max;                 /* bytes queued above which reading stops; 0: 1 MiB */
    int64_t idle_ms;                       /* close when nothing came or went so long; 0: never */
    /* Close when within so long less than a tenth came of a frame that is half received, or less
     * than a tenth went of what waits to be sent (of send_queue_max, if more waits); 0: never. */
    int32_t slow_ms;
};

/* Take over `fd`, a non-blocking stream socket (closed by the connection from now on, even on
 * failure). Returns 0 or K_NOMEM. */
int conn_new(struct loop *loop, int fd, const struct conn_options *options, struct conn **out);

/* Other patience than that of the options, from now on: what is owed has as long again (0: for
 * ever). */
void conn_set_slow(struct conn *conn, int32_t slow_ms);

/* Close at once and free, after the current callback returned. Queued chains are dropped. */
void conn_close(struct conn *conn);

/* Close once everything queued has been written and the peer has closed its side, or after
 * `limit_ms`, or when the loop is freed. What still arrives is thrown away: closing with unread
 * bytes would reset the connection, and the peer could lose what we sent last. No callback is
 * called any more. */
void conn_close_after_sending(struct conn *conn, int64_t limit_ms);

/* Queue a chain; the connection owns its pieces now. Written at the end of the turn. */
void conn_send(struct conn *conn, struct chain *chain);

/* Write what is queued now instead of at the end of the turn (latency of a lone request). */
void conn_flush(struct conn *conn);

/* Another idle timeout, from the last byte on; 0: none. */
void conn_set_idle(struct conn *conn, int64_t idle_ms);

/* Stop and resume reading, for back-pressure by the owner; counts nest. */
void conn_pause(struct conn *conn);
void conn_resume(struct conn *conn);

/* Within cut(), which returns the size of a frame that is not whole yet: nobody wants its bytes.
 * They are dropped, unhurriedly; frame() is called after the last. more() is not called. */
void conn_skip_frame(struct conn *conn);

/* Take the socket out, to hand it to another loop: the descriptor is the caller's, *rest receives
 * bytes already received but not consumed (at the start of a new slab, or NULL). The connection is
 * freed as by conn_close(). Only with an empty send queue. Returns the descriptor, or K_NOMEM
 * (below 0): then the socket is closed too. */
int conn_detach(struct conn *conn, struct slab **rest, size_t *rest_size);

/* Feed bytes as if received, before anything else: those that came along with a handed-over socket.
 * Right after conn_new(); copied; frames are handed out at the end of the turn. */
void conn_feed(struct conn *conn, const uint8_t *bytes, size_t size);

void *conn_owner(const struct conn *conn);
void conn_set_handler(struct conn *conn, const struct conn_handler *handler, void *owner);
struct loop *conn_loop(const struct conn *conn);
size_t conn_queued(const struct conn *conn);
/* "10.0.0.7:41234"; valid as long as the connection. */
const char *conn_peer(const struct conn *conn);

#endif
