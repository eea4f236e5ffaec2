#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "tests/lib/runner.h"
#include "zk/znode.h"

Suite *znode_feature_suite(void);
Suite *zk_connect_suite(void);

static struct arena arena;

static void set_up(void)
{
    arena_init(&arena, NULL, 0, 64 * 1024 * 1024);
}

static void tear_down(void)
{
    arena_fini(&arena);
}

static const struct znode_endpoint endpoint = { "PLAINTEXT", "PLAINTEXT", "127.0.0.1", 24092 };
static const int32_t one[] = { 1 }, two[] = { 2, 1 };

/* What a real Kafka 3.9 wrote, byte for byte. */
static const char kafka_broker[] =
    "{\"features\":{},\"listener_security_protocol_map\":{\"PLAINTEXT\":\"PLAINTEXT\"},"
    "\"endpoints\":[\"PLAINTEXT://"
    "127.0.0.1:24092\"],\"rack\":\"r-a\",\"jmx_port\":-1,\"port\":24092,"
    "\"host\":\"127.0.0.1\",\"version\":5,\"timestamp\":\"1795441149900\"}";
static const char kafka_moving_topic[] =
    "{\"partitions\":{\"0\":[1],\"1\":[1]},\"topic_id\":\"NpXm8VOnSs6jZjZQdklTIw\","
    "\"adding_replicas\":{\"1\":[1]},\"removing_replicas\":{},\"version\":3}";
static const char kafka_topic[] =
    "{\"partitions\":{\"0\":[1],\"1\":[1]},\"topic_id\":\"NpXm8VOnSs6jZjZQdklTIw\","
    "\"adding_replicas\":{},\"removing_replicas\":{},\"version\":3}";
static const char kafka_state[] =
    "{\"controller_epoch\":1,\"leader\":1,\"version\":1,\"leader_epoch\":0,\"isr\":[1]}";
static const char kafka_controller[] =
    "{\"version\":2,\"brokerid\":1,\"timestamp\":\"1795441150043\",\"kraftControllerEpoch\":-1}";
static const char kafka_config[] =
    "{\"version\":1,\"config\":{\"cleanup.policy\":\"compact\",\"retention.ms\":\"1000\"}}";
static const char kafka_producer_ids[] =
    "{\"version\":1,\"broker\":1,\"block_start\":\"1000\",\"block_end\":\"1999\"}";
static const char kafka_cluster_id[] = "{\"version\":\"1\",\"id\":\"1UKIahu2SXGw_Vl_ReCU5w\"}";

/* --- encoding -------------------------------------------------------------------------------- */

START_TEST(nodes_are_written_as_kafka_writes_them)
{
    const struct znode_broker broker = { &endpoint, 1, "r-a", 1795441149900,
                                         .features = { { { 0, 0 } } } };
    const struct znode_replicas partitions[] = { { 1, one }, { 1, one } };
    static const int32_t none[] = { 0 };
    const struct znode_replicas adding[] = { { 0, none }, { 1, one } };
    const struct znode_replicas removing[] = { { 0, none }, { 0, none } };
    struct znode_topic topic = { .partitions = partitions, .partition_count = 2 };
    const struct znode_partition_state state = { .controller_epoch = 1,
                                                 .leader = 1,
                                                 .unclean_epoch = -1,
                                                 .isr = { 1, one } };
    const struct znode_controller controller = { 1, 1795441150043 };
    const char *const names[] = { "cleanup.policy", "retention.ms" };
    const char *const values[] = { "compact", "1000" };
    const struct znode_config config = { 2, names, values };
    const struct znode_producer_ids ids = { 1, 1000, 1999 };
    ck_assert(uuid_parse("NpXm8VOnSs6jZjZQdklTIw", &topic.id));

    ck_assert_str_eq(znode_encode_producer_ids(&arena, &ids), kafka_producer_ids);
    ck_assert_str_eq(znode_encode_broker(&arena, &broker), kafka_broker);
    ck_assert_str_eq(znode_encode_topic(&arena, &topic), kafka_topic);
    topic.adding = adding;
    topic.removing = removing;
    ck_assert_str_eq(znode_encode_topic(&arena, &topic), kafka_moving_topic);
    ck_assert_str_eq(znode_encode_partition_state(&arena, &state), kafka_state);
    ck_assert_str_eq(znode_encode_controller(&arena, &controller), kafka_controller);
    ck_assert_str_eq(znode_encode_config(&arena, &config), kafka_config);
    ck_assert_str_eq(znode_encode_cluster_id(&arena, "1UKIahu2SXGw_Vl_ReCU5w"), kafka_cluster_id);
}
END_TEST

