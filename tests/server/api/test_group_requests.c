/* What is asked of coordinators beside membership and offsets: who they are, what they have; and
 * requests that make no sense. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/metric.h"
#include "proto/head.h"
#include "server/runtime/control.h"
#include "server/runtime/group_place.h"
#include "server/runtime/metadata.h"
#include "tests/lib/wait.h"
#include "tests/server/lib/group_member.h"

Suite *group_requests_suite(void);

static struct plane plane;
static struct plane_topic topic;
static struct group_member member;
static _Atomic int made;                /* requests to make the topic */

static bool has_config(const Kairn__NewTopic *wanted, const char *name, const char *value)
{
    for (size_t i = 0; i < wanted->n_configs; i++)
        if (strcmp(wanted->configs[i]->name, name) == 0)
            return strcmp(wanted->configs[i]->value, value) == 0;
    return false;
}

/* The controller is asked for the topic, as plane.c configures it (offsets.topic.*). */
static void make_topic(struct control_request *request)
{
    const Kairn__NewTopic *wanted;

    if (request->head->body_case == KAIRN__REQUEST_HEAD__BODY_CREATE_TOPICS) {
        wanted = request->head->create_topics->topics[0];
        made += strcmp(wanted->name, "__consumer_offsets") == 0 && wanted->partitions == 4 &&
                wanted->replication_factor == 1 &&
                has_config(wanted, "cleanup.policy", "compact") &&
                has_config(wanted, "segment.bytes", "1048576");
    }
}

static void publish_topic(void)
{
    topic = (struct plane_topic){ .name = "__consumer_offsets", .id = uuid_random(),
                                  .partitions = 4, .leader = PLANE_BROKER, .leader_epoch = 5 };
    plane_publish(&plane, &topic);
}

static void setup(void)
{
    plane_init(&plane, 2);
    publish_topic();
    member_init(&member, &plane, 0, "readers");
}

static void setup_without_topic(void)
{
    plane_init(&plane, 2);
    plane.controller = make_topic;
    plane_publish_nothing(&plane);
    member_init(&member, &plane, 0, "readers");
}

static void teardown(void)
{
    plane_fini(&plane);
}

/* --- find ------------------------------------------------------------------------------------- */

static struct asked *find_start(const char *group)
{
    struct {
        Kairn__RequestHead head;
        Kairn__FindCoordinatorRequest body;
        char *groups[1];
    } *own = calloc(1, sizeof *own);

    kairn__request_head__init(&own->head);
    kairn__find_coordinator_request__init(&own->body);
    own->groups[0] = (char *)group;
    own->body.n_groups = 1;
    own->body.groups = own->groups;
    own->head.body_case = KAIRN__REQUEST_HEAD__BODY_FIND_COORDINATOR;
    own->head.find_coordinator = &own->body;
    struct asked *asked = plane_start(&plane, 0, &own->head, NULL, 0);
    asked->own = own;
    return asked;
}

static Kairn__Coordinator *found(struct asked *asked)
{
    asked_wait(asked);
    ck_assert_int_eq(head_error_code(asked->head->error), 0);
    ck_assert_uint_eq(asked->head->find_coordinator->n_coordinators, 1);
    return asked->head->find_coordinator->coordinators[0];
}

START_TEST(the_coordinator_is_the_leader_of_the_group_s_partition)
{
    struct asked *asked = find_start("readers");

    const Kairn__Coordinator *coordinator = found(asked);

    ck_assert_int_eq(head_error_code(coordinator->error), 0);
    ck_assert_int_eq(coordinator->broker, PLANE_BROKER);
    ck_assert_str_eq(coordinator->host, "127.0.0.1");
    ck_assert_uint_eq(coordinator->port, 9092);
    ck_assert_uint_eq(coordinator->loop,
                      (uint32_t)metadata_loop_of(&topic.id, group_place("readers", 4), 2));
    asked_free(asked);
}
END_TEST

