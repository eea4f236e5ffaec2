#include "net/conn.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/error.h"
#include "common/slab.h"
#include "net/loop.h"
#include "tests/net/conn_rig.h"
#include "tests/net/rig.h"
#include "tests/net/suites.h"

START_TEST(frames_arrive_whole_wherever_the_stream_is_cut)
{
    enum { SIZE = 23, COUNT = 3 };
    struct owner owner;
    owner_init(&owner);
    uint8_t *bytes = glued(COUNT, SIZE, 1);

    for (size_t at = 0; at <= COUNT * SIZE; at++) {
        owner.frames = 0;
        peer_write(owner.loop, owner.peer, bytes, at);
        rig_settle(owner.loop);
        ck_assert_uint_eq(owner.frames, at / SIZE);
        peer_write(owner.loop, owner.peer, bytes + at, COUNT * SIZE - at);
        RUN_UNTIL(owner.loop, owner.frames == COUNT);
    }

    free(bytes);
    owner_fini(&owner);
}
END_TEST

START_TEST(frames_arrive_whole_one_byte_at_a_time)
{
    enum { SIZE = 40, COUNT = 5 };
    struct owner owner;
    owner_init(&owner);
    uint8_t *bytes = glued(COUNT, SIZE, 1);

    for (size_t at = 0; at < COUNT * SIZE; at++) {
        peer_write(owner.loop, owner.peer, bytes + at, 1);
        rig_settle(owner.loop);
        ck_assert_uint_eq(owner.frames, (at + 1) / SIZE);
    }

    free(bytes);
    owner_fini(&owner);
}
END_TEST

START_TEST(a_long_stream_of_frames_arrives_in_order)
{
    const size_t size = (size_t[]){ 5, 100, 5000, 70000, 300000, 1 << 20, 3000000 }[_i];
    const size_t count = size < 1000 ? 20000 : size < 100000 ? 200 : 20;
    struct owner owner;
    owner_init(&owner);
    uint8_t *bytes = glued(count, size, 1);

    peer_write(owner.loop, owner.peer, bytes, count * size);
    RUN_UNTIL(owner.loop, owner.frames == count);

    ck_assert_uint_eq(owner.bytes, count * size);
    free(bytes);
    owner_fini(&owner);
}
END_TEST

START_TEST(a_frame_that_is_held_stays_as_it_was)
{
    const size_t size = (size_t[]){ 700, 20000, 200000, 1100000 }[_i];
    enum { COUNT = 40 };
    struct owner owner;
    owner_init(&owner);
    owner.hold = true;
    uint8_t *bytes = glued(COUNT, size, 1);

    for (size_t i = 0; i < COUNT; i++) {
        peer_write(owner.loop, owner.peer, bytes + i * size, size);
        if (i % 3 == 0)
            RUN_UNTIL(owner.loop, owner.frames == i + 1);
    }
    RUN_UNTIL(owner.loop, owner.frames == COUNT);

    for (size_t i = 0; i < COUNT; i++)
        ck_assert(frame_is(owner.held[i].bytes, owner.held[i].size, (uint8_t)(1 + i)));
    free(bytes);
    owner_fini(&owner);
}
END_TEST

START_TEST(a_frame_that_is_skipped_is_dropped_and_those_around_it_are_not)
{
    const size_t sizes[] = { 50, 300000, 300001, 5000, 3000000, 70 }, all = 6;
    struct owner owner;
    owner_init(&owner);
    owner.skip_over = 299999;

    for (size_t i = 0; i < all; i++) {
        uint8_t *bytes = glued(1, sizes[i], (uint8_t)(1 + i));
        peer_write(owner.loop, owner.peer, bytes, sizes[i]);
        free(bytes);
    }
    RUN_UNTIL(owner.loop, owner.frames == all);

    ck_assert_uint_eq(owner.skipped, 3);
    ck_assert_uint_eq(owner.bytes, 50 + 300000 + 300001 + 5000 + 3000000 + 70);
    owner_fini(&owner);
}
END_TEST

