/* From one picture to the next: both have their topics sorted by name, and share the topics that
 * did not change, so a shard looks only at those that did. */
#include <string.h>

#include "server/runtime/partition.h"
#include "server/runtime/shard_state.h"

static bool owns(const struct shard *shard, const struct uuid *topic_id, int32_t index)
{
    return metadata_loop_of(topic_id, index, shard->shards->count) == shard->index;
}

static bool was_deleted(const struct metadata *picture, const struct uuid *topic_id)
{
    for (size_t i = picture->deleted_count; i > 0; i--) {
        if (uuid_equal(&picture->deleted[i - 1], topic_id))
            return true;
    }
    return false;
}

static void topic_gone(struct shard *shard, const struct metadata_topic *topic)
{
    enum partition_fate fate = was_deleted(shard->picture, &topic->id) ? PARTITION_REMOVED
                                                                       : PARTITION_SET_ASIDE;
    for (int32_t i = 0; i < topic->partition_count; i++) {
        const struct partition_key key = { .topic_id = topic->id, .index = i };
        struct partition *partition =
            owns(shard, &topic->id, i) ? partition_find(shard, &key) : NULL;
        if (partition != NULL)
            partition_retire(partition, fate);
    }
}

void shard_follow_topic(struct shard *shard, const struct metadata_topic *topic)
{
    for (int32_t i = 0; i < topic->partition_count; i++) {
        if (owns(shard, &topic->id, i))
            partition_follow(shard, topic, i);
    }
}

void shard_reconcile(struct shard *shard, const struct metadata *picture)
{
    const struct metadata *before = shard->picture;
    size_t o = 0, n = 0;

    shard->picture = picture;
    while (o < before->topic_count || n < picture->topic_count) {
        const struct metadata_topic *old = o < before->topic_count ? before->topics[o] : NULL;
        const struct metadata_topic *new = n < picture->topic_count ? picture->topics[n] : NULL;
        int order = old == NULL ? 1 : new == NULL ? -1 : strcmp(old->name, new->name);

        if (order <= 0)
            o++;
        if (order >= 0)
            n++;
        if (old == new)
            continue;
        if (order < 0 || (order == 0 && !uuid_equal(&old->id, &new->id)))
            topic_gone(shard, old);
        if (order >= 0)
            shard_follow_topic(shard, new);
    }
    metadata_put(before);
    settings_restart(shard);
}
