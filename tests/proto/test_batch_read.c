#include "proto/batch.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/varint.h"
#include "tests/proto/suites.h"

static uint8_t header[BATCH_HEADER_SIZE];
static struct batch_reader reader;
static struct record_view record;

/* Read `records` as the content of a batch that claims `count` of them. The bytes are copied to
 * memory of exactly their size, so that a sanitizer sees every step too far. Returns what the
 * last call returned. */
static int read_all(const void *records, size_t size, int32_t count)
{
    store_u32(header + BATCH_COUNT, (uint32_t)count);
    store_u32(header + BATCH_LAST_DELTA, (uint32_t)(count > 0 ? count - 1 : 0));
    uint8_t *copy = malloc(size > 0 ? size : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, records, size);

    int result = batch_reader_init(&reader, header, copy, size);
    while (result >= 0 && (result = batch_reader_next(&reader, &record)) == 1) {
        const uint8_t *at = record.headers;
        for (int32_t i = 0; i < record.header_count && result == 1; i++) {
            struct record_header out;
            if (record_next_header(&record, &at, &out) != 0)
                result = K_CORRUPT_MESSAGE;
        }
        if (result != 1)
            break;
    }
    free(copy);
    return result;
}

/* length | attributes | timestamp | offset | key "k" | value "v" | no headers */
static const uint8_t good[] = { 16, 0, 0, 0, 2, 'k', 2, 'v', 0 };

START_TEST(a_good_record_is_read)
{
    ck_assert_int_eq(read_all(good, sizeof good, 1), 0);
}
END_TEST

START_TEST(a_record_cut_anywhere_is_corrupt)
{
    for (size_t size = 0; size < sizeof good; size++)
        ck_assert_int_eq(read_all(good, size, 1), K_CORRUPT_MESSAGE);
}
END_TEST

START_TEST(fewer_or_more_records_than_the_count_are_corrupt)
{
    ck_assert_int_eq(read_all(good, sizeof good, 2), K_CORRUPT_MESSAGE);
    ck_assert_int_eq(read_all(good, sizeof good, 0), K_CORRUPT_MESSAGE);
    ck_assert_int_eq(read_all(good, sizeof good, -1), K_CORRUPT_MESSAGE);
    ck_assert_int_eq(read_all(good, 0, 0), 0);
}
END_TEST

START_TEST(sizes_that_lie_are_corrupt)
{
    static const struct { size_t at; uint8_t value; } rows[] = {
        { 0, 14 },      /* record ends before its header count */
        { 0, 18 },      /* ends behind the batch */
        { 0, 0 },       /* empty */
        { 0, 1 },       /* negative */
        { 3, 2 },       /* offset delta 1 in a batch of one */
        { 3, 1 },       /* offset delta -1 */
        { 4, 3 },       /* key size -2 */
        { 4, 12 },      /* key runs out of the record */
        { 4, 0x80 },    /* key size goes on in the key */
        { 6, 3 },       /* value size -2 */
        { 6, 6 },       /* value runs out of the record */
        { 6, 0 },       /* bytes left over */
        { 8, 1 },       /* -1 headers */
        { 8, 2 },       /* one header, but no bytes for it */
        { 8, 0x80 },    /* a count cut off */
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t bytes[sizeof good];
        memcpy(bytes, good, sizeof good);
        bytes[rows[i].at] = rows[i].value;
        ck_assert_msg(read_all(bytes, sizeof bytes, 1) == K_CORRUPT_MESSAGE, "row %zu", i);
    }
}
END_TEST

START_TEST(sizes_of_two_gigabytes_are_corrupt)
{
    const uint8_t key[] = { 24, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0x0f, 'k', 2, 'v', 0 };
    const uint8_t length[] = { 0xfe, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 2, 'k', 2, 'v', 0 };
    const uint8_t endless[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

    ck_assert_int_eq(read_all(key, sizeof key, 1), K_CORRUPT_MESSAGE);
    ck_assert_int_eq(read_all(length, sizeof length, 1), K_CORRUPT_MESSAGE);
    ck_assert_int_eq(read_all(endless, sizeof endless, 1), K_CORRUPT_MESSAGE);
}
END_TEST

START_TEST(headers_stay_inside_the_record)
{
    ck_assert_int_eq(read_all((const uint8_t[]){ 20, 0, 0, 0, 1, 1, 2, 2, 'h', 2, 'v' }, 11, 1), 0);
    ck_assert_int_eq(read_all((const uint8_t[]){20, 0, 0, 0, 1, 1, 2, 2, 'h', 4, 'v'}, 11, 1),
                     K_CORRUPT_MESSAGE);
    ck_assert_int_eq(read_all((const uint8_t[]){20, 0, 0, 0, 1, 1, 2, 8, 'h', 2, 'v'}, 11, 1),
                     K_CORRUPT_MESSAGE);
    ck_assert_int_eq(read_all((const uint8_t[]){20, 0, 0, 0, 1, 1, 2, 1, 'h', 2, 'v'}, 11, 1),
                     K_CORRUPT_MESSAGE);
}
END_TEST

START_TEST(varints_of_every_length_are_read)
{
    static const int64_t values[] = {
        0, -1, 1, 63, 64, -64, -65, 8191, 8192, -8192, -8193, 1 << 20, -(1 << 27), INT32_MAX,
        INT32_MIN, INT64_C(1) << 40, INT64_MAX, INT64_MIN
    };

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        uint8_t bytes[32], *at = bytes + 1;
        *at++ = 0;
        at = varint_put(at, values[i]);
        for (int field = 0; field < 4; field++)
            *at++ = 0;
        varint_put(bytes, at - bytes - 1);
        ck_assert_int_eq(read_all(bytes, (size_t)(at - bytes), 1), 0);
        ck_assert(record.timestamp == values[i]);
    }
}
END_TEST

START_TEST(records_of_a_compressed_batch_must_be_handed_in)
{
    store_u16(header + BATCH_ATTRIBUTES, CODEC_ZSTD);
    store_u32(header + BATCH_LENGTH, BATCH_HEADER_SIZE - BATCH_LENGTH_END);

    ck_assert_int_eq(batch_reader_init(&reader, header, NULL, 0), K_CORRUPT_MESSAGE);
}
END_TEST

Suite *batch_read_suite(void)
{
    Suite *suite = suite_create("proto/batch_read");
    TCase *read_case = tcase_create("read");

    tcase_add_test(read_case, a_good_record_is_read);
    tcase_add_test(read_case, a_record_cut_anywhere_is_corrupt);
    tcase_add_test(read_case, fewer_or_more_records_than_the_count_are_corrupt);
    tcase_add_test(read_case, sizes_that_lie_are_corrupt);
    tcase_add_test(read_case, sizes_of_two_gigabytes_are_corrupt);
    tcase_add_test(read_case, headers_stay_inside_the_record);
    tcase_add_test(read_case, varints_of_every_length_are_read);
    tcase_add_test(read_case, records_of_a_compressed_batch_must_be_handed_in);
    suite_add_tcase(suite, read_case);
    return suite;
}
