/* What happens around a controller: elections, brokers that come and go, requests, and people. */
#include "tests/server/core/world_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* And note that they are told. */
static size_t list_brokers(struct world *world, struct controller_broker *brokers)
{
    size_t count = 0;
    memcpy(world->told_live, world->live, sizeof world->live);
    memcpy(world->told_lossy, world->lossy, sizeof world->lossy);
    memcpy(world->told_incarnations, world->incarnations, sizeof world->incarnations);
    for (int i = BROKERS; i-- > 0;) { /* not sorted: the controller must not rely on it */
        if (!world->live[i])
            continue;
        brokers[count] = (struct controller_broker){.id = i, .lossy = world->lossy[i]};
        memcpy(brokers[count].incarnation.bytes, &world->incarnations[i], sizeof(uint32_t));
        count++;
    }
    return count;
}

void world_tell_brokers(struct world *world)
{
    struct controller_broker brokers[BROKERS];
    struct controller_event event = {.type = CONTROLLER_BROKERS};

    world->brokers_changed = false;
    event.brokers.broker_count = list_brokers(world, brokers);
    event.brokers.brokers = brokers;
    world_step(world, &event);
}

void world_elect(struct world *world)
{
    struct controller_topic topics[RECORDS_MAX];
    struct controller_broker brokers[BROKERS];
    struct controller_event event = {.type = CONTROLLER_ELECTED};
    struct config_room *rooms = calloc(NAMES + ENTITIES, sizeof *rooms);
    struct controller_entity entities[ENTITIES];

    for (int i = 0; i < ENTITIES; i++)
        entities[i] = (struct controller_entity){
            .name = world_entity_name(i),
            .version = world->entities[i].version,
            .configs = rooms[NAMES + i].configs,
            .config_count = world_list_configs(&world->entities[i], &rooms[NAMES + i])};
    event.elected.entities = entities;
    event.elected.entity_count = ENTITIES;
    for (int i = 0; i < world->record_count; i++) {
        const struct record *record = &world->store[i];
        if (record->exists)
            topics[event.elected.topic_count++] =
                (struct controller_topic){.name = world_name_of(record->name),
                                          .id = world_id_of(i),
                                          .doomed = record->doomed,
                                          .config_version = record->settings.version,
                                          .configs = rooms[record->name].configs,
                                          .config_count = world_list_configs(&record->settings,
                                                                             &rooms[record->name]),
                                          .partition_count = record->partition_count,
                                          .partitions = record->partitions,
                                          .moves = record->moves};
    }
    world->elected = true;
    world->lost = false;
    world->brokers_changed = world->overwritten = false;
    event.elected.epoch = ++world->epoch;
    event.elected.topics = topics;
    event.elected.brokers = brokers;
    event.elected.broker_count = list_brokers(world, brokers);
    event.elected.options.rebalance_interval_ms = world_chance(world, 50) ? 2000 : 0;
    event.elected.options.imbalance_percent = 10;
    memset(world->drained, 0, sizeof world->drained); /* a new controller was not asked */
    world_forget_reports(world);
    world_trust_leaders(world);
    world_step(world, &event);
    free(rooms);
}

void world_depose(struct world *world)
{
    struct controller_event event = {.type = CONTROLLER_DEPOSED};
    world->elected = world->lost = false;
    world_step(world, &event);
}

/* What it asked for is not asked any more, and what it knew is forgotten. */
static void asker_ends(struct world *world, int broker)
{
    struct controller_event event = {.type = CONTROLLER_CHANGES_DROPPED};

    if (broker >= ASKERS)
        return;
    event.changes.ticket = world->askers[broker].ticket;
    memset(&world->askers[broker], 0, sizeof world->askers[broker]);
    if (event.changes.ticket != 0)
        world_step(world, &event);
}

void world_broker_flaps(struct world *world)
{
    int broker = world_pick(world, BROKERS);

    asker_ends(world, broker);
    if (!world->live[broker] || world_chance(world, 40)) {
        world->live[broker] = true;
        world->incarnations[broker]++;
        if (world_chance(world, 15))
            world_loses(world, broker);
    } else {
        world->live[broker] = false;
    }
    world->brokers_changed = true;
}

