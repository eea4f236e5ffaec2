/* runtime/replica_log.h - the log of a replica, as the rules of replication want it: where epochs
 * end, what the leader has trimmed, how far the watermark was. For the files of runtime/ only. */
#ifndef RUNTIME_REPLICA_LOG_H
#define RUNTIME_REPLICA_LOG_H

#include <stdbool.h>
#include <stdint.h>

struct partition;

/* If we lead, others may ask where the epoch before ours ended: it is here. */
void replica_log_begin_epoch(struct partition *partition);

/* The largest epoch of our log up to `epoch`, and its end; -1: there is none. While the log rests,
 * what is known by heart must do; false: that is not enough. */
bool replica_log_epoch(struct partition *partition, int32_t epoch, int32_t *ours, int64_t *end);

/* DO_TRIM: start no earlier than our leader. The replica is told when it is done. A log at rest is
 * woken. What could not be begun, or failed for want of room, waits: try again now and then. */
void replica_log_trim(struct partition *partition, int64_t start);
bool replica_log_trim_waits(const struct partition *partition);
void replica_log_trim_again(struct partition *partition);

/* The watermark that the directory remembers, and what it is to remember. */
int64_t replica_log_watermark(const struct partition *partition);
void replica_log_note_watermark(struct partition *partition);

#endif
