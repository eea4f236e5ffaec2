/* test_batch_golden.c - batches that other implementations wrote; golden/README.md tells how. */
#include <stdio.h>
#include <string.h>

#include "common/compress.h"
#include "common/error.h"
#include "proto/batch.h"
#include "tests/proto/golden.h"
#include "tests/proto/suites.h"

enum { RECORDS = 9, KCAT_RECORDS = 4, BLOCK_RECORDS = 5, LIMIT = 1 << 20 };
static const int64_t base_time = 1700000000000;

static struct buffer golden, records;

static void setup(void)
{
    buffer_init(&golden);
    buffer_init(&records);
}

static void teardown(void)
{
    buffer_fini(&golden);
    buffer_fini(&records);
}

/* Load golden/<name>.bin, check its first batch, open its records. */
static struct batch_reader open_golden(const char *name, enum compress_codec codec)
{
    struct batch_reader reader;
    size_t size;
    golden_load(name, &golden);
    ck_assert_int_eq(batch_check(golden.bytes, golden.size, true, &size), 0);
    ck_assert_int_eq(batch_codec(golden.bytes), codec);
    ck_assert_int_eq(decompress_bytes((int)codec, golden.bytes + BATCH_HEADER_SIZE,
                                      size - BATCH_HEADER_SIZE, LIMIT, &records), 0);
    ck_assert_int_eq(batch_reader_init(&reader, golden.bytes, records.bytes, records.size), 0);
    return reader;
}

static void assert_bytes(const uint8_t *bytes, int32_t size, const char *expected)
{
    if (expected == NULL) {
        ck_assert_ptr_null(bytes);
    } else {
        ck_assert_ptr_nonnull(bytes);
        ck_assert_int_eq(size, strlen(expected));
        ck_assert_mem_eq(bytes, expected, (size_t)size);
    }
}

static const char *long_value(void)
{
    static char text[4096];
    size_t at = 0;
    for (int i = 0; i < 300; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "line %d\n", i % 17);
    return text;
}

