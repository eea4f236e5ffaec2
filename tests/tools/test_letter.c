#include "tools/kairn/letter.h"

#include <stdlib.h>
#include <string.h>

#include "tests/tools/suites.h"

#define HEADER(key, value) { key, sizeof key - 1, value, sizeof value - 1 }

static const klient_header_t headers[] = {
    HEADER("trace", "7"),
    HEADER("klient.dlq.topic", "orders"),
    HEADER("klient.dlq.partition", "3"),
    HEADER("klient.dlq.offset", "1234"),
    HEADER("klient.dlq.timestamp", "1700000000123"),
    HEADER("klient.dlq.group", "workers"),
    HEADER("klient.dlq.error", "no such customer"),
    HEADER("klient.dlq.attempts", "4"),
};
enum { HEADERS = sizeof headers / sizeof headers[0] };

static klient_record_t by_headers(void)
{
    klient_record_t record;

    klient_record_init(&record);
    record.topic = "orders.dlq";
    record.partition = 1;
    record.offset = 17;
    record.timestamp = 1800000000000;
    record.key = "k";
    record.key_size = 1;
    record.value = "v";
    record.value_size = 1;
    record.headers = headers;
    record.header_count = HEADERS;
    return record;
}

static klient_record_t by_envelope(const char *text)
{
    klient_record_t record = by_headers();

    record.headers = NULL;
    record.header_count = 0;
    record.value = text;
    record.value_size = strlen(text);
    return record;
}

#define FACTS                                                                                      \
    "{\"topic\":\"orders\",\"partition\":3,\"offset\":1234,\"timestamp\":1700000000123,"           \
    "\"group\":\"workers\",\"error\":\"no such customer\",\"attempts\":4,"

static void expect_facts(const struct letter *letter)
{
    ck_assert_str_eq(letter->topic, "orders");
    ck_assert_str_eq(letter->group, "workers");
    ck_assert_str_eq(letter->error, "no such customer");
    ck_assert_int_eq(letter->attempts, 4);
    ck_assert_int_eq(letter->record.partition, 3);
    ck_assert_int_eq(letter->record.offset, 1234);
    ck_assert_int_eq(letter->record.timestamp, 1700000000123);
}

START_TEST(a_dead_letter_with_headers_is_the_record_without_them)
{
    klient_record_t from = by_headers();
    struct letter letter;

    ck_assert(letter_read(&from, &letter));
    expect_facts(&letter);
    ck_assert_uint_eq(letter.record.header_count, 1);
    ck_assert_mem_eq(letter.record.headers[0].key, "trace", 5);
    ck_assert_mem_eq(letter.record.value, "v", 1);
    letter_free(&letter);
}
END_TEST

START_TEST(a_record_that_lacks_one_of_the_headers_is_no_dead_letter)
{
    klient_header_t some[HEADERS];
    struct letter letter;

    for (int left_out = 1; left_out < HEADERS; left_out++) {
        klient_record_t from = by_headers();
        memcpy(some, headers, sizeof headers);
        memmove(&some[left_out], &some[left_out + 1],
                (size_t)(HEADERS - left_out - 1) * sizeof some[0]);
        from.headers = some;
        from.header_count = HEADERS - 1;
        ck_assert(!letter_read(&from, &letter));
    }
}
END_TEST

START_TEST(nonsense_in_the_headers_is_no_dead_letter)
{
    static const struct { int header; const char *value; } cases[] = {
        { 2, "-1" }, { 2, "3x" }, { 2, "" }, { 2, "2147483648" }, { 3, "99999999999999999999" },
        { 3, " 1" }, { 7, "-1" }, { 4, "-2" }, { 1, "\xff" }, { 6, "\xc0\x80" },
    };
    struct letter letter;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        klient_header_t some[HEADERS];
        klient_record_t from = by_headers();
        memcpy(some, headers, sizeof headers);
        some[cases[i].header].value = cases[i].value;
        some[cases[i].header].value_size = strlen(cases[i].value);
        from.headers = some;
        ck_assert_msg(!letter_read(&from, &letter), "%s", cases[i].value);
    }
}
END_TEST

START_TEST(an_envelope_is_opened)
{
    klient_record_t from = by_envelope(
        FACTS "\"key\":null,\"value_base64\":\"AP/+\",\"headers\":[{\"key\":\"trace\","
              "\"value\":\"7\"},{\"key\":\"none\",\"value\":null}]}");
    struct letter letter;

    ck_assert(letter_read(&from, &letter));
    expect_facts(&letter);
    ck_assert_ptr_null(letter.record.key);
    ck_assert_uint_eq(letter.record.value_size, 3);
    ck_assert_mem_eq(letter.record.value, "\0\xff\xfe", 3);
    ck_assert_uint_eq(letter.record.header_count, 2);
    ck_assert_mem_eq(letter.record.headers[0].value, "7", 1);
    ck_assert_ptr_null(letter.record.headers[1].value);
    letter_free(&letter);
}
END_TEST

