#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/rand.h"
#include "tests/tools/suites.h"
#include "tools/kairn/planner.h"

/* --- tables ----------------------------------------------------------------------------------- */

static const struct planner_broker three[] = { { 1, "" }, { 2, "" }, { 3, "" } };
static const struct planner_broker four[] = { { 1, "" }, { 2, "" }, { 3, "" }, { 4, "" } };
static const struct planner_broker racked[] = {
    { 1, "a" }, { 2, "a" }, { 3, "b" }, { 4, "b" }, { 5, "c" },
};

/* All in sync. `ids` ends with 0. */
static struct planner_partition partition_of(int32_t number, const int32_t *ids, int64_t bytes)
{
    struct planner_partition partition = { .topic = "t", .number = number, .bytes = bytes };

    for (; ids[partition.replicas.count] != 0; partition.replicas.count++)
        partition.replicas.ids[partition.replicas.count] = ids[partition.replicas.count];
    partition.isr = partition.replicas;
    return partition;
}

#define PARTITION(number, bytes, ...)                                                            \
    partition_of(number, (const int32_t[]){ __VA_ARGS__, 0 }, bytes)

static struct planner_plan *plan_of(const struct planner_task *task)
{
    struct planner_plan *plan = NULL;

    ck_assert_int_eq(planner_run(task, &plan), 0);
    return plan;
}

static void check_ids(const struct planner_replicas *set, const int32_t *ids)
{
    for (int32_t i = 0; i < set->count; i++)
        ck_assert_int_eq(set->ids[i], ids[i]);
    ck_assert_int_eq(ids[set->count], 0);
}

#define check_to(plan, move, ...)                                                                \
    check_ids(&(plan)->moves[move].to, (const int32_t[]){ __VA_ARGS__, 0 })

START_TEST(what_is_even_stays)
{
    const struct planner_partition partitions[] = { PARTITION(0, 10, 1, 2), PARTITION(1, 10, 2, 3),
                                                    PARTITION(2, 10, 3, 1) };

    struct planner_plan *plan = plan_of(&(struct planner_task){
        three, 3, partitions, 3, .spread = true, .at_once = 1 });

    ck_assert_uint_eq(plan->move_count, 0);
    ck_assert_int_eq(plan->step_count, 0);
    planner_free(plan);
}
END_TEST

START_TEST(a_broker_that_leaves_gives_all_it_has_to_the_others)
{
    const struct planner_partition partitions[] = { PARTITION(0, 10, 1, 2), PARTITION(1, 10, 2, 3),
                                                    PARTITION(2, 10, 3, 1) };
    const int32_t leaving[] = { 1 };

    struct planner_plan *plan = plan_of(&(struct planner_task){
        three, 3, partitions, 3, leaving, 1, .at_once = 5 });

    ck_assert_uint_eq(plan->move_count, 2);
    ck_assert_uint_eq(plan->moves[0].partition, 0);
    check_to(plan, 0, 2, 3);
    ck_assert_uint_eq(plan->moves[1].partition, 2);
    check_to(plan, 1, 3, 2);
    ck_assert_int_eq(plan->bytes, 20);
    ck_assert_int_eq(plan->before[0].replicas, 2);
    ck_assert_int_eq(plan->after[0].replicas, 0);
    planner_free(plan);
}
END_TEST

START_TEST(a_partition_that_nobody_else_can_take_is_named_and_stays)
{
    const struct planner_partition partitions[] = { PARTITION(0, 10, 1, 2, 3),
                                                    PARTITION(1, 10, 1, 2) };
    const int32_t leaving[] = { 1 };

    struct planner_plan *plan = plan_of(&(struct planner_task){
        three, 3, partitions, 2, leaving, 1, .at_once = 1 });

    ck_assert_uint_eq(plan->stuck_count, 1);
    ck_assert_uint_eq(plan->stuck[0], 0);
    ck_assert_uint_eq(plan->move_count, 1);
    check_to(plan, 0, 2, 3);
    planner_free(plan);
}
END_TEST

START_TEST(a_dead_broker_can_be_emptied)
{
    const struct planner_partition partitions[] = { PARTITION(0, 10, 9, 2) };
    const int32_t leaving[] = { 9 };

    struct planner_plan *plan = plan_of(&(struct planner_task){
        three, 3, partitions, 1, leaving, 1, .at_once = 1 });

    ck_assert_uint_eq(plan->move_count, 1);
    check_to(plan, 0, 2, 1);
    planner_free(plan);
}
END_TEST

