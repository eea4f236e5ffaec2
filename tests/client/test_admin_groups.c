#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/head.h"
#include "tests/client/helpers.h"
#include "tests/client/members.h"

static struct fake *fake;
static klient_admin_t *admin;

static void setup(void)
{
    fake = fake_new(3);
    fake_add_topic(fake, "t", 3);
    admin = admin_with(config_for(fake, NULL));
}

static void teardown(void)
{
    klient_admin_close(admin);
    fake_free(fake);
}

static klient_groups_t *describe(const char *const *names, size_t count)
{
    klient_groups_t *groups = NULL;

    ck_assert_int_eq(klient_admin_describe_groups(admin, names, count, PATIENCE_MS, &groups, NULL),
                     KLIENT_OK);
    ck_assert_uint_eq(klient_groups_count(groups), count);
    return groups;
}

static klient_group_info_t group_at(const klient_groups_t *groups, size_t index)
{
    klient_group_info_t group = { .size = sizeof group };

    ck_assert_int_eq(klient_groups_get(groups, index, &group), KLIENT_OK);
    return group;
}

START_TEST(a_group_is_described_with_what_its_members_read_and_have)
{
    const char *names[] = { "g", "nobody" };
    klient_member_info_t info = { .size = sizeof info };
    klient_topic_partition_t partition;
    struct member members[2];
    size_t assigned = 0;
    members_form(members, 2, fake, "range", 3);

    klient_groups_t *groups = describe(names, 2);

    klient_group_info_t group = group_at(groups, 0);
    ck_assert_int_eq(group.code, KLIENT_OK);
    ck_assert_int_eq(group.state, KLIENT_GROUP_STABLE);
    ck_assert_str_eq(group.protocol_type, "consumer");
    ck_assert_str_eq(group.protocol, "range");
    ck_assert_int_eq(group.coordinator, 1);
    ck_assert_uint_eq(group.member_count, 2);
    for (size_t m = 0; m < 2; m++) {
        ck_assert_int_eq(klient_groups_member(groups, 0, m, &info), KLIENT_OK);
        ck_assert_str_eq(info.client_id, "client");
        ck_assert_int_eq(info.opaque, 0);
        ck_assert_uint_eq(info.topic_count, 1);
        ck_assert_str_eq(klient_groups_topic(groups, 0, m, 0), "t");
        ck_assert_ptr_null(klient_groups_topic(groups, 0, m, 1));
        for (size_t i = 0; i < info.assigned_count; i++, assigned++) {
            ck_assert_int_eq(klient_groups_assigned(groups, 0, m, i, &partition), KLIENT_OK);
            ck_assert_str_eq(partition.topic, "t");
        }
        ck_assert_int_eq(klient_groups_assigned(groups, 0, m, info.assigned_count, &partition),
                         KLIENT_INVALID_ARGUMENT);
    }
    ck_assert_uint_eq(assigned, 3);
    ck_assert_int_eq(klient_groups_member(groups, 0, 2, &info), KLIENT_INVALID_ARGUMENT);
    group = group_at(groups, 1);
    ck_assert_int_eq(group.code, KLIENT_GROUP_ID_NOT_FOUND);
    ck_assert_str_eq(group.group, "nobody");
    ck_assert_uint_eq(group.member_count, 0);
    klient_groups_free(groups);
    member_close(&members[0]);
    member_close(&members[1]);
}
END_TEST

START_TEST(a_member_that_speaks_no_consumers_words_is_opaque)
{
    const char *names[] = { "g" };
    klient_member_info_t info = { .size = sizeof info };
    struct member member;
    members_form(&member, 1, fake, "range", 3);
    atomic_store(&fake_faults(fake)->group_nonsense_body,
                 KAIRN__RESPONSE_HEAD__BODY_DESCRIBE_GROUPS);

    klient_groups_t *groups = describe(names, 1);

    ck_assert_int_eq(klient_groups_member(groups, 0, 0, &info), KLIENT_OK);
    ck_assert(info.opaque);
    ck_assert_uint_eq(info.topic_count, 0);
    ck_assert_uint_eq(info.assigned_count, 0);
    klient_groups_free(groups);
    member_close(&member);
}
END_TEST

