#include "tests/server/core/world.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/rand.h"
#include "server/core/controller.h"

enum {
    BROKERS = 5,
    NAMES = 6,
    PARTITIONS = 6,
    CREATED_MAX = 4, /* partitions of a new topic */
    KEYS = 4,        /* that requests alter; the one behind them a person writes */
    ENTITIES = 2,    /* brokers and the default */
    RECORDS_MAX = 1024, /* topics that ever exist in one life */
    ORDERS_MAX = 64,
    TICKETS = 4096,
    ASKERS = 3
};

#define EXPECT(world, condition)                                                                   \
    do {                                                                                           \
        if (!(condition))                                                                          \
            world_fail(world, #condition, __LINE__);                                               \
    } while (0)

/* A stored configuration: a value per key, 0 when it is not set. */
struct settings_record {
    int32_t version;
    int values[KEYS + 1];
};

/* A topic in the store, or in a picture; the place in the array is its id. */
struct record {
    bool exists, doomed;
    struct settings_record settings;
    int name;
    int32_t partition_count;
    struct partition_state partitions[PARTITIONS];
};

/* An order of the controller that the store has not carried out yet; owned copy. */
struct change {
    enum store_kind kind;
    int record, partition;
    struct partition_state state, states[PARTITIONS];
    int32_t partition_count, name;
    int entity; /* STORE_CONFIG of a broker; -1: of a topic */
    struct settings_record settings;
};
struct order {
    uint64_t token;
    int32_t epoch;
    size_t count;
    struct change *changes;
};

enum ticket_kind {
    TICKET_NONE,
    TICKET_CREATE,
    TICKET_DELETE,
    TICKET_PREVIEW,
    TICKET_ADD,
    TICKET_ALTER
};

/* What an ADD or ALTER asked for. */
struct wish {
    int entity; /* -1: of the topic in ticket_records */
    int key, value;
    int32_t partitions;
};

struct asker {
    uint64_t ticket; /* 0: not asking */
    int32_t epoch;
    uint64_t sequence;
    bool partial; /* of the last news, more is to come */
    struct record records[RECORDS_MAX];
    struct settings_record entities[ENTITIES];
    int current; /* while news is read */
    bool live[BROKERS];
    uint32_t incarnations[BROKERS];
};

struct world {
    uint64_t seed;
    struct rand rand;
    struct controller *controller;
    bool elected;  /* as the shell sees it */
    bool lost;     /* a write was lost: DEPOSED is due */
    int32_t epoch; /* the store's controller epoch */
    int64_t now_ms;
    int turn;

    bool live[BROKERS];
    uint32_t incarnations[BROKERS];
    bool brokers_changed; /* not told yet */
    bool overwritten;     /* by somebody else since the last election: it need not know */

    struct record store[RECORDS_MAX];
    struct settings_record entities[ENTITIES];
    int record_count;
    struct order orders[ORDERS_MAX];
    size_t order_count;

    enum ticket_kind tickets[TICKETS];
    int ticket_records[TICKETS];
    struct wish wishes[TICKETS];
    uint64_t next_ticket;
    struct asker askers[ASKERS];
};

static void world_fail(const struct world *world, const char *what, int line)
{
    ck_abort_msg("seed %" PRIu64 " turn %d: %s (world.c:%d)", world->seed, world->turn, what, line);
}

static bool chance(struct world *world, unsigned percent)
{
    return rand_below(&world->rand, 100) < percent;
}

static int pick(struct world *world, int bound)
{
    return (int)rand_below(&world->rand, (uint64_t)bound);
}

static struct uuid id_of(int record)
{
    struct uuid id = {.bytes = {1}};
    memcpy(&id.bytes[8], &record, sizeof record);
    return id;
}

static int record_of(const struct uuid *id)
{
    int record;
    memcpy(&record, &id->bytes[8], sizeof record);
    return record;
}

static const char *name_of(int name)
{
    static const char *const names[NAMES] = {"a", "b", "c.d", "c_d", "orders", "x-y"};
    return names[name];
}

static int name_index(const char *text)
{
    for (int name = 0; name < NAMES; name++)
        if (strcmp(name_of(name), text) == 0)
            return name;
    ck_abort_msg("nobody asked for %s", text);
}

static bool states_equal(const struct partition_state *a, const struct partition_state *b)
{
    return a->leader == b->leader && a->leader_epoch == b->leader_epoch &&
           a->version == b->version && a->replicas.count == b->replicas.count &&
           a->replicas.ids[0] == b->replicas.ids[0] && a->isr.count == b->isr.count &&
           a->isr.ids[0] == b->isr.ids[0];
}

/* --- configurations --------------------------------------------------------------------------- */

static const char *entity_name(int entity)
{
    static const char *const names[ENTITIES] = {"<default>", "1"};
    return names[entity];
}

static int entity_index(const char *name)
{
    return strcmp(name, "1") == 0;
}

static const char *key_name(int key)
{
    static const char *const names[KEYS + 1] = {"k0", "k1", "k2", "k3", "hand"};
    return names[key];
}

static void read_configs(const struct controller_config *configs, int32_t count, int *values)
{
    memset(values, 0, (KEYS + 1) * sizeof *values);
    for (int32_t i = 0; i < count; i++)
        for (int key = 0; key <= KEYS; key++)
            if (strcmp(configs[i].name, key_name(key)) == 0)
                values[key] = atoi(configs[i].value);
}

struct config_room {
    struct controller_config configs[KEYS + 1];
    char texts[KEYS + 1][16];
};

/* As the shell reads it. */
static int32_t list_configs(const struct settings_record *settings, struct config_room *room)
{
    int32_t count = 0;
    for (int key = 0; key <= KEYS; key++) {
        if (settings->values[key] == 0)
            continue;
        snprintf(room->texts[count], sizeof room->texts[0], "%d", settings->values[key]);
        room->configs[count] =
            (struct controller_config){.name = key_name(key), .value = room->texts[count]};
        count++;
    }
    return count;
}

static bool settings_equal(const struct settings_record *a, const struct settings_record *b)
{
    return memcmp(a->values, b->values, sizeof a->values) == 0;
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
        world->live[i] = chance(world, 70);
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

/* --- what the controller says ----------------------------------------------------------------- */

static void hear_brokers(void *context, const struct controller_broker *brokers, size_t count)
{
    struct asker *asker = context;
    memset(asker->live, 0, sizeof asker->live);
    for (size_t i = 0; i < count; i++) {
        asker->live[brokers[i].id] = true;
        memcpy(&asker->incarnations[brokers[i].id], brokers[i].incarnation.bytes, sizeof(uint32_t));
    }
}

static void hear_settings(void *context, const char *broker,
                          const struct controller_config *configs, int32_t config_count)
{
    struct asker *asker = context;
    read_configs(configs, config_count, asker->entities[entity_index(broker)].values);
}

static void hear_topic(void *context, const char *name, const struct uuid *id,
                       int32_t partition_count, const struct controller_config *configs,
                       int32_t config_count, bool changed)
{
    struct asker *asker = context;
    asker->current = record_of(id);
    struct record *record = &asker->records[asker->current];
    ck_assert(record->exists || changed);
    ck_assert(!record->exists || partition_count >= record->partition_count); /* C12 */
    if (changed)
        read_configs(configs, config_count, record->settings.values);
    record->exists = true;
    record->name = name_index(name);
    record->partition_count = partition_count;
}

static void hear_partition(void *context, int32_t partition, const struct partition_state *state)
{
    struct asker *asker = context;
    struct partition_state *known = &asker->records[asker->current].partitions[partition];
    /* C1, as brokers see it: within a picture epochs never fall, and a new leader has a new one. */
    ck_assert_int_ge(state->leader_epoch, known->leader_epoch);
    ck_assert(state->leader_epoch > known->leader_epoch || known->replicas.count == 0 ||
              state->leader == known->leader);
    *known = *state;
}

static void hear_deleted(void *context, const struct uuid *id)
{
    struct asker *asker = context;
    asker->records[record_of(id)] = (struct record){0};
}

/* News comes in parts of one topic or more; which ones is as good as random. */
static bool hear_enough(void *context)
{
    const struct asker *asker = context;
    return asker->records[asker->current].partition_count % 2 == 1;
}

/* C3: whatever is announced is stored, unless somebody wrote over it since. */
static void check_announced(struct world *world, const struct asker *asker)
{
    for (int i = 0; i < world->record_count; i++) {
        const struct record *heard = &asker->records[i], *stored = &world->store[i];
        for (int32_t p = 0; heard->exists && p < heard->partition_count; p++) {
            const struct partition_state *state = &heard->partitions[p];
            EXPECT(world, stored->partition_count > p);
            EXPECT(world, state->version <= stored->partitions[p].version);
            if (state->version == stored->partitions[p].version)
                EXPECT(world, states_equal(state, &stored->partitions[p]));
        }
    }
}

static void hear_news(struct world *world, const struct controller_effect *effect)
{
    struct asker *asker = NULL;
    for (int i = 0; i < ASKERS; i++)
        if (world->askers[i].ticket == effect->changes.ticket)
            asker = &world->askers[i];
    EXPECT(world, asker != NULL);
    asker->ticket = 0;
    if (effect->changes.error != 0) {
        EXPECT(world, effect->changes.error == K_NOT_CONTROLLER);
        return;
    }
    EXPECT(world, world->elected);

    const struct controller_visitor visitor = {.context = asker,
                                               .brokers = hear_brokers,
                                               .settings = hear_settings,
                                               .topic = hear_topic,
                                               .partition = hear_partition,
                                               .deleted = hear_deleted,
                                               .enough = hear_enough};
    struct controller_announcement now = controller_announced(world->controller);
    if (now.epoch == 0)
        return; /* its time came before there was a picture */
    if (effect->changes.full) {
        memset(asker->records, 0, sizeof asker->records);
        memset(asker->entities, 0, sizeof asker->entities);
    }
    asker->sequence = controller_changes(world->controller, effect->changes.after_sequence,
                                         effect->changes.whole, &visitor);
    asker->epoch = now.epoch;
    asker->partial = asker->sequence < now.sequence;
    EXPECT(world, asker->sequence <= now.sequence);
    check_announced(world, asker);
}

static void hear_answer(struct world *world, const struct controller_effect *effect)
{
    uint64_t ticket = effect->answer.ticket;
    int error = effect->answer.error;

    EXPECT(world, ticket > 0 && ticket < world->next_ticket);
    EXPECT(world, world->tickets[ticket] != TICKET_NONE); /* C8 */
    EXPECT(world, (error == 0) == (effect->answer.message[0] == '\0'));
    if (error == 0 && world->tickets[ticket] == TICKET_CREATE)
        EXPECT(world, world->store[record_of(&effect->answer.id)].exists);
    if (error == 0 && world->tickets[ticket] == TICKET_DELETE)
        EXPECT(world, !world->store[world->ticket_records[ticket]].exists);
    if (error == 0 && world->tickets[ticket] == TICKET_ADD)
        EXPECT(world, world->store[world->ticket_records[ticket]].partition_count >=
                          world->wishes[ticket].partitions);
    if (error == 0 && world->tickets[ticket] == TICKET_ALTER) {
        const struct wish *wish = &world->wishes[ticket];
        const struct settings_record *settings =
            wish->entity >= 0 ? &world->entities[wish->entity]
                              : &world->store[world->ticket_records[ticket]].settings;
        EXPECT(world, settings->values[wish->key] == wish->value); /* C11 */
    }
    if (error == K_TOPIC_ALREADY_EXISTS && world->tickets[ticket] != TICKET_DELETE) {
        bool exists = false;
        for (int i = 0; i < world->record_count; i++)
            exists = exists || (world->store[i].exists &&
                                world->store[i].name == world->ticket_records[ticket]);
        EXPECT(world, exists);
    }
    world->tickets[ticket] = TICKET_NONE;
}

/* Partition -1: anything of the topic. */
static bool in_flight(const struct world *world, int32_t epoch, int record, int partition)
{
    for (size_t i = 0; i < world->order_count; i++)
        for (size_t j = 0; world->orders[i].epoch == epoch && j < world->orders[i].count; j++) {
            const struct change *change = &world->orders[i].changes[j];
            if (change->record != record)
                continue;
            if (partition < 0 || change->kind == STORE_TOPIC || change->kind == STORE_REMOVE ||
                (change->kind == STORE_STATE && change->partition == partition))
                return true;
        }
    return false;
}

static void hear_order(struct world *world, const struct controller_effect *effect)
{
    EXPECT(world, world->elected); /* C4 */
    EXPECT(world, world->order_count < ORDERS_MAX);
    struct order order = {.token = effect->store.token,
                          .epoch = effect->store.epoch,
                          .count = effect->store.count,
                          .changes = calloc(effect->store.count, sizeof *order.changes)};

    for (size_t i = 0; i < order.count; i++) {
        const struct store_change *from = &effect->store.changes[i];
        struct change *change = &order.changes[i];
        bool of_broker = from->kind == STORE_CONFIG && from->entity == ENTITY_BROKER;
        *change = (struct change){.kind = from->kind,
                                  .record = of_broker ? -1 : record_of(&from->id),
                                  .partition = from->partition,
                                  .state = from->state,
                                  .partition_count = from->partition_count,
                                  .name = of_broker ? -1 : name_index(from->topic),
                                  .entity = of_broker ? entity_index(from->topic) : -1,
                                  .settings = {.version = from->version}};
        read_configs(from->configs, from->config_count, change->settings.values);
        if (from->kind == STORE_REMOVE)
            EXPECT(world, !in_flight(world, order.epoch, change->record, -1)); /* C7 */
        if (from->kind == STORE_STATE) {
            EXPECT(world, from->state.controller_epoch == order.epoch); /* C2 */
            EXPECT(world,
                   !in_flight(world, order.epoch, change->record, change->partition)); /* C7 */
        }
        if (from->kind == STORE_TOPIC || from->kind == STORE_PARTITIONS)
            memcpy(change->states, from->states,
                   (size_t)from->partition_count * sizeof *from->states);
    }
    world->orders[world->order_count++] = order;
}

static void world_step(struct world *world, struct controller_event *event)
{
    bool resigned = false;
    event->now_ms = world->now_ms;
    struct controller_effects effects = controller_step(world->controller, event);

    for (size_t i = 0; i < effects.count; i++) {
        const struct controller_effect *effect = &effects.items[i];
        EXPECT(world, !resigned);
        switch (effect->type) {
        case CONTROLLER_DO_STORE:
            hear_order(world, effect);
            break;
        case CONTROLLER_DO_ANSWER:
            hear_answer(world, effect);
            break;
        case CONTROLLER_DO_ANSWER_CHANGES:
            hear_news(world, effect);
            break;
        case CONTROLLER_DO_RESIGN:
            resigned = true;
            world->elected = false;
            break;
        }
    }
    controller_check(world->controller);
}

/* --- what happens ------------------------------------------------------------------------------
 */

static size_t list_brokers(const struct world *world, struct controller_broker *brokers)
{
    size_t count = 0;
    for (int i = BROKERS; i-- > 0;) { /* not sorted: the controller must not rely on it */
        if (!world->live[i])
            continue;
        brokers[count] = (struct controller_broker){.id = i};
        memcpy(brokers[count].incarnation.bytes, &world->incarnations[i], sizeof(uint32_t));
        count++;
    }
    return count;
}

static void tell_brokers(struct world *world)
{
    struct controller_broker brokers[BROKERS];
    struct controller_event event = {.type = CONTROLLER_BROKERS};

    world->brokers_changed = false;
    event.brokers.broker_count = list_brokers(world, brokers);
    event.brokers.brokers = brokers;
    world_step(world, &event);
}

static void elect(struct world *world)
{
    struct controller_topic topics[RECORDS_MAX];
    struct controller_broker brokers[BROKERS];
    struct controller_event event = {.type = CONTROLLER_ELECTED};
    struct config_room *rooms = calloc(NAMES + ENTITIES, sizeof *rooms);
    struct controller_entity entities[ENTITIES];

    for (int i = 0; i < ENTITIES; i++)
        entities[i] = (struct controller_entity){
            .name = entity_name(i),
            .version = world->entities[i].version,
            .configs = rooms[NAMES + i].configs,
            .config_count = list_configs(&world->entities[i], &rooms[NAMES + i])};
    event.elected.entities = entities;
    event.elected.entity_count = ENTITIES;
    for (int i = 0; i < world->record_count; i++) {
        const struct record *record = &world->store[i];
        if (record->exists)
            topics[event.elected.topic_count++] =
                (struct controller_topic){.name = name_of(record->name),
                                          .id = id_of(i),
                                          .doomed = record->doomed,
                                          .config_version = record->settings.version,
                                          .configs = rooms[record->name].configs,
                                          .config_count = list_configs(&record->settings,
                                                                       &rooms[record->name]),
                                          .partition_count = record->partition_count,
                                          .partitions = record->partitions};
    }
    world->elected = true;
    world->lost = false;
    world->brokers_changed = world->overwritten = false;
    event.elected.epoch = ++world->epoch;
    event.elected.topics = topics;
    event.elected.brokers = brokers;
    event.elected.broker_count = list_brokers(world, brokers);
    world_step(world, &event);
    free(rooms);
}

static void depose(struct world *world)
{
    struct controller_event event = {.type = CONTROLLER_DEPOSED};
    world->elected = world->lost = false;
    world_step(world, &event);
}

static void broker_flaps(struct world *world)
{
    int broker = pick(world, BROKERS);

    if (!world->live[broker] || chance(world, 40)) {
        world->live[broker] = true;
        world->incarnations[broker]++;
    } else {
        world->live[broker] = false;
    }
    world->brokers_changed = true;
}

static uint64_t ticket_new(struct world *world, enum ticket_kind kind, int record)
{
    uint64_t ticket = world->next_ticket++;
    EXPECT(world, ticket < TICKETS);
    world->tickets[ticket] = kind;
    world->ticket_records[ticket] = record;
    return ticket;
}

static void ask_create(struct world *world)
{
    struct controller_event event = {.type = CONTROLLER_CREATE_TOPIC};
    struct replica_set sets[PARTITIONS];
    int name = pick(world, NAMES);

    EXPECT(world, world->record_count < RECORDS_MAX);
    event.create.name = name_of(name);
    event.create.id = id_of(world->record_count++);
    event.create.partitions = 1 + pick(world, CREATED_MAX);
    event.create.replication_factor = chance(world, 95) ? 1 : 2;
    event.create.seed = rand_u64(&world->rand);
    event.create.validate_only = chance(world, 10);
    if (chance(world, 20)) {
        event.create.assignment = sets;
        event.create.assignment_count = event.create.partitions;
        for (int i = 0; i < event.create.partitions; i++)
            sets[i] = (struct replica_set){.count = 1, .ids = {pick(world, BROKERS + 1)}};
    }
    event.create.ticket =
        ticket_new(world, event.create.validate_only ? TICKET_PREVIEW : TICKET_CREATE, name);
    world_step(world, &event);
}

static int pick_record(struct world *world)
{
    int record = world->record_count == 0 ? 0 : pick(world, world->record_count);

    for (int tries = 0; tries < 20 && !world->store[record].exists; tries++)
        record = world->record_count == 0 ? 0 : pick(world, world->record_count);
    return record;
}

static void ask_add(struct world *world)
{
    struct controller_event event = {.type = CONTROLLER_ADD_PARTITIONS};
    struct replica_set sets[PARTITIONS];
    int record = pick_record(world);
    int32_t known = world->store[record].partition_count;

    if (!world->store[record].exists)
        return;
    event.add.name = name_of(world->store[record].name);
    event.add.partitions = chance(world, 90) && known < PARTITIONS
                               ? known + 1 + pick(world, PARTITIONS - known)
                               : pick(world, known + 1);
    event.add.validate_only = chance(world, 10);
    if (chance(world, 20) && event.add.partitions > known) {
        event.add.assignment = sets;
        event.add.assignment_count = event.add.partitions - known;
        for (int i = 0; i < event.add.assignment_count; i++)
            sets[i] = (struct replica_set){.count = 1, .ids = {pick(world, BROKERS + 1)}};
    }
    event.add.ticket =
        ticket_new(world, event.add.validate_only ? TICKET_PREVIEW : TICKET_ADD, record);
    world->wishes[event.add.ticket].partitions = event.add.partitions;
    world_step(world, &event);
}

static void ask_alter(struct world *world)
{
    struct controller_event event = {.type = CONTROLLER_ALTER_CONFIG};
    int entity = chance(world, 40) ? pick(world, ENTITIES) : -1;
    int record = pick_record(world), key = pick(world, KEYS);
    int value = chance(world, 30) ? 0 : 1 + pick(world, 1000);
    char text[16];

    if (entity < 0 && !world->store[record].exists)
        return;
    snprintf(text, sizeof text, "%d", value);
    const struct controller_alteration item = {key_name(key), value != 0 ? text : NULL, false};
    event.alter.kind = entity < 0 ? ENTITY_TOPIC : ENTITY_BROKER;
    event.alter.name =
        entity < 0 ? name_of(world->store[record].name) : entity_name(entity);
    event.alter.items = &item;
    event.alter.count = 1;
    event.alter.validate_only = chance(world, 5);
    event.alter.ticket =
        ticket_new(world, event.alter.validate_only ? TICKET_PREVIEW : TICKET_ALTER, record);
    world->wishes[event.alter.ticket] =
        (struct wish){.entity = entity, .key = key, .value = value};
    world_step(world, &event);
}

/* What stands in the store of a topic (entity -1) or a broker. */
static void tell_config(struct world *world, int record, int entity)
{
    struct controller_event event = {.type = CONTROLLER_CONFIG_CHANGED};
    const struct settings_record *settings =
        entity < 0 ? &world->store[record].settings : &world->entities[entity];
    struct config_room room;

    event.config.kind = entity < 0 ? ENTITY_TOPIC : ENTITY_BROKER;
    event.config.entity = (struct controller_entity){
        .name = entity < 0 ? name_of(world->store[record].name) : entity_name(entity),
        .version = settings->version,
        .configs = room.configs,
        .config_count = list_configs(settings, &room)};
    world_step(world, &event);
}

/* With zkCli. Sometimes the controller hears of it at once, sometimes at the very end. */
static void write_config_by_hand(struct world *world)
{
    int record = pick_record(world), entity = chance(world, 40) ? pick(world, ENTITIES) : -1;
    struct settings_record *settings =
        entity < 0 ? &world->store[record].settings : &world->entities[entity];

    if (entity < 0 && !world->store[record].exists)
        return;
    settings->values[KEYS] = 1 + pick(world, 1000);
    settings->version++;
    if (chance(world, 50))
        tell_config(world, record, entity);
}

static void ask_delete(struct world *world)
{
    struct controller_event event = {.type = CONTROLLER_DELETE_TOPIC};
    int record = world->record_count == 0 ? 0 : pick(world, world->record_count);

    if (!world->store[record].exists && chance(world, 80))
        return;
    event.remove.id = id_of(record);
    if (chance(world, 30) && world->store[record].exists) {
        world->store[record].doomed = true; /* a stored request, as a person makes it */
        event.remove.name = name_of(world->store[record].name);
    } else {
        event.remove.ticket = ticket_new(world, TICKET_DELETE, record);
    }
    world_step(world, &event);
}

static void ask_changes(struct world *world)
{
    int index = pick(world, ASKERS);
    struct asker *asker = &world->askers[index];
    struct controller_event event = {.type = CONTROLLER_CHANGES_ASKED};

    if (asker->ticket != 0 && chance(world, 70))
        return;
    if (asker->ticket != 0 && chance(world, 50)) {
        event.type = CONTROLLER_CHANGES_DROPPED;
        event.changes.ticket = asker->ticket;
        asker->ticket = 0;
        world_step(world, &event);
        return;
    }
    if (asker->ticket != 0)
        return;
    asker->ticket = event.changes.ticket = 1000000 + rand_u64(&world->rand) % 1000000000;
    event.changes.broker = index;
    event.changes.epoch = asker->epoch;
    event.changes.sequence = asker->sequence;
    event.changes.partial = asker->partial;
    event.changes.deadline_ms = world->now_ms + pick(world, 3000);
    world_step(world, &event);
}

/* Somebody else writes a state: an operator with zkCli, a store restored from a backup. */
static void foreign_write(struct world *world)
{
    int record = world->record_count == 0 ? 0 : pick(world, world->record_count);
    struct record *stored = &world->store[record];

    if (!stored->exists)
        return;
    struct partition_state *state = &stored->partitions[pick(world, stored->partition_count)];
    world->overwritten = true;
    state->version++;
    if (chance(world, 50)) {
        state->leader = -1;
        state->leader_epoch++;
    }
}

/* --- the store ---------------------------------------------------------------------------------
 */

static enum store_verdict carry_out(struct world *world, const struct change *change, int32_t epoch,
                                    struct partition_state *found)
{
    struct record *record = &world->store[change->record >= 0 ? change->record : 0];
    struct settings_record *settings =
        change->entity >= 0 ? &world->entities[change->entity] : &record->settings;

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
        return STORE_OK;
    case STORE_STATE:
        EXPECT(world, record->exists);
        *found = record->partitions[change->partition];
        if (found->version != change->state.version)
            return STORE_STALE;
        EXPECT(world, change->state.leader_epoch > found->leader_epoch); /* C1 */
        record->partitions[change->partition] = change->state;
        record->partitions[change->partition].version++;
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

/* One order, any of those in flight: orders do not wait for each other. */
static void store_answers(struct world *world, bool faults)
{
    if (world->order_count == 0)
        return;
    size_t index = (size_t)pick(world, (int)world->order_count);
    struct order order = world->orders[index];
    world->orders[index] = world->orders[--world->order_count];

    enum store_verdict *verdicts = calloc(order.count, sizeof *verdicts);
    struct partition_state *found = calloc(order.count, sizeof *found);
    bool fenced = order.epoch != world->epoch;
    bool lost = faults && !fenced && chance(world, 4);
    bool swallowed = lost && chance(world, 50);
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
            order.changes[0].entity >= 0 ? &world->entities[order.changes[0].entity]
                                         : &world->store[order.changes[0].record].settings;
        stale = (struct stored_config){.version = settings->version,
                                       .configs = room.configs,
                                       .config_count = list_configs(settings, &room)};
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

/* --- life --------------------------------------------------------------------------------------
 */

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
    world->now_ms += pick(world, 1500);
    world_step(world, &event);
}

void world_turn(struct world *world)
{
    int dice = pick(world, 100);

    world->turn++;
    world->now_ms += pick(world, 20);
    if (world->lost && chance(world, 30))
        depose(world);
    if (!world->elected && chance(world, 20))
        elect(world);
    if (world->brokers_changed && chance(world, 60))
        tell_brokers(world);

    if (dice < 38)
        store_answers(world, true);
    else if (dice < 48)
        broker_flaps(world);
    else if (dice < 57)
        ask_create(world);
    else if (dice < 62)
        ask_delete(world);
    else if (dice < 66)
        ask_add(world);
    else if (dice < 72)
        ask_alter(world);
    else if (dice < 74)
        write_config_by_hand(world);
    else if (dice < 86)
        ask_changes(world);
    else if (dice < 92)
        pass_time(world);
    else if (dice < 94)
        foreign_write(world);
    else if (dice < 97)
        swap_for_copy(world);
    else if (dice < 98)
        world->epoch++; /* another controller took over; ours will hit the fence */
    else if (dice < 99 && world->elected)
        depose(world);
}

static void settle_askers(struct world *world)
{
    for (int i = 0; i < ASKERS; i++) {
        struct asker *asker = &world->askers[i];
        struct controller_event event = {.type = CONTROLLER_CHANGES_ASKED};

        do {
            if (asker->ticket != 0)
                break;
            asker->ticket = event.changes.ticket = world->next_ticket++;
            event.changes.broker = i;
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
                EXPECT(world, states_equal(&heard->partitions[p], &stored->partitions[p]));
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
        depose(world);
    for (int i = 0; i < 20 || world->order_count > 0; i++) {
        EXPECT(world, i < 2000);
        if (!world->elected)
            elect(world);
        if (world->brokers_changed)
            tell_brokers(world);
        store_answers(world, false);
        world->now_ms += 500;
        pass_time(world);
        if (world->order_count == 0 &&
            world->epoch != controller_announced(world->controller).epoch)
            depose(world); /* whoever overtook us is gone, too */
    }

    for (int i = 0; i < world->record_count; i++) {
        const struct record *record = &world->store[i];
        EXPECT(world, !record->exists || !record->doomed);
        for (int32_t p = 0; record->exists && p < record->partition_count; p++) {
            int32_t replica = record->partitions[p].replicas.ids[0];
            EXPECT(world, record->partitions[p].leader == (world->live[replica] ? replica : -1));
        }
    }
    for (int i = 0; i < world->record_count; i++)
        if (world->store[i].exists)
            tell_config(world, i, -1);
    for (int i = 0; i < ENTITIES; i++)
        tell_config(world, 0, i);
    for (uint64_t ticket = 1; ticket < world->next_ticket; ticket++)
        EXPECT(world, world->tickets[ticket] == TICKET_NONE); /* C8: everybody got an answer */
    settle_askers(world);
}
