/* Order the writes of what was decided (decide.c) or asked for (asks.c), take the verdicts. A
 * partition is at rest, in a queue (electing, pending or later), or in flight: one of these. What
 * is decided lives in the order (struct store) and nowhere else; only the verdict OK moves it into
 * cluster.c, whence it is announced. A topic's removal waits until nothing of it is in flight. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/controller_private.h"
#include "server/core/election.h"

void stores_init(struct controller *controller)
{
    list_init(&controller->topics_todo);
    list_init(&controller->settings_todo);
    list_init(&controller->topics_later);
    list_init(&controller->electing);
    list_init(&controller->pending);
    list_init(&controller->later);
    list_init(&controller->stores);
    controller->retry_at_ms = INT64_MAX;
}

void store_free(struct store *store)
{
    free(store->changes);
    free(store->states);
    free(store->moves);
    free(store->grown);
    configs_fini(&store->configs);
    free(store->targets);
    free(store);
}

void stores_clear(struct controller *controller)
{
    while (!list_empty(&controller->stores)) {
        struct store *store = LIST_OWNER(controller->stores.next, struct store, link);
        list_remove(&store->link);
        store_free(store);
    }
    controller->store_count = 0;
    controller->repair_count = 0;
    controller->retry_at_ms = INT64_MAX;
}

void state_mend(struct partition_state *state)
{
    if (state->replicas.count < 0 || state->replicas.count > REPLICAS_MAX)
        state->replicas.count = 0;
    if (state->isr.count < 0 || state->isr.count > REPLICAS_MAX)
        state->isr.count = 0;
    if (state->eligible.count < 0 || state->eligible.count > REPLICAS_MAX)
        state->eligible.count = 0;
    if (state->leader < -1 || state->leader_epoch < -1)
        state->leader = -1;
    if (state->leader_epoch < -1)
        state->leader_epoch = -1;
    if (state->min_insync < 1)
        state->min_insync = 1;
    if (state->unclean_epoch < -1 || state->unclean_epoch > state->leader_epoch)
        state->unclean_epoch = -1;
}

/* --- queue ------------------------------------------------------------------------------------ */

static void retry_later(struct controller *controller)
{
    if (controller->retry_at_ms == INT64_MAX)
        controller->retry_at_ms = controller->now_ms + STORE_RETRY_MS;
}

void partition_review(struct controller *controller, struct partition *partition)
{
    struct partition_state wanted;
    uint64_t life;

    int error = reassign_review(controller, partition);
    if (partition->topic->phase != TOPIC_ONLINE || !list_empty(&partition->queue))
        return;
#ifndef MUTANT_DOUBLE_STORE
    if (partition->in_flight)
        return; /* C7: its verdict reviews it again */
#endif
    bool differs = partition_decide(controller, partition, &wanted, &life);
    if (differs && wanted.leader_epoch > partition->stored.leader_epoch) {
        list_append(&controller->electing, &partition->queue);
    } else if (differs || partition->asks != NULL) {
        list_append(&controller->pending, &partition->queue);
    } else if (error != 0) {
        list_append(&controller->later, &partition->queue);
        retry_later(controller);
    }
}

static void partition_repaired(struct controller *controller, struct partition *partition)
{
    controller->repair_count -= partition->repairing;
    partition->repairing = false;
}

void topic_doom(struct controller *controller, struct topic *topic)
{
    assert(topic->phase == TOPIC_ONLINE);
    topic->phase = TOPIC_DOOMED;
    for (int32_t i = 0; i < topic->partition_count; i++) {
        list_remove(&topic->partitions[i].queue);
        partition_repaired(controller, &topic->partitions[i]);
        asks_refuse(controller, &topic->partitions[i], K_UNKNOWN_TOPIC_OR_PARTITION);
    }
    alterations_refuse(controller, &topic->settings, K_UNKNOWN_TOPIC_OR_PARTITION);
    if (topic->in_flight == 0)
        list_append(&controller->topics_todo, &topic->queue);
}

/* --- order ------------------------------------------------------------------------------------ */

