/* What a log knows of its producers, after each batch and after any history. */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/crc32c.h"
#include "common/rand.h"
#include "proto/batch.h"
#include "server/storage/log_internal.h"
#include "server/storage/producer_runs.h"
#include "server/storage/producer_state.h"
#include "server/storage/txn_index.h"
#include "tests/server/storage/fixture.h"

Suite *log_producers_suite(void);

enum { SEEDS = 20, STEPS = 150, PRODUCERS = 5 };

static struct fixture f;

static void setup(void) { fixture_init(&f); }
static void teardown(void) { fixture_fini(&f); }

/* --- helpers ---------------------------------------------------------------------------------- */

static void assert_same_runs(const struct producer_state *a, const struct producer_state *b,
                             const uint8_t *snapshot)
{
    uint8_t *a_bytes, *b_bytes;
    size_t a_size, b_size;
    ck_assert_int_eq(producer_runs_encode(a, 9, snapshot, &a_bytes, &a_size), 0);
    ck_assert_int_eq(producer_runs_encode(b, 9, snapshot, &b_bytes, &b_size), 0);
    ck_assert_uint_eq(a_size, b_size);
    if (a_bytes != NULL)
        ck_assert_mem_eq(a_bytes, b_bytes, a_size);
    free(a_bytes);
    free(b_bytes);
}

static void assert_same_state(const struct producer_state *a, const struct producer_state *b)
{
    uint8_t *a_bytes, *b_bytes;
    size_t a_size, b_size;
    ck_assert_int_eq(producer_state_encode(a, &a_bytes, &a_size), 0);
    ck_assert_int_eq(producer_state_encode(b, &b_bytes, &b_size), 0);
    ck_assert_uint_eq(a_size, b_size);
    ck_assert_mem_eq(a_bytes, b_bytes, a_size);
    ck_assert_int_eq(producer_state_first_open(a), producer_state_first_open(b));
    assert_same_runs(a, b, a_bytes);
    free(a_bytes);
    free(b_bytes);
}

/* The log knows what a full replay knows. */
static void verify(void)
{
    struct producer_state state;
    struct index aborted;
    struct aborted_txn *found;
    size_t count;
    int64_t stable, end = log_end(f.log);

    fixture_replay(&f, &state, &aborted);
    ck_assert_int_eq(log_stable_end(f.log, end, &stable), 0);
    int64_t open = producer_state_first_open(&state);
    ck_assert_int_eq(stable, open >= 0 ? open : end);
    assert_same_state(&f.log->producers.state, &state);

    ck_assert_int_eq(log_find_aborted(f.log, 0, end, &found, &count), 0);
    ck_assert_uint_eq(count, aborted.count);
    for (size_t i = 0; i < count; i++) {
        struct aborted_txn expected = txn_index_at(&aborted, i);
        ck_assert_mem_eq(&found[i], &expected, sizeof expected);
    }
    free(found);
    index_fini(&aborted);
    producer_state_fini(&state);
}

static void reopen(bool clean)
{
    fixture_close(&f, clean);
    fixture_open(&f);
}

static int count_files(const char *suffix)
{
    char path[128];
    int count = 0;
    snprintf(path, sizeof path, "%s/t-0", f.path);
    DIR *listing = opendir(path);
    ck_assert_ptr_nonnull(listing);
    for (struct dirent *entry; (entry = readdir(listing)) != NULL; )
        count += strstr(entry->d_name, suffix) != NULL;
    closedir(listing);
    return count;
}

static const struct producer_entry *entry_of(int64_t id)
{
    int64_t stable;
    ck_assert_int_eq(log_stable_end(f.log, INT64_MAX, &stable), 0);
    const struct producer_entry *entry = producer_state_find(&f.log->producers.state, id);
    ck_assert_ptr_nonnull(entry);
    return entry;
}

/* --- one batch after the other ---------------------------------------------------------------- */

