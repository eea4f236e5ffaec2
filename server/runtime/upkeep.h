/* runtime/upkeep.h - what a log needs after it was written to: checkpoints, and now and then a
 * sync.
 *
 * Costs nothing for partitions that are not written to. For the files of runtime/ only. */
#ifndef RUNTIME_UPKEEP_H
#define RUNTIME_UPKEEP_H

struct partition;
struct shard;

void upkeep_init(struct shard *shard);

/* The partition was appended to. */
void upkeep_touch(struct partition *partition);

/* Sync in the background when flush.messages records are not synced. */
void upkeep_count(struct partition *partition);

/* flush.ms may be another now. */
void upkeep_config_changed(struct partition *partition);

/* The partition's log goes away: forget what is under way. */
void upkeep_forget(struct partition *partition);

#endif
