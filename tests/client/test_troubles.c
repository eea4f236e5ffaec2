/* Troubles of handles and producers, on their way from where they are met with to a queue. */
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "proto/head.h"
#include "tests/client/told.h"
#include "tests/lib/wait.h"

static struct fake *fake;
static klient_producer_t *producer;

static void setup(void)
{
    told_setup();
    fake = fake_new(2);
    fake_add_topic(fake, "t", 2);
    producer = NULL;
}

static void teardown(void)
{
    klient_producer_close(producer, 0, NULL);
    told_teardown();
    fake_free(fake);
}

static void open_producer(const char *persistent_ms)
{
    producer = producer_with(telling(config_for(fake, NULL), persistent_ms));
}

static void send_one(const char *topic)
{
    ck_assert_int_eq(send_text(producer, topic, 0, NULL, "0"), KLIENT_OK);
}

static void flush(void)
{
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
}

START_TEST(a_trouble_has_become_persistent_as_soon_as_wanted)
{
    int64_t before_ms = clock_mono_ms(&clock_system);

    producer = producer_with(telling(config_for(fake, NULL), "1"));     /* trouble.persistent.ms */
    fake_go_away(fake);
    klient_record_t record;
    klient_record_init(&record);
    record.topic = "t";
    klient_producer_try_send(producer, &record, NULL);

    await("no-broker:persistent");
    /* Not after the ten seconds of the default. */
    ck_assert_int_lt(clock_mono_ms(&clock_system) - before_ms, 9000);
}
END_TEST

/* --- brokers ---------------------------------------------------------------------------------- */

START_TEST(brokers_that_are_away_are_told_once_each)
{
    open_producer(SOON);
    atomic_store(&fake_faults(fake)->delay_ms, 10000);
    send_one("t");
    WAIT_UNTIL(fake_requests(fake, KAIRN__REQUEST_HEAD__BODY_PRODUCE) == 1);
    fake_go_away(fake);

    await("broker-unreachable#1:persistent");
    await("no-broker:persistent");
    atomic_store(&fake_faults(fake)->delay_ms, 0);
    fake_come_back(fake);
    flush();
    await("broker-unreachable#1:persistent:over");
    await("no-broker:persistent:over");
    expect_all("broker-unreachable#1", "transient persistent persistent:over");
    expect_all("no-broker", "transient persistent persistent:over");
}
END_TEST

START_TEST(brokers_that_do_not_answer_are_told)
{
    producer = producer_with(telling(config_for(fake, "request.timeout.ms", "100", NULL), SOON));
    atomic_store(&fake_faults(fake)->mute, 1);
    klient_record_t record;
    klient_record_init(&record);
    record.topic = "t";
    klient_producer_try_send(producer, &record, NULL);

    await("no-broker:persistent");
    ck_assert_int_eq(told_last.code, KLIENT_REQUEST_TIMED_OUT);
    atomic_store(&fake_faults(fake)->mute, 0);
    await("no-broker:persistent:over");
    expect_all("broker-unreachable", "transient persistent persistent:over");
    expect_all("no-broker", "transient persistent persistent:over");
}
END_TEST

START_TEST(a_server_that_can_not_be_connected_to_is_told_until_another_answers)
{
    char servers[128];
    klient_trouble_t trouble = { .size = sizeof trouble };
    klient_event_t *event = NULL;

    /* Nobody listens on port 1. */
    snprintf(servers, sizeof servers, "127.0.0.1:1,%s", fake_bootstrap(fake));
    producer = producer_with(telling(config_for(fake, "bootstrap.servers", servers, NULL), "5000"));
    int64_t before_ms = clock_wall_ms(&clock_system);
    send_one("t");
    flush();

    ck_assert_int_eq(klient_queue_poll(told_queue, PATIENCE_MS, &event, NULL), KLIENT_OK);
    ck_assert_ptr_nonnull(event);
    ck_assert_int_eq(klient_event_trouble(event, &trouble), KLIENT_OK);
    ck_assert_str_eq(trouble.about, "broker-unreachable");
    ck_assert_int_eq(trouble.severity, KLIENT_TRANSIENT);
    ck_assert_int_eq(trouble.over, 0);
    ck_assert_int_eq(trouble.code, KLIENT_CONNECTION_FAILED);
    ck_assert_ptr_nonnull(strstr(trouble.text, "(127.0.0.1:1)"));
    ck_assert_int_eq(trouble.broker, -1);
    ck_assert_int_eq(trouble.partition, -1);
    ck_assert_ptr_null(trouble.topic);
    ck_assert_ptr_null(trouble.group);
    ck_assert_int_ge(trouble.since_ms, before_ms);
    ck_assert_int_le(trouble.since_ms, clock_wall_ms(&clock_system));
    klient_event_free(event);

    /* Another one answers: nobody needs this one any more. */
    await("broker-unreachable:transient:over");
}
END_TEST

