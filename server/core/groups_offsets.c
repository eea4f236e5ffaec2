/* The table of committed offsets: of each group by topic, of each topic by partition. */
#include <stdlib.h>
#include <string.h>

#include "server/core/groups_private.h"

struct topic_offsets *offsets_topic(const struct group *group, const char *topic)
{
    return map_get_text(&group->topics, topic);
}

struct topic_offsets *offsets_make_topic(struct group *group, const char *name)
{
    struct topic_offsets *topic = offsets_topic(group, name);
    if (topic != NULL)
        return topic;

    topic = calloc(1, sizeof *topic);
    if (topic == NULL)
        return NULL;
    topic->name = strdup(name);
    if (topic->name == NULL || map_put_text(&group->topics, name, topic, NULL) != 0) {
        free(topic->name);
        free(topic);
        return NULL;
    }
    return topic;
}

/* Where the partition is, or belongs. */
static size_t place_of(const struct topic_offsets *topic, int32_t partition)
{
    size_t low = 0, high = topic->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (topic->entries[middle].partition < partition)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct offset_entry *offsets_find(const struct topic_offsets *topic, int32_t partition)
{
    size_t place = topic != NULL ? place_of(topic, partition) : 0;

    return topic != NULL && place < topic->count && topic->entries[place].partition == partition
               ? &topic->entries[place]
               : NULL;
}

struct offset_entry *offsets_make(struct group *group, struct topic_offsets *topic,
                                  int32_t partition)
{
    size_t place = place_of(topic, partition);

    if (place < topic->count && topic->entries[place].partition == partition)
        return &topic->entries[place];
    if (topic->count == topic->capacity) {
        size_t capacity = topic->capacity == 0 ? 1 : topic->capacity * 2;
        struct offset_entry *grown = realloc(topic->entries, capacity * sizeof *grown);
        if (grown == NULL)
            return NULL;
        topic->entries = grown;
        topic->capacity = capacity;
    }
    struct offset_entry *entry = &topic->entries[place];
    memmove(entry + 1, entry, (topic->count - place) * sizeof *entry);
    *entry = (struct offset_entry){.partition = partition, .leader_epoch = -1, .offset = -1};
    topic->count++;
    group->entry_count++;
    return entry;
}

void offsets_clear(struct offset_entry *entry)
{
    free(entry->metadata);
    entry->metadata = NULL;
    entry->offset = -1;
    entry->gone = false;
}

bool offsets_shown(const struct offset_entry *entry)
{
#ifdef MUTANT_GONE_TOPIC_SHOWN
    return entry->offset >= 0;
#endif
    return entry->offset >= 0 && !entry->gone;
}

static void topic_free(struct topic_offsets *topic)
{
    free(topic->entries);
    free(topic->name);
    free(topic);
}

void offsets_drop_void(struct group *group, struct topic_offsets *topic,
                       struct offset_entry *entry)
{
    if (entry != NULL && entry->offset < 0 && entry->pending == 0) {
        size_t place = (size_t)(entry - topic->entries);
        topic->count--;
        group->entry_count--;
        memmove(entry, entry + 1, (topic->count - place) * sizeof *entry);
    }
    if (topic->count == 0) {
        map_remove_text(&group->topics, topic->name);
        topic_free(topic);
    }
}

void offsets_free(struct group *group)
{
    size_t position = 0;
    void *value;

    while (map_next(&group->topics, &position, NULL, NULL, &value)) {
        struct topic_offsets *topic = value;
        for (size_t i = 0; i < topic->count; i++)
            free(topic->entries[i].metadata);
        topic_free(topic);
    }
    map_fini(&group->topics);
}
