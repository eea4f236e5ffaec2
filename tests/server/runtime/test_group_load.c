/* What a coordinator reads of its partition when it comes to lead it: in pieces, whatever Kafka may
 * have left there; and what it does when it can not. */
#include <check.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/buffer.h"
#include "common/error.h"
#include "proto/batch.h"
#include "server/call.h"
#include "server/core/groups.h"
#include "server/runtime/drive_replica.h"
#include "server/runtime/group_records.h"
#include "server/runtime/partition.h"
#include "server/runtime/shard_state.h"
#include "server/storage/log.h"
#include "tests/lib/wait.h"
#include "tests/server/lib/group_member.h"
#include "tests/server/runtime/suites.h"

static struct plane plane;
static struct plane_topic topic;
static struct group_member alone;

/* Wait for the coordinator; the code that it settles for. */
static int fetch_offset(uint32_t partition, int64_t *offset)
{
    int code;

    WAIT_UNTIL((code = member_fetch_offset(&alone, "orders", partition, offset)) !=
               K_COORDINATOR_LOAD_IN_PROGRESS);
    return code;
}

static int64_t committed(uint32_t partition)
{
    int64_t offset = -2;

    ck_assert_int_eq(fetch_offset(partition, &offset), 0);
    return offset;
}

static void setup(void)
{
    plane_init(&plane, 2);
    topic = (struct plane_topic){ .name = "__consumer_offsets", .id = uuid_random(),
                                  .partitions = 1, .leader = PLANE_BROKER, .leader_epoch = 1,
                                  .config_name = "segment.bytes", .config_value = "16384" };
    plane_publish(&plane, &topic);
    plane_publish(&plane, &(struct plane_topic){ .name = "orders", .id = uuid_random(),
                                                 .partitions = 1, .leader = 2,
                                                 .leader_epoch = 1 });
    member_init(&alone, &plane, 0, "readers");
    ck_assert_int_eq(committed(0), -1);
}

static void teardown(void)
{
    plane_fini(&plane);
}

/* --- what lies in the log --------------------------------------------------------------------- */

struct raw {
    struct buffer batch;
    struct shard *shard;
};

static void append(void *context)
{
    struct raw *raw = context;
    const struct partition_key key = { .topic_id = topic.id, .index = 0 };
    struct partition *partition = partition_find(raw->shard, &key);
    struct log_append append = { .bytes = raw->batch.bytes, .size = raw->batch.size };

    ck_assert_ptr_nonnull(partition);
    ck_assert_int_eq(log_append(partition->log, &append, 1, topic.leader_epoch, 1000), 0);
    partition->unpublished_bytes += raw->batch.size;
    drive_appended(partition);
}

static void append_raw(struct raw *raw)
{
    int owner = plane_owner(&plane, &topic.id, 0);

    raw->shard = shards_at(plane.shards, owner);
    call_on(plane.loops[owner], append, raw);
    buffer_fini(&raw->batch);
}

/* A batch more. */
static void encode_more(struct raw *raw, int32_t partition, int64_t offset)
{
    struct groups_record record = { .type = GROUPS_RECORD_OFFSET, .group = "readers" };

    record.offset = (struct groups_offset){ .topic = "orders", .partition = partition,
                                            .offset = offset, .metadata = "" };
    ck_assert_int_eq(group_records_encode(&record, 1, 1000, CODEC_NONE, &raw->batch), 0);
}

static void encode(struct raw *raw, int32_t partition, int64_t offset)
{
    buffer_init(&raw->batch);
    encode_more(raw, partition, offset);
}

/* Ten batches for each of 200 partitions. */
static void write_many(void)
{
    struct raw raw;

    buffer_init(&raw.batch);
    for (int64_t i = 0; i < 2000; i++)
        encode_more(&raw, (int32_t)(i % 200), i);
    append_raw(&raw);
}

static void write_offset(int32_t partition, int64_t offset)
{
    struct raw raw;

    encode(&raw, partition, offset);
    append_raw(&raw);
}

