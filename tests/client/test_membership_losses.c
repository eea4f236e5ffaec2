/* When a member takes what it holds for lost. */
#include "common/error.h"
#include "tests/client/membership_driver.h"

START_TEST(a_member_that_is_not_known_has_lost_everything)
{
    settle(true, false);

    ORDERS(failed(MEMBERSHIP_BEATEN, K_UNKNOWN_MEMBER_ID), "forget, offer lost, join");
    ck_assert(!driver.member.holding);
    ck_assert_int_eq(driver.member.generation, -1);
}
END_TEST

START_TEST(a_generation_that_is_not_known_is_lost_but_not_the_id)
{
    settle(true, false);

    ORDERS(failed(MEMBERSHIP_BEATEN, K_ILLEGAL_GENERATION), "offer lost, join");
}
END_TEST

static const char *commit_failed(int32_t generation, int code)
{
    return step((struct membership_event){ .type = MEMBERSHIP_COMMIT_FAILED, .code = code,
                                           .commit_failed = { generation } });
}

START_TEST(what_a_refused_commit_says_of_the_member_is_news)
{
    static const struct { int code; const char *wanted; } rows[] = {
        { K_UNKNOWN_MEMBER_ID, "forget, offer lost, cancel, join" },
        { K_ILLEGAL_GENERATION, "offer lost, cancel, join" },
        { K_FENCED_INSTANCE_ID, "cancel, offer lost, tell FENCED_INSTANCE_ID" },
        { K_REBALANCE_IN_PROGRESS, "cancel, join" },
        { K_OFFSET_METADATA_TOO_LARGE, "" },
        { K_NOT_COORDINATOR, "" },
    };

    settle(true, false);
    ORDERS(commit_failed(1, rows[_i].code), rows[_i].wanted);
}
END_TEST

START_TEST(who_gives_up_hears_from_its_last_commit_that_it_has_lost_everything)
{
    settle(false, false);
    failed(MEMBERSHIP_BEATEN, K_REBALANCE_IN_PROGRESS);

    ORDERS(commit_failed(1, K_REBALANCE_IN_PROGRESS), "");
    ORDERS(commit_failed(1, K_ILLEGAL_GENERATION), "offer lost, join");
}
END_TEST

START_TEST(a_commit_of_another_generation_is_no_news_nor_one_while_it_joins)
{
    settle(true, false);

    ORDERS(commit_failed(0, K_ILLEGAL_GENERATION), "");
    failed(MEMBERSHIP_BEATEN, K_REBALANCE_IN_PROGRESS);
    ORDERS(commit_failed(1, K_ILLEGAL_GENERATION), "");
    ck_assert(driver.member.holding);
}
END_TEST

START_TEST(an_instance_that_runs_elsewhere_too_ends_here)
{
    settle(true, true);

    ORDERS(failed(MEMBERSHIP_BEATEN, K_FENCED_INSTANCE_ID), "offer lost, tell FENCED_INSTANCE_ID");
    ORDERS(after(POLL_MS), "");
    ORDERS(simply(MEMBERSHIP_SUBSCRIBED), "");
    ck_assert_int_eq(membership_deadline_ms(&driver.member, driver.away_ms), INT64_MAX);
}
END_TEST

START_TEST(a_session_without_a_heartbeat_is_over)
{
    settle(true, false);

    ORDERS(failed(MEMBERSHIP_BEATEN, K_NETWORK_EXCEPTION), "find");
    ORDERS(after(SESSION_MS - 1), "");
    ORDERS(after(1), "offer lost");
    ORDERS(found(0), "join");
}
END_TEST

START_TEST(only_the_sending_of_a_heartbeat_proves_life)
{
    settle(true, false);

    driver.now_ms += 900;                  /* it was kept so long */
    simply(MEMBERSHIP_BEATEN);
    ck_assert_int_eq(driver.member.alive_ms, driver.now_ms - 900);
}
END_TEST

START_TEST(a_join_that_is_kept_is_no_silence)
{
    settle(true, false);

    ORDERS(failed(MEMBERSHIP_BEATEN, K_REBALANCE_IN_PROGRESS), "join");
    ORDERS(after(2 * SESSION_MS), "");
    ck_assert(driver.member.holding);
}
END_TEST

/* What it holds may be somebody else's by now. As the leader hears from the join that it is still
 * its own, nobody gets it before it has joined once more. */
START_TEST(a_static_member_that_missed_a_generation_has_lost_everything_and_joins_twice)
{
    settle(true, true);
    failed(MEMBERSHIP_BEATEN, K_REBALANCE_IN_PROGRESS);

    ORDERS(joined(3, false), "offer lost, sync");
    ck_assert_int_eq(driver.member.generation, 3);
    ORDERS(synced(false), "offer assignment, join");
    ORDERS(joined(4, false), "sync");
    ORDERS(synced(false), "offer assignment, beat");
}
END_TEST

