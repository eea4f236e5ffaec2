/* conn_patience.c - for how long a connection may do nothing, or do what it owes slowly.
 *
 * One timer for all of it, which is not moved by every byte: when it fires, it looks what has come
 * and gone since. A peer that owes something (the rest of a frame, room for what waits to be sent)
 * is given slow_ms for each tenth of it.
 *
 * The same timer ends a rest: what is skipped costs the machine as much as what is received, so who
 * sends it is not read from as fast as it sends. */
#include "common/error.h"
#include "common/later.h"
#include "net/conn_internal.h"

enum { PART = 10 };

static void wake_when_due(struct conn *conn)
{
    const struct watch *watches[] = { &conn->incoming, &conn->outgoing };
    int64_t due_ms = conn->idle_ms > 0 ? later_ms(conn->active_ms, conn->idle_ms) : INT64_MAX;

    for (size_t i = 0; i < 2; i++) {
        int64_t end_ms = watches[i]->since_ms + conn->slow_ms;
        if (conn->slow_ms > 0 && watches[i]->since_ms != 0 && end_ms < due_ms)
            due_ms = end_ms;
    }
    if (conn->rest_until_ms != 0 && conn->rest_until_ms < due_ms)
        due_ms = conn->rest_until_ms;
    if (due_ms == INT64_MAX)
        timer_stop(&conn->timer);
    else
        timer_at(&conn->timer, due_ms);
}

void conn_watch(struct conn *conn, struct watch *watch)
{
    watch->since_ms = loop_turn_ms(conn->loop);
    watch->moved = 0;
    wake_when_due(conn);
}

void conn_rest(struct conn *conn)
{
#ifdef MUTANT_SKIPPED_IN_A_HURRY
    return;
#endif
    conn->rest_until_ms = loop_turn_ms(conn->loop) + CONN_REST_MS;
    conn_update_reading(conn);
    wake_when_due(conn);
}

void conn_set_idle(struct conn *conn, int64_t idle_ms)
{
    conn->idle_ms = idle_ms;
    wake_when_due(conn);
}

void conn_set_slow(struct conn *conn, int32_t slow_ms)
{
    struct watch *watches[] = { &conn->incoming, &conn->outgoing };

    conn->slow_ms = slow_ms;
    if (conn->state != CONN_OPEN)
        return;
    for (size_t i = 0; i < 2; i++)
        if (watches[i]->since_ms != 0) {
            watches[i]->since_ms = loop_turn_ms(conn->loop);
            watches[i]->moved = 0;
        }
    wake_when_due(conn);
}

/* Has less moved than should have? If not, what is owed has as long again for its next part. */
static bool is_slow(const struct conn *conn, struct watch *watch, size_t owed, int64_t now_ms)
{
    if (conn->slow_ms == 0 || watch->since_ms == 0 || now_ms - watch->since_ms < conn->slow_ms)
        return false;
    if (watch->moved < (owed + PART - 1) / PART)
        return true;
    watch->since_ms = now_ms;
    watch->moved = 0;
    return false;
}

/* So short a time does not count as one in which we took no more: the watch goes on. */
static void end_rest(struct conn *conn, int64_t now_ms)
{
    struct watch incoming = conn->incoming;

    if (conn->rest_until_ms == 0 || now_ms < conn->rest_until_ms)
        return;
    conn->rest_until_ms = 0;
    conn_update_reading(conn);
    conn->incoming = incoming;
}

static void lose_patience(struct conn *conn, int64_t now_ms)
{
    size_t queued = conn->queue.size < conn->queue_max ? conn->queue.size : conn->queue_max;
    /* What we do not read is not owed. The size of a frame may not be known yet. */
    size_t missing = !conn->reading ? 0 : conn->frame_size > 0 ? conn->frame_size : 1;

    if ((conn->idle_ms > 0 && now_ms >= later_ms(conn->active_ms, conn->idle_ms)) ||
        is_slow(conn, &conn->incoming, missing, now_ms) ||
        is_slow(conn, &conn->outgoing, queued, now_ms))
        conn_fail(conn, K_REQUEST_TIMED_OUT);
    else
        wake_when_due(conn);
}

void conn_on_timer(struct conn *conn)
{
    int64_t now_ms = loop_now_ms(conn->loop);

    end_rest(conn, now_ms);
    if (conn->state == CONN_OPEN)
        lose_patience(conn, now_ms);
}
