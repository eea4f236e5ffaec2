/* Records that were fetched before a seek, or before their partition was given up. */
#include "tests/client/helpers.h"

static struct fake *fake;
static klient_consumer_t *consumer;

/* Ten records in each of two partitions, of which eight were returned: two of partition 1 wait
 * behind two of partition 0. */
static void setup(void)
{
    static const klient_topic_partition_t both[] = { { "t", 0 }, { "t", 1 } };

    fake = fake_new(2);
    fake_add_topic(fake, "t", 2);
    fill(fake, "t", 0, 10);
    fill(fake, "t", 1, 10);
    consumer = consumer_with(
        config_for(fake, "auto.offset.reset", "earliest", "max.poll.records", "8", NULL));
    assign_one(consumer, "t", 0);
    expect_numbers(consumer, 0, 8);
    ck_assert_int_eq(klient_consumer_assign(consumer, both, 2, NULL), KLIENT_OK);
    ck_assert_int_eq(klient_consumer_pause(consumer, "t", 0, NULL), KLIENT_OK);
    expect_numbers(consumer, 0, 8);
    ck_assert_int_eq(klient_consumer_resume(consumer, "t", 0, NULL), KLIENT_OK);
}

static void teardown(void)
{
    klient_consumer_close(consumer, PATIENCE_MS, NULL);
    fake_free(fake);
}

START_TEST(records_behind_others_are_dropped_with_their_partition)
{
    assign_one(consumer, "t", 0);
    expect_numbers(consumer, 8, 2);
}
END_TEST

START_TEST(records_behind_others_are_dropped_by_a_seek)
{
    int64_t next[] = { 8, 0 };
    klient_record_t record;

    ck_assert_int_eq(klient_consumer_seek(consumer, "t", 1, 0, NULL), KLIENT_OK);
    klient_record_init(&record);
    while (next[0] < 10 || next[1] < 10) {
        klient_records_t *records = NULL;
        ck_assert_int_eq(poll_something(consumer, &records, NULL), KLIENT_OK);
        while (klient_records_next(records, &record)) {
            ck_assert_int_le(record.partition, 1);
            ck_assert_int_eq(record.offset, next[record.partition]);
            next[record.partition]++;
        }
        klient_records_free(records);
    }
}
END_TEST

Suite *stale_suite(void)
{
    Suite *suite = suite_create("client/stale");
    TCase *tcase = tcase_create("stale");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, records_behind_others_are_dropped_with_their_partition);
    tcase_add_test(tcase, records_behind_others_are_dropped_by_a_seek);
    suite_add_tcase(suite, tcase);
    return suite;
}
