/* What the controller says, compared with what is stored. */
#include "tests/server/core/world_private.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"

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
    world_read_configs(configs, config_count, asker->entities[world_entity_index(broker)].values);
}

static void hear_topic(void *context, const char *name, const struct uuid *id,
                       int32_t partition_count, const struct controller_config *configs,
                       int32_t config_count, bool changed)
{
    struct asker *asker = context;
    asker->current = world_record_of(id);
    struct record *record = &asker->records[asker->current];
    ck_assert(record->exists || changed);
    ck_assert(!record->exists || partition_count >= record->partition_count); /* C12 */
    if (changed)
        world_read_configs(configs, config_count, record->settings.values);
    record->exists = true;
    record->name = world_name_index(name);
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
    asker->records[world_record_of(id)] = (struct record){0};
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
    int self = (int)(asker - world->askers);

    for (int i = 0; i < world->record_count; i++) {
        const struct record *heard = &asker->records[i], *stored = &world->store[i];
        for (int32_t p = 0; heard->exists && p < heard->partition_count; p++) {
            const struct partition_state *state = &heard->partitions[p];
            EXPECT(world, stored->partition_count > p);
            EXPECT(world, state->version <= stored->partitions[p].version);
            if (state->version != stored->partitions[p].version)
                continue;
            EXPECT(world, world_states_equal(state, &stored->partitions[p]));
            if (asker->is_broker && state->leader == self && !world->overwritten &&
                !stored->deleting)
                EXPECT(world, stored->truths[p].leader_incarnation ==
                                  world->incarnations[self]); /* C6 */
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
        EXPECT(world, effect->changes.error == K_NOT_CONTROLLER ||
                          effect->changes.error == K_REQUEST_TIMED_OUT);
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
        EXPECT(world, world->store[world_record_of(&effect->answer.id)].exists);
    if (error == 0 && world->tickets[ticket] == TICKET_DELETE)
        EXPECT(world, !world->store[world->ticket_records[ticket]].exists);
    if (error == 0 && world->tickets[ticket] == TICKET_ADD)
        EXPECT(world, world->store[world->ticket_records[ticket]].partition_count >=
                          world->wishes[ticket].partitions);
    if (error == 0 && world->tickets[ticket] == TICKET_ALTER) {
        const struct wish *wish = &world->wishes[ticket];
        const struct settings_record *settings =
            world_settings(world, world->ticket_records[ticket], wish->entity);
        EXPECT(world, settings->values[wish->key] == wish->value); /* C11 */
    }
    if (world->tickets[ticket] == TICKET_ISR)
        world_judge_isr(world, effect);
    if (world->tickets[ticket] == TICKET_REPORT)
        world_judge_report(world, effect);
    if (world->tickets[ticket] == TICKET_ELECT)
        world_judge_elect(world, effect);
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
                ((change->kind == STORE_STATE || change->kind == STORE_REASSIGN) &&
                 change->partition == partition))
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
                                  .record = of_broker ? -1 : world_record_of(&from->id),
                                  .partition = from->partition,
                                  .state = from->state,
                                  .partition_count = from->partition_count,
                                  .name = of_broker ? -1 : world_name_index(from->topic),
                                  .entity = of_broker ? world_entity_index(from->topic) : -1,
                                  .settings = {.version = from->version}};
        change->check_count = from->check_count;
        if (from->moves != NULL)
            memcpy(change->moves, from->moves,
                   (size_t)from->partition_count * sizeof *from->moves);
        if (from->check_count > 0)
            memcpy(change->checks, from->checks,
                   (size_t)from->check_count * sizeof *from->checks);
        world_read_configs(from->configs, from->config_count, change->settings.values);
        if (from->kind == STORE_REMOVE) {
            EXPECT(world, !in_flight(world, order.epoch, change->record, -1)); /* C7 */
            world->store[change->record].deleting = true; /* wanted before it was made */
        }
        if (from->kind == STORE_STATE || from->kind == STORE_REASSIGN) {
            EXPECT(world, from->state.controller_epoch == order.epoch); /* C2 */
            EXPECT(world,
                   !in_flight(world, order.epoch, change->record, change->partition)); /* C7 */
            world_judge_order(world, change);
        }
        if (from->kind == STORE_TOPIC || from->kind == STORE_PARTITIONS ||
            from->kind == STORE_REASSIGN)
            memcpy(change->states, from->states,
                   (size_t)from->partition_count * sizeof *from->states);
    }
    world->orders[world->order_count++] = order;
}

void world_step(struct world *world, struct controller_event *event)
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
        case CONTROLLER_DO_CLEAR_LOSSY:
            world_clear_lossy(world, &effect->clear_lossy);
            break;
        case CONTROLLER_DO_RESIGN:
            resigned = true;
            world->elected = false;
            break;
        }
    }
    controller_check(world->controller);
}
