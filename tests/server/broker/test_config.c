#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compress.h"
#include "common/quantity.h"
#include "server/config.h"
#include "server/runtime/batch_rules.h"
#include "server/runtime/topic_config.h"
#include "server/storage/io.h"
#include "server/storage/log.h"

static struct config config;

static void setup(void)
{
    ck_assert_int_eq(config_init(&config), 0);
}

static void teardown(void)
{
    config_fini(&config);
}

static int set(const char *pair)
{
    struct k_reason reason;

    return config_set_pair(&config, pair, &reason);
}

START_TEST(defaults_are_those_of_kafka)
{
    ck_assert_int_eq(config.broker_id, -1);
    ck_assert_int_eq(config.request_max_bytes, 104857600);
    ck_assert_int_eq(config.zookeeper_session_timeout_ms, 18000);
    ck_assert_int_eq(config.message_max_bytes, 1048588);
    ck_assert_int_eq(config.log_segment_bytes, 1073741824);
    ck_assert_str_eq(config.listeners, "PLAINTEXT://:9092");
    ck_assert_int_eq(config.leader_fencing, FENCING_LEASE);
    ck_assert_int_eq(config.offsets_replication_factor, 3);
}
END_TEST

START_TEST(the_old_name_of_log_dirs_is_understood)
{
    ck_assert_int_eq(set("log.dir=/srv/kairn"), 0);

    ck_assert_str_eq(config.log_dirs, "/srv/kairn");
}
END_TEST

START_TEST(names_that_are_not_served_yet_are_errors_that_say_so)
{
    static const char *const pairs[] = {
        "ssl.keystore.location=/k", "create.topic.policy.class.name=a.B",
        "alter.config.policy.class.name=a.B", "client.quota.callback.class=a.B",
        "quota.window.num=11", "controller.quota.window.num=11", "super.users=User:a",
        "authorizer.class.name=a.B", "control.plane.listener.name=CONTROLLER",
        "inter.broker.protocol.version=3.6", "zookeeper.set.acl=true",
    };

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        ck_assert_msg(set(pairs[i]) == K_NOT_SUPPORTED_YET, "%s", pairs[i]);
}
END_TEST

START_TEST(kafkas_settings_for_its_own_insides_are_accepted)
{
    static const char *const pairs[] = {
        "num.io.threads=8", "num.network.threads=3", "background.threads=10",
        "socket.send.buffer.bytes=102400", "socket.receive.buffer.bytes=102400",
        "socket.listen.backlog.size=50", "zookeeper.connection.timeout.ms=6000",
        "zookeeper.max.in.flight.requests=10", "broker.id.generation.enable=true",
        "controlled.shutdown.max.retries=3", "controlled.shutdown.retry.backoff.ms=5000",
        "fetch.purgatory.purge.interval.requests=1000", "replication.quota.window.num=11",
    };

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        ck_assert_msg(set(pairs[i]) == 0, "%s", pairs[i]);
}
END_TEST

START_TEST(a_broker_needs_zookeeper)
{
    struct k_reason reason;

    ck_assert_int_eq(config_check(&config, &reason), K_INVALID_CONFIG);
    ck_assert_ptr_nonnull(strstr(reason.text, "zookeeper.connect"));
    ck_assert_int_eq(set("zookeeper.connect=127.0.0.1:2181"), 0);
    ck_assert_int_eq(config_check(&config, &reason), 0);
}
END_TEST

START_TEST(local_brokers_have_ids_ports_and_directories_of_their_own)
{
    struct config local;
    struct k_reason reason;
    ck_assert_int_eq(set("listeners=PLAINTEXT://127.0.0.1:9092,INTERNAL://127.0.0.1:0"), 0);
    ck_assert_int_eq(set("log.dirs=/a,/b"), 0);

    ck_assert_int_eq(config_for_local(&config, 2, &local, &reason), 0);

    ck_assert_int_eq(local.broker_id, 2);
    ck_assert_str_eq(local.listeners, "PLAINTEXT://127.0.0.1:9094,INTERNAL://127.0.0.1:0");
    ck_assert_str_eq(local.log_dirs, "/a-2,/b-2");
    config_fini(&local);
}
END_TEST

