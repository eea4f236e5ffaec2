#include "net/channel.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "net/channel_internal.h"

static struct channel_call *call_of(struct list *node)
{
    return LIST_OWNER(node, struct channel_call, node);
}

/* --- life of a call --------------------------------------------------------------------------- */

/* Take a call out of whatever list it is in. */
static void withdraw(struct channel *channel, struct channel_call *call)
{
    list_remove(&call->node);
    heap_remove(&channel->deadlines, &call->deadline);
    if (!call->sent)
        channel->bytes_waiting -= call->request.size;
    chain_fini(&call->request);
    channel->count--;
}

/* The channel may be gone afterwards, unless the caller holds it. */
static void answer(struct channel *channel, struct channel_call *call, int code)
{
    withdraw(channel, call);
    call->answer(call, code, NULL, NULL, 0);
}

/* Answer all `failing` calls. A callback that frees the channel finds the rest of them there, and
 * what callbacks ask anew goes elsewhere, so this ends. */
static void answer_failing(struct channel *channel, int code_sent, int code_not_sent)
{
    for (struct list *node; (node = list_first(&channel->failing)) != NULL;)
        answer(channel, call_of(node), call_of(node)->sent ? code_sent : code_not_sent);
}

static void transmit(struct channel *channel, struct channel_call *call)
{
    channel->bytes_waiting -= call->request.size;
    channel->bytes_asked += call->request.size;
    call->written_at = channel->bytes_asked;
    call->sent = true;
    list_remove(&call->node);
    list_append(call->expect_answer ? &channel->sent : &channel->unwritten, &call->node);
    conn_send(channel->conn, &call->request);
}

void channel_ask(struct channel *channel, struct channel_call *call, struct chain *request,
                 int64_t timeout_ms, bool expect_answer)
{
    assert(loop_is_mine(channel->loop) && !channel->freed);
    assert(call->correlation < channel->correlation_next);
    int64_t due_ms = loop_now_ms(channel->loop) + timeout_ms;

    call->expect_answer = expect_answer;
    call->sent = false;
    chain_init(&call->request);
    chain_move(&call->request, request);
    channel->bytes_waiting += call->request.size;
    channel->count++;
    list_init(&call->node);
    heap_node_init(&call->deadline);
    if (heap_push(&channel->deadlines, &call->deadline, due_ms) != 0) {
        list_append(&channel->refused, &call->node);
        loop_at_turn_end(channel->loop, &channel->tend);
        return;
    }
    if (heap_top(&channel->deadlines) == &call->deadline)
        timer_at(&channel->deadline, due_ms);

    list_append(&channel->waiting, &call->node);
    if (channel->state == CHANNEL_READY)
        transmit(channel, call);
    else if (channel->state == CHANNEL_IDLE)
        loop_at_turn_end(channel->loop, &channel->tend);
}

void channel_cancel(struct channel *channel, struct channel_call *call)
{
    bool never_asked = call->node.next == NULL;

    if (!never_asked && !list_empty(&call->node))
        withdraw(channel, call);
}

/* --- what the connection reports -------------------------------------------------------------- */

void channel_usable(struct channel *channel)
{
    channel_hold(channel);
    for (struct list *node; (node = list_first(&channel->waiting)) != NULL;)
        transmit(channel, call_of(node));
    if (channel->options.changed != NULL)
        channel->options.changed(channel->options.changed_context, 0);
    channel_release(channel);
}

void channel_unusable(struct channel *channel, int code)
{
    channel_hold(channel);
    list_move(&channel->failing, &channel->unwritten);
    list_move(&channel->failing, &channel->sent);
    list_move(&channel->failing, &channel->waiting);
    answer_failing(channel, K_NETWORK_EXCEPTION, code);
    if (!channel->freed && channel->options.changed != NULL)
        channel->options.changed(channel->options.changed_context, code);
    if (!channel->freed && !list_empty(&channel->waiting))
        loop_at_turn_end(channel->loop, &channel->tend);
    channel_release(channel);
}

static struct channel_call *find_sent(struct channel *channel, uint64_t correlation)
{
    /* Mostly the first: only parked questions are overtaken. */
    LIST_EACH(&channel->sent, node)
        if (call_of(node)->correlation == correlation)
            return call_of(node);
    return NULL;
}

