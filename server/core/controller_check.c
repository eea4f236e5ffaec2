/* Prove the invariants of controller.c on everything that is held. Slow: for tests. */
#include <assert.h>

#include "server/core/controller_private.h"
#include "server/core/election.h"

static bool is_queued(const struct list *node)
{
    return node->next != node;
}

static size_t list_count(const struct list *head)
{
    size_t count = 0;
    for (const struct list *node = head->next; node != head; node = node->next)
        count++;
    return count;
}

/* C19: who comes and who goes are others, and somebody stays. */
static void check_moves(const struct partition *partition)
{
    struct replica_moves moves = partition->moves;
    struct replica_moves mended = reassign_mend(&partition->stored.replicas, moves);

    assert(moves.adding == mended.adding && moves.removing == mended.removing);
}

/* C20: one of each, of nobody else, and of no former process. */
static void check_reports(const struct cluster *cluster, const struct partition *partition)
{
    struct replica_set seen = {.count = 0};

    for (const struct report *report = partition->reports; report != NULL; report = report->next) {
        assert(!replica_set_has(&seen, report->from.id));
        assert(replica_set_has(&partition->stored.replicas, report->from.id));
        assert(cluster_life(cluster, report->from.id) == 0 ||
               cluster_lives(cluster, &report->from));
        replica_set_add(&seen, report->from.id);
    }
}

static void check_partition(const struct controller *controller, const struct partition *partition)
{
    const struct topic *topic = partition->topic;
    struct partition_state wanted;
    uint64_t life;

    assert(!partition->in_flight || !is_queued(&partition->queue)); /* C7 */
    assert(!partition->asked || (partition->in_flight && partition->asks != NULL));
    assert(partition->sequence <= topic->sequence);
    assert(partition->lost_sequence <= topic->sequence);
    check_moves(partition);
    check_reports(&controller->cluster, partition);
    if (topic->phase == TOPIC_CREATING) {
        assert(partition->sequence == 0); /* C3 */
        return;
    }
    if (topic->phase == TOPIC_DOOMED) {
        assert(!is_queued(&partition->queue)); /* C7 */
        return;
    }
    /* Nothing is forgotten: what needs another state is queued or on its way. */
    if (!partition->in_flight && !is_queued(&partition->queue)) {
        assert(!partition_decide(controller, partition, &wanted, &life)); /* C5, C6 */
        assert(partition->asks == NULL);                                  /* C8 */
        assert(!reassign_is_due(controller, partition));                  /* C19 */
    }
}

static void check_settings(const struct controller *controller, const struct settings *settings)
{
    bool idle = settings->topic != NULL && settings->topic->phase != TOPIC_ONLINE;
    bool waits = !settings->altering && !list_empty(&settings->alterations) &&
                 !alterations_blocked(settings);
    int orders = 0;

    for (const struct list *node = controller->stores.next; node != &controller->stores;
         node = node->next)
        orders += LIST_OWNER(node, const struct store, link)->settings == settings;
    assert(orders == settings->altering); /* C11 */
    assert(is_queued(&settings->queue) == waits);
    assert(!idle || settings->altering || list_empty(&settings->alterations)); /* C8: nobody waits
                                                                                for what is going */
}

/* Returns how many repairs announcements still wait for. */
static size_t check_topic(const struct controller *controller, const struct topic *topic)
{
    size_t repairs = topic->repairing;
    int32_t in_flight = 0;

    assert(cluster_topic(&controller->cluster, topic->name) == topic);
    assert(cluster_topic_by_id(&controller->cluster, &topic->id) == topic);
    assert((topic->phase == TOPIC_CREATING) == (topic->sequence == 0)); /* C3 */
    assert(!topic->repairing || topic->phase == TOPIC_DOOMED);
    for (int32_t i = 0; i < topic->partition_count; i++) {
        check_partition(controller, &topic->partitions[i]);
        in_flight += topic->partitions[i].in_flight;
        repairs += topic->partitions[i].repairing;
    }
    for (const struct list *node = controller->stores.next; node != &controller->stores;
         node = node->next) {
        const struct store *store = LIST_OWNER(node, const struct store, link);
        if (store->topic != topic)
            continue;
        assert(store->kind != STORE_REMOVE || in_flight == 0); /* C7 */
        in_flight++;
    }
    assert(topic->in_flight == in_flight);
    check_settings(controller, &topic->settings);
    return repairs;
}

