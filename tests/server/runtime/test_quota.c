#include "server/runtime/quota.h"

#include "common/error.h"
#include "server/runtime/throttled.h"
#include "server/runtime/topic_config.h"
#include "tests/server/runtime/suites.h"

enum { SECOND = 1000000, RATE = 1000 };

static struct quota quota;

static void setup(void)
{
    quota_init(&quota, RATE);
}

START_TEST(a_quota_is_closed_until_what_was_copied_is_paid_for)
{
    ck_assert(quota_is_open(&quota, 0));
    quota_spend(&quota, 2 * RATE, 0);

    ck_assert(!quota_is_open(&quota, 2 * SECOND - 1));
    ck_assert(quota_is_open(&quota, 2 * SECOND));
}
END_TEST

START_TEST(over_time_no_more_is_copied_than_the_rate_allows)
{
    int64_t copied = 0;

    for (int64_t now = 0; now < 100 * SECOND; now += 7919) {
        if (!quota_is_open(&quota, now))
            continue;
        quota_spend(&quota, 300, now);
        copied += 300;
    }

    ck_assert_int_ge(copied, 95 * RATE);
    ck_assert_int_le(copied, 100 * RATE + 300);
}
END_TEST

START_TEST(time_that_passed_unused_is_not_saved_up)
{
    quota_spend(&quota, RATE, 1000 * SECOND);

    ck_assert(!quota_is_open(&quota, 1000 * SECOND + SECOND - 1));
}
END_TEST

START_TEST(two_that_found_it_open_are_both_paid_for)
{
    quota_spend(&quota, RATE, 0);
    quota_spend(&quota, RATE, 0);

    ck_assert(!quota_is_open(&quota, 2 * SECOND - 1));
}
END_TEST

START_TEST(without_a_limit_nothing_is_owed)
{
    quota_set(&quota, QUOTA_UNLIMITED);
    quota_spend(&quota, INT64_MAX, 5);

    ck_assert(quota_is_open(&quota, 5));
}
END_TEST

START_TEST(another_rate_forgets_what_is_owed_the_same_rate_does_not)
{
    quota_spend(&quota, 10 * RATE, 0);
    quota_set(&quota, RATE);
    ck_assert(!quota_is_open(&quota, SECOND));

    quota_set(&quota, 2 * RATE);

    ck_assert(quota_is_open(&quota, SECOND));
}
END_TEST

START_TEST(a_rate_of_nothing_lets_nothing_pass)
{
    quota_set(&quota, 0);

    ck_assert(!quota_is_open(&quota, INT64_MAX));
    ck_assert_int_eq(quota_wait_ms(&quota, 0), QUOTA_LOOK_MS);
    ck_assert_int_eq(quota_portion(&quota), 1);
}
END_TEST

START_TEST(who_waits_looks_again_when_it_opens_or_after_a_second)
{
    quota_spend(&quota, RATE / 10, 0);
    ck_assert_int_eq(quota_wait_ms(&quota, 0), 101);
    ck_assert_int_eq(quota_wait_ms(&quota, SECOND), 1);
    quota_spend(&quota, INT64_MAX, 0);                  /* more than there is time for */

    ck_assert_int_eq(quota_wait_ms(&quota, 0), QUOTA_LOOK_MS);
    ck_assert(quota_is_open(&quota, 3600 * (int64_t)SECOND));
}
END_TEST

/* --- who is throttled ------------------------------------------------------------------------- */

START_TEST(a_list_names_partitions_of_brokers)
{
    struct throttled throttled;
    ck_assert_int_eq(throttled_read("7:1,0:2,3:1,0:1", 1, &throttled), 0);

    ck_assert(throttled_has(&throttled, 0));
    ck_assert(throttled_has(&throttled, 3));
    ck_assert(throttled_has(&throttled, 7));
    ck_assert(!throttled_has(&throttled, 1));
    throttled_fini(&throttled);
    ck_assert(!throttled_has(&throttled, 0));
}
END_TEST

START_TEST(a_star_names_all_and_nothing_names_none)
{
    struct throttled throttled;

    ck_assert_int_eq(throttled_read("*", 1, &throttled), 0);
    ck_assert(throttled_has(&throttled, 12345));
    ck_assert_int_eq(throttled_read("", 1, &throttled), 0);
    ck_assert(!throttled_has(&throttled, 0));
}
END_TEST

START_TEST(what_is_no_list_throttles_nobody)
{
    static const char *const wrong[] = { ",", "1", "1:", ":1", "1:1,", ",1:1", "1:1;2:1", "*,1:1",
                                         "**", "-1:1", "1:x", " 1:1",
                                         "99999999999:1", "1:2147483648" };
    struct throttled throttled;

    ck_assert_int_eq(throttled_read(wrong[_i], 1, &throttled), K_INVALID_CONFIG);
    ck_assert(!throttled_has(&throttled, 1));
}
END_TEST

START_TEST(a_topic_is_configured_with_a_list_or_refused)
{
    static const char *const names[] = { "leader.replication.throttled.replicas",
                                         "follower.replication.throttled.replicas" };
    struct k_reason reason = { "" };

    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(options_check(&topic_config_table, names[i], "0:1,2:3", &reason), 0);
        ck_assert_int_eq(options_check(&topic_config_table, names[i], "*", &reason), 0);
        ck_assert_int_eq(options_check(&topic_config_table, names[i], "", &reason), 0);
        ck_assert_int_eq(options_check(&topic_config_table, names[i], "0:one", &reason),
                         K_INVALID_CONFIG);
    }
}
END_TEST

Suite *quota_suite(void)
{
    Suite *suite = suite_create("server/runtime/quota");
    TCase *quotas = tcase_create("quota"), *lists = tcase_create("throttled");

    tcase_add_checked_fixture(quotas, setup, NULL);
    tcase_add_test(quotas, a_quota_is_closed_until_what_was_copied_is_paid_for);
    tcase_add_test(quotas, over_time_no_more_is_copied_than_the_rate_allows);
    tcase_add_test(quotas, time_that_passed_unused_is_not_saved_up);
    tcase_add_test(quotas, two_that_found_it_open_are_both_paid_for);
    tcase_add_test(quotas, without_a_limit_nothing_is_owed);
    tcase_add_test(quotas, another_rate_forgets_what_is_owed_the_same_rate_does_not);
    tcase_add_test(quotas, a_rate_of_nothing_lets_nothing_pass);
    tcase_add_test(quotas, who_waits_looks_again_when_it_opens_or_after_a_second);
    suite_add_tcase(suite, quotas);
    tcase_add_test(lists, a_list_names_partitions_of_brokers);
    tcase_add_test(lists, a_star_names_all_and_nothing_names_none);
    tcase_add_loop_test(lists, what_is_no_list_throttles_nobody, 0, 14);
    tcase_add_test(lists, a_topic_is_configured_with_a_list_or_refused);
    suite_add_tcase(suite, lists);
    return suite;
}
