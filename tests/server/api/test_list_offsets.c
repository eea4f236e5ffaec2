#include <check.h>

#include "common/error.h"
#include "proto/head.h"
#include "tests/server/lib/plane.h"

static struct plane plane;
static struct plane_topic topic;

static void setup(void)
{
    uint8_t batch[4096];

    plane_init(&plane, 2);
    topic = (struct plane_topic){ .name = "orders", .id = uuid_random(), .partitions = 2,
                                  .leader = PLANE_BROKER, .leader_epoch = 4 };
    plane_publish(&plane, &topic);
    size_t size = plane_batch(batch, sizeof batch, 5, "value", false); /* timestamps 1000 to 1004 */
    asked_free(plane_produce(&plane, 0, &topic.id, 0, -1, batch, size));
}

static void teardown(void)
{
    plane_fini(&plane);
}

/* Ask both loops about partition 0; they must agree. */
static Kairn__ListOffsetsResult list(int64_t timestamp)
{
    Kairn__ListOffsetsResult results[2];

    for (int loop = 0; loop < 2; loop++)
        results[loop] = plane_list_offsets(&plane, loop, &topic.id, 0, timestamp, false);
    ck_assert_int_eq(results[0].offset, results[1].offset);
    ck_assert_int_eq(results[0].leader_epoch, 4);
    return results[0];
}

START_TEST(earliest_and_latest_are_the_ends)
{
    ck_assert_int_eq(list(-2).offset, 0);
    ck_assert_int_eq(list(-1).offset, 5);
}
END_TEST

START_TEST(a_timestamp_gives_the_first_record_at_or_after_it)
{
    Kairn__ListOffsetsResult found = list(1003);

    ck_assert_int_eq(found.offset, 3);
    ck_assert_int_eq(found.timestamp, 1003);
    ck_assert_int_eq(list(0).offset, 0);
}
END_TEST

START_TEST(after_the_last_record_there_is_none)
{
    ck_assert_int_eq(list(1005).offset, -1);
}
END_TEST

START_TEST(all_there_is_lies_on_the_brokers_own_disks)
{
    ck_assert_int_eq(list(-4).offset, list(-2).offset);
    ck_assert_int_eq(list(-4).timestamp, -1);
    ck_assert_ptr_null(list(-4).error);
}
END_TEST

START_TEST(the_newest_timestamp_is_found)
{
    Kairn__ListOffsetsResult found = list(-3);

    ck_assert_int_eq(found.offset, 4);
    ck_assert_int_eq(found.timestamp, 1004);
}
END_TEST

Suite *list_offsets_suite(void);

Suite *list_offsets_suite(void)
{
    Suite *suite = suite_create("server/api/list_offsets");
    TCase *tests = tcase_create("list_offsets");

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, earliest_and_latest_are_the_ends);
    tcase_add_test(tests, a_timestamp_gives_the_first_record_at_or_after_it);
    tcase_add_test(tests, after_the_last_record_there_is_none);
    tcase_add_test(tests, all_there_is_lies_on_the_brokers_own_disks);
    tcase_add_test(tests, the_newest_timestamp_is_found);
    suite_add_tcase(suite, tests);
    return suite;
}
