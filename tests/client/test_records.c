/* Batches that the consumer has to look into: compressed, damaged, transactional. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buffer.h"
#include "common/clock.h"
#include "common/compress.h"
#include "proto/batch.h"
#include "tests/client/helpers.h"

static struct fake *fake;
static uint8_t bytes[8192];

static void setup(void)
{
    fake = fake_new(1);
    fake_add_topic(fake, "t", 2);
}

static void teardown(void)
{
    fake_free(fake);
}

/* A batch of `count` records with the values `first`, `first` + 1, ... Returns its size. */
static size_t make_batch(int first, int count)
{
    struct batch_builder builder;
    char value[16];

    batch_build_start(&builder, bytes, sizeof bytes);
    for (int i = 0; i < count; i++) {
        int size = snprintf(value, sizeof value, "%d", first + i);
        batch_build_add(&builder, 1000 + i, NULL, 0, value, size, NULL, 0);
    }
    batch_build_finish(&builder);
    return builder.size;
}

static void set_attributes(uint16_t attributes, int64_t producer_id)
{
    store_u16(bytes + BATCH_ATTRIBUTES, attributes);
    store_u64(bytes + BATCH_PRODUCER_ID, (uint64_t)producer_id);
    batch_seal_crc(bytes);
}

static size_t compress_batch(size_t size, int codec)
{
    struct buffer buffer;

    buffer_init(&buffer);
    ck_assert_int_eq(compress_bytes(codec, COMPRESS_LEVEL_DEFAULT, bytes + BATCH_HEADER_SIZE,
                                    size - BATCH_HEADER_SIZE, &buffer), 0);
    memcpy(bytes + BATCH_HEADER_SIZE, buffer.bytes, buffer.size);
    size = BATCH_HEADER_SIZE + buffer.size;
    buffer_fini(&buffer);
    store_u32(bytes + BATCH_LENGTH, (uint32_t)(size - BATCH_LENGTH_END));
    set_attributes((uint16_t)codec, -1);
    return size;
}

static klient_consumer_t *reader(const char *name, const char *value)
{
    klient_consumer_t *consumer = consumer_with(
        config_for(fake, "auto.offset.reset", "earliest", name, value, NULL));

    assign_one(consumer, "t", 0);
    return consumer;
}

START_TEST(compressed_batches_are_read_slice_by_slice)
{
    for (int i = 0; i < 4; i++)
        fake_append(fake, "t", 0, bytes, compress_batch(make_batch(100 * i, 100), _i));
    klient_consumer_t *consumer = reader("max.poll.records", "30");

    expect_numbers(consumer, 0, 400);
    klient_consumer_seek(consumer, "t", 0, 250, NULL);
    expect_numbers(consumer, 250, 150);

    klient_consumer_close(consumer, 0, NULL);
}
END_TEST

START_TEST(a_damaged_batch_is_told_until_it_is_skipped)
{
    klient_error_t *error = NULL;
    klient_records_t *records = NULL;

    fake_append(fake, "t", 0, bytes, make_batch(0, 10));
    size_t size = make_batch(10, 10);
    bytes[size - 1] ^= 1;
    fake_append(fake, "t", 0, bytes, size);
    fake_append(fake, "t", 0, bytes, make_batch(20, 10));
    klient_consumer_t *consumer = reader("check.crcs", "true");

    expect_numbers(consumer, 0, 10);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(poll_something(consumer, &records, &error), KLIENT_CORRUPT_MESSAGE);
        ck_assert_int_eq(klient_error_skip_to(error), 20);
        if (i < 2)
            klient_error_free(error);
    }
    klient_consumer_seek(consumer, klient_error_topic(error), klient_error_partition(error),
                         klient_error_skip_to(error), NULL);
    expect_numbers(consumer, 20, 10);

    klient_error_free(error);
    klient_consumer_close(consumer, 0, NULL);
}
END_TEST

