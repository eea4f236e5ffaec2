/* Every call that storage makes fails once, or from then on, at every place where it can. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "tests/server/storage/fixture.h"

Suite *faults_suite(void);

static struct fixture f;

/* Open, roll, checkpoint, flush, cut, close. Each step may fail; what an append promised counts.
 * Returns true when all went well. */
static bool live(int fail_at, int code, bool lasting)
{
    bool good = false;
    fault_arm(&f.fault, fail_at, code, lasting);
    if (fixture_try_open(&f) != 0)
        return false;
    good = true;
    for (int i = 0; i < 12; i++) {
        int error = fixture_append(&f, 2, 150, 1000 + i);
        ck_assert(error == 0 || error == K_DISK_FULL || error == K_KAFKA_STORAGE_ERROR);
        good = good && error == 0;
        if (error == K_KAFKA_STORAGE_ERROR)
            ck_assert(logdir_fenced(f.directory));
        if (i == 5)
            good = log_checkpoint(f.log) == 0 && good;
        if (i == 8)
            good = log_flush(f.log) == 0 && logdir_checkpoint(f.directory) == 0 && good;
    }
    return good;
}

static void setup(void)
{
    fixture_init(&f);
    f.config.segment_bytes = 1000;
    f.config.index_interval_bytes = 300;
    log_set_config(f.log, &f.config);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(fixture_append(&f, 2, 150, i), 0);
    fixture_close(&f, true);
}

static void teardown(void) { fixture_fini(&f); }

/* For each n: live with the n-th call failing, then start again with good files. */
static void try_every_call(int code, bool lasting)
{
    for (int n = 1; n < 1000; n++) {
        bool good = live(n, code, lasting);
        bool fired = f.fault.fired > 0;
        if (f.log != NULL || f.directory != NULL)
            fixture_close(&f, n % 2 == 0);

        fault_arm(&f.fault, 0, 0, false);
        if (n % 3 == 0)
            fixture_forget_machine(&f);
        fixture_open(&f);
        fixture_verify(&f);
        if (n % 5 == 0) {                    /* keep it small: what is at stake is the end */
            ck_assert_int_eq(log_truncate(f.log, 10), 0);
            model_cut(&f.model, 10);
        }
        fixture_close(&f, true);
        if (!fired) {
            ck_assert(good);
            ck_assert_int_gt(n, 50);
            return;
        }
    }
    ck_abort_msg("the faults never ended");
}

START_TEST(an_error_at_any_call_loses_nothing_acknowledged)
{
    try_every_call(EIO, false);
}
END_TEST

START_TEST(a_disk_that_stays_broken_loses_nothing_acknowledged)
{
    try_every_call(EIO, true);
}
END_TEST

/* All of the disk, or all that its owner may have of it. */
static const int full[] = { ENOSPC, EDQUOT };

START_TEST(a_full_disk_at_any_call_loses_nothing_acknowledged)
{
    try_every_call(full[_i], false);
}
END_TEST

START_TEST(a_disk_that_stays_full_loses_nothing_acknowledged)
{
    try_every_call(full[_i], true);
}
END_TEST

static struct dirent *break_readdir(const struct io *io, DIR *listing)
{
    (void)io, (void)listing;
    errno = EIO;
    return NULL;
}

/* Segments that a listing does not come to are not missing. */
START_TEST(a_listing_that_is_cut_short_is_no_empty_log)
{
    struct logdir_entry *entries;
    size_t count;
    fixture_open(&f);
    fixture_close(&f, true);
    ck_assert_int_eq(logdir_open(f.path, &f.fault.io, &f.directory, NULL), 0);
    f.fault.io.readdir = break_readdir;
    const struct log_options options = { .directory = f.directory, .topic = "t",
                                         .config = f.config };

    ck_assert_int_eq(logdir_list(f.directory, &entries, &count), K_IO);
    ck_assert_int_eq(log_open(&options, &f.log, NULL), K_KAFKA_STORAGE_ERROR);

    logdir_close(f.directory, false);
    f.fault.io.readdir = io_system.readdir;
    fixture_open(&f);
    fixture_verify(&f);
}
END_TEST

START_TEST(short_transfers_are_finished)
{
    for (int n = 1; n < 200; n++) {
        ck_assert(live(n, 0, false));
        fixture_close(&f, false);
        fixture_open(&f);
        fixture_verify(&f);
        ck_assert_int_eq(log_truncate(f.log, 10), 0);
        model_cut(&f.model, 10);
        fixture_close(&f, true);
    }
}
END_TEST

