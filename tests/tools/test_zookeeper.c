#include "tools/kairn/zookeeper.h"

#include <stdio.h>
#include <string.h>

#include "tests/tools/suites.h"

START_TEST(servers_are_named_with_their_ports_and_without_a_chroot)
{
    const char *list = "one:2181, 10.0.0.2,[::1]:2182,[fe80::1]/kairn/a,b:1";
    struct facts_zookeeper server;
    const char *const addresses[] = { "one:2181", "10.0.0.2:2181", "[::1]:2182",
                                      "[fe80::1]:2181" };

    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        ck_assert(zookeeper_next(&list, &server));
        ck_assert_str_eq(server.address, addresses[i]);
    }
    ck_assert(!zookeeper_next(&list, &server));
    list = "";
    ck_assert(!zookeeper_next(&list, &server));
    char longest[400];
    memset(longest, 'a', sizeof longest - 1);
    snprintf(longest + 300, 100, ":2181");
    list = longest;
    ck_assert(!zookeeper_next(&list, &server));
}
END_TEST

static const struct {
    const char *text;
    enum facts_answer answer;
    double latency_ms;
    int64_t requests;
} rows[] = {
    { "Zookeeper version: 3.8.0-1\nLatency min/avg/max: 0/0.6149/34\nReceived: 30\nSent: 29\n"
      "Connections: 2\nOutstanding: 0\nZxid: 0x100000004\nMode: follower\nNode count: 5\n",
      FACTS_SERVES, 0.6149, 30 },
    { "Zookeeper version: 3.4.14\nLatency min/avg/max: 1/25/340\nMode: standalone\n", FACTS_SERVES,
      25, 0 },
    { "Latency min/avg/max: 7", FACTS_SILENT, 0, 0 },
    { "srvr is not executed because it is not in the whitelist.\n", FACTS_CLOSED, 0, 0 },
    { "This ZooKeeper instance is not currently serving requests\n", FACTS_IDLE, 0, 0 },
    { "HTTP/1.1 400 Bad Request", FACTS_SILENT, 0, 0 },
    { "", FACTS_SILENT, 0, 0 },
};

START_TEST(a_server_says_how_it_is)
{
    struct facts_zookeeper server = { .address = "a:1" };

    zookeeper_read(rows[_i].text, &server);

    ck_assert_int_eq(server.answer, rows[_i].answer);
    ck_assert_double_eq_tol(server.latency_ms, rows[_i].latency_ms, 1e-9);
    ck_assert_int_eq(server.requests, rows[_i].requests);
}
END_TEST

START_TEST(where_nobody_listens_there_is_no_answer)
{
    struct facts_zookeeper server = { .address = "127.0.0.1:1", .answer = FACTS_SERVES };

    zookeeper_ask(&server, 1000);

    ck_assert_int_eq(server.answer, FACTS_SILENT);
}
END_TEST

Suite *zookeeper_suite(void)
{
    Suite *suite = suite_create("tools/zookeeper");
    TCase *tests = tcase_create("srvr");

    tcase_add_test(tests, servers_are_named_with_their_ports_and_without_a_chroot);
    tcase_add_loop_test(tests, a_server_says_how_it_is, 0, sizeof rows / sizeof *rows);
    tcase_add_test(tests, where_nobody_listens_there_is_no_answer);
    suite_add_tcase(suite, tests);
    return suite;
}
