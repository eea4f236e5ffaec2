#include "server/core/election.h"

#include <string.h>

#include "tests/server/core/suites.h"

#define SET(...)                                                                                   \
    (struct replica_set)                                                                           \
    {                                                                                              \
        .count = sizeof((int[]){__VA_ARGS__}) / sizeof(int), .ids = { __VA_ARGS__ }                \
    }
#define NONE                                                                                       \
    (struct replica_set)                                                                           \
    {                                                                                              \
        .count = 0                                                                                 \
    }

/* A state of replicas 1, 2, 3, and who is how. */
struct scene {
    struct replica_set isr, eligible;      /* before */
    struct replica_set live, sound, staying;
    bool allow_unclean;
    int32_t leader;                        /* after */
    bool unclean;
    struct replica_set isr_after, eligible_after;
};

static bool sets_equal(const struct replica_set *a, const struct replica_set *b)
{
    return a->count == b->count &&
           memcmp(a->ids, b->ids, (size_t)a->count * sizeof a->ids[0]) == 0;
}

static void play(size_t row, const struct scene *scene)
{
    const struct partition_state stored = {.leader = 1,
                                           .min_insync = 2,
                                           .replicas = SET(1, 2, 3),
                                           .isr = scene->isr,
                                           .eligible = scene->eligible};
    struct standing standing = {
        .live = scene->live, .sound = scene->sound, .staying = scene->staying};
    for (int32_t i = 0; i < scene->live.count; i++)
        if (!replica_set_has(&scene->sound, scene->live.ids[i]))
            replica_set_add(&standing.lossy, scene->live.ids[i]);
    struct partition_state state = stored;

    state.isr = election_pruned(&stored.isr, &standing);
    bool unclean = election_run(&state, &standing, scene->allow_unclean);
    if (!unclean)
        election_settle_eligible(&state, &stored, &standing);

    ck_assert_msg(state.leader == scene->leader, "row %zu: leader %d", row, (int)state.leader);
    ck_assert_msg(unclean == scene->unclean, "row %zu: unclean", row);
    ck_assert_msg(sets_equal(&state.isr, &scene->isr_after), "row %zu: in-sync set", row);
    ck_assert_msg(sets_equal(&state.eligible, &scene->eligible_after), "row %zu: eligible", row);
}

START_TEST(who_leads_and_who_stays_in_sync)
{
    const struct scene scenes[] = {
        /* The order of the assignment counts, not that of the set. */
        {SET(3, 2, 1), NONE, SET(1, 2, 3), SET(1, 2, 3), SET(1, 2, 3), false, 1, false,
         SET(3, 2, 1), NONE},
        /* A dead member goes; enough are left. */
        {SET(1, 2, 3), NONE, SET(2, 3), SET(2, 3), SET(2, 3), false, 2, false, SET(2, 3), NONE},
        /* Below the minimum who goes is eligible. */
        {SET(1, 2), NONE, SET(2, 3), SET(2, 3), SET(2, 3), false, 2, false, SET(2), SET(1)},
        /* Nobody of the set lives: it stays as it is, 3 was never in it. */
        {SET(1, 2), NONE, SET(3), SET(3), SET(3), false, -1, false, SET(1, 2), NONE},
        /* But who is eligible may lead, and who was in the set is eligible then. */
        {SET(1), SET(2), SET(2, 3), SET(2, 3), SET(2, 3), false, 2, false, SET(2), SET(1)},
        /* Not while a member lives, though it is about to stop. */
        {SET(1), SET(2), SET(1, 2), SET(1, 2), SET(2), false, -1, false, SET(1), SET(2)},
        /* A member that is about to stop goes when another stays. */
        {SET(1, 2), NONE, SET(1, 2), SET(1, 2), SET(2), false, 2, false, SET(2), SET(1)},
        /* So does a lossy one, which is not eligible. */
        {SET(1, 2), NONE, SET(1, 2), SET(2), SET(2), false, 2, false, SET(2), NONE},
        /* A lossy member is no member that lives. */
        {SET(1), SET(2), SET(1, 2), SET(2), SET(2), false, 2, false, SET(2), NONE},
        /* All may have lost something: waiting for them is over when all are there. */
        {SET(1), SET(2), SET(1), NONE, NONE, false, -1, false, SET(1), SET(2)},
        {SET(1), SET(2), SET(1, 2), NONE, NONE, false, 1, true, SET(1), NONE},
        /* Unclean only where that is allowed. */
        {SET(1), NONE, SET(2, 3), SET(3), SET(3), false, -1, false, SET(1), NONE},
        {SET(1), NONE, SET(2, 3), SET(3), SET(3), true, 3, true, SET(3), NONE},
        {SET(1), NONE, SET(2, 3), NONE, NONE, true, 2, true, SET(2), NONE},
        /* In sync, but no replica: made by hand. */
        {SET(7), NONE, SET(1, 2, 3), SET(1, 2, 3), SET(1, 2, 3), false, -1, false, SET(7), NONE},
        {NONE, NONE, SET(1, 2, 3), SET(1, 2, 3), SET(1, 2, 3), false, -1, false, NONE, NONE},
    };

    for (size_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++)
        play(i, &scenes[i]);
}
END_TEST

