/* Connections over socket pairs: greeting, choice of a loop, frames good and bad, the budget. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/chain.h"
#include "common/endian.h"
#include "common/error.h"
#include "proto/frame.h"
#include "proto/greeting.h"
#include "proto/head.h"
#include "server/call.h"
#include "server/codec/codec.h"
#include "server/gate.h"
#include "tests/server/lib/plane.h"

enum { FRAME_MAX = 64 * 1024, ANSWER_MAX = 256 * 1024, ARENA_LIMIT = 1 << 24 };

static struct plane plane;
static struct plane_topic topic;
static struct gates gates;

static void setup(void)
{
    plane_init(&plane, 2);
    topic = (struct plane_topic){ .name = "orders", .id = uuid_random(), .partitions = 1,
                                  .leader = PLANE_BROKER, .leader_epoch = 1 };
    plane_publish(&plane, &topic);
    gates = (struct gates){
        .api = &plane.api, .codec = &codec_native, .metrics = plane.metrics,
        .broker_id = PLANE_BROKER, .cluster_id = "test-cluster", .frame_max = FRAME_MAX,
    };
    budget_init(&gates.budget, -1);
    ck_assert_int_eq(gates_init(&gates, plane.loops, plane.shards), 0);
}

static void close_gate(void *context)
{
    gate_close(context);
}

static void teardown(void)
{
    for (int i = 0; i < gates.count; i++)
        call_on(plane.loops[i], close_gate, &gates.items[i]);
    plane_fini(&plane);
    gates_fini(&gates);
}

/* --- a client --------------------------------------------------------------------------------- */

struct arrival { int fd; };

static void accept_arrival(void *context)
{
    const struct arrival *arrival = context;

    gate_accept(&gates.items[0], arrival->fd, "PLAINTEXT");
}

