/* Commits that are asked for: by members, and by consumers that are assigned by hand. */
#include <stdlib.h>
#include <string.h>

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

static klient_code_t commit_one(int64_t offset, const char *metadata)
{
    klient_offset_t row;
    const klient_offset_t *rows[] = { &row };

    klient_offset_init(&row);
    row.topic = "t";
    row.partition = 0;
    row.offset = offset;
    row.metadata = metadata;
    return klient_consumer_commit_sync(member.consumer, rows, 1, PATIENCE_MS, NULL);
}

/* --- by the application ----------------------------------------------------------------------- */

START_TEST(a_commit_without_offsets_commits_what_was_returned)
{
    member_fill_and_join(&member, fake, 100, "false");
    member_read_all(&member, fake, 30);

    ck_assert_int_eq(klient_consumer_commit_sync(member.consumer, NULL, 0, PATIENCE_MS, NULL),
                     KLIENT_OK);

    ck_assert_int_eq(committed(), member.records);
}
END_TEST

START_TEST(chosen_offsets_are_committed_with_metadata)
{
    klient_topic_partition_t one = { "t", 0 };
    klient_offset_t row = { .size = sizeof row };
    klient_offsets_t *offsets;
    char metadata[64];

    member_fill_and_join(&member, fake, 100, "false");
    member_read_all(&member, fake, 30);
    ck_assert_int_eq(commit_one(17, "half of it"), KLIENT_OK);

    ck_assert_int_eq(fake_committed(fake, "g", "t", 0, metadata), 17);
    ck_assert_str_eq(metadata, "half of it");
    ck_assert_int_eq(klient_consumer_committed(member.consumer, &one, 1, PATIENCE_MS, &offsets,
                                               NULL), KLIENT_OK);
    ck_assert_uint_eq(klient_offsets_count(offsets), 1);
    ck_assert_int_eq(klient_offsets_get(offsets, 0, &row), KLIENT_OK);
    ck_assert_int_eq(row.offset, 17);
    ck_assert_str_eq(row.topic, "t");
    ck_assert_str_eq(row.metadata, "half of it");
    ck_assert_int_eq(klient_offsets_get(offsets, 1, &row), KLIENT_INVALID_ARGUMENT);
    klient_offsets_free(offsets);
    ck_assert_int_eq(commit_one(3, NULL), KLIENT_OK);       /* the application may go back */
    ck_assert_int_eq(committed(), 3);
}
END_TEST

START_TEST(a_partition_without_a_committed_offset_has_none)
{
    klient_topic_partition_t some[] = { { "t", 0 }, { "nowhere", 7 } };
    klient_offset_t row = { .size = sizeof row };
    klient_offsets_t *offsets;

    member_open(&member, fake, NULL);
    fake_commit(fake, "g", "t", 0, 5);
    ck_assert_int_eq(klient_consumer_committed(member.consumer, some, 2, PATIENCE_MS, &offsets,
                                               NULL), KLIENT_OK);
    klient_offsets_get(offsets, 0, &row);
    ck_assert_int_eq(row.offset, 5);
    klient_offsets_get(offsets, 1, &row);
    ck_assert_int_eq(row.offset, -1);
    ck_assert_str_eq(row.topic, "nowhere");
    klient_offsets_free(offsets);
}
END_TEST

struct outcomes { int count; int64_t last; klient_code_t code; };

static void note(void *context, klient_consumer_t *consumer, klient_code_t code,
                 const klient_offset_t *const *offsets, size_t count)
{
    struct outcomes *outcomes = context;

    ck_assert_ptr_eq(consumer, member.consumer);
    ck_assert_uint_eq(count, 1);
    ck_assert_int_eq(offsets[0]->code, code);
    ck_assert_int_gt(offsets[0]->offset, outcomes->last);       /* in the order of the calls */
    outcomes->count++;
    outcomes->last = offsets[0]->offset;
    outcomes->code = code;
}

static void commit_async(int64_t offset, struct outcomes *outcomes)
{
    klient_offset_t row;
    const klient_offset_t *rows[] = { &row };

    klient_offset_init(&row);
    row.topic = "t";
    row.partition = 0;
    row.offset = offset;
    ck_assert_int_eq(klient_consumer_commit_async(member.consumer, rows, 1, note, outcomes, NULL),
                     KLIENT_OK);
}

