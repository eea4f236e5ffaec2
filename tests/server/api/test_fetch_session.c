/* Fetch in sessions: a consumer names what changed, and is told what is new. */
#include <check.h>
#include <stdlib.h>

#include "common/error.h"
#include "proto/head.h"
#include "server/call.h"
#include "server/runtime/fetch_session_private.h"
#include "tests/lib/wait.h"
#include "tests/server/lib/plane.h"

enum { PARTITIONS = 8, ROWS_MAX = FETCH_SESSION_QUESTIONS_MAX + 1, SOON_MS = 30 };

static struct plane plane;
static struct plane_topic topic;
static uint8_t batch[4096];
static size_t batch_bytes;

/* A consumer's side of a session. */
static uint64_t session, rounds;
static uint32_t epoch, wait_ms, max_bytes, min_bytes, isolation;
static int32_t leader_epoch;

static void setup(void)
{
    plane_init(&plane, 2);
    topic = (struct plane_topic){ .name = "orders", .id = uuid_random(), .partitions = PARTITIONS,
                                  .leader = PLANE_BROKER, .leader_epoch = 1 };
    plane_publish(&plane, &topic);
    batch_bytes = plane_batch(batch, sizeof batch, 2, "value", false);
    session = rounds = 0;
    epoch = 1;
    wait_ms = PLANE_WAIT_MS;
    max_bytes = isolation = 0;
    min_bytes = 1;
    leader_epoch = -1;
}

static void teardown(void)
{
    for (int i = 0; i < plane.loop_count; i++)
        plane_hang_up(&plane, i);
    plane_fini(&plane);
}

static void produce(int32_t partition)
{
    struct asked *asked = plane_produce(&plane, 0, &topic.id, partition, -1, batch, batch_bytes);
    ck_assert_int_eq(head_error_code(asked->head->produce->results[0]->error), 0);
    asked_free(asked);
}

struct question {
    Kairn__RequestHead head;
    Kairn__FetchRequest body;
    struct uuid id;
    Kairn__FetchPartition rows[PARTITIONS], *asked[ROWS_MAX];
    Kairn__LogPartition rest, *forgotten[1];
};

static struct question *question_new(void)
{
    struct question *own = calloc(1, sizeof *own);

    ck_assert_ptr_nonnull(own);
    kairn__request_head__init(&own->head);
    kairn__fetch_request__init(&own->body);
    own->head.body_case = KAIRN__REQUEST_HEAD__BODY_FETCH;
    own->head.fetch = &own->body;
    own->head.version = 1;
    own->id = topic.id;
    own->body.max_bytes = max_bytes;
    own->body.min_bytes = min_bytes;
    own->body.max_wait_ms = wait_ms;
    own->body.isolation = isolation;
    own->body.session = session;
    own->body.session_epoch = epoch++;
    own->body.partitions = own->asked;
    own->body.forgotten = own->forgotten;
    return own;
}

static void name(struct question *own, uint32_t partition, int64_t offset)
{
    Kairn__FetchPartition *row = &own->rows[own->body.n_partitions];

    kairn__fetch_partition__init(row);
    row->topic_id = head_bytes_of_uuid(&own->id);
    row->partition = partition;
    row->offset = offset;
    row->leader_epoch = leader_epoch;
    row->last_epoch = -1;
    row->round = ++rounds;
    own->asked[own->body.n_partitions++] = row;
}

static void forget(struct question *own, uint32_t partition)
{
    kairn__log_partition__init(&own->rest);
    own->rest.topic_id = head_bytes_of_uuid(&own->id);
    own->rest.partition = partition;
    own->forgotten[own->body.n_forgotten++] = &own->rest;
}

static struct asked *send_by(int loop, struct question *own)
{
    struct asked *asked = plane_start(&plane, loop, &own->head, NULL, 0);

    asked->own = own;
    return asked;
}

static struct asked *send(struct question *own)
{
    return send_by(0, own);
}

/* A request that names `count` partitions, of which each wants what is behind `offset`. */
static struct asked *ask(uint32_t count, int64_t offset)
{
    struct question *own = question_new();

