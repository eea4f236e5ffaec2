#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/config.h"
#include "client/strategy.h"
#include "common/error.h"
#include "common/quantity.h"
#include "tests/client/helpers.h"

START_TEST(codes_are_those_of_the_error_table)
{
    static const struct { int ours, theirs; const char *name; } codes[] = {
#define X(name, code, flags, text) { KLIENT_##name, K_##name, #name },
        K_ERROR_TABLE(X)
#undef X
    };

    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        ck_assert_int_eq(codes[i].ours, codes[i].theirs);
        ck_assert_str_eq(klient_code_name(codes[i].ours), codes[i].name);
    }
}
END_TEST

START_TEST(every_default_is_accepted_by_its_own_row)
{
    klient_config_t *config = klient_config_new();
    char text[256];

    for (size_t i = 0; i < config_table.count; i++) {
        const struct option *row = &config_table.rows[i];
        if ((row->flags & (OPTION_NOT_YET | OPTION_NO_EFFECT)) != 0 || row->fallback == NULL)
            continue;
        ck_assert_int_eq(klient_config_get(config, row->name, text, sizeof text, NULL), KLIENT_OK);
        ck_assert_msg(klient_config_set(config, row->name, text, NULL) == KLIENT_OK, "%s=%s",
                      row->name, text);
    }

    klient_config_free(config);
}
END_TEST

START_TEST(names_and_aliases_of_a_row_are_unique)
{
    for (size_t i = 0; i < config_table.count; i++)
        for (size_t j = 0; j < i; j++) {
            const struct option *a = &config_table.rows[i], *b = &config_table.rows[j];
            ck_assert_str_ne(a->name, b->name);
            ck_assert(a->alias == NULL || b->alias == NULL || strcmp(a->alias, b->alias) != 0);
            ck_assert(a->alias == NULL || strcmp(a->alias, b->name) != 0);
        }
}
END_TEST

START_TEST(a_property_of_another_kind_of_handle_is_refused)
{
    klient_config_t *config = klient_config_new();
    klient_error_t *error = NULL;

    klient_config_set(config, "bootstrap.servers", "127.0.0.1:1", NULL);
    klient_config_set(config, "queue.buffering.max.ms", "1", NULL);
    ck_assert_ptr_null(klient_consumer_new(config, &error));
    ck_assert_int_eq(klient_error_code(error), KLIENT_INVALID_CONFIG);
    ck_assert_ptr_nonnull(strstr(klient_error_text(error), "linger.ms"));
    klient_error_free(error);
    ck_assert_ptr_null(klient_admin_new(config, &error));
    klient_error_free(error);
    klient_config_set(config, "auto.offset.reset", "earliest", NULL);
    ck_assert_ptr_null(klient_producer_new(config, &error));
    ck_assert_ptr_nonnull(strstr(klient_error_text(error), "auto.offset.reset"));
    klient_error_free(error);

    /* On a shared handle each takes what is its own. */
    klient_t *klient = klient_new(config, NULL);
    klient_consumer_t *consumer = klient_consumer_open(klient, NULL, NULL);
    klient_producer_t *producer = klient_producer_open(klient, NULL, NULL);
    ck_assert_ptr_nonnull(consumer);
    ck_assert_ptr_nonnull(producer);
    ck_assert_ptr_null(klient_consumer_open(klient, config, NULL));

    klient_consumer_close(consumer, 0, NULL);
    klient_producer_close(producer, 0, NULL);
    klient_free(klient);
    klient_config_free(config);
}
END_TEST

START_TEST(a_file_may_serve_several_kinds_of_handles)
{
    klient_config_t *config = klient_config_new();
    char path[] = "/tmp/klient-config-XXXXXX";
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_gt(dprintf(fd, "bootstrap.servers=127.0.0.1:1\nlinger.ms=7\n"), 0);
    close(fd);
    ck_assert_int_eq(klient_config_load(config, path, NULL), KLIENT_OK);
    klient_consumer_t *consumer = klient_consumer_new(config, NULL);
    ck_assert_ptr_nonnull(consumer);

    klient_consumer_close(consumer, 0, NULL);
    klient_config_free(config);
    unlink(path);
}
END_TEST