START_TEST(a_static_member_that_finds_an_older_generation_has_lost_everything)
{
    settle(true, true);
    failed(MEMBERSHIP_BEATEN, K_REBALANCE_IN_PROGRESS);

    ORDERS(joined(0, true), "offer lost, decide");
}
END_TEST

START_TEST(what_is_not_held_is_not_lost_with_a_generation)
{
    settle(true, true);
    failed(MEMBERSHIP_BEATEN, K_REBALANCE_IN_PROGRESS);
    joined(3, false);

    ORDERS(failed(MEMBERSHIP_SYNCED, K_REBALANCE_IN_PROGRESS), "join");
    ORDERS(joined(5, false), "sync");
    ORDERS(synced(false), "offer assignment, beat");    /* it has joined with nothing */
}
END_TEST

START_TEST(a_static_member_keeps_what_it_holds_in_its_own_generation_and_the_next)
{
    settle(true, true);
    failed(MEMBERSHIP_BEATEN, K_REBALANCE_IN_PROGRESS);

    ORDERS(joined(1, false), "sync");
    ORDERS(synced(false), "offer assignment, beat");
    failed(MEMBERSHIP_BEATEN, K_REBALANCE_IN_PROGRESS);
    ORDERS(joined(2, false), "sync");
}
END_TEST

/* The group goes on without a dynamic member that is away: what it joined but did not hear of were
 * its generations, too. */
START_TEST(a_dynamic_member_keeps_what_it_holds_when_an_answer_was_lost)
{
    settle(true, false);
    failed(MEMBERSHIP_BEATEN, K_REBALANCE_IN_PROGRESS);
    failed(MEMBERSHIP_JOINED, K_NETWORK_EXCEPTION);
    found(0);

    ORDERS(joined(3, false), "sync");
    ck_assert(driver.member.holding);
}
END_TEST

START_TEST(an_application_that_does_not_poll_leaves_the_group_until_it_does)
{
    settle(true, false);
    driver.away_ms = driver.now_ms;

    ck_assert_int_le(membership_deadline_ms(&driver.member, driver.away_ms),
                     driver.now_ms + POLL_MS);
    driver.member.alive_ms = driver.now_ms + POLL_MS;     /* it was beating all the time */
    ORDERS(after(POLL_MS), "cancel, leave, forget, offer lost");
    ORDERS(after(POLL_MS), "");
    driver.away_ms = MEMBERSHIP_INSIDE;
    ORDERS(simply(MEMBERSHIP_TICK), "join");
}
END_TEST

START_TEST(a_static_member_that_does_not_poll_only_falls_silent)
{
    settle(true, true);
    driver.away_ms = driver.now_ms;
    driver.member.alive_ms = driver.now_ms + POLL_MS;

    ORDERS(after(POLL_MS), "cancel, offer lost");
}
END_TEST

START_TEST(an_application_that_does_not_give_up_in_time_is_left_behind)
{
    settle(false, false);
    failed(MEMBERSHIP_BEATEN, K_REBALANCE_IN_PROGRESS);
    driver.away_ms = driver.now_ms;
    driver.member.alive_ms = driver.now_ms + POLL_MS;

    ORDERS(after(POLL_MS), "leave, forget, offer lost");
}
END_TEST

Suite *membership_losses_suite(void)
{
    Suite *suite = suite_create("client/membership_losses");
    TCase *losses = tcase_create("losses");

    tcase_add_test(losses, a_member_that_is_not_known_has_lost_everything);
    tcase_add_test(losses, a_generation_that_is_not_known_is_lost_but_not_the_id);
    tcase_add_loop_test(losses, what_a_refused_commit_says_of_the_member_is_news, 0, 6);
    tcase_add_test(losses, who_gives_up_hears_from_its_last_commit_that_it_has_lost_everything);
    tcase_add_test(losses, a_commit_of_another_generation_is_no_news_nor_one_while_it_joins);
    tcase_add_test(losses, an_instance_that_runs_elsewhere_too_ends_here);
    tcase_add_test(losses, a_session_without_a_heartbeat_is_over);
    tcase_add_test(losses, only_the_sending_of_a_heartbeat_proves_life);
    tcase_add_test(losses, a_join_that_is_kept_is_no_silence);
    tcase_add_test(losses,
                   a_static_member_that_missed_a_generation_has_lost_everything_and_joins_twice);
    tcase_add_test(losses, a_static_member_that_finds_an_older_generation_has_lost_everything);
    tcase_add_test(losses, what_is_not_held_is_not_lost_with_a_generation);
    tcase_add_test(losses, a_static_member_keeps_what_it_holds_in_its_own_generation_and_the_next);
    tcase_add_test(losses, a_dynamic_member_keeps_what_it_holds_when_an_answer_was_lost);
    tcase_add_test(losses, an_application_that_does_not_poll_leaves_the_group_until_it_does);
    tcase_add_test(losses, a_static_member_that_does_not_poll_only_falls_silent);
    tcase_add_test(losses, an_application_that_does_not_give_up_in_time_is_left_behind);
    suite_add_tcase(suite, losses);
    return suite;
}
