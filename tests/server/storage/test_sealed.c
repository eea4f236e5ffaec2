/* Lookups in sealed segments: by their index files; little of them is read, nothing believed. */
#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/storage/index_time.h"
#include "server/storage/log_internal.h"
#include "tests/server/storage/fixture.h"

Suite *sealed_suite(void);

static struct fixture f;

static void setup(void)
{
    fixture_init(&f);
    f.config.index_interval_bytes = 200;
    log_set_config(f.log, &f.config);
}

static void teardown(void)
{
    fixture_fini(&f);
}

/* Segments whose indexes have several entries, none of them in memory. */
static void seal_some(void)
{
    f.config.segment_bytes = 4000;
    log_set_config(f.log, &f.config);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(fixture_append(&f, 2, 40, 100 + i), 0);
    ck_assert_uint_gt(f.log->segment_count, 2);
    ck_assert_int_eq(log_flush(f.log), 0);
    log_rest_segments(f.log);
}

static void find_at(int64_t timestamp)
{
    int64_t offset, found;
    ck_assert_int_eq(log_find_timestamp(f.log, timestamp, &offset, &found), 0);
    ck_assert_int_ge(found, timestamp);
}

static void read_at(int64_t offset)
{
    struct log_span span;
    ck_assert_int_eq(log_read(f.log, offset, log_end(f.log), 1, &span), 0);
    log_span_release(span.segment);
}

START_TEST(a_lookup_in_a_sealed_segment_loads_no_index)
{
    seal_some();
    const struct segment *first = f.log->segments[0];

    for (int64_t offset = 0; offset < first->tail.next_offset; offset += 3)
        read_at(offset);
    ck_assert_ptr_nonnull(first->page);
    find_at(103);

    ck_assert(!first->indexed);
    log_rest_segments(f.log);
    ck_assert_ptr_null(first->page);
    fixture_verify(&f);
}
END_TEST

static ssize_t (*real_pread)(const struct io *io, int fd, void *to, size_t size, off_t position);
static size_t largest_read;

static ssize_t watch_pread(const struct io *io, int fd, void *to, size_t size, off_t position)
{
    if (size > largest_read)
        largest_read = size;
    return real_pread(io, fd, to, size, position);
}

/* Whatever byte of it: every time is found as if there was no index. */
START_TEST(a_time_index_that_is_damaged_under_an_open_log_hides_nothing)
{
    seal_some();
    char *index = fixture_file(&f, "00000000000000000000.timeindex");
    ck_assert_int_ge(file_size(index), 3 * INDEX_TIME_ENTRY);
    if (_i < (int)INDEX_TIME_ENTRY)
        damage_byte(index, file_size(index) / 24 * INDEX_TIME_ENTRY + _i, 0x02);
    else
        ck_assert_int_eq(truncate(index, INDEX_TIME_ENTRY * (_i - INDEX_TIME_ENTRY)), 0);
    free(index);

    for (size_t i = 0; i < f.model.count; i++) {
        int64_t offset, found, wanted = f.model.batches[i].max_timestamp;
        size_t first = 0;
        while (f.model.batches[first].max_timestamp < wanted)
            first++;
        ck_assert_int_eq(log_find_timestamp(f.log, wanted, &offset, &found), 0);
        ck_assert_int_eq(found, wanted);
        ck_assert_int_le(offset, f.model.batches[first].last);
        ck_assert_int_ge(offset, f.model.batches[first].base);
    }
}
END_TEST

START_TEST(an_index_of_any_size_is_read_a_page_at_a_time)
{
    f.config.index_interval_bytes = 1;
    f.config.segment_bytes = 1 << 20;
    log_set_config(f.log, &f.config);
    for (int i = 0; i < 8000; i++)
        ck_assert_int_eq(fixture_append(&f, 1, 100, 100 + i), 0);
    ck_assert_int_eq(log_flush(f.log), 0);
    log_rest_segments(f.log);
    ck_assert_uint_ge(f.log->segment_count, 2);
    char *times = fixture_file(&f, "00000000000000000000.timeindex");
    ck_assert_int_gt(file_size(times), 50000);
    free(times);

    real_pread = f.fault.io.pread;
    f.fault.io.pread = watch_pread;
    largest_read = 0;
    for (int64_t offset = 0; offset < log_active(f.log)->base_offset; offset += 517)
        read_at(offset);
    ck_assert_uint_le(largest_read, 4096);
    ck_assert(!f.log->segments[0]->indexed);
    f.fault.io.pread = real_pread;
    fixture_verify(&f);
}
END_TEST

/* But for a position that still ascends: it is held against its batch when that entry is used. */
START_TEST(an_index_that_is_damaged_under_an_open_log_is_noticed_at_its_first_use)
{
    seal_some();
    const struct segment *first = f.log->segments[0];
    char *index = fixture_file(&f, "00000000000000000000.index");
    damage_byte(index, file_size(index) / 16 * 8 + _i, 0x40);
    free(index);

    read_at(first->tail.next_offset - 1);

    ck_assert(first->indexed);              /* made anew */
    fixture_verify(&f);
}
END_TEST

Suite *sealed_suite(void)
{
    Suite *suite = suite_create("server/storage/sealed");
    TCase *tests = tcase_create("sealed");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_lookup_in_a_sealed_segment_loads_no_index);
    tcase_add_test(tests, an_index_of_any_size_is_read_a_page_at_a_time);
    tcase_add_loop_test(tests, a_time_index_that_is_damaged_under_an_open_log_hides_nothing, 0,
                        INDEX_TIME_ENTRY + 2);
    tcase_add_loop_test(
        tests, an_index_that_is_damaged_under_an_open_log_is_noticed_at_its_first_use, 0, 7);
    suite_add_tcase(suite, tests);
    return suite;
}
