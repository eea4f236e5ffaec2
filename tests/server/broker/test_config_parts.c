/* What is configured reaches the part of the broker that goes by it. What that part makes of it is
 * shown by its own tests; tests/option_effects.txt names both. */
#include <check.h>
#include <stdio.h>

#include "common/compress.h"
#include "server/config_parts.h"
#include "server/runtime/batch_rules.h"
#include "server/runtime/topic_config.h"
#include "server/storage/log.h"

static struct config config;
static struct {
    struct control_options control;
    struct shards_options shards;
    struct api api;
    struct admission_limits admission;
    struct gates gates;
} made;

/* The parts, with nothing configured but this. */
static void configure(const char *pair)
{
    struct k_reason reason;

    config_fini(&config);
    ck_assert_int_eq(config_init(&config), 0);
    ck_assert_int_eq(config_set_pair(&config, pair, &reason), 0);
    config_settle(&config);
    made.control = config_for_control(&config);
    ck_assert_int_eq(config_for_shards(&config, &made.shards, &reason), 0);
    made.api = config_for_api(&config);
    made.admission = config_for_admission(&config);
    config_for_gates(&config, &made.gates);
}

#define EXPECT(pair, field, value)                                                                 \
    do {                                                                                           \
        configure(pair);                                                                           \
        ck_assert_int_eq(made.field, value);                                                       \
    } while (0)

static void setup(void)
{
    ck_assert_int_eq(config_init(&config), 0);
}

static void teardown(void)
{
    config_fini(&config);
}

START_TEST(the_control_plane_goes_by_what_is_configured)
{
    configure("zookeeper.connect=zoo:1");
    ck_assert_str_eq(made.control.zookeeper_connect, "zoo:1");
    configure("zookeeper.digest=me:secret");
    ck_assert_str_eq(made.control.zookeeper_digest, "me:secret");
    configure("broker.rack=r7");
    ck_assert_str_eq(made.control.rack, "r7");
    configure("create.topic.policy.name.pattern=a.*");
    ck_assert_str_eq(made.control.topic_pattern, "a.*");
    EXPECT("zookeeper.session.timeout.ms=6000", control.session_timeout_ms, 6000);
    EXPECT("reserved.broker.max.id=7", control.reserved_max_id, 7);
}
END_TEST

START_TEST(the_controller_goes_by_what_is_configured)
{
    EXPECT("min.insync.replicas=2", control.controller.min_insync, 2);
    EXPECT("unclean.leader.election.enable=true", control.controller.unclean, true);
    EXPECT("leader.imbalance.check.interval.seconds=7", control.controller.rebalance_interval_ms,
           7000);
    EXPECT("auto.leader.rebalance.enable=false", control.controller.rebalance_interval_ms, 0);
    EXPECT("leader.imbalance.per.broker.percentage=7", control.controller.imbalance_percent, 7);
    EXPECT("create.topic.policy.max.partitions=7", control.controller.policy.partitions_max, 7);
    EXPECT("create.topic.policy.min.replication.factor=2", control.controller.policy.factor_min,
           2);
    EXPECT("create.topic.policy.max.replication.factor=7", control.controller.policy.factor_max,
           7);
    EXPECT("delete.topic.enable=false", control.controller.deletes_nothing, true);
}
END_TEST

START_TEST(partitions_go_by_what_is_configured)
{
    EXPECT("log.idle.close.ms=700", shards.idle_close_ms, 700);
    EXPECT("producer.id.expiration.ms=7", shards.producer_expiration_ms, 7);
    EXPECT("log.retention.check.interval.ms=7", shards.retention_check_ms, 7);
    EXPECT("leader.fencing=serve", shards.fenced_by_lease, false);
    EXPECT("replica.lag.time.max.ms=7", shards.replication.lag_max_ms, 7);
    EXPECT("replica.fetch.wait.max.ms=7", shards.replication.wait_max_ms, 7);
    EXPECT("replica.fetch.backoff.ms=7", shards.replication.backoff_ms, 7);
    EXPECT("replica.fetch.max.bytes=7", shards.replication.fetch_max_bytes, 7);
    EXPECT("replica.fetch.response.max.bytes=7", shards.replication.response_max_bytes, 7);
}
END_TEST

