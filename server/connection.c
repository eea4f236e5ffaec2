#include "server/connection.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/error.h"
#include "common/log.h"
#include "common/metric.h"
#include "common/slab.h"
#include "net/conn.h"
#include "net/loop.h"
#include "proto/greeting.h"
#include "proto/head.h"
#include "server/api/dispatch.h"
#include "server/api/request.h"
#include "server/codec/codec.h"
#include "server/codec/native/greet.h"
#include "server/gate.h"
#include "server/runtime/fetch_session.h"
#include "server/runtime/warm.h"

enum {
    INLINE_MEMORY = 4096,               /* of a request: enough for a common produce or fetch */
    ARENA_MAX = 64 << 20,               /* bytes of head and answer, however many partitions */
    SPARE_MAX = 64,                     /* requests kept per loop */
    FINISH_MS = 2000,                   /* for the last answers to arrive before a hang-up */
    GREETING_MS = 15 * 1000,            /* without a byte, before it is known who calls */
    FIRST_SLOW_MS = 1000,               /* for whom all others wait, instead of slow_ms */
    /* Bytes of a frame whose head is looked at before the rest has come: twice what clients send
     * unless they are told otherwise, so that theirs are looked at once. */
    HEAD_FIRST_MIN = 2 << 20
};

/* A request in work. */
struct work {
    struct request request;
    struct list node;                   /* in connection.works while that is open; in gate.spare */
    struct connection *connection;      /* reference */
    struct slab *slab;                  /* reference: holds the batches */
    struct chain answer;                /* while its files are read ahead */
    struct warming warming;
    size_t charged;                     /* to the budget */
    uint8_t memory[INLINE_MEMORY];
};

static const struct principal anonymous = { .name = "anonymous" };
static const struct conn_handler greeting_handler, request_handler;

/* --- life ------------------------------------------------------------------------------------- */

static void connection_unref(struct connection *connection)
{
    if (--connection->references == 0)
        free(connection);
}

static void give_back(struct gates *gates, size_t size)
{
    if (budget_give(&gates->budget, (int64_t)size))
        gates_resume(gates);
}

/* Others may go first; it does not. */
static void yield_first(struct connection *connection)
{
    struct gates *gates = connection->gate->gates;

    if (atomic_load(&gates->first) != connection)
        return;
    atomic_store(&gates->first, NULL);          /* which only who is it does */
    conn_set_slow(connection->conn, gates->slow_ms);
    gates_resume(gates);
}

static struct work *take_work(struct gate *gate)
{
    struct list *node = list_first(&gate->spare);
    if (node == NULL)
        return malloc(sizeof(struct work));
    list_remove(node);
    gate->spare_count--;
    return LIST_OWNER(node, struct work, node);
}

static void give_work(struct gate *gate, struct work *work)
{
    arena_fini(&work->request.arena);
    if (gate->spare_count >= SPARE_MAX) {
        free(work);
        return;
    }
    list_prepend(&gate->spare, &work->node);
    gate->spare_count++;
}

/* Off the gate; the conn is the caller's. */
static struct conn *take_conn(struct connection *connection)
{
    struct conn *conn = connection->conn;

    assert(conn != NULL);
    yield_first(connection);
    connection->conn = NULL;
    list_remove(&connection->node);
    list_remove(&connection->paused);
    atomic_fetch_sub(&connection->gate->load, 1);
    metric_add(connection->gate->gates->metrics, METRIC_CONNECTIONS, -1);
    give_back(connection->gate->gates, connection->charged);
    connection->charged = 0;
    if (connection->refused != NULL)
        give_work(connection->gate, connection->refused);
    connection->refused = NULL;
    return conn;
}

/* Nobody is left to wait for the requests in work. They may finish within. */
static void abandon_works(struct connection *connection)
{
    while (!list_empty(&connection->works)) {
        struct work *work = LIST_OWNER(list_first(&connection->works), struct work, node);
        list_remove(&work->node);
        request_abandon(&work->request);
    }
    fetch_sessions_end(&connection->sessions);
}

