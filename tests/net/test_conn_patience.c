/* Peers that take their time, by a clock that moves when the test says so. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/error.h"
#include "net/loop.h"
#include "tests/net/conn_rig.h"
#include "tests/net/rig.h"
#include "tests/net/suites.h"

enum { SLOW_MS = 1000, FRAME = 10000, HUGE_BYTES = 64 << 20 };

static struct clock_fake clock_now;
static struct owner owner;

static void setup(void)
{
    clock_fake_init(&clock_now, 1000 * 1000, 0);
    owner_init_at(&owner, &(struct conn_options){ .slow_ms = SLOW_MS }, &clock_now.clock);
}

static void teardown(void)
{
    owner_fini(&owner);
}

static void pass(int64_t ms)
{
    clock_now.us += ms * 1000;
    rig_settle(owner.loop);
}

static void arrives(const void *bytes, size_t size)
{
    peer_write(owner.loop, owner.peer, bytes, size);
    rig_settle(owner.loop);
}

/* Kept or skipped: that makes no difference to patience. */
static const size_t skips[] = { 0, FRAME - 1 };

START_TEST(a_frame_may_take_long_if_a_tenth_of_it_comes_in_each_period)
{
    uint8_t *bytes = glued(1, FRAME, 1);

    owner.skip_over = skips[_i];
    arrives(bytes, 1);                          /* not even its size is known */
    pass(SLOW_MS - 1);
    arrives(bytes + 1, FRAME / 10);
    for (size_t at = 1 + FRAME / 10; at < FRAME; at += FRAME / 10) {
        pass(SLOW_MS - 1);
        ck_assert(!owner.over);
        arrives(bytes + at, at + FRAME / 10 < FRAME ? FRAME / 10 : FRAME - at);
    }

    ck_assert_uint_eq(owner.frames, 1);
    pass(100 * SLOW_MS);                        /* and then nothing is owed */
    ck_assert(!owner.over);
    free(bytes);
}
END_TEST

START_TEST(a_frame_that_dribbles_ends_its_connection)
{
    uint8_t *bytes = glued(1, FRAME, 1);

    owner.skip_over = skips[_i];
    arrives(bytes, 100);
    for (size_t at = 100; at < 100 + FRAME / 10 - 1 && !owner.over; at += 9) {
        arrives(bytes + at, 9);
        pass(SLOW_MS / 100);
    }

    ck_assert(owner.over);
    ck_assert_int_eq(owner.code, K_REQUEST_TIMED_OUT);
    free(bytes);
}
END_TEST

/* Send more of it, as much as goes. */
static size_t send_some(const uint8_t *bytes, size_t size)
{
    ssize_t part = size > 0 ? send(owner.peer, bytes, size, MSG_NOSIGNAL) : 0;

    loop_turn(owner.loop, 0);
    return part > 0 ? (size_t)part : 0;
}

START_TEST(what_is_skipped_is_received_without_hurry)
{
    uint8_t *bytes = glued(1, HUGE_BYTES, 1);
    size_t sent = 0;

    owner.skip_over = FRAME;
    for (int i = 0; i < 2000; i++)
        sent += send_some(bytes + sent, HUGE_BYTES - sent);
    ck_assert_uint_lt(sent, HUGE_BYTES);        /* no time has passed */
    for (int i = 0; i < 2000 && owner.frames == 0; i++) {
        clock_now.us += 1000;
        sent += send_some(bytes + sent, HUGE_BYTES - sent);
    }

    ck_assert_uint_eq(owner.skipped, 1);
    free(bytes);
}
END_TEST

START_TEST(the_beginning_of_a_frame_does_not_wait_for_ever)
{
    uint8_t *bytes = glued(1, FRAME, 1);

    arrives(bytes, FRAME_SIZE_BYTES - 1);
    pass(SLOW_MS);

    ck_assert(owner.over);
    free(bytes);
}
END_TEST

START_TEST(the_next_frame_has_a_time_of_its_own)
{
    uint8_t *bytes = glued(2, FRAME, 1);

    arrives(bytes, 100);
    pass(SLOW_MS - 1);
    arrives(bytes + 100, FRAME);                /* the first, and a hundred bytes of the second */
    pass(SLOW_MS - 1);

    ck_assert(!owner.over);
    ck_assert_uint_eq(owner.frames, 1);
    pass(1);
    ck_assert(owner.over);
    free(bytes);
}
END_TEST

