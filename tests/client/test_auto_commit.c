/* Commits that a member makes by itself, and those that it stores for it. */
#include <string.h>

#include "common/clock.h"
#include "common/error.h"
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

static int64_t committed(void)
{
    return fake_committed(fake, "g", "t", 0, NULL);
}

START_TEST(what_was_freed_is_committed)
{
    member_fill_and_join(&member, fake, 100, "true");
    member_read_all(&member, fake, 100);

    WAIT_UNTIL(committed() == 100);
}
END_TEST

START_TEST(what_is_held_is_not_committed_nor_what_follows_it)
{
    member_fill_and_join(&member, fake, 40, "true");
    klient_records_t *first = member_read_some(&member);
    klient_records_t *second = member_read_some(&member);
    klient_records_t *third = member_read_some(&member);

    klient_records_free(first);
    klient_records_free(third);
    WAIT_UNTIL(committed() == 10);
    member_poll(&member, 100);
    ck_assert_int_eq(committed(), 10);
    klient_records_free(second);
    WAIT_UNTIL(committed() == 40);
}
END_TEST

START_TEST(commits_come_as_often_as_wanted)
{
    int64_t before_ms = clock_mono_ms(&clock_system);

    member_open(&member, fake, "auto.commit.interval.ms", "10", NULL);
    member_subscribe(&member, "t");
    for (int i = 0; i < 10; i++) {
        fill(fake, "t", 0, 1);
        member_read_all(&member, fake, i + 1);
        WAIT_UNTIL(committed() == i + 1);
    }

    ck_assert_int_lt(clock_mono_ms(&clock_system) - before_ms, PATIENCE_MS);
}
END_TEST

START_TEST(what_was_freed_is_committed_when_the_consumer_closes)
{
    fill(fake, "t", 0, 30);
    member_open(&member, fake, "auto.commit.interval.ms", "1000000", NULL);
    member_subscribe(&member, "t");
    member_read_all(&member, fake, 30);

    member_close(&member);

    ck_assert_int_eq(committed(), 30);
}
END_TEST

START_TEST(a_last_commit_that_fails_is_told_by_close)
{
    struct fake_faults *faults = fake_faults(fake);

    fill(fake, "t", 0, 30);
    member_open(&member, fake, "auto.commit.interval.ms", "1000000", NULL);
    member_subscribe(&member, "t");
    member_read_all(&member, fake, 30);
    atomic_store(&faults->group_refuse_code, KLIENT_GROUP_AUTHORIZATION_FAILED);
    atomic_store(&faults->group_refuse_count, 1);
    atomic_store(&faults->group_refuse_body, KAIRN__REQUEST_HEAD__BODY_OFFSET_COMMIT);

    ck_assert_int_eq(klient_consumer_close(member.consumer, PATIENCE_MS, NULL),
                     KLIENT_GROUP_AUTHORIZATION_FAILED);

    member.consumer = NULL;
    ck_assert_int_eq(committed(), 0);
    ck_assert_int_eq(fake_group_members(fake, "g"), 0);
}
END_TEST

/* Those that are left join again in the background while the next one closes: it commits in
 * whatever generation there is by then. */
START_TEST(what_was_freed_is_committed_by_members_that_close_one_after_the_other)
{
    struct member members[MEMBERS_MAX] = { { 0 } };

    fake_add_topic(fake, "u", MEMBERS_MAX);
    for (int i = 0; i < MEMBERS_MAX; i++) {
        member_open(&members[i], fake, "auto.commit.interval.ms", "1000000", NULL);
        member_subscribe(&members[i], "u");
    }
    POLL_UNTIL(members, MEMBERS_MAX, members_hold(members, MEMBERS_MAX) == MEMBERS_MAX &&
                                         fake_group_members(fake, "g") == MEMBERS_MAX);
    for (int i = 0; i < MEMBERS_MAX; i++)
        fill(fake, "u", i, 10);
    POLL_UNTIL(members, MEMBERS_MAX,
               members[0].records + members[1].records + members[2].records +
                       members[3].records >= 10 * MEMBERS_MAX);

    for (int i = 0; i < MEMBERS_MAX; i++)
        member_close(&members[i]);

    for (int i = 0; i < MEMBERS_MAX; i++)
        ck_assert_int_eq(fake_committed(fake, "g", "u", i, NULL), 10);
}
END_TEST

