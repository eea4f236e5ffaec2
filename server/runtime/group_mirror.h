/* runtime/group_mirror.h - what a coordinator has to mirror to ZooKeeper (offset_mirror.h): the
 * newest offset of each partition that was committed since the last parcel.
 *
 * Belongs to the coordinator's shard; for drive_groups and its files only. A partition is handed
 * over at most once in an interval, and the interval begins when the last parcel was written: a
 * ZooKeeper that is slow, or away, is asked for no more. What is kept meanwhile is bounded; what
 * finds no room is mirrored with the next commit of its partition. */
#ifndef RUNTIME_GROUP_MIRROR_H
#define RUNTIME_GROUP_MIRROR_H

#include <stdint.h>

struct groups;
struct list;
struct mirror_note;
struct shard;

/* NULL: out of memory, or nothing is to be mirrored. */
struct group_mirror *group_mirror_new(struct shard *shard);
void group_mirror_free(struct group_mirror *mirror);        /* as _clear(); NULL is allowed */

/* Committed. Takes over the note; NULL is allowed, as `mirror` is. */
void group_mirror_add(struct group_mirror *mirror, struct mirror_note *note);

/* We coordinate now: all that is committed may be news to ZooKeeper. */
void group_mirror_loaded(struct group_mirror *mirror, const struct groups *groups);

/* We do not coordinate any more: nothing of it is written from now on. */
void group_mirror_clear(struct group_mirror *mirror);

#endif
