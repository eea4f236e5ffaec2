/* What a member does next: joining, rebalances, and a coordinator that moves. */
#include "common/error.h"
#include "tests/client/membership_driver.h"

START_TEST(a_member_finds_joins_syncs_and_beats)
{
    new_member(true, false);

    ORDERS(simply(MEMBERSHIP_SUBSCRIBED), "find");
    ORDERS(found(0), "join");
    ORDERS(failed(MEMBERSHIP_JOINED, K_MEMBER_ID_REQUIRED), "join");
    ORDERS(joined(1, false), "sync");
    ORDERS(synced(false), "offer assignment, beat");
    ORDERS(reached(), "");
    ck_assert_int_eq(driver.member.generation, 1);
}
END_TEST

START_TEST(the_leader_decides_before_it_syncs)
{
    new_member(true, false);
    simply(MEMBERSHIP_SUBSCRIBED);
    found(0);

    ORDERS(joined(1, true), "decide");
    ORDERS(simply(MEMBERSHIP_DECIDED), "sync all");
    ORDERS(synced(false), "offer assignment, beat");
}
END_TEST

START_TEST(a_leader_that_came_back_keeps_what_it_assigned)
{
    new_member(true, true);
    simply(MEMBERSHIP_SUBSCRIBED);
    found(0);

    ORDERS(step((struct membership_event){
               .type = MEMBERSHIP_JOINED,
               .joined = { .generation = 4, .leads = true, .skip_assignment = true } }),
           "sync");
}
END_TEST

START_TEST(a_leader_that_can_not_decide_says_so_and_joins_again)
{
    new_member(true, false);
    simply(MEMBERSHIP_SUBSCRIBED);
    found(0);
    joined(1, true);

    ORDERS(failed(MEMBERSHIP_DECIDED, K_NOMEM), "tell NOMEM");
    ORDERS(after(2 * BACKOFF_MS), "join");
}
END_TEST

START_TEST(an_id_that_is_required_again_and_again_is_not_asked_for_without_a_pause)
{
    new_member(true, false);
    simply(MEMBERSHIP_SUBSCRIBED);
    found(0);

    ORDERS(failed(MEMBERSHIP_JOINED, K_MEMBER_ID_REQUIRED), "join");
    ORDERS(failed(MEMBERSHIP_JOINED, K_MEMBER_ID_REQUIRED), "");
    ORDERS(after(2 * BACKOFF_MS), "join");
}
END_TEST

START_TEST(heartbeats_follow_each_other_at_once_when_they_were_kept)
{
    settle(true, false);

    driver.now_ms += BEAT_MS;
    ORDERS(simply(MEMBERSHIP_BEATEN), "beat");
}
END_TEST

START_TEST(a_heartbeat_that_was_not_kept_is_followed_after_the_interval)
{
    settle(true, false);

    ORDERS(simply(MEMBERSHIP_BEATEN), "");
    ck_assert_int_eq(membership_deadline_ms(&driver.member, driver.away_ms),
                     driver.now_ms + BEAT_MS);
    ORDERS(after(BEAT_MS - 1), "");
    ORDERS(after(1), "beat");
}
END_TEST

START_TEST(who_cooperates_joins_again_with_what_it_holds)
{
    settle(true, false);

    ORDERS(failed(MEMBERSHIP_BEATEN, K_REBALANCE_IN_PROGRESS), "join");
    ck_assert(driver.member.holding);
    ORDERS(joined(2, false), "sync");
    ORDERS(synced(false), "offer assignment, beat");
}
END_TEST

START_TEST(who_does_not_cooperate_gives_everything_up_first)
{
    settle(false, false);

    ORDERS(failed(MEMBERSHIP_BEATEN, K_REBALANCE_IN_PROGRESS), "offer nothing");
    ck_assert_int_eq(driver.member.phase, MEMBER_REVOKING);
    ORDERS(after(BEAT_MS), "beat");         /* the coordinator still has to hear from it */
    ORDERS(failed(MEMBERSHIP_BEATEN, K_REBALANCE_IN_PROGRESS), "");
    ORDERS(reached(), "join");
}
END_TEST

START_TEST(who_holds_nothing_has_nothing_to_give_up)
{
    new_member(false, false);
    simply(MEMBERSHIP_SUBSCRIBED);
    found(0);
    joined(1, false);
    step((struct membership_event){ .type = MEMBERSHIP_SYNCED });

    ORDERS(failed(MEMBERSHIP_BEATEN, K_REBALANCE_IN_PROGRESS), "join");
}
END_TEST

