/* Producers and consumers. Each record has an id of its own, so that it is known wherever it
 * appears. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "tests/sim/world.h"

enum { PATIENCE_US = 700 * 1000, READ_PATIENCE_US = 300 * 1000, WINDOW_MAX = 5 };

/* A later event of a client: about an operation's try, or a read's round. */
struct later {
    int operation;
    int tries;
    uint64_t round;
};

static void client_later(struct client *client, int64_t delay_us, sched_handler handler,
                         int operation, int tries, uint64_t round)
{
    struct later *later = sched_payload(sizeof *later);
    *later = (struct later){operation, tries, round};
    sched_after(&client->world->sched, delay_us, handler, client, later);
}

static int64_t draw(struct client *client, int64_t low, int64_t high)
{
    return low + (int64_t)rand_below(&client->rand, (uint64_t)(high - low + 1));
}

/* Whom does some broker that can be reached believe to lead? */
static void learn(struct client *client, int partition)
{
    struct world *world = client->world;
    int b = (int)rand_below(&client->rand, (uint64_t)world->net.brokers);
    const struct broker *broker = &world->brokers[b];
    const struct partition_state *state = &broker->states[partition];

    if (!broker->up || !broker->knows[partition] || net_is_cut(&world->net, client->node, b) ||
        net_is_cut(&world->net, b, client->node) ||
        state->leader_epoch < client->epochs[partition])
        return;
    client->epochs[partition] = state->leader_epoch;
    if (state->leader >= 0)
        client->leaders[partition] = state->leader;
}

/* --- produce ---------------------------------------------------------------------------------- */

static void patience_ends(void *context, void *payload);

static void operation_send(struct client *client, int index)
{
    struct operation *operation = &client->world->operations[index];
    struct message message;

    memset(&message, 0, sizeof message);
    operation->state = OPERATION_SENT;
    operation->tries++;
    message.kind = MESSAGE_PRODUCE;
    message.from = client->node;
    message.to = client->leaders[operation->partition];
    message.partition = operation->partition;
    message.produce.operation = index;
    message.produce.acks = operation->acks;
    message.produce.record = operation->record;
    message.produce.epoch = -1;
    message_send(client->world, &message);
    if (operation->acks == 0)
        operation->state = OPERATION_DONE; /* nobody will ever say */
    else
        client_later(client, PATIENCE_US, patience_ends, index, operation->tries, 0);
}

static void send_again(void *context, void *payload)
{
    struct client *client = context;
    struct later later = *(struct later *)payload;
    struct operation *operation = &client->world->operations[later.operation];

    free(payload);
    if (operation->state == OPERATION_SENT && operation->tries == later.tries)
        operation_send(client, later.operation);
}

static void patience_ends(void *context, void *payload)
{
    struct client *client = context;
    struct later *later = payload;
    struct operation *operation = &client->world->operations[later->operation];

    if (operation->state != OPERATION_SENT || operation->tries != later->tries) {
        free(payload);
        return;
    }
    learn(client, operation->partition);
    operation->may_be_stored = true;
    if (client->idempotent) {
        send_again(context, payload);
        return;
    }
    operation->state = OPERATION_UNKNOWN; /* to send it again could store it twice */
    free(payload);
}

/* May another record be sent? A broker remembers the last five of an idempotent producer: the
 * oldest that is not answered must be among them. */
static bool has_room(const struct client *client, int partition)
{
    const struct world *world = client->world;
    int open = 0;

    for (int i = client->first_open; i < world->operation_count; i++) {
        const struct operation *operation = &world->operations[i];
        if (operation->client != client->id || operation->partition != partition ||
            operation->state != OPERATION_SENT)
            continue;
        open++;
        if (client->idempotent &&
            client->sequences[partition] - operation->record.sequence >= client->window)
            return false;
    }
    return open < client->window;
}

static void forget_done(struct client *client)
{
    const struct world *world = client->world;

    while (client->first_open < world->operation_count) {
        const struct operation *operation = &world->operations[client->first_open];
        if (operation->client == client->id && operation->state == OPERATION_SENT)
            return;
        client->first_open++;
    }
}

static void produce(void *context, void *payload)
{
    struct client *client = context;
    struct world *world = client->world;
    int partition = (int)draw(client, 0, world->plan.options.partitions - 1);

    if (client->stopped || world->operation_count == OPERATIONS_MAX)
        return;
    forget_done(client);
    if (has_room(client, partition)) {
        int index = world->operation_count++;
        struct operation *operation = &world->operations[index];
        *operation = (struct operation){.client = client->id,
                                        .partition = partition,
                                        .acks = client->acks,
                                        .offset = -1,
                                        .record = {.id = (uint32_t)index + 1, .producer = -1}};
        if (client->idempotent) {
            operation->record.producer = client->producers[partition];
            operation->record.sequence = client->sequences[partition]++;
        }
        if (draw(client, 0, 9) == 0)
            learn(client, partition);
        operation_send(client, index);
    }
    int64_t every_us = world->plan.options.produce_every_ms * 1000;
    sched_after(&world->sched, draw(client, every_us / 2, every_us * 3 / 2), produce, client,
                payload);
}

/* The log has lost records of this producer in an unclean election: begin with a new number. */
static void begin_anew(struct client *client, int partition)
{
    struct world *world = client->world;

    client->producers[partition] += CLIENTS_MAX;
    client->sequences[partition] = 0;
    for (int i = client->first_open; i < world->operation_count; i++) {
        struct operation *operation = &world->operations[i];
        if (operation->client != client->id || operation->partition != partition ||
            operation->state != OPERATION_SENT)
            continue;
        operation->record.producer = client->producers[partition];
        operation->record.sequence = client->sequences[partition]++;
    }
}

