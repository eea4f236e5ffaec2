#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "tests/client/helpers.h"

static struct fake *fake;

static void setup(void)
{
    fake = fake_new(2);
    fake_add_topic(fake, "t", 4);
}

static void teardown(void)
{
    fake_free(fake);
}

static klient_consumer_t *from_the_beginning(void)
{
    return consumer_with(config_for(fake, "auto.offset.reset", "earliest", NULL));
}

START_TEST(reads_everything_in_order)
{
    fill(fake, "t", 0, 5000);
    klient_consumer_t *consumer = from_the_beginning();

    assign_one(consumer, "t", 0);
    expect_numbers(consumer, 0, 5000);

    klient_consumer_close(consumer, PATIENCE_MS, NULL);
}
END_TEST

START_TEST(reads_what_comes_later)
{
    klient_consumer_t *consumer = from_the_beginning();

    assign_one(consumer, "t", 0);
    for (int round = 0; round < 3; round++) {
        fill(fake, "t", 0, 10);
        expect_numbers(consumer, 0, 10);
    }

    klient_consumer_close(consumer, PATIENCE_MS, NULL);
}
END_TEST

START_TEST(without_a_position_it_starts_at_the_end)
{
    klient_consumer_t *consumer = consumer_with(config_for(fake, NULL));
    int64_t position;

    fill(fake, "t", 0, 10);
    assign_one(consumer, "t", 0);
    ck_assert_int_eq(klient_consumer_position(consumer, "t", 0, PATIENCE_MS, &position, NULL),
                     KLIENT_OK);
    ck_assert_int_eq(position, 10);
    fill(fake, "t", 0, 5);
    expect_numbers(consumer, 0, 5);

    klient_consumer_close(consumer, PATIENCE_MS, NULL);
}
END_TEST

START_TEST(seeks_and_positions_agree)
{
    klient_consumer_t *consumer = from_the_beginning();
    int64_t position;

    fill(fake, "t", 0, 1000);
    assign_one(consumer, "t", 0);
    ck_assert_int_eq(klient_consumer_seek(consumer, "t", 0, 777, NULL), KLIENT_OK);
    klient_consumer_position(consumer, "t", 0, 0, &position, NULL);
    ck_assert_int_eq(position, 777);
    expect_numbers(consumer, 777, 223);
    klient_consumer_position(consumer, "t", 0, 0, &position, NULL);
    ck_assert_int_eq(position, 1000);
    klient_consumer_seek_to_beginning(consumer, "t", 0, NULL);
    expect_numbers(consumer, 0, 1000);
    klient_consumer_seek_to_end(consumer, "t", 0, NULL);
    ck_assert_int_eq(klient_consumer_position(consumer, "t", 0, PATIENCE_MS, &position, NULL),
                     KLIENT_OK);
    ck_assert_int_eq(position, 1000);
    klient_consumer_seek(consumer, "t", 0, 3, NULL);
    expect_numbers(consumer, 3, 997);

    klient_consumer_close(consumer, PATIENCE_MS, NULL);
}
END_TEST

START_TEST(a_poll_returns_at_most_max_poll_records)
{
    klient_consumer_t *consumer = consumer_with(
        config_for(fake, "auto.offset.reset", "earliest", "max.poll.records", "7", NULL));
    int64_t position, seen = 0;

    fill(fake, "t", 0, 100);
    assign_one(consumer, "t", 0);
    while (seen < 100) {
        klient_records_t *records = NULL;
        klient_record_t record;
        ck_assert_int_eq(poll_something(consumer, &records, NULL), KLIENT_OK);
        ck_assert_uint_le(klient_records_count(records), 7);
        klient_record_init(&record);
        while (klient_records_next(records, &record))
            ck_assert_int_eq(record.offset, seen++);
        klient_consumer_position(consumer, "t", 0, 0, &position, NULL);
        ck_assert_int_eq(position, seen);
        klient_records_free(records);
    }

    klient_consumer_close(consumer, PATIENCE_MS, NULL);
}
END_TEST