START_TEST(groups_of_all_brokers_are_listed_by_name_and_by_state)
{
    const klient_group_state_t stable = KLIENT_GROUP_STABLE;
    klient_groups_t *groups = NULL;
    struct member member;
    fake_commit(fake, "z", "t", 0, 1);
    fake_commit(fake, "a", "t", 0, 1);
    fake_set_coordinator(fake, 2);
    members_form(&member, 1, fake, "range", 3);

    ck_assert_int_eq(klient_admin_list_groups(admin, NULL, 0, PATIENCE_MS, &groups, NULL),
                     KLIENT_OK);

    ck_assert_uint_eq(klient_groups_count(groups), 3);
    ck_assert_str_eq(group_at(groups, 0).group, "a");
    ck_assert_int_eq(group_at(groups, 0).state, KLIENT_GROUP_EMPTY);
    ck_assert_str_eq(group_at(groups, 1).group, "g");
    ck_assert_int_eq(group_at(groups, 1).coordinator, 3);
    ck_assert_str_eq(group_at(groups, 2).group, "z");
    klient_groups_free(groups);
    ck_assert_int_eq(klient_admin_list_groups(admin, &stable, 1, PATIENCE_MS, &groups, NULL),
                     KLIENT_OK);
    ck_assert_uint_eq(klient_groups_count(groups), 1);
    ck_assert_str_eq(group_at(groups, 0).group, "g");
    klient_groups_free(groups);
    member_close(&member);
}
END_TEST

START_TEST(a_broker_that_can_not_be_asked_leaves_the_groups_of_the_others)
{
    klient_groups_t *groups = NULL;
    klient_error_t *error = NULL;
    fake_commit(fake, "a", "t", 0, 1);
    atomic_store(&fake_faults(fake)->mute_broker, 3);

    ck_assert_int_eq(klient_admin_list_groups(admin, NULL, 0, 700, &groups, &error),
                     KLIENT_REQUEST_TIMED_OUT);

    ck_assert_ptr_nonnull(strstr(klient_error_text(error), "broker 3"));
    ck_assert_uint_eq(klient_groups_count(groups), 1);
    klient_error_free(error);
    klient_groups_free(groups);
}
END_TEST

START_TEST(groups_without_members_are_deleted_each_with_its_own_outcome)
{
    const char *names[] = { "a", "g", "nobody" };
    klient_code_t codes[3];
    klient_error_t *error = NULL;
    struct member member;
    fake_commit(fake, "a", "t", 0, 7);
    members_form(&member, 1, fake, "range", 3);

    ck_assert_int_eq(klient_admin_delete_groups(admin, names, 3, PATIENCE_MS, codes, &error),
                     KLIENT_NON_EMPTY_GROUP);

    ck_assert_ptr_nonnull(strstr(klient_error_text(error), "g: "));
    ck_assert_int_eq(codes[0], KLIENT_OK);
    ck_assert_int_eq(codes[1], KLIENT_NON_EMPTY_GROUP);
    ck_assert_int_eq(codes[2], KLIENT_GROUP_ID_NOT_FOUND);
    ck_assert_int_eq(fake_committed(fake, "a", "t", 0, NULL), -1);
    klient_error_free(error);
    member_close(&member);
}
END_TEST

/* Both stay members of "g" when they are closed: for as long as their sessions last. */
static void leave_two_static_members(void)
{
    static const char *const instances[] = { "one", "two" };
    struct member members[2];

    for (int i = 0; i < 2; i++) {
        member_open(&members[i], fake, "group.instance.id", instances[i], "session.timeout.ms",
                    "300000", NULL);
        member_subscribe(&members[i], "t");
    }
    POLL_UNTIL(members, 2, members_hold(members, 2) == 3 && fake_group_stable(fake, "g"));
    member_close(&members[0]);
    member_close(&members[1]);
    ck_assert_int_eq(fake_group_members(fake, "g"), 2);
}

