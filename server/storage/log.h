/* storage/log.h - the log of one partition: append whole batches at the end, read anywhere.
 *
 * Belongs to the loop that owns the partition; not thread-safe. Only spans that were read may be
 * used elsewhere: they hold a reference of their segment. Offsets are record offsets, positions
 * are bytes in a file, `end` is exclusive. Files are Kafka's (docs/disk-format.md).
 *
 * Invariants (asserted in log.c)
 *   L1  start <= end; segments are sorted by base offset and do not overlap
 *   L2  only the last segment is written; its file ends where its last whole batch ends
 *   L3  every index entry points at the start of a batch of its segment
 *   L4  a failed append leaves the file as it was, or the directory fenced */
#ifndef STORAGE_LOG_H
#define STORAGE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"
#include "common/uuid.h"

struct log;
struct logdir;

/* What a topic's configuration means to its logs; topic override or broker default. */
struct log_config {
    int32_t segment_bytes;            /* roll before this size */
    int64_t segment_ms;               /* roll when the first record is older */
    int32_t index_bytes;              /* most bytes of an index file */
    int32_t index_interval_bytes;     /* log bytes between index entries */
    int32_t max_message_bytes;        /* of one batch */
    bool append_time;                 /* message.timestamp.type=LogAppendTime */
    bool cleanup_delete;              /* old segments go, by the next two */
    int64_t retention_ms;             /* -1: no matter how old */
    int64_t retention_bytes;          /* -1: no matter how many */
    int64_t segment_jitter_ms;        /* roll up to this much earlier than segment_ms */
    bool compacted;                   /* cleanup.policy says compact */
    bool preallocate;                 /* a new segment gets its room at once */
};

struct log_options {
    struct logdir *directory;         /* borrowed */
    const char *topic;                /* copied */
    int32_t partition;
    struct uuid topic_id;
    struct log_config config;
};

/* Open, or create when missing. After an unclean stop everything past the recovery point is
 * checked, and the log cut at the first bad batch (logged with offsets). Returns 0,
 * INCONSISTENT_TOPIC_ID (the directory belongs to another topic of the same name), CORRUPT, IO,
 * DISK_FULL, NOMEM, KAFKA_STORAGE_ERROR (directory fenced). Blocks on the disk: run it in the
 * io pool when recovery may be long. */
int log_open(const struct log_options *options, struct log **out, struct k_reason *reason);

/* Write out what is buffered (indexes), and free. `clean`: the files are complete, so that the
 * next open needs no recovery once the directory is marked clean. NULL is allowed. */
int log_close(struct log *log, bool clean);

/* Close and remove: the directory is renamed to "<name>.<uuid>-delete", to be deleted later, at the
 * latest by logdir_delete_doomed(). *doomed (unless NULL) receives its new path, the caller's to
 * free, or NULL if it could not be renamed. */
int log_remove(struct log *log, char **doomed);

void log_set_config(struct log *log, const struct log_config *config);

struct log_append {
    uint8_t *bytes; /* one or more checked batches back to back; stamped in place */
    size_t size;
    /* results, when the append returned 0 */
    int64_t base_offset;              /* of the first record */
    int64_t append_time_ms;           /* -1 unless log-append time was stamped */
    int32_t records;
};

/* Append the batches of `count` appends in order, with one write per segment touched. All or
 * nothing. Returns 0, DISK_FULL (nothing written, try again later), KAFKA_STORAGE_ERROR (the
 * directory is fenced from now on), NOMEM, FENCED_LEADER_EPOCH (the log holds records of a larger
 * epoch). MESSAGE_TOO_LARGE is the caller's to check before. */
int log_append(struct log *log, struct log_append *appends, size_t count, int32_t leader_epoch,
               int64_t wall_ms);

/* A run of whole batches in one segment file. */
struct log_span {
    int fd;
    off_t position;
    size_t size;                      /* 0: nothing there */
    int64_t next;                     /* no batch of it reaches this offset */
    struct segment *segment;          /* reference; give back with log_span_release() */
};

/* The batches from the one that contains `offset` up to `end` (exclusive, for instance the high
 * watermark) and at most `max_bytes`, but always at least one whole batch if there is one below
 * `end`. Within one segment. Returns 0 (size 0 when offset == end), OFFSET_OUT_OF_RANGE (before
 * the start or after the log's end), KAFKA_STORAGE_ERROR (directory fenced), CORRUPT, IO, NOMEM. */
int log_read(struct log *log, int64_t offset, int64_t end, size_t max_bytes, struct log_span *out);

/* Give all descriptors back; what is needed again is opened again. False: some are in use
 * elsewhere. A write that failed since the last sync is told by the system to who opens the file
 * next, so the next sync still hears of it. */
bool log_rest_files(struct log *log);

/* Give the reference back; any thread. Takes a pointer so that it fits a chain's release. */
void log_span_release(void *segment);

/* Where a reader of committed data must stop, at most `end` (the high watermark): the start of the
 * oldest transaction that is open. IO, NOMEM. */
int log_stable_end(struct log *log, int64_t end, int64_t *out);

/* May batches of an idempotent producer be appended, or are they there already? See
 * producer_state_check(). Also KAFKA_STORAGE_ERROR, NOMEM. */
struct producer_numbers;
int log_check_numbers(struct log *log, const struct producer_numbers *numbers, int64_t *stored);

