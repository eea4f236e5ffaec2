#include <stdlib.h>

#include "tests/tools/suites.h"
#include "tools/kairn/group_rows.h"

static struct group_row row_of(int64_t committed, int64_t start, int64_t end)
{
    struct group_row row = group_row_of("t", 0);

    row.committed = committed;
    row.start = start;
    row.end = end;
    return row;
}

START_TEST(the_lag_counts_from_what_is_committed_to_the_end)
{
    struct group_row behind = row_of(3, 0, 10), done = row_of(10, 0, 10),
                     beyond = row_of(12, 0, 10), nothing = row_of(-1, 0, 10),
                     unknown = row_of(3, -1, -1);

    ck_assert_int_eq(group_row_lag(&behind), 7);
    ck_assert_int_eq(group_row_lag(&done), 0);
    ck_assert_int_eq(group_row_lag(&beyond), 0);
    ck_assert_int_eq(group_row_lag(&nothing), -1);
    ck_assert_int_eq(group_row_lag(&unknown), -1);
}
END_TEST

START_TEST(records_that_were_deleted_unread_are_lost_and_no_lag)
{
    struct group_row row = row_of(3, 8, 10), none = row_of(8, 8, 10);

    ck_assert_int_eq(group_row_lag(&row), 2);
    ck_assert_int_eq(group_row_lost(&row), 5);
    ck_assert_int_eq(group_row_lost(&none), 0);
}
END_TEST

START_TEST(the_first_record_that_is_not_committed_waits_since_its_timestamp)
{
    struct group_row behind = row_of(3, 0, 10), done = row_of(10, 0, 10);

    ck_assert_int_eq(group_row_waits(&behind, 5000), -1);
    behind.first_ms = 3000;
    ck_assert_int_eq(group_row_waits(&behind, 5000), 2000);
    ck_assert_int_eq(group_row_waits(&behind, 2000), 0);        /* by another clock */
    ck_assert_int_eq(group_row_waits(&done, 5000), 0);
}
END_TEST

START_TEST(what_is_committed_and_who_has_it_become_one_row)
{
    struct group_row items[] = { group_row_of("b", 1), group_row_of("a", 2), group_row_of("a", 2),
                                 group_row_of("a", 10) };
    struct group_rows rows = { items, 4 };
    items[1].member = 5;
    items[2].committed = 7;

    group_rows_unite(&rows);

    ck_assert_uint_eq(rows.count, 3);
    ck_assert_str_eq(items[0].topic, "a");
    ck_assert_int_eq(items[0].committed, 7);
    ck_assert_uint_eq(items[0].member, 5);
    ck_assert_int_eq(items[1].partition, 10);
    ck_assert_int_eq(items[1].committed, -1);
    ck_assert_uint_eq(items[1].member, GROUP_NOBODY);
    ck_assert_ptr_eq(group_rows_find(&rows, "b", 1), &items[2]);
    ck_assert_ptr_null(group_rows_find(&rows, "b", 2));
}
END_TEST

START_TEST(totals_say_what_is_known_and_of_how_many_it_is_not)
{
    struct group_row items[] = { row_of(3, 0, 10), row_of(0, 0, 5), row_of(-1, 0, 5) };
    const struct group_rows rows = { items, 3 };
    items[0].first_ms = 900;
    items[1].first_ms = 400;

    struct group_totals totals = group_rows_total(&rows, 1000);

    ck_assert_int_eq(totals.lag, 12);
    ck_assert_int_eq(totals.waits_ms, 600);
    ck_assert_uint_eq(totals.unknown, 1);
}
END_TEST

START_TEST(a_timestamp_is_remembered_while_the_same_record_is_the_first)
{
    struct group_row old[] = { row_of(3, 0, 10) }, same[] = { row_of(3, 0, 20) },
                     moved[] = { row_of(4, 0, 20) }, trimmed[] = { row_of(3, 6, 20) };
    const struct group_rows before = { old, 1 };
    old[0].first_ms = 77;

    group_rows_remember(&(struct group_rows){ same, 1 }, &before);
    group_rows_remember(&(struct group_rows){ moved, 1 }, &before);
    group_rows_remember(&(struct group_rows){ trimmed, 1 }, &before);

    ck_assert_int_eq(same[0].first_ms, 77);
    ck_assert_int_eq(moved[0].first_ms, -1);
    ck_assert_int_eq(trimmed[0].first_ms, -1);
}
END_TEST

START_TEST(partitions_are_written_as_ranges)
{
    klient_topic_partition_t partitions[] = { { "b", 7 }, { "a", 2 }, { "a", 0 }, { "a", 1 },
                                              { "b", 5 } };
    group_sort_partitions(partitions, 5);

    char *all = group_ranges(partitions, 5), *none = group_ranges(partitions, 0);

    ck_assert_str_eq(all, "a:0-2 b:5,7");
    ck_assert_str_eq(none, "");
    ck_assert_ptr_eq(group_find_partition(partitions, 5, "b", 5), &partitions[3]);
    ck_assert_ptr_null(group_find_partition(partitions, 5, "b", 6));
    free(all);
    free(none);
}
END_TEST

Suite *group_rows_suite(void)
{
    Suite *suite = suite_create("tools/group_rows");
    TCase *tests = tcase_create("group_rows");

    tcase_add_test(tests, the_lag_counts_from_what_is_committed_to_the_end);
    tcase_add_test(tests, records_that_were_deleted_unread_are_lost_and_no_lag);
    tcase_add_test(tests, the_first_record_that_is_not_committed_waits_since_its_timestamp);
    tcase_add_test(tests, what_is_committed_and_who_has_it_become_one_row);
    tcase_add_test(tests, totals_say_what_is_known_and_of_how_many_it_is_not);
    tcase_add_test(tests, a_timestamp_is_remembered_while_the_same_record_is_the_first);
    tcase_add_test(tests, partitions_are_written_as_ranges);
    suite_add_tcase(suite, tests);
    return suite;
}
