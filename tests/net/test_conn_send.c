#include "net/conn.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/chain.h"
#include "common/error.h"
#include "net/loop.h"
#include "tests/net/conn_rig.h"
#include "tests/net/rig.h"
#include "tests/net/suites.h"

START_TEST(what_is_sent_arrives_in_order)
{
    struct owner owner;
    owner_init(&owner);
    uint8_t *got = malloc(5000000);

    for (uint8_t i = 0; i < 100; i++)
        send_bytes(owner.conn, 50, i);
    send_bytes(owner.conn, 5000000, 7);
    for (uint8_t i = 0; i < 100; i++) {
        peer_read(owner.loop, owner.peer, got, 50);
        ck_assert(frame_is(got, 50, i));
    }
    peer_read(owner.loop, owner.peer, got, 5000000);
    ck_assert(frame_is(got, 5000000, 7));
    RUN_UNTIL(owner.loop, owner.sent > 0);

    ck_assert_uint_eq(conn_queued(owner.conn), 0);
    free(got);
    owner_fini(&owner);
}
END_TEST

START_TEST(nothing_is_written_before_the_end_of_the_turn_unless_flushed)
{
    struct owner owner;
    owner_init(&owner);
    uint8_t got[50];

    send_bytes(owner.conn, 50, 1);
    ck_assert_int_eq(recv(owner.peer, got, 50, 0), -1);
    conn_flush(owner.conn);
    RUN_UNTIL(owner.loop, recv(owner.peer, got, 50, 0) == 50);

    owner_fini(&owner);
}
END_TEST

static void count_release(void *context)
{
    ++*(int *)context;
}

START_TEST(spans_of_files_travel_between_memory)
{
    const size_t size = (size_t[]){ 100, 16 << 10, 70000, 6000000 }[_i];
    struct owner owner;
    owner_init(&owner);
    int fd = rig_file(size, 9), released = 0;
    uint8_t *got = malloc(size);
    struct chain chain;

    for (int i = 0; i < 3; i++) {
        chain_init(&chain);
        frame_fill(chain_reserve(&chain, 30), 30, 1);
        ck_assert(chain_reserve(&chain, 0) != NULL);
        chain_file(&chain, fd, 0, size / 2, count_release, &released);
        chain_file(&chain, fd, (off_t)(size / 2), size - size / 2, count_release, &released);
        conn_send(owner.conn, &chain);
    }
    for (int i = 0; i < 3; i++) {
        peer_read(owner.loop, owner.peer, got, 30);
        ck_assert(frame_is(got, 30, 1));
        peer_read(owner.loop, owner.peer, got, size);
        ck_assert(frame_is(got, size, 9));
    }

    ck_assert_int_eq(released, 6);
    close(fd);
    free(got);
    owner_fini(&owner);
}
END_TEST

START_TEST(a_file_shorter_than_its_span_ends_the_connection)
{
    const size_t size = _i == 0 ? 1000 : 300000;
    struct owner owner;
    owner_init(&owner);
    int fd = rig_file(size, 9), released = 0;
    struct chain chain;

    chain_init(&chain);
    chain_file(&chain, fd, 0, size + 1, count_release, &released);
    conn_send(owner.conn, &chain);
    size_t count = peer_read_to_end(owner.loop, owner.peer);

    ck_assert_uint_eq(count, size);
    ck_assert(owner.over);
    ck_assert_int_eq(owner.code, K_IO);
    ck_assert_int_eq(released, 1);
    close(fd);
    owner_fini(&owner);
}
END_TEST

START_TEST(a_peer_that_does_not_read_is_not_read_from)
{
    enum { SIZE = 100, COUNT = 3000, ANSWER = 10000 };
    struct owner owner;
    owner_init_with(&owner, &(struct conn_options){ .send_queue_max = 100000 });
    owner.answer_bytes = ANSWER;
    uint8_t *bytes = glued(COUNT, SIZE, 1), *got = malloc(ANSWER);

    peer_write(owner.loop, owner.peer, bytes, COUNT * SIZE);
    rig_settle(owner.loop);
    ck_assert_uint_lt(owner.frames, COUNT);
    ck_assert_uint_le(conn_queued(owner.conn), 100000 + ANSWER);
    for (int i = 0; i < COUNT; i++) {
        peer_read(owner.loop, owner.peer, got, ANSWER);
        ck_assert(frame_is(got, ANSWER, 1));
        ck_assert_uint_le(conn_queued(owner.conn), 100000 + ANSWER);
    }

    ck_assert_uint_eq(owner.frames, COUNT);
    free(bytes);
    free(got);
    owner_fini(&owner);
}
END_TEST

