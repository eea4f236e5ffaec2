/* The bytes are those of Kafka 3.9.1's ConsumerProtocol and sticky assignor. */
#include "proto/consumer_protocol.h"

#include <string.h>

#include "common/error.h"
#include "tests/proto/hex.h"
#include "tests/proto/suites.h"

#define TOPICS "00000002 0003'bar' 0003'foo'"
#define USER_DATA "00000003 010203"
#define OWNED "00000002 0003'bar' 00000001 00000001 0003'foo' 00000002 00000000 00000002"

static const char *const subscriptions[] = {
    "0000" TOPICS USER_DATA,
    "0001" TOPICS USER_DATA OWNED,
    "0002" TOPICS USER_DATA OWNED "00000007",
    "0003" TOPICS USER_DATA OWNED "00000007 0002'r1'",
};

static const char *const bare_subscriptions[] = {
    "0000 00000001 0003'foo' ffffffff",
    "0001 00000001 0003'foo' ffffffff 00000000",
    "0002 00000001 0003'foo' ffffffff 00000000 ffffffff",
    "0003 00000001 0003'foo' ffffffff 00000000 ffffffff ffff",
};

enum { VERSIONS = sizeof subscriptions / sizeof subscriptions[0] };

static const int32_t one[] = {1}, zero_and_two[] = {0, 2};

static const struct consumer_partitions owned[] = {
    {{"bar", 3}, one, 1},
    {{"foo", 3}, zero_and_two, 2},
};

static void check_text(struct consumer_text text, const char *expected)
{
    ck_assert_ptr_nonnull(text.data);
    ck_assert_uint_eq(text.size, strlen(expected));
    ck_assert_mem_eq(text.data, expected, text.size);
}

static void check_owned(struct consumer_list list)
{
    struct consumer_claim claim;

    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++) {
        ck_assert(consumer_claim_next(&list, &claim));
        check_text(claim.topic, owned[i].topic.data);
        ck_assert_int_eq(claim.count, owned[i].count);
        for (int32_t j = 0; j < claim.count; j++)
            ck_assert_int_eq(consumer_partition(&claim, j), owned[i].numbers[j]);
    }
    ck_assert(!consumer_claim_next(&list, &claim));
}

START_TEST(subscriptions_are_written_as_kafka_does)
{
    static const struct consumer_text topics[] = {{"bar", 3}, {"foo", 3}};
    static const struct consumer_subscribing full = {
        topics, 2, {"\1\2\3", 3}, owned, 2, 7, {"r1", 2}};
    static const struct consumer_subscribing bare = {.topics = topics + 1, .topic_count = 1,
                                                     .generation = CONSUMER_GENERATION_NONE};

    for (int version = 0; version < VERSIONS; version++) {
        struct buffer buffer = {0};
        ck_assert_int_eq(consumer_subscription_write(&buffer, version, &full), 0);
        check_written(&buffer, subscriptions[version]);
        buffer = (struct buffer){0};
        ck_assert_int_eq(consumer_subscription_write(&buffer, version, &bare), 0);
        check_written(&buffer, bare_subscriptions[version]);
    }
}
END_TEST

START_TEST(subscriptions_of_all_versions_are_read)
{
    for (int version = 0; version < VERSIONS; version++) {
        struct bytes bytes = bytes_of(subscriptions[version]);
        struct consumer_subscription read;
        struct consumer_text topic;

        ck_assert_int_eq(consumer_subscription_read(bytes.data, bytes.size, &read), 0);

        ck_assert(consumer_topic_next(&read.topics, &topic));
        check_text(topic, "bar");
        ck_assert(consumer_topic_next(&read.topics, &topic));
        check_text(topic, "foo");
        ck_assert(!consumer_topic_next(&read.topics, &topic));
        check_text(read.user_data, "\1\2\3");
        if (version >= 1)
            check_owned(read.owned);
        else
            ck_assert_int_eq(read.owned.count, 0);
        ck_assert_int_eq(read.generation, version >= 2 ? 7 : CONSUMER_GENERATION_NONE);
        if (version >= 3)
            check_text(read.rack, "r1");
        else
            ck_assert_ptr_null(read.rack.data);
    }
}
END_TEST

START_TEST(what_a_subscription_lacks_is_null)
{
    for (int version = 0; version < VERSIONS; version++) {
        struct bytes bytes = bytes_of(bare_subscriptions[version]);
        struct consumer_subscription read;

        ck_assert_int_eq(consumer_subscription_read(bytes.data, bytes.size, &read), 0);

        ck_assert_ptr_null(read.user_data.data);
        ck_assert_int_eq(read.owned.count, 0);
        ck_assert_int_eq(read.generation, CONSUMER_GENERATION_NONE);
        ck_assert_ptr_null(read.rack.data);
    }
}
END_TEST

