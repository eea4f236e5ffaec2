/* Where groups belong, and what becomes of their records on the way to the topic and back. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/compress.h"
#include "common/error.h"
#include "proto/batch.h"
#include "server/runtime/group_place.h"
#include "server/runtime/group_records.h"
#include "tests/server/runtime/suites.h"

static struct buffer buffer;
static struct arena arena;

static void setup(void)
{
    buffer_init(&buffer);
    arena_init(&arena, NULL, 0, SIZE_MAX);
}

static void teardown(void)
{
    buffer_fini(&buffer);
    arena_fini(&arena);
}

START_TEST(a_group_belongs_where_kafka_looks_for_it)
{
    ck_assert_int_eq(group_place("test", 50), 48);
    ck_assert_int_eq(group_place("my-group", 50), 12);
    ck_assert_int_eq(group_place("console-consumer-1", 50), 24);
    ck_assert_int_eq(group_place("polygenelubricants", 50), 0);     /* Java's smallest number */
    ck_assert_int_eq(group_place("", 50), 0);
}
END_TEST

/* "é" is one unit, "😀" two; a stray byte is the replacement character. */
START_TEST(names_are_hashed_as_utf_16)
{
    ck_assert_int_eq(group_place("\xc3\xa9", INT32_MAX), 0xe9);
    ck_assert_int_eq(group_place("\xf0\x9f\x98\x80", INT32_MAX), 31 * 0xd83d + 0xde00);
    ck_assert_int_eq(group_place("\xff", INT32_MAX), 0xfffd);
    ck_assert_int_eq(group_place("\xc3", INT32_MAX), 0xfffd);
}
END_TEST

static struct groups_record read_back(size_t index)
{
    struct batch_reader reader;
    struct record_view view;
    struct groups_record record;
    size_t size;

    ck_assert_int_eq(batch_check(buffer.bytes, buffer.size, true, &size), 0);
    ck_assert_uint_eq(size, buffer.size);
    ck_assert_int_eq(batch_reader_init(&reader, buffer.bytes, NULL, 0), 0);
    for (size_t i = 0; i <= index; i++)
        ck_assert_int_eq(batch_reader_next(&reader, &view), 1);
    ck_assert_int_eq(view.timestamp, 12345);
    ck_assert_int_eq(group_records_decode(&view, &arena, &record), 1);
    return record;
}

START_TEST(offsets_come_back_as_they_went)
{
    struct groups_record records[2] = {
        { .type = GROUPS_RECORD_OFFSET, .group = "readers" },
        { .type = GROUPS_RECORD_OFFSET, .tombstone = true, .group = "readers" },
    };
    records[0].offset = (struct groups_offset){ .topic = "orders", .partition = 3, .offset = 77,
                                                .leader_epoch = 5, .metadata = "a note",
                                                .committed_ms = 999 };
    records[1].offset = (struct groups_offset){ .topic = "orders", .partition = 4 };

    ck_assert_int_eq(group_records_encode(records, 2, 12345, CODEC_NONE, &buffer), 0);

    struct groups_record read = read_back(0);
    ck_assert_int_eq(read.type, GROUPS_RECORD_OFFSET);
    ck_assert(!read.tombstone);
    ck_assert_str_eq(read.group, "readers");
    ck_assert_str_eq(read.offset.topic, "orders");
    ck_assert_int_eq(read.offset.partition, 3);
    ck_assert_int_eq(read.offset.offset, 77);
    ck_assert_int_eq(read.offset.leader_epoch, 5);
    ck_assert_str_eq(read.offset.metadata, "a note");
    ck_assert_int_eq(read.offset.committed_ms, 999);
    read = read_back(1);
    ck_assert(read.tombstone);
    ck_assert_int_eq(read.offset.partition, 4);
}
END_TEST

