/* group_committed.c - what the group has committed of partitions, as far as we have heard: of what
 * we began with and what we committed ourselves. */
#include <stdio.h>

#include "client/group_private.h"

enum { KEY_MAX = TOPIC_NAME_MAX + 16 };

static void key_of(const char *topic, int32_t partition, char *key)
{
    snprintf(key, KEY_MAX, "%s/%d", topic, (int)partition);
}

/* Without memory it is not known. */
void group_note_committed(struct group *group, const char *topic, int32_t partition,
                          int64_t offset)
{
    char key[KEY_MAX];

    key_of(topic, partition, key);
    if (offset < 0 ||
        map_put_text(&group->heard, key, (void *)(intptr_t)(offset + 1), NULL) != 0)
        map_remove_text(&group->heard, key);
}

int64_t group_committed(const struct group *group, const char *topic, int32_t partition)
{
    char key[KEY_MAX];

    key_of(topic, partition, key);
    return (int64_t)(intptr_t)map_get_text(&group->heard, key) - 1;
}
