/* The ensemble: writes, servers that lag, sessions. The clients' side is zk_client.c. */
#include "tests/sim/zk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "tests/sim/zk_private.h"

enum { TICK_US = 50 * 1000 };

/* --- the tree --------------------------------------------------------------------------------- */

static int op_check(const struct zk_node *node, const struct zk_op *op)
{
    bool version_counts = op->kind == ZK_SET || op->kind == ZK_DELETE || op->kind == ZK_CHECK;

    if (op->kind == ZK_CREATE || op->kind == ZK_CREATE_EPHEMERAL)
        return node->exists ? K_EXISTS : 0;
    if (!node->exists)
        return K_NOT_FOUND;
    if ((op->kind == ZK_CHECK_ID || op->kind == ZK_DELETE_ID) &&
        !uuid_equal(&node->value.id, &op->value.id))
        return K_NOT_FOUND;
    return version_counts && op->version != -1 && op->version != node->version ? K_BAD_VERSION
                                                                               : 0;
}

static void op_apply(struct zk_node *node, const struct zk_op *op, int64_t session, int64_t zxid)
{
    switch (op->kind) {
    case ZK_CREATE:
    case ZK_CREATE_EPHEMERAL:
        *node = (struct zk_node){.exists = true,
                                 .owner = op->kind == ZK_CREATE_EPHEMERAL ? session : 0,
                                 .value = op->value};
        break;
    case ZK_SET:
        node->value = op->value;
        node->version++;
        break;
    case ZK_DELETE:
    case ZK_DELETE_ID:
        *node = (struct zk_node){.exists = false};
        break;
    case ZK_CHECK:
    case ZK_CHECK_ID:
        return;
    }
    node->zxid = zxid;
}

/* A write on its way to a server. */
struct apply {
    int server;
    int64_t zxid;
    int count;
    struct { int node; struct zk_node after; } changes[];
};

static void apply_at_server(void *context, void *payload)
{
    struct zk *zk = context;
    struct apply *apply = payload;
    struct zk_server *server = &zk->servers[apply->server];

    server->zxid = apply->zxid;
    for (int i = 0; i < apply->count; i++)
        server->nodes[apply->changes[i].node] = apply->changes[i].after;
    for (int b = 0; b < SIM_BROKERS_MAX; b++) {
        struct zk_client *client = zk->clients[b];
        if (client == NULL || !client->connected || client->server != apply->server)
            continue;
        for (int i = 0; i < apply->count; i++) {
            int node = apply->changes[i].node;
            client_watch_fires(client, node);
            if (node >= ZN_INC && node < ZN_RECORD)
                client_watch_fires(client, ZN_INC_LIST);
        }
    }
    free(apply);
}

/* Every server carries out writes in their order, some time after they are committed. */
static void spread(struct zk *zk, const int *nodes, int count)
{
    for (int s = 0; s < ZK_SERVERS; s++) {
        struct zk_server *server = &zk->servers[s];
        struct apply *apply =
            sched_payload(sizeof *apply + (size_t)count * sizeof apply->changes[0]);
        int64_t at_us =
            zk->sched->now_us + (int64_t)rand_below(&zk->rand, (uint64_t)zk->lag_max_us + 1);

        at_us = at_us > server->applied_us ? at_us : server->applied_us + 1;
        at_us = at_us > server->frozen_until_us ? at_us : server->frozen_until_us;
        server->applied_us = at_us;
        apply->server = s;
        apply->zxid = zk->zxid;
        apply->count = count;
        for (int i = 0; i < count; i++) {
            apply->changes[i].node = nodes[i];
            apply->changes[i].after = zk->nodes[nodes[i]];
        }
        sched_at(zk->sched, at_us, apply_at_server, zk, apply);
    }
}

