/* conn_send.c - from chains to bytes: memory is gathered, file spans go by sendfile. */
#include "net/conn_private.h"

#include "common/error.h"
#include "net/loop_private.h"

enum { IOVECS_MAX = 64, FILE_CALL_MAX = 1 << 20, TURN_BYTES_MAX = 4 << 20 };

/* Forget `size` bytes at the front of the queue. */
static void consume(struct conn *conn, size_t size)
{
    while (size > 0) {
        struct chain_piece *piece = conn->queue.first;
        if (piece->size > size) {
            piece->size -= size;
            conn->queue.size -= size;
            if (piece->kind == CHAIN_MEMORY)
                piece->bytes += size;
            else
                piece->position += (off_t)size;
            return;
        }
        size -= piece->size;
        chain_piece_free(chain_pop(&conn->queue));
    }
}

static ssize_t send_memory(struct conn *conn)
{
    struct iovec from[IOVECS_MAX];
    int count = 0;
    const struct chain_piece *piece = conn->queue.first;

    for (; piece != NULL && piece->kind == CHAIN_MEMORY && count < IOVECS_MAX; piece = piece->next)
        from[count++] = (struct iovec){ (void *)piece->bytes, piece->size };
    return conn->transport->send(conn->fd, conn->transport_state, from, count, piece != NULL);
}

static ssize_t send_some(struct conn *conn)
{
    const struct chain_piece *piece = conn->queue.first;
    if (piece->kind == CHAIN_MEMORY)
        return send_memory(conn);
    size_t size = piece->size < FILE_CALL_MAX ? piece->size : FILE_CALL_MAX;
    return conn->transport->send_file(conn->fd, conn->transport_state, piece->fd, piece->position, size);
}

/* Reading stops while the peer does not take what it asked for. */
static void update_choke(struct conn *conn)
{
    bool choked = conn->choked ? conn->queue.size > conn->queue_max / 2 : conn->queue.size > conn->queue_max;
    if (choked != conn->choked) {
        conn->choked = choked;
        conn_update_reading(conn);
    }
}

static void await_writable(struct conn *conn, bool await)
{
    if (await == conn->writable_awaited)
        return;
    conn->writable_awaited = await;
    if (await)
        event_add(conn->write_event, NULL);
    else
        event_del(conn->write_event);
}

/* Write what the socket takes. Returns 0 or why it takes nothing any more. */
static int push(struct conn *conn)
{
    size_t moved = 0;

    while (conn->queue.first != NULL && moved < TURN_BYTES_MAX) {
        if (conn->queue.first->size == 0) {
            chain_piece_free(chain_pop(&conn->queue));
            continue;
        }
        ssize_t sent = send_some(conn);
        if (sent == TRANSPORT_AGAIN)
            break;
        /* A file that is shorter than its span can not be made up for in this stream. */
        if (sent < 0)
            return sent == TRANSPORT_END ? K_CORRUPT : K_NETWORK_EXCEPTION;
        conn_moved(conn);
        consume(conn, (size_t)sent);
        moved += (size_t)sent;
    }
    await_writable(conn, conn->queue.first != NULL);
    update_choke(conn);
    if (conn->lingering && conn->queue.first == NULL)
        conn_close(conn);
    return 0;
}

static void push_or_fail(struct conn *conn)
{
    int code = conn->closing || conn->told_over ? 0 : push(conn);
    if (code != 0)
        conn_fail(conn, code);
}

void conn_flush_hook(struct turn_hook *hook)
{
    push_or_fail(LIST_OWNER(hook, struct conn, flush_hook));
}

void conn_writable(evutil_socket_t fd, short what, void *context)
{
    struct conn *conn = context;
    (void)fd, (void)what;
    loop_in_turn(conn->loop);
    push_or_fail(conn);
}

void conn_send(struct conn *conn, struct chain *chain)
{
    if (conn->closing || conn->told_over || conn->lingering) {
        chain_fini(chain);
        return;
    }
    chain_move(&conn->queue, chain);
    if (!conn->writable_awaited)
        loop_at_turn_end(conn->loop, &conn->flush_hook);
}

void conn_flush(struct conn *conn)
{
    if (conn->closing || conn->told_over || conn->writable_awaited)
        return;
    /* A failure shows again at the end of the turn, when the owner may be called. */
    if (push(conn) != 0)
        loop_at_turn_end(conn->loop, &conn->flush_hook);
}
