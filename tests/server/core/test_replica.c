#include "server/core/replica.h"

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
    tcase_add_test(tcase, an_idle_partition_is_small);
    suite_add_tcase(suite, tcase);
    return suite;
}
