/* runtime/replica_story.h - what becomes of replicas, told in the log and counted.
 *
 * Partitions with one replica have no story. For the files of runtime/ only. */
#ifndef RUNTIME_REPLICA_STORY_H
#define RUNTIME_REPLICA_STORY_H

struct partition;
struct replica_set;

/* We lead or follow now, in another epoch, or the log is known at last. */
void story_role(const struct partition *partition);
/* The in-sync set was another one. */
void story_set(const struct partition *partition, const struct replica_set *was);
/* It broke an invariant, by an error of ours: all that may explain it. */
void story_broken(const struct partition *partition);
/* Records that our leader sent are damaged, or there is no room for them: asked for again. */
void story_not_appended(struct partition *partition, int code);

#endif
