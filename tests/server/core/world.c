/* Its life: how it begins, what a turn is, how it settles; and the names of things. */
#include "tests/server/core/world_private.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void world_fail(const struct world *world, const char *what, const char *file,
                int line)
{
    ck_abort_msg("seed %" PRIu64 " turn %d: %s (%s:%d)", world->seed, world->turn, what, file,
                 line);
}

bool world_chance(struct world *world, unsigned percent)
{
    return rand_below(&world->rand, 100) < percent;
}

int world_pick(struct world *world, int bound)
{
    return (int)rand_below(&world->rand, (uint64_t)bound);
}

struct uuid world_id_of(int record)
{
    struct uuid id = {.bytes = {1}};
    memcpy(&id.bytes[8], &record, sizeof record);
    return id;
}

int world_record_of(const struct uuid *id)
{
    int record;
    memcpy(&record, &id->bytes[8], sizeof record);
    return record;
}

const char *world_name_of(int name)
{
    static const char *const names[NAMES] = {"a", "b", "c.d", "c_d", "orders", "x-y"};
    return names[name];
}

int world_name_index(const char *text)
{
    for (int name = 0; name < NAMES; name++)
        if (strcmp(world_name_of(name), text) == 0)
            return name;
    ck_abort_msg("nobody asked for %s", text);
}

static bool sets_equal(const struct replica_set *a, const struct replica_set *b)
{
    return a->count == b->count &&
           memcmp(a->ids, b->ids, (size_t)a->count * sizeof a->ids[0]) == 0;
}

bool world_states_equal(const struct partition_state *a, const struct partition_state *b)
{
    return a->leader == b->leader && a->leader_epoch == b->leader_epoch &&
           a->version == b->version && a->min_insync == b->min_insync &&
           a->unclean_epoch == b->unclean_epoch && a->flush_on_ack == b->flush_on_ack &&
           sets_equal(&a->replicas, &b->replicas) && sets_equal(&a->isr, &b->isr) &&
           sets_equal(&a->eligible, &b->eligible);
}

/* --- configurations --------------------------------------------------------------------------- */

const char *world_entity_name(int entity)
{
    static const char *const names[ENTITIES] = {"<default>", "1"};
    return names[entity];
}

int world_entity_index(const char *name)
{
    return strcmp(name, "1") == 0;
}

const char *world_key_name(int key)
{
    static const char *const names[KEYS + 1] = {"k0", "k1", "min.insync.replicas",
                                                "unclean.leader.election.enable", "hand"};
    return names[key];
}

int world_fit_value(int key, int value)
{
    return value == 0 ? 0 : key == KEY_MIN ? 1 + value % 3 : key == KEY_UNCLEAN ? 1 + value % 2
                                                                                 : value;
}

void world_print_value(int key, int value, char text[16])
{
    if (key == KEY_UNCLEAN)
        snprintf(text, 16, "%s", value == UNCLEAN_TRUE ? "true" : "false");
    else
        snprintf(text, 16, "%d", value);
}

static int read_value(int key, const char *text)
{
    if (key == KEY_UNCLEAN)
        return strcmp(text, "true") == 0 ? UNCLEAN_TRUE : UNCLEAN_TRUE + 1;
    return atoi(text);
}

void world_read_configs(const struct controller_config *configs, int32_t count, int *values)
{
    memset(values, 0, (KEYS + 1) * sizeof *values);
    for (int32_t i = 0; i < count; i++)
        for (int key = 0; key <= KEYS; key++)
            if (strcmp(configs[i].name, world_key_name(key)) == 0)
                values[key] = read_value(key, configs[i].value);
}

int32_t world_list_configs(const struct settings_record *settings, struct config_room *room)
{
    int32_t count = 0;
    for (int key = 0; key <= KEYS; key++) {
        if (settings->values[key] == 0)
            continue;
        world_print_value(key, settings->values[key], room->texts[count]);
        room->configs[count] =
            (struct controller_config){.name = world_key_name(key), .value = room->texts[count]};
        count++;
    }
    return count;
}

static bool settings_equal(const struct settings_record *a, const struct settings_record *b)
{
    return memcmp(a->values, b->values, sizeof a->values) == 0;
}

struct settings_record *world_settings(struct world *world, int record, int entity)
{
    return entity >= 0 ? &world->entities[entity] : &world->store[record].settings;
}

struct world *world_new(uint64_t seed)
{
    struct world *world = calloc(1, sizeof *world);
    ck_assert_ptr_nonnull(world);
    world->seed = seed;
    rand_seed(&world->rand, seed);
    world->controller = controller_new(0, seed);
    world->next_ticket = 1;
    for (int i = 0; i < BROKERS; i++) {
        world->live[i] = world_chance(world, 70);
        world->incarnations[i] = 1;
    }
    for (int i = 0; i < ENTITIES; i++)
        world->entities[i].version = -1;
    return world;
}

void world_free(struct world *world)
{
    for (size_t i = 0; i < world->order_count; i++)
        free(world->orders[i].changes);
    controller_free(world->controller);
    free(world);
}

