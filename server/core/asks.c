/* What is asked of single partitions: another in-sync set by its leader, another leader by a
 * person or by ourselves. Each partition has a line; the first in it is judged when nothing else of
 * the partition is under way and it needs no other state of its own accord:
 *
 *   in line --judged--> ordered --OK--> adopted, announced, answered
 *              \            \---- STALE: somebody else wrote; judged again on that
 *               \            \--- ABSENT: who was to join is gone: answered
 *                \--> refused, or stored already: answered
 *
 * A proposal repeats when its answer is late. The repetition is judged after the verdict of the
 * first, and finds its set stored: so "not stored" is never said of what will be. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/controller_private.h"
#include "server/core/election.h"

/* --- the line --------------------------------------------------------------------------------- */

static void append(struct partition *partition, struct ask *ask)
{
    struct ask **end = &partition->asks;

    while (*end != NULL)
        end = &(*end)->next;
    *end = ask;
}

/* The one in this place is answered and gone. */
static void leave_line(struct controller *controller, struct ask **place, int error,
                       int32_t version)
{
    struct ask *ask = *place;

    *place = ask->next;
    if (ask->ticket != 0) {
        struct controller_effect *effect = answer_taken(
            controller, ask->ticket, error, NULL, "%s", error == 0 ? "" : k_error_text(error));
        effect->answer.version = version;
    }
    free(ask);
}

void asks_refuse(struct controller *controller, struct partition *partition, int error)
{
    struct ask **place = &partition->asks;

    if (partition->asked)
        place = &(*place)->next; /* its verdict comes */
    while (*place != NULL)
        leave_line(controller, place, error, 0);
}

void asks_finish(struct controller *controller, struct partition *partition, int error)
{
    assert(partition->asked && partition->asks != NULL);
    partition->asked = false;
    leave_line(controller, &partition->asks, error, error == 0 ? partition->stored.version : 0);
}

static void each_partition(struct controller *controller,
                           void (*visit)(struct controller *controller,
                                         struct partition *partition))
{
    LIST_EACH(&controller->cluster.topics, node)
    {
        struct topic *topic = LIST_OWNER(node, struct topic, order);
        for (int32_t i = 0; i < topic->partition_count; i++)
            visit(controller, &topic->partitions[i]);
    }
}

static void forget(struct controller *controller, struct partition *partition)
{
    partition->asked = false;
    asks_refuse(controller, partition, K_NOT_CONTROLLER);
}

void asks_clear(struct controller *controller)
{
    each_partition(controller, forget);
}

static void drop(struct controller *controller, struct partition *partition)
{
    (void)controller;
    for (struct ask *ask; (ask = partition->asks) != NULL;) {
        partition->asks = ask->next;
        free(ask);
    }
}

void asks_drop(struct controller *controller)
{
    each_partition(controller, drop);
}

/* --- asking ----------------------------------------------------------------------------------- */

/* Takes the ticket. 0, NOMEM or BUSY; then `ask` is freed. */
static int join_line(struct controller *controller, struct partition *partition, struct ask *ask)
{
    int error = ask == NULL ? K_NOMEM : ask->ticket != 0 ? tickets_take(controller) : 0;

    if (error != 0) {
        free(ask);
        return error;
    }
    append(partition, ask);
    partition_review(controller, partition);
    return 0;
}

/* A copy of what a former controller refused would be judged anew; but its leader was told that it
 * is refused, and counts the set without it. */
static bool is_of_another_reign(const struct controller *controller,
                                const struct controller_event *event)
{
#ifdef MUTANT_PROPOSAL_OUTLIVES_REIGN
    return false;
#endif
    return event->isr.reign != 0 && event->isr.reign != controller->epoch;
}

/* A copy that comes behind a later one must not be stored: its leader may have been told by then
 * that it is refused, and count the set without it. */
static bool is_late(struct partition *partition, const struct controller_event *event)
{
    if (event->isr.round == 0 || event->isr.broker != partition->stored.leader ||
        event->isr.leader_epoch != partition->stored.leader_epoch)
        return false; /* judged by what it says */
#ifndef MUTANT_PROPOSAL_REPLAYED
    if (event->isr.leader_epoch == partition->asked_epoch &&
        event->isr.round <= partition->asked_round)
        return true;
#endif
    partition->asked_epoch = event->isr.leader_epoch;
    partition->asked_round = event->isr.round;
    return false;
}

void asks_isr(struct controller *controller, const struct controller_event *event)
{
    const struct topic *topic = cluster_topic_by_id(&controller->cluster, &event->isr.topic);
    struct partition *partition = topic_partition(topic, event->isr.partition);
    size_t count = (size_t)event->isr.member_count;
    int error = topic == NULL ? K_UNKNOWN_TOPIC_ID : K_UNKNOWN_TOPIC_OR_PARTITION;

    if (partition != NULL)
        error = event->isr.member_count < 1 || count > REPLICAS_MAX ? K_INVALID_REQUEST
              : is_of_another_reign(controller, event)              ? K_NOT_CONTROLLER
              : is_late(partition, event)                           ? K_INVALID_UPDATE_VERSION
                                                                    : 0;
    if (error == 0) {
        struct ask *ask = calloc(1, sizeof *ask + count * sizeof *ask->members);
        if (ask != NULL) {
            ask->ticket = event->isr.ticket;
            ask->isr = true;
            ask->broker = event->isr.broker;
            ask->incarnation = event->isr.incarnation;
            ask->leader_epoch = event->isr.leader_epoch;
            ask->version = event->isr.version;
            ask->flush_on_ack = event->isr.flush_on_ack;
            ask->member_count = event->isr.member_count;
            memcpy(ask->members, event->isr.members, count * sizeof *ask->members);
        }
        error = join_line(controller, partition, ask);
    }
    if (error != 0)
        answer_now(controller, event->isr.ticket, error, "%s", k_error_text(error));
}

