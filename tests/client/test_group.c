/* Members of a group against a coordinator that is the broker's own. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/rand.h"
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

START_TEST(one_member_reads_everything)
{
    for (int i = 0; i < PARTITIONS; i++)
        fill(fake, "t", i, 100);
    member_open(&members[0], fake, NULL);
    member_subscribe(&members[0], "t");

    POLL_UNTIL(members, 1, members[0].records == 100 * PARTITIONS);

    ck_assert_int_eq(members[0].assigned, PARTITIONS);
}
END_TEST

START_TEST(members_share_the_partitions)
{
    members_form(members, 2, fake, "cooperative-sticky", PARTITIONS);
    POLL_UNTIL(members, 2, member_holds(&members[0]) == 2 && member_holds(&members[1]) == 2);
    ck_assert_int_eq(members_hold(members, 2), PARTITIONS);
}
END_TEST

START_TEST(all_assignors_share_the_partitions)
{
    static const char *const names[] = { "range", "roundrobin", "sticky",
                                         "range,cooperative-sticky",
                                         "org.apache.kafka.clients.consumer.RangeAssignor" };

    members_form(members, 2, fake, names[_i], PARTITIONS);
    POLL_UNTIL(members, 2, member_holds(&members[0]) == 2 && member_holds(&members[1]) == 2);
    ck_assert_int_eq(members_hold(members, 2), PARTITIONS);
}
END_TEST

START_TEST(who_leaves_hands_over)
{
    members_form(members, 2, fake, "cooperative-sticky", PARTITIONS);
    POLL_UNTIL(members, 2, member_holds(&members[1]) == 2);

    member_close(&members[1]);

    ck_assert_int_eq(fake_group_members(fake, "g"), 1);
    POLL_UNTIL(members, 1, member_holds(&members[0]) == PARTITIONS);
}
END_TEST

START_TEST(who_cooperates_keeps_what_does_not_move)
{
    members_form(members, 1, fake, "cooperative-sticky", PARTITIONS);
    member_open(&members[1], fake, NULL);
    member_subscribe(&members[1], "t");

    POLL_UNTIL(members, 2, member_holds(&members[1]) == 2);

    ck_assert_int_eq(members[0].assigned, PARTITIONS);
    ck_assert_int_eq(members[0].revoked, 2);
    ck_assert_int_eq(members[0].lost, 0);
}
END_TEST

/* Nor does who offers one assignor that does not: what it gave up it must not claim from the other,
 * which would keep it back for ever. */
START_TEST(who_does_not_gives_up_everything_first)
{
    static const char *const strategies[] = { "range", "cooperative-sticky,range" };

    members_form(members, 1, fake, strategies[_i], PARTITIONS);
    member_open(&members[1], fake, "partition.assignment.strategy", strategies[_i], NULL);
    member_subscribe(&members[1], "t");

    POLL_UNTIL(members, 2, member_holds(&members[0]) == 2 && member_holds(&members[1]) == 2);

    ck_assert_int_ge(members[0].revoked, PARTITIONS);
    ck_assert_int_ge(members[0].assigned, PARTITIONS + 2);
}
END_TEST

START_TEST(a_rebalance_does_not_wait_for_who_has_nothing_to_give_up)
{
    members_form(members, 2, fake, "cooperative-sticky", PARTITIONS);
    POLL_UNTIL(members, 2, member_holds(&members[0]) == 2 && member_holds(&members[1]) == 2);
    member_close(&members[1]);
    member_open(&members[1], fake, NULL);
    int generation = fake_group_generation(fake, "g");
    member_subscribe(&members[1], "t");

    /* members[0] does not poll: its background thread joins for it. */
    WAIT_UNTIL(fake_group_generation(fake, "g") > generation &&
               fake_group_members(fake, "g") == 2);
}
END_TEST

