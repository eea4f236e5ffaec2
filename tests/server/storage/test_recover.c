#include <check.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/batch.h"
#include "server/storage/index_offset.h"
#include "server/storage/log_internal.h"
#include "tests/server/storage/fixture.h"

Suite *recover_suite(void);

static struct fixture f;
static char *log_path;

static void setup(void)
{
    fixture_init(&f);
    f.config.index_interval_bytes = 200;
    log_set_config(f.log, &f.config);
    log_path = fixture_file(&f, "00000000000000000000.log");
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(fixture_append(&f, 2, 40, 100 + i), 0);
}

static void teardown(void)
{
    fixture_fini(&f);
    free(log_path);
}

/* Stop without a word, and let the machine go down as well. */
static void power_cut(void)
{
    fixture_close(&f, false);
    fixture_forget_machine(&f);
}

START_TEST(a_tail_torn_at_any_byte_is_cut_to_whole_batches)
{
    size_t last = f.model.batches[9].size;
    int64_t size = (int64_t)f.model.size;
    uint8_t *bytes = malloc(last);
    memcpy(bytes, f.model.bytes + f.model.size - last, last);
    model_cut(&f.model, 18);

    for (size_t left = 0; left < last; left++) {
        power_cut();
        ck_assert_int_eq(truncate(log_path, size - (int64_t)(last - left)), 0);
        fixture_open(&f);
        ck_assert_int_eq(log_end(f.log), 18);
        ck_assert_int_eq(file_size(log_path), (int64_t)f.model.size);
        if (left % 10 == 0)
            fixture_verify(&f);
        /* Put the batch back for the next turn. */
        int fd = open(log_path, O_RDWR);
        ck_assert_int_eq(pwrite(fd, bytes, last, size - (int64_t)last), last);
        close(fd);
    }
    free(bytes);
}
END_TEST

START_TEST(a_flipped_bit_anywhere_in_a_batch_is_found)
{
    size_t at = f.model.batches[8].position, size = f.model.batches[8].size;
    uint8_t *tail = f.model.bytes + at;
    size_t tail_size = f.model.size - at;

    for (size_t i = 0; i < size; i++) {
        power_cut();
        damage_byte(log_path, (int64_t)(at + i), (uint8_t)(1u << (i % 8)));
        fixture_open(&f);
        /* With the machine's fate unknown a larger epoch could be true; then the next, of a smaller
         * one, can not. */
        if (i >= BATCH_LEADER_EPOCH && i < BATCH_MAGIC && log_last_epoch(f.log) > 0)
            ck_assert_int_eq(log_end(f.log), 18);
        else
            ck_assert_int_eq(log_end(f.log), 16);
        int fd = open(log_path, O_RDWR);
        ck_assert_int_eq(pwrite(fd, tail, tail_size, (off_t)at), tail_size);
        close(fd);
        fixture_close(&f, false);
        char *path = fixture_file(&f, "leader-epoch-checkpoint");
        FILE *epochs = fopen(path, "w");
        fputs("0\n1\n0 0\n", epochs);
        fclose(epochs);
        free(path);
        fixture_open(&f);
    }
}
END_TEST

START_TEST(after_a_mere_crash_of_the_process_a_wrong_epoch_is_found_too)
{
    ck_assert_int_eq(log_checkpoint(f.log), 0);
    ck_assert_int_eq(fixture_append(&f, 1, 40, 1), 0);
    fixture_close(&f, false);
    damage_byte(log_path, (int64_t)f.model.batches[10].position + BATCH_LEADER_EPOCH + 3, 4);

    fixture_open(&f);

    ck_assert(!logdir_may_have_lost_data(f.directory));
    ck_assert_int_eq(log_end(f.log), 20);
}
END_TEST

START_TEST(a_mere_crash_trusts_what_the_checkpoint_covers)
{
    ck_assert_int_eq(log_checkpoint(f.log), 0);
    ck_assert_int_eq(fixture_append(&f, 1, 40, 1), 0);
    fixture_close(&f, false);
    /* Damage that only reading everything would find. */
    damage_byte(log_path, (int64_t)f.model.batches[2].position + BATCH_HEADER_SIZE + 3, 1);

    fixture_open(&f);

    ck_assert_int_eq(log_end(f.log), 21);
}
END_TEST

