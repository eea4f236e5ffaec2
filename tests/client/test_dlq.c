/* Dead letters and retry topics: what is written, when, and what is committed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/error.h"
#include "tests/client/application.h"

/* --- dead letters ----------------------------------------------------------------------------- */

START_TEST(a_dead_letter_says_what_happened)
{
    klient_records_t *records;
    klient_failure_t failure = { .size = sizeof failure };

    fill(fake, "t", 1, 5);
    app.fails = " 4 ";
    join("true", POLICY("retries", "2"));
    WORK_UNTIL(committed(1) == 5);

    ck_assert_str_eq(app.seen, "0 1 2 3 4 4 4 ");
    klient_record_t record = read_first("t.dlq", 1, &records);
    ck_assert_mem_eq(record.value, "4", 1);
    ck_assert_int_eq(klient_record_failure(&record, &failure), KLIENT_OK);
    expect_text(failure.topic, failure.topic_size, "t");
    expect_text(failure.group, failure.group_size, "g");
    expect_text(failure.error, failure.error_size, "no \"such\" one");
    ck_assert_int_eq(failure.partition, 1);
    ck_assert_int_eq(failure.offset, 4);
    ck_assert_int_gt(failure.timestamp, 0);
    ck_assert_int_eq(failure.attempts, 3);
    ck_assert_uint_eq(record.header_count, 7);
    klient_records_free(records);
    ck_assert_int_eq(app.events[KLIENT_FAILURE_DEAD], 1);
    ck_assert_int_eq(app.last.to_partition, 1);
    ck_assert_int_eq(app.last.to_offset, 0);
    ck_assert_int_eq(app.last.offset, 4);
}
END_TEST

START_TEST(a_dead_letter_topic_is_made_like_its_source)
{
    klient_admin_t *admin = admin_with(config_for(fake, NULL));
    klient_metadata_t *metadata;
    klient_topic_info_t topic = { .size = sizeof topic };
    const char *name = "t.dlq";

    fill(fake, "t", 2, 1);
    app.fails = "*";
    join("true", POLICY("retries", "0"));
    WORK_UNTIL(committed(2) == 1);

    ck_assert_int_eq(klient_admin_describe_topics(admin, &name, 1, PATIENCE_MS, &metadata, NULL),
                     KLIENT_OK);
    klient_metadata_topic(metadata, 0, &topic);
    ck_assert_int_eq(topic.partition_count, 3);
    klient_metadata_free(metadata);
    klient_admin_close(admin);
}
END_TEST

START_TEST(a_dead_letter_topic_with_fewer_partitions_will_do)
{
    fake_add_topic(fake, "t.dlq", 2);
    fill(fake, "t", 2, 1);
    app.fails = "*";
    join("true", POLICY("retries", "0"));
    WORK_UNTIL(committed(2) == 1);
    ck_assert_int_gt(stored("t.dlq", 0), 0);
}
END_TEST

START_TEST(what_fails_for_good_is_not_tried_again)
{
    fill(fake, "t", 0, 2);
    app.fails = " 1 ";
    app.verdict = KLIENT_FAIL_FOR_GOOD;
    join("true", POLICY());
    WORK_UNTIL(committed(0) == 2);
    ck_assert_str_eq(app.seen, "0 1 ");
    ck_assert_int_eq(app.events[KLIENT_FAILURE_DEAD], 1);
}
END_TEST

