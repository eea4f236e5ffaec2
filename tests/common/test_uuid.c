#include <string.h>

#include "common/rand.h"
#include "common/uuid.h"
#include "tests/common/suites.h"

START_TEST(text_is_url_safe_base64_without_padding)
{
    struct uuid zero = { { 0 } }, ones, counting;
    char text[UUID_TEXT_SIZE];
    memset(&ones, 0xff, sizeof ones);
    for (int i = 0; i < 16; i++)
        counting.bytes[i] = (uint8_t)i;

    uuid_format(&zero, text);
    ck_assert_str_eq(text, "AAAAAAAAAAAAAAAAAAAAAA");
    uuid_format(&ones, text);
    ck_assert_str_eq(text, "_____________________w");
    uuid_format(&counting, text);
    ck_assert_str_eq(text, "AAECAwQFBgcICQoLDA0ODw");
}
END_TEST

START_TEST(random_bytes_survive_the_round_trip)
{
    struct rand rand;
    rand_seed(&rand, 8);

    for (int i = 0; i < 10000; i++) {
        struct uuid uuid, back;
        char text[UUID_TEXT_SIZE];
        for (int b = 0; b < 16; b++)
            uuid.bytes[b] = (uint8_t)rand_u64(&rand);

        uuid_format(&uuid, text);

        ck_assert_uint_eq(strlen(text), 22);
        ck_assert(uuid_parse(text, &back));
        ck_assert(uuid_equal(&uuid, &back));
        ck_assert_uint_eq(uuid_hash(&uuid), uuid_hash(&back));
    }
}
END_TEST

START_TEST(wrong_texts_are_refused_and_leave_the_output_alone)
{
    static const char *const wrong[] = {
        "", "AAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAA=",
        "AAAAAAAAAA+AAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAB", "AAAAAAAAAA AAAAAAAAAAA",
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    };
    struct uuid uuid = { { 1 } };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        ck_assert_msg(!uuid_parse(wrong[i], &uuid), "accepted \"%s\"", wrong[i]);

    ck_assert_uint_eq(uuid.bytes[0], 1);
}
END_TEST

START_TEST(random_uuids_are_version_4_and_differ)
{
    struct uuid before = uuid_random();

    for (int i = 0; i < 1000; i++) {
        struct uuid uuid = uuid_random();
        char text[UUID_TEXT_SIZE];
        uuid_format(&uuid, text);
        ck_assert_int_ne(text[0], '-');
        ck_assert_uint_eq(uuid.bytes[6] >> 4, 4);
        ck_assert_uint_eq(uuid.bytes[8] >> 6, 2);
        ck_assert(!uuid_is_zero(&uuid));
        ck_assert(!uuid_equal(&uuid, &before));
        before = uuid;
    }
}
END_TEST

Suite *uuid_suite(void)
{
    Suite *suite = suite_create("common/uuid");
    TCase *basics = tcase_create("basics");

    tcase_add_test(basics, text_is_url_safe_base64_without_padding);
    tcase_add_test(basics, random_bytes_survive_the_round_trip);
    tcase_add_test(basics, wrong_texts_are_refused_and_leave_the_output_alone);
    tcase_add_test(basics, random_uuids_are_version_4_and_differ);
    suite_add_tcase(suite, basics);
    return suite;
}