START_TEST(topics_take_their_defaults_from_the_broker)
{
    struct topic_config topic;
    struct k_reason reason;
    ck_assert_int_eq(set("log.segment.bytes=1000000"), 0);
    ck_assert_int_eq(set("log.message.timestamp.type=LogAppendTime"), 0);

    ck_assert_int_eq(topic_config_defaults(&config_table, &config, &topic, &reason), 0);

    struct log_config log;
    topic_config_for_log(&topic, &log);
    ck_assert_int_eq(log.segment_bytes, 1000000);
    ck_assert(log.append_time);
    ck_assert_int_eq(log.max_message_bytes, 1048588);
    ck_assert_int_eq(log.index_interval_bytes, 4096);
    ck_assert(!log.preallocate);
    ck_assert_int_eq(set("log.preallocate=true"), 0);
    ck_assert_int_eq(topic_config_defaults(&config_table, &config, &topic, &reason), 0);
    topic_config_for_log(&topic, &log);
    ck_assert(log.preallocate);
}
END_TEST

/* What is set, and what log.retention.ms is then. */
static const struct { const char *first, *second; int64_t ms; } retentions[] = {
    { NULL, NULL, 604800000 },
    { "log.retention.hours=2", NULL, 7200000 },
    { "log.retention.hours=2", "log.retention.minutes=3", 180000 },
    { "log.retention.ms=5", "log.retention.minutes=3", 5 },
    { "log.retention.ms=5", "log.retention.hours=3", 5 },
    { "log.retention.hours=-1", NULL, -1 },
    { "log.retention.hours=1", "log.retention.minutes=-1", -1 },
    { "log.retention.ms=-1", "log.retention.hours=1", -1 },
    { "log.retention.hours=2147483647", NULL, INT64_C(2147483647) * 3600000 },
};

START_TEST(the_finest_unit_that_is_set_counts)
{
    struct topic_config topic;
    struct k_reason reason;
    if (retentions[_i].first != NULL)
        ck_assert_int_eq(set(retentions[_i].first), 0);
    if (retentions[_i].second != NULL)
        ck_assert_int_eq(set(retentions[_i].second), 0);

    config_settle(&config);

    ck_assert_int_eq(topic_config_defaults(&config_table, &config, &topic, &reason), 0);
    ck_assert_int_eq(topic.retention_ms, retentions[_i].ms);
}
END_TEST

START_TEST(hours_of_rolling_and_its_jitter_count_where_milliseconds_are_not_set)
{
    ck_assert_int_eq(set("log.roll.hours=2"), 0);
    ck_assert_int_eq(set("log.roll.jitter.hours=1"), 0);
    config_settle(&config);
    ck_assert_int_eq(config.log_roll_ms, 7200000);
    ck_assert_int_eq(config.log_roll_jitter_ms, 3600000);

    ck_assert_int_eq(set("log.roll.ms=100"), 0);
    ck_assert_int_eq(set("log.roll.jitter.ms=0"), 0);
    config_settle(&config);
    ck_assert_int_eq(config.log_roll_ms, 100);
    ck_assert_int_eq(config.log_roll_jitter_ms, 0);
}
END_TEST

