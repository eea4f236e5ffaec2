#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "proto/batch.h"
#include "tests/client/helpers.h"
#include "tests/lib/wait.h"

static struct fake *fake;

static void setup(void)
{
    fake = fake_new(1);
    fake_add_topic(fake, "one", 1);
    fake_add_topic(fake, "many", 8);
}

static void teardown(void)
{
    fake_free(fake);
}

static void count_record(void *context, int64_t offset, const char *value)
{
    int64_t *count = context;

    ck_assert_int_eq(offset, *count);
    (*count)++;
    (void)value;
}

static int64_t stored(const char *topic, int partition)
{
    int64_t count = 0;

    each_stored(fake, topic, partition, count_record, &count);
    return count;
}

/* What reports said. */
struct reports {
    int count, failed, maybe;
    int64_t next_offset;
    klient_code_t code;
    int64_t limit;                      /* of the last failure */
    uintptr_t opaque_sum;
    klient_producer_t *producer;        /* to call from the callback */
    klient_code_t inner;
};

static void note(void *context, const klient_report_t *report)
{
    struct reports *reports = context;

    reports->count++;
    reports->failed += report->code != KLIENT_OK;
    reports->maybe += report->may_have_been_written;
    if (report->code != KLIENT_OK) {
        reports->code = report->code;
        reports->limit = report->limit;
    } else if (report->offset >= 0) {
        ck_assert_int_eq(report->offset, reports->next_offset++);
    }
    reports->opaque_sum += (uintptr_t)report->opaque;
}

START_TEST(records_arrive_in_order_with_key_value_and_time)
{
    klient_producer_t *producer = producer_with(config_for(fake, NULL));
    size_t size, batch;
    struct batch_reader reader;
    struct record_view view;
    klient_record_t record;
    static const klient_header_t headers[] = { { "h1", 2, "v", 1 }, { "h2", 2, NULL, 0 } };

    klient_record_init(&record);
    record.topic = "one";
    record.key = "Precision Products";
    record.key_size = 18;
    record.value = "France";
    record.value_size = 6;
    record.timestamp = 1234567890123;
    record.headers = headers;
    record.header_count = 2;
    ck_assert_int_eq(klient_producer_send(producer, &record, NULL), KLIENT_OK);
    record.key = NULL;
    record.value = NULL;
    record.headers = NULL;
    record.header_count = 0;
    ck_assert_int_eq(klient_producer_send(producer, &record, NULL), KLIENT_OK);
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);

    uint8_t *bytes = fake_read(fake, "one", 0, &size);
    ck_assert_int_eq(batch_check(bytes, size, true, &batch), 0);
    batch_reader_init(&reader, bytes, NULL, 0);
    ck_assert_int_eq(batch_reader_next(&reader, &view), 1);
    ck_assert_mem_eq(view.key, "Precision Products", 18);
    ck_assert_mem_eq(view.value, "France", 6);
    ck_assert_int_eq(view.timestamp, 1234567890123);
    ck_assert_int_eq(view.header_count, 2);
    free(bytes);
    ck_assert_int_eq(stored("one", 0), 2);
}
END_TEST

START_TEST(every_send_is_reported_once_with_its_offset)
{
    struct reports reports = { 0 };
    klient_config_t *config = config_for(fake, NULL);
    klient_config_set_report(config, note, &reports);
    klient_producer_t *producer = producer_with(config);
    klient_record_t record;
    uintptr_t sum = 0;

    klient_record_init(&record);
    record.topic = "one";
    record.value = "x";
    record.value_size = 1;
    for (uintptr_t i = 1; i <= 3000; i++) {
        record.opaque = (void *)i;
        sum += i;
        ck_assert_int_eq(klient_producer_send(producer, &record, NULL), KLIENT_OK);
    }
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);

    ck_assert_int_eq(reports.count, 3000);
    ck_assert_int_eq(reports.failed, 0);
    ck_assert_int_eq(reports.next_offset, 3000);
    ck_assert_uint_eq(reports.opaque_sum, sum);
    klient_producer_close(producer, 0, NULL);
}
END_TEST

