/* What a start after a loss reads from the disk, and syncs, before it believes anything. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/storage/log_internal.h"
#include "tests/server/storage/fixture.h"

Suite *reread_suite(void);

static struct fixture f;
static char *log_path;

static void setup(void)
{
    fixture_init(&f);
    f.config.index_interval_bytes = 200;
    log_set_config(f.log, &f.config);
    log_path = fixture_file(&f, "00000000000000000000.log");
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(fixture_append(&f, 2, 40, 100 + i), 0);
}

static void teardown(void)
{
    fixture_fini(&f);
    free(log_path);
}

static int sync_to_fail;                /* counts down; of segments and directories */

static bool is_next_to_fail(void)
{
    if (sync_to_fail == 0 || --sync_to_fail > 0)
        return false;
    errno = ENOSPC;
    return true;
}

static int full_sync(const struct io *io, int fd)
{
    char link[32], path[256];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    path[size < 0 ? 0 : size] = '\0';
    return strstr(path, ".log") != NULL && is_next_to_fail() ? -1 : io_system.sync(io, fd);
}

static int full_sync_directory(const struct io *io, const char *path)
{
    return is_next_to_fail() ? -1 : io_system.sync_directory(io, path);
}

/* Some systems say only at a sync that there is no room for what was written. It is lost all the
 * same: nothing is believed that another sync says. */
START_TEST(a_sync_that_fails_during_the_check_fences_even_for_a_full_disk)
{
    f.fault.io.sync = full_sync;
    f.fault.io.sync_directory = full_sync_directory;
    for (int n = 1;; n++) {
        fixture_close(&f, false);
        fixture_forget_machine(&f);
        int fd = open(log_path, O_WRONLY | O_APPEND);
        ck_assert_int_eq(write(fd, "a torn batch", 12), 12);
        close(fd);

        sync_to_fail = n;
        int error = fixture_try_open(&f);
        if (sync_to_fail > 0) {
            ck_assert_int_eq(error, 0);
            ck_assert_int_gt(n, 3);     /* to reread, to cut, to clear behind the end */
            break;
        }
        ck_assert_int_eq(error, K_KAFKA_STORAGE_ERROR);
        ck_assert(logdir_fenced(f.directory));
    }
    sync_to_fail = 0;
    fixture_verify(&f);
}
END_TEST

static char dropped[4096];

static int note_drop(const struct io *io, int fd)
{
    char link[32], path[256];
    (void)io;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    path[size < 0 ? 0 : size] = '\0';
    size_t at = strlen(dropped);
    snprintf(dropped + at, sizeof dropped - at, "%s ", strrchr(path, '/') + 1);
    return 0;
}

START_TEST(what_may_be_in_the_cache_alone_is_read_from_the_disk)
{
    ck_assert_int_eq(fixture_produce(&f, 7, 0, 0, 2, true), 0);
    ck_assert_int_eq(fixture_end_txn(&f, 7, 0, true, 1), 0);
    f.config.segment_bytes = 500;
    log_set_config(f.log, &f.config);
    ck_assert_int_eq(fixture_append(&f, 2, 40, 300), 0);
    ck_assert_uint_eq(f.log->segment_count, 2);
    fixture_close(&f, false);
    f.fault.life = "another life";
    f.fault.io.drop = note_drop;
    dropped[0] = '\0';
    fixture_open(&f);

    static const char *const names[] = {
        "00000000000000000000.log ", "00000000000000000023.log ", "00000000000000000000.txnindex ",
        "00000000000000000023.snapshot ", "leader-epoch-checkpoint ", "partition.metadata "
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        ck_assert_msg(strstr(dropped, names[i]) != NULL, "%s of %s", names[i], dropped);
    fixture_verify(&f);
}
END_TEST

Suite *reread_suite(void)
{
    Suite *suite = suite_create("server/storage/reread");
    TCase *tests = tcase_create("reread");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_sync_that_fails_during_the_check_fences_even_for_a_full_disk);
    tcase_add_test(tests, what_may_be_in_the_cache_alone_is_read_from_the_disk);
    suite_add_tcase(suite, tests);
    return suite;
}
