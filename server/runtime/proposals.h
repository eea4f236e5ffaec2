/* runtime/proposals.h - in-sync sets that the leaders of a shard propose to the controller.
 *
 * What a turn brings goes out as one request; each verdict becomes a step of its partition. Whether
 * a proposal that was not answered is stored, nobody knows: its leader is told that it timed out,
 * and repeats it. For the files of runtime/ only. */
#ifndef RUNTIME_PROPOSALS_H
#define RUNTIME_PROPOSALS_H

struct partition;
struct replica_effect;
struct shard;

/* DO_PROPOSE. 0 or NOMEM: then it is not sent. */
int proposals_add(struct partition *partition, const struct replica_effect *effect);
/* The partition goes away, or begins anew. */
void proposals_forget(struct partition *partition);

void proposals_init(struct shard *shard);

#endif
