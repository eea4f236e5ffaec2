/* runtime/metadata.h - the picture of the cluster that this broker has: an immutable snapshot.
 *
 * The control loop builds each new picture from the former and the controller's changes, and
 * publishes it by swapping a pointer; loops take references. Everything reachable from a picture is
 * constant and lives as long as a reference is held. Thread-safe. */
#ifndef RUNTIME_METADATA_H
#define RUNTIME_METADATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/uuid.h"

struct metadata_endpoint { const char *listener, *protocol, *host; uint16_t port; };

struct metadata_broker {
    int32_t id;
    struct uuid incarnation;
    const struct metadata_endpoint *endpoints;
    size_t endpoint_count;
    const char *rack;                  /* "": none */
    int32_t loops;
};

struct metadata_partition {
    int32_t leader, leader_epoch;      /* leader -1: none */
    int32_t version;
    int32_t min_insync;                /* at least 1 */
    int32_t unclean_epoch;             /* -1: no leader was ever elected that may lack records */
    bool flush_on_ack;
    int32_t replica_count, isr_count, eligible_count;
    int32_t lost_count;                /* whose brokers can not use their copies */
    const int32_t *replicas, *isr, *eligible, *lost;
};

struct metadata_config { const char *name, *value; };

struct metadata_topic {
    const char *name;
    struct uuid id;
    int32_t partition_count;
    const struct metadata_partition *partitions;
    int32_t config_count;
    const struct metadata_config *configs;
};

/* What is configured of a broker while it runs, or of all brokers: by its id, or "<default>". */
struct metadata_settings {
    const char *broker;
    int32_t config_count;
    const struct metadata_config *configs;
};

struct metadata {
    int32_t controller;                /* -1: none known */
    int32_t controller_epoch;
    uint64_t sequence;
    const char *cluster_id;
    size_t broker_count;
    const struct metadata_broker *brokers;           /* sorted by id */
    size_t settings_count;
    const struct metadata_settings *settings;        /* only those with anything in them */
    size_t topic_count;
    const struct metadata_topic *const *topics;      /* sorted by name */
    /* Topics that the controller said were deleted, newest last, at most
     * METADATA_DELETED_MAX: their logs may be removed. A topic that is merely absent (from a full
     * picture) may not: its logs are set aside. */
    size_t deleted_count;
    const struct uuid *deleted;
    bool topics_missing;               /* some that exist are not told of: their logs stay */
};

enum { METADATA_DELETED_MAX = 1024 };

const struct metadata_topic *metadata_topic_by_name(const struct metadata *metadata,
                                                    const char *name);
const struct metadata_topic *metadata_topic_by_id(const struct metadata *metadata,
                                                  const struct uuid *id);
/* Is it among the topics that the controller said were deleted? */
bool metadata_was_deleted(const struct metadata *metadata, const struct uuid *topic_id);
const struct metadata_broker *metadata_broker(const struct metadata *metadata, int32_t id);

/* NULL: nothing is configured of it. */
const struct metadata_settings *metadata_settings(const struct metadata *metadata,
                                                  const char *broker);

/* Which loop of a broker with `loops` loops owns the partition. */
int32_t metadata_loop_of(const struct uuid *topic_id, int32_t partition, int32_t loops);

/* The published picture. */
struct metadata_cell;
int metadata_cell_new(const char *cluster_id, struct metadata_cell **out);
void metadata_cell_free(struct metadata_cell *cell);
const struct metadata *metadata_get(struct metadata_cell *cell);       /* takes a reference */
void metadata_put(const struct metadata *metadata);                     /* gives it back */

/* Apply a controller's answer to the current picture and publish the result. Older answers
 * (controller epoch, sequence) are ignored. An answer that says that more follows is kept aside,
 * and published together with the last of its parts: nobody sees half a picture. Control loop
 * only. Returns 0, NOMEM or MALFORMED. */
struct Kairn__ChangesResponse;
int metadata_apply(struct metadata_cell *cell, const struct Kairn__ChangesResponse *changes);
/* How far the answers applied so far reach, parts kept aside included (then `partial`): what to ask
 * for next. Control loop only. */
struct metadata_progress { int32_t controller_epoch; uint64_t sequence; bool partial; };
struct metadata_progress metadata_progress(const struct metadata_cell *cell);

#endif
