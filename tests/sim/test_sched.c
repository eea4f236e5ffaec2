#include "tests/sim/sched.h"

#include <stdlib.h>

#include "tests/sim/suites.h"

struct seen { int count, values[64]; };

static void note(void *context, void *payload)
{
    struct seen *seen = context;
    seen->values[seen->count++] = *(int *)payload;
    free(payload);
}

static int *number(int value)
{
    int *payload = sched_payload(sizeof *payload);
    *payload = value;
    return payload;
}

static struct seen run(uint64_t seed, int64_t step_us)
{
    struct sched sched;
    struct seen seen = {0};

    sched_init(&sched, seed);
    for (int i = 0; i < 32; i++)
        sched_at(&sched, 1000 - i * step_us, note, &seen, number(i));
    while (sched_next(&sched, 2000))
        ;
    ck_assert_int_eq(sched.fired, 32);
    sched_fini(&sched);
    return seen;
}

START_TEST(events_happen_in_order_of_time)
{
    struct seen seen = run(1, 10);

    for (int i = 0; i < 32; i++)
        ck_assert_int_eq(seen.values[i], 31 - i);
}
END_TEST

START_TEST(the_seed_breaks_ties_always_in_the_same_way)
{
    struct seen first = run(1, 0), again = run(1, 0), other = run(2, 0);

    ck_assert_mem_eq(&first, &again, sizeof first);
    ck_assert_mem_ne(&first, &other, sizeof first);
}
END_TEST

START_TEST(what_is_later_than_asked_for_waits)
{
    struct sched sched;
    struct seen seen = {0};
    sched_init(&sched, 1);
    sched_at(&sched, 100, note, &seen, number(1));

    ck_assert(!sched_next(&sched, 99));
    ck_assert_int_eq(seen.count, 0);
    ck_assert(sched_next(&sched, 100));
    ck_assert_int_eq(sched.now_us, 100);

    sched_at(&sched, 500, note, &seen, number(2));
    sched_fini(&sched); /* frees what never happened */
}
END_TEST

Suite *sched_suite(void)
{
    Suite *suite = suite_create("sched");
    TCase *tcase = tcase_create("sched");
    tcase_add_test(tcase, events_happen_in_order_of_time);
    tcase_add_test(tcase, the_seed_breaks_ties_always_in_the_same_way);
    tcase_add_test(tcase, what_is_later_than_asked_for_waits);
    suite_add_tcase(suite, tcase);
    return suite;
}
