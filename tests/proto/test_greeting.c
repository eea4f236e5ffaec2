#include "proto/greeting.h"

#include "common/error.h"
#include "tests/proto/suites.h"

static const uint8_t client_bytes[GREETING_CLIENT_SIZE] = "KAIR\0\1\0\1\0\3\0";
static const uint8_t broker_bytes[GREETING_BROKER_SIZE] =
    "KAIR\0\1\0\1\0\0\0\7\0\4\0\2Vlw9NMHfRkW0Ur3Kbx0_9g";

START_TEST(the_clients_greeting_has_its_fixed_layout)
{
    uint8_t bytes[GREETING_CLIENT_SIZE];

    greeting_client_write(&(struct greeting_client){ 1, 1, 3 }, bytes);

    ck_assert_mem_eq(bytes, client_bytes, sizeof bytes);
}
END_TEST

START_TEST(the_brokers_greeting_has_its_fixed_layout)
{
    const struct greeting_broker greeting = { 1, 1, 7, 4, 2, "Vlw9NMHfRkW0Ur3Kbx0_9g" };
    uint8_t bytes[GREETING_BROKER_SIZE];

    greeting_broker_write(&greeting, bytes);

    ck_assert_mem_eq(bytes, broker_bytes, sizeof bytes);
}
END_TEST

START_TEST(both_are_read_back)
{
    struct greeting_client client;
    struct greeting_broker broker;

    ck_assert_int_eq(greeting_client_read(client_bytes, sizeof client_bytes, &client),
                     GREETING_CLIENT_SIZE);
    ck_assert_int_eq(greeting_broker_read(broker_bytes, sizeof broker_bytes, &broker),
                     GREETING_BROKER_SIZE);

    ck_assert_int_eq(client.loop, 3);
    ck_assert_int_eq(broker.broker_id, 7);
    ck_assert_int_eq(broker.loops, 4);
    ck_assert_int_eq(broker.loop, 2);
    ck_assert_str_eq(broker.cluster_id, "Vlw9NMHfRkW0Ur3Kbx0_9g");
}
END_TEST

START_TEST(a_cluster_id_that_fills_its_field_is_kept_whole)
{
    const struct greeting_broker greeting = { 1, 1, 0, 1, 0, "abcdefghijklmnopqrstuvwx" };
    uint8_t bytes[GREETING_BROKER_SIZE];
    struct greeting_broker read;

    greeting_broker_write(&greeting, bytes);
    ck_assert_int_eq(greeting_broker_read(bytes, sizeof bytes, &read), GREETING_BROKER_SIZE);

    ck_assert_str_eq(read.cluster_id, greeting.cluster_id);
}
END_TEST

START_TEST(every_beginning_of_a_greeting_waits_for_more)
{
    struct greeting_client client;
    struct greeting_broker broker;

    for (size_t size = 0; size < sizeof client_bytes; size++)
        ck_assert_int_eq(greeting_client_read(client_bytes, size, &client), 0);
    for (size_t size = 0; size < sizeof broker_bytes; size++)
        ck_assert_int_eq(greeting_broker_read(broker_bytes, size, &broker), 0);
}
END_TEST

START_TEST(strangers_are_known_by_their_first_wrong_byte)
{
    static const char strangers[][5] = {"GET ", "\x16\x03\x01\x02", "KAIr", "KX",
                                        "\n",   "\0\0\0\x23"};
    struct greeting_client client;
    struct greeting_broker broker;

    ck_assert_int_eq(greeting_client_read((const uint8_t *)"G", 1, &client), K_MALFORMED);
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        const uint8_t *bytes = (const uint8_t *)strangers[i];
        ck_assert_int_eq(greeting_client_read(bytes, 4, &client), K_MALFORMED);
        ck_assert_int_eq(greeting_broker_read(bytes, 4, &broker), K_MALFORMED);
    }
}
END_TEST

START_TEST(only_overlapping_versions_have_one_in_common)
{
    static const struct { uint16_t lowest, highest; ssize_t expected; } rows[] = {
        { 1, 1, GREETING_CLIENT_SIZE }, { 0, 1, GREETING_CLIENT_SIZE },
        { 1, 0xffff, GREETING_CLIENT_SIZE }, { 0, 0xffff, GREETING_CLIENT_SIZE },
        { 0, 0, K_NO_COMMON_VERSION }, { PROTOCOL_HIGHEST + 1, 9, K_NO_COMMON_VERSION },
        { 2, 1, K_MALFORMED },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct greeting_client greeting = { rows[i].lowest, rows[i].highest, 0 };
        uint8_t bytes[GREETING_CLIENT_SIZE];
        struct greeting_client read;
        greeting_client_write(&greeting, bytes);
        ck_assert_int_eq(greeting_client_read(bytes, sizeof bytes, &read), rows[i].expected);
        ck_assert_int_eq(read.highest, rows[i].highest);
    }
}
END_TEST

Suite *greeting_suite(void)
{
    Suite *suite = suite_create("proto/greeting");
    TCase *layout = tcase_create("layout"), *refusal = tcase_create("refusal");

    tcase_add_test(layout, the_clients_greeting_has_its_fixed_layout);
    tcase_add_test(layout, the_brokers_greeting_has_its_fixed_layout);
    tcase_add_test(layout, both_are_read_back);
    tcase_add_test(layout, a_cluster_id_that_fills_its_field_is_kept_whole);
    tcase_add_test(layout, every_beginning_of_a_greeting_waits_for_more);
    tcase_add_test(refusal, strangers_are_known_by_their_first_wrong_byte);
    tcase_add_test(refusal, only_overlapping_versions_have_one_in_common);
    suite_add_tcase(suite, layout);
    suite_add_tcase(suite, refusal);
    return suite;
}
