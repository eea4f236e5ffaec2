/* producer_topic.c - the producer's topics: found without a lock, changed by the loop only. */
#include <stdlib.h>
#include <string.h>

#include "client/cluster.h"
#include "client/config.h"
#include "client/partitioner.h"
#include "client/producer.h"
#include "common/error.h"
#include "net/loop.h"

/* FNV-1a: names are short and come from the application, not from strangers. */
static uint64_t name_hash(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325;

    for (; *name != '\0'; name++)
        hash = (hash ^ (uint8_t)*name) * 0x100000001b3;
    return hash ^ hash >> 32;
}

static struct producer_topic *table_find(const struct topic_table *table, uint64_t hash,
                                         const char *name)
{
    for (size_t i = hash & (table->capacity - 1);; i = (i + 1) & (table->capacity - 1)) {
        struct producer_topic *topic = atomic_load_explicit(&table->slots[i], memory_order_acquire);
        if (topic == NULL || (topic->hash == hash && strcmp(topic->name, name) == 0))
            return topic;
    }
}

struct producer_topic *producer_topic_find(struct klient_producer *producer, const char *name)
{
    /* Mostly the topic of the last record. Topics live as long as the producer. */
    struct producer_topic *recent = atomic_load_explicit(&producer->recent, memory_order_acquire);
    if (recent != NULL && strcmp(recent->name, name) == 0)
        return recent;

    struct topic_table *table = atomic_load_explicit(&producer->topics, memory_order_acquire);
    struct producer_topic *topic = table == NULL ? NULL : table_find(table, name_hash(name), name);
    if (topic != NULL)
        atomic_store_explicit(&producer->recent, topic, memory_order_release);
    return topic;
}

/* --- which partition -------------------------------------------------------------------------- */