START_TEST(an_idle_connection_that_breaks_is_idle_until_it_is_made_again)
{
    fake_free(fake);
    fake = fake_new(1);
    fake_add_topic(fake, "t", 1);
    open_producer("1000");
    send_one("t");
    flush();
    fake_disconnect(fake);

    await("broker-unreachable#1:idle");
    send_one("t");
    flush();
    await("broker-unreachable#1:idle:over");
    expect_all("broker-unreachable#1", "idle idle:over");
    expect_all("no-broker", "");
}
END_TEST

START_TEST(a_broker_of_another_cluster_is_fatal)
{
    open_producer(SOON);
    send_one("t");
    flush();
    atomic_store(&fake_faults(fake)->other_cluster, 1);
    fake_disconnect(fake);
    send_one("t");

    await("wrong-cluster#1:fatal");
    ck_assert_int_eq(told_last.code, KLIENT_WRONG_CLUSTER);
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_WRONG_CLUSTER);
    atomic_store(&fake_faults(fake)->other_cluster, 0);
    send_one("t");
    flush();
    await("wrong-cluster#1:fatal:over");
    expect_all("wrong-cluster#1", "fatal fatal:over");
}
END_TEST

/* --- partitions and topics -------------------------------------------------------------------- */

START_TEST(records_that_wait_for_a_leader_are_told)
{
    open_producer(SOON);
    send_one("t");
    flush();
    fake_set_leader(fake, "t", 0, -1);
    send_one("t");

    await("leader-missing:persistent");
    ck_assert_int_eq(told_last.partition, 0);
    ck_assert_int_ge(told_last.lasted_ms, 150);
    fake_set_leader(fake, "t", 0, 0);
    flush();
    await("leader-missing:persistent:over");
    expect_all("leader-missing", "transient persistent persistent:over");
}
END_TEST

START_TEST(a_leader_that_is_missing_when_nothing_waits_any_more_is_no_trouble)
{
    producer = producer_with(telling(config_for(fake, "delivery.timeout.ms", "300", "linger.ms",
                                                "0", NULL), "5000"));
    send_one("t");
    flush();
    fake_set_leader(fake, "t", 0, -1);
    send_one("t");

    await("leader-missing:transient");
    await("leader-missing:transient:over");
    expect_all("leader-missing", "transient transient:over");
}
END_TEST

START_TEST(too_few_replicas_are_told_while_records_are_refused)
{
    open_producer(SOON);
    atomic_store(&fake_faults(fake)->refuse_code, KLIENT_NOT_ENOUGH_REPLICAS);
    atomic_store(&fake_faults(fake)->refuse_count, MANY);
    send_one("t");

    await("not-enough-replicas:persistent");
    ck_assert_int_eq(told_last.code, KLIENT_NOT_ENOUGH_REPLICAS);
    atomic_store(&fake_faults(fake)->refuse_count, 0);
    flush();
    await("not-enough-replicas:persistent:over");
    expect_all("not-enough-replicas", "transient persistent persistent:over");
    expect_all("leader-missing", "");
}
END_TEST

START_TEST(a_leader_that_says_that_it_is_none_is_told)
{
    open_producer(SOON);
    atomic_store(&fake_faults(fake)->refuse_code, KLIENT_NOT_LEADER_OR_FOLLOWER);
    atomic_store(&fake_faults(fake)->refuse_count, MANY);
    send_one("t");

    await("leader-missing:persistent");
    ck_assert_int_eq(told_last.code, KLIENT_NOT_LEADER_OR_FOLLOWER);
    atomic_store(&fake_faults(fake)->refuse_count, 0);
    flush();
    await("leader-missing:persistent:over");
    expect_all("leader-missing", "transient persistent persistent:over");
}
END_TEST

START_TEST(a_topic_that_is_not_there_is_told_to_who_produces)
{
    klient_record_t record;

    open_producer(SOON);
    klient_record_init(&record);
    record.topic = "u";
    klient_producer_try_send(producer, &record, NULL);

    await("topic-unknown:persistent");
    ck_assert_int_eq(told_last.partition, -1);
    fake_add_topic(fake, "u", 1);
    await("topic-unknown:persistent:over");
    expect_all("topic-unknown", "transient persistent persistent:over");
}
END_TEST

/* --- producers -------------------------------------------------------------------------------- */

