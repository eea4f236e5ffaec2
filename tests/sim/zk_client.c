/* A broker's side of the ensemble: connection, session, open questions, watches. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "tests/sim/zk_private.h"

/* Something that happens later, unless the connection (or the process) ends before. */
struct later {
    uint64_t generation;
    int server;
};

static void connect_later(struct zk_client *client, int64_t delay_us);

static void at_later(struct zk_client *client, int64_t delay_us, sched_handler handler, int server)
{
    struct later *later = sched_payload(sizeof *later);
    *later = (struct later){client->generation, server};
    sched_after(client->zk->sched, delay_us, handler, client, later);
}

/* Is it still the same connection? Takes the payload. */
static bool current(const struct zk_client *client, void *payload, int *server)
{
    struct later later = *(struct later *)payload;
    free(payload);
    if (server != NULL)
        *server = later.server;
    return client->running && client->generation == later.generation;
}

/* The process stands still: what happens to it waits. */
static bool waits(struct zk_client *client, sched_handler handler, void *payload)
{
    struct sched *sched = client->zk->sched;

    if (!client->running || client->paused_until_us <= sched->now_us)
        return false;
    sched_in_order(sched, client->paused_until_us, handler, client, payload);
    return true;
}

/* --- questions -------------------------------------------------------------------------------- */

static struct request *request_new(struct zk_client *client, enum request_kind kind, int count)
{
    struct request *request = sched_payload(sizeof *request + (size_t)count * sizeof(struct zk_op));

    request->head = (struct request_head){.kind = kind,
                                          .client = client,
                                          .generation = client->generation,
                                          .session = client->session,
                                          .server = client->server,
                                          .op_count = count};
    return request;
}

static void request_send(struct zk_client *client, struct request *request)
{
    int64_t delay_us = net_stream_delay(client->zk->net, client->node, client->zk->net->store);
    if (delay_us < 0 || client->broken) {
        free(request);
        client_stream_broke(client);
    } else {
        sched_after(client->zk->sched, delay_us, zk_request_arrived, client->zk, request);
    }
}

/* 0 or K_SESSION_LOST. */
static int call_new(struct zk_client *client, zk_done done, uint64_t round, int64_t extra,
                    uint64_t *id)
{
    if (!client->connected)
        return K_SESSION_LOST;
    for (int i = 0; i < ZK_CALLS_MAX; i++) {
        if (client->calls[i].id != 0)
            continue;
        *id = ++client->next_call;
        client->calls[i] = (struct zk_call){*id, done, round, extra, 0};
        return 0;
    }
    assert(!"more calls than a broker has reason for");
    return K_SESSION_LOST;
}

static int ask(struct zk_client *client, struct request *request, zk_done done, uint64_t round,
               int64_t extra)
{
    int code = call_new(client, done, round, extra, &request->head.call);
    if (code != 0)
        free(request);
    else
        request_send(client, request);
    return code;
}

int zk_multi(struct zk_client *client, const struct zk_op *ops, int count, zk_done done,
             uint64_t round, int64_t extra)
{
    struct request *request = request_new(client, REQUEST_MULTI, count);
    assert(count <= ZK_OPS_MAX);
    memcpy(request->ops, ops, (size_t)count * sizeof *ops);
    return ask(client, request, done, round, extra);
}

int zk_get(struct zk_client *client, int node, bool watch, zk_done done, uint64_t round,
           int64_t extra)
{
    struct request *request = request_new(client, REQUEST_READ, 0);
    request->head.node = node;
    request->head.watch = watch;
#ifdef MUTANT_REARM_GAP
    request->head.watch = false; /* arm_late() */
#endif
    int code = ask(client, request, done, round, extra);
    if (code != 0 || !watch)
        return code;
    for (int i = 0; i < ZK_CALLS_MAX; i++)
        if (client->calls[i].id == client->next_call)
            client->calls[i].arms = UINT64_C(1) << node;
    return 0;
}

