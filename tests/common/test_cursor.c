#include <stdlib.h>
#include <string.h>

#include "common/cursor.h"
#include "common/endian.h"
#include "common/rand.h"
#include "common/varint.h"
#include "tests/common/suites.h"

START_TEST(fields_are_read_in_network_order)
{
    const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 'x', 'y' };
    struct cursor cursor = cursor_of(bytes, sizeof bytes);

    ck_assert_uint_eq(cursor_u8(&cursor), 0x01);
    ck_assert_uint_eq(cursor_u16(&cursor), 0x0203);
    ck_assert_uint_eq(cursor_u32(&cursor), 0x04050607);
    ck_assert_uint_eq(cursor_u64(&cursor), 0x08090a0b0c0d0e0f);
    ck_assert_mem_eq(cursor_bytes(&cursor, 2), "xy", 2);
    ck_assert_uint_eq(cursor_left(&cursor), 0);
    ck_assert(!cursor.failed);
}
END_TEST

START_TEST(stored_integers_are_loaded_back_at_any_alignment)
{
    uint8_t bytes[24];

    for (size_t shift = 0; shift < 8; shift++) {
        store_u16(bytes + shift, 0xfedc);
        ck_assert_uint_eq(bytes[shift], 0xfe);
        ck_assert_uint_eq(load_u16(bytes + shift), 0xfedc);
        store_u32(bytes + shift, 0xfedcba98);
        ck_assert_uint_eq(bytes[shift + 3], 0x98);
        ck_assert_uint_eq(load_u32(bytes + shift), 0xfedcba98);
        store_u64(bytes + shift, 0xfedcba9876543210);
        ck_assert_uint_eq(bytes[shift + 7], 0x10);
        ck_assert_uint_eq(load_u64(bytes + shift), 0xfedcba9876543210);
    }
}
END_TEST

START_TEST(failure_stays_and_later_reads_return_nothing)
{
    const uint8_t bytes[] = { 1, 2, 3 };
    struct cursor cursor = cursor_of(bytes, sizeof bytes);

    ck_assert_uint_eq(cursor_u32(&cursor), 0);

    ck_assert(cursor.failed);
    ck_assert_uint_eq(cursor_u8(&cursor), 0);
    ck_assert_ptr_null(cursor_bytes(&cursor, 0));
    ck_assert_int_eq(cursor_varint(&cursor), 0);
}
END_TEST

START_TEST(absurd_length_fails_instead_of_wrapping)
{
    const uint8_t bytes[] = { 1, 2, 3 };
    struct cursor cursor = cursor_of(bytes, sizeof bytes);

    ck_assert_ptr_null(cursor_bytes(&cursor, SIZE_MAX));
    ck_assert(cursor.failed);
}
END_TEST

START_TEST(empty_input_without_an_address_is_just_empty)
{
    struct cursor cursor = cursor_of(NULL, 0);

    ck_assert_uint_eq(cursor_left(&cursor), 0);
    ck_assert_uint_eq(cursor_u8(&cursor), 0);
    ck_assert(cursor.failed);
}
END_TEST

struct varint_example {
    int64_t value;
    size_t size;
    const char *bytes;
};

START_TEST(varints_have_the_bytes_that_kafka_gives_them)
{
    static const struct varint_example examples[] = {
        { 0, 1, "\x00" },
        { -1, 1, "\x01" },
        { 1, 1, "\x02" },
        { 63, 1, "\x7e" },
        { -64, 1, "\x7f" },
        { 64, 2, "\x80\x01" },
        { -65, 2, "\x81\x01" },
        { 8191, 2, "\xfe\x7f" },
        { 8192, 3, "\x80\x80\x01" },
        { INT32_MAX, 5, "\xfe\xff\xff\xff\x0f" },
        { INT32_MIN, 5, "\xff\xff\xff\xff\x0f" },
        { INT64_MAX, 10, "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01" },
        { INT64_MIN, 10, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" },
    };

    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        const struct varint_example *example = &examples[i];
        uint8_t bytes[VARLONG_MAX];
        struct cursor cursor = cursor_of(example->bytes, example->size);

        size_t size = (size_t)(varint_put(bytes, example->value) - bytes);

        ck_assert_uint_eq(size, example->size);
        ck_assert_uint_eq(varint_size(example->value), example->size);
        ck_assert_mem_eq(bytes, example->bytes, size);
        ck_assert_int_eq(cursor_varlong(&cursor), example->value);
        ck_assert(!cursor.failed);
        ck_assert_uint_eq(cursor_left(&cursor), 0);
    }
}
END_TEST