void channel_answered(struct channel *channel, struct slab *slab, uint8_t *bytes, size_t size)
{
    uint64_t correlation = 0;

    int error = channel->options.protocol->correlation(channel->options.protocol_context, bytes,
                                                       size, &correlation);
    if (error == 0 && correlation >= channel->correlation_next)
        error = K_MALFORMED;        /* an answer to what was never asked */
    if (error != 0) {
        channel_lost(channel, error);
        return;
    }
    struct channel_call *call = find_sent(channel, correlation);
    if (call == NULL)
        return;                     /* too late: it timed out or was cancelled */
    withdraw(channel, call);
    call->answer(call, 0, slab, bytes, size);
}

void channel_report_written(struct channel *channel)
{
    uint64_t written = channel->bytes_asked - conn_queued(channel->conn);

    channel_hold(channel);
    for (struct list *node; !channel->freed && (node = list_first(&channel->unwritten)) != NULL;) {
        if (call_of(node)->written_at > written)
            break;
        answer(channel, call_of(node), 0);
    }
    channel_release(channel);
}

/* --- timers and hooks ------------------------------------------------------------------------- */

static struct channel_call *call_of_deadline(struct heap_node *node)
{
    return (struct channel_call *)((char *)node - offsetof(struct channel_call, deadline));
}

static void on_deadline(void *context)
{
    struct channel *channel = context;
    int64_t now_ms = loop_now_ms(channel->loop);
    struct heap_node *top;

    channel_hold(channel);
    while (!channel->freed && (top = heap_top(&channel->deadlines)) != NULL) {
        if (top->key > now_ms) {
            timer_at(&channel->deadline, top->key);
            break;
        }
        answer(channel, call_of_deadline(top), K_REQUEST_TIMED_OUT);
    }
    channel_release(channel);
}

static void on_tend(struct turn_hook *hook)
{
    struct channel *channel = LIST_OWNER(hook, struct channel, tend);

    channel_hold(channel);
    list_move(&channel->failing, &channel->refused);
    answer_failing(channel, K_NOMEM, K_NOMEM);
    if (!channel->freed && channel->state == CHANNEL_IDLE)
        channel_connect(channel);
    channel_release(channel);
}

/* --- channel ---------------------------------------------------------------------------------- */

int channel_new(struct loop *loop, const struct channel_options *options, struct channel **out)
{
    int error = K_NOMEM;
    struct channel *channel = calloc(1, sizeof *channel);
    if (channel == NULL)
        return error;
    channel->loop = loop;
    channel->options = *options;
    channel->options.host = strdup(options->host);
    if (channel->options.host == NULL)
        goto free_channel;
    channel->correlation_next = 1;
    list_init(&channel->waiting);
    list_init(&channel->sent);
    list_init(&channel->unwritten);
    list_init(&channel->refused);
    list_init(&channel->failing);
    heap_init(&channel->deadlines);
    turn_hook_init(&channel->tend, on_tend);
    error = timer_init(&channel->deadline, loop, on_deadline, channel);
    if (error != 0)
        goto free_host;
    error = channel_connect_init(channel);
    if (error != 0)
        goto fini_deadline;
    loop_at_turn_end(loop, &channel->tend);     /* connects */
    *out = channel;
    return 0;

fini_deadline:
    timer_fini(&channel->deadline);
free_host:
    free((char *)channel->options.host);
free_channel:
    free(channel);
    return error;
}

void channel_hold(struct channel *channel)
{
    channel->busy++;
}

void channel_release(struct channel *channel)
{
    if (--channel->busy > 0 || !channel->freed)
        return;
    timer_fini(&channel->deadline);
    heap_fini(&channel->deadlines);
    free((char *)channel->options.host);
    free(channel);
}

void channel_free(struct channel *channel)
{
    if (channel == NULL)
        return;
    assert(loop_is_mine(channel->loop) && !channel->freed);
    channel_hold(channel);
    channel->freed = true;
    channel_connect_fini(channel);
    turn_hook_cancel(&channel->tend);
    timer_stop(&channel->deadline);
    list_move(&channel->failing, &channel->refused);
    list_move(&channel->failing, &channel->unwritten);
    list_move(&channel->failing, &channel->sent);
    list_move(&channel->failing, &channel->waiting);
    answer_failing(channel, K_CLOSED, K_CLOSED);
    channel_release(channel);
}

uint64_t channel_next_correlation(struct channel *channel)
{
    return channel->correlation_next++;
}

void channel_flush(struct channel *channel)
{
    if (channel->state == CHANNEL_READY)
        conn_flush(channel->conn);
}

bool channel_ready(const struct channel *channel)
{
    return channel->state == CHANNEL_READY;
}

size_t channel_in_flight(const struct channel *channel)
{
    return channel->count;
}

size_t channel_queued_bytes(const struct channel *channel)
{
    return channel->bytes_waiting + (channel->conn != NULL ? conn_queued(channel->conn) : 0);
}
