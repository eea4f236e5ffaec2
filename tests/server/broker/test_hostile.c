/* Clients that are slow, silent, greedy or gone: what they cost is bounded. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/error.h"
#include "proto/frame.h"
#include "tests/lib/wait.h"
#include "tests/server/broker/gate_rig.h"

/* Bytes of memory that this process holds. */
static size_t resident(void)
{
    unsigned long size, pages;
    FILE *file = fopen("/proc/self/statm", "r");

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%lu %lu", &size, &pages), 2);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* An ApiVersions request (correlation id 1) with a payload that nobody wants. */
static void make_heavy_request(uint8_t *bytes, size_t size)
{
    const uint8_t head[] = { 1 << 3, 1, 0x52, 0 };

    memset(bytes, 0, size);
    frame_prefix(bytes, sizeof head, size - FRAME_PREFIX - sizeof head);
    memcpy(bytes + FRAME_PREFIX, head, sizeof head);
}

START_TEST(many_slow_senders_share_the_budget)
{
    enum { CLIENTS = 60, SIZE = 50000, LIMIT = 4 * SIZE, FIRST = 20000 };
    uint8_t bytes[SIZE];
    int code, fds[CLIENTS];
    make_heavy_request(bytes, sizeof bytes);
    budget_init(&gates.budget, LIMIT);
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = connect_client();
        greet(fds[i], (uint16_t)(i % 2));
    }

    for (int i = 0; i < CLIENTS; i++)
        send_bytes(fds[i], bytes, FIRST);
    WAIT_UNTIL(budget_exceeded(&gates.budget));
    /* Both loops may have let one more in at the same moment. */
    ck_assert_int_le(atomic_load(&gates.budget.used), LIMIT + 2 * (SIZE + 16384));

    /* Those in the middle of the crowd have given up: their share is free again. */
    for (int i = 0; i < CLIENTS / 2; i++)
        close(fds[i]);
    for (int i = CLIENTS / 2; i < CLIENTS; i++)
        send_bytes(fds[i], bytes + FIRST, SIZE - FIRST);
    for (int i = CLIENTS / 2; i < CLIENTS; i++) {
        ck_assert_uint_eq(receive_answer(fds[i], &code), 1);
        ck_assert_int_eq(code, 0);
        close(fds[i]);
    }
    expect_idle();
}
END_TEST

START_TEST(a_reader_that_does_not_read_costs_little)
{
    enum { BATCHES = 16, BATCH_SIZE = 1 << 16, FETCHES = 4000 };
    static uint8_t batch[BATCH_SIZE + 1024];
    char *text = malloc(BATCH_SIZE);
    memset(text, 'x', BATCH_SIZE - 1);
    text[BATCH_SIZE - 1] = '\0';
    size_t size = plane_batch(batch, sizeof batch, 1, text, false);
    for (int i = 0; i < BATCHES; i++)
        asked_free(plane_produce(&plane, 0, &topic.id, 0, -1, batch, size));
    for (uint16_t loop = 0; loop < 2; loop++) {
        int code, fd = connect_client(), other = connect_client();
        greet(fd, loop);
        greet(other, loop);
        size_t before = resident();

        /* Four gigabytes are asked for and not taken. */
        for (uint64_t i = 1; i <= FETCHES && try_fetch(fd, i); i++)
            ;
        send_api_versions(other, 2);
        ck_assert_uint_eq(receive_answer(other, &code), 2);

        ck_assert_uint_lt(resident(), before + (16 << 20));
        close(fd);
        close(other);
        expect_idle();
    }
    free(text);
}
END_TEST

START_TEST(silent_clients_are_many_cheap_and_not_kept)
{
    enum { CLIENTS = 5000, COST_MAX = 4096 };
    const struct rlimit limit = { 2 * CLIENTS + 200, 2 * CLIENTS + 200 };
    int *fds = malloc(CLIENTS * sizeof *fds), code;
    struct rlimit before;
    getrlimit(RLIMIT_NOFILE, &before);
    if (before.rlim_cur < limit.rlim_cur && setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        free(fds);
        return;                             /* this machine has no room for so many */
    }
    gates.idle_ms = 60000;
    size_t start = resident();
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = connect_client();
        if (i % 2 == 0)                     /* the others do not even greet */
            greet(fds[i], GREETING_ANY_LOOP);
    }
    size_t cost = (resident() - start) / CLIENTS;
    send_api_versions(fds[0], 1);
    ck_assert_uint_eq(receive_answer(fds[0], &code), 1);
    ck_assert_uint_lt(cost, COST_MAX);
    for (int i = 0; i < CLIENTS; i++)
        close(fds[i]);
    free(fds);
}
END_TEST

