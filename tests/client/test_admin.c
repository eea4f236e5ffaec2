#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "tests/client/helpers.h"

static struct fake *fake;

static void setup(void)
{
    fake = fake_new(3);
}

static void teardown(void)
{
    fake_free(fake);
}

static klient_code_t create(klient_admin_t *admin, const char *name, int partitions,
                            klient_error_t **error)
{
    klient_new_topic_t topic;
    const klient_new_topic_t *topics[] = { &topic };

    klient_new_topic_init(&topic);
    topic.name = name;
    topic.partitions = partitions;
    return klient_admin_create_topics(admin, topics, 1, 0, PATIENCE_MS, NULL, error);
}

START_TEST(topics_are_created_described_and_deleted)
{
    klient_admin_t *admin = admin_with(config_for(fake, NULL));
    klient_metadata_t *metadata = NULL;
    klient_topic_info_t topic = { .size = sizeof topic };
    klient_partition_info_t partition = { .size = sizeof partition };
    const char *name = "b";

    ck_assert_int_eq(create(admin, "b", 3, NULL), KLIENT_OK);
    ck_assert_int_eq(create(admin, "a", 1, NULL), KLIENT_OK);
    ck_assert_int_eq(klient_admin_list_topics(admin, PATIENCE_MS, &metadata, NULL), KLIENT_OK);
    ck_assert_uint_eq(klient_metadata_topic_count(metadata), 2);
    klient_metadata_topic(metadata, 0, &topic);
    ck_assert_str_eq(topic.name, "a");
    klient_metadata_topic(metadata, 1, &topic);
    ck_assert_str_eq(topic.name, "b");
    ck_assert_uint_eq(strlen(topic.id), 22);
    ck_assert_int_eq(topic.partition_count, 3);
    ck_assert_int_eq(klient_metadata_partition(metadata, 1, 2, &partition), KLIENT_OK);
    ck_assert_int_eq(partition.partition, 2);
    ck_assert_int_eq(partition.leader, 3);
    ck_assert_uint_eq(partition.replica_count, 1);
    ck_assert_int_eq(klient_metadata_partition(metadata, 1, 3, &partition),
                     KLIENT_INVALID_ARGUMENT);
    klient_metadata_free(metadata);
    ck_assert_int_eq(klient_admin_delete_topics(admin, &name, 1, PATIENCE_MS, NULL, NULL),
                     KLIENT_OK);
    ck_assert_int_eq(klient_admin_describe_topics(admin, &name, 1, PATIENCE_MS, &metadata, NULL),
                     KLIENT_OK);
    klient_metadata_topic(metadata, 0, &topic);
    ck_assert_int_eq(topic.code, KLIENT_UNKNOWN_TOPIC_OR_PARTITION);

    klient_metadata_free(metadata);
    klient_admin_close(admin);
}
END_TEST

START_TEST(a_topic_is_unknown_only_if_the_controller_does_not_know_it_either)
{
    klient_admin_t *admin = admin_with(config_for(fake, NULL));
    klient_metadata_t *metadata = NULL;
    klient_topic_info_t topic = { .size = sizeof topic };
    const char *names[] = { "a", "none" };
    fake_add_topic(fake, "a", 2);
    atomic_store(&fake_faults(fake)->controller, 2);
    atomic_store(&fake_faults(fake)->only_controller_knows, 1);

    ck_assert_int_eq(klient_admin_describe_topics(admin, names, 2, PATIENCE_MS, &metadata, NULL),
                     KLIENT_OK);

    klient_metadata_topic(metadata, 0, &topic);
    ck_assert_int_eq(topic.code, KLIENT_OK);
    ck_assert_int_eq(topic.partition_count, 2);
    klient_metadata_topic(metadata, 1, &topic);
    ck_assert_int_eq(topic.code, KLIENT_UNKNOWN_TOPIC_OR_PARTITION);
    klient_metadata_free(metadata);
    klient_admin_close(admin);
}
END_TEST

