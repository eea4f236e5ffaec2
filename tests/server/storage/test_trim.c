#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/storage/doomed.h"
#include "server/storage/log_internal.h"
#include "server/storage/log_trim.h"
#include "tests/server/storage/fixture.h"

Suite *trim_suite(void);

static struct fixture f;
static struct doomed_list doomed;

/* Ten batches of two records in five segments. */
static void setup(void)
{
    fixture_init(&f);
    doomed_init(&doomed);
    f.config.segment_bytes = 1000;
    f.config.index_interval_bytes = 300;
    log_set_config(f.log, &f.config);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(fixture_append(&f, 2, 200, 1000 + i), 0);
    ck_assert_uint_eq(f.log->segment_count, 5);
}

static void teardown(void)
{
    doomed_fini(&doomed);
    fixture_fini(&f);
}

static const struct log_trim_reason no_reason = { -1, -1 };

/* All steps, as the shell does them. */
static int trim_to(int64_t offset)
{
    struct log_trim *trim;
    struct log_trimmed gone;
    int error = log_trim_begin(f.log, offset, &no_reason, &trim);
    if (error != 0 || trim == NULL)
        return error;
    error = log_trim_apply(f.log, trim, log_trim_persist(trim));
    int ended = log_trim_end(f.log, trim, log_trim_doom(trim), &doomed, 0, &gone);
    return ended != 0 ? ended : error;
}

/* What the checkpoint file promises for our partition; -1: nothing. */
static int64_t start_on_disk(void)
{
    char path[128], topic[64];
    int64_t start = -1, offset;
    int partition;
    snprintf(path, sizeof path, "%s/log-start-offset-checkpoint", f.path);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return -1;
    if (fscanf(file, "%*d %*d") == 0) {
        while (fscanf(file, "%63s %d %" SCNd64, topic, &partition, &offset) == 3)
            start = offset;
    }
    fclose(file);
    return start;
}

START_TEST(what_lies_before_the_start_can_not_be_read)
{
    struct log_span span;

    ck_assert_int_eq(trim_to(9), 0);

    ck_assert_int_eq(log_start(f.log), 9);
    ck_assert_int_eq(log_read(f.log, 8, INT64_MAX, 1000, &span), K_OFFSET_OUT_OF_RANGE);
    ck_assert_uint_eq(f.log->segment_count, 3);         /* two were whole before it */
    ck_assert_int_eq(f.log->segments[0]->base_offset, 8);
    ck_assert_uint_eq(doomed.count, 2);
    fixture_verify(&f);
}
END_TEST

START_TEST(the_start_is_on_the_disk_before_it_is_promised)
{
    struct log_trim *trim;
    ck_assert_int_eq(log_trim_begin(f.log, 9, &no_reason, &trim), 0);
    ck_assert_int_eq(log_start(f.log), 0);              /* not yet: it could be taken back */
    int error = log_trim_persist(trim);

    ck_assert_int_eq(start_on_disk(), 9);
    ck_assert_int_eq(log_trim_apply(f.log, trim, error), 0);
    ck_assert_int_eq(log_start(f.log), 9);
    log_trim_abandon(trim);
}
END_TEST

START_TEST(the_start_is_never_lowered)
{
    ck_assert_int_eq(trim_to(9), 0);
    ck_assert_int_eq(trim_to(5), 0);
    ck_assert_int_eq(log_start(f.log), 9);
    ck_assert_int_eq(trim_to(21), K_OFFSET_OUT_OF_RANGE);
    ck_assert_int_eq(log_start(f.log), 9);
}
END_TEST

START_TEST(the_start_survives_a_restart_and_a_power_cut)
{
    ck_assert_int_eq(trim_to(9), 0);
    fixture_close(&f, true);
    fixture_open(&f);
    ck_assert_int_eq(log_start(f.log), 9);
    fixture_verify(&f);
    fixture_close(&f, false);
    fixture_forget_machine(&f);
    fixture_open(&f);
    ck_assert_int_eq(log_start(f.log), 9);
    fixture_verify(&f);
}
END_TEST

START_TEST(a_log_that_is_trimmed_to_its_end_keeps_only_an_empty_segment)
{
    ck_assert_int_eq(trim_to(20), 0);

    ck_assert_int_eq(log_start(f.log), 20);
    ck_assert_int_eq(log_end(f.log), 20);
    ck_assert_int_eq(log_size(f.log), 0);
    ck_assert_uint_eq(f.log->segment_count, 1);
    ck_assert_int_eq(fixture_append(&f, 2, 200, 1), 0);
    fixture_verify(&f);
    fixture_close(&f, false);
    fixture_forget_machine(&f);
    fixture_open(&f);
    ck_assert_int_eq(log_start(f.log), 20);
    fixture_verify(&f);
}
END_TEST

