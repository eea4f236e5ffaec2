/* Topics and configurations altered: what handlers refuse, what the controller is asked, what
 * counts afterwards without a restart. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "proto/batch.h"
#include "proto/head.h"
#include "server/config.h"
#include "server/dynamic.h"
#include "server/runtime/control.h"
#include "server/runtime/shard.h"
#include "tests/server/lib/plane.h"

static struct plane plane;
static struct config config;
static Kairn__RequestHead head;
static const Kairn__RequestHead *forwarded;     /* the last request to the controller */

/* What the controller says to every item: done. */
static void answer_done(struct mail *mail)
{
    struct control_request *ask = LIST_OWNER(mail, struct control_request, mail);
    size_t count = ask->head->alter_configs->n_resources;
    Kairn__AlterConfigsResponse *body = arena_alloc(ask->arena, sizeof *body);

    kairn__alter_configs_response__init(body);
    body->n_results = count;
    body->results = arena_calloc(ask->arena, count, sizeof *body->results);
    for (size_t i = 0; i < count; i++) {
        body->results[i] = arena_alloc(ask->arena, sizeof *body->results[i]);
        kairn__altered_result__init(body->results[i]);
    }
    ask->response->body_case = KAIRN__RESPONSE_HEAD__BODY_ALTER_CONFIGS;
    ask->response->alter_configs = body;
    ask->answered(ask);
}

static void answer_partitions(struct mail *mail)
{
    struct control_request *ask = LIST_OWNER(mail, struct control_request, mail);
    Kairn__CreatePartitionsResponse *body = arena_alloc(ask->arena, sizeof *body);

    kairn__create_partitions_response__init(body);
    ask->response->body_case = KAIRN__RESPONSE_HEAD__BODY_CREATE_PARTITIONS;
    ask->response->create_partitions = body;
    ask->answered(ask);
}

static void relay(void *context, struct control_request *ask)
{
    (void)context;
    forwarded = ask->head;
    ask->mail.deliver = ask->head->body_case == KAIRN__REQUEST_HEAD__BODY_ALTER_CONFIGS
                            ? answer_done
                            : answer_partitions;
    mail_post(ask->answer_to, &ask->mail);
}

static void setup(void)
{
    plane_init(&plane, 2);
    ck_assert_int_eq(config_init(&config), 0);
    plane.api.option_table = &config_table;
    plane.api.option_values = &config;
    plane.api.option_sources = config.sources;
    plane.api.relay_to_controller = relay;
    kairn__request_head__init(&head);
    forwarded = NULL;
}

static void teardown(void)
{
    config_fini(&config);
    plane_fini(&plane);
}

/* --- what is refused, what is handed on ------------------------------------------------------- */

struct wish {
    int kind;
    const char *of, *name, *value;              /* value NULL: unset */
    int code;                                   /* expected */
    const char *words;                          /* expected in the message */
};

static Kairn__Error *alter(const struct wish *wish, struct asked **asked)
{
    static Kairn__AlterConfigsRequest body;
    static Kairn__AlteredResource altered, *altereds[1];
    static Kairn__ConfigResource resource;
    static Kairn__ConfigAlteration alteration, *alterations[2];

    kairn__alter_configs_request__init(&body);
    kairn__altered_resource__init(&altered);
    kairn__config_resource__init(&resource);
    kairn__config_alteration__init(&alteration);
    resource.kind = (Kairn__ConfigResource__Kind)wish->kind;
    resource.name = (char *)wish->of;
    alteration.name = (char *)wish->name;
    alteration.unset = wish->value == NULL;
    if (wish->value != NULL)
        alteration.value = (char *)wish->value;
    alterations[0] = alterations[1] = &alteration;
    altered.resource = &resource;
    altered.n_alterations = wish->code == K_INVALID_REQUEST ? 2 : 1;
    altered.alterations = alterations;
    altereds[0] = &altered;
    body.n_resources = 1;
    body.resources = altereds;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_ALTER_CONFIGS;
    head.alter_configs = &body;
    *asked = plane_ask(&plane, 0, &head, NULL, 0);
    ck_assert_ptr_null((*asked)->head->error);
    return (*asked)->head->alter_configs->results[0]->error;
}