START_TEST(a_topic_is_unknown_without_a_controller_that_could_know_it)
{
    klient_admin_t *admin = admin_with(config_for(fake, NULL));
    klient_metadata_t *metadata = NULL;
    klient_topic_info_t topic = { .size = sizeof topic };
    const char *name = "none";
    atomic_store(&fake_faults(fake)->controller, FAKE_BROKERS_MAX - 1);     /* it is not there */

    int64_t begin_ms = clock_mono_ms(&clock_system);
    ck_assert_int_eq(klient_admin_describe_topics(admin, &name, 1, PATIENCE_MS, &metadata, NULL),
                     KLIENT_OK);
    ck_assert_int_lt(clock_mono_ms(&clock_system) - begin_ms, PATIENCE_MS / 2);

    klient_metadata_topic(metadata, 0, &topic);
    ck_assert_int_eq(topic.code, KLIENT_UNKNOWN_TOPIC_OR_PARTITION);
    klient_metadata_free(metadata);
    klient_admin_close(admin);
}
END_TEST

START_TEST(every_topic_has_its_own_outcome)
{
    klient_admin_t *admin = admin_with(config_for(fake, NULL));
    klient_new_topic_t good, bad;
    const klient_new_topic_t *topics[] = { &good, &bad };
    klient_results_t *results = NULL;
    klient_error_t *error = NULL;

    klient_new_topic_init(&good);
    klient_new_topic_init(&bad);
    good.name = "good";
    bad.name = "bad";
    bad.replication_factor = 5;
    ck_assert_int_eq(klient_admin_create_topics(admin, topics, 2, 0, PATIENCE_MS, &results,
                                                &error), KLIENT_INVALID_REPLICATION_FACTOR);

    ck_assert_ptr_nonnull(strstr(klient_error_text(error), "bad"));
    ck_assert_uint_eq(klient_results_count(results), 2);
    ck_assert_int_eq(klient_results_code(results, 0), KLIENT_OK);
    ck_assert_int_eq(klient_results_partitions(results, 0), 1);
    ck_assert_int_eq(klient_results_code(results, 1), KLIENT_INVALID_REPLICATION_FACTOR);
    ck_assert_str_eq(klient_results_name(results, 1), "bad");
    ck_assert_int_eq(klient_results_code(results, 2), KLIENT_INVALID_ARGUMENT);
    klient_error_free(error);
    klient_results_free(results);
    klient_admin_close(admin);
}
END_TEST

START_TEST(creating_twice_and_deleting_nothing_fail)
{
    klient_admin_t *admin = admin_with(config_for(fake, NULL));
    const char *name = "none";

    ck_assert_int_eq(create(admin, "t", 1, NULL), KLIENT_OK);
    ck_assert_int_eq(create(admin, "t", 1, NULL), KLIENT_TOPIC_ALREADY_EXISTS);
    ck_assert_int_eq(klient_admin_delete_topics(admin, &name, 1, PATIENCE_MS, NULL, NULL),
                     KLIENT_UNKNOWN_TOPIC_OR_PARTITION);
    ck_assert_int_eq(create(admin, NULL, 1, NULL), KLIENT_INVALID_ARGUMENT);

    klient_admin_close(admin);
}
END_TEST

START_TEST(the_cluster_is_described_in_order)
{
    klient_admin_t *admin = admin_with(config_for(fake, NULL));
    klient_metadata_t *metadata = NULL;
    klient_broker_info_t broker = { .size = sizeof broker };

    ck_assert_int_eq(klient_admin_describe_cluster(admin, PATIENCE_MS, &metadata, NULL), KLIENT_OK);
    ck_assert_str_eq(klient_metadata_cluster_id(metadata), "fake-cluster");
    ck_assert_int_eq(klient_metadata_controller(metadata), 1);
    ck_assert_uint_eq(klient_metadata_broker_count(metadata), 3);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(klient_metadata_broker(metadata, (size_t)i, &broker), KLIENT_OK);
        ck_assert_int_eq(broker.id, i + 1);
        ck_assert_str_eq(broker.host, "127.0.0.1");
    }
    broker.size = 4;
    ck_assert_int_eq(klient_metadata_broker(metadata, 0, &broker), KLIENT_INVALID_ARGUMENT);

    klient_metadata_free(metadata);
    klient_admin_close(admin);
}
END_TEST

