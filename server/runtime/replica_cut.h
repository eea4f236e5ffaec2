/* runtime/replica_cut.h - a follower's log is cut, or emptied, where it differs from its leader's.
 *
 * A cut is on the disk before anything follows it, so it is made in the io pool: the partition is
 * paused (partition.h), nothing else is under way on its log, and the rules hear of it afterwards.
 *
 * Invariants
 *   U1  a partition has at most one cut, and is OPENING from its order to its end
 *   U2  while the pool has the log, nobody else touches it
 *
 * For the files of runtime/ only; belongs to the shard's loop. */
#ifndef RUNTIME_REPLICA_CUT_H
#define RUNTIME_REPLICA_CUT_H

#include <stdbool.h>
#include <stdint.h>

struct partition;
struct replica_cut;

/* Cut the log of an OPEN partition to `end`, or let it start and end there: partition_cut_ended()
 * is called once. NOMEM: it is not, and nothing was done. */
int replica_cut_start(struct partition *partition, int64_t end, bool reset);

#endif
