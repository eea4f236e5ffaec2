#include "tests/tools/suites.h"
#include "tools/kairn/moment.h"

START_TEST(a_time_is_a_date_maybe_with_a_time_and_utc_without_a_zone)
{
    static const struct {
        const char *text;
        int64_t ms;
    } times[] = {
        { "@0", 0 },
        { "@1766500000123", 1766500000123 },
        { "1970-01-01", 0 },
        { "2024-02-29", 1709164800000 },
        { "2026-11-29T13:05", 1795957500000 },
        { "2026-11-29 13:05", 1795957500000 },
        { "2026-11-29T13:05:07", 1795957507000 },
        { "2026-11-29T13:05:07.1", 1795957507100 },
        { "2026-11-29T13:05:07.123456", 1795957507123 },
        { "2026-11-29T13:05Z", 1795957500000 },
        { "2026-11-29T13:05+01:00", 1795953900000 },
        { "2026-11-29T13:05:07.123-0730", 1795984507123 },
    };

    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        int64_t ms = -1;
        ck_assert_msg(moment_read(times[i].text, &ms), "%s", times[i].text);
        ck_assert_msg(ms == times[i].ms, "%s: %lld", times[i].text, (long long)ms);
    }
}
END_TEST

START_TEST(what_is_no_time_is_refused)
{
    static const char *const wrong[] = {
        "", "@", "@-1", "@12x", "2026", "2026-11", "2026-13-01", "2026-00-10", "2026-11-31",
        "2025-02-29", "1969-12-31", "2026-11-29T", "2026-11-29T13", "2026-11-29T24:00",
        "2026-11-29T13:60", "2026-11-29T13:05:60", "2026-11-29T13:05:07.", "2026-11-29T13:05+1",
        "2026-11-29T13:05+19:00", "2026-11-29T13:05Zulu", "2026-11-29x", "yesterday",
        "1970-01-01T00:00+01:00",
    };
    int64_t ms = 77;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        ck_assert_msg(!moment_read(wrong[i], &ms), "%s", wrong[i]);
    ck_assert_int_eq(ms, 77);
}
END_TEST

START_TEST(a_duration_is_written_as_people_do_or_as_in_iso_8601)
{
    static const struct {
        const char *text;
        int64_t ms;
    } durations[] = {
        { "500ms", 500 },         { "90s", 90000 },          { "2h30m", 9000000 },
        { "2h 30m", 9000000 },    { "1d", 86400000 },        { "1w2d", 777600000 },
        { "1.5h", 5400000 },      { "5min", 300000 },        { "0s", 0 },
        { "PT90S", 90000 },       { "PT2H30M", 9000000 },    { "P1DT12H", 129600000 },
        { "P2W", 1209600000 },    { "PT0.5S", 500 },
    };

    for (size_t i = 0; i < sizeof durations / sizeof *durations; i++) {
        int64_t ms = -1;
        ck_assert_msg(moment_read_duration(durations[i].text, &ms), "%s", durations[i].text);
        ck_assert_msg(ms == durations[i].ms, "%s: %lld", durations[i].text, (long long)ms);
    }
}
END_TEST

START_TEST(what_is_no_duration_is_refused)
{
    static const char *const wrong[] = {
        "", "5", "h", "5x", "-5s", "30m2h", "1h1h", "1..5h", "P", "PT", "P1H", "PT1D", "P1M",
        "PT5", "P1DT", "2h30", "1e9d", "99999999999999d", "1h,30m", "pt5s",
    };
    int64_t ms = 77;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        ck_assert_msg(!moment_read_duration(wrong[i], &ms), "%s", wrong[i]);
    ck_assert_int_eq(ms, 77);
}
END_TEST

START_TEST(durations_are_shown_in_their_two_largest_units)
{
    char text[32];

    ck_assert_str_eq(moment_duration(text, sizeof text, 0), "0.0s");
    ck_assert_str_eq(moment_duration(text, sizeof text, 340), "0.3s");
    ck_assert_str_eq(moment_duration(text, sizeof text, 42999), "42s");
    ck_assert_str_eq(moment_duration(text, sizeof text, 307000), "5m 7s");
    ck_assert_str_eq(moment_duration(text, sizeof text, 7500000), "2h 5m");
    ck_assert_str_eq(moment_duration(text, sizeof text, 273600000), "3d 4h");
}
END_TEST

START_TEST(a_place_is_a_word_an_offset_or_a_time)
{
    struct place place;

    ck_assert(place_read("beginning", false, &place));
    ck_assert_int_eq(place.kind, PLACE_BEGINNING);
    ck_assert(place_read("earliest", false, &place));
    ck_assert_int_eq(place.kind, PLACE_BEGINNING);
    ck_assert(place_read("latest", false, &place));
    ck_assert_int_eq(place.kind, PLACE_END);
    ck_assert(place_read("2026", false, &place));
    ck_assert_int_eq(place.kind, PLACE_OFFSET);
    ck_assert_int_eq(place.value, 2026);
    ck_assert(place_read("2026-11-29", false, &place));
    ck_assert_int_eq(place.kind, PLACE_TIME);
    ck_assert(place_read("@5", false, &place));
    ck_assert_int_eq(place.kind, PLACE_TIME);
    ck_assert_int_eq(place.value, 5);
    ck_assert(!place_read("current", false, &place));
    ck_assert(place_read("current", true, &place));
    ck_assert_int_eq(place.kind, PLACE_CURRENT);
    ck_assert(!place_read("-5", true, &place));
    ck_assert(!place_read("yesterday", true, &place));
    ck_assert(!place_read("9999999999999999999", true, &place));
}
END_TEST

Suite *moment_suite(void)
{
    Suite *suite = suite_create("tools/moment");
    TCase *tests = tcase_create("moment");

    tcase_add_test(tests, a_time_is_a_date_maybe_with_a_time_and_utc_without_a_zone);
    tcase_add_test(tests, what_is_no_time_is_refused);
    tcase_add_test(tests, a_duration_is_written_as_people_do_or_as_in_iso_8601);
    tcase_add_test(tests, what_is_no_duration_is_refused);
    tcase_add_test(tests, durations_are_shown_in_their_two_largest_units);
    tcase_add_test(tests, a_place_is_a_word_an_offset_or_a_time);
    suite_add_tcase(suite, tests);
    return suite;
}
