#include <check.h>
#include <string.h>

#include "common/error.h"
#include "proto/api_table.h"
#include "proto/head.h"
#include "server/runtime/metadata.h"
#include "tests/server/lib/plane.h"

static struct plane plane;
static struct plane_topic topic;
static Kairn__RequestHead head;
static Kairn__MetadataRequest body;

static void setup(void)
{
    plane_init(&plane, 2);
    topic = (struct plane_topic){ .name = "orders", .id = uuid_random(), .partitions = 3,
                                  .leader = PLANE_BROKER, .leader_epoch = 1,
                                  .config_name = "segment.bytes", .config_value = "1000000" };
    plane_publish(&plane, &topic);
    kairn__request_head__init(&head);
    kairn__metadata_request__init(&body);
    head.body_case = KAIRN__REQUEST_HEAD__BODY_METADATA;
    head.metadata = &body;
}

static void teardown(void)
{
    plane_fini(&plane);
}

START_TEST(all_topics_and_brokers_are_told)
{
    body.all_topics = true;

    struct asked *asked = plane_ask(&plane, 0, &head, NULL, 0);

    const Kairn__MetadataResponse *answer = asked->head->metadata;
    ck_assert_str_eq(answer->cluster_id, "test-cluster");
    ck_assert_int_eq(answer->controller, PLANE_BROKER);
    ck_assert_uint_eq(answer->n_brokers, 1);
    ck_assert_str_eq(answer->brokers[0]->host, "127.0.0.1");
    ck_assert_uint_eq(answer->n_topics, 1);
    ck_assert_str_eq(answer->topics[0]->name, "orders");
    ck_assert_uint_eq(answer->topics[0]->n_partitions, 3);
    ck_assert_uint_eq(answer->topics[0]->n_configs, 0);
    for (int32_t i = 0; i < 3; i++)
        ck_assert_int_eq((int)answer->topics[0]->partitions[i]->loop,
                         metadata_loop_of(&topic.id, i, 2));
    asked_free(asked);
}
END_TEST

START_TEST(topics_are_found_by_name_and_by_id)
{
    char *names[] = { (char *)"orders", (char *)"nothing" };
    ProtobufCBinaryData ids[] = { head_bytes_of_uuid(&topic.id) };
    body.n_topics = 2;
    body.topics = names;
    body.n_topic_ids = 1;
    body.topic_ids = ids;
    body.topic_configs = true;

    struct asked *asked = plane_ask(&plane, 1, &head, NULL, 0);

    Kairn__TopicInfo **topics = asked->head->metadata->topics;
    ck_assert_uint_eq(asked->head->metadata->n_topics, 3);
    ck_assert_str_eq(topics[0]->configs[0]->value, "1000000");
    ck_assert_int_eq(head_error_code(topics[1]->error), K_UNKNOWN_TOPIC_OR_PARTITION);
    ck_assert_str_eq(topics[1]->name, "nothing");
    ck_assert_str_eq(topics[2]->name, "orders");
    asked_free(asked);
}
END_TEST

START_TEST(a_partition_without_leader_says_so)
{
    topic.leader = -1;
    topic.leader_epoch = 2;
    plane_publish(&plane, &topic);
    body.all_topics = true;

    struct asked *asked = plane_ask(&plane, 0, &head, NULL, 0);

    const Kairn__PartitionInfo *partition = asked->head->metadata->topics[0]->partitions[0];
    ck_assert_int_eq(partition->leader, -1);
    ck_assert_int_eq(head_error_code(partition->error), K_LEADER_NOT_AVAILABLE);
    asked_free(asked);
}
END_TEST

START_TEST(a_stale_epoch_waits_for_a_newer_one)
{
    Kairn__StaleLeader stale = KAIRN__STALE_LEADER__INIT;
    stale.topic_id = head_bytes_of_uuid(&topic.id);
    stale.leader_epoch = 1;
    body.newer_than = &stale;
    body.all_topics = true;
    struct asked *asked = plane_start(&plane, 0, &head, NULL, 0);
    ck_assert(!asked_is_finished(asked));

    struct plane_topic other = { .name = "other", .id = uuid_random(), .partitions = 1,
                                 .leader = PLANE_BROKER, .leader_epoch = 1 };
    plane_publish(&plane, &other);
    ck_assert(!asked_is_finished(asked));
    topic.leader_epoch = 2;
    plane_publish(&plane, &topic);
    asked_wait(asked);

    ck_assert_int_eq(asked->head->metadata->topics[0]->partitions[0]->leader_epoch, 2);
    asked_free(asked);
}
END_TEST

START_TEST(a_wait_for_news_ends_with_what_is_known)
{
    Kairn__StaleLeader stale = KAIRN__STALE_LEADER__INIT;
    stale.topic_id = head_bytes_of_uuid(&topic.id);
    stale.leader_epoch = 1;
    body.newer_than = &stale;
    body.all_topics = true;
    head.timeout_ms = 20;

    struct asked *asked = plane_ask(&plane, 0, &head, NULL, 0);

    ck_assert_ptr_null(asked->head->error);
    ck_assert_uint_eq(asked->head->metadata->n_topics, 1);
    asked_free(asked);
}
END_TEST

START_TEST(unknown_bodies_and_versions_are_unsupported)
{
    head.body_case = KAIRN__REQUEST_HEAD__BODY__NOT_SET;
    struct asked *unknown = plane_ask(&plane, 0, &head, NULL, 0);
    head.body_case = KAIRN__REQUEST_HEAD__BODY_METADATA;
    head.version = 99;
    struct asked *newer = plane_ask(&plane, 0, &head, NULL, 0);

    ck_assert_int_eq(head_error_code(unknown->head->error), K_UNSUPPORTED_VERSION);
    ck_assert_int_eq(head_error_code(newer->head->error), K_UNSUPPORTED_VERSION);
    asked_free(unknown);
    asked_free(newer);
}
END_TEST

START_TEST(api_versions_lists_every_body)
{
    Kairn__ApiVersionsRequest versions = KAIRN__API_VERSIONS_REQUEST__INIT;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_API_VERSIONS;
    head.api_versions = &versions;

    struct asked *asked = plane_ask(&plane, 0, &head, NULL, 0);

    size_t count;
    const struct api_row *rows = api_rows(&count);
    ck_assert_uint_eq(asked->head->api_versions->n_versions, count);
    for (size_t i = 0; i < count; i++)
        ck_assert_uint_eq(asked->head->api_versions->versions[i]->body, rows[i].body);
    asked_free(asked);
}
END_TEST

Suite *metadata_suite(void);

Suite *metadata_suite(void)
{
    Suite *suite = suite_create("server/api/metadata");
    TCase *tests = tcase_create("metadata");

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, all_topics_and_brokers_are_told);
    tcase_add_test(tests, topics_are_found_by_name_and_by_id);
    tcase_add_test(tests, a_partition_without_leader_says_so);
    tcase_add_test(tests, a_stale_epoch_waits_for_a_newer_one);
    tcase_add_test(tests, a_wait_for_news_ends_with_what_is_known);
    tcase_add_test(tests, unknown_bodies_and_versions_are_unsupported);
    tcase_add_test(tests, api_versions_lists_every_body);
    suite_add_tcase(suite, tests);
    return suite;
}
