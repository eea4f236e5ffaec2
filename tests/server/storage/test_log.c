#include <check.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/batch.h"
#include "server/storage/index_offset.h"
#include "server/storage/index_time.h"
#include "server/storage/log_internal.h"
#include "tests/server/storage/fixture.h"

Suite *log_suite(void);

static struct fixture f;

static void setup(void) { fixture_init(&f); }
static void teardown(void) { fixture_fini(&f); }

static void restart(bool clean)
{
    fixture_close(&f, clean);
    fixture_open(&f);
}

START_TEST(a_new_log_is_empty)
{
    struct log_span span;

    ck_assert_int_eq(log_start(f.log), 0);
    ck_assert_int_eq(log_end(f.log), 0);
    ck_assert_int_eq(log_last_epoch(f.log), -1);
    ck_assert_int_eq(log_read(f.log, 0, 0, 100, &span), 0);
    ck_assert_uint_eq(span.size, 0);
    ck_assert_int_eq(log_read(f.log, 1, 1, 100, &span), K_OFFSET_OUT_OF_RANGE);
}
END_TEST

START_TEST(what_is_appended_is_read_back_after_each_kind_of_restart)
{
    for (int i = 0; i < 300; i++)
        ck_assert_int_eq(fixture_append(&f, 3, 40, 1000 + i), 0);
    fixture_verify(&f);

    restart(true);
    fixture_verify(&f);
    ck_assert_int_eq(fixture_append(&f, 1, 10, 5000), 0);

    restart(false);
    fixture_verify(&f);
    ck_assert_int_eq(fixture_append(&f, 1, 10, 5001), 0);

    fixture_close(&f, false);
    fixture_forget_machine(&f);
    fixture_open(&f);
    ck_assert(logdir_may_have_lost_data(f.directory));
    fixture_verify(&f);
}
END_TEST

START_TEST(several_appends_go_out_in_one_write)
{
    uint8_t bytes[3][1024];
    struct log_append appends[3];
    for (int i = 0; i < 3; i++) {
        appends[i].bytes = bytes[i];
        appends[i].size = make_batch(bytes[i], 400, 2, 10, i);
        appends[i].size += make_batch(bytes[i] + appends[i].size, 400, 1, 10, i);
    }
    ck_assert_int_eq(fixture_append(&f, 1, 10, 0), 0);          /* opens files, saves the epoch */
    fault_arm(&f.fault, 0, 0, false);

    ck_assert_int_eq(log_append(f.log, appends, 3, 0, f.wall_ms), 0);

    ck_assert_int_eq(f.fault.calls, 1);
    ck_assert_int_eq(appends[0].base_offset, 1);
    ck_assert_int_eq(appends[1].base_offset, 4);
    ck_assert_int_eq(appends[2].base_offset, 7);
    ck_assert_int_eq(appends[2].records, 3);
    ck_assert_int_eq(appends[2].append_time_ms, -1);
    ck_assert_int_eq(log_end(f.log), 10);
}
END_TEST

START_TEST(log_append_time_is_stamped_under_a_new_checksum)
{
    uint8_t bytes[512];
    size_t size;
    struct log_append append = { .bytes = bytes };
    append.size = make_batch(bytes, sizeof bytes, 2, 10, 5);
    f.config.append_time = true;
    log_set_config(f.log, &f.config);

    ck_assert_int_eq(log_append(f.log, &append, 1, 3, 777), 0);

    ck_assert_int_eq(append.append_time_ms, 777);
    ck_assert_int_eq(batch_max_timestamp(bytes), 777);
    ck_assert_int_eq(batch_attributes(bytes) & BATCH_APPEND_TIME, BATCH_APPEND_TIME);
    ck_assert_int_eq(batch_leader_epoch(bytes), 3);
    ck_assert_int_eq(batch_check(bytes, append.size, false, &size), 0);
}
END_TEST

START_TEST(a_segment_rolls_by_size_and_the_log_goes_on)
{
    f.config.segment_bytes = 2000;
    log_set_config(f.log, &f.config);
    for (int i = 0; i < 50; i++)
        ck_assert_int_eq(fixture_append(&f, 2, 200, i), 0);

    ck_assert_uint_gt(f.log->segment_count, 5);
    for (size_t i = 0; i < f.log->segment_count; i++)
        ck_assert_int_le(f.log->segments[i]->tail.size, 2000);
    fixture_verify(&f);
    restart(true);
    fixture_verify(&f);
    restart(false);
    fixture_verify(&f);
}
END_TEST