START_TEST(wishes_for_replicas_are_kafka_s)
{
    static const char kafka_reassign[] =
        "{\"version\":1,\"partitions\":[{\"topic\":\"foo\",\"partition\":1,"
        "\"replicas\":[1,2]}]}";
    static const char kafka_preferred[] =
        "{\"version\":1,\"partitions\":[{\"topic\":\"foo\",\"partition\":1}]}";
    static const char *const wrong[] = {
        "{\"version\":1}", "{\"version\":1,\"partitions\":{}}",
        "{\"version\":1,\"partitions\":[1]}",
        "{\"version\":1,\"partitions\":[{\"partition\":1,\"replicas\":[1]}]}",
        "{\"version\":1,\"partitions\":[{\"topic\":\"t\",\"partition\":-1,\"replicas\":[1]}]}",
        "{\"version\":1,\"partitions\":[{\"topic\":\"t\",\"partition\":1,\"replicas\":[1,1]}]}",
        "{\"version\":1,\"partitions\":[{\"topic\":\"t\",\"partition\":1}]}", "foo", ""};
    struct znode_reassign read;

    ck_assert_int_eq(znode_decode_reassign(&arena, kafka_reassign, strlen(kafka_reassign), &read,
                                           NULL), 0);
    ck_assert_uint_eq(read.count, 1);
    ck_assert_str_eq(read.wishes[0].topic, "foo");
    ck_assert_int_eq(read.wishes[0].partition, 1);
    ck_assert_int_eq(read.wishes[0].replicas.ids[1], 2);
    ck_assert_str_eq(znode_encode_reassign(&arena, &read), kafka_reassign);
    ck_assert_str_eq(znode_encode_preferred(&arena, &read), kafka_preferred);
    ck_assert_int_eq(znode_decode_preferred(&arena, kafka_preferred, strlen(kafka_preferred), &read,
                                            NULL), 0);
    ck_assert_int_eq(read.wishes[0].partition, 1);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ck_assert_int_eq(znode_decode_reassign(&arena, wrong[i], strlen(wrong[i]), &read, NULL),
                         K_CORRUPT);
}
END_TEST

START_TEST(a_note_of_a_change_is_kafka_s_in_both_of_its_versions)
{
    static const char kafka_change[] = "{\"version\":2,\"entity_path\":\"topics/foo\"}";
    static const char old_change[] =
        "{\"version\":1,\"entity_type\":\"topics\",\"entity_name\":\"foo\"}";
    static const char *const broken[] = {
        "{\"version\":2}", "{\"version\":2,\"entity_path\":\"topics\"}",
        "{\"version\":2,\"entity_path\":\"/foo\"}",
        "{\"version\":2,\"entity_path\":\"topics/\"}",
        "{\"version\":1,\"entity_type\":\"topics\"}",
        "{\"version\":1,\"entity_type\":\"topics\",\"entity_name\":\"\"}", "foo", ""};
    const struct znode_config_change change = { "topics", "foo" };
    struct znode_config_change read;

    ck_assert_str_eq(znode_encode_config_change(&arena, &change), kafka_change);
    ck_assert_int_eq(
        znode_decode_config_change(&arena, kafka_change, strlen(kafka_change), &read, NULL), 0);
    ck_assert_str_eq(read.type, "topics");
    ck_assert_str_eq(read.entity, "foo");
    ck_assert_int_eq(
        znode_decode_config_change(&arena, old_change, strlen(old_change), &read, NULL), 0);
    ck_assert_str_eq(read.entity, "foo");
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
        ck_assert_int_eq(
            znode_decode_config_change(&arena, broken[i], strlen(broken[i]), &read, NULL),
            K_CORRUPT);
}
END_TEST

