/* What is in the directories against what the first picture expects there. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "net/loop.h"
#include "server/runtime/dirs_internal.h"
#include "server/runtime/metadata.h"

static bool is_replica(const struct metadata_partition *partition, int32_t broker_id)
{
    for (int32_t i = 0; i < partition->replica_count; i++) {
        if (partition->replicas[i] == broker_id)
            return true;
    }
    return false;
}

static bool belongs_here(const struct dirs_entry *entry, const struct metadata *metadata,
                         int32_t broker_id)
{
    /* Who can not be asked for its id goes by its name: opening it will tell what is wrong. */
    const struct metadata_topic *topic = uuid_is_zero(&entry->topic_id)
                                             ? metadata_topic_by_name(metadata, entry->topic)
                                             : metadata_topic_by_id(metadata, &entry->topic_id);
    return topic != NULL && entry->partition < topic->partition_count &&
           is_replica(&topic->partitions[entry->partition], broker_id);
}

static void put_away_done(struct dirs_order *order)
{
    free(order);
}

/* False: there is no memory for that; it is harmless where it is. */
static bool put_away(struct dirs *dirs, struct dirs_entry *entry, enum dirs_order_kind kind)
{
    struct dirs_order *order = calloc(1, sizeof *order);

    if (order == NULL)
        return false;
    order->dirs = dirs;
    order->kind = kind;
    order->answer_to = loop_mail_target(dirs->control);
    order->done = put_away_done;
    order->partition = entry->partition;
    order->topic_id = entry->topic_id;
    snprintf(order->topic, sizeof order->topic, "%s", entry->topic);
    list_init(&order->node);
    dirs_lend(entry, order);
    return true;
}

static void expect(struct dirs *dirs, const struct metadata_topic *topic, int32_t partition)
{
    char name[DIRS_NAME_SIZE];
    size_t size = dirs_entry_name(name, topic->name, partition);
    if (map_get(&dirs->entries, name, size) != NULL)
        return;
    struct dirs_entry *entry = dirs_add_entry(dirs, topic->name, partition, 0);
    if (entry == NULL)
        return;
    dirs->used[0]--;
    entry->offline = true;
    entry->topic_id = topic->id;
    LOG_ERROR("partition-offline", "topic=%s partition=%" PRId32
              " reason=\"its log directory can not be used\"", topic->name, partition);
}

void dirs_expect(struct dirs *dirs, const struct metadata *metadata, int32_t broker_id)
{
    for (size_t t = 0; dirs->incomplete && t < metadata->topic_count; t++) {
        const struct metadata_topic *topic = metadata->topics[t];
        for (int32_t i = 0; i < topic->partition_count; i++) {
            if (is_replica(&topic->partitions[i], broker_id))
                expect(dirs, topic, i);
        }
    }
}

void dirs_sweep(struct dirs *dirs, const struct metadata *metadata, int32_t broker_id)
{
    size_t position = 0;
    bool kept = false;
    void *value;

    while (!dirs->closed && map_next(&dirs->entries, &position, NULL, NULL, &value)) {
        struct dirs_entry *entry = value;
        if (entry->lent || entry->offline || belongs_here(entry, metadata, broker_id))
            continue;
        bool deleted = !uuid_is_zero(&entry->topic_id) &&
                       metadata_was_deleted(metadata, &entry->topic_id);
        /* What is not told of may belong to a topic that could not be read. */
        if (metadata->topics_missing && !deleted)
            kept = true;
        else if (!put_away(dirs, entry, deleted ? DIRS_REMOVE : DIRS_SET_ASIDE))
            return;
    }
    if (kept)
        LOG_WARN("strays-kept", "reason=\"not all topics could be read\"");
}
