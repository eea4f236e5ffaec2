/* health.h - how a partition is, in one word; the worst that is true of it counts. */
#ifndef TOOLS_KAIRN_HEALTH_H
#define TOOLS_KAIRN_HEALTH_H

#include <stdbool.h>
#include <stddef.h>

#include "client/klient.h"
#include "tools/kairn/colour.h"
#include "tools/kairn/command.h"

enum health {
    HEALTH_OK,
    HEALTH_UNDER_REPLICATED,            /* a replica is not in sync */
    HEALTH_UNDER_MIN_ISR,               /* acks=all is refused, nothing is committed */
    HEALTH_OFFLINE,                     /* nobody leads */
    HEALTH_COUNT
};

enum health health_of(const klient_partition_info_t *partition);
const char *health_name(enum health health);        /* "ok", "UNDER-REPLICATED", ... */
enum colour health_colour(enum health health);

/* Which partitions the flags --under-replicated, --under-min-isr and --unavailable ask for: any
 * that one of them means, all without a flag. */
bool health_wanted(const struct args *args, enum health health);
bool health_filtered(const struct args *args);      /* is there such a flag? */

/* "1,2,3", or "-" for none; cut when it does not fit. Returns `text`. */
const char *health_ids(char *text, size_t size, const int32_t *ids, size_t count);

/* What is wrong with it and with which brokers, for people, into `text`. */
void health_explain(const klient_partition_info_t *partition, char *text, size_t size);

klient_topic_info_t topic_at(const klient_metadata_t *metadata, size_t index);
klient_partition_info_t partition_at(const klient_metadata_t *metadata, size_t topic,
                                     size_t index);

#endif