START_TEST(names_and_values_are_checked_before_the_controller_is_asked)
{
    enum { TOPIC, BROKER, CLUSTER };
    static const struct wish wishes[] = {
        { TOPIC, "t", "segment.bytes", "1000", 0, "" },
        { TOPIC, "t", "segment.byte", NULL, 0, "" },       /* perhaps somebody put it there */
        { TOPIC, "t", "segment.byte", "1", K_INVALID_CONFIG, "did you mean \"segment.bytes\"" },
        { TOPIC, "t", "segment.bytes", "1", K_INVALID_CONFIG, "14 to" },
        { TOPIC, "t", "segment.bytes", "1", K_INVALID_CONFIG, "segment.bytes" },
        { TOPIC, "t", "segment.bytes", "10\n00", K_INVALID_CONFIG, "printable" },
        { TOPIC, "t", "remote.storage.enable", "true", K_NOT_SUPPORTED_YET, "not supported" },
        { TOPIC, "t", "segment.ms", "9", K_INVALID_REQUEST, "twice" },
        { CLUSTER, "", "log.segment.bytes", "1000", 0, "" },
        { CLUSTER, "", "log.dirs", "/tmp", K_INVALID_CONFIG, "restart" },
        { CLUSTER, "", "zookeeper.digest", "a:b", K_INVALID_CONFIG, "secret" },
        { CLUSTER, "", "log.segment.byte", "1000", K_INVALID_CONFIG, "log.segment.bytes" },
        { BROKER, "x", "log.segment.bytes", "1000", K_INVALID_REQUEST, "broker id" },
        { BROKER, "77", "log.segment.bytes", "1000", K_BROKER_NOT_AVAILABLE, "77" },
        { BROKER, "77", "log.segment.bytes", NULL, 0, "" },
        { 9, "t", "segment.bytes", "1000", K_INVALID_REQUEST, "kind" },
    };

    for (size_t i = 0; i < sizeof wishes / sizeof wishes[0]; i++) {
        struct asked *asked;
        forwarded = NULL;

        const Kairn__Error *error = alter(&wishes[i], &asked);

        ck_assert_msg(head_error_code(error) == wishes[i].code, "%zu: %d %s", i,
                      head_error_code(error), error != NULL ? error->message : "");
        ck_assert((forwarded != NULL) == (wishes[i].code == 0));
        ck_assert_msg(error == NULL || strstr(error->message, wishes[i].words) != NULL, "%s",
                      error != NULL ? error->message : "");
        asked_free(asked);
    }
}
END_TEST

