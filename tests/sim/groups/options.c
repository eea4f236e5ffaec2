#include "tests/sim/groups/options.h"

#include <string.h>

#include "tests/sim/groups/club.h"

static void draw_timeouts(struct club_options *options, struct rand *rand)
{
    options->session_timeout_ms = plan_between(rand, 6, 20) * 100;
    options->rebalance_timeout_ms = plan_between(rand, 8, 25) * 100;
    options->heartbeat_ms = options->session_timeout_ms / plan_between(rand, 3, 5);
    options->commit_every_ms = plan_between(rand, 20, 200);
    options->initial_delay_ms = plan_chance(rand, 70) ? 0 : plan_between(rand, 100, 400);
    options->store_timeout_ms = plan_between(rand, 3, 12) * 100;
    options->store_takes_ms = plan_chance(rand, 70) ? plan_between(rand, 0, 5)
                                                    : plan_between(rand, 5, 120);
    options->load_takes_ms = plan_chance(rand, 70) ? 1 : plan_between(rand, 1, 60);
    options->retention_ms = plan_chance(rand, 60) ? 0 : plan_between(rand, 5, 30) * 100;
    options->retention_check_ms = plan_between(rand, 1, 8) * 100;
}

static void draw_options(struct club_options *options, struct rand *rand)
{
    options->brokers = plan_between(rand, 2, DESKS_MAX);
    options->consumers = plan_chance(rand, 60) ? plan_between(rand, 3, 4)
                                               : plan_between(rand, 1, CONSUMERS_MAX);
    options->statics =
        plan_chance(rand, 40) ? 0 : plan_between(rand, 0, options->consumers);
    options->groups = plan_chance(rand, 70) ? 1 : GROUPS_MAX;
    options->partitions_a = plan_between(rand, 1, 6);
    options->partitions_b = plan_between(rand, 0, 4);
    options->assignors = plan_between(rand, 0, 5);
    options->known_only = plan_chance(rand, 70);
    options->size_max = plan_chance(rand, 80) ? 0 : options->consumers;
    draw_timeouts(options, rand);
    options->loss_permille = plan_chance(rand, 60) ? 0 : plan_between(rand, 0, 150);
    options->duplicate_permille = plan_chance(rand, 60) ? 0 : plan_between(rand, 1, 300);
    options->clog_permille = plan_chance(rand, 60) ? 0 : plan_between(rand, 0, 20);
    options->delay_min_us = plan_chance(rand, 70) ? 100 : plan_between(rand, 0, 15) * 1000;
    options->delay_mean_us =
        options->delay_min_us + (plan_chance(rand, 70) ? plan_between(rand, 200, 5000)
                                                       : plan_between(rand, 5, 60) * 1000);
    options->late_permille = plan_chance(rand, 60) ? 0 : plan_between(rand, 5, 40);
    options->careless_permille = plan_chance(rand, 60) ? 0 : plan_between(rand, 50, 400);
    options->length_ms = plan_between(rand, 4000, 9000);
}

