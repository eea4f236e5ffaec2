/* The connect string taken apart. */
#include <check.h>
#include <string.h>

#include "zk/connect.h"

Suite *zk_connect_suite(void);

static void expect(const char *text, const char *hosts, const char *chroot)
{
    struct zk_connect connect;
    struct k_reason reason = { 0 };

    ck_assert_msg(zk_connect_parse(text, &connect, &reason) == 0, "%s: %s", text, reason.text);
    ck_assert_str_eq(connect.hosts, hosts);
    ck_assert_str_eq(connect.chroot, chroot);
    zk_connect_fini(&connect);
}

static void expect_refusal(const char *text)
{
    struct zk_connect connect;
    struct k_reason reason = { 0 };

    ck_assert_msg(zk_connect_parse(text, &connect, &reason) == K_INVALID_CONFIG, "%s", text);
    ck_assert_msg(strstr(reason.text, "zookeeper.connect") != NULL, "%s", reason.text);
    zk_connect_fini(&connect);
}

START_TEST(servers_get_zookeepers_port_where_none_is_named)
{
    expect("a", "a:2181", "");
    expect("a:1,b,c:3", "a:1,b:2181,c:3", "");
    expect("a:1/", "a:1", "");
    expect("a:1,b:2/kairn/one", "a:1,b:2", "/kairn/one");
    expect("a:1/kairn/", "a:1", "/kairn");
    expect("a:1/Ki\xc3\xa8ne", "a:1", "/Ki\xc3\xa8ne");
}
END_TEST

START_TEST(what_is_no_server_or_no_path_is_refused)
{
    static const char *const bad[] = {
        "", ",", "a:", "a:0", "a:-1", "a:65536", "a:x", "a:21x", "a b:1", ":1", "a:1,,b:2",
        "a:1//b", "a:1/b//", "a:1/.", "a:1/..", "a:1/b/./c", "a:1/b/../c", "a:1/b c", "a:1/b\n",
        "a:1/b\x01", "a:1/b\177c", "a:1/\xc3", "a:1/\xed\xa0\x80",
    };
    char path[ZK_CHROOT_MAX + 8] = "a:1/";

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_refusal(bad[i]);
    memset(path + strlen(path), 'x', ZK_CHROOT_MAX);
    expect_refusal(path);
}
END_TEST

Suite *zk_connect_suite(void)
{
    Suite *suite = suite_create("zk_connect");
    TCase *tests = tcase_create("zk_connect");

    tcase_add_test(tests, servers_get_zookeepers_port_where_none_is_named);
    tcase_add_test(tests, what_is_no_server_or_no_path_is_refused);
    suite_add_tcase(suite, tests);
    return suite;
}
