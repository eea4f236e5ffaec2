/* What is set for one topic, in place of what holds for all. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/config.h"
#include "client/sender_private.h"
#include "client/task.h"
#include "proto/batch.h"
#include "tests/client/helpers.h"
#include "tests/lib/wait.h"

static struct fake *fake;

static void setup(void)
{
    fake = fake_new(1);
    fake_add_topic(fake, "own", 4);
    fake_add_topic(fake, "other", 4);
}

static void teardown(void)
{
    fake_free(fake);
}

/* --- the configuration ------------------------------------------------------------------------ */

static void expect_value(const klient_config_t *config, const char *topic, const char *name,
                         const char *value)
{
    char text[64];

    ck_assert_int_eq(klient_config_get_topic(config, topic, name, text, sizeof text, NULL),
                     KLIENT_OK);
    ck_assert_str_eq(text, value);
}

static void expect_refused(klient_config_t *config, const char *topic, const char *name,
                           const char *value, klient_code_t code, const char *words)
{
    klient_error_t *error = NULL;

    ck_assert_int_eq(klient_config_set_topic(config, topic, name, value, &error), code);
    ck_assert_msg(strstr(klient_error_text(error), words) != NULL, "%s",
                  klient_error_text(error));
    klient_error_free(error);
}

START_TEST(a_topic_has_its_own_value_and_the_others_that_of_all)
{
    klient_config_t *config = klient_config_new();
    char text[64];

    ck_assert_int_eq(klient_config_set_topic(config, "a.b-c_d", "queue.buffering.max.ms", "20",
                                             NULL), KLIENT_OK);
    klient_config_set(config, "linger.ms", "7", NULL);

    expect_value(config, "a.b-c_d", "linger.ms", "20");
    expect_value(config, "a.b-c_d", "acks", "all");
    expect_value(config, "a.b", "linger.ms", "7");
    klient_config_get(config, "linger.ms", text, sizeof text, NULL);
    ck_assert_str_eq(text, "7");
    ck_assert_int_eq(klient_config_get_topic(config, "a.b", "no.such", text, sizeof text, NULL),
                     KLIENT_UNKNOWN_NAME);
    klient_config_free(config);
}
END_TEST

START_TEST(a_name_with_slashes_means_a_topic)
{
    klient_config_t *config = klient_config_new();
    klient_error_t *error = NULL;
    char text[64];

    ck_assert_int_eq(klient_config_set(config, "topic/orders.v1/linger.ms", "20", NULL),
                     KLIENT_OK);
    ck_assert_int_eq(klient_config_set_pair(config, "topic/orders.v1/batch.size=512", NULL),
                     KLIENT_OK);

    expect_value(config, "orders.v1", "linger.ms", "20");
    expect_value(config, "orders.v1", "batch.size", "512");
    ck_assert_int_eq(klient_config_get(config, "topic/orders.v1/linger.ms", text, sizeof text,
                                       NULL), KLIENT_OK);
    ck_assert_str_eq(text, "20");
    ck_assert_int_eq(klient_config_set(config, "topic/orders", "1", &error), KLIENT_UNKNOWN_NAME);
    ck_assert_ptr_nonnull(strstr(klient_error_text(error), "topic/NAME/PROPERTY"));
    klient_error_free(error);
    ck_assert_int_eq(klient_config_set(config, "topic//linger.ms", "1", NULL),
                     KLIENT_INVALID_TOPIC_EXCEPTION);
    klient_config_free(config);
}
END_TEST

START_TEST(a_file_can_set_values_of_topics)
{
    klient_config_t *config = klient_config_new();
    char path[] = "/tmp/klient-config-XXXXXX";
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_gt(dprintf(fd, "topic/a/auto.offset.reset=earliest\n"
                                 "topic/b/compression.type = zstd\n"), 0);
    close(fd);

    ck_assert_int_eq(klient_config_load(config, path, NULL), KLIENT_OK);

    expect_value(config, "a", "auto.offset.reset", "earliest");
    expect_value(config, "b", "compression.type", "zstd");
    expect_value(config, "b", "auto.offset.reset", "latest");
    klient_config_free(config);
    unlink(path);
}
END_TEST