static void write_in_txn(int64_t producer, int32_t partition, int64_t offset)
{
    struct raw raw;

    encode(&raw, partition, offset);
    store_u64(raw.batch.bytes + BATCH_PRODUCER_ID, (uint64_t)producer);
    store_u16(raw.batch.bytes + BATCH_PRODUCER_EPOCH, 0);
    store_u16(raw.batch.bytes + BATCH_ATTRIBUTES, BATCH_TRANSACTIONAL);
    batch_seal_crc(raw.batch.bytes);
    append_raw(&raw);
}

/* One record of this key and value in a batch with these attributes. */
static void write_record(int64_t producer, uint16_t attributes, const void *key, size_t key_size,
                         const void *value, size_t value_size)
{
    struct batch_builder builder;
    struct raw raw;

    buffer_init(&raw.batch);
    ck_assert_int_eq(buffer_reserve(&raw.batch, 1024), 0);
    batch_build_start(&builder, raw.batch.bytes, 1024);
    ck_assert_int_eq(batch_build_add(&builder, 1000, key, (int32_t)key_size, value,
                                     (int32_t)value_size, NULL, 0),
                     0);
    batch_build_finish(&builder);
    raw.batch.size = builder.size;
    if (producer >= 0) {
        store_u64(raw.batch.bytes + BATCH_PRODUCER_ID, (uint64_t)producer);
        store_u16(raw.batch.bytes + BATCH_PRODUCER_EPOCH, 0);
    }
    store_u16(raw.batch.bytes + BATCH_ATTRIBUTES, attributes);
    batch_seal_crc(raw.batch.bytes);
    append_raw(&raw);
}

static void end_txn(int64_t producer, bool abort)
{
    const uint8_t key[4] = { 0, 0, 0, abort ? 0 : 1 }, value[6] = { 0 };

    write_record(producer, BATCH_TRANSACTIONAL | BATCH_CONTROL, key, sizeof key, value,
                 sizeof value);
}

static void write_compressed(int codec, int32_t partition, int64_t offset)
{
    struct raw raw;
    struct buffer small;

    encode(&raw, partition, offset);
    buffer_init(&small);
    ck_assert_int_eq(buffer_copy(&small, raw.batch.bytes, BATCH_HEADER_SIZE), 0);
    ck_assert_int_eq(compress_bytes(codec, COMPRESS_LEVEL_DEFAULT,
                                    raw.batch.bytes + BATCH_HEADER_SIZE,
                                    raw.batch.size - BATCH_HEADER_SIZE, &small),
                     0);
    store_u32(small.bytes + BATCH_LENGTH, (uint32_t)(small.size - BATCH_LENGTH_END));
    store_u16(small.bytes + BATCH_ATTRIBUTES, (uint16_t)codec);
    batch_seal_crc(small.bytes);
    buffer_fini(&raw.batch);
    raw.batch = small;
    append_raw(&raw);
}

/* The coordinator reads it all anew. */
static void lead_anew(void)
{
    topic.leader_epoch++;
    plane_publish(&plane, &topic);
}

/* --- tests ------------------------------------------------------------------------------------ */

START_TEST(the_last_of_many_records_over_many_segments_counts)
{
    write_many();

    lead_anew();

    for (uint32_t i = 0; i < 200; i += 9)
        ck_assert_int_eq(committed(i), 1800 + i);
    ck_assert_uint_gt(plane_count_files(&plane, "__consumer_offsets-0/*.log"), 3);
}
END_TEST

START_TEST(compressed_batches_are_read)
{
    for (int codec = CODEC_NONE + 1; codec < CODEC_COUNT; codec++)
        write_compressed(codec, codec, 100 + codec);

    lead_anew();

    for (int codec = CODEC_NONE + 1; codec < CODEC_COUNT; codec++)
        ck_assert_int_eq(committed((uint32_t)codec), 100 + codec);
}
END_TEST

START_TEST(of_transactions_only_those_that_were_committed_count)
{
    write_in_txn(7, 1, 11);
    end_txn(7, false);
    write_in_txn(7, 2, 12);
    write_offset(5, 15);
    end_txn(7, true);
    write_in_txn(8, 3, 13);
    write_offset(4, 14);                /* behind a transaction that is open */

    lead_anew();

    ck_assert_int_eq(committed(1), 11);
    ck_assert_int_eq(committed(2), -1);
    ck_assert_int_eq(committed(3), -1);
    ck_assert_int_eq(committed(4), 14);
    ck_assert_int_eq(committed(5), 15);
}
END_TEST

