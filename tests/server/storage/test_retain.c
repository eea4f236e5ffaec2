#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/storage/doomed.h"
#include "server/storage/log_internal.h"
#include "server/storage/log_retain.h"
#include "server/storage/log_trim.h"
#include "tests/server/storage/fixture.h"

Suite *retain_suite(void);

static struct fixture f;

enum { BATCH = 2, SIZE = 200 };     /* records and bytes of a value: two batches fill a segment */
#define NOW INT64_C(1700000000000)

static void open_empty(void)
{
    fixture_init(&f);
    f.config.segment_bytes = 1000;
    f.config.index_interval_bytes = 300;
    f.config.segment_ms = INT64_MAX;
    f.config.cleanup_delete = true;
    f.config.retention_ms = f.config.retention_bytes = -1;
    log_set_config(f.log, &f.config);
}

static void teardown(void) { fixture_fini(&f); }

/* Two batches of two records fill a segment: it holds offsets 4 * i to 4 * i + 3. */
static void add_segment(int64_t timestamp)
{
    ck_assert_int_eq(fixture_append(&f, BATCH, SIZE, timestamp), 0);
    ck_assert_int_eq(fixture_append(&f, BATCH, SIZE, timestamp), 0);
}

/* One check, as the shell does it. */
static void retain_below(int64_t limit, int64_t wall_ms)
{
    struct log_retention *retention;
    struct log_trim *trim;
    struct log_trimmed gone;
    struct doomed_list doomed;
    doomed_init(&doomed);
    log_set_config(f.log, &f.config);

    ck_assert_int_eq(log_retain_begin(f.log, limit, wall_ms, &retention), 0);
    if (retention == NULL)
        return;
    log_retain_look(retention);
    ck_assert_int_eq(log_retain_end(f.log, retention, &trim), 0);
    if (trim == NULL)
        return;
    ck_assert_int_eq(log_trim_apply(f.log, trim, log_trim_persist(trim)), 0);
    ck_assert_int_eq(log_trim_end(f.log, trim, log_trim_doom(trim), &doomed, 0, &gone), 0);
    doomed_delete(&doomed, NULL, NULL);
}

static void retain(int64_t wall_ms) { retain_below(log_end(f.log), wall_ms); }

/* --- tables ------------------------------------------------------------------------------- */

#define NONE INT64_MIN

/* Segments with these newest timestamps (the last is active), the rules, and where the log starts
 * after a check at NOW. A segment has 4 records; its newest timestamp is one above its first. */
static const struct {
    const char *says;
    int64_t newest[5];
    int64_t ms, bytes;
    int64_t start;
} rules[] = {
    { "never", { 1, 2, 3, 4, NONE }, -1, -1, 0 },
    { "older than retention goes", { NOW - 5001, NOW - 5001, NOW, NOW, NONE }, 5000, -1, 8 },
    { "just as old stays", { NOW - 5000, NOW, NOW, NONE }, 5000, -1, 0 },
    { "a young one keeps those after it", { NOW, NOW - 9000, NOW - 9000, NOW, NONE }, 5000, -1, 0 },
    { "all, the active one included", { 1, 1, 1, NONE }, 5000, -1, 12 },
    { "at once", { NOW - 1, NOW - 1, NONE }, 0, -1, 8 },
    { "from the future stays", { NOW + 5000, NOW - 9000, NONE }, 5000, -1, 0 },
    { "without timestamps it is as old as its file", { -1, -1, NOW, NONE }, 5000, -1, 0 },
    { "size is enough", { 1, 1, 1, 1, NONE }, -1, 4000, 0 },
    { "size without the oldest is enough", { 1, 1, 1, 1, NONE }, -1, 2600, 4 },
    { "size of nothing", { 1, 1, 1, NONE }, -1, 0, 12 },
    { "both: the stricter one counts", { 1, NOW, NOW, NOW, NONE }, 5000, 1600, 8 },
    { "both: time goes further", { 1, 1, 1, NOW, NONE }, 5000, 2600, 12 },
};

START_TEST(segments_go_by_the_rules)
{
    f.config.retention_ms = rules[_i].ms;
    f.config.retention_bytes = rules[_i].bytes;
    for (int i = 0; rules[_i].newest[i] != NONE; i++)
        add_segment(rules[_i].newest[i] - (rules[_i].newest[i] < 0 ? 1 : BATCH - 1));

    retain(NOW);

    ck_assert_msg(log_start(f.log) == rules[_i].start, "%s: start %ld", rules[_i].says,
                  (long)log_start(f.log));
    fixture_verify(&f);
    fixture_close(&f, false);
    fixture_open(&f);
    ck_assert_int_eq(log_start(f.log), rules[_i].start);
    fixture_verify(&f);
}
END_TEST

/* When the next segment becomes due, as long as nobody writes. */
static int64_t next_ms(int64_t wall_ms)
{
    struct log_retention *retention;
    log_set_config(f.log, &f.config);
    ck_assert_int_eq(log_retain_begin(f.log, log_end(f.log), wall_ms, &retention), 0);
    ck_assert_ptr_nonnull(retention);
    log_retain_look(retention);
    int64_t next = log_retain_next_ms(retention);
    log_retain_abandon(retention);
    return next;
}