START_TEST(a_segment_rolls_by_the_age_of_its_first_record)
{
    f.config.segment_ms = 100;
    log_set_config(f.log, &f.config);

    ck_assert_int_eq(fixture_append(&f, 1, 10, 1000), 0);
    ck_assert_int_eq(fixture_append(&f, 1, 10, 1100), 0);
    ck_assert_uint_eq(f.log->segment_count, 1);
    restart(true);                               /* the age survives */
    ck_assert_int_eq(fixture_append(&f, 1, 10, 1101), 0);

    ck_assert_uint_eq(f.log->segment_count, 2);
}
END_TEST

START_TEST(a_segment_rolls_earlier_by_its_own_share_of_the_jitter)
{
    int64_t time = 0, smallest = INT64_MAX, largest = 0;
    f.config.segment_ms = 100;
    f.config.segment_jitter_ms = 50;
    log_set_config(f.log, &f.config);

    for (int i = 0; i < 30; i++) {              /* the last record was the first of its segment */
        int64_t base = log_active(f.log)->base_offset, first = time;
        while (log_active(f.log)->base_offset == base)
            ck_assert_int_eq(fixture_append(&f, 1, 1, time++), 0);
        time--;
        int64_t age = time - first;
        smallest = age < smallest ? age : smallest;
        largest = age > largest ? age : largest;
        if (i == 15)
            restart(true);
    }

    ck_assert_int_gt(smallest, 50);
    ck_assert_int_le(largest, 101);
    ck_assert_int_gt(largest, smallest + 20);
}
END_TEST

START_TEST(a_segment_rolls_when_an_index_is_full)
{
    f.config.index_bytes = 3 * INDEX_TIME_ENTRY;
    f.config.index_interval_bytes = 100;
    log_set_config(f.log, &f.config);

    for (int i = 0; i < 40; i++)
        ck_assert_int_eq(fixture_append(&f, 1, 100, i), 0);

    ck_assert_uint_gt(f.log->segment_count, 5);
    for (size_t i = 0; i + 1 < f.log->segment_count; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s.timeindex", f.log->segments[i]->path);
        ck_assert_int_gt(file_size(path), 0);
        ck_assert_int_le(file_size(path), f.config.index_bytes);
    }
    fixture_verify(&f);
}
END_TEST

START_TEST(a_segment_that_rolled_keeps_no_index_in_memory)
{
    f.config.segment_bytes = 2000;
    f.config.index_interval_bytes = 100;
    log_set_config(f.log, &f.config);

    for (int i = 0; i < 40; i++)
        ck_assert_int_eq(fixture_append(&f, 1, 100, i), 0);

    ck_assert_uint_gt(f.log->segment_count, 2);
    ck_assert_ptr_nonnull(log_active(f.log)->offsets.bytes);
    for (size_t i = 0; i + 1 < f.log->segment_count; i++) {
        ck_assert_ptr_null(f.log->segments[i]->offsets.bytes);
        ck_assert_ptr_null(f.log->segments[i]->times.bytes);
    }
    fixture_verify(&f);
}
END_TEST

START_TEST(relative_offsets_never_overflow)
{
    uint8_t bytes[2][256];
    struct log_append append = { .bytes = bytes[0] };
    append.size = make_batch(bytes[0], 256, 1, 10, 0);
    store_u32(bytes[0] + BATCH_LAST_DELTA, INT32_MAX); /* as if the rest was compacted away */
    ck_assert_int_eq(log_append(f.log, &append, 1, 0, 0), 0);
    append.bytes = bytes[1];
    append.size = make_batch(bytes[1], 256, 1, 10, 0);

    ck_assert_int_eq(log_append(f.log, &append, 1, 0, 0), 0);

    ck_assert_uint_eq(f.log->segment_count, 2);
    ck_assert_int_eq(append.base_offset, INT64_C(1) << 31);
}
END_TEST

START_TEST(a_read_gives_whole_batches_up_to_both_limits_and_at_least_one)
{
    struct log_span span;
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(fixture_append(&f, 10, 50, i), 0);
    size_t size = f.model.batches[7].size;

    ck_assert_int_eq(log_read(f.log, 75, INT64_MAX, 3 * size + size / 2, &span), 0);
    ck_assert_int_eq(span.position, f.model.batches[7].position);
    ck_assert_uint_eq(span.size, 3 * size);
    log_span_release(span.segment);

    ck_assert_int_eq(log_read(f.log, 75, INT64_MAX, 1, &span), 0);
    ck_assert_uint_eq(span.size, size);
    log_span_release(span.segment);

    ck_assert_int_eq(log_read(f.log, 70, 90, 1 << 20, &span), 0);
    ck_assert_uint_eq(span.size, 2 * size);
    log_span_release(span.segment);

    ck_assert_int_eq(log_read(f.log, 990, 990, 1 << 20, &span), 0);
    ck_assert_uint_eq(span.size, 0);
}
END_TEST

