#include "server/core/placement.h"

#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "tests/server/core/suites.h"

enum { BROKERS_MAX = 8, PARTITIONS_MAX = 16 };

/* "1,2 2,3": the sets of all partitions. */
static const char *place(const char *const *racks, int32_t brokers, int32_t partitions,
                         int32_t factor, uint32_t start, uint32_t shift, char text[512])
{
    struct controller_broker live[BROKERS_MAX] = {{0}};
    struct replica_set sets[PARTITIONS_MAX];
    char *at = text;

    for (int32_t i = 0; i < brokers; i++) {
        live[i].id = i;
        if (racks != NULL)
            snprintf(live[i].rack, sizeof live[i].rack, "%s", racks[i]);
    }
    int error = placement_choose(live, (size_t)brokers, partitions, factor,
                                 start | (uint64_t)shift << 32, sets);
    ck_assert_int_eq(error, 0);
    for (int32_t p = 0; p < partitions; p++)
        for (int32_t r = 0; r < sets[p].count; r++)
            at += snprintf(at, (size_t)(text + 512 - at), "%s%d", r > 0 ? "," : p > 0 ? " " : "",
                           (int)sets[p].ids[r]);
    return text;
}

/* The example that Kafka's documentation of the rule walks through: ten partitions, three
 * replicas, five brokers; the second lap shifts the followers by one more. */
START_TEST(followers_shift_by_one_more_each_lap)
{
    char text[512];

    ck_assert_str_eq(place(NULL, 5, 10, 3, 0, 0, text),
                     "0,1,2 1,2,3 2,3,4 3,4,0 4,0,1 0,2,3 1,3,4 2,4,0 3,0,1 4,1,2");
}
END_TEST

START_TEST(a_random_start_turns_the_table)
{
    char text[512];

    ck_assert_str_eq(place(NULL, 3, 4, 1, 2, 0, text), "2 0 1 2");
    ck_assert_str_eq(place(NULL, 3, 4, 2, 1, 1, text), "1,0 2,1 0,2 1,2");
    ck_assert_str_eq(place(NULL, 1, 3, 1, 7, 5, text), "0 0 0");
}
END_TEST

/* Six brokers in three racks sit as 0,3,1,5,4,2: one of each rack in turn. With as many replicas
 * as racks, every set spans all racks. Worked out by hand from the rule. */
START_TEST(racks_are_interleaved_and_sets_span_them)
{
    static const char *const racks[] = {"rack1", "rack3", "rack3", "rack2", "rack2", "rack1"};
    char text[512];

    ck_assert_str_eq(place(racks, 6, 6, 3, 0, 0, text), "0,3,1 3,1,5 1,5,4 5,4,2 4,2,0 2,0,3");
    /* the second lap shifts by a whole round of racks */
    ck_assert_str_eq(place(racks, 6, 7, 3, 0, 0, text),
                     "0,3,1 3,1,5 1,5,4 5,4,2 4,2,0 2,0,3 0,4,2");
}
END_TEST

/* Two racks, 0 1 | 2: seats 0,2,1. Three replicas must double up in rack a, and only there. */
START_TEST(more_replicas_than_racks_reuse_racks)
{
    static const char *const racks[] = {"a", "a", "b"};
    char text[512];

    ck_assert_str_eq(place(racks, 3, 3, 3, 0, 0, text), "0,2,1 2,1,0 1,2,0");
    ck_assert_str_eq(place(racks, 3, 3, 2, 0, 0, text), "0,2 2,1 1,2");
}
END_TEST

START_TEST(racks_are_ignored_unless_every_broker_has_one)
{
    static const char *const racks[] = {"a", "", "b"};
    char with[512], without[512];

    ck_assert_str_eq(place(racks, 3, 6, 2, 1, 1, with), place(NULL, 3, 6, 2, 1, 1, without));
}
END_TEST

