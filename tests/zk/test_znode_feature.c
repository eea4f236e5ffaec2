/* Feature levels in registrations and in /feature. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "common/arena.h"
#include "zk/znode.h"

Suite *znode_feature_suite(void);

static struct arena arena;

static void set_up(void)
{
    arena_init(&arena, NULL, 0, 1024 * 1024);
}

static void tear_down(void)
{
    arena_fini(&arena);
}

START_TEST(finalised_levels_are_written_as_kafka_writes_them)
{
    const struct feature_levels none = { { 0 } }, two_of_them = { { 2 } };

    ck_assert_str_eq(znode_encode_features(&arena, &none),
                     "{\"version\":2,\"status\":1,\"features\":{}}");
    ck_assert_str_eq(znode_encode_features(&arena, &two_of_them),
                     "{\"version\":2,\"status\":1,\"features\":"
                     "{\"replication.version\":{\"max_version_level\":2}}}");
}
END_TEST

static int read_levels(const char *text, struct feature_levels *levels)
{
    struct feature_ranges ranges = feature_ranges_built();
    struct znode_features features;
    int code = znode_decode_features(&arena, text, strlen(text), &features, NULL);

    return code != 0 ? code : znode_features_check(&features, &ranges, levels, NULL);
}

START_TEST(finalised_levels_are_understood_or_refused)
{
    struct feature_levels levels;

    ck_assert_int_eq(read_levels("{\"version\":2,\"status\":1,\"features\":{}}", &levels), 0);
    ck_assert_int_eq(levels.of[0], 0);
    ck_assert_int_eq(read_levels("{\"version\":1,\"status\":1,\"features\":"
                                 "{\"replication.version\":{\"min_version_level\":1,"
                                 "\"max_version_level\":2}}}", &levels), 0);
    ck_assert_int_eq(levels.of[0], 2);
    ck_assert_int_eq(read_levels("{\"version\":2,\"status\":1,\"features\":{\"other.version\":"
                                 "{\"max_version_level\":1}}}", &levels), K_UNSUPPORTED_VERSION);
    ck_assert_int_eq(read_levels("{\"version\":2,\"status\":0,\"features\":{\"other.version\":"
                                 "{\"max_version_level\":1}}}", &levels), 0);
    ck_assert_int_eq(read_levels("{\"version\":2,\"status\":1}", &levels), K_CORRUPT);
    ck_assert_int_eq(read_levels("{\"version\":2,\"features\":{}}", &levels), K_CORRUPT);
    ck_assert_int_eq(read_levels("{\"version\":2,\"status\":1,\"features\":{\"a\":2}}", &levels),
                     K_CORRUPT);
    ck_assert_int_eq(read_levels("{\"version\":2,\"status\":1,\"features\":{\"a\":"
                                 "{\"max_version_level\":0}}}", &levels), K_CORRUPT);
    ck_assert_int_eq(read_levels("", &levels), K_CORRUPT);
}
END_TEST

static struct feature_range range_in(const char *features)
{
    struct znode_broker broker;
    char text[512];
    snprintf(text, sizeof text,
             "{\"version\":5,\"host\":\"a\",\"port\":1,%s\"timestamp\":\"5\"}", features);
    ck_assert_int_eq(znode_decode_broker(&arena, text, strlen(text), &broker, NULL), 0);
    return broker.features.of[0];
}

START_TEST(a_broker_can_the_levels_that_it_tells_and_else_the_first)
{
    ck_assert_int_eq(range_in("").highest, 1);
    ck_assert_int_eq(range_in("\"features\":{},").highest, 1);
    ck_assert_int_eq(range_in("\"features\":{\"other\":{\"min_version\":0,\"max_version\":9}},")
                         .highest, 1);
    ck_assert_int_eq(range_in("\"features\":{\"replication.version\":"
                              "{\"min_version\":2,\"max_version\":7}},").lowest, 2);
    ck_assert_int_eq(range_in("\"features\":{\"replication.version\":"
                              "{\"min_version\":2,\"max_version\":7}},").highest, 7);
}
END_TEST

Suite *znode_feature_suite(void)
{
    Suite *suite = suite_create("znode_feature");
    TCase *tests = tcase_create("znode_feature");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, finalised_levels_are_written_as_kafka_writes_them);
    tcase_add_test(tests, finalised_levels_are_understood_or_refused);
    tcase_add_test(tests, a_broker_can_the_levels_that_it_tells_and_else_the_first);
    suite_add_tcase(suite, tests);
    return suite;
}
