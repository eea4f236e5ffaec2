/* A process on a machine: it starts, dies, stands still, and has its own clock. */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/world.h"

enum { WAKE_MAX_MS = 1000 * 1000, AWAKE_MAX = 50 };

void broker_init(struct world *world, int id)
{
    struct broker *broker = &world->brokers[id];
    const struct sim_options *options = &world->plan.options;

    broker->world = world;
    broker->id = id;
    broker->followed = -1;
    rand_seed(&broker->rand, world->plan.seed * 31 + (uint64_t)id);
    broker->clock_offset_ms = 1000 + (int64_t)rand_below(&broker->rand, 1000);
    if (options->drift_permille > 0)
        broker->drift_permille =
            (int64_t)rand_below(&broker->rand, (uint64_t)options->drift_permille * 2 + 1) -
            options->drift_permille;
    disk_wipe(&broker->disk, world_uuid(world));
}

/* --- time ------------------------------------------------------------------------------------- */

int64_t broker_now_ms(const struct broker *broker)
{
    return broker->clock_offset_ms +
           broker->world->sched.now_us * (1000 + broker->drift_permille) / (1000 * 1000);
}

bool broker_lease_holds(const struct broker *broker)
{
    bool holds = member_lease_holds(&broker->member, broker_now_ms(broker));
    bool serves = broker->world->plan.options.serve != 0;

    broker->world->counters.served_anyway += serves && !holds;
    return holds || serves;
}

struct later {
    uint64_t life, a, b;
    broker_handler handler;
};

static void later_comes(void *context, void *payload)
{
    struct broker *broker = context;
    struct later later = *(struct later *)payload;

    if (broker->up && broker->life == later.life &&
        broker->paused_until_us > broker->world->sched.now_us) {
        sched_at(&broker->world->sched, broker->paused_until_us, later_comes, broker, payload);
        return;
    }
    free(payload);
    if (broker->up && broker->life == later.life)
        later.handler(broker, later.a, later.b);
}

void broker_later(struct broker *broker, int64_t delay_us, broker_handler handler, uint64_t a,
                  uint64_t b)
{
    struct later *later = sched_payload(sizeof *later);

    *later = (struct later){broker->life, a, b, handler};
    sched_after(&broker->world->sched, delay_us, later_comes, broker, later);
}

void broker_at_ms(struct broker *broker, int64_t at_ms, broker_handler handler, uint64_t a,
                  uint64_t b)
{
    int64_t rate = 1000 + broker->drift_permille, now_ms = broker_now_ms(broker);
    int64_t left_ms = at_ms <= now_ms ? 0 : at_ms - now_ms;

    if (left_ms > WAKE_MAX_MS)
        left_ms = WAKE_MAX_MS;
    broker_later(broker, left_ms * 1000 * 1000 / rate + 1, handler, a, b);
}

void broker_check_awake(struct broker *broker, bool tick, int64_t deadline_ms, const char *core)
{
    if (!tick || deadline_ms > broker_now_ms(broker))
        broker->awake = 0;
    else if (++broker->awake > AWAKE_MAX)
        world_violated(broker->world, "broker %d: %s is to be woken at once, again and again",
                       broker->id, core);
}

/* --- messages --------------------------------------------------------------------------------- */

struct message message_answer(const struct message *question, enum message_kind kind)
{
    struct message answer;

    memset(&answer, 0, sizeof answer);
    answer.kind = kind;
    answer.from = question->to;
    answer.to = question->from;
    answer.life = question->life;
    answer.partition = question->partition;
    return answer;
}

static void broker_hears(struct broker *broker, const struct message *message)
{
    struct host *host = &broker->hosts[message->partition];

    switch (message->kind) {
    case MESSAGE_FETCH:
        fetch_on_question(host, message);
        break;
    case MESSAGE_FETCHED:
        fetch_on_answer(host, message);
        break;
    case MESSAGE_CHANGES:
    case MESSAGE_PROPOSAL:
    case MESSAGE_DRAIN:
    case MESSAGE_END:
        chair_on_message(broker, message);
        break;
    case MESSAGE_DRAINED:
        drain_on_answer(broker, message);
        break;
    case MESSAGE_NEWS:
        news_on_message(broker, message);
        break;
    case MESSAGE_VERDICT:
        propose_on_verdict(host, message);
        break;
    case MESSAGE_PRODUCE:
        host_on_produce(host, message);
        break;
    case MESSAGE_READ:
        host_on_read(host, message);
        break;
    case MESSAGE_PRODUCED:
    case MESSAGE_WAS_READ:
        break;
    }
}

