#include "server/runtime/changes_build.h"

#include <string.h>

#include "common/log.h"
#include "proto/frame.h"
#include "server/runtime/control_internal.h"

enum {
    HEAD_MAX = 1 << 20,         /* brokers that take larger ones have no need of them, either */
    HEAD_ROOM = 1024            /* for what a response's head holds beside the changes */
};

/* Lists grow by doubling in the arena; what is left behind goes with the request. */
struct list_builder {
    void **items;
    size_t count, capacity;
};

struct builder {
    struct control *control;
    struct arena *arena;
    Kairn__ChangesResponse *changes;
    struct list_builder topics, partitions;     /* partitions: of `open` */
    struct list_builder settings;
    Kairn__TopicEntry *open;                    /* the topic being built */
    ProtobufCBinaryData *deleted;
    size_t deleted_count, deleted_capacity;
    size_t size;                                /* packed, of the topics that are finished */
    bool failed;
};

static bool list_add(struct builder *builder, struct list_builder *list, void *item)
{
    if (item == NULL) {
        builder->failed = true;
        return false;
    }
    if (list->count == list->capacity) {
        size_t capacity = list->capacity > 0 ? 2 * list->capacity : 16;
        void **items = arena_alloc(builder->arena, capacity * sizeof *items);
        if (items == NULL) {
            builder->failed = true;
            return false;
        }
        if (list->count > 0)
            memcpy(items, list->items, list->count * sizeof *items);
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = item;
    return true;
}

static char *text(struct builder *builder, const char *from)
{
    char *copy = arena_strdup(builder->arena, from != NULL ? from : "");
    if (copy == NULL)
        builder->failed = true;
    return copy != NULL ? copy : (char *)"";
}

static ProtobufCBinaryData id_bytes(struct builder *builder, const struct uuid *uuid)
{
    uint8_t *copy = arena_copy(builder->arena, uuid->bytes, sizeof uuid->bytes);
    if (copy == NULL)
        builder->failed = true;
    return (ProtobufCBinaryData){ copy != NULL ? sizeof uuid->bytes : 0, copy };
}

static int32_t *ids(struct builder *builder, const struct replica_set *set)
{
    int32_t *copy = arena_alloc(builder->arena, (size_t)(set->count + 1) * sizeof *copy);
    if (copy == NULL)
        builder->failed = true;
    else
        memcpy(copy, set->ids, (size_t)set->count * sizeof *copy);
    return copy;
}

/* --- brokers ---------------------------------------------------------------------------------- */

static const struct live_broker *find_live(const struct control *control,
                                           const struct controller_broker *broker)
{
    for (size_t i = 0; i < control->chair.live_count; i++)
        if (control->chair.live[i]->core.id == broker->id &&
            uuid_equal(&control->chair.live[i]->core.incarnation, &broker->incarnation))
            return control->chair.live[i];
    return NULL;
}

static Kairn__Endpoint *build_endpoint(struct builder *builder, const struct znode_endpoint *from)
{
    Kairn__Endpoint *endpoint = arena_alloc(builder->arena, sizeof *endpoint);
    if (endpoint == NULL)
        return NULL;
    kairn__endpoint__init(endpoint);
    endpoint->listener = text(builder, from->listener);
    endpoint->protocol = text(builder, from->protocol);
    endpoint->host = text(builder, from->host);
    endpoint->port = from->port;
    return endpoint;
}

static void visit_brokers(void *context, const struct controller_broker *brokers, size_t count)
{
    struct builder *builder = context;
    struct list_builder list = { 0 };

    builder->changes->brokers_changed = true;
    for (size_t i = 0; i < count && !builder->failed; i++) {
        const struct live_broker *live = find_live(builder->control, &brokers[i]);
        Kairn__BrokerEntry *entry = arena_alloc(builder->arena, sizeof *entry);
        if (!list_add(builder, &list, entry))
            return;
        kairn__broker_entry__init(entry);
        entry->id = brokers[i].id;
        entry->incarnation = id_bytes(builder, &brokers[i].incarnation);
        entry->rack = text(builder, brokers[i].rack);
        if (live == NULL)
            continue;            /* it went just now; the next reading tells the core */
        entry->loops = (uint32_t)live->loops;
        struct list_builder endpoints = { 0 };
        for (size_t e = 0; e < live->broker.endpoint_count; e++)
            list_add(builder, &endpoints, build_endpoint(builder, &live->broker.endpoints[e]));
        entry->n_endpoints = endpoints.count;
        entry->endpoints = (Kairn__Endpoint **)endpoints.items;
    }
    builder->changes->n_brokers = list.count;
    builder->changes->brokers = (Kairn__BrokerEntry **)list.items;
}

/* --- configurations --------------------------------------------------------------------------- */

/* Only what can be served is told. */
static struct list_builder build_configs(struct builder *builder,
                                         const struct controller_config *configs, int32_t count)
{
    struct list_builder list = { 0 };

    for (int32_t i = 0; i < count; i++) {
        const char *value = configs[i].ignored ? configs[i].instead : configs[i].value;
        if (value == NULL)
            continue;
        Kairn__ConfigEntry *entry = arena_alloc(builder->arena, sizeof *entry);
        if (!list_add(builder, &list, entry))
            break;
        kairn__config_entry__init(entry);
        entry->name = text(builder, configs[i].name);
        entry->value = text(builder, value);
    }
    return list;
}

static void visit_settings(void *context, const char *broker,
                           const struct controller_config *configs, int32_t config_count)
{
    struct builder *builder = context;
    Kairn__SettingsEntry *entry = arena_alloc(builder->arena, sizeof *entry);

    if (!list_add(builder, &builder->settings, entry))
        return;
    kairn__settings_entry__init(entry);
    entry->broker = text(builder, broker);
    struct list_builder list = build_configs(builder, configs, config_count);
    entry->n_configs = list.count;
    entry->configs = (Kairn__ConfigEntry **)list.items;
    builder->size += kairn__settings_entry__get_packed_size(entry);
}

/* --- topics ----------------------------------------------------------------------------------- */

static void finish_topic(struct builder *builder)
{
    Kairn__TopicEntry *topic = builder->open;
    if (topic == NULL)
        return;
    builder->open = NULL;
    topic->n_partitions = builder->partitions.count;
    topic->partitions = (Kairn__PartitionEntry **)builder->partitions.items;
    builder->partitions = (struct list_builder){ 0 };
    builder->size += kairn__topic_entry__get_packed_size(topic);
}

static void visit_topic(void *context, const char *name, const struct uuid *id,
                        int32_t partition_count, const struct controller_config *configs,
                        int32_t config_count, bool configs_changed)
{
    struct builder *builder = context;
    Kairn__TopicEntry *topic = arena_alloc(builder->arena, sizeof *topic);

    finish_topic(builder);
    if (!list_add(builder, &builder->topics, topic))
        return;
    builder->open = topic;
    kairn__topic_entry__init(topic);
    topic->name = text(builder, name);
    topic->topic_id = id_bytes(builder, id);
    topic->partition_count = (uint32_t)partition_count;
    topic->configs_changed = configs_changed;
    struct list_builder list =
        build_configs(builder, configs, configs_changed ? config_count : 0);
    topic->n_configs = list.count;
    topic->configs = (Kairn__ConfigEntry **)list.items;
}

static bool visited_enough(void *context)
{
    struct builder *builder = context;
    finish_topic(builder);
    return builder->failed || builder->size >= CHANGES_SIZE_ENOUGH;
}

static void visit_partition(void *context, int32_t partition, const struct partition_state *state)
{
    struct builder *builder = context;
    Kairn__PartitionEntry *entry = arena_alloc(builder->arena, sizeof *entry);

    if (!list_add(builder, &builder->partitions, entry))
        return;
    kairn__partition_entry__init(entry);
    entry->partition = (uint32_t)partition;
    entry->leader = state->leader;
    entry->leader_epoch = state->leader_epoch;
    entry->state_version = (uint32_t)state->version;
    entry->n_replicas = (size_t)state->replicas.count;
    entry->replicas = ids(builder, &state->replicas);
    entry->n_isr = (size_t)state->isr.count;
    entry->isr = ids(builder, &state->isr);
    entry->n_eligible = (size_t)state->eligible.count;
    entry->eligible = ids(builder, &state->eligible);
    entry->min_insync = state->min_insync;
    entry->unclean_epoch = state->unclean_epoch + 1;
    entry->flush_on_ack = state->flush_on_ack;
    if (quarantine_hides(builder->control, builder->open->name, partition, state)) {
        entry->leader = entry->leader_epoch = -1;
        entry->state_version = (uint32_t)-1;
    }
}

static void visit_lost(void *context, const struct replica_set *lost)
{
    struct builder *builder = context;

    if (builder->failed)
        return;
    Kairn__PartitionEntry *entry = builder->partitions.items[builder->partitions.count - 1];
    entry->n_lost = (size_t)lost->count;
    entry->lost = ids(builder, lost);
}

static void visit_deleted(void *context, const struct uuid *id)
{
    struct builder *builder = context;
    if (builder->deleted_count == builder->deleted_capacity) {
        size_t capacity = builder->deleted_capacity > 0 ? 2 * builder->deleted_capacity : 16;
        ProtobufCBinaryData *grown = arena_alloc(builder->arena, capacity * sizeof *grown);
        if (grown == NULL) {
            builder->failed = true;
            return;
        }
        if (builder->deleted_count > 0)
            memcpy(grown, builder->deleted, builder->deleted_count * sizeof *grown);
        builder->deleted = grown;
        builder->deleted_capacity = capacity;
    }
    builder->deleted[builder->deleted_count++] = id_bytes(builder, id);
}

int changes_build(struct control *control, const struct controller_effect *news,
                  struct arena *arena, Kairn__ResponseHead *response)
{
    struct controller_announcement now = controller_announced(control->chair.core);
    struct builder builder = { .control = control, .arena = arena };
    const struct controller_visitor visitor = {
        .context = &builder, .brokers = visit_brokers, .settings = visit_settings,
        .topic = visit_topic,
        .partition = visit_partition, .lost = visit_lost, .deleted = visit_deleted,
        .enough = visited_enough,
    };

    builder.changes = arena_alloc(arena, sizeof *builder.changes);
    if (builder.changes == NULL)
        return K_NOMEM;
    kairn__changes_response__init(builder.changes);
    builder.changes->controller_epoch = now.epoch;
    builder.changes->full = news->changes.full;
    builder.changes->topics_missing = news->changes.full && control->chair.topics_missing;
    builder.changes->controller = control->broker_id;
    builder.changes->sequence =
        controller_changes(control->chair.core, news->changes.after_sequence, news->changes.whole,
                           &visitor);
    builder.changes->more = builder.changes->sequence < now.sequence;
    finish_topic(&builder);
    builder.changes->n_settings = builder.settings.count;
    builder.changes->settings = (Kairn__SettingsEntry **)builder.settings.items;
    builder.changes->n_topics = builder.topics.count;
    builder.changes->topics = (Kairn__TopicEntry **)builder.topics.items;
    builder.changes->n_deleted_topic_ids = builder.deleted_count;
    builder.changes->deleted_topic_ids = builder.deleted;
    response->body_case = KAIRN__RESPONSE_HEAD__BODY_CHANGES;
    response->changes = builder.changes;
    if (builder.failed)
        return K_NOMEM;
    size_t size = kairn__changes_response__get_packed_size(builder.changes);
    if (size <= HEAD_MAX - HEAD_ROOM)
        return 0;
    size_t count = builder.changes->n_topics;
    LOG_ERROR("changes-too-large",
              "bytes=%zu limit=%d topic=%s reason=\"too many partitions times replicas\"", size,
              (int)HEAD_MAX, count > 0 ? builder.changes->topics[count - 1]->name : "");
    return K_FRAME_TOO_LARGE;
}