START_TEST(what_was_given_up_is_for_others_in_the_next_generation)
{
    settle(true, false);
    failed(MEMBERSHIP_BEATEN, K_REBALANCE_IN_PROGRESS);
    joined(2, false);

    ORDERS(synced(true), "offer assignment, beat");
    ORDERS(simply(MEMBERSHIP_BEATEN), "");
    ORDERS(reached(), "join");
}
END_TEST

START_TEST(an_offer_that_is_not_the_latest_is_not_reached)
{
    settle(true, false);
    failed(MEMBERSHIP_BEATEN, K_REBALANCE_IN_PROGRESS);
    joined(2, false);
    synced(true);

    ORDERS(step((struct membership_event){ .type = MEMBERSHIP_REACHED,
                                           .reached = { .offer = driver.member.offer - 1 } }), "");
    ORDERS(reached(), "cancel, join");
}
END_TEST

START_TEST(a_rebalance_does_not_wait_for_the_application)
{
    settle(true, false);
    failed(MEMBERSHIP_BEATEN, K_REBALANCE_IN_PROGRESS);
    joined(2, false);
    synced(true);

    ORDERS(failed(MEMBERSHIP_BEATEN, K_REBALANCE_IN_PROGRESS), "join");
    ORDERS(joined(3, false), "sync");
    ORDERS(synced(false), "offer assignment, beat");
    ORDERS(reached(), "");
}
END_TEST

START_TEST(a_coordinator_that_moved_is_found_and_the_member_stays)
{
    settle(true, false);

    ORDERS(failed(MEMBERSHIP_BEATEN, K_NOT_COORDINATOR), "find");
    ORDERS(found(0), "beat");
    ck_assert(driver.member.holding);
    ORDERS(failed(MEMBERSHIP_BEATEN, K_NOT_COORDINATOR), "");   /* the second time it waits */
    ORDERS(after(2 * BACKOFF_MS), "find");
}
END_TEST

START_TEST(a_coordinator_that_loads_is_asked_again_later)
{
    settle(true, false);

    ORDERS(failed(MEMBERSHIP_BEATEN, K_COORDINATOR_LOAD_IN_PROGRESS), "");
    ORDERS(after(2 * BACKOFF_MS), "beat");
}
END_TEST

START_TEST(a_coordinator_that_moves_between_join_and_sync_is_joined_anew)
{
    new_member(true, false);
    simply(MEMBERSHIP_SUBSCRIBED);
    found(0);
    joined(1, false);

    ORDERS(failed(MEMBERSHIP_SYNCED, K_NETWORK_EXCEPTION), "find");
    ORDERS(found(0), "join");
}
END_TEST

START_TEST(a_sync_that_comes_too_late_joins_again_at_once)
{
    new_member(true, false);
    simply(MEMBERSHIP_SUBSCRIBED);
    found(0);
    joined(1, false);

    ORDERS(failed(MEMBERSHIP_SYNCED, K_REBALANCE_IN_PROGRESS), "join");
}
END_TEST

START_TEST(new_topics_are_joined_for)
{
    settle(true, false);

    ORDERS(simply(MEMBERSHIP_TOPICS_CHANGED), "cancel, join");
}
END_TEST

START_TEST(topics_that_come_during_a_rebalance_are_joined_for_after_it)
{
    settle(true, false);
    failed(MEMBERSHIP_BEATEN, K_REBALANCE_IN_PROGRESS);

    ORDERS(simply(MEMBERSHIP_TOPICS_CHANGED), "");
    joined(2, false);
    ORDERS(synced(false), "offer assignment, join");
}
END_TEST

START_TEST(a_late_answer_changes_nothing)
{
    settle(true, false);
    uint64_t beat = driver.member.round;

    ORDERS(simply(MEMBERSHIP_TOPICS_CHANGED), "cancel, join");
    ORDERS(step((struct membership_event){ .type = MEMBERSHIP_BEATEN, .round = beat,
                                           .code = K_UNKNOWN_MEMBER_ID }), "");
    ck_assert(driver.member.holding);
}
END_TEST

START_TEST(unsubscribing_leaves_if_it_is_to)
{
    settle(true, false);
    ORDERS(step((struct membership_event){ .type = MEMBERSHIP_UNSUBSCRIBED,
                                           .unsubscribed = { .leave = true } }),
           "cancel, leave, forget");

    settle(true, true);
    ORDERS(step((struct membership_event){ .type = MEMBERSHIP_UNSUBSCRIBED }), "cancel, forget");
    ORDERS(simply(MEMBERSHIP_SUBSCRIBED), "join");      /* the coordinator is known */
}
END_TEST

