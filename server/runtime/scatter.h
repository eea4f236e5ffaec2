/* runtime/scatter.h - one question about many partitions: split by owner, asked, gathered.
 *
 * The asker (on its home shard) owns all memory and keeps it until done(). Each owner works on
 * its part on its own loop; the part of the home shard needs no mail. Parts are asked in an
 * order that keeps the order of requests of one connection. */
#ifndef RUNTIME_SCATTER_H
#define RUNTIME_SCATTER_H

#include <stdint.h>

#include "common/list.h"
#include "common/mail.h"
#include "common/uuid.h"

struct arena;
struct scatter;
struct shard;
struct shards;

struct scatter_part {
    struct mail mail;
    struct scatter *scatter;
    struct shard *shard;            /* who works on it */
    struct list entries;            /* linked by the asker with scatter_add() */
    uint32_t left;                  /* for run(): how many entries are not yet finished */
};

struct scatter {
    struct shard *home;
    struct scatter_part *parts;     /* one per shard */
    int part_count;
    int pending;                    /* parts not yet back, plus one while asking */
    /* On the part's shard: work, then call scatter_part_done() once, now or later. */
    void (*run)(struct scatter_part *part);
    /* On the home shard, once all parts are done; possibly from within scatter_ask(). */
    void (*done)(struct scatter *scatter);
};

/* Parts come from `arena`. Returns 0 or K_NOMEM. */
int scatter_init(struct scatter *scatter, struct shard *home, struct arena *arena);

/* Add an entry to the part of the partition's owner. Returns the part. */
struct scatter_part *scatter_add(struct scatter *scatter, const struct uuid *topic_id,
                                 int32_t partition, struct list *entry);

/* Ask all parts that have entries. May be called again after done(), with another run(). */
void scatter_ask(struct scatter *scatter);

/* On the part's shard. The part is the asker's again. */
void scatter_part_done(struct scatter_part *part);

#endif
