/* What brokers are asked for: how much at once, how long they gather it, topics to be made. */
#include <string.h>

#include "proto/head.h"
#include "tests/client/helpers.h"
#include "tests/lib/wait.h"

enum { BATCHES = 10 };

static struct fake *fake;
static klient_consumer_t *consumer;

static void setup(void)
{
    fake = fake_new(1);
    fake_add_topic(fake, "t", 1);
    atomic_store(&fake_faults(fake)->no_sessions, 1);
}

static void teardown(void)
{
    klient_consumer_close(consumer, PATIENCE_MS, NULL);
    fake_free(fake);
}

static void open_with(const char *name, const char *value)
{
    consumer = consumer_with(config_for(fake, "auto.offset.reset", "earliest", name, value, NULL));
    assign_one(consumer, "t", 0);
}

static int fetches(void)
{
    return fake_requests(fake, KAIRN__REQUEST_HEAD__BODY_FETCH);
}

/* What a poll has that does not wait; NULL: nothing. */
static klient_records_t *poll_once(void)
{
    klient_records_t *records = NULL;

    ck_assert_int_eq(klient_consumer_poll(consumer, 1, &records, NULL), KLIENT_OK);
    return records;
}

START_TEST(an_answer_has_no_more_bytes_than_wanted_but_a_batch)
{
    for (int i = 0; i < BATCHES; i++)
        fill(fake, "t", 0, 1);
    open_with("fetch.max.bytes", "1");

    for (int i = 0; i < BATCHES; i++)
        expect_numbers(consumer, 0, 1);

    ck_assert_int_ge(fetches(), BATCHES);
}
END_TEST

START_TEST(a_broker_is_asked_to_gather_as_many_bytes_as_wanted)
{
    open_with("fetch.min.bytes", "1000");

    WAIT_UNTIL(poll_once() == NULL && atomic_load(&fake_faults(fake)->fetch_bytes_min) == 1000);
}
END_TEST

START_TEST(a_broker_gathers_no_longer_than_wanted)
{
    open_with("fetch.max.wait.ms", "1");

    WAIT_UNTIL(poll_once() == NULL && fetches() > 500);
}
END_TEST

START_TEST(an_answer_larger_than_allowed_is_not_received)
{
    klient_producer_t *producer = producer_with(config_for(fake, NULL));
    char text[5001];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    send_text(producer, "t", 0, NULL, text);
    klient_producer_close(producer, PATIENCE_MS, NULL);
    open_with("receive.message.max.bytes", "4000");

    while (fetches() < 3)
        ck_assert_ptr_null(poll_once());
}
END_TEST

START_TEST(a_topic_is_made_for_a_consumer_that_allows_it_and_for_no_other)
{
    struct fake_faults *faults = fake_faults(fake);
    klient_records_t *records = NULL;

    atomic_store(&faults->makes_topics, 1);
    consumer = consumer_with(config_for(fake, "allow.auto.create.topics", "false",
                                        "topic.metadata.propagation.max.ms", "20", NULL));
    assign_one(consumer, "unwanted", 0);
    ck_assert_int_eq(poll_something(consumer, &records, NULL), KLIENT_UNKNOWN_TOPIC_OR_PARTITION);
    ck_assert_int_eq(atomic_load(&faults->topics_made), 0);
    klient_consumer_close(consumer, PATIENCE_MS, NULL);

    open_with("allow.auto.create.topics", "true");
    assign_one(consumer, "wanted", 0);

    WAIT_UNTIL(atomic_load(&faults->topics_made) == 1);
}
END_TEST

Suite *fetcher_suite(void)
{
    Suite *suite = suite_create("client/fetcher");
    TCase *tcase = tcase_create("fetcher");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, an_answer_has_no_more_bytes_than_wanted_but_a_batch);
    tcase_add_test(tcase, a_broker_is_asked_to_gather_as_many_bytes_as_wanted);
    tcase_add_test(tcase, a_broker_gathers_no_longer_than_wanted);
    tcase_add_test(tcase, an_answer_larger_than_allowed_is_not_received);
    tcase_add_test(tcase, a_topic_is_made_for_a_consumer_that_allows_it_and_for_no_other);
    suite_add_tcase(suite, tcase);
    return suite;
}
