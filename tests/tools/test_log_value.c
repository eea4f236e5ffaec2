#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/tools/suites.h"
#include "tools/kairn/log_value.h"

static const struct {
    const char *type;
    const char *bytes;
    size_t size;
    bool json;
    const char *printed;
} values[] = {
    { "string", "a \"b\"\n\xc3\xa4", 8, false, "\"a \\\"b\\\"\\n\xc3\xa4\"" },
    { "string", "\xff\x01", 2, false, "\"hex:ff01\"" },
    { "string", "", 0, true, "\"\"" },
    { "int32", "\xff\xff\xff\xfe", 4, true, "-2" },
    { "int32", "\x00\x01", 2, true, "\"hex:0001\"" },
    { "int64", "\x00\x00\x00\x01\x00\x00\x00\x00", 8, false, "4294967296" },
    { "int64", "", 0, false, "\"hex:\"" },
    { "double", "\x40\x09\x21\xfb\x54\x44\x2d\x18", 8, true, "3.1415926535897931" },
    { "double", "\x7f\xf0\x00\x00\x00\x00\x00\x00", 8, true, "\"inf\"" },
    { "double", "\x7f\xf0\x00\x00\x00\x00\x00\x00", 8, false, "inf" },
    { "uuid", "01234567-89ab-cdef-0123-456789abcdef", 36, true,
      "\"01234567-89ab-cdef-0123-456789abcdef\"" },
    { "uuid", "\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef", 16, true,
      "\"01234567-89ab-cdef-0123-456789abcdef\"" },
    { "uuid", "01234567+89ab-cdef-0123-456789abcdef", 36, true,
      "\"hex:30313233343536372b383961622d636465662d303132332d343536373839616263646566\"" },
    { "bytes", "\x00\xffz", 3, true, "\"00ff7a\"" },
    { "json", " {\"a\": [1, 2.5, null]}\n", 23, true, "{\"a\":[1,2.5,null]}" },
    { "json", "17", 2, false, "17" },
    { "json", "{\"a\":", 5, true, "\"hex:7b2261223a\"" },
};

START_TEST(values_are_printed_by_their_type)
{
    char *text = NULL;
    size_t size;
    log_dump_value *print = log_value_find(values[_i].type);
    ck_assert_ptr_nonnull(print);

    FILE *out = open_memstream(&text, &size);
    print(out, (const uint8_t *)values[_i].bytes, values[_i].size, values[_i].json);
    fclose(out);

    ck_assert_str_eq(text, values[_i].printed);
    free(text);
}
END_TEST

START_TEST(other_types_are_not_known)
{
    ck_assert_ptr_null(log_value_find("int16"));
    ck_assert_ptr_null(log_value_find(""));
}
END_TEST

Suite *log_value_suite(void)
{
    Suite *suite = suite_create("tools/log_value");
    TCase *tests = tcase_create("log_value");

    tcase_add_loop_test(tests, values_are_printed_by_their_type, 0,
                        (int)(sizeof values / sizeof *values));
    tcase_add_test(tests, other_types_are_not_known);
    suite_add_tcase(suite, tests);
    return suite;
}
