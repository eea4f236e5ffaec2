/* A connection's way in: bytes arrive in the loop's shared slab, frames are cut and handed out in
 * place. Only what is left at the end moves: into a slab of its own if its size is known, so that
 * the rest of a large frame is received where it will stay. */
#include <assert.h>
#include <string.h>

#include "common/error.h"
#include "common/slab.h"
#include "net/conn_internal.h"
#include "net/transport.h"

enum {
    /* What may be received behind the end of a large frame: the start of the next one, which is
     * then moved. Little, because a large frame is mostly followed by another. */
    BEHIND_FRAME_MAX = 32 << 10
};

static bool may_hand_out(const struct conn *conn)
{
    return conn->state == CONN_OPEN && conn->pauses == 0 && !conn->choked &&
           conn->rest_until_ms == 0;
}

void conn_update_reading(struct conn *conn)
{
    bool wanted = may_hand_out(conn) || (conn->state == CONN_FINISHING && !conn->ended);

    if (wanted && conn->unparsed)
        loop_at_turn_end(conn->loop, &conn->tend);
    if (wanted == conn->reading)
        return;
    conn->reading = wanted;
    if (!wanted)
        event_del(&conn->readable);
    else if (event_add(&conn->readable, NULL) != 0)
        conn_fail(conn, K_NOMEM);
    else if (conn->incoming.since_ms != 0 && conn->state == CONN_OPEN)
        conn_watch(conn, &conn->incoming);      /* until now it was we who took no more */
}

void conn_pause(struct conn *conn)
{
    conn->pauses++;
    conn_update_reading(conn);
}

void conn_resume(struct conn *conn)
{
    assert(conn->pauses > 0);
    conn->pauses--;
    conn_update_reading(conn);
}

void conn_skip_frame(struct conn *conn)
{
    conn->skipping = true;
}

/* --- what stays ------------------------------------------------------------------------------- */

static void keep(struct conn *conn, struct slab *slab, size_t start, size_t size)
{
    assert(conn->kept == NULL);
    conn->kept = slab;
    conn->kept_start = start;
    conn->kept_size = size;
    conn->unread_size = 0;
}

static void keep_copy(struct conn *conn, size_t room)
{
    struct slab *slab = loop_take_slab(conn->loop, room);

    if (slab == NULL) {
        conn_fail(conn, K_NOMEM);
        return;
    }
    memcpy(slab->bytes, conn->unread, conn->unread_size);
    keep(conn, slab, 0, conn->unread_size);
}

/* The start of a frame of `size` bytes; 0: of a size that can not be told yet. */
static void keep_partial(struct conn *conn, size_t size)
{
    if (size == 0 && conn->unread_size >= RECEIVE_ROOM_MIN / 2) {
        conn_fail(conn, K_MALFORMED);       /* nothing has so long a beginning */
        return;
    }
    if (conn->skipping) {
        conn->kept_size = conn->unread_size;
        conn->unread_size = 0;
    } else {
        keep_copy(conn, size > 0 ? size : conn->unread_size);
    }
    conn->frame_size = size;
    if (conn->state == CONN_OPEN)
        conn_watch(conn, &conn->incoming);
}

/* Whole frames, maybe, that must wait. A slab of our own is kept as it is, so that a connection
 * that is paused after every frame does not copy the rest again and again. */
static void keep_unparsed(struct conn *conn, struct slab *slab)
{
    if (slab == conn->loop->receive)
        keep_copy(conn, conn->unread_size);
    else
        keep(conn, slab_ref(slab), (size_t)(conn->unread - slab->bytes), conn->unread_size);
    conn->unparsed = conn->kept != NULL;
}

/* --- handing out ------------------------------------------------------------------------------ */