START_TEST(a_lone_record_leaves_before_linger_has_passed)
{
    klient_producer_t *producer =
        producer_with(config_for(fake, "linger.ms", "30000", NULL));
    int64_t deadline_ms = clock_mono_ms(&clock_system) + PATIENCE_MS;

    send_text(producer, "one", 0, NULL, "x");
    while (stored("one", 0) == 0)
        ck_assert_int_lt(clock_mono_ms(&clock_system), deadline_ms);

    klient_producer_close(producer, PATIENCE_MS, NULL);
}
END_TEST

START_TEST(round_robin_is_strict)
{
    klient_producer_t *producer =
        producer_with(config_for(fake, "partitioner", "round-robin", NULL));

    for (int i = 0; i < 803; i++)
        ck_assert_int_eq(send_text(producer, "many", -1, "same key", "x"), KLIENT_OK);
    klient_producer_close(producer, PATIENCE_MS, NULL);

    for (int p = 0; p < 8; p++) {
        ck_assert_int_ge(stored("many", p), 100);
        ck_assert_int_le(stored("many", p), 101);
    }
}
END_TEST

START_TEST(keyed_records_go_by_hash_and_others_stick)
{
    klient_producer_t *producer = producer_with(config_for(fake, NULL));
    int64_t unkeyed = 0;
    int used = 0;

    for (int i = 0; i < 50; i++)
        send_text(producer, "many", -1, "kafka", "x");
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    ck_assert_int_eq(stored("many", klient_partition_for_key("kafka", 5, 8)), 50);
    for (int i = 0; i < 50; i++)
        send_text(producer, "one", -1, NULL, "x"), send_text(producer, "many", -1, NULL, "y");
    klient_producer_close(producer, PATIENCE_MS, NULL);

    for (int p = 0; p < 8; p++) {
        int64_t here = stored("many", p) - (p == klient_partition_for_key("kafka", 5, 8) ? 50 : 0);
        unkeyed += here;
        used += here > 0;
    }
    ck_assert_int_eq(unkeyed, 50);
    ck_assert_int_eq(used, 1);
}
END_TEST

START_TEST(sticky_spreads_many_records_over_all_partitions)
{
    klient_producer_t *producer = producer_with(config_for(fake, "batch.size", "1000", NULL));
    int used = 0;

    for (int i = 0; i < 20000; i++)
        ck_assert_int_eq(send_text(producer, "many", -1, NULL, "0123456789"), KLIENT_OK);
    klient_producer_close(producer, PATIENCE_MS, NULL);

    for (int p = 0; p < 8; p++)
        used += stored("many", p) > 0;
    ck_assert_int_eq(used, 8);
}
END_TEST

static int32_t always_five(void *context, const klient_partitioning_t *record)
{
    int *calls = context;

    (*calls)++;
    ck_assert_int_eq(record->partition_count, 8);
    ck_assert_uint_eq(record->available_count, 8);
    return record->key == NULL ? 5 : 99;
}

START_TEST(a_custom_partitioner_decides_and_can_be_wrong)
{
    int calls = 0;
    klient_config_t *config = config_for(fake, NULL);
    klient_config_set_partitioner(config, always_five, &calls);
    klient_producer_t *producer = producer_with(config);

    ck_assert_int_eq(send_text(producer, "many", -1, NULL, "x"), KLIENT_OK);
    ck_assert_int_eq(send_text(producer, "many", -1, "k", "x"), KLIENT_PARTITIONER_FAILED);
    ck_assert_int_eq(send_text(producer, "many", 2, "k", "x"), KLIENT_OK);
    klient_producer_close(producer, PATIENCE_MS, NULL);

    ck_assert_int_eq(calls, 2);
    ck_assert_int_eq(stored("many", 5), 1);
    ck_assert_int_eq(stored("many", 2), 1);
}
END_TEST

