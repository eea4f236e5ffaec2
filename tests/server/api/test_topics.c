/* Requests that the controller serves, and configurations, with a controller of the test's own. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "proto/head.h"
#include "server/config.h"
#include "server/runtime/control.h"
#include "tests/server/lib/plane.h"

static struct plane plane;
static struct config config;
static Kairn__RequestHead head;
static size_t forwarded;            /* topics in the last request to the controller */
static char forwarded_value[32];
static bool relayed;

/* What the controller says to everything: made. */
static void answer_create(struct mail *mail)
{
    struct control_request *ask = LIST_OWNER(mail, struct control_request, mail);
    const Kairn__CreateTopicsRequest *asked = ask->head->create_topics;
    Kairn__CreateTopicsResponse *body = arena_alloc(ask->arena, sizeof *body);

    kairn__create_topics_response__init(body);
    body->n_results = asked->n_topics;
    body->results = arena_calloc(ask->arena, asked->n_topics, sizeof *body->results);
    for (size_t i = 0; i < asked->n_topics; i++) {
        body->results[i] = arena_alloc(ask->arena, sizeof *body->results[i]);
        kairn__topic_result__init(body->results[i]);
        body->results[i]->name = asked->topics[i]->name;
        body->results[i]->partitions = (uint32_t)asked->topics[i]->partitions;
        body->results[i]->replication_factor = (uint32_t)asked->topics[i]->replication_factor;
    }
    ask->response->body_case = KAIRN__RESPONSE_HEAD__BODY_CREATE_TOPICS;
    ask->response->create_topics = body;
    ask->answered(ask);
}

static void refuse(struct mail *mail)
{
    struct control_request *ask = LIST_OWNER(mail, struct control_request, mail);

    ask->code = K_NOT_CONTROLLER;
    snprintf(ask->message, sizeof ask->message, "broker 7 is the controller");
    ask->answered(ask);
}

static void note_forwarded(const Kairn__CreateTopicsRequest *body)
{
    forwarded = body->n_topics;
    if (body->topics[0]->n_configs > 0)
        snprintf(forwarded_value, sizeof forwarded_value, "%s",
                 body->topics[0]->configs[0]->value);
}

static void relay(void *context, struct control_request *ask)
{
    (void)context;
    relayed = true;
    if (ask->head->body_case == KAIRN__REQUEST_HEAD__BODY_CREATE_TOPICS)
        note_forwarded(ask->head->create_topics);
    ask->mail.deliver = answer_create;
    mail_post(ask->answer_to, &ask->mail);
}

static void ask_here(void *context, struct control_request *ask)
{
    (void)context;
    ask->mail.deliver = refuse;
    mail_post(ask->answer_to, &ask->mail);
}

static void setup(void)
{
    plane_init(&plane, 1);
    ck_assert_int_eq(config_init(&config), 0);
    plane.api.option_table = &config_table;
    plane.api.option_values = &config;
    plane.api.option_sources = config.sources;
    plane.api.partitions_default = 6;
    plane.api.offsets_replication_factor = 3;
    plane.api.relay_to_controller = relay;
    plane.api.ask_controller = ask_here;
    kairn__request_head__init(&head);
    forwarded = 0;
    relayed = false;
}

static void teardown(void)
{
    config_fini(&config);
    plane_fini(&plane);
}

static struct asked *create(Kairn__NewTopic **topics, size_t count)
{
    static Kairn__CreateTopicsRequest body;

    kairn__create_topics_request__init(&body);
    body.n_topics = count;
    body.topics = topics;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_CREATE_TOPICS;
    head.create_topics = &body;
    return plane_ask(&plane, 0, &head, NULL, 0);
}

