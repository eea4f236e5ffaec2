/* A log of very many tiny segments, as a topic leaves it with a segment.bytes or segment.ms that is
 * far too small. It takes its time, but no more memory than is said here, and hardly a descriptor.
 *
 * KAIRN_SCRATCH=/var/tmp KAIRN_SEGMENTS=1000000 CK_RUN_CASE=many-read CK_TIMEOUT_MULTIPLIER=20
 * tells more. */
#include <check.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/clock.h"
#include "server/storage/doomed.h"
#include "server/storage/log_internal.h"
#include "server/storage/log_retain.h"
#include "server/storage/log_trim.h"
#include "server/storage/producer_files.h"
#include "tests/lib/number.h"
#include "tests/server/storage/fixture.h"

Suite *many_segments_suite(void);

enum {
    SEGMENTS = 3000,
    SEGMENT_MEMORY = 512,               /* bytes: of one that is not in use */
    MEMORY = 1 << 20,                   /* of all else */
    DESCRIPTORS = 100,
    LOOKUPS = 500
};

static struct fixture f;
static int64_t count;
static int64_t said_us;

/* By command it is told what takes how long. */
static void say(const char *what)
{
    int64_t now_us = clock_mono_us(&clock_system);
    if (getenv("KAIRN_SEGMENTS") != NULL)
        printf("%-24s %8.1f ms\n", what, (double)(now_us - said_us) / 1000);
    said_us = clock_mono_us(&clock_system);
}

static void allow_few_descriptors(void)
{
    struct rlimit limit;
    int next = dup(0);
    close(next);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = (rlim_t)(next + DESCRIPTORS);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* What is on the disk is not what is looked at here. */
static int no_sync(const struct io *io, int fd)
{
    (void)io, (void)fd;
    return 0;
}

/* One record each, its timestamp 1000 more than its offset. */
static void setup(void)
{
    count = (int64_t)number_from("KAIRN_SEGMENTS", SEGMENTS);
    allow_few_descriptors();
    fixture_init(&f);
    f.fault.io.sync = f.fault.io.drop = no_sync;
    f.config.segment_bytes = 1;
    f.config.cleanup_delete = true;
    f.config.retention_ms = f.config.retention_bytes = -1;
    log_set_config(f.log, &f.config);
    said_us = clock_mono_us(&clock_system);
    for (int64_t i = 0; i < count; i++)
        ck_assert_int_eq(fixture_append(&f, 1, 10, 1000 + i), 0);
    ck_assert_uint_eq(log_segments(f.log), (size_t)count);
    say("written");
}

static void teardown(void)
{
    fixture_fini(&f);
    say("removed");
}

static size_t memory(void)
{
    struct mallinfo2 now = mallinfo2();
    return now.uordblks + now.hblkhd;
}

static void open_within_memory(void)
{
    size_t before = memory();
    fixture_open(&f);
    say("opened");
    ck_assert_uint_le(memory() - before, (size_t)count * SEGMENT_MEMORY + MEMORY);
}

static void find(int64_t i)
{
    int64_t offset, found;
    struct log_span span;

    ck_assert_int_eq(log_read(f.log, i, INT64_MAX, 1, &span), 0);
    ck_assert_uint_eq(span.size, f.model.batches[i].size);
    log_span_release(span.segment);
    if (i % 100 != 0)
        return;
    ck_assert_int_eq(log_find_timestamp(f.log, 1000 + i, &offset, &found), 0);
    ck_assert_int_eq(offset, i);
}

START_TEST(a_log_of_many_segments_is_opened_and_read)
{
    int64_t offset, found;

    ck_assert_int_eq(log_flush(f.log), 0);
    say("flushed");
    fixture_close(&f, true);
    say("closed");
    open_within_memory();
    for (int64_t i = 0; i < LOOKUPS; i++)
        find(i * 7919 % count);
    say("looked up");
    ck_assert_int_eq(log_find_max_timestamp(f.log, &offset, &found), 0);
    ck_assert_int_eq(found, 1000 + count - 1);
    fixture_verify(&f);
    say("read from start to end");

    fixture_close(&f, false);
    f.fault.life = "another life";
    open_within_memory();
    ck_assert_int_eq(log_end(f.log), count);
    find(count / 2);
}
END_TEST

/* Nobody ever knew how far they are synced: all of them are checked, and nothing is cut. */
START_TEST(many_segments_are_checked_after_a_stop_of_the_machine)
{
    fixture_close(&f, false);
    fixture_forget_machine(&f);
    said_us = clock_mono_us(&clock_system);
    open_within_memory();
    fixture_verify(&f);
}
END_TEST

static void retain(int64_t wall_ms)
{
    struct log_retention *retention;
    struct log_trim *trim;
    struct log_trimmed gone;
    struct doomed_list doomed;

    doomed_init(&doomed);
    log_set_config(f.log, &f.config);
    ck_assert_int_eq(log_retain_begin(f.log, log_end(f.log), wall_ms, &retention), 0);
    log_retain_look(retention);
    ck_assert_int_eq(log_retain_end(f.log, retention, &trim), 0);
    ck_assert_int_eq(log_trim_apply(f.log, trim, log_trim_persist(trim)), 0);
    ck_assert_int_eq(log_trim_end(f.log, trim, log_trim_doom(trim), &doomed, 0, &gone), 0);
    doomed_delete(&doomed, NULL, NULL);
}

START_TEST(many_segments_are_deleted_by_age_and_by_size)
{
    fixture_close(&f, true);
    fixture_open(&f);
    said_us = clock_mono_us(&clock_system);

    f.config.retention_ms = 1000;
    retain(1000 + count / 2 + 1000);
    say("half deleted by age");
    ck_assert_int_eq(log_start(f.log), count / 2);

    f.config.retention_ms = -1;
    f.config.retention_bytes = 1;
    retain(1);
    say("the rest by size");
    ck_assert_uint_le(log_segments(f.log), 2);
    fixture_verify(&f);
}
END_TEST

START_TEST(producers_of_many_segments_are_found_again_without_a_snapshot)
{
    char path[128];
    for (int32_t i = 0; i < 300; i++)
        ck_assert_int_eq(fixture_produce(&f, 7, 0, i, 1, false), 0);
    int64_t end = log_end(f.log);
    fixture_close(&f, true);
    snprintf(path, sizeof path, "%s/t-0", f.path);
    for (int64_t i = 0; i <= end; i++)
        ck_assert_int_eq(producer_files_remove(&io_system, path, i), 0);

    fixture_open(&f);

    ck_assert_int_eq(fixture_produce(&f, 7, 0, 300, 1, false), 0);
}
END_TEST

/* Cases of their own, for at size each takes minutes. */
static void add(Suite *suite, const char *name, const TTest *test)
{
    TCase *tests = tcase_create(name);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, test);
    suite_add_tcase(suite, tests);
}

Suite *many_segments_suite(void)
{
    Suite *suite = suite_create("server/storage/many_segments");

    add(suite, "many-read", a_log_of_many_segments_is_opened_and_read);
    add(suite, "many-checked", many_segments_are_checked_after_a_stop_of_the_machine);
    add(suite, "many-deleted", many_segments_are_deleted_by_age_and_by_size);
    add(suite, "many-replayed", producers_of_many_segments_are_found_again_without_a_snapshot);
    return suite;
}
