/* runtime/purge.h - deletes doomed files when their delay is over, as background work of the io
 * pool.
 *
 * Belongs to a loop. What still waits at the stop is deleted by the next start. For the files of
 * runtime/ only. */
#ifndef RUNTIME_PURGE_H
#define RUNTIME_PURGE_H

#include <stdbool.h>
#include <stdint.h>

#include "server/storage/doomed.h"

struct logdir;
struct io_pool;
struct loop;
struct timer;

struct purge {
    struct loop *loop;                  /* borrowed */
    struct io_pool *pool;               /* borrowed */
    struct timer *timer;                /* owned */
    struct doomed_list waiting;         /* due by the loop's monotonic clock; add, then wake */
    bool busy;                          /* some are being deleted: one batch at a time */
    bool closed;
};

/* 0 or NOMEM. */
int purge_init(struct purge *purge, struct loop *loop, struct io_pool *pool);

/* After loop and pool have ended; also if purge_init() failed, or was not called on zeroes. */
void purge_fini(struct purge *purge);

/* Delete a directory after `delay_ms`. */
void purge_directory(struct purge *purge, struct logdir *owner, const char *path, int64_t delay_ms);

/* The moment after `delay_ms`, by the loop's clock; never past the end of time. */
int64_t purge_due_ms(const struct purge *purge, int64_t delay_ms);

/* Something was added to what waits. */
void purge_wake(struct purge *purge);

/* Begin with nothing any more. */
void purge_close(struct purge *purge);

#endif
