#include <stdlib.h>
#include <string.h>

#include "common/json_check.h"
#include "tests/common/suites.h"

static bool check(const char *text, struct json_fault *fault)
{
    return json_check((const uint8_t *)text, strlen(text), fault);
}

START_TEST(every_kind_of_value_is_a_text)
{
    static const char *const texts[] = {
        "{}", "[]", "\"\"", "true", "false", "null", "0", "-0", "12", "-1.5", "1e9", "1E+2",
        "0.5e-3",
        " [ 1 , 2 ] ", "\t{\r\n\"a\" : [ { \"b\" : null } , \"c\" ] , \"a\":0}\n",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD800\"", "\"\xc3\xa9\xf0\x9f\x98\x80\x7f\"",
        "123456789012345678901234567890", "1e999", "[[[[]]],{}]",
    };
    struct json_fault fault;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        ck_assert_msg(check(texts[i], &fault), "%s: %zu: %s", texts[i], fault.at, fault.what);
}
END_TEST

START_TEST(what_is_no_text_is_refused_where_it_goes_wrong)
{
    static const struct { const char *text; size_t at; } bad[] = {
        { "", 0 },           { "  ", 2 },         { "nul", 3 },         { "True", 0 },
        { "1 2", 2 },        { "01", 1 },         { "-", 1 },           { "1.", 2 },
        { ".5", 0 },         { "1e", 2 },         { "1e+", 3 },         { "+1", 0 },
        { "0x10", 1 },       { "NaN", 0 },        { "Infinity", 0 },    { "'a'", 0 },
        { "\"a", 2 },        { "\"\n\"", 1 },     { "\"\\x\"", 2 },     { "\"\\u12g4\"", 5 },
        { "\"\\u12", 5 },    { "\"\\", 2 },       { "\"\xc3\"", 1 },    { "\"\xed\xa0\x80\"", 1 },
        { "[", 1 },          { "[1", 2 },         { "[1,]", 3 },        { "[,1]", 1 },
        { "[1 2]", 3 },      { "]", 0 },          { "[}", 1 },          { "{", 1 },
        { "{]", 1 },         { "{\"a\"}", 4 },    { "{\"a\":}", 5 },    { "{\"a\":1,}", 7 },
        { "{a:1}", 1 },      { "{\"a\":1]", 6 },  { "{1:1}", 1 },       { "[1]]", 3 },
        { "\xef\xbb\xbf{}", 0 }, { "// no\n1", 0 }, { "{\"a\" 1}", 5 },
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct json_fault fault = { 0, NULL };

        ck_assert_msg(!check(bad[i].text, &fault), "%s", bad[i].text);
        ck_assert_msg(fault.at == bad[i].at, "%s: %zu", bad[i].text, fault.at);
        ck_assert_ptr_nonnull(fault.what);
    }
}
END_TEST

START_TEST(a_zero_byte_is_never_part_of_a_text)
{
    struct json_fault fault;

    ck_assert(!json_check((const uint8_t *)"1\0", 2, &fault));
    ck_assert(!json_check((const uint8_t *)"\"\0\"", 3, &fault));
    ck_assert(!json_check((const uint8_t *)"\"\\\0\"", 4, &fault));
    ck_assert(!json_check((const uint8_t *)"\"\\u000\0\"", 8, &fault));
    ck_assert_uint_eq(fault.at, 6);
}
END_TEST

/* `depth` arrays and objects by turns within each other. */
static char *nested(size_t depth)
{
    char *text = malloc(6 * depth + 2), *at = text;

    for (size_t i = 0; i < depth; i++)
        at = stpcpy(at, i % 2 == 0 ? "[" : "{\"a\":");
    *at++ = '0';
    for (size_t i = depth; i-- > 0;)
        *at++ = i % 2 == 0 ? ']' : '}';
    *at = '\0';
    return text;
}

START_TEST(nesting_has_a_bound)
{
    struct json_fault fault;
    char *deep = nested(JSON_DEPTH_MAX), *deeper = nested(JSON_DEPTH_MAX + 1);

    ck_assert(check(deep, &fault));
    ck_assert(!check(deeper, &fault));
    ck_assert_ptr_nonnull(strstr(fault.what, "too deep"));

    free(deep);
    free(deeper);
}
END_TEST

Suite *json_check_suite(void)
{
    Suite *suite = suite_create("common/json_check");
    TCase *tcase = tcase_create("json_check");

    tcase_add_test(tcase, every_kind_of_value_is_a_text);
    tcase_add_test(tcase, what_is_no_text_is_refused_where_it_goes_wrong);
    tcase_add_test(tcase, a_zero_byte_is_never_part_of_a_text);
    tcase_add_test(tcase, nesting_has_a_bound);
    suite_add_tcase(suite, tcase);
    return suite;
}
