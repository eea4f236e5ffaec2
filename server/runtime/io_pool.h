/* runtime/io_pool.h - threads for what blocks on a disk.
 *
 * Three mail targets: whoever posts a mail has its deliver() run on one of the pool's threads, in
 * the order of posting but several at a time; deliver() posts the object back when it is done.
 *
 *   urgent      somebody waits for the answer: syncs before acknowledgements, cold reads. Threads
 *               of its own, and whoever works on what is normal looks here first.
 *   normal      opening, recovery, checkpoints, compressing batches anew.
 *   background  what may take its time: compaction, deletion. Low-priority threads of its own. */
#ifndef RUNTIME_IO_POOL_H
#define RUNTIME_IO_POOL_H

#include <stdbool.h>

#include "common/mail.h"

struct io_pool;

/* Start a pool with `threads` threads (at least 1) for what is normal, and a few each for what is
 * urgent and for the background. Returns 0 or K_NOMEM. */
int io_pool_new(int threads, struct io_pool **out);

/* Any thread; also from within the pool. */
struct mail_target *io_pool_urgent(struct io_pool *pool);
struct mail_target *io_pool_target(struct io_pool *pool);
struct mail_target *io_pool_background(struct io_pool *pool);

/* The pool is being freed: a background job of more than a few milliseconds asks now and then and
 * ends early, leaving things as they can be found by the next start. Any thread. */
bool io_pool_stopping(const struct io_pool *pool);

/* Finish all that was posted, then end the threads. Not from within the pool. NULL is allowed. */
void io_pool_free(struct io_pool *pool);

#endif
