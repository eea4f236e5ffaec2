#include "server/runtime/offsets_topic.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/arena.h"
#include "common/error.h"
#include "common/log.h"
#include "proto/head.h"
#include "server/runtime/control.h"
#include "server/runtime/group_place.h"
#include "server/runtime/shard_state.h"

enum { ASK_MS = 10000, CONFIGS = 4 };

/* A group is one record, and Kafka's usual 1 MB is too little for a thousand members: as much as
 * their leader can be told of. */
#define LARGEST_GROUP "16777216"

/* A request on its way. */
struct making {
    struct shard *shard;
    struct control_request request;
    Kairn__RequestHead head;
    Kairn__ResponseHead response;
    Kairn__CreateTopicsRequest body;
    Kairn__NewTopic topic, *topics[1];
    Kairn__ConfigEntry entries[CONFIGS], *configs[CONFIGS];
    char segment_bytes[16];
    struct arena arena;
};

static bool exists(const struct shard *shard)
{
    return metadata_topic_by_name(shard_picture(shard), OFFSETS_TOPIC) != NULL;
}

/* Others may come within, and wait for the next answer. */
static void tell_all(struct shard *shard, int code)
{
    struct list told;

    list_init(&told);
    list_move(&told, &shard->offsets_topic.waiting);
    while (!list_empty(&told)) {
        struct offsets_topic_wait *wait =
            LIST_OWNER(list_first(&told), struct offsets_topic_wait, node);
        list_remove(&wait->node);
        wait->ready(wait, code);
    }
}

/* --- asking the controller -------------------------------------------------------------------- */

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

/* Said once, however often it is tried. */
static void say_failure(struct offsets_topic *topic, int code, const char *text)
{
    if (code != topic->code)
        LOG_WARN("offsets-topic-not-made", "topic=" OFFSETS_TOPIC " error=%s reason=\"%s\"",
                 k_error_name(code), text[0] != '\0' ? text : k_error_text(code));
    topic->code = code;
}

static void answered(struct control_request *request)
{
    struct making *making = LIST_OWNER(request, struct making, request);
    struct shard *shard = making->shard;
    struct offsets_topic *topic = &shard->offsets_topic;
    const char *text;
    int code = code_of(making, &text);
    bool made = code == 0 || code == K_TOPIC_ALREADY_EXISTS;

    topic->asked = false;
    if (made)
        topic->code = 0;
    else
        say_failure(topic, code, text);
    arena_fini(&making->arena);
    free(making);
    if (exists(shard))
        tell_all(shard, 0);
    else if (!made || shard->closed)
        tell_all(shard, K_COORDINATOR_NOT_AVAILABLE);
    /* else the picture is on its way */
}

static void set_config(struct making *making, size_t index, const char *name, const char *value)
{
    Kairn__ConfigEntry *entry = &making->entries[index];

    kairn__config_entry__init(entry);
    entry->name = (char *)name;
    entry->value = (char *)value;
    making->configs[index] = entry;
}

static void fill(struct making *making, const struct offsets_topic_options *options)
{
    Kairn__NewTopic *topic = &making->topic;

    kairn__request_head__init(&making->head);
    kairn__response_head__init(&making->response);
    kairn__create_topics_request__init(&making->body);
    kairn__new_topic__init(topic);
    topic->name = (char *)OFFSETS_TOPIC;
    topic->partitions = options->partitions;
    topic->replication_factor = options->replication_factor;
    snprintf(making->segment_bytes, sizeof making->segment_bytes, "%" PRId32,
             options->segment_bytes);
    set_config(making, 0, "cleanup.policy", "compact");
    set_config(making, 1, "compression.type", "producer");
    set_config(making, 2, "segment.bytes", making->segment_bytes);
    set_config(making, 3, "max.message.bytes", LARGEST_GROUP);
    topic->n_configs = CONFIGS;
    topic->configs = making->configs;
    making->topics[0] = topic;
    making->body.n_topics = 1;
    making->body.topics = making->topics;
    making->head.timeout_ms = ASK_MS;
    making->head.body_case = KAIRN__REQUEST_HEAD__BODY_CREATE_TOPICS;
    making->head.create_topics = &making->body;
}

static void ask(struct shard *shard)
{
    const struct shards_options *options = shard_options(shard);
    struct making *making = calloc(1, sizeof *making);

    if (making == NULL) {
        tell_all(shard, K_COORDINATOR_NOT_AVAILABLE);
        return;
    }
    shard->offsets_topic.asked = true;
    making->shard = shard;
    arena_init(&making->arena, NULL, 0, SIZE_MAX);
    fill(making, &options->offsets_topic);
    making->request = (struct control_request){
        .answer_to = shard_mail_target(shard),
        .answered = answered,
        .head = &making->head,
        .deadline_ms = shard_now_ms(shard) + ASK_MS,
        .controller = -1,
        .arena = &making->arena,
        .response = &making->response,
    };
    options->replication.relay(options->replication.relay_context, &making->request);
}

/* --- waiting ---------------------------------------------------------------------------------- */

static void picture_changed(struct shard_watch *watch, const struct metadata *picture)
{
    struct shard *shard = LIST_OWNER(watch, struct shard, offsets_topic.watch);

    (void)picture;
    if (!exists(shard))
        return;
    shard_watch_stop(watch);
    tell_all(shard, 0);
}

void offsets_topic_init(struct offsets_topic *topic)
{
    list_init(&topic->waiting);
    list_init(&topic->watch.node);
    topic->watch.changed = picture_changed;
}

void offsets_topic_want(struct shard *shard, struct offsets_topic_wait *wait)
{
    struct offsets_topic *topic = &shard->offsets_topic;

    list_init(&wait->node);
    if (exists(shard)) {
        wait->ready(wait, 0);
        return;
    }
    if (shard->closed) {
        wait->ready(wait, K_COORDINATOR_NOT_AVAILABLE);
        return;
    }
    list_append(&topic->waiting, &wait->node);
    if (list_empty(&topic->watch.node))
        shard_watch_start(shard, &topic->watch);
    if (!topic->asked)
        ask(shard);
}

void offsets_topic_leave(struct offsets_topic_wait *wait)
{
    list_remove(&wait->node);
}