struct store *store_new(enum store_kind kind, size_t change_count, size_t target_count)
{
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return NULL;
    list_init(&store->link);
    store->kind = kind;
    store->changes = calloc(change_count, sizeof *store->changes);
    store->targets = calloc(target_count + 1, sizeof *store->targets);
    if (kind == STORE_TOPIC)
        store->states = calloc(target_count + 1, sizeof *store->states);
    if (store->changes == NULL || store->targets == NULL ||
        (kind == STORE_TOPIC && store->states == NULL)) {
        store_free(store);
        return NULL;
    }
    return store;
}

/* The partition goes in flight with `wanted`, which must be better than what is stored. */
static void store_aim(struct controller *controller, struct store *store,
                      struct partition *partition, const struct partition_state *wanted,
                      uint64_t leader_life)
{
    partition_check_wanted(controller, partition, wanted);
    assert(!partition->in_flight); /* C7 */

    struct store_target *target = &store->targets[store->target_count++];
    target->partition = partition;
    target->leader_life = leader_life;
    target->sequence = partition->sequence;
    partition->in_flight = true;
    partition->topic->in_flight++;
#ifdef MUTANT_ANNOUNCE_BEFORE_STORE
    if (partition->topic->phase == TOPIC_ONLINE) {
        partition->stored = *wanted;
        partition->sequence = announce_next(controller);
        cluster_topic_changed(&controller->cluster, partition->topic, partition->sequence);
    }
#endif
}

static void store_order(struct controller *controller, struct store *store)
{
    struct controller_effect *effect = effects_add(controller, CONTROLLER_DO_STORE);

    store->token = controller->next_token++;
    list_append(&controller->stores, &store->link);
    controller->store_count++;
    effect->store.token = store->token;
    effect->store.epoch = controller->epoch;
    effect->store.changes = store->changes;
    effect->store.count = store->change_count;
}

static struct store *order_removal(struct topic *topic)
{
    struct store *store = store_new(STORE_REMOVE, 1, 0);
    if (store == NULL)
        return NULL;
    store->topic = topic;
    store->changes[store->change_count++] =
        (struct store_change){.kind = STORE_REMOVE,
                              .topic = topic->name,
                              .id = topic->id,
                              .partition_count = topic->partition_count};
    topic->in_flight++;
    return store;
}

static struct store *order_creation(struct controller *controller, struct topic *topic)
{
    struct store *store = store_new(STORE_TOPIC, 1, (size_t)topic->partition_count);
    if (store == NULL)
        return NULL;
    store->topic = topic;
    for (int32_t i = 0; i < topic->partition_count; i++) {
        uint64_t life = 0;
        bool differs =
            partition_decide(controller, &topic->partitions[i], &store->states[i], &life);
        assert(differs);
        store_aim(controller, store, &topic->partitions[i], &store->states[i], life);
    }
    store->changes[store->change_count++] =
        (struct store_change){.kind = STORE_TOPIC,
                              .topic = topic->name,
                              .id = topic->id,
                              .states = store->states,
                              .partition_count = topic->partition_count,
                              .configs = topic->settings.configs.items,
                              .config_count = topic->settings.configs.count};
    topic->in_flight++;
    return store;
}

/* Who joins, and who begins to lead, must be the very process that this was decided for. */
static void add_checks(const struct controller *controller, const struct partition *partition,
                       struct store_target *target, struct store_change *change,
                       const struct ask *ask)
{
    const struct cluster *cluster = &controller->cluster;
    const struct controller_broker *leader =
        broker_find(cluster->brokers, cluster->broker_count, change->state.leader);

#ifdef MUTANT_JOIN_UNCHECKED
    if (ask != NULL && ask->isr)
        return;
#endif
    if (ask != NULL && ask->isr) {
        change->checks = ask->members;
        change->check_count = ask->new_count;
    } else if (leader != NULL && change->state.leader_epoch > partition->stored.leader_epoch) {
        target->leader = (struct controller_member){leader->id, leader->incarnation};
        change->checks = &target->leader;
        change->check_count = 1;
    }
}

void store_aim_checked(struct controller *controller, struct store *store,
                       struct partition *partition, struct store_change *change,
                       uint64_t leader_life)
{
    add_checks(controller, partition, &store->targets[store->target_count], change, NULL);
    store_aim(controller, store, partition, &change->state, leader_life);
}

