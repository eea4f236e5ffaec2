/* Where a group begins to read what it has not committed anything of. */
#include <string.h>

#include "proto/head.h"
#include "tests/client/members.h"
#include "tests/lib/wait.h"

static struct fake *fake;
static struct member member;

static void setup(void)
{
    fake = fake_new(2);
    fake_add_topic(fake, "t", 1);
    memset(&member, 0, sizeof member);
}

static void teardown(void)
{
    klient_consumer_close(member.consumer, PATIENCE_MS, NULL);
    fake_free(fake);
}

static int64_t committed(int partition)
{
    return fake_committed(fake, "g", "t", partition, NULL);
}

START_TEST(where_it_starts_by_policy_is_committed_at_once)
{
    fill(fake, "t", 0, 25);
    member_open(&member, fake, "auto.offset.reset", "latest", "enable.auto.commit", "false", NULL);
    member_subscribe(&member, "t");

    POLL_UNTIL(&member, 1, committed(0) == 25);
    member_close(&member);
    fill(fake, "t", 0, 3);
    member_open(&member, fake, "auto.offset.reset", "latest", NULL);
    member_subscribe(&member, "t");
    POLL_UNTIL(&member, 1, member.records == 3);
}
END_TEST

START_TEST(an_added_partition_is_read_from_its_beginning)
{
    fake_commit(fake, "g", "t", 0, 0);
    member_open(&member, fake, "auto.offset.reset", "latest", NULL);
    fake_add_partitions(fake, "t", 2);
    fill(fake, "t", 1, 12);
    member_subscribe(&member, "t");

    POLL_UNTIL(&member, 1, member.records == 12);
}
END_TEST

START_TEST(without_a_policy_a_group_without_an_offset_is_told)
{
    member_open(&member, fake, "auto.offset.reset", "none", NULL);
    fake_commit(fake, "g", "t", 0, 0);
    fake_add_partitions(fake, "t", 2);
    member_subscribe(&member, "t");

    POLL_UNTIL(&member, 1, member.code == KLIENT_OFFSET_OUT_OF_RANGE);
    ck_assert_int_eq(committed(1), -1);
}
END_TEST

/* The answer of before is still on its way when it holds the partition again. */
START_TEST(where_to_go_on_is_asked_anew_after_a_loss)
{
    fill(fake, "t", 0, 100);
    fake_commit(fake, "g", "t", 0, 10);
    atomic_store(&fake_faults(fake)->committed_delay_ms, 1000);
    member_open(&member, fake, "max.poll.interval.ms", "300", "enable.auto.commit", "false", NULL);
    member_subscribe(&member, "t");
    POLL_UNTIL(&member, 1, member_holds(&member) == 1);
    WAIT_UNTIL(fake_group_members(fake, "g") == 0);
    fake_commit(fake, "g", "t", 0, 60);     /* somebody who had it meanwhile */
    atomic_store(&fake_faults(fake)->committed_delay_ms, 0);

    POLL_UNTIL(&member, 1, member.lost == 1 && member_holds(&member) == 1);
    int64_t position;
    ck_assert_int_eq(klient_consumer_position(member.consumer, "t", 0, PATIENCE_MS, &position,
                                              NULL), KLIENT_OK);
    ck_assert_int_eq(position, 60);
    POLL_UNTIL(&member, 1, member.records >= 40);
    ck_assert_int_eq(member.records, 40);
}
END_TEST

/* It was deposed and has not heard of it. */
START_TEST(a_leader_that_ends_before_what_is_committed_sends_nobody_back)
{
    fill(fake, "t", 0, 100);
    fake_commit(fake, "g", "t", 0, 60);
    atomic_store(&fake_faults(fake)->behind, 2);
    member_open(&member, fake, "auto.offset.reset", "earliest", NULL);
    member_subscribe(&member, "t");

    POLL_UNTIL(&member, 1, member.records >= 40);
    ck_assert_int_eq(member.records, 40);
    ck_assert_int_eq(atomic_load(&fake_faults(fake)->behind), 0);
}
END_TEST

/* What is committed was read in an epoch that the leader has not heard of. */
static void commit_in_a_later_epoch(int64_t offset)
{
    fake_commit_in_epoch(fake, "g", "t", 0, offset, 2);
}