START_TEST(it_is_known_when_the_next_segment_is_due)
{
    f.config.retention_ms = 5000;
    add_segment(NOW - 2000);
    add_segment(NOW);
    ck_assert_int_eq(next_ms(NOW), NOW - 2000 + BATCH - 1 + 5000 + 1);
    retain(next_ms(NOW) - 1);
    ck_assert_int_eq(log_start(f.log), 0);
    retain(next_ms(NOW));
    ck_assert_int_eq(log_start(f.log), 4);
    f.config.retention_ms = INT64_MAX;
    ck_assert_int_eq(next_ms(NOW), INT64_MAX);
    f.config.retention_ms = -1;
    f.config.retention_bytes = 0;
    ck_assert_int_eq(next_ms(NOW), INT64_MAX);
}
END_TEST

/* --- limits ------------------------------------------------------------------------------- */

START_TEST(nothing_at_or_beyond_the_limit_goes)
{
    f.config.retention_ms = 0;
    for (int i = 0; i < 4; i++)
        add_segment(1);

    retain_below(11, NOW);
    ck_assert_int_eq(log_start(f.log), 8);
    retain_below(12, NOW);
    ck_assert_int_eq(log_start(f.log), 12);
    retain_below(15, NOW);                      /* the active one is not whole below it */
    ck_assert_int_eq(log_start(f.log), 12);
}
END_TEST

START_TEST(an_empty_log_stays_as_it_is)
{
    f.config.retention_ms = f.config.retention_bytes = 0;
    retain(NOW);
    ck_assert_int_eq(log_start(f.log), 0);
    ck_assert_uint_eq(f.log->segment_count, 1);
    add_segment(1);
    retain(NOW);
    retain(NOW);
    ck_assert_int_eq(log_start(f.log), 4);
    ck_assert_uint_eq(f.log->segment_count, 1);
}
END_TEST

START_TEST(a_compacted_log_forgets_only_what_lies_before_its_start)
{
    struct log_trim *trim;
    const struct log_trim_reason reason = { -1, -1 };
    f.config.retention_ms = f.config.retention_bytes = 0;
    f.config.cleanup_delete = false;
    for (int i = 0; i < 3; i++)
        add_segment(1);
    retain(NOW);
    ck_assert_int_eq(log_start(f.log), 0);
    /* A crash came after the start was written. */
    ck_assert_int_eq(log_trim_begin(f.log, 9, &reason, &trim), 0);
    ck_assert_int_eq(log_trim_persist(trim), 0);
    log_trim_abandon(trim);
    fixture_close(&f, false);
    fixture_open(&f);
    ck_assert_uint_eq(f.log->segment_count, 3);

    retain(NOW);

    ck_assert_uint_eq(f.log->segment_count, 1);
    ck_assert_int_eq(log_start(f.log), 9);
    fixture_verify(&f);
}
END_TEST

START_TEST(an_active_segment_that_is_written_to_meanwhile_stays)
{
    struct log_retention *retention;
    struct log_trim *trim;
    f.config.retention_ms = 1000;
    log_set_config(f.log, &f.config);
    add_segment(1);
    ck_assert_int_eq(fixture_append(&f, BATCH, SIZE, 1), 0);
    ck_assert_int_eq(log_retain_begin(f.log, 6, NOW, &retention), 0);
    log_retain_look(retention);
    ck_assert_int_eq(fixture_append(&f, BATCH, SIZE, NOW), 0);

    ck_assert_int_eq(log_retain_end(f.log, retention, &trim), 0);

    ck_assert_int_eq(log_trim_apply(f.log, trim, log_trim_persist(trim)), 0);
    ck_assert_int_eq(log_start(f.log), 4);
    log_trim_abandon(trim);
    fixture_verify(&f);
}
END_TEST

START_TEST(a_check_that_meets_a_truncation_does_nothing)
{
    struct log_retention *retention;
    struct log_trim *trim;
    f.config.retention_ms = 0;
    log_set_config(f.log, &f.config);
    add_segment(1);
    add_segment(1);
    ck_assert_int_eq(log_retain_begin(f.log, 8, NOW, &retention), 0);
    log_retain_look(retention);
    ck_assert_int_eq(log_truncate(f.log, 6), 0);

    ck_assert_int_eq(log_retain_end(f.log, retention, &trim), 0);
    ck_assert_ptr_null(trim);
}
END_TEST

/* --- clocks ------------------------------------------------------------------------------- */

/* The file was last written at this time. */
static void set_written(const char *name, int64_t ms)
{
    char *path = fixture_file(&f, name);
    struct timespec times[2] = { { .tv_sec = ms / 1000 }, { .tv_sec = ms / 1000 } };
    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
    free(path);
}

static const char first_log[] = "00000000000000000000.log";

