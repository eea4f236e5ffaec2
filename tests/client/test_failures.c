/* Records that fail: they come back, and no commit passes them meanwhile. */
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tests/client/application.h"

/* --- in place --------------------------------------------------------------------------------- */

START_TEST(a_failed_record_comes_back_and_holds_up_commits_but_not_its_partition)
{
    fill(fake, "t", 0, 10);
    app.fails = " 3 ";
    app.times = 1;
    join("true", POLICY("backoff.ms", "300", "backoff.jitter.percent", "0"));

    WORK_UNTIL(committed(0) == 3);
    ck_assert_str_eq(app.seen, "0 1 2 3 4 5 6 7 8 9 ");
    WORK_UNTIL(committed(0) == 10);
    ck_assert_str_eq(app.seen, "0 1 2 3 4 5 6 7 8 9 3 ");
    ck_assert_int_eq(app.events[KLIENT_FAILURE_DEAD], 0);
}
END_TEST

START_TEST(what_comes_back_is_as_it_first_came)
{
    klient_producer_t *producer = producer_with(config_for(fake, NULL));
    klient_header_t headers[] = { { "a", 1, "b", 1 }, { "klient.dlq.topic", 16, "old", 3 } };
    klient_records_t *records;
    klient_record_t record;

    klient_record_init(&record);
    record.topic = "t";
    record.partition = 2;
    record.key = "k";
    record.key_size = 1;
    record.headers = headers;
    record.header_count = 2;
    record.timestamp = 123456;
    ck_assert_int_eq(klient_producer_send(producer, &record, NULL), KLIENT_OK);
    klient_producer_close(producer, PATIENCE_MS, NULL);
    join("true", POLICY());

    for (int attempt = 0; attempt < 3; attempt++) {
        records = member_read_some(&member);
        ck_assert_uint_eq(klient_records_count(records), 1);
        klient_record_init(&record);
        ck_assert_int_eq(klient_records_next(records, &record), 1);
        ck_assert_str_eq(record.topic, "t");
        ck_assert_int_eq(record.partition, 2);
        ck_assert_int_eq(record.offset, 0);
        ck_assert_int_eq(record.timestamp, 123456);
        ck_assert_mem_eq(record.key, "k", 1);
        ck_assert_ptr_null(record.value);
        ck_assert_uint_eq(record.header_count, 2);
        ck_assert_mem_eq(record.headers[0].value, "b", 1);
        ck_assert_int_eq(klient_record_attempts(&record), attempt);
        ck_assert_int_eq(klient_consumer_fail(member.consumer, &record, KLIENT_FAIL_RETRY, NULL,
                                              NULL), KLIENT_OK);
        ck_assert_int_eq(klient_consumer_fail(member.consumer, &record, KLIENT_FAIL_RETRY, NULL,
                                              NULL), KLIENT_OK);     /* once is enough */
        klient_records_free(records);
    }
}
END_TEST

START_TEST(in_order_nothing_behind_a_failed_record_is_returned_before_it_is_settled)
{
    fill(fake, "t", 0, 6);
    app.fails = " 2 5 ";
    app.times = 2;
    join("true", POLICY("mode", "in-order"));

    WORK_UNTIL(committed(0) == 6);
    ck_assert_str_eq(app.seen, "0 1 2 2 2 3 4 5 5 5 ");
}
END_TEST

START_TEST(in_order_other_partitions_go_on)
{
    fill(fake, "t", 0, 2);
    app.fails = " 0 ";
    join("true", POLICY("mode", "in-order", "backoff.ms", "600000", "backoff.max.ms", "600000"));
    WORK_UNTIL(app.failed == 1);
    fill(fake, "t", 1, 2);      /* its 0 fails as well */
    WORK_UNTIL(app.failed == 2);
    ck_assert_str_eq(app.seen, "0 0 ");
}
END_TEST

START_TEST(too_many_held_records_stop_their_partition)
{
    fill(fake, "t", 0, 100);
    app.fails = "*";
    klient_retry_policy_t *policy =
        policy_with(POLICY("held.records.max", "10", "backoff.ms", "600000", "backoff.max.ms",
                           "600000"));
    klient_config_t *config = config_for(fake, "group.id", "g", "auto.offset.reset", "earliest",
                                         "max.poll.records", "5", NULL);
    klient_config_set_retry_policy(config, policy, NULL);
    klient_retry_policy_free(policy);
    member = (struct member){ .consumer = consumer_with(config) };
    member_subscribe(&member, "t");

    WORK_UNTIL(app.failed == 10);
    work_for(50);
    ck_assert_int_eq(app.failed, 10);
}
END_TEST