START_TEST(what_is_skipped_can_be_paused)
{
    enum { SIZE = 3000000 };
    struct owner owner;
    owner_init(&owner);
    owner.skip_over = 299999;
    uint8_t *bytes = glued(1, SIZE, 1);

    peer_write(owner.loop, owner.peer, bytes, SIZE - 5000);
    rig_settle(owner.loop);
    conn_pause(owner.conn);
    peer_write(owner.loop, owner.peer, bytes + SIZE - 5000, 5000);
    rig_settle(owner.loop);
    ck_assert_uint_eq(owner.frames, 0);
    conn_resume(owner.conn);
    RUN_UNTIL(owner.loop, owner.frames == 1);

    ck_assert_uint_eq(owner.skipped, 1);
    free(bytes);
    owner_fini(&owner);
}
END_TEST

START_TEST(a_connection_may_end_while_it_skips_a_frame_or_with_it)
{
    enum { SIZE = 3000000 };
    struct owner owner;
    owner_init(&owner);
    owner.skip_over = 299999;
    owner.close_after = 1;
    uint8_t *bytes = glued(1, SIZE, 1);

    peer_write(owner.loop, owner.peer, bytes, SIZE - _i);
    shutdown(owner.peer, SHUT_WR);
    RUN_UNTIL(owner.loop, owner.conn == NULL);

    ck_assert(owner.over == (_i > 0));
    ck_assert_uint_eq(owner.frames, _i == 0);
    free(bytes);
    owner_fini(&owner);
}
END_TEST

START_TEST(bytes_that_are_no_frame_end_the_connection_with_the_code_of_the_cut)
{
    struct owner owner;
    owner_init(&owner);
    uint8_t *bytes = glued(2, 50, 1);

    memset(bytes + 50, 0xff, 50);
    peer_write(owner.loop, owner.peer, bytes, 100);
    RUN_UNTIL(owner.loop, owner.over);

    ck_assert_uint_eq(owner.frames, 1);
    ck_assert_int_eq(owner.code, K_MALFORMED);
    free(bytes);
    owner_fini(&owner);
}
END_TEST

START_TEST(the_handler_may_close_in_the_middle_of_glued_frames)
{
    struct owner owner;
    owner_init(&owner);
    owner.close_after = 2;
    uint8_t *bytes = glued(10, 50, 1);

    peer_write(owner.loop, owner.peer, bytes, 500);
    RUN_UNTIL(owner.loop, owner.conn == NULL);
    rig_settle(owner.loop);

    ck_assert_uint_eq(owner.frames, 2);
    ck_assert(!owner.over);
    free(bytes);
    owner_fini(&owner);
}
END_TEST

START_TEST(the_handler_may_close_in_the_callback_of_a_large_frame)
{
    struct owner owner;
    owner_init(&owner);
    owner.close_after = 1;
    uint8_t *bytes = glued(2, 600000, 1);

    peer_write(owner.loop, owner.peer, bytes, 600100);
    RUN_UNTIL(owner.loop, owner.conn == NULL);

    ck_assert_uint_eq(owner.frames, 1);
    free(bytes);
    owner_fini(&owner);
}
END_TEST

START_TEST(a_peer_that_closes_is_over_after_its_last_frame)
{
    struct owner owner;
    owner_init(&owner);
    uint8_t *bytes = glued(3, 50, 1);

    peer_write(owner.loop, owner.peer, bytes, 140);
    shutdown(owner.peer, SHUT_WR);
    RUN_UNTIL(owner.loop, owner.over);

    ck_assert_uint_eq(owner.frames, 2);
    ck_assert_int_eq(owner.code, K_CLOSED);
    free(bytes);
    owner_fini(&owner);
}
END_TEST

START_TEST(a_reset_is_over_wherever_it_comes)
{
    struct owner owner;
    owner_init(&owner);
    uint8_t *bytes = glued(1, 600000, 1);

    peer_write(owner.loop, owner.peer, bytes, _i == 0 ? 0 : _i == 1 ? 3 : 300000);
    rig_settle(owner.loop);
    peer_reset(owner.peer);
    owner.peer = -1;
    RUN_UNTIL(owner.loop, owner.over);

    ck_assert_int_eq(owner.code, K_NETWORK_EXCEPTION);
    ck_assert_uint_eq(owner.frames, 0);
    free(bytes);
    owner_fini(&owner);
}
END_TEST

