/* Assignors that an application brings along, in groups of members that have them and that do not.
 * Each member here has a wish: how many partitions it would like. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/client/members.h"

enum { PARTITIONS = 4, SULKS = 77 };

/* One member's; its functions run on the handle's thread. */
struct own {
    atomic_int wish;
    bool cooperative;
    atomic_int sulks;               /* user_data fails */
    atomic_int refuses;             /* assign fails */
    atomic_int assigns;             /* calls of assign */
    atomic_int got;                 /* partitions, as on_assignment told last */
    atomic_int heard;               /* the first byte that the leader said */
    atomic_int owned;               /* that it was told to hold when it joined, at most */
    atomic_int opened, closed;
    klient_consumer_t *_Atomic consumer;
    atomic_int answer;              /* of a call that the assignor makes */
};

static struct fake *fake;
static struct member members[MEMBERS_MAX];
static struct own owns[MEMBERS_MAX];

static void setup(void)
{
    fake = fake_new(1);
    fake_add_topic(fake, "t", PARTITIONS);
    memset(members, 0, sizeof members);
    memset(owns, 0, sizeof owns);
}

static void teardown(void)
{
    for (int i = 0; i < MEMBERS_MAX; i++)
        klient_consumer_close(members[i].consumer, PATIENCE_MS, NULL);
    fake_free(fake);
}

/* --- the assignor ----------------------------------------------------------------------------- */

static const klient_property_t properties[] = { { "wish.unit", "one", 0 } };

static int wish_open(void *context, const klient_config_t *config, void **state, char *reason,
                     size_t reason_size)
{
    struct own *own = context;
    char unit[16];

    klient_config_get(config, "wish.unit", unit, sizeof unit, NULL);
    if (strcmp(unit, "one") != 0) {
        snprintf(reason, reason_size, "wishes do not come by the %s", unit);
        return SULKS;
    }
    atomic_fetch_add(&own->opened, 1);
    *state = own;
    return 0;
}

static void wish_close(void *state)
{
    struct own *own = state;

    atomic_fetch_add(&own->closed, 1);
}

static int wish_user_data(void *state, const klient_joining_t *joining, const void **data,
                          size_t *size, char *reason, size_t reason_size)
{
    static const char digits[] = "0123456789";
    struct own *own = state;

    if ((int)joining->owned_count > atomic_load(&own->owned))
        atomic_store(&own->owned, (int)joining->owned_count);
    if (atomic_load(&own->sulks)) {
        snprintf(reason, reason_size, "no wish today");
        return SULKS;
    }
    ck_assert_uint_eq(joining->topic_count, 1);
    ck_assert_str_eq(joining->topics[0], "t");
    *data = &digits[atomic_load(&own->wish)];
    *size = 1;
    return 0;
}

/* From the first partition on, to one member after the other, as many as it wishes. */
static int wish_assign(void *state, klient_assigning_t *group, char *reason, size_t reason_size)
{
    struct own *own = state;
    klient_assign_topic_t topic = { .size = sizeof topic };
    int32_t next = 0;

    (void)reason, (void)reason_size;
    atomic_fetch_add(&own->assigns, 1);
    if (atomic_load(&own->refuses))
        return SULKS;
    ck_assert_uint_eq(klient_assigning_topic_count(group), 1);
    ck_assert_int_eq(klient_assigning_topic(group, 0, &topic), KLIENT_OK);
    ck_assert_str_eq(topic.name, "t");
    for (size_t i = 0; i < klient_assigning_member_count(group); i++) {
        klient_assign_member_t member = { .size = sizeof member };
        ck_assert_int_eq(klient_assigning_member(group, i, &member), KLIENT_OK);
        ck_assert_uint_eq(member.user_data_size, 1);
        int wish = ((const char *)member.user_data)[0] - '0';
        for (; wish > 0 && next < topic.partition_count; wish--)
            ck_assert_int_eq(klient_assigning_give(group, 0, next++, i), KLIENT_OK);
        ck_assert_int_eq(klient_assigning_tell(group, i, member.user_data, 1), KLIENT_OK);
    }
    return 0;
}

static void wish_on_assignment(void *state, const klient_assigned_t *assigned)
{
    struct own *own = state;

    for (size_t i = 0; i < assigned->count; i++)
        ck_assert_str_eq(assigned->partitions[i].topic, "t");
    atomic_store(&own->got, (int)assigned->count);
    atomic_store(&own->heard,
                 assigned->user_data_size == 1 ? ((const char *)assigned->user_data)[0] : 0);
}

static klient_assignor_t wish_assignor(struct own *own)
{
    klient_assignor_t assignor;

    klient_assignor_init(&assignor);
    assignor.context = own;
    assignor.properties = properties;
    assignor.property_count = 1;
    assignor.cooperative = own->cooperative;
    assignor.open = wish_open;
    assignor.user_data = wish_user_data;
    assignor.assign = wish_assign;
    assignor.on_assignment = wish_on_assignment;
    assignor.close = wish_close;
    return assignor;
}

