/* control_request.c - what is asked of the controller: served here, or relayed to its broker. */
#include "server/runtime/control_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/pattern.h"
#include "proto/head.h"
#include "server/runtime/changes_build.h"
#include "server/runtime/control_tickets.h"
#include "server/runtime/group_place.h"
#include "server/runtime/peer.h"

enum { WAIT_STEP_MS = 50 };

struct relay {
    struct channel_call call;
    struct control_request *request;
};

/* --- answering -------------------------------------------------------------------------------- */

static struct control_request *request_of(struct mail *mail)
{
    return (struct control_request *)((char *)mail - offsetof(struct control_request, mail));
}

static void deliver_answer(struct mail *mail)
{
    struct control_request *request = request_of(mail);
    request->answered(request);
}

void request_send(struct control_request *request)
{
    request->mail.deliver = deliver_answer;
    mail_post(request->answer_to, &request->mail);
}

void request_answer(struct control_request *request, int code, const char *message)
{
    request->code = code;
    request->controller = request->control->followed;
    strncpy(request->message, message != NULL ? message : k_error_text(code),
            sizeof request->message - 1);
    known_send(request);
}

static void wait_for_controller(struct control_request *request)
{
    struct control *control = request->control;
    if (control_now_ms(control) >= request->deadline_ms) {
        request_answer(request, K_REQUEST_TIMED_OUT, "no controller answered in time");
        return;
    }
    if (list_empty(&control->waiting))
        timer_after(control->waiting_timer, WAIT_STEP_MS);
    list_append(&control->waiting, &request->node);
}

/* --- tickets ---------------------------------------------------------------------------------- */

uint64_t ticket_new(struct control *control, const struct waiter *who)
{
    struct waiter *waiter = malloc(sizeof *waiter);
    uint64_t ticket = ++control->chair.next_ticket;
    if (waiter == NULL)
        return 0;
    *waiter = *who;
    if (map_put(&control->chair.tickets, &ticket, sizeof ticket, waiter, NULL) != 0) {
        free(waiter);
        return 0;
    }
    return ticket;
}

static bool ticket_take(struct control *control, uint64_t ticket, struct waiter *out)
{
    struct waiter *waiter = map_remove(&control->chair.tickets, &ticket, sizeof ticket);
    if (waiter == NULL)
        return false;
    *out = *waiter;
    free(waiter);
    return true;
}

/* --- serving: topics -------------------------------------------------------------------------- */

void *message_new(struct arena *arena, const ProtobufCMessageDescriptor *kind)
{
    void *message = arena_alloc(arena, kind->sizeof_message);

    if (message != NULL)
        protobuf_c_message_init(kind, message);
    return message;
}

void *messages_new(struct arena *arena, const ProtobufCMessageDescriptor *kind, size_t count)
{
    void **messages = arena_calloc(arena, count + 1, sizeof *messages);

    for (size_t i = 0; messages != NULL && i < count; i++) {
        messages[i] = message_new(arena, kind);
        if (messages[i] == NULL)
            return NULL;
    }
    return messages;
}

static Kairn__TopicResult *result_of(const struct waiter *waiter)
{
    const Kairn__ResponseHead *response = waiter->request->response;
    switch (response->body_case) {
    case KAIRN__RESPONSE_HEAD__BODY_CREATE_TOPICS:
        return response->create_topics->results[waiter->index];
    case KAIRN__RESPONSE_HEAD__BODY_DELETE_TOPICS:
        return response->delete_topics->results[waiter->index];
    case KAIRN__RESPONSE_HEAD__BODY_CREATE_PARTITIONS:
        return response->create_partitions->results[waiter->index];
    default:
        return NULL;                    /* its results are not of topics */
    }
}

static Kairn__Error **error_of(const struct waiter *waiter)
{
    Kairn__TopicResult *result = result_of(waiter);

    if (result != NULL)
        return &result->error;
    if (waiter->request->response->body_case == KAIRN__RESPONSE_HEAD__BODY_ALTER_CONFIGS)
        return &waiter->request->response->alter_configs->results[waiter->index]->error;
    Kairn__Error **error = reassign_error(waiter);
    if (error == NULL)
        error = report_error(waiter);
    return error != NULL ? error : leaders_error(waiter);
}

