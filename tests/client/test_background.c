#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/error.h"
#include "tests/client/helpers.h"
#include "tests/lib/wait.h"

static struct fake *fake;

static void setup(void)
{
    fake = fake_new(1);
    fake_add_topic(fake, "t", 3);
}

static void teardown(void)
{
    fake_free(fake);
}

struct seen {
    klient_producer_t *producer;
    atomic_int reports, failures, inside, overlaps, signals;
    atomic_int poll_code, close_code;
    atomic_bool holds, let_go;
    int64_t last[3];                    /* offsets; of the reporting thread */
    atomic_int disorder;
};

static void on_report(void *context, const klient_report_t *report)
{
    struct seen *seen = context;
    sigset_t blocked;

    if (atomic_fetch_add(&seen->inside, 1) != 0)
        atomic_fetch_add(&seen->overlaps, 1);
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    if (!sigismember(&blocked, SIGTERM))
        atomic_fetch_add(&seen->signals, 1);
    if (atomic_load(&seen->holds))
        WAIT_UNTIL(atomic_load(&seen->let_go));
    if (report->code != KLIENT_OK)
        atomic_fetch_add(&seen->failures, 1);
    else if (report->offset <= seen->last[report->partition])
        atomic_fetch_add(&seen->disorder, 1);
    else
        seen->last[report->partition] = report->offset;
    if (seen->producer != NULL) {
        atomic_store(&seen->poll_code,
                     (int)klient_producer_poll(seen->producer, 0, NULL, NULL));
        atomic_store(&seen->close_code,
                     (int)klient_producer_close(seen->producer, 0, NULL));
    }
    atomic_fetch_sub(&seen->inside, 1);
    atomic_fetch_add(&seen->reports, 1);
}

static klient_producer_t *producer_for(struct seen *seen)
{
    klient_config_t *config = config_for(fake, "linger.ms", "0", NULL);

    for (int i = 0; i < 3; i++)
        seen->last[i] = -1;
    klient_config_set_report(config, on_report, seen);
    klient_config_set_background(config, 1);
    return producer_with(config);
}

START_TEST(reports_come_by_themselves_in_a_thread_without_signals)
{
    struct seen seen = { 0 };
    klient_producer_t *producer = producer_for(&seen);

    for (int i = 0; i < 30; i++)
        ck_assert_int_eq(send_text(producer, "t", i % 3, NULL, "x"), KLIENT_OK);

    WAIT_UNTIL(atomic_load(&seen.reports) == 30);
    ck_assert_int_eq(atomic_load(&seen.failures), 0);
    ck_assert_int_eq(atomic_load(&seen.overlaps), 0);
    ck_assert_int_eq(atomic_load(&seen.disorder), 0);
    ck_assert_int_eq(atomic_load(&seen.signals), 0);
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
}
END_TEST

START_TEST(polling_makes_no_sense_then_and_the_descriptor_stays_silent)
{
    struct seen seen = { .holds = true };
    klient_producer_t *producer = producer_for(&seen);
    struct pollfd poller = { .fd = klient_producer_descriptor(producer), .events = POLLIN };
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(send_text(producer, "t", i, NULL, "x"), KLIENT_OK);
    WAIT_UNTIL(atomic_load(&seen.inside) == 1);

    ck_assert_int_eq(klient_producer_poll(producer, PATIENCE_MS, NULL, NULL), KLIENT_WRONG_STATE);
    ck_assert_int_eq(poll(&poller, 1, 20), 0);

    atomic_store(&seen.let_go, true);
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
    ck_assert_int_eq(atomic_load(&seen.reports), 2);
}
END_TEST

START_TEST(a_flush_has_everything_reported_when_it_returns)
{
    struct seen seen = { 0 };
    klient_producer_t *producer = producer_for(&seen);

    for (int round = 1; round <= 20; round++) {
        for (int i = 0; i < 10; i++)
            ck_assert_int_eq(send_text(producer, "t", i % 3, NULL, "x"), KLIENT_OK);
        ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
        ck_assert_int_eq(atomic_load(&seen.reports), round * 10);
    }
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
}
END_TEST

START_TEST(a_flush_does_not_wait_for_a_report_function_for_longer_than_it_may)
{
    struct seen seen = { .holds = true };
    klient_producer_t *producer = producer_for(&seen);
    ck_assert_int_eq(send_text(producer, "t", 0, NULL, "x"), KLIENT_OK);
    WAIT_UNTIL(atomic_load(&seen.inside) == 1);

    ck_assert_int_eq(klient_producer_flush(producer, 30, NULL), KLIENT_REQUEST_TIMED_OUT);

    atomic_store(&seen.let_go, true);
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
}
END_TEST

