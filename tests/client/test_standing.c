#include "client/consumer.h"
#include "tests/client/helpers.h"

static struct fake *fake;
static klient_queue_t *queue;

static void setup(void)
{
    fake = fake_new(1);
    fake_add_topic(fake, "t", 1);
    queue = klient_queue_new(NULL);
}

static void teardown(void)
{
    klient_queue_free(queue);
    fake_free(fake);
}

/* One row, or two if `second` is not -1. */
static void expect_offsets(void *opaque, int64_t first, int64_t second)
{
    klient_event_t *event = expect_answer(queue, opaque, KLIENT_OK);
    klient_offsets_t *offsets = klient_event_take_offsets(event);
    klient_offset_t offset;

    klient_offset_init(&offset);
    ck_assert_uint_eq(klient_offsets_count(offsets), second == -1 ? 1 : 2);
    ck_assert_int_eq(klient_offsets_get(offsets, 0, &offset), KLIENT_OK);
    ck_assert_str_eq(offset.topic, "t");
    ck_assert_int_eq(offset.offset, first);
    if (klient_offsets_get(offsets, 1, &offset) == KLIENT_OK)
        ck_assert_int_eq(offset.offset, second);
    klient_offsets_free(offsets);
    klient_event_free(event);
}

static klient_consumer_t *reader(void)
{
    klient_config_t *config = config_for(fake, "auto.offset.reset", "earliest", NULL);
    klient_consumer_t *consumer = klient_consumer_new(config, NULL);

    klient_config_free(config);
    return consumer;
}

START_TEST(how_a_consumer_stands_comes_once_it_is_known)
{
    int position, lag;
    klient_consumer_t *consumer = reader();
    fill(fake, "t", 0, 4);
    fake_trim(fake, "t", 0, 1);
    assign_one(consumer, "t", 0);

    klient_consumer_position_async(consumer, "t", 0, PATIENCE_MS, queue, &position, NULL);
    expect_offsets(&position, 1, -1);
    klient_consumer_watermarks_async(consumer, "t", 0, PATIENCE_MS, queue, NULL, NULL);
    expect_offsets(NULL, 1, 4);
    klient_consumer_lag_async(consumer, "t", 0, PATIENCE_MS, queue, &lag, NULL);
    expect_offsets(&lag, 3, -1);

    expect_numbers(consumer, 1, 3);
    klient_consumer_position_async(consumer, "t", 0, PATIENCE_MS, queue, &position, NULL);
    expect_offsets(&position, 4, -1);
    klient_consumer_lag_async(consumer, "t", 0, PATIENCE_MS, queue, &lag, NULL);
    expect_offsets(&lag, 0, -1);
    ck_assert_int_eq(klient_consumer_seek(consumer, "t", 0, 2, NULL), KLIENT_OK);
    klient_consumer_lag_async(consumer, "t", 0, PATIENCE_MS, queue, &lag, NULL);
    expect_offsets(&lag, 2, -1);
    klient_consumer_close(consumer, PATIENCE_MS, NULL);
}
END_TEST

START_TEST(what_is_asked_of_a_partition_ends_with_it)
{
    klient_event_t *event = NULL;
    klient_consumer_t *consumer = reader();
    atomic_store(&fake_faults(fake)->mute, 1);
    ck_assert_int_eq(klient_consumer_lag_async(consumer, "t", 0, PATIENCE_MS, queue, NULL, NULL),
                     KLIENT_NOT_ASSIGNED);
    assign_one(consumer, "t", 0);

    klient_consumer_position_async(consumer, "t", 0, 30, queue, NULL, NULL);
    klient_event_free(expect_answer(queue, NULL, KLIENT_REQUEST_TIMED_OUT));
    klient_consumer_lag_async(consumer, "t", 0, PATIENCE_MS, queue, NULL, NULL);
    klient_consumer_unassign(consumer, NULL);
    klient_event_free(expect_answer(queue, NULL, KLIENT_NOT_ASSIGNED));
    assign_one(consumer, "t", 0);
    klient_consumer_watermarks_async(consumer, "t", 0, PATIENCE_MS, queue, NULL, NULL);
    klient_consumer_close(consumer, 0, NULL);

    klient_event_free(expect_answer(queue, NULL, KLIENT_CLOSED));
    ck_assert_int_eq(klient_queue_poll(queue, 20, &event, NULL), KLIENT_OK);
    ck_assert_ptr_null(event);
}
END_TEST

/* What was told of a partition before a seek stands in nobody's way. */
START_TEST(how_a_consumer_stands_after_a_seek_away_from_trouble_comes_as_well)
{
    klient_consumer_t *consumer =
        consumer_with(config_for(fake, "auto.offset.reset", "none", NULL));
    int64_t position;
    fill(fake, "t", 0, 4);
    assign_one(consumer, "t", 0);
    ck_assert_int_eq(klient_consumer_position(consumer, "t", 0, PATIENCE_MS, &position, NULL),
                     KLIENT_OFFSET_OUT_OF_RANGE);

    ck_assert_int_eq(klient_consumer_seek(consumer, "t", 0, 1, NULL), KLIENT_OK);
    klient_consumer_lag_async(consumer, "t", 0, PATIENCE_MS / 2, queue, NULL, NULL);

    expect_offsets(NULL, 3, -1);
    klient_consumer_close(consumer, PATIENCE_MS, NULL);
}
END_TEST

START_TEST(questions_whose_time_is_over_are_not_kept)
{
    klient_consumer_t *consumer = reader();
    size_t kept = 0;
    atomic_store(&fake_faults(fake)->mute, 1);
    assign_one(consumer, "t", 0);

    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(klient_consumer_lag_async(consumer, "t", 0, 1, queue, NULL, NULL),
                         KLIENT_OK);
        klient_event_free(expect_answer(queue, NULL, KLIENT_REQUEST_TIMED_OUT));
    }

    /* The loop, which has told of the last one, looks at them no more. */
    LIST_EACH(&consumer->assigned[0]->standings, node)
        kept++;
    ck_assert_uint_le(kept, 1);
    klient_consumer_close(consumer, 0, NULL);
}
END_TEST

Suite *standing_suite(void)
{
    Suite *suite = suite_create("client/standing");
    TCase *tcase = tcase_create("standing");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, how_a_consumer_stands_comes_once_it_is_known);
    tcase_add_test(tcase, what_is_asked_of_a_partition_ends_with_it);
    tcase_add_test(tcase, how_a_consumer_stands_after_a_seek_away_from_trouble_comes_as_well);
    tcase_add_test(tcase, questions_whose_time_is_over_are_not_kept);
    suite_add_tcase(suite, tcase);
    return suite;
}