START_TEST(who_is_not_read_owes_nothing)
{
    uint8_t *bytes = glued(2, FRAME, 1);
    owner.pause_after = 1;

    arrives(bytes, FRAME + 100);
    pass(10 * SLOW_MS);
    ck_assert(!owner.over);
    conn_resume(owner.conn);
    pass(SLOW_MS - 1);
    ck_assert(!owner.over);
    arrives(bytes + FRAME + 100, FRAME - 100);

    ck_assert_uint_eq(owner.frames, 2);
    free(bytes);
}
END_TEST

/* Take so much of what was sent. */
static void take(size_t size)
{
    static uint8_t bytes[1 << 16];

    while (size > 0) {
        ssize_t got = recv(owner.peer, bytes, size < sizeof bytes ? size : sizeof bytes, 0);
        size -= got > 0 ? (size_t)got : 0;
        rig_settle(owner.loop);
    }
}

START_TEST(a_peer_that_takes_nothing_is_over_and_one_that_takes_slowly_is_not)
{
    send_bytes(owner.conn, HUGE_BYTES, 1);
    rig_settle(owner.loop);
    ck_assert_uint_gt(conn_queued(owner.conn), 0);

    for (int i = 0; i < 5; i++) {
        pass(SLOW_MS - 1);
        take(4 << 20);                          /* more than the sockets hold: some of it is ours */
        ck_assert(!owner.over);
    }
    pass(SLOW_MS);
    pass(SLOW_MS);

    ck_assert(owner.over);
    ck_assert_int_eq(owner.code, K_REQUEST_TIMED_OUT);
}
END_TEST

/* A frame of which some came while there was no hurry. */
static void half_a_frame_without_hurry(void)
{
    uint8_t *bytes = glued(1, FRAME, 1);

    conn_set_slow(owner.conn, 0);
    arrives(bytes, FRAME / 2);
    pass(10 * SLOW_MS);
    ck_assert(!owner.over);
    free(bytes);
}

START_TEST(what_was_owed_without_hurry_is_owed_with_it_once_there_is_some)
{
    half_a_frame_without_hurry();

    conn_set_slow(owner.conn, SLOW_MS);
    pass(SLOW_MS - 1);
    ck_assert(!owner.over);
    pass(1);

    ck_assert(owner.over);
    ck_assert_int_eq(owner.code, K_REQUEST_TIMED_OUT);
}
END_TEST

START_TEST(who_is_given_all_the_time_again_is_not_cut)
{
    half_a_frame_without_hurry();

    conn_set_slow(owner.conn, SLOW_MS);
    pass(SLOW_MS - 1);
    conn_set_slow(owner.conn, 0);
    pass(100 * SLOW_MS);

    ck_assert(!owner.over);
}
END_TEST

START_TEST(an_idle_timeout_can_be_changed)
{
    conn_set_idle(owner.conn, 500);
    pass(499);
    ck_assert(!owner.over);
    conn_set_idle(owner.conn, 5000);
    pass(4500);
    ck_assert(!owner.over);
    pass(1);

    ck_assert(owner.over);
}
END_TEST

START_TEST(who_may_be_idle_for_ever_is_never_cut)
{
    conn_set_idle(owner.conn, INT64_MAX);
    pass(1000 * 1000);

    ck_assert(!owner.over);
}
END_TEST

Suite *conn_patience_suite(void)
{
    Suite *suite = suite_create("conn-patience");
    TCase *tests = tcase_create("patience");

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, a_frame_may_take_long_if_a_tenth_of_it_comes_in_each_period, 0, 2);
    tcase_add_loop_test(tests, a_frame_that_dribbles_ends_its_connection, 0, 2);
    tcase_add_test(tests, what_is_skipped_is_received_without_hurry);
    tcase_add_test(tests, the_beginning_of_a_frame_does_not_wait_for_ever);
    tcase_add_test(tests, the_next_frame_has_a_time_of_its_own);
    tcase_add_test(tests, who_is_not_read_owes_nothing);
    tcase_add_test(tests, a_peer_that_takes_nothing_is_over_and_one_that_takes_slowly_is_not);
    tcase_add_test(tests, what_was_owed_without_hurry_is_owed_with_it_once_there_is_some);
    tcase_add_test(tests, who_is_given_all_the_time_again_is_not_cut);
    tcase_add_test(tests, an_idle_timeout_can_be_changed);
    tcase_add_test(tests, who_may_be_idle_for_ever_is_never_cut);
    suite_add_tcase(suite, tests);
    return suite;
}