START_TEST(settings_are_described)
{
    klient_admin_t *admin = admin_with(config_for(fake, NULL));
    klient_settings_t *settings = NULL;
    klient_setting_t setting = { .size = sizeof setting };

    ck_assert_int_eq(klient_admin_describe_configs(admin, KLIENT_RESOURCE_TOPIC, "t", PATIENCE_MS,
                                                   &settings, NULL), KLIENT_OK);
    ck_assert_uint_eq(klient_settings_count(settings), 2);
    ck_assert_int_eq(klient_settings_get(settings, 0, &setting), KLIENT_OK);
    ck_assert_str_eq(setting.name, "retention.ms");
    ck_assert_str_eq(setting.source, "default");
    ck_assert_uint_eq(setting.synonym_count, 0);
    ck_assert_int_eq(klient_settings_get(settings, 1, &setting), KLIENT_OK);
    ck_assert(setting.read_only && setting.secret);
    ck_assert_int_eq(klient_settings_synonym(settings, 1, 0, &setting), KLIENT_OK);
    ck_assert_str_eq(setting.source, "broker");
    ck_assert_int_eq(klient_settings_synonym(settings, 1, 1, &setting), KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_settings_get(settings, 2, &setting), KLIENT_INVALID_ARGUMENT);

    klient_settings_free(settings);
    klient_admin_close(admin);
}
END_TEST

START_TEST(a_broker_s_settings_are_asked_of_that_broker)
{
    klient_admin_t *admin = admin_with(config_for(fake, NULL));
    klient_settings_t *settings = NULL;
    klient_setting_t setting = { .size = sizeof setting };
    klient_error_t *error = NULL;

    for (int id = 3; id >= 1; id--) {
        char name[8];
        snprintf(name, sizeof name, "%d", id);
        ck_assert_int_eq(klient_admin_describe_configs(admin, KLIENT_RESOURCE_BROKER, name,
                                                       PATIENCE_MS, &settings, NULL), KLIENT_OK);
        ck_assert_int_eq(klient_settings_get(settings, 1, &setting), KLIENT_OK);
        ck_assert_int_eq(setting.value[0], name[0]);
        klient_settings_free(settings);
    }
    ck_assert_int_eq(klient_admin_describe_configs(admin, KLIENT_RESOURCE_BROKER, "44", PATIENCE_MS,
                                                   &settings, &error), KLIENT_BROKER_NOT_AVAILABLE);
    ck_assert_ptr_nonnull(strstr(klient_error_text(error), "44"));
    klient_error_free(error);
    ck_assert_int_eq(klient_admin_describe_configs(admin, KLIENT_RESOURCE_BROKER, "x", PATIENCE_MS,
                                                   &settings, NULL), KLIENT_INVALID_ARGUMENT);
    klient_admin_close(admin);
}
END_TEST

START_TEST(partitions_are_added)
{
    klient_admin_t *admin = admin_with(config_for(fake, NULL));
    klient_more_partitions_t more, unknown;
    const klient_more_partitions_t *both[] = { &more, &unknown };
    const int32_t places[] = { 1, 2 };
    klient_results_t *results = NULL;
    klient_more_partitions_init(&more);
    klient_more_partitions_init(&unknown);
    more.topic = "t";
    more.partitions = 3;
    more.assignment = places;
    more.assignment_count = 2;
    more.replication_factor = 1;
    unknown.topic = "u";
    unknown.partitions = 3;
    ck_assert_int_eq(create(admin, "t", 1, NULL), KLIENT_OK);

    ck_assert_int_eq(klient_admin_create_partitions(admin, both, 2, 1, PATIENCE_MS, NULL, NULL),
                     KLIENT_UNKNOWN_TOPIC_OR_PARTITION);
    ck_assert_int_eq(klient_admin_create_partitions(admin, both, 2, 0, PATIENCE_MS, &results, NULL),
                     KLIENT_UNKNOWN_TOPIC_OR_PARTITION);
    ck_assert_int_eq(klient_results_code(results, 0), KLIENT_OK);
    ck_assert_int_eq(klient_results_partitions(results, 0), 3);
    ck_assert_str_eq(klient_results_name(results, 1), "u");
    klient_results_free(results);
    ck_assert_int_eq(klient_admin_create_partitions(admin, both, 1, 0, PATIENCE_MS, NULL, NULL),
                     KLIENT_INVALID_PARTITIONS);
    more.assignment_count = 0;
    ck_assert_int_eq(klient_admin_create_partitions(admin, both, 1, 0, PATIENCE_MS, NULL, NULL),
                     KLIENT_INVALID_REPLICA_ASSIGNMENT);
    more.partitions = 0;
    ck_assert_int_eq(klient_admin_create_partitions(admin, both, 1, 0, PATIENCE_MS, NULL, NULL),
                     KLIENT_INVALID_ARGUMENT);
    klient_admin_close(admin);
}
END_TEST

