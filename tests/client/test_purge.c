/* Records that the application gives up: what waits, what is in flight, and what comes after. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/producer.h"
#include "proto/head.h"
#include "tests/client/helpers.h"
#include "tests/lib/wait.h"

enum { PRODUCE = KAIRN__REQUEST_HEAD__BODY_PRODUCE, SHORT_MS = 100, REPORTS_MAX = 64 };
enum { ALL = KLIENT_PURGE_QUEUED | KLIENT_PURGE_IN_FLIGHT };

static struct fake *fake;

/* What reports said, in their order. */
static struct told {
    int count;
    struct {
        int number;
        klient_code_t code;
        int maybe;
    } of[REPORTS_MAX];
} told;

static void setup(void)
{
    fake = fake_new(1);
    fake_add_topic(fake, "t", 1);
    told.count = 0;
}

static void teardown(void)
{
    fake_free(fake);
}

static void note(void *context, const klient_report_t *report)
{
    (void)context;
    ck_assert_int_lt(told.count, REPORTS_MAX);
    told.of[told.count].number = (int)(intptr_t)report->opaque;
    told.of[told.count].code = report->code;
    told.of[told.count++].maybe = report->may_have_been_written;
}

/* One request at a time, each record a batch of its own. */
static klient_producer_t *producer_of_single_batches(const char *idempotence)
{
    klient_config_t *config =
        config_for(fake, "max.in.flight.requests.per.connection", "1", "batch.size", "256",
                   "retry.backoff.ms", "5", "enable.idempotence", idempotence, NULL);

    klient_config_set_report(config, note, NULL);
    return producer_with(config);
}

static void send_numbers(klient_producer_t *producer, int from, int to)
{
    char value[256];
    klient_record_t record;

    klient_record_init(&record);
    record.topic = "t";
    record.partition = 0;
    for (int i = from; i < to; i++) {
        record.value = value;
        record.value_size = (size_t)snprintf(value, sizeof value, "%-180d", i);
        record.opaque = (void *)(intptr_t)i;
        ck_assert_int_eq(klient_producer_send(producer, &record, NULL), KLIENT_OK);
    }
}

/* Number 0 is stored, number 1 is in flight, where it stays for a while, 2 and 3 wait behind it. */
static void hold_one_in_flight(klient_producer_t *producer)
{
    send_numbers(producer, 0, 1);
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    int requests = fake_requests(fake, PRODUCE);
    atomic_store(&fake_faults(fake)->delay_ms, 5 * SHORT_MS);
    send_numbers(producer, 1, 2);
    WAIT_UNTIL(fake_requests(fake, PRODUCE) > requests);
    atomic_store(&fake_faults(fake)->delay_ms, 0);
    send_numbers(producer, 2, 4);
}

static struct accumulator *accumulator_of(klient_producer_t *producer)
{
    return atomic_load(&producer_topic_find(producer, "t")->table)->accumulators[0];
}

static void expect_told(int at, int number, klient_code_t code, int maybe)
{
    ck_assert_int_lt(at, told.count);
    ck_assert_int_eq(told.of[at].number, number);
    ck_assert_int_eq(told.of[at].code, code);
    ck_assert_int_eq(told.of[at].maybe, maybe);
}

static int stored[REPORTS_MAX], stored_count;

static void keep(void *context, int64_t offset, const char *value)
{
    (void)context, (void)offset;
    stored[stored_count++] = atoi(value);
}

/* Exactly these are stored, in this order. */
static void expect_stored(const int *numbers, int count)
{
    stored_count = 0;
    each_stored(fake, "t", 0, keep, NULL);
    ck_assert_int_eq(stored_count, count);
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(stored[i], numbers[i]);
}

static const char *const idempotence[] = { "false", "true" };

START_TEST(what_waits_fails_in_order_and_what_is_in_flight_goes_on)
{
    klient_producer_t *producer = producer_of_single_batches(idempotence[_i]);

    hold_one_in_flight(producer);
    ck_assert_int_eq(klient_producer_purge(producer, KLIENT_PURGE_QUEUED, NULL), KLIENT_OK);
    ck_assert_int_eq(klient_producer_poll(producer, 0, NULL, NULL), KLIENT_OK);
    ck_assert_int_eq(told.count, 3);
    expect_told(1, 2, KLIENT_PURGED, 0);
    expect_told(2, 3, KLIENT_PURGED, 0);
    send_numbers(producer, 4, 5);

    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_PURGED);
    expect_told(3, 1, KLIENT_OK, 0);
    expect_told(4, 4, KLIENT_OK, 0);
    expect_stored((int[]){ 0, 1, 4 }, 3);
}
END_TEST

