/* Members of a group when something is refused, breaks, or makes no sense. */
#include <string.h>

#include "common/error.h"
#include "proto/head.h"
#include "tests/client/members.h"
#include "tests/lib/wait.h"

enum { PARTITIONS = 4 };

static struct fake *fake;
static struct member members[MEMBERS_MAX];

static void setup(void)
{
    fake = fake_new(2);
    fake_add_topic(fake, "t", PARTITIONS);
    memset(members, 0, sizeof members);
}

static void teardown(void)
{
    for (int i = 0; i < MEMBERS_MAX; i++)
        klient_consumer_close(members[i].consumer, PATIENCE_MS, NULL);
    fake_free(fake);
}

/* --- what is not allowed ---------------------------------------------------------------------- */

START_TEST(assigned_by_hand_or_by_the_group_but_not_both)
{
    klient_topic_partition_t one = { "t", 0 };
    const char *topic = "t";

    member_open(&members[0], fake, NULL);
    klient_consumer_t *consumer = members[0].consumer;
    ck_assert_int_eq(klient_consumer_assign(consumer, &one, 1, NULL), KLIENT_OK);
    ck_assert_int_eq(klient_consumer_subscribe(consumer, &topic, 1, NULL, NULL),
                     KLIENT_WRONG_STATE);
    klient_consumer_unassign(consumer, NULL);
    ck_assert_int_eq(klient_consumer_subscribe(consumer, &topic, 1, NULL, NULL), KLIENT_OK);
    ck_assert_int_eq(klient_consumer_assign(consumer, &one, 1, NULL), KLIENT_WRONG_STATE);
    klient_consumer_unsubscribe(consumer, NULL);
    ck_assert_int_eq(klient_consumer_assign(consumer, &one, 1, NULL), KLIENT_OK);
}
END_TEST

START_TEST(a_subscription_needs_a_group_and_topics)
{
    klient_consumer_t *alone = consumer_with(config_for(fake, NULL));
    const char *names[] = { "t", "" };

    ck_assert_int_eq(klient_consumer_subscribe(alone, names, 1, NULL, NULL),
                     KLIENT_INVALID_GROUP_ID);
    ck_assert_int_eq(klient_consumer_unsubscribe(alone, NULL), KLIENT_OK);
    klient_consumer_close(alone, 0, NULL);
    member_open(&members[0], fake, NULL);
    ck_assert_int_eq(klient_consumer_subscribe(members[0].consumer, names, 2, NULL, NULL),
                     KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_consumer_subscribe(members[0].consumer, names, 0, NULL, NULL),
                     KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_consumer_subscribe_pattern(members[0].consumer, NULL, NULL, NULL),
                     KLIENT_INVALID_ARGUMENT);
}
END_TEST

static int refused_calls;

static void call_everything(struct member *member)
{
    klient_consumer_t *consumer = member->consumer;
    klient_records_t *records;
    const char *topic = "t";

    ck_assert_int_eq(klient_consumer_poll(consumer, 0, &records, NULL), KLIENT_IN_CALLBACK);
    ck_assert_int_eq(klient_consumer_close(consumer, 0, NULL), KLIENT_IN_CALLBACK);
    ck_assert_int_eq(klient_consumer_unsubscribe(consumer, NULL), KLIENT_IN_CALLBACK);
    ck_assert_int_eq(klient_consumer_unassign(consumer, NULL), KLIENT_IN_CALLBACK);
    ck_assert_int_eq(klient_consumer_subscribe(consumer, &topic, 1, NULL, NULL),
                     KLIENT_IN_CALLBACK);
    refused_calls = 5;
}

START_TEST(calls_that_would_come_back_are_refused_in_a_callback)
{
    members_form(members, 1, fake, "cooperative-sticky", PARTITIONS);
    members[0].revoking = call_everything;

    klient_consumer_unsubscribe(members[0].consumer, NULL);

    ck_assert_int_eq(refused_calls, 5);
}
END_TEST

START_TEST(what_the_group_refuses_is_told_by_poll)
{
    atomic_store(&fake_faults(fake)->group_size_max, 1);
    members_form(members, 1, fake, "cooperative-sticky", PARTITIONS);
    member_open(&members[1], fake, NULL);
    member_subscribe(&members[1], "t");
    POLL_UNTIL(members, 2, members[1].code == KLIENT_GROUP_MAX_SIZE_REACHED);

    atomic_store(&fake_faults(fake)->group_size_max, 0);
    POLL_UNTIL(members, 2, member_holds(&members[1]) == 2);
}
END_TEST

START_TEST(no_common_assignor_is_told_by_poll)
{
    members_form(members, 1, fake, "range", PARTITIONS);
    member_open(&members[1], fake, "partition.assignment.strategy", "roundrobin", NULL);
    member_subscribe(&members[1], "t");

    POLL_UNTIL(members, 2, members[1].code == KLIENT_INCONSISTENT_GROUP_PROTOCOL);
}
END_TEST