static void check_stores(const struct controller *controller)
{
    assert(list_count(&controller->stores) == controller->store_count);
    assert(controller->store_count <= STORES_IN_FLIGHT_MAX);
    for (const struct list *node = controller->stores.next; node != &controller->stores;
         node = node->next) {
        const struct store *store = LIST_OWNER(node, const struct store, link);
        assert(store->token < controller->next_token);
        assert(store->change_count > 0 && store->change_count <= STORE_CHANGES_MAX);
        for (size_t i = 0; i < store->target_count; i++) {
            const struct store_target *target = &store->targets[i];
            assert(target->partition->in_flight);                    /* C7 */
            assert(target->partition->sequence == target->sequence); /* C3 */
        }
    }
}

static void check_announcements(const struct controller *controller)
{
    uint64_t last = controller->floor_sequence;

    assert(controller->deletion_count <= DELETIONS_KEPT_MAX); /* C9 */
    for (size_t i = 0; i < controller->deletion_count; i++) {
        uint64_t sequence =
            controller->deletions[(controller->deletion_first + i) % DELETIONS_KEPT_MAX].sequence;
        assert(sequence > last && sequence <= controller->sequence);
        last = sequence;
    }
    for (size_t i = 0; i < controller->asker_count && controller->announcing; i++) {
        assert(controller->askers[i].after_token <= controller->next_token);
        if (asker_is_held(controller, &controller->askers[i]))
            continue;
        assert(controller->askers[i].epoch == controller->epoch);
        assert(controller->askers[i].sequence == controller->sequence);
    }
}

static size_t count_asks(const struct topic *topic)
{
    size_t count = 0;
    for (int32_t i = 0; i < topic->partition_count; i++)
        for (const struct ask *ask = topic->partitions[i].asks; ask != NULL; ask = ask->next)
            count += ask->ticket != 0;
    return count;
}

static size_t count_alterations(const struct settings *settings)
{
    size_t count = 0;
    for (const struct list *node = settings->alterations.next; node != &settings->alterations;
         node = node->next)
        count += LIST_OWNER(node, const struct alteration, link)->ticket != 0;
    return count;
}

void controller_check(const struct controller *controller)
{
    const struct cluster *cluster = &controller->cluster;
    uint64_t last = 0;
    size_t tickets = controller->asker_count, repairs = 0;

    if (controller->phase == PHASE_LOST)
        return; /* a verdict was heard only in part: all of it is dropped by DEPOSED */
    if (controller->phase == PHASE_IDLE) {
        assert(cluster->topic_count == 0 && controller->store_count == 0); /* C4 */
        assert(controller->ticket_count == 0 && !controller->announcing);  /* C4, C8 */
        return;
    }

    for (size_t i = 1; i < cluster->broker_count; i++)
        assert(cluster->brokers[i - 1].id < cluster->brokers[i].id);
    assert(list_count(&cluster->topics) == cluster->topic_count);
    for (const struct list *node = cluster->topics.next; node != &cluster->topics;
         node = node->next) {
        const struct topic *topic = LIST_OWNER(node, const struct topic, order);
        assert(topic->sequence >= last && topic->sequence <= controller->sequence);
        last = topic->sequence;
        tickets += list_count(&topic->waiters) + count_alterations(&topic->settings) +
                   count_asks(topic);
        repairs += check_topic(controller, topic);
    }
    for (const struct list *node = cluster->settings.next; node != &cluster->settings;
         node = node->next) {
        const struct broker_settings *broker =
            LIST_OWNER(node, const struct broker_settings, order);
        check_settings(controller, &broker->settings);
        tickets += count_alterations(&broker->settings);
    }
    assert(tickets == controller->ticket_count); /* C8 */
    assert(repairs == controller->repair_count);
    assert(controller->announcing || repairs > 0);
    check_stores(controller);
    check_announcements(controller);
}
