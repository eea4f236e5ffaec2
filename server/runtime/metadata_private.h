/* runtime/metadata_private.h - how pictures are made of shared parts. For metadata*.c only.
 *
 * A picture owns an array of pointers and an index; topics, the broker table, brokers' settings,
 * the list of deletions and the cluster's id are parts: constant, counted, shared by all pictures
 * in which they are the same. So a change costs a pointer per topic, not a copy per partition. */
#ifndef RUNTIME_METADATA_PRIVATE_H
#define RUNTIME_METADATA_PRIVATE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/kairn.pb-c.h"
#include "server/runtime/metadata.h"

/* In front of every part; the part and all that it points to are one allocation. */
struct part {
    atomic_uint references;
};

struct topic_part {
    struct part part;
    struct metadata_topic topic;
};

struct broker_part {
    struct part part;
    size_t count;
    struct metadata_broker brokers[];
};

struct settings_part {
    struct part part;
    size_t count;
    struct metadata_settings items[];
};

struct deleted_part {
    struct part part;
    size_t count;
    struct uuid ids[];
};

struct cluster_part {
    struct part part;
    char id[];
};

struct picture {
    atomic_uint references;
    struct metadata metadata; /* what others see */
    struct cluster_part *cluster;
    struct broker_part *brokers;
    struct settings_part *settings;
    struct deleted_part *deleted;
    const struct metadata_topic **topics; /* in topic_parts; sorted by name */
    uint32_t *by_id;                      /* open hash of positions + 1; 0: free */
    size_t slot_count;                    /* power of two, at most half full */
};

static inline struct topic_part *topic_part_of(const struct metadata_topic *topic)
{
    return (struct topic_part *)((char *)(uintptr_t)topic - offsetof(struct topic_part, topic));
}

void *part_new(size_t size); /* cleared, one reference; NULL: out of memory */
void *part_ref(void *part);
void part_unref(void *part); /* NULL is allowed */

/* metadata_parts.c: parts from what the controller says. 0, K_NOMEM or K_MALFORMED. */
int topic_part_new(const Kairn__TopicEntry *entry, const struct metadata_topic *former,
                   struct topic_part **out);
int broker_part_new(Kairn__BrokerEntry *const *entries, size_t count, struct broker_part **out);

/* `former` (NULL: nothing is known), with what `entries` tell put in the place of what was known of
 * the same broker. */
int settings_part_new(const struct settings_part *former, Kairn__SettingsEntry *const *entries,
                      size_t count, struct settings_part **out);

/* `former` (newest last), then the ids it does not hold yet; the oldest go beyond
 * METADATA_DELETED_MAX. */
int deleted_part_new(const struct deleted_part *former, const ProtobufCBinaryData *ids,
                     size_t count, struct deleted_part **out);

/* metadata_build.c: the picture that follows from `former` and a controller's answer. */
int picture_build(const struct picture *former, const Kairn__ChangesResponse *changes,
                  struct picture **out);

/* metadata.c: a picture with room for so many topics, none in it; parts NULL. NULL: out of memory.
 */
struct picture *picture_new(size_t topic_room);
/* Make what others see of it: after topics and parts are in. K_MALFORMED: two topics share an id.
 */
int picture_complete(struct picture *picture);
void picture_unref(struct picture *picture); /* NULL is allowed */

#endif
