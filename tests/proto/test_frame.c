#include "proto/frame.h"

#include <string.h>

#include "common/error.h"
#include "tests/proto/suites.h"

enum { LIMIT = 1000 };

START_TEST(a_written_frame_is_cut_and_split_again)
{
    uint8_t bytes[FRAME_PREFIX + 5] = { 0 };
    memcpy(bytes + FRAME_PREFIX, "HEpay", 5);
    frame_prefix(bytes, 2, 3);

    struct frame frame;
    ck_assert_int_eq(frame_cut(bytes, sizeof bytes, LIMIT), sizeof bytes);
    ck_assert_int_eq(frame_split(bytes, sizeof bytes, &frame), 0);

    ck_assert_uint_eq(frame.head_size, 2);
    ck_assert_mem_eq(frame.head, "HE", 2);
    ck_assert_uint_eq(frame.payload_size, 3);
    ck_assert_mem_eq(frame.payload, "pay", 3);
}
END_TEST

START_TEST(the_prefix_is_two_lengths_in_network_order)
{
    uint8_t bytes[FRAME_PREFIX];

    frame_prefix(bytes, 0x0102, 0x030405);

    const uint8_t expected[] = { 0x00, 0x03, 0x05, 0x0b, 0x00, 0x00, 0x01, 0x02 };
    ck_assert_mem_eq(bytes, expected, sizeof expected);
}
END_TEST

START_TEST(head_and_payload_may_be_empty)
{
    uint8_t bytes[FRAME_PREFIX];
    frame_prefix(bytes, 0, 0);

    struct frame frame;
    ck_assert_int_eq(frame_split(bytes, sizeof bytes, &frame), 0);

    ck_assert_uint_eq(frame.head_size, 0);
    ck_assert_uint_eq(frame.payload_size, 0);
}
END_TEST

START_TEST(three_bytes_are_too_few_to_tell_a_size)
{
    ck_assert_int_eq(frame_cut((const uint8_t *)"\xff\xff\xff", 3, LIMIT), 0);
}
END_TEST

START_TEST(the_size_is_known_from_four_bytes_on)
{
    ck_assert_int_eq(frame_cut((const uint8_t *)"\x00\x00\x00\x63", 4, LIMIT), 4 + 0x63);
}
END_TEST

START_TEST(a_length_without_room_for_the_head_length_is_malformed)
{
    ck_assert_int_eq(frame_cut((const uint8_t *)"\x00\x00\x00\x03", 4, LIMIT), K_MALFORMED);
}
END_TEST

START_TEST(the_limit_itself_passes_and_one_more_does_not)
{
    ck_assert_int_eq(frame_cut((const uint8_t *)"\x00\x00\x03\xe4", 4, LIMIT), LIMIT);
    ck_assert_int_eq(frame_cut((const uint8_t *)"\x00\x00\x03\xe5", 4, LIMIT), K_FRAME_TOO_LARGE);
    ck_assert_int_eq(frame_cut((const uint8_t *)"\xff\xff\xff\xff", 4, LIMIT), K_FRAME_TOO_LARGE);
}
END_TEST

START_TEST(a_frame_cut_off_or_glued_to_another_is_malformed)
{
    uint8_t bytes[FRAME_PREFIX + 10] = { 0 };
    frame_prefix(bytes, 2, 3);

    struct frame frame;
    for (size_t size = 0; size <= sizeof bytes; size++)
        ck_assert_int_eq(frame_split(bytes, size, &frame),
                         size == FRAME_PREFIX + 5 ? 0 : K_MALFORMED);
}
END_TEST

START_TEST(a_head_longer_than_the_frame_is_malformed)
{
    uint8_t bytes[FRAME_PREFIX + 4] = { 0, 0, 0, 8, 0, 0, 0, 5 };

    struct frame frame;
    ck_assert_int_eq(frame_split(bytes, sizeof bytes, &frame), K_MALFORMED);
}
END_TEST

START_TEST(a_head_over_the_maximum_is_too_large)
{
    uint8_t bytes[FRAME_PREFIX + 4] = { 0, 0, 0, 8, 1, 0, 0, 1 };

    struct frame frame;
    ck_assert_int_eq(frame_split(bytes, sizeof bytes, &frame), K_FRAME_TOO_LARGE);
}
END_TEST

Suite *frame_suite(void)
{
    Suite *suite = suite_create("proto/frame");
    TCase *cut = tcase_create("cut"), *split = tcase_create("split");

    tcase_add_test(cut, three_bytes_are_too_few_to_tell_a_size);
    tcase_add_test(cut, the_size_is_known_from_four_bytes_on);
    tcase_add_test(cut, a_length_without_room_for_the_head_length_is_malformed);
    tcase_add_test(cut, the_limit_itself_passes_and_one_more_does_not);
    tcase_add_test(split, a_written_frame_is_cut_and_split_again);
    tcase_add_test(split, the_prefix_is_two_lengths_in_network_order);
    tcase_add_test(split, head_and_payload_may_be_empty);
    tcase_add_test(split, a_frame_cut_off_or_glued_to_another_is_malformed);
    tcase_add_test(split, a_head_longer_than_the_frame_is_malformed);
    tcase_add_test(split, a_head_over_the_maximum_is_too_large);
    suite_add_tcase(suite, cut);
    suite_add_tcase(suite, split);
    return suite;
}
