#include "net/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/loop.h"
#include "tests/net/rig.h"
#include "tests/net/suites.h"

struct door {
    struct loop *loop;
    struct listener *listener;
    int fds[8], count;
    bool free_on_accept;
    int waits;                          /* how often nobody is to come in yet */
};

static void on_accept(void *context, int fd)
{
    struct door *door = context;

    door->fds[door->count++] = fd;
    if (door->free_on_accept) {
        listener_free(door->listener);
        door->listener = NULL;
    }
}

static void door_open(struct door *door, const char *host)
{
    struct k_reason reason = { "" };

    *door = (struct door){ .loop = rig_loop() };
    int error = listener_new(door->loop, host, 0, on_accept, door, &door->listener, &reason);
    ck_assert_msg(error == 0, "%s", reason.text);
}

static void door_close(struct door *door)
{
    for (int i = 0; i < door->count; i++)
        close(door->fds[i]);
    listener_free(door->listener);
    loop_free(door->loop);
}

static int knock(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port),
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

START_TEST(connections_are_accepted_ready_to_use)
{
    struct door door;
    door_open(&door, (const char *[]){ "127.0.0.1", "", "localhost" }[_i]);

    int first = knock(listener_port(door.listener)), second = knock(listener_port(door.listener));
    RUN_UNTIL(door.loop, door.count == 2);

    int nodelay = 0;
    socklen_t size = sizeof nodelay;
    getsockopt(door.fds[0], IPPROTO_TCP, TCP_NODELAY, &nodelay, &size);
    ck_assert_int_ne(nodelay, 0);
    ck_assert_int_ne(fcntl(door.fds[0], F_GETFL) & O_NONBLOCK, 0);
    ck_assert_int_ne(fcntl(door.fds[0], F_GETFD) & FD_CLOEXEC, 0);
    close(first);
    close(second);
    door_close(&door);
}
END_TEST

START_TEST(accepted_connections_have_the_congestion_control_that_was_asked_for)
{
    struct door door;
    struct k_reason reason = { "" };
    char name[16] = "";
    socklen_t size = sizeof name;
    door_open(&door, "127.0.0.1");

    ck_assert_int_eq(listener_set_congestion(door.listener, NULL, &reason), 0);
    ck_assert_int_eq(listener_set_congestion(door.listener, "none-such", &reason),
                     K_INVALID_CONFIG);
    ck_assert_ptr_nonnull(strstr(reason.text, "none-such"));
    /* The one that every kernel has. */
    ck_assert_int_eq(listener_set_congestion(door.listener, "reno", &reason), 0);
    int fd = knock(listener_port(door.listener));
    RUN_UNTIL(door.loop, door.count == 1);

    getsockopt(door.fds[0], IPPROTO_TCP, TCP_CONGESTION, name, &size);
    ck_assert_str_eq(name, "reno");
    close(fd);
    door_close(&door);
}
END_TEST

START_TEST(a_port_in_use_is_refused_with_its_address)
{
    struct door door;
    struct listener *second;
    struct k_reason reason = { "" };
    char text[32];
    door_open(&door, "127.0.0.1");
    uint16_t port = listener_port(door.listener);

    int error = listener_new(door.loop, "127.0.0.1", port, on_accept, NULL, &second, &reason);

    ck_assert_int_eq(error, K_BUSY);
    snprintf(text, sizeof text, "127.0.0.1:%u", port);
    ck_assert_ptr_nonnull(strstr(reason.text, text));
    door_close(&door);
}
END_TEST

START_TEST(a_host_that_is_not_here_is_refused)
{
    struct loop *loop = rig_loop();
    struct listener *listener;
    struct k_reason reason = { "" };

    ck_assert_int_eq(listener_new(loop, "not a host", 0, on_accept, NULL, &listener, &reason),
                     K_RESOLVE_FAILED);
    ck_assert_str_ne(reason.text, "");
    ck_assert_int_eq(listener_new(loop, "192.0.2.1", 0, on_accept, NULL, &listener, &reason), K_IO);
    ck_assert_ptr_nonnull(strstr(reason.text, "192.0.2.1"));

    loop_free(loop);
}
END_TEST

START_TEST(a_listener_may_be_freed_in_its_own_callback)
{
    struct door door;
    door_open(&door, "127.0.0.1");
    door.free_on_accept = true;

    int first = knock(listener_port(door.listener)), second = knock(listener_port(door.listener));
    RUN_UNTIL(door.loop, door.count == 1);
    rig_settle(door.loop);

    ck_assert_int_eq(door.count, 1);
    close(first);
    close(second);
    door_close(&door);
}
END_TEST

START_TEST(a_listener_without_descriptors_pauses_and_goes_on)
{
    struct door door;
    struct rlimit before, none;
    door_open(&door, "127.0.0.1");
    int fd = knock(listener_port(door.listener));

    getrlimit(RLIMIT_NOFILE, &before);
    none = before;
    none.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &none);
    rig_settle(door.loop);
    ck_assert_int_eq(door.count, 0);
    setrlimit(RLIMIT_NOFILE, &before);
    RUN_UNTIL(door.loop, door.count == 1);

    close(fd);
    door_close(&door);
}
END_TEST

static int64_t wait_a_moment(void *context)
{
    struct door *door = context;

    return door->waits > 0 && door->waits-- > 0 ? 1 : 0;
}

START_TEST(who_must_wait_is_accepted_later)
{
    struct door door;
    door_open(&door, "127.0.0.1");
    door.waits = 3;
    listener_set_wait(door.listener, wait_a_moment);

    int fd = knock(listener_port(door.listener));
    RUN_UNTIL(door.loop, door.count == 1);

    ck_assert_int_eq(door.waits, 0);
    close(fd);
    door_close(&door);
}
END_TEST

Suite *listener_suite(void)
{
    Suite *suite = suite_create("listener");
    TCase *tcase = tcase_create("listener");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, connections_are_accepted_ready_to_use, 0, 3);
    tcase_add_test(tcase, accepted_connections_have_the_congestion_control_that_was_asked_for);
    tcase_add_test(tcase, a_port_in_use_is_refused_with_its_address);
    tcase_add_test(tcase, a_host_that_is_not_here_is_refused);
    tcase_add_test(tcase, a_listener_may_be_freed_in_its_own_callback);
    tcase_add_test(tcase, a_listener_without_descriptors_pauses_and_goes_on);
    tcase_add_test(tcase, who_must_wait_is_accepted_later);
    suite_add_tcase(suite, tcase);
    return suite;
}