static void remember_line(void *context, klient_log_level_t level, const char *line)
{
    char *kept = context;

    ck_assert_int_eq(level, KLIENT_LOG_WARN);
    snprintf(kept, 256, "%s", line);
}

START_TEST(what_belongs_to_no_call_goes_to_the_log_function)
{
    klient_config_t *config = klient_config_new();
    char path[] = "/tmp/klient-config-XXXXXX", line[256] = "";
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_gt(dprintf(fd, "bootstrap.servers=127.0.0.1:1\nlinger.ms=7\n"), 0);
    close(fd);
    ck_assert_int_eq(klient_config_load(config, path, NULL), KLIENT_OK);
    klient_config_set_log(config, remember_line, line);
    klient_consumer_t *consumer = klient_consumer_new(config, NULL);

    ck_assert_ptr_nonnull(consumer);
    ck_assert_ptr_nonnull(strstr(line, "event=property-ignored name=linger.ms"));

    klient_consumer_close(consumer, 0, NULL);
    klient_config_free(config);
    unlink(path);
}
END_TEST

START_TEST(an_unknown_name_is_refused_with_the_nearest_known_one)
{
    klient_config_t *config = klient_config_new();
    klient_error_t *error = NULL;

    ck_assert_int_eq(klient_config_set(config, "linger.mss", "5", &error), KLIENT_UNKNOWN_NAME);

    ck_assert_ptr_nonnull(strstr(klient_error_text(error), "linger.ms"));
    klient_error_free(error);
    klient_config_free(config);
}
END_TEST

START_TEST(what_kafka_knows_and_we_do_not_serve_says_so)
{
    static const char *const names[][2] = { { "transactional.id", "t" },
                                            { "security.protocol", "SSL" },
                                            { "sasl.mechanism", "PLAIN" } };
    klient_config_t *config = klient_config_new();

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        ck_assert_int_eq(klient_config_set(config, names[i][0], names[i][1], NULL),
                         KLIENT_NOT_SUPPORTED_YET);
    ck_assert_int_eq(klient_config_set(config, "security.protocol", "PLAINTEXT", NULL), KLIENT_OK);

    klient_config_free(config);
}
END_TEST

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void expect_served(klient_config_t *config, const char *name, const char *value)
{
    klient_error_t *error = NULL;

    ck_assert_msg(klient_config_set(config, name, value, &error) == KLIENT_OK, "%s: %s", name,
                  klient_error_text(error));
}

/* Kafka's consumer properties (Java 3.9), and those of librdkafka that mean something here: none of
 * them is a word that nobody knows. */