START_TEST(what_was_freed_is_committed_when_it_is_given_up)
{
    fill(fake, "t", 0, 30);
    member_open(&member, fake, "auto.commit.interval.ms", "1000000", NULL);
    member_subscribe(&member, "t");
    member_read_all(&member, fake, 30);

    klient_consumer_unsubscribe(member.consumer, NULL);

    WAIT_UNTIL(committed() == 30);
}
END_TEST

START_TEST(nothing_is_committed_that_was_not_asked_for)
{
    member_fill_and_join(&member, fake, 30, "false");
    member_read_all(&member, fake, 30);
    member_close(&member);

    ck_assert_int_eq(committed(), 0);       /* where it started */
}
END_TEST

START_TEST(going_back_does_not_lower_what_is_committed)
{
    member_fill_and_join(&member, fake, 30, "true");
    member_read_all(&member, fake, 30);
    WAIT_UNTIL(committed() == 30);

    klient_consumer_seek(member.consumer, "t", 0, 5, NULL);
    klient_records_free(member_read_some(&member));
    member_poll(&member, 100);
    ck_assert_int_eq(committed(), 30);
}
END_TEST

START_TEST(an_automatic_commit_that_fails_is_made_good)
{
    struct fake_faults *faults = fake_faults(fake);

    atomic_store(&faults->group_refuse_body, KAIRN__REQUEST_HEAD__BODY_OFFSET_COMMIT);
    atomic_store(&faults->group_refuse_code, K_COORDINATOR_NOT_AVAILABLE);
    atomic_store(&faults->group_refuse_count, 5);
    member_fill_and_join(&member, fake, 30, "true");
    member_read_all(&member, fake, 30);

    WAIT_UNTIL(committed() == 30);
}
END_TEST

START_TEST(only_what_was_stored_is_committed_where_that_was_asked_for)
{
    fill(fake, "t", 0, 30);
    member_open(&member, fake, "enable.auto.offset.store", "false", "auto.commit.interval.ms", "20",
                NULL);
    member_subscribe(&member, "t");
    member_read_all(&member, fake, 30);
    member_poll(&member, 100);
    ck_assert_int_eq(committed(), 0);

    ck_assert_int_eq(klient_consumer_store_offset(member.consumer, "t", 0, 12, NULL), KLIENT_OK);
    WAIT_UNTIL(committed() == 12);
    klient_consumer_store_offset(member.consumer, "t", 0, 15, NULL);
    ck_assert_int_eq(klient_consumer_commit_sync(member.consumer, NULL, 0, PATIENCE_MS, NULL),
                     KLIENT_OK);
    ck_assert_int_eq(committed(), 15);
    ck_assert_int_eq(klient_consumer_store_offset(member.consumer, "t", 9, 1, NULL),
                     KLIENT_NOT_ASSIGNED);
}
END_TEST

START_TEST(offsets_are_not_stored_where_they_store_themselves)
{
    member_fill_and_join(&member, fake, 1, "true");
    member_read_all(&member, fake, 1);
    ck_assert_int_eq(klient_consumer_store_offset(member.consumer, "t", 0, 1, NULL),
                     KLIENT_WRONG_STATE);
}
END_TEST

Suite *auto_commit_suite(void)
{
    Suite *suite = suite_create("client/auto_commit");
    TCase *automatic = tcase_create("automatic");

    tcase_add_checked_fixture(automatic, setup, teardown);
    tcase_set_timeout(automatic, 60);
    tcase_add_test(automatic, what_was_freed_is_committed);
    tcase_add_test(automatic, what_is_held_is_not_committed_nor_what_follows_it);
    tcase_add_test(automatic, commits_come_as_often_as_wanted);
    tcase_add_test(automatic, what_was_freed_is_committed_when_the_consumer_closes);
    tcase_add_test(automatic, a_last_commit_that_fails_is_told_by_close);
    tcase_add_loop_test(
        automatic, what_was_freed_is_committed_by_members_that_close_one_after_the_other, 0, 10);
    tcase_add_test(automatic, what_was_freed_is_committed_when_it_is_given_up);
    tcase_add_test(automatic, nothing_is_committed_that_was_not_asked_for);
    tcase_add_test(automatic, going_back_does_not_lower_what_is_committed);
    tcase_add_test(automatic, an_automatic_commit_that_fails_is_made_good);
    tcase_add_test(automatic, only_what_was_stored_is_committed_where_that_was_asked_for);
    tcase_add_test(automatic, offsets_are_not_stored_where_they_store_themselves);
    suite_add_tcase(suite, automatic);
    return suite;
}