uint64_t world_ticket_new(struct world *world, enum ticket_kind kind, int record)
{
    uint64_t ticket = world->next_ticket++;
    EXPECT(world, ticket < TICKETS);
    world->tickets[ticket] = kind;
    world->ticket_records[ticket] = record;
    return ticket;
}

void world_ask_create(struct world *world)
{
    struct controller_event event = {.type = CONTROLLER_CREATE_TOPIC};
    struct replica_set sets[PARTITIONS];
    int name = world_pick(world, NAMES);

    EXPECT(world, world->record_count < RECORDS_MAX);
    event.create.name = world_name_of(name);
    event.create.id = world_id_of(world->record_count++);
    event.create.partitions = 1 + world_pick(world, CREATED_MAX);
    event.create.replication_factor = 1 + world_pick(world, 3);
    event.create.seed = rand_u64(&world->rand);
    event.create.validate_only = world_chance(world, 10);
    if (world_chance(world, 20)) {
        event.create.assignment = sets;
        event.create.assignment_count = event.create.partitions;
        for (int i = 0; i < event.create.partitions; i++)
            sets[i] = (struct replica_set){.count = 1, .ids = {world_pick(world, BROKERS + 1)}};
    }
    event.create.ticket =
        world_ticket_new(world, event.create.validate_only ? TICKET_PREVIEW : TICKET_CREATE, name);
    world_step(world, &event);
}

int world_pick_record(struct world *world)
{
    int record = world->record_count == 0 ? 0 : world_pick(world, world->record_count);

    for (int tries = 0; tries < 20 && !world->store[record].exists; tries++)
        record = world->record_count == 0 ? 0 : world_pick(world, world->record_count);
    return record;
}

void world_ask_add(struct world *world)
{
    struct controller_event event = {.type = CONTROLLER_ADD_PARTITIONS};
    struct replica_set sets[PARTITIONS];
    int record = world_pick_record(world);
    int32_t known = world->store[record].partition_count;

    if (!world->store[record].exists)
        return;
    event.add.name = world_name_of(world->store[record].name);
    event.add.partitions = world_chance(world, 90) && known < PARTITIONS
                               ? known + 1 + world_pick(world, PARTITIONS - known)
                               : world_pick(world, known + 1);
    event.add.validate_only = world_chance(world, 10);
    if (world_chance(world, 20) && event.add.partitions > known) {
        event.add.assignment = sets;
        event.add.assignment_count = event.add.partitions - known;
        for (int i = 0; i < event.add.assignment_count; i++)
            sets[i] = (struct replica_set){.count = 1, .ids = {world_pick(world, BROKERS + 1)}};
    }
    event.add.ticket =
        world_ticket_new(world, event.add.validate_only ? TICKET_PREVIEW : TICKET_ADD, record);
    world->wishes[event.add.ticket].partitions = event.add.partitions;
    world_step(world, &event);
}

void world_ask_alter(struct world *world)
{
    struct controller_event event = {.type = CONTROLLER_ALTER_CONFIG};
    int entity = world_chance(world, 40) ? world_pick(world, ENTITIES) : -1;
    int record = world_pick_record(world), key = world_pick(world, KEYS);
    int value = world_fit_value(key, world_chance(world, 30) ? 0 : 1 + world_pick(world, 1000));
    char text[16];

    if (entity < 0 && !world->store[record].exists)
        return;
    if (key == KEY_UNCLEAN && value == UNCLEAN_TRUE && entity >= 0 && !world_chance(world, 10))
        return; /* seldom for all: nothing could be judged by it any more */
    if (key == KEY_UNCLEAN && value == UNCLEAN_TRUE)
        *(entity >= 0 ? &world->unclean : &world->store[record].unclean) = true;
    world_print_value(key, value, text);
    const struct controller_alteration item = {world_key_name(key), value != 0 ? text : NULL,
                                               false};
    event.alter.kind = entity < 0 ? ENTITY_TOPIC : ENTITY_BROKER;
    event.alter.name =
        entity < 0 ? world_name_of(world->store[record].name) : world_entity_name(entity);
    event.alter.items = &item;
    event.alter.count = 1;
    event.alter.validate_only = world_chance(world, 5);
    event.alter.ticket =
        world_ticket_new(world, event.alter.validate_only ? TICKET_PREVIEW : TICKET_ALTER, record);
    world->wishes[event.alter.ticket] =
        (struct wish){.entity = entity, .key = key, .value = value};
    world_step(world, &event);
}

