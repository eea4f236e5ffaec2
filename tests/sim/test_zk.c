#include "tests/sim/zk.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "tests/sim/suites.h"

/* One ensemble and two brokers that note what they hear. */
struct rig;
struct party {
    struct rig *rig;
    struct zk_client client;
    int ups, suspensions, expiries, changes[ZN_COUNT + 1], answers, code;
    struct zk_node node;
};
struct rig {
    struct sched sched;
    struct net net;
    struct zk zk;
    struct party parties[2];
};

static void up(void *owner, int64_t session, int32_t timeout_ms)
{
    (void)session, (void)timeout_ms;
    ((struct party *)owner)->ups++;
}
static void suspended(void *owner) { ((struct party *)owner)->suspensions++; }
static void expired(void *owner) { ((struct party *)owner)->expiries++; }
static void changed(void *owner, int node) { ((struct party *)owner)->changes[node]++; }
static const struct zk_events events = {up, suspended, expired, changed};

static void answered(void *owner, const struct zk_reply *reply, uint64_t round, int64_t extra)
{
    struct party *party = owner;
    (void)round, (void)extra;
    party->answers++;
    party->code = reply->code;
    party->node = reply->node;
}

static void pass_ms(struct rig *rig, int64_t ms)
{
    int64_t until_us = rig->sched.now_us + ms * 1000;
    while (sched_next(&rig->sched, until_us))
        ;
    rig->sched.now_us = until_us;
}

static struct rig *rig_new(int64_t lag_max_us)
{
    static const struct net_options options = {.delay_min_us = 100, .delay_mean_us = 500};
    struct rig *rig = calloc(1, sizeof *rig);

    sched_init(&rig->sched, 5);
    net_init(&rig->net, &rig->sched, 5, 2, 1, &options);
    zk_init(&rig->zk, &rig->sched, &rig->net, 5, lag_max_us);
    for (int i = 0; i < 2; i++) {
        rig->parties[i].rig = rig;
        zk_client_start(&rig->parties[i].client, &rig->zk, i, 600, &events, &rig->parties[i]);
    }
    pass_ms(rig, 50);
    return rig;
}

static void rig_free(struct rig *rig)
{
    net_fini(&rig->net);
    sched_fini(&rig->sched);
    free(rig);
}

static int write_one(struct rig *rig, int party, enum zk_op_kind kind, int node, int32_t version)
{
    struct zk_op op = {.kind = kind, .node = node, .version = version};
    rig->parties[party].code = -1;
    ck_assert_int_eq(
        zk_multi(&rig->parties[party].client, &op, 1, answered, 0, 0), 0);
    pass_ms(rig, 50);
    return rig->parties[party].code;
}

START_TEST(a_write_at_a_wrong_version_changes_nothing)
{
    struct rig *rig = rig_new(0);
    ck_assert_int_eq(write_one(rig, 0, ZK_SET, ZN_EPOCH, 0), 0);

    struct zk_op ops[] = {{.kind = ZK_CREATE, .node = ZN_STATE, .version = -1},
                          {.kind = ZK_CHECK, .node = ZN_EPOCH, .version = 0}};
    zk_multi(&rig->parties[1].client, ops, 2, answered, 0, 0);
    pass_ms(rig, 50);

    ck_assert_int_eq(rig->parties[1].code, K_BAD_VERSION);
    ck_assert(!rig->zk.nodes[ZN_STATE].exists);
    rig_free(rig);
}
END_TEST

START_TEST(ephemeral_nodes_go_with_their_session)
{
    struct rig *rig = rig_new(1000);
    ck_assert_int_eq(write_one(rig, 0, ZK_CREATE_EPHEMERAL, ZN_CHAIR, -1), 0);
    ck_assert_int_eq(write_one(rig, 1, ZK_CREATE_EPHEMERAL, ZN_CHAIR, -1), K_EXISTS);
    zk_get(&rig->parties[1].client, ZN_CHAIR, true, answered, 0, 0);
    pass_ms(rig, 50);

    zk_client_stop(&rig->parties[0].client);
    pass_ms(rig, 250);
    ck_assert(rig->zk.nodes[ZN_CHAIR].exists);
    pass_ms(rig, 500);

    ck_assert(!rig->zk.nodes[ZN_CHAIR].exists);
    ck_assert_int_eq(rig->parties[1].changes[ZN_CHAIR], 1);
    rig_free(rig);
}
END_TEST

START_TEST(a_watch_fires_once)
{
    struct rig *rig = rig_new(0);
    zk_get(&rig->parties[0].client, ZN_EPOCH, true, answered, 0, 0);
    pass_ms(rig, 50);

    write_one(rig, 1, ZK_SET, ZN_EPOCH, -1);
    write_one(rig, 1, ZK_SET, ZN_EPOCH, -1);

    ck_assert_int_eq(rig->parties[0].changes[ZN_EPOCH], 1);
    rig_free(rig);
}
END_TEST

