/* Copies that brokers can not use: who says so, and that the controller goes by it. */
#include "tests/server/core/world_private.h"

#include <string.h>

#include "common/error.h"

bool world_is_lost(const struct world *world, const struct truth *truth, int32_t broker)
{
    return truth->lost[broker] != 0 && truth->lost[broker] == world->told_incarnations[broker];
}

void world_forget_reports(struct world *world)
{
    for (int i = 0; i < world->record_count; i++)
        for (int32_t p = 0; p < PARTITIONS; p++) {
            struct truth *truth = &world->store[i].truths[p];
            memset(truth->lost, 0, sizeof truth->lost);
            memset(truth->reported, 0, sizeof truth->reported);
        }
}

bool world_is_longest(const struct partition_state *stored, const struct truth *truth,
                      int32_t leader)
{
    const struct told_end *mine = &truth->reported[leader].told;
    int counted = 0, told = 0;

    for (int b = 0; b < BROKERS; b++) {
        const struct told_end *other = &truth->reported[b].told;
        if (!replica_set_has(&stored->replicas, b) ||
            (!replica_set_has(&stored->isr, b) && !replica_set_has(&stored->eligible, b)))
            continue;
        counted++;
        if (stored->leader >= 0 || truth->reported[b].round == 0 ||
            other->epoch != stored->leader_epoch)
            continue;
        told++;
        if (log_end_is_longer(other->end, mine->end))
            return false;
    }
    return counted == 1 || told == counted;
}

/* Nobody leads: where its log ends, mostly. */
static struct told_end make_end(struct world *world, const struct partition_state *state)
{
    int32_t epoch = state->leader_epoch - world_chance(world, 10);

    if (state->leader >= 0 || world_chance(world, 10))
        return (struct told_end){.epoch = -1};
    return (struct told_end){epoch, {world_pick(world, 2), world_pick(world, 4)}};
}

static void report(struct world *world, int index, int p, int broker, bool lost)
{
    struct controller_event event = {.type = CONTROLLER_REPORTED};
    const struct record *record = &world->store[index];
    const struct truth *truth = &record->truths[p];
    struct wish wish = {.partition = p, .key = broker, .value = lost, .told = {.epoch = -1}};

    wish.round = ++world->next_round;
    if (world_chance(world, 20) && truth->reported[broker].round > 0 &&
        truth->reported[broker].incarnation == world->incarnations[broker]) {
        wish.round = truth->reported[broker].round - 1; /* it comes late, and says the opposite */
        wish.value = !world_is_lost(world, truth, broker);
    }
    if (!wish.value)
        wish.told = make_end(world, &record->partitions[p]);
    event.report.broker = broker;
    memcpy(event.report.incarnation.bytes, &world->incarnations[broker], sizeof(uint32_t));
    event.report.topic = world_id_of(index);
    event.report.partition = p;
    event.report.round = wish.round;
    event.report.lost = wish.value;
    event.report.told = wish.told.epoch >= 0;
    event.report.leader_epoch = wish.told.epoch;
    event.report.end = wish.told.end;
    event.report.more = world_chance(world, 30);
    event.report.ticket = world_ticket_new(world, TICKET_REPORT, index);
    world->wishes[event.report.ticket] = wish;
    world_step(world, &event);
}

void world_report(struct world *world)
{
    int index = world_pick_record(world), broker = world_pick(world, BROKERS);
    const struct record *record = &world->store[index];

    if (!record->exists)
        return;
    int p = world_pick(world, record->partition_count);
    const struct partition_state *state = &record->partitions[p];
    bool all = state->leader < 0 && world_chance(world, 60); /* they have heard of it at once */
    for (int b = 0; b < BROKERS && record->exists; b++)
        if ((all || b == broker) && world->live[b] && replica_set_has(&state->replicas, b))
            report(world, index, p, b, !all && world_chance(world, 60));
}

void world_judge_report(struct world *world, const struct controller_effect *effect)
{
    const struct wish *wish = &world->wishes[effect->answer.ticket];
    struct record *record = &world->store[world->ticket_records[effect->answer.ticket]];
    struct truth *truth = &record->truths[wish->partition];
    int broker = wish->key;
    uint32_t incarnation = world->incarnations[broker];

    if (effect->answer.error == K_STALE_BROKER_EPOCH)
        EXPECT(world, world->told_incarnations[broker] != incarnation || !world->told_live[broker]);
    if (effect->answer.error != 0)
        return;
    EXPECT(world, world->told_live[broker] && world->told_incarnations[broker] == incarnation);
    if (truth->reported[broker].incarnation == incarnation &&
        truth->reported[broker].round >= wish->round)
        return; /* C20 */
    truth->reported[broker].incarnation = incarnation;
    truth->reported[broker].round = wish->round;
    truth->reported[broker].told = wish->told;
    truth->lost[broker] = wish->value ? incarnation : 0;
}