START_TEST(a_member_goes_on_where_the_group_has_committed)
{
    fill(fake, "t", 0, 100);
    fake_commit(fake, "g", "t", 0, 60);
    member_open(&members[0], fake, NULL);
    member_subscribe(&members[0], "t");

    POLL_UNTIL(members, 1, members[0].records == 40);
    int64_t position;
    ck_assert_int_eq(klient_consumer_position(members[0].consumer, "t", 0, 0, &position, NULL),
                     KLIENT_OK);
    ck_assert_int_eq(position, 100);
}
END_TEST

static void commit_all(struct member *member)
{
    ck_assert_int_eq(klient_consumer_commit_sync(member->consumer, NULL, 0, PATIENCE_MS, NULL),
                     KLIENT_OK);
}

START_TEST(commits_work_while_partitions_are_revoked)
{
    for (int i = 0; i < PARTITIONS; i++)
        fill(fake, "t", i, 10);
    member_open(&members[0], fake, "enable.auto.commit", "false", NULL);
    members[0].revoking = commit_all;
    member_subscribe(&members[0], "t");
    POLL_UNTIL(members, 1, members[0].records == 10 * PARTITIONS);
    member_open(&members[1], fake, "enable.auto.commit", "false", NULL);
    member_subscribe(&members[1], "t");

    POLL_UNTIL(members, 2, member_holds(&members[1]) == 2);

    for (int i = 0; i < PARTITIONS; i++)
        ck_assert_int_eq(fake_committed(fake, "g", "t", i, NULL), 10);
    for (int i = 0; i < 20; i++)
        members_poll(members, 2);
    ck_assert_int_eq(members[1].records, 0);
}
END_TEST

START_TEST(who_does_not_poll_is_left_behind_and_has_lost_everything)
{
    member_open(&members[0], fake, "max.poll.interval.ms", "300", NULL);
    member_subscribe(&members[0], "t");
    POLL_UNTIL(members, 1, member_holds(&members[0]) == PARTITIONS);

    WAIT_UNTIL(fake_group_members(fake, "g") == 0);
    ck_assert_int_eq(member_holds(&members[0]), PARTITIONS);    /* it has not heard of it */
    POLL_UNTIL(members, 1, members[0].lost == PARTITIONS);
    POLL_UNTIL(members, 1, member_holds(&members[0]) == PARTITIONS);
    ck_assert_int_eq(fake_group_members(fake, "g"), 1);
}
END_TEST

START_TEST(a_listener_without_lost_is_told_that_they_are_revoked)
{
    klient_listener_t listener = member_listener(&members[0]);
    const char *topic = "t";

    member_open(&members[0], fake, "max.poll.interval.ms", "300", NULL);
    listener.lost = NULL;
    klient_consumer_subscribe(members[0].consumer, &topic, 1, &listener, NULL);
    POLL_UNTIL(members, 1, member_holds(&members[0]) == PARTITIONS);

    WAIT_UNTIL(fake_group_members(fake, "g") == 0);
    POLL_UNTIL(members, 1, members[0].revoked == PARTITIONS);
}
END_TEST

START_TEST(a_long_poll_is_no_absence)
{
    member_open(&members[0], fake, "max.poll.interval.ms", "200", NULL);
    member_subscribe(&members[0], "t");
    POLL_UNTIL(members, 1, member_holds(&members[0]) == PARTITIONS);

    member_poll(&members[0], 700);

    ck_assert_int_eq(fake_group_members(fake, "g"), 1);
    ck_assert_int_eq(members[0].lost, 0);
}
END_TEST

START_TEST(new_partitions_are_read_within_two_seconds)
{
    members_form(members, 2, fake, "cooperative-sticky", PARTITIONS);

    fake_add_partitions(fake, "t", 6);
    POLL_UNTIL(members, 2, members_hold(members, 2) == 6);
}
END_TEST

START_TEST(a_topic_that_comes_later_is_read)
{
    member_open(&members[0], fake, NULL);
    member_subscribe(&members[0], "t,later");
    POLL_UNTIL(members, 1, member_holds(&members[0]) == PARTITIONS);

    fake_add_topic(fake, "later", 3);
    POLL_UNTIL(members, 1, member_holds(&members[0]) == PARTITIONS + 3);
}
END_TEST