START_TEST(compaction_goes_by_what_is_configured)
{
    EXPECT("log.cleaner.enable=false", shards.cleaner.enabled, false);
    EXPECT("log.cleaner.threads=7", shards.cleaner.threads, 7);
    EXPECT("log.cleaner.dedupe.buffer.size=2000000", shards.cleaner.dedupe_bytes, 2000000);
    EXPECT("log.cleaner.io.buffer.size=9000", shards.cleaner.io_bytes, 9000);
    EXPECT("log.cleaner.backoff.ms=7", shards.cleaner.backoff_ms, 7);
    configure("log.cleaner.io.buffer.load.factor=0.5");
    ck_assert(made.shards.cleaner.load_factor == 0.5);
    configure("log.cleaner.io.max.bytes.per.second=7000");
    ck_assert(made.shards.cleaner.io_bytes_per_second == 7000);
}
END_TEST

START_TEST(groups_go_by_what_is_configured)
{
    EXPECT("group.initial.rebalance.delay.ms=7", shards.groups.initial_delay_ms, 7);
    EXPECT("group.min.session.timeout.ms=7", shards.groups.session_min_ms, 7);
    EXPECT("group.max.session.timeout.ms=7", shards.groups.session_max_ms, 7);
    EXPECT("group.max.size=7", shards.groups.size_max, 7);
    EXPECT("offset.metadata.max.bytes=7", shards.groups.metadata_max, 7);
    EXPECT("offset.metadata.max.bytes=7", api.offset_metadata_max, 7);
    EXPECT("offsets.commit.timeout.ms=7", shards.groups.store_timeout_ms, 7);
    EXPECT("offsets.retention.minutes=7", shards.groups.retention_ms, 420000);
    EXPECT("offsets.retention.check.interval.ms=7", shards.groups.retention_check_ms, 7);
    EXPECT("offsets.zookeeper.mirror.interval.ms=7", shards.mirror.interval_ms, 7);
    EXPECT("offsets.topic.num.partitions=7", shards.offsets_topic.partitions, 7);
    EXPECT("offsets.topic.num.partitions=7", api.offsets_partitions, 7);
    EXPECT("offsets.topic.replication.factor=7", shards.offsets_topic.replication_factor, 7);
    EXPECT("offsets.topic.replication.factor=7", api.offsets_replication_factor, 7);
    EXPECT("offsets.topic.segment.bytes=700", shards.offsets_topic.segment_bytes, 700);
    EXPECT("offsets.topic.compression.codec=4", shards.offsets_topic.codec, CODEC_ZSTD);
}
END_TEST

START_TEST(requests_go_by_what_is_configured)
{
    EXPECT("num.partitions=7", api.partitions_default, 7);
    EXPECT("default.replication.factor=7", api.replication_factor_default, 7);
    EXPECT("auto.create.topics.enable=true", api.auto_create, true);
    EXPECT("fetch.max.bytes=7000", api.fetch_bytes_max, 7000);
    EXPECT("request.timeout.ms=7", api.timeout_ms, 7);
}
END_TEST

START_TEST(connections_go_by_what_is_configured)
{
    EXPECT("socket.request.max.bytes=7000", gates.frame_max, 7004);
    EXPECT("queued.max.request.bytes=7", gates.budget.limit, 7);
    EXPECT("connections.max.idle.ms=7", gates.idle_ms, 7);
    EXPECT("connections.slow.ms=7", gates.slow_ms, 7);
    EXPECT("max.connections=7", admission.connections, 7);
    EXPECT("max.connections.per.ip=7", admission.per_address, 7);
    EXPECT("max.connection.creation.rate=7", admission.per_second, 7);
    EXPECT("max.connections.per.ip.overrides=127.0.0.1:7", admission.override_count, 1);
}
END_TEST

