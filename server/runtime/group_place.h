/* runtime/group_place.h - which partition of the offsets topic a group belongs to, as Kafka has it.
 *
 * No state; any thread. */
#ifndef RUNTIME_GROUP_PLACE_H
#define RUNTIME_GROUP_PLACE_H

#include <stdbool.h>
#include <stdint.h>

/* The topic that holds groups and what they have committed. */
#define OFFSETS_TOPIC "__consumer_offsets"

/* Is the topic the cluster's own? Nobody subscribes to it by accident, nor writes to it. */
bool topic_is_internal(const char *name);

/* Java's String.hashCode() of the group's id (UTF-8; what is not, counts as U+FFFD), without its
 * sign, modulo `partitions` (at least 1). */
int32_t group_place(const char *group, int32_t partitions);

#endif