START_TEST(an_offset_out_of_range_is_reset_by_policy)
{
    klient_consumer_t *consumer = from_the_beginning();

    fill(fake, "t", 0, 100);
    fake_trim(fake, "t", 0, 40);
    assign_one(consumer, "t", 0);
    klient_consumer_seek(consumer, "t", 0, 5, NULL);
    expect_numbers(consumer, 40, 60);
    klient_consumer_seek(consumer, "t", 0, 5000, NULL);
    expect_numbers(consumer, 40, 60);

    klient_consumer_close(consumer, PATIENCE_MS, NULL);
}
END_TEST

START_TEST(without_a_policy_it_is_an_error_until_a_seek)
{
    klient_consumer_t *consumer =
        consumer_with(config_for(fake, "auto.offset.reset", "none", NULL));
    klient_records_t *records = NULL;
    klient_error_t *error = NULL;
    int64_t position;

    fill(fake, "t", 0, 10);
    assign_one(consumer, "t", 0);
    ck_assert_int_eq(poll_something(consumer, &records, &error), KLIENT_OFFSET_OUT_OF_RANGE);
    ck_assert_str_eq(klient_error_topic(error), "t");
    ck_assert_int_eq(klient_error_partition(error), 0);
    klient_error_free(error);
    ck_assert_int_eq(klient_consumer_position(consumer, "t", 0, 0, &position, NULL),
                     KLIENT_OFFSET_OUT_OF_RANGE);
    klient_consumer_seek(consumer, "t", 0, 4, NULL);
    expect_numbers(consumer, 4, 6);

    klient_consumer_close(consumer, PATIENCE_MS, NULL);
}
END_TEST

/* Ten records, the last four of which an unclean election loses, and others in their place. */
static klient_consumer_t *with_lost_records(const char *reset)
{
    klient_consumer_t *consumer =
        consumer_with(config_for(fake, "auto.offset.reset", reset, "max.poll.records", "1", NULL));

    for (int i = 0; i < 10; i++)
        fill(fake, "t", 0, 1);
    assign_one(consumer, "t", 0);
    klient_consumer_seek(consumer, "t", 0, 0, NULL);
    for (int i = 0; i < 10; i++)
        expect_numbers(consumer, 0, 1);
    fake_lose(fake, "t", 0, 6);
    fill(fake, "t", 0, 8);
    return consumer;
}

START_TEST(lost_records_are_told_and_reading_goes_on_where_the_logs_part)
{
    klient_consumer_t *consumer = with_lost_records(_i == 0 ? "latest" : "earliest");
    klient_records_t *records = NULL;
    klient_error_t *error = NULL;
    int64_t position = -1;

    ck_assert_int_eq(poll_something(consumer, &records, &error), KLIENT_LOG_TRUNCATION);
    ck_assert_str_eq(klient_error_topic(error), "t");
    klient_error_free(error);
    ck_assert_int_eq(klient_consumer_position(consumer, "t", 0, PATIENCE_MS, &position, NULL),
                     KLIENT_OK);
    ck_assert_int_eq(position, 6);
    expect_numbers(consumer, 0, 8);

    klient_consumer_close(consumer, PATIENCE_MS, NULL);
}
END_TEST

START_TEST(without_a_policy_lost_records_wait_for_a_seek)
{
    klient_consumer_t *consumer = with_lost_records("none");
    klient_records_t *records = NULL;
    int64_t position;

    ck_assert_int_eq(poll_something(consumer, &records, NULL), KLIENT_LOG_TRUNCATION);
    ck_assert_int_eq(klient_consumer_poll(consumer, 50, &records, NULL), KLIENT_OK);
    ck_assert_ptr_null(records);
    klient_consumer_seek(consumer, "t", 0, 6, NULL);
    expect_numbers(consumer, 0, 8);
    ck_assert_int_eq(klient_consumer_position(consumer, "t", 0, PATIENCE_MS, &position, NULL),
                     KLIENT_OK);
    ck_assert_int_eq(position, 14);

    klient_consumer_close(consumer, PATIENCE_MS, NULL);
}
END_TEST

