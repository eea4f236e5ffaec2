/* The rounds of runtime/retain.c over real loops; the rules are tested in
 * tests/server/storage/test_retain.c. Records are of the year 1970. */
#include <check.h>
#include <stdio.h>

#include "common/error.h"
#include "common/metric.h"
#include "proto/head.h"
#include "tests/lib/wait.h"
#include "tests/server/lib/plane.h"

enum { LOOPS = 2, PARTITIONS = 250 };

static struct plane plane;
static struct plane_topic topic;

static void setup(void)
{
    plane_init(&plane, LOOPS);
    plane_configure(&plane, "log.retention.check.interval.ms=20");
    plane_restart(&plane);
    topic = (struct plane_topic){ .name = "orders", .id = uuid_random(), .partitions = 1,
                                  .leader = PLANE_BROKER, .leader_epoch = 4,
                                  .config_name = "retention.ms", .config_value = "-1",
                                  .config2_name = "file.delete.delay.ms", .config2_value = "0" };
}

static void teardown(void)
{
    plane_fini(&plane);
}

static void publish_retention(const char *ms)
{
    topic.config_value = ms;
    plane_publish(&plane, &topic);
}

static void produce_to(const struct plane_topic *to, int32_t partition)
{
    uint8_t batch[4096];
    size_t size = plane_batch(batch, sizeof batch, 5, "value", false);
    asked_free(plane_produce(&plane, 0, &to->id, partition, -1, batch, size));
}

/* Wait until orders-0 has been looked at once more: two looks in a row find something in a
 * neighbour on its loop, so the first came to its end. What was due by then has been done. */
static void wait_for_a_look(void)
{
    struct plane_topic other = topic;
    char files[64];

    other.name = "neighbour";
    other.id = uuid_random();
    other.partitions = LOOPS;
    other.config_value = "1000";
    other.config2_value = "0";
    int32_t neighbour = 0;
    while (plane_owner(&plane, &other.id, neighbour) != plane_owner(&plane, &topic.id, 0))
        ck_assert_int_lt(++neighbour, LOOPS);
    plane_publish(&plane, &other);
    for (int look = 1; look <= 2; look++) {
        produce_to(&other, neighbour);
        WAIT_UNTIL(plane_earliest(&plane, &other.id, neighbour) == 5 * look);
    }
    snprintf(files, sizeof files, "neighbour-%d/*.log*", neighbour);
    WAIT_UNTIL(plane_count_files(&plane, files) == 1);
}

START_TEST(a_changed_configuration_counts_from_the_next_look_on)
{
    publish_retention("-1");
    produce_to(&topic, 0);
    wait_for_a_look();
    ck_assert_int_eq(plane_earliest(&plane, &topic.id, 0), 0);
    int64_t segments = metric_value(plane.metrics, METRIC_SEGMENTS_DELETED);
    int64_t bytes = metric_value(plane.metrics, METRIC_BYTES_DELETED);

    publish_retention("1000");

    WAIT_UNTIL(plane_earliest(&plane, &topic.id, 0) == 5);
    WAIT_UNTIL(plane_count_files(&plane, "orders-0/*00000.log*") == 0);
    WAIT_UNTIL(plane_count_files(&plane, "orders-0/*.log") == 1);
    ck_assert_int_eq(metric_value(plane.metrics, METRIC_SEGMENTS_DELETED) - segments, 1);
    ck_assert_int_gt(metric_value(plane.metrics, METRIC_BYTES_DELETED) - bytes, 60);
    produce_to(&topic, 0);
    WAIT_UNTIL(plane_earliest(&plane, &topic.id, 0) == 10);
}
END_TEST

START_TEST(a_partition_that_rests_is_woken_for_it)
{
    publish_retention("-1");
    produce_to(&topic, 0);
    plane_restart(&plane);

    publish_retention("1000");              /* nobody asks for it any more */

    WAIT_UNTIL(plane_count_files(&plane, "orders-0/*00000.log") == 0);
    ck_assert_int_eq(plane_earliest(&plane, &topic.id, 0), 5);
}
END_TEST

START_TEST(files_wait_for_their_delay)
{
    topic.config2_value = "3600000";
    publish_retention("1000");
    produce_to(&topic, 0);

    WAIT_UNTIL(plane_earliest(&plane, &topic.id, 0) == 5);
    WAIT_UNTIL(plane_count_files(&plane, "orders-0/*00000.log.deleted") == 1);
    wait_for_a_look();
    ck_assert_uint_eq(plane_count_files(&plane, "orders-0/*00000.log.deleted"), 1);
    plane_restart(&plane);
    plane_publish(&plane, &topic);
    ck_assert_int_eq(plane_earliest(&plane, &topic.id, 0), 5);
    ck_assert_uint_eq(plane_count_files(&plane, "orders-0/*.deleted"), 0);
}
END_TEST

START_TEST(every_partition_has_its_turn)
{
    topic.partitions = PARTITIONS;
    publish_retention("1000");
    for (int32_t i = 0; i < PARTITIONS; i++)
        produce_to(&topic, i);
    for (int32_t i = 0; i < PARTITIONS; i++)
        WAIT_UNTIL(plane_earliest(&plane, &topic.id, i) == 5);
}
END_TEST

START_TEST(a_stop_in_the_middle_loses_nothing_and_brings_nothing_back)
{
    topic.partitions = 20;
    publish_retention("1000");
    int64_t starts[20] = { 0 };
    for (int round = 0; round < 4; round++) {
        for (int32_t i = 0; i < 20; i++)
            produce_to(&topic, i);
        for (int32_t i = 0; i < 20; i++)
            starts[i] = plane_earliest(&plane, &topic.id, i);
        plane_restart(&plane);
        plane_publish(&plane, &topic);
        for (int32_t i = 0; i < 20; i++)
            ck_assert_int_ge(plane_earliest(&plane, &topic.id, i), starts[i]);
    }
}
END_TEST

START_TEST(topics_may_be_deleted_while_they_are_looked_at)
{
    topic.partitions = 20;
    for (int round = 0; round < 5; round++) {
        topic.id = uuid_random();
        publish_retention("1000");
        for (int32_t i = 0; i < 20; i++)
            produce_to(&topic, i);
        plane_publish_deletion(&plane, &topic.id);
    }
}
END_TEST

Suite *retention_suite(void);

Suite *retention_suite(void)
{
    Suite *suite = suite_create("server/api/retention");
    TCase *tests = tcase_create("retention");

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_changed_configuration_counts_from_the_next_look_on);
    tcase_add_test(tests, a_partition_that_rests_is_woken_for_it);
    tcase_add_test(tests, files_wait_for_their_delay);
    tcase_add_test(tests, every_partition_has_its_turn);
    tcase_add_test(tests, a_stop_in_the_middle_loses_nothing_and_brings_nothing_back);
    tcase_add_test(tests, topics_may_be_deleted_while_they_are_looked_at);
    suite_add_tcase(suite, tests);
    return suite;
}