static size_t count_up_to(const struct list *queue, size_t most)
{
    size_t count = 0;
    for (const struct list *node = queue->next; node != queue && count < most; node = node->next)
        count++;
    return count;
}

static struct store *order_states(struct controller *controller)
{
    size_t count = count_up_to(&controller->electing, STORE_CHANGES_MAX);
    count += count_up_to(&controller->pending, STORE_CHANGES_MAX - count);

    struct store *store = store_new(STORE_STATE, count, count);
    if (store == NULL)
        return NULL;
    while (count-- > 0) {
        struct list *first = list_empty(&controller->electing) ? controller->pending.next
                                                               : controller->electing.next;
        struct partition *partition = LIST_OWNER(first, struct partition, queue);
        struct partition_state wanted;
        const struct ask *ask = NULL;
        uint64_t life;

        list_remove(&partition->queue);
        if (!partition_decide(controller, partition, &wanted, &life)) {
            partition_repaired(controller, partition);
            ask = asks_decide(controller, partition, &wanted, &life);
            if (ask == NULL)
                continue; /* its broker came back before the write was ordered, or nobody asks */
        }
        struct store_change *change = &store->changes[store->change_count++];
        *change = (struct store_change){.kind = STORE_STATE,
                                        .topic = partition->topic->name,
                                        .id = partition->topic->id,
                                        .partition = partition_index(partition),
                                        .state = wanted};
        partition->asked = ask != NULL;
        add_checks(controller, partition, &store->targets[store->target_count], change, ask);
        store_aim(controller, store, partition, &wanted, life);
    }
    return store;
}

bool stores_open_before(const struct controller *controller, uint64_t token)
{
    /* They stand in the order of their tokens. */
    return !list_empty(&controller->stores) &&
           LIST_OWNER(controller->stores.next, struct store, link)->token < token;
}

void stores_pump(struct controller *controller)
{
    while (controller->store_count < STORES_IN_FLIGHT_MAX) {
        struct store *store;
        bool refused = false;

        if (!list_empty(&controller->topics_todo)) {
            struct topic *topic = LIST_OWNER(controller->topics_todo.next, struct topic, queue);
            store = topic->phase == TOPIC_CREATING ? order_creation(controller, topic)
                                                   : order_removal(topic);
            if (store != NULL)
                list_remove(&topic->queue);
        } else if (!list_empty(&controller->settings_todo)) {
            bool no_memory;
            store = alteration_order(controller, &no_memory);
            refused = store == NULL && !no_memory;
        } else if (!list_empty(&controller->electing) || !list_empty(&controller->pending)) {
            store = order_states(controller);
        } else {
            return;
        }
        if (refused)
            continue;
        if (store == NULL) {
            retry_later(controller); /* out of memory: what waits stays queued */
            return;
        }
        if (store->change_count > 0)
            store_order(controller, store);
        else
            store_free(store);
    }
}

void stores_retry(struct controller *controller)
{
    if (controller->now_ms < controller->retry_at_ms)
        return;
    controller->retry_at_ms = INT64_MAX;
    LIST_EACH_SAFE(&controller->topics_later, node, after)
    {
        list_remove(node);
        list_append(&controller->topics_todo, node);
    }
    /* Without memory some come back: that is for the next time. */
    struct list later;
    list_init(&later);
    list_move(&later, &controller->later);
    LIST_EACH_SAFE(&later, node, after)
    {
        struct partition *partition = LIST_OWNER(node, struct partition, queue);
        list_remove(node);
        partition_review(controller, partition);
        if (list_empty(&partition->queue) && !partition->in_flight)
            partition_repaired(controller, partition); /* there is nothing to store */
    }
}

/* --- verdicts --------------------------------------------------------------------------------- */

void partition_adopt(struct controller *controller, struct partition *partition,
                     const struct partition_state *state, uint64_t leader_life,
                     uint64_t sequence)
{
    assert(state->leader_epoch > partition->stored.leader_epoch ||
           (state->leader_epoch == partition->stored.leader_epoch &&
            state->leader == partition->stored.leader)); /* C1 */
    partition->stored = *state;
    reports_prune(partition);
    partition->leader_life = leader_life;
    partition->rewrite = false;
    partition->sequence = sequence;
    controller->lossy_review = true;
    cluster_topic_changed(&controller->cluster, partition->topic, sequence);
}

