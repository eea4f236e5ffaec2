/* partitioner.h - which partition a record without one goes to. Pure functions. */
#ifndef CLIENT_PARTITIONER_H
#define CLIENT_PARTITIONER_H

#include <stddef.h>
#include <stdint.h>

/* The hash of Kafka's Java client. */
uint32_t murmur2(const void *bytes, size_t size);

/* Pick among `count` > 0 partitions with `chance` (any 64 random bits), by preference those with
 * short queues: the weight of a partition is longest - own + 1. `queues` NULL: evenly. Returns an
 * index below `count`. */
size_t partition_pick(const uint32_t *queues, size_t count, uint64_t chance);

#endif