START_TEST(without_a_leader_or_a_name_there_is_no_coordinator)
{
    topic.leader = -1;
    topic.leader_epoch = 6;
    plane_publish(&plane, &topic);

    struct asked *leaderless = find_start("readers"), *nameless = find_start("");

    ck_assert_int_eq(head_error_code(found(leaderless)->error), K_COORDINATOR_NOT_AVAILABLE);
    ck_assert_int_eq(head_error_code(found(nameless)->error), K_INVALID_GROUP_ID);
    asked_free(leaderless);
    asked_free(nameless);
}
END_TEST

START_TEST(the_topic_is_made_when_it_is_first_needed_and_asked_for_once)
{
    made = 0;

    struct asked *first = find_start("readers"), *second = find_start("writers");

    /* This controller refuses: it is nobody's coordinator yet. */
    ck_assert_int_eq(head_error_code(found(first)->error), K_COORDINATOR_NOT_AVAILABLE);
    ck_assert_int_eq(head_error_code(found(second)->error), K_COORDINATOR_NOT_AVAILABLE);
    ck_assert_int_ge(made, 1);
    ck_assert_int_le(made, 2);
    asked_free(first);
    asked_free(second);
    publish_topic();
    first = find_start("readers");
    ck_assert_int_eq(head_error_code(found(first)->error), 0);
    asked_free(first);
    ck_assert_int_le(made, 2);
}
END_TEST

/* One of them may be of before, and would not know what to do with a group. */
START_TEST(until_all_brokers_coordinate_groups_nobody_does)
{
    feature_cell_init(&plane.levels);
    made = 0;

    struct asked *asked = find_start("readers");

    const Kairn__Error *error = found(asked)->error;
    ck_assert_int_eq(head_error_code(error), K_COORDINATOR_NOT_AVAILABLE);
    ck_assert_ptr_nonnull(strstr(error->message, "coordination.version"));
    asked_free(asked);
    ck_assert_int_eq(made, 0);
    ck_assert_int_eq(member_join(&member), K_COORDINATOR_NOT_AVAILABLE);
    ck_assert_int_eq(member_commit(&member, "orders", 0, 1), K_COORDINATOR_NOT_AVAILABLE);
}
END_TEST

START_TEST(a_broker_that_is_held_below_groups_knows_nothing_of_them)
{
    plane.api.can = (struct feature_levels){ { FEATURE_LEVEL_MAX, 1 } };

    ck_assert_int_eq(member_join(&member), K_UNSUPPORTED_VERSION);
    ck_assert_int_eq(member_beat(&member), K_UNSUPPORTED_VERSION);
}
END_TEST

START_TEST(without_the_topic_nobody_coordinates)
{
    ck_assert_int_eq(member_join(&member), K_NOT_COORDINATOR);
    ck_assert_int_eq(member_beat(&member), K_NOT_COORDINATOR);
}
END_TEST

/* --- describe, list --------------------------------------------------------------------------- */

static void form(struct group_member *of)
{
    WAIT_UNTIL(member_join(of) == 0);
    ck_assert_int_eq(member_sync(of), 0);
}

START_TEST(a_group_is_described)
{
    char *names[] = { (char *)"readers", (char *)"nobody" };
    Kairn__DescribeGroupsRequest body = KAIRN__DESCRIBE_GROUPS_REQUEST__INIT;
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    struct asked *asked;
    form(&member);

    body.n_groups = 2;
    body.groups = names;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_DESCRIBE_GROUPS;
    head.describe_groups = &body;
    WAIT_UNTIL(member_ask(&member, &head, &asked) == 0 &&
               head_error_code(asked->head->describe_groups->groups[1]->error) !=
                   K_COORDINATOR_LOAD_IN_PROGRESS);

    const Kairn__GroupInfo *info = asked->head->describe_groups->groups[0];
    ck_assert_int_eq(head_error_code(info->error), 0);
    ck_assert_str_eq(info->group, "readers");
    ck_assert_str_eq(info->state, "Stable");
    ck_assert_str_eq(info->protocol_type, "consumer");
    ck_assert_str_eq(info->protocol, "range");
    ck_assert_str_eq(info->leader, member.id);
    ck_assert_int_eq(info->coordinator, PLANE_BROKER);
    ck_assert_uint_eq(info->n_members, 1);
    ck_assert_str_eq(info->members[0]->member, member.id);
    ck_assert_str_eq(info->members[0]->client_id, "tester");
    ck_assert_str_eq(info->members[0]->client_host, "/10.0.0.7");
    ck_assert_uint_eq(info->members[0]->assignment.len, 5);
    ck_assert_uint_eq(info->members[0]->metadata.len, 8);
    info = asked->head->describe_groups->groups[1];
    ck_assert_int_eq(head_error_code(info->error), K_GROUP_ID_NOT_FOUND);
    ck_assert_str_eq(info->state, "Dead");
    asked_free(asked);
}
END_TEST