void item_answered(const struct waiter *waiter, int error, const char *message)
{
    struct control_request *request = waiter->request;

    if (error != 0)
        *error_of(waiter) = head_error(request->arena, error, message);
    if (--request->unanswered == 0)
        request_answer(request, 0, NULL);
}

void requests_answer_topic(struct control *control, const struct controller_effect *effect)
{
    struct waiter waiter;
    if (!ticket_take(control, effect->answer.ticket, &waiter))
        return;
    if (waiter.found != NULL) {
        delete_request_answered(waiter.found, effect->answer.error);
        return;
    }
    if (waiter.request->response->body_case == KAIRN__RESPONSE_HEAD__BODY_DRAIN) {
        leaders_drained(waiter.request, effect);
        return;
    }
    Kairn__TopicResult *result = result_of(&waiter);
    struct arena *arena = waiter.request->arena;
    void *id = arena_copy(arena, effect->answer.id.bytes, sizeof effect->answer.id.bytes);
    if (id != NULL && result != NULL)
        result->topic_id = (ProtobufCBinaryData){ sizeof effect->answer.id.bytes, id };
    if (result != NULL) {
        result->partitions = (uint32_t)effect->answer.partitions;
        result->replication_factor = (uint32_t)effect->answer.replication_factor;
    }
    leaders_answered(&waiter, effect);
    item_answered(&waiter, effect->answer.error,
                   effect->answer.message[0] != '\0' ? effect->answer.message : NULL);
}

int read_assignment(struct arena *arena, Kairn__ReplicaList *const *lists, size_t count,
                    struct replica_set **out)
{
    struct replica_set *sets = arena_calloc(arena, count + 1, sizeof *sets);

    if (sets == NULL)
        return K_NOMEM;
    for (size_t i = 0; i < count; i++) {
        if (lists[i]->n_brokers == 0 || lists[i]->n_brokers > REPLICAS_MAX)
            return K_INVALID_REPLICA_ASSIGNMENT;
        sets[i].count = (int32_t)lists[i]->n_brokers;
        memcpy(sets[i].ids, lists[i]->brokers, lists[i]->n_brokers * sizeof(int32_t));
    }
    *out = sets;
    return 0;
}

/* *out is the pattern, if the name is known not to be like it, or that takes too long to know.
 * Returns 0 or NOMEM. */
static int judge_name(const struct control *control, const char *name, const char **out)
{
    bool matches = true;
    int code = 0;

    if (control->pattern != NULL && !topic_is_internal(name))
        code = pattern_matches(control->pattern, name, &matches);
    *out = code != 0 || !matches ? control->pattern_text : NULL;
    return code == K_NOMEM ? code : 0;
}

static void create_topic(struct control *control, struct control_request *request, size_t index)
{
    const Kairn__CreateTopicsRequest *body = request->head->create_topics;
    const Kairn__NewTopic *topic = body->topics[index];
    const struct waiter waiter = { .request = request, .index = index };
    struct controller_event event = { .type = CONTROLLER_CREATE_TOPIC };
    struct replica_set *assignment;
    struct controller_config *configs =
        arena_calloc(request->arena, topic->n_configs + 1, sizeof *configs);
    int error =
        read_assignment(request->arena, topic->assignment, topic->n_assignment, &assignment);
    if (error == 0)
        error = judge_name(control, topic->name, &event.create.pattern);

    result_of(&waiter)->name = topic->name;
    if (error != 0 || configs == NULL) {
        item_answered(&waiter, error != 0 ? error : K_NOMEM,
                       error == K_INVALID_REPLICA_ASSIGNMENT
                           ? "each partition needs 1 to 16 replicas"
                           : NULL);
        return;
    }
    for (size_t i = 0; i < topic->n_configs; i++)
        configs[i] = (struct controller_config){ .name = topic->configs[i]->name,
                                                 .value = topic->configs[i]->value };
    event.create.ticket = ticket_new(control, &waiter);
    if (event.create.ticket == 0) {
        item_answered(&waiter, K_NOMEM, NULL);
        return;
    }
    event.create.name = topic->name;
    event.create.id = uuid_random();
    event.create.partitions = topic->partitions;
    event.create.replication_factor = topic->replication_factor;
    event.create.assignment = assignment;
    event.create.assignment_count = (int32_t)topic->n_assignment;
    event.create.configs = configs;
    event.create.config_count = (int32_t)topic->n_configs;
    event.create.validate_only = body->validate_only;
    event.create.seed = rand_u64(&control->rand);
    event.create.own = topic_is_internal(topic->name);
    drive_controller(control, &event);
}