START_TEST(optional_fields_are_left_out_as_kafka_does)
{
    const struct znode_endpoint secure[] = { { "INSIDE", "SSL", "fe80::1", 9093 } };
    const struct znode_broker broker = { secure, 1, NULL, 5, .features = { { { 0, 0 } } } };
    const struct znode_topic topic = { .partition_count = 0 };
    const struct znode_partition_state state = { .leader = -1,
                                                 .unclean_epoch = -1,
                                                 .isr = { 2, two },
                                                 .recovering = true };

    ck_assert_str_eq(znode_encode_broker(&arena, &broker),
                     "{\"features\":{},\"listener_security_protocol_map\":{\"INSIDE\":\"SSL\"},"
                     "\"endpoints\":[\"INSIDE://[fe80::1]:9093\"],\"jmx_port\":-1,\"port\":-1,"
                     "\"host\":null,\"version\":5,\"timestamp\":\"5\"}");
    ck_assert_str_eq(
        znode_encode_topic(&arena, &topic),
        "{\"partitions\":{},\"adding_replicas\":{},\"removing_replicas\":{},\"version\":3}");
    ck_assert_str_eq(znode_encode_partition_state(&arena, &state),
                     "{\"controller_epoch\":0,\"leader\":-1,\"version\":1,\"leader_epoch\":0,"
                     "\"isr\":[2,1],\"leader_recovery_state\":1}");
}
END_TEST

START_TEST(what_kafka_does_not_know_of_a_state_is_there_only_when_it_is_unusual)
{
    static const char text[] = "{\"controller_epoch\":2,\"leader\":1,\"version\":1,"
                               "\"leader_epoch\":7,\"isr\":[1],\"eligible\":[2],"
                               "\"min_insync\":2,\"unclean_epoch\":6,\"flush_on_ack\":true}";
    struct znode_partition_state state;

    ck_assert_int_eq(
        znode_decode_partition_state(&arena, kafka_state, strlen(kafka_state), &state, NULL), 0);
    ck_assert_int_eq(state.eligible.count, 0);
    ck_assert_int_eq(state.min_insync, 1);
    ck_assert_int_eq(state.unclean_epoch, -1);
    ck_assert(!state.flush_on_ack);

    ck_assert_int_eq(znode_decode_partition_state(&arena, text, strlen(text), &state, NULL), 0);
    ck_assert_int_eq(state.eligible.count, 1);
    ck_assert_int_eq(state.eligible.ids[0], 2);
    ck_assert_int_eq(state.min_insync, 2);
    ck_assert_int_eq(state.unclean_epoch, 6);
    ck_assert(state.flush_on_ack);
    ck_assert_str_eq(znode_encode_partition_state(&arena, &state), text);
}
END_TEST

START_TEST(paths_are_those_of_the_catalogue)
{
    ck_assert_str_eq(znode_path(&arena, ZNODE_BROKER, 7), "/brokers/ids/7");
    ck_assert_str_eq(znode_path(&arena, ZNODE_PARTITION_STATE, "orders", 3),
                     "/brokers/topics/orders/partitions/3/state");
    ck_assert_str_eq(znode_path(&arena, ZNODE_CONTROLLER), "/controller");
}
END_TEST

/* Parents stand before their children: bootstrap relies on it. */
START_TEST(the_catalogue_names_parents_first)
{
    for (int node = 0; node < ZNODE_COUNT; node++) {
        const struct znode_row *row = znode_row((enum znode)node);
        size_t parent_size = (size_t)(strrchr(row->pattern, '/') - row->pattern);
        bool found = parent_size == 0;

        if (!row->made_at_start)
            continue;
        for (int other = 0; other < node && !found; other++) {
            const struct znode_row *parent = znode_row((enum znode)other);

            found = parent->made_at_start && strlen(parent->pattern) == parent_size &&
                    memcmp(parent->pattern, row->pattern, parent_size) == 0;
        }
        ck_assert_msg(found, "%s stands before its parent", row->pattern);
    }
}
END_TEST

/* --- decoding -------------------------------------------------------------------------------- */

