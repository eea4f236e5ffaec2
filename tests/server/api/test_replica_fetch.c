#include <check.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/error.h"
#include "common/metric.h"
#include "proto/batch.h"
#include "proto/head.h"
#include "server/call.h"
#include "server/config_parts.h"
#include "server/runtime/control.h"
#include "server/runtime/shard.h"
#include "tests/lib/wait.h"
#include "tests/server/lib/follower.h"
#include "tests/server/lib/plane.h"

static struct plane plane;
static struct plane_topic topic;
static uint8_t batch[4096];
static size_t batch_bytes;
static struct uuid incarnation;

static void setup(void)
{
    plane_init(&plane, 2);
    incarnation = uuid_random();
    topic = (struct plane_topic){ .name = "orders", .id = uuid_random(), .partitions = 2,
                                  .leader = PLANE_BROKER, .leader_epoch = 4, .replicas = 3,
                                  .min_insync = 2 };
    plane_publish(&plane, &topic);
    plane_earliest(&plane, &topic.id, 0);               /* the log is open then */
    batch_bytes = plane_batch(batch, sizeof batch, 2, "value", false);
}

static void teardown(void)
{
    plane_fini(&plane);
}

static struct follower follower_of(int32_t broker)
{
    return follower_new(&plane, &topic, broker, &incarnation);
}

static struct asked *produce(int32_t acks)
{
    return plane_produce_start(&plane, 0, &topic.id, 0, acks, batch, batch_bytes);
}

static int produced(struct asked *asked)
{
    asked_wait(asked);
    int code = head_error_code(asked->head->produce->results[0]->error);
    asked_free(asked);
    return code;
}

static int64_t latest(void)
{
    return plane_list_offsets(&plane, 0, &topic.id, 0, -1, false).offset;
}

/* What it gets in `wait_ms`: bytes. */
static size_t copied(struct follower *follower, int64_t offset, uint32_t wait_ms)
{
    int32_t last_epoch = offset > 0 ? topic.leader_epoch : -1;
    struct asked *asked = follower_ask(follower, offset, last_epoch, wait_ms);
    follower_answer(follower, asked);
    size_t size = asked->batches_size;
    asked_free(asked);
    return size;
}

/* --- tests ------------------------------------------------------------------------------------ */

START_TEST(a_follower_is_given_what_it_lacks)
{
    struct follower follower = follower_of(2);
    ck_assert_int_eq(produced(produce(1)), 0);

    struct asked *asked = follower_ask(&follower, 0, -1, 0);
    const Kairn__ReplicaFetchResponse *body = follower_answer(&follower, asked);

    ck_assert_uint_eq(body->n_answers, 1);
    ck_assert_ptr_null(body->answers[0]->error);
    ck_assert_uint_eq(body->answers[0]->round, follower.round);
    ck_assert_int_eq(body->answers[0]->high_watermark, 0);
    ck_assert_uint_eq(body->answers[0]->size, batch_bytes);
    ck_assert_uint_eq(asked->batches_size, batch_bytes);
    ck_assert_int_eq(batch_leader_epoch(asked->batches), topic.leader_epoch);
    ck_assert_uint_ne(body->session, 0);
    asked_free(asked);
}
END_TEST

/* One batch is given in any case. */
START_TEST(a_follower_is_given_no_more_than_it_asks_for)
{
    struct follower follower = follower_of(2), modest = follower_of(3);
    modest.bytes_max = 1;
    ck_assert_int_eq(produced(produce(1)), 0);
    ck_assert_int_eq(produced(produce(1)), 0);

    ck_assert_uint_eq(copied(&follower, 0, 0), 2 * batch_bytes);
    ck_assert_uint_eq(copied(&modest, 0, 0), batch_bytes);
}
END_TEST

START_TEST(of_a_partition_a_follower_is_given_no_more_than_is_configured)
{
    ck_assert_int_eq(produced(produce(1)), 0);
    ck_assert_int_eq(produced(produce(1)), 0);
    plane_configure(&plane, "replica.fetch.max.bytes=1");
    plane_restart(&plane);
    plane_publish(&plane, &topic);
    plane_earliest(&plane, &topic.id, 0);               /* the log is open then */
    struct follower follower = follower_of(2);

    ck_assert_uint_eq(copied(&follower, 0, 0), batch_bytes);
}
END_TEST