START_TEST(a_batch_leaves_its_last_sequence_and_offset)
{
    ck_assert_int_eq(fixture_append(&f, 3, 10, 1), 0);
    ck_assert_int_eq(fixture_produce(&f, 42, 7, 100, 4, false), 0);

    const struct producer_entry *entry = entry_of(42);
    ck_assert_int_eq(entry->epoch, 7);
    ck_assert_int_eq(entry->last_sequence, 103);
    ck_assert_int_eq(entry->last_offset, 6);
    ck_assert_int_eq(entry->offset_delta, 3);
    ck_assert_int_eq(entry->timestamp, 5103);
    ck_assert_int_eq(entry->coordinator_epoch, -1);
    ck_assert_int_eq(entry->txn_first, -1);
    ck_assert_uint_eq(f.log->producers.state.count, 1);
}
END_TEST

START_TEST(sequences_wrap_to_zero)
{
    ck_assert_int_eq(fixture_produce(&f, 1, 0, INT32_MAX - 1, 4, false), 0);

    ck_assert_int_eq(entry_of(1)->last_sequence, 1);
}
END_TEST

START_TEST(a_transaction_is_open_until_its_marker)
{
    int64_t stable;
    ck_assert_int_eq(fixture_produce(&f, 1, 0, 0, 2, true), 0);
    ck_assert_int_eq(fixture_produce(&f, 2, 0, 0, 2, true), 0);
    ck_assert_int_eq(fixture_produce(&f, 1, 0, 2, 2, true), 0);
    ck_assert_int_eq(log_stable_end(f.log, 6, &stable), 0);
    ck_assert_int_eq(stable, 0);

    ck_assert_int_eq(fixture_end_txn(&f, 1, 0, true, 9), 0);
    ck_assert_int_eq(log_stable_end(f.log, 7, &stable), 0);
    ck_assert_int_eq(stable, 2);
    ck_assert_int_eq(entry_of(1)->txn_first, -1);
    ck_assert_int_eq(entry_of(1)->coordinator_epoch, 9);
    ck_assert_int_eq(entry_of(1)->timestamp, 7000);
    ck_assert_int_eq(entry_of(1)->last_sequence, 3);
    ck_assert_int_eq(entry_of(2)->txn_first, 2);

    ck_assert_int_eq(fixture_end_txn(&f, 2, 0, false, 9), 0);
    ck_assert_int_eq(log_stable_end(f.log, 8, &stable), 0);
    ck_assert_int_eq(stable, 8);
    ck_assert_int_eq(log_stable_end(f.log, 5, &stable), 0);
    ck_assert_int_eq(stable, 5);
    verify();
}
END_TEST

START_TEST(a_marker_with_a_new_epoch_forgets_the_sequences)
{
    ck_assert_int_eq(fixture_produce(&f, 1, 3, 5, 1, true), 0);
    ck_assert_int_eq(fixture_end_txn(&f, 1, 4, true, 2), 0);

    const struct producer_entry *entry = entry_of(1);
    ck_assert_int_eq(entry->epoch, 4);
    ck_assert_int_eq(entry->last_sequence, -1);
    ck_assert_int_eq(entry->last_offset, -1);
}
END_TEST

/* --- a log's ---------------------------------------------------------------------------------- */

static int batch_reads;
static ssize_t count_pread(const struct io *io, int fd, void *to, size_t size, off_t position)
{
    char link[64], path[256];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    ck_assert_int_gt(length, 0);
    path[length] = '\0';
    batch_reads += strstr(path, ".log") != NULL;
    return io_system.pread(io, fd, to, size, position);
}

START_TEST(a_clean_start_takes_the_state_from_its_file_alone)
{
    int64_t stable;
    for (int i = 0; i < 50; i++)
        ck_assert_int_eq(fixture_produce(&f, i % 7, 0, i, 1, i >= 49), 0);
    reopen(true);
    ck_assert_int_eq(f.log->producers.pending, 50);

    f.fault.io.pread = count_pread;
    batch_reads = 0;
    ck_assert_int_eq(log_stable_end(f.log, 50, &stable), 0);
    ck_assert_int_eq(stable, 49);
    ck_assert_int_eq(batch_reads, 0);
    f.fault.io.pread = io_system.pread;
    verify();
}
END_TEST

