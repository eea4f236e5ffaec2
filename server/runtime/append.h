/* runtime/append.h - produce: batches to the ends of partitions, one write per partition and turn.
 *
 * The asker checks each batch (size, checksum) on its own loop, links its entries into a scatter
 * and asks. What must be opened or compressed anew goes through recompress.h first. The owner
 * gathers what a turn brings and writes it when the turn ends. An entry is finished once its
 * batches are in the page cache or, with log.flush.on.ack, on the disk; with acks=all, once all
 * in-sync replicas have them there, which the rules of replication know. */
#ifndef RUNTIME_APPEND_H
#define RUNTIME_APPEND_H

#include <stddef.h>
#include <stdint.h>

#include "common/list.h"
#include "server/runtime/partition.h"
#include "server/runtime/scatter.h"
#include "server/storage/producer_state.h"

struct append_entry {
    struct list node;                   /* in its part */
    struct list queued;                 /* in partition.appends, then in partition.unflushed */
    struct scatter_part *part;

    /* the question */
    struct partition_key key;
    int32_t leader_epoch;               /* -1: not checked */
    enum partition_access access;       /* ACCESS_WRITE or ACCESS_WRITE_ALL */
    bool own;                           /* the broker's: internal topics are for nobody else */
    uint8_t *bytes;                     /* checked batches back to back; kept by the asker's slab */
    size_t size, largest;               /* in all; the largest batch */
    struct producer_numbers numbers;    /* of the batches: see numbers.h */

    int64_t deadline_ms;                /* monotonic: acks=all waits no longer for the others */

    /* recompress.c's; zero before */
    uint8_t *prepared;                  /* owned: what `bytes` points at instead; or NULL */
    int prepared_code;
    struct recompress_job *job;         /* that it is, or was, part of; or NULL */

    struct shard_deadline timeout;      /* of an entry in partition.uncommitted */

    /* the answer */
    struct outcome outcome;
    int64_t base_offset, append_time_ms, log_start;
    int64_t end;                        /* after the last record */
};

/* For scatter.run: every entry of the part is a struct append_entry. */
void append_run(struct scatter_part *part);

/* --- for recompress.c ------------------------------------------------------------------------- */

/* Append the entry when this turn ends: it is as the topic wants it. */
void append_admitted(struct partition *partition, struct append_entry *entry);
/* Finish it with an error. */
void append_refuse(struct append_entry *entry, int code);

/* --- for partition.c -------------------------------------------------------------------------- */

/* Finish all that waits in the partition with an error. */
void append_refuse_all(struct partition *partition, int code);
/* The log is open now: write what has waited when this turn ends. */
void append_resume(struct partition *partition);

/* --- for drive_replica.c ---------------------------------------------------------------------- */

/* Answer those with acks=all that end at or before `end`. */
void append_answer(struct partition *partition, int64_t end, int code);

/* --- for flush.c ------------------------------------------------------------------------------ */

/* A sync has ended well: finish what waited for it. */
void append_flushed(struct partition *partition);

#endif
