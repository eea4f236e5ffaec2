/* Reassignment: a partition gets other replicas. Each wish waits in the line of its topic, see
 * alter.c, so that one write of the topic's record is under way at a time:
 *
 *   BEGIN   replicas: those wanted, then those that go. Who is new copies, and joins the in-sync
 *           set as anybody does. When all that are wanted are in sync, this is the end at once.
 *   END     the controller's own idea, once all that are wanted are in sync: the others go, out of
 *           the in-sync set too; a leader that goes hands over in the same write.
 *   CANCEL  who is new goes, everybody else stays.
 *
 * The topic's record and the state of the partition are one write. What may be lost is decided by
 * who stays in sync: never fewer than were wanted (END), never nobody (C19). While it lasts, the
 * minimum of the in-sync set is that of the replicas before: the new ones have nothing yet. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/controller_private.h"
#include "server/core/election.h"

enum { TRIES_MAX = 8 };                 /* somebody writes faster than we do */

static struct partition *partition_of(const struct topic *topic,
                                      const struct alteration *alteration)
{
    return &topic->partitions[alteration->reassign.partition];
}

/* --- sets ------------------------------------------------------------------------------------- */

/* The replicas at the places that are not in `mask`. */
static struct replica_set without(const struct replica_set *replicas, uint16_t mask)
{
    struct replica_set set = {.count = 0};

    for (int32_t i = 0; i < replicas->count; i++)
        if ((mask >> i & 1) == 0)
            set.ids[set.count++] = replicas->ids[i];
    return set;
}

/* The places in `replicas` of those that `other` does not have. */
static uint16_t places_outside(const struct replica_set *replicas, const struct replica_set *other)
{
    uint16_t mask = 0;

    for (int32_t i = 0; i < replicas->count; i++)
        if (!replica_set_has(other, replicas->ids[i]))
            mask |= (uint16_t)(1u << i);
    return mask;
}

static bool is_within(const struct replica_set *set, const struct replica_set *other)
{
    return places_outside(set, other) == 0;
}

static bool sets_equal(const struct replica_set *a, const struct replica_set *b)
{
    return a->count == b->count &&
           memcmp(a->ids, b->ids, (size_t)a->count * sizeof a->ids[0]) == 0;
}

/* --- asking ----------------------------------------------------------------------------------- */

/* Could it ever have these? Who is new must live: nobody else could copy. */
static int check_target(const struct controller *controller, const struct partition *partition,
                        const struct replica_set *to, struct k_reason *reason)
{
    struct replica_set origin =
        without(&partition->stored.replicas, partition->moves.adding);
    struct replica_set all = origin;

    if (to->count < 1 || to->count > REPLICAS_MAX)
        return k_reason_set(reason, K_INVALID_REPLICA_ASSIGNMENT,
                            "a partition has 1 to %d replicas", (int)REPLICAS_MAX);
    for (int32_t i = 0; i < to->count; i++) {
        for (int32_t j = 0; j < i; j++)
            if (to->ids[i] == to->ids[j])
                return k_reason_set(reason, K_INVALID_REPLICA_ASSIGNMENT,
                                    "broker %d is named twice", (int)to->ids[i]);
        if (!replica_set_has(&partition->stored.replicas, to->ids[i]) &&
            cluster_life(&controller->cluster, to->ids[i]) == 0)
            return k_reason_set(reason, K_INVALID_REPLICA_ASSIGNMENT, "broker %d is not alive",
                                (int)to->ids[i]);
        if (!replica_set_has(&all, to->ids[i]) && all.count == REPLICAS_MAX)
            return k_reason_set(reason, K_INVALID_REPLICA_ASSIGNMENT,
                                "there are at most %d replicas, old and new ones together",
                                (int)REPLICAS_MAX);
        replica_set_add(&all, to->ids[i]);
    }
    return 0;
}

void reassign_ask(struct controller *controller, const struct controller_event *event)
{
    struct topic *topic = cluster_topic(&controller->cluster, event->reassign.name);
    int32_t number = event->reassign.partition;
    struct k_reason reason = {""};
    int error = topic == NULL || topic->phase != TOPIC_ONLINE || number < 0 ||
                        number >= topic->partition_count
                    ? K_UNKNOWN_TOPIC_OR_PARTITION
                    : 0;

    if (error == 0 && !event->reassign.cancel)
        error = check_target(controller, &topic->partitions[number], &event->reassign.replicas,
                             &reason);
    if (error == 0) {
        const struct reassign wish = {
            .kind = event->reassign.cancel ? REASSIGN_CANCEL : REASSIGN_BEGIN,
            .partition = number,
            .to = event->reassign.replicas,
        };
        error = alteration_add_reassign(controller, &topic->settings, event->reassign.ticket,
                                        &wish);
    }
    if (error != 0)
        answer_now(controller, event->reassign.ticket, error, "%s",
                   reason.text[0] != '\0' ? reason.text : k_error_text(error));
}

