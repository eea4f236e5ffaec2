/* Connections over socket pairs: greeting, choice of a loop, frames good and bad, the budget. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/chain.h"
#include "common/error.h"
#include "proto/frame.h"
#include "server/runtime/warm.h"
#include "tests/server/broker/gate_rig.h"
#include "tests/torture/memory.h"

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

START_TEST(a_frame_over_the_limit_is_refused_before_it_is_received)
{
    uint8_t bytes[FRAME_PREFIX + 2] = { 0 };
    int code, fd = connect_client();
    greet(fd, 1);

    frame_prefix(bytes, 2, FRAME_MAX);
    bytes[FRAME_PREFIX] = 1 << 3;               /* the correlation id is 9 */
    bytes[FRAME_PREFIX + 1] = 9;
    send_api_versions(fd, 8);
    send_bytes(fd, bytes, 5);
    send_bytes(fd, bytes + 5, sizeof bytes - 5);

    ck_assert_uint_eq(receive_answer(fd, &code), 8);
    ck_assert_uint_eq(receive_answer(fd, &code), 9);
    ck_assert_int_eq(code, K_FRAME_TOO_LARGE);
    expect_closed(fd);
}
END_TEST

START_TEST(what_was_answered_arrives_before_a_hang_up)
{
    /* The head: correlation id 5, and a field that ends too early. */
    const uint8_t head[] = { 1 << 3, 5, 0x1a, 100 };
    uint8_t bytes[FRAME_PREFIX + sizeof head];
    int code, fd = connect_client();
    greet(fd, 0);

    for (uint64_t i = 1; i < 5; i++)
        send_api_versions(fd, i);
    frame_prefix(bytes, sizeof head, 0);
    memcpy(bytes + FRAME_PREFIX, head, sizeof head);
    send_bytes(fd, bytes, sizeof bytes);
    send_api_versions(fd, 6);

    for (uint64_t i = 1; i < 5; i++) {
        ck_assert_uint_eq(receive_answer(fd, &code), i);
        ck_assert_int_eq(code, 0);
    }
    ck_assert_uint_eq(receive_answer(fd, &code), 5);
    ck_assert_int_eq(code, K_MALFORMED);
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

/* A fetch of so many partitions that are not named: each takes two bytes, and a hundred when it is
 * unpacked. */
static void send_wide_fetch(int fd, uint64_t correlation, size_t count)
{
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    Kairn__FetchRequest body = KAIRN__FETCH_REQUEST__INIT;
    Kairn__FetchPartition entry = KAIRN__FETCH_PARTITION__INIT;
    Kairn__FetchPartition **entries = calloc(count, sizeof(Kairn__FetchPartition *));

    ck_assert_ptr_nonnull(entries);
    for (size_t i = 0; i < count; i++)
        entries[i] = &entry;
    head.correlation = correlation;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_FETCH;
    head.fetch = &body;
    body.n_partitions = count;
    body.partitions = entries;
    send_request(fd, &head);
    free(entries);
}

START_TEST(a_head_of_too_many_parts_is_a_wrong_request)
{
    int code, fd = connect_client();
    greet(fd, 0);

    send_wide_fetch(fd, 1, 25000);

    ck_assert_uint_eq(receive_answer(fd, &code), 1);
    ck_assert_int_eq(code, K_INVALID_REQUEST);
    expect_closed(fd);
}
END_TEST

static bool is_loop(const char *thread)
{
    return strcmp(thread, "data") == 0;
}

START_TEST(a_head_for_which_there_is_no_memory_may_be_sent_again)
{
    memory_set_threads(is_loop);
    for (long n = 1; n <= 2; n++) {             /* for the request, for its parts */
        int code, fd = connect_client();
        greet(fd, 0);

        memory_fail_at(n, false);
        send_wide_fetch(fd, 1, 200);

        ck_assert_uint_eq(receive_answer(fd, &code), 1);
        ck_assert_int_eq(code, K_NOMEM);
        ck_assert_int_eq(memory_heal(), 1);
        expect_closed(fd);
    }
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

/* Throw the log out of the page cache. False where that can not be done, or not be told. */
static bool chill(void)
{
    char path[128];
    struct chain chain;

    snprintf(path, sizeof path, "%s/orders-0/00000000000000000000.log", plane.path);
    int file = open(path, O_RDONLY);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(fdatasync(file), 0);
    ck_assert_int_eq(posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED), 0);
    chain_init(&chain);
    ck_assert_int_eq(chain_file(&chain, file, 0, 1, NULL, NULL), 0);
    bool cold = warm_is_needed(&chain);
    chain_fini(&chain);
    close(file);
    return cold;
}

START_TEST(a_cold_log_is_read_before_it_is_sent)
{
    uint8_t batch[512];
    int code, fd = connect_client(), gone = connect_client();
    greet(fd, 0);
    greet(gone, 1);
    size_t size = plane_batch(batch, sizeof batch, 1, "value", false);
    asked_free(plane_produce(&plane, 0, &topic.id, 0, -1, batch, size));

    for (uint64_t i = 1; i < 50; i++) {
        chill();
        ck_assert(try_fetch(gone, i));
        ck_assert(try_fetch(fd, i));
        ck_assert_uint_eq(receive_answer(fd, &code), i);
        ck_assert_int_eq(code, 0);
    }
    chill();
    ck_assert(try_fetch(gone, 50));
    close(gone);
    expect_idle();
    close(fd);
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

/* --- batches that are too large --------------------------------------------------------------- */

enum { LIMIT = 3000000, BATCH = 4 << 20, LITTLE = 100 * 1024 };

static int greeted_with_a_limit(void)
{
    int fd = connect_client();

    gates.frame_max = 64 << 20;
    topic.config_name = "max.message.bytes";
    topic.config_value = "3000000";
    topic.partitions = 2;
    topic.leader_epoch++;
    plane_publish(&plane, &topic);
    greet(fd, 1);
    return fd;
}

/* What comes of a batch that nobody looks at need not be one. */
static void send_rubbish(int fd, size_t size)
{
    static const uint8_t rubbish[64 << 10];

    for (size_t part; size > 0; size -= part) {
        part = size < sizeof rubbish ? size : sizeof rubbish;
        send_bytes(fd, rubbish, part);
    }
}

START_TEST(a_batch_that_is_too_large_is_neither_kept_nor_looked_at)
{
    const uint32_t sizes[] = { BATCH, LIMIT + 1 };
    int codes[2], fd = greeted_with_a_limit();
    int64_t limits[2];

    send_produce_head(fd, 7, -1, sizes, 2);
    send_rubbish(fd, BATCH);
    ck_assert_int_lt(recv(fd, &codes, 1, MSG_DONTWAIT), 0);   /* the answer comes when all has */
    ck_assert_int_gt(atomic_load(&gates.budget.used), 0);
    ck_assert_int_lt(atomic_load(&gates.budget.used), LITTLE);
    send_rubbish(fd, LIMIT + 1);

    ck_assert_uint_eq(receive_produced(fd, codes, limits, 2), 7);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(codes[i], K_MESSAGE_TOO_LARGE);
        ck_assert_int_eq(limits[i], LIMIT);
    }
    expect_idle();
    close(fd);
}
END_TEST

START_TEST(after_batches_that_are_too_large_the_connection_goes_on)
{
    const uint32_t size = BATCH;
    int code, fd = greeted_with_a_limit();
    int64_t limit;

    for (uint64_t i = 1; i < 20; i += 2) {
        send_produce_head(fd, i, 1, &size, 1);
        send_rubbish(fd, size);
        send_api_versions(fd, i + 1);
    }
    for (uint64_t i = 1; i < 20; i += 2) {
        ck_assert_uint_eq(receive_produced(fd, &code, &limit, 1), i);
        ck_assert_int_eq(code, K_MESSAGE_TOO_LARGE);
        ck_assert_uint_eq(receive_answer(fd, &code), i + 1);
        ck_assert_int_eq(code, 0);
    }
    close(fd);
}
END_TEST

START_TEST(who_wants_no_answer_to_a_batch_that_is_too_large_is_hung_up_on)
{
    const uint32_t size = BATCH;
    int fd = greeted_with_a_limit();

    send_produce_head(fd, 1, 0, &size, 1);
    send_rubbish(fd, size);

    expect_closed(fd);
    expect_idle();
}
END_TEST

START_TEST(a_connection_may_go_while_its_batch_is_refused)
{
    const uint32_t size = BATCH;
    int fd = greeted_with_a_limit();

    send_produce_head(fd, 1, -1, &size, 1);
    send_rubbish(fd, size / 2);
    ck_assert_int_gt(atomic_load(&gates.budget.used), 0);
    close(fd);

    expect_idle();
}
END_TEST

/* Then it is received, and found to be none. */
static void expect_looked_at(int fd, const uint32_t *sizes, size_t count)
{
    int codes[2];
    int64_t limits[2];

    send_produce_head(fd, 1, -1, sizes, count);
    for (size_t i = 0; i < count; i++)
        send_rubbish(fd, sizes[i]);

    ck_assert_uint_eq(receive_produced(fd, codes, limits, count), 1);
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(codes[i], K_CORRUPT_MESSAGE);
    close(fd);
}

START_TEST(a_large_request_is_received_if_any_of_its_batches_fits)
{
    const uint32_t sizes[] = { BATCH, LIMIT };

    expect_looked_at(greeted_with_a_limit(), sizes, 2);
}
END_TEST

START_TEST(only_who_leads_says_what_is_too_large)
{
    const uint32_t size = BATCH;
    int fd = greeted_with_a_limit();

    topic.leader = 2;
    topic.leader_epoch++;
    plane_publish(&plane, &topic);
    expect_looked_at(fd, &size, 1);
}
END_TEST

START_TEST(nothing_is_refused_for_the_limit_of_a_topic_that_nobody_knows)
{
    const uint32_t size = BATCH;
    int fd = greeted_with_a_limit();

    topic.id = uuid_random();
    expect_looked_at(fd, &size, 1);
}
END_TEST

Suite *connection_suite(void);

Suite *connection_suite(void)
{
    Suite *suite = suite_create("server/connection");
    TCase *tests = tcase_create("connection");

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, gates_setup, gates_teardown);
    tcase_add_test(tests, a_client_is_served_by_the_loop_that_it_asks_for);
    tcase_add_test(tests, clients_without_a_wish_are_spread);
    tcase_add_test(tests, whoever_does_not_greet_is_hung_up_on);
    tcase_add_test(tests, a_client_of_another_age_is_hung_up_on);
    tcase_add_test(tests, a_frame_over_the_limit_is_refused_before_it_is_received);
    tcase_add_test(tests, what_was_answered_arrives_before_a_hang_up);
    tcase_add_test(tests, a_head_that_is_no_protobuf_ends_the_connection);
    tcase_add_test(tests, a_head_of_too_many_parts_is_a_wrong_request);
    tcase_add_test(tests, a_head_for_which_there_is_no_memory_may_be_sent_again);
    tcase_add_test(tests, an_unknown_request_is_answered_and_the_connection_goes_on);
    tcase_add_test(tests, a_waiting_fetch_holds_nobody_up);
    tcase_add_test(tests, a_connection_may_go_while_its_fetch_waits);
    tcase_add_test(tests, what_waits_for_a_connection_that_is_gone_is_let_go_at_once);
    tcase_add_test(tests, a_cold_log_is_read_before_it_is_sent);
    tcase_add_test(tests, over_the_budget_one_request_at_a_time_still_gets_through);
    suite_add_tcase(suite, tests);
    TCase *large = tcase_create("too-large");

    tcase_set_timeout(large, 60);
    tcase_add_checked_fixture(large, gates_setup, gates_teardown);
    tcase_add_test(large, a_batch_that_is_too_large_is_neither_kept_nor_looked_at);
    tcase_add_test(large, after_batches_that_are_too_large_the_connection_goes_on);
    tcase_add_test(large, who_wants_no_answer_to_a_batch_that_is_too_large_is_hung_up_on);
    tcase_add_test(large, a_connection_may_go_while_its_batch_is_refused);
    tcase_add_test(large, a_large_request_is_received_if_any_of_its_batches_fits);
    tcase_add_test(large, only_who_leads_says_what_is_too_large);
    tcase_add_test(large, nothing_is_refused_for_the_limit_of_a_topic_that_nobody_knows);
    suite_add_tcase(suite, large);
    return suite;
}
