/* OffsetDelete: what a group has committed of some partitions is forgotten, unless a member is
 * subscribed to their topic. */
#include <string.h>

#include "common/error.h"
#include "proto/consumer_protocol.h"
#include "server/api/group.h"
#include "server/api/handlers.h"
#include "server/api/hint.h"
#include "server/api/request.h"

struct deleting {
    const Kairn__OffsetDeleteRequest *body;
    int *codes;                         /* in the order of the request */
    struct groups_offset *offsets;
    struct groups_event event;
    int code;                           /* of the group */
};

/* --- on the coordinator's loop ---------------------------------------------------------------- */

static void mark_topic(struct deleting *deleting, struct consumer_text topic)
{
    for (size_t i = 0; i < deleting->body->n_partitions; i++) {
        const char *name = deleting->body->partitions[i]->topic;
        if (strlen(name) == topic.size && memcmp(name, topic.data, topic.size) == 0)
            deleting->codes[i] = K_GROUP_SUBSCRIBED_TO_TOPIC;
    }
}

/* Of a member that does not say what it is subscribed to, as consumers do, nobody knows. */
static void visit(void *context, const struct groups_description *description)
{
    struct deleting *deleting = context;

    for (size_t i = 0; i < description->member_count; i++) {
        const struct groups_span *metadata = &description->members[i].metadata;
        struct consumer_subscription subscription;
        struct consumer_text topic;
        if (strcmp(description->protocol_type, "consumer") != 0 ||
            description->protocol == NULL || metadata->size == 0 ||
            consumer_subscription_read(metadata->data, metadata->size, &subscription) != 0) {
            deleting->code = K_NON_EMPTY_GROUP;
            return;
        }
        while (consumer_topic_next(&subscription.topics, &topic))
            mark_topic(deleting, topic);
    }
}

static int look(struct group_call *call, const struct groups *groups)
{
    struct group_calls *calls = call->context;
    struct deleting *deleting = calls->context;
    int code = groups_describe(groups, call->group, visit, deleting);

    if (code == 0)
        code = deleting->code;
    for (size_t i = 0; i < deleting->body->n_partitions; i++) {
        const Kairn__TopicPartition *partition = deleting->body->partitions[i];
        if (deleting->codes[i] == 0)
            deleting->offsets[deleting->event.forget.count++] = (struct groups_offset){
                .topic = partition->topic, .partition = (int32_t)partition->partition};
    }
    return code;
}

/* --- on the request's ------------------------------------------------------------------------- */

static void answered(struct group_calls *calls)
{
    struct request *request = calls->request;
    const struct deleting *deleting = calls->context;
    size_t count = deleting->body->n_partitions;
    Kairn__OffsetDeleteResponse *body = arena_alloc(&request->arena, sizeof *body);
    void **pointers;
    Kairn__OffsetDeleteResult *results =
        request_messages(request, count, sizeof *results, &pointers);

    if (calls->calls[0].outcome.code != 0) {
        group_fail(request, &calls->calls[0]);
        return;
    }
    if (body == NULL || results == NULL) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    kairn__offset_delete_response__init(body);
    for (size_t i = 0; i < count; i++) {
        kairn__offset_delete_result__init(&results[i]);
        if (deleting->codes[i] != 0)
            results[i].error = hint_code(request, deleting->codes[i], NULL);
    }
    body->n_results = count;
    body->results = (Kairn__OffsetDeleteResult **)pointers;
    request->response.body_case = KAIRN__RESPONSE_HEAD__BODY_OFFSET_DELETE;
    request->response.offset_delete = body;
    request_finish(request);
}

/* False when out of memory. */
static bool prepare(struct request *request, struct deleting *deleting)
{
    const Kairn__OffsetDeleteRequest *body = request->head->offset_delete;

    deleting->body = body;
    deleting->codes =
        arena_calloc(&request->arena, body->n_partitions + 1, sizeof *deleting->codes);
    deleting->offsets =
        arena_calloc(&request->arena, body->n_partitions + 1, sizeof *deleting->offsets);
    if (deleting->codes == NULL || deleting->offsets == NULL)
        return false;
    deleting->event.type = GROUPS_FORGET;
    deleting->event.forget.offsets = deleting->offsets;
    for (size_t i = 0; i < body->n_partitions; i++) {
        const Kairn__TopicPartition *partition = body->partitions[i];
        deleting->codes[i] = authorise_topic(request->principal, OPERATION_READ, partition->topic);
        if (deleting->codes[i] == 0 && partition->partition > INT32_MAX)
            deleting->codes[i] = K_UNKNOWN_TOPIC_OR_PARTITION;
    }
    return true;
}

void api_offset_delete(struct request *request)
{
    const char *group = request->head->offset_delete->group;
    int code = group_check(request, group, OPERATION_DELETE);
    struct group_calls *calls = group_calls_new(request, 1, answered);
    struct deleting *deleting = arena_calloc(&request->arena, 1, sizeof *deleting);

    if (code == 0 && (calls == NULL || deleting == NULL || !prepare(request, deleting)))
        code = K_NOMEM;
    if (code != 0) {
        request_fail(request, code, NULL);
        return;
    }
    struct group_call *call;
    calls->context = deleting;
    call = group_calls_add(calls, group);
    call->look = look;
    call->event = &deleting->event;
    group_calls_start_in_turn(calls);
}
