/* Readers of committed data: where they stop, what they are told, and when they are woken. */
#include <check.h>
#include <string.h>

#include "common/error.h"
#include "proto/batch.h"
#include "proto/head.h"
#include "server/call.h"
#include "server/runtime/drive_replica.h"
#include "server/runtime/partition.h"
#include "server/storage/log.h"
#include "tests/server/lib/plane.h"

Suite *isolation_suite(void);

static struct plane plane;
static struct plane_topic topic;

static void setup(void)
{
    plane_init(&plane, 2);
    topic = (struct plane_topic){ .name = "orders", .id = uuid_random(), .partitions = 1,
                                  .leader = PLANE_BROKER, .leader_epoch = 1 };
    plane_publish(&plane, &topic);
    /* The log opens with the first produce: offsets 0 and 1. */
    uint8_t batch[4096];
    size_t size = plane_batch(batch, sizeof batch, 2, "value", false);
    struct asked *asked = plane_produce(&plane, 0, &topic.id, 0, -1, batch, size);
    ck_assert_int_eq(head_error_code(asked->head->produce->results[0]->error), 0);
    asked_free(asked);
}

static void teardown(void)
{
    plane_fini(&plane);
}

/* --- what a coordinator will do: write into the log past the rules for clients ---------------- */

struct raw {
    uint8_t bytes[4096];
    size_t size;
    struct shard *shard;
};

static void append(void *context)
{
    struct raw *raw = context;
    struct partition_key key = { .topic_id = topic.id, .index = 0 };
    struct partition *partition = partition_find(raw->shard, &key);
    struct log_append append = { .bytes = raw->bytes, .size = raw->size };
    ck_assert_ptr_nonnull(partition);
    ck_assert_int_eq(log_append(partition->log, &append, 1, 1, 1000), 0);
    partition->unpublished_bytes += raw->size;
    drive_appended(partition);
}

static void append_raw(struct raw *raw, int64_t producer_id, uint16_t attributes)
{
    int owner = plane_owner(&plane, &topic.id, 0);
    store_u64(raw->bytes + BATCH_PRODUCER_ID, (uint64_t)producer_id);
    store_u16(raw->bytes + BATCH_PRODUCER_EPOCH, 0);
    store_u16(raw->bytes + BATCH_ATTRIBUTES, attributes);
    batch_seal_crc(raw->bytes);
    raw->shard = shards_at(plane.shards, owner);
    call_on(plane.loops[owner], append, raw);
}

/* Two records of a producer's transaction. */
static void write_txn(int64_t producer_id)
{
    struct raw raw;
    raw.size = plane_batch(raw.bytes, sizeof raw.bytes, 2, "in a transaction", false);
    append_raw(&raw, producer_id, BATCH_TRANSACTIONAL);
}

static void end_txn(int64_t producer_id, bool abort)
{
    struct batch_builder builder;
    struct raw raw;
    uint8_t key[4] = { 0, 0, 0, abort ? 0 : 1 }, value[6] = { 0 };
    batch_build_start(&builder, raw.bytes, sizeof raw.bytes);
    ck_assert_int_eq(batch_build_add(&builder, 1, key, 4, value, 6, NULL, 0), 0);
    batch_build_finish(&builder);
    raw.size = builder.size;
    append_raw(&raw, producer_id, BATCH_TRANSACTIONAL | BATCH_CONTROL);
}

/* --- readers ---------------------------------------------------------------------------------- */

static struct asked *fetch(int loop, bool committed, int64_t offset, uint32_t wait_ms)
{
    return (committed ? plane_fetch_committed_start : plane_fetch_start)(&plane, loop, &topic.id, 0,
                                                                         offset, wait_ms);
}

/* Fetch at once; the offset after the last batch, -1: nothing came. */
static int64_t read_from(bool committed, int64_t offset, Kairn__FetchResult *result,
                         int64_t *first_aborted)
{
    int64_t end = -1;
    struct asked *asked = fetch(0, committed, offset, 0);
    asked_wait(asked);
    ck_assert_ptr_null(asked->head->fetch->results[0]->error);
    *result = *asked->head->fetch->results[0];
    *first_aborted = result->n_aborted == 0 ? -1 : result->aborted[0]->first_offset;
    for (size_t at = 0; at < asked->batches_size; at += batch_size(asked->batches + at))
        end = batch_last_offset(asked->batches + at) + 1;
    asked_free(asked);
    return end;
}