static void delete_topic(struct control *control, struct control_request *request, size_t index)
{
    const Kairn__DeleteTopicsRequest *body = request->head->delete_topics;
    const struct waiter waiter = { .request = request, .index = index };
    struct controller_event event = { .type = CONTROLLER_DELETE_TOPIC };

    if (index < body->n_topics) {
        event.remove.name = body->topics[index];
        result_of(&waiter)->name = body->topics[index];
    } else {
        ProtobufCBinaryData id = body->topic_ids[index - body->n_topics];
        result_of(&waiter)->topic_id = id;
        if (head_uuid(id, &event.remove.id) != 0) {
            item_answered(&waiter, K_INVALID_REQUEST, "a topic id has 16 bytes");
            return;
        }
    }
    event.remove.ticket = ticket_new(control, &waiter);
    if (event.remove.ticket == 0)
        item_answered(&waiter, K_NOMEM, NULL);
    else
        drive_controller(control, &event);
}

void requests_delete_topic(struct control *control, struct delete_request *request,
                           const char *name)
{
    const struct waiter waiter = { .found = request };
    struct controller_event event = { .type = CONTROLLER_DELETE_TOPIC };

    event.remove.name = name;
    event.remove.ticket = ticket_new(control, &waiter);
    if (event.remove.ticket == 0)
        delete_request_answered(request, K_NOMEM);
    else
        drive_controller(control, &event);
}

void serve_items(struct control *control, struct control_request *request, size_t count,
                 void (*serve_item)(struct control *control, struct control_request *request,
                                    size_t index))
{
    /* One more than there are items, so that an answer given at once does not end the request. */
    request->unanswered = count + 1;
    for (size_t i = 0; i < count; i++) {
        if (!control->chair.loaded) /* since the item before: nothing was done for this one */
            item_answered(&(struct waiter){ .request = request, .index = i }, K_NOT_CONTROLLER,
                           NULL);
        else
            serve_item(control, request, i);
    }
    if (--request->unanswered == 0)
        request_answer(request, 0, NULL);
}

static void serve_topics(struct control *control, struct control_request *request, bool create)
{
    size_t count =
        create ? request->head->create_topics->n_topics
               : request->head->delete_topics->n_topics + request->head->delete_topics->n_topic_ids;
    struct arena *arena = request->arena;
    Kairn__TopicResult **results = messages_new(arena, &kairn__topic_result__descriptor, count);
    Kairn__CreateTopicsResponse *created =
        message_new(arena, &kairn__create_topics_response__descriptor);
    Kairn__DeleteTopicsResponse *deleted =
        message_new(arena, &kairn__delete_topics_response__descriptor);

    if (results == NULL || created == NULL || deleted == NULL) {
        request_answer(request, K_NOMEM, NULL);
        return;
    }
    if (create) {
        created->n_results = count;
        created->results = results;
        request->response->body_case = KAIRN__RESPONSE_HEAD__BODY_CREATE_TOPICS;
        request->response->create_topics = created;
    } else {
        deleted->n_results = count;
        deleted->results = results;
        request->response->body_case = KAIRN__RESPONSE_HEAD__BODY_DELETE_TOPICS;
        request->response->delete_topics = deleted;
    }
    serve_items(control, request, count, create ? create_topic : delete_topic);
}