START_TEST(many_commits_go_in_few_requests_and_the_last_one_counts)
{
    struct outcomes outcomes = { 0 };

    member_fill_and_join(&member, fake, 10, "false");
    member_read_all(&member, fake, 10);
    int before = fake_requests(fake, KAIRN__REQUEST_HEAD__BODY_OFFSET_COMMIT);
    atomic_store(&fake_faults(fake)->commit_delay_ms, 50);
    for (int i = 1; i <= 2000; i++)
        commit_async(i, &outcomes);
    ck_assert_int_eq(outcomes.count, 0);
    POLL_UNTIL(&member, 1, outcomes.count == 2000);

    ck_assert_int_eq(outcomes.code, KLIENT_OK);
    ck_assert_int_eq(committed(), 2000);
    ck_assert_int_lt(fake_requests(fake, KAIRN__REQUEST_HEAD__BODY_OFFSET_COMMIT) - before, 500);
}
END_TEST

START_TEST(a_sync_commit_tells_what_became_of_those_before_it)
{
    struct outcomes outcomes = { 0 };

    member_fill_and_join(&member, fake, 10, "false");
    member_read_all(&member, fake, 10);
    commit_async(4, &outcomes);

    ck_assert_int_eq(commit_one(6, NULL), KLIENT_OK);

    ck_assert_int_eq(outcomes.count, 1);
    ck_assert_int_eq(committed(), 6);
}
END_TEST

START_TEST(closing_tells_what_became_of_commits)
{
    struct outcomes outcomes = { 0 };

    member_fill_and_join(&member, fake, 10, "false");
    member_read_all(&member, fake, 10);
    commit_async(4, &outcomes);
    member_close(&member);

    ck_assert_int_eq(outcomes.count, 1);
    ck_assert_int_eq(outcomes.code, KLIENT_OK);
}
END_TEST

static klient_code_t last_code;

static void commit_once_more(void *context, klient_consumer_t *consumer, klient_code_t code,
                             const klient_offset_t *const *offsets, size_t count)
{
    (void)context, (void)offsets, (void)count;
    ck_assert_int_eq(code, KLIENT_CLOSED);
    last_code = klient_consumer_commit_sync(consumer, NULL, 0, PATIENCE_MS, NULL);
    klient_offset_t row;
    const klient_offset_t *rows[] = { &row };
    klient_offset_init(&row);
    row.topic = "t";
    row.partition = 0;
    row.offset = 1;
    ck_assert_int_eq(klient_consumer_commit_async(consumer, rows, 1, NULL, NULL, NULL),
                     KLIENT_CLOSED);
}

START_TEST(a_commit_that_can_not_be_waited_for_is_told_closed_and_is_the_last)
{
    member_fill_and_join(&member, fake, 10, "false");
    member_read_all(&member, fake, 10);
    atomic_store(&fake_faults(fake)->mute, 1);
    last_code = KLIENT_OK;
    klient_consumer_commit_async(member.consumer, NULL, 0, commit_once_more, NULL, NULL);

    ck_assert_int_eq(klient_consumer_close(member.consumer, 50, NULL), KLIENT_REQUEST_TIMED_OUT);
    member.consumer = NULL;

    ck_assert_int_eq(last_code, KLIENT_CLOSED);
}
END_TEST

static void refuse_commits(int code, int count)
{
    struct fake_faults *faults = fake_faults(fake);

    atomic_store(&faults->group_refuse_body, KAIRN__REQUEST_HEAD__BODY_OFFSET_COMMIT);
    atomic_store(&faults->group_refuse_code, code);
    atomic_store(&faults->group_refuse_count, count);
}

START_TEST(a_sync_commit_insists)
{
    static const int codes[] = { K_NOT_COORDINATOR, K_COORDINATOR_NOT_AVAILABLE,
                                 K_COORDINATOR_LOAD_IN_PROGRESS, K_REQUEST_TIMED_OUT,
                                 K_REBALANCE_IN_PROGRESS };

    member_fill_and_join(&member, fake, 10, "false");
    member_read_all(&member, fake, 10);
    refuse_commits(codes[_i], 4);

    ck_assert_int_eq(commit_one(10, NULL), KLIENT_OK);
    ck_assert_int_eq(committed(), 10);
}
END_TEST

