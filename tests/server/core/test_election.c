#include "server/core/election.h"

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

START_TEST(winner_is_the_first_assigned_that_is_live_and_in_sync)
{
    const struct controller_broker live[] = {{.id = 1}, {.id = 3}, {.id = 4}};
    const struct row {
        struct replica_set assignment, isr;
        int32_t winner;
    } rows[] = {
        {SET(3, 1), SET(1, 3), 3}, /* the assignment's order counts, not that of the set */
        {SET(2, 1), SET(1, 2), 1}, /* 2 is dead */
        {SET(3, 1), SET(1), 1},    /* 3 is not in sync */
        {SET(2), SET(2), -1},      /* nobody lives */
        {SET(3, 4), SET(2), -1},   /* nobody in sync lives: never unclean */
        {SET(3), NONE, -1},        {NONE, SET(3), -1}, /* in sync, but not a replica */
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int32_t winner = election_winner(&rows[i].assignment, &rows[i].isr, live, 3);
        ck_assert_msg(winner == rows[i].winner, "row %zu: %d", i, (int)winner);
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

    tcase_add_test(tcase, winner_is_the_first_assigned_that_is_live_and_in_sync);
    tcase_add_test(tcase, brokers_are_found_by_id);
    suite_add_tcase(suite, tcase);
    return suite;
}
