/* runtime/partition.h - one partition on the shard that owns it; for the files of runtime/ only.
 *
 *   IDLE --open--> OPENING --> OPEN --> (a failed write) OFFLINE
 *                     \-----> OFFLINE --(disk was full: after a while)--> OPENING
 *   OPEN --(nobody used it for long, all is synced)--> OPENING --> IDLE        (rest.c)
 *   OPEN --(its log is to be in another directory)--> OPENING --> OPEN         (move.c)
 *   OPEN --(its log differs from the leader's)--> OPENING --> OPEN      (replica_cut.c)
 *
 * There is one for each replica that the picture gives to this broker, whoever leads it. Where
 * there are others, its log is opened at once; else when it is new or may be hurt, and after a
 * clean stop at its first use. What the rules of replication say of it is in `replica`
 * (drive_replica.h). While OPENING, the log is with the io pool (to be opened or to be closed) and
 * requests wait. Who comes by without a request, for upkeep, either leaves an IDLE partition alone
 * or wakes it: partition_wake(). */
#ifndef RUNTIME_PARTITION_H
#define RUNTIME_PARTITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/list.h"
#include "common/uuid.h"
#include "server/core/replica.h"
#include "server/runtime/fetcher.h"
#include "server/runtime/flush.h"
#include "server/runtime/shard.h"
#include "server/runtime/shared_config.h"

struct cleaning;
struct coordinator;
struct dirs_order;
struct log;
struct logdir;
struct log_move;
struct metadata_partition;
struct metadata_topic;
struct move;
struct proposal;
struct recompress_job;
struct replica_cut;

enum partition_phase { PARTITION_IDLE, PARTITION_OPENING, PARTITION_OPEN, PARTITION_OFFLINE };

/* What the controller is to know of our copy: that it can not be used, or that it can again. */
enum partition_copy { COPY_FINE, COPY_LOST, COPY_FOUND };

/* What becomes of a partition's data when the partition is no longer ours. */
enum partition_fate {                /* in the order of order_retirement() */
    PARTITION_STAYS,
    PARTITION_REMOVED,
    PARTITION_SET_ASIDE,
    PARTITION_LEFT                  /* its topic may well exist: it will be told of again */
};

struct partition_key {
    struct uuid topic_id;
    int32_t index;
};

struct partition {
    struct shard *shard;
    struct partition_key key;
    enum partition_phase state;
    enum partition_fate fate;      /* other than STAYS: out of the map, waits for its open to end */
    int offline_code;                   /* OFFLINE: the answer */
    struct replica replica;             /* its log's end and watermark, who leads, who is in sync */
    struct shard_deadline tick;         /* of the replica, not later than it wants */
    int64_t tick_at_ms;                 /* INT64_MAX: not set */
    struct follow follow;               /* what we ask our leader */
    struct list followers;              /* struct session_question.following: what we are asked */
    struct proposal *proposal;          /* on its way to the controller; or NULL */
    enum partition_copy copy;           /* lost_copies.c */
    int32_t end_told;                   /* epoch without a leader whose end the controller knows */
    struct list losing;                 /* in shard.losses: it is to be told */
    int not_appended;                   /* why the last records of our leader were not; 0: were */
    int64_t published;                  /* the watermark that readers were told of last */
    size_t unpublished_bytes;           /* appended behind it */
    struct shared_config *shared;       /* reference; what its topic is configured with */
    struct logdir *directory;           /* where the log is; borrowed */
    struct log *log;                    /* owned; OPEN, and OFFLINE after a failed write */
    struct list appends;                /* struct append_entry.queued: to be written */
    struct list unflushed;              /* struct append_entry.queued: written, not synced */
    struct list uncommitted;            /* struct append_entry.queued, by end: acks=all waits */
    struct list dirty;                  /* in shard.dirty while appends wait */
    struct list preparing;              /* struct append_entry.queued: before a recompress job */
    struct list unprepared;             /* in shard.unprepared while it wants a job's turn */
    struct recompress_job *job;         /* under way, or NULL */
    struct list watchers;               /* struct fetch_entry.watching: told of new data */
    struct list readers;                /* struct session_question.watching: likewise */
    struct list waiting;                /* struct partition_wait: for the end of OPENING */
    struct shard_deadline retry;        /* of a failed open */
    struct list awake;                  /* OPEN: in shard.awake or .drowsy, by used_ms */
    int64_t used_ms;
    struct list touched;                /* in shard.touched: written to since the last checkpoint */
    struct flush_state flush;
    struct cleaning *cleaning;          /* owned; NULL: never thought of */
    struct replica_cut *cut;            /* under way: the log is not ours to touch; or NULL */
    bool internal;                      /* of a topic that clients may not write to */
    bool holds_groups;                  /* of the offsets topic */
    struct coordinator *coordinator;    /* owned; of its groups, once we led it: drive_groups.h */
    struct move *move;                  /* its log is on its way to another directory; or NULL */
    int move_code;                      /* of the last that ended */
    int64_t sync_at_ms;                 /* the next one in the background; 0: not written to yet */
    int64_t expire_at_ms;               /* when idle producers are looked for next */
    int64_t noted_end, noted_high_watermark;    /* of the last checkpoint */
    int jobs;                           /* of trim_job.c: our directory must stay ours */
    int64_t retain_at_ms;               /* wall: nothing is due before; 0: look to know */
#ifdef MUTANT_ACK_BEFORE_WRITE
    struct shard_deadline late;         /* early_ack.c */
    struct list late_writes;
    int64_t confirmed;                  /* records confirmed and not written */
#endif
    char topic[];
};