START_TEST(what_can_not_be_set_for_a_topic_says_what_can)
{
    klient_config_t *config = klient_config_new();
    klient_error_t *error = NULL;

    expect_refused(config, "t", "client.id", "x", KLIENT_INVALID_CONFIG, "only batch.size");
    ck_assert_int_eq(klient_config_set_topic(config, "t", "group.id", "g", &error),
                     KLIENT_INVALID_CONFIG);
    for (size_t i = 0; i < config_table.count; i++)
        ck_assert((config_table.rows[i].flags & OPTION_TOPIC_AT_START) == 0 ||
                  strstr(klient_error_text(error), config_table.rows[i].name) != NULL);
    klient_error_free(error);
    expect_refused(config, "t", "acks", "1", KLIENT_INVALID_CONFIG, "another producer");
    expect_refused(config, "t", "linger.mss", "1", KLIENT_UNKNOWN_NAME, "linger.ms");
    expect_refused(config, "t", "linger.ms", "-1", KLIENT_INVALID_CONFIG, "0 to 900000");
    expect_refused(config, "t", "transactional.id", "1", KLIENT_NOT_SUPPORTED_YET, "");
    expect_refused(config, "a/b", "linger.ms", "1", KLIENT_INVALID_TOPIC_EXCEPTION, "a/b");
    ck_assert_uint_eq(config->topic_count, 0);
    klient_config_free(config);
}
END_TEST

START_TEST(only_numbers_choices_and_switches_can_be_set_for_a_topic)
{
    for (size_t i = 0; i < config_table.count; i++) {
        enum option_type type = config_table.rows[i].type;
        ck_assert((config_table.rows[i].flags & OPTION_TOPIC_AT_START) == 0 ||
                  type == OPTION_BOOL || type == OPTION_INT || type == OPTION_LONG ||
                  type == OPTION_ENUM);
    }
}
END_TEST

START_TEST(printing_names_what_is_set_for_topics)
{
    klient_config_t *config = klient_config_new(), *copy;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    klient_config_set_topic(config, "a", "partitioner", "round-robin", NULL);
    klient_config_set_topic(config, "b", "linger.ms", "7", NULL);
    copy = klient_config_copy(config);
    klient_config_free(config);
    klient_config_print(copy, out);
    fclose(out);

    ck_assert_ptr_nonnull(strstr(text, "\ntopic/a/partitioner=round-robin  # set\n"));
    ck_assert_ptr_nonnull(strstr(text, "\ntopic/b/linger.ms=7  # set\n"));
    ck_assert_ptr_null(strstr(text, "topic/b/partitioner"));
    free(text);
    klient_config_free(copy);
}
END_TEST

START_TEST(values_of_a_topic_must_go_together_with_those_of_all)
{
    klient_config_t *config = config_for(fake, "linger.ms", "100", NULL);
    klient_error_t *error = NULL;

    klient_config_set_topic(config, "own", "delivery.timeout.ms", "50", NULL);
    ck_assert_ptr_null(klient_producer_new(config, &error));

    ck_assert_int_eq(klient_error_code(error), KLIENT_INVALID_CONFIG);
    ck_assert_ptr_nonnull(strstr(klient_error_text(error), "topic own: delivery.timeout.ms"));
    klient_error_free(error);
    klient_config_set_topic(config, "own", "delivery.timeout.ms", "5000", NULL);
    klient_config_set_topic(config, "own", "batch.size", "2000000", NULL);
    ck_assert_ptr_null(klient_producer_new(config, &error));
    ck_assert_ptr_nonnull(strstr(klient_error_text(error), "topic own: max.request.size"));
    klient_error_free(error);
    klient_config_free(config);
}
END_TEST

