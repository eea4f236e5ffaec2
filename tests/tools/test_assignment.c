#include <stdlib.h>

#include "tests/tools/suites.h"
#include "tools/kairn/assignment.h"

static struct assignment read_well(const char *text)
{
    struct assignment assignment;
    const char *reason = NULL;

    ck_assert_msg(assignment_read(text, &assignment, &reason), "%s", reason);
    return assignment;
}

START_TEST(partitions_and_their_replicas_are_read_in_order)
{
    static const int32_t wanted[] = { 1, 2, 10, 3 };
    struct assignment assignment = read_well("1:2,10:3");

    ck_assert_int_eq(assignment.partitions, 2);
    ck_assert_int_eq(assignment.replicas, 2);
    ck_assert_mem_eq(assignment.brokers, wanted, sizeof wanted);
    free(assignment.brokers);
}
END_TEST

START_TEST(one_partition_with_one_replica_is_an_assignment)
{
    struct assignment assignment = read_well("0");

    ck_assert_int_eq(assignment.partitions, 1);
    ck_assert_int_eq(assignment.replicas, 1);
    ck_assert_int_eq(assignment.brokers[0], 0);
    free(assignment.brokers);
}
END_TEST

START_TEST(what_is_no_assignment_is_refused_with_a_reason)
{
    static const char *const bad[] = { "",      ",",   ":",  "1,",  "1:",  ",1",
                                       "1::2",  "a",   "-1", "1 2", "1;2", "99999999999",
                                       "1:2,3", "1:1", "1,2:3", "1:2,3:3" };
    struct assignment assignment;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *reason = NULL;
        ck_assert_msg(!assignment_read(bad[i], &assignment, &reason), "\"%s\"", bad[i]);
        ck_assert_ptr_nonnull(reason);
        ck_assert_ptr_null(assignment.brokers);
    }
}
END_TEST

Suite *assignment_suite(void)
{
    Suite *suite = suite_create("tools/assignment");
    TCase *tests = tcase_create("assignment");

    tcase_add_test(tests, partitions_and_their_replicas_are_read_in_order);
    tcase_add_test(tests, one_partition_with_one_replica_is_an_assignment);
    tcase_add_test(tests, what_is_no_assignment_is_refused_with_a_reason);
    suite_add_tcase(suite, tests);
    return suite;
}
