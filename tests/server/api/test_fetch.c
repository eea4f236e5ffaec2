#include <check.h>

#include "common/error.h"
#include "proto/head.h"
#include "tests/server/lib/plane.h"

static struct plane plane;
static struct plane_topic topic;
static uint8_t batch[4096];
static size_t batch_bytes;

static void setup(void)
{
    plane_init(&plane, 2);
    topic = (struct plane_topic){ .name = "orders", .id = uuid_random(), .partitions = 8,
                                  .leader = PLANE_BROKER, .leader_epoch = 1 };
    plane_publish(&plane, &topic);
    batch_bytes = plane_batch(batch, sizeof batch, 2, "value", false);
}

static void teardown(void)
{
    plane_fini(&plane);
}

static void produce(int32_t partition)
{
    struct asked *asked = plane_produce(&plane, 0, &topic.id, partition, -1, batch, batch_bytes);
    ck_assert_int_eq(head_error_code(asked->head->produce->results[0]->error), 0);
    asked_free(asked);
}

static struct asked *fetch(int loop, int32_t partition, int64_t offset, uint32_t wait_ms)
{
    return plane_fetch_start(&plane, loop, &topic.id, partition, offset, wait_ms);
}

static int result_code(const struct asked *asked)
{
    return head_error_code(asked->head->fetch->results[0]->error);
}

/* A fetch of several partitions, from offset 0; one at a time. */
static struct asked *fetch_many(uint32_t max_bytes, uint32_t min_bytes, uint32_t wait_ms)
{
    static Kairn__RequestHead head;
    static Kairn__FetchRequest body;
    static Kairn__FetchPartition entries[8], *pointers[8];

    kairn__request_head__init(&head);
    kairn__fetch_request__init(&body);
    head.body_case = KAIRN__REQUEST_HEAD__BODY_FETCH;
    head.fetch = &body;
    body.max_bytes = max_bytes;
    body.min_bytes = min_bytes;
    body.max_wait_ms = wait_ms;
    body.n_partitions = 8;
    body.partitions = pointers;
    for (uint32_t i = 0; i < 8; i++) {
        kairn__fetch_partition__init(&entries[i]);
        entries[i].topic_id = head_bytes_of_uuid(&topic.id);
        entries[i].partition = i;
        entries[i].leader_epoch = -1;
        pointers[i] = &entries[i];
    }
    return plane_start(&plane, 0, &head, NULL, 0);
}

/* Of partition 0, by who has a record of that epoch before the offset. */
static struct asked *fetch_after(int64_t offset, int32_t last_epoch)
{
    static Kairn__RequestHead head;
    static Kairn__FetchRequest body;
    static Kairn__FetchPartition entry, *pointer = &entry;

    kairn__request_head__init(&head);
    kairn__fetch_request__init(&body);
    kairn__fetch_partition__init(&entry);
    head.body_case = KAIRN__REQUEST_HEAD__BODY_FETCH;
    head.fetch = &body;
    body.min_bytes = 1;
    body.max_wait_ms = PLANE_WAIT_MS;
    body.n_partitions = 1;
    body.partitions = &pointer;
    entry.topic_id = head_bytes_of_uuid(&topic.id);
    entry.offset = offset;
    entry.leader_epoch = -1;
    entry.last_epoch = last_epoch;
    return plane_ask(&plane, 0, &head, NULL, 0);
}

START_TEST(whoever_has_records_that_are_not_there_is_told_where_the_logs_part)
{
    const struct { int64_t offset; int32_t last_epoch; int64_t end; } rows[] = {
        { 4, 1, 2 },        /* of epoch 1 there are but two records */
        { 4, 2, 2 },        /* epoch 2 never was */
        { 9, 3, 4 },
        { 2, 1, -1 },
        { 3, 3, -1 },
        { 2, -1, -1 },      /* does not say */
    };
    produce(0);
    topic.leader_epoch = 3;
    plane_publish(&plane, &topic);
    produce(0);

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct asked *asked = fetch_after(rows[i].offset, rows[i].last_epoch);
        const Kairn__FetchResult *result = asked->head->fetch->results[0];

        ck_assert_int_eq(result_code(asked), 0);
        ck_assert_int_eq(result->diverged != NULL ? result->diverged->end : -1, rows[i].end);
        ck_assert_uint_eq(result->size, rows[i].end < 0 ? batch_bytes : 0);
        asked_free(asked);
    }
}
END_TEST

