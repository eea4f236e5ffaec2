/* Producer state by itself: markers that can not be read, and the snapshot file. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/crc32c.h"
#include "proto/batch.h"
#include "server/storage/producer_state.h"
#include "server/storage/txn_index.h"
#include "tests/server/storage/fixture.h"

Suite *producer_state_suite(void);

static struct fixture f;

static void setup(void) { fixture_init(&f); }
static void teardown(void) { fixture_fini(&f); }

START_TEST(a_marker_that_can_not_be_read_changes_nothing)
{
    struct producer_state state;
    struct producer_end end;
    uint8_t marker[78];
    ck_assert_int_eq(fixture_produce(&f, 1, 0, 0, 1, true), 0);
    ck_assert_int_eq(fixture_end_txn(&f, 1, 0, true, 0), 0);
    memcpy(marker, f.model.bytes + f.model.batches[1].position, sizeof marker);
    producer_state_init(&state);

    for (size_t size = BATCH_HEADER_SIZE; size < sizeof marker; size++) {
        ck_assert_int_eq(producer_state_reserve(&state, 1), 0);
        producer_state_note(&state, marker, size, &end);
        ck_assert(!end.ended);
    }
    for (size_t i = BATCH_HEADER_SIZE; i < sizeof marker; i++) {
        uint8_t damaged[78];
        memcpy(damaged, marker, sizeof damaged);
        damaged[i] ^= 0xff;
        ck_assert_int_eq(producer_state_reserve(&state, 1), 0);
        producer_state_note(&state, damaged, sizeof damaged, &end);
        ck_assert(!end.ended);
    }
    producer_state_fini(&state);
}
END_TEST

/* --- the file --------------------------------------------------------------------------------- */

START_TEST(a_snapshot_gives_the_same_state_back)
{
    struct producer_state state, read;
    struct index aborted;
    uint8_t *bytes;
    size_t size;
    for (int i = 0; i < 300; i++)
        ck_assert_int_eq(fixture_produce(&f, i * 1000, (int16_t)i, i, 1, i % 3 == 0), 0);
    fixture_replay(&f, &state, &aborted);

    ck_assert_int_eq(producer_state_encode(&state, &bytes, &size), 0);
    ck_assert_uint_eq(size, 10 + 300 * 46);
    producer_state_init(&read);
    ck_assert_int_eq(producer_state_decode(&read, bytes, size, 300), 0);
    uint8_t *again;
    size_t again_size;
    ck_assert_int_eq(producer_state_encode(&read, &again, &again_size), 0);
    ck_assert_uint_eq(again_size, size);
    ck_assert_mem_eq(again, bytes, size);
    free(again);
    ck_assert_int_eq(producer_state_first_open(&read), producer_state_first_open(&state));
    ck_assert_uint_eq(read.open_count, 100);

    /* An offset before which it can not have been taken. */
    ck_assert_int_eq(producer_state_decode(&read, bytes, size, 299), K_CORRUPT);
    ck_assert_uint_eq(read.count, 0);
    free(bytes);
    index_fini(&aborted);
    producer_state_fini(&state);
    producer_state_fini(&read);
}
END_TEST

START_TEST(a_damaged_snapshot_is_refused_at_every_byte)
{
    struct producer_state state;
    struct index aborted;
    uint8_t *bytes;
    size_t size;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(fixture_produce(&f, i, 0, 0, 1, true), 0);
    fixture_replay(&f, &state, &aborted);
    ck_assert_int_eq(producer_state_encode(&state, &bytes, &size), 0);

    for (size_t i = 0; i < size; i++) {
        ck_assert_int_eq(producer_state_decode(&state, bytes, i, 3), K_CORRUPT);
        bytes[i] ^= 1;
        ck_assert_int_eq(producer_state_decode(&state, bytes, size, 3), K_CORRUPT);
        bytes[i] ^= 1;
    }
    /* The same producer twice, under a checksum that holds. */
    memcpy(bytes + 10 + 46, bytes + 10, 8);
    store_u32(bytes + 2, crc32c(0, bytes + 6, size - 6));
    ck_assert_int_eq(producer_state_decode(&state, bytes, size, 3), K_CORRUPT);
    free(bytes);
    index_fini(&aborted);
    producer_state_fini(&state);
}
END_TEST