START_TEST(threads_are_as_many_as_configured_or_as_the_machine_has_use_for)
{
    configure("num.loops=3");
    ck_assert_int_eq(config_loops(&config, 16), 3);
    configure("num.loops=0");
    ck_assert_int_eq(config_loops(&config, 16), 8);
    ck_assert_int_eq(config_loops(&config, 2), 2);
    ck_assert_int_eq(config_loops(&config, -1), 1);
    configure("num.recovery.threads.per.data.dir=5");
    ck_assert_int_eq(config_pool_threads(&config, 16, 3), 15);
    configure("num.recovery.threads.per.data.dir=0");
    ck_assert_int_eq(config_pool_threads(&config, 16, 3), 48);
    ck_assert_int_eq(config_pool_threads(&config, 16, 30), 64);
    ck_assert_int_eq(config_pool_threads(&config, 1, 1), 2);
}
END_TEST

/* --- topics ----------------------------------------------------------------------------------- */

static const struct {
    const char *broker, *value, *topic;
} inherited[] = {
    { "log.cleanup.policy", "compact", "cleanup.policy" },
    { "compression.type", "zstd", "compression.type" },
    { "compression.gzip.level", "7", "compression.gzip.level" },
    { "compression.lz4.level", "7", "compression.lz4.level" },
    { "compression.zstd.level", "7", "compression.zstd.level" },
    { "log.cleaner.delete.retention.ms", "7", "delete.retention.ms" },
    { "log.index.interval.bytes", "7", "index.interval.bytes" },
    { "message.max.bytes", "7", "max.message.bytes" },
    { "log.cleaner.max.compaction.lag.ms", "7", "max.compaction.lag.ms" },
    { "log.cleaner.min.cleanable.ratio", "0.75", "min.cleanable.dirty.ratio" },
    { "log.cleaner.min.compaction.lag.ms", "7", "min.compaction.lag.ms" },
    { "log.flush.interval.messages", "7", "flush.messages" },
    { "log.flush.interval.ms", "7", "flush.ms" },
    { "log.flush.on.ack", "true", "log.flush.on.ack" },
    { "log.message.timestamp.type", "LogAppendTime", "message.timestamp.type" },
    { "log.message.timestamp.before.max.ms", "7", "message.timestamp.before.max.ms" },
    { "log.message.timestamp.after.max.ms", "7", "message.timestamp.after.max.ms" },
    { "log.message.timestamp.difference.max.ms", "7", "message.timestamp.difference.max.ms" },
    { "min.insync.replicas", "7", "min.insync.replicas" },
    { "unclean.leader.election.enable", "true", "unclean.leader.election.enable" },
    { "log.preallocate", "true", "preallocate" },
    { "log.segment.bytes", "700", "segment.bytes" },
    { "log.index.size.max.bytes", "700", "segment.index.bytes" },
    { "log.roll.ms", "7", "segment.ms" },
    { "log.roll.jitter.ms", "7", "segment.jitter.ms" },
    { "log.retention.ms", "7", "retention.ms" },
    { "log.retention.bytes", "7", "retention.bytes" },
    { "log.segment.delete.delay.ms", "7", "file.delete.delay.ms" },
};

enum { INHERITED = sizeof inherited / sizeof *inherited };

START_TEST(what_topics_do_not_override_is_as_configured)
{
    const struct option *row = options_find(&topic_config_table, inherited[_i].topic);
    char pair[128], text[64];

    snprintf(pair, sizeof pair, "%s=%s", inherited[_i].broker, inherited[_i].value);
    configure(pair);

    options_format(row, &made.shards.defaults, text, sizeof text);
    ck_assert_str_eq(text, inherited[_i].value);
    ck_assert_str_eq(topic_config_broker_name(inherited[_i].topic), inherited[_i].broker);
}
END_TEST

START_TEST(every_option_of_topics_has_one_of_the_broker_s)
{
    size_t known = 0;

    for (size_t i = 0; i < topic_config_table.count; i++)
        known += topic_config_broker_name(topic_config_table.rows[i].name) != NULL;

    ck_assert_uint_eq(known, INHERITED);
}
END_TEST

