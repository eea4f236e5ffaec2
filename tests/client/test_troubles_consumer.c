/* Troubles of consumers and members of groups. */
#include <string.h>

#include "proto/head.h"
#include "tests/client/told.h"

static struct fake *fake;
static struct member member;

static void setup(void)
{
    told_setup();
    fake = fake_new(2);
    fake_add_topic(fake, "t", 2);
    member = (struct member){ 0 };
}

static void teardown(void)
{
    klient_consumer_close(member.consumer, 0, NULL);
    told_teardown();
    fake_free(fake);
}

static void open_member(const char *persistent_ms, const char *name, const char *value)
{
    klient_config_t *config = config_for(fake, "group.id", "g", "auto.offset.reset", "earliest",
                                         "heartbeat.interval.ms", "50",
                                         "auto.commit.interval.ms", "20", name, value, NULL);

    member.consumer = consumer_with(telling(config, persistent_ms));
}

START_TEST(reading_from_a_partition_without_a_leader_is_told)
{
    member.consumer = consumer_with(telling(config_for(fake, NULL), SOON));
    fake_set_leader(fake, "t", 1, -1);
    assign_one(member.consumer, "t", 1);

    await_polling(&member, "leader-missing:persistent");
    ck_assert_int_eq(told_last.partition, 1);
    fake_set_leader(fake, "t", 1, 0);
    await_polling(&member, "leader-missing:persistent:over");
    expect_all("leader-missing", "transient persistent persistent:over");
}
END_TEST

START_TEST(who_has_paused_waits_for_no_leader)
{
    member.consumer = consumer_with(telling(config_for(fake, NULL), "2000"));
    fake_set_leader(fake, "t", 1, -1);
    assign_one(member.consumer, "t", 1);
    await_polling(&member, "leader-missing:transient");

    ck_assert_int_eq(klient_consumer_pause(member.consumer, "t", 1, NULL), KLIENT_OK);
    await_polling(&member, "leader-missing:transient:over");

    ck_assert_int_eq(klient_consumer_resume(member.consumer, "t", 1, NULL), KLIENT_OK);
    await_polling(&member, "leader-missing:persistent");
}
END_TEST

START_TEST(a_topic_that_is_not_there_is_told_to_who_reads)
{
    member.consumer = consumer_with(telling(config_for(fake, NULL), SOON));
    assign_one(member.consumer, "u", 0);

    await_polling(&member, "topic-unknown:persistent");
    fake_add_topic(fake, "u", 1);
    await_polling(&member, "topic-unknown:persistent:over");
    expect_all("topic-unknown", "transient persistent persistent:over");
}
END_TEST

START_TEST(a_topic_that_is_not_there_is_told_to_the_leader_of_who_subscribed)
{
    open_member(SOON, "enable.auto.commit", "false");
    member_subscribe(&member, "t,u");

    await_polling(&member, "topic-unknown:persistent");
    fake_add_topic(fake, "u", 1);
    await_polling(&member, "topic-unknown:persistent:over");
    expect_all("topic-unknown", "transient persistent persistent:over");
}
END_TEST

START_TEST(held_records_that_leave_no_room_are_told)
{
    enum { RECORDS = 300, HELD_MAX = 64 };
    klient_records_t *held[HELD_MAX];
    size_t count = 0;
    char value[10001];

    memset(value, 'x', 10000);
    value[10000] = '\0';
    klient_producer_t *producer = producer_with(config_for(fake, NULL));
    for (int i = 0; i < RECORDS; i++)
        ck_assert_int_eq(send_text(producer, "t", 0, NULL, value), KLIENT_OK);
    klient_producer_close(producer, PATIENCE_MS, NULL);
    member.consumer = consumer_with(telling(
        config_for(fake, "auto.offset.reset", "earliest", "consumer.buffer.memory", "1048576",
                   "max.partition.fetch.bytes", "300000", NULL), SOON));
    assign_one(member.consumer, "t", 0);
    for (int looks = 0; !was_told("records-held:persistent"); looks++) {
        klient_records_t *records = NULL;
        ck_assert_int_lt(looks, 10000);
        ck_assert_int_eq(klient_consumer_poll(member.consumer, 2, &records, NULL), KLIENT_OK);
        if (records != NULL) {
            ck_assert_uint_lt(count, HELD_MAX);
            held[count++] = records;
        }
        hear(0);
    }
    while (count > 0)
        klient_records_free(held[--count]);
    await_polling(&member, "records-held:persistent:over");
    expect_all("records-held", "transient persistent persistent:over");
}
END_TEST

START_TEST(a_coordinator_that_is_not_found_is_told)
{
    atomic_store(&fake_faults(fake)->group_refuse_body,
                 KAIRN__REQUEST_HEAD__BODY_FIND_COORDINATOR);
    atomic_store(&fake_faults(fake)->group_refuse_code, KLIENT_COORDINATOR_NOT_AVAILABLE);
    atomic_store(&fake_faults(fake)->group_refuse_count, MANY);
    open_member(SOON, "enable.auto.commit", "false");
    member_subscribe(&member, "t");

    await_polling(&member, "coordinator-missing:persistent");
    ck_assert_int_eq(told_last.code, KLIENT_COORDINATOR_NOT_AVAILABLE);
    atomic_store(&fake_faults(fake)->group_refuse_count, 0);
    await_polling(&member, "coordinator-missing:persistent:over");
    expect_all("coordinator-missing", "transient persistent persistent:over");
    expect_all("join-failing", "");
}
END_TEST

