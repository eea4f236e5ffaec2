/* Consumers whose fetches name only what changed. */
#include <stdlib.h>
#include <string.h>

#include "client/broker.h"
#include "client/fetcher_private.h"
#include "client/task.h"
#include "common/clock.h"
#include "common/error.h"
#include "proto/head.h"
#include "tests/client/helpers.h"
#include "tests/lib/wait.h"

enum { PARTITIONS = 4, MANY_TOPICS = 8, MANY = 1000, FETCHES = 10 };

static struct fake *fake;
static klient_consumer_t *consumer;

static void setup(void)
{
    fake = fake_new(2);
    fake_add_topic(fake, "t", PARTITIONS);
    consumer = NULL;
}

static void teardown(void)
{
    klient_consumer_close(consumer, PATIENCE_MS, NULL);
    fake_free(fake);
}

static struct fake_faults *faults(void)
{
    return fake_faults(fake);
}

static int fetches(void)
{
    return fake_requests(fake, KAIRN__REQUEST_HEAD__BODY_FETCH);
}

/* Nothing is under way that would not come again: so many more fetches have been sent. */
static void let_fetch(int count)
{
    int before = fetches();

    WAIT_UNTIL(fetches() >= before + count);
}

static void assign(int count)
{
    klient_topic_partition_t partitions[PARTITIONS];

    for (int i = 0; i < count; i++)
        partitions[i] = (klient_topic_partition_t){ "t", i };
    ck_assert_int_eq(klient_consumer_assign(consumer, partitions, (size_t)count, NULL), KLIENT_OK);
}

static void open_consumer(void)
{
    consumer = consumer_with(config_for(fake, "auto.offset.reset", "earliest", "fetch.max.wait.ms",
                                        "20", "request.timeout.ms", "1000", NULL));
}

/* A consumer of all partitions that has read what there is of the first: its session is begun. */
static void begin(void)
{
    open_consumer();
    assign(PARTITIONS);
    for (int i = 0; i < 2; i++) {       /* what goes out first may not know the broker yet */
        fill(fake, "t", 0, 10);
        expect_numbers(consumer, 0, 10);
    }
    WAIT_UNTIL(atomic_load(&faults()->sessions_begun) > 0);
    let_fetch(3);
}

static void goes_on(void)
{
    for (int i = 0; i < PARTITIONS; i++) {
        fill(fake, "t", i, 25);
        expect_numbers(consumer, 0, 25);
    }
}

START_TEST(a_quiet_partition_is_named_once)
{
    begin();
    int rows = atomic_load(&faults()->fetch_rows);

    let_fetch(FETCHES);

    ck_assert_int_eq(atomic_load(&faults()->fetch_rows), rows);
    goes_on();
    ck_assert_int_eq(atomic_load(&faults()->sessions_begun), 2);    /* one of each broker */
}
END_TEST

static klient_code_t poll_nothing(int64_t timeout_ms)
{
    klient_records_t *records = NULL;
    klient_code_t code = klient_consumer_poll(consumer, timeout_ms, &records, NULL);

    ck_assert_ptr_null(records);
    return code;
}

/* As one does that stops. */
START_TEST(a_broker_that_does_not_wait_is_not_asked_in_a_whirl)
{
    begin();
    atomic_store(&faults()->hasty, 1);
    let_fetch(4);
    int64_t from_ms = clock_mono_ms(&clock_system);

    let_fetch(2 * FETCHES);             /* of two brokers */

    ck_assert_int_ge(clock_mono_ms(&clock_system) - from_ms, 5 * FETCHES);
    atomic_store(&faults()->hasty, 0);
    goes_on();
}
END_TEST

/* --- figures ---------------------------------------------------------------------------------- */

static size_t count_answer(void *context, int body, uint8_t *bytes, size_t size)
{
    (void)bytes;
    if (body == KAIRN__RESPONSE_HEAD__BODY_FETCH)
        atomic_fetch_add((atomic_int *)context, (int)size);
    return size;
}

