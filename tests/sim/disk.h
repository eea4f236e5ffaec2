/* disk.h - what one broker's disk holds: logs, how much of them is safe, who it belonged to.
 *
 * A process that dies loses nothing; a power cut keeps what was flushed and a random part of what
 * was written after. */
#ifndef TESTS_SIM_DISK_H
#define TESTS_SIM_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/rand.h"
#include "common/uuid.h"
#include "tests/sim/zk.h"

enum { LOG_RECORDS_MAX = 1024, INCARNATIONS_MAX = 32 };

struct record {
    int32_t epoch;
    uint32_t id;                /* no two records ever sent have the same one */
    int32_t producer;           /* -1: not idempotent */
    int32_t sequence;
};

/* Records stand at their offsets. */
struct sim_log {
    bool exists;
    int64_t start, end, flushed;
    int64_t high_watermark;     /* as it was checkpointed */
    struct record records[LOG_RECORDS_MAX];
};

struct disk {
    struct uuid id;             /* of the directory */
    /* of processes: the last one that is known to have registered, and those after it */
    struct uuid incarnations[INCARNATIONS_MAX];
    int incarnation_count;
    bool power_lost;            /* since the last process, what was not flushed may be gone */
    bool failed, full;
    struct sim_log logs[SIM_PARTITIONS_MAX];
};

int32_t log_last_epoch(const struct sim_log *log);      /* -1: no record */

/* The largest epoch up to `epoch` that the log has, and where it ends; -1: no such epoch. */
int32_t log_epoch_end(const struct sim_log *log, int32_t epoch, int64_t *end);

void log_append(struct sim_log *log, const struct record *record);
void log_truncate(struct sim_log *log, int64_t end);
void log_reset(struct sim_log *log, int64_t offset);
void log_trim(struct sim_log *log, int64_t start);

/* Of an idempotent producer: the last sequence, -1: none; and the offset where `sequence` stands
 * among its last five, -1: it does not. */
int32_t log_last_sequence(const struct sim_log *log, int32_t producer);
int64_t log_find_sequence(const struct sim_log *log, int32_t producer, int32_t sequence);

/* A process begins; one has registered; is the recorded one of this disk's? */
void disk_begins(struct disk *disk, const struct uuid *incarnation);
void disk_registered(struct disk *disk);
bool disk_knows(const struct disk *disk, const struct uuid *incarnation);

void disk_cut_power(struct disk *disk, struct rand *rand);
void disk_wipe(struct disk *disk, struct uuid id);

#endif
