/* A unit test program with something for memcheck to find: what tests/valgrind/run must notice, and
 * what it must not. tests/valgrind/test_run.sh chooses by CK_RUN_CASE. */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/lib/runner.h"

START_TEST(nothing_is_wrong)
{
    free(malloc(1));
}
END_TEST

/* Volatile: else the compiler sees what is wrong, too. */
START_TEST(memory_is_lost)
{
    char *volatile memory = malloc(10);

    memory = NULL;
    ck_assert_ptr_null(memory);
}
END_TEST

START_TEST(what_is_freed_is_read)
{
    char *volatile memory = calloc(1, 10);

    free(memory);
    ck_assert_int_ne(memory[3], 1);
}
END_TEST

START_TEST(what_nobody_wrote_decides)
{
    char *volatile memory = malloc(10);

    ck_assert_int_ne(memory[3], 1);
    free(memory);
}
END_TEST

START_TEST(it_crashes)
{
    raise(SIGSEGV);
}
END_TEST

START_TEST(it_takes_too_long)
{
    for (;;)
        pause();
}
END_TEST

static void add(Suite *suite, const char *name, const TTest *test, double seconds)
{
    TCase *tests = tcase_create(name);

    tcase_set_timeout(tests, seconds);
    tcase_add_test(tests, test);
    suite_add_tcase(suite, tests);
}

static Suite *sick_suite(void)
{
    Suite *suite = suite_create("sick");

    add(suite, "well", nothing_is_wrong, 10);
    add(suite, "lost", memory_is_lost, 10);
    add(suite, "freed", what_is_freed_is_read, 10);
    add(suite, "unwritten", what_nobody_wrote_decides, 10);
    add(suite, "crash", it_crashes, 10);
    add(suite, "late", it_takes_too_long, 0.01);
    return suite;
}

int main(int argc, char **argv)
{
    static const suite_maker makers[] = { sick_suite };

    if (getenv("KAIRN_SICK_MAIN") != NULL)
        abort();
    return run_suites(argc, argv, makers, sizeof makers / sizeof makers[0]);
}
