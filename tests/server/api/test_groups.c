/* Members of a group and their coordinator: join, sync, heartbeat, leave; what a coordinator's
 * successor knows; who may not be answered. */
#include <check.h>
#include <string.h>

#include "common/error.h"
#include "common/metric.h"
#include "net/loop.h"
#include "proto/head.h"
#include "server/call.h"
#include "tests/lib/wait.h"
#include "tests/server/lib/group_member.h"

Suite *groups_suite(void);

static struct plane plane;
static struct plane_topic topic;
static struct group_member a, b;

static void setup(void)
{
    plane_init(&plane, 2);
    topic = (struct plane_topic){ .name = "__consumer_offsets", .id = uuid_random(),
                                  .partitions = 4, .leader = PLANE_BROKER, .leader_epoch = 5,
                                  .config_name = "cleanup.policy", .config_value = "compact" };
    plane_publish(&plane, &topic);
    member_init(&a, &plane, 0, "readers");
    member_init(&b, &plane, 1, "readers");
}

static void teardown(void)
{
    plane_fini(&plane);
}

static void lead_in(int32_t leader, int32_t epoch)
{
    topic.leader = leader;
    topic.leader_epoch = epoch;
    plane_publish(&plane, &topic);
}

/* A group of one, with an assignment; once the coordinator has loaded its partition. */
static void form(struct group_member *member)
{
    int code;

    WAIT_UNTIL((code = member_join(member)) != K_COORDINATOR_LOAD_IN_PROGRESS);
    ck_assert_int_eq(code, 0);
    ck_assert_int_eq(member_sync(member), 0);
}

START_TEST(a_member_joins_under_the_id_that_it_is_told_and_gets_what_its_leader_assigns)
{
    form(&a);

    ck_assert_int_eq(strncmp(a.id, "tester-", 7), 0);
    ck_assert(a.leads);
    ck_assert_int_eq(a.generation, 1);
    ck_assert_uint_eq(a.member_count, 1);
    ck_assert_str_eq(a.assignment, "its-0");
    ck_assert_int_eq(member_beat(&a), 0);
    ck_assert_int_ge(metric_value(plane.metrics, METRIC_REBALANCES), 1);
}
END_TEST

START_TEST(news_of_a_rebalance_end_the_wait_of_a_heartbeat)
{
    form(&a);
    struct asked *beat = member_beat_start(&a, 3000);
    ck_assert(!asked_is_finished(beat));

    ck_assert_int_eq(member_joined(&b, member_join_start(&b)), K_MEMBER_ID_REQUIRED);
    struct asked *joining = member_join_start(&b);

    asked_wait(beat);
    ck_assert_int_eq(head_error_code(beat->head->error), K_REBALANCE_IN_PROGRESS);
    asked_free(beat);
    ck_assert(!asked_is_finished(joining));
    ck_assert_int_eq(member_join(&a), 0);
    ck_assert_int_eq(member_joined(&b, joining), 0);
    ck_assert_int_eq(a.generation, 2);
    ck_assert_int_eq(b.generation, 2);
    ck_assert_uint_eq(a.member_count + b.member_count, 2);      /* the leader alone hears of all */
    struct asked *syncing = member_sync_start(a.leads ? &b : &a);
    ck_assert(!asked_is_finished(syncing));
    ck_assert_int_eq(member_sync(a.leads ? &a : &b), 0);
    ck_assert_int_eq(member_synced(a.leads ? &b : &a, syncing), 0);
    ck_assert_str_ne(a.assignment, b.assignment);
}
END_TEST

START_TEST(who_leaves_makes_room)
{
    form(&a);

    ck_assert_int_eq(member_leave(&a), 0);

    ck_assert_int_eq(member_beat(&a), K_UNKNOWN_MEMBER_ID);
    ck_assert_int_eq(member_leave(&a), K_UNKNOWN_MEMBER_ID);
    form(&b);
    ck_assert_uint_eq(b.member_count, 1);
}
END_TEST

START_TEST(a_member_of_a_former_generation_takes_no_part)
{
    form(&a);
    a.generation--;

    ck_assert_int_eq(member_beat(&a), K_ILLEGAL_GENERATION);
    ck_assert_int_eq(member_sync(&a), K_ILLEGAL_GENERATION);
}
END_TEST

START_TEST(who_falls_silent_is_gone)
{
    a.session_ms = 600;
    form(&a);

    form(&b);

    ck_assert_uint_eq(b.member_count, 1);
    ck_assert_int_eq(member_beat(&a), K_UNKNOWN_MEMBER_ID);
}
END_TEST

START_TEST(an_instance_that_starts_again_takes_its_place_and_nobody_notices)
{
    a.instance = b.instance = "one";
    form(&a);

    ck_assert_int_eq(member_join(&b), 0);

    ck_assert_int_eq(b.generation, a.generation);
    ck_assert(b.skips);
    ck_assert_int_eq(member_beat(&a), K_FENCED_INSTANCE_ID);
    ck_assert_int_eq(member_beat(&b), 0);
}
END_TEST

START_TEST(an_assignment_that_does_not_fit_into_the_topic_is_refused)
{
    topic.config2_name = "max.message.bytes";
    topic.config2_value = "150";
    plane_publish(&plane, &topic);
    int code;
    WAIT_UNTIL((code = member_join(&a)) != K_COORDINATOR_LOAD_IN_PROGRESS);
    ck_assert_int_eq(code, 0);

    ck_assert_int_eq(member_sync(&a), K_INVALID_COMMIT_OFFSET_SIZE);

    ck_assert_int_eq(member_beat(&a), 0);
}
END_TEST

