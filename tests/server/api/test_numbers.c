/* Batches of idempotent producers: stored once, in order, whatever is sent again. */
#include <check.h>
#include <string.h>

#include "common/error.h"
#include "proto/batch.h"
#include "proto/head.h"
#include "tests/server/lib/plane.h"

enum { RECORDS = 3, PRODUCER = 77 };

static struct plane plane;
static struct plane_topic topic;

static void setup(void)
{
    plane_init(&plane, 2);
    topic = (struct plane_topic){ .name = "orders", .id = uuid_random(), .partitions = 1,
                                  .leader = PLANE_BROKER, .leader_epoch = 5 };
    plane_publish(&plane, &topic);
}

static void teardown(void)
{
    plane_fini(&plane);
}

static void number(uint8_t *batch, int64_t id, int16_t epoch, int32_t sequence)
{
    store_u64(batch + BATCH_PRODUCER_ID, (uint64_t)id);
    store_u16(batch + BATCH_PRODUCER_EPOCH, (uint16_t)epoch);
    store_u32(batch + BATCH_BASE_SEQUENCE, (uint32_t)sequence);
    batch_seal_crc(batch);
}

/* Three records from `sequence` on; the code, and where they are. */
static int send(int16_t epoch, int32_t sequence, int64_t *offset)
{
    uint8_t batch[1024];
    size_t size = plane_batch(batch, sizeof batch, RECORDS, "value", false);

    number(batch, PRODUCER, epoch, sequence);
    struct asked *asked = plane_produce(&plane, 0, &topic.id, 0, -1, batch, size);
    int code = head_error_code(asked->head->error);
    if (code == 0) {
        code = head_error_code(asked->head->produce->results[0]->error);
        *offset = asked->head->produce->results[0]->base_offset;
    }
    asked_free(asked);
    return code;
}

static int64_t stored(void)
{
    struct asked *asked = plane_fetch_start(&plane, 0, &topic.id, 0, 0, 0);

    asked_wait(asked);
    int64_t end = asked->head->fetch->results[0]->high_watermark;
    asked_free(asked);
    return end;
}

START_TEST(a_request_that_is_sent_again_is_stored_once_and_told_where)
{
    int64_t first, second, again;

    ck_assert_int_eq(send(0, 0, &first), 0);
    ck_assert_int_eq(send(0, 3, &second), 0);
    ck_assert_int_eq(send(0, 0, &again), 0);

    ck_assert_int_eq(first, 0);
    ck_assert_int_eq(second, 3);
    ck_assert_int_eq(again, 0);
    ck_assert_int_eq(send(0, 3, &again), 0);
    ck_assert_int_eq(again, 3);
    ck_assert_int_eq(stored(), 6);
}
END_TEST

START_TEST(a_gap_is_refused)
{
    int64_t offset;

    ck_assert_int_eq(send(0, 0, &offset), 0);
    ck_assert_int_eq(send(0, 6, &offset), K_OUT_OF_ORDER_SEQUENCE_NUMBER);
    ck_assert_int_eq(send(0, 3, &offset), 0);
    ck_assert_int_eq(send(0, 6, &offset), 0);

    ck_assert_int_eq(stored(), 9);
}
END_TEST

START_TEST(who_is_not_known_begins_with_zero)
{
    int64_t offset;

    ck_assert_int_eq(send(0, 3, &offset), K_UNKNOWN_PRODUCER_ID);
    ck_assert_int_eq(send(4, 0, &offset), 0);

    ck_assert_int_eq(stored(), 3);
}
END_TEST

START_TEST(a_newer_epoch_begins_with_zero_and_ends_the_older_one)
{
    int64_t offset;

    ck_assert_int_eq(send(0, 0, &offset), 0);
    ck_assert_int_eq(send(1, 3, &offset), K_OUT_OF_ORDER_SEQUENCE_NUMBER);
    ck_assert_int_eq(send(1, 0, &offset), 0);
    ck_assert_int_eq(send(0, 3, &offset), K_INVALID_PRODUCER_EPOCH);

    ck_assert_int_eq(stored(), 6);
}
END_TEST

