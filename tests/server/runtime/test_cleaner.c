#include <check.h>
#include <stdlib.h>
#include <time.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/metric.h"
#include "common/options.h"
#include "server/config.h"
#include "server/runtime/throttle.h"
#include "server/runtime/topic_config.h"
#include "server/storage/log.h"
#include "tests/server/runtime/suites.h"

START_TEST(work_is_held_below_its_rate)
{
    struct clock_fake clock;
    struct throttle throttle = { .bytes_per_second = 1000000 };
    clock_fake_init(&clock, 5000000, 0);
    int64_t moved = 0, began = clock.us;

    for (int i = 0; i < 100; i++) {
        clock.us += 1000;                       /* the work itself */
        int64_t wait = throttle_note(&throttle, 50000, clock_mono_us(&clock.clock));
        ck_assert_int_ge(wait, 0);
        clock.us += wait;
        moved += 50000;
    }
    /* A megabyte a second, never more. */
    ck_assert_int_ge(clock.us - began, moved);
    ck_assert_int_le(clock.us - began, moved + 1000 * 101);
}
END_TEST

START_TEST(a_pause_is_no_credit_and_no_rate_is_no_wait)
{
    struct throttle throttle = { .bytes_per_second = 1000 }, none = { .bytes_per_second = 1.7e308 };
    ck_assert_int_eq(throttle_note(&throttle, 1000, 0), 1000000);
    ck_assert_int_eq(throttle_note(&throttle, 1000, 60000000), 1000000);
    ck_assert_int_eq(throttle_note(&none, INT64_MAX, 0), 0);
    throttle.bytes_per_second = 1e-9;           /* never for ever */
    ck_assert_int_le(throttle_note(&throttle, INT64_MAX, 0), INT64_C(7200) * 1000000);
}
END_TEST

static void resolve(const char *name, const char *value, struct topic_config *topic,
                    struct log_config *log)
{
    struct config config;
    struct topic_config defaults;
    struct k_reason reason;
    const struct metadata_config configs[] = { { "cleanup.policy", "compact" }, { name, value } };
    const struct metadata_topic known = { .name = "t", .config_count = 2, .configs = configs };
    ck_assert_int_eq(config_init(&config), 0);
    ck_assert_int_eq(topic_config_defaults(&config_table, &config, &defaults, &reason), 0);
    topic_config_resolve(&defaults, &known, topic);
    topic_config_for_log(topic, log);
    config_fini(&config);
}

START_TEST(what_must_be_compacted_soon_is_closed_soon)
{
    struct topic_config topic;
    struct log_config log;
    resolve("max.compaction.lag.ms", "5000", &topic, &log);
    ck_assert_int_eq(log.segment_ms, 5000);
    ck_assert(log.compacted);

    resolve("max.compaction.lag.ms", "9223372036854775807", &topic, &log);
    ck_assert_int_eq(log.segment_ms, 604800000);
}
END_TEST

START_TEST(compaction_has_the_defaults_of_kafka)
{
    struct topic_config topic;
    struct log_config log;
    resolve("delete.retention.ms", "nonsense", &topic, &log);
    ck_assert_int_eq(topic.delete_retention_ms, 86400000);
    ck_assert_int_eq(topic.min_compaction_lag_ms, 0);
    ck_assert_int_eq(topic.max_compaction_lag_ms, INT64_MAX);
    ck_assert_double_eq(topic.min_cleanable_ratio, 0.5);
    resolve("min.cleanable.dirty.ratio", "0.25", &topic, &log);
    ck_assert_double_eq(topic.min_cleanable_ratio, 0.25);
    resolve("min.cleanable.dirty.ratio", "1.5", &topic, &log);
    ck_assert_double_eq(topic.min_cleanable_ratio, 0.5);
}
END_TEST

Suite *cleaner_suite(void)
{
    Suite *suite = suite_create("server/runtime/cleaner");
    TCase *tests = tcase_create("cleaner");

    tcase_add_test(tests, work_is_held_below_its_rate);
    tcase_add_test(tests, a_pause_is_no_credit_and_no_rate_is_no_wait);
    tcase_add_test(tests, what_must_be_compacted_soon_is_closed_soon);
    tcase_add_test(tests, compaction_has_the_defaults_of_kafka);
    suite_add_tcase(suite, tests);
    return suite;
}
