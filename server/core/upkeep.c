/* What the controller looks after by itself, partition by partition: brokers that want to stop,
 * marks of lossy ones that nobody needs any more, leaders that are not where they should be, and
 * rules that change. Each looks at every partition: all of it is rare. */
#include "server/core/controller_private.h"

void upkeep_begin(struct controller *controller)
{
    int64_t interval_ms = controller->options.rebalance_interval_ms;

    controller->rebalance_at_ms =
        interval_ms > 0 ? controller->now_ms + interval_ms : INT64_MAX;
    controller->lossy_review = true;
}

/* --- rules ------------------------------------------------------------------------------------ */

void upkeep_rules(struct controller *controller, struct topic *only)
{
    LIST_EACH(&controller->cluster.topics, node)
    {
        struct topic *topic = LIST_OWNER(node, struct topic, order);
        if ((only != NULL && topic != only) || !topic_learn_rules(controller, topic))
            continue;
        for (int32_t i = 0; i < topic->partition_count; i++)
            partition_review(controller, &topic->partitions[i]);
    }
}

/* --- brokers that stop ------------------------------------------------------------------------ */

void upkeep_drain(struct controller *controller, const struct controller_event *event)
{
    const struct controller_member who = {event->drain.broker, event->drain.incarnation};
    struct cluster *cluster = &controller->cluster;
    struct broker_life *life = cluster_find_life(cluster, who.id);
    int32_t remaining = 0, unmovable = 0;

    if (life == NULL ||
        !uuid_equal(&cluster->brokers[life - cluster->lives].incarnation, &who.incarnation)) {
        answer_now(controller, event->drain.ticket, K_STALE_BROKER_EPOCH, "%s",
                   k_error_text(K_STALE_BROKER_EPOCH));
        return;
    }
    bool begins = !life->draining;
    life->draining = true;
    LIST_EACH(&cluster->topics, node)
    {
        struct topic *topic = LIST_OWNER(node, struct topic, order);
        for (int32_t i = 0; i < topic->partition_count && topic->phase == TOPIC_ONLINE; i++) {
            struct partition *partition = &topic->partitions[i];
            const struct partition_state *stored = &partition->stored;

            if (!replica_set_has(&stored->isr, who.id))
                continue;
            if (partition_movable(controller, partition, who.id))
                remaining++;
            else if (stored->leader == who.id)
                unmovable++;
            if (begins)
                partition_review(controller, partition);
        }
    }
    struct controller_effect *effect = answer_now(controller, event->drain.ticket, 0, "%s", "");
    effect->answer.remaining = remaining;
    effect->answer.unmovable = unmovable;
}

/* --- lossy brokers ---------------------------------------------------------------------------- */

static bool is_needed(const struct controller *controller, int32_t broker,
                      const struct broker_life *known)
{
    uint64_t life = known->number;

#ifdef MUTANT_LOSSY_CLEARED
    return false;
#endif
#ifndef MUTANT_LOSSY_CLEARED_IN_FLIGHT
    if (stores_open_before(controller, known->first_token))
        return true;
#endif

    LIST_EACH(&controller->cluster.topics, node)
    {
        const struct topic *topic = LIST_OWNER(node, struct topic, order);
        /* Also of one that is being deleted: until that is stored, it could stay. */
        for (int32_t i = 0; i < topic->partition_count && topic->phase != TOPIC_CREATING; i++) {
            const struct partition *partition = &topic->partitions[i];
            /* An epoch of its former life has to end first: the mark is what tells the next
             * controller that it did not lead it in this one. */
            if (partition_relies_on(controller, partition, broker) ||
                (partition->stored.leader == broker && partition->leader_life != life))
                return true;
        }
    }
    return false;
}

/* One a step: there is room for one order. */
static void clear_marks(struct controller *controller)
{
    const struct cluster *cluster = &controller->cluster;

    for (size_t i = 0; i < cluster->broker_count && controller->lossy_review; i++) {
        const struct controller_broker *broker = &cluster->brokers[i];
        if (!broker->lossy || cluster->lives[i].clearing ||
            is_needed(controller, broker->id, &cluster->lives[i]))
            continue;
        cluster->lives[i].clearing = true;
        effects_add(controller, CONTROLLER_DO_CLEAR_LOSSY)->clear_lossy =
            (struct controller_member){broker->id, broker->incarnation};
        return; /* the others in the next step */
    }
    controller->lossy_review = false;
}

/* --- preferred leaders ------------------------------------------------------------------------ */

/* Is so large a part of the broker's partitions led by others that they should come back? */
static bool is_imbalanced(const struct controller *controller, int32_t broker)
{
    int64_t preferred = 0, elsewhere = 0;

    LIST_EACH(&controller->cluster.topics, node)
    {
        const struct topic *topic = LIST_OWNER(node, struct topic, order);
        for (int32_t i = 0; i < topic->partition_count && topic->phase == TOPIC_ONLINE; i++) {
            const struct partition_state *stored = &topic->partitions[i].stored;
            bool ours = stored->replicas.count > 0 && stored->replicas.ids[0] == broker;
            preferred += ours;
            elsewhere += ours && stored->leader != broker;
        }
    }
    return elsewhere * 100 > preferred * controller->options.imbalance_percent;
}

static void bring_back(struct controller *controller, int32_t broker)
{
    LIST_EACH(&controller->cluster.topics, node)
    {
        struct topic *topic = LIST_OWNER(node, struct topic, order);
        for (int32_t i = 0; i < topic->partition_count && topic->phase == TOPIC_ONLINE; i++) {
            const struct partition_state *stored = &topic->partitions[i].stored;
            if (stored->replicas.count > 0 && stored->replicas.ids[0] == broker &&
                stored->leader != broker && replica_set_has(&stored->isr, broker))
                asks_add_preferred(controller, &topic->partitions[i]);
        }
    }
}

static void rebalance(struct controller *controller)
{
    if (controller->now_ms < controller->rebalance_at_ms)
        return;
    controller->rebalance_at_ms = controller->now_ms + controller->options.rebalance_interval_ms;
    for (size_t i = 0; i < controller->cluster.broker_count; i++) {
        int32_t broker = controller->cluster.brokers[i].id;
        if (!controller->cluster.lives[i].draining && is_imbalanced(controller, broker))
            bring_back(controller, broker);
    }
}

/* --- who is away ------------------------------------------------------------------------------ */

bool controller_is_complete(const struct controller *controller)
{
    if (controller->phase != PHASE_LEADING)
        return false;
    LIST_EACH(&controller->cluster.topics, node)
    {
        const struct topic *topic = LIST_OWNER(node, struct topic, order);
        for (int32_t i = 0; i < topic->partition_count; i++) {
            const struct replica_set *replicas = &topic->partitions[i].stored.replicas;
            for (int32_t r = 0; r < replicas->count; r++)
                if (cluster_life(&controller->cluster, replicas->ids[r]) == 0)
                    return false;
        }
    }
    return true;
}

void upkeep_run(struct controller *controller)
{
    rebalance(controller);
    if (controller->lossy_review)
        clear_marks(controller);
}
