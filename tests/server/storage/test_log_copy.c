/* A follower's log: what its leader has, byte by byte, and what it knows of it. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/batch.h"
#include "server/storage/doomed.h"
#include "server/storage/log_internal.h"
#include "server/storage/log_trim.h"
#include "server/storage/txn_index.h"
#include "tests/server/storage/fixture.h"

Suite *log_copy_suite(void);

static struct fixture f;
static uint8_t bytes[1 << 16];
static size_t size;

static void setup(void)
{
    fixture_init(&f);
    size = 0;
}

static void teardown(void) { fixture_fini(&f); }

static void restart(bool clean)
{
    fixture_close(&f, clean);
    fixture_open(&f);
}

/* --- what a leader would send ----------------------------------------------------------------- */

/* Put a batch of `records` records with the base offset and epoch behind those in `bytes`. */
static uint8_t *put(int64_t base, int32_t epoch, int records)
{
    uint8_t *batch = bytes + size;
    size += make_batch(batch, sizeof bytes - size, records, 40, 1000 + base);
    batch_stamp(batch, base, epoch);
    return batch;
}

static int copy(int32_t leader_epoch)
{
    return fixture_copy(&f, bytes, size, leader_epoch);
}

static void assert_trail(size_t count, const struct epoch_entry *expected)
{
    ck_assert_uint_eq(f.log->epochs.count, count);
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(f.log->epochs.entries[i].epoch, expected[i].epoch);
        ck_assert_int_eq(f.log->epochs.entries[i].start, expected[i].start);
    }
}

/* --- copies ----------------------------------------------------------------------------------- */

START_TEST(batches_are_written_as_they_are_with_their_offsets_and_epochs)
{
    f.config.segment_bytes = 1000;
    f.config.append_time = true;            /* the leader's stamps stay */
    log_set_config(f.log, &f.config);
    for (int i = 0; i < 60; i += 3)
        put(i, 1 + i / 20, 3);
    ck_assert_int_eq(copy(7), 0);

    ck_assert_uint_gt(log_segments(f.log), 4);
    ck_assert_int_eq(log_end(f.log), 60);
    fixture_verify(&f);
    for (int pass = 0; pass < 2; pass++) {
        assert_trail(3, (struct epoch_entry[]){ { 1, 0 }, { 2, 21 }, { 3, 42 } });
        ck_assert_int_eq(log_last_epoch(f.log), 3);
        restart(pass == 0);
        fixture_verify(&f);
    }
    ck_assert_int_eq(log_append_copies(f.log, bytes, 0, 7, 0), 0);
}
END_TEST

START_TEST(an_answer_with_anything_wrong_in_it_is_refused_as_a_whole)
{
    static const struct { int64_t base; int32_t epoch; int damage; const char *what; } bad[] = {
        { 6, 2, BATCH_HEADER_SIZE + 3, "its checksum" },
        { 6, 2, BATCH_MAGIC, "no batch" },
        { 5, 2, -1, "an overlap" },
        { 3, 2, -1, "a repetition" },
        { 6, 1, -1, "an older epoch" },
        { 6, 5, -1, "an epoch that is newer than the leader" },
        { -4, 2, -1, "a negative offset" },
    };
    put(0, 2, 3);
    ck_assert_int_eq(copy(4), 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        size = 0;
        put(3, 2, 3);
        uint8_t *batch = put(bad[i].base, bad[i].epoch, 3);
        if (bad[i].damage >= 0)
            batch[bad[i].damage] ^= 4;
        ck_assert_msg(copy(4) == K_CORRUPT_MESSAGE, "%s", bad[i].what);
        ck_assert_int_eq(log_end(f.log), 3);
        fixture_verify(&f);
        assert_trail(1, (struct epoch_entry[]){ { 2, 0 } });
    }
    size = 0;
    put(3, 2, 3);
    for (size_t cut = 1; cut < 80; cut++)
        ck_assert_int_eq(log_append_copies(f.log, bytes, size - cut, 4, 0), K_CORRUPT_MESSAGE);
    put(6, 2, 3)[BATCH_ATTRIBUTES + 1] |= 7;
    batch_seal_crc(bytes + size / 2);
    ck_assert_int_eq(copy(4), K_UNSUPPORTED_COMPRESSION_TYPE);
    ck_assert_int_eq(log_end(f.log), 3);
    size /= 2;
    ck_assert_int_eq(copy(4), 0);
    fixture_verify(&f);
}
END_TEST

