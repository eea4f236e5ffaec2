#include <check.h>

#include "common/error.h"
#include "proto/head.h"
#include "tests/server/lib/plane.h"

static struct plane plane;
static struct plane_topic topic;

/* Ten records in partition 0, five in each of two batches. */
static void setup(void)
{
    uint8_t batch[4096];

    plane_init(&plane, 2);
    topic = (struct plane_topic){ .name = "orders", .id = uuid_random(), .partitions = 2,
                                  .leader = PLANE_BROKER, .leader_epoch = 4 };
    plane_publish(&plane, &topic);
    for (int i = 0; i < 2; i++) {
        size_t size = plane_batch(batch, sizeof batch, 5, "value", false);
        asked_free(plane_produce(&plane, 0, &topic.id, 0, -1, batch, size));
    }
}

static void teardown(void)
{
    plane_fini(&plane);
}

/* Returns the answer's error code; *start receives the log start it tells. */
static int trim_on(int loop, const struct uuid *id, uint32_t partition, int64_t offset,
                   int64_t *start)
{
    Kairn__DeleteRecordsPartition entry = KAIRN__DELETE_RECORDS_PARTITION__INIT;
    Kairn__DeleteRecordsPartition *entries[] = { &entry };
    Kairn__DeleteRecordsRequest body = KAIRN__DELETE_RECORDS_REQUEST__INIT;
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_DELETE_RECORDS;
    head.delete_records = &body;
    body.n_partitions = 1;
    body.partitions = entries;
    entry.topic_id = head_bytes_of_uuid(id);
    entry.partition = partition;
    entry.offset = offset;

    struct asked *asked = plane_ask(&plane, loop, &head, NULL, 0);
    const Kairn__DeleteRecordsResult *result = asked->head->delete_records->results[0];
    int code = result->error == NULL ? 0 : result->error->code;
    *start = result->log_start;
    asked_free(asked);
    return code;
}

static int trim(int64_t offset, int64_t *start)
{
    return trim_on(0, &topic.id, 0, offset, start);
}

static int fetch_code(int64_t offset)
{
    struct asked *asked = plane_fetch_start(&plane, 0, &topic.id, 0, offset, 0);
    asked_wait(asked);
    const Kairn__FetchResult *result = asked->head->fetch->results[0];
    int code = result->error == NULL ? 0 : result->error->code;
    asked_free(asked);
    return code;
}

START_TEST(records_before_the_offset_can_not_be_read_any_more)
{
    int64_t start;

    for (int loop = 0; loop < 2; loop++) {          /* the owner and a stranger */
        ck_assert_int_eq(trim_on(loop, &topic.id, 0, 3 + loop, &start), 0);
        ck_assert_int_eq(start, 3 + loop);
    }
    ck_assert_int_eq(plane_earliest(&plane, &topic.id, 0), 4);
    ck_assert_int_eq(fetch_code(3), K_OFFSET_OUT_OF_RANGE);
    ck_assert_int_eq(fetch_code(4), 0);
}
END_TEST

START_TEST(the_start_is_never_lowered)
{
    int64_t start;

    ck_assert_int_eq(trim(7, &start), 0);
    ck_assert_int_eq(trim(3, &start), 0);
    ck_assert_int_eq(start, 7);
}
END_TEST

START_TEST(minus_one_means_everything_below_the_high_watermark)
{
    int64_t start;

    ck_assert_int_eq(trim(-1, &start), 0);
    ck_assert_int_eq(start, 10);
    ck_assert_int_eq(fetch_code(9), K_OFFSET_OUT_OF_RANGE);
}
END_TEST

START_TEST(offsets_that_are_not_there_yet_are_refused)
{
    int64_t start;

    ck_assert_int_eq(trim(11, &start), K_OFFSET_OUT_OF_RANGE);
    ck_assert_int_eq(start, -1);
    ck_assert_int_eq(trim(INT64_MAX, &start), K_OFFSET_OUT_OF_RANGE);
    ck_assert_int_eq(trim(-2, &start), K_OFFSET_OUT_OF_RANGE);
    ck_assert_int_eq(trim(INT64_MIN, &start), K_OFFSET_OUT_OF_RANGE);
    ck_assert_int_eq(plane_earliest(&plane, &topic.id, 0), 0);
}
END_TEST

START_TEST(a_partition_that_is_not_there_has_no_records_to_delete)
{
    int64_t start;
    struct uuid other = uuid_random();

    ck_assert_int_eq(trim_on(0, &other, 0, 0, &start), K_UNKNOWN_TOPIC_ID);
    ck_assert_int_eq(trim_on(0, &topic.id, 9, 0, &start), K_UNKNOWN_TOPIC_OR_PARTITION);
    ck_assert_int_eq(trim_on(0, &topic.id, 4000000000u, 0, &start), K_UNKNOWN_TOPIC_OR_PARTITION);
}
END_TEST

START_TEST(a_topic_that_is_only_compacted_keeps_its_records)
{
    int64_t start;
    topic.config_name = "cleanup.policy";
    topic.config_value = "compact";
    plane_publish(&plane, &topic);
    ck_assert_int_eq(trim(5, &start), K_POLICY_VIOLATION);

    topic.config_value = "compact,delete";
    plane_publish(&plane, &topic);
    ck_assert_int_eq(trim(5, &start), 0);
    ck_assert_int_eq(start, 5);
}
END_TEST

START_TEST(the_start_survives_a_restart)
{
    int64_t start;
    ck_assert_int_eq(trim(6, &start), 0);

    plane_restart(&plane);
    plane_publish(&plane, &topic);

    ck_assert_int_eq(plane_earliest(&plane, &topic.id, 0), 6);
    ck_assert_int_eq(fetch_code(5), K_OFFSET_OUT_OF_RANGE);
}
END_TEST

/* The files are renamed in the background: not those of a successor of the same name. */
START_TEST(a_topic_may_be_deleted_right_after_its_records)
{
    uint8_t batch[4096];
    int64_t start;
    for (int round = 0; round < 20; round++) {
        ck_assert_int_eq(trim(-1, &start), 0);
        plane_publish_deletion(&plane, &topic.id);
        topic.id = uuid_random();
        plane_publish(&plane, &topic);
        size_t size = plane_batch(batch, sizeof batch, 5, "value", false);
        asked_free(plane_produce(&plane, 0, &topic.id, 0, -1, batch, size));
        ck_assert_int_eq(fetch_code(0), 0);
    }
}
END_TEST

Suite *delete_records_suite(void);

Suite *delete_records_suite(void)
{
    Suite *suite = suite_create("server/api/delete_records");
    TCase *tests = tcase_create("delete_records");

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, records_before_the_offset_can_not_be_read_any_more);
    tcase_add_test(tests, the_start_is_never_lowered);
    tcase_add_test(tests, minus_one_means_everything_below_the_high_watermark);
    tcase_add_test(tests, offsets_that_are_not_there_yet_are_refused);
    tcase_add_test(tests, a_partition_that_is_not_there_has_no_records_to_delete);
    tcase_add_test(tests, a_topic_that_is_only_compacted_keeps_its_records);
    tcase_add_test(tests, the_start_survives_a_restart);
    tcase_add_test(tests, a_topic_may_be_deleted_right_after_its_records);
    suite_add_tcase(suite, tests);
    return suite;
}
