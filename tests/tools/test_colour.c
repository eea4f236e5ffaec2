#include "tests/tools/suites.h"
#include "tools/kairn/colour.h"

START_TEST(colours_are_for_terminals_that_know_them_and_people_who_want_them)
{
    ck_assert(colour_allowed(true, NULL, "xterm"));
    ck_assert(colour_allowed(true, "", "xterm"));
    ck_assert(!colour_allowed(false, NULL, "xterm"));
    ck_assert(!colour_allowed(true, "1", "xterm"));
    ck_assert(!colour_allowed(true, NULL, "dumb"));
    ck_assert(!colour_allowed(true, NULL, ""));
    ck_assert(!colour_allowed(true, NULL, NULL));
}
END_TEST

START_TEST(what_is_fine_has_no_colour)
{
    ck_assert_str_eq(colour_begin(COLOUR_NONE), "");
    ck_assert_str_eq(colour_end(COLOUR_NONE), "");
}
END_TEST

Suite *colour_suite(void)
{
    Suite *suite = suite_create("tools/colour");
    TCase *tests = tcase_create("colour");

    tcase_add_test(tests, colours_are_for_terminals_that_know_them_and_people_who_want_them);
    tcase_add_test(tests, what_is_fine_has_no_colour);
    suite_add_tcase(suite, tests);
    return suite;
}
