/* runtime/drive_groups.h - the shell around core/groups: the groups of one partition of the offsets
 * topic, coordinated by the broker that leads it.
 *
 * Belongs to the partition's shard; for the files of runtime/ only. Requests are stepped as they
 * come; all else (who leads, how far the log is committed, what was stored) is looked at when the
 * turn ends, so that no step of the core begins within another, or within one of the replica.
 *
 * Invariants
 *   C1  the core leads in the epoch in which the replica does, or not at all: another epoch, or a
 *       log out of use, is LOST before anything else is told
 *   C2  it is loaded from what is committed, once that is all of the log, and none of our own
 *       stores from before is on its way into it
 *   C3  a store is told in the order of the tokens, when it is committed or when it was certainly
 *       not written
 *   C4  a client is answered well only while the replica may read
 *   C5  offsets of a topic are forgotten when the picture says that it was deleted, when another
 *       has its name, or when it is missing from a picture that is whole; of what was committed
 *       under a newer picture than ours, nothing is forgotten for not being in ours */
#ifndef RUNTIME_DRIVE_GROUPS_H
#define RUNTIME_DRIVE_GROUPS_H

#include <stdbool.h>
#include <stddef.h>

struct group_call;
struct metadata_topic;
struct partition;
struct shard;

/* Something about the partition may have changed: it is looked at when this turn ends. */
void drive_groups_changed(struct partition *partition);

/* It is not ours any more, or everything ends: who waits is told. May be repeated. */
void drive_groups_retired(struct partition *partition);

/* A topic is no more, or another has its name. `left`: it may only be that it could not be read;
 * then it is looked for again in each picture until one is whole. */
void drive_groups_topic_gone(struct shard *shard, const struct metadata_topic *topic, bool left);

/* There is a new picture. */
void drive_groups_pictured(struct shard *shard);

/* How many groups it holds that can be asked about. */
size_t drive_groups_count(const struct partition *partition);

/* --- for group_call.c ------------------------------------------------------------------------- */

/* group_call_answered() follows, now or later. */
void drive_groups_ask(struct shard *shard, struct group_call *call);

/* It is not to wait any longer. If it does, it is answered now, with this code. */
void drive_groups_leave(struct group_call *call, int code);

#endif