START_TEST(records_of_other_things_are_skipped)
{
    static const uint8_t newer[] = { 0, 7, 1 }, nonsense[] = { 0, 1, 0 };

    write_offset(1, 11);
    write_record(-1, 0, newer, sizeof newer, newer, sizeof newer);
    write_record(-1, 0, nonsense, sizeof nonsense, newer, sizeof newer);
    write_offset(2, 12);

    lead_anew();

    ck_assert_int_eq(committed(1), 11);
    ck_assert_int_eq(committed(2), 12);
}
END_TEST

/* Turn a byte of the first batch's record. */
static void damage(void)
{
    char path[160];
    uint8_t byte;
    snprintf(path, sizeof path, "%s/__consumer_offsets-0/00000000000000000000.log", plane.path);
    int fd = open(path, O_RDWR | O_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pread(fd, &byte, 1, BATCH_HEADER_SIZE + 8), 1);
    byte ^= 1;
    ck_assert_int_eq(pwrite(fd, &byte, 1, BATCH_HEADER_SIZE + 8), 1);
    close(fd);
}

START_TEST(with_a_damaged_log_nobody_coordinates_and_nothing_is_made_up)
{
    int64_t offset = -2;
    write_offset(1, 11);
    write_offset(2, 12);
    damage();

    lead_anew();

    ck_assert_int_eq(fetch_offset(2, &offset), K_COORDINATOR_NOT_AVAILABLE);
    ck_assert_int_eq(member_join(&alone), K_COORDINATOR_NOT_AVAILABLE);
    damage();
    WAIT_UNTIL(member_fetch_offset(&alone, "orders", 2, &offset) == 0);
    ck_assert_int_eq(offset, 12);
    ck_assert_int_eq(committed(1), 11);
}
END_TEST

START_TEST(who_loses_the_partition_while_it_loads_loads_no_more)
{
    write_many();

    for (int i = 0; i < 5; i++)
        lead_anew();
    topic.leader = 2;
    lead_anew();
    int64_t offset;
    ck_assert_int_eq(fetch_offset(1, &offset), K_NOT_COORDINATOR);
    topic.leader = PLANE_BROKER;
    lead_anew();

    ck_assert_int_eq(committed(199), 1999);
}
END_TEST

struct rooms { const struct shard *shard; size_t held; };

static void count_rooms(void *context)
{
    struct rooms *rooms = context;

    rooms->held = rooms->shard->deadlines_held;
}

/* Room for deadlines that can not be missed, on the shard of the topic's partition. */
static size_t rooms_held(void)
{
    int owner = metadata_loop_of(&topic.id, 0, 2);
    struct rooms rooms = { .shard = shards_at(plane.shards, owner) };

    call_on(plane.loops[owner], count_rooms, &rooms);
    return rooms.held;
}

START_TEST(for_their_ticks_and_retries_a_coordinator_and_a_replica_need_no_memory)
{
    size_t before = rooms_held();

    plane_publish_deletion(&plane, &topic.id);

    WAIT_UNTIL(rooms_held() + 4 == before);     /* two of each */
}
END_TEST

Suite *group_load_suite(void)
{
    Suite *suite = suite_create("group load");
    TCase *tcase = tcase_create("group-load");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, the_last_of_many_records_over_many_segments_counts);
    tcase_add_test(tcase, compressed_batches_are_read);
    tcase_add_test(tcase, of_transactions_only_those_that_were_committed_count);
    tcase_add_test(tcase, records_of_other_things_are_skipped);
    tcase_add_test(tcase, with_a_damaged_log_nobody_coordinates_and_nothing_is_made_up);
    tcase_add_test(tcase, who_loses_the_partition_while_it_loads_loads_no_more);
    tcase_add_test(tcase, for_their_ticks_and_retries_a_coordinator_and_a_replica_need_no_memory);
    suite_add_tcase(suite, tcase);
    return suite;
}