    for (uint32_t i = 0; i < count; i++)
        name(own, i, offset);
    return send(own);
}

/* May be called again. */
static const Kairn__FetchResponse *body_of(struct asked *asked)
{
    asked_wait(asked);
    sem_post(&asked->finished);
    ck_assert_int_eq(head_error_code(asked->head->error), 0);
    return asked->head->fetch;
}

static int code_of(struct asked *asked)
{
    asked_wait(asked);
    int code = head_error_code(asked->head->error);
    asked_free(asked);
    return code;
}

/* How many partitions are answered. */
static size_t answers(struct asked *asked)
{
    size_t count = body_of(asked)->n_results;

    asked_free(asked);
    return count;
}

/* A session that asks for `count` partitions from their beginning; marks were told. */
static void begin(uint32_t count)
{
    struct asked *asked = ask(count, 0);

    session = body_of(asked)->session;
    size_t told = asked->head->fetch->n_results;
    ck_assert_uint_ne(session, 0);
    asked_free(asked);
    wait_ms = SOON_MS;
    while (told < count)                /* logs may still be being opened */
        told += answers(ask(0, 0));
    wait_ms = PLANE_WAIT_MS;
}

static void is_answered(struct asked *asked, uint32_t partition, uint64_t round)
{
    const Kairn__FetchResponse *body = body_of(asked);

    ck_assert_uint_eq(body->n_results, 1);
    ck_assert_uint_eq(body->results[0]->partition, partition);
    ck_assert_uint_eq(body->results[0]->round, round);
    ck_assert_uint_eq(body->results[0]->size, batch_bytes);
    ck_assert_uint_eq(asked->batches_size, batch_bytes);
    asked_free(asked);
}

/* --- tests ------------------------------------------------------------------------------------ */

START_TEST(only_partitions_with_news_are_answered)
{
    begin(PARTITIONS);

    for (uint32_t partition = 0; partition < PARTITIONS; partition++) {
        struct asked *asked = ask(0, 0);
        ck_assert(!asked_is_finished(asked));
        produce((int32_t)partition);
        is_answered(asked, partition, partition + 1);
    }
}
END_TEST

START_TEST(without_news_the_answer_is_empty_and_in_time)
{
    begin(PARTITIONS);
    wait_ms = SOON_MS;

    ck_assert_uint_eq(answers(ask(0, 0)), 0);
    ck_assert_uint_eq(answers(ask(0, 0)), 0);
}
END_TEST

/* Not now: who does not ask anew has no room for more. */
START_TEST(what_was_answered_is_not_given_again_until_it_is_asked_for_anew)
{
    begin(2);
    struct asked *asked = ask(0, 0);
    produce(0);
    is_answered(asked, 0, 1);
    produce(0);
    asked = ask(0, 0);
    ck_assert(!asked_is_finished(asked));
    produce(1);
    is_answered(asked, 1, 2);

    is_answered(ask(1, 2), 0, 3);
}
END_TEST

START_TEST(a_request_ends_the_wait_of_the_one_before)
{
    begin(2);
    struct asked *first = ask(0, 0), *second = ask(0, 0);

    ck_assert_uint_eq(answers(first), 0);
    ck_assert(!asked_is_finished(second));
    produce(1);
    is_answered(second, 1, 2);
}
END_TEST

START_TEST(what_is_forgotten_is_not_answered)
{
    begin(2);
    struct question *own = question_new();
    forget(own, 0);
    struct asked *asked = send(own);

    produce(0);
    ck_assert(!asked_is_finished(asked));
    produce(1);
    is_answered(asked, 1, 2);
}
END_TEST

START_TEST(what_is_asked_for_differently_counts_from_then_on)
{
    produce(0);
    begin(1);
    struct asked *asked = ask(1, 2);    /* instead of 0, which was answered */
    ck_assert(!asked_is_finished(asked));

    struct asked *again = ask(1, 0);

    ck_assert_uint_eq(answers(asked), 0);
    is_answered(again, 0, 3);
}
END_TEST

