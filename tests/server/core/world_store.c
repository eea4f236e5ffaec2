/* The store: carries out orders late and in any order, refuses, and loses answers. */
#include "tests/server/core/world_private.h"

#include <stdlib.h>
#include <string.h>

static enum store_verdict carry_out(struct world *world, const struct change *change, int32_t epoch,
                                    struct partition_state *found)
{
    struct record *record = &world->store[change->record >= 0 ? change->record : 0];
    struct settings_record *settings = world_settings(world, change->record, change->entity);

    switch (change->kind) {
    case STORE_TOPIC:
        for (int i = 0; i < world->record_count; i++)
            if (world->store[i].exists && world->store[i].name == change->name)
                return STORE_EXISTS;
        *record = (struct record){.exists = true,
                                  .name = change->name,
                                  .partition_count = change->partition_count,
                                  .settings = change->settings};
        record->settings.version = 0;
        for (int32_t p = 0; p < change->partition_count; p++) {
            record->partitions[p] = change->states[p];
            record->partitions[p].version = 0;
            EXPECT(world, change->states[p].controller_epoch == epoch); /* C2 */
        }
        world_new_partitions(world, change->record, 0);
        return STORE_OK;
    case STORE_REASSIGN:
        EXPECT(world, record->partition_count == change->partition_count); /* C12 */
        /* fall through */
    case STORE_STATE:
        EXPECT(world, record->exists);
        *found = record->partitions[change->partition];
        if (!world_checks_hold(world, change))
            return STORE_ABSENT;
        if (found->version != change->state.version)
            return STORE_STALE;
        EXPECT(world, change->state.leader_epoch > found->leader_epoch ||
                          (change->state.leader_epoch == found->leader_epoch &&
                           change->state.leader == found->leader)); /* C1 */
        if (change->kind == STORE_REASSIGN)
            world_judge_moves(world, change);
        record->partitions[change->partition] = change->state;
        record->partitions[change->partition].version++;
        world_carried_out(world, change->record, change->partition, found, change);
        return STORE_OK;
    case STORE_PARTITIONS:
        EXPECT(world, record->exists);
        EXPECT(world, record->partition_count == change->partition);
        EXPECT(world, change->partition_count > change->partition); /* C12 */
        record->partition_count = change->partition_count;
        for (int32_t p = change->partition; p < change->partition_count; p++) {
            record->partitions[p] = change->states[p];
            record->partitions[p].version = 0;
            EXPECT(world, change->states[p].controller_epoch == epoch); /* C2 */
        }
        world_new_partitions(world, change->record, change->partition);
        return STORE_OK;
    case STORE_CONFIG:
        if (settings->version != change->settings.version)
            return STORE_STALE;
        EXPECT(world, settings->values[KEYS] == change->settings.values[KEYS]); /* C11 */
        memcpy(settings->values, change->settings.values, sizeof settings->values);
        settings->version++;
        return STORE_OK;
    case STORE_REMOVE:
        EXPECT(world, record->exists);
        EXPECT(world, record->partition_count == change->partition_count); /* C12 */
        record->exists = record->doomed = false;
        return STORE_OK;
    }
    return STORE_OK;
}

void world_store_answers(struct world *world, bool faults)
{
    if (world->order_count == 0)
        return;
    size_t index = (size_t)world_pick(world, (int)world->order_count);
    struct order order = world->orders[index];
    world->orders[index] = world->orders[--world->order_count];

    enum store_verdict *verdicts = calloc(order.count, sizeof *verdicts);
    struct partition_state *found = calloc(order.count, sizeof *found);
    bool fenced = order.epoch != world->epoch;
    bool lost = faults && !fenced && world_chance(world, 4);
    bool swallowed = lost && world_chance(world, 50);
    for (size_t i = 0; i < order.count; i++) {
        verdicts[i] = STORE_FENCED;
        if (!fenced && !swallowed)
            verdicts[i] = carry_out(world, &order.changes[i], order.epoch, &found[i]);
        if (lost)
            verdicts[i] = STORE_LOST;
    }

    bool was_elected =
        world->elected && order.epoch == controller_announced(world->controller).epoch;
    struct controller_event event = {.type = CONTROLLER_STORED};
    event.stored.token = order.token;
    event.stored.verdicts = verdicts;
    event.stored.states = found;
    event.stored.count = order.count;
    struct config_room room;
    struct stored_config stale;
    if (order.changes[0].kind == STORE_CONFIG) {
        const struct settings_record *settings =
            world_settings(world, order.changes[0].record, order.changes[0].entity);
        stale = (struct stored_config){.version = settings->version,
                                       .configs = room.configs,
                                       .config_count = world_list_configs(settings, &room)};
        event.stored.config = &stale;
    }
    world_step(world, &event);
    if (fenced && was_elected && !world->lost)
        EXPECT(world, !world->elected); /* C4: a fence means resign */
    if (lost && world->elected)
        world->lost = true;
    free(verdicts);
    free(found);
    free(order.changes);
}
