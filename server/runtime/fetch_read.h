/* runtime/fetch_read.h - what one partition has for one reader, at this moment.
 *
 * For fetch.c, whose requests name all they want, and fetch_session.c, whose sessions remember it.
 * Reading belongs to the partition's shard; what was read may be taken or dropped on another. */
#ifndef RUNTIME_FETCH_READ_H
#define RUNTIME_FETCH_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/runtime/partition.h"
#include "server/runtime/shard.h"
#include "server/storage/log.h"

struct chain;

/* Aborted transactions that an answer names at most, so that they fit into its head. */
enum { FETCH_ABORTED_MAX = 16384 };

struct fetch_item {
    /* the question */
    struct partition_key key;
    int64_t offset;
    uint32_t bytes_max;                 /* one batch is given even when larger */
    int32_t leader_epoch;               /* -1: not checked */
    int32_t last_epoch;                 /* of the record before `offset`; -1: not checked */

    /* the answer */
    struct outcome outcome;
    bool diverged;                      /* that record is not in the log: nothing was read */
    int32_t diverged_epoch;             /* the largest of the log up to last_epoch */
    int64_t diverged_end;               /* where it ends */
    bool opening;                       /* the log was still being opened: nothing was read */
    int64_t high_watermark, log_start;
    int64_t last_stable;                /* first offset of the oldest open transaction, or the high
                                           watermark; -1: not known */
    struct log_span span;               /* size 0: nothing; else taken with fetch_take() */
    struct aborted_txn *aborted;        /* of the span; owned, freed by fetch_drop(); or NULL */
    size_t aborted_count;
};

/* Who reads on one shard, for one answer. */
struct fetch_reader {
    struct shard *shard;
    bool committed;                     /* only what is committed */
    size_t aborted_room;                /* transactions that the answer may still name */
};

/* No answer yet. */
void fetch_item_init(struct fetch_item *item);

/* Read into at most `room` bytes; `first`: nothing else was read yet, so that one batch is given
 * whatever its size. False: there is something, and no room for it. */
bool fetch_read(struct fetch_reader *reader, struct fetch_item *item, size_t room, bool first);

/* Where a reader of what is committed must stop, looked up anew. False: it has to read again to
 * learn why that is not known. The log is open. */
bool fetch_find_stable(struct partition *partition, struct fetch_item *item);

/* How many of `bytes` new ones count for who reads only what is committed: none behind an open
 * transaction; all that waited behind one (SIZE_MAX) as soon as it ends. */
size_t fetch_committed_bytes(struct partition *partition, struct fetch_item *item, size_t bytes);

/* Append what was read to a chain, which owns it from then on (not the list of aborted
 * transactions). Returns 0 or K_NOMEM. */
int fetch_take(struct fetch_item *item, struct chain *chain);
/* One of item->aborted. */
void fetch_aborted(const struct fetch_item *item, size_t index, int64_t *producer_id,
                   int64_t *first_offset);
/* Drop what was read. */
void fetch_drop(struct fetch_item *item);

#endif
