#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/zk/peer.h"
#include "tests/zk/server.h"
#include "tests/zk/suites.h"
#include "zk/elect.h"

static struct inbox inbox;
static struct peer peer;

static void set_up(void)
{
    inbox_init(&inbox);
}

static void tear_down(void)
{
    if (peer.session != NULL)
        peer_close(&peer);
    inbox_fini(&inbox);
}

/* --- connecting ------------------------------------------------------------------------------ */

START_TEST(a_session_makes_its_chroot_and_is_told_connected_once)
{
    peer_open(&peer, &inbox, "/chroot/of/kairn", 5000);

    struct answer root = peer_exists(&peer, "/", NULL);

    ck_assert_int_eq(root.code, 0);
    ck_assert_int_eq(peer.told[ZK_CONNECTED], 1);
    ck_assert_int_eq(zk_session_timeout_ms(peer.session), 5000);
    ck_assert_int_ne(peer_session_id(&peer), 0);
}
END_TEST

START_TEST(a_wrong_connect_string_opens_no_session)
{
    const struct zk_session_options options = { .connect = "host:99999",
                                                .timeout_ms = 1000,
                                                .target = &inbox.target };
    struct k_reason reason = { "" };

    ck_assert_int_eq(zk_session_open(&options, &peer.session, &reason), K_INVALID_CONFIG);
    ck_assert_ptr_nonnull(strstr(reason.text, "host:99999"));
}
END_TEST

START_TEST(a_chroot_that_zookeeper_does_not_take_refuses_the_session)
{
    char connect[128];

    snprintf(connect, sizeof connect, "%s/private\xef\xbf\xb0", server_address());
    peer_start(&peer, &inbox, connect, 5000);

    UNTIL(&inbox, peer.state == ZK_REFUSED);
    ck_assert_int_eq(peer.told[ZK_CONNECTED], 0);
}
END_TEST

START_TEST(without_a_server_calls_are_refused_and_closing_is_quick)
{
    const struct zk_session_options options = { .connect = "127.0.0.1:1",
                                                .timeout_ms = 1000,
                                                .target = &inbox.target };
    ck_assert_int_eq(zk_session_open(&options, &peer.session, NULL), 0);

    inbox_turn(&inbox, clock_mono_ms(&clock_system) + 50);
    int code = zk_exists(peer.session, "/", NULL, answer_take, NULL);
    int64_t start_ms = clock_mono_ms(&clock_system);
    peer_close(&peer);

    ck_assert_int_eq(code, K_SESSION_LOST);
    ck_assert_int_lt(clock_mono_ms(&clock_system) - start_ms, 1000);
}
END_TEST

START_TEST(a_digest_closes_nodes_to_strangers)
{
    char connect[128];
    snprintf(connect, sizeof connect, "%s/secret", server_address());
    const struct zk_session_options options = {
        .connect = connect, .timeout_ms = 5000, .digest = "kairn:word", .target = &inbox.target
    };
    struct zk_session *owner;
    struct answer made = { 0 };
    ck_assert_int_eq(zk_session_open(&options, &owner, NULL), 0);
    UNTIL(&inbox, zk_session_state(owner) == ZK_CONNECTED);
    const struct zk_op create = { .kind = ZK_OP_CREATE, .path = "/n", .data = "x", .size = 1 };
    ck_assert_int_eq(zk_multi(owner, &create, 1, answer_take, &made), 0);
    UNTIL(&inbox, made.given);
    peer_open(&peer, &inbox, "/secret", 5000);

    struct answer read = peer_get(&peer, "/n", NULL);
    struct answer written = peer_set(&peer, "/n", "y", -1);

    ck_assert_int_eq(made.code, 0);
    ck_assert_int_eq(read.code, 0);
    ck_assert_int_eq(written.code, K_POLICY_VIOLATION);
    zk_session_close(owner, PEER_WAIT_MS);
}
END_TEST

/* --- calls ----------------------------------------------------------------------------------- */