START_TEST(nodes_of_kafka_are_understood)
{
    struct znode_broker broker;
    struct znode_topic topic;
    struct znode_partition_state state;
    struct znode_controller controller;
    struct znode_config config;
    char *id, text[UUID_TEXT_SIZE];

    ck_assert_int_eq(znode_decode_broker(&arena, kafka_broker, strlen(kafka_broker), &broker, NULL),
                     0);
    ck_assert_int_eq(znode_decode_topic(&arena, kafka_topic, strlen(kafka_topic), &topic, NULL), 0);
    ck_assert_int_eq(
        znode_decode_partition_state(&arena, kafka_state, strlen(kafka_state), &state, NULL), 0);
    ck_assert_int_eq(znode_decode_controller(&arena, kafka_controller, strlen(kafka_controller),
                                             &controller, NULL),
                     0);
    ck_assert_int_eq(znode_decode_config(&arena, kafka_config, strlen(kafka_config), &config, NULL),
                     0);
    ck_assert_int_eq(
        znode_decode_cluster_id(&arena, kafka_cluster_id, strlen(kafka_cluster_id), &id, NULL), 0);

    ck_assert_uint_eq(broker.endpoint_count, 1);
    ck_assert_str_eq(broker.endpoints[0].listener, "PLAINTEXT");
    ck_assert_str_eq(broker.endpoints[0].protocol, "PLAINTEXT");
    ck_assert_str_eq(broker.endpoints[0].host, "127.0.0.1");
    ck_assert_uint_eq(broker.endpoints[0].port, 24092);
    ck_assert_str_eq(broker.rack, "r-a");
    ck_assert_int_eq(broker.timestamp_ms, 1795441149900);
    uuid_format(&topic.id, text);
    ck_assert_str_eq(text, "NpXm8VOnSs6jZjZQdklTIw");
    ck_assert_uint_eq(topic.partition_count, 2);
    ck_assert_int_eq(topic.partitions[1].ids[0], 1);
    ck_assert_ptr_null(topic.adding);
    ck_assert_int_eq(znode_decode_topic(&arena, kafka_moving_topic, strlen(kafka_moving_topic),
                                        &topic, NULL), 0);
    ck_assert_int_eq(topic.adding[0].count, 0);
    ck_assert_int_eq(topic.adding[1].ids[0], 1);
    ck_assert_ptr_null(topic.removing);
    ck_assert_int_eq(state.leader, 1);
    ck_assert_int_eq(state.isr.count, 1);
    ck_assert(!state.recovering);
    ck_assert_int_eq(controller.broker, 1);
    ck_assert_str_eq(config.names[1], "retention.ms");
    ck_assert_str_eq(config.values[1], "1000");
    ck_assert_str_eq(id, "1UKIahu2SXGw_Vl_ReCU5w");
}
END_TEST

START_TEST(brokers_of_older_kafkas_are_understood)
{
    static const char v1[] =
        "{\"version\":1,\"host\":\"h\",\"port\":9092,\"jmx_port\":-1,\"timestamp\":\"1\"}";
    static const char v2[] = "{\"version\":2,\"host\":\"h\",\"port\":9092,\"timestamp\":5,"
                             "\"endpoints\":[\"SSL://[::1]:1\"]}";
    struct znode_broker first, second;

    ck_assert_int_eq(znode_decode_broker(&arena, v1, strlen(v1), &first, NULL), 0);
    ck_assert_int_eq(znode_decode_broker(&arena, v2, strlen(v2), &second, NULL), 0);

    ck_assert_str_eq(first.endpoints[0].host, "h");
    ck_assert_uint_eq(first.endpoints[0].port, 9092);
    ck_assert_ptr_null(first.rack);
    ck_assert_str_eq(second.endpoints[0].protocol, "SSL");
    ck_assert_str_eq(second.endpoints[0].host, "::1");
    ck_assert_int_eq(second.timestamp_ms, 5);
}
END_TEST

START_TEST(our_own_record_survives_the_way_there_and_back)
{
    struct uuid directories[] = { uuid_random(), uuid_random() };
    struct znode_kairn_broker before = { uuid_random(), true, directories, 2, 4, NULL, 0 };
    struct znode_kairn_broker after;
    char *text = znode_encode_kairn_broker(&arena, &before);

    ck_assert_int_eq(znode_decode_kairn_broker(&arena, text, strlen(text), &after, NULL), 0);

    ck_assert(uuid_equal(&before.incarnation, &after.incarnation));
    ck_assert(after.lossy);
    ck_assert_uint_eq(after.directory_count, 2);
    ck_assert(uuid_equal(&directories[1], &after.directories[1]));
    ck_assert_int_eq(after.loops, 4);
    ck_assert_uint_eq(after.missing_count, 0);
    ck_assert_ptr_null(strstr(text, "missing"));

    before.missing = &directories[1];
    before.missing_count = 1;
    text = znode_encode_kairn_broker(&arena, &before);
    ck_assert_int_eq(znode_decode_kairn_broker(&arena, text, strlen(text), &after, NULL), 0);
    ck_assert_uint_eq(after.missing_count, 1);
    ck_assert(uuid_equal(&directories[1], &after.missing[0]));
}
END_TEST

