/* storage/log_trim.h - raise the start of a log; what lies before it is gone for good.
 *
 * The disk is waited for elsewhere, so it takes steps. Those with the log belong to its loop, the
 * others may run on any thread, and block:
 *
 *   begin     the directory is told of the new start
 *   persist   it is on the disk
 *   apply     the log starts there: earlier offsets can not be read, whole segments leave it
 *   doom      their files are renamed, so that no later open finds them
 *   end       their files are handed over for deletion
 *
 * Invariants
 *   T1  log_start() never says what a power cut could take back (but see below), nor goes back
 *       other than by log_truncate()
 *   T2  segments go oldest first: at no moment is there a hole between those that may be read
 *   T3  readers that hold a reference go on undisturbed
 *
 * On a full disk the start can not be written, and yet it is then that space must become free:
 * whole segments go all the same, each synced before the next. If power is cut in the middle, some
 * of them are there again, with all that follows. */
#ifndef STORAGE_LOG_TRIM_H
#define STORAGE_LOG_TRIM_H

#include <stddef.h>
#include <stdint.h>

struct doomed_list;
struct log;
struct log_trim;

/* Why segments go: those that end at or before `size_end` for retention.bytes, those after them up
 * to `time_end` for retention.ms, all others because the log starts behind them. */
struct log_trim_reason {
    int64_t size_end, time_end;
};

/* Raise the start to `offset`; all that is in the log must be below the caller's limit (the high
 * watermark). The active segment is rolled if nothing of it is to stay. *out is NULL when the log
 * starts there or later already. 0, OFFSET_OUT_OF_RANGE (beyond the end), NOMEM,
 * KAFKA_STORAGE_ERROR. */
int log_trim_begin(struct log *log, int64_t offset, const struct log_trim_reason *reason,
                   struct log_trim **out);

/* 0, DISK_FULL, NOMEM, IO, KAFKA_STORAGE_ERROR: to be handed to log_trim_apply(). */
int log_trim_persist(struct log_trim *trim);

/* `result` is that of persist. Returns 0; NOT_LEADER_OR_FOLLOWER (the log was truncated meanwhile);
 * DISK_FULL (only as far as whole segments could go), NOMEM: the start may come to be raised by the
 * next open; KAFKA_STORAGE_ERROR. Go on with doom in any case. */
int log_trim_apply(struct log *log, struct log_trim *trim, int result);

/* 0, IO. */
int log_trim_doom(struct log_trim *trim);

/* What has gone. */
struct log_trimmed {
    size_t segments;
    int64_t bytes;
};

/* `result` is that of doom. The files become due at `due_ms`, on a full disk at once. Frees. 0,
 * KAFKA_STORAGE_ERROR. */
int log_trim_end(struct log *log, struct log_trim *trim, int result, struct doomed_list *doomed,
                 int64_t due_ms, struct log_trimmed *out);

/* Free, at any point, with the log or without it; NULL is allowed. What was not done is done by the
 * next open, or the next trim. */
void log_trim_abandon(struct log_trim *trim);

#endif
