#include "server/core/cluster.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/controller_private.h"
#include "server/core/election.h"

void cluster_init(struct cluster *cluster, uint64_t seed)
{
    memset(cluster, 0, sizeof *cluster);
    cluster->next_life = 1;
    list_init(&cluster->topics);
    list_init(&cluster->settings);
    map_init_seeded(&cluster->by_name, seed);
    map_init_seeded(&cluster->by_id, seed);
}

void cluster_fini(struct cluster *cluster)
{
    cluster_clear(cluster);
    map_fini(&cluster->by_name);
    map_fini(&cluster->by_id);
}

static void settings_fini(struct settings *settings)
{
    assert(list_empty(&settings->alterations));
    list_remove(&settings->queue);
    configs_fini(&settings->configs);
}

void cluster_clear(struct cluster *cluster)
{
    while (!list_empty(&cluster->topics))
        cluster_remove(cluster, LIST_OWNER(cluster->topics.next, struct topic, order));
    while (!list_empty(&cluster->settings)) {
        struct broker_settings *broker =
            LIST_OWNER(cluster->settings.next, struct broker_settings, order);
        list_remove(&broker->order);
        settings_fini(&broker->settings);
        free(broker);
    }
    free(cluster->brokers);
    free(cluster->lives);
    cluster->brokers = NULL;
    cluster->lives = NULL;
    cluster->broker_count = 0;
}

static void settings_init(struct settings *settings, struct topic *topic)
{
    settings->version = -1;
    settings->topic = topic;
    list_init(&settings->alterations);
    list_init(&settings->queue);
}

/* --- brokers ---------------------------------------------------------------------------------- */

static int broker_compare(const void *left, const void *right)
{
    const struct controller_broker *a = left, *b = right;
    return (a->id > b->id) - (a->id < b->id);
}

/* Sort by id and keep the last of equal ids. Insertion sort: stable, and the set is small. */
static size_t brokers_sort(struct controller_broker *brokers, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        struct controller_broker broker = brokers[i];
        size_t at = kept;
        while (at > 0 && broker_compare(&brokers[at - 1], &broker) > 0)
            at--;
        if (at > 0 && brokers[at - 1].id == broker.id) {
            brokers[at - 1] = broker;
            continue;
        }
        memmove(&brokers[at + 1], &brokers[at], (kept - at) * sizeof *brokers);
        brokers[at] = broker;
        kept++;
    }
    return kept;
}

int cluster_set_brokers(struct cluster *cluster, const struct controller_broker *brokers,
                        size_t count, bool *changed)
{
    struct controller_broker *sorted = calloc(count + 1, sizeof *sorted);
    struct broker_life *lives = calloc(count + 1, sizeof *lives);

    if (sorted == NULL || lives == NULL) {
        free(sorted);
        free(lives);
        return K_NOMEM;
    }
    if (count > 0)
        memcpy(sorted, brokers, count * sizeof *sorted);
    count = brokers_sort(sorted, count);

    bool differs = count != cluster->broker_count;
    for (size_t i = 0; i < count; i++) {
        const struct controller_broker *old =
            broker_find(cluster->brokers, cluster->broker_count, sorted[i].id);
        bool same_life = old != NULL && uuid_equal(&old->incarnation, &sorted[i].incarnation) &&
                         (old->lossy || !sorted[i].lossy);

#ifdef MUTANT_INCARNATION_IGNORED
        same_life = old != NULL;
#endif
        lives[i] = same_life ? cluster->lives[old - cluster->brokers]
                             : (struct broker_life){.number = cluster->next_life++};
        lives[i].clearing = false;
        if (!same_life || strcmp(old->rack, sorted[i].rack) != 0 ||
            old->lossy != sorted[i].lossy || old->mute != sorted[i].mute)
            differs = true;
    }

    free(cluster->brokers);
    free(cluster->lives);
    cluster->brokers = sorted;
    cluster->lives = lives;
    cluster->broker_count = count;
    *changed = differs;
    return 0;
}

struct broker_life *cluster_find_life(const struct cluster *cluster, int32_t broker)
{
    const struct controller_broker *found =
        broker_find(cluster->brokers, cluster->broker_count, broker);
    return found == NULL ? NULL : &cluster->lives[found - cluster->brokers];
}

bool cluster_lives(const struct cluster *cluster, const struct controller_member *member)
{
    const struct controller_broker *broker =
        broker_find(cluster->brokers, cluster->broker_count, member->id);

    return broker != NULL && uuid_equal(&broker->incarnation, &member->incarnation);
}

uint64_t cluster_life(const struct cluster *cluster, int32_t broker)
{
    const struct broker_life *life = cluster_find_life(cluster, broker);
    return life == NULL ? 0 : life->number;
}

/* --- topics ----------------------------------------------------------------------------------- */

void partition_init(struct partition *partition, struct topic *topic, const struct replica_set *set)
{
    partition->topic = topic;
    list_init(&partition->queue);
    partition->stored = (struct partition_state){.leader = -1,
                                                 .leader_epoch = -1,
                                                 .version = -1,
                                                 .unclean_epoch = -1,
                                                 .min_insync = 1};
    if (set != NULL) {
        partition->stored.replicas = *set;
        partition->stored.isr = *set;
    }
}

struct topic *topic_new(const char *name, const struct uuid *id, int32_t partition_count,
                        const struct replica_set *sets)
{
    struct topic *topic = calloc(1, sizeof *topic);
    if (topic == NULL)
        return NULL;
    list_init(&topic->order);
    list_init(&topic->queue);
    list_init(&topic->waiters);
    settings_init(&topic->settings, topic);

    topic->name = strdup(name);
    topic->partitions = calloc((size_t)partition_count + 1, sizeof *topic->partitions);
    if (topic->name == NULL || topic->partitions == NULL) {
        topic_free(topic);
        return NULL;
    }
    topic->id = *id;
    topic->partition_count = partition_count;

    for (int32_t i = 0; i < partition_count; i++) {
        partition_init(&topic->partitions[i], topic, sets != NULL ? &sets[i] : NULL);
    }
    return topic;
}

