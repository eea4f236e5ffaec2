#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/zk/peer.h"
#include "tests/zk/proxy.h"
#include "tests/zk/server.h"
#include "tests/zk/suites.h"
#include "zk/bootstrap.h"
#include "zk/elect.h"
#include "zk/fence.h"

enum { PEERS = 5 };

static struct inbox inbox;
static struct peer peers[PEERS];

static void booted(void *context, int code, const char *cluster_id)
{
    (void)cluster_id;
    ck_assert_int_eq(code, 0);
    *(bool *)context = true;
}

static void open_peers(const char *chroot, int count)
{
    bool ready = false;

    for (int i = 0; i < count; i++)
        peer_open(&peers[i], &inbox, chroot, 10000);
    ck_assert_int_eq(zk_bootstrap(peers[0].session, "c", booted, &ready), 0);
    UNTIL(&inbox, ready);
}

static void set_up(void)
{
    inbox_init(&inbox);
}

static void tear_down(void)
{
    for (int i = 0; i < PEERS; i++)
        if (peers[i].session != NULL)
            peer_close(&peers[i]);
    inbox_fini(&inbox);
}

struct ballot {
    bool given;
    struct zk_elected result;
};

static void counted(void *context, const struct zk_elected *result)
{
    struct ballot *ballot = context;

    ck_assert(!ballot->given);
    ballot->given = true;
    ballot->result = *result;
}

static struct zk_elected elect(struct peer *peer, int32_t broker)
{
    struct ballot ballot = { 0 };

    ck_assert_int_eq(zk_elect(peer->session, broker, counted, &ballot), 0);
    UNTIL(&inbox, ballot.given);
    return ballot.result;
}

static void left(void *context, int code)
{
    *(int *)context = code;
}

static int resign(struct peer *peer)
{
    int code = 1;

    ck_assert_int_eq(zk_resign(peer->session, left, &code), 0);
    UNTIL(&inbox, code != 1);
    return code;
}

struct sight {
    bool given;
    struct zk_controller result;
};

static void sighted(void *context, const struct zk_controller *result)
{
    *(struct sight *)context = (struct sight){ .given = true, .result = *result };
}

static struct zk_controller look(struct peer *peer, struct zk_watch *watch)
{
    struct sight sight = { 0 };

    ck_assert_int_eq(zk_controller_read(peer->session, watch, sighted, &sight), 0);
    UNTIL(&inbox, sight.given);
    return sight.result;
}

static void note(struct zk_watch *watch, const char *path)
{
    (void)path;
    ++*(int *)watch->context;
}

/* --- elections ------------------------------------------------------------------------------- */

START_TEST(of_five_candidates_one_wins_and_the_epoch_grows_by_one)
{
    open_peers("/five", PEERS);

    for (int32_t round = 1; round <= 5; round++) {
        struct ballot ballots[PEERS] = { 0 };
        int winner = -1;

        for (int i = 0; i < PEERS; i++)
            ck_assert_int_eq(zk_elect(peers[i].session, i, counted, &ballots[i]), 0);
        for (int i = 0; i < PEERS; i++) {
            UNTIL(&inbox, ballots[i].given);
            if (ballots[i].result.code == 0) {
                ck_assert_int_eq(winner, -1);
                winner = i;
            } else {
                ck_assert_int_eq(ballots[i].result.code, K_EXISTS);
            }
        }
        ck_assert_int_ge(winner, 0);
        ck_assert_int_eq(ballots[winner].result.epoch, round);
        ck_assert_int_eq(look(&peers[0], NULL).broker, winner);
        ck_assert_int_eq(atoi(peer_get(&peers[0], "/controller_epoch", NULL).data), round);
        ck_assert_int_eq(resign(&peers[winner]), 0);
    }
}
END_TEST

START_TEST(the_chair_is_seen_watched_and_left_only_by_its_owner)
{
    int fired = 0;
    struct zk_watch watch = { .fired = note, .context = &fired };
    open_peers("/chair", 2);

    ck_assert_int_eq(look(&peers[1], &watch).broker, -1);
    struct zk_elected won = elect(&peers[0], 3);
    UNTIL(&inbox, fired == 1);
    struct zk_controller seen = look(&peers[1], &watch);
    ck_assert_int_eq(resign(&peers[1]), 0);

    ck_assert_int_eq(won.code, 0);
    ck_assert_int_eq(seen.broker, 3);
    ck_assert_int_eq(seen.owner, peer_session_id(&peers[0]));
    ck_assert_int_eq(look(&peers[1], NULL).broker, 3);
    ck_assert_int_eq(resign(&peers[0]), 0);
    UNTIL(&inbox, fired == 2);
    ck_assert_int_eq(look(&peers[1], NULL).broker, -1);
}
END_TEST

/* The write is behind the question on one connection: it comes before any answer could arm a
 * watch. */
