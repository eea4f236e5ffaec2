#include <stdlib.h>

#include "common/hdr.h"
#include "common/rand.h"
#include "tests/common/suites.h"

enum { SAMPLES = 20000 };

static int compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

START_TEST(values_below_two_thousand_are_kept_exactly)
{
    struct hdr *hdr = hdr_new();

    for (uint64_t value = 1; value <= 2000; value++)
        hdr_record(hdr, value);

    ck_assert_uint_eq(hdr_quantile(hdr, 0.5), 1000);
    ck_assert_uint_eq(hdr_quantile(hdr, 0.99), 1980);
    ck_assert_uint_eq(hdr_quantile(hdr, 0), 1);
    ck_assert_uint_eq(hdr_quantile(hdr, 1), 2000);
    ck_assert_uint_eq(hdr->min, 1);
    ck_assert_uint_eq(hdr->max, 2000);
    ck_assert_double_eq_tol(hdr_mean(hdr), 1000.5, 1e-9);
    hdr_free(hdr);
}
END_TEST

/* Over the whole range a quantile is the sorted array's, or at most a thousandth above it. */
START_TEST(quantiles_agree_with_a_sorted_array_to_three_digits)
{
    static uint64_t values[SAMPLES];
    struct hdr *hdr = hdr_new();
    struct rand rand;
    rand_seed(&rand, 7);
    for (int i = 0; i < SAMPLES; i++) {
        values[i] = rand_u64(&rand) >> (32 + rand_below(&rand, 32));
        hdr_record(hdr, values[i]);
    }
    qsort(values, SAMPLES, sizeof *values, compare);

    for (int i = 1; i <= SAMPLES; i += 7) {
        uint64_t exact = values[i - 1], told = hdr_quantile(hdr, (double)i / SAMPLES);
        ck_assert_uint_ge(told, exact);
        ck_assert_uint_le(told, exact + exact / 1000);
    }

    hdr_free(hdr);
}
END_TEST

START_TEST(what_is_too_large_counts_as_the_largest)
{
    struct hdr *hdr = hdr_new();

    hdr_record(hdr, UINT64_MAX);
    hdr_record(hdr, HDR_VALUE_MAX);

    ck_assert_uint_eq(hdr->count, 2);
    ck_assert_uint_eq(hdr_quantile(hdr, 0.5), HDR_VALUE_MAX);
    ck_assert_uint_eq(hdr->max, UINT64_MAX);
    hdr_free(hdr);
}
END_TEST

START_TEST(a_quantile_needs_a_hundred_samples_beyond_it)
{
    struct hdr *hdr = hdr_new();

    for (int i = 0; i < 9999; i++)
        hdr_record(hdr, 5);
    ck_assert(hdr_supports(hdr, 0.5));
    ck_assert(!hdr_supports(hdr, 0.99));
    hdr_record(hdr, 5);

    ck_assert(hdr_supports(hdr, 0.99));
    ck_assert(!hdr_supports(hdr, 0.999));
    hdr_free(hdr);
}
END_TEST

START_TEST(two_histograms_add_up)
{
    struct hdr *both = hdr_new(), *other = hdr_new();
    for (uint64_t value = 1; value <= 100; value++)
        hdr_record(value % 2 ? both : other, value);

    hdr_add(both, other);

    ck_assert_uint_eq(both->count, 100);
    ck_assert_uint_eq(hdr_quantile(both, 0.5), 50);
    ck_assert_uint_eq(both->max, 100);
    hdr_free(both);
    hdr_free(other);
}
END_TEST

START_TEST(an_empty_one_has_no_quantiles)
{
    struct hdr *hdr = hdr_new();

    ck_assert_uint_eq(hdr_quantile(hdr, 0.99), 0);
    ck_assert(!hdr_supports(hdr, 0.5));
    ck_assert_double_eq(hdr_mean(hdr), 0);
    hdr_free(hdr);
}
END_TEST

Suite *hdr_suite(void)
{
    Suite *suite = suite_create("hdr");
    TCase *cases = tcase_create("hdr");

    tcase_add_test(cases, values_below_two_thousand_are_kept_exactly);
    tcase_add_test(cases, quantiles_agree_with_a_sorted_array_to_three_digits);
    tcase_add_test(cases, what_is_too_large_counts_as_the_largest);
    tcase_add_test(cases, a_quantile_needs_a_hundred_samples_beyond_it);
    tcase_add_test(cases, two_histograms_add_up);
    tcase_add_test(cases, an_empty_one_has_no_quantiles);
    suite_add_tcase(suite, cases);
    return suite;
}