START_TEST(nothing_is_committed_before_the_dead_letter_is_acknowledged)
{
    struct fake_faults *faults = fake_faults(fake);

    fill(fake, "t", 0, 10);
    fake_add_topic(fake, "t.dlq", 3);
    atomic_store(&faults->refuse_code, K_NOT_ENOUGH_REPLICAS);
    atomic_store(&faults->refuse_count, INT32_MAX);
    app.fails = " 3 ";
    join("true", POLICY("retries", "0"));
    WORK_UNTIL(committed(0) == 3);
    work_for(100);
    ck_assert_int_eq(committed(0), 3);
    ck_assert_int_eq(klient_consumer_commit_sync(member.consumer, NULL, 0, PATIENCE_MS, NULL),
                     KLIENT_OK);
    ck_assert_int_eq(committed(0), 3);
    ck_assert_int_eq(klient_consumer_settle(member.consumer, 20, NULL), KLIENT_REQUEST_TIMED_OUT);

    atomic_store(&faults->refuse_count, 0);
    ck_assert_int_eq(klient_consumer_settle(member.consumer, PATIENCE_MS, NULL), KLIENT_OK);
    ck_assert_int_eq(klient_consumer_commit_sync(member.consumer, NULL, 0, PATIENCE_MS, NULL),
                     KLIENT_OK);
    ck_assert_int_eq(committed(0), 10);
}
END_TEST

START_TEST(a_dead_letter_that_is_refused_is_told_and_written_later)
{
    struct fake_faults *faults = fake_faults(fake);

    fill(fake, "t", 0, 2);
    fake_add_topic(fake, "t.dlq", 3);
    atomic_store(&faults->refuse_code, K_TOPIC_AUTHORIZATION_FAILED);
    atomic_store(&faults->refuse_count, 2);
    app.fails = " 1 ";
    join("true", POLICY("retries", "0"));
    WORK_UNTIL(app.events[KLIENT_FAILURE_UNWRITTEN] == 2);
    ck_assert_int_eq(app.last.code, KLIENT_TOPIC_AUTHORIZATION_FAILED);
    ck_assert_int_eq(committed(0), 1);
    WORK_UNTIL(committed(0) == 2);
    ck_assert_ptr_nonnull(strstr(app.log, "event=dead-letter-unwritten topic=t partition=0 "
                                          "offset=1 to=t.dlq error=TOPIC_AUTHORIZATION_FAILED"));
}
END_TEST

static void fail_for_good(const klient_record_t *record)
{
    ck_assert_int_eq(klient_consumer_fail(member.consumer, record, KLIENT_FAIL_FOR_GOOD, NULL,
                                          NULL), KLIENT_OK);
}

START_TEST(a_topic_whose_dead_letters_would_have_too_long_a_name_is_told)
{
    const char *topic = "a-topic-with-a-name";
    char pattern[244] = "%t.";

    memset(pattern + 3, 'n', sizeof pattern - 4);
    fake_add_topic(fake, topic, 1);
    fill(fake, topic, 0, 1);
    open_member("true", POLICY("dead.letter.topic", pattern));
    ck_assert_int_eq(klient_consumer_subscribe(member.consumer, &topic, 1, NULL, NULL), KLIENT_OK);
    member.reading = fail_for_good;
    POLL_UNTIL(&member, 1, app.events[KLIENT_FAILURE_UNWRITTEN] > 0);
    ck_assert_int_eq(app.last.code, KLIENT_INVALID_TOPIC_EXCEPTION);
    ck_assert_int_le(fake_committed(fake, "g", topic, 0, NULL), 0);
}
END_TEST

START_TEST(a_dead_letter_topic_that_is_deleted_is_made_anew)
{
    fill(fake, "t", 0, 1);
    app.fails = "*";
    join("true", POLICY("retries", "0"));
    WORK_UNTIL(committed(0) == 1);
    fake_remove_topic(fake, "t.dlq");
    fill(fake, "t", 0, 1);
    WORK_UNTIL(committed(0) == 2);
    ck_assert_int_gt(stored("t.dlq", 0), 0);
}
END_TEST

/* One record in "t" whose parts are of these sizes. */
enum { VALUE_SIZE = 4000, KEY_SIZE = 3000, HEADER_SIZE = 2000 };

static void fill_with_a_large_one(void)
{
    static char bytes[VALUE_SIZE];
    klient_producer_t *producer = producer_with(config_for(fake, NULL));
    klient_header_t header = { "h", 1, bytes, HEADER_SIZE - 1 };
    klient_record_t record;

    memset(bytes, 'x', sizeof bytes);
    klient_record_init(&record);
    record.topic = "t";
    record.partition = 0;
    record.key = bytes;
    record.key_size = KEY_SIZE;
    record.value = bytes;
    record.value_size = VALUE_SIZE;
    record.headers = &header;
    record.header_count = 1;
    ck_assert_int_eq(klient_producer_send(producer, &record, NULL), KLIENT_OK);
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
}