START_TEST(what_the_coordinator_refuses_is_told_and_tried_again)
{
    new_member(true, false);
    simply(MEMBERSHIP_SUBSCRIBED);
    found(0);

    ORDERS(failed(MEMBERSHIP_JOINED, K_INCONSISTENT_GROUP_PROTOCOL),
           "tell INCONSISTENT_GROUP_PROTOCOL");
    ORDERS(after(2 * BACKOFF_MS), "join");
}
END_TEST

START_TEST(a_coordinator_that_can_not_be_known_is_told_and_looked_for_again)
{
    new_member(true, false);
    simply(MEMBERSHIP_SUBSCRIBED);

    ORDERS(found(K_GROUP_AUTHORIZATION_FAILED), "tell GROUP_AUTHORIZATION_FAILED");
    ORDERS(after(2 * BACKOFF_MS), "find");
}
END_TEST

START_TEST(back_offs_grow_to_their_limit_and_start_anew_after_a_success)
{
    settle(true, false);
    int64_t pause_ms = 0;

    for (int i = 0; i < 12; i++) {
        failed(MEMBERSHIP_BEATEN, K_COORDINATOR_LOAD_IN_PROGRESS);
        pause_ms = driver.member.retry_ms - driver.now_ms;
        driver.now_ms = driver.member.retry_ms;
        driver.member.alive_ms = driver.now_ms;
        ORDERS(simply(MEMBERSHIP_TICK), "beat");
    }
    ck_assert_int_ge(pause_ms, 800);
    ck_assert_int_le(pause_ms, 1200);
    simply(MEMBERSHIP_BEATEN);
    ck_assert_int_eq(driver.member.backoff_ms, 0);
}
END_TEST

Suite *membership_suite(void)
{
    Suite *suite = suite_create("client/membership");
    TCase *joining = tcase_create("joining");
    TCase *rebalances = tcase_create("rebalances");
    TCase *others = tcase_create("others");

    tcase_add_test(joining, a_member_finds_joins_syncs_and_beats);
    tcase_add_test(joining, the_leader_decides_before_it_syncs);
    tcase_add_test(joining, a_leader_that_came_back_keeps_what_it_assigned);
    tcase_add_test(joining, a_leader_that_can_not_decide_says_so_and_joins_again);
    tcase_add_test(joining,
                   an_id_that_is_required_again_and_again_is_not_asked_for_without_a_pause);
    tcase_add_test(joining, heartbeats_follow_each_other_at_once_when_they_were_kept);
    tcase_add_test(joining, a_heartbeat_that_was_not_kept_is_followed_after_the_interval);
    tcase_add_test(rebalances, who_cooperates_joins_again_with_what_it_holds);
    tcase_add_test(rebalances, who_does_not_cooperate_gives_everything_up_first);
    tcase_add_test(rebalances, who_holds_nothing_has_nothing_to_give_up);
    tcase_add_test(rebalances, what_was_given_up_is_for_others_in_the_next_generation);
    tcase_add_test(rebalances, an_offer_that_is_not_the_latest_is_not_reached);
    tcase_add_test(rebalances, a_rebalance_does_not_wait_for_the_application);
    tcase_add_test(rebalances, new_topics_are_joined_for);
    tcase_add_test(rebalances, topics_that_come_during_a_rebalance_are_joined_for_after_it);
    tcase_add_test(rebalances, a_sync_that_comes_too_late_joins_again_at_once);
    tcase_add_test(others, a_coordinator_that_moved_is_found_and_the_member_stays);
    tcase_add_test(others, a_coordinator_that_loads_is_asked_again_later);
    tcase_add_test(others, a_coordinator_that_moves_between_join_and_sync_is_joined_anew);
    tcase_add_test(others, a_late_answer_changes_nothing);
    tcase_add_test(others, unsubscribing_leaves_if_it_is_to);
    tcase_add_test(others, what_the_coordinator_refuses_is_told_and_tried_again);
    tcase_add_test(others, a_coordinator_that_can_not_be_known_is_told_and_looked_for_again);
    tcase_add_test(others, back_offs_grow_to_their_limit_and_start_anew_after_a_success);
    suite_add_tcase(suite, joining);
    suite_add_tcase(suite, rebalances);
    suite_add_tcase(suite, others);
    return suite;
}