START_TEST(epochs_are_strict_decimals)
{
    static const char *const wrong[] = { "",   "-1",  "+1",         " 1",  "1 ",
                                         "01", "0x1", "2147483648", "1.0", "99999999999999999999" };
    int32_t epoch;

    ck_assert_int_eq(znode_decode_epoch("2147483647", 10, &epoch, NULL), 0);
    ck_assert_int_eq(epoch, INT32_MAX);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ck_assert_int_eq(znode_decode_epoch(wrong[i], strlen(wrong[i]), &epoch, NULL), K_CORRUPT);
}
END_TEST

/* --- hostile input --------------------------------------------------------------------------- */

/* All decoders of JSON take the same arguments but for the type of the result. */
static int decode(int which, const char *data, size_t size, struct k_reason *reason)
{
    union {
        struct znode_broker broker;
        struct znode_kairn_broker kairn;
        struct znode_topic topic;
        struct znode_partition_state state;
        struct znode_config config;
        struct znode_controller controller;
        struct znode_producer_ids ids;
        char *id;
    } out;

    switch (which) {
    case 0:
        return znode_decode_broker(&arena, data, size, &out.broker, reason);
    case 1:
        return znode_decode_kairn_broker(&arena, data, size, &out.kairn, reason);
    case 2:
        return znode_decode_topic(&arena, data, size, &out.topic, reason);
    case 3:
        return znode_decode_partition_state(&arena, data, size, &out.state, reason);
    case 4:
        return znode_decode_config(&arena, data, size, &out.config, reason);
    case 5:
        return znode_decode_controller(&arena, data, size, &out.controller, reason);
    case 6:
        return znode_decode_producer_ids(&arena, data, size, &out.ids, reason);
    default:
        return znode_decode_cluster_id(&arena, data, size, &out.id, reason);
    }
}

enum { DECODERS = 8 };

static void expect_corrupt(int which, const char *data, size_t size)
{
    struct k_reason reason = { "" };
    int code = decode(which, data, size, &reason);

    ck_assert_msg(code == K_CORRUPT, "decoder %d took %.60s", which, data);
    ck_assert_int_ne(reason.text[0], '\0');
}

START_TEST(garbage_is_corrupt_for_every_decoder)
{
    static const char *const garbage[] = { "",
                                           "{",
                                           "[]",
                                           "null",
                                           "1",
                                           "\"x\"",
                                           "{}",
                                           "{\"version\":1e400}",
                                           "{\"version\":99999999999999999999}",
                                           "{\"version\":-1}",
                                           "{\"version\":1,\"version\":2}",
                                           "{\"a\":\"\\u0000\"}",
                                           "{}{}",
                                           "{\"version\":1,\"id\":5}",
                                           "\xff\xfe",
                                           "{\"version\":{}}" };

    for (int which = 0; which < DECODERS; which++)
        for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++)
            expect_corrupt(which, garbage[i], strlen(garbage[i]));
}
END_TEST

START_TEST(huge_and_deep_nodes_are_corrupt_for_every_decoder)
{
    enum { SIZE = 1100 * 1000 };
    char *data = malloc(SIZE);

    for (int which = 0; which < DECODERS; which++) {
        memset(data, '[', SIZE);
        expect_corrupt(which, data, SIZE);
        expect_corrupt(which, data, 100 * 1000);
        for (int i = 0; i < 1000 * 1000; i += 5)
            memcpy(data + i, "{\"a\":", 5);
        expect_corrupt(which, data, 1000 * 1000);
        memset(data, ' ', SIZE);
        expect_corrupt(which, data, 1000 * 1000);
    }
    free(data);
}
END_TEST

