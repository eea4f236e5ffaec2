/* assign_pools.h - a group's topics by who subscribed to them: topics with the same subscribers are
 * one pool, all partitions of a pool are alike. Pure; not thread-safe. */
#ifndef CLIENT_ASSIGN_POOLS_H
#define CLIENT_ASSIGN_POOLS_H

#include "client/assign_level.h"
#include "client/assignor.h"

struct arena;
struct pool_topic;

struct assign_pools {
    const struct assign_group *group;
    struct level_graph graph;       /* pools with few members first; nothing is held yet */
    /* The topics of pool g are topics[topic_first[g]] up to topics[topic_first[g + 1]]. */
    struct pool_topic *topics;
    uint32_t *topic_first;
    uint32_t topic_count;
};

struct pool_topic { uint64_t hash; uint32_t count, topic; };     /* `count` subscribers */

/* In memory of the arena; the group is borrowed. 0 or K_NOMEM. */
int assign_pools_make(struct arena *arena, const struct assign_group *group,
                      struct assign_pools *out);

#endif
