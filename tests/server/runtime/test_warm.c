#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/chain.h"
#include "net/loop.h"
#include "server/runtime/io_pool.h"
#include "server/runtime/warm.h"
#include "tests/server/runtime/suites.h"

enum { SIZE = 3 << 20, TURNS_MAX = 1000, TURN_MS = 10 };

static struct loop *loop;
static struct io_pool *pool;
static struct chain chain;
static int file;
static int done;

static void setup(void)
{
    char path[] = "/tmp/kairn-warm-XXXXXX";
    char *bytes = calloc(1, SIZE);

    ck_assert_int_eq(loop_new(&(struct loop_options){ .name = "test", .cpu = -1 }, &loop), 0);
    ck_assert_int_eq(io_pool_new(1, &pool), 0);
    file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    unlink(path);
    ck_assert_int_eq(write(file, bytes, SIZE), SIZE);
    free(bytes);
    chain_init(&chain);
    done = 0;
}

static void teardown(void)
{
    chain_fini(&chain);
    close(file);
    io_pool_free(pool);
    loop_free(loop);
}

static void count(struct warming *warming)
{
    (void)warming;
    done++;
}

static void warm(void)
{
    struct warming warming;

    warm_start(&warming, &chain, pool, loop, count);
    for (int i = 0; i < TURNS_MAX && done == 0; i++)
        loop_turn(loop, TURN_MS);
    ck_assert_int_eq(done, 1);
}

START_TEST(what_was_just_written_needs_no_disk)
{
    ck_assert_int_eq(chain_copy(&chain, "head", 4), 0);
    ck_assert_int_eq(chain_file(&chain, file, 0, SIZE, NULL, NULL), 0);

    ck_assert(!warm_is_needed(&chain));
}
END_TEST

/* Where /tmp is in memory, nothing is ever cold. */
START_TEST(what_was_dropped_is_read_again)
{
    ck_assert_int_eq(fdatasync(file), 0);
    ck_assert_int_eq(posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED), 0);
    ck_assert_int_eq(chain_copy(&chain, "head", 4), 0);
    ck_assert_int_eq(chain_file(&chain, file, 5000, SIZE - 9000, NULL, NULL), 0);
    ck_assert_int_eq(chain_file(&chain, file, SIZE - 10, 10, NULL, NULL), 0);
    bool cold = warm_is_needed(&chain);

    warm();

    ck_assert(!warm_is_needed(&chain));
    ck_assert_msg(cold || getenv("KAIRN_NEED_COLD") == NULL, "the file could not be made cold");
}
END_TEST

START_TEST(a_span_beyond_the_end_of_its_file_is_left_to_the_sender)
{
    ck_assert_int_eq(chain_file(&chain, file, SIZE + 5, 10, NULL, NULL), 0);

    ck_assert(!warm_is_needed(&chain));
    warm();
}
END_TEST

Suite *warm_suite(void)
{
    Suite *suite = suite_create("server/runtime/warm");
    TCase *tests = tcase_create("warm");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, what_was_just_written_needs_no_disk);
    tcase_add_test(tests, what_was_dropped_is_read_again);
    tcase_add_test(tests, a_span_beyond_the_end_of_its_file_is_left_to_the_sender);
    suite_add_tcase(suite, tests);
    return suite;
}
