/* What keeps records in order and what breaks it, where docs/ordering.md claims it and no other
 * suite proves it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/producer.h"
#include "tests/client/helpers.h"
#include "tests/lib/wait.h"

enum { PARTITIONS = 3, KEYS = 20 };

static struct fake *fake;

static void setup(void)
{
    fake = fake_new(1);
    fake_add_topic(fake, "t", PARTITIONS);
}

static void teardown(void)
{
    fake_free(fake);
}

/* In which partition the record with that value is; -1: in none. */
struct search { const char *value; int found; };

static void look(void *context, int64_t offset, const char *value)
{
    struct search *search = context;

    (void)offset;
    search->found |= strcmp(value, search->value) == 0;
}

static int partition_of(const char *value, int partitions)
{
    for (int p = 0; p < partitions; p++) {
        struct search search = { value, 0 };
        each_stored(fake, "t", p, look, &search);
        if (search.found)
            return p;
    }
    return -1;
}

/* Send "1st KEY", ... for each key. */
static void send_keys(klient_producer_t *producer, const char *prefix)
{
    for (int i = 0; i < KEYS; i++) {
        char key[8], value[16];
        snprintf(key, sizeof key, "%d", i);
        snprintf(value, sizeof value, "%s %d", prefix, i);
        ck_assert_int_eq(send_text(producer, "t", KLIENT_PARTITION_ANY, key, value), KLIENT_OK);
    }
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
}

/* How many of the keys have their first and their second record in different partitions. */
static int count_moved(int partitions)
{
    int moved = 0;

    for (int i = 0; i < KEYS; i++) {
        char first[16], second[16];
        snprintf(first, sizeof first, "1st %d", i);
        snprintf(second, sizeof second, "2nd %d", i);
        moved += partition_of(first, partitions) != partition_of(second, partitions);
    }
    return moved;
}

START_TEST(a_key_stays_in_its_partition)
{
    klient_producer_t *producer = producer_with(config_for(fake, NULL));

    send_keys(producer, "1st");
    send_keys(producer, "2nd");
    klient_producer_close(producer, PATIENCE_MS, NULL);

    ck_assert_int_eq(count_moved(PARTITIONS), 0);
}
END_TEST

START_TEST(keys_move_when_partitions_are_added)
{
    klient_producer_t *producer = producer_with(config_for(fake, NULL));

    send_keys(producer, "1st");
    klient_producer_close(producer, PATIENCE_MS, NULL);
    fake_add_partitions(fake, "t", 2 * PARTITIONS);
    producer = producer_with(config_for(fake, NULL));
    send_keys(producer, "2nd");
    klient_producer_close(producer, PATIENCE_MS, NULL);

    int moved = count_moved(2 * PARTITIONS);
    ck_assert_int_gt(moved, 0);
    ck_assert_int_lt(moved, KEYS);
}
END_TEST

/* Until it hears of that, what it sends to a partition that is gone fails. */
START_TEST(keys_go_by_the_partitions_of_a_topic_that_was_made_anew)
{
    klient_producer_t *producer = producer_with(
        config_for(fake, "metadata.max.age.ms", "10", "topic.metadata.propagation.max.ms", "1",
                   NULL));
    const struct partition_table *table;

    send_keys(producer, "1st");
    fake_remove_topic(fake, "t");
    fake_add_topic(fake, "t", 1);
    WAIT_UNTIL((table = atomic_load(&producer_topic_find(producer, "t")->table)) != NULL &&
               table->count == 1);
    send_keys(producer, "2nd");
    ck_assert_int_eq(send_text(producer, "t", 1, NULL, "x"), KLIENT_UNKNOWN_TOPIC_OR_PARTITION);
    klient_producer_close(producer, PATIENCE_MS, NULL);

    ck_assert_int_eq(records_stored(fake, "t", 0), KEYS);
}
END_TEST

