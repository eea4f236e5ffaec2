#include <check.h>
#include <string.h>

#include "common/error.h"
#include "proto/batch.h"
#include "proto/head.h"
#include "tests/server/lib/plane.h"

static struct plane plane;
static struct plane_topic topic;
static uint8_t batch[4096];
static size_t batch_bytes;

static void setup(void)
{
    plane_init(&plane, 2);
    topic = (struct plane_topic){ .name = "orders", .id = uuid_random(), .partitions = 4,
                                  .leader = PLANE_BROKER, .leader_epoch = 5 };
    plane_publish(&plane, &topic);
    batch_bytes = plane_batch(batch, sizeof batch, 3, "value", false);
}

static void teardown(void)
{
    plane_fini(&plane);
}

/* Produce the batch and return the code of the one result. */
static int produce(int loop, int32_t partition, int32_t acks, int64_t *base_offset)
{
    struct asked *asked =
        plane_produce(&plane, loop, &topic.id, partition, acks, batch, batch_bytes);
    int code = head_error_code(asked->head->error);
    if (code == 0) {
        const Kairn__ProduceResult *result = asked->head->produce->results[0];
        code = head_error_code(result->error);
        if (base_offset != NULL)
            *base_offset = result->base_offset;
    }
    asked_free(asked);
    return code;
}

START_TEST(records_get_offsets_in_order_on_every_loop)
{
    int64_t base;

    for (int32_t partition = 0; partition < 4; partition++) {
        ck_assert_int_eq(produce(0, partition, -1, &base), 0);
        ck_assert_int_eq(base, 0);
        ck_assert_int_eq(produce(1, partition, 1, &base), 0);
        ck_assert_int_eq(base, 3);
    }
}
END_TEST

START_TEST(a_record_is_read_back_with_its_offset_and_epoch)
{
    ck_assert_int_eq(produce(0, 0, -1, NULL), 0);

    struct asked *asked = plane_fetch_start(&plane, 1, &topic.id, 0, 0, 0);
    asked_wait(asked);

    ck_assert_uint_eq(asked->batches_size, batch_bytes);
    ck_assert_int_eq(batch_base_offset(asked->batches), 0);
    ck_assert_int_eq(batch_leader_epoch(asked->batches), 5);
    ck_assert_mem_eq(asked->batches + BATCH_MAGIC, batch + BATCH_MAGIC, batch_bytes - BATCH_MAGIC);
    asked_free(asked);
}
END_TEST

START_TEST(acks_0_is_not_answered_and_a_failure_hangs_up)
{
    const struct uuid nowhere = uuid_random();

    struct asked *fine = plane_produce(&plane, 0, &topic.id, 0, 0, batch, batch_bytes);
    struct asked *lost = plane_produce(&plane, 0, &nowhere, 0, 0, batch, batch_bytes);

    ck_assert(fine->silent && !fine->hung_up);
    ck_assert(lost->silent && lost->hung_up);
    asked_free(fine);
    asked_free(lost);
}
END_TEST

START_TEST(other_acks_are_refused)
{
    ck_assert_int_eq(produce(0, 0, 2, NULL), K_INVALID_REQUIRED_ACKS);
}
END_TEST

START_TEST(a_flipped_bit_is_a_corrupt_message)
{
    batch[batch_bytes - 1] ^= 1;

    ck_assert_int_eq(produce(0, 0, -1, NULL), K_CORRUPT_MESSAGE);
}
END_TEST

START_TEST(batches_that_do_not_add_up_are_an_invalid_request)
{
    struct asked *asked;
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    Kairn__ProduceRequest body = KAIRN__PRODUCE_REQUEST__INIT;

    head.body_case = KAIRN__REQUEST_HEAD__BODY_PRODUCE;
    head.produce = &body;
    body.acks = -1;
    asked = plane_ask(&plane, 0, &head, batch, batch_bytes);

    ck_assert_int_eq(head_error_code(asked->head->error), K_INVALID_REQUEST);
    asked_free(asked);
}
END_TEST

START_TEST(a_batch_over_the_limit_is_refused_with_the_limit)
{
    topic.config_name = "max.message.bytes";
    topic.config_value = "50";
    topic.leader_epoch++;
    plane_publish(&plane, &topic);

    struct asked *asked = plane_produce(&plane, 0, &topic.id, 0, -1, batch, batch_bytes);

    const Kairn__Error *error = asked->head->produce->results[0]->error;
    ck_assert_int_eq(head_error_code(error), K_MESSAGE_TOO_LARGE);
    ck_assert_int_eq(error->limit, 50);
    asked_free(asked);
}
END_TEST

