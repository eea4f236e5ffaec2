/* Where partitions begin and end, and reading from a point in time. */
#include <pthread.h>
#include <string.h>

#include "proto/head.h"
#include "tests/client/helpers.h"

static struct fake *fake;
static klient_consumer_t *consumer;

static void setup(void)
{
    fake = fake_new(1);
    fake_add_topic(fake, "t", 2);
    consumer = consumer_with(config_for(fake, "auto.offset.reset", "earliest", NULL));
}

static void teardown(void)
{
    klient_consumer_close(consumer, PATIENCE_MS, NULL);
    fake_free(fake);
}

/* --- watermarks ------------------------------------------------------------------------------- */

START_TEST(watermarks_are_what_the_last_fetch_told)
{
    int64_t low = -7, high = -7;

    fill(fake, "t", 0, 10);
    fake_trim(fake, "t", 0, 4);
    ck_assert_int_eq(klient_consumer_watermarks(consumer, "t", 0, 0, &low, &high, NULL),
                     KLIENT_NOT_ASSIGNED);
    assign_one(consumer, "t", 0);
    ck_assert_int_eq(klient_consumer_watermarks(consumer, "t", 0, PATIENCE_MS, &low, &high, NULL),
                     KLIENT_OK);
    ck_assert_int_eq(low, 4);
    ck_assert_int_eq(high, 10);

    /* Nobody is asked for them. */
    int questions = fake_requests(fake, KAIRN__REQUEST_HEAD__BODY_LIST_OFFSETS);
    ck_assert_int_eq(klient_consumer_watermarks(consumer, "t", 0, 0, NULL, &high, NULL), KLIENT_OK);
    ck_assert_int_eq(fake_requests(fake, KAIRN__REQUEST_HEAD__BODY_LIST_OFFSETS), questions);
}
END_TEST

START_TEST(watermarks_that_no_fetch_has_told_yet_are_waited_for)
{
    int64_t low = -7, high = -7;

    atomic_store(&fake_faults(fake)->mute, 1);
    assign_one(consumer, "t", 0);
    ck_assert_int_eq(klient_consumer_watermarks(consumer, "t", 0, 30, &low, &high, NULL),
                     KLIENT_REQUEST_TIMED_OUT);
    klient_consumer_wakeup(consumer);
    ck_assert_int_eq(klient_consumer_watermarks(consumer, "t", 0, PATIENCE_MS, &low, &high, NULL),
                     KLIENT_WOKEN_UP);
    ck_assert_int_eq(low, -7);
}
END_TEST

/* The application waits for them and does not poll meanwhile. */
START_TEST(watermarks_are_told_though_reading_was_to_begin_where_there_is_nothing)
{
    int64_t low = -7, high = -7;

    fill(fake, "t", 0, 10);
    fake_trim(fake, "t", 0, 4);
    assign_one(consumer, "t", 0);
    ck_assert_int_eq(klient_consumer_seek(consumer, "t", 0, 1000, NULL), KLIENT_OK);
    ck_assert_int_eq(klient_consumer_watermarks(consumer, "t", 0, PATIENCE_MS, &low, &high, NULL),
                     KLIENT_OK);
    ck_assert_int_eq(low, 4);
    ck_assert_int_eq(high, 10);
}
END_TEST

START_TEST(watermarks_are_told_though_there_is_no_policy_where_to_go_on)
{
    klient_consumer_t *careful =
        consumer_with(config_for(fake, "auto.offset.reset", "none", NULL));
    int64_t low = -7, high = -7;

    fill(fake, "t", 0, 10);
    assign_one(careful, "t", 0);
    ck_assert_int_eq(klient_consumer_seek(careful, "t", 0, 1000, NULL), KLIENT_OK);
    ck_assert_int_eq(klient_consumer_watermarks(careful, "t", 0, PATIENCE_MS, &low, &high, NULL),
                     KLIENT_OK);
    ck_assert_int_eq(low, 0);
    ck_assert_int_eq(high, 10);
    klient_consumer_close(careful, PATIENCE_MS, NULL);
}
END_TEST