START_TEST(who_asks_in_version_1_is_told_where_the_log_ends)
{
    struct follower former = follower_of(2), current = follower_of(3);
    current.version = 1;
    ck_assert_int_eq(produced(produce(1)), 0);

    struct asked *asked = follower_ask(&former, 0, -1, 0), *more = follower_ask(&current, 0, -1, 0);

    ck_assert_int_eq(follower_answer(&former, asked)->answers[0]->log_end, 0);
    ck_assert_int_eq(follower_answer(&current, more)->answers[0]->log_end, 2);
    asked_free(asked);
    asked_free(more);
}
END_TEST

START_TEST(a_broker_that_is_held_at_a_level_refuses_what_came_later)
{
    struct follower current = follower_of(3);
    current.version = 1;
    plane.api.can = (struct feature_levels){ { 1 } };

    struct asked *asked = follower_ask(&current, 0, -1, 0);

    asked_wait(asked);
    ck_assert_int_eq(head_error_code(asked->head->error), K_UNSUPPORTED_VERSION);
    asked_free(asked);
}
END_TEST

START_TEST(what_is_acknowledged_with_acks_all_is_on_all_in_sync_replicas)
{
    struct follower second = follower_of(2), third = follower_of(3);
    follower_tell(&second, 0);
    follower_tell(&third, 0);
    struct asked *waiting = produce(-1);
    ck_assert_int_eq(produced(produce(1)), 0);          /* behind it in the log */

    ck_assert(!asked_is_finished(waiting));
    follower_tell(&second, 4);
    ck_assert(!asked_is_finished(waiting));
    ck_assert_int_eq(latest(), 0);
    follower_tell(&third, 2);

    ck_assert_int_eq(produced(waiting), 0);
    ck_assert_int_eq(latest(), 2);
}
END_TEST

/* An idempotent producer lost the answer: its batch is known, and not yet on all of them. */
START_TEST(what_is_sent_again_is_acknowledged_once_it_is_on_all_in_sync_replicas)
{
    struct follower second = follower_of(2), third = follower_of(3);
    follower_tell(&second, 0);
    follower_tell(&third, 0);
    store_u64(batch + BATCH_PRODUCER_ID, 77);
    store_u16(batch + BATCH_PRODUCER_EPOCH, 0);
    store_u32(batch + BATCH_BASE_SEQUENCE, 0);
    batch_seal_crc(batch);
    struct asked *waiting = produce(-1), *again = produce(-1);

    ck_assert_int_eq(produced(produce(1)), 0);          /* known, and no more was asked */
    ck_assert(!asked_is_finished(waiting) && !asked_is_finished(again));
    follower_tell(&second, 2);
    follower_tell(&third, 2);

    asked_wait(again);
    const Kairn__ProduceResult *result = again->head->produce->results[0];
    ck_assert_int_eq(head_error_code(result->error), 0);
    ck_assert_int_eq(result->base_offset, 0);
    asked_free(again);
    ck_assert_int_eq(produced(waiting), 0);
    ck_assert_int_eq(latest(), 2);
}
END_TEST

START_TEST(who_waits_for_replicas_in_vain_is_told_in_time)
{
    plane_configure(&plane, "request.timeout.ms=30");
    plane.api.timeout_ms = config_for_api(&plane.config).timeout_ms;

    ck_assert_int_eq(produced(produce(-1)), K_REQUEST_TIMED_OUT);
}
END_TEST

START_TEST(who_waits_for_replicas_is_told_when_we_lead_no_more)
{
    struct asked *waiting = produce(-1);
    ck_assert_int_eq(produced(produce(1)), 0);
    topic.leader = 2;
    topic.leader_epoch++;

    plane_publish(&plane, &topic);

    ck_assert_int_eq(produced(waiting), K_NOT_LEADER_OR_FOLLOWER);
}
END_TEST

START_TEST(readers_see_what_is_committed_and_wait_for_the_rest)
{
    struct follower second = follower_of(2), third = follower_of(3);
    follower_tell(&second, 0);
    follower_tell(&third, 0);
    ck_assert_int_eq(produced(produce(1)), 0);
    struct asked *reader = plane_fetch_start(&plane, 0, &topic.id, 0, 0, PLANE_WAIT_MS);
    struct asked *ahead = plane_fetch_start(&plane, 1, &topic.id, 0, 2, 0);
    asked_wait(ahead);
    ck_assert_ptr_null(ahead->head->fetch->results[0]->error);
    ck_assert_int_eq(ahead->head->fetch->results[0]->high_watermark, 0);
    asked_free(ahead);
    struct asked *beyond = plane_fetch_start(&plane, 1, &topic.id, 0, 3, 0);
    asked_wait(beyond);
    ck_assert_int_eq(head_error_code(beyond->head->fetch->results[0]->error),
                     K_OFFSET_OUT_OF_RANGE);
    asked_free(beyond);
    ck_assert(!asked_is_finished(reader));

    follower_tell(&second, 2);
    follower_tell(&third, 2);

    asked_wait(reader);
    ck_assert_uint_eq(reader->batches_size, batch_bytes);
    asked_free(reader);
}
END_TEST