START_TEST(a_reader_of_a_segment_that_goes_finishes_undisturbed)
{
    struct log_span span;
    ck_assert_int_eq(log_read(f.log, 0, INT64_MAX, 1000, &span), 0);

    ck_assert_int_eq(trim_to(20), 0);
    doomed_delete(&doomed, NULL, NULL);

    uint8_t *bytes = malloc(span.size);
    ck_assert_int_eq(pread(span.fd, bytes, span.size, span.position), span.size);
    ck_assert_mem_eq(bytes, f.model.bytes, span.size);
    free(bytes);
    log_span_release(span.segment);
}
END_TEST

START_TEST(epochs_before_the_start_are_forgotten_but_for_the_one_that_wrote_it)
{
    int32_t found;
    epoch_file_cut(&f.log->epochs, 0);
    ck_assert_int_eq(epoch_file_assign(&f.log->epochs, 1, 0), 0);
    ck_assert_int_eq(epoch_file_assign(&f.log->epochs, 3, 6), 0);
    ck_assert_int_eq(epoch_file_assign(&f.log->epochs, 4, 12), 0);

    ck_assert_int_eq(trim_to(9), 0);

    ck_assert_uint_eq(f.log->epochs.count, 2);
    ck_assert_int_eq(f.log->epochs.entries[0].epoch, 3);
    ck_assert_int_eq(f.log->epochs.entries[0].start, 9);
    ck_assert_int_eq(log_epoch_end(f.log, 3, &found), 12);
}
END_TEST

START_TEST(epochs_that_begin_later_stay_as_they_are)
{
    struct epoch_file epochs;
    epoch_file_init(&epochs);
    epoch_file_raise(&epochs, 5);
    ck_assert_uint_eq(epochs.count, 0);
    ck_assert_int_eq(epoch_file_assign(&epochs, 2, 10), 0);
    ck_assert_int_eq(epoch_file_assign(&epochs, 7, 20), 0);

    epoch_file_raise(&epochs, 5);
    ck_assert_int_eq(epochs.entries[0].start, 10);
    epoch_file_raise(&epochs, 20);
    ck_assert_uint_eq(epochs.count, 1);
    ck_assert_int_eq(epochs.entries[0].epoch, 7);
    ck_assert_int_eq(epochs.entries[0].start, 20);
    epoch_file_fini(&epochs);
}
END_TEST

/* Segments before the start may come back one by one when power is cut: no hole may hurt. */
START_TEST(a_hole_before_the_start_is_no_hole_in_the_log)
{
    char *gone = fixture_file(&f, "00000000000000000004.log");
    ck_assert_int_eq(log_flush(f.log), 0);
    struct log_trim *trim;
    ck_assert_int_eq(log_trim_begin(f.log, 9, &no_reason, &trim), 0);
    ck_assert_int_eq(log_trim_persist(trim), 0);
    log_trim_abandon(trim);
    fixture_close(&f, false);
    fixture_forget_machine(&f);
    ck_assert_int_eq(unlink(gone), 0);

    fixture_open(&f);

    ck_assert_int_eq(log_start(f.log), 9);
    fixture_verify(&f);
    ck_assert_int_eq(trim_to(9), 0);                    /* what is left goes now */
    ck_assert_int_eq(f.log->segments[0]->base_offset, 8);
    free(gone);
}
END_TEST

START_TEST(a_log_that_lost_its_tail_goes_on_at_the_start)
{
    char *tail = fixture_file(&f, "00000000000000000016.log");
    ck_assert_int_eq(trim_to(19), 0);
    fixture_close(&f, false);
    fixture_forget_machine(&f);
    ck_assert_int_eq(truncate(tail, 0), 0);             /* was never synced */

    fixture_open(&f);

    ck_assert_int_eq(log_start(f.log), 19);
    ck_assert_int_eq(log_end(f.log), 19);
    ck_assert_int_eq(log_active(f.log)->base_offset, 19);
    fixture_close(&f, true);
    fixture_open(&f);
    ck_assert_int_eq(log_start(f.log), 19);
    free(tail);
}
END_TEST

START_TEST(a_start_beyond_the_end_after_a_clean_stop_is_ignored)
{
    ck_assert_int_eq(logdir_set_mark(f.directory, LOGDIR_LOG_START, "t", 0, 4711), 0);
    fixture_close(&f, true);

    fixture_open(&f);

    ck_assert_int_eq(log_start(f.log), 0);
    fixture_verify(&f);
}
END_TEST

START_TEST(a_truncation_below_the_start_takes_it_down)
{
    ck_assert_int_eq(trim_to(15), 0);
    ck_assert_int_eq(log_truncate(f.log, 10), 0);
    ck_assert_int_eq(log_start(f.log), 10);
    model_cut(&f.model, 10);
    ck_assert_int_eq(fixture_append(&f, 8, 20, 1), 0);
    fixture_verify(&f);

    fixture_close(&f, false);
    fixture_open(&f);

    ck_assert_int_eq(log_start(f.log), 10);             /* not 15: those are new records */
    fixture_verify(&f);
}
END_TEST

