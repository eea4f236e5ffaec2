#include <inttypes.h>
#include <string.h>

#include "common/quantity.h"
#include "tests/common/suites.h"

static const struct {
    const char *name;
    enum quantity_unit unit;
} names[] = {
    { "retention.ms", QUANTITY_MS },
    { "leader.imbalance.check.interval.seconds", QUANTITY_SECONDS },
    { "log.retention.minutes", QUANTITY_MINUTES },
    { "log.retention.hours", QUANTITY_HOURS },
    { "segment.bytes", QUANTITY_BYTES },
    { "batch.size", QUANTITY_BYTES },
    { "buffer.memory", QUANTITY_BYTES },
    { "consumer.buffer.memory", QUANTITY_BYTES },
    { "max.request.size", QUANTITY_BYTES },
    { "log.cleaner.io.buffer.size", QUANTITY_BYTES },
    { "log.cleaner.io.max.bytes.per.second", QUANTITY_BYTES },
    { "leader.replication.throttled.rate", QUANTITY_BYTES },
    { "group.max.size", QUANTITY_PLAIN },
    { "flush.messages", QUANTITY_PLAIN },
    { "num.partitions", QUANTITY_PLAIN },
    { "ms", QUANTITY_PLAIN },
    { "", QUANTITY_PLAIN },
};

START_TEST(a_name_tells_what_its_number_counts)
{
    ck_assert_int_eq(quantity_unit_of(names[_i].name), names[_i].unit);
}
END_TEST

static bool read_text(enum quantity_unit unit, const char *text, int64_t *out)
{
    return quantity_read(unit, text, strlen(text), out);
}

static const struct {
    enum quantity_unit unit;
    const char *text;
    int64_t number;
} readings[] = {
    { QUANTITY_MS, "14d", 1209600000 },
    { QUANTITY_MS, "36h", 129600000 },
    { QUANTITY_MS, "90m", 5400000 },
    { QUANTITY_MS, "30s", 30000 },
    { QUANTITY_MS, "500ms", 500 },
    { QUANTITY_MS, "500", 500 },
    { QUANTITY_MS, "0d", 0 },
    { QUANTITY_MS, "-1", -1 },
    { QUANTITY_MS, "+7", 7 },
    { QUANTITY_MS, "14 d", 1209600000 },
    { QUANTITY_MS, "9223372036854775807", INT64_MAX },
    { QUANTITY_MS, "-9223372036854775808", INT64_MIN },
    { QUANTITY_MS, "9223372036854775s", INT64_C(9223372036854775000) },
    { QUANTITY_SECONDS, "5m", 300 },
    { QUANTITY_SECONDS, "3000ms", 3 },
    { QUANTITY_MINUTES, "7d", 10080 },
    { QUANTITY_HOURS, "7d", 168 },
    { QUANTITY_HOURS, "168", 168 },
    { QUANTITY_BYTES, "1073741824", 1073741824 },
    { QUANTITY_BYTES, "1GiB", 1073741824 },
    { QUANTITY_BYTES, "512KiB", 524288 },
    { QUANTITY_BYTES, "10MB", 10000000 },
    { QUANTITY_BYTES, "10 kB", 10000 },
    { QUANTITY_BYTES, "10KB", 10000 },
    { QUANTITY_BYTES, "3mib", 3145728 },
    { QUANTITY_BYTES, "2TiB", INT64_C(2199023255552) },
    { QUANTITY_BYTES, "2TB", INT64_C(2000000000000) },
    { QUANTITY_BYTES, "17B", 17 },
    { QUANTITY_PLAIN, "17", 17 },
};

START_TEST(numbers_are_read_with_and_without_a_unit)
{
    int64_t number = 99;

    ck_assert_msg(read_text(readings[_i].unit, readings[_i].text, &number), "%s",
                  readings[_i].text);
    ck_assert_int_eq(number, readings[_i].number);
}
END_TEST

static const struct {
    enum quantity_unit unit;
    const char *text;
} refusals[] = {
    { QUANTITY_MS, "" },
    { QUANTITY_MS, "d" },
    { QUANTITY_MS, "-" },
    { QUANTITY_MS, "- 1" },
    { QUANTITY_MS, "14x" },
    { QUANTITY_MS, "14dd" },
    { QUANTITY_MS, "14d " },
    { QUANTITY_MS, " 14d" },
    { QUANTITY_MS, "14 " },
    { QUANTITY_MS, "1 4d" },
    { QUANTITY_MS, "1d2h" },
    { QUANTITY_MS, "1.5h" },
    { QUANTITY_MS, "1,5h" },
    { QUANTITY_MS, "1e3" },
    { QUANTITY_MS, "0x10" },
    { QUANTITY_MS, "-1d" },
    { QUANTITY_MS, "1GiB" },
    { QUANTITY_MS, "14D" },
    { QUANTITY_MS, "1M" },
    { QUANTITY_MS, "forever" },
    { QUANTITY_MS, "9223372036854775808" },
    { QUANTITY_MS, "-9223372036854775809" },
    { QUANTITY_MS, "9223372036854776s" },
    { QUANTITY_MS, "106751991168d" },
    { QUANTITY_MS, "99999999999999999999d" },
    { QUANTITY_SECONDS, "1500ms" },
    { QUANTITY_MINUTES, "90s" },
    { QUANTITY_HOURS, "90m" },
    { QUANTITY_BYTES, "1d" },
    { QUANTITY_BYTES, "1G" },
    { QUANTITY_BYTES, "8388608TiB" },
    { QUANTITY_PLAIN, "1B" },
    { QUANTITY_PLAIN, "1s" },
};