START_TEST(a_pause_holds_back_what_was_received_and_a_resume_hands_it_out)
{
    const size_t size = _i == 0 ? 50 : 400000;
    struct owner owner;
    owner_init(&owner);
    owner.pause_after = 1;
    uint8_t *bytes = glued(5, size, 1);

    peer_write(owner.loop, owner.peer, bytes, size);
    RUN_UNTIL(owner.loop, owner.frames == 1);
    conn_resume(owner.conn);
    owner.pause_after = 2;
    peer_write(owner.loop, owner.peer, bytes + size, 4 * size);
    RUN_UNTIL(owner.loop, owner.frames == 2);
    rig_settle(owner.loop);
    ck_assert_uint_eq(owner.frames, 2);
    owner.pause_after = 3;
    conn_resume(owner.conn);
    RUN_UNTIL(owner.loop, owner.frames == 3);
    rig_settle(owner.loop);
    ck_assert_uint_eq(owner.frames, 3);
    conn_resume(owner.conn);
    RUN_UNTIL(owner.loop, owner.frames == 5);

    free(bytes);
    owner_fini(&owner);
}
END_TEST

START_TEST(a_pause_while_cutting_holds_back_the_frame_itself)
{
    const size_t size = _i == 0 ? 50 : 400000;
    struct owner owner;
    owner_init(&owner);
    owner.pause_cut = true;
    uint8_t *bytes = glued(2, size, 1);

    peer_write(owner.loop, owner.peer, bytes, size / 2);
    rig_settle(owner.loop);
    ck_assert(!owner.pause_cut);
    ck_assert_uint_eq(owner.frames, 0);
    conn_resume(owner.conn);
    peer_write(owner.loop, owner.peer, bytes + size / 2, 2 * size - size / 2);
    RUN_UNTIL(owner.loop, owner.frames == 2);

    free(bytes);
    owner_fini(&owner);
}
END_TEST

START_TEST(the_handler_may_close_while_cutting_and_what_it_sent_arrives)
{
    uint8_t got[64];
    struct owner owner;
    owner_init(&owner);
    uint8_t *bytes = glued(1, 50, 1);

    send_bytes(owner.conn, 40, 7);
    owner.finish_cut = true;
    peer_write(owner.loop, owner.peer, bytes, 50);
    RUN_UNTIL(owner.loop, owner.conn == NULL);
    rig_settle(owner.loop);

    ck_assert_int_eq(recv(owner.peer, got, sizeof got, MSG_DONTWAIT), 40);
    ck_assert(frame_is(got, 40, 7));
    ck_assert_int_eq(recv(owner.peer, got, sizeof got, MSG_DONTWAIT), 0);
    ck_assert(!owner.over);
    free(bytes);
    owner_fini(&owner);         /* the loop closes what is left of the connection */
}
END_TEST

START_TEST(pauses_nest)
{
    struct owner owner;
    owner_init(&owner);
    uint8_t *bytes = glued(1, 50, 1);

    conn_pause(owner.conn);
    conn_pause(owner.conn);
    conn_resume(owner.conn);
    peer_write(owner.loop, owner.peer, bytes, 50);
    rig_settle(owner.loop);
    ck_assert_uint_eq(owner.frames, 0);
    conn_resume(owner.conn);
    RUN_UNTIL(owner.loop, owner.frames == 1);

    free(bytes);
    owner_fini(&owner);
}
END_TEST

START_TEST(a_detached_socket_goes_on_elsewhere_without_losing_a_byte)
{
    const size_t size = _i == 0 ? 50 : 200000;
    struct owner owner, heir;
    owner_init(&owner);
    owner.detach_after = 2;
    uint8_t *bytes = glued(6, size, 1);

    peer_write(owner.loop, owner.peer, bytes, 4 * size + 7);
    RUN_UNTIL(owner.loop, owner.detached >= 0);
    heir = (struct owner){ .loop = owner.loop, .seed = 3, .detached = -1 };
    ck_assert_int_eq(conn_new(heir.loop, owner.detached,
                              &(struct conn_options){ .handler = &owner_handler, .owner = &heir },
                              &heir.conn),
                     0);
    owner.detached = -1;
    if (owner.rest != NULL)
        conn_feed(heir.conn, owner.rest->bytes, owner.rest_size);
    ck_assert_uint_eq(heir.frames, 0);      /* never from inside the call */
    peer_write(owner.loop, owner.peer, bytes + 4 * size + 7, 2 * size - 7);
    RUN_UNTIL(owner.loop, heir.frames == 4);

    ck_assert(!owner.over);
    conn_close(heir.conn);
    free(bytes);
    owner_fini(&owner);
}
END_TEST

