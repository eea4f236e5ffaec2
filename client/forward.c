#include "client/forward.h"

#include <stdlib.h>
#include <string.h>

#include "client/admin_internal.h"
#include "client/ask.h"
#include "client/config.h"
#include "client/handle.h"
#include "common/error.h"
#include "common/log.h"

enum { BACKOFF_MS = 100, BACKOFF_MAX_MS = 5000 };

/* --- life ------------------------------------------------------------------------------------- */

struct forward *forward_new(const char *name, const char *source)
{
    struct forward *forward = calloc(1, sizeof *forward);

    if (forward == NULL)
        return NULL;
    list_init(&forward->node);
    forward->controller = -1;
    forward->name = strdup(name);
    forward->source = strdup(source);
    if (forward->name == NULL || forward->source == NULL) {
        forward_free(forward);
        return NULL;
    }
    return forward;
}

void forward_free(struct forward *forward)
{
    if (forward->ask != NULL)
        task_unref(&forward->ask->task);
    list_remove(&forward->node);
    free(forward->name);
    free(forward->source);
    free(forward);
}

void forward_lost(struct forward *forward)
{
    if (forward->state == FORWARD_READY)
        forward->state = FORWARD_UNKNOWN;
}

/* --- steps ------------------------------------------------------------------------------------ */

static void stumble(struct forward *forward, int code)
{
    if (code != forward->code)
        LOG_WARN("topic-not-ready", "topic=%s source=%s error=%s", forward->name, forward->source,
                 k_error_name(code));
    forward->code = code;
    forward->state = FORWARD_UNKNOWN;
    forward->backoff_ms = forward->backoff_ms == 0                    ? BACKOFF_MS
                          : forward->backoff_ms < BACKOFF_MAX_MS / 2 ? 2 * forward->backoff_ms
                                                                      : BACKOFF_MAX_MS;
    forward->again_ms = mono_ms() + forward->backoff_ms;
}

static void arrive(struct forward *forward, int32_t partitions)
{
    forward->state = FORWARD_READY;
    forward->partitions = partitions;
    forward->backoff_ms = 0;
    forward->code = 0;
}

static void start(struct forward *forward, struct klient *klient, struct ask *ask,
                  enum forward_state state)
{
    ask->deadline_ms = deadline_after(klient->config->values.request_timeout_ms);
    task_start(&ask->task, klient);
    forward->ask = ask;
    forward->state = state;
}

/* Ask for both topics; of whom made the topic last, if somebody did: others hear of it later. */
static void look(struct forward *forward, struct klient *klient)
{
    struct ask *ask = ask_new(klient, KAIRN__REQUEST_HEAD__BODY_METADATA,
                              &kairn__metadata_request__descriptor);
    char **topics = ask == NULL ? NULL : arena_calloc(&ask->arena, 2, sizeof *topics);

    if (topics != NULL) {
        topics[0] = arena_strdup(&ask->arena, forward->name);
        topics[1] = arena_strdup(&ask->arena, forward->source);
    }
    if (topics == NULL || topics[0] == NULL || topics[1] == NULL) {
        if (ask != NULL)
            ask_free(ask);
        stumble(forward, K_NOMEM);
        return;
    }
    Kairn__MetadataRequest *body = ask->body;
    body->topics = topics;
    body->n_topics = 2;
    ask->broker = forward->code == K_TOPIC_ALREADY_EXISTS ? forward->controller : -1;
    start(forward, klient, ask, FORWARD_LOOKING);
}

static int judge_created(const Kairn__ResponseHead *head)
{
    return admin_judge(head->create_topics->results, head->create_topics->n_results);
}

static void make(struct forward *forward, struct klient *klient, int32_t partitions,
                 int32_t replicas)
{
    struct ask *ask = ask_new(klient, KAIRN__REQUEST_HEAD__BODY_CREATE_TOPICS,
                              &kairn__create_topics_request__descriptor);
    Kairn__NewTopic **rows = ask == NULL ? NULL : arena_calloc(&ask->arena, 1, sizeof *rows);

    if (rows != NULL && (rows[0] = arena_alloc(&ask->arena, sizeof *rows[0])) != NULL) {
        kairn__new_topic__init(rows[0]);
        rows[0]->name = arena_strdup(&ask->arena, forward->name);
        rows[0]->partitions = partitions;
        rows[0]->replication_factor = replicas;
    }
    if (rows == NULL || rows[0] == NULL || rows[0]->name == NULL) {
        if (ask != NULL)
            ask_free(ask);
        stumble(forward, K_NOMEM);
        return;
    }
    Kairn__CreateTopicsRequest *body = ask->body;
    body->topics = rows;
    body->n_topics = 1;
    ask->judge = judge_created;
    start(forward, klient, ask, FORWARD_MAKING);
}

static const Kairn__TopicInfo *find(const Kairn__MetadataResponse *picture, const char *name)
{
    for (size_t i = 0; i < picture->n_topics; i++)
        if (strcmp(picture->topics[i]->name, name) == 0)
            return picture->topics[i];
    return NULL;
}

static void looked(struct forward *forward, struct klient *klient,
                   const Kairn__MetadataResponse *picture)
{
    const Kairn__TopicInfo *topic = find(picture, forward->name),
                           *source = find(picture, forward->source);
    int code = topic == NULL ? K_MALFORMED : head_error_code(topic->error);
    enum { BY_BROKER = -1 };

    forward->controller = picture->controller;
    if (code == 0 && topic->n_partitions > 0)
        arrive(forward, (int32_t)topic->n_partitions);
    else if (code != K_UNKNOWN_TOPIC_OR_PARTITION)
        stumble(forward, code == 0 ? K_MALFORMED : code);
    else if (source != NULL && head_error_code(source->error) == 0 && source->n_partitions > 0)
        make(forward, klient, (int32_t)source->n_partitions,
             (int32_t)source->partitions[0]->n_replicas);
    else
        make(forward, klient, BY_BROKER, BY_BROKER);
}

static void made(struct forward *forward, const Kairn__CreateTopicsResponse *answer)
{
    int code = answer->n_results != 1 ? K_MALFORMED : head_error_code(answer->results[0]->error);

    if (code == 0 && answer->results[0]->partitions > 0) {
        LOG_INFO("topic-made", "topic=%s source=%s partitions=%u", forward->name, forward->source,
                 answer->results[0]->partitions);
        arrive(forward, (int32_t)answer->results[0]->partitions);
    } else {
        stumble(forward, code == 0 ? K_MALFORMED : code);
    }
}

static void answered(struct forward *forward, struct klient *klient)
{
    struct ask *ask = forward->ask;
    int code = ask->task.code;
    Kairn__ResponseHead *head =
        code != 0 ? NULL : kairn__response_head__unpack(NULL, ask->answer_size, ask->answer);

    forward->ask = NULL;
    if (head == NULL)
        stumble(forward, code != 0 ? code : K_NOMEM);
    else if (forward->state == FORWARD_LOOKING)
        looked(forward, klient, head->metadata);
    else
        made(forward, head->create_topics);
    if (head != NULL)
        kairn__response_head__free_unpacked(head, NULL);
    task_unref(&ask->task);
}

bool forward_is_ready(struct forward *forward, struct klient *klient)
{
    if (forward->ask != NULL && atomic_load(&forward->ask->task.done))
        answered(forward, klient);
    if (forward->state == FORWARD_UNKNOWN && mono_ms() >= forward->again_ms)
        look(forward, klient);
    return forward->state == FORWARD_READY;
}