START_TEST(a_record_that_is_due_makes_the_descriptor_readable)
{
    fill(fake, "t", 0, 1);
    app.fails = "*";
    app.times = 2;
    join("true", POLICY("backoff.ms", "100"));
    struct pollfd descriptor = { .fd = klient_consumer_descriptor(member.consumer),
                                 .events = POLLIN };
    member.reading = process;
    while (strcmp(app.seen, "0 0 0 ") != 0) {
        ck_assert_int_eq(poll(&descriptor, 1, PATIENCE_MS), 1);
        member_poll(&member, 0);
    }
}
END_TEST

static void *free_records(void *records)
{
    klient_records_free(records);
    return NULL;
}

START_TEST(a_record_that_another_thread_frees_is_processed)
{
    pthread_t thread;

    fill(fake, "t", 0, 2);
    app.fails = " 0 ";
    app.times = 1;
    join("true", POLICY());
    WORK_UNTIL(app.failed == 1);
    klient_records_t *records = member_read_some(&member);
    member_poll(&member, 50);
    ck_assert_int_le(committed(0), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, free_records, records), 0);
    pthread_join(thread, NULL);
    WORK_UNTIL(committed(0) == 2);
}
END_TEST

/* --- commits ---------------------------------------------------------------------------------- */

START_TEST(chosen_offsets_are_not_committed_beyond_a_failed_record)
{
    klient_offset_t row;
    const klient_offset_t *rows[] = { &row };

    fill(fake, "t", 0, 10);
    app.fails = " 3 ";
    join("false", POLICY("backoff.ms", "600000", "backoff.max.ms", "600000"));
    WORK_UNTIL(app.failed == 1);
    klient_offset_init(&row);
    row.topic = "t";
    row.offset = 9;
    ck_assert_int_eq(klient_consumer_commit_sync(member.consumer, rows, 1, PATIENCE_MS, NULL),
                     KLIENT_OK);
    ck_assert_int_eq(committed(0), 3);
    row.offset = 2;
    ck_assert_int_eq(klient_consumer_commit_sync(member.consumer, rows, 1, PATIENCE_MS, NULL),
                     KLIENT_OK);
    ck_assert_int_eq(committed(0), 2);
}
END_TEST

START_TEST(what_is_given_up_meanwhile_is_somebody_elses)
{
    klient_record_t record;

    fill(fake, "t", 0, 2);
    join("true", POLICY("backoff.ms", "600000", "backoff.max.ms", "600000"));
    klient_records_t *records = member_read_some(&member);
    klient_record_init(&record);
    klient_records_next(records, &record);
    ck_assert_int_eq(klient_consumer_fail(member.consumer, &record, KLIENT_FAIL_RETRY, NULL, NULL),
                     KLIENT_OK);
    klient_records_next(records, &record);
    klient_consumer_unsubscribe(member.consumer, NULL);
    ck_assert_int_eq(klient_consumer_fail(member.consumer, &record, KLIENT_FAIL_RETRY, NULL, NULL),
                     KLIENT_NOT_ASSIGNED);
    klient_records_free(records);
    ck_assert_int_le(committed(0), 0);
}
END_TEST

/* --- by hand, and mistakes -------------------------------------------------------------------- */

START_TEST(without_a_group_records_come_back_all_the_same)
{
    klient_config_t *config = config_for(fake, "auto.offset.reset", "earliest", NULL);
    klient_retry_policy_t *policy = policy_with(POLICY("retries", "1"));

    fill(fake, "t", 0, 3);
    app.fails = " 1 ";
    klient_config_set_retry_policy(config, policy, NULL);
    klient_retry_policy_free(policy);
    member = (struct member){ .consumer = consumer_with(config) };
    assign_one(member.consumer, "t", 0);
    WORK_UNTIL(app.events[KLIENT_FAILURE_DEAD] == 1);
    ck_assert_str_eq(app.seen, "0 1 2 1 ");
}
END_TEST

START_TEST(what_can_not_be_failed_is_refused)
{
    klient_record_t record;

    fill(fake, "t", 0, 1);
    member_open(&member, fake, NULL);
    klient_record_init(&record);
    ck_assert_int_eq(klient_consumer_fail(member.consumer, &record, KLIENT_FAIL_RETRY, NULL, NULL),
                     KLIENT_WRONG_STATE);
    ck_assert_int_eq(klient_consumer_settle(member.consumer, 0, NULL), KLIENT_WRONG_STATE);
    member_close(&member);

    open_member("true", POLICY("mode", "topic"));
    record.topic = "t";
    ck_assert_int_eq(klient_consumer_fail(member.consumer, &record, KLIENT_FAIL_RETRY, NULL, NULL),
                     KLIENT_INVALID_ARGUMENT);
    assign_one(member.consumer, "t", 0);
    klient_records_t *records = member_read_some(&member);
    klient_records_next(records, &record);
    ck_assert_int_eq(klient_consumer_fail(member.consumer, &record, KLIENT_FAIL_RETRY, NULL, NULL),
                     KLIENT_WRONG_STATE);
    klient_records_free(records);
}
END_TEST