START_TEST(an_epoch_that_began_here_without_a_record_gives_way)
{
    put(0, 1, 3);
    ck_assert_int_eq(copy(1), 0);
    ck_assert_int_eq(log_begin_epoch(f.log, 5), 0);
    ck_assert_int_eq(log_begin_epoch(f.log, 5), 0);
    ck_assert_int_eq(log_begin_epoch(f.log, 4), K_FENCED_LEADER_EPOCH);
    assert_trail(2, (struct epoch_entry[]){ { 1, 0 }, { 5, 3 } });
    ck_assert_int_eq(log_last_epoch(f.log), 1);
    int32_t found;
    ck_assert_int_eq(log_epoch_end(f.log, 3, &found), 3);
    ck_assert_int_eq(found, 1);

    size = 0;
    put(3, 1, 2);                           /* of a leader that has more of our predecessor's */
    put(5, 6, 1);
    ck_assert_int_eq(copy(6), 0);
    assert_trail(2, (struct epoch_entry[]){ { 1, 0 }, { 6, 5 } });
    ck_assert_int_eq(log_begin_epoch(f.log, 7), 0);
    size = 0;
    put(9, 8, 1);                           /* behind a gap: nobody has records of epoch 7 */
    ck_assert_int_eq(copy(8), 0);
    assert_trail(3, (struct epoch_entry[]){ { 1, 0 }, { 6, 5 }, { 8, 9 } });
    ck_assert_int_eq(log_truncate(f.log, 9), 0);
    ck_assert_int_eq(log_end(f.log), 6);
    ck_assert_int_eq(log_begin_epoch(f.log, 7), 0);
    ck_assert_int_eq(log_begin_epoch(f.log, 8), 0);
    assert_trail(3, (struct epoch_entry[]){ { 1, 0 }, { 6, 5 }, { 8, 6 } });
    ck_assert_int_eq(log_truncate(f.log, 6), 0);        /* nothing to cut but the epoch */
    assert_trail(2, (struct epoch_entry[]){ { 1, 0 }, { 6, 5 } });
    restart(true);
    assert_trail(2, (struct epoch_entry[]){ { 1, 0 }, { 6, 5 } });
}
END_TEST

static void trim_all(void)
{
    const struct log_trim_reason nothing = { -1, -1 };
    struct doomed_list doomed;
    struct log_trim *trim;
    struct log_trimmed gone;
    doomed_init(&doomed);
    ck_assert_int_eq(log_trim_begin(f.log, log_end(f.log), &nothing, &trim), 0);
    ck_assert_int_eq(log_trim_apply(f.log, trim, log_trim_persist(trim)), 0);
    ck_assert_int_eq(log_trim_end(f.log, trim, log_trim_doom(trim), &doomed, 0, &gone), 0);
    doomed_fini(&doomed);
}

START_TEST(a_log_whose_records_are_gone_takes_no_older_epoch_than_theirs)
{
    for (int pass = 0; pass < 3; pass++) {
        int64_t end = log_end(f.log);
        size = 0;
        put(end, 3 + 3 * pass, 3);
        put(end + 3, 5 + 3 * pass, 3);
        ck_assert_int_eq(copy(20), 0);
        trim_all();
        if (pass > 0)
            restart(pass == 1);
        ck_assert_int_eq(log_start(f.log), end + 6);
        ck_assert_int_eq(log_last_epoch(f.log), 5 + 3 * pass);

        size = 0;
        put(end + 6, 4 + 3 * pass, 3);
        ck_assert_int_eq(log_append_copies(f.log, bytes, size, 20, 0), K_CORRUPT_MESSAGE);
        ck_assert_int_eq(log_end(f.log), end + 6);
    }
}
END_TEST

START_TEST(an_epoch_without_a_record_gives_way_wherever_others_begin)
{
    int64_t far = INT64_C(1) << 33;
    put(0, 3, 3);
    ck_assert_int_eq(copy(3), 0);
    ck_assert_int_eq(log_begin_epoch(f.log, 5), 0);
    trim_all();
    ck_assert_int_eq(log_last_epoch(f.log), 3);
    size = 0;
    put(3, 4, 3);
    ck_assert_int_eq(copy(6), 0);
    ck_assert_int_eq(log_last_epoch(f.log), 4);

    ck_assert_int_eq(log_begin_epoch(f.log, 7), 0);
    size = 0;
    put(far, 6, 3);                         /* too far away for one segment */
    ck_assert_int_eq(copy(8), 0);
    ck_assert_int_eq(log_last_epoch(f.log), 6);
    restart(true);
    ck_assert_int_eq(log_last_epoch(f.log), 6);
}
END_TEST

