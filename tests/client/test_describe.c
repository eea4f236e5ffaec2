/* What brokers say of their logs, their followers and what they count. */
#include <string.h>

#include "tests/client/helpers.h"

static struct fake *fake;

static void setup(void)
{
    fake = fake_new(3);
    fake_add_topic(fake, "a", 3);
}

static void teardown(void)
{
    fake_free(fake);
}

/* --- logs ------------------------------------------------------------------------------------- */

static klient_logs_t *describe(klient_admin_t *admin, int32_t first, int32_t second)
{
    const klient_topic_partition_t partitions[] = { { "a", first }, { "a", second } };
    klient_logs_t *logs = NULL;

    ck_assert_int_eq(klient_admin_describe_logs(admin, partitions, 2, PATIENCE_MS, &logs, NULL),
                     KLIENT_OK);
    return logs;
}

START_TEST(a_log_is_described_with_its_followers)
{
    klient_admin_t *admin = admin_with(config_for(fake, NULL));
    klient_log_info_t info = { .size = sizeof info };
    klient_follower_info_t follower = { .size = sizeof follower };
    klient_logs_t *logs = describe(admin, 2, 0);

    ck_assert_int_eq(klient_logs_get(logs, 0, &info), KLIENT_OK);
    ck_assert_int_eq(info.code, KLIENT_OK);
    ck_assert_int_eq(info.partition, 2);
    ck_assert_str_eq(info.directory, "/fake");
    ck_assert_uint_eq(info.follower_count, 2);
    ck_assert_int_eq(klient_logs_follower(logs, 0, 0, &follower), KLIENT_OK);
    ck_assert_uint_eq(follower.size, sizeof follower);
    ck_assert_int_eq(follower.broker, 7);
    ck_assert_int_eq(follower.state, KLIENT_FOLLOWER_BEHIND);
    ck_assert_int_eq(follower.end, info.end - 2);
    ck_assert_int_eq(follower.lag, 2);
    ck_assert_int_eq(follower.behind_ms, 1500);
    ck_assert_int_eq(follower.silent_ms, 20);
    klient_logs_free(logs);
    klient_admin_close(admin);
}
END_TEST

START_TEST(a_state_that_is_not_known_yet_is_unknown)
{
    klient_admin_t *admin = admin_with(config_for(fake, NULL));
    klient_follower_info_t follower = { .size = sizeof follower };
    klient_logs_t *logs = describe(admin, 0, 1);

    ck_assert_int_eq(klient_logs_follower(logs, 1, 1, &follower), KLIENT_OK);
    ck_assert_int_eq(follower.broker, 8);
    ck_assert_int_eq(follower.end, -1);
    ck_assert_int_eq(follower.state, KLIENT_FOLLOWER_UNKNOWN);
    klient_logs_free(logs);
    klient_admin_close(admin);
}
END_TEST

START_TEST(there_is_no_follower_beyond_the_last_nor_of_what_is_not_there)
{
    klient_admin_t *admin = admin_with(config_for(fake, NULL));
    klient_follower_info_t follower = { .size = sizeof follower };
    klient_follower_info_t little = { .size = sizeof follower - 1 };
    klient_logs_t *logs = describe(admin, 0, 9);

    ck_assert_int_eq(klient_logs_follower(logs, 0, 2, &follower), KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_logs_follower(logs, 1, 0, &follower), KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_logs_follower(logs, 2, 0, &follower), KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_logs_follower(logs, 0, 0, &little), KLIENT_INVALID_ARGUMENT);
    klient_logs_free(logs);
    klient_admin_close(admin);
}
END_TEST

/* --- metrics ---------------------------------------------------------------------------------- */