int zk_sync(struct zk_client *client, zk_done done, uint64_t round, int64_t extra)
{
    return ask(client, request_new(client, REQUEST_SYNC, 0), done, round, extra);
}

#ifdef MUTANT_REARM_GAP
/* Once what stands there is known. */
static void arm_late(struct zk_client *client, uint64_t node)
{
    struct request *request = request_new(client, REQUEST_READ, 0);
    request->head.node = __builtin_ctzll(node);
    request->head.watch = true;
    request_send(client, request);
}
#endif

void client_response(void *context, void *payload)
{
    struct zk_client *client = context;
    if (waits(client, client_response, payload))
        return;
    struct response response = *(struct response *)payload;

    free(payload);
    if (!client->running || client->generation != response.generation)
        return;
    client->heard_us = client->zk->sched->now_us;
    if (response.zxid > client->seen_zxid)
        client->seen_zxid = response.zxid;
    for (int i = 0; i < ZK_CALLS_MAX; i++) {
        struct zk_call call = client->calls[i];
        if (call.id == 0 || call.id != response.call)
            continue;
        client->calls[i].id = 0;
        client->armed |= call.arms; /* not before: an older watch may still fire */
#ifdef MUTANT_REARM_GAP
        if (call.arms != 0)
            arm_late(client, call.arms);
#endif
        call.done(client->owner, &response.reply, call.round, call.extra);
        return;
    }
}

/* --- watches ---------------------------------------------------------------------------------- */

struct fired {
    uint64_t generation;
    int node;
};

static void watch_heard(void *context, void *payload)
{
    struct zk_client *client = context;
    if (waits(client, watch_heard, payload))
        return;
    struct fired fired = *(struct fired *)payload;

    free(payload);
    if (!client->running || client->generation != fired.generation)
        return;
    client->heard_us = client->zk->sched->now_us;
    client->armed &= ~(UINT64_C(1) << fired.node);
    client->events->changed(client->owner, fired.node);
}

void client_watch_fires(struct zk_client *client, int node)
{
    if ((client->watched >> node & 1) == 0)
        return;
    client->watched &= ~(UINT64_C(1) << node);
    int64_t delay_us = net_stream_delay(client->zk->net, client->zk->net->store, client->node);
    if (delay_us < 0 || client->broken) {
        client_stream_broke(client); /* the next one looks for changes */
        return;
    }
    struct fired *fired = sched_payload(sizeof *fired);
    *fired = (struct fired){client->generation, node};
    sched_after(client->zk->sched, delay_us, watch_heard, client, fired);
}

/* A new connection sets the watches of the former anew: what changed meanwhile fires at once. */
static void watches_again(struct zk_client *client)
{
    const struct zk_server *server = &client->zk->servers[client->server];

    client->watched = client->armed;
    for (int node = 0; node <= ZN_INC_LIST; node++) {
        bool changed = false;
        for (int n = 0; n < ZN_COUNT; n++)
            if (n == node || (node == ZN_INC_LIST && n >= ZN_INC && n < ZN_RECORD))
                changed |= server->nodes[n].zxid > client->seen_zxid;
        if (changed)
            client_watch_fires(client, node);
    }
}

/* --- the connection --------------------------------------------------------------------------- */

static void drop_calls(struct zk_client *client, bool tell)
{
    const struct zk_reply lost = {.code = K_SESSION_LOST, .failed_op = -1};

    for (int i = 0; i < ZK_CALLS_MAX; i++) {
        struct zk_call call = client->calls[i];
        client->calls[i].id = 0;
        if (call.id != 0 && tell && client->running)
            call.done(client->owner, &lost, call.round, call.extra);
    }
}

static void disconnect(struct zk_client *client)
{
    client->generation++;
    client->watched = 0;
    zk_queue_drop(client);
    if (!client->connected)
        return;
    client->connected = false;
    client->events->suspended(client->owner);
    drop_calls(client, true);
}

