#include "proto/batch.h"

#include <limits.h>
#include <string.h>

#include "common/error.h"
#include "tests/proto/suites.h"

static uint8_t bytes[4096];
static struct batch_builder builder;

static int add(int64_t timestamp, const char *key, const char *value)
{
    return batch_build_add(&builder, timestamp, key, key != NULL ? (int32_t)strlen(key) : 0, value,
                           value != NULL ? (int32_t)strlen(value) : 0, NULL, 0);
}

START_TEST(a_built_batch_is_an_honest_one)
{
    batch_build_start(&builder, bytes, sizeof bytes);
    ck_assert_int_eq(add(1000, "a", "1"), 0);
    ck_assert_int_eq(add(3000, NULL, NULL), 0);
    ck_assert_int_eq(add(2000, "", ""), 0);

    batch_build_finish(&builder);

    size_t size;
    ck_assert_int_eq(batch_check(bytes, sizeof bytes, true, &size), 0);
    ck_assert_uint_eq(size, builder.size);
    ck_assert_int_eq(batch_count(bytes), 3);
    ck_assert_int_eq(batch_last_delta(bytes), 2);
    ck_assert_int_eq(batch_base_timestamp(bytes), 1000);
    ck_assert_int_eq(batch_max_timestamp(bytes), 3000);
    ck_assert_int_eq(batch_leader_epoch(bytes), -1);
    ck_assert_int_eq(batch_producer_id(bytes), -1);
    ck_assert_int_eq(batch_producer_epoch(bytes), -1);
    ck_assert_int_eq(batch_base_sequence(bytes), -1);
    ck_assert_int_eq(batch_codec(bytes), CODEC_NONE);
}
END_TEST

START_TEST(stamping_leaves_the_checksum_valid)
{
    batch_build_start(&builder, bytes, sizeof bytes);
    ck_assert_int_eq(add(1, "a", "1"), 0);
    batch_build_finish(&builder);

    batch_stamp(bytes, 123456789012, 42);

    size_t size;
    ck_assert_int_eq(batch_check(bytes, builder.size, false, &size), 0);
    ck_assert_int_eq(batch_base_offset(bytes), 123456789012);
    ck_assert_int_eq(batch_last_offset(bytes), 123456789012);
    ck_assert_int_eq(batch_leader_epoch(bytes), 42);
}
END_TEST

START_TEST(a_record_that_does_not_fit_leaves_the_batch_as_it_was)
{
    static const char value[200] = { 0 };
    size_t exact = BATCH_HEADER_SIZE + 2 + 5 + 2 + sizeof value;    /* two bytes of length, twice */

    batch_build_start(&builder, bytes, exact - 1);
    ck_assert_int_eq(batch_build_add(&builder, 1, NULL, 0, value, sizeof value, NULL, 0),
                     K_MESSAGE_TOO_LARGE);
    ck_assert_uint_eq(builder.size, BATCH_HEADER_SIZE);
    ck_assert_int_eq(builder.count, 0);

    batch_build_start(&builder, bytes, exact);
    ck_assert_int_eq(batch_build_add(&builder, 1, NULL, 0, value, sizeof value, NULL, 0), 0);
    ck_assert_uint_eq(builder.size, exact);
}
END_TEST

START_TEST(nothing_is_written_behind_the_capacity)
{
    for (size_t capacity = BATCH_HEADER_SIZE; capacity < 400; capacity++) {
        memset(bytes, 0xee, sizeof bytes);
        batch_build_start(&builder, bytes, capacity);

        while (add(builder.count * 1000, "some key", "some value of some length") == 0)
            ;

        ck_assert_uint_le(builder.size, capacity);
        for (size_t i = capacity; i < 500; i++)
            ck_assert_uint_eq(bytes[i], 0xee);
    }
}
END_TEST

START_TEST(the_size_bound_is_one)
{
    static const char text[3000] = { 0 };
    static const int32_t sizes[] = { 0, 1, 63, 64, 127, 128, 1000, 3000 };
    const struct record_header headers[] = {
        {(const uint8_t *)"name", 4, (const uint8_t *)text, 100},
        {(const uint8_t *)"", 0, NULL, 0}};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t bound = record_size_max(0, sizes[i], headers, 2);
        batch_build_start(&builder, bytes, BATCH_HEADER_SIZE + bound);
        ck_assert_int_eq(batch_build_add(&builder, INT64_MIN, "", 0, text, sizes[i], headers, 2),
                         0);
        ck_assert_uint_ge(bound + BATCH_HEADER_SIZE, builder.size);
    }
    ck_assert_uint_eq(record_size_max(-1, -1, NULL, 0), record_size_max(0, 0, NULL, 0));
    ck_assert_uint_gt(record_size_max(INT_MAX, INT_MAX, NULL, 0), 2u * INT_MAX);
}
END_TEST

START_TEST(timestamps_may_be_anything)
{
    static const int64_t times[] = { 0, INT64_MAX, INT64_MIN, -1, 1 };

    batch_build_start(&builder, bytes, sizeof bytes);
    for (size_t i = 0; i < 5; i++)
        ck_assert_int_eq(add(times[i], "k", "v"), 0);
    batch_build_finish(&builder);

    struct batch_reader reader;
    struct record_view record;
    ck_assert_int_eq(batch_reader_init(&reader, bytes, NULL, 0), 0);
    for (size_t i = 0; i < 5; i++) {
        ck_assert_int_eq(batch_reader_next(&reader, &record), 1);
        ck_assert(record.timestamp == times[i]);
    }
    ck_assert(batch_max_timestamp(bytes) == INT64_MAX);
}
END_TEST

Suite *batch_build_suite(void)
{
    Suite *suite = suite_create("proto/batch_build");
    TCase *build = tcase_create("build");

    tcase_add_test(build, a_built_batch_is_an_honest_one);
    tcase_add_test(build, stamping_leaves_the_checksum_valid);
    tcase_add_test(build, a_record_that_does_not_fit_leaves_the_batch_as_it_was);
    tcase_add_test(build, nothing_is_written_behind_the_capacity);
    tcase_add_test(build, the_size_bound_is_one);
    tcase_add_test(build, timestamps_may_be_anything);
    suite_add_tcase(suite, build);
    return suite;
}