/* Of request and answer, while a thousand partitions have nothing. */
static int bytes_of_a_fetch(void)
{
    static klient_topic_partition_t partitions[MANY];
    static char names[MANY_TOPICS][8];
    atomic_int answered = 0;

    fake_remove_topic(fake, "t");
    for (int i = 0; i < MANY; i++) {
        char *name = names[i % MANY_TOPICS];
        snprintf(name, sizeof names[0], "t%d", i % MANY_TOPICS);
        if (i < MANY_TOPICS)
            fake_add_topic(fake, name, MANY / MANY_TOPICS);
        partitions[i] = (klient_topic_partition_t){ name, i / MANY_TOPICS };
    }
    fake_set_mangler(fake, count_answer, &answered);
    consumer = consumer_with(config_for(fake, "auto.offset.reset", "earliest", "fetch.max.wait.ms",
                                        "20", NULL));
    ck_assert_int_eq(klient_consumer_assign(consumer, partitions, MANY, NULL), KLIENT_OK);
    while (atomic_load(&faults()->fetch_rows) < MANY)
        poll_nothing(1);                /* takes up where they begin */
    let_fetch(20);                      /* by then their marks have been told */
    int before = fetches(), bytes = atomic_load(&faults()->fetch_bytes) + atomic_load(&answered);

    let_fetch(FETCHES);
    bytes = atomic_load(&faults()->fetch_bytes) + atomic_load(&answered) - bytes;
    return bytes / (fetches() - before);
}

START_TEST(a_thousand_quiet_partitions_cost_less_than_a_hundred_bytes_a_fetch)
{
    ck_assert_int_lt(bytes_of_a_fetch(), 100);
}
END_TEST

/* In each of up to 16 that wait side by side. */
START_TEST(without_sessions_they_cost_thousands)
{
    atomic_store(&faults()->version_body, KAIRN__REQUEST_HEAD__BODY_FETCH);

    ck_assert_int_gt(bytes_of_a_fetch(), 3000);

    ck_assert_int_eq(atomic_load(&faults()->sessions_begun), 0);
}
END_TEST

/* --- not now ---------------------------------------------------------------------------------- */

START_TEST(what_is_paused_is_not_asked_for_until_it_is_resumed)
{
    begin();
    ck_assert_int_eq(klient_consumer_pause(consumer, "t", 0, NULL), KLIENT_OK);
    let_fetch(3);
    fill(fake, "t", 0, 10);
    let_fetch(3);
    int rows = atomic_load(&faults()->fetch_rows);
    poll_nothing(0);

    ck_assert_int_eq(klient_consumer_resume(consumer, "t", 0, NULL), KLIENT_OK);
    expect_numbers(consumer, 0, 10);

    WAIT_UNTIL(atomic_load(&faults()->fetch_rows) > rows);
    goes_on();
}
END_TEST

START_TEST(pausing_and_resuming_loses_and_repeats_nothing)
{
    begin();

    for (int i = 0; i < 100; i++) {
        fill(fake, "t", 0, 3);
        ck_assert_int_eq(klient_consumer_pause(consumer, "t", 0, NULL), KLIENT_OK);
        if (i % 3 == 0)
            poll_nothing(1);
        ck_assert_int_eq(klient_consumer_resume(consumer, "t", 0, NULL), KLIENT_OK);
        expect_numbers(consumer, 0, 3);
    }
    ck_assert_int_eq(atomic_load(&faults()->sessions_begun), 2);
}
END_TEST

START_TEST(a_seek_asks_anew)
{
    fill(fake, "t", 1, 30);
    open_consumer();
    assign(PARTITIONS);
    expect_numbers(consumer, 0, 30);

    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(klient_consumer_seek(consumer, "t", 1, 5, NULL), KLIENT_OK);
        expect_numbers(consumer, 5, 25);
    }
    goes_on();
}
END_TEST

START_TEST(the_end_is_told_again_after_a_seek_to_it)
{
    consumer = consumer_with(config_for(fake, "auto.offset.reset", "earliest", "fetch.max.wait.ms",
                                        "20", "enable.partition.eof", "true", NULL));
    fill(fake, "t", 0, 10);
    assign(1);
    expect_numbers(consumer, 0, 10);

    for (int i = 0; i < 3; i++) {
        klient_records_t *records = NULL;
        klient_error_t *error = NULL;
        ck_assert_int_eq(poll_something(consumer, &records, &error), KLIENT_END_OF_PARTITION);
        klient_error_free(error);
        ck_assert_int_eq(klient_consumer_seek(consumer, "t", 0, 10, NULL), KLIENT_OK);
    }
}
END_TEST

