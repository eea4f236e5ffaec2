#include <string.h>

#include "common/error.h"
#include "common/pattern.h"
#include "tests/common/suites.h"

static bool matches(const char *text, const char *name)
{
    struct pattern *pattern;
    bool result = false;

    ck_assert_int_eq(pattern_new(text, &pattern, NULL), 0);
    ck_assert_int_eq(pattern_matches(pattern, name, &result), 0);
    pattern_free(pattern);
    return result;
}

START_TEST(the_whole_name_is_matched)
{
    ck_assert(matches("orders", "orders"));
    ck_assert(!matches("orders", "orders-eu"));
    ck_assert(!matches("orders", "old-orders"));
    ck_assert(matches("orders.*", "orders-eu"));
    ck_assert(matches("^orders$", "orders"));
}
END_TEST

START_TEST(of_alternatives_the_one_that_reaches_to_the_end_counts)
{
    ck_assert(matches("a|ab", "ab"));
    ck_assert(matches("(a|ab)(c|bcd)", "abcd"));
    ck_assert(!matches("a|b", "ab"));
}
END_TEST

START_TEST(an_error_says_what_and_where)
{
    struct pattern *pattern;
    struct k_reason reason;

    ck_assert_int_eq(pattern_new("ab(c", &pattern, &reason), K_INVALID_REGULAR_EXPRESSION);
    ck_assert_str_eq(reason.text, "missing closing parenthesis, at character 5");
}
END_TEST

START_TEST(what_explodes_is_given_up)
{
    struct pattern *pattern;
    bool result;

    ck_assert_int_eq(pattern_new("(a+a+)+[bc]", &pattern, NULL), 0);
    ck_assert_int_eq(pattern_matches(pattern, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                                     &result),
                     K_INVALID_REGULAR_EXPRESSION);
    ck_assert_int_eq(pattern_matches(pattern, "aab", &result), 0);
    ck_assert(result);
    pattern_free(pattern);
}
END_TEST

START_TEST(what_is_too_large_is_not_compiled)
{
    static char text[60001];
    struct pattern *pattern;

    memset(text, '(', sizeof text - 1);
    ck_assert_int_eq(pattern_new(text, &pattern, NULL), K_INVALID_REGULAR_EXPRESSION);
    ck_assert_int_eq(pattern_new("((((a{9999}){9999}){9999}){9999})", &pattern, NULL),
                     K_INVALID_REGULAR_EXPRESSION);
}
END_TEST

Suite *pattern_suite(void)
{
    Suite *suite = suite_create("common/pattern");
    TCase *tcase = tcase_create("pattern");

    tcase_add_test(tcase, the_whole_name_is_matched);
    tcase_add_test(tcase, of_alternatives_the_one_that_reaches_to_the_end_counts);
    tcase_add_test(tcase, an_error_says_what_and_where);
    tcase_add_test(tcase, what_explodes_is_given_up);
    tcase_add_test(tcase, what_is_too_large_is_not_compiled);
    suite_add_tcase(suite, tcase);
    return suite;
}