START_TEST(a_new_broker_gets_its_share_and_no_more)
{
    struct planner_partition partitions[12];
    for (int32_t p = 0; p < 12; p++)
        partitions[p] = PARTITION(p, 100, p % 3 + 1, (p + 1) % 3 + 1);

    struct planner_plan *plan = plan_of(&(struct planner_task){
        four, 4, partitions, 12, .spread = true, .at_once = 2 });

    int32_t copies = 0;
    for (size_t m = 0; m < plan->move_count; m++)
        copies += plan->moves[m].added;
    ck_assert_int_eq(copies, 6);
    for (size_t b = 0; b < 4; b++) {
        ck_assert_int_eq(plan->after[b].replicas, 6);
        ck_assert_int_eq(plan->after[b].leaders, 3);
    }
    planner_free(plan);
}
END_TEST

START_TEST(sizes_count_as_much_as_numbers)
{
    const struct planner_partition partitions[] = { PARTITION(0, 900, 1), PARTITION(1, 900, 1),
                                                    PARTITION(2, 1, 2), PARTITION(3, 1, 2) };
    const struct planner_broker two[] = { { 1, "" }, { 2, "" } };

    struct planner_plan *plan = plan_of(&(struct planner_task){
        two, 2, partitions, 4, .spread = true, .at_once = 1 });

    ck_assert_int_eq(plan->after[0].bytes / 900, 1);
    ck_assert_int_eq(plan->after[1].bytes / 900, 1);
    planner_free(plan);
}
END_TEST

START_TEST(a_larger_factor_takes_other_racks_first)
{
    struct planner_partition partition = PARTITION(0, 10, 1, 2);
    partition.factor = 4;

    struct planner_plan *plan =
        plan_of(&(struct planner_task){ racked, 5, &partition, 1, .at_once = 1 });

    ck_assert_uint_eq(plan->move_count, 1);
    ck_assert_int_eq(plan->moves[0].to.count, 4);
    ck_assert(planner_has(&plan->moves[0].to, 5));
    ck_assert(planner_has(&plan->moves[0].to, 3) || planner_has(&plan->moves[0].to, 4));
    planner_free(plan);
}
END_TEST

START_TEST(a_smaller_factor_drops_who_is_out_of_sync_then_a_full_rack)
{
    struct planner_partition partitions[] = { PARTITION(0, 10, 1, 3, 5),
                                              PARTITION(1, 10, 1, 2, 3) };
    partitions[0].isr = (struct planner_replicas){ 2, { 1, 5 } };
    partitions[0].factor = partitions[1].factor = 2;

    struct planner_plan *plan =
        plan_of(&(struct planner_task){ racked, 5, partitions, 2, .at_once = 1 });

    ck_assert_uint_eq(plan->move_count, 2);
    for (size_t m = 0; m < 2; m++) {
        ck_assert_int_eq(plan->moves[m].added, 0);
        ck_assert(!planner_has(&plan->moves[m].to, plan->moves[m].partition == 0 ? 3 : 2));
    }
    planner_free(plan);
}
END_TEST

START_TEST(leaders_are_evened_out_without_a_copy)
{
    const struct planner_partition partitions[] = {
        PARTITION(0, 10, 1, 2), PARTITION(1, 10, 2, 3), PARTITION(2, 10, 2, 1),
        PARTITION(3, 10, 2, 3), PARTITION(4, 10, 1, 3), PARTITION(5, 10, 1, 3),
    };

    struct planner_plan *plan = plan_of(&(struct planner_task){
        three, 3, partitions, 6, .spread = true, .at_once = 1 });

    ck_assert_int_eq(plan->bytes, 0);
    for (size_t b = 0; b < 3; b++)
        ck_assert_int_eq(plan->after[b].leaders, 2);
    planner_free(plan);
}
END_TEST

START_TEST(steps_bound_what_one_broker_copies_at_once)
{
    struct planner_partition partitions[9];
    const int32_t leaving[] = { 1 };
    for (int32_t p = 0; p < 9; p++)
        partitions[p] = PARTITION(p, 100 - p, 1);

    struct planner_plan *plan = plan_of(&(struct planner_task){
        three, 3, partitions, 9, leaving, 1, .at_once = 2 });

    ck_assert_uint_eq(plan->move_count, 9);
    ck_assert_int_eq(plan->step_count, 3);
    ck_assert_uint_eq(plan->moves[0].partition, 8);     /* the smallest */
    planner_free(plan);
}
END_TEST

/* --- random clusters -------------------------------------------------------------------------- */

enum { BROKERS_MAX = 9, PARTITIONS_MAX = 60 };

struct world {
    struct planner_broker brokers[BROKERS_MAX];
    struct planner_partition partitions[PARTITIONS_MAX];
    int32_t leaving[2];
    struct planner_task task;
    bool racks;
};

static struct planner_replicas some_of(struct rand *rand, const struct world *world, int32_t count)
{
    struct planner_replicas set = { 0 };