START_TEST(every_property_of_a_kafka_consumer_is_known)
{
    static const char *const served[][2] = {
        { "bootstrap.servers", "127.0.0.1:9092" }, { "client.dns.lookup", "use_all_dns_ips" },
        { "group.id", "g" }, { "group.instance.id", "i" }, { "group.protocol", "classic" },
        { "session.timeout.ms", "45000" }, { "heartbeat.interval.ms", "3000" },
        { "partition.assignment.strategy", "range,cooperative-sticky" },
        { "metadata.max.age.ms", "300000" }, { "enable.auto.commit", "true" },
        { "auto.commit.interval.ms", "5000" }, { "client.id", "c" }, { "client.rack", "r" },
        { "max.partition.fetch.bytes", "1048576" }, { "send.buffer.bytes", "131072" },
        { "receive.buffer.bytes", "65536" }, { "fetch.min.bytes", "1" },
        { "fetch.max.bytes", "52428800" }, { "fetch.max.wait.ms", "500" },
        { "reconnect.backoff.ms", "50" }, { "reconnect.backoff.max.ms", "1000" },
        { "retry.backoff.ms", "100" }, { "retry.backoff.max.ms", "1000" },
        { "auto.offset.reset", "latest" }, { "check.crcs", "true" },
        { "key.deserializer", "org.apache.kafka.common.serialization.StringDeserializer" },
        { "value.deserializer", "org.apache.kafka.common.serialization.LongDeserializer" },
        { "request.timeout.ms", "30000" }, { "default.api.timeout.ms", "60000" },
        { "socket.connection.setup.timeout.ms", "10000" }, { "connections.max.idle.ms", "540000" },
        { "interceptor.classes", "" }, { "max.poll.records", "500" },
        { "max.poll.interval.ms", "300000" }, { "exclude.internal.topics", "true" },
        { "isolation.level", "read_uncommitted" }, { "allow.auto.create.topics", "true" },
        { "security.protocol", "PLAINTEXT" },
        /* librdkafka's */
        { "enable.auto.offset.store", "true" }, { "enable.partition.eof", "false" },
        { "queued.min.messages", "100000" }, { "queued.max.messages.kbytes", "65536" },
        { "fetch.queue.backoff.ms", "1000" }, { "fetch.error.backoff.ms", "500" },
        { "fetch.wait.max.ms", "500" }, { "fetch.message.max.bytes", "1048576" },
        { "auto.commit.enable", "true" }, { "metadata.broker.list", "127.0.0.1:9092" },
    };
    static const char *const later[] = {
        "group.remote.assignor", "metric.reporters", "metrics.sample.window.ms",
        "metrics.num.samples", "metrics.recording.level", "auto.include.jmx.reporter",
        "enable.metrics.push", "security.providers", "socket.connection.setup.timeout.max.ms",
        "sasl.mechanism", "sasl.jaas.config", "ssl.truststore.location", "ssl.keystore.location",
    };
    klient_config_t *config = klient_config_new();
    klient_error_t *error = NULL;

    for (size_t i = 0; i < COUNT(served); i++)
        expect_served(config, served[i][0], served[i][1]);
    for (size_t i = 0; i < COUNT(later); i++)
        ck_assert_int_eq(klient_config_set(config, later[i], "x", NULL), KLIENT_NOT_SUPPORTED_YET);
    ck_assert_int_eq(klient_config_set(config, "group.protocol", "consumer", NULL),
                     KLIENT_NOT_SUPPORTED_YET);
    klient_consumer_t *consumer = klient_consumer_new(config, &error);
    ck_assert_msg(consumer != NULL, "%s", klient_error_text(error));

    klient_consumer_close(consumer, 0, NULL);
    klient_config_free(config);
}
END_TEST

