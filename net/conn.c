#include "net/conn.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/error.h"
#include "common/later.h"
#include "common/slab.h"
#include "net/conn_internal.h"
#include "net/transport.h"

enum { SEND_QUEUE_MAX_DEFAULT = 1 << 20 };

static void name_peer(int fd, char *text, size_t size)
{
    struct sockaddr_storage address;
    socklen_t address_size = sizeof address;
    char host[INET6_ADDRSTRLEN] = "";

    snprintf(text, size, "local");
    if (getpeername(fd, (struct sockaddr *)&address, &address_size) != 0)
        return;
    if (address.ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)&address;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        snprintf(text, size, "%s:%u", host, ntohs(in->sin_port));
    } else if (address.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)&address;
        inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof host);
        snprintf(text, size, "[%s]:%u", host, ntohs(in->sin6_port));
    }
}

static void on_tend(struct turn_hook *hook)
{
    conn_tend(LIST_OWNER(hook, struct conn, tend));
}

static void on_timer(void *context)
{
    struct conn *conn = context;

    if (conn->state == CONN_FINISHING)
        conn_close(conn);
    else
        conn_on_timer(conn);
}

int conn_new(struct loop *loop, int fd, const struct conn_options *options, struct conn **out)
{
    assert(loop_is_mine(loop));
    struct conn *conn = calloc(1, sizeof *conn);
    if (conn == NULL)
        goto close_fd;
    conn->loop = loop;
    conn->handler = options->handler;
    conn->owner = options->owner;
    conn->transport = options->transport != NULL ? options->transport : &transport_plain;
    conn->fd = fd;
    conn->queue_max =
        options->send_queue_max > 0 ? options->send_queue_max : SEND_QUEUE_MAX_DEFAULT;
    conn->idle_ms = options->idle_ms;
    conn->slow_ms = options->slow_ms;
    conn->active_ms = loop_now_ms(loop);
    list_init(&conn->finishing);
    chain_init(&conn->queue);
    turn_hook_init(&conn->tend, on_tend);
    turn_hook_init(&conn->receive_later, conn_receive_later);
    turn_hook_init(&conn->send_later, conn_send_later);
    name_peer(fd, conn->peer, sizeof conn->peer);
    if (timer_init(&conn->timer, loop, on_timer, conn) != 0)
        goto free_conn;

    if (event_assign(&conn->readable, loop->base, fd, EV_READ | EV_PERSIST, conn_on_readable,
                     conn) != 0 ||
        event_assign(&conn->writable, loop->base, fd, EV_WRITE, conn_on_writable, conn) != 0 ||
        event_add(&conn->readable, NULL) != 0)
        goto fini_timer;
    loop_own(loop, fd);
    conn->reading = true;
    if (conn->idle_ms > 0)
        timer_at(&conn->timer, later_ms(conn->active_ms, conn->idle_ms));
    *out = conn;
    return 0;

fini_timer:
    timer_fini(&conn->timer);
free_conn:
    free(conn);
close_fd:
    loop_close(loop, fd);
    return K_NOMEM;
}

static void drop_received(struct conn *conn)
{
    slab_unref(conn->kept);
    conn->kept = NULL;
    conn->kept_size = conn->frame_size = 0;
    conn->unparsed = conn->skipping = false;
    conn->unread_size = 0;
}

/* Let go of the loop and of everything that was queued. */
static void stop(struct conn *conn)
{
    event_del(&conn->readable);
    event_del(&conn->writable);
    conn->reading = false;
    conn->blocked = false;
    turn_hook_cancel(&conn->tend);
    turn_hook_cancel(&conn->receive_later);
    turn_hook_cancel(&conn->send_later);
    timer_stop(&conn->timer);
    chain_fini(&conn->queue);
    drop_received(conn);
}

