#include "tests/sim/options.h"

#include <string.h>

#include "tests/sim/cluster.h"
#include "tests/sim/net.h"
#include "tests/sim/zk.h"

static void draw_options(struct sim_options *options, struct rand *rand)
{
    options->brokers = plan_chance(rand, 70) ? 3 : plan_between(rand, 1, SIM_BROKERS_MAX);
    options->partitions = plan_chance(rand, 60) ? 1 : plan_between(rand, 1, SIM_PARTITIONS_MAX);
    options->replicas =
        plan_chance(rand, 75) ? options->brokers : plan_between(rand, 1, options->brokers);
    if (options->replicas > 3 && plan_chance(rand, 50))
        options->replicas = 3;
    options->min_insync = plan_between(rand, 1, options->replicas > 1 ? options->replicas - 1 : 1);
    if (options->replicas >= 3 && plan_chance(rand, 60))
        options->min_insync = 2;
    options->flush_on_ack = plan_chance(rand, 25);
    options->unclean = plan_chance(rand, 10);
    options->producers = plan_between(rand, 1, 3);
    options->consumers = plan_between(rand, 0, 2);
    options->produce_every_ms = plan_between(rand, 15, 120);
    options->session_timeout_ms = plan_between(rand, 3, 12) * 100;
    options->lag_max_ms = plan_between(rand, 2, 12) * 100;
    options->flush_every_ms =
        plan_chance(rand, 50) ? plan_between(rand, 20, 200) : plan_between(rand, 200, 3000);
    options->flush_takes_ms =
        plan_chance(rand, 80) ? plan_between(rand, 0, 8) : plan_between(rand, 8, 200);
    options->write_takes_ms = plan_chance(rand, 60) ? 0 : plan_between(rand, 0, 15);
    options->loss_permille = plan_chance(rand, 50) ? 0 : plan_between(rand, 0, 300);
    options->duplicate_permille = plan_chance(rand, 50) ? 0 : plan_between(rand, 0, 500);
    options->clog_permille = plan_chance(rand, 60) ? 0 : plan_between(rand, 0, 20);
    options->delay_min_us = plan_chance(rand, 70) ? 100 : plan_between(rand, 0, 15) * 1000;
    options->delay_mean_us =
        options->delay_min_us + (plan_chance(rand, 70) ? plan_between(rand, 200, 5000)
                                                  : plan_between(rand, 5, 100) * 1000);
    options->store_lag_us = plan_chance(rand, 50) ? 500 : plan_between(rand, 1, 100) * 1000;
    options->drift_permille = plan_chance(rand, 50) ? 0 : plan_between(rand, 0, 100);
    options->guardian = plan_chance(rand, 60);
    options->late_permille = plan_chance(rand, 60) ? 0 : plan_between(rand, 5, 60);
    options->serve = plan_chance(rand, 20);
    options->drain_max_ms = plan_chance(rand, 30) ? 0 : plan_between(rand, 50, 1500);
    options->length_ms = plan_between(rand, 2000, 6000);
    options->losses = options->unclean == 0 && plan_chance(rand, 10);
}

static void draw_decision(struct decision *decision, const struct plan *plan, struct rand *rand)
{
    const struct sim_options *options = &plan->options;
    int64_t session_ms = options->session_timeout_ms;
    int64_t lengths[] = {plan_between(rand, 5, 50), session_ms * 3 / 10, session_ms,
                         session_ms * plan_between(rand, 2, 3)};

    decision->a = (int)rand_below(rand, (uint64_t)options->brokers);
    decision->b = (int)rand_below(rand, (uint64_t)options->brokers);
    decision->length_ms = lengths[rand_below(rand, 4)];
    switch (decision->kind) {
    case DECISION_CUT:
        decision->c = (int)rand_below(rand, NET_SHAPES);
        break;
    case DECISION_STORE_FREEZE:
        decision->a = (int)rand_below(rand, ZK_SERVERS);
        break;
    case DECISION_BOUNCE:
        decision->length_ms = plan_between(rand, 8, 60); /* about when the controller hears of it */
        break;
    case DECISION_USURP:
        decision->b = 0; /* so often it has waited */
        decision->a = (int)rand_below(rand, (uint64_t)options->partitions);
        break;
    case DECISION_TRIM:
    case DECISION_TURNS:
        decision->a = (int)rand_below(rand, (uint64_t)options->partitions);
        break;
    case DECISION_FLUSH_ON_ACK:
        decision->a = (int)rand_below(rand, 2);
        break;
    default:
        break;
    }
}

/* Two that lead in turns need a copy each, somebody who elects them out of sync, and time. */
static bool draw_turns(struct plan *plan, struct rand *rand)
{
    struct decision *decision = &plan->decisions[0];

    if (!plan->options.unclean || plan->options.replicas < 2 || !plan_chance(rand, 25))
        return false;
    plan->options.min_insync = 1;
    plan->options.length_ms = plan_between(rand, 4500, 6000);
    plan->decision_count = 1;
    decision->kind = DECISION_TURNS;
    decision->at_ms = plan_between(rand, 300, 900);
    draw_decision(decision, plan, rand);
    return true;
}

static void draw(struct plan *plan, uint64_t seed)
{
    struct rand rand;

    memset(plan, 0, sizeof *plan);
    plan->seed = seed;
    rand_seed(&rand, seed * 2 + 1);
    draw_options(&plan->options, &rand);
    if (!draw_turns(plan, &rand))
        plan_draw_decisions(plan, &cluster_form, &rand, draw_decision);
}

static bool makes_sense(const struct plan *plan)
{
    const struct sim_options *options = &plan->options;

    return options->brokers >= 1 && options->brokers <= SIM_BROKERS_MAX &&
           options->partitions >= 1 && options->partitions <= SIM_PARTITIONS_MAX &&
           options->replicas >= 1 && options->replicas <= options->brokers &&
           options->producers >= 1 &&
           options->producers + options->consumers <= NET_NODES_MAX - 1 - SIM_BROKERS_MAX &&
           options->session_timeout_ms >= 10 && options->produce_every_ms >= 1;
}

/* --- as rows ---------------------------------------------------------------------------------- */

static const char *const numbers[] = {
#define SIM_OPTION(name, field) name,
    SIM_OPTIONS(SIM_OPTION)
#undef SIM_OPTION
};

static const char *const decisions[] = {
#define SIM_DECISION(kind, name) name,
    SIM_DECISIONS(SIM_DECISION)
#undef SIM_DECISION
};

static const struct plan_wish wishes[] = {
#define WISH(field, value) {PLAN_NUMBER(struct sim_options, field), value}
    WISH(loss_permille, 0), WISH(duplicate_permille, 0), WISH(clog_permille, 0),
    WISH(drift_permille, 0), WISH(write_takes_ms, 0), WISH(consumers, 0),
    WISH(producers, 1), WISH(partitions, 1), WISH(store_lag_us, 500),
    WISH(delay_min_us, 100), WISH(delay_mean_us, 500), WISH(flush_takes_ms, 1),
    WISH(brokers, 3), WISH(guardian, 1), WISH(produce_every_ms, 100),
#undef WISH
};

const struct plan_form cluster_form = {
    .numbers = numbers,
    .decisions = decisions,
    .number_count = (int)(sizeof numbers / sizeof numbers[0]),
    .decision_count = DECISION_KINDS,
    .length = PLAN_NUMBER(struct sim_options, length_ms),
    .wishes = wishes,
    .wish_count = (int)(sizeof wishes / sizeof wishes[0]),
    .draw = draw,
    .makes_sense = makes_sense,
};