START_TEST(watermarks_are_told_though_what_was_committed_is_gone)
{
    klient_consumer_t *member = consumer_with(config_for(fake, "group.id", "g", NULL));
    int64_t low = -7, high = -7;

    fill(fake, "t", 0, 10);
    fake_commit_in_epoch(fake, "g", "t", 0, 8, 0);
    fake_lose(fake, "t", 0, 0);
    assign_one(member, "t", 0);
    ck_assert_int_eq(klient_consumer_watermarks(member, "t", 0, PATIENCE_MS, &low, &high, NULL),
                     KLIENT_OK);
    ck_assert_int_eq(low, 0);
    ck_assert_int_eq(high, 0);
    klient_consumer_close(member, PATIENCE_MS, NULL);
}
END_TEST

START_TEST(watermarks_can_be_asked_for_without_an_assignment)
{
    int64_t low = -7, high = -7;

    fill(fake, "t", 1, 10);
    fake_trim(fake, "t", 1, 3);
    ck_assert_int_eq(klient_consumer_query_watermarks(consumer, "t", 1, PATIENCE_MS, &low, &high,
                                                      NULL), KLIENT_OK);
    ck_assert_int_eq(low, 3);
    ck_assert_int_eq(high, 10);
    ck_assert_int_eq(klient_consumer_query_watermarks(consumer, "t", 2, PATIENCE_MS, &low, &high,
                                                      NULL), KLIENT_UNKNOWN_TOPIC_OR_PARTITION);
    ck_assert_int_eq(klient_consumer_query_watermarks(consumer, NULL, 0, PATIENCE_MS, &low, &high,
                                                      NULL), KLIENT_INVALID_ARGUMENT);
}
END_TEST

/* --- time ------------------------------------------------------------------------------------- */

/* Records "0", "1", ... a second apart, each in a batch of its own. */
static void fill_by_the_second(int count)
{
    klient_producer_t *producer = producer_with(config_for(fake, NULL));

    for (int i = 0; i < count; i++) {
        char value[2] = { (char)('0' + i), '\0' };
        klient_record_t record;
        klient_record_init(&record);
        record.topic = "t";
        record.partition = 0;
        record.value = value;
        record.value_size = 1;
        record.timestamp = 1000 * (int64_t)(i + 1);
        ck_assert_int_eq(klient_producer_send(producer, &record, NULL), KLIENT_OK);
        ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    }
    klient_producer_close(producer, PATIENCE_MS, NULL);
}

START_TEST(a_time_can_be_sought)
{
    int64_t position;

    fill_by_the_second(8);
    assign_one(consumer, "t", 0);
    ck_assert_int_eq(klient_consumer_seek_to_time(consumer, "t", 0, 4500, PATIENCE_MS, NULL),
                     KLIENT_OK);
    expect_numbers(consumer, 4, 4);
    ck_assert_int_eq(klient_consumer_seek_to_time(consumer, "t", 0, 3000, PATIENCE_MS, NULL),
                     KLIENT_OK);
    expect_numbers(consumer, 2, 6);

    /* After everything: at the end. */
    ck_assert_int_eq(klient_consumer_seek_to_time(consumer, "t", 0, 9000, PATIENCE_MS, NULL),
                     KLIENT_OK);
    ck_assert_int_eq(klient_consumer_position(consumer, "t", 0, PATIENCE_MS, &position, NULL),
                     KLIENT_OK);
    ck_assert_int_eq(position, 8);
}
END_TEST