START_TEST(data_is_read_back_and_conditional_writes_are_conditional)
{
    peer_open(&peer, &inbox, "/calls", 5000);
    ck_assert_int_eq(peer_do(&peer, ZK_OP_CREATE, "/n", "one").code, 0);

    struct answer first = peer_get(&peer, "/n", NULL);
    struct answer written = peer_set(&peer, "/n", "two", first.stat.version);
    struct answer stale = peer_set(&peer, "/n", "three", first.stat.version);
    struct answer second = peer_get(&peer, "/n", NULL);

    ck_assert_str_eq(first.data, "one");
    ck_assert_int_eq(written.code, 0);
    ck_assert_int_eq(written.stat.version, first.stat.version + 1);
    ck_assert_int_eq(stale.code, K_BAD_VERSION);
    ck_assert_str_eq(second.data, "two");
    ck_assert_int_eq(peer_get(&peer, "/absent", NULL).code, K_NOT_FOUND);
    ck_assert_int_eq(peer_do(&peer, ZK_OP_CREATE, "/n", NULL).code, K_EXISTS);
    ck_assert_int_eq(peer_sync(&peer, "/n").code, 0);
    ck_assert_int_eq(peer_get(&peer, "no-slash", NULL).code, K_INVALID_ARGUMENT);
}
END_TEST

START_TEST(a_multi_is_all_or_nothing_and_names_the_op_that_failed)
{
    peer_open(&peer, &inbox, "/multi", 5000);
    const struct zk_op ops[] = {
        { .kind = ZK_OP_CREATE, .path = "/a", .data = "1", .size = 1 },
        { .kind = ZK_OP_CREATE_SEQUENTIAL, .path = "/s-" },
        { .kind = ZK_OP_CHECK, .path = "/a", .version = 7 },
        { .kind = ZK_OP_DELETE, .path = "/a", .version = -1 },
    };

    struct answer failed = peer_multi(&peer, ops, 4);
    struct answer children = peer_children(&peer, "/", NULL);
    struct answer made = peer_multi(&peer, ops, 2);
    struct answer busy = peer_do(&peer, ZK_OP_CREATE, "/a/b", NULL);
    busy = peer_do(&peer, ZK_OP_DELETE, "/a", NULL);

    ck_assert_int_eq(failed.code, K_BAD_VERSION);
    ck_assert_uint_eq(failed.failed_op, 2);
    ck_assert_uint_eq(children.child_count, 0);
    ck_assert_int_eq(made.code, 0);
    ck_assert_str_eq(made.created, "/s-0000000001");
    ck_assert_int_eq(busy.code, K_BUSY);
}
END_TEST

START_TEST(a_request_that_zookeeper_would_cut_the_connection_for_is_refused)
{
    peer_open(&peer, &inbox, "/large", 5000);
    char *data = calloc(1, ZK_REQUEST_SIZE_MAX + 1);
    const struct zk_op create = {
        .kind = ZK_OP_CREATE, .path = "/n", .data = data, .size = ZK_REQUEST_SIZE_MAX
    };
    const struct zk_op fits = {
        .kind = ZK_OP_CREATE, .path = "/n", .data = data, .size = ZK_REQUEST_SIZE_MAX - 100
    };

    ck_assert_int_eq(peer_multi(&peer, &create, 1).code, K_INVALID_ARGUMENT);
    ck_assert_int_eq(peer_multi(&peer, &fits, 1).code, 0);
    ck_assert_uint_eq(peer_get(&peer, "/n", NULL).size, ZK_REQUEST_SIZE_MAX - 100);
    ck_assert_int_eq(
        zk_set(peer.session, "/n", data, ZK_REQUEST_SIZE_MAX + 1, -1, answer_take, NULL),
        K_INVALID_ARGUMENT);
    ck_assert_int_eq(peer.told[ZK_SUSPENDED], 0);
    free(data);
}
END_TEST

/* --- watches --------------------------------------------------------------------------------- */

struct seen {
    int times;
    char path[64];
};