static klient_config_t *config_with(const klient_assignor_t *assignor, const char *strategy)
{
    klient_config_t *config = config_for(fake, "group.id", "g", "auto.offset.reset", "earliest",
                                         "heartbeat.interval.ms", "50", NULL);

    if (assignor != NULL)
        ck_assert_int_eq(klient_config_add_assignor(config, "wish", assignor, NULL), KLIENT_OK);
    ck_assert_int_eq(klient_config_set(config, "partition.assignment.strategy", strategy, NULL),
                     KLIENT_OK);
    return config;
}

/* Member number `i`, which knows the assignor and wishes for so many. */
static void join(int i, const char *strategy, int wish)
{
    atomic_store(&owns[i].wish, wish);
    klient_assignor_t assignor = wish_assignor(&owns[i]);

    members[i] = (struct member){ .consumer = consumer_with(config_with(&assignor, strategy)) };
    member_subscribe(&members[i], "t");
}

/* --- sharing ---------------------------------------------------------------------------------- */

START_TEST(an_assignor_of_the_application_shares_by_what_members_tell)
{
    join(0, "wish", 1);
    join(1, "wish", 3);

    POLL_UNTIL(members, 2, member_holds(&members[0]) == 1 && member_holds(&members[1]) == 3);

    ck_assert_int_eq(members_hold(members, 2), PARTITIONS);
    ck_assert_int_eq(owns[0].got, 1);
    ck_assert_int_eq(owns[0].heard, '1');
    ck_assert_int_eq(owns[1].got, 3);
    ck_assert_int_eq(owns[1].heard, '3');
    /* Only the leader's has decided. */
    ck_assert((owns[0].assigns > 0) != (owns[1].assigns > 0));
}
END_TEST

START_TEST(what_it_gives_to_nobody_is_read_by_nobody)
{
    join(0, "wish", 1);

    POLL_UNTIL(members, 1, member_holds(&members[0]) == 1);
    for (int i = 0; i < 10; i++)
        members_poll(members, 1);
    ck_assert_int_eq(members_hold(members, 1), 1);
}
END_TEST

START_TEST(who_does_not_cooperate_gives_everything_up_first)
{
    join(0, "wish", PARTITIONS);
    POLL_UNTIL(members, 1, member_holds(&members[0]) == PARTITIONS);
    atomic_store(&owns[0].wish, 3);         /* before the second one makes it join again */
    join(1, "wish", PARTITIONS);

    POLL_UNTIL(members, 2, members_hold(members, 2) == PARTITIONS && member_holds(&members[1]) > 0);

    ck_assert_int_ge(members[0].revoked, PARTITIONS);
    ck_assert_int_eq(owns[0].owned, PARTITIONS);        /* it says what it had all the same */
}
END_TEST

/* The assignor deals from the first partition on, whoever had what. Nobody reads a partition that
 * another one still reads all the same. */
START_TEST(who_cooperates_is_given_nothing_that_another_one_still_has)
{
    for (int i = 0; i < 3; i++)
        owns[i].cooperative = true;
    join(0, "wish", PARTITIONS);
    POLL_UNTIL(members, 1, member_holds(&members[0]) == PARTITIONS);
    for (int count = 2; count <= 3; count++) {
        int wish = count == 2 ? 2 : 1;
        atomic_store(&owns[0].wish, wish);
        join(count - 1, "wish", 2);
        /* members_hold() fails the test if a partition has two owners. */
        POLL_UNTIL(members, count, members_hold(members, count) == PARTITIONS &&
                                       fake_group_members(fake, "g") == count &&
                                       member_holds(&members[0]) <= wish);
    }
    ck_assert_int_eq(members[0].lost, 0);
}
END_TEST

static char rack[64];

static int note_rack(void *state, klient_assigning_t *group, char *reason, size_t reason_size)
{
    klient_assign_member_t member = { .size = sizeof member };

    (void)state, (void)reason, (void)reason_size;
    klient_assigning_member(group, 0, &member);
    snprintf(rack, sizeof rack, "%s", member.rack);
    for (int32_t p = 0; p < PARTITIONS; p++)
        klient_assigning_give(group, 0, p, 0);
    return 0;
}

START_TEST(the_rack_of_a_member_is_told)
{
    klient_assignor_t assignor;

    klient_assignor_init(&assignor);
    assignor.assign = note_rack;
    klient_config_t *config = config_with(&assignor, "wish");
    klient_config_set(config, "client.rack", "zurich", NULL);
    members[0] = (struct member){ .consumer = consumer_with(config) };
    member_subscribe(&members[0], "t");

    POLL_UNTIL(members, 1, member_holds(&members[0]) == PARTITIONS);

    ck_assert_str_eq(rack, "zurich");
}
END_TEST

