/* runtime/make_topic.h - a broker has a topic made that somebody needs: a CreateTopics of its own,
 * to the controller.
 *
 * Belongs to the shard that asks. */
#ifndef RUNTIME_MAKE_TOPIC_H
#define RUNTIME_MAKE_TOPIC_H

#include <stddef.h>
#include <stdint.h>

#include "server/runtime/metadata.h"

struct shard;

struct topic_wish {
    const char *name;
    int32_t partitions, replication_factor;
    const struct metadata_config *configs;
    size_t config_count;
};

/* Everything is copied. `made` is called once, on the shard, never from within; `code`: 0, or why
 * it was not made (also that it exists), with a text for people. Returns 0 or K_NOMEM: then it is
 * not called. */
int make_topic(struct shard *shard, const struct topic_wish *wish,
               void (*made)(struct shard *shard, void *context, int code, const char *text),
               void *context);

#endif