START_TEST(a_checkpoint_writes_the_indexes_only_when_they_lag_far_behind)
{
    char *index = fixture_file(&f, "00000000000000000000.index");

    ck_assert_int_eq(log_checkpoint(f.log), 0);
    ck_assert_int_ne(access(index, F_OK), 0);
    for (int i = 0; i < 1100; i++)
        ck_assert_int_eq(fixture_append(&f, 1, 1000, 200), 0);
    ck_assert_int_eq(log_checkpoint(f.log), 0);
    int64_t size = file_size(index);
    ck_assert_int_gt(size, 7000);
    ck_assert_int_eq(fixture_append(&f, 1, 1000, 200), 0);
    ck_assert_int_eq(log_checkpoint(f.log), 0);
    ck_assert_int_eq(file_size(index), size);

    fixture_close(&f, false);
    fixture_open(&f);
    fixture_verify(&f);
    free(index);
}
END_TEST

/* Damage in the last record of batch 2, which only a check of everything after the recovery point
 * sees; then start in a life of the machine that is called `next`. */
static void crash_into(const char *before, const char *next)
{
    fixture_close(&f, false);
    f.fault.life = before;
    fixture_open(&f);
    ck_assert_int_eq(log_checkpoint(f.log), 0);
    fixture_close(&f, false);
    damage_byte(log_path, (int64_t)f.model.batches[2].position + BATCH_HEADER_SIZE + 3, 1);
    f.fault.life = next;
    fixture_open(&f);
}

START_TEST(the_written_end_counts_in_the_same_boot_and_mount)
{
    crash_into("boot=a mount=1 device=0:1", "boot=a mount=1 device=0:1");
    ck_assert(!logdir_may_have_lost_data(f.directory));
    ck_assert_int_eq(log_end(f.log), 20);
}
END_TEST

START_TEST(the_written_end_does_not_survive_another_boot_or_mount)
{
    static const char *const others[] = { "boot=b mount=1 device=0:1", "boot=a mount=2 device=0:1",
                                          "boot=a mount=1 device=0:2", "" };
    crash_into("boot=a mount=1 device=0:1", others[_i]);
    ck_assert(logdir_may_have_lost_data(f.directory));
    ck_assert_int_eq(log_end(f.log), 4);
}
END_TEST

START_TEST(a_machine_that_tells_nothing_of_its_life_is_never_the_same)
{
    crash_into("", "");
    ck_assert(logdir_may_have_lost_data(f.directory));
    ck_assert_int_eq(log_end(f.log), 4);
}
END_TEST

START_TEST(zeros_and_stale_bytes_after_the_tail_are_no_batches)
{
    power_cut();
    int fd = open(log_path, O_RDWR);
    ck_assert_int_eq(ftruncate(fd, (off_t)f.model.size + 4096), 0);
    ck_assert_int_eq(pwrite(fd, f.model.bytes, f.model.batches[0].size, (off_t)f.model.size + 4096),
                     f.model.batches[0].size);
    close(fd);

    fixture_open(&f);
    fixture_verify(&f);

    /* An old batch right behind the last one is whole, but goes back. */
    power_cut();
    fd = open(log_path, O_RDWR);
    ck_assert_int_eq(pwrite(fd, f.model.bytes, f.model.batches[0].size, (off_t)f.model.size),
                     f.model.batches[0].size);
    close(fd);
    fixture_open(&f);
    fixture_verify(&f);
}
END_TEST

START_TEST(nothing_is_resurrected_beyond_a_hole)
{
    f.config.segment_bytes = 400;
    log_set_config(f.log, &f.config);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(fixture_append(&f, 2, 40, 200 + i), 0);
    ck_assert_uint_gt(f.log->segment_count, 3);
    const struct segment *hurt = f.log->segments[1];
    int64_t base = hurt->base_offset;
    char *path = NULL;
    ck_assert_int_gt(asprintf(&path, "%s.log", hurt->path), 0);
    power_cut();
    ck_assert_int_eq(truncate(path, 0), 0);
    free(path);

    fixture_open(&f);

    model_cut(&f.model, base);
    fixture_verify(&f);
    ck_assert_int_eq(fixture_append(&f, 1, 10, 1), 0);
    fixture_verify(&f);
}
END_TEST