/* --- gaps ------------------------------------------------------------------------------------- */

START_TEST(gaps_of_a_compacted_leader_survive_every_kind_of_restart)
{
    f.config.segment_bytes = 1200;
    log_set_config(f.log, &f.config);
    for (int i = 0; i < 40; i++)
        put(10 + 7 * i, 1, 3);
    ck_assert_int_eq(copy(1), 0);
    ck_assert_uint_gt(log_segments(f.log), 3);
    int64_t end = log_end(f.log);
    for (int pass = 0; pass < 3; pass++) {
        ck_assert_int_eq(log_start(f.log), 0);
        ck_assert_int_eq(log_end(f.log), end);
        fixture_verify(&f);
        fixture_close(&f, pass == 0);
        if (pass == 1)
            fixture_forget_machine(&f);
        fixture_open(&f);
    }

    /* A loss is not a gap: nothing is believed behind a segment that ends too early. */
    char name[64];
    int64_t last = f.log->segments[1]->tail.size;
    int64_t second = f.log->segments[1]->base_offset;
    snprintf(name, sizeof name, "%020lld.log", (long long)second);
    char *path = fixture_file(&f, name);
    struct segment_place place;
    ck_assert_int_eq(segment_locate(f.log->segments[1],
                                    f.log->segments[1]->tail.next_offset - 1, &place), 0);
    ck_assert_int_eq(place.position + place.size, last);
    fixture_close(&f, false);
    fixture_forget_machine(&f);
    ck_assert_int_eq(truncate(path, place.position), 0);
    free(path);
    fixture_open(&f);
    model_cut(&f.model, place.base_offset);
    fixture_verify(&f);
}
END_TEST

START_TEST(a_gap_that_is_too_wide_for_a_segment_ends_it)
{
    int64_t far = INT64_C(1) << 33;
    put(0, 1, 3);
    put(far, 1, 3);
    put(far + 10, 1, 3);
    put(2 * far, 2, 1);
    ck_assert_int_eq(copy(2), 0);
    ck_assert_uint_eq(log_segments(f.log), 3);
    for (int pass = 0; pass < 4; pass++) {
        fixture_verify(&f);
        assert_trail(2, (struct epoch_entry[]){ { 1, 0 }, { 2, 2 * far } });
        fixture_close(&f, pass == 0);
        if (pass == 2)
            f.fault.life = "another life";
        fixture_open(&f);
    }

    ck_assert_int_eq(log_reset(f.log, 5), 0);
    model_cut(&f.model, 0);
    size = 0;
    put(far, 1, 2);
    ck_assert_int_eq(copy(2), 0);
    restart(false);
    ck_assert_int_eq(log_end(f.log), far + 2);
    ck_assert_int_eq(log_start(f.log), far);
}
END_TEST

START_TEST(an_empty_log_takes_the_whole_batch_that_its_start_is_inside_of)
{
    ck_assert_int_eq(log_reset(f.log, 105), 0);
    put(100, 3, 5);
    ck_assert_int_eq(copy(3), K_CORRUPT_MESSAGE);       /* it ends before */
    size = 0;
    put(100, 3, 10);
    put(110, 3, 2);
    ck_assert_int_eq(copy(3), 0);
    for (int pass = 0; pass < 3; pass++) {
        ck_assert_int_eq(log_start(f.log), 105);
        ck_assert_int_eq(log_end(f.log), 112);
        fixture_verify(&f);
        assert_trail(1, (struct epoch_entry[]){ { 3, 105 } });
        restart(pass == 0);
    }
    size = 0;
    put(108, 3, 10);
    ck_assert_int_eq(copy(3), K_CORRUPT_MESSAGE);
}
END_TEST

/* --- producers -------------------------------------------------------------------------------- */