START_TEST(a_coordinator_that_is_not_ready_is_told)
{
    open_member(SOON, "enable.auto.commit", "false");
    member_subscribe(&member, "t");
    POLL_UNTIL(&member, 1, member_holds(&member) == 2);
    ck_assert(nothing_was_told());
    atomic_store(&fake_faults(fake)->group_loads, 1);

    await_polling(&member, "coordinator-missing:persistent");
    atomic_store(&fake_faults(fake)->group_loads, 0);
    await_polling(&member, "coordinator-missing:persistent:over");
    expect_all("coordinator-missing", "transient persistent persistent:over");
}
END_TEST

START_TEST(a_member_that_is_not_let_in_is_told)
{
    atomic_store(&fake_faults(fake)->group_refuse_body, KAIRN__REQUEST_HEAD__BODY_JOIN_GROUP);
    atomic_store(&fake_faults(fake)->group_refuse_code, KLIENT_GROUP_MAX_SIZE_REACHED);
    atomic_store(&fake_faults(fake)->group_refuse_count, MANY);
    open_member(SOON, "enable.auto.commit", "false");
    member_subscribe(&member, "t");

    await_polling(&member, "join-failing:persistent");
    ck_assert_int_eq(told_last.code, KLIENT_GROUP_MAX_SIZE_REACHED);
    atomic_store(&fake_faults(fake)->group_refuse_count, 0);
    await_polling(&member, "join-failing:persistent:over");
    expect_all("join-failing", "transient persistent persistent:over");
}
END_TEST

START_TEST(another_one_with_the_same_instance_id_is_fatal)
{
    open_member(SOON, "group.instance.id", "i");
    member_subscribe(&member, "t");
    POLL_UNTIL(&member, 1, member_holds(&member) == 2);
    atomic_store(&fake_faults(fake)->group_refuse_body, KAIRN__REQUEST_HEAD__BODY_HEARTBEAT);
    atomic_store(&fake_faults(fake)->group_refuse_code, KLIENT_FENCED_INSTANCE_ID);
    atomic_store(&fake_faults(fake)->group_refuse_count, 1);

    await_polling(&member, "join-failing:fatal");
    ck_assert_int_eq(told_last.code, KLIENT_FENCED_INSTANCE_ID);
    expect_all("join-failing", "fatal");
}
END_TEST

/* A member reads, and what it commits is refused until that has lasted. */
static void let_commits_fail(void)
{
    fill(fake, "t", 0, 10);
    open_member(SOON, "enable.auto.commit", "true");
    atomic_store(&fake_faults(fake)->group_refuse_body, KAIRN__REQUEST_HEAD__BODY_OFFSET_COMMIT);
    atomic_store(&fake_faults(fake)->group_refuse_code, KLIENT_INVALID_COMMIT_OFFSET_SIZE);
    atomic_store(&fake_faults(fake)->group_refuse_count, MANY);
    member_subscribe(&member, "t");
    await_polling(&member, "commit-failing:persistent");
}

START_TEST(automatic_commits_that_fail_are_told)
{
    let_commits_fail();
    ck_assert_int_eq(told_last.code, KLIENT_INVALID_COMMIT_OFFSET_SIZE);
    atomic_store(&fake_faults(fake)->group_refuse_count, 0);
    await_polling(&member, "commit-failing:persistent:over");
    expect_all("commit-failing", "transient persistent persistent:over");
    ck_assert_int_eq(fake_committed(fake, "g", "t", 0, NULL), 10);
}
END_TEST

START_TEST(commits_of_what_was_given_up_fail_no_more)
{
    let_commits_fail();

    ck_assert_int_eq(klient_consumer_unsubscribe(member.consumer, NULL), KLIENT_OK);

    await("commit-failing:persistent:over");
}
END_TEST

Suite *troubles_consumer_suite(void)
{
    Suite *suite = suite_create("client/troubles_consumer");
    TCase *tcase = tcase_create("troubles-consumer");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, reading_from_a_partition_without_a_leader_is_told);
    tcase_add_test(tcase, who_has_paused_waits_for_no_leader);
    tcase_add_test(tcase, a_topic_that_is_not_there_is_told_to_who_reads);
    tcase_add_test(tcase, a_topic_that_is_not_there_is_told_to_the_leader_of_who_subscribed);
    tcase_add_test(tcase, held_records_that_leave_no_room_are_told);
    tcase_add_test(tcase, a_coordinator_that_is_not_found_is_told);
    tcase_add_test(tcase, a_coordinator_that_is_not_ready_is_told);
    tcase_add_test(tcase, a_member_that_is_not_let_in_is_told);
    tcase_add_test(tcase, another_one_with_the_same_instance_id_is_fatal);
    tcase_add_test(tcase, automatic_commits_that_fail_are_told);
    tcase_add_test(tcase, commits_of_what_was_given_up_fail_no_more);
    suite_add_tcase(suite, tcase);
    return suite;
}