static bool is_answer(enum message_kind kind)
{
    return kind == MESSAGE_FETCHED || kind == MESSAGE_NEWS || kind == MESSAGE_VERDICT ||
           kind == MESSAGE_DRAINED;
}

static void message_arrives(void *context, void *payload)
{
    struct world *world = context;
    struct message *message = payload;

    if (message->to >= world->net.brokers) {
        client_on_message(&world->clients[message->to - world->net.brokers], message);
        free(message);
        return;
    }
    struct broker *broker = &world->brokers[message->to];
    bool dead = !broker->up || (is_answer(message->kind) && message->life != broker->life);
    if (!dead && broker->paused_until_us > world->sched.now_us) {
        sched_at(&world->sched, broker->paused_until_us, message_arrives, world, message);
        return;
    }
    if (!dead)
        broker_hears(broker, message);
    free(message);
}

/* A question may wait in a buffer of somebody who stands still, and come when everything else has
 * changed: of a connection that its sender has given up, and asked anew over another. */
static void send_late(struct world *world, const struct message *message)
{
    const struct sim_options *options = &world->plan.options;

    if (options->late_permille == 0 || world->healed ||
        (message->kind != MESSAGE_FETCH && message->kind != MESSAGE_PROPOSAL) ||
        rand_below(&world->rand, 1000) >= (uint64_t)options->late_permille)
        return;
    struct message *copy = sched_payload(sizeof *copy);
    int64_t most_us = options->session_timeout_ms * 4 * 1000;
    *copy = *message;
    copy->late = true;
    net_send_late(&world->net, message->from, message->to,
                  1 + (int64_t)rand_below(&world->rand, (uint64_t)most_us), message_arrives, world,
                  copy);
}

void message_send(struct world *world, const struct message *message)
{
    struct message *copy = sched_payload(sizeof *copy);
    /* What a connection carries is not repeated, and of these nobody could tell. */
    bool once = message->kind == MESSAGE_PRODUCE && message->produce.record.producer < 0;

    *copy = *message;
    world->counters.messages++;
    send_late(world, message);
    if (message->from == message->to)
        sched_after(&world->sched, 20, message_arrives, world, copy);
    else if (message->kind == MESSAGE_PROPOSAL) /* one connection to the controller carries them */
        net_send_in_order(&world->net, message->from, message->to, message_arrives, world, copy);
    else
        net_send(&world->net, message->from, message->to, message_arrives, world, copy,
                 once ? 0 : sizeof *copy);
}

/* --- life and death --------------------------------------------------------------------------- */

void broker_start(struct broker *broker)
{
    struct world *world = broker->world;

    if (broker->up)
        return;
    broker->up = true;
    broker->life++;
    broker->incarnation = world_uuid(world);
    disk_begins(&broker->disk, &broker->incarnation);
    broker->lossy = broker->disk.power_lost || broker->disk.failed;
    broker->replaced = false;
    broker->disk.failed = broker->disk.full = false;
    broker->paused_until_us = 0;
    broker->followed = -1;
    broker->asking = broker->heard = broker->draining = false;
    broker->known_epoch = 0;
    broker->known_sequence = 0;
    memset(broker->knows, 0, sizeof broker->knows);
    memset(&broker->registering, 0, sizeof broker->registering);
    memset(&broker->electing, 0, sizeof broker->electing);
    world_say(world, "broker %d starts, life %d%s", broker->id, (int)broker->life,
              broker->lossy ? ", lossy" : "");
    member_init(&broker->member, broker->id);
    for (int p = 0; p < world->plan.options.partitions; p++)
        host_make(broker, p);
    zk_client_start(&broker->client, &world->zk, broker->id,
                    (int32_t)world->plan.options.session_timeout_ms, &broker_zk_events, broker);
}

void broker_die(struct broker *broker)
{
    if (!broker->up)
        return;
    world_say(broker->world, "broker %d dies", broker->id);
    for (int i = 0; i < CHAIR_STORES_MAX; i++)
        if (broker->chair.stores[i].token != 0) {
            broker->world->counters.controller_mid_write++;
            break;
        }
    broker->up = false;
    zk_client_stop(&broker->client);
    chair_leave(broker);
    for (int p = 0; p < SIM_PARTITIONS_MAX; p++)
        host_end(&broker->hosts[p]);
}

void broker_pause(struct broker *broker, int64_t until_us)
{
    if (until_us <= broker->paused_until_us)
        return; /* what waits already waits until then, and its order must stay */
    broker->paused_until_us = until_us;
    broker->client.paused_until_us = until_us;
}
