/* Pictures: looking things up, counting references, publishing the newest. */
#include "server/runtime/metadata.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "server/runtime/metadata_private.h"

/* The mutex guards one pointer for as long as it takes to count a reference: an atomic swap alone
 * could hand out a picture in the moment in which its last reference goes. */
struct metadata_cell {
    pthread_mutex_t mutex;
    struct picture *current;
    struct picture *partial; /* parts of a longer answer; the control loop's, NULL: none */
};

/* --- parts ------------------------------------------------------------------------------------ */

void *part_new(size_t size)
{
    struct part *part = calloc(1, size);
    if (part != NULL)
        atomic_init(&part->references, 1);
    return part;
}

void *part_ref(void *part)
{
    atomic_fetch_add_explicit(&((struct part *)part)->references, 1, memory_order_relaxed);
    return part;
}

void part_unref(void *part)
{
    if (part != NULL &&
        atomic_fetch_sub_explicit(&((struct part *)part)->references, 1, memory_order_acq_rel) == 1)
        free(part);
}

/* --- pictures --------------------------------------------------------------------------------- */

static struct picture *picture_of(const struct metadata *metadata)
{
    return (struct picture *)((char *)(uintptr_t)metadata - offsetof(struct picture, metadata));
}

struct picture *picture_new(size_t topic_room)
{
    struct picture *picture = calloc(1, sizeof *picture);
    if (picture == NULL)
        return NULL;
    atomic_init(&picture->references, 1);
    picture->slot_count = 8;
    while (picture->slot_count < 2 * topic_room)
        picture->slot_count *= 2;
    picture->topics = calloc(topic_room + 1, sizeof *picture->topics);
    picture->by_id = calloc(picture->slot_count, sizeof *picture->by_id);
    if (picture->topics == NULL || picture->by_id == NULL) {
        picture_unref(picture);
        return NULL;
    }
    return picture;
}

int picture_complete(struct picture *picture)
{
    struct metadata *metadata = &picture->metadata;

    metadata->cluster_id = picture->cluster->id;
    metadata->brokers = picture->brokers->brokers;
    metadata->broker_count = picture->brokers->count;
    metadata->settings = picture->settings->items;
    metadata->settings_count = picture->settings->count;
    metadata->deleted = picture->deleted->ids;
    metadata->deleted_count = picture->deleted->count;
    metadata->topics = picture->topics;
    for (size_t i = 0; i < metadata->topic_count; i++) {
        size_t slot = uuid_hash(&picture->topics[i]->id) & (picture->slot_count - 1);
        while (picture->by_id[slot] != 0) {
            if (uuid_equal(&picture->topics[picture->by_id[slot] - 1]->id, &picture->topics[i]->id))
                return K_MALFORMED;
            slot = (slot + 1) & (picture->slot_count - 1);
        }
        picture->by_id[slot] = (uint32_t)(i + 1);
    }
    return 0;
}

