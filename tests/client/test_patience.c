/* Pauses and patience that an application may choose: each test would take longer than its limit
 * with the defaults. */
#include <stdio.h>

#include "common/clock.h"
#include "proto/head.h"
#include "tests/client/members.h"
#include "tests/lib/wait.h"

static struct fake *fake;
static klient_producer_t *producer;
static int64_t began_ms;

static void setup(void)
{
    fake = fake_new(1);
    fake_add_topic(fake, "t", 1);
    atomic_store(&fake_faults(fake)->refuse_code, KLIENT_NOT_ENOUGH_REPLICAS);
    began_ms = clock_mono_ms(&clock_system);
}

static void teardown(void)
{
    fake_free(fake);
}

static void expect_in_time(void)
{
    ck_assert_int_lt(clock_mono_ms(&clock_system) - began_ms, PATIENCE_MS);
}

START_TEST(pauses_between_retries_grow_no_longer_than_wanted)
{
    producer = producer_with(
        config_for(fake, "retry.backoff.ms", "1", "retry.backoff.max.ms", "1", NULL));

    atomic_store(&fake_faults(fake)->refuse_count, 100);
    ck_assert_int_eq(send_text(producer, "t", 0, NULL, "x"), KLIENT_OK);

    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
    expect_in_time();
}
END_TEST

START_TEST(the_first_pause_before_a_retry_is_as_short_as_wanted)
{
    producer = producer_with(config_for(fake, "retry.backoff.ms", "1", NULL));

    for (int i = 0; i < 1000; i++) {
        atomic_store(&fake_faults(fake)->refuse_count, 1);
        ck_assert_int_eq(send_text(producer, "t", 0, NULL, "x"), KLIENT_OK);
        ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    }

    expect_in_time();
    klient_producer_close(producer, PATIENCE_MS, NULL);
}
END_TEST

START_TEST(that_a_topic_is_unknown_is_believed_as_soon_as_wanted)
{
    char name[8];

    producer = producer_with(config_for(fake, "topic.metadata.propagation.max.ms", "0", NULL));
    for (int i = 0; i < 5; i++) {
        snprintf(name, sizeof name, "no-%d", i);
        ck_assert_int_eq(send_text(producer, name, 0, NULL, "x"),
                         KLIENT_UNKNOWN_TOPIC_OR_PARTITION);
    }

    expect_in_time();
    klient_producer_close(producer, PATIENCE_MS, NULL);
}
END_TEST

START_TEST(heartbeats_come_as_often_as_wanted)
{
    struct member member;

    member_open(&member, fake, "heartbeat.interval.ms", "10", NULL);
    member_subscribe(&member, "t");
    POLL_UNTIL(&member, 1, member_holds(&member) == 1);

    WAIT_UNTIL(fake_requests(fake, KAIRN__REQUEST_HEAD__BODY_HEARTBEAT) >= 40);
    expect_in_time();
    member_close(&member);
}
END_TEST

Suite *patience_suite(void)
{
    Suite *suite = suite_create("client/patience");
    TCase *tcase = tcase_create("patience");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, pauses_between_retries_grow_no_longer_than_wanted);
    tcase_add_test(tcase, the_first_pause_before_a_retry_is_as_short_as_wanted);
    tcase_add_test(tcase, that_a_topic_is_unknown_is_believed_as_soon_as_wanted);
    tcase_add_test(tcase, heartbeats_come_as_often_as_wanted);
    suite_add_tcase(suite, tcase);
    return suite;
}
