/* Metadata: brokers, topics and leaders, as this broker's picture has them.
 *
 * A request that names a stale leader epoch waits until the picture has a newer one: the client
 * needs no back-off during a failover. */
#include "server/runtime/metadata.h"

#include "common/compress.h"
#include "common/error.h"
#include "proto/head.h"
#include "server/api/handlers.h"
#include "server/api/hint.h"
#include "server/api/request.h"
#include "server/runtime/group_place.h"
#include "server/runtime/make_topic.h"
#include "server/runtime/shard.h"
#include "server/runtime/wanted_topics.h"

/* --- building the answer -------------------------------------------------------------------------
 * The picture outlives the turn in which the answer is built and encoded, so strings and arrays
 * are borrowed from it. */

static bool is_online(const struct metadata *picture, const struct metadata_partition *partition,
                      int32_t broker)
{
    for (int32_t i = 0; i < partition->lost_count; i++)
        if (partition->lost[i] == broker)
            return false;
    return metadata_broker(picture, broker) != NULL;
}

/* Replicas whose broker is gone, or can not use its copy. False when out of memory. */
static bool fill_offline(struct request *request, const struct metadata *picture,
                         const struct metadata_partition *partition, Kairn__PartitionInfo *info)
{
    for (int32_t i = 0; i < partition->replica_count; i++) {
        if (is_online(picture, partition, partition->replicas[i]))
            continue;
        if (info->offline == NULL)
            info->offline = arena_calloc(&request->arena, (size_t)partition->replica_count,
                                         sizeof *info->offline);
        if (info->offline == NULL)
            return false;
        info->offline[info->n_offline++] = partition->replicas[i];
    }
    return true;
}

static bool fill_partition(struct request *request, const struct metadata *picture,
                           const struct metadata_topic *topic, int32_t index,
                           Kairn__PartitionInfo *info)
{
    const struct metadata_partition *partition = &topic->partitions[index];
    const struct metadata_broker *leader = metadata_broker(picture, partition->leader);

    kairn__partition_info__init(info);
    info->partition = (uint32_t)index;
    info->leader = partition->leader;
    info->leader_epoch = partition->leader_epoch;
    info->n_replicas = (size_t)partition->replica_count;
    info->replicas = (int32_t *)partition->replicas;
    info->n_isr = (size_t)partition->isr_count;
    info->isr = (int32_t *)partition->isr;
    info->n_eligible = (size_t)partition->eligible_count;
    info->eligible = (int32_t *)partition->eligible;
    info->min_insync = partition->min_insync;
    if (leader != NULL)
        info->loop = (uint32_t)metadata_loop_of(&topic->id, index, leader->loops);
    else
        info->error = hint_code(request, K_LEADER_NOT_AVAILABLE, NULL);
    return fill_offline(request, picture, partition, info);
}

static bool fill_configs(struct request *request, const struct metadata_topic *topic,
                         Kairn__TopicInfo *info)
{
    size_t count = (size_t)topic->config_count;
    void **pointers;
    Kairn__ConfigEntry *configs = request_messages(request, count, sizeof *configs, &pointers);
    if (configs == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        kairn__config_entry__init(&configs[i]);
        configs[i].name = (char *)topic->configs[i].name;
        configs[i].value = (char *)topic->configs[i].value;
        configs[i].source = (char *)"topic";
    }
    info->n_configs = count;
    info->configs = (Kairn__ConfigEntry **)pointers;
    return true;
}

static bool fill_topic(struct request *request, const struct metadata_topic *topic,
                       Kairn__TopicInfo *info)
{
    const struct metadata *picture = shard_picture(request->shard);
    size_t count = (size_t)topic->partition_count;
    void **pointers;
    Kairn__PartitionInfo *partitions =
        request_messages(request, count, sizeof *partitions, &pointers);
    if (partitions == NULL)
        return false;

    int codec = topic_config_codec_of(shard_defaults(request->shard), topic);
    if (codec >= 0)
        info->codec = (char *)compress_row(codec)->name;
    info->name = (char *)topic->name;
    info->internal = topic_is_internal(topic->name);
    info->topic_id = head_bytes_of_uuid(&topic->id);
    info->n_partitions = count;
    info->partitions = (Kairn__PartitionInfo **)pointers;
    for (size_t i = 0; i < count; i++) {
        if (!fill_partition(request, picture, topic, (int32_t)i, &partitions[i]))
            return false;
    }
    return !request->head->metadata->topic_configs || fill_configs(request, topic, info);
}