/* As Kafka leaves it when it is killed between compacting and writing its checkpoint; the machine
 * has not stopped since, or nobody knows, as we have never been there. */
START_TEST(a_compacted_log_that_kafka_left_is_not_cut_at_its_holes)
{
    bool stranger = _i == 1;
    fixture_close(&f, true);
    f.fault.life = "boot=a mount=1 device=0:1";
    f.config.segment_bytes = 500;
    f.config.compacted = true;
    fixture_open(&f);
    ck_assert_int_eq(fixture_append(&f, 1, 100, 1), 0);
    ck_assert_int_eq(log_flush(f.log), 0);
    ck_assert_int_eq(log_checkpoint(f.log), 0);
    ck_assert_int_eq(logdir_checkpoint(f.directory), 0);
    for (int i = 0; i < 12; i++)
        ck_assert_int_eq(fixture_append(&f, 1, 100, 1), 0);
    ck_assert_uint_gt(f.log->segment_count, 3);
    char name[64];
    snprintf(name, sizeof name, "%020" PRId64 ".log", f.log->segments[2]->base_offset);
    char *gone = fixture_file(&f, name);
    int64_t end = log_end(f.log);
    fixture_close(&f, false);
    ck_assert_int_eq(unlink(gone), 0);
    free(gone);
    if (stranger) {
        f.fault.life = "boot=b mount=1 device=0:1";
        char sidecar[128];
        snprintf(sidecar, sizeof sidecar, "%s/kairn-checkpoint", f.path);
        ck_assert_int_eq(unlink(sidecar), 0);
    }

    fixture_open(&f);

    ck_assert_int_eq(log_end(f.log), end);
}
END_TEST

START_TEST(the_clean_mark_is_gone_before_it_is_believed)
{
    struct k_reason reason;
    char mark[128];
    snprintf(mark, sizeof mark, "%s/.kafka_cleanshutdown", f.path);
    fixture_close(&f, true);
    ck_assert_int_eq(access(mark, F_OK), 0);

    ck_assert_int_eq(logdir_open(f.path, &f.fault.io, &f.directory, &reason), 0);
    ck_assert(logdir_was_clean(f.directory));
    ck_assert_int_ne(access(mark, F_OK), 0);
    logdir_close(f.directory, false);            /* died while loading */

    ck_assert_int_eq(logdir_open(f.path, &f.fault.io, &f.directory, &reason), 0);
    ck_assert(!logdir_was_clean(f.directory));
    logdir_close(f.directory, true);             /* a stop before the logs were looked at */
    ck_assert_int_ne(access(mark, F_OK), 0);
    fixture_open(&f);
    fixture_verify(&f);
}
END_TEST

/* --- what was promised --------------------------------------------------------------------- */

static void sync_all(void)
{
    ck_assert_int_eq(log_flush(f.log), 0);
    ck_assert_int_eq(logdir_checkpoint(f.directory), 0);
}

/* Batch `i` is read as it was written; or, near damage, refused. */
static int read_batch(size_t i)
{
    struct log_span span;
    log_forget_served(f.log);
    int code = log_read(f.log, f.model.batches[i].base, INT64_MAX, 1, &span);
    if (code != 0)
        return code;
    size_t size = f.model.batches[i].size;
    uint8_t *bytes = malloc(size);
    ck_assert_uint_ge(span.size, size);
    ck_assert_int_eq(pread(span.fd, bytes, size, span.position), size);
    ck_assert_mem_eq(bytes, f.model.bytes + f.model.batches[i].position, size);
    free(bytes);
    log_span_release(span.segment);
    return 0;
}

/* One byte of the header of batch 4 is damaged; all was synced; batches 10 and 11 come later. */
static void open_with_damaged_header(size_t byte, bool clean)
{
    sync_all();
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(fixture_append(&f, 2, 40, 300 + i), 0);
    f.fault.life = "before";
    fixture_close(&f, clean);
    if (!clean)
        f.fault.life = "after";
    damage_byte(log_path, (int64_t)(f.model.batches[4].position + byte), 0x10);
    fixture_open(&f);
}

