#include "net/channel.h"

#include <sys/socket.h>
#include <unistd.h>

#include "common/error.h"
#include "net/loop.h"
#include "tests/net/channel_rig.h"
#include "tests/net/rig.h"
#include "tests/net/suites.h"

START_TEST(what_is_asked_before_the_connection_is_up_goes_out_after_the_greeting)
{
    struct client client;
    client_init(&client);

    ask(&client, 0, 100, 10000, true);
    ck_assert_uint_eq(channel_queued_bytes(client.channel), 100);
    server_accept(&client);
    uint8_t byte;
    ck_assert_int_eq(recv(client.peer, &byte, 1, 0), -1);    /* nothing before our greeting */
    server_greet(&client);
    uint64_t id = server_read(&client);
    server_answer(&client, id, 30);
    RUN_UNTIL(client.loop, client.questions[0].answers == 1);

    ck_assert_int_eq(client.questions[0].code, 0);
    ck_assert_uint_eq(client.questions[0].size, 30);
    ck_assert_int_eq(client.changes, 1);
    ck_assert_uint_eq(channel_in_flight(client.channel), 0);
    ck_assert_uint_eq(channel_queued_bytes(client.channel), 0);
    client_fini(&client);
}
END_TEST

START_TEST(answers_may_come_in_any_order)
{
    static const int order[] = { 3, 0, 4, 1, 2 };
    struct client client;
    uint64_t ids[5];
    connected(&client);

    for (int i = 0; i < 5; i++)
        ask(&client, i, REQUEST_HEAD, 10000, true);
    for (int i = 0; i < 5; i++)
        ids[i] = server_read(&client);
    for (int i = 0; i < 5; i++) {
        server_answer(&client, ids[order[i]], 20 + (size_t)order[i]);
        RUN_UNTIL(client.loop, client.questions[order[i]].answers == 1);
    }

    for (size_t i = 0; i < 5; i++) {
        ck_assert_int_eq(client.questions[i].answers, 1);
        ck_assert_uint_eq(client.questions[i].size, 20 + i);
    }
    client_fini(&client);
}
END_TEST

START_TEST(a_question_asked_in_an_answer_waits_for_the_next_connection)
{
    struct client client;
    connected(&client);

    client.questions[0].ask_again = true;
    ask(&client, 0, REQUEST_HEAD, 10000, true);
    server_read(&client);
    server_drop(&client);
    server_accept(&client);
    server_greet(&client);
    server_answer(&client, server_read(&client), 20);
    RUN_UNTIL(client.loop, client.questions[0].answers == 2);

    ck_assert_int_eq(client.questions[0].code, 0);
    client_fini(&client);
}
END_TEST

START_TEST(a_question_that_takes_too_long_is_answered_and_its_late_answer_dropped)
{
    struct client client;
    connected(&client);

    ask(&client, 0, REQUEST_HEAD, 20, true);
    ask(&client, 1, REQUEST_HEAD, 10000, true);
    uint64_t late = server_read(&client), id = server_read(&client);
    RUN_UNTIL(client.loop, client.questions[0].answers == 1);
    ck_assert_int_eq(client.questions[0].code, K_REQUEST_TIMED_OUT);
    server_answer(&client, late, 20);
    server_answer(&client, id, 20);
    RUN_UNTIL(client.loop, client.questions[1].answers == 1);

    ck_assert_int_eq(client.questions[0].answers, 1);
    ck_assert_int_eq(client.questions[1].code, 0);
    ck_assert(channel_ready(client.channel));
    client_fini(&client);
}
END_TEST

START_TEST(a_question_may_time_out_before_there_is_a_connection)
{
    struct client client;
    client_init(&client);

    ask(&client, 0, REQUEST_HEAD, 20, true);
    server_accept(&client);
    RUN_UNTIL(client.loop, client.questions[0].answers == 1);

    ck_assert_int_eq(client.questions[0].code, K_REQUEST_TIMED_OUT);
    ck_assert_uint_eq(channel_queued_bytes(client.channel), 0);
    client_fini(&client);
}
END_TEST

START_TEST(an_answer_to_what_was_never_asked_ends_the_connection)
{
    struct client client;
    connected(&client);

    ask(&client, 0, REQUEST_HEAD, 10000, true);
    server_answer(&client, server_read(&client) + 1, 20);
    RUN_UNTIL(client.loop, client.questions[0].answers == 1);
    RUN_UNTIL(client.loop, client.changes == 2);

    ck_assert_int_eq(client.questions[0].code, K_NETWORK_EXCEPTION);
    ck_assert_int_eq(client.code, K_MALFORMED);
    client_fini(&client);
}
END_TEST

START_TEST(bytes_that_are_no_frame_end_the_connection)
{
    struct client client;
    connected(&client);

    ask(&client, 0, REQUEST_HEAD, 10000, true);
    server_read(&client);
    peer_write(client.loop, client.peer, "\0\0\0\1garbage", 11);
    RUN_UNTIL(client.loop, client.questions[0].answers == 1);

    ck_assert_int_eq(client.questions[0].code, K_NETWORK_EXCEPTION);
    client_fini(&client);
}
END_TEST