START_TEST(a_topics_property_of_another_kind_of_handle_is_refused)
{
    klient_config_t *config = config_for(fake, "topic/own/linger.ms", "1", NULL);
    klient_error_t *error = NULL;

    ck_assert_ptr_null(klient_consumer_new(config, &error));

    ck_assert_int_eq(klient_error_code(error), KLIENT_INVALID_CONFIG);
    ck_assert_ptr_nonnull(strstr(klient_error_text(error), "topic/own/linger.ms"));
    klient_error_free(error);
    klient_config_free(config);
}
END_TEST

START_TEST(an_extension_can_not_declare_the_property_of_a_topic)
{
    klient_config_t *config = klient_config_new();
    klient_property_t property = { .name = "topic/a/b" };
    klient_interceptor_t interceptor;

    klient_interceptor_init(&interceptor);
    interceptor.properties = &property;
    interceptor.property_count = 1;

    ck_assert_int_eq(klient_config_add_interceptor(config, "i", &interceptor, NULL),
                     KLIENT_INVALID_ARGUMENT);
    klient_config_free(config);
}
END_TEST

/* --- producers -------------------------------------------------------------------------------- */

/* Batches that the fake has of a partition, and the codec of the last. */
static int batches_of(const char *topic, int partition, int *codec)
{
    size_t size, batch;
    uint8_t *bytes = fake_read(fake, topic, partition, &size);
    int count = 0;

    for (size_t at = 0; at < size; at += batch, count++) {
        ck_assert_int_eq(batch_check(bytes + at, size - at, true, &batch), 0);
        *codec = (int)batch_codec(bytes + at);
    }
    free(bytes);
    return count;
}

START_TEST(a_topic_is_compressed_its_own_way)
{
    static const char repeats[] = "a value that repeats itself, a value that repeats itself, "
                                  "a value that repeats itself, a value that repeats itself, ";
    klient_producer_t *producer = producer_with(
        config_for(fake, "compression.type", "gzip", "topic/own/compression.type", "zstd", NULL));
    int codec;

    ck_assert_int_eq(send_text(producer, "own", 0, NULL, repeats), KLIENT_OK);
    ck_assert_int_eq(send_text(producer, "other", 0, NULL, repeats), KLIENT_OK);
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);

    ck_assert_int_eq(batches_of("own", 0, &codec), 1);
    ck_assert_int_eq(codec, 4);
    ck_assert_int_eq(batches_of("other", 0, &codec), 1);
    ck_assert_int_eq(codec, 1);
}
END_TEST

START_TEST(a_topic_has_batches_of_its_own_size)
{
    enum { COUNT = 200 };
    char value[201] = "";
    klient_producer_t *producer =
        producer_with(config_for(fake, "topic/own/batch.size", "256", NULL));
    int codec;

    memset(value, 'x', sizeof value - 1);
    /* What is in flight keeps the others together. */
    atomic_store(&fake_faults(fake)->delay_ms, 50);
    for (int i = 0; i < COUNT; i++) {
        ck_assert_int_eq(send_text(producer, "own", 0, NULL, value), KLIENT_OK);
        ck_assert_int_eq(send_text(producer, "other", 0, NULL, value), KLIENT_OK);
    }
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);

    ck_assert_int_eq(batches_of("own", 0, &codec), COUNT);
    ck_assert_int_lt(batches_of("other", 0, &codec), COUNT / 2);
}
END_TEST

struct outcome {
    int count;
    klient_code_t own, other;
};

static void note(void *context, const klient_report_t *report)
{
    struct outcome *outcome = context;

    outcome->count++;
    *(strcmp(report->topic, "own") == 0 ? &outcome->own : &outcome->other) = report->code;
}

