#include "server/runtime/offset_mirror.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "zk/znode.h"

enum { SAY_MS = 60000 };

struct mirror_note *mirror_note_new(const char *group, const char *topic, int32_t partition,
                                    int64_t offset)
{
    size_t group_size = strlen(group) + 1, topic_size = strlen(topic) + 1;
    size_t size = group_size + topic_size + sizeof partition;

    if (!znode_name_fits(group)) {
        if (log_rarely("offsets-not-mirrored", group, SAY_MS))
            LOG_WARN("offsets-not-mirrored",
                     "group=\"%s\" reason=\"no node can have this name\"", group);
        return NULL;
    }
    struct mirror_note *note = calloc(1, sizeof *note + size);
    if (note == NULL)
        return NULL;
    list_init(&note->node);
    note->group = memcpy(note->key, group, group_size);
    note->topic = memcpy(note->key + group_size, topic, topic_size);
    memcpy(note->key + group_size + topic_size, &partition, sizeof partition);
    note->key_size = size;
    note->partition = partition;
    note->offset = offset;
    return note;
}

struct mirror_parcel *mirror_parcel_new(void)
{
    struct mirror_parcel *parcel = calloc(1, sizeof *parcel);

    if (parcel == NULL)
        return NULL;
    list_init(&parcel->notes);
    list_init(&parcel->node);
    atomic_init(&parcel->withdrawn, false);
    atomic_init(&parcel->done_ms, 0);
    atomic_init(&parcel->references, 1);
    return parcel;
}

void mirror_parcel_unref(struct mirror_parcel *parcel)
{
    if (parcel == NULL || atomic_fetch_sub(&parcel->references, 1) > 1)
        return;
    LIST_EACH_SAFE(&parcel->notes, node, after)
    {
        list_remove(node);
        free(LIST_OWNER(node, struct mirror_note, node));
    }
    free(parcel);
}
