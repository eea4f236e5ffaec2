#include "tests/tools/suites.h"
#include "tools/kairn/command.h"

static const struct command send = {
    .noun = "thing",
    .verb = "send",
    .operands = "NAME",
    .operands_min = 1,
    .operands_max = 2,
    .connects = true,
    .text = "Send a thing.",
    .flags = { { "--count", "N", "how many" },
               { "--quick", NULL, "at once" },
               { "--size", "BYTES", "how large" } },
};

/* Parse words, which end with NULL. */
static int parse(const char **words, struct args **args)
{
    int count = 0;
    while (words[count] != NULL)
        count++;
    *args = NULL;
    return args_parse(&send, count, (char **)words, args);
}

#define WORDS(...) ((const char *[]){ __VA_ARGS__, NULL })

START_TEST(flags_and_operands_may_come_in_any_order)
{
    struct args *args;

    int status = parse(WORDS("--count", "3", "one", "--quick", "two", "--set=a=b"), &args);

    ck_assert_int_eq(status, 0);
    ck_assert_uint_eq(args_operand_count(args), 2);
    ck_assert_str_eq(args_operand(args, 1), "two");
    ck_assert_ptr_null(args_operand(args, 2));
    ck_assert_str_eq(args_value(args, "--count"), "3");
    ck_assert_str_eq(args_value(args, "--set"), "a=b");
    ck_assert(args_has(args, "--quick"));
    ck_assert(!args_json(args));
    args_free(args);
}
END_TEST

START_TEST(of_a_repeated_flag_the_last_counts_and_all_are_kept)
{
    struct args *args;

    int status = parse(WORDS("one", "--count=1", "--count", "2"), &args);

    ck_assert_int_eq(status, 0);
    ck_assert_uint_eq(args_count(args, "--count"), 2);
    ck_assert_str_eq(args_nth(args, "--count", 0), "1");
    ck_assert_str_eq(args_value(args, "--count"), "2");
    ck_assert_ptr_null(args_nth(args, "--count", 2));
    args_free(args);
}
END_TEST

START_TEST(after_two_dashes_everything_is_an_operand)
{
    struct args *args;

    int status = parse(WORDS("--", "-name", "--quick"), &args);

    ck_assert_int_eq(status, 0);
    ck_assert_str_eq(args_operand(args, 0), "-name");
    ck_assert_str_eq(args_operand(args, 1), "--quick");
    ck_assert(!args_has(args, "--quick"));
    args_free(args);
}
END_TEST

START_TEST(wrong_words_are_wrong_usage)
{
    const char **wrong[] = {
        WORDS("one", "--unknown"), WORDS("one", "-q"),      WORDS("one", "--quick=yes"),
        WORDS("one", "--count"),   WORDS("--quick"),        WORDS("one", "two", "three"),
        WORDS("one", "--coun=1"),  WORDS("one", "--countt"),
    };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct args *args;
        ck_assert_int_eq(parse(wrong[i], &args), EXIT_USAGE);
        ck_assert_ptr_null(args);
    }
}
END_TEST

START_TEST(help_is_asked_for_in_two_ways_and_beats_what_is_missing)
{
    struct args *args;

    ck_assert_int_eq(parse(WORDS("--help"), &args), -1);
    ck_assert_int_eq(parse(WORDS("-h"), &args), -1);
}
END_TEST

START_TEST(numbers_are_whole_and_within_bounds)
{
    const char *wrong[] = { "0", "11", "3x", "", "1.5", "99999999999999999999" };
    struct args *args;
    int64_t number = 0;

    ck_assert_int_eq(parse(WORDS("one", "--count", "10"), &args), 0);
    ck_assert(args_number(args, "--count", 5, 1, 10, &number));
    ck_assert_int_eq(number, 10);
    args_free(args);
    ck_assert_int_eq(parse(WORDS("one"), &args), 0);
    ck_assert(args_number(args, "--count", 5, 1, 10, &number));
    ck_assert_int_eq(number, 5);
    args_free(args);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_int_eq(parse(WORDS("one", "--count", wrong[i]), &args), 0);
        ck_assert(!args_number(args, "--count", 5, 1, 10, &number));
        args_free(args);
    }
}
END_TEST

START_TEST(numbers_of_a_flag_with_a_unit_may_have_another)
{
    const char *wrong[] = { "10s", "10", "1GiB", "10MBB", "forever" };
    struct args *args;
    int64_t number = 0;

    ck_assert_int_eq(parse(WORDS("one", "--size", "2KiB", "--timeout=2m"), &args), 0);
    ck_assert(args_number(args, "--size", 5, 11, 10000, &number));
    ck_assert_int_eq(number, 2048);
    ck_assert(args_number(args, "--timeout", 5, 1, INT32_MAX, &number));
    ck_assert_int_eq(number, 120000);
    args_free(args);
    ck_assert_int_eq(parse(WORDS("one", "--count", "2KiB"), &args), 0);
    ck_assert(!args_number(args, "--count", 5, 1, 10000, &number));
    args_free(args);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_int_eq(parse(WORDS("one", "--size", wrong[i]), &args), 0);
        ck_assert(!args_number(args, "--size", 5, 11, 10000, &number));
        args_free(args);
    }
}
END_TEST

START_TEST(a_broker_is_named_by_a_number_that_is_not_negative)
{
    const char *wrong[] = { "-1", "one", "", "1,2", "2147483648", "1k" };
    struct args *args;
    int32_t id = -1;

    ck_assert_int_eq(parse(WORDS("--", "2147483647"), &args), 0);
    ck_assert(args_broker(args, 0, &id));
    ck_assert_int_eq(id, 2147483647);
    args_free(args);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_int_eq(parse(WORDS("--", wrong[i]), &args), 0);
        ck_assert(!args_broker(args, 0, &id));
        args_free(args);
    }
}
END_TEST

Suite *args_suite(void)
{
    Suite *suite = suite_create("tools/args");
    TCase *tests = tcase_create("args");

    tcase_add_test(tests, flags_and_operands_may_come_in_any_order);
    tcase_add_test(tests, of_a_repeated_flag_the_last_counts_and_all_are_kept);
    tcase_add_test(tests, after_two_dashes_everything_is_an_operand);
    tcase_add_test(tests, wrong_words_are_wrong_usage);
    tcase_add_test(tests, help_is_asked_for_in_two_ways_and_beats_what_is_missing);
    tcase_add_test(tests, numbers_are_whole_and_within_bounds);
    tcase_add_test(tests, numbers_of_a_flag_with_a_unit_may_have_another);
    tcase_add_test(tests, a_broker_is_named_by_a_number_that_is_not_negative);
    suite_add_tcase(suite, tests);
    return suite;
}