START_TEST(random_varints_survive_the_round_trip)
{
    struct rand rand;
    rand_seed(&rand, 11);

    for (int i = 0; i < 100000; i++) {
        int64_t value = (int64_t)(rand_u64(&rand) >> rand_below(&rand, 64));
        uint8_t bytes[VARLONG_MAX];
        value = (rand_u64(&rand) & 1) != 0 ? -value : value;

        size_t size = (size_t)(varint_put(bytes, value) - bytes);
        struct cursor cursor = cursor_of(bytes, size);

        ck_assert_uint_eq(varint_size(value), size);
        ck_assert_int_eq(cursor_varlong(&cursor), value);
        if (value >= INT32_MIN && value <= INT32_MAX) {
            cursor = cursor_of(bytes, size);
            ck_assert_int_eq(cursor_varint(&cursor), value);
        }
        ck_assert(!cursor.failed);
    }
}
END_TEST

START_TEST(varints_that_are_too_long_or_too_large_fail)
{
    struct cursor six = cursor_of("\x80\x80\x80\x80\x80\x01", 6);
    struct cursor large = cursor_of("\xff\xff\xff\xff\x1f", 5);
    struct cursor eleven = cursor_of("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11);
    struct cursor larger = cursor_of("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10);
    struct cursor cut = cursor_of("\x80\x80", 2);

    cursor_varint(&six);
    cursor_varint(&large);
    cursor_varlong(&eleven);
    cursor_varlong(&larger);
    cursor_varint(&cut);

    ck_assert(six.failed);
    ck_assert(large.failed);
    ck_assert(eleven.failed);
    ck_assert(larger.failed);
    ck_assert(cut.failed);
}
END_TEST

/* Exactly as many bytes as the heap gives: a sanitizer sees the first one too many. */
START_TEST(random_reads_of_random_bytes_never_run_past_the_end)
{
    struct rand rand;
    rand_seed(&rand, 4);

    for (int round = 0; round < 5000; round++) {
        size_t size = rand_below(&rand, 40);
        uint8_t *bytes = malloc(size > 0 ? size : 1);
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)(rand_u64(&rand) | (rand_u64(&rand) & 0x80));
        struct cursor cursor = cursor_of(bytes, size);

        while (!cursor.failed) {
            switch (rand_below(&rand, 7)) {
            case 0: cursor_u8(&cursor); break;
            case 1: cursor_u16(&cursor); break;
            case 2: cursor_u32(&cursor); break;
            case 3: cursor_u64(&cursor); break;
            case 4: cursor_varint(&cursor); break;
            case 5: cursor_varlong(&cursor); break;
            case 6: cursor_bytes(&cursor, 1 + rand_below(&rand, 50)); break;
            }
            ck_assert(cursor.next <= cursor.end);
        }

        ck_assert_ptr_eq(cursor.end, bytes + size);
        free(bytes);
    }
}
END_TEST

Suite *cursor_suite(void)
{
    Suite *suite = suite_create("common/cursor");
    TCase *basics = tcase_create("basics");

    tcase_add_test(basics, fields_are_read_in_network_order);
    tcase_add_test(basics, stored_integers_are_loaded_back_at_any_alignment);
    tcase_add_test(basics, failure_stays_and_later_reads_return_nothing);
    tcase_add_test(basics, absurd_length_fails_instead_of_wrapping);
    tcase_add_test(basics, empty_input_without_an_address_is_just_empty);
    tcase_add_test(basics, varints_have_the_bytes_that_kafka_gives_them);
    tcase_add_test(basics, random_varints_survive_the_round_trip);
    tcase_add_test(basics, varints_that_are_too_long_or_too_large_fail);
    tcase_add_test(basics, random_reads_of_random_bytes_never_run_past_the_end);
    suite_add_tcase(suite, basics);
    return suite;
}