void topic_free(struct topic *topic)
{
    if (topic == NULL)
        return;
    assert(list_empty(&topic->waiters));
    for (int32_t i = 0; i < topic->partition_count; i++) {
        assert(topic->partitions[i].asks == NULL);
        list_remove(&topic->partitions[i].queue);
        reports_free(&topic->partitions[i]);
    }
    list_remove(&topic->queue);
    list_remove(&topic->order);
    settings_fini(&topic->settings);
    free(topic->partitions);
    free(topic->name);
    free(topic);
}

int cluster_add(struct cluster *cluster, struct topic *topic)
{
    if (cluster_topic(cluster, topic->name) != NULL ||
        cluster_topic_by_id(cluster, &topic->id) != NULL)
        return K_EXISTS;
    if (map_put_text(&cluster->by_name, topic->name, topic, NULL) != 0)
        return K_NOMEM;
    if (map_put(&cluster->by_id, &topic->id, sizeof topic->id, topic, NULL) != 0) {
        map_remove_text(&cluster->by_name, topic->name);
        return K_NOMEM;
    }
    list_prepend(&cluster->topics, &topic->order);
    cluster->topic_count++;
    return 0;
}

void cluster_remove(struct cluster *cluster, struct topic *topic)
{
    map_remove_text(&cluster->by_name, topic->name);
    map_remove(&cluster->by_id, &topic->id, sizeof topic->id);
    cluster->topic_count--;
    topic_free(topic);
}

struct topic *cluster_topic(const struct cluster *cluster, const char *name)
{
    return map_get_text(&cluster->by_name, name);
}

struct topic *cluster_topic_by_id(const struct cluster *cluster, const struct uuid *id)
{
    return map_get(&cluster->by_id, id, sizeof *id);
}

struct partition *topic_partition(const struct topic *topic, int32_t index)
{
    return topic == NULL || topic->phase != TOPIC_ONLINE || index < 0 ||
                   index >= topic->partition_count
               ? NULL
               : &topic->partitions[index];
}

void cluster_topic_changed(struct cluster *cluster, struct topic *topic, uint64_t sequence)
{
    assert(sequence >= topic->sequence);
    topic->sequence = sequence;
    list_remove(&topic->order);
    list_append(&cluster->topics, &topic->order);
}

/* --- configurations --------------------------------------------------------------------------- */

struct settings *cluster_settings(const struct cluster *cluster, const char *broker)
{
    for (struct list *node = cluster->settings.next; node != &cluster->settings;
         node = node->next) {
        struct broker_settings *found = LIST_OWNER(node, struct broker_settings, order);
        if (strcmp(found->name, broker) == 0)
            return &found->settings;
    }
    return NULL;
}

struct settings *cluster_make_settings(struct cluster *cluster, const char *broker)
{
    struct settings *known = cluster_settings(cluster, broker);
    size_t size = strlen(broker) + 1;
    struct broker_settings *made = known != NULL ? NULL : calloc(1, sizeof *made + size);

    if (known != NULL || made == NULL)
        return known;
    memcpy(made->name, broker, size);
    settings_init(&made->settings, NULL);
    list_append(&cluster->settings, &made->order);
    return &made->settings;
}

const char *settings_name(const struct settings *settings)
{
    if (settings->topic != NULL)
        return settings->topic->name;
    return LIST_OWNER(settings, const struct broker_settings, settings)->name;
}

static char *copy_text(char **room, const char *text)
{
    char *copy = *room;
    if (text == NULL)
        return NULL;
    *room = stpcpy(copy, text) + 1;
    return copy;
}

int configs_copy(struct configs *configs, const struct controller_config *items, int32_t count)
{
    size_t size = (size_t)count * sizeof *items;
    for (int32_t i = 0; i < count; i++)
        size += strlen(items[i].name) + strlen(items[i].value) + 2 +
                (items[i].instead != NULL ? strlen(items[i].instead) + 1 : 0);

    struct controller_config *copy = NULL;
    if (count > 0) {
        copy = malloc(size);
        if (copy == NULL)
            return K_NOMEM;
        char *text = (char *)(copy + count);
        for (int32_t i = 0; i < count; i++) {
            copy[i].name = copy_text(&text, items[i].name);
            copy[i].value = copy_text(&text, items[i].value);
            copy[i].ignored = items[i].ignored;
            copy[i].instead = copy_text(&text, items[i].instead);
        }
    }
    free(configs->items);
    configs->items = copy;
    configs->count = count;
    return 0;
}

const char *configs_find(const struct configs *configs, const char *name)
{
    for (int32_t i = 0; i < configs->count; i++)
        if (strcmp(configs->items[i].name, name) == 0)
            return configs->items[i].ignored ? configs->items[i].instead : configs->items[i].value;
    return NULL;
}

void configs_fini(struct configs *configs)
{
    free(configs->items);
    *configs = (struct configs){0};
}

static bool texts_equal(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool configs_equal(const struct configs *configs, const struct controller_config *items,
                   int32_t count)
{
    if (configs->count != count)
        return false;
    for (int32_t i = 0; i < count; i++)
        if (strcmp(configs->items[i].name, items[i].name) != 0 ||
            strcmp(configs->items[i].value, items[i].value) != 0 ||
            configs->items[i].ignored != items[i].ignored ||
            !texts_equal(configs->items[i].instead, items[i].instead))
            return false;
    return true;
}
