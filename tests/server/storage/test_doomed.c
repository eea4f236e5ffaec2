#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/storage/doomed.h"
#include "server/storage/segment.h"
#include "tests/server/storage/fixture.h"

Suite *doomed_suite(void);

static struct fixture f;

/* Three segments; the log is closed. */
static void setup(void)
{
    fixture_init(&f);
    f.config.segment_bytes = 1000;
    log_set_config(f.log, &f.config);
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(fixture_append(&f, 2, 200, i), 0);
    fixture_close(&f, true);
}

static void teardown(void) { fixture_fini(&f); }

/* Names in the partition's directory that begin with `prefix` or end with `suffix`. */
static int count_files(const char *prefix, const char *suffix)
{
    char *path = fixture_file(&f, ".");
    DIR *listing = opendir(path);
    struct dirent *entry;
    int count = 0;
    ck_assert_ptr_nonnull(listing);
    while ((entry = readdir(listing)) != NULL) {
        size_t size = strlen(entry->d_name);
        count += (prefix == NULL || strncmp(entry->d_name, prefix, strlen(prefix)) == 0) &&
                 (suffix == NULL || (size >= strlen(suffix) &&
                                     strcmp(entry->d_name + size - strlen(suffix), suffix) == 0));
    }
    closedir(listing);
    free(path);
    return count;
}

