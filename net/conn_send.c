/* A connection's way out: memory with sendmsg, large spans of files with sendfile. */
#include <assert.h>
#include <unistd.h>

#include "common/error.h"
#include "net/conn_internal.h"
#include "net/transport.h"

enum {
    PIECES_MAX = 64,                    /* in one sendmsg */
    SMALL_FILE_MAX = 16 << 10,          /* below this, reading and sending beats a sendfile call */
    SMALL_FILES_MAX = 32 << 10
};

/* Room for small spans of files on their way into one sendmsg. */
struct scratch {
    size_t used;
    uint8_t bytes[SMALL_FILES_MAX];
};

void conn_send(struct conn *conn, struct chain *chain)
{
    assert(loop_is_mine(conn->loop));
    if (conn->state != CONN_OPEN) {
        chain_fini(chain);
        return;
    }
    chain_move(&conn->queue, chain);
    if (!conn->choked && conn->queue.size > conn->queue_max) {
        conn->choked = true;
        conn_update_reading(conn);
    }
    loop_at_turn_end(conn->loop, &conn->tend);
}

void conn_flush(struct conn *conn)
{
    conn_hold(conn);
    conn_write(conn);
    conn_release(conn);
}

/* `size` bytes at the front of the queue were written. Pieces of no size are dropped too. */
static void advance(struct conn *conn, size_t size)
{
    struct chain *queue = &conn->queue;

    while (queue->first != NULL) {
        struct chain_piece *piece = queue->first;
        if (piece->size > size) {
            if (piece->kind == CHAIN_MEMORY)
                piece->bytes += size;
            else
                piece->position += (off_t)size;
            piece->size -= size;
            queue->size -= size;
            break;
        }
        size -= piece->size;
        chain_piece_free(chain_pop(queue));
    }
}

/* Bytes of a small span of a file, read into the scratch; NULL when there is no room left, or when
 * the file could not be read: sendfile will then find out why. */
static uint8_t *read_small(const struct chain_piece *piece, struct scratch *scratch)
{
    uint8_t *at = scratch->bytes + scratch->used;

    if (piece->size > SMALL_FILE_MAX || piece->size > SMALL_FILES_MAX - scratch->used)
        return NULL;
    if (pread(piece->fd, at, piece->size, piece->position) != (ssize_t)piece->size)
        return NULL;
    scratch->used += piece->size;
    return at;
}

/* Collect the pieces at the front that go out from memory, `limit` bytes at most. */
static int gather(const struct chain *queue, size_t limit, struct scratch *scratch,
                  struct iovec *iov, size_t *size)
{
    int count = 0;

    *size = 0;
    for (const struct chain_piece *piece = queue->first;
         piece != NULL && count < PIECES_MAX && *size < limit; piece = piece->next) {
        const uint8_t *bytes =
            piece->kind == CHAIN_MEMORY ? piece->bytes : read_small(piece, scratch);
        if (bytes == NULL && piece->size > 0)
            break;
        size_t part = piece->size < limit - *size ? piece->size : limit - *size;
        iov[count++] = (struct iovec){ .iov_base = (void *)bytes, .iov_len = part };
        *size += part;
    }
    return count;
}

/* One call to the system. Returns bytes written or what the transport says. */
static ssize_t write_some(struct conn *conn, size_t limit)
{
    struct iovec iov[PIECES_MAX];
    struct scratch scratch;
    size_t size;

    scratch.used = 0;
    advance(conn, 0);       /* pieces of no size */
    int count = gather(&conn->queue, limit, &scratch, iov, &size);
    if (size > 0)
        return conn->transport->send(conn->fd, conn->transport_state, iov, count,
                                     size < conn->queue.size);

    const struct chain_piece *file = conn->queue.first;
    return conn->transport->send_file(conn->fd, conn->transport_state, file->fd, file->position,
                                      file->size < limit ? file->size : limit);
}

static void went_out(struct conn *conn, size_t size)
{
    advance(conn, size);
    conn->loop->budget -= size;
    conn->active_ms = loop_turn_ms(conn->loop);
    conn_moved(&conn->outgoing, size);
    conn->progressed = true;
    loop_at_turn_end(conn->loop, &conn->tend);      /* to tell the handler */
    if (conn->choked && conn->queue.size <= conn->queue_max / 2) {
        conn->choked = false;
        conn_update_reading(conn);
    }
}

static void stuck(struct conn *conn, ssize_t result)
{
    if (result == TRANSPORT_AGAIN) {
        conn->blocked = event_add(&conn->writable, NULL) == 0;
        if (!conn->blocked)
            conn_fail(conn, K_NOMEM);
        else if (conn->outgoing.since_ms == 0 && conn->state == CONN_OPEN)
            conn_watch(conn, &conn->outgoing);
    } else {
        /* 0: the file is shorter than its span. What was announced can not be sent, so the only
         * way to say so is to close. */
        conn_fail(conn, result == 0               ? K_IO
                        : result == TRANSPORT_END ? K_CLOSED
                                                  : K_NETWORK_EXCEPTION);
    }
}

void conn_write(struct conn *conn)
{
    size_t share = CONN_TURN_BYTES_MAX;

    if (conn->blocked || (conn->state != CONN_OPEN && conn->state != CONN_FINISHING))
        return;
    while (conn->queue.size > 0) {
        size_t limit = share < conn->loop->budget ? share : conn->loop->budget;
        if (limit == 0) {
            loop_at_next_turn(conn->loop, &conn->send_later);
            return;
        }
        ssize_t size = write_some(conn, limit);
        if (size <= 0) {
            stuck(conn, size);
            return;
        }
        share -= (size_t)size;
        went_out(conn, (size_t)size);
    }
    chain_fini(&conn->queue);       /* pieces of no size */
    conn_unwatch(&conn->outgoing);
}

void conn_on_writable(evutil_socket_t fd, short what, void *context)
{
    struct conn *conn = context;

    (void)fd;
    (void)what;
    loop_turn_begin(conn->loop);
    conn->blocked = false;
    conn_tend(conn);
}

void conn_send_later(struct turn_hook *hook)
{
    conn_tend(LIST_OWNER(hook, struct conn, send_later));
}