/* --- mixed groups ----------------------------------------------------------------------------- */

START_TEST(a_member_without_it_finds_no_common_assignor)
{
    join(0, "wish", PARTITIONS);
    POLL_UNTIL(members, 1, member_holds(&members[0]) == PARTITIONS);
    member_open(&members[1], fake, "partition.assignment.strategy", "range", NULL);
    member_subscribe(&members[1], "t");

    POLL_UNTIL(members, 2, members[1].code == KLIENT_INCONSISTENT_GROUP_PROTOCOL);

    ck_assert_int_eq(member_holds(&members[0]), PARTITIONS);
    ck_assert_int_eq(members[0].code, KLIENT_OK);
}
END_TEST

START_TEST(a_mixed_group_uses_what_all_members_know)
{
    join(0, "wish,range", PARTITIONS);
    member_open(&members[1], fake, "partition.assignment.strategy", "range", NULL);
    member_subscribe(&members[1], "t");

    POLL_UNTIL(members, 2, member_holds(&members[0]) == 2 && member_holds(&members[1]) == 2);

    /* As soon as all know it, it counts again. */
    member_close(&members[1]);
    POLL_UNTIL(members, 1, member_holds(&members[0]) == PARTITIONS);
    ck_assert_int_eq(owns[0].heard, '4');
}
END_TEST

/* --- failures --------------------------------------------------------------------------------- */

/* Poll until an error without a partition comes. */
static klient_error_t *poll_trouble(struct member *member)
{
    klient_error_t *error = NULL;

    for (int looks = 0; error == NULL; looks++) {
        klient_records_t *records = NULL;
        ck_assert_int_lt(looks, 1000);
        klient_consumer_poll(member->consumer, 20, &records, &error);
        klient_records_free(records);
    }
    return error;
}

/* 0: user_data, 1: assign. */
START_TEST(a_failure_is_told_by_poll_and_the_group_goes_on_when_it_is_over)
{
    atomic_int *fault = _i == 0 ? &owns[0].sulks : &owns[0].refuses;

    atomic_store(fault, 1);
    join(0, "wish", PARTITIONS);

    klient_error_t *error = poll_trouble(&members[0]);
    ck_assert_int_eq(klient_error_code(error), KLIENT_ASSIGNOR_FAILED);
    ck_assert_int_eq(klient_error_detail(error), SULKS);
    ck_assert_int_eq(klient_error_fatal(error), 0);
    ck_assert_ptr_nonnull(strstr(klient_error_text(error), "assignor wish"));
    ck_assert_ptr_nonnull(strstr(klient_error_text(error), _i == 0 ? "no wish today" : "assign"));
    klient_error_free(error);
    ck_assert_int_eq(member_holds(&members[0]), 0);

    atomic_store(fault, 0);
    POLL_UNTIL(members, 1, member_holds(&members[0]) == PARTITIONS);
}
END_TEST

START_TEST(one_that_does_not_start_fails_the_consumer_and_says_why)
{
    klient_assignor_t assignor = wish_assignor(&owns[0]);
    klient_config_t *config = config_with(&assignor, "wish");
    klient_error_t *error = NULL;

    ck_assert_int_eq(klient_config_set(config, "wish.unit", "dozen", NULL), KLIENT_OK);
    ck_assert_ptr_null(klient_consumer_new(config, &error));

    ck_assert_int_eq(klient_error_code(error), KLIENT_INVALID_CONFIG);
    ck_assert_int_eq(klient_error_detail(error), SULKS);
    ck_assert_ptr_nonnull(strstr(klient_error_text(error), "wishes do not come by the dozen"));
    ck_assert_int_eq(owns[0].closed, 0);
    klient_error_free(error);
    klient_config_free(config);
}
END_TEST

START_TEST(only_those_that_the_strategy_names_are_opened_and_all_of_them_closed)
{
    klient_assignor_t assignor = wish_assignor(&owns[0]);

    klient_consumer_close(consumer_with(config_with(&assignor, "range")), 0, NULL);
    ck_assert_int_eq(owns[0].opened, 0);
    klient_consumer_close(consumer_with(config_with(&assignor, "range,wish")), 0, NULL);
    ck_assert_int_eq(owns[0].opened, 1);
    ck_assert_int_eq(owns[0].closed, 1);
}
END_TEST

