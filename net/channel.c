/* channel.c - connect, greet, ask, match answers; again after every loss.
 *
 *            connect()          greeted()
 *   IDLE ---> RESOLVING ---> CONNECTING ---> GREETING ---> READY
 *     ^           |               | next address  |           |
 *     |           v               v               v           v
 *     +---- back-off <-------------------- lost() ------------+      (wanted: calls are queued, or
 *                                                                     the owner asks again)
 *
 * Calls are in exactly one of two lists: `queued` (their bytes wait for READY) or `in_flight`. */
#include "net/channel.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/chain.h"
#include "common/error.h"
#include "common/map.h"
#include "common/rand.h"
#include "common/slab.h"
#include "net/conn.h"
#include "net/loop.h"
#include "net/resolve.h"

enum { CONNECT_TIMEOUT_MS = 10000, BACKOFF_MS = 50, BACKOFF_MAX_MS = 1000 };

enum channel_state { CHANNEL_IDLE, CHANNEL_RESOLVING, CHANNEL_CONNECTING, CHANNEL_GREETING, CHANNEL_READY };

struct channel {
    struct loop *loop;
    struct channel_options options;
    char *host;                             /* owned */
    struct rand rand;
    enum channel_state state;
    struct resolve_query *query;
    struct resolved addresses;
    int next_address;
    int connecting_fd;
    struct event *connect_event;
    struct timer *timer;                    /* connect time-out, or back-off when IDLE */
    int64_t backoff_ms;
    struct conn *conn;
    struct list queued, in_flight;          /* channel_call.node */
    struct map by_correlation;              /* of both lists */
    struct heap deadlines;
    struct timer *deadline_timer;
    struct chain waiting;                   /* bytes of queued calls */
    uint64_t next_correlation;
    bool freeing;
};

static void connect_next(struct channel *channel);

/* --- calls ------------------------------------------------------------------------------------------ */

static void forget(struct channel *channel, struct channel_call *call)
{
    list_remove(&call->node);
    heap_remove(&channel->deadlines, &call->deadline);
    map_remove(&channel->by_correlation, &call->correlation, sizeof call->correlation);
}

static void answer(struct channel *channel, struct channel_call *call, int code, struct slab *slab, uint8_t *bytes, size_t size)
{
    forget(channel, call);
    call->answer(call, code, slab, bytes, size);
}

static void answer_all(struct channel *channel, struct list *calls, int code)
{
    /* Answering may ask anew: only those that are there now. */
    struct list now;
    list_init(&now);
    for (struct list *node; (node = list_first(calls)) != NULL;) {
        list_remove(node);
        list_append(&now, node);
    }
    for (struct list *node; (node = list_first(&now)) != NULL;)
        answer(channel, LIST_OWNER(node, struct channel_call, node), code, NULL, NULL, 0);
}

static void arm_deadline(struct channel *channel)
{
    struct heap_node *top = heap_top(&channel->deadlines);
    if (top == NULL)
        timer_stop(channel->deadline_timer);
    else
        timer_at(channel->deadline_timer, top->key);
}

static void deadline_passed(void *context)
{
    struct channel *channel = context;
    int64_t now_ms = loop_now_ms(channel->loop);
    for (struct heap_node *top; (top = heap_top(&channel->deadlines)) != NULL && top->key <= now_ms;)
        answer(channel, LIST_OWNER(top, struct channel_call, deadline), K_REQUEST_TIMED_OUT, NULL, NULL, 0);
    arm_deadline(channel);
}

static bool wanted(const struct channel *channel)
{
    return !list_empty(&channel->queued);
}

/* --- losing ------------------------------------------------------------------------------------------ */

static void drop_connecting(struct channel *channel)
{
    if (channel->connect_event != NULL)
        event_free(channel->connect_event);
    channel->connect_event = NULL;
    if (channel->connecting_fd >= 0)
        close(channel->connecting_fd);
    channel->connecting_fd = -1;
}

static void backed_off(void *context);

/* Whatever was under way is over. Calls whose bytes went out may have been carried out; those whose
 * bytes did not are answered too, so that their owner can choose another broker. */
static void lost(struct channel *channel, int code)
{
    bool was_ready = channel->state == CHANNEL_READY;

    channel->state = CHANNEL_IDLE;
    if (channel->query != NULL)
        resolve_cancel(channel->query);
    channel->query = NULL;
    drop_connecting(channel);
    if (channel->conn != NULL)
        conn_close(channel->conn);
    channel->conn = NULL;
    chain_fini(&channel->waiting);
    /* Somewhere between half and the whole, so that many clients do not come back at once. */
    int64_t wait_ms = channel->backoff_ms / 2 + (int64_t)rand_below(&channel->rand, (uint64_t)channel->backoff_ms / 2 + 1);
    if (channel->backoff_ms * 2 <= channel->options.backoff_max_ms)
        channel->backoff_ms *= 2;
    timer_after(channel->timer, wait_ms);
    if (was_ready && channel->options.changed != NULL)
        channel->options.changed(channel->options.changed_context, code);
    answer_all(channel, &channel->in_flight, K_NETWORK_EXCEPTION);
    answer_all(channel, &channel->queued, code == K_RESOLVE_FAILED || code == K_WRONG_CLUSTER ? code : K_CONNECTION_FAILED);
}