START_TEST(a_reader_at_the_tail_costs_no_read_of_the_file)
{
    struct log_span span;
    for (int i = 0; i < 200; i++)
        ck_assert_int_eq(fixture_append(&f, 1, 100, i), 0);
    ck_assert_int_eq(log_read(f.log, 200, 200, 1 << 20, &span), 0);
    fault_arm(&f.fault, 0, 0, false);

    for (int i = 200; i < 250; i++) {
        ck_assert_int_eq(fixture_append(&f, 1, 100, i), 0);
        ck_assert_int_eq(log_read(f.log, i, INT64_MAX, 1 << 20, &span), 0);
        ck_assert_uint_eq(span.size, f.model.batches[i].size);
        log_span_release(span.segment);
    }

    ck_assert_int_eq(f.fault.calls, 50);         /* the appends */
}
END_TEST

START_TEST(a_span_outlives_the_log_that_is_removed)
{
    struct log_span span;
    uint8_t bytes[256];
    ck_assert_int_eq(fixture_append(&f, 1, 100, 1), 0);
    ck_assert_int_eq(log_read(f.log, 0, 1, 1000, &span), 0);

    ck_assert_int_eq(log_remove(f.log, NULL), 0);
    f.log = NULL;
    logdir_delete_doomed(f.directory, NULL, NULL);

    ck_assert_int_eq(pread(span.fd, bytes, span.size, span.position), span.size);
    ck_assert_mem_eq(bytes, f.model.bytes, span.size);
    log_span_release(span.segment);
    char *path = fixture_file(&f, "");
    ck_assert_int_ne(access(path, F_OK), 0);
    free(path);
}
END_TEST

START_TEST(truncation_cuts_and_never_writes_over_what_was_handed_out)
{
    struct log_span span;
    uint8_t bytes[4096];
    f.config.segment_bytes = 3000;
    log_set_config(f.log, &f.config);
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(fixture_append(&f, 2, 200, i), 0);
    ck_assert_int_eq(log_read(f.log, 14, INT64_MAX, 600, &span), 0);

    ck_assert_int_eq(log_truncate(f.log, 14), 0);
    model_cut(&f.model, 14);
    ck_assert_int_eq(log_end(f.log), 14);
    ck_assert_int_eq(fixture_append(&f, 2, 200, 1000), 0);

    ck_assert_int_le(pread(span.fd, bytes, span.size, span.position),
                     0); /* short, never other bytes */
    log_span_release(span.segment);
    fixture_verify(&f);
    restart(false);
    fixture_verify(&f);
    ck_assert_int_eq(log_truncate(f.log, 0), 0);
    model_cut(&f.model, 0);
    fixture_verify(&f);
}
END_TEST

START_TEST(leader_epochs_are_kept_and_cut_with_the_log)
{
    uint8_t bytes[512];
    struct log_append append = { .bytes = bytes };
    int32_t found;
    for (int32_t epoch = 1; epoch <= 5; epoch += 2) {
        append.size = make_batch(bytes, sizeof bytes, 10, 10, 1);
        ck_assert_int_eq(log_append(f.log, &append, 1, epoch, 1), 0);
    }
    ck_assert_int_eq(log_append(f.log, &append, 1, 4, 1), K_FENCED_LEADER_EPOCH);
    fixture_close(&f, false);
    fixture_open(&f);

    ck_assert_int_eq(log_last_epoch(f.log), 5);
    ck_assert_int_eq(log_epoch_end(f.log, 1, &found), 10);
    ck_assert_int_eq(found, 1);
    ck_assert_int_eq(log_epoch_end(f.log, 2, &found), 10);
    ck_assert_int_eq(found, 1);
    ck_assert_int_eq(log_epoch_end(f.log, 5, &found), 30);
    ck_assert_int_eq(log_epoch_end(f.log, 6, &found), 30);      /* of which we know no end */
    ck_assert_int_eq(found, 5);
    ck_assert_int_eq(log_epoch_end(f.log, 0, &found), 0);       /* it ended before our first */
    ck_assert_int_eq(found, 0);
    ck_assert_int_eq(log_epoch_end(f.log, -1, &found), -1);
    ck_assert_int_eq(found, -1);

    ck_assert_int_eq(log_truncate(f.log, 25), 0);
    ck_assert_int_eq(log_last_epoch(f.log), 3);
    char *path = fixture_file(&f, "leader-epoch-checkpoint");
    fixture_close(&f, true);
    ck_assert_int_eq(unlink(path), 0);
    free(path);
    fixture_open(&f);
    ck_assert_int_eq(log_last_epoch(f.log), 3);         /* rebuilt from the batches */
}
END_TEST

