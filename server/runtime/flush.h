/* runtime/flush.h - syncs of a partition's log: what confirms records, and what only bounds how
 * much is read after a crash of the machine.
 *
 * Belongs to the shard; the disk is waited for in the directory's flush cycles (flush_cycle.h).
 * For the files of runtime/ only. */
#ifndef RUNTIME_FLUSH_H
#define RUNTIME_FLUSH_H

#include <stdbool.h>

#include "common/list.h"

struct flush_sync;
struct partition;

/* What a partition has under way. */
struct flush_state {
    struct list syncs;                  /* struct flush_sync.node */
    struct flush_sync *latest;          /* the last for acknowledgements that was begun, or NULL */
    bool background;                    /* one of the others is under way */
};

void flush_init(struct flush_state *flush);

/* Somebody waits until all that was written so far is on the disk: append_flushed() is called
 * once it is. Without memory for it now, upkeep.c asks again. */
void flush_soon(struct partition *partition);

/* Sync what is not synced yet, when the disk has nothing more urgent to do. */
void flush_in_background(struct partition *partition);

/* The partition's log goes away: forget what is under way. */
void flush_forget(struct flush_state *flush);

#endif
