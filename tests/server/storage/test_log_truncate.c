/* A log is cut, or emptied: what goes, what stays, and what is known of both afterwards. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/batch.h"
#include "server/storage/doomed.h"
#include "server/storage/log_internal.h"
#include "server/storage/log_trim.h"
#include "tests/server/storage/fixture.h"

Suite *log_truncate_suite(void);

static struct fixture f;

static void setup(void)
{
    fixture_init(&f);
    f.config.segment_bytes = 1500;
    f.config.index_interval_bytes = 300;
    log_set_config(f.log, &f.config);
}

static void teardown(void) { fixture_fini(&f); }

static void restart(bool clean)
{
    fixture_close(&f, clean);
    fixture_open(&f);
}

/* Twenty batches of three records, of which every fourth is of a producer. */
static void fill(void)
{
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(i % 4 != 0 ? fixture_append(&f, 3, 60, 1000 + i)
                                    : fixture_produce(&f, 7, 0, 3 * (i / 4), 3, false), 0);
}

/* --- truncation ------------------------------------------------------------------------------- */

START_TEST(a_cut_inside_of_a_batch_takes_the_whole_batch)
{
    fill();
    ck_assert_int_eq(log_truncate(f.log, 50), 0);
    ck_assert_int_eq(log_end(f.log), 48);
    model_cut(&f.model, 50);
    fixture_verify(&f);
    ck_assert_int_eq(log_truncate(f.log, 48), 0);
    ck_assert_int_eq(log_end(f.log), 48);
    restart(false);
    fixture_verify(&f);
}
END_TEST

START_TEST(a_cut_inside_of_a_gap_goes_back_to_what_comes_before)
{
    uint8_t bytes[1024];
    size_t size = make_batch(bytes, sizeof bytes, 3, 40, 1000);
    batch_stamp(bytes, 0, 1);
    ck_assert_int_eq(fixture_copy(&f, bytes, size, 1), 0);
    batch_stamp(bytes, 20, 1);
    ck_assert_int_eq(fixture_copy(&f, bytes, size, 1), 0);
    ck_assert_int_eq(log_truncate(f.log, 10), 0);
    ck_assert_int_eq(log_end(f.log), 3);
    model_cut(&f.model, 10);
    fixture_verify(&f);
}
END_TEST

START_TEST(producers_are_what_a_log_of_that_length_knows)
{
    fill();
    for (int64_t cut = 57; cut >= 0; cut -= 3) {
        struct producer_state state;
        struct index aborted;
        int64_t stored;
        ck_assert_int_eq(log_truncate(f.log, cut), 0);
        model_cut(&f.model, cut);
        fixture_replay(&f, &state, &aborted);
        const struct producer_entry *entry = producer_state_find(&state, 7);
        int32_t next = entry == NULL ? 0 : entry->last_sequence + 1;
        struct producer_numbers numbers = { .id = 7, .first = next, .count = 3 };
        ck_assert_int_eq(log_check_numbers(f.log, &numbers, &stored), 0);
        ck_assert_int_eq(stored, -1);
        numbers.first += 3;
        ck_assert_int_ne(log_check_numbers(f.log, &numbers, &stored), 0);
        producer_state_fini(&state);
        index_fini(&aborted);
        if (cut % 2 == 0)
            restart(cut % 4 == 0);
    }
}
END_TEST

START_TEST(bytes_that_were_handed_out_are_never_written_over)
{
    struct log_span span;
    uint8_t before[1 << 12], after[1 << 12];
    ck_assert_int_eq(fixture_append(&f, 3, 60, 1000), 0);
    ck_assert_int_eq(fixture_append(&f, 3, 60, 2000), 0);
    ck_assert_int_eq(log_read(f.log, 0, 6, sizeof before, &span), 0);
    ck_assert_int_eq(pread(span.fd, before, span.size, span.position), span.size);
    for (int pass = 0; pass < 2; pass++) {
        if (pass == 0)
            ck_assert_int_eq(log_truncate(f.log, 3), 0);
        else
            ck_assert_int_eq(log_reset(f.log, 0), 0);
        model_cut(&f.model, pass == 0 ? 3 : 0);
        ck_assert_int_eq(fixture_append(&f, 3, 60, 3000), 0);
        fixture_verify(&f);
        ssize_t got = pread(span.fd, after, span.size, span.position);
        ck_assert_int_ge(got, 0);
        ck_assert_mem_eq(before, after, (size_t)got);
    }
    log_span_release(span.segment);
}
END_TEST

/* --- reset ------------------------------------------------------------------------------------ */