START_TEST(a_damaged_partition_does_not_stop_another)
{
    klient_topic_partition_t both[] = { { "t", 0 }, { "t", 1 } };
    klient_records_t *records = NULL;
    size_t size = make_batch(0, 10), seen = 0;

    bytes[size - 1] ^= 1;
    fake_append(fake, "t", 0, bytes, size);
    fake_append(fake, "t", 1, bytes, make_batch(0, 10));
    klient_consumer_t *consumer = reader("check.crcs", "true");
    klient_consumer_assign(consumer, both, 2, NULL);

    int64_t deadline_ms = clock_mono_ms(&clock_system) + PATIENCE_MS;
    while (seen < 10 && clock_mono_ms(&clock_system) < deadline_ms)
        if (poll_something(consumer, &records, NULL) == KLIENT_OK) {
            seen += klient_records_count(records);
            klient_records_free(records);
        }

    ck_assert_uint_eq(seen, 10);
    klient_consumer_close(consumer, 0, NULL);
}
END_TEST

START_TEST(checksums_can_be_trusted)
{
    size_t size = make_batch(0, 10);

    store_u32(bytes + BATCH_CRC, 0xdeadbeef);
    fake_append(fake, "t", 0, bytes, size);
    klient_consumer_t *consumer = reader("check.crcs", "false");

    expect_numbers(consumer, 0, 10);

    klient_consumer_close(consumer, 0, NULL);
}
END_TEST

START_TEST(a_decompression_bomb_is_an_error)
{
    klient_records_t *records = NULL;
    struct buffer buffer;
    size_t size = make_batch(0, 1), large = 8 << 20;
    void *zeros = calloc(1, large);

    buffer_init(&buffer);
    compress_bytes(CODEC_ZSTD, COMPRESS_LEVEL_DEFAULT, zeros, large, &buffer);
    ck_assert_uint_lt(buffer.size, sizeof bytes - BATCH_HEADER_SIZE);
    memcpy(bytes + BATCH_HEADER_SIZE, buffer.bytes, buffer.size);
    size = BATCH_HEADER_SIZE + buffer.size;
    store_u32(bytes + BATCH_LENGTH, (uint32_t)(size - BATCH_LENGTH_END));
    set_attributes(CODEC_ZSTD, -1);
    fake_append(fake, "t", 0, bytes, size);
    klient_consumer_t *consumer = reader("consumer.buffer.memory", "1048576");
    klient_error_t *error = NULL;

    ck_assert_int_eq(poll_something(consumer, &records, &error), KLIENT_MESSAGE_TOO_LARGE);
    ck_assert_int_eq(klient_error_skip_to(error), 1);
    ck_assert_ptr_nonnull(strstr(klient_error_text(error), "consumer.buffer.memory"));
    klient_error_free(error);

    buffer_fini(&buffer);
    free(zeros);
    klient_consumer_close(consumer, 0, NULL);
}
END_TEST

START_TEST(a_codec_that_is_unknown_is_told_until_it_is_skipped)
{
    klient_records_t *records = NULL;
    klient_error_t *error = NULL;
    size_t size = make_batch(0, 10);

    set_attributes(6, -1);
    fake_append(fake, "t", 0, bytes, size);
    fake_append(fake, "t", 0, bytes, make_batch(10, 10));
    klient_consumer_t *consumer = reader("check.crcs", _i == 0 ? "false" : "true");

    ck_assert_int_eq(poll_something(consumer, &records, &error),
                     KLIENT_UNSUPPORTED_COMPRESSION_TYPE);
    ck_assert_int_eq(klient_error_skip_to(error), 10);
    klient_error_free(error);
    klient_consumer_seek(consumer, "t", 0, 10, NULL);
    expect_numbers(consumer, 10, 10);

    klient_consumer_close(consumer, 0, NULL);
}
END_TEST

START_TEST(control_batches_are_skipped)
{
    fake_append(fake, "t", 0, bytes, make_batch(0, 5));
    size_t size = make_batch(0, 1);
    set_attributes(BATCH_CONTROL | BATCH_TRANSACTIONAL, 7);
    fake_append(fake, "t", 0, bytes, size);
    fake_append(fake, "t", 0, bytes, make_batch(5, 5));
    klient_consumer_t *consumer = reader("check.crcs", "true");
    int64_t position;

    expect_numbers(consumer, 0, 10);

    klient_consumer_position(consumer, "t", 0, 0, &position, NULL);
    ck_assert_int_eq(position, 11);
    klient_consumer_close(consumer, 0, NULL);
}
END_TEST