/* A file of Kafka's, golden/README.md; its size. */
static size_t read_golden(const char *name, uint8_t *to, size_t room)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", GOLDEN, name);
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s", path);
    size_t size = fread(to, 1, room, file);
    fclose(file);
    return size;
}

START_TEST(kafkas_snapshots_are_read)
{
    struct producer_state state;
    uint8_t bytes[256];
    producer_state_init(&state);

    ck_assert_int_eq(
        producer_state_decode(&state, bytes,
                              read_golden("00000000000000000283.snapshot", bytes, sizeof bytes),
                              283), 0);
    ck_assert_uint_eq(state.count, 3);
    ck_assert_int_eq(producer_state_first_open(&state), 273);
    const struct producer_entry *entry = producer_state_find(&state, 8);
    ck_assert_ptr_nonnull(entry);
    ck_assert_int_eq(entry->epoch, 0);
    ck_assert_int_eq(entry->coordinator_epoch, 0);
    ck_assert_int_eq(entry->txn_first, -1);
    ck_assert_int_eq(entry->timestamp, 1795895758038);
    ck_assert_int_eq(entry->last_sequence, 75);
    ck_assert_int_eq(entry->last_offset, 280);
    ck_assert_int_eq(entry->offset_delta, 1);
    producer_state_fini(&state);
}
END_TEST

START_TEST(snapshots_are_written_as_kafka_writes_them)
{
    struct producer_state state;
    uint8_t bytes[256], *ours;
    size_t size = read_golden("00000000000000000600.snapshot", bytes, sizeof bytes), our_size;
    producer_state_init(&state);
    ck_assert_int_eq(producer_state_decode(&state, bytes, size, 600), 0);

    ck_assert_int_eq(producer_state_encode(&state, &ours, &our_size), 0);

    ck_assert_uint_eq(our_size, size);
    ck_assert_mem_eq(ours, bytes, size);
    free(ours);
    producer_state_fini(&state);
}
END_TEST

START_TEST(kafkas_transaction_indexes_are_read_and_written)
{
    struct index index, ours;
    index_init(&index, TXN_INDEX_ENTRY);
    index_init(&ours, TXN_INDEX_ENTRY);
    ck_assert_int_eq(index_load(&index, &io_system, GOLDEN "/00000000000000000011.txnindex"), 0);
    ck_assert_uint_eq(index.count, 3);
    ck_assert(txn_index_valid(&index, 11, 46));
    ck_assert(!txn_index_valid(&index, 11, 45));
    ck_assert(!txn_index_valid(&index, 12, 46));

    ck_assert_int_eq(txn_index_add(&ours, &(struct aborted_txn){ 8, 0, 11, 3 }), 0);
    ck_assert_int_eq(txn_index_add(&ours, &(struct aborted_txn){ 9, 24, 41, 27 }), 0);
    ck_assert_int_eq(txn_index_add(&ours, &(struct aborted_txn){ 7, 27, 45, 35 }), 0);
    ck_assert_mem_eq(ours.bytes, index.bytes, 3 * TXN_INDEX_ENTRY);
    index_fini(&index);
    index_fini(&ours);
}
END_TEST

Suite *producer_state_suite(void)
{
    Suite *suite = suite_create("server/storage/producer_state");
    TCase *tcase = tcase_create("producer_state");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_marker_that_can_not_be_read_changes_nothing);
    tcase_add_test(tcase, a_snapshot_gives_the_same_state_back);
    tcase_add_test(tcase, a_damaged_snapshot_is_refused_at_every_byte);
    tcase_add_test(tcase, kafkas_snapshots_are_read);
    tcase_add_test(tcase, snapshots_are_written_as_kafka_writes_them);
    tcase_add_test(tcase, kafkas_transaction_indexes_are_read_and_written);
    suite_add_tcase(suite, tcase);
    return suite;
}