START_TEST(members_are_removed_each_with_its_own_outcome)
{
    const char *group = "g";
    klient_member_info_t info = { .size = sizeof info };
    klient_member_name_t names[] = { { .instance = "one" }, { .member = "nobody" }, { 0 } };
    klient_code_t codes[3];
    klient_error_t *error = NULL;

    leave_two_static_members();
    klient_groups_t *groups = describe(&group, 1);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(klient_groups_member(groups, 0, i, &info), KLIENT_OK);
        if (strcmp(info.instance, "two") == 0)
            names[2].member = info.member;
    }

    ck_assert_int_eq(klient_admin_remove_members(admin, group, names, 3, PATIENCE_MS, codes,
                                                 &error), KLIENT_UNKNOWN_MEMBER_ID);
    ck_assert_ptr_nonnull(strstr(klient_error_text(error), "nobody: "));
    ck_assert_int_eq(codes[0], KLIENT_OK);
    ck_assert_int_eq(codes[1], KLIENT_UNKNOWN_MEMBER_ID);
    ck_assert_int_eq(codes[2], KLIENT_OK);
    ck_assert_int_eq(fake_group_members(fake, group), 0);
    klient_error_free(error);
    klient_groups_free(groups);
}
END_TEST

START_TEST(who_removes_members_may_wait_by_a_queue)
{
    klient_member_name_t names[] = { { .instance = "one" }, { .instance = "nobody" } };
    klient_queue_t *queue = klient_queue_new(NULL);

    leave_two_static_members();
    ck_assert_int_eq(klient_admin_remove_members_async(admin, "g", names, 2, PATIENCE_MS, queue,
                                                       &names, NULL), KLIENT_OK);
    klient_event_t *event = expect_answer(queue, &names, KLIENT_UNKNOWN_MEMBER_ID);
    klient_results_t *results = klient_event_take_results(event);
    ck_assert_uint_eq(klient_results_count(results), 2);
    ck_assert_str_eq(klient_results_name(results, 0), "one");
    ck_assert_int_eq(klient_results_code(results, 0), KLIENT_OK);
    ck_assert_int_eq(klient_results_code(results, 1), KLIENT_UNKNOWN_MEMBER_ID);
    klient_results_free(results);
    klient_event_free(event);
    klient_queue_free(queue);
}
END_TEST

START_TEST(a_member_to_be_removed_has_one_name)
{
    static const klient_member_name_t bad[] = { { NULL, NULL }, { "", NULL }, { "m", "i" } };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_int_eq(klient_admin_remove_members(admin, "g", &bad[i], 1, 0, NULL, NULL),
                         KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_admin_remove_members(admin, "g", NULL, 0, 0, NULL, NULL),
                     KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_admin_remove_members(admin, "", bad, 1, 0, NULL, NULL),
                     KLIENT_INVALID_GROUP_ID);
}
END_TEST

START_TEST(what_a_group_has_committed_is_told_in_order)
{
    klient_offsets_t *offsets = NULL;
    klient_offset_t offset;
    fake_add_topic(fake, "b", 2);
    fake_commit(fake, "a", "t", 2, 30);
    fake_commit(fake, "a", "t", 0, 10);
    fake_commit(fake, "a", "b", 1, 5);

    ck_assert_int_eq(klient_admin_group_offsets(admin, "a", PATIENCE_MS, &offsets, NULL),
                     KLIENT_OK);

    ck_assert_uint_eq(klient_offsets_count(offsets), 3);
    klient_offset_init(&offset);
    ck_assert_int_eq(klient_offsets_get(offsets, 0, &offset), KLIENT_OK);
    ck_assert_str_eq(offset.topic, "b");
    ck_assert_int_eq(offset.offset, 5);
    klient_offsets_get(offsets, 2, &offset);
    ck_assert_int_eq(offset.partition, 2);
    ck_assert_int_eq(offset.offset, 30);
    klient_offsets_free(offsets);
    ck_assert_int_eq(klient_admin_group_offsets(admin, "nobody", PATIENCE_MS, &offsets, NULL),
                     KLIENT_OK);
    ck_assert_uint_eq(klient_offsets_count(offsets), 0);
    klient_offsets_free(offsets);
}
END_TEST