static void swap_for_copy(struct world *world)
{
    struct controller *copy = controller_copy(world->controller);
    ck_assert_ptr_nonnull(copy);
    controller_free(world->controller);
    world->controller = copy;
}

static void pass_time(struct world *world)
{
    struct controller_event event = {.type = CONTROLLER_TICK};
    world->now_ms += world_pick(world, 1500);
    world_step(world, &event);
}

void world_turn(struct world *world)
{
    int dice = world_pick(world, 100);

    world->turn++;
    world->now_ms += world_pick(world, 20);
    if (world->lost && world_chance(world, 30))
        world_depose(world);
    if (!world->elected && world_chance(world, 20))
        world_elect(world);
    if (world->brokers_changed && world_chance(world, 60))
        world_tell_brokers(world);

    if (world_chance(world, 30))
        world_commit(world);
    if (world_chance(world, 20))
        world_ask_isr(world);
    if (world_chance(world, 3))
        world_ask_elect(world);
    if (world_chance(world, 1))
        world_ask_drain(world);
    if (world_chance(world, 10))
        world_report(world);
    if (world_chance(world, 4))
        world_ask_reassign(world);

    if (dice < 38)
        world_store_answers(world, true);
    else if (dice < 48)
        world_broker_flaps(world);
    else if (dice < 57)
        world_ask_create(world);
    else if (dice < 62)
        world_ask_delete(world);
    else if (dice < 66)
        world_ask_add(world);
    else if (dice < 72)
        world_ask_alter(world);
    else if (dice < 74)
        world_write_config_by_hand(world);
    else if (dice < 86)
        world_ask_changes(world);
    else if (dice < 92)
        pass_time(world);
    else if (dice < 94)
        world_foreign_write(world);
    else if (dice < 97)
        swap_for_copy(world);
    else if (dice < 98)
        world->epoch++; /* another controller took over; ours will hit the fence */
    else if (dice < 99 && world->elected)
        world_depose(world);
}

static void settle_askers(struct world *world)
{
    for (int i = 0; i < ASKERS; i++) {
        struct asker *asker = &world->askers[i];
        struct controller_event event = {.type = CONTROLLER_CHANGES_ASKED};

        do {
            if (asker->ticket != 0)
                break;
            asker->is_broker = false;
            asker->ticket = event.changes.ticket = world->next_ticket++;
            event.changes.broker = -1 - i; /* no broker: nothing is kept from it */
            event.changes.epoch = asker->epoch;
            event.changes.sequence = asker->sequence;
            event.changes.partial = asker->partial;
            event.changes.deadline_ms = INT64_MAX;
            world_step(world, &event);
        } while (asker->partial);
        for (int j = 0; j < world->record_count; j++) {
            const struct record *heard = &asker->records[j], *stored = &world->store[j];
            EXPECT(world, heard->exists == stored->exists);
            EXPECT(world, !stored->exists || heard->partition_count == stored->partition_count);
            EXPECT(world, !stored->exists || settings_equal(&heard->settings, &stored->settings));
            for (int32_t p = 0; stored->exists && p < stored->partition_count; p++)
                EXPECT(world, world_states_equal(&heard->partitions[p], &stored->partitions[p]));
        }
        for (int j = 0; j < ENTITIES; j++)
            EXPECT(world, settings_equal(&asker->entities[j], &world->entities[j]));
        for (int b = 0; b < BROKERS; b++) {
            EXPECT(world, asker->live[b] == world->live[b]);
            EXPECT(world, !world->live[b] || asker->incarnations[b] == world->incarnations[b]);
        }
    }
}

void world_settle(struct world *world)
{
    if (world->lost || world->overwritten)
        world_depose(world);
    for (int i = 0; i < 20 || world->order_count > 0; i++) {
        EXPECT(world, i < 2000);
        if (!world->elected)
            world_elect(world);
        if (world->brokers_changed)
            world_tell_brokers(world);
        world_store_answers(world, false);
        world->now_ms += 500;
        pass_time(world);
        if (world->order_count == 0 &&
            world->epoch != controller_announced(world->controller).epoch)
            world_depose(world); /* whoever overtook us is gone, too */
    }

    for (int i = 0; i < world->record_count; i++) {
        const struct record *record = &world->store[i];
        EXPECT(world, !record->exists || !record->doomed);
        for (int32_t p = 0; record->exists && p < record->partition_count; p++)
            world_judge_settled(world, &record->partitions[p], &record->truths[p]);
    }
    for (int i = 0; i < world->record_count; i++)
        if (world->store[i].exists)
            world_tell_config(world, i, -1);
    for (int i = 0; i < ENTITIES; i++)
        world_tell_config(world, 0, i);
    for (uint64_t ticket = 1; ticket < world->next_ticket; ticket++)
        EXPECT(world, world->tickets[ticket] == TICKET_NONE); /* C8: everybody got an answer */
    settle_askers(world);
}