START_TEST(who_takes_the_chair_while_it_is_looked_at_is_seen_or_told)
{
    const struct zk_op take = { .kind = ZK_OP_CREATE_EPHEMERAL, .path = "/controller" };
    struct sight sight = { 0 };
    struct answer taken = { 0 };
    int fired = 0;
    struct zk_watch watch = { .fired = note, .context = &fired };
    open_peers("/gap", 1);

    ck_assert_int_eq(zk_controller_read(peers[0].session, &watch, sighted, &sight), 0);
    ck_assert_int_eq(zk_multi(peers[0].session, &take, 1, answer_take, &taken), 0);
    UNTIL(&inbox, sight.given && taken.given);

    ck_assert_int_eq(taken.code, 0);
    ck_assert_int_eq(sight.result.broker, -1);
    UNTIL(&inbox, fired == 1);
}
END_TEST

START_TEST(a_damaged_epoch_is_an_error_and_nobody_wins)
{
    open_peers("/damaged-epoch", 1);
    peer_set(&peers[0], "/controller_epoch", "2147483647", -1);
    ck_assert_int_eq(elect(&peers[0], 1).code, K_IO);
    peer_set(&peers[0], "/controller_epoch", "-3", -1);

    ck_assert_int_eq(elect(&peers[0], 1).code, K_IO);
    ck_assert_int_eq(look(&peers[0], NULL).broker, -1);
    peer_do(&peers[0], ZK_OP_CREATE_EPHEMERAL, "/controller", "[]");
    ck_assert_int_eq(look(&peers[0], NULL).code, K_CORRUPT);
}
END_TEST

START_TEST(an_election_whose_answer_is_lost_is_known_to_be_won)
{
    struct proxy proxy;
    struct ballot ballot = { 0 };
    char connect[64];
    open_peers("/lost-answer", 1);
    proxy_start(&proxy, server_address());
    snprintf(connect, sizeof connect, "127.0.0.1:%d/lost-answer", proxy.port);
    peer_open_at(&peers[1], &inbox, connect, 30000);

    atomic_store(&proxy.lose_next_multi, true);
    ck_assert_int_eq(zk_elect(peers[1].session, 4, counted, &ballot), 0);
    UNTIL(&inbox, ballot.given);

    /* That the connection was gone need not have been told: it may be back by then. */
    ck_assert(!atomic_load(&proxy.lose_next_multi));
    ck_assert_int_eq(ballot.result.code, 0);
    ck_assert_int_eq(ballot.result.epoch, 1);
    ck_assert_int_eq(ballot.result.epoch_version,
                     peer_get(&peers[0], "/controller_epoch", NULL).stat.version);
    peer_close(&peers[1]);
    proxy_stop(&proxy);
}
END_TEST

/* --- fenced writes --------------------------------------------------------------------------- */

static struct answer fenced(struct peer *peer, int32_t epoch_version, const struct zk_op *ops,
                            size_t count)
{
    struct answer answer = { 0 };

    ck_assert_int_eq(zk_fenced(peer->session, epoch_version, ops, count, answer_take, &answer), 0);
    UNTIL(&inbox, answer.given);
    return answer;
}

START_TEST(a_fenced_write_fails_after_another_election)
{
    const struct zk_op ops[] = { { .kind = ZK_OP_CREATE, .path = "/brokers/topics/a" },
                                 { .kind = ZK_OP_CREATE, .path = "/brokers/topics/b" } };
    open_peers("/fence", 2);
    struct zk_elected first = elect(&peers[0], 1);

    struct answer written = fenced(&peers[0], first.epoch_version, ops, 1);
    struct answer failed =
        fenced(&peers[0], first.epoch_version, (struct zk_op[]){ ops[1], ops[0] }, 2);
    resign(&peers[0]);
    struct zk_elected second = elect(&peers[1], 2);
    struct answer stale = fenced(&peers[0], first.epoch_version, ops + 1, 1);
    struct answer fresh = fenced(&peers[1], second.epoch_version, ops + 1, 1);

    ck_assert_int_eq(written.code, 0);
    ck_assert_int_eq(failed.code, K_EXISTS);
    ck_assert_uint_eq(failed.failed_op, 1);
    ck_assert_int_eq(stale.code, K_STALE_CONTROLLER_EPOCH);
    ck_assert_int_eq(fresh.code, 0);
    ck_assert_int_eq(second.epoch, first.epoch + 1);
}
END_TEST

Suite *elect_suite(void)
{
    Suite *suite = suite_create("elect");
    TCase *tests = tcase_create("elect");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, of_five_candidates_one_wins_and_the_epoch_grows_by_one);
    tcase_add_test(tests, the_chair_is_seen_watched_and_left_only_by_its_owner);
    tcase_add_test(tests, who_takes_the_chair_while_it_is_looked_at_is_seen_or_told);
    tcase_add_test(tests, a_damaged_epoch_is_an_error_and_nobody_wins);
    tcase_add_test(tests, an_election_whose_answer_is_lost_is_known_to_be_won);
    tcase_add_test(tests, a_fenced_write_fails_after_another_election);
    suite_add_tcase(suite, tests);
    return suite;
}