START_TEST(what_never_left_leaves_no_gap_in_the_numbers)
{
    klient_producer_t *producer = producer_of_single_batches("true");

    hold_one_in_flight(producer);
    klient_producer_purge(producer, KLIENT_PURGE_QUEUED, NULL);
    send_numbers(producer, 4, 6);

    klient_producer_close(producer, PATIENCE_MS, NULL);
    expect_stored((int[]){ 0, 1, 4, 5 }, 4);
    ck_assert_int_eq(last_epoch(fake, "t", 0), 0);
}
END_TEST

START_TEST(what_is_in_flight_fails_and_may_have_been_written)
{
    klient_producer_t *producer = producer_of_single_batches(idempotence[_i]);

    hold_one_in_flight(producer);
    ck_assert_int_eq(klient_producer_purge(producer, KLIENT_PURGE_IN_FLIGHT, NULL), KLIENT_OK);
    ck_assert_int_eq(klient_producer_poll(producer, 0, NULL, NULL), KLIENT_OK);
    ck_assert_int_eq(told.count, 2);
    expect_told(1, 1, KLIENT_PURGED, 1);

    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_PURGED);
    expect_told(2, 2, KLIENT_OK, 0);
    expect_told(3, 3, KLIENT_OK, 0);
    expect_stored((int[]){ 0, 1, 2, 3 }, 4);
}
END_TEST

/* Refused after it was purged, it is not sent again: the gap costs an epoch, and nothing else. */
START_TEST(what_was_in_flight_and_is_not_stored_holds_up_nothing)
{
    klient_producer_t *producer = producer_of_single_batches("true");

    atomic_store(&fake_faults(fake)->refuse_code, KLIENT_NOT_ENOUGH_REPLICAS);
    send_numbers(producer, 0, 1);
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    int requests = fake_requests(fake, PRODUCE);
    atomic_store(&fake_faults(fake)->delay_ms, 2 * SHORT_MS);
    atomic_store(&fake_faults(fake)->refuse_count, 1);
    send_numbers(producer, 1, 2);
    WAIT_UNTIL(fake_requests(fake, PRODUCE) > requests);
    atomic_store(&fake_faults(fake)->delay_ms, 0);
    klient_producer_purge(producer, ALL, NULL);
    send_numbers(producer, 2, 5);

    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_PURGED);
    expect_told(1, 1, KLIENT_PURGED, 1);
    expect_stored((int[]){ 0, 2, 3, 4 }, 4);
    ck_assert_int_eq(last_epoch(fake, "t", 0), 1);
}
END_TEST

START_TEST(all_of_it_fails_in_the_order_of_the_sends)
{
    klient_producer_t *producer = producer_of_single_batches(idempotence[_i]);

    hold_one_in_flight(producer);
    ck_assert_int_eq(klient_producer_purge(producer, ALL, NULL), KLIENT_OK);

    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_PURGED);
    for (int i = 1; i < 4; i++)
        expect_told(i, i, KLIENT_PURGED, i == 1);
    send_numbers(producer, 4, 5);
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
    expect_stored((int[]){ 0, 1, 4 }, 3);
}
END_TEST

START_TEST(what_waits_to_be_sent_again_counts_as_waiting)
{
    klient_producer_t *producer = producer_with(
        config_for(fake, "retry.backoff.ms", "10000", "retry.backoff.max.ms", "10000", NULL));

    ck_assert_int_eq(send_text(producer, "t", 0, NULL, "0"), KLIENT_OK);
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    int requests = fake_requests(fake, PRODUCE);
    atomic_store(&fake_faults(fake)->refuse_code, KLIENT_NOT_ENOUGH_REPLICAS);
    atomic_store(&fake_faults(fake)->refuse_count, 1000);
    ck_assert_int_eq(send_text(producer, "t", 0, NULL, "1"), KLIENT_OK);
    WAIT_UNTIL(fake_requests(fake, PRODUCE) > requests);
    ck_assert_int_eq(klient_producer_flush(producer, SHORT_MS, NULL), KLIENT_REQUEST_TIMED_OUT);
    klient_producer_purge(producer, KLIENT_PURGE_QUEUED, NULL);

    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_PURGED);
    klient_producer_close(producer, PATIENCE_MS, NULL);
    expect_stored((int[]){ 0 }, 1);
}
END_TEST

