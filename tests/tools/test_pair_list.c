#include <stdlib.h>

#include "tests/tools/suites.h"
#include "tools/kairn/pair_list.h"

static void expect(char *made, const char *wanted)
{
    ck_assert_ptr_nonnull(made);
    ck_assert_str_eq(made, wanted);
    free(made);
}

START_TEST(what_is_added_stands_behind_what_was_there_and_once)
{
    expect(pair_list_with("", "0:1,0:2"), "0:1,0:2");
    expect(pair_list_with("3:1,0:1", "0:1,0:2"), "3:1,0:1,0:2");
    expect(pair_list_with("3:1", ""), "3:1");
    expect(pair_list_with("", ""), "");
}
END_TEST

START_TEST(only_what_is_named_is_taken_away)
{
    expect(pair_list_without("3:1,0:1,0:2", "0:1,0:2"), "3:1");
    expect(pair_list_without("0:1", "0:1"), "");
    expect(pair_list_without("10:1,0:11", "0:1"), "10:1,0:11");
    expect(pair_list_without("0:1", ""), "0:1");
}
END_TEST

START_TEST(what_was_added_can_be_told_and_taken_away_again)
{
    char *added = pair_list_without("0:1,0:2", "0:1,7:7");
    char *all = pair_list_with("0:1,7:7", added);

    ck_assert_str_eq(added, "0:2");
    expect(pair_list_without(all, added), "0:1,7:7");
    free(all);
    free(added);
}
END_TEST

START_TEST(all_is_more_than_any_pair)
{
    expect(pair_list_with("*", "0:1"), "*");
    expect(pair_list_with("0:1", "*"), "*");
    expect(pair_list_without("0:1", "*"), "");
    expect(pair_list_without("*", "0:1"), "*");
}
END_TEST

START_TEST(blanks_and_empty_pairs_of_a_person_are_read_over)
{
    expect(pair_list_with(" 0:1 , ,3:4,", "0:1"), "0:1,3:4");
    expect(pair_list_without(",0:1, 3:4", "3:4"), "0:1");
}
END_TEST

Suite *pair_list_suite(void)
{
    Suite *suite = suite_create("tools/pair_list");
    TCase *tests = tcase_create("pair_list");

    tcase_add_test(tests, what_is_added_stands_behind_what_was_there_and_once);
    tcase_add_test(tests, only_what_is_named_is_taken_away);
    tcase_add_test(tests, what_was_added_can_be_told_and_taken_away_again);
    tcase_add_test(tests, all_is_more_than_any_pair);
    tcase_add_test(tests, blanks_and_empty_pairs_of_a_person_are_read_over);
    suite_add_tcase(suite, tests);
    return suite;
}
