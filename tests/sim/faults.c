/* What is done to the cluster, and how it is undone. What promises do not cover is made less: a
 * power cut that could take more copies than may be lost is only a kill. */
#include <stdlib.h>

#include "tests/sim/cluster.h"
#include "tests/sim/world.h"

enum { HELD_DOWN_MS = 200 };

static void at_end(struct world *world, const struct decision *decision, sched_handler handler)
{
    struct decision *copy = sched_payload(sizeof *copy);
    *copy = *decision;
    sched_after(&world->sched, decision->length_ms * 1000, handler, world, copy);
}

/* --- processes -------------------------------------------------------------------------------- */

static void guardian_acts(void *context, void *payload)
{
    struct world *world = context;
    zk_expire(&world->zk, *(int64_t *)payload);
    free(payload);
}

static void end_session_soon(struct broker *broker)
{
    struct world *world = broker->world;

    if (world->plan.options.guardian == 0 || broker->client.session == 0 ||
        net_is_cut(&world->net, broker->id, world->net.store))
        return;
    int64_t *session = sched_payload(sizeof *session);
    *session = broker->client.session;
    sched_after(&world->sched, 8000 + (int64_t)rand_below(&world->rand, 12000), guardian_acts,
                world, session);
}

static void start_again(void *context, void *payload)
{
    struct world *world = context;
    struct broker *broker = &world->brokers[((struct decision *)payload)->a];

    free(payload);
    if (--broker->down_count <= 0)
        broker_start(broker);
}

static void take_down(struct world *world, const struct decision *decision, bool guarded)
{
    struct broker *broker = &world->brokers[decision->a];

    if (broker->up && guarded)
        end_session_soon(broker);
    broker_die(broker);
    broker->down_count++;
    at_end(world, decision, start_again);
}

void faults_restart_later(struct broker *broker)
{
    struct decision decision = {.a = broker->id, .length_ms = HELD_DOWN_MS};

    broker->down_count++;
    at_end(broker->world, &decision, start_again);
}

static void crash(struct world *world, const struct decision *decision)
{
    world->counters.crashes++;
    take_down(world, decision, true);
}

static void lose_power(struct world *world, const struct decision *decision)
{
    struct broker *broker = &world->brokers[decision->a];
    int64_t before = 0, after = 0;

    for (int p = 0; p < SIM_PARTITIONS_MAX; p++)
        before += broker->disk.logs[p].end;
    world->counters.power_cuts++;
    take_down(world, decision, false);
    disk_cut_power(&broker->disk, &world->rand);
    for (int p = 0; p < SIM_PARTITIONS_MAX; p++)
        after += broker->disk.logs[p].end;
    world->counters.records_cut += (uint64_t)(before - after);
    world_say(world, "broker %d loses %d records", broker->id, (int)(before - after));
    truth_lost(world, broker->id, false);
}

static void power(struct world *world, const struct decision *decision)
{
    if (world->plan.options.losses != 0 || truth_may_lose(world, decision->a, false)) {
        lose_power(world, decision);
    } else {
        world->counters.downgraded++;
        crash(world, decision);
    }
}

static void power_all(struct world *world, const struct decision *decision)
{
    struct decision one = *decision;
    bool safe = true;

    for (int p = 0; p < world->plan.options.partitions && world->plan.options.losses == 0; p++)
        safe &= world->truths[p].stored.flush_on_ack;
    for (one.a = 0; one.a < world->plan.options.brokers; one.a++) {
        if (safe)
            power(world, &one);
        else
            crash(world, &one);
    }
}

static void wipe(struct world *world, const struct decision *decision)
{
    struct broker *broker = &world->brokers[decision->a];

    if (!truth_may_lose(world, decision->a, true)) {
        world->counters.downgraded++;
        crash(world, decision);
        return;
    }
    world->counters.wipes++;
    world_say(world, "broker %d loses its disk", broker->id);
    take_down(world, decision, true);
    disk_wipe(&broker->disk, world_uuid(world));
    truth_lost(world, broker->id, true);
}

static void stop(struct world *world, const struct decision *decision)
{
    struct broker *broker = &world->brokers[decision->a];

    if (!broker->up || broker->draining)
        return;
    broker->down_count++;
    at_end(world, decision, start_again);
    drain_begin(broker);
}

static void fail_disk(struct world *world, const struct decision *decision)
{
    struct broker *broker = &world->brokers[decision->a];

    if (!broker->up || !truth_may_lose(world, decision->a, false))
        return;
    broker->disk.failed = true;
    truth_lost(world, broker->id, false);
    for (int p = 0; p < world->plan.options.partitions; p++)
        host_disk_failed(&broker->hosts[p]);
    broker->down_count++;
    at_end(world, decision, start_again);
    broker_die(broker); /* its only directory failed: the process ends */
}

/* --- the rest --------------------------------------------------------------------------------- */

static void mend(void *context, void *payload)
{
    struct world *world = context;
    struct decision decision = *(struct decision *)payload;

    free(payload);
    if (!world->healed)
        net_cut(&world->net, (enum net_shape)decision.c, decision.a, decision.b, -1);
}