START_TEST(bad_records_are_refused_one_by_one)
{
    klient_producer_t *producer = producer_with(
        config_for(fake, "max.request.size", "20000", "topic.metadata.propagation.max.ms", "50",
                   NULL));
    char *large = calloc(1, 30000);
    klient_record_t record;

    memset(large, 'x', 29999);
    ck_assert_int_eq(send_text(producer, "one", 0, NULL, large), KLIENT_MESSAGE_TOO_LARGE);
    ck_assert_int_eq(send_text(producer, "one", 1, NULL, "x"), KLIENT_UNKNOWN_TOPIC_OR_PARTITION);
    ck_assert_int_eq(send_text(producer, "one", -2, NULL, "x"), KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(send_text(producer, "none", 0, NULL, "x"),
                     KLIENT_UNKNOWN_TOPIC_OR_PARTITION);
    ck_assert_int_eq(send_text(producer, "none", 0, NULL, "x"),
                     KLIENT_UNKNOWN_TOPIC_OR_PARTITION);
    klient_record_init(&record);
    ck_assert_int_eq(klient_producer_send(producer, &record, NULL), KLIENT_INVALID_ARGUMENT);
    record.topic = "one";
    record.size = 8;
    ck_assert_int_eq(klient_producer_send(producer, &record, NULL), KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_producer_send(producer, NULL, NULL), KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
    ck_assert_int_eq(stored("one", 0), 0);
    free(large);
}
END_TEST

START_TEST(a_topic_made_after_the_first_refusal_is_found)
{
    klient_producer_t *producer = producer_with(
        config_for(fake, "topic.metadata.propagation.max.ms", "1", NULL));

    ck_assert_int_eq(send_text(producer, "late", 0, NULL, "x"),
                     KLIENT_UNKNOWN_TOPIC_OR_PARTITION);
    fake_add_topic(fake, "late", 1);

    /* One more refusal may have been on its way. */
    klient_code_t code = KLIENT_UNKNOWN_TOPIC_OR_PARTITION;
    for (int i = 0; i < 1000 && code != KLIENT_OK; i++)
        code = send_text(producer, "late", 0, NULL, "x");
    ck_assert_int_eq(code, KLIENT_OK);
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
    ck_assert_int_eq(stored("late", 0), 1);
}
END_TEST

START_TEST(try_send_never_waits)
{
    klient_producer_t *producer =
        producer_with(config_for(fake, "buffer.memory", "65536", "batch.size", "16384", NULL));
    char value[1000];
    klient_record_t record;
    klient_code_t code;
    klient_error_t *error = NULL;
    int sent = 0;

    atomic_store(&fake_faults(fake)->mute, 0);
    klient_record_init(&record);
    record.topic = "one";
    memset(value, 'x', sizeof value);
    record.value = value;
    record.value_size = sizeof value;
    ck_assert_int_eq(klient_producer_try_send(producer, &record, NULL),
                     KLIENT_LEADER_NOT_AVAILABLE);
    ck_assert_int_eq(klient_producer_send(producer, &record, NULL), KLIENT_OK);
    atomic_store(&fake_faults(fake)->mute, 1);
    while ((code = klient_producer_try_send(producer, &record, &error)) == KLIENT_OK)
        ck_assert_int_lt(sent++, 1000);

    ck_assert_int_eq(code, KLIENT_QUEUE_FULL);
    ck_assert(klient_error_retriable(error));
    klient_error_free(error);
    klient_producer_close(producer, 0, NULL);
}
END_TEST

START_TEST(a_batch_of_few_records_takes_little_of_the_buffer)
{
    /* One request is on its way: the other records of a partition meet in one batch, however
     * slowly they come. */
    klient_producer_t *producer =
        producer_with(config_for(fake, "buffer.memory", "65536", "batch.size", "16384",
                                 "max.in.flight.requests.per.connection", "1", NULL));
    klient_record_t record;
    char value[500];

    ck_assert_int_eq(send_text(producer, "many", 0, NULL, "x"), KLIENT_OK);
    klient_producer_flush(producer, PATIENCE_MS, NULL);
    atomic_store(&fake_faults(fake)->mute, 1);
    klient_record_init(&record);
    record.topic = "many";
    record.value = value;
    record.value_size = sizeof value;
    for (int i = 0; i < 64; i++) {
        memset(value, 'a' + i % 26, sizeof value);
        record.partition = i % 8;
        ck_assert_int_eq(klient_producer_try_send(producer, &record, NULL), KLIENT_OK);
    }
    klient_producer_close(producer, 0, NULL);
}
END_TEST

START_TEST(send_waits_for_room_and_gives_up_after_max_block_ms)
{
    klient_producer_t *producer = producer_with(config_for(
        fake, "buffer.memory", "65536", "batch.size", "16384", "max.block.ms", "100", NULL));
    char value[1001];
    klient_code_t code;
    int sent = 0;

    memset(value, 'x', 1000);
    value[1000] = '\0';
    ck_assert_int_eq(send_text(producer, "one", 0, NULL, value), KLIENT_OK);
    klient_producer_flush(producer, PATIENCE_MS, NULL);
    atomic_store(&fake_faults(fake)->mute, 1);
    int64_t before_ms = clock_mono_ms(&clock_system);
    while ((code = send_text(producer, "one", 0, NULL, value)) == KLIENT_OK)
        ck_assert_int_lt(sent++, 1000);

    int64_t took_ms = clock_mono_ms(&clock_system) - before_ms;
    ck_assert_int_eq(code, KLIENT_QUEUE_FULL);
    ck_assert_int_ge(took_ms, 99);
    ck_assert_int_lt(took_ms, PATIENCE_MS);
    klient_producer_close(producer, 0, NULL);
}
END_TEST

START_TEST(send_goes_on_when_the_brokers_take_records_again)
{
    klient_producer_t *producer = producer_with(
        config_for(fake, "buffer.memory", "65536", "batch.size", "16384", NULL));
    char value[1001];

    memset(value, 'x', 1000);
    value[1000] = '\0';
    atomic_store(&fake_faults(fake)->delay_ms, 5);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(send_text(producer, "one", 0, NULL, value), KLIENT_OK);
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);

    ck_assert_int_eq(stored("one", 0), 1000);
}
END_TEST

START_TEST(unread_reports_count_against_the_buffer)
{
    struct reports reports = { 0 };
    klient_config_t *config = config_for(fake, "buffer.memory", "65536", "max.block.ms", "200",
                                         NULL);
    klient_config_set_report(config, note, &reports);
    klient_producer_t *producer = producer_with(config);
    klient_error_t *error = NULL;
    klient_record_t record;
    klient_code_t code;

    klient_record_init(&record);
    record.topic = "one";
    while ((code = klient_producer_send(producer, &record, &error)) == KLIENT_OK)
        ;
    ck_assert_int_eq(code, KLIENT_QUEUE_FULL);
    ck_assert_ptr_nonnull(strstr(klient_error_text(error), "klient_producer_poll"));
    klient_error_free(error);
    ck_assert_int_eq(klient_producer_poll(producer, PATIENCE_MS, NULL, NULL), KLIENT_OK);

    ck_assert_int_eq(klient_producer_send(producer, &record, NULL), KLIENT_OK);
    klient_producer_close(producer, PATIENCE_MS, NULL);
}
END_TEST

START_TEST(records_that_are_not_acknowledged_in_time_fail)
{
    struct reports reports = { 0 };
    klient_config_t *config =
        config_for(fake, "delivery.timeout.ms", "200", "request.timeout.ms", "100", NULL);
    klient_config_set_report(config, note, &reports);
    klient_producer_t *producer = producer_with(config);

    send_text(producer, "one", 0, NULL, "x");
    klient_producer_flush(producer, PATIENCE_MS, NULL);
    atomic_store(&fake_faults(fake)->mute, 1);
    send_text(producer, "one", 0, NULL, "y");

    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_REQUEST_TIMED_OUT);
    ck_assert_int_eq(reports.count, 2);
    ck_assert_int_eq(reports.failed, 1);
    ck_assert_int_eq(reports.maybe, 1);
    klient_producer_close(producer, 0, NULL);
}
END_TEST