START_TEST(a_log_that_nobody_used_writes_no_snapshot_twice)
{
    ck_assert_int_eq(fixture_append(&f, 1, 10, 1), 0);
    reopen(true);
    char *path = fixture_file(&f, "00000000000000000001.snapshot");
    ck_assert_int_eq(file_size(path), 10);
    ck_assert_int_eq(chmod(path, 0400), 0);

    reopen(true);
    struct stat status;
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_int_eq(status.st_mode & 0777, 0400);
    free(path);
}
END_TEST

START_TEST(every_roll_leaves_a_snapshot_and_a_stop_one_at_the_end)
{
    f.config.segment_bytes = 1000;
    log_set_config(f.log, &f.config);
    for (int i = 0; i < 40; i++)
        ck_assert_int_eq(fixture_produce(&f, 1, 0, i, 1, false), 0);
    size_t segments = f.log->segment_count;
    ck_assert_uint_gt(segments, 3);
    ck_assert_int_eq(count_files(".snapshot"), (int)segments - 1);

    reopen(true);
    ck_assert_int_eq(count_files(".snapshot"), (int)segments);
    ck_assert_int_eq(fixture_produce(&f, 1, 0, 40, 1, false), 0);
    reopen(true);
    ck_assert_int_eq(count_files(".snapshot"), (int)segments);
    verify();
}
END_TEST

START_TEST(much_data_without_a_roll_gets_a_snapshot_at_a_checkpoint)
{
    f.config.segment_bytes = 1 << 30;
    log_set_config(f.log, &f.config);
    ck_assert_int_eq(fixture_produce(&f, 1, 0, 0, 1, true), 0);
    for (int i = 0; i < 620; i++) {
        ck_assert_int_eq(fixture_append(&f, 8, 4000, i), 0);
        if (i % 50 == 0)
            ck_assert_int_eq(log_checkpoint(f.log), 0);
    }
    ck_assert_int_eq(count_files(".snapshot"), 1);
    ck_assert_int_gt(f.log->producers.newest, 4000);

    reopen(false);
    verify();
}
END_TEST

START_TEST(a_damaged_snapshot_is_dropped_and_the_log_read_instead)
{
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(fixture_produce(&f, i % 3, 0, i, 1, true), 0);
    ck_assert_int_eq(fixture_end_txn(&f, 1, 0, true, 0), 0);
    fixture_close(&f, true);
    char *path = fixture_file(&f, "00000000000000000021.snapshot");
    damage_byte(path, 30, 4);

    fixture_open(&f);
    verify();
    fixture_close(&f, true);
    ck_assert_int_eq(truncate(path, 5), 0);
    fixture_open(&f);
    verify();
    fixture_close(&f, true);
    ck_assert_int_eq(unlink(path), 0);
    fixture_open(&f);
    verify();
    free(path);
}
END_TEST

START_TEST(after_the_machine_stopped_only_synced_snapshots_count)
{
    ck_assert_int_eq(fixture_produce(&f, 1, 0, 0, 1, true), 0);
    fixture_close(&f, true);
    /* A power cut left a snapshot whose bytes are good, and whose time never came. */
    char *path = fixture_file(&f, "00000000000000000001.snapshot");
    uint8_t empty[10] = { 0, 1 };
    store_u32(empty + 2, crc32c(0, empty + 6, 4));
    FILE *file = fopen(path, "w");
    ck_assert_uint_eq(fwrite(empty, 1, sizeof empty, file), sizeof empty);
    fclose(file);
    free(path);
    fixture_forget_machine(&f);

    fixture_open(&f);
    verify();
    ck_assert_uint_eq(f.log->producers.state.count, 1);
}
END_TEST

static int snapshot_syncs;
static int count_sync(const struct io *io, int fd)
{
    char link[64], path[256];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    ck_assert_int_gt(length, 0);
    path[length] = '\0';
    snapshot_syncs += strstr(path, ".snapshot") != NULL || strstr(path, ".txnindex") != NULL;
    return io_system.sync(io, fd);
}

enum { EVERYTHING = 1000 };

