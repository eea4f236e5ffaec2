/* Batches that are closed and not sealed yet. The test is the slow sealer: it closes a batch as a
 * sending thread would, and seals it when it has seen what the loop does meanwhile. */
#include <stdio.h>
#include <stdlib.h>

#include "client/producer.h"
#include "proto/head.h"
#include "tests/client/helpers.h"
#include "tests/lib/wait.h"

enum { PRODUCE = KAIRN__REQUEST_HEAD__BODY_PRODUCE, TRIES = 1000, SHORT_MS = 100 };

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

static klient_code_t send_number(klient_producer_t *producer, int number)
{
    char value[32];

    snprintf(value, sizeof value, "%d", number);
    return send_text(producer, "t", 0, NULL, value);
}

static struct accumulator *accumulator_of(klient_producer_t *producer)
{
    return atomic_load(&producer_topic_find(producer, "t")->table)->accumulators[0];
}

/* Send numbers from *next on until one is in a batch that is ours to seal: the loop may be faster
 * with those before. */
static struct batch *close_one(klient_producer_t *producer, int *next)
{
    for (int i = 0; i < TRIES; i++) {
        ck_assert_int_eq(send_number(producer, (*next)++), KLIENT_OK);
        struct accumulator *accumulator = accumulator_of(producer);
        spin_lock(&accumulator->spin);
        struct batch *batch = accumulator_close_open(accumulator);
        spin_unlock(&accumulator->spin);
        if (batch != NULL)
            return batch;
    }
    ck_abort_msg("the loop was always faster");
    return NULL;
}

static void seal(klient_producer_t *producer, struct batch *batch)
{
    accumulator_seal(accumulator_of(producer), batch);
    accumulator_tell(accumulator_of(producer));
}

static bool waits(klient_producer_t *producer, const struct batch *batch)
{
    struct accumulator *accumulator = accumulator_of(producer);

    spin_lock(&accumulator->spin);
    bool found = accumulator->closed.first == batch;
    spin_unlock(&accumulator->spin);
    return found;
}

static void count_up(void *context, int64_t offset, const char *value)
{
    int *next = context;

    (void)offset;
    ck_assert_int_eq(atoi(value), (*next)++);
}

/* The numbers from 0 on are stored, each once, in order. Returns how many. */
static int count_stored(void)
{
    int next = 0;

    each_stored(fake, "t", 0, count_up, &next);
    return next;
}

static void is_another(void *context, int64_t offset, const char *value)
{
    (void)offset;
    ck_assert_int_ne(atoi(value), *(const int *)context);
}

static const char *const idempotence[] = { "false", "true" };

START_TEST(what_is_being_sealed_is_not_overtaken)
{
    klient_producer_t *producer = producer_with(config_for(
        fake, "compression.type", "zstd", "enable.idempotence", idempotence[_i], NULL));
    int next = 0;

    struct batch *batch = close_one(producer, &next);
    int before = next - 1;
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(send_number(producer, next++), KLIENT_OK);
    WAIT_UNTIL(count_stored() >= before);
    ck_assert_int_eq(klient_producer_flush(producer, SHORT_MS, NULL), KLIENT_REQUEST_TIMED_OUT);
    ck_assert(waits(producer, batch));
    ck_assert_int_eq(count_stored(), before);
    seal(producer, batch);

    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
    ck_assert_int_eq(count_stored(), next);
}
END_TEST

START_TEST(what_was_sealed_goes_without_what_is_being_sealed)
{
    klient_producer_t *producer = producer_with(config_for(
        fake, "compression.type", "zstd", "enable.idempotence", idempotence[_i], NULL));
    int next = 0;

    struct batch *first = close_one(producer, &next);
    struct batch *second = close_one(producer, &next);
    seal(producer, first);
    WAIT_UNTIL(count_stored() >= next - 1);
    ck_assert_int_eq(klient_producer_flush(producer, SHORT_MS, NULL), KLIENT_REQUEST_TIMED_OUT);
    ck_assert(waits(producer, second));
    ck_assert_int_eq(count_stored(), next - 1);
    seal(producer, second);

    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
    ck_assert_int_eq(count_stored(), next);
}
END_TEST

START_TEST(a_flush_waits_for_what_is_being_sealed)
{
    klient_producer_t *producer = producer_with(config_for(fake, NULL));
    int next = 0;

    struct batch *batch = close_one(producer, &next);
    ck_assert_int_eq(klient_producer_flush(producer, SHORT_MS, NULL), KLIENT_REQUEST_TIMED_OUT);
    ck_assert(waits(producer, batch));
    seal(producer, batch);

    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    ck_assert_int_eq(count_stored(), next);
    klient_producer_close(producer, PATIENCE_MS, NULL);
}
END_TEST