START_TEST(a_producer_that_gets_no_id_is_fatal)
{
    atomic_store(&fake_faults(fake)->version_body, KAIRN__REQUEST_HEAD__BODY_PRODUCER_ID);
    atomic_store(&fake_faults(fake)->version_lowest, 1);
    producer = producer_with(telling(config_for(fake, "enable.idempotence", "true", NULL), SOON));
    send_one("t");

    await("producer-fenced:fatal");
    ck_assert_int_eq(told_last.code, KLIENT_UNSUPPORTED_VERSION);
    expect_all("producer-fenced", "fatal");
}
END_TEST

static void ignore_report(void *context, const klient_report_t *report)
{
    (void)context, (void)report;
}

START_TEST(reports_that_nobody_reads_are_told_when_they_leave_no_room)
{
    klient_config_t *config = telling(config_for(fake, "buffer.memory", "65536", "batch.size",
                                                 "1024", NULL), "5000");
    klient_record_t record;

    klient_config_set_report(config, ignore_report, NULL);
    producer = producer_with(config);
    klient_record_init(&record);
    record.topic = "t";
    send_one("t");
    for (int looks = 0; !was_told("reports-unread:transient"); looks++) {
        ck_assert_int_lt(looks, MANY);
        klient_producer_try_send(producer, &record, NULL);
        hear(0);
    }
    flush();
    await("reports-unread:transient:over");
    expect_all("reports-unread", "transient transient:over");
}
END_TEST

/* --- queues ----------------------------------------------------------------------------------- */

START_TEST(what_is_open_at_the_close_ends_without_a_word)
{
    open_producer(SOON);
    send_one("t");
    flush();
    fake_set_leader(fake, "t", 0, -1);
    send_one("t");
    await("leader-missing:persistent");
    klient_producer_close(producer, 0, NULL);
    producer = NULL;

    expect_all("leader-missing", "transient persistent");
}
END_TEST

START_TEST(a_queue_may_be_freed_before_who_tells)
{
    open_producer(SOON);
    send_one("t");
    flush();
    klient_queue_free(told_queue);
    told_queue = NULL;
    fake_set_leader(fake, "t", 0, -1);
    send_one("t");
    ck_assert_int_eq(klient_producer_flush(producer, 200, NULL), KLIENT_REQUEST_TIMED_OUT);
    fake_set_leader(fake, "t", 0, 0);

    flush();
}
END_TEST

START_TEST(only_a_trouble_can_be_read_as_one)
{
    klient_trouble_t trouble = { .size = 0 };
    klient_event_t *event = NULL;

    open_producer(LATE);
    send_one("t");
    flush();
    fake_disconnect(fake);
    ck_assert_int_eq(klient_queue_poll(told_queue, PATIENCE_MS, &event, NULL), KLIENT_OK);
    ck_assert_int_eq(klient_event_trouble(event, &trouble), KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_event_trouble(event, NULL), KLIENT_INVALID_ARGUMENT);
    trouble.size = sizeof trouble;
    ck_assert_int_eq(klient_event_trouble(NULL, &trouble), KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_event_trouble(event, &trouble), KLIENT_OK);
    klient_event_free(event);
}
END_TEST

Suite *troubles_suite(void)
{
    Suite *suite = suite_create("client/troubles");
    TCase *tcase = tcase_create("troubles");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_trouble_has_become_persistent_as_soon_as_wanted);
    tcase_add_test(tcase, brokers_that_are_away_are_told_once_each);
    tcase_add_test(tcase, brokers_that_do_not_answer_are_told);
    tcase_add_test(tcase, a_server_that_can_not_be_connected_to_is_told_until_another_answers);
    tcase_add_test(tcase, an_idle_connection_that_breaks_is_idle_until_it_is_made_again);
    tcase_add_test(tcase, a_broker_of_another_cluster_is_fatal);
    tcase_add_test(tcase, records_that_wait_for_a_leader_are_told);
    tcase_add_test(tcase, a_leader_that_is_missing_when_nothing_waits_any_more_is_no_trouble);
    tcase_add_test(tcase, too_few_replicas_are_told_while_records_are_refused);
    tcase_add_test(tcase, a_leader_that_says_that_it_is_none_is_told);
    tcase_add_test(tcase, a_topic_that_is_not_there_is_told_to_who_produces);
    tcase_add_test(tcase, a_producer_that_gets_no_id_is_fatal);
    tcase_add_test(tcase, reports_that_nobody_reads_are_told_when_they_leave_no_room);
    tcase_add_test(tcase, what_is_open_at_the_close_ends_without_a_word);
    tcase_add_test(tcase, a_queue_may_be_freed_before_who_tells);
    tcase_add_test(tcase, only_a_trouble_can_be_read_as_one);
    suite_add_tcase(suite, tcase);
    return suite;
}