START_TEST(a_key_that_is_ignored_is_in_several_partitions)
{
    klient_config_t *config = config_for(fake, "partitioner.ignore.keys", "true", "batch.size",
                                         "256", NULL);
    klient_producer_t *producer = producer_with(config);
    int used = 0;

    for (int i = 0; i < 2000; i++)
        ck_assert_int_eq(send_text(producer, "t", KLIENT_PARTITION_ANY, "the key", "x"), KLIENT_OK);
    klient_producer_close(producer, PATIENCE_MS, NULL);

    for (int p = 0; p < PARTITIONS; p++) {
        size_t size;
        free(fake_read(fake, "t", p, &size));
        used += size > 0;
    }
    ck_assert_int_gt(used, 1);
}
END_TEST

/* --- reading ---------------------------------------------------------------------------------- */

static void assign_all(klient_consumer_t *consumer, int count)
{
    klient_topic_partition_t all[] = { { "t", 0 }, { "t", 1 }, { "t", 2 } };

    ck_assert_int_eq(klient_consumer_assign(consumer, all, (size_t)count, NULL), KLIENT_OK);
}

START_TEST(partitions_are_not_in_order_among_each_other)
{
    klient_producer_t *producer = producer_with(config_for(fake, NULL));
    klient_consumer_t *consumer = consumer_with(config_for(fake, "auto.offset.reset", "earliest",
                                                           NULL));
    int last[PARTITIONS] = { -1, -1, -1 }, before = -1, count = 0, backwards = 0;

    for (int i = 0; i < 300; i++) {
        char value[8];
        snprintf(value, sizeof value, "%d", i);
        ck_assert_int_eq(send_text(producer, "t", i % PARTITIONS, NULL, value), KLIENT_OK);
    }
    klient_producer_close(producer, PATIENCE_MS, NULL);
    assign_all(consumer, PARTITIONS);
    while (count < 300) {
        klient_records_t *records = NULL;
        klient_record_t record;
        ck_assert_int_eq(poll_something(consumer, &records, NULL), KLIENT_OK);
        klient_record_init(&record);
        for (; klient_records_next(records, &record); count++) {
            char value[8];
            snprintf(value, sizeof value, "%.*s", (int)record.value_size,
                     (const char *)record.value);
            ck_assert_int_gt(atoi(value), last[record.partition]);
            last[record.partition] = atoi(value);
            backwards += atoi(value) < before;
            before = atoi(value);
        }
        klient_records_free(records);
    }
    klient_consumer_close(consumer, PATIENCE_MS, NULL);

    ck_assert_int_gt(backwards, 0);
}
END_TEST

START_TEST(offsets_are_the_order_and_timestamps_are_not)
{
    klient_producer_t *producer = producer_with(config_for(fake, NULL));
    klient_consumer_t *consumer = consumer_with(config_for(fake, "auto.offset.reset", "earliest",
                                                           NULL));

    for (int i = 0; i < 10; i++) {
        char value[8];
        klient_record_t record;
        snprintf(value, sizeof value, "%d", i);
        klient_record_init(&record);
        record.topic = "t";
        record.partition = 0;
        record.value = value;
        record.value_size = 1;
        record.timestamp = 1000000 - i;
        ck_assert_int_eq(klient_producer_send(producer, &record, NULL), KLIENT_OK);
    }
    klient_producer_close(producer, PATIENCE_MS, NULL);
    assign_all(consumer, 1);

    expect_numbers(consumer, 0, 10);
    klient_consumer_close(consumer, PATIENCE_MS, NULL);
}
END_TEST

Suite *ordering_suite(void)
{
    Suite *suite = suite_create("client/ordering");
    TCase *tcase = tcase_create("ordering");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_key_stays_in_its_partition);
    tcase_add_test(tcase, keys_move_when_partitions_are_added);
    tcase_add_test(tcase, keys_go_by_the_partitions_of_a_topic_that_was_made_anew);
    tcase_add_test(tcase, a_key_that_is_ignored_is_in_several_partitions);
    tcase_add_test(tcase, partitions_are_not_in_order_among_each_other);
    tcase_add_test(tcase, offsets_are_the_order_and_timestamps_are_not);
    suite_add_tcase(suite, tcase);
    return suite;
}
