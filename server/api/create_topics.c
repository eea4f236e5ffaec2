/* CreateTopics: check what needs no controller, hand the rest to it, answer in the asker's
 * order. */
#include <string.h>

#include "common/error.h"
#include "server/api/controller.h"
#include "server/api/handlers.h"
#include "server/api/hint.h"
#include "server/runtime/config_values.h"
#include "server/runtime/group_place.h"

struct creation {
    struct controller_call call;
    Kairn__CreateTopicsRequest forwarded;
    size_t count;
    Kairn__TopicResult *results;            /* in the order of the request */
    void **pointers;
    size_t *places;                         /* of each forwarded topic among the results */
};

/* --- the answer ------------------------------------------------------------------------------- */

static void answer(struct creation *creation)
{
    struct request *request = creation->call.request;
    Kairn__CreateTopicsResponse *body = arena_alloc(&request->arena, sizeof *body);
    if (body == NULL) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    kairn__create_topics_response__init(body);
    body->n_results = creation->count;
    body->results = (Kairn__TopicResult **)creation->pointers;
    request->response.body_case = KAIRN__RESPONSE_HEAD__BODY_CREATE_TOPICS;
    request->response.create_topics = body;
    request_finish(request);
}

static void controller_answered(struct controller_call *call)
{
    struct creation *creation = LIST_OWNER(call, struct creation, call);
    const Kairn__CreateTopicsResponse *body = NULL;
    int code = controller_call_code(call);

    if (code == 0) {
        body = call->response.create_topics;
        if (call->response.body_case != KAIRN__RESPONSE_HEAD__BODY_CREATE_TOPICS ||
            body->n_results != creation->forwarded.n_topics)
            code = K_UNKNOWN_SERVER_ERROR;
    }
    for (size_t i = 0; i < creation->forwarded.n_topics; i++) {
        size_t place = creation->places[i];
        if (code == 0)
            creation->pointers[place] = body->results[i];
        else
            creation->results[place].error =
                hint_code(call->request, code, controller_call_text(call));
    }
    answer(creation);
}

/* --- what can be refused here ----------------------------------------------------------------- */

/* Values are as they are to be stored afterwards. */
static int take_configs(struct request *request, const Kairn__NewTopic *topic,
                        struct k_reason *reason)
{
    for (size_t i = 0; i < topic->n_configs; i++) {
        const char *stored = NULL;
        int code = config_value_take(&request->arena, NULL, ENTITY_TOPIC, topic->configs[i]->name,
                                     topic->configs[i]->value, &stored, reason);
        if (code != 0)
            return code == K_NOMEM ? code : K_INVALID_CONFIG;
        topic->configs[i]->value = (char *)stored;
        for (size_t j = 0; j < i; j++) {
            if (strcmp(topic->configs[j]->name, topic->configs[i]->name) != 0)
                continue;
            return k_reason_set(reason, K_INVALID_CONFIG, "%s is given twice: keep one",
                                topic->configs[i]->name);
        }
    }
    return 0;
}

static int check_topic(struct request *request, const Kairn__NewTopic *topic,
                       struct k_reason *reason)
{
    int code = authorise_topic(request->principal, OPERATION_CREATE, topic->name);
    if (code != 0)
        return k_reason_set(reason, code, "%s", k_error_text(code));
    return take_configs(request, topic, reason);
}

static void fill_defaults(const struct request *request, Kairn__NewTopic *topic)
{
    if (topic->n_assignment != 0)
        return;
    bool offsets = strcmp(topic->name, OFFSETS_TOPIC) == 0;
    const struct api *api = request->api;
    if (topic->partitions == -1)
        topic->partitions = offsets ? api->offsets_partitions : api->partitions_default;
    if (topic->replication_factor == -1)
        topic->replication_factor =
            offsets ? api->offsets_replication_factor : api->replication_factor_default;
}

/* Memory for all; false: none. */
static bool prepare(struct creation *creation, struct request *request)
{
    const Kairn__CreateTopicsRequest *body = request->head->create_topics;

    creation->count = body->n_topics;
    creation->results = request_messages(request, creation->count, sizeof *creation->results,
                                         &creation->pointers);
    creation->places = arena_calloc(&request->arena, creation->count + 1, sizeof *creation->places);
    creation->forwarded = *body;
    creation->forwarded.n_topics = 0;
    creation->forwarded.topics =
        arena_calloc(&request->arena, creation->count + 1, sizeof *creation->forwarded.topics);
    return creation->results != NULL && creation->places != NULL &&
           creation->forwarded.topics != NULL;
}

void api_create_topics(struct request *request)
{
    const Kairn__CreateTopicsRequest *body = request->head->create_topics;
    struct creation *creation = arena_calloc(&request->arena, 1, sizeof *creation);
    if (creation == NULL || !prepare(creation, request)) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    controller_call_init(&creation->call, request, controller_answered);
    creation->call.head.create_topics = &creation->forwarded;

    for (size_t i = 0; i < creation->count; i++) {
        Kairn__NewTopic *topic = body->topics[i];
        Kairn__TopicResult *result = &creation->results[i];
        struct k_reason reason = { "" };

        kairn__topic_result__init(result);
        result->name = topic->name;
        fill_defaults(request, topic);
        int code = check_topic(request, topic, &reason);
        if (code != 0) {
            result->error = hint_code(request, code, reason.text);
            continue;
        }
        creation->places[creation->forwarded.n_topics] = i;
        creation->forwarded.topics[creation->forwarded.n_topics++] = topic;
    }
    if (creation->forwarded.n_topics == 0)
        answer(creation);
    else
        controller_call_start(&creation->call);
}