/* Hand out the frames in `unread`, which lies in `slab`; keep what remains. */
static void parse(struct conn *conn, struct slab *slab)
{
    while (conn->unread_size > 0 && may_hand_out(conn)) {
        ssize_t size = conn->handler->cut(conn, conn->unread, conn->unread_size);
        if (!may_hand_out(conn)) {
            break;                      /* paused or closed by the handler */
        } else if (size < 0) {
            conn_fail(conn, (int)size);
        } else if (size == 0 || (size_t)size > conn->unread_size) {
            keep_partial(conn, (size_t)size);
        } else {
            uint8_t *bytes = conn->unread;
            conn->unread += size;
            conn->unread_size -= (size_t)size;
            conn->handler->frame(conn, slab, bytes, (size_t)size);
        }
    }
    if (conn->unread_size > 0 && conn->state == CONN_OPEN)
        keep_unparsed(conn, slab);
    conn->unread_size = 0;
}

void conn_parse_kept(struct conn *conn)
{
    if (!conn->unparsed || !may_hand_out(conn))
        return;
    struct slab *slab = conn->kept;
    conn->unread = slab->bytes + conn->kept_start;
    conn->unread_size = conn->kept_size;
    conn->kept = NULL;
    conn->unparsed = false;
    parse(conn, slab);
    loop_give_slab(conn->loop, slab);
}

void conn_feed(struct conn *conn, const uint8_t *bytes, size_t size)
{
    if (conn->state != CONN_OPEN || size == 0)
        return;
    assert(conn->kept == NULL && conn->unread_size == 0);
    conn->unread = (uint8_t *)bytes;
    conn->unread_size = size;
    keep_copy(conn, size);
    conn->unread_size = 0;
    conn->unparsed = conn->kept != NULL;
    loop_at_turn_end(conn->loop, &conn->tend);
}

/* --- receiving -------------------------------------------------------------------------------- */

/* All of the frame has come: hand it out. */
static void hand_out_frame(struct conn *conn)
{
    struct slab *slab = conn->kept;         /* NULL: it was skipped */
    size_t size = conn->frame_size;

    conn->kept = NULL;
    conn->frame_size = 0;
    conn->skipping = false;
    conn_unwatch(&conn->incoming);
    conn->handler->frame(conn, slab, slab != NULL ? slab->bytes : NULL, size);
    loop_give_slab(conn->loop, slab);
}

/* Receive the rest of a frame into the slab that was made for it. */
static ssize_t receive_rest(struct conn *conn, struct slab *shared, uint8_t *room, size_t room_size,
                            size_t limit, size_t *asked)
{
    size_t missing = conn->frame_size - conn->kept_size;
    size_t first = missing < limit ? missing : limit;
    size_t behind = conn->frame_size < RECEIVE_ROOM_MIN ? room_size : BEHIND_FRAME_MAX;
    if (behind > limit - first)
        behind = limit - first;
    struct iovec iov[2] = {
        { .iov_base = conn->kept->bytes + conn->kept_size, .iov_len = first },
        { .iov_base = room, .iov_len = behind },
    };

    *asked = first + behind;
    ssize_t size =
        conn->transport->receive(conn->fd, conn->transport_state, iov, behind > 0 ? 2 : 1);
    if (size <= 0)
        return size;
    conn_moved(&conn->incoming, (size_t)size);
    if ((size_t)size < missing) {
        conn->kept_size += (size_t)size;
        if (conn->handler->more != NULL)
            conn->handler->more(conn, (size_t)size);
        return size;
    }
    conn->unread = room;
    conn->unread_size = (size_t)size - missing;
    loop_receive_fill(conn->loop, conn->unread_size);
    hand_out_frame(conn);
    parse(conn, shared);
    return size;
}

/* Receive more of a frame that is skipped, into room that is used again at once. That has no hurry:
 * one read, and then others have their turns. */
static ssize_t receive_skipped(struct conn *conn, uint8_t *room, size_t room_size, size_t limit,
                               size_t *asked)
{
    size_t missing = conn->frame_size - conn->kept_size;
    struct iovec iov = { .iov_base = room, .iov_len = room_size < limit ? room_size : limit };

    if (iov.iov_len > missing)
        iov.iov_len = missing;
    *asked = SIZE_MAX;
    ssize_t size = conn->transport->receive(conn->fd, conn->transport_state, &iov, 1);
    if (size <= 0)
        return size;
    conn_moved(&conn->incoming, (size_t)size);
    conn->kept_size += (size_t)size;
    if ((size_t)size == missing)
        hand_out_frame(conn);
    else
        conn_rest(conn);
    return size;
}