static bool sets_equal(const struct replica_set *a, const struct replica_set *b)
{
    return a->count == b->count &&
           memcmp(a->ids, b->ids, (size_t)a->count * sizeof a->ids[0]) == 0;
}

static bool states_equal(const struct partition_state *a, const struct partition_state *b)
{
    return a->leader == b->leader && a->leader_epoch == b->leader_epoch &&
           a->controller_epoch == b->controller_epoch && a->min_insync == b->min_insync &&
           a->unclean_epoch == b->unclean_epoch && a->flush_on_ack == b->flush_on_ack &&
           sets_equal(&a->isr, &b->isr) && sets_equal(&a->eligible, &b->eligible);
}

/* Our write was refused, because `found` is stored. Either it is our own (an answer was lost), or
 * somebody else's: believe it when it is a successor of what we knew, else overwrite it. */
void partition_stale(struct controller *controller, struct partition *partition,
                            const struct partition_state *wanted, uint64_t leader_life,
                            const struct partition_state *found)
{
    struct partition_state state = *found;
    bool newer = found->version > partition->stored.version;

    state.replicas = partition->stored.replicas; /* they stand in the topic's record */
    state_mend(&state);

    if (newer && states_equal(&state, wanted)) {
        partition_adopt(controller, partition, &state, leader_life, announce_next(controller));
    } else if (newer && state.leader_epoch > partition->stored.leader_epoch) {
        /* Which life of its leader that epoch is for, nobody knows: C6 asks for one of our own. */
        partition_adopt(controller, partition, &state, 0, announce_next(controller));
    } else if (newer && state.leader_epoch == partition->stored.leader_epoch &&
               state.leader == partition->stored.leader) {
        partition_adopt(controller, partition, &state, partition->leader_life,
                        announce_next(controller));
    } else {
        partition->stored.version = found->version;
        partition->rewrite = true;
    }

    if (newer) {
        partition_review(controller, partition);
    } else if (partition->topic->phase == TOPIC_ONLINE) {
        list_append(&controller->later, &partition->queue);
        retry_later(controller);
    }
}

/* A broker that the write relied on is gone; BROKERS will tell, and has it decided anew. */
static void partition_absent(struct controller *controller, struct partition *partition)
{
    if (partition->asked)
        asks_finish(controller, partition,
                    partition->asks->isr ? K_INELIGIBLE_REPLICA : K_BROKER_NOT_AVAILABLE);
    if (partition->topic->phase != TOPIC_ONLINE)
        return;
    list_append(&controller->later, &partition->queue);
    retry_later(controller);
}

void partition_landed(struct controller *controller, struct partition *partition)
{
    partition->in_flight = false;
    partition->topic->in_flight--;
    partition_repaired(controller, partition);
}

static void finish_states(struct controller *controller, const struct store *store,
                          const struct controller_event *event)
{
    for (size_t i = 0; i < store->change_count; i++) {
        struct store_target *target = &store->targets[i];
        struct partition *partition = target->partition;
        struct topic *topic = partition->topic;
        struct partition_state state = store->changes[i].state;

#ifndef MUTANT_ANNOUNCE_BEFORE_STORE
        assert(partition->sequence == target->sequence); /* C3 */
#endif
        partition_landed(controller, partition);
        if (event->stored.verdicts[i] == STORE_ABSENT) {
            partition_absent(controller, partition);
        } else if (event->stored.verdicts[i] == STORE_OK) {
            state.version++; /* each write adds one; the first makes it 0 */
            partition_adopt(controller, partition, &state, target->leader_life,
                            announce_next(controller));
            if (partition->asked)
                asks_finish(controller, partition, 0);
            partition_review(controller, partition);
        } else {
            partition->asked = false; /* it is judged again, on what was found */
            partition_stale(controller, partition, &store->changes[i].state, target->leader_life,
                            &event->stored.states[i]);
        }
        alterations_resume(controller, topic);
        if (topic->phase == TOPIC_DOOMED)
            asks_refuse(controller, partition, K_UNKNOWN_TOPIC_OR_PARTITION);
        if (topic->phase == TOPIC_DOOMED && topic->in_flight == 0)
            list_append(&controller->topics_todo, &topic->queue);
    }
}