START_TEST(a_question_without_answer_is_done_when_it_is_written)
{
    enum { LARGE = 30 << 20 };
    struct client client;
    connected(&client);

    ask(&client, 0, REQUEST_HEAD, 10000, false);
    ck_assert_int_eq(client.questions[0].answers, 0);
    RUN_UNTIL(client.loop, client.questions[0].answers == 1);
    ck_assert_int_eq(client.questions[0].code, 0);
    ask(&client, 1, LARGE, 60000, false);
    rig_settle(client.loop);
    ck_assert_int_eq(client.questions[1].answers, 0);    /* the socket does not take so much */
    server_read(&client);
    server_read(&client);
    RUN_UNTIL(client.loop, client.questions[1].answers == 1);

    ck_assert_int_eq(client.questions[1].code, 0);
    client_fini(&client);
}
END_TEST

START_TEST(a_cancelled_question_is_not_answered)
{
    struct client client;
    struct channel_call never = { 0 };
    client_init(&client);

    channel_cancel(client.channel, &never);
    ask(&client, 0, REQUEST_HEAD, 10000, true);
    channel_cancel(client.channel, &client.questions[0].call);
    channel_cancel(client.channel, &client.questions[0].call);
    server_accept(&client);
    server_greet(&client);
    ask(&client, 1, REQUEST_HEAD, 10000, true);
    ask(&client, 2, REQUEST_HEAD, 10000, true);
    uint64_t first = server_read(&client), second = server_read(&client);
    ck_assert_uint_eq(first, client.questions[1].call.correlation);
    channel_cancel(client.channel, &client.questions[1].call);
    server_answer(&client, first, 20);
    server_answer(&client, second, 20);
    RUN_UNTIL(client.loop, client.questions[2].answers == 1);

    ck_assert_int_eq(client.questions[0].answers, 0);
    ck_assert_int_eq(client.questions[1].answers, 0);
    client_fini(&client);
}
END_TEST

START_TEST(freeing_the_channel_answers_everything)
{
    struct client client;
    if (_i == 0)
        client_init(&client);
    else
        connected(&client);

    ask(&client, 0, REQUEST_HEAD, 10000, true);
    ask(&client, 1, REQUEST_HEAD, 10000, false);
    if (_i == 2)
        rig_settle(client.loop);
    channel_free(client.channel);
    client.channel = NULL;

    ck_assert_int_eq(client.questions[0].answers, 1);
    ck_assert_int_eq(client.questions[0].code, K_CLOSED);
    ck_assert_int_eq(client.questions[1].answers, 1);
    client_fini(&client);
}
END_TEST

START_TEST(the_channel_may_be_freed_in_an_answer)
{
    struct client client;
    connected(&client);

    for (int i = 0; i < 3; i++)
        ask(&client, i, REQUEST_HEAD, _i == 2 ? 10 : 10000, true);
    client.questions[0].free_channel = true;
    uint64_t id = server_read(&client);
    if (_i == 0) {
        server_answer(&client, id, 20);
        server_answer(&client, id + 1, 20);
    } else if (_i == 1) {
        server_drop(&client);
    }
    RUN_UNTIL(client.loop, client.channel == NULL);
    rig_settle(client.loop);

    ck_assert_int_eq(client.questions[0].code, _i == 0   ? 0
                                               : _i == 1 ? K_NETWORK_EXCEPTION
                                                         : K_REQUEST_TIMED_OUT);
    for (int i = 1; i < 3; i++) {
        ck_assert_int_eq(client.questions[i].answers, 1);
        ck_assert_int_eq(client.questions[i].code, K_CLOSED);
    }
    client_fini(&client);
}
END_TEST

START_TEST(a_flush_writes_at_once)
{
    struct client client;
    connected(&client);

    ask(&client, 0, REQUEST_HEAD, 10000, true);
    uint8_t head[REQUEST_HEAD];
    ck_assert_int_eq(recv(client.peer, head, sizeof head, 0), -1);
    channel_flush(client.channel);
    ck_assert_uint_eq(channel_queued_bytes(client.channel), 0);
    server_answer(&client, server_read(&client), 20);
    RUN_UNTIL(client.loop, client.questions[0].answers == 1);

    client_fini(&client);
}
END_TEST

Suite *channel_suite(void)
{
    Suite *suite = suite_create("channel");
    TCase *tcase = tcase_create("ask");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, what_is_asked_before_the_connection_is_up_goes_out_after_the_greeting);
    tcase_add_test(tcase, answers_may_come_in_any_order);
    tcase_add_test(tcase, a_question_asked_in_an_answer_waits_for_the_next_connection);
    tcase_add_test(tcase, a_question_that_takes_too_long_is_answered_and_its_late_answer_dropped);
    tcase_add_test(tcase, a_question_may_time_out_before_there_is_a_connection);
    tcase_add_test(tcase, an_answer_to_what_was_never_asked_ends_the_connection);
    tcase_add_test(tcase, bytes_that_are_no_frame_end_the_connection);
    tcase_add_test(tcase, a_question_without_answer_is_done_when_it_is_written);
    tcase_add_test(tcase, a_cancelled_question_is_not_answered);
    tcase_add_loop_test(tcase, freeing_the_channel_answers_everything, 0, 3);
    tcase_add_loop_test(tcase, the_channel_may_be_freed_in_an_answer, 0, 3);
    tcase_add_test(tcase, a_flush_writes_at_once);
    suite_add_tcase(suite, tcase);
    return suite;
}