START_TEST(a_broker_says_what_it_counts)
{
    static const klient_metric_kind_t kinds[] = { KLIENT_METRIC_COUNTER, KLIENT_METRIC_GAUGE,
                                                  KLIENT_METRIC_HISTOGRAM,
                                                  KLIENT_METRIC_GAUGE /* not known yet */ };
    static const int64_t values[] = { 12, -3, 100, 5 };
    klient_admin_t *admin = admin_with(config_for(fake, NULL));
    klient_metric_t metric = { .size = sizeof metric };
    klient_metrics_t *metrics = NULL;

    ck_assert_int_eq(klient_admin_describe_metrics(admin, 2, PATIENCE_MS, &metrics, NULL),
                     KLIENT_OK);

    ck_assert_int_eq(klient_metrics_time_us(metrics), 1000000);
    ck_assert_uint_eq(klient_metrics_count(metrics), 4);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(klient_metrics_get(metrics, i, &metric), KLIENT_OK);
        ck_assert_int_eq(metric.kind, kinds[i]);
        ck_assert_int_eq(metric.value, values[i]);
        ck_assert_int_eq(metric.max, i == 2 ? 99 : 0);
        ck_assert_str_eq(metric.text, "what a fake counts");
    }
    ck_assert_str_eq(metric.name, "later");
    ck_assert_int_eq(klient_metrics_get(metrics, 4, &metric), KLIENT_INVALID_ARGUMENT);
    klient_metrics_free(metrics);
    klient_admin_close(admin);
}
END_TEST

START_TEST(a_broker_that_is_not_there_counts_nothing)
{
    klient_admin_t *admin = admin_with(config_for(fake, NULL));
    klient_metrics_t *metrics = NULL;

    ck_assert_int_eq(klient_admin_describe_metrics(admin, 9, 500, &metrics, NULL),
                     KLIENT_BROKER_NOT_AVAILABLE);
    ck_assert_int_eq(klient_admin_describe_metrics(admin, -1, 500, &metrics, NULL),
                     KLIENT_INVALID_ARGUMENT);
    ck_assert_ptr_null(metrics);
    klient_admin_close(admin);
}
END_TEST

START_TEST(a_broker_that_counts_for_nobody_yet_is_too_old)
{
    struct fake_faults *faults = fake_faults(fake);
    klient_admin_t *admin = admin_with(config_for(fake, NULL));
    klient_metrics_t *metrics = NULL;
    atomic_store(&faults->version_lowest, 1);
    atomic_store(&faults->version_highest, 0);
    atomic_store(&faults->version_body, 28);

    ck_assert_int_eq(klient_admin_describe_metrics(admin, 1, PATIENCE_MS, &metrics, NULL),
                     KLIENT_UNSUPPORTED_VERSION);
    ck_assert_ptr_null(metrics);
    klient_admin_close(admin);
}
END_TEST

START_TEST(nonsense_instead_of_an_answer_is_no_crash)
{
    static const int spoilt[] = { HOSTILE_EMPTY_BODY, HOSTILE_OTHER_BODY, HOSTILE_GARBAGE_HEAD };
    klient_admin_t *admin = admin_with(config_for(fake, NULL));
    klient_metrics_t *metrics = NULL;
    atomic_store(&fake_faults(fake)->hostile, spoilt[_i]);

    ck_assert_int_ne(klient_admin_describe_metrics(admin, 1, 500, &metrics, NULL), KLIENT_OK);
    ck_assert_ptr_null(metrics);
    klient_admin_close(admin);
}
END_TEST

Suite *describe_suite(void)
{
    Suite *suite = suite_create("client/describe");
    TCase *tcase = tcase_create("describe");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_log_is_described_with_its_followers);
    tcase_add_test(tcase, a_state_that_is_not_known_yet_is_unknown);
    tcase_add_test(tcase, there_is_no_follower_beyond_the_last_nor_of_what_is_not_there);
    tcase_add_test(tcase, a_broker_says_what_it_counts);
    tcase_add_test(tcase, a_broker_that_is_not_there_counts_nothing);
    tcase_add_test(tcase, a_broker_that_counts_for_nobody_yet_is_too_old);
    tcase_add_loop_test(tcase, nonsense_instead_of_an_answer_is_no_crash, 0, 3);
    suite_add_tcase(suite, tcase);
    return suite;
}
