/* Decide what a partition's state should be, order the write, take the verdict.
 *
 * A partition is at rest, in a queue (pending or later), or in flight: one of these. What is
 * decided lives in the order (struct store) and nowhere else; only the verdict OK moves it into
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
    list_init(&controller->pending);
    list_init(&controller->later);
    list_init(&controller->stores);
    controller->retry_at_ms = INT64_MAX;
}

void store_free(struct store *store)
{
    free(store->changes);
    free(store->states);
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

/* --- decide ----------------------------------------------------------------------------------- */

bool partition_decide(const struct controller *controller, const struct partition *partition,
                      struct partition_state *wanted, uint64_t *leader_life)
{
    const struct cluster *cluster = &controller->cluster;
    const struct partition_state *stored = &partition->stored;
    uint64_t life = cluster_life(cluster, stored->leader);

    if (!partition->rewrite && stored->leader >= 0 && life != 0 && life == partition->leader_life)
        return false;

    int32_t winner =
        election_winner(&stored->replicas, &stored->isr, cluster->brokers, cluster->broker_count);
    bool never_stored = stored->leader_epoch < 0;
    if (winner == -1 && stored->leader == -1 && !partition->rewrite && !never_stored)
        return false;
    if (stored->leader_epoch == INT32_MAX)
        return false; /* only a hand-made record gets here: C1 leaves nothing to do */

    *wanted = *stored;
    wanted->leader = winner;
    wanted->leader_epoch = stored->leader_epoch + 1;
#ifdef MUTANT_EPOCH_NOT_BUMPED
    if (!never_stored)
        wanted->leader_epoch = stored->leader_epoch;
#endif
    wanted->controller_epoch = controller->epoch;
#ifdef MUTANT_OLD_CONTROLLER_EPOCH
    if (!never_stored)
        wanted->controller_epoch = stored->controller_epoch;
#endif
    *leader_life = cluster_life(cluster, winner);
    return true;
}

void partition_review(struct controller *controller, struct partition *partition)
{
    struct partition_state wanted;
    uint64_t life;

    if (partition->topic->phase != TOPIC_ONLINE || !list_empty(&partition->queue))
        return;
#ifndef MUTANT_DOUBLE_STORE
    if (partition->in_flight)
        return; /* C7: its verdict reviews it again */
#endif
    if (partition_decide(controller, partition, &wanted, &life))
        list_append(&controller->pending, &partition->queue);
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
    assert(wanted->leader_epoch > partition->stored.leader_epoch); /* C1 */
    assert(wanted->controller_epoch == controller->epoch);         /* C2 */
    assert(wanted->leader == -1 ||
           cluster_life(&controller->cluster, wanted->leader) != 0);               /* C5 */
    assert(wanted->leader == -1 || replica_set_has(&wanted->isr, wanted->leader)); /* C5 */
    assert(!partition->in_flight);                                                 /* C7 */

    store->targets[store->target_count++] = (struct store_target){
        .partition = partition, .leader_life = leader_life, .sequence = partition->sequence};
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

static struct store *order_states(struct controller *controller)
{
    size_t count = 0;
    for (struct list *node = controller->pending.next;
         node != &controller->pending && count < STORE_CHANGES_MAX; node = node->next)
        count++;

    struct store *store = store_new(STORE_STATE, count, count);
    if (store == NULL)
        return NULL;
    while (count-- > 0) {
        struct partition *partition = LIST_OWNER(controller->pending.next, struct partition, queue);
        struct partition_state wanted;
        uint64_t life;

        list_remove(&partition->queue);
        if (!partition_decide(controller, partition, &wanted, &life)) {
            partition_repaired(controller, partition);
            continue; /* its broker came back before the write was ordered */
        }
        store->changes[store->change_count++] =
            (struct store_change){.kind = STORE_STATE,
                                  .topic = partition->topic->name,
                                  .id = partition->topic->id,
                                  .partition = partition_index(partition),
                                  .state = wanted};
        store_aim(controller, store, partition, &wanted, life);
    }
    return store;
}

static void retry_later(struct controller *controller)
{
    if (controller->retry_at_ms == INT64_MAX)
        controller->retry_at_ms = controller->now_ms + STORE_RETRY_MS;
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
        } else if (!list_empty(&controller->pending)) {
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
    LIST_EACH_SAFE(&controller->later, node, after)
    {
        list_remove(node);
        partition_review(controller, LIST_OWNER(node, struct partition, queue));
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
    partition->leader_life = leader_life;
    partition->rewrite = false;
    partition->sequence = sequence;
    cluster_topic_changed(&controller->cluster, partition->topic, sequence);
}

static bool states_equal(const struct partition_state *a, const struct partition_state *b)
{
    return a->leader == b->leader && a->leader_epoch == b->leader_epoch &&
           a->controller_epoch == b->controller_epoch && a->isr.count == b->isr.count &&
           memcmp(a->isr.ids, b->isr.ids, (size_t)a->isr.count * sizeof a->isr.ids[0]) == 0;
}

/* Our write was refused, because `found` is stored. Either it is our own (an answer was lost), or
 * somebody else's: believe it when it is a successor of what we knew, else overwrite it. */
static void partition_stale(struct controller *controller, struct partition *partition,
                            const struct partition_state *wanted, uint64_t leader_life,
                            const struct partition_state *found)
{
    struct partition_state state = *found;
    bool newer = found->version > partition->stored.version;

    state.replicas = partition->stored.replicas; /* they stand in the topic's record */
    if (state.isr.count < 0 || state.isr.count > REPLICAS_MAX)
        state.isr.count = 0; /* not a record that anybody sane wrote */

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
        partition->in_flight = false;
        topic->in_flight--;
        partition_repaired(controller, partition);
        if (event->stored.verdicts[i] == STORE_OK) {
            state.version++; /* each write adds one; the first makes it 0 */
            partition_adopt(controller, partition, &state, target->leader_life,
                            announce_next(controller));
            partition_review(controller, partition);
        } else {
            partition_stale(controller, partition, &store->changes[i].state, target->leader_life,
                            &event->stored.states[i]);
        }
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
    if (store->kind == STORE_STATE)
        finish_states(controller, store, event);
    else if (store->kind == STORE_TOPIC)
        finish_creation(controller, store, event->stored.verdicts[0] == STORE_OK);
    else if (store->kind == STORE_REMOVE)
        finish_removal(controller, store, event->stored.verdicts[0] == STORE_OK);
    else
        alteration_finish(controller, store, event->stored.verdicts[0] == STORE_OK,
                          event->stored.config);
    store_free(store);
    return STORE_TAKEN;
}