/* A seek to where it was: the marks are wanted all the same. */
START_TEST(who_forgets_and_asks_at_once_is_told_the_marks_again)
{
    begin(1);
    struct question *own = question_new();
    wait_ms = SOON_MS;
    own->body.max_wait_ms = wait_ms;
    forget(own, 0);
    name(own, 0, 0);
    struct asked *asked = send(own);

    ck_assert_uint_eq(body_of(asked)->n_results, 1);
    ck_assert_int_eq(body_of(asked)->results[0]->high_watermark, 0);
    ck_assert_uint_eq(body_of(asked)->results[0]->round, 2);
    asked_free(asked);
    ck_assert_uint_eq(answers(ask(0, 0)), 0);
}
END_TEST

START_TEST(what_finds_no_room_comes_with_the_next_answer)
{
    for (int32_t partition = 0; partition < PARTITIONS; partition++)
        produce(partition);
    max_bytes = (uint32_t)(3 * batch_bytes);
    struct asked *asked = ask(PARTITIONS, 0);
    size_t given = 0;

    session = body_of(asked)->session;
    while (given < PARTITIONS * batch_bytes) {
        body_of(asked);
        given += asked->batches_size;
        ck_assert_uint_le(asked->batches_size, max_bytes);
        asked_free(asked);
        asked = ask(0, 0);
    }

    ck_assert(!asked_is_finished(asked));
    produce(0);
    ck_assert(!asked_is_finished(asked));
    struct asked *last = ask(0, 0);     /* ends its wait */
    ck_assert_uint_eq(answers(asked), 0);
    plane_hang_up(&plane, 0);
    ck_assert_int_eq(code_of(last), K_FETCH_SESSION_ID_NOT_FOUND);
}
END_TEST

START_TEST(enough_bytes_are_waited_for)
{
    begin(1);
    min_bytes = (uint32_t)(2 * batch_bytes);
    struct asked *asked = ask(0, 0);

    produce(0);
    ck_assert(!asked_is_finished(asked));
    produce(0);

    ck_assert_uint_eq(body_of(asked)->results[0]->size, 2 * batch_bytes);
    asked_free(asked);
}
END_TEST

START_TEST(too_few_bytes_are_given_when_the_time_is_over)
{
    begin(2);
    min_bytes = (uint32_t)(3 * batch_bytes);
    wait_ms = SOON_MS;
    produce(0);
    produce(1);

    struct asked *asked = ask(0, 0);

    ck_assert_uint_eq(body_of(asked)->n_results, 2);
    ck_assert_uint_eq(asked->batches_size, 2 * batch_bytes);
    asked_free(asked);
}
END_TEST

START_TEST(who_waits_learns_that_the_leader_moved)
{
    begin(PARTITIONS);
    struct asked *asked = ask(0, 0);
    size_t told = 0;

    topic.leader = 2;
    topic.leader_epoch++;
    plane_publish(&plane, &topic);

    for (; told < PARTITIONS; asked = ask(0, 0)) {
        const Kairn__FetchResponse *body = body_of(asked);
        for (size_t i = 0; i < body->n_results; i++) {
            ck_assert_int_eq(head_error_code(body->results[i]->error), K_NOT_LEADER_OR_FOLLOWER);
            ck_assert_int_eq(body->results[i]->error->leader->broker, 2);
        }
        told += body->n_results;
        asked_free(asked);
    }
    plane_hang_up(&plane, 0);
    code_of(asked);
}
END_TEST

START_TEST(the_epoch_of_the_question_is_fenced_when_it_becomes_old)
{
    leader_epoch = 1;
    begin(1);
    struct asked *asked = ask(0, 0);

    topic.leader_epoch++;
    plane_publish(&plane, &topic);

    ck_assert_int_eq(head_error_code(body_of(asked)->results[0]->error), K_FENCED_LEADER_EPOCH);
    asked_free(asked);
}
END_TEST

