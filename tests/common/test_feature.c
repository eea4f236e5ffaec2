#include "common/feature.h"

#include <stdio.h>
#include <string.h>

#include "tests/common/suites.h"

static const char name[] = "replication.version";

START_TEST(a_build_can_what_the_table_says)
{
    struct feature_ranges ranges = feature_ranges_built();

    for (int i = 0; i < FEATURE_COUNT; i++) {
        const struct feature_row *row = feature_row((enum feature)i);
        ck_assert_int_eq(feature_find(row->name), i);
        ck_assert_int_ge(row->lowest, 1);
        ck_assert_int_le(row->lowest, row->highest);
        ck_assert_int_eq(feature_lowest(&ranges).of[i], row->lowest);
        ck_assert_int_eq(feature_highest(&ranges).of[i], row->highest);
    }
    ck_assert_int_eq(feature_find("no.such"), -1);
}
END_TEST

START_TEST(every_level_says_what_it_changes)
{
    int levels[FEATURE_COUNT] = { 0 };

#define X(id, level, text) ck_assert_int_eq(++levels[FEATURE_##id], level);
    FEATURE_LEVEL_TABLE(X)
#undef X
    for (int i = 0; i < FEATURE_COUNT; i++)
        ck_assert_int_eq(levels[i], feature_row((enum feature)i)->highest);
}
END_TEST

START_TEST(a_broker_is_held_at_a_level)
{
    struct feature_ranges ranges = feature_ranges_built();

    ck_assert_int_eq(feature_hold(NULL, &ranges, NULL), 0);
    ck_assert_int_eq(feature_hold("", &ranges, NULL), 0);
    ck_assert_int_eq(ranges.of[0].highest, feature_row(0)->highest);
    ck_assert_int_eq(feature_hold(" replication.version:1", &ranges, NULL), 0);
    ck_assert_int_eq(ranges.of[0].highest, 1);
}
END_TEST

START_TEST(what_is_no_level_is_refused_by_name)
{
    static const struct { const char *text, *said; } rows[] = {
        { "replication", "\"replication\" is not a feature and a level" },
        { "replica.version:1", "\"replica.version:1\" is not a feature and a level" },
        { "replication.version:", "not \"\"" },
        { "replication.version:0", "from 1 to 3, not \"0\"" },
        { "replication.version:4", "from 1 to 3, not \"4\"" },
        { "replication.version:1x", "not \"1x\"" },
        { "replication.version:1,,", "\"\" is not a feature" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct feature_ranges ranges = feature_ranges_built();
        struct k_reason reason = { "" };
        ck_assert_int_eq(feature_hold(rows[i].text, &ranges, &reason), K_INVALID_CONFIG);
        ck_assert_msg(strstr(reason.text, rows[i].said) != NULL, "%s", reason.text);
        ck_assert_int_eq(ranges.of[0].highest, feature_row(0)->highest);
    }
}
END_TEST

START_TEST(who_can_not_do_what_is_finalised_is_told_what_to_do)
{
    struct feature_ranges built = feature_ranges_built(), held = built;
    struct k_reason reason;
    int highest = feature_row(0)->highest;
    char wanted[64];
    held.of[0].highest = 1;

    ck_assert_int_eq(feature_check(&built, name, highest, &reason), 0);
    ck_assert_int_eq(feature_check(&held, name, 1, &reason), 0);
    ck_assert_int_eq(feature_check(&held, name, highest, &reason), K_UNSUPPORTED_VERSION);
    ck_assert_ptr_nonnull(strstr(reason.text, "feature.level.max holds this broker at 1"));
    ck_assert_int_eq(feature_check(&built, name, highest + 1, &reason), K_UNSUPPORTED_VERSION);
    snprintf(wanted, sizeof wanted, "start a version that can level %d", highest + 1);
    ck_assert_ptr_nonnull(strstr(reason.text, wanted));
    ck_assert_int_eq(feature_check(&built, "group.version", 1, &reason), K_UNSUPPORTED_VERSION);
    ck_assert_ptr_nonnull(strstr(reason.text, "does not know"));
}
END_TEST

START_TEST(levels_in_force_only_grow)
{
    struct feature_cell cell;
    feature_cell_init(&cell);

    ck_assert_int_eq(feature_cell_levels(&cell).of[0], 1);
    feature_cell_raise(&cell, &(struct feature_levels){ { 2 } });
    feature_cell_raise(&cell, &(struct feature_levels){ { 0 } });
    ck_assert_int_eq(feature_cell_levels(&cell).of[0], 2);
}
END_TEST

Suite *feature_suite(void)
{
    Suite *suite = suite_create("common/feature");
    TCase *tcase = tcase_create("feature");

    tcase_add_test(tcase, a_build_can_what_the_table_says);
    tcase_add_test(tcase, every_level_says_what_it_changes);
    tcase_add_test(tcase, a_broker_is_held_at_a_level);
    tcase_add_test(tcase, what_is_no_level_is_refused_by_name);
    tcase_add_test(tcase, who_can_not_do_what_is_finalised_is_told_what_to_do);
    tcase_add_test(tcase, levels_in_force_only_grow);
    suite_add_tcase(suite, tcase);
    return suite;
}
