/* storage/log_internal.h - what the files of one log share: the struct and its helpers. */
#ifndef STORAGE_LOG_INTERNAL_H
#define STORAGE_LOG_INTERNAL_H

#include "server/storage/epoch_file.h"
#include "server/storage/io.h"
#include "server/storage/log.h"
#include "server/storage/log_producers.h"
#include "server/storage/logdir.h"
#include "server/storage/segment.h"

struct clean_job;
struct log_opened;

/* A log in which a follower found gaps says so in its directory: recovery can not know it. */
#define LOG_GAPS_NAME "kairn-gaps"

enum { LOG_SERVED = 8 };        /* readers whose place is remembered */

/* Where a reader will come back to: `offset` begins at `position` of the segment at `base`. */
struct log_served {
    int64_t offset;             /* -1: unused */
    int64_t base;
    int64_t position;
};

struct log {
    struct logdir *directory;           /* borrowed */
    const struct io *io;                /* the directory's */
    char *topic;                        /* owned */
    int32_t partition;
    struct uuid topic_id;
    struct log_config config;
    char *path;                         /* owned; of the partition's directory */

    struct segment **segments;          /* owned; ascending; never empty once open */
    size_t segment_count, segment_capacity;
    int64_t start, end;
    int64_t recovery_point;             /* below it everything is synced */
    struct epoch_file epochs;
    bool epochs_unsynced;
    bool gaps;                          /* offsets may be missing anywhere: log_copy.c */
    struct log_producers producers;
    bool names_unsynced; /* files were made or deleted since the directory was synced */
    unsigned epochs_syncing, names_syncing;     /* syncs under way that took the flags along */
    uint64_t truncations;               /* a sync that began before one proves nothing */

    unsigned dooming;                   /* trims whose files still have their names */
    struct clean_job *cleaning;         /* under way, or NULL */

    struct log_opened *opened;          /* sealed segments that are, some of them; log_rest.c */
    struct log_served *served;          /* LOG_SERVED of them; NULL until somebody reads */
    unsigned served_next;
};

static inline struct segment *log_active(const struct log *log)
{
    return log->segments[log->segment_count - 1];
}

/* Index of the segment that holds `offset`: the last with base <= offset; 0 when all are later. */
size_t log_segment_index(const struct log *log, int64_t offset);

/* Take over `segment` as the newest. NOMEM. */
int log_push_segment(struct log *log, struct segment *segment);

/* Delete the newest segment with its files. IO. */
int log_pop_segment(struct log *log);

/* Make an empty segment at `base` the active one; the former is sealed. DISK_FULL, IO, NOMEM. */
int log_roll(struct log *log, int64_t base);

/* A sealed segment was opened for a reader, or it was the active one: others may go to rest. */
void log_segment_opened(struct log *log, const struct segment *segment);

/* Which ones were: they are closed, or all of them will be. */
void log_forget_opened(struct log *log);

/* All sealed segments that nobody reads go to rest. */
void log_rest_segments(struct log *log);

/* Append batches to the end; `leader_epoch` is stamped, with the offsets, unless they are copies.
 * For those of log_append() whose epoch is known to the trail. As log_append(). */
int log_place(struct log *log, struct log_append *appends, size_t count, bool copies,
              int32_t leader_epoch, int64_t wall_ms);

/* Write the epochs if they changed. DISK_FULL, IO. */
int log_save_epochs(struct log *log);

/* What to do about a failed write or sync: DISK_FULL and NOMEM are passed on, anything else
 * fences the directory and is KAFKA_STORAGE_ERROR. */
int log_failed(struct log *log, int error, const char *what);

/* Forget the places of readers. */
void log_forget_served(struct log *log);

/* What the directory remembers of this log; -1: nothing. */
int64_t log_mark(const struct log *log, enum logdir_mark mark);

/* Check the listed segments, as far as `clean` (the last stop was) and the marks make it necessary;
 * what is no good is cut, logged with offsets (log_recover.c). IO, NOMEM, DISK_FULL. */
int log_check(struct log *log, bool clean);

/* Fill segments, start, end, epochs from the directory (log_load.c). */
int log_load(struct log *log, bool trusted, struct k_reason *reason);

void log_assert_invariants(const struct log *log);

#endif
