/* consume.h - what kairn consume is about: with partitions of its own choice, or those that its
 * group gives it. */
#ifndef TOOLS_KAIRN_CONSUME_H
#define TOOLS_KAIRN_CONSUME_H

#include <stdbool.h>

#include "tools/kairn/connect.h"
#include "tools/kairn/moment.h"

struct record_format;

enum { CONSUME_TOPICS_MAX = 100 };

/* Where to stop in a partition, with --exit-at-end. */
struct consume_end {
    char *topic;                        /* owned */
    int32_t partition;
    int64_t offset;
};

struct consuming {
    const struct args *args;
    const char *group;                  /* NULL: partitions are assigned by hand */
    struct place from;
    int64_t left;                       /* --max: how many records are still wanted */
    int64_t timeout_ms;                 /* for what is asked before reading */
    struct record_format *format;
    klient_consumer_t *consumer;
    struct consume_end *ends;           /* of all partitions that were ever ours */
    size_t end_count, end_capacity;
    int64_t assigned_ms;                /* in a group: when it was last shared out; 0: not yet */
    int status;                         /* what went wrong in a callback; EXIT_DONE: nothing */
};

/* Note where the partitions that are not known end now. False: said. */
bool consume_note_ends(struct consuming *consuming, const klient_topic_partition_t *partitions,
                       size_t count);

/* --- consume_group.c -------------------------------------------------------------------------- */

/* Is what was asked for possible in a group? EXIT_DONE, or what to exit with: said. */
int consume_group_check(const struct consuming *consuming);

/* The configuration of a member. NULL: said, *status is what to exit with. */
klient_config_t *consume_group_config(const struct consuming *consuming, int *status);

/* Subscribe to what the operands name. EXIT_DONE, or what to exit with: said. */
int consume_group_join(struct consuming *consuming);

/* The first `count` records are printed and out of our hands: commit them, soon. */
void consume_group_store(struct consuming *consuming, klient_records_t *records, size_t count);

/* Has the group settled, so that what is ours now is our share? */
bool consume_group_settled(const struct consuming *consuming);

#endif
