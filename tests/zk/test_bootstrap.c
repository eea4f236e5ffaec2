#include <stdio.h>
#include <string.h>

#include "tests/zk/peer.h"
#include "tests/zk/suites.h"
#include "zk/bootstrap.h"
#include "zk/znode.h"

static struct inbox inbox;

static void set_up(void)
{
    inbox_init(&inbox);
}

static void tear_down(void)
{
    inbox_fini(&inbox);
}

struct booted {
    bool given;
    int code;
    int32_t id;
    char cluster[64];
};

static void booted(void *context, int code, const char *cluster_id)
{
    struct booted *result = context;

    result->given = true;
    result->code = code;
    snprintf(result->cluster, sizeof result->cluster, "%s", cluster_id == NULL ? "" : cluster_id);
}

static void generated(void *context, int code, int32_t id)
{
    *(struct booted *)context = (struct booted){ .given = true, .code = code, .id = id };
}

static struct booted boot(struct peer *peer, const char *proposal)
{
    struct booted result = { 0 };

    ck_assert_int_eq(zk_bootstrap(peer->session, proposal, booted, &result), 0);
    UNTIL(&inbox, result.given);
    return result;
}

START_TEST(a_first_start_makes_the_directories_and_the_id)
{
    struct peer peer;
    peer_open(&peer, &inbox, "/first", 5000);

    struct booted result = boot(&peer, "proposal");

    ck_assert_int_eq(result.code, 0);
    ck_assert_str_eq(result.cluster, "proposal");
    ck_assert_str_eq(peer_get(&peer, "/cluster/id", NULL).data,
                     "{\"version\":\"1\",\"id\":\"proposal\"}");
    ck_assert_str_eq(peer_get(&peer, "/controller_epoch", NULL).data, "0");
    for (int node = 0; node < ZNODE_COUNT; node++) {
        const struct znode_row *row = znode_row((enum znode)node);

        if (row->made_at_start)
            ck_assert_msg(peer_exists(&peer, row->pattern, NULL).code == 0, "%s is missing",
                          row->pattern);
    }
    peer_close(&peer);
}
END_TEST

START_TEST(a_later_start_writes_nothing_and_mends_what_is_missing)
{
    struct peer peer;
    peer_open(&peer, &inbox, "/later", 5000);
    boot(&peer, "one");
    struct answer made = peer_exists(&peer, "/brokers/seqid", NULL);
    peer_do(&peer, ZK_OP_DELETE, "/config/ips", NULL);

    struct booted result = boot(&peer, "two");

    ck_assert_str_eq(result.cluster, "one");
    ck_assert_int_eq(peer_exists(&peer, "/config/ips", NULL).code, 0);
    ck_assert_int_eq(peer_exists(&peer, "/brokers/seqid", NULL).stat.mzxid, made.stat.mzxid);
    peer_close(&peer);
}
END_TEST

START_TEST(brokers_that_start_together_agree_on_one_id)
{
    enum { PEERS = 5 };
    static const char *const proposals[PEERS] = { "a", "b", "c", "d", "e" };
    struct peer peers[PEERS];
    struct booted results[PEERS] = { 0 };
    for (int i = 0; i < PEERS; i++)
        peer_open(&peers[i], &inbox, "/together", 5000);

    for (int i = 0; i < PEERS; i++)
        ck_assert_int_eq(zk_bootstrap(peers[i].session, proposals[i], booted, &results[i]), 0);

    for (int i = 0; i < PEERS; i++) {
        UNTIL(&inbox, results[i].given);
        ck_assert_int_eq(results[i].code, 0);
        ck_assert_str_eq(results[i].cluster, results[0].cluster);
    }
    for (int i = 0; i < PEERS; i++)
        peer_close(&peers[i]);
}
END_TEST

START_TEST(a_damaged_cluster_id_is_an_error_and_not_replaced)
{
    struct peer peer;
    peer_open(&peer, &inbox, "/damaged", 5000);
    boot(&peer, "one");
    peer_set(&peer, "/cluster/id", "{\"version\":\"1\"", -1);

    struct booted result = boot(&peer, "two");

    ck_assert_int_eq(result.code, K_CORRUPT);
    ck_assert_str_eq(peer_get(&peer, "/cluster/id", NULL).data, "{\"version\":\"1\"");
    peer_close(&peer);
}
END_TEST

START_TEST(generated_ids_begin_above_the_reserved_ones_and_grow)
{
    struct peer peer;
    struct booted first = { 0 }, second = { 0 };
    peer_open(&peer, &inbox, "/ids", 5000);
    boot(&peer, "c");

    ck_assert_int_eq(zk_generate_broker_id(peer.session, 1000, generated, &first), 0);
    ck_assert_int_eq(zk_generate_broker_id(peer.session, 1000, generated, &second), 0);
    UNTIL(&inbox, first.given && second.given);

    ck_assert_int_eq(first.id, 1001);
    ck_assert_int_eq(second.id, 1002);
    peer_close(&peer);
}
END_TEST

START_TEST(closing_amid_a_bootstrap_leaves_nothing_behind)
{
    struct peer peer;
    struct booted result = { 0 };
    peer_open(&peer, &inbox, "/amid", 5000);

    ck_assert_int_eq(zk_bootstrap(peer.session, "c", booted, &result), 0);
    peer_close(&peer);
    while (inbox_turn(&inbox, 0))
        ;

    ck_assert(result.given);
    ck_assert_int_eq(result.code, K_SESSION_LOST);
}
END_TEST

Suite *bootstrap_suite(void)
{
    Suite *suite = suite_create("bootstrap");
    TCase *tests = tcase_create("bootstrap");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_first_start_makes_the_directories_and_the_id);
    tcase_add_test(tests, a_later_start_writes_nothing_and_mends_what_is_missing);
    tcase_add_test(tests, brokers_that_start_together_agree_on_one_id);
    tcase_add_test(tests, a_damaged_cluster_id_is_an_error_and_not_replaced);
    tcase_add_test(tests, generated_ids_begin_above_the_reserved_ones_and_grow);
    tcase_add_test(tests, closing_amid_a_bootstrap_leaves_nothing_behind);
    suite_add_tcase(suite, tests);
    return suite;
}