START_TEST(damage_below_the_recovery_point_is_kept_and_what_follows_is_served)
{
    open_with_damaged_header((size_t)_i, false);

    ck_assert_int_eq(log_end(f.log), 24);
    ck_assert_int_eq(file_size(log_path), (int64_t)f.model.size);
    for (size_t i = 0; i < 12; i++) {
        if (i != 4)
            ck_assert(read_batch(i) == 0 || (i > 4 && i < 8));
    }
    ck_assert_int_eq(fixture_append(&f, 1, 40, 500), 0);        /* asserts its base offset, too */
    ck_assert_int_eq(read_batch(12), 0);
}
END_TEST

START_TEST(damage_that_is_found_after_a_clean_stop_is_kept)
{
    open_with_damaged_header((size_t)_i, true);

    ck_assert_int_eq(log_end(f.log), 24);
    ck_assert_int_eq(file_size(log_path), (int64_t)f.model.size);
    for (size_t i = 0; i < 12; i++) {
        if (i != 4)
            ck_assert(read_batch(i) == 0 || (i > 4 && i < 8));
    }
}
END_TEST

START_TEST(a_damaged_end_of_a_cleanly_closed_log_is_kept_and_its_offsets_are_not_given_out_again)
{
    fixture_close(&f, true);
    damage_byte(log_path, (int64_t)f.model.batches[9].position + BATCH_MAGIC, 0x10);
    fixture_open(&f);

    ck_assert_int_eq(log_end(f.log), 20);
    ck_assert_int_eq(file_size(log_path), (int64_t)f.model.size);
    for (size_t i = 0; i < 9; i++)
        ck_assert_int_eq(read_batch(i), 0);
    ck_assert_int_eq(read_batch(9), K_CORRUPT);
    ck_assert_int_eq(fixture_append(&f, 1, 40, 500), 0);
    for (int life = 0; life < 2; life++) {                      /* a power cut changes nothing */
        ck_assert_int_eq(read_batch(10), 0);
        f.fault.life = "another";
        fixture_close(&f, false);
        fixture_open(&f);
    }
}
END_TEST

START_TEST(offsets_that_were_promised_are_not_given_out_again_when_the_file_is_short)
{
    sync_all();
    fixture_close(&f, _i == 0);
    ck_assert_int_eq(truncate(log_path, (off_t)f.model.batches[8].position), 0);

    fixture_open(&f);

    ck_assert_int_eq(log_end(f.log), 20);
    ck_assert_int_eq(read_batch(7), 0);
    ck_assert_int_eq(fixture_append(&f, 1, 40, 500), 0);
}
END_TEST

START_TEST(a_checkpoint_far_beyond_the_log_is_no_promise)
{
    char path[128];
    fixture_close(&f, false);
    snprintf(path, sizeof path, "%s/recovery-point-offset-checkpoint", f.path);
    FILE *file = fopen(path, "w");
    fputs("0\n1\nt 0 9000000000000000000\n", file);
    fclose(file);

    fixture_open(&f);

    fixture_verify(&f);
    ck_assert_int_le(log_recovery_point(f.log), 20);
}
END_TEST

/* --- indexes ------------------------------------------------------------------------------ */

/* Every offset and many timestamps must be found as a scan of the model finds them. */
static void verify_lookups(void)
{
    struct log_span span;
    int64_t offset, found;
    for (size_t i = 0; i < f.model.count; i++) {
        for (int64_t o = f.model.batches[i].base; o <= f.model.batches[i].last; o++) {
            log_forget_served(f.log);
            ck_assert_int_eq(log_read(f.log, o, INT64_MAX, 1, &span), 0);
            ck_assert_uint_eq(span.size, f.model.batches[i].size);
            uint8_t header[BATCH_HEADER_SIZE];
            ck_assert_int_eq(pread(span.fd, header, sizeof header, span.position), sizeof header);
            ck_assert_int_eq(batch_base_offset(header), f.model.batches[i].base);
            log_span_release(span.segment);
        }
    }
    for (size_t i = 0; i < f.model.count; i++) {
        size_t first = 0;
        while (f.model.batches[first].max_timestamp < f.model.batches[i].max_timestamp)
            first++;
        ck_assert_int_eq(log_find_timestamp(f.log, f.model.batches[i].max_timestamp, &offset,
                                            &found), 0);
        ck_assert_int_eq(offset, f.model.batches[first].last);
    }
}