START_TEST(a_subscription_can_be_changed)
{
    fake_add_topic(fake, "u", 2);
    members_form(members, 1, fake, "cooperative-sticky", PARTITIONS);

    member_subscribe(&members[0], "t,u");
    POLL_UNTIL(members, 1, member_holds(&members[0]) == PARTITIONS + 2);
    ck_assert_int_eq(members[0].revoked, 0);
    ck_assert_uint_eq(klient_consumer_subscription_count(members[0].consumer), 2);
    ck_assert_str_eq(klient_consumer_subscription(members[0].consumer, 1), "u");
    member_subscribe(&members[0], "u");
    POLL_UNTIL(members, 1, member_holds(&members[0]) == 2);
    ck_assert_int_eq(members[0].revoked, PARTITIONS);
}
END_TEST

START_TEST(unsubscribing_leaves_at_once)
{
    members_form(members, 1, fake, "cooperative-sticky", PARTITIONS);

    ck_assert_int_eq(klient_consumer_unsubscribe(members[0].consumer, NULL), KLIENT_OK);

    ck_assert_int_eq(member_holds(&members[0]), 0);
    ck_assert_int_eq(members[0].revoked, PARTITIONS);
    WAIT_UNTIL(fake_group_members(fake, "g") == 0);
    ck_assert_uint_eq(klient_consumer_subscription_count(members[0].consumer), 0);
    member_subscribe(&members[0], "t");
    POLL_UNTIL(members, 1, member_holds(&members[0]) == PARTITIONS);
}
END_TEST

/* --- all at once ------------------------------------------------------------------------------ */

enum { RECORDS = 400 };

static int seen[PARTITIONS][RECORDS];

static void note_seen(const klient_record_t *record)
{
    seen[record->partition][record->offset]++;
}

static bool all_are_seen(void)
{
    for (int p = 0; p < PARTITIONS; p++)
        for (int i = 0; i < RECORDS; i++)
            if (seen[p][i] == 0)
                return false;
    return true;
}

static void come_or_go(struct member *member, const char *strategy)
{
    if (member->consumer != NULL) {
        member_close(member);
        return;
    }
    member_open(member, fake, "partition.assignment.strategy", strategy, "max.poll.records", "7",
                "auto.commit.interval.ms", "10", NULL);
    member->reading = note_seen;
    member_subscribe(member, "t");
}

/* No commit goes back. */
static void check_committed(int64_t *before)
{
    for (int p = 0; p < PARTITIONS; p++) {
        int64_t now = fake_committed(fake, "g", "t", p, NULL);
        ck_assert_int_ge(now, before[p]);
        before[p] = now;
    }
}

START_TEST(every_record_is_read_whoever_comes_or_goes)
{
    const char *strategy = _i % 2 == 0 ? "cooperative-sticky" : "range";
    int64_t committed[PARTITIONS] = { -1, -1, -1, -1 };
    struct rand rand;

    memset(seen, 0, sizeof seen);
    rand_seed(&rand, (uint64_t)_i);
    for (int p = 0; p < PARTITIONS; p++)
        fill(fake, "t", p, RECORDS);
    for (int round = 0; round < 60; round++) {
        come_or_go(&members[rand_below(&rand, 3)], strategy);
        if (rand_below(&rand, 6) == 0)
            fake_set_coordinator(fake, (int)rand_below(&rand, 2));
        if (rand_below(&rand, 8) == 0)
            fake_disconnect(fake);
        for (uint64_t polls = rand_below(&rand, 30); polls > 0; polls--) {
            members_poll(members, 3);
            members_hold(members, 3);       /* none is held by two */
        }
        check_committed(committed);
    }
    for (int i = 0; i < 3; i++)
        if (members[i].consumer == NULL)
            come_or_go(&members[i], strategy);
    POLL_UNTIL(members, 3, all_are_seen() && members_hold(members, 3) == PARTITIONS);
    for (int i = 0; i < 3; i++)
        member_close(&members[i]);
    for (int p = 0; p < PARTITIONS; p++)
        ck_assert_int_eq(fake_committed(fake, "g", "t", p, NULL), RECORDS);
}
END_TEST

