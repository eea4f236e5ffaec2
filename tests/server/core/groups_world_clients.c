/* Consumers, and the network to them. Requests of a connection keep their order; what was sent
 * before a client died may still arrive. */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "tests/server/core/groups_world_private.h"

enum { PATIENCE_MS = 15000 };

static void send(struct groups_world *world, struct message message)
{
    ck_assert_uint_lt(world->message_count, MESSAGES_MAX);
    world->messages[world->message_count++] = message;
}

static struct message request(struct groups_world *world, int number, enum groups_event_type type)
{
    struct client *client = &world->clients[number];
    struct message message = {.client = number,
                              .connection = client->connection,
                              .type = type,
                              .generation = client->generation};
    int64_t due_ms = world->now_ms + world_random(world, 0, world->calm ? 20 : 400);

    if (due_ms <= client->sent_due_ms)
        due_ms = client->sent_due_ms + 1;
    client->sent_due_ms = message.due_ms = due_ms;
    copy_id(message.id, client->id);
    return message;
}

static void disown(struct client *client)
{
    for (int32_t p = 0; p < PARTITIONS; p++)
        if (client->owns[p] && client->position[p] >= 0) {
            client->late_generation = client->generation;
            client->late_partition = p;
            client->late_offset = client->position[p];
        }
    memset(client->owns, 0, sizeof client->owns);
}

/* Join again, with this id or as somebody new. */
static void go_out(struct groups_world *world, struct client *client, bool forget)
{
    client->phase = CLIENT_OUT;
    client->act_at_ms = world->now_ms + world_random(world, 0, 200);
    disown(client);
    if (!forget)
        return;
    client->id[0] = '\0';
    client->generation = -1;
    client->late_offset = -1;
}

/* A new process: it knows nothing of the former, which may have said something last. */
static void restart(struct groups_world *world, struct client *client)
{
    client->connection++;
    client->sent_due_ms = 0;
    go_out(world, client, true);
    client->act_at_ms = world->now_ms + world_random(world, 0, 600);
}

/* The connection is given up, with what was under way on it. */
static void reconnect(struct groups_world *world, int number)
{
    struct client *client = &world->clients[number];

    for (size_t i = 0; i < world->message_count; i++)
        if (world->messages[i].client == number && !world->messages[i].answer)
            world->messages[i--] = world->messages[--world->message_count];
    client->connection++;
    go_out(world, client, false);
}

void clients_start(struct groups_world *world)
{
    uint64_t statics = rand_below(&world->rand, CLIENTS);

    for (int c = 0; c < CLIENTS; c++) {
        struct client *client = &world->clients[c];
        client->is_static = (uint64_t)c < statics;
        client->generation = -1;
        client->late_offset = -1;
        snprintf(client->instance, sizeof client->instance, "i%d", c);
        client->act_at_ms = world_random(world, 0, 3000);
    }
}

static void commit(struct groups_world *world, int number)
{
    struct client *client = &world->clients[number];
    int p = (int)rand_below(&world->rand, PARTITIONS);
    struct groups_offset shown;

    if (!client->owns[p])
        return;
    if (client->position[p] < 0) {
        if (groups_committed(world->groups, "g", "t", p, &shown) == 0)
            client->position[p] = shown.offset < 0 ? 0 : shown.offset;
        return;
    }
    client->position[p] += world_random(world, 1, 5);
    struct message message = request(world, number, GROUPS_COMMIT);
    message.partition = p;
    message.offset = client->position[p];
    send(world, message);
}

static void commit_late(struct groups_world *world, int number)
{
    const struct client *client = &world->clients[number];
    struct message message = request(world, number, GROUPS_COMMIT);

    message.generation = client->late_generation;
    message.partition = client->late_partition;
    message.offset = client->late_offset;
    send(world, message);
}

static void be_member(struct groups_world *world, int number)
{
    struct client *client = &world->clients[number];

    if (world->now_ms >= client->beat_at_ms) {
        client->beat_at_ms = world->now_ms + 2500;
        send(world, request(world, number, GROUPS_HEARTBEAT));
    }
    if (rand_below(&world->rand, 3) == 0)
        commit(world, number);
    if (world_fault(world, 150)) {
        send(world, request(world, number, GROUPS_LEAVE));
        restart(world, client);
    } else if (world_fault(world, 200)) { /* it wants something else now */
        client->version++;
        go_out(world, client, false);
    }
}

static void act(struct groups_world *world, int number)
{
    struct client *client = &world->clients[number];
    bool was_paused = client->paused_until_ms > 0;

    if (world->now_ms < client->paused_until_ms && !world->calm)
        return;
    client->paused_until_ms = 0;
    /* It does not know how long it was away, and goes on. */
    if (was_paused)
        commit(world, number);
    if (client->phase == CLIENT_IN && client->late_offset >= 0 &&
        client->late_generation != client->generation && world_fault(world, 10))
        commit_late(world, number);
    if (world_fault(world, 250)) {
        restart(world, client);
    } else if (world_fault(world, 120)) {
        client->paused_until_ms = world->now_ms + world_random(world, 500, 12000);
    } else if (client->phase == CLIENT_OUT) {
        if (world->now_ms < client->act_at_ms)
            return;
        struct message message = request(world, number, GROUPS_JOIN);
        message.generation = client->version;
        send(world, message);
        client->phase = CLIENT_JOINING;
        client->asked_ms = world->now_ms;
    } else if (client->phase == CLIENT_IN) {
        be_member(world, number);
    } else if (world->now_ms - client->asked_ms > PATIENCE_MS) {
        reconnect(world, number);
    }
}

void clients_act(struct groups_world *world)
{
    for (int c = 0; c < CLIENTS; c++)
        act(world, c);
}