START_TEST(a_server_that_lags_answers_with_the_past_until_it_is_synced)
{
    struct rig *rig = rig_new(0);
    struct party *reader = &rig->parties[0];
    if (reader->client.server == rig->parties[1].client.server)
        zk_client_break(&rig->parties[1].client);
    pass_ms(rig, 100);
    ck_assert_int_ne(reader->client.server, rig->parties[1].client.server);
    zk_freeze(&rig->zk, reader->client.server, rig->sched.now_us + 200 * 1000);
    write_one(rig, 1, ZK_SET, ZN_EPOCH, -1);

    zk_get(&reader->client, ZN_EPOCH, false, answered, 0, 0);
    pass_ms(rig, 20);
    ck_assert_int_eq(reader->node.version, 0);
    reader->answers = 0;
    zk_sync(&reader->client, answered, 0, 0);
    zk_get(&reader->client, ZN_EPOCH, false, answered, 0, 0);
    pass_ms(rig, 20);
    ck_assert_int_eq(reader->answers, 0);
    pass_ms(rig, 300);

    ck_assert_int_eq(reader->node.version, 1);
    rig_free(rig);
}
END_TEST

START_TEST(a_connection_that_breaks_leaves_a_write_without_an_answer)
{
    struct rig *rig = rig_new(0);
    struct zk_op op = {.kind = ZK_SET, .node = ZN_EPOCH, .version = 0};
    zk_multi(&rig->parties[0].client, &op, 1, answered, 0, 0);
    while (rig->zk.nodes[ZN_EPOCH].version == 0)
        ck_assert(sched_next(&rig->sched, INT64_MAX));

    zk_client_break(&rig->parties[0].client);
    pass_ms(rig, 200);

    ck_assert_int_eq(rig->parties[0].code, K_SESSION_LOST);
    ck_assert_int_eq(rig->parties[0].suspensions, 1);
    ck_assert_int_eq(rig->parties[0].ups, 2);
    ck_assert_int_eq(rig->parties[0].expiries, 0);
    ck_assert_int_eq(rig->zk.lost_answers, 1);
    rig_free(rig);
}
END_TEST

START_TEST(what_changed_while_away_fires_the_watch_at_the_next_connection)
{
    struct rig *rig = rig_new(0);
    zk_get(&rig->parties[0].client, ZN_EPOCH, true, answered, 0, 0);
    pass_ms(rig, 50);

    zk_client_break(&rig->parties[0].client);
    zk_write(&rig->zk, &(struct zk_op){.kind = ZK_SET, .node = ZN_EPOCH, .version = -1});
    pass_ms(rig, 200);

    ck_assert_int_eq(rig->parties[0].changes[ZN_EPOCH], 1);
    rig_free(rig);
}
END_TEST

START_TEST(who_is_cut_off_too_long_hears_of_the_end_when_it_is_back)
{
    struct rig *rig = rig_new(0);
    net_cut(&rig->net, CUT_FROM_STORE, 0, 0, 1);
    pass_ms(rig, 2000);
    ck_assert_int_eq(rig->parties[0].suspensions, 1);
    ck_assert_int_eq(rig->parties[0].expiries, 0);

    net_cut(&rig->net, CUT_FROM_STORE, 0, 0, -1);
    pass_ms(rig, 500);

    ck_assert_int_eq(rig->parties[0].expiries, 1);
    ck_assert_int_eq(rig->parties[0].ups, 2);
    rig_free(rig);
}
END_TEST

START_TEST(no_session_ends_while_the_quorum_is_away)
{
    struct rig *rig = rig_new(0);
    zk_away(&rig->zk, true);
    pass_ms(rig, 5000);
    zk_away(&rig->zk, false);
    pass_ms(rig, 1000);

    ck_assert_int_eq(rig->parties[0].expiries, 0);
    ck_assert_int_eq(rig->parties[0].ups, 2);
    rig_free(rig);
}
END_TEST

Suite *zk_suite(void)
{
    Suite *suite = suite_create("zk");
    TCase *tcase = tcase_create("zk");
    tcase_add_test(tcase, a_write_at_a_wrong_version_changes_nothing);
    tcase_add_test(tcase, ephemeral_nodes_go_with_their_session);
    tcase_add_test(tcase, a_watch_fires_once);
    tcase_add_test(tcase, a_server_that_lags_answers_with_the_past_until_it_is_synced);
    tcase_add_test(tcase, a_connection_that_breaks_leaves_a_write_without_an_answer);
    tcase_add_test(tcase, what_changed_while_away_fires_the_watch_at_the_next_connection);
    tcase_add_test(tcase, who_is_cut_off_too_long_hears_of_the_end_when_it_is_back);
    tcase_add_test(tcase, no_session_ends_while_the_quorum_is_away);
    suite_add_tcase(suite, tcase);
    return suite;
}
