/* conn.c - life of a connection. */
#include "net/conn_private.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/error.h"
#include "common/slab.h"

enum { SEND_QUEUE_MAX = 1 << 20 };

static void name_peer(struct conn *conn)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    char host[INET6_ADDRSTRLEN] = "?";
    unsigned port = 0;

    if (getpeername(conn->fd, (struct sockaddr *)&address, &size) == 0 && address.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address;
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        port = ntohs(v4->sin_port);
    } else if (address.ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address;
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        port = ntohs(v6->sin6_port);
    }
    snprintf(conn->peer, sizeof conn->peer, "%s:%u", host, port);
}

/* --- the end ---------------------------------------------------------------------------------------- */

static void free_hook(struct turn_hook *hook)
{
    struct conn *conn = LIST_OWNER(hook, struct conn, free_hook);
    event_free(conn->read_event);
    event_free(conn->write_event);
    timer_free(conn->timer);
    turn_hook_cancel(&conn->flush_hook);
    chain_fini(&conn->queue);
    slab_unref(conn->partial);
    free(conn);
}

void conn_close(struct conn *conn)
{
    if (conn->closing)
        return;
    conn->closing = true;
    event_del(conn->read_event);
    event_del(conn->write_event);
    timer_stop(conn->timer);
    if (conn->fd >= 0)
        close(conn->fd);
    conn->fd = -1;
    /* The memory goes at the end of the turn: a callback of this connection may be on the stack. */
    loop_at_turn_end(conn->loop, &conn->free_hook);
}

void conn_fail(struct conn *conn, int code)
{
    if (conn->closing || conn->told_over)
        return;
    conn->told_over = true;
    event_del(conn->read_event);
    event_del(conn->write_event);
    timer_stop(conn->timer);
    if (conn->lingering)
        conn_close(conn);
    else
        conn->handler->over(conn, code);
}

void conn_close_after_sending(struct conn *conn, int64_t limit_ms)
{
    if (conn->closing)
        return;
    if (conn->told_over || conn->queue.size == 0) {
        conn_close(conn);
        return;
    }
    conn->lingering = true;
    conn_update_reading(conn);
    timer_after(conn->timer, limit_ms);
    conn_flush(conn);
}

/* --- timing --------------------------------------------------------------------------------------------- */

void conn_moved(struct conn *conn)
{
    if (conn->idle_ms > 0)
        conn->active_ms = loop_now_ms(conn->loop);
}

/* The timer is not moved with every byte: when it fires it looks how long ago the last one was. */
static void timer_fired(void *context)
{
    struct conn *conn = context;
    if (conn->lingering) {
        conn_close(conn);
        return;
    }
    int64_t quiet_ms = loop_now_ms(conn->loop) - conn->active_ms;
    if (quiet_ms >= conn->idle_ms)
        conn_fail(conn, K_REQUEST_TIMED_OUT);
    else
        timer_after(conn->timer, conn->idle_ms - quiet_ms);
}

/* --- making ------------------------------------------------------------------------------------------------ */

int conn_new(struct loop *loop, int fd, const struct conn_options *options, struct conn **out)
{
    struct conn *conn = calloc(1, sizeof *conn);
    if (conn == NULL) {
        close(fd);
        return K_NOMEM;
    }
    conn->loop = loop;
    conn->fd = fd;
    conn->handler = options->handler;
    conn->owner = options->owner;
    conn->transport = options->transport != NULL ? options->transport : &transport_plain;
    conn->queue_max = options->send_queue_max > 0 ? options->send_queue_max : SEND_QUEUE_MAX;
    conn->idle_ms = options->idle_ms;
    chain_init(&conn->queue);
    turn_hook_init(&conn->flush_hook, conn_flush_hook);
    turn_hook_init(&conn->free_hook, free_hook);
    conn->read_event = event_new(loop_base(loop), fd, EV_READ | EV_PERSIST, conn_readable, conn);
    conn->write_event = event_new(loop_base(loop), fd, EV_WRITE | EV_PERSIST, conn_writable, conn);
    if (conn->read_event == NULL || conn->write_event == NULL ||
        timer_new(loop, timer_fired, conn, &conn->timer) != 0 || event_add(conn->read_event, NULL) != 0) {
        if (conn->read_event != NULL)
            event_free(conn->read_event);
        if (conn->write_event != NULL)
            event_free(conn->write_event);
        timer_free(conn->timer);
        free(conn);
        close(fd);
        return K_NOMEM;
    }
    name_peer(conn);
    if (conn->idle_ms > 0) {
        conn->active_ms = loop_now_ms(loop);
        timer_after(conn->timer, conn->idle_ms);
    }
    *out = conn;
    return 0;
}

int conn_detach(struct conn *conn, struct slab **rest, size_t *rest_size)
{
    int fd = conn->fd;
    *rest = conn->partial;
    *rest_size = conn->partial_size;
    conn->partial = NULL;
    conn->fd = -1;
    conn_close(conn);
    return fd;
}

/* --- reading or not ------------------------------------------------------------------------------------------ */

void conn_update_reading(struct conn *conn)
{
    if (conn->closing || conn->told_over)
        return;
    if (conn->pauses > 0 || conn->choked || conn->lingering)
        event_del(conn->read_event);
    else
        event_add(conn->read_event, NULL);
}

void conn_pause(struct conn *conn)
{
    conn->pauses++;
    conn_update_reading(conn);
}

void conn_resume(struct conn *conn)
{
    if (conn->pauses > 0)
        conn->pauses--;
    conn_update_reading(conn);
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