/* --- coordinators ----------------------------------------------------------------------------- */

START_TEST(after_a_restart_the_group_goes_on_in_its_generation)
{
    form(&a);

    plane_restart(&plane);
    plane_publish(&plane, &topic);

    int code;
    WAIT_UNTIL((code = member_beat(&a)) != K_COORDINATOR_LOAD_IN_PROGRESS);
    ck_assert_int_eq(code, 0);
    a.assignment[0] = '\0';
    ck_assert_int_eq(member_sync(&a), 0);
    ck_assert_str_eq(a.assignment, "its-0");
}
END_TEST

START_TEST(who_does_not_lead_says_who_does)
{
    form(&a);
    struct asked *beat = member_beat_start(&a, 3000);

    lead_in(2, 6);

    asked_wait(beat);
    ck_assert_int_eq(head_error_code(beat->head->error), K_NOT_COORDINATOR);
    ck_assert_int_eq(beat->head->error->leader->broker, 2);
    ck_assert_int_eq(beat->head->error->leader->epoch, 6);
    asked_free(beat);
    ck_assert_int_eq(member_beat(&a), K_NOT_COORDINATOR);
    ck_assert_int_eq(member_join(&b), K_NOT_COORDINATOR);
}
END_TEST

START_TEST(who_leads_again_loads_again)
{
    form(&a);

    lead_in(PLANE_BROKER, 6);

    int code;
    WAIT_UNTIL((code = member_beat(&a)) != K_COORDINATOR_LOAD_IN_PROGRESS);
    ck_assert_int_eq(code, 0);
}
END_TEST

START_TEST(without_its_lease_a_coordinator_confirms_nothing)
{
    form(&a);

    plane.lease_until_ms = 0;

    ck_assert_int_eq(member_beat(&a), K_COORDINATOR_NOT_AVAILABLE);
    ck_assert_int_eq(member_sync(&a), K_COORDINATOR_NOT_AVAILABLE);
    plane.lease_until_ms = INT64_MAX;
    ck_assert_int_eq(member_beat(&a), 0);
}
END_TEST

/* --- waiting ---------------------------------------------------------------------------------- */

static void abandon(void *context)
{
    struct asked *asked = context;

    request_abandon(&asked->request);
}

static void expect_abandoned(struct group_member *member, int loop)
{
    form(member);
    struct group_member late;
    member_init(&late, &plane, loop, "readers");
    ck_assert_int_eq(member_joined(&late, member_join_start(&late)), K_MEMBER_ID_REQUIRED);
    struct asked *joining = member_join_start(&late);
    ck_assert(!asked_is_finished(joining));

    call_on(plane.loops[loop], abandon, joining);

    ck_assert_int_eq(member_joined(&late, joining), K_CLOSED);
    ck_assert_int_eq(member_join(member), 0);
}

START_TEST(who_hangs_up_while_it_waits_is_let_go)
{
    expect_abandoned(&a, _i);
}
END_TEST

START_TEST(nobody_waits_longer_than_it_said)
{
    form(&a);
    ck_assert_int_eq(member_joined(&b, member_join_start(&b)), K_MEMBER_ID_REQUIRED);
    b.timeout_ms = 50;

    ck_assert_int_eq(member_join(&b), K_REQUEST_TIMED_OUT);

    struct asked *beat = member_beat_start(&a, 3000);
    asked_wait(beat);
    ck_assert_int_eq(head_error_code(beat->head->error), K_REBALANCE_IN_PROGRESS);
    asked_free(beat);
}
END_TEST

START_TEST(who_waits_when_the_broker_stops_is_told)
{
    form(&a);
    struct asked *beat = member_beat_start(&a, 3000);
    ck_assert(!asked_is_finished(beat));

    plane_restart(&plane);

    asked_wait(beat);
    ck_assert_int_ne(head_error_code(beat->head->error), 0);
    asked_free(beat);
}
END_TEST

Suite *groups_suite(void)
{
    Suite *suite = suite_create("groups");
    TCase *members = tcase_create("members");
    TCase *coordinators = tcase_create("coordinators");
    TCase *waiting = tcase_create("waiting");

    tcase_add_checked_fixture(members, setup, teardown);
    tcase_add_test(members,
                   a_member_joins_under_the_id_that_it_is_told_and_gets_what_its_leader_assigns);
    tcase_add_test(members, news_of_a_rebalance_end_the_wait_of_a_heartbeat);
    tcase_add_test(members, who_leaves_makes_room);
    tcase_add_test(members, a_member_of_a_former_generation_takes_no_part);
    tcase_add_test(members, who_falls_silent_is_gone);
    tcase_add_test(members, an_instance_that_starts_again_takes_its_place_and_nobody_notices);
    tcase_add_test(members, an_assignment_that_does_not_fit_into_the_topic_is_refused);
    suite_add_tcase(suite, members);
    tcase_add_checked_fixture(coordinators, setup, teardown);
    tcase_add_test(coordinators, after_a_restart_the_group_goes_on_in_its_generation);
    tcase_add_test(coordinators, who_does_not_lead_says_who_does);
    tcase_add_test(coordinators, who_leads_again_loads_again);
    tcase_add_test(coordinators, without_its_lease_a_coordinator_confirms_nothing);
    suite_add_tcase(suite, coordinators);
    tcase_add_checked_fixture(waiting, setup, teardown);
    tcase_add_loop_test(waiting, who_hangs_up_while_it_waits_is_let_go, 0, 2);
    tcase_add_test(waiting, nobody_waits_longer_than_it_said);
    tcase_add_test(waiting, who_waits_when_the_broker_stops_is_told);
    suite_add_tcase(suite, waiting);
    return suite;
}