/* Called at intervals: forget the producers that have not written for `rounds` of them. */
void log_expire_producers(struct log *log, uint32_t rounds);

/* The aborted transactions with an offset in [from, to) (txn_index.h): *out is the caller's to
 * free(), NULL when there are none. IO, NOMEM, DISK_FULL. */
struct aborted_txn;
int log_find_aborted(struct log *log, int64_t from, int64_t to, struct aborted_txn **out,
                     size_t *count);

/* First record at or after `timestamp`: *offset -1 when there is none. 0, CORRUPT, IO, NOMEM. */
int log_find_timestamp(struct log *log, int64_t timestamp, int64_t *offset, int64_t *found);
/* The record with the largest timestamp (list-offsets -3). */
int log_find_max_timestamp(struct log *log, int64_t *offset, int64_t *found);

int64_t log_start(const struct log *log);
int64_t log_end(const struct log *log);            /* offset of the next record */
size_t log_segments(const struct log *log);        /* how many */
int64_t log_size(const struct log *log);           /* bytes of all segments */
const struct uuid *log_topic_id(const struct log *log);

/* A follower appends what its leader has: whole batches back to back, written as they are. All of
 * it is checked first: shape, checksum, offsets at or behind our end (where the leader's log is
 * compacted they leave gaps), epochs that never go back and are at most the leader's. The epoch
 * trail and the producers learn what the batches say. All or nothing, as log_append(); only a gap
 * that is too wide for one segment divides it. An empty log that starts inside of the first batch
 * takes it whole. Returns 0, CORRUPT_MESSAGE or UNSUPPORTED_COMPRESSION_TYPE (nothing is written;
 * logged), DISK_FULL, KAFKA_STORAGE_ERROR, NOMEM. */
int log_append_copies(struct log *log, const uint8_t *bytes, size_t size, int32_t leader_epoch,
                      int64_t wall_ms);

/* --- the epoch trail (log_epochs.c) ----------------------------------------------------------- */

/* We lead in `epoch`, and our first record in it will be at the log's end: others ask where the
 * epochs before it end, although it has no record yet. In memory only, until that record: what a
 * crash takes of it, the next leader's says. May be repeated. 0, FENCED_LEADER_EPOCH (a larger one
 * has begun), KAFKA_STORAGE_ERROR, NOMEM. */
int log_begin_epoch(struct log *log, int32_t epoch);

/* Of the last record, also when it was trimmed; -1: there never was one, or nobody knows. An epoch
 * that has begun and has no record is no answer: who follows must ask by what it has. */
int32_t log_last_epoch(const struct log *log);

/* Where the records of `epoch` and of all before it end: *found_epoch is the largest epoch of the
 * log that is at most `epoch`. When all are larger it is `epoch` itself, which ended at the log's
 * start at the latest. -1, twice, when the log knows of no epoch, or `epoch` is -1. */
int64_t log_epoch_end(const struct log *log, int32_t epoch, int32_t *found_epoch);

/* --- cutting (log_truncate.c) ----------------------------------------------------------------- */

/* Remove everything from `offset` on: records, the epochs that begin there (also when there is no
 * record to remove), what producers and transactions left behind. Batches go whole: when `offset`
 * is inside of one, or in a gap, the log ends earlier, never later. The recovery point and the
 * marks of the directory are lowered first, and the cut is on the disk on return. Bytes that were
 * handed out are never written over. 0, KAFKA_STORAGE_ERROR, DISK_FULL or NOMEM (nothing was
 * done). */
int log_truncate(struct log *log, int64_t offset);

/* Drop everything, producers and epochs too: the log starts and ends at `start`. A crash on the way
 * leaves all of the log, or one without records at either start. As log_truncate(); BUSY: the start
 * goes back while segments that were trimmed there are on their way out: once more, later. */
int log_reset(struct log *log, int64_t start);

/* fdatasync what is not yet synced and move the recovery point. Blocks. */
int log_flush(struct log *log);
int64_t log_recovery_point(const struct log *log);
bool log_settled(const struct log *log);           /* all of it is synced, names and epochs too */

/* The same in three steps, so that the disk is waited for elsewhere: begin and end belong to the
 * loop, run may be called by any thread. The log may be appended to, truncated and closed meanwhile
 * (after log_close() only log_sync_abandon() may follow).
 *
 * begin   NOMEM, KAFKA_STORAGE_ERROR; *out is NULL when all is synced
 * extend  the sync covers what was appended since it began as well; false when it can not: its
 *         run has begun, or more than the end of one file has changed
 * chain   `next` is run together with `sync`; of another log of the same directory
 * run     the whole chain; blocks. Few files are synced one by one, more with the whole file system
 * end     tells the log how the run went and frees; KAFKA_STORAGE_ERROR
 * abandon frees */
struct log_sync;
int log_sync_begin(struct log *log, struct log_sync **out);
bool log_sync_extend(const struct log *log, struct log_sync *sync);
void log_sync_chain(struct log_sync *sync, struct log_sync *next);
void log_sync_run(struct log_sync *sync);
int log_sync_end(struct log *log, struct log_sync *sync);
void log_sync_abandon(struct log_sync *sync);

/* Once a second: tell the directory how far the log is written, so that a start after a mere crash
 * of the process checks only what came later, and write indexes that lag a megabyte behind to the
 * page cache. Does not sync. Returns 0, DISK_FULL (harmless), KAFKA_STORAGE_ERROR. */
int log_checkpoint(struct log *log);

#endif