/* --- the end ---------------------------------------------------------------------------------- */

static bool is_under_way(const struct partition *partition)
{
    return partition->moves.adding != 0 || partition->moves.removing != 0;
}

/* All that are wanted are in sync, and one of them lives, and nothing of its copy can be missing:
 * who goes may be the last that has everything. */
static bool is_complete(const struct controller *controller, const struct partition *partition)
{
    const struct partition_state *stored = &partition->stored;
    struct replica_set target = without(&stored->replicas, partition->moves.removing);

    if (!is_under_way(partition))
        return false;
#ifdef MUTANT_REASSIGNED_EARLY
    return true;
#endif
    if (!is_within(&target, &stored->isr))
        return false;
    for (int32_t i = 0; i < target.count; i++)
        if (cluster_life(&controller->cluster, target.ids[i]) != 0 &&
            !partition_relies_on(controller, partition, target.ids[i]))
            return true;
    return false;
}

static bool end_is_queued(const struct topic *topic, int32_t partition)
{
    const struct list *line = &topic->settings.alterations;

    for (const struct list *node = line->next; node != line; node = node->next) {
        const struct reassign *wish = &LIST_OWNER(node, const struct alteration, link)->reassign;
        if (wish->kind == REASSIGN_END && wish->partition == partition)
            return true;
    }
    return false;
}

bool reassign_is_due(const struct controller *controller, const struct partition *partition)
{
    return partition->topic->phase == TOPIC_ONLINE && is_complete(controller, partition) &&
           !end_is_queued(partition->topic, partition_index(partition));
}

int reassign_review(struct controller *controller, struct partition *partition)
{
    const struct reassign end = {.kind = REASSIGN_END, .partition = partition_index(partition)};

    return reassign_is_due(controller, partition)
               ? alteration_add_reassign(controller, &partition->topic->settings, 0, &end)
               : 0;
}

/* --- ordering --------------------------------------------------------------------------------- */

struct outcome {
    struct replica_set replicas;
    struct replica_moves moves;
};

static int plan_begin(const struct partition *partition, const struct replica_set *to,
                      struct outcome *out)
{
    const struct partition_state *stored = &partition->stored;
    struct replica_set origin = without(&stored->replicas, partition->moves.adding);

    out->replicas = *to;
    out->moves = (struct replica_moves){0, 0};
    if (is_within(to, &stored->isr) && stored->isr.count > 0)
        return 0; /* also when only their order is another */
    for (int32_t i = 0; i < origin.count; i++)
        replica_set_add(&out->replicas, origin.ids[i]);
    out->moves.adding = places_outside(&out->replicas, &origin);
    out->moves.removing = places_outside(&out->replicas, to);
    return 0;
}

/* What the topic's record is to say of the partition. 0, or why not. */
static int plan(const struct controller *controller, const struct partition *partition,
                const struct reassign *wish, struct outcome *out, struct k_reason *reason)
{
    const struct partition_state *stored = &partition->stored;
    int error = 0;

    switch (wish->kind) {
    case REASSIGN_BEGIN:
        error = check_target(controller, partition, &wish->to, reason);
        return error != 0 ? error : plan_begin(partition, &wish->to, out);
    case REASSIGN_CANCEL:
        *out = (struct outcome){.replicas = without(&stored->replicas, partition->moves.adding)};
        return is_under_way(partition) ? 0 : K_NO_REASSIGNMENT_IN_PROGRESS;
    case REASSIGN_END:
        *out = (struct outcome){.replicas = without(&stored->replicas, partition->moves.removing)};
        return is_complete(controller, partition) ? 0 : K_NO_REASSIGNMENT_IN_PROGRESS;
    case REASSIGN_NOT:
        break;
    }
    return K_INVALID_REQUEST;
}

/* C19. Who would go may be the last that has everything. */
static int check_state(const struct partition_state *stored, const struct partition_state *wanted,
                       struct k_reason *reason)
{
    bool headless = stored->leader != -1 && wanted->leader == -1;
    bool unclean = wanted->unclean_epoch != stored->unclean_epoch;

    if (stored->isr.count > 0 && (wanted->isr.count == 0 || headless || unclean))
        return k_reason_set(reason, K_INVALID_REPLICA_ASSIGNMENT,
                            "none of the replicas that stay is in sync and alive");
    return 0;
}