/* Where logs of 1, 2, 3 end, all lossy and all but 3 in the set; -2: it has yet to say so. */
START_TEST(of_lossy_copies_the_longest_leads)
{
    const struct {
        struct log_end ends[3];
        bool allow_unclean;
        int32_t leader;
    } rows[] = {
        {{{4, 10}, {4, 11}, {9, 99}}, false, 2},
        {{{4, 11}, {4, 10}, {9, 99}}, false, 1},
        {{{4, 11}, {5, 3}, {9, 99}}, false, 2},   /* the epoch counts more */
        {{{4, 11}, {4, 11}, {9, 99}}, false, 1},  /* equal: as they are assigned */
        {{{-1, 0}, {-1, 7}, {9, 99}}, false, 2},  /* all that they had is trimmed */
        {{{-2, 0}, {4, 11}, {9, 99}}, false, -1}, /* it is waited for, */
        {{{-2, 0}, {4, 11}, {9, 99}}, true, -1},  /* whatever is allowed besides */
        {{{4, 11}, {4, 10}, {-2, 0}}, false, 1},  /* nobody counts on 3 */
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct partition_state state = {
            .leader = -1, .min_insync = 2, .replicas = SET(1, 2, 3), .isr = SET(2, 1)};
        struct standing standing = {.live = SET(1, 2, 3), .lossy = SET(1, 2, 3)};
        for (int32_t id = 3; id >= 1; id--) {
            const struct log_end *end = &rows[i].ends[id - 1];
            if (end->last_epoch == -2) {
                replica_set_add(&standing.awaited, id);
                continue;
            }
            standing.ends[standing.told.count] = *end;
            replica_set_add(&standing.told, id);
        }

        bool unclean = election_run(&state, &standing, rows[i].allow_unclean);

        ck_assert_msg(state.leader == rows[i].leader, "row %zu: leader %d", i, (int)state.leader);
        ck_assert_msg(unclean == (state.leader != -1), "row %zu: unclean", i);
    }
}
END_TEST

START_TEST(brokers_are_found_by_id)
{
    const struct controller_broker live[] = {{.id = 1}, {.id = 3}, {.id = 900}};

    ck_assert_ptr_eq(broker_find(live, 3, 1), &live[0]);
    ck_assert_ptr_eq(broker_find(live, 3, 3), &live[1]);
    ck_assert_ptr_eq(broker_find(live, 3, 900), &live[2]);
    ck_assert_ptr_null(broker_find(live, 3, 2));
    ck_assert_ptr_null(broker_find(live, 3, -1));
    ck_assert_ptr_null(broker_find(live, 3, 901));
    ck_assert_ptr_null(broker_find(NULL, 0, 1));
}
END_TEST

Suite *election_suite(void)
{
    Suite *suite = suite_create("server/core/election");
    TCase *tcase = tcase_create("election");

    tcase_add_test(tcase, who_leads_and_who_stays_in_sync);
    tcase_add_test(tcase, of_lossy_copies_the_longest_leads);
    tcase_add_test(tcase, brokers_are_found_by_id);
    suite_add_tcase(suite, tcase);
    return suite;
}
