#include "proto/batch.h"

#include <string.h>

#include "common/error.h"
#include "tests/proto/suites.h"

enum { RECORDS = 3 };

static uint8_t bytes[512];
static size_t whole;

static void setup(void)
{
    struct batch_builder builder;
    batch_build_start(&builder, bytes, sizeof bytes);
    for (int i = 0; i < RECORDS; i++)
        ck_assert_int_eq(batch_build_add(&builder, i, "key", 3, "value", 5, NULL, 0), 0);
    batch_build_finish(&builder);
    whole = builder.size;
}

static int check(bool from_client)
{
    size_t size;
    return batch_check(bytes, whole, from_client, &size);
}

START_TEST(every_flipped_bit_is_noticed_except_in_what_is_stamped)
{
    for (size_t at = 0; at < whole; at++)
        for (int bit = 0; bit < 8; bit++) {
            bytes[at] ^= (uint8_t)(1 << bit);
            int error = check(true);
            bool stamped = at < BATCH_LENGTH || (at >= BATCH_LEADER_EPOCH && at < BATCH_MAGIC);
            ck_assert_msg((error == 0) == stamped, "byte %zu bit %d: %d", at, bit, error);
            bytes[at] ^= (uint8_t)(1 << bit);
        }
}
END_TEST

START_TEST(every_beginning_of_a_batch_is_malformed)
{
    size_t size;
    for (size_t available = 0; available < whole; available++)
        ck_assert_int_eq(batch_check(bytes, available, true, &size), K_MALFORMED);
}
END_TEST

START_TEST(what_follows_a_batch_does_not_matter)
{
    size_t size = 0;

    ck_assert_int_eq(batch_check(bytes, sizeof bytes, true, &size), 0);

    ck_assert_uint_eq(size, whole);
}
END_TEST

START_TEST(a_length_shorter_than_a_header_is_malformed)
{
    store_u32(bytes + BATCH_LENGTH, BATCH_HEADER_SIZE - BATCH_LENGTH_END - 1);

    ck_assert_int_eq(check(true), K_MALFORMED);
}
END_TEST

START_TEST(other_versions_are_malformed)
{
    bytes[BATCH_MAGIC] = 1;

    ck_assert_int_eq(check(true), K_MALFORMED);
}
END_TEST

START_TEST(a_client_may_not_count_wrongly)
{
    static const struct { int32_t last_delta, count; bool client, stored; } rows[] = {
        { 2, 3, true, true },   { 2, 2, false, true },  { 2, 0, false, true },
        { 9, 3, false, true },  { 1, 3, false, false }, { -1, 0, false, false },
        { 2, -1, false, false }, { INT32_MAX, INT32_MAX, false, false }, { 99, 100, false, false },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        store_u32(bytes + BATCH_LAST_DELTA, (uint32_t)rows[i].last_delta);
        store_u32(bytes + BATCH_COUNT, (uint32_t)rows[i].count);
        batch_seal_crc(bytes);
        ck_assert_int_eq(check(true), rows[i].client ? 0 : K_CORRUPT_MESSAGE);
        ck_assert_int_eq(check(false), rows[i].stored ? 0 : K_CORRUPT_MESSAGE);
    }
}
END_TEST

START_TEST(a_client_may_not_send_control_batches)
{
    store_u16(bytes + BATCH_ATTRIBUTES, BATCH_CONTROL | BATCH_TRANSACTIONAL);
    batch_seal_crc(bytes);

    ck_assert_int_eq(check(true), K_CORRUPT_MESSAGE);
    ck_assert_int_eq(check(false), 0);
}
END_TEST

START_TEST(codecs_five_to_seven_are_unknown)
{
    for (uint16_t codec = 0; codec < 8; codec++) {
        store_u16(bytes + BATCH_ATTRIBUTES, codec);
        batch_seal_crc(bytes);
        ck_assert_int_eq(check(true), codec < CODEC_COUNT ? 0 : K_UNSUPPORTED_COMPRESSION_TYPE);
    }
}
END_TEST

START_TEST(stored_offsets_stay_within_63_bits)
{
    batch_stamp(bytes, INT64_MAX - (RECORDS - 1), 0);
    ck_assert_int_eq(check(false), 0);

    batch_stamp(bytes, INT64_MAX - 1, 0);
    ck_assert_int_eq(check(false), K_CORRUPT_MESSAGE);
    ck_assert_int_eq(check(true), 0);

    batch_stamp(bytes, -1, 0);
    ck_assert_int_eq(check(false), K_CORRUPT_MESSAGE);
}
END_TEST

Suite *batch_check_suite(void)
{
    Suite *suite = suite_create("proto/batch_check");
    TCase *check_case = tcase_create("check");

    tcase_add_checked_fixture(check_case, setup, NULL);
    tcase_add_test(check_case, every_flipped_bit_is_noticed_except_in_what_is_stamped);
    tcase_add_test(check_case, every_beginning_of_a_batch_is_malformed);
    tcase_add_test(check_case, what_follows_a_batch_does_not_matter);
    tcase_add_test(check_case, a_length_shorter_than_a_header_is_malformed);
    tcase_add_test(check_case, other_versions_are_malformed);
    tcase_add_test(check_case, a_client_may_not_count_wrongly);
    tcase_add_test(check_case, a_client_may_not_send_control_batches);
    tcase_add_test(check_case, codecs_five_to_seven_are_unknown);
    tcase_add_test(check_case, stored_offsets_stay_within_63_bits);
    suite_add_tcase(suite, check_case);
    return suite;
}