START_TEST(every_set_is_free_of_doubles_and_spans_what_racks_allow)
{
    static const char *const racks[] = {"a", "b", "a", "c", "b", "a", "c", "d"};
    struct controller_broker live[BROKERS_MAX] = {{0}};
    struct replica_set sets[PARTITIONS_MAX];

    for (int32_t i = 0; i < BROKERS_MAX; i++) {
        live[i].id = i * 10;
        snprintf(live[i].rack, sizeof live[i].rack, "%s", racks[i]);
    }
    for (int32_t factor = 1; factor <= BROKERS_MAX; factor++)
        for (uint64_t seed = 0; seed < 64; seed++) {
            ck_assert_int_eq(placement_choose(live, BROKERS_MAX, PARTITIONS_MAX, factor,
                                              (seed & 7) | (seed >> 3) << 32, sets),
                             0);
            for (int32_t p = 0; p < PARTITIONS_MAX; p++) {
                bool used[4] = {false};
                int32_t rack_count = 0;
                ck_assert_int_eq(sets[p].count, factor);
                for (int32_t r = 0; r < factor; r++) {
                    int rack = racks[sets[p].ids[r] / 10][0] - 'a';
                    rack_count += !used[rack];
                    used[rack] = true;
                    for (int32_t other = 0; other < r; other++)
                        ck_assert_int_ne(sets[p].ids[r], sets[p].ids[other]);
                }
                ck_assert_int_eq(rack_count, factor < 4 ? factor : 4);
            }
        }
}
END_TEST

START_TEST(more_replicas_than_brokers_are_refused)
{
    const struct controller_broker live[] = {{.id = 1}, {.id = 2}};
    struct replica_set set;

    ck_assert_int_eq(placement_choose(live, 2, 1, 3, 0, &set), K_INVALID_REPLICATION_FACTOR);
    ck_assert_int_eq(placement_choose(live, 2, 1, 0, 0, &set), K_INVALID_REPLICATION_FACTOR);
    ck_assert_int_eq(placement_choose(NULL, 0, 1, 1, 0, &set), K_INVALID_REPLICATION_FACTOR);
}
END_TEST

/* Kafka's addPartitions: five brokers, partition 0 led by broker 1, so start and shift are 1. */
START_TEST(more_partitions_go_on_where_kafka_would)
{
    struct controller_broker live[5] = {{0}};
    struct replica_set sets[7];
    static const int32_t expected[7][3] = {{4, 1, 2}, {0, 2, 3}, {1, 4, 0}, {2, 0, 1},
                                           {3, 1, 2}, {4, 2, 3}, {0, 3, 4}};

    for (int32_t i = 0; i < 5; i++)
        live[i].id = i;
    ck_assert_int_eq(placement_extend(live, 5, 1, 3, 7, 3, sets), 0);

    for (int p = 0; p < 7; p++)
        for (int r = 0; r < 3; r++)
            ck_assert_int_eq(sets[p].ids[r], expected[p][r]);
}
END_TEST

START_TEST(more_partitions_are_spread_over_racks_also_without_their_first_leader)
{
    static const char *const racks[] = {"a", "b", "a", "b"};
    struct controller_broker live[4] = {{0}};
    struct replica_set sets[8];

    for (int32_t i = 0; i < 4; i++) {
        live[i].id = 10 * i;
        snprintf(live[i].rack, sizeof live[i].rack, "%s", racks[i]);
    }
    ck_assert_int_eq(placement_extend(live, 4, 15, 5, 8, 2, sets), 0);
    /* 15 is gone: the next larger id, 20, is number 2 of the brokers */
    ck_assert_int_eq(sets[0].ids[0], 30);
    for (int p = 0; p < 8; p++)
        ck_assert_int_eq((sets[p].ids[0] / 10 + sets[p].ids[1] / 10) % 2, 1);
    ck_assert_int_eq(placement_extend(live, 4, 99, 4, 1, 1, sets), 0);
    ck_assert_int_eq(sets[0].ids[0], 0);
    ck_assert_int_eq(placement_extend(live, 1, 0, 4, 1, 2, sets), K_INVALID_REPLICATION_FACTOR);
}
END_TEST

Suite *placement_suite(void)
{
    Suite *suite = suite_create("server/core/placement");
    TCase *tcase = tcase_create("placement");

    tcase_add_test(tcase, followers_shift_by_one_more_each_lap);
    tcase_add_test(tcase, a_random_start_turns_the_table);
    tcase_add_test(tcase, racks_are_interleaved_and_sets_span_them);
    tcase_add_test(tcase, more_replicas_than_racks_reuse_racks);
    tcase_add_test(tcase, racks_are_ignored_unless_every_broker_has_one);
    tcase_add_test(tcase, every_set_is_free_of_doubles_and_spans_what_racks_allow);
    tcase_add_test(tcase, more_replicas_than_brokers_are_refused);
    tcase_add_test(tcase, more_partitions_go_on_where_kafka_would);
    tcase_add_test(tcase, more_partitions_are_spread_over_racks_also_without_their_first_leader);
    suite_add_tcase(suite, tcase);
    return suite;
}
