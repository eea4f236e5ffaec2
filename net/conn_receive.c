/* conn_receive.c - from bytes to frames.
 *
 * Bytes land in the loop's slab and whole frames are handed out from there. What is left of the
 * last frame moves to a slab of its own, sized by the frame once its size is known, and the rest
 * of that frame is received straight into it, with the loop's slab behind it for whatever follows.
 * So a large frame is copied only as far as its first piece, and an idle connection owns nothing. */
#include "net/conn_private.h"

#include <errno.h>
#include <string.h>

#include "common/error.h"
#include "common/slab.h"
#include "net/loop_private.h"

enum { TURN_BYTES_MAX = 1 << 20, PARTIAL_MIN = 64 };

/* One whole frame to the owner. False when the connection is gone or no longer wants to read. */
static bool hand_out(struct conn *conn, struct slab *slab, uint8_t *bytes, size_t size)
{
    conn->handler->frame(conn, slab, bytes, size);
    return !conn->closing && !conn->told_over;
}

/* Keep the start of a frame that is not there whole. */
static int keep_partial(struct conn *conn, const uint8_t *bytes, size_t size, size_t target)
{
    struct slab *slab = slab_new(target > 0 ? target : PARTIAL_MIN + 2 * size);
    if (slab == NULL)
        return K_NOMEM;
    memcpy(slab->bytes, bytes, size);
    conn->partial = slab;
    conn->partial_size = size;
    conn->partial_target = target;
    return 0;
}

/* Cut as many frames as there are in slab bytes [bytes, bytes + size); keep the rest. */
static void cut_frames(struct conn *conn, struct slab *slab, uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t frame = conn->handler->cut(conn, bytes, size);
        if (conn->closing || conn->told_over)
            return;
        if (frame < 0) {
            conn_fail(conn, (int)frame);
            return;
        }
        if (frame == 0 || (size_t)frame > size) {
            int error = keep_partial(conn, bytes, size, (size_t)frame);
            if (error != 0)
                conn_fail(conn, error);
            return;
        }
        if (!hand_out(conn, slab, bytes, (size_t)frame))
            return;
        bytes += frame;
        size -= (size_t)frame;
    }
}

/* More bytes came for the partial frame and `extra` behind it in the loop's slab. */
static void go_on(struct conn *conn, struct slab *slab, size_t extra)
{
    struct slab *partial = conn->partial;
    size_t size = conn->partial_size, target = conn->partial_target;

    if (target == 0) {
        /* Its size was not known: look again at everything together. */
        ssize_t frame = conn->handler->cut(conn, partial->bytes, size);
        if (conn->closing || conn->told_over)
            return;
        if (frame < 0) {
            conn_fail(conn, (int)frame);
            return;
        }
        if (frame == 0 || (size_t)frame > size) {
            conn->partial = NULL;
            int error = keep_partial(conn, partial->bytes, size, (size_t)frame);
            slab_unref(partial);
            if (error != 0)
                conn_fail(conn, error);
            return;
        }
        conn->partial = NULL;
        cut_frames(conn, partial, partial->bytes, size);
        slab_unref(partial);
        return;
    }
    if (size < target)
        return;
    conn->partial = NULL;
    conn->partial_size = conn->partial_target = 0;
    bool going = hand_out(conn, partial, partial->bytes, target);
    slab_unref(partial);
    if (going && extra > 0)
        cut_frames(conn, slab, slab->bytes, extra);
}

/* One receive. Bytes taken, or what the transport said. */
static ssize_t receive_once(struct conn *conn)
{
    struct slab *slab = loop_slab(conn->loop);
    struct iovec to[2];
    int count = 0;
    size_t partial_room = 0;

    if (slab == NULL)
        return TRANSPORT_FAILED;
    if (conn->partial != NULL) {
        size_t room = conn->partial_target > 0 ? conn->partial_target : conn->partial->size;
        partial_room = room - conn->partial_size;
        to[count++] = (struct iovec){ conn->partial->bytes + conn->partial_size, partial_room };
    }
    /* Behind a frame of unknown size nothing may be received: it might belong to that frame. */
    if (conn->partial == NULL || conn->partial_target > 0)
        to[count++] = (struct iovec){ slab->bytes, slab->size };
    ssize_t got = conn->transport->receive(conn->fd, conn->transport_state, to, count);
    if (got <= 0)
        return got;
    conn_moved(conn);
    if (conn->partial == NULL) {
        cut_frames(conn, slab, slab->bytes, (size_t)got);
        return got;
    }
    size_t mine = (size_t)got < partial_room ? (size_t)got : partial_room;
    conn->partial_size += mine;
    go_on(conn, slab, (size_t)got - mine);
    return got;
}

void conn_readable(evutil_socket_t fd, short what, void *context)
{
    struct conn *conn = context;
    size_t moved = 0;
    (void)fd, (void)what;

    loop_in_turn(conn->loop);
    while (moved < TURN_BYTES_MAX) {
        ssize_t got = receive_once(conn);
        if (conn->closing || conn->told_over || got == TRANSPORT_AGAIN)
            return;
        if (got < 0) {
            conn_fail(conn, got == TRANSPORT_END ? K_CLOSED : K_NETWORK_EXCEPTION);
            return;
        }
        moved += (size_t)got;
        /* A short read emptied the socket: one more call would only say so. */
        if ((size_t)got < LOOP_SLAB_SIZE || conn->pauses > 0 || conn->choked || !loop_may_move(conn->loop, (size_t)got))
            return;
    }
}

void conn_feed(struct conn *conn, const uint8_t *bytes, size_t size)
{
    struct slab *slab = slab_new(size);
    if (slab == NULL) {
        conn_fail(conn, K_NOMEM);
        return;
    }
    memcpy(slab->bytes, bytes, size);
    cut_frames(conn, slab, slab->bytes, size);
    slab_unref(slab);
}