static void on_produced(struct client *client, const struct message *message)
{
    struct world *world = client->world;
    struct operation *operation = &world->operations[message->produced.operation];
    int code = message->produced.code;

    if (operation->state != OPERATION_SENT)
        return; /* answered before */
    if (code == 0) {
        operation->state = OPERATION_DONE;
        operation->offset = message->produced.offset;
        world->acknowledged++;
        world->counters.acknowledged++;
        return;
    }
    bool stored = code == K_NOT_ENOUGH_REPLICAS_AFTER_APPEND || code == K_REQUEST_TIMED_OUT ||
                  (operation->acks < 0 && code == K_NOT_LEADER_OR_FOLLOWER);
    operation->may_be_stored |= stored;
    if (operation->tries % 64 == 0)
        world_say(world, "client %d: record %u, producer %d sequence %d, try %d: %s", client->id,
                  operation->record.id, operation->record.producer, operation->record.sequence,
                  operation->tries, k_error_name(code));
    learn(client, operation->partition);
    if (code == K_OUT_OF_ORDER_SEQUENCE_NUMBER && world->truths[operation->partition].unclean > 0 &&
        operation->tries > 3)
        begin_anew(client, operation->partition);
    if (!client->idempotent && operation->may_be_stored) {
        operation->state = OPERATION_UNKNOWN;
    } else if (!client->idempotent && code == K_NOT_ENOUGH_REPLICAS && operation->tries == 1) {
        operation->state = OPERATION_REFUSED;
        truth_refused(world, operation);
    } else {
        client_later(client, draw(client, 10, 60) * 1000, send_again, message->produced.operation,
                     operation->tries, 0);
    }
}

/* --- read ------------------------------------------------------------------------------------- */

static void read_next(void *context, void *payload);

static void read_again(struct client *client)
{
    client->round++;
    client_later(client, draw(client, 5, 60) * 1000, read_next, 0, 0, client->round);
}

static void read_patience_ends(void *context, void *payload)
{
    struct client *client = context;
    uint64_t round = ((struct later *)payload)->round;

    free(payload);
    if (client->round != round)
        return;
    learn(client, client->reading);
    read_again(client);
}

static void read_next(void *context, void *payload)
{
    struct client *client = context;
    uint64_t round = ((struct later *)payload)->round;
    struct message message;

    free(payload);
    if (client->round != round || client->stopped)
        return;
    client->round++;
    client->reading = (int)draw(client, 0, client->world->plan.options.partitions - 1);
    memset(&message, 0, sizeof message);
    message.kind = MESSAGE_READ;
    message.from = client->node;
    message.to = client->leaders[client->reading];
    message.partition = client->reading;
    message.read.offset = client->position[client->reading];
    message.read.epoch = client->epochs[client->reading];
    message.read.round = client->round;
    message_send(client->world, &message);
    client_later(client, READ_PATIENCE_US, read_patience_ends, 0, 0, client->round);
}

static void on_read(struct client *client, const struct message *message)
{
    int partition = message->partition;

    if (client->round != message->was_read.round)
        return;
    if (message->was_read.code == 0) {
        truth_read(client, message);
        client->position[partition] += message->was_read.count;
        client->world->counters.reads += (uint64_t)message->was_read.count;
    } else if (message->was_read.code == K_OFFSET_OUT_OF_RANGE) {
        truth_read(client, message);
        client->position[partition] = message->was_read.offset;
    }
    learn(client, partition);
    read_again(client);
}

void client_on_message(struct client *client, const struct message *message)
{
    if (message->kind == MESSAGE_PRODUCED)
        on_produced(client, message);
    else if (message->kind == MESSAGE_WAS_READ)
        on_read(client, message);
}

/* --- all of them ------------------------------------------------------------------------------ */

void clients_init(struct world *world)
{
    const struct sim_options *options = &world->plan.options;

    world->client_count = (int)(options->producers + options->consumers);
    for (int i = 0; i < world->client_count; i++) {
        struct client *client = &world->clients[i];

        client->world = world;
        client->id = i;
        client->node = net_client(&world->net, i);
        client->consumer = i >= options->producers;
        rand_seed(&client->rand, world->plan.seed * 61 + (uint64_t)i);
        int64_t kind = draw(client, 0, 9);
        client->idempotent = kind < 6;
        client->acks = kind < 8 ? -1 : kind == 8;
        client->window = client->idempotent ? (int)draw(client, 1, WINDOW_MAX) : 1;
        for (int p = 0; p < options->partitions; p++) {
            client->producers[p] = i;
            client->leaders[p] = world->assignment[p].replicas.ids[0];
        }
        if (client->consumer)
            client_later(client, draw(client, 1, 300) * 1000, read_next, 0, 0, 0);
        else
            sched_after(&world->sched, draw(client, 1, 300) * 1000, produce, client, NULL);
    }
}

bool clients_settled(const struct world *world, char *why, size_t size)
{
    for (int i = 0; i < world->operation_count; i++) {
        const struct operation *operation = &world->operations[i];
        if (operation->state != OPERATION_SENT)
            continue;
        snprintf(why, size, "record %d of client %d is not answered after %d tries", i + 1,
                 operation->client, operation->tries);
        return false;
    }
    return true;
}