START_TEST(who_says_nothing_for_too_long_is_hung_up_on)
{
    uint8_t half[FRAME_PREFIX] = { 0 };
    gates.idle_ms = 50;
    int silent = connect_client(), greeted = connect_client(), stuck = connect_client();
    greet(greeted, 0);
    greet(stuck, 1);

    frame_prefix(half, 100, 1000);
    send_bytes(stuck, half, sizeof half);

    expect_closed(silent);
    expect_closed(greeted);
    expect_closed(stuck);
    expect_idle();
    ck_assert_int_eq(atomic_load(&gates.items[0].load) + atomic_load(&gates.items[1].load), 0);
}
END_TEST

/* Connections that say that much comes, and send `size` of it. */
static void dribble(int *fds, int count, size_t announced, size_t size)
{
    static uint8_t bytes[FRAME_MAX];

    make_heavy_request(bytes, announced);
    for (int i = 0; i < count; i++) {
        fds[i] = connect_client();
        greet(fds[i], (uint16_t)(i % 2));
        send_bytes(fds[i], bytes, size);
    }
}

START_TEST(who_announces_much_and_sends_little_holds_little)
{
    enum { CLIENTS = 200, SIZE = FRAME_MAX, SENT = 200 };
    int code, fds[CLIENTS], other = connect_client();
    budget_init(&gates.budget, SIZE);
    greet(other, 0);
    dribble(fds, CLIENTS, SIZE, SENT);

    for (uint64_t i = 1; i < 50; i++) {
        send_api_versions(other, i);
        ck_assert_uint_eq(receive_answer(other, &code), i);
    }
    ck_assert_int_le(atomic_load(&gates.budget.used), CLIENTS * SENT + 16384);
    for (int i = 0; i < CLIENTS; i++)
        close(fds[i]);
    close(other);
    expect_idle();
}
END_TEST

/* They fill the budget and stop: one of them is to go first, and is not waited for long. */
START_TEST(who_stops_within_what_it_sends_does_not_stop_the_others)
{
    enum { CLIENTS = 12, SIZE = FRAME_MAX, SENT = FRAME_MAX / 2, LIMIT = 8 * SENT };
    int code, fds[CLIENTS], other = connect_client();
    budget_init(&gates.budget, LIMIT);
    gates.slow_ms = 3600 * 1000;
    greet(other, 0);
    dribble(fds, CLIENTS, SIZE, SENT);
    WAIT_UNTIL(budget_exceeded(&gates.budget));

    for (uint64_t i = 1; i < 50; i++) {
        send_api_versions(other, i);
        ck_assert_uint_eq(receive_answer(other, &code), i);
    }
    ck_assert_int_le(atomic_load(&gates.budget.used), LIMIT + 4 * SENT);
    for (int i = 0; i < CLIENTS; i++)
        close(fds[i]);
    close(other);
    expect_idle();
}
END_TEST

START_TEST(what_a_dribbler_announced_is_given_back)
{
    static uint8_t half[FRAME_MAX / 4];
    gates.idle_ms = 0;
    gates.slow_ms = 50;
    int code, dribbler = connect_client(), other = connect_client();
    greet(dribbler, 0);
    greet(other, 1);

    frame_prefix(half, 100, FRAME_MAX);
    send_bytes(dribbler, half, sizeof half);
    expect_closed(dribbler);

    expect_idle();
    send_api_versions(other, 5);
    ck_assert_uint_eq(receive_answer(other, &code), 5);
    close(other);
}
END_TEST

Suite *hostile_suite(void);

Suite *hostile_suite(void)
{
    Suite *suite = suite_create("server/hostile");
    TCase *tests = tcase_create("hostile");

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, gates_setup, gates_teardown);
    tcase_add_test(tests, many_slow_senders_share_the_budget);
    tcase_add_test(tests, who_announces_much_and_sends_little_holds_little);
    tcase_add_test(tests, who_stops_within_what_it_sends_does_not_stop_the_others);
    tcase_add_test(tests, a_reader_that_does_not_read_costs_little);
    tcase_add_test(tests, silent_clients_are_many_cheap_and_not_kept);
    tcase_add_test(tests, who_says_nothing_for_too_long_is_hung_up_on);
    tcase_add_test(tests, what_a_dribbler_announced_is_given_back);
    suite_add_tcase(suite, tests);
    return suite;
}
