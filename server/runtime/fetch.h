/* runtime/fetch.h - fetch: spans of logs, now or as soon as there is enough.
 *
 * The asker fills a struct fetch and its entries, all in memory of its own, and calls
 * fetch_start(). Every owner reads its part; when that is too little and nothing went wrong, it
 * leaves watchers on the partitions. The first of enough new bytes, a change of state, or the
 * deadline makes everybody read again, and that is the answer.
 *
 * Who reads only what is committed stops before the first transaction that is open, is told which
 * transactions were aborted, and is not woken by bytes that it may not read yet. */
#ifndef RUNTIME_FETCH_H
#define RUNTIME_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/list.h"
#include "common/mail.h"
#include "server/runtime/fetch_read.h"
#include "server/runtime/partition.h"
#include "server/runtime/scatter.h"
#include "server/runtime/shard.h"

struct arena;
struct fetch;
struct fetch_part;

struct fetch_entry {
    struct list node;                   /* in its part */
    struct list watching;               /* in partition.watchers */
    struct fetch_part *part;

    struct fetch_item item;
};

/* What one owner works on, beside its scatter_part. */
struct fetch_part {
    struct fetch *fetch;
    struct shard *shard;
    struct mail woken_mail;             /* to the asker's shard, while it has not been told */
    bool watching, told;
    bool opening;                       /* some of its entries are */
    size_t found;                       /* bytes that the last reading gave */
    size_t seen, wanted;              /* while watching, the owner's: bytes so far; worth telling */
};

struct fetch {
    struct scatter scatter;
    struct fetch_part *parts;           /* one per shard */
    size_t bytes_min, bytes_max;
    bool committed;                     /* only what is committed */
    int64_t deadline_ms;                /* monotonic; now or earlier: do not wait */
    struct shard_deadline deadline;
    bool waiting, woken;                /* parked; somebody has news */
    void (*done)(struct fetch *fetch);  /* on the home shard, once; may free the memory */
};

/* Prepare; then add entries with fetch_add() and start. Parts come from `arena`. 0 or K_NOMEM. */
int fetch_init(struct fetch *fetch, struct shard *home, struct arena *arena);
void fetch_add(struct fetch *fetch, struct fetch_entry *entry);
/* done() may be called before this returns. */
void fetch_start(struct fetch *fetch);

/* On the home shard, before done(): do not wait any longer. done() may be called before this
 * returns. */
void fetch_hurry(struct fetch *fetch);

/* --- for partition.c and append.c ------------------------------------------------------------- */

/* `bytes` more can be read; SIZE_MAX: something else changed, and all watchers must look again
 * (none is left in the partition afterwards). */
void fetch_wake(struct partition *partition, size_t bytes);
/* The log is open: whoever waits for what is in it may read, the others wait on. */
void fetch_log_opened(struct partition *partition);

#endif
