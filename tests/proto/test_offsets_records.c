/* The bytes are written out by hand after Kafka's message definitions (OffsetCommitKey and Value,
 * GroupMetadataKey and Value). */
#include "proto/offsets_records.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "tests/proto/hex.h"
#include "tests/proto/suites.h"

static struct offsets_text text_of(const char *text)
{
    return (struct offsets_text){text, text == NULL ? 0 : strlen(text)};
}

static void check_text(struct offsets_text text, const char *expected)
{
    if (expected == NULL) {
        ck_assert_ptr_null(text.data);
        return;
    }
    ck_assert_uint_eq(text.size, strlen(expected));
    ck_assert_mem_eq(text.data, expected, text.size);
}

#define OFFSET_KEY "0001 0002 'g1' 0003 'top' 00000007"
#define GROUP_KEY "0002 0002 'g1'"
#define VALUE_3 "0003 0000000000000005 00000004 0002 'hi' 0000018bcfe56800"
#define GROUP_3                                                                   \
    "0003 0008 'consumer' 00000009 0005 'range' 0002 'm1' 0000018bcfe56800 "      \
    "00000002 "                                                                   \
    "0002 'm1' ffff 0001 'c' 0002 '/h' 000493e0 0000afc8 00000001 'S' 00000002 'A1' " \
    "0002 'm2' 0002 'i2' 0001 'c' 0002 '/h' 000493e0 0000afc8 00000000 00000000"

START_TEST(keys_are_written_as_kafka_does)
{
    struct buffer buffer = {0};
    struct offsets_key key = {.kind = OFFSETS_KEY_OFFSET,
                              .group = text_of("g1"),
                              .topic = text_of("top"),
                              .partition = 7};

    ck_assert_int_eq(offsets_key_write(&buffer, &key), 0);
    check_written(&buffer, OFFSET_KEY);

    key.kind = OFFSETS_KEY_GROUP;
    ck_assert_int_eq(offsets_key_write(&buffer, &key), 0);
    check_written(&buffer, GROUP_KEY);

    key.kind = OFFSETS_KEY_OTHER;
    ck_assert_int_eq(offsets_key_write(&buffer, &key), K_INVALID_ARGUMENT);
}
END_TEST

START_TEST(keys_of_all_versions_are_read)
{
    static const struct {
        const char *bytes;
        int error;
        enum offsets_key_kind kind;
    } rows[] = {{OFFSET_KEY, 0, OFFSETS_KEY_OFFSET},
                {"0000 0002 'g1' 0003 'top' 00000007", 0, OFFSETS_KEY_OFFSET},
                {GROUP_KEY, 0, OFFSETS_KEY_GROUP},
                {"0003 ff", 0, OFFSETS_KEY_OTHER},
                {"0008", 0, OFFSETS_KEY_OTHER},
                {"ffff 0002 'g1'", K_CORRUPT, 0},
                {"0002 ffff", K_CORRUPT, 0},
                {"0002 0002 6700", K_CORRUPT, 0},
                {GROUP_KEY "00", K_CORRUPT, 0},
                {"00", K_CORRUPT, 0}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bytes bytes = bytes_of(rows[i].bytes);
        struct offsets_key key;
        ck_assert_int_eq(offsets_key_read(bytes.data, bytes.size, &key), rows[i].error);
        if (rows[i].error != 0)
            continue;
        ck_assert_int_eq(key.kind, rows[i].kind);
        if (key.kind != OFFSETS_KEY_OTHER)
            check_text(key.group, "g1");
        if (key.kind != OFFSETS_KEY_OFFSET)
            continue;
        check_text(key.topic, "top");
        ck_assert_int_eq(key.partition, 7);
    }
}
END_TEST

START_TEST(an_offset_is_written_in_version_3)
{
    struct buffer buffer = {0};
    const struct offsets_value value = {.offset = 5,
                                        .leader_epoch = 4,
                                        .metadata = text_of("hi"),
                                        .committed_ms = 1700000000000,
                                        .expires_ms = -1};

    ck_assert_int_eq(offsets_value_write(&buffer, &value), 0);
    check_written(&buffer, VALUE_3);
}
END_TEST

START_TEST(offsets_of_all_versions_are_read)
{
    static const struct {
        const char *bytes;
        int32_t epoch;
        int64_t expires_ms;
    } rows[] = {{"0000 0000000000000005 0002 'hi' 0000018bcfe56800", -1, -1},
                {"0001 0000000000000005 0002 'hi' 0000018bcfe56800 0000000000000009", -1, 9},
                {"0002 0000000000000005 0002 'hi' 0000018bcfe56800", -1, -1},
                {VALUE_3, 4, -1},
                {"0004 0000000000000005 00000004 03 'hi' 0000018bcfe56800 01 07 02 abcd", 4, -1}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bytes bytes = bytes_of(rows[i].bytes);
        struct offsets_value value;
        ck_assert_int_eq(offsets_value_read(bytes.data, bytes.size, &value), 0);
        ck_assert_int_eq(value.offset, 5);
        ck_assert_int_eq(value.leader_epoch, rows[i].epoch);
        ck_assert_int_eq(value.committed_ms, 1700000000000);
        ck_assert_int_eq(value.expires_ms, rows[i].expires_ms);
        check_text(value.metadata, "hi");
        for (size_t size = 0; size < bytes.size; size++)
            ck_assert_int_eq(offsets_value_read(bytes.data, size, &value), K_CORRUPT);
    }
    struct bytes unknown = bytes_of("0005 0000000000000005");
    struct offsets_value value;
    ck_assert_int_eq(offsets_value_read(unknown.data, unknown.size, &value), K_CORRUPT);
}
END_TEST