/* The same of producers. */
START_TEST(every_property_of_a_kafka_producer_is_known)
{
    static const char *const served[][2] = {
        { "bootstrap.servers", "127.0.0.1:9092" }, { "client.dns.lookup", "use_all_dns_ips" },
        { "key.serializer", "org.apache.kafka.common.serialization.StringSerializer" },
        { "value.serializer", "org.apache.kafka.common.serialization.ByteArraySerializer" },
        { "acks", "all" }, { "enable.idempotence", "true" }, { "retries", "2147483647" },
        { "max.in.flight.requests.per.connection", "5" }, { "delivery.timeout.ms", "120000" },
        { "request.timeout.ms", "30000" }, { "linger.ms", "0" }, { "batch.size", "16384" },
        { "buffer.memory", "33554432" }, { "max.block.ms", "60000" },
        { "max.request.size", "1048576" }, { "compression.type", "none" },
        { "compression.gzip.level", "-1" }, { "compression.lz4.level", "9" },
        { "compression.zstd.level", "3" }, { "partitioner.ignore.keys", "false" },
        { "partitioner.adaptive.partitioning.enable", "true" },
        { "partitioner.availability.timeout.ms", "0" }, { "interceptor.classes", "" },
        { "client.id", "c" }, { "send.buffer.bytes", "131072" },
        { "receive.buffer.bytes", "32768" }, { "reconnect.backoff.ms", "50" },
        { "reconnect.backoff.max.ms", "1000" }, { "retry.backoff.ms", "100" },
        { "retry.backoff.max.ms", "1000" }, { "metadata.max.age.ms", "300000" },
        { "metadata.max.idle.ms", "300000" },
        { "metadata.recovery.strategy", "none" }, { "connections.max.idle.ms", "540000" },
        { "socket.connection.setup.timeout.ms", "10000" }, { "security.protocol", "PLAINTEXT" },
        /* librdkafka's */
        { "request.required.acks", "-1" }, { "message.send.max.retries", "5" },
        { "message.timeout.ms", "300000" }, { "message.max.bytes", "1000000" },
        { "max.in.flight", "5" }, { "queue.buffering.max.ms", "5" },
        { "queue.buffering.max.messages", "100000" }, { "queue.buffering.max.kbytes", "1048576" },
        { "queue.buffering.backpressure.threshold", "1" }, { "batch.num.messages", "10000" },
        { "sticky.partitioning.linger.ms", "10" }, { "message.copy.max.bytes", "65535" },
        { "compression.codec", "lz4" }, { "compression.level", "-1" },
        { "topic.metadata.refresh.interval.ms", "300000" },
        { "topic.metadata.refresh.sparse", "true" }, { "statistics.interval.ms", "0" },
    };
    static const char *const later[] = {
        "transactional.id", "transaction.timeout.ms", "partitioner.class",
        "socket.connection.setup.timeout.max.ms", "metric.reporters", "metrics.sample.window.ms",
        "metrics.num.samples", "metrics.recording.level", "auto.include.jmx.reporter",
        "enable.metrics.push", "security.providers", "sasl.mechanism", "ssl.keystore.location",
        "enable.gapless.guarantee", "queuing.strategy",
    };
    klient_config_t *config = klient_config_new();
    klient_error_t *error = NULL;

    for (size_t i = 0; i < COUNT(served); i++)
        expect_served(config, served[i][0], served[i][1]);
    for (size_t i = 0; i < COUNT(later); i++)
        ck_assert_int_eq(klient_config_set(config, later[i], "x", NULL), KLIENT_NOT_SUPPORTED_YET);
    klient_producer_t *producer = klient_producer_new(config, &error);
    ck_assert_msg(producer != NULL, "%s", klient_error_text(error));

    klient_producer_close(producer, 0, NULL);
    klient_config_free(config);
}
END_TEST

START_TEST(what_a_file_asks_for_and_we_do_not_serve_says_so_as_well)
{
    klient_config_t *config = klient_config_new();
    klient_error_t *error = NULL;
    char path[] = "/tmp/klient-config-XXXXXX";
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_gt(dprintf(fd, "# ours\nsecurity.protocol=SSL\n"), 0);
    close(fd);
    ck_assert_int_eq(klient_config_load(config, path, &error), KLIENT_NOT_SUPPORTED_YET);
    ck_assert_ptr_nonnull(strstr(klient_error_text(error), ":2:"));

    klient_error_free(error);
    klient_config_free(config);
    unlink(path);
}
END_TEST

START_TEST(librdkafkas_names_are_aliases)
{
    klient_config_t *config = klient_config_new();
    char text[64];

    ck_assert_int_eq(klient_config_set(config, "message.timeout.ms", "1234", NULL), KLIENT_OK);

    klient_config_get(config, "delivery.timeout.ms", text, sizeof text, NULL);
    ck_assert_str_eq(text, "1234");
    klient_config_free(config);
}
END_TEST

START_TEST(a_handle_needs_servers_in_host_port_form)
{
    static const char *const bad[] = { "", "localhost", "localhost:", "localhost:0",
                                       "localhost:99999", ":9092", "a:1,b", "a:1x" };
    klient_config_t *config = klient_config_new();
    klient_error_t *error = NULL;

    ck_assert_ptr_null(klient_new(config, &error));
    ck_assert_int_eq(klient_error_code(error), KLIENT_INVALID_CONFIG);
    klient_error_free(error);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        error = NULL;
        klient_config_set(config, "bootstrap.servers", bad[i], NULL);
        ck_assert_ptr_null(klient_new(config, &error));
        ck_assert_int_eq(klient_error_code(error), KLIENT_INVALID_CONFIG);
        klient_error_free(error);
    }

    klient_config_free(config);
}
END_TEST