/* --- static members --------------------------------------------------------------------------- */

static void open_static(struct member *member, const char *instance)
{
    member_open(member, fake, "group.instance.id", instance, NULL);
    member_subscribe(member, "t");
}

START_TEST(a_static_member_comes_back_and_nobody_notices)
{
    open_static(&members[0], "one");
    open_static(&members[1], "two");
    POLL_UNTIL(members, 2, member_holds(&members[0]) == 2 && member_holds(&members[1]) == 2);
    int generation = fake_group_generation(fake, "g"), calls = members[1].calls;

    member_close(&members[0]);
    ck_assert_int_eq(fake_group_members(fake, "g"), 2);
    open_static(&members[0], "one");
    POLL_UNTIL(members, 2, member_holds(&members[0]) == 2);

    ck_assert_int_eq(fake_group_generation(fake, "g"), generation);
    ck_assert_int_eq(members[1].calls, calls);
    ck_assert_int_eq(members_hold(members, 2), PARTITIONS);
}
END_TEST

/* The leader's next process does not know what there was, and is told what everybody has. */
START_TEST(a_static_leader_that_starts_again_assigns_what_has_grown_meanwhile)
{
    open_static(&members[0], "one");
    open_static(&members[1], "two");
    POLL_UNTIL(members, 2, member_holds(&members[0]) == 2 && member_holds(&members[1]) == 2);
    int generation = fake_group_generation(fake, "g");

    member_close(&members[0]);
    fake_add_partitions(fake, "t", PARTITIONS + 2);
    open_static(&members[0], "one");

    POLL_UNTIL(members, 2, members_hold(members, 2) == PARTITIONS + 2);
    ck_assert_int_gt(fake_group_generation(fake, "g"), generation);
}
END_TEST

START_TEST(a_static_member_can_be_told_to_leave)
{
    member_open(&members[0], fake, "group.instance.id", "one", "group.leave.on.close", "always",
                NULL);
    member_subscribe(&members[0], "t");
    POLL_UNTIL(members, 1, member_holds(&members[0]) == PARTITIONS);

    member_close(&members[0]);

    ck_assert_int_eq(fake_group_members(fake, "g"), 0);
}
END_TEST

START_TEST(two_with_one_instance_id_are_not_both_members)
{
    klient_records_t *records;
    klient_error_t *error = NULL;

    open_static(&members[0], "one");
    POLL_UNTIL(members, 1, member_holds(&members[0]) == PARTITIONS);
    open_static(&members[1], "one");
    POLL_UNTIL(members, 2, members[0].code == KLIENT_FENCED_INSTANCE_ID);

    ck_assert_int_eq(member_holds(&members[0]), 0);
    ck_assert_int_eq(members[0].lost, PARTITIONS);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(klient_consumer_poll(members[0].consumer, 0, &records, &error),
                         KLIENT_FENCED_INSTANCE_ID);
        ck_assert(klient_error_fatal(error));
        klient_error_free(error);
    }
    POLL_UNTIL(&members[1], 1, member_holds(&members[1]) == PARTITIONS);
}
END_TEST

/* --- patterns --------------------------------------------------------------------------------- */

static klient_code_t subscribe_pattern(struct member *member, const char *pattern)
{
    klient_listener_t listener = member_listener(member);

    return klient_consumer_subscribe_pattern(member->consumer, pattern, &listener, NULL);
}

START_TEST(a_pattern_stands_for_all_topics_that_it_matches_whole)
{
    fake_add_topic(fake, "orders-eu", 1);
    fake_add_topic(fake, "orders-us", 2);
    fake_add_topic(fake, "old-orders-us", 2);
    fake_add_topic(fake, "__orders-us", 2);
    member_open(&members[0], fake, NULL);

    ck_assert_int_eq(subscribe_pattern(&members[0], "orders-..|.*__orders.*"), KLIENT_OK);
    POLL_UNTIL(members, 1, member_holds(&members[0]) == 3);

    ck_assert_str_eq(klient_consumer_subscription_pattern(members[0].consumer),
                     "orders-..|.*__orders.*");
    fake_add_topic(fake, "orders-in", 1);
    POLL_UNTIL(members, 1, member_holds(&members[0]) == 4);
    fake_remove_topic(fake, "orders-in");
    POLL_UNTIL(members, 1, member_holds(&members[0]) == 3);
}
END_TEST