static klient_offset_t offset_of(const char *topic, int32_t partition, int64_t value)
{
    klient_offset_t offset;

    klient_offset_init(&offset);
    offset.topic = topic;
    offset.partition = partition;
    offset.offset = value;
    return offset;
}

START_TEST(offsets_are_set_in_the_name_of_a_group_without_members)
{
    klient_offset_t one = offset_of("t", 0, 11), two = offset_of("t", 2, 0);
    const klient_offset_t *both[] = { &one, &two };
    klient_code_t codes[2] = { KLIENT_NOMEM, KLIENT_NOMEM };
    char metadata[64];
    one.metadata = "by hand";

    ck_assert_int_eq(klient_admin_alter_group_offsets(admin, "new", both, 2, PATIENCE_MS, codes,
                                                      NULL), KLIENT_OK);

    ck_assert_int_eq(codes[0], KLIENT_OK);
    ck_assert_int_eq(codes[1], KLIENT_OK);
    ck_assert_int_eq(fake_committed(fake, "new", "t", 0, metadata), 11);
    ck_assert_str_eq(metadata, "by hand");
    ck_assert_int_eq(fake_committed(fake, "new", "t", 2, NULL), 0);
}
END_TEST

START_TEST(offsets_of_a_group_with_members_stay_as_they_are)
{
    klient_offset_t one = offset_of("t", 0, 11);
    const klient_offset_t *list[] = { &one };
    klient_code_t code = KLIENT_OK;
    struct member member;
    members_form(&member, 1, fake, "range", 3);

    ck_assert_int_eq(klient_admin_alter_group_offsets(admin, "g", list, 1, PATIENCE_MS, &code,
                                                      NULL), KLIENT_NON_EMPTY_GROUP);

    ck_assert_int_eq(code, KLIENT_NON_EMPTY_GROUP);
    ck_assert_int_ne(fake_committed(fake, "g", "t", 0, NULL), 11);
    member_close(&member);
}
END_TEST

/* More than fit into one request. */
START_TEST(any_number_of_offsets_can_be_set_and_forgotten)
{
    enum { COUNT = 5000 };
    klient_offset_t *offsets = calloc(COUNT, sizeof *offsets);
    const klient_offset_t **list = calloc(COUNT, sizeof *list);
    klient_topic_partition_t *names = calloc(COUNT, sizeof *names);
    klient_code_t *codes = calloc(COUNT, sizeof *codes);
    for (int i = 0; i < COUNT; i++) {
        offsets[i] = offset_of("t", i, i + 1);
        list[i] = &offsets[i];
        names[i] = (klient_topic_partition_t){ "t", i };
        codes[i] = KLIENT_NOMEM;
    }

    ck_assert_int_eq(klient_admin_alter_group_offsets(admin, "new", list, COUNT, PATIENCE_MS,
                                                      codes, NULL), KLIENT_OK);

    ck_assert_int_eq(codes[COUNT - 1], KLIENT_OK);
    ck_assert_int_eq(fake_committed(fake, "new", "t", 0, NULL), 1);
    ck_assert_int_eq(fake_committed(fake, "new", "t", COUNT - 1, NULL), COUNT);
    ck_assert_int_eq(klient_admin_delete_group_offsets(admin, "new", names + 1, COUNT - 1,
                                                       PATIENCE_MS, codes, NULL), KLIENT_OK);
    ck_assert_int_eq(fake_committed(fake, "new", "t", 0, NULL), 1);
    ck_assert_int_eq(fake_committed(fake, "new", "t", COUNT - 1, NULL), -1);
    ck_assert_int_eq(klient_admin_delete_group_offsets(admin, "nobody", names, 1, PATIENCE_MS,
                                                       codes, NULL), KLIENT_GROUP_ID_NOT_FOUND);
    free(offsets);
    free(list);
    free(names);
    free(codes);
}
END_TEST

