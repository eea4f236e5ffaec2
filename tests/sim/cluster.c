#include "tests/sim/cluster.h"

#include <assert.h>
#include <string.h>

#include "tests/sim/world.h"

static const struct life_counter counters[] = {
#define SIM_COUNTER(name, text) {text, true},
    SIM_COUNTERS_REQUIRED(SIM_COUNTER)
#undef SIM_COUNTER
#define SIM_COUNTER(name, text) {text, false},
    SIM_COUNTERS_OTHER(SIM_COUNTER)
#undef SIM_COUNTER
};

static_assert(sizeof(struct counters) <= LIFE_COUNTERS_MAX * sizeof(uint64_t), "more counters");

static void live(const struct plan *plan, bool verbose, struct life *life)
{
    struct world *world = world_new(plan, verbose);

    world_run(world);
    memcpy(life->violation, world->violation, sizeof life->violation);
    life->events = world->sched.fired;
    life->trace = world->trace;
    life->simulated_ms = world->sched.now_us / 1000;
    memcpy(life->counters, &world->counters, sizeof world->counters);
    world_free(world);
}

const struct life_kind sim_cluster = {
    .program = "sim",
    .form = &cluster_form,
    .counters = counters,
    .counter_count = (int)(sizeof counters / sizeof counters[0]),
    .live = live,
};