START_TEST(policies_that_nothing_can_follow_are_refused)
{
    struct k_reason reason;

    ck_assert_int_eq(set("zookeeper.connect=z:1"), 0);
    ck_assert_int_eq(set("create.topic.policy.name.pattern=a("), 0);
    ck_assert_int_eq(config_check(&config, &reason), K_INVALID_CONFIG);
    ck_assert_str_eq(reason.text, "create.topic.policy.name.pattern: missing closing parenthesis, "
                                  "at character 3");
    ck_assert_int_eq(set("create.topic.policy.name.pattern=a.*"), 0);
    ck_assert_int_eq(config_check(&config, &reason), 0);
    ck_assert_int_eq(set("create.topic.policy.min.replication.factor=3"), 0);
    ck_assert_int_eq(config_check(&config, &reason), 0);
    ck_assert_int_eq(set("create.topic.policy.max.replication.factor=2"), 0);
    ck_assert_int_eq(config_check(&config, &reason), K_INVALID_CONFIG);
}
END_TEST

START_TEST(a_broker_can_not_delete_everything_at_once)
{
    struct k_reason reason;
    ck_assert_int_eq(set("zookeeper.connect=127.0.0.1:2181"), 0);
    ck_assert_int_eq(set("log.retention.minutes=0"), 0);
    config_settle(&config);
    ck_assert_int_eq(config_check(&config, &reason), K_INVALID_CONFIG);
    ck_assert_ptr_nonnull(strstr(reason.text, "log.retention.ms"));
}
END_TEST

START_TEST(what_a_topic_says_of_retention_reaches_its_logs)
{
    struct topic_config defaults, topic;
    struct log_config log;
    struct k_reason reason;
    const struct metadata_config configs[] = {
        { "retention.ms", "1000" }, { "retention.bytes", "2000" },
        { "segment.jitter.ms", "30" }, { "file.delete.delay.ms", "40" },
    };
    const struct metadata_topic known = { .name = "t", .config_count = 4, .configs = configs };
    const struct metadata_config compacted = { "cleanup.policy", "compact" };
    const struct metadata_topic other = { .name = "u", .config_count = 1, .configs = &compacted };
    ck_assert_int_eq(topic_config_defaults(&config_table, &config, &defaults, &reason), 0);

    topic_config_resolve(&defaults, &known, &topic);
    topic_config_for_log(&topic, &log);
    ck_assert_int_eq(log.retention_ms, 1000);
    ck_assert_int_eq(log.retention_bytes, 2000);
    ck_assert_int_eq(log.segment_jitter_ms, 30);
    ck_assert_int_eq(topic.file_delete_delay_ms, 40);
    ck_assert(log.cleanup_delete);
    topic_config_resolve(&defaults, &other, &topic);
    topic_config_for_log(&topic, &log);
    ck_assert_int_eq(log.retention_ms, 604800000);
    ck_assert_int_eq(log.retention_bytes, -1);
    ck_assert_int_eq(topic.file_delete_delay_ms, 60000);
    ck_assert(!log.cleanup_delete);
}
END_TEST

START_TEST(topic_overrides_win_and_nonsense_is_passed_over)
{
    struct topic_config defaults, topic;
    struct k_reason reason;
    const struct metadata_config configs[] = {
        { "max.message.bytes", "5000" },
        { "segment.bytes", "many" },
        { "cleanup.policy", "compact" },
    };
    const struct metadata_topic known = { .name = "t", .config_count = 3, .configs = configs };
    ck_assert_int_eq(topic_config_defaults(&config_table, &config, &defaults, &reason), 0);

    topic_config_resolve(&defaults, &known, &topic);

    ck_assert_int_eq(topic.max_message_bytes, 5000);
    ck_assert_int_eq(topic.segment_bytes, 1073741824);
    ck_assert(topic_config_compacted(&topic));
    ck_assert(!topic_config_compacted(&defaults));
}
END_TEST