START_TEST(a_pattern_that_matches_nothing_waits)
{
    member_open(&members[0], fake, NULL);
    subscribe_pattern(&members[0], "nothing");

    POLL_UNTIL(members, 1, fake_group_members(fake, "g") == 1 && members[0].calls == 1);

    ck_assert_int_eq(member_holds(&members[0]), 0);
    fake_add_topic(fake, "nothing", 1);
    POLL_UNTIL(members, 1, member_holds(&members[0]) == 1);
}
END_TEST

START_TEST(a_pattern_that_does_not_compile_is_refused)
{
    static char nested[60001];
    const char *const bad[] = { "(", "a{2", "[z-a]", "*", "(?<", "(((a{1000}){1000}){1000})",
                                nested };
    member_open(&members[0], fake, NULL);
    memset(nested, '(', sizeof nested - 1);

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        klient_error_t *error = NULL;
        klient_code_t code = klient_consumer_subscribe_pattern(members[0].consumer, bad[i], NULL,
                                                               &error);
        if (i == 1) {               /* a brace alone is a letter, as in Perl */
            ck_assert_int_eq(code, KLIENT_OK);
            continue;
        }
        ck_assert_msg(code == KLIENT_INVALID_REGULAR_EXPRESSION, "%.20s: %d", bad[i], code);
        ck_assert_ptr_nonnull(strstr(klient_error_text(error), "at character"));
        klient_error_free(error);
    }
}
END_TEST

START_TEST(a_pattern_that_explodes_is_told)
{
    fake_add_topic(fake, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 1);
    member_open(&members[0], fake, NULL);
    subscribe_pattern(&members[0], "(a+a+)+[bc]");

    POLL_UNTIL(members, 1, members[0].code == KLIENT_INVALID_REGULAR_EXPRESSION);

    ck_assert_int_eq(subscribe_pattern(&members[0], "t"), KLIENT_OK);
    POLL_UNTIL(members, 1, member_holds(&members[0]) == PARTITIONS);
}
END_TEST

/* --- the others ------------------------------------------------------------------------------- */

START_TEST(the_member_can_be_asked_for)
{
    klient_group_metadata_t metadata = { .size = sizeof metadata };

    open_static(&members[0], "one");
    ck_assert_int_eq(klient_consumer_group_metadata(members[0].consumer, &metadata, NULL),
                     KLIENT_OK);
    ck_assert_int_eq(metadata.generation, -1);
    ck_assert_str_eq(metadata.member, "");
    POLL_UNTIL(members, 1, member_holds(&members[0]) == PARTITIONS);

    klient_consumer_group_metadata(members[0].consumer, &metadata, NULL);
    ck_assert_str_eq(metadata.group, "g");
    ck_assert_str_eq(metadata.instance, "one");
    ck_assert_int_eq(metadata.generation, fake_group_generation(fake, "g"));
    ck_assert_ptr_nonnull(strstr(metadata.member, "member-"));
}
END_TEST

START_TEST(the_descriptor_tells_of_an_assignment)
{
    member_open(&members[0], fake, NULL);
    struct pollfd wait = { .fd = klient_consumer_descriptor(members[0].consumer),
                           .events = POLLIN };
    member_subscribe(&members[0], "t");

    ck_assert_int_eq(poll(&wait, 1, PATIENCE_MS), 1);
    member_poll(&members[0], 0);
    ck_assert_int_eq(member_holds(&members[0]), PARTITIONS);
    POLL_UNTIL(members, 1, poll(&wait, 1, 0) == 0);
    klient_consumer_unsubscribe(members[0].consumer, NULL);
    ck_assert_int_eq(poll(&wait, 1, 0), 0);
}
END_TEST