/* Records would come to another leader, of which this one does not hear. */
START_TEST(who_is_cut_off_says_so_when_the_wait_is_over)
{
    begin(PARTITIONS);
    wait_ms = SOON_MS;

    atomic_store(&plane.lease_until_ms, 0);

    for (size_t told = 0; told < PARTITIONS;) {
        struct asked *asked = ask(0, 0);
        const Kairn__FetchResponse *body = body_of(asked);
        for (size_t i = 0; i < body->n_results; i++)
            ck_assert_int_eq(head_error_code(body->results[i]->error), K_LEASE_EXPIRED);
        told += body->n_results;
        asked_free(asked);
    }
}
END_TEST

static void look_at_log(void *context)
{
    const struct partition_key key = { topic.id, 0 };
    struct shard *shard = shards_at(plane.shards, plane_owner(&plane, &topic.id, 0));

    *(enum partition_phase *)context = partition_find(shard, &key)->state;
}

static bool log_rests(void)
{
    enum partition_phase phase;

    call_on(plane.loops[plane_owner(&plane, &topic.id, 0)], look_at_log, &phase);
    return phase == PARTITION_IDLE;
}

START_TEST(the_log_of_a_quiet_partition_may_rest)
{
    plane_configure(&plane, "log.idle.close.ms=100");
    plane_restart(&plane);
    plane_publish(&plane, &topic);
    produce(0);
    begin(0);
    struct asked *asked = ask(1, 2);

    WAIT_UNTIL(log_rests());
    ck_assert(!asked_is_finished(asked));
    produce(0);

    is_answered(asked, 0, 1);
}
END_TEST

START_TEST(a_topic_that_is_gone_is_told)
{
    begin(1);
    struct asked *asked = ask(0, 0);

    plane_publish_nothing(&plane);

    ck_assert_int_ne(head_error_code(body_of(asked)->results[0]->error), 0);
    asked_free(asked);
}
END_TEST

START_TEST(a_session_that_is_not_known_has_to_begin_anew)
{
    session = 77;
    epoch = 2;
    ck_assert_int_eq(code_of(ask(1, 0)), K_FETCH_SESSION_ID_NOT_FOUND);

    session = 0;
    epoch = 1;
    begin(1);
    struct asked *waiting = ask(0, 0);
    uint32_t right = epoch;
    epoch += _i == 0 ? 1 : -1;          /* one was lost, or comes twice */
    ck_assert_int_eq(code_of(ask(0, 0)), K_INVALID_FETCH_SESSION_EPOCH);

    ck_assert_int_eq(code_of(waiting), K_FETCH_SESSION_ID_NOT_FOUND);
    epoch = right;
    ck_assert_int_eq(code_of(ask(0, 0)), K_FETCH_SESSION_ID_NOT_FOUND);
}
END_TEST

START_TEST(a_session_ends_with_its_connection)
{
    begin(PARTITIONS);
    struct asked *asked = ask(0, 0);

    plane_hang_up(&plane, 0);

    ck_assert_int_eq(code_of(asked), K_FETCH_SESSION_ID_NOT_FOUND);
    for (int32_t partition = 0; partition < PARTITIONS; partition++)
        produce(partition);             /* nobody is told */
    ck_assert_int_eq(code_of(ask(0, 0)), K_FETCH_SESSION_ID_NOT_FOUND);
}
END_TEST

static void near_the_last_number(void *context)
{
    (*(struct fetch_session **)context)->epoch = UINT32_MAX - 1;
}

START_TEST(a_session_outlives_the_numbers_of_its_requests)
{
    begin(2);
    call_on(plane.loops[0], near_the_last_number, &plane.sessions[0]);
    epoch = UINT32_MAX - 1;
    wait_ms = SOON_MS;

    for (int i = 0; i < 4; i++)         /* the last but one, the last, 0, and 1 */
        ck_assert_uint_eq(answers(ask(0, 0)), 0);
    produce(1);

    ck_assert_uint_eq(answers(ask(0, 0)), 1);
}
END_TEST

START_TEST(a_session_belongs_to_its_connection)
{
    begin(1);

    ck_assert_int_eq(code_of(send_by(1, question_new())), K_FETCH_SESSION_ID_NOT_FOUND);
}
END_TEST

