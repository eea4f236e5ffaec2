/* Its life. First anything may happen and nothing may be broken; then all faults end, and the
 * cluster must become whole within a bounded time. */
#include "tests/sim/world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { SETTLE_MS = 60 * 1000, LOOK_EVERY_US = 50 * 1000, PRODUCE_ON_MS = 1500 };
enum { BY_HAND_MS = 20 * 1000 };        /* a person elects where nobody leads by then */

void world_note(struct world *world, uint64_t a, uint64_t b)
{
    const uint64_t prime = UINT64_C(0x100000001b3);

    world->trace = (world->trace ^ a) * prime;
    world->trace = (world->trace ^ b) * prime;
    world->trace = (world->trace ^ (uint64_t)world->sched.now_us) * prime;
}

void world_say(struct world *world, const char *format, ...)
{
    va_list arguments;

    if (!world->verbose)
        return;
    printf("%9.3f ", (double)world->sched.now_us / 1000);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

void world_violated(struct world *world, const char *format, ...)
{
    va_list arguments;

    if (world->violation[0] != '\0')
        return; /* what comes after the first one says little */
    va_start(arguments, format);
    vsnprintf(world->violation, sizeof world->violation, format, arguments);
    va_end(arguments);
    world_say(world, "VIOLATION %s", world->violation);
}

struct uuid world_uuid(struct world *world)
{
    struct uuid id = {.bytes = {1}};
    uint64_t number = ++world->uuids;

    memcpy(&id.bytes[8], &number, sizeof number);
    return id;
}

/* Replicas of partition p begin at broker p, in turn. */
static void assign(struct world *world)
{
    const struct sim_options *options = &world->plan.options;

    for (int p = 0; p < options->partitions; p++) {
        struct partition_state *state = &world->assignment[p];
        *state = (struct partition_state){.leader = -1,
                                          .leader_epoch = -1,
                                          .version = -1,
                                          .unclean_epoch = -1,
                                          .min_insync = (int32_t)options->min_insync};
        for (int i = 0; i < options->replicas; i++)
            replica_set_add(&state->replicas, (int32_t)((p + i) % options->brokers));
        state->isr = state->replicas;
    }
}

struct world *world_new(const struct plan *plan, bool verbose)
{
    struct world *world = sched_payload(sizeof *world);
    const struct sim_options *options = &plan->options;
    const struct net_options net = {.loss_permille = (uint32_t)options->loss_permille,
                                    .duplicate_permille = (uint32_t)options->duplicate_permille,
                                    .clog_permille = (uint32_t)options->clog_permille,
                                    .delay_min_us = options->delay_min_us,
                                    .delay_mean_us = options->delay_mean_us,
                                    .clog_us = 300 * 1000};

    world->plan = *plan;
    world->verbose = verbose;
    world->trace = UINT64_C(0xcbf29ce484222325);
    rand_seed(&world->rand, plan->seed * 11 + 3);
    sched_init(&world->sched, plan->seed * 13 + 5);
    net_init(&world->net, &world->sched, plan->seed * 17 + 7, (int)options->brokers,
             (int)(options->producers + options->consumers), &net);
    zk_init(&world->zk, &world->sched, &world->net, plan->seed * 19 + 9, options->store_lag_us);
    world->zk.observer = world;
    world->zk.observe = truth_observe;
    assign(world);
    truth_init(world);
    for (int b = 0; b < options->brokers; b++) {
        broker_init(world, b);
        broker_start(&world->brokers[b]);
    }
    clients_init(world);
    faults_plan(world);
    return world;
}

void world_free(struct world *world)
{
    world->healed = true;
    for (int b = 0; b < world->plan.options.brokers; b++) {
        broker_die(&world->brokers[b]);
        zk_client_stop(&world->brokers[b].client);
    }
    net_fini(&world->net);
    sched_fini(&world->sched);
    free(world);
}

static bool events_until(struct world *world, int64_t until_us)
{
    while (sched_next(&world->sched, until_us)) {
        if (world->violation[0] != '\0')
            return false;
        if (world->nothing_more && !world->healed)
            break;
    }
    return true;
}

static void stop_clients(struct world *world)
{
    for (int i = 0; i < world->client_count; i++)
        world->clients[i].stopped = true;
}

static bool settle(struct world *world)
{
    char why[160] = "";
    int64_t start_us = world->sched.now_us;

    faults_heal(world);
    if (world->nothing_more)
        stop_clients(world);
    for (int64_t at_us = start_us; at_us < start_us + SETTLE_MS * 1000; at_us += LOOK_EVERY_US) {
        if (!events_until(world, at_us))
            return false;
        if (at_us < start_us + PRODUCE_ON_MS * 1000)
            continue;
        stop_clients(world);
        if (at_us >= start_us + BY_HAND_MS * 1000)
            plot_elect_unclean(world);
        if (truth_converged(world, why, sizeof why) && clients_settled(world, why, sizeof why)) {
            truth_final(world);
            return world->violation[0] == '\0';
        }
    }
    world_violated(world, "not whole %d s after healing: %s", SETTLE_MS / 1000, why);
    return false;
}

bool world_run(struct world *world)
{
    bool whole = events_until(world, world->plan.options.length_ms * 1000) && settle(world);

    world->counters.full_logs += world->nothing_more;
    world->counters.lost_answers += world->zk.lost_answers;
    world_note(world, world->sched.fired, world->counters.committed);
    return whole;
}