START_TEST(what_the_asker_leaves_open_the_brokers_options_say)
{
    Kairn__NewTopic topic = KAIRN__NEW_TOPIC__INIT, *topics[] = { &topic };
    topic.name = (char *)"orders";
    topic.partitions = topic.replication_factor = -1;

    struct asked *asked = create(topics, 1);

    const Kairn__TopicResult *result = asked->head->create_topics->results[0];
    ck_assert_ptr_null(result->error);
    ck_assert_uint_eq(result->partitions, 6);
    ck_assert_uint_eq(result->replication_factor, 1);
    asked_free(asked);

    topic.name = (char *)"__consumer_offsets";
    topic.replication_factor = -1;
    asked = create(topics, 1);

    ck_assert_uint_eq(asked->head->create_topics->results[0]->replication_factor, 3);
    asked_free(asked);
}
END_TEST

START_TEST(what_can_be_refused_here_is_and_the_rest_goes_on)
{
    Kairn__ConfigEntry wrong = KAIRN__CONFIG_ENTRY__INIT, *configs[] = { &wrong };
    Kairn__NewTopic fine = KAIRN__NEW_TOPIC__INIT, misnamed = KAIRN__NEW_TOPIC__INIT;
    Kairn__NewTopic *topics[] = { &misnamed, &fine };
    misnamed.name = (char *)"misnamed";
    misnamed.n_configs = 1;
    misnamed.configs = configs;
    wrong.name = (char *)"segment.byte";
    wrong.value = (char *)"1000";
    fine.name = (char *)"fine";
    fine.partitions = 2;

    struct asked *asked = create(topics, 2);

    Kairn__TopicResult **results = asked->head->create_topics->results;
    ck_assert_uint_eq(forwarded, 1);
    ck_assert_int_eq(head_error_code(results[0]->error), K_INVALID_CONFIG);
    ck_assert_ptr_nonnull(strstr(results[0]->error->message, "segment.bytes"));
    ck_assert_ptr_null(results[1]->error);
    ck_assert_str_eq(results[1]->name, "fine");
    asked_free(asked);
}
END_TEST

START_TEST(a_setting_with_a_unit_is_handed_on_as_the_plain_number)
{
    Kairn__ConfigEntry entry = KAIRN__CONFIG_ENTRY__INIT, *configs[] = { &entry };
    Kairn__NewTopic topic = KAIRN__NEW_TOPIC__INIT, *topics[] = { &topic };
    topic.name = (char *)"orders";
    topic.n_configs = 1;
    topic.configs = configs;
    entry.name = (char *)"retention.ms";
    entry.value = (char *)"14d";

    struct asked *asked = create(topics, 1);

    ck_assert_ptr_null(asked->head->create_topics->results[0]->error);
    ck_assert_str_eq(forwarded_value, "1209600000");
    asked_free(asked);
}
END_TEST

START_TEST(a_setting_that_is_given_twice_is_refused)
{
    Kairn__ConfigEntry entry = KAIRN__CONFIG_ENTRY__INIT, *configs[] = { &entry, &entry };
    Kairn__NewTopic topic = KAIRN__NEW_TOPIC__INIT, *topics[] = { &topic };
    topic.name = (char *)"orders";
    topic.n_configs = 2;
    topic.configs = configs;
    entry.name = (char *)"segment.bytes";
    entry.value = (char *)"1000000";

    struct asked *asked = create(topics, 1);

    Kairn__TopicResult *result = asked->head->create_topics->results[0];
    ck_assert_int_eq(head_error_code(result->error), K_INVALID_CONFIG);
    ck_assert_ptr_nonnull(strstr(result->error->message, "twice"));
    asked_free(asked);
}
END_TEST

START_TEST(a_relayed_request_is_not_relayed_again)
{
    Kairn__NewTopic topic = KAIRN__NEW_TOPIC__INIT, *topics[] = { &topic };
    topic.name = (char *)"orders";
    head.relayed = true;

    struct asked *asked = create(topics, 1);

    const Kairn__Error *error = asked->head->create_topics->results[0]->error;
    ck_assert(!relayed);
    ck_assert_int_eq(head_error_code(error), K_NOT_CONTROLLER);
    ck_assert_str_eq(error->message, "broker 7 is the controller");
    asked_free(asked);
}
END_TEST

