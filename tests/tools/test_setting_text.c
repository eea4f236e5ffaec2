#include "tests/tools/suites.h"
#include "tools/kairn/setting_text.h"

static const struct {
    const char *name, *value, *text;
} rows[] = {
    { "retention.ms", "1209600000", "1209600000 (14d)" },
    { "retention.ms", "-1", "-1 (forever)" },
    { "retention.ms", "1500", "1500" },
    { "segment.bytes", "1073741824", "1073741824 (1GiB)" },
    { "segment.bytes", "1GiB", "1GiB" },
    { "retention.bytes", "-1", "-1 (unlimited)" },
    { "flush.messages", "9223372036854775807", "9223372036854775807" },
    { "compression.gzip.level", "-1", "-1" },
    { "broker.rack", "", "-" },
    { "cleanup.policy", "delete", "delete" },
};

START_TEST(people_see_times_and_sizes_beside_the_number)
{
    char text[64];

    ck_assert_str_eq(setting_text(text, sizeof text, rows[_i].name, rows[_i].value), rows[_i].text);
}
END_TEST

Suite *setting_text_suite(void)
{
    Suite *suite = suite_create("tools/setting_text");
    TCase *tests = tcase_create("setting_text");

    tcase_add_loop_test(tests, people_see_times_and_sizes_beside_the_number, 0,
                        sizeof rows / sizeof *rows);
    suite_add_tcase(suite, tests);
    return suite;
}