static void note(struct zk_watch *watch, const char *path)
{
    struct seen *seen = watch->context;

    seen->times++;
    snprintf(seen->path, sizeof seen->path, "%s", path);
}

START_TEST(watches_fire_once_for_data_creation_and_children)
{
    struct seen data = { 0 }, birth = { 0 }, children = { 0 };
    struct zk_watch on_data = { .fired = note, .context = &data };
    struct zk_watch on_birth = { .fired = note, .context = &birth };
    struct zk_watch on_children = { .fired = note, .context = &children };
    peer_open(&peer, &inbox, "/watches", 5000);
    peer_do(&peer, ZK_OP_CREATE, "/n", "1");
    peer_get(&peer, "/n", &on_data);
    peer_exists(&peer, "/later", &on_birth);
    peer_children(&peer, "/", &on_children);
    ck_assert(on_data.armed && on_birth.armed && on_children.armed);

    peer_set(&peer, "/n", "2", -1);
    peer_set(&peer, "/n", "3", -1);
    peer_do(&peer, ZK_OP_CREATE, "/later", NULL);
    UNTIL(&inbox, data.times > 0 && birth.times > 0 && children.times > 0);
    peer_sync(&peer, "/");

    ck_assert_int_eq(data.times, 1);
    ck_assert_int_eq(birth.times, 1);
    ck_assert_int_eq(children.times, 1);
    ck_assert_str_eq(data.path, "/n");
    ck_assert_str_eq(birth.path, "/later");
    ck_assert_str_eq(children.path, "/");
    ck_assert(!on_data.armed && !on_birth.armed && !on_children.armed);
}
END_TEST

START_TEST(a_watch_can_be_cancelled_armed_twice_and_armed_again)
{
    struct seen seen = { 0 };
    struct zk_watch watch = { .fired = note, .context = &seen };
    peer_open(&peer, &inbox, "/rearm", 5000);
    peer_do(&peer, ZK_OP_CREATE, "/n", "1");

    ck_assert_int_eq(peer_get(&peer, "/absent", &watch).code, K_NOT_FOUND);
    ck_assert(!watch.armed);
    peer_get(&peer, "/n", &watch);
    zk_watch_cancel(peer.session, &watch);
    peer_set(&peer, "/n", "2", -1);
    peer_sync(&peer, "/n");
    ck_assert_int_eq(seen.times, 0);

    peer_get(&peer, "/n", &watch);
    peer_get(&peer, "/n", &watch);
    peer_set(&peer, "/n", "3", -1);
    UNTIL(&inbox, seen.times > 0);
    peer_sync(&peer, "/n");
    ck_assert_int_eq(seen.times, 1);

    peer_get(&peer, "/n", &watch);
    peer_set(&peer, "/n", "4", -1);
    UNTIL(&inbox, seen.times == 2);
}
END_TEST

/* --- loss ------------------------------------------------------------------------------------ */

START_TEST(an_expired_session_is_told_answered_and_replaced)
{
    struct seen seen = { 0 };
    struct zk_watch watch = { .fired = note, .context = &seen };
    peer_open(&peer, &inbox, "/expiry", 10000);
    peer_do(&peer, ZK_OP_CREATE_EPHEMERAL, "/e", NULL);
    peer_exists(&peer, "/e", &watch);
    int64_t before = peer_session_id(&peer);

    peer_expire(&peer);
    ck_assert_int_eq(zk_exists(peer.session, "/e", NULL, answer_take, NULL), K_SESSION_LOST);
    UNTIL(&inbox, peer.state == ZK_CONNECTED);

    ck_assert_int_eq(seen.times, 1);
    ck_assert(!watch.armed);
    ck_assert_int_ne(peer_session_id(&peer), before);
    ck_assert_int_eq(peer_exists(&peer, "/e", NULL).code, K_NOT_FOUND);
}
END_TEST