START_TEST(a_fetch_at_the_end_waits_for_the_next_record)
{
    for (int loop = 0; loop < 2; loop++) {
        struct asked *asked = fetch(loop, 0, 2 * loop, PLANE_WAIT_MS);
        ck_assert(!asked_is_finished(asked));

        produce(0);
        asked_wait(asked);

        ck_assert_uint_eq(asked->batches_size, batch_bytes);
        ck_assert_int_eq(asked->head->fetch->results[0]->high_watermark, 2 * loop + 2);
        asked_free(asked);
    }
}
END_TEST

START_TEST(a_fetch_that_waited_long_enough_is_answered_empty)
{
    produce(0);                         /* so that the log is open, however slow the disk is */
    struct asked *asked = fetch(1, 0, 2, 30);

    asked_wait(asked);

    ck_assert_int_eq(result_code(asked), 0);
    ck_assert_uint_eq(asked->batches_size, 0);
    ck_assert_int_eq(asked->head->fetch->results[0]->high_watermark, 2);
    asked_free(asked);
}
END_TEST

START_TEST(a_fetch_waits_no_longer_than_any_other_request)
{
    plane.api.timeout_ms = 30;
    struct asked *asked = fetch(0, 0, 0, UINT32_MAX);

    asked_wait(asked);

    ck_assert_int_eq(result_code(asked), 0);
    ck_assert_uint_eq(asked->batches_size, 0);
    asked_free(asked);
}
END_TEST

START_TEST(offsets_beyond_the_end_are_out_of_range_at_once)
{
    struct asked *asked = fetch(0, 0, 1, PLANE_WAIT_MS);

    asked_wait(asked);

    ck_assert_int_eq(result_code(asked), K_OFFSET_OUT_OF_RANGE);
    asked_free(asked);
}
END_TEST

START_TEST(an_offset_within_a_batch_gives_the_whole_batch)
{
    produce(3);

    struct asked *asked = fetch(0, 3, 1, 0);
    asked_wait(asked);

    ck_assert_uint_eq(asked->batches_size, batch_bytes);
    asked_free(asked);
}
END_TEST

START_TEST(partitions_of_all_loops_come_in_one_answer_in_order)
{
    for (int32_t partition = 0; partition < 8; partition++)
        produce(partition);

    struct asked *asked = fetch_many(0, 1, 0);
    asked_wait(asked);

    ck_assert_uint_eq(asked->batches_size, 8 * batch_bytes);
    for (uint32_t i = 0; i < 8; i++) {
        ck_assert_uint_eq(asked->head->fetch->results[i]->partition, i);
        ck_assert_uint_eq(asked->head->fetch->results[i]->size, batch_bytes);
    }
    asked_free(asked);
}
END_TEST

START_TEST(the_limit_holds_over_all_loops_but_one_batch_always_fits)
{
    for (int32_t partition = 0; partition < 8; partition++)
        produce(partition);

    struct asked *some = fetch_many((uint32_t)(3 * batch_bytes), 1, 0);
    asked_wait(some);


    ck_assert_uint_le(some->batches_size, 3 * batch_bytes);
    ck_assert_uint_ge(some->batches_size, 2 * batch_bytes);
    asked_free(some);

    struct asked *one = fetch_many(1, 1, 0);
    asked_wait(one);

    ck_assert_uint_eq(one->batches_size, batch_bytes);
    asked_free(one);
}
END_TEST

START_TEST(enough_bytes_are_waited_for)
{
    struct asked *asked = fetch_many(0, (uint32_t)(2 * batch_bytes), PLANE_WAIT_MS);

    for (int32_t partition = 0; partition < 8; partition++)
        produce(partition);
    asked_wait(asked);

    ck_assert_uint_ge(asked->batches_size, batch_bytes);
    asked_free(asked);
}
END_TEST