static void timed_out(void *context)
{
    struct channel *channel = context;
    switch (channel->state) {
    case CHANNEL_IDLE:
        backed_off(channel);
        break;
    case CHANNEL_CONNECTING:
        drop_connecting(channel);
        connect_next(channel);
        break;
    case CHANNEL_RESOLVING:
    case CHANNEL_GREETING:
        lost(channel, K_CONNECTION_FAILED);
        break;
    case CHANNEL_READY:
        break;
    }
}

/* --- ready: frames come ------------------------------------------------------------------------------- */

static ssize_t cut(struct conn *conn, const uint8_t *bytes, size_t size)
{
    struct channel *channel = conn_owner(conn);
    if (channel->state == CHANNEL_GREETING)
        return channel->options.protocol->greeted(channel->options.protocol_context, bytes, size);
    return channel->options.protocol->cut(channel->options.protocol_context, bytes, size);
}

static void become_ready(struct channel *channel)
{
    struct list unanswered;             /* those that no answer is expected for: written is done */

    channel->state = CHANNEL_READY;
    channel->backoff_ms = channel->options.backoff_ms;
    timer_stop(channel->timer);
    list_init(&unanswered);
    for (struct list *node; (node = list_first(&channel->queued)) != NULL;) {
        struct channel_call *call = LIST_OWNER(node, struct channel_call, node);
        list_remove(node);
        call->sent = true;
        if (call->deadline.index != HEAP_OUT)
            list_append(&channel->in_flight, node);
        else
            list_append(&unanswered, node);
    }
    conn_send(channel->conn, &channel->waiting);
    conn_flush(channel->conn);
    answer_all(channel, &unanswered, 0);
    if (channel->options.changed != NULL)
        channel->options.changed(channel->options.changed_context, 0);
}

static void frame(struct conn *conn, struct slab *slab, uint8_t *bytes, size_t size)
{
    struct channel *channel = conn_owner(conn);
    uint64_t correlation = 0;

    if (channel->state == CHANNEL_GREETING) {
        become_ready(channel);
        return;
    }
    int error = channel->options.protocol->correlation(channel->options.protocol_context, bytes, size, &correlation);
    struct channel_call *call = map_get(&channel->by_correlation, &correlation, sizeof correlation);
    if (error == 0 && call == NULL && correlation < channel->next_correlation)
        return;                     /* too late, its asker has given up */
    if (error != 0 || call == NULL || !call->sent) {
        lost(channel, error != 0 ? error : K_MALFORMED);
        return;
    }
    answer(channel, call, 0, slab, bytes, size);
}

static void over(struct conn *conn, int code)
{
    struct channel *channel = conn_owner(conn);
    lost(channel, code == K_CLOSED ? K_NETWORK_EXCEPTION : code);
}

static const struct conn_handler channel_handler = { cut, frame, over };

/* --- connecting ------------------------------------------------------------------------------------------ */

static void greet(struct channel *channel, int fd)
{
    struct conn_options options = { .handler = &channel_handler, .owner = channel, .idle_ms = channel->options.idle_ms,
                                    .send_queue_max = SIZE_MAX };
    struct chain greeting;

    chain_init(&greeting);
    channel->state = CHANNEL_GREETING;
    timer_after(channel->timer, channel->options.connect_timeout_ms);
    if (conn_new(channel->loop, fd, &options, &channel->conn) != 0) {
        channel->conn = NULL;
        lost(channel, K_NOMEM);
        return;
    }
    if (channel->options.protocol->greet(channel->options.protocol_context, &greeting) != 0) {
        chain_fini(&greeting);
        lost(channel, K_NOMEM);
        return;
    }
    conn_send(channel->conn, &greeting);
    conn_flush(channel->conn);
}

static void connected(evutil_socket_t fd, short what, void *context)
{
    struct channel *channel = context;
    int error = 0;
    socklen_t size = sizeof error;
    (void)what;

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
        drop_connecting(channel);
        connect_next(channel);
        return;
    }
    channel->connecting_fd = -1;
    drop_connecting(channel);
    greet(channel, fd);
}

/* Try the next address; lost when there is none. */
static void connect_next(struct channel *channel)
{
    while (channel->next_address < channel->addresses.count) {
        int i = channel->next_address++;
        const struct sockaddr *address = (const struct sockaddr *)&channel->addresses.addresses[i];
        int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0)
            continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
        if (connect(fd, address, channel->addresses.sizes[i]) != 0 && errno != EINPROGRESS) {
            close(fd);
            continue;
        }
        channel->connecting_fd = fd;
        channel->connect_event = event_new(loop_base(channel->loop), fd, EV_WRITE, connected, channel);
        if (channel->connect_event != NULL && event_add(channel->connect_event, NULL) == 0) {
            channel->state = CHANNEL_CONNECTING;
            timer_after(channel->timer, channel->options.connect_timeout_ms);
            return;
        }
        drop_connecting(channel);
    }
    lost(channel, K_CONNECTION_FAILED);
}