START_TEST(a_coordinator_that_moves_is_found_again)
{
    const char *names[] = { "a" };
    klient_offset_t one = offset_of("t", 0, 12);
    const klient_offset_t *list[] = { &one };
    fake_commit(fake, "a", "t", 0, 7);
    atomic_store(&fake_faults(fake)->group_refuse_body, KAIRN__REQUEST_HEAD__BODY_DESCRIBE_GROUPS);
    atomic_store(&fake_faults(fake)->group_refuse_code, KLIENT_NOT_COORDINATOR);
    atomic_store(&fake_faults(fake)->group_refuse_count, 3);

    klient_groups_t *groups = describe(names, 1);

    ck_assert_int_eq(group_at(groups, 0).code, KLIENT_OK);
    ck_assert_int_ge(fake_requests(fake, KAIRN__REQUEST_HEAD__BODY_FIND_COORDINATOR), 4);
    klient_groups_free(groups);
    fake_set_coordinator(fake, 1);
    atomic_store(&fake_faults(fake)->group_refuse_body, KAIRN__REQUEST_HEAD__BODY_OFFSET_COMMIT);
    atomic_store(&fake_faults(fake)->group_refuse_code, KLIENT_COORDINATOR_LOAD_IN_PROGRESS);
    atomic_store(&fake_faults(fake)->group_refuse_count, 2);
    ck_assert_int_eq(klient_admin_alter_group_offsets(admin, "a", list, 1, PATIENCE_MS, NULL, NULL),
                     KLIENT_OK);
    ck_assert_int_eq(fake_committed(fake, "a", "t", 0, NULL), 12);
}
END_TEST

START_TEST(what_may_have_been_deleted_is_not_deleted_again)
{
    const char *names[] = { "a" };
    fake_commit(fake, "a", "t", 0, 7);
    atomic_store(&fake_faults(fake)->group_refuse_body, KAIRN__REQUEST_HEAD__BODY_DELETE_GROUPS);
    atomic_store(&fake_faults(fake)->group_refuse_code, KLIENT_NETWORK_EXCEPTION);
    atomic_store(&fake_faults(fake)->group_refuse_count, 1);

    ck_assert_int_eq(klient_admin_delete_groups(admin, names, 1, PATIENCE_MS, NULL, NULL),
                     KLIENT_NETWORK_EXCEPTION);

    ck_assert_int_eq(fake_requests(fake, KAIRN__REQUEST_HEAD__BODY_DELETE_GROUPS), 1);
}
END_TEST

START_TEST(offsets_of_partitions_come_with_a_code_each)
{
    const klient_topic_partition_t partitions[] = { { "t", 0 }, { "t", 0 }, { "t", 0 },
                                                    { "t", 9 } };
    const int64_t times[] = { KLIENT_OFFSETS_BEGINNING, KLIENT_OFFSETS_END, INT64_MAX,
                              KLIENT_OFFSETS_END };
    int64_t offsets[4];
    klient_code_t codes[4];
    klient_error_t *error = NULL;
    fill(fake, "t", 0, 5);

    ck_assert_int_eq(klient_admin_list_offsets(admin, partitions, times, 4, PATIENCE_MS, offsets,
                                               codes, &error), KLIENT_UNKNOWN_TOPIC_OR_PARTITION);

    ck_assert_int_eq(klient_error_partition(error), 9);
    ck_assert_int_eq(codes[0], KLIENT_OK);
    ck_assert_int_eq(offsets[0], 0);
    ck_assert_int_eq(offsets[1], 5);
    ck_assert_int_eq(codes[2], KLIENT_OK);
    ck_assert_int_eq(offsets[2], -1);
    ck_assert_int_eq(codes[3], KLIENT_UNKNOWN_TOPIC_OR_PARTITION);
    ck_assert_int_eq(offsets[3], -1);
    klient_error_free(error);
    ck_assert_int_eq(klient_admin_list_offsets(admin, partitions, times, 2, PATIENCE_MS, offsets,
                                               NULL, NULL), KLIENT_OK);
    ck_assert_int_eq(offsets[1], 5);
}
END_TEST

