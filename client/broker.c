#include "client/broker.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/config.h"
#include "client/handle.h"
#include "client/reach.h"
#include "client/silence.h"
#include "common/chain.h"
#include "common/error.h"
#include "common/log.h"
#include "net/loop.h"
#include "proto/frame.h"
#include "proto/greeting.h"

enum { ARENA_MAX = 8 * FRAME_HEAD_MAX + (1 << 20) };

/* --- broker ----------------------------------------------------------------------------------- */

/* Not at once: the news may have come by the very channel that is to go. */
static void leave_old_address(struct turn_hook *hook)
{
    struct broker *broker = LIST_OWNER(hook, struct broker, moved);

    broker_disconnected(broker);
    link_close(&broker->first);
    LIST_EACH(&broker->links, node)
        link_close(LIST_OWNER(node, struct link, node));
}

static void refuse(struct turn_hook *hook);

struct broker *broker_new(struct klient *klient, int32_t id, const char *host, uint16_t port)
{
    struct broker *broker = calloc(1, sizeof *broker);

    if (broker == NULL)
        return NULL;
    broker->klient = klient;
    broker->id = id;
    broker->port = port;
    list_init(&broker->node);
    list_init(&broker->links);
    list_init(&broker->refused);
    turn_hook_init(&broker->refuse, refuse);
    link_init(&broker->first, broker, GREETING_ANY_LOOP);
    turn_hook_init(&broker->moved, leave_old_address);
    snprintf(broker->host, sizeof broker->host, "%s", host);
    reach_add(broker);
    return broker;
}

void broker_free(struct broker *broker)
{
    list_remove(&broker->node);
    turn_hook_cancel(&broker->moved);
    turn_hook_cancel(&broker->refuse);
    refuse(&broker->refuse);
    link_close(&broker->first);
    LIST_EACH_SAFE(&broker->links, node, after) {
        struct link *link = LIST_OWNER(node, struct link, node);
        link_close(link);
        list_remove(node);
        free(link);
    }
    reach_remove(broker);
    free(broker->rack);
    free(broker);
}

void broker_place(struct broker *broker, const char *rack)
{
    if (broker->rack != NULL && strcmp(broker->rack, rack) == 0)
        return;
    free(broker->rack);
    broker->rack = rack[0] == '\0' ? NULL : strdup(rack);
}

void broker_move(struct broker *broker, const char *host, uint16_t port)
{
    if (broker->port == port && strcmp(broker->host, host) == 0)
        return;
    snprintf(broker->host, sizeof broker->host, "%s", host);
    broker->port = port;
    broker->failed_at_ms = 0;
    broker_leave(broker);
}

void broker_leave(struct broker *broker)
{
    loop_at_turn_end(broker->klient->loop, &broker->moved);
}

static size_t link_in_flight(const struct link *link)
{
    return link->channel == NULL ? 0 : channel_in_flight(link->channel);
}

size_t broker_in_flight(const struct broker *broker)
{
    size_t count = link_in_flight(&broker->first);

    LIST_EACH(&broker->links, node)
        count += link_in_flight(LIST_OWNER(node, struct link, node));
    return count;
}

bool broker_is_awaited(const struct broker *broker)
{
    return broker_in_flight(broker) > 0;
}

bool broker_keeps_all(const struct broker *broker)
{
    return broker_in_flight(broker) <= broker->parked;
}

/* --- versions --------------------------------------------------------------------------------- */

static void versions_answered(struct request *request, int code, const Kairn__ResponseHead *head,
                              struct slab *slab, const uint8_t *payload, size_t size)
{
    struct broker *broker = LIST_OWNER(request, struct broker, question);

    (void)slab, (void)payload, (void)size;
    if (code == 0)
        code = versions_learn(&broker->versions, head->api_versions);
    if (code != 0)
        LOG_DEBUG("versions-unknown", "broker=%d error=%s", broker->id, k_error_name(code));
    request_fini(request);
}

void broker_connected(struct broker *broker)
{
    struct request *question = &broker->question;

    broker_disconnected(broker);
    if (question->asked)
        return;
    request_init(question, versions_answered);
    Kairn__ApiVersionsRequest *body = arena_alloc(&question->arena, sizeof *body);
    assert(body != NULL);       /* the first block is ours */
    kairn__api_versions_request__init(body);
    body->software = (char *)"libklient";
    body->software_version = (char *)KAIRN_VERSION;
    question->head.body_case = KAIRN__REQUEST_HEAD__BODY_API_VERSIONS;
    question->head.api_versions = body;
    if (broker_ask(broker, question, NULL, broker->klient->config->values.request_timeout_ms,
                   true) != 0)
        request_fini(question);     /* out of memory: the lowest versions do until next time */
}

void broker_disconnected(struct broker *broker)
{
    versions_forget(&broker->versions);
}