static const klient_header_t *find_header(const klient_record_t *record, const char *key)
{
    for (size_t i = 0; i < record->header_count; i++)
        if (record->headers[i].key_size == strlen(key) &&
            memcmp(record->headers[i].key, key, strlen(key)) == 0)
            return &record->headers[i];
    return NULL;
}

static void expect_size(const klient_record_t *record, const char *key, bool is_left_out,
                        const char *size)
{
    const klient_header_t *header = find_header(record, key);

    ck_assert_int_eq(header != NULL, is_left_out);
    if (header != NULL)
        expect_text(header->value, header->value_size, size);
}

/* What the topic takes, and what is left out then. */
static const struct { int limit; bool key, headers; int64_t left_out; } tight[] = {
    { 6000, false, false, VALUE_SIZE },
    { 3000, true, false, VALUE_SIZE + KEY_SIZE },
    { 1000, true, true, VALUE_SIZE + KEY_SIZE + HEADER_SIZE },
};
enum { TIGHT = sizeof tight / sizeof tight[0] };

START_TEST(a_dead_letter_that_is_too_large_is_written_with_less_of_the_record)
{
    klient_records_t *records;
    klient_failure_t failure = { .size = sizeof failure };
    char line[128];

    fill_with_a_large_one();
    atomic_store(&fake_faults(fake)->refuse_larger, tight[_i].limit);
    app.fails = "*";
    join("true", POLICY("retries", "0"));
    WORK_UNTIL(committed(0) == 1);

    klient_record_t record = read_first("t.dlq", 0, &records);
    ck_assert_ptr_nonnull(record.value);        /* or it would delete others with this key */
    ck_assert_uint_eq(record.value_size, 0);
    ck_assert_uint_eq(record.key_size, tight[_i].key ? 0 : KEY_SIZE);
    expect_size(&record, "klient.dlq.value.size", true, "4000");
    expect_size(&record, "klient.dlq.key.size", tight[_i].key, "3000");
    expect_size(&record, "klient.dlq.headers.size", tight[_i].headers, "2000");
    ck_assert_int_eq(find_header(&record, "h") == NULL, tight[_i].headers);
    ck_assert_int_eq(klient_record_failure(&record, &failure), KLIENT_OK);
    ck_assert_int_eq(failure.left_out, tight[_i].left_out);
    klient_records_free(records);
    ck_assert_int_eq(app.events[KLIENT_FAILURE_UNWRITTEN], 0);
    ck_assert_int_eq(app.last.left_out, tight[_i].left_out);
    snprintf(line, sizeof line, "event=dead-letter-shortened topic=t partition=0 offset=0 to=t.dlq "
             "to-offset=0 left-out=%d count=1", (int)tight[_i].left_out);
    ck_assert_ptr_nonnull(strstr(app.log, line));
}
END_TEST

/* They fail together, and are on their way together. */
START_TEST(small_dead_letters_beside_one_that_is_too_large_are_whole)
{
    fill(fake, "t", 0, 20);
    fill_with_a_large_one();
    fill(fake, "t", 0, 20);
    atomic_store(&fake_faults(fake)->refuse_larger, VALUE_SIZE + KEY_SIZE + HEADER_SIZE);
    app.fails = "*";
    join("true", POLICY("retries", "0"));
    WORK_UNTIL(committed(0) == 41);

    ck_assert_int_eq(app.events[KLIENT_FAILURE_DEAD], 41);
    ck_assert_ptr_nonnull(strstr(app.log, "dead-letter-shortened topic=t partition=0 offset=20 "));
    ck_assert_ptr_null(strstr(app.log, "left-out=4000 count=2"));
    ck_assert_ptr_null(strstr(app.log, "left-out=1 "));
}
END_TEST