    while (set.count < count) {
        int32_t id = world->brokers[rand_below(rand, world->task.broker_count)].id;
        if (!planner_has(&set, id))
            set.ids[set.count++] = id;
    }
    return set;
}

static void make_world(struct rand *rand, struct world *world)
{
    static const char *const names[] = { "a", "b", "c" };
    size_t brokers = 2 + rand_below(rand, BROKERS_MAX - 1);

    *world = (struct world){ .racks = rand_below(rand, 2) == 0 };
    for (size_t b = 0; b < brokers; b++)
        world->brokers[b] = (struct planner_broker){
            (int32_t)(10 * b + rand_below(rand, 10)),
            world->racks ? names[rand_below(rand, 3)] : "",
        };
    world->task = (struct planner_task){
        .brokers = world->brokers, .broker_count = brokers, .partitions = world->partitions,
        .partition_count = rand_below(rand, PARTITIONS_MAX + 1), .leaving = world->leaving,
        .leaving_count = rand_below(rand, 3), .spread = rand_below(rand, 2) == 0,
        .at_once = (int32_t)(1 + rand_below(rand, 4)),
    };
    for (size_t i = 0; i < world->task.leaving_count; i++)
        world->leaving[i] = world->brokers[rand_below(rand, brokers)].id;
    for (size_t p = 0; p < world->task.partition_count; p++) {
        int32_t factor = (int32_t)(1 + rand_below(rand, brokers < 4 ? brokers : 4));
        struct planner_partition *partition = &world->partitions[p];
        *partition = (struct planner_partition){
            .topic = "t", .number = (int32_t)p, .bytes = (int64_t)rand_below(rand, 1000) * 1000,
            .replicas = some_of(rand, world, factor),
        };
        partition->isr = partition->replicas;
        partition->isr.count -= (int32_t)rand_below(rand, (uint64_t)factor);
        if (rand_below(rand, 4) == 0)
            partition->factor = (int32_t)(1 + rand_below(rand, brokers));
    }
}

static int32_t racks_of(const struct world *world, const struct planner_replicas *set)
{
    unsigned seen = 0;

    for (size_t b = 0; b < world->task.broker_count; b++)
        if (planner_has(set, world->brokers[b].id) && world->brokers[b].rack[0] != '\0')
            seen |= 1u << (world->brokers[b].rack[0] - 'a');
    return __builtin_popcount(seen);
}

static bool is_leaving(const struct world *world, int32_t id)
{
    for (size_t i = 0; i < world->task.leaving_count; i++)
        if (world->leaving[i] == id)
            return true;
    return false;
}

/* What holds of every move, whatever was asked. */
static void check_move(const struct world *world, const struct planner_move *move)
{
    const struct planner_partition *partition = &world->partitions[move->partition];
    int32_t wanted = partition->factor > 0 ? partition->factor : partition->replicas.count;
    int32_t added = 0;
    bool forced = partition->factor > 0;

    ck_assert_int_eq(move->to.count, wanted);
    for (int32_t i = 0; i < move->to.count; i++) {
        ck_assert(!is_leaving(world, move->to.ids[i]));
        for (int32_t j = 0; j < i; j++)
            ck_assert_int_ne(move->to.ids[i], move->to.ids[j]);
        added += !planner_has(&partition->replicas, move->to.ids[i]);
    }
    ck_assert_int_eq(added, move->added);
    ck_assert_int_eq(move->bytes, added * partition->bytes);
    for (int32_t i = 0; i < partition->replicas.count; i++)
        forced |= is_leaving(world, partition->replicas.ids[i]);
    if (!forced)
        ck_assert_int_ge(racks_of(world, &move->to), racks_of(world, &partition->replicas));
    if (!forced && !world->task.spread)
        ck_abort_msg("nobody asked for this move");
}

/* No broker copies more at once than it may. */
static void check_steps(const struct world *world, const struct planner_plan *plan)
{
    for (size_t b = 0; b < world->task.broker_count; b++) {
        int32_t id = world->brokers[b].id;
        for (int32_t step = 0; step < plan->step_count; step++) {
            int32_t incoming = 0;
            for (size_t m = 0; m < plan->move_count; m++)
                incoming +=
                    plan->moves[m].step == step && planner_has(&plan->moves[m].to, id) &&
                    !planner_has(&world->partitions[plan->moves[m].partition].replicas, id);
            ck_assert_int_le(incoming, world->task.at_once);
        }
    }
    for (size_t m = 1; m < plan->move_count; m++)
        ck_assert_int_ge(plan->moves[m].step, plan->moves[m - 1].step);
}

