/* runtime/shared_config.h - what the partitions of one topic on one shard are configured with.
 *
 * One for all of them: a thousand copies would be most of what a partition at rest costs. It never
 * changes: when the topic's configuration does, its partitions get another one. Counted without
 * locks: belongs to the shard. For the files of runtime/ only. */
#ifndef RUNTIME_SHARED_CONFIG_H
#define RUNTIME_SHARED_CONFIG_H

#include "server/runtime/batch_rules.h"
#include "server/runtime/throttled.h"
#include "server/runtime/topic_config.h"

struct metadata_topic;

struct shared_config {
    unsigned references;
    struct topic_config config;
    struct batch_rules rules;           /* what the configuration means to produced batches */
    struct throttled leader_throttled, follower_throttled;      /* of this broker */
};

/* With one reference, as it counts for `broker`. NULL when out of memory. */
struct shared_config *shared_config_new(const struct topic_config *defaults,
                                        const struct metadata_topic *topic, int32_t broker);
struct shared_config *shared_config_ref(struct shared_config *shared);
void shared_config_unref(struct shared_config *shared);     /* NULL is allowed */

#endif
