/* From one picture to the next: both have their topics sorted by name, and share the topics that
 * did not change, so a shard looks only at those that did. */
#include <string.h>

#include "common/log.h"
#include "server/runtime/drive_groups.h"
#include "server/runtime/partition.h"
#include "server/runtime/shard_state.h"

static bool owns(const struct shard *shard, const struct uuid *topic_id, int32_t index)
{
    return metadata_loop_of(topic_id, index, shard->shards->count) == shard->index;
}

/* `replaced`: another topic has its name now. */
static enum partition_fate fate_of(const struct metadata *picture,
                                   const struct metadata_topic *topic, bool replaced)
{
    if (metadata_was_deleted(picture, &topic->id))
        return PARTITION_REMOVED;
#ifdef MUTANT_UNREAD_SET_ASIDE
    return PARTITION_SET_ASIDE;
#endif
    return picture->topics_missing && !replaced ? PARTITION_LEFT : PARTITION_SET_ASIDE;
}

static void topic_gone(struct shard *shard, const struct metadata_topic *topic, bool replaced)
{
    enum partition_fate fate = fate_of(shard->picture, topic, replaced);

    for (int32_t i = 0; i < topic->partition_count; i++) {
        const struct partition_key key = { .topic_id = topic->id, .index = i };
        struct partition *partition =
            owns(shard, &topic->id, i) ? partition_find(shard, &key) : NULL;
        if (partition != NULL)
            partition_retire(partition, fate);
    }
    drive_groups_topic_gone(shard, topic, fate == PARTITION_LEFT);
}

void shard_follow_topic(struct shard *shard, const struct metadata_topic *topic)
{
    struct shared_config *shared = shared_config_new(shard_defaults(shard), topic,
                                                     shard_options(shard)->broker_id);
    if (shared == NULL) {
        LOG_ERROR("topic-not-followed", "topic=%s error=NOMEM action=\"it is tried again\"",
                  topic->name);
        settings_retry(shard);
        return;
    }
    /* First all of them, for they stay; orders to open logs do not, and lay between them. */
    for (int32_t i = 0; i < topic->partition_count; i++) {
        if (owns(shard, &topic->id, i))
            partition_expect(shard, topic, i);
    }
    for (int32_t i = 0; i < topic->partition_count; i++) {
        if (owns(shard, &topic->id, i))
            partition_follow(shard, topic, i, shared);
    }
    shared_config_unref(shared);
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
            topic_gone(shard, old, order == 0);
        if (order >= 0)
            shard_follow_topic(shard, new);
    }
    metadata_put(before);
    drive_groups_pictured(shard);
    settings_restart(shard);
}