START_TEST(a_policy_that_contradicts_itself_is_refused)
{
    static const struct { const char *pairs[5], *says; } cases[] = {
        { { "backoff.ms", "5000", NULL }, "backoff.max.ms must be at least backoff.ms" },
        { { "dead.letter.topic", "%t", NULL }, "would be the topic itself" },
        { { "dead.letter.topic", "%t/dead", NULL }, "does not make names of topics" },
        { { "dead.letter.topic", "%t.%t", NULL }, "names %t more than once" },
        { { "mode", "topic", "retry.topic", "%t.dlq", NULL }, "must differ" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        klient_config_t *config = klient_config_new();
        klient_retry_policy_t *policy = policy_with(cases[i].pairs);
        klient_error_t *error = NULL;
        ck_assert_int_eq(klient_config_set_retry_policy(config, policy, &error),
                         KLIENT_INVALID_CONFIG);
        ck_assert_msg(strstr(klient_error_text(error), cases[i].says) != NULL, "%s",
                      klient_error_text(error));
        klient_error_free(error);
        klient_retry_policy_free(policy);
        klient_config_free(config);
    }
}
END_TEST

START_TEST(a_policy_says_what_it_does_not_know)
{
    klient_retry_policy_t *policy = klient_retry_policy_new();
    klient_error_t *error = NULL;
    char text[64];

    ck_assert_int_eq(klient_retry_policy_set(policy, "retrys", "1", &error), KLIENT_UNKNOWN_NAME);
    ck_assert_ptr_nonnull(strstr(klient_error_text(error), "retries"));
    klient_error_free(error);
    ck_assert_int_eq(klient_retry_policy_set(policy, "retries", "-1", NULL),
                     KLIENT_INVALID_CONFIG);
    ck_assert_int_eq(klient_retry_policy_get(policy, "dead.letter.topic", text, sizeof text, NULL),
                     KLIENT_OK);
    ck_assert_str_eq(text, "%t.dlq");
    klient_retry_policy_free(policy);
}
END_TEST

START_TEST(a_group_that_makes_no_name_of_a_topic_is_refused)
{
    klient_config_t *config = config_for(fake, "group.id", "my group", NULL);
    klient_retry_policy_t *policy = policy_with(POLICY("mode", "topic"));
    klient_error_t *error = NULL;

    ck_assert_int_eq(klient_config_set_retry_policy(config, policy, NULL), KLIENT_OK);
    ck_assert_ptr_null(klient_consumer_new(config, &error));
    ck_assert_int_eq(klient_error_code(error), KLIENT_INVALID_CONFIG);
    ck_assert_ptr_nonnull(strstr(klient_error_text(error), "my group"));
    klient_error_free(error);
    error = NULL;
    ck_assert_ptr_null(klient_producer_new(config, &error));
    ck_assert_int_eq(klient_error_code(error), KLIENT_INVALID_CONFIG);
    klient_error_free(error);
    klient_retry_policy_free(policy);
    klient_config_free(config);
}
END_TEST

START_TEST(the_page_has_the_properties_of_a_policy)
{
    expect_in_page("dead-letters.md", klient_retry_policy_print_docs,
                   "put what tests/client/print_config_docs policy prints into it");
}
END_TEST

static TCase *part(const char *name)
{
    TCase *group = tcase_create(name);

    tcase_add_checked_fixture(group, app_setup, app_teardown);
    tcase_set_timeout(group, 60);
    return group;
}

Suite *failures_suite(void)
{
    Suite *suite = suite_create("client/failures");
    TCase *in_place = part("in-place"), *others = part("failing");

    tcase_add_test(in_place, a_failed_record_comes_back_and_holds_up_commits_but_not_its_partition);
    tcase_add_test(in_place, what_comes_back_is_as_it_first_came);
    tcase_add_test(in_place,
                   in_order_nothing_behind_a_failed_record_is_returned_before_it_is_settled);
    tcase_add_test(in_place, in_order_other_partitions_go_on);
    tcase_add_test(in_place, too_many_held_records_stop_their_partition);
    tcase_add_test(in_place, a_record_that_is_due_makes_the_descriptor_readable);
    tcase_add_test(in_place, a_record_that_another_thread_frees_is_processed);
    tcase_add_test(others, chosen_offsets_are_not_committed_beyond_a_failed_record);
    tcase_add_test(others, what_is_given_up_meanwhile_is_somebody_elses);
    tcase_add_test(others, without_a_group_records_come_back_all_the_same);
    tcase_add_test(others, what_can_not_be_failed_is_refused);
    tcase_add_test(others, a_policy_that_contradicts_itself_is_refused);
    tcase_add_test(others, a_policy_says_what_it_does_not_know);
    tcase_add_test(others, a_group_that_makes_no_name_of_a_topic_is_refused);
    tcase_add_test(others, the_page_has_the_properties_of_a_policy);
    suite_add_tcase(suite, in_place);
    suite_add_tcase(suite, others);
    return suite;
}