START_TEST(a_detach_between_frames_takes_the_partial_frame_along)
{
    struct owner owner;
    owner_init(&owner);
    uint8_t *bytes = glued(1, 5000, 1);

    peer_write(owner.loop, owner.peer, bytes, 4321);
    rig_settle(owner.loop);
    owner.detached = conn_detach(owner.conn, &owner.rest, &owner.rest_size);
    owner.conn = NULL;

    ck_assert_int_ge(owner.detached, 0);
    ck_assert_uint_eq(owner.rest_size, 4321);
    ck_assert_mem_eq(owner.rest->bytes, bytes, 4321);
    free(bytes);
    owner_fini(&owner);
}
END_TEST

START_TEST(many_connections_share_the_turns_fairly)
{
    enum { CONNS = 12, SIZE = 1 << 20, COUNT = 6 };
    struct loop *loop = rig_loop();
    struct owner owners[CONNS];
    uint8_t *bytes = glued(COUNT, SIZE, 1);

    for (int i = 0; i < CONNS; i++) {
        int fd;
        owners[i] = (struct owner){ .loop = loop, .seed = 1, .detached = -1, .hold = true };
        rig_pair(&fd, &owners[i].peer);
        ck_assert_int_eq(
            conn_new(loop, fd,
                     &(struct conn_options){ .handler = &owner_handler, .owner = &owners[i] },
                     &owners[i].conn),
            0);
    }
    size_t written[CONNS] = { 0 };
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < CONNS; i++) {
            ssize_t part =
                send(owners[i].peer, bytes + written[i], COUNT * SIZE - written[i], MSG_NOSIGNAL);
            written[i] += part > 0 ? (size_t)part : 0;
            more = more || written[i] < COUNT * SIZE;
        }
        loop_turn(loop, 1);
        size_t least = COUNT, most = 0;
        for (int i = 0; i < CONNS; i++) {
            least = owners[i].frames < least ? owners[i].frames : least;
            most = owners[i].frames > most ? owners[i].frames : most;
        }
        ck_assert_uint_le(most - least, 4);
    }
    for (int i = 0; i < CONNS; i++)
        RUN_UNTIL(loop, owners[i].frames == COUNT);

    for (int i = 0; i < CONNS; i++) {
        conn_close(owners[i].conn);
        close(owners[i].peer);
        for (size_t held = 0; held < COUNT; held++)
            slab_unref(owners[i].held[held].slab);
    }
    free(bytes);
    loop_free(loop);
}
END_TEST

START_TEST(an_idle_connection_is_over_and_a_busy_one_is_not)
{
    struct owner owner;
    owner_init_with(&owner, &(struct conn_options){ .idle_ms = 60 });
    uint8_t *bytes = glued(1, 50000, 1);
    int64_t start_ms = rig_now_ms(), last_ms = start_ms;
    size_t written = 0;
    bool stalled = false;

    while (last_ms < start_ms + 200 && !owner.over) {
        /* A process that does not run makes its connections idle: then nothing is proved. */
        stalled |= rig_now_ms() - last_ms > 15;
        last_ms = rig_now_ms();
        peer_write(owner.loop, owner.peer, bytes + written++, 1);
        loop_turn(owner.loop, 5);
        stalled |= rig_now_ms() - last_ms > 15;
        ck_assert(!owner.over || stalled);
    }
    RUN_UNTIL(owner.loop, owner.over);

    ck_assert_int_eq(owner.code, K_REQUEST_TIMED_OUT);
    ck_assert(stalled || rig_now_ms() - last_ms >= 50);
    free(bytes);
    owner_fini(&owner);
}
END_TEST

START_TEST(a_connection_knows_its_peer)
{
    struct owner owner;
    owner_init(&owner);

    ck_assert_int_eq(strncmp(conn_peer(owner.conn), "127.0.0.1:", 10), 0);
    ck_assert_ptr_eq(conn_loop(owner.conn), owner.loop);

    owner_fini(&owner);
}
END_TEST

/* --- frames that are used up on another thread ------------------------------------------------ */

struct parcel {
    struct mail mail;
    struct slab *slab;
    uint8_t *bytes;
    size_t size;
    uint8_t seed;
    atomic_size_t *checked;
};

struct sorter {
    struct loop *other;
    size_t frames;
    atomic_size_t checked;
};