static void draw_decision(struct decision *decision, const struct plan *plan, struct rand *rand)
{
    const struct club_options *options = &plan->club;
    int64_t session_ms = options->session_timeout_ms;
    int64_t lengths[] = {plan_between(rand, 5, 50), session_ms * 3 / 10, session_ms,
                         session_ms * plan_between(rand, 2, 3)};

    decision->a = (int)rand_below(rand, (uint64_t)options->consumers);
    decision->b = (int)rand_below(rand, (uint64_t)options->consumers);
    decision->c = (int)rand_below(rand, 3) + 1;
    decision->length_ms = lengths[rand_below(rand, 4)];
    switch (decision->kind) {
    case CLUB_MOVE:
    case CLUB_CRASH_BROKER:
    case CLUB_PAUSE_BROKER:
    case CLUB_WALL_JUMP:
    case CLUB_JUMP:
        decision->a = (int)rand_below(rand, (uint64_t)options->brokers);
        break;
    case CLUB_CUT:
        decision->c = (int)rand_below(rand, NET_SHAPES);
        decision->a = (int)rand_below(rand, (uint64_t)(options->brokers + options->consumers));
        decision->b = (int)rand_below(rand, (uint64_t)(options->brokers + options->consumers));
        break;
    case CLUB_COMPACT:
        decision->b = (int)rand_below(rand, 2);
        break;
    case CLUB_DISSOLVE:
    case CLUB_DELETE:
    case CLUB_RESET:
        decision->a = (int)rand_below(rand, (uint64_t)options->groups);
        break;
    case CLUB_GROW:
    case CLUB_REPLACE:
        decision->a = (int)rand_below(rand, TOPICS);
        break;
    default:
        break;
    }
    if (decision->kind == CLUB_WALL_JUMP)
        decision->c = (int)plan_between(rand, -5, 5);
}

static void draw(struct plan *plan, uint64_t seed)
{
    struct rand rand;

    memset(plan, 0, sizeof *plan);
    plan->seed = seed;
    rand_seed(&rand, seed * 2 + 1);
    draw_options(&plan->club, &rand);
    plan_draw_decisions(plan, &club_form, &rand, draw_decision);
}

static bool makes_sense(const struct plan *plan)
{
    const struct club_options *options = &plan->club;

    return options->brokers >= 1 && options->brokers <= DESKS_MAX && options->consumers >= 1 &&
           options->consumers <= CONSUMERS_MAX && options->groups >= 1 &&
           options->groups <= GROUPS_MAX && options->partitions_a >= 1 &&
           options->partitions_a < WIDTH_MAX && options->partitions_b >= 0 &&
           options->partitions_b < WIDTH_MAX && options->session_timeout_ms >= 100 &&
           options->rebalance_timeout_ms >= 100 && options->heartbeat_ms >= 10 &&
           options->commit_every_ms >= 1 && options->store_timeout_ms >= 10 &&
           options->retention_check_ms >= 10;
}

/* --- as rows ---------------------------------------------------------------------------------- */

static const char *const numbers[] = {
#define CLUB_OPTION(name, field) name,
    CLUB_OPTIONS(CLUB_OPTION)
#undef CLUB_OPTION
};

static const char *const decisions[] = {
#define CLUB_DECISION(kind, name) name,
    CLUB_DECISIONS(CLUB_DECISION)
#undef CLUB_DECISION
};

static const struct plan_wish wishes[] = {
#define WISH(field, value) {PLAN_NUMBER(struct club_options, field), value}
    WISH(loss_permille, 0), WISH(duplicate_permille, 0), WISH(clog_permille, 0),
    WISH(late_permille, 0), WISH(careless_permille, 0), WISH(groups, 1), WISH(consumers, 1),
    WISH(consumers, 2), WISH(consumers, 3), WISH(statics, 0), WISH(partitions_b, 0),
    WISH(partitions_a, 1), WISH(assignors, 0), WISH(known_only, 0), WISH(initial_delay_ms, 0),
    WISH(size_max, 0), WISH(store_takes_ms, 1), WISH(load_takes_ms, 1), WISH(retention_ms, 0),
    WISH(delay_min_us, 100), WISH(delay_mean_us, 500), WISH(brokers, 2),
    WISH(commit_every_ms, 100),
#undef WISH
};

const struct plan_form club_form = {
    .numbers = numbers,
    .decisions = decisions,
    .number_count = (int)(sizeof numbers / sizeof numbers[0]),
    .decision_count = CLUB_DECISION_KINDS,
    .length = PLAN_NUMBER(struct club_options, length_ms),
    .wishes = wishes,
    .wish_count = (int)(sizeof wishes / sizeof wishes[0]),
    .draw = draw,
    .makes_sense = makes_sense,
};
