/* A follower against a leader that this test plays by hand, frame by frame. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/chain.h"
#include "common/clock.h"
#include "common/endian.h"
#include "common/error.h"
#include "common/metric.h"
#include "proto/batch.h"
#include "proto/frame.h"
#include "proto/greeting.h"
#include "proto/head.h"
#include "server/call.h"
#include "server/config_parts.h"
#include "server/runtime/drive_replica.h"
#include "server/runtime/partition.h"
#include "server/runtime/shard.h"
#include "server/storage/log.h"
#include "tests/lib/wait.h"
#include "tests/server/lib/plane.h"
#include "tests/server/runtime/suites.h"

enum { SESSION = 77 };

static struct plane plane;
static struct plane_topic topic;
static uint8_t batch[4096];
static size_t batch_bytes;
static int listener, leader;
static struct arena arena;

/* --- the leader's end ------------------------------------------------------------------------- */

static int listen_here(uint16_t *port)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(fd, 8), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static void receive(void *to, size_t size)
{
    for (size_t got = 0; got < size;) {
        struct pollfd wait = { .fd = leader, .events = POLLIN };
        ck_assert_msg(poll(&wait, 1, PLANE_WAIT_MS) == 1, "nothing came");
        ssize_t more = recv(leader, (char *)to + got, size - got, 0);
        ck_assert_int_gt(more, 0);
        got += (size_t)more;
    }
}