START_TEST(an_offset_knows_its_topic_and_when_it_was_let_in)
{
    struct groups_record record = { .type = GROUPS_RECORD_OFFSET, .group = "readers" };
    record.offset = (struct groups_offset){ .topic = "orders", .topic_id = {{ 1, 2, 3 }},
                                            .known = { 7, 1ull << 40 }, .metadata = "" };

    ck_assert_int_eq(group_records_encode(&record, 1, 12345, CODEC_NONE, &buffer), 0);

    struct groups_record read = read_back(0);
    ck_assert(uuid_equal(&read.offset.topic_id, &record.offset.topic_id));
    ck_assert_int_eq(read.offset.known.epoch, 7);
    ck_assert_uint_eq(read.offset.known.sequence, 1ull << 40);
}
END_TEST

START_TEST(a_group_comes_back_as_it_went)
{
    const struct groups_member members[2] = {
        { .id = "a", .client_id = "c", .client_host = "/h", .instance = NULL,
          .session_timeout_ms = 1, .rebalance_timeout_ms = 2, .metadata = { "m", 1 },
          .assignment = { "as", 2 } },
        { .id = "b", .client_id = "", .client_host = "", .instance = "i" },
    };
    struct groups_record record = { .type = GROUPS_RECORD_GROUP, .group = "readers" };
    record.state.protocol_type = "consumer";
    record.state.protocol = "range";
    record.state.leader = "a";
    record.state.generation = 9;
    record.state.since_ms = 55;
    record.state.members = members;
    record.state.member_count = 2;

    ck_assert_int_eq(group_records_encode(&record, 1, 12345, CODEC_NONE, &buffer), 0);

    struct groups_record read = read_back(0);
    ck_assert_int_eq(read.type, GROUPS_RECORD_GROUP);
    ck_assert_str_eq(read.state.protocol_type, "consumer");
    ck_assert_str_eq(read.state.protocol, "range");
    ck_assert_str_eq(read.state.leader, "a");
    ck_assert_int_eq(read.state.generation, 9);
    ck_assert_int_eq(read.state.since_ms, 55);
    ck_assert_uint_eq(read.state.member_count, 2);
    ck_assert_str_eq(read.state.members[0].id, "a");
    ck_assert_str_eq(read.state.members[0].client_host, "/h");
    ck_assert_ptr_null(read.state.members[0].instance);
    ck_assert_int_eq(read.state.members[0].rebalance_timeout_ms, 2);
    ck_assert_uint_eq(read.state.members[0].assignment.size, 2);
    ck_assert_mem_eq(read.state.members[0].assignment.data, "as", 2);
    ck_assert_str_eq(read.state.members[1].instance, "i");
    ck_assert_uint_eq(read.state.members[1].metadata.size, 0);
}
END_TEST

START_TEST(many_records_grow_the_batch)
{
    enum { MANY = 5000 };
    struct groups_record *records = calloc(MANY, sizeof *records);
    for (int i = 0; i < MANY; i++) {
        records[i].type = GROUPS_RECORD_OFFSET;
        records[i].group = "readers";
        records[i].offset = (struct groups_offset){ .topic = "orders", .partition = i,
                                                    .offset = i, .metadata = "" };
    }

    ck_assert_int_eq(group_records_encode(records, MANY, 12345, CODEC_NONE, &buffer), 0);

    ck_assert_int_eq(read_back(MANY - 1).offset.offset, MANY - 1);
    free(records);
}
END_TEST