static void answer_waiters(struct controller *controller, struct topic *topic,
                           enum waiter_kind kind, int error, const char *message)
{
    LIST_EACH_SAFE(&topic->waiters, node, after)
    {
        struct waiter *waiter = LIST_OWNER(node, struct waiter, link);
        if (waiter->kind != kind)
            continue;
        answer_taken(controller, waiter->ticket, error, error == 0 ? topic : NULL, "%s", message);
        list_remove(node);
        free(waiter);
    }
}

static void finish_creation(struct controller *controller, const struct store *store, bool stored)
{
    struct topic *topic = store->topic;
    const char *exists = k_error_text(K_TOPIC_ALREADY_EXISTS);

    topic->in_flight--;
    if (!stored) {
        /* Made by hand, and unknown to us until the next election: its name is taken. */
        answer_waiters(controller, topic, WAITS_FOR_CREATION, K_TOPIC_ALREADY_EXISTS, exists);
        answer_waiters(controller, topic, WAITS_FOR_RIVAL, K_TOPIC_ALREADY_EXISTS, exists);
        answer_waiters(controller, topic, WAITS_FOR_REMOVAL, K_UNKNOWN_TOPIC_OR_PARTITION,
                       k_error_text(K_UNKNOWN_TOPIC_OR_PARTITION));
        cluster_remove(&controller->cluster, topic);
        return;
    }

    uint64_t sequence = announce_next(controller);
    topic->phase = TOPIC_ONLINE;
    topic->settings.sequence = sequence;
    topic->settings.version = 0;
    for (size_t i = 0; i < store->target_count; i++) {
        struct partition *partition = store->targets[i].partition;
        struct partition_state state = store->states[i];

        partition->in_flight = false;
        topic->in_flight--;
        state.version++;
        partition_adopt(controller, partition, &state, store->targets[i].leader_life, sequence);
    }
    answer_waiters(controller, topic, WAITS_FOR_CREATION, 0, "");
    answer_waiters(controller, topic, WAITS_FOR_RIVAL, K_TOPIC_ALREADY_EXISTS, exists);

    if (!list_empty(&topic->waiters)) {
        topic_doom(controller, topic); /* its removal was asked for meanwhile */
        return;
    }
    for (int32_t i = 0; i < topic->partition_count; i++)
        partition_review(controller, &topic->partitions[i]);
}

static void finish_removal(struct controller *controller, const struct store *store, bool stored)
{
    struct topic *topic = store->topic;

    topic->in_flight--;
    controller->repair_count -= topic->repairing;
    topic->repairing = false;
    if (!stored) {
        list_append(&controller->topics_later, &topic->queue);
        retry_later(controller);
        return;
    }
    announce_deletion(controller, &topic->id);
    answer_waiters(controller, topic, WAITS_FOR_REMOVAL, 0, "");
    cluster_remove(&controller->cluster, topic);
}

enum store_outcome stores_finish(struct controller *controller,
                                 const struct controller_event *event)
{
    struct store *store = NULL;
    LIST_EACH(&controller->stores, node)
    {
        if (LIST_OWNER(node, struct store, link)->token == event->stored.token)
            store = LIST_OWNER(node, struct store, link);
    }
    if (store == NULL)
        return STORE_UNKNOWN_TOKEN; /* ordered in a former reign */
    assert(event->stored.count == store->change_count);

    for (size_t i = 0; i < event->stored.count; i++) {
#ifndef MUTANT_NO_FENCE_RESIGN
        if (event->stored.verdicts[i] == STORE_FENCED)
            return STORE_RESIGN;
#endif
        if (event->stored.verdicts[i] == STORE_LOST)
            return STORE_WAIT;
    }

    list_remove(&store->link);
    controller->store_count--;
    controller->lossy_review = true;
    if (store->kind == STORE_STATE)
        finish_states(controller, store, event);
    else if (store->kind == STORE_TOPIC)
        finish_creation(controller, store, event->stored.verdicts[0] == STORE_OK);
    else if (store->kind == STORE_REMOVE)
        finish_removal(controller, store, event->stored.verdicts[0] == STORE_OK);
    else
        alteration_finish(controller, store, event);
    store_free(store);
    return STORE_TAKEN;
}
