/* runtime/replica_throttle.h - who waits before more is copied: replicas that their topic lists as
 * throttled, when what was copied at the broker's rate is not paid for yet.
 *
 * As in Kafka, a replica that is in sync never waits: a throttle is to slow down reassignments, and
 * must not take anybody out of the set. What it copies is paid for all the same. On the partition's
 * shard; for the files of runtime/ only. */
#ifndef RUNTIME_REPLICA_THROTTLE_H
#define RUNTIME_REPLICA_THROTTLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct partition;

/* As the leader: has `follower` to wait for its records? */
bool throttle_leader_holds(const struct partition *partition, int32_t follower);
/* The most to send it at once, of `most`. */
size_t throttle_leader_portion(const struct partition *partition, int32_t follower, size_t most);
void throttle_leader_sent(const struct partition *partition, size_t bytes);
int64_t throttle_leader_wait_ms(const struct partition *partition);

/* As a follower: have we to wait before we ask? */
bool throttle_follower_holds(const struct partition *partition);
void throttle_follower_took(const struct partition *partition, size_t bytes);
int64_t throttle_follower_wait_ms(const struct partition *partition);

#endif