/* The library is known for use after free in this situation; sanitizers look at our side of it. */
START_TEST(calls_in_flight_at_an_expiry_are_answered_exactly_once)
{
    enum { ROUNDS = 30, CALLS = 40 };
    static struct answer answers[CALLS];
    struct seen seen = { 0 };
    struct zk_watch watch = { .fired = note, .context = &seen };
    const struct zk_op ops[] = {
        { .kind = ZK_OP_CHECK, .path = "/n", .version = -1 },
        { .kind = ZK_OP_SET, .path = "/n", .data = "x", .size = 1, .version = -1 }
    };
    peer_open(&peer, &inbox, "/torture", 2000);
    peer_do(&peer, ZK_OP_CREATE, "/n", NULL);

    for (int round = 0; round < ROUNDS; round++) {
        int issued = 0, given = 0;

        memset(answers, 0, sizeof answers);
        for (int i = 0; i < CALLS; i++) {
            int code = i % 4 == 0 ? zk_get(peer.session, "/n", &watch, answer_take, &answers[i])
                                  : zk_multi(peer.session, ops, 2, answer_take, &answers[i]);
            issued += code == 0;
            if (i == CALLS / 2)
                peer_end_session(&peer);
        }
        UNTIL(&inbox, peer.told[ZK_EXPIRED] > round);
        for (int i = 0; i < CALLS; i++)
            given += answers[i].times;
        ck_assert_int_eq(given, issued);
        UNTIL(&inbox, peer.state == ZK_CONNECTED);
    }
    ck_assert_int_eq(peer_exists(&peer, "/n", NULL).code, 0);
}
END_TEST

static void close_at_expiry(void *context, enum zk_state state)
{
    struct peer *self = context;

    self->state = state;
    self->told[state]++;
    if (state == ZK_EXPIRED) {
        zk_session_close(self->session, PEER_WAIT_MS);
        self->session = NULL;
    }
}

START_TEST(a_session_may_be_closed_from_its_own_callback)
{
    const struct zk_session_options options = { .connect = server_address(),
                                                .timeout_ms = 5000,
                                                .target = &inbox.target,
                                                .changed = close_at_expiry,
                                                .context = &peer };
    peer = (struct peer){ .inbox = &inbox, .state = ZK_SUSPENDED };
    ck_assert_int_eq(zk_session_open(&options, &peer.session, NULL), 0);
    UNTIL(&inbox, peer.state == ZK_CONNECTED);

    peer_expire(&peer);

    ck_assert_ptr_null(peer.session);
}
END_TEST

START_TEST(closing_ends_the_session_at_once_and_answers_what_is_due)
{
    struct answer answer = { 0 };
    struct peer other;
    peer_open(&other, &inbox, "/closing", 10000);
    peer_open(&peer, &inbox, "/closing", 10000);
    peer_do(&other, ZK_OP_CREATE_EPHEMERAL, "/e", NULL);

    ck_assert_int_eq(zk_exists(other.session, "/e", NULL, answer_take, &answer), 0);
    peer_close(&other);
    ck_assert_int_eq(answer.times, 1);
    ck_assert_int_eq(answer.code, K_SESSION_LOST);
    struct answer gone = { 0 };
    int64_t deadline_ms = clock_mono_ms(&clock_system) + 2000;
    do
        gone = peer_exists(&peer, "/e", NULL);
    while (gone.code == 0 && clock_mono_ms(&clock_system) < deadline_ms);

    ck_assert_int_eq(gone.code, K_NOT_FOUND);
    ck_assert_int_eq(answer.times, 1);
}
END_TEST

static void close_at_answer(void *context, const struct zk_reply *reply)
{
    struct peer *self = context;

    (void)reply;
    self->told[ZK_CONNECTED]++;
    zk_session_close(self->session, PEER_WAIT_MS);
    self->session = NULL;
}

static void ask_again(void *context, const struct zk_reply *reply)
{
    struct answer *answer = context;

    answer_take(answer, reply);
    /* A call from within: refused, as the session is being closed. */
    answer->failed_op = zk_exists(peer.session, "/n", NULL, answer_take, answer) == K_SESSION_LOST;
}