static void leave(struct gates *gates, const struct address_key *from)
{
    admission_leave(&gates->admission, from);
}

void connection_close(struct connection *connection)
{
    conn_close(take_conn(connection));
    leave(connection->gate->gates, &connection->from);
    abandon_works(connection);
    connection_unref(connection);
}

/* Close, but let what was answered so far arrive. */
static void hang_up(struct connection *connection)
{
    conn_close_after_sending(take_conn(connection), FINISH_MS);
    leave(connection->gate->gates, &connection->from);
    abandon_works(connection);
    connection_unref(connection);
}

/* False when the connection had to be closed. */
static bool send_greeting(struct connection *connection)
{
    const struct gate *gate = connection->gate;
    struct greeting_broker greeting = {
        .lowest = PROTOCOL_LOWEST,
        .highest = PROTOCOL_HIGHEST,
        .broker_id = gate->gates->broker_id,
        .loops = (uint16_t)gate->gates->count,
        .loop = (uint16_t)gate->index,
    };
    struct chain chain;
    chain_init(&chain);
    strncpy(greeting.cluster_id, gate->gates->cluster_id, sizeof greeting.cluster_id - 1);
    uint8_t *at = chain_reserve(&chain, GREETING_BROKER_SIZE);
    if (at == NULL) {
        connection_close(connection);
        return false;
    }
    greeting_broker_write(&greeting, at);
    conn_send(connection->conn, &chain);
    return true;
}

/* Who has not greeted is not waited for as long as for a known client. */
static int64_t idle_ms_before_greeting(const struct gates *gates)
{
    int64_t idle_ms = gates->idle_ms;

    return idle_ms > 0 && idle_ms < GREETING_MS ? idle_ms : GREETING_MS;
}

void connection_open(struct gate *gate, int fd, const char *listener,
                     const struct address_key *from, bool greeted, const struct slab *rest,
                     size_t rest_size)
{
    struct connection *connection = calloc(1, sizeof *connection);
    const struct conn_options options = {
        .handler = greeted ? &request_handler : &greeting_handler,
        .owner = connection,
        .idle_ms = greeted ? gate->gates->idle_ms : idle_ms_before_greeting(gate->gates),
        .slow_ms = gate->gates->slow_ms,
    };
    if (connection == NULL) {
        close(fd);
        leave(gate->gates, from);
        return;
    }
    if (conn_new(gate->loop, fd, &options, &connection->conn) != 0) {
        free(connection);
        leave(gate->gates, from);
        return;
    }
    connection->gate = gate;
    connection->listener = listener;
    connection->from = *from;
    connection->references = 1;
    list_init(&connection->paused);
    list_init(&connection->works);
    list_append(&gate->connections, &connection->node);
    atomic_fetch_add(&gate->load, 1);
    metric_add(gate->gates->metrics, METRIC_CONNECTIONS, 1);
    if (!greeted) {
        metric_add(gate->gates->metrics, METRIC_CONNECTIONS_TOTAL, 1);
        return;
    }
    if (send_greeting(connection) && rest != NULL)
        conn_feed(connection->conn, rest->bytes, rest_size);
}

/* --- greeting --------------------------------------------------------------------------------- */

/* A socket on its way to the loop that its client asked for. */
struct handover {
    struct mail mail;
    struct gate *gate;
    const char *listener;
    struct address_key from;
    int fd;
    struct slab *rest;
    size_t rest_size;
};

static void handover_arrived(struct mail *mail)
{
    struct handover *handover = LIST_OWNER(mail, struct handover, mail);

    if (handover->gate->closed) {
        close(handover->fd);
        leave(handover->gate->gates, &handover->from);
    } else {
        connection_open(handover->gate, handover->fd, handover->listener, &handover->from, true,
                        handover->rest, handover->rest_size);
    }
    slab_unref(handover->rest);
    free(handover);
}