START_TEST(a_paused_partition_is_silent_and_others_are_not)
{
    klient_consumer_t *consumer = from_the_beginning();
    klient_topic_partition_t both[] = { { "t", 0 }, { "t", 1 } };

    fill(fake, "t", 0, 10);
    ck_assert_int_eq(klient_consumer_assign(consumer, both, 2, NULL), KLIENT_OK);
    ck_assert_int_eq(klient_consumer_pause(consumer, "t", 0, NULL), KLIENT_OK);
    fill(fake, "t", 1, 20);
    expect_numbers(consumer, 0, 20);
    klient_records_t *records = NULL;
    ck_assert_int_eq(klient_consumer_poll(consumer, 100, &records, NULL), KLIENT_OK);
    ck_assert_ptr_null(records);
    ck_assert_int_eq(klient_consumer_resume(consumer, "t", 0, NULL), KLIENT_OK);
    expect_numbers(consumer, 0, 10);

    klient_consumer_close(consumer, PATIENCE_MS, NULL);
}
END_TEST

START_TEST(reassigning_keeps_positions_and_drops_the_rest)
{
    klient_consumer_t *consumer = from_the_beginning();
    klient_topic_partition_t both[] = { { "t", 0 }, { "t", 1 } };

    fill(fake, "t", 0, 10);
    assign_one(consumer, "t", 0);
    expect_numbers(consumer, 0, 10);
    klient_consumer_assign(consumer, both, 2, NULL);
    fill(fake, "t", 0, 4);
    expect_numbers(consumer, 0, 4);
    assign_one(consumer, "t", 1);
    fill(fake, "t", 0, 5);
    fill(fake, "t", 1, 6);
    expect_numbers(consumer, 0, 6);
    ck_assert_uint_eq(klient_consumer_assignment_count(consumer), 1);
    ck_assert_int_eq(klient_consumer_seek(consumer, "t", 0, 0, NULL), KLIENT_NOT_ASSIGNED);
    ck_assert_int_eq(klient_consumer_unassign(consumer, NULL), KLIENT_OK);
    ck_assert_uint_eq(klient_consumer_assignment_count(consumer), 0);

    klient_consumer_close(consumer, PATIENCE_MS, NULL);
}
END_TEST

START_TEST(bad_assignments_are_refused_whole)
{
    klient_consumer_t *consumer = from_the_beginning();
    klient_topic_partition_t twice[] = { { "t", 0 }, { "t", 0 } };
    klient_topic_partition_t negative = { "t", -1 }, nameless = { NULL, 0 }, empty = { "", 0 };

    ck_assert_int_eq(klient_consumer_assign(consumer, twice, 2, NULL), KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_consumer_assign(consumer, &negative, 1, NULL),
                     KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_consumer_assign(consumer, &nameless, 1, NULL),
                     KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_consumer_assign(consumer, &empty, 1, NULL), KLIENT_INVALID_ARGUMENT);
    ck_assert_uint_eq(klient_consumer_assignment_count(consumer), 0);

    klient_consumer_close(consumer, PATIENCE_MS, NULL);
}
END_TEST

START_TEST(a_new_leader_is_followed)
{
    klient_consumer_t *consumer = from_the_beginning();

    assign_one(consumer, "t", 0);
    fill(fake, "t", 0, 10);
    expect_numbers(consumer, 0, 10);
    fake_set_leader(fake, "t", 0, 1);
    fill(fake, "t", 0, 10);
    expect_numbers(consumer, 0, 10);
    fake_disconnect(fake);
    fill(fake, "t", 0, 10);
    expect_numbers(consumer, 0, 10);

    klient_consumer_close(consumer, PATIENCE_MS, NULL);
}
END_TEST

START_TEST(an_unknown_topic_is_told_and_found_once_it_exists)
{
    klient_consumer_t *consumer =
        consumer_with(config_for(fake, "auto.offset.reset", "earliest",
                                 "topic.metadata.propagation.max.ms", "20", NULL));
    klient_records_t *records = NULL;

    assign_one(consumer, "later", 0);
    ck_assert_int_eq(poll_something(consumer, &records, NULL), KLIENT_UNKNOWN_TOPIC_OR_PARTITION);
    fake_add_topic(fake, "later", 1);
    fill(fake, "later", 0, 10);
    expect_numbers(consumer, 0, 10);

    klient_consumer_close(consumer, PATIENCE_MS, NULL);
}
END_TEST

