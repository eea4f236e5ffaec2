#include "tests/tools/suites.h"
#include "tools/kairn/pauses.h"

START_TEST(a_pause_begins_when_a_partition_was_last_heard_of)
{
    struct pauses pauses;

    pauses_init(&pauses);
    pauses_note(&pauses, 3, 100, 110);
    pauses_note(&pauses, 3, 105, 190);

    ck_assert_int_eq(pauses.longest_ns, 80);
    ck_assert_int_eq(pauses.partition, 3);
}
END_TEST

START_TEST(time_in_which_no_record_waited_is_no_pause)
{
    struct pauses pauses;

    pauses_init(&pauses);
    pauses_note(&pauses, 3, 100, 110);
    pauses_note(&pauses, 3, 5000, 5020);

    ck_assert_int_eq(pauses.longest_ns, 20);
}
END_TEST

START_TEST(another_partition_does_not_end_a_pause)
{
    struct pauses pauses;

    pauses_init(&pauses);
    pauses_note(&pauses, 1, 100, 110);
    pauses_note(&pauses, 2, 100, 150);
    pauses_note(&pauses, 1, 111, 400);

    ck_assert_int_eq(pauses.longest_ns, 289);
    ck_assert_int_eq(pauses.partition, 1);
}
END_TEST

START_TEST(nothing_noted_is_no_pause)
{
    struct pauses pauses;

    pauses_init(&pauses);

    ck_assert_int_eq(pauses.longest_ns, 0);
    ck_assert_int_eq(pauses.partition, -1);
}
END_TEST

Suite *pauses_suite(void)
{
    Suite *suite = suite_create("pauses");
    TCase *tcase = tcase_create("pauses");
    tcase_add_test(tcase, a_pause_begins_when_a_partition_was_last_heard_of);
    tcase_add_test(tcase, time_in_which_no_record_waited_is_no_pause);
    tcase_add_test(tcase, another_partition_does_not_end_a_pause);
    tcase_add_test(tcase, nothing_noted_is_no_pause);
    suite_add_tcase(suite, tcase);
    return suite;
}
