/* runtime/lost_copies.h - what the controller has to know of this broker's copies.
 *
 * A partition that goes offline here is of no use to the cluster: the controller lets another lead
 * and takes it out of the set of those in sync. Each new controller is told, since nobody stores
 * it, and when the log can be opened again, that is told, too. Where a log ends is told while
 * nobody leads its partition and the stored state counts on it: it may be the best of what lossy
 * brokers have left. For the files of runtime/ only. */
#ifndef RUNTIME_LOST_COPIES_H
#define RUNTIME_LOST_COPIES_H

struct partition;
struct shard;

void lost_copies_init(struct shard *shard);

/* The partition went offline; nothing new when that was said already. */
void lost_copies_add(struct partition *partition);
/* Its log is open. */
void lost_copies_found(struct partition *partition);
/* Its replica has made a step: perhaps nobody leads any more. */
void lost_copies_stepped(struct partition *partition);
/* The partition is not ours any more. */
void lost_copies_forget(struct partition *partition);
/* The picture is that of another controller. */
void lost_copies_reign(struct partition *partition);

#endif