START_TEST(committed_readers_stop_before_an_open_transaction)
{
    Kairn__FetchResult result;
    int64_t aborted;
    write_txn(7);

    ck_assert_int_eq(read_from(true, 0, &result, &aborted), 2);
    ck_assert_int_eq(result.last_stable, 2);
    ck_assert_int_eq(result.high_watermark, 4);
    ck_assert_int_eq(read_from(true, 2, &result, &aborted), -1);
    ck_assert_int_eq(read_from(true, 3, &result, &aborted), -1);
    ck_assert_int_eq(read_from(false, 0, &result, &aborted), 4);
    ck_assert_int_eq(result.last_stable, 2);

    end_txn(7, false);
    ck_assert_int_eq(read_from(true, 0, &result, &aborted), 5);
    ck_assert_int_eq(result.last_stable, 5);
    ck_assert_uint_eq(result.n_aborted, 0);
}
END_TEST

START_TEST(committed_readers_are_told_what_was_aborted)
{
    Kairn__FetchResult result;
    int64_t aborted;
    write_txn(7);
    write_txn(8);
    end_txn(7, true);
    end_txn(8, false);

    ck_assert_int_eq(read_from(true, 0, &result, &aborted), 8);
    ck_assert_uint_eq(result.n_aborted, 1);
    ck_assert_int_eq(aborted, 2);
    ck_assert_int_eq(read_from(true, 3, &result, &aborted), 8);
    ck_assert_int_eq(aborted, 2);
    ck_assert_int_eq(read_from(true, 7, &result, &aborted), 8);
    ck_assert_uint_eq(result.n_aborted, 0);
    ck_assert_int_eq(read_from(false, 0, &result, &aborted), 8);
    ck_assert_uint_eq(result.n_aborted, 0);
}
END_TEST

START_TEST(all_of_it_is_known_after_a_restart)
{
    Kairn__FetchResult result;
    int64_t aborted;
    write_txn(7);
    end_txn(7, true);
    write_txn(8);
    plane_restart(&plane);
    plane_publish(&plane, &topic);
    struct asked *asked = fetch(0, true, 0, PLANE_WAIT_MS);       /* opens the log */
    asked_wait(asked);
    asked_free(asked);

    ck_assert_int_eq(read_from(true, 0, &result, &aborted), 5);
    ck_assert_int_eq(aborted, 2);
    ck_assert_int_eq(result.last_stable, 5);
    ck_assert_int_eq(result.high_watermark, 7);
}
END_TEST

START_TEST(a_waiting_reader_is_not_woken_by_what_it_may_not_read)
{
    write_txn(7);
    for (int loop = 0; loop < 2; loop++) {
        struct asked *asked = fetch(loop, true, 2 + 5 * loop, PLANE_WAIT_MS);
        ck_assert(!asked_is_finished(asked));
        write_txn(7);
        ck_assert(!asked_is_finished(asked));

        end_txn(7, false);
        asked_wait(asked);
        ck_assert_uint_gt(asked->batches_size, 0);
        ck_assert_int_eq(asked->head->fetch->results[0]->last_stable, 7 + 5 * loop);
        asked_free(asked);
        write_txn(7);
    }
}
END_TEST

START_TEST(a_range_with_too_many_aborted_transactions_comes_in_pieces)
{
    Kairn__FetchResult result;
    int64_t aborted, offset = 2;
    size_t named = 0;
    int pieces = 0;
    for (int i = 0; i < 9000; i++) {
        write_txn(7);
        end_txn(7, true);
    }
    while (offset < 2 + 9000 * 3) {
        int64_t end = read_from(true, offset, &result, &aborted);
        ck_assert_int_gt(end, offset);
        ck_assert_uint_le(result.n_aborted, 8192);
        named += result.n_aborted;
        offset = end;
        pieces++;
    }
    ck_assert_uint_ge(named, 9000);
    ck_assert_uint_le(named, 9000 + (size_t)pieces);    /* one may reach into two pieces */
    ck_assert_int_gt(pieces, 1);
}
END_TEST

START_TEST(the_latest_offset_of_committed_data_is_the_last_stable_one)
{
    write_txn(7);

    ck_assert_int_eq(plane_list_offsets(&plane, 0, &topic.id, 0, -1, false).offset, 4);
    ck_assert_int_eq(plane_list_offsets(&plane, 0, &topic.id, 0, -1, true).offset, 2);
}
END_TEST

Suite *isolation_suite(void)
{
    Suite *suite = suite_create("server/api/isolation");
    TCase *tests = tcase_create("isolation");

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, committed_readers_stop_before_an_open_transaction);
    tcase_add_test(tests, committed_readers_are_told_what_was_aborted);
    tcase_add_test(tests, all_of_it_is_known_after_a_restart);
    tcase_add_test(tests, a_waiting_reader_is_not_woken_by_what_it_may_not_read);
    tcase_add_test(tests, a_range_with_too_many_aborted_transactions_comes_in_pieces);
    tcase_add_test(tests, the_latest_offset_of_committed_data_is_the_last_stable_one);
    suite_add_tcase(suite, tests);
    return suite;
}