static void hand_over(struct connection *connection, struct gate *gate)
{
    struct handover *handover = calloc(1, sizeof *handover);
    if (handover == NULL) {
        connection_close(connection);
        return;
    }
    struct conn *conn = take_conn(connection);
    *handover = (struct handover){ .gate = gate, .listener = connection->listener,
                                   .from = connection->from };
    handover->fd = conn_detach(conn, &handover->rest, &handover->rest_size);
    connection_unref(connection);
    if (handover->fd < 0) {
        leave(gate->gates, &handover->from);
        free(handover);
        return;
    }
    handover->mail.deliver = handover_arrived;
    loop_post(gate->loop, &handover->mail);
}

static ssize_t cut_greeting(struct conn *conn, const uint8_t *bytes, size_t size)
{
    struct greeting_client greeting;

    (void)conn;
    return greeting_client_read(bytes, size, &greeting);
}

static void greeted(struct conn *conn, struct slab *slab, uint8_t *bytes, size_t size)
{
    struct connection *connection = conn_owner(conn);
    struct gates *gates = connection->gate->gates;
    struct greeting_client greeting;
    int64_t loads[256];

    (void)slab;
    greeting_client_read(bytes, size, &greeting);       /* cut_greeting() has accepted it */
    for (int i = 0; i < gates->count; i++)
        loads[i] = atomic_load(&gates->items[i].load);
    int chosen = greet_choose_loop(&greeting, loads, gates->count);

    if (chosen != connection->gate->index) {
        hand_over(connection, &gates->items[chosen]);
        return;
    }
    conn_set_handler(conn, &request_handler, connection);
    conn_set_idle(conn, gates->idle_ms);
    send_greeting(connection);
}

static void over(struct conn *conn, int code)
{
    struct connection *connection = conn_owner(conn);

    if (code == K_CLOSED || code == K_NETWORK_EXCEPTION || code == K_REQUEST_TIMED_OUT)
        LOG_DEBUG("connection-over", "peer=%s reason=%s", conn_peer(conn), k_error_name(code));
    else
        LOG_INFO("connection-refused", "peer=%s error=%s reason=\"%s\"", conn_peer(conn),
                 k_error_name(code), k_error_text(code));
    connection_close(connection);
}

static const struct conn_handler greeting_handler = {
    .cut = cut_greeting, .frame = greeted, .over = over,
};

/* --- requests --------------------------------------------------------------------------------- */

bool connection_take_turn(struct connection *connection)
{
    struct gates *gates = connection->gate->gates;
    struct connection *first = NULL;

    if (!budget_exceeded(&gates->budget) || atomic_load(&gates->first) == connection)
        return true;
    if (!atomic_compare_exchange_strong(&gates->first, &first, connection))
        return false;
    conn_set_slow(connection->conn, FIRST_SLOW_MS);
    return true;
}

void connection_resume(struct connection *connection)
{
    list_remove(&connection->paused);
    conn_resume(connection->conn);
}

/* Too much in work: read on when others have finished. False: it waits. */
static bool go_on(struct connection *connection)
{
    struct gate *gate = connection->gate;

    if (connection_take_turn(connection))
        return true;
    list_append(&gate->paused, &connection->paused);
    conn_pause(connection->conn);
    if (!connection_take_turn(connection))
        return false;
    connection_resume(connection);              /* it was given back in between */
    return true;
}

static void charge(struct connection *connection, size_t size)
{
    connection->charged += size;
    budget_take(&connection->gate->gates->budget, (int64_t)size);
}

static void more_came(struct conn *conn, size_t size)
{
    struct connection *connection = conn_owner(conn);

    charge(connection, size);
    go_on(connection);
}