static struct store *store_of(struct topic *topic, const struct partition *partition,
                              const struct outcome *outcome)
{
    size_t total = (size_t)topic->partition_count;
    int32_t index = partition_index(partition);
    struct store *store = store_new(STORE_REASSIGN, 1, 1);

    if (store == NULL)
        return NULL;
    store->states = calloc(total, sizeof *store->states);
    store->moves = calloc(total, sizeof *store->moves);
    if (store->states == NULL || store->moves == NULL) {
        store_free(store);
        return NULL;
    }
    for (size_t p = 0; p < total; p++) {
        store->states[p] = topic->partitions[p].stored; /* for its replicas */
        store->moves[p] = topic->partitions[p].moves;
    }
    store->states[index].replicas = outcome->replicas;
    store->moves[index] = outcome->moves;
    store->changes[store->change_count++] =
        (struct store_change){.kind = STORE_REASSIGN,
                              .topic = topic->name,
                              .id = topic->id,
                              .partition = index,
                              .states = store->states,
                              .moves = store->moves,
                              .partition_count = topic->partition_count};
    return store;
}

int reassign_order(struct controller *controller, struct topic *topic,
                   const struct alteration *alteration, struct store **out,
                   struct k_reason *reason)
{
    struct partition *partition = partition_of(topic, alteration);
    struct partition_state wanted;
    struct outcome outcome;
    uint64_t life;

    int error = plan(controller, partition, &alteration->reassign, &outcome, reason);
    if (error != 0)
        return error;
    partition_decide_replicas(controller, partition, &outcome.replicas, outcome.moves, &wanted,
                              &life);
    error = check_state(&partition->stored, &wanted, reason);
    if (error != 0)
        return error;
    *out = NULL;
    if (sets_equal(&outcome.replicas, &partition->stored.replicas) &&
        outcome.moves.adding == partition->moves.adding &&
        outcome.moves.removing == partition->moves.removing)
        return 0; /* it is so */
    struct store *store = store_of(topic, partition, &outcome);
    if (store == NULL)
        return K_NOMEM;
    list_remove(&partition->queue); /* its verdict reviews it */
    store->changes[0].state = wanted;
    store_aim_checked(controller, store, partition, &store->changes[0], life);
    *out = store;
    return 0;
}

/* --- verdicts --------------------------------------------------------------------------------- */

enum reassign_end reassign_finish(struct controller *controller, struct store *store,
                                  struct alteration *alteration,
                                  const struct controller_event *event)
{
    struct store_target *target = &store->targets[0];
    struct partition *partition = target->partition;
    struct partition_state state = store->changes[0].state;

    partition_landed(controller, partition);
    if (event->stored.verdicts[0] == STORE_OK) {
        state.version++;
        partition->moves = store->moves[partition_index(partition)];
        partition_adopt(controller, partition, &state, target->leader_life,
                        announce_next(controller));
        partition_review(controller, partition);
        return REASSIGN_STORED;
    }
    if (event->stored.verdicts[0] == STORE_STALE) {
        bool readable = event->stored.states[0].version >= 0;
        partition_stale(controller, partition, &store->changes[0].state, target->leader_life,
                        &event->stored.states[0]);
        if (!readable)
            return REASSIGN_REFUSED;
    } else {
        partition_review(controller, partition); /* its new leader is gone: BROKERS will tell */
    }
    return ++alteration->tries < TRIES_MAX ? REASSIGN_AGAIN : REASSIGN_REFUSED;
}

/* --- what is under way ------------------------------------------------------------------------ */

void controller_reassignments(const struct controller *controller, void *context,
                              void (*visit)(void *context, const char *topic, int32_t partition,
                                            const struct partition_state *state,
                                            struct replica_moves moves))
{
    for (const struct list *node = controller->cluster.topics.next;
         node != &controller->cluster.topics; node = node->next) {
        const struct topic *topic = LIST_OWNER(node, const struct topic, order);
        for (int32_t i = 0; i < topic->partition_count && topic->phase == TOPIC_ONLINE; i++)
            if (is_under_way(&topic->partitions[i]))
                visit(context, topic->name, i, &topic->partitions[i].stored,
                      topic->partitions[i].moves);
    }
}

/* Of what a record says: masks that make sense, or nothing is under way. */
struct replica_moves reassign_mend(const struct replica_set *replicas, struct replica_moves moves)
{
    uint16_t all = (uint16_t)((1u << replicas->count) - 1);

    if ((moves.adding & moves.removing) != 0 || moves.removing == all || moves.adding == all ||
        ((moves.adding | moves.removing) & ~all) != 0)
        return (struct replica_moves){0, 0};
    return moves;
}