static void resolved(void *context, const struct resolved *result)
{
    struct channel *channel = context;
    channel->query = NULL;
    if (result->code != 0) {
        lost(channel, result->code);
        return;
    }
    channel->addresses = *result;
    channel->next_address = 0;
    connect_next(channel);
}

static void connect_start(struct channel *channel)
{
    channel->state = CHANNEL_RESOLVING;
    timer_after(channel->timer, channel->options.connect_timeout_ms);
    channel->query = resolve(channel->options.resolver, channel->loop, channel->host, channel->options.port, resolved, channel);
    if (channel->query == NULL)
        timer_after(channel->timer, 0);          /* out of memory: lost, but not from inside a call */
}

static void backed_off(void *context)
{
    struct channel *channel = context;
    timer_stop(channel->timer);
    if (wanted(channel))
        connect_start(channel);
}

/* --- the interface ------------------------------------------------------------------------------------------ */

int channel_new(struct loop *loop, const struct channel_options *options, struct channel **out)
{
    struct channel *channel = calloc(1, sizeof *channel);
    if (channel == NULL)
        return K_NOMEM;
    channel->loop = loop;
    channel->options = *options;
    channel->connecting_fd = -1;
    channel->next_correlation = 1;
    if (channel->options.connect_timeout_ms <= 0)
        channel->options.connect_timeout_ms = CONNECT_TIMEOUT_MS;
    if (channel->options.backoff_ms <= 0)
        channel->options.backoff_ms = BACKOFF_MS;
    if (channel->options.backoff_max_ms < channel->options.backoff_ms)
        channel->options.backoff_max_ms = channel->options.backoff_ms > BACKOFF_MAX_MS ? channel->options.backoff_ms : BACKOFF_MAX_MS;
    channel->backoff_ms = channel->options.backoff_ms;
    rand_seed_from_system(&channel->rand);
    list_init(&channel->queued);
    list_init(&channel->in_flight);
    map_init(&channel->by_correlation);
    heap_init(&channel->deadlines);
    chain_init(&channel->waiting);
    channel->host = strdup(options->host);
    if (channel->host == NULL || timer_new(loop, timed_out, channel, &channel->timer) != 0 ||
        timer_new(loop, deadline_passed, channel, &channel->deadline_timer) != 0) {
        channel_free(channel);
        return K_NOMEM;
    }
    *out = channel;
    return 0;
}

void channel_free(struct channel *channel)
{
    if (channel == NULL)
        return;
    channel->freeing = true;
    if (channel->query != NULL)
        resolve_cancel(channel->query);
    drop_connecting(channel);
    if (channel->conn != NULL)
        conn_close(channel->conn);
    answer_all(channel, &channel->in_flight, K_CLOSED);
    answer_all(channel, &channel->queued, K_CLOSED);
    timer_free(channel->timer);
    timer_free(channel->deadline_timer);
    chain_fini(&channel->waiting);
    map_fini(&channel->by_correlation);
    heap_fini(&channel->deadlines);
    free(channel->host);
    free(channel);
}

uint64_t channel_next_correlation(struct channel *channel)
{
    return channel->next_correlation++;
}

void channel_ask(struct channel *channel, struct channel_call *call, struct chain *request,
                 int64_t timeout_ms, bool expect_answer)
{
    int64_t deadline_ms = loop_now_ms(channel->loop) + timeout_ms;

    list_init(&call->node);
    heap_node_init(&call->deadline);
    call->sent = false;
    if (channel->freeing || (expect_answer && (map_put(&channel->by_correlation, &call->correlation, sizeof call->correlation, call, NULL) != 0 ||
                                               heap_push(&channel->deadlines, &call->deadline, deadline_ms) != 0))) {
        chain_fini(request);
        answer(channel, call, channel->freeing ? K_CLOSED : K_NOMEM, NULL, NULL, 0);
        return;
    }
    if (expect_answer && heap_top(&channel->deadlines) == &call->deadline)
        arm_deadline(channel);
    if (channel->state == CHANNEL_READY) {
        conn_send(channel->conn, request);
        call->sent = true;
        if (expect_answer)
            list_append(&channel->in_flight, &call->node);
        else
            call->answer(call, 0, NULL, NULL, 0);
        return;
    }
    chain_move(&channel->waiting, request);
    list_append(&channel->queued, &call->node);
    /* Idle with a timer running is a back-off: it connects when that is over. */
    if (channel->state == CHANNEL_IDLE && !timer_pending(channel->timer))
        connect_start(channel);
}

void channel_cancel(struct channel *channel, struct channel_call *call)
{
    forget(channel, call);
}

void channel_flush(struct channel *channel)
{
    if (channel->conn != NULL && channel->state == CHANNEL_READY)
        conn_flush(channel->conn);
}

bool channel_ready(const struct channel *channel)
{
    return channel->state == CHANNEL_READY;
}

size_t channel_in_flight(const struct channel *channel)
{
    return channel->by_correlation.count;
}

size_t channel_queued_bytes(const struct channel *channel)
{
    return channel->waiting.size + (channel->conn != NULL ? conn_queued(channel->conn) : 0);
}
