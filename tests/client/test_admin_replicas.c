#include <string.h>

#include "tests/client/helpers.h"

static struct fake *fake;

static void setup(void)
{
    fake = fake_new(3);
    fake_add_topic(fake, "orders", 3);
}

static void teardown(void)
{
    fake_free(fake);
}

START_TEST(leaders_are_elected_partition_by_partition)
{
    klient_admin_t *admin = admin_with(config_for(fake, NULL));
    const klient_topic_partition_t partitions[] = { { .topic = "orders", .partition = 1 },
                                                    { .topic = "orders", .partition = 0 },
                                                    { .topic = "orders", .partition = 9 } };
    klient_results_t *results = NULL;
    klient_error_t *error = NULL;

    ck_assert_int_eq(klient_admin_elect_leaders(admin, KLIENT_ELECTION_PREFERRED, partitions, 3,
                                                PATIENCE_MS, &results, &error),
                     KLIENT_ELECTION_NOT_NEEDED);

    ck_assert_ptr_nonnull(strstr(klient_error_text(error), "orders-0"));
    klient_error_free(error);
    ck_assert_uint_eq(klient_results_count(results), 3);
    ck_assert_int_eq(klient_results_code(results, 0), KLIENT_OK);
    ck_assert_str_eq(klient_results_name(results, 0), "orders");
    ck_assert_int_eq(klient_results_partition(results, 0), 1);
    ck_assert_int_eq(klient_results_code(results, 2), KLIENT_UNKNOWN_TOPIC_OR_PARTITION);
    ck_assert_int_eq(klient_results_partition(results, 2), 9);
    klient_results_free(results);
    klient_admin_close(admin);
}
END_TEST

START_TEST(an_election_of_all_may_have_nothing_to_tell)
{
    klient_admin_t *admin = admin_with(config_for(fake, NULL));
    klient_results_t *results = NULL;

    ck_assert_int_eq(klient_admin_elect_leaders(admin, KLIENT_ELECTION_UNCLEAN, NULL, 0,
                                                PATIENCE_MS, &results, NULL), KLIENT_OK);

    ck_assert_uint_eq(klient_results_count(results), 0);
    klient_results_free(results);
    klient_admin_close(admin);
}
END_TEST

START_TEST(a_reassignment_is_begun_listed_and_cancelled)
{
    klient_admin_t *admin = admin_with(config_for(fake, NULL));
    const int32_t to[] = { 1, 3 };
    const klient_reassignment_t wish = { .size = sizeof wish, .topic = "orders", .partition = 0,
                                         .replicas = to, .replica_count = 2 };
    const klient_reassignment_t cancel = { .size = sizeof cancel, .topic = "orders",
                                           .partition = 0 };
    const klient_reassignment_t *wishes[] = { &wish }, *cancels[] = { &cancel };
    klient_reassignments_t *list = NULL;
    klient_reassignment_t row = { .size = sizeof row };

    ck_assert_int_eq(klient_admin_alter_reassignments(admin, cancels, 1, PATIENCE_MS, NULL, NULL),
                     KLIENT_NO_REASSIGNMENT_IN_PROGRESS);
    ck_assert_int_eq(klient_admin_alter_reassignments(admin, wishes, 1, PATIENCE_MS, NULL, NULL),
                     KLIENT_OK);
    ck_assert_int_eq(klient_admin_list_reassignments(admin, PATIENCE_MS, &list, NULL), KLIENT_OK);

    ck_assert_uint_eq(klient_reassignments_count(list), 1);
    ck_assert_int_eq(klient_reassignments_get(list, 0, &row), KLIENT_OK);
    ck_assert_str_eq(row.topic, "orders");
    ck_assert_uint_eq(row.replica_count, 2);
    ck_assert_int_eq(row.adding[0], 3);
    ck_assert_int_eq(row.removing[0], 1);
    ck_assert_int_eq(klient_reassignments_get(list, 1, &row), KLIENT_INVALID_ARGUMENT);
    klient_reassignments_free(list);
    ck_assert_int_eq(klient_admin_alter_reassignments(admin, cancels, 1, PATIENCE_MS, NULL, NULL),
                     KLIENT_OK);
    ck_assert_int_eq(klient_admin_list_reassignments(admin, PATIENCE_MS, &list, NULL), KLIENT_OK);
    ck_assert_uint_eq(klient_reassignments_count(list), 0);
    klient_reassignments_free(list);
    klient_admin_close(admin);
}
END_TEST

