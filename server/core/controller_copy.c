/* A copy that shares nothing. Lists are rebuilt in their order, so that the copy takes the same
 * decisions: topics are found again by name, partitions by their place in the topic. */
#include <stdlib.h>
#include <string.h>

#include "server/core/controller_private.h"

static struct topic *twin(const struct controller *copy, const struct topic *topic)
{
    return topic == NULL ? NULL : cluster_topic(&copy->cluster, topic->name);
}

static struct partition *partition_twin(const struct controller *copy,
                                        const struct partition *partition)
{
    return &twin(copy, partition->topic)->partitions[partition_index(partition)];
}

static int copy_waiters(struct topic *copy, const struct topic *topic)
{
    for (const struct list *node = topic->waiters.next; node != &topic->waiters;
         node = node->next) {
        struct waiter *waiter = malloc(sizeof *waiter);
        if (waiter == NULL)
            return K_NOMEM;
        *waiter = *LIST_OWNER(node, const struct waiter, link);
        list_init(&waiter->link);
        list_append(&copy->waiters, &waiter->link);
    }
    return 0;
}

static int copy_alteration(struct settings *copy, const struct alteration *alteration)
{
    struct alteration *made = calloc(1, sizeof *made);
    size_t room = (size_t)alteration->set_count + 1;

    if (made == NULL)
        return K_NOMEM;
    *made = (struct alteration){.ticket = alteration->ticket,
                                .tries = alteration->tries,
                                .partitions = alteration->partitions,
                                .sets = calloc(room, sizeof *made->sets),
                                .set_count = alteration->set_count,
                                .reassign = alteration->reassign};
    list_append(&copy->alterations, &made->link);
    if (made->sets == NULL)
        return K_NOMEM;
    if (made->set_count > 0)
        memcpy(made->sets, alteration->sets, (size_t)made->set_count * sizeof *made->sets);
    return alteration_copy(made, alteration->items, alteration->item_count);
}

/* But not the place in a queue. */
static int copy_settings(struct settings *copy, const struct settings *settings)
{
    int error = configs_copy(&copy->configs, settings->configs.items, settings->configs.count);

    copy->version = settings->version;
    copy->sequence = settings->sequence;
    copy->altering = settings->altering;
    for (const struct list *node = settings->alterations.next;
         node != &settings->alterations && error == 0; node = node->next)
        error = copy_alteration(copy, LIST_OWNER(node, const struct alteration, link));
    return error;
}

static struct settings *settings_twin(const struct controller *copy,
                                      const struct settings *settings)
{
    if (settings == NULL)
        return NULL;
    return settings->topic != NULL ? &twin(copy, settings->topic)->settings
                                   : cluster_settings(&copy->cluster, settings_name(settings));
}

static int copy_asks(struct partition *copy, const struct partition *partition)
{
    struct ask **end = &copy->asks;

    copy->asks = NULL;
    for (const struct ask *ask = partition->asks; ask != NULL; ask = ask->next) {
        size_t size = sizeof *ask + (size_t)ask->member_count * sizeof *ask->members;
        struct ask *made = malloc(size);
        if (made == NULL)
            return K_NOMEM;
        memcpy(made, ask, size);
        made->next = NULL;
        *end = made;
        end = &made->next;
    }
    return 0;
}

static int copy_topic(struct cluster *cluster, const struct topic *topic)
{
    struct topic *copy = topic_new(topic->name, &topic->id, topic->partition_count, NULL);
    if (copy == NULL)
        return K_NOMEM;
    int error = copy_settings(&copy->settings, &topic->settings);
    if (error == 0)
        error = cluster_add(cluster, copy);
    if (error != 0) {
        alterations_drop_line(&copy->settings);
        topic_free(copy);
        return error;
    }

    copy->phase = topic->phase;
    copy->min_insync = topic->min_insync;
    copy->unclean = topic->unclean;
    copy->repairing = topic->repairing;
    copy->in_flight = topic->in_flight;
    cluster_topic_changed(cluster, copy, topic->sequence);
    for (int32_t i = 0; i < topic->partition_count; i++) {
        struct partition *partition = &copy->partitions[i];
        *partition = topic->partitions[i];
        partition->topic = copy;
        partition->asks = NULL;
        partition->reports = NULL;
        list_init(&partition->queue);
    }
    for (int32_t i = 0; i < topic->partition_count; i++)
        if (copy_asks(&copy->partitions[i], &topic->partitions[i]) != 0 ||
            reports_copy(&copy->partitions[i], &topic->partitions[i]) != 0)
            return K_NOMEM;
    return copy_waiters(copy, topic);
}

static int copy_cluster(struct cluster *copy, const struct cluster *cluster)
{
    bool changed;
    int error = cluster_set_brokers(copy, cluster->brokers, cluster->broker_count, &changed);

    if (error != 0)
        return error;
    if (cluster->broker_count > 0)
        memcpy(copy->lives, cluster->lives, cluster->broker_count * sizeof *copy->lives);
    copy->next_life = cluster->next_life;
    copy->brokers_sequence = cluster->brokers_sequence;
    for (const struct list *node = cluster->settings.next;
         node != &cluster->settings && error == 0; node = node->next) {
        const struct broker_settings *broker =
            LIST_OWNER(node, const struct broker_settings, order);
        struct settings *made = cluster_make_settings(copy, broker->name);
        error = made == NULL ? K_NOMEM : copy_settings(made, &broker->settings);
    }
    for (const struct list *node = cluster->topics.next; node != &cluster->topics && error == 0;
         node = node->next)
        error = copy_topic(copy, LIST_OWNER(node, const struct topic, order));
    return error;
}