START_TEST(a_topics_records_fail_after_its_own_time)
{
    struct outcome outcome = { .own = KLIENT_OK, .other = KLIENT_UNKNOWN_SERVER_ERROR };
    klient_config_t *config = config_for(fake, "topic/own/delivery.timeout.ms", "200",
                                         "request.timeout.ms", "100", NULL);
    klient_config_set_report(config, note, &outcome);
    klient_producer_t *producer = producer_with(config);

    klient_producer_partitions_for(producer, "own", PATIENCE_MS, NULL, NULL);
    atomic_store(&fake_faults(fake)->refuse_code, KLIENT_NOT_ENOUGH_REPLICAS);
    atomic_store(&fake_faults(fake)->refuse_count, 1000000);
    ck_assert_int_eq(send_text(producer, "own", 0, NULL, "1"), KLIENT_OK);
    ck_assert_int_eq(send_text(producer, "other", 0, NULL, "1"), KLIENT_OK);
    while (outcome.count == 0)
        ck_assert_int_eq(klient_producer_poll(producer, PATIENCE_MS, NULL, NULL), KLIENT_OK);

    ck_assert_int_eq(outcome.count, 1);
    ck_assert_int_eq(outcome.own, KLIENT_REQUEST_TIMED_OUT);
    atomic_store(&fake_faults(fake)->refuse_count, 0);
    klient_producer_close(producer, PATIENCE_MS, NULL);
    ck_assert_int_eq(outcome.other, KLIENT_OK);
}
END_TEST

/* On the loop: answers are believed to take so long that only linger.ms counts. */
static void slow_down(void *context)
{
    klient_producer_t *producer = context;

    LIST_EACH(&producer->sender->lanes, node)
        LIST_OWNER(node, struct lane, node)->answer_us = 4000000000;
}

START_TEST(a_topics_records_linger_for_its_own_time)
{
    klient_producer_t *producer = producer_with(
        config_for(fake, "linger.ms", "60000", "topic/own/linger.ms", "0", NULL));
    int codec;

    ck_assert_int_eq(send_text(producer, "own", 0, NULL, "0"), KLIENT_OK);
    ck_assert_int_eq(send_text(producer, "other", 0, NULL, "0"), KLIENT_OK);
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    task_call(producer->klient, slow_down, producer);
    atomic_store(&fake_faults(fake)->delay_ms, 50000);
    ck_assert_int_eq(send_text(producer, "own", 0, NULL, "1"), KLIENT_OK);
    WAIT_UNTIL(batches_of("own", 0, &codec) == 2);      /* it is in flight */
    ck_assert_int_eq(send_text(producer, "other", 0, NULL, "1"), KLIENT_OK);
    ck_assert_int_eq(send_text(producer, "own", 0, NULL, "2"), KLIENT_OK);

    WAIT_UNTIL(batches_of("own", 0, &codec) == 3);
    ck_assert_int_eq(batches_of("other", 0, &codec), 1);

    klient_producer_close(producer, 0, NULL);
}
END_TEST

/* To how many of its partitions eight records with one key have gone. */
static int spread(klient_producer_t *producer, const char *topic)
{
    int used = 0, codec;

    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(send_text(producer, topic, KLIENT_PARTITION_ANY, "key", "1"), KLIENT_OK);
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    for (int i = 0; i < 4; i++)
        used += batches_of(topic, i, &codec) > 0;
    return used;
}

START_TEST(a_topic_has_its_own_partitioner)
{
    klient_producer_t *producer =
        producer_with(config_for(fake, "topic/own/partitioner", "round-robin", NULL));

    ck_assert_int_eq(spread(producer, "own"), 4);
    ck_assert_int_eq(spread(producer, "other"), 1);

    klient_producer_close(producer, PATIENCE_MS, NULL);
}
END_TEST

static int32_t always_three(void *context, const klient_partitioning_t *record)
{
    (void)context;
    (void)record;
    return 3;
}

START_TEST(a_topic_with_its_own_partitioner_does_not_ask_the_applications)
{
    klient_config_t *config = config_for(fake, "topic/own/partitioner", "round-robin", NULL);
    klient_config_set_partitioner(config, always_three, NULL);
    klient_producer_t *producer = producer_with(config);
    int codec;

    ck_assert_int_eq(spread(producer, "own"), 4);
    ck_assert_int_eq(spread(producer, "other"), 1);
    ck_assert_int_gt(batches_of("other", 3, &codec), 0);

    klient_producer_close(producer, PATIENCE_MS, NULL);
}
END_TEST