static int connect_client(void)
{
    int ends[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    call_on(plane.loops[0], accept_arrival, &(struct arrival){ .fd = ends[0] });
    return ends[1];
}

static void send_bytes(int fd, const void *bytes, size_t size)
{
    ck_assert_int_eq(send(fd, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
}

/* False at the end of the stream. */
static bool receive_bytes(int fd, void *to, size_t size)
{
    for (size_t got = 0; got < size;) {
        struct pollfd wait = { .fd = fd, .events = POLLIN };
        ck_assert_msg(poll(&wait, 1, PLANE_WAIT_MS) == 1, "nothing came");
        ssize_t more = recv(fd, (char *)to + got, size - got, 0);
        if (more == 0 || (more < 0 && errno == ECONNRESET))
            return false;
        ck_assert_int_gt(more, 0);
        got += (size_t)more;
    }
    return true;
}

static void expect_closed(int fd)
{
    char byte;

    ck_assert_msg(!receive_bytes(fd, &byte, 1), "the connection is still open");
    close(fd);
}

static struct greeting_broker greet(int fd, uint16_t loop)
{
    uint8_t bytes[GREETING_BROKER_SIZE];
    const struct greeting_client client = { .lowest = 1, .highest = 3, .loop = loop };
    struct greeting_broker broker;

    greeting_client_write(&client, bytes);
    send_bytes(fd, bytes, GREETING_CLIENT_SIZE);
    ck_assert(receive_bytes(fd, bytes, sizeof bytes));
    ck_assert_int_eq(greeting_broker_read(bytes, sizeof bytes, &broker), GREETING_BROKER_SIZE);
    return broker;
}

static void send_request(int fd, const Kairn__RequestHead *head)
{
    struct chain chain;

    chain_init(&chain);
    ck_assert_int_eq(head_pack_request(head, 0, &chain), 0);
    for (struct chain_piece *piece; (piece = chain_pop(&chain)) != NULL; chain_piece_free(piece))
        send_bytes(fd, piece->bytes, piece->size);
}

static void send_api_versions(int fd, uint64_t correlation)
{
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    Kairn__ApiVersionsRequest body = KAIRN__API_VERSIONS_REQUEST__INIT;

    head.correlation = correlation;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_API_VERSIONS;
    head.api_versions = &body;
    send_request(fd, &head);
}

/* The correlation id and the error of the next answer. */
static uint64_t receive_answer(int fd, int *code)
{
    static uint8_t bytes[ANSWER_MAX];
    Kairn__ResponseHead *head;
    struct frame frame;
    struct arena arena;

    ck_assert(receive_bytes(fd, bytes, 4));
    size_t size = load_u32(bytes) + 4;
    ck_assert_uint_le(size, sizeof bytes);
    ck_assert(receive_bytes(fd, bytes + 4, size - 4));
    ck_assert_int_eq(frame_split(bytes, size, &frame), 0);
    arena_init(&arena, NULL, 0, ARENA_LIMIT);
    ck_assert_int_eq(head_unpack_response(frame.head, frame.head_size, &arena, &head), 0);
    uint64_t correlation = head->correlation;
    *code = head_error_code(head->error);
    arena_fini(&arena);
    return correlation;
}

/* --- tests ------------------------------------------------------------------------------------ */

START_TEST(a_client_is_served_by_the_loop_that_it_asks_for)
{
    for (uint16_t loop = 0; loop < 2; loop++) {
        int code, fd = connect_client();

        struct greeting_broker broker = greet(fd, loop);
        send_api_versions(fd, 11);

        ck_assert_int_eq(broker.loop, loop);
        ck_assert_int_eq(broker.loops, 2);
        ck_assert_int_eq(broker.broker_id, PLANE_BROKER);
        ck_assert_str_eq(broker.cluster_id, "test-cluster");
        ck_assert_uint_eq(receive_answer(fd, &code), 11);
        ck_assert_int_eq(code, 0);
        close(fd);
    }
}
END_TEST

START_TEST(clients_without_a_wish_are_spread)
{
    int first = connect_client(), second = connect_client();

    int one = greet(first, GREETING_ANY_LOOP).loop, other = greet(second, GREETING_ANY_LOOP).loop;

    ck_assert_int_ne(one, other);
    close(first);
    close(second);
}
END_TEST

START_TEST(whoever_does_not_greet_is_hung_up_on)
{
    int fd = connect_client();

    send_bytes(fd, "GET / HTTP/1.1\r\n", 16);

    expect_closed(fd);
}
END_TEST

START_TEST(a_client_of_another_age_is_hung_up_on)
{
    const struct greeting_client client = { .lowest = 900, .highest = 901, .loop = 0 };
    uint8_t bytes[GREETING_CLIENT_SIZE];
    int fd = connect_client();

    greeting_client_write(&client, bytes);
    send_bytes(fd, bytes, sizeof bytes);

    expect_closed(fd);
}
END_TEST

START_TEST(a_frame_over_the_limit_ends_the_connection)
{
    uint8_t bytes[FRAME_PREFIX];
    int fd = connect_client();
    greet(fd, 1);

    frame_prefix(bytes, 10, FRAME_MAX);
    send_bytes(fd, bytes, sizeof bytes);

    expect_closed(fd);
}
END_TEST

START_TEST(a_head_that_is_no_protobuf_ends_the_connection)
{
    uint8_t bytes[FRAME_PREFIX + 4] = { 0 };
    int fd = connect_client();
    greet(fd, 0);

    frame_prefix(bytes, 4, 0);
    memset(bytes + FRAME_PREFIX, 0xff, 4);
    send_bytes(fd, bytes, sizeof bytes);

    expect_closed(fd);
}
END_TEST

START_TEST(an_unknown_request_is_answered_and_the_connection_goes_on)
{
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    int code, fd = connect_client();
    greet(fd, 0);

    head.correlation = 1;
    send_request(fd, &head);
    send_api_versions(fd, 2);

    ck_assert_uint_eq(receive_answer(fd, &code), 1);
    ck_assert_int_eq(code, K_UNSUPPORTED_VERSION);
    ck_assert_uint_eq(receive_answer(fd, &code), 2);
    ck_assert_int_eq(code, 0);
    close(fd);
}
END_TEST

static void send_waiting_fetch(int fd, uint64_t correlation)
{
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    Kairn__FetchRequest body = KAIRN__FETCH_REQUEST__INIT;
    Kairn__FetchPartition entry = KAIRN__FETCH_PARTITION__INIT, *entries[] = { &entry };

    head.correlation = correlation;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_FETCH;
    head.fetch = &body;
    body.max_wait_ms = 10 * PLANE_WAIT_MS;
    body.min_bytes = 1;
    body.n_partitions = 1;
    body.partitions = entries;
    entry.topic_id = head_bytes_of_uuid(&topic.id);
    entry.leader_epoch = -1;
    send_request(fd, &head);
}

/* For an epoch that never comes. */
static void send_waiting_metadata(int fd, uint64_t correlation)
{
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    Kairn__MetadataRequest body = KAIRN__METADATA_REQUEST__INIT;
    Kairn__StaleLeader stale = KAIRN__STALE_LEADER__INIT;

    head.correlation = correlation;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_METADATA;
    head.metadata = &body;
    body.newer_than = &stale;
    stale.topic_id = head_bytes_of_uuid(&topic.id);
    stale.leader_epoch = topic.leader_epoch;
    send_request(fd, &head);
}

START_TEST(a_waiting_fetch_holds_nobody_up)
{
    uint8_t batch[512];
    int code, fd = connect_client();
    greet(fd, 0);

    send_waiting_fetch(fd, 1);
    send_api_versions(fd, 2);
    ck_assert_uint_eq(receive_answer(fd, &code), 2);
    size_t size = plane_batch(batch, sizeof batch, 1, "value", false);
    asked_free(plane_produce(&plane, 1, &topic.id, 0, -1, batch, size));

    ck_assert_uint_eq(receive_answer(fd, &code), 1);
    close(fd);
}
END_TEST

START_TEST(a_connection_may_go_while_its_fetch_waits)
{
    uint8_t batch[512];
    int code, fd = connect_client(), other = connect_client();
    greet(fd, 0);
    greet(other, 0);

    send_waiting_fetch(fd, 1);
    close(fd);
    send_api_versions(other, 2);
    ck_assert_uint_eq(receive_answer(other, &code), 2);
    size_t size = plane_batch(batch, sizeof batch, 1, "value", false);
    asked_free(plane_produce(&plane, 0, &topic.id, 0, -1, batch, size));

    close(other);
}
END_TEST

/* No request is in work any more. */
static void expect_idle(void)
{
    for (int i = 0; i < PLANE_WAIT_MS && atomic_load(&gates.budget.used) > 0; i++)
        poll(NULL, 0, 1);
    ck_assert_int_eq(atomic_load(&gates.budget.used), 0);
}

START_TEST(what_waits_for_a_connection_that_is_gone_is_let_go_at_once)
{
    int code, fds[] = { connect_client(), connect_client() };

    for (uint16_t loop = 0; loop < 2; loop++) {
        greet(fds[loop], loop);
        send_waiting_fetch(fds[loop], 1);
        send_waiting_fetch(fds[loop], 2);
        send_waiting_metadata(fds[loop], 3);
        send_api_versions(fds[loop], 4);
        ck_assert_uint_eq(receive_answer(fds[loop], &code), 4);
        ck_assert_int_gt(atomic_load(&gates.budget.used), 0);
        close(fds[loop]);
        expect_idle();
    }
}
END_TEST

START_TEST(over_the_budget_one_request_at_a_time_still_gets_through)
{
    int code, fds[] = { connect_client(), connect_client() };
    budget_init(&gates.budget, 1);
    greet(fds[0], 0);
    greet(fds[1], 1);

    for (uint64_t i = 0; i < 50; i++) {
        send_api_versions(fds[0], i);
        send_api_versions(fds[1], i);
    }

    for (uint64_t i = 0; i < 50; i++) {
        ck_assert_uint_eq(receive_answer(fds[0], &code), i);
        ck_assert_uint_eq(receive_answer(fds[1], &code), i);
    }
    close(fds[0]);
    close(fds[1]);
}
END_TEST

Suite *connection_suite(void);

Suite *connection_suite(void)
{
    Suite *suite = suite_create("server/connection");
    TCase *tests = tcase_create("connection");

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_client_is_served_by_the_loop_that_it_asks_for);
    tcase_add_test(tests, clients_without_a_wish_are_spread);
    tcase_add_test(tests, whoever_does_not_greet_is_hung_up_on);
    tcase_add_test(tests, a_client_of_another_age_is_hung_up_on);
    tcase_add_test(tests, a_frame_over_the_limit_ends_the_connection);
    tcase_add_test(tests, a_head_that_is_no_protobuf_ends_the_connection);
    tcase_add_test(tests, an_unknown_request_is_answered_and_the_connection_goes_on);
    tcase_add_test(tests, a_waiting_fetch_holds_nobody_up);
    tcase_add_test(tests, a_connection_may_go_while_its_fetch_waits);
    tcase_add_test(tests, what_waits_for_a_connection_that_is_gone_is_let_go_at_once);
    tcase_add_test(tests, over_the_budget_one_request_at_a_time_still_gets_through);
    suite_add_tcase(suite, tests);
    return suite;
}