START_TEST(a_question_that_names_no_partition_ends_nothing_else)
{
    begin(1);
    struct question *own = question_new();
    name(own, 0, 0);
    own->rows[0].topic_id.len = 3;
    epoch--;

    ck_assert_int_eq(code_of(send(own)), K_INVALID_REQUEST);

    struct asked *asked = ask(0, 0);
    produce(0);
    is_answered(asked, 0, 1);
}
END_TEST

/* It is answered as without a session, and told so. */
static void is_not_given(struct asked *asked, size_t count)
{
    ck_assert_uint_eq(body_of(asked)->session, 0);
    ck_assert_uint_eq(body_of(asked)->n_results, count);
    asked_free(asked);
}

START_TEST(a_connection_has_so_many_sessions_and_no_more)
{
    for (int i = 0; i < FETCH_SESSIONS_MAX; i++) {
        session = 0;
        epoch = 1;
        begin(2);
    }
    session = 0;
    epoch = 1;
    wait_ms = SOON_MS;

    is_not_given(ask(2, 0), 2);
}
END_TEST

START_TEST(a_session_has_so_many_partitions_and_no_more)
{
    struct question *own = question_new();
    wait_ms = own->body.max_wait_ms = SOON_MS;
    name(own, 0, 0);
    for (own->body.n_partitions = 1; own->body.n_partitions < ROWS_MAX;)
        own->asked[own->body.n_partitions++] = &own->rows[0];

    is_not_given(send(own), ROWS_MAX);
}
END_TEST

START_TEST(who_asks_in_version_0_has_no_session)
{
    struct question *own = question_new();
    own->head.version = 0;
    wait_ms = own->body.max_wait_ms = SOON_MS;
    name(own, 0, 0);

    is_not_given(send(own), 1);
}
END_TEST

Suite *fetch_session_suite(void);
Suite *fetch_session_suite(void)
{
    Suite *suite = suite_create("api/fetch_session");
    TCase *tcase = tcase_create("sessions");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, only_partitions_with_news_are_answered);
    tcase_add_test(tcase, without_news_the_answer_is_empty_and_in_time);
    tcase_add_test(tcase, what_was_answered_is_not_given_again_until_it_is_asked_for_anew);
    tcase_add_test(tcase, a_request_ends_the_wait_of_the_one_before);
    tcase_add_test(tcase, what_is_forgotten_is_not_answered);
    tcase_add_test(tcase, what_is_asked_for_differently_counts_from_then_on);
    tcase_add_test(tcase, who_forgets_and_asks_at_once_is_told_the_marks_again);
    tcase_add_test(tcase, what_finds_no_room_comes_with_the_next_answer);
    tcase_add_test(tcase, enough_bytes_are_waited_for);
    tcase_add_test(tcase, too_few_bytes_are_given_when_the_time_is_over);
    tcase_add_test(tcase, who_waits_learns_that_the_leader_moved);
    tcase_add_test(tcase, the_epoch_of_the_question_is_fenced_when_it_becomes_old);
    tcase_add_test(tcase, who_is_cut_off_says_so_when_the_wait_is_over);
    tcase_add_test(tcase, the_log_of_a_quiet_partition_may_rest);
    tcase_add_test(tcase, a_topic_that_is_gone_is_told);
    tcase_add_loop_test(tcase, a_session_that_is_not_known_has_to_begin_anew, 0, 2);
    tcase_add_test(tcase, a_session_ends_with_its_connection);
    tcase_add_test(tcase, a_session_outlives_the_numbers_of_its_requests);
    tcase_add_test(tcase, a_session_belongs_to_its_connection);
    tcase_add_test(tcase, a_question_that_names_no_partition_ends_nothing_else);
    tcase_add_test(tcase, a_connection_has_so_many_sessions_and_no_more);
    tcase_add_test(tcase, a_session_has_so_many_partitions_and_no_more);
    tcase_add_test(tcase, who_asks_in_version_0_has_no_session);
    suite_add_tcase(suite, tcase);
    return suite;
}