/* --- answers ---------------------------------------------------------------------------------- */

void clients_answered(struct groups_world *world, const struct ticket *ticket,
                      const struct groups_effect *effect)
{
    struct message message = ticket->request;

    message.answer = true;
    message.due_ms = world->now_ms + world_random(world, 0, world->calm ? 20 : 200);
    message.error = effect->answer.error;
    message.skip = effect->answer.skip_assignment;
    message.leads = effect->answer.members != NULL;
    if (message.type != GROUPS_JOIN && message.type != GROUPS_SYNC) {
        send(world, message);
        return;
    }
    message.generation = effect->answer.generation;
    if (effect->answer.member != NULL)
        copy_id(message.id, effect->answer.member);
    if (effect->answer.assignment.size > 0)
        message.mask = *(const uint8_t *)effect->answer.assignment.data;
    message.count = (int32_t)effect->answer.member_count;
    ck_assert_int_le(message.count, CLIENTS * 2);
    for (int32_t i = 0; i < message.count; i++)
        copy_id(message.ids[i], effect->answer.members[i].id);
    if (message.type == GROUPS_JOIN && effect->answer.error == 0 &&
        world->clients[message.client].is_static && ticket->request.id[0] == '\0' &&
        message.skip)
        world->sights[SIGHT_RETURNED]++;
    send(world, message);
}

static void joined(struct groups_world *world, const struct message *answer)
{
    struct client *client = &world->clients[answer->client];
    uint64_t first = rand_below(&world->rand, CLIENTS);

    if (client->phase != CLIENT_JOINING)
        return;
    copy_id(client->id, answer->id);
    if (answer->error == K_MEMBER_ID_REQUIRED) {
        go_out(world, client, false);
        return;
    }
    client->generation = answer->generation;
    client->phase = CLIENT_SYNCING;
    client->asked_ms = world->now_ms;
    struct message message = request(world, answer->client, GROUPS_SYNC);
    if (answer->leads && !answer->skip) {
        message.count = answer->count;
        memcpy(message.ids, answer->ids, sizeof message.ids);
        for (uint64_t p = 0; p < PARTITIONS; p++)
            message.masks[(p + first) % (uint64_t)answer->count] |= (uint8_t)(1 << p);
    }
    send(world, message);
    if (world_fault(world, 5)) { /* and once more, over a connection that stalls */
        message.connection = UINT32_MAX;
        message.due_ms += world_random(world, 0, 5000);
        send(world, message);
    }
}

static void synced(struct groups_world *world, const struct message *answer)
{
    struct client *client = &world->clients[answer->client];

    if (client->phase != CLIENT_SYNCING)
        return;
    client->phase = CLIENT_IN;
    client->beat_at_ms = world->now_ms;
    for (int p = 0; p < PARTITIONS; p++) {
        client->owns[p] = (answer->mask >> p & 1) != 0;
        client->position[p] = -1;
    }
}

static void failed(struct groups_world *world, const struct message *answer)
{
    struct client *client = &world->clients[answer->client];
    bool asks_again = answer->type == GROUPS_JOIN || answer->type == GROUPS_SYNC;

    switch (answer->error) {
    case K_FENCED_INSTANCE_ID:
        world->sights[SIGHT_FENCED]++;
        restart(world, client);
        break;
    case K_UNKNOWN_MEMBER_ID:
        world->sights[SIGHT_SILENT]++;
        go_out(world, client, true);
        break;
    case K_REBALANCE_IN_PROGRESS:
        world->sights[SIGHT_NEWS] += answer->type == GROUPS_HEARTBEAT;
        go_out(world, client, false);
        break;
    case K_ILLEGAL_GENERATION:
        go_out(world, client, false);
        break;
    case K_NOT_COORDINATOR:
    case K_COORDINATOR_LOAD_IN_PROGRESS:
    case K_COORDINATOR_NOT_AVAILABLE:
    case K_REQUEST_TIMED_OUT:
    case K_NOT_ENOUGH_REPLICAS:
        if (asks_again)
            go_out(world, client, false);
        break;
    default:
        ck_abort_msg("seed %" PRIu64 ": %s", world->seed, k_error_name(answer->error));
    }
}

static void hear(struct groups_world *world, const struct message *answer)
{
    const struct client *client = &world->clients[answer->client];

    if (answer->connection != client->connection)
        return;
    if (answer->error != 0 && answer->error != K_MEMBER_ID_REQUIRED) {
        /* of a generation that is over for it: no news */
        if (answer->type == GROUPS_JOIN || answer->generation == client->generation ||
            answer->type == GROUPS_SYNC)
            failed(world, answer);
    } else if (answer->type == GROUPS_JOIN) {
        joined(world, answer);
    } else if (answer->type == GROUPS_SYNC) {
        synced(world, answer);
    } else if (answer->type == GROUPS_COMMIT) {
        world->sights[SIGHT_COMMITS]++;
    }
}

/* What is due, the earliest first. */
void clients_deliver(struct groups_world *world)
{
    for (;;) {
        size_t first = MESSAGES_MAX;
        for (size_t i = 0; i < world->message_count; i++) {
            const struct message *message = &world->messages[i];
            bool heard = !message->answer || world->calm ||
                         world->clients[message->client].paused_until_ms <= world->now_ms;
            if (heard && message->due_ms <= world->now_ms &&
                (first == MESSAGES_MAX || message->due_ms < world->messages[first].due_ms))
                first = i;
        }
        if (first == MESSAGES_MAX)
            return;
        struct message message = world->messages[first];
        world->messages[first] = world->messages[--world->message_count];
        if (message.answer)
            hear(world, &message);
        else
            world_request(world, &message);
    }
}