/* All or nothing. */
static int commit(struct zk *zk, const struct zk_op *ops, int count, int64_t session, int *failed)
{
    struct zk_node touched[ZK_OPS_MAX];
    int nodes[ZK_OPS_MAX], node_count = 0;

    /* In order, on a copy: a later op sees what an earlier one did. */
    for (int i = 0; i < count; i++) {
        int at = 0;
        while (at < node_count && nodes[at] != ops[i].node)
            at++;
        if (at == node_count) {
            nodes[node_count] = ops[i].node;
            touched[node_count++] = zk->nodes[ops[i].node];
        }
        int code = op_check(&touched[at], &ops[i]);
        if (code != 0) {
            *failed = i;
            zk->failed_multis++;
            return code;
        }
        op_apply(&touched[at], &ops[i], session, zk->zxid + 1);
    }
    zk->zxid++;
    int changed = 0;
    for (int i = 0; i < node_count; i++) {
        struct zk_node before = zk->nodes[nodes[i]];
        if (touched[i].zxid != zk->zxid)
            continue; /* only checked */
        zk->nodes[nodes[i]] = touched[i];
        if (zk->observe != NULL)
            zk->observe(zk->observer, nodes[i], &before, &touched[i]);
        nodes[changed++] = nodes[i];
    }
    spread(zk, nodes, changed);
    return 0;
}

void zk_write(struct zk *zk, const struct zk_op *op)
{
    int failed;
    commit(zk, op, 1, 0, &failed);
}

/* --- sessions --------------------------------------------------------------------------------- */

struct zk_session *zk_session_find(struct zk *zk, int64_t id)
{
    for (int i = 0; i < zk->session_count; i++)
        if (id != 0 && zk->sessions[i].id == id)
            return &zk->sessions[i];
    return NULL;
}

static void end_session(struct zk *zk, struct zk_session *session)
{
    struct zk_op ops[ZK_OPS_MAX];
    int count = 0, failed;

    for (int node = 0; node < ZN_COUNT; node++)
        if (zk->nodes[node].exists && zk->nodes[node].owner == session->id)
            ops[count++] = (struct zk_op){.kind = ZK_DELETE, .node = node, .version = -1};
    session->id = 0;
    zk->expirations++;
    if (count > 0)
        commit(zk, ops, count, 0, &failed);
}

void zk_expire(struct zk *zk, int64_t id)
{
    struct zk_session *session = zk_session_find(zk, id);
    if (session != NULL && !zk->away)
        end_session(zk, session);
}

static void look_for_silence(void *context, void *payload)
{
    struct zk *zk = context;
    (void)payload;

    for (int i = 0; i < zk->session_count && !zk->away; i++) {
        struct zk_session *session = &zk->sessions[i];
        if (session->id != 0 &&
            zk->sched->now_us - session->heard_us >= (int64_t)session->timeout_ms * 1000)
            end_session(zk, session);
    }
    sched_after(zk->sched, TICK_US, look_for_silence, zk, NULL);
}

int64_t zk_session_new(struct zk *zk, int32_t timeout_ms)
{
    int at = 0;
    while (at < zk->session_count && zk->sessions[at].id != 0)
        at++;
    assert(at < ZK_SESSIONS_MAX);
    zk->session_count += at == zk->session_count;
    zk->sessions[at] = (struct zk_session){++zk->next_session, zk->sched->now_us, timeout_ms};
    return zk->next_session;
}

void zk_away(struct zk *zk, bool away)
{
    zk->away = away;
    for (int i = 0; i < SIM_BROKERS_MAX && away; i++)
        if (zk->clients[i] != NULL)
            client_close_by_server(zk->clients[i]);
    /* Who leads the ensemble now has heard of nobody yet, and gives all of them time. */
    for (int i = 0; i < zk->session_count && !away; i++)
        zk->sessions[i].heard_us = zk->sched->now_us;
}

void zk_freeze(struct zk *zk, int server, int64_t until_us)
{
    zk->servers[server].frozen_until_us = until_us;
}

void zk_init(struct zk *zk, struct sched *sched, struct net *net, uint64_t seed,
             int64_t lag_max_us)
{
    memset(zk, 0, sizeof *zk);
    zk->sched = sched;
    zk->net = net;
    zk->lag_max_us = lag_max_us;
    rand_seed(&zk->rand, seed);
    zk->nodes[ZN_EPOCH] = (struct zk_node){.exists = true};
    for (int s = 0; s < ZK_SERVERS; s++)
        memcpy(zk->servers[s].nodes, zk->nodes, sizeof zk->nodes);
    look_for_silence(zk, NULL);
}

/* --- requests at a server --------------------------------------------------------------------- */

static void begin(struct zk *zk, struct request *request);

