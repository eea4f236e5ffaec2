#include <pthread.h>
#include <string.h>

#include "common/metric.h"
#include "tests/common/memory.h"
#include "tests/common/suites.h"

START_TEST(rows_have_unique_names_and_a_text)
{
    for (int i = 0; i < METRIC_COUNT; i++) {
        ck_assert_uint_gt(strlen(metric_row(i)->text), 5);
        for (int j = 0; j < i; j++)
            ck_assert_str_ne(metric_row(i)->name, metric_row(j)->name);
    }
}
END_TEST

START_TEST(each_set_counts_for_itself)
{
    struct metrics *ours = metrics_new(), *theirs = metrics_new();

    metric_add(ours, METRIC_BYTES_IN, 10);
    metric_add(ours, METRIC_BYTES_IN, 5);
    metric_set(theirs, METRIC_CONNECTIONS, 3);
    metric_add(theirs, METRIC_CONNECTIONS, -1);

    ck_assert_int_eq(metric_value(ours, METRIC_BYTES_IN), 15);
    ck_assert_int_eq(metric_value(theirs, METRIC_BYTES_IN), 0);
    ck_assert_int_eq(metric_value(theirs, METRIC_CONNECTIONS), 2);
    metrics_free(ours);
    metrics_free(theirs);
}
END_TEST

START_TEST(quantile_is_the_bound_of_the_bucket_that_holds_it)
{
    struct metrics *metrics = metrics_new();
    ck_assert_int_eq(metric_quantile(metrics, METRIC_PRODUCE_US, 0.5), 0);

    for (int i = 0; i < 90; i++)
        metric_observe(metrics, METRIC_PRODUCE_US, 100);
    for (int i = 0; i < 10; i++)
        metric_observe(metrics, METRIC_PRODUCE_US, 5000);

    ck_assert_int_eq(metric_value(metrics, METRIC_PRODUCE_US), 100);
    ck_assert_int_eq(metric_quantile(metrics, METRIC_PRODUCE_US, 0), 103);
    ck_assert_int_eq(metric_quantile(metrics, METRIC_PRODUCE_US, 0.5), 103);
    ck_assert_int_eq(metric_quantile(metrics, METRIC_PRODUCE_US, 0.99), 5000);
    ck_assert_int_eq(metric_quantile(metrics, METRIC_PRODUCE_US, 1), 5000);
    ck_assert_int_eq(metric_max(metrics, METRIC_PRODUCE_US), 5000);
    metrics_free(metrics);
}
END_TEST

START_TEST(a_quantile_is_at_most_an_eighth_too_large)
{
    for (int64_t value = 1; value < INT64_C(1) << 61; value += value / 5 + 1) {
        struct metrics *metrics = metrics_new();
        metric_observe(metrics, METRIC_PRODUCE_US, value);
        metric_observe(metrics, METRIC_PRODUCE_US, INT64_MAX);

        int64_t told = metric_quantile(metrics, METRIC_PRODUCE_US, 0.5);

        ck_assert_int_ge(told, value);
        ck_assert_int_le(told, value + value / 8);
        metrics_free(metrics);
    }
}
END_TEST

START_TEST(extreme_values_have_a_bucket)
{
    struct metrics *metrics = metrics_new();

    metric_observe(metrics, METRIC_FETCH_US, INT64_MIN);
    metric_observe(metrics, METRIC_FETCH_US, 0);
    ck_assert_int_eq(metric_quantile(metrics, METRIC_FETCH_US, 1), 0);
    metric_observe(metrics, METRIC_FETCH_US, INT64_MAX);

    ck_assert_int_eq(metric_quantile(metrics, METRIC_FETCH_US, 1), INT64_MAX);
    metrics_free(metrics);
}
END_TEST

static void *add_many(void *metrics)
{
    for (int i = 0; i < 20000; i++) {
        metric_add(metrics, METRIC_RECORDS_IN, 1);
        metric_observe(metrics, METRIC_PRODUCE_US, i);
    }
    return NULL;
}

START_TEST(threads_lose_no_count)
{
    struct metrics *metrics = metrics_new();
    pthread_t threads[4];

    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, add_many, metrics);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);

    ck_assert_int_eq(metric_value(metrics, METRIC_RECORDS_IN), 80000);
    ck_assert_int_eq(metric_value(metrics, METRIC_PRODUCE_US), 80000);
    metrics_free(metrics);
}
END_TEST

START_TEST(set_without_memory_is_null)
{
    for (int granted = 0; granted < 3; granted++) {
        memory_fail_after(granted);
        struct metrics *metrics = metrics_new();
        memory_restore();
        ck_assert_ptr_null(metrics);
    }
    metrics_free(NULL);
}
END_TEST

Suite *metric_suite(void)
{
    Suite *suite = suite_create("common/metric");
    TCase *basics = tcase_create("basics");

    tcase_add_test(basics, rows_have_unique_names_and_a_text);
    tcase_add_test(basics, each_set_counts_for_itself);
    tcase_add_test(basics, quantile_is_the_bound_of_the_bucket_that_holds_it);
    tcase_add_test(basics, a_quantile_is_at_most_an_eighth_too_large);
    tcase_add_test(basics, extreme_values_have_a_bucket);
    tcase_add_test(basics, threads_lose_no_count);
    tcase_add_test(basics, set_without_memory_is_null);
    suite_add_tcase(suite, basics);
    return suite;
}