/* Receive into the shared slab, behind the start of a frame whose size could not be told. */
static ssize_t receive_shared(struct conn *conn, struct slab *shared, uint8_t *room,
                              size_t room_size, size_t limit, size_t *asked)
{
    size_t before = conn->kept != NULL ? conn->kept_size : 0;
    struct iovec iov = { .iov_base = room + before, .iov_len = room_size - before };

    if (iov.iov_len > limit)
        iov.iov_len = limit;
    *asked = iov.iov_len;
    ssize_t size = conn->transport->receive(conn->fd, conn->transport_state, &iov, 1);
    if (size <= 0)
        return size;
    conn_moved(&conn->incoming, (size_t)size);
    if (before > 0) {
        memcpy(room, conn->kept->bytes + conn->kept_start, before);
        slab_unref(conn->kept);
        conn->kept = NULL;
        conn_unwatch(&conn->incoming);
    }
    conn->unread = room;
    conn->unread_size = before + (size_t)size;
    loop_receive_fill(conn->loop, conn->unread_size);
    if (conn->state == CONN_FINISHING)
        conn->unread_size = 0;
    parse(conn, shared);
    return size;
}

static ssize_t receive_some(struct conn *conn, size_t limit, size_t *asked)
{
    uint8_t *room;
    size_t room_size;
    struct slab *shared = loop_receive_room(conn->loop, &room, &room_size);

    if (shared == NULL) {
        conn_fail(conn, K_NOMEM);
        return TRANSPORT_AGAIN;
    }
    if (conn->skipping && conn->state == CONN_OPEN)
        return receive_skipped(conn, room, room_size, limit, asked);
    if (conn->frame_size > 0 && conn->state == CONN_OPEN)
        return receive_rest(conn, shared, room, room_size, limit, asked);
    return receive_shared(conn, shared, room, room_size, limit, asked);
}

/* The peer sends no more. One that we are done with may still want to read what we sent last. */
static void ended(struct conn *conn)
{
    if (conn->state == CONN_FINISHING && !conn->shut) {
        conn->ended = true;
        conn_update_reading(conn);
    } else {
        conn_fail(conn, K_CLOSED);
    }
}

/* Receive until the socket is empty or the turn's share is used up; then the next turn goes on. */
static void receive(struct conn *conn)
{
    size_t share = CONN_TURN_BYTES_MAX;

    while (share > 0 && (may_hand_out(conn) || conn->state == CONN_FINISHING)) {
        if (conn->loop->budget == 0) {
            loop_at_next_turn(conn->loop, &conn->receive_later);
            return;
        }
        size_t limit = share < conn->loop->budget ? share : conn->loop->budget;
        size_t asked = 0;
        ssize_t size = receive_some(conn, limit, &asked);
        if (size == TRANSPORT_END)
            ended(conn);
        else if (size == TRANSPORT_FAILED)
            conn_fail(conn, K_NETWORK_EXCEPTION);
        if (size <= 0)
            return;
        share -= (size_t)size;
        conn->loop->budget -= (size_t)size;
        conn->active_ms = loop_turn_ms(conn->loop);
        if ((size_t)size < asked)
            return;     /* empty now; asking again would only hear EAGAIN */
    }
}

void conn_on_readable(evutil_socket_t fd, short what, void *context)
{
    struct conn *conn = context;

    (void)fd;
    (void)what;
    loop_turn_begin(conn->loop);
    conn_hold(conn);
    conn_parse_kept(conn);      /* what came first goes out first */
    receive(conn);
    conn_release(conn);
}

void conn_receive_later(struct turn_hook *hook)
{
    struct conn *conn = LIST_OWNER(hook, struct conn, receive_later);

    conn_on_readable(conn->fd, EV_READ, conn);
}
