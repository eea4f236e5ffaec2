/* runtime/throttled.h - which partitions of a topic one broker may copy only within its quota: the
 * topic's leader.replication.throttled.replicas or follower.replication.throttled.replicas.
 *
 * "partition:broker,partition:broker,...", or "*" for all, or nothing. No state; any thread. */
#ifndef RUNTIME_THROTTLED_H
#define RUNTIME_THROTTLED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct throttled {
    bool all;
    int32_t *partitions;                /* owned, sorted; NULL: none */
    size_t count;
};

/* What the list says of `broker`. 0, INVALID_CONFIG or NOMEM: then nobody is throttled. */
int throttled_read(const char *text, int32_t broker, struct throttled *out);
void throttled_fini(struct throttled *throttled);

bool throttled_has(const struct throttled *throttled, int32_t partition);

#endif