START_TEST(a_trim_that_meets_a_truncation_is_refused)
{
    struct log_trim *trim;
    ck_assert_int_eq(log_trim_begin(f.log, 15, &no_reason, &trim), 0);
    ck_assert_int_eq(log_trim_persist(trim), 0);
    ck_assert_int_eq(log_truncate(f.log, 10), 0);

    ck_assert_int_eq(log_trim_apply(f.log, trim, 0), K_NOT_LEADER_OR_FOLLOWER);

    log_trim_abandon(trim);
    ck_assert_int_eq(log_start(f.log), 0);
    ck_assert_int_le(logdir_mark(f.directory, LOGDIR_LOG_START, "t", 0), 10);
}
END_TEST

START_TEST(a_full_disk_lets_whole_segments_go)
{
    fault_arm(&f.fault, 1, ENOSPC, true);

    ck_assert_int_eq(trim_to(9), K_DISK_FULL);          /* one record more could not be promised */

    ck_assert_int_eq(log_start(f.log), 8);
    ck_assert_uint_eq(doomed.count, 2);
    ck_assert_int_eq(doomed_next_ms(&doomed), 0);       /* the space is needed now */
    ck_assert(!logdir_fenced(f.directory));
    fixture_verify(&f);
    fault_arm(&f.fault, 0, 0, false);
    ck_assert_int_eq(trim_to(9), 0);
    ck_assert_int_eq(log_start(f.log), 9);
}
END_TEST

/* One life: trims and appends with the n-th call failing. *promised is the last start that
 * somebody was told. */
static bool live(int fail_at, int code, bool lasting, int64_t *promised)
{
    fault_arm(&f.fault, fail_at, code, lasting);
    bool good = true;
    for (int i = 0; i < 3; i++) {
        int64_t target = log_start(f.log) + 3;
        if (target <= log_end(f.log)) {
            int error = trim_to(target);
            ck_assert(error == 0 || error == K_DISK_FULL || error == K_KAFKA_STORAGE_ERROR);
            good = good && error == 0;
            if (error == 0)
                ck_assert_int_ge(log_start(f.log), target);
        }
        *promised = log_start(f.log);
        good = fixture_append(&f, 2, 200, 1) == 0 && good;
        good = fixture_append(&f, 2, 200, 1) == 0 && good;
    }
    doomed_delete(&doomed, NULL, NULL);
    return good;
}

static void try_every_call(int code, bool lasting)
{
    int64_t promised = 0;
    for (int n = 1; n < 1000; n++) {
        bool good = live(n, code, lasting, &promised);
        bool fired = f.fault.fired > 0;
        fixture_close(&f, n % 2 == 0);
        fault_arm(&f.fault, 0, 0, false);
        if (n % 3 == 0)
            fixture_forget_machine(&f);

        fixture_open(&f);
        ck_assert_int_ge(log_start(f.log), promised);
        fixture_verify(&f);
        if (!fired) {
            ck_assert(good);
            ck_assert_int_gt(n, 30);
            return;
        }
    }
    ck_abort_msg("the faults never ended");
}

START_TEST(an_error_at_any_call_never_takes_the_start_back) { try_every_call(EIO, false); }
END_TEST
START_TEST(a_disk_that_stays_broken_never_takes_the_start_back) { try_every_call(EIO, true); }
END_TEST
START_TEST(a_full_disk_at_any_call_never_takes_the_start_back) { try_every_call(ENOSPC, false); }
END_TEST
START_TEST(a_disk_that_stays_full_never_takes_the_start_back) { try_every_call(ENOSPC, true); }
END_TEST

Suite *trim_suite(void)
{
    Suite *suite = suite_create("server/storage/trim");
    TCase *tests = tcase_create("trim");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, what_lies_before_the_start_can_not_be_read);
    tcase_add_test(tests, the_start_is_on_the_disk_before_it_is_promised);
    tcase_add_test(tests, the_start_is_never_lowered);
    tcase_add_test(tests, the_start_survives_a_restart_and_a_power_cut);
    tcase_add_test(tests, a_log_that_is_trimmed_to_its_end_keeps_only_an_empty_segment);
    tcase_add_test(tests, a_reader_of_a_segment_that_goes_finishes_undisturbed);
    tcase_add_test(tests, epochs_before_the_start_are_forgotten_but_for_the_one_that_wrote_it);
    tcase_add_test(tests, epochs_that_begin_later_stay_as_they_are);
    tcase_add_test(tests, a_hole_before_the_start_is_no_hole_in_the_log);
    tcase_add_test(tests, a_log_that_lost_its_tail_goes_on_at_the_start);
    tcase_add_test(tests, a_start_beyond_the_end_after_a_clean_stop_is_ignored);
    tcase_add_test(tests, a_truncation_below_the_start_takes_it_down);
    tcase_add_test(tests, a_trim_that_meets_a_truncation_is_refused);
    tcase_add_test(tests, a_full_disk_lets_whole_segments_go);
    tcase_add_test(tests, an_error_at_any_call_never_takes_the_start_back);
    tcase_add_test(tests, a_disk_that_stays_broken_never_takes_the_start_back);
    tcase_add_test(tests, a_full_disk_at_any_call_never_takes_the_start_back);
    tcase_add_test(tests, a_disk_that_stays_full_never_takes_the_start_back);
    suite_add_tcase(suite, tests);
    return suite;
}