static void copy_queues(struct controller *copy, const struct controller *controller)
{
    const struct list *const topics[] = {&controller->topics_todo, &controller->topics_later};
    struct list *const topic_copies[] = {&copy->topics_todo, &copy->topics_later};
    const struct list *const partitions[] = {&controller->electing, &controller->pending,
                                             &controller->later};
    struct list *const partition_copies[] = {&copy->electing, &copy->pending, &copy->later};

    for (const struct list *node = controller->settings_todo.next;
         node != &controller->settings_todo; node = node->next)
        list_append(&copy->settings_todo,
                    &settings_twin(copy, LIST_OWNER(node, const struct settings, queue))->queue);
    for (size_t i = 0; i < 2; i++)
        for (const struct list *node = topics[i]->next; node != topics[i]; node = node->next)
            list_append(topic_copies[i],
                        &twin(copy, LIST_OWNER(node, const struct topic, queue))->queue);
    for (size_t i = 0; i < 3; i++)
        for (const struct list *node = partitions[i]->next; node != partitions[i];
             node = node->next)
            list_append(
                partition_copies[i],
                &partition_twin(copy, LIST_OWNER(node, const struct partition, queue))->queue);
}

/* What an order to alter something carries. */
static int copy_altered(struct store *made, const struct store *store)
{
    size_t total = (size_t)store->changes[0].partition_count;

    if (store->moves != NULL) {
        made->moves = calloc(total, sizeof *made->moves);
        if (made->moves == NULL)
            return K_NOMEM;
        memcpy(made->moves, store->moves, total * sizeof *made->moves);
    }

    if (store->kind == STORE_PARTITIONS) {
        made->grown = calloc(total, sizeof *made->grown);
        made->states = calloc(total, sizeof *made->states);
        if (made->grown == NULL || made->states == NULL)
            return K_NOMEM;
        memcpy(made->states, store->states, total * sizeof *made->states);
        memcpy(made->grown, store->grown, total * sizeof *made->grown);
        for (size_t p = 0; p < total; p++) {
            made->grown[p].topic = made->topic;
            list_init(&made->grown[p].queue);
        }
    }
    return configs_copy(&made->configs, store->configs.items, store->configs.count);
}

static int copy_stores(struct controller *copy, const struct controller *controller)
{
    for (const struct list *node = controller->stores.next; node != &controller->stores;
         node = node->next) {
        const struct store *store = LIST_OWNER(node, const struct store, link);
        struct store *made = store_new(store->kind, store->change_count, store->target_count);
        if (made == NULL)
            return K_NOMEM;
        list_append(&copy->stores, &made->link);
        copy->store_count++;
        made->token = store->token;
        made->topic = twin(copy, store->topic);
        made->change_count = store->change_count;
        made->target_count = store->target_count;
        made->settings = settings_twin(copy, store->settings);
        if (store->states != NULL && store->kind == STORE_TOPIC)
            memcpy(made->states, store->states, store->target_count * sizeof *made->states);
        if (copy_altered(made, store) != 0)
            return K_NOMEM;
        for (size_t i = 0; i < store->target_count; i++) {
            made->targets[i] = store->targets[i];
            made->targets[i].partition = partition_twin(copy, store->targets[i].partition);
        }
        for (size_t i = 0; i < store->change_count; i++) {
            struct store_change *change = &made->changes[i];
            *change = store->changes[i];
            /* Pointers in an order are for the step that gave it; only the rest is read again. */
            change->topic = NULL;
            change->states = NULL;
            change->configs = NULL;
            change->checks = NULL;
            change->moves = NULL;
        }
    }
    return 0;
}

static int copy_askers(struct controller *copy, const struct controller *controller)
{
    if (controller->asker_count == 0)
        return 0;
    copy->askers = calloc(controller->asker_count, sizeof *copy->askers);
    if (copy->askers == NULL)
        return K_NOMEM;
    memcpy(copy->askers, controller->askers, controller->asker_count * sizeof *copy->askers);
    copy->asker_count = copy->asker_capacity = controller->asker_count;
    return 0;
}

struct controller *controller_copy(const struct controller *controller)
{
    struct controller *copy = controller_new(controller->broker_id, controller->seed);
    if (copy == NULL)
        return NULL;

    copy->phase = controller->phase;
    copy->epoch = controller->epoch;
    copy->now_ms = controller->now_ms;
    copy->retry_at_ms = controller->retry_at_ms;
    copy->next_token = controller->next_token;
    copy->repair_count = controller->repair_count;
    copy->options = controller->options;
    copy->rebalance_at_ms = controller->rebalance_at_ms;
    copy->lossy_review = controller->lossy_review;
    copy->announcing = controller->announcing;
    copy->sequence = controller->sequence;
    copy->deletion_first = controller->deletion_first;
    copy->deletion_count = controller->deletion_count;
    memcpy(copy->deletions, controller->deletions, sizeof copy->deletions);
    copy->floor_sequence = controller->floor_sequence;
    copy->ticket_count = controller->ticket_count;

    if (effects_reserve(copy, copy->ticket_count) != 0 ||
        copy_cluster(&copy->cluster, &controller->cluster) != 0 ||
        copy_stores(copy, controller) != 0 || copy_askers(copy, controller) != 0) {
        controller_free(copy);
        return NULL;
    }
    copy_queues(copy, controller);
    return copy;
}