static void *wake(void *context)
{
    klient_consumer_wakeup(context);
    return NULL;
}

START_TEST(wakeup_ends_a_poll_and_is_sticky)
{
    klient_consumer_t *consumer = from_the_beginning();
    klient_records_t *records = NULL;
    klient_error_t *error = NULL;
    pthread_t thread;

    klient_consumer_wakeup(consumer);
    ck_assert_int_eq(klient_consumer_poll(consumer, 0, &records, &error), KLIENT_WOKEN_UP);
    ck_assert(klient_error_retriable(error));
    klient_error_free(error);
    ck_assert_int_eq(klient_consumer_poll(consumer, 0, &records, NULL), KLIENT_OK);
    pthread_create(&thread, NULL, wake, consumer);
    ck_assert_int_eq(klient_consumer_poll(consumer, PATIENCE_MS, &records, NULL), KLIENT_WOKEN_UP);
    pthread_join(thread, NULL);

    klient_consumer_close(consumer, PATIENCE_MS, NULL);
}
END_TEST

struct intruder {
    klient_consumer_t *consumer;
    klient_code_t code;
};

static void *intrude(void *context)
{
    struct intruder *intruder = context;
    int64_t deadline_ms = clock_mono_ms(&clock_system) + PATIENCE_MS;

    /* Until the other thread is inside. */
    while (clock_mono_ms(&clock_system) < deadline_ms) {
        intruder->code = klient_consumer_unassign(intruder->consumer, NULL);
        if (intruder->code == KLIENT_CONCURRENT)
            break;
    }
    klient_consumer_wakeup(intruder->consumer);
    return NULL;
}

START_TEST(a_second_thread_is_refused)
{
    klient_consumer_t *consumer = from_the_beginning();
    struct intruder intruder = { consumer, KLIENT_OK };
    klient_records_t *records = NULL;
    klient_code_t code;
    pthread_t thread;

    pthread_create(&thread, NULL, intrude, &intruder);
    do
        code = klient_consumer_poll(consumer, PATIENCE_MS, &records, NULL);
    while (code == KLIENT_CONCURRENT);
    pthread_join(thread, NULL);

    ck_assert_int_eq(code, KLIENT_WOKEN_UP);
    ck_assert_int_eq(intruder.code, KLIENT_CONCURRENT);
    klient_consumer_close(consumer, PATIENCE_MS, NULL);
}
END_TEST

START_TEST(offsets_are_found_by_end_and_time)
{
    klient_consumer_t *consumer = from_the_beginning();
    klient_topic_partition_t all[] = { { "t", 0 }, { "t", 1 }, { "t", 2 } };
    int64_t offsets[3], times[3] = { 0, 0, INT64_MAX };

    fill(fake, "t", 0, 10);
    fill(fake, "t", 1, 20);
    fill(fake, "t", 2, 5);
    fake_trim(fake, "t", 1, 7);
    ck_assert_int_eq(klient_consumer_beginning_offsets(consumer, all, 3, PATIENCE_MS, offsets,
                                                       NULL), KLIENT_OK);
    ck_assert_int_eq(offsets[0], 0);
    ck_assert_int_eq(offsets[1], 7);
    ck_assert_int_eq(klient_consumer_end_offsets(consumer, all, 3, PATIENCE_MS, offsets, NULL),
                     KLIENT_OK);
    ck_assert_int_eq(offsets[0], 10);
    ck_assert_int_eq(offsets[1], 20);
    ck_assert_int_eq(klient_consumer_offsets_for_times(consumer, all, times, 3, PATIENCE_MS,
                                                       offsets, NULL), KLIENT_OK);
    ck_assert_int_eq(offsets[0], 0);
    ck_assert_int_eq(offsets[2], -1);
    all[1].partition = 99;
    ck_assert_int_eq(klient_consumer_end_offsets(consumer, all, 3, PATIENCE_MS, offsets, NULL),
                     KLIENT_UNKNOWN_TOPIC_OR_PARTITION);

    klient_consumer_close(consumer, PATIENCE_MS, NULL);
}
END_TEST

