/* Random histories and random cleanings against a model: what is left is the last value of every
 * key, and what is not yet due. And the same with a disk that dies at every call. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/error.h"
#include "tests/lib/number.h"
#include "tests/server/storage/clean_rig.h"

Suite *clean_model_suite(void);

enum { SEEDS = 25, STEPS = 60 };

static struct rig rig;

static void setup(void) { rig_init(&rig); }
static void teardown(void) { rig_fini(&rig); }

static void change_config(struct rand *rand)
{
    rig.f.config.segment_bytes = 600 + (int32_t)rand_below(rand, 12000);
    rig.f.config.index_interval_bytes = (int32_t)rand_below(rand, 2000);
    rig.f.config.index_bytes = 120 + (int32_t)rand_below(rand, 2000);
    log_set_config(rig.f.log, &rig.f.config);
    rig.retention_ms = (int64_t)rand_below(rand, 3) * 500;
}

/* While a cleaning is under way the log goes on. */
static void meanwhile(void *context)
{
    struct rand *rand = context;
    switch (rand_below(rand, 60)) {
    case 0:
        if (rand_below(rand, 4) == 0 && rig.count > 4)
            rig_truncate(&rig, rig.count - (int64_t)rand_below(rand, (uint64_t)rig.count / 2));
        break;
    case 1: case 2: case 3:
        ck_assert_int_eq(rig_append(&rig, rand), 0);
        break;
    case 4:
        ck_assert_int_eq(log_flush(rig.f.log), 0);
        break;
    case 5:
        ck_assert_int_eq(log_checkpoint(rig.f.log), 0);
        ck_assert_int_eq(logdir_checkpoint(rig.f.directory), 0);
        break;
    default:
        break;
    }
}

static struct clean_options random_options(struct rand *rand)
{
    struct clean_options options = rig_options(&rig);
    if (rand_below(rand, 3) == 0)
        options.limit = (int64_t)rand_below(rand, (uint64_t)rig.count + 1);
    if (rand_below(rand, 4) == 0)
        options.min_lag_ms = (int64_t)rand_below(rand, 1000);
    if (rand_below(rand, 3) == 0)           /* a few keys only */
        options.map_bytes = 24 * (2 + rand_below(rand, 20));
    options.buffer_bytes = 64 + rand_below(rand, 5000);
    return options;
}

static void clean(struct rand *rand)
{
    struct clean_options options = random_options(rand);
    if (rand_below(rand, 2) == 0)
        rig_roll(&rig);
    int code = rig_clean(&rig, &options, 1 + rand_below(rand, 3000), meanwhile, rand);
    ck_assert(code == 0 || code == K_NOT_FOUND || code == K_CLOSED);
}

static void step(struct rand *rand)
{
    switch (rand_below(rand, 18)) {
    case 0:
        rig_close(&rig, true);
        fixture_open(&rig.f);
        break;
    case 1:
        rig_close(&rig, false);
        fixture_open(&rig.f);
        break;
    case 2:
        ck_assert_int_eq(log_flush(rig.f.log), 0);
        ck_assert_int_eq(logdir_checkpoint(rig.f.directory), 0);
        rig_close(&rig, false);
        fixture_forget_machine(&rig.f);     /* even the recovery points are lost */
        fixture_open(&rig.f);
        break;
    case 3:
        if (rig.count > 10)
            rig_truncate(&rig, rig.count - (int64_t)rand_below(rand, 10));
        break;
    case 4:
        change_config(rand);
        break;
    case 8:
        rig.epoch++;
        break;
    case 5: case 6: case 7:
        clean(rand);
        rig_verify(&rig);
        break;
    default:
        ck_assert_int_eq(rig_append(&rig, rand), 0);
    }
}

static void live(uint64_t seed)
{
    struct rand rand;
    rand_seed(&rand, seed);
    change_config(&rand);
    for (int i = 0; i < STEPS; i++)
        step(&rand);
    rig_verify(&rig);

    /* To the fixpoint: the last value of every key, and no tombstone. */
    rig_roll(&rig);
    for (int round = 0; round < 3; round++) {
        struct clean_options options = rig_options(&rig);
        int code = rig_clean(&rig, &options, SIZE_MAX / 4, NULL, NULL);
        ck_assert(code == 0 || code == K_NOT_FOUND);
        rig_verify(&rig);
        rig.f.wall_ms += 10000;
        ck_assert_int_eq(rig_put(&rig, 0, false, 0), 0);
        rig_roll(&rig);
    }
    ck_assert_int_le(rig_records(&rig), RIG_KEYS + 1);
    rig_close(&rig, false);
    fixture_open(&rig.f);
    rig_verify(&rig);
    ck_assert_int_eq(rig_files(&rig, ".swap") + rig_files(&rig, ".cleaned"), 0);
}