START_TEST(waiting_fetches_learn_that_the_leader_moved)
{
    struct asked *here = fetch(plane_owner(&plane, &topic.id, 0), 0, 0, PLANE_WAIT_MS);
    struct asked *there = fetch(plane_stranger(&plane, &topic.id, 0), 0, 0, PLANE_WAIT_MS);

    topic.leader = 2;
    topic.leader_epoch++;
    plane_publish(&plane, &topic);
    asked_wait(here);
    asked_wait(there);

    ck_assert_int_eq(result_code(here), K_NOT_LEADER_OR_FOLLOWER);
    ck_assert_int_eq(result_code(there), K_NOT_LEADER_OR_FOLLOWER);
    ck_assert_int_eq(here->head->fetch->results[0]->error->leader->broker, 2);
    asked_free(here);
    asked_free(there);
}
END_TEST

START_TEST(waiting_fetches_learn_that_the_topic_is_gone)
{
    struct asked *here = fetch(0, 1, 0, PLANE_WAIT_MS);
    struct asked *there = fetch(1, 1, 0, PLANE_WAIT_MS);

    plane_publish_nothing(&plane);
    asked_wait(here);
    asked_wait(there);

    ck_assert_int_eq(result_code(here), K_UNKNOWN_TOPIC_ID);
    ck_assert_int_eq(result_code(there), K_UNKNOWN_TOPIC_ID);
    asked_free(here);
    asked_free(there);
}
END_TEST

START_TEST(readers_are_refused_after_the_lease)
{
    produce(0);
    plane.lease_until_ms = INT64_MIN;

    struct asked *asked = fetch(0, 0, 0, 0);
    asked_wait(asked);

    ck_assert_int_eq(result_code(asked), K_LEASE_EXPIRED);
    ck_assert_uint_eq(asked->batches_size, 0);
    asked_free(asked);
}
END_TEST

START_TEST(a_wrong_leader_epoch_is_told)
{
    static const struct { int32_t epoch; int code; } cases[] = {
        { 0, K_FENCED_LEADER_EPOCH }, { 1, 0 }, { 2, K_UNKNOWN_LEADER_EPOCH },
    };
    for (int i = 0; i < 3; i++) {
        struct asked *asked = fetch_many(0, 0, 0);
        asked_wait(asked);
        asked_free(asked);
        Kairn__FetchPartition entry = KAIRN__FETCH_PARTITION__INIT, *entries[] = { &entry };
        Kairn__FetchRequest body = KAIRN__FETCH_REQUEST__INIT;
        Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
        head.body_case = KAIRN__REQUEST_HEAD__BODY_FETCH;
        head.fetch = &body;
        body.n_partitions = 1;
        body.partitions = entries;
        entry.topic_id = head_bytes_of_uuid(&topic.id);
        entry.leader_epoch = cases[i].epoch;

        asked = plane_ask(&plane, 0, &head, NULL, 0);

        ck_assert_int_eq(result_code(asked), cases[i].code);
        asked_free(asked);
    }
}
END_TEST

Suite *fetch_suite(void);

Suite *fetch_suite(void)
{
    Suite *suite = suite_create("server/api/fetch");
    TCase *tests = tcase_create("fetch");

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_fetch_at_the_end_waits_for_the_next_record);
    tcase_add_test(tests, whoever_has_records_that_are_not_there_is_told_where_the_logs_part);
    tcase_add_test(tests, a_fetch_that_waited_long_enough_is_answered_empty);
    tcase_add_test(tests, a_fetch_waits_no_longer_than_any_other_request);
    tcase_add_test(tests, offsets_beyond_the_end_are_out_of_range_at_once);
    tcase_add_test(tests, an_offset_within_a_batch_gives_the_whole_batch);
    tcase_add_test(tests, partitions_of_all_loops_come_in_one_answer_in_order);
    tcase_add_test(tests, the_limit_holds_over_all_loops_but_one_batch_always_fits);
    tcase_add_test(tests, enough_bytes_are_waited_for);
    tcase_add_test(tests, waiting_fetches_learn_that_the_leader_moved);
    tcase_add_test(tests, waiting_fetches_learn_that_the_topic_is_gone);
    tcase_add_test(tests, readers_are_refused_after_the_lease);
    tcase_add_test(tests, a_wrong_leader_epoch_is_told);
    suite_add_tcase(suite, tests);
    return suite;
}
