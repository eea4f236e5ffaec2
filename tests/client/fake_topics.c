/* fake_topics.c - what a fake broker stores. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/slab.h"
#include "tests/client/fake_private.h"

struct fake_topic *fake_topic_by_name(struct fake *fake, const char *name)
{
    for (int i = 0; i < TOPICS_MAX; i++)
        if (fake->topics[i] != NULL && strcmp(fake->topics[i]->name, name) == 0)
            return fake->topics[i];
    return NULL;
}

struct fake_partition *fake_partition_by_id(struct fake *fake, ProtobufCBinaryData id,
                                              uint32_t partition)
{
    for (int i = 0; i < TOPICS_MAX; i++)
        if (fake->topics[i] != NULL && id.len == 16 &&
            memcmp(id.data, fake->topics[i]->id.bytes, 16) == 0 &&
            partition < (uint32_t)fake->topics[i]->partition_count)
            return &fake->topics[i]->partitions[partition];
    return NULL;
}

int fake_topic_add(struct fake *fake, const char *name, int partitions)
{
    if (fake_topic_by_name(fake, name) != NULL)
        return K_TOPIC_ALREADY_EXISTS;
    for (int i = 0; i < TOPICS_MAX; i++) {
        if (fake->topics[i] != NULL)
            continue;
        struct fake_topic *topic = fake->topics[i] = calloc(1, sizeof *topic);
        snprintf(topic->name, sizeof topic->name, "%s", name);
        topic->id = uuid_random();
        topic->partition_count = partitions;
        for (int p = 0; p < partitions; p++) {
            topic->partitions[p].leader = p % fake->broker_count;
            topic->partitions[p].aborted_offset = -1;
        }
        fake->sequence++;
        return 0;
    }
    return K_INVALID_REQUEST;
}

void fake_topic_free(struct fake_topic *topic)
{
    for (int p = 0; p < topic->partition_count; p++) {
        for (size_t i = 0; i < topic->partitions[p].count; i++)
            slab_unref(topic->partitions[p].batches[i].slab);
        free(topic->partitions[p].batches);
    }
    free(topic);
}

int fake_topic_remove(struct fake *fake, const char *name)
{
    for (int i = 0; i < TOPICS_MAX; i++)
        if (fake->topics[i] != NULL && strcmp(fake->topics[i]->name, name) == 0) {
            fake_topic_free(fake->topics[i]);
            fake->topics[i] = NULL;
            fake->sequence++;
            return 0;
        }
    return K_UNKNOWN_TOPIC_OR_PARTITION;
}

void fake_move_leader(struct fake *fake, struct fake_partition *partition)
{
    partition->leader = (partition->leader + 1) % fake->broker_count;
    partition->epoch++;
    fake->sequence++;
}

void fake_store(struct fake *fake, struct fake_partition *partition, const uint8_t *bytes,
                   size_t size)
{
    if (!atomic_load(&fake->faults.discard)) {
        if (partition->count == partition->capacity) {
            partition->capacity = partition->capacity == 0 ? 64 : 2 * partition->capacity;
            partition->batches = realloc(partition->batches,
                                         partition->capacity * sizeof *partition->batches);
        }
        struct slab *slab = slab_new(size);
        memcpy(slab->bytes, bytes, size);
        batch_stamp(slab->bytes, partition->end, partition->epoch);
        partition->batches[partition->count++] = (struct stored){ slab, size };
    }
    partition->end += batch_last_delta(bytes) + 1;
}