START_TEST(several_consumers_of_one_handle_are_members_of_their_own)
{
    klient_config_t *config = config_for(fake, "group.id", "g", "heartbeat.interval.ms", "50",
                                         NULL);
    klient_t *klient = klient_new(config, NULL);

    for (int i = 0; i < 3; i++) {
        members[i].consumer = klient_consumer_open(klient, NULL, NULL);
        member_subscribe(&members[i], "t");
    }
    klient_config_free(config);
    klient_free(klient);
    POLL_UNTIL(members, 3, members_hold(members, 3) == PARTITIONS &&
                               member_holds(&members[0]) > 0 && member_holds(&members[1]) > 0 &&
                               member_holds(&members[2]) > 0);
    ck_assert_int_eq(fake_group_members(fake, "g"), 3);
}
END_TEST

START_TEST(closing_in_the_middle_of_anything_is_clean)
{
    for (int i = 0; i < 30; i++) {
        member_open(&members[0], fake, NULL);
        member_subscribe(&members[0], "t");
        for (int j = 0; j < i; j++)
            member_poll(&members[0], 0);
        klient_consumer_close(members[0].consumer, i % 3, NULL);
        members[0].consumer = NULL;
    }
}
END_TEST

Suite *group_suite(void)
{
    Suite *suite = suite_create("client/group");
    TCase *sharing = tcase_create("sharing");
    TCase *topics = tcase_create("topics");
    TCase *const cases[] = { sharing, topics };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tcase_add_checked_fixture(cases[i], setup, teardown);
        tcase_set_timeout(cases[i], 60);
        suite_add_tcase(suite, cases[i]);
    }
    tcase_add_test(sharing, one_member_reads_everything);
    tcase_add_test(sharing, members_share_the_partitions);
    tcase_add_loop_test(sharing, all_assignors_share_the_partitions, 0, 5);
    tcase_add_test(sharing, who_leaves_hands_over);
    tcase_add_test(sharing, who_cooperates_keeps_what_does_not_move);
    tcase_add_loop_test(sharing, who_does_not_gives_up_everything_first, 0, 2);
    tcase_add_test(sharing, a_rebalance_does_not_wait_for_who_has_nothing_to_give_up);
    tcase_add_test(sharing, a_member_goes_on_where_the_group_has_committed);
    tcase_add_test(sharing, commits_work_while_partitions_are_revoked);
    tcase_add_test(sharing, who_does_not_poll_is_left_behind_and_has_lost_everything);
    tcase_add_test(sharing, a_listener_without_lost_is_told_that_they_are_revoked);
    tcase_add_test(sharing, a_long_poll_is_no_absence);
    tcase_add_test(sharing, unsubscribing_leaves_at_once);
    tcase_add_loop_test(sharing, every_record_is_read_whoever_comes_or_goes, 0, 4);
    tcase_add_test(sharing, a_static_member_comes_back_and_nobody_notices);
    tcase_add_test(sharing, a_static_leader_that_starts_again_assigns_what_has_grown_meanwhile);
    tcase_add_test(sharing, a_static_member_can_be_told_to_leave);
    tcase_add_test(sharing, two_with_one_instance_id_are_not_both_members);
    tcase_add_test(sharing, the_member_can_be_asked_for);
    tcase_add_test(sharing, the_descriptor_tells_of_an_assignment);
    tcase_add_test(sharing, several_consumers_of_one_handle_are_members_of_their_own);
    tcase_add_test(sharing, closing_in_the_middle_of_anything_is_clean);
    tcase_add_test(topics, new_partitions_are_read_within_two_seconds);
    tcase_add_test(topics, a_topic_that_comes_later_is_read);
    tcase_add_test(topics, a_subscription_can_be_changed);
    tcase_add_test(topics, a_pattern_stands_for_all_topics_that_it_matches_whole);
    tcase_add_test(topics, a_pattern_that_matches_nothing_waits);
    tcase_add_test(topics, a_pattern_that_does_not_compile_is_refused);
    tcase_add_test(topics, a_pattern_that_explodes_is_told);
    return suite;
}
