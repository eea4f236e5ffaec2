/* runtime/fetcher.h - how this broker's followers ask their leaders: loop to loop.
 *
 * A shard has one fetcher for each loop of another broker that leads partitions which the shard
 * follows. It keeps a connection to that loop, has one request in flight, and names in it only the
 * questions that changed since the one before (docs/protocol.md, ReplicaFetch). What comes is
 * checked, given to the partition's rules, and written at once.
 *
 * A leader that nobody can reach, because the picture does not know where it listens, is waited
 * for: its questions are placed with the next picture that does.
 *
 * For the files of runtime/ only; belongs to the shard's loop. */
#ifndef RUNTIME_FETCHER_H
#define RUNTIME_FETCHER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/list.h"

struct fetcher;
struct partition;
struct replica_effect;
struct shard;

/* A partition's question; embedded. */
struct follow {
    struct list node;               /* in fetcher.follows or shard.unplaced; alone: no question */
    struct list changed;            /* in fetcher.changed: to be named in the next request; or
                                       in fetcher.held: in a later one */
    struct fetcher *fetcher;        /* NULL: unplaced, or no question */
    bool known;                     /* the leader's session knows a question of this partition */
    bool waits;                     /* for the log to be open */
    uint64_t round;
    int32_t leader, leader_epoch, last_epoch, version;
    int64_t offset, flushed;
    int64_t lag;                    /* records that the leader had beyond ours; as counted */
};

/* How many the leader has beyond ours. */
void follow_lags(struct shard *shard, struct follow *follow, int64_t records);

void follow_init(struct follow *follow);

/* DO_FETCH and DO_STOP_FETCHING. */
void fetcher_follow(struct partition *partition, const struct replica_effect *effect);
void fetcher_leave(struct partition *partition);

/* The partition's log is open: ask again what had to wait for it. */
void fetcher_log_opened(struct partition *partition);

void fetchers_init(struct shard *shard);
/* A new picture: leaders may listen somewhere else. */
void fetchers_picture_changed(struct shard *shard);
/* Nothing is asked any more. */
void fetchers_close(struct shard *shard);
void fetchers_fini(struct shard *shard);

#endif