START_TEST(what_is_no_whole_number_of_the_unit_is_refused)
{
    int64_t number = 99;

    ck_assert_msg(!read_text(refusals[_i].unit, refusals[_i].text, &number), "%s",
                  refusals[_i].text);
    ck_assert_int_eq(number, 99);
}
END_TEST

START_TEST(text_ends_where_its_size_says)
{
    int64_t number;

    ck_assert(quantity_read(QUANTITY_MS, "14days", 3, &number));
    ck_assert_int_eq(number, 1209600000);
    ck_assert(!quantity_read(QUANTITY_MS, "14", 0, &number));
    ck_assert(quantity_is_endless("forever and ever", 7));
    ck_assert(quantity_is_endless("Unlimited", 9));
    ck_assert(!quantity_is_endless("forevermore", 11));
    ck_assert(!quantity_is_endless("", 0));
}
END_TEST

static const struct {
    enum quantity_unit unit;
    int64_t number;
    const char *text;
} texts[] = {
    { QUANTITY_MS, 1209600000, "14d" },
    { QUANTITY_MS, 5400000, "90m" },
    { QUANTITY_MS, 30000, "30s" },
    { QUANTITY_MS, 1500, "" },
    { QUANTITY_MS, 500, "" },
    { QUANTITY_MS, 0, "" },
    { QUANTITY_MS, -1, "forever" },
    { QUANTITY_MS, -2, "" },
    { QUANTITY_MS, INT64_MAX, "forever" },
    { QUANTITY_SECONDS, 300, "5m" },
    { QUANTITY_SECONDS, 30, "" },
    { QUANTITY_MINUTES, 10080, "7d" },
    { QUANTITY_HOURS, 168, "7d" },
    { QUANTITY_HOURS, 5, "" },
    { QUANTITY_HOURS, INT64_MAX - 1, "" },
    { QUANTITY_BYTES, 1073741824, "1GiB" },
    { QUANTITY_BYTES, 524288, "512KiB" },
    { QUANTITY_BYTES, 1048588, "" },
    { QUANTITY_BYTES, -1, "unlimited" },
    { QUANTITY_PLAIN, 1024, "" },
    { QUANTITY_PLAIN, -1, "" },
};

START_TEST(people_see_the_largest_unit_that_fits)
{
    char text[32];
    int64_t again;

    ck_assert_str_eq(quantity_text(texts[_i].unit, texts[_i].number, text, sizeof text),
                     texts[_i].text);
    if (text[0] != '\0' && !quantity_is_endless(text, strlen(text))) {
        ck_assert(read_text(texts[_i].unit, text, &again));
        ck_assert_int_eq(again, texts[_i].number);
    }
}
END_TEST

START_TEST(what_is_expected_is_said_in_the_unit_of_the_option)
{
    ck_assert_str_eq(quantity_expected(QUANTITY_PLAIN, false), "an integer");
    ck_assert_str_eq(quantity_expected(QUANTITY_MS, true),
                     "a number of milliseconds, or one with ms, s, m, h or d, or forever");
    ck_assert_str_eq(quantity_expected(QUANTITY_HOURS, false),
                     "a number of hours, or one with ms, s, m, h or d");
    ck_assert_ptr_nonnull(strstr(quantity_expected(QUANTITY_BYTES, true), "unlimited"));
}
END_TEST

#define COUNT(list) (int)(sizeof(list) / sizeof *(list))

Suite *quantity_suite(void)
{
    Suite *suite = suite_create("common/quantity");
    TCase *basics = tcase_create("quantity");

    tcase_add_loop_test(basics, a_name_tells_what_its_number_counts, 0, COUNT(names));
    tcase_add_loop_test(basics, numbers_are_read_with_and_without_a_unit, 0, COUNT(readings));
    tcase_add_loop_test(basics, what_is_no_whole_number_of_the_unit_is_refused, 0,
                        COUNT(refusals));
    tcase_add_test(basics, text_ends_where_its_size_says);
    tcase_add_loop_test(basics, people_see_the_largest_unit_that_fits, 0, COUNT(texts));
    tcase_add_test(basics, what_is_expected_is_said_in_the_unit_of_the_option);
    suite_add_tcase(suite, basics);
    return suite;
}