START_TEST(aborted_records_are_left_out_unless_asked_for)
{
    static const char *const levels[] = { "read_committed", "read_uncommitted" };

    fake_append(fake, "t", 0, bytes, make_batch(0, 5));
    size_t size = make_batch(_i == 0 ? 900 : 5, 5);
    set_attributes(BATCH_TRANSACTIONAL, 7);
    fake_append(fake, "t", 0, bytes, size);
    size = make_batch(0, 1);
    set_attributes(BATCH_CONTROL | BATCH_TRANSACTIONAL, 7);
    fake_append(fake, "t", 0, bytes, size);
    size = make_batch(_i == 0 ? 5 : 10, 5);
    set_attributes(BATCH_TRANSACTIONAL, 7);
    fake_append(fake, "t", 0, bytes, size);
    fake_abort(fake, "t", 0, 7, 5);
    klient_consumer_t *consumer = reader("isolation.level", levels[_i]);

    expect_numbers(consumer, 0, _i == 0 ? 10 : 15);

    klient_consumer_close(consumer, 0, NULL);
}
END_TEST

START_TEST(nulls_empties_headers_and_times_arrive_as_sent)
{
    klient_producer_t *producer = producer_with(config_for(fake, NULL));
    static const klient_header_t headers[] = { { "a", 1, "1", 1 }, { "b", 1, NULL, 0 },
                                               { "c", 1, "", 0 } };
    klient_records_t *records = NULL;
    klient_record_t record;

    klient_record_init(&record);
    record.topic = "t";
    record.partition = 0;
    record.key = "";
    record.timestamp = 42;
    record.headers = headers;
    record.header_count = 3;
    ck_assert_int_eq(klient_producer_send(producer, &record, NULL), KLIENT_OK);
    klient_producer_close(producer, PATIENCE_MS, NULL);
    klient_consumer_t *consumer = reader("check.crcs", "true");
    ck_assert_int_eq(poll_something(consumer, &records, NULL), KLIENT_OK);
    klient_record_init(&record);
    ck_assert_int_eq(klient_records_next(records, &record), 1);

    ck_assert_ptr_nonnull(record.key);
    ck_assert_uint_eq(record.key_size, 0);
    ck_assert_ptr_null(record.value);
    ck_assert_int_eq(record.timestamp, 42);
    ck_assert_int_eq(record.timestamp_type, KLIENT_TIMESTAMP_CREATED);
    ck_assert_uint_eq(record.header_count, 3);
    ck_assert_mem_eq(record.headers[0].value, "1", 1);
    ck_assert_ptr_null(record.headers[1].value);
    ck_assert_ptr_nonnull(record.headers[2].value);
    ck_assert_int_eq(klient_records_next(records, &record), 0);
    klient_records_free(records);
    klient_consumer_close(consumer, 0, NULL);
}
END_TEST

Suite *records_suite(void)
{
    Suite *suite = suite_create("client/records");
    TCase *tcase = tcase_create("records");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, compressed_batches_are_read_slice_by_slice, CODEC_GZIP, CODEC_COUNT);
    tcase_add_test(tcase, a_damaged_batch_is_told_until_it_is_skipped);
    tcase_add_test(tcase, a_damaged_partition_does_not_stop_another);
    tcase_add_test(tcase, checksums_can_be_trusted);
    tcase_add_test(tcase, a_decompression_bomb_is_an_error);
    tcase_add_loop_test(tcase, a_codec_that_is_unknown_is_told_until_it_is_skipped, 0, 2);
    tcase_add_test(tcase, control_batches_are_skipped);
    tcase_add_loop_test(tcase, aborted_records_are_left_out_unless_asked_for, 0, 2);
    tcase_add_test(tcase, nulls_empties_headers_and_times_arrive_as_sent);
    suite_add_tcase(suite, tcase);
    return suite;
}