START_TEST(a_compacted_topic_wants_keys)
{
    topic.config_name = "cleanup.policy";
    topic.config_value = "compact";
    topic.leader_epoch++;
    plane_publish(&plane, &topic);

    ck_assert_int_eq(produce(0, 0, -1, NULL), K_INVALID_RECORD);
    batch_bytes = plane_batch(batch, sizeof batch, 2, "value", true);
    ck_assert_int_eq(produce(0, 0, -1, NULL), 0);
}
END_TEST

START_TEST(unknown_topics_and_partitions_are_told_apart)
{
    ck_assert_int_eq(produce(0, 99, -1, NULL), K_UNKNOWN_TOPIC_OR_PARTITION);
    topic.id = uuid_random();
    ck_assert_int_eq(produce(0, 0, -1, NULL), K_UNKNOWN_TOPIC_ID);
}
END_TEST

START_TEST(another_leader_is_hinted_at)
{
    topic.leader = 2;
    topic.leader_epoch = 6;
    plane_publish(&plane, &topic);

    struct asked *asked = plane_produce(&plane, 0, &topic.id, 0, -1, batch, batch_bytes);

    const Kairn__Error *error = asked->head->produce->results[0]->error;
    ck_assert_int_eq(head_error_code(error), K_NOT_LEADER_OR_FOLLOWER);
    ck_assert_int_eq(error->leader->broker, 2);
    ck_assert_int_eq(error->leader->epoch, 6);
    asked_free(asked);
}
END_TEST

START_TEST(after_the_lease_only_acks_all_is_taken)
{
    plane.lease_until_ms = INT64_MIN;

    ck_assert_int_eq(produce(0, 0, 1, NULL), K_LEASE_EXPIRED);
    ck_assert_int_eq(produce(0, 0, -1, NULL), 0);
}
END_TEST

START_TEST(what_was_written_is_there_after_a_restart)
{
    int64_t base;
    ck_assert_int_eq(produce(0, 2, -1, NULL), 0);

    plane_restart(&plane);
    plane_publish(&plane, &topic);

    ck_assert_int_eq(produce(1, 2, -1, &base), 0);
    ck_assert_int_eq(base, 3);
}
END_TEST

START_TEST(a_topic_made_again_starts_empty)
{
    int64_t base;
    struct uuid old = topic.id;
    ck_assert_int_eq(produce(0, 0, -1, NULL), 0);

    plane_publish_deletion(&plane, &old);
    topic.id = uuid_random();
    plane_publish(&plane, &topic);

    ck_assert_int_eq(produce(0, 0, -1, &base), 0);
    ck_assert_int_eq(base, 0);
    topic.id = old;
    ck_assert_int_eq(produce(0, 0, -1, NULL), K_UNKNOWN_TOPIC_ID);
}
END_TEST

Suite *produce_suite(void);

Suite *produce_suite(void)
{
    Suite *suite = suite_create("server/api/produce");
    TCase *tests = tcase_create("produce");

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, records_get_offsets_in_order_on_every_loop);
    tcase_add_test(tests, a_record_is_read_back_with_its_offset_and_epoch);
    tcase_add_test(tests, acks_0_is_not_answered_and_a_failure_hangs_up);
    tcase_add_test(tests, other_acks_are_refused);
    tcase_add_test(tests, a_flipped_bit_is_a_corrupt_message);
    tcase_add_test(tests, batches_that_do_not_add_up_are_an_invalid_request);
    tcase_add_test(tests, a_batch_over_the_limit_is_refused_with_the_limit);
    tcase_add_test(tests, a_compacted_topic_wants_keys);
    tcase_add_test(tests, unknown_topics_and_partitions_are_told_apart);
    tcase_add_test(tests, another_leader_is_hinted_at);
    tcase_add_test(tests, after_the_lease_only_acks_all_is_taken);
    tcase_add_test(tests, what_was_written_is_there_after_a_restart);
    tcase_add_test(tests, a_topic_made_again_starts_empty);
    suite_add_tcase(suite, tests);
    return suite;
}