/* A segment with this timestamp goes when its file is old enough. */
static void expect_age_of_file(int64_t timestamp)
{
    f.config.retention_ms = 5000;
    add_segment(timestamp);
    add_segment(NOW);
    set_written(first_log, NOW - 4000);
    retain(NOW);
    ck_assert_int_eq(log_start(f.log), 0);
    set_written(first_log, NOW - 6000);
    retain(NOW);
    ck_assert_int_eq(log_start(f.log), 4);
}

START_TEST(without_timestamps_the_file_itself_tells_its_age)
{
    expect_age_of_file(-5);
}
END_TEST

START_TEST(one_bad_timestamp_keeps_nothing_for_ever)
{
    expect_age_of_file(INT64_C(1) << 60);       /* somebody took nanoseconds for milliseconds */
}
END_TEST

START_TEST(a_clock_that_goes_back_deletes_nothing)
{
    f.config.retention_ms = 5000;
    add_segment(NOW);
    add_segment(NOW);
    set_written(first_log, NOW);

    retain(NOW - 3600 * 1000);
    retain(0);
    retain(-1);
    ck_assert_int_eq(log_start(f.log), 0);
}
END_TEST

START_TEST(log_append_time_counts_as_the_timestamp)
{
    f.config.retention_ms = 5000;
    f.config.append_time = true;
    log_set_config(f.log, &f.config);
    f.wall_ms = NOW - 6000;
    ck_assert_int_eq(fixture_append(&f, BATCH, SIZE, 1), 0);
    ck_assert_int_eq(fixture_append(&f, BATCH, SIZE, INT64_C(1) << 60), 0);
    f.wall_ms = NOW;
    ck_assert_int_eq(fixture_append(&f, BATCH, SIZE, 1), 0);

    retain(NOW - 2000);
    ck_assert_int_eq(log_start(f.log), 0);
    retain(NOW);
    ck_assert_int_eq(log_start(f.log), 4);
}
END_TEST

/* --- damaged indexes ---------------------------------------------------------------------- */

/* Data must not go because a file without a checksum says that it is old. */
START_TEST(a_time_index_that_lies_deletes_nothing)
{
    static const char name[] = "00000000000000000000.timeindex";
    f.config.retention_ms = 5000;
    f.config.index_interval_bytes = 1;
    log_set_config(f.log, &f.config);
    ck_assert_int_eq(fixture_append(&f, BATCH, SIZE, 1000), 0);
    ck_assert_int_eq(fixture_append(&f, BATCH, SIZE, NOW), 0);
    add_segment(NOW);
    fixture_close(&f, true);
    char *path = fixture_file(&f, name);
    int64_t size = file_size(path);
    if (_i < 16)
        damage_byte(path, size - 1 - _i / 2, _i % 2 == 0 ? 0x80 : 0x01);
    else if (_i == 16)
        ck_assert_int_eq(truncate(path, 12), 0);        /* the first batch's is left */
    else if (_i == 17)
        ck_assert_int_eq(truncate(path, size - 1), 0);
    else
        ck_assert_int_eq(unlink(path), 0);
    fixture_open(&f);

    retain(NOW + 100);

    ck_assert_int_eq(log_start(f.log), 0);
    retain(NOW + 5100);                         /* and it does not stay for ever either */
    ck_assert_int_eq(log_start(f.log), 8);
    free(path);
}
END_TEST

START_TEST(what_was_found_out_about_a_sealed_segment_is_not_read_again)
{
    f.config.retention_ms = 5000;
    add_segment(NOW);
    add_segment(NOW);
    retain(NOW);
    fault_arm(&f.fault, 0, 0, false);

    retain(NOW);

    ck_assert_int_eq(f.fault.calls, 0);
}
END_TEST

Suite *retain_suite(void)
{
    Suite *suite = suite_create("server/storage/retain");
    TCase *tests = tcase_create("retain");

    tcase_add_checked_fixture(tests, open_empty, teardown);
    tcase_add_loop_test(tests, segments_go_by_the_rules, 0,
                        (int)(sizeof rules / sizeof rules[0]));
    tcase_add_test(tests, it_is_known_when_the_next_segment_is_due);
    tcase_add_test(tests, nothing_at_or_beyond_the_limit_goes);
    tcase_add_test(tests, an_empty_log_stays_as_it_is);
    tcase_add_test(tests, a_compacted_log_forgets_only_what_lies_before_its_start);
    tcase_add_test(tests, an_active_segment_that_is_written_to_meanwhile_stays);
    tcase_add_test(tests, a_check_that_meets_a_truncation_does_nothing);
    tcase_add_test(tests, without_timestamps_the_file_itself_tells_its_age);
    tcase_add_test(tests, one_bad_timestamp_keeps_nothing_for_ever);
    tcase_add_test(tests, a_clock_that_goes_back_deletes_nothing);
    tcase_add_test(tests, log_append_time_counts_as_the_timestamp);
    tcase_add_loop_test(tests, a_time_index_that_lies_deletes_nothing, 0, 19);
    tcase_add_test(tests, what_was_found_out_about_a_sealed_segment_is_not_read_again);
    suite_add_tcase(suite, tests);
    return suite;
}