START_TEST(a_reset_while_sending_is_over_once)
{
    struct owner owner;
    owner_init(&owner);
    int fd = rig_file(8 << 20, 9), released = 0;
    struct chain chain;

    chain_init(&chain);
    chain_file(&chain, fd, 0, 8 << 20, count_release, &released);
    conn_send(owner.conn, &chain);
    rig_settle(owner.loop);
    peer_reset(owner.peer);
    owner.peer = -1;
    RUN_UNTIL(owner.loop, owner.over);
    rig_settle(owner.loop);

    ck_assert_int_eq(owner.code, K_NETWORK_EXCEPTION);
    ck_assert_int_eq(released, 1);
    close(fd);
    owner_fini(&owner);
}
END_TEST

START_TEST(a_flush_on_a_dead_socket_is_told_later)
{
    struct owner owner;
    owner_init(&owner);

    conn_pause(owner.conn);     /* so that only writing can notice */
    peer_reset(owner.peer);
    owner.peer = -1;
    for (int i = 0; i < 3; i++) {
        send_bytes(owner.conn, 50, 1);
        conn_flush(owner.conn);
        ck_assert(!owner.over);
    }
    RUN_UNTIL(owner.loop, owner.over);

    owner_fini(&owner);
}
END_TEST

START_TEST(closing_after_sending_delivers_everything_first)
{
    struct owner owner;
    owner_init(&owner);
    uint8_t *bytes = glued(1, 1000000, 1);

    peer_write(owner.loop, owner.peer, bytes, 1000);     /* unread: it would make close() reset */
    rig_settle(owner.loop);
    send_bytes(owner.conn, 7000000, 1);
    conn_close_after_sending(owner.conn, 60000);
    owner.conn = NULL;
    if (_i == 1)
        shutdown(owner.peer, SHUT_WR);
    else
        peer_write(owner.loop, owner.peer, bytes, 1000000);
    ck_assert_uint_eq(peer_read_to_end(owner.loop, owner.peer), 7000000);

    ck_assert(!owner.over);
    close(owner.peer);
    owner.peer = -1;
    rig_settle(owner.loop);         /* its connection sees the end and is freed */
    free(bytes);
    owner_fini(&owner);
}
END_TEST

START_TEST(closing_after_sending_does_not_wait_for_ever)
{
    struct owner owner;
    owner_init(&owner);

    send_bytes(owner.conn, 30000000, 1);
    conn_close_after_sending(owner.conn, 20);
    owner.conn = NULL;
    int64_t limit_ms = rig_now_ms() + 40;
    RUN_UNTIL(owner.loop, rig_now_ms() > limit_ms);
    ck_assert_uint_lt(peer_read_to_end(owner.loop, owner.peer), 30000000);

    owner_fini(&owner);
}
END_TEST

Suite *conn_send_suite(void)
{
    Suite *suite = suite_create("conn_send");
    TCase *tcase = tcase_create("send");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, what_is_sent_arrives_in_order);
    tcase_add_test(tcase, nothing_is_written_before_the_end_of_the_turn_unless_flushed);
    tcase_add_loop_test(tcase, spans_of_files_travel_between_memory, 0, 4);
    tcase_add_loop_test(tcase, a_file_shorter_than_its_span_ends_the_connection, 0, 2);
    tcase_add_test(tcase, a_peer_that_does_not_read_is_not_read_from);
    tcase_add_test(tcase, a_reset_while_sending_is_over_once);
    tcase_add_test(tcase, a_flush_on_a_dead_socket_is_told_later);
    tcase_add_loop_test(tcase, closing_after_sending_delivers_everything_first, 0, 2);
    tcase_add_test(tcase, closing_after_sending_does_not_wait_for_ever);
    suite_add_tcase(suite, tcase);
    return suite;
}