START_TEST(what_is_not_assigned_any_more_is_forgotten)
{
    begin();
    assign(1);
    let_fetch(3);
    int rows = atomic_load(&faults()->fetch_rows);
    for (int i = 1; i < PARTITIONS; i++)
        fill(fake, "t", i, 10);

    let_fetch(FETCHES);

    ck_assert_int_eq(atomic_load(&faults()->fetch_rows), rows);
    assign(2);
    expect_numbers(consumer, 0, 10);
}
END_TEST

/* --- sessions that end ------------------------------------------------------------------------ */

static const int losses[] = { K_FETCH_SESSION_ID_NOT_FOUND, K_INVALID_FETCH_SESSION_EPOCH };

START_TEST(a_session_that_is_refused_begins_anew)
{
    begin();
    int begun = atomic_load(&faults()->sessions_begun);

    atomic_store(&faults()->session_refuse_code, losses[_i]);
    atomic_store(&faults()->session_refuse_count, 1);
    WAIT_UNTIL(atomic_load(&faults()->sessions_begun) > begun);

    goes_on();
    ck_assert_int_eq(poll_nothing(0), KLIENT_OK);
}
END_TEST

START_TEST(sessions_that_are_refused_all_the_time_are_begun_with_pauses)
{
    begin();
    int begun = atomic_load(&faults()->sessions_begun);

    atomic_store(&faults()->session_refuse_code, losses[_i]);
    atomic_store(&faults()->session_refuse_count, 20);
    WAIT_UNTIL(atomic_load(&faults()->session_refuse_count) <= 0);

    ck_assert_int_ge(atomic_load(&faults()->sessions_begun), begun + 10);
    goes_on();
}
END_TEST

START_TEST(a_session_ends_with_its_connection)
{
    begin();
    int begun = atomic_load(&faults()->sessions_begun);

    fake_disconnect(fake);
    WAIT_UNTIL(atomic_load(&faults()->sessions_begun) > begun);

    goes_on();
}
END_TEST

/* --- numbers that come round ------------------------------------------------------------------ */

struct glance {
    size_t under_way, ready;            /* questions and requests; links */
    uint64_t ids;                       /* of sessions; 0: there is none */
};

static void glance(void *context)
{
    struct glance *seen = context;

    *seen = (struct glance){ 0 };
    LIST_EACH(&consumer->fetcher->lanes, node) {
        const struct lane *lane = LIST_OWNER(node, struct lane, node);
        seen->under_way += lane->sessions.open + lane->sessions.in_flight;
        seen->ready += link_ready(lane->link);
        seen->ids |= lane->sessions.id;
    }
}

static struct glance look(void)
{
    struct glance seen;

    task_call(consumer->klient, glance, &seen);
    return seen;
}

static void number_lanes(void *context)
{
    LIST_EACH(&consumer->fetcher->lanes, node)
        LIST_OWNER(node, struct lane, node)->sessions.epoch = *(const uint32_t *)context;
}

static void set_paused(bool paused)
{
    for (int i = 0; i < PARTITIONS; i++)
        ck_assert_int_eq(paused ? klient_consumer_pause(consumer, "t", i, NULL)
                                : klient_consumer_resume(consumer, "t", i, NULL), KLIENT_OK);
}

/* Sessions that are begun, with nothing under way: so many requests are behind them. */
static void begin_and_rest(uint32_t last)
{
    begin();
    set_paused(true);
    WAIT_UNTIL(look().under_way == 0);
    task_call(consumer->klient, number_lanes, &last);
    fake_number_sessions(fake, last);
}

START_TEST(a_session_outlives_the_numbers_of_its_requests)
{
    begin_and_rest(UINT32_MAX - 1);
    int begun = atomic_load(&faults()->sessions_begun);

    set_paused(false);
    let_fetch(FETCHES);

    goes_on();
    ck_assert_int_eq(atomic_load(&faults()->sessions_begun), begun);
}
END_TEST