START_TEST(a_sync_commit_gives_up_at_its_deadline)
{
    member_fill_and_join(&member, fake, 10, "false");
    member_read_all(&member, fake, 10);
    refuse_commits(K_COORDINATOR_LOAD_IN_PROGRESS, 1000000);

    klient_code_t code = klient_consumer_commit_sync(member.consumer, NULL, 0, 100, NULL);
    /* When the last refusal comes just at the deadline, it is that which is told. */
    ck_assert(code == KLIENT_REQUEST_TIMED_OUT || code == KLIENT_COORDINATOR_LOAD_IN_PROGRESS);
    refuse_commits(0, 0);
}
END_TEST

START_TEST(an_async_commit_is_not_tried_again)
{
    struct outcomes outcomes = { 0 };

    member_fill_and_join(&member, fake, 10, "false");
    member_read_all(&member, fake, 10);
    refuse_commits(K_COORDINATOR_LOAD_IN_PROGRESS, 1);
    commit_async(4, &outcomes);
    POLL_UNTIL(&member, 1, outcomes.count == 1);

    ck_assert_int_eq(outcomes.code, KLIENT_COORDINATOR_LOAD_IN_PROGRESS);
    ck_assert_int_eq(atomic_load(&fake_faults(fake)->group_refuse_count), 0);
}
END_TEST

START_TEST(metadata_that_is_too_large_is_refused)
{
    static char metadata[5000];

    member_fill_and_join(&member, fake, 10, "false");
    member_read_all(&member, fake, 10);
    memset(metadata, 'm', sizeof metadata - 1);

    ck_assert_int_eq(commit_one(10, metadata), KLIENT_OFFSET_METADATA_TOO_LARGE);
}
END_TEST

START_TEST(only_what_is_ours_can_be_committed)
{
    klient_offset_t row;
    const klient_offset_t *rows[] = { &row };

    member_fill_and_join(&member, fake, 10, "false");
    member_read_all(&member, fake, 10);
    klient_offset_init(&row);
    row.topic = "t";
    row.partition = 3;
    row.offset = 1;
    ck_assert_int_eq(klient_consumer_commit_sync(member.consumer, rows, 1, 0, NULL),
                     KLIENT_NOT_ASSIGNED);
    row.partition = 0;
    row.offset = -1;
    ck_assert_int_eq(klient_consumer_commit_async(member.consumer, rows, 1, NULL, NULL, NULL),
                     KLIENT_INVALID_ARGUMENT);
}
END_TEST

START_TEST(what_was_lost_can_not_be_committed)
{
    fill(fake, "t", 0, 10);
    member_open(&member, fake, "max.poll.interval.ms", "300", "enable.auto.commit", "false", NULL);
    member_subscribe(&member, "t");
    member_read_all(&member, fake, 10);
    int64_t before = committed();

    WAIT_UNTIL(fake_group_members(fake, "g") == 0);
    ck_assert_int_eq(commit_one(10, NULL), KLIENT_ILLEGAL_GENERATION);

    ck_assert_int_eq(committed(), before);
}
END_TEST

/* While it waits for a coordinator to be found the member is left behind and its session ends; what
 * the next owner has committed must not go back. */
START_TEST(a_commit_that_waited_is_not_sent_after_a_loss)
{
    struct outcomes outcomes = { 0 };

    fill(fake, "t", 0, 10);
    member_open(&member, fake, "session.timeout.ms", "1000", "max.poll.interval.ms", "300",
                "enable.auto.commit", "false", NULL);
    member_subscribe(&member, "t");
    member_read_all(&member, fake, 10);
    atomic_store(&fake_faults(fake)->mute, 1);
    fake_disconnect(fake);
    member_poll(&member, 300);              /* it hears that the coordinator is gone */
    commit_async(4, &outcomes);
    WAIT_UNTIL(fake_group_members(fake, "g") == 0);
    fake_commit(fake, "g", "t", 0, 9);
    atomic_store(&fake_faults(fake)->mute, 0);
    fake_disconnect(fake);

    POLL_UNTIL(&member, 1, outcomes.count == 1);
    ck_assert_int_eq(outcomes.code, KLIENT_ILLEGAL_GENERATION);
    POLL_UNTIL(&member, 1, member_holds(&member) == 1);
    ck_assert_int_eq(committed(), 9);
}
END_TEST