/* What a log and its batches go by when a topic has this one override. */
static void override(const char *name, const char *value, struct log_config *log,
                     struct batch_rules *rules)
{
    const struct metadata_config own = { name, value };
    const struct metadata_topic known = { .name = "t", .config_count = 1, .configs = &own };
    struct topic_config topic;

    configure("broker.id=1");
    topic_config_resolve(&made.shards.defaults, &known, &topic);
    topic_config_for_log(&topic, log);
    topic_config_for_batches(&topic, rules);
}

#define EXPECT_LOG(name, value, field, expected)                                                   \
    do {                                                                                           \
        override(name, value, &log, &rules);                                                       \
        ck_assert_int_eq(log.field, expected);                                                     \
    } while (0)

START_TEST(what_a_topic_overrides_reaches_its_logs)
{
    struct log_config log;
    struct batch_rules rules;

    EXPECT_LOG("segment.bytes", "700", segment_bytes, 700);
    EXPECT_LOG("segment.ms", "7", segment_ms, 7);
    EXPECT_LOG("segment.jitter.ms", "7", segment_jitter_ms, 7);
    EXPECT_LOG("segment.index.bytes", "700", index_bytes, 700);
    EXPECT_LOG("index.interval.bytes", "7", index_interval_bytes, 7);
    EXPECT_LOG("max.message.bytes", "7", max_message_bytes, 7);
    EXPECT_LOG("retention.ms", "7", retention_ms, 7);
    EXPECT_LOG("retention.bytes", "7", retention_bytes, 7);
    EXPECT_LOG("preallocate", "true", preallocate, true);
    EXPECT_LOG("message.timestamp.type", "LogAppendTime", append_time, true);
    EXPECT_LOG("cleanup.policy", "compact", compacted, true);
    EXPECT_LOG("cleanup.policy", "compact", cleanup_delete, false);
    EXPECT_LOG("cleanup.policy", "compact,delete", cleanup_delete, true);
}
END_TEST

START_TEST(what_a_topic_overrides_reaches_its_batches)
{
    struct log_config log;
    struct batch_rules rules;

    override("max.message.bytes", "7", &log, &rules);
    ck_assert_uint_eq(rules.batch_bytes_max, 7);
    override("cleanup.policy", "compact", &log, &rules);
    ck_assert(rules.keys);
    override("compression.type", "lz4", &log, &rules);
    ck_assert_int_eq(rules.codec, CODEC_LZ4);
    override("message.timestamp.before.max.ms", "7", &log, &rules);
    ck_assert_int_eq(rules.before_max_ms, 7);
    override("message.timestamp.after.max.ms", "7", &log, &rules);
    ck_assert_int_eq(rules.after_max_ms, 7);
    override("message.timestamp.difference.max.ms", "7", &log, &rules);
    ck_assert(rules.before_max_ms == 7 && rules.after_max_ms == 7);
}
END_TEST

Suite *config_parts_suite(void);

Suite *config_parts_suite(void)
{
    Suite *suite = suite_create("server/config_parts");
    TCase *tests = tcase_create("config_parts");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, the_control_plane_goes_by_what_is_configured);
    tcase_add_test(tests, the_controller_goes_by_what_is_configured);
    tcase_add_test(tests, partitions_go_by_what_is_configured);
    tcase_add_test(tests, compaction_goes_by_what_is_configured);
    tcase_add_test(tests, groups_go_by_what_is_configured);
    tcase_add_test(tests, requests_go_by_what_is_configured);
    tcase_add_test(tests, connections_go_by_what_is_configured);
    tcase_add_test(tests, threads_are_as_many_as_configured_or_as_the_machine_has_use_for);
    tcase_add_loop_test(tests, what_topics_do_not_override_is_as_configured, 0, INHERITED);
    tcase_add_test(tests, every_option_of_topics_has_one_of_the_broker_s);
    tcase_add_test(tests, what_a_topic_overrides_reaches_its_logs);
    tcase_add_test(tests, what_a_topic_overrides_reaches_its_batches);
    suite_add_tcase(suite, tests);
    return suite;
}
