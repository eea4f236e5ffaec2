/* Answers that make no sense end in typed errors and never in a crash. */
#include <poll.h>
#include <time.h>

#include "common/error.h"
#include "tests/client/helpers.h"

static struct fake *fake;

static void setup(void)
{
    fake = fake_new(1);
    fake_add_topic(fake, "t", 1);
}

static void teardown(void)
{
    fake_free(fake);
}

START_TEST(a_producer_survives_any_answer)
{
    klient_producer_t *producer = producer_with(
        config_for(fake, "delivery.timeout.ms", "300", "request.timeout.ms", "100", NULL));

    send_text(producer, "t", 0, NULL, "x");
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    atomic_store(&fake_faults(fake)->hostile, _i);
    send_text(producer, "t", 0, NULL, "y");
    klient_code_t code = klient_producer_flush(producer, PATIENCE_MS, NULL);
    atomic_store(&fake_faults(fake)->hostile, HOSTILE_NOT);
    if (_i == HOSTILE_PAYLOAD_SIZE || _i == HOSTILE_BAD_TOPIC_ID || _i == HOSTILE_NEGATIVE)
        ck_assert_int_eq(code, KLIENT_OK);      /* nothing of that is in this answer */
    else
        ck_assert_int_ne(code, KLIENT_OK);

    send_text(producer, "t", 0, NULL, "z");
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
}
END_TEST

START_TEST(a_consumer_survives_any_answer)
{
    klient_consumer_t *consumer =
        consumer_with(config_for(fake, "auto.offset.reset", "earliest", "request.timeout.ms",
                                 "100", "fetch.max.wait.ms", "10", NULL));
    klient_records_t *records = NULL;
    int64_t position;

    fill(fake, "t", 0, 10);
    atomic_store(&fake_faults(fake)->hostile, _i);
    assign_one(consumer, "t", 0);
    for (int i = 0; i < 3; i++) {
        klient_consumer_poll(consumer, 50, &records, NULL);
        klient_records_free(records);
        klient_consumer_seek_to_beginning(consumer, "t", 0, NULL);
    }
    atomic_store(&fake_faults(fake)->hostile, HOSTILE_NOT);
    klient_consumer_seek(consumer, "t", 0, 0, NULL);
    ck_assert_int_eq(klient_consumer_position(consumer, "t", 0, 0, &position, NULL), KLIENT_OK);

    klient_code_t code = KLIENT_OK;
    size_t seen = 0;
    while (seen < 10) {
        code = poll_something(consumer, &records, NULL);
        if (code == KLIENT_OK) {
            seen += klient_records_count(records);
            klient_records_free(records);
        } else {
            klient_consumer_seek(consumer, "t", 0, 0, NULL);    /* told late */
        }
    }

    ck_assert_uint_eq(seen, 10);
    klient_consumer_close(consumer, PATIENCE_MS, NULL);
}
END_TEST

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

START_TEST(strange_metadata_does_no_harm)
{
    klient_producer_t *producer = producer_with(
        config_for(fake, "max.block.ms", "200", "request.timeout.ms", "100", NULL));
    klient_metadata_t *metadata = NULL;

    atomic_store(&fake_faults(fake)->hostile_metadata, _i);
    klient_code_t code = send_text(producer, "t", 0, NULL, "x");
    if (klient_producer_partitions_for(producer, "t", 100, &metadata, NULL) == KLIENT_OK)
        klient_metadata_free(metadata);
    atomic_store(&fake_faults(fake)->hostile_metadata, HOSTILE_NOT);

    /* The refusal stands until the client asks again, which it does by itself. */
    int64_t until_ms = now_ms() + PATIENCE_MS;
    while (code != KLIENT_OK && now_ms() < until_ms) {
        poll(NULL, 0, 10);
        code = send_text(producer, "t", 0, NULL, "x");
    }
    ck_assert_int_eq(code, KLIENT_OK);
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
}
END_TEST

Suite *hostile_suite(void)
{
    Suite *suite = suite_create("client/hostile");
    TCase *tcase = tcase_create("hostile");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, a_producer_survives_any_answer, 1, HOSTILE_COUNT);
    tcase_add_loop_test(tcase, a_consumer_survives_any_answer, 1, HOSTILE_COUNT);
    tcase_add_loop_test(tcase, strange_metadata_does_no_harm, 1, HOSTILE_COUNT);
    suite_add_tcase(suite, tcase);
    return suite;
}