START_TEST(the_descriptor_is_readable_exactly_while_records_wait)
{
    klient_consumer_t *consumer = from_the_beginning();
    struct pollfd fd = { .fd = klient_consumer_descriptor(consumer), .events = POLLIN };
    klient_records_t *records = NULL;
    int64_t position;

    ck_assert_int_eq(poll(&fd, 1, 0), 0);
    assign_one(consumer, "t", 0);
    ck_assert_int_eq(klient_consumer_position(consumer, "t", 0, PATIENCE_MS, &position, NULL),
                     KLIENT_OK);
    klient_consumer_poll(consumer, 0, &records, NULL);
    ck_assert_int_eq(poll(&fd, 1, 0), 0);
    fill(fake, "t", 0, 1);
    ck_assert_int_eq(poll(&fd, 1, PATIENCE_MS), 1);
    ck_assert_int_eq(klient_consumer_poll(consumer, 0, &records, NULL), KLIENT_OK);
    ck_assert_ptr_nonnull(records);
    klient_records_free(records);
    ck_assert_int_eq(poll(&fd, 1, 0), 0);
    klient_consumer_wakeup(consumer);
    ck_assert_int_eq(poll(&fd, 1, 0), 1);
    ck_assert_int_eq(klient_consumer_poll(consumer, 0, &records, NULL), KLIENT_WOKEN_UP);
    ck_assert_int_eq(poll(&fd, 1, 0), 0);

    klient_consumer_close(consumer, PATIENCE_MS, NULL);
}
END_TEST

static void count_held(void *context, klient_log_level_t level, const char *line)
{
    if (level == KLIENT_LOG_WARN && strstr(line, "event=records-held") != NULL)
        ++*(int *)context;
}

START_TEST(held_records_stop_fetching_and_freeing_them_goes_on)
{
    klient_config_t *config =
        config_for(fake, "auto.offset.reset", "earliest", "consumer.buffer.memory", "1048576",
                   "max.partition.fetch.bytes", "300000", NULL);
    int told = 0;
    klient_config_set_log(config, count_held, &told);
    klient_consumer_t *consumer = consumer_with(config);
    klient_producer_t *producer = producer_with(config_for(fake, NULL));
    enum { RECORDS = 400, HELD_MAX = 64 };
    klient_records_t *held[HELD_MAX], *records = NULL;
    size_t count = 0, seen = 0;
    char value[10001];

    memset(value, 'x', 10000);
    value[10000] = '\0';
    for (int i = 0; i < RECORDS; i++)
        send_text(producer, "t", 0, NULL, value);
    klient_producer_close(producer, PATIENCE_MS, NULL);
    assign_one(consumer, "t", 0);
    for (;;) {
        ck_assert_int_eq(klient_consumer_poll(consumer, count == 0 ? PATIENCE_MS : 300, &records,
                                              NULL), KLIENT_OK);
        if (records == NULL)
            break;
        ck_assert_uint_lt(count, HELD_MAX);
        seen += klient_records_count(records);
        held[count++] = records;
    }
    ck_assert_uint_lt(seen, RECORDS);
    ck_assert_int_eq(klient_consumer_poll(consumer, 0, &records, NULL), KLIENT_OK);
    ck_assert_int_eq(told, 1);
    while (count > 0)
        klient_records_free(held[--count]);
    while (seen < RECORDS) {
        ck_assert_int_eq(poll_something(consumer, &records, NULL), KLIENT_OK);
        seen += klient_records_count(records);
        klient_records_free(records);
    }

    ck_assert_uint_eq(seen, RECORDS);
    klient_consumer_close(consumer, PATIENCE_MS, NULL);
}
END_TEST

START_TEST(records_outlive_their_consumer)
{
    klient_consumer_t *consumer = from_the_beginning();
    klient_records_t *records = NULL;
    klient_record_t record;
    int count = 0;

    fill(fake, "t", 0, 100);
    assign_one(consumer, "t", 0);
    ck_assert_int_eq(poll_something(consumer, &records, NULL), KLIENT_OK);
    klient_records_ref(records);
    klient_records_free(records);
    klient_consumer_close(consumer, PATIENCE_MS, NULL);

    klient_record_init(&record);
    while (klient_records_next(records, &record)) {
        ck_assert_str_eq(record.topic, "t");
        count++;
    }
    ck_assert_int_eq(count, (int)klient_records_count(records));
    klient_records_rewind(records);
    ck_assert_int_eq(klient_records_next(records, &record), 1);
    ck_assert_int_eq(record.offset, 0);
    klient_records_free(records);
}
END_TEST