/* Once (0), or from then on (1). */
START_TEST(a_lack_of_descriptors_takes_no_log_out_of_use)
{
    bool fired = true;
    for (int n = 1; fired; n++) {
        fault_arm(&f.fault, n, EMFILE, _i == 1);
        int error = fixture_try_open(&f);
        ck_assert(error == 0 || error == K_NOMEM);
        for (int i = 0; i < 12 && f.log != NULL; i++) {
            error = fixture_append(&f, 2, 150, 1000 + i);
            ck_assert(error == 0 || error == K_NOMEM);
            if (i % 4 == 1)
                error = log_checkpoint(f.log);
            if (i % 4 == 2)
                error = log_flush(f.log);
            if (i % 4 == 3)
                log_rest_files(f.log);
            ck_assert(error == 0 || error == K_NOMEM);
            ck_assert(!logdir_fenced(f.directory));
        }
        fired = f.fault.fired > 0;
        fault_arm(&f.fault, 0, 0, false);
        if (f.log == NULL) {
            if (f.directory != NULL)
                fixture_close(&f, false);
            fixture_open(&f);
        }
        ck_assert_int_eq(fixture_append(&f, 2, 150, 2000), 0);
        fixture_verify(&f);
        fixture_close(&f, true);
        fixture_open(&f);
        fixture_verify(&f);
        ck_assert_int_eq(log_truncate(f.log, 10), 0);
        model_cut(&f.model, 10);
        fixture_close(&f, true);
        ck_assert_int_lt(n, 1000);
    }
}
END_TEST

static void count_full(void *context, enum log_level level, const char *line)
{
    (void)level;
    *(int *)context += strstr(line, "event=disk-full") != NULL;
}

START_TEST(writing_goes_on_when_space_returns)
{
    int said = 0;
    fixture_open(&f);
    log_set_level(LOG_LEVEL_WARN);          /* the fixture has turned it off */
    log_set_sink(count_full, &said);
    fault_arm(&f.fault, 1, full[_i], true);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(fixture_append(&f, 2, 150, i), K_DISK_FULL);

    log_set_sink(NULL, NULL);
    log_set_level(LOG_LEVEL_OFF);
    ck_assert_int_ge(said, 1);
    ck_assert_int_le(said, 3);              /* once a second, on the slowest machine */
    fault_arm(&f.fault, 0, 0, false);
    ck_assert(!logdir_fenced(f.directory));
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(fixture_append(&f, 2, 150, i), 0);
    fixture_verify(&f);
    fixture_close(&f, false);
    fixture_open(&f);
    fixture_verify(&f);
}
END_TEST

START_TEST(a_failed_sync_is_never_tried_again)
{
    fixture_open(&f);
    ck_assert_int_eq(fixture_append(&f, 1, 10, 1), 0);
    int64_t point = log_recovery_point(f.log);
    fault_arm(&f.fault, 1, EIO, false);

    ck_assert_int_eq(log_flush(f.log), K_KAFKA_STORAGE_ERROR);
    ck_assert(logdir_fenced(f.directory));
    ck_assert_int_eq(log_flush(f.log), K_KAFKA_STORAGE_ERROR);
    ck_assert_int_eq(fixture_append(&f, 1, 10, 1), K_KAFKA_STORAGE_ERROR);
    ck_assert_int_eq(log_recovery_point(f.log), point);
}
END_TEST

Suite *faults_suite(void)
{
    Suite *suite = suite_create("server/storage/faults");
    TCase *tests = tcase_create("faults");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, an_error_at_any_call_loses_nothing_acknowledged);
    tcase_add_test(tests, a_disk_that_stays_broken_loses_nothing_acknowledged);
    tcase_add_loop_test(tests, a_full_disk_at_any_call_loses_nothing_acknowledged, 0, 2);
    tcase_add_loop_test(tests, a_disk_that_stays_full_loses_nothing_acknowledged, 0, 2);
    tcase_add_test(tests, a_listing_that_is_cut_short_is_no_empty_log);
    tcase_add_test(tests, short_transfers_are_finished);
    tcase_add_loop_test(tests, a_lack_of_descriptors_takes_no_log_out_of_use, 0, 2);
    tcase_add_loop_test(tests, writing_goes_on_when_space_returns, 0, 2);
    tcase_add_test(tests, a_failed_sync_is_never_tried_again);
    suite_add_tcase(suite, tests);
    return suite;
}