void picture_unref(struct picture *picture)
{
    if (picture == NULL ||
        atomic_fetch_sub_explicit(&picture->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; picture->topics != NULL && i < picture->metadata.topic_count; i++)
        part_unref(topic_part_of(picture->topics[i]));
    part_unref(picture->cluster);
    part_unref(picture->brokers);
    part_unref(picture->settings);
    part_unref(picture->deleted);
    free(picture->topics);
    free(picture->by_id);
    free(picture);
}

/* --- looking things up ------------------------------------------------------------------------ */

const struct metadata_topic *metadata_topic_by_name(const struct metadata *metadata,
                                                    const char *name)
{
    size_t low = 0, high = metadata->topic_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(metadata->topics[middle]->name, name);
        if (order == 0)
            return metadata->topics[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct metadata_topic *metadata_topic_by_id(const struct metadata *metadata,
                                                  const struct uuid *id)
{
    const struct picture *picture = picture_of(metadata);
    size_t slot = uuid_hash(id) & (picture->slot_count - 1);

    for (; picture->by_id[slot] != 0; slot = (slot + 1) & (picture->slot_count - 1)) {
        const struct metadata_topic *topic = metadata->topics[picture->by_id[slot] - 1];
        if (uuid_equal(&topic->id, id))
            return topic;
    }
    return NULL;
}

bool metadata_was_deleted(const struct metadata *metadata, const struct uuid *topic_id)
{
    for (size_t i = metadata->deleted_count; i > 0; i--) {
        if (uuid_equal(&metadata->deleted[i - 1], topic_id))
            return true;
    }
    return false;
}

const struct metadata_broker *metadata_broker(const struct metadata *metadata, int32_t id)
{
    size_t low = 0, high = metadata->broker_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (metadata->brokers[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < metadata->broker_count && metadata->brokers[low].id == id ? &metadata->brokers[low]
                                                                           : NULL;
}

const struct metadata_settings *metadata_settings(const struct metadata *metadata,
                                                  const char *broker)
{
    for (size_t i = 0; i < metadata->settings_count; i++) {
        if (strcmp(metadata->settings[i].broker, broker) == 0)
            return &metadata->settings[i];
    }
    return NULL;
}

int32_t metadata_loop_of(const struct uuid *topic_id, int32_t partition, int32_t loops)
{
    if (loops <= 1)
        return 0;
    /* Neighbouring partitions go to neighbouring loops, so that a topic uses all of them. Brokers
     * tell clients the loops of others: a change of this is a change of the protocol. */
    return (int32_t)((uuid_hash(topic_id) + (uint64_t)partition) % (uint64_t)loops);
}

/* --- the published picture -------------------------------------------------------------------- */

int metadata_cell_new(const char *cluster_id, struct metadata_cell **out)
{
    size_t size = strlen(cluster_id) + 1;
    struct metadata_cell *cell = calloc(1, sizeof *cell);
    struct picture *picture = picture_new(0);

    if (cell == NULL || picture == NULL)
        goto free_all;
    picture->cluster = part_new(sizeof *picture->cluster + size);
    picture->brokers = part_new(sizeof *picture->brokers);
    picture->settings = part_new(sizeof *picture->settings);
    picture->deleted = part_new(sizeof *picture->deleted);
    if (picture->cluster == NULL || picture->brokers == NULL || picture->settings == NULL ||
        picture->deleted == NULL || pthread_mutex_init(&cell->mutex, NULL) != 0)
        goto free_all;

    memcpy(picture->cluster->id, cluster_id, size);
    picture->metadata.controller = -1;
    picture_complete(picture); /* without topics nothing can be wrong */
    cell->current = picture;
    *out = cell;
    return 0;

free_all:
    picture_unref(picture);
    free(cell);
    return K_NOMEM;
}

void metadata_cell_free(struct metadata_cell *cell)
{
    if (cell == NULL)
        return;
    picture_unref(cell->current);
    picture_unref(cell->partial);
    pthread_mutex_destroy(&cell->mutex);
    free(cell);
}

const struct metadata *metadata_get(struct metadata_cell *cell)
{
    pthread_mutex_lock(&cell->mutex);
    struct picture *picture = cell->current;
    atomic_fetch_add_explicit(&picture->references, 1, memory_order_relaxed);
    pthread_mutex_unlock(&cell->mutex);
    return &picture->metadata;
}

void metadata_put(const struct metadata *metadata)
{
    if (metadata != NULL)
        picture_unref(picture_of(metadata));
}

/* Is it news? Answers of former controllers, repeated ones, and those of a controller that has no
 * picture yet (epoch 0) are not. */
static bool is_newer(const struct metadata *metadata, const Kairn__ChangesResponse *changes)
{
    if (changes->controller_epoch != metadata->controller_epoch)
        return changes->controller_epoch > metadata->controller_epoch;
    return changes->sequence > metadata->sequence;
}

/* What the next answer adds to. Only the control loop replaces pictures, so it needs no lock. */
static struct picture *newest(const struct metadata_cell *cell)
{
    return cell->partial != NULL ? cell->partial : cell->current;
}

struct metadata_progress metadata_progress(const struct metadata_cell *cell)
{
    const struct metadata *metadata = &newest(cell)->metadata;

    return (struct metadata_progress){ metadata->controller_epoch, metadata->sequence,
                                       cell->partial != NULL };
}

static void publish(struct metadata_cell *cell, struct picture *picture)
{
    struct picture *former = cell->current;

    pthread_mutex_lock(&cell->mutex);
    cell->current = picture;
    pthread_mutex_unlock(&cell->mutex);
    picture_unref(former);
}

int metadata_apply(struct metadata_cell *cell, const struct Kairn__ChangesResponse *changes)
{
    struct picture *former = newest(cell), *picture = NULL;
    bool same_reign = changes->controller_epoch == former->metadata.controller_epoch;
    /* The first part of a full picture may end before what is known: we had fallen too far back. */
    bool starts_over = changes->full && changes->more && same_reign;

    if (!starts_over && !is_newer(&former->metadata, changes))
        return 0;
    /* Changes are steps from one picture to the next of the same controller. */
    if (!changes->full && !same_reign)
        return K_MALFORMED;

    int error = picture_build(former, changes, &picture);
    if (error != 0)
        return error;
    picture_unref(cell->partial);
    cell->partial = changes->more ? picture : NULL;
    if (!changes->more)
        publish(cell, picture);
    return 0;
}