static void assert_nine_records(struct batch_reader *reader, int64_t append_time)
{
    const struct { int64_t after; const char *key, *value; int32_t headers; } rows[RECORDS] = {
        { 0, NULL, NULL, 0 },
        { 0, "", "", 0 },
        { 1, "k", "v", 0 },
        { 2, NULL, "value without key", 0 },
        { -5000, "tombstone", NULL, 0 },
        { 63, "Precision Products", "France", 5 },
        { 64, "k\u00e4se \u2603", "sn\u00f6 \U0001F600", 0 },
        { 8192, "long", long_value(), 0 },
        { 400 * INT64_C(86400000), "later",
          "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 0 },
    };
    static const char *const headers[5][2] = {
        {"trace", "abc"}, {"empty", ""}, {"null", NULL}, {"trace", "again"}, {"", "no name"}};

    struct record_view record;
    for (int i = 0; i < RECORDS; i++) {
        ck_assert_int_eq(batch_reader_next(reader, &record), 1);
        ck_assert_int_eq(record.offset, i);
        ck_assert_int_eq(record.timestamp,
                         append_time >= 0 ? append_time : base_time + rows[i].after);
        assert_bytes(record.key, record.key_size, rows[i].key);
        assert_bytes(record.value, record.value_size, rows[i].value);
        ck_assert_int_eq(record.header_count, rows[i].headers);

        const uint8_t *at = record.headers;
        for (int h = 0; h < record.header_count; h++) {
            struct record_header header;
            ck_assert_int_eq(record_next_header(&record, &at, &header), 0);
            assert_bytes(header.key, header.key_size, headers[h][0]);
            assert_bytes(header.value, header.value_size, headers[h][1]);
        }
        ck_assert_ptr_eq(at, record.end);
    }
    ck_assert_int_eq(batch_reader_next(reader, &record), 0);
}

static const struct { const char *name, *kcat; enum compress_codec codec; } codecs[] = {
    { "none", "kcat-none", CODEC_NONE },       { "gzip", "kcat-gzip", CODEC_GZIP },
    { "snappy", "kcat-snappy", CODEC_SNAPPY }, { "lz4", "kcat-lz4", CODEC_LZ4 },
    { "zstd", "kcat-zstd", CODEC_ZSTD },
};

START_TEST(batches_of_the_java_producer_hold_what_was_sent)
{
    struct batch_reader reader = open_golden(codecs[_i].name, codecs[_i].codec);

    assert_nine_records(&reader, -1);
}
END_TEST

START_TEST(append_time_is_the_time_of_every_record)
{
    struct batch_reader reader = open_golden("append-time", CODEC_NONE);

    assert_nine_records(&reader, batch_max_timestamp(golden.bytes));
}
END_TEST

START_TEST(batches_of_librdkafka_hold_what_was_sent)
{
    static const char *const rows[KCAT_RECORDS][2] = {
        { "a", "1" }, { NULL, NULL }, { "key", "line 1 line 4 " }, { "last", "record" }
    };

    struct batch_reader reader = open_golden(codecs[_i].kcat, codecs[_i].codec);

    struct record_view record;
    for (int i = 0; i < KCAT_RECORDS; i++) {
        ck_assert_int_eq(batch_reader_next(&reader, &record), 1);
        ck_assert_int_eq(record.offset, i);
        assert_bytes(record.key, record.key_size, rows[i][0]);
        if (i == 2)
            ck_assert_mem_eq(record.value, rows[i][1], strlen(rows[i][1]));
        else
            assert_bytes(record.value, record.value_size, rows[i][1]);
        ck_assert_int_eq(record.header_count, 2);
        const uint8_t *at = record.headers;
        struct record_header header;
        ck_assert_int_eq(record_next_header(&record, &at, &header), 0);
        assert_bytes(header.key, header.key_size, "h1");
        assert_bytes(header.value, header.value_size, "v1");
        ck_assert_int_eq(record_next_header(&record, &at, &header), 0);
        assert_bytes(header.key, header.key_size, "empty");
        assert_bytes(header.value, header.value_size, "");
    }
    ck_assert_int_eq(batch_reader_next(&reader, &record), 0);
}
END_TEST

START_TEST(compressed_values_of_several_blocks_are_whole)
{
    struct batch_reader reader = _i == 0 ? open_golden("snappy-blocks", CODEC_SNAPPY)
                                         : open_golden("lz4-blocks", CODEC_LZ4);

    struct record_view record;
    for (int i = 0; i < BLOCK_RECORDS; i++) {
        ck_assert_int_eq(batch_reader_next(&reader, &record), 1);
        ck_assert_int_eq(record.value_size, 1 + 7 * 4000);
        ck_assert_uint_eq(record.value[0], 'a' + i);
        for (int32_t at = 1; at < record.value_size; at++)
            ck_assert_uint_eq(record.value[at], "bcdefgh"[(at - 1) % 7]);
    }
    ck_assert_int_eq(batch_reader_next(&reader, &record), 0);
}
END_TEST

/* Our own encoder, fed with what the golden batch holds, must make the golden bytes. */
static void assert_same_when_encoded_again(const char *name)
{
    static uint8_t bytes[8192];
    struct batch_builder builder;
    struct batch_reader reader = open_golden(name, CODEC_NONE);
    batch_build_start(&builder, bytes, sizeof bytes);

    struct record_view record;
    int result;
    while ((result = batch_reader_next(&reader, &record)) == 1) {
        struct record_header headers[8];
        const uint8_t *at = record.headers;
        for (int32_t i = 0; i < record.header_count; i++)
            ck_assert_int_eq(record_next_header(&record, &at, &headers[i]), 0);
        ck_assert_int_eq(batch_build_add(&builder, record.timestamp, record.key, record.key_size,
                                         record.value, record.value_size, headers,
                                         record.header_count), 0);
    }
    ck_assert_int_eq(result, 0);
    batch_build_finish(&builder);
    batch_stamp(bytes, batch_base_offset(golden.bytes), batch_leader_epoch(golden.bytes));

    ck_assert_uint_eq(builder.size, golden.size);
    ck_assert_mem_eq(bytes, golden.bytes, golden.size);
}

START_TEST(what_java_sent_is_encoded_to_the_same_bytes)
{
    assert_same_when_encoded_again("none");
}
END_TEST

START_TEST(what_librdkafka_sent_is_encoded_to_the_same_bytes)
{
    assert_same_when_encoded_again("kcat-none");
}
END_TEST

START_TEST(batches_of_an_idempotent_producer_follow_each_other)
{
    size_t size;
    golden_load("idempotent", &golden);

    ck_assert_int_eq(batch_check(golden.bytes, golden.size, true, &size), 0);
    const uint8_t *second = golden.bytes + size;
    ck_assert_int_eq(batch_check(second, golden.size - size, true, &size), 0);

    ck_assert_ptr_eq(second + size, golden.bytes + golden.size);
    ck_assert_int_eq(batch_base_offset(second), 3);
    ck_assert_int_eq(batch_producer_id(second), batch_producer_id(golden.bytes));
    ck_assert_int_eq(batch_producer_epoch(second), 0);
    ck_assert_int_eq(batch_base_sequence(golden.bytes), 0);
    ck_assert_int_eq(batch_base_sequence(second), 3);
}
END_TEST

START_TEST(transactions_end_with_a_marker_that_no_client_may_send)
{
    golden_load("transaction", &golden);

    size_t at = 0, size = 0;
    for (int i = 0; i < 4; i++, at += size) {
        const uint8_t *batch = golden.bytes + at;
        bool marker = i % 2 == 1;
        ck_assert_int_eq(batch_check(batch, golden.size - at, false, &size), 0);
        ck_assert_int_eq(batch_check(batch, golden.size - at, true, &size),
                         marker ? K_CORRUPT_MESSAGE : 0);
        ck_assert((batch_attributes(batch) & BATCH_TRANSACTIONAL) != 0);
        ck_assert(((batch_attributes(batch) & BATCH_CONTROL) != 0) == marker);

        struct batch_reader reader;
        struct record_view record;
        ck_assert_int_eq(batch_reader_init(&reader, batch, NULL, 0), 0);
        ck_assert_int_eq(batch_reader_next(&reader, &record), 1);
        if (marker) {
            ck_assert_int_eq(record.key_size, 4);
            ck_assert_uint_eq(load_u16(record.key + 2), i == 1 ? 1 : 0);    /* commit, abort */
        }
        ck_assert_int_eq(record.offset, i);
    }
    ck_assert_uint_eq(at, golden.size);
}
END_TEST

Suite *batch_golden_suite(void)
{
    Suite *suite = suite_create("proto/batch_golden");
    TCase *java = tcase_create("java"), *librdkafka = tcase_create("librdkafka");
    int count = sizeof codecs / sizeof codecs[0];

    tcase_add_checked_fixture(java, setup, teardown);
    tcase_add_checked_fixture(librdkafka, setup, teardown);
    tcase_add_loop_test(java, batches_of_the_java_producer_hold_what_was_sent, 0, count);
    tcase_add_test(java, append_time_is_the_time_of_every_record);
    tcase_add_loop_test(java, compressed_values_of_several_blocks_are_whole, 0, 2);
    tcase_add_test(java, what_java_sent_is_encoded_to_the_same_bytes);
    tcase_add_test(java, batches_of_an_idempotent_producer_follow_each_other);
    tcase_add_test(java, transactions_end_with_a_marker_that_no_client_may_send);
    tcase_add_loop_test(librdkafka, batches_of_librdkafka_hold_what_was_sent, 0, count);
    tcase_add_test(librdkafka, what_librdkafka_sent_is_encoded_to_the_same_bytes);
    suite_add_tcase(suite, java);
    suite_add_tcase(suite, librdkafka);
    return suite;
}