START_TEST(a_quiet_session_is_answered_when_there_is_news)
{
    struct follower follower = follower_of(2);
    follower_tell(&follower, 0);
    struct asked *asked = follower_ask(&follower, 0, -1, PLANE_WAIT_MS);

    ck_assert(!asked_is_finished(asked));
    ck_assert_int_eq(produced(produce(1)), 0);

    ck_assert_uint_eq(follower_answer(&follower, asked)->answers[0]->size, batch_bytes);
    asked_free(asked);
}
END_TEST

START_TEST(a_watermark_is_news_too)
{
    struct follower second = follower_of(2), third = follower_of(3);
    ck_assert_int_eq(produced(produce(1)), 0);
    follower_tell(&second, 2);
    struct asked *asked = follower_ask(&second, -1, -1, PLANE_WAIT_MS);
    follower_tell(&third, 2);

    /* The question was answered by follower_tell(): it has to be put again. */
    struct asked *again = follower_ask(&second, 2, topic.leader_epoch, PLANE_WAIT_MS);
    ck_assert_uint_eq(follower_answer(&second, asked)->n_answers, 0);
    const Kairn__ReplicaFetchResponse *body = follower_answer(&second, again);

    ck_assert_uint_eq(body->n_answers, 1);
    ck_assert_int_eq(body->answers[0]->high_watermark, 2);
    ck_assert_uint_eq(body->answers[0]->size, 0);
    asked_free(asked);
    asked_free(again);
}
END_TEST

START_TEST(without_news_the_answer_is_empty_and_in_time)
{
    struct follower follower = follower_of(2);
    follower_tell(&follower, 0);

    struct asked *asked = follower_ask(&follower, 0, -1, 30);

    ck_assert_uint_eq(follower_answer(&follower, asked)->n_answers, 0);
    asked_free(asked);
}
END_TEST

START_TEST(a_log_that_differs_is_told_where)
{
    struct follower follower = follower_of(2);
    ck_assert_int_eq(produced(produce(1)), 0);

    struct asked *asked = follower_ask(&follower, 7, topic.leader_epoch - 1, 0);
    const Kairn__ReplicaFetchResponse *body = follower_answer(&follower, asked);

    ck_assert_ptr_nonnull(body->answers[0]->diverged);
    ck_assert_int_eq(body->answers[0]->diverged->end, 0);
    ck_assert_uint_eq(body->answers[0]->size, 0);
    asked_free(asked);
}
END_TEST

START_TEST(another_epoch_gets_no_records)
{
    struct follower follower = follower_of(2);
    ck_assert_int_eq(produced(produce(1)), 0);
    topic.leader_epoch--;

    struct asked *asked = follower_ask(&follower, 0, -1, 0);
    const Kairn__ReplicaFetchResponse *body = follower_answer(&follower, asked);

    ck_assert_int_eq(head_error_code(body->answers[0]->error), K_FENCED_LEADER_EPOCH);
    asked_free(asked);
}
END_TEST

START_TEST(who_has_heard_of_a_newer_epoch_is_answered_when_we_have)
{
    struct follower follower = follower_of(2);
    topic.leader_epoch++;
    struct asked *first = follower_ask(&follower, 0, -1, 0);
    ck_assert_uint_eq(follower_answer(&follower, first)->n_answers, 0);
    struct asked *asked = follower_ask(&follower, -1, -1, PLANE_WAIT_MS);

    plane_publish(&plane, &topic);

    const Kairn__ReplicaFetchResponse *body = follower_answer(&follower, asked);
    ck_assert_uint_eq(body->n_answers, 1);
    ck_assert_ptr_null(body->answers[0]->error);
    asked_free(first);
    asked_free(asked);
}
END_TEST

START_TEST(a_session_that_is_not_known_has_to_begin_anew)
{
    struct follower follower = follower_of(2);
    follower_tell(&follower, 0);
    struct follower stranger = follower;
    stranger.session++;
    struct follower late = follower;
    late.epoch += 3;
    struct follower other = follower;
    other.broker = 3;

    struct asked *unknown = follower_ask(&stranger, 0, -1, 0);
    struct asked *skipped = follower_ask(&late, 0, -1, 0);
    struct asked *foreign = follower_ask(&other, 0, -1, 0);

    asked_wait(unknown);
    asked_wait(skipped);
    asked_wait(foreign);
    ck_assert_int_eq(head_error_code(unknown->head->error), K_FETCH_SESSION_ID_NOT_FOUND);
    ck_assert_int_eq(head_error_code(skipped->head->error), K_INVALID_FETCH_SESSION_EPOCH);
    ck_assert_int_eq(head_error_code(foreign->head->error), K_FETCH_SESSION_ID_NOT_FOUND);
    asked_free(unknown);
    asked_free(skipped);
    asked_free(foreign);
}
END_TEST

