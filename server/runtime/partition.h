/* runtime/partition.h - one partition on the shard that owns it; for the files of runtime/ only.
 *
 *   IDLE --open--> OPENING --> OPEN --> (a failed write) OFFLINE
 *                     \-----> OFFLINE --(disk was full: after a while)--> OPENING
 *   OPEN --(nobody used it for long, all is synced)--> OPENING --> IDLE        (rest.c)
 *   OPEN --(its log is to be in another directory)--> OPENING --> OPEN         (move.c)
 *
 * Only a partition that this broker leads is opened: at once when its log is new or may be hurt,
 * after a clean stop at its first use. While OPENING, the log is with the io pool (to be opened or
 * to be closed) and requests wait. Who comes by without a request, for upkeep, either leaves an
 * IDLE partition alone or wakes it: partition_wake(). */
#ifndef RUNTIME_PARTITION_H
#define RUNTIME_PARTITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/list.h"
#include "common/uuid.h"
#include "server/runtime/batch_rules.h"
#include "server/runtime/flush.h"
#include "server/runtime/shard.h"
#include "server/runtime/topic_config.h"

struct cleaning;
struct dirs_order;
struct log;
struct logdir;
struct log_move;
struct metadata_partition;
struct metadata_topic;
struct move;
struct recompress_job;

enum partition_state { PARTITION_IDLE, PARTITION_OPENING, PARTITION_OPEN, PARTITION_OFFLINE };

/* What becomes of a partition's data when the partition is no longer ours. */
enum partition_fate { PARTITION_STAYS, PARTITION_REMOVED, PARTITION_SET_ASIDE };

struct partition_key {
    struct uuid topic_id;
    int32_t index;
};

struct partition {
    struct shard *shard;
    struct partition_key key;
    char *topic;                        /* owned */
    enum partition_state state;
    enum partition_fate fate;      /* other than STAYS: out of the map, waits for its open to end */
    int offline_code;                   /* OFFLINE: the answer */
    bool leading, sole_member;          /* we are the only in-sync replica */
    int32_t leader_epoch;
    struct topic_config config;
    struct batch_rules rules;           /* what the configuration means to produced batches */
    struct logdir *directory;           /* where the log is; borrowed */
    struct log *log;                    /* owned; OPEN, and OFFLINE after a failed write */
    int64_t high_watermark;             /* OPEN: see partition_high_watermark() */
    struct list appends;                /* struct append_entry.queued: to be written */
    struct list unflushed;              /* struct append_entry.queued: written, not synced */
    struct list dirty;                  /* in shard.dirty while appends wait */
    struct list preparing;              /* struct append_entry.queued: before a recompress job */
    struct list unprepared;             /* in shard.unprepared while it wants a job's turn */
    struct recompress_job *job;         /* under way, or NULL */
    struct list watchers;               /* struct fetch_entry.watching: told of new data */
    struct list waiting;                /* struct partition_wait: for the end of OPENING */
    struct shard_deadline retry;        /* of a failed open */
    struct list awake;                  /* OPEN: in shard.awake, by used_ms */
    int64_t used_ms;
    struct list touched;                /* in shard.touched: written to since the last checkpoint */
    struct flush_state flush;
    struct cleaning *cleaning;          /* owned; NULL: never thought of */
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

/* First offset that consumers may not read yet: with one replica, the log's end; with
 * log.flush.on.ack, the end of what is on the disk. It never goes back while the log is open. */
int64_t partition_high_watermark(const struct partition *partition);

/* --- what reconciliation needs ---------------------------------------------------------------- */

struct partition *partition_find(struct shard *shard, const struct partition_key *key);

/* Follow the picture: become or stay leader (opening the log when needed), or stop leading. */
void partition_follow(struct shard *shard, const struct metadata_topic *topic, int32_t index);

/* Not ours any more. Frees it, now or when its open has ended. */
void partition_retire(struct partition *partition, enum partition_fate fate);

/* Open the log of a partition that we lead if it is not open: the state is OPENING then, or
 * OFFLINE. */
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
int partition_change_over(struct partition *partition, struct log_move *move, struct logdir *to);

/* A write failed for good: take it offline. */
void partition_fail(struct partition *partition, int code);

/* Those whose log directory is out of use go offline. */
void partitions_leave_fenced(struct shard *shard);

/* Close the log and free. False: not clean. */
bool partition_close(struct partition *partition);

#endif
