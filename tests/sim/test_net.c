#include "tests/sim/net.h"

#include <stdlib.h>

#include "tests/sim/suites.h"

static const struct net_options calm = {.delay_min_us = 100, .delay_mean_us = 300};

static void count(void *context, void *payload)
{
    ++*(int *)context;
    free(payload);
}

static int send_many(const struct net_options *options, enum net_shape shape)
{
    struct sched sched;
    struct net net;
    int arrived = 0;

    sched_init(&sched, 7);
    net_init(&net, &sched, 7, 3, 1, options);
    if (shape != NET_SHAPES)
        net_cut(&net, shape, 0, 1, 1);
    for (int i = 0; i < 1000; i++)
        net_send(&net, 0, 1, count, &arrived, sched_payload(8), 8);
    while (sched_next(&sched, INT64_MAX))
        ;
    net_fini(&net);
    sched_fini(&sched);
    return arrived;
}

START_TEST(a_calm_network_delivers_each_message_once)
{
    ck_assert_int_eq(send_many(&calm, NET_SHAPES), 1000);
}
END_TEST

START_TEST(loss_and_repeats_come_as_often_as_asked)
{
    struct net_options lossy = calm, twice = calm;
    lossy.loss_permille = 200;
    twice.duplicate_permille = 200;

    int kept = send_many(&lossy, NET_SHAPES), all = send_many(&twice, NET_SHAPES);

    ck_assert_int_gt(kept, 720);
    ck_assert_int_lt(kept, 880);
    ck_assert_int_gt(all, 1120);
    ck_assert_int_lt(all, 1280);
}
END_TEST

START_TEST(a_cut_link_delivers_nothing)
{
    ck_assert_int_eq(send_many(&calm, CUT_ISOLATE), 0);
    ck_assert_int_eq(send_many(&calm, CUT_PAIR_ONE_WAY), 0);
    ck_assert_int_eq(send_many(&calm, CUT_FROM_CLIENTS), 1000);
}
END_TEST

/* Links that a shape cuts, with brokers 0 to 3, one client 4, and the store 5. */
static int links_cut(enum net_shape shape, int a, int b)
{
    struct sched sched;
    struct net net;
    int cut = 0;

    sched_init(&sched, 1);
    net_init(&net, &sched, 1, 4, 1, &calm);
    net_cut(&net, shape, a, b, 1);
    for (int from = 0; from <= net.store; from++)
        for (int to = 0; to <= net.store; to++)
            cut += net_is_cut(&net, from, to);
    net_cut(&net, shape, a, b, -1);
    for (int from = 0; from <= net.store; from++)
        for (int to = 0; to <= net.store; to++)
            ck_assert(!net_is_cut(&net, from, to));
    net_fini(&net);
    sched_fini(&sched);
    return cut;
}

START_TEST(every_shape_cuts_its_links_and_mends_them)
{
    ck_assert_int_eq(links_cut(CUT_ISOLATE, 1, 2), 10);
    ck_assert_int_eq(links_cut(CUT_FROM_BROKERS, 1, 2), 6);
    ck_assert_int_eq(links_cut(CUT_FROM_STORE, 1, 2), 2);
    ck_assert_int_eq(links_cut(CUT_FROM_CLIENTS, 1, 2), 2);
    ck_assert_int_eq(links_cut(CUT_DEAF, 1, 2), 5);
    ck_assert_int_eq(links_cut(CUT_MUTE, 1, 2), 5);
    ck_assert_int_eq(links_cut(CUT_PAIR, 1, 2), 2);
    ck_assert_int_eq(links_cut(CUT_PAIR_ONE_WAY, 1, 2), 1);
    ck_assert_int_eq(links_cut(CUT_HALVES, 1, 2), 8);
    ck_assert_int_eq(links_cut(CUT_BRIDGE, 1, 2), 4);
    ck_assert_int_eq(links_cut(CUT_RING, 1, 2), 4);
    ck_assert_int_eq(links_cut(CUT_STORE_ONE_WAY, 1, 2), 1);
}
END_TEST

START_TEST(a_connection_keeps_the_order)
{
    struct net_options slow = calm;
    slow.delay_mean_us = 100 * 1000;
    struct sched sched;
    struct net net;
    int64_t before = 0;
    sched_init(&sched, 3);
    net_init(&net, &sched, 3, 3, 1, &slow);

    for (int i = 0; i < 100; i++) {
        int64_t delay = net_stream_delay(&net, 0, 1);
        ck_assert_int_gt(delay, before);
        before = delay;
    }
    net_cut(&net, CUT_PAIR, 0, 1, 1);
    ck_assert_int_eq(net_stream_delay(&net, 0, 1), -1);
    net_fini(&net);
    sched_fini(&sched);
}
END_TEST

Suite *net_suite(void)
{
    Suite *suite = suite_create("net");
    TCase *tcase = tcase_create("net");
    tcase_add_test(tcase, a_calm_network_delivers_each_message_once);
    tcase_add_test(tcase, loss_and_repeats_come_as_often_as_asked);
    tcase_add_test(tcase, a_cut_link_delivers_nothing);
    tcase_add_test(tcase, every_shape_cuts_its_links_and_mends_them);
    tcase_add_test(tcase, a_connection_keeps_the_order);
    suite_add_tcase(suite, tcase);
    return suite;
}
