/* The next picture: the former one, merged with what a controller says. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "server/runtime/metadata_private.h"

/* The changed topics, sorted by name; owned until they are moved into the picture. */
struct news {
    const struct metadata_topic **topics;
    size_t count, moved;
};

static int topic_compare(const void *left, const void *right)
{
    const struct metadata_topic *const *a = left, *const *b = right;
    return strcmp((*a)->name, (*b)->name);
}

static bool same_ids(const int32_t *a, int32_t a_count, const int32_t *b, int32_t b_count)
{
    return a_count == b_count && (a_count == 0 || memcmp(a, b, (size_t)a_count * sizeof *a) == 0);
}

static bool same_partition(const struct metadata_partition *a, const struct metadata_partition *b)
{
    return a->leader == b->leader && a->leader_epoch == b->leader_epoch &&
           a->version == b->version && a->min_insync == b->min_insync &&
           a->unclean_epoch == b->unclean_epoch && a->flush_on_ack == b->flush_on_ack &&
           same_ids(a->eligible, a->eligible_count, b->eligible, b->eligible_count) &&
           same_ids(a->lost, a->lost_count, b->lost, b->lost_count) &&
           same_ids(a->replicas, a->replica_count, b->replicas, b->replica_count) &&
           same_ids(a->isr, a->isr_count, b->isr, b->isr_count);
}

static bool same_topic(const struct metadata_topic *a, const struct metadata_topic *b)
{
    if (a->partition_count != b->partition_count || a->config_count != b->config_count)
        return false;
    for (int32_t i = 0; i < a->config_count; i++)
        if (strcmp(a->configs[i].name, b->configs[i].name) != 0 ||
            strcmp(a->configs[i].value, b->configs[i].value) != 0)
            return false;
    for (int32_t i = 0; i < a->partition_count; i++)
        if (!same_partition(&a->partitions[i], &b->partitions[i]))
            return false;
    return true;
}

/* The part that `entry` makes of what is known. When nothing differs it is the former part: a new
 * controller tells everything again, and readers look only at topics that are not the same. */
static int make_topic(const struct picture *former, const Kairn__TopicEntry *entry,
                      const struct metadata_topic **out)
{
    const struct metadata_topic *known = NULL;
    struct topic_part *part;

    if (entry->topic_id.len == sizeof(struct uuid)) {
        struct uuid id;
        memcpy(id.bytes, entry->topic_id.data, sizeof id.bytes);
        known = metadata_topic_by_id(&former->metadata, &id);
    }
    int error = topic_part_new(entry, known, &part);
    if (error != 0)
        return error;
    if (known != NULL && same_topic(known, &part->topic)) {
        part_unref(part);
        part = part_ref(topic_part_of(known));
    }
    *out = &part->topic;
    return 0;
}

static int news_make(struct news *news, const struct picture *former,
                     const Kairn__ChangesResponse *changes)
{
    news->topics = calloc(changes->n_topics + 1, sizeof *news->topics);
    if (news->topics == NULL)
        return K_NOMEM;
    for (; news->count < changes->n_topics; news->count++) {
        int error = make_topic(former, changes->topics[news->count], &news->topics[news->count]);
        if (error != 0)
            return error;
    }
    qsort(news->topics, news->count, sizeof *news->topics, topic_compare);
    for (size_t i = 1; i < news->count; i++)
        if (topic_compare(&news->topics[i - 1], &news->topics[i]) == 0)
            return K_MALFORMED;
    return 0;
}

static void news_fini(struct news *news)
{
    for (size_t i = news->moved; i < news->count; i++)
        part_unref(topic_part_of(news->topics[i]));
    free(news->topics);
}

/* Is the id among those that this very answer deletes? */
static bool deletes(const Kairn__ChangesResponse *changes, const struct uuid *id)
{
    for (size_t i = 0; i < changes->n_deleted_topic_ids; i++)
        if (changes->deleted_topic_ids[i].len == sizeof id->bytes &&
            memcmp(changes->deleted_topic_ids[i].data, id->bytes, sizeof id->bytes) == 0)
            return true;
    return false;
}

/* Both sides are sorted by name. What the news names replaces what was there: also when it has
 * another id, for then the former topic is gone. */
static void merge_topics(struct picture *picture, const struct picture *former, struct news *news,
                         const Kairn__ChangesResponse *changes)
{
    size_t old_count = changes->full ? 0 : former->metadata.topic_count;
    size_t old = 0, *count = &picture->metadata.topic_count;

    while (old < old_count || news->moved < news->count) {
        int order = old == old_count ? 1
                    : news->moved == news->count
                        ? -1
                        : topic_compare(&former->topics[old], &news->topics[news->moved]);
        if (order >= 0) {
            picture->topics[(*count)++] = news->topics[news->moved++];
            old += order == 0;
            continue;
        }
        const struct metadata_topic *topic = former->topics[old++];
        if (deletes(changes, &topic->id))
            continue;
        part_ref(topic_part_of(topic));
        picture->topics[(*count)++] = topic;
    }
}

static int share_or_make_parts(struct picture *picture, const struct picture *former,
                               const Kairn__ChangesResponse *changes)
{
    picture->cluster = part_ref(former->cluster);
    if (changes->n_deleted_topic_ids == 0) {
        picture->deleted = part_ref(former->deleted);
    } else {
        int error = deleted_part_new(former->deleted, changes->deleted_topic_ids,
                                     changes->n_deleted_topic_ids, &picture->deleted);
        if (error != 0)
            return error;
    }
    if (!changes->full && changes->n_settings == 0) {
        picture->settings = part_ref(former->settings);
    } else {
        int error = settings_part_new(changes->full ? NULL : former->settings, changes->settings,
                                      changes->n_settings, &picture->settings);
        if (error != 0)
            return error;
    }
    if (!changes->full && !changes->brokers_changed) {
        picture->brokers = part_ref(former->brokers);
        return 0;
    }
    return broker_part_new(changes->brokers, changes->n_brokers, &picture->brokers);
}

int picture_build(const struct picture *former, const Kairn__ChangesResponse *changes,
                  struct picture **out)
{
    struct news news = {0};
    struct picture *picture = NULL;
    int error = news_make(&news, former, changes);
    if (error != 0)
        goto free_news;

    error = K_NOMEM;
    picture = picture_new(news.count + former->metadata.topic_count);
    if (picture == NULL)
        goto free_news;
    error = share_or_make_parts(picture, former, changes);
    if (error != 0)
        goto free_picture;

    merge_topics(picture, former, &news, changes);
    picture->metadata.controller = changes->controller;
    picture->metadata.controller_epoch = changes->controller_epoch;
    picture->metadata.sequence = changes->sequence;
    picture->metadata.topics_missing =
        changes->full ? changes->topics_missing : former->metadata.topics_missing;
    error = picture_complete(picture);
    if (error != 0)
        goto free_picture;
    *out = picture;
    goto free_news;

free_picture:
    picture_unref(picture);
free_news:
    news_fini(&news);
    return error;
}