/* splitmix64 over a shared counter: any thread, no lock. */
static uint64_t chance(struct klient_producer *producer)
{
    uint64_t x = atomic_fetch_add_explicit(&producer->chance, 0x9e3779b97f4a7c15,
                                           memory_order_relaxed);

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

/* Do batches wait for its leader, which has taken none since then? Both are hints. */
static bool is_stalled(const struct accumulator *accumulator, int64_t since_ms)
{
    return atomic_load_explicit(&accumulator->queued, memory_order_relaxed) > 0 &&
           atomic_load_explicit(&accumulator->untaken_since_ms, memory_order_relaxed) <= since_ms;
}

/* The latest time at which a leader may have taken its last batch to be left alone; none: never. */
static int64_t stalled_since_ms(const struct producer_topic *topic)
{
    const struct config_values *values = topic->values;

    return values->partitioner_adaptive && values->partitioner_timeout_ms > 0
               ? mono_ms() - values->partitioner_timeout_ms
               : INT64_MIN;
}

/* Too many to weigh one against the other: by chance, a few times. */
static int32_t pick_of_many(struct klient_producer *producer, const struct partition_table *table,
                            int64_t since_ms)
{
    enum { TRIES = 16 };
    int32_t partition = 0;

    for (int i = 0; i < TRIES; i++) {
        partition = table->available[chance(producer) % table->available_count];
        if (!is_stalled(table->accumulators[partition], since_ms))
            break;
    }
    return partition;
}

static int32_t pick(struct klient_producer *producer, const struct producer_topic *topic,
                    const struct partition_table *table, int32_t except)
{
    enum { WEIGHED_MAX = 256 };
    uint32_t queues[WEIGHED_MAX];
    int32_t choices[WEIGHED_MAX], aside[WEIGHED_MAX];
    size_t count = 0, stalled = 0, known = table->available_count;
    int64_t since_ms = stalled_since_ms(topic);

    if (known == 0)
        return (int32_t)(chance(producer) % (uint64_t)table->count);
    if (known > WEIGHED_MAX)
        return pick_of_many(producer, table, since_ms);
    for (size_t i = 0; i < known; i++) {
        int32_t partition = table->available[i];
        if (partition == except && known > 1)
            continue;
        const struct accumulator *accumulator = table->accumulators[partition];
        if (is_stalled(accumulator, since_ms)) {
            aside[stalled++] = partition;
            continue;
        }
        choices[count] = partition;
        queues[count++] = atomic_load_explicit(&accumulator->queued, memory_order_relaxed);
    }
    /* Where none takes any they are all alike. */
    if (count == 0)
        return aside[chance(producer) % stalled];
    bool adaptive = topic->values->partitioner_adaptive;
#ifdef MUTANT_STALLED_LIKE_OTHERS
    return table->available[chance(producer) % known];
#endif
    return choices[partition_pick(adaptive ? queues : NULL, count, chance(producer))];
}

void producer_topic_move(struct klient_producer *producer, struct producer_topic *topic,
                         const struct partition_table *table, int32_t from)
{
    atomic_compare_exchange_strong(&topic->sticky, &from, pick(producer, topic, table, from));
}

static int32_t choose_sticky(struct klient_producer *producer, struct producer_topic *topic,
                             const struct partition_table *table)
{
    int32_t partition = atomic_load_explicit(&topic->sticky, memory_order_relaxed);

    if (partition < 0 || partition >= table->count ||
        (!atomic_load_explicit(&table->accumulators[partition]->available, memory_order_relaxed) &&
         table->available_count > 0)) {
        producer_topic_move(producer, topic, table, partition);
        partition = atomic_load_explicit(&topic->sticky, memory_order_relaxed);
        if (partition < 0 || partition >= table->count)
            partition = 0;
    }
    return partition;
}

static int32_t choose_custom(const struct klient_config *config, const char *topic,
                             const struct partition_table *table, const klient_record_t *record)
{
    klient_partitioning_t view = {
        .size = sizeof view,
        .topic = topic,
        .key = record->key,
        .key_size = record->key_size,
        .value = record->value,
        .value_size = record->value_size,
        .partition_count = table->count,
        .available = table->available,
        .available_count = table->available_count,
    };
    int32_t partition = config->partitioner(config->partitioner_context, &view);

    return partition >= 0 && partition < table->count ? partition : -1;
}

int32_t producer_topic_choose(struct klient_producer *producer, struct producer_topic *topic,
                              const struct partition_table *table, const klient_record_t *record)
{
    if (topic->asks_function)
        return choose_custom(producer->config, topic->name, table, record);
    if (topic->values->partitioner == PARTITIONER_ROUND_ROBIN) {
        uint64_t turn = atomic_fetch_add_explicit(&topic->turn, 1, memory_order_relaxed);
        return table->available_count > 0 ? table->available[turn % table->available_count]
                                          : (int32_t)(turn % (uint64_t)table->count);
    }
    if (record->key != NULL && !topic->values->partitioner_ignores_keys)
        return klient_partition_for_key(record->key, record->key_size, table->count);
    return choose_sticky(producer, topic, table);
}

void producer_topic_give_back(struct producer_topic *topic, const klient_record_t *record)
{
    if (record->partition < 0 && !topic->asks_function &&
        topic->values->partitioner == PARTITIONER_ROUND_ROBIN)
        atomic_fetch_sub_explicit(&topic->turn, 1, memory_order_relaxed);
}

/* --- the loop's side -------------------------------------------------------------------------- */

static int table_insert(struct klient_producer *producer, struct producer_topic *topic)
{
    struct topic_table *table = atomic_load(&producer->topics);
    size_t capacity = table == NULL ? 16 : table->capacity;

    if (table == NULL || 2 * (table->count + 1) > table->capacity) {
        capacity = table == NULL ? capacity : 2 * capacity;
        struct topic_table *larger =
            calloc(1, sizeof *larger + capacity * sizeof larger->slots[0]);
        if (larger == NULL)
            return K_NOMEM;
        larger->capacity = capacity;
        larger->retired = table;
        for (size_t i = 0; table != NULL && i < table->capacity; i++) {
            struct producer_topic *old = atomic_load(&table->slots[i]);
            size_t at = old == NULL ? 0 : old->hash & (capacity - 1);
            while (old != NULL && atomic_load(&larger->slots[at]) != NULL)
                at = (at + 1) & (capacity - 1);
            if (old != NULL)
                atomic_store(&larger->slots[at], old);
        }
        larger->count = table == NULL ? 0 : table->count;
        table = larger;
    }
    size_t at = topic->hash & (capacity - 1);
    while (atomic_load(&table->slots[at]) != NULL)
        at = (at + 1) & (capacity - 1);
    atomic_store_explicit(&table->slots[at], topic, memory_order_release);
    table->count++;
    atomic_store_explicit(&producer->topics, table, memory_order_release);
    return 0;
}

static struct topic *hold(struct klient_producer *producer, const char *name)
{
    return cluster_hold(producer->klient->cluster, name, !producer->makes_no_topics);
}

struct producer_topic *producer_topic_add(struct klient_producer *producer, const char *name)
{
    struct cluster *cluster = producer->klient->cluster;
    struct producer_topic *topic = producer_topic_find(producer, name);

    if (topic != NULL) {
        (void)producer_topic_use(producer, topic);
        /* Asked again after a refusal: by now it may exist. */
        if (atomic_load(&topic->code) != 0) {
            atomic_store(&topic->code, 0);
            cluster_release(cluster, hold(producer, name));
        }
        return topic;
    }
    topic = calloc(1, sizeof *topic);
    if (topic == NULL)
        return NULL;
    atomic_init(&topic->sticky, -1);
    atomic_init(&topic->codec, -1);
    list_init(&topic->node);
    topic->hash = name_hash(name);
    topic->used_at_ms = loop_now_ms(producer->klient->loop);
    topic->values = config_values_of(producer->config, name);
    topic->asks_function = producer->config->partitioner != NULL &&
                           !config_is_set_for(producer->config, name, "partitioner");
    topic->name = strdup(name);
    topic->topic = topic->name == NULL ? NULL : hold(producer, name);
    if (topic->topic == NULL || table_insert(producer, topic) != 0) {
        cluster_release(cluster, topic->topic);
        free(topic->name);
        free(topic);
        return NULL;
    }
    sender_add_topic(producer->sender, topic);
    return topic;
}

/* A table of `count` partitions, those of `old` taken over. A topic can be made anew with fewer of
 * them: the accumulators of the others stay. */
static struct partition_table *partition_table_new(struct klient_producer *producer,
                                                   struct producer_topic *topic,
                                                   struct partition_table *old, int32_t count)
{
    struct partition_table *table = calloc(1, sizeof *table);
    int32_t kept = old == NULL ? 0 : old->accumulator_count, all = kept > count ? kept : count;

    if (table == NULL)
        return NULL;
    table->count = count;
    table->accumulators = calloc((size_t)all, sizeof(struct accumulator *));
    table->available = calloc((size_t)count, sizeof *table->available);
    if (table->accumulators == NULL || table->available == NULL)
        goto free_table;
    for (; table->accumulator_count < all; table->accumulator_count++) {
        int32_t i = table->accumulator_count;
        if (i < kept) {
            table->accumulators[i] = old->accumulators[i];
            continue;
        }
        table->accumulators[i] = accumulator_new(producer, topic, i);
        if (table->accumulators[i] == NULL)
            goto free_accumulators;
    }
    table->retired = old;
    return table;

free_accumulators:
    while (table->accumulator_count > kept)
        accumulator_free(table->accumulators[--table->accumulator_count]);
free_table:
    free(table->accumulators);
    free(table->available);
    free(table);
    return NULL;
}

static bool table_is_current(const struct partition_table *table, const struct topic *topic)
{
    if (table == NULL || table->count != topic->count)
        return false;
    for (int32_t i = 0; i < topic->count; i++)
        if (atomic_load(&table->accumulators[i]->available) != (topic->partitions[i].leader >= 0))
            return false;
    return true;
}

/* Make the newest table one that says what the cluster knows. 0 or K_NOMEM. */
static int table_renew(struct klient_producer *producer, struct producer_topic *topic)
{
    const struct topic *known = topic->topic;
    struct partition_table *old = topic->newest;
    struct partition_table *table = partition_table_new(producer, topic, old, known->count);

    if (table == NULL)
        return K_NOMEM;
    for (int32_t i = 0; i < table->accumulator_count; i++) {
        bool available = i < known->count && known->partitions[i].leader >= 0;
        atomic_store(&table->accumulators[i]->available, available);
        if (available)
            table->available[table->available_count++] = i;
        if (old == NULL || i >= old->accumulator_count)
            sender_add_accumulator(producer->sender, table->accumulators[i]);
    }
    topic->newest = table;
    return 0;
}

void producer_topic_update(struct klient_producer *producer, struct producer_topic *topic)
{
    struct topic *known = topic->topic;

    if (known == NULL)
        return;
    if (known->code == K_UNKNOWN_TOPIC_OR_PARTITION)
        troubles_of_partition(&producer->troubles, TROUBLE_TOPIC_UNKNOWN, topic->name, -1,
                              known->code);
    if (known->code != 0) {
        int code = cluster_topic_code(producer->klient->cluster, known);
        if (code != K_LEADER_NOT_AVAILABLE && atomic_exchange(&topic->code, code) != code)
            gate_signal(&producer->progress);
        return;
    }
    troubles_of_partition_over(&producer->troubles, TROUBLE_TOPIC_UNKNOWN, topic->name, -1);
    atomic_store(&topic->codec, known->codec);
    if (known->count == 0 ||
        (!table_is_current(topic->newest, known) && table_renew(producer, topic) != 0) ||
        atomic_load(&topic->table) == topic->newest)
        return;
    atomic_store(&topic->code, 0);
    atomic_store_explicit(&topic->table, topic->newest, memory_order_release);
    gate_signal(&producer->progress);
}

/* --- topics that are not used ----------------------------------------------------------------- */

bool producer_topic_use(struct klient_producer *producer, struct producer_topic *topic)
{
    topic->used_at_ms = loop_now_ms(producer->klient->loop);
    if (topic->topic != NULL)
        return true;
    topic->topic = hold(producer, topic->name);
    if (topic->topic == NULL)
        return false;
    atomic_store(&topic->forgotten, false);
    producer_topic_update(producer, topic);         /* somebody else may hold it */
    return true;
}

/* Nothing of it waits for what brokers say of it. */
static bool is_idle(const struct klient_producer *producer, const struct producer_topic *topic)
{
    int64_t idle_ms = loop_now_ms(producer->klient->loop) - topic->used_at_ms;
    const struct partition_table *table = topic->newest;

    if (topic->topic == NULL || idle_ms < producer->config->values.metadata_idle_ms_max ||
        cluster_topic_code(producer->klient->cluster, topic->topic) == K_LEADER_NOT_AVAILABLE)
        return false;
    for (int32_t i = 0; table != NULL && i < table->accumulator_count; i++)
        if (!accumulator_is_empty(table->accumulators[i]))
            return false;
    return true;
}

/* Who has seen its table a moment ago may still add a record: the sender then uses the topic. What
 * the topic takes here stays for the same reason. */
void producer_topic_review(struct klient_producer *producer, struct producer_topic *topic)
{
#ifdef MUTANT_IDLE_TOPICS_STAY
    return;
#endif
    if (!is_idle(producer, topic))
        return;
    troubles_of_partition_over(&producer->troubles, TROUBLE_TOPIC_UNKNOWN, topic->name, -1);
    cluster_release(producer->klient->cluster, topic->topic);
    topic->topic = NULL;
    atomic_store(&topic->code, 0);
    atomic_store(&topic->forgotten, true);
    atomic_store_explicit(&topic->table, NULL, memory_order_release);
    gate_signal(&producer->progress);
}

static void topic_free(struct producer_topic *topic)
{
    struct partition_table *table = topic->newest;

    for (int32_t i = 0; table != NULL && i < table->accumulator_count; i++)
        accumulator_free(table->accumulators[i]);
    while (table != NULL) {
        struct partition_table *older = table->retired;
        free(table->accumulators);
        free(table->available);
        free(table);
        table = older;
    }
    free(topic->name);
    free(topic);
}

void producer_topics_free(struct klient_producer *producer)
{
    struct topic_table *table = atomic_load(&producer->topics);

    for (size_t i = 0; table != NULL && i < table->capacity; i++)
        if (atomic_load(&table->slots[i]) != NULL)
            topic_free(atomic_load(&table->slots[i]));
    while (table != NULL) {
        struct topic_table *older = table->retired;
        free(table);
        table = older;
    }
}