START_TEST(producers_and_transactions_are_known_as_the_leader_knows_them)
{
    struct producer_state state;
    struct index aborted;
    struct aborted_txn *found;
    size_t count;
    for (int i = 0; i < 30; i++) {
        ck_assert_int_eq(fixture_produce(&f, 7, 0, 3 * i, 3, true), 0);
        ck_assert_int_eq(fixture_produce(&f, 8, 2, 2 * i, 2, false), 0);
        ck_assert_int_eq(fixture_end_txn(&f, 7, 0, i % 2 == 0, 1), 0);
    }
    struct model leader = f.model;
    memset(&f.model, 0, sizeof f.model);
    ck_assert_int_eq(log_reset(f.log, 0), 0);
    f.config.segment_bytes = 900;
    log_set_config(f.log, &f.config);
    ck_assert_int_eq(fixture_copy(&f, leader.bytes, leader.size, 0), 0);

    fixture_replay(&f, &state, &aborted);
    ck_assert_uint_eq(aborted.count, 15);
    int64_t stable;
    ck_assert_int_eq(log_stable_end(f.log, log_end(f.log), &stable), 0);
    ck_assert_int_eq(stable, log_end(f.log));
    ck_assert_int_eq(log_find_aborted(f.log, 0, log_end(f.log), &found, &count), 0);
    ck_assert_uint_eq(count, aborted.count);
    for (size_t i = 0; i < count; i++) {
        struct aborted_txn expected = txn_index_at(&aborted, i);
        ck_assert_mem_eq(&found[i], &expected, sizeof expected);
    }
    free(found);
    struct producer_numbers again = { .id = 8, .epoch = 2, .first = 58, .count = 2 };
    ck_assert_int_eq(log_check_numbers(f.log, &again, &stable), 0);
    ck_assert_int_eq(stable, producer_state_find(&state, 8)->last_offset - 1);
    producer_state_fini(&state);
    index_fini(&aborted);
    free(leader.bytes);
    free(leader.batches);
}
END_TEST

/* --- failures --------------------------------------------------------------------------------- */

/* A log that starts inside of the first batch gets batches of two epochs in three segments, with
 * gaps, while one call fails. All of it is there, or nothing. */
static void try_every_call(int code)
{
    f.config.segment_bytes = 600;
    for (int n = 1; n < 1000; n++) {
        log_set_config(f.log, &f.config);
        model_cut(&f.model, 0);
        ck_assert_int_eq(log_reset(f.log, 105), 0);
        size = 0;
        put(100, 3, 10);
        for (int i = 0; i < 12; i++)
            put(112 + 4 * i, 4 + i / 8, 3);
        store_u64(bytes + BATCH_PRODUCER_ID, 5);
        store_u16(bytes + BATCH_PRODUCER_EPOCH, 0);
        store_u32(bytes + BATCH_BASE_SEQUENCE, 0);
        batch_seal_crc(bytes);
        fault_arm(&f.fault, n, code, false);
        int error = copy(5);
        bool fired = f.fault.fired > 0;
        fault_arm(&f.fault, 0, 0, false);
        ck_assert(error == 0 || error == (code == ENOSPC ? K_DISK_FULL : K_KAFKA_STORAGE_ERROR));
        if (error == K_DISK_FULL) {
            ck_assert_int_eq(log_start(f.log), 105);
            ck_assert_int_eq(log_end(f.log), 105);
            ck_assert_int_eq(log_last_epoch(f.log), -1);
            if (n % 2 == 0)
                restart(n % 4 == 0);
            ck_assert_int_eq(log_end(f.log), 105);
            ck_assert_int_eq(copy(5), 0);
        }
        if (error == K_KAFKA_STORAGE_ERROR) {
            restart(n % 2 == 0);
            ck_assert_int_eq(log_start(f.log), 105);
            ck_assert(log_end(f.log) >= 105);
        } else {
            restart(n % 2 == 0);
            fixture_verify(&f);
        }
        if (!fired)
            return;
    }
    ck_abort_msg("it never ends");
}

START_TEST(copies_are_appended_all_or_not_at_all_when_a_call_fails)
{
    try_every_call(ENOSPC);
    try_every_call(EIO);
}
END_TEST

Suite *log_copy_suite(void)
{
    Suite *suite = suite_create("server/storage/log_copy");
    TCase *tests = tcase_create("log_copy");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, batches_are_written_as_they_are_with_their_offsets_and_epochs);
    tcase_add_test(tests, an_answer_with_anything_wrong_in_it_is_refused_as_a_whole);
    tcase_add_test(tests, an_epoch_that_began_here_without_a_record_gives_way);
    tcase_add_test(tests, a_log_whose_records_are_gone_takes_no_older_epoch_than_theirs);
    tcase_add_test(tests, an_epoch_without_a_record_gives_way_wherever_others_begin);
    tcase_add_test(tests, gaps_of_a_compacted_leader_survive_every_kind_of_restart);
    tcase_add_test(tests, a_gap_that_is_too_wide_for_a_segment_ends_it);
    tcase_add_test(tests, an_empty_log_takes_the_whole_batch_that_its_start_is_inside_of);
    tcase_add_test(tests, producers_and_transactions_are_known_as_the_leader_knows_them);
    tcase_add_test(tests, copies_are_appended_all_or_not_at_all_when_a_call_fails);
    suite_add_tcase(suite, tests);
    return suite;
}