START_TEST(a_compacted_log_is_the_last_value_of_every_key)
{
    if (getenv("KAIRN_SEED") != NULL) {
        live(number_from("KAIRN_SEED", 1));
        return;
    }
    uint64_t seeds = number_from("KAIRN_SEEDS", SEEDS);
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        live(seed);
        rig_fini(&rig);
        rig_init(&rig);
    }
}
END_TEST

/* --- a disk that dies ------------------------------------------------------------------------- */

/* A log with a few segments and every kind of record, opened again. */
static void history(uint64_t seed)
{
    struct rand rand;
    rand_seed(&rand, seed);
    rig.f.config.segment_bytes = 1500;
    log_set_config(rig.f.log, &rig.f.config);
    for (int i = 0; i < 14; i++)
        ck_assert_int_eq(rig_append(&rig, &rand), 0);
    rig_roll(&rig);
    ck_assert_int_eq(log_flush(rig.f.log), 0);
    ck_assert_int_eq(logdir_checkpoint(rig.f.directory), 0);
}

static void die_at_every_call(int code, bool lasting, bool lose_marks)
{
    for (int n = 1; n < 2000; n++) {
        history((uint64_t)n % 3 + 1);
        struct clean_options options = rig_options(&rig);
        fault_arm(&rig.f.fault, n, code, lasting);
        int result = rig_clean(&rig, &options, 700, NULL, NULL);
        bool fired = rig.f.fault.fired > 0;
        ck_assert(fired || result == 0);
        rig_close(&rig, false);
        fault_arm(&rig.f.fault, 0, 0, false);
        if (lose_marks)
            fixture_forget_machine(&rig.f);
        fixture_open(&rig.f);
        rig_verify(&rig);
        ck_assert_int_eq(rig_files(&rig, ".swap") + rig_files(&rig, ".cleaned"), 0);

        /* Who comes back goes on. */
        options = rig_options(&rig);
        result = rig_clean(&rig, &options, 700, NULL, NULL);
        ck_assert(result == 0 || result == K_NOT_FOUND);
        rig_verify(&rig);
        rig_fini(&rig);
        rig_init(&rig);
        if (!fired) {
            ck_assert_int_gt(n, 40);
            return;
        }
    }
    ck_abort_msg("the faults never ended");
}

START_TEST(a_crash_at_any_call_loses_no_last_value)
{
    die_at_every_call(EIO, true, false);
}
END_TEST

START_TEST(a_crash_at_any_call_and_lost_marks_lose_no_last_value)
{
    die_at_every_call(EIO, true, true);
}
END_TEST

START_TEST(one_failed_call_loses_no_last_value)
{
    die_at_every_call(EIO, false, false);
}
END_TEST

START_TEST(a_full_disk_loses_no_last_value)
{
    die_at_every_call(ENOSPC, true, false);
}
END_TEST

/* Both the cleaning and the repair after it are cut off. */
START_TEST(a_crash_while_a_swap_is_finished_loses_no_last_value)
{
    for (int n = 20; n < 400; n++) {
        history(2);
        struct clean_options options = rig_options(&rig);
        fault_arm(&rig.f.fault, n, EIO, true);
        (void)rig_clean(&rig, &options, 1 << 20, NULL, NULL);
        bool fired = rig.f.fault.fired > 0;
        rig_close(&rig, false);
        fault_arm(&rig.f.fault, 0, 0, false);
        bool swapping = rig_files(&rig, ".log.swap") > 0;
        for (int m = 1; swapping && m < 200; m++) {
            fault_arm(&rig.f.fault, m, EIO, true);
            int opened = fixture_try_open(&rig.f);
            bool failed = rig.f.fault.fired > 0;
            if (rig.f.directory != NULL)
                rig_close(&rig, false);
            if (opened == 0 && !failed)
                break;
        }
        fault_arm(&rig.f.fault, 0, 0, false);
        fixture_open(&rig.f);
        rig_verify(&rig);
        rig_fini(&rig);
        rig_init(&rig);
        if (!fired)
            return;
    }
    ck_abort_msg("the faults never ended");
}
END_TEST

Suite *clean_model_suite(void)
{
    Suite *suite = suite_create("server/storage/clean_model");
    TCase *tests = tcase_create("model");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 240);
    tcase_add_test(tests, a_compacted_log_is_the_last_value_of_every_key);
    tcase_add_test(tests, a_crash_at_any_call_loses_no_last_value);
    tcase_add_test(tests, a_crash_at_any_call_and_lost_marks_lose_no_last_value);
    tcase_add_test(tests, one_failed_call_loses_no_last_value);
    tcase_add_test(tests, a_full_disk_loses_no_last_value);
    tcase_add_test(tests, a_crash_while_a_swap_is_finished_loses_no_last_value);
    suite_add_tcase(suite, tests);
    return suite;
}