START_TEST(fields_of_the_wrong_kind_are_named)
{
    static const struct {
        int which;
        const char *text, *field;
    } wrong[] = {
        { 0, "{\"version\":5,\"timestamp\":\"1\",\"endpoints\":[]}", "endpoints" },
        { 0, "{\"version\":5,\"timestamp\":\"1\",\"endpoints\":[\"P://h:70000\"]}", "endpoints" },
        { 0, "{\"version\":5,\"timestamp\":\"1\",\"endpoints\":[\"P://:1\"]}", "endpoints" },
        { 0, "{\"version\":5,\"timestamp\":\"1\",\"endpoints\":[\"P://h\"]}", "endpoints" },
        { 0, "{\"version\":5,\"timestamp\":\"1\",\"endpoints\":[\"://h:1\"]}", "endpoints" },
        { 0, "{\"version\":5,\"timestamp\":\"1\",\"endpoints\":[\"P://a:b:1\"]}", "endpoints" },
        { 0, "{\"version\":5,\"timestamp\":\"1\",\"endpoints\":[5]}", "endpoints" },
        { 0, "{\"version\":5,\"timestamp\":\"x\",\"endpoints\":[\"P://h:1\"]}", "timestamp" },
        { 0, "{\"version\":5,\"timestamp\":\"1\",\"endpoints\":[\"P://h:1\"],\"rack\":5}", "rack" },
        { 0, "{\"version\":1,\"timestamp\":\"1\",\"host\":null,\"port\":1}", "host" },
        { 1, "{\"version\":1,\"incarnation\":\"short\"}", "incarnation" },
        { 1, "{\"version\":1,\"incarnation\":\"NpXm8VOnSs6jZjZQdklTIw\",\"lossy\":1}", "lossy" },
        { 2, "{\"version\":3,\"topic_id\":\"x\",\"partitions\":{}}", "topic_id" },
        { 2, "{\"version\":3,\"partitions\":{\"0\":[-1]}}", "partitions" },
        { 2, "{\"version\":3,\"partitions\":{\"0\":[]}}", "partitions" },
        { 2, "{\"version\":3,\"partitions\":{\"1\":[1]}}", "partitions" },
        { 2, "{\"version\":3,\"partitions\":{\"00\":[1]}}", "partitions" },
        { 2, "{\"version\":3,\"partitions\":{\"0\":[1,1]}}", "partitions" },
        { 2, "{\"version\":3,\"partitions\":{\"0\":[4294967296]}}", "partitions" },
        { 2, "{\"version\":3,\"partitions\":[[1]]}", "partitions" },
        { 2, "{\"version\":3,\"partitions\":{\"0\":[1]},\"adding_replicas\":[2]}",
          "adding_replicas" },
        { 2, "{\"version\":3,\"partitions\":{\"0\":[1]},\"removing_replicas\":{\"1\":[1]}}",
          "removing_replicas" },
        { 3, "{\"version\":1,\"controller_epoch\":-1}", "controller_epoch" },
        { 3, "{\"version\":1,\"controller_epoch\":1,\"leader\":-2}", "leader" },
        { 3, "{\"version\":1,\"controller_epoch\":1,\"leader\":1,\"leader_epoch\":1,\"isr\":\"1\"}",
          "isr" },
        { 3,
          "{\"version\":1,\"controller_epoch\":1,\"leader\":1,\"leader_epoch\":1,\"isr\":[],"
          "\"leader_recovery_state\":2}",
          "leader_recovery_state" },
        { 4, "{\"version\":1,\"config\":{\"a\":1}}", "config" },
        { 4, "{\"version\":1,\"config\":[]}", "config" },
        { 5, "{\"version\":2,\"brokerid\":-1,\"timestamp\":\"1\"}", "brokerid" },
        { 6, "{\"version\":1,\"broker\":1,\"block_start\":0,\"block_end\":\"9\"}",
          "block_start" },
        { 6, "{\"version\":1,\"broker\":1,\"block_start\":\"0\",\"block_end\":\"-1\"}",
          "block_end" },
        { 6, "{\"version\":1,\"broker\":1,\"block_start\":\"9\",\"block_end\":\"8\"}",
          "block_end" },
        { 6, "{\"version\":1,\"block_start\":\"0\",\"block_end\":\"9\"}", "broker" },
        { 7, "{\"version\":\"1\",\"id\":\"\"}", "id" },
    };

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct k_reason reason = { "" };
        int code = decode(wrong[i].which, wrong[i].text, strlen(wrong[i].text), &reason);

        ck_assert_msg(code == K_CORRUPT, "taken: %s", wrong[i].text);
        ck_assert_msg(strncmp(reason.text, wrong[i].field, strlen(wrong[i].field)) == 0,
                      "%s: the reason is %s", wrong[i].text, reason.text);
    }
}
END_TEST

