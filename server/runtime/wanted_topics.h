/* runtime/wanted_topics.h - auto.create.topics.enable: topics that clients name are made.
 *
 * Part of a shard. A name is asked for once at a time, however many clients wait for it; why it
 * could not be made is remembered for a moment, so that all of them hear it. */
#ifndef RUNTIME_WANTED_TOPICS_H
#define RUNTIME_WANTED_TOPICS_H

#include <stddef.h>

#include "common/list.h"

struct shard;
struct topic_wish;

struct wanted_topics {
    struct list names;              /* struct wanted; see wanted_topics.c; owned */
    size_t count;
};

void wanted_topics_init(struct wanted_topics *wanted);
void wanted_topics_fini(struct wanted_topics *wanted);

/* Somebody needs a topic that the picture does not have. Returns what to tell: LEADER_NOT_AVAILABLE
 * (it is being made), why it can not be made, or UNKNOWN_TOPIC_OR_PARTITION (a name that only the
 * cluster gives, too many at once, no memory). */
int wanted_topics_want(struct shard *shard, const struct topic_wish *wish);

#endif