static struct ask *elect_new(uint64_t ticket, enum elect_kind kind)
{
    struct ask *ask = calloc(1, sizeof *ask);
    if (ask != NULL)
        *ask = (struct ask){.ticket = ticket, .elect = kind};
    return ask;
}

void asks_elect(struct controller *controller, const struct controller_event *event)
{
    struct partition *partition = topic_partition(
        cluster_topic(&controller->cluster, event->elect.name), event->elect.partition);
    int error = K_UNKNOWN_TOPIC_OR_PARTITION;

    if (partition != NULL)
        error = join_line(controller, partition,
                          elect_new(event->elect.ticket, event->elect.kind));
    if (error != 0)
        answer_now(controller, event->elect.ticket, error, "%s", k_error_text(error));
}

void asks_add_preferred(struct controller *controller, struct partition *partition)
{
    if (partition->asks == NULL)
        join_line(controller, partition, elect_new(0, ELECT_PREFERRED));
}

/* --- judging ---------------------------------------------------------------------------------- */

/* Who is new may join: the very process that the leader saw, nothing missing, not stopping. */
static bool may_join(const struct controller *controller, const struct partition_state *stored,
                     const struct controller_member *member)
{
    const struct controller_broker *broker = broker_find(
        controller->cluster.brokers, controller->cluster.broker_count, member->id);

#ifdef MUTANT_JOIN_UNCHECKED
    return broker != NULL;
#endif
    return broker != NULL && uuid_equal(&broker->incarnation, &member->incarnation) &&
           (!broker->lossy || stored->flush_on_ack) &&
           !cluster_find_life(&controller->cluster, member->id)->draining;
}

/* Its members as a set in the order of replicas; who is new stands first in the ask afterwards.
 * False: it is not made of replicas, each once, the leader among them. */
static bool read_members(const struct partition_state *stored, struct ask *ask,
                         struct replica_set *set)
{
    struct replica_set named = {.count = 0};

    ask->new_count = 0;
    for (int32_t i = 0; i < ask->member_count; i++) {
        struct controller_member member = ask->members[i];
        if (!replica_set_has(&stored->replicas, member.id) || replica_set_has(&named, member.id))
            return false;
        replica_set_add(&named, member.id);
        if (replica_set_has(&stored->isr, member.id))
            continue;
        ask->members[i] = ask->members[ask->new_count];
        ask->members[ask->new_count++] = member;
    }
    set->count = 0;
    for (int32_t i = 0; i < stored->replicas.count; i++)
        if (replica_set_has(&named, stored->replicas.ids[i]))
            replica_set_add(set, stored->replicas.ids[i]);
    return replica_set_has(&named, ask->broker);
}

static bool same_members(const struct replica_set *a, const struct replica_set *b)
{
    for (int32_t i = 0; i < a->count; i++)
        if (!replica_set_has(b, a->ids[i]))
            return false;
    return a->count == b->count;
}

/* Who asks must lead, in this life. */
static int judge_asker(const struct controller *controller, const struct partition *partition,
                       const struct ask *ask)
{
    const struct partition_state *stored = &partition->stored;
    const struct controller_member asker = {ask->broker, ask->incarnation};

    if (!cluster_lives(&controller->cluster, &asker))
        return K_STALE_BROKER_EPOCH;
    if (ask->leader_epoch != stored->leader_epoch)
        return ask->leader_epoch < stored->leader_epoch ? K_FENCED_LEADER_EPOCH
                                                        : K_UNKNOWN_LEADER_EPOCH;
    return stored->leader != ask->broker ||
                   partition->leader_life != cluster_life(&controller->cluster, ask->broker)
               ? K_NOT_LEADER_OR_FOLLOWER
               : 0;
}

/* 0: store `wanted`, or it is stored already. */
static int judge_isr(const struct controller *controller, const struct partition *partition,
                     struct ask *ask, struct partition_state *wanted, uint64_t *leader_life,
                     bool *already)
{
    const struct partition_state *stored = &partition->stored;
    struct replica_set set;
    int error = judge_asker(controller, partition, ask);

    if (error != 0)
        return error;
    if (!read_members(stored, ask, &set))
        return K_INVALID_REQUEST;
    *already = same_members(&set, &stored->isr) && ask->flush_on_ack == stored->flush_on_ack;
    if (*already)
        return 0;
#ifndef MUTANT_PROPOSAL_OUTDATED
    if (ask->version != stored->version)
        return K_INVALID_UPDATE_VERSION;
#endif
    for (int32_t i = 0; i < ask->new_count; i++)
        if (!may_join(controller, stored, &ask->members[i]))
            return K_INELIGIBLE_REPLICA;
    return partition_decide_isr(controller, partition, &set, ask->flush_on_ack, wanted,
                                leader_life)
               ? 0
               : K_INELIGIBLE_REPLICA;
}

const struct ask *asks_decide(struct controller *controller, struct partition *partition,
                              struct partition_state *wanted, uint64_t *leader_life)
{
    for (struct ask *ask; (ask = partition->asks) != NULL;) {
        bool already = false;
        int error = ask->isr ? judge_isr(controller, partition, ask, wanted, leader_life, &already)
                             : partition_decide_leader(controller, partition, ask->elect, wanted,
                                                       leader_life);
        if (error == 0 && !already)
            return ask;
        leave_line(controller, &partition->asks, error, error == 0 ? partition->stored.version : 0);
    }
    return NULL;
}