/* The admin is another client than the producer, which hears of it by its metadata. */
START_TEST(a_producer_uses_partitions_that_were_added)
{
    klient_admin_t *admin = admin_with(config_for(fake, NULL));
    klient_producer_t *producer = producer_with(
        config_for(fake, "metadata.max.age.ms", "50", "partitioner", "round-robin", NULL));
    klient_more_partitions_t more;
    const klient_more_partitions_t *list[] = { &more };
    int64_t deadline_ms = clock_mono_ms(&clock_system) + PATIENCE_MS;
    size_t size = 0;
    klient_more_partitions_init(&more);
    more.topic = "t";
    more.partitions = 2;
    ck_assert_int_eq(create(admin, "t", 1, NULL), KLIENT_OK);
    ck_assert_int_eq(send_text(producer, "t", KLIENT_PARTITION_ANY, NULL, "1"), KLIENT_OK);
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);

    ck_assert_int_eq(klient_admin_create_partitions(admin, list, 1, 0, PATIENCE_MS, NULL, NULL),
                     KLIENT_OK);
    while (size == 0 && clock_mono_ms(&clock_system) < deadline_ms) {
        ck_assert_int_eq(send_text(producer, "t", KLIENT_PARTITION_ANY, NULL, "1"), KLIENT_OK);
        ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
        free(fake_read(fake, "t", 1, &size));
    }

    ck_assert_uint_gt(size, 0);
    klient_producer_close(producer, PATIENCE_MS, NULL);
    klient_admin_close(admin);
}
END_TEST

START_TEST(configurations_are_altered)
{
    klient_admin_t *admin = admin_with(config_for(fake, NULL));
    const char *const names[] = { "a", "b" }, *const values[] = { "1", NULL };
    const char *const nonsense[] = { "nonsense" };
    const klient_alteration_t alteration = { .size = sizeof alteration,
                                             .kind = KLIENT_RESOURCE_TOPIC,
                                             .name = "t",
                                             .config_names = names,
                                             .config_values = values,
                                             .config_count = 2 };
    klient_alteration_t other = alteration;
    const klient_alteration_t *both[] = { &alteration, &other };
    klient_settings_t *settings = NULL;
    klient_setting_t setting = { .size = sizeof setting };
    klient_results_t *results = NULL;
    other.kind = KLIENT_RESOURCE_CLUSTER;
    other.name = "";
    other.config_names = nonsense;
    other.config_count = 1;

    ck_assert_int_eq(klient_admin_alter_configs(admin, both, 2, 0, PATIENCE_MS, &results, NULL),
                     KLIENT_INVALID_CONFIG);
    ck_assert_int_eq(klient_results_code(results, 0), KLIENT_OK);
    ck_assert_str_eq(klient_results_name(results, 0), "t");
    ck_assert_str_eq(klient_results_text(results, 1), "nonsense");
    klient_results_free(results);
    ck_assert_int_eq(klient_admin_describe_configs(admin, KLIENT_RESOURCE_CLUSTER, "", PATIENCE_MS,
                                                   &settings, NULL), KLIENT_OK);
    ck_assert_int_eq(klient_settings_get(settings, 1, &setting), KLIENT_OK);
    ck_assert_str_eq(setting.value + 3, "b unset");
    klient_settings_free(settings);
    other.config_count = 0;
    ck_assert_int_eq(klient_admin_alter_configs(admin, both, 2, 0, PATIENCE_MS, NULL, NULL),
                     KLIENT_INVALID_ARGUMENT);
    klient_admin_close(admin);
}
END_TEST

START_TEST(calls_end_at_their_deadline)
{
    klient_config_t *config = config_for(fake, NULL);
    klient_config_set(config, "bootstrap.servers", "127.0.0.1:1", NULL);
    klient_admin_t *admin = admin_with(config);
    klient_metadata_t *metadata = NULL;
    klient_error_t *error = NULL;
    int64_t before_ms = clock_mono_ms(&clock_system);

    klient_code_t code = klient_admin_list_topics(admin, 200, &metadata, &error);

    ck_assert_int_ne(code, KLIENT_OK);
    ck_assert(klient_error_retriable(error));
    ck_assert_int_lt(clock_mono_ms(&clock_system) - before_ms, 5000);
    klient_error_free(error);
    klient_admin_close(admin);
}
END_TEST

