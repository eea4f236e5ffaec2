/* runtime/append.h - produce: batches to the ends of partitions, one write per partition and turn.
 *
 * The asker checks each batch (size, checksum) on its own loop, links its entries into a scatter
 * and asks. The owner gathers what a turn brings and writes it when the turn ends; an entry is
 * finished once its batches are in the page cache. */
#ifndef RUNTIME_APPEND_H
#define RUNTIME_APPEND_H

#include <stddef.h>
#include <stdint.h>

#include "common/list.h"
#include "server/runtime/partition.h"
#include "server/runtime/scatter.h"

struct append_entry {
    struct list node;                   /* in its part */
    struct list queued;                 /* in partition.appends */
    struct scatter_part *part;

    /* the question */
    struct partition_key key;
    int32_t leader_epoch;               /* -1: not checked */
    enum partition_access access;       /* ACCESS_WRITE or ACCESS_WRITE_ALL */
    uint8_t *bytes;                     /* checked batches back to back; kept by the asker's slab */
    size_t size, largest;               /* in all; the largest batch */

    /* the answer */
    struct outcome outcome;
    int64_t base_offset, append_time_ms, log_start;
};

/* For scatter.run: every entry of the part is a struct append_entry. */
void append_run(struct scatter_part *part);

/* --- for partition.c -------------------------------------------------------------------------- */

/* Finish all that waits in the partition with an error. */
void append_refuse_all(struct partition *partition, int code);
/* The log is open now: write what has waited when this turn ends. */
void append_resume(struct partition *partition);

#endif