/* The first that waits grew old meanwhile, the others did not: they take over its numbers. */
START_TEST(what_ran_out_of_time_and_never_left_leaves_no_gap_either)
{
    klient_producer_t *producer = producer_of_single_batches("true");

    hold_one_in_flight(producer);
    send_numbers(producer, 4, 5);
    struct accumulator *accumulator = accumulator_of(producer);
    spin_lock(&accumulator->spin);
    struct batch *oldest = accumulator->closed.first;
    ck_assert(oldest != NULL && oldest->next != NULL);
    oldest->opened_at_ms -= accumulator->topic->values->delivery_timeout_ms;
    spin_unlock(&accumulator->spin);

    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_REQUEST_TIMED_OUT);
    send_numbers(producer, 5, 6);
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
    expect_told(2, 2, KLIENT_REQUEST_TIMED_OUT, 0);
    expect_stored((int[]){ 0, 1, 3, 4, 5 }, 5);
    ck_assert_int_eq(last_epoch(fake, "t", 0), 0);
}
END_TEST

/* A batch is with its sealer, others behind it: they fail afterwards, and none is sent. */
START_TEST(what_is_being_sealed_fails_afterwards)
{
    klient_producer_t *producer = producer_of_single_batches("true");

    hold_one_in_flight(producer);
    struct accumulator *accumulator = accumulator_of(producer);
    spin_lock(&accumulator->spin);
    struct batch *batch = accumulator->closed.first != NULL ? accumulator->closed.first
                                                            : accumulator_close_open(accumulator);
    bool sealed = atomic_exchange(&batch->sealed, false);   /* as if it were not done with yet */
    spin_unlock(&accumulator->spin);
    klient_producer_purge(producer, ALL, NULL);
    send_numbers(producer, 4, 5);
    ck_assert_int_eq(klient_producer_flush(producer, SHORT_MS, NULL), KLIENT_REQUEST_TIMED_OUT);
    ck_assert_int_eq(told.count, 2);
    if (sealed)
        atomic_store(&batch->sealed, true);
    else
        accumulator_seal(accumulator, batch);
    accumulator_tell(accumulator);

    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_PURGED);
    expect_told(2, 2, KLIENT_PURGED, 0);
    expect_told(3, 3, KLIENT_PURGED, 0);
    expect_told(4, 4, KLIENT_OK, 0);
    expect_stored((int[]){ 0, 1, 4 }, 3);
}
END_TEST

static void *send_one(void *producer)
{
    return (void *)(intptr_t)send_text(producer, "t", 0, NULL, "x");
}

static void *flush(void *producer)
{
    return (void *)(intptr_t)klient_producer_flush(producer, PATIENCE_MS, NULL);
}

START_TEST(who_waits_for_room_or_in_flush_goes_on)
{
    klient_producer_t *producer = producer_with(
        config_for(fake, "buffer.memory", "65536", "batch.size", "65536", NULL));
    pthread_t waiter;
    void *code;

    ck_assert_int_eq(send_text(producer, "t", 0, NULL, "x"), KLIENT_OK);
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    atomic_store(&fake_faults(fake)->mute, 1);
    while (klient_producer_try_send(producer,
                                    &(klient_record_t){ .size = sizeof(klient_record_t),
                                                        .topic = "t", .timestamp = -1 },
                                    NULL) == KLIENT_OK)
        ;
    if (_i == 0) {
        ck_assert_int_eq(pthread_create(&waiter, NULL, send_one, producer), 0);
        WAIT_UNTIL(atomic_load(&producer->starving) > 0);
    } else {
        ck_assert_int_eq(pthread_create(&waiter, NULL, flush, producer), 0);
    }
    ck_assert_int_eq(klient_producer_purge(producer, ALL, NULL), KLIENT_OK);
    pthread_join(waiter, &code);

    ck_assert_int_eq((int)(intptr_t)code, _i == 0 ? KLIENT_OK : KLIENT_PURGED);
    klient_producer_close(producer, 0, NULL);
}
END_TEST

static void give_the_rest_up(void *context, const klient_report_t *report)
{
    klient_producer_t *producer = *(klient_producer_t **)context;

    note(context, report);
    if (report->code == KLIENT_OK)
        ck_assert_int_eq(klient_producer_purge(producer, ALL, NULL), KLIENT_OK);
}

/* Number 0 is answered late, and nothing after it. */
START_TEST(a_report_may_give_up_the_rest)
{
    klient_config_t *config =
        config_for(fake, "max.in.flight.requests.per.connection", "1", NULL);
    klient_producer_t *producer;

    klient_config_set_report(config, give_the_rest_up, &producer);
    producer = producer_with(config);
    atomic_store(&fake_faults(fake)->delay_ms, 2 * SHORT_MS);
    send_numbers(producer, 0, 1);
    WAIT_UNTIL(fake_requests(fake, PRODUCE) > 0);
    atomic_store(&fake_faults(fake)->mute, 1);
    send_numbers(producer, 1, 3);

    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_PURGED);
    ck_assert_int_eq(told.count, 3);
    expect_told(0, 0, KLIENT_OK, 0);
    for (int i = 1; i < 3; i++)
        expect_told(i, i, KLIENT_PURGED, told.of[i].maybe);
    klient_producer_close(producer, 0, NULL);
}
END_TEST