void world_tell_config(struct world *world, int record, int entity)
{
    struct controller_event event = {.type = CONTROLLER_CONFIG_CHANGED};
    const struct settings_record *settings = world_settings(world, record, entity);
    struct config_room room;

    event.config.kind = entity < 0 ? ENTITY_TOPIC : ENTITY_BROKER;
    event.config.entity = (struct controller_entity){
        .name = entity < 0 ? world_name_of(world->store[record].name) : world_entity_name(entity),
        .version = settings->version,
        .configs = room.configs,
        .config_count = world_list_configs(settings, &room)};
    world_step(world, &event);
}

void world_write_config_by_hand(struct world *world)
{
    int record = world_pick_record(world);
    int entity = world_chance(world, 40) ? world_pick(world, ENTITIES) : -1;
    struct settings_record *settings = world_settings(world, record, entity);

    if (entity < 0 && !world->store[record].exists)
        return;
    settings->values[KEYS] = 1 + world_pick(world, 1000);
    settings->version++;
    if (world_chance(world, 50))
        world_tell_config(world, record, entity);
}

void world_ask_delete(struct world *world)
{
    struct controller_event event = {.type = CONTROLLER_DELETE_TOPIC};
    int record = world->record_count == 0 ? 0 : world_pick(world, world->record_count);

    if (!world->store[record].exists && world_chance(world, 80))
        return;
    event.remove.id = world_id_of(record);
    world->store[record].deleting = true;
    if (world_chance(world, 30) && world->store[record].exists) {
        world->store[record].doomed = true; /* a stored request, as a person makes it */
        event.remove.name = world_name_of(world->store[record].name);
    } else {
        event.remove.ticket = world_ticket_new(world, TICKET_DELETE, record);
    }
    world_step(world, &event);
}

void world_ask_changes(struct world *world)
{
    int index = world_pick(world, ASKERS);
    struct asker *asker = &world->askers[index];
    struct controller_event event = {.type = CONTROLLER_CHANGES_ASKED};

    if (asker->ticket != 0 && world_chance(world, 70))
        return;
    if (asker->ticket != 0 && world_chance(world, 50)) {
        event.type = CONTROLLER_CHANGES_DROPPED;
        event.changes.ticket = asker->ticket;
        asker->ticket = 0;
        world_step(world, &event);
        return;
    }
    if (asker->ticket != 0 || !world->live[index])
        return;
    memcpy(event.changes.incarnation.bytes, &world->incarnations[index], sizeof(uint32_t));
    asker->is_broker = true;
    asker->ticket = event.changes.ticket = 1000000 + rand_u64(&world->rand) % 1000000000;
    event.changes.broker = index;
    event.changes.epoch = asker->epoch;
    event.changes.sequence = asker->sequence;
    event.changes.partial = asker->partial;
    event.changes.deadline_ms = world->now_ms + world_pick(world, 3000);
    world_step(world, &event);
}

void world_foreign_write(struct world *world)
{
    int record = world->record_count == 0 ? 0 : world_pick(world, world->record_count);
    struct record *stored = &world->store[record];

    if (!stored->exists)
        return;
    struct partition_state *state = &stored->partitions[world_pick(world, stored->partition_count)];
    world->overwritten = true;
    state->version++;
    if (world_chance(world, 50)) {
        state->leader = -1;
        state->leader_epoch++;
    }
}
