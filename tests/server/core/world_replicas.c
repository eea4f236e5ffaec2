/* Who has all that is committed; proposals of leaders, elections, brokers that stop or lose. */
#include "tests/server/core/world_private.h"

#include <string.h>

#include "common/error.h"

static bool same_members(const struct replica_set *a, const struct replica_set *b)
{
    for (int32_t i = 0; i < a->count; i++)
        if (!replica_set_has(b, a->ids[i]))
            return false;
    return a->count == b->count;
}

static bool in_flight_state(const struct world *world, const struct wish *wish, int record)
{
    for (size_t i = 0; i < world->order_count; i++)
        for (size_t j = 0; j < world->orders[i].count; j++) {
            const struct change *change = &world->orders[i].changes[j];
            if (world->orders[i].epoch == world->epoch && change->kind == STORE_STATE &&
                change->record == record && change->partition == wish->partition &&
                change->state.version == wish->version &&
                same_members(&change->state.isr, &wish->set) && change->check_count > 0)
                return true;
        }
    return false;
}

/* --- what is true ----------------------------------------------------------------------------- */

void world_new_partitions(struct world *world, int record, int32_t first)
{
    struct record *stored = &world->store[record];

    for (int32_t p = first; p < stored->partition_count; p++) {
        struct truth *truth = &stored->truths[p];
        int32_t leader = stored->partitions[p].leader;

        *truth = (struct truth){.leader_incarnation =
                                    leader >= 0 ? world->told_incarnations[leader] : 0};
        for (int32_t i = 0; i < stored->partitions[p].replicas.count; i++)
            truth->whole[stored->partitions[p].replicas.ids[i]] = true;
    }
}

/* The leader commits something, if its whole set takes part. */
void world_commit(struct world *world)
{
    struct record *record = &world->store[world_pick_record(world)];
    if (!record->exists)
        return;
    int p = world_pick(world, record->partition_count);
    const struct partition_state *state = &record->partitions[p];
    struct truth *truth = &record->truths[p];

    if (state->leader < 0 || !world->live[state->leader] ||
        world->incarnations[state->leader] != truth->leader_incarnation ||
        state->isr.count < state->min_insync)
        return;
    for (int b = 0; b < BROKERS; b++)
        if ((truth->doubt[b] || replica_set_has(&state->isr, b)) && !world->live[b])
            return;
    for (int b = 0; b < BROKERS; b++)
        truth->whole[b] = truth->whole[b] && (truth->doubt[b] || replica_set_has(&state->isr, b));
}

void world_loses(struct world *world, int broker)
{
    world->lossy[broker] = true;
    for (int i = 0; i < world->record_count; i++)
        for (int32_t p = 0; p < world->store[i].partition_count; p++) {
            const struct partition_state *state = &world->store[i].partitions[p];
            struct truth *truth = &world->store[i].truths[p];
            if (!state->flush_on_ack || !replica_set_has(&state->isr, broker))
                truth->whole[broker] = false;
        }
}

void world_trust_leaders(struct world *world)
{
    for (int i = 0; i < world->record_count; i++)
        for (int32_t p = 0; p < world->store[i].partition_count; p++) {
            int32_t leader = world->store[i].partitions[p].leader;
            if (leader >= 0 && world->live[leader] && !world->lossy[leader])
                world->store[i].truths[p].leader_incarnation = world->incarnations[leader];
        }
}

static bool has_incarnation(const struct world *world, const struct controller_member *member)
{
    return world->live[member->id] && memcmp(member->incarnation.bytes,
                                             &world->incarnations[member->id],
                                             sizeof(uint32_t)) == 0;
}

bool world_checks_hold(const struct world *world, const struct change *change)
{
    for (int32_t i = 0; i < change->check_count; i++)
        if (!has_incarnation(world, &change->checks[i]))
            return false;
    return true;
}