static size_t list(const char *state)
{
    char *states[] = { (char *)state };
    Kairn__ListGroupsRequest body = KAIRN__LIST_GROUPS_REQUEST__INIT;
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    struct asked *asked;

    body.n_states = state != NULL;
    body.states = states;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_LIST_GROUPS;
    head.list_groups = &body;
    WAIT_UNTIL(member_ask(&member, &head, &asked) == 0);
    size_t count = asked->head->list_groups->n_groups;
    asked_free(asked);
    return count;
}

/* As the metrics tell it. */
static int64_t count_groups(void)
{
    Kairn__DescribeMetricsRequest body = KAIRN__DESCRIBE_METRICS_REQUEST__INIT;
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    struct asked *asked;

    head.body_case = KAIRN__REQUEST_HEAD__BODY_DESCRIBE_METRICS;
    head.describe_metrics = &body;
    ck_assert_int_eq(member_ask(&member, &head, &asked), 0);
    asked_free(asked);
    return metric_value(plane.metrics, METRIC_GROUPS);
}

START_TEST(all_groups_of_a_broker_are_listed)
{
    char name[16];
    struct group_member others[6];
    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "group-%d", i);
        member_init(&others[i], &plane, i % 2, strdup(name));
        form(&others[i]);
    }
    ck_assert_int_eq(member_leave(&others[0]), 0);

    ck_assert_uint_eq(list(NULL), 6);
    ck_assert_int_eq(count_groups(), 6);
    ck_assert_uint_eq(list("Stable"), 5);
    ck_assert_uint_eq(list("Empty"), 1);
    ck_assert_uint_eq(list("no such state"), 0);
    for (int i = 0; i < 6; i++)
        free((char *)others[i].group);
}
END_TEST

START_TEST(the_offsets_topic_is_told_to_be_internal)
{
    char *names[] = { (char *)"__consumer_offsets" };
    Kairn__MetadataRequest body = KAIRN__METADATA_REQUEST__INIT;
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    struct asked *asked;

    body.n_topics = 1;
    body.topics = names;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_METADATA;
    head.metadata = &body;
    ck_assert_int_eq(member_ask(&member, &head, &asked), 0);

    ck_assert(asked->head->metadata->topics[0]->internal);
    asked_free(asked);
}
END_TEST

START_TEST(the_offsets_topic_gets_no_more_partitions)
{
    Kairn__MorePartitions more = KAIRN__MORE_PARTITIONS__INIT, *all[] = { &more };
    Kairn__CreatePartitionsRequest body = KAIRN__CREATE_PARTITIONS_REQUEST__INIT;
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;

    more.topic = (char *)"__consumer_offsets";
    more.partitions = 100;
    body.n_topics = 1;
    body.topics = all;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_CREATE_PARTITIONS;
    head.create_partitions = &body;

    ck_assert_int_eq(member_ask(&member, &head, NULL), K_INVALID_PARTITIONS);
}
END_TEST

/* --- nonsense --------------------------------------------------------------------------------- */

START_TEST(a_group_without_a_name_is_refused)
{
    member.group = "";

    ck_assert_int_eq(member_join(&member), K_INVALID_GROUP_ID);
    ck_assert_int_eq(member_sync(&member), K_INVALID_GROUP_ID);
    ck_assert_int_eq(member_beat(&member), K_INVALID_GROUP_ID);
    ck_assert_int_eq(member_leave(&member), K_INVALID_GROUP_ID);
    ck_assert_int_eq(member_commit(&member, "orders", 0, 1), K_INVALID_GROUP_ID);
    int64_t offset;
    ck_assert_int_eq(member_fetch_offset(&member, "orders", 0, &offset), K_INVALID_GROUP_ID);
}
END_TEST