START_TEST(a_time_that_can_not_be_found_moves_nothing)
{
    int64_t position;

    fill_by_the_second(3);
    ck_assert_int_eq(klient_consumer_seek_to_time(consumer, "t", 0, 1, PATIENCE_MS, NULL),
                     KLIENT_NOT_ASSIGNED);
    assign_one(consumer, "t", 0);
    ck_assert_int_eq(klient_consumer_seek_to_time(consumer, "t", 0, -1, PATIENCE_MS, NULL),
                     KLIENT_INVALID_ARGUMENT);
    expect_numbers(consumer, 0, 3);
    atomic_store(&fake_faults(fake)->mute, 1);
    ck_assert_int_eq(klient_consumer_seek_to_time(consumer, "t", 0, 1, 30, NULL),
                     KLIENT_REQUEST_TIMED_OUT);
    ck_assert_int_eq(klient_consumer_position(consumer, "t", 0, 0, &position, NULL), KLIENT_OK);
    ck_assert_int_eq(position, 3);
}
END_TEST

/* --- the end ---------------------------------------------------------------------------------- */

/* Poll until the end of partition 0 is told; how many records came before it? */
static int read_to_the_end(klient_consumer_t *reader)
{
    for (int count = 0;;) {
        klient_records_t *records = NULL;
        klient_error_t *error = NULL;
        klient_code_t code = klient_consumer_poll(reader, PATIENCE_MS, &records, &error);
        if (code == KLIENT_OK) {
            ck_assert_ptr_nonnull(records);
            count += (int)klient_records_count(records);
            klient_records_free(records);
            continue;
        }
        ck_assert_int_eq(code, KLIENT_END_OF_PARTITION);
        ck_assert_str_eq(klient_error_topic(error), "t");
        ck_assert_int_eq(klient_error_partition(error), 0);
        klient_error_free(error);
        return count;
    }
}

START_TEST(the_end_is_told_once_each_time_where_that_was_asked_for)
{
    klient_consumer_t *reader = consumer_with(config_for(fake, "auto.offset.reset", "earliest",
                                                         "enable.partition.eof", "true",
                                                         "fetch.max.wait.ms", "20", NULL));
    klient_records_t *records = NULL;

    fill(fake, "t", 0, 1200);
    assign_one(reader, "t", 0);
    ck_assert_int_eq(read_to_the_end(reader), 1200);
    ck_assert_int_eq(klient_consumer_poll(reader, 100, &records, NULL), KLIENT_OK);
    ck_assert_ptr_null(records);

    /* They may come in several batches, each of which is the end for a moment. */
    fill(fake, "t", 0, 5);
    int more = 0;
    while (more < 5)
        more += read_to_the_end(reader);
    ck_assert_int_eq(more, 5);
    klient_consumer_seek_to_end(reader, "t", 0, NULL);
    ck_assert_int_eq(read_to_the_end(reader), 0);
    klient_consumer_close(reader, PATIENCE_MS, NULL);
}
END_TEST

START_TEST(an_end_that_nobody_asked_for_is_not_told)
{
    klient_records_t *records = NULL;

    fill(fake, "t", 0, 3);
    assign_one(consumer, "t", 0);
    expect_numbers(consumer, 0, 3);
    ck_assert_int_eq(klient_consumer_poll(consumer, 100, &records, NULL), KLIENT_OK);
    ck_assert_ptr_null(records);
}
END_TEST

Suite *marks_suite(void)
{
    Suite *suite = suite_create("client/marks");
    TCase *tcase = tcase_create("marks");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, watermarks_are_what_the_last_fetch_told);
    tcase_add_test(tcase, watermarks_that_no_fetch_has_told_yet_are_waited_for);
    tcase_add_test(tcase, watermarks_are_told_though_reading_was_to_begin_where_there_is_nothing);
    tcase_add_test(tcase, watermarks_are_told_though_there_is_no_policy_where_to_go_on);
    tcase_add_test(tcase, watermarks_are_told_though_what_was_committed_is_gone);
    tcase_add_test(tcase, watermarks_can_be_asked_for_without_an_assignment);
    tcase_add_test(tcase, a_time_can_be_sought);
    tcase_add_test(tcase, a_time_that_can_not_be_found_moves_nothing);
    tcase_add_test(tcase, the_end_is_told_once_each_time_where_that_was_asked_for);
    tcase_add_test(tcase, an_end_that_nobody_asked_for_is_not_told);
    suite_add_tcase(suite, tcase);
    return suite;
}