START_TEST(its_name_is_its_own_and_known)
{
    klient_assignor_t assignor = wish_assignor(&owns[0]);
    klient_config_t *config = config_with(&assignor, "wish");
    klient_error_t *error = NULL;

    ck_assert_int_eq(klient_config_add_assignor(config, "wish", &assignor, NULL), KLIENT_EXISTS);
    ck_assert_int_eq(klient_config_add_assignor(config, "range", &assignor, NULL), KLIENT_EXISTS);
    ck_assert_int_eq(klient_config_add_assignor(
                         config, "org.apache.kafka.clients.consumer.StickyAssignor", &assignor,
                         NULL), KLIENT_EXISTS);
    ck_assert_int_eq(klient_config_add_assignor(config, "two words", &assignor, NULL),
                     KLIENT_INVALID_ARGUMENT);
    assignor.assign = NULL;
    ck_assert_int_eq(klient_config_add_assignor(config, "idle", &assignor, NULL),
                     KLIENT_INVALID_ARGUMENT);
    klient_config_set(config, "partition.assignment.strategy", "wish,whim", NULL);
    ck_assert_ptr_null(klient_consumer_new(config, &error));
    ck_assert_int_eq(klient_error_code(error), KLIENT_INVALID_CONFIG);
    ck_assert_ptr_nonnull(strstr(klient_error_text(error), "\"whim\""));
    klient_error_free(error);
    klient_config_free(config);
}
END_TEST

/* --- what it may not do ----------------------------------------------------------------------- */

static int wild_assign(void *state, klient_assigning_t *group, char *reason, size_t reason_size)
{
    klient_assign_member_t member = { .size = sizeof member - 1 };

    (void)state, (void)reason, (void)reason_size;
    ck_assert_int_eq(klient_assigning_give(group, 1, 0, 0), KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_assigning_give(group, 0, PARTITIONS, 0), KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_assigning_give(group, 0, -1, 0), KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_assigning_give(group, 0, 0, 1), KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_assigning_tell(group, 1, "x", 1), KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_assigning_member(group, 0, &member), KLIENT_INVALID_ARGUMENT);
    for (int32_t i = 0; i < PARTITIONS; i++)
        ck_assert_int_eq(klient_assigning_give(group, 0, i, 0), KLIENT_OK);
    return 0;
}

START_TEST(it_gives_only_what_there_is_to_whom_there_is)
{
    klient_assignor_t assignor;

    klient_assignor_init(&assignor);
    assignor.assign = wild_assign;
    members[0] = (struct member){ .consumer = consumer_with(config_with(&assignor, "wish")) };
    member_subscribe(&members[0], "t");

    POLL_UNTIL(members, 1, member_holds(&members[0]) == PARTITIONS);
}
END_TEST

static int calling_assign(void *state, klient_assigning_t *group, char *reason, size_t reason_size)
{
    struct own *own = state;
    klient_records_t *records = NULL;

    atomic_store(&own->answer,
                 klient_consumer_poll(atomic_load(&own->consumer), 0, &records, NULL));
    return wish_assign(state, group, reason, reason_size);
}

START_TEST(it_must_not_call_what_would_wait_for_its_own_thread)
{
    klient_assignor_t assignor = wish_assignor(&owns[0]);

    assignor.assign = calling_assign;
    atomic_store(&owns[0].wish, PARTITIONS);
    members[0] = (struct member){ .consumer = consumer_with(config_with(&assignor, "wish")) };
    atomic_store(&owns[0].consumer, members[0].consumer);
    member_subscribe(&members[0], "t");

    POLL_UNTIL(members, 1, member_holds(&members[0]) == PARTITIONS);
    ck_assert_int_eq(owns[0].answer, KLIENT_IN_CALLBACK);
}
END_TEST

Suite *own_assignor_suite(void)
{
    Suite *suite = suite_create("client/own-assignor");
    TCase *tcase = tcase_create("own-assignor");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, an_assignor_of_the_application_shares_by_what_members_tell);
    tcase_add_test(tcase, what_it_gives_to_nobody_is_read_by_nobody);
    tcase_add_test(tcase, who_does_not_cooperate_gives_everything_up_first);
    tcase_add_test(tcase, who_cooperates_is_given_nothing_that_another_one_still_has);
    tcase_add_test(tcase, the_rack_of_a_member_is_told);
    tcase_add_test(tcase, a_member_without_it_finds_no_common_assignor);
    tcase_add_test(tcase, a_mixed_group_uses_what_all_members_know);
    tcase_add_loop_test(tcase, a_failure_is_told_by_poll_and_the_group_goes_on_when_it_is_over, 0,
                        2);
    tcase_add_test(tcase, one_that_does_not_start_fails_the_consumer_and_says_why);
    tcase_add_test(tcase, only_those_that_the_strategy_names_are_opened_and_all_of_them_closed);
    tcase_add_test(tcase, its_name_is_its_own_and_known);
    tcase_add_test(tcase, it_gives_only_what_there_is_to_whom_there_is);
    tcase_add_test(tcase, it_must_not_call_what_would_wait_for_its_own_thread);
    suite_add_tcase(suite, tcase);
    return suite;
}