/* Tell the asker, if the frame says how, and hang up: what follows may be anything. */
static void refuse(struct connection *connection, int code, const char *text,
                   uint64_t correlation)
{
    const struct gates *gates = connection->gate->gates;
    Kairn__ResponseHead head = KAIRN__RESPONSE_HEAD__INIT;
    Kairn__Error error = KAIRN__ERROR__INIT;
    struct chain nothing, answer;

    LOG_INFO("request-refused", "peer=%s error=%s reason=\"%s\" action=\"hanging up\"",
             conn_peer(connection->conn), k_error_name(code), text);
    chain_init(&nothing);
    chain_init(&answer);
    head.correlation = correlation;
    head.error = &error;
    error.code = code;
    error.message = (char *)text;
    if (code == K_FRAME_TOO_LARGE)
        error.limit = (int64_t)gates->frame_max;
    if (correlation != 0 && gates->codec->encode(&head, &nothing, &answer) == 0)
        conn_send(connection->conn, &answer);
    hang_up(connection);
}

void connection_free_spares(struct gate *gate)
{
    while (!list_empty(&gate->spare)) {
        struct work *work = LIST_OWNER(list_first(&gate->spare), struct work, node);
        list_remove(&work->node);
        free(work);
    }
}

/* Encode; an answer whose head is too large is replaced by an error that says so. */
static int encode(const struct codec *codec, struct request *request, struct chain *out)
{
    Kairn__ResponseHead *head = &request->response;
    int code = codec->encode(head, &request->batches, out);
    if (code != K_FRAME_TOO_LARGE)
        return code;

    chain_fini(&request->batches);
    head->body_case = KAIRN__RESPONSE_HEAD__BODY__NOT_SET;
    head->error = head_error(&request->arena, K_INVALID_REQUEST,
                             "the answer would be too large: ask for fewer topics or partitions");
    return head->error == NULL ? K_NOMEM : codec->encode(head, &request->batches, out);
}

static void release(struct work *work)
{
    struct connection *connection = work->connection;
    struct gate *gate = connection->gate;

    chain_fini(&work->request.batches);
    slab_unref(work->slab);
    give_back(gate->gates, work->charged);
    give_work(gate, work);
    connection_unref(connection);
}

static void warmed(struct warming *warming)
{
    struct work *work = LIST_OWNER(warming, struct work, warming);

    if (work->connection->conn != NULL)
        conn_send(work->connection->conn, &work->answer);
    else
        chain_fini(&work->answer);
    release(work);
}

/* False when the answer waits for a disk. It is encoded already: what its head borrows may not
 * outlive the turn. */
static bool send_answer(struct connection *connection, struct work *work)
{
    struct gate *gate = connection->gate;
    struct request *request = &work->request;
    struct chain *answer = &work->answer;

    chain_init(answer);
    int code = request->silent ? 0 : encode(gate->gates->codec, request, answer);
    if (code != 0 || request->hang_up) {
        chain_fini(answer);
        hang_up(connection);
        return true;
    }
    if (warm_is_needed(answer)) {
        warm_start(&work->warming, answer, gate->gates->pool, gate->loop, warmed);
        return false;
    }
    if (!request->silent)
        conn_send(connection->conn, answer);
    return true;
}

static void finished(struct request *request)
{
    struct work *work = LIST_OWNER(request, struct work, request);
    struct connection *connection = work->connection;

    list_remove(&work->node);
    if (connection->conn == NULL || send_answer(connection, work))
        release(work);
}

static int decode(struct connection *connection, struct work *work, uint8_t *bytes, size_t size)
{
    struct gate *gate = connection->gate;
    struct request *request = &work->request;
    struct codec_request decoded;

    arena_init(&request->arena, work->memory, sizeof work->memory, ARENA_MAX);
    int code = gate->gates->codec->decode(bytes, size, &request->arena, &decoded);
    if (code != 0)
        return code;
    request->api = gate->gates->api;
    request->shard = gate->shard;
    request->principal = &anonymous;
    request->listener = connection->listener;
    request->sessions = &connection->sessions;
    request->peer = conn_peer(connection->conn);
    request->head = decoded.head;
    request->payload = decoded.payload;
    request->payload_size = decoded.payload_size;
    request->finished = finished;
    request_init(request);
    return 0;
}

