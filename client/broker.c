#include "client/broker.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cluster.h"
#include "client/config.h"
#include "client/handle.h"
#include "common/chain.h"
#include "common/error.h"
#include "common/log.h"
#include "net/loop.h"
#include "proto/frame.h"
#include "proto/greeting.h"

enum { ARENA_MAX = 8 * FRAME_HEAD_MAX + (1 << 20) };

/* --- what the channel needs to know about our bytes ------------------------------------------- */

static int greet(void *context, struct chain *out)
{
    struct greeting_client greeting = { PROTOCOL_LOWEST, PROTOCOL_HIGHEST, GREETING_ANY_LOOP };
    uint8_t *at = chain_reserve(out, GREETING_CLIENT_SIZE);

    (void)context;
    if (at == NULL)
        return K_NOMEM;
    greeting_client_write(&greeting, at);
    return 0;
}

/* An advertised address that leads to another broker or cluster is worse than none: records would
 * end up in the wrong place. */
static ssize_t greeted(void *context, const uint8_t *bytes, size_t size)
{
    struct broker *broker = context;
    struct greeting_broker greeting;
    ssize_t used = greeting_broker_read(bytes, size, &greeting);

    if (used <= 0)
        return used;
    if (!cluster_accepts(broker->klient->cluster, greeting.cluster_id))
        return K_WRONG_CLUSTER;
    if (broker->id >= 0 && greeting.broker_id != broker->id)
        return K_WRONG_BROKER;
    return used;
}

static ssize_t cut(void *context, const uint8_t *bytes, size_t size)
{
    struct broker *broker = context;

    return frame_cut(bytes, size, (size_t)broker->klient->config->values.receive_frame_bytes_max);
}

static int correlation(void *context, const uint8_t *bytes, size_t size, uint64_t *out)
{
    struct frame frame;

    (void)context;
    int code = frame_split((uint8_t *)bytes, size, &frame);
    return code != 0 ? code : head_peek_correlation(frame.head, frame.head_size, out);
}

static const struct channel_protocol protocol = { greet, greeted, cut, correlation };

/* --- broker ----------------------------------------------------------------------------------- */

static void changed(void *context, int code)
{
    struct broker *broker = context;

    broker->failed_at_ms = code == 0 ? 0 : loop_now_ms(broker->klient->loop);
    if (code != 0)
        LOG_DEBUG("broker-unreachable", "broker=%d address=%s:%u error=%s", broker->id,
                  broker->host, broker->port, k_error_name(code));
}

/* Not at once: the news may have come by the very channel that is to go. */
static void leave_old_address(struct turn_hook *hook)
{
    struct broker *broker = LIST_OWNER(hook, struct broker, moved);
    struct channel *old = broker->channel;

    broker->channel = NULL;
    channel_free(old);
}

struct broker *broker_new(struct klient *klient, int32_t id, const char *host, uint16_t port)
{
    struct broker *broker = calloc(1, sizeof *broker);

    if (broker == NULL)
        return NULL;
    broker->klient = klient;
    broker->id = id;
    broker->port = port;
    list_init(&broker->node);
    turn_hook_init(&broker->moved, leave_old_address);
    snprintf(broker->host, sizeof broker->host, "%s", host);
    return broker;
}

void broker_free(struct broker *broker)
{
    list_remove(&broker->node);
    turn_hook_cancel(&broker->moved);
    channel_free(broker->channel);
    free(broker);
}

void broker_move(struct broker *broker, const char *host, uint16_t port)
{
    if (broker->port == port && strcmp(broker->host, host) == 0)
        return;
    snprintf(broker->host, sizeof broker->host, "%s", host);
    broker->port = port;
    broker->failed_at_ms = 0;
    loop_at_turn_end(broker->klient->loop, &broker->moved);
}

bool broker_ready(const struct broker *broker)
{
    return broker->channel != NULL && channel_ready(broker->channel);
}

