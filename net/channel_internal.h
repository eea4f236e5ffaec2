/* channel_internal.h - what the two files of a channel share: channel.c asks and answers,
 * channel_connect.c gets a greeted connection. */
#ifndef NET_CHANNEL_INTERNAL_H
#define NET_CHANNEL_INTERNAL_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include "common/rand.h"
#include "net/channel.h"
#include "net/conn.h"
#include "net/loop_internal.h"
#include "net/resolve.h"

/*   IDLE -> WAITING (back-off) -> RESOLVING -> CONNECTING -> GREETING -> READY
 *    ^ every address failed, or the connection was lost <-------------------+    */
enum channel_state {
    CHANNEL_IDLE,
    CHANNEL_WAITING,
    CHANNEL_RESOLVING,
    CHANNEL_CONNECTING,
    CHANNEL_GREETING,
    CHANNEL_READY
};

struct channel {
    struct loop *loop;
    struct channel_options options;     /* host is our copy */
    enum channel_state state;
    unsigned busy;                      /* callbacks under way that use it */
    bool freed;

    /* Connecting. */
    struct resolve_query *query;        /* RESOLVING */
    struct resolved addresses;
    int address_next;
    int failure;                        /* of the address tried last */
    int fd;                             /* CONNECTING; else -1 */
    struct event connected;
    struct timer attempt;               /* WAITING: the end of it; else the limit of the attempt */
    int64_t delay_ms;                   /* of the next back-off */
    int64_t not_before_ms;              /* when the next attempt may start */
    int64_t ready_ms;                   /* since when it is READY */
    struct rand chance;
    struct conn *conn;                  /* GREETING and READY */

    /* Asking. */
    uint64_t correlation_next;
    uint64_t bytes_asked;               /* given to this connection so far, for written_at */
    size_t bytes_waiting;               /* of the requests in `waiting` */
    size_t count;                       /* calls in flight */
    struct list waiting;                /* for a connection */
    struct list sent;                   /* for an answer, oldest first */
    struct list unwritten;              /* without answer, for the socket, oldest first */
    struct list refused;                /* to be told NOMEM */
    struct list failing;                /* being answered with an error right now */
    struct heap deadlines;
    struct timer deadline;
    struct turn_hook tend;              /* what must not happen inside channel_ask() */
};

/* Keep a channel that a callback may free; the last to release it frees it. */
void channel_hold(struct channel *channel);
void channel_release(struct channel *channel);

/* --- channel.c: told by channel_connect.c ----------------------------------------------------- */
void channel_usable(struct channel *channel);
/* No connection, for `code`: IDLE again. */
void channel_unusable(struct channel *channel, int code);
/* A whole frame after the greeting. */
void channel_answered(struct channel *channel, struct slab *slab, uint8_t *bytes, size_t size);
void channel_report_written(struct channel *channel);

/* --- channel_connect.c ------------------------------------------------------------------------ */
int channel_connect_init(struct channel *channel);
void channel_connect_fini(struct channel *channel);
/* Start an attempt, after the back-off. Only while IDLE. */
void channel_connect(struct channel *channel);
/* Give up whatever connection or attempt there is; nobody is told. */
void channel_disconnect(struct channel *channel);
/* The READY connection is of no use any more. */
void channel_lost(struct channel *channel, int code);

#endif
