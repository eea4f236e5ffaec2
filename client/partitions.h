/* partitions.h - a set of partitions, sorted by topic and number. Not thread-safe. */
#ifndef CLIENT_PARTITIONS_H
#define CLIENT_PARTITIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/klient.h"
#include "common/arena.h"
#include "proto/consumer_protocol.h"

enum { TOPIC_NAME_MAX = 249 };

struct partitions {
    klient_topic_partition_t *items;        /* in the arena, as are the names */
    size_t count;
    struct arena arena;
};

void partitions_init(struct partitions *set);           /* empty */
void partitions_fini(struct partitions *set);
void partitions_clear(struct partitions *set);

/* Replace what is in it by what a group's leader wrote; no bytes at all are an empty assignment. 0;
 * K_CORRUPT (also for a partition twice, or that there can not be) and K_NOMEM leave it empty. */
int partitions_read(struct partitions *set, const void *bytes, size_t size);

/* Add what is in the other. 0, or K_NOMEM: nothing was added. */
int partitions_unite(struct partitions *set, const struct partitions *other);

bool partitions_has(const struct partitions *set, const char *topic, int32_t partition);

/* Is all of it in the other? */
bool partitions_within(const struct partitions *set, const struct partitions *other);

/* The set by topic, as members tell it; *out and all it points to are in `arena`. 0 or K_NOMEM. */
int partitions_by_topic(const struct partitions *set, struct arena *arena,
                        struct consumer_partitions **out, int32_t *count);

#endif
