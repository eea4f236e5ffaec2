#include "common/log_flood.h"

#include <pthread.h>
#include <string.h>

#include "tests/common/suites.h"

enum { INTERVAL_MS = 1000, LEVEL = 2 };

static struct log_flood flood;          /* each test is a process of its own */

static void limit(uint32_t lines_max)
{
    flood.lines_max = lines_max;
    flood.interval_ms = INTERVAL_MS;
}

static enum log_flood_verdict line(const char *event, int64_t now_ms)
{
    return log_flood_line(&flood, LEVEL, event, "n=%d", now_ms);
}

START_TEST(of_a_site_so_many_lines_are_written_in_an_interval)
{
    limit(2);

    ck_assert_int_eq(line("a", 5000), LOG_FLOOD_WRITE);
    ck_assert_int_eq(line("a", 5100), LOG_FLOOD_WRITE);
    ck_assert_int_eq(line("a", 5200), LOG_FLOOD_BEGINS);
    ck_assert_int_eq(line("a", 5999), LOG_FLOOD_LEFT_OUT);
    ck_assert_int_eq(line("b", 5999), LOG_FLOOD_WRITE);
}
END_TEST

START_TEST(what_was_left_out_is_taken_once_and_when_its_interval_is_over)
{
    struct log_flood_count count;
    size_t from = 0;
    limit(2);
    for (int i = 0; i < 7; i++)
        line("a", 5000);

    ck_assert(!log_flood_take(&flood, 5999, &from, &count));
    from = 0;
    ck_assert(log_flood_take(&flood, 6000, &from, &count));
    ck_assert_str_eq(count.event, "a");
    ck_assert_int_eq(count.level, LEVEL);
    ck_assert_uint_eq(count.lines, 5);
    ck_assert(!log_flood_take(&flood, 6000, &from, &count));
    from = 0;
    ck_assert(!log_flood_take(&flood, 6000, &from, &count));
    ck_assert_int_eq(line("a", 6000), LOG_FLOOD_WRITE);
}
END_TEST

START_TEST(without_a_limit_everything_is_written)
{
    for (int i = 0; i < 10000; i++)
        ck_assert_int_eq(line("a", 5000), LOG_FLOOD_WRITE);
}
END_TEST

START_TEST(more_sites_than_are_remembered_are_written)
{
    static char events[4 * LOG_FLOOD_SITES];
    limit(1);

    for (size_t i = 0; i < sizeof events; i++)
        ck_assert_int_eq(line(&events[i], 5000), LOG_FLOOD_WRITE);
}
END_TEST

enum { THREADS = 4, LINES = 20000 };

/* Returns how many were written. */
static void *write_lines(void *begun)
{
    uintptr_t written = 0;

    for (int i = 0; i < LINES; i++) {
        enum log_flood_verdict verdict = line("a", 5000);
        written += verdict == LOG_FLOOD_WRITE;
        if (verdict == LOG_FLOOD_BEGINS)
            atomic_fetch_add((atomic_int *)begun, 1);
    }
    return (void *)written;
}

START_TEST(threads_share_a_limit_and_no_line_is_lost_from_the_count)
{
    pthread_t threads[THREADS];
    struct log_flood_count count;
    atomic_int begun = 0;
    uintptr_t written = 0;
    size_t from = 0;
    limit(100);

    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, write_lines, &begun);
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        written += (uintptr_t)result;
    }

    ck_assert_uint_eq(written, 100);
    ck_assert_int_eq(atomic_load(&begun), 1);
    ck_assert(log_flood_take(&flood, 6000, &from, &count));
    ck_assert_uint_eq(count.lines, THREADS * LINES - 100);
}
END_TEST

Suite *log_flood_suite(void)
{
    Suite *suite = suite_create("common/log_flood");
    TCase *tests = tcase_create("limits");

    tcase_add_test(tests, of_a_site_so_many_lines_are_written_in_an_interval);
    tcase_add_test(tests, what_was_left_out_is_taken_once_and_when_its_interval_is_over);
    tcase_add_test(tests, without_a_limit_everything_is_written);
    tcase_add_test(tests, more_sites_than_are_remembered_are_written);
    tcase_add_test(tests, threads_share_a_limit_and_no_line_is_lost_from_the_count);
    suite_add_tcase(suite, tests);
    return suite;
}