START_TEST(an_envelope_that_is_too_large_holds_less_of_the_record)
{
    static const char *const tails[TIGHT] = {
        "\",\"value\":null,\"value_size\":4000,\"headers\":[{\"key\":\"h\",",
        "\"key\":null,\"key_size\":3000,\"value\":null,\"value_size\":4000,\"headers\":[{",
        ("\"key\":null,\"key_size\":3000,\"value\":null,\"value_size\":4000,"
         "\"headers_size\":2000,\"headers\":[]}"),
    };
    klient_records_t *records;

    fill_with_a_large_one();
    /* The key is in there twice. */
    atomic_store(&fake_faults(fake)->refuse_larger,
                 tight[_i].limit + (tight[_i].key ? 0 : KEY_SIZE));
    app.fails = "*";
    join("true", POLICY("retries", "0", "dead.letter.form", "envelope"));
    WORK_UNTIL(committed(0) == 1);

    klient_record_t record = read_first("t.dlq", 0, &records);
    ck_assert_ptr_nonnull(memmem(record.value, record.value_size, tails[_i], strlen(tails[_i])));
    ck_assert_uint_eq(record.key_size, tight[_i].key ? 0 : KEY_SIZE);
    klient_records_free(records);
}
END_TEST

/* The record alone fits, with what a retry adds to it no more. */
START_TEST(what_is_too_large_for_its_retry_topic_is_a_dead_letter)
{
    klient_records_t *records;
    klient_failure_t failure = { .size = sizeof failure };

    fill_with_a_large_one();
    fill(fake, "t", 0, 1);
    atomic_store(&fake_faults(fake)->refuse_larger, VALUE_SIZE + KEY_SIZE + HEADER_SIZE);
    app.fails = "*";
    join("true", POLICY("mode", "topic", "retries", "1000"));
    WORK_UNTIL(committed(0) == 2 && stored("t.retry.g", 0) > 0);

    ck_assert_int_eq(app.events[KLIENT_FAILURE_UNWRITTEN], 1);
    ck_assert_int_eq(app.events[KLIENT_FAILURE_DEAD], 1);
    ck_assert_ptr_nonnull(strstr(app.log, "topic=t partition=0 offset=0 to=t.retry.g "
                                          "error=MESSAGE_TOO_LARGE refusals=1"));
    klient_record_t record = read_first("t.dlq", 0, &records);
    ck_assert_int_eq(klient_record_failure(&record, &failure), KLIENT_OK);
    ck_assert_int_eq(failure.attempts, 1);
    ck_assert_int_eq(failure.left_out, VALUE_SIZE);
    klient_records_free(records);
}
END_TEST

START_TEST(an_envelope_holds_the_record_and_what_happened)
{
    static const char head[] = "{\"topic\":\"t\",\"partition\":0,\"offset\":0,\"timestamp\":";
    static const char tail[] = ",\"group\":\"g\",\"error\":\"no \\\"such\\\" one\",\"attempts\":1,"
                               "\"key\":null,\"value\":\"0\",\"headers\":[]}";
    klient_records_t *records;

    fill(fake, "t", 0, 1);
    app.fails = "*";
    join("true", POLICY("retries", "0", "dead.letter.form", "envelope"));
    WORK_UNTIL(committed(0) == 1);

    klient_record_t record = read_first("t.dlq", 0, &records);
    ck_assert_uint_gt(record.value_size, sizeof head + sizeof tail);
    ck_assert_mem_eq(record.value, head, sizeof head - 1);
    expect_text((const char *)record.value + record.value_size - (sizeof tail - 1),
                sizeof tail - 1, tail);
    ck_assert_uint_eq(record.header_count, 0);
    klient_records_free(records);
}
END_TEST

START_TEST(so_many_dead_letters_are_an_event_and_a_line_in_the_log)
{
    fill(fake, "t", 0, 7);
    app.fails = "*";
    join("true", POLICY("retries", "0", "alert.dead.letters", "5", "alert.failures", "6"));
    WORK_UNTIL(committed(0) == 7);
    ck_assert_int_eq(app.events[KLIENT_FAILURE_MANY_DEAD], 1);
    ck_assert_int_eq(app.events[KLIENT_FAILURE_MANY], 1);
    ck_assert_ptr_nonnull(strstr(app.log, "event=dead-letters-many group=g count=5"));
}
END_TEST