START_TEST(questions_without_sense_are_refused_before_anyone_is_asked)
{
    const char *empty[] = { "" }, *null[] = { NULL };
    klient_offset_t negative = offset_of("t", 0, -1);
    const klient_offset_t *list[] = { &negative };
    const klient_topic_partition_t partition = { "t", 0 };
    const int64_t before = -3;
    int64_t offset;
    klient_groups_t *groups = NULL;
    klient_offsets_t *offsets = NULL;

    ck_assert_int_eq(klient_admin_describe_groups(admin, empty, 1, 0, &groups, NULL),
                     KLIENT_INVALID_GROUP_ID);
    ck_assert_int_eq(klient_admin_describe_groups(admin, null, 1, 0, &groups, NULL),
                     KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_admin_describe_groups(admin, empty, 0, 0, &groups, NULL),
                     KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_admin_list_groups(admin, NULL, 1, 0, &groups, NULL),
                     KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_admin_delete_groups(admin, NULL, 1, 0, NULL, NULL),
                     KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_admin_group_offsets(admin, "", 0, &offsets, NULL),
                     KLIENT_INVALID_GROUP_ID);
    ck_assert_int_eq(klient_admin_alter_group_offsets(admin, "g", list, 1, 0, NULL, NULL),
                     KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_admin_delete_group_offsets(admin, "", &partition, 1, 0, NULL, NULL),
                     KLIENT_INVALID_GROUP_ID);
    ck_assert_int_eq(klient_admin_list_offsets(admin, &partition, &before, 1, 0, &offset, NULL,
                                               NULL), KLIENT_INVALID_ARGUMENT);
}
END_TEST

START_TEST(a_coordinator_that_answers_nonsense_is_no_crash)
{
    static const int spoilt[] = { HOSTILE_EMPTY_BODY, HOSTILE_OTHER_BODY, HOSTILE_GARBAGE_HEAD,
                                  HOSTILE_SHORT_HEAD };
    const char *names[] = { "a" };
    klient_offset_t one = offset_of("t", 0, 1);
    const klient_offset_t *list[] = { &one };
    klient_groups_t *groups = NULL;
    klient_offsets_t *offsets = NULL;
    fake_commit(fake, "a", "t", 0, 7);
    atomic_store(&fake_faults(fake)->hostile, spoilt[_i]);

    ck_assert_int_eq(klient_admin_describe_groups(admin, names, 1, 300, &groups, NULL), KLIENT_OK);
    ck_assert_int_ne(group_at(groups, 0).code, KLIENT_OK);
    klient_groups_free(groups);
    groups = NULL;
    ck_assert_int_ne(klient_admin_list_groups(admin, NULL, 0, 300, &groups, NULL), KLIENT_OK);
    klient_groups_free(groups);
    ck_assert_int_ne(klient_admin_delete_groups(admin, names, 1, 300, NULL, NULL), KLIENT_OK);
    ck_assert_int_ne(klient_admin_group_offsets(admin, "a", 300, &offsets, NULL), KLIENT_OK);
    ck_assert_int_ne(klient_admin_alter_group_offsets(admin, "a", list, 1, 300, NULL, NULL),
                     KLIENT_OK);
}
END_TEST