static void look_for_service(void *context)
{
    (void)context;
    LIST_EACH(&consumer->fetcher->lanes, node)
        fetch_session_serves(consumer->fetcher, LIST_OWNER(node, struct lane, node));
}

START_TEST(a_session_whose_numbers_came_round_ends_with_its_connection)
{
    begin_and_rest(0);
    ck_assert(look().ids != 0);
    fake_go_away(fake);
    WAIT_UNTIL(look().ready == 0);

    task_call(consumer->klient, look_for_service, NULL);

    ck_assert(look().ids == 0);
    fake_come_back(fake);
    set_paused(false);
    goes_on();
}
END_TEST

/* --- answers that are lost, leaders that move ------------------------------------------------- */

START_TEST(what_an_answer_that_is_lost_had_is_asked_for_anew)
{
    begin();
    int begun = atomic_load(&faults()->sessions_begun);
    atomic_store(&faults()->lose_fetches, 4);

    goes_on();

    ck_assert_int_le(atomic_load(&faults()->lose_fetches), 0);
    ck_assert_int_gt(atomic_load(&faults()->sessions_begun), begun);
}
END_TEST

START_TEST(a_leader_that_moves_takes_its_partitions_along)
{
    begin();

    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < PARTITIONS; i++)
            fake_set_leader(fake, "t", i, round % 2);
        goes_on();
    }
}
END_TEST

START_TEST(a_broker_that_gives_no_session_is_asked_as_before)
{
    atomic_store(&faults()->no_sessions, 1);
    open_consumer();
    assign(PARTITIONS);

    for (int i = 0; i < 3; i++)
        goes_on();
    ck_assert_int_eq(atomic_load(&faults()->sessions_begun), 0);
}
END_TEST

START_TEST(a_broker_of_before_sessions_is_asked_as_before)
{
    atomic_store(&faults()->version_body, KAIRN__REQUEST_HEAD__BODY_FETCH);
    open_consumer();
    assign(PARTITIONS);

    for (int i = 0; i < 3; i++)
        goes_on();
    ck_assert_int_eq(atomic_load(&faults()->sessions_begun), 0);
}
END_TEST

Suite *fetch_session_suite(void)
{
    Suite *suite = suite_create("client/fetch_session");
    TCase *tcase = tcase_create("sessions");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_quiet_partition_is_named_once);
    tcase_add_test(tcase, a_broker_that_does_not_wait_is_not_asked_in_a_whirl);
    tcase_add_test(tcase, a_thousand_quiet_partitions_cost_less_than_a_hundred_bytes_a_fetch);
    tcase_add_test(tcase, without_sessions_they_cost_thousands);
    tcase_add_test(tcase, what_is_paused_is_not_asked_for_until_it_is_resumed);
    tcase_add_test(tcase, pausing_and_resuming_loses_and_repeats_nothing);
    tcase_add_test(tcase, a_seek_asks_anew);
    tcase_add_test(tcase, the_end_is_told_again_after_a_seek_to_it);
    tcase_add_test(tcase, what_is_not_assigned_any_more_is_forgotten);
    tcase_add_loop_test(tcase, a_session_that_is_refused_begins_anew, 0, 2);
    tcase_add_loop_test(tcase, sessions_that_are_refused_all_the_time_are_begun_with_pauses, 0, 2);
    tcase_add_test(tcase, a_session_ends_with_its_connection);
    tcase_add_test(tcase, a_session_outlives_the_numbers_of_its_requests);
    tcase_add_test(tcase, a_session_whose_numbers_came_round_ends_with_its_connection);
    tcase_add_test(tcase, what_an_answer_that_is_lost_had_is_asked_for_anew);
    tcase_add_test(tcase, a_leader_that_moves_takes_its_partitions_along);
    tcase_add_test(tcase, a_broker_that_gives_no_session_is_asked_as_before);
    tcase_add_test(tcase, a_broker_of_before_sessions_is_asked_as_before);
    suite_add_tcase(suite, tcase);
    return suite;
}