void conn_fail(struct conn *conn, int code)
{
    if (conn->state == CONN_FINISHING) {
        conn_close(conn);
        return;
    }
    if (conn->state != CONN_OPEN)
        return;
    stop(conn);
    conn->state = CONN_FAILED;
    conn->code = code;
    loop_at_turn_end(conn->loop, &conn->tend);
}

void conn_hold(struct conn *conn)
{
    conn->busy++;
}

static void free_when_unused(struct conn *conn)
{
    if (conn->busy > 0 || conn->state != CONN_CLOSED)
        return;
    timer_fini(&conn->timer);
    free(conn);
}

void conn_release(struct conn *conn)
{
    conn->busy--;
    free_when_unused(conn);
}

void conn_close(struct conn *conn)
{
    assert(loop_is_mine(conn->loop));
    assert(conn->state != CONN_CLOSED);
    stop(conn);
    if (conn->fd >= 0)
        loop_close(conn->loop, conn->fd);
    conn->fd = -1;
    conn->state = CONN_CLOSED;
    list_remove(&conn->finishing);
    free_when_unused(conn);
}

void conn_close_after_sending(struct conn *conn, int64_t limit_ms)
{
    if (conn->state != CONN_OPEN) {
        conn_close(conn);
        return;
    }
    conn_hold(conn);
    conn->state = CONN_FINISHING;
    list_append(&conn->loop->finishing, &conn->finishing);
    drop_received(conn);
    timer_after(&conn->timer, limit_ms);
    loop_at_turn_end(conn->loop, &conn->tend);
    conn_update_reading(conn);
    conn_release(conn);
}

void conn_close_finishing(struct loop *loop)
{
    while (!list_empty(&loop->finishing))
        conn_close(LIST_OWNER(list_first(&loop->finishing), struct conn, finishing));
}

/* When nothing is left to write: say so to the peer and wait for its end, or for the limit. */
static void finish(struct conn *conn)
{
    if (conn->queue.first != NULL || conn->shut)
        return;
    conn->shut = true;
    if (conn->ended)
        conn_close(conn);
    else
        shutdown(conn->fd, SHUT_WR);
}

void conn_tend(struct conn *conn)
{
    conn_hold(conn);
    conn_write(conn);
    if (conn->state == CONN_OPEN)
        conn_parse_kept(conn);
    if (conn->progressed && conn->state == CONN_OPEN) {
        conn->progressed = false;
        if (conn->handler->sent != NULL)
            conn->handler->sent(conn);
    }
    if (conn->state == CONN_FINISHING)
        finish(conn);
    if (conn->state == CONN_FAILED && !conn->told) {
        conn->told = true;
        conn->handler->over(conn, conn->code);
    }
    conn_release(conn);
}

int conn_detach(struct conn *conn, struct slab **rest, size_t *rest_size)
{
    struct slab *copy = NULL;

    assert(conn->state == CONN_OPEN && conn->queue.first == NULL);
    const uint8_t *bytes = conn->unread;
    size_t size = conn->unread_size;
    if (conn->kept != NULL) {
        assert(size == 0);      /* bytes are either being handed out or kept */
        bytes = conn->kept->bytes + conn->kept_start;
        size = conn->kept_size;
    }
    if (size > 0) {
        copy = slab_new(size);
        if (copy == NULL) {
            conn_close(conn);
            return K_NOMEM;
        }
        memcpy(copy->bytes, bytes, size);
    }
    *rest = copy;
    *rest_size = size;
    int fd = conn->fd;
    loop_disown(conn->loop, fd);
    conn->fd = -1;
    conn_close(conn);
    return fd;
}

void *conn_owner(const struct conn *conn)
{
    return conn->owner;
}

void conn_set_handler(struct conn *conn, const struct conn_handler *handler, void *owner)
{
    conn->handler = handler;
    conn->owner = owner;
}

struct loop *conn_loop(const struct conn *conn)
{
    return conn->loop;
}

size_t conn_queued(const struct conn *conn)
{
    return conn->queue.size;
}

const char *conn_peer(const struct conn *conn)
{
    return conn->peer;
}