static void many_segments(void)
{
    f.config.segment_bytes = 2000;
    log_set_config(f.log, &f.config);
    for (int i = 0; i < 60; i++)
        ck_assert_int_eq(fixture_append(&f, 2, 40, 1000 + 2 * i), 0);
    fixture_close(&f, true);
}

START_TEST(missing_indexes_are_rebuilt)
{
    many_segments();
    char command[256];
    snprintf(command, sizeof command, "rm -f %s/t-0/*.index %s/t-0/*.timeindex", f.path, f.path);
    ck_assert_int_eq(system(command), 0);

    fixture_open(&f);
    verify_lookups();
}
END_TEST

START_TEST(an_index_with_a_flipped_bit_gives_no_wrong_answer)
{
    many_segments();
    char *path = fixture_file(&f, "00000000000000000000.index");
    int64_t size = file_size(path);
    ck_assert_int_ge(size, 5 * INDEX_OFFSET_ENTRY);

    for (int64_t i = 0; i < size; i++) {
        damage_byte(path, i, (uint8_t)(1u << (i % 8)));
        fixture_open(&f);
        verify_lookups();
        fixture_close(&f, true);
    }
    free(path);
}
END_TEST

START_TEST(an_index_of_a_wrong_size_is_rebuilt)
{
    static const char *const names[] = { "00000000000000000000.index",
                                         "00000000000000000000.timeindex" };
    many_segments();
    for (size_t i = 0; i < 2; i++) {
        char *path = fixture_file(&f, names[i]);
        int64_t size = file_size(path);
        ck_assert_int_eq(truncate(path, size - 1), 0);
        fixture_open(&f);
        verify_lookups();
        fixture_close(&f, true);
        ck_assert_int_eq(file_size(path), size);
        ck_assert_int_eq(truncate(path, size + 4096), 0);       /* as after a power cut: zeros */
        fixture_open(&f);
        verify_lookups();
        fixture_close(&f, true);
        ck_assert_int_eq(file_size(path), size);
        free(path);
    }
}
END_TEST

Suite *recover_suite(void)
{
    Suite *suite = suite_create("server/storage/recover");
    TCase *tests = tcase_create("recover");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_tail_torn_at_any_byte_is_cut_to_whole_batches);
    tcase_add_test(tests, a_flipped_bit_anywhere_in_a_batch_is_found);
    tcase_add_test(tests, after_a_mere_crash_of_the_process_a_wrong_epoch_is_found_too);
    tcase_add_test(tests, a_mere_crash_trusts_what_the_checkpoint_covers);
    tcase_add_test(tests, a_checkpoint_writes_the_indexes_only_when_they_lag_far_behind);
    tcase_add_test(tests, the_written_end_counts_in_the_same_boot_and_mount);
    tcase_add_loop_test(tests, the_written_end_does_not_survive_another_boot_or_mount, 0, 4);
    tcase_add_test(tests, a_machine_that_tells_nothing_of_its_life_is_never_the_same);
    tcase_add_test(tests, zeros_and_stale_bytes_after_the_tail_are_no_batches);
    tcase_add_test(tests, nothing_is_resurrected_beyond_a_hole);
    tcase_add_loop_test(tests, a_compacted_log_that_kafka_left_is_not_cut_at_its_holes, 0, 2);
    tcase_add_test(tests, the_clean_mark_is_gone_before_it_is_believed);
    tcase_add_loop_test(tests, damage_below_the_recovery_point_is_kept_and_what_follows_is_served,
                        0, BATCH_HEADER_SIZE);
    tcase_add_loop_test(tests, damage_that_is_found_after_a_clean_stop_is_kept, 0,
                        BATCH_HEADER_SIZE);
    tcase_add_test(
        tests,
        a_damaged_end_of_a_cleanly_closed_log_is_kept_and_its_offsets_are_not_given_out_again);
    tcase_add_loop_test(
        tests, offsets_that_were_promised_are_not_given_out_again_when_the_file_is_short, 0, 2);
    tcase_add_test(tests, a_checkpoint_far_beyond_the_log_is_no_promise);
    tcase_add_test(tests, missing_indexes_are_rebuilt);
    tcase_add_test(tests, an_index_with_a_flipped_bit_gives_no_wrong_answer);
    tcase_add_test(tests, an_index_of_a_wrong_size_is_rebuilt);
    suite_add_tcase(suite, tests);
    return suite;
}