START_TEST(a_name_that_could_not_be_stored_is_refused)
{
    char *name = malloc(32769);
    memset(name, 'n', 32768);
    name[32768] = '\0';

    member.group = name;
    ck_assert_int_eq(member_join(&member), K_INVALID_GROUP_ID);
    member.group = "readers";
    member.instance = name;
    ck_assert_int_eq(member_join(&member), K_INVALID_REQUEST);
    free(name);
}
END_TEST

START_TEST(a_session_that_is_too_short_or_too_long_is_refused)
{
    member.session_ms = 99;
    int code;
    WAIT_UNTIL((code = member_join(&member)) != K_COORDINATOR_LOAD_IN_PROGRESS);
    ck_assert_int_eq(code, K_INVALID_SESSION_TIMEOUT);
    member.session_ms = UINT32_MAX;
    ck_assert_int_eq(member_join(&member), K_INVALID_SESSION_TIMEOUT);
    member.session_ms = 1000;
    member.rebalance_ms = 0;
    ck_assert_int_eq(member_join(&member), K_INVALID_REQUEST);
}
END_TEST

START_TEST(a_member_that_knows_too_much_or_nothing_is_refused)
{
    enum { MANY = 101 };
    Kairn__GroupProtocol protocol = KAIRN__GROUP_PROTOCOL__INIT, *protocols[MANY];
    Kairn__JoinGroupRequest body = KAIRN__JOIN_GROUP_REQUEST__INIT;
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    WAIT_UNTIL(member_beat(&member) != K_COORDINATOR_LOAD_IN_PROGRESS);

    for (int i = 0; i < MANY; i++)
        protocols[i] = &protocol;
    body.group = (char *)"readers";
    body.protocol_type = (char *)"consumer";
    body.session_timeout_ms = body.rebalance_timeout_ms = 1000;
    body.protocols = protocols;
    body.n_protocols = MANY;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_JOIN_GROUP;
    head.join_group = &body;
    ck_assert_int_eq(member_ask(&member, &head, NULL), K_INVALID_REQUEST);
    body.n_protocols = 0;
    ck_assert_int_eq(member_ask(&member, &head, NULL), K_INCONSISTENT_GROUP_PROTOCOL);
}
END_TEST

Suite *group_requests_suite(void)
{
    Suite *suite = suite_create("group requests");
    TCase *requests = tcase_create("requests");
    TCase *making = tcase_create("making");

    tcase_add_checked_fixture(requests, setup, teardown);
    tcase_add_test(requests, the_coordinator_is_the_leader_of_the_group_s_partition);
    tcase_add_test(requests, without_a_leader_or_a_name_there_is_no_coordinator);
    tcase_add_test(requests, a_group_is_described);
    tcase_add_test(requests, all_groups_of_a_broker_are_listed);
    tcase_add_test(requests, the_offsets_topic_is_told_to_be_internal);
    tcase_add_test(requests, the_offsets_topic_gets_no_more_partitions);
    tcase_add_test(requests, a_group_without_a_name_is_refused);
    tcase_add_test(requests, a_name_that_could_not_be_stored_is_refused);
    tcase_add_test(requests, a_session_that_is_too_short_or_too_long_is_refused);
    tcase_add_test(requests, a_member_that_knows_too_much_or_nothing_is_refused);
    suite_add_tcase(suite, requests);
    tcase_add_checked_fixture(making, setup_without_topic, teardown);
    tcase_add_test(making, the_topic_is_made_when_it_is_first_needed_and_asked_for_once);
    tcase_add_test(making, until_all_brokers_coordinate_groups_nobody_does);
    tcase_add_test(making, a_broker_that_is_held_below_groups_knows_nothing_of_them);
    tcase_add_test(making, without_the_topic_nobody_coordinates);
    suite_add_tcase(suite, making);
    return suite;
}