START_TEST(a_group_is_written_in_version_3)
{
    struct buffer buffer = {0};
    struct offsets_member members[] = {{.id = text_of("m1"),
                                        .client_id = text_of("c"),
                                        .client_host = text_of("/h"),
                                        .rebalance_timeout_ms = 300000,
                                        .session_timeout_ms = 45000,
                                        .metadata = text_of("S"),
                                        .assignment = text_of("A1")},
                                       {.id = text_of("m2"),
                                        .instance = text_of("i2"),
                                        .client_id = text_of("c"),
                                        .client_host = text_of("/h"),
                                        .rebalance_timeout_ms = 300000,
                                        .session_timeout_ms = 45000}};
    const struct offsets_group group = {.protocol_type = text_of("consumer"),
                                        .generation = 9,
                                        .protocol = text_of("range"),
                                        .leader = text_of("m1"),
                                        .since_ms = 1700000000000,
                                        .member_count = 2};
    char *longest = calloc(1, 40000);

    ck_assert_int_eq(offsets_group_write(&buffer, &group, members), 0);
    check_written(&buffer, GROUP_3);

    members[1].id = (struct offsets_text){longest, 32768};
    ck_assert_int_eq(offsets_group_write(&buffer, &group, members), K_INVALID_ARGUMENT);
    buffer_fini(&buffer);
    free(longest);
}
END_TEST

/* Read to the end; returns what the last call said. */
static int read_all(const uint8_t *bytes, size_t size, struct offsets_group *group,
                    struct offsets_member members[2])
{
    struct offsets_member member;
    int more = offsets_group_read(bytes, size, group);

    if (more != 0)
        return more;
    while ((more = offsets_group_next(group, &member)) == 1)
        if (group->read <= 2)
            members[group->read - 1] = member;
    return more;
}

START_TEST(groups_of_all_versions_are_read)
{
    static const char *const rows[] = {
        "0000 0008 'consumer' 00000009 0005 'range' 0002 'm1' 00000001 "
        "0002 'm1' 0001 'c' 0002 '/h' 000493e0 00000001 'S' 00000002 'A1'",
        "0001 0008 'consumer' 00000009 0005 'range' 0002 'm1' 00000001 "
        "0002 'm1' 0001 'c' 0002 '/h' 000493e0 0000afc8 00000001 'S' 00000002 'A1'",
        "0002 0008 'consumer' 00000009 0005 'range' 0002 'm1' 0000018bcfe56800 00000001 "
        "0002 'm1' 0001 'c' 0002 '/h' 000493e0 0000afc8 00000001 'S' 00000002 'A1'",
        GROUP_3,
        "0004 09 'consumer' 00000009 06 'range' 03 'm1' 0000018bcfe56800 02 "
        "03 'm1' 00 02 'c' 03 '/h' 000493e0 0000afc8 02 'S' 03 'A1' 00 00"};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bytes bytes = bytes_of(rows[i]);
        struct offsets_group group;
        struct offsets_member members[2];

        ck_assert_int_eq(read_all(bytes.data, bytes.size, &group, members), 0);
        check_text(group.protocol_type, "consumer");
        ck_assert_int_eq(group.generation, 9);
        check_text(group.protocol, "range");
        check_text(group.leader, "m1");
        ck_assert_int_eq(group.since_ms, i >= 2 ? 1700000000000 : -1);
        check_text(members[0].id, "m1");
        check_text(members[0].instance, NULL);
        check_text(members[0].client_id, "c");
        check_text(members[0].client_host, "/h");
        ck_assert_int_eq(members[0].rebalance_timeout_ms, 300000);
        ck_assert_int_eq(members[0].session_timeout_ms, i == 0 ? 300000 : 45000);
        check_text(members[0].metadata, "S");
        check_text(members[0].assignment, "A1");
        for (size_t size = 0; size < bytes.size; size++)
            ck_assert_int_eq(read_all(bytes.data, size, &group, members), K_CORRUPT);
        bytes.size++;
        ck_assert_int_eq(read_all(bytes.data, bytes.size, &group, members), K_CORRUPT);
    }
}
END_TEST

START_TEST(counts_and_sizes_that_can_not_be_are_refused)
{
    static const char *const rows[] = {
        "0003 0008 'consumer' 00000009 ffff ffff 0000018bcfe56800 ffffffff",
        "0003 0008 'consumer' 00000009 ffff ffff 0000018bcfe56800 7fffffff 00",
        "0003 ffff 00000009 ffff ffff 0000018bcfe56800 00000000",
        "0004 ffffffff0f 00",
        "0004 ffffffffff01 00",
        "0004 01 00000009 00 00 0000018bcfe56800 00 00"};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bytes bytes = bytes_of(rows[i]);
        struct offsets_group group;
        struct offsets_member members[2];
        ck_assert_int_eq(read_all(bytes.data, bytes.size, &group, members), K_CORRUPT);
    }
}
END_TEST

Suite *offsets_records_suite(void)
{
    Suite *suite = suite_create("proto/offsets_records");
    TCase *tcase = tcase_create("records");

    tcase_add_test(tcase, keys_are_written_as_kafka_does);
    tcase_add_test(tcase, keys_of_all_versions_are_read);
    tcase_add_test(tcase, an_offset_is_written_in_version_3);
    tcase_add_test(tcase, offsets_of_all_versions_are_read);
    tcase_add_test(tcase, a_group_is_written_in_version_3);
    tcase_add_test(tcase, groups_of_all_versions_are_read);
    tcase_add_test(tcase, counts_and_sizes_that_can_not_be_are_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}
