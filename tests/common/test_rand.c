#include <string.h>

#include "common/rand.h"
#include "tests/common/suites.h"

START_TEST(same_seed_gives_the_same_numbers_for_ever)
{
    struct rand first, second, other;
    rand_seed(&first, 1);
    rand_seed(&second, 1);
    rand_seed(&other, 2);

    for (int i = 0; i < 100; i++) {
        uint64_t number = rand_u64(&first);
        ck_assert_uint_eq(number, rand_u64(&second));
        ck_assert_uint_ne(number, rand_u64(&other));
    }
}
END_TEST

/* What the reference code of xoshiro256** gives from the state 1, 2, 3, 4. */
START_TEST(numbers_are_those_of_the_published_generator)
{
    struct rand rand = { { 1, 2, 3, 4 } };

    ck_assert_uint_eq(rand_u64(&rand), UINT64_C(11520));
    ck_assert_uint_eq(rand_u64(&rand), UINT64_C(0));
    ck_assert_uint_eq(rand_u64(&rand), UINT64_C(1509978240));
    ck_assert_uint_eq(rand_u64(&rand), UINT64_C(1215971899390074240));
}
END_TEST

START_TEST(numbers_below_a_bound_are_even_enough)
{
    struct rand rand;
    int counts[7] = { 0 };
    rand_seed(&rand, 12);

    for (int i = 0; i < 70000; i++)
        counts[rand_below(&rand, 7)]++;

    for (int i = 0; i < 7; i++) {
        ck_assert_int_gt(counts[i], 9500);
        ck_assert_int_lt(counts[i], 10500);
    }
    ck_assert_uint_eq(rand_below(&rand, 1), 0);
    ck_assert_uint_lt(rand_below(&rand, UINT64_MAX), UINT64_MAX);
}
END_TEST

START_TEST(system_seeds_differ)
{
    struct rand first, second;

    rand_seed_from_system(&first);
    rand_seed_from_system(&second);

    ck_assert_mem_ne(&first, &second, sizeof first);
}
END_TEST

Suite *rand_suite(void)
{
    Suite *suite = suite_create("common/rand");
    TCase *basics = tcase_create("basics");

    tcase_add_test(basics, same_seed_gives_the_same_numbers_for_ever);
    tcase_add_test(basics, numbers_are_those_of_the_published_generator);
    tcase_add_test(basics, numbers_below_a_bound_are_even_enough);
    tcase_add_test(basics, system_seeds_differ);
    suite_add_tcase(suite, basics);
    return suite;
}