static void elected_at_last(void *context, const struct zk_elected *result)
{
    struct answer *answer = context;

    answer->times++;
    answer->code = result->code;
}

START_TEST(a_session_that_is_closed_by_an_answer_gives_every_other_one_once)
{
    struct answer read = { 0 }, election = { 0 };
    peer_open(&peer, &inbox, "/closed-by-answer", 10000);
    peer.told[ZK_CONNECTED] = 0;

    ck_assert_int_eq(zk_exists(peer.session, "/n", NULL, close_at_answer, &peer), 0);
    ck_assert_int_eq(zk_exists(peer.session, "/n", NULL, ask_again, &read), 0);
    ck_assert_int_eq(zk_elect(peer.session, 1, elected_at_last, &election), 0);
    UNTIL(&inbox, peer.session == NULL);

    ck_assert_int_eq(peer.told[ZK_CONNECTED], 1);
    ck_assert_int_eq(read.times, 1);
    ck_assert_int_eq(read.code, K_SESSION_LOST);
    ck_assert_uint_eq(read.failed_op, 1);
    ck_assert_int_eq(election.times, 1);
    ck_assert_int_eq(election.code, K_SESSION_LOST);
}
END_TEST

START_TEST(a_session_outlives_a_restart_of_the_server)
{
    struct seen seen = { 0 };
    struct zk_watch watch = { .fired = note, .context = &seen };
    struct answer lost = { 0 };
    peer_open(&peer, &inbox, "/restart", 30000);
    peer_do(&peer, ZK_OP_CREATE_EPHEMERAL, "/e", NULL);
    peer_get(&peer, "/e", &watch);
    int64_t before = peer_session_id(&peer);

    server_kill();
    int code = zk_exists(peer.session, "/e", NULL, answer_take, &lost);
    UNTIL(&inbox, peer.state == ZK_SUSPENDED && (code != 0 || lost.given));
    server_restart();
    UNTIL(&inbox, peer.state == ZK_CONNECTED);

    ck_assert(code == K_SESSION_LOST || lost.code == K_SESSION_LOST);
    ck_assert_int_eq(peer_session_id(&peer), before);
    ck_assert_int_eq(peer_exists(&peer, "/e", NULL).code, 0);
    ck_assert_int_eq(seen.times, 0);
    peer_set(&peer, "/e", "changed", -1);
    UNTIL(&inbox, seen.times == 1);
}
END_TEST

Suite *session_suite(void)
{
    Suite *suite = suite_create("session");
    TCase *tests = tcase_create("session");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, a_session_makes_its_chroot_and_is_told_connected_once);
    tcase_add_test(tests, a_wrong_connect_string_opens_no_session);
    tcase_add_test(tests, a_chroot_that_zookeeper_does_not_take_refuses_the_session);
    tcase_add_test(tests, without_a_server_calls_are_refused_and_closing_is_quick);
    tcase_add_test(tests, a_digest_closes_nodes_to_strangers);
    tcase_add_test(tests, data_is_read_back_and_conditional_writes_are_conditional);
    tcase_add_test(tests, a_multi_is_all_or_nothing_and_names_the_op_that_failed);
    tcase_add_test(tests, a_request_that_zookeeper_would_cut_the_connection_for_is_refused);
    tcase_add_test(tests, watches_fire_once_for_data_creation_and_children);
    tcase_add_test(tests, a_watch_can_be_cancelled_armed_twice_and_armed_again);
    tcase_add_test(tests, an_expired_session_is_told_answered_and_replaced);
    tcase_add_test(tests, calls_in_flight_at_an_expiry_are_answered_exactly_once);
    tcase_add_test(tests, a_session_may_be_closed_from_its_own_callback);
    tcase_add_test(tests, closing_ends_the_session_at_once_and_answers_what_is_due);
    tcase_add_test(tests, a_session_that_is_closed_by_an_answer_gives_every_other_one_once);
    tcase_add_test(tests, a_session_outlives_a_restart_of_the_server);
    suite_add_tcase(suite, tests);
    return suite;
}