START_TEST(a_dead_letter_that_lacks_some_of_the_record_says_so)
{
    klient_header_t more[HEADERS + 2] = { [HEADERS] = HEADER("klient.dlq.value.size", "4000"),
                                          HEADER("klient.dlq.key.size", "300") };
    klient_record_t from = by_headers();
    struct letter letter;

    ck_assert(letter_read(&from, &letter));
    ck_assert_int_eq(letter.left_out, 0);
    letter_free(&letter);
    memcpy(more, headers, sizeof headers);
    from.headers = more;
    from.header_count = HEADERS + 2;
    ck_assert(letter_read(&from, &letter));
    ck_assert_int_eq(letter.left_out, 4300);
    letter_free(&letter);
    from = by_envelope(FACTS "\"key\":null,\"key_size\":300,\"value\":null,\"value_size\":4000,"
                             "\"headers_size\":20,\"headers\":[]}");
    ck_assert(letter_read(&from, &letter));
    ck_assert_int_eq(letter.left_out, 4320);
    letter_free(&letter);
}
END_TEST

START_TEST(base64_of_every_length_is_read)
{
    static const struct { const char *text, *bytes; } cases[] = {
        { "", "" }, { "YQ==", "a" }, { "YWI=", "ab" }, { "YWJj", "abc" }, { "YWJjZA==", "abcd" },
    };
    char text[512];
    struct letter letter;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(text, sizeof text, FACTS "\"key\":null,\"value_base64\":\"%s\",\"headers\":[]}",
                 cases[i].text);
        klient_record_t from = by_envelope(text);
        ck_assert(letter_read(&from, &letter));
        ck_assert_uint_eq(letter.record.value_size, strlen(cases[i].bytes));
        ck_assert_mem_eq(letter.record.value, cases[i].bytes, letter.record.value_size);
        letter_free(&letter);
    }
}
END_TEST

START_TEST(nonsense_is_no_envelope)
{
    static const char *const cases[] = {
        "", "{", "[]", "null", "{}", FACTS "\"key\":null,\"value\":null}",
        FACTS "\"key\":null,\"headers\":[]}", FACTS "\"key\":7,\"value\":null,\"headers\":[]}",
        FACTS "\"key\":null,\"value_base64\":\"A\",\"headers\":[]}",
        FACTS "\"key\":null,\"value_base64\":\"A===\",\"headers\":[]}",
        FACTS "\"key\":null,\"value_base64\":\"AA!=\",\"headers\":[]}",
        FACTS "\"key\":null,\"value\":null,\"headers\":{}}",
        FACTS "\"key\":null,\"value\":null,\"headers\":[7]}",
        FACTS "\"key\":null,\"value\":null,\"headers\":[{\"key\":null,\"value\":null}]}",
        ("{\"topic\":\"t\",\"partition\":-3,\"offset\":1,\"timestamp\":1,\"group\":\"\","
         "\"error\":\"\",\"attempts\":1,\"key\":null,\"value\":null,\"headers\":[]}"),
    };
    struct letter letter;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        klient_record_t from = by_envelope(cases[i]);
        ck_assert_msg(!letter_read(&from, &letter), "%s", cases[i]);
    }
    klient_record_t from = by_envelope("");
    from.value = NULL;
    ck_assert(!letter_read(&from, &letter));
}
END_TEST

START_TEST(a_filter_lets_pass_what_fits_all_of_it)
{
    static const struct { struct letter_filter filter; bool passes; } cases[] = {
        { { NULL, NULL, NULL, NULL, -1, -1 }, true },
        { { "orders", "workers", "customer", "k", 1800000000000, 1800000000001 }, true },
        { { "order", NULL, NULL, NULL, -1, -1 }, false },
        { { NULL, "worker", NULL, NULL, -1, -1 }, false },
        { { NULL, NULL, "payment", NULL, -1, -1 }, false },
        { { NULL, NULL, NULL, "kk", -1, -1 }, false },
        { { NULL, NULL, NULL, NULL, 1800000000001, -1 }, false },
        { { NULL, NULL, NULL, NULL, -1, 1800000000000 }, false },
    };
    klient_record_t from = by_headers();
    struct letter letter;

    ck_assert(letter_read(&from, &letter));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_assert_int_eq(letter_filter_passes(&cases[i].filter, &from, &letter), cases[i].passes);
        ck_assert_int_eq(letter_filter_is_open(&cases[i].filter), i == 0);
        for (size_t j = 0; j < i; j++)
            ck_assert_uint_ne(letter_filter_hash(&cases[i].filter),
                              letter_filter_hash(&cases[j].filter));
    }
    letter_free(&letter);
}
END_TEST

Suite *letter_suite(void)
{
    Suite *suite = suite_create("tools/letter");
    TCase *letters = tcase_create("letters");

    tcase_add_test(letters, a_dead_letter_with_headers_is_the_record_without_them);
    tcase_add_test(letters, a_record_that_lacks_one_of_the_headers_is_no_dead_letter);
    tcase_add_test(letters, nonsense_in_the_headers_is_no_dead_letter);
    tcase_add_test(letters, an_envelope_is_opened);
    tcase_add_test(letters, a_dead_letter_that_lacks_some_of_the_record_says_so);
    tcase_add_test(letters, base64_of_every_length_is_read);
    tcase_add_test(letters, nonsense_is_no_envelope);
    tcase_add_test(letters, a_filter_lets_pass_what_fits_all_of_it);
    suite_add_tcase(suite, letters);
    return suite;
}