/* Every partition of a broker that leaves moves, or is said to be stuck for good reason. */
static void check_complete(const struct world *world, const struct planner_plan *plan)
{
    size_t staying = 0, moved[PARTITIONS_MAX] = { 0 };

    for (size_t b = 0; b < world->task.broker_count; b++)
        staying += !is_leaving(world, world->brokers[b].id);
    for (size_t m = 0; m < plan->move_count; m++)
        moved[plan->moves[m].partition]++;
    for (size_t i = 0; i < plan->stuck_count; i++) {
        const struct planner_partition *partition = &world->partitions[plan->stuck[i]];
        int32_t wanted = partition->factor > 0 ? partition->factor : partition->replicas.count;
        ck_assert_int_gt(wanted, (int32_t)staying);
        moved[plan->stuck[i]]++;
    }
    for (size_t p = 0; p < world->task.partition_count; p++) {
        const struct planner_partition *partition = &world->partitions[p];
        bool must = partition->factor > 0 && partition->factor != partition->replicas.count;
        for (int32_t i = 0; i < partition->replicas.count; i++)
            must |= is_leaving(world, partition->replicas.ids[i]);
        ck_assert_uint_le(moved[p], 1);
        ck_assert(!must || moved[p] == 1);
    }
}

/* Once carried out, the same question has nothing left to move. */
static void check_settles(struct world *world, const struct planner_plan *plan)
{
    for (size_t m = 0; m < plan->move_count; m++) {
        struct planner_partition *partition = &world->partitions[plan->moves[m].partition];
        partition->replicas = plan->moves[m].to;
        partition->isr = partition->replicas;
    }
    struct planner_plan *again = plan_of(&world->task);
    ck_assert_int_eq(again->bytes, 0);
    planner_free(again);
}

START_TEST(plans_for_random_clusters_keep_their_promises)
{
    const char *seeds = getenv("KAIRN_SEEDS");
    int64_t count = seeds != NULL ? atoll(seeds) : 3000;

    for (int64_t seed = 1; seed <= count; seed++) {
        struct rand rand;
        static struct world world;

        rand_seed(&rand, (uint64_t)seed);
        make_world(&rand, &world);
        struct planner_plan *plan = plan_of(&world.task);

        for (size_t m = 0; m < plan->move_count; m++)
            check_move(&world, &plan->moves[m]);
        check_steps(&world, plan);
        check_complete(&world, plan);
        check_settles(&world, plan);
        planner_free(plan);
    }
}
END_TEST

START_TEST(even_sizes_end_evenly_spread)
{
    for (uint64_t seed = 1; seed <= 500; seed++) {
        struct rand rand;
        static struct world world;
        int32_t least = INT32_MAX, most = 0;

        rand_seed(&rand, seed);
        make_world(&rand, &world);
        world.task.spread = true;
        world.task.leaving_count = 0;
        for (size_t b = 0; b < world.task.broker_count; b++)
            world.brokers[b].rack = "";
        for (size_t p = 0; p < world.task.partition_count; p++) {
            world.partitions[p].bytes = 1000;
            world.partitions[p].factor = 0;
        }
        struct planner_plan *plan = plan_of(&world.task);

        for (size_t b = 0; b < plan->broker_count; b++) {
            least = plan->after[b].replicas < least ? plan->after[b].replicas : least;
            most = plan->after[b].replicas > most ? plan->after[b].replicas : most;
        }
        ck_assert_int_le(most - least, 1);
        planner_free(plan);
    }
}
END_TEST

Suite *planner_suite(void)
{
    Suite *suite = suite_create("planner");
    TCase *table = tcase_create("tables"), *random = tcase_create("random");

    tcase_add_test(table, what_is_even_stays);
    tcase_add_test(table, a_broker_that_leaves_gives_all_it_has_to_the_others);
    tcase_add_test(table, a_partition_that_nobody_else_can_take_is_named_and_stays);
    tcase_add_test(table, a_dead_broker_can_be_emptied);
    tcase_add_test(table, a_new_broker_gets_its_share_and_no_more);
    tcase_add_test(table, sizes_count_as_much_as_numbers);
    tcase_add_test(table, a_larger_factor_takes_other_racks_first);
    tcase_add_test(table, a_smaller_factor_drops_who_is_out_of_sync_then_a_full_rack);
    tcase_add_test(table, leaders_are_evened_out_without_a_copy);
    tcase_add_test(table, steps_bound_what_one_broker_copies_at_once);
    suite_add_tcase(suite, table);
    tcase_add_test(random, plans_for_random_clusters_keep_their_promises);
    tcase_add_test(random, even_sizes_end_evenly_spread);
    tcase_set_timeout(random, 60);
    suite_add_tcase(suite, random);
    return suite;
}