START_TEST(what_is_being_sealed_times_out_only_afterwards)
{
    klient_producer_t *producer = producer_with(config_for(
        fake, "linger.ms", "0", "request.timeout.ms", "50", "delivery.timeout.ms", "50", NULL));
    int next = 0;

    ck_assert_int_eq(send_number(producer, next++), KLIENT_OK);
    klient_producer_flush(producer, PATIENCE_MS, NULL);
    struct batch *batch = close_one(producer, &next);
    ck_assert_int_eq(send_number(producer, next++), KLIENT_OK);
    ck_assert_int_eq(klient_producer_flush(producer, 3 * SHORT_MS, NULL),
                     KLIENT_REQUEST_TIMED_OUT);
    ck_assert(waits(producer, batch));
    seal(producer, batch);

    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_REQUEST_TIMED_OUT);
    ck_assert(!waits(producer, batch));
    klient_producer_close(producer, PATIENCE_MS, NULL);
    int held = next - 2;
    each_stored(fake, "t", 0, is_another, &held);
}
END_TEST

/* The batch before it is refused and numbered anew while ours has no header yet. */
START_TEST(what_is_being_sealed_gets_the_numbers_of_a_new_epoch)
{
    klient_producer_t *producer = producer_with(
        config_for(fake, "compression.type", "zstd", "max.in.flight.requests.per.connection", "1",
                   NULL));
    int next = 0;

    ck_assert_int_eq(send_number(producer, next++), KLIENT_OK);
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    int requests = fake_requests(fake, PRODUCE);
    atomic_store(&fake_faults(fake)->delay_ms, 5 * SHORT_MS);
    atomic_store(&fake_faults(fake)->forget_producers, 1);
    ck_assert_int_eq(send_number(producer, next++), KLIENT_OK);
    WAIT_UNTIL(fake_requests(fake, PRODUCE) >= requests + 1);
    struct batch *batch = close_one(producer, &next);
    ck_assert_int_eq(batch->builder.producer_epoch, 0);
    ck_assert_int_eq(send_number(producer, next++), KLIENT_OK);
    WAIT_UNTIL(fake_requests(fake, PRODUCE) >= requests + 2);   /* refused, and sent again */
    if (_i == 1)
        atomic_store(&fake_faults(fake)->forget_producers, 1);
    seal(producer, batch);

    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
    ck_assert_int_eq(count_stored(), next);
    ck_assert_int_eq(last_epoch(fake, "t", 0), 1 + _i);
}
END_TEST

START_TEST(what_is_being_sealed_fails_afterwards_when_its_topic_is_gone)
{
    klient_producer_t *producer = producer_with(
        config_for(fake, "topic.metadata.propagation.max.ms", "50", "metadata.max.age.ms", "100",
                   NULL));
    int next = 0;

    ck_assert_int_eq(send_number(producer, next++), KLIENT_OK);
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    struct batch *batch = close_one(producer, &next);
    fake_remove_topic(fake, "t");
    ck_assert_int_eq(klient_producer_flush(producer, 5 * SHORT_MS, NULL),
                     KLIENT_REQUEST_TIMED_OUT);
    ck_assert(waits(producer, batch));
    seal(producer, batch);

    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL),
                     KLIENT_UNKNOWN_TOPIC_OR_PARTITION);
}
END_TEST

START_TEST(what_was_sealed_but_could_not_be_sent_fails_with_the_producer)
{
    klient_producer_t *producer = producer_with(config_for(fake, NULL));
    int next = 0;

    struct batch *batch = close_one(producer, &next);
    fake_set_leader(fake, "t", 0, -1);
    seal(producer, batch);

    ck_assert_int_eq(klient_producer_close(producer, 0, NULL), KLIENT_REQUEST_TIMED_OUT);
    ck_assert_int_lt(count_stored(), next);
}
END_TEST

Suite *sealing_suite(void)
{
    Suite *suite = suite_create("client/sealing");
    TCase *tcase = tcase_create("sealing");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, what_is_being_sealed_is_not_overtaken, 0, 2);
    tcase_add_loop_test(tcase, what_was_sealed_goes_without_what_is_being_sealed, 0, 2);
    tcase_add_test(tcase, a_flush_waits_for_what_is_being_sealed);
    tcase_add_test(tcase, what_is_being_sealed_times_out_only_afterwards);
    tcase_add_loop_test(tcase, what_is_being_sealed_gets_the_numbers_of_a_new_epoch, 0, 2);
    tcase_add_test(tcase, what_is_being_sealed_fails_afterwards_when_its_topic_is_gone);
    tcase_add_test(tcase, what_was_sealed_but_could_not_be_sent_fails_with_the_producer);
    suite_add_tcase(suite, tcase);
    return suite;
}
