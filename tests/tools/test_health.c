#include <string.h>

#include "tests/tools/suites.h"
#include "tools/kairn/health.h"

static int nothing(const struct args *args)
{
    (void)args;
    return EXIT_DONE;
}

static const struct command command = {
    .noun = "topic", .verb = "describe", .operands = "", .run = nothing,
    .flags = { { "--under-replicated", NULL, "" }, { "--under-min-isr", NULL, "" },
               { "--unavailable", NULL, "" } },
};

static klient_partition_info_t partition_of(int32_t leader, size_t isr, int32_t min_insync)
{
    static const int32_t ids[] = { 1, 2, 3 };

    return (klient_partition_info_t){ .leader = leader, .replicas = ids, .replica_count = 3,
                                      .isr = ids, .isr_count = isr, .min_insync = min_insync };
}

START_TEST(the_worst_that_is_true_of_a_partition_counts)
{
    const struct {
        int32_t leader;
        size_t isr;
        int32_t min_insync;
        enum health health;
    } rows[] = {
        { 1, 3, 2, HEALTH_OK },
        { 1, 2, 2, HEALTH_UNDER_REPLICATED },
        { 1, 1, 2, HEALTH_UNDER_MIN_ISR },
        { -1, 1, 2, HEALTH_OFFLINE },
        { -1, 3, 2, HEALTH_OFFLINE },
        { 1, 1, 0, HEALTH_UNDER_REPLICATED },       /* an older broker tells no minimum */
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        klient_partition_info_t partition =
            partition_of(rows[i].leader, rows[i].isr, rows[i].min_insync);
        ck_assert_int_eq(health_of(&partition), rows[i].health);
    }
}
END_TEST

static bool wanted(char *flag, enum health health)
{
    char *argv[] = { flag };
    struct args *args;

    ck_assert_int_eq(args_parse(&command, flag != NULL ? 1 : 0, argv, &args), 0);
    bool is = health_wanted(args, health);
    args_free(args);
    return is;
}

START_TEST(a_filter_shows_what_is_as_bad_or_worse)
{
    ck_assert(wanted(NULL, HEALTH_OK));
    ck_assert(!wanted((char *)"--under-replicated", HEALTH_OK));
    ck_assert(wanted((char *)"--under-replicated", HEALTH_UNDER_REPLICATED));
    ck_assert(wanted((char *)"--under-replicated", HEALTH_OFFLINE));
    ck_assert(!wanted((char *)"--under-min-isr", HEALTH_UNDER_REPLICATED));
    ck_assert(wanted((char *)"--under-min-isr", HEALTH_UNDER_MIN_ISR));
    ck_assert(!wanted((char *)"--unavailable", HEALTH_UNDER_MIN_ISR));
    ck_assert(wanted((char *)"--unavailable", HEALTH_OFFLINE));
}
END_TEST

START_TEST(an_explanation_names_brokers_and_the_minimum)
{
    const int32_t gone[] = { 2, 3 }, eligible[] = { 2 };
    klient_partition_info_t partition = partition_of(1, 1, 2);
    char text[200], little[4];
    partition.offline = gone;
    partition.offline_count = 2;
    partition.eligible = eligible;
    partition.eligible_count = 1;

    health_explain(&partition, text, sizeof text);

    ck_assert_str_eq(text, "in sync 1 of at least 2, offline 2,3, may lead 2");
    ck_assert_str_eq(health_ids(little, sizeof little, partition.replicas, 3), "1,2");
    ck_assert_str_eq(health_ids(text, sizeof text, NULL, 0), "-");
}
END_TEST

Suite *health_suite(void)
{
    Suite *suite = suite_create("health");
    TCase *table = tcase_create("partitions");

    tcase_add_test(table, the_worst_that_is_true_of_a_partition_counts);
    tcase_add_test(table, a_filter_shows_what_is_as_bad_or_worse);
    tcase_add_test(table, an_explanation_names_brokers_and_the_minimum);
    suite_add_tcase(suite, table);
    return suite;
}
