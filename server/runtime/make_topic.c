#include "server/runtime/make_topic.h"

#include <stdlib.h>

#include "common/arena.h"
#include "common/error.h"
#include "proto/head.h"
#include "server/runtime/control.h"
#include "server/runtime/shard_state.h"

enum { ASK_MS = 10000 };

/* A request on its way; what it names is in its arena. */
struct making {
    struct shard *shard;
    void (*made)(struct shard *shard, void *context, int code, const char *text);
    void *context;
    struct control_request request;
    Kairn__RequestHead head;
    Kairn__ResponseHead response;
    Kairn__CreateTopicsRequest body;
    Kairn__NewTopic topic, *topics[1];
    struct arena arena;
};

static int code_of(const struct making *making, const char **text)
{
    const Kairn__CreateTopicsResponse *body = making->response.create_topics;

    *text = making->request.message;
    if (making->request.code != 0)
        return making->request.code;
    if (making->response.body_case != KAIRN__RESPONSE_HEAD__BODY_CREATE_TOPICS ||
        body->n_results != 1)
        return K_UNKNOWN_SERVER_ERROR;
    if (body->results[0]->error != NULL)
        *text = body->results[0]->error->message;
    return head_error_code(body->results[0]->error);
}

static void answered(struct control_request *request)
{
    struct making *making = LIST_OWNER(request, struct making, request);
    const char *text;
    int code = code_of(making, &text);

    making->made(making->shard, making->context, code,
                 text[0] != '\0' ? text : k_error_text(code));
    arena_fini(&making->arena);
    free(making);
}

static int copy_configs(struct making *making, const struct topic_wish *wish)
{
    Kairn__NewTopic *topic = &making->topic;

    topic->configs = arena_calloc(&making->arena, wish->config_count + 1, sizeof *topic->configs);
    if (topic->configs == NULL)
        return K_NOMEM;
    for (size_t i = 0; i < wish->config_count; i++) {
        Kairn__ConfigEntry *entry = arena_alloc(&making->arena, sizeof *entry);
        if (entry == NULL)
            return K_NOMEM;
        kairn__config_entry__init(entry);
        entry->name = arena_strdup(&making->arena, wish->configs[i].name);
        entry->value = arena_strdup(&making->arena, wish->configs[i].value);
        if (entry->name == NULL || entry->value == NULL)
            return K_NOMEM;
        topic->configs[topic->n_configs++] = entry;
    }
    return 0;
}

static int fill(struct making *making, const struct topic_wish *wish)
{
    Kairn__NewTopic *topic = &making->topic;

    kairn__request_head__init(&making->head);
    kairn__response_head__init(&making->response);
    kairn__create_topics_request__init(&making->body);
    kairn__new_topic__init(topic);
    topic->name = arena_strdup(&making->arena, wish->name);
    topic->partitions = wish->partitions;
    topic->replication_factor = wish->replication_factor;
    making->topics[0] = topic;
    making->body.n_topics = 1;
    making->body.topics = making->topics;
    making->head.timeout_ms = ASK_MS;
    making->head.body_case = KAIRN__REQUEST_HEAD__BODY_CREATE_TOPICS;
    making->head.create_topics = &making->body;
    return topic->name == NULL ? K_NOMEM : copy_configs(making, wish);
}

int make_topic(struct shard *shard, const struct topic_wish *wish,
               void (*made)(struct shard *shard, void *context, int code, const char *text),
               void *context)
{
    const struct replication *replication = &shard_options(shard)->replication;
    struct making *making = calloc(1, sizeof *making);

    if (making == NULL)
        return K_NOMEM;
    arena_init(&making->arena, NULL, 0, SIZE_MAX);
    if (fill(making, wish) != 0) {
        arena_fini(&making->arena);
        free(making);
        return K_NOMEM;
    }
    making->shard = shard;
    making->made = made;
    making->context = context;
    making->request = (struct control_request){
        .answer_to = shard_mail_target(shard),
        .answered = answered,
        .head = &making->head,
        .deadline_ms = shard_now_ms(shard) + ASK_MS,
        .controller = -1,
        .arena = &making->arena,
        .response = &making->response,
    };
    replication->relay(replication->relay_context, &making->request);
    return 0;
}