START_TEST(a_lost_connection_is_made_again)
{
    klient_admin_t *admin = admin_with(config_for(fake, NULL));

    ck_assert_int_eq(create(admin, "a", 1, NULL), KLIENT_OK);
    fake_disconnect(fake);
    klient_metadata_t *metadata = NULL;
    ck_assert_int_eq(klient_admin_list_topics(admin, PATIENCE_MS, &metadata, NULL), KLIENT_OK);

    klient_metadata_free(metadata);
    klient_admin_close(admin);
}
END_TEST

START_TEST(records_are_deleted_where_the_partitions_are)
{
    klient_admin_t *admin = admin_with(config_for(fake, NULL));
    const klient_topic_partition_t partitions[] = { { "a", 0 }, { "a", 1 }, { "a", 2 } };
    const int64_t offsets[] = { 2, KLIENT_RECORDS_ALL, 0 };
    int64_t starts[3];
    klient_code_t codes[3];
    fake_add_topic(fake, "a", 3);
    for (int partition = 0; partition < 3; partition++)
        fill(fake, "a", partition, 5);

    ck_assert_int_eq(klient_admin_delete_records(admin, partitions, offsets, 3, PATIENCE_MS,
                                                 starts, codes, NULL),
                     KLIENT_OK);

    ck_assert_int_eq(starts[0], 2);
    ck_assert_int_eq(starts[1], 5);
    ck_assert_int_eq(starts[2], 0);
    ck_assert_int_eq(codes[1], KLIENT_OK);
    fake_set_leader(fake, "a", 0, 2);           /* the new leader is found */
    ck_assert_int_eq(klient_admin_delete_records(admin, partitions, offsets, 1, PATIENCE_MS,
                                                 NULL, NULL, NULL),
                     KLIENT_OK);
    klient_admin_close(admin);
}
END_TEST

START_TEST(records_that_can_not_be_deleted_fail_for_themselves)
{
    klient_admin_t *admin = admin_with(config_for(fake, NULL));
    const klient_topic_partition_t partitions[] = { { "a", 0 }, { "a", 1 } };
    const int64_t offsets[] = { 6, 3 }, nonsense[] = { -2, 0 };
    int64_t starts[2];
    klient_code_t codes[2];
    klient_error_t *error = NULL;
    fake_add_topic(fake, "a", 2);
    fill(fake, "a", 0, 5);
    fill(fake, "a", 1, 5);

    ck_assert_int_eq(klient_admin_delete_records(admin, partitions, offsets, 2, PATIENCE_MS,
                                                 starts, codes, &error),
                     KLIENT_OFFSET_OUT_OF_RANGE);

    ck_assert_int_eq(klient_error_partition(error), 0);
    ck_assert_int_eq(codes[0], KLIENT_OFFSET_OUT_OF_RANGE);
    ck_assert_int_eq(starts[0], -1);
    ck_assert_int_eq(codes[1], KLIENT_OK);
    ck_assert_int_eq(starts[1], 3);
    klient_error_free(error);
    ck_assert_int_eq(klient_admin_delete_records(admin, partitions, nonsense, 2, PATIENCE_MS,
                                                 starts, codes, NULL),
                     KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_admin_delete_records(admin, partitions, offsets, 0, PATIENCE_MS,
                                                 starts, codes, NULL),
                     KLIENT_INVALID_ARGUMENT);
    klient_admin_close(admin);
}
END_TEST

START_TEST(a_broker_that_answers_nonsense_to_delete_records_is_no_crash)
{
    static const int spoilt[] = { HOSTILE_NO_RESULTS, HOSTILE_NEGATIVE, HOSTILE_EMPTY_BODY,
                                  HOSTILE_OTHER_BODY, HOSTILE_GARBAGE_HEAD };
    klient_admin_t *admin = admin_with(config_for(fake, NULL));
    const klient_topic_partition_t partition = { "a", 0 };
    const int64_t offset = 1;
    int64_t start = -5;
    fake_add_topic(fake, "a", 1);
    fill(fake, "a", 0, 3);
    atomic_store(&fake_faults(fake)->hostile, spoilt[_i]);

    ck_assert_int_ne(klient_admin_delete_records(admin, &partition, &offset, 1, 500, &start, NULL,
                                                 NULL),
                     KLIENT_OK);
    ck_assert_int_lt(start, 0);
    klient_admin_close(admin);
}
END_TEST