/* --- coordinators ----------------------------------------------------------------------------- */

START_TEST(a_coordinator_moves_and_the_group_goes_on)
{
    members_form(members, 2, fake, "cooperative-sticky", PARTITIONS);
    POLL_UNTIL(members, 2, member_holds(&members[0]) == 2 && member_holds(&members[1]) == 2);
    int generation = fake_group_generation(fake, "g"), revoked = members[0].revoked;

    fake_set_coordinator(fake, 1);
    int beats = fake_requests(fake, KAIRN__REQUEST_HEAD__BODY_HEARTBEAT);
    POLL_UNTIL(members, 2, fake_requests(fake, KAIRN__REQUEST_HEAD__BODY_HEARTBEAT) > beats + 6);

    ck_assert_int_eq(fake_group_generation(fake, "g"), generation);
    ck_assert_int_eq(members[0].revoked, revoked);
    ck_assert_int_eq(members[0].lost + members[1].lost, 0);
}
END_TEST

START_TEST(coordinators_that_die_at_every_step_are_survived)
{
    static const int bodies[] = { KAIRN__REQUEST_HEAD__BODY_FIND_COORDINATOR,
                                  KAIRN__REQUEST_HEAD__BODY_JOIN_GROUP,
                                  KAIRN__REQUEST_HEAD__BODY_SYNC_GROUP,
                                  KAIRN__REQUEST_HEAD__BODY_HEARTBEAT,
                                  KAIRN__REQUEST_HEAD__BODY_OFFSET_FETCH };
    static const int codes[] = { K_NOT_COORDINATOR, K_COORDINATOR_NOT_AVAILABLE,
                                 K_COORDINATOR_LOAD_IN_PROGRESS };
    struct fake_faults *faults = fake_faults(fake);

    atomic_store(&faults->group_refuse_body, bodies[_i / 3]);
    atomic_store(&faults->group_refuse_code, codes[_i % 3]);
    atomic_store(&faults->group_refuse_count, 3);
    for (int i = 0; i < PARTITIONS; i++)
        fill(fake, "t", i, 10);
    member_open(&members[0], fake, NULL);
    member_subscribe(&members[0], "t");

    POLL_UNTIL(members, 1, members[0].records == 10 * PARTITIONS);
    POLL_UNTIL(members, 1, atomic_load(&faults->group_refuse_count) == 0);
}
END_TEST

START_TEST(connections_that_break_are_survived)
{
    members_form(members, 2, fake, "cooperative-sticky", PARTITIONS);

    for (int i = 0; i < 20; i++) {
        fake_disconnect(fake);
        members_poll(members, 2);
    }
    POLL_UNTIL(members, 2, members_hold(members, 2) == PARTITIONS);
    ck_assert_int_eq(members[0].lost + members[1].lost, 0);
}
END_TEST

START_TEST(a_coordinator_that_says_nothing_ends_the_session)
{
    member_open(&members[0], fake, "session.timeout.ms", "600", "request.timeout.ms", "200", NULL);
    member_subscribe(&members[0], "t");
    POLL_UNTIL(members, 1, member_holds(&members[0]) == PARTITIONS);

    atomic_store(&fake_faults(fake)->mute, 1);
    POLL_UNTIL(members, 1, members[0].lost == PARTITIONS);
    atomic_store(&fake_faults(fake)->mute, 0);
    POLL_UNTIL(members, 1, member_holds(&members[0]) == PARTITIONS);
}
END_TEST

/* The leader forgets its id and returns to its assignment, in which is not what has grown since. */
START_TEST(a_leader_that_comes_back_assigns_what_has_grown_meanwhile)
{
    struct fake_faults *faults = fake_faults(fake);

    member_open(&members[0], fake, "group.instance.id", "one", NULL);
    member_subscribe(&members[0], "t");
    POLL_UNTIL(members, 1, member_holds(&members[0]) == PARTITIONS);
    int generation = fake_group_generation(fake, "g");
    fake_add_partitions(fake, "t", PARTITIONS + 2);
    atomic_store(&faults->group_refuse_body, KAIRN__REQUEST_HEAD__BODY_HEARTBEAT);
    atomic_store(&faults->group_refuse_code, K_UNKNOWN_MEMBER_ID);
    atomic_store(&faults->group_refuse_count, 1);
    POLL_UNTIL(members, 1, members[0].lost == PARTITIONS);

    POLL_UNTIL(members, 1, member_holds(&members[0]) == PARTITIONS + 2);
    ck_assert_int_gt(fake_group_generation(fake, "g"), generation);
}
END_TEST

static int requests(int body)
{
    return fake_requests(fake, body);
}

