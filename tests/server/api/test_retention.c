/* The rounds of runtime/retain.c over real loops; the rules are tested in
 * tests/server/storage/test_retain.c. Records are of the year 1970. */
#include <check.h>
#include <glob.h>
#include <stdio.h>
#include <time.h>

#include "common/error.h"
#include "common/metric.h"
#include "proto/head.h"
#include "tests/server/lib/plane.h"

enum { CHECK_MS = 20, PARTITIONS = 250 };

static struct plane plane;
static struct plane_topic topic;

static void setup(void)
{
    plane_init_retaining(&plane, 2, CHECK_MS);
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

static void produce_to(int32_t partition)
{
    uint8_t batch[4096];
    size_t size = plane_batch(batch, sizeof batch, 5, "value", false);
    asked_free(plane_produce(&plane, 0, &topic.id, partition, -1, batch, size));
}

static int64_t earliest(int32_t partition)
{
    Kairn__ListOffsetsPartition entry = KAIRN__LIST_OFFSETS_PARTITION__INIT;
    Kairn__ListOffsetsPartition *entries[] = { &entry };
    Kairn__ListOffsetsRequest body = KAIRN__LIST_OFFSETS_REQUEST__INIT;
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_LIST_OFFSETS;
    head.list_offsets = &body;
    body.n_partitions = 1;
    body.partitions = entries;
    entry.topic_id = head_bytes_of_uuid(&topic.id);
    entry.partition = (uint32_t)partition;
    entry.timestamp = -2;
    entry.leader_epoch = -1;

    struct asked *asked = plane_ask(&plane, 0, &head, NULL, 0);
    int64_t offset = asked->head->list_offsets->results[0]->offset;
    asked_free(asked);
    return offset;
}

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000 }, NULL);
}

static void wait_for_start(int32_t partition, int64_t start)
{
    for (int waited = 0; earliest(partition) != start; waited += 5) {
        ck_assert_int_lt(waited, PLANE_WAIT_MS);
        pause_ms(5);
    }
}

static size_t count_files(const char *pattern)
{
    char full[160];
    glob_t found;
    snprintf(full, sizeof full, "%s/%s", plane.path, pattern);
    size_t count = glob(full, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
    globfree(&found);
    return count;
}

static void wait_for_files(const char *pattern, size_t count)
{
    for (int waited = 0; count_files(pattern) != count; waited += 5) {
        ck_assert_int_lt(waited, PLANE_WAIT_MS);
        pause_ms(5);
    }
}

START_TEST(a_changed_configuration_counts_from_the_next_look_on)
{
    publish_retention("-1");
    produce_to(0);
    pause_ms(3 * CHECK_MS);
    ck_assert_int_eq(earliest(0), 0);

    publish_retention("1000");

    wait_for_start(0, 5);
    wait_for_files("orders-0/*00000.log*", 0);
    wait_for_files("orders-0/*.log", 1);
    ck_assert_int_eq(metric_value(plane.metrics, METRIC_SEGMENTS_DELETED), 1);
    ck_assert_int_gt(metric_value(plane.metrics, METRIC_BYTES_DELETED), 60);
    produce_to(0);
    wait_for_start(0, 10);
}
END_TEST

START_TEST(a_partition_that_rests_is_woken_for_it)
{
    publish_retention("-1");
    produce_to(0);
    plane_restart(&plane);

    publish_retention("1000");              /* nobody asks for it any more */

    wait_for_files("orders-0/*00000.log", 0);
    ck_assert_int_eq(earliest(0), 5);
}
END_TEST

START_TEST(files_wait_for_their_delay)
{
    topic.config2_value = "3600000";
    publish_retention("1000");
    produce_to(0);

    wait_for_start(0, 5);
    wait_for_files("orders-0/*00000.log.deleted", 1);
    pause_ms(3 * CHECK_MS);
    ck_assert_uint_eq(count_files("orders-0/*00000.log.deleted"), 1);
    plane_restart(&plane);
    plane_publish(&plane, &topic);
    ck_assert_int_eq(earliest(0), 5);
    ck_assert_uint_eq(count_files("orders-0/*.deleted"), 0);
}
END_TEST

START_TEST(every_partition_has_its_turn)
{
    topic.partitions = PARTITIONS;
    publish_retention("1000");
    for (int32_t i = 0; i < PARTITIONS; i++)
        produce_to(i);
    for (int32_t i = 0; i < PARTITIONS; i++)
        wait_for_start(i, 5);
}
END_TEST

START_TEST(a_stop_in_the_middle_loses_nothing_and_brings_nothing_back)
{
    topic.partitions = 20;
    publish_retention("1000");
    int64_t starts[20] = { 0 };
    for (int round = 0; round < 4; round++) {
        for (int32_t i = 0; i < 20; i++)
            produce_to(i);
        for (int32_t i = 0; i < 20; i++)
            starts[i] = earliest(i);
        plane_restart(&plane);
        plane_publish(&plane, &topic);
        for (int32_t i = 0; i < 20; i++)
            ck_assert_int_ge(earliest(i), starts[i]);
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
            produce_to(i);
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