static int count_sync_filesystem(const struct io *io, int fd)
{
    (void)io;
    (void)fd;
    snapshot_syncs += EVERYTHING;
    return 0;
}

START_TEST(the_recovery_point_passes_no_snapshot_that_is_not_synced)
{
    f.config.segment_bytes = 400;
    log_set_config(f.log, &f.config);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(fixture_produce(&f, 1, 0, i, 1, true), 0);
    int snapshots = count_files(".snapshot");
    ck_assert_int_gt(snapshots, 1);

    f.fault.io.sync = count_sync;
    f.fault.io.sync_filesystem = count_sync_filesystem;
    snapshot_syncs = 0;
    ck_assert_int_eq(log_flush(f.log), 0);
    ck_assert(snapshot_syncs == snapshots || snapshot_syncs == EVERYTHING);
    f.config.segment_bytes = 1 << 20;
    log_set_config(f.log, &f.config);
    ck_assert_int_eq(fixture_produce(&f, 1, 0, 10, 1, true), 0);
    ck_assert_int_eq(fixture_end_txn(&f, 1, 0, true, 0), 0);
    snapshot_syncs = 0;
    ck_assert_int_eq(log_flush(f.log), 0);
    ck_assert_int_ge(snapshot_syncs, 1);        /* the index entry of the marker */
    snapshot_syncs = 0;
    ck_assert_int_eq(fixture_append(&f, 1, 1, 1), 0);
    ck_assert_int_eq(log_flush(f.log), 0);
    ck_assert_int_eq(snapshot_syncs, 0);
    f.fault.io.sync = io_system.sync;
}
END_TEST

START_TEST(an_append_that_fails_leaves_the_state_as_it_was)
{
    f.config.segment_bytes = 600;
    log_set_config(f.log, &f.config);
    ck_assert_int_eq(fixture_produce(&f, 1, 0, 0, 1, true), 0);
    for (int n = 1; n < 40; n++) {
        uint8_t bytes[4096];
        struct log_append appends[8];
        size_t size = 0;
        for (int i = 0; i < 8; i++) {
            appends[i].bytes = bytes + size;
            appends[i].size = make_batch(bytes + size, sizeof bytes - size, 1, 100, 1);
            store_u64(bytes + size + BATCH_PRODUCER_ID, (uint64_t)(i % 2 + 1));
            store_u16(bytes + size + BATCH_PRODUCER_EPOCH, 0);
            store_u16(bytes + size + BATCH_ATTRIBUTES, BATCH_TRANSACTIONAL);
            batch_seal_crc(bytes + size);
            size += appends[i].size;
        }
        fault_arm(&f.fault, n, ENOSPC, false);
        int error = log_append(f.log, appends, 8, 0, f.wall_ms);
        f.fault.fail_at = 0;
        if (f.fault.calls < n) {
            ck_assert_int_gt(n, 10);
            return;
        }
        ck_assert(error == 0 || error == K_DISK_FULL);
        if (error == 0)                      /* that call needs no space */
            ck_assert_int_eq(log_truncate(f.log, 1), 0);
        verify();
    }
    ck_abort_msg("the append never succeeded");
}
END_TEST

/* Or it would be believed once the log has grown past it, with producers that it does not know. */
START_TEST(an_append_that_fails_leaves_no_snapshot_ahead_of_the_log)
{
    f.config.segment_bytes = 600;
    log_set_config(f.log, &f.config);
    ck_assert_int_eq(fixture_append(&f, 1, 100, 1), 0);
    int failed = 0, error = K_DISK_FULL;
    for (int n = 1; error != 0 || f.fault.fired > 0; n++) {
        uint8_t bytes[4096];
        struct log_append appends[8];
        size_t size = 0;
        for (int i = 0; i < 8; i++) {
            appends[i].bytes = bytes + size;
            appends[i].size = make_batch(bytes + size, sizeof bytes - size, 1, 100, 1);
            size += appends[i].size;
        }
        ck_assert_int_lt(n, 100);
        fault_arm(&f.fault, n, ENOSPC, false);
        error = log_append(f.log, appends, 8, 0, f.wall_ms);
        f.fault.fail_at = 0;

        failed += error != 0;
        ck_assert_int_le(f.log->producers.newest, log_end(f.log));
        ck_assert_int_le(f.log->producers.loose, log_end(f.log));
        if (error == 0)
            ck_assert_int_eq(log_truncate(f.log, 1), 0);
    }
    ck_assert_int_gt(failed, 5);
}
END_TEST

