/* storage/log_producers.h - the producer state and aborted transactions of one log, in memory and
 * in its files; for the files of storage/ only. docs/disk-format.md says when a snapshot is made.
 *
 * Invariants
 *   P1  the state is what every batch below log->end with a producer id made of it
 *   P2  a snapshot file at S is believed only when S <= log->end, and after the machine stopped
 *       only when S <= recovery point
 *   P3  an aborted transaction whose marker lies below a believed snapshot stands in its segment's
 *       .txnindex: written before a snapshot is, synced before the recovery point passes it. The
 *       others are found again by reading the log from the snapshot on
 *   P4  a snapshot at the base of a segment is durable before the recovery point passes it, for
 *       what wrote it may be deleted */
#ifndef STORAGE_LOG_PRODUCERS_H
#define STORAGE_LOG_PRODUCERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/storage/producer_state.h"

struct log;
struct segment;

struct log_producers {
    struct producer_state state;
    int64_t pending;            /* the state is in this snapshot, not read yet; -1: in memory */
    int64_t newest;             /* newest snapshot file; -1: none */
    int64_t newest_position;    /* where in the active segment it was taken */
    int64_t loose;              /* a snapshot at no segment's base: the next one replaces it; -1 */
    bool open;                  /* the log is: before that, nothing is written */
    bool lost;                  /* the state could not be read: it has to be found again */
};

void log_producers_init(struct log *log);
void log_producers_fini(struct log *log);

/* Once start and end of a log that is being opened are known. After a clean stop nothing is read:
 * the state waits in its file until it is needed. IO, NOMEM. */
int log_producers_open(struct log *log, bool clean);

/* Before a batch with a producer id is written to the active segment: whatever may fail is done, so
 * that noting it and the `count` - 1 before it can not. NOMEM, IO, DISK_FULL. */
int log_producers_reserve(struct log *log, const uint8_t *batch, size_t count);
/* After it was written. */
void log_producers_note(struct log *log, const uint8_t *batch);

/* Write the state at log->end, unless it is there. DISK_FULL, IO, NOMEM. */
int log_producers_snapshot(struct log *log);
/* The active segment begins at log->end now. */
void log_producers_rolled(struct log *log);
/* An append was refused, and the log is about to end at `end` again: the snapshots go that rolls
 * have left beyond, also one that failed half way. For the state see
 * log_producers_truncate(). IO. */
int log_producers_unrolled(struct log *log, int64_t end);
/* Once a second: a snapshot if much was written since the last. DISK_FULL, IO, NOMEM. */
int log_producers_checkpoint(struct log *log);

/* The log was cut at log->end. IO, NOMEM, DISK_FULL. */
int log_producers_truncate(struct log *log);
/* The log is about to be emptied: no producers, no snapshots. IO, NOMEM. */
int log_producers_forget(struct log *log);

/* A sync begins: what it has to cover is written. DISK_FULL, IO. */
int log_producers_sync_begin(struct log *log);
/* Names have changed: sync the snapshots at the bases of `segments`, the one at `loose` (-1: none),
 * and the indexes of aborted transactions. Any thread. 0 or k_error. */
struct io;
int log_producers_sync(const struct io *io, const char *path, struct segment *const *segments,
                       size_t count, int64_t loose);

#endif