static void refuse_frame(struct connection *connection, int code, const uint8_t *bytes,
                         size_t size)
{
    uint64_t correlation = 0;
    const char *text = k_error_text(code);

    if (code == K_FRAME_TOO_LARGE) {    /* its head: how large all of it is was looked at before */
        code = K_INVALID_REQUEST;
        text = "the request has too many parts: ask for fewer topics or partitions at once";
    }
    connection->gate->gates->codec->peek(bytes, size, &correlation);
    refuse(connection, code, text, correlation);
}

/* Is the head there, and reason enough to refuse a large frame? Then that is skipped, and answered
 * when it has gone by. */
static bool refuse_unread(struct connection *connection, const uint8_t *bytes, size_t size,
                          size_t announced)
{
    struct gate *gate = connection->gate;
    size_t head_end =
        announced < HEAD_FIRST_MIN ? 0 : gate->gates->codec->payload_start(bytes, size);
    struct work *work;

    if (head_end == 0 || head_end > size || size >= announced || (work = take_work(gate)) == NULL)
        return false;
    if (decode(connection, work, (uint8_t *)bytes, announced) != 0 ||
        !api_refuse_unread(&work->request)) {
        give_work(gate, work);
        return false;
    }
    connection->refused = work;
    conn_skip_frame(connection->conn);
    charge(connection, sizeof *work + work->request.arena.used);
    yield_first(connection);                    /* as it takes no more than that */
    return true;
}

static ssize_t cut_request(struct conn *conn, const uint8_t *bytes, size_t size)
{
    struct connection *connection = conn_owner(conn);
    const struct gates *gates = connection->gate->gates;
    ssize_t announced = gates->codec->cut(bytes, size, gates->frame_max);
    uint64_t correlation = 0;

    if (announced == K_FRAME_TOO_LARGE && !gates->codec->peek(bytes, size, &correlation))
        return 0;
    if (announced < 0)
        refuse(connection, (int)announced, k_error_text((int)announced), correlation);
    /* When there is no room for it now, the frame is cut again. */
    else if (announced > 0 && go_on(connection) &&
             !refuse_unread(connection, bytes, size, (size_t)announced))
        charge(connection, size < (size_t)announced ? size : (size_t)announced);
    return announced;
}

/* In work from now on, with what was charged for it. */
static void begin(struct connection *connection, struct work *work, struct slab *slab)
{
    work->connection = connection;
    connection->references++;
    list_append(&connection->works, &work->node);
    work->slab = slab;
    work->charged = connection->charged;
    connection->charged = 0;
}

static void skipped(struct connection *connection)
{
    struct work *work = connection->refused;

    connection->refused = NULL;
    begin(connection, work, NULL);
    request_finish(&work->request);
}

static void frame_arrived(struct conn *conn, struct slab *slab, uint8_t *bytes, size_t size)
{
    struct connection *connection = conn_owner(conn);
    struct gate *gate = connection->gate;

    if (bytes == NULL) {
        skipped(connection);
        return;
    }
    struct work *work = take_work(gate);
    int code = work == NULL ? K_NOMEM : decode(connection, work, bytes, size);

    yield_first(connection);
    if (code != 0) {
        if (work != NULL)
            give_work(gate, work);
        refuse_frame(connection, code, bytes, size);
        return;
    }
    /* What was made of the frame comes on top. */
    charge(connection, size - connection->charged + sizeof *work + work->request.arena.used);
    begin(connection, work, slab_ref(slab));
    api_dispatch(&work->request);
}

static const struct conn_handler request_handler = {
    .cut = cut_request, .more = more_came, .frame = frame_arrived, .over = over,
};
