/* runtime/flush_cycle.h - group commit: what waits for the disk in one log directory is synced
 * together.
 *
 * One cycle at a time per flush_cycle. Whoever has written hands over what must be synced; a cycle
 * takes all that is there, syncs it by one call of storage and gives each job back. What came
 * meanwhile is the next cycle, which begins at once. No lock: the queue is a stack that posters
 * push to and the one cycle takes whole. */
#ifndef RUNTIME_FLUSH_CYCLE_H
#define RUNTIME_FLUSH_CYCLE_H

#include <stdatomic.h>

#include "common/mail.h"

struct log_sync;

struct flush_job {
    struct flush_job *next;             /* while it waits */
    struct mail mail;
    struct log_sync *sync;              /* of a log in this directory */
    struct mail_target *answer_to;      /* where done() runs */
    void (*done)(struct flush_job *job);        /* log_sync_end() is due */
};

struct flush_cycle {
    struct mail mail;
    struct mail_target *pool;           /* borrowed */
    struct flush_job running;           /* stands in the queue for an empty one of a cycle */
    _Atomic(struct flush_job *) waiting;        /* NULL: no cycle runs */
};

/* Cycles run in `pool`. The memory must stay until the pool has ended. */
void flush_cycle_init(struct flush_cycle *cycle, struct mail_target *pool);

/* Any thread. done() is called once. Until the job's cycle begins, log_sync_extend() may add to
 * it. */
void flush_cycle_add(struct flush_cycle *cycle, struct flush_job *job);

#endif
