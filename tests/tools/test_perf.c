#include <stdlib.h>
#include <string.h>

#include "tests/tools/suites.h"
#include "tools/kairn/perf.h"

static int nothing(const struct args *args)
{
    (void)args;
    return EXIT_DONE;
}

static const struct command command = { .noun = "perf", .operands = "", .run = nothing };

static void *count_to_ten(void *context)
{
    struct perf_thread *thread = context;
    for (int i = 0; i < 10; i++)
        atomic_fetch_add(&thread->records, 1);
    return NULL;
}

static void *give_up(void *context)
{
    struct perf_thread *thread = context;
    return perf_give_up(thread, "number %u gave up", thread->index);
}

START_TEST(a_value_begins_with_its_number)
{
    unsigned char value[32], same[64];

    perf_fill(value, sizeof value);
    perf_fill(same, sizeof same);
    perf_store_number(value, UINT64_C(5) << PERF_THREAD_SHIFT | 17);

    ck_assert_uint_eq(perf_load_number(value), UINT64_C(5) << PERF_THREAD_SHIFT | 17);
    ck_assert_uint_eq(value[7], 17);
    ck_assert_mem_eq(value + PERF_NUMBER_SIZE, same + PERF_NUMBER_SIZE,
                     sizeof value - PERF_NUMBER_SIZE);
}
END_TEST

START_TEST(a_rate_may_miss_a_hundredth)
{
    ck_assert(perf_rate_met(1000, 1010));
    ck_assert(perf_rate_met(1000, 990));
    ck_assert(!perf_rate_met(1000, 989));
    ck_assert(!perf_rate_met(1000, 0));
}
END_TEST

START_TEST(a_moment_that_has_passed_is_not_waited_for)
{
    int64_t now_ns = perf_now_ns();

    ck_assert(perf_await(now_ns - 1));
    ck_assert(perf_await(now_ns + 1000000));

    ck_assert_int_ge(perf_now_ns(), now_ns + 1000000);
}
END_TEST

START_TEST(all_threads_run_to_their_end)
{
    struct perf_thread threads[3] = { { .index = 0 }, { .index = 1 }, { .index = 2 } };
    struct args *args;
    ck_assert_int_eq(args_parse(&command, 0, NULL, &args), 0);

    ck_assert_int_eq(perf_run(args, threads, 3, count_to_ten), EXIT_DONE);

    for (int i = 0; i < 3; i++)
        ck_assert_uint_eq(threads[i].records, 10);
    args_free(args);
}
END_TEST

START_TEST(one_thread_that_gives_up_fails_the_run)
{
    struct perf_thread threads[2] = { { .index = 0 }, { .index = 1 } };
    struct args *args;
    ck_assert_int_eq(args_parse(&command, 0, NULL, &args), 0);

    ck_assert_int_eq(perf_run(args, threads, 2, give_up), EXIT_FAILED);

    ck_assert_str_eq(threads[1].trouble, "number 1 gave up");
    args_free(args);
}
END_TEST

Suite *perf_suite(void)
{
    Suite *suite = suite_create("perf");
    TCase *cases = tcase_create("perf");

    tcase_add_test(cases, a_value_begins_with_its_number);
    tcase_add_test(cases, a_rate_may_miss_a_hundredth);
    tcase_add_test(cases, a_moment_that_has_passed_is_not_waited_for);
    tcase_add_test(cases, all_threads_run_to_their_end);
    tcase_add_test(cases, one_thread_that_gives_up_fails_the_run);
    suite_add_tcase(suite, cases);
    return suite;
}
