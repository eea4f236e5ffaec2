#include "tools/kairn/record_input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/tools/suites.h"
#include "tools/kairn/record_format.h"

static struct record_input input;
static klient_record_t record;

static void set_up(void)
{
    record_input_init(&input, NULL, 0);
    klient_record_init(&record);
    record.topic = "orders";
}

static void tear_down(void)
{
    record_input_fini(&input);
}

static const char *read_line(const char *line)
{
    return record_input_read(&input, line, strlen(line), &record);
}

START_TEST(a_record_is_read_with_all_that_people_write)
{
    const char *why = read_line("{\"key\":\"k\",\"value\":\"a\\u0000b\",\"partition\":3,"
                                "\"timestamp\":1700000000123,"
                                "\"headers\":{\"source\":\"test\",\"none\":null}}");

    ck_assert_msg(why == NULL, "%s", why);
    ck_assert_uint_eq(record.key_size, 1);
    ck_assert_mem_eq(record.key, "k", 1);
    ck_assert_uint_eq(record.value_size, 3);
    ck_assert_mem_eq(record.value, "a\0b", 3);
    ck_assert_int_eq(record.partition, 3);
    ck_assert_int_eq(record.timestamp, 1700000000123);
    ck_assert_uint_eq(record.header_count, 2);
    ck_assert_mem_eq(record.headers[0].key, "source", 6);
    ck_assert_mem_eq(record.headers[0].value, "test", 4);
    ck_assert_ptr_null(record.headers[1].value);
    ck_assert_str_eq(record.topic, "orders");
}
END_TEST

START_TEST(what_a_line_leaves_out_is_none_or_stays)
{
    record.partition = 7;

    ck_assert_ptr_null(read_line("{\"value\":null}"));

    ck_assert_ptr_null(record.key);
    ck_assert_ptr_null(record.value);
    ck_assert_int_eq(record.partition, 7);
    ck_assert_int_eq(record.timestamp, KLIENT_TIMESTAMP_NOW);
    ck_assert_uint_eq(record.header_count, 0);
    ck_assert_ptr_null(read_line("{\"key\":\"gone\"}"));
    ck_assert_ptr_null(record.value);
}
END_TEST

static const klient_header_t printed_headers[] = {
    { "twice", 5, "1", 1 }, { "twice", 5, "\xff", 1 }, { "none", 4, NULL, 0 }
};

static void expect_same(const klient_record_t *read, const klient_record_t *from)
{
    ck_assert_uint_eq(read->key_size, from->key_size);
    ck_assert_mem_eq(read->key, from->key, from->key_size);
    ck_assert_uint_eq(read->value_size, from->value_size);
    ck_assert_mem_eq(read->value, from->value, from->value_size);
    ck_assert_int_eq(read->partition, from->partition);
    ck_assert_int_eq(read->timestamp, from->timestamp);
    ck_assert_uint_eq(read->header_count, from->header_count);
    for (size_t i = 0; i < from->header_count; i++) {
        ck_assert_uint_eq(read->headers[i].value_size, from->headers[i].value_size);
        ck_assert_mem_eq(read->headers[i].key, from->headers[i].key, from->headers[i].key_size);
    }
}

/* Values of 0 to 7 bytes that are no UTF-8: every length of base64. */
START_TEST(what_consume_prints_is_the_record_again)
{
    static const char bytes[] = "\xff\xfe\0\x80" "abc";
    struct record_format *format = record_format_json();
    klient_record_t from = record;
    char *text = NULL;
    size_t size = 0;
    from.partition = 2;
    from.offset = 41;
    from.timestamp = 1700000000123;
    from.key = "k\xc3\xbc\0";
    from.key_size = 4;
    from.value = bytes;
    from.value_size = (size_t)_i;
    from.headers = printed_headers;
    from.header_count = 3;
    FILE *out = open_memstream(&text, &size);
    record_format_print(format, &from, out);
    fclose(out);

    const char *why = record_input_read(&input, text, size, &record);

    ck_assert_msg(why == NULL, "%s: %s", text, why);
    expect_same(&record, &from);
    ck_assert_ptr_null(record.headers[2].value);
    record_format_free(format);
    free(text);
}
END_TEST

