/* reading.h - a consumer that reads partitions of one topic up to where they end now. */
#ifndef TOOLS_KAIRN_READING_H
#define TOOLS_KAIRN_READING_H

#include <stdbool.h>

#include "client/klient.h"
#include "tools/kairn/command.h"

struct reading {
    const struct args *args;
    klient_consumer_t *consumer;
    const char *topic;
    int64_t timeout_ms;                 /* for what is asked before reading */
    klient_topic_partition_t *partitions;   /* owned */
    int64_t *ends;                      /* owned: where to stop, per partition */
    size_t count;
};

/* How many partitions the topic has; `only` (-1: all) must be one of them. EXIT_DONE, or said. */
int reading_count_partitions(const struct args *args, klient_consumer_t *consumer,
                             const char *topic, int64_t only, int64_t timeout_ms, int32_t *count);

/* The partitions of the topic, or `only` one of them (-1: all). EXIT_DONE, or said. */
int reading_find(struct reading *reading, int64_t only);

/* Assign them, and note where they end. */
klient_code_t reading_assign(struct reading *reading, klient_error_t **error);

/* Has everything up to there been read? Positions, not records: the last offsets of a partition may
 * hold none. */
bool reading_at_end(struct reading *reading);

/* What is owned; not the consumer. */
void reading_free(struct reading *reading);

#endif
