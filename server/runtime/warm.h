/* runtime/warm.h - reads spans of files into the page cache, so that sending them stalls no loop.
 *
 * What was written lately is in the cache already, and that is most of what is sent: then the
 * question is all that it costs. */
#ifndef RUNTIME_WARM_H
#define RUNTIME_WARM_H

#include <stdbool.h>

#include "common/mail.h"

struct chain;
struct io_pool;
struct loop;

/* Embedded in whoever owns the chain. */
struct warming {
    struct mail mail;
    const struct chain *chain;          /* borrowed */
    struct loop *answer_to;             /* borrowed */
    void (*done)(struct warming *warming);
};

/* Would sending the chain wait for a disk, as far as the two ends of its spans tell? Never blocks.
 * Where the file system can not say, no. */
bool warm_is_needed(const struct chain *chain);

/* Read the chain's spans, and ahead of each, in the pool; then done() on `answer_to`. The chain
 * must not change meanwhile. A span that can not be read is left to whoever sends it. */
void warm_start(struct warming *warming, const struct chain *chain, struct io_pool *pool,
                struct loop *answer_to, void (*done)(struct warming *warming));

#endif
