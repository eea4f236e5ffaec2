#include <check.h>

#include "server/codec/native/greet.h"

static int choose(uint16_t wanted, const int64_t *loads, int count)
{
    const struct greeting_client client = { .lowest = 1, .highest = 1, .loop = wanted };

    return greet_choose_loop(&client, loads, count);
}

START_TEST(a_client_gets_the_loop_it_asks_for)
{
    const int64_t loads[] = { 0, 100, 0 };

    ck_assert_int_eq(choose(1, loads, 3), 1);
}
END_TEST

START_TEST(without_a_wish_the_least_loaded_loop_is_chosen)
{
    const int64_t loads[] = { 3, 2, 2, 9 };

    ck_assert_int_eq(choose(GREETING_ANY_LOOP, loads, 4), 1);
}
END_TEST

START_TEST(a_wish_for_a_loop_that_does_not_exist_is_no_wish)
{
    const int64_t loads[] = { 5, 4 };

    ck_assert_int_eq(choose(2, loads, 2), 1);
}
END_TEST

START_TEST(the_highest_common_version_is_spoken)
{
    const struct greeting_client newer = { .lowest = 1, .highest = 7 };

    ck_assert_int_eq(greet_version(&newer), PROTOCOL_HIGHEST);
}
END_TEST

Suite *greet_suite(void);

Suite *greet_suite(void)
{
    Suite *suite = suite_create("server/codec/native/greet");
    TCase *tests = tcase_create("greet");

    tcase_add_test(tests, a_client_gets_the_loop_it_asks_for);
    tcase_add_test(tests, without_a_wish_the_least_loaded_loop_is_chosen);
    tcase_add_test(tests, a_wish_for_a_loop_that_does_not_exist_is_no_wish);
    tcase_add_test(tests, the_highest_common_version_is_spoken);
    suite_add_tcase(suite, tests);
    return suite;
}
