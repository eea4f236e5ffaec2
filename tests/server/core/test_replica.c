#include "server/core/replica.h"

#include "common/error.h"
#include "tests/server/core/allocations.h"
#include "tests/server/core/suites.h"

START_TEST(transcripts_are_answered_as_written)
{
    transcript_check_folder(TRANSCRIPTS "/replica", &replica_script);
}
END_TEST

static void make_leader(struct replica *replica)
{
    struct replica_effects effects;
    struct replica_event event = {.type = REPLICA_OPENED};
    struct partition_state state = {.leader = 1,
                                    .unclean_epoch = -1,
                                    .min_insync = 1,
                                    .replicas = {2, {1, 2}},
                                    .isr = {2, {1, 2}}};

    replica_init(replica, 1);
    event.opened.last_epoch = -1;
    replica_step(replica, &event, &effects);
    event = (struct replica_event){.type = REPLICA_ASSIGNED, .assigned = &state};
    replica_step(replica, &event, &effects);
    event = (struct replica_event){.type = REPLICA_APPENDED};
    event.appended.end = 5;
    replica_step(replica, &event, &effects);
}

START_TEST(a_copy_goes_its_own_way)
{
    struct replica replica, copy;
    struct replica_effects effects;
    struct replica_event fetch = {.type = REPLICA_FETCH};

    make_leader(&replica);
    ck_assert_int_eq(replica_copy(&copy, &replica), 0);
    fetch.fetch.follower = 2;
    fetch.fetch.offset = fetch.fetch.our_end = 5;
    replica_step(&copy, &fetch, &effects);

    ck_assert_int_eq(copy.high_watermark, 5);
    ck_assert_int_eq(replica.high_watermark, 0);
    ck_assert_int_eq(replica.progress[0].end, -1);
    replica_fini(&copy);
    replica_fini(&replica);
}
END_TEST

/* Step while there is no memory. */
static void step_poor(struct replica *replica, const struct replica_event *event,
                      struct replica_effects *effects)
{
    *allocations() = (struct allocations){ .until_failure = 0, .inside = true };
    replica_step(replica, event, effects);
    *allocations() = (struct allocations){ .until_failure = ALLOCATIONS_NEVER };
}

START_TEST(who_lacked_the_memory_to_lead_leads_when_its_log_is_used_again)
{
    struct replica replica;
    struct replica_effects effects;
    struct partition_state state = {.leader = 1,
                                    .leader_epoch = 7,
                                    .version = 1,
                                    .unclean_epoch = -1,
                                    .min_insync = 1,
                                    .replicas = {2, {1, 2}},
                                    .isr = {2, {1, 2}}};
    struct replica_event assigned = {.type = REPLICA_ASSIGNED, .assigned = &state};
    struct replica_event opened = {.type = REPLICA_OPENED};
    opened.opened.end = 5;
    opened.opened.last_epoch = 6;
    replica_init(&replica, 1);
    replica_step(&replica, &opened, &effects);

    step_poor(&replica, &assigned, &effects);
    ck_assert_int_eq(replica.role, REPLICA_FAILED);
    ck_assert_int_eq(replica.failure, K_NOMEM);
    step_poor(&replica, &opened, &effects);
    ck_assert_int_eq(replica.role, REPLICA_FAILED);

    replica_step(&replica, &opened, &effects);
    ck_assert_int_eq(replica.role, REPLICA_LEADING);
    ck_assert_int_eq(replica.end, 5);
    ck_assert_int_eq(replica.epoch_start, 5);
    ck_assert_ptr_null(replica_check(&replica));
    replica_fini(&replica);
}
END_TEST

START_TEST(who_lacks_memory_does_not_forget_whom_it_proposed)
{
    struct replica replica;
    struct replica_effects effects;
    struct replica_event closed = {.type = REPLICA_CLOSED}, opened = {.type = REPLICA_OPENED};
    closed.closed.code = K_DISK_FULL;
    opened.opened.end = 5;
    make_leader(&replica);
    replica_set_remove(&replica.state.isr, 2);
    replica.doubt = (struct replica_set){2, {1, 2}};
    replica_step(&replica, &closed, &effects);

    step_poor(&replica, &opened, &effects);
    ck_assert_int_eq(replica.role, REPLICA_FAILED);
    ck_assert_int_eq(replica.doubt.count, 2);

    replica_step(&replica, &opened, &effects);
    ck_assert_int_eq(replica.role, REPLICA_LEADING);
    ck_assert_int_eq(replica.doubt.count, 2);
    replica_fini(&replica);
}
END_TEST

START_TEST(an_idle_partition_is_small)
{
    ck_assert_uint_le(sizeof(struct replica), 640);
}
END_TEST

Suite *replica_suite(void)
{
    Suite *suite = suite_create("server/core/replica");
    TCase *tcase = tcase_create("replica");

    tcase_add_test(tcase, transcripts_are_answered_as_written);
    tcase_add_test(tcase, a_copy_goes_its_own_way);
    tcase_add_test(tcase, who_lacked_the_memory_to_lead_leads_when_its_log_is_used_again);
    tcase_add_test(tcase, who_lacks_memory_does_not_forget_whom_it_proposed);
    tcase_add_test(tcase, an_idle_partition_is_small);
    suite_add_tcase(suite, tcase);
    return suite;
}