START_TEST(after_a_restart_the_last_requests_are_answered_with_their_first_offset)
{
    int64_t offset;
    uint8_t between[1024];
    size_t size = plane_batch(between, sizeof between, 1, "x", false);
    ck_assert_int_eq(send(0, 0, &offset), 0);
    asked_free(plane_produce(&plane, 0, &topic.id, 0, -1, between, size));
    ck_assert_int_eq(send(0, 3, &offset), 0);
    ck_assert_int_eq(offset, 4);

    plane_restart(&plane);
    plane_publish(&plane, &topic);

    ck_assert_int_eq(send(0, 3, &offset), 0);
    ck_assert_int_eq(offset, 4);
    ck_assert_int_eq(send(0, 0, &offset), 0);
    ck_assert_int_eq(offset, 0);
    ck_assert_int_eq(send(0, 6, &offset), 0);
    ck_assert_int_eq(stored(), 10);
}
END_TEST

/* Two batches in one request. */
static int send_two(int64_t second_id, int32_t second_sequence)
{
    uint8_t batches[2048];
    size_t size = plane_batch(batches, 1024, RECORDS, "value", false);
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    Kairn__ProduceRequest body = KAIRN__PRODUCE_REQUEST__INIT;
    Kairn__ProducePartition row = KAIRN__PRODUCE_PARTITION__INIT, *rows[1] = { &row };
    uint32_t sizes[2] = { (uint32_t)size, (uint32_t)size };

    memcpy(batches + size, batches, size);
    number(batches, PRODUCER, 0, 0);
    number(batches + size, second_id, 0, second_sequence);
    head.body_case = KAIRN__REQUEST_HEAD__BODY_PRODUCE;
    head.produce = &body;
    body.acks = -1;
    body.partitions = rows;
    body.n_partitions = 1;
    row.topic_id = (ProtobufCBinaryData){ sizeof topic.id.bytes, topic.id.bytes };
    row.leader_epoch = -1;
    row.batch_sizes = sizes;
    row.n_batch_sizes = 2;
    struct asked *asked = plane_ask(&plane, 0, &head, batches, 2 * size);
    int code = head_error_code(asked->head->produce->results[0]->error);
    asked_free(asked);
    return code;
}

START_TEST(batches_of_one_request_follow_each_other_or_are_refused)
{
    ck_assert_int_eq(send_two(PRODUCER, 4), K_INVALID_RECORD);
    ck_assert_int_eq(send_two(PRODUCER + 1, 3), K_INVALID_RECORD);
    ck_assert_int_eq(send_two(-1, -1), K_INVALID_RECORD);
    ck_assert_int_eq(send_two(PRODUCER, 3), 0);

    ck_assert_int_eq(stored(), 6);
}
END_TEST

START_TEST(a_transaction_that_nobody_could_end_is_not_begun)
{
    uint8_t batch[1024];
    size_t size = plane_batch(batch, sizeof batch, RECORDS, "value", false);

    store_u16(batch + BATCH_ATTRIBUTES, BATCH_TRANSACTIONAL);
    number(batch, PRODUCER, 0, 0);
    struct asked *asked = plane_produce(&plane, 0, &topic.id, 0, -1, batch, size);

    ck_assert_int_eq(head_error_code(asked->head->produce->results[0]->error),
                     K_NOT_SUPPORTED_YET);
    asked_free(asked);
    ck_assert_int_eq(stored(), 0);
}
END_TEST

Suite *numbers_suite(void);

Suite *numbers_suite(void)
{
    Suite *suite = suite_create("server/api/numbers");
    TCase *tcase = tcase_create("numbers");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_request_that_is_sent_again_is_stored_once_and_told_where);
    tcase_add_test(tcase, a_gap_is_refused);
    tcase_add_test(tcase, who_is_not_known_begins_with_zero);
    tcase_add_test(tcase, a_newer_epoch_begins_with_zero_and_ends_the_older_one);
    tcase_add_test(tcase,
                   after_a_restart_the_last_requests_are_answered_with_their_first_offset);
    tcase_add_test(tcase, a_transaction_that_nobody_could_end_is_not_begun);
    tcase_add_test(tcase, batches_of_one_request_follow_each_other_or_are_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}
