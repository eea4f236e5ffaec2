#include "server/admission.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/error.h"

static struct admission_limits limits;
static struct admission door;

static void setup(void)
{
    admission_no_limits(&limits);
}

static void teardown(void)
{
    admission_fini(&door);
}

static void open_door(void)
{
    admission_init(&door, &limits);
}

static struct address_key host(uint8_t number)
{
    return (struct address_key){ .size = 4, .bytes = { 10, 0, 0, number } };
}

static bool enter(uint8_t number, int64_t now_ms)
{
    return admission_enter(&door, &(struct address_key){ .size = 4, .bytes = { 10, 0, 0, number } },
                           now_ms);
}

static void leave(uint8_t number)
{
    struct address_key from = host(number);

    admission_leave(&door, &from);
}

START_TEST(without_limits_everybody_comes_in_at_once)
{
    open_door();

    for (int i = 0; i < 10000; i++) {
        ck_assert_int_eq(admission_wait_ms(&door, false, 0), 0);
        ck_assert(enter((uint8_t)i, 0));
    }
}
END_TEST

START_TEST(who_comes_when_all_places_are_taken_waits_until_one_is_free)
{
    limits.connections = 2;
    open_door();
    enter(1, 0);
    ck_assert_int_eq(admission_wait_ms(&door, false, 0), 0);
    enter(2, 0);

    ck_assert_int_gt(admission_wait_ms(&door, false, 0), 0);
    leave(1);
    ck_assert_int_eq(admission_wait_ms(&door, false, 0), 0);
}
END_TEST

START_TEST(brokers_do_not_wait_where_they_have_a_listener_of_their_own)
{
    limits.connections = 0;
    limits.per_second = 0;
    open_door();

    ck_assert_int_gt(admission_wait_ms(&door, false, 0), 0);
    ck_assert_int_eq(admission_wait_ms(&door, true, 0), 0);
    ck_assert(enter(1, 0));
}
END_TEST

START_TEST(an_address_has_no_more_than_its_share_and_others_do_not_mind)
{
    limits.per_address = 2;
    open_door();
    ck_assert(enter(1, 0));
    ck_assert(enter(1, 0));

    ck_assert(!enter(1, 0));
    ck_assert(enter(2, 0));
    leave(1);
    ck_assert(enter(1, 0));
    ck_assert(!enter(1, 0));
}
END_TEST

START_TEST(an_override_counts_for_its_address_alone)
{
    struct k_reason reason;

    limits.per_address = 1;
    ck_assert_int_eq(admission_parse_overrides(&limits, " 10.0.0.7:2, [::1]:0 ", &reason), 0);
    open_door();

    ck_assert(enter(7, 0) && enter(7, 0) && !enter(7, 0));
    ck_assert(enter(8, 0) && !enter(8, 0));
    struct address_key ipv6 = { .size = 16, .bytes = { [15] = 1 } };
    ck_assert(!admission_enter(&door, &ipv6, 0));
}
END_TEST

START_TEST(overrides_that_can_not_be_read_are_refused)
{
    static const char *const bad[] = { "10.0.0.7", "10.0.0.7:", "10.0.0.7:-1", "10.0.0.7:x",
                                       "10.0.0.7:1x", "example.com:5", ":5", "10.0.0.7:5,10:5",
                                       "10.0.0.7:99999999999999999999" };
    struct k_reason reason;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_int_eq(admission_parse_overrides(&limits, bad[i], &reason), K_INVALID_CONFIG);
        ck_assert_ptr_nonnull(strstr(reason.text, "ADDRESS:NUMBER"));
    }
    ck_assert_int_eq(admission_parse_overrides(&limits, NULL, &reason), 0);
    ck_assert_int_eq(admission_parse_overrides(&limits, "", &reason), 0);
    ck_assert_uint_eq(limits.override_count, 0);
    open_door();
}
END_TEST

