/* runtime/io_pool.h - threads for what blocks on a disk: opening, recovery, deletion, checkpoints.
 *
 * A mail target: whoever posts a mail has its deliver() run on one of the threads, in the order
 * of posting but several at a time; deliver() posts the object back when it is done. */
#ifndef RUNTIME_IO_POOL_H
#define RUNTIME_IO_POOL_H

#include "common/mail.h"

struct io_pool;

/* Start `threads` threads (at least 1). Returns 0 or K_NOMEM. */
int io_pool_new(int threads, struct io_pool **out);

/* Any thread; also from within the pool. */
struct mail_target *io_pool_target(struct io_pool *pool);

/* Finish all that was posted, then end the threads. Not from within the pool. NULL is allowed. */
void io_pool_free(struct io_pool *pool);

#endif