START_TEST(a_question_that_makes_no_sense_ends_its_session)
{
    struct follower follower = follower_of(2);
    follower_tell(&follower, 0);
    struct asked *asked = follower_ask(&follower, 5, -7, 0);
    asked_wait(asked);
    ck_assert_int_eq(head_error_code(asked->head->error), K_INVALID_REQUEST);
    asked_free(asked);

    struct asked *after = follower_ask(&follower, 0, -1, 0);

    asked_wait(after);
    ck_assert_int_eq(head_error_code(after->head->error), K_FETCH_SESSION_ID_NOT_FOUND);
    asked_free(after);
}
END_TEST

static void abandon(void *context)
{
    request_abandon(context);
}

START_TEST(a_session_ends_with_its_connection)
{
    struct follower follower = follower_of(2);
    follower_tell(&follower, 0);
    struct asked *asked = follower_ask(&follower, 0, -1, PLANE_WAIT_MS);

    call_on(plane.loops[follower.loop], abandon, &asked->request);
    asked_wait(asked);
    asked_free(asked);

    struct asked *after = follower_ask(&follower, 0, -1, 0);
    asked_wait(after);
    ck_assert_int_eq(head_error_code(after->head->error), K_FETCH_SESSION_ID_NOT_FOUND);
    asked_free(after);
}
END_TEST

START_TEST(too_few_in_sync_replicas_refuse_acks_all_before_the_append)
{
    topic.replicas = 3;
    topic.min_insync = 4;
    topic.leader_epoch++;
    plane_publish(&plane, &topic);

    ck_assert_int_eq(produced(produce(-1)), K_NOT_ENOUGH_REPLICAS);
    ck_assert_int_eq(produced(produce(1)), 0);
}
END_TEST

/* The highest member of a set that was proposed. */
static _Atomic int32_t proposed;

static void note_proposal(struct control_request *request)
{
    const Kairn__UpdateIsrRequest *body = request->head->update_isr;

    if (request->head->body_case != KAIRN__REQUEST_HEAD__BODY_UPDATE_ISR)
        return;
    for (size_t i = 0; i < body->proposals[0]->n_members; i++)
        if (body->proposals[0]->members[i]->broker > atomic_load(&proposed))
            atomic_store(&proposed, body->proposals[0]->members[i]->broker);
}

/* As one that was frozen for longer than its session: it goes on with the question that it had. */
START_TEST(who_was_put_out_comes_back_where_nothing_is_written)
{
    struct follower third = follower_of(3);
    plane.controller = note_proposal;
    follower_tell(&third, 0);
    follower_tell(&third, 0);           /* this question stays open: there is no news */

    topic.insync = 2;
    topic.version = topic.leader_epoch + 1;
    plane_publish(&plane, &topic);
    ck_assert_int_eq(atomic_load(&proposed), 0);
    struct asked *asked = follower_ask(&third, -1, -1, 0);

    WAIT_UNTIL(atomic_load(&proposed) == 3);
    ck_assert_uint_eq(follower_answer(&third, asked)->n_answers, 0);
    asked_free(asked);
}
END_TEST

/* --- throttles -------------------------------------------------------------------------------- */

/* As the leader we may send nothing any more, once the first records are sent. */
static void throttle(int32_t insync)
{
    topic.leader_epoch++;               /* another state */
    topic.insync = insync;
    topic.config_name = "leader.replication.throttled.replicas";
    topic.config_value = "1:1,0:1,0:7";
    plane_publish(&plane, &topic);
    plane_configure(&plane, "leader.replication.throttled.rate=1");
    config_throttle(&plane.config, plane.shards);
}

START_TEST(a_throttled_replica_that_is_out_of_sync_waits_for_the_rate)
{
    struct follower follower = follower_of(2);
    throttle(1);
    ck_assert_int_eq(produced(produce(1)), 0);
    ck_assert_int_eq(produced(produce(1)), 0);

    ck_assert_uint_eq(copied(&follower, 0, 0), batch_bytes);    /* one batch, of any size */
    ck_assert_uint_eq(copied(&follower, 2, 100), 0);
    ck_assert_int_gt(metric_value(plane.metrics, METRIC_REPLICA_THROTTLED), 0);

    struct asked *asked = follower_ask(&follower, -1, -1, PLANE_WAIT_MS);
    shards_throttle(plane.shards, INT64_MAX, INT64_MAX);        /* it is taken away */
    follower_answer(&follower, asked);
    ck_assert_uint_eq(asked->batches_size, batch_bytes);
    asked_free(asked);
}
END_TEST