START_TEST(closing_waits_for_dead_letters_and_commits_what_they_settle)
{
    fill(fake, "t", 0, 3);
    app.fails = " 1 ";
    join("true", POLICY("retries", "0"));
    WORK_UNTIL(app.failed == 1);
    member_close(&member);
    ck_assert_int_eq(committed(0), 3);
}
END_TEST

START_TEST(closing_forgets_what_waits_and_commits_nothing_of_it)
{
    fill(fake, "t", 0, 3);
    app.fails = " 1 ";
    join("true", POLICY("backoff.ms", "600000", "backoff.max.ms", "600000"));
    WORK_UNTIL(app.failed == 1);
    member_close(&member);
    ck_assert_int_eq(committed(0), 1);
}
END_TEST

/* --- retry topics ----------------------------------------------------------------------------- */

START_TEST(a_retry_topic_brings_the_record_back_as_it_first_came)
{
    fill(fake, "t", 1, 4);
    app.fails = " 2 ";
    app.times = 2;
    join("true", POLICY("mode", "topic"));
    WORK_UNTIL(fake_committed(fake, "g", "t.retry.g", 1, NULL) == 2);

    ck_assert_int_eq(committed(1), 4);
    ck_assert_str_eq(app.seen, "0 1 2 3 2 2 ");
    ck_assert_int_eq(app.failed, 2);
}
END_TEST

START_TEST(a_retry_topic_ends_in_the_dead_letters_of_the_first_topic)
{
    klient_records_t *records;
    klient_failure_t failure = { .size = sizeof failure };

    fill(fake, "t", 1, 4);
    app.fails = " 2 ";
    join("true", POLICY("mode", "topic", "retries", "2"));
    WORK_UNTIL(app.events[KLIENT_FAILURE_DEAD] == 1);

    klient_record_t record = read_first("t.dlq", 1, &records);
    ck_assert_int_eq(klient_record_failure(&record, &failure), KLIENT_OK);
    expect_text(failure.topic, failure.topic_size, "t");
    ck_assert_int_eq(failure.offset, 2);
    ck_assert_int_eq(failure.attempts, 3);
    ck_assert_uint_eq(record.header_count, 7);
    klient_records_free(records);
}
END_TEST

START_TEST(a_delay_survives_the_process)
{
    int64_t start_ms, due_ms;

    fill(fake, "t", 0, 1);
    app.fails = "*";
    app.times = 1;
    join("true", POLICY("mode", "topic", "backoff.ms", "1000", "backoff.jitter.percent", "0"));
    WORK_UNTIL(app.failed == 1);
    start_ms = clock_mono_ms(&clock_system);
    member_close(&member);
    ck_assert_int_gt(stored("t.retry.g", 0), 0);
    ck_assert_int_eq(committed(0), 1);

    join("true", POLICY("mode", "topic"));
    WORK_UNTIL(strcmp(app.seen, "0 0 ") == 0);
    due_ms = clock_mono_ms(&clock_system);
    ck_assert_int_ge(due_ms - start_ms, 950);
    ck_assert_int_eq(app.failed, 1);            /* it knows that it failed before */
    WORK_UNTIL(fake_committed(fake, "g", "t.retry.g", 0, NULL) == 1);
}
END_TEST

START_TEST(what_waits_for_its_delay_is_not_committed)
{
    fill(fake, "t", 0, 1);
    app.fails = "*";
    join("true", POLICY("mode", "topic", "backoff.ms", "600000", "backoff.max.ms", "600000"));
    WORK_UNTIL(fake_committed(fake, "g", "t.retry.g", 0, NULL) == 0);
    work_for(50);
    member_close(&member);
    ck_assert_int_eq(fake_committed(fake, "g", "t.retry.g", 0, NULL), 0);
}
END_TEST

static char strangers[LOG_SIZE];

