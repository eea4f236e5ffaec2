#include "net/channel.h"

#include <sys/socket.h>
#include <unistd.h>

#include "common/error.h"
#include "net/loop.h"
#include "tests/net/channel_rig.h"
#include "tests/net/rig.h"
#include "tests/net/suites.h"

START_TEST(a_greeting_of_another_cluster_is_refused)
{
    struct client client;
    client_init(&client);

    ask(&client, 0, REQUEST_HEAD, 10000, true);
    server_accept(&client);
    peer_write(client.loop, client.peer, "howdy", GREETING_SIZE);
    RUN_UNTIL(client.loop, client.changes == 1);

    ck_assert_int_eq(client.code, K_WRONG_CLUSTER);
    ck_assert_int_eq(client.questions[0].answers, 1);
    ck_assert_int_eq(client.questions[0].code, K_WRONG_CLUSTER);
    client_fini(&client);
}
END_TEST

START_TEST(a_lost_connection_fails_what_was_sent_and_is_made_anew_for_the_next_question)
{
    struct client client;
    connected(&client);

    ask(&client, 0, REQUEST_HEAD, 10000, true);
    server_read(&client);
    if (_i == 0)
        close(client.peer);
    else
        peer_reset(client.peer);
    client.peer = -1;
    RUN_UNTIL(client.loop, client.questions[0].answers == 1);
    ck_assert_int_eq(client.questions[0].code, K_NETWORK_EXCEPTION);
    ck_assert(!channel_ready(client.channel));
    ask(&client, 1, REQUEST_HEAD, 10000, true);
    server_accept(&client);
    server_greet(&client);
    server_answer(&client, server_read(&client), 20);
    RUN_UNTIL(client.loop, client.questions[1].answers == 1);

    ck_assert_int_eq(client.questions[1].code, 0);
    client_fini(&client);
}
END_TEST

START_TEST(every_address_is_tried_and_the_next_attempt_comes_after_the_back_off)
{
    struct client client;
    int64_t start_ms = rig_now_ms();
    client_init_with(&client,
                     &(struct channel_options){
                         .port = 1, .backoff_ms = 40, .backoff_max_ms = 40, .host = "localhost" });

    ask(&client, 0, REQUEST_HEAD, 10000, true);
    RUN_UNTIL(client.loop, client.questions[0].answers == 1);
    ck_assert_int_eq(client.questions[0].code, K_CONNECTION_FAILED);
    ck_assert_int_eq(client.changes, 1);
    ck_assert_int_eq(client.code, K_CONNECTION_FAILED);
    ask(&client, 1, REQUEST_HEAD, 10000, true);
    RUN_UNTIL(client.loop, client.questions[1].answers == 1);

    ck_assert_int_eq(client.changes, 2);
    ck_assert_int_ge(rig_now_ms(), start_ms + 31);      /* 40 less the jitter of a fifth */
    client_fini(&client);
}
END_TEST

START_TEST(a_name_that_does_not_exist_fails_the_question)
{
    struct client client;
    client_init_with(&client, &(struct channel_options){ .host = "not a host" });

    ask(&client, 0, REQUEST_HEAD, 10000, true);
    RUN_UNTIL(client.loop, client.questions[0].answers == 1);
    RUN_UNTIL(client.loop, client.changes == 1);

    ck_assert_int_eq(client.questions[0].code, K_RESOLVE_FAILED);
    ck_assert_int_eq(client.code, K_RESOLVE_FAILED);
    client_fini(&client);
}
END_TEST

START_TEST(a_peer_that_never_greets_is_given_up)
{
    struct client client;
    client_init_with(&client, &(struct channel_options){ .connect_timeout_ms = 30 });

    ask(&client, 0, REQUEST_HEAD, 10000, true);
    server_accept(&client);
    peer_write(client.loop, client.peer, "hell", 4);
    RUN_UNTIL(client.loop, client.questions[0].answers == 1);

    ck_assert_int_eq(client.questions[0].code, K_CONNECTION_FAILED);
    ck_assert_uint_eq(peer_read_to_end(client.loop, client.peer), 0);
    client_fini(&client);
}
END_TEST

START_TEST(an_idle_channel_hangs_up_and_calls_again_when_asked)
{
    struct client client;
    client_init_with(
        &client, &(struct channel_options){ .idle_ms = 30, .backoff_ms = 1, .backoff_max_ms = 10 });

    server_accept(&client);
    server_greet(&client);
    RUN_UNTIL(client.loop, !channel_ready(client.channel));
    ck_assert_int_eq(client.code, K_REQUEST_TIMED_OUT);
    server_drop(&client);
    ask(&client, 0, REQUEST_HEAD, 10000, true);
    server_accept(&client);
    server_greet(&client);
    server_answer(&client, server_read(&client), 20);
    RUN_UNTIL(client.loop, client.questions[0].answers == 1);

    ck_assert_int_eq(client.questions[0].code, 0);
    client_fini(&client);
}
END_TEST

START_TEST(the_channel_may_be_freed_when_it_changes)
{
    struct client client;
    client_init(&client);
    client.free_on_change = true;
    ask(&client, 0, REQUEST_HEAD, 10000, true);

    server_accept(&client);
    peer_write(client.loop, client.peer, _i == 0 ? "hello" : "howdy", GREETING_SIZE);
    RUN_UNTIL(client.loop, client.channel == NULL);

    ck_assert_int_eq(client.questions[0].answers, 1);
    ck_assert_int_eq(client.questions[0].code, _i == 0 ? K_CLOSED : K_WRONG_CLUSTER);
    client_fini(&client);
}
END_TEST

Suite *channel_connect_suite(void)
{
    Suite *suite = suite_create("channel_connect");
    TCase *tcase = tcase_create("connect");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_greeting_of_another_cluster_is_refused);
    tcase_add_loop_test(
        tcase, a_lost_connection_fails_what_was_sent_and_is_made_anew_for_the_next_question, 0, 2);
    tcase_add_test(tcase, every_address_is_tried_and_the_next_attempt_comes_after_the_back_off);
    tcase_add_test(tcase, a_name_that_does_not_exist_fails_the_question);
    tcase_add_test(tcase, a_peer_that_never_greets_is_given_up);
    tcase_add_test(tcase, an_idle_channel_hangs_up_and_calls_again_when_asked);
    tcase_add_loop_test(tcase, the_channel_may_be_freed_when_it_changes, 0, 2);
    suite_add_tcase(suite, tcase);
    return suite;
}