START_TEST(a_wish_without_sense_is_refused_before_anyone_is_asked)
{
    klient_admin_t *admin = admin_with(config_for(fake, NULL));
    const int32_t to[] = { 1 };
    const klient_reassignment_t nameless = { .size = sizeof nameless, .replicas = to,
                                             .replica_count = 1 };
    const klient_reassignment_t empty = { .size = sizeof empty, .topic = "orders", .replicas = to };
    const klient_reassignment_t *one[] = { &nameless }, *two[] = { &empty };
    const klient_topic_partition_t negative = { .topic = "orders", .partition = -1 };

    ck_assert_int_eq(klient_admin_alter_reassignments(admin, one, 1, PATIENCE_MS, NULL, NULL),
                     KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_admin_alter_reassignments(admin, two, 1, PATIENCE_MS, NULL, NULL),
                     KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_admin_alter_reassignments(admin, one, 0, PATIENCE_MS, NULL, NULL),
                     KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_admin_elect_leaders(admin, KLIENT_ELECTION_PREFERRED, &negative, 1,
                                                PATIENCE_MS, NULL, NULL), KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_admin_list_reassignments(admin, PATIENCE_MS, NULL, NULL),
                     KLIENT_INVALID_ARGUMENT);
    klient_admin_close(admin);
}
END_TEST

START_TEST(a_broker_that_answers_nonsense_about_replicas_is_no_crash)
{
    static const int spoilt[] = { HOSTILE_EMPTY_BODY, HOSTILE_OTHER_BODY, HOSTILE_GARBAGE_HEAD,
                                  HOSTILE_SHORT_HEAD };
    klient_admin_t *admin = admin_with(config_for(fake, NULL));
    const klient_topic_partition_t partition = { .topic = "orders" };
    const int32_t to[] = { 1 };
    const klient_reassignment_t wish = { .size = sizeof wish, .topic = "orders", .replicas = to,
                                         .replica_count = 1 };
    const klient_reassignment_t *wishes[] = { &wish };
    klient_reassignments_t *list = NULL;

    atomic_store(&fake_faults(fake)->hostile, spoilt[_i]);

    ck_assert_int_ne(klient_admin_elect_leaders(admin, KLIENT_ELECTION_PREFERRED, &partition, 1,
                                                300, NULL, NULL), KLIENT_OK);
    ck_assert_int_ne(klient_admin_alter_reassignments(admin, wishes, 1, 300, NULL, NULL),
                     KLIENT_OK);
    ck_assert_int_ne(klient_admin_list_reassignments(admin, 300, &list, NULL), KLIENT_OK);
    klient_admin_close(admin);
}
END_TEST

Suite *admin_replicas_suite(void)
{
    Suite *suite = suite_create("client/admin_replicas");
    TCase *tcase = tcase_create("replicas");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, leaders_are_elected_partition_by_partition);
    tcase_add_test(tcase, an_election_of_all_may_have_nothing_to_tell);
    tcase_add_test(tcase, a_reassignment_is_begun_listed_and_cancelled);
    tcase_add_test(tcase, a_wish_without_sense_is_refused_before_anyone_is_asked);
    tcase_add_loop_test(tcase, a_broker_that_answers_nonsense_about_replicas_is_no_crash, 0, 4);
    suite_add_tcase(suite, tcase);
    return suite;
}