/* As long as that makes it smaller. */
START_TEST(a_batch_is_compressed_as_it_is_told)
{
    enum { MANY = 500 };
    struct groups_record *records = calloc(MANY, sizeof *records);
    struct groups_record tiny = { .type = GROUPS_RECORD_OFFSET, .tombstone = true, .group = "g" };
    size_t plain;

    tiny.offset.topic = "t";
    for (int i = 0; i < MANY; i++) {
        records[i].type = GROUPS_RECORD_OFFSET;
        records[i].group = "readers";
        records[i].offset = (struct groups_offset){ .topic = "orders", .partition = i,
                                                    .offset = i, .metadata = "" };
    }
    ck_assert_int_eq(group_records_encode(records, MANY, 12345, CODEC_NONE, &buffer), 0);
    plain = buffer.size;

    for (int codec = CODEC_NONE + 1; codec < CODEC_COUNT; codec++) {
        struct batch_reader reader;
        struct record_view view;
        struct groups_record last;
        struct buffer opened;
        size_t size;

        buffer.size = 0;
        buffer_init(&opened);
        ck_assert_int_eq(group_records_encode(records, MANY, 12345, codec, &buffer), 0);

        ck_assert_uint_lt(buffer.size, plain / 2);
        ck_assert_int_eq(batch_check(buffer.bytes, buffer.size, true, &size), 0);
        ck_assert_int_eq(batch_codec(buffer.bytes), codec);
        ck_assert_int_eq(decompress_bytes(codec, buffer.bytes + BATCH_HEADER_SIZE,
                                          buffer.size - BATCH_HEADER_SIZE, plain, &opened),
                         0);
        ck_assert_int_eq(batch_reader_init(&reader, buffer.bytes, opened.bytes, opened.size), 0);
        for (int i = 0; i < MANY; i++)
            ck_assert_int_eq(batch_reader_next(&reader, &view), 1);
        ck_assert_int_eq(group_records_decode(&view, &arena, &last), 1);
        ck_assert_int_eq(last.offset.offset, MANY - 1);
        buffer.size = 0;
        ck_assert_int_eq(group_records_encode(&tiny, 1, 12345, codec, &buffer), 0);
        ck_assert_int_eq(batch_codec(buffer.bytes), CODEC_NONE);
        buffer_fini(&opened);
    }
    free(records);
}
END_TEST

START_TEST(a_text_that_does_not_fit_is_refused)
{
    char *text = malloc(32769);
    struct groups_record record = { .type = GROUPS_RECORD_OFFSET, .group = text };
    memset(text, 't', 32768);
    text[32768] = '\0';
    record.offset = (struct groups_offset){ .topic = "orders", .metadata = "" };

    ck_assert_int_eq(group_records_encode(&record, 1, 12345, CODEC_NONE, &buffer),
                     K_INVALID_RECORD);
    free(text);
}
END_TEST

START_TEST(what_is_something_else_is_told_from_what_is_damaged)
{
    static const uint8_t newer[] = { 0, 5, 1, 2, 3 }, offset_key[] = { 0, 1, 0, 1, 'g', 0, 1, 't',
                                                                       0, 0, 0, 0 };
    struct record_view view = { .key = newer, .key_size = sizeof newer };
    struct groups_record record;

    ck_assert_int_eq(group_records_decode(&view, &arena, &record), 0);
    view.key = NULL;
    ck_assert_int_eq(group_records_decode(&view, &arena, &record), K_CORRUPT);
    view.key = offset_key;
    view.key_size = sizeof offset_key;
    view.value = newer;
    view.value_size = sizeof newer;
    ck_assert_int_eq(group_records_decode(&view, &arena, &record), K_CORRUPT);
    view.value = NULL;
    ck_assert_int_eq(group_records_decode(&view, &arena, &record), 1);
    ck_assert(record.tombstone);
}
END_TEST

Suite *group_records_suite(void)
{
    Suite *suite = suite_create("group records");
    TCase *tcase = tcase_create("group-records");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_group_belongs_where_kafka_looks_for_it);
    tcase_add_test(tcase, names_are_hashed_as_utf_16);
    tcase_add_test(tcase, offsets_come_back_as_they_went);
    tcase_add_test(tcase, an_offset_knows_its_topic_and_when_it_was_let_in);
    tcase_add_test(tcase, a_group_comes_back_as_it_went);
    tcase_add_test(tcase, many_records_grow_the_batch);
    tcase_add_test(tcase, a_batch_is_compressed_as_it_is_told);
    tcase_add_test(tcase, a_text_that_does_not_fit_is_refused);
    tcase_add_test(tcase, what_is_something_else_is_told_from_what_is_damaged);
    suite_add_tcase(suite, tcase);
    return suite;
}