START_TEST(a_server_list_is_read_address_by_address)
{
    const char *at = " a:1, [::1]:2,,b.c:65535 ";
    char host[64];
    uint16_t port;

    ck_assert_int_eq(config_next_server(&at, host, sizeof host, &port), 1);
    ck_assert_str_eq(host, "a");
    ck_assert_int_eq(port, 1);
    ck_assert_int_eq(config_next_server(&at, host, sizeof host, &port), 1);
    ck_assert_str_eq(host, "::1");
    ck_assert_int_eq(port, 2);
    ck_assert_int_eq(config_next_server(&at, host, sizeof host, &port), 1);
    ck_assert_str_eq(host, "b.c");
    ck_assert_int_eq(port, 65535);
    ck_assert_int_eq(config_next_server(&at, host, sizeof host, &port), 0);
}
END_TEST

START_TEST(settings_that_contradict_each_other_are_refused)
{
    klient_config_t *config = klient_config_new();

    klient_config_set(config, "bootstrap.servers", "127.0.0.1:1", NULL);
    klient_config_set(config, "linger.ms", "200", NULL);
    klient_config_set(config, "delivery.timeout.ms", "100", NULL);
    ck_assert_ptr_null(klient_new(config, NULL));

    klient_config_free(config);
}
END_TEST

START_TEST(a_strategy_names_assignors_that_there_are)
{
    const char *java = "org.apache.kafka.clients.consumer.CooperativeStickyAssignor";
    struct k_reason reason;
    struct strategy strategy;
    struct extensions none = { 0 };

    ck_assert_int_eq(strategy_read(&strategy, " range, cooperative-sticky ", &none, &reason), 0);
    ck_assert_uint_eq(strategy.count, 2);
    ck_assert(!strategy.cooperative);
    ck_assert_ptr_eq(strategy_find(&strategy, "range"), &assignor_range);
    ck_assert_ptr_null(strategy_find(&strategy, "sticky"));
    ck_assert_int_eq(strategy_read(&strategy, java, &none, &reason), 0);
    ck_assert(strategy.cooperative);
    ck_assert_int_eq(strategy_read(&strategy, "range,ranger", &none, &reason), K_INVALID_CONFIG);
    ck_assert_ptr_nonnull(strstr(reason.text, "\"ranger\""));
    ck_assert_int_eq(strategy_read(&strategy, "range,range", &none, &reason), K_INVALID_CONFIG);
    ck_assert_int_eq(strategy_read(&strategy, " , ", &none, &reason), K_INVALID_CONFIG);
}
END_TEST

START_TEST(printing_names_every_value_and_its_source)
{
    klient_config_t *config = klient_config_new();
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    klient_config_set(config, "linger.ms", "7", NULL);
    klient_config_print(config, out);
    fclose(out);

    ck_assert_ptr_nonnull(strstr(text, "linger.ms=7  # set\n"));
    ck_assert_ptr_nonnull(strstr(text, "acks=all  # default\n"));
    free(text);
    klient_config_free(config);
}
END_TEST

START_TEST(a_file_is_read_and_its_errors_name_the_line)
{
    char path[] = "/tmp/klient-config-XXXXXX";
    int fd = mkstemp(path);
    klient_config_t *config = klient_config_new();
    klient_error_t *error = NULL;
    static const char text[] = "# a comment\nacks=1\nno.such.name=1\n";

    ck_assert_int_eq(write(fd, text, sizeof text - 1), sizeof text - 1);
    close(fd);
    ck_assert_int_eq(klient_config_load(config, path, &error), KLIENT_UNKNOWN_NAME);

    ck_assert_ptr_nonnull(strstr(klient_error_text(error), "3"));
    unlink(path);
    klient_error_free(error);
    klient_config_free(config);
}
END_TEST