/* The join claimed it, so nobody else got it; and its answer does not contain it. */
START_TEST(what_is_given_up_while_its_member_joins_finds_an_owner)
{
    members_form(members, 1, fake, "cooperative-sticky", PARTITIONS);
    int syncs = requests(KAIRN__REQUEST_HEAD__BODY_SYNC_GROUP);
    member_open(&members[1], fake, NULL);
    member_subscribe(&members[1], "t");
    WAIT_UNTIL(requests(KAIRN__REQUEST_HEAD__BODY_SYNC_GROUP) == syncs + 2);
    int joins = requests(KAIRN__REQUEST_HEAD__BODY_JOIN_GROUP);
    atomic_store(&fake_faults(fake)->join_delay_ms, 500);
    member_open(&members[2], fake, NULL);
    member_subscribe(&members[2], "t");         /* joins twice: at first it has no id */
    WAIT_UNTIL(requests(KAIRN__REQUEST_HEAD__BODY_JOIN_GROUP) == joins + 4);

    POLL_UNTIL(members, 1, member_holds(&members[0]) == 2);
    ck_assert_int_eq(requests(KAIRN__REQUEST_HEAD__BODY_SYNC_GROUP), syncs + 2);
    atomic_store(&fake_faults(fake)->join_delay_ms, 0);

    POLL_UNTIL(members, 3, members_hold(members, 3) == PARTITIONS);
}
END_TEST

START_TEST(nonsense_from_the_coordinator_is_an_error_and_no_more)
{
    static const struct { int body; klient_code_t code; } rows[] = {
        { KAIRN__REQUEST_HEAD__BODY_FIND_COORDINATOR, KLIENT_MALFORMED },
        { KAIRN__REQUEST_HEAD__BODY_JOIN_GROUP, KLIENT_MALFORMED },
        { KAIRN__REQUEST_HEAD__BODY_SYNC_GROUP, KLIENT_CORRUPT },
        { KAIRN__REQUEST_HEAD__BODY_OFFSET_FETCH, KLIENT_MALFORMED },
    };
    struct fake_faults *faults = fake_faults(fake);

    atomic_store(&faults->group_nonsense_body, rows[_i].body);
    member_open(&members[0], fake, NULL);
    member_subscribe(&members[0], "t");
    POLL_UNTIL(members, 1, members[0].code == rows[_i].code);

    atomic_store(&faults->group_nonsense_body, 0);
    POLL_UNTIL(members, 1, member_holds(&members[0]) == PARTITIONS);
}
END_TEST

START_TEST(a_broker_without_groups_is_told_by_poll)
{
    struct fake_faults *faults = fake_faults(fake);

    atomic_store(&faults->version_lowest, 1);
    atomic_store(&faults->version_highest, 0);
    atomic_store(&faults->version_body, KAIRN__REQUEST_HEAD__BODY_FIND_COORDINATOR);
    member_open(&members[0], fake, NULL);
    member_subscribe(&members[0], "t");

    POLL_UNTIL(members, 1, members[0].code == KLIENT_UNSUPPORTED_VERSION);
}
END_TEST

Suite *group_trouble_suite(void)
{
    Suite *suite = suite_create("client/group_trouble");
    TCase *refusals = tcase_create("refusals");
    TCase *coordinators = tcase_create("coordinators");
    TCase *const cases[] = { refusals, coordinators };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tcase_add_checked_fixture(cases[i], setup, teardown);
        tcase_set_timeout(cases[i], 60);
        suite_add_tcase(suite, cases[i]);
    }
    tcase_add_test(refusals, assigned_by_hand_or_by_the_group_but_not_both);
    tcase_add_test(refusals, a_subscription_needs_a_group_and_topics);
    tcase_add_test(refusals, calls_that_would_come_back_are_refused_in_a_callback);
    tcase_add_test(refusals, what_the_group_refuses_is_told_by_poll);
    tcase_add_test(refusals, no_common_assignor_is_told_by_poll);
    tcase_add_test(coordinators, a_coordinator_moves_and_the_group_goes_on);
    tcase_add_loop_test(coordinators, coordinators_that_die_at_every_step_are_survived, 0, 15);
    tcase_add_test(coordinators, connections_that_break_are_survived);
    tcase_add_test(coordinators, a_coordinator_that_says_nothing_ends_the_session);
    tcase_add_test(coordinators, a_leader_that_comes_back_assigns_what_has_grown_meanwhile);
    tcase_add_test(coordinators, what_is_given_up_while_its_member_joins_finds_an_owner);
    tcase_add_loop_test(coordinators, nonsense_from_the_coordinator_is_an_error_and_no_more, 0, 4);
    tcase_add_test(coordinators, a_broker_without_groups_is_told_by_poll);
    return suite;
}
