#include "tools/kairn/record_format.h"

#include <stdlib.h>
#include <string.h>

#include "tests/tools/suites.h"

static const klient_header_t headers[] = {
    { "source", 6, "test", 4 },
    { "none", 4, NULL, 0 },
};

static klient_record_t a_record(void)
{
    klient_record_t record;
    klient_record_init(&record);
    record.topic = "orders";
    record.partition = 3;
    record.offset = 41;
    record.timestamp = 1700000000123;
    record.key = "k";
    record.key_size = 1;
    record.value = "a\0b";
    record.value_size = 3;
    record.headers = headers;
    record.header_count = 2;
    return record;
}

/* What a format prints of a record; freed by the caller. Takes the format. */
static char *printed(struct record_format *format, const klient_record_t *record, size_t *size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    ck_assert_ptr_nonnull(out);
    record_format_print(format, record, out);
    fclose(out);
    record_format_free(format);
    return text;
}

static void expect(const char *text, const klient_record_t *record, const void *expected,
                   size_t expected_size)
{
    const char *why = NULL;
    size_t size;
    struct record_format *format = record_format_parse(text, &why);
    ck_assert_msg(format != NULL, "%s", why);

    char *got = printed(format, record, &size);

    ck_assert_uint_eq(size, expected_size);
    ck_assert_mem_eq(got, expected, size);
    free(got);
}

#define EXPECT(format, record, expected) expect(format, record, expected, sizeof expected - 1)

START_TEST(every_field_is_printed_and_bytes_stay_bytes)
{
    klient_record_t record = a_record();

    EXPECT("%t %p %o %T %k %v %h %K %S\\n", &record,
           "orders 3 41 1700000000123 k a\0b source=test,none= 1 3\n");
    EXPECT("", &record, "");
    EXPECT("100%%\\t\\r\\0\\\\.", &record, "100%\t\r\0\\.");
}
END_TEST

START_TEST(null_and_empty_differ_in_their_sizes)
{
    klient_record_t record = a_record();
    record.key = NULL;
    record.key_size = 0;
    record.value_size = 0;

    EXPECT("[%k][%v] %K %S", &record, "[][] -1 0");
}
END_TEST

START_TEST(a_wrong_format_says_what_may_follow)
{
    const char *wrong[] = { "%", "%x", "a%", "\\", "\\x", "%t\\" };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *why = NULL;
        ck_assert_ptr_null(record_format_parse(wrong[i], &why));
        ck_assert_ptr_nonnull(strstr(why, "comes"));
    }
}
END_TEST

START_TEST(json_keeps_what_is_text_and_encodes_what_is_not)
{
    klient_record_t record = a_record();
    size_t size;
    record.key = "\xff\xfe";
    record.key_size = 2;

    char *got = printed(record_format_json(), &record, &size);

    ck_assert_str_eq(got, "{\"topic\":\"orders\",\"partition\":3,\"offset\":41,"
                          "\"timestamp\":1700000000123,\"timestamp_type\":\"create\","
                          "\"key_base64\":\"//4=\",\"value\":\"a\\u0000b\",\"headers\":["
                          "{\"key\":\"source\",\"value\":\"test\"},"
                          "{\"key\":\"none\",\"value\":null}],\"leader_epoch\":-1}\n");
    free(got);
}
END_TEST

Suite *record_format_suite(void)
{
    Suite *suite = suite_create("tools/record_format");
    TCase *tests = tcase_create("record_format");

    tcase_add_test(tests, every_field_is_printed_and_bytes_stay_bytes);
    tcase_add_test(tests, null_and_empty_differ_in_their_sizes);
    tcase_add_test(tests, a_wrong_format_says_what_may_follow);
    tcase_add_test(tests, json_keeps_what_is_text_and_encodes_what_is_not);
    suite_add_tcase(suite, tests);
    return suite;
}