void world_carried_out(struct world *world, int record, int partition,
                       const struct partition_state *before, const struct change *change)
{
    const struct partition_state *state = &change->state;
    struct truth *truth = &world->store[record].truths[partition];
    bool elected = state->leader >= 0 && state->leader_epoch > before->leader_epoch;

    memset(truth->doubt, 0, sizeof truth->doubt);
    if (elected && before->version >= 0) {
        EXPECT(world, change->check_count == 1 && change->checks[0].id == state->leader);
        truth->leader_incarnation = world->incarnations[state->leader];
    }
    if (elected && state->unclean_epoch == state->leader_epoch) {
        memset(truth->whole, 0, sizeof truth->whole);
        truth->whole[state->leader] = true;
    }
    if (elected)
        EXPECT(world, truth->whole[state->leader]); /* C15, C17, C18 */
    EXPECT(world, state->isr.count > 0);            /* C14 */
    EXPECT(world, state->leader < 0 || replica_set_has(&state->isr, state->leader));
    for (int b = 0; b < BROKERS; b++) {
        bool member = replica_set_has(&state->isr, b);
        bool eligible = replica_set_has(&state->eligible, b);
        EXPECT(world, !member || !eligible); /* C13 */
        if ((member || eligible) && !world->lossy[b])
            EXPECT(world, truth->whole[b]); /* C13, C17 */
    }
}

void world_clear_lossy(struct world *world, const struct controller_member *member)
{
    int broker = member->id;

    world->brokers_changed = true; /* told anew in any case */
    if (world->epoch != controller_announced(world->controller).epoch ||
        !has_incarnation(world, member))
        return;
    EXPECT(world, world->lossy[broker]);
    for (int i = 0; i < world->record_count && !world->overwritten; i++)
        for (int32_t p = 0; world->store[i].exists && p < world->store[i].partition_count; p++) {
            const struct partition_state *state = &world->store[i].partitions[p];
            if (replica_set_has(&state->isr, broker) || replica_set_has(&state->eligible, broker))
                EXPECT(world, world->store[i].truths[p].whole[broker]); /* C18 */
        }
    world->lossy[broker] = false;
}

/* --- what is ordered -------------------------------------------------------------------------- */

static bool all_are_lossy(const struct world *world, const struct partition_state *state)
{
    for (int b = 0; b < BROKERS; b++)
        if ((replica_set_has(&state->isr, b) || replica_set_has(&state->eligible, b)) &&
            replica_set_has(&state->replicas, b) && (!world->told_live[b] || !world->told_lossy[b]))
            return false;
    return true;
}

void world_judge_order(struct world *world, const struct change *change)
{
    const struct record *record = &world->store[change->record];
    const struct partition_state *stored = &record->partitions[change->partition];
    const struct truth *truth = &record->truths[change->partition];
    const struct partition_state *state = &change->state;
    int32_t leader = state->leader;

    if (stored->version != state->version || leader < 0)
        return;
    for (int32_t i = 0; i < state->isr.count; i++) {
        int32_t id = state->isr.ids[i];
        EXPECT(world, replica_set_has(&stored->isr, id) || id == leader ||
                          world->drained[id] == 0 ||
                          world->drained[id] != world->told_incarnations[id]); /* C17 */
    }
    if (state->leader_epoch == stored->leader_epoch)
        return;
    EXPECT(world, world->told_live[leader]); /* C5 */
    EXPECT(world, !world_is_lost(world, truth, leader)); /* C20 */
    if (state->unclean_epoch == state->leader_epoch) {
        bool allowed = record->unclean || world->unclean;
        EXPECT(world, allowed || all_are_lossy(world, stored)); /* C15 */
        EXPECT(world, allowed || world_is_longest(stored, truth, leader)); /* C21 */
        return;
    }
    EXPECT(world, world->drained[leader] == 0 ||
                      world->drained[leader] != world->told_incarnations[leader]);
    if (replica_set_has(&stored->isr, leader))
        return;
    for (int32_t i = 0; i < stored->isr.count; i++) { /* C15: an eligible one */
        int32_t member = stored->isr.ids[i];
        EXPECT(world, !world->told_live[member] || world->told_lossy[member] ||
                          world_is_lost(world, truth, member));
    }
}

/* --- proposals -------------------------------------------------------------------------------- */

static void list_members(struct world *world, const struct partition_state *state,
                         struct truth *truth, bool valid, struct controller_event *event,
                         struct controller_member *members, struct wish *wish)
{
    int32_t count = 0;

