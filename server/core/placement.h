/* core/placement.h - which brokers get the replicas of a new topic. Pure functions.
 *
 * Kafka's rule: leaders round robin from a random start, each lap shifting the followers by one
 * more; with racks, brokers are interleaved rack by rack and a replica set spans as many racks as
 * it can. */
#ifndef CORE_PLACEMENT_H
#define CORE_PLACEMENT_H

#include <stddef.h>
#include <stdint.h>

#include "server/core/controller.h"

/* Fill sets[0..partitions). `brokers` sorted by id. Returns 0 or K_INVALID_REPLICATION_FACTOR (more
 * replicas than brokers), or K_NOMEM. Racks are used when every broker has one. Partition 0 is led
 * by broker number (low half of seed) modulo the count; the high half shifts the followers. */
int placement_choose(const struct controller_broker *brokers, size_t broker_count,
                     int32_t partitions, int32_t replication_factor, uint64_t seed,
                     struct replica_set *sets);

/* Fill sets[0..partitions) for partitions `first` and up of a topic that exists: goes on as Kafka
 * does, as if the topic had begun at `leader`, the first replica of its partition 0. */
int placement_extend(const struct controller_broker *brokers, size_t broker_count, int32_t leader,
                     int32_t first, int32_t partitions, int32_t replication_factor,
                     struct replica_set *sets);

#endif