static void touch(const char *name)
{
    char *path = fixture_file(&f, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fclose(file);
    free(path);
}

static struct segment *open_first(void)
{
    struct segment *segment;
    char *path = fixture_file(&f, ".");
    ck_assert_int_eq(segment_open(&f.fault.io, path, 0, 4096, &segment), 0);
    free(path);
    return segment;
}

#define FIRST "00000000000000000000"

START_TEST(a_reader_of_a_doomed_segment_finishes_undisturbed)
{
    uint8_t before[64], after[64];
    struct doomed_list doomed;
    struct segment *segment = open_first();
    ck_assert_int_eq(segment_need_file(segment), 0);
    ck_assert_int_eq(pread(segment->fd, before, sizeof before, 0), sizeof before);
    doomed_init(&doomed);

    ck_assert_int_eq(segment_doom(segment, true), 0);
    ck_assert_int_eq(count_files(FIRST, ".log"), 0);
    ck_assert_int_eq(count_files(FIRST, ".log.deleted"), 1);
    ck_assert_int_eq(doomed_add_segment(&doomed, NULL, segment, 1), 0);
    doomed_delete(&doomed, NULL, NULL);

    ck_assert_int_eq(count_files(FIRST, NULL), 0);
    ck_assert_int_eq(pread(segment->fd, after, sizeof after, 0), sizeof after);
    ck_assert_mem_eq(before, after, sizeof before);
    segment_unref(segment);
}
END_TEST

START_TEST(a_crash_while_dooming_leaves_the_segment_or_nothing_of_it)
{
    for (int n = 1; n < 10; n++) {
        teardown();
        setup();
        touch(FIRST ".snapshot");
        struct segment *segment = open_first();
        fault_arm(&f.fault, n, EIO, true);
        int error = segment_doom(segment, true);
        segment_unref(segment);
        fault_arm(&f.fault, 0, 0, false);
        bool gone = count_files(FIRST, ".log") == 0;
        ck_assert(gone == (n > 1));

        fixture_open(&f);

        ck_assert(gone ? log_start(f.log) > 0 : log_start(f.log) == 0);
        ck_assert_int_eq(count_files(NULL, ".deleted"), 0);
        ck_assert_int_eq(count_files(FIRST, NULL) == 0, gone);
        if (!gone)
            fixture_verify(&f);
        if (error == 0)
            return;
    }
    ck_abort_msg("the renames never succeeded");
}
END_TEST

START_TEST(a_crash_while_deleting_leaves_nothing_for_the_next_open)
{
    for (int n = 1; n < 8; n++) {
        teardown();
        setup();
        struct doomed_list doomed;
        struct segment *segment = open_first();
        doomed_init(&doomed);
        ck_assert_int_eq(segment_doom(segment, false), 0);
        ck_assert_int_eq(doomed_add_segment(&doomed, NULL, segment, 0), 0);
        segment_unref(segment);
        fault_arm(&f.fault, n, EIO, true);
        doomed_delete(&doomed, NULL, NULL);
        fault_arm(&f.fault, 0, 0, false);

        fixture_open(&f);

        ck_assert_int_gt(log_start(f.log), 0);
        ck_assert_int_eq(count_files(FIRST, NULL), 0);
    }
}
END_TEST

START_TEST(a_segment_that_is_replaced_keeps_its_snapshot)
{
    struct segment *segment = open_first();
    touch(FIRST ".snapshot");

    ck_assert_int_eq(segment_doom(segment, false), 0);

    ck_assert_int_eq(count_files(FIRST, ".snapshot"), 1);
    segment_unref(segment);
}
END_TEST

START_TEST(what_is_due_first_is_taken_first)
{
    struct doomed_list doomed, due;
    struct segment *segment = open_first();
    doomed_init(&doomed);
    doomed_init(&due);
    ck_assert(doomed_next_ms(&doomed) == INT64_MAX);
    ck_assert_int_eq(doomed_add_segment(&doomed, NULL, segment, 200), 0);
    ck_assert_int_eq(doomed_add_directory(&doomed, NULL, &io_system, "/nowhere", 100), 0);
    ck_assert_int_eq(doomed_add_segment(&doomed, NULL, segment, 300), 0);

    ck_assert_int_eq(doomed_next_ms(&doomed), 100);
    doomed_take_due(&doomed, 99, 10, &due);
    ck_assert_uint_eq(due.count, 0);
    doomed_take_due(&doomed, 200, 1, &due);
    ck_assert_uint_eq(due.count, 1);
    ck_assert_int_eq(doomed_next_ms(&doomed), 200);
    doomed_take_due(&doomed, 200, 10, &due);
    ck_assert_uint_eq(due.count, 2);
    doomed_take_all(&doomed, &due);
    ck_assert_uint_eq(due.count, 3);
    ck_assert_uint_eq(doomed.count, 0);

    doomed_fini(&due);                      /* forgotten, not deleted */
    ck_assert_int_eq(count_files(FIRST, ".log"), 1);
    segment_unref(segment);
}
END_TEST

START_TEST(a_directory_goes_with_the_files_in_it)
{
    struct doomed_list doomed;
    char *path = fixture_file(&f, "."), *to = fixture_file(&f, "");
    doomed_init(&doomed);
    ck_assert_int_eq(doomed_add_directory(&doomed, NULL, &io_system, to, 0), 0);

    doomed_delete(&doomed, NULL, NULL);

    ck_assert_int_ne(access(path, F_OK), 0);
    free(path);
    free(to);
}
END_TEST

static int unlink_errno;

static int fail_unlink(const struct io *io, const char *path)
{
    (void)io, (void)path;
    errno = unlink_errno;
    return -1;
}

/* Of a segment, or all of a directory; a broken disk, or a file that is not ours to delete. */
START_TEST(a_disk_that_fails_to_delete_is_out_of_use)
{
    struct doomed_list doomed;
    struct segment *segment = open_first();
    char *to = fixture_file(&f, "");
    doomed_init(&doomed);
    fixture_open(&f);
    if (_i % 2 == 0)
        ck_assert_int_eq(doomed_add_segment(&doomed, f.directory, segment, 0), 0);
    else
        ck_assert_int_eq(doomed_add_directory(&doomed, f.directory, &f.fault.io, to, 0), 0);
    f.fault.io.unlink = fail_unlink;
    unlink_errno = _i / 2 == 0 ? EIO : EPERM;

    doomed_delete(&doomed, NULL, NULL);

    ck_assert(logdir_fenced(f.directory) == (unlink_errno == EIO));
    ck_assert_uint_eq(doomed.count, 0);
    f.fault.io.unlink = io_system.unlink;
    segment_unref(segment);
    free(to);
}
END_TEST

Suite *doomed_suite(void)
{
    Suite *suite = suite_create("server/storage/doomed");
    TCase *tests = tcase_create("doomed");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_reader_of_a_doomed_segment_finishes_undisturbed);
    tcase_add_test(tests, a_crash_while_dooming_leaves_the_segment_or_nothing_of_it);
    tcase_add_test(tests, a_crash_while_deleting_leaves_nothing_for_the_next_open);
    tcase_add_test(tests, a_segment_that_is_replaced_keeps_its_snapshot);
    tcase_add_test(tests, what_is_due_first_is_taken_first);
    tcase_add_test(tests, a_directory_goes_with_the_files_in_it);
    tcase_add_loop_test(tests, a_disk_that_fails_to_delete_is_out_of_use, 0, 4);
    suite_add_tcase(suite, tests);
    return suite;
}
