#include <check.h>
#include <string.h>

#include "common/error.h"
#include "proto/head.h"
#include "tests/server/lib/follower.h"
#include "tests/server/lib/plane.h"

Suite *logs_suite(void);

static struct plane plane;
static struct plane_topic topic;

static void setup(void)
{
    uint8_t batch[4096];

    plane_init(&plane, 2);
    topic = (struct plane_topic){ .name = "state", .id = uuid_random(), .partitions = 2,
                                  .leader = PLANE_BROKER, .leader_epoch = 4,
                                  .config_name = "cleanup.policy", .config_value = "compact" };
    plane_publish(&plane, &topic);
    size_t size = plane_batch(batch, sizeof batch, 5, "value", true);
    asked_free(plane_produce(&plane, 0, &topic.id, 0, -1, batch, size));
}

static void teardown(void)
{
    plane_fini(&plane);
}

/* Ask about partitions 0 to `count` - 1 of `id`. */
static struct asked *ask(bool compact, int loop, ProtobufCBinaryData id, uint32_t first,
                         size_t count)
{
    static Kairn__LogPartition entries[4];
    static Kairn__LogPartition *pointers[4];
    static Kairn__DescribeLogsRequest describe;
    static Kairn__CompactLogsRequest clean;
    static Kairn__RequestHead head;

    kairn__describe_logs_request__init(&describe);
    kairn__compact_logs_request__init(&clean);
    kairn__request_head__init(&head);
    for (size_t i = 0; i < count; i++) {
        kairn__log_partition__init(&entries[i]);
        entries[i].topic_id = id;
        entries[i].partition = first + (uint32_t)i;
        pointers[i] = &entries[i];
    }
    describe.partitions = clean.partitions = pointers;
    describe.n_partitions = clean.n_partitions = count;
    head.body_case = compact ? KAIRN__REQUEST_HEAD__BODY_COMPACT_LOGS
                             : KAIRN__REQUEST_HEAD__BODY_DESCRIBE_LOGS;
    if (compact)
        head.compact_logs = &clean;
    else
        head.describe_logs = &describe;
    return plane_ask(&plane, loop, &head, NULL, 0);
}

START_TEST(a_log_is_described_by_whom_it_belongs_to)
{
    for (int loop = 0; loop < 2; loop++) {
        struct asked *asked = ask(false, loop, head_bytes_of_uuid(&topic.id), 0, 2);
        ck_assert_uint_eq(asked->head->describe_logs->n_results, 2);
        const Kairn__LogInfo *full = asked->head->describe_logs->results[0];
        const Kairn__LogInfo *empty = asked->head->describe_logs->results[1];

        ck_assert_ptr_null(full->error);
        ck_assert_str_eq(full->directory, plane.path);
        ck_assert_int_eq(full->log_start, 0);
        ck_assert_int_eq(full->log_end, 5);
        ck_assert_int_eq(full->high_watermark, 5);
        ck_assert_uint_gt(full->bytes, 61);
        ck_assert_uint_eq(full->segments, 1);
        ck_assert_int_eq(full->cleaning->state, KAIRN__LOG_CLEANING__STATE__NEVER);
        ck_assert_int_eq(full->cleaning->last_ms, -1);
        ck_assert_uint_eq(empty->bytes, 0);
        asked_free(asked);
    }
}
END_TEST

START_TEST(what_is_not_there_has_an_error_of_its_own)
{
    uint8_t odd[3] = { 1, 2, 3 };
    struct uuid other = uuid_random();
    struct asked *asked = ask(false, 0, head_bytes_of_uuid(&topic.id), 1, 2);
    ck_assert_ptr_null(asked->head->describe_logs->results[0]->error);
    ck_assert_int_eq(asked->head->describe_logs->results[1]->error->code,
                     K_UNKNOWN_TOPIC_OR_PARTITION);
    asked_free(asked);

    for (int compact = 0; compact < 2; compact++) {
        asked = ask(compact == 1, 1, head_bytes_of_uuid(&other), 0, 1);
        const Kairn__Error *error = compact == 1 ? asked->head->compact_logs->results[0]->error
                                                 : asked->head->describe_logs->results[0]->error;
        ck_assert_int_eq(error->code, K_UNKNOWN_TOPIC_ID);
        asked_free(asked);

        asked = ask(compact == 1, 0, (ProtobufCBinaryData){ sizeof odd, odd }, 0, 1);
        error = compact == 1 ? asked->head->compact_logs->results[0]->error
                             : asked->head->describe_logs->results[0]->error;
        ck_assert_int_ne(error->code, 0);
        asked_free(asked);

        asked = ask(compact == 1, 0, head_bytes_of_uuid(&topic.id), 0, 0);
        ck_assert_ptr_null(asked->head->error);
        asked_free(asked);
    }
}
END_TEST

START_TEST(only_a_compacted_topic_is_compacted_and_only_where_there_is_a_cleaner)
{
    /* The plane's shards have none. */
    struct asked *asked = ask(true, 0, head_bytes_of_uuid(&topic.id), 0, 1);
    ck_assert_int_eq(asked->head->compact_logs->results[0]->error->code, K_INVALID_REQUEST);
    asked_free(asked);

    topic.config_value = "delete";
    plane_publish(&plane, &topic);
    asked = ask(true, 0, head_bytes_of_uuid(&topic.id), 0, 1);
    ck_assert_int_eq(asked->head->compact_logs->results[0]->error->code,
                     K_INVALID_TOPIC_EXCEPTION);
    asked_free(asked);
}
END_TEST