START_TEST(headers_of_every_record_come_behind_its_own)
{
    static const klient_header_t common[] = { { "by", 2, "kairn", 5 } };
    input.common = common;
    input.common_count = 1;

    ck_assert_ptr_null(read_line("{\"value\":\"v\",\"headers\":{\"a\":\"b\"}}"));

    ck_assert_uint_eq(record.header_count, 2);
    ck_assert_mem_eq(record.headers[0].key, "a", 1);
    ck_assert_mem_eq(record.headers[1].value, "kairn", 5);
}
END_TEST

static const struct {
    const char *line, *why;
} refusals[] = {
    { "", "no JSON" },
    { "value", "no JSON" },
    { "{\"value\":\"v\"", "no JSON" },
    { "{\"value\":\"v\"} x", "no JSON" },
    { "{\"value\":\"a\",\"value\":\"b\"}", "no JSON" },
    { "[1]", "a record is a JSON object" },
    { "{}", "there is neither key nor value" },
    { "{\"valeu\":\"v\"}", "a record has no valeu" },
    { "{\"value\":{\"a\":1}}", "value is a text or null" },
    { "{\"value\":1}", "value is a text or null" },
    { "{\"key\":true,\"value\":\"v\"}", "key is a text or null" },
    { "{\"value\":\"v\",\"value_base64\":\"AA==\"}", "one too many" },
    { "{\"value_base64\":\"AA=\"}", "value_base64 is no base64" },
    { "{\"value_base64\":\"A===\"}", "value_base64 is no base64" },
    { "{\"value_base64\":\"=A==\"}", "value_base64 is no base64" },
    { "{\"value_base64\":\"AA=A\"}", "value_base64 is no base64" },
    { "{\"value_base64\":\"A-A_\"}", "value_base64 is no base64" },
    { "{\"value_base64\":null}", "value_base64 is no base64" },
    { "{\"value\":\"v\",\"partition\":-1}", "partition is a whole number from 0" },
    { "{\"value\":\"v\",\"partition\":2147483648}", "partition is a whole number from 0" },
    { "{\"value\":\"v\",\"partition\":\"1\"}", "partition is a whole number from 0" },
    { "{\"value\":\"v\",\"timestamp\":1.5}", "timestamp is a whole number" },
    { "{\"value\":\"v\",\"headers\":\"a=b\"}", "headers are an object" },
    { "{\"value\":\"v\",\"headers\":{\"a\":1}}", "the value of header a is no text" },
    { "{\"value\":\"v\",\"headers\":[{\"value\":\"b\"}]}", "a header has no key" },
    { "{\"value\":\"v\",\"headers\":[1]}", "a header is an object" },
};

START_TEST(what_is_wrong_with_a_line_is_told)
{
    const char *why = read_line(refusals[_i].line);

    ck_assert_ptr_nonnull(why);
    ck_assert_msg(strstr(why, refusals[_i].why) != NULL, "%s: %s", refusals[_i].line, why);
    ck_assert_ptr_null(read_line("{\"value\":\"the next\"}"));
}
END_TEST

Suite *record_input_suite(void)
{
    Suite *suite = suite_create("tools/record_input");
    TCase *tests = tcase_create("record_input");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_record_is_read_with_all_that_people_write);
    tcase_add_test(tests, what_a_line_leaves_out_is_none_or_stays);
    tcase_add_loop_test(tests, what_consume_prints_is_the_record_again, 0, 8);
    tcase_add_test(tests, headers_of_every_record_come_behind_its_own);
    tcase_add_loop_test(tests, what_is_wrong_with_a_line_is_told, 0,
                        sizeof refusals / sizeof *refusals);
    suite_add_tcase(suite, tests);
    return suite;
}