static void note_topic(const klient_record_t *record)
{
    size_t used = strlen(strangers);

    snprintf(strangers + used, sizeof strangers - used, "%s ", record->topic);
}

START_TEST(what_others_write_to_a_retry_topic_is_returned_as_it_is)
{
    fake_add_topic(fake, "t.retry.g", 3);
    fill(fake, "t.retry.g", 0, 2);
    strangers[0] = '\0';
    join("true", POLICY("mode", "topic"));
    member.reading = note_topic;
    POLL_UNTIL(&member, 1, fake_committed(fake, "g", "t.retry.g", 0, NULL) == 2);
    ck_assert_str_eq(strangers, "t.retry.g t.retry.g ");
}
END_TEST

START_TEST(an_expression_stands_for_no_topics_that_the_group_made)
{
    klient_listener_t listener = member_listener(&member);

    fake_add_topic(fake, "t.dlq", 1);
    fake_add_topic(fake, "t.retry.g", 2);
    fake_add_topic(fake, "t.retry.another", 4);
    open_member("true", POLICY("mode", "topic"));
    ck_assert_int_eq(klient_consumer_subscribe_pattern(member.consumer, "t.*", &listener, NULL),
                     KLIENT_OK);
    /* Its retry topic is read all the same, those of other groups like any topic, and theirs would
     * be made when something failed. */
    POLL_UNTIL(&member, 1, member_holds(&member) == 3 + 2 + 4);
}
END_TEST

static TCase *part(const char *name)
{
    TCase *group = tcase_create(name);

    tcase_add_checked_fixture(group, app_setup, app_teardown);
    tcase_set_timeout(group, 60);
    return group;
}

Suite *dlq_suite(void)
{
    Suite *suite = suite_create("client/dlq");
    TCase *letters = part("dead-letters"), *topics = part("retry-topics");

    tcase_add_test(letters, a_dead_letter_says_what_happened);
    tcase_add_test(letters, a_dead_letter_topic_is_made_like_its_source);
    tcase_add_test(letters, a_dead_letter_topic_with_fewer_partitions_will_do);
    tcase_add_test(letters, what_fails_for_good_is_not_tried_again);
    tcase_add_test(letters, nothing_is_committed_before_the_dead_letter_is_acknowledged);
    tcase_add_test(letters, a_dead_letter_that_is_refused_is_told_and_written_later);
    tcase_add_test(letters, a_topic_whose_dead_letters_would_have_too_long_a_name_is_told);
    tcase_add_test(letters, a_dead_letter_topic_that_is_deleted_is_made_anew);
    tcase_add_loop_test(letters, a_dead_letter_that_is_too_large_is_written_with_less_of_the_record,
                        0, TIGHT);
    tcase_add_test(letters, small_dead_letters_beside_one_that_is_too_large_are_whole);
    tcase_add_loop_test(letters, an_envelope_that_is_too_large_holds_less_of_the_record, 0, TIGHT);
    tcase_add_test(letters, an_envelope_holds_the_record_and_what_happened);
    tcase_add_test(letters, so_many_dead_letters_are_an_event_and_a_line_in_the_log);
    tcase_add_test(letters, closing_waits_for_dead_letters_and_commits_what_they_settle);
    tcase_add_test(letters, closing_forgets_what_waits_and_commits_nothing_of_it);
    tcase_add_test(topics, a_retry_topic_brings_the_record_back_as_it_first_came);
    tcase_add_test(topics, a_retry_topic_ends_in_the_dead_letters_of_the_first_topic);
    tcase_add_test(topics, what_is_too_large_for_its_retry_topic_is_a_dead_letter);
    tcase_add_test(topics, a_delay_survives_the_process);
    tcase_add_test(topics, what_waits_for_its_delay_is_not_committed);
    tcase_add_test(topics, what_others_write_to_a_retry_topic_is_returned_as_it_is);
    tcase_add_test(topics, an_expression_stands_for_no_topics_that_the_group_made);
    suite_add_tcase(suite, letters);
    suite_add_tcase(suite, topics);
    return suite;
}