/* --- consumers -------------------------------------------------------------------------------- */

START_TEST(a_topic_is_begun_where_its_own_policy_says)
{
    static const klient_topic_partition_t both[] = { { "other", 0 }, { "own", 0 } };
    klient_records_t *records = NULL;
    klient_record_t record;
    int64_t position;

    fill(fake, "own", 0, 3);
    fill(fake, "other", 0, 3);
    klient_consumer_t *consumer =
        consumer_with(config_for(fake, "topic/own/auto.offset.reset", "earliest", NULL));
    ck_assert_int_eq(klient_consumer_assign(consumer, both, 2, NULL), KLIENT_OK);

    ck_assert_int_eq(poll_something(consumer, &records, NULL), KLIENT_OK);
    klient_record_init(&record);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(klient_records_next(records, &record), 1);
        ck_assert_str_eq(record.topic, "own");
    }
    klient_records_free(records);
    ck_assert_int_eq(klient_consumer_position(consumer, "other", 0, PATIENCE_MS, &position, NULL),
                     KLIENT_OK);
    ck_assert_int_eq(position, 3);

    klient_consumer_close(consumer, PATIENCE_MS, NULL);
}
END_TEST

START_TEST(a_topic_is_fetched_in_its_own_portions)
{
    klient_consumer_t *consumer = consumer_with(
        config_for(fake, "auto.offset.reset", "earliest", "topic/own/max.partition.fetch.bytes",
                   "1", NULL));
    klient_records_t *records = NULL;

    for (int i = 0; i < 3; i++) {
        fill(fake, "own", 0, 1);
        fill(fake, "other", 0, 1);
    }
    assign_one(consumer, "own", 0);
    ck_assert_int_eq(poll_something(consumer, &records, NULL), KLIENT_OK);
    ck_assert_uint_eq(klient_records_count(records), 1);
    klient_records_free(records);
    assign_one(consumer, "other", 0);
    ck_assert_int_eq(poll_something(consumer, &records, NULL), KLIENT_OK);
    ck_assert_uint_eq(klient_records_count(records), 3);
    klient_records_free(records);

    klient_consumer_close(consumer, PATIENCE_MS, NULL);
}
END_TEST

Suite *topic_config_suite(void)
{
    Suite *suite = suite_create("client/topic_config");
    TCase *tcase = tcase_create("topic_config");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_topic_has_its_own_value_and_the_others_that_of_all);
    tcase_add_test(tcase, a_name_with_slashes_means_a_topic);
    tcase_add_test(tcase, a_file_can_set_values_of_topics);
    tcase_add_test(tcase, what_can_not_be_set_for_a_topic_says_what_can);
    tcase_add_test(tcase, only_numbers_choices_and_switches_can_be_set_for_a_topic);
    tcase_add_test(tcase, printing_names_what_is_set_for_topics);
    tcase_add_test(tcase, values_of_a_topic_must_go_together_with_those_of_all);
    tcase_add_test(tcase, a_topics_property_of_another_kind_of_handle_is_refused);
    tcase_add_test(tcase, an_extension_can_not_declare_the_property_of_a_topic);
    tcase_add_test(tcase, a_topic_is_compressed_its_own_way);
    tcase_add_test(tcase, a_topic_has_batches_of_its_own_size);
    tcase_add_test(tcase, a_topics_records_fail_after_its_own_time);
    tcase_add_test(tcase, a_topics_records_linger_for_its_own_time);
    tcase_add_test(tcase, a_topic_has_its_own_partitioner);
    tcase_add_test(tcase, a_topic_with_its_own_partitioner_does_not_ask_the_applications);
    tcase_add_test(tcase, a_topic_is_begun_where_its_own_policy_says);
    tcase_add_test(tcase, a_topic_is_fetched_in_its_own_portions);
    suite_add_tcase(suite, tcase);
    return suite;
}