START_TEST(closing_does_not_hang_on_brokers_that_do_not_answer)
{
    struct reports reports = { 0 };
    klient_config_t *config = config_for(fake, NULL);
    klient_config_set_report(config, note, &reports);
    klient_producer_t *producer = producer_with(config);

    send_text(producer, "one", 0, NULL, "x");
    klient_producer_flush(producer, PATIENCE_MS, NULL);
    atomic_store(&fake_faults(fake)->mute, 1);
    for (int i = 0; i < 100; i++)
        send_text(producer, "one", 0, NULL, "y");
    int64_t before_ms = clock_mono_ms(&clock_system);
    ck_assert_int_eq(klient_producer_close(producer, 100, NULL), KLIENT_REQUEST_TIMED_OUT);

    ck_assert_int_lt(clock_mono_ms(&clock_system) - before_ms, 5000);
    ck_assert_int_eq(reports.count, 101);
    ck_assert_int_eq(reports.failed, 100);
    ck_assert_int_eq(reports.code, KLIENT_CLOSED);
}
END_TEST

START_TEST(closing_does_not_hang_without_any_broker)
{
    klient_config_t *config = config_for(fake, "max.block.ms", "50", NULL);
    klient_config_set(config, "bootstrap.servers", "127.0.0.1:1", NULL);
    klient_producer_t *producer = producer_with(config);

    ck_assert_int_eq(send_text(producer, "one", 0, NULL, "x"), KLIENT_REQUEST_TIMED_OUT);
    ck_assert_int_eq(klient_producer_close(producer, 1000, NULL), KLIENT_OK);
}
END_TEST