START_TEST(an_answer_with_rows_that_are_missing_or_wrong_is_malformed)
{
    const char *names[] = { "a" };
    klient_offset_t one = offset_of("t", 0, 1);
    const klient_offset_t *list[] = { &one };
    const klient_topic_partition_t partition = { "t", 0 };
    klient_offsets_t *offsets = NULL;
    atomic_int *nonsense = &fake_faults(fake)->group_nonsense_body;
    fake_commit(fake, "a", "t", 0, 7);

    atomic_store(nonsense, KAIRN__RESPONSE_HEAD__BODY_OFFSET_FETCH);
    ck_assert_int_eq(klient_admin_group_offsets(admin, "a", PATIENCE_MS, &offsets, NULL),
                     KLIENT_MALFORMED);
    atomic_store(nonsense, KAIRN__RESPONSE_HEAD__BODY_OFFSET_COMMIT);
    ck_assert_int_eq(klient_admin_alter_group_offsets(admin, "a", list, 1, PATIENCE_MS, NULL, NULL),
                     KLIENT_MALFORMED);
    atomic_store(nonsense, KAIRN__RESPONSE_HEAD__BODY_OFFSET_DELETE);
    ck_assert_int_eq(klient_admin_delete_group_offsets(admin, "a", &partition, 1, PATIENCE_MS, NULL,
                                                       NULL), KLIENT_MALFORMED);
    atomic_store(nonsense, KAIRN__RESPONSE_HEAD__BODY_DELETE_GROUPS);
    ck_assert_int_eq(klient_admin_delete_groups(admin, names, 1, PATIENCE_MS, NULL, NULL),
                     KLIENT_MALFORMED);
}
END_TEST

START_TEST(a_silent_coordinator_is_given_up_in_time)
{
    const char *names[] = { "a", "b" };
    klient_groups_t *groups = NULL;
    fake_commit(fake, "a", "t", 0, 7);
    fake_set_coordinator(fake, 2);
    atomic_store(&fake_faults(fake)->mute_broker, 3);

    ck_assert_int_eq(klient_admin_describe_groups(admin, names, 2, 500, &groups, NULL), KLIENT_OK);

    ck_assert_int_eq(group_at(groups, 0).code, KLIENT_REQUEST_TIMED_OUT);
    ck_assert_int_eq(group_at(groups, 1).code, KLIENT_REQUEST_TIMED_OUT);
    klient_groups_free(groups);
}
END_TEST

Suite *admin_groups_suite(void)
{
    Suite *suite = suite_create("client/admin_groups");
    TCase *tcase = tcase_create("groups");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_group_is_described_with_what_its_members_read_and_have);
    tcase_add_test(tcase, a_member_that_speaks_no_consumers_words_is_opaque);
    tcase_add_test(tcase, groups_of_all_brokers_are_listed_by_name_and_by_state);
    tcase_add_test(tcase, a_broker_that_can_not_be_asked_leaves_the_groups_of_the_others);
    tcase_add_test(tcase, groups_without_members_are_deleted_each_with_its_own_outcome);
    tcase_add_test(tcase, members_are_removed_each_with_its_own_outcome);
    tcase_add_test(tcase, who_removes_members_may_wait_by_a_queue);
    tcase_add_test(tcase, a_member_to_be_removed_has_one_name);
    tcase_add_test(tcase, what_a_group_has_committed_is_told_in_order);
    tcase_add_test(tcase, offsets_are_set_in_the_name_of_a_group_without_members);
    tcase_add_test(tcase, offsets_of_a_group_with_members_stay_as_they_are);
    tcase_add_test(tcase, any_number_of_offsets_can_be_set_and_forgotten);
    tcase_add_test(tcase, a_coordinator_that_moves_is_found_again);
    tcase_add_test(tcase, what_may_have_been_deleted_is_not_deleted_again);
    tcase_add_test(tcase, offsets_of_partitions_come_with_a_code_each);
    tcase_add_test(tcase, questions_without_sense_are_refused_before_anyone_is_asked);
    tcase_add_loop_test(tcase, a_coordinator_that_answers_nonsense_is_no_crash, 0, 4);
    tcase_add_test(tcase, an_answer_with_rows_that_are_missing_or_wrong_is_malformed);
    tcase_add_test(tcase, a_silent_coordinator_is_given_up_in_time);
    suite_add_tcase(suite, tcase);
    return suite;
}
