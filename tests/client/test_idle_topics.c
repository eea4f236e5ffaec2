/* Topics that a producer has not used for a while: metadata.max.idle.ms. */
#include "client/producer.h"
#include "proto/head.h"
#include "tests/client/helpers.h"
#include "tests/lib/wait.h"

enum { METADATA = KAIRN__REQUEST_HEAD__BODY_METADATA };

static struct fake *fake;

static void setup(void)
{
    fake = fake_new(1);
    fake_add_topic(fake, "t", 1);
    fake_add_topic(fake, "busy", 1);
}

static void teardown(void)
{
    fake_free(fake);
}

/* Brokers are asked a hundred times a second for the topics that are used. */
static klient_producer_t *producer_that_forgets_after(const char *idle_ms)
{
    return producer_with(config_for(fake, "metadata.max.age.ms", "10", "metadata.max.idle.ms",
                                    idle_ms, "topic.metadata.propagation.max.ms", "1", NULL));
}

static klient_code_t send_now(klient_producer_t *producer, const char *topic, int partition)
{
    klient_code_t code = send_text(producer, topic, partition, NULL, "x");

    return code != KLIENT_OK ? code : klient_producer_flush(producer, PATIENCE_MS, NULL);
}

/* Use the other topic until brokers were asked for it `times` times more. */
static void stay_busy(klient_producer_t *producer, int times)
{
    int enough = fake_asked(fake, "busy") + times;

    WAIT_UNTIL(send_now(producer, "busy", 0) != KLIENT_OK || fake_asked(fake, "busy") >= enough);
}

static struct partition_table *table_of(klient_producer_t *producer)
{
    return atomic_load(&producer_topic_find(producer, "t")->table);
}

static int stored(int partition)
{
    return records_stored(fake, "t", partition);
}

START_TEST(a_topic_that_is_not_used_is_asked_for_no_more)
{
    klient_producer_t *producer = producer_that_forgets_after("50");

    ck_assert_int_eq(send_now(producer, "t", 0), KLIENT_OK);
    ck_assert_int_eq(send_now(producer, "busy", 0), KLIENT_OK);
    WAIT_UNTIL(send_now(producer, "busy", 0) != KLIENT_OK || table_of(producer) == NULL);
    stay_busy(producer, 1);                     /* what was under way has been answered */
    int asked = fake_asked(fake, "t");
    stay_busy(producer, 5);

    ck_assert_int_eq(fake_asked(fake, "t"), asked);
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
}
END_TEST

START_TEST(a_topic_is_kept_for_as_long_as_it_may_be_idle)
{
    klient_producer_t *producer = producer_that_forgets_after("300000");

    ck_assert_int_eq(send_now(producer, "t", 0), KLIENT_OK);
    int asked = fake_asked(fake, "t");
    stay_busy(producer, 10);

    ck_assert_int_ge(fake_asked(fake, "t"), asked + 9);
    ck_assert_ptr_nonnull(table_of(producer));
    klient_producer_close(producer, PATIENCE_MS, NULL);
}
END_TEST

/* With the old picture it would be refused: there was no such partition. */
START_TEST(what_is_sent_afterwards_goes_by_what_is_true_then)
{
    klient_producer_t *producer = producer_that_forgets_after("20");

    ck_assert_int_eq(send_now(producer, "t", 0), KLIENT_OK);
    WAIT_UNTIL(table_of(producer) == NULL);
    fake_add_partitions(fake, "t", 2);

    ck_assert_int_eq(send_now(producer, "t", 1), KLIENT_OK);
    WAIT_UNTIL(table_of(producer) == NULL);
    ck_assert_int_eq(send_now(producer, "t", 0), KLIENT_OK);
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
    ck_assert_int_eq(stored(0), 2);
    ck_assert_int_eq(stored(1), 1);
}
END_TEST

/* As a thread does that has looked at the table just before. */
START_TEST(a_record_that_comes_while_its_topic_is_forgotten_is_sent)
{
    klient_record_t record = { .size = sizeof record, .topic = "t" };
    klient_producer_t *producer = producer_that_forgets_after("20");
    bool moved;

    ck_assert_int_eq(send_now(producer, "t", 0), KLIENT_OK);
    struct accumulator *accumulator = table_of(producer)->accumulators[0];
    WAIT_UNTIL(table_of(producer) == NULL);
    ck_assert_int_eq(accumulator_add(accumulator, &record, 1, 100, true, &moved), 0);

    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    klient_producer_close(producer, PATIENCE_MS, NULL);
    ck_assert_int_eq(stored(0), 2);
}
END_TEST

START_TEST(a_topic_that_does_not_exist_is_forgotten_too)
{
    klient_producer_t *producer = producer_that_forgets_after("20");

    fake_remove_topic(fake, "t");
    ck_assert_int_eq(send_now(producer, "t", 0), KLIENT_UNKNOWN_TOPIC_OR_PARTITION);
    WAIT_UNTIL(atomic_load(&producer_topic_find(producer, "t")->forgotten));
    int requests = fake_requests(fake, METADATA);
    ck_assert_int_eq(send_now(producer, "t", 0), KLIENT_UNKNOWN_TOPIC_OR_PARTITION);
    ck_assert_int_gt(fake_requests(fake, METADATA), requests);
    fake_add_topic(fake, "t", 1);

    ck_assert_int_eq(send_now(producer, "t", 0), KLIENT_OK);
    klient_producer_close(producer, PATIENCE_MS, NULL);
}
END_TEST

START_TEST(who_does_not_wait_has_it_looked_up_again)
{
    klient_record_t record = { .size = sizeof record, .topic = "t" };
    klient_producer_t *producer = producer_that_forgets_after("20");

    ck_assert_int_eq(send_now(producer, "t", 0), KLIENT_OK);
    WAIT_UNTIL(table_of(producer) == NULL);
    ck_assert_int_eq(klient_producer_try_send(producer, &record, NULL),
                     KLIENT_LEADER_NOT_AVAILABLE);
    WAIT_UNTIL(klient_producer_try_send(producer, &record, NULL) == KLIENT_OK);

    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
    ck_assert_int_eq(stored(0), 2);
}
END_TEST

Suite *idle_topics_suite(void)
{
    Suite *suite = suite_create("client/idle-topics");
    TCase *tcase = tcase_create("idle-topics");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_topic_that_is_not_used_is_asked_for_no_more);
    tcase_add_test(tcase, a_topic_is_kept_for_as_long_as_it_may_be_idle);
    tcase_add_test(tcase, what_is_sent_afterwards_goes_by_what_is_true_then);
    tcase_add_test(tcase, a_record_that_comes_while_its_topic_is_forgotten_is_sent);
    tcase_add_test(tcase, a_topic_that_does_not_exist_is_forgotten_too);
    tcase_add_test(tcase, who_does_not_wait_has_it_looked_up_again);
    suite_add_tcase(suite, tcase);
    return suite;
}