static void transmit(const void *bytes, size_t size)
{
    ck_assert_int_eq(send(leader, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
}

/* The follower connects. */
static void meet(void)
{
    const struct greeting_broker greeting = { .lowest = 1, .highest = 1, .broker_id = 2,
                                              .loops = 1, .cluster_id = "test-cluster" };
    uint8_t bytes[GREETING_BROKER_SIZE];
    struct greeting_client client;
    struct pollfd wait = { .fd = listener, .events = POLLIN };

    ck_assert_msg(poll(&wait, 1, PLANE_WAIT_MS) == 1, "nobody connects");
    leader = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    ck_assert_int_ge(leader, 0);
    receive(bytes, GREETING_CLIENT_SIZE);
    ck_assert_int_gt(greeting_client_read(bytes, GREETING_CLIENT_SIZE, &client), 0);
    ck_assert_int_eq(client.loop, 0);
    greeting_broker_write(&greeting, bytes);
    transmit(bytes, sizeof bytes);
}

static Kairn__RequestHead *hear(void)
{
    static uint8_t bytes[64 * 1024];
    Kairn__RequestHead *head;
    struct frame frame;

    receive(bytes, 4);
    size_t size = load_u32(bytes) + 4;
    ck_assert_uint_le(size, sizeof bytes);
    receive(bytes + 4, size - 4);
    ck_assert_int_eq(frame_split(bytes, size, &frame), 0);
    ck_assert_int_eq(head_unpack_request(frame.head, frame.head_size, &arena, &head), 0);
    ck_assert_int_eq(head->body_case, KAIRN__REQUEST_HEAD__BODY_REPLICA_FETCH);
    return head;
}

/* The next request that names a question; those without are left unanswered, as they wait. */
static const Kairn__ReplicaQuestion *hear_question(uint64_t *correlation)
{
    const Kairn__RequestHead *head = hear();

    while (head->replica_fetch->n_questions == 0) {
        *correlation = head->correlation;
        head = hear();
    }
    ck_assert_uint_eq(head->replica_fetch->n_questions, 1);
    *correlation = head->correlation;
    return head->replica_fetch->questions[0];
}

static void say(Kairn__ResponseHead *head, const void *payload, size_t size)
{
    struct chain chain;
    struct chain_piece *piece;

    chain_init(&chain);
    ck_assert_int_eq(head_pack_response(head, size, &chain), 0);
    if (size > 0)
        ck_assert_int_eq(chain_copy(&chain, payload, size), 0);
    while ((piece = chain_pop(&chain)) != NULL) {
        transmit(piece->bytes, piece->size);
        chain_piece_free(piece);
    }
}

static void say_error(uint64_t correlation, int code)
{
    Kairn__ResponseHead head = KAIRN__RESPONSE_HEAD__INIT;

    head.correlation = correlation;
    head.error = head_error(&arena, code, NULL);
    say(&head, NULL, 0);
}

struct answer {
    int64_t watermark;
    uint32_t size;                      /* as the head says */
    const Kairn__Divergence *diverged;
    int64_t log_end;
};

static void reply(uint64_t correlation, const Kairn__ReplicaQuestion *question,
                   const struct answer *what, const void *payload, size_t size)
{
    Kairn__ResponseHead head = KAIRN__RESPONSE_HEAD__INIT;
    Kairn__ReplicaFetchResponse body = KAIRN__REPLICA_FETCH_RESPONSE__INIT;
    Kairn__ReplicaAnswer answer = KAIRN__REPLICA_ANSWER__INIT, *answers[] = { &answer };

    head.correlation = correlation;
    head.body_case = KAIRN__RESPONSE_HEAD__BODY_REPLICA_FETCH;
    head.replica_fetch = &body;
    body.session = SESSION;
    body.n_answers = 1;
    body.answers = answers;
    answer.topic_id = question->topic_id;
    answer.partition = question->partition;
    answer.round = question->round;
    answer.high_watermark = what->watermark;
    answer.size = what->size;
    answer.diverged = (Kairn__Divergence *)what->diverged;
    answer.log_end = what->log_end;
    say(&head, payload, size);
}

/* --- the follower's end ----------------------------------------------------------------------- */

struct look {
    int64_t end, watermark;
    int32_t last_epoch;
};

static void look_at_log(void *context)
{
    struct look *look = context;
    const struct partition_key key = { .topic_id = topic.id, .index = 0 };
    const struct partition *partition =
        partition_find(shards_at(plane.shards, plane_owner(&plane, &topic.id, 0)), &key);

    ck_assert_ptr_nonnull(partition);
    *look = (struct look){ partition->replica.end, partition->replica.high_watermark,
                           partition->replica.last_epoch };
}

static struct look look(void)
{
    struct look look;

    call_on(plane.loops[plane_owner(&plane, &topic.id, 0)], look_at_log, &look);
    return look;
}

/* Two records at `offset`, as a leader of `epoch` has them. */
static void make_batch(int64_t offset, int32_t epoch)
{
    batch_bytes = plane_batch(batch, sizeof batch, 2, "value", false);
    batch_stamp(batch, offset, epoch);
}

static void setup_before_it_follows(void)
{
    plane_init(&plane, 2);
    arena_init(&arena, NULL, 0, SIZE_MAX);
    listener = listen_here(&plane.leader_port);
    leader = -1;
    topic = (struct plane_topic){ .name = "orders", .id = uuid_random(), .partitions = 1,
                                  .leader = 2, .leader_epoch = 4, .replicas = 3,
                                  .min_insync = 2 };
}

static void setup(void)
{
    setup_before_it_follows();
    plane_publish(&plane, &topic);
}

static void teardown(void)
{
    plane_fini(&plane);
    arena_fini(&arena);
    close(listener);
    if (leader >= 0)
        close(leader);
}

/* The follower has two records of epoch 4, and asks for more. */
static const Kairn__ReplicaQuestion *begin(uint64_t *correlation)
{
    meet();
    const Kairn__ReplicaQuestion *question = hear_question(correlation);
    make_batch(0, 4);
    reply(*correlation, question, &(struct answer){ .size = (uint32_t)batch_bytes }, batch,
           batch_bytes);
    return hear_question(correlation);
}

/* --- tests ------------------------------------------------------------------------------------ */

START_TEST(a_follower_copies_what_its_leader_has)
{
    uint64_t correlation;
    meet();
    const Kairn__ReplicaQuestion *question = hear_question(&correlation);
    ck_assert_int_eq(question->offset, 0);
    ck_assert_int_eq(question->leader_epoch, 4);
    ck_assert_int_eq(question->last_epoch, -1);
    make_batch(0, 4);

    reply(correlation, question, &(struct answer){ .size = (uint32_t)batch_bytes }, batch,
           batch_bytes);

    question = hear_question(&correlation);
    ck_assert_int_eq(question->offset, 2);
    ck_assert_int_eq(question->last_epoch, 4);
    reply(correlation, question, &(struct answer){ .watermark = 2 }, NULL, 0);
    question = hear_question(&correlation);
    ck_assert_int_eq(question->offset, 2);
    ck_assert_int_eq(look().watermark, 2);
}
END_TEST

/* What an old leader would refuse is asked once all brokers can it. */
START_TEST(the_finalised_level_says_how_a_follower_asks_and_what_it_learns)
{
    meet();
    Kairn__RequestHead *head = hear();
    ck_assert_uint_eq(head->version, 0);
    feature_cell_raise(&plane.levels, &(struct feature_levels){ { 2 } });
    make_batch(0, 4);
    reply(head->correlation, head->replica_fetch->questions[0],
          &(struct answer){ .size = (uint32_t)batch_bytes }, batch, batch_bytes);

    head = hear();
    while (head->replica_fetch->n_questions == 0)
        head = hear();
    ck_assert_uint_eq(head->version, 1);
    ck_assert_int_eq(metric_value(plane.metrics, METRIC_REPLICA_LAG), 0);
    make_batch(2, 4);
    reply(head->correlation, head->replica_fetch->questions[0],
          &(struct answer){ .size = (uint32_t)batch_bytes, .log_end = 10 }, batch, batch_bytes);

    uint64_t correlation;
    ck_assert_int_eq(hear_question(&correlation)->offset, 4);
    ck_assert_int_eq(metric_value(plane.metrics, METRIC_REPLICA_LAG), 6);
}
END_TEST

START_TEST(a_request_names_its_session_and_what_changed)
{
    uint64_t correlation;
    meet();
    Kairn__RequestHead *head = hear();
    ck_assert_uint_eq(head->replica_fetch->session, 0);
    ck_assert_int_eq(head->replica_fetch->broker, PLANE_BROKER);
    ck_assert_uint_eq(head->replica_fetch->incarnation.len, 16);
    make_batch(0, 4);
    reply(head->correlation, head->replica_fetch->questions[0],
           &(struct answer){ .size = (uint32_t)batch_bytes }, batch, batch_bytes);

    const Kairn__ReplicaQuestion *question = hear_question(&correlation);
    ck_assert_int_eq(question->offset, 2);
    Kairn__ReplicaQuestion nobody = *question;
    nobody.partition = 99;
    reply(correlation, &nobody, &(struct answer){ .watermark = 2 }, NULL, 0);
    head = hear();

    ck_assert_uint_eq(head->replica_fetch->session, SESSION);
    ck_assert_uint_eq(head->replica_fetch->n_questions, 0);
}
END_TEST

START_TEST(what_is_damaged_is_not_written_but_asked_for_again)
{
    uint64_t correlation;
    meet();
    const Kairn__ReplicaQuestion *question = hear_question(&correlation);
    make_batch(0, 4);
    batch[batch_bytes - 1] ^= 1;

    reply(correlation, question, &(struct answer){ .size = (uint32_t)batch_bytes }, batch,
           batch_bytes);

    question = hear_question(&correlation);
    ck_assert_int_eq(question->offset, 0);
    ck_assert_int_eq(look().end, 0);
    make_batch(0, 4);
    reply(correlation, question, &(struct answer){ .size = (uint32_t)batch_bytes }, batch,
           batch_bytes);
    ck_assert_int_eq(hear_question(&correlation)->offset, 2);
}
END_TEST

START_TEST(half_a_batch_is_not_written_but_asked_for_again)
{
    uint64_t correlation;
    meet();
    const Kairn__ReplicaQuestion *question = hear_question(&correlation);
    make_batch(0, 4);

    reply(correlation, question, &(struct answer){ .size = (uint32_t)batch_bytes - 3 }, batch,
           batch_bytes - 3);

    question = hear_question(&correlation);
    ck_assert_int_eq(question->offset, 0);
    ck_assert_int_eq(look().end, 0);
}
END_TEST

START_TEST(what_the_leader_does_not_have_is_cut_off)
{
    uint64_t correlation;
    const Kairn__ReplicaQuestion *question = begin(&correlation);
    Kairn__Divergence divergence = KAIRN__DIVERGENCE__INIT;
    divergence.epoch = 3;
    divergence.end = 1;

    reply(correlation, question, &(struct answer){ .diverged = &divergence }, NULL, 0);

    question = hear_question(&correlation);
    ck_assert_int_eq(question->offset, 0);
    ck_assert_int_eq(question->last_epoch, -1);
    ck_assert_int_eq(look().end, 0);
}
END_TEST

START_TEST(an_answer_to_another_question_changes_nothing)
{
    uint64_t correlation;
    const Kairn__ReplicaQuestion *question = begin(&correlation);
    Kairn__ReplicaQuestion former = *question;
    former.round--;
    make_batch(2, 4);

    reply(correlation, &former,
           &(struct answer){ .watermark = 2, .size = (uint32_t)batch_bytes }, batch, batch_bytes);

    Kairn__RequestHead *head = hear();
    ck_assert_uint_eq(head->replica_fetch->n_questions, 0);
    ck_assert_int_eq(look().end, 2);
    ck_assert_int_eq(look().watermark, 0);
}
END_TEST

START_TEST(who_is_not_known_begins_anew)
{
    uint64_t correlation;
    const Kairn__ReplicaQuestion *question = begin(&correlation);
    ck_assert_int_eq(question->offset, 2);

    say_error(correlation, K_FETCH_SESSION_ID_NOT_FOUND);
    Kairn__RequestHead *head = hear();

    ck_assert_uint_eq(head->replica_fetch->session, 0);
    ck_assert_uint_eq(head->replica_fetch->n_questions, 1);
    ck_assert_int_eq(head->replica_fetch->questions[0]->offset, 2);
}
END_TEST

START_TEST(a_leader_that_hangs_up_is_asked_again)
{
    uint64_t correlation;
    begin(&correlation);

    close(leader);
    meet();

    ck_assert_int_eq(hear_question(&correlation)->offset, 2);
}
END_TEST

START_TEST(sizes_that_do_not_add_up_end_the_connection)
{
    uint64_t correlation;
    const Kairn__ReplicaQuestion *question = begin(&correlation);
    make_batch(2, 4);

    reply(correlation, question, &(struct answer){ .size = (uint32_t)batch_bytes + 1 }, batch,
           batch_bytes);
    close(leader);
    meet();

    ck_assert_int_eq(hear_question(&correlation)->offset, 2);
    ck_assert_int_eq(look().end, 2);
}
END_TEST

START_TEST(a_follower_that_comes_to_lead_asks_no_more_and_serves)
{
    uint64_t correlation;
    begin(&correlation);
    topic.leader = PLANE_BROKER;
    topic.leader_epoch++;

    plane_publish(&plane, &topic);

    make_batch(0, 0);
    struct asked *asked = plane_produce(&plane, 0, &topic.id, 0, 1, batch, batch_bytes);
    ck_assert_ptr_null(asked->head->produce->results[0]->error);
    ck_assert_int_eq(asked->head->produce->results[0]->base_offset, 2);
    asked_free(asked);
    ck_assert_int_eq(look().last_epoch, 5);
}
END_TEST

START_TEST(another_leader_is_asked_in_the_new_epoch)
{
    uint64_t correlation;
    begin(&correlation);
    topic.leader_epoch += 2;

    plane_publish(&plane, &topic);

    const Kairn__ReplicaQuestion *question = hear_question(&correlation);
    ck_assert_int_eq(question->leader_epoch, 6);
    ck_assert_int_eq(question->offset, 2);
    ck_assert_int_eq(question->last_epoch, 4);
}
END_TEST

/* --- as it is configured ---------------------------------------------------------------------- */

static void follow_with(const char *pair)
{
    plane_configure(&plane, pair);
    plane_restart(&plane);
    plane_publish(&plane, &topic);
    meet();
}

START_TEST(a_leader_is_asked_to_wait_for_news_as_long_as_wanted)
{
    follow_with("replica.fetch.wait.max.ms=77");

    ck_assert_uint_eq(hear()->replica_fetch->max_wait_ms, 77);
}
END_TEST

START_TEST(a_leader_is_asked_for_as_many_bytes_as_wanted)
{
    follow_with("replica.fetch.response.max.bytes=77");

    ck_assert_uint_eq(hear()->replica_fetch->max_bytes, 77);
}
END_TEST

/* Pauses that double from 50 to the default's 1000 ms would take more than six seconds. */
START_TEST(a_leader_that_fails_is_asked_again_as_soon_as_wanted)
{
    follow_with("replica.fetch.backoff.ms=1");
    int64_t before_ms = clock_mono_ms(&clock_system);

    for (int i = 0; i < 10; i++)
        say_error(hear()->correlation, K_UNKNOWN_SERVER_ERROR);
    hear();

    ck_assert_int_lt(clock_mono_ms(&clock_system) - before_ms, 6000);
}
END_TEST

/* It is out of sync, and who is on the list may copy a byte in a second. */
static void follow_throttled(const char *list)
{
    topic.replicas = 0;
    topic.config_name = "follower.replication.throttled.replicas";
    topic.config_value = list;
    plane_configure(&plane, "follower.replication.throttled.rate=1");
    config_throttle(&plane.config, plane.shards);
    plane_publish(&plane, &topic);
}

START_TEST(who_is_throttled_does_not_ask_before_its_rate_allows_it)
{
    uint64_t correlation;
    follow_throttled("1:7,0:1");
    meet();
    const Kairn__ReplicaQuestion *question = hear_question(&correlation);
    make_batch(0, 4);
    reply(correlation, question, &(struct answer){ .size = (uint32_t)batch_bytes }, batch,
          batch_bytes);

    WAIT_UNTIL(metric_value(plane.metrics, METRIC_REPLICA_THROTTLED) > 0);

    shards_throttle(plane.shards, INT64_MAX, INT64_MAX);        /* it is taken away */
    ck_assert_int_eq(hear_question(&correlation)->offset, 2);
}
END_TEST

START_TEST(who_is_not_on_the_list_is_not_throttled)
{
    uint64_t correlation;
    follow_throttled("1:1,0:7");

    ck_assert_int_eq(begin(&correlation)->offset, 2);

    ck_assert_int_eq(metric_value(plane.metrics, METRIC_REPLICA_THROTTLED), 0);
}
END_TEST

Suite *fetcher_suite(void)
{
    Suite *suite = suite_create("fetcher");
    TCase *tests = tcase_create("fetcher"), *configured = tcase_create("fetcher-configured");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, the_finalised_level_says_how_a_follower_asks_and_what_it_learns);
    tcase_add_test(tests, a_follower_copies_what_its_leader_has);
    tcase_add_test(tests, a_request_names_its_session_and_what_changed);
    tcase_add_test(tests, what_is_damaged_is_not_written_but_asked_for_again);
    tcase_add_test(tests, half_a_batch_is_not_written_but_asked_for_again);
    tcase_add_test(tests, what_the_leader_does_not_have_is_cut_off);
    tcase_add_test(tests, an_answer_to_another_question_changes_nothing);
    tcase_add_test(tests, who_is_not_known_begins_anew);
    tcase_add_test(tests, a_leader_that_hangs_up_is_asked_again);
    tcase_add_test(tests, sizes_that_do_not_add_up_end_the_connection);
    tcase_add_test(tests, a_follower_that_comes_to_lead_asks_no_more_and_serves);
    tcase_add_test(tests, another_leader_is_asked_in_the_new_epoch);
    suite_add_tcase(suite, tests);
    tcase_add_checked_fixture(configured, setup_before_it_follows, teardown);
    tcase_set_timeout(configured, 60);
    tcase_add_test(configured, a_leader_is_asked_to_wait_for_news_as_long_as_wanted);
    tcase_add_test(configured, a_leader_is_asked_for_as_many_bytes_as_wanted);
    tcase_add_test(configured, a_leader_that_fails_is_asked_again_as_soon_as_wanted);
    tcase_add_test(configured, who_is_throttled_does_not_ask_before_its_rate_allows_it);
    tcase_add_test(configured, who_is_not_on_the_list_is_not_throttled);
    suite_add_tcase(suite, configured);
    return suite;
}