/* May a topic be made because somebody asks for it? */
static bool may_be_made(const struct request *request, size_t index, const char *name)
{
    return request->api->auto_create && index < request->head->metadata->create_missing &&
           authorise_topic(request->principal, OPERATION_CREATE, name) == 0;
}

static int want(struct request *request, const char *name)
{
    const struct topic_wish wish = { .name = name,
                                     .partitions = request->api->partitions_default,
                                     .replication_factor =
                                         request->api->replication_factor_default };

    return wanted_topics_want(request->shard, &wish);
}

static bool fill_named(struct request *request, size_t index, Kairn__TopicInfo *info)
{
    const char *name = request->head->metadata->topics[index];
    const struct metadata_topic *topic =
        metadata_topic_by_name(shard_picture(request->shard), name);
    int code = authorise_topic(request->principal, OPERATION_DESCRIBE, name);
    if (code == 0 && topic == NULL)
        code = may_be_made(request, index, name) ? want(request, name)
                                                 : K_UNKNOWN_TOPIC_OR_PARTITION;
    if (code == 0)
        return fill_topic(request, topic, info);

    info->name = (char *)name;
    info->error = hint_code(request, code, NULL);
    return true;
}

static bool fill_identified(struct request *request, ProtobufCBinaryData bytes,
                            Kairn__TopicInfo *info)
{
    struct uuid id;
    int code = head_uuid(bytes, &id) != 0 ? K_INVALID_REQUEST : 0;
    const struct metadata_topic *topic = NULL;
    if (code == 0)
        code = authorise_topic_id(request->principal, OPERATION_DESCRIBE, &id);
    if (code == 0) {
        topic = metadata_topic_by_id(shard_picture(request->shard), &id);
        code = topic == NULL ? K_UNKNOWN_TOPIC_ID : 0;
    }
    if (code == 0)
        return fill_topic(request, topic, info);

    info->topic_id = bytes;
    info->error = hint_code(request, code, NULL);
    return true;
}

/* With all_topics, those that the asker may not see are left out. */
static bool fill_topics(struct request *request, Kairn__MetadataResponse *body)
{
    const Kairn__MetadataRequest *asked = request->head->metadata;
    const struct metadata *picture = shard_picture(request->shard);
    size_t named = asked->all_topics ? picture->topic_count : asked->n_topics;
    size_t identified = asked->all_topics ? 0 : asked->n_topic_ids;
    void **pointers;
    Kairn__TopicInfo *infos =
        request_messages(request, named + identified, sizeof *infos, &pointers);
    if (infos == NULL)
        return false;

    bool filled = true;
    for (size_t i = 0; i < named + identified && filled; i++) {
        Kairn__TopicInfo *info = &infos[body->n_topics];
        kairn__topic_info__init(info);
        if (asked->all_topics) {
            const char *name = picture->topics[i]->name;
            if (authorise_topic(request->principal, OPERATION_DESCRIBE, name) != 0)
                continue;
            filled = fill_topic(request, picture->topics[i], info);
        } else if (i < named) {
            filled = fill_named(request, i, info);
        } else {
            filled = fill_identified(request, asked->topic_ids[i - named], info);
        }
        body->n_topics++;
    }
    body->topics = (Kairn__TopicInfo **)pointers;
    return filled;
}