/* What the broker would say. */
static Kairn__ResponseHead *refusal(struct request *request)
{
    Kairn__ResponseHead *head = arena_alloc(&request->arena, sizeof *head);
    char text[192];

    if (head == NULL)
        return NULL;
    kairn__response_head__init(head);
    versions_explain(&request->broker->versions, request->head.body_case, text, sizeof text);
    head->error = head_error(&request->arena, K_UNSUPPORTED_VERSION, text);
    return head;
}

static void refuse(struct turn_hook *hook)
{
    struct broker *broker = LIST_OWNER(hook, struct broker, refuse);
    struct list now;

    list_init(&now);
    list_move(&now, &broker->refused);
    for (struct list *node; (node = list_first(&now)) != NULL;) {
        struct request *request = LIST_OWNER(node, struct request, call.node);
        list_remove(node);
        request->asked = false;
        request->answer(request, K_UNSUPPORTED_VERSION, refusal(request), NULL, NULL, 0);
    }
}

bool broker_ready(const struct broker *broker)
{
    return link_ready(&broker->first);
}

size_t broker_queued_bytes(const struct broker *broker)
{
    const struct channel *channel = broker->first.channel;

    return channel == NULL ? 0 : channel_queued_bytes(channel);
}

/* --- requests --------------------------------------------------------------------------------- */

/* Have we given up the connection, as opposed to the broker? */
static bool was_left(const struct request *request)
{
    const struct broker *broker = request->broker;
    bool left = request->channel != broker->first.channel;

    LIST_EACH(&broker->links, node)
        left &= request->channel != LIST_OWNER(node, struct link, node)->channel;
    return left;
}

/* Requests that brokers keep until there is something to tell say nothing about the way. */
static void measure(const struct request *request)
{
    struct broker *broker = request->broker;

    switch (request->head.body_case) {
    case KAIRN__REQUEST_HEAD__BODY_FETCH:
    case KAIRN__REQUEST_HEAD__BODY_JOIN_GROUP:
    case KAIRN__REQUEST_HEAD__BODY_SYNC_GROUP:
        return;
    default:
        if (!request->parked)
            latency_record(&broker->rtt, loop_now_us(broker->klient->loop) - request->asked_us);
    }
}

/* Is this what becomes of requests when the broker can not be reached? */
static bool is_unreachable(const struct request *request, int code)
{
    return code != 0 && code != K_REQUEST_TIMED_OUT && code != K_NOMEM && !was_left(request);
}

static void request_answered(struct channel_call *call, int code, struct slab *slab,
                             uint8_t *bytes, size_t size)
{
    struct request *request = (struct request *)((char *)call - offsetof(struct request, call));
    Kairn__ResponseHead *head = NULL;
    struct frame frame = { 0 };

    request->asked = false;
    request->broker->parked -= request->parked;
    if (code == 0) {
        request->broker->heard_at_ms = loop_now_ms(request->broker->klient->loop);
        request->broker->deposed = false;
        reach_answered(request->broker);
    }
    if (code == K_CLOSED)           /* the broker moved: for the asker that is a lost connection */
        code = call->sent ? K_NETWORK_EXCEPTION : K_CONNECTION_FAILED;
    if (is_unreachable(request, code))
        reach_failed(request->broker, code, true);
    /* A channel does not tell when it can not even connect; its calls do. */
    if (code != 0)
        request->broker->failed_at_ms = loop_now_ms(request->broker->klient->loop);
    if (code == 0 && bytes != NULL) {
        measure(request);
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
    request->asked = request->parked = false;
}

void request_fini(struct request *request)
{
    assert(!request->asked);
    arena_fini(&request->arena);
}

int broker_ask(struct broker *broker, struct request *request, struct chain *payload,
               int64_t timeout_ms, bool expect_answer)
{
    return broker_ask_by(&broker->first, request, payload, timeout_ms, expect_answer);
}

int broker_ask_by(struct link *link, struct request *request, struct chain *payload,
                  int64_t timeout_ms, bool expect_answer)
{
    struct broker *broker = link->broker;
    struct chain frame;
    int code = link_connect(link);

    if (code != 0)
        return code;
    request->broker = broker;
    if (versions_choose(&broker->versions, request->head.body_case, &request->head.version) != 0) {
        request->channel = NULL;
        request->asked = true;
        list_append(&broker->refused, &request->call.node);
        loop_at_turn_end(broker->klient->loop, &broker->refuse);
        return 0;
    }
    request->channel = link->channel;
    request->head.correlation = request->call.correlation =
        channel_next_correlation(link->channel);
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
    silence_expect(&broker->klient->silence, broker);
    request->asked = true;
    request->asked_us = loop_now_us(broker->klient->loop);
    broker->parked += request->parked;
    channel_ask(link->channel, &request->call, &frame, timeout_ms > 0 ? timeout_ms : 1,
                expect_answer);
    return 0;
}

void request_cancel(struct request *request)
{
    if (!request->asked)
        return;
    request->asked = false;
    if (request->channel == NULL) {
        list_remove(&request->call.node);
        return;
    }
    request->broker->parked -= request->parked;
    channel_cancel(request->channel, &request->call);
}
