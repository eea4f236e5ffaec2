#include <check.h>
#include <string.h>

#include "common/metric.h"
#include "tests/server/lib/plane.h"

Suite *metrics_suite(void);

static struct plane plane;

static void setup(void)
{
    plane_init(&plane, 2);
}

static void teardown(void)
{
    plane_fini(&plane);
}

static struct asked *ask(void)
{
    static Kairn__DescribeMetricsRequest body;
    static Kairn__RequestHead head;

    kairn__describe_metrics_request__init(&body);
    kairn__request_head__init(&head);
    head.body_case = KAIRN__REQUEST_HEAD__BODY_DESCRIBE_METRICS;
    head.describe_metrics = &body;
    return plane_ask(&plane, 0, &head, NULL, 0);
}

static const Kairn__Metric *find(const struct asked *asked, const char *name)
{
    const Kairn__DescribeMetricsResponse *body = asked->head->describe_metrics;

    for (size_t i = 0; i < body->n_metrics; i++)
        if (strcmp(body->metrics[i]->name, name) == 0)
            return body->metrics[i];
    ck_abort_msg("no metric is called %s", name);
    return NULL;
}

START_TEST(every_metric_is_told_with_what_it_counts)
{
    struct asked *asked = ask();
    const Kairn__DescribeMetricsResponse *body = asked->head->describe_metrics;

    ck_assert_int_eq(body->broker, PLANE_BROKER);
    ck_assert_int_gt(body->time_us, 0);
    ck_assert_uint_eq(body->n_metrics, METRIC_COUNT);
    for (enum metric_id id = 0; id < METRIC_COUNT; id++) {
        ck_assert_str_eq(body->metrics[id]->name, metric_row(id)->name);
        ck_assert_str_eq(body->metrics[id]->text, metric_row(id)->text);
    }
    ck_assert_int_eq(find(asked, "partitions")->kind, KAIRN__METRIC__KIND__GAUGE);
    ck_assert_int_eq(find(asked, "bytes_in_total")->kind, KAIRN__METRIC__KIND__COUNTER);
    ck_assert_int_eq(find(asked, "fetch_us")->kind, KAIRN__METRIC__KIND__HISTOGRAM);
    asked_free(asked);
}
END_TEST

START_TEST(counters_gauges_and_histograms_are_told)
{
    metric_add(plane.metrics, METRIC_BYTES_IN, 1000);
    metric_set(plane.metrics, METRIC_CONNECTIONS, 7);
    for (int i = 1; i <= 1000; i++)
        metric_observe(plane.metrics, METRIC_PRODUCE_US, i == 1000 ? 77777 : 10);

    struct asked *asked = ask();

    ck_assert_int_eq(find(asked, "bytes_in_total")->value, 1000);
    ck_assert_int_eq(find(asked, "connections")->value, 7);
    ck_assert_int_eq(find(asked, "connections")->max, 0);
    const Kairn__Metric *took = find(asked, "produce_us");
    ck_assert_int_eq(took->value, 1000);
    ck_assert_int_eq(took->p50, 10);
    ck_assert_int_eq(took->p99, 10);
    ck_assert_int_eq(took->p999, 10);
    ck_assert_int_eq(took->max, 77777);
    asked_free(asked);
}
END_TEST

START_TEST(loops_tell_how_long_their_turns_take)
{
    asked_free(ask());          /* takes a turn */

    struct asked *asked = ask();

    ck_assert_int_gt(find(asked, "loop_turn_us")->value, 0);
    ck_assert_int_ge(find(asked, "loop_turn_us")->max, find(asked, "loop_turn_us")->p50);
    asked_free(asked);
}
END_TEST

START_TEST(partitions_are_counted_when_somebody_asks)
{
    struct plane_topic topic = { .name = "orders", .id = uuid_random(), .partitions = 5,
                                 .leader = PLANE_BROKER, .leader_epoch = 4 };

    asked_free(ask());
    ck_assert_int_eq(metric_value(plane.metrics, METRIC_PARTITIONS), 0);
    plane_publish(&plane, &topic);

    struct asked *asked = ask();

    ck_assert_int_eq(find(asked, "partitions")->value, 5);
    ck_assert_int_eq(find(asked, "replicas")->value, 5);
    ck_assert_int_eq(find(asked, "under_replicated_partitions")->value, 0);
    ck_assert_int_eq(find(asked, "under_min_isr_partitions")->value, 0);
    ck_assert_int_eq(find(asked, "offline_replicas")->value, 0);
    ck_assert_int_eq(find(asked, "replica_lag_max_records")->value, 0);
    asked_free(asked);
}
END_TEST

Suite *metrics_suite(void)
{
    Suite *suite = suite_create("server/api/describe_metrics");
    TCase *tcase = tcase_create("metrics");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, every_metric_is_told_with_what_it_counts);
    tcase_add_test(tcase, counters_gauges_and_histograms_are_told);
    tcase_add_test(tcase, loops_tell_how_long_their_turns_take);
    tcase_add_test(tcase, partitions_are_counted_when_somebody_asks);
    suite_add_tcase(suite, tcase);
    return suite;
}