static void elect_twice(void)
{
    fake_set_leader(fake, "t", 0, 1);
    fake_set_leader(fake, "t", 0, 0);
}

static void await_fetches(int count)
{
    int before = fake_requests(fake, KAIRN__REQUEST_HEAD__BODY_FETCH);

    POLL_UNTIL(&member, 1,
               fake_requests(fake, KAIRN__REQUEST_HEAD__BODY_FETCH) >= before + count);
}

static void expect_the_rest(void)
{
    int64_t position;

    ck_assert_int_eq(member.records, 0);
    POLL_UNTIL(&member, 1, member.records >= 40);
    ck_assert_int_eq(member.records, 40);
    ck_assert_int_eq(klient_consumer_position(member.consumer, "t", 0, PATIENCE_MS, &position,
                                              NULL), KLIENT_OK);
    ck_assert_int_eq(position, 100);
}

START_TEST(a_deposed_leader_whose_log_parts_sends_nobody_back)
{
    fill(fake, "t", 0, 40);
    commit_in_a_later_epoch(60);
    member_open(&member, fake, "auto.offset.reset", "earliest", NULL);
    member_subscribe(&member, "t");

    await_fetches(3);
    ck_assert_int_eq(member.code, KLIENT_OK);
    elect_twice();
    fill(fake, "t", 0, 60);
    expect_the_rest();
}
END_TEST

START_TEST(a_deposed_leader_that_ends_before_is_never_believed_however_long_it_insists)
{
    fill(fake, "t", 0, 100);
    commit_in_a_later_epoch(60);
    atomic_store(&fake_faults(fake)->behind, 1000000);
    member_open(&member, fake, "auto.offset.reset", "earliest",
                "topic.metadata.propagation.max.ms", "0", NULL);
    member_subscribe(&member, "t");

    await_fetches(3);
    POLL_UNTIL(&member, 1, member.code == KLIENT_UNKNOWN_LEADER_EPOCH);     /* it is told, though */
    atomic_store(&fake_faults(fake)->behind, 0);
    elect_twice();
    expect_the_rest();
}
END_TEST

START_TEST(what_is_committed_and_stays_beyond_the_end_is_left_by_policy)
{
    fill(fake, "t", 0, 10);
    fake_commit(fake, "g", "t", 0, 60);
    member_open(&member, fake, "auto.offset.reset", "earliest",
                "topic.metadata.propagation.max.ms", "300", NULL);
    member_subscribe(&member, "t");

    POLL_UNTIL(&member, 1, member.records == 10);
}
END_TEST

START_TEST(groups_know_nothing_of_each_other)
{
    struct member others;

    fill(fake, "t", 0, 50);
    member_open(&member, fake, NULL);
    member_open(&others, fake, "group.id", "h", NULL);
    member_subscribe(&member, "t");
    member_subscribe(&others, "t");

    POLL_UNTIL(&member, 1, member.records == 50);
    POLL_UNTIL(&others, 1, others.records == 50);
    ck_assert_int_eq(fake_group_members(fake, "g"), 1);
    ck_assert_int_eq(fake_group_members(fake, "h"), 1);
    member_close(&others);
}
END_TEST

Suite *group_starts_suite(void)
{
    Suite *suite = suite_create("client/group_starts");
    TCase *tcase = tcase_create("starts");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, where_it_starts_by_policy_is_committed_at_once);
    tcase_add_test(tcase, an_added_partition_is_read_from_its_beginning);
    tcase_add_test(tcase, without_a_policy_a_group_without_an_offset_is_told);
    tcase_add_test(tcase, where_to_go_on_is_asked_anew_after_a_loss);
    tcase_add_test(tcase, a_leader_that_ends_before_what_is_committed_sends_nobody_back);
    tcase_add_test(tcase, a_deposed_leader_whose_log_parts_sends_nobody_back);
    tcase_add_test(tcase,
                   a_deposed_leader_that_ends_before_is_never_believed_however_long_it_insists);
    tcase_add_test(tcase, what_is_committed_and_stays_beyond_the_end_is_left_by_policy);
    tcase_add_test(tcase, groups_know_nothing_of_each_other);
    suite_add_tcase(suite, tcase);
    return suite;
}