/* The coordinator refuses one commit as if the member were none; heartbeats tell nothing. */
START_TEST(who_hears_from_a_commit_that_it_is_no_member_has_lost_everything)
{
    static const int codes[] = { K_UNKNOWN_MEMBER_ID, K_ILLEGAL_GENERATION };
    struct outcomes outcomes = { 0 };

    fill(fake, "t", 0, 10);
    member_open(&member, fake, "session.timeout.ms", "600", "enable.auto.commit", "false", NULL);
    member_subscribe(&member, "t");
    member_read_all(&member, fake, 10);
    refuse_commits(codes[_i], 1);
    commit_async(4, &outcomes);

    POLL_UNTIL(&member, 1, outcomes.count == 1 && member.lost == 1);
    ck_assert_int_eq(outcomes.code, codes[_i]);
    POLL_UNTIL(&member, 1, member_holds(&member) == 1);
}
END_TEST

START_TEST(who_hears_from_a_commit_that_it_was_replaced_ends)
{
    struct outcomes outcomes = { 0 };

    member_fill_and_join(&member, fake, 10, "false");
    member_read_all(&member, fake, 10);
    refuse_commits(K_FENCED_INSTANCE_ID, 1);
    commit_async(4, &outcomes);

    POLL_UNTIL(&member, 1, member.code == KLIENT_FENCED_INSTANCE_ID);
    ck_assert_int_eq(member.lost, 1);
}
END_TEST

START_TEST(who_hears_from_a_commit_of_a_rebalance_joins)
{
    struct outcomes outcomes = { 0 };

    member_fill_and_join(&member, fake, 10, "false");
    member_read_all(&member, fake, 10);
    int joins = fake_requests(fake, KAIRN__REQUEST_HEAD__BODY_JOIN_GROUP);
    refuse_commits(K_REBALANCE_IN_PROGRESS, 1);
    commit_async(4, &outcomes);

    POLL_UNTIL(&member, 1, outcomes.count == 1);
    ck_assert_int_eq(outcomes.code, KLIENT_OK);
    ck_assert_int_gt(fake_requests(fake, KAIRN__REQUEST_HEAD__BODY_JOIN_GROUP), joins);
    ck_assert_int_eq(member.lost, 0);
}
END_TEST

START_TEST(without_a_group_nothing_is_committed)
{
    klient_consumer_t *alone = consumer_with(config_for(fake, NULL));
    klient_topic_partition_t one = { "t", 0 };
    klient_offsets_t *offsets;

    ck_assert_int_eq(klient_consumer_commit_sync(alone, NULL, 0, 0, NULL),
                     KLIENT_INVALID_GROUP_ID);
    ck_assert_int_eq(klient_consumer_commit_async(alone, NULL, 0, NULL, NULL, NULL),
                     KLIENT_INVALID_GROUP_ID);
    ck_assert_int_eq(klient_consumer_committed(alone, &one, 1, 0, &offsets, NULL),
                     KLIENT_INVALID_GROUP_ID);
    klient_consumer_close(alone, 0, NULL);
}
END_TEST

START_TEST(nonsense_for_an_answer_is_an_error)
{
    member_fill_and_join(&member, fake, 10, "false");
    member_read_all(&member, fake, 10);
    atomic_store(&fake_faults(fake)->group_nonsense_body, KAIRN__REQUEST_HEAD__BODY_OFFSET_COMMIT);

    ck_assert_int_eq(commit_one(10, NULL), KLIENT_MALFORMED);
    atomic_store(&fake_faults(fake)->group_nonsense_body, 0);
}
END_TEST

/* --- the others ------------------------------------------------------------------------------- */