/* Brokers that do not listen where the asker came in can not be reached by it: left out. */
static bool fill_brokers(struct request *request, Kairn__MetadataResponse *body)
{
    const struct metadata *picture = shard_picture(request->shard);
    void **pointers;
    Kairn__BrokerInfo *infos =
        request_messages(request, picture->broker_count, sizeof *infos, &pointers);
    if (infos == NULL)
        return false;

    for (size_t i = 0; i < picture->broker_count; i++) {
        const struct metadata_broker *broker = &picture->brokers[i];
        const struct metadata_endpoint *endpoint = hint_endpoint(request, broker);
        if (endpoint == NULL)
            continue;
        Kairn__BrokerInfo *info = &infos[body->n_brokers++];
        kairn__broker_info__init(info);
        info->id = broker->id;
        info->host = (char *)endpoint->host;
        info->port = endpoint->port;
        info->rack = (char *)broker->rack;
        info->loops = (uint32_t)broker->loops;
    }
    body->brokers = (Kairn__BrokerInfo **)pointers;
    return true;
}

static void answer(struct request *request)
{
    const struct metadata *picture = shard_picture(request->shard);
    Kairn__MetadataResponse *body = arena_alloc(&request->arena, sizeof *body);
    if (body != NULL)
        kairn__metadata_response__init(body);
    if (body == NULL || !fill_brokers(request, body) || !fill_topics(request, body)) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    body->cluster_id = (char *)request->api->cluster_id;
    body->controller = picture->controller;
    body->controller_epoch = picture->controller_epoch;
    body->sequence = picture->sequence;
    request->response.body_case = KAIRN__RESPONSE_HEAD__BODY_METADATA;
    request->response.metadata = body;
    request_finish(request);
}

/* --- waiting for a newer leader epoch --------------------------------------------------------- */

struct waiting {
    struct shard_watch watch;
    struct shard_deadline deadline;
    struct request *request;
    struct uuid topic_id;
};

/* Is there anything newer than what proved stale? A topic that is gone counts. */
static bool is_newer(const struct metadata *picture, const struct uuid *topic_id,
                     const Kairn__StaleLeader *stale)
{
    const struct metadata_topic *topic = metadata_topic_by_id(picture, topic_id);
    if (topic == NULL || stale->partition >= (uint32_t)topic->partition_count)
        return true;
    return topic->partitions[stale->partition].leader_epoch > stale->leader_epoch;
}

static void stop_waiting(struct waiting *waiting)
{
    waiting->request->hurry = NULL;
    shard_watch_stop(&waiting->watch);
    shard_deadline_clear(waiting->request->shard, &waiting->deadline);
    answer(waiting->request);
}

static void picture_changed(struct shard_watch *watch, const struct metadata *picture)
{
    struct waiting *waiting = LIST_OWNER(watch, struct waiting, watch);

    if (is_newer(picture, &waiting->topic_id, waiting->request->head->metadata->newer_than))
        stop_waiting(waiting);
}

static void waited_enough(struct shard_deadline *deadline)
{
    stop_waiting(LIST_OWNER(deadline, struct waiting, deadline));
}

static void hurry(struct request *request)
{
    stop_waiting(request->waiter);
}

void api_metadata(struct request *request)
{
    const Kairn__StaleLeader *stale = request->head->metadata->newer_than;
    struct uuid id;
    if (stale == NULL) {
        answer(request);
        return;
    }
    if (head_uuid(stale->topic_id, &id) != 0) {
        request_fail(request, K_INVALID_REQUEST, "newer_than names no topic id");
        return;
    }
    if (is_newer(shard_picture(request->shard), &id, stale)) {
        answer(request);
        return;
    }
    struct waiting *waiting = arena_calloc(&request->arena, 1, sizeof *waiting);
    if (waiting == NULL) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    waiting->request = request;
    waiting->topic_id = id;
    waiting->watch.changed = picture_changed;
    shard_deadline_init(&waiting->deadline, waited_enough);
    if (shard_deadline_set(request->shard, &waiting->deadline, request_deadline_ms(request)) != 0) {
        answer(request);
        return;
    }
    shard_watch_start(request->shard, &waiting->watch);
    request->waiter = waiting;
    request->hurry = hurry;
}
