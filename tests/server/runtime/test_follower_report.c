#include "server/runtime/follower_report.h"

#include "common/error.h"
#include "tests/server/runtime/suites.h"

enum { US = 1, FOLLOWER = 2, EPOCH = 3, LAG_MAX_MS = 10000, BEGIN_MS = 1000 };

static struct replica replica;
static struct partition_state state;
static struct uuid incarnation;
static struct replica_effects effects;
static int64_t now_ms;

static void step(struct replica_event event)
{
    event.now_ms = now_ms;
    replica_step(&replica, &event, &effects);
}

static void append(int64_t end)
{
    step((struct replica_event){ .type = REPLICA_APPENDED,
                                 .appended = { .end = end, .last_epoch = EPOCH } });
}

static void fetch(int64_t offset, int64_t flushed)
{
    step((struct replica_event){ .type = REPLICA_FETCH,
                                 .fetch = { .follower = FOLLOWER, .incarnation = incarnation,
                                            .leader_epoch = EPOCH, .offset = offset,
                                            .flushed = flushed, .last_epoch = EPOCH,
                                            .our_epoch = EPOCH, .our_end = replica.end } });
}

static void configure(bool flush_on_ack)
{
    step((struct replica_event){ .type = REPLICA_CONFIGURED,
                                 .configured = { flush_on_ack, LAG_MAX_MS } });
}

/* Ten records, all committed, since only we are in sync. */
static void setup(void)
{
    now_ms = BEGIN_MS;
    incarnation = uuid_random();
    replica_init(&replica, US);
    configure(false);
    step((struct replica_event){ .type = REPLICA_OPENED, .opened = { .last_epoch = -1 } });
    state = (struct partition_state){ .leader = US, .leader_epoch = EPOCH, .version = 1,
                                      .unclean_epoch = -1, .min_insync = 1,
                                      .replicas = { 2, { US, FOLLOWER } }, .isr = { 1, { US } } };
    step((struct replica_event){ .type = REPLICA_ASSIGNED, .assigned = &state });
    append(10);
    ck_assert_int_eq(replica.high_watermark, 10);
}

static void teardown(void)
{
    replica_fini(&replica);
}

static struct follower_report report(struct follower_facts facts)
{
    struct follower_report out;

    facts.now_ms = now_ms;
    follower_report_of(&replica, &replica.progress[0], &facts, &out);
    return out;
}

static struct follower_report report_with(enum follower_question question)
{
    return report((struct follower_facts){ .registered = true, .question = question });
}

START_TEST(who_has_not_asked_in_this_epoch_is_silent_and_lacks_everything)
{
    now_ms += 400;

    struct follower_report out = report_with(QUESTION_ANSWERED);

    ck_assert_int_eq(out.broker, FOLLOWER);
    ck_assert_int_eq(out.state, FOLLOWER_SILENT);
    ck_assert_int_eq(out.end, -1);
    ck_assert_int_eq(out.lag, 10);
    ck_assert_int_eq(out.behind_ms, 400);
}
END_TEST

START_TEST(who_asks_for_what_it_lacks_is_behind)
{
    now_ms += 100;
    fetch(4, 4);
    now_ms += 50;

    struct follower_report out = report_with(QUESTION_ANSWERED);

    ck_assert_int_eq(out.state, FOLLOWER_BEHIND);
    ck_assert_int_eq(out.end, 4);
    ck_assert_int_eq(out.lag, 6);
    ck_assert_int_eq(out.behind_ms, 150);
    ck_assert_int_eq(out.silent_ms, 50);
}
END_TEST

START_TEST(who_stops_asking_is_silent_unless_its_question_is_open)
{
    fetch(4, 4);
    now_ms += 3001;

    ck_assert_int_eq(report_with(QUESTION_ANSWERED).state, FOLLOWER_SILENT);
    ck_assert_int_eq(report_with(QUESTION_ANSWERED).silent_ms, 3001);
    ck_assert_int_eq(report_with(QUESTION_OPEN).state, FOLLOWER_BEHIND);
    ck_assert_int_eq(report_with(QUESTION_HELD).state, FOLLOWER_THROTTLED);
}
END_TEST

START_TEST(a_broker_that_is_away_or_without_its_copy_explains_it_all)
{
    fetch(4, 4);

    ck_assert_int_eq(report((struct follower_facts){ .registered = false, .lost = true }).state,
                     FOLLOWER_GONE);
    ck_assert_int_eq(report((struct follower_facts){ .registered = true, .lost = true }).state,
                     FOLLOWER_LOST);
}
END_TEST

START_TEST(who_has_everything_joins_unless_the_controller_refuses)
{
    fetch(10, 10);
    ck_assert_int_eq(report_with(QUESTION_OPEN).state, FOLLOWER_JOINING);
    ck_assert_int_eq(report_with(QUESTION_OPEN).behind_ms, 0);

    step((struct replica_event){ .type = REPLICA_ISR_ANSWERED,
                                 .isr_answered = { replica.propose_round,
                                                   K_INELIGIBLE_REPLICA } });
    ck_assert_int_eq(report_with(QUESTION_OPEN).state, FOLLOWER_REFUSED);

    now_ms += 5000;
    ck_assert_int_eq(report_with(QUESTION_OPEN).state, FOLLOWER_JOINING);
}
END_TEST

START_TEST(what_is_not_on_its_disk_holds_a_follower_up_where_that_counts)
{
    configure(true);
    fetch(10, 4);

    ck_assert_int_eq(report_with(QUESTION_OPEN).state, FOLLOWER_FLUSHING);
    now_ms += LAG_MAX_MS + 1;               /* it asks again when its disk has them */
    ck_assert_int_eq(report_with(QUESTION_ANSWERED).state, FOLLOWER_FLUSHING);
}
END_TEST

START_TEST(who_is_in_sync_leaves_when_it_lacked_records_for_too_long)
{
    fetch(10, 10);
    state.version++;
    state.isr = state.replicas;
    step((struct replica_event){ .type = REPLICA_ASSIGNED, .assigned = &state });
    append(20);
    now_ms += LAG_MAX_MS;
    step((struct replica_event){ .type = REPLICA_TICK });

    struct follower_report out = report_with(QUESTION_ANSWERED);
    ck_assert_int_eq(out.state, FOLLOWER_IN_SYNC);
    ck_assert_int_eq(out.lag, 10);
    ck_assert_int_eq(out.behind_ms, LAG_MAX_MS);

    now_ms++;
    step((struct replica_event){ .type = REPLICA_TICK });
    ck_assert_int_eq(report_with(QUESTION_ANSWERED).state, FOLLOWER_LEAVING);
}
END_TEST

Suite *follower_report_suite(void)
{
    Suite *suite = suite_create("server/runtime/follower_report");
    TCase *tests = tcase_create("follower_report");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, who_has_not_asked_in_this_epoch_is_silent_and_lacks_everything);
    tcase_add_test(tests, who_asks_for_what_it_lacks_is_behind);
    tcase_add_test(tests, who_stops_asking_is_silent_unless_its_question_is_open);
    tcase_add_test(tests, a_broker_that_is_away_or_without_its_copy_explains_it_all);
    tcase_add_test(tests, who_has_everything_joins_unless_the_controller_refuses);
    tcase_add_test(tests, what_is_not_on_its_disk_holds_a_follower_up_where_that_counts);
    tcase_add_test(tests, who_is_in_sync_leaves_when_it_lacked_records_for_too_long);
    suite_add_tcase(suite, tests);
    return suite;
}