static void serve_alterations(struct control *control, struct control_request *request)
{
    if (alter_prepare(request))
        serve_items(control, request, alter_count(request), alter_item);
    else
        request_answer(request, K_NOMEM, NULL);
}

/* --- serving: changes ------------------------------------------------------------------------- */

void requests_answer_changes(struct control *control, const struct controller_effect *effect)
{
    struct waiter waiter;
    if (!ticket_take(control, effect->changes.ticket, &waiter))
        return;
    struct control_request *request = waiter.request;
    int error = effect->changes.error;
    if (error == 0)
        error = changes_build(control, effect, request->arena, request->response);
    request_answer(request, error, NULL);
}

static void serve_changes(struct control *control, struct control_request *request)
{
    const Kairn__ChangesRequest *body = request->head->changes;
    struct controller_event event = { .type = CONTROLLER_CHANGES_ASKED };

    event.changes.broker = body->broker;
    event.changes.epoch = body->controller_epoch;
    event.changes.sequence = body->sequence;
    event.changes.partial = body->partial;
    event.changes.deadline_ms = control_now_ms(control) + body->max_wait_ms;
    if (head_uuid(body->incarnation, &event.changes.incarnation) != 0) {
        request_answer(request, K_INVALID_REQUEST, "an incarnation has 16 bytes");
        return;
    }
    event.changes.ticket = ticket_new(control, &(struct waiter){ .request = request });
    if (event.changes.ticket == 0)
        request_answer(request, K_NOMEM, NULL);
    else
        drive_controller(control, &event);
}

static void serve(struct control *control, struct control_request *request)
{
    switch (request->head->body_case) {
    case KAIRN__REQUEST_HEAD__BODY_CREATE_TOPICS:
        serve_topics(control, request, true);
        break;
    case KAIRN__REQUEST_HEAD__BODY_DELETE_TOPICS:
        serve_topics(control, request, false);
        break;
    case KAIRN__REQUEST_HEAD__BODY_CREATE_PARTITIONS:
    case KAIRN__REQUEST_HEAD__BODY_ALTER_CONFIGS:
        serve_alterations(control, request);
        break;
    case KAIRN__REQUEST_HEAD__BODY_UPDATE_ISR:
    case KAIRN__REQUEST_HEAD__BODY_ELECT_LEADERS:
    case KAIRN__REQUEST_HEAD__BODY_DRAIN:
        leaders_serve(control, request);
        break;
    case KAIRN__REQUEST_HEAD__BODY_ALTER_REASSIGNMENTS:
    case KAIRN__REQUEST_HEAD__BODY_LIST_REASSIGNMENTS:
        reassign_serve(control, request);
        break;
    case KAIRN__REQUEST_HEAD__BODY_REPORT_REPLICAS:
        report_serve(control, request);
        break;
    case KAIRN__REQUEST_HEAD__BODY_CHANGES:
        serve_changes(control, request);
        break;
    default:
        request_answer(request, K_UNSUPPORTED_VERSION, NULL);
        break;
    }
}

/* --- relaying --------------------------------------------------------------------------------- */

static void relay_answered(struct channel_call *call, int code, struct slab *slab, uint8_t *bytes,
                           size_t size)
{
    struct relay *relay = (struct relay *)((char *)call - offsetof(struct relay, call));
    struct control_request *request = relay->request;
    Kairn__ResponseHead *response = NULL;
    const char *message = NULL;

    (void)slab;
    free(relay);
    if (code == 0)
        code = peer_answer(bytes, size, request->arena, &response);
    if (code == 0)
        *request->response = *response;
    else if (response != NULL && response->error != NULL && response->error->message[0] != '\0')
        message = response->error->message;
    if (code == K_NOT_CONTROLLER || code == K_CONNECTION_FAILED || code == K_CLOSED)
        wait_for_controller(request);   /* nothing was done: somebody else will be the controller */
    else
        request_answer(request, code, message);
}