static void check_parcel(struct mail *mail)
{
    struct parcel *parcel = (struct parcel *)mail;

    if (frame_is(parcel->bytes, parcel->size, parcel->seed))
        atomic_fetch_add(parcel->checked, 1);
    parcel->bytes[FRAME_SIZE_BYTES] = 0;    /* who was handed a frame may write to it */
    slab_unref(parcel->slab);
    free(parcel);
}

static void send_parcel(struct conn *conn, struct slab *slab, uint8_t *bytes, size_t size)
{
    struct sorter *sorter = conn_owner(conn);
    struct parcel *parcel = malloc(sizeof *parcel);

    *parcel = (struct parcel){
        .mail.deliver = check_parcel, .slab = slab_ref(slab), .bytes = bytes, .size = size,
        .seed = (uint8_t)(1 + sorter->frames++), .checked = &sorter->checked,
    };
    loop_post(sorter->other, &parcel->mail);
}

static ssize_t cut_parcel(struct conn *conn, const uint8_t *bytes, size_t size)
{
    ssize_t announced = frame_size(bytes, size);

    (void)conn;                         /* whose owner is a sorter here */
    return announced < 0 ? K_MALFORMED : announced;
}

START_TEST(frames_may_be_used_up_on_another_thread)
{
    const size_t size = (size_t[]){ 700, 30000, 300000 }[_i];
    const size_t count = 60000000 / size / (_i == 0 ? 10 : 1);
    const struct conn_handler handler = { .cut = cut_parcel, .frame = send_parcel };
    struct owner owner;
    struct sorter sorter = { .other = rig_loop() };
    owner_init(&owner);
    conn_set_handler(owner.conn, &handler, &sorter);
    ck_assert_int_eq(loop_start(sorter.other), 0);
    uint8_t *bytes = glued(count, size, 1);

    peer_write(owner.loop, owner.peer, bytes, count * size);
    RUN_UNTIL(owner.loop, sorter.frames == count);
    loop_stop(sorter.other);
    loop_join(sorter.other);

    ck_assert_uint_eq(sorter.checked, count);
    loop_free(sorter.other);
    free(bytes);
    owner_fini(&owner);
}
END_TEST

Suite *conn_receive_suite(void)
{
    Suite *suite = suite_create("conn_receive");
    TCase *tcase = tcase_create("receive");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, frames_arrive_whole_wherever_the_stream_is_cut);
    tcase_add_test(tcase, frames_arrive_whole_one_byte_at_a_time);
    tcase_add_loop_test(tcase, a_long_stream_of_frames_arrives_in_order, 0, 7);
    tcase_add_loop_test(tcase, a_frame_that_is_held_stays_as_it_was, 0, 4);
    tcase_add_test(tcase, a_frame_that_is_skipped_is_dropped_and_those_around_it_are_not);
    tcase_add_test(tcase, what_is_skipped_can_be_paused);
    tcase_add_loop_test(tcase, a_connection_may_end_while_it_skips_a_frame_or_with_it, 0, 2);
    tcase_add_test(tcase, bytes_that_are_no_frame_end_the_connection_with_the_code_of_the_cut);
    tcase_add_test(tcase, the_handler_may_close_in_the_middle_of_glued_frames);
    tcase_add_test(tcase, the_handler_may_close_in_the_callback_of_a_large_frame);
    tcase_add_test(tcase, a_peer_that_closes_is_over_after_its_last_frame);
    tcase_add_loop_test(tcase, a_reset_is_over_wherever_it_comes, 0, 3);
    tcase_add_loop_test(tcase, a_pause_holds_back_what_was_received_and_a_resume_hands_it_out, 0,
                        2);
    tcase_add_test(tcase, the_handler_may_close_while_cutting_and_what_it_sent_arrives);
    tcase_add_loop_test(tcase, a_pause_while_cutting_holds_back_the_frame_itself, 0, 2);
    tcase_add_test(tcase, pauses_nest);
    tcase_add_loop_test(tcase, a_detached_socket_goes_on_elsewhere_without_losing_a_byte, 0, 2);
    tcase_add_test(tcase, a_detach_between_frames_takes_the_partial_frame_along);
    tcase_add_test(tcase, many_connections_share_the_turns_fairly);
    tcase_add_test(tcase, an_idle_connection_is_over_and_a_busy_one_is_not);
    tcase_add_test(tcase, a_connection_knows_its_peer);
    tcase_add_loop_test(tcase, frames_may_be_used_up_on_another_thread, 0, 3);
    suite_add_tcase(suite, tcase);
    return suite;
}