START_TEST(what_is_not_acknowledged_is_reported_before_close_returns)
{
    struct seen seen = { 0 };
    klient_producer_t *producer = producer_for(&seen);
    ck_assert_int_eq(send_text(producer, "t", 0, NULL, "x"), KLIENT_OK);
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    atomic_store(&fake_faults(fake)->mute, 1);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(send_text(producer, "t", i % 3, NULL, "x"), KLIENT_OK);

    klient_producer_close(producer, 0, NULL);

    ck_assert_int_eq(atomic_load(&seen.reports), 11);
    ck_assert_int_eq(atomic_load(&seen.failures), 10);
}
END_TEST

START_TEST(a_report_function_may_not_wait_for_its_own_thread)
{
    struct seen seen = { 0 };
    klient_producer_t *producer = producer_for(&seen);
    seen.producer = producer;
    ck_assert_int_eq(send_text(producer, "t", 0, NULL, "x"), KLIENT_OK);

    WAIT_UNTIL(atomic_load(&seen.reports) == 1);

    ck_assert_int_eq(atomic_load(&seen.poll_code), KLIENT_IN_CALLBACK);
    ck_assert_int_eq(atomic_load(&seen.close_code), KLIENT_IN_CALLBACK);
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
}
END_TEST

START_TEST(reports_that_wait_for_a_slow_function_fill_the_buffer_for_a_while)
{
    struct seen seen = { .holds = true };
    klient_config_t *config = config_for(fake, "linger.ms", "0", "buffer.memory", "65536",
                                         "batch.size", "1024", NULL);
    klient_error_t *error = NULL;
    int sent = 0;
    for (int i = 0; i < 3; i++)
        seen.last[i] = -1;
    klient_config_set_report(config, on_report, &seen);
    klient_config_set_background(config, 1);
    klient_producer_t *producer = producer_with(config);
    klient_record_t record;
    klient_record_init(&record);
    record.topic = "t";
    record.partition = 0;
    record.value = "some value";
    record.value_size = 10;
    send_text(producer, "t", 0, NULL, "x");
    WAIT_UNTIL(atomic_load(&seen.inside) == 1);

    klient_code_t code;
    while ((code = klient_producer_try_send(producer, &record, &error)) == KLIENT_OK)
        sent++;
    ck_assert_int_eq(code, KLIENT_QUEUE_FULL);
    klient_error_free(error);

    atomic_store(&seen.let_go, true);
    ck_assert_int_eq(klient_producer_send(producer, &record, NULL), KLIENT_OK);
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
    ck_assert_int_eq(atomic_load(&seen.reports), sent + 2);
}
END_TEST

START_TEST(without_anybody_to_tell_nothing_is_delivered_and_all_goes_on)
{
    klient_config_t *config = config_for(fake, NULL);
    klient_config_set_background(config, 1);
    klient_producer_t *producer = producer_with(config);

    ck_assert_int_eq(send_text(producer, "t", 0, NULL, "x"), KLIENT_OK);
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    ck_assert_int_eq(klient_producer_poll(producer, 0, NULL, NULL), KLIENT_WRONG_STATE);
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
}
END_TEST

static void *send_many(void *context)
{
    for (int i = 0; i < 300; i++)
        ck_assert_int_eq(send_text(context, "t", i % 3, NULL, "x"), KLIENT_OK);
    klient_producer_flush(context, PATIENCE_MS, NULL);
    return NULL;
}

START_TEST(many_threads_send_and_flush_while_one_reports)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    struct seen seen = { 0 };
    klient_producer_t *producer = producer_for(&seen);

    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, send_many, producer), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);

    ck_assert_int_eq(atomic_load(&seen.reports), THREADS * 300);
    ck_assert_int_eq(atomic_load(&seen.overlaps), 0);
    ck_assert_int_eq(atomic_load(&seen.disorder), 0);
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
}
END_TEST

Suite *background_suite(void)
{
    Suite *suite = suite_create("client/background");
    TCase *tcase = tcase_create("background");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, reports_come_by_themselves_in_a_thread_without_signals);
    tcase_add_test(tcase, polling_makes_no_sense_then_and_the_descriptor_stays_silent);
    tcase_add_test(tcase, a_flush_has_everything_reported_when_it_returns);
    tcase_add_test(tcase, a_flush_does_not_wait_for_a_report_function_for_longer_than_it_may);
    tcase_add_test(tcase, what_is_not_acknowledged_is_reported_before_close_returns);
    tcase_add_test(tcase, a_report_function_may_not_wait_for_its_own_thread);
    tcase_add_test(tcase, reports_that_wait_for_a_slow_function_fill_the_buffer_for_a_while);
    tcase_add_test(tcase, without_anybody_to_tell_nothing_is_delivered_and_all_goes_on);
    tcase_add_test(tcase, many_threads_send_and_flush_while_one_reports);
    suite_add_tcase(suite, tcase);
    return suite;
}