START_TEST(the_older_bound_of_timestamps_holds_where_the_newer_is_not_set)
{
    struct topic_config topic;
    struct batch_rules rules;
    struct k_reason reason;

    ck_assert_int_eq(topic_config_defaults(&config_table, &config, &topic, &reason), 0);
    topic_config_for_batches(&topic, &rules);
    ck_assert(!rules.bounded);
    ck_assert_int_eq(set("log.message.timestamp.difference.max.ms=7"), 0);
    ck_assert_int_eq(set("log.message.timestamp.after.max.ms=5"), 0);
    ck_assert_int_eq(topic_config_defaults(&config_table, &config, &topic, &reason), 0);

    topic_config_for_batches(&topic, &rules);

    ck_assert(rules.bounded);
    ck_assert_int_eq(rules.before_max_ms, 7);
    ck_assert_int_eq(rules.after_max_ms, 5);
}
END_TEST

START_TEST(codecs_of_topics_have_kafkas_levels)
{
    static const struct {
        const char *type, *setting;
        int codec, level;
    } expected[] = {
        { "producer", "compression.zstd.level=3", -1, COMPRESS_LEVEL_DEFAULT },
        { "uncompressed", "compression.zstd.level=3", CODEC_NONE, COMPRESS_LEVEL_DEFAULT },
        { "gzip", "compression.gzip.level=-1", CODEC_GZIP, COMPRESS_LEVEL_DEFAULT },
        { "gzip", "compression.gzip.level=9", CODEC_GZIP, 9 },
        { "snappy", "compression.gzip.level=9", CODEC_SNAPPY, COMPRESS_LEVEL_DEFAULT },
        { "lz4", "compression.lz4.level=9", CODEC_LZ4, COMPRESS_LEVEL_DEFAULT },
        { "lz4", "compression.lz4.level=12", CODEC_LZ4, 12 },
        { "zstd", "compression.zstd.level=-5", CODEC_ZSTD, -5 },
    };
    struct k_reason reason;

    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        struct topic_config topic;
        struct batch_rules rules;
        char type[64];
        snprintf(type, sizeof type, "compression.type=%s", expected[i].type);
        ck_assert_int_eq(set(type), 0);
        ck_assert_int_eq(set(expected[i].setting), 0);
        ck_assert_int_eq(topic_config_defaults(&config_table, &config, &topic, &reason), 0);
        topic_config_for_batches(&topic, &rules);
        ck_assert_int_eq(rules.codec, expected[i].codec);
        ck_assert_int_eq(rules.level, expected[i].level);
    }
    ck_assert_int_eq(set("compression.gzip.level=0"), K_INVALID_CONFIG);
    ck_assert_int_eq(set("compression.lz4.level=18"), K_INVALID_CONFIG);
}
END_TEST

START_TEST(the_interval_of_syncs_has_the_scheduler_s_as_its_default)
{
    struct topic_config defaults;
    struct k_reason reason;

    ck_assert_int_eq(config_set_pair(&config, "log.flush.scheduler.interval.ms=2000", &reason), 0);
    ck_assert_int_eq(topic_config_defaults(&config_table, &config, &defaults, &reason), 0);
    ck_assert_int_eq(defaults.flush_ms, 2000);
    ck_assert_int_eq(config_set_pair(&config, "log.flush.interval.ms=3000", &reason), 0);
    ck_assert_int_eq(topic_config_defaults(&config_table, &config, &defaults, &reason), 0);
    ck_assert_int_eq(defaults.flush_ms, 3000);
}
END_TEST

static void expect_unit_of(const struct option_table *table)
{
    static const char *const words[] = { "illiseconds", "Bytes", " bytes", " minutes", " hours" };

    for (size_t i = 0; i < table->count; i++) {
        const struct option *row = &table->rows[i];
        if ((row->flags & (OPTION_NO_EFFECT | OPTION_NOT_YET)) != 0 ||
            (row->type != OPTION_INT && row->type != OPTION_LONG))
            continue;
        for (size_t w = 0; w < sizeof words / sizeof *words; w++)
            ck_assert_msg(strstr(row->text, words[w]) == NULL ||
                              quantity_unit_of(row->name) != QUANTITY_PLAIN,
                          "%s: %s", row->name, row->text);
    }
}

