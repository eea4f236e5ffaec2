#include <string.h>

#include "tests/client/helpers.h"

#include "client/partitioner.h"

START_TEST(murmur2_agrees_with_kafkas_java_client)
{
    static const struct { const char *key; int32_t hash; } golden[] = {
        { "21", -973932308 },
        { "foobar", -790332482 },
        { "abc", 479470107 },
        { "a-little-bit-long-string", -985981536 },
        { "a-little-bit-longer-string", -1486304829 },
        { "kafka", (int32_t)0xd067cf64 },
        { "", 0x106e08d9 },
    };

    for (size_t i = 0; i < sizeof golden / sizeof golden[0]; i++)
        ck_assert_int_eq((int32_t)murmur2(golden[i].key, strlen(golden[i].key)), golden[i].hash);
}
END_TEST

START_TEST(keys_go_where_kafkas_java_client_sends_them)
{
    ck_assert_int_eq(klient_partition_for_key("kafka", 5, 12), 4);
    ck_assert_int_eq(klient_partition_for_key("abc", 3, 12), 3);
    ck_assert_int_eq(klient_partition_for_key("foobar", 6, 12), 6);
}
END_TEST

START_TEST(without_partitions_there_is_no_choice)
{
    ck_assert_int_eq(klient_partition_for_key("kafka", 5, 0), -1);
}
END_TEST

START_TEST(picking_prefers_short_queues)
{
    static const uint32_t queues[] = { 9, 0, 9 };
    int picked[3] = { 0 };

    for (uint64_t chance = 0; chance < 1200; chance++)
        picked[partition_pick(queues, 3, chance)]++;

    ck_assert_int_eq(picked[0], 100);
    ck_assert_int_eq(picked[1], 1000);
    ck_assert_int_eq(picked[2], 100);
}
END_TEST

START_TEST(picking_without_queues_is_even)
{
    int picked[4] = { 0 };

    for (uint64_t chance = 0; chance < 400; chance++)
        picked[partition_pick(NULL, 4, chance)]++;

    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(picked[i], 100);
}
END_TEST

Suite *partitioner_suite(void)
{
    Suite *suite = suite_create("client/partitioner");
    TCase *tcase = tcase_create("partitioner");

    tcase_add_test(tcase, murmur2_agrees_with_kafkas_java_client);
    tcase_add_test(tcase, keys_go_where_kafkas_java_client_sends_them);
    tcase_add_test(tcase, without_partitions_there_is_no_choice);
    tcase_add_test(tcase, picking_prefers_short_queues);
    tcase_add_test(tcase, picking_without_queues_is_even);
    suite_add_tcase(suite, tcase);
    return suite;
}