/* The request is done; the next of its connection may begin. */
static void answer(struct zk *zk, const struct request_head *request,
                   const struct zk_reply *reply)
{
    struct zk_client *client = request->client;
    if (client->generation != request->generation) {
        zk->lost_answers += request->kind == REQUEST_MULTI && reply->code == 0;
        return;
    }
    int64_t delay_us = net_stream_delay(zk->net, zk->net->store, client->node);
    if (delay_us < 0 || client->broken) {
        client_stream_broke(client);
    } else {
        struct response *response = sched_payload(sizeof *response);
        *response = (struct response){.generation = request->generation,
                                      .call = request->call,
                                      .reply = *reply,
                                      .zxid = zk->servers[client->server].zxid};
        sched_after(zk->sched, delay_us, client_response, client, response);
    }
    client->busy = false;
    if (client->queued > 0) {
        struct request *next = client->queue[0];
        client->queued--;
        memmove(client->queue, client->queue + 1, (size_t)client->queued * sizeof next);
        begin(zk, next);
    }
}

/* The write is carried out by now at the server that the client talks to. */
struct written {
    struct request_head request;
    struct zk_reply reply;
};

static void write_answered(void *context, void *payload)
{
    struct written *written = payload;
    answer(context, &written->request, &written->reply);
    free(written);
}

static void write_committed(void *context, void *payload)
{
    struct zk *zk = context;
    struct request *request = payload;
    struct request_head *head = &request->head;
    struct zk_reply reply = {.failed_op = -1};

    /* Lost with the quorum; or expired, which the client hears when it connects again. */
    if (zk->away || zk_session_find(zk, head->session) == NULL) {
        if (head->client->generation == head->generation)
            client_close_by_server(head->client);
        free(request);
        return;
    }
    if (head->kind == REQUEST_MULTI)
        reply.code = commit(zk, request->ops, head->op_count, head->session, &reply.failed_op);

    struct written *written = sched_payload(sizeof *written);
    written->request = *head;
    written->reply = reply;
    sched_at(zk->sched, zk->servers[head->server].applied_us + 1, write_answered, zk, written);
    free(request);
}

static void read_here(struct zk *zk, const struct request_head *head)
{
    struct zk_reply reply = {.failed_op = -1};

    if (head->watch)
        head->client->watched |= UINT64_C(1) << head->node;
    if (head->node < ZN_COUNT) {
        reply.node = zk->servers[head->server].nodes[head->node];
        reply.code = reply.node.exists ? 0 : K_NOT_FOUND;
    }
    answer(zk, head, &reply);
}

static void begin(struct zk *zk, struct request *request)
{
    struct request_head head = request->head;

    head.client->busy = true;
    if (head.kind == REQUEST_MULTI || head.kind == REQUEST_SYNC) {
        /* A quorum has to agree, and writes are committed in one order. */
        int64_t at_us = zk->sched->now_us + 200 + (int64_t)rand_below(&zk->rand, 3000);
        if (at_us <= zk->committed_us)
            at_us = zk->committed_us + 1;
        zk->committed_us = at_us;
        sched_at(zk->sched, at_us, write_committed, zk, request);
        return;
    }
    free(request);
    if (head.kind == REQUEST_READ)
        read_here(zk, &head);
    else
        answer(zk, &head, &(struct zk_reply){.failed_op = -1});
}

void zk_queue_drop(struct zk_client *client)
{
    for (int i = 0; i < client->queued; i++)
        free(client->queue[i]);
    client->queued = 0;
    client->busy = false;
}

void zk_request_arrived(void *context, void *payload)
{
    struct zk *zk = context;
    struct request *request = payload;
    struct zk_client *client = request->head.client;
    struct zk_session *session = zk_session_find(zk, request->head.session);

    if (zk->away || session == NULL) {
        if (client->generation == request->head.generation)
            client_close_by_server(client);
        free(request);
        return;
    }
    session->heard_us = zk->sched->now_us;
    if (client->generation != request->head.generation) {
        /* What came before the end is carried out, a write at least. */
        if (request->head.kind == REQUEST_MULTI)
            sched_after(zk->sched, 500, write_committed, zk, request);
        else
            free(request);
    } else if (client->busy) {
        assert(client->queued < 2 * ZK_CALLS_MAX);
        client->queue[client->queued++] = request;
    } else {
        begin(zk, request);
    }
}