static int broker_connect(struct broker *broker)
{
    const struct config_values *values = &broker->klient->config->values;

    if (broker->channel != NULL)
        return 0;
    return channel_new(broker->klient->loop,
                       &(struct channel_options){
                           .resolver = broker->klient->resolver,
                           .protocol = &protocol,
                           .protocol_context = broker,
                           .host = broker->host,
                           .port = broker->port,
                           .connect_timeout_ms = values->connection_setup_timeout_ms,
                           .backoff_ms = values->reconnect_backoff_ms,
                           .backoff_max_ms = values->reconnect_backoff_max_ms,
                           .idle_ms = values->connections_max_idle_ms,
                           .changed = changed,
                           .changed_context = broker,
                       },
                       &broker->channel);
}

size_t broker_queued_bytes(const struct broker *broker)
{
    return broker->channel == NULL ? 0 : channel_queued_bytes(broker->channel);
}

/* --- requests --------------------------------------------------------------------------------- */

static void request_answered(struct channel_call *call, int code, struct slab *slab,
                             uint8_t *bytes, size_t size)
{
    struct request *request = (struct request *)((char *)call - offsetof(struct request, call));
    Kairn__ResponseHead *head = NULL;
    struct frame frame = { 0 };

    request->asked = false;
    if (code == K_CLOSED)           /* the broker moved: for the asker that is a lost connection */
        code = call->sent ? K_NETWORK_EXCEPTION : K_CONNECTION_FAILED;
    /* A channel does not tell when it can not even connect; its calls do. */
    if (code != 0)
        request->broker->failed_at_ms = loop_now_ms(request->broker->klient->loop);
    if (code == 0 && bytes != NULL) {
        code = frame_split(bytes, size, &frame);
        if (code == 0)
            code = head_unpack_response(frame.head, frame.head_size, &request->arena, &head);
        if (code == 0)
            code = head_error_code(head->error);
        if (code == 0 && (int)head->body_case != (int)request->head.body_case)
            code = K_MALFORMED;
    }
    request->answer(request, code, head, slab, frame.payload, frame.payload_size);
}

void request_init(struct request *request,
                  void (*answer)(struct request *request, int code,
                                 const Kairn__ResponseHead *head, struct slab *slab,
                                 const uint8_t *payload, size_t size))
{
    arena_init(&request->arena, request->memory, sizeof request->memory, ARENA_MAX);
    kairn__request_head__init(&request->head);
    request->call = (struct channel_call){ .answer = request_answered };
    list_init(&request->call.node);
    heap_node_init(&request->call.deadline);
    request->answer = answer;
    request->broker = NULL;
    request->asked = false;
}

void request_fini(struct request *request)
{
    assert(!request->asked);
    arena_fini(&request->arena);
}

int broker_ask(struct broker *broker, struct request *request, struct chain *payload,
               int64_t timeout_ms, bool expect_answer)
{
    struct chain frame;
    int code = broker_connect(broker);

    if (code != 0)
        return code;
    request->broker = broker;
    request->head.correlation = request->call.correlation =
        channel_next_correlation(broker->channel);
    request->head.timeout_ms = timeout_ms > INT32_MAX ? INT32_MAX : (uint32_t)timeout_ms;
    request->head.client_id = broker->klient->config->values.client_id;
    chain_init(&frame);
    code = head_pack_request(&request->head, payload == NULL ? 0 : payload->size, &frame);
    if (code != 0) {
        chain_fini(&frame);
        return code;
    }
    if (payload != NULL)
        chain_move(&frame, payload);
    request->asked = true;
    channel_ask(broker->channel, &request->call, &frame, timeout_ms > 0 ? timeout_ms : 1,
                expect_answer);
    return 0;
}

void request_cancel(struct request *request)
{
    if (!request->asked)
        return;
    request->asked = false;
    channel_cancel(request->broker->channel, &request->call);
}