START_TEST(what_is_to_be_given_up_has_to_be_named)
{
    klient_producer_t *producer = producer_with(config_for(fake, NULL));

    ck_assert_int_eq(klient_producer_purge(producer, 0, NULL), KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_producer_purge(producer, 4, NULL), KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_producer_purge(producer, ALL, NULL), KLIENT_OK);
    klient_producer_close(producer, 0, NULL);
}
END_TEST

/* --- at random -------------------------------------------------------------------------------- */

enum { MANY = 3000, EACH = 40 };

struct fate { int told, stored; bool maybe; klient_code_t code; };

static void note_fate(void *context, const klient_report_t *report)
{
    struct fate *fate = (struct fate *)context + (intptr_t)report->opaque;

    fate->told++;
    fate->code = report->code;
    fate->maybe = report->may_have_been_written != 0;
}

/* Stored in the order in which they were sent. */
static void note_stored(void *context, int64_t offset, const char *value)
{
    static int last;
    int number = atoi(value);

    ck_assert_msg(offset == 0 || number > last, "%d after %d", number, last);
    last = number;
    ((struct fate *)context)[number].stored++;
}

/* Whatever a broker refuses, loses or forgets: each record is reported once, and truly. */
START_TEST(reports_are_true_whatever_is_purged_and_lost)
{
    static struct fate fates[MANY];
    klient_config_t *config = config_for(fake, "retry.backoff.ms", "1", "batch.size", "512",
                                         "max.request.size", "1024", "enable.idempotence",
                                         idempotence[_i], NULL);
    int open = 0, certain = 0;

    memset(fates, 0, sizeof fates);
    klient_config_set_report(config, note_fate, fates);
    klient_producer_t *producer = producer_with(config);
    atomic_store(&fake_faults(fake)->random_percent, 30);
    atomic_store(&fake_faults(fake)->random_lost, _i == 1);
    for (int i = 0; i < MANY; i += EACH) {
        send_numbers(producer, i, i + EACH);
        klient_producer_poll(producer, i % 3, NULL, NULL);
        if (i / EACH % 3 == 0)
            klient_producer_purge(producer, 1 + i / EACH % 9 / 3, NULL);
    }
    atomic_store(&fake_faults(fake)->random_percent, 0);
    klient_producer_flush(producer, PATIENCE_MS, NULL);
    klient_producer_close(producer, PATIENCE_MS, NULL);

    each_stored(fake, "t", 0, note_stored, fates);
    for (int i = 0; i < MANY; i++) {
        ck_assert_int_eq(fates[i].told, 1);
        ck_assert_int_le(fates[i].stored, 1);
        if (!fates[i].maybe)
            ck_assert_int_eq(fates[i].stored, fates[i].code == KLIENT_OK);
        if (fates[i].code != KLIENT_OK)
            ck_assert_int_eq(fates[i].code, KLIENT_PURGED);
        open += fates[i].maybe;
        certain += fates[i].code == KLIENT_PURGED && !fates[i].maybe;
    }
    ck_assert_int_gt(open, 0);
    ck_assert_int_gt(certain, 0);
}
END_TEST

Suite *purge_suite(void)
{
    Suite *suite = suite_create("client/purge");
    TCase *tcase = tcase_create("purge");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, what_waits_fails_in_order_and_what_is_in_flight_goes_on, 0, 2);
    tcase_add_test(tcase, what_never_left_leaves_no_gap_in_the_numbers);
    tcase_add_loop_test(tcase, what_is_in_flight_fails_and_may_have_been_written, 0, 2);
    tcase_add_test(tcase, what_was_in_flight_and_is_not_stored_holds_up_nothing);
    tcase_add_loop_test(tcase, all_of_it_fails_in_the_order_of_the_sends, 0, 2);
    tcase_add_test(tcase, what_waits_to_be_sent_again_counts_as_waiting);
    tcase_add_test(tcase, what_ran_out_of_time_and_never_left_leaves_no_gap_either);
    tcase_add_test(tcase, what_is_being_sealed_fails_afterwards);
    tcase_add_loop_test(tcase, who_waits_for_room_or_in_flush_goes_on, 0, 2);
    tcase_add_test(tcase, a_report_may_give_up_the_rest);
    tcase_add_loop_test(tcase, reports_are_true_whatever_is_purged_and_lost, 0, 2);
    tcase_add_test(tcase, what_is_to_be_given_up_has_to_be_named);
    suite_add_tcase(suite, tcase);
    return suite;
}