static void call_back(void *context, const klient_report_t *report)
{
    struct reports *reports = context;
    klient_record_t record;

    klient_record_init(&record);
    record.topic = "unheard-of";
    reports->count++;
    if (report->code == KLIENT_OK && reports->count == 1) {
        ck_assert_int_eq(klient_producer_flush(reports->producer, 10, NULL), KLIENT_IN_CALLBACK);
        ck_assert_int_eq(klient_producer_poll(reports->producer, 10, NULL, NULL),
                         KLIENT_IN_CALLBACK);
        ck_assert_int_eq(klient_producer_close(reports->producer, 10, NULL), KLIENT_IN_CALLBACK);
        ck_assert_int_eq(klient_producer_send(reports->producer, &record, NULL),
                         KLIENT_IN_CALLBACK);
        record.topic = "one";
        reports->inner = klient_producer_try_send(reports->producer, &record, NULL);
    }
}

START_TEST(calls_that_wait_are_refused_inside_a_callback)
{
    struct reports reports = { .inner = KLIENT_CLOSED };
    klient_config_t *config = config_for(fake, NULL);
    klient_config_set_report(config, call_back, &reports);
    klient_producer_t *producer = reports.producer = producer_with(config);

    send_text(producer, "one", 0, NULL, "x");
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);

    ck_assert_int_eq(reports.inner, KLIENT_OK);
    klient_producer_close(producer, PATIENCE_MS, NULL);
    ck_assert_int_eq(reports.count, 2);
}
END_TEST

START_TEST(the_descriptor_is_readable_exactly_while_reports_wait)
{
    struct reports reports = { 0 };
    klient_config_t *config = config_for(fake, NULL);
    klient_config_set_report(config, note, &reports);
    klient_producer_t *producer = producer_with(config);
    struct pollfd fd = { .fd = klient_producer_descriptor(producer), .events = POLLIN };
    size_t served = 0;

    ck_assert_int_ge(fd.fd, 0);
    ck_assert_int_eq(poll(&fd, 1, 0), 0);
    send_text(producer, "one", 0, NULL, "x");
    ck_assert_int_eq(poll(&fd, 1, PATIENCE_MS), 1);
    ck_assert_int_eq(klient_producer_poll(producer, 0, &served, NULL), KLIENT_OK);

    ck_assert_uint_eq(served, 1);
    ck_assert_int_eq(poll(&fd, 1, 0), 0);
    klient_producer_close(producer, PATIENCE_MS, NULL);
}
END_TEST

