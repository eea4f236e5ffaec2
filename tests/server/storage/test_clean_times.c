/* Compaction and time: a batch without records has none any more, and what is young waits. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/storage/log_internal.h"
#include "server/storage/verify.h"
#include "tests/server/storage/clean_rig.h"

Suite *clean_times_suite(void);

enum { TIME_OF_KEPT = 1000, TIME_OF_GONE = 2000 };

static struct rig rig;

/* A first segment of which the newest record, in the last batch, is out of date. */
static void setup(void)
{
    rig_init(&rig);
    rig.f.wall_ms = TIME_OF_KEPT;
    ck_assert_int_eq(rig_put(&rig, 1, false, 0), 0);
    rig.f.wall_ms = TIME_OF_GONE;
    ck_assert_int_eq(rig_put(&rig, 2, false, 0), 0);
    rig_roll(&rig);
    ck_assert_int_eq(rig_put(&rig, 2, false, 0), 0);
    rig_roll(&rig);
    rig.f.config.segment_bytes = 100;           /* what is compacted does not become one segment */
    log_set_config(rig.f.log, &rig.f.config);
    struct clean_options options = rig_options(&rig);
    ck_assert_int_eq(rig_clean(&rig, &options, 1 << 20, NULL, NULL), 0);
    rig_verify(&rig);
    ck_assert_uint_eq(log_segments(rig.f.log), 3);
}

static void teardown(void)
{
    rig_fini(&rig);
}

static void note(void *context, const struct log_finding *finding)
{
    (void)context;
    ck_abort_msg("%s: %s", finding->path, finding->what);
}

START_TEST(a_segment_that_ends_without_records_is_sound)
{
    const struct log_verify_options options = { .found = note };
    struct log_verify_summary summary;
    struct k_reason reason;
    rig_close(&rig, true);

    ck_assert_int_eq(log_verify(rig.f.path, &options, &summary, &reason), 0);

    ck_assert_int_eq(summary.faults, 0);
}
END_TEST

START_TEST(its_time_index_is_believed)
{
    rig_close(&rig, true);
    fixture_open(&rig.f);
    struct segment *first = rig.f.log->segments[0];

    ck_assert_int_eq(segment_need_file(first), 0);
    ck_assert_int_eq(segment_need_indexes(first), 0);
    ck_assert_int_eq(segment_check_times(first, first->tail.size), 0);
}
END_TEST

START_TEST(it_is_as_new_as_its_newest_record)
{
    const struct segment *first = rig.f.log->segments[0];

    ck_assert_int_eq(segment_newest(first, first->tail.size, first->tail.next_offset),
                     TIME_OF_KEPT);
}
END_TEST

/* Its index says otherwise, and is not to be believed. */
START_TEST(a_young_segment_waits_whatever_its_index_says)
{
    static const char *const names[] = { "00000000000000000003.timeindex",
                                         "00000000000000000004.timeindex" };
    rig.f.wall_ms = 100000;
    ck_assert_int_eq(rig_put(&rig, 3, false, 0), 0);
    rig_roll(&rig);
    ck_assert_int_eq(rig_put(&rig, 3, false, 0), 0);
    rig_roll(&rig);
    int64_t size = log_size(rig.f.log);
    for (int i = 0; i < 2; i++) {
        char *path = fixture_file(&rig.f, names[i]);
        damage_byte(path, 5, 1);                /* of a timestamp: 65536 ms earlier */
        free(path);
    }
    struct clean_options options = rig_options(&rig);
    options.min_lag_ms = 50000;

    ck_assert_int_eq(rig_clean(&rig, &options, 1 << 20, NULL, NULL), 0);

    ck_assert_int_eq(log_size(rig.f.log), size);
    options.min_lag_ms = 0;
    ck_assert_int_eq(rig_clean(&rig, &options, 1 << 20, NULL, NULL), 0);
    ck_assert_int_lt(log_size(rig.f.log), size);
}
END_TEST

Suite *clean_times_suite(void)
{
    Suite *suite = suite_create("server/storage/clean_times");
    TCase *tests = tcase_create("clean_times");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_segment_that_ends_without_records_is_sound);
    tcase_add_test(tests, its_time_index_is_believed);
    tcase_add_test(tests, it_is_as_new_as_its_newest_record);
    tcase_add_test(tests, a_young_segment_waits_whatever_its_index_says);
    suite_add_tcase(suite, tests);
    return suite;
}
