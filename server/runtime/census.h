/* runtime/census.h - the gauges that nobody keeps: how many partitions there are of each kind, and
 * how far followers are behind, is counted when somebody asks.
 *
 * On the asker's shard, but for the counting: each shard counts its own. */
#ifndef RUNTIME_CENSUS_H
#define RUNTIME_CENSUS_H

#include "server/runtime/scatter.h"

struct arena;
struct census_entry;
struct shard;

/* Embedded in the asker's object, zeroed, but for done; lives until then. */
struct census {
    struct scatter scatter;
    struct census_entry *entries;       /* one per shard */
    /* The gauges of the broker's metrics are set. On the asker's shard, maybe at once. */
    void (*done)(struct census *census);
};

/* Returns 0 or K_NOMEM (done() is not called). What it needs comes from `arena`. */
int census_take(struct census *census, struct shard *home, struct arena *arena);

#endif