START_TEST(times_and_sizes_may_be_written_with_units)
{
    klient_config_t *config = klient_config_new();

    ck_assert_int_eq(klient_config_set(config, "linger.ms", "2s", NULL), KLIENT_OK);
    ck_assert_int_eq(klient_config_set(config, "batch.size", "64KiB", NULL), KLIENT_OK);
    ck_assert_int_eq(klient_config_set(config, "delivery.timeout.ms", "forever", NULL), KLIENT_OK);
    ck_assert_int_eq(config->values.linger_ms, 2000);
    ck_assert_int_eq(config->values.batch_bytes, 65536);
    ck_assert_int_eq(config->values.delivery_timeout_ms, INT64_C(9000000000000000));
    ck_assert_int_eq(klient_config_set(config, "linger.ms", "forever", NULL),
                     KLIENT_INVALID_CONFIG);
    klient_config_free(config);
}
END_TEST

START_TEST(the_name_of_each_time_and_size_tells_its_unit)
{
    static const char *const words[] = { "illiseconds", "Bytes", " bytes" };

    for (size_t i = 0; i < config_table.count; i++) {
        const struct option *row = &config_table.rows[i];
        if ((row->flags & (OPTION_NO_EFFECT | OPTION_NOT_YET)) != 0 ||
            (row->type != OPTION_INT && row->type != OPTION_LONG))
            continue;
        for (size_t w = 0; w < sizeof words / sizeof *words; w++)
            ck_assert_msg(strstr(row->text, words[w]) == NULL ||
                              quantity_unit_of(row->name) != QUANTITY_PLAIN,
                          "%s: %s", row->name, row->text);
    }
}
END_TEST

static void print_man(FILE *out)
{
    options_print_man(&config_table, out);
}

START_TEST(the_documentation_is_what_the_table_says)
{
    expect_in_page("client-configuration.md", klient_config_print_docs,
                   "tests/client/print_config_docs >docs/client-configuration.md");
    expect_in_page("man/klient.conf.5", print_man,
                   "tests/client/print_config_docs man >docs/man/klient.conf.5");
}
END_TEST

Suite *config_suite(void)
{
    Suite *suite = suite_create("client/config");
    TCase *tcase = tcase_create("config");

    tcase_add_test(tcase, codes_are_those_of_the_error_table);
    tcase_add_test(tcase, every_default_is_accepted_by_its_own_row);
    tcase_add_test(tcase, names_and_aliases_of_a_row_are_unique);
    tcase_add_test(tcase, a_property_of_another_kind_of_handle_is_refused);
    tcase_add_test(tcase, a_file_may_serve_several_kinds_of_handles);
    tcase_add_test(tcase, an_unknown_name_is_refused_with_the_nearest_known_one);
    tcase_add_test(tcase, what_kafka_knows_and_we_do_not_serve_says_so);
    tcase_add_test(tcase, every_property_of_a_kafka_consumer_is_known);
    tcase_add_test(tcase, every_property_of_a_kafka_producer_is_known);
    tcase_add_test(tcase, what_a_file_asks_for_and_we_do_not_serve_says_so_as_well);
    tcase_add_test(tcase, librdkafkas_names_are_aliases);
    tcase_add_test(tcase, a_handle_needs_servers_in_host_port_form);
    tcase_add_test(tcase, a_server_list_is_read_address_by_address);
    tcase_add_test(tcase, settings_that_contradict_each_other_are_refused);
    tcase_add_test(tcase, a_strategy_names_assignors_that_there_are);
    tcase_add_test(tcase, printing_names_every_value_and_its_source);
    tcase_add_test(tcase, what_belongs_to_no_call_goes_to_the_log_function);
    tcase_add_test(tcase, times_and_sizes_may_be_written_with_units);
    tcase_add_test(tcase, the_name_of_each_time_and_size_tells_its_unit);
    tcase_add_test(tcase, the_documentation_is_what_the_table_says);
    tcase_add_test(tcase, a_file_is_read_and_its_errors_name_the_line);
    suite_add_tcase(suite, tcase);
    return suite;
}