void zk_client_break(struct zk_client *client)
{
    if (!client->running || !client->connected)
        return;
    disconnect(client);
    if (client->running)
        connect_later(client, 1000 + (int64_t)rand_below(&client->zk->rand, 50 * 1000));
}

static void closed_by_server(void *context, void *payload)
{
    struct zk_client *client = context;

    if (!waits(client, closed_by_server, payload) && current(client, payload, NULL))
        zk_client_break(client);
}

void client_close_by_server(struct zk_client *client)
{
    if (client->running && client->connected)
        at_later(client, 500, closed_by_server, 0);
}

void client_stream_broke(struct zk_client *client)
{
    if (client->broken)
        return;
    client->broken = true;
    at_later(client, (int64_t)client->timeout_ms * 1000 / 3, closed_by_server, 0);
}

static void tend(void *context, void *payload)
{
    struct zk_client *client = context;
    int64_t third_us = (int64_t)client->timeout_ms * 1000 / 3;

    if (waits(client, tend, payload))
        return;
    if (!current(client, payload, NULL))
        return;
    if (client->zk->sched->now_us - client->heard_us >= 2 * third_us) {
        zk_client_break(client);
        return;
    }
    if (client->zk->sched->now_us - client->heard_us >= third_us / 2)
        request_send(client, request_new(client, REQUEST_PING, 0));
    at_later(client, third_us / 2, tend, 0);
}

static void session_ended(struct zk_client *client)
{
    client->session = 0;
    client->armed = 0;
    client->events->expired(client->owner);
    if (client->running)
        connect_later(client, 1000);
}

static void connected(void *context, void *payload)
{
    struct zk_client *client = context;
    struct zk *zk = client->zk;
    int server;

    if (waits(client, connected, payload))
        return;
    if (!current(client, payload, &server))
        return;
    if (zk->away || net_is_cut(zk->net, client->node, zk->net->store) ||
        net_is_cut(zk->net, zk->net->store, client->node) ||
        zk->servers[server].zxid < client->seen_zxid) {
        connect_later(client, 20 * 1000); /* the next server, or the same one later */
        return;
    }
    struct zk_session *session = zk_session_find(zk, client->session);
    if (session == NULL && client->session != 0) {
        session_ended(client);
        return;
    }
    client->server = server;
    client->connected = true;
    client->broken = false;
    client->heard_us = zk->sched->now_us;
    if (session == NULL)
        client->session = zk_session_new(zk, client->timeout_ms);
    else
        session->heard_us = zk->sched->now_us;
    watches_again(client);
    at_later(client, (int64_t)client->timeout_ms * 1000 / 6, tend, 0);
    client->events->up(client->owner, client->session, client->timeout_ms);
}

static void connect_later(struct zk_client *client, int64_t delay_us)
{
    client->generation++;
    at_later(client, delay_us, connected, (client->server + 1) % ZK_SERVERS);
    client->server = (client->server + 1) % ZK_SERVERS;
}

void zk_client_start(struct zk_client *client, struct zk *zk, int node, int32_t timeout_ms,
                     const struct zk_events *events, void *owner)
{
    uint64_t generation = client->generation + 1, call = client->next_call;

    memset(client, 0, sizeof *client);
    client->zk = zk;
    client->node = node;
    client->timeout_ms = timeout_ms;
    client->events = events;
    client->owner = owner;
    client->running = true;
    client->generation = generation;
    client->next_call = call;
    client->server = (int)rand_below(&zk->rand, ZK_SERVERS);
    zk->clients[node] = client;
    connect_later(client, 2000);
}

void zk_client_stop(struct zk_client *client)
{
    client->running = client->connected = false;
    client->generation++;
    client->watched = 0;
    zk_queue_drop(client);
    drop_calls(client, false);
}

void zk_client_close(struct zk_client *client)
{
    if (client->connected)
        zk_expire(client->zk, client->session);
    zk_client_stop(client);
}