START_TEST(what_comes_meanwhile_does_not_let_a_throttled_replica_go_on)
{
    struct follower follower = follower_of(2);
    throttle(1);
    ck_assert_int_eq(produced(produce(1)), 0);
    ck_assert_uint_eq(copied(&follower, 0, 0), batch_bytes);
    ck_assert_int_eq(produced(produce(1)), 0);
    ck_assert_uint_eq(copied(&follower, 2, 0), 0);

    struct asked *asked = follower_ask(&follower, -1, -1, 100);
    ck_assert_int_eq(produced(produce(1)), 0);
    follower_answer(&follower, asked);

    ck_assert_uint_eq(asked->batches_size, 0);
    asked_free(asked);
}
END_TEST

START_TEST(a_replica_that_is_in_sync_is_not_throttled)
{
    struct follower follower = follower_of(2);
    throttle(3);
    ck_assert_int_eq(produced(produce(1)), 0);
    ck_assert_uint_eq(copied(&follower, 0, 0), batch_bytes);
    ck_assert_int_eq(produced(produce(1)), 0);

    ck_assert_uint_eq(copied(&follower, 2, 0), batch_bytes);
}
END_TEST

START_TEST(partitions_that_are_not_listed_are_not_throttled)
{
    struct follower follower = follower_of(2);
    throttle(1);
    topic.config_value = "0:2,1:1";
    plane_publish(&plane, &topic);
    ck_assert_int_eq(produced(produce(1)), 0);
    ck_assert_uint_eq(copied(&follower, 0, 0), batch_bytes);
    ck_assert_int_eq(produced(produce(1)), 0);

    ck_assert_uint_eq(copied(&follower, 2, 0), batch_bytes);
}
END_TEST

Suite *replica_fetch_suite(void);

Suite *replica_fetch_suite(void)
{
    Suite *suite = suite_create("replica_fetch");
    TCase *tests = tcase_create("replica_fetch");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_follower_is_given_what_it_lacks);
    tcase_add_test(tests, a_follower_is_given_no_more_than_it_asks_for);
    tcase_add_test(tests, of_a_partition_a_follower_is_given_no_more_than_is_configured);
    tcase_add_test(tests, who_asks_in_version_1_is_told_where_the_log_ends);
    tcase_add_test(tests, a_broker_that_is_held_at_a_level_refuses_what_came_later);
    tcase_add_test(tests, what_is_acknowledged_with_acks_all_is_on_all_in_sync_replicas);
    tcase_add_test(tests,
                   what_is_sent_again_is_acknowledged_once_it_is_on_all_in_sync_replicas);
    tcase_add_test(tests, who_waits_for_replicas_in_vain_is_told_in_time);
    tcase_add_test(tests, who_waits_for_replicas_is_told_when_we_lead_no_more);
    tcase_add_test(tests, readers_see_what_is_committed_and_wait_for_the_rest);
    tcase_add_test(tests, a_quiet_session_is_answered_when_there_is_news);
    tcase_add_test(tests, a_watermark_is_news_too);
    tcase_add_test(tests, without_news_the_answer_is_empty_and_in_time);
    tcase_add_test(tests, a_log_that_differs_is_told_where);
    tcase_add_test(tests, another_epoch_gets_no_records);
    tcase_add_test(tests, who_has_heard_of_a_newer_epoch_is_answered_when_we_have);
    tcase_add_test(tests, a_session_that_is_not_known_has_to_begin_anew);
    tcase_add_test(tests, a_question_that_makes_no_sense_ends_its_session);
    tcase_add_test(tests, a_session_ends_with_its_connection);
    tcase_add_test(tests, too_few_in_sync_replicas_refuse_acks_all_before_the_append);
    tcase_add_test(tests, who_was_put_out_comes_back_where_nothing_is_written);
    tcase_add_test(tests, a_throttled_replica_that_is_out_of_sync_waits_for_the_rate);
    tcase_add_test(tests, what_comes_meanwhile_does_not_let_a_throttled_replica_go_on);
    tcase_add_test(tests, a_replica_that_is_in_sync_is_not_throttled);
    tcase_add_test(tests, partitions_that_are_not_listed_are_not_throttled);
    suite_add_tcase(suite, tests);
    return suite;
}
