/* storage/clean_job.h - one cleaning of one log, from the decision to the last renamed file.
 *
 * The work changes hands: what reads and writes belongs in a pool (clean_away), what changes the
 * log belongs to the log's loop (clean_home); clean_turn() says who is next, and between two turns
 * the job is nobody's. The log may be appended to, read, truncated, trimmed and closed meanwhile.
 *
 * Group after group the new segment takes the place of the old ones:
 *   1 away  write "<base>.*.cleaned"; sync the files, the recovery point, the directory
 *   2 home  rename them to ".swap", the log file last: from here on the swap is decided
 *   3 away  sync the directory
 *   4 home  doom the old segments, put the new one into the log's list
 *   5 away  sync the directory, delete the doomed
 *   6 home  rename ".swap" to the live names, the log file last
 * Invariants:
 *   J1  a record is only removed from the directory once its replacement is durable and can be
 *       found there as ".swap"; whatever is cut off, each key's last value is there exactly once
 *   J2  what loads finds: no ".swap" log file: ".cleaned" never happened. One: all within its
 *       offsets is in it, the old segments there go, and it becomes live
 *   J3  only sealed segments below the owner's limit and the recovery point are replaced: holes
 *       are trusted where everything is synced, nowhere else
 *   J4  a group is replaced only if its segments are those that were read; a truncation ends the
 *       job before anything else happens */
#ifndef STORAGE_CLEAN_JOB_H
#define STORAGE_CLEAN_JOB_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/storage/clean_plan.h"

struct clean_job;
struct io;
struct log;

struct clean_options {
    int64_t limit;                      /* the owner's: nothing at or beyond it is touched */
    int64_t now_ms;                     /* wall time */
    int64_t min_lag_ms;                 /* younger segments stay as they are */
    int64_t delete_retention_ms;
    int64_t producer_expiry_ms;
    size_t map_bytes;
    double map_load;
    size_t buffer_bytes;                /* of reading and of writing, each */
};

enum clean_turn { CLEAN_AWAY, CLEAN_HOME, CLEAN_OVER };

/* The dirty part of the log, from its checkpoint. */
int log_clean_range(const struct log *log, int64_t limit, struct clean_range *out);

/* Close the active segment, so that it can be cleaned. DISK_FULL, NOMEM, KAFKA_STORAGE_ERROR. */
int log_clean_roll(struct log *log);

/* How old is the dirty part? The largest timestamp of the first batch of its first segment, as
 * Kafka has it. `probe` is made at home and run away; *first_ms is -1 when it does not say. */
struct clean_probe {
    const struct io *io;                /* borrowed */
    char path[PATH_MAX];
};
void log_clean_probe(const struct log *log, int64_t from, struct clean_probe *out);
int clean_probe_run(const struct clean_probe *probe, int64_t *first_ms);

/* Begin. NOT_FOUND: nothing to clean; BUSY: a job is under way; NOMEM, KAFKA_STORAGE_ERROR. */
int clean_begin(struct log *log, const struct clean_options *options, struct clean_job **out);

enum clean_turn clean_turn(const struct clean_job *job);

/* In the pool: about `budget` bytes of work. Returns the bytes that were read and written. */
int64_t clean_away(struct clean_job *job, size_t budget);

/* On the log's loop. The job's failure is told by clean_outcome(); this returns 0 or
 * KAFKA_STORAGE_ERROR (the directory is fenced). */
int clean_home(struct clean_job *job);

/* End it as soon as possible; any thread. */
void clean_cancel(struct clean_job *job);

/* After a turn at home. */
struct clean_outcome {
    int code;                           /* 0; CLOSED: it was ended; why it failed */
    bool set_aside;                     /* the log itself can not be cleaned */
    const char *fault;                  /* with CORRUPT: what is wrong, at which offset */
    int64_t fault_offset;
    int64_t from, upto;                 /* offsets */
    int64_t bytes_before, bytes_after;  /* of the groups that were rewritten */
    int64_t bytes_read, bytes_to_read;  /* progress */
};
void clean_outcome(const struct clean_job *job, struct clean_outcome *out);

/* Free; on the log's loop, or anywhere once the log is closed. Between turns at any time: the
 * next load of the log tidies up what an unfinished job leaves. NULL is allowed. */
void clean_free(struct clean_job *job);

/* The log is about to be truncated: the job ends, its files are what they were before or after a
 * swap. IO. For log.c. */
int clean_interrupt(struct log *log);

/* The log is closed: the job ends, and touches it no more. For log.c. */
void clean_detach(struct log *log);

/* In a directory with names that end in ".swap", before its segments are opened: finish or undo
 * what a crash left. IO, NOMEM. For log_load.c. */
int clean_recover(const struct io *io, const char *path);

#endif