    for (int32_t i = 0; i < state->replicas.count; i++) {
        int32_t id = state->replicas.ids[i];
        bool stays = replica_set_has(&state->isr, id);
        uint32_t incarnation = world->incarnations[id];

        if (id != state->leader && (!world->live[id] || !world_chance(world, stays ? 80 : 60)))
            continue;
        members[count] = (struct controller_member){.id = id};
        if (!stays && world_chance(world, 10))
            incarnation--; /* it restarted since the leader saw it */
        else if (!stays && valid && truth->whole[state->leader])
            truth->whole[id] = truth->doubt[id] = true; /* it has fetched all there is */
        memcpy(members[count++].incarnation.bytes, &incarnation, sizeof incarnation);
        replica_set_add(&wish->set, id);
    }
    event->isr.members = members;
    event->isr.member_count = count;
}

void world_ask_isr(struct world *world)
{
    struct controller_event event = {.type = CONTROLLER_ISR_ASKED};
    struct controller_member members[REPLICAS_MAX];
    int index = world_pick_record(world);
    struct record *record = &world->store[index];

    if (!record->exists)
        return;
    struct wish wish = {.partition = world_pick(world, record->partition_count)};
    const struct partition_state *state = &record->partitions[wish.partition];
    struct truth *truth = &record->truths[wish.partition];
    if (state->leader < 0 || !world->live[state->leader])
        return;
    int old = world_chance(world, 15); /* a leader that has not heard the latest */
    bool is_process = world->incarnations[state->leader] == truth->leader_incarnation;
    bool valid = old == 0 && is_process;

    event.isr.broker = state->leader;
    memcpy(event.isr.incarnation.bytes, &truth->leader_incarnation, sizeof(uint32_t));
    event.isr.topic = world_id_of(index);
    event.isr.partition = wish.partition;
    event.isr.leader_epoch = state->leader_epoch;
    event.isr.version = wish.version = state->version - old;
    event.isr.flush_on_ack = state->flush_on_ack;
    if (old == 0 && !is_process)
        return; /* it is gone, and what it saw is not to be made up */
    list_members(world, state, truth, valid, &event, members, &wish);
    event.isr.ticket = world_ticket_new(world, TICKET_ISR, index);
    world->wishes[event.isr.ticket] = wish;
    world_step(world, &event);
}

void world_judge_isr(struct world *world, const struct controller_effect *effect)
{
    uint64_t ticket = effect->answer.ticket;
    int record = world->ticket_records[ticket];
    const struct wish *wish = &world->wishes[ticket];
    const struct partition_state *state = &world->store[record].partitions[wish->partition];

    if (effect->answer.error == 0) {
        if (state->version == effect->answer.version)
            for (int b = 0; b < BROKERS; b++)
                EXPECT(world, replica_set_has(&state->isr, b) == replica_set_has(&wish->set, b));
    } else if (effect->answer.error != K_NOT_CONTROLLER &&
               effect->answer.error != K_UNKNOWN_TOPIC_OR_PARTITION) { /* it is being deleted */
        EXPECT(world, !in_flight_state(world, wish, record)); /* C16 */
    }
}

/* --- other requests --------------------------------------------------------------------------- */

void world_ask_elect(struct world *world)
{
    struct controller_event event = {.type = CONTROLLER_ELECT_ASKED};
    int index = world_pick_record(world);
    struct record *record = &world->store[index];

    if (!record->exists)
        return;
    struct wish wish = {.partition = world_pick(world, record->partition_count)};
    wish.elect = world_chance(world, 80) ? ELECT_PREFERRED : ELECT_UNCLEAN;
    record->unclean = record->unclean || wish.elect == ELECT_UNCLEAN;
    event.elect.name = world_name_of(record->name);
    event.elect.partition = wish.partition;
    event.elect.kind = wish.elect;
    event.elect.ticket = world_ticket_new(world, TICKET_ELECT, index);
    world->wishes[event.elect.ticket] = wish;
    world_step(world, &event);
}

void world_judge_elect(struct world *world, const struct controller_effect *effect)
{
    const struct wish *wish = &world->wishes[effect->answer.ticket];
    const struct partition_state *state =
        &world->store[world->ticket_records[effect->answer.ticket]].partitions[wish->partition];

    if (effect->answer.error != 0 || state->version != effect->answer.version)
        return;
    EXPECT(world, wish->elect == ELECT_UNCLEAN ? state->leader >= 0
                                               : state->leader == state->replicas.ids[0]);
}

