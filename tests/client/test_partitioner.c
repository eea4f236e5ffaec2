#include <stdlib.h>
#include <string.h>

#include "client/partitioner.h"
#include "client/producer.h"
#include "common/clock.h"
#include "proto/head.h"
#include "tests/client/helpers.h"
#include "tests/lib/wait.h"

START_TEST(murmur2_agrees_with_kafkas_java_client)
{
    static const struct { const char *key; int32_t hash; } golden[] = {
        { "21", -973932308 },
        { "foobar", -790332482 },
        { "abc", 479470107 },
        { "a-little-bit-long-string", -985981536 },
        { "a-little-bit-longer-string", -1486304829 },
        { "kafka", (int32_t)0xd067cf64 },
        { "", 0x106e08d9 },
    };

    for (size_t i = 0; i < sizeof golden / sizeof golden[0]; i++)
        ck_assert_int_eq((int32_t)murmur2(golden[i].key, strlen(golden[i].key)), golden[i].hash);
}
END_TEST

START_TEST(keys_go_where_kafkas_java_client_sends_them)
{
    ck_assert_int_eq(klient_partition_for_key("kafka", 5, 12), 4);
    ck_assert_int_eq(klient_partition_for_key("abc", 3, 12), 3);
    ck_assert_int_eq(klient_partition_for_key("foobar", 6, 12), 6);
}
END_TEST

START_TEST(without_partitions_there_is_no_choice)
{
    ck_assert_int_eq(klient_partition_for_key("kafka", 5, 0), -1);
}
END_TEST

START_TEST(picking_prefers_short_queues)
{
    static const uint32_t queues[] = { 9, 0, 9 };
    int picked[3] = { 0 };

    for (uint64_t chance = 0; chance < 1200; chance++)
        picked[partition_pick(queues, 3, chance)]++;

    ck_assert_int_eq(picked[0], 100);
    ck_assert_int_eq(picked[1], 1000);
    ck_assert_int_eq(picked[2], 100);
}
END_TEST

START_TEST(picking_without_queues_is_even)
{
    int picked[4] = { 0 };

    for (uint64_t chance = 0; chance < 400; chance++)
        picked[partition_pick(NULL, 4, chance)]++;

    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(picked[i], 100);
}
END_TEST

/* --- partitions whose leader takes nothing ---------------------------------------------------- */

enum { PARTITIONS = 4, LIMIT_MS = 100 };

static struct fake *fake;

/* Partitions 0 and 1 are led by a broker that answers, 2 and 3 by another one. */
static void setup(void)
{
    fake = fake_new(2);
    fake_add_topic(fake, "t", PARTITIONS);
    for (int p = 0; p < PARTITIONS; p++)
        fake_set_leader(fake, "t", p, p / 2);
}

static void teardown(void)
{
    fake_free(fake);
}

/* Each fills a batch. */
static void send_batch(klient_producer_t *producer, int partition)
{
    char value[256];

    memset(value, 'x', sizeof value);
    value[sizeof value - 1] = '\0';
    ck_assert_int_eq(send_text(producer, "t", partition, NULL, value), KLIENT_OK);
}

static void send_batches(klient_producer_t *producer, int count)
{
    for (int i = 0; i < count; i++)
        send_batch(producer, KLIENT_PARTITION_ANY);
}

static unsigned queued(klient_producer_t *producer, int partition)
{
    const struct partition_table *table = atomic_load(&producer_topic_find(producer, "t")->table);

    return atomic_load(&table->accumulators[partition]->queued);
}

/* Batches that wait for the second broker. */
static unsigned waiting(klient_producer_t *producer)
{
    return queued(producer, 2) + queued(producer, 3);
}

/* One whose partitions 2 and 3 have been waiting for a leader that takes nothing. */
static klient_producer_t *stalled_producer(const char *adaptive, const char *timeout_ms)
{
    klient_producer_t *producer = producer_with(
        config_for(fake, "batch.size", "256", "max.in.flight.requests.per.connection", "1",
                   "partitioner.adaptive.partitioning.enable", adaptive,
                   "partitioner.availability.timeout.ms", timeout_ms, NULL));

    for (int p = 0; p < PARTITIONS; p++)
        ck_assert_int_eq(send_text(producer, "t", p, NULL, "x"), KLIENT_OK);
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    atomic_store(&fake_faults(fake)->mute_broker, 2);
    int requests = fake_requests(fake, KAIRN__REQUEST_HEAD__BODY_PRODUCE);
    send_batch(producer, 2);
    WAIT_UNTIL(fake_requests(fake, KAIRN__REQUEST_HEAD__BODY_PRODUCE) > requests);
    for (int p = 2; p < PARTITIONS; p++)
        send_batch(producer, p);
    int64_t until_ms = clock_mono_ms(&clock_system) + 2 * LIMIT_MS;
    WAIT_UNTIL(clock_mono_ms(&clock_system) >= until_ms);
    send_batches(producer, 2);          /* the first may stick where it was */
    return producer;
}

START_TEST(a_leader_that_takes_nothing_gets_nothing)
{
    klient_producer_t *producer = stalled_producer("true", "100");
    unsigned before = waiting(producer);

    send_batches(producer, 200);

    ck_assert_uint_eq(waiting(producer), before);
    klient_producer_close(producer, 0, NULL);
}
END_TEST

START_TEST(it_gets_some_again_once_it_takes_them)
{
    klient_producer_t *producer = stalled_producer("true", "100");

    atomic_store(&fake_faults(fake)->mute_broker, 0);
    fake_disconnect(fake);
    WAIT_UNTIL(waiting(producer) == 0);
    size_t before, after;
    free(fake_read(fake, "t", 2, &before));
    send_batches(producer, 200);
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);

    free(fake_read(fake, "t", 2, &after));
    ck_assert_uint_gt(after, before);
    klient_producer_close(producer, 0, NULL);
}
END_TEST

START_TEST(otherwise_it_only_gets_less)
{
    static const char *const settings[][2] = { { "true", "0" }, { "false", "100" } };
    klient_producer_t *producer = stalled_producer(settings[_i][0], settings[_i][1]);
    unsigned before = waiting(producer);

    send_batches(producer, 200);

    ck_assert_uint_gt(waiting(producer), before);
    klient_producer_close(producer, 0, NULL);
}
END_TEST

Suite *partitioner_suite(void)
{
    Suite *suite = suite_create("client/partitioner");
    TCase *tcase = tcase_create("partitioner");

    tcase_add_test(tcase, murmur2_agrees_with_kafkas_java_client);
    tcase_add_test(tcase, keys_go_where_kafkas_java_client_sends_them);
    tcase_add_test(tcase, without_partitions_there_is_no_choice);
    tcase_add_test(tcase, picking_prefers_short_queues);
    tcase_add_test(tcase, picking_without_queues_is_even);
    suite_add_tcase(suite, tcase);

    TCase *stalled = tcase_create("stalled-leaders");
    tcase_set_timeout(stalled, 60);
    tcase_add_checked_fixture(stalled, setup, teardown);
    tcase_add_test(stalled, a_leader_that_takes_nothing_gets_nothing);
    tcase_add_test(stalled, it_gets_some_again_once_it_takes_them);
    tcase_add_loop_test(stalled, otherwise_it_only_gets_less, 0, 2);
    suite_add_tcase(suite, stalled);
    return suite;
}