START_TEST(producers_and_consumers_share_a_handle)
{
    klient_config_t *config = config_for(fake, "auto.offset.reset", "earliest", NULL);
    klient_t *klient = klient_new(config, NULL);
    klient_producer_t *producer = klient_producer_open(klient, NULL, NULL);
    klient_consumer_t *one = klient_consumer_open(klient, NULL, NULL);
    klient_consumer_t *two = klient_consumer_open(klient, config, NULL);

    klient_free(klient);
    klient_config_free(config);
    assign_one(one, "t", 0);
    assign_one(two, "t", 0);
    for (int i = 0; i < 3; i++) {
        char text[2] = { (char)('0' + i), '\0' };
        ck_assert_int_eq(send_text(producer, "t", 0, NULL, text), KLIENT_OK);
    }
    expect_numbers(one, 0, 3);
    expect_numbers(two, 0, 3);

    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
    klient_consumer_close(one, PATIENCE_MS, NULL);
    klient_consumer_close(two, PATIENCE_MS, NULL);
}
END_TEST

START_TEST(closing_does_not_hang_on_brokers_that_do_not_answer)
{
    klient_consumer_t *consumer = from_the_beginning();
    klient_records_t *records = NULL;
    int64_t offset;

    atomic_store(&fake_faults(fake)->mute, 1);
    assign_one(consumer, "t", 0);
    ck_assert_int_eq(klient_consumer_poll(consumer, 50, &records, NULL), KLIENT_OK);
    ck_assert_int_eq(klient_consumer_end_offsets(consumer, &(klient_topic_partition_t){ "t", 0 },
                                                 1, 50, &offset, NULL),
                     KLIENT_REQUEST_TIMED_OUT);
    int64_t before_ms = clock_mono_ms(&clock_system);
    klient_consumer_close(consumer, 100, NULL);

    ck_assert_int_lt(clock_mono_ms(&clock_system) - before_ms, 5000);
}
END_TEST

Suite *consumer_suite(void)
{
    Suite *suite = suite_create("client/consumer");
    TCase *tcase = tcase_create("consumer");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, reads_everything_in_order);
    tcase_add_test(tcase, reads_what_comes_later);
    tcase_add_test(tcase, without_a_position_it_starts_at_the_end);
    tcase_add_test(tcase, seeks_and_positions_agree);
    tcase_add_test(tcase, a_poll_returns_at_most_max_poll_records);
    tcase_add_test(tcase, an_offset_out_of_range_is_reset_by_policy);
    tcase_add_test(tcase, without_a_policy_it_is_an_error_until_a_seek);
    tcase_add_loop_test(tcase, lost_records_are_told_and_reading_goes_on_where_the_logs_part, 0, 2);
    tcase_add_test(tcase, without_a_policy_lost_records_wait_for_a_seek);
    tcase_add_test(tcase, a_paused_partition_is_silent_and_others_are_not);
    tcase_add_test(tcase, reassigning_keeps_positions_and_drops_the_rest);
    tcase_add_test(tcase, bad_assignments_are_refused_whole);
    tcase_add_test(tcase, a_new_leader_is_followed);
    tcase_add_test(tcase, an_unknown_topic_is_told_and_found_once_it_exists);
    tcase_add_test(tcase, wakeup_ends_a_poll_and_is_sticky);
    tcase_add_test(tcase, a_second_thread_is_refused);
    tcase_add_test(tcase, offsets_are_found_by_end_and_time);
    tcase_add_test(tcase, the_descriptor_is_readable_exactly_while_records_wait);
    tcase_add_test(tcase, held_records_stop_fetching_and_freeing_them_goes_on);
    tcase_add_test(tcase, records_outlive_their_consumer);
    tcase_add_test(tcase, producers_and_consumers_share_a_handle);
    tcase_add_test(tcase, closing_does_not_hang_on_brokers_that_do_not_answer);
    suite_add_tcase(suite, tcase);
    return suite;
}