START_TEST(assigned_by_hand_it_commits_without_being_a_member)
{
    klient_topic_partition_t one = { "t", 0 };

    fill(fake, "t", 0, 30);
    fake_commit(fake, "g", "t", 0, 20);
    member_open(&member, fake, NULL);
    klient_consumer_assign(member.consumer, &one, 1, NULL);
    member_read_all(&member, fake, 10);

    ck_assert_int_eq(klient_consumer_commit_sync(member.consumer, NULL, 0, PATIENCE_MS, NULL),
                     KLIENT_OK);
    ck_assert_int_eq(committed(), 30);
    ck_assert_int_eq(fake_group_members(fake, "g"), 0);
}
END_TEST

START_TEST(assigned_by_hand_it_may_not_commit_for_members)
{
    klient_topic_partition_t one = { "t", 0 };
    klient_consumer_t *other;

    member_fill_and_join(&member, fake, 10, "false");
    member_read_all(&member, fake, 10);
    other = consumer_with(config_for(fake, "group.id", "g", NULL));
    klient_consumer_assign(other, &one, 1, NULL);
    klient_consumer_seek(other, "t", 0, 5, NULL);

    ck_assert_int_eq(klient_consumer_commit_sync(other, NULL, 0, PATIENCE_MS, NULL),
                     KLIENT_UNKNOWN_MEMBER_ID);
    klient_consumer_close(other, PATIENCE_MS, NULL);
}
END_TEST

START_TEST(the_lag_is_what_is_left_to_read)
{
    int64_t lag;

    member_fill_and_join(&member, fake, 30, "false");
    ck_assert_int_eq(klient_consumer_lag(member.consumer, "t", 0, 0, &lag, NULL),
                     KLIENT_NOT_ASSIGNED);
    klient_records_t *records = member_read_some(&member);
    ck_assert_int_eq(klient_consumer_lag(member.consumer, "t", 0, PATIENCE_MS, &lag, NULL),
                     KLIENT_OK);
    ck_assert_int_eq(lag, 20);
    klient_records_free(records);
}
END_TEST

Suite *group_commits_suite(void)
{
    Suite *suite = suite_create("client/group_commits");
    TCase *asked = tcase_create("asked");
    TCase *others = tcase_create("by hand");
    TCase *const cases[] = { asked, others };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tcase_add_checked_fixture(cases[i], setup, teardown);
        tcase_set_timeout(cases[i], 60);
        suite_add_tcase(suite, cases[i]);
    }
    tcase_add_test(asked, a_commit_without_offsets_commits_what_was_returned);
    tcase_add_test(asked, chosen_offsets_are_committed_with_metadata);
    tcase_add_test(asked, a_partition_without_a_committed_offset_has_none);
    tcase_add_test(asked, many_commits_go_in_few_requests_and_the_last_one_counts);
    tcase_add_test(asked, a_sync_commit_tells_what_became_of_those_before_it);
    tcase_add_test(asked, closing_tells_what_became_of_commits);
    tcase_add_test(asked, a_commit_that_can_not_be_waited_for_is_told_closed_and_is_the_last);
    tcase_add_loop_test(asked, a_sync_commit_insists, 0, 5);
    tcase_add_test(asked, a_sync_commit_gives_up_at_its_deadline);
    tcase_add_test(asked, an_async_commit_is_not_tried_again);
    tcase_add_test(asked, metadata_that_is_too_large_is_refused);
    tcase_add_test(asked, only_what_is_ours_can_be_committed);
    tcase_add_test(asked, what_was_lost_can_not_be_committed);
    tcase_add_test(asked, a_commit_that_waited_is_not_sent_after_a_loss);
    tcase_add_loop_test(asked, who_hears_from_a_commit_that_it_is_no_member_has_lost_everything, 0,
                        2);
    tcase_add_test(asked, who_hears_from_a_commit_that_it_was_replaced_ends);
    tcase_add_test(asked, who_hears_from_a_commit_of_a_rebalance_joins);
    tcase_add_test(asked, without_a_group_nothing_is_committed);
    tcase_add_test(asked, nonsense_for_an_answer_is_an_error);
    tcase_add_test(others, assigned_by_hand_it_commits_without_being_a_member);
    tcase_add_test(others, assigned_by_hand_it_may_not_commit_for_members);
    tcase_add_test(others, the_lag_is_what_is_left_to_read);
    return suite;
}