START_TEST(without_acks_records_are_sent_all_the_same)
{
    struct reports reports = { 0 };
    klient_config_t *config = config_for(fake, "acks", "0", NULL);
    klient_config_set_report(config, note, &reports);
    klient_producer_t *producer = producer_with(config);

    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(send_text(producer, "one", 0, NULL, "x"), KLIENT_OK);
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    WAIT_UNTIL(stored("one", 0) >= 1000);

    ck_assert_int_eq(reports.count, 1000);
    ck_assert_int_eq(reports.next_offset, 0);
    klient_producer_close(producer, PATIENCE_MS, NULL);
}
END_TEST

START_TEST(one_batch_that_is_too_large_fails_alone)
{
    struct reports reports = { 0 };
    klient_config_t *config = config_for(fake, "batch.size", "256", "linger.ms", "1000", NULL);
    klient_config_set_report(config, note, &reports);
    klient_producer_t *producer = producer_with(config);
    char large[601];

    memset(large, 'x', 600);
    large[600] = '\0';
    send_text(producer, "one", 0, NULL, "first");
    klient_producer_flush(producer, PATIENCE_MS, NULL);
    atomic_store(&fake_faults(fake)->refuse_larger, 400);
    atomic_store(&fake_faults(fake)->delay_ms, 20);
    for (int i = 0; i < 30; i++)
        ck_assert_int_eq(send_text(producer, "one", 0, NULL, i == 10 ? large : "small"), KLIENT_OK);
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_MESSAGE_TOO_LARGE);

    ck_assert_int_eq(reports.count, 31);
    ck_assert_int_eq(reports.failed, 1);
    ck_assert_int_eq(reports.limit, 400);
    ck_assert_int_eq(stored("one", 0), 30);
    klient_producer_close(producer, PATIENCE_MS, NULL);
}
END_TEST

Suite *producer_suite(void)
{
    Suite *suite = suite_create("client/producer");
    TCase *tcase = tcase_create("producer");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, records_arrive_in_order_with_key_value_and_time);
    tcase_add_test(tcase, every_send_is_reported_once_with_its_offset);
    tcase_add_test(tcase, a_lone_record_leaves_before_linger_has_passed);
    tcase_add_test(tcase, round_robin_is_strict);
    tcase_add_test(tcase, keyed_records_go_by_hash_and_others_stick);
    tcase_add_test(tcase, sticky_spreads_many_records_over_all_partitions);
    tcase_add_test(tcase, a_custom_partitioner_decides_and_can_be_wrong);
    tcase_add_test(tcase, bad_records_are_refused_one_by_one);
    tcase_add_test(tcase, a_topic_made_after_the_first_refusal_is_found);
    tcase_add_test(tcase, try_send_never_waits);
    tcase_add_test(tcase, a_batch_of_few_records_takes_little_of_the_buffer);
    tcase_add_test(tcase, send_waits_for_room_and_gives_up_after_max_block_ms);
    tcase_add_test(tcase, send_goes_on_when_the_brokers_take_records_again);
    tcase_add_test(tcase, unread_reports_count_against_the_buffer);
    tcase_add_test(tcase, records_that_are_not_acknowledged_in_time_fail);
    tcase_add_test(tcase, closing_does_not_hang_on_brokers_that_do_not_answer);
    tcase_add_test(tcase, closing_does_not_hang_without_any_broker);
    tcase_add_test(tcase, calls_that_wait_are_refused_inside_a_callback);
    tcase_add_test(tcase, the_descriptor_is_readable_exactly_while_reports_wait);
    tcase_add_test(tcase, without_acks_records_are_sent_all_the_same);
    tcase_add_test(tcase, one_batch_that_is_too_large_fails_alone);
    suite_add_tcase(suite, tcase);
    return suite;
}