void world_ask_drain(struct world *world)
{
    struct controller_event event = {.type = CONTROLLER_DRAIN_ASKED};
    int broker = world_pick(world, BROKERS);
    uint32_t incarnation = world->incarnations[broker];

    if (!world->live[broker] || (broker >= 2 && world_chance(world, 50)))
        return;
    event.drain.broker = broker;
    memcpy(event.drain.incarnation.bytes, &incarnation, sizeof incarnation);
    event.drain.ticket = world_ticket_new(world, TICKET_DRAIN, 0);
    if (world->elected && !world->lost && world->told_live[broker] &&
        world->told_incarnations[broker] == incarnation)
        world->drained[broker] = incarnation;
    world_step(world, &event);
}

/* --- other replicas --------------------------------------------------------------------------- */

void world_ask_reassign(struct world *world)
{
    struct controller_event event = {.type = CONTROLLER_REASSIGN_ASKED};
    int index = world_pick_record(world);
    const struct record *record = &world->store[index];
    int32_t count = 1 + world_pick(world, 3);

    if (!record->exists)
        return;
    event.reassign.name = world_name_of(record->name);
    event.reassign.partition = world_pick(world, record->partition_count);
    event.reassign.cancel = world_chance(world, 25);
    for (int i = 0; i < count; i++)
        replica_set_add(&event.reassign.replicas, world_pick(world, BROKERS));
    event.reassign.ticket = world_ticket_new(world, TICKET_REASSIGN, index);
    world_step(world, &event);
}

static bool at(uint16_t mask, int32_t place)
{
    return (mask >> place & 1) != 0;
}

void world_judge_moves(struct world *world, const struct change *change)
{
    struct record *record = &world->store[change->record];
    const struct partition_state *before = &record->partitions[change->partition];
    struct replica_moves old = record->moves[change->partition];
    struct replica_moves new = change->moves[change->partition];
    const struct replica_set *replicas = &change->states[change->partition].replicas;
    bool kept = false, all_in_sync = true;

    /* The record says of all other partitions what it said. */
    for (int32_t p = 0; p < record->partition_count; p++) {
        if (p == change->partition)
            continue;
        EXPECT(world, same_members(&change->states[p].replicas,
                                   &record->partitions[p].replicas));
        EXPECT(world, change->moves[p].adding == record->moves[p].adding &&
                          change->moves[p].removing == record->moves[p].removing);
    }
    EXPECT(world, same_members(replicas, &change->state.replicas) && replicas->count > 0);
    EXPECT(world, (new.adding & new.removing) == 0);
    for (int32_t i = 0; i < replicas->count; i++) {
        kept = kept || replica_set_has(&before->isr, replicas->ids[i]);
        all_in_sync = all_in_sync && replica_set_has(&before->isr, replicas->ids[i]);
    }
    EXPECT(world, kept || before->isr.count == 0); /* C19 */
    for (int32_t i = 0; i < before->replicas.count; i++) {
        int32_t id = before->replicas.ids[i];
        if (replica_set_has(replicas, id))
            continue;
        EXPECT(world, at(old.adding, i) || all_in_sync); /* C19 */
        record->truths[change->partition].whole[id] = false; /* its log goes */
        record->truths[change->partition].lost[id] = 0;
        record->truths[change->partition].reported[id].round = 0;
    }
    record->moves[change->partition] = new;
}

/* --- the end ---------------------------------------------------------------------------------- */

void world_judge_settled(struct world *world, const struct partition_state *state,
                         const struct truth *truth)
{
    bool leadable = false;

    for (int32_t i = 0; i < state->isr.count; i++) {
        int32_t id = state->isr.ids[i];
        bool drained = world->drained[id] != 0 && world->drained[id] == world->incarnations[id];
        bool lost = world_is_lost(world, truth, id);
        leadable = leadable || (world->live[id] && !world->lossy[id] && !drained && !lost);
        if (state->leader >= 0)
            EXPECT(world, world->live[id] && !lost); /* the controller removes the dead */
    }
    EXPECT(world, state->leader >= 0 || !leadable);
    EXPECT(world, state->leader < 0 || replica_set_has(&state->isr, state->leader));
    EXPECT(world, state->eligible.count == 0 || state->isr.count < state->min_insync);
}