START_TEST(partitions_that_can_not_be_are_refused_before_anyone_is_asked)
{
    static const klient_topic_partition_t wrong[] = { { "a", -1 }, { NULL, 0 } };
    klient_admin_t *admin = admin_with(config_for(fake, NULL));
    const klient_topic_partition_t partitions[] = { { "a", 0 }, wrong[_i] };
    const int64_t offsets[] = { 0, 0 };
    klient_logs_t *logs = NULL;
    fake_add_topic(fake, "a", 1);
    fill(fake, "a", 0, 3);

    ck_assert_int_eq(klient_admin_describe_logs(admin, partitions, 2, PATIENCE_MS, &logs, NULL),
                     KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_admin_compact_logs(admin, partitions, 2, PATIENCE_MS, &logs, NULL),
                     KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_admin_delete_records(admin, partitions, offsets, 2, PATIENCE_MS, NULL,
                                                 NULL, NULL),
                     KLIENT_INVALID_ARGUMENT);

    ck_assert_ptr_null(logs);
    klient_admin_close(admin);
}
END_TEST

START_TEST(logs_of_a_partition_that_is_not_there_fail_no_call)
{
    klient_admin_t *admin = admin_with(config_for(fake, NULL));
    const klient_topic_partition_t partitions[] = { { "a", 5 }, { "b", 0 } };
    klient_log_info_t info = { .size = sizeof info };
    klient_logs_t *logs = NULL;
    fake_add_topic(fake, "a", 1);

    ck_assert_int_eq(klient_admin_describe_logs(admin, partitions, 2, PATIENCE_MS, &logs, NULL),
                     KLIENT_OK);

    ck_assert_uint_eq(klient_logs_count(logs), 2);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(klient_logs_get(logs, i, &info), KLIENT_OK);
        ck_assert_uint_eq(info.size, sizeof info);
        ck_assert_str_eq(info.topic, partitions[i].topic);
        ck_assert_int_eq(info.partition, partitions[i].partition);
        ck_assert_int_eq(info.code, KLIENT_UNKNOWN_TOPIC_OR_PARTITION);
        ck_assert_str_ne(info.cleaning_error, "");
    }
    ck_assert_int_eq(klient_logs_get(logs, 2, &info), KLIENT_INVALID_ARGUMENT);
    klient_logs_free(logs);
    klient_admin_close(admin);
}
END_TEST

Suite *admin_suite(void)
{
    Suite *suite = suite_create("client/admin");
    TCase *tcase = tcase_create("admin");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, topics_are_created_described_and_deleted);
    tcase_add_test(tcase, a_topic_is_unknown_only_if_the_controller_does_not_know_it_either);
    tcase_add_test(tcase, a_topic_is_unknown_without_a_controller_that_could_know_it);
    tcase_add_test(tcase, every_topic_has_its_own_outcome);
    tcase_add_test(tcase, creating_twice_and_deleting_nothing_fail);
    tcase_add_test(tcase, the_cluster_is_described_in_order);
    tcase_add_test(tcase, settings_are_described);
    tcase_add_test(tcase, a_broker_s_settings_are_asked_of_that_broker);
    tcase_add_test(tcase, partitions_are_added);
    tcase_add_test(tcase, a_producer_uses_partitions_that_were_added);
    tcase_add_test(tcase, configurations_are_altered);
    tcase_add_test(tcase, records_are_deleted_where_the_partitions_are);
    tcase_add_test(tcase, records_that_can_not_be_deleted_fail_for_themselves);
    tcase_add_loop_test(tcase, a_broker_that_answers_nonsense_to_delete_records_is_no_crash, 0, 5);
    tcase_add_test(tcase, logs_of_a_partition_that_is_not_there_fail_no_call);
    tcase_add_loop_test(tcase, partitions_that_can_not_be_are_refused_before_anyone_is_asked, 0, 2);
    tcase_add_test(tcase, calls_end_at_their_deadline);
    tcase_add_test(tcase, a_lost_connection_is_made_again);
    suite_add_tcase(suite, tcase);
    return suite;
}
