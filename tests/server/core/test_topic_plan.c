#include "server/core/topic_plan.h"

#include <string.h>

#include "common/error.h"
#include "tests/server/core/suites.h"

START_TEST(names_follow_kafkas_rule)
{
    char longest[TOPIC_NAME_MAX + 2];
    const struct row {
        const char *name;
        bool valid;
    } rows[] = {
        {"a", true},        {"CustomerCountry", true},
        {"a.b_c-D9", true}, {"...", true},
        {"-", true},        {"", false},
        {".", false},       {"..", false},
        {"a b", false},     {"a/b", false},
        {"a\n", false},     {"\xc3\xa9", false},
        {"a:b", false},     {"a\x7f", false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ck_assert_msg(topic_name_valid(rows[i].name) == rows[i].valid, "'%s'", rows[i].name);

    memset(longest, 'x', sizeof longest);
    longest[TOPIC_NAME_MAX] = '\0';
    ck_assert(topic_name_valid(longest));
    longest[TOPIC_NAME_MAX] = 'x';
    longest[TOPIC_NAME_MAX + 1] = '\0';
    ck_assert(!topic_name_valid(longest));
}
END_TEST

START_TEST(partition_counts_have_bounds)
{
    struct cluster cluster;
    struct k_reason reason;
    const struct controller_broker broker = {.id = 1};
    struct controller_event event = {.type = CONTROLLER_CREATE_TOPIC};
    bool changed;

    cluster_init(&cluster, 0);
    ck_assert_int_eq(cluster_set_brokers(&cluster, &broker, 1, &changed), 0);
    event.create.name = "orders";
    event.create.replication_factor = 1;

    event.create.partitions = PARTITIONS_PER_TOPIC_MAX;
    ck_assert_int_eq(topic_plan_check(&cluster, &event, &reason), 0);
    event.create.partitions = PARTITIONS_PER_TOPIC_MAX + 1;
    ck_assert_int_eq(topic_plan_check(&cluster, &event, &reason), K_INVALID_PARTITIONS);
    event.create.partitions = 0;
    ck_assert_int_eq(topic_plan_check(&cluster, &event, &reason), K_INVALID_PARTITIONS);
    cluster_fini(&cluster);
}
END_TEST

Suite *topic_plan_suite(void)
{
    Suite *suite = suite_create("server/core/topic_plan");
    TCase *tcase = tcase_create("topic_plan");

    tcase_add_test(tcase, names_follow_kafkas_rule);
    tcase_add_test(tcase, partition_counts_have_bounds);
    suite_add_tcase(suite, tcase);
    return suite;
}