START_TEST(the_name_of_each_time_and_size_tells_its_unit)
{
    expect_unit_of(&config_table);
    expect_unit_of(&topic_config_table);
}
END_TEST

START_TEST(a_file_may_write_times_and_sizes_with_units)
{
    struct k_reason reason;

    ck_assert_int_eq(config_set_pair(&config, "log.retention.hours=14d", &reason), 0);
    ck_assert_int_eq(config.log_retention_hours, 336);
    ck_assert_int_eq(config_set_pair(&config, "log.segment.bytes=64MiB", &reason), 0);
    ck_assert_int_eq(config.log_segment_bytes, 67108864);
    ck_assert_int_eq(config_set_pair(&config, "log.roll.ms=forever", &reason), 0);
    ck_assert_int_eq(config.log_roll_ms, INT64_MAX);
    ck_assert_int_eq(config_set_pair(&config, "log.retention.minutes=90s", &reason),
                     K_INVALID_CONFIG);
}
END_TEST

static void expect_page(void (*print)(FILE *out), const char *path, const char *advice)
{
    char *made = NULL, *kept = NULL;
    size_t made_size = 0, kept_size = 0;
    FILE *out = open_memstream(&made, &made_size);
    ck_assert_ptr_nonnull(out);

    print(out);
    fclose(out);

    ck_assert_int_eq(io_read_file(&io_system, path, 1 << 20, &kept, &kept_size), 0);
    ck_assert_msg(strcmp(made, kept) == 0, "%s", advice);
    free(made);
    free(kept);
}

START_TEST(the_pages_of_all_options_are_up_to_date)
{
    expect_page(config_print_docs, TOP_SRCDIR "/docs/configuration.md",
                "run: kairnd --print-config-docs > docs/configuration.md");
    expect_page(config_print_man, TOP_SRCDIR "/docs/man/kairnd.conf.5",
                "run: kairnd --print-config-man > docs/man/kairnd.conf.5");
}
END_TEST

Suite *config_suite(void);

Suite *config_suite(void)
{
    Suite *suite = suite_create("server/config");
    TCase *tests = tcase_create("config");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, defaults_are_those_of_kafka);
    tcase_add_test(tests, the_old_name_of_log_dirs_is_understood);
    tcase_add_test(tests, names_that_are_not_served_yet_are_errors_that_say_so);
    tcase_add_test(tests, kafkas_settings_for_its_own_insides_are_accepted);
    tcase_add_test(tests, a_broker_needs_zookeeper);
    tcase_add_test(tests, local_brokers_have_ids_ports_and_directories_of_their_own);
    tcase_add_test(tests, the_older_bound_of_timestamps_holds_where_the_newer_is_not_set);
    tcase_add_test(tests, codecs_of_topics_have_kafkas_levels);
    tcase_add_test(tests, the_interval_of_syncs_has_the_scheduler_s_as_its_default);
    tcase_add_test(tests, the_pages_of_all_options_are_up_to_date);
    tcase_add_test(tests, topics_take_their_defaults_from_the_broker);
    tcase_add_loop_test(tests, the_finest_unit_that_is_set_counts, 0,
                        (int)(sizeof retentions / sizeof retentions[0]));
    tcase_add_test(tests, hours_of_rolling_and_its_jitter_count_where_milliseconds_are_not_set);
    tcase_add_test(tests, policies_that_nothing_can_follow_are_refused);
    tcase_add_test(tests, a_broker_can_not_delete_everything_at_once);
    tcase_add_test(tests, what_a_topic_says_of_retention_reaches_its_logs);
    tcase_add_test(tests, the_name_of_each_time_and_size_tells_its_unit);
    tcase_add_test(tests, a_file_may_write_times_and_sizes_with_units);
    tcase_add_test(tests, topic_overrides_win_and_nonsense_is_passed_over);
    suite_add_tcase(suite, tests);
    return suite;
}