/* Who leads thousands of partitions at once has no time for as many files. */
START_TEST(an_epoch_is_written_with_its_first_record_and_not_before)
{
    uint8_t bytes[512];
    struct log_append append = { .bytes = bytes };
    struct stat before, after;
    char *path = fixture_file(&f, "leader-epoch-checkpoint");
    append.size = make_batch(bytes, sizeof bytes, 10, 10, 1);
    ck_assert_int_eq(log_append(f.log, &append, 1, 1, 1), 0);
    ck_assert_int_eq(stat(path, &before), 0);
    ck_assert_int_eq(log_begin_epoch(f.log, 7), 0);
    ck_assert_int_eq(stat(path, &after), 0);
    ck_assert_uint_eq(after.st_ino, before.st_ino);     /* a new one would have taken its place */

    append.size = make_batch(bytes, sizeof bytes, 10, 10, 1);
    ck_assert_int_eq(log_append(f.log, &append, 1, 7, 1), 0);
    ck_assert_int_eq(stat(path, &after), 0);
    ck_assert_uint_ne(after.st_ino, before.st_ino);
    restart(false);
    ck_assert_int_eq(log_last_epoch(f.log), 7);
    free(path);
}
END_TEST

START_TEST(time_lookups_find_the_first_record_at_or_after)
{
    int64_t offset, found;
    f.config.segment_bytes = 5000;
    f.config.index_interval_bytes = 300;
    log_set_config(f.log, &f.config);
    for (int i = 0; i < 200; i++)            /* not in order: every third batch is old */
        ck_assert_int_eq(fixture_append(&f, 3, 30, i % 3 == 2 ? 10 : 1000 + 10 * i), 0);

    for (int pass = 0; pass < 2; pass++) {
        for (int64_t target = 0; target < 3100; target += 7) {
            int64_t expected = -1, expected_time = -1;
            for (int i = 0; i < 600 && expected < 0; i++) {
                int64_t time = (i / 3 % 3 == 2 ? 10 : 1000 + 10 * (i / 3)) + i % 3;
                if (time >= target) {
                    expected = i;
                    expected_time = time;
                }
            }
            ck_assert_int_eq(log_find_timestamp(f.log, target, &offset, &found), 0);
            ck_assert_int_eq(offset, expected);
            ck_assert_int_eq(found, expected_time);
        }
        ck_assert_int_eq(log_find_max_timestamp(f.log, &offset, &found), 0);
        ck_assert_int_eq(found, 1000 + 10 * 199 + 2 - 0);
        restart(pass == 0);
    }
}
END_TEST

START_TEST(a_log_of_another_topic_of_the_same_name_is_refused)
{
    struct k_reason reason;
    struct log *other;
    struct log_options options = { .directory = f.directory, .topic = "t",
                                   .topic_id = { { 2 } }, .config = f.config };
    log_close(f.log, true);
    f.log = NULL;

    ck_assert_int_eq(log_open(&options, &other, &reason), K_INCONSISTENT_TOPIC_ID);
    ck_assert_ptr_nonnull(strstr(reason.text, "topic t"));
}
END_TEST

Suite *log_suite(void)
{
    Suite *suite = suite_create("server/storage/log");
    TCase *tests = tcase_create("log");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_new_log_is_empty);
    tcase_add_test(tests, what_is_appended_is_read_back_after_each_kind_of_restart);
    tcase_add_test(tests, several_appends_go_out_in_one_write);
    tcase_add_test(tests, log_append_time_is_stamped_under_a_new_checksum);
    tcase_add_test(tests, a_segment_rolls_by_size_and_the_log_goes_on);
    tcase_add_test(tests, a_segment_rolls_by_the_age_of_its_first_record);
    tcase_add_test(tests, a_segment_rolls_earlier_by_its_own_share_of_the_jitter);
    tcase_add_test(tests, a_segment_rolls_when_an_index_is_full);
    tcase_add_test(tests, a_segment_that_rolled_keeps_no_index_in_memory);
    tcase_add_test(tests, relative_offsets_never_overflow);
    tcase_add_test(tests, a_read_gives_whole_batches_up_to_both_limits_and_at_least_one);
    tcase_add_test(tests, a_reader_at_the_tail_costs_no_read_of_the_file);
    tcase_add_test(tests, a_span_outlives_the_log_that_is_removed);
    tcase_add_test(tests, truncation_cuts_and_never_writes_over_what_was_handed_out);
    tcase_add_test(tests, leader_epochs_are_kept_and_cut_with_the_log);
    tcase_add_test(tests, an_epoch_is_written_with_its_first_record_and_not_before);
    tcase_add_test(tests, time_lookups_find_the_first_record_at_or_after);
    tcase_add_test(tests, a_log_of_another_topic_of_the_same_name_is_refused);
    suite_add_tcase(suite, tests);
    return suite;
}