START_TEST(unknown_fields_are_ignored)
{
    static const char text[] =
        "{\"version\":9,\"brokerid\":1,\"timestamp\":\"1\",\"new\":{\"deep\":[1,{}]}}";
    struct znode_controller controller;

    ck_assert_int_eq(znode_decode_controller(&arena, text, strlen(text), &controller, NULL), 0);
    ck_assert_int_eq(controller.broker, 1);
}
END_TEST

START_TEST(a_small_arena_gives_nomem_and_no_crash)
{
    for (size_t limit = 0; limit < 200; limit += 8) {
        struct arena small;
        struct znode_broker broker;

        arena_init(&small, NULL, 0, limit);
        int code = znode_decode_broker(&small, kafka_broker, strlen(kafka_broker), &broker, NULL);
        ck_assert(code == 0 || code == K_NOMEM);
        ck_assert(limit > 0 || code == K_NOMEM);
        arena_fini(&small);
    }
}
END_TEST

/* --- documentation --------------------------------------------------------------------------- */

/* The table of docs/znodes.md. */
static void print_table(FILE *out)
{
    fprintf(out, "| path | made at start | data | what it is |\n|---|---|---|---|\n");
    for (int node = 0; node < ZNODE_COUNT; node++) {
        const struct znode_row *row = znode_row((enum znode)node);

        fprintf(out, "| `");
        for (const char *at = row->pattern; *at != '\0'; at++) {
            bool id = at[0] == '%' && at[1] == 'd', name = at[0] == '%' && at[1] == 's';

            if (id || name) {
                fputs(id ? "N" : "NAME", out);
                at++;
            } else {
                fputc(*at, out);
            }
        }
        fprintf(out, "` | %s | %s | %s |\n", row->made_at_start ? "yes" : "", row->data, row->text);
    }
}

START_TEST(the_documentation_holds_the_catalogue)
{
    static char document[64 * 1024];
    char *table = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&table, &size);
    FILE *file = fopen(TOP_SRCDIR "/docs/znodes.md", "r");
    ck_assert_ptr_nonnull(file);

    print_table(out);
    fclose(out);
    document[fread(document, 1, sizeof document - 1, file)] = '\0';
    fclose(file);

    ck_assert_msg(strstr(document, table) != NULL,
                  "docs/znodes.md is not up to date: put what `test_znode --table` prints into it");
    free(table);
}
END_TEST

static Suite *znode_suite(void)
{
    Suite *suite = suite_create("znode");
    TCase *tests = tcase_create("znode");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, nodes_are_written_as_kafka_writes_them);
    tcase_add_test(tests, optional_fields_are_left_out_as_kafka_does);
    tcase_add_test(tests,
                   what_kafka_does_not_know_of_a_state_is_there_only_when_it_is_unusual);
    tcase_add_test(tests, a_note_of_a_change_is_kafka_s_in_both_of_its_versions);
    tcase_add_test(tests, wishes_for_replicas_are_kafka_s);
    tcase_add_test(tests, paths_are_those_of_the_catalogue);
    tcase_add_test(tests, the_catalogue_names_parents_first);
    tcase_add_test(tests, nodes_of_kafka_are_understood);
    tcase_add_test(tests, brokers_of_older_kafkas_are_understood);
    tcase_add_test(tests, our_own_record_survives_the_way_there_and_back);
    tcase_add_test(tests, epochs_are_strict_decimals);
    tcase_add_test(tests, garbage_is_corrupt_for_every_decoder);
    tcase_add_test(tests, huge_and_deep_nodes_are_corrupt_for_every_decoder);
    tcase_add_test(tests, fields_of_the_wrong_kind_are_named);
    tcase_add_test(tests, unknown_fields_are_ignored);
    tcase_add_test(tests, a_small_arena_gives_nomem_and_no_crash);
    tcase_add_test(tests, the_documentation_holds_the_catalogue);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(int argc, char **argv)
{
    static const suite_maker makers[] = { znode_suite, znode_feature_suite, zk_connect_suite };

    if (argc == 2 && strcmp(argv[1], "--table") == 0) {
        print_table(stdout);
        return EXIT_SUCCESS;
    }
    return run_suites(argc, argv, makers, sizeof makers / sizeof *makers);
}
