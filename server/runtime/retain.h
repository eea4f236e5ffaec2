/* runtime/retain.h - every log.retention.check.interval.ms, a look at all partitions that a shard
 * leads: which segments are to go? Those that rest are woken only when something may be due.
 *
 * A turn looks at few partitions and only at what is in memory; what reads or writes files is
 * background work of the io pool, a bounded number of partitions at a time. A changed
 * configuration counts from the next look on. For the files of runtime/ only. */
#ifndef RUNTIME_RETAIN_H
#define RUNTIME_RETAIN_H

#include <stddef.h>

#include "server/runtime/shard.h"

struct partition_key;

struct retain {
    struct shard_deadline deadline;         /* of the next look, or of going on with this one */
    struct partition_key *keys;             /* owned; NULL: no look is under way */
    size_t count, next;
    int jobs;                               /* under way in the io pool */
};

/* The first look comes early, but not in the middle of the start. */
void retain_init(struct shard *shard);
void retain_fini(struct shard *shard);

#endif