static void assert_empty_at(int64_t start)
{
    int64_t stored;
    struct producer_numbers numbers = { .id = 7, .first = 0, .count = 3 };
    ck_assert_int_eq(log_start(f.log), start);
    ck_assert_int_eq(log_end(f.log), start);
    ck_assert_int_eq(log_size(f.log), 0);
    ck_assert_uint_eq(f.log->epochs.count, 0);
    ck_assert_int_eq(log_check_numbers(f.log, &numbers, &stored), 0);
    ck_assert_int_eq(stored, -1);
}

START_TEST(a_log_that_is_reset_is_empty_and_goes_on_at_its_new_start)
{
    static const int64_t starts[] = { 1000, 60, 30, 0, 7 };
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        for (int how = 0; how < 3; how++) {
            ck_assert_int_eq(log_reset(f.log, 0), 0);
            model_cut(&f.model, 0);
            fill();
            ck_assert_int_eq(logdir_set_mark(f.directory, LOGDIR_HIGH_WATERMARK, "t", 0, 50), 0);
            ck_assert_int_eq(log_flush(f.log), 0);
            ck_assert_int_eq(logdir_checkpoint(f.directory), 0);
            ck_assert_int_eq(log_reset(f.log, starts[i]), 0);
            assert_empty_at(starts[i]);
            int64_t watermark = logdir_mark(f.directory, LOGDIR_HIGH_WATERMARK, "t", 0);
            ck_assert_int_le(watermark, starts[i]);
            ck_assert_int_ge(watermark, starts[i] < 50 ? starts[i] : 50);
            fixture_close(&f, how == 0);
            if (how == 2)
                fixture_forget_machine(&f);
            fixture_open(&f);
            assert_empty_at(starts[i]);
        }
    }
}
END_TEST

START_TEST(a_reset_to_an_earlier_start_waits_for_what_was_trimmed_there)
{
    static const struct log_trim_reason reason = { -1, -1 };
    struct log_trim *trim;
    fill();
    ck_assert_int_eq(log_trim_begin(f.log, 40, &reason, &trim), 0);
    ck_assert_int_eq(log_trim_apply(f.log, trim, log_trim_persist(trim)), 0);
    ck_assert_int_eq(log_reset(f.log, 3), K_BUSY);
    struct log_trimmed gone;
    struct doomed_list doomed;
    doomed_init(&doomed);
    ck_assert_int_eq(log_trim_end(f.log, trim, log_trim_doom(trim), &doomed, 0, &gone), 0);
    doomed_fini(&doomed);
    ck_assert_int_eq(log_reset(f.log, 3), 0);
    assert_empty_at(3);
}
END_TEST

/* The log is emptied while one call fails, or all from one on: the next start finds all of it, or
 * none. */
static void try_every_call(bool lasting)
{
    for (int n = 1; n < 1000; n++) {
        ck_assert_int_eq(log_reset(f.log, 0), 0);
        model_cut(&f.model, 0);
        fill();
        fault_arm(&f.fault, n, EIO, lasting);
        int error = log_reset(f.log, 2000);
        bool fired = f.fault.fired > 0;
        ck_assert(error == 0 || (error == K_KAFKA_STORAGE_ERROR && logdir_fenced(f.directory)));
        fixture_close(&f, false);
        fault_arm(&f.fault, 0, 0, false);
        if (n % 2 == 0)
            fixture_forget_machine(&f);
        fixture_open(&f);
        if (error == 0)
            assert_empty_at(2000);
        else if (log_end(f.log) == 60)
            fixture_verify(&f);
        else
            ck_assert_int_eq(log_start(f.log), log_end(f.log));
        if (!fired)
            return;
    }
    ck_abort_msg("it never ends");
}

START_TEST(a_reset_that_fails_leaves_all_or_nothing)
{
    try_every_call(false);
    try_every_call(true);
}
END_TEST

Suite *log_truncate_suite(void)
{
    Suite *suite = suite_create("server/storage/log_truncate");
    TCase *tests = tcase_create("log_truncate");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_cut_inside_of_a_batch_takes_the_whole_batch);
    tcase_add_test(tests, a_cut_inside_of_a_gap_goes_back_to_what_comes_before);
    tcase_add_test(tests, producers_are_what_a_log_of_that_length_knows);
    tcase_add_test(tests, bytes_that_were_handed_out_are_never_written_over);
    tcase_add_test(tests, a_log_that_is_reset_is_empty_and_goes_on_at_its_new_start);
    tcase_add_test(tests, a_reset_to_an_earlier_start_waits_for_what_was_trimmed_there);
    tcase_add_test(tests, a_reset_that_fails_leaves_all_or_nothing);
    suite_add_tcase(suite, tests);
    return suite;
}