START_TEST(assignments_are_the_same_in_all_versions)
{
    for (int version = 0; version < VERSIONS; version++) {
        struct consumer_text user_data = {"\1\2\3", 3};
        struct buffer buffer = {0};
        struct consumer_assignment read;

        ck_assert_int_eq(consumer_assignment_write(&buffer, version, owned, 2, user_data), 0);

        ck_assert_int_eq(consumer_assignment_read(buffer.bytes, buffer.size, &read), 0);
        check_owned(read.partitions);
        check_text(read.user_data, "\1\2\3");
        ck_assert_int_eq(buffer.bytes[1], version);
        buffer.bytes[1] = 0;
        check_written(&buffer, "0000" OWNED USER_DATA);
    }
}
END_TEST

START_TEST(an_assignment_may_be_of_nothing)
{
    struct consumer_text none = {NULL, 0};
    struct buffer buffer = {0};

    ck_assert_int_eq(consumer_assignment_write(&buffer, 3, NULL, 0, none), 0);

    check_written(&buffer, "0003 00000000 ffffffff");
}
END_TEST

START_TEST(what_sticky_members_remember_is_kafkas_too)
{
    struct buffer buffer = {0};
    struct consumer_sticky read;
    struct bytes old = bytes_of(OWNED), broken = bytes_of(OWNED "000000");

    ck_assert_int_eq(consumer_sticky_write(&buffer, owned, 2, 5), 0);

    ck_assert_int_eq(consumer_sticky_read(buffer.bytes, buffer.size, &read), 0);
    check_owned(read.owned);
    ck_assert_int_eq(read.generation, 5);
    check_written(&buffer, OWNED "00000005");
    ck_assert_int_eq(consumer_sticky_read(old.data, old.size, &read), 0);
    check_owned(read.owned);
    ck_assert_int_eq(read.generation, CONSUMER_GENERATION_NONE);
    ck_assert_int_eq(consumer_sticky_read(broken.data, broken.size, &read), K_CORRUPT);
}
END_TEST

START_TEST(subscriptions_that_contradict_the_layout_are_refused)
{
    static const char *const rows[] = {
        "",
        "00",
        "ffff 00000000 ffffffff",                       /* a version below 0 */
        "0000 ffffffff ffffffff",                       /* no list of topics */
        "0000 7fffffff 0001'a' ffffffff",               /* more topics than bytes */
        "0000 00000001 ffff ffffffff",                  /* a null topic */
        "0000 00000001 8000 ffffffff",                  /* a size below null */
        "0000 00000001 0002 6100 ffffffff",             /* a zero byte */
        "0000 00000000 fffffffe",
        "0000 00000000 00000002 00",
        "0000 00000000 ffffffff 00",                    /* a byte too many */
        "0001 00000000 ffffffff",                       /* a field too few */
        "0001 00000000 ffffffff 00000001 0001'a' ffffffff",
        "0001 00000000 ffffffff 00000001 0001'a' 7fffffff 00000000",
        "0002 00000000 ffffffff 00000000 0000",
        "0003 00000000 ffffffff 00000000 00000000 fffe",
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bytes bytes = bytes_of(rows[i]);
        struct consumer_subscription read;
        ck_assert_int_eq(consumer_subscription_read(bytes.data, bytes.size, &read), K_CORRUPT);
    }
}
END_TEST

START_TEST(what_newer_versions_add_is_skipped)
{
    struct bytes bytes = bytes_of("0004" TOPICS USER_DATA OWNED "00000007 0002'r1' abcdef");
    struct bytes assignment = bytes_of("0009" OWNED USER_DATA "abcdef");
    struct consumer_subscription read;
    struct consumer_assignment assigned;

    ck_assert_int_eq(consumer_subscription_read(bytes.data, bytes.size, &read), 0);
    ck_assert_int_eq(consumer_assignment_read(assignment.data, assignment.size, &assigned), 0);

    ck_assert_int_eq(read.generation, 7);
    check_owned(read.owned);
    check_owned(assigned.partitions);
}
END_TEST

Suite *consumer_protocol_suite(void)
{
    Suite *suite = suite_create("proto/consumer_protocol");
    TCase *tcase = tcase_create("consumer_protocol");

    tcase_add_test(tcase, subscriptions_are_written_as_kafka_does);
    tcase_add_test(tcase, subscriptions_of_all_versions_are_read);
    tcase_add_test(tcase, what_a_subscription_lacks_is_null);
    tcase_add_test(tcase, assignments_are_the_same_in_all_versions);
    tcase_add_test(tcase, an_assignment_may_be_of_nothing);
    tcase_add_test(tcase, what_sticky_members_remember_is_kafkas_too);
    tcase_add_test(tcase, subscriptions_that_contradict_the_layout_are_refused);
    tcase_add_test(tcase, what_newer_versions_add_is_skipped);
    suite_add_tcase(suite, tcase);
    return suite;
}
