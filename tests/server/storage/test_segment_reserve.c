/* Room that a segment reserves before it is written, and gives back. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/server/storage/fixture.h"

Suite *segment_reserve_suite(void);

enum { ROOM = 1 << 20, LITTLE = 128 << 10 };

static struct fixture f;
static bool possible;               /* the file system can */

static int64_t room(const char *name)
{
    struct stat status;
    char *path = fixture_file(&f, name);
    ck_assert_int_eq(stat(path, &status), 0);
    free(path);
    return (int64_t)status.st_blocks * 512;
}

static const char first[] = "00000000000000000000.log";

static void setup(void)
{
    fixture_init(&f);
    f.config.segment_bytes = ROOM;
    f.config.preallocate = true;
    log_set_config(f.log, &f.config);
    char *path = fixture_file(&f, "probe");
    int fd = io_system.open(&io_system, path, O_WRONLY | O_CREAT, 0644);
    ck_assert_int_ge(fd, 0);
    possible = io_system.reserve(&io_system, fd, ROOM) == 0;
    ck_assert(possible || errno == EOPNOTSUPP);
    io_system.close(&io_system, fd);
    ck_assert_int_eq(io_system.unlink(&io_system, path), 0);
    free(path);
}

static void teardown(void) { fixture_fini(&f); }

/* The second record is too late for the first segment. */
static void roll(void)
{
    f.config.segment_ms = 10;
    log_set_config(f.log, &f.config);
    ck_assert_int_eq(fixture_append(&f, 2, 150, 1000), 0);
    ck_assert_int_eq(fixture_append(&f, 2, 150, 2000), 0);
}

START_TEST(a_segment_has_its_room_from_its_first_record_on)
{
    ck_assert_int_lt(room(first), LITTLE);

    ck_assert_int_eq(fixture_append(&f, 2, 150, 1), 0);

    ck_assert(!possible || room(first) >= ROOM);
    char *path = fixture_file(&f, first);
    ck_assert_int_eq(file_size(path), log_size(f.log));
    free(path);
    fixture_verify(&f);
}
END_TEST

START_TEST(without_the_option_nothing_is_reserved)
{
    f.config.preallocate = false;
    log_set_config(f.log, &f.config);

    ck_assert_int_eq(fixture_append(&f, 2, 150, 1), 0);

    ck_assert_int_lt(room(first), LITTLE);
}
END_TEST

START_TEST(what_is_left_over_is_given_back_at_the_roll)
{
    roll();

    ck_assert_int_lt(room(first), LITTLE);
    ck_assert(!possible || room("00000000000000000002.log") >= ROOM);
    fixture_verify(&f);
}
END_TEST

START_TEST(what_is_left_over_is_given_back_at_the_stop)
{
    ck_assert_int_eq(fixture_append(&f, 2, 150, 1), 0);

    fixture_close(&f, true);

    ck_assert_int_lt(room(first), LITTLE);
    fixture_open(&f);
    fixture_verify(&f);
    ck_assert_int_lt(room(first), LITTLE);
}
END_TEST

START_TEST(what_a_crash_left_reserved_is_given_back)
{
    ck_assert_int_eq(fixture_append(&f, 2, 150, 1), 0);
    fixture_close(&f, false);
    ck_assert(!possible || room(first) >= ROOM);

    fixture_open(&f);

    ck_assert_int_lt(room(first), LITTLE);
    fixture_verify(&f);
}
END_TEST

/* The first append of a segment, with every call that it makes failing once. */
static void append_with_every_call_failing(int code)
{
    bool fired = true;
    for (int n = 1; fired; n++) {
        ck_assert_int_lt(n, 1000);
        fault_arm(&f.fault, n, code, false);
        int error = fixture_append(&f, 2, 150, n);
        fired = f.fault.fired > 0;
        fault_arm(&f.fault, 0, 0, false);
        ck_assert(fired || error == 0);
        if (code == ENOSPC) {
            ck_assert(error == 0 || error == K_DISK_FULL);
            ck_assert(!logdir_fenced(f.directory));
        }
        fixture_close(&f, n % 2 == 0);
        fixture_open(&f);
        fixture_verify(&f);
        ck_assert_int_eq(log_truncate(f.log, 0), 0);
        model_cut(&f.model, 0);
        log_set_config(f.log, &f.config);
    }
}

START_TEST(without_space_nothing_is_written_and_nothing_lost)
{
    append_with_every_call_failing(ENOSPC);
}
END_TEST

START_TEST(a_broken_disk_loses_nothing_acknowledged)
{
    append_with_every_call_failing(EIO);
}
END_TEST

static int can_not(const struct io *io, int fd, off_t size)
{
    (void)io, (void)fd, (void)size;
    errno = EOPNOTSUPP;
    return -1;
}

START_TEST(where_it_can_not_be_reserved_the_log_does_without)
{
    f.fault.io.reserve = can_not;

    roll();

    fixture_verify(&f);
    ck_assert(!logdir_fenced(f.directory));
}
END_TEST

Suite *segment_reserve_suite(void)
{
    Suite *suite = suite_create("server/storage/segment_reserve");
    TCase *tests = tcase_create("segment_reserve");

    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_segment_has_its_room_from_its_first_record_on);
    tcase_add_test(tests, without_the_option_nothing_is_reserved);
    tcase_add_test(tests, what_is_left_over_is_given_back_at_the_roll);
    tcase_add_test(tests, what_is_left_over_is_given_back_at_the_stop);
    tcase_add_test(tests, what_a_crash_left_reserved_is_given_back);
    tcase_add_test(tests, without_space_nothing_is_written_and_nothing_lost);
    tcase_add_test(tests, a_broken_disk_loses_nothing_acknowledged);
    tcase_add_test(tests, where_it_can_not_be_reserved_the_log_does_without);
    suite_add_tcase(suite, tests);
    return suite;
}
