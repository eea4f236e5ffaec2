/* runtime/drive_replica.h - the shell around core/replica: one partition's rules, carried out.
 *
 * Belongs to the partition's shard; for the files of runtime/ only. Never re-entrant: what an order
 * brings about at once (an append, a truncation) is the next step of the same call, and whatever is
 * told of it (readers, sessions, waiting produces) only asks, or is answered.
 *
 * Invariants
 *   D1  a step is never begun from within another one of the same shard
 *   D2  the replica is told of everything that is true of the log, before anything else happens
 *   D3  what may be read is replica.high_watermark, and nothing else says so */
#ifndef RUNTIME_DRIVE_REPLICA_H
#define RUNTIME_DRIVE_REPLICA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/core/replica.h"

struct metadata_partition;
struct partition;
struct shard;

/* A new partition: nothing is known of its log. Returns 0 or NOMEM. */
int drive_init(struct partition *partition);
/* It is not ours any more: nobody is told or asked anything for it. */
void drive_retired(struct partition *partition);
void drive_fini(struct partition *partition);

/* What the picture says of it. */
void drive_assigned(struct partition *partition, const struct metadata_partition *known);
/* log.flush.on.ack may be another now. */
void drive_configured(struct partition *partition);

/* The log is open: for the first time, after an error, or again after it rested. */
void drive_opened(struct partition *partition);
/* It is out of use, because of an error. From within a step, the step that follows says so. */
void drive_failed(struct partition *partition);

/* The log ends later, more of it is on the disk, or it starts later. */
void drive_appended(struct partition *partition);
void drive_flushed(struct partition *partition);
void drive_trimmed(struct partition *partition);

/* An order to cut the log was carried out, or (`code`) could not be. */
void drive_truncated(struct partition *partition, int code);

/* A follower asks; *answer says what it may have. */
struct drive_fetch {
    int32_t follower;
    struct uuid incarnation;
    int32_t leader_epoch, last_epoch;
    int32_t version;                    /* of the state that the follower knew, -1: not told */
    int64_t offset, flushed;
};
struct drive_fetch_answer {
    int code;
    bool diverged;
    int32_t diverged_epoch;
    int64_t diverged_end;
    int64_t start, high_watermark, end;
};
/* False: the log has to be opened first, and is being opened; the session hears when it is. */
bool drive_fetch(struct partition *partition, const struct drive_fetch *question,
                 struct drive_fetch_answer *answer);

/* Our leader's answer. `bytes` are whole batches, [first, end) their offsets; first is what was
 * asked for. */
struct drive_fetched {
    uint64_t round;
    int code;
    int64_t leader_start, high_watermark;
    bool diverged;
    int32_t diverged_epoch;
    int64_t diverged_end;
    uint8_t *bytes;
    size_t size;                        /* 0: no records */
    int64_t first, end;
};
/* False: as above; the same question has to be asked again when the log is open. */
bool drive_fetched(struct partition *partition, const struct drive_fetched *answer);

/* The controller's verdict on proposal `round`. */
void drive_isr_answered(struct partition *partition, uint64_t round, int code);
/* The picture is that of another controller. */
void drive_reign(struct partition *partition);

/* Does the stored state name us leader? (Whether we may serve is asked in partition_serving().) */
bool drive_leads(const struct partition *partition);

#endif