START_TEST(no_more_overrides_are_read_than_there_is_room_for)
{
    static const char one[] = "10.0.0.1:1,";
    char text[(ADMISSION_OVERRIDES_MAX + 1) * (sizeof one - 1) + 1] = "";
    struct k_reason reason;

    for (size_t i = 0; i <= ADMISSION_OVERRIDES_MAX; i++)
        memcpy(text + i * (sizeof one - 1), one, sizeof one);

    ck_assert_int_eq(admission_parse_overrides(&limits, text, &reason), K_INVALID_CONFIG);
    open_door();
}
END_TEST

START_TEST(a_second_brings_as_many_as_the_rate_and_no_more_are_saved_up)
{
    limits.per_second = 10;
    open_door();
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(admission_wait_ms(&door, false, 1000), 0);
        ck_assert(enter(1, 1000));
    }

    ck_assert_int_eq(admission_wait_ms(&door, false, 1000), 100);
    ck_assert_int_eq(admission_wait_ms(&door, false, 1099), 1);
    ck_assert_int_eq(admission_wait_ms(&door, false, 1100), 0);
    enter(1, 1100);
    ck_assert_int_eq(admission_wait_ms(&door, false, 1100), 100);
    int more = 0;
    while (admission_wait_ms(&door, false, 3600000) == 0 && more < 100)
        more += enter(1, 3600000);
    ck_assert_int_eq(more, 10);
}
END_TEST

START_TEST(limits_that_change_count_from_then_on)
{
    open_door();
    enter(1, 0);
    enter(1, 0);

    limits.connections = 2;
    admission_set(&door, &limits);
    ck_assert_int_gt(admission_wait_ms(&door, false, 0), 0);
    limits.connections = 3;
    admission_set(&door, &limits);
    ck_assert_int_eq(admission_wait_ms(&door, false, 0), 0);
}
END_TEST

START_TEST(an_ipv4_address_is_the_same_within_ipv6)
{
    struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_addr = in6addr_any };
    struct sockaddr_in6 at;
    socklen_t size = sizeof at;
    int server = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    open_door();
    if (server < 0 || bind(server, (struct sockaddr *)&any, sizeof any) != 0)
        return;                         /* no IPv6 on this machine */
    ck_assert_int_eq(listen(server, 1), 0);
    ck_assert_int_eq(getsockname(server, (struct sockaddr *)&at, &size), 0);
    struct sockaddr_in loopback = { .sin_family = AF_INET, .sin_port = at.sin6_port,
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(client, (struct sockaddr *)&loopback, sizeof loopback), 0);
    int accepted = accept4(server, NULL, NULL, SOCK_CLOEXEC);

    struct address_key key = address_of_peer(accepted);

    ck_assert_uint_eq(key.size, 4);
    ck_assert_mem_eq(key.bytes, "\x7f\0\0\1", 4);
    close(accepted);
    close(client);
    close(server);
}
END_TEST

START_TEST(a_local_socket_has_no_address_and_no_share)
{
    int ends[2];
    limits.per_address = 0;
    open_door();
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);

    struct address_key key = address_of_peer(ends[0]);

    ck_assert_uint_eq(key.size, 0);
    ck_assert(admission_enter(&door, &key, 0));
    admission_leave(&door, &key);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

Suite *admission_suite(void);

Suite *admission_suite(void)
{
    Suite *suite = suite_create("server/admission");
    TCase *tests = tcase_create("admission");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, without_limits_everybody_comes_in_at_once);
    tcase_add_test(tests, who_comes_when_all_places_are_taken_waits_until_one_is_free);
    tcase_add_test(tests, brokers_do_not_wait_where_they_have_a_listener_of_their_own);
    tcase_add_test(tests, an_address_has_no_more_than_its_share_and_others_do_not_mind);
    tcase_add_test(tests, an_override_counts_for_its_address_alone);
    tcase_add_test(tests, overrides_that_can_not_be_read_are_refused);
    tcase_add_test(tests, no_more_overrides_are_read_than_there_is_room_for);
    tcase_add_test(tests, a_second_brings_as_many_as_the_rate_and_no_more_are_saved_up);
    tcase_add_test(tests, limits_that_change_count_from_then_on);
    tcase_add_test(tests, an_ipv4_address_is_the_same_within_ipv6);
    tcase_add_test(tests, a_local_socket_has_no_address_and_no_share);
    suite_add_tcase(suite, tests);
    return suite;
}
