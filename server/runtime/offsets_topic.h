/* runtime/offsets_topic.h - __consumer_offsets is made when somebody first looks for a coordinator.
 *
 * Whoever needs it waits on its own shard. Each shard asks the controller once at a time, whatever
 * the number of those who wait; it does not matter that several ask for the same topic. */
#ifndef RUNTIME_OFFSETS_TOPIC_H
#define RUNTIME_OFFSETS_TOPIC_H

#include <stdbool.h>

#include "common/list.h"
#include "server/runtime/shard.h"

struct offsets_topic_wait {
    struct list node;
    /* Once: the picture has the topic (0), or it can not be made now (the reason was logged):
     * COORDINATOR_NOT_AVAILABLE. */
    void (*ready)(struct offsets_topic_wait *wait, int code);
};

/* Part of a shard. */
struct offsets_topic {
    struct list waiting;                /* struct offsets_topic_wait.node */
    bool asked;                         /* the controller, and it has not answered */
    int code;                           /* why it could not be made the last time */
    struct shard_watch watch;
};

void offsets_topic_init(struct offsets_topic *topic);

/* ready() may be called before this returns. */
void offsets_topic_want(struct shard *shard, struct offsets_topic_wait *wait);
/* Before ready(): do not wait any longer. */
void offsets_topic_leave(struct offsets_topic_wait *wait);

#endif
