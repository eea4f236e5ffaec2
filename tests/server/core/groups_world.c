#include "tests/server/core/groups_world.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "tests/server/core/groups_world_private.h"

#define HOLDS(world, what, ...)                                                                  \
    do {                                                                                         \
        if (!(what)) {                                                                           \
            fprintf(stderr, "seed %" PRIu64 " at %" PRId64 ": ", (world)->seed, (world)->now_ms); \
            fprintf(stderr, __VA_ARGS__);                                                        \
            fputc('\n', stderr);                                                                 \
            ck_abort_msg("%s", #what);                                                           \
        }                                                                                        \
    } while (0)

bool world_fault(struct groups_world *world, uint64_t n)
{
    return rand_below(&world->rand, n) == 0 && !world->calm;
}

int64_t world_random(struct groups_world *world, int64_t low, int64_t high)
{
    return low + (int64_t)rand_below(&world->rand, (uint64_t)(high - low + 1));
}

/* --- what is true ----------------------------------------------------------------------------- */

/* A static member is the same under every id. */
static const char *identity(const struct groups_member *member)
{
    return member->instance != NULL ? member->instance : member->id;
}

static void record_state(struct groups_world *world, const struct groups_record *record)
{
    int32_t generation = record->state.generation;

    ck_assert_int_lt(generation, GENERATIONS_MAX);
    for (size_t i = 0; i < record->state.member_count; i++) {
        const struct groups_member *member = &record->state.members[i];
        uint8_t mask = member->assignment.size > 0 ? *(const uint8_t *)member->assignment.data : 0;
        for (int p = 0; p < PARTITIONS; p++) {
            char *owner = world->owners[generation][p];
            if ((mask >> p & 1) == 0)
                continue;
            HOLDS(world, owner[0] == '\0' || strcmp(owner, identity(member)) == 0,
                  "generation %d gives %d to %s and to %s", (int)generation, p, owner,
                  identity(member));
            copy_id(owner, identity(member));
        }
    }
    world->sights[SIGHT_REBALANCES] += record->state.member_count > 0;
}

/* An order is committed: from now on it is what a successor reads. */
static void committed(struct groups_world *world, const struct groups_log_order *order)
{
    for (size_t i = 0; i < order->count; i++) {
        const struct groups_record *record = &order->records[i];
        if (record->type == GROUPS_RECORD_GROUP) {
            record_state(world, record);
            continue;
        }
        int64_t *known = &world->committed[record->offset.partition];
        HOLDS(world, record->offset.offset >= *known, "the offset of %d goes back to %" PRId64,
              (int)record->offset.partition, record->offset.offset);
        *known = record->offset.offset;
    }
}

static void check_shown(struct groups_world *world)
{
    struct groups_offset shown;

    for (int p = 0; p < PARTITIONS; p++)
        if (groups_committed(world->groups, "g", "t", p, &shown) == 0)
            HOLDS(world, world->serving && shown.offset == world->committed[p],
                  "%d is shown as %" PRId64 ", committed is %" PRId64, p, shown.offset,
                  world->committed[p]);
}

/* --- the coordinator -------------------------------------------------------------------------- */

struct asked { const struct message *request; bool member, is_current, may_commit; };

static void look_up(void *context, const struct groups_description *group)
{
    struct asked *asked = context;

    for (size_t i = 0; i < group->member_count; i++)
        asked->member = asked->member || strcmp(group->members[i].id, asked->request->id) == 0;
    asked->is_current = asked->member && asked->request->generation == group->generation;
    asked->may_commit = asked->is_current && group->state != GROUP_COMPLETING;
}

static void answered(struct groups_world *world, const struct groups_effect *effect)
{
    struct ticket *ticket = &world->tickets[effect->answer.ticket];
    const struct message *request = &ticket->request;
    const struct client *client = &world->clients[request->client];
    const char *who = client->is_static ? client->instance : request->id;

    HOLDS(world, ticket->waits, "ticket %" PRIu64 " is answered again", effect->answer.ticket);
    ticket->waits = false;
    if (request->type == GROUPS_SYNC && effect->answer.error == 0) {
        uint8_t mask = effect->answer.assignment.size > 0
                           ? *(const uint8_t *)effect->answer.assignment.data
                           : 0;
        for (int p = 0; p < PARTITIONS; p++)
            HOLDS(world,
                  (mask >> p & 1) == 0 ||
                      strcmp(world->owners[effect->answer.generation][p], who) == 0,
                  "%s is told that it owns %d, which is not stored", who, p);
    }
    clients_answered(world, ticket, effect);
}

static void step(struct groups_world *world, struct groups_event *event)
{
    event->now_ms = world->now_ms;
    event->wall_ms = 1000000 + world->now_ms;
    struct groups_effects effects = groups_step(world->groups, event);
    for (size_t i = 0; i < effects.count; i++) {
        if (effects.items[i].type == GROUPS_DO_ANSWER)
            answered(world, &effects.items[i]);
        else
            groups_log_append(&world->log, &effects.items[i]);
    }
    groups_check(world->groups);
    check_shown(world);
}

void world_request(struct groups_world *world, const struct message *message)
{
    const struct client *client = &world->clients[message->client];
    struct groups_event event = {.type = message->type};
    char new_id[ID_MAX];
    uint8_t said[2] = {(uint8_t)message->client, (uint8_t)message->generation};
    const struct groups_protocol protocol = {"range", {said, sizeof said}};
    struct groups_member members[CLIENTS * 2] = {0};
    const struct groups_offset offset = {
        .topic = "t", .partition = message->partition, .offset = message->offset};
    struct asked asked = {.request = message};

    ck_assert_uint_lt(world->next_ticket, TICKETS_MAX);
    event.asker = (struct groups_asker){.ticket = world->next_ticket,
                                        .group = "g",
                                        .member = message->id,
                                        .instance = client->is_static ? client->instance : NULL,
                                        .generation = message->generation};
    world->tickets[world->next_ticket++] = (struct ticket){true, *message};
    switch (message->type) {
    case GROUPS_JOIN:
        snprintf(new_id, sizeof new_id, "m%u", (unsigned)world->next_id++);
        event.join.new_id = new_id;
        event.join.known_only = true;
        event.join.client_id = event.join.client_host = "c";
        event.join.protocol_type = "consumer";
        event.join.session_timeout_ms = SESSION_MS;
        event.join.rebalance_timeout_ms = REBALANCE_MS;
        event.join.protocols = &protocol;
        event.join.protocol_count = 1;
        break;
    case GROUPS_SYNC:
        for (int32_t i = 0; i < message->count; i++) {
            members[i].id = message->ids[i];
            members[i].assignment = (struct groups_span){&message->masks[i], 1};
        }
        event.sync.assignments = members;
        event.sync.assignment_count = (size_t)message->count;
        break;
    case GROUPS_HEARTBEAT:
        event.heartbeat.wait_ms = 2000;
        break;
    case GROUPS_COMMIT:
        event.commit.offsets = &offset;
        event.commit.count = 1;
        break;
    default:
        break;
    }
    size_t orders = world->log.count;
    groups_describe(world->groups, "g", look_up, &asked);
    world->sights[SIGHT_LOADING] += !world->serving && !world->lost;
    step(world, &event);
    HOLDS(world, message->type != GROUPS_SYNC || world->log.count == orders || asked.is_current,
          "%s assigns in generation %d", message->id, (int)message->generation);
    if (message->type == GROUPS_COMMIT) {
        HOLDS(world, world->log.count == orders || asked.may_commit,
              "%s commits in generation %d", message->id, (int)message->generation);
        world->sights[SIGHT_ZOMBIES] += world->serving && !asked.may_commit;
    }
}

/* --- the topic -------------------------------------------------------------------------------- */

static void store_next(struct groups_world *world)
{
    struct groups_event event = {.type = GROUPS_STORED};
    size_t place = world->log.committed;

    if (!world->serving || place == world->log.count || world->now_ms < world->store_at_ms)
        return;
    event.stored.token = world->log.orders[place].token;
    if (world_fault(world, 20)) {
        event.stored.code = K_NOT_ENOUGH_REPLICAS;
        groups_log_remove(&world->log, place);
        world->sights[SIGHT_REFUSED]++;
    } else {
        committed(world, &world->log.orders[place]);
        world->log.committed++;
    }
    step(world, &event);
    if (world_fault(world, 3))
        world->store_at_ms = world->now_ms + world_random(world, 0, 2000);
    else if (world_fault(world, 100))
        world->store_at_ms = world->now_ms + world_random(world, 4000, 9000);
}

/* The partition moves: of what was under way, the successor has some from the front. */
static void move(struct groups_world *world)
{
    struct groups_event event = {.type = GROUPS_LOST};
    size_t kept = world->log.committed +
                  rand_below(&world->rand, world->log.count - world->log.committed + 1);

    world->sights[SIGHT_MOVES]++;
    world->sights[SIGHT_MOVED_STORING] += world->log.committed < world->log.count;
    world->serving = false;
    world->lost = true;
    groups_log_cut(&world->log, kept);
    event.lost.epoch = world->epoch;
    if (world_fault(world, 3)) { /* it dies without a word */
        groups_free(world->groups);
        world->groups = groups_new(world->seed);
        for (uint64_t t = 0; t < world->next_ticket; t++)
            world->tickets[t].waits = false;
        step(world, &(struct groups_event){.type = GROUPS_CONFIGURED,
                                           .configured = &world->options});
    } else {
        step(world, &event);
    }
    for (uint64_t t = 0; t < world->next_ticket; t++)
        HOLDS(world, !world->tickets[t].waits, "ticket %" PRIu64 " is forgotten", t);
    while (world->log.committed < world->log.count)
        committed(world, &world->log.orders[world->log.committed++]);
    world->move_at_ms = world->now_ms + world_random(world, 0, 3000);
}

static void load(struct groups_world *world)
{
    struct groups_event event = {.type = GROUPS_GAINED};
    size_t to = world->replayed + 1 + rand_below(&world->rand, 40);

    if (world->lost && world->now_ms >= world->move_at_ms) {
        event.gained.epoch = ++world->epoch;
        world->lost = false;
        world->replayed = 0;
        step(world, &event);
    }
    if (world->lost || world->serving)
        return;
    if (to > world->log.count)
        to = world->log.count;
    groups_log_replay(&world->log, world->replayed, to, world->groups);
    world->replayed = to;
    if (world_fault(world, 4)) { /* the word of the end of an earlier leadership comes late */
        event = (struct groups_event){.type = GROUPS_LOST};
        event.lost.epoch = world->epoch - 1;
        step(world, &event);
    }
    if (to < world->log.count || world_fault(world, 2))
        return;
    world->serving = true;
    event = (struct groups_event){.type = GROUPS_LOADED};
    event.loaded.epoch = world->epoch;
    step(world, &event);
    world->sights[SIGHT_SURVIVED] += groups_deadline_ms(world->groups) < INT64_MAX;
}

/* --- time ------------------------------------------------------------------------------------- */

struct groups_world *groups_world_new(uint64_t seed)
{
    struct groups_world *world = calloc(1, sizeof *world);

    world->seed = seed;
    rand_seed(&world->rand, seed);
    world->groups = groups_new(seed);
    world->lost = true;
    world->options = (struct groups_options){
        .initial_delay_ms = rand_below(&world->rand, 2) == 0 ? 0 : 1000, .store_timeout_ms = 5000};
    for (int p = 0; p < PARTITIONS; p++)
        world->committed[p] = -1;
    step(world, &(struct groups_event){.type = GROUPS_CONFIGURED, .configured = &world->options});
    clients_start(world);
    return world;
}

void groups_world_free(struct groups_world *world)
{
    groups_free(world->groups);
    groups_log_fini(&world->log);
    free(world);
}

void groups_world_turn(struct groups_world *world)
{
    world->now_ms += world_random(world, 1, 250);
    if (world->serving && world_fault(world, 150))
        move(world);
    load(world);
    store_next(world);
    clients_act(world);
    clients_deliver(world);
    if (groups_deadline_ms(world->groups) <= world->now_ms && !world_fault(world, 3))
        step(world, &(struct groups_event){.type = GROUPS_TICK});
}

struct whole { struct groups_world *world; bool is; };

static void look_whole(void *context, const struct groups_description *group)
{
    struct whole *whole = context;
    uint8_t all = 0;

    whole->is = group->state == GROUP_STABLE && group->member_count == CLIENTS;
    for (size_t i = 0; i < group->member_count; i++)
        if (group->members[i].assignment.size > 0)
            all |= *(const uint8_t *)group->members[i].assignment.data;
    for (int c = 0; c < CLIENTS; c++)
        whole->is = whole->is && whole->world->clients[c].phase == CLIENT_IN &&
                    whole->world->clients[c].generation == group->generation;
    whole->is = whole->is && all == (1 << PARTITIONS) - 1;
}

static bool is_whole(struct groups_world *world)
{
    struct whole whole = {.world = world};
    return groups_describe(world->groups, "g", look_whole, &whole) == 0 && whole.is;
}

/* What the topic holds makes the same offsets and the same group. */
static void compare(struct groups_world *world)
{
    struct groups *other = groups_new(world->seed + 1);
    struct groups_event event = {.type = GROUPS_GAINED};
    struct groups_offset shown;
    struct whole whole = {.world = world};

    groups_step(other, &event);
    groups_log_replay(&world->log, 0, world->log.committed, other);
    event.type = GROUPS_LOADED;
    groups_step(other, &event);
    for (int p = 0; p < PARTITIONS; p++) {
        ck_assert_int_eq(groups_committed(other, "g", "t", p, &shown), 0);
        HOLDS(world, shown.offset == world->committed[p], "a successor shows another offset");
    }
    groups_describe(other, "g", look_whole, &whole);
    HOLDS(world, whole.is, "a successor has another group");
    groups_free(other);
}

void groups_world_settle(struct groups_world *world)
{
    int64_t until_ms = world->now_ms + 6 * (SESSION_MS + REBALANCE_MS);

    world->calm = true;
    world->store_at_ms = 0;
    while (!is_whole(world) || world->log.committed < world->log.count) {
        HOLDS(world, world->now_ms < until_ms, "the group does not become whole");
        groups_world_turn(world);
    }
    compare(world);
    move(world);
}

void groups_world_count(const struct groups_world *world, uint64_t counts[GROUPS_SIGHT_COUNT])
{
    for (int i = 0; i < GROUPS_SIGHT_COUNT; i++)
        counts[i] += world->sights[i];
}