START_TEST(changes_are_asked_of_this_broker_only)
{
    Kairn__ChangesRequest body = KAIRN__CHANGES_REQUEST__INIT;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_CHANGES;
    head.changes = &body;

    struct asked *asked = plane_ask(&plane, 0, &head, NULL, 0);

    ck_assert(!relayed);
    ck_assert_int_eq(head_error_code(asked->head->error), K_NOT_CONTROLLER);
    asked_free(asked);
}
END_TEST

static const Kairn__ConfigEntry *find_config(const Kairn__ConfigResult *result, const char *name)
{
    for (size_t i = 0; i < result->n_entries; i++) {
        if (strcmp(result->entries[i]->name, name) == 0)
            return result->entries[i];
    }
    return NULL;
}

START_TEST(configurations_tell_value_and_source)
{
    struct k_reason reason;
    const struct plane_topic topic = {
        .name = "orders", .id = uuid_random(), .partitions = 1, .leader = PLANE_BROKER,
        .leader_epoch = 1, .config_name = "segment.bytes", .config_value = "1000000",
    };
    plane_publish(&plane, &topic);
    ck_assert_int_eq(config_set_pair(&config, "message.max.bytes=5000", &reason), 0);
    ck_assert_int_eq(config_set_pair(&config, "zookeeper.digest=a:secret", &reason), 0);
    Kairn__ConfigResource resources[3],
        *pointers[] = { &resources[0], &resources[1], &resources[2] };
    Kairn__DescribeConfigsRequest body = KAIRN__DESCRIBE_CONFIGS_REQUEST__INIT;
    const char *names[] = { "orders", "1", "2" };
    for (int i = 0; i < 3; i++) {
        kairn__config_resource__init(&resources[i]);
        resources[i].kind = i == 0 ? KAIRN__CONFIG_RESOURCE__KIND__TOPIC
                                   : KAIRN__CONFIG_RESOURCE__KIND__BROKER;
        resources[i].name = (char *)names[i];
    }
    body.n_resources = 3;
    body.resources = pointers;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_DESCRIBE_CONFIGS;
    head.describe_configs = &body;

    struct asked *asked = plane_ask(&plane, 0, &head, NULL, 0);

    Kairn__ConfigResult **results = asked->head->describe_configs->results;
    ck_assert_str_eq(find_config(results[0], "segment.bytes")->value, "1000000");
    ck_assert_str_eq(find_config(results[0], "segment.bytes")->source, "topic");
    ck_assert_str_eq(find_config(results[0], "max.message.bytes")->value, "5000");
    ck_assert_str_eq(find_config(results[0], "max.message.bytes")->source, "file");
    ck_assert_str_eq(find_config(results[0], "segment.ms")->source, "default");
    ck_assert_str_eq(find_config(results[1], "num.partitions")->value, "1");
    ck_assert_str_eq(find_config(results[1], "zookeeper.digest")->value, "");
    ck_assert_ptr_null(find_config(results[1], "num.io.threads"));
    ck_assert_int_eq(head_error_code(results[2]->error), K_INVALID_REQUEST);
    asked_free(asked);
}
END_TEST

Suite *topics_suite(void);

Suite *topics_suite(void)
{
    Suite *suite = suite_create("server/api/topics");
    TCase *tests = tcase_create("topics");

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, what_the_asker_leaves_open_the_brokers_options_say);
    tcase_add_test(tests, what_can_be_refused_here_is_and_the_rest_goes_on);
    tcase_add_test(tests, a_setting_with_a_unit_is_handed_on_as_the_plain_number);
    tcase_add_test(tests, a_setting_that_is_given_twice_is_refused);
    tcase_add_test(tests, a_relayed_request_is_not_relayed_again);
    tcase_add_test(tests, changes_are_asked_of_this_broker_only);
    tcase_add_test(tests, configurations_tell_value_and_source);
    suite_add_tcase(suite, tests);
    return suite;
}