static void end_fault(void *context, void *payload)
{
    struct world *world = context;
    struct decision decision = *(struct decision *)payload;

    free(payload);
    if (decision.kind == DECISION_STORE_AWAY)
        zk_away(&world->zk, false);
    else
        world->brokers[decision.a].disk.full = false;
}

static void trim(struct world *world, int p)
{
    const struct truth *truth = &world->truths[p];
    int leader = truth->stored.leader;
    int64_t start = truth_trimmable(world, p);

    if (leader < 0 || !world->brokers[leader].up || start <= truth->trimmed ||
        world->brokers[leader].hosts[p].core.role != REPLICA_LEADING ||
        start > world->brokers[leader].hosts[p].core.high_watermark)
        return;
    world->counters.trims++;
    world->truths[p].trimmed = start;
    host_trim(&world->brokers[leader].hosts[p], start);
}

static void act_on_store(struct world *world, const struct decision *decision)
{
    struct broker *broker = &world->brokers[decision->a];

    if (decision->kind == DECISION_STORE_BREAK) {
        zk_client_break(&broker->client);
    } else if (decision->kind == DECISION_STORE_EXPIRE) {
        broker->untimely_session = broker->client.session;
        zk_expire(&world->zk, broker->client.session);
    } else if (decision->kind == DECISION_STORE_CHAIR) {
        zk_write(&world->zk,
                 &(struct zk_op){.kind = ZK_DELETE, .node = ZN_CHAIR, .version = -1});
    } else if (decision->kind == DECISION_STORE_FREEZE) {
        zk_freeze(&world->zk, decision->a % ZK_SERVERS,
                  world->sched.now_us + decision->length_ms * 1000);
    } else {
        zk_away(&world->zk, true);
        at_end(world, decision, end_fault);
    }
}

static void act_on_others(struct world *world, const struct decision *decision)
{
    struct broker *broker = &world->brokers[decision->a];
    int64_t until_us = world->sched.now_us + decision->length_ms * 1000;

    switch (decision->kind) {
    case DECISION_PAUSE:
        world->counters.pauses++;
        broker_pause(broker, until_us);
        break;
    case DECISION_CUT:
        world->counters.partitions++;
        net_cut(&world->net, (enum net_shape)decision->c, decision->a, decision->b, 1);
        at_end(world, decision, mend);
        break;
    case DECISION_CLOG:
        world->net.links[decision->a][decision->b].clogged_until_us = until_us;
        break;
    case DECISION_JUMP:
        world->counters.jumps++;
        broker->clock_offset_ms += decision->length_ms;
        break;
    case DECISION_DISK_FULL:
        broker->disk.full = true;
        at_end(world, decision, end_fault);
        break;
    case DECISION_TRIM:
        trim(world, decision->a);
        break;
    case DECISION_BOUNCE:
        broker->ambush_ms = decision->length_ms;
        break;
    case DECISION_USURP:
        plot_usurp(world, decision);
        break;
    case DECISION_TURNS:
        plot_turns(world, decision);
        break;
    case DECISION_FLUSH_ON_ACK:
        world->plan.options.flush_on_ack = decision->a != 0;
        for (int b = 0; b < world->plan.options.brokers; b++)
            for (int p = 0; p < world->plan.options.partitions; p++)
                if (world->brokers[b].up)
                    host_configured(&world->brokers[b].hosts[p]);
        break;
    default:
        act_on_store(world, decision);
        break;
    }
}

void faults_act(struct world *world, const struct decision *decision)
{
    world_say(world, "now: %s %d %d %d %d", cluster_form.decisions[decision->kind], decision->a,
              decision->b, decision->c, (int)decision->length_ms);
    switch (decision->kind) {
    case DECISION_CRASH:
        crash(world, decision);
        break;
    case DECISION_POWER:
        power(world, decision);
        break;
    case DECISION_POWER_ALL:
        power_all(world, decision);
        break;
    case DECISION_WIPE:
        wipe(world, decision);
        break;
    case DECISION_STOP:
        stop(world, decision);
        break;
    case DECISION_DISK_FAIL:
        fail_disk(world, decision);
        break;
    default:
        act_on_others(world, decision);
        break;
    }
}

void faults_do(void *context, void *payload)
{
    struct world *world = context;
    struct decision decision = *(struct decision *)payload;

    free(payload);
    if (!world->healed && decision.a < world->plan.options.brokers)
        faults_act(world, &decision);
}

void faults_plan(struct world *world)
{
    for (int i = 0; i < world->plan.decision_count; i++) {
        struct decision *decision = sched_payload(sizeof *decision);
        *decision = world->plan.decisions[i];
        sched_at(&world->sched, decision->at_ms * 1000, faults_do, world, decision);
    }
}

void faults_heal(struct world *world)
{
    world_say(world, "everything is healed");
    world->healed = true;
    net_heal(&world->net);
    zk_away(&world->zk, false);
    for (int s = 0; s < ZK_SERVERS; s++)
        zk_freeze(&world->zk, s, 0);
    for (int b = 0; b < world->plan.options.brokers; b++) {
        struct broker *broker = &world->brokers[b];
        broker->disk.full = false;
        broker_start(broker);
    }
}