static void relay_to(struct peer *peer, struct control_request *request)
{
    struct relay *relay = calloc(1, sizeof *relay);
    Kairn__RequestHead head = *request->head;
    int64_t left_ms = request->deadline_ms - control_now_ms(request->control);

    if (relay == NULL) {
        request_answer(request, K_NOMEM, NULL);
        return;
    }
    relay->request = request;
    relay->call.answer = relay_answered;
    head.relayed = true;
    head.timeout_ms = (uint32_t)(left_ms > 1 ? left_ms : 1);
    int error = peer_ask(peer, &relay->call, &head, head.timeout_ms);
    if (error != 0) {
        free(relay);
        request_answer(request, error, NULL);
    }
}

/* --- routing ---------------------------------------------------------------------------------- */

void request_serve(struct control *control, struct control_request *request)
{
    request->control = control;
    if (control->chair.loaded)
        serve(control, request);
    else if (control->closed || control->stopping)
        request_answer(request, K_CLOSED, NULL);
    else if (control->chair.taken)
        wait_for_controller(request);
    else if (!request->relay)
        request_answer(request, K_NOT_CONTROLLER, NULL);
    else if (news_peer(control->news) != NULL)
        relay_to(news_peer(control->news), request);
    else
        wait_for_controller(request);
}

static void arrived(struct mail *mail)
{
    struct control_request *request = request_of(mail);
    request_serve(request->control, request);
}

static void post(struct control *control, struct control_request *request, bool relay)
{
    request->control = control;
    request->relay = relay;
    request->mail.deliver = arrived;
    loop_post(control->options.loop, &request->mail);
}

void control_ask(struct control *control, struct control_request *request)
{
    post(control, request, false);
}

void control_relay(struct control *control, struct control_request *request)
{
    post(control, request, true);
}

/* --- waiting for a controller ----------------------------------------------------------------- */

static void serve_waiting(struct control *control)
{
    struct list now;
    list_init(&now);
    list_move(&now, &control->waiting);
    for (struct list *node; (node = list_first(&now)) != NULL;) {
        list_remove(node);
        request_serve(control, LIST_OWNER(node, struct control_request, node));
    }
}

static void waiting_tick(void *context)
{
    serve_waiting(context);
}

void requests_controller_known(struct control *control)
{
    serve_waiting(control);
}

void requests_chair_ready(struct control *control)
{
    serve_waiting(control);
}

/* Whether something was made, deleted or altered is the next controller's to know. */
static void answer_orphan(const struct waiter *waiter)
{
    if (waiter->found != NULL)
        delete_request_answered(waiter->found, K_NOT_CONTROLLER);
    else if (waiter->request->head->body_case == KAIRN__REQUEST_HEAD__BODY_CHANGES ||
             waiter->request->head->body_case == KAIRN__REQUEST_HEAD__BODY_DRAIN)
        request_answer(waiter->request, K_NOT_CONTROLLER, NULL);
    else if (waiter->request->head->body_case == KAIRN__REQUEST_HEAD__BODY_UPDATE_ISR)
        item_answered(waiter, K_NOT_CONTROLLER, NULL); /* it asks the next one */
    else
        item_answered(
            waiter, K_NETWORK_EXCEPTION,
            "the controller changed before the request was finished; look whether it was done");
}

void requests_chair_lost(struct control *control)
{
    size_t position = 0;
    void *value;
    const void *key;
    size_t size;

    while (map_next(&control->chair.tickets, &position, &key, &size, &value)) {
        struct waiter waiter = *(struct waiter *)value;
        map_remove(&control->chair.tickets, key, size);
        free(value);
        answer_orphan(&waiter);
    }
}

int requests_init(struct control *control)
{
    return timer_new(control->options.loop, waiting_tick, control, &control->waiting_timer);
}

void requests_fini(struct control *control)
{
    timer_free(control->waiting_timer);
}