START_TEST(a_value_with_a_unit_is_handed_on_as_the_plain_number)
{
    enum { TOPIC, CLUSTER = 2 };
    static const struct {
        struct wish wish;
        const char *stored;
    } rows[] = {
        { { TOPIC, "t", "retention.ms", "14d", 0, "" }, "1209600000" },
        { { TOPIC, "t", "retention.ms", "forever", 0, "" }, "-1" },
        { { TOPIC, "t", "retention.ms", "1209600000", 0, "" }, "1209600000" },
        { { TOPIC, "t", "max.compaction.lag.ms", "forever", 0, "" }, "9223372036854775807" },
        { { TOPIC, "t", "segment.bytes", "512KiB", 0, "" }, "524288" },
        { { TOPIC, "t", "cleanup.policy", "compact", 0, "" }, "compact" },
        { { CLUSTER, "", "leader.replication.throttled.rate", "10MB", 0, "" }, "10000000" },
        { { CLUSTER, "", "log.cleaner.io.max.bytes.per.second", "1MiB", 0, "" }, "1048576" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct asked *asked;

        const Kairn__Error *error = alter(&rows[i].wish, &asked);

        ck_assert_msg(error == NULL, "%s", error != NULL ? error->message : "");
        ck_assert_str_eq(forwarded->alter_configs->resources[0]->alterations[0]->value,
                         rows[i].stored);
        asked_free(asked);
    }
}
END_TEST

START_TEST(more_partitions_are_asked_of_the_controller_as_they_came)
{
    Kairn__CreatePartitionsRequest body = KAIRN__CREATE_PARTITIONS_REQUEST__INIT;
    Kairn__MorePartitions more = KAIRN__MORE_PARTITIONS__INIT, *topics[] = { &more };
    more.topic = (char *)"t";
    more.partitions = 9;
    body.n_topics = 1;
    body.topics = topics;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_CREATE_PARTITIONS;
    head.create_partitions = &body;

    struct asked *asked = plane_ask(&plane, 0, &head, NULL, 0);

    ck_assert_ptr_null(asked->head->error);
    ck_assert_uint_eq(forwarded->create_partitions->topics[0]->partitions, 9);
    asked_free(asked);
}
END_TEST

/* --- what is described ------------------------------------------------------------------------ */

static struct asked *describe(int kind, const char *name)
{
    static Kairn__DescribeConfigsRequest body;
    static Kairn__ConfigResource resource, *resources[1];

    kairn__describe_configs_request__init(&body);
    kairn__config_resource__init(&resource);
    resource.kind = (Kairn__ConfigResource__Kind)kind;
    resource.name = (char *)name;
    resources[0] = &resource;
    body.n_resources = 1;
    body.resources = resources;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_DESCRIBE_CONFIGS;
    head.describe_configs = &body;
    return plane_ask(&plane, 0, &head, NULL, 0);
}

static const Kairn__ConfigEntry *entry_of(const struct asked *asked, const char *name)
{
    const Kairn__ConfigResult *result = asked->head->describe_configs->results[0];
    for (size_t i = 0; i < result->n_entries; i++)
        if (strcmp(result->entries[i]->name, name) == 0)
            return result->entries[i];
    return NULL;
}

START_TEST(every_source_is_shown_what_counts_first)
{
    static const char *const sources[] = { "topic", "broker", "cluster", "file", "default" };
    static const char *const values[] = { "100", "200", "300", "400", "1073741824" };
    const struct plane_topic topic = {
        .name = "orders", .id = uuid_random(), .partitions = 1, .leader = PLANE_BROKER,
        .leader_epoch = 1, .config_name = "segment.bytes", .config_value = "100",
    };
    struct k_reason reason;
    char self[8];
    snprintf(self, sizeof self, "%d", PLANE_BROKER);
    plane_publish(&plane, &topic);
    plane_publish_setting(&plane, self, "log.segment.bytes", "200");
    plane_publish_setting(&plane, "<default>", "log.segment.bytes", "300");
    plane_publish_setting(&plane, "77", "log.segment.bytes", "999");
    ck_assert_int_eq(config_set_pair(&config, "log.segment.bytes=400", &reason), 0);

    struct asked *asked = describe(0, "orders");
    const Kairn__ConfigEntry *entry = entry_of(asked, "segment.bytes");
    ck_assert_str_eq(entry->value, "100");
    ck_assert_uint_eq(entry->n_synonyms, 5);
    for (size_t i = 0; i < 5; i++) {
        ck_assert_str_eq(entry->synonyms[i]->source, sources[i]);
        ck_assert_str_eq(entry->synonyms[i]->value, values[i]);
        ck_assert_str_eq(entry->synonyms[i]->name, i == 0 ? "segment.bytes" : "log.segment.bytes");
    }
    asked_free(asked);

    asked = describe(1, self);
    ck_assert_str_eq(entry_of(asked, "log.segment.bytes")->value, "200");
    ck_assert_str_eq(entry_of(asked, "log.segment.bytes")->source, "broker");
    ck_assert(!entry_of(asked, "log.segment.bytes")->read_only);
    ck_assert(entry_of(asked, "log.dirs")->read_only);
    ck_assert(entry_of(asked, "zookeeper.digest")->sensitive);
    asked_free(asked);

    asked = describe(2, "");
    ck_assert_uint_eq(asked->head->describe_configs->results[0]->n_entries, 1);
    ck_assert_str_eq(entry_of(asked, "log.segment.bytes")->value, "300");
    asked_free(asked);
}
END_TEST

/* --- what counts ------------------------------------------------------------------------------ */

/* The effective configuration of a broker, as server/broker_data.c makes it. */
static void reconfigure(int32_t id)
{
    const struct metadata *picture = metadata_get(plane.cell);
    struct topic_config defaults;
    struct config effective;
    struct k_reason reason;

    ck_assert_int_eq(dynamic_config(&config, picture, id, &effective), 0);
    ck_assert_int_eq(topic_config_defaults(&config_table, &effective, &defaults, &reason), 0);
    ck_assert_int_eq(shards_configure(plane.shards, &defaults, &(struct cleaner_options){ 0 }), 0);
    config_fini(&effective);
    metadata_put(picture);
}

static int produce(const struct uuid *id, int32_t partition, bool *append_time)
{
    uint8_t batch[4096];
    size_t size = plane_batch(batch, sizeof batch, 1, "some text of two hundred bytes", false);
    struct asked *asked = plane_produce(&plane, 0, id, partition, 1, batch, size);
    const Kairn__ProduceResult *result = asked->head->produce->results[0];
    int code = head_error_code(result->error);

    *append_time = result->append_time_ms >= 0;
    asked_free(asked);
    return code;
}

START_TEST(settings_of_brokers_count_for_topics_that_do_not_override_them)
{
    const struct plane_topic plain = { .name = "plain", .id = uuid_random(), .partitions = 40,
                                       .leader = PLANE_BROKER, .leader_epoch = 1 };
    const struct plane_topic own = {
        .name = "own", .id = uuid_random(), .partitions = 1, .leader = PLANE_BROKER,
        .leader_epoch = 1, .config_name = "max.message.bytes", .config_value = "5000",
    };
    char self[8];
    bool stamped;
    snprintf(self, sizeof self, "%d", PLANE_BROKER);
    plane_publish(&plane, &plain);
    plane_publish(&plane, &own);
    for (int32_t p = 0; p < plain.partitions; p++)
        ck_assert_int_eq(produce(&plain.id, p, &stamped), 0);
    ck_assert(!stamped);

    plane_publish_setting(&plane, "<default>", "message.max.bytes", "20");
    reconfigure(PLANE_BROKER);
    for (int32_t p = 0; p < plain.partitions; p++)
        ck_assert_int_eq(produce(&plain.id, p, &stamped), K_MESSAGE_TOO_LARGE);
    ck_assert_int_eq(produce(&own.id, 0, &stamped), 0);

    /* What is said of this broker counts more, what is said of another not at all. */
    plane_publish_setting(&plane, self, "message.max.bytes", "4000");
    plane_publish_setting(&plane, "77", "message.max.bytes", "20");
    reconfigure(PLANE_BROKER);
    ck_assert_int_eq(produce(&plain.id, 3, &stamped), 0);

    plane_publish_setting(&plane, "<default>", "log.message.timestamp.type", "LogAppendTime");
    reconfigure(PLANE_BROKER);
    ck_assert_int_eq(produce(&plain.id, 3, &stamped), 0);
    ck_assert(stamped);
}
END_TEST

START_TEST(what_needs_a_restart_is_not_taken_from_the_cluster)
{
    const struct metadata *picture;
    struct config effective;
    plane_publish_setting(&plane, "<default>", "log.dirs", "/elsewhere");
    picture = metadata_get(plane.cell);

    ck_assert_int_eq(dynamic_config(&config, picture, 1, &effective), 0);

    ck_assert_str_eq(effective.log_dirs, config.log_dirs);
    config_fini(&effective);
    metadata_put(picture);
    plane_publish_setting(&plane, "<default>", "connections.max.idle.ms", "77");
    picture = metadata_get(plane.cell);
    ck_assert_int_eq(dynamic_config(&config, picture, 1, &effective), 0);
    ck_assert_int_eq(effective.connections_max_idle_ms, 77);
    config_fini(&effective);
    metadata_put(picture);
}
END_TEST

Suite *alter_suite(void);

Suite *alter_suite(void)
{
    Suite *suite = suite_create("server/api/alter");
    TCase *tcase = tcase_create("alter");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, names_and_values_are_checked_before_the_controller_is_asked);
    tcase_add_test(tcase, a_value_with_a_unit_is_handed_on_as_the_plain_number);
    tcase_add_test(tcase, more_partitions_are_asked_of_the_controller_as_they_came);
    tcase_add_test(tcase, every_source_is_shown_what_counts_first);
    tcase_add_test(tcase, settings_of_brokers_count_for_topics_that_do_not_override_them);
    tcase_add_test(tcase, what_needs_a_restart_is_not_taken_from_the_cluster);
    suite_add_tcase(suite, tcase);
    return suite;
}