static void step(struct rand *rand, int32_t *sequences)
{
    int64_t id = (int64_t)rand_below(rand, PRODUCERS);
    int records = 1 + (int)rand_below(rand, 3);
    switch (rand_below(rand, 20)) {
    case 0:
        reopen(true);
        verify();
        break;
    case 1:
        reopen(false);
        verify();
        break;
    case 2:
        if (log_end(f.log) == 0)
            break;
        int64_t offset = (int64_t)rand_below(rand, (uint64_t)log_end(f.log));
        ck_assert_int_eq(log_truncate(f.log, offset), 0);
        model_cut(&f.model, offset);
        ck_assert_int_eq(log_end(f.log), model_end(&f.model));
        if (rand_below(rand, 2) == 0)
            verify();
        break;
    case 3:
        ck_assert_int_eq(log_checkpoint(f.log), 0);
        ck_assert_int_eq(logdir_checkpoint(f.directory), 0);
        break;
    case 4:
        ck_assert_int_eq(log_flush(f.log), 0);
        ck_assert_int_eq(logdir_checkpoint(f.directory), 0);
        break;
    case 5:
        fixture_close(&f, false);
        fixture_forget_machine(&f);
        fixture_open(&f);
        verify();
        break;
    case 6:
    case 7:
        ck_assert_int_eq(fixture_append(&f, records, 100, 1), 0);
        break;
    case 8:
    case 9:
    case 10:
    case 11:
        ck_assert_int_eq(fixture_end_txn(&f, id, (int16_t)rand_below(rand, 2),
                                         rand_below(rand, 3) > 0, 1), 0);
        break;
    default:
        ck_assert_int_eq(fixture_produce(&f, id, (int16_t)rand_below(rand, 2), sequences[id],
                                         records, rand_below(rand, 3) > 0), 0);
        sequences[id] += records;
        break;
    }
}

START_TEST(the_state_after_any_history_is_that_of_a_full_replay)
{
    int32_t sequences[PRODUCERS] = { 0 };
    struct rand rand;
    rand_seed(&rand, 4000 + (uint64_t)_i);
    f.config.segment_bytes = 1500;
    f.config.index_interval_bytes = 300;
    log_set_config(f.log, &f.config);

    for (int i = 0; i < STEPS; i++)
        step(&rand, sequences);
    verify();
    fixture_verify(&f);
}
END_TEST

Suite *log_producers_suite(void)
{
    const TTest *const cases[] = {
        a_batch_leaves_its_last_sequence_and_offset,
        sequences_wrap_to_zero,
        a_transaction_is_open_until_its_marker,
        a_marker_with_a_new_epoch_forgets_the_sequences,
        a_clean_start_takes_the_state_from_its_file_alone,
        a_log_that_nobody_used_writes_no_snapshot_twice,
        every_roll_leaves_a_snapshot_and_a_stop_one_at_the_end,
        much_data_without_a_roll_gets_a_snapshot_at_a_checkpoint,
        a_damaged_snapshot_is_dropped_and_the_log_read_instead,
        after_the_machine_stopped_only_synced_snapshots_count,
        the_recovery_point_passes_no_snapshot_that_is_not_synced,
        an_append_that_fails_leaves_the_state_as_it_was,
        an_append_that_fails_leaves_no_snapshot_ahead_of_the_log,
    };
    Suite *suite = suite_create("server/storage/log_producers");
    TCase *tcase = tcase_create("log_producers");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        tcase_add_test(tcase, cases[i]);
    tcase_add_loop_test(tcase, the_state_after_any_history_is_that_of_a_full_replay, 0, SEEDS);
    suite_add_tcase(suite, tcase);
    return suite;
}