/* What the leader says of follower number `index` of partition 0, of two. */
static Kairn__FollowerInfo told(size_t index)
{
    struct asked *asked = ask(false, 0, head_bytes_of_uuid(&topic.id), 0, 1);
    const Kairn__LogInfo *result = asked->head->describe_logs->results[0];

    ck_assert_ptr_null(result->error);
    ck_assert_uint_eq(result->n_followers, 2);
    Kairn__FollowerInfo info = *result->followers[index];
    asked_free(asked);
    return info;
}

START_TEST(a_leader_tells_how_far_its_followers_are_and_why_they_are_out_of_sync)
{
    struct uuid incarnation = uuid_random();
    struct follower follower = follower_new(&plane, &topic, 2, &incarnation);
    topic.replicas = 3;
    topic.min_insync = 1;
    topic.leader_epoch++;
    plane.leader_port = 1;              /* broker 2 is registered, broker 3 is not */
    plane_publish(&plane, &topic);
    ck_assert_int_eq(told(0).state, KAIRN__FOLLOWER_INFO__STATE__IN_SYNC);
    topic.insync = 1;
    topic.leader_epoch++;
    plane_publish(&plane, &topic);

    ck_assert_int_eq(told(0).broker, 2);
    ck_assert_int_eq(told(0).state, KAIRN__FOLLOWER_INFO__STATE__SILENT);
    ck_assert_int_eq(told(0).end, -1);
    follower_tell(&follower, 0);
    ck_assert_int_eq(told(0).state, KAIRN__FOLLOWER_INFO__STATE__BEHIND);
    ck_assert_int_eq(told(0).end, 0);
    ck_assert_uint_eq(told(0).lag, 5);
    struct asked *asked = follower_ask(&follower, 5, 4, 0);     /* of the first leader epoch */
    follower_answer(&follower, asked);
    asked_free(asked);
    ck_assert_int_eq(told(0).state, KAIRN__FOLLOWER_INFO__STATE__JOINING);
    ck_assert_uint_eq(told(0).lag + told(0).behind_ms, 0);
    ck_assert_int_eq(told(1).broker, 3);
    ck_assert_int_eq(told(1).state, KAIRN__FOLLOWER_INFO__STATE__GONE);
    ck_assert_uint_eq(told(1).lag, 5);
}
END_TEST

static int move(ProtobufCBinaryData id, const char *directory, bool asked_after)
{
    static Kairn__LogPartition partition;
    static Kairn__MoveLogRequest body;
    static Kairn__RequestHead head;

    kairn__log_partition__init(&partition);
    kairn__move_log_request__init(&body);
    kairn__request_head__init(&head);
    partition.topic_id = id;
    body.partition = &partition;
    body.directory = (char *)directory;
    body.ask = asked_after;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_MOVE_LOG;
    head.move_log = &body;
    struct asked *asked = plane_ask(&plane, 1, &head, NULL, 0);
    const Kairn__Error *error =
        asked->head->error != NULL ? asked->head->error : asked->head->move_log->error;
    int code = error == NULL ? 0 : error->code;
    ck_assert(code != 0 || !asked->head->move_log->under_way);
    asked_free(asked);
    return code;
}

START_TEST(a_log_is_moved_to_another_directory_of_the_broker_only)
{
    uint8_t odd[3] = { 1, 2, 3 };
    struct uuid other = uuid_random();

    ck_assert_int_eq(move(head_bytes_of_uuid(&topic.id), "/nowhere", false), K_LOG_DIR_NOT_FOUND);
    ck_assert_int_eq(move(head_bytes_of_uuid(&topic.id), "", true), K_LOG_DIR_NOT_FOUND);
    ck_assert_int_eq(move(head_bytes_of_uuid(&topic.id), plane.path, false), K_EXISTS);
    ck_assert_int_eq(move(head_bytes_of_uuid(&topic.id), plane.path, true), 0);
    ck_assert_int_eq(move(head_bytes_of_uuid(&other), plane.path, false), K_UNKNOWN_TOPIC_ID);
    ck_assert_int_eq(move((ProtobufCBinaryData){ sizeof odd, odd }, plane.path, false),
                     K_INVALID_REQUEST);
}
END_TEST

Suite *logs_suite(void)
{
    Suite *suite = suite_create("server/api/logs");
    TCase *tests = tcase_create("logs");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_log_is_described_by_whom_it_belongs_to);
    tcase_add_test(tests, a_leader_tells_how_far_its_followers_are_and_why_they_are_out_of_sync);
    tcase_add_test(tests, what_is_not_there_has_an_error_of_its_own);
    tcase_add_test(tests, a_log_is_moved_to_another_directory_of_the_broker_only);
    tcase_add_test(tests, only_a_compacted_topic_is_compacted_and_only_where_there_is_a_cleaner);
    suite_add_tcase(suite, tests);
    return suite;
}