/* Run once when the state or the leadership changed: look again. */
struct partition_wait {
    struct list node;
    void (*run)(struct partition_wait *wait);
};

/* --- what requests need ----------------------------------------------------------------------- */

/* Why a partition can not serve, with the hints that save a round trip. */
struct outcome {
    int code;                           /* 0: fine */
    int32_t leader, leader_epoch;       /* who leads instead; -1: unknown or not the point */
    int64_t limit;                      /* that was exceeded; 0: none */
};

#define OUTCOME_NONE ((struct outcome){ .leader = -1, .leader_epoch = -1 })

enum partition_access {
    ACCESS_READ,
    ACCESS_WRITE,                       /* acks 0 or 1 */
    ACCESS_WRITE_ALL                    /* acks=all */
};

/* The partition `key` if it may serve `access` at this moment under `leader_epoch` (-1: not
 * checked); NULL and the reason in *outcome otherwise. It may still be OPENING. */
struct partition *partition_serving(struct shard *shard, const struct partition_key *key,
                                    int32_t leader_epoch, enum partition_access access,
                                    struct outcome *outcome);

/* First offset that consumers may not read yet. */
int64_t partition_high_watermark(const struct partition *partition);

/* Nobody else can lead at this moment, as far as ZooKeeper is concerned. */
bool partition_lease_holds(const struct partition *partition);

/* --- what reconciliation needs ---------------------------------------------------------------- */

struct partition *partition_find(struct shard *shard, const struct partition_key *key);

/* The picture gives it to us: it is there from now on, but for lack of memory. partition_follow()
 * is due. */
void partition_expect(struct shard *shard, const struct metadata_topic *topic, int32_t index);

/* Follow the picture: as leader, as follower, or not at all. */
void partition_follow(struct shard *shard, const struct metadata_topic *topic, int32_t index,
                      struct shared_config *shared);

/* Not ours any more. Frees it, now or when its open has ended. */
void partition_retire(struct partition *partition, enum partition_fate fate);

/* Who leads is another: those who wait look again. */
void partition_role_changed(struct partition *partition);

/* Somebody wrote to it or read from it: it is not to rest soon. */
void partition_used(struct partition *partition);

/* Open its log if it is not open: the state is OPENING then, or OFFLINE. */
void partition_wake(struct partition *partition);

/* Close the log of an OPEN partition that nobody uses; it is opened again at the next use. */
void partition_rest(struct partition *partition);

/* A job of trim_job.c is over. Frees the partition if only that was waited for. */
void partition_job_ended(struct partition *partition);

/* Its log is to be changed over. pause: an OPEN partition is OPENING, and begins nothing; is_still:
 * nothing is under way any more; resume: it is OPEN as before; change_over: the log is closed,
 * `move` finished, then move_ended(), and the partition is opened anew. NOMEM: it is not begun. */
void partition_pause(struct partition *partition);
bool partition_is_still(const struct partition *partition);
void partition_resume(struct partition *partition);
/* For replica_cut.c, which has paused it: the log may be touched again. */
void partition_cut_ended(struct partition *partition, int code);
int partition_change_over(struct partition *partition, struct log_move *move, struct logdir *to);

/* A write failed for good, or its replica: take it offline; while it is OPENING, at the end of
 * that. */
void partition_fail(struct partition *partition, int code);

/* Those whose log directory is out of use go offline. */
void partitions_leave_fenced(struct shard *shard);

/* Close the log and free. False: not clean. */
bool partition_close(struct partition *partition);

#endif
